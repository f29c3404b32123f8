//! Times of the geometry kernels at the sizes of real dictionaries, beside what the machine can do.
//!
//! `cargo bench --bench kernels` runs all; a name after `--` picks some (`-- knn`). One run each: the large ones take
//! seconds, and a shared machine makes a second run no truer. `machine` is a plain product of two square matrices
//! on one core, of side 960 (a power of two would collide in the cache); items are multiplications and additions, so
//! the rates read as FLOP/s and the ratio to the machine's limit can be read off one run. The rows are seeded noise,
//! every second one around a centre it shares. What kernels hold at most is in the bench `memory`.

mod data;

use data::{Halves, dictionary, noise, task};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use saescope::geometry::cluster::hdbscan::Metric;
use saescope::geometry::neighbors::{KnnParams, knn, nearest};
use saescope::geometry::pca::pca;
use saescope::geometry::trust::trust;
use saescope::geometry::umap::{Init, UmapParams, umap};

fn main() {
    divan::main();
}

/// The same product on one core: the limit that the f32 and f64 kernels are held against.
#[divan::bench(types = [f32, f64], sample_count = 5, sample_size = 2)]
fn machine<T: faer::traits::RealField>(bencher: Bencher) {
    let side = 960;
    let value = |i: usize, j: usize| T::from_f64_impl(f64::from(noise((i * side + j) as u64)));
    let left = Mat::<T>::from_fn(side, side, value);
    let right = Mat::<T>::from_fn(side, side, value);
    let mut product = Mat::<T>::zeros(side, side);
    bencher.counter(ItemsCount::new(2 * side * side * side)).bench_local(|| {
        matmul(&mut product, Accum::Replace, &left, black_box(&right), T::from_f64_impl(1.0), Par::Seq);
    });
}

/// Exact neighbours, f32 rows in memory; items are the operations of the full square, halved.
#[divan::bench(args = [(4096, 576, 1), (4096, 576, 0), (24_576, 768, 1), (24_576, 768, 0)], sample_count = 1, sample_size = 1)]
fn knn_f32(bencher: Bencher, (n, d, threads): (usize, usize, usize)) {
    let (points, task) = (dictionary(n, d), task(threads));
    bencher
        .counter(ItemsCount::new(n * n * d))
        .bench_local(|| knn(black_box(&points), &KnnParams { k: 15 }, &task).expect("neighbours"));
}

/// The same on f16 rows, converted tile by tile; the largest takes a minute.
#[divan::bench(args = [(4096, 576, 0), (24_576, 768, 0), (65_536, 2304, 0)], sample_count = 1, sample_size = 1)]
fn knn_f16(bencher: Bencher, (n, d, threads): (usize, usize, usize)) {
    let (rows, task) = (Halves::of(&dictionary(n, d)), task(threads));
    bencher
        .counter(ItemsCount::new(n * n * d))
        .bench_local(|| knn(black_box(&rows), &KnnParams { k: 15 }, &task).expect("neighbours"));
}

/// All neighbours of all rows.
#[divan::bench(args = [(4096, 576)], sample_count = 1, sample_size = 1)]
fn knn_of_all(bencher: Bencher, (n, d): (usize, usize)) {
    let (points, task) = (dictionary(n, d), task(0));
    bencher.bench_local(|| knn(black_box(&points), &KnnParams { k: n - 1 }, &task).expect("neighbours"));
}

/// One row's neighbours.
#[divan::bench(args = [(24_576, 768)], sample_count = 5, sample_size = 1)]
fn nearest_f32(bencher: Bencher, (n, d): (usize, usize)) {
    let (points, task) = (dictionary(n, d), task(0));
    bencher.bench_local(|| nearest(black_box(&points), 17, 15, &task).expect("neighbours"));
}

/// Rows, columns and components. Few components of a matrix wider than 4096 are found by passes over the rows.
const COMPONENTS: [(usize, usize, usize); 9] = [
    (4096, 576, 2),
    (24_576, 768, 2),
    (8192, 4096, 2),
    (24_576, 768, 50),
    (24_576, 768, 400),
    (3000, 1000, 150),
    (1200, 2000, 200),
    (8192, 4096, 100),
    (6000, 4200, 150),
];

/// Principal components.
#[divan::bench(args = COMPONENTS, sample_count = 1, sample_size = 1)]
fn components(bencher: Bencher, (n, d, dims): (usize, usize, usize)) {
    let (points, task) = (dictionary(n, d), task(0));
    bencher.bench_local(|| pca(black_box(&points), dims, &task).expect("components"));
}

/// A layout after this many passes: one pass is the fuzzy graph and the start, the others are the descent.
#[divan::bench(
    args = [(Init::Spectral, 1), (Init::Pca, 1), (Init::Spectral, 500)],
    consts = [4096, 24_576],
    sample_count = 1,
    sample_size = 1,
)]
fn layout<const N: usize>(bencher: Bencher, (init, passes): (Init, usize)) {
    let (points, task) = (dictionary(N, 256), task(0));
    let params = UmapParams { init, epochs: Some(passes), ..UmapParams::default() };
    let neighbours = knn(&points, &KnnParams { k: params.neighbors - 1 }, &task).expect("neighbours");
    bencher.bench_local(|| umap(black_box(&points), &neighbours, &params, &task, &mut |_| {}).expect("a layout"));
}

/// Trust of a map of two coordinates, cosine distance.
#[divan::bench(args = [(4096, 576), (24_576, 768)], sample_count = 1, sample_size = 1)]
fn trust_cosine(bencher: Bencher, (n, d): (usize, usize)) {
    let (points, task) = (dictionary(n, d), task(0));
    let map = pca(&points, 2, &task).expect("components").coordinates;
    bencher
        .counter(ItemsCount::new(n * n * d))
        .bench_local(|| trust(black_box(&map), &points, Metric::Cosine, 15, &task).expect("trust"));
}

/// Trust of a map of points by Euclidean distance: summed directly up to sixteen dimensions, by products beyond.
#[divan::bench(args = [(24_576, 10), (24_576, 64)], sample_count = 1, sample_size = 1)]
fn trust_euclidean(bencher: Bencher, (n, d): (usize, usize)) {
    let (points, task) = (dictionary(n, d), task(0));
    let map = pca(&points, 2, &task).expect("components").coordinates;
    bencher.bench_local(|| trust(black_box(&map), &points, Metric::Euclidean, 15, &task).expect("trust"));
}
