//! Sparse feature activations over tokens, by token and by feature.
//!
//! Input: what `scipy.sparse.save_npz` writes (CSR, CSC or COO `[tokens, features]`; 32- or 64-bit indices; stored or
//! deflated; values of any float or integer type). Output: [`Activations`], the same entries in both orders, as f32.
//! Stored zeros are dropped, negative values kept; whatever had to be mended stands in [`Activations::notes`].
//!
//! Cost: one pass over the entries to read, one to check, two to transpose. Memory: 16 bytes an entry for the two
//! orders, and while loading the arrays of the file (mapped if they are stored, on the heap if they are deflated).

use super::sparse::{BY_COLUMNS, BY_ROWS, POLL};
use crate::container::npz::Npz;
use crate::container::write::NpzWriter;
use crate::container::{Bytes, Dtype, FileKind, Tensor, sniff};
use crate::error::{Error, Problem, Result};
use crate::task::Task;
use crate::text::counted;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

pub use super::sparse::{Mended, Sparse};

/// Activations `[tokens, features]`, held in both orders.
#[derive(Debug, Clone)]
pub struct Activations {
    /// `[tokens, features]`.
    pub by_token: Sparse,
    /// `[features, tokens]`: the same entries, by feature.
    pub by_feature: Sparse,
    /// The file or folder they came from.
    pub source: PathBuf,
    /// What was put right while reading ("12 stored zeros were dropped"); empty for a clean file.
    pub notes: Vec<String>,
}

impl Activations {
    /// Activations from a matrix `[tokens, features]`; `source` is for people.
    pub fn new(by_token: Sparse, source: impl Into<PathBuf>) -> Self {
        let by_feature = by_token.transpose();
        Self { by_token, by_feature, source: source.into(), notes: Vec::new() }
    }
    /// Reads the npz at `path`; `features` is the dictionary's number of features, where there is one to agree with.
    ///
    /// # Errors
    /// If the file is no sparse matrix of scipy's, is damaged or contradicts itself, has values that are not finite,
    /// or has another number of features; or if the task is cancelled.
    pub fn load(path: &Path, features: Option<usize>, task: &Task) -> Result<Self> {
        if path.is_dir() {
            return Err(foreign(path, "a folder", false));
        }
        Self::from_bytes(Bytes::map(path)?, path, features, task)
    }
    /// As [`Activations::load`], from bytes; `path` is for messages.
    ///
    /// # Errors
    /// As [`Activations::load`].
    pub fn from_bytes(bytes: Bytes, path: &Path, features: Option<usize>, task: &Task) -> Result<Self> {
        match sniff(&bytes) {
            FileKind::Zip => {}
            other => return Err(foreign(path, other.name(), other == FileKind::Npy)),
        }
        let npz = Npz::from_bytes(bytes, path)?.under(task);
        let stored = Stored::read(&npz, features, task)?;
        let transposed = stored.by_columns();
        let (sparse, mended) = stored.build(task).map_err(|error| error.at(path))?;
        let other = sparse.transpose_under(task)?;
        let (by_token, by_feature) = if transposed { (other, sparse) } else { (sparse, other) };
        Ok(Self { by_token, by_feature, source: path.to_path_buf(), notes: notes(mended) })
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
/// that it opens without inflating. The bytes depend on what is given alone. Indices are 32-bit where they fit. A
/// `provenance` is added as a string array of that name, which scipy passes over.
///
/// # Errors
/// If `out` refuses.
pub fn write_csr(sparse: &Sparse, provenance: Option<&str>, out: impl Write + Seek) -> std::io::Result<()> {
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
    if let Some(provenance) = provenance {
        npz.texts("provenance", &[], &[provenance])?;
    }
    npz.finish()
}

/// The arrays of a stored matrix `[tokens, features]`.
struct Stored {
    tokens: usize,
    features: usize,
    kind: Kept,
    values: Vec<f32>,
}

enum Kept {
    /// CSR: `indptr` counts tokens, `indices` are features.
    Rows { indptr: Vec<u64>, indices: Vec<u32> },
    /// CSC: `indptr` counts features, `indices` are tokens.
    Columns { indptr: Vec<u64>, indices: Vec<u32> },
    /// COO.
    Triplets { rows: Vec<u32>, columns: Vec<u32> },
}

impl Stored {
    /// Reads the arrays; `features` as for [`Activations::load`].
    fn read(npz: &Npz, features: Option<usize>, task: &Task) -> Result<Self> {
        let path = npz.path();
        let compressed = npz.contains("indices") && npz.contains("indptr");
        let triplets = npz.contains("row") && npz.contains("col");
        if !npz.contains("data") || !npz.contains("shape") || !(compressed || triplets) {
            let there: Vec<&str> = npz.names().take(8).collect();
            let what = if npz.contains("W_dec") || npz.contains("w_dec") {
                "an npz of a dictionary's weights".to_string()
            } else if there.is_empty() {
                "a zip archive without arrays".to_string()
            } else {
                format!("an npz of {}", there.join(", "))
            };
            return Err(foreign(path, &what, false));
        }
        let (tokens, found) = shape(npz, features)?;
        let format = if npz.contains("format") { npz.text("format")?.into_iter().next() } else { None };
        let format = format.unwrap_or_else(|| if compressed { "csr".into() } else { "coo".into() });
        task.stage("reading activations", 0);
        let data = npz.tensor("data")?;
        task.stage("reading activations", 2 * data.len() as u64);
        let done = &mut |entries: usize| {
            task.advance(entries as u64);
            task.check()
        };
        let values = flat(&data)?.to_f32_in_parts(done)?;
        let stored = |kind| Ok(Self { tokens, features: found, kind, values });
        match format.as_str() {
            "csr" | "csc" if compressed => {
                let indices = narrow_indices(&npz.tensor("indices")?, done)?;
                let indptr = wide_indices(&npz.tensor("indptr")?, done)?;
                let columns = format == "csc";
                stored(if columns { Kept::Columns { indptr, indices } } else { Kept::Rows { indptr, indices } })
            }
            "coo" if triplets => {
                let rows = narrow_indices(&npz.tensor("row")?, done)?;
                let columns = narrow_indices(&npz.tensor("col")?, done)?;
                if rows.len() != data.len() || columns.len() != rows.len() {
                    let what = format!("{} rows, {} columns and {} values", rows.len(), columns.len(), data.len());
                    return Err(Problem::new(what).path(path).expected("as many of each").input());
                }
                stored(Kept::Triplets { rows, columns })
            }
            other => Err(Problem::new(format!("a sparse matrix in {other} format"))
                .path(path)
                .tensor("format")
                .expected("csr, csc or coo")
                .hint("scipy.sparse.save_npz(path, matrix.tocsr())")
                .input()),
        }
    }
    fn by_columns(&self) -> bool {
        matches!(self.kind, Kept::Columns { .. })
    }
    /// The matrix as it is stored: by token, or transposed if it is stored by columns.
    fn build(self, task: &Task) -> Result<(Sparse, Mended)> {
        let Self { tokens, features, kind, values } = self;
        task.stage("checking activations", 2 * values.len() as u64);
        let done = &mut |entries: usize| {
            task.advance(entries as u64);
            task.check()
        };
        match kind {
            Kept::Rows { indptr, indices } => {
                Sparse { rows: tokens, cols: features, indptr, indices, values }.checked(BY_ROWS, done)
            }
            Kept::Columns { indptr, indices } => {
                Sparse { rows: features, cols: tokens, indptr, indices, values }.checked(BY_COLUMNS, done)
            }
            Kept::Triplets { rows, columns } => {
                let entry = |i: usize| (rows[i], columns[i], values[i]);
                Sparse::gathered(tokens, features, values.len(), entry, done)
            }
        }
    }
}

/// Numbers of tokens and features, as the file says and the dictionary allows.
fn shape(npz: &Npz, features: Option<usize>) -> Result<(usize, usize)> {
    let shape = npz.tensor("shape")?;
    let sizes = shape.to_indices()?;
    let &[tokens, found] = sizes.as_slice() else {
        return Err(shape.problem("not the shape of a matrix").expected("[tokens, features]").input());
    };
    let (Ok(tokens), Ok(found)) = (u32::try_from(tokens), u32::try_from(found)) else {
        return Err(shape.problem(format!("a matrix of {tokens} by {found}")).expected("at most 2^32 - 1").input());
    };
    let (tokens, found) = (tokens as usize, found as usize);
    if let Some(features) = features.filter(|&features| features != found) {
        let hint = if tokens == features {
            "transposing the matrix: rows must be tokens and columns features"
        } else {
            "the activations of this dictionary, or the dictionary of these activations"
        };
        let [of, has] = [found, features].map(|n| counted(n, "feature", "features"));
        return Err(Problem::new(format!("activations of {of}, but the dictionary has {has}"))
            .path(npz.path())
            .shape(&[tokens, found])
            .expected(format!("[tokens, {features}]"))
            .hint(hint)
            .input());
    }
    let entries = npz.header("data")?.shape.iter().fold(1usize, |n, &size| n.saturating_mul(size));
    let plausible = (1 << 22) + entries.saturating_mul(64);
    if tokens.max(found) > plausible {
        // The tables of row pointers are as long as the shape says; an all but empty file must not fill the memory.
        return Err(shape
            .problem(format!("{tokens} by {found} for {}", counted(entries, "entry", "entries")))
            .expected(format!("at most {plausible} rows and columns for so few"))
            .input());
    }
    Ok((tokens, found))
}

fn flat(tensor: &Tensor) -> Result<&Tensor> {
    if tensor.shape().len() == 1 {
        return Ok(tensor);
    }
    Err(tensor.problem("not a list").expected("one dimension").input())
}

/// Little-endian integers at the start of a one-dimensional array's bytes, through `convert`; none if one of them has
/// no place in the wanted type. `done` as for [`Tensor::to_f32_in_parts`].
fn integers<const N: usize, T>(
    tensor: &Tensor,
    convert: impl Fn([u8; N]) -> Option<T>,
    done: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<Option<Vec<T>>> {
    let mut all = Vec::with_capacity(tensor.len());
    for part in tensor.bytes()[..tensor.len() * N].as_chunks::<N>().0.chunks(POLL) {
        for bytes in part {
            let Some(value) = convert(*bytes) else { return Ok(None) };
            all.push(value);
        }
        done(part.len())?;
    }
    Ok(Some(all))
}

/// Column indices as u32; the common types are read straight from their bytes.
fn narrow_indices(tensor: &Tensor, done: &mut dyn FnMut(usize) -> Result<()>) -> Result<Vec<u32>> {
    let found = match flat(tensor)?.dtype() {
        Dtype::I32 => integers(tensor, |b| u32::try_from(i32::from_le_bytes(b)).ok(), done)?,
        Dtype::U32 => integers(tensor, |b| Some(u32::from_le_bytes(b)), done)?,
        Dtype::U16 => integers(tensor, |b| Some(u32::from(u16::from_le_bytes(b))), done)?,
        Dtype::I64 | Dtype::U64 => integers(tensor, |b| u32::try_from(u64::from_le_bytes(b)).ok(), done)?,
        _ => tensor.to_indices()?.into_iter().map(|i| u32::try_from(i).ok()).collect(),
    };
    found.ok_or_else(|| tensor.problem("an index that is negative or beyond 2^32").expected("indices from 0").input())
}

/// Row pointers as u64.
fn wide_indices(tensor: &Tensor, done: &mut dyn FnMut(usize) -> Result<()>) -> Result<Vec<u64>> {
    match flat(tensor)?.dtype() {
        Dtype::I64 => {
            let found = integers(tensor, |b| u64::try_from(i64::from_le_bytes(b)).ok(), done)?;
            found.ok_or_else(|| tensor.problem("a negative index").expected("indices from 0").input())
        }
        Dtype::U64 => Ok(integers(tensor, |b| Some(u64::from_le_bytes(b)), done)?.unwrap_or_default()),
        _ => Ok(narrow_indices(tensor, done)?.into_iter().map(u64::from).collect()),
    }
}

fn notes(mended: Mended) -> Vec<String> {
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
        "saescope encode DICT X.npy -o ACTS.npz, which makes sparse activations from dense model activations"
    } else {
        "scipy.sparse.save_npz(path, matrix) with one row a token and one column a feature"
    };
    Problem::new(format!("no sparse activations: {what}"))
        .path(path)
        .expected("an npz as scipy writes it")
        .hint(hint)
        .input()
}

#[cfg(test)]
mod tests;
