//! What must hold of the geometry kernels for any input.

use proptest::prelude::*;
use saescope::analysis::grouping::{AffinityKind, Cut, Method, group_points};
use saescope::geometry::cluster::hdbscan::{HdbscanParams, Metric, hdbscan};
use saescope::geometry::neighbors::{Knn, KnnParams, knn, nearest};
use saescope::geometry::pca::pca;
use saescope::geometry::trust::trust;
use saescope::rows::{Points, Rows};
use saescope::task::Task;
use std::collections::HashMap;
use std::sync::LazyLock;

static TASK: LazyLock<Task> = LazyLock::new(|| Task::new(2).expect("threads start"));

/// Up to 40 rows of up to 12 small numbers, many of them whole, so that ties and zero rows are common.
fn points() -> impl Strategy<Value = Points> {
    let number = prop_oneof![Just(0.0f32), (-3i8..=3).prop_map(f32::from), -10.0f32..10.0];
    (3usize..40, 1usize..12).prop_flat_map(move |(n, d)| {
        prop::collection::vec(number.clone(), n * d).prop_map(move |data| Points::new(data, d))
    })
}

/// Turns columns `a` and `b` by `angle`.
fn turned(points: &Points, a: usize, b: usize, angle: f64) -> Points {
    let mut out = points.clone();
    let d = points.dims();
    let (a, b) = (a % d, b % d);
    if a != b {
        for row in out.data_mut().chunks_exact_mut(d) {
            let (x, y) = (f64::from(row[a]), f64::from(row[b]));
            row[a] = (angle.cos() * x - angle.sin() * y) as f32;
            row[b] = (angle.sin() * x + angle.cos() * y) as f32;
        }
    }
    out
}

fn all_but_itself(points: &Points) -> Knn {
    knn(points, &KnnParams { k: points.len() - 1 }, &TASK).expect("neighbours")
}

/// Cosine of every ordered pair.
fn table(found: &Knn) -> HashMap<(u32, u32), f32> {
    (0..found.len() as u32)
        .flat_map(|i| {
            let (indices, cosines) = found.row(i as usize);
            indices.iter().zip(cosines).map(move |(&j, &cosine)| ((i, j), cosine)).collect::<Vec<_>>()
        })
        .collect()
}

/// Groups of directions around axes of their own, and how many there are: whatever is measured, they stand apart.
fn groups() -> impl Strategy<Value = (Points, usize)> {
    (2usize..5, 8usize..16).prop_flat_map(|(groups, size)| {
        let (n, d) = (groups * size, groups + 2);
        prop::collection::vec(-1.0f32..1.0, n * d).prop_map(move |noise| {
            let centre = |i: usize, j: usize| if j == i % groups { 8.0 } else { 0.0 };
            let data = noise.iter().enumerate().map(|(at, x)| centre(at / d, at % d) + x).collect();
            (Points::new(data, d), groups)
        })
    })
}

/// The rows in another order: row `i` comes to `place[i]`.
fn shuffled(points: &Points, seed: u64) -> (Points, Vec<usize>) {
    let n = points.nrows();
    let mut order: Vec<usize> = (0..n).collect();
    let key = |i: &usize| (*i as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).wrapping_mul(seed | 1);
    order.sort_by_key(key);
    let data = order.iter().flat_map(|&i| points.row(i).to_vec()).collect();
    let mut place = vec![0; n];
    order.iter().enumerate().for_each(|(to, &from)| place[from] = to);
    (Points::new(data, points.dims()), place)
}

/// Labels by the first point of each group, so that numbering does not matter.
fn partition(labels: impl Iterator<Item = i32>) -> Vec<Option<usize>> {
    let mut first = HashMap::new();
    labels.enumerate().map(|(i, label)| (label >= 0).then(|| *first.entry(label).or_insert(i))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn clusters_and_neighbours_survive_a_rotation_and_a_permutation(
        (points, count) in groups(), angles in prop::collection::vec((0usize..9, 0usize..9, 0.0f64..6.3), 4), seed in any::<u64>(),
    ) {
        let turned = angles.iter().fold(points.clone(), |points, &(a, b, angle)| turned(&points, a, b, angle));
        let (moved, place) = shuffled(&turned, seed);
        let n = points.nrows();
        // Sets of nearest rows, where no tie makes them a matter of rounding.
        let k = 5;
        let (before, after) = (all_but_itself(&points), all_but_itself(&moved));
        for i in 0..n {
            let (near, cosines) = before.row(i);
            if cosines[k - 1] - cosines[k] > 1e-5 {
                let mut old: Vec<usize> = near[..k].iter().map(|&j| place[j as usize]).collect();
                let mut new: Vec<usize> = after.row(place[i]).0[..k].iter().map(|&j| j as usize).collect();
                old.sort_unstable();
                new.sort_unstable();
                prop_assert_eq!(old, new, "row {}", i);
            }
        }
        let params = HdbscanParams { min_cluster_size: 5, min_samples: Some(3) };
        for metric in [Metric::Cosine, Metric::Euclidean] {
            let labels = |points: &Points| hdbscan(points, metric, &params, &TASK).expect("clusters").labels;
            let (old, new) = (labels(&points), labels(&moved));
            prop_assert_eq!(
                partition(old.iter().copied()),
                partition(place.iter().map(|&to| new[to])),
                "{:?}", metric
            );
        }
        for method in [
            Method::Graph { k: 5, tau: 0.5 },
            Method::Leiden { k: 5, resolution: Some(0.5) },
            Method::Spectral { k: 5, clusters: count, affinity: AffinityKind::Positive },
            Method::Kmeans { clusters: count },
            Method::Linkage { k: 7, average: true, cut: Cut::Into(count) },
        ] {
            let labels = |points: &Points| group_points(points, method, 0, &TASK).expect("groups").clusters.labels;
            let (old, new) = (labels(&points), labels(&moved));
            prop_assert_eq!(
                partition(old.iter().copied()),
                partition(place.iter().map(|&to| new[to])),
                "{:?}", method
            );
        }
    }

    #[test]
    fn lists_are_ordered_complete_and_symmetric(points in points()) {
        let found = all_but_itself(&points);
        let cosines = table(&found);
        prop_assert_eq!(cosines.len(), points.len() * (points.len() - 1), "each other row once");
        for i in 0..points.len() {
            let (indices, own) = found.row(i);
            for at in 1..own.len() {
                let ordered = own[at - 1] > own[at] || (own[at - 1] == own[at] && indices[at - 1] < indices[at]);
                prop_assert!(ordered, "row {} at {}", i, at);
            }
            prop_assert!(own.iter().all(|c| c.abs() <= 1.0) && !indices.contains(&(i as u32)));
        }
        for (&(i, j), cosine) in &cosines {
            prop_assert_eq!(cosine.to_bits(), cosines[&(j, i)].to_bits());
        }
    }

    #[test]
    fn a_shorter_list_begins_a_longer_one(points in points(), k in 1usize..10) {
        let k = k.min(points.len() - 1);
        let (short, long) = (knn(&points, &KnnParams { k }, &TASK).expect("neighbours"), all_but_itself(&points));
        for i in 0..points.len() {
            // The last places may be filled by either of two rows that f32 cannot tell apart; the cosines agree.
            prop_assert_eq!(short.row(i).1, &long.row(i).1[..k]);
            let one = nearest(&points, i, k, &TASK).expect("neighbours");
            prop_assert!(one.iter().map(|x| x.0).eq(short.row(i).0.iter().copied()));
            prop_assert!(one.iter().map(|x| x.1).eq(short.row(i).1.iter().copied()));
        }
    }

    #[test]
    fn lengths_do_not_matter(points in points(), powers in prop::collection::vec(-60i32..60, 40)) {
        let mut scaled = points.clone();
        let d = points.dims();
        for (row, &power) in scaled.data_mut().chunks_exact_mut(d).zip(&powers) {
            for x in row {
                *x *= 2f32.powi(power);
            }
        }
        prop_assert_eq!(all_but_itself(&scaled), all_but_itself(&points));
    }

    #[test]
    fn cosines_survive_a_rotation_and_a_permutation(
        points in points(), a in 0usize..12, b in 0usize..12, angle in 0.0f64..6.3, shift in 1usize..40,
    ) {
        let (n, d) = (points.len(), points.dims());
        let before = table(&all_but_itself(&points));
        let after = table(&all_but_itself(&turned(&points, a, b, angle)));
        for (pair, cosine) in &before {
            prop_assert!((cosine - after[pair]).abs() < 1e-5);
        }
        let moved = Points::new((0..n).flat_map(|i| points.row((i + shift) % n).to_vec()).collect(), d);
        let after = table(&all_but_itself(&moved));
        let place = |i: u32| ((i as usize + n - shift % n) % n) as u32;
        for (&(i, j), cosine) in &before {
            prop_assert_eq!(cosine.to_bits(), after[&(place(i), place(j))].to_bits());
        }
    }

    #[test]
    fn variances_survive_a_motion_and_grow_with_the_square(
        points in points(), a in 0usize..12, b in 0usize..12, angle in 0.0f64..6.3, shift in -5.0f32..5.0,
    ) {
        let dims = points.len().min(points.dims());
        let still = pca(&points, dims, &TASK).expect("components");
        let mut moved = turned(&points, a, b, angle);
        moved.data_mut().iter_mut().for_each(|x| *x = 2.0 * (*x + shift));
        let moved = pca(&moved, dims, &TASK).expect("components");
        let scale = still.explained_variance[0].max(1e-3);
        for c in 0..dims {
            prop_assert!((moved.explained_variance[c] - 4.0 * still.explained_variance[c]).abs() < 1e-4 * scale);
            prop_assert!(still.explained_variance[c] >= 0.0);
            prop_assert!((0.0..=1.0).contains(&still.explained_variance_ratio[c]));
        }
    }

    #[test]
    fn all_components_rebuild_the_rows(points in points()) {
        let dims = points.len().min(points.dims());
        let found = pca(&points, dims, &TASK).expect("components");
        for i in 0..points.len() {
            for j in 0..points.dims() {
                let along = (0..dims).map(|c| found.coordinates.row(i)[c] * found.components.row(c)[j]).sum::<f32>();
                prop_assert!((found.mean[j] + along - points.row(i)[j]).abs() < 1e-3);
            }
        }
        let variance = |c: usize| {
            let squares = (0..points.len()).map(|i| f64::from(found.coordinates.row(i)[c]).powi(2)).sum::<f64>();
            squares / (points.len() - 1) as f64
        };
        for c in 0..dims {
            prop_assert!((variance(c) - found.explained_variance[c]).abs() < 1e-3);
        }
    }

    #[test]
    fn exchanging_map_and_original_exchanges_trust_and_continuity(points in points(), k in 1usize..15) {
        let k = k.min((points.len() - 1) / 2);
        let other = turned(&points, 0, 1, 1.0);
        let map = Points::new((0..points.nrows()).flat_map(|i| [points.row(i)[0], 0.1 * i as f32]).collect(), 2);
        let there = trust(&map, &other, Metric::Euclidean, k, &TASK).expect("trust");
        let back = trust(&other, &map, Metric::Euclidean, k, &TASK).expect("trust");
        prop_assert_eq!(there.trustworthiness, back.continuity);
        prop_assert_eq!(there.continuity_per_point, back.trustworthiness_per_point);
        prop_assert_eq!(there.knn_preservation, back.knn_preservation);
        prop_assert!((0.0..=1.0).contains(&there.trustworthiness));
    }
}
