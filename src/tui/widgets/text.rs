//! Text that fits: width by what the terminal shows, truncation by grapheme, 7-bit fallbacks, numbers for people.
//!
//! Terminals disagree about the width of joined emoji, variation selectors and flags, and a wrong guess shifts the
//! rest of the row. [`clean`] therefore reduces each grapheme to a form that all of them measure alike: its letters
//! with at most two combining marks, no joiners, no selectors, no second emoji; a mark without a letter gets the dotted
//! circle that stands for one. What is lost is decoration.

use ratatui::buffer::{Buffer, CellWidth};
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::borrow::Cow;
use std::time::Duration;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

pub use crate::text::thousands;

/// Text from a file, made safe for the grid: one line, no control characters, graphemes of a width that every
/// terminal agrees on, and 7-bit if `ascii`.
pub fn clean(text: &str, ascii: bool) -> String {
    let text = crate::text::printable(text);
    if text.is_ascii() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for grapheme in text.graphemes(true) {
        let mut chars = grapheme.chars();
        let Some(first) = chars.next() else { continue };
        match first.width() {
            // A mark or joiner without a base shows differently everywhere.
            None | Some(0) if ascii => out.push('?'),
            None | Some(0) if is_mark(first) => out.extend(['\u{25cc}', first]),
            None | Some(0) => out.push('\u{fffd}'),
            Some(width) if ascii => {
                out.push(ascii_of(first));
                out.extend(std::iter::repeat_n('?', width - 1));
            }
            // Regional indicators are narrow here and wide there; halfwidth sound marks have a column or none.
            Some(1) if matches!(first, '\u{1f1e6}'..='\u{1f1ff}' | '\u{ff9e}' | '\u{ff9f}') => out.push('\u{fffd}'),
            Some(_) => {
                out.push(first);
                let mut marks = 0;
                let loose =
                    |c: &char| matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{ff9e}' | '\u{ff9f}');
                for c in chars.filter(|c| !loose(c)) {
                    match c.width() {
                        // A heap of marks would reach into the rows above and below.
                        Some(0) if marks < 2 => {
                            marks += 1;
                            out.push(c);
                        }
                        // Letters that share a grapheme, as in Devanagari conjuncts; not what is joined to an emoji.
                        Some(1) if first.width() == Some(1) => out.push(c),
                        _ => {}
                    }
                }
            }
        }
    }
    out
}

/// Whether a character without a width of its own is put on the letter before it, and seen there.
fn is_mark(c: char) -> bool {
    let unseen = matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{1160}'..='\u{11ff}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}');
    c.width() == Some(0) && c >= '\u{300}' && !unseen && !matches!(c, '\u{e0000}'..='\u{e0fff}')
}

/// Columns that `text` takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.graphemes(true).map(grapheme_width).sum() }
}

/// Columns that one grapheme takes; control characters none, as they are not drawn.
pub(crate) fn grapheme_width(grapheme: &str) -> usize {
    if grapheme.contains(char::is_control) { 0 } else { grapheme.cell_width() as usize }
}

/// The sign of cut text.
pub fn ellipsis(ascii: bool) -> &'static str {
    if ascii { "~" } else { "…" }
}

/// The first `columns` columns of `text`, the last of them an ellipsis if something is cut.
pub fn fit(text: &str, columns: usize, ascii: bool) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    if columns == 0 {
        return Cow::Borrowed("");
    }
    let mut out = prefix(text, columns - 1).to_string();
    out.push_str(ellipsis(ascii));
    Cow::Owned(out)
}

/// The last `columns` columns of `text`, the first of them an ellipsis if something is cut: for paths.
pub fn fit_left(text: &str, columns: usize, ascii: bool) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    if columns == 0 {
        return Cow::Borrowed("");
    }
    Cow::Owned(format!("{}{}", ellipsis(ascii), suffix(text, columns - 1)))
}

/// `text` in lines of at most `columns`, broken at spaces where there are any.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word = word;
        let gap = usize::from(!line.is_empty());
        if width(&line) + gap + width(word) <= columns {
            if gap == 1 {
                line.push(' ');
            }
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        while width(word) > columns {
            let head = prefix(word, columns);
            if head.is_empty() {
                // Not even one character fits.
                return lines;
            }
            lines.push(head.to_string());
            word = &word[head.len()..];
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The longest start of `text` that is at most `columns` wide.
pub fn prefix(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += grapheme_width(grapheme);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// The longest end of `text` that is at most `columns` wide.
pub fn suffix(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        used += grapheme_width(grapheme);
        if used > columns {
            return &text[at + grapheme.len()..];
        }
    }
    text
}

/// `text` cut or padded to exactly `columns` columns, to the right if `right`.
pub fn pad(text: &str, columns: usize, right: bool, ascii: bool) -> String {
    let text = fit(text, columns, ascii);
    let space = " ".repeat(columns.saturating_sub(width(&text)));
    if right { format!("{space}{text}") } else { format!("{text}{space}") }
}

/// Writes `text` at (`x`, `y`), at most `columns` wide and never outside `area` or the buffer; gives the column
/// after it. A wide character that would be cut is left out.
pub fn put(buf: &mut Buffer, area: Rect, x: u16, y: u16, text: &str, style: Style) -> u16 {
    let area = area.intersection(buf.area);
    if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() {
        return x;
    }
    buf.set_stringn(x, y, text, usize::from(area.right() - x), style).0
}

/// Writes `text` so that it ends before column `right`; gives the column where it starts.
pub fn put_right(buf: &mut Buffer, area: Rect, right: u16, y: u16, text: &str, style: Style) -> u16 {
    let columns = usize::from(right.min(area.right()).saturating_sub(area.left()));
    // On a 7-bit screen [`to_ascii`] turns the ellipsis into one of its own.
    let text = fit(text, columns, false);
    let x = right.min(area.right()).saturating_sub(width(&text) as u16).max(area.left());
    put(buf, area, x, y, &text, style);
    x
}

/// A wide character partly hidden by what was drawn over its right part would push the row: blanks what is left of it.
/// To be called for a rectangle that is about to be drawn over.
pub(crate) fn unhook(buf: &mut Buffer, area: Rect) {
    let area = area.intersection(buf.area);
    for y in area.top()..area.bottom() {
        // The cells that a character covers besides its first are blank.
        let first = (buf.area.left()..area.left()).rev().find(|&x| buf[(x, y)].symbol() != " ");
        if let Some(x) = first {
            let cell = &mut buf[(x, y)];
            if cell.symbol().len() > 1 && grapheme_width(cell.symbol()) > usize::from(area.left() - x) {
                cell.set_symbol(" ");
            }
        }
    }
}

/// The 7-bit character that stands for `c`.
pub fn ascii_of(c: char) -> char {
    match c {
        ' '..='~' => c,
        '…' | '⋯' => '~',
        '─' | '╌' | '┄' | '–' | '—' | '‐' | '−' | '╴' | '╶' | '▃' => '-',
        '━' | '═' | '▄' => '=',
        '│' | '┃' | '╎' | '┆' | '╷' | '╵' => '|',
        '╭' | '╮' | '╰' | '╯' | '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' | '▅' => {
            '+'
        }
        '▐' => '[',
        '▌' => ']',
        '▁' => '_',
        '▂' | '▱' | '·' | '∙' | '•' => '.',
        '▆' => '*',
        '▇' | '▰' => '#',
        '█' => '@',
        '‘' | '’' | '′' => '\'',
        '“' | '”' | '″' => '"',
        '×' => 'x',
        '→' | '▶' | '›' | '⇥' => '>',
        '←' | '◀' | '‹' => '<',
        '↑' | '▲' => '^',
        '↓' | '▼' => 'v',
        '⏎' => '/',
        '\u{a0}' => ' ',
        '\u{2800}'..='\u{28ff}' => {
            [' ', '.', ':', '-', '=', '+', '*', '#', '@'][(c as u32 & 0xff).count_ones() as usize]
        }
        _ => '?',
    }
}

/// Makes a whole frame 7-bit: what widgets drew with care stays, anything else becomes its nearest character.
pub fn to_ascii(buf: &mut Buffer) {
    for cell in &mut buf.content {
        if !cell.symbol().is_ascii() {
            let stand_in = cell.symbol().chars().next().map_or(' ', ascii_of);
            cell.set_char(stand_in);
        }
    }
}

/// A length of time as people say it: `0.4 s`, `12 s`, `2 min 10 s`, `3 h 5 min`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", (time.as_secs_f64() * 10.0).floor() / 10.0),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A share of one as a percentage with the digits that matter: `12 %`, `0.41 %`, `0.0032 %`.
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return "- %".to_string();
    }
    let p = share * 100.0;
    match p.abs() {
        0.0 => "0 %".to_string(),
        a if a >= 9.95 => format!("{p:.0} %"),
        a if a >= 1.0 => format!("{p:.1} %"),
        a => {
            // Two significant digits, at most ten decimals.
            let decimals = (1.0 - a.log10().floor()).clamp(1.0, 10.0) as usize;
            format!("{p:.decimals$} %")
        }
    }
}

/// A score between -1 and 1 in three columns and a sign: `.89`, `1.00`, `-.07`.
pub fn unit(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_string();
    }
    let text = format!("{value:.2}");
    if let Some(rest) = text.strip_prefix("0.") {
        format!(".{rest}")
    } else if let Some(rest) = text.strip_prefix("-0.") {
        // A rounded negative zero is zero.
        if rest.bytes().all(|b| b == b'0') { format!(".{rest}") } else { format!("-.{rest}") }
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cutting_counts_columns_not_characters() {
        assert_eq!(fit("weekdays", 8, false), "weekdays");
        assert_eq!(fit("weekdays", 5, false), "week…");
        assert_eq!(fit("weekdays", 5, true), "week~");
        assert_eq!(fit("東京都", 5, false), "東京…");
        assert_eq!(fit("東京都", 4, false), "東…");
        assert_eq!(fit_left("/a/long/path.npz", 9, false), "…path.npz");
        assert_eq!(fit("x", 0, false), "");
        assert_eq!(pad("41", 5, true, false), "   41");
        assert_eq!(pad("東", 3, false, false), "東 ");
        assert_eq!(fit("e\u{301}e\u{301}e\u{301}", 2, false), "e\u{301}…");
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_anywhere() {
        assert_eq!(wrap("no such file: a/very/long/path", 8), ["no such", "file:", "a/very/l", "ong/path"]);
        assert_eq!(wrap("", 8), Vec::<String>::new());
        assert_eq!(wrap("東京", 1), Vec::<String>::new());
        assert_eq!(wrap("a b", 0), Vec::<String>::new());
    }

    #[test]
    fn what_terminals_measure_differently_is_reduced() {
        assert_eq!(clean("👩‍👩‍👧 x", false), "👩 x");
        assert_eq!(clean("❤\u{fe0f}", false), "❤");
        assert_eq!(clean("🇩🇪", false), "\u{fffd}");
        assert_eq!(clean("👍🏽!", false), "👍!");
        assert_eq!(clean(&format!("a{}", "\u{301}".repeat(50)), false), "a\u{301}\u{301}");
        assert_eq!(clean("\u{301}", false), "\u{25cc}\u{301}");
        assert_eq!((clean("\u{200d}", false), clean("\u{fe0f}", false)), ("\u{fffd}".into(), "\u{fffd}".into()));
        assert_eq!(clean("\u{2067}ש\u{2069}\u{202e}ל", false), "של", "isolates and overrides are dropped");
        assert_eq!(clean("東é…\u{1b}", true), "???~?");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            (thousands(0), thousands(1104), thousands(1_234_567)),
            ("0".into(), "1,104".into(), "1,234,567".into())
        );
        assert_eq!(duration(Duration::from_millis(1290)), "1.2 s");
        assert_eq!(duration(Duration::from_secs(130)), "2 min 10 s");
        assert_eq!(duration(Duration::from_mins(185)), "3 h 5 min");
        assert_eq!(
            (percent(0.0041), percent(0.27), percent(0.000032)),
            ("0.41 %".into(), "27 %".into(), "0.0032 %".into())
        );
        assert_eq!((percent(0.0), percent(1.0), percent(f64::NAN)), ("0 %".into(), "100 %".into(), "- %".into()));
        assert_eq!(
            (unit(0.891), unit(1.0), unit(-0.07), unit(-0.001)),
            (".89".into(), "1.00".into(), "-.07".into(), ".00".into())
        );
    }

    #[test]
    fn drawing_over_half_of_a_wide_character_blanks_the_other_half() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 6, 1));
        buf.set_string(1, 0, "東", Style::new());
        unhook(&mut buf, Rect::new(2, 0, 4, 1));
        assert_eq!(buf[(1, 0)].symbol(), " ");
        // Letters that share a cluster take more columns yet.
        buf.set_string(1, 0, "क्षि", Style::new());
        unhook(&mut buf, Rect::new(4, 0, 2, 1));
        assert_eq!(buf[(1, 0)].symbol(), "क्षि");
        unhook(&mut buf, Rect::new(3, 0, 3, 1));
        assert_eq!(buf[(1, 0)].symbol(), " ");
    }

    proptest! {
        #[test]
        fn cut_text_fits_and_uncut_text_is_whole(text in any::<String>(), columns in 0_usize..60) {
            let text = clean(&text, false);
            let cut = fit(&text, columns, false);
            prop_assert!(width(&cut) <= columns);
            if width(&text) <= columns {
                prop_assert_eq!(&cut, &text);
            } else {
                // Only a character that does not fit leaves columns unused.
                let widest = text.graphemes(true).map(grapheme_width).max().unwrap_or(0);
                prop_assert!(width(&cut) + widest > columns);
            }
            prop_assert!(width(&fit_left(&text, columns, false)) <= columns);
            prop_assert_eq!(width(&pad(&text, columns, true, false)), columns);
        }

        #[test]
        fn cleaned_text_has_the_width_of_its_characters(text in any::<String>()) {
            let text = clean(&text, false);
            let by_character: usize = text.chars().map(|c| c.width().unwrap_or(0)).sum();
            prop_assert_eq!(width(&text), by_character);
        }

        #[test]
        fn ascii_is_seven_bit(text in any::<String>()) {
            prop_assert!(clean(&text, true).is_ascii());
        }

        #[test]
        fn putting_never_leaves_the_area(text in any::<String>(), x in 0_u16..20, y in 0_u16..8, w in 0_u16..20, h in 0_u16..8) {
            let mut buf = Buffer::empty(Rect::new(0, 0, 12, 4));
            let area = Rect::new(3, 1, w, h);
            put(&mut buf, area, x, y, &clean(&text, false), Style::new());
            put_right(&mut buf, area, x, y, &clean(&text, false), Style::new());
            for (i, cell) in buf.content.iter().enumerate() {
                let at = buf.pos_of(i);
                prop_assert!(cell.symbol() == " " || area.contains(at.into()));
            }
        }
    }
}
