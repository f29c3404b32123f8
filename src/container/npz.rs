//! NumPy's `.npz`: a zip archive of `.npy` arrays, mapped where they are stored and inflated where they are deflated.
//!
//! `numpy.savez` stores its members, so they are read in place; `numpy.savez_compressed` and `scipy.sparse.save_npz`
//! deflate them. The bounds are those of [`zipped`](super::zipped).

use super::npy::Element;
use super::zipped::{Archive, Wanted};
use super::{Bytes, Tensor, npy};
use crate::error::{Problem, Result};
use crate::task::Task;
use std::path::Path;

const NPZ: Wanted =
    Wanted { what: "an npz archive as numpy writes it", hint: "numpy.savez", name: |file| file.strip_suffix(".npy") };

/// An archive of arrays, opened; arrays are read by name: the file name without `.npy`.
#[derive(Debug, Clone)]
pub struct Npz(Archive);

impl Npz {
    /// Reads the directory of the archive in `bytes`; `path` is for messages.
    ///
    /// # Errors
    /// If it is no zip archive, or has a member that is encrypted, outside the file or packed otherwise than by deflate.
    pub fn from_bytes(bytes: Bytes, path: &Path) -> Result<Self> {
        Archive::from_bytes(bytes, path, &NPZ).map(Self)
    }
    /// The same archive, whose arrays are inflated only as long as `task` is not cancelled.
    pub fn under(self, task: &Task) -> Self {
        Self(self.0.under(task))
    }
    /// The file.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
    /// Names of the arrays, in the archive's order, without `.npy`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.names()
    }
    /// Whether there is an array of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }
    /// Element type and shape of an array, without inflating its elements.
    ///
    /// # Errors
    /// If there is no such array or its header cannot be read.
    pub fn header(&self, name: &str) -> Result<npy::Header> {
        // NumPy pads its header to a multiple of 64 bytes; this holds the longest that `npy::header` accepts.
        npy::header(&self.0.start(name, (1 << 20) + 64)?, name, self.path())
    }
    /// The array of that name: mapped if it is stored, inflated if it is deflated.
    ///
    /// # Errors
    /// If there is no such array, or it is damaged or no array of numbers, or it inflates beyond the bound.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        npy::from_bytes(&self.0.bytes(name)?, name, self.path())
    }
    /// Gives the rows of a deflated array in blocks `[rows, width]` of whole rows, one after another, in the memory of one
    /// block. Not told of an array that is stored, which [`Npz::tensor`] maps, or that lies column by column: false.
    ///
    /// # Errors
    /// As [`Npz::tensor`]; if rows of that width do not make it up; or if `each` refuses.
    pub fn rows(&self, name: &str, width: usize, each: &mut dyn FnMut(&Tensor) -> Result<()>) -> Result<bool> {
        let header = self.header(name)?;
        let Element::Number(dtype) = header.element else { return Ok(false) };
        if header.fortran && header.shape.len() > 1 || !self.0.is_deflated(name) {
            return Ok(false);
        }
        let problem = |what: &str| Problem::new(what).path(self.path()).tensor(name).shape(&header.shape).input();
        let row = width.checked_mul(dtype.size()).filter(|&row| row > 0).ok_or_else(|| problem("rows without end"))?;
        let whole = header.data_bytes().filter(|bytes| bytes.is_multiple_of(row));
        let whole = whole.ok_or_else(|| problem("not rows of the width that is wanted"))?;
        let (mut skip, mut came, mut pending) = (header.data, 0usize, Vec::new());
        self.0.stream(name, &mut |part| {
            let start = skip.min(part.len());
            skip -= start;
            pending.extend_from_slice(&part[start..]);
            let rows = pending.len() / row;
            if rows > 0 {
                let rest = pending.split_off(rows * row);
                let block = Bytes::from(std::mem::replace(&mut pending, rest));
                came += block.len();
                each(&Tensor::new(name, self.path(), dtype, vec![rows, width], block)?)?;
            }
            Ok(())
        })?;
        if came != whole || !pending.is_empty() {
            return Err(problem("the array's shape does not fit its bytes"));
        }
        Ok(true)
    }
    /// The strings in the array of that name, as scipy's `format`.
    ///
    /// # Errors
    /// If there is no such array, or it is damaged or no array of strings.
    pub fn text(&self, name: &str) -> Result<Vec<String>> {
        npy::text(&self.0.bytes(name)?, name, self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::super::zipped::MAX_MEMBERS;
    use super::*;
    use crate::error::Error;
    use std::io::{Cursor, Write};
    use zip::CompressionMethod;
    use zip::write::SimpleFileOptions;

    fn array(literal: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((literal.len() as u16).to_le_bytes());
        bytes.extend(literal.as_bytes());
        bytes.extend(data);
        bytes
    }
    fn archive(members: &[(&str, Vec<u8>, CompressionMethod)]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes, method) in members {
            zip.start_file(*name, SimpleFileOptions::default().compression_method(*method)).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }
    fn open(bytes: Vec<u8>) -> Result<Npz> {
        Npz::from_bytes(bytes.into(), Path::new("a.npz"))
    }

    #[test]
    fn stored_arrays_lie_in_the_file_and_deflated_ones_are_equal_to_them() {
        let data: Vec<u8> = (0..600u32).flat_map(|v| (v as f32).to_le_bytes()).collect();
        let npy = array("{'descr': '<f4', 'fortran_order': False, 'shape': (20, 30), }", &data);
        let format = array("{'descr': '|S3', 'fortran_order': False, 'shape': (), }", b"csr");
        let bytes = Bytes::from(archive(&[
            ("a.npy", npy.clone(), CompressionMethod::Stored),
            ("b.npy", npy, CompressionMethod::Deflated),
            ("format.npy", format, CompressionMethod::Deflated),
            ("notes.txt", b"hello".to_vec(), CompressionMethod::Stored),
        ]));
        let npz = Npz::from_bytes(bytes.clone(), Path::new("a.npz")).unwrap();
        assert_eq!(npz.names().collect::<Vec<_>>(), ["a", "b", "format"]);
        let (a, b) = (npz.tensor("a").unwrap(), npz.tensor("b").unwrap());
        assert_eq!((a.shape(), a.to_f32()), (b.shape(), b.to_f32()));
        assert_eq!(npz.header("b").unwrap().shape, [20, 30]);
        assert_eq!(npz.text("format").unwrap(), ["csr"]);
        let inside = bytes.as_ptr_range();
        assert!(inside.contains(&a.bytes().as_ptr()) && !inside.contains(&b.bytes().as_ptr()));
        assert!(npz.tensor("c").unwrap_err().to_string().contains("one of a, b, format"));
        let task = Task::new(1).unwrap();
        let npz = npz.under(&task);
        assert_eq!(npz.tensor("b").unwrap().to_f32(), b.to_f32());
        task.watch().cancel();
        assert!(matches!(npz.tensor("b"), Err(Error::Cancelled)));
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_inflated() {
        // One megabyte of deflated zeros, named 300 times over by the directory: 300 MB claimed.
        let zeros = array("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000,), }", &vec![0; 1_000_000]);
        let names: Vec<String> = (0..300).map(|i| format!("m{i}.npy")).collect();
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let deflated = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for name in &names {
            zip.start_file(name.as_str(), deflated).unwrap();
            zip.write_all(&zeros).unwrap();
        }
        let npz = open(zip.finish().unwrap().into_inner()).unwrap();
        assert_eq!(npz.header("m7").unwrap().shape, [1_000_000]);
        let error = npz.tensor("m7").unwrap_err().to_string();
        assert!(error.contains("claim to inflate to 299") && error.contains("m7"), "{error}");
        // Given in parts, one of them takes no more than a part.
        let (mut rows, mut largest) = (0, 0);
        let streamed = npz.rows("m7", 1000, &mut |block| {
            rows += block.shape()[0];
            largest = largest.max(block.len());
            Ok(())
        });
        assert!(streamed.unwrap() && rows == 1000 && largest < 2 << 20);
    }

    #[test]
    fn rows_come_in_blocks_as_the_whole_array_has_them() {
        let data: Vec<u8> = (0..900_000u32).flat_map(|v| (v as f32).to_le_bytes()).collect();
        let literal = "{'descr': '<f4', 'fortran_order': False, 'shape': (3000, 300), }";
        let turned = array(&literal.replace("False", "True"), &data);
        let npz = open(archive(&[
            ("stored.npy", array(literal, &data), CompressionMethod::Stored),
            ("deflated.npy", array(literal, &data), CompressionMethod::Deflated),
            ("turned.npy", turned, CompressionMethod::Deflated),
            ("short.npy", array(literal, &data[4..]), CompressionMethod::Deflated),
        ]))
        .unwrap();
        let read = |name: &str, width: usize| {
            let (mut all, mut blocks) = (Vec::new(), 0);
            let streamed = npz.rows(name, width, &mut |block| {
                assert_eq!(block.shape()[1], width);
                all.extend(block.to_f32());
                blocks += 1;
                Ok(())
            });
            streamed.map(|streamed| (streamed, all, blocks))
        };
        let whole = npz.tensor("stored").unwrap().to_f32();
        for width in [1, 300, 450, 900_000] {
            let (streamed, all, blocks) = read("deflated", width).unwrap();
            assert!(streamed && all == whole && (width > 450 || blocks > 3), "{width}");
        }
        for name in ["stored", "turned"] {
            assert_eq!(read(name, 300).unwrap(), (false, Vec::new(), 0));
        }
        assert!(read("deflated", 7).unwrap_err().to_string().contains("not rows of the width"));
        assert!(read("short", 300).unwrap_err().to_string().contains("does not fit its bytes"));
        assert!(read("deflated", 0).is_err() && read("none", 300).is_err());
    }

    #[test]
    fn a_member_that_lies_about_its_size_is_refused() {
        let npy = array("{'descr': '|u1', 'fortran_order': False, 'shape': (5000,), }", &vec![7; 5000]);
        let bytes = archive(&[("a.npy", npy.clone(), CompressionMethod::Deflated)]);
        let directory = bytes.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
        for claimed in [npy.len() as u32 - 7, npy.len() as u32 + 7] {
            let mut bytes = bytes.clone();
            bytes[directory + 24..directory + 28].copy_from_slice(&claimed.to_le_bytes());
            let error = open(bytes).unwrap().tensor("a").unwrap_err().to_string();
            assert!(error.contains("inflate"), "{error}");
        }
    }

    #[test]
    fn an_archive_of_too_many_members_is_refused_and_of_many_is_read_by_name() {
        let npy = array("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", &[7]);
        let of = |n: usize| {
            let names: Vec<String> = (0..n).map(|i| format!("m{i}.npy")).collect();
            let members: Vec<_> = names.iter().map(|n| (n.as_str(), npy.clone(), CompressionMethod::Stored)).collect();
            open(archive(&members))
        };
        let most = of(MAX_MEMBERS).unwrap();
        assert!(most.names().all(|name| most.header(name).is_ok()));
        assert_eq!(most.tensor("m4095").unwrap().to_f64(), [7.0]);
        let error = of(MAX_MEMBERS + 1).unwrap_err().to_string();
        assert!(error.contains("an archive of 4097 members") && error.contains("at most 4096"), "{error}");
    }

    #[test]
    fn a_damaged_or_foreign_archive_is_refused() {
        let npy = array("{'descr': '|u1', 'fortran_order': False, 'shape': (9,), }", &[1; 9]);
        let bytes = archive(&[("a.npy", npy, CompressionMethod::Stored)]);
        for cut in [0, 3, bytes.len() / 2, bytes.len() - 1] {
            let error = open(bytes[..cut].to_vec()).unwrap_err().to_string();
            assert!(error.contains("cannot be read"), "{error}");
        }
        assert!(open(b"hello, not a zip".to_vec()).is_err());
    }
}
