//! The edges in the order in which they appear: by length, then lower end, then higher end.
//!
//! Sorted by their bits, eleven at a time from the lowest: lengths are not negative, so their bits order as they do,
//! and each pass keeps the order of equals, which began as that of the ends. Digits that all edges share are passed
//! over. Cost: six passes over m edges at most; memory: 32m bytes.

use super::distances::Distances;
use crate::error::Result;
use crate::task::Task;

/// An edge between the points `low < high`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Edge {
    pub(super) length: f64,
    pub(super) low: u32,
    pub(super) high: u32,
}

const DIGIT: u32 = 11;

/// Edges moved between two looks at whether to stop.
const BATCH: usize = 1 << 18;

impl Edge {
    fn digit(&self, pass: u32) -> usize {
        (self.length.to_bits() >> (pass * DIGIT)) as usize & ((1 << DIGIT) - 1)
    }
}

/// All edges of finite length up to `threshold`.
pub(super) fn filtration(distances: &Distances, threshold: f64, task: &Task) -> Result<Vec<Edge>> {
    let most = threshold.min(f64::MAX);
    let mut edges = Vec::new();
    for i in 0..distances.len() {
        task.check()?;
        let row = distances.after(i).iter().zip(i as u32 + 1..);
        let row = row.map(|(&length, high)| Edge { length, low: i as u32, high });
        edges.extend(row.filter(|edge| edge.length <= most));
    }
    sort(&mut edges, task)?;
    Ok(edges)
}

/// Sorts by length and keeps the order of equals.
fn sort(edges: &mut Vec<Edge>, task: &Task) -> Result<()> {
    let mut moved = vec![Edge::default(); edges.len()];
    for pass in 0..u64::BITS.div_ceil(DIGIT) {
        let mut places = [0usize; 1 << DIGIT];
        for batch in edges.chunks(BATCH) {
            task.check()?;
            for edge in batch {
                places[edge.digit(pass)] += 1;
            }
        }
        if places.contains(&edges.len()) {
            continue;
        }
        let mut before = 0;
        for place in &mut places {
            before += std::mem::replace(place, before);
        }
        for batch in edges.chunks(BATCH) {
            task.check()?;
            for edge in batch {
                let place = &mut places[edge.digit(pass)];
                moved[*place] = *edge;
                *place += 1;
            }
        }
        std::mem::swap(edges, &mut moved);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_sorted_by_length_then_ends() {
        for spread in [1u64, 3, 1 << 20, u64::MAX >> 12] {
            let n = 60;
            let values = (0..n * (n - 1) / 2).map(|i: usize| {
                let draw = crate::geometry::random::key(1, spread, i as u64) % spread;
                if i.is_multiple_of(97) { f64::INFINITY } else { draw as f64 * 1e-3 }
            });
            let distances = Distances::from_condensed(n, values.collect()).unwrap();
            let task = Task::new(1).unwrap();
            let edges = filtration(&distances, f64::INFINITY, &task).unwrap();
            assert_eq!(edges.len(), n * (n - 1) / 2 - (n * (n - 1) / 2).div_ceil(97));
            let rises = |pair: &[Edge]| {
                let ends = (pair[0].low, pair[0].high) < (pair[1].low, pair[1].high);
                pair[0].length < pair[1].length || pair[0].length == pair[1].length && ends
            };
            assert!(edges.windows(2).all(rises));
            assert!(edges.iter().all(|e| e.length == distances.get(e.low as usize, e.high as usize)));
            let most = edges[edges.len() / 2].length;
            let some = filtration(&distances, most, &task).unwrap();
            assert_eq!(some, edges[..edges.partition_point(|edge| edge.length <= most)]);
        }
    }
}
