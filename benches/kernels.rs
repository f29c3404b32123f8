//! Times of the geometry kernels at the sizes of real dictionaries, beside what the machine can do.
//!
//! `cargo bench --bench kernels` runs all; a name after `--` picks some (`-- knn`). One run each: the large ones take
//! seconds, and a shared machine makes a second run no truer. `machine` is a plain product of two square matrices
//! on one core, of side 960 (a power of two would collide in the cache); items are multiplications and additions, so
//! the rates read as FLOP/s and the ratio to the machine's limit can be read off one run. The rows are seeded noise, every second one around a centre it shares.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use saescope::geometry::cluster::hdbscan::Metric;
use saescope::geometry::neighbors::{KnnParams, knn, nearest};
use saescope::geometry::pca::pca;
use saescope::geometry::trust::trust;
use saescope::rows::{Points, Rows};
use saescope::task::Task;
use std::ops::Range;

fn main() {
    divan::main();
}

/// A number in [-1, 1) that depends on `seed` alone.
fn noise(seed: u64) -> f32 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z >> 40) as f32 / (1 << 23) as f32) - 1.0
}

/// Rows in groups of sixteen around a common centre, one row in two on its own.
fn dictionary(n: usize, d: usize) -> Points {
    let value = |i: usize, j: usize| {
        let own = noise((i * d + j) as u64);
        if i.is_multiple_of(2) { own } else { 0.7 * own + 0.7 * noise((1 << 40) + (i / 32 * d + j) as u64) }
    };
    Points::new((0..n).flat_map(|i| (0..d).map(move |j| value(i, j))).collect(), d)
}

/// Rows stored as f16: what most dictionaries are.
struct Halves {
    n: usize,
    d: usize,
    values: Vec<half::f16>,
}

impl Halves {
    fn of(points: &Points) -> Self {
        let values = points.data().iter().map(|&x| half::f16::from_f32(x)).collect();
        Self { n: points.nrows(), d: points.ncols(), values }
    }
}

impl Rows for Halves {
    fn nrows(&self) -> usize {
        self.n
    }
    fn ncols(&self) -> usize {
        self.d
    }
    fn read(&self, range: Range<usize>, out: &mut [f32]) {
        use half::slice::HalfFloatSliceExt;
        self.values[range.start * self.d..range.end * self.d].convert_to_f32_slice(out);
    }
}

fn task(threads: usize) -> Task {
    Task::new(threads).expect("threads start")
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

/// The same on f16 rows, converted tile by tile.
#[divan::bench(args = [(4096, 576, 0), (24_576, 768, 0)], sample_count = 1, sample_size = 1)]
fn knn_f16(bencher: Bencher, (n, d, threads): (usize, usize, usize)) {
    let (rows, task) = (Halves::of(&dictionary(n, d)), task(threads));
    bencher
        .counter(ItemsCount::new(n * n * d))
        .bench_local(|| knn(black_box(&rows), &KnnParams { k: 15 }, &task).expect("neighbours"));
}

/// One row's neighbours.
#[divan::bench(args = [(24_576, 768)], sample_count = 5, sample_size = 1)]
fn nearest_f32(bencher: Bencher, (n, d): (usize, usize)) {
    let (points, task) = (dictionary(n, d), task(0));
    bencher.bench_local(|| nearest(black_box(&points), 17, 15, &task).expect("neighbours"));
}

/// Two components.
#[divan::bench(args = [(4096, 576), (24_576, 768), (8192, 4096)], sample_count = 1, sample_size = 1)]
fn pca_two(bencher: Bencher, (n, d): (usize, usize)) {
    let (points, task) = (dictionary(n, d), task(0));
    bencher.bench_local(|| pca(black_box(&points), 2, &task).expect("components"));
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
