//! Finding dictionaries: those in a folder of many, and in repositories of the Hugging Face cache ([`super::hub`]).
//!
//! A folder is searched [`MAX_DEPTH`] levels deep; each candidate costs its headers.

use super::detect::{self, Source};
use super::formats::{self, FORMATS, Place};
use super::hub::resolve;
use super::open::OpenOptions;
use crate::container::{Bytes, Dtype, FileKind, sniff};
use crate::error::{Error, Problem, Result};
use crate::text::{clip, counted};
use serde::{Serialize, Serializer};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// How deep a folder of many is searched.
pub const MAX_DEPTH: usize = 6;

/// How many files and folders are looked at before the search gives up.
const MAX_ENTRIES: usize = 200_000;

/// One dictionary of a folder of many.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listing {
    /// Its place below the folder, with `/` between parts; what `--pick` takes.
    pub name: String,
    /// The folder or file to open.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// Which dictionary of a file that holds several.
    #[serde(skip)]
    pub part: Option<usize>,
    /// Name of its format; none if it cannot be read.
    pub format: Option<&'static str>,
    /// The decoder's shape as it lies in the file; of one of several dictionaries in a file, features and width.
    pub shape: Option<Vec<usize>>,
    /// The decoder's element type.
    pub dtype: Option<Dtype>,
    /// Model, where its files or folders tell.
    pub model: Option<String>,
    /// Hook point, likewise.
    pub hook: Option<String>,
    /// Layer, likewise.
    pub layer: Option<usize>,
    /// Why it cannot be read, if so.
    pub problem: Option<String>,
}

fn as_text<S: Serializer>(path: &Path, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// The dictionaries in a folder and below it, by name; the folder itself, if it holds one, is called `.`.
///
/// Links to folders are followed, but none twice; hidden folders are left out. A bare matrix is listed only if its
/// name says that it is a decoder, since activations look the same.
///
/// # Errors
/// If the folder cannot be read, or there are more than 200,000 files in it.
pub fn list(path: &Path) -> Result<Vec<Listing>> {
    Ok(search(&resolve(path)?)?.0)
}

/// As [`list`], of a folder that is there; and what else lies there.
fn search(root: &Path) -> Result<(Vec<Listing>, Others)> {
    let mut walk = Walk::at(root);
    let mut found = Vec::new();
    walk.visit(root, 0, &mut found)?;
    for listings in [&mut found, &mut walk.others.bare] {
        listings.sort_by(|a, b| natural(&a.name).cmp(&natural(&b.name)).then_with(|| a.name.cmp(&b.name)));
    }
    Ok((found, walk.others))
}

struct Walk {
    seen: HashSet<PathBuf>,
    entries: usize,
    root: PathBuf,
    /// Weight files that were listed with their folder.
    known: HashSet<PathBuf>,
    others: Others,
}

/// What lies in a folder and is no dictionary by its name.
struct Others {
    /// Matrices that may be decoders, but do not say so.
    bare: Vec<Listing>,
    /// What is wrong with the first encoder without a decoder.
    encoder: Option<Error>,
}

impl Walk {
    fn at(root: &Path) -> Self {
        let others = Others { bare: Vec::new(), encoder: None };
        Self { seen: HashSet::new(), entries: 0, root: root.to_path_buf(), known: HashSet::new(), others }
    }
    fn visit(&mut self, folder: &Path, depth: usize, found: &mut Vec<Listing>) -> Result<()> {
        // A link that leads back up would be walked for ever.
        let real = folder.canonicalize().map_err(|e| Error::io(folder, &e))?;
        if !self.seen.insert(real) {
            return Ok(());
        }
        let own = detect::weight_file(folder);
        if own.is_some() {
            let source = Source::open(folder);
            // A language model's weights bear such a name too. What is known or broken is listed with its reason.
            let foreign = source.as_ref().is_ok_and(|source| {
                formats::recognise(source).is_none() && !matches!(formats::unrecognised(source), Error::NotRead(_))
            });
            if !foreign {
                found.extend(self.listings(folder, &source));
            }
            self.known.extend(own);
        }
        let mut folders = Vec::new();
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|e| Error::io(folder, &e))? {
            let entry = entry.map_err(|e| Error::io(folder, &e))?;
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(Problem::new(format!("more than {MAX_ENTRIES} files and folders"))
                    .path(&self.root)
                    .expected("a folder of dictionaries")
                    .hint("naming a folder further down")
                    .input());
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            if name.starts_with('.') {
                continue;
            }
            match std::fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => folders.push(path),
                Ok(metadata) if metadata.is_file() => files.push(path),
                // A dangling link or a file that may not be looked at is nobody's dictionary.
                _ => {}
            }
        }
        // The order of a folder's entries is the file system's own; results must not depend on it.
        folders.sort();
        files.sort();
        for file in files {
            let name = file.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
            // What makes a folder a dictionary was listed with it, and so were those that go with it.
            let known = self.known.contains(&file) || detect::number_in_set(&file).is_some();
            if known || !SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) || is_result(&file) {
                continue;
            }
            // Tensors of other kinds lie beside dictionaries; what is no dictionary is passed over in silence, but what
            // may be a broken one is not.
            let source = match Source::open(&file) {
                Ok(source) => source,
                Err(error) => {
                    if may_be_broken(&file, &name) {
                        found.extend(self.listings(&file, &Err(error)));
                    }
                    continue;
                }
            };
            if let Some(format) = formats::recognise(&source) {
                let named = format.name != "matrix" || says_decoder(&file, &source);
                let listings = self.listings(&file, &Ok(source));
                if named { found.extend(listings) } else { self.others.bare.extend(listings) }
            } else if formats::lone_encoder(&source).is_some() {
                self.others.encoder.get_or_insert_with(|| formats::unrecognised(&source));
            }
        }
        if depth < MAX_DEPTH {
            for folder in folders {
                // A folder that may not be entered hides what it holds, not what its neighbours hold.
                match self.visit(&folder, depth + 1, found) {
                    Err(Error::Io { .. }) | Ok(()) => {}
                    Err(other) => return Err(other),
                }
            }
        }
        Ok(())
    }
    /// The dictionaries in what lies at `path`: one, or its parts.
    fn listings(&self, path: &Path, source: &Result<Source>) -> Vec<Listing> {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        let parts: Vec<_> = below.components().map(|part| shown(part.as_os_str())).collect();
        let name = if parts.is_empty() { ".".into() } else { parts.join("/") };
        let (path, nothing) = (path.to_path_buf(), Place::default);
        let listing = |name, part, format, place: Place| {
            let Place { model, hook, layer, .. } = place;
            let (path, shape, dtype, problem) = (path.clone(), None, None, None);
            Listing { name, path, part, format, shape, dtype, model, hook, layer, problem }
        };
        let source = match source {
            Ok(source) => source,
            Err(error) => {
                return vec![Listing { problem: Some(error.to_string()), ..listing(name, None, None, nothing()) }];
            }
        };
        let matrices = || source.tensors.iter().filter(|tensor| (2..=3).contains(&tensor.shape.len()));
        let decoder = matrices().find(|tensor| is_decoder(&tensor.name)).or_else(|| matrices().next());
        let (shape, dtype) = (decoder.map(|tensor| tensor.shape.clone()), decoder.and_then(|tensor| tensor.dtype));
        let Some(format) = formats::recognise(source) else {
            let problem = Some(formats::unrecognised(source).to_string());
            return vec![Listing { shape, dtype, problem, ..listing(name, None, None, nothing()) }];
        };
        let parts = (format.parts)(source);
        if parts.is_empty() {
            let place = (format.place)(source);
            return vec![Listing { shape, dtype, ..listing(name, None, Some(format.name), place) }];
        }
        let below = if name == "." { String::new() } else { format!("{name}/") };
        let mut source = source.clone();
        // No tensor has the shape of a part: its layers write to different numbers of others.
        let of_part = |(part, own): (usize, String)| {
            source.part = Some(part);
            let (name, place) = (format!("{below}{own}"), (format.place)(&source));
            let listing = listing(name, Some(part), Some(format.name), place);
            match (format.load)(&source, &OpenOptions::default()) {
                Ok(read) => {
                    let (shape, dtype) = (Some(vec![read.features(), read.d_out()]), Some(read.info.dtype));
                    Listing { shape, dtype, ..listing }
                }
                Err(error) => Listing { problem: Some(error.to_string()), ..listing },
            }
        };
        parts.into_iter().map(of_part).collect()
    }
}

/// How the names of files with tensors end.
const SUFFIXES: &[&str] = &[".safetensors", ".npz", ".npy", ".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pkl.gz"];

/// Whether a file that cannot be opened seems to be the weights of something: it begins as such files do, and is not
/// called as arrays are that anyone saves, or as what training keeps for itself.
fn may_be_broken(file: &Path, name: &str) -> bool {
    const OTHERS: &[&str] = &["optim", "scheduler", "lr_scheduler", "rng_state", "training_args", "state.", "rank_"];
    let is_array = [".npy", ".npz"].iter().any(|suffix| name.ends_with(suffix));
    if is_array && !is_decoder(name) || OTHERS.iter().any(|other| name.starts_with(other)) {
        return false;
    }
    let kind = Bytes::map(file).map(|bytes| sniff(&bytes));
    kind.is_ok_and(|kind| {
        use FileKind::{LfsPointer, Npy, Pickle, Safetensors, Torch, Zip};
        matches!(kind, Safetensors | Torch | Pickle | Zip | Npy | LfsPointer)
    })
}

/// A file's name as text; bytes that are no UTF-8 are written as `\xff`, so that different names stay different.
fn shown(name: &OsStr) -> String {
    let chunks = name.as_encoded_bytes().utf8_chunks();
    chunks.fold(String::new(), |text, chunk| {
        let invalid: String = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")).collect();
        text + chunk.valid() + &invalid
    })
}

/// Whether a file is a result of this program: an npy with its provenance beside it.
fn is_result(file: &Path) -> bool {
    const MOST: u64 = 1 << 20;
    let beside = file.with_extension("npy.json");
    let is_npy = file.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("npy"));
    let small = || std::fs::metadata(&beside).is_ok_and(|found| found.is_file() && found.len() <= MOST);
    let told = (is_npy && small()).then(|| std::fs::read(&beside).ok()).flatten();
    let told = told.and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
    told.is_some_and(|told| told["provenance"]["program"].as_str().is_some_and(|by| by.starts_with("saescope ")))
}

fn is_decoder(name: &str) -> bool {
    name.to_ascii_lowercase().contains("dec")
}

fn says_decoder(file: &Path, source: &Source) -> bool {
    let stem = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    is_decoder(&stem) || source.tensors.iter().any(|tensor| tensor.shape.len() == 2 && is_decoder(&tensor.name))
}

/// A sort key that puts layer_2 before layer_10, and layer before both: a number stands where its first digit would.
pub(crate) fn natural(name: &str) -> Vec<(char, u64)> {
    let mut key = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        key.push(if digits == 0 { (first, 0) } else { ('0', rest[..digits].parse().unwrap_or(u64::MAX)) });
        rest = &rest[digits.max(first.len_utf8())..];
    }
    key
}

/// What lies at a path.
#[derive(Debug, Clone)]
pub enum Found {
    /// One dictionary.
    One(Located),
    /// A folder of several, of which one must be picked.
    Many(Vec<Listing>),
}

/// Looks what lies at `path`. A folder that is a dictionary itself is that one, whatever lies below it.
///
/// # Errors
/// As [`resolve`] and [`list`]; or if no dictionary is in the folder.
pub fn look(path: &Path) -> Result<Found> {
    let path = resolve(path)?;
    let own = !path.is_dir() || detect::weight_file(&path).is_some();
    let (source, mut all) = if own { in_one(&path) } else { (None, Vec::new()) };
    if all.is_empty() && path.is_dir() {
        let (found, others) = search(&path)?;
        all = found;
        if all.is_empty() && !own {
            all.push(only_matrix(&path, others)?);
        }
    }
    match all.len() {
        // It is no dictionary: opening it says what it is.
        0 => Ok(Found::One(Located { path, part: None, picked: None, source })),
        1 => Ok(Found::One(Located { source, ..all.swap_remove(0).into() })),
        _ => Ok(Found::Many(all)),
    }
}

/// What was read of one file, or of a folder that is a dictionary itself, and the dictionaries in it.
fn in_one(path: &Path) -> (Option<Box<Source>>, Vec<Listing>) {
    let source = Source::open(path);
    if !source.as_ref().is_ok_and(|source| formats::recognise(source).is_some()) {
        return (source.ok().filter(|_| !path.is_dir()).map(Box::new), Vec::new());
    }
    let mut all = Walk::at(path).listings(path, &source);
    // A file of a set is its own part.
    let own = detect::number_in_set(path).filter(|_| path.is_file());
    if let Some(at) = own.and_then(|own| all.iter().position(|listing| listing.part == Some(own))) {
        all = vec![all.swap_remove(at)];
    }
    (source.ok().map(Box::new), all)
}

/// A dictionary's place.
#[derive(Debug, Clone)]
pub struct Located {
    /// The file or folder to open.
    pub path: PathBuf,
    /// Which dictionary of it, if it holds several.
    pub part: Option<usize>,
    /// Its name among those of its folder, if it was picked.
    pub picked: Option<String>,
    /// What was read of it on the way, so that it need not be read again.
    pub source: Option<Box<Source>>,
}

impl From<Listing> for Located {
    fn from(listing: Listing) -> Self {
        Self { path: listing.path, part: listing.part, picked: None, source: None }
    }
}

/// The one dictionary at `path`, or the one of a folder of many that `pick` names: by its name in [`list`], or a part
/// of it that no other has.
///
/// # Errors
/// As [`look`]; or if there are several without a pick, or none or several that it fits.
pub fn locate(path: &Path, pick: Option<&str>) -> Result<Located> {
    let Some(pick) = pick else {
        return match look(path)? {
            Found::One(located) => Ok(located),
            Found::Many(all) => Err(Problem::new(format!("a folder of {} dictionaries: {}", all.len(), names(&all)))
                .path(path)
                .expected("one")
                .hint(format!("--pick {}", all[0].name))
                .usage()),
        };
    };
    let path = resolve(path)?;
    let problem = |what: String| Problem::new(what).path(&path);
    let (source, mut all) = if path.is_dir() { (None, Vec::new()) } else { in_one(&path) };
    if !path.is_dir() && all.iter().all(|listing| listing.part.is_none()) {
        return Err(problem(format!("there is nothing to pick {pick} from: this is one file"))
            .expected("a folder of dictionaries")
            .usage());
    }
    if path.is_dir() {
        let (found, others) = search(&path)?;
        all = found;
        if all.is_empty() {
            all.push(only_matrix(&path, others)?);
        }
    }
    let exact = all.iter().filter(|listing| listing.name == pick);
    let matching: Vec<&Listing> = match exact.collect::<Vec<_>>() {
        none if none.is_empty() => all.iter().filter(|listing| listing.name.contains(pick)).collect(),
        exact => exact,
    };
    match matching.as_slice() {
        [one] => Ok(Located { picked: Some(one.name.clone()), source, ..Located::from((*one).clone()) }),
        [] if all.len() == 1 && all[0].name == "." => {
            Err(problem(format!("there is nothing to pick {pick} from: this is one dictionary"))
                .expected("a folder of dictionaries")
                .hint("leaving --pick out")
                .usage())
        }
        [] => Err(problem(format!("no dictionary in it is called {pick}"))
            .expected(format!("one of {}", names(&all)))
            .usage()),
        several => {
            let names = names(several.iter().copied());
            Err(problem(format!("{pick} is part of {} names: {names}", several.len()))
                .expected("a name that only one has")
                .usage())
        }
    }
}

/// The first names of some dictionaries.
fn names<'a>(listings: impl IntoIterator<Item = &'a Listing>) -> String {
    const SHOWN: usize = 10;
    let all: Vec<&str> = listings.into_iter().map(|listing| listing.name.as_str()).collect();
    let more = all.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!(", {more} more") };
    all[..all.len().min(SHOWN)].join(", ") + &more
}

/// The only matrix in a folder in which no name speaks of a dictionary.
///
/// # Errors
/// If there is none or there are several, or the folder seems to be something else; the message says what it holds.
fn only_matrix(path: &Path, others: Others) -> Result<Listing> {
    match (seems(path).or(others.encoder), <[Listing; 1]>::try_from(others.bare)) {
        (None, Ok([one])) => Ok(one),
        (Some(error), _) => Err(error),
        (None, Err(several)) => Err(empty_folder(path, &several)),
    }
}

/// What a folder without dictionaries seems to be, by its files.
fn seems(path: &Path) -> Option<Error> {
    let names = names_in(path);
    let elsewhere = detect::config_in(path).and_then(|config| Some(config.get("transcoders")?.as_array()?.clone()));
    if let Some(first) = elsewhere.as_ref().and_then(|all| all.first()?.as_str()?.strip_prefix("hf://")) {
        let all = elsewhere.as_ref().map_or(0, Vec::len);
        let first = first.split(['?', '@']).next().unwrap_or_default();
        let all = counted(all, "transcoder", "transcoders");
        return Some(
            Problem::new(format!("a list of {all}, which lie in repositories of their own"))
                .path(path)
                .expected("a folder that holds the weights")
                .hint(format!("{}, once it is in the Hugging Face cache", clip(first, 200)))
                .input(),
        );
    }
    let ends = |suffixes: &[&str]| {
        let fits =
            |name: &&String| Path::new(name).extension().is_some_and(|s| suffixes.iter().any(|suffix| s == *suffix));
        names.iter().find(fits)
    };
    let is_data_set = names.iter().any(|name| name == "dataset_info.json") || ends(&["arrow"]).is_some();
    let what = "a data set of activations, not a dictionary";
    is_data_set.then(|| no_dictionary(path, what, "--acts with this folder"))
}

/// Says what a folder without dictionaries holds, of which these matrices may be one.
fn empty_folder(path: &Path, bare: &[Listing]) -> Error {
    if !bare.is_empty() {
        let what = format!("no file in this folder says that it is a dictionary; matrices in it are {}", names(bare));
        return no_dictionary(path, &what, "naming one of them, if it is a decoder");
    }
    if names_in(path).is_empty() {
        return no_dictionary(path, "an empty folder", "the folder that holds the weight file");
    }
    no_dictionary(path, "no dictionary in this folder or below it", "the folder or file that holds the weights")
}

fn no_dictionary(path: &Path, what: &str, hint: &str) -> Error {
    let expected = format!("a folder with {}, or files of {}", detect::WEIGHT_FILES[0], formats_line());
    Problem::new(what).path(path).expected(expected).hint(hint).input()
}

/// Names of the files and folders in a folder; none if it cannot be read.
fn names_in(path: &Path) -> Vec<String> {
    std::fs::read_dir(path)
        .map(|entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default()
}

fn formats_line() -> String {
    FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_stay_different() {
        use std::os::unix::ffi::OsStrExt;
        let names = [&b"a\xff"[..], b"a\xfe", b"a"].map(|name| shown(OsStr::from_bytes(name)));
        assert_eq!(names, ["a\\xff", "a\\xfe", "a"]);
    }

    #[test]
    fn numbers_in_names_sort_as_numbers() {
        let sorted = ["embed", "layer/x", "layer_2/a", "layer_2/x", "layer_10/x", "part.npy", "part2.npy", "s", "s2"];
        let mut names = sorted;
        names.reverse();
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, sorted);
    }
}
