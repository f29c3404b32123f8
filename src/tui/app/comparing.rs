//! A feature pinned beside the selected one.

use super::App;
use crate::analysis::Comparison;

impl App {
    /// The feature that is pinned and the selected one side by side, once both are known.
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

    /// Gathers anew what the pinned feature and the one aside have in common.
    pub(super) fn compare(&mut self) {
        let both = self.pinned.zip(self.aside().map(|detail| detail.feature));
        self.comparison =
            both.map(|(pinned, selected)| Comparison::gather(&self.table(), self.knn.as_deref(), pinned, selected));
    }
}
