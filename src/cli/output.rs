//! stdout for results, stderr for complaints; a reader that went away is not an error.

use crate::error::{Error, Result};
use crate::text::{clip, is_plain, printable};
use std::io::{self, Write};
use std::process::ExitCode;

/// Prints `text` to stdout. A closed pipe ends the process with exit code 0, as its reader wished.
///
/// # Errors
/// If stdout refuses for another reason.
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => result.map_err(|e| Error::io("stdout", &e)),
    }
}

/// Prints a value as one line of JSON. Characters that could move the cursor, or hide or reorder text, are escaped: they
/// come from files, and stdout may be a terminal.
///
/// # Errors
/// As [`print`].
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string(value).map_err(|e| Error::io("stdout", &io::Error::other(e)))?;
    print(&format!("{}\n", escaped(&text)))
}

/// The same JSON with every character that [`is_plain`] does not let pass written as `\u` and four digits. Outside of its
/// strings JSON on one line has no such character.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_plain(c) {
            out.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}

/// A label for a line of text: `-` where there is none, and no more of a long one than anyone reads there.
pub(super) fn label(label: Option<&str>) -> String {
    clip(label.unwrap_or("-"), 300)
}

/// Says on stderr what went wrong, in one paragraph, and shows the place under it where there is one.
pub(super) fn complain(error: &Error) {
    remark(&error.to_string());
    for line in error.excerpt() {
        let _ = writeln!(io::stderr().lock(), "  {}", printable(line));
    }
}

/// Says what the arguments lack, or the help that they ask for. They may be names of files that a shell put there, so
/// they are as hostile as what lies in files.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if text.chars().all(|c| c == '\n' || is_plain(c)) {
        let _ = error.print();
    } else {
        let clean: String = text.lines().map(|line| printable(line) + "\n").collect();
        let _ = io::stderr().lock().write_all(clean.as_bytes());
    }
    ExitCode::from(error.exit_code() as u8)
}

/// Says something on stderr that is worth knowing but stops nothing.
pub(super) fn remark(text: &str) {
    let _ = writeln!(io::stderr().lock(), "saescope: {}", printable(text));
}

#[cfg(test)]
mod tests {
    use super::escaped;
    use serde_json::{Value, json};

    #[test]
    fn json_on_a_terminal_is_inert_and_says_the_same() {
        let value = json!({"label": "a\u{9b}2J\u{202e}b\u{e0041}\u{7f}\n\t\"é🙂", "n": [1, null]});
        let text = escaped(&value.to_string());
        assert!(text.chars().all(crate::text::is_plain), "{text}");
        assert!(text.contains("\\u009b2J\\u202eb\\udb40\\udc41\\u007f\\n\\t\\\"é🙂"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
