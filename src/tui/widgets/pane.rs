//! Frames: panes with a title, boxes over the view, and the space inside.

use super::{Look, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// A frame with a title on the left and a remark on the right of its top edge.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pane<'a> {
    /// What is inside.
    pub title: &'a str,
    /// A fact about it: `12 of 4,096`.
    pub remark: &'a str,
    /// A word of caution or help, on the bottom edge.
    pub footer: &'a str,
    /// Whether keys go here.
    pub focused: bool,
}

impl Pane<'_> {
    /// Draws the frame and gives the space inside. Too small an area has no frame and no space.
    pub fn render(&self, look: &Look, area: Rect, buf: &mut Buffer) -> Rect {
        let area = area.intersection(buf.area);
        if area.width < 2 || area.height < 2 {
            return Rect { width: 0, height: 0, ..area };
        }
        let style = look.theme.border(self.focused);
        let (left, right, top, bottom) = (area.x, area.right() - 1, area.y, area.bottom() - 1);
        for x in left + 1..right {
            for y in [top, bottom] {
                buf[(x, y)].set_symbol(look.pick("─", "-")).set_style(style);
            }
        }
        for y in top + 1..bottom {
            for x in [left, right] {
                buf[(x, y)].set_symbol(look.pick("│", "|")).set_style(style);
            }
        }
        for (x, y, corner) in [(left, top, "╭"), (right, top, "╮"), (left, bottom, "╰"), (right, bottom, "╯")] {
            buf[(x, y)].set_symbol(look.pick(corner, "+")).set_style(style);
        }
        let edge = Rect { x: left + 1, width: area.width - 2, height: 1, ..area };
        let ink = if self.focused { look.theme.strong() } else { look.theme.text() };
        let mut used = edge.x;
        if !self.title.is_empty() && edge.width > 2 {
            let title = text::fit(self.title, usize::from(edge.width - 2), look.ascii);
            used = text::put(buf, edge, edge.x, top, &format!(" {title} "), ink);
        }
        let remark = text::width(self.remark) as u16;
        if remark > 0 && usize::from(used) + usize::from(remark) + 3 <= usize::from(edge.right()) {
            let remark = format!(" {} ", self.remark);
            text::put_right(buf, edge, edge.right(), top, &remark, look.theme.muted());
        }
        if !self.footer.is_empty() && text::width(self.footer) + 4 <= usize::from(edge.width) {
            text::put_right(buf, edge_at(edge, bottom), edge.right() - 1, bottom, &format!(" {} ", self.footer), {
                look.theme.muted()
            });
        }
        Rect::new(left + 1, top + 1, area.width - 2, area.height - 2)
    }
}

fn edge_at(edge: Rect, y: u16) -> Rect {
    Rect { y, ..edge }
}

/// Where a box over the view stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// In the middle.
    Center,
    /// In the right lower corner: the keys that may follow a prefix.
    Corner,
}

/// A rectangle of at most `width` x `height` in `area`.
pub fn place(area: Rect, width: u16, height: u16, anchor: Anchor) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    let (right, below) = (area.width - width, area.height - height);
    let (dx, dy) = match anchor {
        Anchor::Center => (right / 2, below / 2),
        Anchor::Corner => (right, below),
    };
    Rect::new(area.x + dx, area.y + dy, width, height)
}

/// Empties `area` for a box that is drawn over the view.
pub fn clear(area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    text::unhook(buf, area);
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            buf[(x, y)].reset();
        }
    }
}

/// A small box of keys and what they do, in the right lower corner: what may follow `g`.
pub fn infobox(look: &Look, title: &str, rows: &[(&str, &str)], area: Rect, buf: &mut Buffer) {
    let keys = rows.iter().map(|(key, _)| text::width(key)).max().unwrap_or(0);
    let does = rows.iter().map(|(_, does)| text::width(does)).max().unwrap_or(0);
    let width = (keys + does + 6).max(text::width(title) + 4).min(u16::MAX as usize) as u16;
    let height = (rows.len() + 2).min(u16::MAX as usize) as u16;
    let area = place(area.intersection(buf.area), width, height, Anchor::Corner);
    clear(area, buf);
    let inside = Pane { title, focused: true, ..Pane::default() }.render(look, area, buf);
    for (y, (key, does)) in (inside.top()..inside.bottom()).zip(rows) {
        text::put(buf, inside, inside.x + 1, y, key, look.theme.strong());
        let x = inside.x.saturating_add(keys as u16 + 3);
        let does = text::fit(does, usize::from(inside.right().saturating_sub(x)), look.ascii);
        text::put(buf, inside, x, y, &does, look.theme.text());
    }
}

/// Lines of text in a box in the middle, wrapped nowhere, cut at the right.
pub fn message(look: &Look, title: &str, lines: &[String], area: Rect, buf: &mut Buffer) {
    let width = lines.iter().map(|line| text::width(line)).max().unwrap_or(0).max(text::width(title) + 2) + 4;
    let height = lines.len() + 2;
    let area = place(
        area.intersection(buf.area),
        width.min(u16::MAX as usize) as u16,
        height.min(u16::MAX as usize) as u16,
        Anchor::Center,
    );
    clear(area, buf);
    let inside = Pane { title, focused: true, ..Pane::default() }.render(look, area, buf);
    for (y, line) in (inside.top()..inside.bottom()).zip(lines) {
        let line = text::fit(line, usize::from(inside.width.saturating_sub(2)), look.ascii);
        text::put(buf, inside, inside.x + 1, y, &line, look.theme.text());
    }
}
