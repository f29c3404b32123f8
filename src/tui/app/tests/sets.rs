//! Sets of features: lasso, named selections and what combines them, the heatmap, the histograms, a pinned feature; and
//! the tour through them.

use super::work::await_jobs;
use super::*;
use crate::tui::layout::Page;

fn marks(app: &App) -> Vec<u32> {
    app.marks().iter().copied().collect()
}

/// An app over the planted study whose selections are kept in `folder`, and read.
fn kept_in(folder: &std::path::Path) -> App {
    let (mut app, jobs) = ready();
    app.state = Some(folder.to_path_buf());
    app.start_selections();
    await_jobs(&mut app, &jobs, |app| app.selections().is_some());
    app
}

/// Marks of these features.
fn mark(app: &mut App, features: &[u32]) {
    play(app, "m c");
    for feature in features {
        let digits: Vec<String> = feature.to_string().chars().map(String::from).collect();
        play(app, &format!("{} g i Space", digits.join(" ")));
    }
}

fn keep(app: &mut App, name: &str) {
    play(app, &format!("m s {} Enter", typed(name)));
}

#[test]
fn selections_are_kept_combined_and_brought_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = kept_in(folder.path());
    mark(&mut app, &[1, 2, 3, 12]);
    keep(&mut app, "days");
    assert!(words(&app).contains("4 features kept as days"), "{}", words(&app));
    mark(&mut app, &[2, 3, 20]);
    keep(&mut app, "code");
    play(&mut app, "g s j");
    assert_eq!((app.rows(Pane::Selections), app.selection_row(1).name.as_deref()), (3, Some("days")));
    assert_eq!((app.selection_row(1).size, app.selection_row(1).marked), (4, 2));
    // On the row of "days": union, intersection, difference, and the selection alone.
    play(&mut app, "+");
    assert_eq!(marks(&app), [1, 2, 3, 12, 20]);
    play(&mut app, "u &");
    assert_eq!(marks(&app), [2, 3]);
    play(&mut app, "u -");
    assert_eq!(marks(&app), [20]);
    play(&mut app, "=");
    assert_eq!(marks(&app), [1, 2, 3, 12]);
    assert_eq!(app.members().len(), 4);
    // Another screen on the same dictionary has them; what each makes, neither loses.
    let mut other = kept_in(folder.path());
    assert_eq!(other.selections().unwrap().list(), app.selections().unwrap().list());
    mark(&mut other, &[7]);
    keep(&mut other, "one");
    keep(&mut app, "again");
    let names: Vec<String> = app.selections().unwrap().list().iter().map(|one| one.name.clone()).collect();
    assert_eq!(names, ["days", "code", "one", "again"]);
    // Renamed, taken away, brought back.
    play(&mut app, &format!("r {} {} Enter", "Backspace ".repeat(4).trim(), typed("weekdays")));
    assert!(app.selections().unwrap().named("weekdays").is_some_and(|one| one.holds(12)));
    play(&mut app, "x");
    assert_eq!(app.selections().unwrap().list().len(), 3);
    play(&mut app, "u");
    assert!(app.selections().unwrap().named("weekdays").is_some());
    assert_eq!(kept_in(folder.path()).selections().unwrap().list().len(), 4, "undone in the file too");
}

#[test]
fn a_selection_is_a_condition_and_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = kept_in(folder.path());
    mark(&mut app, &[3, 4, 25]);
    keep(&mut app, "mine");
    play(&mut app, &format!("m c f {} Enter", typed("selection = mine and cluster = A")));
    assert_eq!(app.shown_count(), 2);
    play(&mut app, &format!("F f {} Enter", typed("not selection = mine")));
    assert_eq!(app.shown_count(), FEATURES - 3);
    // The same by a key on its row, and off again.
    play(&mut app, "F g s j f");
    assert_eq!(app.shown_count(), 3);
    play(&mut app, "f");
    assert_eq!(app.shown_count(), FEATURES);
    // Out to a file and in again under the name of that.
    let file = folder.path().join("three.csv");
    std::fs::write(&file, "# a note\nx,feature\n.5,3\n.7,25\n").unwrap();
    play(&mut app, &format!("F g s o {} Enter", typed(&file.display().to_string())));
    assert_eq!(app.selections().unwrap().named("three").map(|one| one.features.clone()), Some(vec![3, 25]));
    assert_eq!(app.selection_row(app.list(Pane::Selections).cursor).name.as_deref(), Some("three"));
    std::fs::write(&file, "feature\n3\n99\n").unwrap();
    play(&mut app, &format!("o {} Enter", typed(&file.display().to_string())));
    assert!(words(&app).contains("it names feature 99"), "{}", words(&app));
    assert_eq!(app.selections().unwrap().list().len(), 2);
}

#[test]
fn a_broken_file_of_selections_is_told_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = kept_in(folder.path());
    mark(&mut app, &[3]);
    keep(&mut app, "mine");
    let path = app.selections().unwrap().path().unwrap().to_path_buf();
    std::fs::write(&path, "{ not json").unwrap();
    keep(&mut app, "more");
    assert!(app.message().unwrap().is_error && words(&app).contains("cannot be read"), "{}", words(&app));
    assert!(app.selections().unwrap().named("more").is_some(), "kept for this run");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{ not json");
    let mut app = kept_in(folder.path());
    assert!(app.message().unwrap().is_error);
    assert!(app.selections().unwrap().list().is_empty());
    play(&mut app, "g s");
    assert_eq!(app.rows(Pane::Selections), 1);
}

#[test]
fn a_lasso_marks_what_is_inside_and_nothing_else() {
    // The three clusters stand at (0, 0), (10, 0), (5, 8): a triangle around the second alone.
    let (mut app, _jobs) = ready();
    let plot = app.plot();
    let cell = |app: &App, x: f32, y: f32| app.map().viewport().cell_of(x, y, plot.0, plot.1).unwrap();
    let corner = |app: &mut App, x: f32, y: f32| {
        app.map.crosshair = Some(cell(app, x, y));
        play(app, "V");
    };
    corner(&mut app, 8.4, -1.2);
    corner(&mut app, 11.1, -1.2);
    assert!(words(&app).contains("lasso of 2 corners"));
    app.map.crosshair = Some(cell(&app, 10.0, 4.5));
    play(&mut app, "Enter");
    let marked = marks(&app);
    assert!(!marked.is_empty() && marked.iter().all(|feature| cluster(*feature as usize) == 1), "{marked:?}");
    // The definition, point by point: on which side of each edge of the triangle it lies.
    let map = app.map();
    let at = |(x, y)| {
        let (column, row) = map.viewport().cell_of(x, y, plot.0, plot.1).unwrap();
        map.viewport().data_at(f64::from(column) + 0.5, f64::from(row) + 0.5, plot.0, plot.1)
    };
    let corners = [at((8.4, -1.2)), at((11.1, -1.2)), at((10.0, 4.5))];
    let inside = |feature: u32| {
        let (x, y) = map.place(feature).unwrap();
        let side = |(ax, ay): (f64, f64), (bx, by): (f64, f64)| {
            (bx - ax) * (f64::from(y) - ay) - (by - ay) * (f64::from(x) - ax) > 0.0
        };
        (0..3).all(|i| side(corners[i], corners[(i + 1) % 3]))
    };
    let expected: Vec<u32> = (0..FEATURES as u32).filter(|feature| inside(*feature)).collect();
    assert_eq!(marked, expected);
    play(&mut app, "u V Esc");
    assert!(app.marks().is_empty() && app.map().outline(plot).is_none());
    assert_eq!(app.page(), Page::Map);
}

#[test]
fn neighbours_are_marked_and_marks_inverted() {
    let app = after("7 g i 3 m n");
    let nearest: Vec<u32> = app.neighbours().unwrap().iter().take(3).map(|one| one.feature).collect();
    assert_eq!(app.marks().len(), 3);
    assert!(nearest.iter().all(|feature| app.marks().contains(feature)));
    let app = after("7 g i 9 9 m n");
    assert!(app.marks().len() == 5 && words(&app).contains("no more are listed here"), "{}", words(&app));
    let app = after("3 g i Space c c m i");
    let own: Vec<u32> = (0..10).filter(|feature| *feature != 3).collect();
    assert_eq!(marks(&app), own, "only what is shown is inverted");
}

/// Until the pairs that were asked for are there.
fn measured(keys: &str) -> (App, Receiver<JobEvent>) {
    let (mut app, jobs) = ready();
    play(&mut app, keys);
    await_jobs(&mut app, &jobs, |app| app.heat().pairs().is_some());
    (app, jobs)
}

#[test]
fn the_heatmap_shows_what_is_meant_and_its_cursor_selects() {
    let (app, _jobs) = measured("1 2 g i g h");
    assert_eq!((app.heat_set().as_str(), app.heat().pairs().unwrap().len()), ("cluster B", 10));
    assert_eq!(app.heat().row_feature(), Some(12), "the cursor begins at the selected feature");
    let (mut app, jobs) = measured("3 g i Space 4 g i Space 2 5 g i Space g h");
    assert_eq!((app.heat_set().as_str(), app.heat().pairs().unwrap().len()), ("marked features", 3));
    play(&mut app, "g g l l");
    let (row, column) = app.heat().cursor();
    assert_eq!((row, column), (0, 2));
    let features = app.heat().pairs().unwrap().features.clone();
    assert_eq!(app.selected(), Some(features[0]));
    play(&mut app, "G");
    assert_eq!((app.selected(), app.list(Pane::Members).cursor), (features.last().copied(), 2));
    // Marks are followed: one less, and the pairs are measured anew.
    play(&mut app, "Space");
    await_jobs(&mut app, &jobs, |app| app.heat().pairs().is_some_and(|pairs| pairs.len() == 2));
    play(&mut app, "Space");
    play(&mut app, "Space");
    play(&mut app, "m c");
    assert!(app.heat().pairs().is_none() && app.awaited_pairs().contains("two features or more"));
    play(&mut app, "w");
    await_jobs(&mut app, &jobs, |app| app.heat().pairs().is_some());
    // Other orders and measures of the same set.
    play(&mut app, "s");
    await_jobs(&mut app, &jobs, |app| app.heat().pairs().is_some_and(|pairs| pairs.order.name() == "likeness"));
    play(&mut app, "b");
    await_jobs(&mut app, &jobs, |app| app.heat().pairs().is_some_and(|pairs| pairs.measure.name() != "decoder"));
    play(&mut app, "Enter");
    assert_eq!(app.page(), Page::Map);
}

#[test]
fn bars_are_walked_spanned_marked_and_filtered_by() {
    let mut app = after("7 g i g b");
    let here = app.bars().here().unwrap();
    assert_eq!((here.column.name(), here.total()), ("density", FEATURES as u64));
    play(&mut app, "j");
    let norm = app.bars().here().unwrap().clone();
    assert_eq!(norm.column.name(), "norm");
    assert_eq!(app.bars().span().start, app.bar_of(&norm, 7).unwrap(), "the cursor begins at the selected feature");
    play(&mut app, "Home v End");
    assert_eq!((app.bars().span(), app.members().len()), (0..norm.counts.len(), FEATURES));
    play(&mut app, "v Home Space");
    assert_eq!(app.marks().len() as u64, norm.counts[0]);
    play(&mut app, "Space");
    assert!(app.marks().is_empty());
    play(&mut app, "v 3 l Enter");
    let some: u64 = norm.counts[..4].iter().sum();
    assert_eq!(app.shown_count() as u64, some);
    assert_eq!(app.bars().here().unwrap().shown.iter().sum::<u64>(), some, "what is counted follows the filter");
    assert_eq!(app.bars().here().unwrap().counts, norm.counts);
    play(&mut app, "u");
    assert_eq!(app.shown_count(), FEATURES);
    // Another width has other bars; the cursor stays at its value.
    play(&mut app, "End");
    app.update(Event::Resize(70, 24));
    assert_eq!(app.bars().span().end, app.bars().here().unwrap().counts.len());
}

#[test]
fn a_pinned_feature_is_compared_with_where_the_cursor_goes() {
    let mut app = after("3 g i p 1 3 g i");
    let both = app.comparison().unwrap();
    assert_eq!((both.pinned.feature, both.selected), (3, 13));
    let neighbours = app.study.neighbors(3, FEATURES - 1, NeighborsBy::Decoder, &Task::new(1).unwrap()).unwrap();
    let cosine = neighbours.iter().find(|one| one.feature == 13).unwrap().cosine;
    assert!((both.decoder - f64::from(cosine)).abs() < 1e-6);
    // Each feature fires on two rows of its own.
    assert_eq!((both.together, both.encoder), (Some([0, 2, 2]), None));
    assert!(!app.areas().pinned.is_empty());
    play(&mut app, "3 g i");
    assert_eq!(app.comparison().unwrap().together, Some([2, 2, 2]));
    play(&mut app, "p");
    assert!(app.comparison().is_none() && app.areas().pinned.is_empty());
}

#[test]
fn the_tour_goes_on_when_its_commands_are_given() {
    let mut app = after("T");
    let at = |app: &App| app.tour().map(super::super::Tour::at);
    assert!(app.tour_words().unwrap().contains("arrows"));
    play(&mut app, "l");
    assert_eq!(at(&app), Some(1));
    play(&mut app, "g d Esc");
    assert_eq!(at(&app), Some(3));
    play(&mut app, &format!("/ {} Enter g n c c Space g b g f", typed("monday")));
    assert_eq!(at(&app), Some(9));
    play(&mut app, "T T");
    assert_eq!(at(&app), None);
    assert_eq!(words(&app), "the tour has ended");
    let mut app = after("T T");
    let (ending, _) = play(&mut app, "Ctrl-c");
    assert_eq!((at(&app), ending), (None, Ending::HungUp), "the script ended, not the program");
}
