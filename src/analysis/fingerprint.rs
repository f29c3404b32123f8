//! Identifies an input without reading all of it.
//!
//! A file counts as the same if its size, its modification time and a sample of its bytes are: the first 64 KiB
//! (where headers lie), the last 4 KiB, and 64 blocks of 4 KiB spread evenly. A 10 GB dictionary costs 324 KiB of
//! reading. Compiled-in data is identified by all of it, which is small.

use crate::error::{Error, Result};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;
use xxhash_rust::xxh3::Xxh3;

const HEAD: u64 = 64 << 10;
const BLOCK: u64 = 4 << 10;
const BLOCKS: u64 = 64;

/// A further input of a result, as provenance has it: its path as it was named, and its fingerprint. Built-in data have no
/// file, and the program's version identifies them.
pub fn source(path: &Path) -> Value {
    let fingerprint = Fingerprint::new().path(path).ok().map(|print| print.finish());
    json!({ "path": path.display().to_string(), "fingerprint": fingerprint })
}

/// Collects what identifies an input.
pub struct Fingerprint(Xxh3);

impl Default for Fingerprint {
    fn default() -> Self {
        Self::new()
    }
}

impl Fingerprint {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(Xxh3::new())
    }
    /// Adds words such as a parameter; length-delimited, so that neighbours do not run together.
    pub fn text(mut self, text: &str) -> Self {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
        self
    }
    /// Adds bytes in memory.
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }
    /// Adds what lies at `path`: a file, or the files of a folder (not those of folders in it) with their names.
    ///
    /// # Errors
    /// If something cannot be read.
    pub fn path(self, path: &Path) -> Result<Self> {
        if !path.is_dir() {
            return self.file(path);
        }
        let fail = |e: std::io::Error| Error::io(path, &e);
        let entries = std::fs::read_dir(path).map_err(fail)?.collect::<std::io::Result<Vec<_>>>().map_err(fail)?;
        let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
        files.sort();
        files.iter().try_fold(self, |print, file| {
            print.bytes(file.file_name().unwrap_or_default().as_encoded_bytes()).file(file)
        })
    }
    /// Adds a file by size, modification time and sampled bytes.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn file(mut self, path: &Path) -> Result<Self> {
        let fail = |e: std::io::Error| Error::io(path, &e);
        let mut file = File::open(path).map_err(fail)?;
        let meta = file.metadata().map_err(fail)?;
        let size = meta.len();
        let modified = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        self.0.update(&size.to_le_bytes());
        self.0.update(&modified.as_nanos().to_le_bytes());
        let mut block = Vec::with_capacity(HEAD as usize);
        let mut sample = |from: u64, length: u64| -> Result<()> {
            block.clear();
            file.seek(SeekFrom::Start(from)).map_err(fail)?;
            Read::by_ref(&mut file).take(length).read_to_end(&mut block).map_err(fail)?;
            self.0.update(&block);
            Ok(())
        };
        sample(0, HEAD)?;
        if size > HEAD {
            let span = size - HEAD;
            for i in 0..BLOCKS {
                sample(HEAD + (span as u128 * i as u128 / BLOCKS as u128) as u64, BLOCK)?;
            }
            sample(size.saturating_sub(BLOCK), BLOCK)?;
        }
        Ok(self)
    }
    /// The fingerprint as 32 hexadecimal digits.
    pub fn finish(&self) -> String {
        format!("{:032x}", self.0.digest128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_gives_the_same_print_and_a_changed_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        let mut bytes: Vec<u8> = (0..400_000u32).map(|i| (i % 251) as u8).collect();
        let print = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let file = File::open(&path).unwrap();
            file.set_modified(UNIX_EPOCH).unwrap();
            Fingerprint::new().file(&path).unwrap().finish()
        };
        let first = print(&bytes);
        assert_eq!(first, print(&bytes));
        *bytes.last_mut().unwrap() ^= 1;
        assert_ne!(first, print(&bytes));
        *bytes.last_mut().unwrap() ^= 1;
        bytes[10] ^= 1;
        assert_ne!(first, print(&bytes));
        bytes[10] ^= 1;
        bytes.push(0);
        assert_ne!(first, print(&bytes));
    }

    #[test]
    fn a_folder_is_the_same_as_long_as_its_files_are() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            let file = File::options().append(true).open(folder.path().join(name)).unwrap();
            file.set_modified(UNIX_EPOCH).unwrap();
        };
        let print = || Fingerprint::new().path(folder.path()).unwrap().finish();
        write("b", "1");
        write("a", "2");
        let first = print();
        std::fs::remove_file(folder.path().join("b")).unwrap();
        assert_ne!(first, print());
        write("b", "1");
        assert_eq!(first, print());
        std::fs::rename(folder.path().join("b"), folder.path().join("c")).unwrap();
        assert_ne!(first, print());
    }

    #[test]
    fn words_do_not_run_together() {
        let print = |a: &str, b: &str| Fingerprint::new().text(a).text(b).finish();
        assert_ne!(print("ab", "c"), print("a", "bc"));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Fingerprint::new().file(Path::new("no/such/file")).err().unwrap();
        assert!(error.to_string().contains("no/such/file"));
    }
}
