//! What is shown: a stack of conditions, each a chip that can be taken back.
//!
//! A feature is shown if it meets every condition. Every condition can be written in the `--where` language
//! ([`Chip::expression`]), so what the screen shows can be had from `export --where`.

use crate::analysis::filter::letter_of;
use crate::analysis::{Column, FeatureTable, Filter, columns::Value};
use std::collections::BTreeSet;

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Chip {
    /// An expression that was typed.
    Where(Filter),
    /// Only these clusters.
    Only(BTreeSet<i32>),
    /// Not these clusters.
    Without(BTreeSet<i32>),
    /// Only features in a cluster.
    NoNoise,
    /// Only features that this search found.
    Matches(String, BTreeSet<u32>),
    /// Only marked features.
    Marked,
}

impl Chip {
    /// The condition in the `--where` language.
    pub fn expression(&self, marks: &BTreeSet<u32>) -> String {
        let list = |items: &mut dyn Iterator<Item = String>| items.collect::<Vec<_>>().join(", ");
        let these = |features: &BTreeSet<u32>| match features.len() {
            0 => "feature < 0".into(),
            _ => format!("feature in ({})", list(&mut features.iter().map(u32::to_string))),
        };
        match self {
            Self::Where(filter) => filter.text().to_string(),
            Self::Only(clusters) => format!("cluster in ({})", list(&mut clusters.iter().map(i32::to_string))),
            Self::Without(clusters) => format!("not cluster in ({})", list(&mut clusters.iter().map(i32::to_string))),
            Self::NoNoise => "cluster >= 0".into(),
            Self::Matches(_, features) => these(features),
            Self::Marked => these(marks),
        }
    }

    /// The condition as the chip on screen shows it.
    pub fn label(&self) -> String {
        let named = |clusters: &BTreeSet<i32>| clusters.iter().map(|c| cluster_name(*c)).collect::<Vec<_>>().join(", ");
        match self {
            Self::Where(filter) => filter.text().to_string(),
            Self::Only(clusters) if clusters.iter().eq(&[-1]) => "in no cluster".into(),
            Self::Only(clusters) => format!("cluster in ({})", named(clusters)),
            Self::Without(clusters) => format!("without ({})", named(clusters)),
            Self::NoNoise => "in a cluster".into(),
            Self::Matches(query, _) => format!("matches of {query:?}"),
            Self::Marked => "marked".into(),
        }
    }

    fn passes(&self, table: &FeatureTable<'_>, marks: &BTreeSet<u32>, feature: usize) -> bool {
        let cluster = || match table.value(Column::Cluster, feature) {
            Value::Integer(cluster) => cluster as i32,
            _ => -1,
        };
        match self {
            Self::Where(filter) => filter.passes(table, feature),
            Self::Only(clusters) => clusters.contains(&cluster()),
            Self::Without(clusters) => !clusters.contains(&cluster()),
            Self::NoNoise => cluster() >= 0,
            Self::Matches(_, features) => features.contains(&(feature as u32)),
            Self::Marked => marks.contains(&(feature as u32)),
        }
    }
}

/// A cluster's letter, its number beyond Z, or a word for none.
pub fn cluster_name(cluster: i32) -> String {
    match letter_of(cluster) {
        Some(letter) => letter.to_string(),
        None if cluster < 0 => "none".into(),
        None => cluster.to_string(),
    }
}

/// All conditions, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filters {
    chips: Vec<Chip>,
}

impl Filters {
    /// The conditions, oldest first.
    pub fn chips(&self) -> &[Chip] {
        &self.chips
    }
    /// Whether everything is shown.
    pub fn is_empty(&self) -> bool {
        self.chips.is_empty()
    }
    /// Which features meet every condition, `[features]`. O(features x conditions).
    pub fn shown(&self, table: &FeatureTable<'_>, marks: &BTreeSet<u32>) -> Vec<bool> {
        (0..table.len()).map(|feature| self.chips.iter().all(|chip| chip.passes(table, marks, feature))).collect()
    }
    /// Whether any condition looks at one of these columns (one of marks or matches looks at none).
    pub fn looks_at(&self, columns: &[Column]) -> bool {
        self.chips.iter().any(|chip| match chip {
            Chip::Where(filter) => filter.columns().iter().any(|column| columns.contains(column)),
            Chip::Only(_) | Chip::Without(_) | Chip::NoNoise => columns.contains(&Column::Cluster),
            Chip::Matches(..) | Chip::Marked => false,
        })
    }
    /// Whether only marked features are shown.
    pub fn only_marked(&self) -> bool {
        self.chips.contains(&Chip::Marked)
    }
    /// Whether the cluster conditions let this cluster through.
    pub fn shows_cluster(&self, cluster: i32) -> bool {
        self.chips.iter().all(|chip| match chip {
            Chip::Only(clusters) => clusters.contains(&cluster),
            Chip::Without(clusters) => !clusters.contains(&cluster),
            Chip::NoNoise => cluster >= 0,
            Chip::Where(_) | Chip::Matches(..) | Chip::Marked => true,
        })
    }
    /// The conditions as one expression of the `--where` language; none if everything is shown.
    pub fn expression(&self, marks: &BTreeSet<u32>) -> Option<String> {
        match &self.chips[..] {
            [] => None,
            [one] => Some(one.expression(marks)),
            many => {
                Some(many.iter().map(|chip| format!("({})", chip.expression(marks))).collect::<Vec<_>>().join(" and "))
            }
        }
    }

    /// Adds a typed expression; the same one again changes nothing.
    pub(super) fn push(&mut self, filter: Filter) {
        let chip = Chip::Where(filter);
        if !self.chips.contains(&chip) {
            self.chips.push(chip);
        }
    }
    /// Shows this cluster alone, or beside those that are shown alone already; again: takes it out.
    pub(super) fn toggle_only(&mut self, cluster: i32) {
        let at = self.chips.iter().position(|chip| matches!(chip, Chip::Only(_)));
        self.toggle(at, Chip::Only, cluster);
    }
    /// Hides this cluster; again: shows it.
    pub(super) fn toggle_without(&mut self, cluster: i32) {
        let at = self.chips.iter().position(|chip| matches!(chip, Chip::Without(_)));
        self.toggle(at, Chip::Without, cluster);
    }
    fn toggle(&mut self, at: Option<usize>, make: fn(BTreeSet<i32>) -> Chip, cluster: i32) {
        match at.map(|at| (at, &mut self.chips[at])) {
            Some((at, Chip::Only(clusters) | Chip::Without(clusters))) => {
                if !clusters.remove(&cluster) {
                    clusters.insert(cluster);
                }
                if clusters.is_empty() {
                    self.chips.remove(at);
                }
            }
            _ => self.chips.push(make(BTreeSet::from([cluster]))),
        }
    }
    /// Adds a condition without parameters, or takes it back.
    pub(super) fn switch(&mut self, chip: Chip) {
        match self.chips.iter().position(|other| *other == chip) {
            Some(at) => drop(self.chips.remove(at)),
            None => self.chips.push(chip),
        }
    }
    /// Takes back every condition about clusters.
    pub(super) fn all_clusters(&mut self) {
        self.chips.retain(|chip| !matches!(chip, Chip::Only(_) | Chip::Without(_) | Chip::NoNoise));
    }
    /// Takes back the conditions that name clusters: other clusters have come. False if there are none.
    pub(super) fn forget_clusters(&mut self) -> bool {
        let before = self.chips.len();
        self.chips.retain(|chip| match chip {
            Chip::Only(_) | Chip::Without(_) => false,
            Chip::Where(filter) => !filter.columns().contains(&Column::Cluster),
            Chip::NoNoise | Chip::Matches(..) | Chip::Marked => true,
        });
        self.chips.len() < before
    }
    /// Takes back the newest condition; false if there is none.
    pub(super) fn pop(&mut self) -> bool {
        self.chips.pop().is_some()
    }
    /// Takes back all.
    pub(super) fn clear(&mut self) {
        self.chips.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(filters: &Filters) -> Vec<String> {
        filters.chips().iter().map(Chip::label).collect()
    }

    #[test]
    fn clusters_toggle_and_an_empty_choice_is_none() {
        let mut filters = Filters::default();
        filters.toggle_only(2);
        filters.toggle_only(5);
        assert_eq!(labels(&filters), ["cluster in (C, F)"]);
        assert!(filters.shows_cluster(2) && !filters.shows_cluster(3) && !filters.shows_cluster(-1));
        filters.toggle_only(2);
        filters.toggle_only(5);
        assert!(filters.is_empty());
        filters.toggle_without(30);
        filters.toggle_without(-1);
        filters.switch(Chip::NoNoise);
        assert_eq!(labels(&filters), ["without (none, 30)", "in a cluster"]);
        filters.all_clusters();
        assert!(filters.is_empty());
    }

    #[test]
    fn every_condition_can_be_written_in_the_where_language() {
        let marks = BTreeSet::from([4, 9]);
        let mut filters = Filters::default();
        assert_eq!(filters.expression(&marks), None);
        filters.push(Filter::parse("density < 0.01 or norm > 2").unwrap());
        filters.push(Filter::parse("density < 0.01 or norm > 2").unwrap());
        assert_eq!(filters.chips().len(), 1);
        filters.toggle_only(3);
        filters.toggle_without(-1);
        filters.switch(Chip::NoNoise);
        filters.switch(Chip::Matches("day".into(), BTreeSet::from([1, 7])));
        filters.switch(Chip::Marked);
        for chip in filters.chips() {
            Filter::parse(&chip.expression(&marks)).unwrap();
            Filter::parse(&chip.expression(&BTreeSet::new())).unwrap();
        }
        Filter::parse(&filters.expression(&marks).unwrap()).unwrap();
    }

    #[test]
    fn the_newest_goes_first() {
        let mut filters = Filters::default();
        filters.switch(Chip::Marked);
        filters.toggle_only(0);
        assert!(filters.pop() && filters.only_marked());
        assert!(filters.pop() && !filters.pop());
    }
}
