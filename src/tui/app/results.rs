//! What jobs find out, and what follows from it: layout, colours, what is shown, what is known of a feature.

use super::{App, CLUSTER_WORDS, ClusterRow, JUMPS, ListState, Pane, Stage};
use crate::analysis::{Column, Detail, JobEvent, JobKind, JobUpdate, Product};
use crate::geometry::cluster::Clusters;
use crate::rows::Points;
use crate::text::counted;
use crate::tui::action::{Action, Context};
use crate::tui::layout::Page;
use std::sync::Arc;

impl App {
    /// Takes what a job has made.
    pub fn take(&mut self, product: Product) {
        let plot = self.plot();
        (self.unlisted, self.uncounted) = (true, true);
        match product {
            Product::Evidence => {
                self.refilter();
                self.recolour();
                self.refresh();
            }
            Product::Words(words) => {
                self.words = Some(words);
                self.name_clusters();
                self.refresh();
            }
            Product::Norms(_) => {
                self.refilter_if(&[Column::Norm]);
                self.recolour();
                self.refresh();
            }
            Product::Pca(pca) => {
                let share = |axis: usize| pca.explained_variance_ratio.get(axis).copied().unwrap_or(0.0);
                self.variance = Some([share(0), share(1)]);
                if self.map.stage == Stage::Empty {
                    self.lay_out(&Arc::new(pca.coordinates.clone()), Stage::Components, plot);
                }
            }
            Product::Knn(knn) => {
                self.knn = Some(knn);
                self.refresh();
            }
            Product::Layout { epoch, epochs, coordinates } => {
                self.leave_old_map();
                self.lay_out(&coordinates, Stage::Forming { epoch, epochs }, plot);
            }
            Product::Umap(umap) => {
                self.leave_old_map();
                self.lay_out(&Arc::new(umap.coordinates.clone()), Stage::Finished, plot);
            }
            Product::Clusters(clusters, hdbscan) => {
                (self.params.hdbscan, self.made.hdbscan) = (hdbscan, hdbscan);
                self.take_clusters(clusters);
            }
            Product::Trust(trust) => self.trust = Some(trust),
            Product::Neighbours(ranked) => {
                self.ranked = Some(ranked);
                self.refresh();
            }
            Product::Manifolds(rows, whole) => self.take_manifolds(rows, whole),
            Product::Portrait(portrait) => self.take_portrait(portrait),
            Product::Pairs(pairs) => self.take_pairs(pairs),
            Product::Selections(selections, why) => self.take_selections(selections, why),
            Product::File(path, what) => {
                // Where it lies is told whole, so that it can be found from another shell.
                let path = std::path::absolute(&path).unwrap_or(path);
                self.say(format!("wrote {what} to {}", crate::text::printable(&path.display().to_string())));
                self.files.push(path);
            }
        }
    }

    pub(super) fn lay_out(&mut self, coordinates: &Arc<Points>, stage: Stage, plot: (u16, u16)) {
        self.map.set_layout(coordinates, stage, plot);
        self.layout = Some(Arc::clone(coordinates));
        self.refilter_if(&[Column::X, Column::Y]);
        if self.map.class.is_empty() {
            self.recolour();
        }
        // The crosshair stays on the feature, wherever it drifts.
        if let Some(feature) = self.selected {
            self.map.follow(feature, plot);
        } else {
            let all: Vec<u32> = (0..self.study.features() as u32).collect();
            if let Some(feature) = self.map.middle_of(&all) {
                self.select(feature);
            }
        }
    }

    /// Selects a feature and puts the crosshair on it.
    pub(super) fn select(&mut self, feature: u32) {
        let plot = self.plot();
        self.map.reveal(feature, plot);
        self.follow(feature);
    }

    /// Selects a feature and leaves the crosshair where it is.
    pub(super) fn follow(&mut self, feature: u32) {
        self.drift(feature);
        self.come_to_rest();
    }

    /// Selects a feature that the moving cursor has come to; what is known of it is gathered when it rests.
    pub(super) fn drift(&mut self, feature: u32) {
        if self.selected != Some(feature) {
            self.selected = Some(feature);
            for pane in [Pane::Feature, Pane::Neighbours, Pane::Passages] {
                self.lists[pane as usize] = ListState::default();
            }
            self.drifts = true;
        }
    }

    /// The cursor rests: gathers what is known about where it stands.
    pub(super) fn come_to_rest(&mut self) {
        if std::mem::take(&mut self.drifts) {
            self.refresh();
        }
    }

    /// Selects a feature as a step of the journey: it can be come back to.
    pub(super) fn visit(&mut self, feature: u32) {
        if feature as usize >= self.study.features() {
            return self.complain(format!(
                "there is no feature {feature}; the last is {}",
                self.study.features().saturating_sub(1)
            ));
        }
        let here = self.selected;
        self.jumps.truncate(self.jump + 1);
        for stop in here.into_iter().chain([feature]) {
            if self.jumps.last() != Some(&stop) {
                self.jumps.push(stop);
            }
        }
        let excess = self.jumps.len().saturating_sub(JUMPS);
        self.jumps.drain(..excess);
        self.jump = self.jumps.len().saturating_sub(1);
        self.select(feature);
    }

    /// Gathers anew what is known about the selected feature, and about the one aside.
    pub(super) fn refresh(&mut self) {
        self.drifts = false;
        let passage = self.list(Pane::Passages).cursor;
        let gather = |app: &Self, feature| Detail::gather(&app.table(), app.knn.as_deref(), feature, passage);
        self.detail = self.selected.map(|feature| gather(self, feature));
        self.rank_neighbours();
        let aside = match self.page {
            Page::Neighbours => self.neighbours().and_then(|all| all.get(self.list(Pane::Neighbours).cursor)),
            _ => None,
        };
        self.peek = aside.map(|neighbour| neighbour.feature).map(|feature| gather(self, feature));
        self.compare();
        self.gather_members();
    }

    /// The features of the cluster under the cursor, nearest to its middle on the map first.
    fn gather_members(&mut self) {
        let cluster = self.cluster_rows.get(self.list(Pane::Clusters).cursor).map(|row| row.cluster);
        let mut members = match (cluster, self.page) {
            (Some(cluster), Page::Clusters) => self.members_of(cluster),
            (_, Page::Selections) => self.selection_features(self.list(Pane::Selections).cursor),
            (_, Page::Heatmap) => self.heat.pairs().map_or(Vec::new(), |pairs| pairs.features.clone()),
            (_, Page::Histograms) => return self.gather_bar(),
            (_, Page::Manifolds) => self.group_here().map_or(Vec::new(), |row| row.found.features.clone()),
            _ => Vec::new(),
        };
        if matches!(self.page, Page::Clusters | Page::Selections) {
            self.map.sort_from_middle(&mut members);
        }
        self.members = members;
    }

    pub(super) fn recolour(&mut self) {
        let mut map = std::mem::take(&mut self.map);
        map.recolour(&self.table(), self.clusters.as_deref());
        self.map = map;
    }

    /// Decides anew what is shown.
    pub(super) fn refilter(&mut self) {
        let mut shown = self.filters.shown(&self.table(), &self.marks);
        if let Some(trial) = &self.trial {
            let table = self.table();
            for (feature, shown) in shown.iter_mut().enumerate().filter(|(_, shown)| **shown) {
                *shown = trial.passes(&table, feature);
            }
        }
        self.map.set_shown(&shown);
        self.shown = shown;
        self.uncounted = true;
        if let Some(search) = &mut self.search {
            search.keep_shown(&self.shown);
        }
        self.count_clusters();
    }

    pub(super) fn refilter_if(&mut self, columns: &[Column]) {
        let trial = self.trial.as_ref().is_some_and(|trial| trial.columns().iter().any(|c| columns.contains(c)));
        if trial || self.filters.looks_at(columns) {
            self.refilter();
        }
    }

    pub(super) fn name_clusters(&mut self) {
        if let (Some(words), Some(clusters)) = (&self.words, &self.clusters) {
            self.cluster_words = words.of_clusters(clusters, CLUSTER_WORDS);
        }
        self.count_clusters();
    }

    pub(super) fn count_clusters(&mut self) {
        let Some(clusters) = self.clusters.clone() else { return };
        let mut rows: Vec<ClusterRow> = (0..=clusters.count)
            .map(|at| ClusterRow {
                cluster: if at < clusters.count { at as i32 } else { -1 },
                size: 0,
                shown: 0,
                marked: 0,
                words: self.cluster_words.get(at).cloned().unwrap_or_default(),
            })
            .collect();
        for (feature, label) in clusters.labels.iter().enumerate() {
            let at = usize::try_from(*label).unwrap_or(clusters.count).min(clusters.count);
            rows[at].size += 1;
            rows[at].shown += usize::from(self.shown.get(feature).copied().unwrap_or(true));
        }
        for mark in &self.marks {
            let label = clusters.labels.get(*mark as usize).copied().unwrap_or(-1);
            rows[usize::try_from(label).unwrap_or(clusters.count).min(clusters.count)].marked += 1;
        }
        self.cluster_rows = rows;
    }

    pub(super) fn job(&mut self, event: JobEvent) {
        self.jobs.record(&event);
        if !self.jobs.is_current(&event) {
            return;
        }
        match event.update {
            JobUpdate::Product(product) => {
                if event.kind == JobKind::Clusters {
                    // What was grouped by hand is not fitted anew.
                    self.params.fit_clusters = false;
                    self.regrouping = None;
                }
                self.take(product);
                self.retry_line();
            }
            JobUpdate::Finished if event.kind == JobKind::Map => {
                self.kept = None;
                self.start_trust();
                if !std::mem::replace(&mut self.welcomed, true) && self.message.is_none() {
                    self.welcome();
                }
            }
            JobUpdate::Finished => {}
            JobUpdate::Cancelled => {
                self.say(format!("{}: cancelled", event.kind.name()));
                self.keep_map(event.kind);
            }
            JobUpdate::Failed(ref why) => {
                self.complain(format!("{}: {why}", event.kind.name()));
                self.keep_map(event.kind);
            }
        }
    }

    /// Says what the first map shows, and what to press next.
    fn welcome(&mut self) {
        let key = |action| self.keymap.way(Context::Map, action);
        let clusters = self.clusters.as_ref().map_or(0, |clusters| clusters.count);
        self.say(format!(
            "{} on the map: {} next cluster, {} manifolds, {} find, {} tour",
            counted(clusters, "cluster", "clusters"),
            key(Action::NextCluster),
            key(Action::GoManifolds),
            key(Action::Search),
            key(Action::Tour)
        ));
    }

    /// What was said of the map before does not hold of the one that comes.
    fn leave_old_map(&mut self) {
        self.trust = None;
        self.made.umap = self.params.umap;
        self.old_clusters = self.clusters.is_some();
    }

    /// Takes clusters in the place of those that are there.
    pub(super) fn take_clusters(&mut self, clusters: Arc<Clusters>) {
        self.old_clusters = false;
        self.forget_clusters(&clusters);
        self.clusters = Some(clusters);
        self.name_clusters();
        self.refilter();
        self.recolour();
        self.refresh();
    }
}
