//! Groups of features by what they have in common: which similarity, which method, one answer for every front end.
//!
//! In: a [`Grouping`]. Out: [`Clusters`] and facts about how they were found. Similarities are lists of each feature's
//! nearest, never a table of all pairs; the methods work on the graph of those lists. Leiden without a resolution runs a
//! grid of them, from groups of about [`COARSEST`] features down by [`RATIO`] a step with [`SEEDS`] seeds each, and takes
//! the most stable groups that share no feature, each at its own resolution ([`crate::geometry::group::stability`]): the
//! rule knows sizes alone, and lets small groups stand beside large ones.

use super::cache::Arrays;
use super::study::Study;
use crate::error::{Problem, Result};
use crate::geometry::cluster::Clusters;
use crate::geometry::cluster::components::{ComponentsParams, components};
use crate::geometry::cluster::kmeans::{KmeansParams, kmeans};
use crate::geometry::cluster::leiden::{LeidenParams, leiden, leiden_runs};
use crate::geometry::cluster::linkage::{average, single};
use crate::geometry::cluster::spectral::{Angular, SpectralParams, spectral};
use crate::geometry::cooccurrence::{Acts, Combine, Lists, Measure, MixedParams, mixed, similar};
use crate::geometry::graph::Graph;
use crate::geometry::group::{Candidate, candidates, stable};
use crate::geometry::neighbors::{KnnParams, knn, nearest_points};
use crate::rows::Rows;
use crate::sae::Activations;
use crate::task::Task;
use serde_json::{Map, Value, json};

/// Features over resolution at the grid's first step, its ratio, its steps and its seeds.
pub const COARSEST: f64 = 1024.0;
/// See [`COARSEST`].
pub const RATIO: f64 = 1.26;
/// See [`COARSEST`].
pub const STEPS: usize = 13;
/// See [`COARSEST`].
pub const SEEDS: u64 = 3;
/// Smallest group of the grid.
pub const SMALLEST: usize = 3;

/// Raise it when the groups of the same graph change.
const LEIDEN_VERSION: u32 = 1;

/// What features have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Cosine of decoder directions.
    Decoder,
    /// Cosine of encoder directions.
    Encoder,
    /// How they fire together.
    Firing(Measure),
    /// max(measure, 0) + max(cosine of decoder directions, 0).
    Sum(Measure),
    /// max(measure, cosine of decoder directions).
    Max(Measure),
}

impl On {
    /// The similarity of that name: `decoder`, `encoder`, `activation` (the cosine of activations), a measure of firing
    /// together, one of these with `+decoder`, or `max:` before that.
    ///
    /// # Errors
    /// If there is none.
    pub fn from_name(name: &str) -> Result<Self> {
        let (max, rest) = name.strip_prefix("max:").map_or((false, name), |rest| (true, rest));
        match (max, rest, rest.strip_suffix("+decoder")) {
            (false, "decoder", _) => Ok(Self::Decoder),
            (false, "encoder", _) => Ok(Self::Encoder),
            (false, "activation", _) => Ok(Self::Firing(Measure::Cosine)),
            (false, _, None) => Measure::from_name(name).map(Self::Firing),
            (max, _, Some(measure)) => {
                let measure = if measure == "activation" { Measure::Cosine } else { Measure::from_name(measure)? };
                Ok(if max { Self::Max(measure) } else { Self::Sum(measure) })
            }
            (true, _, None) => Err(Problem::new(format!("--on {name}"))
                .expected("max: before a measure and +decoder")
                .hint("--on max:jaccard+decoder")
                .usage()),
        }
    }
    /// Its name.
    pub fn name(self) -> String {
        match self {
            Self::Decoder => "decoder".into(),
            Self::Encoder => "encoder".into(),
            Self::Firing(Measure::Cosine) => "activation".into(),
            Self::Firing(measure) => measure.name().into(),
            Self::Sum(measure) => format!("{}+decoder", measure.name()),
            Self::Max(measure) => format!("max:{}+decoder", measure.name()),
        }
    }
    fn measure(self) -> Option<Measure> {
        match self {
            Self::Decoder | Self::Encoder => None,
            Self::Firing(measure) | Self::Sum(measure) | Self::Max(measure) => Some(measure),
        }
    }
}

/// How affinities are made of cosines for spectral clustering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AffinityKind {
    /// max(cos, 0) on the k nearest.
    Positive,
    /// cos² on the k nearest.
    Square,
    /// 1 − arccos(cos)/π over all pairs, the published choice; it tells orthogonal directions apart badly.
    Angular,
}

/// How they are grouped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Components of the graph of the `k` nearest above `tau`.
    Graph {
        /// Nearest of each feature.
        k: usize,
        /// Least similarity.
        tau: f32,
    },
    /// Leiden on the graph of the `k` nearest; without a resolution by stability.
    Leiden {
        /// Nearest of each feature.
        k: usize,
        /// γ.
        resolution: Option<f64>,
    },
    /// Normalised cuts into as many clusters.
    Spectral {
        /// Nearest of each feature.
        k: usize,
        /// How many.
        clusters: usize,
        /// Of what.
        affinity: AffinityKind,
    },
    /// k-means of unit rows.
    Kmeans {
        /// How many.
        clusters: usize,
    },
    /// Linkage on the graph of the `k` nearest, cut.
    Linkage {
        /// Nearest of each feature.
        k: usize,
        /// Average rather than single.
        average: bool,
        /// Where.
        cut: Cut,
    },
}

/// Where a hierarchy is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cut {
    /// At a similarity.
    At(f64),
    /// Into as many groups, single features counted.
    Into(usize),
}

/// A way to group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grouping {
    /// By what.
    pub on: On,
    /// How.
    pub method: Method,
    /// The draws.
    pub seed: u64,
}

/// Groups, and how they came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouped {
    /// The groups.
    pub clusters: Clusters,
    /// Facts about them: quality, modularity, what was found out on the way.
    pub facts: Map<String, Value>,
}

impl Grouping {
    /// Its parameters, as provenance has them.
    pub fn parameters(&self) -> Map<String, Value> {
        let mut all = self.method.parameters();
        all.insert("on".into(), self.on.name().into());
        all
    }
}

impl Method {
    /// Its parameters, as provenance has them.
    pub fn parameters(self) -> Map<String, Value> {
        let own = match self {
            Method::Graph { k, tau } => json!({ "method": "graph", "k": k, "tau": tau }),
            Method::Leiden { k, resolution: Some(resolution) } => {
                json!({ "method": "leiden", "k": k, "resolution": resolution })
            }
            Method::Leiden { k, resolution: None } => json!({
                "method": "leiden", "k": k, "resolution": "stable", "coarsest": COARSEST, "ratio": RATIO,
                "steps": STEPS, "seeds": SEEDS,
            }),
            Method::Spectral { k, clusters, affinity } => json!({
                "method": "spectral", "k": k, "clusters": clusters, "affinity": match affinity {
                    AffinityKind::Positive => "positive",
                    AffinityKind::Square => "square",
                    AffinityKind::Angular => "angular",
                },
            }),
            Method::Kmeans { clusters } => json!({ "method": "kmeans", "clusters": clusters }),
            Method::Linkage { k, average, cut } => json!({
                "method": "linkage", "k": k, "linkage": if average { "average" } else { "single" },
                "tau": match cut { Cut::At(tau) => Some(tau), Cut::Into(_) => None },
                "clusters": match cut { Cut::Into(count) => Some(count), Cut::At(_) => None },
            }),
        };
        own.as_object().cloned().unwrap_or_default()
    }
}

/// Similarities above 0, as weights.
pub(super) fn positive(similarity: f32) -> Option<f32> {
    (similarity > 0.0).then_some(similarity)
}

/// The graph of the first `k` of every list, `weigh` making weights of similarities.
pub(super) fn graph_of(lists: &Lists, k: usize, weigh: impl Fn(f32) -> Option<f32>) -> Graph {
    let row = |i: usize| {
        let (others, values) = lists.row(i);
        others.iter().zip(values).take(k).map(move |(&other, &value)| (i as u32, other, value))
    };
    let edges = (0..lists.len()).flat_map(row).filter_map(|(a, b, value)| Some((a, b, weigh(value)?)));
    Graph::from_edges(lists.len(), edges)
}

/// Groups the `n` nodes whose most similar `similar` lists, by a method that needs no more than their links.
///
/// # Errors
/// If a parameter is out of range, the method needs more, or the task is cancelled.
fn group_links(
    n: usize,
    method: Method,
    seed: u64,
    similar: &dyn Fn(usize, &Task) -> Result<Lists>,
    task: &Task,
) -> Result<Grouped> {
    let mut facts = Map::new();
    let graph = |k: usize, weigh: &dyn Fn(f32) -> Option<f32>| -> Result<Graph> {
        let k = k.min(n.saturating_sub(1));
        Ok(graph_of(&similar(k, task)?, k, weigh))
    };
    let clusters = match method {
        Method::Graph { k, tau } => {
            let params = ComponentsParams { k, tau, min_size: 2 };
            params.check(n)?;
            components(&graph(k, &|similarity| params.keep(similarity))?, params.min_size, task)?
        }
        Method::Leiden { k, resolution } => {
            let Some(resolution) = resolution else {
                return Err(Problem::new("Leiden without a resolution").hint("--resolution 1").usage());
            };
            let params = LeidenParams { resolution, seed, ..LeidenParams::default() };
            params.check()?;
            let found = leiden(&graph(k, &positive)?, &params, task)?;
            facts.insert("quality".into(), json!(found.quality));
            found.clusters
        }
        Method::Spectral { k, clusters, affinity } => {
            let params = SpectralParams { clusters, seed, ..SpectralParams::default() };
            params.check(n)?;
            let weigh = |x: f32| match affinity {
                AffinityKind::Positive => positive(x),
                AffinityKind::Square => positive(x * x),
                AffinityKind::Angular => None,
            };
            let found = spectral(&graph(k, &weigh)?, &params, task)?;
            facts.insert("eigenvalues".into(), json!(found.eigenvalues));
            found.clusters
        }
        Method::Linkage { k, average: by_average, cut } => {
            let graph = graph(k, &positive)?;
            let tree = if by_average { average(&graph, task)? } else { single(&graph, task)? };
            match cut {
                Cut::At(similarity) => tree.cut(similarity, 2)?,
                Cut::Into(count) => tree.cut_into(count, 2)?,
            }
        }
        Method::Kmeans { .. } => return Err(Problem::new("k-means of links").usage()),
    };
    Ok(Grouped { clusters, facts })
}

/// Groups points by Euclidean distance: k-means as it is, the others over `exp(-d²/σσ')`, σ being a point's distance to
/// its k-th nearest (Zelnik-Manor and Perona 2004), which knows no unit. Points at one place are similar to 1.
///
/// # Errors
/// If a parameter is out of range, a value is not finite, or the task is cancelled.
pub fn group_points(points: &dyn Rows, method: Method, seed: u64, task: &Task) -> Result<Grouped> {
    if let Method::Kmeans { clusters } = method {
        let params = KmeansParams { clusters, seed, ..KmeansParams::default() };
        params.check(points.nrows())?;
        let found = kmeans(points, &params, task)?;
        let facts = Map::from_iter([("inertia".to_string(), json!(found.inertia))]);
        return Ok(Grouped { clusters: found.clusters, facts });
    }
    if matches!(method, Method::Spectral { affinity: AffinityKind::Angular, .. }) {
        return Err(Problem::new("--affinity angular is of directions").hint("leaving it out").usage());
    }
    let similar = |k: usize, task: &Task| {
        let (indices, distances) = nearest_points(points, k, task)?;
        let scale: Vec<f64> = distances.chunks_exact(k).map(|row| row[k - 1]).collect();
        let similarity = |at: usize| {
            let (distance, both) = (distances[at], scale[at / k] * scale[indices[at] as usize]);
            if distance <= 0.0 { 1.0 } else { (-distance * distance / both.max(f64::MIN_POSITIVE)).exp() as f32 }
        };
        let values = (0..indices.len()).map(similarity).collect();
        Ok(Lists { indptr: (0..=points.nrows()).map(|row| row * k).collect(), indices, values })
    };
    group_links(points.nrows(), method, seed, &similar, task)
}

impl Study {
    /// The activations, read if they have not been.
    ///
    /// # Errors
    /// If there are none, or they cannot be read.
    pub fn need_activations(&self, what: &str, task: &Task) -> Result<&Activations> {
        self.load_evidence(task)?.activations.as_ref().ok_or_else(|| {
            Problem::new(format!("there are no activations, and {what} asks for them"))
                .hint("naming them with --acts FILE")
                .usage()
        })
    }
    fn directions(&self, on: On) -> Result<&dyn Rows> {
        match on {
            On::Encoder => match &self.dictionary.encoder {
                Some(encoder) => Ok(encoder),
                None => Err(Problem::new("this dictionary has no encoder").hint("--on decoder").usage()),
            },
            _ => Ok(&self.dictionary.decoder),
        }
    }
    /// The `k` most similar of every feature.
    ///
    /// # Errors
    /// If `k` is out of range, what is asked for is not there, or the task is cancelled.
    pub fn similar(&self, on: On, k: usize, task: &Task) -> Result<Lists> {
        let Some(measure) = on.measure() else {
            let found = match on {
                On::Encoder => knn(self.directions(on)?, &KnnParams { k }, task).map_err(|e| e.in_file(&self.name))?,
                _ => self.knn(k, task)?,
            };
            let indptr = (0..=self.features()).map(|row| row * k).collect();
            return Ok(Lists { indptr, indices: found.indices, values: found.cosines });
        };
        let activations = self.need_activations(&format!("grouping on {}", on.name()), task)?;
        let acts = Acts::new(&activations.by_token, &activations.by_feature, task)?;
        let combine = match on {
            On::Sum(_) => Combine::Sum,
            On::Max(_) => Combine::Max,
            _ => return similar(&acts, measure, k, 0.0, task),
        };
        let params = MixedParams { measure, combine, k, ..MixedParams::default() };
        Ok(mixed(&self.dictionary.decoder, &acts, &params, task).map_err(|error| error.in_file(&self.name))?.0)
    }
    /// The graph of the `k` most similar of every feature, `weigh` making weights of similarities.
    fn graph(&self, on: On, k: usize, weigh: impl Fn(f32) -> Option<f32>, task: &Task) -> Result<Graph> {
        let k = k.min(self.features().saturating_sub(1));
        Ok(graph_of(&self.similar(on, k, task)?, k, weigh))
    }
    /// Groups the features.
    ///
    /// # Errors
    /// If a parameter is out of range, what is asked for is not there, or the task is cancelled.
    pub fn group(&self, grouping: &Grouping, task: &Task) -> Result<Grouped> {
        let Grouping { on, method, seed } = *grouping;
        let mut facts = Map::new();
        let clusters = match method {
            Method::Leiden { k, resolution: None } => {
                let (clusters, stability, _) = self.stable_groups(on, k, seed, task)?;
                facts.insert("stability".into(), json!(stability));
                clusters
            }
            Method::Spectral { clusters, affinity: AffinityKind::Angular, .. } => {
                if on.measure().is_some() {
                    return Err(Problem::new(format!("angles of {}", on.name()))
                        .expected("directions")
                        .hint("--on decoder")
                        .usage());
                }
                let params = SpectralParams { clusters, seed, ..SpectralParams::default() };
                params.check(self.features())?;
                let found = spectral(&Angular::new(self.directions(on)?, task)?, &params, task)?;
                facts.insert("eigenvalues".into(), json!(found.eigenvalues));
                found.clusters
            }
            Method::Kmeans { clusters } => {
                if on.measure().is_some() {
                    return Err(Problem::new(format!("k-means on {}", on.name()))
                        .expected("directions: decoder or encoder")
                        .hint("--method leiden")
                        .usage());
                }
                let params = KmeansParams { clusters, seed, spherical: true, ..KmeansParams::default() };
                params.check(self.features())?;
                let found = kmeans(self.directions(on)?, &params, task).map_err(|e| e.in_file(&self.name))?;
                facts.insert("inertia".into(), json!(found.inertia));
                found.clusters
            }
            method => return group_links(self.features(), method, seed, &|k, task| self.similar(on, k, task), task),
        };
        Ok(Grouped { clusters, facts })
    }
    /// The partitions of the grid of resolutions, [`SEEDS`] of each step, the coarsest first. Kept in the cache.
    ///
    /// # Errors
    /// As [`Study::group`].
    pub fn partitions(&self, on: On, k: usize, seed: u64, task: &Task) -> Result<Vec<Clusters>> {
        let n = self.features();
        self.need_activations(&format!("grouping on {}", on.name()), task)?;
        let evidence = self.sources_text();
        let question = format!(
            "leiden on={} k={k} seed={seed} coarsest={COARSEST} ratio={RATIO} steps={STEPS} seeds={SEEDS} on {evidence}",
            on.name()
        );
        let runs = || -> Result<Vec<Clusters>> {
            let graph = self.graph(on, k, positive, task)?;
            let runs: Vec<LeidenParams> = (0..STEPS)
                .flat_map(|step| (0..SEEDS).map(move |own| (step, own)))
                .map(|(step, own)| LeidenParams {
                    resolution: n as f64 / COARSEST * RATIO.powi(step as i32),
                    seed: seed.wrapping_mul(SEEDS).wrapping_add(own),
                    ..LeidenParams::default()
                })
                .collect();
            Ok(leiden_runs(&graph, &runs, task)?.into_iter().map(|found| found.clusters).collect())
        };
        self.cached(
            &self.key(&question, &format!("leiden{LEIDEN_VERSION}")),
            |arrays| {
                let labels: Vec<i32> = arrays.get("labels")?;
                let parts: Vec<Clusters> = labels.chunks_exact(n.max(1)).map(Clusters::from_labels).collect();
                let same = parts.iter().zip(labels.chunks_exact(n.max(1))).all(|(part, raw)| part.labels == raw);
                (same && labels.len() == n * STEPS * SEEDS as usize).then_some(parts)
            },
            runs,
            |parts| {
                Arrays::new().with("labels", &parts.iter().flat_map(|part| part.labels.clone()).collect::<Vec<i32>>())
            },
        )
    }
    /// The stable groups of a grid of resolutions, their stability, and all candidates, the most stable first.
    ///
    /// # Errors
    /// As [`Study::group`].
    pub fn stable_groups(
        &self,
        on: On,
        k: usize,
        seed: u64,
        task: &Task,
    ) -> Result<(Clusters, Vec<f64>, Vec<Candidate>)> {
        let partitions = self.partitions(on, k, seed, task)?;
        let all = candidates(&partitions, SEEDS as usize, SMALLEST, task)?;
        let (clusters, stability) = stable(self.features(), &all);
        Ok((clusters, stability, all))
    }
}
