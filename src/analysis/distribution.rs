//! How the features are distributed over a number of theirs: what a histogram of density or norm shows.
//!
//! In: a column of numbers of a [`FeatureTable`]. Out: a [`Distribution`]: bins of equal width (of the logarithm, where
//! the values are positive and span more than a factor of 20), their counts, and what is in no bin: zero where the
//! logarithm decides (a feature that never fires), and what is not known. Every feature is counted once.
//!
//! The bins can be written as conditions of the `--where` language ([`Distribution::expression`]) that hold for exactly
//! the features that they count. O(features) with one sort.

use super::columns::{Column, FeatureTable};
use std::ops::Range;

/// From this factor between the largest and the smallest value on, numbers are shown by their logarithm.
pub const WIDE: f64 = 20.0;
/// The columns that are shown, in order.
pub const SHOWN: [Column; 4] = [Column::Density, Column::Norm, Column::MaxActivation, Column::MeanActivation];

/// Counts of features in bins of a number.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Of which column.
    pub column: Column,
    /// Whether bins are of equal width in the logarithm.
    pub log: bool,
    /// Edges of the bins, ascending, one more than there are bins: a bin holds its lower edge, the last one also its
    /// upper.
    pub edges: Vec<f64>,
    /// Features in each bin.
    pub counts: Vec<u64>,
    /// Those of them that pass the filter.
    pub shown: Vec<u64>,
    /// Features with the value zero, where bins are of the logarithm.
    pub zeros: u64,
    /// Features whose value is not known or not finite.
    pub unknown: u64,
    /// Half of the features in bins have no larger value; none if no feature is in one.
    pub median: Option<f64>,
}

impl Distribution {
    /// Counts the features of `table` in `bins` bins of `column`; `shown` tells which pass the filter (all, if none).
    ///
    /// # Panics
    /// If `bins` is 0, or `shown` is shorter than the table.
    pub fn of(table: &FeatureTable<'_>, column: Column, bins: usize, shown: Option<&[bool]>) -> Self {
        assert!(bins > 0, "a histogram needs a bin");
        let values = table.numbers(column);
        let mut sorted: Vec<f64> = values.iter().flatten().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let positive = sorted.partition_point(|value| *value <= 0.0);
        let negative = sorted.first().is_some_and(|value| *value < 0.0);
        let log = !negative && sorted.get(positive).is_some_and(|low| sorted[sorted.len() - 1] > low * WIDE);
        let binned = if log { &sorted[positive..] } else { &sorted[..] };
        let (low, high) = (binned.first().copied().unwrap_or(0.0), binned.last().copied().unwrap_or(1.0));
        let mut all = Self {
            column,
            log,
            edges: edges(low, high, bins, log),
            counts: vec![0; bins],
            shown: vec![0; bins],
            zeros: if log { positive as u64 } else { 0 },
            unknown: (values.len() - sorted.len()) as u64,
            median: binned.get(binned.len().saturating_sub(1) / 2).copied(),
        };
        for (feature, value) in values.into_iter().enumerate() {
            if let Some(bin) = value.and_then(|value| all.bin(value)) {
                all.counts[bin] += 1;
                all.shown[bin] += u64::from(shown.is_none_or(|shown| shown[feature]));
            }
        }
        all
    }
    /// The bin of a value; none if it is outside all.
    pub fn bin(&self, value: f64) -> Option<usize> {
        let last = self.counts.len().checked_sub(1)?;
        let above = self.edges.partition_point(|edge| *edge <= value);
        // The upper edge of the last bin belongs to it.
        if above > last + 1 && value <= self.edges[last + 1] { Some(last) } else { above.checked_sub(1) }
            .filter(|bin| *bin <= last)
    }
    /// The features in some bins, ascending.
    pub fn members(&self, table: &FeatureTable<'_>, bins: Range<usize>) -> Vec<u32> {
        let inside = |value: f64| self.bin(value).is_some_and(|bin| bins.contains(&bin));
        let values = table.numbers(self.column).into_iter();
        (0u32..).zip(values).filter(|(_, value)| value.is_some_and(inside)).map(|(feature, _)| feature).collect()
    }
    /// The condition that holds for the features in some bins and no others; none if there is no such bin.
    pub fn expression(&self, bins: Range<usize>) -> Option<String> {
        let (from, to) = (self.edges.get(bins.start)?, self.edges.get(bins.end)?);
        let name = self.column.name();
        let upper = if bins.end == self.counts.len() { "<=" } else { "<" };
        // The shortest text that reads back as the same number.
        (bins.start < bins.end).then(|| format!("{name} >= {from:?} and {name} {upper} {to:?}"))
    }
    /// How many features are in bins.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The edges of bins of equal width, of the logarithm if asked for. The first and the last are exact.
fn edges(low: f64, high: f64, bins: usize, log: bool) -> Vec<f64> {
    let scale = |x: f64| if log { x.ln() } else { x };
    let back = |x: f64| if log { x.exp() } else { x };
    // One value alone gets a bin of some width around it.
    let (low, high) = match (low < high, log) {
        (true, _) => (low, high),
        (false, true) => (low, low * 2.0),
        (false, false) => (low, low + low.abs().max(1.0) * 1e-3),
    };
    let (from, to) = (scale(low), scale(high));
    let mut edges: Vec<f64> = (0..=bins).map(|at| back(from + (to - from) * (at as f64 / bins as f64))).collect();
    (edges[0], edges[bins]) = (low, high);
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Cache, Evidence, Filter, Study};
    use crate::container::Matrix;
    use crate::sae::Dictionary;
    use crate::task::Task;

    /// A study whose decoder rows have these lengths.
    fn study(norms: &[f32]) -> Study {
        let decoder = Matrix::from_f32(norms, 1);
        let loader = Box::new(|_: &Dictionary, _: &Task| Ok(Evidence::default()));
        let study = Study::new("planted", Dictionary::bare(decoder), "0".into(), Cache::off(), loader);
        study.norms(&Task::new(1).unwrap()).unwrap();
        study
    }

    #[test]
    fn every_feature_is_counted_once() {
        let study = study(&[1.0, 1.5, 2.0, 2.0, 3.0, f32::NAN]);
        let shown = [true, false, true, false, true, true];
        let found = Distribution::of(&FeatureTable::of(&study), Column::Norm, 4, Some(&shown));
        assert_eq!((found.log, &found.edges[..]), (false, &[1.0, 1.5, 2.0, 2.5, 3.0][..]));
        assert_eq!((&found.counts[..], &found.shown[..]), (&[1, 1, 2, 1][..], &[1, 0, 1, 1][..]));
        assert_eq!((found.zeros, found.unknown, found.median), (0, 1, Some(2.0)));
        assert_eq!((found.bin(0.9), found.bin(3.0), found.bin(3.1), found.bin(f64::NAN)), (None, Some(3), None, None));
    }

    #[test]
    fn a_wide_range_is_one_of_the_logarithm_and_zero_stands_apart() {
        let study = study(&[0.0, 0.001, 0.02, 0.2, 1.0]);
        let found = Distribution::of(&FeatureTable::of(&study), Column::Norm, 3, None);
        assert!(found.log);
        assert_eq!((&found.counts[..], found.zeros), (&[1, 1, 2][..], 1));
        assert_eq!((found.edges[0] as f32, found.edges[3]), (0.001, 1.0));
    }

    #[test]
    fn one_value_and_none_have_bins_too() {
        let one = study(&[2.0, 2.0]);
        let found = Distribution::of(&FeatureTable::of(&one), Column::Norm, 5, None);
        assert_eq!((found.counts[0], found.total()), (2, 2));
        let none = Distribution::of(&FeatureTable::of(&one), Column::Density, 5, None);
        assert_eq!((none.total(), none.unknown, none.median), (0, 2, None));
    }

    #[test]
    fn the_condition_of_bins_holds_for_their_members_alone() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1 << 24) as f32
        };
        for wide in [false, true] {
            let norms: Vec<f32> = (0..400).map(|_| if wide { (8.0 * next()).exp() } else { 1.0 + next() }).collect();
            let study = study(&norms);
            let table = FeatureTable::of(&study);
            let found = Distribution::of(&table, Column::Norm, 17, None);
            assert_eq!((found.log, found.total()), (wide, 400));
            for (from, to) in [(0, 1), (3, 9), (16, 17), (0, 17), (8, 9)] {
                let members = found.members(&table, from..to);
                let filter = Filter::parse(&found.expression(from..to).unwrap()).unwrap();
                let passing: Vec<u32> = (0..400u32).filter(|f| filter.passes(&table, *f as usize)).collect();
                assert_eq!(members, passing);
                assert_eq!(members.len() as u64, found.counts[from..to].iter().sum::<u64>());
            }
            assert_eq!(found.expression(17..18), None);
            assert_eq!(found.expression(4..4), None);
        }
    }
}
