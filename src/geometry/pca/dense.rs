//! Components through a matrix held in memory: the scatter matrix of the columns, or the inner products of the rows.
//!
//! Sums are in f64. The matrix is kept in square blocks of its lower half; each block is written by one task at a
//! time and sums its contributions in row order, so the bits do not depend on the threads.

use super::krylov::{self, Operator};
use super::{Buffer, Centred, FEW, FULL, Leading, PARTS};
use crate::error::Result;
use crate::geometry::eigen::eigen_apart;
use crate::rows::tile;
use crate::task::Task;
use crate::wide::wide;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;
use std::ops::Range;

/// Bytes of centred rows held at once while the scatter matrix is summed.
const TILE_BYTES: usize = 8 << 20;

/// Bytes of the sums that the parts of the rows hold at once.
const SUM_BYTES: usize = 256 << 20;

/// Restarts after which a matrix in memory is decomposed in full: by then that would have been done. Flat spectra take
/// up to twenty, those of dictionaries five.
const RESTARTS: usize = 24;

/// Rows or columns of a block, about: a multiple of the 48 that the AVX-512 product in f64 takes at a time.
const SIDE: usize = 192;

/// One block of the lower half of a symmetric matrix.
struct Block {
    rows: Range<usize>,
    cols: Range<usize>,
    values: Mat<f64>,
}

/// Zeroed blocks that cover the lower half of a matrix `width` wide.
fn blocks(width: usize, side: usize) -> Vec<Block> {
    let range = |at: usize| at * side..((at + 1) * side).min(width);
    (0..width.div_ceil(side))
        .flat_map(|i| (0..=i).map(move |j| (range(i), range(j))))
        .map(|(rows, cols)| Block { values: Mat::zeros(rows.len(), cols.len()), rows, cols })
        .collect()
}

/// The whole symmetric matrix.
fn assemble(width: usize, blocks: Vec<Block>) -> Mat<f64> {
    let mut whole = Mat::zeros(width, width);
    for Block { rows, cols, values } in blocks {
        for j in 0..cols.len() {
            for i in 0..rows.len() {
                whole[(rows.start + i, cols.start + j)] = values[(i, j)];
                whole[(cols.start + j, rows.start + i)] = values[(i, j)];
            }
        }
    }
    whole
}

/// Rows or columns of a block: about [`SIDE`], so that blocks are of like size, and a multiple of 48 where it can be.
fn side(width: usize) -> usize {
    width.div_ceil(width.div_ceil(SIDE)).next_multiple_of(48)
}

/// Through the scatter matrix `[d, d]`.
pub(super) fn by_covariance(centred: &Centred, dims: usize, task: &Task) -> Result<Leading> {
    let (n, d) = (centred.n, centred.d);
    let side = side(d);
    let mut blocks = blocks(d, side);
    let height = centred.height(TILE_BYTES);
    // Centred columns, a panel for each block. Rows of a panel lie an odd number of cache lines apart, so that a column
    // of it spreads over the whole cache.
    let stride = side + if side.is_multiple_of(16) { 8 } else { 0 };
    let mut panels = vec![0.0f64; d.div_ceil(side) * height * stride];
    let mut raw = Vec::<f32>::new();
    task.stage("components", n as u64);
    for start in (0..n).step_by(height) {
        task.check()?;
        let rows = height.min(n - start);
        let values = tile(centred.rows, start..start + rows, &mut raw);
        task.install(|| {
            panels.par_chunks_mut(height * stride).enumerate().for_each(|(at, panel)| {
                let columns = at * side..((at + 1) * side).min(d);
                let mean = &centred.mean[columns.clone()];
                wide(
                    #[inline(always)]
                    || {
                        for (out, row) in panel.chunks_exact_mut(stride).zip(values.chunks_exact(d)) {
                            for ((out, &x), mean) in out.iter_mut().zip(&row[columns.clone()]).zip(mean) {
                                *out = f64::from(x) - mean;
                            }
                        }
                    },
                );
            });
            blocks.par_iter_mut().for_each(|block| {
                if task.is_cancelled() {
                    return;
                }
                let panel = |columns: &Range<usize>| {
                    let values = &panels[columns.start / side * height * stride..];
                    MatRef::from_row_major_slice_with_stride(values, rows, columns.len(), stride)
                };
                let (left, right) = (panel(&block.rows).transpose(), panel(&block.cols));
                matmul(&mut block.values, Accum::Add, left, right, 1.0, Par::Seq);
            });
        });
        task.advance(rows as u64);
    }
    task.check()?;
    drop(panels);
    let scatter = assemble(d, blocks);
    let total = (0..d).map(|i| scatter[(i, i)]).sum();
    let (scatter, directions) = leading_eigenpairs(scatter, dims, task)?;
    Ok(Leading { scatter, directions, total })
}

/// Through the inner products of the centred rows `[n, n]`.
pub(super) fn by_gram(centred: &Centred, dims: usize, task: &Task) -> Result<Leading> {
    let (n, d) = (centred.n, centred.d);
    let mut blocks = blocks(n, side(n).min(centred.height(TILE_BYTES)));
    task.stage("components", blocks.len() as u64);
    task.install(|| {
        blocks.par_iter_mut().for_each_init(<(Buffer, Buffer)>::default, |(left, right), block| {
            if task.is_cancelled() {
                return;
            }
            let left = centred.tile(block.rows.clone(), left);
            let right = centred.tile(block.cols.clone(), right);
            matmul(&mut block.values, Accum::Replace, left, right.transpose(), 1.0, Par::Seq);
            task.advance(1);
        });
    });
    task.check()?;
    let gram = assemble(n, blocks);
    let total = (0..n).map(|i| gram[(i, i)]).sum();
    let (scatter, vectors) = leading_eigenpairs(gram, dims, task)?;
    // Direction = Xᵀu / √λ, summed over the rows in fixed parts, some directions at a time.
    let mut directions = Mat::<f64>::zeros(d, dims);
    let strip = (SUM_BYTES / 8 / PARTS / d).max(1);
    for first in (0..dims).step_by(strip) {
        let count = strip.min(dims - first);
        let parts = centred.over_parts(task, |range, buffer: &mut Buffer, sum: &mut Vec<f64>| {
            sum.resize(d * count, 0.0);
            let sum = MatMut::from_column_major_slice_mut(sum, d, count);
            let tile = centred.tile(range.clone(), buffer);
            let vectors = vectors.as_ref().submatrix(range.start, first, range.len(), count);
            matmul(sum, Accum::Add, tile.transpose(), vectors, 1.0, Par::Seq);
            Ok(())
        })?;
        let mut directions = directions.as_mut().subcols_mut(first, count);
        for part in &parts {
            directions += MatRef::from_column_major_slice(part, d, count);
        }
    }
    // Along a direction without variance the sum is rounding noise; any unit vector orthogonal to the rest serves.
    let floor = scatter.first().copied().unwrap_or(0.0) * f64::EPSILON * n.max(d) as f64;
    for (at, &value) in scatter.iter().enumerate() {
        if value <= floor {
            directions.col_mut(at).fill(0.0);
        }
    }
    krylov::orthonormalise(MatRef::from_column_major_slice(&[], d, 0), directions.as_mut(), None, task)?;
    Ok(Leading { scatter, directions, total })
}

/// The `count` largest eigenvalues of a symmetric matrix, descending, and their vectors as columns.
fn leading_eigenpairs(matrix: Mat<f64>, count: usize, task: &Task) -> Result<(Vec<f64>, Mat<f64>)> {
    let width = matrix.nrows();
    let matrix = Dense(matrix);
    if width > FULL
        && count <= width / FEW
        && let Some(found) = krylov::leading(&matrix, count, RESTARTS, task)?
    {
        return Ok(found);
    }
    let (values, vectors) = eigen_apart(matrix.0, task)?;
    let order: Vec<usize> = (0..width).rev().take(count).collect();
    let leading = Mat::from_fn(width, count, |i, j| vectors[(i, order[j])]);
    Ok((order.iter().map(|&j| values[j]).collect(), leading))
}

/// A symmetric matrix in memory as an operator.
struct Dense(Mat<f64>);

impl Operator for Dense {
    fn width(&self) -> usize {
        self.0.nrows()
    }
    fn apply(&self, vectors: MatRef<f64>, task: &Task) -> Result<Mat<f64>> {
        task.check()?;
        let (width, count) = (vectors.nrows(), vectors.ncols());
        // Row-major strips, each written by one task. By symmetry a strip of rows is one of columns, which lie together.
        let mut out = vec![0.0f64; width * count];
        task.install(|| {
            out.par_chunks_mut(64 * count).enumerate().for_each(|(at, out)| {
                let rows = out.len() / count;
                let strip = self.0.as_ref().subcols(at * 64, rows).transpose();
                matmul(
                    MatMut::from_row_major_slice_mut(out, rows, count),
                    Accum::Replace,
                    strip,
                    vectors,
                    1.0,
                    Par::Seq,
                );
            });
        });
        Ok(MatRef::from_row_major_slice(&out, width, count).to_owned())
    }
}
