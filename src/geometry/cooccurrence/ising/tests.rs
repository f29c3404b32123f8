//! Couplings against slow solvers and planted ones.

use super::*;
use crate::geometry::cooccurrence::tests::{Dense, random, row, task};
use crate::geometry::cooccurrence::{Measure, similar};

/// L1-regularised logistic regression of column `i` on all others by accelerated proximal gradient steps, `[features]`.
fn slow(dense: &Dense, i: usize, params: &IsingParams) -> Vec<f64> {
    let (tokens, n) = (dense.0.len() as f64, dense.features());
    let x: Vec<Vec<f64>> = dense.0.iter().map(|r| r.iter().map(|&v| f64::from(u8::from(v > 0.0))).collect()).collect();
    let count = |j: usize| x.iter().map(|row| row[j]).sum::<f64>();
    let constant = |j: usize| count(j) == 0.0 || count(j) == tokens;
    if constant(i) {
        return vec![0.0; n];
    }
    let penalty: Vec<f64> = (0..n)
        .map(|j| match params.columns {
            ColumnScale::Standardised => params.alpha * (count(j) / tokens * (1.0 - count(j) / tokens)).sqrt(),
            ColumnScale::Binary => params.alpha,
        })
        .collect();
    let free: Vec<usize> = (0..n).filter(|&j| j != i && !constant(j)).collect();
    let rate = 4.0 / (1.0 + free.iter().map(|&j| count(j) / tokens).sum::<f64>());
    let (mut b, mut before, mut time) = (vec![0.0; n + 1], vec![0.0; n + 1], 1.0f64);
    for _ in 0..60_000 {
        let next = f64::midpoint(1.0, (1.0 + 4.0 * time * time).sqrt());
        let at: Vec<f64> = b.iter().zip(&before).map(|(b, before)| b + (time - 1.0) / next * (b - before)).collect();
        let mut gradient = vec![0.0; n + 1];
        for row in &x {
            let eta = at[n] + free.iter().map(|&j| at[j] * row[j]).sum::<f64>();
            let residual = (1.0 / (1.0 + (-eta).exp()) - row[i]) / tokens;
            gradient[n] += residual;
            for &j in &free {
                gradient[j] += residual * row[j];
            }
        }
        let mut to = vec![0.0; n + 1];
        to[n] = at[n] - rate * gradient[n];
        for &j in &free {
            let target = at[j] - rate * gradient[j];
            to[j] = (target.abs() - rate * penalty[j]).max(0.0).copysign(target);
        }
        // Momentum that points uphill is given up.
        let uphill: f64 = (0..=n).map(|j| (at[j] - to[j]) * (to[j] - b[j])).sum();
        time = if uphill > 0.0 { 1.0 } else { next };
        let still = b.iter().zip(&to).all(|(b, to)| (b - to).abs() < 1e-13);
        (before, b) = (b, to);
        if still {
            break;
        }
    }
    b.truncate(n);
    b
}

/// Without copies, of which the optimum would not be unique.
fn distinct(tokens: usize, features: usize, seed: u64) -> Dense {
    let mut dense = random(tokens, features, 0.35, seed.is_multiple_of(2), seed);
    for (t, row) in dense.0.iter_mut().enumerate() {
        row[4] = f32::from(u8::from(row[7] > 0.0 && t % 3 != 0)) * 2.0;
        // The last never fires with the one before.
        if row[features - 2] > 0.0 {
            row[features - 1] = 0.0;
        }
    }
    dense
}

#[test]
fn couplings_are_those_of_a_slow_solver() {
    let (mut positive, mut negative, mut apart) = (0, 0, 0);
    for seed in 0..8 {
        let n = 14 + seed as usize % 4;
        let dense = distinct(80, n, 40 + seed);
        let columns = [ColumnScale::Standardised, ColumnScale::Binary][seed as usize % 2];
        let params = IsingParams { alpha: [0.01, 0.03, 0.004][seed as usize % 3], columns };
        let b: Vec<Vec<f64>> = (0..n).map(|i| slow(&dense, i, &params)).collect();
        dense.with(|acts| {
            let (lists, info) = couplings(acts, &params, &task()).unwrap();
            assert_eq!(info.unfinished, 0);
            assert_eq!(info.coefficients, b.iter().flatten().filter(|b| **b != 0.0).count(), "seed {seed}");
            for i in 0..n {
                assert!(lists.row(i).0.is_sorted());
                let mut found = vec![0.0; n];
                for entry in row(&lists, i) {
                    found[entry.0 as usize] = entry.1;
                }
                for j in 0..n {
                    let exact = (b[i][j] + b[j][i]) / 8.0;
                    assert!(
                        (f64::from(found[j]) - exact).abs() < 2e-6 * (1.0 + exact.abs()),
                        "seed {seed}, {i} {j}: {} {exact}",
                        found[j]
                    );
                    positive += usize::from(found[j] > 0.0);
                    negative += usize::from(found[j] < 0.0);
                }
                apart += usize::from(i + 1 == n && found[n - 2] < 0.0);
            }
        });
    }
    assert!(positive > 20 && negative > 20 && apart > 0, "{positive} {negative} {apart}");
}

#[test]
fn every_regression_meets_the_conditions_of_all_columns() {
    for (seed, columns) in [(1, ColumnScale::Standardised), (2, ColumnScale::Binary), (3, ColumnScale::Standardised)] {
        let dense = random(500, 80, 0.12, true, seed);
        let tokens = dense.0.len() as f64;
        let params = IsingParams { alpha: 0.006, columns };
        dense.with(|acts| {
            let model = Model::new(acts, &params, &task()).unwrap();
            let mut regression = Regression::default();
            for i in 0..80 {
                let fit = regression.fit(&model, i, &task()).unwrap();
                assert!(fit.optimal && fit.coefficients.is_sorted_by_key(|entry| entry.0));
                if acts.counts()[i] == 0 || acts.counts()[i] == 500 {
                    assert!(fit.coefficients.is_empty());
                    continue;
                }
                let linear: Vec<f64> = dense
                    .0
                    .iter()
                    .map(|row| {
                        fit.coefficients.iter().filter(|entry| row[entry.0 as usize] > 0.0).map(|entry| entry.1).sum()
                    })
                    .collect();
                let residuals = |b0: f64| -> Vec<f64> {
                    let y = dense.0.iter().map(|row| f64::from(u8::from(row[i] > 0.0)));
                    linear.iter().zip(y).map(|(eta, y)| 1.0 / (1.0 + (-(eta + b0)).exp()) - y).collect()
                };
                let (mut low, mut high) = (-50.0, 50.0);
                for _ in 0..200 {
                    let middle = f64::midpoint(low, high);
                    *if residuals(middle).iter().sum::<f64>() < 0.0 { &mut low } else { &mut high } = middle;
                }
                let residuals = residuals(low);
                for j in (0..80).filter(|&j| j != i && acts.counts()[j] > 0 && acts.counts()[j] < 500) {
                    let gradient: f64 =
                        residuals.iter().zip(&dense.0).filter(|(_, row)| row[j] > 0.0).map(|(r, _)| r).sum::<f64>()
                            / tokens;
                    let share = f64::from(acts.counts()[j]) / tokens;
                    let penalty = if columns == ColumnScale::Binary { 1.0 } else { (share * (1.0 - share)).sqrt() }
                        * params.alpha;
                    let b = fit.coefficients.iter().find(|entry| entry.0 as usize == j).map_or(0.0, |entry| entry.1);
                    let off = if b == 0.0 { gradient.abs() - penalty } else { (gradient + penalty * b.signum()).abs() };
                    assert!(off < 1e-8 * penalty, "seed {seed}, {i} on {j}: {off} of {penalty}");
                }
            }
        });
    }
}

/// Activations in which each state of `h.len()` spins occurs as often as an Ising model says.
fn planted(h: &[f64], couplings: &[(usize, usize, f64)], tokens: f64) -> Dense {
    let spin = |state: usize, i: usize| if state >> i & 1 == 1 { 1.0 } else { -1.0 };
    let weight = |state: usize| -> f64 {
        let field: f64 = h.iter().enumerate().map(|(i, h)| h * spin(state, i)).sum();
        let pairs: f64 = couplings.iter().map(|&(i, j, by)| by * spin(state, i) * spin(state, j)).sum();
        (field + pairs).exp()
    };
    let all: f64 = (0..1 << h.len()).map(weight).sum();
    let mut rows = Vec::new();
    for state in 0..1 << h.len() {
        let row: Vec<f32> = (0..h.len()).map(|i| (state >> i & 1) as f32).collect();
        rows.extend(std::iter::repeat_n(row, (weight(state) / all * tokens).round() as usize));
    }
    Dense(rows)
}

#[test]
fn planted_couplings_are_found_and_indirect_ones_are_not() {
    let pairs = [(0, 1, 0.6), (1, 2, 0.5), (2, 3, -0.4), (3, 4, 0.7), (4, 5, -0.5), (5, 6, 0.3)];
    let dense = planted(&[-0.6, -0.4, -0.5, -0.3, -0.7, -0.2, -0.8], &pairs, 200_000.0);
    for columns in [ColumnScale::Standardised, ColumnScale::Binary] {
        let found = |alpha| {
            let (lists, _) = dense.with(|acts| couplings(acts, &IsingParams { alpha, columns }, &task()).unwrap());
            let mut found = vec![vec![0.0; 7]; 7];
            (0..7).for_each(|i| row(&lists, i).iter().for_each(|e| found[i][e.0 as usize] = f64::from(e.1)));
            found
        };
        let (weak, strong) = (found(1e-6), found(0.01));
        for i in 0..7 {
            for j in 0..i {
                let exact = pairs.iter().find(|pair| (pair.0, pair.1) == (j, i)).map_or(0.0, |pair| pair.2);
                assert!((weak[i][j] - exact).abs() < 0.01, "{columns:?} {i} {j}: {} and not {exact}", weak[i][j]);
                if exact == 0.0 {
                    assert!(strong[i][j].abs() < 0.02, "{columns:?} {i} {j}: {}", strong[i][j]);
                } else {
                    assert!(
                        strong[i][j] * exact > 0.0 && strong[i][j].abs() > 0.5 * exact.abs(),
                        "{columns:?} {i} {j}"
                    );
                }
            }
        }
    }
}

#[test]
fn binary_columns_couple_nothing_that_is_rarer_than_alpha_and_standardised_ones_do() {
    // A pair that always fires together, on one token in two hundred.
    let dense = Dense(
        (0..2000)
            .map(|t| vec![f32::from(u8::from(t % 200 == 0)), f32::from(u8::from(t % 200 == 0)), (t % 2) as f32])
            .collect(),
    );
    dense.with(|acts| {
        let found = |columns| couplings(acts, &IsingParams { columns, ..IsingParams::default() }, &task()).unwrap().0;
        assert!(row(&found(ColumnScale::Binary), 0).is_empty());
        let couplings = found(ColumnScale::Standardised);
        assert!(row(&couplings, 0).iter().any(|entry| entry.0 == 1 && entry.1 > 1.0), "{:?}", row(&couplings, 0));
    });
}

#[test]
fn copies_share_a_coupling_equally() {
    let single = distinct(150, 10, 77);
    // Two more of feature 8, with other values.
    let copied = Dense(single.0.iter().map(|row| [&[2.0 * row[8]], &row[..], &[0.5 * row[8]]].concat()).collect());
    let of = |dense: &Dense, i: usize| {
        dense.with(|acts| {
            let model = Model::new(acts, &IsingParams::default(), &task()).unwrap();
            Regression::default().fit(&model, i, &task()).unwrap().coefficients
        })
    };
    let mut seen = 0;
    for i in 0..8 {
        let expected = of(&single, i);
        let mut found = of(&copied, i + 1);
        assert!(found.is_sorted_by_key(|entry| entry.0));
        for (j, b) in &mut found {
            if [0, 9, 11].contains(j) {
                (*j, *b) = (9, *b * 3.0);
            }
        }
        found.sort_by_key(|entry| entry.0);
        found.dedup_by_key(|entry| entry.0);
        assert_eq!(expected.len(), found.len());
        for (one, two) in expected.iter().zip(&found) {
            assert!(one.0 + 1 == two.0 && (one.1 - two.1).abs() < 1e-7, "{one:?} {two:?}");
            seen += usize::from(one.0 == 8);
        }
    }
    assert!(seen > 0);
    // A copy is explained by the other two.
    let own = of(&copied, 9);
    assert!(
        own[0].0 == 0 && own.last().unwrap().0 == 11 && own[0].1 == own.last().unwrap().1 && own[0].1 > 1.0,
        "{own:?}"
    );
}

#[test]
fn the_order_of_features_does_not_matter() {
    let dense = random(300, 40, 0.2, true, 9);
    let mirrored = Dense(dense.0.iter().map(|row| row.iter().rev().copied().collect()).collect());
    let of = |dense: &Dense| dense.with(|acts| couplings(acts, &IsingParams::default(), &task()).unwrap().0);
    let (one, other) = (of(&dense), of(&mirrored));
    for i in 0..40 {
        let mut turned: Vec<_> = row(&other, 39 - i).into_iter().map(|entry| (39 - entry.0, entry.1)).collect();
        turned.reverse();
        assert_eq!(row(&one, i).len(), turned.len());
        for (one, other) in row(&one, i).iter().zip(&turned) {
            assert!(one.0 == other.0 && (one.1 - other.1).abs() < 1e-6, "{i}: {one:?} {other:?}");
        }
    }
}

#[test]
fn the_strongest_couplings_are_those_that_are_listed_as_similar() {
    let dense = random(300, 40, 0.2, true, 10);
    dense.with(|acts| {
        let (all, _) = couplings(acts, &IsingParams::default(), &task()).unwrap();
        for (k, floor) in [(1, 0.0), (3, 0.1), (39, 0.0)] {
            let listed = similar(acts, Measure::Ising, k, floor, &task()).unwrap();
            assert_eq!(all.best(k, floor), listed);
            assert!(listed.indices.len() < all.indices.len() && listed.values.iter().all(|value| *value > floor));
        }
    });
}

#[test]
fn a_group_has_the_couplings_of_all() {
    let dense = random(300, 40, 0.2, true, 8);
    dense.with(|acts| {
        let (lists, info) = couplings(acts, &IsingParams::default(), &task()).unwrap();
        let members = [12u32, 3, 17, 22, 2, 27];
        let group = among(acts, &members, &IsingParams::default(), &task()).unwrap();
        for (a, &i) in members.iter().enumerate() {
            for (b, &j) in members.iter().enumerate() {
                let listed = row(&lists, i as usize).iter().find(|entry| entry.0 == j).map_or(0.0, |entry| entry.1);
                assert_eq!(group[a * members.len() + b], listed, "{i} {j}");
            }
        }
        assert!(group.iter().any(|value| *value > 0.0));
        assert!(
            info.coupled > 10 && info.coefficients >= lists.indices.len() / 2 && info.largest > 0 && info.steps > 0
        );
    });
}

#[test]
fn a_working_set_that_grows_too_large_is_refused() {
    let dense = random(300, 60, 0.3, true, 8);
    dense.with(|acts| {
        let mut model = Model::new(acts, &IsingParams { alpha: 1e-4, ..IsingParams::default() }, &task()).unwrap();
        assert!(Regression::default().fit(&model, 20, &task()).unwrap().working > 16);
        model.most = 16;
        let error = Regression::default().fit(&model, 20, &task()).map(drop).unwrap_err().to_string();
        assert!(error.contains("more than 16 features explain feature 20") && error.contains("--alpha"), "{error}");
    });
}
