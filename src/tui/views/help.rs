//! The help: every command with its keys, those that work here first.

use crate::tui::action::{Action, Context};
use crate::tui::app::{App, HelpLine, KEYS, NAME, Pane as Focus, has_names};
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
    let lines = app.help();
    let query = text::clean(app.help_query(), look.ascii);
    let found = lines.iter().filter(|line| matches!(line, HelpLine::Command { .. })).count();
    let remark = if query.is_empty() {
        format!("{} searches", app.keymap().way(Context::Help, Action::Search))
    } else {
        format!("{found} with \"{query}\"")
    };
    let focused = app.focus() == Focus::Help;
    let inside = Pane { title: "help", remark: &remark, focused, ..Pane::default() }.render(look, area, buf);
    let list = app.list(Focus::Help);
    let names = has_names(inside.width);
    let doc_at = 2 + KEYS + 1 + if names { NAME } else { 0 };
    for (y, (i, line)) in (inside.y..inside.bottom()).zip(lines.iter().enumerate().skip(list.offset)) {
        let row = Rect { x: inside.x + 1, y, width: inside.width.saturating_sub(2), height: 1 };
        match line {
            HelpLine::Blank => {}
            HelpLine::Title(title) => {
                text::put(buf, row, row.x, y, &text::fit(title, row.width.into(), look.ascii), theme.strong());
            }
            HelpLine::Command { keys, name, doc } => {
                let keys = text::fit(&keys.join("  "), usize::from(KEYS), look.ascii).into_owned();
                text::put(buf, row, row.x + 2, y, &keys, theme.strong());
                if names {
                    text::put(buf, row, row.x + 2 + KEYS + 1, y, name, theme.muted());
                }
                text::put(buf, row, row.x + doc_at, y, doc, theme.text());
            }
            HelpLine::More(doc) => drop(text::put(buf, row, row.x + doc_at, y, doc, theme.text())),
        }
        if focused && i == list.cursor {
            buf.set_style(Rect { x: inside.x, width: inside.width, ..row }, theme.selected());
        }
    }
    if lines.is_empty() {
        let words = format!("nothing in the help holds \"{query}\"");
        let words = text::fit(&words, usize::from(inside.width.saturating_sub(2)), look.ascii);
        text::put(buf, inside, inside.x + 1, inside.y, &words, theme.muted());
    }
}
