//! Connected parts and loops of a cloud of points at every scale: Vietoris-Rips persistent homology, H0 and H1.
//!
//! At scale t the Rips complex joins points at distance at most t by edges, and fills every triangle whose edges are
//! all there. As t grows, parts merge and loops are born and filled; an [`Interval`] is the range of scales at which
//! one of them lives. A loop that lives long is a circle, or something like one, that the points lie along.
//!
//! In: distances of n points ([`Distances`]), of all points or of some that cover them ([`maxmin`]). Out: [`Diagrams`],
//! intervals of parts and loops over Z/2, each with the simplices that began and ended it, and on demand a loop of
//! points ([`cycle`]).
//!
//! Parts: `distances` holds and checks, `filtration` orders the edges, `rips` walks them, `cocycles` keeps what lives,
//! `cycle` reads a loop, `landmarks` thins the points out.
//!
//! Invariants: the order of the filtration is strict (edges by length, then lower and higher end; triangles by longest
//! edge, then the vertex opposite), so that intervals and their simplices are unique; the intervals alone do not depend
//! on how the points are numbered. One thread a call.

mod cocycles;
mod cycle;
mod distances;
mod filtration;
#[cfg(test)]
mod golden;
mod landmarks;
#[cfg(test)]
mod oracle;
mod rips;
#[cfg(test)]
mod tests;

pub use cycle::cycle;
pub use distances::{Distances, MOST_POINTS};
pub use landmarks::{Landmarks, Start, maxmin};
pub use rips::{RipsParams, rips};

use std::cmp::Ordering;

/// The scales at which a class lives, `birth <= t < death`, and the simplices that began and ended it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval<B, D> {
    /// Scale at which it begins.
    pub birth: f64,
    /// Scale at which it ends; infinite if it does not up to the threshold.
    pub death: f64,
    /// The simplex that began it.
    pub born: B,
    /// The simplex that ended it; none if `death` is infinite.
    pub killed: Option<D>,
}

/// A connected part: born as its lowest point, killed by the edge, lower end first, that joins it to a part with a
/// lower one.
pub type Part = Interval<u32, [u32; 2]>;

/// A loop: born by an edge, lower end first, that closes it, killed by the triangle that fills it: its longest edge,
/// lower end first, and the vertex opposite.
pub type Loop = Interval<[u32; 2], [u32; 3]>;

impl<B, D> Interval<B, D> {
    /// How long it lives: `death - birth`.
    pub fn persistence(&self) -> f64 {
        self.death - self.birth
    }
}

impl<B: Ord, D: Ord> Interval<B, D> {
    /// Longest first, then by birth, then by the simplices.
    fn order(&self, other: &Self) -> Ordering {
        let values = other.persistence().total_cmp(&self.persistence()).then(self.birth.total_cmp(&other.birth));
        values.then_with(|| (&self.born, &self.killed).cmp(&(&other.born, &other.killed)))
    }
}

/// All intervals of positive length, the longest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagrams {
    /// Connected parts.
    pub h0: Vec<Part>,
    /// Loops.
    pub h1: Vec<Loop>,
    /// Greatest scale that was looked at.
    pub threshold: f64,
}
