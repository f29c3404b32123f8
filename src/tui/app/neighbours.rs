//! The neighbours of the selected feature, by any of the measures there are.
//!
//! Those of the map's own graph are at hand for every feature. On the page of neighbours more of them are asked for,
//! by the measure that was chosen, as a job: one pass over the rows.

use super::App;
use crate::analysis::jobs::JobState;
use crate::analysis::query::Ranked;
use crate::analysis::{JobKind, Neighbor, NeighborsBy, Product, Study};
use crate::error::Result;
use crate::task::Task;
use crate::tui::layout::Page;
use std::sync::Arc;

/// How many neighbours the page lists.
const COUNT: usize = 50;

/// The nearest features of one, as many as its page lists.
fn ranked(study: &Study, feature: u32, by: NeighborsBy, task: &Task) -> Result<Ranked> {
    let count = COUNT.min(study.features().saturating_sub(1));
    let neighbours = if count == 0 { Vec::new() } else { study.neighbors(feature as usize, count, by, task)? };
    Ok(Ranked { feature, by, neighbours: Arc::new(neighbours) })
}

/// What a measure of neighbours is called.
pub(super) fn by_name(by: NeighborsBy) -> &'static str {
    match by {
        NeighborsBy::Decoder => "cosine of the decoder directions",
        NeighborsBy::Encoder => "cosine of the encoder directions",
        NeighborsBy::Activation => "cosine of the activations",
    }
}

impl App {
    /// What neighbours on their page are measured by, in words.
    pub fn neighbours_by(&self) -> &'static str {
        by_name(self.neighbours_by)
    }

    /// The neighbours of the selected feature on their page: as many as were asked for, else, while these are being
    /// found, those of the map's graph; none while there are neither.
    pub fn neighbours(&self) -> Option<&[Neighbor]> {
        let feature = self.selected?;
        let ranked = self.ranked.as_ref().filter(|r| r.feature == feature && r.by == self.neighbours_by);
        let own = || {
            let detail = self.detail.as_ref().filter(|detail| detail.feature == feature)?;
            detail.neighbours.as_ref().filter(|_| self.neighbours_by == NeighborsBy::Decoder).map(Vec::as_slice)
        };
        ranked.map(|ranked| ranked.neighbours.as_slice()).or_else(own)
    }

    /// What is said on their page where they are not there.
    pub fn awaited_neighbours(&self) -> String {
        match self.jobs.current(JobKind::Neighbours).map(|job| &job.state) {
            Some(JobState::Failed(why)) => format!("no neighbours: {why}"),
            Some(JobState::Cancelled) => "no neighbours: ranking them was cancelled".into(),
            _ => "neighbours are being ranked".into(),
        }
    }

    /// Asks for the neighbours that the page of neighbours shows, if it is open and they are not there.
    pub(super) fn rank_neighbours(&mut self) {
        let Some(feature) = self.selected.filter(|_| self.page == Page::Neighbours) else { return };
        let by = self.neighbours_by;
        if self.ranked.as_ref().is_some_and(|ranked| ranked.feature == feature && ranked.by == by) {
            return;
        }
        self.start_neighbours(feature);
    }

    /// Starts the job that finds the neighbours of a feature by the measure that was chosen.
    pub(super) fn start_neighbours(&mut self, feature: u32) {
        let (study, by) = (Arc::clone(&self.study), self.neighbours_by);
        self.jobs.start(JobKind::Neighbours, move |context| {
            context.publish(Product::Neighbours(ranked(&study, feature, by, &context.task)?));
            Ok(())
        });
    }

    /// Finds the neighbours of a feature here and now, for a frame that waits for no job.
    ///
    /// # Errors
    /// As [`Study::neighbors`].
    pub fn rank_now(&mut self, feature: u32, task: &Task) -> Result<()> {
        let ranked = ranked(&self.study, feature, self.neighbours_by, task)?;
        self.take(Product::Neighbours(ranked));
        Ok(())
    }

    /// Measures neighbours by the next measure there is.
    pub(super) fn next_neighbours_by(&mut self) {
        let all = [NeighborsBy::Decoder, NeighborsBy::Encoder, NeighborsBy::Activation];
        let known = |by: &NeighborsBy| match by {
            NeighborsBy::Decoder => true,
            NeighborsBy::Encoder => self.study.dictionary.encoder.is_some(),
            NeighborsBy::Activation => self.study.activations().is_some(),
        };
        let at = all.iter().position(|by| *by == self.neighbours_by).unwrap_or(0);
        let next = (1..=all.len()).map(|by| all[(at + by) % all.len()]).find(known);
        self.neighbours_by = next.unwrap_or(NeighborsBy::Decoder);
        self.rank_neighbours();
        self.say(format!("neighbours by {}", self.neighbours_by()));
    }
}
