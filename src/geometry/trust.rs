//! How far a map can be trusted: are map neighbours true neighbours, and are true neighbours near on the map?
//!
//! In: coordinates `[n, dims]` of a map (Euclidean distance) and the rows `[n, d]` it shows (cosine or Euclidean
//! distance). Out, overall and per point, at neighbourhood size k:
//! - *trustworthiness* (Venna & Kaski 2001): 1 − 2/(nk(2n−3k−1)) Σᵢ Σⱼ max(0, r(i,j) − k), where j runs over the k map
//!   neighbours of i and r(i,j) is the rank of j among the original neighbours of i;
//! - *continuity*: the same with map and original exchanged;
//! - *k-NN preservation*: the mean share of the k original neighbours that are among the k map neighbours.
//!
//! The definitions are scikit-learn's (`sklearn.manifold.trustworthiness`): cosine distance is 1 minus the product of
//! the rows scaled to unit length in f64, a zero row stays zero and is at distance 1 from all. Ties go to the lower
//! index. Every rank is exact for every n: nothing is sampled. The overall value is the mean over the points.
//!
//! Cost: n²d f64 multiply-adds and some k n² comparisons. Peak memory: per thread a panel of distances from some rows
//! to all, 16 MiB or one row of n, for each space of more than [`DIRECT`] dimensions, and one row of n for a smaller
//! space, whose coordinates are held as f64 (8 n dims bytes).

use super::cluster::hdbscan::Metric;
use super::neighbors::norms;
use crate::error::{Problem, Result};
use crate::rows::{Points, Rows};
use crate::task::Task;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Most dimensions in which squared differences are summed directly, free of cancellation.
const DIRECT: usize = 16;

/// Bytes of a panel of distances.
const PANEL_BYTES: usize = 16 << 20;

/// Most rows of a panel.
const PANEL_ROWS: usize = 128;

/// Bytes of a tile of rows in f64 that a panel is multiplied with.
const TILE_BYTES: usize = 1 << 20;

/// Distances compared at once.
const LANES: usize = 64;

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

/// What one point contributes.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    /// Ranks beyond k of its map neighbours in the original space, summed.
    strangers: u64,
    /// Ranks beyond k of its original neighbours on the map, summed.
    torn: u64,
    /// Original neighbours that are map neighbours.
    kept: u64,
}

/// Compares the map `coordinates` with the rows it shows.
///
/// Progress: stage `trust`, in points.
///
/// # Errors
/// If the counts differ, `k` is not below n / 2, a value is not finite, or the task is cancelled.
pub fn trust(coordinates: &Points, against: &dyn Rows, metric: Metric, k: usize, task: &Task) -> Result<Trust> {
    let n = coordinates.len();
    if n != against.nrows() {
        return Err(Problem::new(format!("{n} coordinates for {} rows", against.nrows()))
            .expected("one point of the map for each row")
            .hint("the rows that the map was made from")
            .usage());
    }
    if k == 0 || 2 * k >= n {
        let most = n.saturating_sub(1) / 2;
        return Err(Problem::new(format!("a neighbourhood of {k} among {n} points"))
            .expected(if most > 0 { format!("a k from 1 to {most}") } else { "at least three points".into() })
            .hint("a smaller k")
            .usage());
    }
    let map = Space::new(coordinates, Metric::Euclidean, task)?;
    let original = Space::new(against, metric, task)?;
    let tallies = tally(&map, &original, k, task)?;

    let most = k as f64 * (2.0 * n as f64 - 3.0 * k as f64 - 1.0) / 2.0;
    let share = |penalty: u64, points: usize| 1.0 - penalty as f64 / (most * points as f64);
    let sum = |part: fn(&Tally) -> u64| tallies.iter().map(part).sum::<u64>();
    Ok(Trust {
        k,
        trustworthiness: share(sum(|t| t.strangers), n),
        continuity: share(sum(|t| t.torn), n),
        knn_preservation: sum(|t| t.kept) as f64 / (n * k) as f64,
        trustworthiness_per_point: tallies.iter().map(|t| share(t.strangers, 1)).collect(),
        continuity_per_point: tallies.iter().map(|t| share(t.torn, 1)).collect(),
        knn_preservation_per_point: tallies.iter().map(|t| t.kept as f64 / k as f64).collect(),
    })
}

/// One thread's buffers.
#[derive(Default)]
struct Scratch {
    map: Panel,
    original: Panel,
    near_map: Vec<(f64, u32)>,
    near_original: Vec<(f64, u32)>,
}

fn tally(map: &Space, original: &Space, k: usize, task: &Task) -> Result<Vec<Tally>> {
    let n = map.rows.nrows();
    let mut tallies = vec![Tally::default(); n];
    let height = (PANEL_BYTES / 8 / n).clamp(1, PANEL_ROWS);
    let spare: Mutex<Vec<Scratch>> = Mutex::default();
    let spare = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    task.stage("trust", n as u64);
    task.install(|| {
        tallies.par_chunks_mut(height).enumerate().for_each(|(at, tallies)| {
            let mut scratch = spare().pop().unwrap_or_default();
            let range = at * height..at * height + tallies.len();
            map.fill(range.clone(), &mut scratch.map, task);
            original.fill(range.clone(), &mut scratch.original, task);
            for (i, tally) in range.zip(tallies) {
                if task.is_cancelled() {
                    break;
                }
                let Scratch { map: map_panel, original: original_panel, near_map, near_original } = &mut scratch;
                let map = map.row(i, map_panel);
                let original = original.row(i, original_panel);
                pulp::Arch::new().dispatch(|| {
                    nearest(map, k, near_map);
                    nearest(original, k, near_original);
                    *tally = Tally {
                        strangers: penalty(original, near_map, near_original, k),
                        torn: penalty(map, near_original, near_map, k),
                        kept: near_map.iter().filter(|a| contains(near_original, a.1)).count() as u64,
                    };
                });
                task.advance(1);
            }
            spare().push(scratch);
        });
    });
    task.check()?;
    Ok(tallies)
}

/// The `k` nearest by distance, then index.
#[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
#[inline(always)]
fn nearest(distances: &[f64], k: usize, near: &mut Vec<(f64, u32)>) {
    near.clear();
    for (block, values) in distances.chunks(LANES).enumerate() {
        let worst = if near.len() < k { f64::INFINITY } else { near[k - 1].0 };
        let mut closer = 0u32;
        for &x in values {
            closer |= u32::from(x < worst);
        }
        if closer == 0 {
            continue;
        }
        for (lane, &x) in values.iter().enumerate() {
            // The point itself is at infinity. Equal distances come in index order, so later ones go behind.
            if x == f64::INFINITY || (near.len() == k && x >= near[k - 1].0) {
                continue;
            }
            near.truncate(k - 1);
            let at = near.partition_point(|&(y, _)| y <= x);
            near.insert(at, (x, (block * LANES + lane) as u32));
        }
    }
}

fn contains(near: &[(f64, u32)], index: u32) -> bool {
    near.iter().any(|&(_, other)| other == index)
}

/// Sum over `asked` of the ranks beyond `k` by `distances`; those in `near`, the k nearest by them, have none.
#[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
#[inline(always)]
fn penalty(distances: &[f64], asked: &[(f64, u32)], near: &[(f64, u32)], k: usize) -> u64 {
    let mut sum = 0;
    for &(_, index) in asked {
        if contains(near, index) {
            continue;
        }
        let (before, rest) = distances.split_at(index as usize);
        let own = rest[0];
        let closer = before.iter().map(|&x| u64::from(x <= own)).sum::<u64>()
            + rest[1..].iter().map(|&x| u64::from(x < own)).sum::<u64>();
        sum += closer + 1 - k as u64;
    }
    sum
}

/// Points with a distance.
struct Space<'a> {
    rows: &'a dyn Rows,
    kind: Kind,
}

enum Kind {
    /// Few dimensions: coordinates by axis.
    Direct(Vec<Vec<f64>>),
    /// Cosine: what to multiply each row by.
    Unit(Vec<f64>),
    /// Euclidean by products of centred rows: the mean, and the squared norm of each centred row.
    Products(Vec<f64>, Vec<f64>),
}

/// Distances from some rows to all, and the buffers to find them.
#[derive(Default)]
struct Panel {
    distances: Vec<f64>,
    start: usize,
    raw: Vec<f32>,
    left: Vec<f64>,
    right: Vec<f64>,
}

impl<'a> Space<'a> {
    fn new(rows: &'a dyn Rows, metric: Metric, task: &Task) -> Result<Self> {
        let (n, d) = (rows.nrows(), rows.ncols());
        let lengths = norms(rows, task)?;
        let kind = match metric {
            Metric::Cosine => Kind::Unit(lengths.iter().map(|&x| if x == 0.0 { 0.0 } else { 1.0 / x }).collect()),
            Metric::Euclidean => {
                let height = (TILE_BYTES / 8 / d.max(1)).clamp(1, n);
                let mut axes = if d <= DIRECT { vec![Vec::with_capacity(n); d] } else { Vec::new() };
                let mut mean = vec![0.0f64; d];
                let mut squares = Vec::with_capacity(if d <= DIRECT { 0 } else { n });
                let mut raw = Vec::new();
                // Twice over the rows where they are many-dimensional: for the mean, then for the centred norms.
                for pass in 0..if d <= DIRECT { 1 } else { 2 } {
                    for start in (0..n).step_by(height) {
                        task.check()?;
                        let end = (start + height).min(n);
                        raw.resize((end - start) * d, 0.0f32);
                        rows.read(start..end, &mut raw);
                        for row in raw.chunks_exact(d.max(1)) {
                            for (axis, &x) in axes.iter_mut().zip(row) {
                                axis.push(f64::from(x));
                            }
                            if d > DIRECT && pass == 0 {
                                mean.iter_mut().zip(row).for_each(|(mean, &x)| *mean += f64::from(x));
                            } else if d > DIRECT {
                                squares.push(row.iter().zip(&mean).map(|(&x, m)| (f64::from(x) - m).powi(2)).sum());
                            }
                        }
                    }
                    if pass == 0 {
                        for mean in &mut mean {
                            *mean /= n as f64;
                        }
                    }
                }
                if d <= DIRECT { Kind::Direct(axes) } else { Kind::Products(mean, squares) }
            }
        };
        Ok(Self { rows, kind })
    }

    /// Reads rows in f64 as the products take them: unit rows for the cosine, centred ones for Euclidean distance.
    fn read(&self, range: Range<usize>, raw: &mut Vec<f32>, out: &mut Vec<f64>) {
        let d = self.rows.ncols();
        raw.resize(range.len() * d, 0.0);
        self.rows.read(range.clone(), raw);
        out.resize(raw.len(), 0.0);
        for ((out, raw), i) in out.chunks_exact_mut(d).zip(raw.chunks_exact(d)).zip(range) {
            match &self.kind {
                Kind::Unit(inverse) => {
                    let inverse = inverse[i];
                    out.iter_mut().zip(raw).for_each(|(out, &x)| *out = f64::from(x) * inverse);
                }
                Kind::Products(mean, _) => {
                    out.iter_mut().zip(raw).zip(mean).for_each(|((out, &x), mean)| *out = f64::from(x) - mean);
                }
                Kind::Direct(_) => {}
            }
        }
    }

    /// Computes the distances of the rows `range` to all, unless they are cheap enough to be found row by row. Stops
    /// early when the task is cancelled.
    fn fill(&self, range: Range<usize>, panel: &mut Panel, task: &Task) {
        let (n, d) = (self.rows.nrows(), self.rows.ncols());
        if matches!(self.kind, Kind::Direct(_)) {
            return;
        }
        let Panel { distances, start, raw, left, right } = panel;
        *start = range.start;
        let height = range.len();
        distances.resize(height * n, 0.0);
        if d == 0 {
            distances.fill(0.0);
        } else {
            self.read(range.clone(), raw, left);
            let left = MatRef::from_row_major_slice(left, height, d);
            let width = (TILE_BYTES / 8 / d).clamp(16, 512);
            for first in (0..n).step_by(width) {
                if task.is_cancelled() {
                    return;
                }
                let last = (first + width).min(n);
                pulp::Arch::new().dispatch(|| self.read(first..last, raw, right));
                let right = MatRef::from_row_major_slice(right, last - first, d);
                let target = MatMut::from_row_major_slice_mut(distances, height, n);
                let target = target.subcols_mut(first, last - first);
                matmul(target, Accum::Replace, left, right.transpose(), 1.0, Par::Seq);
            }
        }
        pulp::Arch::new().dispatch(|| {
            for (i, distances) in range.zip(distances.chunks_exact_mut(n)) {
                match &self.kind {
                    // In steps of 2⁻⁴⁴, so that rounding noise does not order rows that truly tie.
                    Kind::Unit(_) => distances.iter_mut().for_each(|x| *x = -(*x * STEPS).round_ties_even()),
                    Kind::Products(_, squares) => {
                        let own = squares[i];
                        distances.iter_mut().zip(squares).for_each(|(x, other)| *x = own + other - 2.0 * *x);
                    }
                    Kind::Direct(_) => {}
                }
                distances[i] = f64::INFINITY;
            }
        });
    }

    /// A number that rises with the distance of row `i` from each row; infinite for the row itself.
    fn row<'p>(&self, i: usize, panel: &'p mut Panel) -> &'p [f64] {
        let n = self.rows.nrows();
        let Kind::Direct(axes) = &self.kind else {
            return &panel.distances[(i - panel.start) * n..(i - panel.start + 1) * n];
        };
        let distances = &mut panel.distances;
        distances.clear();
        distances.resize(n, 0.0);
        pulp::Arch::new().dispatch(|| {
            for axis in axes {
                let own = axis[i];
                for (sum, x) in distances.iter_mut().zip(axis) {
                    *sum += (x - own) * (x - own);
                }
            }
        });
        distances[i] = f64::INFINITY;
        distances
    }
}

/// Steps of a cosine of 1.
const STEPS: f64 = (1u64 << 44) as f64;

#[cfg(test)]
mod tests;
