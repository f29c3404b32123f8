//! An array of any number of dimensions as rows of a given width: leading dimensions run one after another.

use crate::container::{Bytes, Matrix, Tensor};
use crate::error::Result;
use crate::rows::Rows;
use std::ops::Range;

/// An array whose leading dimensions are rows and whose last ones, together `width` long, are columns; nothing is copied.
#[derive(Debug, Clone)]
pub struct Flat {
    tensor: Tensor,
    /// Lengths and strides of the dimensions before the rows of one block, slowest first.
    outer: Vec<(usize, usize)>,
    /// Rows of a block, and the stride between them.
    inner: (usize, usize),
    width: usize,
    column_stride: usize,
    /// Elements to pass over at the start.
    offset: usize,
}

/// Dimensions without those of length 1, neighbours that lie one after another joined.
fn joined(shape: &[usize], strides: &[usize]) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    for (&len, &stride) in shape.iter().zip(strides).filter(|(len, _)| **len != 1) {
        match out.last_mut() {
            Some(last) if len.checked_mul(stride) == Some(last.1) => *last = (last.0 * len, stride),
            _ => out.push((len, stride)),
        }
    }
    out
}

/// The array as rows of `width` numbers: its last dimension, or the last few whose product is that, as in `[batch,
/// position, heads, d_head]`.
///
/// # Errors
/// If no last dimensions make that width, or they lie apart from one another.
pub fn flatten(tensor: &Tensor, width: usize) -> Result<Flat> {
    columns(tensor, width, 0..width)
}

/// As [`flatten`], of the columns `taken` alone.
///
/// # Errors
/// As [`flatten`].
///
/// # Panics
/// If `taken` is not within `0..width`.
pub fn columns(tensor: &Tensor, width: usize, taken: Range<usize>) -> Result<Flat> {
    assert!(taken.start <= taken.end && taken.end <= width, "columns outside the row");
    let (shape, strides) = (tensor.shape(), tensor.strides());
    let wrong = || tensor.problem("the wrong width").expected(format!("rows of {width} numbers"));
    let mut product = 1usize;
    let split = (0..shape.len()).rev().find(|&at| {
        product = product.saturating_mul(shape[at]);
        product == width
    });
    // Heads are no rows of their own: something before them counts the rows.
    let heads_alone = |split: usize| split == 0 && shape.len() > 1;
    let split = split.filter(|&split| width > 0 && !heads_alone(split)).ok_or_else(|| wrong().input())?;
    let column_stride = match joined(&shape[split..], &strides[split..])[..] {
        [] => 1,
        [(_, stride)] => stride,
        _ => return Err(wrong().hint("array.contiguous() before saving").input()),
    };
    let mut outer = if tensor.is_empty() { vec![(0, 0)] } else { joined(&shape[..split], &strides[..split]) };
    let inner = outer.pop().unwrap_or((1, 0));
    let offset = taken.start * column_stride;
    Ok(Flat { tensor: tensor.clone(), outer, inner, width: taken.len(), column_stride, offset })
}

impl Flat {
    /// The rows of one block.
    fn block(&self, mut block: usize) -> Matrix {
        let mut at = self.offset;
        for &(len, stride) in self.outer.iter().rev() {
            at += block % len * stride;
            block /= len;
        }
        let (tensor, size) = (&self.tensor, self.tensor.dtype().size());
        let rest = tensor.bytes().slice(at * size..tensor.bytes().len()).unwrap_or_else(|| Bytes::from_static(&[]));
        let (shape, strides) = (vec![self.inner.0, self.width], vec![self.inner.1, self.column_stride]);
        Tensor::strided(tensor.name(), tensor.path(), tensor.dtype(), shape, strides, rest)
            .and_then(|part| part.matrix())
            .expect("a part of an array that fits its bytes")
    }
    fn each(&self, range: Range<usize>, mut read: impl FnMut(&Matrix, Range<usize>, Range<usize>)) {
        assert!(range.end <= self.nrows(), "rows outside the matrix");
        let len = self.inner.0;
        let mut row = range.start;
        while row < range.end {
            let first = row / len * len;
            let end = range.end.min(first + len);
            let out = (row - range.start) * self.width..(end - range.start) * self.width;
            read(&self.block(row / len), row - first..end - first, out);
            row = end;
        }
    }
}

impl Rows for Flat {
    fn nrows(&self) -> usize {
        self.outer.iter().map(|(len, _)| len).product::<usize>() * self.inner.0
    }
    fn ncols(&self) -> usize {
        self.width
    }
    fn read(&self, range: Range<usize>, out: &mut [f32]) {
        assert_eq!(out.len(), range.len() * self.width, "tile outside the matrix");
        self.each(range, |matrix, rows, place| matrix.read(rows, &mut out[place]));
    }
    fn read_f64(&self, range: Range<usize>, out: &mut [f64]) {
        assert_eq!(out.len(), range.len() * self.width, "tile outside the matrix");
        self.each(range, |matrix, rows, place| matrix.read_f64(rows, &mut out[place]));
    }
    fn exceeds_f32(&self) -> bool {
        self.tensor.dtype().exceeds_f32()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Dtype;
    use std::path::Path;

    fn strided(shape: &[usize], strides: &[usize]) -> Tensor {
        let last: usize = shape.iter().zip(strides).map(|(n, s)| (n - 1) * s).sum();
        let bytes: Vec<u8> = (0..=last).flat_map(|i| (i as f32).to_le_bytes()).collect();
        Tensor::strided("x", Path::new("x"), Dtype::F32, shape.to_vec(), strides.to_vec(), bytes.into()).unwrap()
    }

    #[test]
    fn rows_are_those_of_the_flattened_array() {
        // Row-major, permuted, with gaps, with dimensions of length 1, and with heads.
        for (shape, strides, width) in [
            (vec![3, 4, 5], vec![20, 5, 1], 5),
            (vec![3, 4, 5], vec![5, 15, 1], 5),
            (vec![3, 4, 5], vec![1, 3, 12], 5),
            (vec![3, 4, 5], vec![60, 7, 1], 5),
            (vec![2, 3, 4, 5], vec![200, 60, 10, 2], 5),
            (vec![2, 3, 4, 5], vec![60, 20, 5, 1], 20),
            (vec![1, 4, 1, 5], vec![9, 5, 3, 1], 5),
            (vec![5], vec![1], 5),
            (vec![3, 1, 2], vec![2, 7, 1], 2),
        ] {
            let tensor = strided(&shape, &strides);
            let (all, flat) = (tensor.to_f32(), flatten(&tensor, width).unwrap());
            let rows = all.len() / width;
            assert_eq!((flat.nrows(), flat.ncols()), (rows, width), "{shape:?}");
            for range in (0..=rows).flat_map(|start| (start..=rows).map(move |end| start..end)) {
                let mut out = vec![-1.0; range.len() * width];
                flat.read(range.clone(), &mut out);
                assert_eq!(out, all[range.start * width..range.end * width], "{shape:?} {strides:?} {range:?}");
                let mut wide = vec![-1.0; out.len()];
                flat.read_f64(range, &mut wide);
                assert!(wide.iter().zip(&out).all(|(a, b)| *a == f64::from(*b)));
            }
            let part = columns(&tensor, width, 1..width).unwrap();
            let mut out = vec![0.0; rows * (width - 1)];
            part.read(0..rows, &mut out);
            let expected: Vec<f32> = all.chunks(width).flat_map(|row| row[1..].to_vec()).collect();
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn another_width_is_refused() {
        let tensor = strided(&[2, 3, 4], &[12, 4, 1]);
        for width in [0, 3, 5, 6, 8, 24, 48] {
            assert!(flatten(&tensor, width).unwrap_err().to_string().contains("the wrong width"), "{width}");
        }
        // Heads that lie apart are no row.
        let apart = strided(&[2, 3, 4], &[12, 1, 3]);
        assert!(flatten(&apart, 12).unwrap_err().to_string().contains("contiguous"));
        let none = Tensor::new("x", Path::new("x"), Dtype::F32, vec![0, 3, 4], Vec::new().into()).unwrap();
        assert_eq!(flatten(&none, 4).unwrap().nrows(), 0);
    }
}
