//! The words of a study: what each feature and each cluster is about, and a search over them.
//!
//! Input: labels, activations and tokens of a [`Study`], each where there is one. [`Words::build`] makes one pass
//! over the activations (in parallel, one feature at a time, so the result does not depend on threads) and keeps
//! about 500 bytes per feature; after that a [`search`](super::search) is a scan over the kept text, fast enough to run
//! at every key.

use super::columns::Column;
use super::evidence::Evidence;
use super::search::{Found, Query, Texts, one};
use super::study::Study;
use super::vocabulary::{Counting, Vocabulary};
use crate::error::Result;
use crate::geometry::cluster::Clusters;
use crate::task::Task;
use crate::text::printable;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;

/// How many of a feature's strongest tokens are kept.
const TOP: usize = 8;
/// How many of these say what it is about: to a search, to the name of its cluster, to the column `top_tokens`.
const ABOUT: usize = 5;

/// What features are about, ready to search.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// The tokens that carry most of each feature's activation, safe to print, with their share of it, strongest
    /// first.
    top: Vec<Vec<(String, f64)>>,
    /// What is searched.
    texts: Texts,
    /// The words of the labels, and the tokens, in lower case.
    common: [Vocabulary; 2],
}

impl Words {
    /// Reads the words of every feature. The evidence is loaded first if it was not.
    ///
    /// # Errors
    /// If the evidence cannot be read, or the task is cancelled.
    pub fn build(study: &Study, task: &Task) -> Result<Self> {
        let evidence = study.load_evidence(task)?;
        let features = study.features();
        task.stage("words", features as u64);
        let made: Vec<(Vec<(String, f64)>, String)> = task.install(|| {
            (0..features)
                .into_par_iter()
                .map(|feature| {
                    task.check()?;
                    let top = top_tokens(evidence, feature, &mut || task.check())?;
                    let text = one(study.label(feature).unwrap_or(""), about(&top));
                    task.advance(1);
                    Ok((top, text))
                })
                .collect::<Result<_>>()
        })?;
        let (top, texts): (_, Vec<String>) = made.into_iter().unzip();
        Self::new(top, &texts, &mut || task.check())
    }

    /// The words of features whose labels (empty for none) and strongest tokens, safe to print, are known already.
    pub fn of_texts(labels: &[String], top: Vec<Vec<(String, f64)>>) -> Self {
        let texts: Vec<String> = labels.iter().zip(&top).map(|(label, top)| one(label, about(top))).collect();
        let Ok(words) = Self::new(top, &texts, &mut || Ok::<(), Infallible>(()));
        words
    }

    fn new<E>(
        top: Vec<Vec<(String, f64)>>,
        texts: &[String],
        poll: &mut dyn FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        let texts = Texts::new(texts, poll)?;
        let [mut of_labels, mut of_tokens] = [Counting::default(), Counting::default()];
        for (feature, top) in top.iter().enumerate() {
            if feature.is_multiple_of(4096) {
                poll()?;
            }
            of_labels.add(label_words(&texts.label(feature).to_lowercase()).into_iter());
            let tokens: BTreeSet<String> = about(top).map(|token| token.trim().to_lowercase()).collect();
            of_tokens.add(tokens.iter().map(String::as_str).filter(|token| !token.is_empty()));
        }
        Ok(Self { top, texts, common: [of_labels.done(), of_tokens.done()] })
    }

    /// Words of a column of texts that begin so (lower case), with the number of features that have them: at most
    /// `most`, the most frequent first.
    pub fn starting(&self, column: Column, start: &str, most: usize) -> Vec<(String, usize)> {
        match column {
            Column::Label => self.common[0].starting(start, most),
            Column::TopTokens => self.common[1].starting(start, most),
            _ => Vec::new(),
        }
    }

    /// Whole labels that begin so, with the number of features that have them: at most `most`, the most frequent first.
    /// Labels that are long, or that are not shown as they are, are left out.
    pub fn labels(&self, start: &str, most: usize) -> Vec<(String, usize)> {
        let fit = |label: &&str| (1..=100).contains(&label.len()) && !label.contains(['⏎', '⇥', '\u{fffd}']);
        let labels = (0..self.texts.len()).map(|feature| self.texts.label(feature)).filter(fit);
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for label in labels.filter(|label| label.starts_with(start)) {
            *counts.entry(label).or_default() += 1;
        }
        let mut found: Vec<(&str, usize)> = counts.into_iter().collect();
        found.sort_unstable_by_key(|(label, count)| (std::cmp::Reverse(*count), *label));
        found.into_iter().take(most).map(|(label, count)| (label.to_string(), count)).collect()
    }

    /// The tokens that carry most of a feature's activation, with their share of it, strongest first; empty if none
    /// are known.
    pub fn top(&self, feature: usize) -> &[(String, f64)] {
        self.top.get(feature).map_or(&[], Vec::as_slice)
    }
    /// What one feature is about, without the words of the others.
    pub fn of_feature(evidence: &Evidence, feature: usize) -> Vec<String> {
        let Ok(top) = top_tokens(evidence, feature, &mut || Ok::<(), Infallible>(()));
        about(&top).map(str::to_string).collect()
    }
    /// Those of them that say what it is about.
    pub fn about(&self, feature: usize) -> impl Iterator<Item = &str> {
        about(self.top(feature))
    }

    /// The features that `query` finds in labels and tokens, best first: those whose label or a token *is* the query,
    /// then those with a word of it that does, then those with a word that begins with it, then the others that hold
    /// it, at last those that nearly do; among equals the earlier in label or tokens it stands, then the lower number.
    pub fn find(&self, query: &Query) -> Found {
        self.texts.find(query)
    }

    /// A few words for each cluster: the tokens that are top tokens of more of its features than their share among
    /// all features would lead to expect (by the binomial log likelihood ratio), best first, at most `count`. Where
    /// no tokens are known, the words of the labels speak instead. A cluster whose features share no word has none.
    pub fn of_clusters(&self, clusters: &Clusters, count: usize) -> Vec<Vec<String>> {
        let by_label = self.top.iter().all(Vec::is_empty);
        let labels: Vec<String> = (0..if by_label { self.texts.len() } else { 0 })
            .map(|feature| self.texts.label(feature).to_lowercase())
            .collect();
        let mut everywhere: BTreeMap<&str, f64> = BTreeMap::new();
        let mut inside: Vec<BTreeMap<&str, f64>> = vec![BTreeMap::new(); clusters.count];
        for (feature, top) in self.top.iter().enumerate() {
            let cluster = clusters.labels.get(feature).copied().unwrap_or(-1);
            let own: BTreeSet<&str> = if by_label { label_words(&labels[feature]) } else { about(top).collect() };
            for token in own.into_iter().filter(|token| token.chars().any(char::is_alphanumeric)) {
                *everywhere.entry(token).or_default() += 1.0;
                if let Some(counts) = usize::try_from(cluster).ok().and_then(|cluster| inside.get_mut(cluster)) {
                    *counts.entry(token).or_default() += 1.0;
                }
            }
        }
        let all = (self.top.len() as f64).max(1.0);
        let sizes = clusters.sizes();
        inside
            .into_iter()
            .zip(sizes)
            .map(|(counts, size)| {
                let size = (size as f64).max(1.0);
                let mut scored: Vec<(f64, &str)> = counts
                    .into_iter()
                    .filter(|(_, inside)| *inside >= 2.0)
                    .filter_map(|(token, inside)| {
                        let share = everywhere[token] / all;
                        let own = (inside / size).min(1.0);
                        (own > share).then(|| (size * divergence(own, share), token))
                    })
                    .collect();
                scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
                scored.into_iter().take(count).map(|(_, token)| token.to_string()).collect()
            })
            .collect()
    }
}

/// The tokens that carry most of a feature's activation, made safe to print; `poll` may stop the work.
fn top_tokens<E>(
    evidence: &Evidence,
    feature: usize,
    poll: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Vec<(String, f64)>, E> {
    let top = evidence.top_tokens_by_parts(feature, TOP, poll)?.into_iter();
    Ok(top.map(|(token, share)| (printable(&token), share)).filter(|(token, _)| !token.is_empty()).collect())
}

fn about(top: &[(String, f64)]) -> impl Iterator<Item = &str> {
    top.iter().take(ABOUT).map(|(token, _)| token.as_str())
}

/// The words of a label that may say something: three letters or more, numbers left out.
pub(super) fn label_words(label: &str) -> BTreeSet<&str> {
    label
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() > 2 && word.chars().any(char::is_alphabetic))
        .collect()
}

/// Kullback-Leibler divergence of two Bernoulli shares, in nats; 0 log 0 is 0.
fn divergence(own: f64, expected: f64) -> f64 {
    let part = |p: f64, q: f64| if p > 0.0 { p * (p / q.max(f64::MIN_POSITIVE)).ln() } else { 0.0 };
    part(own, expected) + part(1.0 - own, 1.0 - expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(rows: &[(&str, &[&str])]) -> Words {
        let top = rows.iter().map(|(_, top)| top.iter().map(|token| (token.to_string(), 0.1)).collect()).collect();
        Words::of_texts(&rows.iter().map(|(label, _)| label.to_string()).collect::<Vec<_>>(), top)
    }

    #[test]
    fn whole_words_come_before_beginnings_before_parts() {
        let words = words(&[
            ("holidays in spring", &[]),
            ("birthday", &[]),
            ("", &["night", "Day"]),
            ("dayly news", &[]),
            ("nothing", &["x"]),
            ("a rainy day", &[]),
            ("evening, day", &["Day"]),
            ("Day", &[]),
        ]);
        let find = |query: &str| words.find(&Query::parse(query)).features;
        assert_eq!(find("day"), [7, 6, 2, 5, 3, 0, 1]);
        assert_eq!(find("day night"), [2]);
        assert_eq!(find("  "), [] as [u32; 0]);
        assert_eq!(find("absent"), [] as [u32; 0]);
        assert_eq!(find("4"), [4]);
        assert_eq!(find("#1"), [1]);
    }

    #[test]
    fn clusters_are_named_by_what_sets_them_apart() {
        let words = words(&[
            ("", &["the", "Monday"]),
            ("", &["the", "Monday"]),
            ("", &["the", "Monday", "."]),
            ("", &["the", "red"]),
            ("", &["the", "red"]),
            ("", &["the", "blue"]),
        ]);
        let clusters = Clusters::from_labels(&[0, 0, 0, 1, 1, -1]);
        assert_eq!(words.of_clusters(&clusters, 3), [vec!["Monday"], vec!["red"]]);
        assert_eq!(Words::default().of_clusters(&Clusters::from_labels(&[]), 3), Vec::<Vec<String>>::new());
    }

    #[test]
    fn labels_name_clusters_where_there_are_no_tokens() {
        let words = words(&[
            ("names of the days, 1", &[]),
            ("the days", &[]),
            ("days of rest", &[]),
            ("the colour red", &[]),
            ("red colour", &[]),
            ("the rest", &[]),
        ]);
        let clusters = Clusters::from_labels(&[0, 0, 0, 1, 1, -1]);
        let names = words.of_clusters(&clusters, 2);
        assert_eq!((names[0][0].as_str(), names[1].clone()), ("days", vec!["colour".to_string(), "red".to_string()]));
    }

    #[test]
    fn divergence_is_zero_only_for_equals() {
        assert_eq!(divergence(0.3, 0.3), 0.0);
        assert!((divergence(1.0, 0.5) - 2f64.ln()).abs() < 1e-12);
        assert!(divergence(0.9, 0.1) > divergence(0.5, 0.1));
        assert!(divergence(0.5, 0.0).is_finite());
    }
}
