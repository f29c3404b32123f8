//! The one place where text from files is made safe to print.
//!
//! Tokens, labels, paths and tensor names come from files and may hold escape sequences, bidirectional overrides or
//! line breaks. Everything that reaches a terminal or an SVG passes [`printable`].

/// Replaces what would move the cursor, hide or reorder text, and keeps the rest.
///
/// Line feed becomes `⏎`, tab `⇥`, other control characters `�`; bidirectional controls and zero-width marks that
/// can hide text are dropped. The result has no control character and is one line.
///
/// ```
/// assert_eq!(saescope::text::printable("a\u{1b}[31mb\n"), "a\u{fffd}[31mb⏎");
/// ```
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push('⏎'),
            '\t' => out.push('⇥'),
            c if hides(c) => {}
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Characters that reorder or hide text without a glyph of their own.
fn hides(c: char) -> bool {
    matches!(c,
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{061c}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn nothing_that_moves_or_hides_passes() {
        let nasty = "x\u{1b}]52;c;AAAA\u{7}\r\n\u{202e}evil\u{200b}\u{9b}2J\u{e0041}";
        let clean = printable(nasty);
        assert!(!clean.chars().any(char::is_control));
        assert!(!clean.contains('\u{202e}') && !clean.contains('\u{200b}') && !clean.contains('\u{e0041}'));
    }

    #[test]
    fn ordinary_text_is_kept() {
        let text = "Größe 東京 שלום é 🙂";
        assert_eq!(printable(text), text);
    }
}
