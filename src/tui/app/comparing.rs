//! A feature pinned beside the selected one, and what the two have in common.

use super::App;
use crate::analysis::{Detail, Study};
use crate::rows::{Rows, dot};

/// Two features side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The one that is pinned.
    pub pinned: Detail,
    /// The selected one.
    pub selected: u32,
    /// Cosine of their decoder directions; 0 if one has none.
    pub decoder: f64,
    /// Cosine of their encoder directions, if there is an encoder.
    pub encoder: Option<f64>,
    /// On how many tokens both fire, and each of them (the selected one first); none without activations.
    pub together: Option<[usize; 3]>,
}

/// Cosine of two rows; 0 where one of them is zero. O(d).
fn cosine(rows: &dyn Rows, a: u32, b: u32) -> f64 {
    let row = |feature: u32| {
        let mut out = vec![0f32; rows.ncols()];
        rows.read(feature as usize..feature as usize + 1, &mut out);
        out
    };
    let (a, b) = (row(a), row(b));
    let scale = (dot(&a, &a) * dot(&b, &b)).sqrt();
    if scale > 0.0 { (dot(&a, &b) / scale).clamp(-1.0, 1.0) } else { 0.0 }
}

/// On how many tokens two features fire, and each of them. O(tokens on which they do).
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

impl App {
    /// The feature that is pinned beside the selected one.
    pub fn pinned(&self) -> Option<u32> {
        self.pinned
    }
    /// It and the selected one, once both are known.
    pub fn comparison(&self) -> Option<&Comparison> {
        self.comparison.as_ref()
    }

    /// Pins the feature under the cursor, or lets the pinned one go.
    pub(super) fn pin(&mut self) {
        match (self.pinned.take(), self.feature_here().or(self.selected)) {
            (Some(feature), _) => self.say(format!("#{feature} is no longer pinned")),
            (None, Some(feature)) => {
                self.pinned = Some(feature);
                self.say(format!("#{feature} is pinned: move on to compare it with others"));
            }
            (None, None) => self.complain("no feature is selected"),
        }
        self.compare();
    }

    /// Gathers anew what the pinned feature and the selected one have in common.
    pub(super) fn compare(&mut self) {
        let both = self.pinned.zip(self.aside().map(|detail| detail.feature));
        self.comparison = both.map(|(pinned, selected)| Comparison {
            pinned: Detail::gather(&self.table(), self.knn.as_deref(), pinned, 0),
            selected,
            decoder: cosine(&self.study.dictionary.decoder, selected, pinned),
            encoder: self.study.dictionary.encoder.as_ref().map(|encoder| cosine(encoder, selected, pinned)),
            together: together(&self.study, selected, pinned),
        });
    }
}
