//! What this room writes besides dictionaries: files that appear whole or not at all, and npz archives of stored
//! arrays, which open without inflating and whose bytes depend on the arrays alone.

use crate::error::{Error, Problem, Result};
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::Path;

/// Writes a file through a neighbour that is renamed at the end, so that it appears whole or not at all.
///
/// # Errors
/// If the folder does not exist or the file cannot be written.
pub(super) fn write_whole(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<()> {
    let name = path.file_name().ok_or_else(|| Problem::new("not the name of a file").path(path).usage())?;
    let partial = path.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
    let attempt = || {
        let mut file = BufWriter::new(File::create(&partial)?);
        content(&mut file)?;
        file.flush()?;
        drop(file);
        std::fs::rename(&partial, path)
    };
    attempt().map_err(|error| {
        let _ = std::fs::remove_file(&partial);
        Error::io(path, &error)
    })
}

/// Writes npz archives of stored arrays, whose bytes depend on the arrays alone.
pub(super) struct NpzWriter<W: Write + Seek> {
    zip: zip::ZipWriter<W>,
}

impl<W: Write + Seek> NpzWriter<W> {
    pub(super) fn new(out: W) -> Self {
        Self { zip: zip::ZipWriter::new(out) }
    }
    /// Adds one array; `shape` is a Python tuple and must agree with the number of elements.
    pub(super) fn array<const N: usize>(
        &mut self,
        name: &str,
        descr: &str,
        shape: &str,
        elements: impl Iterator<Item = [u8; N]>,
    ) -> std::io::Result<()> {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default())
            .with_alignment(64)
            .large_file(elements.size_hint().0 >= (1 << 31) / N);
        self.zip.start_file(format!("{name}.npy"), options).map_err(std::io::Error::other)?;
        self.zip.write_all(&npy_header(descr, shape))?;
        let mut buffer = Vec::with_capacity(1 << 16);
        for element in elements {
            buffer.extend_from_slice(&element);
            if buffer.len() + N > 1 << 16 {
                self.zip.write_all(&buffer)?;
                buffer.clear();
            }
        }
        self.zip.write_all(&buffer)
    }
    pub(super) fn finish(self) -> std::io::Result<()> {
        self.zip.finish().map_err(std::io::Error::other)?.flush()
    }
}

/// The header of an npy file in C order, padded so that the elements begin at a multiple of 64 bytes.
pub(super) fn npy_header(descr: &str, shape: &str) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    header.push_str(&" ".repeat(63 - (10 + header.len()) % 64));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes
}
