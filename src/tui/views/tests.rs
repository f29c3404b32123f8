//! Frames of every page over a planted study: pictures at four sizes, the essential facts at the common one, and no
//! panic anywhere.

use super::draw;
use crate::analysis::groups::by_hand;
use crate::analysis::manifolds::ManifoldParams;
use crate::analysis::{Cache, Evidence, JobKind, Jobs, Product, Selections, Study, Words};
use crate::container::{Dtype, Matrix};
use crate::geometry::cloud::ShapeParams;
use crate::geometry::cluster::Clusters;
use crate::geometry::cluster::hdbscan::HdbscanParams;
use crate::geometry::neighbors::Knn;
use crate::geometry::pca::Pca;
use crate::geometry::trust::Trust;
use crate::geometry::umap::Umap;
use crate::rows::Points;
use crate::sae::labels::Label;
use crate::sae::{Activation, Activations, Dictionary, DictionaryInfo, Labels, Sparse, Tokens};
use crate::task::Task;
use crate::tui::Model;
use crate::tui::app::{App, Options};
use crate::tui::event::Event;
use crate::tui::frame::{frame_svg, frame_text};
use crate::tui::key::Key;
use crate::tui::theme::{ColorTier, Ground, Theme};
use crate::tui::widgets::{Glyphs, Look, text};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Color;
use std::sync::Arc;
use std::time::Duration;

const FEATURES: usize = 600;
/// Feature `f` is in cluster `f % 12`, or in none from 9 on.
const CLUSTERS: usize = 9;
const WORDS: [[&str; 4]; CLUSTERS] = [
    ["Monday", "Tuesday", "Friday", "Sunday"],
    ["1995", "2004", "1987", "2011"],
    ["return", "fn", "self", "impl"],
    ["France", "England", "Italy", "España"],
    ["he", "she", "they", "we"],
    ["東京", "大阪", "京都", "名古屋"],
    ["was", "were", "has been", "is"],
    ["red", "blue", "green", "é\u{301}carlate"],
    [",", ";", "—", "\u{1b}[31m"],
];
const FILLER: [&str; 8] = [" the", " council", " met", " again", ",", " as", " every", " year"];

fn cluster(feature: usize) -> i32 {
    if feature % 12 < CLUSTERS { (feature % 12) as i32 } else { -1 }
}

/// A number between 0 and 1 from a counter, the same on every machine.
fn hashed(n: usize) -> f32 {
    let mut x = n as u64 ^ 0x9e37_79b9_7f4a_7c15;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 40) as f32 / (1 << 24) as f32
}

fn coordinates() -> Points {
    let place = |f: usize| {
        let spread = |k: usize| (0..4).map(|i| hashed(f * 16 + k * 4 + i) - 0.5).sum::<f32>();
        let (dx, dy) = (spread(0), spread(1));
        match cluster(f) {
            c if c < 0 => [dx * 5.0, dy * 4.0],
            c => [(c % 3 - 1) as f32 * 4.0 + dx, (c / 3 - 1) as f32 * 3.0 + dy + (c % 3) as f32],
        }
    };
    Points::new((0..FEATURES).flat_map(place).collect(), 2)
}

/// Feature `f` fires on row `11 f + 5` and, weaker, on rows of its cluster; every tenth feature never fires.
fn evidence() -> Evidence {
    let rows = FEATURES * 11;
    let own = |feature: usize| feature * 11 + 5;
    let word = |row: usize| {
        let feature = row / 11;
        match (row % 11, cluster(feature)) {
            (5, c) if c >= 0 => format!(" {}", WORDS[c as usize][feature / 12 % 4]),
            (5, _) => " noise".to_string(),
            (10, _) => "\n".to_string(),
            (at, _) => FILLER[(at + feature) % 8].to_string(),
        }
    };
    let mut entries: Vec<(usize, u32, f32)> = Vec::new();
    for feature in (0..FEATURES).filter(|feature| feature % 10 != 9) {
        let top = 4.0 + 20.0 * hashed(feature);
        let fires = (0..12).map(|i| (feature + i * 48) % FEATURES);
        entries.extend(fires.enumerate().map(|(i, at)| (own(at), feature as u32, top * 0.8_f32.powi(i as i32))));
    }
    entries.sort_by_key(|&(row, feature, _)| (row, feature));
    let mut indptr = vec![0_u64; rows + 1];
    for &(row, ..) in &entries {
        indptr[row + 1] += 1;
    }
    for row in 0..rows {
        indptr[row + 1] += indptr[row];
    }
    let by_token = Sparse {
        rows,
        cols: FEATURES,
        indptr: indptr.into(),
        indices: entries.iter().map(|&(_, feature, _)| feature).collect(),
        values: entries.iter().map(|&(.., value)| value).collect(),
    };
    let documents: Vec<Vec<String>> = (0..FEATURES).map(|f| (f * 11..f * 11 + 11).map(word).collect()).collect();
    let described = |feature: usize| match cluster(feature) {
        c if c >= 0 && feature.is_multiple_of(3) => {
            let text = WORDS[c as usize].join(" ");
            let label = |text, author, score| Label { text, kind: Some("top-tokens".into()), author, score };
            let other = label(format!("words about {text}"), Some("gpt-4o-mini".into()), Some(0.71));
            vec![label(text, None, Some(0.9)), other]
        }
        _ => Vec::new(),
    };
    Evidence {
        activations: Some(Activations::new(by_token, "planted")),
        tokens: Some(Tokens::from_documents(&documents).unwrap()),
        labels: Some(Labels { by_feature: (0..FEATURES).map(described).collect(), ..Labels::default() }),
        ..Evidence::default()
    }
}

fn study(warnings: Vec<String>) -> Study {
    let decoder: Vec<f32> = (0..FEATURES * 4).map(|i| f32::from(u8::from(i % 4 == i / 4 % 4))).collect();
    let mut dictionary = Dictionary::bare(Matrix::from_f32(&decoder, 4));
    dictionary.info = DictionaryInfo {
        format: "saelens",
        activation: Activation::TopK { k: 32, negatives: false },
        code_norm: None,
        sources: None,
        subtract_b_dec: Some(true),
        dtype: Dtype::F16,
        model: Some("SmolLM2-135M".into()),
        hook: Some("blocks.11.hook_resid_post".into()),
        layer: Some(11),
        warnings,
        ..dictionary.info
    };
    Study::new("runs/smollm2", dictionary, "planted".into(), Cache::off(), Box::new(|_, _| Ok(evidence())))
}

fn knn() -> Knn {
    let k = 14;
    let near = |f: usize| (1..=k).map(move |i| ((f + 12 * i) % FEATURES) as u32);
    let indices = (0..FEATURES).flat_map(near).collect();
    let cosines = (0..FEATURES * k).map(|i| 0.95 - (i % k) as f32 * 0.04).collect();
    Knn { k, indices, cosines }
}

fn app_with(look: Look, warnings: Vec<String>) -> App {
    let jobs = Jobs::new(Task::new(1).unwrap(), |_| {});
    let theme = look.theme.clone();
    App::new(Arc::new(study(warnings)), jobs, Options { look, ..Options::new(theme) })
}

fn look(tier: ColorTier, glyphs: Glyphs) -> Look {
    Look::new(Theme::new(tier, Ground::Dark), glyphs)
}

fn resize(app: &mut App, width: u16, height: u16) {
    app.update(Event::Resize(width, height));
}

/// Everything that the jobs would bring.
fn fill(app: &mut App) {
    let task = Task::new(1).unwrap();
    app.study().load_evidence(&task).unwrap();
    app.take(Product::Evidence);
    app.take(Product::Selections(Arc::new(Selections::unkept()), None));
    let words = Words::build(app.study(), &task).unwrap();
    app.take(Product::Words(Arc::new(words)));
    let norms = app.study().norms(&task).unwrap();
    app.take(Product::Norms(norms));
    app.take(Product::Knn(Arc::new(knn())));
    app.take(Product::Umap(Arc::new(Umap { coordinates: coordinates(), epochs: 200, a: 1.58, b: 0.9 })));
    let labels: Vec<i32> = (0..FEATURES).map(cluster).collect();
    app.take(Product::Clusters(Arc::new(Clusters { labels, count: CLUSTERS }), HdbscanParams::default()));
    // Groups as a job would have found them: none is running then, whose progress a picture would show.
    let groups =
        (0..4).map(|c| (0..FEATURES as u32).filter(|f| cluster(*f as usize) == c).take(9).collect::<Vec<u32>>());
    let groups = groups.map(|features| by_hand(&features).unwrap()).collect();
    let params = ManifoldParams { shape: ShapeParams::MANY, most_tokens: None, all: false };
    let mut rows = app.study().survey(groups, &params, &task).unwrap().rows;
    app.study().deepen(&mut rows[..2], &params, &task, &|_, _| ()).unwrap();
    app.take(Product::Manifolds(Arc::new(rows), true));
    app.take(Product::Trust(Arc::new(Trust {
        k: 15,
        trustworthiness: 0.8912,
        continuity: 0.93,
        knn_preservation: 0.4,
        trustworthiness_per_point: vec![0.9; FEATURES],
        continuity_per_point: vec![0.9; FEATURES],
        knn_preservation_per_point: vec![0.4; FEATURES],
    })));
}

fn full(look: Look, width: u16, height: u16) -> App {
    let mut app = app_with(look, Vec::new());
    resize(&mut app, width, height);
    fill(&mut app);
    app
}

fn braille(width: u16, height: u16) -> App {
    full(look(ColorTier::True, Glyphs::Braille), width, height)
}

/// Presses keys, written as the help writes them.
fn press(app: &mut App, keys: &str) {
    for key in keys.split_whitespace() {
        // What the page of neighbours would ask a job for is there already, so that frames do not depend on time.
        if let Some(feature) = app.selected().filter(|_| key == "n" && app.pending() == "g") {
            app.rank_now(feature, &Task::new(1).unwrap()).unwrap();
        }
        if key == "h" && app.pending() == "g" && app.selected().is_some() {
            app.measure_pairs_now(&Task::new(1).unwrap()).unwrap();
        }
        app.update(Event::Key(Key::parse(key).unwrap()));
    }
}

fn type_in(app: &mut App, words: &str) {
    for c in words.chars() {
        app.update(Event::Key(Key::char(c)));
    }
}

fn frame(app: &App) -> (Buffer, Option<Position>) {
    let (width, height) = app.size();
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    let cursor = draw(app, buf.area, &mut buf);
    (buf, cursor)
}

fn shown(app: &App) -> String {
    frame_text(&frame(app).0)
}

fn check(name: &str, app: &App) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, shown(app));
    });
}

const SIZES: [(u16, u16); 4] = [(60, 16), (80, 24), (120, 40), (200, 60)];
/// Name of a page and the keys that lead to it from the map.
const PAGES: [(&str, &str); 12] = [
    ("map", "g m"),
    ("feature", "g d"),
    ("neighbours", "g n"),
    ("clusters", "g c"),
    ("manifolds", "g f"),
    ("table", "g t s"),
    ("selections", "g s"),
    ("heatmap", "m c g h 3 j l"),
    ("histograms", "g b"),
    ("jobs", "g j"),
    ("info", "I"),
    ("help", "?"),
];

#[test]
fn every_page_at_four_sizes() {
    for (width, height) in SIZES {
        for (name, keys) in PAGES {
            let mut app = braille(width, height);
            press(&mut app, "Space ] Space");
            press(&mut app, keys);
            check(&format!("{name}_{width}x{height}"), &app);
        }
    }
}

#[test]
fn pages_in_seven_bits() {
    for (name, keys) in [("map", "g m"), ("feature", "g d"), ("clusters", "g c")] {
        for glyphs in [Glyphs::Ascii, Glyphs::Letters] {
            let mut app = full(look(ColorTier::None, glyphs), 80, 24);
            press(&mut app, keys);
            assert!(shown(&app).is_ascii());
            check(&format!("{name}_{}_80x24", glyphs.name()), &app);
        }
    }
}

#[test]
fn the_map_as_a_picture() {
    let svg = frame_svg(&frame(&full(look(ColorTier::Ansi256, Glyphs::Braille), 80, 24)).0, "map");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("map_svg_80x24", svg);
    });
}

#[test]
fn at_the_common_size_the_map_tells_the_primary_facts() {
    let text = shown(&braille(80, 24));
    for fact in [
        "SmolLM2-135M",
        "topk 32",
        "600 × 4 f16",
        "UMAP k15 s0",
        "600 features",
        "trust .89@15",
        "9 clusters",
        "noise 25 %",
        "distances on the map are not geometry",
        "nearest by cosine",
        "of 6,600",
        "cluster",
        "#",
        "? help",
    ] {
        assert!(text.contains(fact), "{fact} is missing:\n{text}");
    }
}

#[test]
fn the_page_of_a_feature_lines_up_its_passages() {
    let mut app = braille(120, 40);
    press(&mut app, "1 2 g i g d");
    let (buf, _) = frame(&app);
    let text = frame_text(&buf);
    assert!(text.contains("where #12 fires") && text.contains("all 12 places"), "{text}");
    let column = |line: &str| Some(line[..line.find('▐')?].chars().count());
    let columns: Vec<usize> = text.lines().take_while(|line| !line.contains("── token")).filter_map(column).collect();
    assert!(columns.len() >= 10 && columns.iter().all(|&column| column == columns[0]), "{columns:?}");
    // Below, the passage under the cursor stands whole, and follows it.
    let whole = |text: &str| text.lines().skip_while(|line| !line.contains("── token")).collect::<Vec<_>>().join("\n");
    assert!(whole(&text).contains('▐'), "{text}");
    press(&mut app, "j j");
    app.update(Event::Tick);
    assert_ne!(whole(&frame_text(&frame(&app).0)), whole(&text));
}

#[test]
fn the_page_of_a_feature_has_all_its_labels() {
    let described = (12..FEATURES).find(|&f| f % 3 == 0 && cluster(f) >= 0).unwrap().to_string();
    let keys: Vec<&str> = described.split_inclusive(|_: char| true).collect();
    let mut app = braille(120, 40);
    press(&mut app, &format!("{} g i", keys.join(" ")));
    assert!(!shown(&app).contains("also"), "beside the map there is room for one");
    press(&mut app, "g d");
    let text = shown(&app);
    assert!(text.contains("also words about") && text.contains("0.71)"), "{text}");
    // Where there is no room for them, they are counted.
    let low = (12..40).find_map(|height| {
        resize(&mut app, 120, height);
        Some(shown(&app)).filter(|text| text.contains("and 1 more label"))
    });
    assert!(low.is_some_and(|text| !text.contains("also words about")));
}

#[test]
fn opening_says_what_is_open_and_what_is_being_done() {
    let warnings = vec!["the file does not say whether b_dec is subtracted".to_string()];
    for (width, height) in SIZES {
        let mut app = app_with(look(ColorTier::True, Glyphs::Braille), warnings.clone());
        resize(&mut app, width, height);
        let text = shown(&app);
        assert!(text.contains("runs/smollm2") && text.contains("600 features × 4 · f16 · saelens topk 32"), "{text}");
        assert!(text.contains("b_dec is subtracted"));
        check(&format!("opening_{width}x{height}"), &app);
    }
}

#[test]
fn partial_results_are_drawn_as_they_come() {
    let mut app = app_with(look(ColorTier::True, Glyphs::Braille), Vec::new());
    resize(&mut app, 120, 30);
    let pca = Pca {
        coordinates: coordinates(),
        components: Points::new(vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0], 4),
        mean: vec![0.0; 4],
        explained_variance: vec![2.0, 1.0],
        explained_variance_ratio: vec![0.12, 0.08],
    };
    app.take(Product::Pca(Arc::new(pca)));
    let text = shown(&app);
    assert!(text.contains("components 1 and 2") && text.contains("12 % + 8.0 % of the variance"), "{text}");
    assert!(text.contains("activations are being read") && text.contains("neighbours are being computed"));
    app.take(Product::Layout { epoch: 40, epochs: 200, coordinates: Arc::new(coordinates()) });
    assert!(shown(&app).contains("forming, pass 40 of 200"));
    check("forming_120x30", &app);
}

#[test]
fn filters_and_searches_stay_in_sight() {
    let mut app = braille(120, 40);
    press(&mut app, "f");
    type_in(&mut app, "cluster in (a, b) and density > 0");
    press(&mut app, "Enter / m o n d Enter");
    let text = shown(&app);
    assert!(text.contains("filter cluster in (a, b) and density > 0 ×"), "{text}");
    assert!(text.contains("search mond 1/") && text.contains("90 of 600 features"), "{text}");
    check("filtered_120x40", &app);
}

#[test]
fn prompts_show_the_line_its_note_and_suggestions() {
    for (name, keys, words) in [
        ("palette", ":", "zoom"),
        ("search", "/", "fri"),
        ("filter", "f", "den"),
        ("filter_unfinished", "f", "density <"),
        ("filter_bad", "f", "density < 0.1 und norm > 2"),
        ("filter_cluster", "f", "cluster = "),
        ("id", "g i", "700"),
    ] {
        let mut app = braille(80, 24);
        press(&mut app, keys);
        type_in(&mut app, words);
        let (buf, cursor) = frame(&app);
        let cursor = cursor.expect("a line that is typed has a cursor");
        assert_eq!(cursor.y, 22);
        let row: String = (0..cursor.x).map(|x| buf[(x, cursor.y)].symbol().to_string()).collect();
        assert!(row.ends_with(words), "{row:?}");
        check(&format!("prompt_{name}_80x24"), &app);
    }
}

#[test]
fn keys_that_may_follow_a_prefix_are_shown() {
    let mut app = braille(80, 24);
    press(&mut app, "1 2 g");
    let text = shown(&app);
    assert!(text.contains("12 g") && text.contains("Go to the clusters"), "{text}");
    check("prefix_80x24", &app);
}

#[test]
fn a_ramp_has_a_legend_with_both_ends() {
    let mut app = braille(120, 40);
    press(&mut app, "o o");
    let text = shown(&app);
    assert!(text.contains("max_activation ") && text.contains("████████"), "{text}");
}

#[test]
fn true_neighbours_are_numbered_by_rank() {
    let mut app = braille(120, 40);
    let before = shown(&app);
    press(&mut app, "1 2 g i t");
    let marks = |text: &str, mark: char| -> usize {
        text.lines().take(34).map(|line| line.chars().take(74).filter(|&c| c == mark).count()).sum()
    };
    assert!(marks(&shown(&app), '1') > marks(&before, '1'));
}

#[test]
fn jobs_tell_how_far_they_are_and_why_they_failed() {
    let (send, receive) = std::sync::mpsc::channel();
    let mut jobs = Jobs::to_channel(Task::new(1).unwrap(), send);
    let started = std::sync::Arc::new(std::sync::Barrier::new(2));
    let barrier = Arc::clone(&started);
    jobs.start(JobKind::Evidence, |_| panic!("the file is \u{1b}[31m shorter than it says it is"));
    jobs.start(JobKind::Map, move |context| {
        context.task.stage("layout", 200);
        context.task.advance(134);
        barrier.wait();
        loop {
            context.task.check()?;
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let look = look(ColorTier::True, Glyphs::Braille);
    let theme = look.theme.clone();
    let mut app = App::new(Arc::new(study(Vec::new())), jobs, Options { look, ..Options::new(theme) });
    resize(&mut app, 80, 24);
    started.wait();
    let failed = receive.recv_timeout(Duration::from_secs(20)).unwrap();
    app.update(Event::Job(failed));
    press(&mut app, "J j");
    let text = shown(&app);
    assert!(text.contains("1 running") && text.contains("layout 67 %"), "{text}");
    assert!(text.contains("failed") && text.contains("shorter than it says it is"), "{text}");
    assert!(!text.contains('\u{1b}'));
    press(&mut app, "g m");
    assert!(shown(&app).contains("67 % ▰"), "{}", shown(&app));
}

#[test]
fn a_screen_that_is_too_small_says_what_is_needed() {
    for (width, height) in [(59, 40), (200, 15), (12, 1)] {
        assert!(shown(&braille(width, height)).starts_with("60x16 needed"), "{width}x{height}");
    }
}

#[test]
fn without_colour_no_cell_of_any_page_has_one() {
    for (_, keys) in PAGES {
        let mut app = full(look(ColorTier::None, Glyphs::Braille), 120, 40);
        press(&mut app, keys);
        press(&mut app, ":");
        let (buf, _) = frame(&app);
        assert!(buf.content.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)), "{keys}");
    }
}

#[test]
fn every_page_is_drawn_at_every_size() {
    for glyphs in [Glyphs::Braille, Glyphs::Letters] {
        let mut filled = full(look(ColorTier::Ansi256, glyphs), 80, 24);
        let mut empty = app_with(look(ColorTier::Ansi256, glyphs), vec!["a warning ".repeat(40)]);
        // Every small size, then steps that are prime to the layout's thresholds.
        let small = (0..24).flat_map(|width| (0..6).map(move |height| (width, height)));
        let large = (0..=300).step_by(13).flat_map(|width| (0..=100).step_by(7).map(move |height| (width, height)));
        let edges = [(60, 16), (61, 17), (99, 21), (99, 22), (100, 16), (100, 22), (300, 100)];
        for (width, height) in small.chain(large).chain(edges) {
            for app in [&mut filled, &mut empty] {
                resize(app, width, height);
                for keys in [
                    "g m", "g d", "Tab", "g n", "g c", "g s", "g h", "g b", "p T", "g j", "?", "g m :", "Esc f",
                    "Esc g",
                ] {
                    press(app, keys);
                    let (buf, cursor) = frame(app);
                    if let Some(cursor) = cursor {
                        assert!(buf.area.contains(cursor), "{width}x{height} {keys}");
                    }
                    whole(&buf);
                }
                press(app, "Esc Esc");
            }
        }
    }
}

/// Every row is exactly as wide as the screen: nothing wide is cut, overlapped or hanging over.
fn whole(buf: &Buffer) {
    for y in 0..buf.area.height {
        let mut x = 0;
        while x < buf.area.width {
            let symbol = buf[(x, y)].symbol();
            assert!(!symbol.contains(char::is_control));
            let width = text::width(symbol).max(1) as u16;
            for hidden in x + 1..(x + width).min(buf.area.width) {
                assert_eq!(buf[(hidden, y)].symbol(), " ");
            }
            x += width;
        }
        assert_eq!(x, buf.area.width);
    }
}

/// The built-in concepts, with their weekday features open as one group.
fn weekdays(width: u16, height: u16) -> App {
    use crate::analysis::open;
    let request = open::Request { dictionary: "@example/concepts".into(), ..open::Request::default() };
    let study = Arc::new(open::open(&request, Cache::off()).unwrap());
    let task = Task::new(2).unwrap();
    let params = ManifoldParams { shape: ShapeParams::MANY, most_tokens: None, all: false };
    let group = by_hand(&[7, 21, 35, 85, 89, 112, 113, 121, 152, 177]).unwrap();
    let open = study.portrait(group, &params, &task).unwrap();
    let jobs = Jobs::new(task, |_| {});
    let look = look(ColorTier::True, Glyphs::Braille);
    let mut app = App::new(study, jobs, Options { look: look.clone(), ..Options::new(look.theme) });
    resize(&mut app, width, height);
    app.take(Product::Evidence);
    app.take(Product::Portrait(Arc::new(open)));
    app.show_group();
    app
}

#[test]
fn the_weekday_ring_at_three_sizes_and_its_charts() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let mut app = weekdays(width, height);
        // Round the ring the week runs forwards or backwards, whatever day comes first.
        let open = app.cloud().portrait().unwrap();
        let mut days: Vec<(f64, &str)> =
            open.types.iter().filter_map(|own| Some((own.s?, own.text.as_str()))).collect();
        days.sort_by(|a, b| a.0.total_cmp(&b.0));
        let week = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        let at: Vec<usize> = days.iter().filter_map(|(_, day)| week.iter().position(|own| own == day)).collect();
        let steps: Vec<usize> = (0..7).map(|i| (at[(i + 1) % 7] + 7 - at[i]) % 7).collect();
        assert!(steps == [1; 7] || steps == [6; 7], "{days:?}");
        let text = shown(&app);
        assert!(week.iter().all(|day| text.contains(day)), "{text}");
        check(&format!("manifold_{width}x{height}"), &app);
        for chart in ["loops", "diagram", "capture", "cosines", "stability", "why"] {
            press(&mut app, "d");
            assert_eq!(app.cloud().chart().name(), chart);
            if width == 120 {
                check(&format!("manifold_{chart}_120x40"), &app);
            }
        }
    }
}
