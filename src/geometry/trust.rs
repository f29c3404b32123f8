//! How far a map can be trusted.

use super::cluster::hdbscan::Metric;
use crate::error::Result;
use crate::rows::{Points, Rows};
use crate::task::Task;

/// Quality of a map, overall and per point.
#[derive(Debug, Clone, PartialEq)]
pub struct Trust {
    /// Neighbourhood size.
    pub k: usize,
    /// 1 if no point's map neighbours are strangers in the original space.
    pub trustworthiness: f64,
    /// 1 if no point's original neighbours are torn away on the map.
    pub continuity: f64,
    /// Mean share of the `k` original neighbours that are among the `k` map neighbours.
    pub knn_preservation: f64,
    /// Trustworthiness of each point.
    pub trustworthiness_per_point: Vec<f64>,
    /// Continuity of each point.
    pub continuity_per_point: Vec<f64>,
    /// Preservation of each point.
    pub knn_preservation_per_point: Vec<f64>,
}

/// Compares the map `coordinates` with the rows it shows.
///
/// # Errors
/// If the counts differ, `k` is not below n / 2, a value is not finite, or the task is cancelled.
pub fn trust(coordinates: &Points, against: &dyn Rows, metric: Metric, k: usize, task: &Task) -> Result<Trust> {
    let _ = (coordinates, against, metric, k, task);
    unreachable!()
}
