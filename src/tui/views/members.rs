//! Beside lists of sets and charts of features: the set under the cursor, and its features.

use super::inspector::rule;
use super::words::{self, about};
use crate::tui::app::{App, Pane as Focus};
use crate::tui::layout::{Areas, Page};
use crate::tui::theme::class_of;
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::table::{Cell, Column, Table};
use crate::tui::widgets::{legend, text};
use ratatui::buffer::Buffer;
use ratatui::style::{Modifier, Style};

pub(super) fn draw(app: &App, areas: &Areas, buf: &mut Buffer) {
    let look = app.look();
    let theme = &look.theme;
    let Some(here) = app.cluster_rows().get(app.list(Focus::Clusters).cursor) else {
        return pane(app, areas, "cluster", &[], "its features", buf);
    };
    let class = class_of(here.cluster);
    let title = match here.cluster {
        0.. => format!("cluster {}", legend::mark(class, look)),
        _ => "in no cluster".to_string(),
    };
    let all = app.study().features().max(1) as f64;
    let words = words::cluster(app, here.cluster);
    let style = theme.cluster(class).add_modifier(Modifier::BOLD);
    let mut lines: Vec<(String, Style)> = Vec::new();
    lines.extend(text::wrap(&words, areas.summary.width.into()).into_iter().map(|line| (line, style)));
    let many = if here.size == 1 { "feature" } else { "features" };
    let share = text::percent(here.size as f64 / all);
    lines.push((format!("{} {many}, {share} of all", text::thousands(here.size as u64)), theme.text()));
    let mut counts = vec![format!("{} shown", text::thousands(here.shown as u64))];
    if here.marked > 0 {
        counts.push(format!("{} marked", text::thousands(here.marked as u64)));
    }
    lines.push((counts.join(" · "), theme.muted()));
    if let Some(density) = mean_density(app) {
        lines.push((format!("a feature fires on {} on average", text::percent(density)), theme.text()));
    }
    pane(app, areas, &title, &lines, "its features, middle first", buf);
}

/// The side pane of a set of features: what is said of it, then its features under a heading.
pub(super) fn pane(app: &App, areas: &Areas, title: &str, lines: &[(String, Style)], heading: &str, buf: &mut Buffer) {
    if areas.side.is_empty() {
        return;
    }
    let look = app.look();
    let theme = &look.theme;
    let focused = app.focus() == Focus::Members;
    Pane { title, focused, ..Pane::default() }.render(look, areas.side, buf);
    for (y, (line, style)) in (areas.summary.y..areas.summary.bottom()).zip(lines) {
        let line = text::fit(line, areas.summary.width.into(), look.ascii);
        text::put(buf, areas.summary, areas.summary.x, y, &line, *style);
    }
    if !areas.heading.is_empty() {
        rule(app, heading, areas.heading, buf);
    }
    let members = app.members();
    let columns = [Column::number("feature", 6), Column::words("about", 8).growing(1)];
    let row = |i: usize| {
        let feature = members[i];
        let style = if app.marks().contains(&feature) { theme.marked() } else { Style::new() };
        let words = if app.is_shown(feature) { theme.text() } else { theme.muted() };
        vec![Cell::styled(format!("#{feature}"), style), Cell::styled(about(app, feature), words)]
    };
    let list = app.list(Focus::Members);
    // On the heatmap the list goes along with the cursor of the matrix.
    let selected = (focused || app.page() == Page::Heatmap).then_some(list.cursor);
    Table { columns: &columns, rows: members.len(), row: &row, offset: list.offset, selected, header: false }
        .render(look, areas.list, buf);
}

/// Mean share of the tokens on which a feature of the cluster fires; none without activations.
pub(super) fn mean_density(app: &App) -> Option<f64> {
    let activations = app.study().activations()?;
    let members = app.members();
    let sum: f64 = members.iter().map(|feature| activations.density(*feature as usize)).sum();
    (!members.is_empty()).then(|| sum / members.len() as f64)
}
