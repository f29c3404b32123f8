//! Rebound keys: what the user chose is what the screen says, and nothing says anything else.

use super::*;
use crate::tui::action::ACTIONS;
use crate::tui::keymap::rebind::{Rebinding, read_keys};
use std::path::Path;

fn rebound(rebindings: &[(Action, &str)]) -> Keymap {
    let one = |&(action, keys): &(Action, &str)| Rebinding {
        action,
        context: None,
        keys: keys.split(", ").filter(|keys| !keys.is_empty()).map(|keys| read_keys(keys).unwrap()).collect(),
    };
    Keymap::rebound(&rebindings.iter().map(one).collect::<Vec<_>>()).unwrap()
}

/// An app that knows everything, with other keys.
fn ready_with(rebindings: &[(Action, &str)]) -> (App, Receiver<JobEvent>) {
    let (mut app, jobs) = ready();
    app.keymap = rebound(rebindings);
    (app, jobs)
}

#[test]
fn every_rebound_command_shows_its_key_in_hints_help_palette_and_prefix_box() {
    for row in ACTIONS {
        let keymap = rebound(&[(row.action, "F9 F8")]);
        for context in row.contexts.iter().copied() {
            if let Some(hint) = row.hint {
                assert!(keymap.hints(context).contains(&("F9 F8".into(), hint)), "{}: the bottom bar", row.name);
            }
            let mut presses = Presses::default();
            presses.press(&keymap, context, Key::parse("F9").unwrap());
            let next = presses.continuations(&keymap, context);
            assert!(next.iter().any(|(key, own)| key.to_string() == "F8" && own.name == row.name), "{}", row.name);
        }
        let lines = help_lines(&keymap, row.contexts[0], "", 80);
        let shown = lines.iter().any(
            |line| matches!(line, HelpLine::Command { keys, name, .. } if *name == row.name && *keys == ["F9 F8"]),
        );
        assert!(shown, "{}: the help", row.name);
        if row.contexts.iter().any(|context| !matches!(context, Context::Prompt | Context::Confirm)) {
            let all = prompt::commands("", &keymap, row.contexts[0]);
            let entry = all.iter().find(|entry| entry.text == row.name).unwrap();
            assert_eq!(entry.key.as_deref(), Some("F9 F8"), "{}: the palette", row.name);
        }
    }
}

#[test]
fn a_rebound_key_works_and_the_old_one_does_not() {
    let (mut app, _jobs) = ready_with(&[(Action::GoClusters, "F5"), (Action::Help, "F6"), (Action::Back, "Backspace")]);
    play(&mut app, "F5");
    assert_eq!(app.page(), Page::Clusters);
    play(&mut app, "Backspace");
    assert_eq!(app.page(), Page::Map);
    play(&mut app, "g c");
    assert_eq!(words(&app), "no command g c here; F6 shows the keys");
    play(&mut app, "Esc");
    assert_eq!(words(&app), "no command Esc here; F6 shows the keys");
    // What was begun is taken back by either.
    for key in ["Backspace", "Esc"] {
        play(&mut app, &format!("g {key}"));
        assert_eq!((app.pending(), app.page()), (String::new(), Page::Map));
    }
}

#[test]
fn messages_name_the_keys_that_there_are() {
    let (mut app, _jobs) = ready_with(&[
        (Action::Mark, "F2"),
        (Action::Back, "F3"),
        (Action::Search, ""),
        (Action::GoManifolds, "F4"),
        (Action::MoveUp, "k"),
        (Action::ClearFilters, "F7"),
    ]);
    play(&mut app, "v");
    assert_eq!(words(&app), "move to span the box; F2 marks what is in it, F3 leaves it");
    play(&mut app, "v n");
    assert_eq!(words(&app), "no search is on; :find.search begins one");
    play(&mut app, "x");
    assert_eq!(words(&app), "h j k l move the view");
    assert_eq!(app.awaited_manifold(), "no group is open: F4 lists them");
    let (mut app, _jobs) = ready();
    play(&mut app, "x");
    assert_eq!(words(&app), "the arrows move the view");
}

/// Whether a string of the source speaks of a key by itself.
fn names_a_key(text: &str) -> bool {
    let word = |wanted: &str| {
        text.match_indices(wanted).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + wanted.len()..].chars().next();
            let apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
            apart(before) && apart(after)
        })
    };
    let sequences = ACTIONS.iter().flat_map(|row| row.keys).filter(|keys| keys.contains(' '));
    let named = ["Esc", "Enter", "Tab", "Space", "PgDn", "PgUp", "Delete", "Backspace"];
    let one = |verb: &str| {
        text.match_indices(verb).any(|(at, _)| {
            let mut before = text[..at].chars().rev();
            before.next().is_some_and(|c| c.is_alphabetic() || "/?:&".contains(c))
                && before.next().is_none_or(|c| c == ' ' || c == '"')
        })
    };
    let verbs =
        [" lists", " lets", " changes", " shows", " marks", " begins", " runs", " goes", " leaves", " searches"];
    named.iter().any(|name| word(name))
        || text.contains("Ctrl-")
        || sequences.into_iter().any(|keys| word(keys))
        || verbs.iter().any(|verb| one(verb))
}

/// The string literals of a source file outside of its tests and comments.
fn literals(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut found = Vec::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        found.extend(line.split('"').skip(1).step_by(2).map(str::to_string));
    }
    found
}

#[test]
fn no_message_names_a_key_without_asking_the_keymap() {
    assert!(names_a_key("no group is open: g f lists them") && names_a_key("Esc lists all"));
    assert!(names_a_key("/ searches") && names_a_key("v lists the tokens between"));
    assert!(!names_a_key("a feature fires on {} on average") && !names_a_key("nothing is marked"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui");
    let mut files = vec![root.join("picker.rs"), root.join("action.rs")];
    for folder in ["app", "views", "widgets"] {
        files.extend(std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()));
    }
    let mut literals_seen = 0;
    for file in files.iter().filter(|file| file.extension().is_some_and(|suffix| suffix == "rs")) {
        if file.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        let source = std::fs::read_to_string(file).unwrap();
        let all = literals(&source);
        literals_seen += all.len();
        // The table itself names keys; its descriptions do not.
        let is_table = file.ends_with("action.rs");
        for text in all.iter().filter(|text| !is_table || text.contains(' ') && text.len() > 8) {
            assert!(!names_a_key(text), "{}: {text:?}", file.display());
        }
    }
    assert!(literals_seen > 500, "the sources were read");
}
