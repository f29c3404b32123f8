//! Sparse feature activations over tokens, by token and by feature.
//!
//! Input: what the rows of [`FORMATS`] name, one file each: a format says whether a file or folder is its own, reads
//! the matrix `[tokens, features]`, and tells the ids of the tokens where they lie beside it. To add one, write its file
//! and give it a row. Output: [`Activations`], the same entries in both orders, as f32. Stored zeros are dropped,
//! negative values kept; whatever had to be mended, and whatever is missing, stands in [`Activations::notes`].
//!
//! Rows are tokens, sequence after sequence: row = sequence · context + position.
//!
//! Cost: one pass over the entries to read, one to check, two to transpose. Memory: 16 bytes an entry for the two
//! orders, 8 more while the second is made, and while loading the arrays of the file (mapped if they are stored, on the
//! heap if they are deflated).

mod delphi;
mod dense;
mod engels;
mod read;
mod saev;
mod scipy;
mod source;

use crate::container::write::NpzWriter;
use crate::container::{Bytes, Tensor, json};
use crate::error::{Error, Problem, Result};
use crate::task::Task;
use crate::text::{counted, markdown_table};
use serde_json::Value;
use source::Source;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

pub use super::sparse::{Mended, Sparse};
pub(crate) use delphi::is_split;

/// Raise it when a format reads the same file as other activations than before: kept ones are then read anew.
pub const VERSION: u32 = 1;

/// One way in which activations are kept.
#[derive(Debug)]
pub struct Format {
    /// Its name.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// Whether a source is one of these; what is known of the dictionary is its number of features.
    detect: fn(&Source, Option<usize>) -> bool,
    /// Reads the matrix.
    read: fn(&Source, Option<usize>, &Task) -> Result<Read>,
    /// The ids of the tokens, where they lie beside it.
    ids: fn(&Source, &Task) -> Result<Option<TokenIds>>,
}

/// All formats, in the order in which they are asked.
pub const FORMATS: &[Format] =
    &[delphi::FOLDER, saev::FORMAT, scipy::FORMAT, engels::FORMAT, delphi::FILE, dense::FORMAT];

/// The table as the README shows it.
pub fn markdown() -> String {
    markdown_table("format", FORMATS.iter().map(|format| (format.name, format.about)))
}

/// A matrix as a format gave it.
#[derive(Debug)]
struct Read {
    sparse: Sparse,
    /// Whether it is `[features, tokens]`.
    by_feature: bool,
    mended: Mended,
    /// What else a careful reader should know.
    notes: Vec<String>,
}

impl Read {
    fn new(sparse: Sparse, mended: Mended) -> Self {
        Self { sparse, by_feature: false, mended, notes: Vec::new() }
    }
}

/// The ids of the tokens, one a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenIds {
    /// The ids.
    pub ids: Vec<u32>,
    /// Tokens of a sequence; none if no file tells where one ends.
    pub context: Option<usize>,
}

impl TokenIds {
    /// What arrays of them are called beside activations.
    pub const NAMES: [&str; 4] = ["tokens", "token_ids", "input_ids", "all_tokens"];

    /// The ids of an array `[tokens]` or `[sequences, context]`.
    ///
    /// # Errors
    /// If it is no such array of integers from 0 to 2^32 - 1, or the task is cancelled.
    pub fn of(tensor: &Tensor, task: &Task) -> Result<Self> {
        let context = match tensor.shape() {
            [_] => None,
            [_, context] if *context > 0 => Some(*context),
            _ => return Err(tensor.problem("no ids of tokens").expected("[tokens] or [sequences, context]").input()),
        };
        let ids = if tensor.is_row_major() {
            let flat = read::part(tensor, 0..tensor.shape()[0])?;
            read::narrow(&flat, &mut |_| task.check())?.to_vec()
        } else {
            let id = |id: u64| u32::try_from(id).map_err(|_| tensor.problem(format!("the id {id}")).input());
            tensor.to_indices()?.into_iter().map(id).collect::<Result<_>>()?
        };
        Ok(Self { ids, context })
    }
}

/// Activations `[tokens, features]`, held in both orders.
#[derive(Debug, Clone)]
pub struct Activations {
    /// `[tokens, features]`.
    pub by_token: Sparse,
    /// `[features, tokens]`: the same entries, by feature.
    pub by_feature: Sparse,
    /// The file or folder they came from.
    pub source: PathBuf,
    /// The ids of the tokens, where they were beside the activations.
    pub ids: Option<TokenIds>,
    /// The language model, where a configuration beside them names it.
    pub model: Option<String>,
    /// What was put right while reading ("12 stored zeros were dropped"); empty for a clean file.
    pub notes: Vec<String>,
}

/// Activations that were found and not read yet.
#[derive(Debug)]
pub struct Found {
    source: Source,
    format: &'static Format,
}

impl Found {
    /// Those at `path`, or the only ones in the folders below it; `features` is the dictionary's number of features,
    /// where there is one to agree with.
    ///
    /// # Errors
    /// If there are none of a known format, or several in a folder; or if the task is cancelled.
    pub fn at(path: &Path, features: Option<usize>, task: &Task) -> Result<Self> {
        let (source, format) = Source::find(path, features, task)?;
        Ok(Self { source, format })
    }
    /// The file or folder.
    pub fn path(&self) -> &Path {
        &self.source.path
    }
    /// The files that make it up.
    pub fn files(&self) -> Vec<PathBuf> {
        self.source.files()
    }
    /// Reads them; `features` as before.
    ///
    /// # Errors
    /// If a file is damaged or contradicts itself, has values that are not finite, or has another number of features; or
    /// if the task is cancelled.
    pub fn read(&self, features: Option<usize>, task: &Task) -> Result<Activations> {
        let path = &self.source.path;
        let read = (self.format.read)(&self.source, features, task).map_err(|error| error.at(path))?;
        let Read { sparse, by_feature, mended, mut notes } = read;
        let other = sparse.transpose_under(task)?;
        let (by_token, by_feature) = if by_feature { (other, sparse) } else { (sparse, other) };
        notes.extend(mended_notes(mended));
        self.with(by_token, by_feature, notes, task)
    }
    /// The activations of which these are the two orders, with the ids of their tokens.
    ///
    /// # Errors
    /// If the ids cannot be read, or are not one a token; or if the task is cancelled.
    pub fn with(&self, by_token: Sparse, by_feature: Sparse, notes: Vec<String>, task: &Task) -> Result<Activations> {
        let ids = (self.format.ids)(&self.source, task).map_err(|error| error.at(&self.source.path))?;
        if let Some(ids) = ids.as_ref().filter(|ids| ids.ids.len() != by_token.rows) {
            let what = format!(
                "{} for {}",
                counted(ids.ids.len(), "token id", "token ids"),
                counted(by_token.rows, "token", "tokens")
            );
            return Err(self.source.problem(what).expected("one for each token").input());
        }
        let config = config(&self.source.path).ok().flatten();
        let model = config.and_then(|config| Some(config.get("model_name")?.as_str()?.to_string()));
        Ok(Activations { by_token, by_feature, source: self.source.path.clone(), ids, model, notes })
    }
}

impl Activations {
    /// Activations from a matrix `[tokens, features]`; `source` is for people.
    pub fn new(by_token: Sparse, source: impl Into<PathBuf>) -> Self {
        let by_feature = by_token.transpose();
        Self { by_token, by_feature, source: source.into(), ids: None, model: None, notes: Vec::new() }
    }
    /// Finds and reads what lies at `path`; `features` is the dictionary's number of features, where there is one to
    /// agree with.
    ///
    /// # Errors
    /// As [`Found::at`] and [`Found::read`].
    pub fn load(path: &Path, features: Option<usize>, task: &Task) -> Result<Self> {
        Found::at(path, features, task)?.read(features, task)
    }
    /// As [`Activations::load`], from the bytes of one file; `path` is for messages.
    ///
    /// # Errors
    /// As [`Activations::load`].
    pub fn from_bytes(bytes: Bytes, path: &Path, features: Option<usize>, task: &Task) -> Result<Self> {
        let source = Source::from_bytes(bytes, path, task)?;
        let format = source.format(features).ok_or_else(|| source.unknown(features))?;
        Found { source, format }.read(features, task)
    }
    /// Number of tokens.
    pub fn tokens(&self) -> usize {
        self.by_token.rows
    }
    /// Number of features.
    pub fn features(&self) -> usize {
        self.by_token.cols
    }
    /// Mean number of features that fire on a token.
    pub fn l0(&self) -> f64 {
        if self.tokens() == 0 { 0.0 } else { self.by_token.nnz() as f64 / self.tokens() as f64 }
    }
    /// Share of tokens on which `feature` fires.
    ///
    /// # Panics
    /// If there is no such feature.
    pub fn density(&self, feature: usize) -> f64 {
        if self.tokens() == 0 { 0.0 } else { self.by_feature.row(feature).0.len() as f64 / self.tokens() as f64 }
    }
    /// Largest activation of `feature`; 0 if it never fires.
    ///
    /// # Panics
    /// If there is no such feature.
    pub fn max(&self, feature: usize) -> f32 {
        self.by_feature.row(feature).1.iter().copied().fold(0.0, f32::max)
    }
}

/// Writes `sparse` as `scipy.sparse.save_npz` lays out a CSR matrix of f32, with members stored and not deflated, so
/// that it opens without inflating. The bytes depend on what is given alone. Indices are 32-bit where they fit. The ids
/// of the tokens and a `provenance` are added as arrays of their own, which scipy passes over.
///
/// # Errors
/// If `out` refuses.
pub fn write_csr(
    sparse: &Sparse,
    ids: Option<&TokenIds>,
    provenance: Option<&str>,
    out: impl Write + Seek,
) -> std::io::Result<()> {
    let narrow = i32::try_from(sparse.nnz().max(sparse.cols)).is_ok();
    let mut npz = NpzWriter::new(out);
    let (nnz, rows) = (sparse.nnz(), sparse.rows);
    if narrow {
        npz.values("indices", &[nnz], sparse.indices.iter().map(|&i| i as i32))?;
        npz.values("indptr", &[rows + 1], sparse.indptr.iter().map(|&p| p as i32))?;
    } else {
        npz.values("indices", &[nnz], sparse.indices.iter().map(|&i| i64::from(i)))?;
        npz.values("indptr", &[rows + 1], sparse.indptr.iter().map(|&p| p as i64))?;
    }
    npz.byte_string("format", "csr")?;
    npz.array("shape", &[2], &[rows as i64, sparse.cols as i64])?;
    npz.array("data", &[nnz], &sparse.values)?;
    if let Some(TokenIds { ids, context }) = ids {
        let context = context.filter(|context| ids.len().is_multiple_of(*context));
        let shape = context.map_or_else(|| vec![ids.len()], |context| vec![ids.len() / context, context]);
        npz.array(scipy::IDS, &shape, ids)?;
    }
    if let Some(provenance) = provenance {
        npz.texts("provenance", &[], &[provenance])?;
    }
    npz.finish()
}

/// Whether the dictionary has as many features as were found.
fn agree(path: &Path, tokens: impl Into<Option<usize>>, found: usize, features: Option<usize>) -> Result<()> {
    let Some(features) = features.filter(|&features| features != found) else { return Ok(()) };
    let tokens = tokens.into();
    let hint = if tokens == Some(features) {
        "transposing the matrix: rows must be tokens and columns features"
    } else {
        "the activations of this dictionary, or the dictionary of these activations"
    };
    let [of, has] = [found, features].map(|n| counted(n, "feature", "features"));
    let problem = Problem::new(format!("activations of {of}, but the dictionary has {has}")).path(path);
    let problem = if let Some(tokens) = tokens { problem.shape(&[tokens, found]) } else { problem };
    Err(problem.expected(format!("[tokens, {features}]")).hint(hint).input())
}

/// Whether a matrix of that size may have so few entries: the tables of row pointers are as long as the file says, and an
/// all but empty file must not fill the memory.
fn plausible(path: &Path, tokens: usize, features: usize, entries: usize) -> Result<()> {
    let most = (1usize << 22).saturating_add(entries.saturating_mul(64)).min(u32::MAX as usize);
    if tokens.max(features) <= most {
        return Ok(());
    }
    Err(Problem::new(format!("{tokens} by {features} for {}", counted(entries, "entry", "entries")))
        .path(path)
        .expected(format!("at most {most} rows and columns for so few"))
        .hint("a part of the rows, or those alone on which something fires")
        .input())
}

/// The configuration that lies in a folder, or in the folder beside a file that is called as it.
fn config(path: &Path) -> Result<Option<Value>> {
    let folder = if path.is_dir() { path.to_path_buf() } else { path.with_extension("") };
    let path = folder.join("config.json");
    path.is_file().then(|| json::read(&path, "the configuration")).transpose()
}

fn mended_notes(mended: Mended) -> Vec<String> {
    [
        (mended.zeros, "stored zero was dropped", "stored zeros were dropped"),
        (mended.unsorted_rows, "row was sorted", "rows were sorted"),
        (mended.merged, "repeated entry was added to its first", "repeated entries were added to their first"),
    ]
    .into_iter()
    .filter(|(n, ..)| *n > 0)
    .map(|(n, one, many)| counted(n, one, many))
    .collect()
}

/// The error that the file is something else; `dense` if it may be what activations are encoded from.
fn foreign(path: &Path, what: &str, dense: bool) -> Error {
    let hint = if dense {
        "saescope encode DICT X -o ACTS.npz, which makes sparse activations from dense model activations"
    } else {
        "scipy.sparse.save_npz(path, matrix) with one row a token and one column a feature"
    };
    Problem::new(format!("no sparse activations: {what}"))
        .path(path)
        .expected("an npz as scipy writes it, a cache of delphi's, or another of the formats that the README lists")
        .hint(hint)
        .input()
}

#[cfg(test)]
mod tests;
