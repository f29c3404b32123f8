//! One L1-regularised logistic regression of 0/1 columns, to its optimality conditions.
//!
//! Everything is counted in tokens rather than shares of them: gradients and penalties are N times those of the mean
//! loss. See the room's page for the method.

use super::copies::Copies;
use super::patterns::Patterns;
use super::quadratic::{Quadratic, Step};
use super::{ColumnScale, IsingParams, MOST};
use crate::error::{Problem, Result};
use crate::geometry::cooccurrence::acts::Acts;
use crate::geometry::cooccurrence::kernel::grow;
use crate::task::Task;

/// A coefficient's gradient is off its condition by at most this share of its penalty, ...
const TOLERANCE: f64 = 1e-9;
/// or by this one where rounding lets it go no further, ...
const ENOUGH: f64 = 1e-6;
/// ... and this much a token, which rounding may make.
const ROUNDING: f64 = 1e-14;
/// Columns that may join at a time, at least.
const JOIN: usize = 16;
/// Newton steps between two looks at the other columns, at most.
const STEPS: usize = 200;
/// Halvings of a Newton step, at most.
const HALVINGS: usize = 40;
/// Share of the descent that a step promises that it must give.
const ARMIJO: f64 = 1e-4;
/// Share of the objective that rounding hides.
const NOISE: f64 = 1e-12;
/// What is added to a curvature, so that none is 0.
const RIDGE: f64 = 1e-12;
/// Tokens between two looks at whether the work should stop.
const TOKENS: usize = 1 << 12;

/// Patterns between two such looks.
const PATTERNS: usize = 1 << 16;

/// What all regressions share.
pub(super) struct Model<'a> {
    acts: &'a Acts<'a>,
    /// Penalty of each column; infinite for those that are constant.
    penalties: Vec<f64>,
    copies: Copies,
    alpha: f64,
    /// Largest working set.
    pub(super) most: usize,
}

impl<'a> Model<'a> {
    pub(super) fn new(acts: &'a Acts, params: &IsingParams, task: &Task) -> Result<Self> {
        params.check()?;
        let tokens = acts.tokens() as f64;
        let penalty = |&count: &u32| {
            let share = f64::from(count) / tokens;
            match params.columns {
                _ if count == 0 || count as usize == acts.tokens() => f64::INFINITY,
                ColumnScale::Standardised => params.alpha * tokens * (share * (1.0 - share)).sqrt(),
                ColumnScale::Binary => params.alpha * tokens,
            }
        };
        let penalties = acts.counts().iter().map(penalty).collect();
        Ok(Self { acts, penalties, copies: Copies::new(acts, task)?, alpha: params.alpha, most: MOST })
    }
}

/// One feature's regression.
pub(super) struct Fit {
    /// Columns with a coefficient that is not 0, ascending.
    pub(super) coefficients: Vec<(u32, f64)>,
    pub(super) steps: usize,
    pub(super) working: usize,
    pub(super) optimal: bool,
}

/// A thread's buffers.
#[derive(Default)]
pub(super) struct Regression {
    patterns: Patterns,
    /// The working set.
    columns: Vec<u32>,
    /// Of the intercept and the working set: penalties, coefficients, gradient, curvature `[w, w]` and step.
    penalties: Vec<f64>,
    b: Vec<f64>,
    gradient: Vec<f64>,
    curvature: Vec<f64>,
    step: Step,
    /// By pattern: η, residuals, weights.
    eta: Vec<f64>,
    residuals: Vec<f64>,
    weights: Vec<f64>,
    /// By feature: what its gradient has beyond that of a token where nothing fires; 0 between passes.
    sums: Vec<f64>,
    working: Vec<bool>,
}

impl Regression {
    /// The regression of feature `i` on all others.
    pub(super) fn fit(&mut self, model: &Model, i: usize, task: &Task) -> Result<Fit> {
        let acts = model.acts;
        let tokens = acts.tokens();
        let own = acts.firing_by_feature().row(i);
        let mut fit = Fit { coefficients: Vec::new(), steps: 0, working: 0, optimal: true };
        if own.is_empty() || own.len() == tokens {
            return Ok(fit);
        }
        self.patterns.begin(tokens, own);
        self.columns.clear();
        grow(&mut self.working, acts.features());
        self.penalties.clear();
        self.penalties.push(0.0);
        self.b.clear();
        self.b.push((own.len() as f64 / (tokens - own.len()) as f64).ln());
        self.evaluate();
        loop {
            let before = self.columns.len();
            self.join(model, i, task)?;
            if self.columns.len() == before {
                break;
            }
            if self.columns.len() > model.most {
                return Err(Problem::new(format!("more than {} features explain feature {i}", model.most))
                    .expected(format!("a larger penalty than {}", model.alpha))
                    .hint("--alpha 0.01")
                    .usage());
            }
            fit.optimal &= self.descend(tokens, &mut fit.steps, task)?;
        }
        fit.working = self.columns.len();
        for &column in &self.columns {
            self.working[column as usize] = false;
        }
        let found = self.columns.iter().zip(&self.b[1..]).filter(|(_, b)| **b != 0.0);
        for (&column, &b) in found {
            let share = b / model.copies.of(column, i).count() as f64;
            fit.coefficients.extend(model.copies.of(column, i).map(|copy| (copy, share)));
        }
        fit.coefficients.sort_unstable_by_key(|entry| entry.0);
        Ok(fit)
    }
    /// η of every pattern, and the objective: the loss less what it was worth.
    fn evaluate(&mut self) -> f64 {
        let Self { patterns, eta, b, penalties, .. } = self;
        let patterns = &patterns.list;
        eta.clear();
        let mut loss = 0.0;
        for (at, pattern) in patterns.iter().enumerate() {
            let value = if at < 2 { b[0] } else { eta[pattern.parent as usize] + b[pattern.column as usize + 1] };
            eta.push(value);
            if pattern.tokens > 0 {
                // ln(1 + exp(η)) - y η, without overflow.
                let signed = if pattern.fires { -value } else { value };
                loss += f64::from(pattern.tokens) * (signed.max(0.0) + (-signed.abs()).exp().ln_1p());
            }
        }
        loss + b.iter().zip(&*penalties).map(|(b, penalty)| penalty * b.abs()).sum::<f64>()
    }
    /// Lets the columns join the working set whose gradient exceeds their penalty.
    fn join(&mut self, model: &Model, i: usize, task: &Task) -> Result<()> {
        let Self { patterns, columns, penalties, b, eta, sums, working, .. } = self;
        let by_token = model.acts.firing_by_token();
        grow(sums, model.acts.features());
        let silent = logistic(eta[0]);
        let residual = |at: usize| logistic(eta[at]) - f64::from(u8::from(patterns.list[at].fires)) - silent;
        for tokens in patterns.touched().chunks(TOKENS) {
            task.check()?;
            let mut own = tokens.iter();
            by_token.each(tokens, |features| {
                let residual = own.next().map_or(0.0, |&token| residual(patterns.of(token)));
                for &j in features {
                    sums[j as usize] += residual;
                }
            });
        }
        let slack = ROUNDING * model.acts.tokens() as f64;
        let mut joined = Vec::new();
        let all = sums.iter_mut().zip(model.acts.counts()).zip(&model.penalties);
        for (j, ((sum, &count), &penalty)) in all.enumerate() {
            let gradient = silent * f64::from(count) + std::mem::take(sum);
            if gradient.abs() > penalty * (1.0 + TOLERANCE) + slack
                && j != i
                && !working[j]
                && model.copies.stands(j as u32, i)
            {
                joined.push((gradient.abs() / penalty, j as u32));
            }
        }
        // Those that are off most, since most of the others will not be once they are in.
        let most = (2 * b.iter().filter(|b| **b != 0.0).count()).max(JOIN);
        joined.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        joined.truncate(most);
        for (_, j) in joined {
            working[j as usize] = true;
            patterns.refine(columns.len() as u32, model.acts.firing_by_feature().row(j as usize));
            columns.push(j);
            penalties.push(model.penalties[j as usize]);
            b.push(0.0);
        }
        Ok(())
    }
    /// Proximal Newton steps until the working set is optimal; whether it is.
    fn descend(&mut self, tokens: usize, steps: &mut usize, task: &Task) -> Result<bool> {
        let mut objective = self.evaluate();
        for _ in 0..STEPS {
            task.check()?;
            self.expand(task)?;
            if self.is_optimal(TOLERANCE, tokens) {
                return Ok(true);
            }
            *steps += 1;
            let Self { gradient, curvature, penalties, b, step, .. } = self;
            let promised = Quadratic { gradient, curvature, penalties, b }.minimise(step, task)?;
            let Some(reached) = self.walk(objective, promised) else {
                // Rounding hides any further descent.
                return Ok(self.is_optimal(ENOUGH, tokens));
            };
            objective = reached;
        }
        Ok(false)
    }
    /// Gradient and curvature of the loss at the present coefficients.
    fn expand(&mut self, task: &Task) -> Result<()> {
        let Self { patterns, eta, residuals, weights, gradient, curvature, b, .. } = self;
        let (patterns, w) = (&patterns.list, b.len());
        residuals.clear();
        weights.clear();
        for (pattern, &eta) in patterns.iter().zip(&*eta) {
            let (count, p) = (f64::from(pattern.tokens), logistic(eta));
            residuals.push(count * (p - f64::from(u8::from(pattern.fires))));
            weights.push(count * p * logistic(-eta));
        }
        gradient.clear();
        gradient.resize(w, 0.0);
        curvature.clear();
        curvature.resize(w * w, 0.0);
        for at in (1..patterns.len()).rev() {
            if at % PATTERNS == 0 {
                task.check()?;
            }
            // By now it holds those that were split from it.
            let (residual, weight) = (residuals[at], weights[at]);
            let parent = patterns[at].parent as usize;
            residuals[parent] += residual;
            weights[parent] += weight;
            if at < 2 {
                continue;
            }
            let column = patterns[at].column as usize + 1;
            gradient[column] += residual;
            curvature[column * w] += weight;
            curvature[column * w + column] += weight;
            let mut before = parent;
            while before > 1 {
                curvature[column * w + patterns[before].column as usize + 1] += weight;
                before = patterns[before].parent as usize;
            }
        }
        gradient[0] = residuals[0];
        curvature[0] = weights[0];
        for row in 0..w {
            for column in 0..row {
                curvature[column * w + row] = curvature[row * w + column];
            }
            curvature[row * w + row] += RIDGE;
        }
        Ok(())
    }
    /// Whether the gradient meets its conditions, to this share of the penalties.
    fn is_optimal(&self, tolerance: f64, tokens: usize) -> bool {
        let slack = ROUNDING * tokens as f64;
        self.gradient.iter().zip(&self.b).zip(&self.penalties).all(|((&gradient, &b), &penalty)| {
            let off = if b == 0.0 { gradient.abs() - penalty } else { (gradient + penalty * b.signum()).abs() };
            off <= tolerance * penalty + slack
        })
    }
    /// Takes the step, halved until it descends; returns the objective there, or none if no step does.
    fn walk(&mut self, objective: f64, promised: f64) -> Option<f64> {
        let from = self.b.clone();
        let mut share = 1.0;
        for _ in 0..HALVINGS {
            for ((b, &from), &step) in self.b.iter_mut().zip(&from).zip(&self.step.by) {
                *b = from + share * step;
            }
            let reached = self.evaluate();
            // Near the minimum the descent drowns in rounding; there the full step is right.
            if -promised <= NOISE * objective || reached <= objective + ARMIJO * share * promised {
                return Some(reached);
            }
            share /= 2.0;
        }
        self.b.copy_from_slice(&from);
        self.evaluate();
        None
    }
}

#[inline]
fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
