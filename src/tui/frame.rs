//! A frame of the screen as text or as a picture.
//!
//! Input: a [`Buffer`] as a terminal would show it. Output: plain text, or an SVG that stands alone. The picture
//! holds the grid with any font: every word stands at its own column with its own length, and dots, blocks and
//! frames are drawn as shapes, not as characters. It is drawn on a dark panel; the terminal's own colours get fixed
//! values there. The same buffer gives the same bytes. O(cells).

use crate::text::printable;
use crate::tui::theme::indexed_rgb;
use crate::tui::widgets::bidi::MARK;
use crate::tui::widgets::glyph::dots_of;
use ratatui::buffer::{Buffer, Cell, CellWidth};
use ratatui::style::{Color, Modifier};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The characters alone: one line per row, trailing blanks left out.
pub fn frame_text(buf: &Buffer) -> String {
    let mut out = String::new();
    for y in buf.area.top()..buf.area.bottom() {
        let mut row = String::new();
        let mut x = buf.area.left();
        while x < buf.area.right() {
            let cell = &buf[(x, y)];
            row.push_str(&safe(cell));
            // It keeps frames in their place on a terminal that reorders text.
            row.extend(cell.symbol().chars().last().filter(|last| *last == MARK));
            x += columns(cell);
        }
        out.push_str(row.trim_end_matches(' '));
        out.push('\n');
    }
    out
}

/// Width of a cell in the picture.
const W: u32 = 9;
/// Height of a cell in the picture.
const H: u32 = 18;
/// Space around the frame.
const PAD: u32 = 12;
/// Baseline of text below the top of its row.
const BASE: u32 = 14;

type Rgb = (u8, u8, u8);

const PANEL: Rgb = (0x15, 0x18, 0x1e);
const INK: Rgb = (0xd5, 0xd9, 0xe0);

/// What the sixteen named colours look like in the picture.
const NAMED: [Rgb; 16] = [
    (0x1c, 0x1f, 0x26),
    (0xe0, 0x6c, 0x75),
    (0x7f, 0xbf, 0x7f),
    (0xe5, 0xc0, 0x7b),
    (0x61, 0xa0, 0xef),
    (0xc6, 0x78, 0xdd),
    (0x56, 0xb6, 0xc2),
    (0xc8, 0xcc, 0xd4),
    (0x6b, 0x72, 0x80),
    (0xff, 0x8a, 0x80),
    (0xa8, 0xe0, 0x8a),
    (0xf4, 0xe2, 0x85),
    (0x8a, 0xc6, 0xff),
    (0xe3, 0xa6, 0xff),
    (0x8b, 0xe9, 0xf5),
    (0xff, 0xff, 0xff),
];

/// An SVG that stands alone and says `title` to readers that cannot see it.
pub fn frame_svg(buf: &Buffer, title: &str) -> String {
    let mut picture = Picture::default();
    for y in 0..buf.area.height {
        picture.row(buf, y);
    }
    picture.finish(u32::from(buf.area.width), u32::from(buf.area.height), title)
}

/// Shapes by colour, and the text.
#[derive(Default)]
struct Picture {
    grounds: BTreeMap<Rgb, String>,
    blocks: BTreeMap<Rgb, String>,
    lines: BTreeMap<Rgb, String>,
    dots: BTreeMap<Rgb, String>,
    text: String,
}

/// A word of one style, at a column.
struct Word {
    x: u32,
    columns: u32,
    text: String,
    ink: Rgb,
    modifier: Modifier,
}

impl Picture {
    fn row(&mut self, buf: &Buffer, y: u16) {
        let mut words: Vec<Word> = Vec::new();
        let mut ground: Option<(Rgb, u32, u32)> = None;
        let top = u32::from(y) * H + PAD;
        let mut column = 0;
        while column < buf.area.width {
            let cell = &buf[(buf.area.x + column, buf.area.y + y)];
            let wide = columns(cell).min(buf.area.width - column);
            let (ink, paper) = colors(cell);
            let (x, width) = (u32::from(column) * W + PAD, u32::from(wide) * W);
            match (&mut ground, paper) {
                (Some((color, from, len)), Some(paper)) if *color == paper && *from + *len == x => *len += width,
                (_, paper) => {
                    self.ground(ground.take(), top);
                    ground = paper.map(|paper| (paper, x, width));
                }
            }
            if cell.modifier.contains(Modifier::UNDERLINED) {
                rect(self.blocks.entry(ink).or_default(), (x, top + H - 2), (width, 1));
            }
            if cell.modifier.contains(Modifier::CROSSED_OUT) {
                rect(self.blocks.entry(ink).or_default(), (x, top + H / 2), (width, 1));
            }
            let symbol = safe(cell);
            if !cell.modifier.contains(Modifier::HIDDEN) && symbol != " " && !self.shape(&symbol, (x, top), ink) {
                let modifier = cell.modifier & (Modifier::BOLD | Modifier::ITALIC);
                // Characters that fonts measure differently stand alone.
                let alone = !symbol.is_ascii();
                match words.last_mut() {
                    Some(word)
                        if !alone
                            && word.text.is_ascii()
                            && (word.ink, word.modifier) == (ink, modifier)
                            && word.x + word.columns * W == x =>
                    {
                        word.text.push_str(&symbol);
                        word.columns += 1;
                    }
                    _ => words.push(Word { x, columns: u32::from(wide), text: symbol, ink, modifier }),
                }
            }
            column += wide;
        }
        self.ground(ground, top);
        self.words(&words, top + BASE);
    }

    fn ground(&mut self, run: Option<(Rgb, u32, u32)>, top: u32) {
        if let Some((color, x, width)) = run {
            rect(self.grounds.entry(color).or_default(), (x, top), (width, H));
        }
    }

    fn words(&mut self, words: &[Word], y: u32) {
        if words.is_empty() {
            return;
        }
        let _ = write!(self.text, "<text y=\"{y}\">");
        for word in words {
            let _ = write!(self.text, "<tspan x=\"{}\"", word.x);
            // A lone glyph of unknown width is not stretched; its neighbours have places of their own.
            if word.columns > 1 {
                let _ = write!(self.text, " textLength=\"{}\"", word.columns * W);
            }
            if word.ink != INK {
                let _ = write!(self.text, " fill=\"{}\"", hex(word.ink));
            }
            if word.modifier.contains(Modifier::BOLD) {
                self.text.push_str(" font-weight=\"bold\"");
            }
            if word.modifier.contains(Modifier::ITALIC) {
                self.text.push_str(" font-style=\"italic\"");
            }
            let _ = write!(self.text, ">{}</tspan>", escape(&word.text));
        }
        self.text.push_str("</text>\n");
    }

    /// Draws a character that is a shape; false if it is text.
    fn shape(&mut self, symbol: &str, (x, y): (u32, u32), ink: Rgb) -> bool {
        let mut chars = symbol.chars();
        let (Some(c), None) = (chars.next(), chars.next()) else { return false };
        if let Some(parts) = line_parts(c) {
            lines(self.lines.entry(ink).or_default(), c, parts, (x, y));
            return true;
        }
        let bar = match c {
            // Bars from below and from the left, in eighths.
            '▁'..='█' => {
                let part = (c as u32 - '▁' as u32 + 1) * H / 8;
                Some(((0, H - part), (W, part)))
            }
            '▉'..='▏' => Some(((0, 0), (('▏' as u32 - c as u32 + 1) * W / 8, H))),
            '▰' => Some(((1, H / 2 - 3), (W - 2, 6))),
            '▱' => Some(((1, H / 2 - 1), (W - 2, 2))),
            '┃' => Some(((W / 2 - 1, 0), (3, H))),
            _ => None,
        };
        if let Some(((dx, dy), size)) = bar {
            rect(self.blocks.entry(ink).or_default(), (x + dx, y + dy), size);
            return true;
        }
        let Some((glyphs, mask)) = dots_of(c) else { return false };
        let (w, h) = glyphs.dots();
        for bit in (0..w * h).filter(|bit| mask >> bit & 1 == 1) {
            let (u, v) = (u32::from(bit % w), u32::from(bit / w));
            let (w, h) = (u32::from(w), u32::from(h));
            if matches!(c, '\u{2800}'..='\u{28ff}') {
                // Centres in tenths: 2.25 and 6.75 across, every 4.5 down.
                let (cx, cy) = (x * 10 + (u * 2 + 1) * W * 10 / 4, y * 10 + (v * 2 + 1) * H * 10 / 8);
                let _ = write!(self.dots.entry(ink).or_default(), "M{} {}h0", tenths(cx), tenths(cy));
            } else {
                let (left, top) = (u * W / w, v * H / h);
                let size = ((u + 1) * W / w - left, (v + 1) * H / h - top);
                rect(self.blocks.entry(ink).or_default(), (x + left, y + top), size);
            }
        }
        true
    }

    fn finish(&self, columns: u32, rows: u32, title: &str) -> String {
        let (width, height) = (columns * W + 2 * PAD, rows * H + 2 * PAD);
        let mut out = String::new();
        let title = escape(&printable(title));
        let _ = writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" aria-label=\"{title}\">"
        );
        let _ = writeln!(out, "<title>{title}</title>");
        let _ = writeln!(out, "<rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{}\"/>", hex(PANEL));
        let mut group = |shapes: &BTreeMap<Rgb, String>, attributes: &str, paint: &str| {
            if shapes.is_empty() {
                return;
            }
            let _ = writeln!(out, "<g {attributes}>");
            for (color, d) in shapes {
                let _ = writeln!(out, "<path {paint}=\"{}\" d=\"{d}\"/>", hex(*color));
            }
            let _ = writeln!(out, "</g>");
        };
        group(&self.grounds, "shape-rendering=\"crispEdges\"", "fill");
        group(&self.blocks, "shape-rendering=\"crispEdges\"", "fill");
        group(&self.lines, "fill=\"none\" stroke-width=\"1.2\"", "stroke");
        group(&self.dots, "fill=\"none\" stroke-width=\"3.2\" stroke-linecap=\"round\"", "stroke");
        let _ = write!(
            out,
            "<g font-family=\"'DejaVu Sans Mono',Menlo,Consolas,'Liberation Mono',monospace\" font-size=\"15\" \
             fill=\"{}\">\n{}</g>\n</svg>\n",
            hex(INK),
            self.text
        );
        out
    }
}

fn rect(path: &mut String, (x, y): (u32, u32), (width, height): (u32, u32)) {
    let _ = write!(path, "M{x} {y}h{width}v{height}h-{width}z");
}

/// Arms of a thin line drawing character: up, right, down, left.
fn line_parts(c: char) -> Option<[bool; 4]> {
    let parts = match c {
        '─' => "rl",
        '│' => "ud",
        '╭' | '┌' => "rd",
        '╮' | '┐' => "dl",
        '╰' | '└' => "ur",
        '╯' | '┘' => "ul",
        '├' => "urd",
        '┤' => "udl",
        '┬' => "rdl",
        '┴' => "url",
        '┼' => "urdl",
        '╵' => "u",
        '╶' => "r",
        '╷' => "d",
        '╴' => "l",
        _ => return None,
    };
    Some(['u', 'r', 'd', 'l'].map(|arm| parts.contains(arm)))
}

/// Draws a line character: arms to the middle, or a bend for the round corners.
fn lines(path: &mut String, c: char, arms: [bool; 4], (x, y): (u32, u32)) {
    let (mx, my) = (tenths(x * 10 + W * 5), tenths(y * 10 + H * 5));
    let ends = [
        (mx.clone(), y.to_string()),
        ((x + W).to_string(), my.clone()),
        (mx.clone(), (y + H).to_string()),
        (x.to_string(), my.clone()),
    ];
    let mut ends = ends.iter().zip(arms).filter(|(_, arm)| *arm).map(|(end, _)| end);
    if matches!(c, '╭' | '╮' | '╰' | '╯')
        && let (Some(a), Some(b)) = (ends.next(), ends.next())
    {
        let _ = write!(path, "M{} {}Q{mx} {my} {} {}", a.0, a.1, b.0, b.1);
        return;
    }
    for end in ends {
        let _ = write!(path, "M{mx} {my}L{} {}", end.0, end.1);
    }
}

/// A number of tenths, without floating point.
fn tenths(n: u32) -> String {
    if n.is_multiple_of(10) { (n / 10).to_string() } else { format!("{}.{}", n / 10, n % 10) }
}

/// Columns of a cell's character, at least one.
fn columns(cell: &Cell) -> u16 {
    if cell.symbol().contains(char::is_control) { 1 } else { cell.cell_width().max(1) }
}

/// The cell's characters without any that XML or a terminal would take amiss.
fn safe(cell: &Cell) -> String {
    let symbol = cell.symbol();
    if symbol.len() == 1 && (" "..="~").contains(&symbol) {
        return symbol.to_string();
    }
    let text = printable(symbol).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    if text.is_empty() { " ".to_string() } else { text }
}

/// Colour of the character, and of the ground where it is not the panel's.
fn colors(cell: &Cell) -> (Rgb, Option<Rgb>) {
    let (mut ink, mut paper) = (rgb(cell.fg).unwrap_or(INK), rgb(cell.bg));
    if cell.modifier.contains(Modifier::DIM) {
        let ground = paper.unwrap_or(PANEL);
        let mix = |a: u8, b: u8| ((u16::from(a) * 11 + u16::from(b) * 9) / 20) as u8;
        ink = (mix(ink.0, ground.0), mix(ink.1, ground.1), mix(ink.2, ground.2));
    }
    if cell.modifier.contains(Modifier::REVERSED) {
        let ground = paper.unwrap_or(PANEL);
        paper = Some(ink);
        ink = ground;
    }
    (ink, paper)
}

fn rgb(color: Color) -> Option<Rgb> {
    let named = match color {
        Color::Reset => return None,
        Color::Rgb(r, g, b) => return Some((r, g, b)),
        Color::Indexed(i) if i >= 16 => return Some(indexed_rgb(i)),
        Color::Indexed(i) => i,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    Some(NAMED[usize::from(named)])
}

fn hex((r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

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
}
