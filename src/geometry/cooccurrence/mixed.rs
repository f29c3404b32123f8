//! Exact nearest features by firing and decoder direction together.
//!
//! In: decoder directions ([`Rows`] `[features, d]`), activations, a measure of firing and how the two are combined. Out:
//! for each feature the `k` others of the largest score above 0, descending, ties by index, equal to what a table of all
//! pairs would give, which is never made.
//!
//! The method is Fagin's threshold algorithm. Of each feature, its nearest by cosine are known (`candidates` of them,
//! from [`knn`]), and what it has with every feature that it meets. A feature that is not among the nearest has at most
//! the last of their cosines, so of those met only the few that could still enter the list have their cosine computed. A
//! feature neither near nor met has at most that cosine and, by [`super::apart`], at most so much of the measure; where
//! even that could enter, the feature is compared with all. With candidates ≥ k, that is rare for measures that are 0
//! where features do not meet; for those that are not (smc, mutual) it may be the rule.
//!
//! Cosines are those of [`knn`], to the bit; a zero row has cosine 0 to all. The sum is of f32 values, rounded to f32.
//!
//! Cost: [`knn`], the measure's rows, and some dot products a feature. Memory: 8 bytes times `candidates` a feature
//! beyond that of [`knn`] and [`super::similar`]; per thread 6 bytes a feature and a tile of rows.
//!
//! Sources: Fagin, Lotem, Naor 2003; max(cosine, Jaccard): Engels et al. 2024.

use super::acts::Acts;
use super::apart::Shelves;
use super::check_k;
use super::kernel::{Kernel, Scratch, grow, kernel};
use super::lists::{Best, Lists};
use super::measure::Measure;
use crate::error::{Problem, Result};
use crate::geometry::memory::holds_neighbours;
use crate::geometry::neighbors::{Knn, KnnParams, knn};
use crate::rows::{Rows, block_rows, dot, norms, tile};
use crate::task::Task;
use crate::wide::wide;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A feature is compared with all if it would be with more than one in so many.
const FEW: usize = 4;

/// How cosine and measure make one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// max(measure, 0) + max(cosine, 0).
    Sum,
    /// max(measure, cosine).
    Max,
}

impl Combine {
    /// Rises with both.
    #[inline]
    fn score(self, measure: f32, cosine: f32) -> f32 {
        match self {
            Self::Sum => measure.max(0.0) + cosine.max(0.0),
            Self::Max => measure.max(cosine),
        }
    }
}

/// What to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MixedParams {
    /// The measure of firing.
    pub measure: Measure,
    /// How it is combined with the cosine.
    pub combine: Combine,
    /// Others of each feature, at most.
    pub k: usize,
    /// Nearest by cosine to begin with; changes the time alone. All, if there are fewer.
    pub candidates: usize,
}

impl Default for MixedParams {
    fn default() -> Self {
        Self { measure: Measure::Phi, combine: Combine::Sum, k: 15, candidates: 64 }
    }
}

impl MixedParams {
    /// Checks the parameters against the number of features.
    ///
    /// # Errors
    /// If `k` is 0 or not below `features`, or there are no candidates.
    pub fn check(&self, features: usize) -> Result<()> {
        check_k(self.k, features)?;
        if self.candidates == 0 {
            return Err(Problem::new("0 candidates").expected("1 or more").hint("--candidates 64").usage());
        }
        Ok(())
    }
}

/// How much had to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MixedInfo {
    /// Features for which the candidates by cosine did not settle the list: they needed the cosines of more features
    /// that they meet than there are candidates, or of all.
    pub widened: usize,
    /// Those of them that were compared with all.
    pub full: usize,
    /// Cosines that were computed.
    pub cosines: usize,
}

/// The `k` nearest features of each by measure and cosine together.
///
/// Progress: those of [`knn`], of [`super::similar`], then stage `combining`, in entries of the activations.
///
/// # Errors
/// If the parameters do not pass [`MixedParams::check`], decoder and activations differ in their number of features, a
/// row is not finite, the lists are more than half of the machine's memory, or the task is cancelled.
pub fn mixed(decoder: &dyn Rows, acts: &Acts, params: &MixedParams, task: &Task) -> Result<(Lists, MixedInfo)> {
    let n = acts.features();
    params.check(n)?;
    if decoder.nrows() != n {
        return Err(Problem::new(format!("a decoder of {} features, activations of {n}", decoder.nrows()))
            .expected("as many of one as of the other")
            .hint("the activations of this dictionary")
            .usage());
    }
    holds_neighbours(n, params.k, 16)?;
    let near = knn(decoder, &KnnParams { k: params.candidates.min(n - 1) }, task)?;
    let norms = norms::<f32>(decoder, task)?;
    let kernel = kernel(acts, params.measure, task)?;
    let shelves = kernel.shelves();
    let search = Search {
        directions: Directions { rows: decoder, norms },
        kernel: &*kernel,
        shelves: shelves.as_ref(),
        near: &near,
        params,
        task,
        widened: AtomicUsize::new(0),
        full: AtomicUsize::new(0),
        cosines: AtomicUsize::new(0),
    };
    task.stage("combining", acts.by_feature().nnz() as u64);
    let lists = Lists::gather(acts, task, |i, scratch| search.row(i, scratch))?;
    let info = MixedInfo {
        widened: search.widened.into_inner(),
        full: search.full.into_inner(),
        cosines: search.cosines.into_inner(),
    };
    Ok((lists, info))
}

/// Decoder directions with their lengths.
struct Directions<'a> {
    rows: &'a dyn Rows,
    norms: Vec<f64>,
}

impl Directions<'_> {
    /// The cosine that [`knn`] hands out: in steps of 2⁻⁴⁴, rounded to f32.
    #[inline(always)]
    fn cosine(&self, own: &[f32], i: usize, other: &[f32], j: usize) -> f32 {
        const STEPS: f64 = (1u64 << 44) as f64;
        let scale = self.norms[i] * self.norms[j];
        if scale == 0.0 {
            return 0.0;
        }
        ((dot(own, other) / scale * STEPS).round_ties_even().clamp(-STEPS, STEPS) / STEPS) as f32
    }
}

/// The buffers of one row.
#[derive(Default)]
pub(super) struct Mixing {
    own: Vec<f32>,
    tile: Vec<f32>,
    /// By feature, what it has with this one; not a number where they do not meet.
    measures: Vec<f32>,
    /// Those whose cosine is to be computed.
    asked: Vec<u32>,
}

struct Search<'a> {
    directions: Directions<'a>,
    kernel: &'a dyn Kernel,
    shelves: Option<&'a Shelves>,
    near: &'a Knn,
    params: &'a MixedParams,
    task: &'a Task,
    widened: AtomicUsize,
    full: AtomicUsize,
    cosines: AtomicUsize,
}

impl Search<'_> {
    fn row(&self, i: usize, scratch: &mut Scratch) -> Result<()> {
        self.kernel.row(i, scratch, self.task)?;
        let Scratch { met, marks, best, out, mixing, .. } = scratch;
        let Mixing { own, tile, measures, asked } = mixing;
        let n = self.directions.norms.len();
        grow(marks, n);
        if measures.len() < n {
            measures.resize(n, f32::NAN);
        }
        for &(j, value) in &*met {
            measures[j as usize] = value;
        }
        own.resize(self.directions.rows.ncols(), 0.0);
        self.directions.rows.read(i..i + 1, own);
        let one = One { search: self, i, own, measures };
        let (near, cosines) = self.near.row(i);
        // Marked: what needs no further look.
        marks[i] = true;
        best.begin(self.params.k, 0.0);
        for (&j, &cosine) in near.iter().zip(cosines) {
            marks[j as usize] = true;
            best.offer(j, one.score(j, cosine));
        }
        // More than any cosine that is not known.
        let reach = cosines.last().copied().unwrap_or(1.0).next_up();
        asked.clear();
        asked.extend(met.iter().map(|entry| entry.0).filter(|&j| !marks[j as usize]));
        let rest = n - 1 - near.len();
        let unmet = rest - asked.len();
        asked.retain(|&j| best.takes(j, one.score(j, reach)));
        asked.sort_unstable_by(|&a, &b| measures[b as usize].total_cmp(&measures[a as usize]).then(a.cmp(&b)));
        let most = n / FEW;
        let mut computed = one.some(&asked[..asked.len().min(most)], reach, best, tile)?;
        let others = self.shelves.map_or(0.0, |shelves| shelves.at_most(self.kernel, i));
        let open = unmet > 0 && best.takes(0, self.params.combine.score(others, reach));
        let all = open || asked.len() > most;
        if all {
            asked.truncate(most);
            set(marks, asked, true);
            one.all(marks, best, tile)?;
            set(marks, asked, false);
            computed += rest - asked.len();
            self.full.fetch_add(1, Ordering::Relaxed);
        }
        self.widened.fetch_add(usize::from(all || computed > near.len()), Ordering::Relaxed);
        self.cosines.fetch_add(computed, Ordering::Relaxed);
        marks[i] = false;
        set(marks, near, false);
        for entry in &*met {
            measures[entry.0 as usize] = f32::NAN;
        }
        best.drain_to(out);
        Ok(())
    }
}

/// Sets the marks of some features.
fn set(marks: &mut [bool], features: &[u32], mark: bool) {
    for &feature in features {
        marks[feature as usize] = mark;
    }
}

/// One feature that is compared with others.
struct One<'a> {
    search: &'a Search<'a>,
    i: usize,
    own: &'a [f32],
    measures: &'a [f32],
}

impl One<'_> {
    #[inline]
    fn score(&self, j: u32, cosine: f32) -> f32 {
        let known = self.measures[j as usize];
        let measure = if known.is_nan() { self.search.kernel.apart(self.i, j as usize) } else { known };
        self.search.params.combine.score(measure, cosine)
    }
    /// Offers those of the features `asked` that may enter if their cosine is `reach`; returns how many those were.
    fn some(&self, asked: &[u32], reach: f32, best: &mut Best, buffer: &mut Vec<f32>) -> Result<usize> {
        let directions = &self.search.directions;
        let mut computed = 0;
        for part in asked.chunks(256) {
            self.search.task.check()?;
            wide(
                #[inline(always)]
                || {
                    for &j in part {
                        if best.takes(j, self.score(j, reach)) {
                            let other = tile(directions.rows, j as usize..j as usize + 1, buffer);
                            best.offer(j, self.score(j, directions.cosine(self.own, self.i, other, j as usize)));
                            computed += 1;
                        }
                    }
                },
            );
        }
        Ok(computed)
    }
    /// Offers every feature that is not marked.
    fn all(&self, marks: &[bool], best: &mut Best, buffer: &mut Vec<f32>) -> Result<()> {
        let directions = &self.search.directions;
        let (n, d) = (directions.norms.len(), self.own.len());
        let block = block_rows(d);
        for start in (0..n).step_by(block) {
            self.search.task.check()?;
            let range = start..n.min(start + block);
            let values = tile(directions.rows, range.clone(), buffer);
            wide(
                #[inline(always)]
                || {
                    for j in range.clone().filter(|&j| !marks[j]) {
                        let other = &values[(j - start) * d..(j - start + 1) * d];
                        best.offer(j as u32, self.score(j as u32, directions.cosine(self.own, self.i, other, j)));
                    }
                },
            );
        }
        Ok(())
    }
}
