//! The histograms: how the features are distributed over density, norm and activation, and the bars under the cursor.
//!
//! Counts follow the filters. The bars under the cursor are a set like any other: they can be marked, and filtered by.

use super::{App, Pane};
use crate::analysis::distribution::{Distribution, SHOWN};
use crate::analysis::{Filter, columns::FeatureTable};
use crate::text::counted;
use crate::tui::action::Action;
use crate::tui::layout::Page;
use std::ops::Range;

/// Fewest and most bars of a chart.
const BARS: (usize, usize) = (12, 64);

/// How the histograms stand.
#[derive(Debug, Clone, Default)]
pub struct BarState {
    all: Vec<Distribution>,
    /// Which has the cursor.
    at: usize,
    /// The bar under the cursor, and the other end of the span.
    bar: usize,
    anchor: Option<usize>,
}

impl BarState {
    /// The histograms of what is known.
    pub fn all(&self) -> &[Distribution] {
        &self.all
    }
    /// Which of them has the cursor.
    pub fn at(&self) -> usize {
        self.at
    }
    /// The one with the cursor.
    pub fn here(&self) -> Option<&Distribution> {
        self.all.get(self.at)
    }
    /// The bars under the cursor.
    pub fn span(&self) -> Range<usize> {
        let other = self.anchor.unwrap_or(self.bar);
        self.bar.min(other)..self.bar.max(other) + 1
    }
}

impl App {
    /// The histograms.
    pub fn bars(&self) -> &BarState {
        &self.bars
    }

    /// How many bars fit.
    fn bar_count(&self) -> usize {
        let width = usize::from(self.areas().plot.width.saturating_sub(2));
        let width = if width >= 2 * (BARS.1 + 4) { width / 2 } else { width };
        // Bars of two columns each, where there is room.
        let width = if width > BARS.1 { width / 2 } else { width };
        width.clamp(BARS.0, BARS.1)
    }

    /// Counts anew if the page is open and something it shows has changed.
    pub(super) fn count_bars(&mut self) {
        if self.page != Page::Histograms {
            return;
        }
        let bins = self.bar_count();
        let fits = self.bars.here().is_some_and(|here| here.counts.len() == bins);
        if fits && !self.uncounted {
            return;
        }
        self.uncounted = false;
        let table = self.table();
        let shown = (!self.filters.is_empty() || self.trial.is_some()).then_some(&self.shown[..]);
        let known = SHOWN.into_iter().filter(|column| table.has(*column));
        let all: Vec<Distribution> = known.map(|column| Distribution::of(&table, column, bins, shown)).collect();
        // The cursor stays at its value.
        let value = self.bars.here().and_then(|here| Some((here.column, *here.edges.get(self.bars.bar)?)));
        let at = value.and_then(|(column, _)| all.iter().position(|one| one.column == column));
        let bar = value.zip(at).and_then(|((_, value), at)| all[at].bin(value));
        if let Some(bar) = bar.filter(|_| !fits) {
            (self.bars.bar, self.bars.anchor) = (bar, None);
        }
        self.bars.at = at.unwrap_or(0);
        self.bars.all = all;
        if value.is_none() {
            self.bar_of_selected();
        }
        self.bars.bar = self.bars.bar.min(bins - 1);
        self.gather_bar();
    }

    /// The bar of a feature in the histogram with the cursor.
    pub fn bar_of(&self, distribution: &Distribution, feature: u32) -> Option<usize> {
        let value = self.table().value(distribution.column, feature as usize).number()?;
        distribution.bin(value)
    }

    /// The cursor begins at the bar of the selected feature, else in the middle.
    fn bar_of_selected(&mut self) {
        let Some(here) = self.bars.here() else { return };
        let own = self.selected.and_then(|feature| self.bar_of(here, feature));
        self.bars.bar = own.unwrap_or(here.counts.len() / 2);
        self.bars.anchor = None;
    }

    /// The features of the bars under the cursor.
    pub(super) fn gather_bar(&mut self) {
        if self.page == Page::Histograms {
            let table: FeatureTable<'_> = self.table();
            let mut members = self.bars.here().map_or_else(Vec::new, |here| here.members(&table, self.bars.span()));
            members.retain(|feature| self.is_shown(*feature));
            self.members = members;
            self.lists[Pane::Members as usize] = super::ListState::default();
        }
    }

    /// Moves through the bars, or to another histogram.
    pub(super) fn move_in_bars(&mut self, dx: i64, dy: i64) {
        let Some(here) = self.bars.here() else { return };
        let last = here.counts.len().saturating_sub(1) as i64;
        let to = (self.bars.bar as i64).saturating_add(dx).clamp(0, last);
        let at = (self.bars.at as i64).saturating_add(dy).clamp(0, self.bars.all.len().saturating_sub(1) as i64);
        self.bars.bar = to as usize;
        if at as usize != self.bars.at {
            self.bars.at = at as usize;
            self.bar_of_selected();
        }
        self.drifts = true;
    }

    /// The first bar, or the last.
    pub(super) fn end_of_bars(&mut self, last: bool) {
        self.move_in_bars(if last { i64::MAX } else { i64::MIN }, 0);
    }

    /// Begins a span of bars at the cursor, or goes back to one.
    pub(super) fn span_bins(&mut self) {
        self.bars.anchor = if self.bars.anchor.is_some() { None } else { Some(self.bars.bar) };
        self.gather_bar();
        let [mark, open] = [Action::Mark, Action::Open].map(|action| self.keymap.way(self.context(), action));
        self.say(match self.bars.anchor {
            Some(_) => format!("move to span bars; {mark} marks their features, {open} filters by them"),
            None => "one bar".into(),
        });
    }
    /// Goes back from a span to one bar; false if there was none.
    pub(super) fn leave_span(&mut self) -> bool {
        let left = self.bars.anchor.take().is_some();
        if left {
            self.gather_bar();
        }
        left
    }

    /// Marks the shown features of the bars under the cursor, or unmarks them if all are.
    pub(super) fn mark_bars(&mut self) {
        self.come_to_rest();
        let members = self.members.clone();
        if members.is_empty() {
            return self.complain("no feature that is shown is in these bars");
        }
        let marked = self.toggle_marks(&members);
        let all = counted(members.len(), "feature", "features");
        self.say(format!("{all} {}", if marked { "marked" } else { "unmarked" }));
    }

    /// Shows only the features of the bars under the cursor.
    pub(super) fn filter_by_bars(&mut self) {
        let expression = self.bars.here().and_then(|here| here.expression(self.bars.span()));
        if let Some(Ok(filter)) = expression.map(|text| Filter::parse(&text)) {
            self.change_filter(Action::Filter, |app| app.filters.push(filter));
            self.bars.anchor = None;
            self.refresh();
        }
    }
}
