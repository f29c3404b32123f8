//! Pictures of the page: what is announced, what a plot for a browser holds, and that it is what the screen shows.

use super::shapes::opened_of;
use super::*;
use crate::analysis::Column;
use crate::export::html::{Page as Around, write_plot};
use crate::export::plot::{NO_CLASS, Numbers, Plot, Words as Said};
use crate::tui::frame::Picture;

fn note(keys: &str, name: &str) -> Note {
    let (mut app, _jobs) = ready();
    play(&mut app, keys);
    play(&mut app, &format!("e Ctrl-u {}", typed(name)));
    app.prompt().unwrap().note().clone()
}

fn map_of(app: &App) -> (Around, Plot) {
    let Ok(Drawing::Map(sheet)) = app.drawing(Picture::Html) else { panic!("no map") };
    sheet.page(&Task::new(1).unwrap()).unwrap()
}

fn group_of(app: &App) -> (Around, Plot) {
    let Ok(Drawing::Group(sheet)) = app.drawing(Picture::Html) else { panic!("no group") };
    sheet.page(&Task::new(1).unwrap()).unwrap()
}

fn f32s(numbers: &Numbers) -> &[f32] {
    let Numbers::F32(all) = numbers else { panic!("{numbers:?}") };
    all
}

fn u16s(numbers: &Numbers) -> &[u16] {
    let Numbers::U16(all) = numbers else { panic!("{numbers:?}") };
    all
}

#[test]
fn what_will_be_written_is_announced() {
    let good = |words: &str| Note::Good(words.to_string());
    assert_eq!(note("", "x.svg"), good("a picture of this page"));
    assert_eq!(note("", "x.PNG"), good("a picture of this page"));
    assert_eq!(note("", "x.txt"), good("this page as text"));
    assert_eq!(note("", "x.html"), good("an interactive map for a browser, 32 features"));
    assert_eq!(
        note(&format!("f {} Enter", typed("feature < 9")), "x.html"),
        good("an interactive map for a browser, 9 of 32 features")
    );
    assert_eq!(note("g c", "x.html"), good("a picture of this page for a browser"));
    assert!(matches!(note("", "x.jpg"), Note::Bad(why) if why.contains(".png .html")));
    let (mut app, _jobs) = bare();
    play(&mut app, &format!("e Ctrl-u {}", typed("x.html")));
    assert_eq!(app.prompt().unwrap().note(), &Note::Bad("there is no map to write yet".into()));
    let (mut app, _jobs) = opened_of(0..10);
    play(&mut app, &format!("e Ctrl-u {}", typed("x.html")));
    assert_eq!(app.prompt().unwrap().note(), &good("an interactive plot of this group for a browser, 20 tokens"));
    play(&mut app, &format!("Esc d e Ctrl-u {}", typed("x.html")));
    assert_eq!(app.prompt().unwrap().note(), &good("a picture of this page for a browser"), "of a chart");
}

#[test]
fn pictures_are_written_as_jobs_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    for (n, name, start) in [(1, "map.html", &b"<!doctype html>"[..]), (2, "map.png", b"\x89PNG\r\n")] {
        let path = folder.path().join(name);
        let (mut app, jobs) = ready();
        play(&mut app, &format!("e Ctrl-u {} Enter", typed(path.to_str().unwrap())));
        super::work::await_jobs(&mut app, &jobs, |app| app.files().len() == 1);
        assert!(std::fs::read(&path).unwrap().starts_with(start), "{name}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), n, "nothing else is left behind");
    }
}

#[test]
fn the_map_in_a_page_is_the_map_on_screen() {
    let (mut app, _jobs) = ready();
    play(&mut app, &format!("7 g i Space / {} Enter f {} Enter o", typed("weekday"), typed("not cluster = 1")));
    let (around, plot) = map_of(&app);
    let places: Vec<[f32; 2]> =
        f32s(&plot.axes[0].values).iter().zip(f32s(&plot.axes[1].values)).map(|(x, y)| [*x, *y]).collect();
    assert_eq!(places, (0..FEATURES).map(place).collect::<Vec<_>>());
    let [clusters] = &plot.classings[..] else { panic!("{:?}", plot.classings) };
    let classes: Vec<u16> = (0..FEATURES).map(|f| u16::try_from(cluster(f)).unwrap_or(NO_CLASS)).collect();
    assert_eq!(u16s(&clusters.of), classes);
    let marks: Vec<&str> = clusters.classes.iter().map(|class| class.mark.as_str()).collect();
    assert_eq!(marks, ["A", "B", "C"]);
    assert!(clusters.classes[1].name.contains("red"), "{:?}", clusters.classes);
    // Coloured by the first measure, as the key has it.
    assert_eq!((plot.colour, plot.measures[0].name.as_str(), plot.measures[0].share), (1, "density", true));
    let (table, task) = (app.table(), Task::new(1).unwrap());
    for measure in &plot.measures {
        let column = Column::parse(&measure.name).unwrap();
        let wide: Vec<f64> = match &measure.values {
            Numbers::F32(all) => all.iter().map(|&x| x.into()).collect(),
            Numbers::F64(all) => all.clone(),
            other => panic!("{other:?}"),
        };
        for (feature, value) in wide.into_iter().enumerate() {
            assert_eq!(Some(value), table.value(column, feature).number(), "{} of {feature}", measure.name);
        }
    }
    task.check().unwrap();
    let faint = plot.faint.as_ref().unwrap();
    let hidden: Vec<u8> = (0..FEATURES).map(|f| u8::from(cluster(f) == 1)).collect();
    assert_eq!(faint.of, Numbers::U8(hidden));
    assert_eq!((plot.marked.as_slice(), plot.selected, plot.query.as_str()), (&[7u32][..], app.selected(), "weekday"));
    // A letter stands among its own, and not where nothing of it is shown.
    let written: Vec<&str> = plot.written.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(written, ["A", "C"]);
    let near = plot.near.as_ref().unwrap();
    let knn = app.knn.as_ref().unwrap();
    let first: Vec<u32> = u16s(&near.of)[..near.k].iter().map(|&f| f.into()).collect();
    assert_eq!((near.k, &first[..]), (5, &knn.row(0).0[..5]));
    let rows = &around.sections[0].rows;
    let told = |name: &str| rows.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(told("filter"), Some("not cluster = 1: 22 of 32 features, the others are faint"));
    assert_eq!((told("marked"), told("trust")), (Some("1 feature"), Some("not measured")));
    assert!(around.notice.starts_with("Distances on the map are not geometry"), "{}", around.notice);
    assert_eq!(around.provenance["parameters"]["where"], "not cluster = 1");
    assert_eq!(around.provenance["parameters"]["view"], "map");
}

#[test]
fn texts_of_a_page_are_safe_to_print() {
    let (app, _jobs) = ready();
    let (around, plot) = map_of(&app);
    let [labels, tokens] = &plot.texts[..] else { panic!("{:?}", plot.texts) };
    assert_eq!((labels.name.as_str(), tokens.name.as_str()), ("label", "top tokens"));
    assert_eq!((&labels.values[3], &labels.values[31]), (&Said::One("weekday 3".into()), &Said::None));
    assert_eq!(tokens.values[31], Said::Many(vec!["\u{fffd}[2J".into()]));
    let mut page = Vec::new();
    write_plot(&around, &plot, &mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    assert!(page.chars().all(|c| c == '\n' || crate::text::is_plain(c)));
}

#[test]
fn a_group_in_a_page_is_the_group_on_screen() {
    let (app, _jobs) = opened_of((0..4).chain(10..14).chain(20..24));
    let (around, plot) = group_of(&app);
    let open = app.cloud().portrait().unwrap();
    assert_eq!(plot.many, "tokens");
    assert_eq!(plot.ids, Numbers::U32((0..open.kept.len() as u32).map(|point| open.token(point)).collect()));
    let plane = &plot.planes[plot.plane];
    assert_eq!(plane.name, app.cloud().plane_name());
    let (x, y) = (f32s(&plot.axes[plane.x].values), f32s(&plot.axes[plane.y].values));
    assert_eq!((x, y), (app.cloud().cloud().x, app.cloud().cloud().y));
    assert_eq!(plot.planes.len(), app.cloud().planes().0.len());
    // The types with their words where the screen writes them.
    let types = &plot.classings[0];
    assert_eq!((types.name.as_str(), types.classes.len()), ("token type", open.types.len()));
    for (own, word) in plot.written.iter().enumerate() {
        assert_eq!(word.text, open.types[own].text);
        let (x, y) = app.cloud().type_place(own).unwrap();
        assert!((word.at[plane.x] - x).abs() < 1e-5 && (word.at[plane.y] - y).abs() < 1e-5);
    }
    // Every activation of the group, by feature.
    let firing = plot.firing.as_ref().unwrap();
    let (Numbers::U32(starts), Numbers::U32(which)) = (&firing.starts, &firing.which) else { panic!() };
    for (row, field) in open.fields.iter().enumerate() {
        assert_eq!(firing.features[row], field.feature);
        let mut on = vec![0.0; open.kept.len()];
        for point in 0..open.kept.len() {
            for entry in starts[point] as usize..starts[point + 1] as usize {
                if which[entry] as usize == row {
                    on[point] = f32s(&firing.values)[entry];
                }
            }
        }
        assert_eq!(on, open.activation(field.at), "#{}", field.feature);
    }
    let passages = plot.passages.as_ref().unwrap();
    let whole = |[before, own, after]: &[String; 3]| !own.is_empty() && !format!("{before}{after}").is_empty();
    assert!(passages.iter().all(whole));
    // All measures are those that `manifolds` writes.
    let fields = crate::export::manifolds::fields(1, &open.row);
    let score = fields.iter().find(|(name, _)| name == "score").unwrap().1.to_string();
    let measures = around.sections.iter().find(|section| section.heading == "All measures").unwrap();
    assert!(measures.rows.contains(&("score".into(), score)));
    let verdict = &around.sections[0];
    assert!(verdict.lines.len() > 2 && verdict.heading.starts_with("Verdict; score"), "{verdict:?}");
}

#[test]
fn a_turned_cloud_and_its_colours_come_first() {
    let (mut app, _jobs) = opened_of((0..4).chain(10..14).chain(20..24));
    play(&mut app, "r l l o o o o");
    let Tint::Feature(row) = app.cloud().tint() else { panic!("{:?}", app.cloud().tint()) };
    let (_, plot) = group_of(&app);
    let plane = &plot.planes[plot.plane];
    assert_eq!((plot.plane, plane.name.as_str()), (0, app.cloud().plane_name().as_str()));
    assert_eq!(f32s(&plot.axes[plane.x].values), app.cloud().cloud().x);
    assert_eq!(plot.planes.len(), app.cloud().planes().0.len() + 1);
    let before = plot.classings.len() + plot.measures.iter().filter(|measure| measure.ramp.is_some()).count();
    assert_eq!(plot.colour, before + row);
}
