//! How few directions hold the features of a group, beside as many features of the same dictionary taken at random.
//!
//! In: decoder rows. Out: the participation ratio (Σλ)²/Σλ² of the spatial sign covariance of their unit directions
//! (Visuri, Koivunen and Oja 2000): 2 for a circle of features in a plane, however many, and near m − 1 for m features
//! that are almost orthogonal. That many features share few directions is what a dictionary does where it tiles a manifold
//! (Engels et al. 2025; Gurnee et al. 2025). Features that merely have one direction in common do not show it, for the
//! covariance is taken about their spatial median; nor does one stray among many, for each counts with its bearing from
//! there and not with its distance.
//!
//! The null is the same number for as many features drawn at random, so that a dictionary that is narrow as a whole makes
//! no group remarkable. Cost: m² d for each of [`DRAWS`] draws of m features of width d. Memory: m d numbers twice,
//! and the smaller of m² and d².

use crate::error::Result;
use crate::geometry::cloud::unit;
use crate::geometry::random::{below, key};
use crate::rows::{Points64, Rows};
use crate::task::Task;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Sets of features that are drawn.
pub const DRAWS: u64 = 19;
/// Distance from the median below which a direction has no bearing.
const NOTHING: f64 = 1e-9;

/// How many directions the features of a group share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Packing {
    /// Participation ratio of their directions.
    pub directions: f64,
    /// The smallest among [`DRAWS`] sets of as many features at random.
    pub null: f64,
}

impl Packing {
    /// Share of the directions of the narrowest random set that the group does without: 0 to 1.
    pub fn beyond(&self) -> f64 {
        if self.null > 0.0 { (1.0 - self.directions / self.null).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// Most steps towards the spatial median (Weiszfeld 1937), and the step after which no more are made.
const STEPS: usize = 30;
const STILL: f64 = 1e-6;

/// Participation ratio of the bearings of the unit directions of `rows` from their spatial median; zero rows are left
/// out. None for fewer than two, or where all are one.
pub fn shared_directions(rows: &Points64) -> Option<f64> {
    let (bearings, d) = (bearings(rows), rows.dims());
    let m = bearings.len() / d;
    let x = MatRef::from_row_major_slice(&bearings, m, d);
    // Both products have the same eigenvalues but for zeros.
    let (left, right) = if m <= d { (x, x.transpose()) } else { (x.transpose(), x) };
    let mut products = Mat::<f64>::zeros(left.nrows(), left.nrows());
    matmul(products.as_mut(), Accum::Replace, left, right, 1.0, Par::Seq);
    let squares: f64 = products.col_iter().map(|column| column.iter().map(|x| x * x).sum::<f64>()).sum();
    (m > 1).then(|| (m * m) as f64 / squares)
}

/// Unit vectors from the spatial median of the rows' directions to each of them that is not there.
fn bearings(rows: &Points64) -> Vec<f64> {
    let (d, (unit, _)) = (rows.dims(), unit(rows));
    let (unit, m) = (unit.data(), unit.len());
    if m < 2 {
        return Vec::new();
    }
    let distance = |row: &[f64], from: &[f64]| row.iter().zip(from).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
    let mean = |weights: &[f64]| {
        let (mut mean, total) = (vec![0.0; d], weights.iter().sum::<f64>());
        for (row, weight) in unit.chunks_exact(d).zip(weights) {
            mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += x * weight / total);
        }
        mean
    };
    let mut median = mean(&vec![1.0; m]);
    for _ in 0..STEPS {
        let weights: Vec<f64> = unit.chunks_exact(d).map(|row| 1.0 / distance(row, &median).max(NOTHING)).collect();
        let next = mean(&weights);
        let moved = distance(&next, &median);
        median = next;
        if moved <= STILL {
            break;
        }
    }
    let mut bearings: Vec<f64> = Vec::with_capacity(unit.len());
    for row in unit.chunks_exact(d) {
        let length = distance(row, &median);
        if length > NOTHING {
            bearings.extend(row.iter().zip(&median).map(|(x, y)| (x - y) / length));
        }
    }
    bearings
}

/// The smallest participation ratio among [`DRAWS`] sets of `count` different features that are finite and not zero.
///
/// # Errors
/// If the task is cancelled.
///
/// # Panics
/// If there are not so many.
pub fn packed_by_chance(decoder: &dyn Rows, count: usize, seed: u64, task: &Task) -> Result<f64> {
    let (n, d) = (decoder.nrows(), decoder.ncols());
    let mut smallest = f64::INFINITY;
    for draw in 0..DRAWS {
        let (mut seen, mut rows) = (HashSet::new(), Vec::with_capacity(count * d));
        let mut at = 0;
        while rows.len() < count * d {
            task.check()?;
            assert!(seen.len() < n, "{count} of {n} features");
            let feature = below((key(seed, 0x7061_636b, draw << 32 | at) >> 32) as u32, n as u32) as usize;
            at += 1;
            if seen.insert(feature) {
                let start = rows.len();
                rows.resize(start + d, 0.0);
                decoder.read_f64(feature..feature + 1, &mut rows[start..]);
                let own = &rows[start..];
                if own.iter().all(|x| *x == 0.0) || !own.iter().all(|x| x.is_finite()) {
                    rows.truncate(start);
                }
            }
        }
        smallest = shared_directions(&Points64::new(rows, d)).map_or(smallest, |found| smallest.min(found));
    }
    Ok(if smallest.is_finite() { smallest } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::random::normals;
    use std::f64::consts::TAU;

    fn task() -> Task {
        Task::new(1).unwrap()
    }

    fn gaussian(rows: usize, d: usize, stream: u64) -> Vec<f64> {
        (0..(rows * d).div_ceil(2) as u64).flat_map(|at| normals(1, stream, at)).take(rows * d).collect()
    }

    #[test]
    fn closed_forms() {
        let found = |data: Vec<f64>, d: usize| shared_directions(&Points64::new(data, d));
        // A circle in a plane, of any lengths: two directions. Around a direction of its own: still two.
        let turns = (0..24).map(|i| TAU * f64::from(i) / 24.0);
        let ring = |offset: f64| turns.clone().flat_map(|a| [3.0 * a.cos(), 3.0 * a.sin(), 0.0, offset]).collect();
        assert!((found(ring(0.0), 4).unwrap() - 2.0).abs() < 1e-12);
        assert!((found(ring(5.0), 4).unwrap() - 2.0).abs() < 1e-12);
        // Orthogonal features: about their mean m - 1 equal directions.
        let axes: Vec<f64> = (0..36).map(|at| if at % 7 == 0 { 2.0 } else { 0.0 }).collect();
        assert!((found(axes, 6).unwrap() - 5.0).abs() < 1e-12);
        // Zero rows do not count, and one direction alone has no spread.
        assert!((found(vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0], 2).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!((found(vec![1.0, 2.0, 2.0, 4.0], 2), found(vec![1.0, 2.0, 0.0, 0.0], 2)), (None, None));
    }

    #[test]
    fn either_product_gives_what_the_eigenvalues_give() {
        for (m, d) in [(9, 5), (5, 9)] {
            let rows = Points64::new(gaussian(m, d, 7), d);
            let bearings = bearings(&rows);
            assert_eq!(bearings.len(), m * d);
            let covariance =
                Mat::from_fn(d, d, |i, j| bearings.chunks_exact(d).map(|row| row[i] * row[j]).sum::<f64>());
            let values = crate::geometry::eigen::eigen(covariance.as_ref()).unwrap().0;
            let oracle = values.iter().sum::<f64>().powi(2) / values.iter().map(|x| x * x).sum::<f64>();
            assert!((shared_directions(&rows).unwrap() - oracle).abs() < 1e-9, "{m} {d}");
            // At the median the bearings cancel: nothing else makes the sum of distances least.
            for i in 0..d {
                let pull: f64 = bearings.chunks_exact(d).map(|row| row[i]).sum();
                assert!(pull.abs() < 1e-3 * m as f64, "{m} {d} {pull}");
            }
        }
    }

    #[test]
    fn a_stray_does_not_make_a_tight_cluster_narrow() {
        let (m, d) = (16, 40);
        let mut data: Vec<f64> = gaussian(m + 1, d, 9).iter().map(|x| 0.3 * x / (d as f64).sqrt()).collect();
        data.iter_mut().step_by(d).take(m).for_each(|x| *x += 1.0);
        let all = shared_directions(&Points64::new(data.clone(), d)).unwrap();
        data.truncate(m * d);
        let cluster = shared_directions(&Points64::new(data, d)).unwrap();
        assert!(all > 9.0 && (all - cluster).abs() < 2.0, "{all} {cluster}");
    }

    #[test]
    fn chance_alone_packs_nothing_and_a_plane_of_features_is_packed() {
        let (n, d) = (400, 40);
        let mut data = gaussian(n, d, 3);
        data[..d].fill(0.0);
        data[d] = f64::NAN;
        // Features 10 to 33 in a plane.
        for i in 0..24 {
            let angle = TAU * i as f64 / 24.0;
            let row = &mut data[(10 + i) * d..(11 + i) * d];
            row.fill(0.0);
            (row[0], row[1]) = (angle.cos(), angle.sin());
        }
        let decoder = Points64::new(data, d);
        let null = packed_by_chance(&decoder, 24, 0, &task()).unwrap();
        // 1 / (1/d + 1/(m-1)) for m isotropic directions, and somewhat less for the narrowest of 19 draws.
        let middle = 1.0 / (1.0 / d as f64 + 1.0 / 23.0);
        assert!(null < middle && null > 0.75 * middle, "{null} {middle}");
        let of = |first: usize| {
            let rows = decoder.data()[first * d..(first + 24) * d].to_vec();
            Packing { directions: shared_directions(&Points64::new(rows, d)).unwrap(), null }
        };
        assert!(of(10).beyond() > 0.85 && of(200).beyond() < 0.1, "{:?} {:?}", of(10), of(200));
        assert_eq!(null, packed_by_chance(&decoder, 24, 0, &task()).unwrap());
        assert_ne!(null, packed_by_chance(&decoder, 24, 1, &task()).unwrap());
        assert_eq!(Packing { directions: 3.0, null: 0.0 }.beyond(), 0.0);
        // All there are but the zero row and the one that is no direction.
        assert!(packed_by_chance(&decoder, n - 2, 0, &task()).unwrap() > 20.0);
    }
}
