//! How far a map can be trusted: are map neighbours true neighbours, and are true neighbours near on the map?
//!
//! In: coordinates `[n, dims]` of a map (Euclidean distance) and the rows `[n, d]` it shows (cosine or Euclidean
//! distance). Distances are of the numbers as they are stored, cosines of the rows as f32. Out, overall and per point, at
//! neighbourhood size k:
//! - *trustworthiness* (Venna & Kaski 2001): 1 − 2/(nk(2n−3k−1)) Σᵢ Σⱼ max(0, r(i,j) − k), where j runs over the k map
//!   neighbours of i and r(i,j) is the rank of j among the original neighbours of i;
//! - *continuity*: the same with map and original exchanged;
//! - *k-NN preservation*: the mean share of the k original neighbours that are among the k map neighbours.
//!
//! The definitions are scikit-learn's (`sklearn.manifold.trustworthiness`): cosine distance is 1 minus the product of
//! the rows scaled to unit length in f64, a zero row stays zero and is at distance 1 from all. Ties go to the lower
//! index. Every rank is exact for every n: nothing is sampled. The overall value is the mean over the points.
//!
//! Cost: for the cosine that of the neighbours ([`super::neighbors`]: n²d/2 f32 multiply-adds, decided in f64) and 2kn²
//! comparisons; for Euclidean distance n²d f64 multiply-adds and 2kn² comparisons; for the map 2n² distances in few
//! dimensions. Peak memory: 40nk bytes; per thread one row of n distances in a space of at most sixteen dimensions,
//! whose coordinates are held as f64, or else a panel of distances from some rows to all (16 MiB, or one row of n).

use super::cluster::hdbscan::Metric;
use super::memory::holds_neighbours;
use super::neighbors::knn_and_ranks;
use super::shortlist::Shortlist;
use crate::error::{Problem, Result};
use crate::rows::{Rows, all_finite};
use crate::task::Task;
use crate::wide::wide;
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
const PANEL_ROWS: usize = 144;

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

/// Compares the map `coordinates` with the rows it shows.
///
/// Progress: stages `map`, `ranks` and `neighbours` (or `trust`) and `trust`.
///
/// # Errors
/// If the counts differ, `k` is not below n / 2, the lists are more than half of the machine's memory, a value is not
/// finite, or the task is cancelled.
pub fn trust(coordinates: &dyn Rows, against: &dyn Rows, metric: Metric, k: usize, task: &Task) -> Result<Trust> {
    let n = coordinates.nrows();
    if n != against.nrows() {
        return Err(Problem::new(format!("{n} coordinates for {} rows", against.nrows()))
            .expected("one point of the map for each row")
            .hint("the rows that the map was made from")
            .usage());
    }
    if k == 0 || 2 * k >= n {
        let most = n.saturating_sub(1) / 2;
        let problem = Problem::new(format!("a neighbourhood of {k} among {n} points"));
        return Err(match most {
            0 => problem.expected("at least three points").hint("a larger map"),
            most => problem.expected(format!("a k from 1 to {most}")).hint(format!("--k {}", k.clamp(1, most))),
        }
        .usage());
    }
    holds_neighbours(n, k, 40)?;
    let map = Space::new(coordinates, task)?;
    task.stage("map", n as u64);
    let near_map = map.survey(k, None, task)?.0;
    let (near_original, strangers) = match metric {
        Metric::Euclidean => {
            let original = Space::new(against, task)?;
            task.stage("trust", n as u64);
            original.survey(k, Some(&near_map), task)?
        }
        Metric::Cosine => {
            let (near, before) = knn_and_ranks(against, k, &near_map, task)?;
            let beyond = |row: &[u32]| row.iter().map(|&x| (u64::from(x) + 1).saturating_sub(k as u64)).sum();
            (near, before.chunks_exact(k).map(beyond).collect())
        }
    };
    task.stage("trust", n as u64);
    let torn = map.survey(k, Some(&near_original), task)?.1;
    let kept: Vec<u64> = task.install(|| {
        let lists = near_map.par_chunks(k).zip(near_original.par_chunks(k));
        let kept = lists.map_init(Vec::new, |sorted, (map, original)| {
            if task.is_cancelled() {
                return 0;
            }
            sorted.clear();
            sorted.extend_from_slice(original);
            sorted.sort_unstable();
            map.iter().filter(|index| sorted.binary_search(index).is_ok()).count() as u64
        });
        kept.collect()
    });
    task.check()?;

    let most = k as f64 * (2.0 * n as f64 - 3.0 * k as f64 - 1.0) / 2.0;
    let share = |penalty: u64, points: usize| 1.0 - penalty as f64 / (most * points as f64);
    Ok(Trust {
        k,
        trustworthiness: share(strangers.iter().sum(), n),
        continuity: share(torn.iter().sum(), n),
        knn_preservation: kept.iter().sum::<u64>() as f64 / (n * k) as f64,
        trustworthiness_per_point: strangers.iter().map(|&x| share(x, 1)).collect(),
        continuity_per_point: torn.iter().map(|&x| share(x, 1)).collect(),
        knn_preservation_per_point: kept.iter().map(|&x| x as f64 / k as f64).collect(),
    })
}

/// Collects the nearest by distance, then index.
#[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
#[inline(always)]
fn nearest(distances: &[f64], near: &mut Shortlist) {
    for (block, values) in distances.chunks(LANES).enumerate() {
        let worst = near.limit().0;
        let mut closer = 0u32;
        for &x in values {
            closer |= u32::from(x < worst);
        }
        if closer == 0 {
            continue;
        }
        for (lane, &x) in values.iter().enumerate() {
            // The point itself is at infinity. Equal distances come in index order, so later ones go behind.
            if x < near.limit().0 {
                near.offer(x, (block * LANES + lane) as u32);
            }
        }
    }
}

/// Sum over `asked` of the ranks beyond `k` by `distances`; those up to the `k`-th, `last`, have none. Stops early when
/// the task is cancelled.
#[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
#[inline(always)]
fn penalty(distances: &[f64], asked: &[u32], k: usize, last: (f64, u32), task: &Task) -> u64 {
    let mut sum = 0;
    for &index in asked {
        let (before, rest) = distances.split_at(index as usize);
        let own = rest[0];
        if own < last.0 || (own == last.0 && index <= last.1) {
            continue;
        }
        if task.is_cancelled() {
            break;
        }
        let closer = before.iter().map(|&x| u64::from(x <= own)).sum::<u64>()
            + rest[1..].iter().map(|&x| u64::from(x < own)).sum::<u64>();
        sum += closer + 1 - k as u64;
    }
    sum
}

/// Points with Euclidean distance.
struct Space<'a> {
    rows: &'a dyn Rows,
    kind: Kind,
}

enum Kind {
    /// Few dimensions: coordinates by axis.
    Direct(Vec<Vec<f64>>),
    /// By products of centred rows: about the mean, and the squared norm of each row less that.
    Products(Vec<f64>, Vec<f64>),
}

/// Distances from some rows to all, and the buffers to find them.
#[derive(Default)]
struct Panel {
    distances: Vec<f64>,
    start: usize,
    left: Vec<f64>,
    right: Vec<f64>,
}

impl<'a> Space<'a> {
    fn new(rows: &'a dyn Rows, task: &Task) -> Result<Self> {
        let (n, d) = (rows.nrows(), rows.ncols());
        let direct = d <= DIRECT;
        let height = (TILE_BYTES / 8 / d.max(1)).clamp(1, n);
        let mut axes = vec![Vec::with_capacity(n); if direct { d } else { 0 }];
        let mut mean = vec![0.0f64; d];
        let mut squares = Vec::with_capacity(if direct { 0 } else { n });
        let mut tile = Vec::new();
        // Twice over rows of many dimensions: for the mean, then for the centred norms.
        for pass in 0..if direct { 1 } else { 2 } {
            for start in (0..n).step_by(height) {
                task.check()?;
                let end = (start + height).min(n);
                tile.resize((end - start) * d, 0.0f64);
                rows.read_f64(start..end, &mut tile);
                all_finite(&tile, d, start)?;
                for row in tile.chunks_exact(d.max(1)) {
                    for (axis, &x) in axes.iter_mut().zip(row) {
                        axis.push(x);
                    }
                    if !direct && pass == 0 {
                        mean.iter_mut().zip(row).for_each(|(mean, &x)| *mean += x);
                    } else if !direct {
                        squares.push(row.iter().zip(&mean).map(|(&x, m)| (x - m).powi(2)).sum());
                    }
                }
            }
            if pass == 0 {
                // Rounded to eight bits of the largest, so that whole numbers stay whole and their ties exact; that is
                // near enough to the mean to keep the products from cancelling.
                let largest = mean.iter().fold(0.0f64, |most, &sum| most.max(sum.abs() / n as f64));
                let step = (largest.log2().ceil() - 8.0).exp2();
                for mean in &mut mean {
                    let exact = *mean / n as f64;
                    *mean = if step > 0.0 { (exact / step).round() * step } else { 0.0 };
                }
            }
        }
        Ok(Self { rows, kind: if direct { Kind::Direct(axes) } else { Kind::Products(mean, squares) } })
    }

    /// The `k` nearest of every point `[n, k]`, and for every point the ranks beyond `k` of those `asked` about
    /// `[n, k]`, summed (0 if none are). Progress is in points of the stage that the caller began.
    fn survey(&self, k: usize, asked: Option<&[u32]>, task: &Task) -> Result<(Vec<u32>, Vec<u64>)> {
        let n = self.rows.nrows();
        let mut near = vec![0u32; n * k];
        let mut penalties = vec![0u64; n];
        let height = (PANEL_BYTES / 8 / n).clamp(1, PANEL_ROWS);
        let spare: Mutex<Vec<(Panel, Shortlist)>> = Mutex::default();
        let spare = || spare.lock().unwrap_or_else(PoisonError::into_inner);
        task.install(|| {
            let parts = near.par_chunks_mut(height * k).zip(penalties.par_chunks_mut(height));
            parts.enumerate().for_each(|(at, (near, penalties))| {
                let (mut panel, mut found) = spare().pop().unwrap_or_else(|| (Panel::default(), Shortlist::new(k)));
                let range = at * height..at * height + penalties.len();
                self.fill(range.clone(), &mut panel, task);
                for ((i, near), sum) in range.zip(near.chunks_exact_mut(k)).zip(penalties) {
                    if task.is_cancelled() {
                        break;
                    }
                    let distances = self.row(i, &mut panel);
                    wide(
                        #[inline(always)]
                        || {
                            nearest(distances, &mut found);
                            if let Some(asked) = asked {
                                *sum = penalty(distances, &asked[i * k..(i + 1) * k], k, found.limit(), task);
                            }
                        },
                    );
                    for (near, &(_, index)) in near.iter_mut().zip(found.sorted()) {
                        *near = index;
                    }
                    found.clear();
                    task.advance(1);
                }
                spare().push((panel, found));
            });
        });
        task.check()?;
        Ok((near, penalties))
    }

    /// Computes the distances of the rows `range` to all, unless they are cheap enough to be found row by row. Stops
    /// early when the task is cancelled.
    fn fill(&self, range: Range<usize>, panel: &mut Panel, task: &Task) {
        let (n, d) = (self.rows.nrows(), self.rows.ncols());
        let Kind::Products(mean, squares) = &self.kind else {
            return;
        };
        let Panel { distances, start, left, right } = panel;
        *start = range.start;
        let height = range.len();
        distances.resize(height * n, 0.0);
        self.read(range.clone(), mean, left);
        let left = MatRef::from_row_major_slice(left, height, d);
        let width = (TILE_BYTES / 8 / d / 48 * 48).clamp(48, 480);
        for first in (0..n).step_by(width) {
            if task.is_cancelled() {
                return;
            }
            let last = (first + width).min(n);
            self.read(first..last, mean, right);
            let right = MatRef::from_row_major_slice(right, last - first, d);
            let target = MatMut::from_row_major_slice_mut(distances, height, n);
            let target = target.subcols_mut(first, last - first);
            matmul(target, Accum::Replace, left, right.transpose(), 1.0, Par::Seq);
        }
        wide(
            #[inline(always)]
            || {
                for (i, distances) in range.clone().zip(distances.chunks_exact_mut(n)) {
                    for (x, other) in distances.iter_mut().zip(squares) {
                        *x = squares[i] + other - 2.0 * *x;
                    }
                    distances[i] = f64::INFINITY;
                }
            },
        );
    }

    /// The rows `range` in f64 less the mean.
    fn read(&self, range: Range<usize>, mean: &[f64], out: &mut Vec<f64>) {
        out.resize(range.len() * mean.len(), 0.0);
        self.rows.read_f64(range, out);
        wide(
            #[inline(always)]
            || {
                for row in out.chunks_exact_mut(mean.len()) {
                    for (x, mean) in row.iter_mut().zip(mean) {
                        *x -= mean;
                    }
                }
            },
        );
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
        wide(
            #[inline(always)]
            || {
                for axis in axes {
                    let own = axis[i];
                    for (sum, x) in distances.iter_mut().zip(axis) {
                        *sum += (x - own) * (x - own);
                    }
                }
            },
        );
        distances[i] = f64::INFINITY;
        distances
    }
}

#[cfg(test)]
mod tests;
