//! The plain values of the screen that views read: options, rows, messages, questions.

use crate::analysis::MapParams;
use crate::tui::Effect;
use crate::tui::capabilities::Multiplexer;
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
    /// Through what copies to the clipboard must pass.
    pub multiplexer: Option<Multiplexer>,
    /// Whether the mouse is captured.
    pub mouse: bool,
    /// Whether the dictionary is one of a folder of many, to which a command leads back.
    pub has_others: bool,
}

impl Options {
    /// The defaults, drawn with `theme` in Braille.
    pub fn new(theme: Theme) -> Self {
        let look = Look::new(theme, Glyphs::default());
        Self { params: MapParams::default(), look, multiplexer: None, mouse: false, has_others: false }
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// What was searched.
    pub query: String,
    /// What was found, best first, whether it is shown or not.
    pub(super) found: Vec<u32>,
    /// What of it is shown.
    pub hits: Vec<u32>,
    /// Which of them was visited last.
    pub at: usize,
}

impl Search {
    /// Keeps to the features that are shown; the one visited last stays that, if it is among them.
    pub(super) fn keep_shown(&mut self, shown: &[bool]) {
        let here = self.hits.get(self.at).copied();
        self.hits = self.found.iter().copied().filter(|feature| shown[*feature as usize]).collect();
        self.at = here.and_then(|feature| self.hits.iter().position(|hit| *hit == feature)).unwrap_or(0);
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
