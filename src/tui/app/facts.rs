//! The lines of the page about the dictionary: what its files say, what lies beside it, every warning.

use crate::analysis::Study;
use crate::tui::widgets::text;

/// Columns of what a fact is about.
pub const WHAT: u16 = 15;

/// One line of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactLine {
    /// What it is about; empty on the further lines of a fact.
    pub what: &'static str,
    /// What of it.
    pub text: String,
    /// Whether it is a warning.
    pub is_note: bool,
}

/// What is known about the dictionary now, in lines of a pane of `width` columns.
pub fn fact_lines(study: &Study, width: u16) -> Vec<FactLine> {
    let columns = usize::from(width.saturating_sub(WHAT + 3));
    let read = study.evidence().is_some();
    let mut lines = Vec::new();
    for (what, fact) in study.known_summary().facts(&study.name) {
        let pending = !read && matches!(what, "activations" | "labels");
        let fact = if pending { "being read".to_string() } else { text::clean(&fact, false) };
        let parts = text::wrap(&fact, columns);
        let is_note = what == "note";
        lines.extend(parts.into_iter().enumerate().map(|(i, text)| FactLine {
            what: if i == 0 { what } else { "" },
            text,
            is_note,
        }));
    }
    lines
}
