//! Bytes from a terminal -> keys, pastes and mouse events; everything else is swallowed.
//!
//! Purpose: the terminal may send, at any time, replies nobody asked for (colours, device attributes, mode reports),
//! late replies to an earlier program, or sequences newer than this code. None of them may ever turn into typed
//! text, and none may stop the keys that follow. The decoder therefore parses the *structure* of control sequences
//! (ECMA-48: CSI, SS3 and the string sequences OSC, DCS, APC, PM, SOS) and acts only on those it knows.
//!
//! Time enters in one place: a sequence that stays incomplete. The owner asks [`Decoder::patience`] how long to wait
//! for more and calls [`Decoder::give_up`] when nothing came. An escape byte alone then is the Esc key.
//!
//! Memory: a sequence is kept up to [`MAX_SEQUENCE`] bytes and a paste up to [`MAX_PASTE`]; what exceeds that is
//! dropped, not stored. Cost: one pass over the bytes.

use super::key::Key;
use crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use std::time::Duration;

/// Longest control sequence that is looked at; longer ones are swallowed without being stored.
pub const MAX_SEQUENCE: usize = 64;
/// Longest paste, in bytes; the rest of a longer one is dropped.
pub const MAX_PASTE: usize = 1 << 20;

/// How long an escape byte may stand alone before it is the Esc key. Terminals write a sequence at once, but a slow
/// link may split it between packets.
const ESC_WAIT: Duration = Duration::from_millis(60);
/// How long an unfinished string sequence, paste or report may pause before it is given up.
const STRING_WAIT: Duration = Duration::from_millis(500);
/// What ends a bracketed paste.
const PASTE_END: &[u8] = b"\x1b[201~";

/// What the bytes meant.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A key was pressed (or repeats).
    Key(Key),
    /// Text was pasted; not yet made safe to print.
    Paste(String),
    /// The mouse did something (only if capture is on).
    Mouse(MouseEvent),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Ground,
    /// After ESC.
    Escape,
    /// After ESC [ : parameters, intermediates, final byte.
    Csi,
    /// After ESC [ [ : the Linux console's function keys, one more byte.
    ConsoleKey,
    /// After ESC O, one more byte.
    Ss3,
    /// Inside OSC, DCS, APC, PM or SOS, until ST or BEL.
    Text,
    /// ESC inside a string sequence: ST if a backslash follows.
    TextEscape,
    /// Bytes of an old-style mouse report still to be dropped.
    Skip(u8),
    /// Inside a bracketed paste.
    Paste,
}

/// The state of the conversation; feed it bytes in any split.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    sequence: Vec<u8>,
    paste: Vec<u8>,
    utf8: Vec<u8>,
    /// What was given up because the wait ended; its tail may still come.
    gave_up: State,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            state: State::Ground,
            sequence: Vec::with_capacity(MAX_SEQUENCE),
            paste: Vec::new(),
            utf8: Vec::with_capacity(4),
            gave_up: State::Ground,
        }
    }
}

impl Decoder {
    /// Takes the next bytes and appends what they mean to `out`.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Input>) {
        let tail_of = std::mem::replace(&mut self.gave_up, State::Ground);
        let is_tail = match tail_of {
            State::Escape => looks_like_a_tail(bytes),
            State::Csi => looks_like_parameters(bytes),
            State::Text => ends_a_string(bytes),
            State::TextEscape => bytes.starts_with(b"\\"),
            _ => false,
        };
        if is_tail {
            self.state = tail_of;
        }
        for &byte in bytes {
            self.byte(byte, out);
        }
    }

    /// How long to wait for the rest of what has begun; none if nothing is pending.
    pub fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Ground if self.utf8.is_empty() => None,
            // Only a terminal begins like this, so only the rest can follow, however late it is.
            State::Csi if matches!(self.sequence.first(), Some(b'<'..=b'?')) => None,
            State::Csi if !self.sequence.is_empty() => Some(STRING_WAIT),
            State::Escape | State::Ground | State::Csi | State::Ss3 | State::ConsoleKey => Some(ESC_WAIT),
            State::Text | State::TextEscape | State::Skip(_) | State::Paste => Some(STRING_WAIT),
        }
    }

    /// Nothing more came: settle what is pending. A lone escape is the Esc key, a paste is handed over, the rest is
    /// dropped.
    pub fn give_up(&mut self, out: &mut Vec<Input>) {
        match self.state {
            State::Escape => {
                out.push(Input::Key(Key::plain(KeyCode::Esc)));
                self.gave_up = State::Escape;
            }
            State::Csi if self.sequence.is_empty() => self.gave_up = State::Csi,
            State::Text | State::TextEscape => self.gave_up = self.state,
            State::Paste => self.end_paste(out),
            _ => {}
        }
        self.utf8.clear();
        self.state = State::Ground;
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<Input>) {
        match self.state {
            State::Ground => self.ground(byte, KeyModifiers::NONE, out),
            State::Escape => self.escape(byte, out),
            State::Csi => self.csi(byte, out),
            State::ConsoleKey => {
                self.state = State::Ground;
                if (b'A'..=b'E').contains(&byte) {
                    out.push(Input::Key(Key::plain(KeyCode::F(byte - b'A' + 1))));
                }
            }
            State::Ss3 => {
                self.state = State::Ground;
                match byte {
                    0x1b => self.state = State::Escape,
                    b'M' => out.push(Input::Key(Key::plain(KeyCode::Enter))),
                    _ => out.extend(letter_key(byte, KeyModifiers::NONE).map(Input::Key)),
                }
            }
            State::Text => match byte {
                0x1b => self.state = State::TextEscape,
                // BEL ends a string; CAN and SUB abort one by ECMA-48. Ctrl-C must work even after a stray ESC ].
                0x07 | 0x18 | 0x1a => self.state = State::Ground,
                0x03 => {
                    self.state = State::Ground;
                    self.ground(byte, KeyModifiers::NONE, out);
                }
                _ => {}
            },
            State::TextEscape => {
                if byte == b'\\' {
                    self.state = State::Ground;
                } else {
                    self.state = State::Escape;
                    self.escape(byte, out);
                }
            }
            State::Skip(left) => {
                self.state = if left > 1 { State::Skip(left - 1) } else { State::Ground };
            }
            State::Paste => self.paste_byte(byte, out),
        }
    }

    /// A byte outside any sequence; `modifiers` holds Alt if ESC came right before.
    fn ground(&mut self, byte: u8, modifiers: KeyModifiers, out: &mut Vec<Input>) {
        if byte < 0x80 {
            self.utf8.clear();
        }
        let code = match byte {
            0x1b => {
                self.state = State::Escape;
                return;
            }
            b'\r' | b'\n' => KeyCode::Enter,
            b'\t' => KeyCode::Tab,
            // Ctrl-H is what many terminals send for Backspace.
            0x7f | 0x08 => KeyCode::Backspace,
            0x00 => return out.push(Input::Key(Key::new(KeyCode::Char(' '), modifiers | KeyModifiers::CONTROL))),
            0x01..=0x1a => {
                let letter = char::from(byte - 1 + b'a');
                return out.push(Input::Key(Key::new(KeyCode::Char(letter), modifiers | KeyModifiers::CONTROL)));
            }
            0x1c..=0x1f => {
                let sign = char::from(byte - 0x1c + b'4');
                return out.push(Input::Key(Key::new(KeyCode::Char(sign), modifiers | KeyModifiers::CONTROL)));
            }
            0x20..=0x7e => KeyCode::Char(char::from(byte)),
            0x80.. => return self.utf8_byte(byte, modifiers, out),
        };
        out.push(Input::Key(Key::new(code, modifiers)));
    }

    fn utf8_byte(&mut self, byte: u8, modifiers: KeyModifiers, out: &mut Vec<Input>) {
        if byte >= 0xc0 {
            self.utf8.clear();
        } else if self.utf8.is_empty() {
            return;
        }
        self.utf8.push(byte);
        match std::str::from_utf8(&self.utf8) {
            Ok(text) => {
                let typed = text.chars().next().filter(|c| !c.is_control());
                out.extend(typed.map(|c| Input::Key(Key::new(KeyCode::Char(c), modifiers))));
                self.utf8.clear();
            }
            // No error length: the character is unfinished.
            Err(error) if error.error_len().is_none() && self.utf8.len() < 4 => {}
            Err(_) => self.utf8.clear(),
        }
    }

    fn escape(&mut self, byte: u8, out: &mut Vec<Input>) {
        self.sequence.clear();
        self.state = match byte {
            b'[' => State::Csi,
            b'O' => State::Ss3,
            b']' | b'P' | b'^' | b'_' | b'X' => State::Text,
            0x1b => {
                out.push(Input::Key(Key::plain(KeyCode::Esc)));
                State::Escape
            }
            _ => {
                self.state = State::Ground;
                return self.ground(byte, KeyModifiers::ALT, out);
            }
        };
    }

    fn csi(&mut self, byte: u8, out: &mut Vec<Input>) {
        match byte {
            0x1b => self.state = State::Escape,
            b'[' if self.sequence.is_empty() => self.state = State::ConsoleKey,
            0x20..=0x3f => {
                if self.sequence.len() <= MAX_SEQUENCE {
                    self.sequence.push(byte);
                }
            }
            0x40..=0x7e => {
                self.state = State::Ground;
                self.control(byte, out);
            }
            // Control characters inside a sequence: the sequence is broken, the character still counts.
            _ => {
                self.state = State::Ground;
                self.ground(byte, KeyModifiers::NONE, out);
            }
        }
    }

    /// A whole CSI sequence with its final byte.
    fn control(&mut self, last: u8, out: &mut Vec<Input>) {
        let sequence = std::mem::take(&mut self.sequence);
        let known = sequence.len() <= MAX_SEQUENCE;
        match (sequence.first(), last) {
            (None, b'M') => self.state = State::Skip(3),
            (Some(b'<'), b'M' | b'm') if known => out.extend(mouse(&sequence[1..], last).map(Input::Mouse)),
            (Some(b'0'..=b'9' | b';' | b':') | None, _) if known => {
                let numbers = parameters(&sequence);
                if last == b'~' && numbers.first() == Some(&200) {
                    self.paste.clear();
                    self.state = State::Paste;
                } else {
                    out.extend(csi_key(&numbers, last).map(Input::Key));
                }
            }
            // Private replies (?, >, =), reports with intermediates, and whatever is not known here.
            _ => {}
        }
        self.sequence = sequence;
        self.sequence.clear();
    }

    fn paste_byte(&mut self, byte: u8, out: &mut Vec<Input>) {
        // The terminator is matched on what was kept, so room for it is left above the limit.
        if self.paste.len() >= MAX_PASTE + PASTE_END.len() {
            self.paste.drain(MAX_PASTE..=MAX_PASTE);
        }
        self.paste.push(byte);
        if self.paste.ends_with(PASTE_END) {
            self.paste.truncate(self.paste.len() - PASTE_END.len());
            self.end_paste(out);
            self.state = State::Ground;
        }
    }

    fn end_paste(&mut self, out: &mut Vec<Input>) {
        self.paste.truncate(MAX_PASTE);
        out.push(Input::Paste(String::from_utf8_lossy(&self.paste).into_owned()));
        self.paste = Vec::new();
    }
}

/// Whether bytes right after a given-up escape are the rest of a sequence rather than something a person typed: a
/// bracket followed, in the same read, by what only a terminal sends.
fn looks_like_a_tail(bytes: &[u8]) -> bool {
    match bytes {
        [b'[', next, ..] => matches!(next, b'0'..=b'9' | b'?' | b'<' | b'>' | b'=' | b'A'..=b'D' | b'F' | b'H' | b'Z'),
        [b'O', next] => matches!(next, b'A'..=b'D' | b'F' | b'H'),
        [b']', next, ..] => next.is_ascii_digit(),
        [b'P', next, rest @ ..] => matches!(next, b'0'..=b'9' | b'>' | b'!') && !rest.is_empty(),
        [b'_' | b'^' | b'X', ..] => ends_a_string(bytes),
        _ => false,
    }
}

/// Whether bytes hold the end of a string sequence, which nobody types.
fn ends_a_string(bytes: &[u8]) -> bool {
    bytes.contains(&0x07) || bytes.windows(2).any(|pair| pair == b"\x1b\\")
}

/// Whether bytes are the parameters of a report with its last letter, come in one read.
fn looks_like_parameters(bytes: &[u8]) -> bool {
    let parameters = bytes.iter().take_while(|byte| matches!(byte, 0x20..=0x3f)).count();
    parameters >= 2 && matches!(bytes[0], b'0'..=b'9' | b'<'..=b'?') && bytes.len() > parameters
}

/// The numbers of a CSI sequence; sub-parameters after a colon are skipped, missing numbers are 0.
fn parameters(sequence: &[u8]) -> Vec<u32> {
    sequence
        .split(|byte| *byte == b';')
        .map(|part| {
            let digits = part.iter().take_while(|byte| byte.is_ascii_digit());
            digits.fold(0u32, |sum, digit| sum.saturating_mul(10).saturating_add(u32::from(digit - b'0')))
        })
        .collect()
}

/// xterm's modifier parameter: 1 + a bit mask of shift, alt, control.
fn modifiers(parameter: Option<&u32>) -> KeyModifiers {
    let mask = parameter.copied().unwrap_or(1).saturating_sub(1);
    let mut modifiers = KeyModifiers::NONE;
    for (bit, modifier) in [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)] {
        modifiers.set(modifier, mask & bit != 0);
    }
    modifiers
}

/// Keys that end in a letter, in CSI and SS3 form alike.
fn letter_key(letter: u8, modifiers: KeyModifiers) -> Option<Key> {
    let code = match letter {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'P'..=b'S' => KeyCode::F(letter - b'P' + 1),
        b'Z' => KeyCode::BackTab,
        _ => return None,
    };
    Some(Key::new(code, modifiers))
}

fn csi_key(numbers: &[u32], last: u8) -> Option<Key> {
    let modifiers = modifiers(numbers.get(1));
    match last {
        // With two numbers R is a cursor position report (or F3 with a modifier, which nothing here uses).
        b'R' if numbers.len() > 1 => None,
        b'~' => {
            let code = match numbers.first()? {
                1 | 7 => KeyCode::Home,
                2 => KeyCode::Insert,
                3 => KeyCode::Delete,
                4 | 8 => KeyCode::End,
                5 => KeyCode::PageUp,
                6 => KeyCode::PageDown,
                n @ 11..=15 => KeyCode::F((n - 10) as u8),
                n @ 17..=21 => KeyCode::F((n - 11) as u8),
                n @ 23..=24 => KeyCode::F((n - 12) as u8),
                _ => return None,
            };
            Some(Key::new(code, modifiers))
        }
        b'A'..=b'D' | b'F' | b'H' | b'P'..=b'S' | b'Z' if numbers.first().is_none_or(|n| *n <= 1) => {
            letter_key(last, modifiers)
        }
        // The kitty protocol is never asked for, but a terminal may have it left on by another program.
        b'u' if numbers.get(1).is_none_or(|n| *n > 0) => {
            let c = char::from_u32(*numbers.first()?)?;
            let code = match c {
                '\u{1b}' => KeyCode::Esc,
                '\r' => KeyCode::Enter,
                '\t' => KeyCode::Tab,
                '\u{7f}' => KeyCode::Backspace,
                c if c.is_control() || ('\u{e000}'..='\u{f8ff}').contains(&c) => return None,
                c => KeyCode::Char(c),
            };
            Some(Key::new(code, modifiers))
        }
        _ => None,
    }
}

/// An SGR mouse report: button;column;row, counted from 1.
fn mouse(sequence: &[u8], last: u8) -> Option<MouseEvent> {
    let numbers = parameters(sequence);
    let [button, column, row] = numbers[..] else { return None };
    let place = |n: u32| u16::try_from(n).ok()?.checked_sub(1);
    let which = match button & 3 {
        0 => MouseButton::Left,
        1 => MouseButton::Middle,
        _ => MouseButton::Right,
    };
    let kind = if button & 64 != 0 {
        match button & 3 {
            0 => MouseEventKind::ScrollUp,
            1 => MouseEventKind::ScrollDown,
            2 => MouseEventKind::ScrollLeft,
            _ => MouseEventKind::ScrollRight,
        }
    } else if button & 32 != 0 {
        if button & 3 == 3 { MouseEventKind::Moved } else { MouseEventKind::Drag(which) }
    } else if last == b'm' {
        MouseEventKind::Up(which)
    } else {
        MouseEventKind::Down(which)
    };
    let mut modifiers = KeyModifiers::NONE;
    for (bit, modifier) in [(4, KeyModifiers::SHIFT), (8, KeyModifiers::ALT), (16, KeyModifiers::CONTROL)] {
        modifiers.set(modifier, button & bit != 0);
    }
    Some(MouseEvent { kind, column: place(column)?, row: place(row)?, modifiers })
}

#[cfg(test)]
mod tests;
