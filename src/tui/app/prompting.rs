//! Typing: what happens when a line opens, changes, is taken or is left.

use super::prompt::{self, Before, Choice, Note, Prompt, PromptKind, Suggestion};
use super::{App, Question, Search, completing, exporting, remaking};
use crate::analysis::complete::{Completions, completions};
use crate::analysis::filter::FilterError;
use crate::analysis::{Column, Filter, JobKind, Query};
use crate::text::{counted, thousands};
use crate::tui::Effect;
use crate::tui::action::Action;
use crate::tui::input::LineEditor;
use crate::tui::key::Key;
use crate::tui::widgets::bars::number;

/// Most features suggested while searching; the count of all is told.
const SUGGESTED: usize = 50;

/// Said where only numbers can be searched.
const NOTHING_TO_SEARCH: &str = "there are no labels or tokens to search";

/// Whether a line that cannot be read only wants more letters where the cursor stands.
fn is_unfinished(text: &str, cursor: usize, error: &FilterError, completions: &Completions) -> bool {
    let place = text.char_indices().nth(error.at).map_or(text.len(), |(at, _)| at);
    let ends = text[cursor..].trim().is_empty();
    let nothing_yet = place >= text.trim_end().len();
    let in_quotes = text[place..].starts_with(['"', '\'']);
    ends && (nothing_yet || in_quotes || (!completions.all.is_empty() && place >= completions.place.start))
}

/// What is said of a line of parameters.
fn note_of<T>(parsed: Result<T, String>) -> Note {
    parsed.map_or_else(Note::Bad, |_| Note::None)
}

impl App {
    /// Opens a line.
    pub(super) fn ask(&mut self, kind: PromptKind) {
        let before = Before {
            selected: self.selected,
            view: self.map.view(self.plot()),
            help_query: self.help_query.clone(),
            shapes: self.shapes.filter().to_string(),
            search: self.search.clone(),
        };
        let mut editor = LineEditor::new(self.histories[kind.history()].clone());
        match kind {
            PromptKind::Export | PromptKind::ExportAll => editor.set(&self.proposed_file(kind)),
            PromptKind::Regroup => editor.set(&remaking::grouping_line(&self.params.hdbscan)),
            PromptKind::LayOut => editor.set(&remaking::layout_line(&self.params)),
            PromptKind::Manifolds => editor.set(self.shapes.filter()),
            PromptKind::Rename => editor.set(self.name_here()),
            _ => {}
        }
        self.prompt = Some(Prompt {
            kind,
            editor,
            suggestions: Vec::new(),
            chosen: None,
            note: Note::None,
            before: Box::new(before),
        });
        self.typed();
    }

    /// A key that is no command of the prompt: it edits the line. False if it means nothing there either.
    pub(super) fn type_key(&mut self, key: Key) -> bool {
        let Some(prompt) = &mut self.prompt else { return false };
        let before = prompt.editor.text().to_string();
        let cursor = prompt.editor.cursor();
        // Deleting from an empty line leaves it, as in vi.
        let leaves = before.is_empty() && key == Key::plain(crossterm::event::KeyCode::Backspace);
        let known = prompt.editor.press(key);
        if leaves {
            self.cancel_prompt();
        } else if before != prompt.editor.text()
            || (prompt.kind == PromptKind::Filter && cursor != prompt.editor.cursor())
        {
            prompt.chosen = None;
            self.typed();
        }
        known
    }

    /// Pasted text goes into the line; without one it is dropped, because it is not a row of commands.
    pub(super) fn paste(&mut self, text: &str) {
        match &mut self.prompt {
            Some(prompt) => {
                prompt.editor.insert(text);
                prompt.chosen = None;
                self.typed();
            }
            None => self.say("pasted text is only taken while a line is being typed"),
        }
    }

    /// Something has become known: what is said of the line may be another thing now. A search that has led somewhere
    /// stays there, and what cannot be read cannot be read.
    pub(super) fn retry_line(&mut self) {
        let stays = |prompt: &Prompt| match prompt.note {
            Note::Bad(_) => false,
            Note::Unread { ref unfinished, .. } => unfinished.is_none(),
            Note::None | Note::Good(_) => prompt.kind == PromptKind::Search,
        };
        if self.prompt.as_ref().is_some_and(|prompt| !stays(prompt)) {
            self.typed();
        }
    }

    /// The line changed: makes suggestions, says what would come of it, and shows that already where it is cheap.
    fn typed(&mut self) {
        let Some(mut prompt) = self.prompt.take() else { return };
        let text = prompt.editor.text().to_string();
        (prompt.suggestions, prompt.note) = match prompt.kind {
            PromptKind::Palette => {
                let found = prompt::commands(&text, &self.keymap, self.focus.context());
                let note = if found.is_empty() { Note::Bad("no command like this".into()) } else { Note::None };
                (found, note)
            }
            PromptKind::HelpSearch => {
                self.help_query = text;
                (Vec::new(), Note::None)
            }
            PromptKind::Filter => self.try_filter(&text, prompt.editor.cursor()),
            PromptKind::Manifolds => (Vec::new(), self.filter_manifolds(&text)),
            PromptKind::GoId => (Vec::new(), self.try_id(&text)),
            PromptKind::Keep | PromptKind::Rename => (Vec::new(), self.try_name(&text, prompt.kind)),
            PromptKind::Import => (Vec::new(), Self::try_import(&text)),
            PromptKind::Regroup => (Vec::new(), note_of(self.parse_grouping(&text))),
            PromptKind::LayOut => (Vec::new(), note_of(self.parse_layout(&text))),
            PromptKind::Search => self.try_search(&text, &prompt.before),
            PromptKind::Export | PromptKind::ExportAll => (Vec::new(), self.try_file(&text, prompt.kind)),
        };
        // The first match is shown already: the next choice is the second.
        if prompt.kind == PromptKind::Search {
            prompt.chosen = (!prompt.suggestions.is_empty()).then_some(0);
        }
        self.prompt = Some(prompt);
    }

    fn try_filter(&mut self, text: &str, cursor: usize) -> (Vec<Suggestion>, Note) {
        let completions = completions(text, cursor, self);
        let had_trial = self.trial.take().is_some();
        let note = match self.parse_filter(text) {
            _ if text.trim().is_empty() => Note::None,
            Ok(filter) => {
                self.trial = Some(filter);
                Note::None
            }
            Err(Note::Unread { error, .. }) => {
                let unfinished = is_unfinished(text, cursor, &error, &completions);
                let hint = completions.range.map_or_else(String::new, |(column, low, high)| {
                    format!("{} is from {} to {}", column.name(), number(low), number(high))
                });
                Note::Unread { error, unfinished: unfinished.then_some(hint) }
            }
            Err(note) => note,
        };
        if had_trial || self.trial.is_some() {
            self.refilter();
        }
        let note = match &self.trial {
            Some(_) => {
                let shown = thousands(self.shown_count() as u64);
                Note::Good(format!("{shown} of {}", counted(self.study.features(), "feature", "features")))
            }
            None => note,
        };
        (completing::suggestions(completions), note)
    }

    fn parse_filter(&self, text: &str) -> Result<Filter, Note> {
        let filter = Filter::parse(text).map_err(|error| Note::Unread { error, unfinished: None })?;
        // Counting tokens feature by feature would take too long here.
        let unread = filter.columns().into_iter().find(|column| *column == Column::TopTokens && self.words.is_none());
        match unread.or_else(|| filter.missing(&self.table())) {
            Some(column) => Err(Note::Bad(format!("{} is not known (yet) for this dictionary", column.name()))),
            None => Ok(filter),
        }
    }

    fn parse_id(&self, text: &str) -> Result<Option<u32>, String> {
        let digits = text.trim().trim_start_matches('#');
        if digits.is_empty() {
            return Ok(None);
        }
        let last = self.study.features().saturating_sub(1);
        match digits.parse::<u32>() {
            Ok(feature) if feature as usize <= last => Ok(Some(feature)),
            _ => Err(format!("expected a number from 0 to {last}")),
        }
    }

    fn try_id(&self, text: &str) -> Note {
        match self.parse_id(text) {
            Ok(None) => Note::None,
            Ok(Some(feature)) => Note::Good(self.about(feature)),
            Err(why) => Note::Bad(why),
        }
    }

    /// A feature that a search found, with the letters that it was found by.
    fn suggest_match(&self, feature: u32, query: &Query) -> Suggestion {
        let label = self.study.label(feature as usize).unwrap_or_default();
        let tokens: Vec<&str> = self.top_tokens(feature).collect();
        let seen = query.seen(label, &tokens);
        let voice = match (seen.label.is_empty(), seen.in_tokens()) {
            (false, false) => "label",
            (false, true) => "label, tokens",
            (true, true) => "tokens",
            (true, false) => "",
        };
        let mut suggestion = Suggestion { voice, ..Suggestion::feature(feature) };
        let label = (crate::text::printable(label), seen.label);
        let has_label = !label.0.trim().is_empty();
        let tokens = tokens.into_iter().zip(seen.tokens).filter(|(_, hits)| !hits.is_empty() || !has_label);
        let tokens = tokens.map(|(token, hits)| (token.to_string(), hits));
        // First what was found, which must be in sight; what was not says which feature it is.
        if suggestion.voice == "tokens" {
            tokens.chain([label]).for_each(|part| suggestion.add(part));
        } else {
            std::iter::once(label).chain(tokens).for_each(|part| suggestion.add(part));
        }
        suggestion
    }

    fn try_search(&mut self, text: &str, before: &Before) -> (Vec<Suggestion>, Note) {
        // What was shown before is the place to come back to when the letters lead nowhere.
        self.go_back_to(before);
        let Some(words) = self.words.clone() else {
            let waits = self.jobs.current(JobKind::Evidence).is_some_and(crate::analysis::jobs::Job::is_running);
            let why = if waits { "labels and tokens are still being read" } else { NOTHING_TO_SEARCH };
            return (Vec::new(), Note::Bad(why.into()));
        };
        let query = Query::parse(text);
        if query.is_empty() {
            return (Vec::new(), Note::None);
        }
        let search = Search::new(text.trim(), words.find(&query), &self.shown);
        let shown = search.hits.iter().take(SUGGESTED);
        let suggestions = shown.map(|feature| self.suggest_match(*feature, &query)).collect();
        let note = self.count_matches(&search);
        if let Some(first) = search.hits.first() {
            self.select(*first);
        }
        self.search = Some(search);
        (suggestions, note)
    }

    /// How many features were found: as typed, near, and filtered out.
    fn count_matches(&self, search: &Search) -> Note {
        let exact = |n: usize| if n == 1 { "1 match".to_string() } else { format!("{} matches", thousands(n as u64)) };
        let shown = match (search.exact(), search.hits.len() - search.exact()) {
            (0, 0) => String::new(),
            (0, near) => format!("no match, {} near", thousands(near as u64)),
            (typed, 0) => exact(typed),
            (typed, near) => format!("{}, {} near", exact(typed), thousands(near as u64)),
        };
        let evidence = self.study.evidence();
        match (search.hits.len(), search.found.len() - search.hits.len()) {
            (0, 0) if evidence.is_none_or(|all| all.labels.is_none() && all.tokens.is_none()) => {
                Note::Bad(NOTHING_TO_SEARCH.into())
            }
            (0, 0) => Note::Bad("nothing found".into()),
            (0, hidden) => Note::Bad(format!("{}, filtered out", exact(hidden))),
            (_, 0) => Note::Good(shown),
            (_, hidden) => Note::Good(format!("{shown}, {} more filtered out", thousands(hidden as u64))),
        }
    }

    /// Moves the choice, or through the history where nothing is suggested.
    pub(super) fn choose(&mut self, by: i32) {
        let Some(prompt) = &mut self.prompt else { return };
        let begins = prompt.editor.text().is_empty() && prompt.chosen.is_none() && by < 0;
        let walking = begins || prompt.editor.is_recalling();
        if prompt.suggestions.is_empty() || (walking && prompt.kind != PromptKind::Palette) {
            if by > 0 {
                prompt.editor.newer();
            } else {
                prompt.editor.older();
            }
            return self.typed();
        }
        prompt.choose(by);
        if let (PromptKind::Search, Some(&Choice::Feature(feature))) = (prompt.kind, prompt.pick().map(|s| &s.choice)) {
            let at = prompt.chosen.unwrap_or(0);
            if let Some(search) = &mut self.search {
                search.visit(at);
            }
            self.select(feature);
        }
    }

    pub(super) fn complete(&mut self) {
        let Some(prompt) = &mut self.prompt else { return };
        match prompt.pick().cloned().map(|suggestion| (suggestion.choice, suggestion.text)) {
            Some((Choice::Insert { place, text }, _)) => prompt::insert(&mut prompt.editor, place, &text),
            Some((Choice::Run(_), name)) => prompt.editor.set(&name),
            Some((Choice::Feature(_), _)) => return self.choose(1),
            None => return,
        }
        prompt.chosen = None;
        self.typed();
    }

    /// Takes the line.
    pub(super) fn accept(&mut self, effects: &mut Vec<Effect>) {
        let Some(mut prompt) = self.prompt.take() else { return };
        // A suggestion that was chosen by hand is put in, and typing goes on.
        if let (Some(_), Some(Choice::Insert { .. })) =
            (prompt.chosen, prompt.pick().map(|suggestion| &suggestion.choice))
        {
            self.prompt = Some(prompt);
            return self.complete();
        }
        // A line that cannot be taken stays open with its reason in sight.
        if prompt.note.is_bad() && !prompt.editor.text().trim().is_empty() {
            if let Note::Unread { unfinished, .. } = &mut prompt.note {
                *unfinished = None;
            }
            self.prompt = Some(prompt);
            return;
        }
        let chosen = prompt.pick().map(|suggestion| suggestion.choice.clone());
        let text = prompt.editor.accept();
        self.histories[prompt.kind.history()] = prompt.editor.history().to_vec();
        let text = text.trim().to_string();
        match prompt.kind {
            PromptKind::Palette => {
                if let Some(Choice::Run(action)) = chosen {
                    self.run_named(action, effects);
                }
            }
            PromptKind::HelpSearch | PromptKind::Manifolds => {}
            // As in vi, nothing typed is the last search again.
            PromptKind::Search if text.is_empty() => {
                self.go_back_to(&prompt.before);
                self.search_again(prompt.before.search);
                if self.search.is_some() {
                    self.next_match(1);
                }
            }
            PromptKind::Search => {
                let Some(Choice::Feature(feature)) = chosen else { return };
                // The step is from where the search began, not from where its letters led.
                self.selected = prompt.before.selected;
                self.visit(feature);
                self.refresh();
            }
            PromptKind::Filter => {
                self.trial = None;
                match (text.is_empty(), self.parse_filter(&text)) {
                    (false, Ok(filter)) => self.change_filter(Action::Filter, |app| app.filters.push(filter)),
                    _ => self.refilter(),
                }
            }
            PromptKind::GoId => {
                if let Ok(Some(feature)) = self.parse_id(&text) {
                    self.visit(feature);
                }
            }
            PromptKind::Keep | PromptKind::Rename | PromptKind::Import | PromptKind::Export | PromptKind::ExportAll
                if text.is_empty() => {}
            PromptKind::Keep => self.keep_marks(&text),
            PromptKind::Rename => self.rename(&text),
            PromptKind::Import => self.import_selections(&exporting::path_of(&text)),
            PromptKind::Regroup => {
                if let Ok(params) = self.parse_grouping(&text) {
                    self.regroup(params);
                }
            }
            PromptKind::LayOut => {
                if let Ok(params) = self.parse_layout(&text) {
                    self.remake_with(params);
                }
            }
            PromptKind::Export | PromptKind::ExportAll => {
                let path = exporting::path_of(&text);
                let all = prompt.kind == PromptKind::ExportAll;
                if path.exists() {
                    self.question = Some(Question::Replace { path, all });
                } else {
                    self.export(&path, all, false);
                }
            }
        }
    }

    /// Leaves the line; the screen is as it was before.
    pub(super) fn cancel_prompt(&mut self) {
        let Some(prompt) = self.prompt.take() else { return };
        if self.trial.take().is_some() {
            self.refilter();
        }
        match prompt.kind {
            PromptKind::Search => {
                self.go_back_to(&prompt.before);
                self.search_again(prompt.before.search);
            }
            PromptKind::HelpSearch => self.help_query = prompt.before.help_query,
            PromptKind::Manifolds => {
                self.filter_manifolds(&prompt.before.shapes);
            }
            _ => {}
        }
    }

    /// Takes up a search from before; what is shown may be other features by now.
    fn search_again(&mut self, before: Option<Search>) {
        self.search = before.map(|mut search| {
            search.keep_shown(&self.shown);
            search
        });
    }

    /// The place that a search started from.
    fn go_back_to(&mut self, before: &Before) {
        self.search = None;
        self.look_again(before.view, before.selected);
    }
}
