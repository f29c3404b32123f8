//! Mutual information of binned activations, normalised: I(i, j) / sqrt(H(i) H(j)).
//!
//! A feature's values fall into [`BINS`] bins of about as many tokens each, and one more where it does not fire (stored
//! values below 0 among those). The bin of a value is ⌊8 r / n⌋, where n values fire and r of them are smaller: equal
//! values share a bin. Entropies are sums of x ln x over whole counts, in fixed point (the largest sum has 52 bits), so
//! that they do not depend on the order of the cells: both orders of a pair give the same bits, features with the same
//! bins exactly 1, and what is within rounding of independence exactly 0. A feature with one bin alone has 0 with all.
//!
//! Among few tokens the information is biased upwards, by about 64/(2N) nats for features that meet in every cell.
//! Features that never meet have some too ([`super::apart`]).
//!
//! Cost: sorting each feature's values, then Gustavson's product twice (see `counts`): once for how often each feature is
//! met, once to write down the cells of its meetings, one run after the other, so that what is written lies close; and
//! some 20 ns a pair that meets. Memory: 4 bytes an entry and 104 a feature, up to 9 MiB for logarithms; per thread 25
//! bytes a feature, and one for each entry of the tokens on which the feature fires.

use super::acts::{AHEAD, Acts, touch};
use super::apart::Shelves;
use super::kernel::{Kernel, Scratch, grow};
use crate::error::{Problem, Result};
use crate::sae::Sparse;
use crate::task::Task;
use rayon::prelude::*;

/// Bins of the values that fire.
pub(super) const BINS: usize = 8;
/// Cells of two features that both fire.
const CELLS: usize = BINS * BINS;
/// Most features whose number and bin a u32 holds.
const MOST: usize = 1 << 29;
/// Counts whose x ln x is looked up: the smallest, and the largest.
const LOOKED_UP: usize = 1 << 16;
const LARGE: usize = 1 << 20;
/// Sums that are no larger than what rounding the terms may give.
const ROUNDING: i64 = 64;
/// Entries that are binned at a time.
const PART: usize = 1 << 16;
/// Runs of tokens between two looks at whether the work should stop.
const TOKENS: usize = 1 << 9;

/// The smallest value of each bin but the first; infinite for bins that are empty up to the last.
type Edges = [f32; BINS - 1];

#[inline]
fn bin(edges: &Edges, value: f32) -> u32 {
    edges.iter().map(|&edge| u32::from(value >= edge)).sum()
}

/// Features in bins.
pub(super) struct Mutual<'a> {
    acts: &'a Acts<'a>,
    edges: Vec<Edges>,
    features: Vec<Binned>,
    /// Of each entry that fires, by token: feature times eight and bin.
    packed: Vec<u32>,
    logs: Logs,
}

/// One feature's counts.
#[derive(Clone, Copy, Default)]
struct Binned {
    /// Tokens of each bin.
    counts: [u32; BINS],
    /// Sum of x ln x over them.
    fired: i64,
    /// Entropy times tokens.
    entropy: i64,
}

impl<'a> Mutual<'a> {
    pub(super) fn new(acts: &'a Acts, task: &Task) -> Result<Self> {
        if acts.features() >= MOST {
            return Err(Problem::new(format!("mutual information of {} features", acts.features()))
                .expected(format!("fewer than {MOST}"))
                .hint("--measure phi")
                .usage());
        }
        let logs = Logs::new(acts.tokens() as u32);
        let tokens = acts.tokens() as u32;
        task.stage("bins", acts.by_feature().nnz() as u64);
        let (edges, features) = task.install(|| {
            (0..acts.features())
                .into_par_iter()
                .map_init(Vec::new, |sorted, i| {
                    task.check()?;
                    let (edges, counts) = binned(acts.by_feature().row(i).1, sorted);
                    task.advance(sorted.len() as u64);
                    let fired = counts.iter().map(|&count| logs.of(count)).sum::<i64>();
                    let entropy = logs.all - fired - logs.of(tokens - acts.counts()[i]);
                    let entropy = if entropy <= ROUNDING { 0 } else { entropy };
                    Ok((edges, Binned { counts, fired, entropy }))
                })
                .collect::<Result<(Vec<_>, Vec<_>)>>()
        })?;
        let packed = pack(acts.by_token(), &edges, task)?;
        Ok(Self { acts, edges, features, packed, logs })
    }
    /// The measure, from the sum of x ln x over all cells.
    #[inline]
    fn value(&self, cells: i64, i: usize, j: usize) -> f32 {
        let (first, second) = (&self.features[i], &self.features[j]);
        if first.entropy == 0 || second.entropy == 0 {
            return 0.0;
        }
        // I = H(i) + H(j) - H(i, j), times tokens.
        let shared = first.entropy + second.entropy - (self.logs.all - cells);
        if shared <= ROUNDING {
            return 0.0;
        }
        (shared as f64 / (first.entropy as f64 * second.entropy as f64).sqrt()).min(1.0) as f32
    }
    fn silent(&self, i: usize) -> u32 {
        self.acts.tokens() as u32 - self.acts.counts()[i]
    }
    /// Sum of x ln x over the cells of two features, of which `both` lists those where both fire, once a meeting.
    #[inline]
    fn sum(&self, both: &[u8], i: usize, j: usize) -> i64 {
        let (first, second) = (&self.features[i], &self.features[j]);
        let neither = self.logs.of(self.silent(i) - (self.acts.counts()[j] - both.len() as u32));
        let sum = first.fired + second.fired + neither;
        let moved = |all: u32, by: u32| self.logs.of(all - by) - self.logs.of(all);
        if let &[cell] = both {
            let (row, column) = (usize::from(cell) / BINS, usize::from(cell) % BINS);
            return sum + moved(first.counts[row], 1) + moved(second.counts[column], 1);
        }
        let (mut cells, mut rows, mut columns) = ([0u32; CELLS], [0u32; BINS], [0u32; BINS]);
        for &cell in both {
            cells[usize::from(cell)] += 1;
        }
        for (row, cells) in rows.iter_mut().zip(cells.as_chunks::<BINS>().0) {
            for (column, &cell) in columns.iter_mut().zip(cells) {
                *row += cell;
                *column += cell;
            }
        }
        let mut sum = sum;
        for (together, all) in [(&rows, &first.counts), (&columns, &second.counts)] {
            for (&together, &all) in together.iter().zip(all).filter(|(together, _)| **together > 0) {
                sum += moved(all, together);
            }
        }
        // A single count has no x ln x.
        for (cells, _) in cells.as_chunks::<BINS>().0.iter().zip(&rows).filter(|(_, row)| **row > 1) {
            sum += cells.iter().map(|&cell| self.logs.of(cell)).sum::<i64>();
        }
        sum
    }
    /// Gives the packed entries of each token on which feature `i` fires to `work`, with the feature's own bin.
    #[inline]
    fn each(&self, i: usize, task: &Task, mut work: impl FnMut(u32, &[u32])) -> Result<()> {
        let indptr = self.acts.firing_by_token().indptr();
        let (tokens, values) = self.acts.by_feature().row(i);
        let mut ahead: [(u32, &[u32]); AHEAD] = [(0, &[]); AHEAD];
        for (at, (tokens, values)) in tokens.chunks(AHEAD).zip(values.chunks(AHEAD)).enumerate() {
            if at % TOKENS == 0 {
                task.check()?;
            }
            let mut len = 0;
            for (&token, &value) in tokens.iter().zip(values).filter(|(_, value)| **value > 0.0) {
                let range = indptr[token as usize] as usize..indptr[token as usize + 1] as usize;
                ahead[len] = (bin(&self.edges[i], value), &self.packed[range]);
                len += 1;
            }
            ahead[..len].iter().for_each(|(_, packed)| touch(packed));
            ahead[..len].iter().for_each(|&(own, packed)| work(own, packed));
        }
        Ok(())
    }
}

impl Kernel for Mutual<'_> {
    fn row(&self, i: usize, scratch: &mut Scratch, task: &Task) -> Result<()> {
        let Scratch { wide: counts, touched, cells, met, .. } = scratch;
        met.clear();
        grow(counts, self.features.len());
        let (mut len, mut meetings) = (0, 0);
        self.each(i, task, |_, packed| {
            grow(touched, len + packed.len());
            let room = &mut touched[len..len + packed.len()];
            let mut new = 0;
            for &packed in packed {
                let count = &mut counts[(packed >> 3) as usize];
                room[new] = packed >> 3;
                new += usize::from(*count == 0);
                *count += 1;
            }
            len += new;
            meetings += packed.len();
        })?;
        grow(cells, meetings);
        // From here on a count is where the next cell of its feature belongs.
        let mut start = 0;
        for &j in &touched[..len] {
            start += std::mem::replace(&mut counts[j as usize], start);
        }
        self.each(i, task, |own, packed| {
            for &packed in packed {
                let next = &mut counts[(packed >> 3) as usize];
                cells[*next as usize] = (own * BINS as u32 + (packed & 7)) as u8;
                *next += 1;
            }
        })?;
        let mut start = 0;
        for &j in &touched[..len] {
            let end = std::mem::take(&mut counts[j as usize]);
            if j as usize != i {
                let both = &cells[start as usize..end as usize];
                met.push((j, self.value(self.sum(both, i, j as usize), i, j as usize)));
            }
            start = end;
        }
        Ok(())
    }
    fn apart(&self, i: usize, j: usize) -> f32 {
        let neither = self.silent(i) - self.acts.counts()[j];
        self.value(self.features[i].fired + self.features[j].fired + self.logs.of(neither), i, j)
    }
    fn own(&self, i: usize) -> f32 {
        f32::from(u8::from(self.features[i].entropy != 0))
    }
    fn shelves(&self) -> Option<Shelves> {
        let traits = |(f, &count): (&Binned, &u32)| {
            let entropy = if f.entropy == 0 { f64::INFINITY } else { f.entropy as f64 };
            [f64::from(count), entropy]
        };
        let traits: Vec<_> = self.features.iter().zip(self.acts.counts()).map(traits).collect();
        Some(Shelves::new(&traits))
    }
    /// What two features that never meet tell of each other depends on how often they fire alone, and rises with it.
    fn apart_at_most(&self, i: usize, low: [f64; 2], high: [f64; 2]) -> f64 {
        let (tokens, own) = (self.acts.tokens() as u32, self.features[i].entropy);
        if own == 0 {
            return 0.0;
        }
        let silent = self.silent(i);
        let other = (high[0] as u32).min(silent);
        let shared = self.logs.all - self.logs.of(silent) - self.logs.of(tokens - other) + self.logs.of(silent - other);
        (shared + ROUNDING) as f64 / (own as f64 * low[1]).sqrt()
    }
}

/// The edges of one feature's bins, and how many values lie in each. `sorted` is left with the values that fire.
fn binned(values: &[f32], sorted: &mut Vec<f32>) -> (Edges, [u32; BINS]) {
    sorted.clear();
    sorted.extend(values.iter().filter(|value| **value > 0.0));
    sorted.sort_unstable_by(f32::total_cmp);
    let mut edges = [f32::INFINITY; BINS - 1];
    let mut starts = [sorted.len(); BINS + 1];
    starts[0] = 0;
    for (b, edge) in edges.iter_mut().enumerate() {
        // The first value of which at least that share is smaller: equal ones are not.
        let mut at = ((b + 1) * sorted.len()).div_ceil(BINS);
        if at > 0 && at < sorted.len() && sorted[at] == sorted[at - 1] {
            let equal = sorted[at];
            at += sorted[at..].partition_point(|&value| value == equal);
        }
        if let Some(&value) = sorted.get(at) {
            *edge = value;
        }
        starts[b + 1] = at;
    }
    let mut counts = [0; BINS];
    for (count, pair) in counts.iter_mut().zip(starts.windows(2)) {
        *count = (pair[1] - pair[0]) as u32;
    }
    (edges, counts)
}

/// Feature and bin of every entry that fires.
fn pack(by_token: &Sparse, edges: &[Edges], task: &Task) -> Result<Vec<u32>> {
    let parts: Vec<Vec<u32>> = task.install(|| {
        by_token
            .indices
            .par_chunks(PART)
            .zip(by_token.values.par_chunks(PART))
            .map(|(features, values)| {
                task.check()?;
                let firing = features.iter().zip(values).filter(|(_, value)| **value > 0.0);
                Ok(firing.map(|(&feature, &value)| feature << 3 | bin(&edges[feature as usize], value)).collect())
            })
            .collect::<Result<_>>()
    })?;
    Ok(parts.concat())
}

/// x ln x in fixed point.
struct Logs {
    scale: f64,
    /// Of the smallest counts.
    small: Vec<i64>,
    /// Of those from `first` on: tokens on which neither of two features fires are almost all.
    large: Vec<i64>,
    first: u32,
    /// Of the number of tokens.
    all: i64,
}

impl Logs {
    fn new(tokens: u32) -> Self {
        let largest = f64::from(tokens.max(2)) * f64::from(tokens.max(2)).ln();
        let scale = (52.0 - largest.log2().ceil()).exp2();
        let mut logs = Self { scale, small: Vec::new(), large: Vec::new(), first: u32::MAX, all: 0 };
        logs.small = (0..=tokens.min(LOOKED_UP as u32)).map(|x| logs.compute(x)).collect();
        let first = tokens.saturating_sub(LARGE as u32).max(logs.small.len() as u32);
        logs.large = (first..=tokens).map(|x| logs.compute(x)).collect();
        logs.first = first;
        logs.all = logs.compute(tokens);
        logs
    }
    fn compute(&self, x: u32) -> i64 {
        if x < 2 { 0 } else { (f64::from(x) * f64::from(x).ln() * self.scale).round_ties_even() as i64 }
    }
    #[inline]
    fn of(&self, x: u32) -> i64 {
        if let Some(&small) = self.small.get(x as usize) {
            return small;
        }
        self.large.get(x.wrapping_sub(self.first) as usize).copied().unwrap_or_else(|| self.compute(x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bin_of_a_value_is_by_how_many_are_smaller() {
        let cases: [Vec<f32>; 6] = [
            vec![],
            vec![2.0],
            vec![3.0; 9],
            (0..30).map(|i| (i * 7 % 30) as f32 + 0.5).collect(),
            vec![1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 4.0, -1.0, -2.0],
            (0..100).map(|i| (i % 5) as f32 - 1.0).collect(),
        ];
        for values in cases {
            let (edges, counts) = binned(&values, &mut Vec::new());
            let fired: Vec<f32> = values.iter().copied().filter(|value| *value > 0.0).collect();
            let mut expected = [0; BINS];
            for &value in &fired {
                let smaller = fired.iter().filter(|other| **other < value).count();
                let right = BINS * smaller / fired.len();
                assert_eq!(bin(&edges, value) as usize, right, "{value} of {values:?}");
                expected[right] += 1;
            }
            assert_eq!(counts, expected, "{values:?}");
        }
    }

    #[test]
    fn logarithms_in_fixed_point_are_close_up_to_four_billion() {
        for tokens in [0, 1, 2, 30_480, u32::MAX] {
            let logs = Logs::new(tokens);
            for x in [0, 1, 2, 3, 100, 30_480, 65_536, 65_537, 1 << 30, u32::MAX - (1 << 20), u32::MAX] {
                let exact = f64::from(x) * f64::from(x).max(1.0).ln();
                if x <= tokens {
                    let error = logs.of(x) as f64 / logs.scale - exact;
                    assert!(error.abs() <= 0.51 / logs.scale + 1e-15 * exact, "{tokens} {x}");
                    assert!(logs.of(x) <= 1 << 52);
                }
            }
        }
    }
}
