//! The nearest features of the selected one, as a table.

use super::words::{about, cluster_cell, cluster_column, cluster_of, fires, number};
use crate::analysis::Column as Value;
use crate::tui::app::{App, Pane as Focus};
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::table::{Cell, Column, Table};
use crate::tui::widgets::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

fn say(app: &App, words: &str, inside: Rect, buf: &mut Buffer) {
    let words = text::fit(words, inside.width.saturating_sub(2).into(), app.look().ascii);
    text::put(buf, inside, inside.x + 1, inside.y, &words, app.look().theme.muted());
}

pub(super) fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let title = app.selected().map_or_else(|| "neighbours".to_string(), |feature| format!("nearest to #{feature}"));
    let remark = format!("by {}", app.neighbours_by());
    let focused = app.focus() == Focus::Neighbours;
    let inside = Pane { title: &title, remark: &remark, focused, ..Pane::default() }.render(look, area, buf);
    let Some(neighbours) = app.neighbours() else {
        return say(app, &app.awaited_neighbours(), inside, buf);
    };
    if neighbours.is_empty() {
        return say(app, "there is no other feature", inside, buf);
    }
    let columns = [
        Column::number("rank", 4),
        Column::number("cosine", 6),
        Column::number("feature", 7),
        cluster_column(app),
        Column::words("about", 10).growing(1),
        Column::number("fires on", 9),
        Column::number("max", 6),
    ];
    let table = app.table();
    let row = |i: usize| {
        let neighbour = &neighbours[i];
        let feature = neighbour.feature;
        let value = |column| table.value(column, feature as usize).number();
        let marked = app.marks().contains(&feature);
        vec![
            Cell::from((i + 1).to_string()),
            Cell::from(format!("{:.3}", neighbour.cosine)),
            Cell::styled(format!("#{feature}"), if marked { look.theme.marked() } else { Style::new() }),
            cluster_cell(app, cluster_of(app, feature)),
            Cell::from(about(app, feature)),
            fires(look, value(Value::Density)),
            Cell::from(value(Value::MaxActivation).filter(|max| *max != 0.0).map(number).unwrap_or_default()),
        ]
    };
    let list = app.list(Focus::Neighbours);
    let selected = Some(list.cursor);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    Table { columns: &columns, rows: neighbours.len(), row: &row, offset: list.offset, selected, header: true }
        .render(look, inside, buf);
}
