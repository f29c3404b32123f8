//! k-means: groups around centres, for Euclidean distance or for directions.
//!
//! Input: rows `[n, d]` of finite numbers. Output: a label for each, the centres `[count, d]`, and the inertia, the sum of
//! squared distances to the own centre. For directions rows and centres are scaled to unit length (spherical k-means,
//! Dhillon and Modha 2001), so that a squared distance is 2 - 2 cos; a zero row has no direction and is in no cluster.
//!
//! Lloyd's iterations from greedy k-means++ starts (Arthur and Vassilvitskii 2007, section 4: of 2 + ln k draws the one
//! that leaves least), several times over; the lowest inertia is kept. A cluster that loses all its rows takes over the
//! row that lies farthest from its centre. Rows at fewer than k places give fewer clusters.
//!
//! # Exactness
//! Distances are screened by f32 products of tiles; wherever these leave more than one centre within their error bound
//! (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), f64 decides, ties going to the lower centre.
//! Centres are sums in f64 over parts of fixed size. Labels are thus those of Lloyd's iterations in f64, and the bytes do
//! not depend on the threads. Rows that f32 cannot take as they are (too long, too short, or far from the origin for their
//! spread) are shifted to their mean, scaled and then rounded to f32 whenever they are read.
//!
//! Cost: n k d multiply-adds an iteration, and as much again times 2 + ln k for the starts. Peak memory beside the rows:
//! 56 bytes a row, 4 bytes a row and draw, 40 bytes an entry of the centres, and per thread up to 12 MiB of tiles.

#![allow(clippy::inline_always, reason = "kernels must become part of the function that is compiled for wide vectors")]

pub(super) mod space;

use super::Clusters;
use crate::error::{Problem, Result};
use crate::geometry::random::{below, key};
use crate::rows::{Points, Rows};
use crate::task::Task;
use crate::wide::{lane_sum, wide};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;
use space::Space;

/// Entries of a tile of products, at most.
const TILE: usize = 1 << 20;
/// Rows whose sum is one part of a centre's.
const PIECE: usize = 1024;
/// The label of a row in no cluster.
const NONE: u32 = u32::MAX;

/// How many groups, and how to look for them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KmeansParams {
    /// Number of clusters, k.
    pub clusters: usize,
    /// Starts, of which the best result is kept.
    pub restarts: usize,
    /// Most iterations of each start.
    pub iterations: usize,
    /// An iteration that lowers the inertia by a smaller share is the last; 0 means until no label changes.
    pub tolerance: f64,
    /// The draws.
    pub seed: u64,
    /// Whether only the rows' directions count.
    pub spherical: bool,
}

impl Default for KmeansParams {
    fn default() -> Self {
        Self { clusters: 8, restarts: 4, iterations: 300, tolerance: 1e-4, seed: 0, spherical: false }
    }
}

impl KmeansParams {
    /// Checks the parameters for `n` rows.
    ///
    /// # Errors
    /// If `clusters` is not from 1 to `n`, `restarts` or `iterations` is 0, or `tolerance` is not a number from 0 up.
    pub fn check(&self, n: usize) -> Result<()> {
        check_clusters(self.clusters, n)?;
        if self.restarts == 0 {
            return Err(Problem::new("0 starts").expected("1 or more").hint("--restarts 4").usage());
        }
        if self.iterations == 0 {
            return Err(Problem::new("0 iterations").expected("1 or more").hint("--iterations 300").usage());
        }
        if !(self.tolerance >= 0.0 && self.tolerance.is_finite()) {
            return Err(Problem::new(format!("the tolerance is {}", self.tolerance))
                .expected("a number from 0 up")
                .hint("--tolerance 0.0001")
                .usage());
        }
        Ok(())
    }
}

/// Checks a number of clusters of `n` rows.
///
/// # Errors
/// If it is not from 1 to `n`.
pub(super) fn check_clusters(clusters: usize, n: usize) -> Result<()> {
    if clusters > 0 && clusters <= n {
        return Ok(());
    }
    Err(Problem::new(format!("{clusters} clusters of {n} rows"))
        .expected("at least 1, and not more than there are rows")
        .hint("--clusters 8")
        .usage())
}

/// Checks that rows can be numbered and have values.
///
/// # Errors
/// If there are 2³¹ of them, or they have no columns.
pub(super) fn check_rows(rows: &dyn Rows) -> Result<()> {
    let (n, d) = (rows.nrows(), rows.ncols());
    if d > 0 && n < 1 << 31 {
        return Ok(());
    }
    Err(Problem::new("these rows cannot be grouped")
        .shape(&[n, d])
        .expected("fewer than 2^31 rows of at least one value")
        .input())
}

/// Groups around centres.
#[derive(Debug, Clone, PartialEq)]
pub struct Kmeans {
    /// The labels.
    pub clusters: Clusters,
    /// Centres `[count, d]`, in the order of the clusters; of unit length for directions.
    pub centres: Points,
    /// Sum of squared distances to the own centre, for directions of unit rows.
    pub inertia: f64,
    /// Iterations of the start that was kept.
    pub iterations: usize,
    /// Whether it ended before the most iterations allowed.
    pub settled: bool,
}

/// Groups `rows` around `clusters` centres.
///
/// Progress: stage `k-means`, in starts.
///
/// # Errors
/// If a parameter is out of range, a value is not finite (the row is named), rows have no columns, or the task is
/// cancelled.
pub fn kmeans(rows: &dyn Rows, params: &KmeansParams, task: &Task) -> Result<Kmeans> {
    params.check(rows.nrows())?;
    check_rows(rows)?;
    let space = Space::new(rows, params.spherical, task)?;
    task.stage("k-means", params.restarts as u64);
    let mut best: Option<Found> = None;
    for start in 0..params.restarts {
        let found = task.install(|| Run { space: &space, params, start: start as u64, task }.lloyd())?;
        if best.as_ref().is_none_or(|best| found.inertia < best.inertia) {
            best = Some(found);
        }
        task.advance(1);
    }
    let best = best.expect("there is at least one start");
    let labels: Vec<i32> = best.labels.iter().map(|&label| label as i32).collect();
    let clusters = Clusters::from_labels(&labels);
    let mut centres = vec![0.0f32; clusters.count * space.d];
    for (&label, &number) in best.labels.iter().zip(&clusters.labels).filter(|(_, number)| **number >= 0) {
        let centre = &best.centres.exact[label as usize * space.d..][..space.d];
        space.outside(centre, &mut centres[number as usize * space.d..][..space.d]);
    }
    Ok(Kmeans {
        clusters,
        centres: Points::new(centres, space.d),
        inertia: best.inertia / (space.scale * space.scale),
        iterations: best.iterations,
        settled: best.settled,
    })
}

/// Where one start ended.
struct Found {
    labels: Vec<u32>,
    centres: Centres,
    inertia: f64,
    iterations: usize,
    settled: bool,
}

/// Centres as the screen and as the decision takes them.
struct Centres {
    /// `[k, d]`.
    exact: Vec<f64>,
    /// The same in f32.
    narrow: Vec<f32>,
    /// What to take off a row's product with each: ‖c‖²/2 and the product with the rows' shift.
    offset: Vec<f32>,
    /// Bound on their lengths, and on the offsets.
    reach: f64,
}

impl Centres {
    fn new(exact: Vec<f64>, space: &Space) -> Self {
        let mut centres = Self { exact, narrow: Vec::new(), offset: Vec::new(), reach: 0.0 };
        centres.prepare(space);
        centres
    }
    /// Brings the rest up to date with `exact`.
    fn prepare(&mut self, space: &Space) {
        self.narrow = self.exact.iter().map(|&x| x as f32).collect();
        self.offset.clear();
        self.reach = 0.0;
        for centre in self.exact.chunks_exact(space.d) {
            let squared: f64 = centre.iter().map(|x| x * x).sum();
            let shifted: f64 = centre.iter().zip(&space.shift).map(|(c, s)| c * s).sum();
            self.offset.push((squared / 2.0 + shifted) as f32);
            self.reach = self.reach.max(squared.sqrt());
        }
    }
    fn len(&self) -> usize {
        self.offset.len()
    }
}

/// A thread's buffers.
#[derive(Default)]
struct Buffers {
    rows: space::Buffer,
    products: Vec<f32>,
    point: Vec<f64>,
}

/// One start.
struct Run<'a> {
    space: &'a Space<'a>,
    params: &'a KmeansParams,
    start: u64,
    task: &'a Task,
}

impl Run<'_> {
    /// Lloyd's iterations.
    fn lloyd(&self) -> Result<Found> {
        let n = self.space.n;
        let mut centres = Centres::new(self.starts()?, self.space);
        let mut found = Found {
            labels: vec![NONE; n],
            centres: Centres::new(Vec::new(), self.space),
            inertia: 0.0,
            iterations: 0,
            settled: false,
        };
        let (mut labels, mut squared) = (vec![NONE; n], vec![0.0f64; n]);
        loop {
            self.assign(&centres, &mut labels, &mut squared)?;
            let revived = self.revive(&mut centres, &mut labels, &mut squared);
            let inertia: f64 = squared.iter().sum();
            let first = found.iterations == 0;
            found.iterations += 1;
            let gained = found.inertia - inertia;
            found.settled = labels == found.labels
                || (!first
                    && !revived
                    && self.params.tolerance > 0.0
                    && gained <= self.params.tolerance * found.inertia);
            found.inertia = inertia;
            found.labels.copy_from_slice(&labels);
            if found.settled || found.iterations == self.params.iterations {
                found.centres = centres;
                return Ok(found);
            }
            self.average(&labels, &mut centres)?;
        }
    }

    /// Rows of a tile against `k` centres.
    fn height(&self, k: usize) -> usize {
        (TILE / k.max(self.space.d)).clamp(16, 2048)
    }

    /// Products of a tile's rows with centres: those of one row lie together.
    fn products(&self, rows: &[f32], centres: &[f32], products: &mut Vec<f32>) {
        let d = self.space.d;
        let (height, k) = (rows.len() / d, centres.len() / d);
        products.resize(height * k, 0.0);
        matmul(
            MatMut::from_column_major_slice_mut(products, k, height),
            Accum::Replace,
            MatRef::from_column_major_slice(centres, d, k).transpose(),
            MatRef::from_column_major_slice(rows, d, height),
            1.0,
            Par::Seq,
        );
    }

    /// The nearest centre of every row, and the squared distance to it.
    fn assign(&self, centres: &Centres, labels: &mut [u32], squared: &mut [f64]) -> Result<()> {
        let (d, k) = (self.space.d, centres.len());
        if k == 0 {
            return Ok(());
        }
        let height = self.height(k);
        let parts = labels.par_chunks_mut(height).zip(squared.par_chunks_mut(height)).enumerate();
        parts.for_each_init(Buffers::default, |buffers, (part, (labels, squared))| {
            if self.task.is_cancelled() {
                return;
            }
            let first = part * height;
            let rows = self.space.read(first..first + labels.len(), &mut buffers.rows);
            self.products(rows, &centres.narrow, &mut buffers.products);
            let (products, point) = (&mut buffers.products, &mut buffers.point);
            point.resize(d, 0.0);
            wide(
                #[inline(always)]
                || {
                    for at in 0..labels.len() {
                        let row = first + at;
                        if self.space.factor[row] == 0.0 {
                            continue;
                        }
                        self.space.point(row, &rows[at * d..(at + 1) * d], point);
                        let scores = &mut products[at * k..(at + 1) * k];
                        (labels[at], squared[at]) = self.nearest(row, point, scores, centres);
                    }
                },
            );
        });
        self.task.check()
    }

    /// The nearest centre of one point from its products, and the squared distance to it.
    #[inline(always)]
    fn nearest(&self, row: usize, point: &[f64], scores: &mut [f32], centres: &Centres) -> (u32, f64) {
        let factor = self.space.factor[row] as f32;
        for (score, &offset) in scores.iter_mut().zip(&centres.offset) {
            *score = factor * *score - offset;
        }
        let floor = f64::from(largest(scores)) - 2.0 * self.space.slack(row, centres.reach);
        let floor = floor as f32;
        let mut best = (NONE, f64::INFINITY);
        for (c, _) in scores.iter().enumerate().filter(|(_, score)| **score >= floor) {
            let centre = &centres.exact[c * self.space.d..(c + 1) * self.space.d];
            let squared = lane_sum::<16, _>(point, centre, |a, b| (a - b) * (a - b));
            if squared < best.1 {
                best = (c as u32, squared);
            }
        }
        best
    }

    /// Gives every cluster without rows the row farthest from its centre, if one lies away from it. Whether any was.
    fn revive(&self, centres: &mut Centres, labels: &mut [u32], squared: &mut [f64]) -> bool {
        let mut sizes = vec![0usize; centres.len()];
        labels.iter().filter(|&&label| label != NONE).for_each(|&label| sizes[label as usize] += 1);
        let empty: Vec<usize> = (0..sizes.len()).filter(|&c| sizes[c] == 0).collect();
        if empty.is_empty() {
            return false;
        }
        let mut far: Vec<u32> =
            (0..labels.len() as u32).filter(|&row| squared[row as usize] > self.space.nothing).collect();
        far.sort_by(|&a, &b| squared[b as usize].total_cmp(&squared[a as usize]).then(a.cmp(&b)));
        let mut far = far.into_iter().map(|row| row as usize);
        let (mut any, mut buffer) = (false, space::Buffer::default());
        for c in empty {
            let Some(row) = far.find(|&row| sizes[labels[row] as usize] > 1) else { break };
            sizes[labels[row] as usize] -= 1;
            (labels[row], squared[row], any) = (c as u32, 0.0, true);
            let values = self.space.read(row..row + 1, &mut buffer);
            self.space.point(row, values, &mut centres.exact[c * self.space.d..(c + 1) * self.space.d]);
        }
        any
    }

    /// The mean of every cluster's points; a cluster without any, and directions that cancel, stay where they are.
    fn average(&self, labels: &[u32], centres: &mut Centres) -> Result<()> {
        let (d, k) = (self.space.d, centres.len());
        let mut starts = vec![0usize; k + 1];
        labels.iter().filter(|&&label| label != NONE).for_each(|&label| starts[label as usize + 1] += 1);
        for c in 0..k {
            starts[c + 1] += starts[c];
        }
        let mut members = vec![0u32; starts[k]];
        let mut filled = starts.clone();
        for (row, &label) in labels.iter().enumerate().filter(|(_, label)| **label != NONE) {
            members[filled[label as usize]] = row as u32;
            filled[label as usize] += 1;
        }
        let pieces: Vec<(usize, &[u32])> =
            (0..k).flat_map(|c| members[starts[c]..starts[c + 1]].chunks(PIECE).map(move |piece| (c, piece))).collect();
        let sums: Vec<Vec<f64>> = pieces
            .par_iter()
            .map_init(Buffers::default, |buffers, (_, piece)| {
                let mut sum = vec![0.0; d];
                buffers.point.resize(d, 0.0);
                for &row in *piece {
                    if self.task.is_cancelled() {
                        break;
                    }
                    let row = row as usize;
                    let values = self.space.read(row..row + 1, &mut buffers.rows);
                    self.space.point(row, values, &mut buffers.point);
                    sum.iter_mut().zip(&buffers.point).for_each(|(sum, x)| *sum += x);
                }
                sum
            })
            .collect();
        self.task.check()?;
        let mut means = vec![0.0; k * d];
        for ((c, _), sum) in pieces.iter().zip(&sums) {
            means[c * d..(c + 1) * d].iter_mut().zip(sum).for_each(|(mean, x)| *mean += x);
        }
        for c in 0..k {
            let mean = &mut means[c * d..(c + 1) * d];
            let count = (starts[c + 1] - starts[c]) as f64;
            let length = mean.iter().map(|x| x * x).sum::<f64>().sqrt();
            // Below this a sum of unit rows is what rounding left.
            let divisor = if self.params.spherical { length } else { count };
            if count > 0.0 && (!self.params.spherical || length > 1e-12 * count) {
                for (centre, x) in centres.exact[c * d..(c + 1) * d].iter_mut().zip(mean) {
                    *centre = *x / divisor;
                }
            }
        }
        centres.prepare(self.space);
        Ok(())
    }

    /// Starting centres `[k, d]` by greedy k-means++; fewer where rows lie at fewer places.
    fn starts(&self) -> Result<Vec<f64>> {
        let (n, d, k) = (self.space.n, self.space.d, self.params.clusters);
        let draws = 2 + (k as f64).ln() as usize;
        let candidates: Vec<u32> = (0..n as u32).filter(|&row| self.space.factor[row as usize] != 0.0).collect();
        let mut exact = Vec::with_capacity(k * d);
        let mut near = vec![f32::INFINITY; n];
        let mut after = vec![0.0f32; n * draws];
        for centre in 0..k {
            let random = |draw: usize| key(self.params.seed, self.start << 32 | centre as u64, draw as u64);
            let drawn: Vec<usize> = if centre == 0 {
                let row = candidates.get(below((random(0) >> 32) as u32, candidates.len() as u32) as usize);
                row.iter().map(|&&row| row as usize).collect()
            } else {
                let unit = |draw| (random(draw) >> 11) as f64 / (1u64 << 53) as f64;
                draw_by(&near, &(0..draws).map(unit).collect::<Vec<_>>())
            };
            if drawn.is_empty() {
                break;
            }
            let left = self.left(&drawn, &near, &mut after)?;
            let best = (0..drawn.len()).fold(0, |best, c| if left[c] < left[best] { c } else { best });
            for (near, after) in near.iter_mut().zip(after.chunks_exact(drawn.len())) {
                *near = after[best];
            }
            let mut buffer = space::Buffer::default();
            let row = drawn[best];
            exact.resize(exact.len() + d, 0.0);
            let values = self.space.read(row..row + 1, &mut buffer);
            self.space.point(row, values, &mut exact[centre * d..]);
            near[row] = 0.0;
        }
        Ok(exact)
    }

    /// What each of the rows `drawn` would leave as squared distance to the nearest centre: of every row, to `after`
    /// `[n, drawn]`, and in sum.
    fn left(&self, drawn: &[usize], near: &[f32], after: &mut [f32]) -> Result<Vec<f64>> {
        let (d, k) = (self.space.d, drawn.len());
        let mut buffer = space::Buffer::default();
        let mut exact = vec![0.0; k * d];
        for (&row, point) in drawn.iter().zip(exact.chunks_exact_mut(d)) {
            let values = self.space.read(row..row + 1, &mut buffer);
            self.space.point(row, values, point);
        }
        let centres = Centres::new(exact, self.space);
        let height = self.height(k);
        let sums: Vec<Vec<f64>> = after[..near.len() * k]
            .par_chunks_mut(height * k)
            .enumerate()
            .map_init(Buffers::default, |buffers, (part, after)| {
                let mut sums = vec![0.0f64; k];
                if self.task.is_cancelled() {
                    return sums;
                }
                let first = part * height;
                let rows = self.space.read(first..first + after.len() / k, &mut buffers.rows);
                self.products(rows, &centres.narrow, &mut buffers.products);
                for (at, after) in after.chunks_exact_mut(k).enumerate() {
                    let (row, products) = (first + at, &buffers.products[at * k..(at + 1) * k]);
                    let (factor, squared) = (self.space.factor[row] as f32, self.space.squared[row] as f32);
                    for c in 0..k {
                        // ‖p - c‖² = ‖p‖² - 2 (p·c - ‖c‖²/2); a row without direction is never away.
                        let away = (squared - 2.0 * (factor * products[c] - centres.offset[c])).max(0.0);
                        after[c] = if factor == 0.0 { 0.0 } else { near[row].min(away) };
                        sums[c] += f64::from(after[c]);
                    }
                }
                sums
            })
            .collect();
        self.task.check()?;
        Ok((0..k).map(|c| sums.iter().map(|part| part[c]).sum()).collect())
    }
}

/// Places drawn in proportion to `weights`, one for each number in [0, 1); none if all weights are 0.
fn draw_by(weights: &[f32], units: &[f64]) -> Vec<usize> {
    let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
    if total <= 0.0 {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..units.len()).collect();
    order.sort_by(|&a, &b| units[a].total_cmp(&units[b]));
    let mut drawn = vec![0; units.len()];
    let (mut sum, mut next, mut last) = (0.0, 0, 0);
    for (at, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        sum += f64::from(weight);
        last = at;
        while next < order.len() && units[order[next]] * total < sum {
            drawn[order[next]] = at;
            next += 1;
        }
    }
    // Rounding may leave the sum a little short of the total.
    order[next..].iter().for_each(|&unit| drawn[unit] = last);
    drawn
}

/// The largest of some numbers.
#[inline(always)]
fn largest(numbers: &[f32]) -> f32 {
    const LANES: usize = 16;
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let (chunks, tail) = numbers.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            most[lane] = larger(most[lane], chunk[lane]);
        }
    }
    tail.iter().chain(&most).copied().fold(f32::NEG_INFINITY, larger)
}

#[cfg(test)]
mod tests;
