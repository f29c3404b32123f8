//! A matrix of similarities as coloured cells.
//!
//! Where all rows fit, each has a line of its own and a cell is two columns wide, which leaves room for labels beside
//! it; else two rows share a line, as the halves of a block, and where that is not enough a cell is the mean of several
//! pairs. Values are shown in the steps of the ramp. Without colour, or with 7-bit characters, cells are characters of
//! growing weight, one line a row. Cost: one call of `value` a cell.

use super::glyph::DENSITY;
use super::{Look, text};
use crate::tui::theme::{ColorTier, STEPS};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::ops::Range;

/// Characters of growing weight for terminals without colour.
const SHADES: [&str; STEPS] = [" ", "·", "░", "░", "▒", "▒", "▓", "█"];

/// A square matrix and what is pointed out in it.
pub struct Heatmap<'a> {
    /// Number of rows.
    pub side: usize,
    /// The mean of the values of some rows and columns; none where there is nothing to show.
    pub value: &'a dyn Fn(Range<usize>, Range<usize>) -> Option<f32>,
    /// The values of the lowest and the highest step.
    pub range: (f32, f32),
    /// Row and column of the cursor.
    pub cursor: Option<(usize, usize)>,
    /// Where a new group begins, with its mark.
    pub groups: &'a [(usize, String)],
}

/// How a matrix was laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Laid {
    /// The cells, without the pointers around them.
    pub area: Rect,
    /// Cells along each side.
    pub cells: usize,
    /// Whether each row has a line of its own and a cell two columns.
    pub roomy: bool,
}

impl Laid {
    /// How many rows share a cell, at most.
    pub fn merged(&self, side: usize) -> usize {
        side.div_ceil(self.cells.max(1))
    }
}

/// The rows of a cell.
fn part(cell: usize, cells: usize, side: usize) -> Range<usize> {
    cell * side / cells..((cell + 1) * side / cells).max(cell * side / cells + 1)
}

impl Heatmap<'_> {
    /// How it would be laid out in `area`; nothing if there is no room. A line above and two columns beside the cells are
    /// for pointers and marks.
    pub fn lay_out(&self, look: &Look, area: Rect) -> Option<Laid> {
        let (columns, lines) = (usize::from(area.width.checked_sub(2)?), usize::from(area.height.checked_sub(1)?));
        if self.side == 0 || columns == 0 || lines == 0 {
            return None;
        }
        let roomy = self.side <= lines && 2 * self.side <= columns;
        let halves = !roomy && !plain(look);
        let most = if roomy { self.side } else { columns.min(lines * if halves { 2 } else { 1 }) };
        let cells = self.side.min(most);
        let (width, height) =
            if roomy { (2 * cells, cells) } else { (cells, if halves { cells.div_ceil(2) } else { cells }) };
        Some(Laid {
            area: Rect { x: area.x + 2, y: area.y + 1, width: width as u16, height: height as u16 },
            cells,
            roomy,
        })
    }

    /// Draws it, and gives how it was laid out.
    pub fn render(&self, look: &Look, area: Rect, buf: &mut Buffer) -> Option<Laid> {
        let laid = self.lay_out(look, area.intersection(buf.area))?;
        let cells = laid.cells;
        let step = |row: usize, column: usize| {
            if row >= cells {
                return None;
            }
            let (rows, columns) = (part(row, cells, self.side), part(column, cells, self.side));
            (self.value)(rows, columns).filter(|value| value.is_finite()).map(|value| self.step(value))
        };
        for column in 0..cells {
            for line in 0..usize::from(laid.area.height) {
                let y = laid.area.y + line as u16;
                if laid.roomy {
                    let x = laid.area.x + 2 * column as u16;
                    let (symbol, style) = whole(look, step(line, column));
                    text::put(buf, laid.area, x, y, &symbol.repeat(2), style);
                } else {
                    let x = laid.area.x + column as u16;
                    let (symbol, style) = if plain(look) {
                        whole(look, step(line, column))
                    } else {
                        halves(look, step(2 * line, column), step(2 * line + 1, column))
                    };
                    text::put(buf, laid.area, x, y, symbol, style);
                }
            }
        }
        self.marks(look, &laid, buf);
        Some(laid)
    }

    fn step(&self, value: f32) -> usize {
        let (low, high) = self.range;
        let t = if high > low { (value - low) / (high - low) } else { 1.0 };
        ((t.clamp(0.0, 1.0) * STEPS as f32) as usize).min(STEPS - 1)
    }

    /// The column and the line of the cell that a row of the matrix is in.
    fn spot(&self, laid: &Laid, at: usize) -> (u16, u16) {
        let cell = (0..laid.cells).find(|cell| part(*cell, laid.cells, self.side).contains(&at)).unwrap_or(0);
        let column = if laid.roomy { 2 * cell } else { cell };
        let dense = !laid.roomy && usize::from(laid.area.height) < laid.cells;
        (column as u16, (if dense { cell / 2 } else { cell }) as u16)
    }

    /// Groups where they begin, and the cursor, around the cells.
    fn marks(&self, look: &Look, laid: &Laid, buf: &mut Buffer) {
        let area = laid.area;
        let (mut free, mut below) = (0, None);
        for (at, mark) in self.groups {
            let (column, line) = self.spot(laid, *at);
            let around = Rect { x: area.x - 2, y: area.y - 1, width: area.width + 2, height: area.height + 1 };
            if column >= free {
                let end = text::put(buf, around, area.x + column, area.y - 1, mark, look.theme.muted());
                free = end - area.x + 1;
            }
            // Beside the rows there is room for a letter; a part of a number would be another one.
            if mark.chars().count() == 1 && below.is_none_or(|last| line > last) {
                text::put(buf, around, area.x - 2, area.y + line, mark, look.theme.muted());
                below = Some(line);
            }
        }
        if let Some((row, column)) = self.cursor {
            let (line, column) = (self.spot(laid, row).1, self.spot(laid, column).0);
            let mut set = |x: u16, y: u16, symbol: &str| {
                let cell = &mut buf[(x, y)];
                cell.reset();
                cell.set_symbol(symbol).set_style(look.theme.strong());
            };
            set(area.x - 1, area.y + line, look.pick("▸", ">"));
            set(area.x + column, area.y - 1, look.pick("▾", "v"));
        }
    }
}

/// Whether cells must be told apart without colour.
fn plain(look: &Look) -> bool {
    look.ascii || !look.styled || look.theme.tier() == ColorTier::None
}

/// A cell by itself.
fn whole(look: &Look, step: Option<usize>) -> (&'static str, Style) {
    match step {
        None => (look.pick("╲", "\\"), look.theme.muted()),
        Some(step) if look.ascii => (ascii(step), look.theme.ramp_step(step)),
        Some(step) if plain(look) => (SHADES[step], Style::new()),
        Some(step) => ("█", look.theme.ramp_step(step)),
    }
}

fn ascii(step: usize) -> &'static str {
    std::str::from_utf8(&DENSITY[step..=step]).unwrap_or("#")
}

/// Two cells, one above the other.
fn halves(look: &Look, above: Option<usize>, below: Option<usize>) -> (&'static str, Style) {
    let ink = |step: usize| look.theme.ramp_step(step).fg.unwrap_or_default();
    match (above, below) {
        (None, None) => (" ", Style::new()),
        (Some(above), None) => ("▀", Style::new().fg(ink(above))),
        (None, Some(below)) => ("▄", Style::new().fg(ink(below))),
        (Some(above), Some(below)) if above == below => ("█", Style::new().fg(ink(above))),
        (Some(above), Some(below)) => ("▀", Style::new().fg(ink(above)).bg(ink(below))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::{Ground, Theme};
    use crate::tui::widgets::Glyphs;
    use proptest::prelude::*;

    fn look(tier: ColorTier, glyphs: Glyphs) -> Look {
        Look::new(Theme::new(tier, Ground::Dark), glyphs)
    }

    /// Similarity by how near places are; a place with itself is left out.
    fn near(side: usize) -> impl Fn(Range<usize>, Range<usize>) -> Option<f32> {
        move |rows, columns| {
            let pairs = rows.flat_map(|r| columns.clone().map(move |c| (r, c))).filter(|(r, c)| r != c);
            let (sum, n) =
                pairs.fold((0.0, 0), |(sum, n), (r, c)| (sum + 1.0 - r.abs_diff(c) as f32 / side as f32, n + 1));
            (n > 0).then(|| sum / n as f32)
        }
    }

    fn drawn(look: &Look, side: usize, width: u16, height: u16) -> (Buffer, Option<Laid>) {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        let groups = [(0, "A".to_string()), (side / 2, "B".to_string())];
        let value = near(side);
        let map = Heatmap { side, value: &value, range: (0.0, 1.0), cursor: Some((1, 0)), groups: &groups };
        let laid = map.render(look, area, &mut buf);
        (buf, laid)
    }

    #[test]
    fn few_rows_have_a_line_each_and_many_share_one() {
        let look = look(ColorTier::Ansi256, Glyphs::Braille);
        let (buf, laid) = drawn(&look, 4, 20, 8);
        assert_eq!(laid, Some(Laid { area: Rect::new(2, 1, 8, 4), cells: 4, roomy: true }));
        assert_eq!(buf[(2, 1)].symbol(), "╲");
        assert_eq!(buf[(4, 1)].symbol(), "█");
        assert_eq!((buf[(2, 0)].symbol(), buf[(1, 2)].symbol(), buf[(0, 3)].symbol()), ("▾", "▸", "B"));
        let (buf, laid) = drawn(&look, 12, 20, 8);
        assert_eq!(laid, Some(Laid { area: Rect::new(2, 1, 12, 6), cells: 12, roomy: false }));
        // The first column: the diagonal above, its neighbour below.
        assert_eq!(buf[(2, 1)].symbol(), "▄");
        let (_, laid) = drawn(&look, 100, 20, 8);
        let laid = laid.unwrap();
        assert_eq!((laid.cells, laid.merged(100)), (14, 8));
    }

    #[test]
    fn without_colour_weight_tells() {
        let mono = look(ColorTier::None, Glyphs::Braille);
        let (buf, laid) = drawn(&mono, 12, 20, 13);
        assert_eq!(laid.unwrap().area.height, 12, "no two rows share a line");
        let symbols: std::collections::BTreeSet<&str> = (2..14).map(|x| buf[(x, 12)].symbol()).collect();
        assert!(symbols.len() >= 5, "{symbols:?}");
        let (buf, _) = drawn(&look(ColorTier::None, Glyphs::Ascii), 12, 20, 13);
        assert!(buf.content().iter().all(|cell| cell.symbol().is_ascii()));
    }

    proptest! {
        #[test]
        fn any_size_is_drawn_and_every_row_is_in_one_cell(side in 0usize..300, width in 0u16..60, height in 0u16..40) {
            for glyphs in [Glyphs::Braille, Glyphs::Ascii] {
                let (_, laid) = drawn(&look(ColorTier::True, glyphs), side, width, height);
                if let Some(laid) = laid {
                    let all: Vec<usize> = (0..laid.cells).flat_map(|cell| part(cell, laid.cells, side)).collect();
                    prop_assert_eq!(all, (0..side).collect::<Vec<_>>());
                    prop_assert!(laid.area.right() <= width && laid.area.bottom() <= height);
                } else {
                    prop_assert!(side == 0 || width < 3 || height < 2);
                }
            }
        }
    }
}
