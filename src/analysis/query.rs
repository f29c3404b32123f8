//! The questions that take time, answered from the cache where they were asked before.
//!
//! Each algorithm has a version: raise it when the bytes of its answer change. The key of an answer names the versions
//! of all algorithms that it is made from, so that a map of other neighbours is another map. What the cache gives back
//! is checked like any other file: sizes, ranges, finite numbers; an answer that fails is computed anew.

use super::cache::{Arrays, Key};
use super::map::MapParams;
use super::study::Study;
use crate::error::{Problem, Result};
use crate::geometry::cluster::Clusters;
use crate::geometry::cluster::hdbscan::{Metric, hdbscan};
use crate::geometry::coactivation;
use crate::geometry::diffusion::{Diffusion, diffusion, kernel};
use crate::geometry::neighbors::{Knn, KnnParams, knn, nearest};
use crate::geometry::pca::{Pca, pca};
use crate::geometry::trust::{Trust, trust};
use crate::geometry::umap::{Frame, Init, Umap, UmapParams, umap};
use crate::rows::{Points, Rows};
use crate::task::Task;
use serde::Serialize;
use std::sync::Arc;

const KNN_VERSION: u32 = 1;
const PCA_VERSION: u32 = 3;
const UMAP_VERSION: u32 = 2;
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

/// Neighbours of one feature by one measure, nearest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Of which feature.
    pub feature: u32,
    /// By which measure.
    pub by: NeighborsBy,
    /// They.
    pub neighbours: Arc<Vec<Neighbor>>,
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

fn knn_versions() -> String {
    format!("knn{KNN_VERSION}")
}

fn pca_versions() -> String {
    format!("pca{PCA_VERSION}")
}

fn umap_versions(init: Init) -> String {
    let made_from = match init {
        Init::Spectral => knn_versions(),
        Init::Pca => format!("{} {}", knn_versions(), pca_versions()),
    };
    format!("umap{UMAP_VERSION} {made_from}")
}

fn cluster_versions(init: Init) -> String {
    format!("hdbscan{HDBSCAN_VERSION} {}", umap_versions(init))
}

fn trust_versions(init: Init) -> String {
    format!("trust{TRUST_VERSION} {}", umap_versions(init))
}

fn umap_question(params: &UmapParams) -> String {
    let UmapParams { neighbors, min_dist, spread, dims, epochs, init, seed } = params;
    let epochs = epochs.map_or("auto".into(), |epochs| epochs.to_string());
    let init = init.name();
    format!(
        "umap neighbors={neighbors} min_dist={min_dist} spread={spread} dims={dims} epochs={epochs} init={init} seed={seed}"
    )
}

impl Study {
    pub(super) fn key(&self, question: &str, versions: &str) -> Key {
        Key::new(&self.fingerprint, question, versions)
    }
    fn knn_key(&self, k: usize) -> Key {
        self.key(&format!("knn decoder k={k}"), &knn_versions())
    }
    fn pca_key(&self, dims: usize) -> Key {
        self.key(&format!("pca decoder dims={dims}"), &pca_versions())
    }
    fn umap_key(&self, params: &UmapParams) -> Key {
        self.key(&umap_question(params), &umap_versions(params.init))
    }
    fn cluster_key(&self, map: &MapParams) -> Key {
        let (size, samples) = (map.hdbscan.min_cluster_size, map.hdbscan.samples());
        let question = format!("hdbscan size={size} samples={samples} on {}", umap_question(&map.umap));
        self.key(&question, &cluster_versions(map.umap.init))
    }
    fn trust_key(&self, map: &MapParams, k: usize) -> Key {
        self.key(&format!("trust k={k} on {}", umap_question(&map.umap)), &trust_versions(map.umap.init))
    }
    /// Asks the cache, else computes and keeps. A cache that cannot be written is not an error of the answer.
    pub(super) fn cached<T>(
        &self,
        key: &Key,
        load: impl FnOnce(&Arrays) -> Option<T>,
        compute: impl FnOnce() -> Result<T>,
        save: impl FnOnce(&T) -> Arrays,
    ) -> Result<T> {
        if let Some(found) = self.cache.get(key).and_then(|arrays| load(&arrays)) {
            return Ok(found);
        }
        let made = compute().map_err(|error| error.in_file(&self.name))?;
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
            &self.knn_key(k),
            |arrays| load_knn(arrays, n, k),
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
            &self.pca_key(dims),
            |arrays| load_pca(arrays, n, d, dims),
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
    /// The diffusion map of the decoder directions over each feature's `k` nearest.
    ///
    /// # Errors
    /// As [`Study::knn`] and [`diffusion()`].
    pub fn diffusion(&self, k: usize, dims: usize, task: &Task) -> Result<Diffusion> {
        diffusion(&kernel(&self.knn(k, task)?), dims, task)
    }
    /// The finished layout, if it was made before.
    pub fn cached_umap(&self, params: &UmapParams) -> Option<Umap> {
        let arrays = self.cache.get(&self.umap_key(params))?;
        load_umap(&arrays, self.features(), params.dims)
    }
    /// The UMAP layout of the decoder directions; `on_frame` sees it form, unless it was kept. `neighbours` are
    /// computed (or read) only when they are needed and not given. A lone feature lies at the origin.
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
            &self.umap_key(params),
            |arrays| load_umap(arrays, n, params.dims),
            || {
                params.check(n)?;
                let k = params.neighbors - 1;
                let own;
                let neighbours = match neighbours {
                    Some(given) if given.k == k => given,
                    _ => {
                        own = if n > 1 { self.knn(k, task)? } else { Knn::none(k) };
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
        let n = layout.len();
        self.cached(
            &self.cluster_key(map),
            |arrays| load_clusters(arrays, n),
            || hdbscan(layout, Metric::Euclidean, &map.hdbscan, task),
            |clusters| Arrays::new().with("labels", &clusters.labels),
        )
    }
    /// How far the layout of `map` can be trusted, against cosine distance of the decoder directions; none for fewer
    /// than three features, where nothing can be in a wrong place.
    ///
    /// # Errors
    /// As [`trust`].
    pub fn map_trust(&self, map: &MapParams, layout: &Points, task: &Task) -> Result<Option<Trust>> {
        let n = layout.len();
        if n < 3 {
            return Ok(None);
        }
        let k = TRUST_K.min((n - 1) / 2);
        self.cached(
            &self.trust_key(map, k),
            |arrays| load_trust(arrays, n, k),
            || trust(layout, &self.dictionary.decoder, Metric::Cosine, k, task),
            |trust| {
                Arrays::new()
                    .with("totals", &[trust.trustworthiness, trust.continuity, trust.knn_preservation])
                    .with("trustworthiness", &trust.trustworthiness_per_point)
                    .with("continuity", &trust.continuity_per_point)
                    .with("knn_preservation", &trust.knn_preservation_per_point)
            },
        )
        .map(Some)
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
        let near = nearest(rows, feature, k, task).map_err(|error| error.in_file(&self.name))?;
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

fn load_knn(arrays: &Arrays, n: usize, k: usize) -> Option<Knn> {
    let found = Knn { k, indices: arrays.get("indices")?, cosines: arrays.get("cosines")? };
    let whole = found.indices.len() == n * k && found.cosines.len() == n * k;
    let in_range = found.indices.iter().all(|&i| (i as usize) < n) && found.cosines.iter().all(|c| c.abs() <= 1.0);
    (whole && in_range).then_some(found)
}

fn load_pca(arrays: &Arrays, n: usize, d: usize, dims: usize) -> Option<Pca> {
    let (coordinates, components) =
        (finite32(arrays, "coordinates", n * dims)?, finite32(arrays, "components", d * dims)?);
    (dims > 0 && d > 0).then_some(())?;
    Some(Pca {
        coordinates: Points::new(coordinates, dims),
        components: Points::new(components, d),
        mean: finite32(arrays, "mean", d)?,
        explained_variance: finite64(arrays, "explained_variance", dims)?,
        explained_variance_ratio: finite64(arrays, "explained_variance_ratio", dims)?,
    })
}

fn load_umap(arrays: &Arrays, n: usize, dims: usize) -> Option<Umap> {
    let coordinates = finite32(arrays, "coordinates", n * dims)?;
    let [epochs] = arrays.get::<u64>("epochs")?[..] else { return None };
    let [a, b] = finite32(arrays, "curve", 2)?[..] else { return None };
    (dims > 0).then(|| Umap { coordinates: Points::new(coordinates, dims), epochs: epochs as usize, a, b })
}

fn load_clusters(arrays: &Arrays, n: usize) -> Option<Clusters> {
    let labels: Vec<i32> = arrays.get("labels")?;
    let clusters = Clusters::from_labels(&labels);
    (labels.len() == n && clusters.labels == labels).then_some(clusters)
}

fn load_trust(arrays: &Arrays, n: usize, k: usize) -> Option<Trust> {
    let [trustworthiness, continuity, knn_preservation] = finite64(arrays, "totals", 3)?[..] else { return None };
    Some(Trust {
        k,
        trustworthiness,
        continuity,
        knn_preservation,
        trustworthiness_per_point: finite64(arrays, "trustworthiness", n)?,
        continuity_per_point: finite64(arrays, "continuity", n)?,
        knn_preservation_per_point: finite64(arrays, "knn_preservation", n)?,
    })
}

/// The array of `length` finite numbers called `name`.
fn finite32(arrays: &Arrays, name: &str, length: usize) -> Option<Vec<f32>> {
    arrays.get::<f32>(name).filter(|values| values.len() == length && values.iter().all(|x| x.is_finite()))
}

/// As [`finite32`], of f64.
fn finite64(arrays: &Arrays, name: &str, length: usize) -> Option<Vec<f64>> {
    arrays.get::<f64>(name).filter(|values| values.len() == length && values.iter().all(|x| x.is_finite()))
}

#[cfg(test)]
mod tests;
