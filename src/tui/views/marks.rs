//! The marked features, as a table.

use super::words::{about, cluster_cell, cluster_column, cluster_of, fires, number};
use crate::analysis::Column as Value;
use crate::tui::action::{Action, Context};
use crate::tui::app::{App, Pane as Focus};
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::table::{Cell, Column, Table};
use crate::tui::widgets::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(super) fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let marks: Vec<u32> = app.marks().iter().copied().collect();
    let remark = text::thousands(marks.len() as u64);
    let focused = app.focus() == Focus::Marks;
    let inside = Pane { title: "marked", remark: &remark, focused, ..Pane::default() }.render(look, area, buf);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    if marks.is_empty() {
        let key = app.keymap().key(Context::Map, Action::Mark).unwrap_or_default();
        let words = text::fit("nothing is marked", inside.width.into(), look.ascii);
        text::put(buf, inside, inside.x, inside.y, &words, look.theme.muted());
        let words = format!("{key} marks the feature under the cursor, on the map and in every list");
        for (y, line) in (inside.y + 1..inside.bottom()).zip(text::wrap(&words, inside.width.into())) {
            text::put(buf, inside, inside.x, y, &line, look.theme.muted());
        }
        return;
    }
    let columns = [
        Column::number("feature", 7),
        cluster_column(app),
        Column::words("about", 12).growing(1),
        Column::number("fires on", 9),
        Column::number("max", 6),
        Column::number("norm", 5),
    ];
    let table = app.table();
    let row = |i: usize| {
        let feature = marks[i];
        let value = |column| table.value(column, feature as usize).number();
        vec![
            Cell::from(format!("#{feature}")),
            cluster_cell(app, cluster_of(app, feature)),
            Cell::from(about(app, feature)),
            fires(look, value(Value::Density)),
            Cell::from(value(Value::MaxActivation).filter(|max| *max != 0.0).map(number).unwrap_or_default()),
            Cell::from(value(Value::Norm).map(number).unwrap_or_default()),
        ]
    };
    let list = app.list(Focus::Marks);
    let selected = Some(list.cursor);
    Table { columns: &columns, rows: marks.len(), row: &row, offset: list.offset, selected, header: true }
        .render(look, inside, buf);
}
