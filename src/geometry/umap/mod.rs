//! UMAP: fuzzy neighbour graph and its layout.

use super::neighbors::Knn;
use crate::error::Result;
use crate::rows::{Points, Rows};
use crate::task::Task;

/// Where the layout starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// Eigenvectors of the graph's Laplacian.
    Spectral,
    /// The first principal components.
    Pca,
}

/// Parameters, with umap-learn's meanings and defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UmapParams {
    /// Neighbours that define the scale, the point itself counted.
    pub neighbors: usize,
    /// Least distance of points on the map.
    pub min_dist: f32,
    /// Scale of the map.
    pub spread: f32,
    /// Output dimensions.
    pub dims: usize,
    /// Passes; none chooses by size.
    pub epochs: Option<usize>,
    /// Where to start.
    pub init: Init,
    /// Seed of the sampled repulsion and the start's jitter.
    pub seed: u64,
}

impl Default for UmapParams {
    fn default() -> Self {
        Self { neighbors: 15, min_dist: 0.1, spread: 1.0, dims: 2, epochs: None, init: Init::Spectral, seed: 0 }
    }
}

/// A layout as it forms.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Passes done.
    pub epoch: usize,
    /// Passes in all.
    pub epochs: usize,
    /// Coordinates `[n, dims]`, row-major.
    pub coordinates: &'a [f32],
}

/// A finished layout.
#[derive(Debug, Clone, PartialEq)]
pub struct Umap {
    /// Coordinates `[n, dims]`.
    pub coordinates: Points,
    /// Passes made.
    pub epochs: usize,
    /// Fitted curve parameters of 1 / (1 + a d^(2b)).
    pub a: f32,
    /// See `a`.
    pub b: f32,
}

/// Lays out the rows whose neighbours are `knn`.
///
/// # Errors
/// If a parameter is out of range or the task is cancelled.
pub fn umap(
    rows: &dyn Rows,
    knn: &Knn,
    params: &UmapParams,
    task: &Task,
    on_frame: &mut dyn FnMut(Frame<'_>),
) -> Result<Umap> {
    let _ = (rows, knn, params, task, on_frame);
    unreachable!()
}
