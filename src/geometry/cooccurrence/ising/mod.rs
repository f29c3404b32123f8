//! Inverse Ising model by L1 pseudo-likelihood: which features fire together beyond what others explain.
//!
//! Each feature's firing y is regressed on the firing x of all others by logistic regression,
//!
//! min over b of  mean over tokens of [ln(1 + exp(η)) - y η] + alpha Σ_j s_j |b_j|,  η = b_0 + Σ_j b_j x_j,
//!
//! with x in {0, 1} and a free intercept; the coupling of spins ±1 is J = b/4, the mean of both regressions of a pair.
//! The scale of the columns is [`ColumnScale`]: *standardised* columns (s_j the standard deviation of x_j, the default)
//! penalise a common and a rare feature alike; *binary* ones (s_j = 1) can couple no feature that fires on less than a
//! share of alpha of the tokens. J is of the 0/1 variables either way. At zero, feature j enters the regression of i
//! where |phi(i, j)| sd_i > alpha (standardised) or |cov(i, j)| > alpha (binary).
//!
//! Out: [`couplings`], a sparse symmetric matrix `[features, features]`, and what it took. Solved to the optimality
//! conditions of *all* columns, those that never fire together with the feature among them, to 1e-9 of the penalty. Where
//! features fire on the same tokens the optimum does not say which of them is coupled: all have the same share.
//!
//! Per feature: tokens with the same features of the working set are one weighted observation (`patterns`); proximal
//! Newton steps over them (`regression`), each the minimum of a small dense model (`quadratic`); then the gradient of
//! all other columns by Gustavson's product over the tokens on which anything of the working set fires, and those that
//! are off their condition most join. Cost: some passes over those tokens' entries and over all features, a feature; and
//! a Newton step the cube of how many coefficients are not 0. Memory: 24 bytes a coefficient; per thread 4 bytes a token,
//! 52 a token on which the working set fires, 9 a feature, and 16 times the square of the working set, of which [`MOST`]
//! is the limit.
//!
//! Sources: Ravikumar, Wainwright, Lafferty 2010 (the method); Bhalla et al. 2026, arXiv 2604.28119 (for features of
//! SAEs); Friedman, Hastie, Tibshirani 2010 (proximal Newton).

mod copies;
mod patterns;
mod quadratic;
mod regression;
#[cfg(test)]
mod tests;

use super::acts::Acts;
use super::kernel::{Kernel, Scratch};
use super::lists::Lists;
use crate::error::{Problem, Result};
use crate::task::Task;
use rayon::prelude::*;
use regression::{Fit, Model, Regression};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Largest working set of a regression.
pub(super) const MOST: usize = 4096;

/// On what scale the columns are, that the penalty is the same for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColumnScale {
    /// Divided by their standard deviation.
    #[default]
    Standardised,
    /// 0 and 1.
    Binary,
}

/// What is estimated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IsingParams {
    /// Weight of the L1 norm, against the mean loss of a token.
    pub alpha: f64,
    /// The scale of the columns.
    pub columns: ColumnScale,
}

impl Default for IsingParams {
    fn default() -> Self {
        Self { alpha: 0.01, columns: ColumnScale::default() }
    }
}

impl IsingParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// If alpha is not a number above 0.
    pub fn check(&self) -> Result<()> {
        if self.alpha > 0.0 && self.alpha.is_finite() {
            return Ok(());
        }
        Err(Problem::new(format!("an L1 penalty of {}", self.alpha))
            .expected("a number above 0")
            .hint("--alpha 0.01")
            .usage())
    }
}

/// What the regressions took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IsingInfo {
    /// Features whose regression has a coefficient.
    pub coupled: usize,
    /// Coefficients of all regressions, in both directions.
    pub coefficients: usize,
    /// Newton steps of all regressions.
    pub steps: usize,
    /// Largest working set.
    pub largest: usize,
    /// Regressions that stopped before they were optimal.
    pub unfinished: usize,
}

/// Counts over all regressions, in any order.
#[derive(Default)]
struct Tally {
    coupled: AtomicUsize,
    coefficients: AtomicUsize,
    steps: AtomicUsize,
    largest: AtomicUsize,
    unfinished: AtomicUsize,
}

impl Tally {
    fn add(&self, fit: &Fit) {
        let add = |count: &AtomicUsize, by| count.fetch_add(by, Ordering::Relaxed);
        add(&self.coupled, usize::from(!fit.coefficients.is_empty()));
        add(&self.coefficients, fit.coefficients.len());
        add(&self.steps, fit.steps);
        add(&self.unfinished, usize::from(!fit.optimal));
        self.largest.fetch_max(fit.working, Ordering::Relaxed);
    }
    fn info(self) -> IsingInfo {
        IsingInfo {
            coupled: self.coupled.into_inner(),
            coefficients: self.coefficients.into_inner(),
            steps: self.steps.into_inner(),
            largest: self.largest.into_inner(),
            unfinished: self.unfinished.into_inner(),
        }
    }
}

/// The couplings of all pairs that have one, of either sign: symmetric, ascending by index.
///
/// Progress: stage `couplings`, in entries of the activations.
///
/// # Errors
/// If alpha is not above 0, or so small that a working set passes [`MOST`]; or if the task is cancelled.
pub fn couplings(acts: &Acts, params: &IsingParams, task: &Task) -> Result<(Lists, IsingInfo)> {
    let model = Model::new(acts, params, task)?;
    let (spare, tally) = (Spare::default(), Tally::default());
    task.stage("couplings", acts.by_feature().nnz() as u64);
    let directed = Lists::gather(acts, task, |i, scratch| {
        let fit = spare.with(|regression| regression.fit(&model, i, task))?;
        tally.add(&fit);
        scratch.out.extend(fit.coefficients.iter().map(|&(j, b)| (j, b as f32)));
        Ok(())
    })?;
    Ok((symmetric(&directed), tally.info()))
}

/// The couplings among some features `[m, m]`, as [`couplings`] has them.
pub(super) fn among(acts: &Acts, features: &[u32], params: &IsingParams, task: &Task) -> Result<Vec<f32>> {
    let model = Model::new(acts, params, task)?;
    let spare = Spare::default();
    task.stage("couplings", features.len() as u64);
    let rows: Vec<Vec<f32>> = task.install(|| {
        features
            .par_iter()
            .with_max_len(1)
            .map(|&i| {
                let fit = spare.with(|regression| regression.fit(&model, i as usize, task))?;
                task.advance(1);
                let of =
                    |j| fit.coefficients.binary_search_by_key(&j, |c| c.0).map_or(0.0, |at| fit.coefficients[at].1);
                Ok(features.iter().map(|&j| of(j) as f32).collect())
            })
            .collect::<Result<_>>()
    })?;
    let m = features.len();
    Ok((0..m * m).map(|at| coupling(rows[at / m][at % m], rows[at % m][at / m])).collect())
}

/// J of a pair, from the coefficients of both regressions.
fn coupling(one: f32, other: f32) -> f32 {
    ((f64::from(one) + f64::from(other)) / 8.0) as f32
}

/// Buffers that threads hand on.
#[derive(Default)]
struct Spare(Mutex<Vec<Regression>>);

impl Spare {
    fn with<R>(&self, work: impl FnOnce(&mut Regression) -> R) -> R {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut regression = lock().pop().unwrap_or_default();
        let result = work(&mut regression);
        lock().push(regression);
        result
    }
}

/// The couplings, from the coefficients of every feature on others.
fn symmetric(directed: &Lists) -> Lists {
    let n = directed.len();
    // By counting sort the sources of each feature ascend.
    let mut starts = vec![0usize; n + 1];
    for &j in &directed.indices {
        starts[j as usize + 1] += 1;
    }
    for j in 0..n {
        starts[j + 1] += starts[j];
    }
    let mut next = starts.clone();
    let mut incoming = vec![(0u32, 0.0f32); directed.indices.len()];
    for i in 0..n {
        let (others, values) = directed.row(i);
        for (&j, &value) in others.iter().zip(values) {
            incoming[next[j as usize]] = (i as u32, value);
            next[j as usize] += 1;
        }
    }
    let mut all = Lists { indptr: vec![0], indices: Vec::new(), values: Vec::new() };
    for i in 0..n {
        let (others, values) = directed.row(i);
        let mut out = others.iter().copied().zip(values.iter().copied()).peekable();
        let mut back = incoming[starts[i]..starts[i + 1]].iter().copied().peekable();
        while let Some(j) = out.peek().iter().chain(back.peek().iter()).map(|entry| entry.0).min() {
            let here = out.next_if(|entry| entry.0 == j).map_or(0.0, |entry| entry.1);
            let there = back.next_if(|entry| entry.0 == j).map_or(0.0, |entry| entry.1);
            let value = coupling(here, there);
            if value != 0.0 {
                all.indices.push(j);
                all.values.push(value);
            }
        }
        all.indptr.push(all.indices.len());
    }
    all
}

/// Couplings as a measure; features without one are 0 to each other.
pub(super) struct Coupled(Lists);

impl Coupled {
    pub(super) fn new(couplings: Lists) -> Self {
        Self(couplings)
    }
}

impl Kernel for Coupled {
    fn row(&self, i: usize, scratch: &mut Scratch, _: &Task) -> Result<()> {
        let (others, values) = self.0.row(i);
        scratch.met.clear();
        scratch.met.extend(others.iter().copied().zip(values.iter().copied()));
        Ok(())
    }
    fn apart(&self, _: usize, _: usize) -> f32 {
        0.0
    }
    fn own(&self, _: usize) -> f32 {
        0.0
    }
}
