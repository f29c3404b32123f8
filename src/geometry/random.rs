//! Random numbers by counting: a hash of (seed, epoch, vertex, draw) instead of a running state.
//!
//! A draw depends only on its coordinates, so any thread may make it, in any order, and the result has the same bytes
//! whatever the number of threads. SplitMix64's finaliser mixes them (Steele et al. 2014). Good enough for sampling,
//! useless for secrets.

#![allow(clippy::inline_always, reason = "kernels must become part of the function that is compiled for wide vectors")]

use std::f64::consts::TAU;

/// The finaliser of SplitMix64: a bijection whose output bits all depend on all input bits; 0 stays 0.
#[inline(always)]
pub(super) fn scramble(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// One step of SplitMix64 from the state `x`.
#[inline(always)]
fn mix64(x: u64) -> u64 {
    scramble(x.wrapping_add(0x9e37_79b9_7f4a_7c15))
}

/// A key for one stream of draws.
#[inline(always)]
pub(super) fn key(seed: u64, stream: u64, at: u64) -> u64 {
    mix64(mix64(mix64(seed) ^ stream).wrapping_add(at))
}

/// Uniform in [-1, 1).
#[inline(always)]
pub(super) fn signed_unit(key: u64) -> f32 {
    ((key >> 40) as f32) * (2.0 / (1u32 << 24) as f32) - 1.0
}

/// Uniform in 0..n by multiplying instead of dividing; the bias is below n / 2³².
#[inline(always)]
pub(super) fn below(bits: u32, n: u32) -> u32 {
    ((u64::from(bits) * u64::from(n)) >> 32) as u32
}

/// Standard normal numbers by coordinates (Box and Muller 1958): a pair for each `at`.
pub(super) fn normals(seed: u64, stream: u64, at: u64) -> [f64; 2] {
    let bits = key(seed, stream, at);
    let uniform = |bits: u64| ((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    let (radius, turn) = ((-2.0 * uniform(bits).ln()).sqrt(), TAU * uniform(scramble(bits ^ 0x5bf0_3635_d1a2_e917)));
    [radius * turn.cos(), radius * turn.sin()]
}

/// Puts `items` in a random order: that of the stream `stream` (Fisher and Yates).
pub(super) fn shuffle<T>(items: &mut [T], seed: u64, stream: u64) {
    for i in (1..items.len()).rev() {
        items.swap(i, below((key(seed, stream, i as u64) >> 32) as u32, i as u32 + 1) as usize);
    }
}

/// The 95th percentile of the draws of a null, which it sorts: of m draws the k-th smallest is the k/(m + 1) quantile.
/// With fewer than 19 it is the largest; none without any.
pub(super) fn percentile_95(draws: &mut [f64]) -> Option<f64> {
    draws.sort_by(f64::total_cmp);
    let at = ((draws.len() + 1) as f64 * 0.95).ceil() as usize;
    draws.get(at.min(draws.len()).checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_and_depend_on_every_coordinate() {
        let mut counts = [0u32; 10];
        for i in 0..100_000 {
            counts[below((key(3, 4, i) >> 32) as u32, 10) as usize] += 1;
        }
        // Standard deviation of a cell is 95.
        assert!(counts.iter().all(|&c| (9_500..10_500).contains(&c)), "{counts:?}");
        assert_ne!(key(1, 2, 3), key(2, 2, 3));
        assert_ne!(key(1, 2, 3), key(1, 3, 3));
        assert_ne!(key(1, 2, 3), key(1, 2, 4));
    }

    #[test]
    fn a_shuffle_keeps_all_and_its_order_is_that_of_the_stream() {
        let shuffled = |seed, stream| {
            let mut items: Vec<u32> = (0..50).collect();
            shuffle(&mut items, seed, stream);
            items
        };
        let mut sorted = shuffled(1, 2);
        assert_ne!(sorted, (0..50).collect::<Vec<u32>>());
        assert!(sorted == shuffled(1, 2) && sorted != shuffled(1, 3) && sorted != shuffled(2, 2));
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<u32>>());
    }

    #[test]
    fn the_percentile_is_a_draw() {
        let of = |m: usize| percentile_95(&mut (1..=m).rev().map(|x| x as f64).collect::<Vec<f64>>());
        assert_eq!((of(199), of(99), of(39), of(19)), (Some(190.0), Some(95.0), Some(38.0), Some(19.0)));
        assert_eq!((of(8), of(1), of(0)), (Some(8.0), Some(1.0), None));
    }

    #[test]
    fn signed_units_fill_their_interval() {
        let draws: Vec<f64> = (0..100_000).map(|i| f64::from(signed_unit(key(0, 0, i)))).collect();
        assert!(draws.iter().all(|x| (-1.0..1.0).contains(x)));
        let mean = draws.iter().sum::<f64>() / 1e5;
        let square = draws.iter().map(|x| x * x).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.01 && (square - 1.0 / 3.0).abs() < 0.01, "{mean} {square}");
    }
}
