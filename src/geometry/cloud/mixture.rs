//! The ε-mixture index M of a planar cloud: the largest share of points that a line through the plane holds in a narrow
//! band, max over v and c of P(|v·f + c| < ε √E[(v·f + c)²]) with ε = 0.1 (Engels et al., ICLR 2025, arXiv 2405.14860).
//! High means that part of the cloud is degenerate: a mixture.
//!
//! In: two coordinates of n points. Out: a share. The exact mode looks at a grid of directions and, in each, at *every*
//! offset. With the values z of a direction centred and of variance σ², a band at −c = t reaches r(t) = ε √(σ² + t²) to
//! both sides. Both its ends move the same way as t does, since |r'| < ε < 1, so the fullest band begins at a point:
//! the band whose lower end is z has t = (z + ε √(z² + (1 − ε²) σ²)) / (1 − ε²) and ends before 2t − z. One walk over
//! the sorted values finds the best; the answer is a lower bound by the grid of directions alone.
//!
//! The paper's and the script's modes climb the gradient of a softened share and miss the maximum: on a circle the closed
//! form is arccos(1 − 2w)/π = 21.87 % with w = ε √(½ + (1 − w)²), and 17.84 % was published. They differ in that the
//! paper normalises the cloud first. (With the temperature held at 1, as an earlier version of the script did, a circle
//! gives 12 %.)
//!
//! Most directions need not be swept: counts in bins bound the fullest band of each, and where a bound falls short of what
//! other directions hold, the direction is left out. The answer is the same.
//!
//! Cost: exact, n a direction and n log n for those that are swept; by gradient, 10,000 passes over the points. Memory: 8 bytes a point.

use super::Mode;
use super::separability::normalised;
use crate::error::Result;
use crate::geometry::random::normals;
use crate::task::Task;
use crate::wide::{whole, wide};
use std::f64::consts::PI;

/// Half width of the band, in root mean squares.
pub(super) const EPSILON: f64 = 0.1;
/// Directions of the exact mode's first grid, over half a turn: every three degrees.
pub(super) const DIRECTIONS: usize = 60;
/// Directions of it around which the exact mode looks closer, and steps to each side: every quarter of a degree.
const REFINED: usize = 5;
const FINER: i32 = 6;
/// Steps of the gradient's ascent and their length.
const STEPS: usize = 10_000;
const RATE: f64 = 0.1;
/// Sums and extremes are kept apart in as many lanes.
const LANES: usize = 16;
/// Where the falling temperature stops. Colder, single points throw the ascent out of the cloud: on three of five
/// circles it ends with no point in the band.
const COLD: f64 = 0.006;

/// The index of the points (x, y) in `mode`; 0 without points. `seed` starts the gradient modes.
///
/// # Errors
/// If the task is cancelled.
pub(super) fn mixture(x: &[f64], y: &[f64], mode: Mode, seed: u64, task: &Task) -> Result<f64> {
    if x.is_empty() {
        return Ok(0.0);
    }
    match mode {
        Mode::Exact => exact(x, y, DIRECTIONS, task),
        Mode::Paper => {
            let (x, y) = normalised(x, y);
            ascend(&x, &y, seed, task)
        }
        Mode::Script => ascend(x, y, seed, task),
    }
}

/// Directions and offsets swept.
fn exact(x: &[f64], y: &[f64], directions: usize, task: &Task) -> Result<f64> {
    let n = x.len() as f64;
    let (x, y) = centred(x, y);
    let mut sweep = Sweep::default();
    let angle =
        |step: usize, finer: i32| PI * (step as f64 + f64::from(finer) / f64::from(2 * FINER)) / directions as f64;
    let mut grid = Vec::with_capacity(directions);
    for step in 0..directions {
        task.check()?;
        grid.push((sweep.bound(&x, &y, angle(step, 0)), step));
    }
    // Directions that cannot be among the fullest few are not swept.
    grid.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut fullest: Vec<(u32, usize)> = Vec::with_capacity(REFINED + 1);
    for &(bound, step) in &grid {
        let least = fullest.get(REFINED - 1).map_or(0, |last| last.0);
        if bound < least {
            break;
        }
        task.check()?;
        let own = (sweep.fullest(&x, &y, angle(step, 0), least.saturating_sub(1)), step);
        let place = fullest.partition_point(|other| (other.0, own.1) > (own.0, other.1));
        fullest.insert(place, own);
        fullest.truncate(REFINED);
    }
    let mut best = fullest[0].0;
    for &(_, step) in &fullest {
        task.check()?;
        for finer in (-FINER..=FINER).filter(|finer| *finer != 0) {
            best = best.max(sweep.fullest(&x, &y, angle(step, finer), best));
        }
    }
    Ok(f64::from(best) / n)
}

/// The fullest band of every direction of the first grid, none left out.
#[cfg(test)]
pub(super) fn grid(x: &[f64], y: &[f64], directions: usize) -> Vec<u32> {
    let (x, y) = centred(x, y);
    let mut sweep = Sweep::default();
    (0..directions).map(|step| sweep.fullest(&x, &y, PI * step as f64 / directions as f64, 0)).collect()
}

/// Both coordinates with the mean off.
fn centred(x: &[f64], y: &[f64]) -> (Vec<f32>, Vec<f32>) {
    let [mx, my] = [x, y].map(|values| values.iter().sum::<f64>() / values.len() as f64);
    (x.iter().map(|x| (x - mx) as f32).collect(), y.iter().map(|y| (y - my) as f32).collect())
}

/// Buffers of a sweep. Values are counted in bins: those below `counts[i]` lie before bin `i`, and a band that begins in
/// it lies before bin `ends[i]`.
#[derive(Default)]
struct Sweep {
    projected: Vec<f32>,
    places: Vec<u32>,
    counts: Vec<u32>,
    ends: Vec<u32>,
    starts: Vec<u32>,
    sorted: Vec<f32>,
    beyond: Vec<f32>,
}

/// The range of projected values, and the square of their spread times 1 − ε².
struct Projection {
    low: f32,
    high: f32,
    spread: f32,
}

impl Projection {
    /// Where a band that begins at `z` ends.
    #[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
    #[inline(always)]
    fn end(&self, z: f32) -> f32 {
        let (epsilon, inverse) = (EPSILON as f32, (1.0 / (1.0 - EPSILON * EPSILON)) as f32);
        2.0 * ((z + epsilon * (z * z + self.spread).sqrt()) * inverse) - z
    }
}

impl Sweep {
    /// Projects the points onto the direction `angle`.
    fn project(&mut self, x: &[f32], y: &[f32], angle: f64) -> Projection {
        let (sin, cos) = angle.sin_cos();
        let (sin, cos) = (sin as f32, cos as f32);
        self.projected.resize(x.len(), 0.0);
        let projected = &mut self.projected;
        let (square, low, high) = wide(
            #[inline(always)]
            || {
                let mut square = [0.0f32; LANES];
                let (mut low, mut high) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
                for ((z, x), y) in projected.chunks_mut(LANES).zip(x.chunks(LANES)).zip(y.chunks(LANES)) {
                    // What is missing of the last chunk repeats its first point: no new extreme, and no square.
                    let mut own = [cos * x[0] + sin * y[0]; LANES];
                    let mut squares = [0.0f32; LANES];
                    for ((((own, square), z), x), y) in own.iter_mut().zip(&mut squares).zip(z).zip(x).zip(y) {
                        *z = cos * x + sin * y;
                        *own = *z;
                        *square = *z * *z;
                    }
                    for lane in 0..LANES {
                        square[lane] += squares[lane];
                        low[lane] = if own[lane] < low[lane] { own[lane] } else { low[lane] };
                        high[lane] = if own[lane] > high[lane] { own[lane] } else { high[lane] };
                    }
                }
                (
                    square.iter().map(|&x| f64::from(x)).sum::<f64>(),
                    low.iter().copied().fold(f32::INFINITY, f32::min),
                    high.iter().copied().fold(f32::NEG_INFINITY, f32::max),
                )
            },
        );
        Projection { low, high, spread: ((1.0 - EPSILON * EPSILON) * square / x.len() as f64) as f32 }
    }
    /// Counts the values of a direction in bins.
    fn count(&mut self, x: &[f32], y: &[f32], angle: f64) -> Projection {
        let projection = self.project(x, y, angle);
        let Projection { low, high, .. } = projection;
        let count = x.len().next_power_of_two().clamp(64, 2048);
        let scale = if high > low { (count - 1) as f32 / (high - low) } else { 0.0 };
        let width = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        let last = (count - 2) as f32;
        let Self { projected, places, counts, ends, .. } = self;
        places.resize(x.len(), 0);
        ends.resize(count, 0);
        wide(
            #[inline(always)]
            || {
                for (place, z) in places.iter_mut().zip(projected.iter()) {
                    *place = whole((z - low) * scale);
                }
                for (at, end) in ends.iter_mut().enumerate() {
                    // Another bin on each side, for what rounding does to the ends.
                    let own = (projection.end(low + (at as i32 + 2) as f32 * width) - low) * scale;
                    *end = whole(if own < last { own } else { last }) + 2;
                }
            },
        );
        counts.clear();
        counts.resize(count + 1, 0);
        for &place in places.iter() {
            counts[place as usize + 1] += 1;
        }
        for at in 1..=count {
            counts[at] += counts[at - 1];
        }
        projection
    }
    /// At least as many points as the fullest band across the direction `angle` holds.
    fn bound(&mut self, x: &[f32], y: &[f32], angle: f64) -> u32 {
        self.count(x, y, angle);
        let Self { counts, ends, .. } = self;
        ends.iter().zip(counts.iter()).map(|(&end, &before)| counts[end as usize] - before).max().unwrap_or(0)
    }
    /// Points in the fullest band across the direction `angle`, if they are more than `above`; else some number up to it.
    /// Only values that such a band could hold are sorted.
    fn fullest(&mut self, x: &[f32], y: &[f32], angle: f64, above: u32) -> u32 {
        let projection = self.count(x, y, angle);
        let Self { projected, places, counts, ends, starts, sorted, beyond } = self;
        let bins = ends.len();
        starts.clear();
        let (mut until, mut kept) = (0, 0);
        for at in 0..bins {
            if counts[ends[at] as usize] - counts[at] > above {
                until = ends[at] as usize;
            }
            // A bin that no such band touches has no room.
            starts.push(if at < until { kept } else { u32::MAX });
            kept += if at < until { counts[at + 1] - counts[at] } else { 0 };
        }
        sorted.resize(kept as usize, 0.0);
        for (&place, &z) in places.iter().zip(projected.iter()) {
            let at = &mut starts[place as usize];
            if *at != u32::MAX {
                sorted[*at as usize] = z;
                *at += 1;
            }
        }
        // Every bin now ends where the next began.
        let mut start = 0;
        for &end in starts.iter().filter(|end| **end != u32::MAX) {
            sort(&mut sorted[start..end as usize]);
            start = end as usize;
        }
        beyond.resize(sorted.len(), 0.0);
        wide(
            #[inline(always)]
            || {
                for (beyond, &z) in beyond.iter_mut().zip(sorted.iter()) {
                    *beyond = projection.end(z);
                }
            },
        );
        // A band that could not beat the best so far need not be measured: it must reach as far at least.
        let mut best = 0;
        for (start, &beyond) in beyond.iter().enumerate() {
            while start + best < sorted.len() && sorted[start + best] < beyond {
                best += 1;
            }
        }
        best as u32
    }
}

/// Sorts a bin: few values by insertion.
fn sort(part: &mut [f32]) {
    if part.len() > 24 {
        return part.sort_unstable_by(f32::total_cmp);
    }
    for i in 1..part.len() {
        let (z, mut at) = (part[i], i);
        while at > 0 && part[at - 1] > z {
            part[at] = part[at - 1];
            at -= 1;
        }
        part[at] = z;
    }
}

/// Full-batch gradient ascent of mean σ((ε − |z|) / T), z = (a·f + b) / √E[(a·f + b)²], from a random normal `a` and
/// b = 0, T falling linearly from 1; the share of points in the band at the end.
fn ascend(x: &[f64], y: &[f64], seed: u64, task: &Task) -> Result<f64> {
    let n = x.len() as f64;
    let [first, second] = normals(seed, 0x6d69_7874, 0);
    let mut a = [first, second, 0.0];
    let share = |a: [f64; 3]| {
        let line = |x: f64, y: f64| a[0] * x + a[1] * y + a[2];
        let rms = (x.iter().zip(y).map(|(&x, &y)| line(x, y).powi(2)).sum::<f64>() / n).sqrt();
        let within = x.iter().zip(y).filter(|(x, y)| line(**x, **y).abs() < EPSILON * rms).count();
        within as f64 / n
    };
    for step in 0..STEPS {
        task.check()?;
        let warmth = (1.0 - step as f64 / STEPS as f64).max(COLD);
        let gradient = wide(
            #[inline(always)]
            || gradient(x, y, a, warmth),
        );
        for (a, slope) in a.iter_mut().zip(gradient) {
            *a += RATE * slope;
        }
    }
    Ok(share(a))
}

/// Slope of the softened share by the two weights and the offset.
#[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
#[inline(always)]
fn gradient(x: &[f64], y: &[f64], a: [f64; 3], warmth: f64) -> [f64; 3] {
    let n = x.len() as f64;
    let line = |x: f64, y: f64| a[0] * x + a[1] * y + a[2];
    let mut moments = [0.0; 4];
    for (&x, &y) in x.iter().zip(y) {
        let u = line(x, y);
        moments[0] += u * u;
        moments[1] += u * x;
        moments[2] += u * y;
        moments[3] += u;
    }
    let moments = moments.map(|sum| sum / n);
    let rms = moments[0].sqrt().max(f64::MIN_POSITIVE);
    // d/du of the mean, along x, y and 1; and along u itself, through the root mean square.
    let mut sums = [0.0; 4];
    for (&x, &y) in x.iter().zip(y) {
        let u = line(x, y);
        let z = u / rms;
        let soft = 1.0 / (1.0 + ((z.abs() - EPSILON) / warmth).exp());
        let slope = -z.signum() * soft * (1.0 - soft) / warmth;
        sums[0] += slope * x;
        sums[1] += slope * y;
        sums[2] += slope;
        sums[3] += slope * z;
    }
    let sums = sums.map(|sum| sum / n);
    [0, 1, 2].map(|i| (sums[i] - sums[3] * moments[i + 1] / rms) / rms)
}
