//! Seeded random numbers: xoshiro256++ (Blackman and Vigna 2019), its state filled by SplitMix64. Streams of one seed
//! are told apart by a number, so that each planted group draws the same whatever else is planted.

/// A stream of random numbers; equal seeds and streams give equal numbers.
pub(super) struct Rng {
    state: [u64; 4],
    /// The second of two normals that were drawn together.
    spare: Option<f64>,
}

/// The output function of SplitMix64 at counter `x`.
fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Rng {
    /// Stream `stream` of `seed`.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut at = mix(seed.wrapping_add(GOLDEN)) ^ mix(stream.wrapping_mul(GOLDEN).wrapping_add(1));
        let state = std::array::from_fn(|_| {
            at = at.wrapping_add(GOLDEN);
            mix(at)
        });
        Self { state, spare: None }
    }
    /// 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }
    /// Uniform in (0, 1): never 0, so that its logarithm is finite.
    pub(super) fn unit(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
    }
    /// Uniform in `low..high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
    /// Uniform below `n` (which is at least 1); by a 128-bit product, with a bias below n / 2^64.
    pub(super) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }
    /// True with probability `p`.
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }
    /// Standard normal (Box and Muller 1958).
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * self.unit().ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.unit()).sin_cos();
        self.spare = Some(radius * sin);
        radius * cos
    }
    /// Gamma with whole shape `k`: a sum of `k` exponentials of mean 1.
    pub(super) fn gamma(&mut self, k: u32) -> f64 {
        -(0..k).map(|_| self.unit()).product::<f64>().ln()
    }
    /// Puts `items` in random order (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
    /// Calls `hit` with each of `0..n` that is drawn with probability `p`, ascending, in time proportional to the hits.
    pub(super) fn each_with_chance(&mut self, n: usize, p: f64, mut hit: impl FnMut(&mut Self, usize)) {
        if p <= 0.0 {
            return;
        }
        let log_miss = (1.0 - p.min(1.0 - 1e-12)).ln();
        let mut at = 0usize;
        loop {
            let gap = self.unit().ln() / log_miss;
            if gap >= (n - at) as f64 {
                return;
            }
            at += gap as usize;
            hit(self, at);
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let draw = |seed, stream| -> Vec<u64> {
            let mut rng = Rng::new(seed, stream);
            (0..4).map(|_| rng.bits()).collect()
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        let all = [draw(0, 0), draw(0, 1), draw(1, 0), draw(1, 1), draw(2, 0)];
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a[0] != b[0]), "{all:?}");
        }
    }

    #[test]
    fn moments_are_as_they_should_be() {
        let mut rng = Rng::new(5, 0);
        let n = 40_000;
        let moments = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / n as f64;
            (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64)
        };
        let near = |(mean, variance): (f64, f64), m: f64, v: f64| {
            assert!((mean - m).abs() < 0.03 * v.sqrt() && (variance / v - 1.0).abs() < 0.05, "{mean} {variance}");
        };
        near(moments(&(0..n).map(|_| rng.normal()).collect::<Vec<_>>()), 0.0, 1.0);
        near(moments(&(0..n).map(|_| rng.unit()).collect::<Vec<_>>()), 0.5, 1.0 / 12.0);
        near(moments(&(0..n).map(|_| rng.gamma(8)).collect::<Vec<_>>()), 8.0, 8.0);
        near(moments(&(0..n).map(|_| rng.below(10) as f64).collect::<Vec<_>>()), 4.5, 8.25);
    }

    #[test]
    fn hits_come_as_often_as_asked_and_in_order() {
        let mut rng = Rng::new(3, 9);
        for (p, n) in [(0.0, 100), (0.2, 20_000), (0.999, 500), (1.0, 500), (0.5, 0)] {
            let mut hits = Vec::new();
            rng.each_with_chance(n, p, |_, at| hits.push(at));
            assert!(hits.windows(2).all(|pair| pair[0] < pair[1]) && hits.iter().all(|&at| at < n));
            let slack = 4.0 * (n as f64 * p * (1.0 - p)).sqrt() + 0.5;
            assert!((hits.len() as f64 - n as f64 * p).abs() <= slack, "{} of {n} at {p}", hits.len());
        }
    }

    #[test]
    fn shuffling_keeps_the_items() {
        let mut items: Vec<usize> = (0..50).collect();
        Rng::new(0, 0).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
