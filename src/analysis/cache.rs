//! Finished results on disk, so that the second opening is at once.
//!
//! One entry is one file: an 8-byte magic, the length of a header, the header (bincode, small and size-limited),
//! then the arrays as raw little-endian bytes, each aligned to 64. The file name is the hash of fingerprint,
//! question and algorithm version. Entries appear whole or not at all (written beside, then renamed); a file that
//! does not read back is treated as absent. The folder is bounded: the entries used longest ago go first.

use super::fingerprint::Fingerprint;
use crate::container::Bytes;
use crate::error::{Error, Result};
use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const MAGIC: &[u8; 8] = b"saescop1";
const HEADER_LIMIT: usize = 64 << 10;
const ALIGN: usize = 64;
const SUFFIX: &str = "result";

/// The most that the cache keeps unless told otherwise.
pub const DEFAULT_LIMIT: u64 = 2 << 30;

type HeaderConfig = Configuration<LittleEndian, Fixint, Limit<HEADER_LIMIT>>;

fn header_config() -> HeaderConfig {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<HEADER_LIMIT>()
}

/// A folder of finished results; or none, when caching is off.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: Option<PathBuf>,
    limit: u64,
}

/// Which result: input, question (kind and parameters), version of the algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    question: String,
    name: String,
}

impl Key {
    /// The key of `question` asked of the input `fingerprint`; a new `version` of the algorithm is a new key.
    pub fn new(fingerprint: &str, question: &str, version: u32) -> Self {
        let question = format!("{question} v{version}");
        let name = Fingerprint::new().text(fingerprint).text(&question).finish();
        Self { question, name }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    question: String,
    input: String,
    arrays: Vec<ArrayHeader>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ArrayHeader {
    name: String,
    bytes: u64,
}

/// Named arrays of plain numbers: what an entry holds.
#[derive(Debug, Default)]
pub struct Arrays(Vec<(String, Bytes)>);

impl Arrays {
    /// No arrays yet.
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds an array.
    pub fn with<T: bytemuck::Pod>(mut self, name: &str, values: &[T]) -> Self {
        self.0.push((name.to_string(), bytemuck::cast_slice(values).to_vec().into()));
        self
    }
    /// The array called `name`; none if it is absent or not a whole number of elements.
    pub fn get<T: bytemuck::Pod>(&self, name: &str) -> Option<Vec<T>> {
        let (_, bytes) = self.0.iter().find(|(n, _)| n == name)?;
        bytes.len().is_multiple_of(size_of::<T>()).then(|| bytemuck::pod_collect_to_vec(bytes))
    }
}

/// One entry, as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What was asked.
    pub question: String,
    /// Of which input, as typed.
    pub input: String,
    /// Size of the file.
    pub bytes: u64,
    /// Seconds since it was last used.
    pub unused_seconds: u64,
    #[serde(skip)]
    path: PathBuf,
    #[serde(skip)]
    used: SystemTime,
}

impl Cache {
    /// A cache in `folder`, which is made when first needed, of at most `limit` bytes.
    pub fn at(folder: PathBuf, limit: u64) -> Self {
        Self { folder: Some(folder), limit }
    }
    /// No cache: nothing is found, nothing is kept.
    pub fn off() -> Self {
        Self { folder: None, limit: 0 }
    }
    /// `$XDG_CACHE_HOME/saescope`, else `~/.cache/saescope`; none without a home.
    pub fn default_folder() -> Option<PathBuf> {
        use etcetera::BaseStrategy;
        Some(etcetera::base_strategy::Xdg::new().ok()?.cache_dir().join("saescope"))
    }
    /// The folder, if caching is on.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }
    fn path(&self, key: &Key) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("{}.{SUFFIX}", key.name)))
    }
    /// The result under `key`, if it is there and reads back whole.
    pub fn get(&self, key: &Key) -> Option<Arrays> {
        let path = self.path(key)?;
        let (header, arrays) = read(&path)?;
        if header.question != key.question {
            return None;
        }
        if let Ok(file) = File::open(&path) {
            // Only the order of eviction depends on this; a read-only cache still serves.
            let _ = file.set_modified(SystemTime::now());
        }
        Some(arrays)
    }
    /// Keeps `arrays` under `key`. The `input` is shown in listings.
    ///
    /// # Errors
    /// If the folder cannot be made or written.
    pub fn put(&self, key: &Key, input: &str, arrays: &Arrays) -> Result<()> {
        let (Some(folder), Some(path)) = (&self.folder, self.path(key)) else { return Ok(()) };
        fs::create_dir_all(folder).map_err(|e| Error::io(folder, &e))?;
        let header = Header {
            question: key.question.clone(),
            input: input.chars().take(4096).collect(),
            arrays: arrays.0.iter().map(|(n, b)| ArrayHeader { name: n.clone(), bytes: b.len() as u64 }).collect(),
        };
        let header = bincode::serde::encode_to_vec(&header, header_config())
            .map_err(|e| Error::io(&path, &std::io::Error::other(e.to_string())))?;
        let temporary = folder.join(format!("{}.{}.part", key.name, std::process::id()));
        let written = (|| {
            let mut file = std::io::BufWriter::new(File::create(&temporary)?);
            file.write_all(MAGIC)?;
            file.write_all(&(header.len() as u64).to_le_bytes())?;
            file.write_all(&header)?;
            let mut at = 16 + header.len();
            for (_, bytes) in &arrays.0 {
                let padding = at.next_multiple_of(ALIGN) - at;
                file.write_all(&[0; ALIGN][..padding])?;
                file.write_all(bytes)?;
                at += padding + bytes.len();
            }
            file.flush()?;
            fs::rename(&temporary, &path)
        })();
        if let Err(e) = written {
            let _ = fs::remove_file(&temporary);
            return Err(Error::io(&path, &e));
        }
        self.trim(&path);
        Ok(())
    }
    /// Removes what was used longest ago until the folder is within its limit; `keep` stays.
    fn trim(&self, keep: &Path) {
        let mut entries = self.list();
        let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
        entries.sort_by_key(|entry| entry.used);
        for entry in entries.iter().filter(|entry| entry.path != keep) {
            if total <= self.limit {
                break;
            }
            if fs::remove_file(&entry.path).is_ok() {
                total -= entry.bytes;
            }
        }
    }
    /// All entries, most recently used first.
    pub fn list(&self) -> Vec<Entry> {
        let Some(files) = self.folder.as_ref().and_then(|folder| fs::read_dir(folder).ok()) else { return Vec::new() };
        let mut entries: Vec<Entry> = files
            .flatten()
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|e| e == SUFFIX))
            .filter_map(|path| {
                let meta = fs::metadata(&path).ok()?;
                let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                let header = read(&path).map(|(header, _)| header);
                let (question, input) =
                    header.map_or_else(|| ("unreadable".into(), String::new()), |h| (h.question, h.input));
                let unused_seconds = used.elapsed().unwrap_or_default().as_secs();
                Some(Entry { question, input, bytes: meta.len(), unused_seconds, path, used })
            })
            .collect();
        entries.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| a.path.cmp(&b.path)));
        entries
    }
    /// Removes every entry; gives how many there were and their bytes.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn clear(&self) -> Result<(usize, u64)> {
        let entries = self.list();
        for entry in &entries {
            fs::remove_file(&entry.path).map_err(|e| Error::io(&entry.path, &e))?;
        }
        Ok((entries.len(), entries.iter().map(|entry| entry.bytes).sum()))
    }
}

fn read(path: &Path) -> Option<(Header, Arrays)> {
    if fs::metadata(path).ok()?.len() < 16 {
        return None;
    }
    let bytes = Bytes::map(path).ok()?;
    if &bytes[..8] != MAGIC {
        return None;
    }
    let length = usize::try_from(u64::from_le_bytes(bytes[8..16].try_into().ok()?)).ok()?;
    let end = length.checked_add(16).filter(|&end| length <= HEADER_LIMIT && end <= bytes.len())?;
    let (header, used): (Header, usize) = bincode::serde::decode_from_slice(&bytes[16..end], header_config()).ok()?;
    if used != length {
        return None;
    }
    let mut at = end;
    let mut arrays = Vec::with_capacity(header.arrays.len());
    for array in &header.arrays {
        let start = at.next_multiple_of(ALIGN);
        at = start.checked_add(usize::try_from(array.bytes).ok()?)?;
        arrays.push((array.name.clone(), bytes.slice(start..at)?));
    }
    (at == bytes.len()).then_some((header, Arrays(arrays)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(limit: u64) -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("deep/er"), limit);
        (folder, cache)
    }

    fn arrays() -> Arrays {
        Arrays::new().with("x", &[1.5f32, -2.0]).with("empty", &[] as &[u8]).with("i", &[7u32; 33])
    }

    #[test]
    fn what_is_put_is_got() {
        let (_folder, cache) = cache(DEFAULT_LIMIT);
        let key = Key::new("print", "map k=15", 1);
        assert!(cache.get(&key).is_none());
        cache.put(&key, "file.safetensors", &arrays()).unwrap();
        let got = cache.get(&key).unwrap();
        assert_eq!(got.get::<f32>("x").unwrap(), [1.5, -2.0]);
        assert_eq!(got.get::<u8>("empty").unwrap(), [] as [u8; 0]);
        assert_eq!(got.get::<u32>("i").unwrap(), [7; 33]);
        assert!(got.get::<u64>("i").is_none() && got.get::<f32>("y").is_none());
        for other in
            [Key::new("other", "map k=15", 1), Key::new("print", "map k=16", 1), Key::new("print", "map k=15", 2)]
        {
            assert!(cache.get(&other).is_none());
        }
        let listed = cache.list();
        assert_eq!((listed.len(), listed[0].input.as_str()), (1, "file.safetensors"));
        assert_eq!(cache.clear().unwrap().0, 1);
        assert!(cache.get(&key).is_none());
    }

    #[test]
    fn a_damaged_entry_is_absent_whatever_the_damage() {
        let (_folder, cache) = cache(DEFAULT_LIMIT);
        let key = Key::new("print", "map", 1);
        cache.put(&key, "in", &arrays()).unwrap();
        let path = cache.path(&key).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(cache.get(&key).is_none(), "cut at {cut}");
        }
        for at in 0..80.min(whole.len()) {
            let mut bent = whole.clone();
            bent[at] ^= 0x55;
            fs::write(&path, &bent).unwrap();
            let _ = cache.get(&key);
        }
    }

    #[test]
    fn the_folder_stays_within_its_limit() {
        let (_folder, cache) = cache(3000);
        for i in 0..8 {
            let key = Key::new("print", &format!("map {i}"), 1);
            cache.put(&key, "in", &Arrays::new().with("x", &[0u8; 1000])).unwrap();
            assert!(cache.get(&key).is_some(), "the newest entry stays");
        }
        assert!(cache.list().iter().map(|e| e.bytes).sum::<u64>() <= 3000);
        assert!(Cache::off().get(&Key::new("a", "b", 1)).is_none());
        Cache::off().put(&Key::new("a", "b", 1), "in", &arrays()).unwrap();
    }
}
