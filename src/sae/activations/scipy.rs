//! What `scipy.sparse.save_npz` writes: CSR, CSC or COO `[tokens, features]`, stored or deflated.
//!
//! The arrays are `data`, `shape`, `format` and either `indices` with `indptr` or `row` with `col`; indices of 32 or 64
//! bits, values of any float or integer type. Where CSR is stored with indices of 32 bits and values of f32 at aligned
//! places, as `saescope encode` writes it, the matrix stays in the file. An array `token_ids` `[sequences, context]`,
//! which scipy passes over, names the tokens.

use super::super::sparse::{BY_COLUMNS, BY_ROWS, Sparse};
use super::read::{narrow, values, wide};
use super::source::Source;
use super::{Format, Read, TokenIds, agree, plausible};
use crate::container::ArrayFile;
use crate::error::{Problem, Result};
use crate::task::Task;
use crate::text::clip;

pub(super) const FORMAT: Format = Format {
    name: "scipy",
    about: "npz of `scipy.sparse.save_npz`: CSR, CSC or COO, one row a token",
    detect: |source, _| is_sparse(source),
    read,
    ids,
};

/// The name of the array of token ids that may lie beside the matrix.
pub(super) const IDS: &str = "token_ids";

/// Whether the arrays of such a matrix are there.
pub(super) fn is_sparse(source: &Source) -> bool {
    let npz = matches!(source.arrays(), Some(ArrayFile::Npz(_)));
    let has = |names: &[&str]| names.iter().all(|name| source.has(name));
    npz && has(&["data", "shape"]) && (has(&["indices", "indptr"]) || has(&["row", "col"]) || has(&["format"]))
}

pub(super) fn ids(source: &Source, task: &Task) -> Result<Option<TokenIds>> {
    if !source.has(IDS) {
        return Ok(None);
    }
    TokenIds::of(&source.tensor(IDS)?, task).map(Some)
}

pub(super) fn read(source: &Source, features: Option<usize>, task: &Task) -> Result<Read> {
    let Some(ArrayFile::Npz(npz)) = source.arrays() else { return Err(source.problem("no npz archive").input()) };
    let compressed = npz.contains("indices") && npz.contains("indptr");
    let shape = npz.tensor("shape")?;
    let sizes = shape.to_indices()?;
    let &[tokens, found] = sizes.as_slice() else {
        return Err(shape.problem("not the shape of a matrix").expected("[tokens, features]").input());
    };
    let (Ok(tokens), Ok(found)) = (u32::try_from(tokens), u32::try_from(found)) else {
        return Err(shape.problem(format!("a matrix of {tokens} by {found}")).expected("at most 2^32 - 1").input());
    };
    let (tokens, found) = (tokens as usize, found as usize);
    agree(&source.path, tokens, found, features)?;
    let entries = npz.header("data")?.shape.iter().fold(1usize, |n, &size| n.saturating_mul(size));
    plausible(&source.path, tokens, found, entries)?;
    let format = if npz.contains("format") { npz.text("format")?.into_iter().next() } else { None };
    let format = format.unwrap_or_else(|| if compressed { "csr".into() } else { "coo".into() });
    if !["csr", "csc", "coo"].contains(&format.as_str()) {
        return Err(Problem::new(format!("a sparse matrix in {} format", clip(&format, 20)))
            .path(&source.path)
            .tensor("format")
            .expected("csr, csc or coo")
            .hint("scipy.sparse.save_npz(path, matrix.tocsr())")
            .input());
    }
    task.stage("reading activations", 0);
    let data = npz.tensor("data")?;
    task.stage("reading activations", 2 * data.len() as u64);
    let done = &mut |entries: usize| {
        task.advance(entries as u64);
        task.check()
    };
    let values = values(&data, done)?;
    match format.as_str() {
        "csr" | "csc" if compressed => {
            let indices = narrow(&npz.tensor("indices")?, done)?;
            let indptr = wide(&npz.tensor("indptr")?, done)?;
            task.stage("checking activations", 2 * values.len() as u64);
            let (names, rows, cols) =
                if format == "csc" { (BY_COLUMNS, found, tokens) } else { (BY_ROWS, tokens, found) };
            let (sparse, mended) = Sparse { rows, cols, indptr, indices, values }.checked(names, done)?;
            Ok(Read { by_feature: format == "csc", ..Read::new(sparse, mended) })
        }
        "coo" if npz.contains("row") && npz.contains("col") => {
            let rows = narrow(&npz.tensor("row")?, done)?;
            let columns = narrow(&npz.tensor("col")?, done)?;
            if rows.len() != data.len() || columns.len() != rows.len() {
                let what = format!("{} rows, {} columns and {} values", rows.len(), columns.len(), data.len());
                return Err(source.problem(what).expected("as many of each").input());
            }
            task.stage("checking activations", 3 * values.len() as u64);
            let fill = |range: std::ops::Range<usize>, out: &mut Vec<(u32, u32, f32)>| {
                out.extend(range.map(|i| (rows[i], columns[i], values[i])));
                Ok(())
            };
            let (sparse, mended) = Sparse::gathered(tokens, found, values.len(), &fill, done)?;
            Ok(Read::new(sparse, mended))
        }
        format => Err(source
            .problem(format!("a sparse matrix in {format} format without its indices"))
            .expected("indices and indptr, or row and col")
            .input()),
    }
}
