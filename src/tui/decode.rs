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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(chunks: &[&[u8]]) -> Vec<Input> {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        for chunk in chunks {
            decoder.feed(chunk, &mut out);
        }
        if decoder.patience().is_some() {
            decoder.give_up(&mut out);
        }
        out
    }

    fn keys(bytes: &[u8]) -> String {
        let text = |input: &Input| match input {
            Input::Key(key) => key.to_string(),
            other => format!("{other:?}"),
        };
        decode(&[bytes]).iter().map(text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn keys_of_common_terminals() {
        for (bytes, expected) in [
            (&b"aG?"[..], "a G ?"),
            (b"\x1b", "Esc"),
            (b"\x1b\x1b", "Esc Esc"),
            (b"\r\t\x7f\x08", "Enter Tab Backspace Backspace"),
            (b"\x0f\x03\x1a\x00", "Ctrl-o Ctrl-c Ctrl-z Ctrl-Space"),
            (b"\x1b[A\x1bOB\x1b[1;2C\x1b[1;5D", "Up Down Shift-Right Ctrl-Left"),
            (b"\x1b[Z\x1b[H\x1b[4~\x1b[5~\x1b[6~\x1b[3~", "Shift-Tab Home End PgUp PgDn Delete"),
            (b"\x1bOP\x1b[15~\x1b[24~\x1b[[B", "F1 F5 F12 F2"),
            (b"\x1bb\x1b\x7f", "Alt-b Alt-Backspace"),
            ("é東".as_bytes(), "é 東"),
            (b"\x1b[106;5u", "Ctrl-j"),
        ] {
            assert_eq!(keys(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn replies_nobody_asked_for_change_nothing() {
        for reply in [
            &b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\"[..],
            b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07",
            b"\x1b[?62;22;52c",
            b"\x1b[>41;354;0c",
            b"\x1b[?2026;2$y",
            b"\x1b[24;80R",
            b"\x1b[4;600;800t",
            b"\x1bP>|kitty(0.35)\x1b\\",
            b"\x1b_Gi=31;OK\x1b\\",
            b"\x1b[?1;2;4;99u",
            b"\x1b[I\x1b[O",
            b"\x1b[M !!",
            b"\x1b[38;2;1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21;22;23;24;25;26;27;28;29x",
            b"\x1b[=1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21;22;23;24;25;26;27;28;29A",
        ] {
            assert_eq!(decode(&[reply]), [], "{}", reply.escape_ascii());
            let mut bytes = reply.to_vec();
            bytes.push(b'j');
            assert_eq!(keys(&bytes), "j", "the key after {}", reply.escape_ascii());
            // Split anywhere but after the very first byte, the reply still is no text.
            for cut in 1..reply.len() {
                assert_eq!(decode(&[&reply[..cut], &reply[cut..]]), [], "{} cut at {cut}", reply.escape_ascii());
            }
        }
    }

    #[test]
    fn the_tail_of_a_given_up_escape_is_no_text() {
        for tail in [&b"]11;rgb:0000/0000/0000\x07"[..], b"[?62;22c", b"[24;80R"] {
            let (mut decoder, mut out) = (Decoder::default(), Vec::new());
            decoder.feed(b"\x1b", &mut out);
            decoder.give_up(&mut out);
            assert_eq!(out, [Input::Key(Key::plain(KeyCode::Esc))]);
            decoder.feed(tail, &mut out);
            assert_eq!(out.len(), 1, "{}", tail.escape_ascii());
            assert_eq!(decoder.patience(), None);
        }
        // A person who presses Esc and then a bracket gets both.
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        decoder.feed(b"\x1b", &mut out);
        decoder.give_up(&mut out);
        decoder.feed(b"]", &mut out);
        decoder.feed(b"1", &mut out);
        assert_eq!(out.len(), 3);
    }

    /// Feeds the chunks with as much time between them as the decoder would wait, and more.
    fn decode_slowly(chunks: &[&[u8]]) -> Vec<Input> {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        for chunk in chunks {
            decoder.feed(chunk, &mut out);
            if decoder.patience().is_some() {
                decoder.give_up(&mut out);
            }
        }
        out
    }

    #[test]
    fn a_reply_that_comes_in_two_parts_far_apart_is_no_text() {
        for reply in [
            &b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\"[..],
            b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07",
            b"\x1b[?62;22;52c",
            b"\x1b[?2026;2$y",
            b"\x1b[>41;354;0c",
            b"\x1bP>|tmux 3.4\x1b\\",
            b"\x1b_Gi=31;OK\x1b\\",
            b"\x1b[?1u",
        ] {
            for cut in 1..reply.len() {
                let found = decode_slowly(&[&reply[..cut], &reply[cut..]]);
                // The escape byte alone is the Esc key, and nothing more.
                let expected = if cut == 1 { vec![Input::Key(Key::plain(KeyCode::Esc))] } else { Vec::new() };
                assert_eq!(found, expected, "{} cut at {cut}", reply.escape_ascii());
            }
        }
        // What a person types after a report that never ended is taken, but for the key that seems to end it.
        assert_eq!(decode_slowly(&[b"\x1b[?62", b"j", b"j"]), [Input::Key(Key::char('j'))]);
        assert_eq!(decode_slowly(&[b"\x1b[?62", b"\x03"]), [Input::Key(Key::ctrl('c'))]);
        assert_eq!(decode_slowly(&[b"\x1b]11;rgb", b"j"]), [Input::Key(Key::char('j'))]);
        assert_eq!(decode_slowly(&[b"\x1b[", b"1", b"2", b"j"]).len(), 3, "Alt-[ and a count");
    }

    #[test]
    fn a_stray_string_start_does_not_freeze_the_keys() {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        decoder.feed(b"\x1b]", &mut out);
        assert!(decoder.patience().is_some());
        decoder.give_up(&mut out);
        decoder.feed(b"j", &mut out);
        assert_eq!(out, [Input::Key(Key::char('j'))]);
        out.clear();
        decoder.feed(b"\x1bP\x03", &mut out);
        assert_eq!(out, [Input::Key(Key::ctrl('c'))]);
    }

    #[test]
    fn pastes_arrive_whole_and_bounded() {
        assert_eq!(decode(&[b"\x1b[200~a\x1b[3", b"1mq\r\n\x1b[201", b"~"]), [Input::Paste("a\x1b[31mq\r\n".into())]);
        let mut long = b"\x1b[200~".to_vec();
        long.resize(long.len() + MAX_PASTE + 1000, b'x');
        long.extend(PASTE_END);
        long.push(b'j');
        let out = decode(&[&long]);
        assert!(matches!(&out[0], Input::Paste(text) if text.len() == MAX_PASTE));
        assert_eq!(out[1], Input::Key(Key::char('j')));
        // The end never comes.
        assert_eq!(decode(&[b"\x1b[200~abc"]), [Input::Paste("abc".into())]);
    }

    #[test]
    fn mouse_reports_count_from_zero() {
        let out = decode(&[b"\x1b[<0;5;3M\x1b[<0;5;3m\x1b[<64;1;1M\x1b[<32;9;9M\x1b[<0;0;1M\x1b[<0;99999;1M"]);
        let kinds: Vec<_> = out
            .iter()
            .map(|input| match input {
                Input::Mouse(m) => (m.kind, m.column, m.row),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            kinds,
            [
                (MouseEventKind::Down(MouseButton::Left), 4, 2),
                (MouseEventKind::Up(MouseButton::Left), 4, 2),
                (MouseEventKind::ScrollUp, 0, 0),
                (MouseEventKind::Drag(MouseButton::Left), 8, 8),
            ]
        );
    }

    #[test]
    fn broken_utf8_is_dropped() {
        assert_eq!(keys(b"\xff\xc3a\x80\xe6\x9d"), "a");
        assert_eq!(keys(b"\xc2\x9b31m"), "3 1 m", "a C1 control is never a key of its own");
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_split_mean_the_same(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
            let cut = cut.min(bytes.len());
            prop_assert_eq!(decode(&[&bytes[..cut], &bytes[cut..]]), decode(&[&bytes]));
        }

        #[test]
        fn no_key_is_a_control_character(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for input in decode(&[&bytes]) {
                if let Input::Key(key) = input {
                    prop_assert!(key.typed().is_none_or(|c| !c.is_control()));
                }
            }
        }
    }
}
