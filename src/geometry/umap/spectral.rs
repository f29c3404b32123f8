//! Leading eigenvectors of a neighbour graph, by filtered subspace iteration.
//!
//! Input: a symmetric weighted graph A on n vertices with degrees d. Output: the `count` leading nontrivial
//! eigenvectors of the regularised normalised adjacency N = (D + τI)^-½ (A + τ/n 11ᵀ) (D + τI)^-½, that is the lowest
//! of the normalised Laplacian I - N, divided by √(d + τ) so that they are functions on the vertices (the random
//! walk's eigenvectors).
//!
//! The term τ/n 11ᵀ joins every pair of vertices weakly. Without it the leading eigenvectors of a real neighbour graph
//! sit on a few vertices that hang on the rest by a thread, and everything else collapses to a point; with it they
//! divide the bulk (Amini et al. 2013; Zhang and Rohe 2018, "Understanding regularized spectral clustering via graph
//! conductance"). It also connects a graph of several components, which thus need no case of their own.
//!
//! Method: a block of vectors, the trivial one √(d + τ) projected out, is passed through a Chebyshev polynomial of N
//! that grows on the wanted end of the spectrum and stays within ±1 on the rest (Zhou and Saad 2007), then rotated to
//! its Ritz vectors; the polynomial's cut follows the block's lowest Ritz value. Up to [`DENSE`] vertices the matrix
//! is solved directly. Sums over vertices run in fixed chunks, so threads do not change a bit.
//! Cost: at most ROUNDS x (DEGREE + 1) products with N, each 8 columns wide, about 1 ms per 500,000 entries and
//! column block. Peak memory: three blocks, 96 bytes per vertex each 8 columns.

#![allow(clippy::inline_always, reason = "kernels must become part of the function that is compiled for wide vectors")]

use super::fuzzy::FuzzyGraph;
use crate::error::Result;
use crate::geometry::eigen::eigen;
use crate::geometry::random::{key, signed_unit};
use crate::task::Task;
use crate::wide::wide;
use faer::{Mat, MatRef};
use rayon::prelude::*;

/// Columns that are multiplied together: one row of them is half a cache line.
const WIDTH: usize = 8;
/// Vectors beyond the wanted ones; they carry the next eigenvalues and so speed up the wanted.
const GUARDS: usize = 5;
/// Degree of the polynomial in each round.
const DEGREE: usize = 12;
/// Most rounds.
const ROUNDS: usize = 12;
/// Wanted Ritz values that move less than this, relative to their distance from 1, are settled.
const SETTLED: f64 = 0.01;
/// Vertices below which the matrix is solved directly.
const DENSE: usize = 128;
/// Vertices per chunk of parallel work and of every sum.
const CHUNK: usize = 1024;

type Row = [f32; WIDTH];

/// The `count` leading nontrivial eigenvectors, each of largest magnitude 1; fewer if the graph has no more than
/// `count` vertices.
pub(super) fn leading(graph: &FuzzyGraph, count: usize, tau: f32, seed: u64, task: &Task) -> Result<Vec<Vec<f32>>> {
    let n = graph.len();
    let count = count.min(n.saturating_sub(1));
    task.stage("spectral start", (ROUNDS * (DEGREE + 1)) as u64);
    let operator = Operator::new(graph, tau);
    let mut leading = if n <= DENSE.max(2 * (count + GUARDS)) {
        operator.solve_directly(count)?
    } else {
        task.install(|| operator.iterate(count, seed, task))?
    };
    for vector in &mut leading {
        for (x, s) in vector.iter_mut().zip(&operator.scale) {
            *x *= s;
        }
        // The entry of largest magnitude becomes +1: a sign that does not depend on the method.
        let peak = vector.iter().copied().fold(0.0f32, |best, x| if x.abs() > best.abs() { x } else { best });
        if peak != 0.0 {
            for x in vector.iter_mut() {
                *x /= peak;
            }
        }
    }
    Ok(leading)
}

struct Operator<'a> {
    graph: &'a FuzzyGraph,
    /// 1 / √(d + τ).
    scale: Vec<f32>,
    /// √(d + τ), of unit length: the trivial eigenvector, eigenvalue 1.
    trivial: Vec<f32>,
    /// τ / n.
    everywhere: f32,
}

impl<'a> Operator<'a> {
    fn new(graph: &'a FuzzyGraph, tau: f32) -> Self {
        let n = graph.len();
        let degrees: Vec<f64> =
            (0..n).map(|i| graph.row(i).1.iter().map(|&w| f64::from(w)).sum::<f64>() + f64::from(tau)).collect();
        let length = degrees.iter().sum::<f64>().sqrt();
        Self {
            graph,
            scale: degrees.iter().map(|d| if *d > 0.0 { (1.0 / d.sqrt()) as f32 } else { 0.0 }).collect(),
            trivial: degrees.iter().map(|d| (d.sqrt() / length) as f32).collect(),
            everywhere: tau / n as f32,
        }
    }

    fn solve_directly(&self, count: usize) -> Result<Vec<Vec<f32>>> {
        let n = self.graph.len();
        let mut matrix = Mat::<f64>::zeros(n, n);
        for i in 0..n {
            for j in 0..n {
                matrix[(i, j)] = f64::from(self.everywhere) * f64::from(self.scale[i]) * f64::from(self.scale[j])
                    - f64::from(self.trivial[i]) * f64::from(self.trivial[j]);
            }
            let (targets, weights) = self.graph.row(i);
            for (&j, &w) in targets.iter().zip(weights) {
                let j = j as usize;
                matrix[(i, j)] += f64::from(w) * f64::from(self.scale[i]) * f64::from(self.scale[j]);
            }
        }
        let (_, vectors) = eigen(matrix.as_ref())?;
        // Ascending; the trivial one was taken out and sits at 0, among values that may lie below it.
        let mut kept: Vec<usize> = (0..n).rev().collect();
        let overlap = |c: usize| (0..n).map(|i| vectors[(i, c)] * f64::from(self.trivial[i])).sum::<f64>().abs();
        if let Some(trivial) = (0..n).max_by(|&x, &y| overlap(x).total_cmp(&overlap(y))) {
            kept.retain(|&c| c != trivial);
        }
        kept.truncate(count);
        Ok(kept.iter().map(|&c| (0..n).map(|i| vectors[(i, c)] as f32).collect()).collect())
    }

    fn iterate(&self, count: usize, seed: u64, task: &Task) -> Result<Vec<Vec<f32>>> {
        let n = self.graph.len();
        let blocks = (count + GUARDS).div_ceil(WIDTH);
        let columns = blocks * WIDTH;
        let mut x: Vec<Vec<Row>> = (0..blocks)
            .map(|b| {
                (0..n)
                    .map(|i| std::array::from_fn(|c| signed_unit(key(seed, 1000 + (b * WIDTH + c) as u64, i as u64))))
                    .collect()
            })
            .collect();
        for block in &mut x {
            self.project(block);
        }
        let mut image = x.clone();
        let mut spare = x.clone();
        let mut scratch = vec![[0.0; WIDTH]; n];
        // The first polynomial treats the lower half of the spectrum's usual range as unwanted.
        let mut cut = 0.5;
        let mut values = vec![f64::NEG_INFINITY; count];
        for _ in 0..ROUNDS {
            for b in 0..blocks {
                self.filter(&mut x[b], &mut image[b], &mut spare[b], &mut scratch, cut, task)?;
                self.project(&mut x[b]);
            }
            for b in 0..blocks {
                self.multiply(&x[b], &mut image[b], &mut scratch);
            }
            task.advance(1);
            task.check()?;
            let ritz = rayleigh_ritz(&x, &image, columns)?;
            rotate(&mut x, &ritz.rotation, ritz.values.len());
            let settled = ritz
                .values
                .iter()
                .zip(&values)
                .take(count)
                .all(|(new, old)| (new - old).abs() <= SETTLED * (1.0 - new).max(1e-3));
            for (value, new) in values.iter_mut().zip(&ritz.values) {
                *value = *new;
            }
            cut = ritz.values.last().copied().unwrap_or(cut).clamp(0.0, 0.999);
            if settled {
                break;
            }
        }
        Ok((0..count).map(|c| x[c / WIDTH].iter().map(|row| row[c % WIDTH]).collect()).collect())
    }

    /// x := T_DEGREE(N mapped so that [-1, cut] becomes [-1, 1]) x, by the three-term recurrence.
    fn filter(
        &self,
        x: &mut Vec<Row>,
        y: &mut Vec<Row>,
        spare: &mut Vec<Row>,
        scratch: &mut [Row],
        cut: f64,
        task: &Task,
    ) -> Result<()> {
        let half = f64::midpoint(cut, 1.0) as f32;
        let centre = ((cut - 1.0) / 2.0) as f32;
        self.apply(x, y, scratch, |nx, x, _| (nx - centre * x) / half);
        for _ in 1..DEGREE {
            task.check()?;
            task.advance(1);
            // x is the vector before y; spare is free.
            self.apply_with(y, x, spare, scratch, |ny, y, x| 2.0 * (ny - centre * y) / half - x);
            std::mem::swap(x, y);
            std::mem::swap(y, spare);
        }
        std::mem::swap(x, y);
        Ok(())
    }

    fn multiply(&self, x: &[Row], out: &mut [Row], scratch: &mut [Row]) {
        self.apply(x, out, scratch, |nx, _, _| nx);
    }

    fn apply(&self, x: &[Row], out: &mut [Row], scratch: &mut [Row], combine: impl Fn(f32, f32, f32) -> f32 + Sync) {
        self.apply_with(x, x, out, scratch, combine);
    }

    /// out := combine(N x, x, before), entry by entry.
    fn apply_with(
        &self,
        x: &[Row],
        before: &[Row],
        out: &mut [Row],
        scratch: &mut [Row],
        combine: impl Fn(f32, f32, f32) -> f32 + Sync,
    ) {
        // scratch := scale x, and its column sums for the rank-one term.
        let sums: Vec<[f64; WIDTH]> = scratch
            .par_chunks_mut(CHUNK)
            .enumerate()
            .map(|(chunk, rows)| {
                let mut sum = [0.0; WIDTH];
                for (at, row) in rows.iter_mut().enumerate() {
                    let i = chunk * CHUNK + at;
                    for c in 0..WIDTH {
                        row[c] = self.scale[i] * x[i][c];
                        sum[c] += f64::from(row[c]);
                    }
                }
                sum
            })
            .collect();
        let mut everywhere = [0.0f32; WIDTH];
        for c in 0..WIDTH {
            everywhere[c] = self.everywhere * sums.iter().map(|s| s[c]).sum::<f64>() as f32;
        }
        let scratch = &*scratch;
        out.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, out)| {
            wide(
                #[inline(always)]
                || {
                    for (at, out) in out.iter_mut().enumerate() {
                        let i = chunk * CHUNK + at;
                        let sum = self.row_product(i, everywhere, scratch);
                        for c in 0..WIDTH {
                            out[c] = combine(self.scale[i] * sum[c], x[i][c], before[i][c]);
                        }
                    }
                },
            );
        });
    }

    /// Row `i` of A times the scaled columns, and the rank-one term.
    #[inline(always)]
    fn row_product(&self, i: usize, everywhere: Row, scaled: &[Row]) -> Row {
        let (targets, weights) = self.graph.row(i);
        let mut sum = everywhere;
        for (&j, &w) in targets.iter().zip(weights) {
            let row = &scaled[j as usize];
            for c in 0..WIDTH {
                sum[c] = w.mul_add(row[c], sum[c]);
            }
        }
        sum
    }

    /// Takes the trivial vector out of every column.
    fn project(&self, x: &mut [Row]) {
        let sums: Vec<[f64; WIDTH]> = x
            .par_chunks(CHUNK)
            .enumerate()
            .map(|(chunk, rows)| {
                let mut sum = [0.0; WIDTH];
                for (row, &t) in rows.iter().zip(&self.trivial[chunk * CHUNK..]) {
                    for c in 0..WIDTH {
                        sum[c] += f64::from(t) * f64::from(row[c]);
                    }
                }
                sum
            })
            .collect();
        let along: [f32; WIDTH] = std::array::from_fn(|c| sums.iter().map(|s| s[c]).sum::<f64>() as f32);
        x.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, rows)| {
            for (row, &t) in rows.iter_mut().zip(&self.trivial[chunk * CHUNK..]) {
                for c in 0..WIDTH {
                    row[c] -= t * along[c];
                }
            }
        });
    }
}

struct Ritz {
    /// Descending; one for each independent direction of the block.
    values: Vec<f64>,
    /// `[columns, values]`: combinations of the block's columns.
    rotation: Mat<f64>,
}

/// Eigenvalues of N within the span of `x`, given `image` = N x.
fn rayleigh_ritz(x: &[Vec<Row>], image: &[Vec<Row>], columns: usize) -> Result<Ritz> {
    let gram = products(x, x, columns);
    let projected = products(x, image, columns);
    // Columns to unit length first: the filter lets them grow apart by orders of magnitude.
    let unit: Vec<f64> = (0..columns).map(|c| 1.0 / gram[(c, c)].max(f64::MIN_POSITIVE).sqrt()).collect();
    let gram = Mat::from_fn(columns, columns, |i, j| gram[(i, j)] * unit[i] * unit[j]);
    let projected =
        Mat::from_fn(columns, columns, |i, j| 0.5 * (projected[(i, j)] + projected[(j, i)]) * unit[i] * unit[j]);
    let (lengths, basis) = eigen(gram.as_ref())?;
    // Directions that the f32 block no longer tells apart are left out.
    let kept: Vec<usize> = (0..columns).filter(|&c| lengths[c] > 1e-5 * lengths[columns - 1].max(1.0)).collect();
    let whiten = Mat::from_fn(columns, kept.len(), |i, c| unit[i] * basis[(i, kept[c])] / lengths[kept[c]].sqrt());
    let unscaled = Mat::from_fn(columns, kept.len(), |i, c| basis[(i, kept[c])] / lengths[kept[c]].sqrt());
    let small = product(unscaled.transpose(), product(projected.as_ref(), unscaled.as_ref()).as_ref());
    let (values, vectors) = eigen(small.as_ref())?;
    let order: Vec<usize> = (0..kept.len()).rev().collect();
    let turned = Mat::from_fn(kept.len(), kept.len(), |i, c| vectors[(i, order[c])]);
    let rotation = product(whiten.as_ref(), turned.as_ref());
    Ok(Ritz { values: order.iter().map(|&c| values[c]).collect(), rotation })
}

/// xᵀ y in f64, summed in fixed chunks.
fn products(x: &[Vec<Row>], y: &[Vec<Row>], columns: usize) -> Mat<f64> {
    let n = x[0].len();
    let parts: Vec<Vec<f64>> = (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let mut part = vec![0.0; columns * columns];
            for i in chunk * CHUNK..n.min((chunk + 1) * CHUNK) {
                for r in 0..columns {
                    let left = f64::from(x[r / WIDTH][i][r % WIDTH]);
                    for (b, y) in y.iter().enumerate() {
                        for c in 0..WIDTH {
                            part[r * columns + b * WIDTH + c] += left * f64::from(y[i][c]);
                        }
                    }
                }
            }
            part
        })
        .collect();
    Mat::from_fn(columns, columns, |r, c| parts.iter().map(|part| part[r * columns + c]).sum())
}

/// x := x rotation; columns that the rotation does not have become copies of the last one's noise: zero.
fn rotate(x: &mut [Vec<Row>], rotation: &Mat<f64>, kept: usize) {
    let n = x[0].len();
    let columns = x.len() * WIDTH;
    let rotation: Vec<f32> = (0..columns * columns)
        .map(|e| if e % columns < kept { rotation[(e / columns, e % columns)] as f32 } else { 0.0 })
        .collect();
    let mut rows = vec![0.0f32; columns];
    for i in 0..n {
        rows.fill(0.0);
        for r in 0..columns {
            let left = x[r / WIDTH][i][r % WIDTH];
            for c in 0..columns {
                rows[c] += left * rotation[r * columns + c];
            }
        }
        for c in 0..columns {
            x[c / WIDTH][i][c % WIDTH] = rows[c];
        }
    }
}

/// The product of small matrices, without threads.
fn product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    Mat::from_fn(left.nrows(), right.ncols(), |i, j| (0..left.ncols()).map(|c| left[(i, c)] * right[(c, j)]).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::neighbors::{KnnParams, knn};
    use crate::geometry::umap::fuzzy::fuzzy_graph;
    use crate::rows::Points;

    #[test]
    fn iterating_finds_what_the_dense_solver_finds() {
        let task = Task::new(2).unwrap();
        let points = Points::new((0..300 * 6).map(|i| signed_unit(key(4, 4, i))).collect(), 6);
        let graph = fuzzy_graph(&knn(&points, &KnnParams { k: 9 }, &task).unwrap(), 10, &task).unwrap();
        let operator = Operator::new(&graph, 1.0);
        let iterated = task.install(|| operator.iterate(2, 0, &task)).unwrap();
        let direct = operator.solve_directly(2).unwrap();
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        for vector in &iterated {
            // The planes agree, whatever the vectors within them.
            let share: f64 = direct.iter().map(|d| dot(vector, d).powi(2) / (dot(vector, vector) * dot(d, d))).sum();
            assert!(share > 0.98, "{share}");
        }
    }
}
