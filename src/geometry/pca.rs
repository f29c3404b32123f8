//! Principal component analysis.

use crate::error::Result;
use crate::rows::{Points, Rows};
use crate::task::Task;

/// Principal components of centred rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// Coordinates of every row `[n, dims]`.
    pub coordinates: Points,
    /// Unit directions `[dims, d]`; the entry of largest magnitude is positive.
    pub components: Points,
    /// Mean row `[d]`.
    pub mean: Vec<f32>,
    /// Variance along each component (divisor n − 1).
    pub explained_variance: Vec<f64>,
    /// Share of the total variance along each component.
    pub explained_variance_ratio: Vec<f64>,
}

/// The first `dims` principal components.
///
/// # Errors
/// If `dims` is 0 or above min(n, d), a row is not finite, or the task is cancelled.
pub fn pca(rows: &dyn Rows, dims: usize, task: &Task) -> Result<Pca> {
    let _ = (rows, dims, task);
    unreachable!()
}
