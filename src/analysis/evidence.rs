//! What is known about features beside their directions: where they fire, on what, and what they are called.

use super::token_labels::TokenLabels;
use crate::analysis::fingerprint::source;
use crate::sae::{Activations, Labels, Tokens};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::path::Path;

/// Activations, tokens and labels of a study, each where there is one.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Sparse activations `[tokens, features]`.
    pub activations: Option<Activations>,
    /// Texts of the activation rows.
    pub tokens: Option<Tokens>,
    /// Labels of the features.
    pub labels: Option<Labels>,
    /// Labels of the rows of the activations.
    pub token_labels: Option<TokenLabels>,
    /// What makes it doubtful that they belong to the dictionary.
    pub warnings: Vec<String>,
    /// What else a careful reader should know about them.
    pub notes: Vec<String>,
}

/// One place where a feature fires, with the text around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Row of the activations.
    pub row: u32,
    /// The feature's activation there.
    pub value: f32,
    /// Text pieces in reading order with the feature's activation on each (0 where it does not fire).
    pub pieces: Vec<(String, f32)>,
    /// Which piece is the row itself.
    pub focus: usize,
}

/// Counts of values in equal bins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// Lower edge of the first bin.
    pub low: f64,
    /// Upper edge of the last bin.
    pub high: f64,
    /// Values per bin.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Counts finite `values` in `bins` equal bins over `[low, high]`; values outside fall in the end bins.
    ///
    /// # Panics
    /// If `bins` is 0.
    pub fn new(values: impl IntoIterator<Item = f64>, low: f64, high: f64, bins: usize) -> Self {
        assert!(bins > 0, "a histogram needs a bin");
        let mut counts = vec![0; bins];
        let scale = if high > low { bins as f64 / (high - low) } else { 0.0 };
        for value in values.into_iter().filter(|value| value.is_finite()) {
            let bin = ((value - low) * scale).floor().clamp(0.0, (bins - 1) as f64);
            counts[bin as usize] += 1;
        }
        Self { low, high, counts }
    }
}

/// How many of the strongest places are looked at first.
const FIRST: usize = 1024;

impl Evidence {
    /// Where each part came from, with the fingerprint of its file, by the flag that names it (`acts`, `tokens`,
    /// `labels`, `token_labels`): what belongs into the provenance of a result that may depend on it.
    pub fn sources(&self) -> Map<String, Value> {
        let parts = self.parts().map(|(name, path)| (name.to_string(), source(path)));
        parts.chain(self.token_labels.iter().map(|labels| ("token_labels".into(), labels.source()))).collect()
    }
    /// The files and folders that it was read from.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.parts().map(|(_, path)| path).chain(self.token_labels.iter().map(|labels| labels.path.as_path()))
    }
    fn parts(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let activations = self.activations.as_ref().map(|activations| ("acts", activations.source.as_path()));
        let tokens = self.tokens.as_ref().map(|tokens| ("tokens", tokens.path()));
        let labels = self.labels.as_ref().map(|labels| ("labels", labels.path.as_path()));
        [activations, tokens, labels].into_iter().flatten()
    }
    /// In how many places `feature` fires.
    pub fn places(&self, feature: usize) -> usize {
        let activations = self.activations.as_ref().filter(|activations| feature < activations.features());
        activations.map_or(0, |activations| activations.by_feature.row(feature).0.len())
    }
    /// The strongest places where `feature` fires, strongest first, ties by row. Places whose text would repeat a
    /// stronger one's (within `radius` rows of it) are skipped. Empty without activations and tokens.
    pub fn examples(&self, feature: usize, count: usize, radius: usize) -> Vec<Example> {
        let (Some(activations), Some(tokens)) = (&self.activations, &self.tokens) else { return Vec::new() };
        if feature >= activations.features() {
            return Vec::new();
        }
        let (rows, values) = activations.by_feature.row(feature);
        let stronger = |a: &usize, b: &usize| values[*b].total_cmp(&values[*a]).then(a.cmp(b));
        let mut order: Vec<usize> = (0..rows.len()).collect();
        let mut chosen: Vec<usize> = Vec::new();
        let mut taken = BTreeSet::new();
        // A feature may fire in millions of places: only as many of the strongest are sorted as are looked at.
        let mut sorted = 0;
        while chosen.len() < count && sorted < order.len() {
            let end = (sorted + FIRST.max(sorted)).min(order.len());
            let rest = &mut order[sorted..];
            if end - sorted < rest.len() {
                rest.select_nth_unstable_by(end - sorted, stronger);
            }
            rest[..end - sorted].sort_unstable_by(stronger);
            for &i in &order[sorted..end] {
                let row = rows[i];
                let near = row.saturating_sub(radius as u32)..=row.saturating_add(radius as u32);
                let document = |row: u32| tokens.place(row as usize).0;
                let repeats = taken.range(near).any(|&other| document(other) == document(row));
                if !repeats && chosen.len() < count {
                    chosen.push(i);
                    taken.insert(row);
                }
            }
            sorted = end;
        }
        chosen.into_iter().map(|i| self.example(feature, rows[i], values[i], radius)).collect()
    }
    /// The place `row`, where `feature` fires with `value`, and the text within `radius` pieces of it.
    pub fn example(&self, feature: usize, row: u32, value: f32, radius: usize) -> Example {
        let passage = self.tokens.as_ref().map(|tokens| tokens.passage(row as usize, radius));
        let (rows, values) =
            self.activations.as_ref().map_or((&[][..], &[][..]), |activations| activations.by_feature.row(feature));
        let at = |row: u32| rows.binary_search(&row).map_or(0.0, |i| values[i]);
        let focus = passage.as_ref().map_or(0, |passage| passage.focus);
        let pieces = passage
            .into_iter()
            .flat_map(|passage| passage.pieces)
            .map(|piece| (piece.text, piece.row.map_or(0.0, at)))
            .collect();
        Example { row, value, pieces, focus }
    }
    /// The token strings that carry most of the feature's activation, with their share of it, largest first.
    /// Strings are compared without surrounding spaces.
    pub fn top_tokens(&self, feature: usize, count: usize) -> Vec<(String, f64)> {
        let Ok(top) = self.top_tokens_by_parts(feature, count, &mut || Ok::<(), Infallible>(()));
        top
    }
    /// As [`Evidence::top_tokens`]; `poll` is called now and then, and may stop the work.
    ///
    /// # Errors
    /// Those of `poll`.
    pub fn top_tokens_by_parts<E>(
        &self,
        feature: usize,
        count: usize,
        poll: &mut dyn FnMut() -> Result<(), E>,
    ) -> Result<Vec<(String, f64)>, E> {
        const PART: usize = 1 << 16;
        let (Some(activations), Some(tokens)) = (&self.activations, &self.tokens) else { return Ok(Vec::new()) };
        if feature >= activations.features() {
            return Ok(Vec::new());
        }
        let (rows, values) = activations.by_feature.row(feature);
        let mut mass: HashMap<&str, f64> = HashMap::new();
        let mut total = 0.0;
        for (rows, values) in rows.chunks(PART).zip(values.chunks(PART)) {
            poll()?;
            for (&row, &value) in rows.iter().zip(values) {
                *mass.entry(tokens.token(row as usize).trim()).or_default() += f64::from(value);
                total += f64::from(value);
            }
        }
        let mut sorted: Vec<(&str, f64)> = mass.into_iter().collect();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        let total = if total == 0.0 { 1.0 } else { total };
        Ok(sorted.into_iter().take(count).map(|(text, mass)| (text.to_string(), mass / total)).collect())
    }
    /// How strongly `feature` fires where it fires: counts over `(0, max]`. None without activations or if it never
    /// fires.
    pub fn activation_histogram(&self, feature: usize, bins: usize) -> Option<Histogram> {
        let activations = self.activations.as_ref().filter(|activations| feature < activations.features())?;
        let values = activations.by_feature.row(feature).1;
        if values.is_empty() {
            return None;
        }
        let low = values.iter().copied().fold(0.0f32, f32::min);
        let high = values.iter().copied().fold(0.0f32, f32::max);
        Some(Histogram::new(values.iter().map(|&v| f64::from(v)), low.into(), high.into(), bins))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sae::Sparse;

    /// The definition: sort all places, go through them.
    fn oracle(evidence: &Evidence, count: usize, radius: usize) -> Vec<u32> {
        let (activations, tokens) = (evidence.activations.as_ref().unwrap(), evidence.tokens.as_ref().unwrap());
        let (rows, values) = activations.by_feature.row(0);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
        let mut chosen: Vec<u32> = Vec::new();
        for row in order.into_iter().map(|i| rows[i]) {
            let near = |other: &u32| {
                other.abs_diff(row) as usize <= radius
                    && tokens.place(*other as usize).0 == tokens.place(row as usize).0
            };
            if chosen.len() < count && !chosen.iter().any(near) {
                chosen.push(row);
            }
        }
        chosen
    }

    #[test]
    fn the_strongest_places_are_those_of_a_full_sort() {
        // One feature that fires on most of 6,000 tokens in 6 documents, with many ties.
        let mut state = 7u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        let rows: Vec<u32> = (0..6000).filter(|_| next() % 8 > 0).collect();
        let values: Vec<f32> = rows.iter().map(|_| 1.0 + (next() % 50) as f32).collect();
        let mut indptr = vec![0u64];
        for row in 0..6000u32 {
            indptr.push(rows.partition_point(|&r| r <= row) as u64);
        }
        let by_token = Sparse::new(6000, 1, indptr, vec![0; rows.len()], values).unwrap().0;
        let documents: Vec<Vec<String>> = (0..6).map(|_| vec!["x".to_string(); 1000]).collect();
        let evidence = Evidence {
            activations: Some(crate::sae::Activations::new(by_token, "planted")),
            tokens: Some(crate::sae::Tokens::from_documents(&documents).unwrap()),
            ..Evidence::default()
        };
        for (count, radius) in [(1, 0), (40, 16), (40, 300), (3000, 1), (9000, 0)] {
            let found: Vec<u32> = evidence.examples(0, count, radius).iter().map(|example| example.row).collect();
            assert_eq!(found, oracle(&evidence, count, radius), "{count} within {radius}");
        }
    }

    #[test]
    fn a_histogram_counts_every_finite_value_once() {
        let histogram = Histogram::new([0.0, 0.1, 0.5, 1.0, 2.0, -1.0, f64::NAN], 0.0, 1.0, 2);
        assert_eq!(histogram.counts, [3, 3]);
        assert_eq!(Histogram::new([1.0, 1.0], 1.0, 1.0, 3).counts, [2, 0, 0]);
    }
}
