//! k-means against Lloyd's iterations in f64, all partitions, scikit-learn, planted groups, and at its edges.

use super::*;
use crate::error::Error;
use crate::geometry::cluster::planted::Random;
use crate::rows::Points64;

fn task() -> Task {
    Task::new(2).unwrap()
}

fn params(clusters: usize, seed: u64) -> KmeansParams {
    KmeansParams { clusters, seed, tolerance: 0.0, ..KmeansParams::default() }
}

/// `n` points around `groups` centres, which lie around `off`.
fn blobs(n: usize, d: usize, groups: usize, off: f64, seed: u64) -> Points {
    let mut random = Random::new(seed);
    let centres: Vec<f64> = (0..groups * d).map(|_| off + 4.0 * random.normal()).collect();
    let mut values = Vec::new();
    for _ in 0..n {
        let group = random.below(groups);
        values.extend((0..d).map(|x| (centres[group * d + x] + random.normal()) as f32));
    }
    Points::new(values, d)
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Labels and inertia by Lloyd's iterations in f64 from `centres` until no label changes.
fn slow(points: &[Vec<f64>], mut centres: Vec<Vec<f64>>, spherical: bool) -> (Vec<i32>, f64) {
    let mut labels = vec![0usize; points.len()];
    loop {
        let nearest = |p: &Vec<f64>| {
            (0..centres.len())
                .fold(0, |best, c| if distance(p, &centres[c]) < distance(p, &centres[best]) { c } else { best })
        };
        let next: Vec<usize> = points.iter().map(nearest).collect();
        let inertia = points.iter().zip(&next).map(|(p, &c)| distance(p, &centres[c])).sum();
        if next == labels {
            return (labels.into_iter().map(|label| label as i32).collect(), inertia);
        }
        labels = next;
        for (c, centre) in centres.iter_mut().enumerate() {
            let own: Vec<&Vec<f64>> = points.iter().zip(&labels).filter(|(_, l)| **l == c).map(|(p, _)| p).collect();
            assert!(!own.is_empty(), "the data must leave no cluster empty");
            for (x, value) in centre.iter_mut().enumerate() {
                *value = own.iter().map(|p| p[x]).sum::<f64>() / own.len() as f64;
            }
            if spherical {
                let length = distance(centre, &vec![0.0; centre.len()]).sqrt();
                for x in centre.iter_mut() {
                    *x /= length;
                }
            }
        }
    }
}

#[test]
fn labels_are_those_of_lloyd_in_f64() {
    let task = task();
    for (seed, (n, d, k, off)) in
        [(300, 2, 5, 0.0), (300, 7, 9, 10.0), (200, 3, 4, 3e4), (2500, 40, 20, 0.5), (90, 1, 3, 0.0)]
            .into_iter()
            .enumerate()
    {
        for spherical in [false, true] {
            let points = blobs(n, d, k, off, seed as u64);
            let params = KmeansParams { spherical, restarts: 1, ..params(k, seed as u64) };
            if spherical && d == 1 {
                continue;
            }
            let space = Space::new(&points, spherical, &task).unwrap();
            let starts = Run { space: &space, params: &params, start: 0, task: &task }.starts().unwrap();
            let exact: Vec<Vec<f64>> = (0..n)
                .map(|i| {
                    let row: Vec<f64> = points.row(i).iter().map(|&x| f64::from(x)).collect();
                    let length = distance(&row, &vec![0.0; d]).sqrt();
                    row.iter().zip(&space.mean).map(|(x, m)| if spherical { x / length } else { x - m }).collect()
                })
                .collect();
            let starts = starts.chunks(d).map(|start| start.iter().map(|x| x / space.scale).collect()).collect();
            let (labels, inertia) = slow(&exact, starts, spherical);
            let found = kmeans(&points, &params, &task).unwrap();
            assert_eq!(found.clusters, Clusters::from_labels(&labels), "{n} x {d}, {spherical}");
            assert!((found.inertia / inertia - 1.0).abs() < 1e-6 && found.settled, "{} {inertia}", found.inertia);
        }
    }
}

#[test]
fn centres_are_means_and_every_row_is_with_its_nearest() {
    let points = blobs(700, 6, 12, 1.0, 3);
    let found = kmeans(&points, &params(12, 1), &task()).unwrap();
    let row = |points: &Points, i: usize| points.row(i).iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
    let mut inertia = 0.0;
    let mut sums = vec![vec![0.0; 6]; 12];
    for i in 0..700 {
        let own = found.clusters.labels[i] as usize;
        let away: Vec<f64> = (0..12).map(|c| distance(&row(&points, i), &row(&found.centres, c))).collect();
        assert!(away.iter().all(|a| *a >= away[own] - 1e-4));
        inertia += away[own];
        sums[own].iter_mut().zip(row(&points, i)).for_each(|(sum, x)| *sum += x);
    }
    assert!((found.inertia - inertia).abs() < 1e-3 * inertia);
    for (c, size) in found.clusters.sizes().into_iter().enumerate() {
        let mean: Vec<f64> = sums[c].iter().map(|x| x / size as f64).collect();
        assert!(distance(&mean, &row(&found.centres, c)) < 1e-10);
    }
}

#[test]
fn no_partition_of_a_few_points_is_better() {
    for seed in 0..6 {
        let points = blobs(9, 2, 3, 0.0, seed);
        let row = |i: usize| points.row(i).iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let mut least = f64::INFINITY;
        for code in 0..3usize.pow(9) {
            let label = |i: usize| code / 3usize.pow(i as u32) % 3;
            let mut inertia = 0.0;
            for c in 0..3 {
                let own: Vec<Vec<f64>> = (0..9).filter(|&i| label(i) == c).map(row).collect();
                let mean: Vec<f64> = (0..2).map(|x| own.iter().map(|p| p[x]).sum::<f64>() / own.len() as f64).collect();
                inertia += own.iter().map(|p| distance(p, &mean)).sum::<f64>();
            }
            least = least.min(inertia);
        }
        let found = kmeans(&points, &KmeansParams { restarts: 20, ..params(3, seed) }, &task()).unwrap();
        assert!((found.inertia - least).abs() < 1e-6 * least, "{} {least}", found.inertia);
    }
}

#[test]
fn the_best_start_is_as_good_as_scikit_learns() {
    // sklearn.cluster.KMeans(7, n_init=300, tol=0) on the same rows.
    let value = |i: i32, j: i32| (f64::from(i * (3 + j)) * 0.37).sin() * 3.0 + f64::from((i * 7 + j) % 5);
    let points = Points::new((0..200 * 3).map(|at| value(at / 3, at % 3) as f32).collect(), 3);
    let found = kmeans(&points, &KmeansParams { restarts: 200, ..params(7, 0) }, &task()).unwrap();
    assert!((found.inertia - 1_122.767_12).abs() < 1e-3, "{}", found.inertia);
}

#[test]
fn planted_groups_are_found_and_directions_forget_their_length() {
    let mut random = Random::new(5);
    let mut values = Vec::new();
    let mut planted = Vec::new();
    for i in 0..400 {
        let group = random.below(8);
        planted.push(group as i32);
        let length = 10f64.powf(4.0 * random.uniform() - 2.0);
        let noise = [0.0; 8].map(|x: f64| x + 0.1 * random.normal());
        values.extend((0..8).map(|x| (length * (f64::from(u8::from(x == group)) + noise[x])) as f32));
        // One in fifty has no direction.
        if i % 50 == 7 {
            values[i * 8..].fill(0.0);
            planted[i] = -1;
        }
    }
    let points = Points::new(values, 8);
    let found = kmeans(&points, &KmeansParams { spherical: true, ..params(8, 0) }, &task()).unwrap();
    assert_eq!(found.clusters, Clusters::from_labels(&planted));
    for centre in found.centres.data().chunks(8) {
        assert!((centre.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
    }
    let none = kmeans(&Points::new(vec![0.0; 12], 3), &KmeansParams { spherical: true, ..params(2, 0) }, &task());
    let none = none.unwrap();
    assert_eq!((none.clusters.labels, none.clusters.count, none.inertia), (vec![-1; 4], 0, 0.0));
}

#[test]
fn the_bytes_do_not_depend_on_the_threads() {
    let points = blobs(3000, 20, 30, 2.0, 9);
    for spherical in [false, true] {
        let params = KmeansParams { spherical, restarts: 2, ..params(40, 4) };
        let one = kmeans(&points, &params, &Task::new(1).unwrap()).unwrap();
        for threads in [2, 5] {
            let more = kmeans(&points, &params, &Task::new(threads).unwrap()).unwrap();
            assert_eq!(one, more);
            assert_eq!(one.inertia.to_bits(), more.inertia.to_bits());
        }
        let other = kmeans(&points, &KmeansParams { seed: 5, ..params }, &Task::new(1).unwrap()).unwrap();
        assert_ne!(one.inertia.to_bits(), other.inertia.to_bits());
    }
}

#[test]
fn size_and_place_of_the_rows_change_nothing() {
    let points = blobs(300, 5, 6, 0.0, 2);
    let expected = kmeans(&points, &params(6, 3), &task()).unwrap();
    for factor in [1e-30f64, 1e30, 1e-140, 1e140] {
        let values: Vec<f64> = points.data().iter().map(|&x| f64::from(x) * factor).collect();
        let found = kmeans(&Points64::new(values.clone(), 5), &params(6, 3), &task()).unwrap();
        assert_eq!(found.clusters, expected.clusters);
        assert!((found.inertia / factor / factor / expected.inertia - 1.0).abs() < 1e-6);
        if (1e-31..1e31).contains(&factor) {
            let narrow = Points::new(values.iter().map(|&x| x as f32).collect(), 5);
            assert_eq!(kmeans(&narrow, &params(6, 3), &task()).unwrap().clusters, expected.clusters);
        }
    }
    let directions = KmeansParams { spherical: true, ..params(6, 3) };
    let expected_directions = kmeans(&points, &directions, &task()).unwrap();
    for factor in [1e-140f64, 1e140] {
        let values: Vec<f64> = points.data().iter().map(|&x| f64::from(x) * factor).collect();
        let found = kmeans(&Points64::new(values, 5), &directions, &task()).unwrap();
        assert_eq!(found.clusters, expected_directions.clusters);
        assert!((found.inertia / expected_directions.inertia - 1.0).abs() < 1e-6);
    }
    let values: Vec<f64> = points.data().iter().map(|&x| f64::from(x) + 1e9).collect();
    let far = kmeans(&Points64::new(values, 5), &params(6, 3), &task()).unwrap();
    assert_eq!(far.clusters, expected.clusters);
    assert!((f64::from(far.centres.row(0)[0]) - 1e9).abs() < 100.0);
}

#[test]
fn rows_at_fewer_places_than_clusters_give_a_cluster_for_each_place() {
    let places = [[0.1f32, 0.7], [5.3, 5.9], [-3.1, 2.3], [0.1, -7.7]];
    let points = Points::new((0..90).flat_map(|i| places[i * i % 4]).collect(), 2);
    for (off, seed) in [(0.0, 0), (0.0, 1), (1000.3, 2)] {
        let points = Points::new(points.data().iter().map(|x| x + off).collect(), 2);
        let found = kmeans(&points, &params(7, seed), &task()).unwrap();
        assert_eq!(found.clusters.count, 2);
        assert!(found.inertia < 1e-9);
    }
    let points = Points::new((0..90).flat_map(|i| places[i % 4]).collect(), 2);
    let found = kmeans(&points, &params(9, 0), &task()).unwrap();
    assert_eq!(found.clusters.sizes(), [23, 23, 22, 22]);
}

#[test]
fn a_cluster_without_rows_takes_the_farthest() {
    let task = task();
    let points = Points::new(vec![0.0, 1.0, 2.0, 10.0, 11.0, 30.0], 1);
    let params = params(3, 0);
    let space = Space::new(&points, false, &task).unwrap();
    let run = Run { space: &space, params: &params, start: 0, task: &task };
    let mean = 9.0;
    let mut centres = Centres::new([1.0, 12.0, 500.0].iter().map(|x| (x - mean) * space.scale).collect(), &space);
    let (mut labels, mut squared) = (vec![NONE; 6], vec![0.0; 6]);
    run.assign(&centres, &mut labels, &mut squared).unwrap();
    assert_eq!(labels, [0, 0, 0, 1, 1, 1]);
    assert!(run.revive(&mut centres, &mut labels, &mut squared));
    assert_eq!(labels, [0, 0, 0, 1, 1, 2]);
    assert!((centres.exact[2] / space.scale - 21.0).abs() < 1e-6 && squared[5] == 0.0);
    assert!(!run.revive(&mut centres, &mut labels, &mut squared));
    // The farthest row is a cluster by itself already: the next one goes.
    let places = [1.0, 10.0, 45.0, 500.0].iter().map(|x| (x - mean) * space.scale).collect();
    let mut centres = Centres::new(places, &space);
    run.assign(&centres, &mut labels, &mut squared).unwrap();
    assert_eq!(labels, [0, 0, 0, 1, 1, 2]);
    assert!(run.revive(&mut centres, &mut labels, &mut squared));
    assert_eq!(labels, [3, 0, 0, 1, 1, 2]);
}

#[test]
fn draws_fall_in_proportion_to_the_weights() {
    assert_eq!(draw_by(&[0.0, 1.0, 0.0, 3.0, 0.0], &[0.999, 0.0, 0.249, 0.251]), [3, 1, 1, 3]);
    assert!(draw_by(&[0.0, 0.0], &[0.5]).is_empty());
}

#[test]
fn parameters_out_of_range_name_their_flag_and_bad_rows_their_number() {
    let points = blobs(5, 2, 1, 0.0, 0);
    let good = params(2, 0);
    for (params, flag) in [
        (KmeansParams { clusters: 0, ..good }, "--clusters"),
        (KmeansParams { clusters: 6, ..good }, "--clusters"),
        (KmeansParams { restarts: 0, ..good }, "--restarts"),
        (KmeansParams { iterations: 0, ..good }, "--iterations"),
        (KmeansParams { tolerance: f64::NAN, ..good }, "--tolerance"),
    ] {
        let error = kmeans(&points, &params, &task()).unwrap_err();
        assert!(matches!(error, Error::Usage(_)) && error.to_string().contains(flag), "{error}");
    }
    let mut bad = points.clone();
    bad.data_mut()[7] = f32::NAN;
    assert!(kmeans(&bad, &good, &task()).unwrap_err().to_string().contains("row 3 "));
    let stopped = task();
    stopped.watch().cancel();
    assert!(matches!(kmeans(&points, &good, &stopped), Err(Error::Cancelled)));
    let all = kmeans(&points, &params(5, 0), &task()).unwrap();
    assert_eq!((all.clusters.count, all.inertia), (5, 0.0));
}
