//! Distances of all pairs of n points, f64, each held once: 4n² bytes.
//!
//! Invariants: none is negative (not even as -0.0) or not a number; an infinite one means that there is no edge. The
//! triangle inequality is not asked for.

use crate::error::{Error, Problem, Result};
use crate::rows::{Points, all_finite};
use crate::wide::wide;

/// Most points that distances are held of: sorting all their edges takes 1 GiB.
pub const MOST_POINTS: usize = 8192;

/// Symmetric distances of n points, zero on the diagonal.
#[derive(Debug, Clone, PartialEq)]
pub struct Distances {
    n: usize,
    /// Row by row above the diagonal: (0,1), (0,2), …, (1,2), ….
    upper: Vec<f64>,
}

/// Number of pairs of `n` points.
///
/// # Errors
/// If they are more than [`MOST_POINTS`].
fn pairs(n: usize) -> Result<usize> {
    if n <= MOST_POINTS {
        return Ok(n * n.saturating_sub(1) / 2);
    }
    Err(Problem::new(format!("the distances of all pairs of {n} points"))
        .expected(format!("at most {MOST_POINTS} points"))
        .hint("landmarks, a few hundred points that cover the others")
        .usage())
}

/// Refuses what is no distance of `i` and `j`.
fn checked(distance: f64, i: usize, j: usize) -> Result<f64> {
    if distance >= 0.0 {
        return Ok(distance.abs());
    }
    Err(Problem::new(format!("the distance of points {i} and {j} is {distance}"))
        .expected("a number that is not negative, or infinity for no edge")
        .hint("leaving out these points")
        .usage())
}

fn miscounted(found: usize, n: usize, pairs: usize) -> Error {
    Problem::new(format!("{found} distances of {n} points"))
        .expected(format!("{pairs}, one for each pair"))
        .hint("the triangle of the matrix beside its diagonal")
        .usage()
}

impl Distances {
    /// Euclidean distances of `points`, squares summed in f64. Cost: n²/2 · dims; memory beside the
    /// distances: a copy of the points.
    ///
    /// # Errors
    /// If a value is not finite, or there are more than [`MOST_POINTS`] points.
    pub fn from_points(points: &Points) -> Result<Self> {
        let n = points.len();
        let mut upper = vec![0.0; pairs(n)?];
        all_finite(points.data(), points.dims(), 0)?;
        let mut columns = Vec::with_capacity(points.data().len());
        for dim in 0..points.dims() {
            columns.extend((0..n).map(|i| points.row(i)[dim]));
        }
        wide(
            #[inline(always)]
            || {
                let mut rest = upper.as_mut_slice();
                for i in 0..n {
                    let (row, below) = std::mem::take(&mut rest).split_at_mut(n - 1 - i);
                    for column in columns.chunks_exact(n) {
                        let x = f64::from(column[i]);
                        for (sum, &y) in row.iter_mut().zip(&column[i + 1..]) {
                            let gap = x - f64::from(y);
                            *sum += gap * gap;
                        }
                    }
                    for sum in row {
                        *sum = sum.sqrt();
                    }
                    rest = below;
                }
            },
        );
        Ok(Self { n, upper })
    }
    /// Takes the distances above the diagonal, row by row: (0,1), (0,2), …, (1,2), …; as scipy's `pdist`.
    ///
    /// # Errors
    /// If there are not n(n-1)/2 of them, one is negative or not a number, or there are more than [`MOST_POINTS`]
    /// points.
    pub fn from_condensed(n: usize, mut upper: Vec<f64>) -> Result<Self> {
        let pairs = pairs(n)?;
        if upper.len() != pairs {
            return Err(miscounted(upper.len(), n, pairs));
        }
        let mut rest = upper.as_mut_slice();
        for i in 0..n {
            let (row, below) = rest.split_at_mut(n - 1 - i);
            for (distance, j) in row.iter_mut().zip(i + 1..) {
                *distance = checked(*distance, i, j)?;
            }
            rest = below;
        }
        Ok(Self { n, upper })
    }
    /// Takes the distances below the diagonal, row by row: (1,0), (2,0), (2,1), (3,0), …; as ripser's lower triangle.
    ///
    /// # Errors
    /// As [`Self::from_condensed`].
    pub fn from_lower(n: usize, lower: &[f64]) -> Result<Self> {
        let pairs = pairs(n)?;
        if lower.len() != pairs {
            return Err(miscounted(lower.len(), n, pairs));
        }
        let above = (0..n).flat_map(|i| (i + 1..n).map(move |j| lower[j * (j - 1) / 2 + i]));
        Self::from_condensed(n, above.collect())
    }
    /// Number of points.
    pub fn len(&self) -> usize {
        self.n
    }
    /// Whether there are no points.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }
    /// Distance of `i` and `j`.
    ///
    /// # Panics
    /// If there are no such points.
    pub fn get(&self, i: usize, j: usize) -> f64 {
        let (low, high) = (i.min(j), i.max(j));
        assert!(high < self.n, "points {i} and {j} of {}", self.n);
        if low == high { 0.0 } else { self.upper[low * (2 * self.n - low - 1) / 2 + high - low - 1] }
    }
    /// Distances of `i` to the points after it.
    pub(super) fn after(&self, i: usize) -> &[f64] {
        let start = i * (2 * self.n - i - 1) / 2;
        &self.upper[start..start + self.n - 1 - i]
    }
    /// The scale from which on some point has edges to all others, so that no loop is left: the least over the points
    /// of their greatest distance; 0 without points.
    pub fn enclosing_radius(&self) -> f64 {
        let mut greatest = vec![0.0f64; self.n];
        for i in 0..self.n {
            let (own, others) = greatest[i..].split_at_mut(1);
            for (&distance, other) in self.after(i).iter().zip(others) {
                *other = if distance > *other { distance } else { *other };
                own[0] = if distance > own[0] { distance } else { own[0] };
            }
        }
        greatest.into_iter().reduce(f64::min).unwrap_or(0.0)
    }
}
