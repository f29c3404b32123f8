//! What all tests here share, and the measures against slow obvious ones.

mod combining;
mod references;

use super::*;
use crate::Error;
use crate::geometry::random::{below, key, signed_unit};

pub(super) fn task() -> Task {
    Task::new(2).unwrap()
}

/// Dense activations `[tokens][features]`; 0 is not stored.
#[derive(Clone)]
pub(super) struct Dense(pub(super) Vec<Vec<f32>>);

impl Dense {
    pub(super) fn features(&self) -> usize {
        self.0[0].len()
    }
    pub(super) fn by_token(&self) -> Sparse {
        let entries: Vec<_> = self
            .0
            .iter()
            .enumerate()
            .flat_map(|(t, row)| row.iter().enumerate().map(move |(f, &value)| (t as u32, f as u32, value)))
            .filter(|entry| entry.2 != 0.0)
            .collect();
        Sparse::from_triplets(self.0.len(), self.features(), &entries).unwrap().0
    }
    pub(super) fn column(&self, f: usize) -> Vec<f64> {
        self.0.iter().map(|row| f64::from(row[f])).collect()
    }
    /// Gives the activations to `work`.
    pub(super) fn with<R>(&self, work: impl FnOnce(&Acts) -> R) -> R {
        let by_token = self.by_token();
        let by_feature = by_token.transpose();
        work(&Acts::new(&by_token, &by_feature, &task()).unwrap())
    }
}

/// Activations of which about a share of `density` is stored, in groups that fire together. Feature 0 never fires, 1
/// always with one value, 2 always with different ones, 4 is a copy of 3, 5 has one value, 6 stored values below 0 alone;
/// unless `positive` a seventh of the other values is below 0.
pub(super) fn random(tokens: usize, features: usize, density: f32, positive: bool, seed: u64) -> Dense {
    let unit = |stream: u64, at: usize| signed_unit(key(seed, stream, at as u64)).midpoint(1.0);
    let mut rows = vec![vec![0.0; features]; tokens];
    for (t, row) in rows.iter_mut().enumerate() {
        let topic = below((key(seed, 1, t as u64) >> 32) as u32, 5) as usize;
        for (f, value) in row.iter_mut().enumerate() {
            let at = t * features + f;
            let share = density * if f % 5 == topic { 2.5 } else { 0.6 } * (0.2 + unit(2, f % 11));
            if unit(3, at) < share {
                // Sixteenths: ties within a feature, and no rounding in sums.
                *value = ((unit(4, at) * 40.0).ceil() / 16.0).max(0.0625);
                if !positive && unit(5, at) < 0.15 {
                    *value = -*value;
                }
            }
        }
        for (f, value) in row.iter_mut().enumerate().take(7) {
            *value = match f {
                0 => 0.0,
                1 => 1.5,
                2 => 0.25 + (t % 7) as f32,
                5 => f32::from(u8::from(*value > 0.0)) * 2.0,
                6 => -value.abs(),
                _ => *value,
            };
            if f == 6 && positive {
                *value = 0.0;
            }
        }
        row[4] = row[3];
    }
    Dense(rows)
}

fn fires(dense: &Dense, i: usize, j: usize) -> Table {
    let mut table = Table { n11: 0, n10: 0, n01: 0, n00: 0 };
    for row in &dense.0 {
        *match (row[i] > 0.0, row[j] > 0.0) {
            (true, true) => &mut table.n11,
            (true, false) => &mut table.n10,
            (false, true) => &mut table.n01,
            (false, false) => &mut table.n00,
        } += 1;
    }
    table
}

fn over(above: f64, below: f64) -> f64 {
    if below == 0.0 { 0.0 } else { above / below }
}

/// The bin of every token: 0 where the feature does not fire.
fn bins(dense: &Dense, f: usize) -> Vec<usize> {
    let column = dense.column(f);
    let fired: Vec<f64> = column.iter().copied().filter(|value| *value > 0.0).collect();
    let bin = |value: &f64| match value {
        value if *value > 0.0 => 1 + 8 * fired.iter().filter(|other| *other < value).count() / fired.len(),
        _ => 0,
    };
    column.iter().map(bin).collect()
}

fn information(a: &[usize], b: &[usize]) -> f64 {
    let tokens = a.len() as f64;
    let share = |keep: &dyn Fn(usize) -> bool| (0..a.len()).filter(|&t| keep(t)).count() as f64 / tokens;
    let mut sum = 0.0;
    for x in 0..9 {
        for y in 0..9 {
            let both = share(&|t| a[t] == x && b[t] == y);
            if both > 0.0 {
                sum += both * (both / (share(&|t| a[t] == x) * share(&|t| b[t] == y))).ln();
            }
        }
    }
    sum
}

/// A measure by its definition, from dense columns.
pub(super) fn oracle(dense: &Dense, i: usize, j: usize, measure: Measure) -> f64 {
    let t = fires(dense, i, j);
    let [n11, n10, n01, n00] = [t.n11, t.n10, t.n01, t.n00].map(|n| n as f64);
    let (x, y) = (dense.column(i), dense.column(j));
    let tokens = x.len() as f64;
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    match measure {
        Measure::Smc => over(n11 + n00, tokens),
        Measure::Jaccard => over(n11, n11 + n10 + n01),
        Measure::Dice => over(2.0 * n11, 2.0 * n11 + n10 + n01),
        Measure::Overlap => over(n11, (n11 + n10).min(n11 + n01)),
        Measure::Phi => over(n11 * n00 - n10 * n01, ((n11 + n10) * (n01 + n00) * (n11 + n01) * (n10 + n00)).sqrt()),
        Measure::Conditional => over(n11, n11 + n10),
        Measure::Cosine => over(dot(&x, &y), (dot(&x, &x) * dot(&y, &y)).sqrt()),
        Measure::Pearson => {
            let centred = |x: &[f64]| -> Vec<f64> {
                let mean = x.iter().sum::<f64>() / tokens;
                x.iter().map(|x| x - mean).collect()
            };
            let (x, y) = (centred(&x), centred(&y));
            over(dot(&x, &y), (dot(&x, &x) * dot(&y, &y)).sqrt())
        }
        Measure::Mutual => {
            let (a, b) = (bins(dense, i), bins(dense, j));
            let shared = information(&a, &b);
            // What is within rounding of 0 is 0.
            if shared < 1e-12 { 0.0 } else { over(shared, (information(&a, &a) * information(&b, &b)).sqrt()) }
        }
        Measure::Ising => unreachable!("it has tests of its own"),
    }
}

pub(super) const DEFINED: [Measure; 9] = [
    Measure::Smc,
    Measure::Jaccard,
    Measure::Dice,
    Measure::Overlap,
    Measure::Phi,
    Measure::Conditional,
    Measure::Cosine,
    Measure::Pearson,
    Measure::Mutual,
];

/// The best of a row of values: descending, ties by index.
pub(super) fn best(values: &[f32], own: usize, k: usize, floor: f32) -> Vec<(u32, f32)> {
    let all = values.iter().enumerate().filter(|&(j, &value)| j != own && value > floor);
    let mut all: Vec<_> = all.map(|(j, &value)| (j as u32, value)).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.truncate(k);
    all
}

pub(super) fn row(lists: &Lists, i: usize) -> Vec<(u32, f32)> {
    let (indices, values) = lists.row(i);
    indices.iter().copied().zip(values.iter().copied()).collect()
}

/// Compares one data set's pairs, groups and lists with the oracle.
fn assert_equals_oracle(dense: &Dense, what: &str) {
    let n = dense.features();
    let everyone: Vec<u32> = (0..n as u32).collect();
    dense.with(|acts| {
        for measure in DEFINED {
            let values = group(acts, &everyone, measure, &task()).unwrap();
            for i in 0..n {
                for j in 0..n {
                    let (value, exact) = (values[i * n + j], oracle(dense, i, j, measure));
                    let close = (f64::from(value) - exact).abs() <= 2e-7;
                    assert!(close, "{what}, {measure:?} of {i} and {j}: {value} and not {exact}");
                    if measure.is_symmetric() {
                        assert_eq!(value.to_bits(), values[j * n + i].to_bits(), "{what}, {measure:?} {i} {j}");
                    }
                }
            }
            for (k, floor) in [(1, 0.0), (4, 0.3), (n - 1, 0.0), (n - 1, 0.9)] {
                let lists = similar(acts, measure, k, floor, &task()).unwrap();
                assert_eq!(lists.len(), n);
                for i in 0..n {
                    let expected = best(&values[i * n..(i + 1) * n], i, k, floor);
                    assert_eq!(row(&lists, i), expected, "{what}, {measure:?}, {k} above {floor} of {i}");
                }
            }
        }
        for (i, j) in [(0, 1), (1, 2), (3, 4), (7, 8), (8, 7), (n - 1, 5), (6, 9), (2, 2)] {
            assert_eq!(pair(acts, i, j).unwrap(), fires(dense, i, j), "{what}, {i} and {j}");
        }
    });
}

#[test]
fn every_measure_equals_its_definition() {
    for seed in 0..8 {
        let (tokens, features) = [(40, 12), (7, 15), (300, 30), (1, 10)][seed as usize % 4];
        let dense = random(tokens, features, [0.3, 0.15][seed as usize / 4], seed % 2 == 0, seed);
        assert_equals_oracle(&dense, &format!("seed {seed}"));
    }
}

#[test]
fn features_that_never_meet_are_found_among_many() {
    // More features than a shelf has, most of which share no token.
    for seed in 0..3 {
        let dense = random(90, 200, 0.02, seed == 1, 100 + seed);
        let (n, everyone) = (200, (0..200).collect::<Vec<u32>>());
        dense.with(|acts| {
            for measure in [Measure::Smc, Measure::Mutual, Measure::Pearson] {
                let values = group(acts, &everyone, measure, &task()).unwrap();
                let mut apart = 0;
                for (k, floor) in [(3, 0.0), (40, 0.01), (150, 0.0)] {
                    let lists = similar(acts, measure, k, floor, &task()).unwrap();
                    for i in 0..n {
                        let expected = best(&values[i * n..(i + 1) * n], i, k, floor);
                        assert_eq!(row(&lists, i), expected, "seed {seed}, {measure:?}, {i}");
                        apart += expected.iter().filter(|e| pair(acts, i, e.0 as usize).unwrap().n11 == 0).count();
                    }
                }
                // Means of opposite signs are needed for a correlation of features that do not meet.
                assert_eq!(apart > 0, measure != Measure::Pearson || seed != 1, "seed {seed}, {measure:?}");
                let i = 50 + seed as usize;
                let exact = oracle(&dense, i, i + 9, measure);
                assert!((f64::from(values[i * n + i + 9]) - exact).abs() <= 2e-7);
            }
        });
    }
}

#[test]
fn one_pair_has_the_value_that_is_listed() {
    let dense = random(200, 40, 0.2, false, 7);
    dense.with(|acts| {
        for measure in DEFINED.into_iter().chain([Measure::Ising]) {
            let lists = similar(acts, measure, 39, 0.0, &task()).unwrap();
            for (i, j) in [(2, 3), (10, 15), (11, 21), (21, 11), (39, 9)] {
                let value = super::measure(acts, i, j, measure, &task()).unwrap();
                let listed = row(&lists, i).iter().find(|entry| entry.0 as usize == j).map(|entry| entry.1);
                assert_eq!(listed, (value > 0.0).then_some(value), "{measure:?} of {i} and {j}");
            }
        }
    });
}

#[test]
fn copies_are_alike_and_opposites_are_not() {
    let dense = random(120, 12, 0.3, true, 3);
    dense.with(|acts| {
        for measure in DEFINED {
            assert_eq!(super::measure(acts, 3, 4, measure, &task()).unwrap(), 1.0, "{measure:?}");
        }
    });
    // Two features that share the tokens between them, half each.
    let halves = Dense(
        (0..50).map(|t| [0.0, [1.0, 2.0][t % 2], [2.0, 1.0][t % 2], 1.0].map(|x: f32| x - 1.0).to_vec()).collect(),
    );
    halves.with(|acts| {
        let value = |measure| super::measure(acts, 1, 2, measure, &task()).unwrap();
        assert_eq!([Measure::Phi, Measure::Pearson].map(value), [-1.0; 2]);
        assert_eq!(
            [Measure::Smc, Measure::Jaccard, Measure::Dice, Measure::Overlap, Measure::Cosine].map(value),
            [0.0; 5]
        );
        assert_eq!(value(Measure::Mutual), 1.0, "each tells the other");
        let lists = similar(acts, Measure::Mutual, 3, 0.0, &task()).unwrap();
        assert_eq!(row(&lists, 1), [(2, 1.0)]);
        assert!(row(&similar(acts, Measure::Phi, 3, 0.0, &task()).unwrap(), 1).is_empty());
    });
}

#[test]
fn the_cosine_is_that_of_the_other_module() {
    let dense = random(150, 30, 0.2, false, 5);
    let by_token = dense.by_token();
    let by_feature = by_token.transpose();
    let acts = Acts::new(&by_token, &by_feature, &task()).unwrap();
    let lists = similar(&acts, Measure::Cosine, 29, 0.0, &task()).unwrap();
    for i in 0..30 {
        let near = crate::geometry::coactivation::nearest(&by_token, &by_feature, i, 29, &task()).unwrap();
        let near: Vec<_> = near.into_iter().filter(|entry| entry.1 > 0.0).collect();
        assert_eq!(row(&lists, i).len(), near.len());
        for (j, value) in near {
            let (_, own) = row(&lists, i).into_iter().find(|entry| entry.0 == j).unwrap();
            assert!((own - value).abs() <= f32::EPSILON, "{i} {j}");
        }
    }
}

#[test]
fn features_that_fire_on_more_tokens_than_a_small_counter_holds_are_counted() {
    let tokens = 70_000;
    let rows = (0..tokens)
        .map(|t| vec![1.0 + (t % 3) as f32, f32::from(u8::from(t % 9 != 0)), f32::from(u8::from(t % 1000 == 0))]);
    let dense = Dense(rows.collect());
    dense.with(|acts| {
        assert_eq!(pair(acts, 0, 1).unwrap(), fires(&dense, 0, 1));
        for measure in DEFINED.into_iter().filter(|measure| *measure != Measure::Mutual) {
            let lists = similar(acts, measure, 2, 0.0, &task()).unwrap();
            for i in 0..3 {
                let expected: Vec<f32> = (0..3).map(|j| oracle(&dense, i, j, measure) as f32).collect();
                for ((j, value), (other, exact)) in row(&lists, i).into_iter().zip(best(&expected, i, 2, 1e-9)) {
                    assert!(j == other && (value - exact).abs() < 1e-6, "{measure:?} of {i}");
                }
            }
        }
        // The second and the third fire apart from every ninth and on every thousandth token.
        let value = super::measure(acts, 1, 2, Measure::Mutual, &task()).unwrap();
        let (a, b) = (bins_of(&dense, 1), bins_of(&dense, 2));
        let exact = information(&a, &b) / (information(&a, &a) * information(&b, &b)).sqrt();
        assert!((f64::from(value) - exact).abs() < 1e-6 * exact, "{value} {exact}");
    });
}

/// [`bins`] of a feature of one value.
fn bins_of(dense: &Dense, f: usize) -> Vec<usize> {
    dense.0.iter().map(|row| usize::from(row[f] > 0.0)).collect()
}

#[test]
fn neither_threads_nor_the_order_of_tokens_or_features_matter() {
    let dense = random(400, 60, 0.2, false, 11);
    let turned = Dense(dense.0.iter().rev().cloned().collect());
    let mirrored = Dense(dense.0.iter().map(|row| row.iter().rev().copied().collect()).collect());
    for measure in DEFINED.into_iter().chain([Measure::Ising]) {
        let lists = |dense: &Dense, threads| {
            dense.with(|acts| similar(acts, measure, 8, 0.0, &Task::new(threads).unwrap()).unwrap())
        };
        let one = lists(&dense, 1);
        assert_eq!(one, lists(&dense, 2), "{measure:?}");
        assert_eq!(one, lists(&dense, 3), "{measure:?}");
        if measure == Measure::Ising {
            // Copies share a coupling in the order in which they stand.
            continue;
        }
        // The values are sixteenths, so that sums do not round.
        assert_eq!(one, lists(&turned, 2), "{measure:?}");
        let other = lists(&mirrored, 2);
        for i in 0..60 {
            assert_eq!(one.row(i).1, other.row(59 - i).1, "{measure:?} of {i}");
        }
    }
}

#[test]
fn parts_hold_every_feature_once_and_progress_is_complete() {
    let entries: Vec<_> = (0..90_000u32).map(|t| (t / 9, below(t.wrapping_mul(2_654_435_761), 9000), 1.0)).collect();
    let by_token = Sparse::from_triplets(10_000, 9000, &entries).unwrap().0;
    let by_feature = by_token.transpose();
    let acts = Acts::new(&by_token, &by_feature, &task()).unwrap();
    let parts = acts.parts();
    assert!(parts.len() > 3 && parts.iter().cloned().flatten().eq(0..9000));
    let task = task();
    let lists = similar(&acts, Measure::Jaccard, 5, 0.0, &task).unwrap();
    let progress = task.watch().progress().unwrap();
    assert_eq!(
        (progress.stage, progress.done, progress.total),
        ("co-occurrence", by_token.nnz() as u64, by_token.nnz() as u64)
    );
    assert_eq!(lists.len(), 9000);
}

#[test]
fn each_wrong_parameter_is_an_error() {
    let dense = random(20, 10, 0.3, true, 1);
    dense.with(|acts| {
        let refused = |k, floor| similar(acts, Measure::Phi, k, floor, &task()).unwrap_err();
        for k in [0, 10, usize::MAX] {
            let error = refused(k, 0.0);
            assert!(matches!(error, Error::Usage(_)) && error.to_string().contains("from 1 to 9; try --k"), "{error}");
        }
        for floor in [-0.1, f32::NAN, f32::INFINITY] {
            assert!(refused(3, floor).to_string().contains("--floor"));
        }
        assert!(pair(acts, 3, 10).unwrap_err().to_string().contains("no feature 10"));
        assert!(pair(acts, 10, 3).is_err());
        assert!(super::measure(acts, 3, 10, Measure::Mutual, &task()).is_err());
        for features in [vec![], vec![0; 4097]] {
            assert!(group(acts, &features, Measure::Phi, &task()).unwrap_err().to_string().contains("--features"));
        }
        let params = IsingParams { alpha: 0.0, ..IsingParams::default() };
        assert!(ising::couplings(acts, &params, &task()).unwrap_err().to_string().contains("--alpha"));
    });
    let one = Dense(vec![vec![1.0]; 3]);
    let error = one.with(|acts| similar(acts, Measure::Phi, 1, 0.0, &task()).unwrap_err().to_string());
    assert!(error.contains("at least two features"), "{error}");
    let by_token = dense.by_token();
    let error = Acts::new(&by_token, &by_token, &task()).map(drop).unwrap_err().to_string();
    assert!(error.contains("[20, 10]") && error.contains("transposed"), "{error}");
}

#[test]
fn cancelling_stops_every_measure() {
    let dense = random(50, 20, 0.3, false, 2);
    dense.with(|acts| {
        let task = task();
        task.watch().cancel();
        for entry in &MEASURES {
            assert!(matches!(similar(acts, entry.measure, 3, 0.0, &task), Err(Error::Cancelled)), "{}", entry.name);
            assert!(matches!(group(acts, &[7, 8], entry.measure, &task), Err(Error::Cancelled)), "{}", entry.name);
        }
    });
    let by_token = dense.by_token();
    let task = task();
    task.watch().cancel();
    assert!(matches!(Acts::new(&by_token, &by_token.transpose(), &task), Err(Error::Cancelled)));
}

#[test]
fn no_tokens_and_no_entries_are_no_error() {
    for tokens in [0, 5] {
        let by_token = Sparse::from_triplets(tokens, 4, &[]).unwrap().0;
        let by_feature = by_token.transpose();
        let acts = Acts::new(&by_token, &by_feature, &task()).unwrap();
        for entry in &MEASURES {
            let lists = similar(&acts, entry.measure, 3, 0.0, &task()).unwrap();
            // Features that are all silent match everywhere.
            let expected = if entry.measure == Measure::Smc && tokens > 0 { 12 } else { 0 };
            assert_eq!((lists.len(), lists.indices.len()), (4, expected), "{} of {tokens}", entry.name);
        }
    }
}
