//! What stands when things change under it: maps that are made anew or given up, filters on clusters that are no
//! more, views of other layouts, lists and lines whose data come late.

use super::work::{await_jobs, patient};
use super::*;
use crate::tui::app::remaking::grouping_line;
use crate::tui::widgets::outline::Outline;

/// The planted layout, moved and scaled.
fn moved(by: f32) -> Points {
    Points::new((0..FEATURES).flat_map(place).map(|x| x * 3.0 + by).collect(), 2)
}

fn layout(by: f32) -> Product {
    Product::Layout { epoch: 1, epochs: 2, coordinates: Arc::new(moved(by)) }
}

fn umap(by: f32) -> Product {
    Product::Umap(Arc::new(crate::geometry::umap::Umap { coordinates: moved(by), epochs: 2, a: 1.0, b: 1.0 }))
}

fn jobs_end(app: &mut App, jobs: &Receiver<JobEvent>) {
    await_jobs(app, jobs, |app| app.jobs().running().is_none());
}

#[test]
fn a_map_given_up_while_it_is_grouped_gives_way_to_the_last_whole_one() {
    let (mut app, jobs) = ready();
    let old = (app.map().place(12), app.clusters().cloned(), app.stage_words());
    play(&mut app, "L Ctrl-u s e e d = 7 Enter");
    assert_eq!(app.stage_words(), old.2, "until the new one forms, the old one is on screen");
    app.jobs.start(JobKind::Map, patient);
    for product in [layout(1.0), umap(2.0)] {
        app.take(product);
    }
    assert!(app.stage_words().ends_with("s7") && app.trust().is_none());
    play(&mut app, "Ctrl-c");
    await_jobs(&mut app, &jobs, |app| app.kept.is_none());
    assert_eq!((app.map().place(12), app.clusters().cloned(), app.stage_words()), old);
    await_jobs(&mut app, &jobs, |app| app.trust().is_some());
}

#[test]
fn a_map_that_is_run_again_and_given_up_leaves_what_was_there() {
    let (mut app, jobs) = ready();
    let old = app.map().place(12);
    app.run_named(Action::RestartJob, &mut Vec::new());
    app.jobs.start(JobKind::Map, patient);
    app.take(layout(5.0));
    assert_ne!(app.map().place(12), old);
    play(&mut app, "J x");
    await_jobs(&mut app, &jobs, |app| app.kept.is_none());
    assert_eq!((app.map().stage(), app.map().place(12)), (Stage::Finished, old));
}

#[test]
fn a_grouping_given_up_leaves_no_trace() {
    let (mut app, jobs) = ready();
    let before = (app.made().hdbscan, app.clusters().cloned());
    app.regrouping = Some(HdbscanParams { min_cluster_size: 4, min_samples: Some(4) });
    app.jobs.start(JobKind::Clusters, patient);
    play(&mut app, "Ctrl-c");
    jobs_end(&mut app, &jobs);
    assert_eq!((app.made().hdbscan, app.clusters().cloned()), before);
    play(&mut app, "c s");
    assert_eq!(app.prompt().unwrap().editor().text(), grouping_line(&before.0));
    // The same again is no work, and pins nothing that was left open.
    play(&mut app, "Enter");
    assert!(words(&app).contains("these are the clusters") && app.jobs().running().is_none());
    assert_eq!(app.parse_grouping(&grouping_line(&before.0)), Ok(before.0));
}

#[test]
fn a_typed_filter_on_clusters_goes_with_them() {
    let (mut app, jobs) = ready();
    let filter = |text: &str| format!("f {} Enter", typed(text));
    play(&mut app, &format!("{} {}", filter("cluster = A"), filter("feature > 3")));
    assert_eq!(app.filters().chips().len(), 2);
    play(&mut app, "c s Ctrl-u m i n - c l u s t e r - s i z e = 4 Enter");
    jobs_end(&mut app, &jobs);
    assert_eq!(app.filters().chips().iter().map(Chip::label).collect::<Vec<_>>(), ["feature > 3"]);
    assert!(words(&app).contains("the clusters are new"), "{}", words(&app));
}

#[test]
fn undo_brings_no_view_of_another_layout_or_size_back() {
    // While the components were shown; then the map came.
    let (mut app, _jobs) = bare();
    app.lay_out(&Arc::new(moved(100.0)), Stage::Components, app.plot());
    play(&mut app, "Space");
    app.take(umap(0.0));
    let fitted = app.map().viewport();
    play(&mut app, "u");
    assert_eq!((app.map().viewport(), app.marks().len()), (fitted, 0));
    // On a larger screen, zoomed; then the screen shrank.
    let mut app = after("1 2 g i + + + Space");
    app.update(Event::Resize(62, 17));
    let view = app.map().viewport();
    play(&mut app, "u");
    assert_eq!((app.map().viewport(), app.marks().len()), (view, 0));
    let (columns, rows) = app.plot();
    assert!(app.map().crosshair().is_some_and(|(c, r)| c < columns && r < rows));
}

#[test]
fn what_changes_nothing_is_no_step_to_undo() {
    let mut app = after("Space");
    play(&mut app, "F F c a");
    play(&mut app, "u");
    assert!(app.marks().is_empty(), "{}", words(&app));
    play(&mut app, "Shift-Left u");
    assert!(words(&app).contains("moving the view"));
}

#[test]
fn a_screen_that_begins_too_small_fits_its_map_later() {
    let (mut app, _jobs) = bare();
    app.update(Event::Resize(20, 5));
    app.take(umap(0.0));
    app.update(Event::Resize(100, 30));
    let seen = app.map().viewport();
    play(&mut app, "0");
    assert_eq!(app.map().viewport(), seen);
}

#[test]
fn a_box_stays_on_its_points_when_the_view_moves() {
    let mut app = after("0 v");
    let corner = |app: &App| match app.map().outline(app.plot()) {
        Some(Outline::Box(corner, _)) => corner,
        other => panic!("{other:?}"),
    };
    let before = corner(&app);
    play(&mut app, "Shift-Right");
    assert_eq!(corner(&app), (before.0 - 8, before.1));
    let everything = after("0 g g v 9 9 h 9 9 k Space");
    let some = everything.marks().len();
    assert!(some > 0);
    // The same box, spanned while the view moved along: no point of it is lost.
    let along = after("0 g g v 9 9 h 9 9 k Shift-Right 9 9 h Space");
    assert!(along.marks().is_superset(everything.marks()), "{:?} {:?}", along.marks(), everything.marks());
}

#[test]
fn the_row_under_the_cursor_is_what_stands_beside_a_table() {
    let mut app = after("3 g i Space 1 2 g i Space 2 5 g i Space m o g t");
    assert_eq!(app.selected(), Some(25));
    play(&mut app, "Space");
    assert_eq!((app.listed(), app.selected()), (&[3, 12][..], Some(12)));
    assert_eq!(app.detail().unwrap().feature, 12);
    let app = after(&format!("2 5 g i g t f {} Enter", typed("cluster = B")));
    assert_eq!(app.selected(), app.listed().get(app.list(Pane::Table).cursor).copied());
}

#[test]
fn a_line_that_could_not_be_taken_is_looked_at_again_when_more_is_known() {
    let (mut app, _jobs) = bare();
    app.take(umap(0.0));
    play(&mut app, &format!("f {} Enter", typed("cluster = A")));
    assert!(matches!(app.prompt().unwrap().note(), Note::Bad(why) if why.contains("not known")));
    let labels: Vec<i32> = (0..FEATURES).map(cluster).collect();
    let clusters = Product::Clusters(Arc::new(Clusters::from_labels(&labels)), HdbscanParams::default());
    let id = app.jobs.start(JobKind::Map, patient);
    app.update(Event::Job(JobEvent { id, kind: JobKind::Map, update: JobUpdate::Product(clusters) }));
    assert_eq!(app.prompt().unwrap().note(), &Note::Good("10 of 32 features".into()));
    play(&mut app, "Enter");
    assert_eq!(app.filters().chips().len(), 1);
}

#[test]
fn matches_that_are_filtered_out_are_passed_over() {
    let mut app = after(&format!("/ {} Enter f {} Enter", typed("colour"), typed("feature > 16")));
    assert_eq!(app.search().unwrap().hits, [17, 18, 19]);
    play(&mut app, "n n n");
    assert!((17..20).contains(&app.selected().unwrap()));
    play(&mut app, "F");
    assert_eq!(app.search().unwrap().hits.len(), 10);
    // As in vi, nothing typed is the last search again.
    let here = app.selected();
    play(&mut app, "/ Enter");
    assert!(app.search().is_some() && app.selected() != here);
}

#[test]
fn an_export_of_an_unfinished_map_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (mut app, jobs) = bare();
    app.take(layout(0.0));
    let path = folder.path().join("early.csv");
    play(&mut app, &format!("e Ctrl-u {}", typed(path.to_str().unwrap())));
    assert_eq!(app.prompt().unwrap().note(), &Note::Good("32 features, of a map at pass 1 of 2".into()));
    play(&mut app, "Enter");
    jobs_end(&mut app, &jobs);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("pass 1 of 2") && !text.contains("min_cluster_size"), "{text}");
    assert!(text.contains("feature,x,y,label"), "clusters that are not known are not written: {text}");
}

#[test]
fn on_their_page_neighbours_are_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("near.csv");
    let (mut app, jobs) = ready();
    play(&mut app, "3 g i g n");
    jobs_end(&mut app, &jobs);
    let wanted: Vec<(u32, f32)> = app.neighbours().unwrap().iter().map(|n| (n.feature, n.cosine)).collect();
    play(&mut app, &format!("e Ctrl-u {} Enter", typed(path.to_str().unwrap())));
    jobs_end(&mut app, &jobs);
    let text = std::fs::read_to_string(&path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    let written: Vec<(u32, f32)> = rows
        .map(|row| (row.split(',').next().unwrap().parse().unwrap(), row.rsplit(',').next().unwrap().parse().unwrap()))
        .collect();
    assert_eq!(written, wanted);
    assert!(text.contains("\"neighbours_of\":3"), "{text}");
}

#[test]
fn what_runs_stays_in_sight_beside_what_was_said_and_long_words_get_a_box() {
    let (mut app, _jobs) = ready();
    app.jobs.start(JobKind::Trust, |context| {
        context.task.stage("ranks", 4);
        patient(context)
    });
    let shown = |app: &App| {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 100, 30));
        app.draw(buffer.area, &mut buffer);
        crate::tui::frame::frame_text(&buffer)
    };
    let end = Instant::now() + Duration::from_secs(20);
    while !shown(&app).contains("ranks") && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    app.say("something was done");
    let text = shown(&app);
    assert!(
        text.lines().any(|line| line.contains("something was done") && line.contains("trust: ranks 0 %")),
        "{text}"
    );
    app.complain(format!("the first word, {} and the last word", "one more, ".repeat(20)));
    let text = shown(&app);
    assert!(text.contains("the first word") && text.contains("the last word"), "{text}");
}

#[test]
fn down_in_an_empty_filter_chooses_and_up_is_what_was_typed_before() {
    let mut app = after("f Down");
    assert_eq!(app.prompt().unwrap().chosen(), Some(0));
    play(&mut app, "Up");
    assert!(app.prompt().unwrap().editor().text().is_empty());
    let app = after(&format!("f {} Enter f Up", typed("feature > 3")));
    assert_eq!(app.prompt().unwrap().editor().text(), "feature > 3");
}

#[test]
fn neighbours_are_found_again_when_asked_to() {
    let (mut app, jobs) = ready();
    play(&mut app, "3 g i g n");
    jobs_end(&mut app, &jobs);
    play(&mut app, "J r");
    assert_eq!(app.jobs().list().filter(|job| job.kind == JobKind::Neighbours).count(), 2);
}

#[test]
fn every_interrupt_reaches_the_next_job_at_once() {
    let (mut app, jobs) = ready();
    app.jobs.start(JobKind::Trust, patient);
    app.jobs.start(JobKind::Map, patient);
    play(&mut app, "Ctrl-c Ctrl-c");
    assert!(app.jobs().running().is_none(), "both were told to stop");
    jobs_end(&mut app, &jobs);
    // One that has just ended by itself may have been meant.
    app.jobs.start(JobKind::Export, |_| Ok(()));
    jobs_end(&mut app, &jobs);
    assert_eq!(play(&mut app, "Ctrl-c").0, Ending::HungUp);
    assert!(words(&app).contains("just ended"), "{}", words(&app));
}

#[test]
fn a_map_that_is_not_wanted_any_more_does_not_come() {
    let (mut app, _jobs) = ready();
    let before = app.stage_words();
    play(&mut app, "L Ctrl-u s e e d = 7 Enter c +");
    assert!(words(&app).contains("when the map is finished"), "a map that is being made groups itself");
    play(&mut app, "L Ctrl-u s e e d = 0 Space n e i g h b o r s = 1 5 Enter");
    assert!(words(&app).contains("this is the map with"), "{}", words(&app));
    assert!(app.kept.is_none() && !app.makes_map());
    assert_eq!((app.stage_words(), app.params), (before, app.made));
}

#[test]
fn giving_up_a_map_of_which_nothing_was_shown_changes_nothing() {
    let (mut app, jobs) = ready();
    play(&mut app, "1 2 g i + +");
    let view = app.map().viewport();
    app.remake(MapParams { umap: crate::geometry::umap::UmapParams { seed: 4, ..app.made.umap }, ..app.made });
    app.jobs.start(JobKind::Map, patient);
    play(&mut app, "Ctrl-c");
    await_jobs(&mut app, &jobs, |app| app.kept.is_none());
    assert_eq!(app.map().viewport(), view);
    play(&mut app, "u");
    assert!(app.map().viewport() != view && words(&app).contains("zooming"));
    // And where something was shown, the view of the old one comes back with it.
    play(&mut app, "1 2 g i + + +");
    let view = app.map().viewport();
    app.remake(app.params);
    app.jobs.start(JobKind::Map, patient);
    app.take(layout(50.0));
    assert_ne!(app.map().viewport(), view);
    play(&mut app, "Ctrl-c");
    await_jobs(&mut app, &jobs, |app| app.kept.is_none());
    assert_eq!(app.map().viewport(), view);
}

#[test]
fn clusters_of_the_map_before_are_called_that_and_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forming.csv");
    let (mut app, jobs) = ready();
    app.remake(app.params);
    app.jobs.start(JobKind::Map, patient);
    app.take(layout(1.0));
    assert!(app.has_old_clusters() && app.clusters().is_some());
    play(&mut app, &format!("e Ctrl-u {} Enter", typed(path.to_str().unwrap())));
    await_jobs(&mut app, &jobs, |app| app.files().len() == 1);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("feature,x,y,label") && !text.contains("min_samples"), "{text}");
    app.jobs.cancel_kind(JobKind::Map);
}

#[test]
fn a_search_from_before_keeps_to_what_is_shown_now() {
    let mut app = after(&format!("f {} Enter / {} Enter", typed("feature < 13"), typed("colour")));
    assert_eq!((app.search().unwrap().hits.len(), app.search().unwrap().at()), (3, Some(0)));
    play(&mut app, "/");
    app.filters.clear();
    app.refilter();
    play(&mut app, "Esc");
    assert_eq!(app.search().unwrap().hits.len(), 10);
    // A match that is hidden is no place; the next one shown is the next one.
    play(&mut app, &format!("f {} Enter", typed("not feature in (10)")));
    assert_eq!(app.search().unwrap().at(), None);
    play(&mut app, "n");
    assert_eq!((app.selected(), app.search().unwrap().at()), (Some(11), Some(0)));
    play(&mut app, "N");
    assert_eq!(app.selected(), Some(19));
}

#[test]
fn what_jobs_have_undone_is_not_undone_again() {
    let (mut app, jobs) = ready();
    play(&mut app, &format!("m a f {} Enter c x", typed("not cluster in (A, B)")));
    play(&mut app, "c s Ctrl-u m i n - c l u s t e r - s i z e = 4 Enter");
    jobs_end(&mut app, &jobs);
    play(&mut app, "u");
    assert!(app.marks().is_empty() && words(&app).contains("mark.shown"), "{}", words(&app));
}

#[test]
fn a_cancelled_grouping_is_run_again_as_it_was_asked_for() {
    let (mut app, jobs) = ready();
    app.regrouping = Some(HdbscanParams { min_cluster_size: 4, min_samples: Some(3) });
    app.jobs.start(JobKind::Clusters, patient);
    play(&mut app, "J x r");
    jobs_end(&mut app, &jobs);
    assert_eq!((app.made().hdbscan.min_cluster_size, app.made().hdbscan.samples()), (4, 3));
}
