//! A zip archive whose members are read where they lie, or inflated within bounds: what npz and torch files are.
//!
//! Stored members are mapped; deflated ones take heap memory of their own size when they are asked for, and their checksum
//! is verified then, or they are given part by part in no more memory than a part. What the archive claims is bounded before
//! a member is inflated as a whole, and the real size must be the claimed one. Opening costs the central directory and one
//! local header a member.

use super::Bytes;
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
pub(super) const MAX_MEMBERS: usize = 4096;

/// Bytes that are inflated between two looks at whether the work should stop.
const PART: u64 = 1 << 20;

/// How many bytes a file of `length` bytes may inflate to.
pub(super) fn inflated_bound(length: usize) -> u64 {
    MODEST.max(MAX_RATIO.saturating_mul(length as u64))
}

/// What kind of archive is wanted, for messages and to choose its members.
pub(super) struct Wanted {
    /// What the archive should be: `an npz archive as numpy writes it`.
    pub(super) what: &'static str,
    /// What writes members as they are.
    pub(super) hint: &'static str,
    /// The name of a member by that of its file; none if it is no member that matters.
    pub(super) name: fn(&str) -> Option<&str>,
}

/// An archive, opened; members are read by name.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    bytes: Bytes,
    path: PathBuf,
    zip: ZipArchive<Cursor<Bytes>>,
    members: Vec<Member>,
    /// Where in `members` each name stands.
    places: HashMap<String, usize>,
    /// What all deflated members but the largest claim to inflate to.
    others: u64,
    /// What is wanted, for messages.
    hint: &'static str,
    /// Who may stop the inflating.
    watch: Option<Arc<Watch>>,
}

#[derive(Debug, Clone)]
struct Member {
    name: String,
    index: usize,
    size: u64,
    /// Where a stored member lies in the file; none if it is deflated.
    stored: Option<Range<usize>>,
}

impl Archive {
    /// Reads the directory of the archive in `bytes`; `path` is for messages.
    ///
    /// # Errors
    /// If it is no zip archive, or has a member that is encrypted, outside the file or packed otherwise than by deflate.
    pub(super) fn from_bytes(bytes: Bytes, path: &Path, wanted: &Wanted) -> Result<Self> {
        let problem = |what: String| Problem::new(what).path(path);
        let damaged = |error: &dyn std::fmt::Display| {
            problem(format!("the zip archive cannot be read: {error}"))
                .expected(wanted.what)
                .hint("copying the file again: it may be cut short")
                .input()
        };
        let mut zip = ZipArchive::new(Cursor::new(bytes.clone())).map_err(|e| damaged(&e))?;
        if zip.len() > MAX_MEMBERS {
            return Err(problem(format!("an archive of {} members", zip.len()))
                .expected(format!("an archive of arrays, of which there are at most {MAX_MEMBERS}"))
                .input());
        }
        let mut members = Vec::new();
        let (mut inflated, mut largest) = (0u64, 0u64);
        for index in 0..zip.len() {
            let file = zip.by_index_raw(index).map_err(|e| damaged(&e))?;
            let raw = file.name().map_err(|e| damaged(&e))?.into_owned();
            let Some(name) = (wanted.name)(&raw).filter(|_| !file.is_dir()) else { continue };
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
                    return Err(problem(&what).expected("stored or deflated").hint(wanted.hint).input());
                }
            };
            if stored.is_none() {
                inflated = inflated.saturating_add(file.size());
                largest = largest.max(file.size());
            }
            members.push(Member { name: name.to_string(), index, size: file.size(), stored });
        }
        let places = members.iter().enumerate().map(|(place, member)| (member.name.clone(), place)).collect();
        let (path, others) = (path.to_path_buf(), inflated.saturating_sub(largest));
        Ok(Self { bytes, path, zip, members, places, others, hint: wanted.hint, watch: None })
    }
    /// The same archive, whose members are inflated only as long as `task` is not cancelled.
    pub(super) fn under(mut self, task: &Task) -> Self {
        self.watch = Some(Arc::clone(task.watch()));
        self
    }
    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
    /// Names of the members, in the archive's order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }
    /// Whether there is a member of that name.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }
    fn member(&self, name: &str) -> Result<&Member> {
        self.places.get(name).map(|&place| &self.members[place]).ok_or_else(|| {
            let there: Vec<&str> = self.names().take(12).collect();
            let expected = format!("one of {}", if there.is_empty() { "no arrays".into() } else { there.join(", ") });
            Problem::new("no such array").path(&self.path).tensor(name).expected(expected).input()
        })
    }
    /// The bytes of a member: mapped if it is stored, inflated if it is deflated.
    ///
    /// # Errors
    /// If there is no such member, it is damaged, or it or the others claim to inflate to more than both 256 MiB and 200 times
    /// the archive.
    pub(super) fn bytes(&self, name: &str) -> Result<Bytes> {
        let member = self.member(name)?;
        let claimed = if member.stored.is_some() { 0 } else { member.size.max(self.others) };
        let bound = inflated_bound(self.bytes.len());
        if claimed > bound {
            return Err(Problem::new(format!("{} bytes claim to inflate to {claimed} or more", self.bytes.len()))
                .path(&self.path)
                .tensor(name)
                .expected(format!("at most {bound}, as real arrays do"))
                .hint(format!("{}, which stores arrays as they are", self.hint))
                .input());
        }
        self.start(name, u64::MAX)
    }
    /// Whether a member is deflated.
    pub(super) fn is_deflated(&self, name: &str) -> bool {
        self.member(name).is_ok_and(|member| member.stored.is_none())
    }
    /// Gives the bytes of a deflated member in parts, one after another: however much it inflates to, memory is that of one.
    ///
    /// # Errors
    /// If there is no such member, it is damaged, or `each` refuses.
    pub(super) fn stream(&self, name: &str, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.parts(self.member(name)?, u64::MAX, each)
    }
    /// The bytes of a member; of a deflated one only the first `limit`.
    ///
    /// # Errors
    /// If there is no such member, or it is damaged.
    pub(super) fn start(&self, name: &str, limit: u64) -> Result<Bytes> {
        let member = self.member(name)?;
        match &member.stored {
            Some(range) => Ok(self.bytes.slice(range.clone()).unwrap_or_else(|| Bytes::from_static(&[]))),
            None => self.inflate(member, limit),
        }
    }
    fn inflate(&self, member: &Member, limit: u64) -> Result<Bytes> {
        let mut out = Vec::new();
        // Grown as bytes arrive, not by what is claimed.
        self.parts(member, limit, &mut |part| {
            out.extend_from_slice(part);
            Ok(())
        })?;
        Ok(out.into())
    }
    /// Inflates the first `limit` bytes of a member; all of them must be as many as it claims.
    fn parts(&self, member: &Member, limit: u64, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let problem = |what: String| Problem::new(what).path(&self.path).tensor(&member.name);
        let damaged = |error: &dyn std::fmt::Display| {
            problem(format!("the array cannot be inflated: {error}")).hint("copying the file again").input()
        };
        let wanted = member.size.min(limit);
        // The archive holds its directory by reference; a clone is cheap and lets arrays be read from many threads.
        let mut zip = self.zip.clone();
        let file = zip.by_index(member.index).map_err(|e| damaged(&e))?;
        // One more is asked for, so that a longer array is noticed.
        let ask = if wanted < member.size { wanted } else { wanted.saturating_add(1) };
        let mut file = file.take(ask);
        let (mut part, mut came) = (Vec::new(), 0u64);
        while file.by_ref().take(PART).read_to_end(&mut part).map_err(|e| damaged(&e))? > 0 {
            if self.watch.as_ref().is_some_and(|watch| watch.is_cancelled()) {
                return Err(Error::Cancelled);
            }
            came += part.len() as u64;
            if came <= wanted {
                each(&part)?;
            }
            part.clear();
        }
        if came != wanted {
            let what = format!("the array inflates to {came} bytes or more");
            return Err(problem(what).expected(format!("{}, as the archive says", member.size)).input());
        }
        Ok(())
    }
}
