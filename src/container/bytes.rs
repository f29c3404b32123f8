//! Bytes with a shared owner: a mapped file, a compiled-in array, or a buffer. Cloning and slicing copy nothing.

use crate::error::{Error, Problem, Result};
use std::fs::File;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

/// A range of shared, read-only bytes.
#[derive(Clone)]
pub struct Bytes {
    owner: Owner,
    range: Range<usize>,
}

#[derive(Clone)]
enum Owner {
    Static(&'static [u8]),
    Heap(Arc<Vec<u8>>),
    Map(Arc<memmap2::Mmap>),
}

impl Bytes {
    /// Maps the file at `path`, read-only; an empty file gives empty bytes.
    ///
    /// # Errors
    /// If the path leads to no regular file, or the file cannot be opened or mapped.
    pub fn map(path: &Path) -> Result<Self> {
        // Asked before opening: opening a pipe would wait for its writer.
        let metadata = std::fs::metadata(path).map_err(|e| Error::io(path, &e))?;
        if !metadata.is_file() {
            let what = if metadata.is_dir() { "a folder, where a file was expected" } else { "not a regular file" };
            let hint = if metadata.is_dir() { "a file in it" } else { "saving what comes from it as a file" };
            return Err(Problem::new(what).path(path).expected("a file that can be mapped").hint(hint).input());
        }
        let file = File::open(path).map_err(|e| Error::io(path, &e))?;
        let length = file.metadata().map_err(|e| Error::io(path, &e))?.len();
        if length == 0 {
            return Ok(Self::from_static(&[]));
        }
        // SAFETY: a mapping of a file that another process truncates faults on access. That is the accepted price of
        // not copying dictionaries of many gigabytes; the bytes are only ever read as plain numbers or parsed text.
        #[allow(unsafe_code)]
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|e| Error::io(path, &e))?;
        let range = 0..map.len();
        Ok(Self { owner: Owner::Map(Arc::new(map)), range })
    }
    /// Bytes compiled into the program.
    pub fn from_static(bytes: &'static [u8]) -> Self {
        Self { owner: Owner::Static(bytes), range: 0..bytes.len() }
    }
    /// The bytes `range` of these, sharing their owner; none if out of bounds.
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        if range.start > range.end || range.end > self.len() {
            return None;
        }
        let start = self.range.start + range.start;
        Some(Self { owner: self.owner.clone(), range: start..start + range.len() })
    }
    /// Whether the bytes lie in a mapped file or in the program itself, so that holding them costs no heap.
    pub fn is_mapped(&self) -> bool {
        !matches!(self.owner, Owner::Heap(_))
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        let range = 0..bytes.len();
        Self { owner: Owner::Heap(Arc::new(bytes)), range }
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        let all: &[u8] = match &self.owner {
            Owner::Static(bytes) => bytes,
            Owner::Heap(bytes) => bytes,
            Owner::Map(map) => map,
        };
        &all[self.range.clone()]
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bytes({})", self.len())
    }
}
