//! The selections: what is marked, and what was kept under a name; beside them the one under the cursor.

use super::members;
use super::words::{self, joined};
use crate::text::counted;
use crate::tui::action::{Action, Context};
use crate::tui::app::{App, Pane as Focus};
use crate::tui::layout::Areas;
use crate::tui::theme::class_of;
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::table::{Cell, Column, Table};
use crate::tui::widgets::{legend, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::collections::BTreeMap;

pub(super) fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let theme = &look.theme;
    let focused = app.focus() == Focus::Selections;
    let named = app.selections().map_or(0, |all| all.list().len());
    let remark = match app.selections() {
        None => "being read".to_string(),
        Some(all) if all.path().is_none() && named > 0 => "kept for this run".into(),
        Some(_) => counted(named, "name", "names"),
    };
    let inside = Pane { title: "selections", remark: &remark, focused, ..Pane::default() }.render(look, area, buf);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let columns = [
        Column::words("selection", 16).growing(1),
        Column::number("features", 8),
        Column::number("shown", 7),
        Column::number("marked", 7),
    ];
    let row = |at: usize| {
        let row = app.selection_row(at);
        let name = match &row.name {
            Some(name) => Cell::styled(text::clean(name, look.ascii), theme.text()),
            None => Cell::styled("marked now", theme.strong()),
        };
        let number = |count: usize| text::thousands(count as u64);
        let shown = if row.shown == row.size { theme.muted() } else { theme.text() };
        let marked = if row.marked == 0 || at == 0 { String::new() } else { number(row.marked) };
        vec![name, Cell::from(number(row.size)), Cell::styled(number(row.shown), shown), Cell::from(marked)]
    };
    let list = app.list(Focus::Selections);
    let rows = named + 1;
    Table { columns: &columns, rows, row: &row, offset: list.offset, selected: Some(list.cursor), header: true }
        .render(look, inside, buf);
    // Below the rows there is room to say what can be done with them.
    let below = inside.y + 2 + rows as u16;
    if below < inside.bottom() {
        let rest = Rect { y: below, height: inside.bottom() - below, ..inside };
        let lines: Vec<(String, Style)> = help(app).into_iter().map(|line| (line, theme.muted())).collect();
        super::charts::lines(app, &lines, rest, buf);
    }
}

/// What can be done here, with the keys.
fn help(app: &App) -> Vec<String> {
    let here = |action| app.keymap().way(Context::Selections, action);
    let mut lines = Vec::new();
    if app.marks().is_empty() {
        lines.push(format!(
            "nothing is marked: {} marks what is under the cursor, on the map and in every list",
            here(Action::Mark)
        ));
    } else {
        lines.push(format!("{} keeps what is marked under a name", here(Action::SaveMarks)));
    }
    if app.selections().is_some_and(|all| !all.list().is_empty()) {
        lines.push(format!(
            "marks become: {} this selection, {} both together, {} what both have, {} what this one has not",
            here(Action::TakeSelection),
            here(Action::UniteSelection),
            here(Action::IntersectSelection),
            here(Action::SubtractSelection)
        ));
        lines.push(format!(
            "{} shows only its features, as the filter selection = \"name\"",
            here(Action::OnlySelection)
        ));
    }
    lines.push(format!(
        "{} writes the one under the cursor to a file, {} reads such a file",
        here(Action::Export),
        here(Action::ImportSelections)
    ));
    lines
}

/// The selection under the cursor: of which clusters it is, and its features.
pub(super) fn aside(app: &App, areas: &Areas, buf: &mut Buffer) {
    let look = app.look();
    let theme = &look.theme;
    let row = app.selection_row(app.list(Focus::Selections).cursor);
    let title = row.name.as_deref().map_or_else(|| "marked now".to_string(), |name| text::clean(name, look.ascii));
    let mut lines: Vec<(String, Style)> = Vec::new();
    let mut counts = vec![counted(row.size, "feature", "features")];
    counts.push(format!("{} shown", text::thousands(row.shown as u64)));
    if row.name.is_some() {
        counts.push(format!("{} marked", text::thousands(row.marked as u64)));
    }
    lines.push((counts.join(" · "), theme.text()));
    let mut clusters: BTreeMap<i32, usize> = BTreeMap::new();
    for feature in app.members() {
        if let Some(cluster) = words::cluster_of(app, *feature) {
            *clusters.entry(cluster).or_default() += 1;
        }
    }
    let mut clusters: Vec<(i32, usize)> = clusters.into_iter().collect();
    clusters.sort_by_key(|(cluster, count)| (std::cmp::Reverse(*count), *cluster));
    let parts: Vec<String> = clusters
        .iter()
        .map(|(cluster, count)| match cluster {
            0.. => format!("{} {count}", legend::mark(class_of(*cluster), look)),
            _ => format!("no cluster {count}"),
        })
        .collect();
    if !parts.is_empty() {
        let room = usize::from(areas.summary.width).saturating_sub(9);
        lines.push((format!("clusters {}", joined(&parts, room)), theme.text()));
    }
    if let Some(density) = members::mean_density(app) {
        lines.push((format!("a feature fires on {} on average", text::percent(density)), theme.muted()));
    }
    members::pane(app, areas, &title, &lines, "its features, middle first", buf);
}
