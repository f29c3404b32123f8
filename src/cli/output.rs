//! stdout for results, stderr for complaints; a reader that went away is not an error.

use crate::error::{Error, Result};
use std::io::{self, Write};

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

/// Prints a value as one line of JSON.
///
/// # Errors
/// As [`print`].
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let mut text = serde_json::to_string(value).map_err(|e| Error::io("stdout", &io::Error::other(e)))?;
    text.push('\n');
    print(&text)
}

/// Says on stderr what went wrong, in one paragraph.
pub(super) fn complain(error: &Error) {
    let _ = writeln!(io::stderr().lock(), "saescope: {error}");
}

/// Says something on stderr that is worth knowing but stops nothing.
pub(super) fn remark(text: &str) {
    let _ = writeln!(io::stderr().lock(), "saescope: {}", crate::text::printable(text));
}
