//! Clouds that have the spread of a given one and no shape: Gaussians of the same mean and covariance.
//!
//! In: the spectrum of a cloud. Out: as many points in the same components, from a normal law with the cloud's variance
//! along each; for a cloud of unit vectors about the same mean and scaled to length 1. What a measure reads on them is
//! what spread alone accounts for. The draws depend on the seed and their number alone.

use super::spectrum::Spectrum;
use crate::geometry::random::normals;
use crate::rows::Points;

/// Draw number `draw` of `n` points with the spread of `spectrum`; of unit length, if the cloud is.
pub(super) fn gaussian(spectrum: &Spectrum, n: usize, unit: bool, seed: u64, draw: u64) -> Points {
    let dims = spectrum.coordinates.dims();
    let mut data = Vec::with_capacity(n * dims);
    let deviations: Vec<f64> = spectrum.variances.iter().map(|v| v.sqrt()).collect();
    // The mean within the components, and the square of what lies beside them.
    let mean: Vec<f64> = (0..dims)
        .map(|at| {
            let along = spectrum.components.row(at).iter().zip(&spectrum.mean);
            along.map(|(&c, &m)| f64::from(c) * f64::from(m)).sum()
        })
        .collect();
    let all: f64 = spectrum.mean.iter().map(|&m| f64::from(m).powi(2)).sum();
    let beside = (all - mean.iter().map(|m| m * m).sum::<f64>()).max(0.0);
    let mut row = vec![0.0; dims];
    for at in 0..n {
        for i in (0..dims).step_by(2) {
            let pair = normals(seed, draw, (at * dims.div_ceil(2) + i / 2) as u64);
            row[i] = deviations[i] * pair[0];
            if i + 1 < dims {
                row[i + 1] = deviations[i + 1] * pair[1];
            }
        }
        if unit {
            let length = (row.iter().zip(&mean).map(|(x, m)| (x + m).powi(2)).sum::<f64>() + beside).sqrt();
            row.iter_mut().zip(&mean).for_each(|(x, m)| *x = (*x + m) / length - m);
        }
        data.extend(row.iter().map(|&x| x as f32));
    }
    Points::new(data, dims)
}
