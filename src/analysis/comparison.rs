//! Two features side by side: what is known of one of them, and what they have in common.
//!
//! Input: two features of a [`Study`]. Output: a [`Comparison`]. The cosines are those of [`pairs`](super::pairs), in
//! f64. Cost: O(d), and O(tokens on which they fire).

use super::pairs::cosine;
use super::{Detail, FeatureTable, Study};
use crate::geometry::neighbors::Knn;

/// Two features side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The one that is kept in sight.
    pub pinned: Detail,
    /// The other one.
    pub selected: u32,
    /// Cosine of their decoder directions; 0 if one has none.
    pub decoder: f64,
    /// Cosine of their encoder directions, if there is an encoder.
    pub encoder: Option<f64>,
    /// On how many tokens both fire, the selected one, and the pinned one; none without activations.
    pub together: Option<[usize; 3]>,
}

impl Comparison {
    /// Compares two features of `table`, with what is known now.
    ///
    /// # Panics
    /// If one of them is not there.
    pub fn gather(table: &FeatureTable<'_>, knn: Option<&Knn>, pinned: u32, selected: u32) -> Self {
        let dictionary = &table.study.dictionary;
        Self {
            pinned: Detail::gather(table, knn, pinned, 0),
            selected,
            decoder: cosine(&dictionary.decoder, selected, pinned),
            encoder: dictionary.encoder.as_ref().map(|encoder| cosine(encoder, selected, pinned)),
            together: together(table.study, selected, pinned),
        }
    }
}

/// On how many tokens two features fire, and each of them.
fn together(study: &Study, a: u32, b: u32) -> Option<[usize; 3]> {
    let activations = study.activations()?;
    let fires = |feature: u32| {
        let (rows, values) = activations.by_feature.row(feature as usize);
        rows.iter().zip(values).filter(|(_, value)| **value > 0.0).map(|(row, _)| *row)
    };
    let mut others = fires(b).peekable();
    let both = fires(a)
        .filter(|row| {
            while others.next_if(|other| other < row).is_some() {}
            others.peek() == Some(row)
        })
        .count();
    Some([both, fires(a).count(), fires(b).count()])
}
