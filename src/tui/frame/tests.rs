//! Frames as text, as shapes and as pixels.

use super::cells::{H, W};
use super::*;
use proptest::prelude::*;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

#[test]
fn text_has_no_trailing_blanks_and_wide_characters_count_once() {
    let mut buf = Buffer::empty(Rect::new(3, 1, 8, 3));
    buf.set_string(3, 1, "東a  b", Style::new());
    buf.set_string(4, 3, "x", Style::new());
    assert_eq!(frame_text(&buf), "東a  b\n\n x\n");
}

#[test]
fn text_of_a_picture_stands_at_its_columns_and_is_escaped() {
    let mut buf = Buffer::empty(Rect::new(0, 0, 20, 1));
    buf.set_string(0, 0, "a<b", Style::new());
    buf.set_string(6, 0, "東&", Style::new().add_modifier(Modifier::BOLD));
    let svg = frame_svg(&buf, "\"x\" & <y>\u{1b}");
    assert!(svg.contains("<tspan x=\"12\" textLength=\"27\">a&lt;b</tspan>"));
    assert!(svg.contains("<tspan x=\"66\" textLength=\"18\" font-weight=\"bold\">東</tspan>"));
    assert!(svg.contains("<tspan x=\"84\" font-weight=\"bold\">&amp;</tspan>"));
    assert!(svg.contains("<title>&quot;x&quot; &amp; &lt;y&gt;\u{fffd}</title>"));
}

#[test]
fn every_set_dot_is_drawn_once_and_nothing_of_it_as_text() {
    let mut buf = Buffer::empty(Rect::new(0, 0, 256, 1));
    for mask in 0..=255_u8 {
        buf[(u16::from(mask), 0)].set_char(crate::tui::widgets::Glyphs::Braille.symbol(mask));
    }
    let svg = frame_svg(&buf, "");
    // Half of 256 x 8 dots.
    assert_eq!(svg.matches("h0").count(), 1024);
    assert!(!svg.contains("<tspan"));
}

#[test]
fn blocks_fill_exactly_their_part_of_the_cell() {
    let area = |symbol: &str| -> u32 {
        let mut buf = Buffer::empty(Rect::new(0, 0, 1, 1));
        buf[(0, 0)].set_symbol(symbol);
        let svg = frame_svg(&buf, "");
        let Some(path) = svg.split("fill=\"#d5d9e0\" d=\"").nth(1).and_then(|rest| rest.split('"').next()) else {
            panic!("{symbol} is not a shape");
        };
        path.split('z')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (w, rest) = part.split_once('h').and_then(|(_, rest)| rest.split_once('v')).unwrap();
                w.parse::<u32>().unwrap() * rest.split('h').next().unwrap().parse::<u32>().unwrap()
            })
            .sum()
    };
    assert_eq!((area("█"), area("▀"), area("▄")), (W * H, W * H / 2, W * H / 2));
    assert_eq!(area("▌") + area("▐"), W * H);
    assert_eq!(area("▘") + area("▟"), W * H);
    assert_eq!(area("🬀") + area("🬻"), W * H);
    assert_eq!(area("𜴀"), (W / 2) * (H * 2 / 4 - H / 4));
    assert_eq!((area("▂"), area("▎")), (H * 2 / 8 * W, W * 2 / 8 * H));
}

#[test]
fn reversed_cells_swap_ink_and_ground() {
    let mut buf = Buffer::empty(Rect::new(0, 0, 2, 1));
    buf.set_string(0, 0, "ab", Style::new().fg(Color::Rgb(1, 2, 3)).add_modifier(Modifier::REVERSED));
    let svg = frame_svg(&buf, "");
    assert!(svg.contains("<path fill=\"#010203\" d=\"M12 12h18v18h-18z\"/>"));
    assert!(svg.contains("fill=\"#15181e\">ab</tspan>"));
}

proptest! {
    #[test]
    fn any_buffer_is_drawn(
        cells in prop::collection::vec((any::<String>(), any::<u16>(), 0_u8..17), 0..60),
        width in 0_u16..20, height in 0_u16..6,
    ) {
        let mut buf = Buffer::empty(Rect::new(1, 2, width, height));
        for (cell, (symbol, modifier, color)) in buf.content.iter_mut().zip(&cells) {
            cell.set_symbol(symbol);
            cell.modifier = Modifier::from_bits_truncate(*modifier);
            cell.fg = if *color == 16 { Color::Reset } else { Color::Indexed(*color) };
        }
        let text = frame_text(&buf);
        prop_assert_eq!(text.matches('\n').count(), usize::from(height));
        let svg = frame_svg(&buf, "any");
        prop_assert!(!svg.chars().any(|c| c.is_control() && c != '\n'));
        prop_assert_eq!(svg.matches('<').count(), svg.matches('>').count());
        prop_assert_eq!(frame_svg(&buf, "any"), svg);
    }
}
