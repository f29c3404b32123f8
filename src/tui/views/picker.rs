//! The dictionaries of a folder: name, hook, format, size; below the list what is known of the one under the cursor.

use crate::sae::find::Listing;
use crate::tui::layout::{self, MIN_SIZE};
use crate::tui::picker::Picker;
use crate::tui::widgets::line::{self, Hint};
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::table::{Cell, Column, Table};
use crate::tui::widgets::{bidi, text};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Draws the picker; returns where the cursor stands while its filter is typed.
pub(in crate::tui) fn draw(picker: &Picker, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let look = picker.look();
    let theme = &look.theme;
    let (width, height) = picker.size();
    if layout::too_small(width, height) {
        text::put(buf, area, area.x, area.y, &format!("{}x{} needed", MIN_SIZE.0, MIN_SIZE.1), theme.text());
        return None;
    }
    let areas = layout::picker(width, height);
    let folder = text::clean(&picker.folder().display().to_string(), look.ascii);
    let x = text::put(buf, areas.header, 1, 0, "saescope", theme.strong()) + 2;
    let folder = text::fit_left(&folder, usize::from(width.saturating_sub(x + 1)), look.ascii);
    text::put(buf, areas.header, x, 0, &folder, theme.text());

    let rows: Vec<&Listing> = picker.rows().collect();
    let all = text::thousands(picker.count() as u64);
    let shown = text::thousands(rows.len() as u64);
    let remark = if rows.len() == picker.count() { all } else { format!("{shown} of {all}") };
    let inside = Pane { title: "dictionaries", remark: &remark, focused: true, ..Pane::default() };
    let inside = inside.render(look, areas.main, buf);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    if rows.is_empty() {
        text::put(buf, inside, inside.x, inside.y, "no name holds this", theme.muted());
    } else {
        table(picker, &rows, inside, buf);
    }

    let status = areas.status;
    let cursor = match (picker.query(), picker.message()) {
        ((query, true), _) => {
            let x = text::put(buf, status, 1, status.y, "/", theme.strong());
            let (seen, cursor) = query.view(usize::from(width.saturating_sub(x + 1)));
            text::put(buf, status, x, status.y, &text::clean(seen, look.ascii), theme.text());
            Some(Position::new(x.saturating_add(cursor as u16).min(width.saturating_sub(1)), status.y))
        }
        (_, Some(message)) => {
            let words = text::clean(&message.text, look.ascii);
            let words = text::fit(&words, usize::from(width.saturating_sub(2)), look.ascii);
            let style = if message.is_error { theme.error() } else { theme.text() };
            text::put(buf, status, 1, status.y, &words, style);
            None
        }
        _ => None,
    };
    let hints = picker.hints();
    let hints: Vec<Hint<'_>> = hints.iter().map(|(key, does)| Hint { key, does }).collect();
    line::hints(look, &hints, None, areas.hints, buf);
    if look.ascii {
        text::to_ascii(buf);
    } else {
        bidi::seal(buf);
    }
    cursor
}

/// From this width on there is room for the hooks.
const WIDE: u16 = 96;
/// From this width on there is room for the layers.
const NARROW: u16 = 70;

/// The cells of the columns that are shown.
fn kept(cells: [Cell<'_>; 6], shown: [bool; 6]) -> Vec<Cell<'_>> {
    cells.into_iter().zip(shown).filter(|(_, shown)| *shown).map(|(cell, _)| cell).collect()
}

fn table(picker: &Picker, rows: &[&Listing], inside: Rect, buf: &mut Buffer) {
    let look = picker.look();
    let theme = &look.theme;
    // Why the one under the cursor cannot be read is told whole, below the list.
    let areas = layout::picker(picker.size().0, picker.size().1);
    // What no file tells has no column, and what there is no room for has none either.
    let hooks = inside.width >= WIDE && rows.iter().any(|listing| listing.hook.is_some());
    let layers = inside.width >= NARROW && rows.iter().any(|listing| listing.layer.is_some());
    let columns = [
        (true, Column::words("name", 20).growing(1)),
        (hooks, Column::words("hook", 28)),
        (layers, Column::number("layer", 5)),
        (true, Column::words("format", 14)),
        // As it lies in the file: features may come first or last.
        (true, Column::number("size", 17)),
        (true, Column::words("type", 5)),
    ];
    let flags = columns.each_ref().map(|(shown, _)| *shown);
    let fixed: u16 = columns[1..].iter().filter(|(shown, _)| *shown).map(|(_, column)| column.min + 1).sum();
    let row = |i: usize| {
        let listing = rows[i];
        let name = text::clean(&listing.name, look.ascii);
        // The ends of long paths tell them apart.
        let name = text::fit_left(&name, usize::from(inside.width.saturating_sub(fixed)), look.ascii).into_owned();
        if listing.problem.is_some() {
            let dim = |words: &str| Cell::styled(words.to_string(), theme.muted());
            return kept([dim(&name), dim(""), dim(""), dim("unreadable"), dim(""), dim("")], flags);
        }
        let shape = listing.shape.as_deref().unwrap_or_default();
        let shape: Vec<String> = shape.iter().map(|&n| text::thousands(n as u64)).collect();
        let cells = [
            Cell::styled(name, theme.text()),
            Cell::from(text::clean(listing.hook.as_deref().unwrap_or_default(), look.ascii)),
            Cell::from(listing.layer.map_or_else(String::new, |layer| layer.to_string())),
            Cell::from(listing.format.unwrap_or_default()),
            Cell::from(shape.join(" × ")),
            Cell::from(listing.dtype.map_or("", |dtype| dtype.name())),
        ];
        kept(cells, flags)
    };
    let columns: Vec<Column> = columns.iter().filter(|(shown, _)| *shown).map(|(_, column)| *column).collect();
    let state = picker.state();
    let list = Rect { height: areas.list.height + 1, ..inside };
    Table {
        columns: &columns,
        rows: rows.len(),
        row: &row,
        offset: state.offset,
        selected: Some(state.cursor),
        header: true,
    }
    .render(look, list, buf);
    let Some(here) = picker.here() else { return };
    let about = match &here.problem {
        Some(problem) => (text::clean(problem, look.ascii), theme.warning()),
        None => {
            let path = here.path.display().to_string();
            let known = [here.model.as_ref(), here.hook.as_ref(), Some(&path)];
            let known: Vec<String> = known.into_iter().flatten().map(|word| text::clean(word, look.ascii)).collect();
            (known.join(" · "), theme.muted())
        }
    };
    let columns = usize::from(areas.about.width);
    let lines = text::wrap(&about.0, columns);
    for (i, y) in (areas.about.y..areas.about.bottom()).enumerate().take(lines.len()) {
        // The last line that there is room for holds all that is left, and so is cut.
        let rest = if y + 1 == areas.about.bottom() { lines[i..].join(" ") } else { lines[i].clone() };
        text::put(buf, areas.about, areas.about.x, y, &text::fit(&rest, columns, look.ascii), about.1);
    }
}
