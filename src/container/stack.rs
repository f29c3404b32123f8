//! Matrices of equal width under one another, read as one: the chunks in which activations are saved.

use super::Matrix;
use crate::error::{Problem, Result};
use crate::rows::Rows;
use std::ops::Range;
use std::path::PathBuf;

/// Matrices `[rows, width]` as one matrix, none of them copied.
#[derive(Debug, Clone)]
pub struct Stack<P = Matrix> {
    parts: Vec<P>,
    /// The row at which each part starts, and the number of rows.
    starts: Vec<usize>,
    width: usize,
}

impl<P: Rows> Stack<P> {
    /// Puts `parts`, each with the file it came from, under one another.
    ///
    /// # Errors
    /// If there is none, or one has another width than the first; the message names its file.
    pub fn new(parts: Vec<(PathBuf, P)>) -> Result<Self> {
        let Some((first, matrix)) = parts.first() else {
            return Err(Problem::new("no matrix").expected("one or more").input());
        };
        let width = matrix.ncols();
        let mut starts = vec![0];
        for (path, part) in &parts {
            if part.ncols() != width {
                return Err(Problem::new(format!("a chunk of width {}", part.ncols()))
                    .path(path)
                    .shape(&[part.nrows(), part.ncols()])
                    .expected(format!("[rows, {width}], as in {}", first.display()))
                    .input());
            }
            starts.push(starts[starts.len() - 1] + part.nrows());
        }
        Ok(Self { parts: parts.into_iter().map(|(_, part)| part).collect(), starts, width })
    }
}

impl<P: Rows> Rows for Stack<P> {
    fn nrows(&self) -> usize {
        self.starts[self.parts.len()]
    }
    fn ncols(&self) -> usize {
        self.width
    }
    fn read(&self, range: Range<usize>, mut out: &mut [f32]) {
        assert!(range.end <= self.nrows() && out.len() == range.len() * self.width, "tile outside the matrix");
        // From the last part that begins at or before the first row on: a stack may be thousands of chunks high.
        let first = self.starts.partition_point(|&start| start <= range.start).saturating_sub(1);
        for (part, start) in self.parts.iter().zip(&self.starts).skip(first) {
            let within = range.start.max(*start)..range.end.min(start + part.nrows());
            if *start >= range.end {
                break;
            }
            if within.is_empty() {
                continue;
            }
            let (here, rest) = out.split_at_mut(within.len() * self.width);
            part.read(within.start - start..within.end - start, here);
            out = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(rows: usize, width: usize, from: usize) -> (PathBuf, Matrix) {
        let values: Vec<f32> = (0..rows * width).map(|i| (from * width + i) as f32).collect();
        (format!("chunk{from}").into(), Matrix::from_f32(&values, width))
    }

    #[test]
    fn parts_read_as_one_matrix() {
        let stack = Stack::new(vec![part(3, 2, 0), part(1, 2, 3), part(4, 2, 4)]).unwrap();
        assert_eq!((stack.nrows(), stack.ncols()), (8, 2));
        for range in (0..=8).flat_map(|start| (start..=8).map(move |end| start..end)) {
            let mut out = vec![-1.0; range.len() * 2];
            stack.read(range.clone(), &mut out);
            let expected: Vec<f32> = (range.start * 2..range.end * 2).map(|i| i as f32).collect();
            assert_eq!(out, expected, "{range:?}");
        }
    }

    #[test]
    fn another_width_is_refused_by_name() {
        let error = Stack::new(vec![part(3, 2, 0), part(3, 4, 3)]).unwrap_err().to_string();
        assert!(error.contains("chunk3: a chunk of width 4") && error.contains("[rows, 2], as in chunk0"), "{error}");
        assert!(Stack::<Matrix>::new(Vec::new()).is_err());
    }
}
