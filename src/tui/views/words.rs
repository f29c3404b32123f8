//! Words about features and clusters, the same on every page.

use crate::tui::app::App;
use crate::tui::theme::class_of;
use crate::tui::widgets::table::{Cell, Column};
use crate::tui::widgets::{Look, legend, text};
use ratatui::style::Modifier;

/// What a feature is about: its label, else its top tokens; empty if neither is known. Safe to print.
pub(super) fn about(app: &App, feature: u32) -> String {
    text::clean(app.about(feature).trim(), app.look().ascii)
}

/// The words of a cluster, with commas; empty before they are known.
pub(super) fn cluster(app: &App, cluster: i32) -> String {
    let row = app.cluster_rows().iter().find(|row| row.cluster == cluster);
    let words = row.map_or(&[][..], |row| &row.words);
    words.iter().map(|word| text::clean(word.trim(), app.look().ascii)).collect::<Vec<_>>().join(", ")
}

/// As many whole words of a cluster as fit in `columns`, at least the first (cut if it must be).
pub(super) fn cluster_short(app: &App, cluster: i32, columns: usize) -> String {
    let words = self::cluster(app, cluster);
    let mut out = String::new();
    for word in words.split(", ") {
        let gap = if out.is_empty() { 0 } else { 2 };
        if gap > 0 && text::width(&out) + gap + text::width(word) > columns {
            break;
        }
        out.push_str(if gap > 0 { ", " } else { "" });
        out.push_str(word);
    }
    text::fit(&out, columns, app.look().ascii).into_owned()
}

/// The cluster of a feature; none before there are clusters.
pub(super) fn cluster_of(app: &App, feature: u32) -> Option<i32> {
    app.clusters()?.labels.get(feature as usize).copied()
}

/// A cluster's letter or number in its colour, for tables.
pub(super) fn cluster_cell(app: &App, cluster: Option<i32>) -> Cell<'static> {
    let look = app.look();
    match cluster.map(class_of) {
        Some(class) => Cell::styled(legend::mark(class, look), look.theme.cluster(class).add_modifier(Modifier::BOLD)),
        None => Cell::from(""),
    }
}

/// A column as wide as the longest cluster's name.
pub(super) fn cluster_column(app: &App) -> Column<'static> {
    let last = app.clusters().map_or(0, |clusters| clusters.count.saturating_sub(1) as i32);
    Column::words("", legend::mark(class_of(last), app.look()).len().max(2) as u16)
}

/// The share of tokens on which a feature fires, for tables.
pub(super) fn fires(look: &Look, density: Option<f64>) -> Cell<'static> {
    match density {
        Some(0.0) => Cell::styled("never", look.theme.muted()),
        Some(density) => Cell::from(text::percent(density)),
        None => Cell::from(""),
    }
}

/// The parts that fit in `columns` joined by a dot, the first ones first; a part that does not fit is skipped.
pub(super) fn joined(parts: &[String], columns: usize) -> String {
    let mut out = String::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        let gap = if out.is_empty() { 0 } else { 3 };
        if text::width(&out) + gap + text::width(part) <= columns {
            if gap > 0 {
                out.push_str(" · ");
            }
            out.push_str(part);
        }
    }
    out
}

/// A number of a feature with three digits that matter.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        a if !a.is_finite() => "-".to_string(),
        a if a >= 99.95 => format!("{value:.0}"),
        a if a >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
