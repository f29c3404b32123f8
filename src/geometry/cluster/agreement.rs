//! How far two groupings of the same nodes agree.
//!
//! Input: two labels for each of n nodes; nodes of one label are together, and -1 is a label like any other, as in
//! scikit-learn (leave nodes out that are to count for nothing). Output: 1 for the same grouping, about 0 for what chance
//! brings, below 0 for less.
//!
//! - [`ari`], adjusted Rand index: pairs of nodes on which both agree (Hubert and Arabie 1985).
//! - [`ami`], adjusted mutual information, with the exact expectation over permutations of the labels and the mean of the
//!   two entropies as its largest value (Vinh, Epps and Bailey 2010, equation 24).
//! - [`agreement()`], both beside labels that are dealt out at random.
//! - [`best_jaccard`], the cluster that covers a set best.
//!
//! Values equal scikit-learn's `adjusted_rand_score` and `adjusted_mutual_info_score`. Where both groupings are the same,
//! the result is exactly 1; scikit-learn's can be anything where every node is alone.
//!
//! Cost: O(n log n), and for [`ami`] one exponential for every count that two distinct sizes can share, at most √2 n^1.5:
//! 24,576 nodes in up to .1 s. Memory: 40 bytes a node.

use super::Clusters;
use crate::error::Result;
use crate::geometry::random::shuffle;
use crate::task::Task;
use serde::Serialize;
use std::collections::BTreeMap;

/// Deals of the labels that agreement is held against.
const DEALS: u64 = 99;

/// How far two groupings agree, beside one of them with its labels dealt out anew.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Agreement {
    /// Nodes that are in a cluster of both, which alone count.
    pub nodes: usize,
    /// Adjusted mutual information.
    pub ami: f64,
    /// Adjusted Rand index.
    pub ari: f64,
    /// Mean adjusted mutual information of the deals.
    pub null_mean: f64,
    /// Their standard deviation.
    pub null_deviation: f64,
    /// The largest of them.
    pub null_most: f64,
    /// How far the first is above the mean, in deviations (Li et al. 2024, arXiv 2410.19750, report 954 for firing
    /// together against cosines on Gemma Scope).
    pub deviations: Option<f64>,
    /// Deals made.
    pub draws: u64,
}

/// How far two groupings agree on the nodes that both put into a cluster, beside [`DEALS`] deals of the second's labels.
///
/// # Errors
/// If the task is cancelled.
///
/// # Panics
/// If there are not as many labels in `a` as in `b`.
pub fn agreement(a: &[i32], b: &[i32], seed: u64, task: &Task) -> Result<Agreement> {
    assert!(a.len() == b.len(), "{} labels against {}", a.len(), b.len());
    let both = a.iter().zip(b).filter(|(a, b)| **a >= 0 && **b >= 0);
    let (a, mut dealt): (Vec<i32>, Vec<i32>) = both.unzip();
    let (own, rand) = (ami(&a, &dealt, task)?, ari(&a, &dealt));
    let mut nulls = Vec::new();
    for deal in 0..DEALS {
        shuffle(&mut dealt, seed, 0x6465_616c << 32 | deal);
        nulls.push(ami(&a, &dealt, task)?);
    }
    let mean = nulls.iter().sum::<f64>() / nulls.len() as f64;
    let deviation = (nulls.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (nulls.len() - 1) as f64).sqrt();
    Ok(Agreement {
        nodes: a.len(),
        ami: own,
        ari: rand,
        null_mean: mean,
        null_deviation: deviation,
        null_most: nulls.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        deviations: (deviation > 0.0).then(|| (own - mean) / deviation),
        draws: DEALS,
    })
}

/// How often each pair of labels occurs.
struct Table {
    n: u64,
    /// Size of each group of the first and of the second grouping.
    sizes: [BTreeMap<i32, u64>; 2],
    cells: BTreeMap<(i32, i32), u64>,
}

impl Table {
    fn new(a: &[i32], b: &[i32]) -> Self {
        assert!(a.len() == b.len(), "{} labels against {}", a.len(), b.len());
        let mut table = Self { n: a.len() as u64, sizes: [BTreeMap::new(), BTreeMap::new()], cells: BTreeMap::new() };
        let mut pairs: Vec<(i32, i32)> = a.iter().copied().zip(b.iter().copied()).collect();
        pairs.sort_unstable();
        for same in pairs.chunk_by(|x, y| x == y) {
            let (pair, count) = (same[0], same.len() as u64);
            table.cells.insert(pair, count);
            *table.sizes[0].entry(pair.0).or_default() += count;
            *table.sizes[1].entry(pair.1).or_default() += count;
        }
        table
    }
    /// Whether both groupings are the same, whatever the labels.
    fn is_same(&self) -> bool {
        self.sizes.iter().all(|sizes| sizes.len() == self.cells.len())
    }
}

/// The adjusted Rand index of two groupings.
///
/// # Panics
/// If there are not as many labels in `a` as in `b`.
pub fn ari(a: &[i32], b: &[i32]) -> f64 {
    let table = Table::new(a, b);
    if table.is_same() {
        return 1.0;
    }
    // Ordered pairs: together in both, in one, in none.
    let squares = |counts: &mut dyn Iterator<Item = &u64>| counts.map(|&c| i128::from(c).pow(2)).sum::<i128>();
    let [first, second] = [0, 1].map(|at| squares(&mut table.sizes[at].values()));
    let (both, n) = (squares(&mut table.cells.values()), i128::from(table.n));
    let (tp, only_first, only_second) = (both - n, first - both, second - both);
    let tn = n * n - first - only_second;
    let above = 2 * (tp * tn - only_first * only_second);
    let below = (tp + only_first) * (only_first + tn) + (tp + only_second) * (only_second + tn);
    above as f64 / below as f64
}

/// The adjusted mutual information of two groupings.
///
/// # Errors
/// If the task is cancelled.
///
/// # Panics
/// As [`ari`].
pub fn ami(a: &[i32], b: &[i32], task: &Task) -> Result<f64> {
    let table = Table::new(a, b);
    if table.is_same() {
        return Ok(1.0);
    }
    if table.sizes.iter().any(|sizes| sizes.len() == 1) {
        return Ok(0.0);
    }
    let n = table.n as f64;
    let entropy = |sizes: &BTreeMap<i32, u64>| -> f64 {
        sizes.values().map(|&size| -(size as f64 / n) * (size as f64 / n).ln()).sum()
    };
    let shared = |(pair, &count): (&(i32, i32), &u64)| {
        let expected = table.sizes[0][&pair.0] as f64 * table.sizes[1][&pair.1] as f64 / n;
        count as f64 / n * (count as f64 / expected).ln()
    };
    let information: f64 = table.cells.iter().map(shared).sum();
    let expected = expected_information(&table, task)?;
    let most = f64::midpoint(entropy(&table.sizes[0]), entropy(&table.sizes[1]));
    // Both differences can be rounding alone.
    let away = |x: f64| if x < 0.0 { x.min(-f64::EPSILON) } else { x.max(f64::EPSILON) };
    Ok(away(information - expected) / away(most - expected))
}

/// Mean of the mutual information over all permutations of the labels: every cell is hypergeometric.
fn expected_information(table: &Table, task: &Task) -> Result<f64> {
    let n = table.n as usize;
    let factorial = log_factorials(n);
    // Many groups have the same size.
    let [first, second] = [0, 1].map(|at| {
        let mut of_size = BTreeMap::<usize, f64>::new();
        for &size in table.sizes[at].values() {
            *of_size.entry(size as usize).or_default() += 1.0;
        }
        of_size
    });
    let mut sum = 0.0;
    for (&a, &groups) in &first {
        for (&b, &others) in &second {
            task.check()?;
            let fixed = factorial[a] + factorial[b] + factorial[n - a] + factorial[n - b] - factorial[n];
            let mut mean = 0.0;
            for shared in (a + b).saturating_sub(n).max(1)..=a.min(b) {
                let chance = fixed
                    - factorial[shared]
                    - factorial[a - shared]
                    - factorial[b - shared]
                    - factorial[n + shared - a - b];
                let share = shared as f64 / n as f64;
                mean += share * (share * n as f64 / a as f64 * n as f64 / b as f64).ln() * chance.exp();
            }
            sum += groups * others * mean;
        }
    }
    Ok(sum)
}

/// ln i! for i up to `n`, each to its last bit or two: the sums carry what is rounded off.
fn log_factorials(n: usize) -> Vec<f64> {
    let (mut sum, mut rest) = (0.0f64, 0.0f64);
    let mut all = vec![0.0];
    for i in 1..=n {
        let term = (i as f64).ln() + rest;
        let next = sum + term;
        rest = term - (next - sum);
        sum = next;
        all.push(sum);
    }
    all
}

/// The largest overlap |A ∩ B| / |A ∪ B| of a set A of distinct members with any cluster B, and the number of that
/// cluster, the lowest of equals; (0, 0) if it meets none.
///
/// # Panics
/// If a member has no label.
pub fn best_jaccard(members: &[u32], clusters: &Clusters) -> (f64, usize) {
    best_overlap(members, clusters, &clusters.sizes(), &mut Vec::new())
}

/// [`best_jaccard`] for who asks often: the clusters' sizes, and a buffer.
pub(in crate::geometry) fn best_overlap(
    members: &[u32],
    clusters: &Clusters,
    sizes: &[usize],
    shared: &mut Vec<usize>,
) -> (f64, usize) {
    shared.clear();
    shared.resize(clusters.count, 0);
    for &member in members {
        let label = clusters.labels[member as usize];
        if label >= 0 {
            shared[label as usize] += 1;
        }
    }
    let mut best = (0.0, 0);
    for (cluster, (&shared, &size)) in shared.iter().zip(sizes).enumerate() {
        let overlap = shared as f64 / (members.len() + size - shared) as f64;
        if overlap > best.0 {
            best = (overlap, cluster);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::geometry::cluster::planted::Random;

    /// n, the divisors of the formula, and what scikit-learn 1.9 gives.
    const REFERENCE: [(i64, i64, i64, f64, f64); 5] = [
        (40, 5, 4, 0.045_549_293_599_938_24, 0.007_601_400_912_750_396),
        (300, 17, 11, 0.096_038_075_910_342_94, 0.093_697_559_120_704_06),
        (2000, 101, 9, 0.021_138_469_243_061_724, 0.106_170_770_338_056_29),
        (20_000, 1009, 613, 0.111_095_376_697_411_72, 0.232_499_340_083_124_03),
        (24, 23, 19, -0.036_036_036_036_036_036, -0.037_236_909_053_421_08),
    ];

    fn task() -> Task {
        Task::new(1).unwrap()
    }

    /// Two labellings by a formula that the references were computed from.
    fn formula(n: i64, first: i64, second: i64) -> (Vec<i32>, Vec<i32>) {
        let a: Vec<i64> = (0..n).map(|i| i * i % first).collect();
        let b = (0..n).map(|i| if i % 3 == 0 { (a[i as usize] * 5 + 1) % second } else { i * 7 % second });
        (a.iter().map(|&x| x as i32).collect(), b.map(|x| x as i32 - 1).collect())
    }

    #[test]
    fn labels_dealt_out_agree_on_nothing() {
        let a: Vec<i32> = (0..600).map(|i| i / 30 - 1).collect();
        // The same groups, but for every fifth node; the first thirty are in no cluster of `a`.
        let b: Vec<i32> = (0..600).map(|i| if i % 5 == 0 { i % 7 } else { i / 30 }).collect();
        let found = agreement(&a, &b, 0, &task()).unwrap();
        assert_eq!((found.nodes, found.draws), (570, 99));
        assert_eq!(found.ami, ami(&a[30..], &b[30..], &task()).unwrap());
        assert!(found.null_mean.abs() < 0.01 && found.null_most < 0.1 && found.ami > 0.5, "{found:?}");
        assert!(found.deviations.unwrap() > 30.0, "{found:?}");
        let none = agreement(&[-1, -1], &[0, 1], 0, &task()).unwrap();
        assert_eq!((none.nodes, none.deviations), (0, None));
    }

    #[test]
    fn both_equal_scikit_learn() {
        for (n, first, second, rand, information) in REFERENCE {
            let (a, b) = formula(n, first, second);
            assert!((ari(&a, &b) - rand).abs() < 1e-12, "{n}: {}", ari(&a, &b));
            assert!((ari(&b, &a) - rand).abs() < 1e-12);
            for (x, y) in [(&a, &b), (&b, &a)] {
                let found = ami(x, y, &task()).unwrap();
                assert!((found - information).abs() < 1e-9, "{n}: {found}");
            }
        }
    }

    #[test]
    fn the_expectation_is_the_mean_over_all_permutations() {
        fn permute(rest: &mut Vec<i32>, at: usize, each: &mut dyn FnMut(&[i32])) {
            if at == rest.len() {
                return each(rest);
            }
            for other in at..rest.len() {
                rest.swap(at, other);
                permute(rest, at + 1, each);
                rest.swap(at, other);
            }
        }
        let (a, mut b) = ([0, 0, 0, 0, 1, 1, 2], vec![0, 0, 1, 1, 1, 2, 2]);
        let information = |b: &[i32]| {
            let share = |keep: &dyn Fn(usize) -> bool| (0..7).filter(|&i| keep(i)).count() as f64 / 7.0;
            let mut sum = 0.0;
            for (x, y) in (0..3).flat_map(|x| (0..3).map(move |y| (x, y))) {
                let both = share(&|i| a[i] == x && b[i] == y);
                if both > 0.0 {
                    sum += both * (both / share(&|i| a[i] == x) / share(&|i| b[i] == y)).ln();
                }
            }
            sum
        };
        let (mut sum, mut count) = (0.0, 0.0);
        permute(&mut b, 0, &mut |b| {
            sum += information(b);
            count += 1.0;
        });
        assert_eq!(count, 5040.0);
        let expected = expected_information(&Table::new(&a, &b), &task()).unwrap();
        assert!((expected - sum / count).abs() < 1e-12);
    }

    #[test]
    fn factorials_are_stirlings() {
        let all = log_factorials(1_000_000);
        for n in [1000usize, 50_000, 1_000_000] {
            let x = n as f64;
            let series = x * x.ln() - x + 0.5 * (std::f64::consts::TAU * x).ln() + 1.0 / (12.0 * x);
            assert!((all[n] - series).abs() < 2e-15 * series, "{n}: {} {series}", all[n]);
        }
        assert_eq!((all[0], all[1], all[2]), (0.0, 0.0, 2f64.ln()));
    }

    #[test]
    fn equal_groupings_agree_wholly_and_shuffled_ones_by_chance() {
        let mut random = Random::new(3);
        let a: Vec<i32> = (0..600).map(|_| random.below(12) as i32 - 1).collect();
        let renamed: Vec<i32> = a.iter().map(|x| 40 - 3 * x).collect();
        assert_eq!((ari(&a, &renamed), ami(&a, &renamed, &task()).unwrap()), (1.0, 1.0));
        let alone: Vec<i32> = (0..50).collect();
        assert_eq!((ari(&alone, &alone), ami(&alone, &alone, &task()).unwrap()), (1.0, 1.0));
        assert_eq!((ari(&alone, &[0; 50]), ami(&alone, &[0; 50], &task()).unwrap()), (0.0, 0.0));
        assert_eq!((ari(&[], &[]), ami(&[], &[], &task()).unwrap()), (1.0, 1.0));
        assert_eq!(ari(&[0, 0, 1, 1], &[0, 1, 0, 1]), -0.5);
        let (mut rand, mut information) = (0.0, 0.0);
        for _ in 0..40 {
            let other: Vec<i32> = random.shuffled(600).into_iter().map(|i| a[i]).collect();
            rand += ari(&a, &other) / 40.0;
            information += ami(&a, &other, &task()).unwrap() / 40.0;
        }
        assert!(rand.abs() < 0.002 && information.abs() < 0.002, "{rand} {information}");
    }

    #[test]
    fn the_best_cluster_is_that_of_the_largest_overlap() {
        let clusters = Clusters::from_labels(&[0, 0, 0, 0, 1, 1, 1, 2, 2, -1]);
        assert_eq!(best_jaccard(&[4, 5, 6], &clusters), (1.0, 1));
        assert_eq!(best_jaccard(&[6, 5, 8, 9], &clusters), (2.0 / 5.0, 1));
        // One of four and one more, one of two and one more: the smaller overlaps better.
        assert_eq!(best_jaccard(&[0, 7], &clusters), (1.0 / 3.0, 2));
        assert_eq!(best_jaccard(&[9], &clusters), (0.0, 0));
        assert_eq!(best_jaccard(&[], &clusters), (0.0, 0));
        let equal = Clusters::from_labels(&[0, 0, 1, 1]);
        assert_eq!(best_jaccard(&[1, 2], &equal), (1.0 / 3.0, 0));
    }

    #[test]
    fn a_cancelled_task_stops() {
        let task = task();
        task.watch().cancel();
        assert!(matches!(ami(&[0, 0, 1], &[0, 1, 1], &task), Err(Error::Cancelled)));
    }
}
