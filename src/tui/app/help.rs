//! The lines of the help, made from the one table: what works here first, then everything.

use crate::tui::action::{ACTIONS, Context, GROUPS, Row};
use crate::tui::input::EDITS;
use crate::tui::keymap::Keymap;
use crate::tui::widgets::text;

/// One line of the help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HelpLine {
    /// A heading.
    Title(String),
    /// A command.
    Command {
        /// Its keys, the one to learn first.
        keys: Vec<String>,
        /// Its name in the palette; empty for an editing key.
        name: &'static str,
        /// What it does; as much as fits in a line.
        doc: String,
    },
    /// The rest of what a command does.
    More(String),
    /// Nothing.
    Blank,
}

/// Columns of the keys.
pub const KEYS: u16 = 20;
/// Columns of the name in the palette, shown where there is room for the description beside it.
pub const NAME: u16 = 24;

/// Whether a pane of so many columns has room for names.
pub fn has_names(width: u16) -> bool {
    width >= 100
}

/// Columns that are left for descriptions in a pane of so many.
pub(super) fn doc_columns(width: u16) -> u16 {
    width.saturating_sub(2 + 2 + KEYS + 1 + if has_names(width) { NAME } else { 0 })
}

/// A command before its description is broken into lines.
struct Entry {
    keys: Vec<String>,
    name: &'static str,
    doc: &'static str,
}

/// The lines of the help for someone who came from `context`, those whose key, name or text holds `query` (case
/// folded), with descriptions in lines of `columns`; headings without lines are left out.
pub fn help_lines(keymap: &Keymap, context: Context, query: &str, columns: u16) -> Vec<HelpLine> {
    let mut lines = Vec::new();
    let mut section = |title: String, rows: Vec<Entry>| {
        let rows: Vec<Entry> = rows.into_iter().filter(|entry| holds(entry, query)).collect();
        if !rows.is_empty() {
            if !lines.is_empty() {
                lines.push(HelpLine::Blank);
            }
            lines.push(HelpLine::Title(title));
        }
        for Entry { keys, name, doc } in rows {
            let mut parts = text::wrap(doc, columns.into()).into_iter();
            lines.push(HelpLine::Command { keys, name, doc: parts.next().unwrap_or_default() });
            lines.extend(parts.map(HelpLine::More));
        }
    };
    let command =
        |row: &Row, context: Context| Entry { keys: keymap.keys(context, row.action), name: row.name, doc: row.doc };
    let of_group = |group: &str, here: bool| {
        ACTIONS
            .iter()
            .filter(|row| row.group() == group && row.works_in(context) == here)
            .map(|row| command(row, if here { context } else { row.contexts[0] }))
            .collect::<Vec<_>>()
    };
    for (group, title) in GROUPS {
        section((*title).to_string(), of_group(group, true));
    }
    let mut elsewhere: Vec<Entry> = Vec::new();
    for (group, _) in GROUPS.iter().filter(|(group, _)| !matches!(*group, "typing" | "question")) {
        elsewhere.extend(of_group(group, false));
    }
    section(format!("Elsewhere (not in {})", context.name()), elsewhere);
    for group in ["typing", "question"] {
        let title = GROUPS.iter().find(|(name, _)| *name == group).map_or("", |(_, title)| *title);
        let mut rows = of_group(group, false);
        if group == "typing" {
            rows.extend(EDITS.iter().map(|(_, keys, doc)| Entry {
                keys: keys.iter().map(ToString::to_string).collect(),
                name: "",
                doc,
            }));
        }
        section(title.to_string(), rows);
    }
    lines
}

fn holds(entry: &Entry, query: &str) -> bool {
    let query = query.trim().to_lowercase();
    query.is_empty()
        || entry.name.contains(&query)
        || entry.doc.to_lowercase().contains(&query)
        || entry.keys.iter().any(|key| key.to_lowercase() == query)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_help_shows_every_command_once_whatever_the_context() {
        let keymap = Keymap::standard();
        for context in Context::ALL.into_iter().filter(|c| !matches!(c, Context::Prompt | Context::Confirm)) {
            let lines = help_lines(&keymap, context, "", 80);
            let names: Vec<&str> = lines
                .iter()
                .filter_map(|line| match line {
                    HelpLine::Command { name, keys, .. } => {
                        assert!(!keys.is_empty(), "{name} has no key");
                        Some(*name).filter(|name| !name.is_empty())
                    }
                    _ => None,
                })
                .collect();
            let expected: BTreeSet<&str> = ACTIONS.iter().map(|row| row.name).collect();
            assert_eq!(names.iter().copied().collect::<BTreeSet<_>>(), expected);
            assert_eq!(names.len(), expected.len(), "a command is listed twice");
        }
    }

    #[test]
    fn what_works_here_comes_first() {
        let lines = help_lines(&Keymap::standard(), Context::Jobs, "", 80);
        let at = |wanted: &str| {
            lines.iter().position(|line| matches!(line, HelpLine::Command { name, .. } if *name == wanted)).unwrap()
        };
        assert!(at("job.cancel") < at("map.fit"));
    }

    #[test]
    fn descriptions_are_broken_and_nothing_of_them_is_lost() {
        let lines = help_lines(&Keymap::standard(), Context::Map, "", 30);
        let mut docs: Vec<String> = Vec::new();
        for line in &lines {
            match line {
                HelpLine::Command { doc, .. } => docs.push(doc.clone()),
                HelpLine::More(more) => {
                    assert!(more.len() <= 30);
                    let doc = docs.last_mut().unwrap();
                    doc.push(' ');
                    doc.push_str(more);
                }
                _ => {}
            }
        }
        assert!(ACTIONS.iter().all(|row| docs.iter().any(|doc| doc == row.doc)));
    }

    #[test]
    fn the_search_keeps_lines_and_their_headings() {
        let lines = help_lines(&Keymap::standard(), Context::Map, "Zoom", 100);
        assert!(lines.iter().any(|line| matches!(line, HelpLine::Command { name: "map.zoom-in", .. })));
        assert!(!lines.iter().any(|line| matches!(line, HelpLine::Command { name: "app.quit", .. })));
        assert!(matches!(lines[0], HelpLine::Title(_)));
        assert!(help_lines(&Keymap::standard(), Context::Map, "zzzz", 100).is_empty());
        assert_eq!(help_lines(&Keymap::standard(), Context::Map, "ctrl-o", 100).len(), 2);
    }
}
