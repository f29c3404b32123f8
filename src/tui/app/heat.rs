//! The heatmap: of which features it shows the pairs, by which measure, in which order, and where its cursor stands.
//!
//! Sets that the user makes (marks, filters) are followed: what changes them on another page is measured anew when the
//! heatmap is looked at. The feature of the cursor's row is the selected one everywhere.

use super::{App, Pane};
use crate::analysis::jobs::{Job, JobState};
use crate::analysis::pairs::{MOST, PairMeasure, PairOrder, Pairs, pairs};
use crate::analysis::{FeatureTable, JobKind, Product, Study};
use crate::error::Result;
use crate::task::Task;
use crate::tui::layout::Page;
use std::sync::Arc;

/// Which features the heatmap shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum HeatSet {
    /// Those that are marked.
    Marked,
    /// Those that pass the filters.
    Shown,
    /// Those of a cluster.
    #[default]
    Cluster,
    /// A feature and its nearest.
    Nearest,
}

impl HeatSet {
    const ALL: [Self; 4] = [Self::Marked, Self::Shown, Self::Cluster, Self::Nearest];
}

/// What is asked of the pairs.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    features: Vec<u32>,
    measure: PairMeasure,
    order: PairOrder,
}

/// How the heatmap stands.
#[derive(Debug, Clone)]
pub struct HeatState {
    set: HeatSet,
    /// The set was chosen by a key, not by what there is.
    chosen: bool,
    /// Of which feature it is the cluster, or the nearest.
    of: Option<u32>,
    measure: PairMeasure,
    order: PairOrder,
    asked: Option<Asked>,
    pairs: Option<Arc<Pairs>>,
    cursor: (usize, usize),
}

impl Default for HeatState {
    fn default() -> Self {
        let (set, order) = (HeatSet::default(), PairOrder::default());
        let measure = PairMeasure::Decoder;
        Self { set, chosen: false, of: None, measure, order, asked: None, pairs: None, cursor: (0, 0) }
    }
}

impl HeatState {
    /// The pairs; none before they are measured.
    pub fn pairs(&self) -> Option<&Pairs> {
        self.pairs.as_deref()
    }
    /// Row and column of the cursor.
    pub fn cursor(&self) -> (usize, usize) {
        self.cursor
    }
    /// The feature of the cursor's row.
    pub fn row_feature(&self) -> Option<u32> {
        self.pairs()?.features.get(self.cursor.0).copied()
    }
    /// The feature of the cursor's column.
    pub fn column_feature(&self) -> Option<u32> {
        self.pairs()?.features.get(self.cursor.1).copied()
    }
}

/// Measures pairs with what is known of the map.
fn measured(study: &Study, table: &FeatureTable<'_>, asked: &Asked, task: &Task) -> Result<Pairs> {
    if matches!(asked.measure, PairMeasure::Firing(_)) {
        study.load_evidence(task)?;
    }
    pairs(table, &asked.features, asked.measure, asked.order, task)
}

impl App {
    /// The heatmap.
    pub fn heat(&self) -> &HeatState {
        &self.heat
    }

    /// What the set is called.
    pub fn heat_set(&self) -> String {
        match (self.heat.set, self.heat.of) {
            (HeatSet::Marked, _) => "marked features".into(),
            (HeatSet::Shown, _) => "features that are shown".into(),
            (HeatSet::Cluster, of) => match of.and_then(|feature| self.cluster_of(feature)) {
                Some(cluster @ 0..) => format!("cluster {}", super::cluster_name(cluster)),
                _ => "features of no cluster".into(),
            },
            (HeatSet::Nearest, of) => of.map_or_else(String::new, |feature| format!("#{feature} and its nearest")),
        }
    }

    fn cluster_of(&self, feature: u32) -> Option<i32> {
        self.clusters.as_ref()?.labels.get(feature as usize).copied()
    }

    /// The features of a set, ascending.
    fn heat_features(&self, set: HeatSet, of: Option<u32>) -> Vec<u32> {
        match set {
            HeatSet::Marked => self.marks.iter().copied().collect(),
            HeatSet::Shown => (0u32..).zip(&self.shown).filter(|(_, shown)| **shown).map(|(f, _)| f).collect(),
            HeatSet::Cluster => {
                of.and_then(|feature| self.cluster_of(feature)).map_or_else(Vec::new, |c| self.members_of(c))
            }
            HeatSet::Nearest => {
                let near = |feature: u32| self.knn.as_ref().map(|knn| knn.row(feature as usize).0.to_vec());
                let mut all: Vec<u32> = of.and_then(near).unwrap_or_default().into_iter().chain(of).collect();
                all.sort_unstable();
                all
            }
        }
    }

    fn fits_heatmap(features: &[u32]) -> bool {
        (2..=MOST).contains(&features.len())
    }

    /// Opens the heatmap of what the user is most likely to mean: the marks, what a filter leaves, the cluster of the
    /// selected feature, its neighbours.
    pub(super) fn go_to_heatmap(&mut self) {
        self.choose_heat_set();
        self.go(Page::Heatmap);
    }
    /// Chooses it, unless one was chosen by a key.
    fn choose_heat_set(&mut self) {
        if self.page == Page::Heatmap {
            return;
        }
        let here = self.focus == Pane::Clusters;
        let of = match self.cluster_here().filter(|_| here) {
            Some(cluster) => self.members_of(cluster).first().copied(),
            None => self.feature_here().or(self.selected),
        };
        let meant = |app: &Self, set: HeatSet| match set {
            HeatSet::Marked => !here,
            HeatSet::Shown => !here && !app.filters.is_empty(),
            HeatSet::Cluster => here || of.and_then(|f| app.cluster_of(f)).is_some_and(|c| c >= 0),
            HeatSet::Nearest => true,
        };
        let fits = |set: HeatSet| Self::fits_heatmap(&self.heat_features(set, of));
        if !(self.heat.chosen && !here && fits(self.heat.set)) {
            let set = HeatSet::ALL.into_iter().find(|set| meant(self, *set) && fits(*set));
            (self.heat.set, self.heat.chosen) = (set.unwrap_or(HeatSet::Nearest), false);
        }
        self.heat.of = of;
    }

    /// Measures the pairs if they are not those that are asked for.
    pub(super) fn measure_pairs(&mut self) {
        if self.page != Page::Heatmap {
            return;
        }
        let features = self.heat_features(self.heat.set, self.heat.of);
        let order = self.told_order(features.len());
        let asked = Asked { features, measure: self.heat.measure, order };
        if self.heat.asked.as_ref() == Some(&asked) {
            return;
        }
        self.heat.asked = Some(asked.clone());
        if !Self::fits_heatmap(&asked.features) {
            self.heat.pairs = None;
            self.jobs.cancel_kind(JobKind::Pairs);
            return;
        }
        let (study, layout, clusters) = (Arc::clone(&self.study), self.layout.clone(), self.clusters.clone());
        self.jobs.start(JobKind::Pairs, move |context| {
            let table = FeatureTable {
                coordinates: layout.as_deref(),
                clusters: clusters.as_deref().map(|clusters| &clusters.labels[..]),
                ..FeatureTable::of(&study)
            };
            context.publish(Product::Pairs(Arc::new(measured(&study, &table, &asked, &context.task)?)));
            Ok(())
        });
    }

    /// Measures the pairs once more.
    pub(super) fn measure_pairs_again(&mut self) {
        self.heat.asked = None;
        self.measure_pairs();
    }

    /// The order that was chosen, as far as it can be told of so many features.
    fn told_order(&self, count: usize) -> PairOrder {
        let order = self.heat.order;
        if self.can_order(order, count) { order } else { PairOrder::Feature }
    }
    fn can_order(&self, order: PairOrder, count: usize) -> bool {
        match order {
            PairOrder::Feature => true,
            PairOrder::Cluster => self.clusters.is_some(),
            PairOrder::Likeness => count <= crate::analysis::pairs::MOST_BY_LIKENESS,
            PairOrder::X | PairOrder::Y => self.layout.is_some(),
        }
    }

    pub(super) fn take_pairs(&mut self, pairs: Arc<Pairs>) {
        // The cursor stays on its pair, if that is still there.
        let at = |feature: Option<u32>| pairs.features.iter().position(|other| Some(*other) == feature);
        let row = at(self.heat.row_feature().or(self.selected)).unwrap_or(0);
        let column = at(self.heat.column_feature()).unwrap_or(0);
        self.heat.pairs = Some(pairs);
        self.put_heat_cursor(row, column);
        self.refresh();
    }

    /// Measures the pairs here and now, for a frame that waits for no job.
    ///
    /// # Errors
    /// As [`pairs`].
    pub fn measure_pairs_now(&mut self, task: &Task) -> Result<()> {
        self.choose_heat_set();
        let features = self.heat_features(self.heat.set, self.heat.of);
        let asked = Asked { order: self.told_order(features.len()), measure: self.heat.measure, features };
        let found = measured(&self.study, &self.table(), &asked, task)?;
        self.heat.asked = Some(asked);
        self.take(Product::Pairs(Arc::new(found)));
        Ok(())
    }

    /// Shows the pairs of a cluster, or of a feature and its nearest.
    pub(super) fn choose_heat(&mut self, set: HeatSet, of: Option<u32>) {
        (self.heat.set, self.heat.of, self.heat.chosen) = (set, of, true);
    }

    fn put_heat_cursor(&mut self, row: usize, column: usize) {
        let last = self.heat.pairs().map_or(0, Pairs::len).saturating_sub(1);
        self.heat.cursor = (row.min(last), column.min(last));
        self.lists[Pane::Members as usize].cursor = self.heat.cursor.0;
        if let Some(feature) = self.heat.row_feature() {
            let plot = self.plot();
            self.map.reveal(feature, plot);
            self.drift(feature);
        }
    }

    /// Moves the cursor of the heatmap.
    pub(super) fn move_in_heatmap(&mut self, dx: i64, dy: i64) {
        let by = |at: usize, by: i64| (at as i64).saturating_add(by).max(0) as usize;
        let (row, column) = self.heat.cursor;
        self.put_heat_cursor(by(row, dy), by(column, dx));
    }
    /// Puts the cursor of the heatmap on a row.
    pub(super) fn heat_row(&mut self, row: usize) {
        self.put_heat_cursor(row, self.heat.cursor.1);
    }

    pub(super) fn next_heat_measure(&mut self) {
        let all: Vec<PairMeasure> = PairMeasure::all().filter(|measure| measure.is_known(&self.study)).collect();
        let at = all.iter().position(|measure| *measure == self.heat.measure).unwrap_or(0);
        self.heat.measure = all[(at + 1) % all.len()];
        self.say(self.heat.measure.about());
        self.measure_pairs();
    }

    pub(super) fn next_heat_order(&mut self) {
        let count = self.heat.asked.as_ref().map_or(0, |asked| asked.features.len());
        let all: Vec<PairOrder> = PairOrder::ALL.into_iter().filter(|order| self.can_order(*order, count)).collect();
        let at = all.iter().position(|order| *order == self.told_order(count)).unwrap_or(0);
        self.heat.order = all[(at + 1) % all.len()];
        self.say(format!("ordered by {}", self.heat.order.name()));
        self.measure_pairs();
    }

    pub(super) fn next_heat_features(&mut self) {
        let of = self.heat.row_feature().or(self.selected);
        let all = HeatSet::ALL;
        let at = all.iter().position(|set| *set == self.heat.set).unwrap_or(0);
        let next = (1..=all.len())
            .map(|by| all[(at + by) % all.len()])
            .find(|set| Self::fits_heatmap(&self.heat_features(*set, of)));
        match next {
            Some(set) => {
                self.choose_heat(set, of);
                self.say(format!("pairs of the {}", self.heat_set().trim_start_matches("the ")));
            }
            None => self.complain("there is no set of 2 features or more to show"),
        }
        self.measure_pairs();
    }

    /// What is said where there are no pairs.
    pub fn awaited_pairs(&self) -> String {
        let count = self.heat.asked.as_ref().map_or(0, |asked| asked.features.len());
        if count > MOST {
            let all = crate::text::thousands(count as u64);
            return format!("{all} features are too many for their pairs: mark, filter or choose at most {MOST}");
        }
        if count < 2 {
            return "a heatmap needs two features or more: mark some, filter, or choose a cluster".into();
        }
        match self.jobs.current(JobKind::Pairs).map(|job: &Job| &job.state) {
            Some(JobState::Failed(why)) => format!("no pairs: {why}"),
            Some(JobState::Cancelled) => "no pairs: measuring them was cancelled".into(),
            _ => "pairs are being measured".into(),
        }
    }
}
