//! The lines of the help, made from the one table: what works here first, then everything.

use crate::tui::action::{ACTIONS, Context, GROUPS, Row};
use crate::tui::input::EDITS;
use crate::tui::keymap::Keymap;

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
        /// What it does.
        doc: &'static str,
    },
    /// Nothing.
    Blank,
}

/// The lines of the help for someone who came from `context`, those whose key, name or text holds `query` (case
/// folded); headings without lines are left out.
pub fn help_lines(keymap: &Keymap, context: Context, query: &str) -> Vec<HelpLine> {
    let mut lines = Vec::new();
    let mut section = |title: String, rows: Vec<HelpLine>| {
        let rows: Vec<HelpLine> = rows.into_iter().filter(|line| holds(line, query)).collect();
        if !rows.is_empty() {
            if !lines.is_empty() {
                lines.push(HelpLine::Blank);
            }
            lines.push(HelpLine::Title(title));
            lines.extend(rows);
        }
    };
    let command = |row: &Row, context: Context| HelpLine::Command {
        keys: keymap.keys(context, row.action),
        name: row.name,
        doc: row.doc,
    };
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
    let mut elsewhere: Vec<HelpLine> = Vec::new();
    for (group, _) in GROUPS.iter().filter(|(group, _)| !matches!(*group, "typing" | "question")) {
        elsewhere.extend(of_group(group, false));
    }
    section(format!("Elsewhere (not in {})", context.name()), elsewhere);
    for group in ["typing", "question"] {
        let title = GROUPS.iter().find(|(name, _)| *name == group).map_or("", |(_, title)| *title);
        let mut rows = of_group(group, false);
        if group == "typing" {
            rows.extend(EDITS.iter().map(|(_, keys, doc)| HelpLine::Command {
                keys: keys.iter().map(ToString::to_string).collect(),
                name: "",
                doc,
            }));
        }
        section(title.to_string(), rows);
    }
    lines
}

fn holds(line: &HelpLine, query: &str) -> bool {
    let query = query.trim().to_lowercase();
    match line {
        HelpLine::Command { keys, name, doc } => {
            query.is_empty()
                || name.contains(&query)
                || doc.to_lowercase().contains(&query)
                || keys.iter().any(|key| key.to_lowercase() == query)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_help_shows_every_command_once_whatever_the_context() {
        let keymap = Keymap::standard();
        for context in Context::ALL.into_iter().filter(|c| !matches!(c, Context::Prompt | Context::Confirm)) {
            let lines = help_lines(&keymap, context, "");
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
        let lines = help_lines(&Keymap::standard(), Context::Jobs, "");
        let at = |wanted: &str| {
            lines.iter().position(|line| matches!(line, HelpLine::Command { name, .. } if *name == wanted)).unwrap()
        };
        assert!(at("job.cancel") < at("map.fit"));
    }

    #[test]
    fn the_search_keeps_lines_and_their_headings() {
        let lines = help_lines(&Keymap::standard(), Context::Map, "Zoom");
        assert!(lines.iter().any(|line| matches!(line, HelpLine::Command { name: "map.zoom-in", .. })));
        assert!(!lines.iter().any(|line| matches!(line, HelpLine::Command { name: "app.quit", .. })));
        assert!(matches!(lines[0], HelpLine::Title(_)));
        assert!(help_lines(&Keymap::standard(), Context::Map, "zzzz").is_empty());
        assert_eq!(help_lines(&Keymap::standard(), Context::Map, "ctrl-o").len(), 2);
    }
}
