//! Bars of counts over a scale, with the part that is shown, a span under a cursor, and a place that is pointed out.
//!
//! Bars grow in eighths of a cell; what is not shown is drawn in shades above what is. Below the bars a line points at
//! the span and at the place, the last line has the ends of the scale. Cost: O(bars x height).

use super::bars::{eighths, fitting, mark, scale};
use super::{Look, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::ops::Range;

/// Bars and what is pointed out among them.
#[derive(Debug, Clone)]
pub struct Bars<'a> {
    /// Count of each bar, left to right.
    pub counts: &'a [u64],
    /// How many of them are shown; as many bars.
    pub shown: &'a [u64],
    /// The bars under the cursor; none where the chart has no cursor.
    pub span: Option<Range<usize>>,
    /// The bar of the place that is pointed out.
    pub place: Option<usize>,
    /// The ends of the scale.
    pub ends: (&'a str, &'a str),
    /// What the scale is, between them.
    pub name: &'a str,
}

impl Bars<'_> {
    /// Draws the chart; the columns that a bar takes, 0 if there is no room.
    pub fn render(&self, look: &Look, style: Style, area: Rect, buf: &mut Buffer) -> u16 {
        let area = area.intersection(buf.area);
        let bars = self.counts.len() as u16;
        if area.height < 3 || bars == 0 || area.width < bars {
            return 0;
        }
        let wide = fitting(bars, area.width);
        let rows = area.height - 2;
        let top = self.counts.iter().copied().max().unwrap_or(0) as f64;
        for (i, (&count, &shown)) in self.counts.iter().zip(self.shown).enumerate() {
            let (all, own) = (eighths(count as f64, top, rows), eighths(shown as f64, top, rows));
            let here = self.span.as_ref().is_some_and(|span| span.contains(&i));
            let style = if here { look.theme.strong() } else { style };
            for line in 0..rows {
                let (full, part) =
                    (usize::from(line) * 8, |height: usize, from: usize| height.saturating_sub(from).min(8));
                let (symbol, ink) = match (part(own, full), part(all, full)) {
                    (0, 0) => continue,
                    // A cell is of the part that fills it; what is not shown goes on above in shades.
                    (0, rest) if rest >= 4 || own == 0 => (look.pick("░", ":"), look.theme.muted()),
                    (0, _) => continue,
                    (own, _) => (mark(own, look.ascii), style),
                };
                let y = area.y + rows - 1 - line;
                for x in 0..wide {
                    buf[(area.x + i as u16 * wide + x, y)].set_symbol(symbol).set_style(ink);
                }
            }
        }
        self.pointers(look, wide, Rect { y: area.y + rows, height: 1, ..area }, buf);
        let row = Rect { y: area.y + rows + 1, height: 1, ..area };
        scale(look, self.ends, self.name, bars * wide, row, buf);
        wide
    }

    /// Where the cursor and the place are.
    fn pointers(&self, look: &Look, wide: u16, row: Rect, buf: &mut Buffer) {
        let line = look.pick("▔", "-");
        for bar in self.span.clone().into_iter().flatten() {
            for x in 0..wide {
                text::put(buf, row, row.x + bar as u16 * wide + x, row.y, line, look.theme.strong());
            }
        }
        if let Some(bar) = self.place {
            text::put(buf, row, row.x + bar as u16 * wide, row.y, look.pick("▲", "^"), look.theme.strong());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::{ColorTier, Ground, Theme};
    use crate::tui::widgets::Glyphs;

    fn drawn(bars: &Bars<'_>, glyphs: Glyphs, width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        let look = Look::new(Theme::new(ColorTier::Ansi256, Ground::Dark), glyphs);
        bars.render(&look, Style::new(), area, &mut buf);
        let line = |y| (0..width).map(|x| buf[(x, y)].symbol().to_string()).collect::<String>();
        (0..height).map(|y| line(y).trim_end().to_string()).collect()
    }

    #[test]
    fn what_is_shown_is_solid_and_the_rest_is_shaded() {
        let bars = Bars {
            counts: &[16, 8, 1, 0],
            shown: &[8, 0, 1, 0],
            span: Some(1..3),
            place: Some(0),
            ends: ("0", "1"),
            name: "n",
        };
        assert_eq!(drawn(&bars, Glyphs::Braille, 4, 4), ["░", "█░▁", "▲▔▔", "0  1"]);
        assert_eq!(drawn(&bars, Glyphs::Braille, 9, 4), ["░░", "██░░▁▁", "▲ ▔▔▔▔", "0  n   1"]);
        assert!(drawn(&bars, Glyphs::Ascii, 9, 4).concat().is_ascii());
        assert!(drawn(&bars, Glyphs::Braille, 3, 4).concat().is_empty(), "no room");
    }
}
