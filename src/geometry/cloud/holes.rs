//! Loops in a cloud: H1 of the Vietoris-Rips filtration on landmarks, beside what spread without shape gives.
//!
//! In: a cloud in its components, and the planes worth looking at. Out: the intervals of H1 in the whole span and in
//! those planes, the longest first, with the 95th percentile of the longest interval of PCA-matched Gaussians ([`null`])
//! that went the same way: as many points, landmarks chosen alike, the same planes. Tight clumps around a ring may show
//! no loop in the span where a plane shows one plainly; so both are asked, and the answer says which saw it.
//!
//! Landmarks are chosen greedily, each the point farthest from those before it, so that they cover the cloud evenly
//! whatever its density; `cover` is the largest distance of a point to one of them, and no interval is wrong by more than
//! twice that (stability of persistence).
//!
//! Cost: a Rips reduction in the span and in each plane, for the cloud and for each draw.

use super::null::gaussian;
use super::spectrum::Spectrum;
use crate::error::Result;
use crate::geometry::homology::{Distances, Loop, RipsParams, Start, maxmin, rips};
use crate::geometry::random::percentile_95;
use crate::rows::Points;
use crate::task::Task;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Draws above the cloud's longest interval after which no more are made: it is not above the 95th percentile then.
const ENOUGH: usize = 6;
/// Draws are made in as many batches. After the first no more are made where nothing can be counted as a loop, whatever
/// follows. (Batches, so that threads share the work and the number of draws does not depend on how many there are.)
const BATCHES: usize = 8;
/// Share of the cloud's size that a loop must exceed.
const LEAST: f64 = 0.1;
/// Intervals that are kept.
const KEPT: usize = 16;

/// An interval of H1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hole {
    /// Length of edges at which the loop closes.
    pub birth: f64,
    /// Length at which it is filled.
    pub death: f64,
    /// Their difference.
    pub persistence: f64,
}

/// H1 in one space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The plane's components, from 1; none for the whole span.
    pub pcs: Option<[usize; 2]>,
    /// Landmarks: fewer than asked where there are fewer places.
    pub landmarks: usize,
    /// Largest distance of a point to a landmark.
    pub cover: f64,
    /// Intervals, longest first; at most sixteen.
    pub h1: Vec<Hole>,
    /// Intervals in all.
    pub intervals: usize,
    /// 95th percentile of the longest interval over the draws: the longest of all where they are fewer than 19; none if
    /// there were none.
    pub null_95: Option<f64>,
    /// The longest of all; none if there were no draws.
    pub null_longest: Option<f64>,
    /// Draws made: fewer than asked where several had a longer interval than the cloud, or nothing could be a loop.
    pub null_draws: usize,
    /// Draws whose longest interval is at least as long.
    pub null_above: usize,
    /// Root mean square distance of the points from their mean: the size that intervals are held against.
    pub size: f64,
}

impl Seen {
    /// Length of interval number `at`, 0 if there are not as many.
    pub fn persistence(&self, at: usize) -> f64 {
        self.h1.get(at).map_or(0.0, |hole| hole.persistence)
    }
    /// Intervals longer than that of every draw, a tenth of the cloud's size, and twice the first that is not counted;
    /// without draws, by the other two.
    pub fn loops(&self) -> usize {
        self.loops_above(self.null_longest.unwrap_or(0.0))
    }
    fn loops_above(&self, null: f64) -> usize {
        let null = null.max(LEAST * self.size);
        let above = self.h1.iter().take_while(|hole| hole.persistence > null).count();
        // Of the last that is kept it is not known how long the next is.
        let above = above.min(self.h1.len() - usize::from(self.intervals > self.h1.len() && !self.h1.is_empty()));
        (1..=above).rev().find(|&count| self.persistence(count - 1) > 2.0 * self.persistence(count)).unwrap_or(0)
    }
}

/// Where to look and how long.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look<'a> {
    pub(super) landmarks: usize,
    pub(super) draws: usize,
    /// Components of the planes, from 0.
    pub(super) planes: &'a [[usize; 2]],
    /// Whether the cloud is of unit vectors.
    pub(super) unit: bool,
    pub(super) seed: u64,
}

/// One space: its centred points' intervals.
fn look(points: &Points, landmarks: usize, task: &Task) -> Result<Seen> {
    let chosen = maxmin(points, landmarks, Start::Farthest);
    let rows = chosen.indices.iter().flat_map(|&at| points.row(at as usize).to_vec()).collect();
    let distances = Distances::from_points(&Points::new(rows, points.dims()))?;
    let found = rips(&distances, &RipsParams { threshold: None }, task)?.h1;
    let hole =
        |interval: &Loop| Hole { birth: interval.birth, death: interval.death, persistence: interval.persistence() };
    let squares: f64 = points.data().iter().map(|&x| f64::from(x).powi(2)).sum();
    Ok(Seen {
        pcs: None,
        size: (squares / points.len() as f64).sqrt(),
        landmarks: chosen.indices.len(),
        cover: chosen.cover,
        h1: found.iter().take(KEPT).map(hole).collect(),
        intervals: found.len(),
        null_95: None,
        null_longest: None,
        null_draws: 0,
        null_above: 0,
    })
}

/// Two columns of `points`.
fn plane(points: &Points, [a, b]: [usize; 2]) -> Points {
    let dims = points.dims();
    Points::new(points.data().chunks_exact(dims).flat_map(|row| [row[a], row[b]]).collect(), 2)
}

/// H1 in the span, then in each plane.
pub(super) fn holes(spectrum: &Spectrum, look_at: &Look, task: &Task) -> Result<Vec<Seen>> {
    let Look { landmarks, draws, planes, unit, seed } = *look_at;
    let all = |points: &Points| -> Result<Vec<Seen>> {
        let span = look(points, landmarks, task);
        let others = planes
            .iter()
            .map(|&pcs| Ok(Seen { pcs: Some(pcs.map(|pc| pc + 1)), ..look(&plane(points, pcs), landmarks, task)? }));
        std::iter::once(span).chain(others).collect()
    };
    let narrow = spectrum.coordinates.data().iter().map(|&x| x as f32).collect();
    let mut seen = all(&Points::new(narrow, spectrum.coordinates.dims()))?;
    let n = spectrum.coordinates.len();
    let mut longest: Vec<Vec<f64>> = vec![Vec::new(); seen.len()];
    let batch = draws.div_ceil(BATCHES).max(1);
    for start in (0..draws).step_by(batch) {
        let batch = start..(start + batch).min(draws);
        let drawn: Result<Vec<Vec<Seen>>> = task.install(|| {
            batch.into_par_iter().map(|draw| all(&gaussian(spectrum, n, unit, seed, draw as u64))).collect()
        });
        for one in drawn? {
            for (longest, seen) in longest.iter_mut().zip(one) {
                longest.push(seen.persistence(0));
            }
        }
        let above = |(seen, longest): (&Seen, &Vec<f64>)| longest.iter().filter(|x| **x >= seen.persistence(0)).count();
        let settled = |(seen, longest): (&Seen, &Vec<f64>)| {
            let null = longest.iter().copied().fold(0.0, f64::max);
            above((seen, longest)) >= ENOUGH || seen.loops_above(null) == 0
        };
        if seen.iter().zip(&longest).all(settled) {
            break;
        }
    }
    for (seen, mut longest) in seen.iter_mut().zip(longest) {
        seen.null_95 = percentile_95(&mut longest);
        seen.null_longest = longest.last().copied();
        seen.null_draws = longest.len();
        seen.null_above = longest.iter().filter(|x| **x >= seen.persistence(0)).count();
    }
    Ok(seen)
}
