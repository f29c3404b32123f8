//! Text that runs from right to left, in a grid that does not.
//!
//! Some terminals put the characters of a row in the order in which they are read (the Unicode bidirectional
//! algorithm, UAX 9), others show them as they come; none says which. Text is therefore always written in the order of
//! its letters, as files have it. A terminal that reorders would take the frame between two panes for punctuation
//! within one long phrase if there is Hebrew or Arabic on both sides of it, and move it; so would it move a number that
//! follows in the next column. [`seal`] ends each phrase with a left-to-right mark (U+200E), which no terminal gives a
//! column: then the phrase alone is turned round, and frames, columns and the token in focus stay where they are on
//! every terminal. Marks and embeddings from files never get here: [`crate::text::printable`] drops them.

use ratatui::buffer::Buffer;

/// The left-to-right mark.
pub(crate) const MARK: char = '\u{200e}';

/// Ends every right-to-left phrase of a finished frame with a [`MARK`]. A phrase goes on over single blanks and signs
/// between its words, and ends before a frame, a block or two blanks. O(cells).
pub fn seal(buf: &mut Buffer) {
    let width = usize::from(buf.area.width).max(1);
    for row in buf.content.chunks_exact_mut(width) {
        // The last letter of the phrase so far, and whether a blank follows it.
        let (mut last, mut blank) = (None, false);
        for x in 0..row.len() {
            let first = row[x].symbol().chars().next().unwrap_or(' ');
            if is_right_to_left(first) {
                (last, blank) = (Some(x), false);
                continue;
            }
            let ends = is_drawn(first) || (first == ' ' && blank);
            blank = first == ' ';
            if ends && let Some(last) = last.take() {
                mark(&mut row[last]);
            }
        }
        if let Some(last) = last {
            mark(&mut row[last]);
        }
    }
}

fn mark(cell: &mut ratatui::buffer::Cell) {
    if !cell.symbol().ends_with(MARK) {
        let symbol = format!("{}{MARK}", cell.symbol());
        cell.set_symbol(&symbol);
    }
}

/// Whether a character is of a script that runs from right to left.
fn is_right_to_left(c: char) -> bool {
    matches!(c,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}'
        | '\u{1e800}'..='\u{1efff}')
}

/// Lines, corners and blocks: what frames and edges are made of.
fn is_drawn(c: char) -> bool {
    matches!(c, '\u{2500}'..='\u{259f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::widgets::text;
    use proptest::prelude::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;
    use unicode_bidi::{BidiInfo, Level};

    /// The row as a terminal shows it that follows the algorithm, left to right as a whole.
    fn reordered(buf: &Buffer) -> String {
        let row: String = buf.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        let info = BidiInfo::new(&row, Some(Level::ltr()));
        let shown = info.reorder_line(&info.paragraphs[0], info.paragraphs[0].range.clone());
        shown.chars().filter(|c| *c != MARK).collect()
    }

    fn row(parts: &[(u16, &str)], width: u16) -> Buffer {
        let mut buf = Buffer::empty(Rect::new(0, 0, width, 1));
        for (x, part) in parts {
            text::put(&mut buf, Rect::new(0, 0, width, 1), *x, 0, &text::clean(part, false), Style::new());
        }
        buf
    }

    #[test]
    fn frames_and_columns_stay_where_they_are() {
        let parts = [(0, "│"), (1, "שלום עולם"), (12, "│"), (13, "مرحبا"), (20, "42"), (23, "│")];
        let mut buf = row(&parts, 24);
        let at = |shown: &str, c: char| shown.chars().position(|other| other == c);
        let moved = reordered(&buf);
        assert_ne!(moved.chars().position(|c| c == '4'), Some(20), "without marks it is moved: {moved}");
        seal(&mut buf);
        let shown = reordered(&buf);
        assert_eq!(shown, "│םלוע םולש  │ابحرم  42 │");
        assert_eq!((at(&shown, '4'), shown.chars().nth(12), shown.chars().nth(23)), (Some(20), Some('│'), Some('│')));
        // Again changes nothing, and other text is left alone.
        let once = buf.clone();
        seal(&mut buf);
        assert_eq!(buf, once);
        let mut plain = row(&[(0, "│ Größe 東京 é │")], 20);
        let before = plain.clone();
        seal(&mut plain);
        assert_eq!(plain, before);
    }

    #[test]
    fn a_phrase_is_read_as_one_and_the_token_in_focus_stands_apart() {
        let mut buf = row(&[(0, "אב 12, גד"), (9, "▐הו▌"), (13, " זח"), (18, "x")], 20);
        seal(&mut buf);
        assert_eq!(reordered(&buf), "דג ,12 בא▐וה▌ חז  x ");
    }

    proptest! {
        #[test]
        fn no_border_moves_whatever_stands_in_the_panes(
            panes in prop::collection::vec("[אבשم0-9 ab.,!\\-(東…]{0,9}", 1..5),
        ) {
            let width = panes.len() as u16 * 10 + 1;
            let mut parts: Vec<(u16, &str)> = (0..=panes.len() as u16).map(|i| (i * 10, "│")).collect();
            let inner: Vec<String> = panes.iter().map(|pane| text::fit(&text::clean(pane, false), 9, false).into_owned()).collect();
            parts.extend(inner.iter().enumerate().map(|(i, pane)| (i as u16 * 10 + 1, pane.as_str())));
            let mut buf = row(&parts, width);
            seal(&mut buf);
            let info = reordered(&buf);
            // Wide characters take their second column as well; it is a blank cell in the buffer.
            let borders: Vec<usize> = info.chars().enumerate().filter(|(_, c)| *c == '│').map(|(at, _)| at).collect();
            prop_assert_eq!(borders, (0..=panes.len()).map(|i| i * 10).collect::<Vec<_>>(), "{}", info);
        }
    }
}
