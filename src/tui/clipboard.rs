//! Text -> the bytes that put it on the clipboard of the machine the user sits at (OSC 52, write only).
//!
//! Over SSH no local clipboard tool can do that, so this is the only way used; the clipboard is never read. Programs
//! in between drop long sequences, so the payload is cut at [`MAX_TEXT`] bytes and the caller is told. GNU screen
//! passes the sequence on only inside an envelope of its own. tmux takes it as it is under `set -g set-clipboard on`,
//! and in its envelope under `set -g allow-passthrough on` (3.3 and later; always before), so it is sent both ways.

use super::capabilities::Multiplexer;
use crate::text::base64;

/// Most bytes of text in one copy: 74,994 bytes in base64, below the 74-100 KB that terminals and tmux take.
pub const MAX_TEXT: usize = 56_244;
/// GNU screen drops longer device control strings, so they are sent in pieces of this size.
const SCREEN_PIECE: usize = 700;

/// The bytes of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// What to send to the terminal.
    pub bytes: Vec<u8>,
    /// How many bytes of the text did not fit.
    pub cut: usize,
}

/// Makes the sequence that copies `text`.
pub fn copy(text: &str, multiplexer: Option<Multiplexer>) -> Copy {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let plain = format!("\x1b]52;c;{}\x07", base64(&text.as_bytes()[..end])).into_bytes();
    let bytes = match multiplexer {
        None | Some(Multiplexer::Zellij) => plain,
        Some(Multiplexer::Tmux) => {
            // Inside tmux's envelope every escape byte is doubled.
            let mut bytes = plain.clone();
            bytes.extend(b"\x1bPtmux;\x1b");
            bytes.extend(&plain);
            bytes.extend(b"\x1b\\");
            bytes
        }
        Some(Multiplexer::Screen) => {
            plain.chunks(SCREEN_PIECE).flat_map(|piece| [b"\x1bP", piece, b"\x1b\\"].concat()).collect()
        }
    };
    Copy { bytes, cut: text.len() - end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_multiplexer_gets_its_envelope() {
        assert_eq!(copy("hi", None).bytes, b"\x1b]52;c;aGk=\x07");
        assert_eq!(
            copy("hi", Some(Multiplexer::Tmux)).bytes,
            b"\x1b]52;c;aGk=\x07\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\"
        );
        let long = copy(&"x".repeat(2000), Some(Multiplexer::Screen)).bytes;
        let text = String::from_utf8(long).unwrap();
        assert_eq!(text.matches("\x1bP").count(), 4);
        assert!(text.split("\x1b\\").all(|piece| piece.len() <= SCREEN_PIECE + 2));
    }

    #[test]
    fn long_text_is_cut_between_characters_and_the_cut_is_told() {
        let copied = copy(&"é".repeat(MAX_TEXT), None);
        assert_eq!(copied.cut, MAX_TEXT);
        assert!(copied.bytes.len() < 76_000);
        assert_eq!(copy("short", None).cut, 0);
    }
}
