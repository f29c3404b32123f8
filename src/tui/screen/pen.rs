//! What one cell after the other costs: the shortest way to a place, and to a dress.
//!
//! Only sequences that terminals and multiplexers all understand alike: CUP, CUF, SGR, and ECH on the terminal's own
//! background. Blanks are taken for what is seen of them: their letter colour, weight and slant are not. A short gap of
//! cells that need not be sent is crossed by sending them, where that is no longer than the jump.

use super::{certain, columns};
use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};
use std::io::Write;

/// A place that no character goes to.
const NOWHERE: (u16, u16) = (u16::MAX, u16::MAX);

/// What the terminal would do to the next character: where it goes and how it looks.
#[derive(Debug, Default)]
pub(super) struct Pen {
    /// Where the next character would go; none before the first one.
    place: Option<(u16, u16)>,
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

/// Attributes that show on a blank as well.
const ON_BLANKS: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);

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

/// Whether nothing but the background is seen of a cell.
pub(super) fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && !cell.modifier.intersects(ON_BLANKS)
}

/// Whether two cells look the same.
pub(super) fn alike(one: &Cell, other: &Cell) -> bool {
    one == other || is_blank(one) && is_blank(other) && one.bg == other.bg
}

/// Decimal digits of a number.
fn digits(n: usize) -> usize {
    n.checked_ilog10().map_or(1, |log| log as usize + 1)
}

impl Pen {
    /// Whether nothing was put yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.place.is_none()
    }

    /// Puts the cell in column `x` of a row; what lies before it in the row is on the terminal.
    pub(super) fn put(&mut self, x: usize, y: u16, row: &[Cell], bytes: &mut Vec<u8>) {
        let cell = &row[x];
        self.go(x, y, row, bytes);
        self.dress(cell, bytes);
        let wide = columns(cell);
        if x + wide > row.len() {
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
            self.go(x, y, row, bytes);
        }
        bytes.extend(cell.symbol().as_bytes());
        self.place = Some(if sure && x + wide < row.len() { ((x + wide) as u16, y) } else { NOWHERE });
    }

    /// Blanks `count` cells from column `x` on, all of them blank on the terminal's own background, and tells whether
    /// that is shorter than putting them: `goes_on` if the cell after them must be put as well.
    pub(super) fn erase(
        &mut self,
        (x, y): (usize, u16),
        count: usize,
        goes_on: bool,
        row: &[Cell],
        bytes: &mut Vec<u8>,
    ) -> bool {
        let sequence = 3 + digits(count);
        if count <= sequence * (1 + usize::from(goes_on)) {
            return false;
        }
        self.go(x, y, row, bytes);
        self.dress(&row[x], bytes);
        let _ = write!(bytes, "\x1b[{count}X");
        // The cursor stays where it was.
        self.place = Some((x as u16, y));
        true
    }

    fn go(&self, x: usize, y: u16, row: &[Cell], bytes: &mut Vec<u8>) {
        let _ = match self.place {
            Some(place) if place == (x as u16, y) => Ok(()),
            Some((from, at)) if at == y && x > usize::from(from) => {
                let gap = &row[usize::from(from)..x];
                let jump = if gap.len() == 1 { 3 } else { 3 + digits(gap.len()) };
                let cost = |cell: &Cell| {
                    (self.fits(cell) && columns(cell) == 1 && certain(cell.symbol())).then(|| cell.symbol().len())
                };
                if gap.len() <= jump && gap.iter().map(cost).sum::<Option<usize>>().is_some_and(|cost| cost <= jump) {
                    for cell in gap {
                        bytes.extend(cell.symbol().as_bytes());
                    }
                    Ok(())
                } else if gap.len() == 1 {
                    write!(bytes, "\x1b[C")
                } else {
                    write!(bytes, "\x1b[{}C", gap.len())
                }
            }
            _ if x == 0 => write!(bytes, "\x1b[{}H", y + 1),
            _ => write!(bytes, "\x1b[{};{}H", y + 1, x + 1),
        };
    }

    /// Whether a cell would look right as the pen is.
    fn fits(&self, cell: &Cell) -> bool {
        if is_blank(cell) {
            cell.bg == self.bg && !self.modifier.intersects(ON_BLANKS)
        } else {
            (cell.fg, cell.bg, cell.modifier) == (self.fg, self.bg, self.modifier)
        }
    }

    /// Changes into the dress of a cell, by the shorter of two ways: what differs, or everything anew.
    pub(super) fn dress(&mut self, cell: &Cell, bytes: &mut Vec<u8>) {
        if self.fits(cell) {
            return;
        }
        let (fg, modifier) =
            if is_blank(cell) { (self.fg, self.modifier - ON_BLANKS) } else { (cell.fg, cell.modifier) };
        let mut change = Codes::default();
        change.attributes(self.modifier, modifier);
        change.colors((self.fg, self.bg), (fg, cell.bg));
        // Anew, a blank needs no letter colour and no weight.
        let (plain_fg, plain) = if is_blank(cell) { (Color::Reset, Modifier::empty()) } else { (fg, modifier) };
        let mut anew = Codes::default();
        if plain_fg != Color::Reset || cell.bg != Color::Reset || !plain.is_empty() {
            anew.add(0);
        }
        anew.attributes(Modifier::empty(), plain);
        anew.colors((Color::Reset, Color::Reset), (plain_fg, cell.bg));
        bytes.extend(b"\x1b[");
        if anew.text.len() < change.text.len() {
            bytes.append(&mut anew.text);
            (self.fg, self.modifier) = (plain_fg, plain);
        } else {
            bytes.append(&mut change.text);
            (self.fg, self.modifier) = (fg, modifier);
        }
        self.bg = cell.bg;
        bytes.push(b'm');
    }

    /// Leaves the terminal plain, so that what others write is not coloured.
    pub(super) fn rest(&self, bytes: &mut Vec<u8>) {
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

    /// What changes one set of attributes into another.
    fn attributes(&mut self, from: Modifier, to: Modifier) {
        let mut kept = from;
        for (modifier, _, off) in ATTRIBUTES {
            if (from - to).contains(modifier) && kept.contains(modifier) {
                self.add(u16::from(off));
                // The code takes along every attribute it is shared with.
                for (other, _, shared) in ATTRIBUTES {
                    if shared == off {
                        kept -= other;
                    }
                }
            }
        }
        for (modifier, on, _) in ATTRIBUTES {
            if to.contains(modifier) && !kept.contains(modifier) {
                self.add(u16::from(on));
            }
        }
    }

    /// What changes letter and background colour.
    fn colors(&mut self, from: (Color, Color), to: (Color, Color)) {
        if to.0 != from.0 {
            self.color(to.0, 0);
        }
        if to.1 != from.1 {
            self.color(to.1, 10);
        }
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
