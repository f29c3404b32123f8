//! The minimum of a quadratic with an L1 norm: the model of one Newton step.
//!
//! min over s of  gᵀs + ½ sᵀHs + Σ_j p_j |b_j + s_j|, H `[w, w]` positive definite. A few sweeps of coordinate descent
//! find which coordinates are 0, and between them the others are solved for exactly (Cholesky), those that would change
//! their sign being left at 0: sweeps alone take thousands where columns are correlated. Cost: w² a sweep, and the cube of how many
//! coordinates are not 0.

#![allow(clippy::inline_always, reason = "what holds loops must become part of the function compiled for wide vectors")]

use crate::error::Result;
use crate::task::Task;
use crate::wide::{lane_sum, wide};

/// Sweeps between two exact solutions, at most.
const SWEEPS: usize = 8;
/// Exact solutions, at most.
const ROUNDS: usize = 200;
/// Moves that are smaller than this end the descent.
const STILL: f64 = 1e-12;
/// Share of a diagonal entry below which a pivot is rounding: that coordinate depends on those before it.
const PIVOT: f64 = 1e-11;

/// Rows of a factor between two looks at whether the work should stop.
const ROWS: usize = 16;

/// The model.
pub(super) struct Quadratic<'a> {
    pub(super) gradient: &'a [f64],
    /// Row-major, symmetric, its diagonal above 0.
    pub(super) curvature: &'a [f64],
    pub(super) penalties: &'a [f64],
    pub(super) b: &'a [f64],
}

/// Buffers, and the step.
#[derive(Default)]
pub(super) struct Step {
    pub(super) by: Vec<f64>,
    /// The curvature times the step.
    bent: Vec<f64>,
    free: Vec<usize>,
    factor: Vec<f64>,
    solution: Vec<f64>,
}

impl Quadratic<'_> {
    #[inline(always)]
    fn row(&self, at: usize) -> &[f64] {
        let w = self.b.len();
        &self.curvature[at * w..(at + 1) * w]
    }
    /// Leaves the step to the minimum in `to`; returns how far the objective descends by it to first order.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub(super) fn minimise(&self, to: &mut Step, task: &Task) -> Result<f64> {
        let w = self.b.len();
        for buffer in [&mut to.by, &mut to.bent] {
            buffer.clear();
            buffer.resize(w, 0.0);
        }
        for _ in 0..ROUNDS {
            task.check()?;
            let still = wide(
                #[inline(always)]
                || (0..SWEEPS).any(|_| self.sweep(to) <= STILL),
            );
            if still {
                break;
            }
            while wide(
                #[inline(always)]
                || self.solve_free(to, task),
            ) {
                task.check()?;
            }
        }
        Ok((0..w)
            .map(|at| {
                let (step, b) = (to.by[at], self.b[at]);
                self.gradient[at] * step + self.penalties[at] * ((b + step).abs() - b.abs())
            })
            .sum())
    }
    /// Minimises along each coordinate in turn; returns the longest move.
    #[inline(always)]
    fn sweep(&self, to: &mut Step) -> f64 {
        let mut moved = 0.0f64;
        for at in 0..self.b.len() {
            let (row, penalty) = (self.row(at), self.penalties[at]);
            let here = self.b[at] + to.by[at];
            let target = here - (self.gradient[at] + to.bent[at]) / row[at];
            let shrunk = (target.abs() - penalty / row[at]).max(0.0).copysign(target);
            if shrunk != here {
                moved = moved.max((shrunk - here).abs() * row[at] / (penalty + row[at]));
                Self::advance(to, at, shrunk - self.b[at], row);
            }
        }
        moved
    }
    /// Makes the step at one coordinate `step`.
    #[inline(always)]
    fn advance(to: &mut Step, at: usize, step: f64, row: &[f64]) {
        let by = step - to.by[at];
        to.by[at] = step;
        to.bent.iter_mut().zip(row).for_each(|(bent, &entry)| *bent += by * entry);
    }
    /// Moves the coordinates that are not 0 to where their gradients vanish, or until the first becomes 0; whether one
    /// did.
    #[inline(always)]
    fn solve_free(&self, to: &mut Step, task: &Task) -> bool {
        let Step { by: step, bent, free, factor, solution } = to;
        free.clear();
        free.extend((0..self.b.len()).filter(|&at| self.penalties[at] == 0.0 || self.b[at] + step[at] != 0.0));
        solution.clear();
        solution.extend(free.iter().map(|&at| {
            let sign = (self.b[at] + step[at]).signum();
            -(self.gradient[at] + bent[at] + self.penalties[at] * sign)
        }));
        factor.clear();
        for &at in &*free {
            let row = self.row(at);
            factor.extend(free.iter().map(|&other| row[other]));
        }
        if !solve(factor, solution, task) {
            return false;
        }
        // The share of the way on which a coordinate becomes 0.
        let crossing = |at: usize, by: f64| {
            let here = self.b[at] + step[at];
            if self.penalties[at] > 0.0 && here * (here + by) <= 0.0 { -here / by } else { f64::INFINITY }
        };
        let first = free.iter().zip(&*solution).map(|(&at, &by)| crossing(at, by)).fold(f64::INFINITY, f64::min);
        let ends: Vec<f64> = free
            .iter()
            .zip(&*solution)
            .map(|(&at, &by)| match first {
                _ if first <= 1.0 && crossing(at, by) == first => -self.b[at],
                _ => step[at] + first.min(1.0) * by,
            })
            .collect();
        for (slot, end) in ends.into_iter().enumerate() {
            let at = to.free[slot];
            Self::advance(to, at, end, self.row(at));
        }
        first <= 1.0
    }
}

/// Solves a positive definite system in place, a coordinate that depends on others being 0; false if the task is
/// cancelled.
#[inline(always)]
fn solve(factor: &mut [f64], solution: &mut [f64], task: &Task) -> bool {
    let w = solution.len();
    for i in 0..w {
        if i % ROWS == 0 && task.is_cancelled() {
            return false;
        }
        let diagonal = factor[i * w + i];
        for j in 0..=i {
            let sum = product(&factor[i * w..i * w + j], &factor[j * w..j * w + j]);
            let rest = factor[i * w + j] - sum;
            if i != j {
                factor[i * w + j] = rest / factor[j * w + j];
            } else if rest > PIVOT * diagonal {
                factor[i * w + i] = rest.sqrt();
            } else {
                // As if nothing else had to do with it.
                factor[i * w..i * w + i].fill(0.0);
                factor[i * w + i] = f64::INFINITY;
            }
        }
        let sum = product(&factor[i * w..i * w + i], &solution[..i]);
        solution[i] = (solution[i] - sum) / factor[i * w + i];
    }
    for i in (0..w).rev() {
        solution[i] /= factor[i * w + i];
        let (before, rest) = solution.split_at_mut(i);
        before.iter_mut().zip(&factor[i * w..]).for_each(|(value, entry)| *value -= entry * rest[0]);
    }
    true
}

#[inline(always)]
fn product(a: &[f64], b: &[f64]) -> f64 {
    lane_sum::<16, _>(a, b, |a, b| a * b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64) -> f64 {
        f64::from(crate::geometry::random::signed_unit(crate::geometry::random::key(seed, 1, 2)))
    }

    #[test]
    fn the_minimum_meets_its_conditions_even_of_columns_that_are_nearly_alike() {
        let task = Task::new(1).unwrap();
        for seed in 0..60 {
            let w = 1 + seed as usize % 12;
            let spread = [1.0, 1e-2, 1e-4][seed as usize % 3];
            let base: Vec<f64> = (0..20).map(|t| noise(seed * 7919 + t)).collect();
            let column = |j: usize| -> Vec<f64> {
                (0..20).map(|t| base[t] + spread * noise(seed * 104_729 + (j * 20 + t) as u64)).collect()
            };
            let columns: Vec<_> = (0..w).map(column).collect();
            let mut curvature: Vec<f64> =
                (0..w * w).map(|at| columns[at / w].iter().zip(&columns[at % w]).map(|(a, b)| a * b).sum()).collect();
            (0..w).for_each(|at| curvature[at * w + at] += 1e-9);
            let of = |stream: u64| (0..w as u64).map(|j| noise(seed * 65_537 + stream * 100 + j)).collect::<Vec<_>>();
            let residuals: Vec<f64> = (0..20).map(|t| noise(seed * 15_485_863 + t)).collect();
            let gradient: Vec<f64> =
                columns.iter().map(|c| c.iter().zip(&residuals).map(|(x, r)| x * r).sum()).collect();
            let b: Vec<f64> = of(2).iter().map(|x| if x.abs() < 0.5 { 0.0 } else { *x }).collect();
            let mut penalties: Vec<f64> = of(3).iter().map(|x| 0.1 + 0.1 * x).collect();
            penalties[0] = 0.0;
            let model = Quadratic { gradient: &gradient, curvature: &curvature, penalties: &penalties, b: &b };
            let mut step = Step::default();
            let descent = model.minimise(&mut step, &task).unwrap();
            for j in 0..w {
                let here = b[j] + step.by[j];
                let slope: f64 = gradient[j] + (0..w).map(|k| curvature[j * w + k] * step.by[k]).sum::<f64>();
                let off =
                    if here == 0.0 { slope.abs() - penalties[j] } else { (slope + penalties[j] * here.signum()).abs() };
                assert!(off < 1e-7, "seed {seed}, coordinate {j}: {off}");
            }
            assert!(descent <= 0.0, "{descent}");
        }
    }
}
