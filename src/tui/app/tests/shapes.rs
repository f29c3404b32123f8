//! The pages of groups: found by a job, listed, opened, looked at from all sides, grown by hand.

use super::*;
use crate::analysis::jobs::Job;

/// Lets the jobs bring what they make, until none runs.
fn finish(app: &mut App, jobs: &Receiver<JobEvent>) {
    let start = Instant::now();
    while app.jobs().list().any(Job::is_running) {
        assert!(start.elapsed() < Duration::from_mins(2), "a job does not end");
        if let Ok(event) = jobs.recv_timeout(Duration::from_millis(50)) {
            app.update(Event::Job(event));
        }
    }
    while let Ok(event) = jobs.try_recv() {
        app.update(Event::Job(event));
    }
}

/// The weekday features, marked and opened as one group.
fn opened() -> (App, Receiver<JobEvent>) {
    opened_of(0..10)
}

pub(super) fn opened_of(features: impl IntoIterator<Item = u32>) -> (App, Receiver<JobEvent>) {
    let (mut app, jobs) = ready();
    app.marks.extend(features);
    play(&mut app, "m g");
    assert_eq!((app.page(), app.focus()), (Page::Manifold, Pane::Cloud));
    finish(&mut app, &jobs);
    (app, jobs)
}

#[test]
fn marked_features_are_a_group() {
    let (app, _jobs) = opened();
    let open = app.cloud().portrait().unwrap();
    assert_eq!(open.row.found.features, (0..10).collect::<Vec<u32>>());
    assert_eq!((open.row.measured.tokens, app.cloud().cloud().len()), (20, 20));
    // Five types, four tokens each, all of them of weekdays.
    let mut types: Vec<&str> = open.types.iter().map(|own| own.text.as_str()).collect();
    types.sort_unstable();
    assert_eq!(types, ["Friday", "Monday", "Sunday", "Tuesday", "holiday"]);
    assert!(open.types.iter().all(|own| own.fired == (4, 4)), "{:?}", open.types);
    let (mut empty, _jobs) = ready();
    play(&mut empty, "m g");
    assert_eq!((empty.page(), words(&empty)), (Page::Map, "nothing is marked"));
}

#[test]
fn planes_turns_colours_words_and_charts() {
    let (mut app, _jobs) = opened();
    play(&mut app, "r");
    assert!(words(&app).contains("no third component"), "two directions span the weekdays");
    // Of all three clusters.
    let (mut app, _jobs) = opened_of((0..4).chain(10..14).chain(20..24));
    let first = app.cloud().plane_name();
    let place = |app: &App| (app.cloud().cloud().x.to_vec(), app.cloud().cloud().y.to_vec());
    let flat = place(&app);
    play(&mut app, "p");
    assert_ne!(app.cloud().plane_name(), first);
    assert_ne!(place(&app), flat);
    play(&mut app, "P");
    assert_eq!((app.cloud().plane_name(), place(&app)), (first.clone(), flat.clone()));
    play(&mut app, "h");
    assert_eq!(place(&app), flat, "flat, the arrows turn nothing");
    play(&mut app, "r");
    let turned = place(&app);
    assert_ne!(turned, flat);
    play(&mut app, "l l k");
    assert_ne!(place(&app), turned);
    play(&mut app, "r");
    assert_eq!(place(&app), flat);
    let tints: Vec<String> = (0..13)
        .map(|_| {
            play(&mut app, "o");
            app.cloud().tint_name()
        })
        .collect();
    assert!(tints.contains(&"#3".to_string()) && tints.contains(&"length".into()), "{tints:?}");
    assert!(app.cloud().has_words());
    play(&mut app, "w");
    assert!(!app.cloud().has_words());
    let mut charts = Vec::new();
    for _ in 0..7 {
        play(&mut app, "d");
        charts.push(app.cloud().chart().name());
    }
    assert_eq!(charts, ["loops", "diagram", "capture", "cosines", "stability", "why", "cloud"]);
}

#[test]
fn tokens_are_listed_along_the_manifold_and_an_arc_of_them_alone() {
    let (mut app, _jobs) = opened();
    play(&mut app, "Tab");
    let open = app.cloud().portrait().unwrap();
    let strong = open.strong.iter().filter(|strong| **strong).count();
    assert!((10..20).contains(&strong), "{strong}");
    let nowhere = open.along == crate::analysis::portrait::Along::Nothing;
    assert_eq!((app.focus(), app.rows(Pane::Along)), (Pane::Along, if nowhere { 20 } else { strong }));
    let all = app.cloud().listed().to_vec();
    if app.cloud().portrait().unwrap().along != crate::analysis::portrait::Along::Nothing {
        let s: Vec<f64> = all.iter().map(|&point| app.cloud().portrait().unwrap().s[point as usize].unwrap()).collect();
        assert!(s.is_sorted(), "{s:?}");
    }
    play(&mut app, "3 j v 4 j v");
    assert_eq!(app.cloud().listed(), &all[3..8]);
    assert!(words(&app).contains("5 tokens in this arc"), "{}", words(&app));
    play(&mut app, "Esc");
    assert_eq!(app.cloud().listed(), all);
    play(&mut app, "Esc Esc");
    assert_eq!(app.page(), Page::Map);
}

#[test]
fn a_group_grows_by_what_is_nearest_and_shrinks_again() {
    let (mut app, jobs) = ready();
    app.marks.extend(0..9);
    play(&mut app, "m g");
    finish(&mut app, &jobs);
    play(&mut app, "+");
    finish(&mut app, &jobs);
    // Of all others the tenth weekday has the largest cosine, and nothing fires where the group does.
    assert_eq!(app.cloud().portrait().unwrap().row.found.features, (0..10).collect::<Vec<u32>>());
    assert!(words(&app).starts_with("#9 added: weekday 9"), "{}", words(&app));
    play(&mut app, "-");
    finish(&mut app, &jobs);
    assert_eq!(app.cloud().portrait().unwrap().row.found.features, (0..9).collect::<Vec<u32>>());
    play(&mut app, "-");
    assert_eq!(words(&app), "nothing was added to this group");
}

#[test]
fn groups_are_found_listed_sorted_filtered_and_opened() {
    let (mut app, jobs) = ready();
    play(&mut app, "g f");
    assert_eq!((app.page(), app.shapes().rows().is_none()), (Page::Manifolds, true));
    finish(&mut app, &jobs);
    let rows = app.shapes().rows().unwrap().to_vec();
    assert!(!rows.is_empty() && app.shapes().is_whole(), "{rows:?}");
    assert!(rows.is_sorted_by(|a, b| a.score >= b.score));
    let scores =
        |app: &App| (0..app.rows(Pane::Manifolds)).map(|at| app.shapes().at(at).unwrap().score).collect::<Vec<_>>();
    let best_first = scores(&app);
    play(&mut app, "S");
    assert_eq!(scores(&app), best_first.iter().rev().copied().collect::<Vec<_>>());
    play(&mut app, "S");
    play(&mut app, &format!("f {} Enter", typed("no such words")));
    assert_eq!(app.rows(Pane::Manifolds), 0);
    play(&mut app, &format!("f Ctrl-u {} Enter", typed("weekday")));
    let found = app.rows(Pane::Manifolds);
    assert!(found > 0 && found < rows.len(), "{found} of {}", rows.len());
    let here = app.group_here().unwrap().found.clone();
    assert_eq!(app.members(), here.features);
    play(&mut app, "Space");
    assert_eq!(app.marks().iter().copied().collect::<Vec<u32>>(), here.features);
    play(&mut app, "Enter");
    finish(&mut app, &jobs);
    assert_eq!(app.cloud().portrait().unwrap().row.found, here);
    play(&mut app, "Esc");
    assert_eq!((app.page(), app.rows(Pane::Manifolds)), (Page::Manifolds, found));
}

#[test]
fn what_is_listed_and_what_is_open_is_written_as_the_verbs_do() {
    let folder = tempfile::tempdir().unwrap();
    let (mut app, jobs) = opened();
    let path = folder.path().join("group.json");
    app.export(&path, false, false);
    finish(&mut app, &jobs);
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(written["tokens"].as_array().unwrap().len(), 20);
    assert_eq!(written["provenance"]["parameters"]["features"].as_array().unwrap().len(), 10);
    play(&mut app, "g f");
    finish(&mut app, &jobs);
    let path = folder.path().join("groups.json");
    app.export(&path, false, false);
    finish(&mut app, &jobs);
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let rows = written["manifolds"].as_array().unwrap();
    assert_eq!(rows.len(), app.rows(Pane::Manifolds));
    assert_eq!(
        (rows[0]["rank"].as_u64(), rows[0]["score"].as_f64()),
        (Some(1), Some(app.shapes().at(0).unwrap().score))
    );
}
