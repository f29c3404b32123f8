//! The cosine of two rows, to the bit: one definition for every search.
//!
//! The dot product of two rows is [`crate::rows::dot`], so that every processor gives the same [`Score`] whatever its
//! vector width.
//!
//! A [`Score`] is the cosine in steps of 2⁻⁴⁴ (6e-14): coarse enough to swallow the rounding of the sum, so that rows
//! that are multiples of each other tie at exactly 1 and orthogonal ones at 0, and far finer than f32.

/// Steps of a [`Score`] in a cosine of 1.
pub(super) const ONE: Score = 1 << 44;

/// A cosine in steps of 2⁻⁴⁴, from `-ONE` to `ONE`.
pub(super) type Score = i64;

/// The score of a dot product of rows of these norms; 0 if either norm is 0.
#[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
#[inline(always)]
pub(super) fn score(dot: f64, norm_a: f64, norm_b: f64) -> Score {
    let scale = norm_a * norm_b;
    if scale == 0.0 {
        return 0;
    }
    let steps = (dot / scale * ONE as f64).round_ties_even();
    (steps as Score).clamp(-ONE, ONE)
}

/// The cosine that a score stands for.
#[inline]
pub(super) fn cosine(score: Score) -> f64 {
    score as f64 / ONE as f64
}

/// A row found, with its score. Better is smaller: higher score first, then lower index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, bytemuck::Zeroable)]
pub(super) struct Found {
    pub(super) score: Score,
    pub(super) index: u32,
}

impl Found {
    /// Whether this one is listed before `other`.
    #[inline]
    pub(super) fn before(self, other: Self) -> bool {
        self.score > other.score || (self.score == other.score && self.index < other.index)
    }
}

/// Puts `new` into the sorted list `slots[..*len]`, which holds at most `slots.len()`; the worst falls out.
///
/// The order is total, so the list that results from a set of insertions does not depend on their order.
#[inline]
pub(super) fn insert(slots: &mut [Found], len: &mut usize, new: Found) {
    if *len == slots.len() {
        if !new.before(slots[*len - 1]) {
            return;
        }
    } else {
        *len += 1;
    }
    let last = *len - 1;
    let at = slots[..last].partition_point(|old| old.before(new));
    slots.copy_within(at..last, at + 1);
    slots[at] = new;
}

/// Puts the rows `new`, sorted and none of them there yet, into the sorted list `slots[..*len]`, which holds at most
/// `slots.len()`; the worst fall out. `spare` is a buffer.
pub(super) fn merge(slots: &mut [Found], len: &mut usize, new: &[Found], spare: &mut Vec<Found>) {
    let Some(&best) = new.first() else { return };
    // What comes before all new ones stays where it is.
    let start = slots[..*len].partition_point(|old| old.before(best));
    spare.clear();
    spare.extend_from_slice(&slots[start..*len]);
    *len = (*len + new.len()).min(slots.len());
    let (mut old, mut new) = (&spare[..], new);
    for slot in &mut slots[start..*len] {
        let from = if old.first().is_some_and(|old| new.first().is_none_or(|new| old.before(*new))) {
            &mut old
        } else {
            &mut new
        };
        (*slot, *from) = (from[0], &from[1..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::dot;

    #[test]
    fn multiples_tie_at_one_and_zero_rows_at_zero() {
        let a: Vec<f32> = (0..768).map(|i| (i as f32 * 0.31).sin()).collect();
        let norm = |x: &[f32]| dot(x, x).sqrt();
        for factor in [1.0f32, 3.0, 0.1, 7.77] {
            let b: Vec<f32> = a.iter().map(|x| x * factor).collect();
            // The multiples are themselves rounded to f32, each entry by up to 6e-8 of itself.
            let s = score(dot(&a, &b), norm(&a), norm(&b));
            assert!(ONE - s <= 1, "{factor} {s}");
            let minus: Vec<f32> = b.iter().map(|x| -x).collect();
            assert_eq!(score(dot(&a, &minus), norm(&a), norm(&b)), -s);
        }
        assert_eq!(score(0.0, norm(&a), 0.0), 0);
        assert_eq!(cosine(ONE), 1.0);
    }

    #[test]
    fn a_bounded_list_keeps_the_best_whatever_the_order() {
        let all: Vec<Found> = (0..40).map(|i| Found { score: [5, 3, 5, 1][i % 4], index: i as u32 }).collect();
        let mut sorted = all.clone();
        sorted.sort_by_key(|f| (std::cmp::Reverse(f.score), f.index));
        for step in [1, 3, 7, 13] {
            let mut slots = vec![Found { score: 0, index: 0 }; 6];
            let mut len = 0;
            for i in 0..40 {
                insert(&mut slots, &mut len, all[i * step % 40]);
            }
            assert_eq!((len, slots.as_slice()), (6, &sorted[..6]));
        }
    }

    #[test]
    fn merging_equals_inserting() {
        let all: Vec<Found> = (0..90).map(|i| Found { score: [5, 3, 5, 1, 4][i % 5], index: i as u32 }).collect();
        let sorted = |part: &[Found]| {
            let mut part = part.to_vec();
            part.sort_by_key(|f| (std::cmp::Reverse(f.score), f.index));
            part
        };
        for (capacity, step) in [(6, 7), (40, 30), (90, 13), (200, 20)] {
            let (mut slots, mut len) = (vec![Found { score: 0, index: 0 }; capacity], 0);
            let mut spare = Vec::new();
            for part in all.chunks(step) {
                merge(&mut slots, &mut len, &sorted(part), &mut spare);
                merge(&mut slots, &mut len, &[], &mut spare);
            }
            assert_eq!(slots[..len], sorted(&all)[..capacity.min(90)]);
        }
    }
}
