//! Exact cosine k-nearest neighbours in tiles.

use crate::error::Result;
use crate::rows::Rows;
use crate::task::Task;

/// What to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnnParams {
    /// Neighbours per row, the row itself excluded.
    pub k: usize,
}

/// The `k` nearest rows of every row: self excluded, descending cosine, ties by index.
#[derive(Debug, Clone, PartialEq)]
pub struct Knn {
    /// Neighbours per row.
    pub k: usize,
    /// `[n, k]` row-major.
    pub indices: Vec<u32>,
    /// `[n, k]` row-major cosines, in [-1, 1].
    pub cosines: Vec<f32>,
}

impl Knn {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.indices.len() / self.k
    }
    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }
    /// Neighbours and cosines of row `i`.
    pub fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let range = i * self.k..(i + 1) * self.k;
        (&self.indices[range.clone()], &self.cosines[range])
    }
}

/// All `k` nearest neighbours of all rows.
///
/// # Errors
/// If `k` is 0 or not below the number of rows, a row is not finite, or the task is cancelled.
pub fn knn(rows: &dyn Rows, params: &KnnParams, task: &Task) -> Result<Knn> {
    let _ = (rows, params, task);
    unreachable!()
}

/// The `k` nearest neighbours of one row, equal to that row of [`knn`].
///
/// # Errors
/// As [`knn`]; and if `row` is out of range.
pub fn nearest(rows: &dyn Rows, row: usize, k: usize, task: &Task) -> Result<Vec<(u32, f32)>> {
    let _ = (rows, row, k, task);
    unreachable!()
}
