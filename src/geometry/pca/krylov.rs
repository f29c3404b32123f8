//! Leading eigenpairs of a large symmetric positive semidefinite operator: block Lanczos with full
//! reorthogonalisation and thick restarts (Wu & Simon 2000; Saad, Numerical Methods for Large Eigenvalue Problems,
//! ch. 6).
//!
//! In: an [`Operator`] of width m and a count. Out: that many eigenvalues, descending, with orthonormal vectors, each
//! pair to a residual ‖Av − λv‖ of at most 1e-10 of the largest eigenvalue. A block has eight vectors more than are
//! asked, at least sixteen, so that equal eigenvalues are all found and close ones are not waited for. The start is a
//! fixed hash: the same input gives the same bytes. Memory: 6 blocks of m numbers.

use crate::error::Result;
use crate::geometry::eigen::eigen;
use crate::geometry::random::scramble;
use crate::task::Task;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

/// Residual, relative to the largest eigenvalue, at which a pair is done.
const TOLERANCE: f64 = 1e-10;

/// Widest projected matrix that is decomposed at every step, to stop as early as possible.
const CHEAP: usize = 128;

/// A symmetric matrix known by its products.
pub(super) trait Operator {
    /// Rows and columns.
    fn width(&self) -> usize;
    /// Its product with the columns of `vectors` `[width, b]`; the bits must not depend on the threads.
    fn apply(&self, vectors: MatRef<f64>, task: &Task) -> Result<Mat<f64>>;
}

/// The `count` largest eigenvalues, descending, and their vectors `[width, count]`.
pub(super) fn leading(operator: &dyn Operator, count: usize, task: &Task) -> Result<(Vec<f64>, Mat<f64>)> {
    let width = operator.width();
    let block = (count + 8).max(16).min(width);
    let limit = (6 * block).min(width);
    let mut basis = Mat::<f64>::zeros(width, limit);
    let mut inner = Mat::<f64>::zeros(limit, limit);
    for j in 0..block {
        for i in 0..width {
            basis[(i, j)] = noise(i, j);
        }
    }
    orthonormalise(MatRef::from_column_major_slice(&[], width, 0), basis.as_mut().subcols_mut(0, block), None);
    let (mut len, mut last) = (block, block);
    loop {
        // `last` columns are new; the images of the others lie in the span of the basis already.
        let mut image = operator.apply(basis.as_ref().subcols(len - last, last), task)?;
        let old = basis.as_ref().subcols(0, len);
        let mut products = Mat::<f64>::zeros(len, last);
        matmul(&mut products, Accum::Replace, old.transpose(), &image, 1.0, Par::Seq);
        for j in 0..last {
            for i in 0..len {
                inner[(i, len - last + j)] = products[(i, j)];
                inner[(len - last + j, i)] = products[(i, j)];
            }
        }
        let mut rest = Mat::<f64>::zeros(last, last);
        orthonormalise(old, image.as_mut(), Some(rest.as_mut()));
        task.check()?;
        let full = len + block > limit;
        if len > CHEAP && !full {
            // Too dear to look at every step.
            last = image.ncols();
            basis.as_mut().subcols_mut(len, last).copy_from(&image);
            len += last;
            continue;
        }
        let (values, vectors) = eigen(inner.as_ref().submatrix(0, 0, len, len))?;
        let order: Vec<usize> = (0..len).rev().collect();
        let largest = values[order[0]].abs();
        let residual = |ritz: usize| {
            let mut squares = 0.0f64;
            for i in 0..last {
                let entry: f64 = (0..last).map(|j| rest[(i, j)] * vectors[(len - last + j, ritz)]).sum();
                squares += entry * entry;
            }
            squares.sqrt()
        };
        let done = len == width || order[..count].iter().all(|&ritz| residual(ritz) <= TOLERANCE * largest);
        let keep = if done { count } else { 2 * block };
        // A basis that may grow to the whole space needs no restart.
        if done || (full && limit < width) {
            let keep = keep.min(len);
            let turn = Mat::from_fn(len, keep, |i, j| vectors[(i, order[j])]);
            let mut kept = Mat::<f64>::zeros(width, keep);
            matmul(&mut kept, Accum::Replace, old, &turn, 1.0, Par::Seq);
            if done {
                return Ok((order[..count].iter().map(|&j| values[j]).collect(), kept));
            }
            basis.as_mut().subcols_mut(0, keep).copy_from(&kept);
            for j in 0..keep {
                for i in 0..keep {
                    inner[(i, j)] = if i == j { values[order[j]] } else { 0.0 };
                }
            }
            len = keep;
        }
        last = image.ncols().min(limit - len);
        basis.as_mut().subcols_mut(len, last).copy_from(image.as_ref().subcols(0, last));
        len += last;
    }
}

/// Makes the columns of `block` orthonormal and orthogonal to `basis` (itself orthonormal); `rest` receives the upper
/// triangular matrix that turns them back into what was left of the columns outside the basis. A column that depends
/// on those before it is replaced by a fixed one that does not, with zeros in `rest`.
pub(super) fn orthonormalise(basis: MatRef<f64>, mut block: MatMut<f64>, mut rest: Option<MatMut<f64>>) {
    let (width, columns) = (block.nrows(), block.ncols());
    let scale: Vec<f64> = block.as_ref().col_iter().map(|c| c.norm_l2()).collect();
    let against_basis = |mut block: MatMut<f64>| {
        let mut products = Mat::<f64>::zeros(basis.ncols(), block.ncols());
        matmul(&mut products, Accum::Replace, basis.transpose(), block.as_ref(), 1.0, Par::Seq);
        matmul(block.as_mut(), Accum::Add, basis, &products, -1.0, Par::Seq);
    };
    if basis.ncols() > 0 {
        against_basis(block.as_mut());
        against_basis(block.as_mut());
    }
    for j in 0..columns {
        let (before, mut after) = block.as_mut().split_at_col_mut(j);
        let mut column = after.as_mut().subcols_mut(0, 1);
        let mut attempt = 0;
        let mut floor = scale[j] * 1e-14 * (width as f64).sqrt();
        loop {
            // Twice is enough (Kahan, Parlett).
            for _ in 0..2 {
                for i in 0..j {
                    let projection: f64 =
                        before.as_ref().col(i).iter().zip(column.as_ref().col(0).iter()).map(|(a, b)| a * b).sum();
                    for (x, q) in column.as_mut().col_mut(0).iter_mut().zip(before.as_ref().col(i).iter()) {
                        *x -= projection * q;
                    }
                    if let (Some(rest), 0) = (&mut rest, attempt) {
                        rest[(i, j)] += projection;
                    }
                }
            }
            let norm = column.as_ref().col(0).norm_l2();
            if norm > floor {
                column.as_mut().col_mut(0).iter_mut().for_each(|x| *x /= norm);
                if let (Some(rest), 0) = (&mut rest, attempt) {
                    rest[(j, j)] = norm;
                }
                break;
            }
            attempt += 1;
            floor = 1e-6;
            for i in 0..width {
                column[(i, 0)] = noise(i, columns + j + attempt * width);
            }
            if basis.ncols() > 0 {
                against_basis(column.as_mut());
                against_basis(column.as_mut());
            }
            if attempt > 64 {
                // No direction is left: the basis and the columns before span the space.
                column.fill(0.0);
                break;
            }
        }
    }
}

/// A number in (-1, 1) that depends on its place alone.
fn noise(i: usize, j: usize) -> f64 {
    let z = scramble((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add((j as u64) << 32 | 0x5851));
    (z >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}
