//! What went wrong, where, what was expected, and what to try.
//!
//! One error type serves the whole library. A [`Problem`] carries the place (path, tensor, shape, dtype) so that
//! every front end can say the same thing in one paragraph; the variant decides the exit code.

use crate::text::{clip, printable};
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// The library's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, by what the caller can do about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A file does not hold what it should.
    #[error("{0}")]
    Input(Box<Problem>),
    /// A parameter or argument is outside what it may be.
    #[error("{0}")]
    Usage(Box<Problem>),
    /// The operating system refused.
    #[error("{path}: {message}", path = printable(&path.display().to_string()))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said, and what to try.
        message: String,
    },
    /// A search or filter matched nothing (exit code 1).
    #[error("{0}")]
    Nothing(String),
    /// A verb, value or view that this build does not have yet.
    #[error("{0}: not in this build")]
    NotInBuild(String),
    /// A file of a kind that is known, but that this build does not read yet.
    #[error("{0}")]
    NotRead(Box<Problem>),
    /// The work was cancelled by its owner.
    #[error("cancelled")]
    Cancelled,
}

/// One paragraph about a bad input: what, where, what was expected, what to try.
#[derive(Debug, Clone, Default)]
pub struct Problem {
    what: String,
    path: Option<PathBuf>,
    tensor: Option<String>,
    shape: Option<Vec<usize>>,
    dtype: Option<String>,
    expected: Option<String>,
    hint: Option<String>,
    excerpt: Vec<String>,
}

/// What someone typed, or a file says, may be quoted in a message, but not for pages: characters of a part of one.
const LONGEST: usize = 2000;

impl Problem {
    /// Starts a problem with what is wrong, in plain words.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: clip(&what.into(), LONGEST), ..Self::default() }
    }
    /// The file it is about.
    pub fn path(mut self, path: impl AsRef<Path>) -> Self {
        self.path = Some(path.as_ref().to_path_buf());
        self
    }
    /// The tensor, array or column it is about.
    pub fn tensor(mut self, name: impl Into<String>) -> Self {
        self.tensor = Some(name.into());
        self
    }
    /// The shape that was found.
    pub fn shape(mut self, shape: &[usize]) -> Self {
        self.shape = Some(shape.to_vec());
        self
    }
    /// The element type that was found.
    pub fn dtype(mut self, dtype: impl fmt::Display) -> Self {
        self.dtype = Some(dtype.to_string());
        self
    }
    /// What would have been right.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(clip(&expected.into(), LONGEST));
        self
    }
    /// What the reader can do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(clip(&hint.into(), LONGEST));
        self
    }
    /// Lines that show the place: what was typed, and a caret under it. They are no part of the paragraph.
    pub fn excerpt(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.excerpt.extend(lines);
        self
    }
    /// The problem as an error about a file.
    pub fn input(self) -> Error {
        Error::Input(Box::new(self))
    }
    /// The problem as an error about an argument.
    pub fn usage(self) -> Error {
        Error::Usage(Box::new(self))
    }
    /// The problem as an error about a file that is `what` ("a torch archive"), which this build does not read.
    pub fn not_read(path: impl AsRef<Path>, what: &str, hint: impl Into<String>) -> Error {
        Error::NotRead(Box::new(Self::new(format!("reading {what} is not in this build")).path(path).hint(hint)))
    }
}

/// The longest name of a tensor or an element type that a message repeats, in characters.
pub const MAX_NAME: usize = 80;

/// The longest sentence of a message, in characters: names from files may stand in it.
const MAX_SENTENCE: usize = 600;

/// The most dimensions of a shape that a message lists.
const MAX_DIMENSIONS: usize = 8;

/// A shape for people: `[4, 3]`, and `[1, 1, 1, 1, 1, 1, 1, 1, …]` where there are more dimensions than anyone reads.
pub fn shape_text(shape: &[usize]) -> String {
    let mut sizes: Vec<String> = shape.iter().take(MAX_DIMENSIONS).map(ToString::to_string).collect();
    if shape.len() > MAX_DIMENSIONS {
        sizes.push("…".into());
    }
    format!("[{}]", sizes.join(", "))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::new();
        if let Some(path) = &self.path {
            line.push_str(&path.display().to_string());
            line.push_str(": ");
        }
        line.push_str(&clip(&self.what, MAX_SENTENCE));
        let mut place = Vec::new();
        if let Some(tensor) = &self.tensor {
            place.push(format!("tensor {}", clip(tensor, MAX_NAME)));
        }
        if let Some(shape) = &self.shape {
            place.push(format!("shape {}", shape_text(shape)));
        }
        if let Some(dtype) = &self.dtype {
            place.push(format!("dtype {}", clip(dtype, MAX_NAME)));
        }
        if !place.is_empty() {
            line.push_str(&format!(" ({})", place.join(", ")));
        }
        if let Some(expected) = &self.expected {
            line.push_str(&format!("; expected {}", clip(expected, MAX_SENTENCE)));
        }
        if let Some(hint) = &self.hint {
            line.push_str(&format!("; try {}", clip(hint, MAX_SENTENCE)));
        }
        f.write_str(&printable(&line))
    }
}

impl Error {
    /// An input/output error on `path`, with what to try where that can be told.
    pub fn io(path: impl AsRef<Path>, error: &io::Error) -> Self {
        let advice = match error.kind() {
            io::ErrorKind::NotFound => {
                "; expected a path that exists; try checking its spelling, and from which folder it counts"
            }
            io::ErrorKind::PermissionDenied => {
                "; expected a path that you may use; try `ls -ld` on it and on its folders, and chmod or another place"
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; try a place with more room",
            io::ErrorKind::ReadOnlyFilesystem => "; try a place that can be written to",
            _ => "",
        };
        Self::Io { path: path.as_ref().to_path_buf(), message: format!("{error}{advice}") }
    }
    /// The same error, about the file at `path` if it names none yet.
    pub fn at(self, path: &Path) -> Self {
        let name = |mut problem: Box<Problem>| {
            problem.path.get_or_insert_with(|| path.to_path_buf());
            problem
        };
        match self {
            Self::Input(problem) => Self::Input(name(problem)),
            Self::Usage(problem) => Self::Usage(name(problem)),
            other => other,
        }
    }
    /// The same error; if it is about an input and names no file, about this one.
    pub fn in_file(self, path: impl AsRef<Path>) -> Self {
        match self {
            Self::Input(problem) if problem.path.is_none() => problem.path(path).input(),
            other => other,
        }
    }
    /// Lines that show the place of the error, for a terminal; mostly none.
    pub fn excerpt(&self) -> &[String] {
        match self {
            Self::Input(problem) | Self::Usage(problem) | Self::NotRead(problem) => &problem.excerpt,
            _ => &[],
        }
    }
    /// The process exit code that stands for this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Nothing(_) => 1,
            Self::Cancelled => 130,
            Self::Input(_) | Self::Usage(_) | Self::Io { .. } | Self::NotInBuild(_) | Self::NotRead(_) => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_one_paragraph() {
        let error = Problem::new("the decoder has the wrong width")
            .path("run/sae.safetensors")
            .tensor("W_dec")
            .shape(&[4, 3])
            .dtype("f32")
            .expected("[features, 4]")
            .hint("--transpose")
            .input();
        assert_eq!(
            error.to_string(),
            "run/sae.safetensors: the decoder has the wrong width (tensor W_dec, shape [4, 3], dtype f32); expected [features, 4]; try --transpose"
        );
        assert_eq!(error.exit_code(), 2);
        assert!(error.in_file("other").to_string().starts_with("run/sae.safetensors: "));
    }

    #[test]
    fn an_error_of_a_kernel_learns_of_which_file_it_is() {
        let error = Problem::new("row 3 is wrong").input().in_file("a.npy");
        assert_eq!(error.to_string(), "a.npy: row 3 is wrong");
        assert_eq!(Problem::new("no such flag").usage().in_file("a.npy").to_string(), "no such flag");
    }

    #[test]
    fn control_characters_of_a_path_do_not_pass() {
        let error = Problem::new("no such file").path("a\u{1b}[2J\nb").input();
        assert!(!error.to_string().chars().any(char::is_control));
    }

    #[test]
    fn hostile_names_do_not_make_a_message_long() {
        let long = "x".repeat(200_000);
        let error = Problem::new(format!("tensor {long} is there twice"))
            .tensor(&long)
            .dtype(&long)
            .shape(&vec![0; 100_000])
            .expected(&long)
            .hint(&long)
            .input()
            .to_string();
        assert!(error.len() < 2500, "{}", error.len());
        assert!(error.contains("shape [0, 0, 0, 0, 0, 0, 0, 0, …]"), "{error}");
    }

    #[test]
    fn a_refusal_of_the_system_says_what_to_try() {
        for (kind, words) in [
            (io::ErrorKind::NotFound, "try checking its spelling"),
            (io::ErrorKind::PermissionDenied, "expected a path that you may use; try"),
            (io::ErrorKind::StorageFull, "try a place with more room"),
            (io::ErrorKind::ReadOnlyFilesystem, "try a place that can be written to"),
        ] {
            let error = Error::io("there", &io::Error::from(kind)).to_string();
            assert!(error.starts_with("there: ") && error.contains(words), "{error}");
        }
    }

    #[test]
    fn an_error_is_given_a_path_only_where_it_has_none() {
        let bare = Problem::new("bad").input().at(Path::new("a"));
        assert_eq!(bare.at(Path::new("b")).to_string(), "a: bad");
    }
}
