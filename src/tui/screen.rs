//! Cells -> bytes: what changed since the last frame, as few bytes as an ANSI terminal needs for it.
//!
//! Purpose: over SSH the bytes of a frame cost more than its computation. [`Screen`] keeps the cells the terminal
//! shows, compares them with the next frame, and encodes the difference: the cursor moves by the shortest sequence,
//! a colour or attribute is sent only when it changes, foreground and background each on their own. A frame that
//! changes nothing is no byte at all. Every frame stands between the marks of a synchronized update (mode 2026), which
//! terminals without it ignore, and is written with one call.
//!
//! Colours are sent as they are; it is the theme that keeps to the tier of the terminal. Sixteen-colour names use the
//! classic codes (30-37, 90-97), which every terminal knows.
//!
//! Cost: one pass over the cells; memory two buffers of cells and one of bytes.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier};
use std::io::{self, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Begin and end of a synchronized update.
const SYNC: (&str, &str) = ("\x1b[?2026h", "\x1b[?2026l");

/// Most cells of a frame; what lies beyond (to the right and below) is left blank. A terminal this large is a mistake
/// or a test, and positions in it would not fit the buffer's index.
pub const MAX_CELLS: usize = u16::MAX as usize;

/// The cells on the terminal, and the way to change them. `W` is the terminal.
#[derive(Debug)]
pub struct Screen<W: Write> {
    out: W,
    /// What the terminal shows; meaningless while `stale`.
    shown: Buffer,
    next: Buffer,
    cursor: Option<Position>,
    /// The terminal shows something else (first frame, resized, written on by others): clear and paint everything.
    stale: bool,
    bytes: Vec<u8>,
    written: u64,
}

/// The cells as lines of text with their colours and attributes, for a terminal or a pager: no cursor is moved, so
/// that the lines may stand anywhere. Blanks at the end of a line are left out.
pub fn coloured_lines(buf: &Buffer) -> String {
    let mut bytes = Vec::new();
    for row in buf.content.chunks_exact(usize::from(buf.area.width).max(1)) {
        let mut pen = Pen::default();
        let blank = |cell: &Cell| cell.symbol() == " " && cell.bg == Color::Reset && cell.modifier.is_empty();
        let end = row.iter().rposition(|cell| !blank(cell)).map_or(0, |last| last + 1);
        let mut x = 0;
        while x < end {
            pen.dress(&row[x], &mut bytes);
            bytes.extend(row[x].symbol().as_bytes());
            x += columns(&row[x]);
        }
        pen.rest(&mut bytes);
        bytes.push(b'\n');
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// The area that a terminal of this size gives to a frame.
pub fn area_of(width: u16, height: u16) -> Rect {
    let width = width.max(1);
    let rows = (MAX_CELLS / usize::from(width)).max(1) as u16;
    Rect::new(0, 0, width, height.clamp(1, rows))
}

impl<W: Write> Screen<W> {
    /// A screen of this size; the first frame clears the terminal.
    pub fn new(out: W, width: u16, height: u16) -> Self {
        let area = area_of(width, height);
        Self {
            out,
            shown: Buffer::empty(area),
            next: Buffer::empty(area),
            cursor: None,
            stale: true,
            bytes: Vec::with_capacity(64 << 10),
            written: 0,
        }
    }

    /// The area of a frame.
    pub fn area(&self) -> Rect {
        self.next.area
    }

    /// The terminal has this size now. The next frame is painted whole, even if the size is the same: a terminal that
    /// was re-attached shows nothing.
    pub fn resize(&mut self, width: u16, height: u16) {
        let area = area_of(width, height);
        self.shown = Buffer::empty(area);
        self.next = Buffer::empty(area);
        self.stale = true;
    }

    /// The next frame is painted whole.
    pub fn repaint(&mut self) {
        self.stale = true;
    }

    /// How many bytes were written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The terminal itself.
    pub fn terminal(&mut self) -> &mut W {
        &mut self.out
    }

    /// The cells the terminal shows.
    pub fn cells(&self) -> &Buffer {
        &self.shown
    }

    /// Draws a frame: `paint` gets blank cells, fills them and says where the cursor stands, if anywhere. Only what
    /// differs from the terminal is written; tells whether anything was.
    ///
    /// # Errors
    /// If the terminal cannot be written to. The next frame is then painted whole.
    pub fn draw(&mut self, paint: impl FnOnce(Rect, &mut Buffer) -> Option<Position>) -> io::Result<bool> {
        let area = self.next.area;
        self.next.reset();
        let cursor = paint(area, &mut self.next).filter(|cursor| area.contains(*cursor));
        self.bytes.clear();
        self.bytes.extend(SYNC.0.as_bytes());
        let head = self.bytes.len();
        if self.stale {
            self.shown.reset();
            self.cursor = None;
            self.bytes.extend(b"\x1b[m\x1b[?25l\x1b[H\x1b[2J");
        }
        let mut pen = Pen::default();
        let width = usize::from(area.width);
        let rows = self.shown.content.chunks_exact(width).zip(self.next.content.chunks_exact(width));
        for (y, (old, new)) in rows.enumerate() {
            differences(old, new, |x| {
                // The cursor is hidden before the first cell, so that it is not seen travelling.
                if pen.place.is_none() && self.cursor.take().is_some() {
                    self.bytes.extend(b"\x1b[?25l");
                }
                pen.put(x as u16, y as u16, &new[x], area.width, &mut self.bytes);
            });
        }
        pen.rest(&mut self.bytes);
        if cursor != self.cursor {
            match cursor {
                None => self.bytes.extend(b"\x1b[?25l"),
                Some(Position { x, y }) => {
                    let _ = write!(self.bytes, "\x1b[{};{}H", y + 1, x + 1);
                    if self.cursor.is_none() {
                        self.bytes.extend(b"\x1b[?25h");
                    }
                }
            }
        }
        self.cursor = cursor;
        if self.bytes.len() == head {
            return Ok(false);
        }
        self.bytes.extend(SYNC.1.as_bytes());
        // Until the bytes are out, the terminal shows an unknown part of the frame.
        self.stale = true;
        self.out.write_all(&self.bytes)?;
        self.out.flush()?;
        self.stale = false;
        self.written += self.bytes.len() as u64;
        std::mem::swap(&mut self.shown, &mut self.next);
        Ok(true)
    }

    /// Sends bytes that do not change the cells (a copy to the clipboard, a mode).
    ///
    /// # Errors
    /// If the terminal cannot be written to.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// Columns that a cell's text takes.
fn columns(cell: &Cell) -> usize {
    // Nearly every cell of a frame is one character of one column.
    if cell.symbol().len() == 1 { 1 } else { cell.symbol().width().max(1) }
}

/// Whether all terminals agree how many columns a cell's text takes: one character, and no emoji.
fn certain(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => match c.width() {
            Some(1) => true,
            // CJK, kana, hangul, full-width forms.
            Some(2) => {
                matches!(c, '\u{3000}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{ff01}'..='\u{ff60}')
            }
            _ => false,
        },
        _ => false,
    }
}

/// The columns of a row whose cells must be sent, ascending.
///
/// Half of a wide character cannot stay: where one is overwritten, the terminal blanks its other half in a dress of
/// its own choice, so that half is sent as well.
fn differences(old: &[Cell], new: &[Cell], mut send: impl FnMut(usize)) {
    // Up to this column the terminal no longer shows what `old` says.
    let mut broken = 0;
    let mut x = 0;
    while x < new.len() {
        let wide = columns(&new[x]).min(new.len() - x);
        let same = new[x] == old[x] && x >= broken;
        if !same {
            send(x);
            // What the new character covers, and the other half of what it cut.
            let cut = (x..x + wide).map(|at| at + columns(&old[at])).max().unwrap_or(x);
            broken = broken.max(cut);
        }
        x += wide;
    }
}

/// A place that no character goes to.
const NOWHERE: (u16, u16) = (u16::MAX, u16::MAX);

/// What the terminal would do to the next character: where it goes and how it looks.
#[derive(Debug, Default)]
struct Pen {
    /// Where the next character would go; none before the first one.
    place: Option<(u16, u16)>,
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

/// Attributes with the codes that set and unset them. Bold and dim share one code to unset.
const ATTRIBUTES: [(Modifier, u8, u8); 9] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

impl Pen {
    fn put(&mut self, x: u16, y: u16, cell: &Cell, width: u16, bytes: &mut Vec<u8>) {
        self.go(x, y, bytes);
        self.dress(cell, bytes);
        let wide = columns(cell);
        if usize::from(x) + wide > usize::from(width) {
            // Half a character does not fit; the terminal would wrap it.
            bytes.push(b' ');
            self.place = Some(NOWHERE);
            return;
        }
        // Terminals disagree how wide emoji and clusters are, and where the cursor is after the last column: after
        // those the next character says for itself where it goes.
        let sure = certain(cell.symbol());
        if !sure && wide > 1 {
            // Where the terminal takes it for narrower than we do, nothing old must show beside it.
            bytes.resize(bytes.len() + wide, b' ');
            self.place = Some(NOWHERE);
            self.go(x, y, bytes);
        }
        bytes.extend(cell.symbol().as_bytes());
        let next = x + wide as u16;
        self.place = Some(if sure && next < width { (next, y) } else { NOWHERE });
    }

    fn go(&self, x: u16, y: u16, bytes: &mut Vec<u8>) {
        let _ = match self.place {
            Some(place) if place == (x, y) => Ok(()),
            Some((from, row)) if row == y && x > from => match x - from {
                1 => write!(bytes, "\x1b[C"),
                columns => write!(bytes, "\x1b[{columns}C"),
            },
            _ if x == 0 => write!(bytes, "\x1b[{}H", y + 1),
            _ => write!(bytes, "\x1b[{};{}H", y + 1, x + 1),
        };
    }

    fn dress(&mut self, cell: &Cell, bytes: &mut Vec<u8>) {
        let mut codes = Codes::default();
        let unset = self.modifier - cell.modifier;
        let mut kept = self.modifier;
        for (modifier, _, off) in ATTRIBUTES {
            if unset.contains(modifier) && kept.contains(modifier) {
                codes.add(u16::from(off));
                // The code takes along every attribute it is shared with.
                for (other, _, shared) in ATTRIBUTES {
                    if shared == off {
                        kept -= other;
                    }
                }
            }
        }
        for (modifier, on, _) in ATTRIBUTES {
            if cell.modifier.contains(modifier) && !kept.contains(modifier) {
                codes.add(u16::from(on));
            }
        }
        if cell.fg != self.fg {
            codes.color(cell.fg, 0);
        }
        if cell.bg != self.bg {
            codes.color(cell.bg, 10);
        }
        // Plain again is shorter as one reset than as several codes.
        if !codes.text.is_empty() && cell.fg == Color::Reset && cell.bg == Color::Reset && cell.modifier.is_empty() {
            codes.text.clear();
            bytes.extend(b"\x1b[m");
        }
        if !codes.text.is_empty() {
            bytes.extend(b"\x1b[");
            bytes.append(&mut codes.text);
            bytes.push(b'm');
        }
        (self.fg, self.bg, self.modifier) = (cell.fg, cell.bg, cell.modifier);
    }

    /// Leaves the terminal plain, so that what others write is not coloured.
    fn rest(&self, bytes: &mut Vec<u8>) {
        if self.fg != Color::Reset || self.bg != Color::Reset || !self.modifier.is_empty() {
            bytes.extend(b"\x1b[m");
        }
    }
}

/// The numbers of one SGR sequence.
#[derive(Default)]
struct Codes {
    text: Vec<u8>,
}

impl Codes {
    fn add(&mut self, code: u16) {
        if !self.text.is_empty() {
            self.text.push(b';');
        }
        let _ = write!(self.text, "{code}");
    }

    /// A colour; `shift` is 0 for the foreground, 10 for the background.
    fn color(&mut self, color: Color, shift: u16) {
        let named = match color {
            Color::Reset => 39,
            Color::Black => 30,
            Color::Red => 31,
            Color::Green => 32,
            Color::Yellow => 33,
            Color::Blue => 34,
            Color::Magenta => 35,
            Color::Cyan => 36,
            Color::Gray => 37,
            Color::DarkGray => 90,
            Color::LightRed => 91,
            Color::LightGreen => 92,
            Color::LightYellow => 93,
            Color::LightBlue => 94,
            Color::LightMagenta => 95,
            Color::LightCyan => 96,
            Color::White => 97,
            Color::Indexed(index) => {
                self.add(38 + shift);
                self.add(5);
                return self.add(u16::from(index));
            }
            Color::Rgb(r, g, b) => {
                self.add(38 + shift);
                self.add(2);
                self.add(u16::from(r));
                self.add(u16::from(g));
                return self.add(u16::from(b));
            }
        };
        self.add(named + shift);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::style::Style;

    /// A terminal that counts its writes.
    #[derive(Default)]
    struct Recorder {
        bytes: Vec<u8>,
        writes: usize,
        fail: bool,
    }

    impl Write for Recorder {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.fail {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.writes += 1;
            self.bytes.extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn screen(width: u16, height: u16) -> Screen<Recorder> {
        Screen::new(Recorder::default(), width, height)
    }

    fn text(line: &str, style: Style) -> impl FnOnce(Rect, &mut Buffer) -> Option<Position> {
        move |_, buffer| {
            buffer.set_string(0, 0, line, style);
            None
        }
    }

    #[test]
    fn a_frame_is_one_write_between_marks() {
        let mut screen = screen(20, 3);
        assert!(screen.draw(text("hello", Style::new())).unwrap());
        let out = &screen.terminal().bytes;
        assert!(out.starts_with(b"\x1b[?2026h") && out.ends_with(b"\x1b[?2026l"));
        assert_eq!(screen.terminal().writes, 1);
        assert_eq!(screen.written(), screen.terminal().bytes.len() as u64);
    }

    #[test]
    fn a_frame_without_change_writes_nothing() {
        let mut screen = screen(20, 3);
        screen.draw(text("hello", Style::new())).unwrap();
        let before = screen.written();
        assert!(!screen.draw(text("hello", Style::new())).unwrap());
        assert_eq!(screen.written(), before);
        let cursor = |_: Rect, buffer: &mut Buffer| {
            buffer.set_string(0, 0, "hello", Style::new());
            Some(Position::new(2, 0))
        };
        assert!(screen.draw(cursor).unwrap());
        assert!(!screen.draw(cursor).unwrap());
    }

    #[test]
    fn only_the_difference_is_sent() {
        let mut screen = screen(20, 3);
        screen.draw(text("hello", Style::new())).unwrap();
        screen.terminal().bytes.clear();
        screen.draw(text("hallo", Style::new().fg(Color::Indexed(208)))).unwrap();
        screen.terminal().bytes.clear();
        screen.draw(text("hullo", Style::new().fg(Color::Indexed(208)))).unwrap();
        assert_eq!(screen.terminal().bytes, b"\x1b[?2026h\x1b[1;2H\x1b[38;5;208mu\x1b[m\x1b[?2026l");
    }

    #[test]
    fn resizing_and_redrawing_paint_everything_even_at_the_same_size() {
        let mut screen = screen(20, 3);
        for repaint in [false, true] {
            screen.draw(text("hello", Style::new())).unwrap();
            screen.terminal().bytes.clear();
            if repaint {
                screen.repaint();
            } else {
                screen.resize(20, 3);
            }
            assert!(screen.draw(text("hello", Style::new())).unwrap());
            let out = String::from_utf8(screen.terminal().bytes.clone()).unwrap();
            assert!(out.starts_with("\x1b[?2026h") && out.contains("\x1b[2J") && out.contains("hello"), "{out:?}");
        }
    }

    #[test]
    fn a_failed_write_is_made_good_by_a_whole_frame() {
        let mut screen = screen(20, 3);
        screen.draw(text("hello", Style::new())).unwrap();
        screen.terminal().fail = true;
        assert!(screen.draw(text("other", Style::new())).is_err());
        screen.terminal().fail = false;
        screen.terminal().bytes.clear();
        screen.draw(text("other", Style::new())).unwrap();
        assert!(String::from_utf8_lossy(&screen.terminal().bytes).contains("other"));
    }

    #[test]
    fn sizes_beyond_reason_are_bounded() {
        for (width, height) in [(0, 0), (1, 1), (u16::MAX, u16::MAX), (300, 300), (1, u16::MAX)] {
            let area = area_of(width, height);
            assert!(area.width >= 1 && area.height >= 1 && area.area() as usize <= MAX_CELLS, "{width}x{height}");
            screen(width, height).draw(text("hello", Style::new())).unwrap();
        }
    }

    #[test]
    fn half_a_wide_character_at_the_edge_is_a_blank() {
        let mut screen = screen(4, 1);
        screen
            .draw(|_, buffer| {
                buffer[(3, 0)].set_symbol("日");
                None
            })
            .unwrap();
        assert!(!String::from_utf8_lossy(&screen.terminal().bytes).contains('日'));
    }

    #[test]
    fn without_colours_no_colour_code_is_sent() {
        let mut screen = screen(20, 1);
        screen.draw(text("x", Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED))).unwrap();
        let out = String::from_utf8(screen.terminal().bytes.clone()).unwrap();
        assert!(out.contains("\x1b[1;7mx\x1b[m"), "{out:?}");
    }

    fn color() -> impl Strategy<Value = Color> {
        prop_oneof![
            Just(Color::Reset),
            Just(Color::Red),
            Just(Color::DarkGray),
            Just(Color::White),
            any::<u8>().prop_map(Color::Indexed),
            any::<[u8; 3]>().prop_map(|[r, g, b]| Color::Rgb(r, g, b)),
        ]
    }

    /// A few strings at random places in random dress.
    fn frame() -> impl Strategy<Value = Vec<(u16, u16, String, Color, Color, u16)>> {
        let word =
            prop_oneof!["[a-z ⣿█é]{1,6}", Just("日本".to_string()), Just("語x".to_string()), Just("🙂".to_string()),];
        prop::collection::vec((0u16..24, 0u16..6, word, color(), color(), 0u16..0x200), 0..8)
    }

    fn emulator() -> vt100::Parser {
        let cells = |n| std::num::NonZero::new(n).unwrap();
        vt100::Parser::new(cells(6), cells(24), 0)
    }

    proptest! {
        /// A terminal emulator that gets only the differences shows what one shows that gets the last frame whole.
        #[test]
        fn differences_add_up_to_the_frame(frames in prop::collection::vec(frame(), 1..5)) {
            let (mut screen, mut parser) = (screen(24, 6), emulator());
            let paint = |words: &[(u16, u16, String, Color, Color, u16)], buffer: &mut Buffer| {
                for (x, y, word, fg, bg, modifier) in words {
                    // What vt100 knows.
                    let modifier = Modifier::from_bits_truncate(*modifier)
                        & (Modifier::BOLD
                            | Modifier::DIM
                            | Modifier::ITALIC
                            | Modifier::UNDERLINED
                            | Modifier::REVERSED);
                    buffer.set_string(*x, *y, word, Style::new().fg(*fg).bg(*bg).add_modifier(modifier));
                }
                // It takes a cell for bold or for dim, not for both.
                for cell in buffer.content.iter_mut().filter(|cell| cell.modifier.contains(Modifier::BOLD)) {
                    cell.modifier -= Modifier::DIM;
                }
            };
            for words in &frames {
                screen.terminal().bytes.clear();
                screen.draw(|_, buffer| { paint(words, buffer); None }).unwrap();
                parser.process(&screen.terminal().bytes);
            }
            let last = frames.last().unwrap();
            let mut whole = Screen::new(Recorder::default(), 24, 6);
            whole.draw(|_, buffer| { paint(last, buffer); None }).unwrap();
            let mut expected = emulator();
            expected.process(&whole.terminal().bytes);
            let mut cells = Buffer::empty(area_of(24, 6));
            paint(last, &mut cells);
            for y in 0..6 {
                let mut x = 0;
                while x < 24 {
                    let (one, other) = (parser.screen().cell(y, x).unwrap(), expected.screen().cell(y, x).unwrap());
                    let contents = |cell: &vt100::Cell| match cell.contents() { "" => " ".to_string(), text => text.to_string() };
                    prop_assert_eq!(contents(one), contents(other), "{}:{}", y, x);
                    prop_assert_eq!(contents(one), cells[(x, y)].symbol());
                    let dress = |cell: &vt100::Cell| (cell.fgcolor(), cell.bgcolor(), cell.bold(), cell.dim(), cell.italic(), cell.underline(), cell.inverse());
                    prop_assert_eq!(dress(one), dress(other), "{}:{}", y, x);
                    x += unicode_width::UnicodeWidthStr::width(cells[(x, y)].symbol()).max(1) as u16;
                }
            }
        }
    }
}
