//! For each feature a list of others: what is handed out, and how the best few are chosen.
//!
//! A list is chosen and ordered by the value that is handed out, an f32, descending, then by ascending index. Only
//! values above 0 are ever listed, so that the pair is one u64 that sorts as a whole.

use super::acts::Acts;
use super::kernel::Scratch;
use crate::error::Result;
use crate::task::Task;
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// For each feature some others with a value each, as compressed rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lists {
    /// Feature `i` has entries `indptr[i]..indptr[i + 1]`.
    pub indptr: Vec<usize>,
    /// The other feature of each entry.
    pub indices: Vec<u32>,
    /// The value of each entry.
    pub values: Vec<f32>,
}

impl Lists {
    /// Others and values of feature `i`.
    ///
    /// # Panics
    /// If there is no feature `i`.
    pub fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let range = self.indptr[i]..self.indptr[i + 1];
        (&self.indices[range.clone()], &self.values[range])
    }
    /// Number of features.
    pub fn len(&self) -> usize {
        self.indptr.len().saturating_sub(1)
    }
    /// Whether there are no features.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Of each list the up to `k` entries of the largest value above `floor`, or above 0: descending, ties by index.
    pub fn best(&self, k: usize, floor: f32) -> Self {
        let mut best = Best::default();
        let (mut all, mut out) = (Self { indptr: vec![0], ..Self::default() }, Vec::new());
        for i in 0..self.len() {
            let (indices, values) = self.row(i);
            let row: Vec<_> = indices.iter().copied().zip(values.iter().copied()).collect();
            best.begin(k, floor.max(0.0));
            best.choose(&row);
            out.clear();
            best.drain_to(&mut out);
            all.indices.extend(out.iter().map(|entry| entry.0));
            all.values.extend(out.iter().map(|entry| entry.1));
            all.indptr.push(all.indices.len());
        }
        all
    }
    /// The list of every feature, which `row` leaves in `scratch.out`. Features are taken in fixed parts, and `task`
    /// advances by the entries of each.
    pub(super) fn gather(
        acts: &Acts,
        task: &Task,
        row: impl Fn(usize, &mut Scratch) -> Result<()> + Sync,
    ) -> Result<Self> {
        let spare: Mutex<Vec<Scratch>> = Mutex::default();
        let lock = || spare.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = acts.parts();
        let parts: Vec<Self> = task.install(|| {
            parts
                .into_par_iter()
                .with_max_len(1)
                .map(|features| {
                    let mut scratch = lock().pop().unwrap_or_default();
                    let mut part = Self::default();
                    for feature in features.clone() {
                        task.check()?;
                        scratch.out.clear();
                        row(feature, &mut scratch)?;
                        part.indices.extend(scratch.out.iter().map(|entry| entry.0));
                        part.values.extend(scratch.out.iter().map(|entry| entry.1));
                        part.indptr.push(part.indices.len());
                    }
                    lock().push(scratch);
                    let entries = &acts.by_feature().indptr;
                    task.advance(entries[features.end] - entries[features.start]);
                    Ok(part)
                })
                .collect::<Result<_>>()
        })?;
        Ok(Self::joined(&parts))
    }
    /// Parts one after the other; their `indptr` hold the ends of their rows alone.
    fn joined(parts: &[Self]) -> Self {
        let entries = parts.iter().map(|part| part.indices.len()).sum();
        let rows: usize = parts.iter().map(|part| part.indptr.len()).sum();
        let mut all = Self {
            indptr: Vec::with_capacity(rows + 1),
            indices: Vec::with_capacity(entries),
            values: Vec::with_capacity(entries),
        };
        all.indptr.push(0);
        for part in parts {
            let base = all.indices.len();
            all.indptr.extend(part.indptr.iter().map(|end| base + end));
            all.indices.extend_from_slice(&part.indices);
            all.values.extend_from_slice(&part.values);
        }
        all
    }
}

/// The best few so far: at most `k` entries above a floor.
#[derive(Debug, Default)]
pub(super) struct Best {
    k: usize,
    floor: f32,
    /// Sorted, except between two calls of [`Best::choose`].
    keys: Vec<u64>,
}

/// Sorts by descending value, then by index; for values above 0.
#[inline]
fn key(index: u32, value: f32) -> u64 {
    u64::from(!value.to_bits()) << 32 | u64::from(index)
}

fn entry(key: u64) -> (u32, f32) {
    (key as u32, f32::from_bits(!((key >> 32) as u32)))
}

impl Best {
    /// Empties the list, for `k` entries above `floor`, which is at least 0.
    pub(super) fn begin(&mut self, k: usize, floor: f32) {
        (self.k, self.floor) = (k, floor);
        self.keys.clear();
    }
    /// Takes the best of many, into an empty list.
    pub(super) fn choose(&mut self, found: &[(u32, f32)]) {
        let floor = self.floor;
        self.keys.extend(found.iter().filter(|entry| entry.1 > floor).map(|&(index, value)| key(index, value)));
        if self.keys.len() > self.k {
            self.keys.select_nth_unstable(self.k - 1);
            self.keys.truncate(self.k);
        }
        self.keys.sort_unstable();
    }
    /// Whether an entry of this value would be taken, if its index is `index`.
    #[inline]
    pub(super) fn takes(&self, index: u32, value: f32) -> bool {
        value > self.floor
            && match self.keys.last() {
                Some(&last) if self.keys.len() == self.k => key(index, value) < last,
                _ => true,
            }
    }
    /// Takes one entry, if it is among the best so far.
    pub(super) fn offer(&mut self, index: u32, value: f32) {
        if !self.takes(index, value) {
            return;
        }
        let new = key(index, value);
        let at = self.keys.partition_point(|&old| old < new);
        if self.keys.len() == self.k {
            self.keys.pop();
        }
        self.keys.insert(at, new);
    }
    /// Appends the entries, best first.
    pub(super) fn drain_to(&mut self, out: &mut Vec<(u32, f32)>) {
        out.extend(self.keys.drain(..).map(entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_few_are_kept_whatever_the_order() {
        let all: Vec<(u32, f32)> = (0..60).map(|i| (i, [0.5, 0.3, 0.0, 0.5, 2.0, -0.1][i as usize % 6])).collect();
        for (k, floor) in [(1, 0.0), (7, 0.0), (25, 0.3), (60, 0.0)] {
            let mut expected: Vec<_> = all.iter().copied().filter(|entry| entry.1 > floor).collect();
            expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            expected.truncate(k);
            for (step, chosen) in [(1, 0), (7, 20), (59, 60), (13, 1)] {
                let order: Vec<_> = (0..60).map(|i| all[i * step % 60]).collect();
                let mut best = Best::default();
                best.begin(k, floor);
                best.choose(&order[..chosen]);
                for &(index, value) in &order[chosen..] {
                    best.offer(index, value);
                }
                let mut out = Vec::new();
                best.drain_to(&mut out);
                assert_eq!(out, expected, "{k} {floor} {step}");
            }
        }
    }
}
