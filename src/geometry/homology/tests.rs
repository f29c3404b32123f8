use super::golden::{RING_H0, RING_H1, SINES_H0, SINES_H1, WIDE_H0, WIDE_H1, ring, sines, wide};
use super::oracle::oracle;
use super::*;
use crate::Error;
use crate::geometry::random::key;
use crate::rows::Points;
use crate::task::Task;
use proptest::prelude::*;
use std::f64::consts::{PI, TAU};

fn found(distances: &Distances, threshold: Option<f64>) -> Diagrams {
    rips(distances, &RipsParams { threshold }, &Task::new(1).unwrap()).unwrap()
}

fn of(points: &Points) -> Diagrams {
    found(&Distances::from_points(points).unwrap(), None)
}

fn check(distances: &Distances, threshold: Option<f64>) {
    let found = found(distances, threshold);
    assert_eq!(found, oracle(distances, found.threshold));
    for class in &found.h1 {
        check_cycle(distances, class);
    }
}

/// A loop through different points, of edges that come before the one that closes it.
fn check_cycle(distances: &Distances, class: &Loop) {
    let points = cycle(distances, class);
    assert!(points.len() > 2, "{points:?}");
    let [low, high] = class.born;
    assert_eq!([points[0], points[points.len() - 1]], [low, high]);
    let length = |i: u32, j: u32| distances.get(i as usize, j as usize);
    for pair in points.windows(2) {
        let edge = (length(pair[0], pair[1]), pair[0].min(pair[1]), pair[0].max(pair[1]));
        assert!(edge < (class.birth, low, high), "{edge:?}");
    }
    let mut once = points.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), points.len());
}

fn planar(n: usize, at: impl Fn(f64) -> (f64, f64)) -> Points {
    let pair = |i: usize| {
        let (x, y) = at(i as f64);
        [x as f32, y as f32]
    };
    Points::new((0..n).flat_map(pair).collect(), 2)
}

fn polygon(n: usize) -> Points {
    planar(n, |i| ((TAU * i / n as f64).cos(), (TAU * i / n as f64).sin()))
}

/// Uniform in [-1, 1) in every coordinate.
fn cube(n: usize, dims: usize, seed: u64) -> Points {
    let draw = |i: usize| crate::geometry::random::signed_unit(key(seed, 0, i as u64));
    Points::new((0..n * dims).map(draw).collect(), dims)
}

fn values<B, D>(intervals: &[Interval<B, D>]) -> Vec<(f64, f64)> {
    let mut values: Vec<(f64, f64)> = intervals.iter().map(|x| (x.birth, x.death)).collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    values
}

/// Loops that live longer than `least`.
fn long(diagrams: &Diagrams, least: f64) -> Vec<(f64, f64)> {
    values(&diagrams.h1).into_iter().filter(|(birth, death)| death - birth > least).collect()
}

fn near(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(0.1)
}

fn all_near(a: &[(f64, f64)], b: &[(f64, f64)]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a.0, b.0) && near(a.1, b.1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn coarse_points_equal_the_oracle(values in prop::collection::vec(-2i8..3, 0..60), dims in 1usize..4) {
        // Integers: ties and duplicates.
        let whole = values.len() / dims * dims;
        let points = Points::new(values[..whole].iter().map(|&v| f32::from(v)).collect(), dims);
        check(&Distances::from_points(&points).unwrap(), None);
    }
    #[test]
    fn points_equal_the_oracle(n in 0usize..25, dims in 1usize..6, seed in any::<u64>(), reach in 0.0f64..3.0) {
        let distances = Distances::from_points(&cube(n, dims, seed)).unwrap();
        check(&distances, None);
        check(&distances, Some(reach));
    }
    #[test]
    fn any_distances_equal_the_oracle(n in 0usize..16, seed in any::<u64>(), levels in 1u64..40, reach in 0u64..40) {
        // No triangle inequality, few values, some without an edge.
        let draw = |i: usize| match key(seed, 1, i as u64) >> 32 {
            x if x % 11 == 0 => f64::INFINITY,
            x => (x % levels) as f64,
        };
        let distances = Distances::from_condensed(n, (0..n * n.saturating_sub(1) / 2).map(draw).collect()).unwrap();
        for threshold in [None, Some(f64::INFINITY), Some(reach as f64)] {
            check(&distances, threshold);
        }
    }
    #[test]
    fn landmarks_equal_the_obvious_ones(values in prop::collection::vec(-3i8..4, 2..80), count in 1usize..30) {
        let points = Points::new(values[..values.len() / 2 * 2].iter().map(|&v| f32::from(v)).collect(), 2);
        let distances = Distances::from_points(&points).unwrap();
        let start = values.len() / 4;
        let landmarks = maxmin(&points, count, Start::At(start));
        let mut taken = vec![start as u32];
        let near = |taken: &[u32], i: usize| {
            taken.iter().map(|&t| distances.get(i, t as usize)).fold(f64::MAX, f64::min)
        };
        loop {
            let far = (0..points.len()).rev().max_by(|&a, &b| near(&taken, a).total_cmp(&near(&taken, b))).unwrap();
            if taken.len() == count || near(&taken, far) == 0.0 {
                prop_assert_eq!(landmarks, Landmarks { indices: taken.clone(), cover: near(&taken, far) });
                break;
            }
            taken.push(far as u32);
        }
    }
}

#[test]
fn no_and_few_points() {
    let part = |death| Interval { birth: 0.0, death, born: 0, killed: None };
    let empty = |n: usize, h0| {
        assert_eq!(
            found(&Distances::from_condensed(n, Vec::new()).unwrap(), None),
            Diagrams { h0, h1: Vec::new(), threshold: 0.0 }
        );
    };
    empty(0, Vec::new());
    empty(1, vec![part(f64::INFINITY)]);
    let two = |length| found(&Distances::from_condensed(2, vec![length]).unwrap(), None).h0;
    assert_eq!(two(3.0), [part(f64::INFINITY), Interval { birth: 0.0, death: 3.0, born: 1, killed: Some([0, 1]) }]);
    assert_eq!(two(0.0), [part(f64::INFINITY)]);
    assert_eq!(two(f64::INFINITY), [part(f64::INFINITY), Interval { born: 1, ..part(f64::INFINITY) }]);
    // All in one place.
    assert_eq!(of(&Points::new(vec![1.0; 300], 3)).h0, [part(f64::INFINITY)]);
}

#[test]
fn a_loop_that_nothing_fills_lives_on() {
    let square = |i: usize, j: usize| if (i + j) % 2 == 1 { 1.0 } else { f64::INFINITY };
    let upper = (0..4).flat_map(|i| (i + 1..4).map(move |j| square(i, j))).collect();
    let diagrams = found(&Distances::from_condensed(4, upper).unwrap(), None);
    let class = Interval { birth: 1.0, death: f64::INFINITY, born: [2, 3], killed: None };
    assert_eq!((diagrams.h1, diagrams.threshold), (vec![class], f64::INFINITY));
    // And up to a threshold below its death.
    let polygon = Distances::from_points(&polygon(30)).unwrap();
    let some = found(&polygon, Some(1.0));
    assert_eq!((some.h1.len(), some.h1[0].death), (1, f64::INFINITY));
    check(&Distances::from_points(&cube(24, 4, 9)).unwrap(), Some(0.9));
}

#[test]
fn rows_of_several_words_equal_the_oracle() {
    check(&Distances::from_points(&cube(140, 3, 6)).unwrap(), Some(0.6));
}

#[test]
fn a_regular_polygon_has_one_loop() {
    for n in (4..40).chain([300, 600]) {
        let diagrams = of(&polygon(n));
        let chord = |k: usize| 2.0 * (PI * k as f64 / n as f64).sin();
        let loops = long(&diagrams, 1e-5);
        assert!(all_near(&loops, &[(chord(1), chord(n.div_ceil(3)))]), "{n}: {loops:?}");
        if n % 3 == 0 {
            assert!(near(chord(n / 3), 3f64.sqrt()));
        }
        // Once round, in order, from one end of the last side to the other.
        let distances = Distances::from_points(&polygon(n)).unwrap();
        let points = cycle(&distances, &diagrams.h1[0]);
        assert_eq!(points.len(), n);
        let steps = points.windows(2).map(|pair| (pair[1] + n as u32 - pair[0]) % n as u32);
        let mut steps: Vec<u32> = steps.collect();
        steps.dedup();
        assert!(steps == [1] || steps == [n as u32 - 1], "{steps:?}");
    }
}

#[test]
fn a_segment_has_no_loop_and_a_figure_eight_two() {
    assert_eq!(of(&planar(100, |i| (3.0 * i, 4.0 * i))).h1, []);
    let eight = planar(60, |i| {
        let (side, turn) = ((i / 30.0).floor() * 2.0 - 1.0, TAU * i / 30.0);
        (side * (1.0 - turn.cos()), turn.sin())
    });
    // Where they touch, points of the two circles make short ones.
    let loops = long(&of(&eight), 0.1);
    assert!(all_near(&loops, &[(2.0 * (PI / 30.0).sin(), 3f64.sqrt()); 2]), "{loops:?}");
}

#[test]
fn a_flat_torus_has_two_loops() {
    let angle = |i: usize| TAU * i as f64 / 15.0;
    let row = |i: usize| [angle(i / 15).cos(), angle(i / 15).sin(), angle(i % 15).cos(), angle(i % 15).sin()];
    let torus = Points::new((0..225).flat_map(row).map(|x| x as f32).collect(), 4);
    // Squares of the grid die at their diagonals.
    let birth = 2.0 * (PI / 15.0).sin();
    let loops = long(&of(&torus), birth);
    assert!(all_near(&loops, &[(birth, 3f64.sqrt()); 2]), "{loops:?}");
}

#[test]
fn parts_merge_at_the_heights_of_single_linkage() {
    let distances = Distances::from_points(&cube(130, 3, 5)).unwrap();
    // Prim's tree.
    let mut near = vec![f64::INFINITY; 130];
    let mut outside: Vec<usize> = (1..130).collect();
    let (mut last, mut heights) = (0, Vec::new());
    while !outside.is_empty() {
        for &i in &outside {
            near[i] = near[i].min(distances.get(i, last));
        }
        let next = (0..outside.len()).min_by(|&a, &b| near[outside[a]].total_cmp(&near[outside[b]])).unwrap();
        last = outside.remove(next);
        heights.push((0.0, near[last]));
    }
    heights.push((0.0, f64::INFINITY));
    heights.sort_by(|a, b| a.1.total_cmp(&b.1));
    let diagrams = found(&distances, None);
    assert_eq!(values(&diagrams.h0), heights);
    for part in &diagrams.h0[1..] {
        let [low, high] = part.killed.unwrap();
        assert!(part.death == distances.get(low as usize, high as usize) && part.born > 0);
    }
}

#[test]
fn ripser_says_the_same() {
    let parts = |deaths: &[f64]| -> Vec<(f64, f64)> {
        deaths.iter().copied().chain([f64::INFINITY]).map(|death| (0.0, death)).collect()
    };
    for (points, h0, h1) in [
        (sines(), parts(&SINES_H0), &SINES_H1[..]),
        (ring(), parts(&RING_H0), &RING_H1[..]),
        (wide(), parts(&WIDE_H0), &WIDE_H1[..]),
    ] {
        let diagrams = of(&points);
        assert!(all_near(&values(&diagrams.h0), &h0), "{:?}", diagrams.h0);
        assert!(all_near(&values(&diagrams.h1), h1), "{:?}", diagrams.h1);
    }
}

#[test]
fn intervals_do_not_depend_on_how_points_are_numbered_or_turned() {
    for (points, dims) in [(cube(150, 3, 1), 3), (ring(), 2), (wide(), 6)] {
        let diagrams = of(&points);
        let n = points.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|&i| key(2, 0, i as u64));
        let moved = of(&Points::new(order.iter().flat_map(|&i| points.row(i).to_vec()).collect(), dims));
        assert_eq!(values(&moved.h0), values(&diagrams.h0));
        assert_eq!(values(&moved.h1), values(&diagrams.h1));
        // Rounding the turned points to f32 moves each interval by less than this.
        let (sin, cos) = 0.7f64.sin_cos();
        let turned = (0..n).flat_map(|i| {
            let mut row: Vec<f64> = points.row(i).iter().map(|&x| f64::from(x)).collect();
            (row[0], row[1]) = (cos * row[0] - sin * row[1], sin * row[0] + cos * row[1]);
            row.into_iter().map(|x| x as f32)
        });
        let turned = of(&Points::new(turned.collect(), dims));
        let lives = |diagrams: &Diagrams| diagrams.h1.iter().map(Interval::persistence).collect::<Vec<_>>();
        let (a, b) = (lives(&diagrams), lives(&turned));
        for at in 0..a.len().max(b.len()) {
            let life = |of: &[f64]| of.get(at).copied().unwrap_or(0.0);
            assert!((life(&a) - life(&b)).abs() < 2e-6, "{at}: {} {}", life(&a), life(&b));
        }
    }
}

#[test]
fn duplicates_change_nothing_however_wide_the_rows() {
    let few = cube(21, 5, 3);
    let expected = of(&few);
    assert!(expected.h1.len() > 3);
    for n in [64, 65, 500, 513, 1100] {
        let many = Points::new((0..n).flat_map(|i| few.row(i % 21).to_vec()).collect(), 5);
        let diagrams = of(&many);
        assert_eq!(values(&diagrams.h0), values(&expected.h0));
        assert_eq!(values(&diagrams.h1), values(&expected.h1));
    }
}

#[test]
fn many_classes_may_live_at_once() {
    // Points of two kinds, every pair of different kinds nearer than any of one kind.
    let upper = |n: usize| -> Vec<f64> {
        let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
        let far = |(i, j): (usize, usize)| {
            f64::from(u8::from((i + j) % 2 == 0)) + (key(4, i as u64, j as u64) >> 40) as f64 * 2e-8
        };
        pairs.map(far).collect()
    };
    check(&Distances::from_condensed(24, upper(24)).unwrap(), None);
    let diagrams = found(&Distances::from_condensed(80, upper(80)).unwrap(), None);
    assert_eq!(diagrams.h1.len(), 39 * 39);
    assert!(diagrams.h1.iter().all(|class| class.birth < 0.5 && class.death >= 1.0));
}

#[test]
fn distances_are_held_once_however_they_come() {
    let upper = Distances::from_condensed(4, vec![1.0, 2.0, 3.0, 4.0, 5.0, -0.0]).unwrap();
    let lower = Distances::from_lower(4, &[1.0, 2.0, 4.0, 3.0, 5.0, 0.0]).unwrap();
    assert_eq!(upper, lower);
    assert_eq!((upper.get(1, 3), upper.get(3, 1), upper.get(2, 2), upper.len()), (5.0, 5.0, 0.0, 4));
    assert!(upper.get(2, 3).is_sign_positive());
    assert_eq!(upper.enclosing_radius(), 3.0);
    let points = Points::new(vec![0.0, 0.0, 3.0, 4.0, 1e30, 0.0], 2);
    let wide = Distances::from_points(&points).unwrap();
    assert_eq!((wide.get(1, 0), wide.get(0, 2)), (5.0, f64::from(1e30f32)));
}

#[test]
fn what_is_no_distance_is_refused() {
    let usage = |result: crate::Result<Distances>, words: &str| {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Usage(_)) && error.to_string().contains(words), "{error}");
    };
    usage(Distances::from_condensed(3, vec![1.0, 2.0, f64::NAN]), "points 1 and 2 is NaN");
    usage(Distances::from_lower(3, &[1.0, -2.0, 1.0]), "points 0 and 2 is -2");
    usage(Distances::from_condensed(3, vec![1.0]), "1 distances of 3 points; expected 3");
    usage(Distances::from_condensed(0, vec![1.0]), "expected 0");
    usage(Distances::from_condensed(usize::MAX, Vec::new()), "at most 8192 points");
    usage(Distances::from_points(&Points::new(vec![0.0; MOST_POINTS + 1], 1)), "landmarks");
    let error = Distances::from_points(&Points::new(vec![0.0, f32::NAN], 1)).unwrap_err();
    assert!(error.to_string().contains("row 1"), "{error}");
    let distances = Distances::from_points(&polygon(5)).unwrap();
    let task = Task::new(1).unwrap();
    for threshold in [-1.0, f64::NAN] {
        let error = rips(&distances, &RipsParams { threshold: Some(threshold) }, &task).unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{error}");
    }
    task.watch().cancel();
    assert!(matches!(rips(&distances, &RipsParams::default(), &task), Err(Error::Cancelled)));
}

#[test]
fn a_cycle_of_other_distances_is_empty() {
    let distances = Distances::from_points(&polygon(5)).unwrap();
    let class = |born| Interval { birth: 1.0, death: 2.0, born, killed: None };
    assert_eq!(cycle(&distances, &class([3, 9])), [0u32; 0]);
    assert_eq!(cycle(&distances, &class([3, 3])), [0u32; 0]);
    let parted = Distances::from_condensed(3, vec![1.0, f64::INFINITY, f64::INFINITY]).unwrap();
    assert_eq!(cycle(&parted, &class([0, 2])), [0u32; 0]);
}

#[test]
fn landmarks_begin_where_they_are_told() {
    let line = Points::new(vec![0.0, 1.0, 2.0, 3.0, 10.0, 10.0], 1);
    let taken = |count, start| maxmin(&line, count, start);
    assert_eq!(taken(1, Start::Farthest), Landmarks { indices: vec![4], cover: 10.0 });
    assert_eq!(taken(3, Start::Farthest), Landmarks { indices: vec![4, 0, 3], cover: 1.0 });
    assert_eq!(taken(100, Start::At(5)), Landmarks { indices: vec![5, 0, 3, 1, 2], cover: 0.0 });
    assert_eq!(taken(0, Start::Farthest), Landmarks { indices: vec![], cover: f64::INFINITY });
    assert_eq!(maxmin(&Points::new(vec![], 2), 3, Start::Farthest), Landmarks { indices: vec![], cover: 0.0 });
    // What is not finite is taken once.
    let wrong = Points::new(vec![0.0, f32::NAN, f32::INFINITY, 1.0, f32::NEG_INFINITY], 1);
    for start in (0..5).map(Start::At).chain([Start::Farthest]) {
        let mut indices = maxmin(&wrong, 9, start).indices;
        let taken = indices.len();
        indices.sort_unstable();
        indices.dedup();
        assert_eq!(indices.len(), taken);
    }
}
