//! A table that scrolls: only the rows on screen are asked for, so a million rows cost as much as fifty.

use super::{Look, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::borrow::Cow;

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column<'a> {
    /// Its heading.
    pub title: &'a str,
    /// Columns it needs at least; headings are not cut below this.
    pub min: u16,
    /// Share of the spare width that it takes; 0 keeps it at `min`.
    pub grow: u16,
    /// Whether it holds numbers: right-aligned.
    pub number: bool,
}

impl<'a> Column<'a> {
    /// A right-aligned column of numbers.
    pub fn number(title: &'a str, min: u16) -> Self {
        Self { title, min, grow: 0, number: true }
    }
    /// A column of words of fixed width.
    pub fn words(title: &'a str, min: u16) -> Self {
        Self { title, min, grow: 0, number: false }
    }
    /// The same column, taking its share of the spare width.
    pub fn growing(self, share: u16) -> Self {
        Self { grow: share, ..self }
    }
}

/// One cell: text safe to print, and its style.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell<'a> {
    /// What it says.
    pub text: Cow<'a, str>,
    /// How.
    pub style: Style,
}

impl<'a, T: Into<Cow<'a, str>>> From<T> for Cell<'a> {
    fn from(text: T) -> Self {
        Self { text: text.into(), style: Style::new() }
    }
}

impl<'a> Cell<'a> {
    /// A cell in a style.
    pub fn styled(text: impl Into<Cow<'a, str>>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

/// A table and where it is scrolled to.
pub struct Table<'a> {
    /// Columns, the most telling first: those that do not fit are left out from the right.
    pub columns: &'a [Column<'a>],
    /// Number of rows.
    pub rows: usize,
    /// Builds row `i`, a cell per column.
    pub row: &'a dyn Fn(usize) -> Vec<Cell<'a>>,
    /// First row on screen; see [`scroll`].
    pub offset: usize,
    /// The chosen row.
    pub selected: Option<usize>,
    /// Whether a row of headings is drawn.
    pub header: bool,
}

/// Blank columns between columns.
const GAP: u16 = 2;

/// Least change of `offset` that keeps `selected` on screen, with `margin` rows of context where there are any.
pub fn scroll(offset: usize, selected: usize, rows: usize, height: usize, margin: usize) -> usize {
    if height == 0 {
        return offset.min(rows.saturating_sub(1));
    }
    let margin = margin.min((height - 1) / 2);
    let least = (selected + margin + 1).saturating_sub(height);
    let most = selected.saturating_sub(margin);
    offset.clamp(least.min(most), most).min(rows.saturating_sub(height))
}

impl Table<'_> {
    /// Widths of the columns that fit in `width`.
    fn widths(&self, width: u16) -> Vec<u16> {
        let mut widths = Vec::new();
        let mut used: u16 = 0;
        for column in self.columns {
            let gap = if widths.is_empty() { 0 } else { GAP };
            let next = used.saturating_add(gap).saturating_add(column.min);
            if next > width && !widths.is_empty() {
                break;
            }
            widths.push(column.min.min(width));
            used = next.min(width);
        }
        let spare = u32::from(width - used);
        let shares: u32 = self.columns[..widths.len()].iter().map(|column| u32::from(column.grow)).sum();
        let mut left = spare;
        let mut last = None;
        for (i, (size, column)) in widths.iter_mut().zip(self.columns).enumerate() {
            if column.grow > 0 {
                let part = spare * u32::from(column.grow) / shares;
                *size += part as u16;
                left -= part;
                last = Some(i);
            }
        }
        if let Some(last) = last {
            widths[last] += left as u16;
        }
        widths
    }

    /// Draws the table; a mark on the right edge shows which part of it is on screen when not all is.
    pub fn render(&self, look: &Look, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() || self.columns.is_empty() {
            return;
        }
        let head = u16::from(self.header && area.height > 1);
        let height = area.height - head;
        let overflows = self.rows > usize::from(height) && area.width > 8;
        let body = Rect { width: area.width - u16::from(overflows), ..area };
        let widths = self.widths(body.width);
        if head > 0 {
            let titles: Vec<_> =
                self.columns.iter().map(|column| Cell::styled(column.title, look.theme.muted())).collect();
            self.line(look, &widths, &titles, Rect { height: 1, ..body }, buf);
        }
        let offset = self.offset.min(self.rows.saturating_sub(1));
        for (y, i) in (area.y + head..area.bottom()).zip(offset..self.rows) {
            let row = Rect { y, height: 1, ..body };
            self.line(look, &widths, &(self.row)(i), row, buf);
            if self.selected == Some(i) {
                buf.set_style(row, look.theme.selected());
            }
        }
        if overflows {
            self.thumb(look, offset, Rect { y: area.y + head, height, ..area }, buf);
        }
    }

    fn line(&self, look: &Look, widths: &[u16], cells: &[Cell<'_>], row: Rect, buf: &mut Buffer) {
        let mut x = row.x;
        for ((cell, &width), column) in cells.iter().zip(widths).zip(self.columns) {
            let slot = Rect { x, width: width.min(row.right().saturating_sub(x)), ..row };
            let words = text::fit(&cell.text, usize::from(slot.width), look.ascii);
            let start = if column.number { slot.right().saturating_sub(text::width(&words) as u16).max(x) } else { x };
            text::put(buf, slot, start, row.y, &words, cell.style);
            x = x.saturating_add(width + GAP);
            if x >= row.right() {
                break;
            }
        }
    }

    /// The part of the right edge that stands for the rows on screen.
    fn thumb(&self, look: &Look, offset: usize, area: Rect, buf: &mut Buffer) {
        let height = usize::from(area.height);
        if height == 0 {
            return;
        }
        let length = (height * height / self.rows).max(1);
        let last = self.rows.saturating_sub(height).max(1);
        let start = (offset.min(last) * (height - length)).div_ceil(last).min(height - length);
        for i in 0..height {
            let thumb = (start..start + length).contains(&i);
            let symbol = if thumb { look.pick("┃", "#") } else { look.pick("│", "|") };
            let style = if thumb { look.theme.text() } else { look.theme.muted() };
            text::put(buf, area, area.right() - 1, area.y + i as u16, symbol, style);
        }
    }
}
