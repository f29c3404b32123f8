//! How a group's features hold its cloud: as a few directions that span it, or as many that each cover a piece
//! (capture curves; Bhalla, Fel et al. 2026, arXiv 2604.28119).
//!
//! In: a group's cloud. X is its points less their mean. Out: curves of the share 1 − ‖rest‖²/‖X‖² that k = 1, 2, ...
//! directions explain, their elbows, and a word.
//! | curve | takes next | rest |
//! |---|---|---|
//! | `geometric` | the feature whose direction d has most Σ (rest·d)²/‖d‖² | X beside the span of those taken |
//! | `statistical` | the feature whose part z̃ d shortens the rest most | X less the parts of those taken |
//! | `pca` | the next principal component | X beside them |
//! | `orthogonal` | the next axis of a random rotation; mean of five | X beside them |
//! | `overcomplete` | as `geometric`, of as many random directions as features; mean of five | X beside their span |
//!
//! z̃ is a feature's activation over the tokens of the cloud, zeros too, less its mean. The parts of all features sum
//! to X, so that the statistical curve ends at 1; where parts cancel each other it falls on the way, even below 0. The
//! others never fall, and none is above `pca`. Scores that rounding alone tells apart are equal: the lower goes first.
//!
//! Along principal axes Σ x xᵀ is diagonal: the variance along a direction is a sum over axes, and random directions
//! need no turning. With H = Σ z̃ᵢ z̃ⱼ (dᵢ·dⱼ) over tokens, part i takes 2 Σⱼ Hᵢⱼ − Hᵢᵢ off ‖rest‖², j over all not yet
//! taken. Cost for n tokens of e features each, m features, rank r and k steps: n (r² + e²) + 10 r³ + m² r + 18 k m r.
//! Memory: 8 (m² + 2 m r + 4 r²) bytes.

use super::GroupCloud;
use crate::error::Result;
use crate::geometry::eigen::eigen_apart;
use crate::geometry::random::{key, normals};
use crate::rows::{Points64, block_rows, dot};
use crate::task::Task;
use faer::{Accum, Mat, MatMut, MatRef, Par, linalg::matmul::matmul};
use serde::{Deserialize, Serialize};

/// Least share of PCA's curve, at its elbow, of [`CaptureKind::Spanned`].
pub const SPANNED: f64 = 0.95;
/// The share below which a cloud is [`CaptureKind::Tiled`].
pub const TILED: f64 = 0.8;
/// Draws of each random curve.
const DRAWS: u64 = 5;
/// Scores less than this share of the variance apart are equal.
const TIE: f64 = 1e-12;
/// Squares below this share of those they are left of are rounding.
const NOTHING: f64 = 1e-20;

/// How a group holds its cloud: by the share of PCA's curve that the geometric curve reaches at PCA's elbow. In the end
/// it reaches 1, for every point is a sum of directions. Who fires when is not asked: any two features span a ring in a
/// plane, though many take turns around it; `statistical` tells that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptureKind {
    /// A few features span it: at least [`SPANNED`].
    Spanned,
    /// Between the two.
    Mixed,
    /// It takes clearly more features than components: below [`TILED`].
    Tiled,
}

/// A capture curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Shares explained by k = 1, 2, ... directions.
    pub explained: Vec<f64>,
    /// The features taken (their numbers in the dictionary), in order; empty where the directions are not features'.
    pub order: Vec<u32>,
    /// Where it bends: the k farthest from the chord from (0, 0) to the last point, both axes scaled to 1.
    pub elbow: usize,
}

/// The curves of a cloud, as in the table above, and what they say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Capture {
    pub geometric: Curve,
    pub statistical: Curve,
    pub pca: Curve,
    pub orthogonal: Curve,
    pub overcomplete: Curve,
    pub kind: CaptureKind,
}

/// The curves of `cloud`, of at most `most` directions (at least one, and no more than the span has dimensions or, for
/// `statistical`, features); none if all points are equal.
///
/// # Errors
/// If the task is cancelled, or eigenvalues do not converge.
pub fn capture(cloud: &GroupCloud, most: usize, seed: u64, task: &Task) -> Result<Option<Capture>> {
    let Some((variances, atoms)) = principal(cloud, task)? else { return Ok(None) };
    let (features, rank, total) = (cloud.features.len(), variances.len(), variances.iter().sum::<f64>());
    let steps = most.clamp(1, rank);
    let pca = curve((1..=steps).map(|k| variances[rank - k..].iter().sum::<f64>() / total).collect(), Vec::new());
    let mut statistical = statistical(cloud, total, most.clamp(1, features), task)?;
    let orthogonal = random(&variances, steps, true, steps, seed, task)?;
    let overcomplete = random(&variances, features, false, steps, seed, task)?;
    let mut geometric = geometric(&variances, atoms, false, steps, task)?;
    for at in geometric.order.iter_mut().chain(&mut statistical.order) {
        *at = cloud.features[*at as usize];
    }
    Ok(Some(Capture { kind: kind(&geometric, &pca), geometric, statistical, pca, orthogonal, overcomplete }))
}

/// Sums of squares along the principal axes of the points, ascending, and the features' directions in those axes; none
/// if all points are equal but for rounding.
fn principal(cloud: &GroupCloud, task: &Task) -> Result<Option<(Vec<f64>, Points64)>> {
    let (points, n, rank, mut all) = (&cloud.points, cloud.points.len(), cloud.points.dims(), 0.0);
    let (mut moments, mut sum, block) = (Mat::<f64>::zeros(rank, rank), vec![0.0; rank], block_rows(rank) * rank);
    for rows in points.data().chunks(block) {
        task.check()?;
        // From the first point, so that a small cloud far from 0 is not lost in its distance.
        let shifted: Vec<f64> = rows.iter().zip(points.row(0).iter().cycle()).map(|(x, first)| x - first).collect();
        shifted.iter().enumerate().for_each(|(at, x)| sum[at % rank] += x);
        all += dot(rows, rows);
        let shifted = MatRef::from_row_major_slice(&shifted, rows.len() / rank, rank);
        matmul(&mut moments, Accum::Add, shifted.transpose(), shifted, 1.0, Par::Seq);
    }
    let centred = Mat::from_fn(rank, rank, |i, j| moments[(i, j)] - sum[i] * sum[j] / n as f64);
    if n == 0 || (0..rank).map(|at| centred[(at, at)]).sum::<f64>() <= NOTHING * all {
        return Ok(None);
    }
    let ((values, axes), mut atoms) = (eigen_apart(centred, task)?, cloud.directions.clone());
    for (out, rows) in atoms.data_mut().chunks_mut(block).zip(cloud.directions.data().chunks(block)) {
        task.check()?;
        let (m, rows) = (rows.len() / rank, MatRef::from_row_major_slice(rows, rows.len() / rank, rank));
        matmul(MatMut::from_row_major_slice_mut(out, m, rank), Accum::Replace, rows, &axes, 1.0, Par::Seq);
    }
    Ok(Some((values.into_iter().map(|value| value.max(0.0)).collect(), atoms)))
}

/// Which of those `open` has the largest score: the first of those not more than `tie` apart.
fn best(open: &[bool], tie: f64, score: impl Fn(usize) -> f64) -> Option<usize> {
    let scores = (0..open.len()).filter(|&at| open[at]).map(|at| (at, score(at)));
    scores.reduce(|best, own| if own.1 > best.1 + tie { own } else { best }).map(|best| best.0)
}

/// Takes off `row` what it has along `unit`.
fn take_off(row: &mut [f64], unit: &[f64]) {
    let along = dot(row, unit);
    row.iter_mut().zip(unit).for_each(|(x, unit)| *x -= along * unit);
}

/// The curve of the span of `atoms`, taken greedily or `in_order`. How much of the rest lies along an atom is the
/// variance along what is left of the atom beside the span.
fn geometric(variances: &[f64], atoms: Points64, in_order: bool, steps: usize, task: &Task) -> Result<Curve> {
    let (rank, mut left, total) = (atoms.dims(), atoms, variances.iter().sum::<f64>());
    let along = |row: &[f64]| row.iter().zip(variances).map(|(x, variance)| variance * x * x).sum::<f64>();
    let squares: Vec<f64> = left.data().chunks_exact(rank).map(|row| dot(row, row)).collect();
    let (mut open, mut units, mut explained) = (vec![true; squares.len()], Vec::<Vec<f64>>::new(), 0.0);
    let (mut shares, mut order) = (Vec::new(), Vec::new());
    while order.len() < steps {
        task.check()?;
        let score = |at| if in_order || squares[at] == 0.0 { 0.0 } else { along(left.row(at)) / squares[at] };
        let Some(next) = best(&open, TIE * total, score) else { break };
        open[next] = false;
        let mut own = left.row(next).to_vec();
        // Once more: a remainder that is short has lost its right angles.
        for unit in &units {
            take_off(&mut own, unit);
        }
        let square = dot(&own, &own);
        if square > NOTHING * squares[next] {
            let own: Vec<f64> = own.iter().map(|x| x / square.sqrt()).collect();
            explained += along(&own);
            left.data_mut().chunks_exact_mut(rank).for_each(|row| take_off(row, &own));
            units.push(own);
        }
        shares.push((explained / total).min(1.0));
        order.push(next as u32);
    }
    Ok(curve(shares, order))
}

/// The mean curve of [`DRAWS`] times `rows` random directions, taken greedily or `in_order`.
fn random(v: &[f64], rows: usize, in_order: bool, steps: usize, seed: u64, task: &Task) -> Result<Curve> {
    let mut mean = vec![0.0; steps];
    for draw in 0..DRAWS {
        let stream = key(seed, 0x6361_7074 + u64::from(in_order), draw);
        let mut atoms = vec![0.0; rows * v.len()];
        for (at, row) in atoms.chunks_exact_mut(v.len()).enumerate() {
            task.check()?;
            row.iter_mut().enumerate().for_each(|(i, x)| *x = normals(stream, at as u64, i as u64)[0]);
        }
        let found = geometric(v, Points64::new(atoms, v.len()), in_order, steps, task)?;
        mean.iter_mut().zip(found.explained).for_each(|(mean, share)| *mean += share / DRAWS as f64);
    }
    Ok(curve(mean, Vec::new()))
}

/// The curve of the features' parts, of which ‖rest‖² is `total` at first.
fn statistical(cloud: &GroupCloud, total: f64, steps: usize, task: &Task) -> Result<Curve> {
    let (n, m) = (cloud.tokens.len(), cloud.features.len());
    let (mut shared, mut sums) = (vec![0.0; m * m], vec![0.0; m]);
    for at in 0..n {
        task.check()?;
        for (i, a) in cloud.entries(at) {
            sums[i as usize] += f64::from(a);
            let row = &mut shared[i as usize * m..][..m];
            cloud.entries(at).for_each(|(j, b)| row[j as usize] += f64::from(a) * f64::from(b));
        }
    }
    for (i, row) in shared.chunks_exact_mut(m).enumerate() {
        task.check()?;
        for (j, x) in row.iter_mut().enumerate() {
            *x = (*x - sums[i] * sums[j] / n as f64) * dot(cloud.directions.row(i), cloud.directions.row(j));
        }
    }
    // Of every part with the rest.
    let mut with: Vec<f64> = shared.chunks_exact(m).map(|row| row.iter().sum()).collect();
    let (mut open, mut explained, mut shares, mut order) = (vec![true; m], 0.0, Vec::new(), Vec::new());
    while order.len() < steps {
        task.check()?;
        let score = |at: usize| 2.0 * with[at] - shared[at * m + at];
        let Some(next) = best(&open, TIE * total, score) else { break };
        open[next] = false;
        explained += score(next);
        with.iter_mut().zip(&shared[next * m..]).for_each(|(with, x)| *with -= x);
        shares.push((explained / total).min(1.0));
        order.push(next as u32);
    }
    Ok(curve(shares, order))
}

/// A curve with its elbow, the first of equal ones. Scaled or not, distances from a line go as heights above it.
fn curve(explained: Vec<f64>, order: Vec<u32>) -> Curve {
    let slope = explained.last().copied().unwrap_or(0.0) / explained.len() as f64;
    let apart = |at: usize| (explained[at] - slope * (at + 1) as f64).abs();
    let elbow = best(&vec![true; explained.len()], TIE, apart).map_or(1, |at| at + 1);
    Curve { explained, order, elbow }
}

/// The word for a geometric curve.
fn kind(geometric: &Curve, pca: &Curve) -> CaptureKind {
    match geometric.explained[pca.elbow - 1] / pca.explained[pca.elbow - 1] {
        share if share >= SPANNED => CaptureKind::Spanned,
        share if share < TILED => CaptureKind::Tiled,
        _ => CaptureKind::Mixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::group::reconstruct;
    use crate::sae::Sparse;
    use CaptureKind::{Mixed, Spanned, Tiled};
    use faer::prelude::SolveLstsq;
    use std::f64::consts::TAU;

    const AXIS: fn(usize, usize) -> f64 = |i, j| if i == j { 1.0 } else { 0.0 };
    fn task() -> Task {
        Task::new(1).unwrap()
    }
    /// The cloud of `m` features on `n` tokens in `d` dimensions: directions, and activations by token and feature.
    fn cloud([m, n, d]: [usize; 3], row: impl Fn(usize, usize) -> f64, z: impl Fn(usize, usize) -> f64) -> GroupCloud {
        let starts: Vec<u64> = (0..=m).map(|i| (i * n) as u64).collect();
        let [tokens, features] = [(0..n as u32).collect::<Vec<_>>(), (0..m as u32).collect()];
        let values: Vec<f32> = (0..m * n).map(|at| z(at % n, at / n) as f32).collect();
        let by_feature = Sparse::new(m, n, starts, tokens.repeat(m), values).unwrap().0;
        let decoder = Points64::new((0..m * d).map(|at| row(at / d, at % d)).collect(), d);
        reconstruct(&decoder, &by_feature, &features, None, &task()).unwrap()
    }
    fn found(cloud: &GroupCloud, most: usize) -> Capture {
        capture(cloud, most, 7, &task()).unwrap().unwrap()
    }
    fn near(found: &[f64], truth: &[f64], within: f64) {
        let close = found.len() == truth.len() && found.iter().zip(truth).all(|(a, b)| (a - b).abs() <= within);
        assert!(close, "{found:?} {truth:?}");
    }

    #[test]
    fn two_of_many_features_span_a_planted_circle() {
        // The first four lean out of the plane and never change.
        let row = |i: usize, j: usize| AXIS(i % 2, j) + if i < 4 { AXIS(i + 2, j) } else { 0.0 };
        let turn = |t: usize, i: usize| TAU / 40.0 * (t as f64 - 10.0 * i as f64);
        let found = found(&cloud([6, 40, 6], row, |t, i| if i < 4 { 1.0 } else { 2.0 + turn(t, i).cos() }), 100);
        near(&found.geometric.explained, &[0.5, 1.0, 1.0, 1.0, 1.0, 1.0], 1e-6);
        near(&found.statistical.explained, &found.pca.explained, 1e-6);
        assert!(found.geometric.explained[1] > 1.0 - 1e-9 && found.orthogonal.explained[1] < 0.8, "{found:?}");
        assert_eq!([&found.geometric.order[2..], &found.statistical.order[2..]], [[0, 1, 2, 3]; 2]);
        assert_eq!((found.pca.elbow, found.geometric.elbow, found.kind), (2, 2, Spanned));
    }

    #[test]
    fn two_tiles_of_a_circle_span_its_plane_but_the_parts_of_many_are_needed() {
        // A token between two of twelve directions is a sum of the two.
        let z = |t: usize, i: usize| {
            let past = ((t as f64 + 0.5) / 10.0 - i as f64).rem_euclid(12.0);
            ((TAU / 12.0 * (1.0 - past.min(12.0 - past))).sin() / (TAU / 12.0).sin()).max(0.0)
        };
        let cloud = cloud([12, 120, 2], |i, j| (TAU * (i as f64 / 12.0 - j as f64 / 4.0)).cos(), z);
        assert!(cloud.points.data().chunks(2).all(|x| (x[0].hypot(x[1]) - 1.0).abs() < 1e-6));
        let Capture { geometric, statistical, kind, .. } = found(&cloud, 100);
        near(&geometric.explained, &[0.5, 1.0], 1e-6);
        assert!(geometric.explained[1] > 1.0 - 1e-9 && statistical.explained[1] < 0.5 && kind == Spanned);
        assert!(statistical.explained[..6].iter().all(|share| *share < 0.95), "{statistical:?}");
    }

    #[test]
    fn a_ring_tiled_in_many_dimensions_takes_more_features_than_components() {
        // By symmetry each of 24 axes holds as much, and the lower goes first.
        let z = |t: usize, i: usize| (((t as f64 / 4.0 - i as f64).rem_euclid(24.0) - 12.0).abs() / 4.0 - 2.0).max(0.0);
        let Capture { geometric, pca, kind, .. } = found(&cloud([24, 96, 24], AXIS, z), 12);
        near(&geometric.explained, &(1..=12).map(|k| f64::from(k) / 24.0).collect::<Vec<_>>(), 1e-12);
        assert!(geometric.order.is_sorted() && pca.explained[pca.elbow - 1] > 0.8, "{geometric:?} {pca:?}");
        assert_eq!((kind, geometric.elbow), (Tiled, 1));
    }

    #[test]
    fn even_variance_parts_that_cancel_and_random_axes_have_closed_forms() {
        // All of two levels of three features at right angles: no direction has more variance than another.
        let all = found(&cloud([3, 8, 3], AXIS, |t, i| 1.0 + (t >> i & 1) as f64), 3);
        let curves = [&all.geometric, &all.statistical, &all.pca, &all.orthogonal, &all.overcomplete];
        near(&curves.map(|curve| &curve.explained[..]).concat(), &[1.0 / 3.0, 2.0 / 3.0, 1.0].repeat(5), 1e-12);
        assert_eq!([all.geometric.order, all.statistical.order], [[0, 1, 2]; 2]);
        // Σ z̃² is 4 for the first two, which write opposite things, and 1 for the third.
        let z = |t: usize, i: usize| if i < 2 { 1.0 + 2.0 * (t % 2) as f64 } else { 1.0 + (t / 2) as f64 };
        let cloud = cloud([3, 4, 2], |i, j| [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]][i][j], z);
        let all = found(&GroupCloud { features: vec![4, 6, 9], ..cloud }, 9);
        near(&[all.geometric.explained, all.statistical.explained].concat(), &[1.0, 1.0, 1.0, -3.0, 1.0], 1e-12);
        assert_eq!([all.geometric.order, all.statistical.order].concat(), [9, 4, 9, 4, 6]);
        // Of any direction k of three axes hold k/3 on average; the square of the mean of five draws is 1/9 + 4/225.
        let draw = |seed| random(&[0.0, 0.0, 1.0], 3, true, 3, seed, &task()).unwrap().explained;
        let of = |k: usize, power: i32| (0..4000).map(|seed| draw(seed)[k].powi(power)).sum::<f64>() / 4000.0;
        near(&[of(0, 1), of(1, 1), of(0, 2)], &[1.0 / 3.0, 2.0 / 3.0, 29.0 / 225.0], 0.005);
    }

    /// The greedy curves by rests and centred codes written out, and least squares.
    fn slow(cloud: &GroupCloud, by_parts: bool) -> (Vec<f64>, Vec<u32>) {
        let (n, m, rank) = (cloud.points.len(), cloud.directions.len(), cloud.points.dims());
        let centred = |x: Mat<f64>| &x - Mat::from_fn(n, n, |_, _| 1.0 / n as f64) * &x;
        let code = |t, i| cloud.entries(t).find(|e| e.0 as usize == i).map_or(0.0, |e| f64::from(e.1));
        let (x, z) = (centred(Mat::from_fn(n, rank, |t, j| cloud.points.row(t)[j])), centred(Mat::from_fn(n, m, code)));
        let d = Mat::from_fn(m, rank, |i, j| cloud.directions.row(i)[j]);
        let (mut rest, mut shares, mut order) = (x.clone(), Vec::new(), Vec::new());
        for _ in 0..if by_parts { m } else { rank } {
            let score = |i: usize| {
                let (along, z, square) = (&rest * d.row(i).transpose(), z.col(i), d.row(i).squared_norm_l2());
                let part = 2.0 * (along.transpose() * z) - z.squared_norm_l2() * square;
                if by_parts { part } else { along.squared_norm_l2() / square }
            };
            let next = (0..m).filter(|i| !order.contains(i)).max_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap();
            order.push(next);
            if by_parts {
                rest -= z.col(next) * d.row(next);
            } else {
                let taken = Mat::from_fn(rank, order.len(), |j, k| d[(order[k], j)]);
                rest = &x - (&taken * taken.qr().solve_lstsq(x.transpose())).transpose();
            }
            shares.push(1.0 - rest.squared_norm_l2() / x.squared_norm_l2());
        }
        (shares, order.into_iter().map(|at| at as u32).collect())
    }

    #[test]
    fn curves_are_those_of_rests_written_out_and_none_is_above_pca() {
        for seed in 0..20 {
            // Nine directions of five dimensions, less and less of each; a feature fires on about half of the tokens.
            let number = |i: usize, j: usize| normals(seed, i as u64, j as u64)[0];
            let cloud = cloud([9, 60, 5], |i, j| number(i, j) / (j + 1) as f64, |t, i| number(100 + t, i).max(0.0));
            let (all, spans, parts) = (found(&cloud, 100), slow(&cloud, false), slow(&cloud, true));
            near(&all.geometric.explained, &spans.0, 1e-9);
            near(&all.statistical.explained, &parts.0, 1e-9);
            assert_eq!([&all.geometric.order, &all.statistical.order], [&spans.1, &parts.1]);
            for curve in [&all.geometric, &all.orthogonal, &all.overcomplete, &all.pca].map(|curve| &curve.explained) {
                assert!(curve.iter().zip(&all.pca.explained).all(|(own, pca)| *own <= pca + 1e-12), "{all:?}");
                assert!(curve.is_sorted() && curve.len() == 5, "{all:?}");
                near(&[curve[4], all.statistical.explained[8]], &[1.0, 1.0], 1e-9);
            }
            assert_eq!(found(&cloud, 3).overcomplete.explained, all.overcomplete.explained[..3]);
        }
    }

    #[test]
    fn elbows_are_farthest_from_the_chord_and_words_go_by_the_share_there() {
        let bent = |shares: &[f64]| curve(shares.to_vec(), Vec::new());
        // 1 − (1 − x)² and x² are farthest from x at 1/2; of a chord all points are alike.
        let of = |height: fn(f64) -> f64| bent(&(1..=10).map(|k| height(f64::from(k) / 10.0)).collect::<Vec<_>>());
        assert_eq!(
            [of(|x| 1.0 - (1.0 - x).powi(2)), of(|x| x * x), of(|x| 0.3 * x)].map(|curve| curve.elbow),
            [5, 5, 1]
        );
        assert_eq!([&[0.5, 0.8, 0.9, 1.0][..], &[0.2, 0.3, 0.35], &[1.0]].map(|all| bent(all).elbow), [2, 1, 1]);
        let word = |share: f64| kind(&bent(&[0.1, 0.9 * share, 1.0]), &bent(&[0.5, 0.9, 1.0]));
        assert_eq!([1.0, 0.96, 0.94, 0.81, 0.79].map(word), [Spanned, Spanned, Mixed, Mixed, Tiled]);
    }

    #[test]
    fn equal_points_have_no_curves_and_others_have_one_though_a_feature_writes_nothing() {
        let of = |z: fn(usize) -> f64| cloud([2, 9999, 1], |i, _| 0.3 * (1 - i) as f64, |t, i| z(t) + i as f64);
        assert_eq!(capture(&of(|_| 0.7), 9, 0, &task()).unwrap(), None);
        let line = found(&of(|t| t as f64), 0);
        near(&[line.geometric.explained, line.statistical.explained].concat(), &[1.0, 1.0], 1e-12);
        let stopped = task();
        stopped.watch().cancel();
        assert!(matches!(capture(&of(|t| t as f64), 9, 0, &stopped), Err(crate::Error::Cancelled)));
    }
}
