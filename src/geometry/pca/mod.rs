//! Principal component analysis: the directions of largest variance of centred rows.
//!
//! In: [`Rows`] `[n, d]` and how many components. Out: coordinates `[n, dims]`, unit directions, the mean, variances
//! (divisor n − 1, as scikit-learn) and their share of the total variance, which is exact because the total is a
//! trace. All sums are in f64 and in an order fixed by the shape, so the bytes do not depend on the threads.
//!
//! The method follows the shape:
//! | shape | method | flops | peak memory beyond the rows and the result |
//! |---|---|---|---|
//! | d ≤ n, d ≤ 4096 | covariance | n d² | 12 d² bytes, 8 MiB of centred rows, 4 MiB of rows unless f32 in memory |
//! | n < d, n ≤ 4096 | Gram matrix of the rows | n² d | 12 n² bytes, per thread two tiles of 192 rows in f64, at most 8 MiB each, and 256 d times the components, at most 256 MiB |
//! | both larger, few components | block Krylov on the rows, which are read once a step | 4 n d b a step | 8 d (6 b + 32 b) bytes |
//! | both larger, many components | covariance, or Gram if n < d | as above | as above, and twice the matrix again |
//!
//! where b is the number of components plus 8, at least 16, and few are a twenty-fourth of the width or less. Covariance
//! and Gram matrices up to 800 wide, or of which more than a fortieth of the components is asked, are decomposed in
//! full; of wider ones the leading eigenpairs are found by the same block Krylov method (`krylov`), to a residual of
//! 1e-10 of the largest eigenvalue. At a fortieth the two met on flat spectra, Krylov's worst case; where it takes longer
//! still, the full decomposition follows.

mod dense;
pub(in crate::geometry) mod krylov;
mod operator;
#[cfg(test)]
mod tests;

use crate::error::{Problem, Result};
use crate::rows::{Points, Rows, all_finite, tile};
use crate::task::Task;
use crate::wide::wide;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;
use std::ops::Range;

/// Widest covariance that is formed when few components are asked: beyond it, passes over the rows cost less.
const DENSE: usize = 4096;

/// Widest matrix that is decomposed in full whatever is asked.
const FULL: usize = 800;

/// Share of the components that are few, where a matrix is in memory: one in so many.
const FEW: usize = 40;

/// The same where the matrix would have to be formed first.
const FEW_BY_PASSES: usize = 24;

/// Parts into which sums over rows are divided; fixed, so that their order is.
const PARTS: usize = 32;

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
    /// Share of the total variance along each component; 0 if all rows are equal.
    pub explained_variance_ratio: Vec<f64>,
}

/// How the components are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// Through the covariance `[d, d]`.
    Covariance,
    /// Through the inner products of the rows `[n, n]`.
    Gram,
    /// Through products with the rows alone.
    Passes,
}

impl Route {
    fn of(n: usize, d: usize, dims: usize) -> Self {
        match () {
            () if d <= n && d <= DENSE => Self::Covariance,
            () if n < d && n <= DENSE => Self::Gram,
            () if dims <= n.min(d) / FEW_BY_PASSES => Self::Passes,
            () if d <= n => Self::Covariance,
            () => Self::Gram,
        }
    }
}

/// Leading eigenpairs of a covariance, as directions: what every route finds.
struct Leading {
    /// Eigenvalues of the scatter matrix Σ(x−m)(x−m)ᵀ, descending.
    scatter: Vec<f64>,
    /// Directions `[d, dims]`, orthonormal.
    directions: Mat<f64>,
    /// Trace of the scatter matrix.
    total: f64,
}

/// The first `dims` principal components.
///
/// Progress: stage `components`, in rows read (unknown total where the rows are read repeatedly), then `coordinates`.
///
/// # Errors
/// If `dims` is 0 or above min(n, d), there is only one row, a row is not finite, or the task is cancelled.
pub fn pca(rows: &dyn Rows, dims: usize, task: &Task) -> Result<Pca> {
    pca_by(rows, dims, Route::of(rows.nrows(), rows.ncols(), dims), task)
}

/// [`pca`] by a given route.
pub(crate) fn pca_by(rows: &dyn Rows, dims: usize, route: Route, task: &Task) -> Result<Pca> {
    let (n, d) = (rows.nrows(), rows.ncols());
    if n < 2 {
        return Err(Problem::new(format!("principal components of {n} rows"))
            .expected("at least two rows")
            .hint("more points")
            .usage());
    }
    if dims == 0 || dims > n.min(d) {
        return Err(Problem::new(format!("{dims} principal components of {n} rows of width {d}"))
            .expected(format!("a number from 1 to {}", n.min(d)))
            .hint("fewer components")
            .usage());
    }
    let centred = Centred::new(rows, task)?;
    let mut leading = match route {
        Route::Covariance => dense::by_covariance(&centred, dims, task)?,
        Route::Gram => dense::by_gram(&centred, dims, task)?,
        Route::Passes => operator::by_passes(&centred, dims, task)?,
    };
    orient(&mut leading.directions);
    let coordinates = centred.project(leading.directions.as_ref(), task)?;
    let divisor = (n - 1) as f64;
    let components =
        leading.directions.col_iter().flat_map(|column| column.iter().map(|&x| x as f32).collect::<Vec<_>>()).collect();
    let share = |x: f64| if leading.total > 0.0 { (x / leading.total).clamp(0.0, 1.0) } else { 0.0 };
    Ok(Pca {
        coordinates: Points::new(coordinates, dims),
        components: Points::new(components, d),
        mean: centred.mean.iter().map(|&x| x as f32).collect(),
        explained_variance: leading.scatter.iter().map(|x| x.max(0.0) / divisor).collect(),
        explained_variance_ratio: leading.scatter.iter().map(|&x| share(x)).collect(),
    })
}

/// Turns each column so that its entry of largest magnitude (the first of several) is positive.
fn orient(directions: &mut Mat<f64>) {
    for j in 0..directions.ncols() {
        let largest = directions.col(j).iter().fold(0.0f64, |best, &x| if x.abs() > best.abs() { x } else { best });
        if largest < 0.0 {
            for i in 0..directions.nrows() {
                directions[(i, j)] = -directions[(i, j)];
            }
        }
    }
}

/// Rows with their mean taken off, handed out in f64 tiles.
struct Centred<'a> {
    rows: &'a dyn Rows,
    n: usize,
    d: usize,
    mean: Vec<f64>,
}

/// A thread's buffers for centred tiles.
#[derive(Default)]
struct Buffer {
    raw: Vec<f32>,
    centred: Vec<f64>,
}

impl<'a> Centred<'a> {
    fn new(rows: &'a dyn Rows, task: &Task) -> Result<Self> {
        let (n, d) = (rows.nrows(), rows.ncols());
        let mut this = Self { rows, n, d, mean: vec![0.0; d] };
        let parts = this.over_parts(task, |range, buffer: &mut Vec<f32>, sum: &mut Vec<f64>| {
            sum.resize(d, 0.0);
            let first = range.start;
            let values = tile(rows, range, buffer);
            for row in values.chunks_exact(d) {
                for (sum, &x) in sum.iter_mut().zip(row) {
                    *sum += f64::from(x);
                }
            }
            all_finite(values, d, first)
        })?;
        for part in &parts {
            for (mean, x) in this.mean.iter_mut().zip(part) {
                *mean += x;
            }
        }
        this.mean.iter_mut().for_each(|mean| *mean /= n as f64);
        Ok(this)
    }

    /// The rows `range` less the mean, written row-major to `out`.
    fn fill(&self, range: Range<usize>, raw: &mut Vec<f32>, out: &mut [f64]) {
        let values = tile(self.rows, range, raw);
        wide(
            #[inline(always)]
            || {
                for (out, values) in out.chunks_exact_mut(self.d).zip(values.chunks_exact(self.d)) {
                    for ((out, &x), mean) in out.iter_mut().zip(values).zip(&self.mean) {
                        *out = f64::from(x) - mean;
                    }
                }
            },
        );
    }

    /// The rows `range` less the mean.
    fn tile<'b>(&self, range: Range<usize>, buffer: &'b mut Buffer) -> MatRef<'b, f64> {
        let height = range.len();
        buffer.centred.resize(height * self.d, 0.0);
        self.fill(range, &mut buffer.raw, &mut buffer.centred);
        MatRef::from_row_major_slice(&buffer.centred, height, self.d)
    }

    /// Rows of a tile of about `bytes` in f64.
    fn height(&self, bytes: usize) -> usize {
        (bytes / 8 / self.d).clamp(1, self.n)
    }

    /// Runs `work` over all rows, in small tiles, within at most [`PARTS`] parts that depend on the shape alone; gives
    /// the parts' results in order.
    fn over_parts<B: Default, S: Default + Send>(
        &self,
        task: &Task,
        work: impl Fn(Range<usize>, &mut B, &mut S) -> Result<()> + Sync,
    ) -> Result<Vec<S>> {
        let part = self.n.div_ceil(PARTS);
        let height = self.height(1 << 20);
        let starts: Vec<usize> = (0..self.n).step_by(part).collect();
        let parts: Vec<Result<S>> = task.install(|| {
            starts
                .par_iter()
                .map(|&start| {
                    let (mut buffer, mut sum) = (B::default(), S::default());
                    let end = (start + part).min(self.n);
                    for tile in (start..end).step_by(height) {
                        task.check()?;
                        work(tile..(tile + height).min(end), &mut buffer, &mut sum)?;
                    }
                    Ok(sum)
                })
                .collect()
        });
        // The first error in the order of the rows, so that the row named does not depend on the threads.
        parts.into_iter().collect()
    }

    /// Inner products of all centred rows with `directions` `[d, dims]`, row-major.
    fn project(&self, directions: MatRef<f64>, task: &Task) -> Result<Vec<f32>> {
        let dims = directions.ncols();
        let mut out = vec![0.0f32; self.n * dims];
        let height = self.height(1 << 20);
        task.stage("coordinates", self.n as u64);
        task.install(|| {
            out.par_chunks_mut(height * dims).enumerate().for_each_init(
                || (Buffer::default(), Vec::new()),
                |(buffer, products), (at, out)| {
                    if task.is_cancelled() {
                        return;
                    }
                    let rows = out.len() / dims;
                    let tile = self.tile(at * height..at * height + rows, buffer);
                    products.resize(out.len(), 0.0f64);
                    let target = MatMut::from_row_major_slice_mut(products, rows, dims);
                    matmul(target, Accum::Replace, tile, directions, 1.0, Par::Seq);
                    for (out, &x) in out.iter_mut().zip(products.iter()) {
                        *out = x as f32;
                    }
                    task.advance(rows as u64);
                },
            );
        });
        task.check()?;
        Ok(out)
    }
}
