//! Groups of features that may trace a shape together: the default groupings, and groups by hand.
//!
//! The default is several groupings side by side, for none finds everything: the stable communities of firing and
//! direction together ([`super::grouping`]), and components and average linkage of decoder cosines. A group holds at
//! least [`LEAST_FEATURES`] features and at most a quarter of the dictionary; of the hierarchy only what forms above the
//! deviation of the cosines of random directions, and at more than [`ABOVE`] times the similarity at which as many of
//! those do. Of groups that are all but the same the first is kept; of other near-copies (overlap of [`COPY`] or more) the
//! one that shows most, once they are measured ([`Study::survey`]).

use super::grouping::{On, SMALLEST, graph_of, positive};
use super::study::Study;
use crate::error::{Problem, Result};
use crate::geometry::cluster::chance::formed_by_chance;
use crate::geometry::cluster::components::{ComponentsParams, components};
use crate::geometry::cluster::linkage::average;
use crate::geometry::cooccurrence::Measure;
use crate::rows::Rows;
use crate::task::Task;
use std::collections::HashMap;

/// Overlap (Jaccard) from which a group is a near-copy of a better one.
pub const COPY: f64 = 0.7;
/// Overlap from which one of two is enough, before anything is known of them.
const SAME: f64 = 0.95;
/// Fewest features of a group.
pub const LEAST_FEATURES: usize = SMALLEST;
/// Largest group of the hierarchy.
const LARGEST: usize = 400;
/// Smallest group of the hierarchy: there are thousands of triples.
const LEAST_NODE: usize = 4;
/// How many times the similarity of random directions a group of the hierarchy must reach: at once, half of what a
/// nearly orthogonal dictionary gives would be chance.
const ABOVE: f64 = 2.0;
/// Most random directions that the hierarchy is held against.
const RANDOM: usize = 8192;
/// A group of more than this part of the dictionary is none, unless it has no more features than [`FEW`].
const PART: usize = 4;
/// See [`PART`].
const FEW: usize = 16;
/// Neighbours of each feature in the graphs of the default groupings.
pub(super) const K: usize = 15;
/// Neighbours and least cosine of the graph's components (they find every planted set of the tests).
const GRAPH: (usize, f32) = (4, 0.5);

/// A group of features before it is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its features, ascending.
    pub features: Vec<u32>,
    /// The grouping that it comes from.
    pub grouping: String,
    /// Its number among the groups that it was found with: that of a file's cluster, or its place among the default ones.
    pub cluster: Option<u32>,
    /// How well other resolutions know it, where the grouping tells.
    pub stability: Option<f64>,
}

impl Study {
    /// The groups of the default groupings: the most stable first, then those of decoder cosines.
    ///
    /// # Errors
    /// As [`Study::group`].
    pub fn find_groups(&self, seed: u64, task: &Task) -> Result<Vec<Found>> {
        let n = self.features();
        let mut all: Vec<Found> = Vec::new();
        if n <= LEAST_FEATURES {
            return Ok(all);
        }
        let (k, most) = (K.min(n - 1), (n / PART).max(FEW));
        let on = On::Sum(Measure::Phi);
        let (clusters, stability, _) = self.stable_groups(on, k, seed, task)?;
        let found = |features, grouping: &str, stability| Found {
            features,
            grouping: grouping.to_string(),
            cluster: None,
            stability,
        };
        let name = format!("leiden {}", on.name());
        let known = clusters.members().into_iter().zip(stability);
        all.extend(known.map(|(features, stability)| found(features, &name, Some(stability))));
        // The nearest few of the graph are the first of the hierarchy's lists.
        let lists = self.similar(On::Decoder, k, task)?;
        let params = ComponentsParams { k: GRAPH.0, tau: GRAPH.1, min_size: LEAST_FEATURES };
        let linked = graph_of(&lists, params.k, |similarity| params.keep(similarity));
        let parts = components(&linked, params.min_size, task)?.members().into_iter();
        all.extend(parts.map(|features| found(features, "graph decoder", None)));
        let tree = average(&graph_of(&lists, k, positive), task)?;
        let largest = LARGEST.min(most);
        let chance = formed_by_chance(n.min(RANDOM), self.dictionary.d_out(), k, largest, seed, task)?;
        // Cosines of random directions have mean 0 and this deviation.
        let deviation = 1.0 / (self.dictionary.d_out().max(1) as f64).sqrt();
        let mut nodes: Vec<(f64, Vec<u32>)> = tree
            .groups(LEAST_NODE, largest)
            .filter(|group| group.formed > deviation.max(ABOVE * chance[group.members.len()]))
            .map(|group| {
                let mut features = group.members.to_vec();
                features.sort_unstable();
                // How long it stands, against where it forms: the deeper the gap, the more it is a group.
                ((group.formed - group.absorbed.unwrap_or(0.0)) / group.formed, features)
            })
            .collect();
        nodes.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        all.extend(nodes.into_iter().map(|(_, features)| found(features, "average linkage decoder", None)));
        all.retain(|found| found.features.len() <= most);
        let mut kept = fold(all, SAME, n, |found| &found.features);
        for (at, found) in kept.iter_mut().enumerate() {
            found.cluster = Some(at as u32);
        }
        Ok(kept)
    }
    /// The feature most similar to a group of others: by the mean cosine of decoder directions and by phi of firing where
    /// any of the group fires, each clipped at 0 and both added, as in the default grouping. None if nothing is similar.
    ///
    /// # Errors
    /// If there are no activations, a row cannot be read, or the task is cancelled.
    pub fn nearest_to_group(&self, features: &[u32], task: &Task) -> Result<Option<u32>> {
        let activations = self.need_activations("growing a group", task)?;
        let (n, d) = (self.features(), self.dictionary.d_out());
        let decoder = &self.dictionary.decoder;
        let mut row = vec![0.0f32; d];
        let unit = |row: &mut [f32]| {
            let length = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            for x in row.iter_mut() {
                *x = if length > 0.0 { (f64::from(*x) / length) as f32 } else { 0.0 };
            }
        };
        let mut middle = vec![0.0f64; d];
        let mut fires = vec![false; activations.tokens()];
        for &feature in features {
            decoder.read(feature as usize..feature as usize + 1, &mut row);
            unit(&mut row);
            middle.iter_mut().zip(&row).for_each(|(sum, &x)| *sum += f64::from(x) / features.len() as f64);
            for &token in activations.by_feature.row(feature as usize).0 {
                fires[token as usize] = true;
            }
        }
        let (tokens, group) = (fires.len() as f64, fires.iter().filter(|fires| **fires).count() as f64);
        let mut best: Option<(f64, u32)> = None;
        for other in (0..n as u32).filter(|other| !features.contains(other)) {
            if other.is_multiple_of(1024) {
                task.check()?;
            }
            decoder.read(other as usize..other as usize + 1, &mut row);
            unit(&mut row);
            let cosine: f64 = row.iter().zip(&middle).map(|(&x, m)| f64::from(x) * m).sum();
            let own = activations.by_feature.row(other as usize).0;
            let both = own.iter().filter(|token| fires[**token as usize]).count() as f64;
            let alone = own.len() as f64;
            let spread = (group * (tokens - group) * alone * (tokens - alone)).sqrt();
            let phi = if spread > 0.0 { (both * tokens - group * alone) / spread } else { 0.0 };
            let similarity = cosine.max(0.0) + phi.max(0.0);
            if similarity > best.map_or(0.0, |best| best.0) {
                best = Some((similarity, other));
            }
        }
        Ok(best.map(|(_, feature)| feature))
    }
}

/// The groups without those that overlap by `most` or more with an earlier one.
pub(super) fn fold<T>(groups: Vec<T>, most: f64, features: usize, of_group: impl Fn(&T) -> &[u32]) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    let mut of: Vec<Vec<u32>> = vec![Vec::new(); features];
    for found in groups {
        let own = of_group(&found);
        let mut shared: HashMap<u32, usize> = HashMap::new();
        for &feature in own {
            of[feature as usize].iter().for_each(|&other| *shared.entry(other).or_default() += 1);
        }
        let copies = |(&other, &both): (&u32, &usize)| {
            both as f64 / (of_group(&kept[other as usize]).len() + own.len() - both) as f64 >= most
        };
        if !shared.iter().any(copies) {
            let at = kept.len() as u32;
            for &feature in own {
                of[feature as usize].push(at);
            }
            kept.push(found);
        }
    }
    kept
}

/// The group that someone names by its features.
///
/// # Errors
/// If there are none.
pub fn by_hand(features: &[u32]) -> Result<Found> {
    if features.is_empty() {
        return Err(Problem::new("a group of no features").hint("--features 1,2,3").usage());
    }
    let mut features = features.to_vec();
    features.sort_unstable();
    Ok(Found { features, grouping: "by hand".into(), cluster: None, stability: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(features: &[u32]) -> Found {
        Found { features: features.to_vec(), grouping: "a".into(), cluster: None, stability: None }
    }

    #[test]
    fn near_copies_are_folded_into_the_first() {
        let groups =
            vec![found(&[1, 2, 3, 4]), found(&[1, 2, 3]), found(&[1, 2, 9]), found(&[5, 6, 7]), found(&[5, 6, 7])];
        let kept = |most| -> Vec<Vec<u32>> {
            let kept = fold(groups.clone(), most, 10, |found| &found.features);
            kept.into_iter().map(|found| found.features).collect()
        };
        assert_eq!(kept(0.7), [vec![1, 2, 3, 4], vec![1, 2, 9], vec![5, 6, 7]]);
        assert_eq!(kept(0.8), [vec![1, 2, 3, 4], vec![1, 2, 3], vec![1, 2, 9], vec![5, 6, 7]]);
    }

    #[test]
    fn a_group_by_hand_is_sorted_and_not_empty() {
        assert_eq!(by_hand(&[3, 1]).unwrap().features, [1, 3]);
        assert!(by_hand(&[]).is_err());
    }
}
