//! Activations by blocks of tokens: two features fire together if both fire within a block.
//!
//! In: activations by token `[tokens, features]`, how many tokens a block has, and at which tokens a new block must
//! begin (where a sequence or document does; its last block may be shorter). Out: `[blocks, features]`, an entry where a
//! feature fires in the block: its largest activation, or on how many tokens it fires. Stored values that are not above
//! 0 do not fire and are left out; blocks of one token are the tokens.
//!
//! Cost: one pass, and a sort of each block's features. Memory: the result twice; per thread 4 bytes a feature. Source:
//! Li et al. 2024 (arXiv 2410.19750), who take 256 tokens.

use super::acts::POLL;
use crate::error::{Problem, Result};
use crate::sae::Sparse;
use crate::task::Task;
use rayon::prelude::*;
use std::ops::Range;

/// Entries that are taken at a time.
const PART: usize = POLL / 8;

/// What an entry of a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockValue {
    /// The largest activation.
    Max,
    /// On how many tokens the feature fires.
    Count,
}

/// A run of finished rows.
#[derive(Default)]
struct Part {
    ends: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

/// The activations by blocks of `block` tokens, beginning anew at each of `starts`, which ascend.
///
/// Progress: stage `blocks`, in entries.
///
/// # Errors
/// If `block` is 0, the starts do not ascend or one is beyond the tokens, or the task is cancelled.
pub fn blocks(by_token: &Sparse, block: usize, starts: &[usize], value: BlockValue, task: &Task) -> Result<Sparse> {
    if block == 0 {
        return Err(Problem::new("blocks of 0 tokens").expected("at least 1").hint("--block 256").usage());
    }
    if !starts.is_sorted() || starts.last().is_some_and(|&last| last > by_token.rows) {
        return Err(Problem::new("sequences begin out of order, or beyond the activations")
            .expected(format!("ascending tokens, at most {}", by_token.rows))
            .input());
    }
    let blocks = cut(by_token.rows, block, starts);
    task.stage("blocks", by_token.nnz() as u64);
    let mut parts: Vec<Range<usize>> = Vec::new();
    let (mut first, mut held) = (0, 0);
    for (at, tokens) in blocks.iter().enumerate() {
        held += by_token.indptr[tokens.end] - by_token.indptr[tokens.start];
        if held >= PART as u64 || at + 1 - first >= PART || at + 1 == blocks.len() {
            parts.push(first..at + 1);
            (first, held) = (at + 1, 0);
        }
    }
    let parts: Vec<Part> = task.install(|| {
        parts
            .into_par_iter()
            .map_init(|| vec![0.0f32; by_token.cols], |held, part| collapse(by_token, &blocks[part], value, held, task))
            .collect::<Result<_>>()
    })?;
    let entries = parts.iter().map(|part| part.indices.len()).sum();
    let mut indptr = Vec::with_capacity(blocks.len() + 1);
    let (mut indices, mut values) = (Vec::with_capacity(entries), Vec::with_capacity(entries));
    indptr.push(0u64);
    for part in parts {
        indptr.extend(part.ends.iter().map(|end| (indices.len() + end) as u64));
        indices.extend_from_slice(&part.indices);
        values.extend_from_slice(&part.values);
    }
    let (indptr, indices, values) = (indptr.into(), indices.into(), values.into());
    Ok(Sparse { rows: blocks.len(), cols: by_token.cols, indptr, indices, values })
}

/// The tokens of each block.
fn cut(tokens: usize, block: usize, starts: &[usize]) -> Vec<Range<usize>> {
    let ends = starts.iter().copied().chain([tokens]);
    let mut blocks = Vec::new();
    let mut start = 0;
    for end in ends {
        while start < end {
            let next = end.min(start.saturating_add(block));
            blocks.push(start..next);
            start = next;
        }
    }
    blocks
}

/// A run of blocks; `held` is 0 for every feature before and after.
fn collapse(
    by_token: &Sparse,
    blocks: &[Range<usize>],
    value: BlockValue,
    held: &mut [f32],
    task: &Task,
) -> Result<Part> {
    let mut part = Part::default();
    let mut since = 0;
    for tokens in blocks {
        let begun = part.indices.len();
        for token in tokens.clone() {
            let (features, values) = by_token.row(token);
            for (&feature, &activation) in features.iter().zip(values).filter(|(_, value)| **value > 0.0) {
                let held = &mut held[feature as usize];
                if *held == 0.0 {
                    part.indices.push(feature);
                }
                *held = match value {
                    BlockValue::Max => held.max(activation),
                    BlockValue::Count => *held + 1.0,
                };
            }
            since += features.len();
            if since >= PART {
                task.check()?;
                task.advance(std::mem::take(&mut since) as u64);
            }
        }
        let features = &mut part.indices[begun..];
        features.sort_unstable();
        part.values.extend(features.iter().map(|&feature| std::mem::take(&mut held[feature as usize])));
        part.ends.push(part.indices.len());
    }
    task.check()?;
    task.advance(since as u64);
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Sparse {
        let entries = [(0, 3, 2.0), (0, 1, 1.0), (1, 3, 5.0), (1, 0, -1.0), (2, 2, 1.0), (4, 3, 0.5), (4, 2, 4.0)];
        Sparse::from_triplets(6, 4, &entries).unwrap().0
    }

    #[test]
    fn blocks_hold_the_largest_activation_or_how_often_a_feature_fires() {
        let task = Task::new(1).unwrap();
        let expected = |rows, entries: &[_]| Sparse::from_triplets(rows, 4, entries).unwrap().0;
        let of = |block, starts: &[usize], value| blocks(&small(), block, starts, value, &task).unwrap();
        let two = of(2, &[], BlockValue::Max);
        assert_eq!(two, expected(3, &[(0, 1, 1.0), (0, 3, 5.0), (1, 2, 1.0), (2, 3, 0.5), (2, 2, 4.0)]));
        let all = of(256, &[0], BlockValue::Count);
        assert_eq!(all, expected(1, &[(0, 1, 1.0), (0, 2, 2.0), (0, 3, 3.0)]));
        // Sequences begin at tokens 0, 1 and 4: the blocks are 0, 1-2, 3 and 4-5.
        let cut = of(2, &[0, 1, 1, 4, 6], BlockValue::Count);
        assert_eq!(cut, expected(4, &[(0, 1, 1.0), (0, 3, 1.0), (1, 2, 1.0), (1, 3, 1.0), (3, 2, 1.0), (3, 3, 1.0)]));
        let single = expected(6, &[(0, 3, 2.0), (0, 1, 1.0), (1, 3, 5.0), (2, 2, 1.0), (4, 3, 0.5), (4, 2, 4.0)]);
        assert_eq!(of(1, &[], BlockValue::Max), single);
        assert_eq!(task.watch().progress().unwrap().done, 7);
    }

    #[test]
    fn many_blocks_are_the_same_at_any_number_of_threads_and_valid() {
        let entries: Vec<_> = (0..400_000u32).map(|i| (i / 20, i.wrapping_mul(2_654_435_761) >> 24, 1.0)).collect();
        let sparse = Sparse::from_triplets(20_000, 256, &entries).unwrap().0;
        let one = blocks(&sparse, 7, &[3], BlockValue::Count, &Task::new(1).unwrap()).unwrap();
        one.verify(&Task::new(1).unwrap()).unwrap();
        assert_eq!(one, blocks(&sparse, 7, &[3], BlockValue::Count, &Task::new(3).unwrap()).unwrap());
        assert_eq!(one.rows, 1 + 19_997usize.div_ceil(7));
        assert_eq!(one.values.iter().sum::<f32>(), sparse.nnz() as f32);
    }

    #[test]
    fn what_cannot_be_a_block_is_refused() {
        let task = Task::new(1).unwrap();
        let refused =
            |block, starts: &[usize]| blocks(&small(), block, starts, BlockValue::Max, &task).unwrap_err().to_string();
        assert!(refused(0, &[]).contains("--block"));
        assert!(refused(2, &[3, 1]).contains("out of order"));
        assert!(refused(2, &[0, 7]).contains("at most 6"));
        task.watch().cancel();
        assert!(matches!(blocks(&small(), 2, &[], BlockValue::Max, &task), Err(crate::Error::Cancelled)));
    }
}
