//! Keys through the real loop, over a small planted study: what a user presses, and what is then so.

use super::*;
use crate::analysis::jobs::JobContext;
use crate::analysis::{Cache, Evidence, JobUpdate};
use crate::container::{Dtype, Matrix};
use crate::sae::labels::Label;
use crate::sae::{Activation, Activations, Dictionary, DictionaryInfo, Kind, Labels, Normalize, Sparse, Tokens};
use crate::task::Task;
use crate::tui::event::{Raw, Signal, queue};
use crate::tui::screen::Screen;
use crate::tui::theme::{ColorTier, Ground};
use crate::tui::{Ending, Host, Pacing, run};
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use std::io;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Features of the planted study: three clusters of ten and two of none.
const FEATURES: usize = 32;
const DAYS: [&str; 5] = ["Monday", "Tuesday", "Friday", "Sunday", "holiday"];

/// Cluster of a feature.
fn cluster(feature: usize) -> i32 {
    if feature < 30 { (feature / 10) as i32 } else { -1 }
}

fn place(feature: usize) -> [f32; 2] {
    let (x, y) = [(0.0, 0.0), (10.0, 0.0), (5.0, 8.0), (5.0, 3.0)][(cluster(feature) + 4) as usize % 4];
    let angle = feature as f32 * 0.63;
    [x + angle.cos(), y + angle.sin()]
}

fn evidence() -> Evidence {
    // Feature f fires on the rows 2f and 2f + 1; a row's token names the feature's cluster.
    let rows = 2 * FEATURES;
    let by_token = Sparse {
        rows,
        cols: FEATURES,
        indptr: (0..=rows as u64).collect(),
        indices: (0..rows as u32).map(|row| row / 2).collect(),
        values: (0..rows).map(|row| 1.0 + row as f32).collect(),
    };
    let token = |row: usize| match cluster(row / 2) {
        0 => DAYS[row % DAYS.len()].to_string(),
        1 => format!("red{}", row % 2),
        2 => "fn ".to_string(),
        _ => "\u{1b}[2J".to_string(),
    };
    let documents: Vec<Vec<String>> =
        (0..8).map(|d| (0..rows / 8).map(|at| token(d * rows / 8 + at)).collect()).collect();
    let label = |feature: usize| match cluster(feature) {
        0 => format!("weekday {feature}"),
        1 => format!("colour {feature}"),
        2 => format!("code {feature}"),
        _ => String::new(),
    };
    let described = |feature: usize| {
        let text = label(feature);
        if text.is_empty() { Vec::new() } else { vec![Label { text, kind: None, author: None }] }
    };
    Evidence {
        activations: Some(Activations::new(by_token, "planted")),
        tokens: Some(Tokens::from_documents(&documents).unwrap()),
        labels: Some(Labels { by_feature: (0..FEATURES).map(described).collect(), ..Labels::default() }),
        notes: Vec::new(),
    }
}

fn study() -> Study {
    let decoder: Vec<f32> = (0..FEATURES)
        .flat_map(|feature| {
            let mut row = [0.05 * (feature % 10) as f32, 0.0, 0.0, 0.0, 0.1];
            row[(cluster(feature) + 4) as usize % 4] += 1.0 + feature as f32 / 100.0;
            row
        })
        .collect();
    study_of(&decoder, evidence)
}

/// A study of decoder rows of five numbers.
fn study_of(decoder: &[f32], evidence: fn() -> Evidence) -> Study {
    let info = DictionaryInfo {
        format: "planted",
        kind: Kind::Sae,
        activation: Activation::Relu,
        normalize: Normalize::None,
        subtract_b_dec: None,
        dtype: Dtype::F32,
        model: None,
        hook: None,
        layer: None,
        files: Vec::new(),
        warnings: Vec::new(),
        origin: serde_json::Map::new(),
    };
    let dictionary = Dictionary {
        info,
        decoder: Matrix::from_f32(decoder, 5),
        encoder: None,
        b_enc: Vec::new(),
        b_dec: Vec::new(),
        skip: None,
    };
    Study::new("@planted", dictionary, "0".into(), Cache::off(), Box::new(move |_, _| Ok(evidence())))
}

/// An app over the planted study, without anything found yet, and the end of its job channel.
fn bare() -> (App, Receiver<JobEvent>) {
    let (sender, receiver) = channel();
    let jobs = Jobs::to_channel(Task::new(1).unwrap(), sender);
    let options = Options::new(Theme::new(ColorTier::Ansi256, Ground::Dark));
    let mut app = App::new(Arc::new(study()), jobs, options);
    app.update(Event::Resize(100, 30));
    (app, receiver)
}

/// An app that knows everything: layout, clusters, neighbours, words.
fn ready() -> (App, Receiver<JobEvent>) {
    let (mut app, receiver) = bare();
    let task = Task::new(1).unwrap();
    app.study.load_evidence(&task).unwrap();
    app.study.norms(&task).unwrap();
    let coordinates = Points::new((0..FEATURES).flat_map(place).collect(), 2);
    let knn = app.study.knn(5, &task).unwrap();
    let labels: Vec<i32> = (0..FEATURES).map(cluster).collect();
    let umap = crate::geometry::umap::Umap { coordinates, epochs: 1, a: 1.0, b: 1.0 };
    for product in [
        Product::Evidence,
        Product::Words(Arc::new(Words::build(&app.study, &task).unwrap())),
        Product::Knn(Arc::new(knn)),
        Product::Umap(Arc::new(umap)),
        Product::Clusters(Arc::new(Clusters::from_labels(&labels))),
    ] {
        app.take(product);
    }
    (app, receiver)
}

struct Fixed;

impl Host for Fixed {
    fn size(&self) -> (u16, u16) {
        (100, 30)
    }
    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn resume(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn set_mouse(&mut self, _: bool) -> io::Result<()> {
        Ok(())
    }
}

/// Presses keys, written as the help writes them, through the real loop; gives why it ended and what it wrote.
fn play(app: &mut App, keys: &str) -> (Ending, Vec<u8>) {
    let (source, mut events) = queue();
    let keys = if keys.is_empty() { Vec::new() } else { Key::parse_sequence(keys).unwrap() };
    for key in keys {
        source.send(Raw::Key(key)).unwrap();
    }
    drop(source);
    let mut screen = Screen::new(Vec::new(), 100, 30);
    let pacing = Pacing { frame: Duration::ZERO, tick: Duration::from_secs(1) };
    let ending = run(app, &mut events, &mut screen, &mut Fixed, pacing);
    (ending, screen.terminal().clone())
}

/// An app that knows everything, after these keys.
fn after(keys: &str) -> App {
    let (mut app, _jobs) = ready();
    play(&mut app, keys);
    app
}

/// Letters as keys.
fn typed(text: &str) -> String {
    text.chars().map(|c| Key::char(c).to_string()).collect::<Vec<_>>().join(" ")
}

fn words(app: &App) -> &str {
    app.message().map_or("", |message| message.text.as_str())
}

#[test]
fn a_first_layout_selects_a_feature_in_its_middle() {
    let (app, _jobs) = ready();
    let feature = app.selected().unwrap();
    assert_eq!(app.detail().unwrap().feature, feature);
    let (x, y) = app.map().place(feature).unwrap();
    let plot = app.plot();
    assert_eq!(app.map().viewport().cell_of(x, y, plot.0, plot.1), app.map().crosshair());
}

#[test]
fn g_i_goes_to_a_feature_by_count_or_by_typing() {
    assert_eq!(after("1 2 g i").selected(), Some(12));
    assert_eq!(after("g i # 2 5 Enter").selected(), Some(25));
    assert_eq!(after("7 G").selected(), Some(7));
    assert_eq!(after("g g").selected(), Some(0));
    assert_eq!(after("G").selected(), Some(31));
    let app = after("3 2 g i");
    assert!(words(&app).contains("no feature 32") && app.message().unwrap().is_error);
    // A number that does not exist is not taken; the line stays open and says why.
    let app = after("g i 9 9 Enter");
    assert!(matches!(app.prompt().unwrap().note(), Note::Bad(why) if why.contains("0 to 31")));
}

#[test]
fn the_detail_tells_what_the_evidence_holds() {
    let app = after("1 2 g i");
    let detail = app.detail().unwrap();
    assert_eq!(detail.label.as_deref(), Some("colour 12"));
    assert_eq!(detail.cluster, Some(1));
    assert_eq!(detail.density, Some(2.0 / 64.0));
    assert_eq!(detail.max_activation, Some(26.0));
    assert_eq!(detail.examples.len(), 1, "two places next to each other are one passage");
    assert_eq!(detail.histogram.as_ref().unwrap().counts.iter().sum::<u64>(), 2);
    assert_eq!(detail.neighbours.as_ref().unwrap().len(), 5);
}

#[test]
fn neighbours_are_hopped_and_the_jump_list_leads_back() {
    let mut app = after("3 g i Tab j Enter");
    let second = app.selected().unwrap();
    let expected = {
        let knn = app.knn.clone().unwrap();
        knn.row(3).0[1]
    };
    assert_eq!(second, expected);
    play(&mut app, "Enter");
    let third = app.selected().unwrap();
    play(&mut app, "Ctrl-o");
    assert_eq!(app.selected(), Some(second));
    play(&mut app, "Ctrl-o");
    assert_eq!(app.selected(), Some(3));
    play(&mut app, "2 Ctrl-n");
    assert_eq!(app.selected(), Some(third));
    play(&mut app, "Ctrl-n");
    assert!(words(&app).contains("last"));
}

#[test]
fn arrows_move_the_crosshair_and_x_lets_them_move_the_view() {
    let app = after("");
    let (start, view) = (app.map().crosshair().unwrap(), app.map().viewport());
    let moved = after("3 l 2 Down");
    assert_eq!(moved.map().crosshair(), Some((start.0 + 6, start.1 + 2)));
    assert_eq!(moved.map().viewport(), view);
    let panned = after("x l");
    assert_eq!(panned.map().crosshair(), Some(start));
    assert_ne!(panned.map().viewport(), view);
    assert_ne!(after("Shift-Left").map().viewport(), view);
}

#[test]
fn the_crosshair_selects_the_nearest_shown_feature() {
    let app = after("5 g i h l k j");
    assert_eq!(app.selected(), Some(5), "there and back is the same feature");
    let mut app = after("1 5 g i");
    let plot = app.plot();
    let (x, y) = app.map().place(2).unwrap();
    let cell = app.map().viewport().cell_of(x, y, plot.0, plot.1).unwrap();
    let here = app.map().crosshair().unwrap();
    let steps = |from: u16, to: u16, back: &str, forth: &str, step: u16| {
        let count = from.abs_diff(to) / step;
        let key = if to < from { back } else { forth };
        if count == 0 { String::new() } else { format!("{} {key} ", typed(&count.to_string())) }
    };
    let keys = steps(here.0, cell.0, "h", "l", 2) + &steps(here.1, cell.1, "k", "j", 1);
    play(&mut app, keys.trim_end());
    assert_eq!(app.selected(), Some(2));
}

#[test]
fn zoom_keeps_the_feature_and_fit_and_undo_bring_the_view_back() {
    let mut app = after("1 2 g i");
    let fitted = app.map().viewport();
    play(&mut app, "+ +");
    assert!(app.map().viewport().scale() < fitted.scale());
    let plot = app.plot();
    let (x, y) = app.map().place(12).unwrap();
    assert_eq!(app.map().viewport().cell_of(x, y, plot.0, plot.1), app.map().crosshair());
    play(&mut app, "u");
    assert_eq!(app.map().viewport(), fitted, "two steps of zoom are one change");
    play(&mut app, "+ 0");
    assert_eq!(app.map().viewport(), fitted);
    play(&mut app, "3 + z");
    assert_eq!(app.map().crosshair(), Some((plot.0 / 2, plot.1 / 2)));
}

#[test]
fn search_finds_as_you_type_and_n_goes_on() {
    let mut app = after("2 5 g i");
    play(&mut app, &format!("/ {}", typed("colour")));
    assert_eq!(app.selected(), Some(10), "the first match is shown while typing");
    assert_eq!(app.search().unwrap().hits.len(), 10);
    assert_eq!(app.prompt().unwrap().note(), &Note::Good("10 matches".into()));
    play(&mut app, "Esc");
    assert_eq!((app.selected(), app.search(), app.prompt().is_none()), (Some(25), None, true));
    play(&mut app, &format!("/ {} Enter n n", typed("colour")));
    assert_eq!(app.selected(), Some(12));
    play(&mut app, "3 N");
    assert_eq!(app.selected(), Some(19));
    assert!(words(&app).contains("round the end"));
    play(&mut app, "Ctrl-o Ctrl-o Ctrl-o Ctrl-o");
    assert_eq!(app.selected(), Some(25), "the way back leads to where the search began");
    // The choice among the suggestions.
    let app = after(&format!("/ {} Down Down Enter", typed("code")));
    assert_eq!(app.selected(), Some(21));
    // Tokens are searched as well as labels.
    let app = after(&format!("/ {} Enter", typed("sunday")));
    assert_eq!(app.clusters().unwrap().labels[app.selected().unwrap() as usize], 0);
}

#[test]
fn a_search_without_matches_says_so_and_stays_open() {
    let app = after(&format!("2 5 g i / {} Enter", typed("zzz")));
    assert_eq!(app.selected(), Some(25));
    assert_eq!(app.prompt().unwrap().note(), &Note::Bad("nothing found".into()));
    let (mut app, _jobs) = bare();
    play(&mut app, "/ a");
    assert!(matches!(app.prompt().unwrap().note(), Note::Bad(_)), "no words yet");
    play(&mut app, "Esc");
    assert!(app.prompt().is_none());
}

#[test]
fn the_filter_is_tried_while_typed_and_taken_back_step_by_step() {
    let mut app = after(&format!("f {}", typed("max_activation > 40")));
    let expected = (0..FEATURES).filter(|feature| 2 * feature + 2 > 40).count();
    assert_eq!(app.shown_count(), expected);
    assert_eq!(app.prompt().unwrap().note(), &Note::Good(format!("{expected} of 32 features")));
    play(&mut app, "Esc");
    assert_eq!((app.shown_count(), app.filters().is_empty()), (FEATURES, true));
    play(&mut app, &format!("f {} Enter f {} Enter", typed("max_activation > 40"), typed("cluster = C")));
    assert_eq!(app.filters().chips().len(), 2);
    assert_eq!(app.shown_count(), 10);
    play(&mut app, "Esc");
    assert_eq!(app.shown_count(), expected);
    play(&mut app, "Esc Esc");
    assert_eq!(app.shown_count(), FEATURES);
    play(&mut app, &format!("f {} Enter F u", typed("cluster = C")));
    assert_eq!(app.shown_count(), 10, "clearing can be undone");
}

#[test]
fn a_filter_that_cannot_be_read_says_where() {
    let app = after(&format!("f {} Enter", typed("density <")));
    assert!(matches!(app.prompt().unwrap().note(), Note::Bad(why) if why.contains("character")));
    let (mut app, _jobs) = bare();
    play(&mut app, &format!("f {} Enter", typed("cluster = A")));
    assert!(matches!(app.prompt().unwrap().note(), Note::Bad(why) if why.contains("not known")));
}

#[test]
fn columns_complete_in_the_filter() {
    let app = after(&format!("f {} Tab", typed("dens")));
    assert_eq!(app.prompt().unwrap().editor().text(), "density ");
}

#[test]
fn clusters_are_shown_alone_or_hidden() {
    let mut app = after("1 2 g i c c");
    assert_eq!(app.shown_count(), 10);
    assert!((0..FEATURES).all(|f| app.is_shown(f as u32) == (cluster(f) == 1)));
    play(&mut app, "c c c x");
    assert_eq!(app.shown_count(), 22);
    play(&mut app, "c n");
    assert_eq!(app.shown_count(), 20);
    assert_eq!(app.cluster_rows().iter().map(|row| row.shown).collect::<Vec<_>>(), [10, 0, 10, 0]);
    play(&mut app, "c a");
    assert_eq!(app.shown_count(), FEATURES);
    assert_eq!(app.cluster_rows().iter().map(|row| row.size).collect::<Vec<_>>(), [10, 10, 10, 2]);
}

#[test]
fn next_cluster_goes_round_those_that_are_shown() {
    let mut app = after("5 g i ]");
    let here = |app: &App| cluster(app.selected().unwrap() as usize);
    assert_eq!(here(&app), 1);
    play(&mut app, "] ]");
    assert_eq!(here(&app), 0);
    play(&mut app, "[");
    assert_eq!(here(&app), 2);
    play(&mut app, "] c x ]");
    assert_ne!(here(&app), 0);
    assert_eq!(here(&after("3 0 g i ]")), 0, "from no cluster, forward leads to the first");
    assert_eq!(here(&after("3 0 g i [")), 2);
}

#[test]
fn the_list_of_clusters_opens_on_the_map() {
    let mut app = after("g c j");
    assert_eq!((app.page(), app.focus(), app.list(Pane::Clusters).cursor), (Page::Clusters, Pane::Clusters, 1));
    play(&mut app, "Space");
    assert_eq!(app.marks().len(), 10);
    play(&mut app, "Space");
    assert_eq!(app.marks().len(), 0);
    play(&mut app, "Enter");
    assert_eq!((app.page(), cluster(app.selected().unwrap() as usize)), (Page::Map, 1));
}

#[test]
fn clusters_are_named_by_their_tokens() {
    let app = after("");
    let names: Vec<String> = app.cluster_rows().iter().map(|row| row.words.join(" ")).collect();
    assert!(names[0].contains("Sunday") || names[0].contains("Friday"), "{names:?}");
    assert!(names[1].contains("red0"), "{names:?}");
    assert!(names[3].is_empty());
}

#[test]
fn marks_toggle_filter_and_list() {
    let mut app = after("3 g i Space 1 5 g i Space m o");
    assert_eq!(app.marks().iter().copied().collect::<Vec<_>>(), [3, 15]);
    assert_eq!(app.shown_count(), 2);
    play(&mut app, "Space");
    assert_eq!(app.shown_count(), 1, "unmarked while only marked are shown");
    play(&mut app, "m o m a");
    assert_eq!(app.marks().len(), FEATURES);
    play(&mut app, "u m c 7 g i Space g s");
    assert_eq!((app.page(), app.rows(Pane::Marks)), (Page::Marks, 1));
    play(&mut app, "Enter");
    assert_eq!((app.page(), app.selected()), (Page::Map, Some(7)));
}

#[test]
fn escape_steps_back_one_thing_at_a_time_and_never_quits() {
    let mut app = after(&format!("5 g i c c / {} Enter g d ?", typed("weekday")));
    let state = |app: &App| (app.page(), app.focus(), app.search().is_some(), app.filters().chips().len());
    assert_eq!(state(&app), (Page::Help, Pane::Help, true, 1));
    let mut seen = Vec::new();
    for _ in 0..6 {
        assert_eq!(play(&mut app, "Esc").0, Ending::HungUp, "the script ended, the app did not");
        seen.push(state(&app));
    }
    assert_eq!(
        seen,
        [
            (Page::Feature, Pane::Passages, true, 1),
            (Page::Map, Pane::Map, true, 1),
            (Page::Map, Pane::Map, false, 1),
            (Page::Map, Pane::Map, false, 0),
            (Page::Map, Pane::Map, false, 0),
            (Page::Map, Pane::Map, false, 0),
        ]
    );
}

#[test]
fn pages_and_panes_are_reached_by_keys() {
    for (keys, page, focus) in [
        ("g n", Page::Neighbours, Pane::Neighbours),
        ("g d", Page::Feature, Pane::Passages),
        ("Enter", Page::Feature, Pane::Passages),
        ("Enter Tab", Page::Feature, Pane::Feature),
        ("g c", Page::Clusters, Pane::Clusters),
        ("g s", Page::Marks, Pane::Marks),
        ("g j", Page::Jobs, Pane::Jobs),
        ("J", Page::Jobs, Pane::Jobs),
        ("?", Page::Help, Pane::Help),
        ("? q", Page::Map, Pane::Map),
        ("Tab", Page::Map, Pane::Feature),
        ("Tab Tab", Page::Map, Pane::Map),
        ("Shift-Tab", Page::Map, Pane::Feature),
        ("g n g c Esc", Page::Neighbours, Pane::Neighbours),
        ("g n g c g n Esc Esc Esc", Page::Map, Pane::Map),
        ("g n g c g m", Page::Map, Pane::Map),
    ] {
        let app = after(keys);
        assert_eq!((app.page(), app.focus()), (page, focus), "{keys}");
    }
}

#[test]
fn lists_scroll_by_rows_pages_and_to_their_ends() {
    let mut app = after("? G");
    let last = app.rows(Pane::Help) - 1;
    assert_eq!(app.list(Pane::Help).cursor, last);
    assert!(app.list(Pane::Help).offset > 0);
    play(&mut app, "g g 5 j Ctrl-d");
    let half = usize::from(layout::inner(app.areas().main).height) / 2;
    assert_eq!(app.list(Pane::Help).cursor, 5 + half);
    play(&mut app, "PgUp 3 G");
    assert_eq!(app.list(Pane::Help).cursor, 2);
    play(&mut app, "9 9 9 9 k 9 9 9 9 PgDn");
    assert_eq!(app.list(Pane::Help).cursor, last);
}

#[test]
fn the_help_is_searched() {
    let mut app = after(&format!("? / {}", typed("zoom")));
    let few = app.rows(Pane::Help);
    assert!(few < 10);
    play(&mut app, "Enter Esc");
    assert!(app.rows(Pane::Help) > few && app.page() == Page::Help);
}

#[test]
fn the_palette_runs_any_command_by_name_or_words() {
    assert_eq!(after(&format!(": {} Enter", typed("go.clusters"))).page(), Page::Clusters);
    assert!(after(&format!(": {} Enter", typed("zoom in"))).map().own_view);
    assert!(after(": Esc").prompt().is_none());
    let app = after(&format!("g c : {} Enter", typed("map.fit")));
    assert_eq!(app.page(), Page::Map, "a command of the map is carried out on the map");
    let app = after(&format!(": {} Enter", typed("qqqqq")));
    assert!(app.prompt().is_some(), "no such command");
    // History: the command before.
    let app = after(&format!(": {} Enter : Up", typed("view.undo")));
    assert_eq!(app.prompt().unwrap().editor().text(), "");
}

#[test]
fn every_command_of_the_palette_can_be_run_from_every_page() {
    for row in crate::tui::action::ACTIONS {
        for page in ["", "Tab", "g d", "g n", "g c", "g s", "g j", "?"] {
            let (mut app, _jobs) = ready();
            play(&mut app, if page.is_empty() { "Esc" } else { page });
            app.run_named(row.action, &mut Vec::new());
            app.update(Event::Tick);
        }
    }
}

#[test]
fn the_same_commands_do_no_harm_before_anything_is_known() {
    for row in crate::tui::action::ACTIONS {
        for page in ["Esc", "Tab", "g c", "g s", "g j", "?"] {
            let (mut app, _jobs) = bare();
            play(&mut app, page);
            app.act(row.action, Some(3), &mut Vec::new());
            app.update(Event::Tick);
            app.act(row.action, None, &mut Vec::new());
            app.update(Event::Resize(60, 16));
        }
    }
}

#[test]
fn copying_sends_osc_52_and_says_so() {
    let (mut app, _jobs) = ready();
    let (_, out) = play(&mut app, "1 2 g i y");
    assert!(String::from_utf8_lossy(&out).contains("\x1b]52;c;MTI=\x07"));
    assert!(words(&app).contains("12"));
    let row = app.row_of(12);
    assert!(row.starts_with("12\t") && row.contains("colour 12") && row.split('\t').count() == 8, "{row}");
}

#[test]
fn colours_cycle_through_what_is_known() {
    let mut app = after("o");
    assert_eq!(app.map().colour_by(), ColourBy::Column(crate::analysis::Column::Density));
    assert!(app.map().ramp().is_some());
    play(&mut app, "o");
    let ramp = app.map().ramp().unwrap().clone();
    assert_eq!((ramp.name, ramp.low < ramp.high), ("max_activation", true));
    let class = app.map().cloud().class;
    assert!(class[0] < class[31] && class[31] == crate::tui::theme::STEPS as u16 - 1);
    play(&mut app, "o o o");
    assert_eq!(app.map().colour_by(), ColourBy::Cluster);
    let (mut app, _jobs) = bare();
    play(&mut app, "o");
    assert_eq!(app.map().colour_by(), ColourBy::Cluster, "nothing else is known yet");
}

#[test]
fn glyphs_mouse_redraw_and_suspend_reach_the_terminal() {
    let (mut app, _jobs) = ready();
    let before = app.look().glyphs;
    assert_eq!(app.update(Event::Key(Key::char('i'))), []);
    assert_ne!(app.look().glyphs, before);
    assert_eq!(app.update(Event::Key(Key::char('M'))), [Effect::Mouse(true)]);
    assert_eq!(app.update(Event::Key(Key::char('M'))), [Effect::Mouse(false)]);
    assert_eq!(app.update(Event::Key(Key::ctrl('l'))), [Effect::Repaint]);
    assert_eq!(app.update(Event::Key(Key::ctrl('z'))), [Effect::Suspend]);
    app.update(Event::Key(Key::char('/')));
    assert_eq!(app.update(Event::Key(Key::ctrl('l'))), [Effect::Repaint], "while typing as well");
}

/// A job that works until it is told to stop.
fn patient(context: &JobContext) -> crate::error::Result<()> {
    loop {
        context.task.check()?;
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Hands the news of jobs to the app until it is as wanted.
fn await_jobs(app: &mut App, jobs: &Receiver<JobEvent>, wanted: impl Fn(&App) -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !wanted(app) {
        let event = jobs.recv_timeout(end.saturating_duration_since(Instant::now())).expect("the job never got there");
        app.update(Event::Job(event));
    }
}

#[test]
fn quitting_asks_only_if_work_would_be_lost() {
    let (mut app, _jobs) = ready();
    assert_eq!(play(&mut app, "q").0, Ending::Quit);
    let (mut app, jobs) = ready();
    app.jobs.start(JobKind::Export, patient);
    assert_eq!(play(&mut app, "q").0, Ending::HungUp);
    assert!(matches!(app.question(), Some(Question::Quit { job }) if job == "export"));
    play(&mut app, "n");
    assert_eq!(app.question(), None);
    assert_eq!(play(&mut app, "q y").0, Ending::Quit);
    drop(app);
    assert!(jobs.iter().any(|event| matches!(event.update, JobUpdate::Cancelled)), "what still runs is told to stop");
}

#[test]
fn interrupt_cancels_what_is_typed_then_the_job_then_quits() {
    let (mut app, jobs) = ready();
    app.jobs.start(JobKind::Map, patient);
    assert_eq!(play(&mut app, "/ a Ctrl-c").0, Ending::HungUp);
    assert!(app.prompt().is_none() && app.moves());
    assert_eq!(play(&mut app, "Ctrl-c").0, Ending::HungUp);
    await_jobs(&mut app, &jobs, |app| !app.moves());
    assert!(words(&app).contains("cancelled"));
    assert_eq!(app.map().stage(), Stage::Finished, "the last full result stays");
    assert_eq!(play(&mut app, "Ctrl-c").0, Ending::Quit);
}

#[test]
fn escape_or_x_cancels_the_job_under_the_cursor() {
    for key in ["Esc", "x"] {
        let (mut app, jobs) = ready();
        app.jobs.start(JobKind::Map, patient);
        play(&mut app, &format!("J {key}"));
        await_jobs(&mut app, &jobs, |app| !app.moves());
        assert_eq!(app.page(), Page::Jobs);
    }
}

#[test]
fn a_panic_in_a_job_is_a_failed_job() {
    let (mut app, jobs) = ready();
    app.jobs.start(JobKind::Trust, |_| panic!("planted"));
    await_jobs(&mut app, &jobs, |app| !app.moves());
    assert!(words(&app).contains("planted") && app.message().unwrap().is_error);
    assert_eq!(play(&mut app, "j").0, Ending::HungUp, "the screen lives");
}

#[test]
fn what_an_older_job_made_is_not_shown() {
    let (mut app, jobs) = ready();
    let mark = Arc::new(Points::new(vec![7.0; 2 * FEATURES], 2));
    let publish = Arc::clone(&mark);
    app.jobs.start(JobKind::Map, move |context| {
        context.publish(Product::Layout { epoch: 1, epochs: 2, coordinates: publish });
        Ok(())
    });
    let stale = jobs.recv().unwrap();
    app.jobs.start(JobKind::Map, |_| Ok(()));
    app.update(Event::Job(stale));
    assert_eq!(app.map().stage(), Stage::Finished);
    assert_ne!(app.map().place(0), Some((7.0, 7.0)));
}

#[test]
fn a_forming_layout_keeps_the_crosshair_on_the_feature() {
    let (mut app, _jobs) = ready();
    play(&mut app, "1 2 g i");
    for turn in 1..4 {
        let turned = (0..FEATURES).flat_map(|f| place((f + turn) % FEATURES)).collect();
        let coordinates = Arc::new(Points::new(turned, 2));
        app.take(Product::Layout { epoch: turn, epochs: 9, coordinates });
        let (x, y) = app.map().place(12).unwrap();
        let plot = app.plot();
        assert_eq!(app.map().viewport().cell_of(x, y, plot.0, plot.1), app.map().crosshair());
        assert_eq!(app.selected(), Some(12));
    }
}

#[test]
fn the_whole_of_what_jobs_make_arrives() {
    let (mut app, jobs) = bare();
    let study = Arc::clone(&app.study);
    app.jobs.start(JobKind::Evidence, move |context| {
        study.load_evidence(&context.task)?;
        context.publish(Product::Evidence);
        context.publish(Product::Words(Arc::new(Words::build(&study, &context.task)?)));
        Ok(())
    });
    let study = Arc::clone(&app.study);
    app.jobs.start(JobKind::Map, move |context| {
        context.publish(Product::Norms(study.norms(&context.task)?));
        context.publish(Product::Pca(Arc::new(study.pca(2, &context.task)?)));
        context.publish(Product::Knn(Arc::new(study.knn(4, &context.task)?)));
        Ok(())
    });
    await_jobs(&mut app, &jobs, |app| !app.moves());
    assert_eq!(app.map().stage(), Stage::Components);
    assert!(app.variance().is_some());
    let detail = app.detail().unwrap();
    assert!(detail.norm.is_some() && detail.neighbours.is_some() && !detail.examples.is_empty());
}

#[test]
fn exporting_writes_what_is_shown_and_asks_before_replacing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    let line = |path: &std::path::Path| typed(path.to_str().unwrap());
    let (mut app, jobs) = ready();
    play(&mut app, &format!("1 2 g i c c e Ctrl-u {} Enter", line(&path)));
    await_jobs(&mut app, &jobs, |app| !app.moves());
    assert!(words(&app).contains("10 features"), "{}", words(&app));
    assert_eq!(app.files(), std::slice::from_ref(&path));
    let text = std::fs::read_to_string(&path).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(rows, 11, "{text}");
    assert!(text.contains("cluster in (1)"), "the condition is part of the provenance");
    // Again: a question, and no harm if the answer is no.
    play(&mut app, &format!("E Ctrl-u {} Enter", line(&path)));
    assert!(matches!(app.question(), Some(Question::Replace { all: true, .. })));
    play(&mut app, "n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    play(&mut app, &format!("E Ctrl-u {} Enter y", line(&path)));
    await_jobs(&mut app, &jobs, |app| app.files().len() == 2);
    assert!(std::fs::read_to_string(&path).unwrap().lines().count() > 32);
}

#[test]
fn an_export_that_cannot_be_written_says_why() {
    let app = after(&format!("e Ctrl-u {} Enter", typed("out.xyz")));
    assert!(matches!(app.prompt().unwrap().note(), Note::Bad(why) if why.contains(".csv")));
    let app = after(&format!("e Ctrl-u {} Enter", typed("/no/such/folder/out.csv")));
    assert!(app.message().unwrap().is_error && words(&app).contains("/no/such/folder"), "{}", words(&app));
}

#[test]
fn the_page_is_written_as_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.svg");
    let mut app = after(&format!("e Ctrl-u {} Enter", typed(path.to_str().unwrap())));
    assert!(words(&app).contains("a picture"), "{}", words(&app));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("<svg") && text.contains("saescope") && !text.contains("write what is shown"));
    play(&mut app, &format!("e Ctrl-u {} Enter", typed(path.to_str().unwrap())));
    assert!(matches!(app.question(), Some(Question::Replace { .. })));
}

#[test]
fn unknown_keys_point_to_the_help() {
    assert_eq!(words(&after("Z")), "no command Z here; ? shows the keys");
    assert!(words(&after("g Z")).contains("g Z"));
    assert_eq!(after("g").continuations().iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>().len(), 8);
    assert_eq!(after("1 2 g").pending(), "12 g");
}

#[test]
fn escape_and_a_key_that_arrive_as_one_are_both_taken() {
    let mut app = after("1 2 g i c c Alt-3");
    assert_eq!((app.filters().is_empty(), app.pending().as_str()), (true, "3"));
    play(&mut app, "Esc / a Alt-b");
    assert!(app.prompt().is_some(), "Alt-b is an editing key");
    play(&mut app, "Alt-?");
    assert_eq!((app.prompt().is_none(), app.page()), (true, Page::Help));
}

#[test]
fn pastes_go_into_a_line_and_nowhere_else() {
    let (mut app, _jobs) = ready();
    app.update(Event::Paste("q\nq".into()));
    assert!(words(&app).contains("pasted"));
    app.update(Event::Key(Key::char('f')));
    app.update(Event::Paste("cluster = A\u{1b}[2J".into()));
    assert!(app.prompt().unwrap().editor().text().starts_with("cluster = A"));
}

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> Event<JobEvent> {
    Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
}

#[test]
fn the_mouse_selects_zooms_and_drags() {
    let (mut app, _jobs) = ready();
    let plot = app.areas().plot;
    let (x, y) = app.map().place(17).unwrap();
    let (c, r) = app.map().viewport().cell_of(x, y, plot.width, plot.height).unwrap();
    app.update(mouse(MouseEventKind::Down(MouseButton::Left), plot.x + c, plot.y + r));
    assert_eq!(app.clusters().unwrap().labels[app.selected().unwrap() as usize], 1);
    let scale = app.map().viewport().scale();
    app.update(mouse(MouseEventKind::ScrollUp, plot.x + c, plot.y + r));
    assert!(app.map().viewport().scale() < scale);
    let before = app.map().viewport();
    app.update(mouse(MouseEventKind::Drag(MouseButton::Left), plot.x + c + 3, plot.y + r));
    assert_ne!(app.map().viewport(), before);
    app.update(mouse(MouseEventKind::Up(MouseButton::Left), 0, 0));
    let before = app.map().viewport();
    app.update(mouse(MouseEventKind::Drag(MouseButton::Left), 1, 1));
    assert_eq!(app.map().viewport(), before, "no drag without a press");
    play(&mut app, "?");
    app.update(mouse(MouseEventKind::ScrollDown, 5, 5));
    assert_eq!(app.list(Pane::Help).cursor, 3);
    app.update(mouse(MouseEventKind::Down(MouseButton::Left), 5, app.areas().main.y + 6));
    assert_eq!(app.list(Pane::Help).cursor, 5);
}

#[test]
fn a_moment_of_a_tiny_terminal_leaves_the_view_as_it_was() {
    for keys in ["", "3 +", "1 2 g i 2 +"] {
        let mut app = after(keys);
        let (view, cell) = (app.map().viewport(), app.map().crosshair());
        app.update(Event::Resize(20, 5));
        app.update(Event::Resize(100, 30));
        assert_eq!((app.map().viewport(), app.map().crosshair()), (view, cell), "{keys}");
    }
}

/// Points around 24 centres, from a fixed recurrence.
fn blobs(count: usize) -> (Points, Vec<i32>) {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let centres: Vec<(f32, f32)> = (0..24).map(|_| (next() * 20.0, next() * 20.0)).collect();
    let labels: Vec<i32> = (0..count).map(|i| (i % 24) as i32).collect();
    let points = labels
        .iter()
        .flat_map(|label| {
            let (x, y) = centres[*label as usize];
            // The sum of four uniform numbers is close to a normal one.
            let mut spread = || next() + next() + next() + next() - 2.0;
            [x + spread(), y + spread()]
        })
        .collect();
    (Points::new(points, 2), labels)
}

#[test]
fn frames_stay_within_their_byte_budgets() {
    const COUNT: usize = 24_576;
    let (points, labels) = blobs(COUNT);
    let umap = Arc::new(crate::geometry::umap::Umap { coordinates: points, epochs: 1, a: 1.0, b: 1.0 });
    let clusters = Arc::new(Clusters::from_labels(&labels));
    // Cursor move, pan, zoom: the budgets of the terminal design, 256 colours and Braille.
    for ((width, height), budgets) in
        [((80, 24), [600, 5_000, 6_000]), ((120, 40), [1_000, 11_000, 13_000]), ((200, 60), [1_500, 24_000, 30_000])]
    {
        let (sender, _jobs) = channel();
        let jobs = Jobs::to_channel(Task::new(1).unwrap(), sender);
        let options = Options::new(Theme::new(ColorTier::Ansi256, Ground::Dark));
        let study = study_of(&vec![1.0; 5 * COUNT], Evidence::default);
        let mut app = App::new(Arc::new(study), jobs, options);
        app.update(Event::Resize(width, height));
        app.take(Product::Umap(Arc::clone(&umap)));
        app.take(Product::Clusters(Arc::clone(&clusters)));
        let mut screen = Screen::new(Vec::new(), width, height);
        let mut frame = |app: &App| {
            let before = screen.written();
            screen.draw(|area, buffer| app.draw(area, buffer)).unwrap();
            screen.written() - before
        };
        frame(&app);
        assert_eq!(frame(&app), 0, "nothing changed");
        for (keys, budget) in [
            (["l", "j", "h"], budgets[0]),
            (["Shift-Left", "Shift-Up", "Shift-Right"], budgets[1]),
            (["+", "-", "+"], budgets[2]),
        ] {
            for key in keys {
                app.update(Event::Key(Key::parse(key).unwrap()));
                let bytes = frame(&app);
                assert!(bytes <= budget, "{key} at {width}x{height}: {bytes} bytes, at most {budget}");
            }
        }
    }
}

#[test]
fn any_size_and_any_resize_is_survived() {
    let (mut app, _jobs) = ready();
    for (width, height) in [(1, 1), (59, 15), (60, 16), (80, 24), (100, 10), (300, 100), (0, 0), (100, 30)] {
        app.update(Event::Resize(width, height));
        play(&mut app, "l + Tab j Tab g c j Esc");
        app.update(mouse(MouseEventKind::Down(MouseButton::Left), 2, 2));
    }
    assert_eq!(app.update(Event::Signal(Signal::Resize)), []);
}
