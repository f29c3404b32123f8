//! The plain values of the screen that views read: options, rows, messages, questions.

use super::Chip;
use crate::analysis::{Found, MapParams};
use crate::tui::Effect;
use crate::tui::capabilities::Multiplexer;
use crate::tui::keymap::Keymap;
use crate::tui::theme::Theme;
use crate::tui::widgets::{Glyphs, Look};
use std::path::PathBuf;

/// How the screen is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Parameters of the map and its clusters.
    pub params: MapParams,
    /// Theme and glyphs.
    pub look: Look,
    /// The keys.
    pub keymap: Keymap,
    /// Through what copies to the clipboard must pass.
    pub multiplexer: Option<Multiplexer>,
    /// Whether the mouse is captured.
    pub mouse: bool,
    /// Whether the dictionary is one of a folder of many, to which a command leads back.
    pub has_others: bool,
    /// The folder in which selections are kept; none keeps them for this run alone.
    pub state: Option<PathBuf>,
}

impl Options {
    /// The defaults, drawn with `theme` in Braille, with the standard keys.
    pub fn new(theme: Theme) -> Self {
        let look = Look::new(theme, Glyphs::default());
        Self {
            params: MapParams::default(),
            look,
            keymap: Keymap::standard(),
            multiplexer: None,
            mouse: false,
            has_others: false,
            state: None,
        }
    }
}

/// One row of the list of clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRow {
    /// Its number; -1 for the features of no cluster.
    pub cluster: i32,
    /// How many features it has.
    pub size: usize,
    /// How many of them pass the filters.
    pub shown: usize,
    /// How many of them are marked.
    pub marked: usize,
    /// Words that set it apart; empty before they are known.
    pub words: Vec<String>,
}

/// Features that a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What was searched.
    pub query: String,
    /// What was found, best first, whether it is shown or not.
    pub(super) found: Vec<u32>,
    /// How many of these, from the first on, hold what was typed; the others are near.
    typed: usize,
    /// What of it is shown.
    pub hits: Vec<u32>,
    /// How many of the hits hold what was typed.
    exact: usize,
    /// Which of `found` was visited last.
    here: usize,
}

impl Search {
    /// Features that were found for `query`, best first, of which some are shown.
    pub(super) fn new(query: &str, found: Found, shown: &[bool]) -> Self {
        let Found { features, exact } = found;
        let query = query.to_string();
        let mut search = Self { query, found: features, typed: exact, hits: Vec::new(), exact: 0, here: 0 };
        search.keep_shown(shown);
        search.here = search.hits.first().map_or(0, |first| search.place(*first));
        search
    }
    /// Keeps to the features that are shown.
    pub(super) fn keep_shown(&mut self, shown: &[bool]) {
        let is_shown = |feature: &u32| shown[*feature as usize];
        self.hits = self.found.iter().copied().filter(is_shown).collect();
        self.exact = self.found[..self.typed].iter().filter(|feature| is_shown(feature)).count();
    }
    /// How many of the hits, from the first on, hold what was typed; the others are near.
    pub fn exact(&self) -> usize {
        self.exact
    }
    /// The condition that shows what was found and nothing else.
    pub(super) fn chip(&self) -> Chip {
        Chip::Matches(self.query.clone(), self.found.iter().copied().collect())
    }
    /// Which of the hits was visited last; none if that is hidden now.
    pub fn at(&self) -> Option<usize> {
        let here = self.found.get(self.here)?;
        self.hits.iter().position(|hit| hit == here)
    }
    fn place(&self, feature: u32) -> usize {
        self.found.iter().position(|found| *found == feature).unwrap_or(0)
    }
    /// Visits a hit.
    pub(super) fn visit(&mut self, at: usize) {
        self.here = self.hits.get(at).map_or(self.here, |feature| self.place(*feature));
    }
    /// Visits the hit `by` steps on, round the ends: which it is, and whether it went round. There must be hits.
    pub(super) fn step(&mut self, by: i32) -> (usize, bool) {
        let from = self.at().map_or_else(
            || {
                // From a hidden place the first step leads to its next neighbour that is shown.
                let mut hits = self.hits.iter().peekable();
                let shown = self.found[..self.here].iter().filter(|found| hits.next_if_eq(found).is_some());
                shown.count() as i32 - i32::from(by > 0)
            },
            |at| at as i32,
        );
        let (to, count) = (from.saturating_add(by), self.hits.len() as i32);
        let at = to.rem_euclid(count) as usize;
        self.visit(at);
        (at, !(0..count).contains(&to))
    }
}

/// Something said to the user, until the next key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The words.
    pub text: String,
    /// Whether something went wrong.
    pub is_error: bool,
}

/// A question that wants yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A running job would be lost: end all the same?
    Lose {
        /// The job.
        job: String,
        /// How it ends: the program, or only this dictionary.
        then: Effect,
    },
    /// The file exists: replace it?
    Replace {
        /// The file.
        path: PathBuf,
        /// Whether all features are to be written.
        all: bool,
    },
}
