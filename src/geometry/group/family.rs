//! Whether a group of features writes a family of token types: weekdays, months, pronouns.
//!
//! In: a group's cloud, its types ([`super::types`]), the type of every token and the activation of all features on it.
//! Out: a [`Family`]: four shares that each tell a concept of several parts from something else.
//! | share | is | small for |
//! |---|---|---|
//! | `purity` | activation of the group that falls on tokens of its types | features that fire on everything |
//! | `dominance` | the group's part of all activation on those tokens | a few stray features among many |
//! | `told_apart` | variance of directions that lies between types rather than within them, less what as many random types would take (adjusted R², Ezekiel 1930) | one direction for all types |
//! | `evenness` | chance that two units of activation belong to different types (Gini-Simpson) | one type with a tail |
//!
//! Their product, [`Family::strength`], is 0 for a group that says nothing of the token and 1 for one that alone writes
//! many equally frequent types without noise. It knows nothing of shape: that types stand in a ring is another question
//! ([`super::order()`]). Under the null that types are dealt out at random `told_apart` has mean 0.
//!
//! Cost: the cloud twice. Memory: rank numbers a type.

use super::{GroupCloud, TypeMeans};
use crate::geometry::cloud::unit;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How much of a family of types a group writes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// Types.
    pub types: usize,
    /// Share of the group's activation on tokens of its types.
    pub purity: f64,
    /// Share of the activation on those tokens that is the group's.
    pub dominance: f64,
    /// Share of the variance of directions between types, adjusted for chance; not below 0.
    pub told_apart: f64,
    /// Chance that two units of activation belong to different types.
    pub evenness: f64,
}

impl Family {
    /// The product of the four shares.
    pub fn strength(&self) -> f64 {
        self.purity * self.dominance * self.told_apart * self.evenness
    }
}

/// The family that the types of `cloud` make. `of` is the type of every row of the activations, `activation` the sum of
/// all features there.
///
/// # Panics
/// If a row is not there.
pub fn family(cloud: &GroupCloud, means: &TypeMeans, of: &[u32], activation: &[f64]) -> Family {
    let place: HashMap<u32, usize> = means.types.iter().enumerate().map(|(at, &own)| (own, at)).collect();
    let (mut all, mut ours, mut everyones) = (0.0, vec![0.0; means.types.len()], 0.0);
    let mut own = vec![None; cloud.tokens.len()];
    for (at, &token) in cloud.tokens.iter().enumerate() {
        let mass = cloud.activation(at);
        all += mass;
        own[at] = place.get(&of[token as usize]).copied();
        if let Some(place) = own[at] {
            ours[place] += mass;
            everyones += activation[token as usize];
        }
    }
    let sum: f64 = ours.iter().sum();
    let share = |part: f64, whole: f64| if whole > 0.0 { (part / whole).min(1.0) } else { 0.0 };
    let squares: f64 = ours.iter().map(|own| share(*own, sum).powi(2)).sum();
    Family {
        types: means.types.len(),
        purity: share(sum, all),
        dominance: share(sum, everyones),
        told_apart: told_apart(cloud, &own, means.types.len()),
        evenness: (1.0 - squares).max(0.0),
    }
}

/// Adjusted share of the variance of unit directions that lies between types.
fn told_apart(cloud: &GroupCloud, types: &[Option<usize>], count: usize) -> f64 {
    let (directions, kept) = unit(&cloud.points);
    let rank = directions.dims();
    // About the mean over the named tokens: one slot for each type, and the last for all of them.
    let mut sums = vec![0.0; (count + 1) * rank];
    let mut counts = vec![0u32; count + 1];
    let named =
        || directions.data().chunks_exact(rank).zip(&kept).filter_map(|(row, &at)| Some((row, types[at as usize]?)));
    for (row, own) in named() {
        for slot in [own, count] {
            counts[slot] += 1;
            sums[slot * rank..(slot + 1) * rank].iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
    }
    for (sum, &count) in sums.chunks_exact_mut(rank).zip(&counts) {
        for sum in sum {
            *sum /= f64::from(count.max(1));
        }
    }
    let apart = |row: &[f64], slot: usize| -> f64 {
        row.iter().zip(&sums[slot * rank..(slot + 1) * rank]).map(|(x, mean)| (x - mean).powi(2)).sum()
    };
    let (mut within, mut total) = (0.0, 0.0);
    for (row, own) in named() {
        within += apart(row, own);
        total += apart(row, count);
    }
    let n = f64::from(counts[count]);
    let met = counts[..count].iter().filter(|count| **count > 0).count() as f64;
    if n <= met || total <= 0.0 {
        return 0.0;
    }
    (1.0 - within / total * (n - 1.0) / (n - met)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::group::{reconstruct, type_means};
    use crate::geometry::random::{below, key};
    use crate::rows::Points64;
    use crate::sae::Sparse;
    use crate::task::Task;

    /// Tokens whose type is a hash, and features `fire(token, type)` with the values they have there.
    fn found(tokens: usize, types: u32, fire: impl Fn(u64, u32) -> Vec<(u32, f32)>) -> Family {
        let of: Vec<u32> = (0..tokens as u64).map(|token| below((key(1, 2, token) >> 32) as u32, types)).collect();
        let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        for (token, &own) in of.iter().enumerate() {
            for (feature, value) in fire(token as u64, own) {
                indices.push(feature);
                values.push(value);
            }
            indptr.push(indices.len() as u64);
        }
        let by_token = Sparse::new(tokens, 8, indptr, indices, values).unwrap().0;
        let activation: Vec<f64> =
            (0..tokens).map(|row| by_token.row(row).1.iter().map(|x| f64::from(*x)).sum()).collect();
        let mut occurrences = vec![0; types as usize];
        for &own in &of {
            occurrences[own as usize] += 1;
        }
        let axes: Vec<f64> = (0..64).map(|at| if at / 8 == at % 8 { 1.0 } else { 0.0 }).collect();
        let task = Task::new(1).unwrap();
        let group: Vec<u32> = (0..7).collect();
        let cloud = reconstruct(&Points64::new(axes, 8), &by_token.transpose(), &group, None, &task).unwrap();
        let means = type_means(&cloud, &of, &occurrences).unwrap();
        family(&cloud, &means, &of, &activation)
    }

    #[test]
    fn closed_forms() {
        // A feature for each of seven types, alone: everything is told.
        let whole = found(7000, 7, |_, own| vec![(own, 1.0)]);
        assert_eq!((whole.types, whole.purity, whole.dominance, whole.told_apart), (7, 1.0, 1.0, 1.0));
        assert!((whole.evenness - 6.0 / 7.0).abs() < 0.002, "{whole:?}");
        // Feature 7, outside the group, fires as strongly on every token: half the dominance.
        let half = found(7000, 7, |_, own| vec![(own, 1.0), (7, 1.0)]);
        assert!((half.dominance - 0.5).abs() < 1e-12 && half.told_apart == 1.0);
        // One feature for all types: nothing tells them apart. One type alone: nothing to tell.
        let one = found(7000, 7, |_, _| vec![(0, 1.0)]);
        assert!((one.purity, one.told_apart) == (1.0, 0.0) && one.strength() == 0.0, "{one:?}");
        let lone = found(7000, 70, |_, own| if own == 3 { vec![(0, 1.0)] } else { Vec::new() });
        assert!(lone.types == 1 && lone.evenness == 0.0, "{lone:?}");
        // A feature at random, whatever the type: the adjusted share has mean 0, so that it is small.
        let chance = found(7000, 7, |token, _| vec![(below((key(5, 6, token) >> 32) as u32, 7), 1.0)]);
        assert!(chance.told_apart < 0.002, "{chance:?}");
    }

    #[test]
    fn activation_elsewhere_costs_purity() {
        // Types 0 to 6 get their feature; types 7 to 69 get feature 0 one time in nine or so.
        let stray = found(70_000, 70, |token, own| match own {
            0..7 => vec![(own, 1.0)],
            _ if key(7, 8, token).is_multiple_of(9) => vec![(0, 1.0)],
            _ => Vec::new(),
        });
        assert!(stray.types == 7 && (0.4..0.6).contains(&stray.purity) && stray.told_apart == 1.0, "{stray:?}");
    }
}
