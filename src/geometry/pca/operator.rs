//! Components by products with the rows alone: for matrices too wide to square.

use super::dense::{by_covariance, by_gram};
use super::krylov::{self, Operator};
use super::{Buffer, Centred, Leading};
use crate::error::Result;
use crate::task::Task;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

/// Restarts, of a few passes each, after which the matrix is formed all the same.
const RESTARTS: usize = 100;

/// Through repeated passes over the rows.
pub(super) fn by_passes(centred: &Centred, dims: usize, task: &Task) -> Result<Leading> {
    task.stage("components", 0);
    let parts = centred.over_parts(task, |range, buffer: &mut Buffer, sum: &mut f64| {
        let height = range.len() as u64;
        let tile = centred.tile(range, buffer);
        // Kept per column of the row-major tile's transpose, that is per row: a fixed order.
        *sum += tile.transpose().col_iter().map(|row| row.iter().map(|x| x * x).sum::<f64>()).sum::<f64>();
        task.advance(height);
        Ok(())
    })?;
    let total = parts.iter().sum();
    match krylov::leading(centred, dims, RESTARTS, task)? {
        Some((scatter, directions)) => Ok(Leading { scatter, directions, total }),
        None if centred.d <= centred.n => by_covariance(centred, dims, task),
        None => by_gram(centred, dims, task),
    }
}

/// The scatter matrix as an operator: v ↦ Σ (x−m)(x−m)ᵀv.
impl Operator for Centred<'_> {
    fn width(&self) -> usize {
        self.d
    }
    fn apply(&self, vectors: MatRef<f64>, task: &Task) -> Result<Mat<f64>> {
        let (d, count) = (self.d, vectors.ncols());
        // Rows of the transpose lie together, as the columns of a tile's do: neither side needs packing.
        let turned = vectors.transpose().to_owned();
        let parts = self.over_parts(task, |range, buffers: &mut (Buffer, Vec<f64>), sum: &mut Vec<f64>| {
            let (buffer, inner) = buffers;
            let height = range.len();
            sum.resize(d * count, 0.0);
            inner.resize(height * count, 0.0);
            let sum = MatMut::from_column_major_slice_mut(sum, d, count);
            let mut inner = MatMut::from_column_major_slice_mut(inner, count, height);
            let tile = self.tile(range, buffer);
            matmul(inner.as_mut(), Accum::Replace, &turned, tile.transpose(), 1.0, Par::Seq);
            matmul(sum, Accum::Add, tile.transpose(), inner.transpose(), 1.0, Par::Seq);
            task.advance(height as u64);
            Ok(())
        })?;
        let mut out = Mat::zeros(d, count);
        for part in &parts {
            out += MatRef::from_column_major_slice(part, d, count);
        }
        Ok(out)
    }
}
