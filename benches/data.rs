//! Rows that benches measure with: seeded, so that every run has the same.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "each bench takes what it needs")]

use saescope::rows::{Points, Rows};
use saescope::task::Task;
use std::ops::Range;

/// A number in [-1, 1) that depends on `seed` alone.
pub fn noise(seed: u64) -> f32 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z >> 40) as f32 / (1 << 23) as f32) - 1.0
}

/// Rows in groups of sixteen around a common centre, one row in two on its own.
pub fn dictionary(n: usize, d: usize) -> Points {
    let value = |i: usize, j: usize| {
        let own = noise((i * d + j) as u64);
        if i.is_multiple_of(2) { own } else { 0.7 * own + 0.7 * noise((1 << 40) + (i / 32 * d + j) as u64) }
    };
    Points::new((0..n).flat_map(|i| (0..d).map(move |j| value(i, j))).collect(), d)
}

/// Rows stored as f16: what most dictionaries are.
pub struct Halves {
    n: usize,
    d: usize,
    values: Vec<half::f16>,
}

impl Halves {
    pub fn of(points: &Points) -> Self {
        let values = points.data().iter().map(|&x| half::f16::from_f32(x)).collect();
        Self { n: points.nrows(), d: points.ncols(), values }
    }
}

impl Rows for Halves {
    fn nrows(&self) -> usize {
        self.n
    }
    fn ncols(&self) -> usize {
        self.d
    }
    fn read(&self, range: Range<usize>, out: &mut [f32]) {
        use half::slice::HalfFloatSliceExt;
        self.values[range.start * self.d..range.end * self.d].convert_to_f32_slice(out);
    }
}

pub fn task(threads: usize) -> Task {
    Task::new(threads).expect("threads start")
}

/// Directions of which three in ten are zero: dead features.
pub fn with_dead_features(n: usize, d: usize) -> Points {
    let mut points = dictionary(n, d);
    for (i, row) in points.data_mut().chunks_exact_mut(d).enumerate() {
        if i % 10 < 3 {
            row.fill(0.0);
        }
    }
    points
}
