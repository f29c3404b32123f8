//! Features that never fire together, and are alike for that: found without looking at them one by one.
//!
//! Most measures are 0 or less for two features that share no token. For those that are not (two rare features are both
//! silent almost everywhere; knowing that one fires tells that the other does not) the features stand on shelves of
//! [`SHELF`], sorted by what the measure depends on, and a shelf is looked at only where a bound on all of it would
//! enter a list. So the lists are those of all pairs. Cost: features/64 bounds a feature. Memory: 4 bytes a feature.

use super::kernel::Kernel;
use super::lists::Best;

/// Features of a shelf.
const SHELF: usize = 64;

/// Features in order of their traits, the first of which descends.
pub(super) struct Shelves {
    order: Vec<u32>,
    shelves: Vec<Shelf>,
}

/// What the features of a shelf lie between.
struct Shelf {
    lowest: u32,
    low: [f64; 2],
    high: [f64; 2],
}

impl Shelves {
    /// Shelves by two traits of each feature.
    pub(super) fn new(traits: &[[f64; 2]]) -> Self {
        let mut order: Vec<u32> = (0..traits.len() as u32).collect();
        order.sort_by(|&a, &b| traits[b as usize][0].total_cmp(&traits[a as usize][0]));
        let shelves = order
            .chunks(SHELF)
            .map(|members| {
                let mut shelf = Shelf { lowest: u32::MAX, low: [f64::INFINITY; 2], high: [f64::NEG_INFINITY; 2] };
                for &member in members {
                    shelf.lowest = shelf.lowest.min(member);
                    for (which, &value) in traits[member as usize].iter().enumerate() {
                        shelf.low[which] = shelf.low[which].min(value);
                        shelf.high[which] = shelf.high[which].max(value);
                    }
                }
                shelf
            })
            .collect();
        Self { order, shelves }
    }
    fn bound(shelf: &Shelf, kernel: &dyn Kernel, i: usize) -> f32 {
        (kernel.apart_at_most(i, shelf.low, shelf.high) as f32).next_up()
    }
    /// Offers every feature that may enter `best`, except those that are marked: the feature itself and those it meets.
    pub(super) fn offer(&self, kernel: &dyn Kernel, i: usize, marks: &[bool], best: &mut Best) {
        for (shelf, members) in self.shelves.iter().zip(self.order.chunks(SHELF)) {
            if !best.takes(shelf.lowest, Self::bound(shelf, kernel, i)) {
                continue;
            }
            for &j in members.iter().filter(|&&j| !marks[j as usize]) {
                best.offer(j, kernel.apart(i, j as usize));
            }
        }
    }
    /// Bound on what feature `i` has with any that it does not meet.
    pub(super) fn at_most(&self, kernel: &dyn Kernel, i: usize) -> f32 {
        self.shelves.iter().map(|shelf| Self::bound(shelf, kernel, i)).fold(0.0, f32::max)
    }
}
