//! The angular affinity of all pairs of rows, as products, without the matrix.
//!
//! Input: rows `[n, d]` of any lengths; a zero row is at a right angle to all. The affinity of two rows is
//! 1 - arccos(cos) / π = ½ + arcsin(cos) / π, from 0 for opposite rows over ½ for orthogonal ones to 1 for equal ones, and
//! 0 of a row with itself. Engels et al. 2025 (GPT-2 small) group by it; their diagonal counts for nothing, as
//! scikit-learn's Laplacian leaves it out.
//!
//! The halves are one sum over all rows, in f64. Only arcsin(cos) / π, which is small where rows are near orthogonal, goes
//! through f32: tiles of cosines by products of rows, the arcsine to 3e-7 (the minimax polynomial of Cephes' `asinf`,
//! Moshier), tiles of the result by products with the vectors, summed in f64 in the order of the rows.
//!
//! Since orthogonal rows have half the affinity of equal ones, groups in orthogonal planes are not told apart by it where
//! max(cos, 0) and cos² tell them apart.
//!
//! Cost: n² (d + b) multiply-adds in f32 and n² arcsines for b vectors, every time. Memory: 12 b bytes a row, and per
//! thread 1 MiB of cosines, two tiles of 512 rows unless they lie in memory as f32, and 6 KiB for each vector.

#![allow(clippy::inline_always, reason = "kernels must become part of the function that is compiled for wide vectors")]

use super::Affinity;
use crate::error::Result;
use crate::geometry::cluster::kmeans::check_rows;
use crate::geometry::cluster::kmeans::space::{Buffer, Space};
use crate::rows::Rows;
use crate::task::Task;
use crate::wide::wide;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;
use std::f32::consts::{FRAC_1_PI, FRAC_PI_2};

/// Rows of a tile.
const TILE: usize = 512;

/// The angular affinity of rows.
pub struct Angular<'a> {
    space: Space<'a>,
}

/// A thread's buffers.
#[derive(Default)]
struct Buffers {
    own: Buffer,
    other: Buffer,
    cosines: Vec<f32>,
    part: Vec<f32>,
}

impl<'a> Angular<'a> {
    /// Measures the rows, in one pass.
    ///
    /// # Errors
    /// If a row is not finite (the first is named), rows have no columns, or the task is cancelled.
    pub fn new(rows: &'a dyn Rows, task: &Task) -> Result<Self> {
        check_rows(rows)?;
        Ok(Self { space: Space::new(rows, true, task)? })
    }

    /// arcsin(cos) / π of the rows of two tiles `[others, own]`, each row's with the other tile together; -½ of a row with
    /// itself.
    fn affinities(&self, own: (usize, &[f32]), other: (usize, &[f32]), out: &mut Vec<f32>) {
        let d = self.space.d;
        let (height, width) = (own.1.len() / d, other.1.len() / d);
        out.resize(height * width, 0.0);
        matmul(
            MatMut::from_column_major_slice_mut(out, width, height),
            Accum::Replace,
            MatRef::from_column_major_slice(other.1, d, width).transpose(),
            MatRef::from_column_major_slice(own.1, d, height),
            1.0,
            Par::Seq,
        );
        let factors = &self.space.factor[other.0..other.0 + width];
        wide(
            #[inline(always)]
            || {
                for (at, row) in out.chunks_exact_mut(width).enumerate() {
                    let factor = self.space.factor[own.0 + at];
                    for (x, &other) in row.iter_mut().zip(factors) {
                        *x = arcsine((factor * other) as f32 * *x) * FRAC_1_PI;
                    }
                }
            },
        );
        if own.0 == other.0 {
            for at in 0..height {
                out[at * width + at] = -0.5;
            }
        }
    }
}

impl Affinity for Angular<'_> {
    fn nodes(&self) -> usize {
        self.space.n
    }
    fn apply(&self, vectors: MatRef<'_, f64>, task: &Task) -> Result<Mat<f64>> {
        let (n, count) = (self.space.n, vectors.ncols());
        let half: Vec<f64> = vectors.col_iter().map(|column| 0.5 * column.iter().sum::<f64>()).collect();
        // A row's entries lie together.
        let mut narrow = Vec::with_capacity(n * count);
        for i in 0..n {
            narrow.extend((0..count).map(|c| vectors[(i, c)] as f32));
        }
        let mut out = vec![0.0f64; n * count];
        task.install(|| {
            out.par_chunks_mut(TILE * count).enumerate().for_each_init(Buffers::default, |buffers, (tile, out)| {
                let first = tile * TILE;
                let height = out.len() / count;
                let Buffers { own, other, cosines, part } = buffers;
                let own = self.space.read(first..first + height, own);
                part.resize(height * count, 0.0);
                out.chunks_exact_mut(count).for_each(|row| row.copy_from_slice(&half));
                for start in (0..n).step_by(TILE) {
                    if task.is_cancelled() {
                        return;
                    }
                    let range = start..(start + TILE).min(n);
                    let width = range.len();
                    let vectors = &narrow[start * count..range.end * count];
                    self.affinities((first, own), (start, self.space.read(range, other)), cosines);
                    matmul(
                        MatMut::from_column_major_slice_mut(part, count, height),
                        Accum::Replace,
                        MatRef::from_column_major_slice(vectors, count, width),
                        MatRef::from_column_major_slice(cosines, width, height),
                        1.0,
                        Par::Seq,
                    );
                    out.iter_mut().zip(&*part).for_each(|(out, &x)| *out += f64::from(x));
                }
            });
        });
        task.check()?;
        Ok(MatRef::from_row_major_slice(&out, n, count).to_owned())
    }
    /// All one: only opposite rows have no affinity.
    fn parts(&self, _: &Task) -> Result<(Vec<u32>, usize)> {
        Ok((vec![0; self.space.n], usize::from(self.space.n > 0)))
    }
    fn block(&self, count: usize) -> usize {
        // Cosines are computed anew for every block.
        (count / 4).clamp(64, 256)
    }
}

/// arcsin x for x in [-1, 1], and for what rounding puts outside.
#[inline(always)]
fn arcsine(x: f32) -> f32 {
    let size = x.abs().min(1.0);
    let far = size > 0.5;
    let z = if far { 0.5 * (1.0 - size) } else { size * size };
    let root = if far { z.sqrt() } else { size };
    let mut p = 4.216_32e-2;
    for coefficient in [2.418_131e-2, 4.547_002_6e-2, 7.495_3e-2, 1.666_675_2e-1] {
        p = p * z + coefficient;
    }
    let near = p * z * root + root;
    (if far { FRAC_PI_2 - 2.0 * near } else { near }).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::random::{key, signed_unit};
    use crate::rows::Points;

    #[test]
    fn the_arcsine_is_right_to_a_few_bits() {
        for at in -20_000..=20_000 {
            let x = at as f32 / 20_000.0;
            let exact = f64::from(x).asin();
            assert!((f64::from(arcsine(x)) - exact).abs() < 3e-7 * exact.abs().max(1e-3), "{x}");
        }
        assert_eq!((arcsine(1.000_001), arcsine(-1.1)), (FRAC_PI_2, -FRAC_PI_2));
    }

    #[test]
    fn products_are_those_of_the_dense_matrix() {
        let (n, d, count) = (1100, 7, 3);
        // Rows of many lengths, a zero row, two equal ones and two opposite ones.
        let mut values: Vec<f32> = (0..n * d).map(|at| signed_unit(key(1, 2, at as u64))).collect();
        for (row, values) in values.chunks_mut(d).enumerate() {
            for x in values {
                *x *= 10f32.powi(row as i32 % 7 - 3);
            }
        }
        values[5 * d..6 * d].fill(0.0);
        values.copy_within(10 * d..11 * d, 900 * d);
        for x in 0..d {
            values[700 * d + x] = -2.0 * values[20 * d + x];
        }
        let points = Points::new(values, d);
        let task = Task::new(1).unwrap();
        let angular = Angular::new(&points, &task).unwrap();
        let vectors = Mat::from_fn(n, count, |i, c| f64::from(signed_unit(key(5, c as u64, i as u64))));
        let found = angular.apply(vectors.as_ref(), &task).unwrap();
        let dot = |i: usize, j: usize| {
            points.row(i).iter().zip(points.row(j)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
        };
        let affinity = |i: usize, j: usize| {
            let lengths = (dot(i, i) * dot(j, j)).sqrt();
            let cosine = if lengths > 0.0 { dot(i, j) / lengths } else { 0.0 };
            if i == j { 0.0 } else { 1.0 - cosine.clamp(-1.0, 1.0).acos() / std::f64::consts::PI }
        };
        assert!(affinity(10, 900) > 0.999_999 && affinity(20, 700) < 1e-6 && affinity(5, 6) == 0.5);
        for i in (0..n).step_by(31).chain([5, 10, 20, 700, 900]) {
            for c in 0..count {
                let expected: f64 = (0..n).map(|j| affinity(i, j) * vectors[(j, c)]).sum();
                // Equal rows: a cosine off by 1e-7 is an angle off by 4e-4.
                assert!((found[(i, c)] - expected).abs() < 3e-4, "{i} {c}: {} {expected}", found[(i, c)]);
            }
        }
        let more = Angular::new(&points, &task).unwrap().apply(vectors.as_ref(), &Task::new(3).unwrap()).unwrap();
        assert_eq!(more, found);
    }
}
