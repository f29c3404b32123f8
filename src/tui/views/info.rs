//! The page about the dictionary.

use crate::tui::app::{App, Pane as Focus, WHAT};
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(super) fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let theme = &look.theme;
    let focused = app.focus() == Focus::Info;
    let inside = Pane { title: "dictionary", focused, ..Pane::default() }.render(look, area, buf);
    let list = app.list(Focus::Info);
    for (y, (i, line)) in (inside.y..inside.bottom()).zip(app.facts().iter().enumerate().skip(list.offset)) {
        let row = Rect { x: inside.x + 1, y, width: inside.width.saturating_sub(2), height: 1 };
        text::put(buf, row, row.x, y, line.what, theme.muted());
        let style = if line.is_note { theme.warning() } else { theme.text() };
        text::put(buf, row, row.x + WHAT, y, &line.text, style);
        if focused && i == list.cursor {
            buf.set_style(Rect { x: inside.x, width: inside.width, ..row }, theme.selected());
        }
    }
}
