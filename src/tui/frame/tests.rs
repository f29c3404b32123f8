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
        let picture = Decoded::of(&buf);
        let wanted = (usize::from(width) * 9 + 24, usize::from(height) * 18 + 24);
        prop_assert_eq!((picture.width / S, picture.height / S), wanted);
    }
}

/// A PNG, decoded again.
struct Decoded {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
    notes: Vec<(String, String)>,
}

/// Pixels of a unit.
const S: usize = png::SCALE as usize;
const INK: [u8; 3] = [0xd5, 0xd9, 0xe0];
const PANEL: [u8; 3] = [0x15, 0x18, 0x1e];

fn decoded(bytes: &[u8]) -> Decoded {
    let mut reader = ::png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut rgb).unwrap();
    assert_eq!((frame.color_type, frame.bit_depth), (::png::ColorType::Rgb, ::png::BitDepth::Eight));
    reader.finish().unwrap();
    let info = reader.info();
    let latin = info.uncompressed_latin1_text.iter().map(|chunk| (chunk.keyword.clone(), chunk.text.clone()));
    let wide = info.utf8_text.iter().map(|chunk| (chunk.keyword.clone(), chunk.get_text().unwrap()));
    let notes = latin.chain(wide).collect();
    Decoded { width: frame.width as usize, height: frame.height as usize, rgb, notes }
}

impl Decoded {
    fn of(buf: &Buffer) -> Self {
        decoded(&frame_png(buf, &[]))
    }
    fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let at = 3 * (y * self.width + x);
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }
    /// The pixels of a cell, row by row.
    fn cell(&self, column: usize, row: usize) -> Vec<[u8; 3]> {
        let (w, h, pad) = (W as usize * S, H as usize * S, cells::PAD as usize * S);
        let (left, top) = (pad + column * w, pad + row * h);
        (top..top + h).flat_map(|y| (left..left + w).map(move |x| self.pixel(x, y))).collect()
    }
    /// How much of a cell is not the panel.
    fn inked(&self, column: usize, row: usize) -> usize {
        self.cell(column, row).iter().filter(|pixel| **pixel != PANEL).count()
    }
}

fn cells_of(symbols: &[&str]) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, symbols.len() as u16, 1));
    for (x, symbol) in symbols.iter().enumerate() {
        buf[(x as u16, 0)].set_symbol(symbol);
    }
    buf
}

#[test]
fn a_full_cell_is_all_of_its_colour_and_a_blank_one_is_the_panel() {
    let mut buf = cells_of(&["█", " ", "a", "█"]);
    buf[(0, 0)].set_fg(Color::Rgb(1, 2, 3));
    buf[(2, 0)].set_style(Style::new().bg(Color::Rgb(9, 8, 7)));
    let picture = Decoded::of(&buf);
    assert_eq!((picture.width, picture.height), ((4 * 9 + 24) * S, (18 + 24) * S));
    assert!(picture.cell(0, 0).iter().all(|pixel| *pixel == [1, 2, 3]));
    assert!(picture.cell(1, 0).iter().all(|pixel| *pixel == PANEL));
    assert!(picture.cell(3, 0).iter().all(|pixel| *pixel == INK));
    // A character has its ground to the edges of its cell and no farther.
    let ground = picture.cell(2, 0);
    assert_eq!((ground[0], ground[ground.len() - 1]), ([9, 8, 7], [9, 8, 7]));
    assert!(ground.contains(&INK) && !ground.contains(&PANEL));
    let edge = (0..picture.width).flat_map(|x| [picture.pixel(x, 0), picture.pixel(x, picture.height - 1)]);
    assert!(edge.into_iter().all(|pixel| pixel == PANEL));
}

#[test]
fn dots_are_at_their_places_and_nowhere_else() {
    let glyphs = crate::tui::widgets::Glyphs::Braille;
    let mut buf = Buffer::empty(Rect::new(0, 0, 256, 1));
    for mask in 0..=255_u8 {
        buf[(u16::from(mask), 0)].set_char(glyphs.symbol(mask));
    }
    let picture = Decoded::of(&buf);
    for mask in 0..=255_usize {
        let cell = picture.cell(mask, 0);
        for bit in 0..8 {
            // The pixel in the middle of the eighth of the cell that the dot has.
            let (u, v) = (bit % 2, bit / 2);
            let (x, y) = ((2 * u + 1) * 18 / 4, (2 * v + 1) * 36 / 8);
            let wanted = if mask >> bit & 1 == 1 { INK } else { PANEL };
            assert_eq!(cell[y * 18 + x], wanted, "{mask:08b} {bit}");
            assert_eq!(cell[v * 9 * 18 + u * 9], PANEL, "dots are round");
        }
        let one = picture.inked(1, 0);
        assert_eq!(picture.inked(mask, 0), one * mask.count_ones() as usize);
    }
}

#[test]
fn blocks_and_lines_lie_on_whole_pixels() {
    let all = ["▀", "▄", "▌", "▐", "▘", "▟", "▂", "🬀", "─", "│", "┼", "╶"];
    let picture = Decoded::of(&cells_of(&all));
    let inked = |symbol: &str| {
        let column = all.iter().position(|known| *known == symbol).unwrap();
        let cell = picture.cell(column, 0);
        assert!(cell.iter().all(|pixel| [INK, PANEL].contains(pixel)), "{symbol} is not crisp");
        cell.iter().filter(|pixel| **pixel == INK).count()
    };
    let (w, h) = (18, 36);
    assert_eq!((inked("▀"), inked("▄"), inked("▌") + inked("▐")), (w * h / 2, w * h / 2, w * h));
    assert_eq!(inked("▘") + inked("▟"), w * h);
    assert_eq!((inked("▂"), inked("🬀")), (w * 8, 8 * 12));
    // Lines are two pixels wide and meet in the middle.
    assert_eq!((inked("─"), inked("│"), inked("┼")), (2 * w, 2 * h, 2 * w + 2 * h - 4));
    assert_eq!(inked("╶"), 2 * (w / 2 + 1));
    let level = picture.cell(8, 0);
    assert!((0..w).all(|x| level[17 * w + x] == INK && level[18 * w + x] == INK));
}

#[test]
fn round_corners_join_the_lines_that_they_lie_between() {
    let mut buf = Buffer::empty(Rect::new(0, 0, 2, 2));
    for (x, y, c) in [(0, 0, '╭'), (1, 0, '─'), (0, 1, '│')] {
        buf[(x, y)].set_char(c);
    }
    let picture = Decoded::of(&buf);
    let corner = picture.cell(0, 0);
    let (w, h) = (18, 36);
    // At its right edge and at its bottom it is as wide as the lines, to a shade.
    let near = |pixel: [u8; 3]| pixel.iter().zip(INK).all(|(own, ink)| own.abs_diff(ink) < 40);
    for at in [17 * w + w - 1, 18 * w + w - 1, (h - 1) * w + 8, (h - 1) * w + 9] {
        assert!(near(corner[at]), "{at}: {:?}", corner[at]);
    }
    assert_eq!((corner[0], corner[h * w - 1]), (PANEL, PANEL));
    assert_eq!(corner[17 * w + 8], PANEL, "the corner is round");
}

#[test]
fn text_is_smooth_bold_is_heavier_and_what_the_font_lacks_is_a_box() {
    let mut buf = cells_of(&["m", "m", "m", "é", "東", " ", "e\u{301}"]);
    buf[(1, 0)].modifier = Modifier::BOLD;
    buf[(2, 0)].modifier = Modifier::ITALIC;
    let picture = Decoded::of(&buf);
    let weight = |column: usize| picture.cell(column, 0).iter().map(|pixel| u32::from(pixel[0])).sum::<u32>();
    assert!(weight(1) > weight(0), "bold");
    assert_ne!(picture.cell(0, 0), picture.cell(2, 0), "italic");
    let shades: std::collections::BTreeSet<u8> = picture.cell(0, 0).iter().map(|pixel| pixel[0]).collect();
    assert!(shades.len() > 4 && shades.iter().all(|shade| (0x15..=0xd5).contains(shade)), "{shades:?}");
    // A letter with its accent, in one character or in two.
    let bare = Decoded::of(&cells_of(&["e"])).inked(0, 0);
    assert!(picture.inked(3, 0) > bare && picture.inked(6, 0) > bare);
    // Hollow, over both columns.
    let (left, right) = (picture.cell(4, 0), picture.cell(5, 0));
    assert!(left.iter().chain(&right).all(|pixel| [INK, PANEL].contains(pixel)));
    let middle = 20 * 18;
    assert_eq!((left[middle + 3], left[middle + 4], left[middle + 10]), (INK, INK, PANEL));
    assert_eq!((right[middle + 5], right[middle + 14], right[middle + 17]), (PANEL, INK, PANEL));
}

#[test]
fn a_picture_says_what_it_is() {
    let notes = [("Title", "map of d".to_string()), ("Provenance", "{\"input\":\"東\"}".to_string())];
    let bytes = frame_png(&cells_of(&["x"]), &notes);
    let found = decoded(&bytes).notes;
    assert_eq!(found, notes.clone().map(|(keyword, text)| (keyword.to_string(), text)));
    assert_eq!(bytes, frame_png(&cells_of(&["x"]), &notes), "the same bytes");
}
