//! Rows in tiles, with their norms, ready for products.
//!
//! In: [`Rows`] `[n, d]`. The norms are computed in one pass over the rows, which also finds numbers that are not
//! finite. Where the rows lie in memory as f32 a tile is a slice of them; otherwise it is converted into a buffer of
//! the thread that asked. Held: 12 bytes a row, and per thread one or two buffers of [`Source::tile`] rows.

use crate::error::Result;
use crate::rows::{Element, Rows, norms, tile};
use crate::task::Task;
use std::ops::Range;

/// Norms between these bounds let f32 products of raw rows neither overflow nor lose bits that matter: products of two
/// norms stay within 2^±80, and terms too small for f32 are below d·2⁻⁴⁶ of them.
const PLAIN_NORMS: Range<f64> = 9.094_947_017_729_282e-13..1.099_511_627_776e12;

/// Bytes of a tile buffer, at most (but never below 16 rows).
const TILE_BYTES: usize = 16 << 20;

/// Rows with their norms.
pub(super) struct Source<'a> {
    rows: &'a dyn Rows,
    /// Rows are scaled to unit length before f32 products, because their norms are extreme.
    scaled: bool,
    /// Number of rows.
    pub(super) n: usize,
    /// Width of a row.
    pub(super) d: usize,
    /// Norm of each row.
    pub(super) norms: Vec<f64>,
    /// What to multiply a product of [`Tile::screen`] rows by, once per side: 0 for a zero row.
    pub(super) inverse: Vec<f32>,
}

/// A thread's buffers for one tile.
#[derive(Default)]
pub(super) struct Buffer {
    raw: Vec<f32>,
    unit: Vec<f32>,
}

/// One tile of rows.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    /// The rows as they are: for exact scores.
    pub(super) raw: &'a [f32],
    /// The rows as f32 products may take them.
    pub(super) screen: &'a [f32],
}

impl<'a> Tile<'a> {
    /// Row `i` of the tile as it is, of width `d`.
    #[inline]
    pub(super) fn row(&self, i: usize, d: usize) -> &'a [f32] {
        &self.raw[i * d..(i + 1) * d]
    }
}

impl<'a> Source<'a> {
    /// Reads all rows once for their norms.
    ///
    /// # Errors
    /// If a row holds a number that is not finite (the first such row is named), or the task is cancelled.
    pub(super) fn new(rows: &'a dyn Rows, task: &Task) -> Result<Self> {
        let norms = norms::<f32>(rows, task)?;
        let scaled = norms.iter().any(|norm| *norm != 0.0 && !PLAIN_NORMS.contains(norm));
        let inverse = norms
            .iter()
            .map(|&norm| match norm {
                0.0 => 0.0,
                _ if scaled => 1.0,
                _ => (1.0 / norm) as f32,
            })
            .collect();
        Ok(Self { rows, scaled, n: rows.nrows(), d: rows.ncols(), norms, inverse })
    }

    /// Rows of a tile, at most `wanted`, fewer where rows are so wide that buffers would grow large.
    pub(super) fn tile(&self, wanted: usize) -> usize {
        if f32::whole(self.rows).is_some() && !self.scaled {
            return wanted;
        }
        wanted.min((TILE_BYTES / 4 / self.d.max(1)).max(16))
    }

    /// The rows `range`.
    pub(super) fn load<'b>(&self, range: Range<usize>, buffer: &'b mut Buffer) -> Tile<'b>
    where
        'a: 'b,
    {
        let Buffer { raw, unit } = buffer;
        let raw = tile(self.rows, range.clone(), raw);
        if !self.scaled {
            return Tile { raw, screen: raw };
        }
        unit.clear();
        for (row, &norm) in raw.chunks_exact(self.d).zip(&self.norms[range]) {
            let inverse = if norm == 0.0 { 0.0 } else { 1.0 / norm };
            unit.extend(row.iter().map(|&x| (f64::from(x) * inverse) as f32));
        }
        Tile { raw, screen: unit }
    }

    /// Bound on the difference between an f32 product of two rows, divided by their norms, and their cosine rounded to
    /// f32. A sum of d products in any order, fused or not, is off by at most γ = du/(1−du) times the product of the
    /// norms (Higham, Accuracy and Stability of Numerical Algorithms, §3.1), u = 2⁻²⁴; the sixteen further roundings
    /// stand for scaling on either side and for the score itself.
    pub(super) fn slack(&self) -> f64 {
        let units = (self.d + 16) as f64 / f64::from(1 << 24);
        if units < 0.5 { units / (1.0 - units) } else { 2.0 }
    }
}
