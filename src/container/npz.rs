//! NumPy's `.npz`: a zip archive of `.npy` arrays, mapped where they are stored and inflated where they are deflated.
//!
//! `numpy.savez` stores its members, so they are read in place; `numpy.savez_compressed` and `scipy.sparse.save_npz`
//! deflate them, so each takes heap memory of its own size when it is asked for, and its checksum is verified then.
//! What the archive claims is bounded before anything is inflated (see [`Npz::from_bytes`]), and the real size must be the
//! claimed one. Opening costs the central directory and one local header a member.

use super::{Bytes, Tensor, npy};
use crate::error::{Error, Problem, Result};
use crate::task::{Task, Watch};
use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zip::{CompressionMethod, ZipArchive};

/// Up to this size nothing is called a bomb.
const MODEST: u64 = 256 << 20;

/// Numbers do not shrink this much unless they are made to; deflate itself ends at about 1,030.
const MAX_RATIO: u64 = 200;

/// More members than any archive of arrays has.
const MAX_MEMBERS: usize = 4096;

/// Bytes that are inflated between two looks at whether the work should stop.
const PART: u64 = 1 << 20;

/// An archive of arrays, opened; arrays are read by name.
#[derive(Debug, Clone)]
pub struct Npz {
    bytes: Bytes,
    path: PathBuf,
    archive: ZipArchive<Cursor<Bytes>>,
    members: Vec<Member>,
    /// Where in `members` each name stands.
    places: HashMap<String, usize>,
    /// Who may stop the inflating.
    watch: Option<Arc<Watch>>,
}

#[derive(Debug, Clone)]
struct Member {
    /// The array's name: the file name without `.npy`.
    name: String,
    index: usize,
    size: u64,
    /// Where a stored member lies in the file; none if it is deflated.
    stored: Option<Range<usize>>,
}

impl Npz {
    /// Reads the directory of the archive in `bytes`; `path` is for messages.
    ///
    /// # Errors
    /// If it is no zip archive, has a member that is encrypted, outside the file or packed
    /// otherwise than by deflate, or claims to inflate to more than both 256 MiB and 200 times its own size.
    pub fn from_bytes(bytes: Bytes, path: &Path) -> Result<Self> {
        let problem = |what: String| Problem::new(what).path(path);
        let damaged = |error: &dyn std::fmt::Display| {
            problem(format!("the zip archive cannot be read: {error}"))
                .expected("an npz archive as numpy writes it")
                .hint("copying the file again: it may be cut short")
                .input()
        };
        let mut archive = ZipArchive::new(Cursor::new(bytes.clone())).map_err(|e| damaged(&e))?;
        if archive.len() > MAX_MEMBERS {
            return Err(problem(format!("an archive of {} members", archive.len()))
                .expected(format!("an archive of arrays, of which there are at most {MAX_MEMBERS}"))
                .input());
        }
        let mut members = Vec::new();
        let mut inflated = 0u64;
        for index in 0..archive.len() {
            let file = archive.by_index_raw(index).map_err(|e| damaged(&e))?;
            let raw = file.name().map_err(|e| damaged(&e))?.into_owned();
            let Some(name) = raw.strip_suffix(".npy").filter(|_| !file.is_dir()) else { continue };
            let problem = |what: &str| problem(what.to_string()).tensor(name);
            if file.encrypted() {
                return Err(problem("an encrypted array").hint("unpacking it with its password").input());
            }
            let start = file.data_start();
            let outside = || problem("the array's bytes lie outside the file").hint("copying the file again").input();
            let packed = start.and_then(|start| {
                let start = usize::try_from(start).ok()?;
                let end = start.checked_add(usize::try_from(file.compressed_size()).ok()?)?;
                (end <= bytes.len()).then_some(start..end)
            });
            let packed = packed.ok_or_else(outside)?;
            let stored = match file.compression() {
                CompressionMethod::Stored if file.size() != file.compressed_size() => return Err(outside()),
                CompressionMethod::Stored => Some(packed),
                CompressionMethod::Deflated => None,
                other => {
                    let what = format!("packed by {other}");
                    return Err(problem(&what).expected("stored or deflated").hint("numpy.savez").input());
                }
            };
            if stored.is_none() {
                inflated = inflated.saturating_add(file.size());
            }
            members.push(Member { name: name.to_string(), index, size: file.size(), stored });
        }
        let bound = MODEST.max(MAX_RATIO.saturating_mul(bytes.len() as u64));
        if inflated > bound {
            return Err(problem(format!("{} bytes claim to inflate to {inflated}", bytes.len()))
                .expected(format!("at most {bound}, as real arrays do"))
                .hint("numpy.savez, which stores arrays as they are")
                .input());
        }
        let places = members.iter().enumerate().map(|(place, member)| (member.name.clone(), place)).collect();
        Ok(Self { bytes, path: path.to_path_buf(), archive, members, places, watch: None })
    }
    /// The same archive, whose arrays are inflated only as long as `task` is not cancelled.
    pub fn under(mut self, task: &Task) -> Self {
        self.watch = Some(Arc::clone(task.watch()));
        self
    }
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Names of the arrays, in the archive's order, without `.npy`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }
    /// Whether there is an array of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }
    /// Element type and shape of an array, without inflating its elements.
    ///
    /// # Errors
    /// If there is no such array or its header cannot be read.
    pub fn header(&self, name: &str) -> Result<npy::Header> {
        let member = self.member(name)?;
        let bytes = match &member.stored {
            Some(range) => self.bytes.slice(range.clone()).unwrap_or_else(|| Bytes::from_static(&[])),
            // NumPy pads its header to a multiple of 64 bytes; this holds the longest that `npy::header` accepts.
            None => self.inflate(member, (1 << 20) + 64)?,
        };
        npy::header(&bytes, name, &self.path)
    }
    /// The array of that name: mapped if it is stored, inflated if it is deflated.
    ///
    /// # Errors
    /// If there is no such array, or it is damaged or no array of numbers.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        npy::from_bytes(&self.member_bytes(name)?, name, &self.path)
    }
    /// The strings in the array of that name, as scipy's `format`.
    ///
    /// # Errors
    /// If there is no such array, or it is damaged or no array of strings.
    pub fn text(&self, name: &str) -> Result<Vec<String>> {
        npy::text(&self.member_bytes(name)?, name, &self.path)
    }
    fn member(&self, name: &str) -> Result<&Member> {
        self.places.get(name).map(|&place| &self.members[place]).ok_or_else(|| {
            let there: Vec<&str> = self.names().take(12).collect();
            let expected = format!("one of {}", if there.is_empty() { "no arrays".into() } else { there.join(", ") });
            Problem::new("no such array").path(&self.path).tensor(name).expected(expected).input()
        })
    }
    fn member_bytes(&self, name: &str) -> Result<Bytes> {
        let member = self.member(name)?;
        match &member.stored {
            Some(range) => Ok(self.bytes.slice(range.clone()).unwrap_or_else(|| Bytes::from_static(&[]))),
            None => self.inflate(member, u64::MAX),
        }
    }
    /// Inflates the first `limit` bytes of a member; all of them must be as many as it claims.
    fn inflate(&self, member: &Member, limit: u64) -> Result<Bytes> {
        let problem = |what: String| Problem::new(what).path(&self.path).tensor(&member.name);
        let damaged = |error: &dyn std::fmt::Display| {
            problem(format!("the array cannot be inflated: {error}")).hint("copying the file again").input()
        };
        let wanted = member.size.min(limit);
        // The archive holds its directory by reference; a clone is cheap and lets arrays be read from many threads.
        let mut archive = self.archive.clone();
        let file = archive.by_index(member.index).map_err(|e| damaged(&e))?;
        let mut out = Vec::new();
        // Grown as bytes arrive, not by what is claimed. One more is asked for, so that a longer array is noticed.
        let ask = if wanted < member.size { wanted } else { wanted.saturating_add(1) };
        let mut file = file.take(ask);
        while file.by_ref().take(PART).read_to_end(&mut out).map_err(|e| damaged(&e))? > 0 {
            if self.watch.as_ref().is_some_and(|watch| watch.is_cancelled()) {
                return Err(Error::Cancelled);
            }
        }
        if out.len() as u64 != wanted {
            let what = format!("the array inflates to {} bytes or more", out.len());
            return Err(problem(what).expected(format!("{wanted}, as the archive says")).input());
        }
        Ok(out.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
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
        let npz = open(archive(&[
            ("a.npy", npy.clone(), CompressionMethod::Stored),
            ("b.npy", npy, CompressionMethod::Deflated),
            ("format.npy", format, CompressionMethod::Deflated),
            ("notes.txt", b"hello".to_vec(), CompressionMethod::Stored),
        ]))
        .unwrap();
        assert_eq!(npz.names().collect::<Vec<_>>(), ["a", "b", "format"]);
        let (a, b) = (npz.tensor("a").unwrap(), npz.tensor("b").unwrap());
        assert_eq!((a.shape(), a.to_f32()), (b.shape(), b.to_f32()));
        assert_eq!(npz.header("b").unwrap().shape, [20, 30]);
        assert_eq!(npz.text("format").unwrap(), ["csr"]);
        let inside = npz.bytes.as_ptr_range();
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
        let error = open(zip.finish().unwrap().into_inner()).unwrap_err().to_string();
        assert!(error.contains("claim to inflate"), "{error}");
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
