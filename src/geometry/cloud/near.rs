//! Nearest neighbours within a cloud, equal points taken as one.
//!
//! In: points `[n, d]`. Out: for each place that holds a point, its `k` nearest others with their distances. Points that
//! differ by rounding alone are the same place: those of unit vectors, for instance, on which one feature fires alone.
//! Rounding is [`SAME`] of the cloud's size, or [`SAME_F32`] where no number needs more than an f32. Cost: that of the k-d
//! tree; it is given principal components, whose first few decide most.

use crate::error::Result;
use crate::geometry::kdtree::KdTree;
use crate::rows::Points64;
use crate::task::Task;
use std::collections::HashMap;

/// Side of a place, in root mean square lengths of the centred cloud.
const SAME: f64 = 1e-12;
/// The same for numbers that were rounded to f32.
const SAME_F32: f64 = 1e-6;

/// Neighbours of places.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Near {
    /// The places `[m, d]`: the first point of each.
    pub(super) places: Points64,
    /// The point that each place shows.
    pub(super) first: Vec<u32>,
    /// The place of every point `[n]`.
    pub(super) place: Vec<u32>,
    /// Neighbours a place; fewer than asked where there are fewer places.
    pub(super) k: usize,
    /// `[m, k]` other places, nearest first.
    pub(super) indices: Vec<u32>,
    /// `[m, k]` distances.
    pub(super) distances: Vec<f64>,
}

/// The places of `points`: the first point of each, and the place of every point.
pub(super) fn places(points: &Points64, same: f64) -> (Vec<u32>, Vec<u32>) {
    let (dims, n) = (points.dims(), points.len());
    let mut mean = vec![0.0f64; dims];
    for row in points.data().chunks_exact(dims) {
        mean.iter_mut().zip(row).for_each(|(mean, &x)| *mean += x / n as f64);
    }
    let squares = points
        .data()
        .chunks_exact(dims)
        .map(|row| row.iter().zip(&mean).map(|(&x, mean)| (x - mean).powi(2)).sum::<f64>());
    let side = same * (squares.sum::<f64>() / n.max(1) as f64).sqrt();
    let mut known: HashMap<Vec<i64>, u32> = HashMap::with_capacity(n);
    let mut first = Vec::new();
    let place = points.data().chunks_exact(dims).enumerate().map(|(at, row)| {
        let cell = |&x: &f64| if side > 0.0 { (x / side).round() as i64 } else { 0 };
        *known.entry(row.iter().map(cell).collect()).or_insert_with(|| {
            first.push(at as u32);
            first.len() as u32 - 1
        })
    });
    let place = place.collect();
    (first, place)
}

impl Near {
    /// The `k` nearest places of each place of `points`; `coarse` if their numbers were rounded to f32.
    ///
    /// # Errors
    /// If a value is not finite, or the task is cancelled.
    pub(super) fn of(points: &Points64, coarse: bool, k: usize, task: &Task) -> Result<Self> {
        let dims = points.dims();
        let (first, place) = places(points, if coarse { SAME_F32 } else { SAME });
        let rows = Points64::new(first.iter().flat_map(|&at| points.row(at as usize).to_vec()).collect(), dims);
        let m = rows.len();
        let k = k.min(m.saturating_sub(1));
        let mut near = Self { places: rows, first, place, k, indices: Vec::new(), distances: Vec::new() };
        if k > 0 {
            (near.indices, near.distances) = KdTree::build(&near.places, task)?.others(k, task)?;
        }
        Ok(near)
    }
    /// Number of places.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }
    /// Neighbours of place `at` and their distances, nearest first.
    pub(super) fn row(&self, at: usize) -> (&[u32], &[f64]) {
        let range = at * self.k..(at + 1) * self.k;
        (&self.indices[range.clone()], &self.distances[range])
    }
}
