//! The groups of features that may trace a shape: found by a job when their page is first opened, listed, sorted,
//! filtered; and which of them is open.

use super::{App, CloudState, ListState, Pane};
use crate::analysis::groups::{Found, by_hand};
use crate::analysis::jobs::{Job, JobContext, JobState};
use crate::analysis::manifolds::{Evidence, Manifold, ManifoldParams};
use crate::analysis::{JobKind, Portrait, Product, Study};
use crate::error::{Error, Result};
use crate::geometry::cloud::{ShapeParams, Word};
use crate::tui::action::{Action, Context};
use crate::tui::layout::Page;
use std::cmp::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a table that fills is shown anew.
const EVERY: Duration = Duration::from_millis(700);

/// What groups are listed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShapeSort {
    /// What ranks.
    #[default]
    Score,
    /// A family of token types.
    Family,
    /// Irreducibility beyond features that fire apart.
    Irreducible,
    /// Fewer directions than as many features at random share.
    Packed,
    /// A loop or a line beyond its nulls.
    Loop,
    /// An order of types beyond chance.
    Order,
    /// Features.
    Size,
    /// Tokens.
    Tokens,
    /// How well other resolutions know the group.
    Stability,
}

impl ShapeSort {
    const ALL: [Self; 9] = [
        Self::Score,
        Self::Family,
        Self::Packed,
        Self::Irreducible,
        Self::Loop,
        Self::Order,
        Self::Size,
        Self::Tokens,
        Self::Stability,
    ];
    /// Its name on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Family => "family of types",
            Self::Irreducible => "irreducibility",
            Self::Packed => "packed directions",
            Self::Loop => "loop or line",
            Self::Order => "order of types",
            Self::Size => "features",
            Self::Tokens => "tokens",
            Self::Stability => "stability",
        }
    }
    fn value(self, row: &Manifold) -> f64 {
        let Evidence { family, packed, irreducible, closed, line, order } = row.measured.evidence();
        match self {
            Self::Score => row.score,
            Self::Family => family,
            Self::Irreducible => irreducible,
            Self::Packed => packed,
            Self::Loop => closed.max(line),
            Self::Order => order,
            Self::Size => row.found.features.len() as f64,
            Self::Tokens => row.measured.tokens as f64,
            Self::Stability => row.found.stability.unwrap_or(-1.0),
        }
    }
}

/// The table of groups.
#[derive(Debug, Clone, Default)]
pub struct Shapes {
    rows: Option<Arc<Vec<Manifold>>>,
    whole: bool,
    listed: Vec<u32>,
    sort: ShapeSort,
    ascending: bool,
    filter: String,
}

impl Shapes {
    /// The groups, best first; none before the first ranking.
    pub fn rows(&self) -> Option<&[Manifold]> {
        self.rows.as_ref().map(|rows| rows.as_slice())
    }
    /// Whether all of them are measured whole.
    pub fn is_whole(&self) -> bool {
        self.whole
    }
    /// Which of them are listed, in that order.
    pub fn listed(&self) -> &[u32] {
        &self.listed
    }
    /// The group in row `at` of the list.
    pub fn at(&self, at: usize) -> Option<&Manifold> {
        self.rows()?.get(*self.listed.get(at)? as usize)
    }
    /// What they are sorted by, and whether the smallest come first.
    pub fn sort(&self) -> (ShapeSort, bool) {
        (self.sort, self.ascending)
    }
    /// The words that they are listed by.
    pub fn filter(&self) -> &str {
        &self.filter
    }
    /// How many are measured whole.
    pub fn measured(&self) -> usize {
        self.rows().map_or(0, |rows| rows.iter().filter(|row| row.measured.whole).count())
    }
    fn list(&mut self) {
        let Some(rows) = &self.rows else { return };
        let words: Vec<String> = self.filter.to_lowercase().split_whitespace().map(str::to_string).collect();
        let mut listed: Vec<u32> =
            (0..rows.len() as u32).filter(|&at| words.iter().all(|word| holds(&rows[at as usize], word))).collect();
        let (sort, ascending) = (self.sort, self.ascending);
        let value = |at: u32| sort.value(&rows[at as usize]);
        listed.sort_by(|&a, &b| {
            let order = value(b).total_cmp(&value(a));
            let order = if ascending { order.reverse() } else { order };
            if order == Ordering::Equal { a.cmp(&b) } else { order }
        });
        self.listed = listed;
    }
}

/// What a verdict is called.
pub fn word_name(word: Word) -> &'static str {
    match word {
        Word::Loop => "loop",
        Word::Loops => "loops",
        Word::Arc => "arc",
        Word::Curve => "curve",
        Word::Surface => "surface",
        Word::Blob => "blob",
        Word::Points => "points",
        Word::Tree => "tree",
        Word::Unclear => "unclear",
    }
}

/// Whether a group is told by a word: its verdict, or part of its name, labels, grouping or the number of a feature.
fn holds(row: &Manifold, word: &str) -> bool {
    let verdict = row.measured.speaking().and_then(|(lens, _)| lens.word());
    let texts = row.measured.name.iter().chain(&row.label).chain([&row.found.grouping]);
    verdict.is_some_and(|verdict| word_name(verdict) == word)
        || texts.into_iter().any(|text| text.to_lowercase().contains(word))
        || word.strip_prefix('#').and_then(|id| id.parse().ok()).is_some_and(|id: u32| row.found.features.contains(&id))
}

/// How groups are measured: as the verbs do.
pub(super) fn group_params(seed: u64) -> ManifoldParams {
    ManifoldParams { shape: ShapeParams { seed, ..ShapeParams::MANY }, most_tokens: None, all: false }
}

/// Finds, measures and ranks the groups, and publishes the table as it fills.
fn rank(study: &Study, seed: u64, context: &JobContext) -> Result<()> {
    let (task, params) = (&context.task, group_params(seed));
    let groups = study.find_groups(seed, task)?;
    let mut rows = study.survey(groups, &params, task)?.rows;
    context.publish(Product::Manifolds(Arc::new(rows.clone()), rows.iter().all(|row| row.measured.whole)));
    let so_far = Mutex::new((rows.clone(), Instant::now()));
    study.deepen(&mut rows, &params, task, &|at, row| {
        let mut so_far = so_far.lock().unwrap_or_else(PoisonError::into_inner);
        so_far.0[at] = row.clone();
        if so_far.1.elapsed() >= EVERY {
            so_far.1 = Instant::now();
            context.publish(Product::Manifolds(Arc::new(so_far.0.clone()), false));
        }
    })?;
    context.publish(Product::Manifolds(Arc::new(rows), true));
    Ok(())
}

/// The first ranking alone, with whatever the cache has whole, for a frame that waits for no job.
///
/// # Errors
/// As [`Study::survey`].
pub(super) fn first_ranking(study: &Study, seed: u64, task: &crate::task::Task) -> Result<Product> {
    let rows = study.survey(study.find_groups(seed, task)?, &group_params(seed), task)?.rows;
    let whole = rows.iter().all(|row| row.measured.whole);
    Ok(Product::Manifolds(Arc::new(rows), whole))
}

/// One group, whole, here and now.
///
/// # Errors
/// As [`Study::portrait`].
pub(super) fn portrait_of(study: &Study, found: Found, seed: u64, task: &crate::task::Task) -> Result<Product> {
    Ok(Product::Portrait(Arc::new(study.portrait(found, &group_params(seed), task)?)))
}

impl App {
    pub(super) fn go_to_manifolds(&mut self) {
        self.go(Page::Manifolds);
        let runs = self.jobs.current(JobKind::Manifolds).is_some_and(Job::is_running);
        if !self.shapes.whole && !runs {
            self.start_manifolds();
        }
    }

    pub(super) fn start_manifolds(&mut self) {
        let (study, seed) = (Arc::clone(&self.study), self.params.umap.seed);
        self.jobs.start(JobKind::Manifolds, move |context| rank(&study, seed, context));
    }

    /// What is said where there are no groups.
    pub fn awaited_manifolds(&self) -> String {
        match self.jobs.current(JobKind::Manifolds).map(|job| &job.state) {
            Some(JobState::Failed(why)) => format!("no manifolds: {why}"),
            Some(JobState::Cancelled) => {
                let again = self.keymap.way(Context::Manifolds, Action::GoManifolds);
                format!("no manifolds: finding them was cancelled; {again} begins again")
            }
            _ => "groups of features are being found".into(),
        }
    }

    pub(super) fn take_manifolds(&mut self, rows: Arc<Vec<Manifold>>, whole: bool) {
        let here = self.group_here().map(|row| row.found.features.clone());
        (self.shapes.rows, self.shapes.whole) = (Some(rows), whole);
        self.shapes.list();
        // Rows move as they are measured; the cursor stays on its group, unless it is still at the top.
        let at = here.and_then(|features| {
            (0..self.shapes.listed.len())
                .find(|&at| self.shapes.at(at).is_some_and(|row| row.found.features == features))
        });
        let list = &mut self.lists[Pane::Manifolds as usize];
        if let Some(at) = at.filter(|_| list.cursor > 0) {
            list.cursor = at;
        }
        self.refresh();
    }

    /// The group under the cursor of their list.
    pub fn group_here(&self) -> Option<&Manifold> {
        self.shapes.at(self.list(Pane::Manifolds).cursor)
    }

    /// Opens the page of the group that is there.
    pub fn show_group(&mut self) {
        self.go_on(Page::Manifold);
    }

    /// Puts the cursor on the group of this number, if it is listed.
    pub(super) fn put_on_group(&mut self, cluster: Option<i32>) {
        let number = |at: &usize| self.shapes.at(*at).and_then(|row| row.found.cluster).map(i64::from);
        let wanted = cluster.map(i64::from);
        if let Some(at) = (0..self.shapes.listed.len()).find(|at| wanted.is_some() && number(at) == wanted) {
            self.lists[Pane::Manifolds as usize].cursor = at;
            self.refresh();
        }
    }

    /// The features of the group that is open, or under the cursor.
    pub(super) fn group_features(&self) -> Vec<u32> {
        match self.page {
            Page::Manifold => self.cloud.portrait().map_or(Vec::new(), |open| open.row.found.features.clone()),
            _ => self.group_here().map_or(Vec::new(), |row| row.found.features.clone()),
        }
    }

    pub(super) fn sort_manifolds(&mut self, turn: bool) {
        let all = ShapeSort::ALL;
        let at = all.iter().position(|sort| *sort == self.shapes.sort).unwrap_or(0);
        if turn {
            self.shapes.ascending = !self.shapes.ascending;
        } else {
            (self.shapes.sort, self.shapes.ascending) = (all[(at + 1) % all.len()], false);
        }
        self.shapes.list();
        self.lists[Pane::Manifolds as usize] = ListState::default();
        let way = if self.shapes.ascending { "smallest first" } else { "largest first" };
        self.say(format!("sorted by {}, {way}", self.shapes.sort.name()));
        self.refresh();
    }

    /// Lists the groups with these words; what is said of the line.
    pub(super) fn filter_manifolds(&mut self, text: &str) -> super::Note {
        self.shapes.filter = text.trim().to_string();
        self.shapes.list();
        self.lists[Pane::Manifolds as usize] = ListState::default();
        self.refresh();
        let all = self.shapes.rows().map_or(0, <[_]>::len);
        super::Note::Good(format!("{} of {}", self.shapes.listed.len(), crate::text::counted(all, "group", "groups")))
    }

    /// Opens the group under the cursor.
    pub(super) fn open_manifold(&mut self) {
        match self.group_here().map(|row| row.found.clone()) {
            Some(found) => self.start_portrait(found),
            None => self.complain(self.awaited_manifolds()),
        }
    }

    /// Opens the marked features as one group.
    pub(super) fn open_marks(&mut self) {
        let marked: Vec<u32> = self.marks.iter().copied().collect();
        match by_hand(&marked) {
            Ok(found) => self.start_portrait(found),
            Err(_) => self.complain("nothing is marked"),
        }
    }

    /// Measures a group and opens its page.
    pub(super) fn start_portrait(&mut self, found: Found) {
        let (study, seed) = (Arc::clone(&self.study), self.params.umap.seed);
        self.cloud.want(found.clone());
        self.jobs.start(JobKind::Manifold, move |context| {
            context.task.stage("one manifold", 0);
            context.publish(portrait_of(&study, found, seed, &context.task)?);
            Ok(())
        });
        if self.page != Page::Manifold {
            self.go_on(Page::Manifold);
        }
    }

    /// Adds the feature that is nearest to the group ([`Study::nearest_to_group`]).
    pub(super) fn grow(&mut self) {
        let Some(features) = self.cloud.wanted().map(|found| found.features.clone()) else { return };
        let (study, seed) = (Arc::clone(&self.study), self.params.umap.seed);
        self.jobs.start(JobKind::Manifold, move |context| {
            let Some(nearest) = study.nearest_to_group(&features, &context.task)? else {
                return Err(Error::Nothing("no other feature is near this group".into()));
            };
            let grown: Vec<u32> = features.into_iter().chain([nearest]).collect();
            context.publish(portrait_of(&study, by_hand(&grown)?, seed, &context.task)?);
            Ok(())
        });
    }

    /// Takes the feature that was added last out of the group again.
    pub(super) fn shrink(&mut self) {
        let Some(last) = self.cloud.take_added() else { return self.say("nothing was added to this group") };
        let Some(wanted) = self.cloud.wanted() else { return };
        let features: Vec<u32> = wanted.features.iter().copied().filter(|feature| *feature != last).collect();
        if let Ok(found) = by_hand(&features) {
            self.start_portrait(found);
            self.say(format!("#{last} taken out"));
        }
    }

    /// The group that was asked for is there.
    pub(super) fn take_portrait(&mut self, portrait: Arc<Portrait>) {
        let plot = self.plot();
        let grown = self.cloud.show(portrait, plot);
        self.lists[Pane::Along as usize] = ListState::default();
        if let Some(feature) = grown {
            self.say(format!("#{feature} added: {}", self.about(feature)));
        }
    }

    /// Changes how the cloud is looked at, and says so.
    pub(super) fn change_cloud(&mut self, change: impl FnOnce(&mut CloudState, &Portrait) -> String) {
        let Some(portrait) = self.cloud.portrait().cloned() else {
            return self.complain(self.awaited_manifold());
        };
        let plot = self.plot();
        let words = change(&mut self.cloud, &portrait);
        self.cloud.project(plot);
        self.say(words);
    }

    /// What is said where the group is not there yet.
    pub fn awaited_manifold(&self) -> String {
        match self.jobs.current(JobKind::Manifold).map(|job| &job.state) {
            Some(JobState::Failed(why)) => why.clone(),
            Some(JobState::Cancelled) => {
                let again = self.keymap.way(Context::Jobs, Action::RestartJob);
                format!("measuring this group was cancelled; {again} on the page of jobs runs it again")
            }
            Some(JobState::Running) => "this group is being measured".into(),
            _ => {
                format!("no group is open: {} lists them", self.keymap.way(Context::Cloud, Action::GoManifolds))
            }
        }
    }

    /// Turns the cloud; flat, the arrows do nothing.
    pub(super) fn turn_cloud(&mut self, dx: i32, dy: i32, times: i32) {
        let plot = self.plot();
        if self.cloud.turn_by(dx * times, dy * times) {
            self.cloud.project(plot);
        } else {
            let way = |action| self.keymap.way(Context::Cloud, action);
            let (turn, next) = (way(Action::Turn), way(Action::FocusNext));
            self.say(format!("{turn} lets {} turn the cloud; {next} goes to its tokens", self.arrows()));
        }
    }

    /// Begins an arc at the token under the cursor, or lists the tokens of the one that was begun.
    pub(super) fn span_arc(&mut self) {
        let cursor = self.list(Pane::Along).cursor;
        let words = self.cloud.span(cursor, &self.keymap);
        self.lists[Pane::Along as usize] = ListState::default();
        if words.1 {
            self.lists[Pane::Along as usize].cursor = cursor;
        }
        self.say(words.0);
    }
}
