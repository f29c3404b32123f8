//! The features that are shown, as a table.

use super::words::{about, cluster_cell, cluster_column, cluster_of, fires, number};
use crate::analysis::Column as Value;
use crate::tui::action::{Action, Context};
use crate::tui::app::{App, Pane as Focus};
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::table::{Cell, Column, Table};
use crate::tui::widgets::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub(super) fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let rows = app.listed();
    let sort = app.sort();
    let way = sort.words();
    let remark = format!("{}, by {}, {way}", text::thousands(rows.len() as u64), sort.column.name());
    let focused = app.focus() == Focus::Table;
    let inside = Pane { title: "features", remark: &remark, focused, ..Pane::default() };
    let inside = inside.render(look, area, buf);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    if rows.is_empty() {
        return nothing(app, inside, buf);
    }
    let columns = [
        Column::number("feature", 7),
        cluster_column(app),
        Column::words("about", 12).growing(1),
        Column::number("fires on", 9),
        Column::number("max", 6),
        Column::number("mean", 6),
        Column::number("norm", 5),
    ];
    let table = app.table();
    let row = |i: usize| {
        let feature = rows[i];
        let value = |column| table.value(column, feature as usize).number();
        let shown = |column| Cell::from(value(column).filter(|value| *value != 0.0).map(number).unwrap_or_default());
        let marked = app.marks().contains(&feature);
        vec![
            Cell::styled(format!("#{feature}"), if marked { look.theme.marked() } else { Style::new() }),
            cluster_cell(app, cluster_of(app, feature)),
            Cell::from(about(app, feature)),
            fires(look, value(Value::Density)),
            shown(Value::MaxActivation),
            shown(Value::MeanActivation),
            Cell::from(value(Value::Norm).map(number).unwrap_or_default()),
        ]
    };
    let list = app.list(Focus::Table);
    let selected = Some(list.cursor);
    Table { columns: &columns, rows: rows.len(), row: &row, offset: list.offset, selected, header: true }
        .render(look, inside, buf);
}

/// What to do where there are no rows.
fn nothing(app: &App, inside: Rect, buf: &mut Buffer) {
    let look = app.look();
    let key = app.keymap().way(Context::Table, Action::ClearFilters);
    let how = format!("{key} shows every feature again");
    let lines = ["nothing passes the filters".to_string()].into_iter().chain(text::wrap(&how, inside.width.into()));
    for (y, line) in (inside.y..inside.bottom()).zip(lines) {
        let line = text::fit(&line, inside.width.into(), look.ascii);
        text::put(buf, inside, inside.x, y, &line, look.theme.muted());
    }
}
