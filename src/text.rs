//! Text for people: the one place where text from files is made safe to print, and how numbers are written.
//!
//! Tokens, labels, paths and tensor names come from files and may hold escape sequences, bidirectional overrides or
//! line breaks. Everything that reaches a terminal, a picture or a page passes [`printable`].

use unicode_width::UnicodeWidthStr;

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
            c if is_plain(c) => out.push(c),
            '\n' => out.push('⏎'),
            '\t' => out.push('⇥'),
            c if hides(c) => {}
            _ => out.push('\u{fffd}'),
        }
    }
    out
}

/// Whether [`printable`] leaves a character as it is.
pub fn is_plain(c: char) -> bool {
    !c.is_control() && !hides(c)
}

/// A text as XML and HTML take it, between tags and in attributes with double quotes.
pub fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Base64 with padding (RFC 4648).
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let at = |i: usize| group.get(i).copied().map_or(0, u32::from);
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= group.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// Whether a text is a whole number in decimal digits, without a sign.
pub fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The table of names and what they mean, as the README shows it.
pub fn markdown_table<'a>(what: &str, rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let rows: String =
        rows.into_iter().map(|(name, about)| format!("| `{name}` | {} |\n", about.replace('|', "\\|"))).collect();
    format!("| {what} | what it is |\n|---|---|\n{rows}")
}

/// The first `most` characters of a text, with `…` where more were.
pub fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

/// A part of `text` that shows its character number `at` and is at most `columns` wide, made safe to print, and the
/// column in which that character stands; `…` where something is cut off.
///
/// ```
/// assert_eq!(saescope::text::around("a long line of words", 12, 9), ("…ne of w…".to_string(), 4));
/// ```
pub fn around(text: &str, at: usize, columns: usize) -> (String, usize) {
    // Each character as it is printed, which may be not at all, and the columns before it.
    let shown: Vec<String> = text.chars().map(|c| printable(c.encode_utf8(&mut [0; 4]))).collect();
    let mut before = vec![0];
    for c in &shown {
        before.push(before.last().unwrap_or(&0) + c.width());
    }
    let (last, at) = (shown.len(), at.min(shown.len()));
    let (mut start, mut end) = (0, last);
    if before[last] > columns {
        // First about half for what stands before it, then all that is left after it, then before it again.
        let half = columns.saturating_sub(2) / 2;
        start = before.partition_point(|&width| width + half < before[at]);
        let cut = usize::from(start > 0);
        if before[last] - before[start] + cut > columns {
            let room = before[start] + columns.saturating_sub(1 + cut);
            end = before.partition_point(|&width| width <= room).saturating_sub(1).max(start);
        }
        let room = columns.saturating_sub(1 + usize::from(end < last));
        start = start.min(before.partition_point(|&width| width + room < before[end]));
    }
    let (head, tail) = (start > 0 && columns > 0, end < last && columns > usize::from(start > 0));
    let cut = |cut: bool| if cut { "…" } else { "" };
    let column = before[at.clamp(start, end)] - before[start] + usize::from(head);
    (format!("{}{}{}", cut(head), shown[start..end].concat(), cut(tail)), column)
}

/// A whole number with thousands separated: `1,104`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with four decimals; by powers of ten where these would say nothing or be too many: `0.0134`, `1.000e-30`.
pub fn decimal(x: f64) -> String {
    let plain = x == 0.0 || (1e-3..1e6).contains(&x.abs());
    if plain { format!("{x:.4}") } else { format!("{x:.3e}") }
}

/// How many of what, as people write it: `1 row`, `4,096 rows`.
pub fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n as u64), if n == 1 { one } else { many })
}

/// Characters that reorder or hide text without a glyph of their own.
fn hides(c: char) -> bool {
    matches!(c,
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{061c}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_have_four_decimals_where_these_say_something() {
        let shown = [0.0, 0.013_42, 1.0, 99_999.5, 1e-30, -3e30, 1e6].map(super::decimal);
        assert_eq!(shown, ["0.0000", "0.0134", "1.0000", "99999.5000", "1.000e-30", "-3.000e30", "1.000e6"]);
    }

    use super::*;

    #[test]
    fn nothing_that_moves_or_hides_passes() {
        let nasty = "x\u{1b}]52;c;AAAA\u{7}\r\n\u{202e}evil\u{200b}\u{9b}2J\u{e0041}";
        let clean = printable(nasty);
        assert!(!clean.chars().any(char::is_control));
        assert!(!clean.contains('\u{202e}') && !clean.contains('\u{200b}') && !clean.contains('\u{e0041}'));
    }

    #[test]
    fn base64_matches_the_rfc() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn markup_ends_no_tag_and_no_attribute() {
        assert_eq!(markup("<a b=\"c\">&amp;"), "&lt;a b=&quot;c&quot;&gt;&amp;amp;");
    }

    #[test]
    fn ordinary_text_is_kept() {
        let text = "Größe 東京 שלום é 🙂";
        assert_eq!(printable(text), text);
    }

    #[test]
    fn long_text_is_clipped_at_a_character() {
        assert_eq!((clip("née", 2), clip("née", 3)), ("né…".into(), "née".into()));
    }

    #[test]
    fn a_long_text_is_shown_around_a_place() {
        let text = "0123456789東京0123456789";
        for columns in 0..30 {
            for at in 0..=22 {
                let (part, column) = around(text, at, columns);
                assert!(part.width() <= columns, "{part} {columns}");
                let mut used = 0;
                let here = part.chars().find(|c| {
                    used += c.to_string().width();
                    used > column
                });
                if columns >= 6 && at < 22 {
                    assert_eq!(here, text.chars().nth(at), "{part} {column}, {at} in {columns}");
                }
            }
        }
        assert_eq!(around("short", 2, 80), ("short".into(), 2));
        assert_eq!(around(&"x".repeat(100_000), 50_000, 5).0, "…xxx…");
    }

    #[test]
    fn counts_have_separators_and_the_right_number() {
        let rows = |n| counted(n, "row", "rows");
        assert_eq!([rows(0), rows(1), rows(4096)], ["0 rows", "1 row", "4,096 rows"]);
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
