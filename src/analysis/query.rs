//! The questions that take time, answered from the cache where they were asked before.
//!
//! Each query names its algorithm's version; raise it when the answer's bytes change.

use super::cache::{Arrays, Key};
use super::map::MapParams;
use super::study::Study;
use crate::error::{Problem, Result};
use crate::geometry::cluster::Clusters;
use crate::geometry::cluster::hdbscan::{Metric, hdbscan};
use crate::geometry::coactivation;
use crate::geometry::neighbors::{Knn, KnnParams, knn, nearest};
use crate::geometry::pca::{Pca, pca};
use crate::geometry::trust::{Trust, trust};
use crate::geometry::umap::{Frame, Init, Umap, UmapParams, umap};
use crate::rows::{Points, Rows};
use crate::task::Task;
use serde::Serialize;

const KNN_VERSION: u32 = 1;
const PCA_VERSION: u32 = 1;
const UMAP_VERSION: u32 = 1;
const HDBSCAN_VERSION: u32 = 1;
const TRUST_VERSION: u32 = 1;

/// Neighbourhood size at which maps are judged.
pub const TRUST_K: usize = 15;

/// What neighbours are measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NeighborsBy {
    /// Cosine of decoder directions.
    Decoder,
    /// Cosine of encoder directions.
    Encoder,
    /// Cosine of activations over the tokens at hand.
    Activation,
}

/// A neighbour of a feature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Neighbor {
    /// Its index.
    pub feature: u32,
    /// Cosine similarity.
    pub cosine: f32,
    /// Its first label.
    pub label: Option<String>,
}

fn umap_question(params: &UmapParams) -> String {
    let UmapParams { neighbors, min_dist, spread, dims, epochs, init, seed } = params;
    let epochs = epochs.map_or("auto".into(), |epochs| epochs.to_string());
    let init = match init {
        Init::Spectral => "spectral",
        Init::Pca => "pca",
    };
    format!(
        "umap neighbors={neighbors} min_dist={min_dist} spread={spread} dims={dims} epochs={epochs} init={init} seed={seed}"
    )
}

impl Study {
    fn key(&self, question: &str, version: u32) -> Key {
        Key::new(&self.fingerprint, question, version)
    }
    /// Asks the cache, else computes and keeps. A cache that cannot be written is not an error of the answer.
    fn cached<T>(
        &self,
        key: &Key,
        load: impl FnOnce(&Arrays) -> Option<T>,
        compute: impl FnOnce() -> Result<T>,
        save: impl FnOnce(&T) -> Arrays,
    ) -> Result<T> {
        if let Some(found) = self.cache.get(key).and_then(|arrays| load(&arrays)) {
            return Ok(found);
        }
        let made = compute()?;
        let _ = self.cache.put(key, &self.name, &save(&made));
        Ok(made)
    }
    /// Exact cosine neighbours of all decoder directions.
    ///
    /// # Errors
    /// As [`knn`].
    pub fn knn(&self, k: usize, task: &Task) -> Result<Knn> {
        let n = self.features();
        self.cached(
            &self.key(&format!("knn decoder k={k}"), KNN_VERSION),
            |arrays| {
                let found = Knn { k, indices: arrays.get("indices")?, cosines: arrays.get("cosines")? };
                (found.indices.len() == n * k && found.cosines.len() == n * k).then_some(found)
            },
            || knn(&self.dictionary.decoder, &KnnParams { k }, task),
            |knn| Arrays::new().with("indices", &knn.indices).with("cosines", &knn.cosines),
        )
    }
    /// The first `dims` principal components of the decoder directions.
    ///
    /// # Errors
    /// As [`pca`].
    pub fn pca(&self, dims: usize, task: &Task) -> Result<Pca> {
        let (n, d) = (self.features(), self.dictionary.d_out());
        self.cached(
            &self.key(&format!("pca decoder dims={dims}"), PCA_VERSION),
            |arrays| {
                let coordinates: Vec<f32> = arrays.get("coordinates")?;
                let components: Vec<f32> = arrays.get("components")?;
                let whole = coordinates.len() == n * dims && components.len() == d * dims && dims > 0;
                whole.then_some(())?;
                Some(Pca {
                    coordinates: Points::new(coordinates, dims),
                    components: Points::new(components, d),
                    mean: arrays.get("mean")?,
                    explained_variance: arrays.get("explained_variance")?,
                    explained_variance_ratio: arrays.get("explained_variance_ratio")?,
                })
            },
            || pca(&self.dictionary.decoder, dims, task),
            |pca| {
                Arrays::new()
                    .with("coordinates", pca.coordinates.data())
                    .with("components", pca.components.data())
                    .with("mean", &pca.mean)
                    .with("explained_variance", &pca.explained_variance)
                    .with("explained_variance_ratio", &pca.explained_variance_ratio)
            },
        )
    }
    /// The finished layout, if it was made before.
    pub fn cached_umap(&self, params: &UmapParams) -> Option<Umap> {
        let arrays = self.cache.get(&self.key(&umap_question(params), UMAP_VERSION))?;
        load_umap(&arrays, self.features(), params.dims)
    }
    /// The UMAP layout of the decoder directions; `on_frame` sees it form, unless it was kept. `neighbours` are
    /// computed (or read) only when they are needed and not given.
    ///
    /// # Errors
    /// As [`knn`] and [`umap`].
    pub fn umap(
        &self,
        params: &UmapParams,
        neighbours: Option<&Knn>,
        task: &Task,
        on_frame: &mut dyn FnMut(Frame<'_>),
    ) -> Result<Umap> {
        let n = self.features();
        self.cached(
            &self.key(&umap_question(params), UMAP_VERSION),
            |arrays| load_umap(arrays, n, params.dims),
            || {
                if params.neighbors < 2 || params.neighbors > n {
                    return Err(Problem::new(format!("{} neighbours for {n} features", params.neighbors))
                        .expected("2 or more, and at most the number of features")
                        .hint("--neighbors 15")
                        .usage());
                }
                let k = params.neighbors - 1;
                let own;
                let neighbours = match neighbours {
                    Some(given) if given.k == k => given,
                    _ => {
                        own = self.knn(k, task)?;
                        &own
                    }
                };
                umap(&self.dictionary.decoder, neighbours, params, task, on_frame)
            },
            |umap| {
                Arrays::new()
                    .with("coordinates", umap.coordinates.data())
                    .with("epochs", &[umap.epochs as u64])
                    .with("curve", &[umap.a, umap.b])
            },
        )
    }
    /// The UMAP layout over a given neighbour graph; not kept, since the graph is not part of the study.
    ///
    /// # Errors
    /// As [`umap`].
    pub fn umap_on(&self, graph: &Knn, params: &UmapParams, task: &Task) -> Result<Umap> {
        umap(&self.dictionary.decoder, graph, params, task, &mut |_| {})
    }
    /// Clusters of a layout; the layout's own question is part of the key.
    ///
    /// # Errors
    /// As [`hdbscan`].
    pub fn map_clusters(&self, map: &MapParams, layout: &Points, task: &Task) -> Result<Clusters> {
        let (size, samples) = (map.hdbscan.min_cluster_size, map.hdbscan.samples());
        let question = format!("hdbscan size={size} samples={samples} on {}", umap_question(&map.umap));
        let n = layout.len();
        self.cached(
            &self.key(&question, HDBSCAN_VERSION + 1000 * UMAP_VERSION),
            |arrays| {
                let labels: Vec<i32> = arrays.get("labels")?;
                (labels.len() == n).then(|| Clusters::from_labels(&labels))
            },
            || hdbscan(layout, Metric::Euclidean, &map.hdbscan, task),
            |clusters| Arrays::new().with("labels", &clusters.labels),
        )
    }
    /// How far the layout of `map` can be trusted, against cosine distance of the decoder directions.
    ///
    /// # Errors
    /// As [`trust`].
    pub fn map_trust(&self, map: &MapParams, layout: &Points, task: &Task) -> Result<Trust> {
        let n = layout.len();
        let k = TRUST_K.min((n.saturating_sub(1)) / 2).max(1);
        let question = format!("trust k={k} on {}", umap_question(&map.umap));
        self.cached(
            &self.key(&question, TRUST_VERSION + 1000 * UMAP_VERSION),
            |arrays| {
                let totals: Vec<f64> = arrays.get("totals")?;
                let [trustworthiness, continuity, knn_preservation] = totals[..] else { return None };
                let found = Trust {
                    k,
                    trustworthiness,
                    continuity,
                    knn_preservation,
                    trustworthiness_per_point: arrays.get("trustworthiness")?,
                    continuity_per_point: arrays.get("continuity")?,
                    knn_preservation_per_point: arrays.get("knn_preservation")?,
                };
                (found.trustworthiness_per_point.len() == n).then_some(found)
            },
            || trust(layout, &self.dictionary.decoder, Metric::Cosine, k, task),
            |trust| {
                Arrays::new()
                    .with("totals", &[trust.trustworthiness, trust.continuity, trust.knn_preservation])
                    .with("trustworthiness", &trust.trustworthiness_per_point)
                    .with("continuity", &trust.continuity_per_point)
                    .with("knn_preservation", &trust.knn_preservation_per_point)
            },
        )
    }
    /// The `k` nearest features of `feature`, nearest first.
    ///
    /// # Errors
    /// If `feature` or `k` is out of range, or what is asked for is not there (no encoder, no activations).
    pub fn neighbors(&self, feature: usize, k: usize, by: NeighborsBy, task: &Task) -> Result<Vec<Neighbor>> {
        if feature >= self.features() {
            return Err(Problem::new(format!("there is no feature {feature}"))
                .expected(format!("0 to {}", self.features().saturating_sub(1)))
                .usage());
        }
        let rows: &dyn Rows = match by {
            NeighborsBy::Decoder => &self.dictionary.decoder,
            NeighborsBy::Encoder => self
                .dictionary
                .encoder
                .as_ref()
                .ok_or_else(|| Problem::new("this dictionary has no encoder").hint("--by decoder").usage())?,
            NeighborsBy::Activation => {
                let activations = self.load_evidence(task)?.activations.as_ref().ok_or_else(|| {
                    Problem::new("there are no activations").hint("naming them with --acts FILE").usage()
                })?;
                let near = coactivation::nearest(&activations.by_token, &activations.by_feature, feature, k, task)?;
                return Ok(self.labelled(near));
            }
        };
        let near = nearest(rows, feature, k, task)?;
        self.load_evidence(task)?;
        Ok(self.labelled(near))
    }
    fn labelled(&self, near: Vec<(u32, f32)>) -> Vec<Neighbor> {
        near.into_iter()
            .map(|(feature, cosine)| Neighbor {
                feature,
                cosine,
                label: self.label(feature as usize).map(str::to_string),
            })
            .collect()
    }
}

fn load_umap(arrays: &Arrays, n: usize, dims: usize) -> Option<Umap> {
    let coordinates: Vec<f32> = arrays.get("coordinates")?;
    let [epochs] = arrays.get::<u64>("epochs")?[..] else { return None };
    let [a, b] = arrays.get::<f32>("curve")?[..] else { return None };
    let whole = dims > 0 && coordinates.len() == n * dims;
    whole.then(|| Umap { coordinates: Points::new(coordinates, dims), epochs: epochs as usize, a, b })
}
