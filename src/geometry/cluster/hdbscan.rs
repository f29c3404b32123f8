//! HDBSCAN.

use super::Clusters;
use crate::error::Result;
use crate::rows::Rows;
use crate::task::Task;

/// Parameters, with scikit-learn's meanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HdbscanParams {
    /// Smallest group that counts as a cluster.
    pub min_cluster_size: usize,
    /// Neighbours that make a point dense, the point itself counted; none means `min_cluster_size`.
    pub min_samples: Option<usize>,
}

impl Default for HdbscanParams {
    fn default() -> Self {
        Self { min_cluster_size: 15, min_samples: None }
    }
}

/// Distance between points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Straight-line distance.
    Euclidean,
    /// Euclidean distance of unit rows: monotone in the cosine.
    Cosine,
}

/// Clusters `points`.
///
/// # Errors
/// If a parameter is out of range, a value is not finite, or the task is cancelled.
pub fn hdbscan(points: &dyn Rows, metric: Metric, params: &HdbscanParams, task: &Task) -> Result<Clusters> {
    let _ = (points, metric, params, task);
    unreachable!()
}
