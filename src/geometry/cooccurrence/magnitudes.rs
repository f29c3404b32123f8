//! Measures of the activations themselves: cosine, and correlation over all tokens.
//!
//! All stored values count, negative ones too; where nothing is stored is 0. Sums of products are in f64, over the
//! common tokens in their order, so that both orders of a pair give the same bits, and features of the same values
//! exactly 1. Gustavson's product as for the counts (see `counts`), with a sum in place of a counter. Memory: 16 bytes
//! a feature, and per thread 8 for the sums and 20 for those met.

use super::acts::{AHEAD, Acts, touch};
use super::apart::Shelves;
use super::kernel::{Kernel, Scratch, grow};
use crate::error::Result;
use crate::sae::Sparse;
use crate::task::Task;
use rayon::prelude::*;

/// Variances below this share of the mean square are rounding: such a feature is constant.
const CONSTANT: f64 = 1e-12;

/// Runs of tokens between two looks at whether the work should stop.
const TOKENS: usize = 1 << 9;

/// Lengths and means of the features.
pub(super) struct Magnitudes<'a> {
    by_token: &'a Sparse,
    by_feature: &'a Sparse,
    features: Vec<Moments>,
    /// Whether means are subtracted.
    centred: bool,
}

/// What a value is divided by, and what is subtracted before.
#[derive(Clone, Copy)]
struct Moments {
    /// Sum of the values; 0 unless centred.
    sum: f64,
    /// Sum of squares; if centred, tokens times that, less the square of the sum. 0 for what has no direction.
    spread: f64,
}

impl<'a> Magnitudes<'a> {
    pub(super) fn new(acts: &'a Acts, centred: bool, task: &Task) -> Result<Self> {
        let (by_token, by_feature) = (acts.by_token(), acts.by_feature());
        let tokens = acts.tokens() as f64;
        let moments = |i: usize| {
            task.check()?;
            let values = by_feature.row(i).1;
            let squares: f64 = values.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
            if !centred {
                return Ok(Moments { sum: 0.0, spread: squares });
            }
            let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
            let spread = tokens * squares - sum * sum;
            Ok(Moments { sum, spread: if spread <= CONSTANT * tokens * squares { 0.0 } else { spread } })
        };
        let features = task.install(|| (0..acts.features()).into_par_iter().map(moments).collect::<Result<_>>())?;
        Ok(Self { by_token, by_feature, features, centred })
    }
    #[inline]
    fn value(&self, product: f64, i: usize, j: usize) -> f32 {
        let (first, second) = (self.features[i], self.features[j]);
        if first.spread == 0.0 || second.spread == 0.0 {
            return 0.0;
        }
        let above = if self.centred { self.by_token.rows as f64 * product - first.sum * second.sum } else { product };
        (above / (first.spread * second.spread).sqrt()).clamp(-1.0, 1.0) as f32
    }
}

impl Kernel for Magnitudes<'_> {
    fn row(&self, i: usize, scratch: &mut Scratch, task: &Task) -> Result<()> {
        let Scratch { sums, touched, met, .. } = scratch;
        grow(sums, self.features.len());
        met.clear();
        let mut len = 0;
        let (tokens, own) = self.by_feature.row(i);
        let mut ahead: [(&[u32], &[f32]); AHEAD] = [(&[], &[]); AHEAD];
        for (at, (tokens, own)) in tokens.chunks(AHEAD).zip(own.chunks(AHEAD)).enumerate() {
            if at % TOKENS == 0 {
                task.check()?;
            }
            for (slot, &token) in ahead.iter_mut().zip(tokens) {
                *slot = self.by_token.row(token as usize);
            }
            let ahead = &ahead[..tokens.len()];
            for (features, values) in ahead {
                touch(features);
                touch(values);
            }
            for (&(features, values), &own) in ahead.iter().zip(own) {
                grow(touched, len + features.len());
                let room = &mut touched[len..len + features.len()];
                let mut new = 0;
                for (&feature, &value) in features.iter().zip(values) {
                    let sum = &mut sums[feature as usize];
                    // A sum that has come back to 0 lists its feature once more, which is seen below.
                    room[new] = feature;
                    new += usize::from(*sum == 0.0);
                    *sum += f64::from(own) * f64::from(value);
                }
                len += new;
            }
        }
        for &j in &touched[..len] {
            let product = std::mem::take(&mut sums[j as usize]);
            if product != 0.0 && j as usize != i {
                met.push((j, self.value(product, i, j as usize)));
            }
        }
        Ok(())
    }
    fn apart(&self, i: usize, j: usize) -> f32 {
        self.value(0.0, i, j)
    }
    fn own(&self, i: usize) -> f32 {
        f32::from(u8::from(self.features[i].spread != 0.0))
    }
    /// Features that do not meet are correlated only if their means have opposite signs.
    fn shelves(&self) -> Option<Shelves> {
        let sign = |positive: bool| self.features.iter().any(|f| f.sum != 0.0 && (f.sum > 0.0) == positive);
        (sign(true) && sign(false)).then(|| {
            let traits: Vec<_> = self.features.iter().map(|f| [f.mean(), 0.0]).collect();
            Shelves::new(&traits)
        })
    }
    fn apart_at_most(&self, i: usize, low: [f64; 2], high: [f64; 2]) -> f64 {
        let own = self.features[i].mean();
        (-own * low[0]).max(-own * high[0])
    }
}

impl Moments {
    /// Sum over spread: minus the product of two of them is the correlation of features that do not meet.
    fn mean(self) -> f64 {
        if self.spread == 0.0 { 0.0 } else { self.sum / self.spread.sqrt() }
    }
}
