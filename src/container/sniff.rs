//! What a file is, by its first bytes: names and suffixes lie.

use super::text::is_gzip;
use super::{arrow, npy, safetensors, torch};
use crate::error::{Error, Problem};
use std::path::Path;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FileKind {
    Empty,
    Safetensors,
    Npy,
    /// A zip archive, as npz files are.
    Zip,
    Torch,
    Pickle,
    Arrow,
    Parquet,
    Hdf5,
    Gguf,
    /// What git-lfs leaves where it has not fetched a file.
    LfsPointer,
    Gzip,
    /// Text that begins as a JSON object or array, or as lines of them.
    Json,
    Text,
    Other,
}

/// Kinds by their first bytes.
const MAGIC: &[(&[u8], FileKind)] = &[
    (npy::MAGIC, FileKind::Npy),
    (arrow::MAGIC, FileKind::Arrow),
    (b"PAR1", FileKind::Parquet),
    (b"\x89HDF", FileKind::Hdf5),
    (b"GGUF", FileKind::Gguf),
    (b"version https://git-lfs", FileKind::LfsPointer),
];

/// How many bytes are looked at to tell text from other things, and one zip archive from another.
const LOOK: usize = 4096;

/// The kind of a file that begins with `bytes`; the whole file may be given, and only its beginning is looked at.
pub fn sniff(bytes: &[u8]) -> FileKind {
    let start = &bytes[..bytes.len().min(LOOK)];
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| start.starts_with(magic)) {
        return *kind;
    }
    match start {
        [] => FileKind::Empty,
        // A length below 2^32 before JSON; its own bytes may be those by which pickles and zip archives are known.
        _ if start.get(4..9) == Some(b"\0\0\0\0{") => FileKind::Safetensors,
        _ if start.starts_with(b"PK") && start.windows(8).any(|w| w == b"data.pkl") => FileKind::Torch,
        _ if start.starts_with(b"PK") => FileKind::Zip,
        _ if torch::is_pickle(start) || torch::is_gzipped_pickle(bytes) => FileKind::Pickle,
        _ if torch::after_header(bytes).is_some() => FileKind::Torch,
        _ if is_gzip(start) => FileKind::Gzip,
        _ if arrow::is_stream(start) => FileKind::Arrow,
        // A ninth byte of `{` is nothing unusual in text.
        _ if is_text(start) => {
            let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
            if text.starts_with(b"{") || text.starts_with(b"[") { FileKind::Json } else { FileKind::Text }
        }
        _ if safetensors::is_safetensors(start) => FileKind::Safetensors,
        _ => FileKind::Other,
    }
}

/// Whether bytes are UTF-8 (a character may be cut at their end) without the control characters that text has not.
fn is_text(bytes: &[u8]) -> bool {
    let valid = std::str::from_utf8(bytes).map_or_else(|e| e.error_len().is_none(), |_| true);
    valid && !bytes.iter().any(|b| b.is_ascii_control() && !b.is_ascii_whitespace())
}

impl FileKind {
    /// What it is, with its article: `a torch archive`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "an empty file",
            Self::Safetensors => "a safetensors file",
            Self::Npy => "an npy array",
            Self::Zip => "a zip archive",
            Self::Torch => "a torch archive",
            Self::Pickle => "a pickle, as old torch files are",
            Self::Arrow => "an Arrow file",
            Self::Parquet => "a Parquet file",
            Self::Hdf5 => "an HDF5 file",
            Self::Gguf => "a GGUF model",
            Self::LfsPointer => "a git-lfs pointer without the file it stands for",
            Self::Gzip => "gzipped text",
            Self::Json => "JSON",
            Self::Text => "text",
            Self::Other => "a file of another kind",
        }
    }
    /// What to try where arrays of numbers were wanted.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Parquet => "building with `cargo build --release --features parquet`, or saving it as Arrow or jsonl",
            Self::Hdf5 | Self::Gguf => "saving its arrays as safetensors and opening that",
            Self::LfsPointer => "`git lfs pull` in its repository",
            Self::Empty => "copying it again",
            _ => "a file of one of these",
        }
    }
    /// Whether it holds arrays, but in a form that this build does not read.
    pub fn is_unread(self) -> bool {
        matches!(self, Self::Hdf5 | Self::Gguf) || self == Self::Parquet && !cfg!(feature = "parquet")
    }
    /// The error that the file at `path` is of this kind, where arrays of numbers were wanted.
    pub fn no_arrays(self, path: &Path) -> Error {
        if self.is_unread() {
            return Problem::not_read(path, self.name(), self.hint());
        }
        let what = format!("{}, not arrays of numbers", self.name());
        Problem::new(what).path(path).expected("safetensors, npz, npy, a torch file or Arrow").hint(self.hint()).input()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_by_its_first_bytes() {
        let cases: &[(&[u8], FileKind)] = &[
            (b"", FileKind::Empty),
            (b"\x40\0\0\0\0\0\0\0{\"a\"", FileKind::Safetensors),
            // A header of 123 bytes: the length's first byte is a brace.
            (b"{\0\0\0\0\0\0\0{\"a\"", FileKind::Safetensors),
            // Of 640 and of 19,280 bytes.
            (b"\x80\x02\0\0\0\0\0\0{\"a\"", FileKind::Safetensors),
            (b"PK\0\0\0\0\0\0{\"a\"", FileKind::Safetensors),
            // Of more than such a file may have: it is told so when it is opened.
            (b"\x40\0\0\0\xff\0\0\0{\"a\"", FileKind::Safetensors),
            (b"{\"abcd\":{\"b\": 1}}", FileKind::Json),
            (b"\xef\xbb\xbf \n[1]", FileKind::Json),
            (b"\x93NUMPY\x01\x00", FileKind::Npy),
            (b"PK\x03\x04\0\0a.npy", FileKind::Zip),
            (b"PK\x03\x04\0\0archive/data.pkl", FileKind::Torch),
            (b"{\"schema\": 1}\nPK\x03\x04\0\0data.pkl", FileKind::Torch),
            (b"\x80\x02\x8a", FileKind::Pickle),
            (b"\x1f\x8b\x08", FileKind::Gzip),
            (b"ARROW1\0\0", FileKind::Arrow),
            (b"\xff\xff\xff\xff\x80\0\0\0\x10\0\0\0", FileKind::Arrow),
            (b"\xff\xff\xff\xff\0\0\0\0\0\0\0\0", FileKind::Other),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\x10\0\0\0", FileKind::Other),
            (b"version https://git-lfs.github.com/spec/v1\n", FileKind::LfsPointer),
            (b"index,label\n1,Gr\xc3\xbc", FileKind::Text),
            (b"index,label\n1,Gr\xc3", FileKind::Text),
            (b"\x7fELF", FileKind::Other),
            (b"text with \xff in it", FileKind::Other),
        ];
        for (bytes, kind) in cases {
            assert_eq!(sniff(bytes), *kind, "{bytes:?}");
        }
    }

    #[test]
    fn an_error_says_what_it_is_and_what_to_try() {
        let path = Path::new("x");
        let hdf5 = FileKind::Hdf5.no_arrays(path);
        assert!(matches!(hdf5, Error::NotRead(_)));
        assert_eq!(
            hdf5.to_string(),
            "x: reading an HDF5 file is not in this build; try saving its arrays as safetensors and opening that"
        );
        if FileKind::Parquet.is_unread() {
            let parquet = FileKind::Parquet.no_arrays(path).to_string();
            assert!(parquet.contains("not in this build; try building with") && parquet.contains("--features parquet"));
        }
        let text = FileKind::Text.no_arrays(path).to_string();
        assert_eq!(
            text,
            "x: text, not arrays of numbers; expected safetensors, npz, npy, a torch file or Arrow; \
             try a file of one of these"
        );
    }
}
