//! Finished results on disk, so that the second opening is at once.
//!
//! One entry is one file: an 8-byte magic, a checksum (xxh3, 128 bits) of everything after it, the length of a header,
//! the header (bincode, small and size-limited), then the arrays as raw little-endian bytes, each aligned to 64. The
//! file name is the hash of fingerprint, question and algorithm versions. Entries appear whole or not at all (written
//! beside, brought to the disk, then renamed); a file of which a single bit has changed is treated as absent. The
//! folder is bounded: the entries used longest ago go first.

use super::fingerprint::Fingerprint;
use crate::container::{Bytes, Numbers};
use crate::error::{Error, Result};
use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use xxhash_rust::xxh3::Xxh3;

const MAGIC: &[u8; 8] = b"saescop2";
/// Where the checksum lies; it is of all bytes after itself.
const CHECKSUM: Range<usize> = 8..24;
/// Where the header begins, after its length.
const HEADER: usize = CHECKSUM.end + 8;
const HEADER_LIMIT: usize = 64 << 10;
const ALIGN: usize = 64;
const SUFFIX: &str = "result";
/// Suffix of an entry that is being written.
const PART: &str = "part";
/// Age at which a file that is being written was surely left behind by a process that died.
const STALE: Duration = Duration::from_hours(1);

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

/// Which result: input, question (kind and parameters), versions of the algorithms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    question: String,
    name: String,
}

impl Key {
    /// The key of `question` asked of the input `fingerprint`; `versions` are those of the algorithms that answer it, and
    /// others make another key.
    pub fn new(fingerprint: &str, question: &str, versions: &str) -> Self {
        let question = format!("{question} [{versions}]");
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

/// Arrays that are written from where they lie.
pub type Lent<'a> = [(&'a str, &'a [u8])];

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
    /// The array called `name` where the entry has it; none if it is absent or not a whole number of elements.
    pub fn numbers<T: bytemuck::Pod>(&self, name: &str) -> Option<Numbers<T>> {
        Numbers::of_bytes(self.0.iter().find(|(n, _)| n == name)?.1.clone())
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
}

/// A file of the folder, as its metadata tells.
struct Kept {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Kept {
    fn unused(&self) -> Duration {
        self.used.elapsed().unwrap_or_default()
    }
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
    /// The most bytes that it keeps.
    pub fn limit(&self) -> u64 {
        self.limit
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
    /// Keeps `arrays` under `key`, unless they alone are more than the limit. The `input` is shown in listings.
    ///
    /// # Errors
    /// If the folder cannot be made or written.
    pub fn put(&self, key: &Key, input: &str, arrays: &Arrays) -> Result<()> {
        let arrays: Vec<(&str, &[u8])> = arrays.0.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
        self.put_lent(key, input, &arrays)
    }
    /// As [`Cache::put`], of arrays that are not copied first.
    ///
    /// # Errors
    /// As [`Cache::put`].
    pub fn put_lent(&self, key: &Key, input: &str, arrays: &Lent) -> Result<()> {
        let (Some(folder), Some(path)) = (&self.folder, self.path(key)) else { return Ok(()) };
        fs::create_dir_all(folder).map_err(|e| Error::io(folder, &e))?;
        let header = Header {
            question: key.question.clone(),
            input: input.chars().take(4096).collect(),
            arrays: arrays.iter().map(|(n, b)| ArrayHeader { name: (*n).into(), bytes: b.len() as u64 }).collect(),
        };
        let header = bincode::serde::encode_to_vec(&header, header_config())
            .map_err(|e| Error::io(&path, &std::io::Error::other(e.to_string())))?;
        let length = (header.len() as u64).to_le_bytes();
        let mut pieces: Vec<&[u8]> = vec![&length, &header];
        let mut at = HEADER + header.len();
        for (_, bytes) in arrays {
            let padding = at.next_multiple_of(ALIGN) - at;
            pieces.extend([&[0; ALIGN][..padding], bytes]);
            at += padding + bytes.len();
        }
        if at as u64 > self.limit {
            return Ok(());
        }
        let mut checksum = Xxh3::new();
        for piece in &pieces {
            checksum.update(piece);
        }
        let temporary = folder.join(part_name(key));
        let written = (|| {
            let mut file = std::io::BufWriter::new(File::create(&temporary)?);
            file.write_all(MAGIC)?;
            file.write_all(&checksum.digest128().to_le_bytes())?;
            pieces.iter().try_for_each(|piece| file.write_all(piece))?;
            // Renamed first, an entry could lose its bytes with the machine's power and keep its name.
            file.into_inner()?.sync_data()?;
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
        self.sweep();
        let entries = self.files(SUFFIX);
        let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
        for entry in entries.iter().rev().filter(|entry| entry.path != keep) {
            if total <= self.limit {
                break;
            }
            if fs::remove_file(&entry.path).is_ok() {
                total -= entry.bytes;
            }
        }
    }
    /// Removes what processes that died while writing have left behind.
    fn sweep(&self) {
        for part in self.files(PART).iter().filter(|part| part.unused() > STALE) {
            let _ = fs::remove_file(&part.path);
        }
    }
    /// The files of the folder with this suffix, most recently used first.
    fn files(&self, suffix: &str) -> Vec<Kept> {
        let Some(files) = self.folder.as_ref().and_then(|folder| fs::read_dir(folder).ok()) else { return Vec::new() };
        let mut files: Vec<Kept> = files
            .flatten()
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|e| e == suffix))
            .filter_map(|path| {
                let meta = fs::metadata(&path).ok()?;
                Some(Kept { path, bytes: meta.len(), used: meta.modified().unwrap_or(SystemTime::UNIX_EPOCH) })
            })
            .collect();
        files.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| a.path.cmp(&b.path)));
        files
    }
    /// All entries, most recently used first; of each only the header is read.
    pub fn list(&self) -> Vec<Entry> {
        let entry = |file: &Kept| {
            let header = Bytes::map(&file.path).ok().and_then(|bytes| Some(header(&bytes)?.0));
            let (question, input) =
                header.map_or_else(|| ("unreadable".into(), String::new()), |h| (h.question, h.input));
            Entry { question, input, bytes: file.bytes, unused_seconds: file.unused().as_secs() }
        };
        self.files(SUFFIX).iter().map(entry).collect()
    }
    /// Removes every entry; gives how many there were and their bytes.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn clear(&self) -> Result<(usize, u64)> {
        self.sweep();
        let entries = self.files(SUFFIX);
        for entry in &entries {
            match fs::remove_file(&entry.path) {
                // Another process was faster.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                removed => removed.map_err(|e| Error::io(&entry.path, &e))?,
            }
        }
        Ok((entries.len(), entries.iter().map(|entry| entry.bytes).sum()))
    }
}

/// A name that no other writer uses, in this process or another.
fn part_name(key: &Key) -> String {
    static WRITERS: AtomicU64 = AtomicU64::new(0);
    let writer = WRITERS.fetch_add(1, Ordering::Relaxed);
    format!("{}.{}-{writer}.{PART}", key.name, std::process::id())
}

/// The header of an entry and where it ends; the checksum is not looked at.
fn header(bytes: &[u8]) -> Option<(Header, usize)> {
    if !bytes.starts_with(MAGIC) {
        return None;
    }
    let length = u64::from_le_bytes(bytes.get(CHECKSUM.end..HEADER)?.try_into().ok()?);
    let length = usize::try_from(length).ok().filter(|&length| length <= HEADER_LIMIT)?;
    let (header, used) =
        bincode::serde::decode_from_slice(bytes.get(HEADER..HEADER + length)?, header_config()).ok()?;
    (used == length).then_some((header, HEADER + length))
}

/// An entry whose bytes are those that were written.
fn read(path: &Path) -> Option<(Header, Arrays)> {
    let bytes = Bytes::map(path).ok()?;
    let (header, mut at) = header(&bytes)?;
    let mut checksum = Xxh3::new();
    checksum.update(&bytes[CHECKSUM.end..]);
    if checksum.digest128().to_le_bytes() != bytes[CHECKSUM] {
        return None;
    }
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
        let key = Key::new("print", "map k=15", "umap1");
        assert!(cache.get(&key).is_none());
        cache.put(&key, "file.safetensors", &arrays()).unwrap();
        let got = cache.get(&key).unwrap();
        assert_eq!(got.get::<f32>("x").unwrap(), [1.5, -2.0]);
        assert_eq!(got.get::<u8>("empty").unwrap(), [] as [u8; 0]);
        assert_eq!(got.get::<u32>("i").unwrap(), [7; 33]);
        assert!(got.get::<u64>("i").is_none() && got.get::<f32>("y").is_none());
        for other in [("other", "map k=15", "umap1"), ("print", "map k=16", "umap1"), ("print", "map k=15", "umap2")] {
            let (print, question, versions) = other;
            assert!(cache.get(&Key::new(print, question, versions)).is_none());
        }
        let listed = cache.list();
        assert_eq!((listed.len(), listed[0].input.as_str()), (1, "file.safetensors"));
        assert_eq!(cache.clear().unwrap().0, 1);
        assert!(cache.get(&key).is_none());
    }

    #[test]
    fn a_damaged_entry_is_absent_whatever_the_damage() {
        let (_folder, cache) = cache(DEFAULT_LIMIT);
        let key = Key::new("print", "map", "umap1");
        cache.put(&key, "in", &arrays()).unwrap();
        let path = cache.path(&key).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(cache.get(&key).is_none(), "cut at {cut}");
        }
        for at in 0..whole.len() {
            for bit in [1, 0x80] {
                let mut bent = whole.clone();
                bent[at] ^= bit;
                fs::write(&path, &bent).unwrap();
                assert!(cache.get(&key).is_none(), "byte {at}, bit {bit}");
            }
        }
        let mut longer = whole.clone();
        longer.push(0);
        fs::write(&path, &longer).unwrap();
        assert!(cache.get(&key).is_none());
        assert_eq!(cache.list().len(), 1, "it is still listed, and can be cleared");
        fs::write(&path, &whole).unwrap();
        assert!(cache.get(&key).is_some());
    }

    #[test]
    fn the_folder_stays_within_its_limit() {
        let (_folder, cache) = cache(3000);
        let kilobyte = Arrays::new().with("x", &[0u8; 1000]);
        for i in 0..8 {
            let key = Key::new("print", &format!("map {i}"), "umap1");
            cache.put(&key, "in", &kilobyte).unwrap();
            assert!(cache.get(&key).is_some(), "the newest entry stays");
        }
        let kept = cache.list();
        assert!(kept.len() == 2 && kept.iter().map(|e| e.bytes).sum::<u64>() <= 3000);
        let large = Key::new("print", "all", "umap1");
        cache.put(&large, "in", &Arrays::new().with("x", &[0u8; 3000])).unwrap();
        assert!(cache.get(&large).is_none());
        assert_eq!(cache.list().len(), 2, "an entry that cannot stay drives nothing out");
    }

    #[test]
    fn without_a_folder_nothing_is_kept() {
        let key = Key::new("a", "b", "c");
        Cache::off().put(&key, "in", &arrays()).unwrap();
        assert!(Cache::off().get(&key).is_none());
        assert_eq!((Cache::off().list(), Cache::off().clear().unwrap()), (Vec::new(), (0, 0)));
    }

    #[test]
    fn what_a_dead_writer_left_is_swept_and_a_living_one_is_let_be() {
        let (_folder, cache) = cache(DEFAULT_LIMIT);
        let key = Key::new("print", "map", "umap1");
        cache.put(&key, "in", &arrays()).unwrap();
        assert_ne!(part_name(&key), part_name(&key));
        let part = |age: Duration| {
            let path = cache.folder().unwrap().join(part_name(&key));
            File::create(&path).unwrap().set_modified(SystemTime::now() - age).unwrap();
            path
        };
        for clear in [false, true] {
            let (old, new) = (part(2 * STALE), part(STALE / 2));
            if clear {
                assert_eq!(cache.clear().unwrap().0, 1);
            } else {
                cache.put(&key, "in", &arrays()).unwrap();
            }
            assert!(!old.exists() && new.exists(), "clear: {clear}");
        }
    }

    #[test]
    fn writers_of_the_same_entry_do_not_disturb_each_other() {
        let (_folder, cache) = cache(DEFAULT_LIMIT);
        let key = Key::new("print", "map", "umap1");
        let values = vec![3u32; 100_000];
        let large = Arrays::new().with("x", &values);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| cache.put(&key, "in", &large).unwrap());
            }
        });
        assert_eq!(cache.get(&key).unwrap().get::<u32>("x").unwrap(), values);
        assert_eq!(fs::read_dir(cache.folder().unwrap()).unwrap().count(), 1);
    }
}
