//! Whether points stand in a ring or in a row, in some order that nobody tells.
//!
//! In: m points (the means of a group's token types). Out: the order in which their distances follow best how far apart
//! their places are, around a ring or along a row; how well they do (Pearson's correlation over all pairs); and what
//! chance leaves of it: the best of all orders of as many Gaussian points with the same variances, and of the same
//! distances dealt out anew. Any few points look ring-like in their first plane, so the order is judged in the whole
//! span and against the best order that chance finds.
//!
//! The correlation's mean and scale do not depend on the order, so that the best order maximises Σ d(i, j) s(place i,
//! place j), a quadratic assignment: up to eight points all orders are tried, beyond that the best of several starts
//! that swaps and reversals improve. The nulls are searched in the same way, so that a search that misses the best is
//! fair; it can only make p larger. Cost: m³ a round of improvements, times rounds, starts and draws.

use crate::error::Result;
use crate::geometry::random::{percentile_95, shuffle};
use crate::rows::Points64;
use crate::task::Task;
use serde::{Deserialize, Serialize};

/// Fewest and most points that are put in order.
pub const LEAST: usize = 5;
/// See [`LEAST`].
pub const MOST: usize = 24;
/// Most points of which all orders are tried.
const EXHAUSTIVE: usize = 8;
/// Starts of the search, for the points and for every draw alike.
const STARTS: u64 = 6;
/// Draws of one null that reach the points' fit after which no more are made: p is above .05 then, whatever follows.
const ENOUGH: usize = 8;

/// How places are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrangement {
    /// Around a ring: the shorter way.
    Ring,
    /// Along a row.
    Row,
}

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderParams {
    /// Draws of each null.
    pub draws: usize,
    /// Seed of starts and draws.
    pub seed: u64,
}

/// Points in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ordered {
    /// How they stand.
    pub arrangement: Arrangement,
    /// The points in order.
    pub order: Vec<u32>,
    /// Correlation of their distances with how far apart their places are.
    pub fit: f64,
    /// 95th percentile of the same for Gaussian points of the same variances.
    pub gaussian_95: f64,
    /// 95th percentile for the same distances dealt out anew.
    pub dealt_95: f64,
    /// Share of the draws (of the null that does better) that reach `fit`, the points themselves counted as one: p.
    pub p: f64,
    /// Draws made of each null: fewer than asked where several reach `fit`.
    pub draws: usize,
}

/// Distances of m points with their mean taken off, scaled so that the correlation is a sum.
struct Pairs {
    m: usize,
    values: Vec<f64>,
}

impl Pairs {
    fn new(m: usize, distance: impl Fn(usize, usize) -> f64) -> Self {
        let mut values: Vec<f64> = (0..m * m).map(|at| distance(at / m, at % m)).collect();
        let pairs = (m * (m - 1)) as f64;
        let mean = values.iter().sum::<f64>() / pairs;
        for (at, x) in values.iter_mut().enumerate() {
            *x = if at / m == at % m { 0.0 } else { *x - mean };
        }
        let norm = values.iter().map(|x| x * x).sum::<f64>().sqrt();
        for x in &mut values {
            *x = if norm > 0.0 { *x / norm } else { 0.0 };
        }
        Self { m, values }
    }
    fn places(m: usize, arrangement: Arrangement) -> Self {
        Self::new(m, |i, j| {
            let apart = i.abs_diff(j);
            match arrangement {
                Arrangement::Ring => apart.min(m - apart) as f64,
                Arrangement::Row => apart as f64,
            }
        })
    }
    fn of(points: &Points64) -> Self {
        let square =
            |i: usize, j: usize| -> f64 { points.row(i).iter().zip(points.row(j)).map(|(a, b)| (a - b).powi(2)).sum() };
        Self::new(points.len(), |i, j| square(i, j).sqrt())
    }
    #[inline]
    fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i * self.m + j]
    }
}

/// The correlation of distances and places in an order.
fn fit(distances: &Pairs, places: &Pairs, order: &[u32]) -> f64 {
    let m = order.len();
    (0..m)
        .flat_map(|i| (0..m).map(move |j| (i, j)))
        .map(|(i, j)| distances.at(order[i] as usize, order[j] as usize) * places.at(i, j))
        .sum()
}

/// The best order found.
fn search(distances: &Pairs, places: &Pairs, seed: u64) -> (f64, Vec<u32>) {
    let m = distances.m;
    let mut best = (f64::NEG_INFINITY, Vec::new());
    let mut consider = |value: f64, order: &[u32]| {
        if value > best.0 + 1e-12 {
            best = (value, order.to_vec());
        }
    };
    if m <= EXHAUSTIVE {
        // Heap's permutations of all but the first: turning a ring changes nothing, and of a row the first may be anyone.
        let ring = places.at(0, m - 1) == places.at(0, 1);
        let mut order: Vec<u32> = (0..m as u32).collect();
        let fixed = usize::from(ring);
        let mut state = vec![0usize; m - fixed];
        consider(fit(distances, places, &order), &order);
        let mut i = 1;
        while i < state.len() {
            if state[i] < i {
                let other = if i.is_multiple_of(2) { 0 } else { state[i] };
                order.swap(fixed + other, fixed + i);
                consider(fit(distances, places, &order), &order);
                state[i] += 1;
                i = 1;
            } else {
                state[i] = 0;
                i += 1;
            }
        }
        return best;
    }
    for start in 0..STARTS {
        let mut order: Vec<u32> = (0..m as u32).collect();
        shuffle(&mut order, seed, start);
        improve(distances, places, &mut order);
        consider(fit(distances, places, &order), &order);
    }
    best
}

/// Swaps and reversals, as long as one helps.
fn improve(distances: &Pairs, places: &Pairs, order: &mut [u32]) {
    let m = order.len();
    let mut helped = true;
    while helped {
        helped = false;
        for a in 0..m {
            for b in a + 1..m {
                let (oa, ob) = (order[a] as usize, order[b] as usize);
                let gain: f64 = (0..m)
                    .filter(|&c| c != a && c != b)
                    .map(|c| {
                        let other = order[c] as usize;
                        (distances.at(ob, other) - distances.at(oa, other)) * (places.at(a, c) - places.at(b, c))
                    })
                    .sum();
                if gain > 1e-12 {
                    order.swap(a, b);
                    helped = true;
                }
            }
        }
        if helped {
            continue;
        }
        let own = fit(distances, places, order);
        'reversals: for a in 0..m {
            for b in a + 2..m {
                order[a..=b].reverse();
                if fit(distances, places, order) > own + 1e-12 {
                    helped = true;
                    break 'reversals;
                }
                order[a..=b].reverse();
            }
        }
    }
}

/// The best order of `points`, in a ring or in a row; none for fewer than [`LEAST`] or more than [`MOST`], or if all are
/// equal.
///
/// # Errors
/// If the task is cancelled.
pub fn order(
    points: &Points64,
    arrangement: Arrangement,
    params: &OrderParams,
    task: &Task,
) -> Result<Option<Ordered>> {
    let m = points.len();
    if !(LEAST..=MOST).contains(&m) {
        return Ok(None);
    }
    let distances = Pairs::of(points);
    if distances.values.iter().all(|x| *x == 0.0) {
        return Ok(None);
    }
    let places = Pairs::places(m, arrangement);
    let (best, found) = search(&distances, &places, params.seed);
    let spectrum = crate::geometry::cloud::spectrum(points, task)?;
    let (mut gaussian, mut dealt) = (Vec::new(), Vec::new());
    for draw in 0..params.draws as u64 {
        task.check()?;
        let points = crate::geometry::cloud::gaussian(&spectrum, m, params.seed, draw);
        gaussian.push(search(&Pairs::of(&points), &places, params.seed).0);
        let mut upper: Vec<(usize, usize)> = (0..m).flat_map(|i| (i + 1..m).map(move |j| (i, j))).collect();
        shuffle(&mut upper, params.seed, 0x6465_616c + draw);
        let mut at = 0;
        let mut values = vec![0.0; m * m];
        for i in 0..m {
            for j in i + 1..m {
                let (a, b) = upper[at];
                at += 1;
                values[i * m + j] = distances.at(a, b);
                values[j * m + i] = distances.at(a, b);
            }
        }
        dealt.push(search(&Pairs { m, values }, &places, params.seed).0);
        if [&gaussian, &dealt].iter().any(|all| all.iter().filter(|x| **x >= best).count() >= ENOUGH) {
            break;
        }
    }
    let quantile = |all: &mut [f64]| percentile_95(all).unwrap_or(f64::NAN);
    let reached = |all: &[f64]| all.iter().filter(|x| **x >= best).count();
    let (above, draws) = (reached(&gaussian).max(reached(&dealt)), gaussian.len());
    Ok(Some(Ordered {
        arrangement,
        order: found,
        fit: best,
        gaussian_95: quantile(&mut gaussian),
        dealt_95: quantile(&mut dealt),
        p: (above + 1) as f64 / (draws + 1) as f64,
        draws,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::random::key;
    use std::f64::consts::TAU;

    fn task() -> Task {
        Task::new(1).unwrap()
    }

    fn points(m: usize, formula: impl Fn(f64) -> Vec<f64>, noise: f64, seed: u64) -> (Points64, Vec<u32>) {
        // Points in a random order; `truth[i]` is the place of point i.
        let mut truth: Vec<u32> = (0..m as u32).collect();
        shuffle(&mut truth, seed, 1);
        let mut data = Vec::new();
        for (at, place) in truth.iter().enumerate() {
            let mut point = formula(f64::from(*place) / m as f64);
            point.resize(6, 0.0);
            for (i, x) in point.iter_mut().enumerate() {
                *x += noise * f64::from(crate::geometry::random::signed_unit(key(seed, 2, (6 * at + i) as u64)));
            }
            data.extend(point);
        }
        (Points64::new(data, 6), truth)
    }

    #[test]
    fn planted_rings_and_rows_are_put_in_order_and_chance_is_not() {
        let params = OrderParams { draws: 39, seed: 0 };
        for m in [8, 12, 20] {
            let (ring, truth) = points(m, |u| vec![(TAU * u).cos(), (TAU * u).sin()], 0.15, m as u64);
            let found = order(&ring, Arrangement::Ring, &params, &task()).unwrap().unwrap();
            let places: Vec<u32> = found.order.iter().map(|&at| truth[at as usize]).collect();
            let steps: Vec<u32> = (0..m).map(|i| (places[(i + 1) % m] + m as u32 - places[i]) % m as u32).collect();
            assert!(steps.iter().all(|s| *s == 1) || steps.iter().all(|s| *s == m as u32 - 1), "{places:?}");
            assert!(found.fit > 0.9 && found.p <= 0.025 && found.fit > found.gaussian_95, "{found:?}");
            let (row, truth) = points(m, |u| vec![u, u * u], 0.02, 50 + m as u64);
            let found = order(&row, Arrangement::Row, &params, &task()).unwrap().unwrap();
            let places: Vec<u32> = found.order.iter().map(|&at| truth[at as usize]).collect();
            assert!(places.is_sorted() || places.iter().rev().is_sorted(), "{places:?}");
        }
        let low = (0..10).filter(|&seed| {
            let (chance, _) = points(9, |_| Vec::new(), 1.0, 200 + seed);
            order(&chance, Arrangement::Ring, &params, &task()).unwrap().unwrap().p <= 0.05
        });
        assert!(low.count() <= 2, "p of chance is uniform");
    }

    #[test]
    fn the_search_finds_the_best_of_all_orders() {
        for seed in 0..6 {
            let (chance, _) = points(8, |_| Vec::new(), 1.0, seed);
            let (distances, places) = (Pairs::of(&chance), Pairs::places(8, Arrangement::Ring));
            let (all, order) = search(&distances, &places, 0);
            assert!((fit(&distances, &places, &order) - all).abs() < 1e-12);
            let mut improved = f64::NEG_INFINITY;
            for start in 0..STARTS {
                let mut order: Vec<u32> = (0..8).collect();
                shuffle(&mut order, seed, start);
                improve(&distances, &places, &mut order);
                improved = f64::max(improved, fit(&distances, &places, &order));
            }
            assert!(improved <= all + 1e-9 && improved > 0.9 * all, "{improved} {all}");
        }
    }

    #[test]
    fn too_few_and_equal_points_have_no_order() {
        let params = OrderParams { draws: 3, seed: 0 };
        let none = |points: &Points64| order(points, Arrangement::Ring, &params, &task()).unwrap().is_none();
        assert!(none(&Points64::new(vec![0.0, 1.0, 2.0, 3.0], 1)) && none(&Points64::new(vec![1.0; 9], 1)));
    }
}
