//! A matrix handed over row by row: the vocabulary between files and kernels.
//!
//! [`Rows`] hides where a matrix lies (a mapping, a compiled-in array, a vector) and how it is stored (f32, f16,
//! bf16, transposed). Kernels ask for tiles of rows as f32 and never hold a second full copy. Where a distance decides,
//! they ask for f64: a file may hold numbers that f32 would round. The reading itself, the check for numbers that are
//! not finite, and the norms of rows are in `tiles`, once for all kernels.

mod tiles;

pub(crate) use tiles::{Element, all_finite, block_rows, dot, lengths, norms, not_finite, tile};

use std::ops::Range;

/// A matrix `[nrows, ncols]` that can be read in tiles of whole rows, from several threads at once.
pub trait Rows: Sync {
    /// Number of rows (features or points).
    fn nrows(&self) -> usize;
    /// Number of columns (the width of a row).
    fn ncols(&self) -> usize;
    /// Writes the rows `range` to `out`, row-major, as f32.
    ///
    /// # Panics
    /// If `range` is out of bounds or `out.len() != range.len() * ncols()`.
    fn read(&self, range: Range<usize>, out: &mut [f32]);
    /// Writes the rows `range` to `out`, row-major, as f64: every stored value exactly. Whoever overrides
    /// [`Rows::exceeds_f32`] overrides this too.
    ///
    /// # Panics
    /// As [`Rows::read`].
    fn read_f64(&self, range: Range<usize>, out: &mut [f64]) {
        let mut narrow = vec![0.0f32; out.len()];
        self.read(range, &mut narrow);
        for (out, x) in out.iter_mut().zip(narrow) {
            *out = x.into();
        }
    }
    /// Whether values are stored that [`Rows::read`] would round.
    fn exceeds_f32(&self) -> bool {
        false
    }
    /// The whole matrix as row-major f32, where it already lies in memory or in a mapping like that.
    fn contiguous(&self) -> Option<&[f32]> {
        None
    }
}

/// Points `[n, dims]` in memory, row-major f32: coordinates of a map, or test data.
pub type Points = PointsOf<f32>;

/// The same in f64: a cloud.
pub type Points64 = PointsOf<f64>;

/// Points `[n, dims]` in memory, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct PointsOf<T> {
    dims: usize,
    data: Vec<T>,
}

impl<T> PointsOf<T> {
    /// Takes `data` as rows of `dims` values.
    ///
    /// # Panics
    /// If `dims` is 0 or does not divide `data.len()`.
    pub fn new(data: Vec<T>, dims: usize) -> Self {
        assert!(dims > 0 && data.len().is_multiple_of(dims), "{} values are not rows of {dims}", data.len());
        Self { dims, data }
    }
    /// Number of points.
    pub fn len(&self) -> usize {
        self.data.len() / self.dims
    }
    /// Whether there are no points.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }
    /// Values per point.
    pub fn dims(&self) -> usize {
        self.dims
    }
    /// Point `i`.
    pub fn row(&self, i: usize) -> &[T] {
        &self.data[i * self.dims..(i + 1) * self.dims]
    }
    /// All values, row-major.
    pub fn data(&self) -> &[T] {
        &self.data
    }
    /// All values, row-major, for writing.
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }
    /// The values, row-major.
    pub fn into_data(self) -> Vec<T> {
        self.data
    }
}

impl Rows for Points {
    fn nrows(&self) -> usize {
        self.len()
    }
    fn ncols(&self) -> usize {
        self.dims
    }
    fn read(&self, range: Range<usize>, out: &mut [f32]) {
        out.copy_from_slice(&self.data[range.start * self.dims..range.end * self.dims]);
    }
    fn read_f64(&self, range: Range<usize>, out: &mut [f64]) {
        for (out, &x) in out.iter_mut().zip(&self.data[range.start * self.dims..range.end * self.dims]) {
            *out = x.into();
        }
    }
    fn contiguous(&self) -> Option<&[f32]> {
        Some(&self.data)
    }
}

impl Rows for Points64 {
    fn nrows(&self) -> usize {
        self.len()
    }
    fn ncols(&self) -> usize {
        self.dims
    }
    fn read(&self, range: Range<usize>, out: &mut [f32]) {
        for (out, &x) in out.iter_mut().zip(&self.data[range.start * self.dims..range.end * self.dims]) {
            *out = x as f32;
        }
    }
    fn read_f64(&self, range: Range<usize>, out: &mut [f64]) {
        out.copy_from_slice(&self.data[range.start * self.dims..range.end * self.dims]);
    }
    fn exceeds_f32(&self) -> bool {
        self.data.iter().any(|&x| f64::from(x as f32) != x)
    }
}
