//! From a path to the arrays or the folder that lie there, before anyone says in which format activations are kept.
//!
//! A file is opened by its content. A folder is taken as it is if a format knows it; else activations are looked for
//! among its files and in the folders below it, three levels deep, and several make a question that the error asks.

use super::{FORMATS, Format, foreign};
use crate::container::{ArrayFile, Bytes, FileKind, Tensor, TensorInfo, sniff};
use crate::error::{Error, Problem, Result};
use crate::sae::find::natural;
use crate::task::Task;
use std::path::{Path, PathBuf};

/// How deep folders are searched.
const MAX_DEPTH: usize = 3;
/// How many files and folders are looked at.
const MAX_ENTRIES: usize = 10_000;
/// How many names a message lists.
const LISTED: usize = 8;

/// What lies at a path.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The file or folder.
    pub(super) path: PathBuf,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    File(FileKind, Box<ArrayFile>, Vec<TensorInfo>),
    /// Names of the files of a folder, in natural order.
    Folder(Vec<String>),
}

impl Source {
    /// The arrays in `bytes`, inflated only as long as `task` is not cancelled; `path` is for messages.
    ///
    /// # Errors
    /// If it is no file of arrays, or damaged.
    pub(super) fn from_bytes(bytes: Bytes, path: &Path, task: &Task) -> Result<Self> {
        let kind = sniff(&bytes);
        let file = match kind {
            FileKind::Empty | FileKind::Gzip | FileKind::Json | FileKind::Text | FileKind::Other => {
                return Err(foreign(path, kind.name(), false));
            }
            _ => ArrayFile::from_bytes(bytes, path)?,
        };
        let file = if let ArrayFile::Npz(npz) = file { ArrayFile::Npz(npz.under(task)) } else { file };
        let tensors = file.list()?;
        Ok(Self { path: path.to_path_buf(), place: Place::File(kind, Box::new(file), tensors) })
    }
    /// What lies at `path` itself.
    ///
    /// # Errors
    /// As [`Source::from_bytes`]; or if a folder cannot be read.
    pub(super) fn open(path: &Path, task: &Task) -> Result<Self> {
        if !path.is_dir() {
            return Self::from_bytes(Bytes::map(path)?, path, task);
        }
        let mut names = Vec::new();
        for entry in entries(path)? {
            if entry.is_file() {
                names.extend(entry.file_name().map(|name| name.to_string_lossy().into_owned()));
            }
        }
        Ok(Self { path: path.to_path_buf(), place: Place::Folder(names) })
    }
    /// What lies at `path` and the format that knows it; or, in a folder that none knows, the only such thing below it.
    ///
    /// # Errors
    /// If there is none, or several; or as [`Source::open`].
    pub(super) fn find(path: &Path, features: Option<usize>, task: &Task) -> Result<(Self, &'static Format)> {
        let source = Self::open(path, task)?;
        if let Some(format) = source.format(features) {
            return Ok((source, format));
        }
        if source.arrays().is_some() {
            return Err(source.unknown(features));
        }
        let mut walk = Walk { features, task, seen: 0, found: Vec::new() };
        walk.visit(path, 0)?;
        let mut found = walk.found;
        match found.len() {
            0 => Err(foreign(path, "a folder without activations of a known format", false)),
            1 => Ok(found.swap_remove(0)),
            several => {
                let place = |(source, _): &(Self, _)| {
                    source.path.strip_prefix(path).unwrap_or(&source.path).display().to_string()
                };
                let mut names: Vec<String> = found.iter().take(LISTED).map(place).collect();
                if several > LISTED {
                    names.push(format!("{} more", several - LISTED));
                }
                Err(Problem::new(format!("{several} sets of activations: {}", names.join(", ")))
                    .path(path)
                    .expected("one of them")
                    .hint(format!("--acts {}", found[0].0.path.display()))
                    .input())
            }
        }
    }
    /// The first format that takes this for its own.
    pub(super) fn format(&self, features: Option<usize>) -> Option<&'static Format> {
        FORMATS.iter().find(|format| (format.detect)(self, features))
    }
    /// The arrays, if it is a file.
    pub(super) fn arrays(&self) -> Option<&ArrayFile> {
        if let Place::File(_, file, _) = &self.place { Some(file) } else { None }
    }
    /// What the arrays are; none of a folder.
    pub(super) fn tensors(&self) -> &[TensorInfo] {
        if let Place::File(_, _, tensors) = &self.place { tensors } else { &[] }
    }
    /// What is known of the array of that name.
    pub(super) fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors().iter().find(|tensor| tensor.name == name)
    }
    /// Whether there is an array of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.info(name).is_some()
    }
    /// The array of that name.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub(super) fn tensor(&self, name: &str) -> Result<Tensor> {
        match self.arrays() {
            Some(file) => file.tensor(name),
            None => Err(self.problem("a folder, where an array was expected").tensor(name).input()),
        }
    }
    /// Names of the files, if it is a folder.
    pub(super) fn names(&self) -> &[String] {
        if let Place::Folder(names) = &self.place { names } else { &[] }
    }
    /// The files that it consists of, for a fingerprint.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        match &self.place {
            Place::File(..) => vec![self.path.clone()],
            Place::Folder(names) => names.iter().map(|name| self.path.join(name)).collect(),
        }
    }
    /// A problem about it, to be completed by the caller.
    pub(super) fn problem(&self, what: impl Into<String>) -> Problem {
        Problem::new(what).path(&self.path)
    }
    /// Why no format takes this file.
    pub(super) fn unknown(&self, features: Option<usize>) -> Error {
        let kind = if let Place::File(kind, ..) = &self.place { kind.name() } else { "a folder" };
        if super::dense::is_weights(self) {
            return foreign(&self.path, &format!("{kind} of a dictionary's weights"), false);
        }
        if self.tensors().is_empty() {
            return foreign(&self.path, &format!("{kind} without arrays"), false);
        }
        let shown: Vec<String> = self.tensors().iter().take(LISTED).map(TensorInfo::describe).collect();
        let vectors = self.tensors().iter().find(|tensor| super::dense::is_vectors(tensor));
        let width = vectors.and_then(|tensor| tensor.shape.last()).zip(features);
        let wanted = width.map_or_else(String::new, |(width, features)| {
            format!("; vectors of {width} numbers, where the dictionary has {features} features")
        });
        foreign(&self.path, &format!("{kind} of {}{wanted}", shown.join(", ")), vectors.is_some())
    }
}

/// What lies in a folder, in natural order of the names.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |e: std::io::Error| Error::io(folder, &e);
    let all = std::fs::read_dir(folder).map_err(fail)?.take(MAX_ENTRIES + 1);
    let mut all = all.map(|entry| Ok(entry.map_err(fail)?.path())).collect::<Result<Vec<_>>>()?;
    if all.len() > MAX_ENTRIES {
        return Err(too_many(folder));
    }
    all.sort_by_cached_key(|path| {
        let name = path.file_name().unwrap_or_default();
        (natural(&name.to_string_lossy()), name.to_os_string())
    });
    Ok(all)
}

fn too_many(folder: &Path) -> Error {
    Problem::new(format!("more than {MAX_ENTRIES} files and folders"))
        .path(folder)
        .hint("--acts with the folder that holds the activations themselves")
        .input()
}

/// A search for activations below a folder.
struct Walk<'t> {
    features: Option<usize>,
    task: &'t Task,
    seen: usize,
    found: Vec<(Source, &'static Format)>,
}

impl Walk<'_> {
    fn visit(&mut self, folder: &Path, depth: usize) -> Result<()> {
        for path in entries(folder)? {
            self.task.check()?;
            self.seen += 1;
            if self.seen > MAX_ENTRIES {
                return Err(too_many(folder));
            }
            let suffix = path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
            if path.is_dir() {
                let source = Source::open(&path, self.task)?;
                match source.format(self.features) {
                    Some(format) => self.found.push((source, format)),
                    None if depth < MAX_DEPTH => self.visit(&path, depth + 1)?,
                    None => {}
                }
            } else if matches!(suffix, "npz" | "safetensors" | "pt") {
                // What is damaged or something else is no candidate; it is named by who asks for it.
                let Ok(source) = Source::open(&path, self.task) else { continue };
                // Any matrix of the right width might be dense activations; only what says so is found.
                if let Some(format) = source.format(None) {
                    self.found.push((source, format));
                }
            }
        }
        Ok(())
    }
}
