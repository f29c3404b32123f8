//! Intrinsic dimension: along how many directions one can move within a cloud.
//!
//! In: neighbours of the points ([`Near`], equal points taken as one). Out, each with its own weakness, so all are given:
//! - *TwoNN* (Facco et al. 2017): the ratios μ of the second to the first distance follow a Pareto law of exponent d.
//!   Maximum likelihood gives d = n / Σ ln μ; the fit is that of −ln(1 − F) on ln μ through the origin, without the
//!   largest tenth. Local, and easily misled by noise at that scale.
//! - *MLE* (Levina and Bickel 2004) averaged over points by inverses (MacKay and Ghahramani 2005): over the first k
//!   neighbours, 1/d = mean of the mean of ln(T_k / T_j), for each k from 10 to 20, then the mean of the d.
//! - *local PCA*: the median over points of the participation ratio of the neighbours around it.
//!
//! Uniform cubes of 4,000 points read 1.00, 2.02, 4.75 and 8.82 by TwoNN for d = 1, 2, 5, 10.

use super::near::Near;
use crate::error::Result;
use crate::geometry::eigen::eigen;
use crate::task::Task;
use faer::Mat;
use serde::{Deserialize, Serialize};

/// Most neighbours of the likelihood's average.
pub(super) const NEIGHBOURS: usize = 20;
/// Least number of neighbours of the likelihood's average.
const LEAST: usize = 10;
/// Most points at which local components are found; evenly chosen among more.
const LOCAL: usize = 400;

/// Estimates of the intrinsic dimension; none where there are too few places.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Dimension {
    /// TwoNN by maximum likelihood.
    pub twonn: Option<f64>,
    /// TwoNN by the fit through the origin.
    pub twonn_fit: Option<f64>,
    /// Levina and Bickel's estimate, k from 10 to 20.
    pub mle: Option<f64>,
    /// Median participation ratio of a place and all its listed neighbours, over at most 400 places.
    pub local_pca: Option<f64>,
    /// Places that it is the median of.
    pub local_pca_places: usize,
}

impl Dimension {
    /// The median of TwoNN's likelihood, the MLE and local PCA, as far as they are there.
    pub fn middle(&self) -> Option<f64> {
        let mut all: Vec<f64> = [self.twonn, self.mle, self.local_pca].into_iter().flatten().collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }
}

/// The estimates for a cloud.
///
/// # Errors
/// If the task is cancelled.
pub(super) fn dimension(near: &Near, task: &Task) -> Result<Dimension> {
    let (twonn, twonn_fit) = two_nearest(near).unzip();
    let (local_pca, local_pca_places) = local(near, task)?;
    Ok(Dimension { twonn, twonn_fit: twonn_fit.flatten(), mle: likelihood(near), local_pca, local_pca_places })
}

/// By the first two distances: maximum likelihood and fit.
fn two_nearest(near: &Near) -> Option<(f64, Option<f64>)> {
    if near.k < 2 || near.len() < 4 {
        return None;
    }
    let ratio = |at| {
        let distances = near.row(at).1;
        (distances[1] / distances[0]).ln()
    };
    let mut logs: Vec<f64> = (0..near.len()).map(ratio).filter(|log| log.is_finite()).collect();
    let n = logs.len() as f64;
    let sum: f64 = logs.iter().sum();
    if sum <= 0.0 {
        return None;
    }
    logs.sort_by(f64::total_cmp);
    let kept = (logs.len() as f64 * 0.9) as usize;
    let (mut products, mut squares) = (0.0, 0.0);
    for (at, log) in logs[..kept].iter().enumerate() {
        let survives = -(1.0 - (at + 1) as f64 / n).ln();
        products += survives * log;
        squares += log * log;
    }
    Some((n / sum, (squares > 0.0).then(|| products / squares)))
}

/// By all distances up to the k-th.
fn likelihood(near: &Near) -> Option<f64> {
    let most = near.k.min(NEIGHBOURS);
    if most < 3 {
        return None;
    }
    let sizes = LEAST.min(most)..=most;
    let estimate = |k: usize| {
        let inverse = |at: usize| {
            let distances = near.row(at).1;
            let sum: f64 = distances[..k - 1].iter().map(|d| (distances[k - 1] / d).ln()).sum();
            sum / (k - 1) as f64
        };
        let inverses: f64 = (0..near.len()).map(inverse).sum();
        near.len() as f64 / inverses
    };
    let estimates: Vec<f64> = sizes.map(estimate).filter(|d| d.is_finite()).collect();
    (!estimates.is_empty()).then(|| estimates.iter().sum::<f64>() / estimates.len() as f64)
}

/// By the components of the neighbours around a point.
fn local(near: &Near, task: &Task) -> Result<(Option<f64>, usize)> {
    let (m, dims) = (near.len(), near.places.dims());
    if near.k < 5 {
        return Ok((None, 0));
    }
    let step = m.div_ceil(LOCAL);
    let mut ratios = Vec::with_capacity(m.min(LOCAL));
    for at in (0..m).step_by(step) {
        task.check()?;
        let around = near.row(at).0;
        let rows: Vec<&[f64]> = around.iter().chain([&(at as u32)]).map(|&at| near.places.row(at as usize)).collect();
        let mean: Vec<f64> =
            (0..dims).map(|i| rows.iter().map(|row| row[i]).sum::<f64>() / rows.len() as f64).collect();
        let centred = |row: usize, i: usize| rows[row][i] - mean[i];
        // The smaller of the two products has all the eigenvalues that are not zero.
        let products = if dims <= rows.len() {
            Mat::from_fn(dims, dims, |i, j| (0..rows.len()).map(|row| centred(row, i) * centred(row, j)).sum::<f64>())
        } else {
            Mat::from_fn(rows.len(), rows.len(), |a, b| (0..dims).map(|i| centred(a, i) * centred(b, i)).sum::<f64>())
        };
        let values = eigen(products.as_ref())?.0;
        let (sum, squares) = values.iter().fold((0.0, 0.0), |(s, q), x| (s + x.max(0.0), q + x.max(0.0).powi(2)));
        if squares > 0.0 {
            ratios.push(sum * sum / squares);
        }
    }
    ratios.sort_by(f64::total_cmp);
    Ok((ratios.get(ratios.len() / 2).copied(), ratios.len()))
}
