//! Files of `torch.save`, read without executing anything: zip archives (torch 1.6 and later), the older sequence of
//! pickles, plain pickles with tensors in them (gzipped too), and saev's line of JSON before an archive.
//!
//! An archive holds `{name}/data.pkl` and one member a storage; members are stored, so tensors are mapped. A tensor is
//! `(storage, offset, size, stride)`, in elements: strides are kept, so that a transposed view reads as what it is. The
//! older form is a magic number, a version, facts about the machine, the object, the keys of the storages, and then each
//! storage with its length before it.
//!
//! Arrays of NumPy in a pickle are tensors too. Nested dictionaries, lists and modules give names with dots; what is no tensor is in [`TorchFile::rest`]. Cost of
//! opening: the directory and the pickle. Not read: archives from before 0.1.10 (tar), sparse and quantised tensors,
//! big-endian files.
//!
//! Source: PyTorch, `torch/serialization.py`.

mod names;
mod numpy;
mod pickle;

use super::arrays::TensorInfo;
use super::text::is_gzip;
use super::zipped::{Archive, Wanted, inflated_bound};
use super::{Bytes, Tensor};
use crate::error::{Error, Problem, Result};
use flate2::bufread::MultiGzDecoder;
use names::{Item, Kind, Storage};
use pickle::Pickle;
use serde_json::Value;
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The pickled number 0x1950a86a20f9469cfc6c with which the older form begins.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e";

/// A line of JSON before an archive is a page of text.
const MAX_HEADER: usize = 1 << 20;

/// A view that repeats its elements may have this many more than its storage.
const MAX_REPEATED: usize = 1 << 24;

const TORCH: Wanted =
    Wanted { what: "a torch archive as torch.save writes it", hint: "torch.save", name: |file| Some(file) };

/// Whether `bytes` are a gzip file of a pickle, as the oldest dictionaries of SAELens are.
pub(super) fn is_gzipped_pickle(bytes: &[u8]) -> bool {
    let mut start = [0u8; 2];
    is_gzip(bytes) && MultiGzDecoder::new(bytes).read_exact(&mut start).is_ok() && is_pickle(&start)
}

/// Whether `bytes` begin a pickle of protocol 2 or later.
pub(super) fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, ..])
}

/// All that a gzip file holds, within the bounds of archives.
fn inflate(bytes: &[u8], path: &Path) -> Result<Bytes> {
    let bound = inflated_bound(bytes.len());
    let mut out = Vec::new();
    MultiGzDecoder::new(bytes)
        .take(bound + 1)
        .read_to_end(&mut out)
        .map_err(|e| broken(path, &format!("it cannot be inflated: {e}")))?;
    if out.len() as u64 > bound {
        let problem = Problem::new("the file inflates without end").path(path);
        return Err(problem.expected(format!("at most {bound} bytes")).input());
    }
    Ok(out.into())
}

/// A torch file, opened; tensors are read by name.
#[derive(Debug, Clone)]
pub struct TorchFile {
    path: PathBuf,
    items: Vec<Item>,
    places: HashMap<String, usize>,
    rest: Value,
    header: Option<Value>,
    store: Store,
}

/// Where storages lie.
#[derive(Debug, Clone)]
enum Store {
    /// In an archive, below this prefix.
    Archive(Archive, String),
    /// In the file itself, by key.
    File(HashMap<String, Bytes>),
}

/// Where the archive begins after a line of JSON, if that is what `bytes` are.
pub(super) fn after_header(bytes: &[u8]) -> Option<usize> {
    let start = &bytes[..bytes.len().min(MAX_HEADER)];
    let end = start.first().filter(|&&first| first == b'{').and_then(|_| start.iter().position(|&b| b == b'\n'))?;
    bytes[end + 1..].starts_with(b"PK\x03\x04").then_some(end + 1)
}

impl TorchFile {
    /// Reads the directory and the pickle of the file in `bytes`; `path` is for messages and names a lone tensor.
    ///
    /// # Errors
    /// If the file is damaged, contradicts itself, or is of a kind that is not read; the message says which.
    pub fn from_bytes(bytes: &Bytes, path: &Path) -> Result<Self> {
        let inflated = if is_gzip(bytes) { Some(inflate(bytes, path)?) } else { None };
        let bytes = inflated.as_ref().unwrap_or(bytes);
        let header = after_header(bytes);
        let body = header.and_then(|at| bytes.slice(at..bytes.len())).unwrap_or_else(|| bytes.clone());
        let mut file = if body.starts_with(b"PK") {
            Self::archive(body, path)?
        } else if body.starts_with(MAGIC) {
            Self::sequence(&body, path)?
        } else {
            Self::new(&read(&body, path)?, path, Store::File(HashMap::new()))?
        };
        if let Some(at) = header {
            let header = serde_json::from_slice(&bytes[..at - 1]);
            let header = header.map_err(|e| broken(path, &format!("the line before it is no JSON: {e}")))?;
            file.header = Some(header);
        }
        Ok(file)
    }
    fn archive(bytes: Bytes, path: &Path) -> Result<Self> {
        let archive = Archive::from_bytes(bytes, path, &TORCH)?;
        let pickle = archive.names().find(|name| *name == "data.pkl" || name.ends_with("/data.pkl"));
        let Some(prefix) = pickle.and_then(|name| name.strip_suffix("data.pkl")).map(str::to_string) else {
            return Err(broken(path, "there is no data.pkl in it"));
        };
        let order = format!("{prefix}byteorder");
        if archive.contains(&order) && archive.bytes(&order)?.trim_ascii() == b"big" {
            let problem = Problem::new("big-endian numbers").path(path).expected("a file of a little-endian machine");
            return Err(problem.hint("loading and saving it again there with safetensors").input());
        }
        let bytes = archive.bytes(&format!("{prefix}data.pkl"))?;
        let pickle = read(&bytes, path)?;
        Self::new(&pickle, path, Store::Archive(archive, prefix))
    }
    fn sequence(bytes: &Bytes, path: &Path) -> Result<Self> {
        let (pickle, storages) = Self::parts(bytes, path)?;
        Self::new(&pickle, path, Store::File(storages))
    }
    /// The object of a file of the older form, and its storages by key.
    fn parts<'a>(bytes: &'a Bytes, path: &Path) -> Result<(Pickle<'a>, HashMap<String, Bytes>)> {
        let mut at = MAGIC.len();
        // The version and the facts about the machine say nothing that matters.
        let mut next = || {
            let pickle = read(&bytes[at..], path)?;
            at += pickle.length;
            Ok::<_, Error>(pickle)
        };
        let (_, _, pickle, keys) = (next()?, next()?, next()?, next()?);
        let kinds: HashMap<String, Kind> = names::storages(&pickle).into_iter().collect();
        let mut storages = HashMap::new();
        for &key in keys.elements(keys.root).unwrap_or_default() {
            let key = keys.text(key).ok_or_else(|| broken(path, "a storage without a key"))?;
            let size = match kinds.get(key) {
                Some(Kind::Known(dtype)) => dtype.size(),
                // Nothing says how long an element of it is, and so where the next one begins.
                _ => break,
            };
            let cut = || broken(path, "its storages are cut short");
            let length = bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
            let length = length.and_then(|n| usize::try_from(n).ok()?.checked_mul(size)).ok_or_else(cut)?;
            let start = at + 8;
            let end = start.checked_add(length).ok_or_else(cut)?;
            storages.insert(key.to_string(), bytes.slice(start..end).ok_or_else(cut)?);
            at = end;
        }
        Ok((pickle, storages))
    }
    fn new(pickle: &Pickle, path: &Path, store: Store) -> Result<Self> {
        let alone = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let found = names::find(pickle, &alone).map_err(|what| broken(path, &what))?;
        let mut file = Self {
            path: path.to_path_buf(),
            items: found.items,
            places: HashMap::new(),
            rest: found.rest,
            header: None,
            store,
        };
        file.unpack()?;
        for (place, item) in file.items.iter().enumerate() {
            if file.places.insert(item.name.clone(), place).is_some() {
                return Err(Problem::new("two tensors have one name").path(path).tensor(&item.name).input());
            }
        }
        Ok(file)
    }
    /// Opens the storages that are files within the pickle.
    fn unpack(&mut self) -> Result<()> {
        for item in &mut self.items {
            let Storage::Within(bytes) = &mut item.storage else { continue };
            let bytes = Bytes::from(std::mem::take(bytes));
            if !bytes.starts_with(MAGIC) {
                return Err(broken(&self.path, "a tensor whose storage is no torch file"));
            }
            let (dtype, held) = Self::sequence_storage(&bytes, &self.path)?;
            item.storage = Storage::Held(held);
            item.dtype = dtype;
        }
        Ok(())
    }
    /// Element type and bytes of the lone storage in a file of the older form.
    fn sequence_storage(bytes: &Bytes, path: &Path) -> Result<(Kind, Bytes)> {
        let (pickle, storages) = Self::parts(bytes, path)?;
        let lone = names::storages(&pickle).into_iter().next();
        let found = lone.and_then(|(key, kind)| Some((kind, storages.get(&key)?.clone())));
        found.ok_or_else(|| broken(path, "a tensor whose storage is no torch file"))
    }
    /// What the tensors are, in the file's order.
    pub fn list(&self) -> Vec<TensorInfo> {
        let info = |item: &Item| TensorInfo {
            name: item.name.clone(),
            shape: item.shape.clone(),
            dtype: if let Kind::Known(dtype) = item.dtype { Some(dtype) } else { None },
        };
        self.items.iter().map(info).collect()
    }
    /// What is no tensor, nested as in the file: numbers, text, and the attributes of objects.
    pub fn rest(&self) -> &Value {
        &self.rest
    }
    /// The line of JSON before the archive, where there is one.
    pub fn header(&self) -> Option<&Value> {
        self.header.as_ref()
    }
    /// The tensor of that name, mapped where the file allows.
    ///
    /// # Errors
    /// If there is none, or it lies outside its storage, or its elements are of a type that is not read.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        let problem = |what: &str| Problem::new(what).path(&self.path).tensor(name);
        let Some(item) = self.places.get(name).map(|&place| &self.items[place]) else {
            let there: Vec<&str> = self.items.iter().take(12).map(|item| item.name.as_str()).collect();
            return Err(problem("no such tensor").expected(format!("one of {}", there.join(", "))).input());
        };
        let problem = |what: &str| problem(what).shape(&item.shape);
        let dtype = match &item.dtype {
            Kind::Known(dtype) => *dtype,
            Kind::Other(name) => {
                let expected = "floats, integers or booleans, dense";
                let hint = "tensor.to_dense().float() before saving";
                return Err(problem("a tensor of a kind that is not read")
                    .dtype(name)
                    .expected(expected)
                    .hint(hint)
                    .input());
            }
        };
        let bytes = match (&item.storage, &self.store) {
            (Storage::Held(bytes), _) => bytes.clone(),
            (Storage::Key(key), Store::Archive(archive, prefix)) => archive.bytes(&format!("{prefix}data/{key}"))?,
            (Storage::Key(key), Store::File(storages)) => {
                storages.get(key).cloned().ok_or_else(|| problem("its storage is not in the file").input())?
            }
            (Storage::Within(_), _) => return Err(problem("a tensor without its storage").input()),
        };
        let held = bytes.len() / dtype.size();
        // Strides of 0 repeat elements: a small file could name a matrix that no memory holds.
        let elements = item.shape.iter().try_fold(1usize, |n, &len| n.checked_mul(len));
        if elements.is_none_or(|n| n > held.max(MAX_REPEATED)) {
            return Err(problem("the tensor has far more elements than its storage")
                .expected(format!("at most {}", held.max(MAX_REPEATED)))
                .input());
        }
        let start = item.offset.checked_mul(dtype.size()).filter(|&start| start <= bytes.len());
        let from = start.and_then(|start| bytes.slice(start..bytes.len()));
        let from = from.ok_or_else(|| problem("the tensor begins after the end of its storage").input())?;
        Tensor::strided(name, &self.path, dtype, item.shape.clone(), item.strides.clone(), from)
    }
}

fn read<'a>(bytes: &'a [u8], path: &Path) -> Result<Pickle<'a>> {
    Pickle::read(bytes)
        .map_err(|fault| broken(path, &format!("its pickle is broken at byte {}: {}", fault.at, fault.what)))
}

fn broken(path: &Path, what: &str) -> Error {
    Problem::new(format!("the torch file cannot be read: {what}"))
        .path(path)
        .expected("a file as torch.save writes it")
        .hint("copying the file again: it may be cut short")
        .input()
}

#[cfg(test)]
mod tests;
