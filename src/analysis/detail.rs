//! What is known about one feature: the page of a feature, on screen and as a verb.
//!
//! Cost: the places where it fires, sorted by strength.

use super::{Column, Example, FeatureTable, Histogram, Neighbor};
use crate::geometry::neighbors::Knn;
use crate::sae::Label;

/// How many passages are gathered.
pub const PASSAGES: usize = 40;
/// How many pieces of text to each side of the place where the feature fires.
pub const RADIUS: usize = 16;
/// How many pieces of text to each side of the passage that is shown whole.
const WHOLE: usize = 96;
/// How many top tokens, where they are counted for this feature alone.
const TOKENS: usize = 8;
/// A feature that fires more often waits for the words of all, which are counted by a job.
const PLENTY: usize = 1 << 18;
/// Bins of the histogram of activations.
pub const BINS: usize = 24;

/// What is known about one feature. What is not known (yet) is none or empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// The feature.
    pub feature: u32,
    /// Its labels, best first.
    pub labels: Vec<Label>,
    /// The tokens that carry most of its activation, with their share of it.
    pub top_tokens: Vec<(String, f64)>,
    /// Share of the tokens on which it fires.
    pub density: Option<f64>,
    /// Its largest activation.
    pub max_activation: Option<f64>,
    /// Its mean activation where it fires.
    pub mean_activation: Option<f64>,
    /// Length of its decoder direction.
    pub norm: Option<f64>,
    /// Its cluster, -1 for none; none before there are clusters.
    pub cluster: Option<i32>,
    /// How strongly it fires where it fires.
    pub histogram: Option<Histogram>,
    /// The strongest places where it fires, strongest first.
    pub examples: Vec<Example>,
    /// One of these with all its text.
    pub passage: Option<Example>,
    /// Document and position of that one.
    pub place: Option<(u32, u32)>,
    /// Its nearest features by cosine of the decoder directions, nearest first; none before they are computed.
    pub neighbours: Option<Vec<Neighbor>>,
}

impl Detail {
    /// Its first label.
    pub fn label(&self) -> Option<&str> {
        Some(&self.labels.first()?.text)
    }
    /// Gathers what is known now, with the whole of the `passage`-th strongest passage.
    pub fn gather(table: &FeatureTable<'_>, knn: Option<&Knn>, feature: u32, passage: usize) -> Self {
        let index = feature as usize;
        let evidence = table.study.evidence();
        let number = |column| table.value(column, index).number();
        let examples = evidence.map(|evidence| evidence.examples(index, PASSAGES, RADIUS)).unwrap_or_default();
        let example = examples.get(passage);
        let whole = example.zip(evidence).map(|(one, evidence)| evidence.example(index, one.row, one.value, WHOLE));
        let place = example.and_then(|one| Some(table.study.tokens()?.place(one.row as usize)));
        Self {
            feature,
            labels: table.study.labels().and_then(|labels| labels.by_feature.get(index)).cloned().unwrap_or_default(),
            top_tokens: match (table.words, evidence) {
                (Some(words), _) => words.top(index).to_vec(),
                (None, Some(evidence)) if evidence.places(index) <= PLENTY => evidence.top_tokens(index, TOKENS),
                _ => Vec::new(),
            },
            density: number(Column::Density),
            max_activation: number(Column::MaxActivation),
            mean_activation: number(Column::MeanActivation),
            norm: number(Column::Norm),
            cluster: number(Column::Cluster).map(|cluster| cluster as i32),
            histogram: evidence.and_then(|evidence| evidence.activation_histogram(index, BINS)),
            examples,
            passage: whole,
            place,
            neighbours: knn.filter(|knn| index < knn.len()).map(|knn| {
                let (features, cosines) = knn.row(index);
                let neighbour = |(feature, cosine): (&u32, &f32)| Neighbor {
                    feature: *feature,
                    cosine: *cosine,
                    label: table.study.label(*feature as usize).map(str::to_string),
                };
                features.iter().zip(cosines).map(neighbour).collect()
            }),
        }
    }
}
