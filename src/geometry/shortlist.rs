//! The nearest few of many, as they are offered: a bounded list by distance and then index.

use std::cmp::Ordering;

/// The `k` smallest of the (squared distance, index) pairs offered: a max-heap that is sorted at the end.
#[derive(Debug, Clone)]
pub(super) struct Shortlist {
    k: usize,
    heap: Vec<(f64, u32)>,
}

fn before(a: (f64, u32), b: (f64, u32)) -> bool {
    a.0 < b.0 || (a.0 == b.0 && a.1 < b.1)
}

impl Shortlist {
    /// An empty list for `k` pairs.
    pub(super) fn new(k: usize) -> Self {
        Self { k, heap: Vec::with_capacity(k) }
    }
    /// Only a pair before this one is taken.
    #[inline]
    pub(super) fn limit(&self) -> (f64, u32) {
        if self.heap.len() < self.k {
            (f64::INFINITY, u32::MAX)
        } else {
            self.heap.first().copied().unwrap_or((-1.0, 0))
        }
    }
    /// Takes the pair if it is among the smallest so far.
    pub(super) fn offer(&mut self, squared: f64, index: u32) {
        let new = (squared, index);
        if self.heap.len() < self.k {
            self.heap.push(new);
            let mut at = self.heap.len() - 1;
            while at > 0 && before(self.heap[(at - 1) / 2], new) {
                self.heap[at] = self.heap[(at - 1) / 2];
                at = (at - 1) / 2;
            }
            self.heap[at] = new;
        } else if before(new, self.limit()) {
            let (heap, mut at) = (&mut self.heap[..], 0);
            loop {
                let mut child = 2 * at + 1;
                if child + 1 < heap.len() && before(heap[child], heap[child + 1]) {
                    child += 1;
                }
                if child >= heap.len() || !before(new, heap[child]) {
                    break;
                }
                heap[at] = heap[child];
                at = child;
            }
            heap[at] = new;
        }
    }
    /// The pairs in order; call [`Self::clear`] before offering more.
    pub(super) fn sorted(&mut self) -> &[(f64, u32)] {
        self.heap.sort_unstable_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal).then(a.1.cmp(&b.1)));
        &self.heap
    }
    /// Empties the list.
    pub(super) fn clear(&mut self) {
        self.heap.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_pairs_are_kept_whatever_the_order() {
        let mut all: Vec<(f64, u32)> = (0..60).map(|i| (f64::from([5, 3, 5, 1, 4][i % 5]), i as u32)).collect();
        for step in [1, 7, 11, 13, 59] {
            let offered: Vec<(f64, u32)> = (0..60).map(|i| all[i * step % 60]).collect();
            for k in [1, 2, 6, 59, 60, 70] {
                let mut list = Shortlist::new(k);
                for &(distance, index) in &offered {
                    list.offer(distance, index);
                }
                let mut sorted = all.clone();
                sorted.sort_by(|a, b| a.partial_cmp(b).unwrap());
                sorted.truncate(k);
                assert_eq!(list.sorted(), sorted, "{k}");
            }
        }
        all.clear();
        assert_eq!(Shortlist::new(3).sorted(), all);
    }
}
