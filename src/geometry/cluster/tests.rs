//! HDBSCAN against the slow oracle, against scikit-learn, against planted groups, and at its edges.

use super::*;
use crate::container::{Dtype, Tensor};
use crate::error::Error;
use crate::geometry::cluster::oracle;
use crate::rows::Points;
use std::ops::Range;
use std::path::Path;

/// A small generator for test data.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
    fn shuffled(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, (self.uniform() * (i + 1) as f64) as usize);
        }
        order
    }
}

/// `n` points: `groups` Gaussian blobs of growing width and a share of uniform noise.
fn blobs(n: usize, dims: usize, groups: usize, noise: f64, seed: u64) -> Points {
    let mut random = Random(seed * 2 + 1);
    let centres: Vec<f64> = (0..groups * dims).map(|_| random.uniform() * 20.0).collect();
    let mut values = Vec::new();
    for _ in 0..n {
        let lone = random.uniform() < noise;
        let group = (random.uniform() * groups as f64) as usize;
        let width = 0.2 + group as f64 * 0.25;
        for dim in 0..dims {
            let blob = centres[group * dims + dim] + random.normal() * width;
            let anywhere = random.uniform() * 24.0 - 2.0;
            values.push(if lone { anywhere } else { blob } as f32);
        }
    }
    Points::new(values, dims)
}

/// Two rings, one inside the other, in the first two of `dims` dimensions.
fn rings(n: usize, dims: usize, seed: u64) -> Points {
    let mut random = Random(seed * 2 + 1);
    let mut values = Vec::new();
    for i in 0..n {
        let (radius, angle) = (if i % 3 == 0 { 2.0 } else { 5.0 }, random.uniform() * std::f64::consts::TAU);
        for dim in 0..dims {
            let on = [radius * angle.cos(), radius * angle.sin()].get(dim).copied().unwrap_or(0.0);
            values.push((on + random.normal() * 0.15) as f32);
        }
    }
    Points::new(values, dims)
}

fn params(min_cluster_size: usize, min_samples: Option<usize>) -> HdbscanParams {
    HdbscanParams { min_cluster_size, min_samples }
}

/// Both ways must give the oracle's labels and probabilities.
fn check(points: &Points, min_cluster_size: usize, min_samples: Option<usize>) {
    let task = Task::new(2).unwrap();
    let samples = min_samples.unwrap_or(min_cluster_size);
    let (labels, probabilities) = oracle::answer(points, min_cluster_size, samples);
    for by_tree in [true, false] {
        let params = params(min_cluster_size, min_samples);
        let found = fit_by(points, Metric::Euclidean, &params, by_tree, &task).unwrap();
        let place = format!("{} x {}, {params:?}, by tree: {by_tree}", points.len(), points.dims());
        assert_eq!(found.clusters, Clusters::from_labels(&labels), "{place}");
        for (i, (a, b)) in found.probabilities.iter().zip(&probabilities).enumerate() {
            assert!((f64::from(*a) - b).abs() < 1e-5, "{place}: probability of {i} is {a}, not {b}");
        }
    }
}

#[test]
fn both_ways_equal_the_oracle_on_blobs_rings_and_noise() {
    for (seed, dims) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 10), (6, 40)] {
        for (size, samples) in [(5, None), (15, None), (8, Some(1)), (4, Some(40)), (2, Some(2))] {
            check(&blobs(260, dims, 5, 0.15, seed), size, samples);
        }
        check(&rings(200, dims, seed), 10, Some(4));
        check(&blobs(150, dims, 1, 1.0, seed), 6, None);
    }
}

#[test]
fn several_blocks_and_far_off_rows_equal_the_oracle() {
    check(&blobs(1300, 24, 9, 0.2, 7), 12, None);
    // A common offset far larger than the spread: products of the rows themselves would drown the distances.
    let mut far = blobs(300, 18, 4, 0.1, 8);
    for x in far.data_mut() {
        *x = (*x * 64.0).round() / 64.0 + 30000.0;
    }
    check(&far, 8, None);
    // Lengths that overflow or vanish when squared in f32.
    for scale in [1e25, 1e-25] {
        let mut wild = blobs(200, 20, 4, 0.1, 9);
        for x in wild.data_mut() {
            *x *= scale;
        }
        check(&wild, 8, None);
    }
}

#[test]
fn ties_of_grids_and_duplicates_equal_the_oracle() {
    let mut random = Random(77);
    for step in [3.0, 8.0] {
        for dims in [1, 2, 3] {
            let coarse = (0..240 * dims).map(|_| (random.uniform() * step).floor() as f32).collect();
            let points = Points::new(coarse, dims);
            for (size, samples) in [(5, None), (3, Some(1)), (20, Some(7))] {
                check(&points, size, samples);
            }
        }
    }
    let order = random.shuffled(225);
    let grid = order.iter().flat_map(|i| [(i / 15) as f32, (i % 15) as f32]).collect();
    check(&Points::new(grid, 2), 5, None);
}

#[test]
fn labels_are_those_of_scikit_learn() {
    // A 31-bit congruential generator, so that any language makes the same points.
    let mut state = 49u64;
    let mut uniform = || {
        state = (state * 1103515245 + 12345) % (1 << 31);
        state as f64 / (1u64 << 31) as f64
    };
    let mut values = Vec::new();
    for i in 0..240 {
        if i % 6 == 5 {
            values.extend([(uniform() * 16.0 - 3.0) as f32, (uniform() * 16.0 - 3.0) as f32]);
            continue;
        }
        let (at, width) = [([0.0, 0.0], 0.5), ([6.0, 1.0], 1.0), ([2.0, 7.0], 0.7), ([9.0, 8.0], 1.5)][i % 4];
        values.extend(at.map(|x| (x + width * (uniform() + uniform() + uniform() + uniform() - 2.0)) as f32));
    }
    let points = Points::new(values, 2);
    let task = Task::new(1).unwrap();
    // scikit-learn 1.9.1, sum of its probabilities and labels, a for 0; the same for 12 shuffles of the rows.
    for (size, samples, membership, labels) in [
        (
            10,
            None,
            164.526495473,
            "adbca.bcadbaadbcacbcadbbadbcacbcadb.adbca.bcadbaadbca.bcadbdadbcacbcadbdadbca.bc\
             adb.adbcabbcadb.adbcaabcadb.adbcadbcadb.adbcaabcadb.adbca.bcadbcadbcacbcadbdadbc\
             acbcadbdadbca.bcadbbadbca.bcadb.adbcaabcadbbadbcacbcadbcadbcacbcadbbadbca.bcadb.",
        ),
        (
            5,
            Some(3),
            203.579360674,
            "adbcaebcadbaadbcacbcadbbadbcacbcadbcadbcaebcadbaadbcaebcadbdadbcacbcadbdadbcaabc\
             adbaadbcabbcadbcadbcaabcadbbadbcadbcadbbadbcaabcadb.adbcaebcadbcadbcacbcadbdadbc\
             acbcadbdadbcaebcadbbadbcacbcadbaadbcaabcadbbadbcacbcadbcadbcacbcadbbadbcaebcadbb",
        ),
        (
            20,
            Some(8),
            177.047449686,
            "adbca.bcadbaadbcacbcadbbadbcacbcadbcadbcadbcadbaadbca.bcadbdadbcacbcadbdadbca.bc\
             adb.adbcabbcadb.adbcaabcadb.adbcadbcadb.adbcaabcadb.adbca.bcadbcadbcacbcadbdadbc\
             acbcadbdadbca.bcadbbadbca.bcadb.adbcaabcadbbadbcacbcadbcadbcacbcadbbadbca.bcadb.",
        ),
    ] {
        let found = fit(&points, Metric::Euclidean, &params(size, samples), &task).unwrap();
        let letters = |label: &i32| u8::try_from(*label).map_or('.', |label| (b'a' + label) as char);
        assert_eq!(found.clusters.labels.iter().map(letters).collect::<String>(), labels);
        let sum: f64 = found.probabilities.iter().map(|&p| f64::from(p)).sum();
        // Inside a cluster, ties still move single points between its parts.
        assert!((sum - membership).abs() < 0.02, "{sum} is not {membership}");
    }
}

#[test]
fn planted_groups_are_found_and_numbered_by_size() {
    // Four groups of 90, 60, 40 and 30 points, far apart, and a few points far from everything.
    let mut random = Random(5);
    let (mut values, mut truth) = (Vec::new(), Vec::new());
    for (group, (size, at)) in
        [(90, [0.0, 0.0]), (60, [50.0, 0.0]), (40, [0.0, 70.0]), (30, [60.0, 60.0])].iter().enumerate()
    {
        for _ in 0..*size {
            values.extend(at.iter().map(|x| (x + random.uniform()) as f32));
            truth.push(group as i32);
        }
    }
    for far in [[-400.0, 0.0], [500.0, 900.0], [0.0, -700.0]] {
        values.extend(far);
        truth.push(-1);
    }
    let points = Points::new(values, 2);
    let task = Task::new(1).unwrap();
    let found = fit(&points, Metric::Euclidean, &params(15, Some(5)), &task).unwrap();
    assert_eq!(found.clusters.labels, truth);
    assert_eq!(found.clusters.sizes(), [90, 60, 40, 30]);
    assert_eq!(found.stability.len(), 4);
    assert!(found.stability.iter().all(|&s| s > 0.0 && s.is_finite()));
    assert!(found.probabilities.iter().zip(&truth).all(|(&p, &t)| (p > 0.0) == (t >= 0)));
}

#[test]
fn threads_do_not_change_a_bit() {
    for (points, metric) in [
        (blobs(3000, 2, 12, 0.2, 3), Metric::Euclidean),
        (blobs(1100, 20, 6, 0.2, 3), Metric::Euclidean),
        (blobs(1100, 20, 6, 0.2, 3), Metric::Cosine),
    ] {
        let run = |threads| fit(&points, metric, &params(10, None), &Task::new(threads).unwrap()).unwrap();
        let one = run(1);
        assert!(one.clusters.count > 1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(3));
    }
}

#[test]
fn shuffled_rows_keep_their_clusters() {
    let task = Task::new(2).unwrap();
    for (dims, seed) in [(2, 1), (2, 2), (3, 3), (20, 4)] {
        let points = blobs(900, dims, 12, 0.2, seed);
        let order = Random(seed + 100).shuffled(points.len());
        let shuffled = Points::new(order.iter().flat_map(|&i| points.row(i).to_vec()).collect(), dims);
        for size in [3, 10] {
            let before = fit(&points, Metric::Euclidean, &params(size, None), &task).unwrap();
            let after = fit(&shuffled, Metric::Euclidean, &params(size, None), &task).unwrap();
            let mut back = vec![0; points.len()];
            for (to, &from) in order.iter().enumerate() {
                back[from] = after.clusters.labels[to];
                assert_eq!(after.probabilities[to], before.probabilities[from]);
            }
            assert_eq!(before.clusters, Clusters::from_labels(&back));
        }
    }
}

#[test]
fn scale_does_not_matter() {
    let task = Task::new(1).unwrap();
    let points = blobs(500, 2, 6, 0.2, 11);
    let mut scaled = points.clone();
    for x in scaled.data_mut() {
        *x *= 0.125;
    }
    let run = |points: &Points| hdbscan(points, Metric::Euclidean, &params(7, None), &task).unwrap();
    assert_eq!(run(&points), run(&scaled));
}

#[test]
fn cosine_is_euclidean_on_unit_rows() {
    let task = Task::new(2).unwrap();
    let points = blobs(700, 30, 6, 0.2, 12);
    let mut unit = points.clone();
    for row in unit.data_mut().chunks_exact_mut(30) {
        let norm = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        for x in row {
            *x = (f64::from(*x) / norm) as f32;
        }
    }
    let found = hdbscan(&points, Metric::Cosine, &params(8, None), &task).unwrap();
    assert!(found.count > 2);
    assert_eq!(found, hdbscan(&unit, Metric::Euclidean, &params(8, None), &task).unwrap());
    assert_eq!(Clusters::from_labels(&oracle::answer(&unit, 8, 8).0), found);
}

#[test]
fn zero_rows_are_a_place_of_their_own_under_cosine() {
    let mut values = Vec::new();
    for i in 0..60 {
        let turn = (i / 2) as f32 * 0.01;
        values.extend(match i % 2 {
            0 => [0.0, 0.0, 0.0],
            _ => [1.0, turn, -turn * turn],
        });
    }
    let found = fit(&Points::new(values, 3), Metric::Cosine, &params(10, Some(3)), &Task::new(1).unwrap()).unwrap();
    assert_eq!(found.clusters.labels, (0..60).map(|i| i % 2).collect::<Vec<i32>>());
    assert_eq!((found.stability[0], found.probabilities[0]), (f64::INFINITY, 1.0));
}

#[test]
fn dead_features_and_copies_equal_the_oracle_under_cosine() {
    // Zero rows and axes of either sign, at lengths that are powers of two: unit rows are exact, and nearly all tie.
    let mut random = Random(31);
    let (n, dims) = (700, 40);
    let mut values = vec![0.0; n * dims];
    for row in values.chunks_exact_mut(dims) {
        let (axis, kind) = ((random.uniform() * 30.0) as usize, random.uniform());
        row[axis] = [0.0, 1.0, -1.0][(kind * 3.0) as usize];
    }
    let unit = Points::new(values, dims);
    let mut stretched = unit.clone();
    for (i, row) in stretched.data_mut().chunks_exact_mut(dims).enumerate() {
        for x in row {
            *x *= [1.0, 4.0, 0.5][i % 3];
        }
    }
    let task = Task::new(2).unwrap();
    for (size, samples) in [(5, None), (15, Some(3)), (4, Some(12))] {
        let labels = oracle::answer(&unit, size, samples.unwrap_or(size)).0;
        let found = hdbscan(&stretched, Metric::Cosine, &params(size, samples), &task).unwrap();
        assert_eq!(found, Clusters::from_labels(&labels));
    }
}

#[test]
fn values_that_f32_would_round_keep_their_distances() {
    let task = Task::new(2).unwrap();
    for dims in [2, 20] {
        let mut points = blobs(600, dims, 6, 0.2, 17);
        for x in points.data_mut() {
            *x = (*x * 4096.0).round() / 4096.0;
        }
        // With this offset f64 holds them to the bit and f32 does not.
        let bytes = points.data().iter().flat_map(|&x| (f64::from(x) + 1_048_576.0).to_le_bytes()).collect::<Vec<u8>>();
        let shape = vec![points.len(), dims];
        let far = Tensor::new("points", Path::new("points.npy"), Dtype::F64, shape, bytes.into()).unwrap();
        let there = fit(&far.matrix().unwrap(), Metric::Euclidean, &params(8, None), &task).unwrap();
        assert!(there.clusters.count > 2);
        assert_eq!(there, fit(&points, Metric::Euclidean, &params(8, None), &task).unwrap(), "{dims}");
    }
}

/// Rows that lie nowhere in one piece.
struct Apart(Points);

impl Rows for Apart {
    fn nrows(&self) -> usize {
        self.0.len()
    }
    fn ncols(&self) -> usize {
        self.0.dims()
    }
    fn read(&self, range: Range<usize>, out: &mut [f32]) {
        self.0.read(range, out);
    }
}

#[test]
fn where_the_rows_lie_does_not_matter() {
    let task = Task::new(2).unwrap();
    for (dims, metric) in [(2, Metric::Euclidean), (33, Metric::Euclidean), (33, Metric::Cosine)] {
        let points = blobs(800, dims, 6, 0.2, 13);
        let there = fit(&points, metric, &params(8, None), &task).unwrap();
        assert_eq!(there, fit(&Apart(points), metric, &params(8, None), &task).unwrap());
    }
}

#[test]
fn equal_points_and_too_few_points_are_noise() {
    let task = Task::new(2).unwrap();
    for (n, size) in [(0, 5), (1, 5), (4, 5), (1000, 15), (20, 20)] {
        for dims in [2, 20] {
            let points = Points::new(vec![1.5; n * dims], dims);
            let found = fit(&points, Metric::Euclidean, &params(size, None), &task).unwrap();
            assert_eq!((found.clusters.count, found.clusters.noise(), found.clusters.labels.len()), (0, n, n));
            assert!(found.stability.is_empty() && found.probabilities == vec![0.0; n]);
        }
    }
    // Many duplicates at few places: quick, and each place is a cluster.
    let values: Vec<f32> = (0..20000).map(|i| [0.0, 1.0, 10.0, 12.5][i * 5 % 11 % 4]).collect();
    let found = fit(&Points::new(values.clone(), 1), Metric::Euclidean, &params(15, None), &task).unwrap();
    assert_eq!(found.clusters.count, 4);
    assert!(found.probabilities.iter().all(|&p| p == 1.0));
    assert!(values.iter().zip(&found.clusters.labels).all(|(x, label)| {
        let first = values.iter().position(|y| y == x).unwrap();
        found.clusters.labels[first] == *label
    }));
}

#[test]
fn bad_parameters_and_values_are_named() {
    let task = Task::new(1).unwrap();
    for dims in [2, 20] {
        let mut points = blobs(60, dims, 2, 0.0, 14);
        for (size, samples, said) in
            [(1, None, "min_cluster_size is 1"), (5, Some(0), "min_samples is 0"), (5, Some(61), "min_samples is 61")]
        {
            let error = hdbscan(&points, Metric::Euclidean, &params(size, samples), &task).unwrap_err();
            assert!(matches!(error, Error::Usage(_)) && error.to_string().contains(said), "{error}");
        }
        hdbscan(&points, Metric::Euclidean, &params(5, Some(60)), &task).unwrap();
        points.data_mut()[dims * 41 + 1] = f32::NAN;
        points.data_mut()[dims * 57] = f32::INFINITY;
        for (metric, size) in [(Metric::Euclidean, 5), (Metric::Cosine, 5), (Metric::Cosine, 100)] {
            let error = hdbscan(&points, metric, &params(size, None), &task).unwrap_err();
            assert!(matches!(error, Error::Input(_)) && error.to_string().contains("row 41"), "{error}");
        }
    }
}

/// Cancels its task when the rows have been read `after` times.
struct Cancels {
    points: Points,
    reads: std::sync::atomic::AtomicUsize,
    after: usize,
    task: Task,
}

impl Rows for Cancels {
    fn nrows(&self) -> usize {
        self.points.len()
    }
    fn ncols(&self) -> usize {
        self.points.dims()
    }
    fn read(&self, range: Range<usize>, out: &mut [f32]) {
        if self.reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == self.after {
            self.task.watch().cancel();
        }
        self.points.read(range, out);
    }
}

#[test]
fn cancelling_stops_the_work_at_every_stage() {
    for (dims, afters) in [(2, 0..1), (20, 0..40)] {
        for after in afters {
            let task = Task::new(2).unwrap();
            let rows = Cancels { points: blobs(1500, dims, 5, 0.2, 15), reads: 0.into(), after, task: task.clone() };
            assert!(matches!(hdbscan(&rows, Metric::Euclidean, &params(5, None), &task), Err(Error::Cancelled)));
        }
    }
}

#[test]
fn progress_ends_complete() {
    for dims in [2, 20] {
        let task = Task::new(2).unwrap();
        let points = blobs(600, dims, 5, 0.2, 16);
        let tree = KdTree::build(&points, &task).unwrap();
        let local = tree_search::local(&tree, 5, 8, &task).unwrap();
        let progress = task.watch().progress().unwrap();
        assert_eq!((progress.stage, progress.done, progress.total), ("core distances", 600, 600));
        let edges = spanning_tree(&local, &TreeSearch::new(&tree, &local, &task), &task).unwrap();
        assert_eq!(edges.len(), 599);
        let progress = task.watch().progress().unwrap();
        assert_eq!((progress.stage, progress.done, progress.total), ("spanning tree", 599, 599));
    }
}
