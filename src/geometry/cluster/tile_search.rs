//! Core distances and outgoing edges in many dimensions: exact passes over tiles of inner products.
//!
//! A pass multiplies blocks of rows in f32 and uses the products only as a filter: with `z` the centred (Euclidean) or
//! unit (cosine) rows, |z_i - z_j|² = |z_i|² + |z_j|² - 2 z_i·z_j, and a product of d terms errs by at most
//! (d + 8)·2⁻²⁴·|z_i||z_j| (Higham 2002, section 3.1, with the rounding of the operands). A pair whose distance may,
//! within that error, still be wanted is computed again from the rows in f64. So the answer is that of f64 arithmetic,
//! and independent of how the products were made. Distances are summed in 16 fixed lanes.
//!
//! Cost: 2·n²·d flops for the core distances and 2·m·n·d for each round that searches for m points; on clustered rows
//! all rounds together cost less than the core distances. A search ignores the components' bounds: knowing every
//! point's own first edge spares later rounds more products than it costs exact distances. Memory: 16 to 24 bytes a
//! row, and per thread four blocks of at most 512 rows, a tile of 1 MiB, and 16·512·k bytes for the core distances of a
//! block (of fewer rows for `k` above 512). The rows are read from where they lie, once for each block of queries.

#![expect(clippy::inline_always, reason = "what runs inside a SIMD dispatch must be inlined to be compiled for it")]

use super::hdbscan::Metric;
use super::mst::{Known, Local, NONE, Round, Search};
use crate::error::Result;
use crate::geometry::kdtree::{Shortlist, not_finite};
use crate::rows::Rows;
use crate::task::Task;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Rows in a block of queries, and in a block they are compared with.
const BLOCK: usize = 512;
/// Columns of a tile that are tested together.
const LANES: usize = 16;

/// Rows with what is needed to filter their distances.
pub(super) struct Tiles<'a> {
    rows: &'a dyn Rows,
    task: &'a Task,
    dims: usize,
    /// Subtracted from each row; empty under cosine.
    mean: Vec<f64>,
    /// Factor that makes each row unit, 0 for a zero row; empty under the Euclidean metric.
    inverse: Vec<f64>,
    /// Power of two that brings the longest centred row to at most 1, so that f32 products cannot overflow.
    scale: f64,
    /// Squared length of each scaled row, less the error of its products.
    norm: Vec<f64>,
}

/// What a pass looks for.
trait Collect {
    /// Squared distances above this are of no use to query `at`.
    fn limit(&self, at: usize) -> f64;
    /// Offers `row` to query `at`; its exact squared distance is computed on demand.
    fn offer(&mut self, at: usize, row: usize, squared: impl FnOnce() -> f64);
}

/// Buffers of one thread.
#[derive(Default)]
struct Scratch {
    query_raw: Vec<f32>,
    query: Vec<f32>,
    other_raw: Vec<f32>,
    other: Vec<f32>,
    tile: Vec<f32>,
}

/// Sum of squares of `a·f - b·g`, in fixed lanes: the same bits on any processor.
#[inline(always)]
fn squared(a: &[f32], f: f64, b: &[f32], g: f64) -> f64 {
    let mut sums = [0.0f64; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            let apart = f64::from(a[lane]) * f - f64::from(b[lane]) * g;
            sums[lane] += apart * apart;
        }
    }
    for (lane, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
        let apart = f64::from(*a) * f - f64::from(*b) * g;
        sums[lane] += apart * apart;
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
}

impl<'a> Tiles<'a> {
    /// Measures the rows.
    ///
    /// # Errors
    /// If a value is not finite or the task is cancelled.
    pub(super) fn new(rows: &'a dyn Rows, metric: Metric, task: &'a Task) -> Result<Self> {
        let (n, dims) = (rows.nrows(), rows.ncols());
        let mut tiles = Self { rows, task, dims, mean: Vec::new(), inverse: Vec::new(), scale: 1.0, norm: Vec::new() };
        // Partial sums of fixed blocks, added in order.
        let sums = tiles.by_block(|row| {
            let mut sum = vec![0.0; dims];
            let mut bad = None;
            for (at, row) in row.enumerate() {
                if bad.is_none() && row.iter().any(|x| !x.is_finite()) {
                    bad = Some(at);
                }
                for (sum, &x) in sum.iter_mut().zip(row) {
                    *sum += f64::from(x);
                }
            }
            (sum, bad)
        })?;
        if let Some((block, at)) = sums.iter().enumerate().find_map(|(block, sum)| Some((block, sum.1?))) {
            return Err(not_finite(block * BLOCK + at));
        }
        if metric == Metric::Euclidean {
            tiles.mean = vec![0.0; dims];
            for (sum, _) in &sums {
                for (mean, sum) in tiles.mean.iter_mut().zip(sum) {
                    *mean += sum / n as f64;
                }
            }
        }
        let mean = &tiles.mean;
        let length = |row: &[f32]| -> f64 {
            if mean.is_empty() {
                row.iter().map(|&x| f64::from(x) * f64::from(x)).sum()
            } else {
                row.iter().zip(mean).map(|(&x, mean)| (f64::from(x) - mean) * (f64::from(x) - mean)).sum()
            }
        };
        let mut lengths = tiles.by_block(|rows| rows.map(length).collect::<Vec<f64>>())?.concat();
        if metric == Metric::Cosine {
            tiles.inverse = lengths.iter().map(|&x| if x > 0.0 { 1.0 / x.sqrt() } else { 0.0 }).collect();
            for length in &mut lengths {
                *length = if *length > 0.0 { 1.0 } else { 0.0 };
            }
        } else {
            let longest = lengths.iter().copied().fold(0.0, f64::max).sqrt();
            if longest > 0.0 {
                tiles.scale = 2.0f64.powi(-(longest.log2().ceil() as i32));
            }
        }
        // 2|z_i||z_j| <= |z_i|² + |z_j|² lets each row carry its own share of the error. The constant covers underflow.
        let error = (dims + 8) as f64 * 1.01 / f64::from(1 << 24);
        tiles.norm = lengths.iter().map(|x| x * tiles.scale * tiles.scale * (1.0 - error) - 1e-30).collect();
        Ok(tiles)
    }

    /// Applies `f` to the rows of each block, in parallel; results in order.
    fn by_block<T: Send>(&self, f: impl Fn(std::slice::ChunksExact<'_, f32>) -> T + Sync) -> Result<Vec<T>> {
        let (n, dims) = (self.rows.nrows(), self.dims);
        let block = |block: usize| {
            self.task.check()?;
            let range = block * BLOCK..n.min((block + 1) * BLOCK);
            let mut raw = vec![0.0; range.len() * dims];
            self.rows.read(range, &mut raw);
            Ok(f(raw.chunks_exact(dims)))
        };
        (0..n.div_ceil(BLOCK)).into_par_iter().map(block).collect()
    }

    /// Core distances (to the `k`-th neighbour, the point counted) and the `keep` nearest of every row.
    pub(super) fn local(&self, k: usize, keep: usize) -> Result<Local<'static>> {
        struct Cores(Vec<Shortlist>);
        impl Collect for Cores {
            #[inline(always)]
            fn limit(&self, at: usize) -> f64 {
                self.0[at].limit().0
            }
            #[inline(always)]
            fn offer(&mut self, at: usize, row: usize, squared: impl FnOnce() -> f64) {
                self.0[at].offer(squared(), row as u32);
            }
        }
        let n = self.rows.nrows();
        self.task.stage("core distances", n as u64);
        let listed = k.max(keep);
        let mut local =
            Local { core: vec![0.0; n], keep, near: vec![0; n * keep], squared: vec![0.0; n * keep], rows: None };
        let block = (BLOCK * BLOCK / listed).clamp(LANES, BLOCK);
        let near = local.near.par_chunks_mut(block * keep).zip(local.squared.par_chunks_mut(block * keep));
        let blocks = local.core.par_chunks_mut(block).zip(near).enumerate();
        blocks.try_for_each_init(Scratch::default, |scratch, (number, (core, (near, squared)))| {
            let queries: Vec<u32> = (0..core.len()).map(|at| (number * block + at) as u32).collect();
            let mut cores = Cores(vec![Shortlist::new(listed); core.len()]);
            self.pass(&queries, &mut cores, scratch)?;
            for (at, list) in cores.0.iter_mut().enumerate() {
                let sorted = list.sorted();
                core[at] = sorted[k - 1].0;
                for (slot, &(distance, row)) in sorted[..keep].iter().enumerate() {
                    near[at * keep + slot] = row;
                    squared[at * keep + slot] = distance;
                }
            }
            self.task.advance(core.len() as u64);
            Ok(())
        })?;
        Ok(local)
    }

    /// Compares the rows `queries` with all rows.
    fn pass(&self, queries: &[u32], collect: &mut impl Collect, scratch: &mut Scratch) -> Result<()> {
        let (n, dims) = (self.rows.nrows(), self.dims);
        let Scratch { query_raw, query, other_raw, other, tile } = scratch;
        query_raw.resize(queries.len() * dims, 0.0);
        for run in queries.chunk_by(|a, b| a + 1 == *b).scan(0, |at, run| {
            *at += run.len();
            Some((*at - run.len(), run))
        }) {
            let (at, run) = run;
            let first = run[0] as usize;
            self.rows.read(first..first + run.len(), &mut query_raw[at * dims..(at + run.len()) * dims]);
        }
        self.operand(query_raw, queries.iter().map(|&row| row as usize), query);
        let blocks = n.div_ceil(BLOCK);
        // A row's own block comes first: rows that lie near each other are often near in the file as well, and a
        // good limit from the start spares exact distances.
        let own = queries[queries.len() / 2] as usize / BLOCK;
        for block in (own..blocks).chain(0..own) {
            self.task.check()?;
            let range = block * BLOCK..n.min((block + 1) * BLOCK);
            let raw = if let Some(all) = self.rows.contiguous() {
                &all[range.start * dims..range.end * dims]
            } else {
                other_raw.resize(range.len() * dims, 0.0);
                self.rows.read(range.clone(), other_raw);
                &other_raw[..]
            };
            self.operand(raw, range.clone(), other);
            tile.resize(queries.len() * range.len(), 0.0);
            matmul(
                MatMut::from_row_major_slice_mut(tile, queries.len(), range.len()),
                Accum::Replace,
                MatRef::from_row_major_slice(query, queries.len(), dims),
                MatRef::from_row_major_slice(other, range.len(), dims).transpose(),
                1.0,
                Par::Seq,
            );
            pulp::Arch::new().dispatch(|| self.filter(queries, query_raw, range.start, raw, tile, collect));
        }
        Ok(())
    }

    /// The scaled rows whose products are taken.
    fn operand(&self, raw: &[f32], rows: impl Iterator<Item = usize>, out: &mut Vec<f32>) {
        out.resize(raw.len(), 0.0);
        pulp::Arch::new().dispatch(|| {
            for (row, (raw, out)) in rows.zip(raw.chunks_exact(self.dims).zip(out.chunks_exact_mut(self.dims))) {
                if let Some(&inverse) = self.inverse.get(row) {
                    for (out, &x) in out.iter_mut().zip(raw) {
                        *out = (f64::from(x) * inverse) as f32;
                    }
                } else {
                    for (out, (&x, mean)) in out.iter_mut().zip(raw.iter().zip(&self.mean)) {
                        *out = ((f64::from(x) - mean) * self.scale) as f32;
                    }
                }
            }
        });
    }

    /// Offers the pairs of a tile that may be within the limit.
    #[inline(always)]
    fn filter(
        &self,
        queries: &[u32],
        query_raw: &[f32],
        start: usize,
        raw: &[f32],
        tile: &[f32],
        collect: &mut impl Collect,
    ) {
        let dims = self.dims;
        let width = raw.len() / dims;
        let norm = &self.norm[start..start + width];
        let factor = |row: usize| self.inverse.get(row).copied().unwrap_or(1.0);
        let area = self.scale * self.scale;
        for (at, (&query, products)) in queries.iter().zip(tile.chunks_exact(width)).enumerate() {
            let query = query as usize;
            let own = &query_raw[at * dims..(at + 1) * dims];
            // |z_i|² + |z_j|² - 2 z_i·z_j <= limit, with the errors on the left taken off.
            let mut most = collect.limit(at) * area - self.norm[query];
            for (group, (products, norm)) in products.chunks(LANES).zip(norm.chunks(LANES)).enumerate() {
                let may = |(product, norm): (&f32, &f64)| norm - 2.0 * f64::from(*product) <= most;
                if !products.iter().zip(norm).fold(false, |any, pair| any | may(pair)) {
                    continue;
                }
                for (lane, (product, norm)) in products.iter().zip(norm).enumerate() {
                    if norm - 2.0 * f64::from(*product) <= most {
                        let column = group * LANES + lane;
                        let other = &raw[column * dims..(column + 1) * dims];
                        let row = start + column;
                        collect.offer(at, row, || squared(own, factor(query), other, factor(row)));
                        most = collect.limit(at) * area - self.norm[query];
                    }
                }
            }
        }
    }
}

/// The tiles with the core distances of their rows.
pub(super) struct TileSearch<'a> {
    pub(super) tiles: &'a Tiles<'a>,
    pub(super) local: &'a Local<'a>,
}

impl Search for TileSearch<'_> {
    fn search(&self, round: &Round<'_>, active: &[u32], found: &mut [Known]) -> Result<()> {
        struct Outgoing<'a> {
            round: &'a Round<'a>,
            core: &'a [f64],
            active: &'a [u32],
            best: &'a mut [Known],
        }
        impl Collect for Outgoing<'_> {
            #[inline(always)]
            fn limit(&self, at: usize) -> f64 {
                self.best[at].weight
            }
            #[inline(always)]
            fn offer(&mut self, at: usize, row: usize, squared: impl FnOnce() -> f64) {
                let (own, best) = (self.active[at] as usize, &mut self.best[at]);
                if self.round.component[row] == self.round.component[own] || self.core[row] > best.weight {
                    return;
                }
                let distance = squared();
                let weight = distance.max(self.core[own]).max(self.core[row]);
                let to = row as u32;
                let nearer = distance < best.distance || (distance == best.distance && to < best.to);
                if weight < best.weight || (weight == best.weight && nearer) {
                    *best = Known { weight, distance, to };
                }
            }
        }
        let block = active.len().div_ceil(16).clamp(64, BLOCK);
        let blocks = active.par_chunks(block).zip(found.par_chunks_mut(block));
        blocks.try_for_each_init(Scratch::default, |scratch, (active, found)| {
            found.fill(Known { weight: f64::INFINITY, distance: f64::INFINITY, to: NONE });
            let mut outgoing = Outgoing { round, core: &self.local.core, active, best: found };
            self.tiles.pass(active, &mut outgoing, scratch)?;
            for (&at, found) in active.iter().zip(found.iter()).filter(|(_, found)| found.to != NONE) {
                round.tighten(at as usize, found.weight);
            }
            Ok(())
        })
    }
}
