//! Feature activations that were saved with all their zeros: `[tokens, features]`, leading dimensions flattened.
//!
//! Known by its last dimension, which must be the dictionary's number of features. One pass over the array, a megabyte
//! at a time, inflated on the way if it is deflated; memory is that of the entries that are not zero.

use super::super::sparse::{BY_ROWS, Sparse};
use super::source::Source;
use super::{Format, Read, TokenIds, agree, plausible};
use crate::container::{ArrayFile, Dtype, Tensor, TensorInfo};
use crate::error::Result;
use crate::rows::{Rows, block_rows};
use crate::sae::dense::flatten;
use crate::task::Task;

pub(super) const FORMAT: Format = Format {
    name: "dense",
    about: "npy, npz, safetensors or torch array `[tokens, features]`, as wide as the dictionary has features",
    detect: |source, features| {
        !is_weights(source) && features.is_some_and(|features| of_width(source, features).next().is_some())
    },
    read,
    ids: |source, task| match TokenIds::NAMES.iter().find(|name| source.has(name)) {
        Some(name) => TokenIds::of(&source.tensor(name)?, task).map(Some),
        None => Ok(None),
    },
};

/// Names of a dictionary's own matrices, of which one is as wide as it has features.
const WEIGHTS: [&str; 6] = ["W_dec", "w_dec", "W_enc", "w_enc", "encoder.weight", "decoder.weight"];

/// Above this share of entries that are not zero, these are hardly the activations of sparse features.
const DENSE: f64 = 0.5;

/// Whether an array may hold a vector a token.
pub(super) fn is_vectors(tensor: &TensorInfo) -> bool {
    tensor.shape.len() >= 2 && tensor.dtype.is_some_and(Dtype::is_float)
}

/// Whether a file is a dictionary's own.
pub(super) fn is_weights(source: &Source) -> bool {
    WEIGHTS.iter().any(|name| source.has(name))
}

fn of_width(source: &Source, features: usize) -> impl Iterator<Item = &TensorInfo> {
    source.tensors().iter().filter(move |tensor| is_vectors(tensor) && tensor.shape.last() == Some(&features))
}

fn read(source: &Source, features: Option<usize>, task: &Task) -> Result<Read> {
    let width = features.unwrap_or(0);
    let mut all = of_width(source, width);
    let Some(tensor) = all.next() else { return Err(source.problem("no array of that width").input()) };
    if let Some(other) = all.next() {
        return Err(source
            .problem(format!("several arrays of {width} columns: {} and {}", tensor.describe(), other.describe()))
            .expected("one")
            .hint("a file with one of them")
            .input());
    }
    let leading = tensor.shape.iter().rev().skip(1).try_fold(1usize, |n, &len| n.checked_mul(len));
    let tokens = leading
        .filter(|&n| u32::try_from(n).is_ok())
        .ok_or_else(|| source.problem("too many tokens").tensor(&tensor.name).expected("at most 2^32 - 1").input())?;
    agree(&source.path, tokens, width, features)?;
    task.stage("reading activations", tokens as u64);
    let (mut indptr, mut indices, mut values) = (vec![0u64], Vec::new(), Vec::new());
    let mut block = Vec::new();
    let mut take = |tensor: &Tensor| -> Result<()> {
        let rows = flatten(tensor, width)?;
        let step = block_rows(width);
        for start in (0..rows.nrows()).step_by(step) {
            task.check()?;
            let range = start..rows.nrows().min(start + step);
            block.resize(range.len() * width, 0f32);
            rows.read(range.clone(), &mut block);
            for row in block.chunks_exact(width) {
                for (feature, &value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                    indices.push(feature as u32);
                    values.push(value);
                }
                indptr.push(indices.len() as u64);
            }
            task.advance(range.len() as u64);
        }
        // Zeros without end deflate to nothing, but each row of them takes a pointer.
        plausible(&source.path, indptr.len() - 1, width, indices.len())
    };
    let streamed = match source.arrays() {
        Some(ArrayFile::Npz(npz)) => npz.rows(&tensor.name, width, &mut take)?,
        _ => false,
    };
    if !streamed {
        take(&source.tensor(&tensor.name)?)?;
    }
    let mut notes = Vec::new();
    let share = values.len() as f64 / (tokens * width).max(1) as f64;
    if share > DENSE {
        let percent = 100.0 * share;
        notes.push(format!(
            "{percent:.0} % of the activations are not zero: these may be model activations, not features"
        ));
    }
    let sparse =
        Sparse { rows: tokens, cols: width, indptr: indptr.into(), indices: indices.into(), values: values.into() };
    let (sparse, mended) = sparse.checked(BY_ROWS, &mut |_| task.check())?;
    Ok(Read { notes, ..Read::new(sparse, mended) })
}
