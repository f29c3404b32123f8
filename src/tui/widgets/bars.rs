//! Small charts of numbers: a line of bars, a histogram with its axis.
//!
//! Bars grow in eighths of a cell. A value above zero always shows at least the smallest bar, so that rare is told
//! from none. Values that are not finite count as zero.

use super::{Look, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII: [&str; 9] = [" ", "_", ".", "-", "=", "+", "*", "#", "@"];

/// How several values share a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// The greatest of them: peaks stay visible.
    Greatest,
    /// Their sum: counts of neighbouring bins.
    Sum,
}

/// Puts `values` into `columns` columns; fewer values than columns spread evenly.
fn resample(values: &[f64], columns: usize, share: Share) -> Vec<f64> {
    let n = values.len();
    let value = |v: f64| if v.is_finite() { v.max(0.0) } else { 0.0 };
    (0..columns)
        .map(|column| {
            if n == 0 {
                return 0.0;
            }
            // Whole values only: a column takes those that begin in it, or the one that covers it.
            let (from, to) = (column * n / columns, ((column + 1) * n / columns).max(column * n / columns + 1));
            let part = values[from..to.min(n)].iter().map(|&v| value(v));
            match share {
                Share::Greatest => part.fold(0.0, f64::max),
                Share::Sum => part.sum(),
            }
        })
        .collect()
}

/// Height in eighths of a cell of `value` where `top` fills `rows` cells.
pub(super) fn eighths(value: f64, top: f64, rows: u16) -> usize {
    // Written so that a NaN gives no bar.
    if !(value > 0.0 && top > 0.0) {
        return 0;
    }
    let full = f64::from(rows) * 8.0;
    ((value / top * full).round() as usize).clamp(1, full as usize)
}

/// One row of bars, as text; `top` is the value of a full bar, the greatest value if none.
pub fn sparkline(values: &[f64], columns: usize, top: Option<f64>, ascii: bool) -> String {
    let values = resample(values, columns, Share::Greatest);
    let top = top.unwrap_or_else(|| values.iter().copied().fold(0.0, f64::max));
    let marks = if ascii { &ASCII } else { &EIGHTHS };
    values.iter().map(|&v| marks[eighths(v, top, 1)]).collect()
}

/// A bar of so many eighths of a cell.
pub(super) fn mark(eighths: usize, ascii: bool) -> &'static str {
    if ascii { ASCII[eighths.min(8)] } else { EIGHTHS[eighths.min(8)] }
}

/// How many columns each of `bars` takes in `width`: at most four, for fatter bars say no more.
pub(super) fn fitting(bars: u16, width: u16) -> u16 {
    (width / bars.max(1)).min(4)
}

/// The horizontal axis of a histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis<'a> {
    /// Left edge of the first bin.
    pub from: f64,
    /// Right edge of the last bin.
    pub to: f64,
    /// Name and unit: `log10 density`, `decoder norm`.
    pub name: &'a str,
}

/// A histogram: bars, an axis with numbers, and its name.
#[derive(Debug, Clone, Copy)]
pub struct Histogram<'a> {
    /// Count of each bin, left to right, bins of equal width.
    pub counts: &'a [u64],
    /// What lies along it.
    pub axis: Axis<'a>,
    /// Where to draw the eye: a value on the axis (that of the feature in question).
    pub marker: Option<f64>,
}

impl Histogram<'_> {
    /// Draws bars in all but the last row, numbers in the last. With a single row: bars alone.
    pub fn render(&self, look: &Look, style: Style, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let counts: Vec<f64> = self.counts.iter().map(|&count| count as f64).collect();
        // Counts share whole columns, so the chart is as wide as a multiple (or divisor) of the bins allows.
        let columns = chart_width(self.counts.len(), area.width);
        let share = if counts.len() > usize::from(columns) { Share::Sum } else { Share::Greatest };
        let values = resample(&counts, usize::from(columns), share);
        let top = values.iter().copied().fold(0.0, f64::max);
        let rows = if area.height > 1 { area.height - 1 } else { 1 };
        let marks = if look.ascii { &ASCII } else { &EIGHTHS };
        let marked = self.marker.and_then(|value| self.column(value, columns));
        for (column, &value) in values.iter().enumerate() {
            let mut left = eighths(value, top, rows);
            let x = area.x + column as u16;
            // The marked column goes on above its bar as a line, and is the only one in the text's own colour.
            let here = marked == Some(column as u16);
            for y in (area.y..area.y + rows).rev() {
                let part = left.min(8);
                left -= part;
                let (symbol, ink) = match (part, here) {
                    (0, false) => continue,
                    (0, true) => (look.pick("│", "|"), look.theme.strong()),
                    (part, true) => (marks[part], look.theme.strong()),
                    (part, false) => (marks[part], style),
                };
                buf[(x, y)].set_symbol(symbol).set_style(ink);
            }
        }
        if area.height > 1 {
            let row = Rect { y: area.bottom() - 1, height: 1, ..area };
            let ends = (number(self.axis.from), number(self.axis.to));
            scale(look, (&ends.0, &ends.1), self.axis.name, columns, row, buf);
        }
    }

    /// The column that a value on the axis falls into.
    fn column(&self, value: f64, columns: u16) -> Option<u16> {
        let t = (value - self.axis.from) / (self.axis.to - self.axis.from);
        ((0.0..=1.0).contains(&t) && columns > 0).then(|| ((t * f64::from(columns)) as u16).min(columns - 1))
    }
}

/// The line below a chart of `columns` columns: both ends of its scale, and a name between them or, if there is no room,
/// after them.
pub(super) fn scale(look: &Look, (from, to): (&str, &str), name: &str, columns: u16, row: Rect, buf: &mut Buffer) {
    if text::width(from) > usize::from(row.width) {
        return;
    }
    let muted = look.theme.muted();
    let after = text::put(buf, row, row.x, row.y, from, muted);
    let right = (row.x + columns).max(after + 1 + text::width(to) as u16);
    if right > row.right() {
        return;
    }
    let before = text::put_right(buf, row, right, row.y, to, muted);
    let wide = text::width(name) as u16;
    if wide + 2 <= before.saturating_sub(after) {
        text::put(buf, row, after + (before - after - wide) / 2, row.y, name, muted);
    } else if right + 1 + wide <= row.right() {
        text::put(buf, row, right + 1, row.y, name, muted);
    }
}

/// The most columns up to `width` that give every bin equally many, or every column equally many bins.
fn chart_width(bins: usize, width: u16) -> u16 {
    let width = usize::from(width);
    let columns = if bins == 0 || bins <= width {
        // At most four columns a bin: fatter bars say no more.
        bins * (width / bins.max(1)).min(4)
    } else {
        bins / bins.div_ceil(width)
    };
    columns as u16
}

/// The ends of a range: as short as they can be told apart.
pub fn ends(low: f64, high: f64) -> (String, String) {
    let short = (number(low), number(high));
    if short.0 != short.1 || low == high {
        return short;
    }
    let told = |digits: usize| (format!("{low:.digits$}"), format!("{high:.digits$}"));
    (4..12).map(told).find(|(low, high)| low != high).unwrap_or(short)
}

/// A number on an axis: as short as it can be read.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_string();
    }
    let a = value.abs();
    if a != 0.0 && !(1e-3..1e6).contains(&a) {
        return format!("{value:.0e}");
    }
    let text = match a {
        a if a >= 100.0 => format!("{value:.0}"),
        a if a >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    };
    if text.contains('.') {
        let text = text.trim_end_matches('0').trim_end_matches('.');
        return if text == "-0" { "0".to_string() } else { text.to_string() };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow_in_eighths_and_rare_is_not_none() {
        assert_eq!(sparkline(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 9, None, false), " ▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 9, None, true), " _.-=+*#@");
        assert_eq!(sparkline(&[1.0, 1e6], 2, None, false), "▁█");
        assert_eq!(sparkline(&[f64::NAN, -1.0, f64::INFINITY], 3, None, false), "   ");
        assert_eq!(sparkline(&[], 2, None, false), "  ");
        assert_eq!(sparkline(&[9.0], 1, Some(18.0), false), "▄");
    }

    #[test]
    fn peaks_survive_when_values_share_columns() {
        let mut values = vec![0.0; 1000];
        values[501] = 1.0;
        assert_eq!(sparkline(&values, 10, None, false), "     █    ");
    }

    #[test]
    fn no_count_is_lost_or_doubled() {
        for bins in 1..130 {
            let counts: Vec<f64> = (0..bins).map(|i| (i * i % 7) as f64).collect();
            for width in 1..60 {
                let columns = usize::from(chart_width(bins, width));
                assert!(columns >= 1 && columns <= usize::from(width), "{bins} {width} {columns}");
                if bins > columns {
                    let sum: f64 = resample(&counts, columns, Share::Sum).iter().sum();
                    assert_eq!(sum, counts.iter().sum::<f64>());
                } else {
                    assert_eq!(columns % bins, 0);
                }
            }
        }
    }

    #[test]
    fn ends_are_told_apart() {
        let text = |low, high| {
            let (low, high) = ends(low, high);
            format!("{low} {high}")
        };
        assert_eq!(text(0.5, 2.0), "0.5 2");
        assert_eq!(text(1.000_012, 1.000_027), "1.00001 1.00003");
        assert_eq!(text(3.0, 3.0), "3 3");
    }

    #[test]
    fn numbers_on_an_axis_are_short() {
        let shown: Vec<String> = [-4.0, -0.5, 0.0, 18.24, 576.0, 0.001, 1e-5, 2.5e7, f64::NAN].map(number).to_vec();
        assert_eq!(shown, ["-4", "-0.5", "0", "18.2", "576", "0.001", "1e-5", "2e7", "-"]);
    }
}
