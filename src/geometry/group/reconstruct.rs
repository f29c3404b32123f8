//! Each token's reconstruction from the features of a group alone: r = Σ z_i d_i over the group, no decoder bias
//! (Engels et al., ICLR 2025, section 4), in an orthonormal basis of the group's span.
//!
//! In: decoder rows `[F, d]`, both orders of the activations, the group. Out: one point `[rank]` for each token on which
//! a feature of the group fires (has a value above 0), and the basis, so that a point's row times the basis is the
//! reconstruction in the model's space. Streaming: only the group's entries and rows are read. The basis is that of
//! Gram and Schmidt, the longest remainder first, so that directions that depend on others add none.
//!
//! Cost: m² d for m features and width d, the entries of the group, and rank for each. Memory: 8 rank bytes a token, 16
//! an entry.

use crate::error::{Error, Problem, Result};
use crate::rows::{Points64, Rows, all_finite};
use crate::sae::Sparse;
use crate::task::Task;

/// Remainders below this share of the longest row are rounding.
const NOTHING: f64 = 1e-6;

/// What a group writes on every token on which it fires.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupCloud {
    /// The features, ascending.
    pub features: Vec<u32>,
    /// Orthonormal directions of the group's span `[rank, d]`.
    pub basis: Points64,
    /// The features' directions in that basis `[features, rank]`.
    pub directions: Points64,
    /// Rows of the activations on which the group fires, ascending.
    pub tokens: Vec<u32>,
    /// The reconstructions `[tokens, rank]`.
    pub points: Points64,
    /// Where each token's entries start, and the end of the last.
    pub starts: Vec<u32>,
    /// Features (places in `features`) that fire on the tokens, token after token.
    pub firing: Vec<u32>,
    /// Their activations.
    pub values: Vec<f32>,
    /// Tokens on which the group fires, of which `tokens` may be a part.
    pub all_tokens: usize,
}

impl GroupCloud {
    /// Entries of token number `at`: which features fire, and how strongly.
    pub fn entries(&self, at: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let range = self.starts[at] as usize..self.starts[at + 1] as usize;
        self.firing[range.clone()].iter().copied().zip(self.values[range].iter().copied())
    }
    /// Activation of the group on token number `at`.
    pub fn activation(&self, at: usize) -> f64 {
        self.entries(at).map(|(_, value)| f64::from(value.max(0.0))).sum()
    }
    /// Share of the tokens on which two or more of its features fire.
    pub fn together(&self) -> f64 {
        let fires = |at: usize| self.entries(at).filter(|(_, value)| *value > 0.0).count();
        (0..self.tokens.len()).filter(|&at| fires(at) > 1).count() as f64 / self.tokens.len().max(1) as f64
    }
    /// The same on the tokens number `kept` alone, ascending.
    pub fn on(&self, kept: &[u32]) -> Self {
        let rows = kept.iter().flat_map(|&at| self.points.row(at as usize)).copied().collect();
        let mut part = Self {
            features: self.features.clone(),
            basis: self.basis.clone(),
            directions: self.directions.clone(),
            tokens: kept.iter().map(|&at| self.tokens[at as usize]).collect(),
            points: Points64::new(rows, self.points.dims()),
            starts: vec![0],
            firing: Vec::new(),
            values: Vec::new(),
            all_tokens: self.all_tokens,
        };
        for &at in kept {
            for (feature, value) in self.entries(at as usize) {
                part.firing.push(feature);
                part.values.push(value);
            }
            part.starts.push(part.firing.len() as u32);
        }
        part
    }
}

/// The cloud of `features`; of more than `most` tokens as many, evenly spread.
///
/// # Errors
/// If a feature is not there or comes twice, all their rows are zero, a row is not finite, or the task is cancelled;
/// [`Error::Nothing`] if they fire nowhere.
pub fn reconstruct(
    decoder: &dyn Rows,
    by_feature: &Sparse,
    features: &[u32],
    most: Option<usize>,
    task: &Task,
) -> Result<GroupCloud> {
    let mut features = features.to_vec();
    features.sort_unstable();
    let n = by_feature.rows;
    if let Some(feature) = features.iter().find(|feature| **feature as usize >= n) {
        return Err(Problem::new(format!("there is no feature {feature}"))
            .expected(format!("0 to {}", n.saturating_sub(1)))
            .usage());
    }
    if let Some([twice, _]) = features.array_windows().find(|[a, b]| a == b) {
        return Err(Problem::new(format!("feature {twice} stands twice in the group")).usage());
    }
    let (basis, directions) = span(decoder, &features, task)?;
    let rank = basis.dims().min(directions.dims());
    // (token, feature) in one number, so that sorting them brings every token's entries together.
    let mut entries: Vec<(u64, f32)> = Vec::new();
    for (at, &feature) in features.iter().enumerate() {
        task.check()?;
        let (tokens, values) = by_feature.row(feature as usize);
        entries.extend(tokens.iter().zip(values).map(|(&token, &value)| (u64::from(token) << 32 | at as u64, value)));
    }
    entries.sort_unstable_by_key(|entry| entry.0);
    let token = |entry: &(u64, f32)| (entry.0 >> 32) as u32;
    let fires: Vec<&[(u64, f32)]> = entries
        .chunk_by(|a, b| token(a) == token(b))
        .filter(|entries| entries.iter().any(|entry| entry.1 > 0.0))
        .collect();
    if fires.is_empty() {
        return Err(Error::Nothing("none of these features fires on any token".into()));
    }
    let all_tokens = fires.len();
    let kept = most.filter(|&most| most < all_tokens).unwrap_or(all_tokens);
    let mut cloud = GroupCloud {
        tokens: Vec::with_capacity(kept),
        points: Points64::new(vec![0.0; kept * rank], rank),
        starts: vec![0],
        firing: Vec::new(),
        values: Vec::new(),
        all_tokens,
        features,
        basis,
        directions,
    };
    for (slot, out) in cloud.points.data_mut().chunks_exact_mut(rank).enumerate() {
        if slot.is_multiple_of(4096) {
            task.check()?;
        }
        let entries = fires[(slot as u128 * all_tokens as u128 / kept as u128) as usize];
        cloud.tokens.push(token(&entries[0]));
        for &(at, value) in entries {
            let feature = at as u32;
            let direction = cloud.directions.row(feature as usize);
            out.iter_mut().zip(direction).for_each(|(out, x)| *out += f64::from(value) * x);
            cloud.firing.push(feature);
            cloud.values.push(value);
        }
        cloud.starts.push(cloud.firing.len() as u32);
    }
    Ok(cloud)
}

/// An orthonormal basis of the rows `features` `[rank, d]`, and the rows in it `[features, rank]`.
fn span(decoder: &dyn Rows, features: &[u32], task: &Task) -> Result<(Points64, Points64)> {
    let d = decoder.ncols();
    let mut rows = Vec::with_capacity(features.len());
    for &feature in features {
        let mut row = vec![0.0f64; d];
        decoder.read_f64(feature as usize..feature as usize + 1, &mut row);
        all_finite(&row, d, feature as usize)?;
        rows.push(row);
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut left = rows.clone();
    let length = |row: &Vec<f64>| dot(row, row).sqrt();
    let longest = left.iter().map(length).fold(0.0, f64::max);
    let mut basis: Vec<Vec<f64>> = Vec::new();
    while basis.len() < features.len().min(d) {
        task.check()?;
        let lengths: Vec<f64> = left.iter().map(length).collect();
        let next = (0..left.len()).fold(0, |best, at| if lengths[at] > lengths[best] { at } else { best });
        if lengths[next] <= NOTHING * longest {
            break;
        }
        let mut own = left[next].clone();
        // Once more against those before it: a remainder that is short has lost its right angles.
        for other in &basis {
            let along = dot(&own, other);
            own.iter_mut().zip(other).for_each(|(x, y)| *x -= along * y);
        }
        let scale = 1.0 / length(&own);
        for x in &mut own {
            *x *= scale;
        }
        for row in &mut left {
            let along = dot(row, &own);
            row.iter_mut().zip(&own).for_each(|(x, y)| *x -= along * y);
        }
        basis.push(own);
    }
    if basis.is_empty() {
        return Err(Problem::new("the decoder directions of these features are all zero")
            .hint("other features")
            .usage());
    }
    let rank = basis.len();
    let directions = rows.iter().flat_map(|row| basis.iter().map(|own| dot(row, own)).collect::<Vec<f64>>()).collect();
    Ok((Points64::new(basis.concat(), d), Points64::new(directions, rank)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        Task::new(1).unwrap()
    }

    /// Six features in five dimensions, of which the third depends on the first two and the last is zero.
    fn planted() -> (crate::rows::Points, Sparse) {
        let rows: [[f32; 5]; 6] = [
            [1.0, 0.0, 0.0, 0.0, 0.0],
            [0.5, 2.0, 0.0, 0.0, 0.0],
            [1.5, 2.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 3.0, 0.0],
            [0.1, 0.2, 0.3, 0.4, 0.5],
            [0.0; 5],
        ];
        let dense: [[f32; 6]; 5] = [
            [1.0, 2.0, 0.0, 0.0, 7.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            [0.0, 1.0, 3.0, 0.5, 0.0, 1.0],
            [0.0, 0.0, -2.0, 0.0, 0.0, 0.0],
            [2.0, 0.0, -1.0, 0.0, 0.0, 0.0],
        ];
        let mut indptr = vec![0];
        let (mut indices, mut values) = (Vec::new(), Vec::new());
        for row in dense {
            for (at, value) in row.into_iter().enumerate().filter(|(_, value)| *value != 0.0) {
                indices.push(at as u32);
                values.push(value);
            }
            indptr.push(indices.len() as u64);
        }
        (crate::rows::Points::new(rows.concat(), 5), Sparse::new(5, 6, indptr, indices, values).unwrap().0)
    }

    #[test]
    fn points_are_the_reconstructions_in_an_orthonormal_basis() {
        let (decoder, by_token) = planted();
        let group = [2, 0, 1, 3];
        let cloud = reconstruct(&decoder, &by_token.transpose(), &group, None, &task()).unwrap();
        assert_eq!((cloud.features.as_slice(), cloud.basis.len(), cloud.points.dims()), (&[0, 1, 2, 3][..], 3, 3));
        // Not token 1, where none fires, nor token 3, where one is negative alone.
        assert_eq!((cloud.tokens.as_slice(), cloud.all_tokens), (&[0, 2, 4][..], 3));
        for a in 0..3 {
            for b in 0..3 {
                let dot: f64 = cloud.basis.row(a).iter().zip(cloud.basis.row(b)).map(|(x, y)| x * y).sum();
                assert!((dot - f64::from(u8::from(a == b))).abs() < 1e-12);
            }
        }
        for (at, &token) in cloud.tokens.iter().enumerate() {
            let (features, values) = by_token.row(token as usize);
            let mut truth = [0.0f64; 5];
            for (&feature, &value) in features.iter().zip(values).filter(|(feature, _)| group.contains(feature)) {
                for (truth, &x) in truth.iter_mut().zip(decoder.row(feature as usize)) {
                    *truth += f64::from(value) * f64::from(x);
                }
            }
            for (i, truth) in truth.iter().enumerate() {
                let found: f64 = (0..3).map(|a| cloud.points.row(at)[a] * cloud.basis.row(a)[i]).sum();
                assert!((found - truth).abs() < 1e-9, "{found} {truth}");
            }
        }
        assert_eq!(cloud.entries(1).collect::<Vec<_>>(), [(1, 1.0), (2, 3.0), (3, 0.5)]);
    }

    #[test]
    fn a_cap_takes_tokens_evenly_and_tells_how_many_there_were() {
        let (decoder, by_token) = planted();
        let cloud = reconstruct(&decoder, &by_token.transpose(), &[0, 1, 2, 3, 4], Some(2), &task()).unwrap();
        assert_eq!((cloud.tokens.as_slice(), cloud.all_tokens), (&[0, 2][..], 4));
    }

    #[test]
    fn groups_that_are_none_are_refused() {
        let (decoder, by_token) = planted();
        let by_feature = by_token.transpose();
        let error = |group: &[u32]| reconstruct(&decoder, &by_feature, group, None, &task()).unwrap_err().to_string();
        assert!(error(&[6]).contains("there is no feature 6") && error(&[1, 1]).contains("feature 1 stands twice"));
        assert!(error(&[5]).contains("all zero"));
        let nothing = Sparse::new(3, 6, vec![0, 0, 0, 0], vec![], vec![]).unwrap().0;
        assert!(matches!(reconstruct(&decoder, &nothing.transpose(), &[0], None, &task()), Err(Error::Nothing(_))));
    }
}
