//! Which features fire together, sparse throughout: no matrix of all pairs is ever made.
//!
//! In: the activations in both sparse orders ([`Acts`]): `[tokens, features]` and `[features, tokens]`. A feature
//! *fires* on a token where its stored value is above 0; stored values below 0 do not fire, but count for the measures
//! of the values themselves (cosine, Pearson). Tokens may be blocks of them ([`blocks()`]).
//!
//! Out: for each feature its most similar others ([`similar`]), one pair ([`pair`], [`measure()`]), a small group
//! ([`group`]), or the nearest by firing and decoder direction together ([`mixed()`]). Every function gives the same
//! value of the same pair, to the bit, and the same bytes at any number of threads. Lists are exact: they are those that
//! a table of all pairs would give.
//!
//! The measures are the rows of [`MEASURES`]. With N tokens, L the mean number of features that fire on one, and F
//! features:
//!
//! | measure | cost | peak memory beyond the activations and the result |
//! |---|---|---|
//! | of the counts | N L² additions, a formula a pair that meets | 4 F bytes; per thread 27 F |
//! | cosine, Pearson | N L² multiply-adds in f64 | 20 F bytes; per thread 29 F |
//! | mutual information | 2 N L² additions, some 20 ns a pair that meets | 4 N L + 108 F bytes, 9 MiB; per thread 25 F, and up to N L |
//! | inverse Ising | see [`ising`] | see [`ising`] |
//!
//! and 4 N L + 8 N more in each order if stored values are not all above 0.

mod acts;
mod apart;
mod blocks;
mod counts;
pub mod ising;
mod kernel;
mod lists;
mod magnitudes;
mod measure;
mod mixed;
mod mutual;
#[cfg(test)]
mod tests;

pub use acts::Acts;
pub use blocks::{BlockValue, blocks};
pub use lists::Lists;
pub use measure::{Entry, MEASURES, Measure, Table, markdown};
pub use mixed::{Combine, MixedInfo, MixedParams, mixed};

use super::memory::holds_neighbours;
use crate::error::{Problem, Result};
use crate::sae::Sparse;
use crate::task::Task;
use ising::IsingParams;
use kernel::{Scratch, grow, kernel};

/// Most features of a [`group`].
const GROUP: usize = 4096;

/// For each feature its up to `k` most similar others, of those whose similarity is above `floor`: descending, ties by
/// index. For [`Measure::Conditional`] the list of feature i holds the largest P(j|i).
///
/// Progress: stage `co-occurrence`, in entries of the activations; before it `bins` or `couplings`, where they are needed.
///
/// # Errors
/// If `k` is 0 or not below the number of features, `floor` is negative or not a number, the lists are more than half of
/// the machine's memory, or the task is cancelled.
pub fn similar(acts: &Acts, measure: Measure, k: usize, floor: f32, task: &Task) -> Result<Lists> {
    check_k(k, acts.features())?;
    if !(floor >= 0.0 && floor.is_finite()) {
        return Err(Problem::new(format!("pairs of a similarity above {floor}"))
            .expected("a number that is not negative")
            .hint("--floor 0")
            .usage());
    }
    holds_neighbours(acts.features(), k, 16)?;
    let kernel = kernel(acts, measure, task)?;
    let shelves = kernel.shelves();
    task.stage("co-occurrence", acts.by_feature().nnz() as u64);
    Lists::gather(acts, task, |i, scratch| {
        kernel.row(i, scratch, task)?;
        let Scratch { met, marks, best, out, .. } = scratch;
        best.begin(k, floor);
        best.choose(met);
        if let Some(shelves) = &shelves {
            grow(marks, acts.features());
            let own = (i as u32, 0.0);
            met.iter().chain([&own]).for_each(|entry| marks[entry.0 as usize] = true);
            shelves.offer(&*kernel, i, marks, best);
            met.iter().chain([&own]).for_each(|entry| marks[entry.0 as usize] = false);
        }
        best.drain_to(out);
        Ok(())
    })
}

/// On how many tokens two features fire, each and both.
///
/// # Errors
/// If there is no such feature.
pub fn pair(acts: &Acts, i: usize, j: usize) -> Result<Table> {
    acts.check_feature(i)?;
    acts.check_feature(j)?;
    let rows = acts.firing_by_feature();
    let (mut first, mut second) = (rows.row(i), rows.row(j));
    let mut both = 0;
    while let (Some(a), Some(b)) = (first.first(), second.first()) {
        both += u32::from(a == b);
        (first, second) = (&first[usize::from(a <= b)..], &second[usize::from(b <= a)..]);
    }
    Ok(Table::new(both, acts.counts()[i], acts.counts()[j], acts.tokens() as u64))
}

/// The similarity of two features: the value that [`similar`] lists.
///
/// # Errors
/// As [`group`].
pub fn measure(acts: &Acts, i: usize, j: usize, measure: Measure, task: &Task) -> Result<f32> {
    Ok(group(acts, &[i as u32, j as u32], measure, task)?[1])
}

/// The similarities of some features `[m, m]`, row-major, each with itself on the diagonal (1, or 0 where the measure is
/// not defined; an Ising model has no coupling of a feature with itself). Symmetric unless the measure is conditional.
///
/// Only these features' entries are read, except for the Ising model, which regresses each of them on all others. Cost:
/// that of [`similar`] for these features alone. Memory: 8 bytes a token and 16 an entry of theirs.
///
/// # Errors
/// If there is no such feature, none or more than 4,096 are asked about, or the task is cancelled.
pub fn group(acts: &Acts, features: &[u32], measure: Measure, task: &Task) -> Result<Vec<f32>> {
    let m = features.len();
    if m == 0 || m > GROUP {
        return Err(Problem::new(format!("the similarities of {m} features"))
            .expected(format!("1 to {GROUP} features"))
            .hint("--features with fewer")
            .usage());
    }
    features.iter().try_for_each(|&feature| acts.check_feature(feature as usize))?;
    if measure == Measure::Ising {
        return ising::among(acts, features, &IsingParams::default(), task);
    }
    let by_feature = rows_of(acts.by_feature(), features, task)?;
    let by_token = by_feature.transpose_under(task)?;
    let acts = Acts::new(&by_token, &by_feature, task)?;
    let kernel = kernel(&acts, measure, task)?;
    task.stage("co-occurrence", by_feature.nnz() as u64);
    let rows = Lists::gather(&acts, task, |i, scratch| {
        kernel.row(i, scratch, task)?;
        scratch.out.extend_from_slice(&scratch.met);
        Ok(())
    })?;
    let mut all = vec![f32::NAN; m * m];
    for (i, all) in all.chunks_exact_mut(m).enumerate() {
        task.check()?;
        all[i] = kernel.own(i);
        let (others, values) = rows.row(i);
        others.iter().zip(values).for_each(|(&j, &value)| all[j as usize] = value);
        for (j, value) in all.iter_mut().enumerate().filter(|(_, value)| value.is_nan()) {
            *value = kernel.apart(i, j);
        }
    }
    Ok(all)
}

/// Some rows of a matrix, in the order given.
fn rows_of(sparse: &Sparse, rows: &[u32], task: &Task) -> Result<Sparse> {
    let (mut indptr, mut indices, mut values) = (vec![0u64], Vec::new(), Vec::new());
    for &row in rows {
        task.check()?;
        let (columns, entries) = sparse.row(row as usize);
        indices.extend_from_slice(columns);
        values.extend_from_slice(entries);
        indptr.push(indices.len() as u64);
    }
    let (indptr, indices, values) = (indptr.into(), indices.into(), values.into());
    Ok(Sparse { rows: rows.len(), cols: sparse.cols, indptr, indices, values })
}

/// Checks how many others are listed of each of `features`.
fn check_k(k: usize, features: usize) -> Result<()> {
    if k > 0 && k < features {
        return Ok(());
    }
    let expected = match features {
        0 | 1 => "at least two features".into(),
        _ => format!("a number from 1 to {}", features - 1),
    };
    Err(Problem::new(format!("{k} similar features of each of {features}")).expected(expected).hint("--k 15").usage())
}
