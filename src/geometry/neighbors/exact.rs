//! All nearest neighbours by tiles of products, screened in f32 and decided in f64.
//!
//! For every pair of tiles one f32 product serves both sides. A product that cannot reach its row's list, even if it
//! is off by the worst rounding error ([`Source::slack`]), is dropped by a vectorised comparison; the few that remain
//! are scored in f64 ([`super::score`]) while both tiles are at hand, and inserted into the row's list. What is
//! dropped could not have entered, so the lists hold the best rows by exact score, and neither tile size, nor order,
//! nor the number of threads can change them.
//!
//! Cost: n²d multiply-adds in f32, halved by symmetry except within a tile; k(1 + ln(n/tile)) scores a row. Memory
//! beyond the source: 16 bytes times k a row for the lists; per thread the product tile (1 MiB), hits (at most thirty-two
//! bytes per product, in a tile where everything ties or all neighbours are asked; some kilobytes otherwise), and two
//! tile buffers unless the rows lie in memory as f32.

use super::ranks::{self, Ranks};
use super::score::{Found, ONE, cosine, insert, merge, score};
use super::tiles::{Buffer, Source, Tile};
use crate::error::{Problem, Result};
use crate::rows::dot;
use crate::task::Task;
use crate::wide::wide;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Rows of a tile: a square of f32 products fits a core's second-level cache, and the height is a multiple of the 96
/// rows that the AVX-512 product takes at a time. 384 to 576 measure alike; 1024 costs a fifth more.
const TILE: usize = 480;

/// Columns multiplied between two looks at the cancel flag: 480 × 480 × 4096 takes some 15 ms at 130 GFLOP/s.
const DEPTH: usize = 4096;

/// Longest lists into which hits are inserted one by one; into longer ones a tile's hits are merged.
const INSERTED: usize = 64;

/// Products compared at once: one AVX-512 register, so that a hit sends few others the slow way.
pub(super) const LANES: usize = 16;

/// A product that may enter a list: the row whose list it is, the row it stands for, and the estimated cosine.
#[derive(Clone, Copy)]
struct Hit {
    row: u16,
    other: u16,
    estimate: f32,
}

/// The lists of one tile's rows.
struct Lists<'a> {
    slots: &'a mut [Found],
    lens: Vec<usize>,
}

/// What a product must reach to matter to one row, in the state of the lists when a tile begins (they only rise).
#[derive(Default)]
struct Bars {
    /// Estimated cosine, the rounding error taken off.
    cosine: Vec<f32>,
    /// Rows above this index can no longer enter: the list holds lower rows with a cosine of 1.
    index: Vec<u32>,
}

impl Bars {
    fn take(&mut self, lists: &Lists, inverse: &[f32], k: usize, slack: f64) {
        self.cosine.clear();
        self.index.clear();
        for ((slots, &len), &inverse) in lists.slots.chunks_exact(k).zip(&lists.lens).zip(inverse) {
            let worst = slots[k - 1];
            let full = len == k;
            self.cosine.push(match () {
                () if inverse == 0.0 => f32::INFINITY,
                () if full => ((cosine(worst.score) - slack) as f32).next_down(),
                () => f32::NEG_INFINITY,
            });
            self.index.push(if full && worst.score == ONE { worst.index } else { u32::MAX });
        }
    }
}

/// One thread's buffers.
#[derive(Default)]
struct Scratch {
    products: Vec<f32>,
    row_tile: Buffer,
    col_tile: Buffer,
    row_bars: Bars,
    col_bars: Bars,
    row_hits: Vec<Hit>,
    col_hits: Vec<Hit>,
    estimates: Vec<f32>,
    found: Vec<(u16, Found)>,
    merging: Merging,
    ranking: ranks::Scratch,
}

/// Buffers for merging the hits of one row.
#[derive(Default)]
struct Merging {
    new: Vec<Found>,
    spare: Vec<Found>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The best `k` of every row `[n, k]`, each list sorted; zero rows have none (their slots are left as they are).
pub(super) fn search(source: &Source, k: usize, task: &Task) -> Result<Vec<Found>> {
    search_in_tiles(source, k, source.tile(TILE), None, task)
}

/// [`search`], and how many rows come before each of the rows `asked` about `[n, k]` in the order of its row.
pub(super) fn search_and_rank(source: &Source, k: usize, asked: &[u32], task: &Task) -> Result<(Vec<Found>, Vec<u32>)> {
    let tile = source.tile(TILE);
    let ranks = Ranks::new(source, asked, k, tile, task)?;
    let found = search_in_tiles(source, k, tile, Some(&ranks), task)?;
    Ok((found, ranks.finish(source)))
}

/// [`search`] with a given number of rows a tile, which must not matter.
pub(super) fn search_in_tiles(
    source: &Source,
    k: usize,
    tile: usize,
    ranks: Option<&Ranks>,
    task: &Task,
) -> Result<Vec<Found>> {
    let n = source.n;
    let full = || Problem::new(format!("no memory for {k} neighbours of each of {n} rows")).hint("fewer neighbours");
    let mut found = bytemuck::try_zeroed_vec::<Found>(n * k).map_err(|()| full().usage())?;
    let lists: Vec<Mutex<Lists>> = found
        .chunks_mut(tile * k)
        .map(|slots| {
            let lens = vec![0; slots.len() / k];
            Mutex::new(Lists { slots, lens })
        })
        .collect();
    let pairs = pairs(lists.len());
    task.stage("neighbours", pairs.len() as u64);
    let spare: Mutex<Vec<Scratch>> = Mutex::default();
    let next = AtomicUsize::new(0);
    task.install(|| {
        // Each item takes the next pair rather than its own, so that the pairs run in the order given and the squares
        // on the diagonal, which fill the lists, come first.
        pairs.par_iter().with_max_len(1).for_each(|_| {
            if task.is_cancelled() {
                return;
            }
            let (a, b) = pairs[next.fetch_add(1, Ordering::Relaxed)];
            let mut scratch = lock(&spare).pop().unwrap_or_default();
            let search = Search { source, k, tile, lists: &lists, ranks, task };
            search.pair(a, b, &mut scratch);
            lock(&spare).push(scratch);
            task.advance(1);
        });
    });
    task.check()?;
    drop(lists);
    Ok(found)
}

/// Pairs of tiles, each once: first every tile with itself, then by distance around the circle, so that neighbours in
/// the order touch different tiles and threads seldom wait for each other's lists.
fn pairs(tiles: usize) -> Vec<(usize, usize)> {
    let mut pairs: Vec<_> = (0..tiles).map(|i| (i, i)).collect();
    for step in 1..=tiles / 2 {
        let starts = if 2 * step == tiles { step } else { tiles };
        pairs.extend((0..starts).map(|i| (i, (i + step) % tiles)));
    }
    pairs
}

struct Search<'a, 'b> {
    source: &'a Source<'a>,
    k: usize,
    tile: usize,
    lists: &'a [Mutex<Lists<'b>>],
    ranks: Option<&'a Ranks<'a>>,
    task: &'a Task,
}

/// Two tiles of rows with the f32 products of all rows of one with all of the other, row-major.
pub(super) struct Pair<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
    pub(super) left: Tile<'a>,
    pub(super) right: Tile<'a>,
    /// Not a number where a row meets itself.
    pub(super) products: &'a [f32],
}

impl Search<'_, '_> {
    fn range(&self, tile: usize) -> Range<usize> {
        tile * self.tile..((tile + 1) * self.tile).min(self.source.n)
    }

    fn pair(&self, a: usize, b: usize, scratch: &mut Scratch) {
        let Scratch {
            products,
            row_tile,
            col_tile,
            row_bars,
            col_bars,
            row_hits,
            col_hits,
            estimates,
            found,
            merging,
            ranking,
        } = scratch;
        let (rows, cols) = (self.range(a), self.range(b));
        let left = self.source.load(rows.clone(), row_tile);
        let right = if a == b { left } else { self.source.load(cols.clone(), col_tile) };
        products.resize(rows.len() * cols.len(), 0.0);
        if !self.multiply(left, right, products, rows.len(), cols.len()) {
            return;
        }
        let inverse = &self.source.inverse;
        let slack = self.source.slack();
        row_bars.take(&lock(&self.lists[a]), &inverse[rows.clone()], self.k, slack);
        if a == b {
            // The square is symmetric: its rows alone serve every list, and no row is its own neighbour (not a number
            // reaches no bar).
            for i in 0..rows.len() {
                products[i * rows.len() + i] = f32::NAN;
            }
            col_bars.cosine.clear();
            col_bars.cosine.resize(cols.len(), f32::INFINITY);
            col_bars.index.clear();
            col_bars.index.resize(cols.len(), 0);
        } else {
            col_bars.take(&lock(&self.lists[b]), &inverse[cols.clone()], self.k, slack);
        }
        row_hits.clear();
        col_hits.clear();
        let screen = Screen { rows: &rows, cols: &cols, inverse, row_bars, col_bars, k: self.k, slack };
        wide(
            #[inline(always)]
            || screen.run(products, row_hits, col_hits, estimates),
        );
        if col_hits.len() > 4 * self.k * cols.len() {
            col_hits.sort_unstable_by_key(|hit| (hit.row, hit.other));
            prune_groups(col_hits, self.k, slack, estimates);
        }
        self.settle(a, (left, &rows), (right, &cols), row_hits, found, merging);
        self.settle(b, (right, &cols), (left, &rows), col_hits, found, merging);
        if let Some(ranks) = self.ranks {
            ranks.count(&Pair { source: self.source, rows, cols, left, right, products }, ranking, self.task);
        }
    }

    /// Products of all rows of two tiles, row-major; false if cancelled on the way.
    fn multiply(&self, left: Tile, right: Tile, products: &mut [f32], m: usize, n: usize) -> bool {
        let d = self.source.d;
        let left = MatRef::from_row_major_slice(left.screen, m, d);
        let right = MatRef::from_row_major_slice(right.screen, n, d);
        let mut products = MatMut::from_row_major_slice_mut(products, m, n);
        if d == 0 {
            products.fill(0.0);
        }
        let mut accumulate = Accum::Replace;
        for start in (0..d).step_by(DEPTH) {
            if self.task.is_cancelled() {
                return false;
            }
            let width = DEPTH.min(d - start);
            let (left, right) = (left.subcols(start, width), right.subcols(start, width));
            matmul(products.as_mut(), accumulate, left, right.transpose(), 1.0, Par::Seq);
            accumulate = Accum::Add;
        }
        true
    }

    /// Scores hits exactly and puts them into the lists of tile `own`. Stops early when the task is cancelled.
    fn settle(
        &self,
        own: usize,
        (mine, rows): (Tile, &Range<usize>),
        (theirs, others): (Tile, &Range<usize>),
        hits: &[Hit],
        found: &mut Vec<(u16, Found)>,
        merging: &mut Merging,
    ) {
        let d = self.source.d;
        let norms = &self.source.norms;
        found.clear();
        for hits in hits.chunks(4096) {
            if self.task.is_cancelled() {
                return;
            }
            wide(
                #[inline(always)]
                || {
                    for hit in hits {
                        let (i, j) = (usize::from(hit.row), usize::from(hit.other));
                        let product = dot(mine.row(i, d), theirs.row(j, d));
                        let score = score(product, norms[rows.start + i], norms[others.start + j]);
                        found.push((hit.row, Found { score, index: (others.start + j) as u32 }));
                    }
                },
            );
        }
        if self.k > INSERTED {
            found.sort_unstable_by_key(|&(row, new)| (row, std::cmp::Reverse(new.score), new.index));
        }
        let mut lists = lock(&self.lists[own]);
        let Lists { slots, lens } = &mut *lists;
        for of_row in found.chunk_by(|a, b| a.0 == b.0) {
            if self.task.is_cancelled() {
                return;
            }
            let i = usize::from(of_row[0].0);
            let (slots, len) = (&mut slots[i * self.k..(i + 1) * self.k], &mut lens[i]);
            if self.k > INSERTED {
                merging.new.clear();
                merging.new.extend(of_row.iter().map(|&(_, new)| new));
                merge(slots, len, &merging.new, &mut merging.spare);
            } else {
                for &(_, new) in of_row {
                    insert(slots, len, new);
                }
            }
        }
    }
}

/// One comparison of a tile of products with the bars of both sides.
struct Screen<'a> {
    rows: &'a Range<usize>,
    cols: &'a Range<usize>,
    inverse: &'a [f32],
    row_bars: &'a Bars,
    col_bars: &'a Bars,
    k: usize,
    slack: f64,
}

impl Screen<'_> {
    #[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
    #[inline(always)]
    fn run(&self, products: &[f32], row_hits: &mut Vec<Hit>, col_hits: &mut Vec<Hit>, estimates: &mut Vec<f32>) {
        let width = self.cols.len();
        let col_inverse = &self.inverse[self.cols.clone()];
        let bars = &self.col_bars.cosine[..width];
        for (i, products) in products.chunks_exact(width).enumerate() {
            let inverse = self.inverse[self.rows.start + i];
            let mut bar = self.row_bars.cosine[i];
            let begun = row_hits.len();
            let blocks = products.chunks(LANES).zip(col_inverse.chunks(LANES)).zip(bars.chunks(LANES));
            for (block, ((products, col_inverse), bars)) in blocks.enumerate() {
                let reached = match (products.as_array::<LANES>(), col_inverse.as_array(), bars.as_array()) {
                    (Some(products), Some(col_inverse), Some(bars)) => {
                        any_reached(products, inverse, col_inverse, bar, bars)
                    }
                    _ => true,
                };
                if !reached {
                    continue;
                }
                for lane in 0..products.len() {
                    let estimate = products[lane] * inverse * col_inverse[lane];
                    let j = block * LANES + lane;
                    if estimate >= bar && (self.cols.start + j) as u32 <= self.row_bars.index[i] {
                        row_hits.push(Hit { row: i as u16, other: j as u16, estimate });
                    }
                    if estimate >= bars[lane] && (self.rows.start + i) as u32 <= self.col_bars.index[j] {
                        col_hits.push(Hit { row: j as u16, other: i as u16, estimate });
                    }
                }
                // Where a list is still empty everything is a hit: let those found so far raise the bar.
                if row_hits.len() - begun > 4 * self.k.max(LANES) {
                    let (kept, raised) = prune(&mut row_hits[begun..], self.k, self.slack, estimates);
                    row_hits.truncate(begun + kept);
                    bar = bar.max(raised);
                }
            }
            if row_hits.len() - begun > 2 * self.k {
                let (kept, _) = prune(&mut row_hits[begun..], self.k, self.slack, estimates);
                row_hits.truncate(begun + kept);
            }
        }
    }
}

/// Whether any of a block of products reaches its row's or its column's bar.
#[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
#[inline(always)]
fn any_reached(
    products: &[f32; LANES],
    inverse: f32,
    col_inverse: &[f32; LANES],
    bar: f32,
    bars: &[f32; LANES],
) -> bool {
    let mut reached = [0u32; LANES];
    for lane in 0..LANES {
        let estimate = products[lane] * inverse * col_inverse[lane];
        let bar = if bars[lane] < bar { bars[lane] } else { bar };
        reached[lane] = u32::from(estimate >= bar);
    }
    reached.iter().fold(0, |any, lane| any | lane) != 0
}

/// Moves the hits of one row that may be among its best `k` to the front; returns how many they are, and the estimate
/// that any hit must reach: one that is below the k-th by more than twice the slack cannot be among the best.
fn prune(hits: &mut [Hit], k: usize, slack: f64, estimates: &mut Vec<f32>) -> (usize, f32) {
    if hits.len() < k {
        return (hits.len(), f32::NEG_INFINITY);
    }
    estimates.clear();
    estimates.extend(hits.iter().map(|hit| hit.estimate));
    let (_, &mut kth, _) = estimates.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    let bar = ((f64::from(kth) - 2.0 * slack) as f32).next_down();
    let mut kept = 0;
    for at in 0..hits.len() {
        if hits[at].estimate >= bar {
            hits[kept] = hits[at];
            kept += 1;
        }
    }
    (kept, bar)
}

/// [`prune`] for each run of hits of the same row.
fn prune_groups(hits: &mut Vec<Hit>, k: usize, slack: f64, estimates: &mut Vec<f32>) {
    let (mut kept, mut start) = (0, 0);
    while start < hits.len() {
        let row = hits[start].row;
        let len = hits[start..].iter().take_while(|hit| hit.row == row).count();
        let (group, _) = prune(&mut hits[start..start + len], k, slack, estimates);
        hits.copy_within(start..start + group, kept);
        kept += group;
        start += len;
    }
    hits.truncate(kept);
}
