//! Means over token types: a group's reconstruction averaged over all occurrences of a token string.
//!
//! In: a group's cloud, the type of every token, how often each type occurs. Out: the types whose mean (over *all* their
//! occurrences, the group silent or not) is at least a share of the strongest, strongest first. One stray feature that
//! fires on a thousand unrelated tokens adds little to any of their means, so that what the group is about stands out,
//! and names it. Cost: the cloud once. Memory: rank numbers for each type that it meets.

use super::GroupCloud;
use crate::rows::Points64;
use std::collections::BTreeMap;

/// Least share of the strongest mean.
pub const SHARE: f64 = 0.4;
/// Least occurrences of a type.
pub const OCCURRENCES: u32 = 3;

/// The types that a group is about.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeMeans {
    /// Their ids, strongest first.
    pub types: Vec<u32>,
    /// Their mean reconstructions `[types, rank]`.
    pub means: Points64,
    /// Lengths of the means.
    pub strength: Vec<f64>,
    /// Occurrences on which the group fires, and all.
    pub fired: Vec<(u32, u32)>,
}

/// The types of a cloud. `of` is the type of every row of the activations, `occurrences` how often each type occurs;
/// none if no type is met often enough.
///
/// # Panics
/// If a row or a type is not there.
pub fn type_means(cloud: &GroupCloud, of: &[u32], occurrences: &[u32]) -> Option<TypeMeans> {
    let rank = cloud.points.dims();
    let mut sums: BTreeMap<u32, (u32, Vec<f64>)> = BTreeMap::new();
    for (&token, point) in cloud.tokens.iter().zip(cloud.points.data().chunks_exact(rank)) {
        let own = of[token as usize];
        if occurrences[own as usize] >= OCCURRENCES {
            let (count, sum) = sums.entry(own).or_insert_with(|| (0, vec![0.0; rank]));
            *count += 1;
            sum.iter_mut().zip(point).for_each(|(sum, x)| *sum += x);
        }
    }
    // Of a capped cloud, counts are of the tokens that were kept.
    let kept = cloud.tokens.len() as f64 / cloud.all_tokens as f64;
    let mut found: Vec<(f64, u32, u32, Vec<f64>)> = sums
        .into_iter()
        .map(|(own, (count, mut sum))| {
            for x in &mut sum {
                *x /= f64::from(occurrences[own as usize]) * kept;
            }
            (sum.iter().map(|x| x * x).sum::<f64>().sqrt(), own, count, sum)
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let strongest = found.first().map(|first| first.0).filter(|strongest| *strongest > 0.0)?;
    found.retain(|one| one.0 >= SHARE * strongest);
    Some(TypeMeans {
        types: found.iter().map(|one| one.1).collect(),
        strength: found.iter().map(|one| one.0).collect(),
        fired: found.iter().map(|one| (one.2, occurrences[one.1 as usize])).collect(),
        means: Points64::new(found.into_iter().flat_map(|one| one.3).collect(), rank),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::group::reconstruct;
    use crate::sae::Sparse;
    use crate::task::Task;

    #[test]
    fn a_stray_feature_names_nothing() {
        // Feature 0 fires on both of two days, feature 1 on one of a hundred other tokens of one type.
        let tokens = 110;
        let mut indptr = vec![0];
        let (mut indices, mut values) = (Vec::new(), Vec::new());
        for token in 0..tokens {
            match token {
                0..10 => (indices.push(0), values.push(1.0 + token as f32 / 10.0)),
                50 => (indices.push(1), values.push(5.0)),
                _ => ((), ()),
            };
            indptr.push(indices.len() as u64);
        }
        let by_token = Sparse::new(tokens, 2, indptr, indices, values).unwrap().0;
        let decoder = Points64::new(vec![1.0, 0.0, 0.0, 1.0], 2);
        let cloud = reconstruct(&decoder, &by_token.transpose(), &[0, 1], None, &Task::new(1).unwrap()).unwrap();
        let of: Vec<u32> = (0..tokens as u32).map(|token| if token < 10 { token % 2 } else { 2 }).collect();
        let found = type_means(&cloud, &of, &[5, 5, 100]).unwrap();
        assert_eq!(found.types, [1, 0]);
        assert_eq!(found.fired, [(5, 5), (5, 5)]);
        assert!((found.strength[0] - 1.5).abs() < 1e-6 && (found.strength[1] - 1.4).abs() < 1e-6);
        assert!(type_means(&cloud, &of, &[2, 2, 2]).is_none());
    }
}
