//! A line being typed and what is suggested for it.
//!
//! A prompt remembers what the screen was like before it opened, so that cancelling it leaves no trace. Suggestions
//! are made by the app whenever the line changes; the prompt holds them and which one is chosen.

use super::Search;
use super::map::View;
use crate::analysis::filter::FilterError;
use crate::tui::action::{ACTIONS, Action, Context, Row};
use crate::tui::input::LineEditor;
use crate::tui::keymap::Keymap;
use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// What is being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptKind {
    /// Features whose label or tokens hold the text.
    Search,
    /// Lines of the help that hold the text.
    HelpSearch,
    /// A condition in the `--where` language.
    Filter,
    /// Words that groups of features are listed by.
    Manifolds,
    /// A command.
    Palette,
    /// Parameters of the clusters.
    Regroup,
    /// Parameters of the map.
    LayOut,
    /// The number of a feature.
    GoId,
    /// A name for what is marked.
    Keep,
    /// Another name for a selection.
    Rename,
    /// A file to read selections from.
    Import,
    /// A file to write what is shown to.
    Export,
    /// A file to write everything to.
    ExportAll,
}

impl PromptKind {
    /// The word or sign before the line.
    pub fn title(self) -> &'static str {
        match self {
            Self::Search | Self::HelpSearch => "/",
            Self::Filter => "filter",
            Self::Manifolds => "manifolds with",
            Self::Palette => ":",
            Self::Regroup => "clusters with",
            Self::LayOut => "map with",
            Self::GoId => "feature #",
            Self::Keep => "keep the marks as",
            Self::Rename => "call it",
            Self::Import => "read selections from",
            Self::Export => "write what is shown to",
            Self::ExportAll => "write all features to",
        }
    }
    /// Which kinds share a history.
    pub(super) fn history(self) -> usize {
        match self {
            Self::Search => 0,
            Self::HelpSearch => 1,
            Self::Filter => 2,
            Self::Palette => 3,
            Self::GoId => 4,
            Self::Export | Self::ExportAll => 5,
            Self::Regroup => 6,
            Self::LayOut => 7,
            Self::Manifolds => 8,
            Self::Keep | Self::Rename => 9,
            Self::Import => 10,
        }
    }
    /// How many histories there are.
    pub(super) const HISTORIES: usize = 11;
}

/// What choosing a suggestion means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Run this command.
    Run(Action),
    /// Go to this feature.
    Feature(u32),
    /// Put this text in the place of these bytes of the line.
    Insert {
        /// The bytes.
        place: Range<usize>,
        /// The text.
        text: String,
    },
}

/// One suggestion.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// What it is called.
    pub text: String,
    /// What it is about.
    pub doc: String,
    /// The key that does the same, if there is one.
    pub key: Option<String>,
    /// In what it was found, where that may be one thing or another.
    pub voice: &'static str,
    /// Characters of `text` that were typed, by index of their grapheme cluster.
    pub hits: Vec<usize>,
    /// And of `doc`.
    pub doc_hits: Vec<usize>,
    /// What choosing it means.
    pub choice: Choice,
}

impl Suggestion {
    /// A suggestion to go to the feature of this number, with nothing found in it yet.
    pub(super) fn feature(feature: u32) -> Self {
        Self { choice: Choice::Feature(feature), ..Self::new(format!("#{feature}"), String::new()) }
    }

    /// A suggestion to type nothing more: to be filled in.
    pub(super) fn new(text: String, doc: String) -> Self {
        let choice = Choice::Insert { place: 0..0, text: String::new() };
        Self { text, doc, key: None, voice: "", hits: Vec::new(), doc_hits: Vec::new(), choice }
    }

    /// Adds words to what it is about, with the grapheme clusters of them that were typed.
    pub(super) fn add(&mut self, (words, hits): (String, Vec<usize>)) {
        let words = words.as_str();
        if words.trim().is_empty() {
            return;
        }
        if !self.doc.is_empty() {
            self.doc.push_str("  ");
        }
        let (start, lead) = (self.doc.graphemes(true).count(), words.len() - words.trim_start().len());
        let lead = words[..lead].graphemes(true).count();
        self.doc_hits.extend(hits.into_iter().filter_map(|at| Some(start + at.checked_sub(lead)?)));
        self.doc.push_str(words.trim());
    }
}

/// What is said about the line as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Note {
    /// Nothing.
    #[default]
    None,
    /// The line is fine, and this would come of it.
    Good(String),
    /// The line cannot be taken, because.
    Bad(String),
    /// The line cannot be read, from a place on.
    Unread {
        /// Where, and what was expected there.
        error: FilterError,
        /// It is merely not whole yet; what is said of it before anyone tries to take it.
        unfinished: Option<String>,
    },
}

impl Note {
    /// Whether the line cannot be taken.
    pub(super) fn is_bad(&self) -> bool {
        matches!(self, Self::Bad(_) | Self::Unread { .. })
    }
}

/// What the screen was like before the prompt opened.
#[derive(Debug, Clone)]
pub(super) struct Before {
    pub(super) selected: Option<u32>,
    pub(super) view: View,
    pub(super) help_query: String,
    pub(super) shapes: String,
    pub(super) search: Option<Search>,
}

/// A line being typed.
#[derive(Debug, Clone)]
pub struct Prompt {
    pub(super) kind: PromptKind,
    pub(super) editor: LineEditor,
    pub(super) suggestions: Vec<Suggestion>,
    pub(super) chosen: Option<usize>,
    pub(super) note: Note,
    pub(super) before: Box<Before>,
}

impl Prompt {
    /// What is being asked for.
    pub fn kind(&self) -> PromptKind {
        self.kind
    }
    /// The line and its cursor.
    pub fn editor(&self) -> &LineEditor {
        &self.editor
    }
    /// What is suggested, best first.
    pub fn suggestions(&self) -> &[Suggestion] {
        &self.suggestions
    }
    /// Which suggestion is chosen.
    pub fn chosen(&self) -> Option<usize> {
        self.chosen
    }
    /// What is said about the line.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Moves the choice through the suggestions, round the ends.
    pub(super) fn choose(&mut self, by: i32) {
        let count = self.suggestions.len() as i32;
        if count > 0 {
            let at = match self.chosen {
                Some(at) => (at as i32).saturating_add(by),
                None if by > 0 => 0,
                None => count - 1,
            };
            self.chosen = Some(at.rem_euclid(count) as usize);
        }
    }

    /// The suggestion that Enter or Tab takes: the chosen one, else the first.
    pub(super) fn pick(&self) -> Option<&Suggestion> {
        self.suggestions.get(self.chosen.unwrap_or(0))
    }
}

/// Commands that fit what is typed, best first; all of them for an empty line. Among equals those that work in
/// `context` come first, then the order of the table decides.
///
/// Commands of prompts and questions are left out: they mean nothing once the palette is closed.
pub(super) fn commands(query: &str, keymap: &Keymap, context: Context) -> Vec<Suggestion> {
    let pattern = |kind| Pattern::new(query, CaseMatching::Ignore, Normalization::Smart, kind);
    let patterns = [pattern(AtomKind::Fuzzy), pattern(AtomKind::Substring)];
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut found: Vec<(u32, bool, usize, Suggestion)> = ACTIONS
        .iter()
        .enumerate()
        .filter(|(_, row)| row.contexts.iter().any(|c| !matches!(c, Context::Prompt | Context::Confirm)))
        .filter_map(|(order, row)| {
            let (score, hits, doc_hits) = fit(&patterns, &mut matcher, row)?;
            let suggestion = Suggestion {
                key: keymap.key(context, row.action),
                hits,
                doc_hits,
                choice: Choice::Run(row.action),
                ..Suggestion::new(row.name.to_string(), row.doc.to_string())
            };
            Some((score, !row.works_in(context), order, suggestion))
        })
        .collect();
    found.sort_by_key(|(score, elsewhere, order, _)| (std::cmp::Reverse(*score), *elsewhere, *order));
    found.into_iter().map(|(.., suggestion)| suggestion).collect()
}

/// How well a command fits, and by which letters: by its name, or by its description, which counts half. Of a
/// description words must be found as they are typed: in so long a line a few letters are always somewhere.
fn fit(patterns: &[Pattern; 2], matcher: &mut Matcher, row: &Row) -> Option<(u32, Vec<usize>, Vec<usize>)> {
    let by_name = matched(&patterns[0], matcher, row.name);
    let by_doc = matched(&patterns[1], matcher, row.doc);
    match (by_name, by_doc) {
        (Some((name, _)), Some((doc, hits))) if doc / 2 > name => Some((doc / 2, Vec::new(), hits)),
        (Some((name, hits)), _) => Some((name, hits, Vec::new())),
        (None, Some((doc, hits))) => Some((doc / 2, Vec::new(), hits)),
        (None, None) => None,
    }
}

/// The score of a text and the letters that were typed.
fn matched(pattern: &Pattern, matcher: &mut Matcher, text: &str) -> Option<(u32, Vec<usize>)> {
    let mut hits = Vec::new();
    let score = pattern.indices(Utf32Str::new(text, &mut Vec::new()), matcher, &mut hits)?;
    hits.sort_unstable();
    hits.dedup();
    Some((score, hits.into_iter().map(|at| at as usize).collect()))
}

/// Puts a text in the place of a part of the line, and the cursor behind it.
pub(super) fn insert(editor: &mut LineEditor, place: Range<usize>, text: &str) {
    let line = editor.text().to_string();
    editor.set(&format!("{}{text}", &line[..place.start]));
    let at = editor.cursor();
    // One space is enough between it and what follows.
    let rest = &line[place.end..];
    editor.insert(if text.ends_with(' ') { rest.trim_start() } else { rest });
    editor.place(at);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_palette_lists_every_command_and_finds_by_name_and_words() {
        let keymap = Keymap::standard();
        let all = commands("", &keymap, Context::Map);
        let expected = ACTIONS.iter().filter(|row| !matches!(row.group(), "typing" | "question")).count();
        assert_eq!(all.len(), expected);
        assert!(all.iter().all(|suggestion| suggestion.key.is_some()));
        let first = |query: &str| commands(query, &keymap, Context::Map)[0].text.clone();
        assert_eq!(first("fit"), "map.fit");
        assert_eq!(first("zoom in"), "map.zoom-in");
        assert_eq!(first("expression holds"), "filter.where");
        assert_eq!(first("clipboard row"), "copy.row");
        assert!(commands("qqqq", &keymap, Context::Map).is_empty());
    }

    #[test]
    fn a_text_takes_the_place_of_a_part_of_the_line() {
        let mut editor = LineEditor::default();
        editor.set("norm > 1 and den");
        insert(&mut editor, 13..16, "density ");
        assert_eq!((editor.text(), editor.cursor()), ("norm > 1 and density ", 21));
        editor.set("cl = 3");
        insert(&mut editor, 0..2, "cluster ");
        assert_eq!((editor.text(), editor.cursor()), ("cluster = 3", 8));
    }
}
