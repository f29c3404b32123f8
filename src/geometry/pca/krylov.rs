//! Leading eigenpairs of a large symmetric positive semidefinite operator: block Lanczos with full
//! reorthogonalisation and thick restarts (Wu & Simon 2000; Saad, Numerical Methods for Large Eigenvalue Problems,
//! ch. 6).
//!
//! In: an [`Operator`] of width m and a count. Out: that many eigenvalues, descending, with orthonormal vectors. From
//! [`leading`] each pair has a residual ‖Av − λv‖ of at most 1e-10 of the largest eigenvalue; or there is nothing, where
//! the spectrum is so flat that the restarts allowed do not get there. A block has eight vectors more than are asked, at
//! least sixteen, so that equal eigenvalues are all found and close ones are not waited for. [`search`] leaves all this
//! to its caller, takes matrices of either sign, and returns what it has. The start is a fixed hash: the same input gives
//! the same bytes. Memory: the basis, 6 blocks of m numbers from [`leading`], and in a restart what is kept of it.

use crate::error::Result;
use crate::geometry::eigen::{eigen, eigen_apart};
use crate::geometry::random::scramble;
use crate::task::Task;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Residual, relative to the largest eigenvalue, at which a pair is done.
const TOLERANCE: f64 = 1e-10;

/// Widest projected matrix that is decomposed at every step, to stop as early as possible.
const CHEAP: usize = 128;

/// Widest projected matrix that is decomposed on the spot; a wider one takes long enough to be cancelled.
const AT_ONCE: usize = 256;

/// Columns that are multiplied between two looks at the task.
const STRIP: usize = 64;

/// Parts of a product that go to different threads.
const PARTS: usize = 16;

/// A symmetric matrix known by its products.
pub(in crate::geometry) trait Operator {
    /// Rows and columns.
    fn width(&self) -> usize;
    /// Its product with the columns of `vectors` `[width, b]`; the bits must not depend on the threads.
    fn apply(&self, vectors: MatRef<f64>, task: &Task) -> Result<Mat<f64>>;
}

/// The `count` largest eigenvalues, descending, and their vectors `[width, count]`; none if they have not settled after
/// that many `restarts`.
pub(super) fn leading(
    operator: &dyn Operator,
    count: usize,
    restarts: usize,
    task: &Task,
) -> Result<Option<(Vec<f64>, Mat<f64>)>> {
    let block = (count + 8).max(16);
    let how = Search { count, block, keep: 2 * block, basis: 6 * block, restarts, tolerance: TOLERANCE };
    let found = search(operator, &how, task)?;
    Ok(found.settled.then_some((found.values, found.vectors)))
}

/// What to look for, and how far to go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::geometry) struct Search {
    /// Pairs that are wanted; at most the width.
    pub(in crate::geometry) count: usize,
    /// Vectors that are multiplied at a time.
    pub(in crate::geometry) block: usize,
    /// Vectors that a restart keeps; more than are wanted.
    pub(in crate::geometry) keep: usize,
    /// Most vectors of the basis; at least a block more than are kept.
    pub(in crate::geometry) basis: usize,
    /// Most restarts.
    pub(in crate::geometry) restarts: usize,
    /// Residual, relative to the largest eigenvalue, at which a pair is done.
    pub(in crate::geometry) tolerance: f64,
}

/// What was found.
#[derive(Debug, Clone)]
pub(in crate::geometry) struct Found {
    /// Descending.
    pub(in crate::geometry) values: Vec<f64>,
    /// `[width, count]`.
    pub(in crate::geometry) vectors: Mat<f64>,
    /// Whether all pairs are done.
    pub(in crate::geometry) settled: bool,
}

/// The leading pairs of `operator`, as near as the search came.
pub(in crate::geometry) fn search(operator: &dyn Operator, how: &Search, task: &Task) -> Result<Found> {
    let (width, count, mut restarts) = (operator.width(), how.count, how.restarts);
    let block = how.block.min(width);
    let limit = how.basis.min(width);
    let mut basis = Mat::<f64>::zeros(width, limit);
    let mut inner = Mat::<f64>::zeros(limit, limit);
    for j in 0..block {
        for i in 0..width {
            basis[(i, j)] = noise(i, j);
        }
    }
    orthonormalise(MatRef::from_column_major_slice(&[], width, 0), basis.as_mut().subcols_mut(0, block), None, task)?;
    let (mut len, mut last) = (block, block);
    loop {
        // `last` columns are new; the images of the others lie in the span of the basis already.
        let mut image = operator.apply(basis.as_ref().subcols(len - last, last), task)?;
        let old = basis.as_ref().subcols(0, len);
        let mut products = Mat::<f64>::zeros(len, last);
        multiply(products.as_mut(), Accum::Replace, old.transpose(), image.as_ref(), 1.0, task)?;
        for j in 0..last {
            for i in 0..len {
                inner[(i, len - last + j)] = products[(i, j)];
                inner[(len - last + j, i)] = products[(i, j)];
            }
        }
        let mut rest = Mat::<f64>::zeros(last, last);
        orthonormalise(old, image.as_mut(), Some(rest.as_mut()), task)?;
        let full = len + block > limit;
        if len > CHEAP && !full {
            // Too dear to look at every step.
            last = image.ncols();
            basis.as_mut().subcols_mut(len, last).copy_from(&image);
            len += last;
            continue;
        }
        let projected = inner.as_ref().submatrix(0, 0, len, len);
        let (values, vectors) =
            if len > AT_ONCE { eigen_apart(projected.to_owned(), task)? } else { eigen(projected)? };
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
        let settled = |ritz: &usize| residual(*ritz) <= how.tolerance * largest;
        let done = len == width || (count <= len && order[..count].iter().all(settled));
        // A basis that may grow to the whole space needs no restart.
        if done || (full && limit < width) {
            let last_look = done || restarts == 0;
            let keep = if last_look { count } else { how.keep }.min(len);
            let turn = Mat::from_fn(len, keep, |i, j| vectors[(i, order[j])]);
            let mut kept = Mat::<f64>::zeros(width, keep);
            multiply(kept.as_mut(), Accum::Replace, old, turn.as_ref(), 1.0, task)?;
            if last_look {
                let values = order[..count].iter().map(|&j| values[j]).collect();
                return Ok(Found { values, vectors: kept, settled: done });
            }
            restarts -= 1;
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

/// `target` := (itself, if added to) + `factor` · `left` · `right`, some columns at a time, so that a cancelled task is
/// seen.
fn multiply(
    mut target: MatMut<f64>,
    accum: Accum,
    left: MatRef<f64>,
    right: MatRef<f64>,
    factor: f64,
    task: &Task,
) -> Result<()> {
    for start in (0..right.ncols()).step_by(STRIP) {
        task.check()?;
        let width = STRIP.min(right.ncols() - start);
        let (target, right) = (target.as_mut().subcols_mut(start, width), right.subcols(start, width));
        // Fixed parts, so that the bits do not depend on the threads.
        let height = left.nrows().div_ceil(PARTS).max(STRIP);
        task.install(|| {
            target
                .par_row_chunks_mut(height)
                .zip(left.par_row_chunks(height))
                .for_each(|(target, left)| matmul(target, accum, left, right, factor, Par::Seq));
        });
    }
    Ok(())
}

/// Takes out of the columns of `block` what lies in the span of the orthonormal `basis`, twice, which is enough (Kahan,
/// Parlett); `products` receives the coordinates of what was taken.
fn against(basis: MatRef<f64>, mut block: MatMut<f64>, mut products: Option<MatMut<f64>>, task: &Task) -> Result<()> {
    if basis.ncols() == 0 {
        return Ok(());
    }
    for _ in 0..2 {
        let mut along = Mat::<f64>::zeros(basis.ncols(), block.ncols());
        multiply(along.as_mut(), Accum::Replace, basis.transpose(), block.as_ref(), 1.0, task)?;
        multiply(block.as_mut(), Accum::Add, basis, along.as_ref(), -1.0, task)?;
        if let Some(products) = &mut products {
            *products += &along;
        }
    }
    Ok(())
}

/// Makes the columns of `block` orthonormal and orthogonal to `basis` (itself orthonormal); `rest` receives the upper
/// triangular matrix that turns them back into what was left of the columns outside the basis. A column that depends
/// on those before it is replaced by a fixed one that does not, with zeros in `rest`.
///
/// Columns go in panels: one by one within a panel, and all at once against the panels before it.
pub(super) fn orthonormalise(
    basis: MatRef<f64>,
    mut block: MatMut<f64>,
    mut rest: Option<MatMut<f64>>,
    task: &Task,
) -> Result<()> {
    let (width, columns) = (block.nrows(), block.ncols());
    let scale: Vec<f64> = block.as_ref().col_iter().map(|c| c.norm_l2()).collect();
    against(basis, block.as_mut(), None, task)?;
    for panel in (0..columns).step_by(STRIP) {
        let (settled, open) = block.as_mut().split_at_col_mut(panel);
        let height = STRIP.min(columns - panel);
        let (settled, mut open) = (settled.as_ref(), open.subcols_mut(0, height));
        let products = rest.as_mut().map(|rest| rest.as_mut().submatrix_mut(0, panel, panel, height));
        against(settled, open.as_mut(), products, task)?;
        for j in 0..height {
            let (before, mut after) = open.as_mut().split_at_col_mut(j);
            let mut column = after.as_mut().subcols_mut(0, 1);
            let mut attempt = 0;
            let mut floor = scale[panel + j] * 1e-14 * (width as f64).sqrt();
            loop {
                for _ in 0..2 {
                    for i in 0..j {
                        task.check()?;
                        let projection: f64 =
                            before.as_ref().col(i).iter().zip(column.as_ref().col(0).iter()).map(|(a, b)| a * b).sum();
                        for (x, q) in column.as_mut().col_mut(0).iter_mut().zip(before.as_ref().col(i).iter()) {
                            *x -= projection * q;
                        }
                        if let (Some(rest), 0) = (&mut rest, attempt) {
                            rest[(panel + i, panel + j)] += projection;
                        }
                    }
                }
                let norm = column.as_ref().col(0).norm_l2();
                if norm > floor {
                    column.as_mut().col_mut(0).iter_mut().for_each(|x| *x /= norm);
                    if let (Some(rest), 0) = (&mut rest, attempt) {
                        rest[(panel + j, panel + j)] = norm;
                    }
                    break;
                }
                attempt += 1;
                floor = 1e-6;
                for i in 0..width {
                    column[(i, 0)] = noise(i, columns + panel + j + attempt * width);
                }
                against(basis, column.as_mut(), None, task)?;
                against(settled, column.as_mut(), None, task)?;
                if attempt > 64 {
                    // No direction is left: the basis and the columns before span the space.
                    column.fill(0.0);
                    break;
                }
            }
        }
    }
    Ok(())
}

/// A number in (-1, 1) that depends on its place alone.
fn noise(i: usize, j: usize) -> f64 {
    let z = scramble((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add((j as u64) << 32 | 0x5851));
    (z >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix that is its diagonal.
    struct Diagonal(Vec<f64>);

    impl Operator for Diagonal {
        fn width(&self) -> usize {
            self.0.len()
        }
        fn apply(&self, vectors: MatRef<f64>, _: &Task) -> Result<Mat<f64>> {
            Ok(Mat::from_fn(vectors.nrows(), vectors.ncols(), |i, j| self.0[i] * vectors[(i, j)]))
        }
    }

    fn task() -> Task {
        Task::new(1).unwrap()
    }

    #[test]
    fn a_spectrum_too_flat_for_the_restarts_is_left_to_others() {
        let flat = Diagonal((0..500).map(|i| 1.0 - f64::from(i) * 1e-3).collect());
        assert!(leading(&flat, 3, 0, &task()).unwrap().is_none());
        assert!(leading(&flat, 3, 1, &task()).unwrap().is_none());
        let (values, vectors) = leading(&flat, 3, 100, &task()).unwrap().unwrap();
        for (at, value) in values.iter().enumerate() {
            assert!((value - flat.0[at]).abs() < 1e-9 && vectors[(at, at)].abs() > 1.0 - 1e-6, "{at}: {value}");
        }
        let steep = Diagonal((0..500).map(|i| 0.5f64.powi(i)).collect());
        assert!(leading(&steep, 3, 0, &task()).unwrap().is_some());
    }

    #[test]
    fn columns_of_several_panels_become_orthonormal_and_come_back() {
        let (width, columns) = (300, 2 * STRIP + 9);
        let none = MatRef::from_column_major_slice(&[], width, 0);
        let mut basis = Mat::from_fn(width, 5, noise);
        orthonormalise(none, basis.as_mut(), None, &task()).unwrap();
        // One column is in the basis, one depends on a panel before, one on its own panel, one is zero.
        let mut block = Mat::from_fn(width, columns, |i, j| noise(i, 1000 + j));
        for i in 0..width {
            block[(i, 7)] = basis[(i, 2)];
            block[(i, STRIP + 3)] = 2.0 * block[(i, 1)] - block[(i, 9)];
            block[(i, STRIP + 8)] = block[(i, STRIP + 4)];
            block[(i, STRIP + 20)] = 0.0;
        }
        let given = block.clone();
        let mut rest = Mat::<f64>::zeros(columns, columns);
        orthonormalise(basis.as_ref(), block.as_mut(), Some(rest.as_mut()), &task()).unwrap();
        let products = |a: &Mat<f64>, b: &Mat<f64>| a.transpose() * b;
        let gram = products(&block, &block);
        for (i, j) in (0..columns).flat_map(|i| (0..columns).map(move |j| (i, j))) {
            assert!((gram[(i, j)] - f64::from(u8::from(i == j))).abs() < 1e-12, "{i} {j}");
            assert!(i <= j || rest[(i, j)] == 0.0, "{i} {j}");
        }
        let along = products(&basis, &block);
        assert!(along.col_iter().all(|column| column.norm_max() < 1e-12));
        let back = &block * &rest + &basis * products(&basis, &given);
        assert!((back - given).norm_max() < 1e-10);
    }

    #[test]
    fn a_cancelled_task_stops_among_the_columns() {
        let task = task();
        task.watch().cancel();
        let mut block = Mat::from_fn(50, 20, noise);
        let none = MatRef::from_column_major_slice(&[], 50, 0);
        assert!(orthonormalise(none, block.as_mut(), None, &task).is_err());
    }
}
