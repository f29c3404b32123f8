use super::*;
use crate::Error;
use crate::container::{Dtype, Tensor};
use crate::rows::Points;
use std::path::Path;

/// Integers that any language computes alike, without ties among the distances used here.
fn points(n: usize, d: usize, [a, b, c, modulus]: [usize; 4]) -> Points {
    let value = |i: usize, j: usize| {
        ((i * i * a + j * j * b + i * j * c + i * 7 + j * 11) % modulus) as f32 - (modulus / 2) as f32
    };
    Points::new((0..n).flat_map(|i| (0..d).map(move |j| value(i, j))).collect(), d)
}

fn task() -> Task {
    Task::new(2).unwrap()
}

/// Full distance matrices, full sorts, and the formulas as they are written.
fn oracle(map: &Points, original: &Points, metric: Metric, k: usize) -> (f64, f64, f64) {
    let n = map.len();
    let wide = |x: &[f32]| -> Vec<f64> { x.iter().map(|&x| f64::from(x)).collect() };
    let distance = |a: &[f32], b: &[f32], metric| -> f64 {
        let (a, b) = (wide(a), wide(b));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        match metric {
            Metric::Euclidean => a.iter().zip(&b).map(|(x, y)| (x - y) * (x - y)).sum(),
            Metric::Cosine => match dot(&a, &a).sqrt() * dot(&b, &b).sqrt() {
                0.0 => 1.0,
                // Rounded so that rows that truly tie do.
                scale => ((1.0 - dot(&a, &b) / scale) * 1e13).round() / 1e13,
            },
        }
    };
    let orders = |points: &Points, metric| -> Vec<Vec<usize>> {
        (0..n)
            .map(|i| {
                let mut order: Vec<usize> = (0..n).filter(|&j| j != i).collect();
                let far: Vec<f64> = (0..n).map(|j| distance(points.row(i), points.row(j), metric)).collect();
                order.sort_by(|&a, &b| far[a].total_cmp(&far[b]).then(a.cmp(&b)));
                order
            })
            .collect()
    };
    let (map, original) = (orders(map, Metric::Euclidean), orders(original, metric));
    let quality = |near: &[Vec<usize>], ranks: &[Vec<usize>]| {
        let mut sum = 0.0;
        for i in 0..n {
            for j in &near[i][..k] {
                let rank = ranks[i].iter().position(|x| x == j).unwrap() + 1;
                sum += rank.saturating_sub(k) as f64;
            }
        }
        let (n, k) = (n as f64, k as f64);
        1.0 - 2.0 / (n * k * (2.0 * n - 3.0 * k - 1.0)) * sum
    };
    let kept: usize = (0..n).map(|i| map[i][..k].iter().filter(|j| original[i][..k].contains(j)).count()).sum();
    (quality(&map, &original), quality(&original, &map), kept as f64 / (n * k) as f64)
}

fn assert_equals_oracle(map: &Points, original: &Points, metric: Metric, k: usize) {
    let found = trust(map, original, metric, k, &task()).unwrap();
    let (trustworthiness, continuity, preservation) = oracle(map, original, metric, k);
    assert!((found.trustworthiness - trustworthiness).abs() < 1e-12, "{} {trustworthiness}", found.trustworthiness);
    assert!((found.continuity - continuity).abs() < 1e-12, "{} {continuity}", found.continuity);
    assert!((found.knn_preservation - preservation).abs() < 1e-12);
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    assert!((mean(&found.trustworthiness_per_point) - trustworthiness).abs() < 1e-12);
    assert!((mean(&found.continuity_per_point) - continuity).abs() < 1e-12);
    assert!((mean(&found.knn_preservation_per_point) - preservation).abs() < 1e-12);
}

#[test]
fn values_equal_scikit_learn() {
    // sklearn.manifold.trustworthiness 1.x in f64; continuity with the roles exchanged (unit rows for the cosine).
    let golden = [
        (40, 5, 3, [0.426190476190476, 0.572380952380952], [0.450476190476190, 0.564285714285714]),
        (40, 5, 7, [0.473399014778325, 0.544827586206897], [0.496305418719212, 0.551108374384236]),
        (61, 20, 10, [0.502972437398667, 0.513817330210773], [0.502792289677536, 0.519690145919654]),
    ];
    for (n, d, k, cosine, euclidean) in golden {
        let original = points(n, d, [31, 17, 13, 1009]);
        let map = points(n, 2, [57, 23, 5, 4093]);
        for (metric, expected) in [(Metric::Cosine, cosine), (Metric::Euclidean, euclidean)] {
            let found = trust(&map, &original, metric, k, &task()).unwrap();
            assert!((found.trustworthiness - expected[0]).abs() < 1e-12, "{n} {metric:?}");
            assert!((found.continuity - expected[1]).abs() < 1e-12, "{n} {metric:?}");
        }
    }
}

#[test]
fn values_that_f32_would_round_equal_scikit_learn_too() {
    // Small differences far from the origin, again without ties.
    let golden = [
        (40, 5, 3, [0.546904761904762, 0.645000000000000]),
        (300, 10, 15, [0.509912555154432, 0.530851183313277]),
        (300, 18, 15, [0.511651022864019, 0.526949057360610]),
    ];
    let far = |points: &Points, offset: f64| {
        let bytes: Vec<u8> = points.data().iter().flat_map(|&x| (f64::from(x) / 1e5 + offset).to_le_bytes()).collect();
        let shape = vec![points.len(), points.dims()];
        Tensor::new("x", Path::new("x.npy"), Dtype::F64, shape, bytes.into()).unwrap().matrix().unwrap()
    };
    for (n, d, k, expected) in golden {
        let original = far(&points(n, d, [31, 17, 13, if n == 40 { 1009 } else { 99_991 }]), 1000.0);
        let map = far(&points(n, 2, [57, 23, 5, 65_521]), -1000.0);
        let found = trust(&map, &original, Metric::Euclidean, k, &task()).unwrap();
        assert!((found.trustworthiness - expected[0]).abs() < 1e-12, "{n}: {}", found.trustworthiness);
        assert!((found.continuity - expected[1]).abs() < 1e-12, "{n}: {}", found.continuity);
    }
}

#[test]
fn values_equal_the_formulas() {
    for (n, d, dims, k) in
        [(3, 2, 1, 1), (30, 3, 2, 14), (150, 25, 2, 15), (150, 25, 20, 5), (300, 18, 3, 40), (1000, 18, 2, 15)]
    {
        let original = points(n, d, [31, 17, 13, 1009]);
        let map = points(n, dims, [57, 23, 5, 4093]);
        for metric in [Metric::Cosine, Metric::Euclidean] {
            assert_equals_oracle(&map, &original, metric, k);
        }
    }
}

#[test]
fn ties_and_zero_rows_go_by_index() {
    for n in [90, 700] {
        let mut original = points(n, 20, [31, 17, 13, 7]);
        original.data_mut()[40..80].fill(0.0);
        for i in (50..60).chain(n - 9..n) {
            let copy: Vec<f32> = original.row(3).iter().map(|x| x * 2.0).collect();
            original.data_mut()[i * 20..(i + 1) * 20].copy_from_slice(&copy);
        }
        let map = points(n, 2, [3, 5, 7, 4]);
        assert_equals_oracle(&map, &original, Metric::Cosine, 8);
    }
}

#[test]
fn ranks_hold_where_f32_products_cannot_order_the_rows() {
    // A clump so tight that many cosines lie within the rounding of an f32 product of each other.
    let n = 600;
    let tight = points(n, 18, [31, 17, 13, 1009]).data().iter().map(|x| 1.0 + 4e-6 * x).collect();
    let map = points(n, 2, [57, 23, 5, 4093]);
    assert_equals_oracle(&map, &Points::new(tight, 18), Metric::Cosine, 10);
}

#[test]
fn a_faithful_map_is_perfect() {
    let map = points(200, 2, [57, 23, 5, 4093]);
    let moved = Points::new(map.data().iter().map(|x| 4.0 - 2.0 * x).collect(), 2);
    let found = trust(&map, &moved, Metric::Euclidean, 15, &task()).unwrap();
    assert_eq!((found.trustworthiness, found.continuity, found.knn_preservation), (1.0, 1.0, 1.0));
    assert!(found.trustworthiness_per_point.iter().all(|x| *x == 1.0));
}

#[test]
fn a_torn_map_is_trusted_but_not_continuous() {
    // A line of 100 cut in two halves that are drawn far apart, the second mirrored: map neighbours are true ones, but
    // the two sides of the cut have lost each other.
    let line = Points::new((0..100).map(|i| i as f32 + 0.01 * (i * i % 7) as f32).collect(), 1);
    let torn = (0..100).map(|i| line.data()[i] + if i < 50 { 0.0 } else { 1000.0 }).collect();
    let found = trust(&Points::new(torn, 1), &line, Metric::Euclidean, 4, &task()).unwrap();
    assert!(found.continuity < found.trustworthiness);
    assert!(found.continuity_per_point[50] < 1.0 && found.continuity_per_point[25] == 1.0);
    assert_eq!(found.trustworthiness_per_point[25], 1.0);
}

#[test]
fn threads_do_not_change_a_bit() {
    let original = points(500, 30, [31, 17, 13, 1009]);
    let map = points(500, 2, [57, 23, 5, 4093]);
    let one = trust(&map, &original, Metric::Cosine, 15, &Task::new(1).unwrap()).unwrap();
    for threads in [2, 3] {
        assert_eq!(trust(&map, &original, Metric::Cosine, 15, &Task::new(threads).unwrap()).unwrap(), one);
    }
}

#[test]
fn each_wrong_parameter_is_an_error() {
    let original = points(20, 3, [31, 17, 13, 1009]);
    let map = points(20, 2, [57, 23, 5, 4093]);
    for k in [0, 10, 20, usize::MAX / 4] {
        let error = trust(&map, &original, Metric::Cosine, k, &task()).unwrap_err();
        assert!(matches!(error, Error::Usage(_)) && error.to_string().contains("from 1 to 9"), "{error}");
    }
    assert!(trust(&map, &original, Metric::Cosine, 9, &task()).is_ok());
    let fewer = points(19, 2, [57, 23, 5, 4093]);
    assert!(trust(&fewer, &original, Metric::Cosine, 3, &task()).unwrap_err().to_string().contains("19 coordinates"));
    for bad in [f32::NAN, f32::INFINITY] {
        let mut broken = original.clone();
        broken.data_mut()[17] = bad;
        assert!(trust(&map, &broken, Metric::Euclidean, 3, &task()).unwrap_err().to_string().contains("row 5 "));
        let mut broken = map.clone();
        broken.data_mut()[7] = bad;
        assert!(trust(&broken, &original, Metric::Cosine, 3, &task()).unwrap_err().to_string().contains("row 3 "));
    }
    let cancelled = task();
    cancelled.watch().cancel();
    assert!(matches!(trust(&map, &original, Metric::Cosine, 3, &cancelled), Err(Error::Cancelled)));
}
