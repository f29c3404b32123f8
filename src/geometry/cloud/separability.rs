//! The separability index S of a planar cloud: how much one coordinate tells of the other at the rotation where it tells
//! least (Engels et al., ICLR 2025, arXiv 2405.14860, section 3 and appendix B.2). Low means separable.
//!
//! In: two coordinates of n points. Out: bits. Three modes ([`Mode`]) that must not be compared with each other:
//! | mode | angles | coordinates | bins | estimate |
//! |---|---|---|---|---|
//! | exact | every degree of [0°, 90°) | mean off, root mean square length √2 | B x B over [-3, 3]², B the largest from 8 to 40 with n/B² ≥ 20 | Miller and Madow's by occupied bins, not below 0 |
//! | paper | 1000 of [0°, 360°) | as above, clipped to [-3, 3]² | 40 x 40 | plug-in |
//! | script | 100 of [0°, 360°] | as they are | 10 x 10 over the range of the data | plug-in |
//!
//! The plug-in estimate of an independent pair, whose truth is 0, is about (B-1)²/(2 n ln 2): .014 bit for 10 x 10 bins
//! and 4,096 points. The exact mode takes that off, and gives what chance leaves beside it ([`null`]). A quarter turn
//! exchanges the coordinates up to sign, so that [0°, 90°) holds every rotation.
//!
//! Cost: n operations an angle. Memory: 4 bytes a point and 4 a bin.

use super::Mode;
use crate::error::Result;
use crate::geometry::random::{percentile_95, shuffle};
use crate::task::Task;
use crate::wide::{whole, wide};
use serde::{Deserialize, Serialize};
use std::f64::consts::{LN_2, SQRT_2, TAU};

/// Shuffles of the null; the 95th percentile of as many is the 190th smallest.
pub(super) const SHUFFLES: usize = 199;

/// How far the bins of the exact and the paper mode reach.
const REACH: f64 = 3.0;

/// The index and where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Separability {
    /// Least mutual information over the rotations, bits.
    pub bits: f64,
    /// The rotation, radians.
    pub angle: f64,
    /// Bins of each coordinate.
    pub bins: usize,
}

/// Bins of each coordinate in the exact mode, for `n` points.
pub(super) fn exact_bins(n: usize) -> usize {
    (8..=40).rev().find(|bins| n >= 20 * bins * bins).unwrap_or(8)
}

/// Counts of pairs of bins.
struct Table {
    bins: usize,
    counts: Vec<u32>,
    across: Vec<u32>,
    down: Vec<u32>,
}

impl Table {
    fn new(bins: usize) -> Self {
        Self { bins, counts: vec![0; bins * bins], across: vec![0; bins], down: vec![0; bins] }
    }
    fn clear(&mut self) {
        self.counts.fill(0);
    }
    #[inline]
    fn add(&mut self, a: usize, b: usize) {
        self.counts[a * self.bins + b] += 1;
    }
    /// Mutual information in bits; `corrected` takes off Miller and Madow's bias by the bins that hold something.
    fn information(&mut self, n: usize, corrected: bool) -> f64 {
        self.across.fill(0);
        self.down.fill(0);
        for (a, row) in self.counts.chunks_exact(self.bins).enumerate() {
            for (b, &count) in row.iter().enumerate() {
                self.across[a] += count;
                self.down[b] += count;
            }
        }
        // n H = n log n - sum of c log c; what the three have in common cancels.
        let weigh = |counts: &[u32]| {
            let filled = counts.iter().filter(|count| **count > 0);
            filled.fold((0.0, 0.0), |(sum, filled), &count| {
                (sum + f64::from(count) * f64::from(count).ln(), filled + 1.0)
            })
        };
        let (joint, pairs) = weigh(&self.counts);
        let (across, rows) = weigh(&self.across);
        let (down, columns) = weigh(&self.down);
        let n = n as f64;
        let nats = n.ln() + (joint - across - down) / n;
        if !corrected {
            return nats.max(0.0) / LN_2;
        }
        (nats + (rows + columns - pairs - 1.0) / (2.0 * n)).max(0.0) / LN_2
    }
}

/// Both coordinates with the mean off and a root mean square length of √2; as they are if all points are equal.
pub(super) fn normalised(x: &[f64], y: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let n = x.len() as f64;
    let [mx, my] = [x, y].map(|values| values.iter().sum::<f64>() / n);
    let square: f64 = x.iter().zip(y).map(|(x, y)| (x - mx).powi(2) + (y - my).powi(2)).sum();
    let rms = (square / n).sqrt();
    let scale = if rms > 0.0 { SQRT_2 / rms } else { 1.0 };
    (x.iter().map(|x| (x - mx) * scale).collect(), y.iter().map(|y| (y - my) * scale).collect())
}

/// Places values of [-REACH, REACH] in bins; what lies beyond goes to the outermost.
#[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
#[inline(always)]
fn bin(value: f64, bins: usize) -> u32 {
    let (at, last) = ((value + REACH) * (bins as f64 / (2.0 * REACH)), (bins - 1) as f64);
    let at = if at > 0.0 { at } else { 0.0 };
    whole((if at < last { at } else { last }).floor() as f32)
}

/// The index of the points (x, y) in `mode`; `None` for fewer than two.
///
/// # Errors
/// If the task is cancelled.
pub(super) fn separability(x: &[f64], y: &[f64], mode: Mode, task: &Task) -> Result<Option<Separability>> {
    if x.len() < 2 {
        return Ok(None);
    }
    let found = match mode {
        Mode::Exact => {
            let (x, y) = normalised(x, y);
            let angles = (0..90).map(|degree| f64::from(degree).to_radians());
            least(angles, exact_bins(x.len()), true, task, |table, angle| fixed(table, &x, &y, angle))?
        }
        Mode::Paper => {
            let (x, y) = normalised(x, y);
            let angles = (0..1000).map(|step| f64::from(step) * TAU / 1000.0);
            least(angles, 40, false, task, |table, angle| fixed(table, &x, &y, angle))?
        }
        Mode::Script => {
            let angles = (0..100).map(|step| f64::from(step) * TAU / 99.0);
            least(angles, 10, false, task, |table, angle| ranged(table, x, y, angle))?
        }
    };
    Ok(Some(found))
}

/// The least information over `angles`; `fill` counts the points at one of them.
fn least(
    angles: impl Iterator<Item = f64>,
    bins: usize,
    corrected: bool,
    task: &Task,
    fill: impl Fn(&mut Table, f64) -> usize,
) -> Result<Separability> {
    let mut table = Table::new(bins);
    let mut best = Separability { bits: f64::INFINITY, angle: 0.0, bins };
    for angle in angles {
        task.check()?;
        table.clear();
        let n = fill(&mut table, angle);
        let bits = table.information(n, corrected);
        if bits < best.bits {
            best = Separability { bits, angle, bins };
        }
    }
    Ok(best)
}

/// Counts by bins over [-REACH, REACH].
fn fixed(table: &mut Table, x: &[f64], y: &[f64], angle: f64) -> usize {
    let (sin, cos) = angle.sin_cos();
    let bins = table.bins;
    let mut places = [0u32; 256];
    for (x, y) in x.chunks(places.len()).zip(y.chunks(places.len())) {
        wide(
            #[inline(always)]
            || {
                for ((place, x), y) in places.iter_mut().zip(x).zip(y) {
                    let (a, b) = (bin(cos * x - sin * y, bins), bin(sin * x + cos * y, bins));
                    *place = a * bins as u32 + b;
                }
            },
        );
        for &place in &places[..x.len()] {
            table.counts[place as usize] += 1;
        }
    }
    x.len()
}

/// Counts by bins over the range of the rotated data, the last bin closed, as numpy's `histogram2d` does.
fn ranged(table: &mut Table, x: &[f64], y: &[f64], angle: f64) -> usize {
    let (sin, cos) = angle.sin_cos();
    let turned: Vec<[f64; 2]> = x.iter().zip(y).map(|(x, y)| [cos * x - sin * y, sin * x + cos * y]).collect();
    let bins = table.bins;
    let place = |axis: usize| {
        let (low, high) = turned.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| {
            (low.min(point[axis]), high.max(point[axis]))
        });
        let (low, width) = if high > low { (low, high - low) } else { (low - 0.5, 1.0) };
        move |value: f64| (((value - low) / width * bins as f64) as usize).min(bins - 1)
    };
    let (across, down) = (place(0), place(1));
    for point in &turned {
        table.add(across(point[0]), down(point[1]));
    }
    turned.len()
}

/// What chance leaves of the exact index: the 95th percentile of the information of shuffled pairs, at the rotation
/// where `found` was found. A cloud whose index is above it depends in every rotation, for its least is compared with
/// what a single one gives.
///
/// # Errors
/// If the task is cancelled.
pub(super) fn null(x: &[f64], y: &[f64], found: Separability, seed: u64, task: &Task) -> Result<f64> {
    let (x, y) = normalised(x, y);
    let (sin, cos) = found.angle.sin_cos();
    let turned = |f: &dyn Fn(f64, f64) -> f64| -> Vec<u8> {
        x.iter().zip(&y).map(|(x, y)| bin(f(*x, *y), found.bins) as u8).collect()
    };
    let (across, mut down) = (turned(&|x, y| cos * x - sin * y), turned(&|x, y| sin * x + cos * y));
    let mut table = Table::new(found.bins);
    let mut draws = Vec::with_capacity(SHUFFLES);
    for draw in 0..SHUFFLES as u64 {
        task.check()?;
        shuffle(&mut down, seed, draw);
        table.clear();
        for (&a, &b) in across.iter().zip(&down) {
            table.add(a.into(), b.into());
        }
        draws.push(table.information(across.len(), true));
    }
    Ok(percentile_95(&mut draws).unwrap_or(0.0))
}
