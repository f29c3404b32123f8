//! Text of many scripts, and of none: whatever a tokenizer makes of the world's writing keeps to its cells.

use super::look;
use crate::tui::theme::ColorTier;
use crate::tui::widgets::passage::{self, Align, Token};
use crate::tui::widgets::text::{self, clean, fit, fit_left, grapheme_width, pad, prefix, suffix, width, wrap};
use crate::tui::widgets::{Glyphs, Look};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_segmentation::UnicodeSegmentation;

/// Pieces of text as files have them: wide, combining, joined, right to left, broken, and meant to break things.
const PIECES: [&str; 44] = [
    "a",
    "Mon",
    " ",
    "  ",
    "day",
    ".",
    "…",
    "│",
    "é",
    "e\u{301}",
    "\u{301}",
    "\u{308}\u{323}\u{331}\u{337}",
    "東",
    "京都",
    "한",
    "\u{1112}\u{1161}\u{11ab}",
    "\u{1161}",
    "ｶﾞ",
    "ﾟ",
    "न",
    "ि",
    "क्ष",
    "क्षि",
    "्",
    "ก็",
    "ำ",
    "ש",
    "שָׁ",
    "עולם",
    "مرحبا",
    "لا",
    "١٢",
    "👩‍👩‍👧",
    "👍🏽",
    "🇩🇪",
    "🇩",
    "❤\u{fe0f}",
    "\u{200d}",
    "\u{202e}",
    "\u{2067}x\u{2069}",
    "\t",
    "\n",
    "\u{1b}[2J",
    "\u{fffd}",
];

fn scripts() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..12).prop_map(|pieces| pieces.concat())
}

fn any_look() -> impl Strategy<Value = Look> {
    let tier = prop::sample::select(vec![ColorTier::True, ColorTier::None]);
    let glyphs = prop::sample::select(vec![Glyphs::Braille, Glyphs::Ascii]);
    (tier, glyphs, any::<bool>()).prop_map(|(tier, glyphs, styled)| Look { styled, ..look(tier, glyphs) })
}

/// The symbols of a row, each with its columns. Panics where a character lies over another, or sticks out.
fn cells(buf: &Buffer, y: u16) -> Vec<(u16, String)> {
    let (mut x, mut out) = (0, Vec::new());
    while x < buf.area.width {
        let symbol = buf[(x, y)].symbol().to_string();
        assert!(!symbol.contains(char::is_control), "{symbol:?}");
        let columns = text::width(&symbol).max(1) as u16;
        for covered in x + 1..(x + columns).min(buf.area.width) {
            assert_eq!(buf[(covered, y)].symbol(), " ", "something lies under {symbol}");
        }
        out.push((x, symbol));
        x += columns;
    }
    assert_eq!(x, buf.area.width, "half a character is left over");
    out
}

#[test]
fn marks_that_are_tokens_stand_on_the_letter_before_them() {
    let look = look(ColorTier::True, Glyphs::Braille);
    let texts = ["ह", "ि", "न्", "दी", " e", "\u{301}", "\u{302}", "\u{323}", " x"];
    let tokens: Vec<Token<'_>> = texts.iter().map(|text| Token { text, strength: 0.0 }).collect();
    let mut buf = Buffer::empty(Rect::new(0, 0, 30, 1));
    passage::render(&look, &tokens, 8, Align::Column(8), buf.area, &mut buf);
    let shown: String = cells(&buf, 0).into_iter().map(|(_, symbol)| symbol).collect();
    assert!(shown.contains("हिन्दी e\u{301}\u{302} ▐x▌") && !shown.contains('\u{25cc}'), "{shown}");
    // The token that is looked at stands alone, and so does what follows it.
    let mut buf = Buffer::empty(buf.area);
    passage::render(&look, &tokens, 5, Align::Column(8), buf.area, &mut buf);
    let shown: String = cells(&buf, 0).into_iter().map(|(_, symbol)| symbol).collect();
    assert!(shown.contains("▐\u{25cc}\u{301}▌\u{25cc}\u{302}"), "{shown}");
}

#[test]
fn the_token_in_focus_is_seen_without_any_style() {
    let words = [" on", " Monday", " the", " council"];
    let tokens: Vec<Token<'_>> = words.iter().map(|text| Token { text, strength: 0.5 }).collect();
    for tier in [ColorTier::True, ColorTier::Ansi256, ColorTier::Ansi16, ColorTier::None] {
        for (glyphs, wanted) in [(Glyphs::Braille, "▐Monday▌"), (Glyphs::Ascii, "[Monday]")] {
            let look = Look { styled: false, ..look(tier, glyphs) };
            for (columns, rows) in [(8, 1), (9, 1), (20, 1), (12, 3)] {
                let mut buf = Buffer::empty(Rect::new(0, 0, columns, rows));
                if rows > 1 {
                    passage::render_whole(&look, &tokens, 1, buf.area, &mut buf);
                } else {
                    passage::render(&look, &tokens, 1, Align::Flow, buf.area, &mut buf);
                }
                let shown: String = buf.content.iter().map(ratatui::buffer::Cell::symbol).collect();
                assert!(shown.contains(wanted), "{columns}x{rows}: {shown:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn cleaned_text_is_clean_and_stays_so(text in scripts(), ascii in any::<bool>()) {
        let clean_text = clean(&text, ascii);
        prop_assert_eq!(&clean(&clean_text, ascii), &clean_text);
        for grapheme in clean_text.graphemes(true) {
            prop_assert!(grapheme_width(grapheme) > 0, "{grapheme:?} of {text:?} would not be drawn");
        }
        let unwanted = ['\u{202e}', '\u{2067}', '\u{2069}', '\u{200d}', '\u{fe0f}'];
        prop_assert!(!clean_text.contains(unwanted));
        prop_assert!(!clean_text.contains(char::is_control));
    }

    #[test]
    fn cut_and_padded_text_keeps_to_its_columns(text in scripts(), columns in 0_usize..30, ascii in any::<bool>(), right in any::<bool>()) {
        let text = clean(&text, ascii);
        for cut in [fit(&text, columns, ascii), fit_left(&text, columns, ascii)] {
            prop_assert!(width(&cut) <= columns);
        }
        for part in [prefix(&text, columns), suffix(&text, columns)] {
            prop_assert!(width(part) <= columns && text.contains(part));
        }
        prop_assert_eq!(width(&pad(&text, columns, right, ascii)), columns);
    }

    #[test]
    fn wrapped_text_loses_nothing(text in scripts(), columns in 0_usize..30) {
        let text = clean(&text, false);
        let lines = wrap(&text, columns);
        prop_assert!(lines.iter().all(|line| width(line) <= columns));
        let letters = |text: &str| text.replace(' ', "");
        if text.graphemes(true).all(|grapheme| grapheme_width(grapheme) <= columns) {
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }

    #[test]
    fn passages_keep_to_their_pane(
        look in any_look(), words in prop::collection::vec((scripts(), 0.0_f32..1.2), 1..7), focus in 0_usize..7,
        column in 0_u16..40, size in (1_u16..44, 1_u16..5), whole in any::<bool>(),
    ) {
        let tokens: Vec<Token<'_>> = words.iter().map(|(text, strength)| Token { text, strength: *strength }).collect();
        let focus = focus % tokens.len();
        // A pane with a border all round, as wide as its inside needs.
        let mut buf = Buffer::empty(Rect::new(0, 0, size.0 + 2, size.1 + 2));
        for cell in &mut buf.content {
            cell.set_char('│');
        }
        let inside = Rect::new(1, 1, size.0, size.1);
        for y in inside.top()..inside.bottom() {
            for x in inside.left()..inside.right() {
                buf[(x, y)].reset();
            }
        }
        if whole {
            passage::render_whole(&look, &tokens, focus, inside, &mut buf);
        } else {
            for (y, align) in (inside.top()..inside.bottom()).zip([Align::Flow, Align::Column(column), Align::Flow]) {
                passage::render(&look, &tokens, focus, align, Rect { y, height: 1, ..inside }, &mut buf);
            }
        }
        for y in 0..buf.area.height {
            let row = cells(&buf, y);
            let (first, last) = (&row[0], &row[row.len() - 1]);
            prop_assert_eq!((first.1.as_str(), last.0, last.1.as_str()), ("│", size.0 + 1, "│"));
        }
        // Where there is room for it and its edges, the token in focus is found without colour.
        let core = clean(words[focus].0.trim_matches(' '), look.ascii);
        if !whole && text::width(&core) as u16 + 2 <= size.0 && !core.trim().is_empty() {
            let row: String = cells(&buf, 1).into_iter().map(|(_, symbol)| symbol).collect();
            let wanted = format!("{}{core}{}", look.pick("▐", "["), look.pick("▌", "]"));
            prop_assert!(row.contains(&wanted), "{row:?} {wanted:?}");
        }
    }
}
