//! Search, filter, palette, pastes: what is typed and what comes of it.

use super::*;

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
    let app = after(&format!("/ {} Down Enter", typed("code")));
    assert_eq!(app.selected(), Some(21), "the first is shown already");
    // What is filtered out is counted, not shown.
    let app = after(&format!("f {} Enter / {}", typed("feature > 25"), typed("code")));
    assert_eq!(app.prompt().unwrap().note(), &Note::Good("4 matches, 6 more filtered out".into()));
    assert_eq!(app.selected(), Some(26));
    let app = after(&format!("f {} Enter / {}", typed("feature > 25"), typed("colour")));
    assert_eq!(app.prompt().unwrap().note(), &Note::Bad("10 matches, filtered out".into()));
    // Tokens are searched as well as labels.
    let app = after(&format!("/ {} Enter", typed("sunday")));
    assert_eq!(app.clusters().unwrap().labels[app.selected().unwrap() as usize], 0);
}

#[test]
fn near_matches_are_counted_apart_and_a_suggestion_says_in_what_it_was_found() {
    let app = after(&format!("/ {}", typed("wkday")));
    assert_eq!(app.prompt().unwrap().note(), &Note::Good("no match, 10 near".into()));
    let suggestion = &app.prompt().unwrap().suggestions()[0];
    assert_eq!((suggestion.text.as_str(), suggestion.voice, suggestion.doc.as_str()), ("#0", "label", "weekday 0"));
    assert_eq!(suggestion.doc_hits, [0, 3, 4, 5, 6]);
    let app = after(&format!("/ {}", typed("sund")));
    let suggestion = &app.prompt().unwrap().suggestions()[0];
    assert_eq!(suggestion.voice, "tokens");
    assert!(suggestion.doc.starts_with("Sunday  weekday"), "{}", suggestion.doc);
    assert_eq!(suggestion.doc_hits, [0, 1, 2, 3]);
    let app = after(&format!("/ {}", typed("week sunday")));
    assert_eq!(app.prompt().unwrap().suggestions()[0].voice, "label, tokens");
    // Numbers: the feature itself, then those that begin so.
    let app = after(&format!("/ {}", typed("#2")));
    assert_eq!(app.selected(), Some(2));
    assert_eq!(app.search().unwrap().hits, [2, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
    let app = after(&format!("/ {}", typed("colour !1")));
    assert_eq!(app.prompt().unwrap().note(), &Note::Bad("nothing found".into()));
    let app = after(&format!("/ {}", typed("!colour")));
    assert_eq!(app.search().unwrap().hits.len(), 22);
}

#[test]
fn matches_are_marked_and_shown_alone() {
    let mut app = after(&format!("m / / {} Enter m /", typed("code")));
    assert_eq!(app.marks().iter().copied().collect::<Vec<_>>(), (20..30).collect::<Vec<_>>());
    play(&mut app, "u");
    assert!(app.marks().is_empty(), "marks can be taken back");
    play(&mut app, "c /");
    assert_eq!((app.shown_count(), app.filters().chips()[0].label().as_str()), (10, "matches of \"code\""));
    play(&mut app, &format!("/ {}", typed("day")));
    assert_eq!(app.prompt().unwrap().note(), &Note::Bad("10 matches, filtered out".into()));
    play(&mut app, "Esc c /");
    assert_eq!(app.shown_count(), FEATURES);
    // Only what is shown is marked.
    play(&mut app, &format!("f {} Enter m /", typed("feature > 25")));
    assert_eq!(app.marks().len(), 4);
    assert_eq!(words(&after("m /")), "no search is on; / begins one");
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

/// Where the filter cannot be read and why, and whether that is said already.
fn unread(app: &App) -> (usize, &str, bool) {
    match app.prompt().unwrap().note() {
        Note::Unread { error, unfinished } => (error.at, error.message.as_str(), unfinished.is_none()),
        other => panic!("{other:?}"),
    }
}

fn suggested(app: &App) -> Vec<&str> {
    app.prompt().unwrap().suggestions().iter().map(|suggestion| suggestion.text.as_str()).collect()
}

#[test]
fn a_filter_that_cannot_be_read_says_where_but_not_before_it_is_wrong() {
    let mut app = after(&format!("f {}", typed("density <")));
    assert_eq!(unread(&app), (9, "expected a value", false), "still being typed");
    play(&mut app, "Enter");
    assert_eq!(unread(&app), (9, "expected a value", true), "it cannot be taken");
    play(&mut app, &format!("Space {}", typed("0.5")));
    assert!(matches!(app.prompt().unwrap().note(), Note::Good(_)));
    for (text, at, said) in [
        ("den", 0, false),
        ("dencity", 0, true),
        ("density < 1 an", 12, false),
        ("density < 1 und", 12, true),
        ("label ~ \"mon", 8, false),
        ("density < many", 10, true),
        ("density ~ ", 8, true),
    ] {
        let app = after(&format!("f {}", typed(text)));
        let (place, why, is_said) = unread(&app);
        assert_eq!((place, is_said), (at, said), "{text}: {why}");
    }
    // A word that is wrong stays wrong when the cursor leaves it.
    let app = after(&format!("f {} Home", typed("density < 1 an")));
    assert_eq!(unread(&app), (12, "expected and, or, or the end", true));
    let (mut app, _jobs) = bare();
    play(&mut app, &format!("f {} Enter", typed("cluster = A")));
    assert!(matches!(app.prompt().unwrap().note(), Note::Bad(why) if why.contains("not known")));
}

#[test]
fn what_may_come_next_completes_the_filter() {
    let app = after(&format!("f {} Tab", typed("dens")));
    assert_eq!(app.prompt().unwrap().editor().text(), "density ");
    assert_eq!(suggested(&app), ["<", ">", "=", "<=", ">=", "!=", "in"]);
    let app = after(&format!("f {}", typed("cluster = ")));
    assert_eq!(suggested(&app), ["A", "B", "C", "none"]);
    let doc = &app.prompt().unwrap().suggestions()[0].doc;
    assert!(doc.starts_with("10 features ") && doc.contains("Monday"), "{doc}");
    // Enter takes what was chosen by hand, then the line.
    let mut app = after(&format!("f {} Down Down Down Enter", typed("cluster = ")));
    assert_eq!(app.prompt().unwrap().editor().text(), "cluster = C ");
    assert_eq!(app.prompt().unwrap().note(), &Note::Good("10 of 32 features".into()));
    play(&mut app, "Enter");
    assert_eq!((app.prompt().is_none(), app.shown_count()), (true, 10));
    // Words of the labels and tokens at hand, quoted where they must be.
    let app = after(&format!("f {}", typed("label ~ ")));
    assert_eq!(suggested(&app), ["code", "colour", "weekday"]);
    let app = after(&format!("f {} Tab", typed("top_tokens ~ f")));
    assert_eq!(app.prompt().unwrap().editor().text(), "top_tokens ~ fn ");
    let app = after(&format!("f {} Tab", typed("label = w")));
    assert_eq!(app.prompt().unwrap().editor().text(), "label = \"weekday 0\" ");
    // A number is the user's own; the range helps.
    let app = after(&format!("f {}", typed("max_activation > ")));
    assert!(suggested(&app).is_empty());
    assert!(
        matches!(app.prompt().unwrap().note(), Note::Unread { unfinished: Some(hint), .. }
            if hint == "max_activation is from 2 to 64"),
        "{:?}",
        app.prompt().unwrap().note()
    );
    // In the middle of a line the word at the cursor is replaced.
    let app = after(&format!("f {} Home Right Right Tab", typed("max > 3")));
    assert_eq!(app.prompt().unwrap().editor().text(), "max_activation > 3");
    assert!(matches!(app.prompt().unwrap().note(), Note::Good(_)));
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
    assert_eq!((app.page(), app.selection_row(0).size), (Page::Selections, 1));
    play(&mut app, "Enter");
    assert_eq!((app.page(), app.selected()), (Page::Map, Some(7)));
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
fn unknown_keys_point_to_the_help() {
    assert_eq!(words(&after("Z")), "no command Z here; ? shows the keys");
    assert!(words(&after("g Z")).contains("g Z"));
    let here = |row: &&crate::tui::action::Row| row.works_in(crate::tui::action::Context::Map);
    let begin_with_g =
        crate::tui::action::ACTIONS.iter().filter(here).filter(|row| row.keys.iter().any(|key| key.starts_with("g ")));
    assert_eq!(after("g").continuations().len(), begin_with_g.count());
    assert_eq!(after("1 2 g").pending(), "12 g");
}

#[test]
fn escape_and_a_key_that_arrive_as_one_are_both_taken() {
    let mut app = after("1 2 g i c c Alt-3");
    assert_eq!((app.filters().is_empty(), app.pending().as_str()), (true, "3"));
    play(&mut app, "Esc / a Alt-b");
    assert!(app.prompt().is_some(), "Alt-b is an editing key");
    assert_eq!(play(&mut app, "Alt-q").0, Ending::HungUp, "a line is left, the program is not");
    assert_eq!((app.prompt().is_none(), app.page()), (true, Page::Map));
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
