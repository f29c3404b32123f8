//! Sparse feature activations over tokens, by token and by feature.
//!
//! Input: what `scipy.sparse.save_npz` writes (CSR, CSC or COO `[tokens, features]`; 32- or 64-bit indices; stored or
//! deflated; values of any float or integer type). Output: [`Activations`], the same entries in both orders, as f32.
//! Stored zeros are dropped, negative values kept; whatever had to be mended stands in [`Activations::notes`].
//!
//! Cost: one pass over the entries to read, one to check, two to transpose. Memory: 16 bytes an entry for the two
//! orders, and while loading the arrays of the file (mapped if they are stored, on the heap if they are deflated).

use crate::container::npz::Npz;
use crate::container::write::{NpzWriter, Target};
use crate::container::{Bytes, Dtype, Tensor};
use crate::error::{Error, Problem, Result};
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
    /// or has another number of features.
    pub fn load(path: &Path, features: Option<usize>) -> Result<Self> {
        if path.is_dir() {
            return Err(foreign(path, "a folder").input());
        }
        Self::from_bytes(Bytes::map(path)?, path, features)
    }
    /// As [`Activations::load`], from bytes; `path` is for messages.
    ///
    /// # Errors
    /// As [`Activations::load`].
    pub fn from_bytes(bytes: Bytes, path: &Path, features: Option<usize>) -> Result<Self> {
        if !bytes.starts_with(b"PK") {
            return Err(foreign(path, what_is(&bytes)).input());
        }
        let npz = Npz::from_bytes(bytes, path)?;
        let (stored, transposed) = read(&npz)?;
        let [rows, cols] = stored.shape;
        let (tokens, found) = if transposed { (cols, rows) } else { (rows, cols) };
        if let Some(features) = features.filter(|&features| features != found) {
            let hint = if tokens == features {
                "transposing the matrix: rows must be tokens and columns features"
            } else {
                "the activations of this dictionary, or the dictionary of these activations"
            };
            return Err(Problem::new(format!("activations of {found} features, but the dictionary has {features}"))
                .path(path)
                .shape(&[tokens, found])
                .expected(format!("[tokens, {features}]"))
                .hint(hint)
                .input());
        }
        let (sparse, mended) = stored.build().map_err(|error| at(path, error))?;
        let other = sparse.transpose();
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
    /// Writes the matrix `[tokens, features]` as [`write_csr`] does, to a file that appears whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save_csr(&self, path: &Path) -> Result<()> {
        save_csr(&self.by_token, path)
    }
}

/// Writes `sparse` to the file `path` as [`write_csr`] does; the file appears whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn save_csr(sparse: &Sparse, path: &Path) -> Result<()> {
    Target::new(path, true)?.write(|file| write_csr(sparse, file))
}

/// Writes `sparse` as `scipy.sparse.save_npz` lays out a CSR matrix of f32, with members stored and not deflated, so
/// that it opens without inflating. The bytes depend on the matrix alone. Indices are 32-bit where they fit.
///
/// # Errors
/// If `out` refuses.
pub fn write_csr(sparse: &Sparse, out: impl Write + Seek) -> std::io::Result<()> {
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
    npz.finish()
}

/// The arrays of a stored matrix, compressed along its rows; for CSC these are the features.
struct Stored {
    shape: [usize; 2],
    kind: Compressed,
    values: Vec<f32>,
}

enum Compressed {
    Rows { indptr: Vec<u64>, indices: Vec<u32> },
    Triplets { rows: Vec<u32>, columns: Vec<u32> },
}

impl Stored {
    fn build(self) -> Result<(Sparse, Mended)> {
        let [rows, cols] = self.shape;
        match self.kind {
            Compressed::Rows { indptr, indices } => Sparse::new(rows, cols, indptr, indices, self.values),
            Compressed::Triplets { rows: r, columns } => {
                let entries: Vec<_> =
                    r.iter().zip(&columns).zip(&self.values).map(|((&r, &c), &v)| (r, c, v)).collect();
                Sparse::from_triplets(rows, cols, &entries)
            }
        }
    }
}

/// Reads the arrays; the flag says that rows are features (CSC).
fn read(npz: &Npz) -> Result<(Stored, bool)> {
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
        return Err(foreign(path, &what).input());
    }
    let shape = npz.tensor("shape")?;
    let sizes = shape.to_indices()?;
    let &[rows, cols] = sizes.as_slice() else {
        return Err(shape.problem("not the shape of a matrix").expected("[tokens, features]").input());
    };
    let (Ok(rows), Ok(cols)) = (u32::try_from(rows), u32::try_from(cols)) else {
        return Err(shape.problem(format!("a matrix of {rows} by {cols}")).expected("at most 2^32 - 1").input());
    };
    let (rows, cols) = (rows as usize, cols as usize);
    let format = if npz.contains("format") { npz.text("format")?.into_iter().next() } else { None };
    let format = format.unwrap_or_else(|| if compressed { "csr".into() } else { "coo".into() });
    let data = npz.tensor("data")?;
    let plausible = (1 << 22) + 64 * data.len();
    if rows.max(cols) > plausible {
        // The tables of row pointers are as long as the shape says; an all but empty file must not fill the memory.
        return Err(shape
            .problem(format!("{rows} by {cols} for {} entries", data.len()))
            .expected(format!("at most {plausible} rows and columns for so few"))
            .input());
    }
    let values = flat(&data)?.to_f32();
    let stored = |shape, kind| Stored { shape, kind, values };
    match format.as_str() {
        "csr" | "csc" if compressed => {
            let indices = narrow_indices(&npz.tensor("indices")?)?;
            let indptr = wide_indices(&npz.tensor("indptr")?)?;
            let kind = Compressed::Rows { indptr, indices };
            let columns_first = format == "csc";
            Ok((stored(if columns_first { [cols, rows] } else { [rows, cols] }, kind), columns_first))
        }
        "coo" if triplets => {
            let (r, columns) = (narrow_indices(&npz.tensor("row")?)?, narrow_indices(&npz.tensor("col")?)?);
            if r.len() != data.len() || columns.len() != r.len() {
                let what = format!("{} rows, {} columns and {} values", r.len(), columns.len(), data.len());
                return Err(Problem::new(what).path(path).expected("as many of each").input());
            }
            Ok((stored([rows, cols], Compressed::Triplets { rows: r, columns }), false))
        }
        other => Err(Problem::new(format!("a sparse matrix in {other} format"))
            .path(path)
            .tensor("format")
            .expected("csr, csc or coo")
            .hint("scipy.sparse.save_npz(path, matrix.tocsr())")
            .input()),
    }
}

fn flat(tensor: &Tensor) -> Result<&Tensor> {
    if tensor.shape().len() == 1 {
        return Ok(tensor);
    }
    Err(tensor.problem("not a list").expected("one dimension").input())
}

/// Little-endian integers at the start of a one-dimensional array's bytes, through `convert`.
fn integers<const N: usize, T>(tensor: &Tensor, convert: impl Fn([u8; N]) -> Option<T>) -> Option<Vec<T>> {
    tensor.bytes()[..tensor.len() * N].as_chunks::<N>().0.iter().map(|b| convert(*b)).collect()
}

/// Column indices as u32; the common types are read straight from their bytes.
fn narrow_indices(tensor: &Tensor) -> Result<Vec<u32>> {
    let found = match flat(tensor)?.dtype() {
        Dtype::I32 => {
            let all: Vec<u32> = integers(tensor, |b| Some(u32::from_le_bytes(b))).unwrap_or_default();
            // A negative index has its highest bit set; ored together they show without a branch each.
            i32::try_from(all.iter().fold(0, |bits, &i| bits | i)).is_ok().then_some(all)
        }
        Dtype::U32 => integers(tensor, |b| Some(u32::from_le_bytes(b))),
        Dtype::U16 => integers(tensor, |b| Some(u32::from(u16::from_le_bytes(b)))),
        Dtype::I64 | Dtype::U64 => integers(tensor, |b| u32::try_from(u64::from_le_bytes(b)).ok()),
        _ => tensor.to_indices()?.into_iter().map(|i| u32::try_from(i).ok()).collect(),
    };
    found.ok_or_else(|| tensor.problem("an index that is negative or beyond 2^32").expected("indices from 0").input())
}

/// Row pointers as u64.
fn wide_indices(tensor: &Tensor) -> Result<Vec<u64>> {
    match flat(tensor)?.dtype() {
        Dtype::I32 | Dtype::U32 | Dtype::U16 => Ok(narrow_indices(tensor)?.into_iter().map(u64::from).collect()),
        _ => tensor.to_indices(),
    }
}

fn notes(mended: Mended) -> Vec<String> {
    let mut notes = Vec::new();
    let mut say = |n: usize, one: &str, many: &str| match n {
        0 => {}
        1 => notes.push(format!("1 {one}")),
        n => notes.push(format!("{n} {many}")),
    };
    say(mended.zeros, "stored zero was dropped", "stored zeros were dropped");
    say(mended.unsorted_rows, "row was sorted", "rows were sorted");
    say(mended.merged, "repeated entry was added to its first", "repeated entries were added to their first");
    notes
}

/// What a file that is no zip archive looks like.
fn what_is(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "an empty file",
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => "a dense npy array",
        [b'{' | b'[', ..] => "a text file",
        [_, _, _, _, _, 0, 0, 0, b'{', ..] => "a safetensors file",
        [0x1f, 0x8b, ..] => "a gzip file",
        _ => "a file of another kind",
    }
}

fn foreign(path: &Path, what: &str) -> Problem {
    let hint = if what.contains("dense") {
        "saescope encode DICT X.npy -o ACTS.npz, which makes sparse activations from dense model activations"
    } else {
        "scipy.sparse.save_npz(path, matrix) with one row a token and one column a feature"
    };
    Problem::new(format!("no sparse activations: {what}")).path(path).expected("an npz as scipy writes it").hint(hint)
}

/// Names the file in an error that does not know it.
pub(super) fn at(path: &Path, error: Error) -> Error {
    match error {
        Error::Input(problem) => Error::Input(Box::new((*problem).path(path))),
        other => other,
    }
}

#[cfg(test)]
mod tests;
