//! The state of the screen and the one way it changes.
//!
//! [`App`] holds everything a view needs and nothing a view draws; [`App::update`](Model::update) is its only
//! mutator. Views are functions `fn(&App, Rect, &mut Buffer)` over the accessors below.
//!
//! | a view asks | for |
//! |---|---|
//! | [`App::areas`], [`App::page`], [`App::focus`], [`App::too_small`] | where to draw, what, and which pane has the keys |
//! | [`App::look`] | theme, glyphs, and whether all must be 7-bit |
//! | [`App::study`], [`App::params`] | what is open, and with which parameters the map is made |
//! | [`App::map`] | points, classes, window, crosshair, colouring ([`MapState`]) |
//! | [`App::selected`], [`App::detail`] | the selected feature and what is known about it ([`Detail`]) |
//! | [`App::aside`], [`App::members`] | what the side pane shows: a feature, or the features of a cluster |
//! | [`App::listed`], [`App::sort`] | the rows of a table of features, and their order |
//! | [`App::clusters`], [`App::cluster_rows`] | the clusters: size, how many are shown, words |
//! | [`App::shapes`], [`App::cloud`] | groups of features and the one that is open |
//! | [`App::filters`], [`App::shown_count`], [`App::is_shown`], [`App::marks`] | what is shown and what is marked |
//! | [`App::search`], [`App::true_neighbours`] | features that a search found; features to be pointed out |
//! | [`App::list`], [`App::rows`] | cursor and offset of a list, and how many rows it has |
//! | [`App::jobs`], [`App::trust`], [`App::variance`] | progress and quality |
//! | [`App::prompt`], [`App::question`], [`App::message`] | what lies above the page |
//! | [`App::hints`], [`App::pending`], [`App::continuations`], [`App::help`] | the keys |
//!
//! Results arrive as job events and pass [`App::take`]; news of a job that is no longer current is dropped, so a
//! stale result is never shown. Cost of an update: O(features) when the filter, the colours or the layout change,
//! else O(list rows); a search is one scan over the words of the study.

mod binning;
mod cloud;
mod commands;
mod comparing;
mod completing;
mod copying;
mod drawing;
mod exporting;
mod facts;
mod filter;
mod heat;
mod help;
mod journey;
mod lists;
mod map;
mod neighbours;
mod picturing;
pub(in crate::tui) mod pointer;
mod presses;
mod prompt;
mod prompting;
mod remaking;
mod results;
mod selecting;
mod session;
mod shapes;
mod still;
mod tables;
#[cfg(test)]
mod tests;
mod tour;
mod undo;
mod values;

pub use binning::BarState;
pub use cloud::{Chart, CloudState, Plane, Tint};
pub use facts::{FactLine, WHAT, fact_lines};
pub use filter::{Chip, Filters, cluster_name};
pub use heat::HeatState;
pub use help::{HelpLine, KEYS, NAME, has_names, help_lines};
pub use lists::{ListState, Pane};
pub use map::{ColourBy, MapState, Ramp, Stage};
pub use picturing::Drawing;
pub use prompt::{Choice, Note, Prompt, PromptKind, Suggestion};
pub use selecting::SelectionRow;
pub use session::{Opening, Outcome, Setup, run};
pub use shapes::{ShapeSort, Shapes, word_name};
pub use still::{Scene, drawing, products, still};
pub use tables::Sort;
pub use tour::{STEPS, Tour};
pub use values::{ClusterRow, Message, Options, Question, Search};

use super::action::{Action, Context, Row};
use super::capabilities::Multiplexer;
use super::event::Event;
use super::key::Key;
use super::keymap::{Keymap, Presses};
use super::layout::{self, Areas, Page};
use super::widgets::Look;
use super::{Effect, Model};
use crate::analysis::query::Ranked;
use crate::analysis::{
    Comparison, Detail, FeatureTable, Filter, JobEvent, Jobs, MapParams, NeighborsBy, Selections, Study, Words,
};
use crate::geometry::cluster::Clusters;
use crate::geometry::cluster::hdbscan::HdbscanParams;
use crate::geometry::neighbors::Knn;
use crate::geometry::trust::Trust;
use crate::rows::Points;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use undo::Undo;

/// How many words name a cluster.
const CLUSTER_WORDS: usize = 4;
/// How many visited features are remembered.
const JUMPS: usize = 200;
/// How often a running job's progress is drawn anew.
const PROGRESS: Duration = Duration::from_millis(250);
/// What is known of the feature under a moving cursor is gathered when the cursor has rested this long: over a slow
/// line a held key must not redraw the whole side pane at every step.
const REST: Duration = Duration::from_millis(60);

/// A finished map, to come back to if making another one is cancelled.
#[derive(Debug, Clone)]
struct Kept {
    layout: Arc<Points>,
    /// How it was looked at, and in which plot.
    map: MapState,
    plot: (u16, u16),
    clusters: Arc<Clusters>,
    params: MapParams,
    trust: Option<Arc<Trust>>,
}

/// The state of the screen.
pub struct App {
    study: Arc<Study>,
    jobs: Jobs,
    /// What the map is to be made with.
    params: MapParams,
    /// What the layout and the clusters on screen were made with.
    made: MapParams,
    look: Look,
    multiplexer: Option<Multiplexer>,
    mouse: bool,
    has_others: bool,
    keymap: Keymap,
    presses: Presses,
    size: (u16, u16),
    page: Page,
    focus: Pane,
    back: Vec<(Page, Pane)>,
    lists: [ListState; Pane::ALL.len()],
    map: MapState,
    layout: Option<Arc<Points>>,
    /// What the clusters are being grouped anew with.
    regrouping: Option<HdbscanParams>,
    /// The last whole map, while a new one is being made.
    kept: Option<Kept>,
    knn: Option<Arc<Knn>>,
    clusters: Option<Arc<Clusters>>,
    /// The clusters are those of the map before; this one's are still to come.
    old_clusters: bool,
    cluster_rows: Vec<ClusterRow>,
    cluster_words: Vec<Vec<String>>,
    words: Option<Arc<Words>>,
    trust: Option<Arc<Trust>>,
    variance: Option<[f64; 2]>,
    selected: Option<u32>,
    detail: Option<Detail>,
    /// What the side pane shows where that is another feature than the selected one.
    peek: Option<Detail>,
    /// The cursor has moved on since `detail` and `peek` were gathered.
    drifts: bool,
    /// Neighbours that were asked for beyond those of the map.
    ranked: Option<Ranked>,
    neighbours_by: NeighborsBy,
    /// Features of the cluster under the cursor, on their page.
    members: Vec<u32>,
    /// Rows of the table that is open, and whether they must be made anew.
    listed: Vec<u32>,
    unlisted: bool,
    sort: Sort,
    shapes: Shapes,
    cloud: CloudState,
    filters: Filters,
    /// A condition that is being typed; applies as long as its prompt is open.
    trial: Option<Filter>,
    shown: Vec<bool>,
    marks: BTreeSet<u32>,
    /// The named selections, once they are read; and the folder in which they, and what is too long for the clipboard,
    /// are kept.
    selections: Option<Arc<Selections>>,
    state: Option<PathBuf>,
    heat: HeatState,
    bars: BarState,
    /// Something that the histograms count has changed.
    uncounted: bool,
    /// A feature that stands beside the selected one.
    pinned: Option<u32>,
    comparison: Option<Comparison>,
    tour: Option<Tour>,
    /// The first map was greeted.
    welcomed: bool,
    search: Option<Search>,
    jumps: Vec<u32>,
    /// Where in `jumps` the selected feature stands; the length if it was reached without a jump.
    jump: usize,
    undo: Undo,
    prompt: Option<Prompt>,
    histories: [Vec<String>; PromptKind::HISTORIES],
    question: Option<Question>,
    message: Option<Message>,
    /// The passage under the cursor is shown whole.
    reading: bool,
    help_query: String,
    help_from: Context,
    /// What the button of the mouse that is down does.
    drag: Option<pointer::Drag>,
    files: Vec<PathBuf>,
}

impl App {
    /// A screen for `study` that starts nothing by itself; [`App::start`] starts the jobs.
    pub fn new(study: Arc<Study>, jobs: Jobs, options: Options) -> Self {
        let features = study.features();
        let params = options.params.fitted(features);
        Self {
            study,
            jobs,
            params,
            made: params,
            look: options.look,
            multiplexer: options.multiplexer,
            mouse: options.mouse,
            has_others: options.has_others,
            keymap: options.keymap,
            presses: Presses::default(),
            size: (0, 0),
            page: Page::Map,
            focus: Pane::Map,
            back: Vec::new(),
            lists: [ListState::default(); Pane::ALL.len()],
            map: MapState::default(),
            layout: None,
            regrouping: None,
            kept: None,
            knn: None,
            clusters: None,
            old_clusters: false,
            cluster_rows: Vec::new(),
            cluster_words: Vec::new(),
            words: None,
            trust: None,
            variance: None,
            selected: None,
            detail: None,
            peek: None,
            drifts: false,
            ranked: None,
            neighbours_by: NeighborsBy::Decoder,
            members: Vec::new(),
            listed: Vec::new(),
            unlisted: true,
            sort: Sort::default(),
            shapes: Shapes::default(),
            cloud: CloudState::default(),
            filters: Filters::default(),
            trial: None,
            shown: vec![true; features],
            marks: BTreeSet::new(),
            selections: None,
            state: options.state,
            heat: HeatState::default(),
            bars: BarState::default(),
            uncounted: true,
            pinned: None,
            comparison: None,
            tour: None,
            welcomed: false,
            search: None,
            jumps: Vec::new(),
            jump: 0,
            undo: Undo::default(),
            prompt: None,
            histories: Default::default(),
            question: None,
            message: None,
            reading: false,
            help_query: String::new(),
            help_from: Context::Map,
            drag: None,
            files: Vec::new(),
        }
    }

    /// Starts reading the evidence and making the map.
    pub fn start(&mut self) {
        self.start_selections();
        self.start_evidence();
        self.start_map();
    }

    /// What is open.
    pub fn study(&self) -> &Study {
        &self.study
    }
    /// The parameters of the map and the clusters on screen.
    pub fn made(&self) -> &MapParams {
        &self.made
    }
    /// Theme and glyphs.
    pub fn look(&self) -> &Look {
        &self.look
    }
    /// Columns and rows of the screen.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }
    /// Whether the screen is too small to show anything but that.
    pub fn too_small(&self) -> bool {
        layout::too_small(self.size.0, self.size.1)
    }
    /// Where things stand.
    pub fn areas(&self) -> Areas {
        let side_first = matches!(self.focus, Pane::Feature | Pane::Members);
        layout::areas(self.size.0, self.size.1, self.page, side_first, self.pinned.is_some())
    }
    /// What fills the screen.
    pub fn page(&self) -> Page {
        self.page
    }
    /// Which pane has the keys, if nothing lies above it.
    pub fn focus(&self) -> Pane {
        self.focus
    }
    /// What has the keys.
    pub fn context(&self) -> Context {
        if self.question.is_some() {
            Context::Confirm
        } else if self.prompt.is_some() {
            Context::Prompt
        } else {
            self.focus.context()
        }
    }
    /// The map.
    pub fn map(&self) -> &MapState {
        &self.map
    }
    /// The selected feature.
    pub fn selected(&self) -> Option<u32> {
        self.selected
    }
    /// What is known about the selected feature; while the crosshair moves, still about the one it rested on.
    pub fn detail(&self) -> Option<&Detail> {
        self.detail.as_ref()
    }
    /// What the side pane shows: the feature of the row under the cursor, else the selected one.
    pub fn aside(&self) -> Option<&Detail> {
        self.peek.as_ref().or(self.detail.as_ref())
    }
    /// The features of the cluster under the cursor of the clusters, nearest to its middle on the map first.
    pub fn members(&self) -> &[u32] {
        &self.members
    }
    /// The rows of the table of features that is open.
    pub fn listed(&self) -> &[u32] {
        &self.listed
    }
    /// How tables of features are sorted.
    pub fn sort(&self) -> Sort {
        self.sort
    }
    /// The clusters, once they are known.
    pub fn clusters(&self) -> Option<&Clusters> {
        self.clusters.as_deref()
    }
    /// Whether the clusters are those of the map before, because this one's are still to come.
    pub fn has_old_clusters(&self) -> bool {
        self.old_clusters
    }
    /// The clusters as a list, largest first, those of none last; empty before they are known.
    pub fn cluster_rows(&self) -> &[ClusterRow] {
        &self.cluster_rows
    }
    /// The tokens that carry most of a feature's activation; empty before they are known.
    pub fn top_tokens(&self, feature: u32) -> impl Iterator<Item = &str> {
        self.words.iter().flat_map(move |words| words.about(feature as usize))
    }
    /// A feature in a few words: its label, else its top tokens; empty before either is known.
    pub fn about(&self, feature: u32) -> String {
        let tokens = || self.top_tokens(feature).map(str::trim).collect::<Vec<_>>().join("  ");
        self.study.label(feature as usize).map_or_else(tokens, crate::text::printable)
    }
    /// Quality of the finished map, once it is known.
    pub fn trust(&self) -> Option<&Trust> {
        self.trust.as_deref()
    }
    /// Share of the variance that each of the two first principal components explains.
    pub fn variance(&self) -> Option<[f64; 2]> {
        self.variance
    }
    /// Groups of features, and which of them are listed.
    pub fn shapes(&self) -> &Shapes {
        &self.shapes
    }
    /// How the cloud of the open group is looked at.
    pub fn cloud(&self) -> &CloudState {
        &self.cloud
    }
    /// The conditions that decide what is shown.
    pub fn filters(&self) -> &Filters {
        &self.filters
    }
    /// Whether the passage under the cursor was asked to be shown whole.
    pub fn is_reading(&self) -> bool {
        self.reading
    }
    /// Whether a feature passes the filters.
    pub fn is_shown(&self, feature: u32) -> bool {
        self.shown.get(feature as usize).copied().unwrap_or(false)
    }
    /// How many features pass the filters.
    pub fn shown_count(&self) -> usize {
        self.shown.iter().filter(|shown| **shown).count()
    }
    /// The marked features.
    pub fn marks(&self) -> &BTreeSet<u32> {
        &self.marks
    }
    /// What a search found, while it is on.
    pub fn search(&self) -> Option<&Search> {
        self.search.as_ref()
    }
    /// Features to be pointed out on the map as the true neighbours of the selected one; empty unless asked for.
    pub fn true_neighbours(&self) -> Vec<u32> {
        let neighbours = self.detail.as_ref().and_then(|detail| detail.neighbours.as_ref());
        neighbours
            .filter(|_| self.map.true_neighbours)
            .map(|neighbours| neighbours.iter().map(|neighbour| neighbour.feature).collect())
            .unwrap_or_default()
    }
    /// Cursor and first row on screen of a list. [`Pane::Neighbours`] lists the neighbours of the selected feature,
    /// [`Pane::Feature`] those of the one aside, [`Pane::Passages`] the passages of the selected one.
    pub fn list(&self, pane: Pane) -> ListState {
        self.lists[pane as usize]
    }
    /// The jobs: running, finished, failed. The list on screen shows the newest first: row `i` is
    /// `jobs().list().rev().nth(i)`.
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }
    /// The line being typed.
    pub fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref()
    }
    /// The question that waits for an answer.
    pub fn question(&self) -> Option<&Question> {
        self.question.as_ref()
    }
    /// What was said last.
    pub fn message(&self) -> Option<&Message> {
        self.message.as_ref()
    }
    /// The most useful commands here: key and label, best first. The way back comes first on pages that have one, and
    /// is left out where there is nothing to go back from.
    pub fn hints(&self) -> Vec<(String, &'static str)> {
        let context = self.context();
        let mut hints = self.keymap.hints(context);
        if self.prompt.as_ref().is_some_and(|prompt| prompt.suggestions.is_empty()) {
            let needs = [Row::of(Action::NextItem).hint, Row::of(Action::Complete).hint];
            hints.retain(|(_, label)| !needs.contains(&Some(*label)));
        }
        if context == self.focus.context() {
            let back = Row::of(Action::Back).hint;
            let at = hints.iter().position(|(_, label)| Some(*label) == back);
            let removed = at.map(|at| hints.remove(at));
            let stands = self.page == Page::Map && self.focus == Pane::Map;
            if !stands || !self.back.is_empty() || self.search.is_some() || !self.filters.is_empty() {
                let front = if stands { hints.len().min(4) } else { 0 };
                hints.splice(front..front, removed);
            }
        }
        hints
    }
    /// Count and keys typed so far of an unfinished command: `12 g`.
    pub fn pending(&self) -> String {
        self.presses.shown()
    }
    /// What may follow the keys typed so far.
    pub fn continuations(&self) -> Vec<(Key, &'static Row)> {
        self.presses.continuations(&self.keymap, self.context())
    }
    /// The keys.
    pub fn keymap(&self) -> &Keymap {
        &self.keymap
    }
    /// The lines of the help, filtered by what was searched in it.
    pub fn help(&self) -> Vec<HelpLine> {
        let columns = help::doc_columns(layout::inner(self.areas().main).width);
        help_lines(&self.keymap, self.help_from, &self.help_query, columns)
    }
    /// What is known about the dictionary, in lines of the page about it.
    pub fn facts(&self) -> Vec<FactLine> {
        fact_lines(&self.study, layout::inner(self.areas().main).width)
    }
    /// What was searched in the help.
    pub fn help_query(&self) -> &str {
        &self.help_query
    }
    /// Whether the mouse is captured.
    pub fn has_mouse(&self) -> bool {
        self.mouse
    }
    /// Files that were written.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
    /// The features as a table, with map and clusters as they stand.
    pub fn table(&self) -> FeatureTable<'_> {
        FeatureTable {
            study: &self.study,
            coordinates: self.layout.as_deref(),
            clusters: self.clusters.as_deref().map(|clusters| &clusters.labels[..]),
            words: self.words.as_deref(),
            selections: self.selections.as_deref(),
        }
    }

    /// The cells of the map.
    fn plot(&self) -> (u16, u16) {
        // Behind the side pane the map keeps the size it has in front of it.
        let plot = match self.areas().plot {
            plot if plot.is_empty() || !matches!(self.page, Page::Map | Page::Manifold) => {
                layout::areas(self.size.0, self.size.1, Page::Map, false, false).plot
            }
            plot => plot,
        };
        (plot.width, plot.height)
    }

    fn say(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), is_error: false });
    }

    fn complain(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), is_error: true });
    }
}

impl Model for App {
    type Job = JobEvent;

    fn update(&mut self, event: Event<JobEvent>) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Key(key) => self.key(key, &mut effects),
            Event::Paste(text) => self.paste(&text),
            Event::Mouse(mouse) => self.pointer(mouse),
            Event::Resize(width, height) => self.resize(width, height),
            Event::Job(event) => self.job(event),
            Event::Tick => self.come_to_rest(),
            Event::Signal(_) => {}
        }
        self.settle();
        effects
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer) -> Option<Position> {
        super::views::draw(self, area, buffer)
    }

    fn wants_tick(&self) -> Option<Duration> {
        let rests = self.drifts.then_some(REST);
        rests.or_else(|| self.jobs.running().map(|_| PROGRESS))
    }
}
