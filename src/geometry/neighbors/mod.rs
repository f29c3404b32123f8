//! Exact nearest neighbours by cosine.
//!
//! In: [`Rows`] `[n, d]` of any stored type. Out: for each row its `k` nearest, itself excluded, by descending cosine,
//! ties by ascending index.
//!
//! *Exact* means: equal, row for row, to a brute force in f64. The cosine of a pair is its dot product summed in f64
//! over the f32 values of the rows, divided by the norms and rounded to steps of 2⁻⁴⁴ (6e-14), so that rounding noise
//! cannot order rows that truly tie; the lists are chosen by it. Cosines are handed out as f32; neighbours whose f32
//! cosines are equal are listed by index. A zero row has cosine 0 to all and lists the lowest indices. The bytes are
//! the same on any processor and at any number of threads.
//!
//! | function | cost | peak memory beyond the rows and the result |
//! |---|---|---|
//! | [`knn`] | n²d/2 f32 multiply-adds | 16nk + 12n bytes; per thread 2 MiB (8 where k nears n), and up to 32 MiB of tiles unless f32 in memory |
//! | [`nearest`] | nd f64 multiply-adds, one pass | 16k bytes a block of rows; per thread 1 MiB unless f32 in memory |

mod exact;
mod ranks;
mod score;
/// Of every point its `k` nearest others by Euclidean distance, row-major `[n, k]`, nearest first, and their distances. By
/// a k-d tree in f64: quick in few dimensions, and never more than all pairs.
///
/// # Errors
/// If `k` is 0 or not below the number of points, a value is not finite, or the task is cancelled.
pub fn nearest_points(points: &dyn Rows, k: usize, task: &Task) -> Result<(Vec<u32>, Vec<f64>)> {
    KnnParams { k }.check(points.nrows())?;
    KdTree::build(points, task)?.others(k, task)
}

#[cfg(test)]
mod tests;
mod tiles;

use super::kdtree::KdTree;
use crate::error::{Problem, Result};
use crate::geometry::memory::holds_neighbours;
use crate::rows::{Rows, block_rows, dot, not_finite, tile};
use crate::task::Task;
use crate::wide::wide;
use rayon::prelude::*;
use score::{Found, insert, score};
use tiles::Source;

/// What to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnnParams {
    /// Neighbours per row, the row itself excluded.
    pub k: usize,
}

impl KnnParams {
    /// Checks the parameters against the number of rows.
    ///
    /// # Errors
    /// If `k` is 0 or not below `rows`.
    pub fn check(&self, rows: usize) -> Result<()> {
        if self.k > 0 && self.k < rows {
            return Ok(());
        }
        let what = format!("{} neighbours of each of {rows} rows", self.k);
        let (expected, hint) = match rows {
            0 | 1 => ("at least two rows".into(), "a larger dictionary"),
            _ => (format!("a number from 1 to {}", rows - 1), "a k in that range"),
        };
        Err(Problem::new(what).expected(expected).hint(hint).usage())
    }
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
    /// The neighbours of no rows.
    pub fn none(k: usize) -> Self {
        Self { k, indices: Vec::new(), cosines: Vec::new() }
    }
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
/// Progress: stage `neighbours`, in pairs of tiles.
///
/// # Errors
/// If `k` is 0 or not below the number of rows, the lists are more than half of the machine's memory, a row is not
/// finite, or the task is cancelled.
pub fn knn(rows: &dyn Rows, params: &KnnParams, task: &Task) -> Result<Knn> {
    params.check(rows.nrows())?;
    addressable(rows.nrows())?;
    holds_neighbours(rows.nrows(), params.k, 24)?;
    let source = Source::new(rows, task)?;
    let mut found = exact::search(&source, params.k, task)?;
    finish(&source, params.k, &mut found, task)?;
    Ok(task.install(|| Knn {
        k: params.k,
        indices: found.par_iter().map(|f| f.index).collect(),
        cosines: found.par_iter().map(|f| cosine(f.score)).collect(),
    }))
}

/// Indices of the `k` nearest rows of every row `[n, k]`, in the order of exact scores, and how many rows come before
/// each of the rows `asked` about `[n, k]` in that order of all others. `k` and `asked` must have been checked.
///
/// # Errors
/// If a row is not finite, or the task is cancelled.
pub(crate) fn knn_and_ranks(rows: &dyn Rows, k: usize, asked: &[u32], task: &Task) -> Result<(Vec<u32>, Vec<u32>)> {
    addressable(rows.nrows())?;
    let source = Source::new(rows, task)?;
    let (mut found, before) = exact::search_and_rank(&source, k, asked, task)?;
    finish(&source, k, &mut found, task)?;
    Ok((found.iter().map(|f| f.index).collect(), before))
}

/// Gives zero rows their lists and every list its final order.
fn finish(source: &Source, k: usize, found: &mut [Found], task: &Task) -> Result<()> {
    task.install(|| {
        found.par_chunks_exact_mut(k).enumerate().try_for_each(|(row, list)| {
            task.check()?;
            if source.norms[row] == 0.0 {
                list.copy_from_slice(&of_zero_row(row, k));
            }
            order(list);
            Ok(())
        })
    })
}

/// The neighbours of a zero row: the lowest other indices, at cosine 0.
fn of_zero_row(row: usize, k: usize) -> Vec<Found> {
    (0..).filter(|&index| index != row as u32).take(k).map(|index| Found { score: 0, index }).collect()
}

/// Orders a list by the cosine that is handed out, then by index.
fn order(list: &mut [Found]) {
    list.sort_unstable_by(|a, b| cosine(b.score).total_cmp(&cosine(a.score)).then(a.index.cmp(&b.index)));
}

/// The cosine that is handed out. Never a negative zero: a score is an integer.
fn cosine(score: score::Score) -> f32 {
    score::cosine(score) as f32
}

/// Indices are handed out as u32.
fn addressable(rows: usize) -> Result<()> {
    if u32::try_from(rows).is_ok() {
        return Ok(());
    }
    Err(Problem::new(format!("{rows} rows")).expected("at most 4294967295").hint("a part of them").usage())
}

/// The `k` nearest neighbours of one row, equal to that row of [`knn`].
///
/// # Errors
/// As [`knn`]; and if `row` is out of range.
pub fn nearest(rows: &dyn Rows, row: usize, k: usize, task: &Task) -> Result<Vec<(u32, f32)>> {
    let (n, d) = (rows.nrows(), rows.ncols());
    KnnParams { k }.check(n)?;
    addressable(n)?;
    if row >= n {
        return Err(Problem::new(format!("there is no row {row}"))
            .expected(format!("a row from 0 to {}", n - 1))
            .hint("a lower number")
            .usage());
    }
    let mut query = vec![0.0; d];
    rows.read(row..row + 1, &mut query);
    let norm = dot(&query, &query).sqrt();
    let block = block_rows(d);
    let starts: Vec<usize> = (0..n).step_by(block).collect();
    task.stage("neighbours", starts.len() as u64);
    // Per block its best, or its first row that is not finite.
    let parts: Vec<Result<Vec<Found>, usize>> = task.install(|| {
        starts
            .par_iter()
            .map_init(Vec::new, |buffer, &start| {
                if task.is_cancelled() {
                    return Ok(Vec::new());
                }
                let range = start..(start + block).min(n);
                let values = tile(rows, range.clone(), buffer);
                let mut slots = vec![Found { score: 0, index: 0 }; k.min(range.len())];
                let mut len = 0;
                let outcome = wide(
                    #[inline(always)]
                    || {
                        for j in range.clone() {
                            let other = &values[(j - start) * d..(j - start + 1) * d];
                            let other_norm = dot(other, other).sqrt();
                            if !other_norm.is_finite() {
                                return Err(j);
                            }
                            if j != row {
                                let score = score(dot(&query, other), norm, other_norm);
                                insert(&mut slots, &mut len, Found { score, index: j as u32 });
                            }
                        }
                        Ok(())
                    },
                );
                task.advance(1);
                outcome.map(|()| {
                    slots.truncate(len);
                    slots
                })
            })
            .collect()
    });
    task.check()?;
    let mut best = Vec::new();
    for part in parts {
        best.extend(part.map_err(not_finite)?);
    }
    best.sort_unstable_by_key(|found| (std::cmp::Reverse(found.score), found.index));
    best.truncate(k);
    if norm == 0.0 {
        best = of_zero_row(row, k);
    }
    order(&mut best);
    Ok(best.into_iter().map(|f| (f.index, cosine(f.score))).collect())
}
