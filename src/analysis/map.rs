//! The map: its parameters, how it is grouped where nobody said how, and the job that makes all of it.

use super::jobs::{JobContext, Product};
use super::study::Study;
use crate::error::Result;
use crate::geometry::cluster::Clusters;
use crate::geometry::cluster::hdbscan::HdbscanParams;
use crate::geometry::umap::{Frame, UmapParams};
use crate::rows::Points;
use crate::task::Task;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Parameters of the map and of its clusters.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MapParams {
    /// The layout.
    pub umap: UmapParams,
    /// The clusters.
    pub hdbscan: HdbscanParams,
    /// Whether `hdbscan` is only where to begin: see [`Study::fitted_clusters`].
    pub fit_clusters: bool,
}

impl MapParams {
    /// These parameters, with the neighbourhood cut to what `features` features allow.
    pub fn fitted(mut self, features: usize) -> Self {
        self.umap.neighbors = self.umap.neighbors.min(features).max(2);
        self
    }
    /// All of them by name, for the provenance of what is made with them.
    pub fn parameters(&self) -> Map<String, Value> {
        let mut all = layout_parameters(&self.umap);
        all.extend(grouping_parameters(&self.hdbscan));
        all
    }
    /// Checks the parameters for `features` features.
    ///
    /// # Errors
    /// As [`UmapParams::check`] and [`HdbscanParams::check`].
    pub fn check(&self, features: usize) -> Result<()> {
        self.umap.check(features)?;
        self.hdbscan.check(features)
    }
}

/// The parameters of a layout by name, for the provenance of what is made with them.
pub fn layout_parameters(umap: &UmapParams) -> Map<String, Value> {
    // An f32 is written in its short form: .1, not .10000000149.
    let short = |x: f32| Value::from(x.to_string().parse::<f64>().unwrap_or(f64::NAN));
    let all = [
        ("neighbors", umap.neighbors.into()),
        ("min_dist", short(umap.min_dist)),
        ("spread", short(umap.spread)),
        ("init", umap.init.name().into()),
        ("seed", umap.seed.into()),
    ];
    all.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

/// The parameters of a grouping by name, for the provenance of what is made with them.
pub fn grouping_parameters(hdbscan: &HdbscanParams) -> Map<String, Value> {
    let all = [("min_cluster_size", hdbscan.min_cluster_size), ("min_samples", hdbscan.samples())];
    all.into_iter().map(|(name, value)| (name.to_string(), value.into())).collect()
}

/// `min_cluster_size` of what is tried after the parameters themselves where one cluster swallows the map, with core
/// distances over [`FINER_SAMPLES`] neighbours.
const FINER: [usize; 3] = [15, 10, 5];
const FINER_SAMPLES: usize = 5;

/// Whether a grouping tells the features apart: two clusters or more, and none with more than half of the features.
///
/// scikit-learn forbids the one cluster of everything (`allow_single_cluster=False`), but not one of nearly everything
/// beside a speck, which is what excess of mass settles on where density hardly varies.
pub fn tells_apart(clusters: &Clusters) -> bool {
    clusters.count >= 2 && clusters.sizes().iter().all(|size| size * 2 <= clusters.labels.len())
}

impl Study {
    /// Clusters of a layout, and the parameters that made them: those of `map`; or, if it leaves them open
    /// ([`MapParams::fit_clusters`]) and they do not tell the features apart ([`tells_apart`]), the first of a fixed
    /// row of finer ones that does: `min_samples` 5 and `min_cluster_size` 15, then 10, then 5.
    ///
    /// # Errors
    /// As [`Study::map_clusters`].
    pub fn fitted_clusters(
        &self,
        map: &MapParams,
        layout: &Points,
        task: &Task,
    ) -> Result<(Arc<Clusters>, HdbscanParams)> {
        let first = Arc::new(self.map_clusters(map, layout, task)?);
        if map.fit_clusters && !tells_apart(&first) {
            for min_cluster_size in FINER.into_iter().filter(|_| layout.len() >= FINER_SAMPLES) {
                let hdbscan = HdbscanParams { min_cluster_size, min_samples: Some(FINER_SAMPLES) };
                let clusters = self.map_clusters(&MapParams { hdbscan, ..*map }, layout, task)?;
                if tells_apart(&clusters) {
                    return Ok((Arc::new(clusters), hdbscan));
                }
            }
        }
        Ok((first, map.hdbscan))
    }
}

/// The whole map as a job: norms, principal components, neighbours, the layout as it forms, clusters. A map that was
/// kept arrives at once; neighbours for the inspector follow. A lone feature has neither components nor neighbours.
///
/// # Errors
/// As the queries it asks.
pub fn map_job(study: &Study, params: &MapParams, context: &JobContext) -> Result<()> {
    let task = &context.task;
    let publish_clusters = |layout: &Points| {
        let (clusters, hdbscan) = study.fitted_clusters(params, layout, task)?;
        context.publish(Product::Clusters(clusters, hdbscan));
        Ok::<_, crate::Error>(())
    };
    let kept = study.cached_umap(&params.umap).map(Arc::new);
    if let Some(umap) = &kept {
        context.publish(Product::Umap(Arc::clone(umap)));
        publish_clusters(&umap.coordinates)?;
    }
    context.publish(Product::Norms(study.norms(task)?));
    let mut neighbours = None;
    if study.features() > 1 {
        let pca = Arc::new(study.pca(2.min(study.dictionary.d_out()), task)?);
        context.publish(Product::Pca(pca));
        let knn = Arc::new(study.knn(params.umap.neighbors.saturating_sub(1).max(1), task)?);
        context.publish(Product::Knn(Arc::clone(&knn)));
        neighbours = Some(knn);
    }
    if kept.is_some() {
        return Ok(());
    }
    let mut on_frame = |frame: Frame<'_>| {
        context.publish(Product::Layout {
            epoch: frame.epoch,
            epochs: frame.epochs,
            coordinates: Arc::new(Points::new(frame.coordinates.to_vec(), params.umap.dims)),
        });
    };
    let umap = Arc::new(study.umap(&params.umap, neighbours.as_deref(), task, &mut on_frame)?);
    context.publish(Product::Umap(Arc::clone(&umap)));
    publish_clusters(&umap.coordinates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grouping_that_leaves_nearly_all_in_one_cluster_does_not_tell_apart() {
        let labels = |sizes: &[usize], noise: usize| {
            let mut all: Vec<i32> = Vec::new();
            for (label, size) in sizes.iter().enumerate() {
                all.extend(std::iter::repeat_n(label as i32, *size));
            }
            all.extend(std::iter::repeat_n(-1, noise));
            Clusters::from_labels(&all)
        };
        assert!(tells_apart(&labels(&[50, 50], 0)));
        assert!(tells_apart(&labels(&[5, 4], 91)));
        assert!(!tells_apart(&labels(&[51, 40], 9)));
        assert!(!tells_apart(&labels(&[40], 60)));
        assert!(!tells_apart(&labels(&[], 100)));
    }
}
