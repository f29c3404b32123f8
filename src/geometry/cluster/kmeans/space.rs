//! Rows as k-means sees them: as f32 for products, and as the points in f64 that decide.
//!
//! A point is p = factor · x - shift of the f32 row x that is read. Where rows can be taken as they lie, nothing is copied:
//! the shift is their mean, the factor 1, or for directions 1 / ‖x‖. Otherwise x is the point itself, computed in f64 and
//! scaled by a power of two to lengths of at most 1, each time it is read.

use crate::error::Result;
use crate::rows::{Element, Rows, block_rows, norms, tile};
use crate::task::Task;
use crate::wide::wide;
use rayon::prelude::*;
use std::ops::Range;

/// Lengths that f32 products take without loss.
const PLAIN: Range<f64> = 1e-12..1e12;
/// Distance of the mean from the origin, in lengths of the longest point, up to which rows are taken as they lie.
const NEAR: f64 = 16.0;
/// Share of the longest point's squared length that the mean of equal rows may be off by.
const ROUNDING: f64 = 1e-28;

/// A thread's buffers for rows.
#[derive(Default)]
pub(in crate::geometry::cluster) struct Buffer {
    narrow: Vec<f32>,
    wide: Vec<f64>,
    made: Vec<f32>,
}

/// Rows and what makes points of them.
pub(in crate::geometry::cluster) struct Space<'a> {
    rows: &'a dyn Rows,
    pub(in crate::geometry::cluster) n: usize,
    pub(in crate::geometry::cluster) d: usize,
    /// Whether rows hold what f32 would round; asked once, since finding out may take a pass.
    exceeds: bool,
    /// How to make the rows that are read; none if they are taken as they lie.
    made: Option<Made>,
    /// Per row; 0 for one that has no direction.
    pub(in crate::geometry::cluster) factor: Vec<f64>,
    /// `[d]`.
    pub(in crate::geometry::cluster) shift: Vec<f64>,
    /// Per row ‖factor · x‖.
    length: Vec<f64>,
    /// Per row ‖p‖².
    pub(in crate::geometry::cluster) squared: Vec<f64>,
    /// Points are so many times the rows, or the unit rows.
    pub(in crate::geometry::cluster) scale: f64,
    /// The mean of the rows `[d]`; 0 for directions.
    pub(in crate::geometry::cluster) mean: Vec<f64>,
    /// Length of the shift.
    shifted: f64,
    /// A squared distance up to this is rounding.
    pub(in crate::geometry::cluster) nothing: f64,
}

/// x := (row · factor - mean) · scale, rounded to f32.
struct Made {
    /// Per row; empty if it is 1 for all.
    factor: Vec<f64>,
    scale: f64,
}

impl<'a> Space<'a> {
    /// Measures the rows, in two passes, or in three for distances.
    ///
    /// # Errors
    /// If a row is not finite (the first is named), or the task is cancelled.
    pub(in crate::geometry::cluster) fn new(rows: &'a dyn Rows, spherical: bool, task: &Task) -> Result<Self> {
        let (n, d) = (rows.nrows(), rows.ncols());
        let exceeds = rows.exceeds_f32();
        let length = if exceeds { norms::<f64>(rows, task)? } else { norms::<f32>(rows, task)? };
        let plain = !exceeds && length.iter().all(|length| *length == 0.0 || PLAIN.contains(length));
        let mut space = Self {
            rows,
            n,
            d,
            exceeds,
            made: None,
            factor: vec![1.0; n],
            shift: vec![0.0; d],
            length,
            squared: vec![0.0; n],
            scale: 1.0,
            mean: vec![0.0; d],
            shifted: 0.0,
            nothing: ROUNDING,
        };
        if spherical {
            let inverse: Vec<f64> = space.length.iter().map(|&l| if l == 0.0 { 0.0 } else { 1.0 / l }).collect();
            space.length = inverse.iter().map(|&inverse| if inverse == 0.0 { 0.0 } else { 1.0 }).collect();
            space.squared.clone_from(&space.length);
            if plain {
                space.factor = inverse;
            } else {
                space.factor.clone_from(&space.length);
                space.made = Some(Made { factor: inverse, scale: 1.0 });
            }
            return Ok(space);
        }
        space.mean = space.average(task)?;
        space.shift.clone_from(&space.mean);
        space.measure(task)?;
        let longest = space.squared.iter().copied().fold(0.0, f64::max).sqrt();
        space.shifted = space.mean.iter().map(|x| x * x).sum::<f64>().sqrt();
        if longest > 0.0 && !(plain && PLAIN.contains(&longest) && space.shifted <= NEAR * longest) {
            space.scale = (-longest.log2().ceil()).exp2();
            space.made = Some(Made { factor: Vec::new(), scale: space.scale });
            space.shift.fill(0.0);
            space.shifted = 0.0;
            space.measure(task)?;
            space.length = space.squared.iter().map(|x| x.sqrt()).collect();
        }
        space.nothing = ROUNDING * (longest * space.scale).powi(2);
        Ok(space)
    }

    /// Mean of the rows, by parts in their order.
    fn average(&self, task: &Task) -> Result<Vec<f64>> {
        let block = block_rows(self.d);
        let starts: Vec<usize> = (0..self.n).step_by(block).collect();
        let sums: Vec<Vec<f64>> = task.install(|| {
            let add = |buffer: &mut Buffer, &start: &usize| {
                let mut sum = vec![0.0; self.d];
                if !task.is_cancelled() {
                    let range = start..(start + block).min(self.n);
                    if self.exceeds {
                        add_rows(tile(self.rows, range, &mut buffer.wide), &mut sum);
                    } else {
                        add_rows(tile(self.rows, range, &mut buffer.narrow), &mut sum);
                    }
                }
                sum
            };
            starts.par_iter().map_init(Buffer::default, add).collect()
        });
        task.check()?;
        let mut mean = vec![0.0; self.d];
        for sum in sums {
            mean.iter_mut().zip(sum).for_each(|(mean, x)| *mean += x);
        }
        Ok(mean.into_iter().map(|x| x / self.n as f64).collect())
    }

    /// Finds the squared length of every point.
    fn measure(&mut self, task: &Task) -> Result<()> {
        let block = block_rows(self.d);
        let mut squared = std::mem::take(&mut self.squared);
        let space = &*self;
        task.install(|| {
            squared.par_chunks_mut(block).enumerate().for_each_init(
                || (Buffer::default(), vec![0.0; space.d]),
                |(buffer, point), (part, squared)| {
                    if task.is_cancelled() {
                        return;
                    }
                    let first = part * block;
                    // The first time rows may be too long for f32 and are not made yet.
                    if space.exceeds && space.made.is_none() {
                        let values: &[f64] = tile(space.rows, first..first + squared.len(), &mut buffer.wide);
                        for (squared, row) in squared.iter_mut().zip(values.chunks_exact(space.d)) {
                            *squared = row.iter().zip(&space.shift).map(|(x, s)| (x - s) * (x - s)).sum();
                        }
                        return;
                    }
                    let values = space.read(first..first + squared.len(), buffer);
                    for (at, squared) in squared.iter_mut().enumerate() {
                        space.point(first + at, &values[at * space.d..(at + 1) * space.d], point);
                        *squared = point.iter().map(|x| x * x).sum();
                    }
                },
            );
        });
        self.squared = squared;
        task.check()
    }

    /// The rows `range` as f32.
    pub(in crate::geometry::cluster) fn read<'b>(&self, range: Range<usize>, buffer: &'b mut Buffer) -> &'b [f32]
    where
        'a: 'b,
    {
        let Some(made) = &self.made else { return tile(self.rows, range, &mut buffer.narrow) };
        let Buffer { narrow, wide, made: out } = buffer;
        if self.exceeds {
            self.make(made, range.start, tile(self.rows, range, wide), out);
        } else {
            self.make(made, range.start, tile(self.rows, range, narrow), out);
        }
        out
    }

    fn make<T: Element>(&self, made: &Made, first: usize, values: &[T], out: &mut Vec<f32>) {
        out.clear();
        for (at, row) in values.chunks_exact(self.d).enumerate() {
            let factor = made.factor.get(first + at).copied().unwrap_or(1.0);
            out.extend(row.iter().zip(&self.mean).map(|(&x, &mean)| ((x.into() * factor - mean) * made.scale) as f32));
        }
    }

    /// The point of row `row`, given as it is read.
    #[inline(always)]
    pub(in crate::geometry::cluster) fn point(&self, row: usize, values: &[f32], out: &mut [f64]) {
        let factor = self.factor[row];
        for ((out, &x), &shift) in out.iter_mut().zip(values).zip(&self.shift) {
            *out = factor * f64::from(x) - shift;
        }
    }

    /// Bound on the error of a row's score in f32 against a centre of length at most `reach`: a sum of d products is off
    /// by at most d u / (1 - d u) of the product of the lengths, u = 2⁻²⁴; the sixteen further roundings stand for those
    /// of the centre, the factor and the offset, which is at most ‖c‖ (‖c‖ / 2 + ‖shift‖), and of the floor itself.
    #[inline(always)]
    pub(in crate::geometry::cluster) fn slack(&self, row: usize, reach: f64) -> f64 {
        let units = (self.d + 16) as f64 / f64::from(1 << 24);
        let gamma = if units < 0.5 { units / (1.0 - units) } else { 2.0 };
        gamma * reach * (self.length[row] + reach + self.shifted)
    }

    /// A centre as the rows count.
    pub(in crate::geometry::cluster) fn outside(&self, centre: &[f64], out: &mut [f32]) {
        for ((out, x), mean) in out.iter_mut().zip(centre).zip(&self.mean) {
            *out = (x / self.scale + mean) as f32;
        }
    }
}

/// Adds the rows of a tile to `sum`.
fn add_rows<T: Element>(values: &[T], sum: &mut [f64]) {
    wide(
        #[inline(always)]
        || {
            for row in values.chunks_exact(sum.len()) {
                for (sum, &x) in sum.iter_mut().zip(row) {
                    *sum += x.into();
                }
            }
        },
    );
}
