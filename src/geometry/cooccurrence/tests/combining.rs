//! Measure and cosine together, against a table of all pairs.

use super::*;
use crate::geometry::neighbors::{KnnParams, knn};
use crate::rows::{Points, Rows};

/// Directions with a zero row, copies, multiples and opposites.
fn directions(n: usize, d: usize, seed: u64) -> Points {
    let mut data: Vec<f32> = (0..n * d).map(|at| signed_unit(key(seed, 9, at as u64))).collect();
    data[7 * d..8 * d].fill(0.0);
    data.copy_within(3 * d..4 * d, 4 * d);
    for at in 0..d {
        data[8 * d + at] = -data[5 * d + at];
        data[9 * d + at] = 2.0 * data[5 * d + at];
    }
    Points::new(data, d)
}

/// Cosines of all pairs.
fn cosines(decoder: &Points) -> Vec<f32> {
    let n = decoder.len();
    let near = knn(decoder, &KnnParams { k: n - 1 }, &task()).unwrap();
    let mut cosines = vec![0.0; n * n];
    for i in 0..n {
        near.row(i).0.iter().zip(near.row(i).1).for_each(|(&j, &cosine)| cosines[i * n + j as usize] = cosine);
    }
    cosines
}

#[test]
fn the_lists_are_those_of_a_table_of_all_pairs() {
    let (mut widened, mut full, mut narrow) = (0, 0, 0);
    for seed in 0..18 {
        let (n, d) = [(12, 3), (40, 6), (90, 12)][seed as usize % 3];
        let dense = random(60, n, [0.03, 0.2][seed as usize / 3 % 2], seed % 4 == 0, 1000 + seed);
        let decoder = directions(n, d, seed);
        let (cosines, everyone) = (cosines(&decoder), (0..n as u32).collect::<Vec<_>>());
        dense.with(|acts| {
            for measure in DEFINED.into_iter().chain((n < 90).then_some(Measure::Ising)) {
                let measures = group(acts, &everyone, measure, &task()).unwrap();
                for combine in [Combine::Sum, Combine::Max] {
                    for (k, candidates) in [(1, 1), (5, 1), (5, 3), (5, 9), (n - 1, 2), (3, n - 1), (3, 1000)] {
                        let params = MixedParams { measure, combine, k, candidates };
                        let (lists, info) = mixed(&decoder, acts, &params, &task()).unwrap();
                        let score = |(&measure, &cosine): (&f32, &f32)| match combine {
                            Combine::Sum => measure.max(0.0) + cosine.max(0.0),
                            Combine::Max => measure.max(cosine),
                        };
                        let scores: Vec<f32> = measures.iter().zip(&cosines).map(score).collect();
                        for i in 0..n {
                            let expected = best(&scores[i * n..(i + 1) * n], i, k, 0.0);
                            assert_eq!(row(&lists, i), expected, "seed {seed}, {params:?}, feature {i}");
                        }
                        assert!(info.full <= info.widened && info.widened <= n);
                        (widened, full) = (widened + info.widened, full + info.full);
                        narrow += usize::from(candidates == 9 && info.full == 0 && measure == Measure::Jaccard);
                        if candidates >= n - 1 {
                            assert_eq!(info, MixedInfo::default());
                        }
                    }
                }
            }
        });
    }
    assert!(full > 1000 && widened > full && narrow > 5, "{widened} {full} {narrow}");
}

#[test]
fn the_bytes_do_not_depend_on_threads_or_candidates() {
    let dense = random(300, 150, 0.1, true, 5);
    let decoder = directions(150, 10, 5);
    let lists = |candidates, threads| {
        let params = MixedParams { k: 6, candidates, ..MixedParams::default() };
        dense.with(|acts| mixed(&decoder, acts, &params, &Task::new(threads).unwrap()).unwrap().0)
    };
    let one = lists(64, 1);
    for (candidates, threads) in [(64, 2), (1, 1), (6, 3), (149, 2)] {
        assert_eq!(one, lists(candidates, threads), "{candidates}, {threads} threads");
    }
}

/// Rows that do not lie in memory as f32.
struct Elsewhere<'a>(&'a Points);

impl Rows for Elsewhere<'_> {
    fn nrows(&self) -> usize {
        self.0.nrows()
    }
    fn ncols(&self) -> usize {
        self.0.ncols()
    }
    fn read(&self, range: std::ops::Range<usize>, out: &mut [f32]) {
        self.0.read(range, out);
    }
}

#[test]
fn rows_are_read_wherever_they_lie() {
    let dense = random(100, 50, 0.2, true, 6);
    let decoder = directions(50, 8, 6);
    dense.with(|acts| {
        for candidates in [1, 20] {
            let params = MixedParams { k: 10, candidates, ..MixedParams::default() };
            let one = mixed(&decoder, acts, &params, &task()).unwrap();
            assert_eq!(one, mixed(&Elsewhere(&decoder), acts, &params, &task()).unwrap());
        }
    });
}

#[test]
fn each_wrong_parameter_is_an_error() {
    let dense = random(20, 10, 0.3, true, 1);
    dense.with(|acts| {
        let refused = |decoder: &Points, k, candidates| {
            let params = MixedParams { k, candidates, ..MixedParams::default() };
            mixed(decoder, acts, &params, &task()).unwrap_err().to_string()
        };
        let decoder = directions(10, 4, 1);
        assert!(refused(&decoder, 0, 5).contains("--k"));
        assert!(refused(&decoder, 10, 5).contains("from 1 to 9"));
        assert!(refused(&decoder, 3, 0).contains("--candidates"));
        assert!(refused(&directions(11, 4, 1), 3, 5).contains("a decoder of 11 features, activations of 10"));
        let task = task();
        task.watch().cancel();
        assert!(matches!(
            mixed(&decoder, acts, &MixedParams { k: 3, ..MixedParams::default() }, &task),
            Err(Error::Cancelled)
        ));
    });
}
