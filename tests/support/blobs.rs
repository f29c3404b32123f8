//! Maps of blobs.

use saescope::analysis::Product;
use saescope::geometry::cluster::Clusters;
use saescope::geometry::cluster::hdbscan::HdbscanParams;
use saescope::geometry::umap::Umap;
use saescope::rows::Points;
use std::sync::Arc;

/// Clusters of the blobs.
const BLOBS: usize = 24;

/// Points around 24 centres, each tenth far from all of them and in no cluster; the same in every run.
pub(crate) fn blobs(count: usize) -> (Points, Vec<i32>) {
    let mut state = 1_u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let centres: Vec<(f32, f32)> = (0..BLOBS).map(|_| (uniform() * 20.0, uniform() * 20.0)).collect();
    let labels: Vec<i32> = (0..count).map(|i| if i % 10 == 0 { -1 } else { (i % BLOBS) as i32 }).collect();
    let points = labels.iter().flat_map(|&label| {
        // The sum of four uniform numbers is near enough to a normal one.
        let mut normal = || (0..4).map(|_| uniform() - 0.5).sum::<f32>() * 1.7;
        let (dx, dy) = (normal(), normal());
        match centres.get(label as usize) {
            Some((x, y)) => [x + dx, y + dy],
            None => [dx * 5.0 + 10.0, dy * 5.0 + 10.0],
        }
    });
    (Points::new(points.collect(), 2), labels)
}

/// A finished map, as jobs bring it.
pub(crate) fn map(coordinates: Points, labels: &[i32]) -> [Product; 2] {
    [
        Product::Umap(Arc::new(Umap { coordinates, epochs: 1, a: 1.0, b: 1.0 })),
        Product::Clusters(Arc::new(Clusters::from_labels(labels)), HdbscanParams::default()),
    ]
}
