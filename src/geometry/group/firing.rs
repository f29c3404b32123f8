//! What chance leaves of a group's cloud: its features fire as often, as strongly and as many at a time, but not with
//! each other.
//!
//! In: a group's cloud. Out: the points `[tokens, rank]` of one draw, in which the number of features on every token and
//! of tokens of every feature are those of the cloud, and which feature meets which is left to chance. Sparse features
//! that have nothing to do with each other trace shapes by themselves: rays, the fans between two rays, the frame of a
//! simplex with its loops. A cloud that shows more than such draws shows how its features fire *together*.
//!
//! The draws come from trades (curveball; Strona et al. 2014, Nature Communications 5:4114): two tokens put the features
//! that only one of them has into a pool and take as many back, at random; that is uniform over all tables of the same
//! margins in the limit. [`ROUNDS`] rounds pair all tokens anew each time. Every feature's activations are then dealt out
//! among its tokens. Cost: a round touches every entry once. Memory: 12 bytes an entry.

use super::GroupCloud;
use crate::geometry::random::{key, shuffle};
use crate::rows::Points64;

/// Rounds of trades between all tokens in pairs.
const ROUNDS: u64 = 12;

/// Draw number `draw`.
pub fn fired_apart(cloud: &GroupCloud, seed: u64, draw: u64) -> Points64 {
    let stream = key(seed, 0x6669_7265, draw);
    let firing = trade(cloud, stream);
    // Every feature's activations, in the order of the tokens that have them, then dealt out.
    let mut values: Vec<Vec<f32>> = vec![Vec::new(); cloud.features.len()];
    for (&feature, &value) in cloud.firing.iter().zip(&cloud.values) {
        values[feature as usize].push(value);
    }
    for (feature, own) in values.iter_mut().enumerate() {
        shuffle(own, stream, 1 << 32 | feature as u64);
    }
    let rank = cloud.points.dims();
    let mut points = vec![0.0; cloud.tokens.len() * rank];
    for (out, bounds) in points.chunks_exact_mut(rank).zip(cloud.starts.array_windows()) {
        let [start, end] = bounds.map(|at| at as usize);
        for &feature in &firing[start..end] {
            let value = f64::from(values[feature as usize].pop().unwrap_or_default());
            out.iter_mut().zip(cloud.directions.row(feature as usize)).for_each(|(out, x)| *out += value * x);
        }
    }
    Points64::new(points, rank)
}

/// Which features fire on every token after the trades, in the places of `cloud.firing`.
fn trade(cloud: &GroupCloud, stream: u64) -> Vec<u32> {
    let mut firing = cloud.firing.clone();
    let mut tokens: Vec<u32> = (0..cloud.tokens.len() as u32).collect();
    // Which of the two has a feature: 1, 2, or 3 for both.
    let mut has = vec![0u8; cloud.features.len()];
    let mut pool: Vec<u32> = Vec::new();
    for round in 0..ROUNDS {
        shuffle(&mut tokens, stream, round);
        for (pair, two) in tokens.chunks_exact(2).enumerate() {
            let ranges =
                [two[0], two[1]].map(|t| cloud.starts[t as usize] as usize..cloud.starts[t as usize + 1] as usize);
            for (side, range) in ranges.iter().enumerate() {
                firing[range.clone()].iter().for_each(|&feature| has[feature as usize] |= 1 << side);
            }
            pool.clear();
            let own = ranges.iter().flat_map(|range| firing[range.clone()].iter().copied());
            pool.extend(own.filter(|&feature| has[feature as usize] != 3));
            shuffle(&mut pool, stream, (round + 1) << 32 | pair as u64);
            let mut next = pool.iter();
            for range in &ranges {
                // What both have stays; the places of what one has are filled from the pool.
                for slot in firing[range.clone()].iter_mut().filter(|slot| has[**slot as usize] != 3) {
                    if let Some(&feature) = next.next() {
                        *slot = feature;
                    }
                }
            }
            for range in ranges {
                firing[range].iter().for_each(|&feature| has[feature as usize] = 0);
            }
        }
    }
    firing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::group::reconstruct;
    use crate::geometry::random::below;
    use crate::sae::Sparse;
    use crate::task::Task;

    /// Six features on orthogonal axes: the tokens of a block fire `0, 1, 2`, the others `3, 4, 5`, one to three of them.
    fn blocks(tokens: usize) -> GroupCloud {
        let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        for token in 0..tokens as u64 {
            let first = if token.is_multiple_of(2) { 0 } else { 3 };
            let without = below((key(1, 2, token) >> 32) as u32, 6);
            for feature in first..first + 3 {
                if feature != first + without {
                    indices.push(feature);
                    values.push((token + 1) as f32 / tokens as f32 + feature as f32);
                }
            }
            indptr.push(indices.len() as u64);
        }
        let by_token = Sparse::new(tokens, 6, indptr, indices, values).unwrap().0;
        let axes: Vec<f64> = (0..36).map(|at| if at / 6 == at % 6 { 1.0 } else { 0.0 }).collect();
        let task = Task::new(1).unwrap();
        reconstruct(&Points64::new(axes, 6), &by_token.transpose(), &[0, 1, 2, 3, 4, 5], None, &task).unwrap()
    }

    #[test]
    fn a_draw_keeps_how_often_how_strongly_and_how_many_but_not_with_whom() {
        let cloud = blocks(600);
        let draw = fired_apart(&cloud, 0, 0);
        assert_eq!(draw.len(), cloud.points.len());
        let counts = |points: &Points64| -> Vec<usize> {
            points.data().chunks_exact(6).map(|row| row.iter().filter(|x| **x != 0.0).count()).collect()
        };
        assert_eq!(counts(&draw), counts(&cloud.points));
        // On orthogonal axes coordinate i is feature i, up to the order of the basis.
        let columns = |points: &Points64| -> Vec<Vec<f64>> {
            let mut all: Vec<Vec<f64>> = (0..6)
                .map(|axis| {
                    let mut column: Vec<f64> = points.data().chunks_exact(6).map(|row| row[axis]).collect();
                    column.sort_by(f64::total_cmp);
                    column
                })
                .collect();
            all.sort_by(|a, b| a[a.len() - 1].total_cmp(&b[b.len() - 1]));
            all
        };
        assert_eq!(columns(&draw), columns(&cloud.points));
        let mixed = |points: &Points64| {
            let on = |row: &[f64], features: [usize; 3]| {
                features.iter().any(|&feature| {
                    row.iter().zip(cloud.directions.row(feature)).map(|(x, d)| x * d).sum::<f64>() != 0.0
                })
            };
            points.data().chunks_exact(6).filter(|row| on(row, [0, 1, 2]) && on(row, [3, 4, 5])).count()
        };
        assert_eq!(mixed(&cloud.points), 0);
        // Of the tokens with two or three features, most meet some of the other block by chance.
        let several = counts(&cloud.points).into_iter().filter(|count| *count > 1).count();
        assert!(mixed(&draw) > several / 2, "{} of {several}", mixed(&draw));
        assert_eq!(fired_apart(&cloud, 0, 0), draw);
        assert_ne!(fired_apart(&cloud, 0, 1), draw);
    }
}
