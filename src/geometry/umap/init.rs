//! Where the layout starts: leading eigenvectors of the graph, or principal components of the rows.
//!
//! Either is scaled so that its largest coordinate is [`EXTENT`], and jittered by 1e-4 so that equal points part.

use super::fuzzy::FuzzyGraph;
use super::spectral::leading;
use super::{Init, UmapParams};
use crate::error::Result;
use crate::geometry::pca::pca;
use crate::geometry::random::{key, signed_unit};
use crate::rows::Rows;
use crate::task::Task;

/// Largest coordinate of a start, as in umap-learn.
const EXTENT: f32 = 10.0;
/// Weight of the weak tie between all pairs, as a share of the mean degree; see [`super::spectral`].
const TIE: f32 = 0.25;
/// Largest jitter.
const JITTER: f32 = 1e-4;
/// The stream of random numbers that makes the jitter.
const STREAM: u64 = 5;

/// Coordinates `[n, dims]` to start from, row-major. Dimensions for which there is no direction start as jitter.
pub(super) fn start(rows: &dyn Rows, graph: &FuzzyGraph, params: &UmapParams, task: &Task) -> Result<Vec<f32>> {
    let (n, dims) = (graph.len(), params.dims);
    let mut out = vec![0.0f32; n * dims];
    match params.init {
        Init::Spectral => {
            let mean = (0..n).map(|i| graph.row(i).1.iter().sum::<f32>()).sum::<f32>() / n as f32;
            let leading = leading(graph, dims, mean * TIE, params.seed, task)?;
            for (axis, vector) in leading.iter().enumerate() {
                out.iter_mut().skip(axis).step_by(dims).zip(vector).for_each(|(out, x)| *out = *x);
            }
        }
        Init::Pca => {
            let found = dims.min(n).min(rows.ncols());
            let components = pca(rows, found, task)?.coordinates;
            for (out, row) in out.chunks_exact_mut(dims).zip(components.data().chunks_exact(found)) {
                out[..found].copy_from_slice(row);
            }
        }
    }
    let largest = out.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let scale = if largest > 0.0 { EXTENT / largest } else { 0.0 };
    for (i, x) in out.iter_mut().enumerate() {
        *x = *x * scale + JITTER * signed_unit(key(params.seed, STREAM, i as u64));
    }
    Ok(out)
}
