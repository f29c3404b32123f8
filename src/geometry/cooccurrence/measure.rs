//! The measures of how features fire together: the one table of their names, formulas and functions.
//!
//! In: what two features i and j have in common (for the counts, a [`Table`]). Out: a number, larger the more they
//! belong together, 0 where a formula would divide by zero. A new measure is one row here and, unless it is a formula of
//! the counts, one kernel.
//!
//! Sources: blocks and the counts, Li et al. 2024 (arXiv 2410.19750); the inverse Ising model, Bhalla et al. 2026
//! (arXiv 2604.28119).

use crate::error::{Problem, Result};

/// On how many tokens two features fire: both, only the first, only the second, neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Both.
    pub n11: u64,
    /// The first alone.
    pub n10: u64,
    /// The second alone.
    pub n01: u64,
    /// Neither.
    pub n00: u64,
}

impl Table {
    /// The table of two features that fire on `first` and `second` of `tokens` tokens, on `both` together.
    #[inline]
    pub(super) fn new(both: u32, first: u32, second: u32, tokens: u64) -> Self {
        let (n11, n10, n01) = (u64::from(both), u64::from(first - both), u64::from(second - both));
        Self { n11, n10, n01, n00: tokens - n11 - n10 - n01 }
    }
    /// Tokens on which the first fires.
    pub fn first(&self) -> u64 {
        self.n11 + self.n10
    }
    /// Tokens on which the second fires.
    pub fn second(&self) -> u64 {
        self.n11 + self.n01
    }
    /// All tokens.
    pub fn tokens(&self) -> u64 {
        self.first() + self.n01 + self.n00
    }
}

/// A measure of how two features fire together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Simple matching coefficient.
    Smc,
    /// Jaccard index.
    Jaccard,
    /// Dice coefficient.
    Dice,
    /// Overlap coefficient.
    Overlap,
    /// Correlation of firing.
    Phi,
    /// Share of the first feature's tokens on which the second fires: the only one that is not symmetric.
    Conditional,
    /// Cosine of the activations.
    Cosine,
    /// Correlation of the activations, zeros included.
    Pearson,
    /// Normalised mutual information of binned activations.
    Mutual,
    /// Coupling of an Ising model.
    Ising,
}

/// One measure: a row of [`MEASURES`].
#[derive(Debug)]
pub struct Entry {
    /// Which one it is.
    pub measure: Measure,
    /// What it is called on the command line.
    pub name: &'static str,
    /// Its formula, in one line.
    pub about: &'static str,
    pub(super) kind: Kind,
}

/// What a measure is computed from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// The counts, by this formula.
    Counts(fn(&Table) -> f64),
    /// Sums of products of the activations, divided by their lengths.
    Cosine,
    /// The same, means subtracted.
    Pearson,
    /// Counts by bins.
    Mutual,
    /// A regression of each feature on all others.
    Ising,
}

/// All measures, in the order in which they are offered.
pub const MEASURES: [Entry; 10] = [
    row(Measure::Jaccard, "jaccard", "n11/(n11+n10+n01)", Kind::Counts(jaccard)),
    row(Measure::Dice, "dice", "2 n11/(n1.+n.1)", Kind::Counts(dice)),
    row(Measure::Overlap, "overlap", "n11/min(n1., n.1)", Kind::Counts(overlap)),
    row(Measure::Phi, "phi", "(n11 n00 - n10 n01)/sqrt(n1. n0. n.1 n.0)", Kind::Counts(phi)),
    row(Measure::Conditional, "conditional", "P(second|first) = n11/n1.", Kind::Counts(conditional)),
    row(Measure::Smc, "smc", "(n11+n00)/N", Kind::Counts(smc)),
    row(Measure::Cosine, "cosine", "cosine of the activations over tokens", Kind::Cosine),
    row(Measure::Pearson, "pearson", "correlation of the activations over all tokens", Kind::Pearson),
    row(Measure::Mutual, "mutual", "I/sqrt(Hi Hj) of activations in zero and 8 quantile bins", Kind::Mutual),
    row(Measure::Ising, "ising", "J of an Ising model, by L1 pseudo-likelihood at alpha 0.01", Kind::Ising),
];

/// The table as the README shows it.
pub fn markdown() -> String {
    crate::text::markdown_table("measure", MEASURES.iter().map(|entry| (entry.name, entry.about)))
}

const fn row(measure: Measure, name: &'static str, about: &'static str, kind: Kind) -> Entry {
    Entry { measure, name, about, kind }
}

impl Measure {
    /// Its row of the table.
    pub fn entry(self) -> &'static Entry {
        MEASURES.iter().find(|entry| entry.measure == self).expect("each measure has its row")
    }
    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        self.entry().name
    }
    /// Whether both orders of two features have the same value.
    pub fn is_symmetric(self) -> bool {
        self != Self::Conditional
    }
    /// The measure of that name.
    ///
    /// # Errors
    /// If there is none.
    pub fn from_name(name: &str) -> Result<Self> {
        if let Some(entry) = MEASURES.iter().find(|entry| entry.name == name) {
            return Ok(entry.measure);
        }
        let names: Vec<_> = MEASURES.iter().map(|entry| entry.name).collect();
        Err(Problem::new(format!("there is no measure {name}"))
            .expected(names.join(", "))
            .hint("--measure phi")
            .usage())
    }
}

#[inline]
fn ratio(above: f64, below: f64) -> f64 {
    if below == 0.0 { 0.0 } else { above / below }
}

fn smc(t: &Table) -> f64 {
    ratio((t.n11 + t.n00) as f64, t.tokens() as f64)
}

fn jaccard(t: &Table) -> f64 {
    ratio(t.n11 as f64, (t.n11 + t.n10 + t.n01) as f64)
}

fn dice(t: &Table) -> f64 {
    ratio(2.0 * t.n11 as f64, (t.first() + t.second()) as f64)
}

fn overlap(t: &Table) -> f64 {
    ratio(t.n11 as f64, t.first().min(t.second()) as f64)
}

fn conditional(t: &Table) -> f64 {
    ratio(t.n11 as f64, t.first() as f64)
}

/// Two whole numbers that add up to at most 2³² have a product of at most 2⁶², so that independence is exactly 0.
fn phi(t: &Table) -> f64 {
    let above = (t.n11 * t.n00) as i64 - (t.n10 * t.n01) as i64;
    let (first, second, tokens) = (t.first(), t.second(), t.tokens());
    let spread = |n: u64| (n * (tokens - n)) as f64;
    ratio(above as f64, (spread(first) * spread(second)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(measure: Measure, table: Table) -> f64 {
        match measure.entry().kind {
            Kind::Counts(formula) => formula(&table),
            _ => unreachable!(),
        }
    }

    #[test]
    fn each_measure_has_one_row_and_is_found_by_its_name() {
        for entry in &MEASURES {
            assert_eq!(Measure::from_name(entry.name).unwrap(), entry.measure);
            assert_eq!((entry.measure.name(), entry.measure.entry().about), (entry.name, entry.about));
        }
        let error = Measure::from_name("Phi").unwrap_err().to_string();
        assert!(error.contains("jaccard, dice") && error.contains("--measure"), "{error}");
    }

    #[test]
    fn the_counts_give_what_their_formulas_say() {
        let table = Table { n11: 6, n10: 2, n01: 4, n00: 28 };
        let close = |measure, expected: f64| assert!((of(measure, table) - expected).abs() < 1e-15, "{measure:?}");
        close(Measure::Smc, 0.85);
        close(Measure::Jaccard, 0.5);
        close(Measure::Dice, 2.0 / 3.0);
        close(Measure::Overlap, 0.75);
        close(Measure::Conditional, 0.75);
        close(Measure::Phi, 160.0 / (8.0 * 32.0 * 10.0 * 30.0f64).sqrt());
        assert_eq!((table.first(), table.second(), table.tokens()), (8, 10, 40));
    }

    #[test]
    fn independence_is_exactly_zero_even_among_four_billion_tokens() {
        let quarter = 1u64 << 30;
        let least = of(Measure::Phi, Table { n11: quarter, n10: quarter, n01: quarter, n00: quarter - 1 });
        assert!((least * (4 * quarter) as f64 + 1.0).abs() < 1e-8, "{least}");
        let third = 1_431_655_765;
        assert_eq!(of(Measure::Phi, Table { n11: 1, n10: 1, n01: third, n00: third }), 0.0);
    }

    #[test]
    fn what_never_or_always_fires_has_no_correlation() {
        for table in [Table::new(0, 0, 5, 10), Table::new(5, 10, 5, 10), Table::new(0, 0, 0, 0)] {
            assert_eq!(of(Measure::Phi, table), 0.0);
        }
        assert_eq!(of(Measure::Smc, Table::new(0, 0, 0, 10)), 1.0);
        for measure in [Measure::Jaccard, Measure::Dice, Measure::Overlap, Measure::Conditional] {
            assert_eq!(of(measure, Table::new(0, 0, 0, 10)), 0.0);
        }
    }
}
