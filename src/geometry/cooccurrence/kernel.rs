//! What a measure must tell of one feature, and the buffers of a thread for that.

use super::acts::Acts;
use super::apart::Shelves;
use super::counts::Counts;
use super::ising::{self, Coupled, IsingParams};
use super::lists::Best;
use super::magnitudes::Magnitudes;
use super::measure::{Kind, Measure};
use super::mixed::Mixing;
use super::mutual::Mutual;
use crate::error::Result;
use crate::task::Task;

/// A measure made ready for some activations. Two features *meet* where they share a token.
pub(super) trait Kernel: Sync {
    /// Leaves in `scratch.met` the value of feature `i` with each other feature that it meets, each once, in any order
    /// that is fixed by the activations. After an error the buffers are good for nothing.
    fn row(&self, i: usize, scratch: &mut Scratch, task: &Task) -> Result<()>;
    /// The value of two features that do not meet.
    fn apart(&self, i: usize, j: usize) -> f32;
    /// The value of a feature with itself.
    fn own(&self, i: usize) -> f32;
    /// The features in order of what bounds [`Kernel::apart`]; none where it is never above 0.
    fn shelves(&self) -> Option<Shelves> {
        None
    }
    /// Bound on [`Kernel::apart`] of `i` and any feature whose traits lie between `low` and `high`.
    fn apart_at_most(&self, _i: usize, _low: [f64; 2], _high: [f64; 2]) -> f64 {
        0.0
    }
}

/// The kernel of a measure.
pub(super) fn kernel<'a>(acts: &'a Acts<'a>, measure: Measure, task: &Task) -> Result<Box<dyn Kernel + 'a>> {
    Ok(match measure.entry().kind {
        Kind::Counts(formula) => Box::new(Counts::new(acts, formula, measure == Measure::Smc)),
        Kind::Cosine => Box::new(Magnitudes::new(acts, false, task)?),
        Kind::Pearson => Box::new(Magnitudes::new(acts, true, task)?),
        Kind::Mutual => Box::new(Mutual::new(acts, task)?),
        Kind::Ising => Box::new(Coupled::new(ising::couplings(acts, &IsingParams::default(), task)?.0)),
    })
}

/// One thread's buffers; each kernel grows those it needs.
#[derive(Default)]
pub(super) struct Scratch {
    /// Counts by feature, zero between rows; of features that fire on few tokens, which more of the cache holds.
    pub(super) narrow: Vec<u16>,
    /// The same, of those that fire on many.
    pub(super) wide: Vec<u32>,
    /// Sums by feature, zero between rows.
    pub(super) sums: Vec<f64>,
    /// The cell of each meeting.
    pub(super) cells: Vec<u8>,
    /// Features that were met.
    pub(super) touched: Vec<u32>,
    /// What [`Kernel::row`] found.
    pub(super) met: Vec<(u32, f32)>,
    /// Whether a feature was met or seen, false between rows.
    pub(super) marks: Vec<bool>,
    /// The best few.
    pub(super) best: Best,
    /// What combining with cosines needs.
    pub(super) mixing: Mixing,
    /// The finished list.
    pub(super) out: Vec<(u32, f32)>,
}

/// Makes a buffer of zeros at least so long.
pub(super) fn grow<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
}
