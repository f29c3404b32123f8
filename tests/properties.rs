//! What must hold of the geometry kernels for any input.

use proptest::prelude::*;
use saescope::geometry::cluster::hdbscan::Metric;
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

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
