//! The panes that have the focus, and the cursors of those that are lists.

use super::App;
use crate::tui::action::Context;
use crate::tui::layout::{self, Page};
use crate::tui::widgets::table::scroll;
use ratatui::layout::Rect;

/// Rows of context kept above and below a list's cursor.
const MARGIN: usize = 2;

/// A pane that can have the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pane {
    /// The map.
    Map,
    /// Beside the page: a feature in short, with its nearest neighbours as a list.
    Feature,
    /// Beside a list of sets, or a chart of features: those of the one under the cursor.
    Members,
    /// The passages on which the feature fires.
    Passages,
    /// The table of neighbours.
    Neighbours,
    /// The table of clusters.
    Clusters,
    /// The table of groups of features.
    Manifolds,
    /// The cloud of one of them, or a chart about it.
    Cloud,
    /// Its tokens, in the order in which they lie along it.
    Along,
    /// The table of the features that are shown.
    Table,
    /// The list of selections.
    Selections,
    /// The pairs of a set of features.
    Heatmap,
    /// The histograms.
    Histograms,
    /// The table of jobs.
    Jobs,
    /// The facts about the dictionary.
    Info,
    /// The lines of the help.
    Help,
}

impl Pane {
    /// Every pane, in the order of the enumeration.
    pub const ALL: [Self; 16] = [
        Self::Map,
        Self::Feature,
        Self::Members,
        Self::Passages,
        Self::Neighbours,
        Self::Clusters,
        Self::Manifolds,
        Self::Cloud,
        Self::Along,
        Self::Table,
        Self::Selections,
        Self::Heatmap,
        Self::Histograms,
        Self::Jobs,
        Self::Info,
        Self::Help,
    ];

    /// The context in which its keys are looked up.
    pub fn context(self) -> Context {
        match self {
            Self::Map => Context::Map,
            Self::Feature | Self::Members => Context::Side,
            Self::Passages => Context::Passages,
            Self::Neighbours => Context::Neighbours,
            Self::Clusters => Context::Clusters,
            Self::Manifolds => Context::Manifolds,
            Self::Cloud => Context::Cloud,
            Self::Along => Context::Along,
            Self::Table => Context::Table,
            Self::Selections => Context::Selections,
            Self::Heatmap => Context::Heatmap,
            Self::Histograms => Context::Histograms,
            Self::Jobs => Context::Jobs,
            Self::Info => Context::Info,
            Self::Help => Context::Help,
        }
    }

    /// The panes of a page, the main one first, then the side one.
    pub fn of(page: Page) -> &'static [Self] {
        match page {
            Page::Map => &[Self::Map, Self::Feature],
            Page::Feature => &[Self::Passages, Self::Feature],
            Page::Neighbours => &[Self::Neighbours, Self::Feature],
            Page::Clusters => &[Self::Clusters, Self::Members],
            Page::Manifolds => &[Self::Manifolds, Self::Members],
            Page::Manifold => &[Self::Cloud, Self::Along],
            Page::Table => &[Self::Table, Self::Feature],
            Page::Selections => &[Self::Selections, Self::Members],
            Page::Heatmap => &[Self::Heatmap, Self::Members],
            Page::Histograms => &[Self::Histograms, Self::Members],
            Page::Jobs => &[Self::Jobs],
            Page::Info => &[Self::Info],
            Page::Help => &[Self::Help],
        }
    }
}

/// A list's cursor and the first row on screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListState {
    /// The row under the cursor; within the rows if there are any.
    pub cursor: usize,
    /// The first row on screen.
    pub offset: usize,
}

impl ListState {
    /// Keeps cursor and offset within a list of so many rows, of which `height` are seen.
    pub(in crate::tui) fn settle(&mut self, rows: usize, height: usize) {
        self.cursor = self.cursor.min(rows.saturating_sub(1));
        self.offset = scroll(self.offset, self.cursor, rows, height, MARGIN);
    }

    /// Moves the cursor by rows.
    pub(in crate::tui) fn step(&mut self, by: i64, rows: usize) {
        let to = (self.cursor as i64).saturating_add(by).clamp(0, rows.saturating_sub(1) as i64);
        self.cursor = to as usize;
    }
}

impl App {
    /// How many rows a list has.
    pub fn rows(&self, pane: Pane) -> usize {
        match pane {
            Pane::Map | Pane::Cloud | Pane::Heatmap | Pane::Histograms => 0,
            Pane::Feature => self.aside().and_then(|detail| detail.neighbours.as_ref()).map_or(0, Vec::len),
            Pane::Members => self.members.len(),
            Pane::Neighbours => self.neighbours().map_or(0, <[_]>::len),
            Pane::Passages => self.detail.as_ref().map_or(0, |detail| detail.examples.len()),
            Pane::Clusters => self.cluster_rows.len(),
            Pane::Manifolds => self.shapes.listed().len(),
            Pane::Along => self.cloud.listed().len(),
            Pane::Selections => self.selection_count(),
            Pane::Table => self.listed.len(),
            Pane::Jobs => self.jobs.list().count(),
            Pane::Info => self.facts().len(),
            Pane::Help => self.help().len(),
        }
    }
    /// Brings every list's cursor and offset back into its bounds.
    pub(super) fn settle(&mut self) {
        self.list_features();
        self.count_bars();
        self.measure_pairs();
        for pane in Pane::of(self.page) {
            let height = usize::from(self.list_area(*pane).height);
            let rows = self.rows(*pane);
            self.lists[*pane as usize].settle(rows, height);
        }
    }

    /// The rows on screen of a list, without its line of headings.
    pub(super) fn list_area(&self, pane: Pane) -> Rect {
        let areas = self.areas();
        let inside = layout::inner(areas.main);
        let headed = |area: Rect| Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        match pane {
            Pane::Map | Pane::Cloud | Pane::Heatmap | Pane::Histograms => Rect::default(),
            Pane::Feature | Pane::Members | Pane::Along => areas.list,
            Pane::Info | Pane::Help => inside,
            Pane::Passages => layout::passages(inside, self.reading).0,
            Pane::Neighbours | Pane::Clusters | Pane::Manifolds | Pane::Table | Pane::Selections | Pane::Jobs => {
                headed(inside)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_in_the_list_and_in_sight() {
        let mut list = ListState::default();
        list.step(-5, 10);
        assert_eq!(list.cursor, 0);
        list.step(i64::MAX, 10);
        list.settle(10, 4);
        assert_eq!((list.cursor, list.offset), (9, 6));
        list.settle(3, 4);
        assert_eq!((list.cursor, list.offset), (2, 0));
        list.settle(0, 4);
        assert_eq!((list.cursor, list.offset), (0, 0));
        list.step(3, 0);
        assert_eq!(list.cursor, 0);
    }

    #[test]
    fn panes_are_listed_in_their_order() {
        for (at, pane) in Pane::ALL.into_iter().enumerate() {
            assert_eq!(pane as usize, at);
        }
    }

    #[test]
    fn every_page_has_a_main_pane_of_its_own() {
        for page in Page::ALL {
            let panes = Pane::of(page);
            assert!(!panes.is_empty() && !matches!(panes[0], Pane::Feature | Pane::Members), "{page:?}");
        }
    }
}
