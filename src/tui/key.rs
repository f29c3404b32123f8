//! A key press, as text and back.
//!
//! Keys are written the way the help shows them: `j`, `G`, `Ctrl-o`, `Shift-Tab`, `Space`, `PgDn`, and `g m` for two
//! presses in a row. One press has exactly one [`Key`]: a capital letter carries its own shift, so `Shift` is kept
//! only where the character does not tell (`Shift-Left`, `Shift-Tab`).

use crossterm::event::{KeyCode, KeyModifiers};
use std::fmt;

/// One key press.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// Names of keys that are not characters, or not visible ones. The first name of a code is the one shown.
const NAMES: &[(&str, KeyCode)] = &[
    ("Space", KeyCode::Char(' ')),
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Insert", KeyCode::Insert),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
];

impl Key {
    /// The key of a code and its modifiers, in the one form that keys of the table have.
    pub fn new(code: KeyCode, modifiers: KeyModifiers) -> Self {
        let mut modifiers = modifiers & (KeyModifiers::SHIFT | KeyModifiers::CONTROL | KeyModifiers::ALT);
        let code = match code {
            KeyCode::BackTab => {
                modifiers |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            KeyCode::Char(c) => {
                let shifted = modifiers.contains(KeyModifiers::SHIFT);
                modifiers -= KeyModifiers::SHIFT;
                if modifiers.contains(KeyModifiers::CONTROL) {
                    KeyCode::Char(c.to_ascii_lowercase())
                } else if shifted && c.is_ascii_lowercase() {
                    KeyCode::Char(c.to_ascii_uppercase())
                } else {
                    KeyCode::Char(c)
                }
            }
            other => other,
        };
        Self { code, modifiers }
    }

    /// A key without modifiers.
    pub fn plain(code: KeyCode) -> Self {
        Self::new(code, KeyModifiers::NONE)
    }

    /// A character key.
    pub fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    /// Ctrl and a character.
    pub fn ctrl(c: char) -> Self {
        Self::new(KeyCode::Char(c), KeyModifiers::CONTROL)
    }

    /// Alt and a character.
    pub fn alt(c: char) -> Self {
        Self::new(KeyCode::Char(c), KeyModifiers::ALT)
    }

    /// What was pressed, without modifiers.
    pub fn code(self) -> KeyCode {
        self.code
    }

    /// The modifiers that the character itself does not carry.
    pub fn modifiers(self) -> KeyModifiers {
        self.modifiers
    }

    /// The character this key types into a text field; none for chords and named keys.
    pub fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => Some(c),
            _ => None,
        }
    }

    /// The key without Alt, if it has it.
    pub fn without_alt(self) -> Option<Self> {
        let alt = self.modifiers.contains(KeyModifiers::ALT);
        alt.then(|| Self { modifiers: self.modifiers - KeyModifiers::ALT, ..self })
    }

    /// The digit this key is, if it is a plain one.
    pub fn digit(self) -> Option<u32> {
        self.typed().and_then(|c| c.to_digit(10))
    }

    /// The bytes that a terminal in xterm's manner sends for this key; empty for what it cannot send.
    pub fn bytes(self) -> Vec<u8> {
        let (control, alt) =
            (self.modifiers.contains(KeyModifiers::CONTROL), self.modifiers.contains(KeyModifiers::ALT));
        let mask =
            1 + u8::from(self.modifiers.contains(KeyModifiers::SHIFT)) + 2 * u8::from(alt) + 4 * u8::from(control);
        let letter = |letter: char| match mask {
            1 => format!("\x1b[{letter}").into_bytes(),
            _ => format!("\x1b[1;{mask}{letter}").into_bytes(),
        };
        let number = |number: u8| match mask {
            1 => format!("\x1b[{number}~").into_bytes(),
            _ => format!("\x1b[{number};{mask}~").into_bytes(),
        };
        let mut bytes = if alt { vec![0x1b] } else { Vec::new() };
        match self.code {
            KeyCode::Up => letter('A'),
            KeyCode::Down => letter('B'),
            KeyCode::Right => letter('C'),
            KeyCode::Left => letter('D'),
            KeyCode::Home => letter('H'),
            KeyCode::End => letter('F'),
            KeyCode::Tab if self.modifiers == KeyModifiers::SHIFT => b"\x1b[Z".to_vec(),
            KeyCode::Insert => number(2),
            KeyCode::Delete => number(3),
            KeyCode::PageUp => number(5),
            KeyCode::PageDown => number(6),
            KeyCode::F(n @ 1..=5) => number(10 + n),
            KeyCode::F(n @ 6..=10) => number(11 + n),
            KeyCode::F(n @ 11..=12) => number(12 + n),
            KeyCode::Enter => [bytes, vec![b'\r']].concat(),
            KeyCode::Tab => [bytes, vec![b'\t']].concat(),
            KeyCode::Backspace => [bytes, vec![0x7f]].concat(),
            KeyCode::Esc => [bytes, vec![0x1b]].concat(),
            KeyCode::Char(' ') if control => [bytes, vec![0]].concat(),
            KeyCode::Char(c) if control && c.is_ascii_lowercase() => [bytes, vec![c as u8 - b'a' + 1]].concat(),
            KeyCode::Char(c) if !control => {
                bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
                bytes
            }
            _ => Vec::new(),
        }
    }

    /// Reads one key, as [`fmt::Display`] writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut modifiers = KeyModifiers::NONE;
        // A trailing "-" is the minus key itself, so a prefix counts only if something follows it.
        while let Some((prefix, modifier)) =
            [("Ctrl-", KeyModifiers::CONTROL), ("Shift-", KeyModifiers::SHIFT), ("Alt-", KeyModifiers::ALT)]
                .into_iter()
                .find(|(prefix, _)| rest.len() > prefix.len() && rest.starts_with(prefix))
        {
            modifiers |= modifier;
            rest = &rest[prefix.len()..];
        }
        if let Some((_, code)) = NAMES.iter().find(|(name, _)| *name == rest) {
            return Some(Self::new(*code, modifiers));
        }
        if let Some(number) = rest.strip_prefix('F').and_then(|n| n.parse::<u8>().ok()) {
            return (1..=24).contains(&number).then(|| Self::new(KeyCode::F(number), modifiers));
        }
        let mut chars = rest.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) if !c.is_control() && c != ' ' => Some(Self::new(KeyCode::Char(c), modifiers)),
            _ => None,
        }
    }

    /// Reads a sequence of keys separated by spaces, as in `g m`.
    pub fn parse_sequence(text: &str) -> Option<Vec<Self>> {
        let keys: Option<Vec<Self>> = text.split(' ').map(Self::parse).collect();
        keys.filter(|keys| !keys.is_empty())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (modifier, name) in
            [(KeyModifiers::CONTROL, "Ctrl-"), (KeyModifiers::ALT, "Alt-"), (KeyModifiers::SHIFT, "Shift-")]
        {
            if self.modifiers.contains(modifier) {
                f.write_str(name)?;
            }
        }
        if let Some((name, _)) = NAMES.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            other => write!(f, "{other}"),
        }
    }
}

/// A sequence of keys as the help writes it: `g m`.
pub fn sequence(keys: &[Key]) -> String {
    keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_as_they_are_written() {
        for text in [
            "a",
            "G",
            "Ctrl-o",
            "Shift-Tab",
            "Space",
            "Enter",
            "Esc",
            "-",
            "+",
            "Ctrl--",
            "PgDn",
            "F5",
            "Alt-b",
            "é",
            "[",
            "Shift-Left",
            "Ctrl-Space",
            "?",
            "Delete",
            "Ctrl-Shift-Left",
        ] {
            let key = Key::parse(text).unwrap_or_else(|| panic!("{text} does not parse"));
            assert_eq!(Key::parse(&key.to_string()), Some(key), "{text}");
        }
        assert_eq!(Key::parse("Ctrl-o").unwrap().to_string(), "Ctrl-o");
    }

    #[test]
    fn a_key_has_one_form() {
        assert_eq!(Key::new(KeyCode::Char('g'), KeyModifiers::SHIFT), Key::char('G'));
        assert_eq!(Key::new(KeyCode::Char('G'), KeyModifiers::SHIFT), Key::char('G'));
        assert_eq!(Key::new(KeyCode::Char('O'), KeyModifiers::CONTROL), Key::ctrl('o'));
        assert_eq!(Key::plain(KeyCode::BackTab), Key::parse("Shift-Tab").unwrap());
        assert_eq!(Key::new(KeyCode::Char('j'), KeyModifiers::SUPER), Key::char('j'));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "Ctrl-", "ab", "Hyper-x", "F0", "F99", "\u{1b}", " "] {
            assert_eq!(Key::parse(text), None, "{text:?}");
        }
        assert_eq!(Key::parse_sequence(""), None);
        assert_eq!(Key::parse_sequence("g  m"), None);
        assert_eq!(Key::parse_sequence("g m").unwrap(), [Key::char('g'), Key::char('m')]);
    }

    #[test]
    fn what_a_terminal_sends_is_read_as_the_key() {
        let modified = |key: &str| ["", "Ctrl-", "Alt-", "Shift-"].map(|modifier| format!("{modifier}{key}"));
        let named = ["Up", "Down", "Left", "Right", "Home", "End", "PgUp", "PgDn", "Delete", "F5", "F8", "F12"];
        let others =
            ["Enter", "Tab", "Shift-Tab", "Backspace", "Esc", "Space", "Ctrl-Space", "Ctrl-o", "Alt-b", "x", "é", "["];
        for text in named.iter().flat_map(|key| modified(key)).chain(others.map(String::from)) {
            let key = Key::parse(&text).unwrap();
            let (mut decoder, mut out) = (super::super::decode::Decoder::default(), Vec::new());
            decoder.feed(&key.bytes(), &mut out);
            if decoder.patience().is_some() {
                decoder.give_up(&mut out);
            }
            assert_eq!(out, [super::super::decode::Input::Key(key)], "{text}");
        }
        assert!(Key::parse("Ctrl-é").unwrap().bytes().is_empty());
    }

    #[test]
    fn only_plain_characters_type() {
        assert_eq!(Key::char('x').typed(), Some('x'));
        assert_eq!(Key::ctrl('x').typed(), None);
        assert_eq!(Key::alt('x').typed(), None);
        assert_eq!(Key::plain(KeyCode::Enter).typed(), None);
        assert_eq!(Key::char('7').digit(), Some(7));
    }
}
