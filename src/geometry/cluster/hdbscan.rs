//! HDBSCAN: clusters of varying density, with noise (Campello, Moulavi and Sander 2013; McInnes and Healy 2017).
//!
//! Input: rows `[n, d]` of finite numbers. Output: a label per row, its membership, and the stability of each cluster. The
//! definitions are those of scikit-learn's `HDBSCAN(cluster_selection_method="eom", allow_single_cluster=False)`: the
//! core distance of a point is that to its `min_samples`-th neighbour, the point itself counted.
//!
//! # Two ways to the same tree
//! Up to [`TREE_DIMS`] columns of Euclidean points are arranged in a k-d tree (`tree_search`); more columns, and
//! cosine, go through tiles of inner products (`tile_search`). Both feed the same rounds (`mst`) and the same
//! extraction (`condense`), both compute the distances that decide in f64 from the numbers as they are stored, and
//! neither ever holds n × n values or a second copy of the rows (the k-d tree holds its few columns as f64).
//!
//! # Ties
//! Mutual reachability ties wherever a point joins two groups at its own core distance. scikit-learn breaks such
//! ties by the order of the rows and of an unstable sort, so that shuffling the rows changes its labels at such points,
//! and with them now and then which clusters are chosen. Here ties are broken by the distance itself and then by the
//! rows' numbers: a point between two groups goes to the one that holds its nearest neighbour, and where distances
//! differ, shuffling changes nothing. The tree's weights are scikit-learn's to the bit (by tiles to 1e-14), and its own
//! extraction of this tree gives these labels. Its labels for the same rows are equal where no tie decides; elsewhere
//! they are no farther from these than from its own after a shuffle (adjusted Rand index of 5,000 points in the plane,
//! blobs and 15 % noise, 12 shuffles: .997 to .995 either way at `min_cluster_size` 15, .97 to .90 against .97 to .89
//! at 5; on real decoder rows under cosine a shuffle can change scikit-learn's labels altogether).
//!
//! Points at equal places (distance zero) always stay together; if all are equal, all are noise. Where a place holds
//! fewer copies than `min_samples`, their core distance reaches another place, and the edges among the copies weigh as
//! much as the edge that leads there. scikit-learn takes these in any order, so that the points of the one place and the
//! other come in singly and no split is seen; here the copies join first, being nearer, and each place of at least
//! `min_cluster_size` copies is a part of its own. Of 60 places in the plane with 20 copies each, both find the 60 up to
//! `min_samples` 20; from 21 on, scikit-learn finds 15 to 19 clusters and 340 to 390 points of noise, other ones for
//! every order of the rows, and this 42 clusters and no noise for all of them.
//!
//! # Cost
//! One core, 2-d, the defaults: 24,576 points in .05 s, 131,072 in .3 s. 24,576 x 768 by tiles in 13 s, of which three
//! quarters are the products. Peak memory, measured: 42 MiB for 131,072 x 2 (68 MiB at `min_samples` 32 or more), and
//! beside the rows 21 MiB for 24,576 x 768 on two threads.

use super::mst::{Edge, spanning_tree};
use super::tile_search::{TileSearch, Tiles};
use super::tree_search::{self, TreeSearch};
use super::{Clusters, condense};
use crate::error::{Problem, Result};
use crate::geometry::kdtree::KdTree;
use crate::rows::{Element, Rows, all_finite, tile};
use crate::task::Task;

/// Most columns that go through the k-d tree: where it met the tiles' time on 24,576 clustered points.
pub const TREE_DIMS: usize = 12;
/// Neighbours kept per point to read edges off, where the core distance does not ask for fewer.
const KEEP: (usize, usize) = (8, 32);

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
    /// Euclidean distance of unit rows: monotone in the cosine. A zero row stays zero, at distance exactly 1 from every
    /// unit row and 0 from other zero rows.
    Cosine,
}

/// Clusters and how firmly points and clusters hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Hdbscan {
    /// The labels.
    pub clusters: Clusters,
    /// Per point, the density at which it leaves its cluster as a share of the cluster's largest; 0 for noise.
    pub probabilities: Vec<f32>,
    /// Per cluster, its excess of mass: infinite if it holds `min_samples` equal points.
    pub stability: Vec<f64>,
}

impl HdbscanParams {
    /// The number of neighbours of the core distance, the point itself counted.
    pub fn samples(&self) -> usize {
        self.min_samples.unwrap_or(self.min_cluster_size)
    }
    /// Checks the parameters for `n` points.
    ///
    /// # Errors
    /// If `min_cluster_size` is below 2, or a given `min_samples` is 0 or above `n`.
    pub fn check(&self, n: usize) -> Result<()> {
        if self.min_cluster_size < 2 {
            return Err(Problem::new(format!("min_cluster_size is {}", self.min_cluster_size))
                .expected("2 or more")
                .hint("--min-cluster-size 15")
                .usage());
        }
        match self.min_samples {
            Some(samples) if samples < 1 || samples > n => {
                Err(Problem::new(format!("min_samples is {samples} for {n} points"))
                    .expected("1 to the number of points")
                    .hint("leaving it out: then it is min_cluster_size")
                    .usage())
            }
            _ => Ok(()),
        }
    }
}

/// Clusters `points`; fewer than `min_cluster_size` are all noise.
///
/// # Errors
/// If a parameter is out of range, a value is not finite (the row is named), there are 2³¹ rows or more, or the task is
/// cancelled.
pub fn hdbscan(points: &dyn Rows, metric: Metric, params: &HdbscanParams, task: &Task) -> Result<Clusters> {
    Ok(fit(points, metric, params, task)?.clusters)
}

/// As [`hdbscan`], with the strength of every membership and the stability of every cluster.
///
/// # Errors
/// As [`hdbscan`].
pub fn fit(points: &dyn Rows, metric: Metric, params: &HdbscanParams, task: &Task) -> Result<Hdbscan> {
    let by_tree = metric == Metric::Euclidean && points.ncols() <= TREE_DIMS;
    fit_by(points, metric, params, by_tree, task)
}

/// [`fit`] by the k-d tree or by tiles.
pub(super) fn fit_by(
    points: &dyn Rows,
    metric: Metric,
    params: &HdbscanParams,
    by_tree: bool,
    task: &Task,
) -> Result<Hdbscan> {
    let (n, dims) = (points.nrows(), points.ncols());
    params.check(n)?;
    let samples = params.samples();
    if n >= 1 << 31 || (dims == 0 && n > 0) {
        return Err(Problem::new("these points cannot be clustered")
            .shape(&[n, dims])
            .expected("fewer than 2^31 rows of at least one value")
            .input());
    }
    if n < params.min_cluster_size {
        return none(points);
    }
    let keep = samples.clamp(KEEP.0, KEEP.1).min(n);
    let found = task.install(|| {
        let edges = if by_tree {
            let tree = KdTree::build(points, task)?;
            let local = tree_search::local(&tree, samples, keep, task)?;
            spanning_tree(&local, &TreeSearch::new(&tree, &local, task), task)?
        } else {
            let by_tiles = if points.exceeds_f32() { by_tiles::<f64> } else { by_tiles::<f32> };
            by_tiles(points, metric, samples, keep, task)?
        };
        task.stage("clusters", 0);
        Ok(condense::extract(&edges, n, params.min_cluster_size))
    })?;
    task.check()?;
    let clusters = Clusters::from_labels(&found.labels);
    let mut stability = vec![0.0; clusters.count];
    for (&raw, &label) in found.labels.iter().zip(&clusters.labels).filter(|(raw, _)| **raw >= 0) {
        stability[label as usize] = found.stability[raw as usize];
    }
    Ok(Hdbscan { clusters, probabilities: found.probabilities, stability })
}

/// The spanning tree by tiles of rows that are read as `T`.
fn by_tiles<T: Element>(
    points: &dyn Rows,
    metric: Metric,
    samples: usize,
    keep: usize,
    task: &Task,
) -> Result<Vec<Edge>> {
    let tiles = Tiles::<T>::new(points, metric, task)?;
    let local = tiles.local(samples, keep)?;
    spanning_tree(&local, &TileSearch { tiles: &tiles, local: &local }, task)
}

/// Too few points for a cluster.
fn none(points: &dyn Rows) -> Result<Hdbscan> {
    let mut buffer = Vec::<f64>::new();
    for row in 0..points.nrows() {
        all_finite(tile(points, row..row + 1, &mut buffer), points.ncols(), row)?;
    }
    let labels = vec![-1; points.nrows()];
    let probabilities = vec![0.0; labels.len()];
    Ok(Hdbscan { clusters: Clusters { labels, count: 0 }, probabilities, stability: Vec::new() })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
