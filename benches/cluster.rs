//! HDBSCAN, by the k-d tree and by tiles.

#![allow(missing_docs, reason = "divan writes the items it registers")]

mod data;

use divan::Bencher;
use saescope::geometry::cluster::hdbscan::{HdbscanParams, Metric, hdbscan};
use saescope::rows::Points;
use saescope::task::Task;

fn main() {
    divan::main();
}

/// `n` points in blobs of several widths, and one in seven anywhere.
fn blobs(n: usize, dims: usize, groups: usize) -> Points {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let centres: Vec<f32> = (0..groups * dims).map(|_| uniform() * 40.0).collect();
    let mut values = Vec::with_capacity(n * dims);
    for i in 0..n {
        let group = (uniform() * groups as f32) as usize % groups;
        let width = 0.2 + (group % 7) as f32 * 0.4;
        for dim in 0..dims {
            let near = uniform() + uniform() + uniform() + uniform() - 2.0;
            let anywhere = uniform() * 44.0 - 2.0;
            values.push(if i % 7 == 0 { anywhere } else { centres[group * dims + dim] + width * near });
        }
    }
    Points::new(values, dims)
}

const PLANES: [(usize, usize); 5] = [(4096, 2), (24_576, 2), (131_072, 2), (24_576, 3), (24_576, 10)];

#[divan::bench(args = PLANES, sample_count = 5, sample_size = 1)]
fn hdbscan_by_tree(bencher: Bencher, (n, dims): (usize, usize)) {
    let (points, task) = (blobs(n, dims, 150), Task::new(1).expect("a thread"));
    bencher
        .bench_local(|| hdbscan(&points, Metric::Euclidean, &HdbscanParams::default(), &task).expect("finite points"));
}

#[divan::bench(args = [(4096, 64), (4096, 576)], sample_count = 3, sample_size = 1)]
fn hdbscan_by_tiles(bencher: Bencher, (n, dims): (usize, usize)) {
    let (points, task) = (blobs(n, dims, 100), Task::new(1).expect("a thread"));
    bencher.bench_local(|| hdbscan(&points, Metric::Cosine, &HdbscanParams::default(), &task).expect("finite points"));
}

/// Dead features lie at one place: lists fill with ties.
#[divan::bench(args = [(4096, 576)], sample_count = 3, sample_size = 1)]
fn hdbscan_with_dead_features(bencher: Bencher, (n, dims): (usize, usize)) {
    let (points, task) = (data::with_dead_features(n, dims), data::task(1));
    bencher.bench_local(|| hdbscan(&points, Metric::Cosine, &HdbscanParams::default(), &task).expect("finite points"));
}
