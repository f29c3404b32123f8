//! How the variance of a cloud is spread over directions, and the cloud in its principal components.
//!
//! In: points `[n, d]`. Out: shares of the variance, largest first; the *participation ratio* (Σλ)²/Σλ² and the
//! *entropy rank* exp(−Σ p ln p) of the shares p, both 1 for a line and d for a ball; coordinates `[n, rank]` along the
//! components. Every distance and every measure of the other files is the same in these coordinates.
//!
//! Cost and memory: those of [`crate::geometry::pca`] with all components.

use crate::error::Result;
use crate::geometry::pca::pca;
use crate::rows::{Points, Points64, Rows};
use crate::task::Task;

/// Components below this share of the variance are rounding.
const NOTHING: f64 = 1e-13;

/// The variance of a cloud by direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    /// Share of the variance along each component, largest first.
    pub explained_variance_ratio: Vec<f64>,
    /// Variance along each component that is not nothing (divisor n − 1).
    pub variances: Vec<f64>,
    /// (Σλ)²/Σλ².
    pub participation_ratio: f64,
    /// exp of the entropy of the shares.
    pub entropy_rank: f64,
    /// Coordinates of the centred points along those components `[n, rank]`; one column of zeros if all are equal.
    pub coordinates: Points64,
    /// Those components `[rank, d]`.
    pub components: Points,
    /// The mean point `[d]`.
    pub mean: Vec<f32>,
}

/// The spectrum of at least two points.
///
/// # Errors
/// If there are fewer than two points, a value is not finite, or the task is cancelled.
pub fn spectrum(points: &Points64, task: &Task) -> Result<Spectrum> {
    let (n, d) = (points.nrows(), points.ncols());
    let found = pca(points, n.min(d).max(1), task)?;
    let shares = found.explained_variance_ratio;
    let squares: f64 = shares.iter().map(|p| p * p).sum();
    let entropy: f64 = shares.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
    let rank = shares.iter().take_while(|p| **p > NOTHING).count().max(1);
    // Projected anew in f64: of points that all but coincide, f32 would lose how far apart they are.
    let mean: Vec<f64> = found.mean.iter().map(|&m| m.into()).collect();
    let mut coordinates = Vec::with_capacity(n * rank);
    for row in points.data().chunks_exact(d) {
        let centred: Vec<f64> = row.iter().zip(&mean).map(|(x, m)| x - m).collect();
        let along = |at| centred.iter().zip(found.components.row(at)).map(|(x, &c)| x * f64::from(c)).sum::<f64>();
        coordinates.extend((0..rank).map(along));
    }
    Ok(Spectrum {
        participation_ratio: if squares > 0.0 { shares.iter().sum::<f64>().powi(2) / squares } else { 0.0 },
        entropy_rank: if squares > 0.0 { entropy.exp() } else { 0.0 },
        variances: found.explained_variance[..rank].to_vec(),
        coordinates: Points64::new(coordinates, rank),
        components: Points::new(found.components.data()[..rank * d].to_vec(), d),
        mean: found.mean,
        explained_variance_ratio: shares,
    })
}

impl Spectrum {
    /// Coordinates along component `at` (from 0).
    pub fn column(&self, at: usize) -> Vec<f64> {
        self.coordinates.data().iter().skip(at).step_by(self.coordinates.dims()).copied().collect()
    }
}
