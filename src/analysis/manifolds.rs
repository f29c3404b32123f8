//! Groups of features that trace a shape together: found, measured, named, ranked.
//!
//! In: a study with activations; groups given, or those of the default groupings. Out: a [`Manifold`] for each group. The
//! default is several groupings side by side, for none finds everything: the stable communities of firing and direction
//! together ([`super::grouping`]), and components and average linkage of decoder cosines. Near-copies (overlap of
//! [`COPY`] or more) are folded into the first that has them.
//!
//! Every group is looked at through three lenses, each with its own null:
//! - its cloud of reconstructions as they are, and of unit length ([`crate::geometry::cloud`]);
//! - the means of its token types, which name it, and whether they stand in a ring or a row in some order that nobody
//!   told ([`crate::geometry::group::order()`]).
//!
//! `score` is the sum of what each lens shows beyond its null: irreducibility (the larger of the two clouds' once it is
//! above what chance leaves), H1 of the unit cloud above its null's 95th percentile, the line's fit above that of
//! Gaussians, and the order's fit above its null's. All are 0 for a blob; none is larger than about 1.

use super::grouping::{Grouping, Method, On};
use super::study::Study;
use crate::error::{Error, Problem, Result};
use crate::geometry::cloud::{Cloud, Shape, ShapeParams, Word, unit};
use crate::geometry::cluster::Clusters;
use crate::geometry::cluster::linkage::average;
use crate::geometry::cooccurrence::Measure;
use crate::geometry::group::{
    Arrangement, GroupCloud, OrderParams, Ordered, TypeMeans, order, reconstruct, type_means,
};
use crate::rows::Points64;
use crate::task::Task;
use crate::text::printable;
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// Overlap (Jaccard) from which a group is a near-copy.
pub const COPY: f64 = 0.7;
/// Most rows, unless all are asked for.
pub const ROWS: usize = 1500;
/// Fewest features and tokens of a group whose cloud is measured.
pub const LEAST_FEATURES: usize = 3;
/// See [`LEAST_FEATURES`].
pub const LEAST_TOKENS: usize = 10;
/// Largest group of the hierarchy.
const LARGEST: usize = 400;
/// Neighbours of each feature in the graphs of the default groupings.
const K: usize = 15;
/// Neighbours and least cosine of the graph's components (methods: k 4, tau .5 find every planted set).
const GRAPH: (usize, f32) = (4, 0.5);
/// Draws of the nulls of order.
const ORDER_DRAWS: usize = 99;
/// Types that a name shows.
pub const NAMED: usize = 12;

/// A group of features before it is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its features, ascending.
    pub features: Vec<u32>,
    /// The grouping that it comes from.
    pub grouping: String,
    /// Its number among that grouping's clusters; none for a node of a hierarchy.
    pub cluster: Option<u32>,
    /// How well other resolutions know it, where the grouping tells.
    pub stability: Option<f64>,
}

/// A group, measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifold {
    /// The group.
    pub found: Found,
    /// Tokens on which it fires.
    pub tokens: usize,
    /// Tokens that were measured: as many, unless fewer were asked for.
    pub measured: usize,
    /// The token types that it is about, strongest first; empty without texts.
    pub name: Vec<String>,
    /// Words of its features' labels.
    pub label: Vec<String>,
    /// Its cloud; none if the group fires too seldom.
    pub raw: Option<Shape>,
    /// The same of unit length.
    pub unit: Option<Shape>,
    /// The best ring of its types' means, and the best row.
    pub ring: Option<(Ordered, Vec<String>)>,
    /// See `ring`.
    pub row: Option<(Ordered, Vec<String>)>,
    /// What ranks.
    pub score: f64,
}

/// What to measure, and how far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ManifoldParams {
    /// How clouds are measured.
    pub shape: ShapeParams,
    /// Most tokens of a group, if not all.
    pub most_tokens: Option<usize>,
    /// Keep every group, near-copies folded, however many.
    pub all: bool,
}

/// Token texts as ids: the type of every row, how often each occurs, and what it reads.
pub struct Types {
    /// Type of each row.
    pub of: Vec<u32>,
    /// Rows of each type.
    pub occurrences: Vec<u32>,
    /// Its text.
    pub texts: Vec<String>,
}

impl Study {
    /// The types of the token texts (surrounding spaces off), if there are texts.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn types(&self, task: &Task) -> Result<Option<Types>> {
        let Some(tokens) = self.load_evidence(task)?.tokens.as_ref() else { return Ok(None) };
        let mut known: HashMap<&str, u32> = HashMap::new();
        let mut types = Types { of: Vec::with_capacity(tokens.len()), occurrences: Vec::new(), texts: Vec::new() };
        for row in 0..tokens.len() {
            if row.is_multiple_of(1 << 16) {
                task.check()?;
            }
            let own = tokens.token(row).trim();
            let id = *known.entry(own).or_insert_with(|| {
                types.texts.push(printable(own));
                types.occurrences.push(0);
                types.texts.len() as u32 - 1
            });
            types.occurrences[id as usize] += 1;
            types.of.push(id);
        }
        Ok(Some(types))
    }
    /// The groups of the default groupings, near-copies folded: the most stable first, then those of decoder cosines.
    ///
    /// # Errors
    /// As [`Study::group`].
    pub fn find_groups(&self, seed: u64, task: &Task) -> Result<Vec<Found>> {
        let n = self.features();
        let mut all: Vec<Found> = Vec::new();
        if n <= LEAST_FEATURES {
            return Ok(all);
        }
        let k = K.min(n - 1);
        let on = On::Sum(Measure::Phi);
        let (clusters, stability, _) = self.stable_groups(on, k, seed, task)?;
        let name = format!("leiden {}", on.name());
        all.extend(members(&clusters).into_iter().enumerate().map(|(at, features)| Found {
            features,
            grouping: name.clone(),
            cluster: Some(at as u32),
            stability: Some(stability[at]),
        }));
        let grouping =
            Grouping { on: On::Decoder, method: Method::Graph { k: GRAPH.0.min(n - 1), tau: GRAPH.1 }, seed };
        let components = self.group(&grouping, task)?.clusters;
        all.extend(members(&components).into_iter().enumerate().map(|(at, features)| Found {
            features,
            grouping: "graph decoder".into(),
            cluster: Some(at as u32),
            stability: None,
        }));
        let tree = average(&self.link_graph(On::Decoder, k, task)?, task)?;
        let mut nodes: Vec<(f64, Vec<u32>)> = tree
            .groups(LEAST_FEATURES, LARGEST)
            .map(|group| {
                let mut features = group.members.to_vec();
                features.sort_unstable();
                // How long it stands, against where it forms: the deeper the gap, the more it is a group.
                ((group.formed - group.absorbed.unwrap_or(0.0)) / group.formed, features)
            })
            .collect();
        nodes.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        all.extend(nodes.into_iter().map(|(_, features)| Found {
            features,
            grouping: "average linkage decoder".into(),
            cluster: None,
            stability: None,
        }));
        all.retain(|found| found.features.len() >= LEAST_FEATURES);
        Ok(fold(all, n))
    }
    /// The clusters of a file as groups.
    pub fn groups_of(clusters: &Clusters, grouping: &str) -> Vec<Found> {
        let all = members(clusters).into_iter().enumerate().map(|(at, features)| Found {
            features,
            grouping: grouping.to_string(),
            cluster: Some(at as u32),
            stability: None,
        });
        all.collect()
    }
    /// What a group writes on the tokens on which it fires.
    ///
    /// # Errors
    /// As [`reconstruct()`], and if there are no activations.
    pub fn group_cloud(&self, features: &[u32], most: Option<usize>, task: &Task) -> Result<GroupCloud> {
        let activations = self.need_activations("a cloud", task)?;
        reconstruct(&self.dictionary.decoder, &activations.by_feature, features, most, task)
            .map_err(|error| error.in_file(&self.name))
    }
    /// Measures `groups` and ranks them, best first.
    ///
    /// # Errors
    /// If there are no activations, or the task is cancelled.
    pub fn manifolds(&self, groups: Vec<Found>, params: &ManifoldParams, task: &Task) -> Result<Vec<Manifold>> {
        self.need_activations("manifolds", task)?;
        let types = self.types(task)?;
        let mut groups = groups;
        if !params.all {
            groups.truncate(ROWS);
        }
        task.stage("clouds", groups.len() as u64);
        let rows: Result<Vec<Option<Manifold>>> = task.install(|| {
            groups
                .into_par_iter()
                .map(|found| {
                    let row = self.manifold(found, types.as_ref(), params, &task.part());
                    task.advance(1);
                    match row {
                        // A group that fires nowhere, or whose directions are all zero, has no cloud.
                        Err(Error::Nothing(_) | Error::Usage(_)) => Ok(None),
                        row => row.map(Some),
                    }
                })
                .collect()
        });
        let mut rows: Vec<Manifold> = rows?.into_iter().flatten().collect();
        rows.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.found.features.cmp(&b.found.features)));
        Ok(rows)
    }
    /// Measures one group.
    ///
    /// # Errors
    /// As [`Study::group_cloud`].
    pub fn manifold(
        &self,
        found: Found,
        types: Option<&Types>,
        params: &ManifoldParams,
        task: &Task,
    ) -> Result<Manifold> {
        let cloud = self.group_cloud(&found.features, params.most_tokens, task)?;
        let measure = |points: &Points64, is_unit: bool| -> Result<Option<Shape>> {
            if points.len() < LEAST_TOKENS {
                return Ok(None);
            }
            let cloud = Cloud::new(points, is_unit, task)?;
            let mut shape = cloud.shape(&params.shape, task)?;
            cloud.deepen(&mut shape, &params.shape, task)?;
            Ok(Some(shape))
        };
        let raw = measure(&cloud.points, false)?;
        let unit = measure(&unit(&cloud.points).0, true)?;
        let means = types.and_then(|types| type_means(&cloud, &types.of, &types.occurrences));
        let (mut ring, mut row, mut name) = (None, None, Vec::new());
        if let (Some(types), Some(means)) = (types, &means) {
            let text = |at: u32| types.texts[means.types[at as usize] as usize].clone();
            name = (0..means.types.len().min(NAMED) as u32).map(text).collect();
            let put = |arrangement| {
                ordered(means, arrangement, params.shape.seed, task).map(|found| {
                    found.map(|own| (own.order.iter().map(|&at| text(at)).collect(), own)).map(|(t, o)| (o, t))
                })
            };
            ring = put(Arrangement::Ring)?;
            row = put(Arrangement::Row)?;
        }
        let mut manifold = Manifold {
            label: self.label_words(&found.features),
            tokens: cloud.all_tokens,
            measured: cloud.tokens.len(),
            found,
            name,
            raw,
            unit,
            ring,
            row,
            score: 0.0,
        };
        manifold.score = manifold.evidence();
        Ok(manifold)
    }
    /// The words that most labels of these features share.
    fn label_words(&self, features: &[u32]) -> Vec<String> {
        let Some(labels) = self.labels() else { return Vec::new() };
        let mut counts: HashMap<String, u32> = HashMap::new();
        for &feature in features {
            let own = labels.get(feature as usize).unwrap_or_default().to_lowercase();
            let words = own.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 2);
            for word in words.collect::<BTreeSet<_>>() {
                *counts.entry(word.to_string()).or_default() += 1;
            }
        }
        let mut words: Vec<(String, u32)> = counts.into_iter().filter(|(_, count)| *count >= 2).collect();
        words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        words.into_iter().take(4).map(|(word, _)| word).collect()
    }
}

/// The means of the strongest types in order.
fn ordered(means: &TypeMeans, arrangement: Arrangement, seed: u64, task: &Task) -> Result<Option<Ordered>> {
    let dims = means.means.dims();
    let count = means.means.len().min(crate::geometry::group::order::MOST);
    let strongest = Points64::new(means.means.data()[..count * dims].to_vec(), dims);
    order(&strongest, arrangement, &OrderParams { draws: ORDER_DRAWS, seed }, task)
}

/// Members of each cluster, ascending.
fn members(clusters: &Clusters) -> Vec<Vec<u32>> {
    let mut all = vec![Vec::new(); clusters.count];
    for (feature, &label) in clusters.labels.iter().enumerate().filter(|(_, label)| **label >= 0) {
        all[label as usize].push(feature as u32);
    }
    all
}

/// The groups without those that all but repeat an earlier one.
fn fold(groups: Vec<Found>, features: usize) -> Vec<Found> {
    let mut kept: Vec<Found> = Vec::new();
    let mut of: Vec<Vec<u32>> = vec![Vec::new(); features];
    for found in groups {
        let mut shared: HashMap<u32, usize> = HashMap::new();
        for &feature in &found.features {
            of[feature as usize].iter().for_each(|&other| *shared.entry(other).or_default() += 1);
        }
        let copies = |(&other, &both): (&u32, &usize)| {
            both as f64 / (kept[other as usize].features.len() + found.features.len() - both) as f64 >= COPY
        };
        if !shared.iter().any(copies) {
            let at = kept.len() as u32;
            for &feature in &found.features {
                of[feature as usize].push(at);
            }
            kept.push(found);
        }
    }
    kept
}

impl Manifold {
    /// The cloud whose verdict speaks for the group: the one that tells more.
    pub fn speaking(&self) -> Option<(&Shape, bool)> {
        let tells = |shape: &Shape| match shape.verdict.as_ref().map(|verdict| verdict.word) {
            Some(Word::Loop | Word::Loops | Word::Arc | Word::Curve) => 3,
            Some(Word::Surface | Word::Points) => 2,
            Some(Word::Tree | Word::Blob) => 1,
            Some(Word::Unclear) | None => 0,
        };
        match (&self.raw, &self.unit) {
            (Some(raw), Some(unit)) if tells(unit) > tells(raw) => Some((unit, true)),
            (Some(raw), _) => Some((raw, false)),
            (None, unit) => unit.as_ref().map(|unit| (unit, true)),
        }
    }
    /// What the lenses show beyond their nulls.
    fn evidence(&self) -> f64 {
        let irreducible = |shape: &Shape| {
            let depends = |plane: &crate::geometry::cloud::Plane| {
                plane.separability_null.is_none_or(|null| plane.separability > null)
            };
            if shape.planes.iter().any(depends) { shape.irreducibility.unwrap_or(0.0) } else { 0.0 }
        };
        let clouds = || [&self.raw, &self.unit].into_iter().flatten();
        let irreducibility = clouds().map(irreducible).fold(0.0, f64::max);
        let holes = self
            .unit
            .as_ref()
            .and_then(|shape| shape.homology.first())
            .map_or(0.0, |span| span.null_95.map_or(0.0, |null| (span.persistence(0) - null).max(0.0)));
        let line = clouds()
            .filter_map(|shape| shape.line)
            .filter(|line| line.connected >= 0.8)
            .map(|line| (line.fit - line.null_fit).max(0.0))
            .fold(0.0, f64::max);
        let margin = |own: &Option<(Ordered, Vec<String>)>| {
            own.as_ref().map_or(0.0, |(own, _)| (own.fit - own.gaussian_95.max(own.dealt_95)).max(0.0))
        };
        irreducibility + holes + line + margin(&self.ring).max(margin(&self.row))
    }
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
        let kept: Vec<Vec<u32>> = fold(groups, 10).into_iter().map(|found| found.features).collect();
        assert_eq!(kept, [vec![1, 2, 3, 4], vec![1, 2, 9], vec![5, 6, 7]]);
    }

    #[test]
    fn a_group_by_hand_is_sorted_and_not_empty() {
        assert_eq!(by_hand(&[3, 1]).unwrap().features, [1, 3]);
        assert!(by_hand(&[]).is_err());
    }
}
