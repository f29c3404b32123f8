//! Tiles of rows: how kernels read them, and what is measured of every row.

use super::Rows;
use crate::error::{Error, Problem, Result};
use crate::task::Task;
use crate::wide::{lane_sum, wide};
use rayon::prelude::*;
use std::ops::Range;

/// What values are read as: f32, or f64 where they decide and f32 might round them.
pub(crate) trait Element: Copy + Default + Send + Sync + Into<f64> {
    /// As [`Rows::read`] or [`Rows::read_f64`].
    fn read(rows: &dyn Rows, range: Range<usize>, out: &mut [Self]);
    /// The whole matrix where it lies, row-major, if it lies so and is as long as it says.
    fn whole(rows: &dyn Rows) -> Option<&[Self]>;
    /// Whether it is a number whose square is one too.
    fn is_usable(self) -> bool;
}

impl Element for f32 {
    fn read(rows: &dyn Rows, range: Range<usize>, out: &mut [Self]) {
        rows.read(range, out);
    }
    fn whole(rows: &dyn Rows) -> Option<&[Self]> {
        rows.contiguous().filter(|all| all.len() == rows.nrows() * rows.ncols())
    }
    #[inline]
    fn is_usable(self) -> bool {
        self.is_finite()
    }
}

/// Larger values have squares, or sums of squares, beyond f64.
const LARGEST: f64 = 1e150;

impl Element for f64 {
    fn read(rows: &dyn Rows, range: Range<usize>, out: &mut [Self]) {
        rows.read_f64(range, out);
    }
    fn whole(_: &dyn Rows) -> Option<&[Self]> {
        None
    }
    #[inline]
    fn is_usable(self) -> bool {
        self.abs() <= LARGEST
    }
}

/// The rows `range`: a slice of the matrix where it lies, or read into `buffer`.
pub(crate) fn tile<'b, T: Element>(rows: &'b dyn Rows, range: Range<usize>, buffer: &'b mut Vec<T>) -> &'b [T] {
    let d = rows.ncols();
    if let Some(all) = T::whole(rows) {
        return &all[range.start * d..range.end * d];
    }
    buffer.resize(range.len() * d, T::default());
    T::read(rows, range, buffer);
    buffer
}

/// Rows that a thread takes at a time where every row is read once: a megabyte of f32.
pub(crate) fn block_rows(d: usize) -> usize {
    (262_144 / d.max(1)).clamp(1, 4096)
}

/// Checks a tile of rows of width `d`, whose first is the row `first`.
///
/// # Errors
/// Names the first row that holds a number that is not finite, or is too large to be squared.
pub(crate) fn all_finite<T: Element>(values: &[T], d: usize, first: usize) -> Result<()> {
    // Without an early end the loop over a row is vector code.
    let bad = |row: &[T]| row.iter().fold(false, |bad, x| bad | !x.is_usable());
    match values.chunks_exact(d.max(1)).position(bad) {
        Some(row) => Err(not_finite(first + row)),
        None => Ok(()),
    }
}

/// The error about a row with a number that is not finite.
pub(crate) fn not_finite(row: usize) -> Error {
    Problem::new(format!("row {row} holds a number that is not finite, or too large to be squared"))
        .expected("numbers below 1e150 and no NaN")
        .hint("a copy of the file without that row, or an earlier checkpoint if its training diverged")
        .input()
}

/// Accumulators of a dot product: four AVX-512 registers of f64.
const LANES: usize = 32;

/// Sum of products in f64, in an order fixed by the length alone: the same bits on any processor, and for `dot(b, a)`.
#[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
#[inline(always)]
pub(crate) fn dot<T: Element>(a: &[T], b: &[T]) -> f64 {
    lane_sum::<LANES, _>(a, b, |a, b| a.into() * b.into())
}

/// Euclidean length of each row `[n]` as it is read, in f64; not finite where the row is not.
///
/// Progress: stage `norms`, in rows. One pass; memory per thread 1 MiB unless the rows lie in memory as f32.
///
/// # Errors
/// If the task is cancelled.
pub(crate) fn lengths<T: Element>(rows: &dyn Rows, task: &Task) -> Result<Vec<f64>> {
    let (n, d) = (rows.nrows(), rows.ncols());
    let mut lengths = vec![0.0f64; n];
    task.stage("norms", n as u64);
    if d == 0 {
        return Ok(lengths);
    }
    let block = block_rows(d);
    task.install(|| {
        lengths.par_chunks_mut(block).enumerate().for_each_init(Vec::new, |buffer, (b, lengths)| {
            if task.is_cancelled() {
                return;
            }
            let values: &[T] = tile(rows, b * block..b * block + lengths.len(), buffer);
            wide(
                #[inline(always)]
                || {
                    for (length, row) in lengths.iter_mut().zip(values.chunks_exact(d)) {
                        *length = dot(row, row).sqrt();
                    }
                },
            );
            task.advance(lengths.len() as u64);
        });
    });
    task.check()?;
    Ok(lengths)
}

/// As [`lengths`], of rows that must be finite.
///
/// # Errors
/// If a row holds a number that is not finite (the first such row is named), or the task is cancelled.
pub(crate) fn norms<T: Element>(rows: &dyn Rows, task: &Task) -> Result<Vec<f64>> {
    let lengths = lengths::<T>(rows, task)?;
    // Only a number that is not finite, or too large to be squared, gives such a length.
    match lengths.iter().position(|length| !length.is_finite()) {
        Some(row) => Err(not_finite(row)),
        None => Ok(lengths),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Points;

    #[test]
    fn the_dot_product_is_the_sum_of_products() {
        for len in [0, 1, 31, 32, 33, 64, 100] {
            let a: Vec<f32> = (0..len).map(|i| (i as f32 * 0.7).sin()).collect();
            let b: Vec<f32> = (0..len).map(|i| (i as f32 * 1.3).cos()).collect();
            let plain: f64 = a.iter().zip(&b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            assert!((dot(&a, &b) - plain).abs() < 1e-13, "{len}");
            assert_eq!(dot(&a, &b).to_bits(), dot(&b, &a).to_bits());
        }
    }

    #[test]
    fn the_first_row_that_is_not_finite_is_named() {
        let mut values = vec![1.0f64; 12];
        all_finite(&values, 3, 40).unwrap();
        values[10] = 1e200;
        assert!(all_finite(&values, 3, 40).unwrap_err().to_string().contains("row 43 "));
        values[4] = f64::NAN;
        assert!(all_finite(&values, 3, 40).unwrap_err().to_string().contains("row 41 "));
        assert!(all_finite(&[1.0f32, f32::INFINITY], 1, 0).unwrap_err().to_string().contains("row 1 "));
        all_finite::<f32>(&[], 0, 0).unwrap();
    }

    #[test]
    fn lengths_keep_what_is_not_finite_and_norms_refuse_it() {
        let task = Task::new(1).unwrap();
        let mut points = Points::new(vec![3.0, 4.0, 0.0, 0.0, 1e30, 1e30], 2);
        assert_eq!(norms::<f32>(&points, &task).unwrap()[..2], [5.0, 0.0]);
        points.data_mut()[5] = f32::NAN;
        assert!(lengths::<f32>(&points, &task).unwrap()[2].is_nan());
        assert!(norms::<f32>(&points, &task).unwrap_err().to_string().contains("row 2 "));
    }
}
