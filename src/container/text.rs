//! Lines and tables of text: jsonl and csv, plain or gzipped, recognised by their first bytes, never by their name.
//! The rows of a file of columns are lines too, of JSON, so that a table of texts may be Arrow or Parquet.
//!
//! A gzip file may have several members one after another, as `cat a.gz b.gz` makes; all are read. Lines are given one
//! by one, so memory is one line; a line, and the whole of an inflated file, may not grow beyond [`Limits`].

use super::columns::RowLines;
use super::sniff::{FileKind, sniff};
use super::{ArrayFile, Bytes};
use crate::error::{Error, Problem, Result};
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

/// What hostile text may cost at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one line (64 MiB).
    pub line: u64,
    /// Bytes of the text once inflated (1 GiB, or 200 times the file if that is more).
    pub total: u64,
}

impl Limits {
    /// The limits for a file of `length` bytes.
    pub fn for_file(length: usize) -> Self {
        Self { line: 64 << 20, total: (1 << 30).max(200 * length as u64) }
    }
}

/// Empty lines, one after another, that a text may have: a gigabyte of them is a kilobyte of gzip.
const MAX_BLANK: usize = 1 << 20;

/// Bytes of one record of a table: however many fields it has, they cost little memory.
const MAX_RECORD: u64 = 4 << 20;

/// Whether bytes begin a gzip file.
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// The lines of a text, numbered from 1, without their line ends; empty lines are given too.
pub struct Lines {
    source: Box<dyn BufRead + Send>,
    path: PathBuf,
    limits: Limits,
    line: usize,
    read: u64,
    /// How many of the last lines were empty.
    blank: usize,
    done: bool,
    /// Why there are no lines.
    refused: Option<Error>,
}

impl Lines {
    /// The lines in `bytes`, inflated on the way if they are gzip; `path` is for messages.
    pub fn from_bytes(bytes: Bytes, path: &Path) -> Self {
        let limits = Limits::for_file(bytes.len());
        Self::with_limits(bytes, path, limits)
    }
    /// As [`Lines::from_bytes`], with other limits.
    pub fn with_limits(bytes: Bytes, path: &Path, limits: Limits) -> Self {
        let mut refused = None;
        let source: Box<dyn BufRead + Send> = match sniff(&bytes) {
            FileKind::Arrow | FileKind::Parquet => match ArrayFile::from_bytes(bytes, path) {
                Ok(ArrayFile::Columns(file)) => Box::new(BufReader::new(RowLines::new(file))),
                other => {
                    refused = other.err();
                    Box::new(io::empty())
                }
            },
            _ if is_gzip(&bytes) => Box::new(BufReader::new(MultiGzDecoder::new(Cursor::new(bytes)))),
            _ => Box::new(Cursor::new(bytes)),
        };
        Self { source, path: path.to_path_buf(), limits, line: 0, read: 0, blank: 0, done: false, refused }
    }
    fn next_line(&mut self) -> Result<Option<String>> {
        let line = self.line + 1;
        let problem = |what: String| Problem::new(what).path(&self.path);
        let mut bytes = Vec::new();
        let allowed = self.limits.line.min(self.limits.total - self.read);
        // Two more than allowed: the line end, and one byte by which a longer line shows.
        let n = (&mut self.source)
            .take(allowed + 2)
            .read_until(b'\n', &mut bytes)
            .map_err(|e| problem(format!("line {line} cannot be read: {e}")).hint("copying the file again").input())?;
        if n == 0 {
            return Ok(None);
        }
        let ended = bytes.pop_if(|b| *b == b'\n').is_some();
        if bytes.len() as u64 > allowed || (!ended && n as u64 == allowed + 2) {
            let (what, limit) = if allowed < self.limits.line {
                ("the text inflates without end".to_string(), self.limits.total)
            } else {
                (format!("line {line} is too long"), self.limits.line)
            };
            return Err(problem(what).expected(format!("at most {limit} bytes")).input());
        }
        self.read = (self.read + n as u64).min(self.limits.total);
        bytes.pop_if(|b| *b == b'\r');
        if line == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        self.line = line;
        self.blank = if bytes.trim_ascii().is_empty() { self.blank + 1 } else { 0 };
        if self.blank > MAX_BLANK {
            return Err(problem(format!("more than {MAX_BLANK} empty lines up to line {line}"))
                .expected("text")
                .input());
        }
        let text = String::from_utf8(bytes);
        text.map(Some).map_err(|_| problem(format!("line {line} is no valid UTF-8")).expected("text").input())
    }
}

impl Iterator for Lines {
    type Item = Result<(usize, String)>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.refused.take().map_or_else(|| self.next_line(), Err);
        // After the end, or a damaged place, there is nothing that could be trusted.
        self.done = !matches!(next, Ok(Some(_)));
        next.map(|text| Some((self.line, text?))).transpose()
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lines({}, line {})", self.path.display(), self.line)
    }
}

/// A table of text: csv or tsv, plain or gzipped.
pub struct Table {
    reader: csv::Reader<Capped>,
    path: PathBuf,
    /// Lines before the first record that are none.
    before: usize,
}

impl Table {
    /// The table in `bytes`; `path` is for messages. Fields are parted by tabs if the first line has one, else by
    /// commas. The line of provenance that this program writes before its own tables is passed over.
    ///
    /// # Errors
    /// If the first line cannot be read.
    pub fn from_bytes(bytes: Bytes, path: &Path) -> Result<Self> {
        let limits = Limits::for_file(bytes.len());
        let mut lines = Lines::from_bytes(bytes.clone(), path);
        let mut filled = || lines.find(|line| !matches!(line, Ok((_, text)) if text.is_empty())).transpose();
        let mut first = filled()?;
        let own = first.as_ref().is_some_and(|(line, text)| *line == 1 && text.starts_with(PROVENANCE));
        if own {
            first = filled()?;
        }
        let delimiter = if first.is_some_and(|(_, text)| text.contains('\t')) { b'\t' } else { b',' };
        let mut source: Box<dyn BufRead + Send> = if is_gzip(&bytes) {
            Box::new(BufReader::new(MultiGzDecoder::new(Cursor::new(bytes))))
        } else {
            Box::new(Cursor::new(bytes))
        };
        if own {
            source.skip_until(b'\n').map_err(|error| Error::io(path, &error))?;
        }
        let source = Capped { source, left: limits.total, record: MAX_RECORD, is_quoted: false };
        let reader =
            csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(source);
        Ok(Self { reader, path: path.to_path_buf(), before: usize::from(own) })
    }
    /// Whether a quotation mark had no other to close it in what has been read: a field may then hold what were
    /// several records.
    pub fn is_unclosed(&self) -> bool {
        self.reader.get_ref().is_quoted
    }
}

/// How the line begins that this program writes before its own tables.
const PROVENANCE: &str = "# {";

/// The name of a column, as headers are compared: without surrounding spaces, in lower case.
pub fn column_name(cell: &str) -> String {
    cell.trim().to_ascii_lowercase()
}

impl Iterator for Table {
    type Item = Result<(usize, Vec<String>)>;
    /// The next record, with the line (from 1) on which it begins; a header, if there is one, comes as the first.
    fn next(&mut self) -> Option<Self::Item> {
        let mut record = csv::StringRecord::new();
        self.reader.get_mut().record = MAX_RECORD;
        match self.reader.read_record(&mut record) {
            Ok(false) => None,
            Ok(true) => {
                let line = record.position().map_or(0, csv::Position::line) as usize + self.before;
                Some(Ok((line, record.iter().map(str::to_string).collect())))
            }
            Err(error) => {
                let what = format!("the table cannot be read: {error}");
                Some(Err(Problem::new(what).path(&self.path).expected("csv").input()))
            }
        }
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({})", self.path.display())
    }
}

/// A reader that fails, rather than ends, where too much has come.
struct Capped {
    source: Box<dyn BufRead + Send>,
    /// Whether the last quotation mark that came opens something.
    is_quoted: bool,
    /// Bytes that may still come.
    left: u64,
    /// Bytes that may still come before the current record ends.
    record: u64,
}

impl Read for Capped {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(out)? as u64;
        let less = |left: u64, what: &'static str| left.checked_sub(n).ok_or_else(|| io::Error::other(what));
        self.left = less(self.left, "the text inflates without end")?;
        self.record = less(self.record, "a record of more than 4 MiB")?;
        self.is_quoted = out[..n as usize].iter().fold(self.is_quoted, |quoted, &byte| quoted ^ (byte == b'"'));
        Ok(n as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(text).unwrap();
        out.finish().unwrap()
    }
    fn lines(bytes: Vec<u8>) -> Result<Vec<(usize, String)>> {
        Lines::from_bytes(bytes.into(), Path::new("f")).collect()
    }
    fn numbered(lines: &[&str]) -> Vec<(usize, String)> {
        lines.iter().enumerate().map(|(i, line)| (i + 1, (*line).to_string())).collect()
    }

    #[test]
    fn plain_and_gzipped_text_give_the_same_lines() {
        let text = "\u{feff}one\r\n\ntwo\nthree";
        let expected = numbered(&["one", "", "two", "three"]);
        assert_eq!(lines(text.into()).unwrap(), expected);
        assert_eq!(lines(gzip(text.as_bytes())).unwrap(), expected);
        assert_eq!(lines(Vec::new()).unwrap(), []);
        assert_eq!(lines(b"\n".to_vec()).unwrap(), numbered(&[""]));
    }

    #[test]
    fn all_members_of_a_gzip_file_are_read() {
        let mut bytes = gzip(b"one\ntw");
        bytes.extend(gzip(b"o\n"));
        assert_eq!(lines(bytes).unwrap(), numbered(&["one", "two"]));
    }

    #[test]
    fn a_damaged_text_ends_with_one_error() {
        let bytes = gzip(&b"hello\n".repeat(5000));
        let read: Vec<_> = Lines::from_bytes(bytes[..bytes.len() - 9].to_vec().into(), Path::new("f")).collect();
        assert!(read.last().unwrap().as_ref().unwrap_err().to_string().contains("cannot be read"));
        assert_eq!(read.iter().filter(|line| line.is_err()).count(), 1);
        assert!(lines(b"ok\n\xff\xfe\n".to_vec()).unwrap_err().to_string().contains("line 2 is no valid UTF-8"));
    }

    #[test]
    fn limits_hold_to_the_byte() {
        let with = |text: &[u8], line, total| {
            let bytes = Bytes::from(gzip(text));
            Lines::with_limits(bytes, Path::new("f"), Limits { line, total }).collect::<Result<Vec<_>>>()
        };
        assert_eq!(with(b"abcd\nefgh\n", 4, 100).unwrap().len(), 2);
        assert!(with(b"abcde\n", 4, 100).unwrap_err().to_string().contains("line 1 is too long"));
        assert!(with(b"abcde", 4, 100).unwrap_err().to_string().contains("line 1 is too long"));
        assert!(with(b"abcd\nefgh\nijkl\n", 4, 7).unwrap_err().to_string().contains("without end"));
        assert!(with(&b"a".repeat(1_000_000), 1000, 100).unwrap_err().to_string().contains("without end"));
    }

    #[test]
    fn tables_are_parted_by_commas_or_tabs() {
        let read = |bytes: Vec<u8>| {
            Table::from_bytes(bytes.into(), Path::new("f")).unwrap().collect::<Result<Vec<_>>>().unwrap()
        };
        let expected = vec![(1, vec!["a".to_string(), "b".into()]), (2, vec!["1,5\nx".into(), "2".into()])];
        assert_eq!(read(b"a,b\n\"1,5\nx\",2\n".to_vec()), expected);
        assert_eq!(read(gzip(b"a,b\n\"1,5\nx\",2\n")), expected);
        assert_eq!(read(b"a\tb\n".to_vec()), [(1, vec!["a".to_string(), "b".into()])]);
        // A tab parts fields even where the words have commas.
        let row = |line, words: [&str; 2]| (line, words.map(String::from).to_vec());
        assert_eq!(read(b"1\tone, two\n2\tthree\n".to_vec()), [row(1, ["1", "one, two"]), row(2, ["2", "three"])]);
    }

    #[test]
    fn a_record_without_end_is_refused() {
        let bytes = gzip(&[&b"a,b\n"[..], &b",".repeat(5 << 20)].concat());
        let read: Vec<_> = Table::from_bytes(bytes.into(), Path::new("f")).unwrap().take(2).collect();
        assert!(read[0].is_ok());
        assert!(read[1].as_ref().unwrap_err().to_string().contains("more than 4 MiB"), "{:?}", read[1]);
    }
}
