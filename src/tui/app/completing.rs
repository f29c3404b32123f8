//! What the screen knows of the columns of the study, for whoever types a filter.

use super::App;
use super::prompt::{Choice, Suggestion};
use crate::analysis::complete::{Completion, Completions, Known};
use crate::analysis::{Column, FeatureTable, Selections};

/// Most words that are suggested as a value.
const VALUES: usize = 40;

impl Known for App {
    fn has(&self, column: Column) -> bool {
        self.table().has(column) && (column != Column::TopTokens || self.words.is_some())
    }
    fn clusters(&self) -> Vec<(i32, usize, String)> {
        self.cluster_rows.iter().map(|row| (row.cluster, row.size, row.words.join(", "))).collect()
    }
    fn words(&self, column: Column, start: &str) -> Vec<(String, usize)> {
        self.words.as_ref().map_or_else(Vec::new, |words| words.starting(column, start, VALUES))
    }
    fn texts(&self, column: Column, start: &str) -> Vec<(String, usize)> {
        if column == Column::Selection {
            let lower = start.to_lowercase();
            let all = self.selections().into_iter().flat_map(Selections::list);
            let fits = all.filter(|one| one.name.to_lowercase().starts_with(&lower));
            return fits.take(VALUES).map(|one| (one.name.clone(), one.features.len())).collect();
        }
        // Other columns of texts are made of many, which nobody writes out.
        let words = self.words.as_ref().filter(|_| column == Column::Label);
        words.map_or_else(Vec::new, |words| words.labels(start, VALUES))
    }
    fn range(&self, column: Column) -> Option<(f64, f64)> {
        let table: FeatureTable<'_> = self.table();
        let values = (0..table.len()).filter_map(|feature| table.value(column, feature).number());
        let finite = values.filter(|value| value.is_finite());
        finite.fold(None, |range, x| {
            range.map_or(Some((x, x)), |(low, high): (f64, f64)| Some((low.min(x), high.max(x))))
        })
    }
}

/// Completions as suggestions of a line.
pub(super) fn suggestions(completions: Completions) -> Vec<Suggestion> {
    let Completions { place, typed, all, .. } = completions;
    let suggest = |Completion { text, doc, insert }| Suggestion {
        hits: (0..typed).collect(),
        choice: Choice::Insert { place: place.clone(), text: insert },
        ..Suggestion::new(text, doc)
    };
    all.into_iter().map(suggest).collect()
}
