//! The clusters, largest first, as a table.

use super::words;
use crate::tui::app::{App, Pane as Focus, Stage};
use crate::tui::theme::class_of;
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::table::{Cell, Column, Table};
use crate::tui::widgets::{legend, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

pub(super) fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let theme = &look.theme;
    let params = &app.made().hdbscan;
    let (size, samples) = (params.min_cluster_size, params.samples());
    let remark = format!("HDBSCAN on the map, min-cluster-size {size}, min-samples {samples}");
    let focused = app.focus() == Focus::Clusters;
    let inside = Pane { title: "clusters", remark: &remark, focused, ..Pane::default() }.render(look, area, buf);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let rows = app.cluster_rows();
    if rows.is_empty() {
        let words = match app.map().stage() {
            Stage::Finished => "clusters are being computed".to_string(),
            _ => app.awaited("clusters"),
        };
        let words = text::fit(&words, inside.width.into(), look.ascii);
        text::put(buf, inside, inside.x, inside.y, &words, theme.muted());
        return;
    }
    let columns = [
        Column::words("cluster", 7),
        Column::number("features", 8),
        Column::number("shown", 7),
        Column::words("words", 12).growing(1),
        Column::number("marked", 6),
        Column::number("share", 6),
    ];
    let all = app.study().features().max(1) as f64;
    let row = |i: usize| {
        let row = &rows[i];
        let class = class_of(row.cluster);
        let words = if row.cluster < 0 { "in no cluster".to_string() } else { words::cluster(app, row.cluster) };
        let shown = text::thousands(row.shown as u64);
        let marked = if row.marked == 0 { String::new() } else { text::thousands(row.marked as u64) };
        vec![
            Cell::styled(legend::mark(class, look), theme.cluster(class).add_modifier(Modifier::BOLD)),
            Cell::from(text::thousands(row.size as u64)),
            Cell::styled(shown, if row.shown == row.size { theme.muted() } else { theme.text() }),
            Cell::styled(words, if row.cluster < 0 { theme.muted() } else { theme.text() }),
            Cell::from(marked),
            Cell::styled(text::percent(row.size as f64 / all), theme.muted()),
        ]
    };
    let list = app.list(Focus::Clusters);
    let selected = Some(list.cursor);
    Table { columns: &columns, rows: rows.len(), row: &row, offset: list.offset, selected, header: true }
        .render(look, inside, buf);
}
