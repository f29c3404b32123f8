use super::exact::search_in_tiles;
use super::tiles::Source;
use super::*;
use crate::Error;
use crate::container::{Dtype, Matrix, Tensor};
use crate::rows::Points;
use half::f16;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number in [-1, 1) that depends on `seed` alone.
fn noise(seed: u64) -> f32 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z >> 40) as f32 / (1 << 23) as f32) - 1.0
}

fn random(n: usize, d: usize, seed: u64) -> Points {
    Points::new((0..n * d).map(|i| noise(seed << 32 | i as u64)).collect(), d)
}

fn task() -> Task {
    Task::new(2).unwrap()
}

/// All neighbours of all rows by plain f64 sums and a full sort; cosines are rounded to 1e-13 so that true ties tie.
fn oracle(points: &Points, k: usize) -> Vec<Vec<(u32, f64)>> {
    let n = points.len();
    let product = |a: usize, b: usize| -> f64 {
        points.row(a).iter().zip(points.row(b)).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
    };
    let norms: Vec<f64> = (0..n).map(|i| product(i, i).sqrt()).collect();
    (0..n)
        .map(|i| {
            let mut all: Vec<(u32, f64)> = (0..n)
                .filter(|&j| j != i)
                .map(|j| {
                    let scale = norms[i] * norms[j];
                    (j as u32, if scale == 0.0 { 0.0 } else { product(i, j) / scale })
                })
                .collect();
            all.sort_by(|a, b| (b.1 * 1e13).round().total_cmp(&(a.1 * 1e13).round()).then(a.0.cmp(&b.0)));
            all.truncate(k);
            all
        })
        .collect()
}

fn assert_equals_oracle(points: &Points, k: usize) {
    let found = knn(points, &KnnParams { k }, &task()).unwrap();
    for (i, expected) in oracle(points, k).iter().enumerate() {
        let (indices, cosines) = found.row(i);
        let mut sorted = expected.clone();
        // Neighbours that f32 cannot tell apart are listed by index.
        sorted.sort_by(|a, b| (b.1 as f32).total_cmp(&(a.1 as f32)).then(a.0.cmp(&b.0)));
        assert_eq!(indices, sorted.iter().map(|e| e.0).collect::<Vec<_>>(), "row {i}");
        for (cosine, (_, exact)) in cosines.iter().zip(&sorted) {
            assert!((f64::from(*cosine) - exact).abs() < 1e-7 && cosine.abs() <= 1.0, "row {i}");
        }
    }
}

#[test]
fn neighbours_equal_brute_force() {
    for (n, d, k) in [(2, 3, 1), (70, 1, 5), (300, 5, 7), (700, 33, 15), (530, 100, 40), (65, 8, 64), (1100, 6, 1099)] {
        assert_equals_oracle(&random(n, d, n as u64), k);
    }
}

#[test]
fn nearest_points_are_those_of_all_distances() {
    let points = random(90, 3, 5);
    let (indices, distances) = nearest_points(&points, 4, &task()).unwrap();
    for i in 0..90 {
        let distance = |j: usize| {
            points.row(i).iter().zip(points.row(j)).map(|(&a, &b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
        };
        let mut all: Vec<usize> = (0..90).filter(|&j| j != i).collect();
        all.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)));
        for slot in 0..4 {
            assert_eq!(indices[i * 4 + slot] as usize, all[slot]);
            assert!((distances[i * 4 + slot] - distance(all[slot])).abs() < 1e-6);
        }
    }
    assert!(nearest_points(&points, 0, &task()).is_err() && nearest_points(&points, 90, &task()).is_err());
}

#[test]
fn rows_wider_than_one_product_are_summed_in_parts() {
    assert_equals_oracle(&random(40, 4096 + 700, 1), 6);
}

#[test]
fn the_angles_of_a_regular_polygon_are_its_cosines() {
    let n = 12;
    let angle = |i: usize| i as f64 / n as f64 * std::f64::consts::TAU;
    let points = Points::new((0..n).flat_map(|i| [angle(i).cos() as f32, angle(i).sin() as f32]).collect(), 2);
    let found = knn(&points, &KnnParams { k: 4 }, &task()).unwrap();
    for i in 0..n {
        let (indices, cosines) = found.row(i);
        let mut first = [(i + 1) % n, (i + n - 1) % n];
        first.sort_unstable();
        let mut pair = [indices[0] as usize, indices[1] as usize];
        pair.sort_unstable();
        assert_eq!(pair, first);
        assert!((f64::from(cosines[0]) - angle(1).cos()).abs() < 1e-6);
        assert!((f64::from(cosines[3]) - angle(2).cos()).abs() < 1e-6);
    }
}

#[test]
fn ties_go_to_the_lower_index() {
    // Copies, exact multiples, opposites, zero rows, and directions at right angles, all in one.
    let mut data = Vec::new();
    for i in 0..1300usize {
        let mut row = [0.0f32; 6];
        if i % 11 != 0 {
            row[i % 3] = [1.0, 3.0, -2.0, 0.5][i % 4];
        }
        data.extend(row);
    }
    let points = Points::new(data, 6);
    for k in [3, 64, 200, 1299] {
        assert_equals_oracle(&points, k);
    }
    let same = Points::new([0.3f32, -0.2, 0.9].repeat(1100), 3);
    let found = knn(&same, &KnnParams { k: 4 }, &task()).unwrap();
    assert_eq!(found.row(0).0, [1, 2, 3, 4]);
    assert_eq!(found.row(2).0, [0, 1, 3, 4]);
    assert_eq!(found.row(1099), (&[0, 1, 2, 3][..], &[1.0; 4][..]));
}

#[test]
fn near_copies_are_told_apart_below_the_rounding_of_f32_products() {
    // A clump whose cosines differ by 1e-6 or less: f32 products cannot order it.
    let (n, d) = (200, 96);
    let data = (0..n * d).map(|i| 1.0 + 1e-3 * noise(i as u64)).collect();
    assert_equals_oracle(&Points::new(data, d), 9);
}

#[test]
fn a_zero_row_lists_the_lowest_indices_at_cosine_zero() {
    let mut points = random(40, 7, 3);
    for row in [0, 2, 39] {
        points.data_mut()[row * 7..(row + 1) * 7].fill(if row == 2 { -0.0 } else { 0.0 });
    }
    let found = knn(&points, &KnnParams { k: 3 }, &task()).unwrap();
    assert_eq!(found.row(0), (&[1, 2, 3][..], &[0.0; 3][..]));
    assert_eq!(found.row(2).0, [0, 1, 3]);
    assert_eq!(found.row(39).0, [0, 1, 2]);
    assert!(found.cosines.iter().all(|c| c.to_bits() != (-0.0f32).to_bits()));
    assert_equals_oracle(&points, 39);
}

#[test]
fn neither_tiles_nor_threads_change_a_bit() {
    let points = random(400, 20, 8);
    let source = Source::new(&points, &task()).unwrap();
    for k in [10, 150] {
        let expected = search_in_tiles(&source, k, 512, None, &task()).unwrap();
        for tile in [1, 16, 63, 64, 100, 399] {
            assert!(search_in_tiles(&source, k, tile, None, &task()).unwrap() == expected, "{tile} rows a tile");
        }
    }
    let points = random(1500, 20, 8);
    let one = knn(&points, &KnnParams { k: 10 }, &Task::new(1).unwrap()).unwrap();
    for threads in [2, 3] {
        assert!(knn(&points, &KnnParams { k: 10 }, &Task::new(threads).unwrap()).unwrap() == one, "{threads}");
    }
}

#[test]
fn stored_types_and_orders_give_the_same_neighbours() {
    let (n, d) = (700, 24);
    let halves: Vec<f16> = random(n, d, 5).data().iter().map(|&x| f16::from_f32(x)).collect();
    let points = Points::new(halves.iter().map(|x| x.to_f32()).collect(), d);
    let params = KnnParams { k: 6 };
    let expected = knn(&points, &params, &task()).unwrap();
    let bytes: Vec<u8> = halves.iter().flat_map(|x| x.to_le_bytes()).collect();
    let stored = Tensor::new("w", Path::new("f"), Dtype::F16, vec![n, d], bytes.into()).unwrap().matrix().unwrap();
    assert!(knn(&stored, &params, &task()).unwrap() == expected);
    let turned: Vec<f32> = (0..d).flat_map(|j| (0..n).map(move |i| (i, j))).map(|(i, j)| points.row(i)[j]).collect();
    let turned = Matrix::from_f32(&turned, n).transposed();
    assert!(turned.contiguous().is_none());
    assert!(knn(&turned, &params, &task()).unwrap() == expected);
    for row in [0, 333, 699] {
        assert_eq!(nearest(&stored, row, 6, &task()).unwrap(), nearest(&points, row, 6, &task()).unwrap());
    }
}

#[test]
fn one_row_gives_the_same_bits_as_all_rows() {
    let mut points = random(900, 37, 11);
    points.data_mut()[5 * 37..6 * 37].fill(0.0);
    let all = knn(&points, &KnnParams { k: 12 }, &task()).unwrap();
    for row in (0..900).step_by(5) {
        let one = nearest(&points, row, 12, &task()).unwrap();
        let (indices, cosines) = all.row(row);
        assert!(one.iter().map(|x| x.0).eq(indices.iter().copied()), "row {row}");
        assert!(one.iter().map(|x| x.1.to_bits()).eq(cosines.iter().map(|x| x.to_bits())), "row {row}");
    }
}

#[test]
fn extreme_sizes_neither_overflow_nor_vanish() {
    let points = random(600, 16, 21);
    let expected = knn(&points, &KnnParams { k: 5 }, &task()).unwrap();
    let mut stretched = points.clone();
    for (i, row) in stretched.data_mut().chunks_exact_mut(16).enumerate() {
        // Powers of two keep every bit of a row; squares of the largest overflow f32, of the smallest vanish.
        let factor = [2f32.powi(100), 2f32.powi(-80), 1.0, 2f32.powi(60)][i % 4];
        for x in row {
            *x *= factor;
        }
    }
    assert!(knn(&stretched, &KnnParams { k: 5 }, &task()).unwrap() == expected);
}

#[test]
fn each_wrong_parameter_is_an_error() {
    let points = random(10, 4, 1);
    for k in [0, 10, 11, usize::MAX] {
        let error = knn(&points, &KnnParams { k }, &task()).unwrap_err();
        assert!(matches!(error, Error::Usage(_)) && error.to_string().contains("from 1 to 9"), "{error}");
        assert!(nearest(&points, 0, k, &task()).is_err());
    }
    assert!(knn(&random(1, 4, 1), &KnnParams { k: 1 }, &task()).unwrap_err().to_string().contains("at least two rows"));
    assert!(nearest(&points, 10, 2, &task()).unwrap_err().to_string().contains("no row 10"));
}

#[test]
fn a_row_that_is_not_finite_is_named() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut points = random(50, 40, 1);
        for row in [47, 31] {
            points.data_mut()[row * 40 + 33] = bad;
        }
        for error in [
            knn(&points, &KnnParams { k: 2 }, &task()).unwrap_err(),
            nearest(&points, 0, 2, &task()).unwrap_err(),
            nearest(&points, 47, 2, &task()).unwrap_err(),
        ] {
            assert!(matches!(error, Error::Input(_)) && error.to_string().contains("row 31 "), "{error}");
        }
    }
}

/// Rows of which there are so many that none may be read.
struct Untold;

impl Rows for Untold {
    fn nrows(&self) -> usize {
        4_000_000_000
    }
    fn ncols(&self) -> usize {
        1
    }
    fn read(&self, _: Range<usize>, _: &mut [f32]) {
        panic!("lists that no machine holds must be refused before the rows are read");
    }
}

#[test]
fn lists_that_no_machine_holds_are_refused() {
    let error = knn(&Untold, &KnnParams { k: 3_000_000_000 }, &task()).unwrap_err();
    assert!(matches!(error, Error::Usage(_)) && error.to_string().contains("memory"), "{error}");
}

/// Rows that watch how they are read, and cancel the task at the read of that number.
struct Watched<'a> {
    points: &'a Points,
    reads: AtomicUsize,
    longest: AtomicUsize,
    cancel_at: usize,
    task: &'a Task,
}

impl Rows for Watched<'_> {
    fn nrows(&self) -> usize {
        self.points.nrows()
    }
    fn ncols(&self) -> usize {
        self.points.ncols()
    }
    fn read(&self, range: Range<usize>, out: &mut [f32]) {
        self.longest.fetch_max(range.len(), Ordering::Relaxed);
        if self.reads.fetch_add(1, Ordering::Relaxed) == self.cancel_at {
            self.task.watch().cancel();
        }
        self.points.read(range, out);
    }
}

#[test]
fn cancelling_stops_the_work_wherever_it_is() {
    let points = random(5000, 100, 2);
    // Two reads for the norms at 2,621 rows a block; eleven tiles of 480.
    for cancel_at in [0, 1, 2, 7, 30] {
        let task = task();
        let reads = AtomicUsize::new(0);
        let rows = Watched { points: &points, reads, longest: AtomicUsize::new(0), cancel_at, task: &task };
        assert!(matches!(knn(&rows, &KnnParams { k: 3 }, &task), Err(Error::Cancelled)), "{cancel_at}");
        // Each thread may finish what it has begun.
        assert!(rows.reads.load(Ordering::Relaxed) <= cancel_at + 6);
    }
    let task = task();
    task.watch().cancel();
    assert!(matches!(knn(&points, &KnnParams { k: 3 }, &task), Err(Error::Cancelled)));
    assert!(matches!(nearest(&points, 1, 3, &task), Err(Error::Cancelled)));
}

#[test]
fn rows_are_read_in_tiles_and_progress_is_complete() {
    let points = random(5000, 100, 2);
    let task = task();
    let reads = AtomicUsize::new(0);
    let rows = Watched { points: &points, reads, longest: AtomicUsize::new(0), cancel_at: usize::MAX, task: &task };
    knn(&rows, &KnnParams { k: 3 }, &task).unwrap();
    assert!(rows.longest.load(Ordering::Relaxed) < 2700);
    let progress = task.watch().progress().unwrap();
    assert_eq!((progress.stage, progress.done, progress.total), ("neighbours", 66, 66));
}
