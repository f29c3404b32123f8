//! Closed forms, planted shapes and slow oracles.

use super::correlation::{pearson, ranks, spearman, xi};
use super::null;
use super::verdict::Coordinate;
use super::*;
use crate::geometry::random::key;
use crate::geometry::random::normals;
use std::f64::consts::{PI, TAU};

fn task() -> Task {
    Task::new(2).unwrap()
}

/// Uniform in [0, 1).
fn uniform(seed: u64, at: u64) -> f64 {
    (key(seed, 0x0075_6e69, at) >> 11) as f64 / (1u64 << 53) as f64
}

fn normal(seed: u64, at: u64) -> f64 {
    normals(seed, 0x6e6f, at / 2)[(at % 2) as usize]
}

/// Points by a formula of two uniform numbers, moved by noise of that deviation in `dims` dimensions.
fn planted(n: usize, dims: usize, noise: f64, seed: u64, formula: impl Fn(f64, f64) -> Vec<f64>) -> Points64 {
    let data = (0..n as u64).flat_map(|at| {
        let mut point = formula(uniform(seed, 2 * at), uniform(seed, 2 * at + 1));
        point.resize(dims, 0.0);
        for (i, x) in point.iter_mut().enumerate() {
            *x += noise * normal(seed, at * dims as u64 + i as u64);
        }
        point
    });
    Points64::new(data.collect(), dims)
}

fn circle(n: usize, seed: u64) -> Points64 {
    planted(n, 2, 0.0, seed, |u, _| vec![(TAU * u).cos(), (TAU * u).sin()])
}

fn blob(n: usize, dims: usize, seed: u64) -> Points64 {
    planted(n, dims, 1.0, seed, |_, _| Vec::new())
}

fn plane_of(points: &Points64, mode: Mode, seed: u64) -> Indices {
    let params = ShapeParams { mode, seed, draws: 0, ..ShapeParams::default() };
    let cloud = Cloud::new(points, false, &task()).unwrap();
    cloud.shape(&params, &task()).unwrap().planes[0].indices.unwrap()
}

#[test]
fn a_circle_and_a_gaussian_have_the_mixture_of_their_closed_forms() {
    // Exactly even angles: what is above 21.87 % is the grain of the points, what is below that of the directions.
    let n = 20_000;
    let even = Points64::new(
        (0..n)
            .flat_map(|i| [(TAU * f64::from(i) / f64::from(n)).cos(), (TAU * f64::from(i) / f64::from(n)).sin()])
            .collect(),
        2,
    );
    let found = plane_of(&even, Mode::Exact, 0).mixture;
    assert!((found - 0.2187).abs() < 0.0005, "{found}");
    // Finite samples sit above 7.966 %: 9.4 % at 4,096 points, less with more.
    let (few, many) = (plane_of(&blob(4096, 2, 1), Mode::Exact, 0), plane_of(&blob(40_000, 2, 1), Mode::Exact, 0));
    assert!((0.088..0.100).contains(&few.mixture) && (0.0797..few.mixture).contains(&many.mixture), "{few:?} {many:?}");
    assert!(few.separability < 0.01, "{few:?}");
}

#[test]
fn the_published_procedures_give_the_published_figures_and_never_exceed_the_exact_mode() {
    for mode in [Mode::Paper, Mode::Script] {
        let (mut ring, mut normal) = (0.0, 0.0);
        for seed in 0..5 {
            for (points, sum) in [(circle(4096, 10 + seed), &mut ring), (blob(4096, 2, 20 + seed), &mut normal)] {
                let (found, exact) = (plane_of(&points, mode, seed), plane_of(&points, Mode::Exact, 0));
                assert!(found.mixture <= exact.mixture, "{found:?} {exact:?}");
                *sum += found.mixture / 5.0;
            }
        }
        assert!((ring - 0.1784).abs() < 0.03, "{mode:?} {ring}");
        assert!((normal - 0.0794).abs() < 0.03, "{mode:?} {normal}");
    }
}

#[test]
fn the_band_is_the_fullest_of_all() {
    for seed in 0..20 {
        let n = 40 + 7 * seed as usize;
        let points = planted(n, 2, 0.2, seed, |u, v| vec![(3.0 * u).floor(), v]);
        let column = |at: usize| points.data().iter().skip(at).step_by(2).copied().collect::<Vec<f64>>();
        let (x, y) = (column(0), column(1));
        let found = mixture::mixture(&x, &y, Mode::Exact, 0, &task()).unwrap();
        // Every offset at which a point enters or leaves, at every direction of the grid.
        let mut best = 0;
        for step in 0..mixture::DIRECTIONS {
            let (sin, cos) = (PI * step as f64 / mixture::DIRECTIONS as f64).sin_cos();
            let z: Vec<f64> = x.iter().zip(&y).map(|(x, y)| cos * x + sin * y).collect();
            for offset in (-400..=400).map(|i| f64::from(i) / 100.0) {
                let rms = (z.iter().map(|z| (z + offset).powi(2)).sum::<f64>() / n as f64).sqrt();
                best = best.max(z.iter().filter(|z| (**z + offset).abs() < mixture::EPSILON * rms).count());
            }
        }
        let best = best as f64 / n as f64;
        assert!(found >= best - 1e-12 && found < best + 0.1, "{seed} {found} {best}");
    }
}

#[test]
fn intervals_that_were_not_kept_make_no_loops() {
    let hole = |persistence| Hole { birth: 1.0, death: 1.0 + persistence, persistence };
    let seen = |persistence: &[f64], intervals| Seen {
        pcs: None,
        landmarks: 100,
        cover: 0.1,
        h1: persistence.iter().map(|&p| hole(p)).collect(),
        intervals,
        null_95: Some(0.5),
        null_longest: Some(0.6),
        null_draws: 39,
        null_above: 0,
        size: 1.0,
    };
    assert_eq!(seen(&[3.0, 2.9, 0.4], 3).loops(), 2);
    assert_eq!(seen(&[3.0, 2.9], 2).loops(), 2);
    // The third could be as long as the second: nothing tells these two from the rest.
    assert_eq!(seen(&[3.0, 2.9], 40).loops(), 0);
    assert_eq!(seen(&[3.0, 1.2], 40).loops(), 1);
    assert_eq!(seen(&[], 0).loops(), 0);
}

#[test]
fn directions_that_are_left_out_hold_no_fuller_band() {
    // Rays from a point, as sparse features make them: many equal values, and bands of any fullness.
    for n in [30, 500, 5000] {
        let points = planted(n, 2, 0.02, n as u64, |u, v| {
            let ray = TAU * (5.0 * u).floor() / 5.0;
            vec![v * ray.cos(), if u < 0.3 { 0.0 } else { v * ray.sin() }]
        });
        let column = |at: usize| points.data().iter().skip(at).step_by(2).copied().collect::<Vec<f64>>();
        let (x, y) = (column(0), column(1));
        let found = mixture::mixture(&x, &y, Mode::Exact, 0, &task()).unwrap();
        let swept = mixture::grid(&x, &y, mixture::DIRECTIONS);
        let best = f64::from(swept.iter().copied().max().unwrap()) / n as f64;
        assert!(found >= best, "{n} {found} {best}");
        assert!(swept.iter().any(|own| *own != swept[0]), "all directions alike");
    }
}

#[test]
fn separability_is_what_a_table_of_counts_gives() {
    let points = planted(3000, 2, 0.3, 5, |u, _| vec![(TAU * u).cos(), (TAU * u).sin()]);
    let column = |at: usize| points.data().iter().skip(at).step_by(2).copied().collect::<Vec<f64>>();
    let (x, y) = (column(0), column(1));
    let found = separability::separability(&x, &y, Mode::Exact, &task()).unwrap().unwrap();
    assert_eq!(found.bins, 12, "3000 / 144 is 20.8, 3000 / 169 is 17.8");
    let n = x.len() as f64;
    let [mx, my] = [&x, &y].map(|v| v.iter().sum::<f64>() / n);
    let scale = (2.0 * n / x.iter().zip(&y).map(|(x, y)| (x - mx).powi(2) + (y - my).powi(2)).sum::<f64>()).sqrt();
    let at = |degree: u32| {
        let (sin, cos) = f64::from(degree).to_radians().sin_cos();
        let mut joint = std::collections::BTreeMap::<(i64, i64), f64>::new();
        for (x, y) in x.iter().zip(&y) {
            let (x, y) = ((x - mx) * scale, (y - my) * scale);
            let place = |v: f64| (((v + 3.0) / 6.0 * 12.0).floor() as i64).clamp(0, 11);
            *joint.entry((place(cos * x - sin * y), place(sin * x + cos * y))).or_default() += 1.0 / n;
        }
        let entropy =
            |p: &[f64]| -p.iter().map(|p| p * p.log2()).sum::<f64>() + (p.len() as f64 - 1.0) / (2.0 * n * 2f64.ln());
        let marginal = |axis: usize| {
            let mut sums = std::collections::BTreeMap::<i64, f64>::new();
            for ((a, b), p) in &joint {
                *sums.entry([*a, *b][axis]).or_default() += p;
            }
            sums.into_values().collect::<Vec<f64>>()
        };
        entropy(&marginal(0)) + entropy(&marginal(1)) - entropy(&joint.values().copied().collect::<Vec<f64>>())
    };
    let oracle = (0..90).map(at).fold(f64::INFINITY, f64::min).max(0.0);
    assert!((found.bits - oracle).abs() < 1e-9, "{found:?} {oracle}");
    assert!(separability::null(&x, &y, found, 0, &task()).unwrap() < 0.2 * found.bits);
}

#[test]
fn uniform_cubes_have_the_dimension_that_methods_give() {
    for (d, twonn) in [(1, 1.0), (2, 2.02), (5, 4.75), (10, 8.82)] {
        let data: Vec<f64> = (0..4000 * d as u64).map(|at| uniform(3, at)).collect();
        let near = Near::of(&Points64::new(data, d), false, NEIGHBOURS, &task()).unwrap();
        let found = dimension::dimension(&near, &task()).unwrap();
        let off = |x: Option<f64>| (x.unwrap() - twonn).abs() / twonn;
        assert!(off(found.twonn) < 0.06, "{d} {found:?}");
        assert!(off(found.twonn_fit) < 0.12 && off(found.mle) < 0.12, "{d} {found:?}");
        let local = found.local_pca.unwrap();
        assert!(local > 0.6 * d as f64 && local <= d as f64 + 1e-9, "{d} {found:?}");
    }
}

#[test]
fn points_at_one_place_count_once() {
    let line: Vec<f64> = (0..600u64).flat_map(|at| [uniform(1, at % 300), 0.0, 0.0]).collect();
    let cloud = Cloud::new(&Points64::new(line, 3), false, &task()).unwrap();
    let mut shape = cloud.shape(&ShapeParams::default(), &task()).unwrap();
    cloud.deepen(&mut shape, &ShapeParams::default(), &task()).unwrap();
    assert_eq!((shape.points, shape.places), (600, Some(300)));
    assert!((shape.intrinsic_dimension.mle.unwrap() - 1.0).abs() < 0.2 && shape.participation_ratio == 1.0);
    assert!(shape.planes.is_empty() && shape.irreducibility.is_none() && shape.best().is_none());
}

#[test]
fn the_spectrum_is_that_of_the_covariance() {
    let points = planted(5000, 3, 0.0, 2, |u, v| vec![4.0 * u, 2.0 * v, 0.0]);
    let spectrum = spectrum(&points, &task()).unwrap();
    assert_eq!(spectrum.coordinates.dims(), 2);
    let ratio = &spectrum.explained_variance_ratio;
    assert!((ratio[0] - 0.8).abs() < 0.01 && (ratio[1] - 0.2).abs() < 0.01 && ratio[2] < 1e-9);
    assert!((spectrum.participation_ratio - 1.0 / (0.64 + 0.04)).abs() < 0.02);
    let entropy = -(0.8f64 * 0.8f64.ln() + 0.2 * 0.2f64.ln());
    assert!((spectrum.entropy_rank - entropy.exp()).abs() < 0.02);
    assert!((spectrum.variances[0] - 16.0 / 12.0).abs() < 0.05);
}

#[test]
fn draws_of_the_null_have_the_mean_and_spread_of_the_cloud() {
    let points = planted(3000, 4, 0.1, 7, |u, v| vec![3.0 * u, v, 1.0, 0.0]);
    let found = spectrum(&points, &task()).unwrap();
    let draw = null::gaussian(&found, 3000, false, 0, 1);
    for (at, variance) in found.variances.iter().enumerate() {
        let column: Vec<f64> = draw.data().iter().skip(at).step_by(draw.dims()).map(|&x| x.into()).collect();
        let mean = column.iter().sum::<f64>() / 3000.0;
        let own = column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2999.0;
        assert!(mean.abs() < 0.1 * variance.sqrt() && (own / variance - 1.0).abs() < 0.15, "{at} {own} {variance}");
    }
    assert_ne!(draw, null::gaussian(&found, 3000, false, 0, 2));
    // Of unit vectors: about the mean they are of unit length again.
    let (scaled, kept) = unit(&points);
    assert_eq!(kept.len(), 3000);
    let found = spectrum(&scaled, &task()).unwrap();
    let drawn = null::gaussian(&found, 50, true, 0, 1);
    for row in drawn.data().chunks_exact(drawn.dims()) {
        let point: Vec<f64> = (0..4)
            .map(|i| {
                let along =
                    row.iter().enumerate().map(|(at, &x)| f64::from(x) * f64::from(found.components.row(at)[i]));
                along.sum::<f64>() + f64::from(found.mean[i])
            })
            .collect();
        let length = point.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!((length - 1.0).abs() < 1e-4, "{length}");
    }
}

#[test]
fn correlations_agree_with_their_definitions() {
    let x: Vec<f64> = (0..40).map(|i| ((i * 7) % 11).into()).collect();
    let y: Vec<f64> = x.iter().enumerate().map(|(i, x)| x * x + (i % 3) as f64).collect();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let covariance = |a: &[f64], b: &[f64]| {
        let (ma, mb) = (mean(a), mean(b));
        a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum::<f64>()
    };
    let plain = |a: &[f64], b: &[f64]| covariance(a, b) / (covariance(a, a) * covariance(b, b)).sqrt();
    assert!((pearson(&x, &y).unwrap() - plain(&x, &y)).abs() < 1e-12);
    let rank = |v: &[f64]| -> Vec<f64> {
        let below = |x: f64| v.iter().filter(|y| **y < x).count() as f64;
        let same = |x: f64| v.iter().filter(|y| **y == x).count() as f64;
        v.iter().map(|&x| below(x) + f64::midpoint(same(x), 1.0)).collect()
    };
    assert_eq!(ranks(&x), rank(&x));
    assert!((spearman(&x, &y).unwrap() - plain(&rank(&x), &rank(&y))).abs() < 1e-12);
    assert_eq!((pearson(&[1.0, 1.0], &[2.0, 3.0]), spearman(&[], &[])), (None, None));
    // A function of x, and nothing of x.
    let x: Vec<f64> = (0..2000).map(|at| uniform(1, at)).collect();
    let wave: Vec<f64> = x.iter().map(|x| (6.0 * x).cos()).collect();
    let chance: Vec<f64> = (0..2000).map(|at| uniform(2, at)).collect();
    assert!(xi(&x, &wave, 0).unwrap() > 0.95 && xi(&x, &chance, 0).unwrap().abs() < 0.06);
    assert!(pearson(&x, &wave).unwrap().abs() < 0.3);
    let steps = [3.0, 1.0, 2.0, 5.0, 4.0];
    assert!((xi(&[1.0, 2.0, 3.0, 4.0, 5.0], &steps, 0).unwrap() - (1.0 - 3.0 * 7.0 / 24.0)).abs() < 1e-12);
}

#[test]
fn a_helix_unrolls_to_its_arc_length() {
    // Ten turns, three times as long as wide: the second coordinate of `planted` is left out.
    let turns = |u: f64| vec![(2.0 * TAU * u).cos(), (2.0 * TAU * u).sin(), 8.0 * u];
    let points = planted(1200, 3, 0.0, 4, |u, _| turns(u));
    let cloud = Cloud::new(&points, false, &task()).unwrap();
    let truth: Vec<f64> = (0..1200).map(|at| uniform(4, 2 * at)).collect();
    for sources in [2000, 60] {
        let (paths, line) = cloud.arc_length(sources, &task()).unwrap().unwrap();
        assert_eq!((paths.connected, paths.sources.len()), (1.0, sources.min(1200)));
        let found = spearman(&line.position, &truth).unwrap().abs();
        assert!(found > 0.999 && line.fit > 0.99, "{found} {line:?}");
        // Two turns of radius 1 and a rise of 8.
        let length = ((2.0 * TAU).powi(2) + 64.0f64).sqrt();
        assert!((line.length / length - 1.0).abs() < 0.05, "{} {length}", line.length);
    }
    let labels: Vec<String> = truth.iter().map(|u| format!("{:.0}", 100.0 * u)).collect();
    let mut shape = cloud.shape(&ShapeParams::default(), &task()).unwrap();
    cloud.label(&mut shape, &PointLabels::new(&labels), LabelDistance::Abs, 0, &task()).unwrap();
    let isometry = shape.labels.unwrap().isometry.unwrap();
    assert!(isometry.k == 10 && isometry.pearson.unwrap() > 0.999 && isometry.xi.unwrap() > 0.9, "{isometry:?}");
    assert!(isometry.line.unwrap() > 0.999, "{isometry:?}");
}

#[test]
fn shortest_paths_are_those_of_floyd_and_warshall() {
    let points = blob(60, 2, 9);
    let near = Near::of(&points, false, 4, &task()).map(|near| (near.k, near));
    let (k, near) = near.unwrap();
    assert_eq!(k, 4);
    let mut paths = vec![vec![f64::INFINITY; 60]; 60];
    for at in 0..60 {
        paths[at][at] = 0.0;
        let (others, distances) = near.row(at);
        for (&other, &distance) in others.iter().zip(distances) {
            paths[at][other as usize] = distance;
            paths[other as usize][at] = distance;
        }
    }
    for via in 0..60 {
        for a in 0..60 {
            for b in 0..60 {
                paths[a][b] = paths[a][b].min(paths[a][via] + paths[via][b]);
            }
        }
    }
    let found = geodesic::geodesic(&near, 4, 100, &task()).unwrap();
    for (at, &from) in found.sources.iter().enumerate() {
        for (&to, &length) in found.nodes.iter().zip(found.row(at)) {
            let truth = paths[found.nodes[from as usize] as usize][to as usize];
            assert!((length - truth).abs() < 1e-9, "{length} {truth}");
        }
    }
}

#[test]
fn a_ring_is_found_whatever_the_crowd_on_one_side() {
    // Nine tenths of the points in a quarter of the turn.
    let points = planted(2000, 2, 0.02, 3, |u, _| {
        let angle = TAU * if u < 0.9 { u / 3.6 } else { 0.25 + 7.5 * (u - 0.9) };
        vec![5.0 + angle.cos(), -2.0 + angle.sin()]
    });
    let column = |at: usize| points.data().iter().skip(at).step_by(2).copied().collect::<Vec<f64>>();
    let found = ring::ring(&column(0), &column(1)).unwrap();
    assert!((found.centre[0] - 5.0).abs() < 0.03 && (found.centre[1] + 2.0).abs() < 0.03, "{found:?}");
    assert!((found.radius - 1.0).abs() < 0.02 && found.roundness > 0.95 && found.coverage > 0.9, "{found:?}");
    assert!(found.spread < 0.5, "most angles lie close together");
    assert_eq!((found.angle(6.0, -2.0), found.angle(5.0, -1.0)), (found.angle(6.0, -2.0), found.angle(5.0, -1.0)));
    let heptagon: Vec<f64> = (0..7).map(|i| TAU * f64::from(i) / 7.0).collect();
    let [x, y] = [f64::cos, f64::sin].map(|f| heptagon.iter().map(|&a| f(a)).collect::<Vec<f64>>());
    let found = ring::ring(&x, &y).unwrap();
    assert!((found.coverage - 6.0 / 7.0).abs() < 1e-9 && found.spread > 1.0 - 1e-9 && found.roundness > 1.0 - 1e-9);
    assert!(ring::ring(&[1.0, 1.0], &[0.0, 1.0]).is_none() && ring::ring(&[1.0; 5], &[2.0; 5]).is_none());
}

#[test]
fn labels_are_ordered_around_the_plane_and_told_apart() {
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let n = 700;
    let points = planted(n, 3, 0.05, 8, |u, _| {
        let day = (7.0 * u).floor();
        vec![(TAU * day / 7.0).cos(), (TAU * day / 7.0).sin(), 0.0]
    });
    let labels: Vec<&str> = (0..n as u64).map(|at| days[(7.0 * uniform(8, 2 * at)) as usize]).collect();
    let cloud = Cloud::new(&points, false, &task()).unwrap();
    let mut shape = cloud.shape(&ShapeParams::default(), &task()).unwrap();
    cloud.label(&mut shape, &PointLabels::new(&labels), LabelDistance::Abs, 0, &task()).unwrap();
    let found = shape.labels.as_ref().unwrap();
    assert!(found.centroid_accuracy_plane > 0.99 && found.centroid_accuracy_full > 0.99 && found.isometry.is_none());
    let start = days.iter().position(|day| *day == found.centroid_order[0]).unwrap();
    let forwards: Vec<&str> = (0..7).map(|i| days[(start + i) % 7]).collect();
    let backwards: Vec<&str> = (0..7).map(|i| days[(start + 7 - i) % 7]).collect();
    assert!(found.centroid_order == forwards || found.centroid_order == backwards, "{:?}", found.centroid_order);
    let wrong = cloud.label(&mut shape, &PointLabels::new(&["a"]), LabelDistance::Abs, 0, &task());
    assert!(wrong.unwrap_err().to_string().contains("1 labels for 700 points"));
    let numbers = PointLabels::new(&["10", " 9", "", "1e1", "9"]);
    assert_eq!((numbers.names.len(), numbers.of[2], numbers.numbers().unwrap()), (3, None, vec![9.0, 10.0, 10.0]));
    assert_eq!(LabelDistance::Cyclic(7.0).between(0.0, 6.0), 1.0);
    assert!((LabelDistance::Log.between(1.0, std::f64::consts::E) - 1.0).abs() < 1e-12);
}

/// The whole of what is measured.
fn whole(points: &Points64, seed: u64) -> (Cloud, Shape) {
    let task = task();
    let params = ShapeParams { seed, ..ShapeParams::default() };
    let cloud = Cloud::new(points, false, &task).unwrap();
    let mut shape = cloud.shape(&params, &task).unwrap();
    cloud.deepen(&mut shape, &params, &task).unwrap();
    (cloud, shape)
}

fn word(points: &Points64, seed: u64) -> Word {
    let shape = whole(points, seed).1;
    shape.verdict.unwrap().word
}

/// Planted shapes of unit size in ten dimensions, and the words that name them rightly.
type Planted = (&'static str, &'static [Word], fn(f64, f64) -> Vec<f64>);

/// See above: name, words, formula of two uniform numbers.
const SHAPES: &[Planted] = &[
    ("ring", &[Word::Loop], |u, _| vec![(TAU * u).cos(), (TAU * u).sin()]),
    ("ring and strength", &[Word::Loop], |u, v| vec![(TAU * u).cos(), (TAU * u).sin(), 0.6 * v]),
    ("figure eight", &[Word::Loops], |u, _| {
        let side = if u < 0.5 { 1.0 } else { -1.0 };
        vec![side * (1.0 + (2.0 * TAU * u).cos()), (2.0 * TAU * u).sin()]
    }),
    ("flat torus", &[Word::Loops], |u, v| vec![(TAU * u).cos(), (TAU * u).sin(), (TAU * v).cos(), (TAU * v).sin()]),
    ("arc", &[Word::Arc], |u, _| vec![(PI * u).cos(), (PI * u).sin()]),
    ("quarter of a circle", &[Word::Arc], |u, _| vec![2.0 * (0.5 * PI * u).cos(), 2.0 * (0.5 * PI * u).sin()]),
    ("wave", &[Word::Curve], |u, _| vec![(TAU * u).sin(), 6.0 * u]),
    ("helix", &[Word::Curve], |u, _| vec![(2.0 * TAU * u).cos(), (2.0 * TAU * u).sin(), 5.0 * u]),
    ("sphere", &[Word::Surface], |u, v| {
        let (z, turn) = (2.0 * u - 1.0, TAU * v);
        let r = (1.0 - z * z).sqrt();
        vec![r * turn.cos(), r * turn.sin(), z]
    }),
    ("spherical cap", &[Word::Surface], |u, v| {
        let (z, turn) = (1.0 - u, TAU * v);
        let r = (1.0 - z * z).sqrt();
        vec![r * turn.cos(), r * turn.sin(), z]
    }),
    ("torus patch", &[Word::Surface], |u, v| vec![(3.0 * u).cos(), (3.0 * u).sin(), (3.0 * v).cos(), (3.0 * v).sin()]),
    ("seven days", &[Word::Points], |u, _| {
        let day = (7.0 * u).floor();
        vec![(TAU * day / 7.0).cos(), (TAU * day / 7.0).sin()]
    }),
];

#[test]
fn planted_shapes_are_named_rightly_and_blobs_are_blobs() {
    for &(name, words, formula) in SHAPES {
        for seed in 0..2 {
            let noise = 0.04;
            let points = planted(700, 10, noise / 10f64.sqrt(), 100 + seed, formula);
            let (cloud, shape) = whole(&points, seed);
            let verdict = shape.verdict.clone().unwrap();
            assert!(words.contains(&verdict.word), "{name} at noise {noise}, seed {seed}: {verdict:?}");
            let own = cloud.coordinate(&shape, &ShapeParams::default(), &task()).unwrap();
            let along = matches!(verdict.coordinate(), Coordinate::Angle | Coordinate::Line);
            assert_eq!(own.iter().filter(|s| s.is_some()).count() > 600, along, "{name}");
        }
    }
    for seed in 0..2 {
        for dims in [2, 3, 8] {
            assert_eq!(word(&blob(700, dims, seed), seed), Word::Blob, "{dims} dimensions, seed {seed}");
        }
    }
}

#[test]
fn parts_in_a_row_are_no_curve_and_unit_points_in_a_plane_close() {
    assert!((geodesic::gap(&[0.7, 0.0, 0.1, 1.0, 0.8, 0.2, 0.9]) - 0.5).abs() < 1e-12);
    // Of forty points two may lie beyond a gap, and count for nothing.
    let row: Vec<f64> = (0..40).map(|i| f64::from(i) / 100.0 + if i < 1 { 0.0 } else { 0.6 }).collect();
    assert!(geodesic::gap(&row) < 0.02);
    let mut wave = whole(&planted(600, 6, 0.01, 3, |u, _| vec![(TAU * u).sin(), 6.0 * u]), 0).1;
    assert_eq!(wave.verdict.as_ref().unwrap().word, Word::Curve);
    wave.line.as_mut().unwrap().gap = 0.3;
    wave.without_loops("a test".into());
    let verdict = wave.verdict.unwrap();
    assert!(verdict.word != Word::Curve, "{verdict:?}");
    assert!(verdict.evidence.iter().any(|why| why.contains("30 % of that line lies bare")), "{verdict:?}");
    // Gaussians in a plane, scaled to length 1: a circle, as their null is.
    let (points, _) = unit(&blob(900, 2, 5));
    let task = task();
    let cloud = Cloud::new(&points, true, &task).unwrap();
    let mut shape = cloud.shape(&ShapeParams::default(), &task).unwrap();
    cloud.deepen(&mut shape, &ShapeParams::default(), &task).unwrap();
    assert!(shape.is_circle() && shape.homology[0].loops() == 0, "{:?}", shape.homology[0]);
    let verdict = shape.verdict.clone().unwrap();
    assert!(verdict.word == Word::Loop && verdict.evidence[0].contains("by chance as well"), "{verdict:?}");
    assert_eq!(verdict.seen, None, "no space shows it beyond chance");
    // What is said against a loop comes first, and the word is that of everything else.
    let mut ring = whole(&planted(900, 6, 0.02, 12, |u, _| vec![(TAU * u).cos(), (TAU * u).sin(), 0.8 * u]), 0).1;
    assert_eq!(ring.verdict.as_ref().map(|verdict| (verdict.word, verdict.seen)), Some((Word::Loop, Some(0))));
    ring.without_loops("it is not there".into());
    let verdict = ring.verdict.unwrap();
    assert!(verdict.word != Word::Loop && verdict.seen.is_none(), "{verdict:?}");
    assert_eq!(verdict.evidence[0], "it is not there");
    // Of the same ring a cloud thicker than a line, with a hole half as wide as it must be.
    let mut holed = whole(&planted(900, 6, 0.02, 12, |u, v| vec![(TAU * u).cos(), (TAU * u).sin(), 0.8 * v]), 0).1;
    assert_eq!(holed.verdict.as_ref().unwrap().seen, Some(0));
    holed.homology[0].size *= 4.0;
    let judged = verdict::verdict(&holed, true);
    assert!(judged.seen != Some(0), "{judged:?}");
    assert!(judged.evidence.iter().any(|why| why.contains("narrow for a cloud that thick")), "{judged:?}");
}

#[test]
fn the_angle_of_a_ring_is_its_coordinate() {
    let points = planted(900, 6, 0.02, 12, |u, _| vec![(TAU * u).cos(), (TAU * u).sin()]);
    let (cloud, shape) = whole(&points, 0);
    let found = cloud.coordinate(&shape, &ShapeParams::default(), &task()).unwrap();
    // Equal to the planted angle but for a turn and a direction.
    let (mut with, mut against) = ((0.0, 0.0), (0.0, 0.0));
    for (at, s) in found.iter().enumerate() {
        let (s, truth) = (s.unwrap(), TAU * uniform(12, 2 * at as u64));
        assert!(s > -PI && s <= PI);
        for (sum, angle) in [(&mut with, s - truth), (&mut against, s + truth)] {
            sum.0 += angle.cos() / 900.0;
            sum.1 += angle.sin() / 900.0;
        }
    }
    assert!(f64::max(with.0.hypot(with.1), against.0.hypot(against.1)) > 0.998);
}

#[test]
fn turning_a_cloud_changes_nothing_but_rounding() {
    let points = planted(800, 4, 0.05, 31, |u, v| vec![(TAU * u).cos(), (TAU * u).sin(), 0.7 * v]);
    // A rotation by Givens' turns, and a shift.
    let mut turned = points.clone();
    for row in turned.data_mut().chunks_exact_mut(4) {
        for (a, b, angle) in [(0, 1, 0.7), (1, 2, 1.9), (2, 3, -0.4), (0, 3, 2.2)] {
            let (sin, cos) = f64::sin_cos(angle);
            (row[a], row[b]) = (cos * row[a] - sin * row[b], sin * row[a] + cos * row[b]);
        }
        row.iter_mut().enumerate().for_each(|(i, x)| *x += i as f64 - 1.0);
    }
    let (plain, turned) = (whole(&points, 0).1, whole(&turned, 0).1);
    let close = |a: f64, b: f64, within: f64| assert!((a - b).abs() <= within, "{a} {b}");
    close(plain.participation_ratio, turned.participation_ratio, 1e-5);
    for (a, b) in plain.planes.iter().zip(&turned.planes) {
        let (own, other) = (a.indices.unwrap(), b.indices.unwrap());
        close(own.mixture, other.mixture, 0.005);
        close(own.separability, other.separability, 0.02);
        close(a.ring.unwrap().quality(), b.ring.unwrap().quality(), 1e-3);
    }
    close(plain.intrinsic_dimension.twonn.unwrap(), turned.intrinsic_dimension.twonn.unwrap(), 1e-4);
    close(plain.homology[0].persistence(0), turned.homology[0].persistence(0), 1e-4);
    close(plain.line.unwrap().fit, turned.line.unwrap().fit, 1e-3);
    assert_eq!(plain.verdict.unwrap().word, turned.verdict.unwrap().word);
}

#[test]
fn the_same_bytes_at_any_number_of_threads() {
    let points = planted(500, 5, 0.1, 77, |u, v| vec![(TAU * u).cos(), (TAU * u).sin(), v]);
    let measure = |threads: usize| {
        let task = Task::new(threads).unwrap();
        let cloud = Cloud::new(&points, false, &task).unwrap();
        let mut shape = cloud.shape(&ShapeParams::default(), &task).unwrap();
        cloud.deepen(&mut shape, &ShapeParams::default(), &task).unwrap();
        (json(&shape), cloud.coordinate(&shape, &ShapeParams::default(), &task).unwrap())
    };
    assert_eq!(measure(1), measure(2));
}

#[test]
fn too_few_points_and_what_is_no_number_are_refused() {
    let error = |points: &Points64| Cloud::new(points, false, &task()).unwrap_err().to_string();
    assert!(error(&Points64::new(vec![1.0, 2.0], 2)).contains("a cloud of 1 points"));
    assert!(error(&Points64::new(vec![1.0, 2.0, f64::NAN, 1.0], 2)).contains("row 1"));
    let equal = Cloud::new(&Points64::new(vec![1.0; 20], 2), false, &task()).unwrap();
    let mut shape = equal.shape(&ShapeParams::default(), &task()).unwrap();
    equal.deepen(&mut shape, &ShapeParams::default(), &task()).unwrap();
    assert_eq!((shape.places, shape.participation_ratio, shape.line), (Some(1), 0.0, None));
    assert_eq!(shape.verdict.unwrap().word, Word::Unclear);
    let cancelled = task();
    cancelled.watch().cancel();
    assert!(matches!(Cloud::new(&circle(50, 1), false, &cancelled), Err(crate::Error::Cancelled)));
    let (rows, kept) = unit(&Points64::new(vec![3.0, 4.0, 0.0, 0.0, 0.0, 2.0], 2));
    assert_eq!((rows.data(), kept), (&[0.6, 0.8, 0.0, 1.0][..], vec![0, 2]));
}

#[test]
fn every_measure_has_a_value_by_its_name() {
    let (_, shape) = whole(&planted(300, 3, 0.02, 3, |u, _| vec![(TAU * u).cos(), (TAU * u).sin()]), 0);
    let fields: serde_json::Map<String, serde_json::Value> = json(&shape).into_iter().collect();
    assert_eq!(fields.len(), MEASURES.len());
    let absent: Vec<&str> =
        MEASURES.iter().map(|measure| measure.name).filter(|name| fields[*name].is_null()).collect();
    assert_eq!(absent, ["sampled", "labels"]);
    assert_eq!(fields["planes"][0]["mixture"].as_f64(), shape.planes[0].indices.map(|indices| indices.mixture));
    assert_eq!(fields["homology"]["h1"][0]["persistence"].as_f64(), Some(shape.homology[0].persistence(0)));
    assert!(fields["homology"]["planes"][0]["null_95"].is_number());
    assert!(MEASURES.iter().all(|measure| !measure.about.is_empty()));
}

#[test]
fn of_a_large_cloud_part_is_taken_and_said_to_be() {
    let ring = planted(5000, 4, 0.03, 9, |u, _| vec![(TAU * u).cos(), (TAU * u).sin()]);
    let cloud = Cloud::new(&ring, false, &task()).unwrap();
    let params = ShapeParams { draws: 5, ..ShapeParams::MANY };
    let mut shape = cloud.shape(&params, &task()).unwrap();
    cloud.deepen(&mut shape, &params, &task()).unwrap();
    assert_eq!((shape.points, shape.sampled, shape.places), (5000, Some(3000), Some(3000)));
    let verdict = shape.verdict.unwrap();
    assert_eq!(verdict.word, Word::Loop);
    assert!(verdict.evidence.last().unwrap().contains("3000 of 5000 points"), "{:?}", verdict.evidence);
    let mut whole = cloud.shape(&params, &task()).unwrap();
    cloud.deepen(&mut whole, &ShapeParams { most: None, ..params }, &task()).unwrap();
    assert_eq!((whole.sampled, whole.places), (None, Some(5000)));
    assert!((whole.homology[0].persistence(0) - shape.homology[0].persistence(0)).abs() < 0.1);
}
