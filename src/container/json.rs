//! JSON as Python writes it, which is not quite JSON.
//!
//! `json.dump` writes `NaN` and `Infinity` as bare words, and a text that was cut within a character as the escape of
//! half a surrogate pair. Some editors put a byte order mark before it all. Strict parsers refuse each of these, and a
//! whole file would be lost for one of its numbers.

use super::Bytes;
use crate::error::{Problem, Result};
use serde_json::Value;
use std::path::Path;

/// The longest description that is read: configurations and metadata are pages of text.
const LONGEST: usize = 16 << 20;

/// The file at `path`, a description of `what` ("the configuration"), as JSON or what Python writes for it.
///
/// # Errors
/// If it cannot be mapped, is longer than 16 MiB, or is no JSON.
pub fn read(path: &Path, what: &str) -> Result<Value> {
    let bytes = Bytes::map(path)?;
    let bad = |why: String| Problem::new(format!("{what} cannot be read: {why}")).path(path).expected("JSON").input();
    if bytes.len() > LONGEST {
        return Err(bad("it is longer than 16 MiB".into()));
    }
    parse(std::str::from_utf8(&bytes).map_err(|_| bad("it is no valid UTF-8".into()))?).map_err(|e| bad(e.to_string()))
}

/// JSON, or what Python writes for it.
///
/// # Errors
/// Those of the text as it stands.
pub fn parse(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str(text).or_else(|error| mend(text).map_or(Err(error), |mended| serde_json::from_str(&mended)))
}

/// The same JSON with what strict parsers refuse mended: numbers that are none become `null`, halves of surrogate pairs
/// become `\ufffd`, a byte order mark goes. None if there is nothing to mend.
pub fn mend(text: &str) -> Option<String> {
    let plain = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut out = String::new();
    let (mut kept, mut at, mut in_string) = (0, 0, false);
    let bytes = plain.as_bytes();
    while at < bytes.len() {
        let (length, replacement) = match bytes[at] {
            b'"' => {
                in_string = !in_string;
                (1, None)
            }
            b'\\' if in_string => escape(&bytes[at..]),
            b'N' | b'I' | b'-' if !in_string => word(&bytes[at..]),
            _ => (1, None),
        };
        if let Some(replacement) = replacement {
            out.push_str(&plain[kept..at]);
            out.push_str(replacement);
            kept = at + length;
        }
        at += length;
    }
    let mended = kept > 0 || plain.len() < text.len();
    mended.then(|| out + &plain[kept..])
}

/// What is wrong with the JSON of one line of a file, and where in it: the parser counts every text from its own line 1.
pub fn in_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("{what} at column {}", error.column()),
        None => text,
    }
}

/// Length of the escape at the start of `rest`, and what must stand instead.
fn escape(rest: &[u8]) -> (usize, Option<&'static str>) {
    let unit = |at: usize| {
        let digits = rest.get(at..at + 6).filter(|digits| digits.starts_with(b"\\u"))?;
        u16::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
    };
    match (unit(0), unit(6)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, None),
        (Some(0xd800..=0xdfff), _) => (6, Some("\\ufffd")),
        // The character after the backslash belongs to it, a quote above all.
        _ => (rest.len().min(2), None),
    }
}

/// Length of the bare word at the start of `rest`, and what must stand instead.
fn word(rest: &[u8]) -> (usize, Option<&'static str>) {
    let found = [&b"NaN"[..], b"Infinity", b"-Infinity"].into_iter().find(|word| rest.starts_with(word));
    found.map_or((1, None), |word| (word.len(), Some("null")))
}

#[cfg(test)]
mod tests {
    use super::{mend, read};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn what_python_writes_is_read() {
        let text = concat!(
            "\u{feff}",
            r#"{"a": NaN, "b": [-Infinity, Infinity, -1], "NaN": "\ud800x\"\ude00", "c": "\ud83d\ude42 NaN\\"}"#
        );
        let read: Value = serde_json::from_str(&mend(text).unwrap()).unwrap();
        let whole = json!({"a": null, "b": [null, null, -1], "NaN": "\u{fffd}x\"\u{fffd}", "c": "🙂 NaN\\"});
        assert_eq!(read, whole);
    }

    #[test]
    fn a_description_is_read_as_python_writes_it_and_a_broken_one_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, "\u{feff}{\"a\": NaN}").unwrap();
        assert_eq!(read(&path, "the configuration").unwrap(), json!({"a": null}));
        for (bytes, why) in [(&b"{"[..], "EOF"), (b"\"\xff\"", "UTF-8"), (&vec![b' '; (16 << 20) + 1], "16 MiB")] {
            std::fs::write(&path, bytes).unwrap();
            let error = read(&path, "the configuration").unwrap_err().to_string();
            assert!(
                error.contains("config.json: the configuration cannot be read: ") && error.contains(why),
                "{error}"
            );
        }
    }

    #[test]
    fn an_error_of_a_line_tells_the_column_alone() {
        let error = serde_json::from_str::<Value>("{\"a\":").unwrap_err();
        assert_eq!(super::in_line(&error), "EOF while parsing a value at column 5");
    }

    proptest! {
        #[test]
        fn good_json_is_left_alone(text in "\\PC{0,20}", key in "[NI\\\\\"-]{0,6}") {
            let mut object = serde_json::Map::new();
            object.insert(key, json!([text, -1.5, null]));
            prop_assert_eq!(mend(&Value::Object(object).to_string()), None);
        }

        #[test]
        fn no_text_causes_a_panic(text in "[\\\\\"uNI{}\\[\\]d8cf0-9é🙂-]{0,30}") {
            let _ = mend(&text);
        }
    }
}
