//! Named, typed, strided arrays over shared bytes.

use super::Bytes;
use super::dtype::{Dtype, convert};
use crate::error::{Problem, Result};
use std::convert::Infallible;
use std::path::{Path, PathBuf};

/// An array of a file: name, element type, shape, strides in elements, and where its bytes lie.
///
/// The constructor has checked that every element lies within `bytes`.
#[derive(Debug, Clone)]
pub struct Tensor {
    name: String,
    path: PathBuf,
    dtype: Dtype,
    shape: Vec<usize>,
    strides: Vec<usize>,
    bytes: Bytes,
}

impl Tensor {
    /// A row-major array that fills `bytes` from its start.
    ///
    /// # Errors
    /// If the shape overflows or needs more bytes than there are.
    pub fn new(name: &str, path: &Path, dtype: Dtype, shape: Vec<usize>, bytes: Bytes) -> Result<Self> {
        let mut strides = vec![1usize; shape.len()];
        for i in (1..shape.len()).rev() {
            strides[i - 1] = strides[i].saturating_mul(shape[i].max(1));
        }
        Self::strided(name, path, dtype, shape, strides, bytes)
    }
    /// A column-major (Fortran-order) array that fills `bytes` from its start.
    ///
    /// # Errors
    /// As [`Tensor::new`].
    pub fn fortran(name: &str, path: &Path, dtype: Dtype, shape: Vec<usize>, bytes: Bytes) -> Result<Self> {
        let mut strides = vec![1usize; shape.len()];
        for i in 1..shape.len() {
            strides[i] = strides[i - 1].saturating_mul(shape[i - 1].max(1));
        }
        Self::strided(name, path, dtype, shape, strides, bytes)
    }
    /// An array with explicit strides, in elements.
    ///
    /// # Errors
    /// If an element would lie outside `bytes`.
    pub fn strided(
        name: &str,
        path: &Path,
        dtype: Dtype,
        shape: Vec<usize>,
        strides: Vec<usize>,
        bytes: Bytes,
    ) -> Result<Self> {
        let problem =
            || Problem::new("the array does not fit its bytes").path(path).tensor(name).shape(&shape).dtype(dtype);
        let empty = shape.contains(&0);
        // Overlapping strides could let a small file claim more elements than could ever be listed.
        let countable = empty || shape.iter().try_fold(1usize, |n, &len| n.checked_mul(len)).is_some();
        let last = shape
            .iter()
            .zip(&strides)
            .try_fold(0usize, |sum, (&n, &stride)| sum.checked_add(n.saturating_sub(1).checked_mul(stride)?));
        let need = if empty { Some(0) } else { last.and_then(|l| l.checked_add(1)?.checked_mul(dtype.size())) };
        let fits = countable && shape.len() == strides.len() && need.is_some_and(|need| need <= bytes.len());
        if !fits {
            let need = need.map_or("more than memory can address".into(), |n| format!("{n} bytes"));
            return Err(problem()
                .expected(format!("{need}, but {} are there", bytes.len()))
                .hint("copying the file again: it may be cut short")
                .input());
        }
        Ok(Self { name: name.into(), path: path.into(), dtype, shape, strides, bytes })
    }
    /// The array's name in its file.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Element type.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }
    /// Shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    /// How many elements lie between one index and the next, for each dimension.
    pub fn strides(&self) -> &[usize] {
        &self.strides
    }
    /// Whether the elements lie in row-major order without gaps.
    pub fn is_row_major(&self) -> bool {
        let mut due = 1usize;
        self.shape.iter().zip(&self.strides).rev().all(|(&len, &stride)| {
            let fits = len <= 1 || stride == due;
            due = due.saturating_mul(len.max(1));
            fits
        }) || self.is_empty()
    }
    /// Number of elements.
    pub fn len(&self) -> usize {
        // A zero among the dimensions comes first: the others may be too large to multiply.
        if self.shape.contains(&0) { 0 } else { self.shape.iter().product() }
    }
    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// A problem about this array, to be completed by the caller.
    pub fn problem(&self, what: impl Into<String>) -> Problem {
        Problem::new(what).path(&self.path).tensor(&self.name).shape(&self.shape).dtype(self.dtype)
    }
    /// The same elements with the dimensions `axis` and `axis + 1` as one.
    ///
    /// # Errors
    /// If there are no such dimensions, or their strides do not allow it.
    pub fn merged(&self, axis: usize) -> Result<Self> {
        let refused = |why: &str| self.problem(why).expected("row-major dimensions").input();
        let (Some(&[n, m]), Some(&[outer, inner])) =
            (self.shape.get(axis..axis.saturating_add(2)), self.strides.get(axis..axis.saturating_add(2)))
        else {
            return Err(refused("the array has fewer dimensions than were expected"));
        };
        // A dimension of one element may have any stride.
        let (merged, fits) = match (n, m) {
            (1, _) => (inner, true),
            (_, 1) => (outer, true),
            _ => (inner, inner.checked_mul(m) == Some(outer)),
        };
        let count =
            n.checked_mul(m).filter(|_| fits).ok_or_else(|| refused("dimensions that cannot be taken as one"))?;
        let mut whole = self.clone();
        whole.shape.splice(axis..axis + 2, [count]);
        whole.strides.splice(axis..axis + 2, [merged]);
        Ok(whole)
    }
    /// All elements in row-major order as f64.
    pub fn to_f64(&self) -> Vec<f64> {
        let mut out = Vec::with_capacity(self.len());
        let mut index = vec![0usize; self.shape.len()];
        for _ in 0..self.len() {
            let at: usize = index.iter().zip(&self.strides).map(|(&i, &s)| i * s).sum();
            out.push(self.dtype.get(&self.bytes, at * self.dtype.size()));
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < self.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        out
    }
    /// All elements in row-major order as f32.
    pub fn to_f32(&self) -> Vec<f32> {
        let Ok(all) = self.to_f32_in_parts(&mut |_| Ok::<(), Infallible>(()));
        all
    }
    /// As [`Tensor::to_f32`]; `done` hears how many more elements of a list were read, about every million, and may
    /// stop the work.
    ///
    /// # Errors
    /// Those of `done`.
    pub fn to_f32_in_parts<E>(&self, done: &mut dyn FnMut(usize) -> Result<(), E>) -> Result<Vec<f32>, E> {
        const PART: usize = 1 << 20;
        if self.shape.len() != 1 || self.strides[0] != 1 || self.is_empty() {
            return Ok(self.to_f64().into_iter().map(|x| x as f32).collect());
        }
        let mut all = vec![0.0; self.shape[0]];
        for (out, bytes) in all.chunks_mut(PART).zip(self.bytes.chunks(PART * self.dtype.size())) {
            convert(self.dtype, &bytes[..out.len() * self.dtype.size()], out);
            done(out.len())?;
        }
        Ok(all)
    }
    /// All elements as non-negative integers, exactly.
    ///
    /// # Errors
    /// If the type is not an integer type or an element is negative.
    pub fn to_indices(&self) -> Result<Vec<u64>> {
        if self.dtype.is_float() {
            return Err(self.problem("an index array of floating-point numbers").expected("integers").input());
        }
        if self.dtype == Dtype::U64 || self.dtype == Dtype::I64 {
            // f64 would round above 2^53; these are read whole.
            let exact = self.shape.len() == 1 && self.strides[0] == 1;
            if exact {
                return self.bytes[..self.len() * 8]
                    .chunks_exact(8)
                    .map(|b| {
                        let value = i64::from_le_bytes(b.try_into().expect("8 bytes"));
                        u64::try_from(value).map_err(|_| self.negative())
                    })
                    .collect();
            }
        }
        self.to_f64().into_iter().map(|x| if x < 0.0 { Err(self.negative()) } else { Ok(x as u64) }).collect()
    }
    fn negative(&self) -> crate::Error {
        self.problem("a negative index").expected("indices from 0").input()
    }
    /// The raw bytes from the first element on.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Rows;
    use half::{bf16, f16};

    fn tensor(dtype: Dtype, shape: &[usize], bytes: Vec<u8>) -> Tensor {
        Tensor::new("w", Path::new("f"), dtype, shape.to_vec(), bytes.into()).unwrap()
    }

    #[test]
    fn every_dtype_reads_its_own_numbers() {
        let values = [0.0f64, 1.0, -2.0, 100.0];
        let cases: Vec<(Dtype, Vec<u8>)> = vec![
            (Dtype::F64, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
            (Dtype::F32, values.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect()),
            (Dtype::F16, values.iter().flat_map(|v| f16::from_f64(*v).to_le_bytes()).collect()),
            (Dtype::Bf16, values.iter().flat_map(|v| bf16::from_f64(*v).to_le_bytes()).collect()),
            (Dtype::I64, values.iter().flat_map(|v| (*v as i64).to_le_bytes()).collect()),
            (Dtype::I32, values.iter().flat_map(|v| (*v as i32).to_le_bytes()).collect()),
            (Dtype::I16, values.iter().flat_map(|v| (*v as i16).to_le_bytes()).collect()),
            (Dtype::I8, values.iter().flat_map(|v| (*v as i8).to_le_bytes()).collect()),
        ];
        for (dtype, bytes) in cases {
            assert_eq!(tensor(dtype, &[4], bytes.clone()).to_f64(), values, "{dtype}");
            assert_eq!(tensor(dtype, &[4], bytes).to_f32(), values.map(|v| v as f32), "{dtype}");
        }
    }

    #[test]
    fn what_f32_would_round_is_read_whole_as_f64() {
        let values = [16_777_217.0f64, -1_000_000.25, 3.0, 4.0];
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let matrix = tensor(Dtype::F64, &[2, 2], bytes).matrix().unwrap();
        let mut out = [0.0; 4];
        matrix.read_f64(0..2, &mut out);
        assert_eq!(out, values);
        let whole = (16_777_217i64..16_777_221).flat_map(i64::to_le_bytes).collect();
        let matrix = tensor(Dtype::I64, &[2, 2], whole).matrix().unwrap();
        matrix.transposed().read_f64(0..2, &mut out);
        assert_eq!(out, [16_777_217.0, 16_777_219.0, 16_777_218.0, 16_777_220.0]);
        assert!(matrix.exceeds_f32() && !tensor(Dtype::F16, &[1, 1], vec![0; 2]).matrix().unwrap().exceeds_f32());
    }

    #[test]
    fn transposed_and_fortran_order_agree_with_row_major() {
        let row_major: Vec<u8> = (0..6).flat_map(|v| (v as f32).to_le_bytes()).collect();
        let matrix = tensor(Dtype::F32, &[2, 3], row_major.clone()).matrix().unwrap();
        let mut whole = vec![0.0; 6];
        matrix.read(0..2, &mut whole);
        assert_eq!(whole, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        matrix.transposed().read(0..3, &mut whole);
        assert_eq!(whole, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let fortran = Tensor::fortran("w", Path::new("f"), Dtype::F32, vec![3, 2], row_major.into()).unwrap();
        fortran.matrix().unwrap().read(0..3, &mut whole);
        assert_eq!(whole, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(fortran.to_f64(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    }

    #[test]
    fn raw_rows_are_the_bytes_of_the_file_in_row_order() {
        let row_major: Vec<u8> = (0..6).flat_map(|v| (v as f32).to_le_bytes()).collect();
        let matrix = tensor(Dtype::F32, &[2, 3], row_major.clone()).matrix().unwrap();
        let mut raw = Vec::new();
        matrix.read_raw(0..2, &mut raw);
        assert_eq!(raw, row_major);
        raw.clear();
        matrix.transposed().read_raw(1..3, &mut raw);
        let expected: Vec<u8> = [1.0f32, 4.0, 2.0, 5.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(raw, expected);
    }

    #[test]
    fn a_shape_beyond_its_bytes_is_refused() {
        for shape in [vec![2, 4], vec![usize::MAX, 2], vec![1 << 40, 1 << 40]] {
            let result = Tensor::new("w", Path::new("f"), Dtype::F32, shape, vec![0; 28].into());
            assert!(result.unwrap_err().to_string().contains("does not fit"));
        }
        let empty = tensor(Dtype::F32, &[0, 5], Vec::new());
        assert!(empty.is_empty() && empty.to_f32().is_empty());
    }

    #[test]
    fn every_order_and_alignment_reads_the_same_values() {
        let (rows, cols) = (141, 83);
        let value = |r: usize, c: usize| ((r * 31 + c * 7) % 64) as f32 - 20.0;
        for dtype in [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::Bf16] {
            let element = |x: f32| match dtype {
                Dtype::F64 => f64::from(x).to_le_bytes().to_vec(),
                Dtype::F32 => x.to_le_bytes().to_vec(),
                Dtype::F16 => f16::from_f32(x).to_le_bytes().to_vec(),
                _ => bf16::from_f32(x).to_le_bytes().to_vec(),
            };
            for shift in [0, 1] {
                for by_rows in [true, false] {
                    let mut raw = vec![9u8; shift];
                    let (outer, inner) = if by_rows { (rows, cols) } else { (cols, rows) };
                    for (i, j) in (0..outer).flat_map(|i| (0..inner).map(move |j| (i, j))) {
                        raw.extend(element(if by_rows { value(i, j) } else { value(j, i) }));
                    }
                    let bytes = Bytes::from(raw);
                    let bytes = bytes.slice(shift..bytes.len()).unwrap();
                    let build = if by_rows { Tensor::new } else { Tensor::fortran };
                    let matrix = build("w", Path::new("f"), dtype, vec![rows, cols], bytes).unwrap().matrix().unwrap();
                    for range in [0..rows, 3..4, 5..5, 60..130] {
                        let mut out = vec![0.0; range.len() * cols];
                        matrix.read(range.clone(), &mut out);
                        let expected: Vec<f32> = range
                            .clone()
                            .flat_map(|r| (0..cols).map(move |c| (r, c)))
                            .map(|(r, c)| value(r, c))
                            .collect();
                        assert_eq!(out, expected, "{dtype} by_rows {by_rows} shift {shift}");
                        let mut wide = vec![0.0; out.len()];
                        matrix.read_f64(range, &mut wide);
                        assert!(wide.iter().zip(&out).all(|(a, b)| *a == f64::from(*b)), "{dtype} {by_rows} {shift}");
                    }
                }
            }
        }
    }

    #[test]
    fn unaligned_bytes_read_the_same() {
        let mut raw = vec![7u8];
        raw.extend([1.5f32, -2.5].iter().flat_map(|v| v.to_le_bytes()));
        let shifted = Bytes::from(raw).slice(1..9).unwrap();
        let matrix = Tensor::new("w", Path::new("f"), Dtype::F32, vec![1, 2], shifted).unwrap().matrix().unwrap();
        let mut out = [0.0; 2];
        matrix.read(0..1, &mut out);
        assert_eq!(out, [1.5, -2.5]);
    }
}
