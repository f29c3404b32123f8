//! Map, pages, lists, clusters, marks: where keys lead.

use super::*;

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
    assert_eq!(detail.label(), Some("colour 12"));
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
fn pages_and_panes_are_reached_by_keys() {
    for (keys, page, focus) in [
        ("g n", Page::Neighbours, Pane::Neighbours),
        ("g d", Page::Feature, Pane::Passages),
        ("Enter", Page::Feature, Pane::Passages),
        ("Enter Tab", Page::Feature, Pane::Feature),
        ("g c", Page::Clusters, Pane::Clusters),
        ("g s", Page::Selections, Pane::Selections),
        ("g h", Page::Heatmap, Pane::Heatmap),
        ("g b", Page::Histograms, Pane::Histograms),
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
fn copying_sends_osc_52_and_says_so() {
    let (mut app, _jobs) = ready();
    let (_, out) = play(&mut app, "1 2 g i y");
    assert!(String::from_utf8_lossy(&out).contains("\x1b]52;c;MTI=\x07"));
    assert!(words(&app).contains("12"));
    let row = app.row_of(12);
    assert!(row.starts_with("12\t") && row.contains("colour 12") && row.split('\t').count() == 8, "{row}");
}

#[test]
fn rows_of_a_list_are_copied_by_a_count() {
    for (keys, first) in [("g t Home 3 Y", 0), ("g t Home j 3 Y", 1)] {
        let (mut app, _jobs) = ready();
        let (_, out) = play(&mut app, keys);
        let rows: Vec<String> = app.listed()[first..first + 3].iter().map(|feature| app.row_of(*feature)).collect();
        let sent = crate::tui::clipboard::copy(&rows.join("\n"), None).bytes;
        assert!(words(&app).contains("3 rows from #"), "{keys}: {}", words(&app));
        assert!(out.windows(sent.len()).any(|part| part == sent), "{keys}");
    }
    // No more than there are, and on the map the one.
    assert!(words(&after("g t Home 9 9 9 Y")).contains("32 rows"));
    assert!(words(&after("1 2 g i 9 Y")).contains("the row of #12"));
}

#[test]
fn what_is_too_long_for_the_clipboard_is_written_to_a_file_whole() {
    let folder = tempfile::tempdir().unwrap();
    let long = "long ".repeat(20_000);
    let (mut app, _jobs) = ready();
    app.state = Some(folder.path().to_path_buf());
    let mut effects = Vec::new();
    app.copy(&long, "a long row", &mut effects);
    assert!(matches!(&effects[..], [Effect::Send(bytes)] if bytes.len() < 76_000));
    let path = app.files().last().expect("a file").clone();
    assert!(
        words(&app).contains("without the last") && words(&app).contains(path.to_str().unwrap()),
        "{}",
        words(&app)
    );
    assert_eq!(std::fs::read_to_string(path).unwrap(), long);
    // Where nothing can be written that is said.
    app.state = Some(folder.path().join("\u{0}"));
    app.copy(&long, "a long row", &mut effects);
    assert!(app.message().unwrap().is_error && words(&app).contains("cannot write"), "{}", words(&app));
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
