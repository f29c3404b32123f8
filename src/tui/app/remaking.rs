//! Making the map anew with other parameters, or grouping it anew.
//!
//! Both are jobs; what was there stays on screen until they bring something else. Parameters are typed as
//! `name=value`, named as the flags of the verbs are.

use super::{App, Kept, ListState, Pane, Stage};
use crate::analysis::jobs::{Job, JobState};
use crate::analysis::map::map_job;
use crate::analysis::{JobKind, MapParams, Product, Words};
use crate::geometry::cluster::Clusters;
use crate::geometry::cluster::hdbscan::HdbscanParams;
use crate::tui::action::{Action, Context};
use std::sync::Arc;

/// Smallest clusters that the steps finer and coarser go through.
const SIZES: [usize; 14] = [3, 5, 8, 10, 15, 20, 30, 50, 75, 100, 150, 250, 500, 1000];

/// `name=value` for every parameter of the grouping.
pub(super) fn grouping_line(params: &HdbscanParams) -> String {
    format!("min-cluster-size={} min-samples={}", params.min_cluster_size, params.samples())
}

/// `name=value` for every parameter of the layout.
pub(super) fn layout_line(params: &MapParams) -> String {
    let umap = &params.umap;
    format!("neighbors={} min-dist={} seed={}", umap.neighbors, umap.min_dist, umap.seed)
}

/// The grouping after one step of [`SIZES`] towards smaller clusters (or larger ones): `min_samples` stays, cut to
/// the size.
fn stepped(params: &HdbscanParams, finer: bool) -> HdbscanParams {
    let here = params.min_cluster_size;
    let size = if finer {
        SIZES.into_iter().rev().find(|size| *size < here).unwrap_or(here)
    } else {
        SIZES.into_iter().find(|size| *size > here).unwrap_or(here)
    };
    HdbscanParams { min_cluster_size: size, min_samples: params.min_samples.map(|samples| samples.min(size)) }
}

/// Hands every `name=value` of `text` to `set`, which says whether it knows the name and can read the value.
fn read_settings(text: &str, known: &str, mut set: impl FnMut(&str, &str) -> Option<()>) -> Result<(), String> {
    for word in text.split_whitespace() {
        let (name, value) =
            word.split_once('=').ok_or_else(|| format!("{word}: expected name=value, as in {known}"))?;
        set(name.trim_start_matches('-'), value).ok_or_else(|| format!("{word}: expected as in {known}"))?;
    }
    Ok(())
}

impl App {
    /// Reads a line as [`grouping_line`] writes it; what is left out stays as it is.
    pub(super) fn parse_grouping(&self, text: &str) -> Result<HdbscanParams, String> {
        let mut params = self.params.hdbscan;
        let samples = params.samples();
        read_settings(text, &grouping_line(&params), |name, value| {
            match name {
                "min-cluster-size" => params.min_cluster_size = value.parse().ok()?,
                "min-samples" if value.parse() == Ok(samples) && params.samples() == samples => {}
                "min-samples" => params.min_samples = Some(value.parse().ok()?),
                _ => return None,
            }
            Some(())
        })?;
        params.check(self.study.features()).map_err(|error| error.to_string())?;
        Ok(params)
    }

    /// Reads a line as [`layout_line`] writes it; what is left out stays as it is.
    pub(super) fn parse_layout(&self, text: &str) -> Result<MapParams, String> {
        let mut params = self.params;
        read_settings(text, &layout_line(&params), |name, value| {
            match name {
                "neighbors" => params.umap.neighbors = value.parse().ok()?,
                "min-dist" => params.umap.min_dist = value.parse().ok()?,
                "seed" => params.umap.seed = value.parse().ok()?,
                _ => return None,
            }
            Some(())
        })?;
        params.check(self.study.features()).map_err(|error| error.to_string())?;
        Ok(params)
    }

    /// Groups the map anew, by steps towards smaller clusters.
    pub(super) fn regroup_by(&mut self, steps: i32) {
        let runs = self.jobs.current(JobKind::Clusters).is_some_and(Job::is_running);
        let here = self.regrouping.filter(|_| runs).unwrap_or(self.params.hdbscan);
        let mut params = here;
        for _ in 0..steps.unsigned_abs().min(SIZES.len() as u32) {
            params = stepped(&params, steps > 0);
        }
        if params.min_cluster_size == here.min_cluster_size {
            let end = if steps > 0 { "smallest" } else { "largest" };
            return self.say(format!("this is the {end} step"));
        }
        self.regroup(params);
    }

    /// Groups the finished map anew.
    pub(super) fn regroup(&mut self, hdbscan: HdbscanParams) {
        // A map that is being made groups itself.
        let waits = self.kept.is_some() || self.clusters.is_none() && self.makes_map();
        let Some(layout) = self.finished_layout().filter(|_| !waits) else {
            return self.complain("clusters come when the map is finished");
        };
        if hdbscan == self.made.hdbscan && self.clusters.is_some() {
            self.jobs.drop_kind(JobKind::Clusters);
            self.regrouping = None;
            return self.say(format!("these are the clusters with {}", grouping_line(&hdbscan)));
        }
        self.regrouping = Some(hdbscan);
        let (study, params) = (Arc::clone(&self.study), MapParams { hdbscan, ..self.made });
        self.jobs.start(JobKind::Clusters, move |context| {
            let clusters = study.map_clusters(&params, &layout, &context.task)?;
            context.publish(Product::Clusters(Arc::new(clusters), hdbscan));
            Ok(())
        });
        self.say(format!("grouping with {}", grouping_line(&hdbscan)));
    }

    /// Makes the map with other parameters; with those that it was made with there is nothing to do.
    pub(super) fn remake_with(&mut self, params: MapParams) {
        if params.umap == self.made.umap && self.finished_layout().is_some() {
            // Another one that has not begun to show is not wanted any more.
            if self.params.umap != params.umap
                && let Some(kept) = self.kept.take()
            {
                self.jobs.drop_kind(JobKind::Map);
                self.params = kept.params;
                self.measure_trust();
            }
            return self.say(format!("this is the map with {}", layout_line(&params)));
        }
        self.remake(params);
    }

    /// Makes the map anew; the one on screen stays until the new one forms, and comes back if that is cancelled.
    pub(super) fn remake(&mut self, params: MapParams) {
        if self.kept.is_none()
            && let Some((layout, clusters)) = self.finished_layout().zip(self.clusters.clone())
        {
            let (map, plot, trust) = (self.map.clone(), self.plot(), self.trust.clone());
            self.kept = Some(Kept { layout, map, plot, clusters, params: self.params, trust });
        }
        self.params = params;
        if params.fit_clusters {
            self.params.hdbscan = HdbscanParams::default();
        }
        // They belong to the layout that goes.
        self.jobs.drop_kind(JobKind::Clusters);
        self.jobs.drop_kind(JobKind::Trust);
        self.regrouping = None;
        self.start_map();
        self.say(format!("making the map with {}", layout_line(&self.params)));
    }

    /// A job has ended without a result: if the new map will not come, the last whole one stays.
    pub(super) fn keep_map(&mut self, ended: JobKind) {
        if ended != JobKind::Map {
            return;
        }
        if let Some(Kept { layout, map, plot, clusters, params, trust }) = self.kept.take() {
            (self.params, self.made) = (params, params);
            // Before anything of the new one was shown, the view is the user's own.
            if !self.layout.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, &layout)) {
                self.map.come_back(map);
                self.layout = Some(layout);
                self.take_clusters(clusters);
                self.fit_plot(plot);
            }
            self.trust = trust;
            self.measure_trust();
        }
    }

    /// Has it measured how far the finished map can be trusted, unless that is known.
    fn measure_trust(&mut self) {
        if self.trust.is_none() {
            self.start_trust();
        }
    }

    /// Whether a map is being made.
    pub(super) fn makes_map(&self) -> bool {
        self.jobs.current(JobKind::Map).is_some_and(Job::is_running)
    }

    /// Starts the job that makes the map.
    pub(super) fn start_map(&mut self) {
        let (study, params) = (Arc::clone(&self.study), self.params);
        self.jobs.start(JobKind::Map, move |context| map_job(&study, &params, context));
    }

    /// Starts the job that measures how far the finished map can be trusted.
    pub(super) fn start_trust(&mut self) {
        let Some(layout) = self.finished_layout() else { return };
        let (study, params) = (Arc::clone(&self.study), self.params);
        self.jobs.start(JobKind::Trust, move |context| {
            if let Some(trust) = study.map_trust(&params, &layout, &context.task)? {
                context.publish(Product::Trust(Arc::new(trust)));
            }
            Ok(())
        });
    }

    /// Starts the job that reads activations, texts and labels.
    pub(super) fn start_evidence(&mut self) {
        let study = Arc::clone(&self.study);
        self.jobs.start(JobKind::Evidence, move |context| {
            study.load_evidence(&context.task)?;
            context.publish(Product::Evidence);
            context.publish(Product::Words(Arc::new(Words::build(&study, &context.task)?)));
            Ok(())
        });
    }

    /// What the header says of the map.
    pub fn stage_words(&self) -> String {
        let state = self.jobs.current(JobKind::Map).map(|job| &job.state);
        match (self.map.stage, state) {
            (Stage::Finished, _) => format!("UMAP k{} s{}", self.made.umap.neighbors, self.made.umap.seed),
            (_, Some(JobState::Failed(_))) => "the map failed".into(),
            (_, Some(JobState::Cancelled)) => "the map was cancelled".into(),
            (Stage::Empty, _) => "reading".into(),
            (Stage::Components, _) => "principal components".into(),
            (Stage::Forming { epoch, epochs }, _) => format!("UMAP {epoch}/{epochs}"),
        }
    }

    /// What is said where something that the map's job makes is not there.
    pub fn awaited(&self, what: &str) -> String {
        let again = || {
            let way = |action| self.keymap.way(Context::Jobs, action);
            format!("{} {} runs it again", way(Action::GoJobs), way(Action::RestartJob))
        };
        match self.jobs.current(JobKind::Map).map(|job| &job.state) {
            Some(JobState::Failed(_)) => {
                format!("no {what}: the map failed; {} tells why", self.keymap.way(Context::Map, Action::GoJobs))
            }
            Some(JobState::Cancelled) => format!("no {what}: the map was cancelled; {}", again()),
            Some(JobState::Finished(_)) => format!("no {what}"),
            _ => format!("{what} are being computed"),
        }
    }

    fn finished_layout(&self) -> Option<Arc<crate::rows::Points>> {
        self.layout.clone().filter(|_| self.map.stage == Stage::Finished)
    }

    /// Before other clusters come: what was said of the old ones by number means nothing any more.
    pub(super) fn forget_clusters(&mut self, new: &Clusters) {
        if self.clusters.as_deref().is_none_or(|old| old == new) {
            return;
        }
        if self.filters.forget_clusters() {
            self.say("the clusters are new: what was said of the old ones is filtered no more");
        }
        self.undo.forget_clusters();
        self.lists[Pane::Clusters as usize] = ListState::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_through_the_sizes_and_stop_at_the_ends() {
        let plain = |min_cluster_size| HdbscanParams { min_cluster_size, min_samples: None };
        assert_eq!(stepped(&plain(15), true), plain(10));
        assert_eq!(stepped(&plain(15), false), plain(20));
        assert_eq!(stepped(&plain(12), true), plain(10));
        assert_eq!(stepped(&plain(3), true), plain(3));
        assert_eq!(stepped(&plain(2), true), plain(2));
        assert_eq!(stepped(&plain(4000), false), plain(4000));
        let five = HdbscanParams { min_cluster_size: 5, min_samples: Some(5) };
        assert_eq!(stepped(&five, true), HdbscanParams { min_cluster_size: 3, min_samples: Some(3) });
        assert_eq!(stepped(&five, false), HdbscanParams { min_cluster_size: 8, min_samples: Some(5) });
    }
}
