//! Exact ranks of given neighbours, counted on the same products that find the nearest ones.
//!
//! In: for each row some rows that were asked about, `[n, k]`. Out: how many rows come before each of them in that
//! row's order of all others (higher score, then lower index). Per product tile and row, one vectorised pass per
//! asked row counts the estimates that are surely above its score, and those that may be; only the few between the
//! two counts are scored in f64. Counts are whole numbers, so the order of tiles does not matter.
//!
//! Cost beyond the search: 2 n² k comparisons of f32. Memory: 12 bytes times k a row; per thread one more product tile.

use super::exact::{LANES, Pair, lock};
use super::score::{Found, Score, cosine, score};
use super::tiles::{Buffer, Source};
use crate::error::Result;
use crate::rows::dot;
use crate::task::Task;
use crate::wide::wide;
use rayon::prelude::*;
use std::sync::Mutex;

/// The rows asked about, and how many rows are known to come before each.
pub(super) struct Ranks<'a> {
    k: usize,
    tile: usize,
    asked: &'a [u32],
    scores: Vec<Score>,
    /// Per tile `[rows, k]`.
    before: Vec<Mutex<Vec<u32>>>,
}

/// One thread's buffers.
#[derive(Default)]
pub(super) struct Scratch {
    turned: Vec<f32>,
    estimates: Vec<f32>,
    before: Vec<u32>,
}

impl<'a> Ranks<'a> {
    /// Scores the rows asked about, `k` for each row of `source`.
    pub(super) fn new(source: &Source, asked: &'a [u32], k: usize, tile: usize, task: &Task) -> Result<Self> {
        let (n, d) = (source.n, source.d);
        let mut scores = vec![0; n * k];
        task.stage("ranks", n.div_ceil(tile) as u64);
        task.install(|| {
            scores.par_chunks_mut(tile * k).zip(asked.par_chunks(tile * k)).enumerate().for_each_init(
                <(Buffer, Buffer)>::default,
                |(left, right), (at, (scores, asked))| {
                    let start = at * tile;
                    let rows = start..start + scores.len() / k;
                    let left = source.load(rows, left);
                    // By tile of the other row, so that each is read once.
                    let mut order: Vec<u32> = (0..asked.len() as u32).collect();
                    order.sort_unstable_by_key(|&slot| asked[slot as usize]);
                    for slots in
                        order.chunk_by(|&a, &b| asked[a as usize] as usize / tile == asked[b as usize] as usize / tile)
                    {
                        if task.is_cancelled() {
                            return;
                        }
                        let first = asked[slots[0] as usize] as usize / tile * tile;
                        let right = source.load(first..(first + tile).min(n), right);
                        wide(
                            #[inline(always)]
                            || {
                                for &slot in slots {
                                    let (i, j) = (slot as usize / k, asked[slot as usize] as usize);
                                    let product = dot(left.row(i, d), right.row(j - first, d));
                                    scores[slot as usize] = score(product, source.norms[start + i], source.norms[j]);
                                }
                            },
                        );
                    }
                    task.advance(1);
                },
            );
        });
        task.check()?;
        let before = asked.chunks(tile * k).map(|asked| Mutex::new(vec![0; asked.len()])).collect();
        Ok(Self { k, tile, asked, scores, before })
    }

    /// Counts on one pair of tiles, for both sides.
    pub(super) fn count(&self, pair: &Pair, scratch: &mut Scratch, task: &Task) {
        let Scratch { turned, estimates, before } = scratch;
        self.count_rows(pair, pair.products, estimates, before, task);
        if pair.rows == pair.cols {
            return;
        }
        let (height, width) = (pair.rows.len(), pair.cols.len());
        turned.resize(height * width, 0.0);
        turn(pair.products, turned, height, width);
        let other = Pair {
            source: pair.source,
            rows: pair.cols.clone(),
            cols: pair.rows.clone(),
            left: pair.right,
            right: pair.left,
            products: turned,
        };
        self.count_rows(&other, turned, estimates, before, task);
    }

    fn count_rows(&self, pair: &Pair, products: &[f32], estimates: &mut Vec<f32>, before: &mut Vec<u32>, task: &Task) {
        let (k, width) = (self.k, pair.cols.len());
        before.clear();
        before.resize(pair.rows.len() * k, 0);
        estimates.resize(width, 0.0);
        for (i, (products, before)) in products.chunks_exact(width).zip(before.chunks_exact_mut(k)).enumerate() {
            if task.is_cancelled() {
                return;
            }
            let slots = (pair.rows.start + i) * k..(pair.rows.start + i + 1) * k;
            let (asked, scores) = (&self.asked[slots.clone()], &self.scores[slots]);
            wide(
                #[inline(always)]
                || pair.count_row(i, products, asked, scores, estimates, before),
            );
        }
        let mut sums = lock(&self.before[pair.rows.start / self.tile]);
        for (sum, before) in sums.iter_mut().zip(before.iter()) {
            *sum += *before;
        }
    }

    /// How many rows come before each row asked about, `[n, k]`.
    pub(super) fn finish(self, source: &Source) -> Vec<u32> {
        let mut out: Vec<u32> = Vec::with_capacity(self.asked.len());
        for before in self.before {
            out.extend(before.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner));
        }
        for (row, (before, asked)) in out.chunks_exact_mut(self.k).zip(self.asked.chunks_exact(self.k)).enumerate() {
            if source.norms[row] == 0.0 {
                // All tie: the order is that of the indices.
                for (before, &j) in before.iter_mut().zip(asked) {
                    *before = j - u32::from((row as u32) < j);
                }
            }
        }
        out
    }
}

impl Pair<'_> {
    #[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
    #[inline(always)]
    fn count_row(
        &self,
        i: usize,
        products: &[f32],
        asked: &[u32],
        scores: &[Score],
        estimates: &mut [f32],
        before: &mut [u32],
    ) {
        let (source, d) = (self.source, self.source.d);
        let row = self.rows.start + i;
        let inverse = source.inverse[row];
        if inverse == 0.0 {
            return;
        }
        for ((out, &product), other) in estimates.iter_mut().zip(products).zip(&source.inverse[self.cols.clone()]) {
            *out = product * inverse * other;
        }
        let slack = source.slack();
        for ((before, &index), &score_asked) in before.iter_mut().zip(asked).zip(scores) {
            let above = ((cosine(score_asked) + slack) as f32).next_up();
            let below = ((cosine(score_asked) - slack) as f32).next_down();
            let (mut surely, mut maybe) = (0u32, 0u32);
            for &x in estimates.iter() {
                surely += u32::from(x > above);
                maybe += u32::from(x >= below);
            }
            *before += surely;
            if maybe == surely {
                continue;
            }
            let limit = Found { score: score_asked, index };
            for (block, values) in estimates.chunks(LANES).enumerate() {
                let mut between = 0u32;
                for &x in values {
                    between |= u32::from(x >= below) & u32::from(x <= above);
                }
                if between == 0 {
                    continue;
                }
                for (lane, &x) in values.iter().enumerate() {
                    if x >= below && x <= above {
                        let j = block * LANES + lane;
                        let other = self.cols.start + j;
                        let product = dot(self.left.row(i, d), self.right.row(j, d));
                        let score = score(product, source.norms[row], source.norms[other]);
                        *before += u32::from(Found { score, index: other as u32 }.before(limit));
                    }
                }
            }
        }
    }
}

/// The transpose of a row-major matrix, in squares that fit the first-level cache.
fn turn(from: &[f32], to: &mut [f32], height: usize, width: usize) {
    const SIDE: usize = 16;
    for top in (0..height).step_by(SIDE) {
        for left in (0..width).step_by(SIDE) {
            for i in top..(top + SIDE).min(height) {
                for j in left..(left + SIDE).min(width) {
                    to[j * height + i] = from[i * width + j];
                }
            }
        }
    }
}
