//! Core distances and outgoing edges in many dimensions: exact passes over tiles of inner products.
//!
//! A pass multiplies blocks of rows in f32 and uses the products only as a filter: with `z` the centred (Euclidean) or
//! unit (cosine) rows, |z_i - z_j|² = |z_i|² + |z_j|² - 2 z_i·z_j, and a product of d terms errs by at most
//! (d + 8)·2⁻²⁴·|z_i||z_j| (Higham 2002, section 3.1, with the rounding of the operands). A pair whose distance may,
//! within that error, still be wanted is computed again from the rows in f64, as they are stored. So the answer is that
//! of f64 arithmetic, and independent of how the products were made. Once a list is full of rows at distance zero, only
//! lower rows are looked at: dead features, all of them zero rows, cost no more than others.
//!
//! Cost: 2·n²·d flops for the core distances and 2·m·n·d for each round that searches for m points; on clustered rows
//! all rounds together cost less than the core distances. A search ignores the components' bounds: knowing every
//! point's own first edge spares later rounds more products than it costs exact distances. Memory: 16 to 24 bytes a
//! row, and per thread four blocks of at most 512 rows (two of them in f64 where the file has that), a tile of 1 MiB,
//! and 16·512·k bytes for the core distances of a block (of fewer rows for `k` above 512). The rows are read from where
//! they lie, once for each block of queries.

#![expect(clippy::inline_always, reason = "what runs inside a SIMD dispatch must be inlined to be compiled for it")]

use super::hdbscan::Metric;
use super::mst::{Known, Local, NONE, Round, Search};
use crate::error::Result;
use crate::geometry::shortlist::Shortlist;
use crate::rows::{Element, Rows, all_finite, norms, tile};
use crate::task::Task;
use crate::wide::{lane_sum, wide};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;
use std::marker::PhantomData;

/// Rows in a block of queries, and in a block they are compared with.
const BLOCK: usize = 512;
/// Columns of a tile that are tested together, and running sums of an exact distance.
const LANES: usize = 16;

/// Rows, read as `T`, with what is needed to filter their distances.
pub(super) struct Tiles<'a, T> {
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
    element: PhantomData<T>,
}

/// What a pass looks for.
trait Collect {
    /// What is farther than this squared distance, or as far with a higher row, is of no use to query `at`.
    fn limit(&self, at: usize) -> (f64, u32);
    /// Offers `row` to query `at`; its exact squared distance is computed on demand.
    fn offer(&mut self, at: usize, row: usize, squared: impl FnOnce() -> f64);
}

/// Buffers of one thread.
#[derive(Default)]
struct Scratch<T> {
    query_raw: Vec<T>,
    query: Vec<f32>,
    other_raw: Vec<T>,
    other: Vec<f32>,
    products: Vec<f32>,
}

impl<'a, T: Element> Tiles<'a, T> {
    /// Measures the rows.
    ///
    /// # Errors
    /// If a value is not finite or the task is cancelled.
    pub(super) fn new(rows: &'a dyn Rows, metric: Metric, task: &'a Task) -> Result<Self> {
        let dims = rows.ncols();
        let (mean, inverse, norm) = (Vec::new(), Vec::new(), Vec::new());
        let mut tiles = Self { rows, task, dims, mean, inverse, scale: 1.0, norm, element: PhantomData };
        let lengths: Vec<f64> = match metric {
            Metric::Cosine => {
                let norms = norms::<T>(rows, task)?;
                tiles.inverse = norms.iter().map(|&norm| if norm > 0.0 { 1.0 / norm } else { 0.0 }).collect();
                norms.iter().map(|&norm| if norm > 0.0 { 1.0 } else { 0.0 }).collect()
            }
            Metric::Euclidean => {
                tiles.mean = tiles.centre()?;
                let lengths = tiles.by_block(|rows, _| {
                    let length = |row: &[T]| -> f64 {
                        row.iter().zip(&tiles.mean).map(|(&x, mean)| (x.into() - mean) * (x.into() - mean)).sum()
                    };
                    Ok(rows.chunks_exact(dims).map(length).collect::<Vec<f64>>())
                })?;
                lengths.concat()
            }
        };
        let longest = lengths.iter().copied().fold(0.0, f64::max).sqrt();
        if metric == Metric::Euclidean && longest > 0.0 {
            tiles.scale = 2.0f64.powi(-(longest.log2().ceil() as i32));
        }
        // 2|z_i||z_j| <= |z_i|² + |z_j|² lets each row carry its own share of the error. The constant covers underflow.
        let error = (dims + 8) as f64 * 1.01 / f64::from(1 << 24);
        tiles.norm = lengths.iter().map(|x| x * tiles.scale * tiles.scale * (1.0 - error) - 1e-30).collect();
        Ok(tiles)
    }

    /// The mean of the rows, all of which must be finite: partial sums of fixed blocks, added in order.
    fn centre(&self) -> Result<Vec<f64>> {
        let n = self.rows.nrows();
        let sums = self.by_block(|rows, first| {
            all_finite(rows, self.dims, first)?;
            let mut sum = vec![0.0f64; self.dims];
            for row in rows.chunks_exact(self.dims) {
                for (sum, &x) in sum.iter_mut().zip(row) {
                    *sum += x.into();
                }
            }
            Ok(sum)
        })?;
        let mut mean = vec![0.0; self.dims];
        for sum in &sums {
            for (mean, sum) in mean.iter_mut().zip(sum) {
                *mean += sum / n as f64;
            }
        }
        Ok(mean)
    }

    /// Applies `f` to each block of rows and the number of its first, in parallel; results in order, or the first error
    /// in that order.
    fn by_block<R: Send>(&self, f: impl Fn(&[T], usize) -> Result<R> + Sync) -> Result<Vec<R>> {
        let n = self.rows.nrows();
        let block = |buffer: &mut Vec<T>, block: usize| {
            self.task.check()?;
            let first = block * BLOCK;
            f(tile(self.rows, first..n.min(first + BLOCK), buffer), first)
        };
        let found: Vec<Result<R>> = (0..n.div_ceil(BLOCK)).into_par_iter().map_init(Vec::new, block).collect();
        found.into_iter().collect()
    }

    /// Core distances (to the `k`-th neighbour, the point counted) and the `keep` nearest of every row.
    pub(super) fn local(&self, k: usize, keep: usize) -> Result<Local<'static>> {
        struct Cores(Vec<Shortlist>);
        impl Collect for Cores {
            #[inline(always)]
            fn limit(&self, at: usize) -> (f64, u32) {
                self.0[at].limit()
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
        blocks.try_for_each_init(Scratch::<T>::default, |scratch, (number, (core, (near, squared)))| {
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
    fn pass(&self, queries: &[u32], collect: &mut impl Collect, scratch: &mut Scratch<T>) -> Result<()> {
        let (n, dims) = (self.rows.nrows(), self.dims);
        let Scratch { query_raw, query, other_raw, other, products } = scratch;
        query_raw.resize(queries.len() * dims, T::default());
        for run in queries.chunk_by(|a, b| a + 1 == *b).scan(0, |at, run| {
            *at += run.len();
            Some((*at - run.len(), run))
        }) {
            let (at, run) = run;
            let first = run[0] as usize;
            T::read(self.rows, first..first + run.len(), &mut query_raw[at * dims..(at + run.len()) * dims]);
        }
        self.operand(query_raw, |at| queries[at] as usize, query);
        let blocks = n.div_ceil(BLOCK);
        // A row's own block comes first: rows that lie near each other are often near in the file as well, and a
        // good limit from the start spares exact distances.
        let own = queries[queries.len() / 2] as usize / BLOCK;
        for block in (own..blocks).chain(0..own) {
            self.task.check()?;
            let range = block * BLOCK..n.min((block + 1) * BLOCK);
            let raw = tile(self.rows, range.clone(), other_raw);
            self.operand(raw, |at| range.start + at, other);
            products.resize(queries.len() * range.len(), 0.0);
            matmul(
                MatMut::from_row_major_slice_mut(products, queries.len(), range.len()),
                Accum::Replace,
                MatRef::from_row_major_slice(query, queries.len(), dims),
                MatRef::from_row_major_slice(other, range.len(), dims).transpose(),
                1.0,
                Par::Seq,
            );
            wide(
                #[inline(always)]
                || self.filter(queries, query_raw, range.start, raw, products, collect),
            );
        }
        self.task.check()
    }

    /// The scaled rows whose products are taken; `row` numbers them.
    fn operand(&self, raw: &[T], row: impl Fn(usize) -> usize, out: &mut Vec<f32>) {
        out.resize(raw.len(), 0.0);
        wide(
            #[inline(always)]
            || {
                let rows = raw.chunks_exact(self.dims).zip(out.chunks_exact_mut(self.dims));
                for (at, (raw, out)) in rows.enumerate() {
                    if let Some(&inverse) = self.inverse.get(row(at)) {
                        for (out, &x) in out.iter_mut().zip(raw) {
                            *out = (x.into() * inverse) as f32;
                        }
                    } else {
                        for (out, (&x, mean)) in out.iter_mut().zip(raw.iter().zip(&self.mean)) {
                            *out = ((x.into() - mean) * self.scale) as f32;
                        }
                    }
                }
            },
        );
    }

    /// Offers the pairs of a tile that may be within the limit. Stops early when the task is cancelled.
    #[inline(always)]
    fn filter(
        &self,
        queries: &[u32],
        query_raw: &[T],
        start: usize,
        raw: &[T],
        products: &[f32],
        collect: &mut impl Collect,
    ) {
        let dims = self.dims;
        let width = raw.len() / dims;
        let norm = &self.norm[start..start + width];
        for (at, (&query, products)) in queries.iter().zip(products.chunks_exact(width)).enumerate() {
            if self.task.is_cancelled() {
                return;
            }
            let query = query as usize;
            let own = &query_raw[at * dims..(at + 1) * dims];
            let mut reach = self.reach(query, collect.limit(at));
            for (group, (products, norm)) in products.chunks(LANES).zip(norm.chunks(LANES)).enumerate() {
                let first = start + group * LANES;
                if first > reach.last {
                    break;
                }
                let may = |(product, norm): (&f32, &f64)| norm - 2.0 * f64::from(*product) <= reach.most;
                if !products.iter().zip(norm).fold(false, |any, pair| any | may(pair)) {
                    continue;
                }
                for (lane, (product, norm)) in products.iter().zip(norm).enumerate() {
                    let row = first + lane;
                    if norm - 2.0 * f64::from(*product) <= reach.most && row <= reach.last {
                        let other = &raw[(row - start) * dims..(row - start + 1) * dims];
                        collect.offer(at, row, || self.squared(query, own, row, other));
                        reach = self.reach(query, collect.limit(at));
                    }
                }
            }
        }
    }

    /// What must hold of a pair's product for its distance to be within the limit of `query`.
    #[inline(always)]
    fn reach(&self, query: usize, (squared, row): (f64, u32)) -> Reach {
        // |z_i|² + |z_j|² - 2 z_i·z_j <= limit, with the errors on the left taken off. Nothing is nearer than zero.
        let last = if squared == 0.0 { row as usize } else { usize::MAX };
        Reach { most: squared * self.scale * self.scale - self.norm[query], last }
    }

    /// The squared distance of two rows, summed in fixed lanes: the same bits on any processor.
    #[inline(always)]
    fn squared(&self, query: usize, own: &[T], row: usize, other: &[T]) -> f64 {
        if self.inverse.is_empty() {
            return lane_sum::<LANES, T>(own, other, |a, b| {
                let apart = a.into() - b.into();
                apart * apart
            });
        }
        let (f, g) = (self.inverse[query], self.inverse[row]);
        if f == 0.0 || g == 0.0 {
            return if f == g { 0.0 } else { 1.0 };
        }
        lane_sum::<LANES, T>(own, other, |a, b| {
            let apart = a.into() * f - b.into() * g;
            apart * apart
        })
    }
}

/// The pairs of a query that are worth computing.
#[derive(Clone, Copy)]
struct Reach {
    /// Largest squared length of the other row, less twice the product.
    most: f64,
    /// Highest row.
    last: usize,
}

/// The tiles with the core distances of their rows.
pub(super) struct TileSearch<'a, T> {
    pub(super) tiles: &'a Tiles<'a, T>,
    pub(super) local: &'a Local<'a>,
}

impl<T: Element> Search for TileSearch<'_, T> {
    fn search(&self, round: &Round<'_>, active: &[u32], found: &mut [Known]) -> Result<()> {
        struct Outgoing<'a> {
            round: &'a Round<'a>,
            core: &'a [f64],
            active: &'a [u32],
            best: &'a mut [Known],
        }
        impl Collect for Outgoing<'_> {
            #[inline(always)]
            fn limit(&self, at: usize) -> (f64, u32) {
                // At weight zero the distance is zero as well.
                (self.best[at].weight, self.best[at].to)
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
        blocks.try_for_each_init(Scratch::<T>::default, |scratch, (active, found)| {
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
