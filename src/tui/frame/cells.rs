//! What a cell of a frame looks like: its colours, its shapes, its text. The one place that knows; SVG and pixels paint
//! what it says.
//!
//! Input: a [`Buffer`]. Output: calls of a [`Painter`], row by row. A cell is [`W`] x [`H`] units with [`PAD`] around
//! the frame. Rectangles have whole units; dots and lines have tenths of units, without floating point. Runs of
//! the same ground are one rectangle, and ASCII text of one style is one [`Word`]. O(cells).

use crate::text::printable;
use crate::tui::theme::indexed_rgb;
use crate::tui::widgets::glyph::dots_of;
use ratatui::buffer::{Buffer, Cell, CellWidth};
use ratatui::style::{Color, Modifier};

/// Width of a cell.
pub(super) const W: u32 = 9;
/// Height of a cell.
pub(super) const H: u32 = 18;
/// Space around the frame.
pub(super) const PAD: u32 = 12;
/// Baseline of text below the top of its row.
const BASE: u32 = 14;
/// Size of the text.
pub(super) const TEXT: u32 = 15;

/// Red, green and blue.
pub(super) type Rgb = (u8, u8, u8);
/// Across and down.
pub(super) type Pair = (u32, u32);

/// The ground of the picture.
pub(super) const PANEL: Rgb = (0x15, 0x18, 0x1e);
/// Text of no colour of its own.
pub(super) const INK: Rgb = (0xd5, 0xd9, 0xe0);

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

/// What draws. Grounds lie below blocks, blocks below lines, lines below dots, and text lies above all, whatever the
/// order of the calls; within a row they come from left to right.
pub(super) trait Painter {
    /// A filled rectangle behind characters.
    fn ground(&mut self, color: Rgb, at: Pair, size: Pair);
    /// A filled rectangle that is a character, or a part of one.
    fn block(&mut self, color: Rgb, at: Pair, size: Pair);
    /// A thin level or upright line, in tenths.
    fn line(&mut self, color: Rgb, from: Pair, to: Pair);
    /// A thin line from an edge of a cell to another, bent towards `corner`, in tenths.
    fn bend(&mut self, color: Rgb, from: Pair, corner: Pair, to: Pair);
    /// A round dot, in tenths.
    fn dot(&mut self, color: Rgb, centre: Pair);
    /// The words of a row, whose baseline is at `baseline`.
    fn words(&mut self, words: &[Word], baseline: u32);
}

/// A word of one style, at a column.
pub(super) struct Word {
    /// Its left edge.
    pub x: u32,
    /// Columns that it fills.
    pub columns: u32,
    /// ASCII, or the one character of a cell.
    pub text: String,
    /// Its colour.
    pub ink: Rgb,
    /// Bold and italic, if it is either.
    pub modifier: Modifier,
}

/// Width and height of the picture of `buf`.
pub(super) fn size(buf: &Buffer) -> Pair {
    (u32::from(buf.area.width) * W + 2 * PAD, u32::from(buf.area.height) * H + 2 * PAD)
}

/// Draws all cells.
pub(super) fn paint(buf: &Buffer, painter: &mut impl Painter) {
    for y in 0..buf.area.height {
        row(buf, y, painter);
    }
}

fn row(buf: &Buffer, y: u16, painter: &mut impl Painter) {
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
                run(ground.take(), top, painter);
                ground = paper.map(|paper| (paper, x, width));
            }
        }
        if cell.modifier.contains(Modifier::UNDERLINED) {
            painter.block(ink, (x, top + H - 2), (width, 1));
        }
        if cell.modifier.contains(Modifier::CROSSED_OUT) {
            painter.block(ink, (x, top + H / 2), (width, 1));
        }
        let symbol = safe(cell);
        if !cell.modifier.contains(Modifier::HIDDEN) && symbol != " " && !shape(&symbol, (x, top), ink, painter) {
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
    run(ground, top, painter);
    if !words.is_empty() {
        painter.words(&words, top + BASE);
    }
}

/// Draws a run of cells with the same ground: its colour, left edge and width.
fn run(run: Option<(Rgb, u32, u32)>, top: u32, painter: &mut impl Painter) {
    if let Some((color, x, width)) = run {
        painter.ground(color, (x, top), (width, H));
    }
}

/// Draws a character that is a shape; false if it is text.
fn shape(symbol: &str, (x, y): Pair, ink: Rgb, painter: &mut impl Painter) -> bool {
    let mut chars = symbol.chars();
    let (Some(c), None) = (chars.next(), chars.next()) else { return false };
    if let Some(arms) = arms(c) {
        lines(c, arms, (x, y), ink, painter);
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
        painter.block(ink, (x + dx, y + dy), size);
        return true;
    }
    let Some((glyphs, mask)) = dots_of(c) else { return false };
    let (w, h) = glyphs.dots();
    for bit in (0..w * h).filter(|bit| mask >> bit & 1 == 1) {
        let (u, v) = (u32::from(bit % w), u32::from(bit / w));
        let (w, h) = (u32::from(w), u32::from(h));
        if matches!(c, '\u{2800}'..='\u{28ff}') {
            // Centres in tenths: 2.2 and 6.7 across, every 4.5 down.
            painter.dot(ink, (x * 10 + (u * 2 + 1) * W * 10 / 4, y * 10 + (v * 2 + 1) * H * 10 / 8));
        } else {
            let (left, top) = (u * W / w, v * H / h);
            let size = ((u + 1) * W / w - left, (v + 1) * H / h - top);
            painter.block(ink, (x + left, y + top), size);
        }
    }
    true
}

/// Arms of a thin line drawing character: up, right, down, left.
fn arms(c: char) -> Option<[bool; 4]> {
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
fn lines(c: char, arms: [bool; 4], (x, y): Pair, ink: Rgb, painter: &mut impl Painter) {
    let middle = (x * 10 + W * 5, y * 10 + H * 5);
    let ends = [(middle.0, y * 10), ((x + W) * 10, middle.1), (middle.0, (y + H) * 10), (x * 10, middle.1)];
    let mut ends = ends.into_iter().zip(arms).filter(|(_, arm)| *arm).map(|(end, _)| end);
    if matches!(c, '╭' | '╮' | '╰' | '╯')
        && let (Some(a), Some(b)) = (ends.next(), ends.next())
    {
        return painter.bend(ink, a, middle, b);
    }
    ends.for_each(|end| painter.line(ink, middle, end));
}

/// Columns of a cell's character, at least one.
pub(super) fn columns(cell: &Cell) -> u16 {
    if cell.symbol().contains(char::is_control) { 1 } else { cell.cell_width().max(1) }
}

/// The cell's characters without any that XML or a terminal would take amiss.
pub(super) fn safe(cell: &Cell) -> String {
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
