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
//! Cost: exact, n log n a direction; by gradient, 10,000 passes over the points. Memory: 8 bytes a point.

use super::Mode;
use super::null::normals;
use super::separability::normalised;
use crate::error::Result;
use crate::task::Task;
use crate::wide::wide;
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
    let [mx, my] = [x, y].map(|values| values.iter().sum::<f64>() / n);
    let x: Vec<f32> = x.iter().map(|x| (x - mx) as f32).collect();
    let y: Vec<f32> = y.iter().map(|y| (y - my) as f32).collect();
    let mut sweep = Sweep::new(x.len());
    let mut at = |angle: f64| sweep.fullest(&x, &y, angle);
    let mut grid = Vec::with_capacity(directions);
    for step in 0..directions {
        task.check()?;
        grid.push((at(PI * step as f64 / directions as f64), step));
    }
    grid.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut best = grid[0].0;
    for &(_, step) in grid.iter().take(REFINED) {
        task.check()?;
        for finer in (-FINER..=FINER).filter(|finer| *finer != 0) {
            let angle = (step as f64 + f64::from(finer) / f64::from(2 * FINER)) * PI / directions as f64;
            best = best.max(at(angle));
        }
    }
    Ok(f64::from(best) / n)
}

/// Buffers of a sweep.
struct Sweep {
    projected: Vec<f32>,
    sorted: Vec<f32>,
    starts: Vec<u32>,
}

impl Sweep {
    fn new(n: usize) -> Self {
        Self { projected: vec![0.0; n], sorted: vec![0.0; n], starts: Vec::new() }
    }
    /// Points in the fullest band across the direction `angle`.
    fn fullest(&mut self, x: &[f32], y: &[f32], angle: f64) -> u32 {
        let (sin, cos) = angle.sin_cos();
        let (sin, cos) = (sin as f32, cos as f32);
        let projected = &mut self.projected;
        let (square, low, high) = wide(
            #[inline(always)]
            || {
                let mut square = [0.0f32; 16];
                let (mut low, mut high) = ([f32::INFINITY; 16], [f32::NEG_INFINITY; 16]);
                for (at, ((z, x), y)) in projected.iter_mut().zip(x).zip(y).enumerate() {
                    *z = cos * x + sin * y;
                    let lane = at % 16;
                    square[lane] += *z * *z;
                    low[lane] = low[lane].min(*z);
                    high[lane] = high[lane].max(*z);
                }
                (
                    square.iter().map(|&x| f64::from(x)).sum::<f64>(),
                    low.iter().copied().fold(f32::INFINITY, f32::min),
                    high.iter().copied().fold(f32::NEG_INFINITY, f32::max),
                )
            },
        );
        self.sort(low, high);
        let (sorted, beyond, n) = (&self.sorted, &mut self.projected, x.len());
        let spread = ((1.0 - EPSILON * EPSILON) * square / n as f64) as f32;
        let (epsilon, inverse) = (EPSILON as f32, (1.0 / (1.0 - EPSILON * EPSILON)) as f32);
        wide(
            #[inline(always)]
            || {
                for (beyond, &z) in beyond.iter_mut().zip(sorted) {
                    *beyond = 2.0 * ((z + epsilon * (z * z + spread).sqrt()) * inverse) - z;
                }
            },
        );
        // A band that could not beat the best so far need not be measured: it must reach as far at least.
        let mut best = 0;
        for (start, &beyond) in beyond.iter().enumerate() {
            while start + best < n && sorted[start + best] < beyond {
                best += 1;
            }
        }
        best as u32
    }
    /// Sorts the projections: by buckets of equal width, then within them.
    fn sort(&mut self, low: f32, high: f32) {
        let Self { projected, sorted, starts } = self;
        let n = projected.len();
        let buckets = n.next_power_of_two().clamp(16, 1 << 14);
        let scale = if high > low { (buckets - 1) as f32 / (high - low) } else { 0.0 };
        let bucket = |z: f32| ((z - low) * scale) as usize;
        starts.clear();
        starts.resize(buckets + 1, 0);
        for &z in projected.iter() {
            starts[bucket(z) + 1] += 1;
        }
        for at in 1..=buckets {
            starts[at] += starts[at - 1];
        }
        for &z in projected.iter() {
            let at = &mut starts[bucket(z)];
            sorted[*at as usize] = z;
            *at += 1;
        }
        // Every bucket now ends where the next began.
        let mut start = 0;
        for &end in &starts[..buckets] {
            let end = end as usize;
            if end - start > 1 {
                let part = &mut sorted[start..end];
                if part.len() > 24 {
                    part.sort_unstable_by(f32::total_cmp);
                } else {
                    for i in 1..part.len() {
                        let (z, mut at) = (part[i], i);
                        while at > 0 && part[at - 1] > z {
                            part[at] = part[at - 1];
                            at -= 1;
                        }
                        part[at] = z;
                    }
                }
            }
            start = end;
        }
        debug_assert_eq!(start, n);
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
