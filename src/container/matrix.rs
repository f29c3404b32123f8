//! A matrix of a file, readable as [`Rows`]: one strided view of its bytes, or several views joined.
//!
//! Dictionaries of several sources keep a matrix for each; side by side they are the concatenated directions, added they
//! are their sum. Nothing is copied: a tile is put together when it is read, with a buffer of the tile's own size.

use super::view::View;
use super::{Bytes, Dtype, Tensor};
use crate::error::{Problem, Result};
use crate::rows::{Element, Rows};
use std::ops::{AddAssign, Range};

/// A matrix over shared bytes, whatever its element type and order.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// At least one.
    parts: Vec<View>,
    join: Join,
}

/// How several views make one matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    /// The columns of one after those of the other; all have as many rows.
    Beside,
    /// The rows of one after those of the other; all have as many columns: what the transposed of the first is.
    Under,
    /// Element by element; all have one shape.
    Sum,
}

impl Matrix {
    /// Rows of `cols` f32 values in memory.
    ///
    /// # Panics
    /// If `cols` does not divide the number of values.
    pub fn from_f32(values: &[f32], cols: usize) -> Self {
        assert!(cols > 0 && values.len().is_multiple_of(cols));
        let bytes: Vec<u8> = bytemuck::cast_slice(values).to_vec();
        let rows = values.len() / cols;
        Self::one(View::new(bytes.into(), Dtype::F32, (rows, cols), (cols, 1)))
    }
    pub(super) fn one(view: View) -> Self {
        Self { parts: vec![view], join: Join::Beside }
    }
    /// The columns of all of them, one after another: `[rows, sum of columns]`.
    ///
    /// # Errors
    /// If there is none, or they have different numbers of rows.
    pub fn beside(matrices: &[Self]) -> Result<Self> {
        Self::join(matrices, Join::Beside, |a, b| a.nrows() == b.nrows())
    }
    /// Their sum, element by element.
    ///
    /// # Errors
    /// If there is none, or they have different shapes.
    pub fn sum(matrices: &[Self]) -> Result<Self> {
        Self::join(matrices, Join::Sum, |a, b| (a.nrows(), a.ncols()) == (b.nrows(), b.ncols()))
    }
    fn join(matrices: &[Self], join: Join, fits: impl Fn(&Self, &Self) -> bool) -> Result<Self> {
        let [first, rest @ ..] = matrices else {
            return Err(Problem::new("no matrix").expected("one or more").input());
        };
        for other in rest {
            if !fits(first, other) {
                let what = format!("matrices of different shapes, {} of them", matrices.len());
                let shape = [other.nrows(), other.ncols()];
                let expected = format!("the shape of the first, [{}, {}]", first.nrows(), first.ncols());
                return Err(Problem::new(what).shape(&shape).expected(expected).input());
            }
        }
        let flat = matrices.iter().all(|matrix| matrix.parts.len() == 1 || matrix.join == join);
        if !flat {
            return Err(Problem::new("matrices that are joined otherwise already").expected("plain ones").input());
        }
        Ok(Self { parts: matrices.iter().flat_map(|matrix| matrix.parts.iter().cloned()).collect(), join })
    }
    /// The transposed matrix, over the same bytes.
    pub fn transposed(&self) -> Self {
        let join = match self.join {
            Join::Beside => Join::Under,
            Join::Under => Join::Beside,
            Join::Sum => Join::Sum,
        };
        Self { parts: self.parts.iter().map(View::transposed).collect(), join }
    }
    /// Element type; of joined matrices the one that holds all of them.
    pub fn dtype(&self) -> Dtype {
        let first = self.parts[0].dtype();
        let alike = self.parts.iter().all(|part| part.dtype() == first);
        match (alike, self.join) {
            (true, Join::Beside | Join::Under) => first,
            _ if self.parts.len() == 1 => first,
            _ if self.exceeds_f32() => Dtype::F64,
            _ => Dtype::F32,
        }
    }
    /// Whether reading it touches a mapping or the program itself rather than the heap.
    pub fn is_mapped(&self) -> bool {
        self.parts.iter().all(View::is_mapped)
    }
    /// Appends the elements of the rows `range` to `out`, row-major, as bytes of [`Matrix::dtype`]: those of the file,
    /// unless elements are added or types differ.
    ///
    /// # Panics
    /// If `range` is out of bounds.
    pub fn read_raw(&self, range: Range<usize>, out: &mut Vec<u8>) {
        if let [view] = &self.parts[..] {
            return view.read_raw(range, out);
        }
        let elements = range.len() * self.ncols();
        if self.join != Join::Sum && self.parts.iter().all(|part| part.dtype() == self.dtype()) {
            for row in range {
                self.pieces(row..row + 1, |view, rows, _| view.read_raw(rows, out));
            }
        } else if self.dtype() == Dtype::F64 {
            let mut values = vec![0.0f64; elements];
            self.read_f64(range, &mut values);
            out.extend(values.iter().flat_map(|x| x.to_le_bytes()));
        } else {
            let mut values = vec![0.0f32; elements];
            self.read(range, &mut values);
            out.extend(values.iter().flat_map(|x| x.to_le_bytes()));
        }
    }
    /// Each view that has a part of the rows `range`, with those rows as it counts them, and the first row and column of
    /// the result where they belong.
    fn pieces<'a>(&'a self, range: Range<usize>, mut give: impl FnMut(&'a View, Range<usize>, (usize, usize))) {
        let (mut row, mut col) = (0, 0);
        for view in &self.parts {
            match self.join {
                Join::Under => {
                    let within = range.start.max(row)..range.end.min(row + view.nrows());
                    if !within.is_empty() {
                        give(view, within.start - row..within.end - row, (within.start - range.start, 0));
                    }
                    row += view.nrows();
                }
                Join::Beside => {
                    give(view, range.clone(), (0, col));
                    col += view.ncols();
                }
                Join::Sum => give(view, range.clone(), (0, 0)),
            }
        }
    }
    fn read_as<T: Element + AddAssign>(&self, range: Range<usize>, out: &mut [T]) {
        if let [view] = &self.parts[..] {
            return T::read(view, range, out);
        }
        let width = self.ncols();
        assert!(range.end <= self.nrows() && out.len() == range.len() * width, "tile outside the matrix");
        let mut buffer = Vec::new();
        if self.join == Join::Sum {
            out.fill(T::default());
        }
        self.pieces(range, |view, rows, (first, col)| {
            let cols = view.ncols();
            buffer.resize(rows.len() * cols, T::default());
            T::read(view, rows, &mut buffer);
            for (from, to) in buffer.chunks_exact(cols.max(1)).zip(out[first * width..].chunks_exact_mut(width.max(1)))
            {
                let to = &mut to[col..col + cols];
                if self.join == Join::Sum {
                    to.iter_mut().zip(from).for_each(|(to, from)| *to += *from);
                } else {
                    to.copy_from_slice(from);
                }
            }
        });
    }
}

impl Rows for Matrix {
    fn nrows(&self) -> usize {
        let rows = self.parts.iter().map(View::nrows);
        if self.join == Join::Under { rows.sum() } else { self.parts[0].nrows() }
    }
    fn ncols(&self) -> usize {
        let cols = self.parts.iter().map(View::ncols);
        if self.join == Join::Beside { cols.sum() } else { self.parts[0].ncols() }
    }
    fn read(&self, range: Range<usize>, out: &mut [f32]) {
        self.read_as(range, out);
    }
    fn read_f64(&self, range: Range<usize>, out: &mut [f64]) {
        self.read_as(range, out);
    }
    fn exceeds_f32(&self) -> bool {
        self.parts.iter().any(View::exceeds_f32)
    }
    fn contiguous(&self) -> Option<&[f32]> {
        if let [view] = &self.parts[..] { view.contiguous() } else { None }
    }
}

impl Tensor {
    /// The two-dimensional array as a matrix; leading dimensions of length 1 are dropped.
    ///
    /// # Errors
    /// If it is not two-dimensional or not of numbers.
    pub fn matrix(&self) -> Result<Matrix> {
        let extra = self.shape().len().saturating_sub(2);
        if self.shape().len() < 2 || self.shape()[..extra].iter().any(|&n| n != 1) {
            return Err(self.problem("not a matrix").expected("two dimensions").input());
        }
        Ok(Matrix::one(self.view(self.bytes().clone(), extra, extra + 1)))
    }
    /// The matrices of a three-dimensional array, one for each index of `axis`; leading dimensions of length 1 beyond
    /// the third are dropped.
    ///
    /// # Errors
    /// If it has not three dimensions.
    pub fn along(&self, axis: usize) -> Result<Vec<Matrix>> {
        let extra = self.shape().len().saturating_sub(3);
        if self.shape().len() < 3 || axis > 2 || self.shape()[..extra].iter().any(|&n| n != 1) {
            return Err(self.problem("not a stack of matrices").expected("three dimensions").input());
        }
        let mut others = (0..3).filter(|&other| other != axis).map(|other| other + extra);
        let (rows, cols) = (others.next().unwrap_or_default(), others.next().unwrap_or_default());
        let axis = axis + extra;
        let bytes = |index: usize| {
            let start = index.checked_mul(self.strides()[axis])?.checked_mul(self.dtype().size())?;
            // An array without elements may name places that its bytes do not have.
            let start = if self.is_empty() { 0 } else { start };
            self.bytes().slice(start..self.bytes().len())
        };
        let count = self.shape()[axis];
        let matrix = |index| Some(Matrix::one(self.view(bytes(index)?, rows, cols)));
        let outside = || self.problem("the array does not fit its bytes").input();
        (0..count).map(|index| matrix(index).ok_or_else(outside)).collect()
    }
    fn view(&self, bytes: Bytes, rows: usize, cols: usize) -> View {
        let (shape, strides) = (self.shape(), self.strides());
        View::new(bytes, self.dtype(), (shape[rows], shape[cols]), (strides[rows], strides[cols]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn all(matrix: &Matrix) -> Vec<f32> {
        let mut out = vec![0.0; matrix.nrows() * matrix.ncols()];
        matrix.read(0..matrix.nrows(), &mut out);
        out
    }
    fn parts() -> [Matrix; 2] {
        [Matrix::from_f32(&[1.0, 2.0, 3.0, 4.0], 2), Matrix::from_f32(&[5.0, 6.0, 7.0, 8.0], 2).transposed()]
    }

    #[test]
    fn joined_matrices_read_as_one_in_any_range_and_either_way_round() {
        let parts = parts();
        let beside = Matrix::beside(&parts).unwrap();
        assert_eq!(all(&beside), [1.0, 2.0, 5.0, 7.0, 3.0, 4.0, 6.0, 8.0]);
        assert_eq!(all(&beside.transposed()), [1.0, 3.0, 2.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let turned = parts.each_ref().map(Matrix::transposed);
        let under = Matrix::beside(&turned).unwrap().transposed();
        assert_eq!(all(&under), [1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 6.0, 8.0]);
        assert_eq!(all(&Matrix::sum(&parts).unwrap()), [6.0, 9.0, 9.0, 12.0]);
        assert_eq!(all(&Matrix::sum(&parts).unwrap().transposed()), [6.0, 9.0, 9.0, 12.0]);
        for (matrix, whole) in [(&beside, all(&beside)), (&under, all(&under))] {
            let width = matrix.ncols();
            for range in (0..=matrix.nrows()).flat_map(|start| (start..=matrix.nrows()).map(move |end| start..end)) {
                let mut out = vec![-1.0; range.len() * width];
                matrix.read(range.clone(), &mut out);
                assert_eq!(out, whole[range.start * width..range.end * width]);
                let mut wide = vec![-1.0; out.len()];
                matrix.read_f64(range.clone(), &mut wide);
                assert!(wide.iter().zip(&out).all(|(a, b)| *a == f64::from(*b)));
                let mut raw = Vec::new();
                matrix.read_raw(range, &mut raw);
                assert_eq!(raw, out.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let [a, _] = parts();
        let wide = Matrix::from_f32(&[1.0; 6], 3);
        let tall = wide.transposed();
        assert!(Matrix::beside(&[a.clone(), tall.clone()]).unwrap_err().to_string().contains("different shapes"));
        assert!(Matrix::sum(&[a.clone(), wide]).is_err());
        let beside = Matrix::beside(&[a.clone(), a]).unwrap();
        assert!(Matrix::sum(&[beside.clone(), beside]).unwrap_err().to_string().contains("joined otherwise"));
        assert!(Matrix::sum(&[]).is_err());
    }

    #[test]
    fn a_stack_is_taken_apart_along_any_axis() {
        let bytes: Vec<u8> = (0..24).flat_map(|i| (i as f32).to_le_bytes()).collect();
        let tensor = Tensor::new("W", Path::new("f"), Dtype::F32, vec![1, 2, 3, 4], bytes.into()).unwrap();
        let at = |i: usize, j: usize, k: usize| (i * 12 + j * 4 + k) as f32;
        for (index, matrix) in tensor.along(0).unwrap().iter().enumerate() {
            let expected: Vec<f32> = (0..3).flat_map(|j| (0..4).map(move |k| at(index, j, k))).collect();
            assert_eq!(all(matrix), expected);
        }
        for (index, matrix) in tensor.along(1).unwrap().iter().enumerate() {
            let expected: Vec<f32> = (0..2).flat_map(|i| (0..4).map(move |k| at(i, index, k))).collect();
            assert_eq!(all(matrix), expected);
        }
        let last = tensor.along(2).unwrap();
        assert_eq!((last.len(), all(&last[3])), (4, vec![3.0, 7.0, 11.0, 15.0, 19.0, 23.0]));
        assert!(tensor.along(3).is_err() && tensor.matrix().is_err());
        let empty = Tensor::new("W", Path::new("f"), Dtype::F32, vec![3, 0, 2], Vec::new().into()).unwrap();
        assert_eq!(empty.along(0).unwrap().len(), 3);
    }

    #[test]
    fn added_and_mixed_elements_are_written_as_the_type_that_holds_them() {
        let halves: Vec<u8> = [1.5f32, 2.5].iter().flat_map(|&x| half::f16::from_f32(x).to_le_bytes()).collect();
        let half = Tensor::new("W", Path::new("f"), Dtype::F16, vec![1, 2], halves.into()).unwrap().matrix().unwrap();
        let single = Matrix::from_f32(&[1.0, 2.0], 2);
        for (matrix, dtype, expected) in [
            (Matrix::sum(&[half.clone(), half.clone()]).unwrap(), Dtype::F32, vec![3.0f32, 5.0]),
            (Matrix::beside(&[half.clone(), single]).unwrap(), Dtype::F32, vec![1.5, 2.5, 1.0, 2.0]),
        ] {
            let mut raw = Vec::new();
            matrix.read_raw(0..1, &mut raw);
            assert_eq!((matrix.dtype(), raw), (dtype, expected.iter().flat_map(|x| x.to_le_bytes()).collect()));
        }
        assert_eq!(Matrix::beside(&[half.clone(), half]).unwrap().dtype(), Dtype::F16);
    }
}
