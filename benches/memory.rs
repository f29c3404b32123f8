//! What kernels hold at most beside the rows they are given, with their results, counted on all threads.
//!
//! `cargo bench --bench memory` runs all; a part of a name after `--` picks some (`-- knn`). Beside each figure stands
//! what the kernel's documentation says, its result included. The library of matrix products reserves 64 MiB for every
//! thread that calls it, of which it touches little; that is done before anything is measured, and counted where a
//! decomposition has a thread of its own.

#![allow(clippy::print_stdout, reason = "a bench prints")]

mod data;

use data::{Halves, acts_file, acts_formats, dictionary, task, with_dead_features};
use peak_alloc::PeakAlloc;
use saescope::analysis::Cache;
use saescope::analysis::activations::load;
use saescope::analysis::cache::DEFAULT_LIMIT;
use saescope::geometry::cluster::hdbscan::{HdbscanParams, Metric, hdbscan};
use saescope::geometry::neighbors::{KnnParams, knn};
use saescope::geometry::pca::pca;
use saescope::geometry::trust::trust;
use saescope::geometry::umap::{UmapParams, umap};
use saescope::rows::Points;
use std::time::Duration;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const THREADS: usize = 2;
const MIB: f64 = (1 << 20) as f64;

/// Runs `kernel` if its name is asked for, and prints its peak beside the `stated` bytes.
fn measure<T>(name: &str, stated: usize, kernel: impl FnOnce() -> T) {
    let asked: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if !asked.is_empty() && !asked.iter().any(|part| name.contains(part)) {
        return;
    }
    // A thread of the last kernel may still be ending.
    std::thread::sleep(Duration::from_millis(100));
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let result = kernel();
    let peak = HEAP.peak_usage().saturating_sub(before);
    drop(result);
    println!("{name:44} {:>9.1} MiB, stated {:>9.1}", peak as f64 / MIB, stated as f64 / MIB);
}

/// What the library of matrix products reserves for a thread.
const RESERVED: usize = 64 << 20;

fn main() {
    let task = task(THREADS);
    task.install(|| {
        rayon::broadcast(|_| {
            let square = faer::Mat::<f32>::zeros(64, 64);
            std::hint::black_box(&square * &square);
        })
    });
    for format in acts_formats() {
        let file = acts_file(format);
        let entries = file.entries;
        // Eight bytes an entry for each order, and as many while the second is made. What is stored lies in the file; what
        // is deflated is inflated into lists that grow by doubling.
        // Row pointers and ids of tokens come to a few MiB.
        let few = 6 << 20;
        let stated = few
            + match format {
                "stored" => 16 * entries,
                "deflated" => 16 * entries + 16 * entries,
                _ => 24 * entries,
            };
        measure(&format!("activations, {format}, {entries}"), stated, || {
            load(&file.path, file.features, &Cache::off(), &task).expect("activations")
        });
        let cache = Cache::at(file.folder.path().join("cache"), DEFAULT_LIMIT);
        let open = || load(&file.path, file.features, &cache, &task).expect("activations");
        drop(open());
        measure(&format!("activations kept, {format}, {entries}"), few, open);
    }
    for (n, d) in [(4096, 576), (24_576, 768)] {
        let points = dictionary(n, d);
        let halves = Halves::of(&points);
        let lists = |k: usize| 24 * n * k + 12 * n;
        let neighbours = |k: usize| knn(&points, &KnnParams { k }, &task).expect("neighbours");
        measure(&format!("knn, 15 of {n} x {d}"), lists(15) + THREADS * (2 << 20), || neighbours(15));
        measure(&format!("knn, 15 of {n} x {d} f16"), lists(15) + THREADS * (2 << 20) + tiles(d), || {
            knn(&halves, &KnnParams { k: 15 }, &task).expect("neighbours")
        });
        if n == 4096 {
            measure(&format!("knn, all of {n} x {d}"), lists(n - 1) + THREADS * (8 << 20), || neighbours(n - 1));
        }
        for dims in [2, 100] {
            let (covariance, rows) = (12 * d * d, 8 << 20);
            let result = 4 * dims * (n + d);
            let stated = covariance + rows + result + 16 * d * d + RESERVED;
            measure(&format!("components, {dims} of {n} x {d}"), stated, || {
                pca(&points, dims, &task).expect("components")
            });
        }
        let found = neighbours(14);
        measure(&format!("layout of {n}"), 16 * n * 14 * 2 + 32 * n * 14 + 32 * n * 2, || {
            umap(&points, &found, &UmapParams::default(), &task, &mut |_| {}).expect("a layout")
        });
        let map = pca(&points, 2, &task).expect("components").coordinates;
        measure(&format!("trust, cosine, {n} x {d}"), 40 * n * 15 + 24 * n + THREADS * (3 << 20), || {
            trust(&map, &points, Metric::Cosine, 15, &task).expect("trust")
        });
        measure(&format!("trust, Euclidean, {n} x {d}"), 40 * n * 15 + 24 * n + THREADS * (18 << 20), || {
            trust(&map, &points, Metric::Euclidean, 15, &task).expect("trust")
        });
        let groups =
            |points: &Points, metric| hdbscan(points, metric, &HdbscanParams::default(), &task).expect("finite points");
        measure(&format!("hdbscan of a plane of {n}"), 340 * n, || groups(&map, Metric::Euclidean));
        let tiles = 400 * n + THREADS * (4 * 512 * d * 4 + (1 << 20) + 16 * 512 * 15);
        measure(&format!("hdbscan by tiles, {n} x {d}"), tiles, || groups(&points, Metric::Cosine));
        let dead = with_dead_features(n, d);
        measure(&format!("hdbscan with dead features, {n} x {d}"), tiles, || groups(&dead, Metric::Cosine));
    }
}

/// Two tiles of 480 converted rows for each thread.
fn tiles(d: usize) -> usize {
    THREADS * 2 * 480 * d * 4
}
