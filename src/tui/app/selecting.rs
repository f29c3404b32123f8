//! Named selections: what is marked kept under a name, taken up again, combined with what is marked.
//!
//! The marks are the working set; a named selection is a set that was put away. Every combination changes the marks,
//! so that all pages show it at once, and can be undone. The list has the marks as its first row.

use super::prompt::{Note, PromptKind};
use super::{App, ListState, Pane};
use crate::analysis::selections::{Change, Selection, Selections, import};
use crate::analysis::{Column, Filter, Product};
use crate::text::counted;
use crate::tui::action::Action;
use crate::tui::layout::Page;
use std::path::Path;
use std::sync::Arc;

/// One row of the list of selections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectionRow {
    /// Its name; none for what is marked.
    pub name: Option<String>,
    /// How many features it has.
    pub size: usize,
    /// How many of them pass the filters.
    pub shown: usize,
    /// How many of them are marked.
    pub marked: usize,
}

impl App {
    /// The named selections; none before they are read.
    pub fn selections(&self) -> Option<&Selections> {
        self.selections.as_deref()
    }
    fn named(&self) -> &[Selection] {
        self.selections().map_or(&[], Selections::list)
    }
    /// How many rows the list of selections has.
    pub(super) fn selection_count(&self) -> usize {
        self.named().len() + 1
    }
    /// A row of the list: the marks, then the selections in the order in which they were made.
    pub fn selection_row(&self, at: usize) -> SelectionRow {
        let features = self.selection_features(at);
        SelectionRow {
            name: at.checked_sub(1).and_then(|at| self.named().get(at)).map(|selection| selection.name.clone()),
            size: features.len(),
            shown: features.iter().filter(|feature| self.is_shown(**feature)).count(),
            marked: features.iter().filter(|feature| self.marks.contains(feature)).count(),
        }
    }
    /// The features of a row, ascending.
    pub(super) fn selection_features(&self, at: usize) -> Vec<u32> {
        match at.checked_sub(1) {
            None => self.marks.iter().copied().collect(),
            Some(at) => self.named().get(at).map_or(Vec::new(), |selection| selection.features.clone()),
        }
    }
    /// The condition that holds for the features of the row under the cursor.
    pub(super) fn selection_expression(&self) -> String {
        match self.selection_here() {
            Some(selection) => format!("selection = \"{}\"", selection.name),
            None => super::Chip::Marked.expression(&self.marks),
        }
    }
    fn selection_cursor(&self) -> usize {
        self.list(Pane::Selections).cursor
    }
    /// The named selection under the cursor.
    fn selection_here(&self) -> Option<&Selection> {
        self.named().get(self.selection_cursor().checked_sub(1)?)
    }

    /// They were read; `why` says what was wrong with their file.
    pub(super) fn take_selections(&mut self, selections: Arc<Selections>, why: Option<String>) {
        self.selections = Some(selections);
        self.refilter_if(&[Column::Selection]);
        if let Some(why) = why {
            self.complain(why);
        }
    }

    /// Makes a change of the selections that `undo` can take back; false if it could not be kept, which is said.
    fn change_selections(&mut self, action: Action, changes: Vec<Change>) -> bool {
        let Some(current) = self.selections.clone() else {
            self.complain("selections are still being read");
            return false;
        };
        let mut next = (*current).clone();
        let mut kept = Ok(());
        for change in changes {
            kept = kept.and(next.change(&self.study, change));
        }
        self.change(action, |app| app.selections = Some(Arc::new(next)));
        self.refilter_if(&[Column::Selection]);
        self.refresh();
        match kept {
            Ok(()) => true,
            Err(error) => {
                self.complain(error.to_string());
                false
            }
        }
    }

    /// Brings selections back to what they were; those that other screens have made since then stay.
    pub(super) fn restore_selections(&mut self, before: Option<Arc<Selections>>) {
        let (Some(before), Some(now)) = (before, self.selections.clone()) else { return };
        let mut next = (*now).clone();
        let gone = now.list().iter().filter(|selection| before.named(&selection.name).is_none());
        let changed = before.list().iter().filter(|selection| now.named(&selection.name) != Some(selection));
        let changes: Vec<Change> = gone
            .map(|selection| Change::Remove(selection.name.clone()))
            .chain(changed.map(|selection| Change::Put(selection.clone())))
            .collect();
        for change in changes {
            if let Err(error) = next.change(&self.study, change) {
                self.complain(error.to_string());
            }
        }
        self.selections = Some(Arc::new(next));
        self.refilter_if(&[Column::Selection]);
    }

    /// What is said of a name for what is marked, or of another name for a selection.
    pub(super) fn try_name(&self, text: &str, kind: PromptKind) -> Note {
        if text.trim().is_empty() {
            return Note::None;
        }
        let features = match kind {
            PromptKind::Rename => self.selection_here().map_or(0, |selection| selection.features.len()),
            _ => self.marks.len(),
        };
        let features = counted(features, "feature", "features");
        match Selection::new(text, []) {
            Err(error) => Note::Bad(error.to_string()),
            Ok(named) => match self.selections().and_then(|all| all.named(&named.name)) {
                Some(other) if kind == PromptKind::Keep => {
                    Note::Good(format!("{features}, in the place of {} there", other.features.len()))
                }
                Some(other) if Some(other) != self.selection_here() => Note::Bad("there is one of this name".into()),
                _ => Note::Good(features),
            },
        }
    }

    /// Keeps what is marked under a name.
    pub(super) fn keep_marks(&mut self, name: &str) {
        match Selection::new(name, self.marks.iter().copied()) {
            Err(error) => self.complain(error.to_string()),
            Ok(selection) => {
                let (name, size) = (selection.name.clone(), selection.features.len());
                if self.change_selections(Action::SaveMarks, vec![Change::Put(selection)]) {
                    let kept = self.selections().and_then(Selections::path).is_some();
                    let how = if kept { "" } else { " for this run" };
                    self.say(format!("{} kept as {name}{how}", counted(size, "feature", "features")));
                }
            }
        }
    }

    pub(super) fn ask_rename(&mut self) {
        match self.selection_here().map(|selection| selection.name.clone()) {
            Some(_) => self.ask(PromptKind::Rename),
            None => self.complain("what is marked has no name"),
        }
    }
    /// The name to begin with when a selection is renamed.
    pub(super) fn name_here(&self) -> &str {
        self.selection_here().map_or("", |selection| selection.name.as_str())
    }
    pub(super) fn rename(&mut self, to: &str) {
        let Some(from) = self.selection_here().map(|selection| selection.name.clone()) else { return };
        let change = Change::Rename { from, to: to.trim().to_string() };
        self.change_selections(Action::RenameSelection, vec![change]);
    }

    /// Takes the selection under the cursor away; of the marks, all of them.
    pub(super) fn remove_selection(&mut self) {
        match self.selection_here().map(|selection| selection.name.clone()) {
            Some(name) => {
                if self.change_selections(Action::RemoveSelection, vec![Change::Remove(name.clone())]) {
                    self.say(format!("{name} taken away"));
                }
            }
            None => self.change_filter(Action::ClearMarks, |app| app.marks.clear()),
        }
    }

    /// Combines what is marked with the selection under the cursor.
    pub(super) fn combine_selection(&mut self, action: Action) {
        let Some(selection) = self.selection_here().cloned() else {
            return self.complain("this is what is marked; the cursor goes on a selection with a name");
        };
        self.change_filter(action, |app| match action {
            Action::UniteSelection => app.marks.extend(&selection.features),
            Action::IntersectSelection => app.marks.retain(|feature| selection.holds(*feature)),
            Action::SubtractSelection => app.marks.retain(|feature| !selection.holds(*feature)),
            _ => app.marks = selection.features.iter().copied().collect(),
        });
        self.say(format!("{} marked", counted(self.marks.len(), "feature", "features")));
        self.refresh();
    }

    /// Fits the map to the selection under the cursor and goes there.
    pub(super) fn open_selection(&mut self) {
        let features = self.selection_features(self.selection_cursor());
        if features.is_empty() {
            return self.complain("there is nothing in it");
        }
        self.show_on_map(&features);
    }

    /// Fits the map to some features, with the cursor in their middle, and goes there.
    pub(super) fn show_on_map(&mut self, features: &[u32]) {
        self.change(Action::NextCluster, |app| {
            let plot = app.plot();
            app.map.fit_to(features, plot);
        });
        if let Some(feature) = self.map.middle_of(features) {
            self.visit(feature);
        }
        self.go_on(Page::Map);
    }

    /// Shows only the features of the selection under the cursor, or takes that filter off again.
    pub(super) fn only_selection(&mut self) {
        let chip = match self.selection_here() {
            None => Ok(super::Chip::Marked),
            Some(_) => Filter::parse(&self.selection_expression()).map(super::Chip::Where),
        };
        match chip {
            Ok(chip) => self.change_filter(Action::OnlySelection, |app| app.filters.switch(chip)),
            Err(error) => self.complain(error.to_string()),
        }
    }

    /// What is said of a file to read selections from.
    pub(super) fn try_import(text: &str) -> Note {
        let path = super::exporting::path_of(text);
        match (text.trim().is_empty(), path.is_file()) {
            (true, _) => Note::None,
            (false, true) => Note::Good("csv or json with a column feature, or selections".into()),
            (false, false) => Note::Bad("there is no such file".into()),
        }
    }

    /// Reads selections from a file, and keeps them.
    pub(super) fn import_selections(&mut self, path: &Path) {
        let read = match import(path, self.study.features()) {
            Ok(read) => read,
            Err(error) => return self.complain(error.to_string()),
        };
        let names: Vec<String> = read.iter().map(|selection| selection.name.clone()).collect();
        let all = read.iter().map(|selection| selection.features.len()).sum();
        if self.change_selections(Action::ImportSelections, read.into_iter().map(Change::Put).collect()) {
            let last = names.last().and_then(|name| self.named().iter().position(|one| one.name == *name));
            self.lists[Pane::Selections as usize] = ListState { cursor: last.map_or(0, |at| at + 1), offset: 0 };
            self.refresh();
            self.say(format!("{} of {} read", counted(all, "feature", "features"), names.join(", ")));
        }
    }

    /// Marks the nearest neighbours of the feature under the cursor: so many, or as many as are listed.
    pub(super) fn mark_neighbours(&mut self, count: Option<u32>) {
        let Some(feature) = self.feature_here() else { return self.complain("no feature is selected") };
        let listed = if self.page == Page::Neighbours && Some(feature) == self.selected {
            self.neighbours().map(|all| all.iter().map(|near| near.feature).collect::<Vec<_>>())
        } else {
            self.knn.as_ref().map(|knn| knn.row(feature as usize).0.to_vec())
        };
        let Some(listed) = listed else { return self.complain(self.awaited("neighbours")) };
        let wanted = count.map_or(listed.len(), |count| count as usize);
        let taken: Vec<u32> = listed.iter().copied().take(wanted).collect();
        self.change_filter(Action::MarkNeighbours, |app| app.marks.extend(&taken));
        let marked = format!("the {} nearest of #{feature} marked", counted(taken.len(), "feature", "features"));
        self.say(if wanted > listed.len() { format!("{marked}; no more are listed here") } else { marked });
    }

    /// Starts reading the selections that are kept.
    pub(super) fn start_selections(&mut self) {
        let Some(folder) = self.state.clone() else {
            self.selections = Some(Arc::new(Selections::unkept()));
            return;
        };
        let study = Arc::clone(&self.study);
        self.jobs.start(crate::analysis::JobKind::Selections, move |context| {
            context.task.stage("selections", 0);
            context.publish(match Selections::open(&study, &folder) {
                Ok(selections) => Product::Selections(Arc::new(selections), None),
                Err(error) => Product::Selections(Arc::new(Selections::unkept()), Some(error.to_string())),
            });
            Ok(())
        });
    }
}
