//! A strided matrix over shared bytes, read in tiles whatever its element type and order.

use super::Bytes;
use super::dtype::{Dtype, convert, convert_to_f64};
use crate::rows::Rows;
use std::ops::Range;

/// A strided matrix over shared bytes: what a [`Matrix`](super::Matrix) is made of.
#[derive(Debug, Clone)]
pub(super) struct View {
    bytes: Bytes,
    dtype: Dtype,
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl View {
    /// A matrix `(rows, cols)` with its strides, in elements; whoever calls has checked that all lie within `bytes`.
    pub(super) fn new(bytes: Bytes, dtype: Dtype, shape: (usize, usize), strides: (usize, usize)) -> Self {
        let ((rows, cols), (row_stride, col_stride)) = (shape, strides);
        Self { bytes, dtype, rows, cols, row_stride, col_stride }
    }
    /// The transposed matrix, over the same bytes.
    pub(super) fn transposed(&self) -> Self {
        Self {
            bytes: self.bytes.clone(),
            dtype: self.dtype,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }
    /// Element type.
    pub(super) fn dtype(&self) -> Dtype {
        self.dtype
    }
    /// Whether reading it touches a mapping or the program itself rather than the heap.
    pub(super) fn is_mapped(&self) -> bool {
        self.bytes.is_mapped()
    }
    /// Appends the elements of the rows `range` to `out`, row-major, as the bytes that the file has.
    ///
    /// # Panics
    /// If `range` is out of bounds.
    pub(super) fn read_raw(&self, range: Range<usize>, out: &mut Vec<u8>) {
        assert!(range.end <= self.rows, "rows outside the matrix");
        let size = self.dtype.size();
        if self.row_stride == 1 && self.col_stride > 1 {
            // Stored transposed: walk the columns so that memory is read in order.
            let (at, n) = (out.len(), range.len());
            out.resize(at + n * self.cols * size, 0);
            for col in 0..self.cols {
                let start = (col * self.col_stride + range.start) * size;
                for (row, element) in self.bytes[start..start + n * size].chunks_exact(size).enumerate() {
                    let to = at + (row * self.cols + col) * size;
                    out[to..to + size].copy_from_slice(element);
                }
            }
            return;
        }
        for row in range {
            let start = row * self.row_stride * size;
            if self.col_stride == 1 {
                out.extend_from_slice(&self.bytes[start..start + self.cols * size]);
            } else {
                for col in 0..self.cols {
                    let at = start + col * self.col_stride * size;
                    out.extend_from_slice(&self.bytes[at..at + size]);
                }
            }
        }
    }
    /// Reads the rows `range` through `convert`, which turns elements that lie one after another to numbers.
    fn read_by<T: Copy + Default>(&self, range: Range<usize>, out: &mut [T], convert: Convert<T>) {
        assert!(range.end <= self.rows && out.len() == range.len() * self.cols, "tile outside the matrix");
        // Rows without columns may be without number.
        if out.is_empty() {
            return;
        }
        if self.row_stride == 1 && self.col_stride > 1 {
            self.read_turned(range, out, convert);
        } else {
            for (row, out) in range.zip(out.chunks_exact_mut(self.cols)) {
                self.read_row(row, out, convert);
            }
        }
    }
    fn read_row<T>(&self, row: usize, out: &mut [T], convert: Convert<T>) {
        let size = self.dtype.size();
        let start = row * self.row_stride * size;
        if self.col_stride == 1 {
            convert(self.dtype, &self.bytes[start..start + self.cols * size], out);
            return;
        }
        for (col, x) in out.iter_mut().enumerate() {
            let at = start + col * self.col_stride * size;
            convert(self.dtype, &self.bytes[at..at + size], std::slice::from_mut(x));
        }
    }
    /// Reads rows of a matrix that is stored by columns: blocks are converted along the columns, so that memory is
    /// read in order, and turned in a buffer that stays in the first-level cache.
    fn read_turned<T: Copy + Default>(&self, range: Range<usize>, out: &mut [T], convert: Convert<T>) {
        const ROWS: usize = 64;
        const COLS: usize = 16;
        let size = self.dtype.size();
        let mut block = [[T::default(); ROWS]; COLS];
        for first in range.clone().step_by(ROWS) {
            let n = ROWS.min(range.end - first);
            for left in (0..self.cols).step_by(COLS) {
                let m = COLS.min(self.cols - left);
                for (col, column) in block[..m].iter_mut().enumerate() {
                    let start = ((left + col) * self.col_stride + first) * size;
                    convert(self.dtype, &self.bytes[start..start + n * size], &mut column[..n]);
                }
                for row in 0..n {
                    let at = (first - range.start + row) * self.cols + left;
                    for (x, column) in out[at..at + m].iter_mut().zip(&block) {
                        *x = column[row];
                    }
                }
            }
        }
    }
}

/// Turns elements that lie one after another to numbers.
type Convert<T> = fn(Dtype, &[u8], &mut [T]);

impl Rows for View {
    fn nrows(&self) -> usize {
        self.rows
    }
    fn ncols(&self) -> usize {
        self.cols
    }
    fn read(&self, range: Range<usize>, out: &mut [f32]) {
        self.read_by(range, out, convert);
    }
    fn read_f64(&self, range: Range<usize>, out: &mut [f64]) {
        self.read_by(range, out, convert_to_f64);
    }
    fn exceeds_f32(&self) -> bool {
        self.dtype.exceeds_f32()
    }
    fn contiguous(&self) -> Option<&[f32]> {
        if self.dtype != Dtype::F32 || self.col_stride != 1 || self.row_stride != self.cols {
            return None;
        }
        bytemuck::try_cast_slice(&self.bytes[..self.rows * self.cols * 4]).ok()
    }
}
