//! Cells -> bytes: what changed since the last frame, as few bytes as an ANSI terminal needs for it.
//!
//! Purpose: over SSH the bytes of a frame cost more than its computation. [`Screen`] keeps the cells the terminal
//! shows, compares them with the next frame, and encodes the difference: the cursor moves by the shortest sequence,
//! a colour or attribute is sent only when it changes, foreground and background each on their own, and only where it
//! is seen; long blanks are erased. A frame that changes nothing is no byte at all. Every frame stands between the marks of a synchronized update (mode 2026), which
//! terminals without it ignore, and is written with one call.
//!
//! Colours are sent as they are; it is the theme that keeps to the tier of the terminal. Sixteen-colour names use the
//! classic codes (30-37, 90-97), which every terminal knows.
//!
//! Cost: one pass over the cells; memory two buffers of cells and one of bytes.

mod pen;

use pen::{Pen, alike, is_blank};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::Color;
use std::io::{self, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Begin and end of a synchronized update.
const SYNC: (&str, &str) = ("\x1b[?2026h", "\x1b[?2026l");

/// Most cells of a frame; what lies beyond (to the right and below) is left blank. A terminal this large is a mistake
/// or a test, and positions in it would not fit the buffer's index.
pub const MAX_CELLS: usize = u16::MAX as usize;

/// The cells on the terminal, and the way to change them. `W` is the terminal.
#[derive(Debug)]
pub struct Screen<W: Write> {
    out: W,
    /// What the terminal shows; meaningless while `stale`.
    shown: Buffer,
    next: Buffer,
    cursor: Option<Position>,
    /// The terminal shows something else (first frame, resized, written on by others): clear and paint everything.
    stale: bool,
    bytes: Vec<u8>,
    /// Working memory: the columns of a row that must be sent.
    columns: Vec<usize>,
    written: u64,
}

/// The cells as lines of text with their colours and attributes, for a terminal or a pager: no cursor is moved, so
/// that the lines may stand anywhere. Blanks at the end of a line are left out.
pub fn coloured_lines(buf: &Buffer) -> String {
    let mut bytes = Vec::new();
    for row in buf.content.chunks_exact(usize::from(buf.area.width).max(1)) {
        let mut pen = Pen::default();
        let blank = |cell: &Cell| is_blank(cell) && cell.bg == Color::Reset;
        let end = row.iter().rposition(|cell| !blank(cell)).map_or(0, |last| last + 1);
        let mut x = 0;
        while x < end {
            pen.dress(&row[x], &mut bytes);
            bytes.extend(row[x].symbol().as_bytes());
            x += columns(&row[x]);
        }
        pen.rest(&mut bytes);
        bytes.push(b'\n');
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// The area that a terminal of this size gives to a frame.
pub fn area_of(width: u16, height: u16) -> Rect {
    let width = width.max(1);
    let rows = (MAX_CELLS / usize::from(width)).max(1) as u16;
    Rect::new(0, 0, width, height.clamp(1, rows))
}

impl<W: Write> Screen<W> {
    /// A screen of this size; the first frame clears the terminal.
    pub fn new(out: W, width: u16, height: u16) -> Self {
        let area = area_of(width, height);
        Self {
            out,
            shown: Buffer::empty(area),
            next: Buffer::empty(area),
            cursor: None,
            stale: true,
            bytes: Vec::with_capacity(64 << 10),
            columns: Vec::new(),
            written: 0,
        }
    }

    /// The area of a frame.
    pub fn area(&self) -> Rect {
        self.next.area
    }

    /// The terminal has this size now. The next frame is painted whole, even if the size is the same: a terminal that
    /// was re-attached shows nothing.
    pub fn resize(&mut self, width: u16, height: u16) {
        let area = area_of(width, height);
        self.shown = Buffer::empty(area);
        self.next = Buffer::empty(area);
        self.stale = true;
    }

    /// The next frame is painted whole.
    pub fn repaint(&mut self) {
        self.stale = true;
    }

    /// How many bytes were written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The terminal itself.
    pub fn terminal(&mut self) -> &mut W {
        &mut self.out
    }

    /// The cells the terminal shows.
    pub fn cells(&self) -> &Buffer {
        &self.shown
    }

    /// Draws a frame: `paint` gets blank cells, fills them and says where the cursor stands, if anywhere. Only what
    /// differs from the terminal is written; tells whether anything was.
    ///
    /// # Errors
    /// If the terminal cannot be written to. The next frame is then painted whole.
    pub fn draw(&mut self, paint: impl FnOnce(Rect, &mut Buffer) -> Option<Position>) -> io::Result<bool> {
        let area = self.next.area;
        self.next.reset();
        let cursor = paint(area, &mut self.next).filter(|cursor| area.contains(*cursor));
        self.bytes.clear();
        self.bytes.extend(SYNC.0.as_bytes());
        let head = self.bytes.len();
        if self.stale {
            self.shown.reset();
            self.cursor = None;
            self.bytes.extend(b"\x1b[m\x1b[?25l\x1b[H\x1b[2J");
        }
        let mut pen = Pen::default();
        let width = usize::from(area.width);
        let rows = self.shown.content.chunks_exact(width).zip(self.next.content.chunks_exact(width));
        let mut columns = std::mem::take(&mut self.columns);
        for (y, (old, new)) in rows.enumerate() {
            columns.clear();
            differences(old, new, |x| columns.push(x));
            // The cursor is hidden before the first cell, so that it is not seen travelling.
            if !columns.is_empty() && pen.is_fresh() && self.cursor.take().is_some() {
                self.bytes.extend(b"\x1b[?25l");
            }
            put_row(&mut pen, y as u16, new, &columns, &mut self.bytes);
        }
        self.columns = columns;
        pen.rest(&mut self.bytes);
        if cursor != self.cursor {
            match cursor {
                None => self.bytes.extend(b"\x1b[?25l"),
                Some(Position { x, y }) => {
                    let _ = write!(self.bytes, "\x1b[{};{}H", y + 1, x + 1);
                    if self.cursor.is_none() {
                        self.bytes.extend(b"\x1b[?25h");
                    }
                }
            }
        }
        self.cursor = cursor;
        if self.bytes.len() == head {
            return Ok(false);
        }
        self.bytes.extend(SYNC.1.as_bytes());
        // Until the bytes are out, the terminal shows an unknown part of the frame.
        self.stale = true;
        self.out.write_all(&self.bytes)?;
        self.out.flush()?;
        self.stale = false;
        self.written += self.bytes.len() as u64;
        std::mem::swap(&mut self.shown, &mut self.next);
        Ok(true)
    }

    /// Sends bytes that do not change the cells (a copy to the clipboard, a mode).
    ///
    /// # Errors
    /// If the terminal cannot be written to.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// Columns that a cell's text takes.
fn columns(cell: &Cell) -> usize {
    // Nearly every cell of a frame is one character of one column.
    if cell.symbol().len() == 1 { 1 } else { cell.symbol().width().max(1) }
}

/// Whether all terminals agree how many columns a cell's text takes: one character, and no emoji.
fn certain(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => match c.width() {
            Some(1) => true,
            // CJK, kana, hangul, full-width forms.
            Some(2) => {
                matches!(c, '\u{3000}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{ff01}'..='\u{ff60}')
            }
            _ => false,
        },
        _ => false,
    }
}

/// Puts the cells of a row that must be sent; long runs of blanks are erased instead.
fn put_row(pen: &mut Pen, y: u16, row: &[Cell], columns: &[usize], bytes: &mut Vec<u8>) {
    let erasable = |x: usize| is_blank(&row[x]) && row[x].bg == Color::Reset;
    let mut at = 0;
    while let Some(&x) = columns.get(at) {
        let run = columns[at..].iter().zip(x..).take_while(|&(&own, next)| own == next && erasable(own)).count();
        let goes_on = columns.get(at + run).is_some_and(|next| *next == x + run);
        if run > 0 && pen.erase((x, y), run, goes_on, row, bytes) {
            at += run;
            continue;
        }
        for &x in &columns[at..at + run.max(1)] {
            pen.put(x, y, row, bytes);
        }
        at += run.max(1);
    }
}

/// The columns of a row whose cells must be sent, ascending.
///
/// Half of a wide character cannot stay: where one is overwritten, the terminal blanks its other half in a dress of
/// its own choice, so that half is sent as well.
fn differences(old: &[Cell], new: &[Cell], mut send: impl FnMut(usize)) {
    // Up to this column the terminal no longer shows what `old` says.
    let mut broken = 0;
    let mut x = 0;
    while x < new.len() {
        let wide = columns(&new[x]).min(new.len() - x);
        let same = alike(&new[x], &old[x]) && x >= broken;
        if !same {
            send(x);
            // What the new character covers, and the other half of what it cut.
            let cut = (x..x + wide).map(|at| at + columns(&old[at])).max().unwrap_or(x);
            broken = broken.max(cut);
        }
        x += wide;
    }
}

#[cfg(test)]
mod tests;
