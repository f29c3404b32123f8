//! Jobs, files, sizes, the mouse: what goes on around the keys.

use super::*;

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
fn glyphs_mouse_redraw_and_suspend_reach_the_terminal() {
    let (mut app, _jobs) = ready();
    let before = app.look().glyphs;
    assert_eq!(app.update(Event::Key(Key::char('i'))), [Effect::Repaint]);
    assert_ne!(app.look().glyphs, before);
    assert_eq!(app.update(Event::Key(Key::char('M'))), [Effect::Mouse(true)]);
    assert_eq!(app.update(Event::Key(Key::char('M'))), [Effect::Mouse(false)]);
    assert_eq!(app.update(Event::Key(Key::ctrl('l'))), [Effect::Repaint]);
    assert_eq!(app.update(Event::Key(Key::ctrl('z'))), [Effect::Suspend]);
    app.update(Event::Key(Key::char('/')));
    assert_eq!(app.update(Event::Key(Key::ctrl('l'))), [Effect::Repaint], "while typing as well");
}

/// A job that works until it is told to stop.
pub(super) fn patient(context: &JobContext) -> crate::error::Result<()> {
    loop {
        context.task.check()?;
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Hands the news of jobs to the app until it is as wanted.
pub(super) fn await_jobs(app: &mut App, jobs: &Receiver<JobEvent>, wanted: impl Fn(&App) -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    // What is on its way first: a job that was told to stop has ended, but its last news has yet to be heard.
    while let Ok(event) = jobs.try_recv() {
        app.update(Event::Job(event));
    }
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
    assert!(matches!(app.question(), Some(Question::Lose { job, .. }) if job == "export"));
    play(&mut app, "n");
    assert_eq!(app.question(), None);
    assert_eq!(play(&mut app, "q y").0, Ending::Quit);
    drop(app);
    assert!(jobs.iter().any(|event| matches!(event.update, JobUpdate::Cancelled)), "what still runs is told to stop");
}

#[test]
fn a_dictionary_of_a_folder_is_left_for_the_others_and_no_other_is() {
    let (mut app, _jobs) = ready();
    assert_eq!(play(&mut app, "g o").0, Ending::HungUp);
    assert!(app.message().unwrap().text.contains("was opened by itself"));
    app.has_others = true;
    assert_eq!(play(&mut app, "g o").0, Ending::Left);
    app.jobs.start(JobKind::Export, patient);
    assert_eq!(play(&mut app, "g o n").0, Ending::HungUp);
    assert_eq!(play(&mut app, "g o y").0, Ending::Left);
    assert_eq!(play(&mut app, "q y").0, Ending::Quit, "having thought of leaving changes nothing about quitting");
}

#[test]
fn escape_or_x_cancels_the_job_under_the_cursor() {
    for key in ["Esc", "x"] {
        let (mut app, jobs) = ready();
        app.jobs.start(JobKind::Map, patient);
        play(&mut app, &format!("J {key}"));
        await_jobs(&mut app, &jobs, |app| app.jobs().running().is_none());
        assert_eq!(app.page(), Page::Jobs);
    }
}

#[test]
fn a_panic_in_a_job_is_a_failed_job() {
    let (mut app, jobs) = ready();
    app.jobs.start(JobKind::Trust, |_| panic!("planted"));
    await_jobs(&mut app, &jobs, |app| app.jobs().running().is_none());
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
    await_jobs(&mut app, &jobs, |app| app.jobs().running().is_none());
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
    await_jobs(&mut app, &jobs, |app| app.jobs().running().is_none());
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
fn an_export_does_not_replace_what_is_open() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["open.csv", "open.svg"] {
        let path = folder.path().join(name);
        std::fs::write(&path, "weights").unwrap();
        let (mut app, _jobs) = ready();
        Arc::get_mut(&mut app.study).unwrap().dictionary.info.files.push(path.clone());
        play(&mut app, &format!("e Ctrl-u {} Enter y", typed(path.to_str().unwrap())));
        assert!(words(&app).contains("made from"), "{}", words(&app));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "weights");
    }
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
    let (mut app, jobs) = ready();
    play(&mut app, &format!("e Ctrl-u {} Enter", typed(path.to_str().unwrap())));
    await_jobs(&mut app, &jobs, |app| app.files().len() == 1);
    assert!(words(&app).contains("a picture"), "{}", words(&app));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("<svg") && text.contains("saescope") && !text.contains("write what is shown"));
    play(&mut app, &format!("e Ctrl-u {} Enter", typed(path.to_str().unwrap())));
    assert!(matches!(app.question(), Some(Question::Replace { .. })));
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
    app.update(mouse(MouseEventKind::Down(MouseButton::Right), plot.x + c, plot.y + r));
    app.update(mouse(MouseEventKind::Drag(MouseButton::Right), plot.x + c + 3, plot.y + r));
    assert_ne!(app.map().viewport(), before);
    app.update(mouse(MouseEventKind::Up(MouseButton::Right), 0, 0));
    let before = app.map().viewport();
    app.update(mouse(MouseEventKind::Drag(MouseButton::Left), 1, 1));
    assert_eq!(app.map().viewport(), before, "no drag without a press");
    // From corner to corner of the plot: everything in view is marked when the button is let go.
    play(&mut app, "0");
    app.update(mouse(MouseEventKind::Down(MouseButton::Left), plot.x, plot.y));
    app.update(mouse(MouseEventKind::Drag(MouseButton::Left), plot.right() + 9, plot.bottom() + 9));
    assert!(app.marks().is_empty() && app.map().outline((plot.width, plot.height)).is_some());
    app.update(mouse(MouseEventKind::Up(MouseButton::Left), plot.right(), plot.bottom()));
    assert_eq!(app.marks().len(), FEATURES);
    assert_eq!(app.map().outline((plot.width, plot.height)), None);
    play(&mut app, "u");
    assert!(app.marks().is_empty());
    // A box that was left marks nothing, and neither does a click alone.
    app.update(mouse(MouseEventKind::Down(MouseButton::Left), plot.x, plot.y));
    app.update(mouse(MouseEventKind::Drag(MouseButton::Left), plot.x + 30, plot.y + 9));
    play(&mut app, "Esc");
    app.update(mouse(MouseEventKind::Up(MouseButton::Left), plot.x + 30, plot.y + 9));
    assert!(app.marks().is_empty());
    app.update(mouse(MouseEventKind::Down(MouseButton::Left), plot.x, plot.y));
    app.update(mouse(MouseEventKind::Up(MouseButton::Left), plot.x, plot.y));
    assert!(app.marks().is_empty());
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

#[test]
fn interrupt_cancels_what_is_typed_then_the_job_then_quits() {
    let (mut app, jobs) = ready();
    app.jobs.start(JobKind::Map, patient);
    assert_eq!(play(&mut app, "/ a Ctrl-c").0, Ending::HungUp);
    assert!(app.prompt().is_none() && app.jobs().running().is_some());
    assert_eq!(play(&mut app, "Ctrl-c").0, Ending::HungUp);
    await_jobs(&mut app, &jobs, |app| app.jobs().running().is_none());
    assert!(words(&app).contains("cancelled"));
    assert_eq!(app.map().stage(), Stage::Finished, "the last full result stays");
    assert_eq!(play(&mut app, "Ctrl-c").0, Ending::Quit);
}

#[test]
fn the_map_is_grouped_anew_and_what_named_old_clusters_goes() {
    let (mut app, jobs) = ready();
    play(&mut app, "1 2 g i c c c s Ctrl-u m i n - c l u s t e r - s i z e = 4 Enter");
    assert!(app.message().is_some_and(|message| !message.is_error), "{}", words(&app));
    await_jobs(&mut app, &jobs, |app| app.jobs().running().is_none());
    assert_eq!((app.made().hdbscan.min_cluster_size, app.made().hdbscan.samples()), (4, 4));
    let task = Task::new(1).unwrap();
    let layout = app.table().coordinates.unwrap().clone();
    let wanted = app.study.map_clusters(app.made(), &layout, &task).unwrap();
    assert_eq!(app.clusters(), Some(&wanted));
    assert_eq!(app.filters().chips(), [], "cluster B was another cluster");
    assert!(play(&mut app, "u u").0 == Ending::HungUp && app.filters().is_empty());
    // Steps: finer twice is 3, and a third step says so.
    play(&mut app, "9 c +");
    await_jobs(&mut app, &jobs, |app| app.jobs().running().is_none());
    assert_eq!(app.made().hdbscan.min_cluster_size, 3);
    play(&mut app, "c +");
    assert!(words(&app).contains("smallest"), "{}", words(&app));
    play(&mut app, "c s Ctrl-u m i n - s a m p l e s = x Enter");
    assert!(matches!(app.prompt().unwrap().note(), Note::Bad(why) if why.contains("min-cluster-size=3")));
}

#[test]
fn a_map_made_anew_comes_with_its_own_trust_and_a_cancelled_one_leaves_the_old() {
    let (mut app, jobs) = ready();
    let place = |app: &App| app.map().place(12);
    let old = place(&app);
    let params = *app.made();
    app.remake(params);
    app.jobs.start(JobKind::Map, patient);
    app.take(Product::Layout { epoch: 1, epochs: 2, coordinates: Arc::new(Points::new(vec![7.0; 2 * FEATURES], 2)) });
    assert_ne!(place(&app), old);
    play(&mut app, "J x");
    await_jobs(&mut app, &jobs, |app| app.jobs().running().is_none());
    assert_eq!((place(&app), app.map().stage()), (old, Stage::Finished));
    play(&mut app, "Esc L Ctrl-u n e i g h b o r s = 5 Space s e e d = 3 Enter");
    await_jobs(&mut app, &jobs, |app| app.trust().is_some() && app.jobs().running().is_none());
    assert_eq!((app.made().umap.neighbors, app.made().umap.seed), (5, 3));
    assert_ne!(place(&app), old);
    play(&mut app, "L Ctrl-u n e i g h b o r s = 9 9 Enter");
    assert!(matches!(app.prompt().unwrap().note(), Note::Bad(why) if why.contains("2 to 32")));
}
