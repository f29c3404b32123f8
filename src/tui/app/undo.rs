//! What `undo` brings back: the view, the filters, the marks.

use super::map::View;
use super::{App, Filters};
use crate::analysis::Selections;
use crate::tui::action::{Action, Row};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many changes can be undone.
const CHANGES: usize = 100;

/// What stood before a change.
#[derive(Debug, Clone)]
struct Snapshot {
    action: Action,
    state: State,
}

/// What a change may change.
#[derive(Debug, Clone, PartialEq)]
struct State {
    view: View,
    filters: Filters,
    marks: BTreeSet<u32>,
    selected: Option<u32>,
    selections: Option<Arc<Selections>>,
}

/// What a change is called that is told as undone.
fn name_of(action: Action) -> &'static str {
    match action {
        Action::PanLeft => "moving the view",
        Action::ZoomIn => "zooming",
        Action::NextCluster => "going to a cluster",
        Action::Back => "taking off a filter",
        action => Row::of(action).name,
    }
}

/// What stood before each change, oldest first.
#[derive(Debug, Default)]
pub(super) struct Undo {
    snapshots: Vec<Snapshot>,
    /// The command that moved the view last, if nothing came between: the same again is undone together with it.
    moved_by: Option<Action>,
}

impl Undo {
    /// Something came between: what moves the view next is a change of its own.
    pub(super) fn pause(&mut self) {
        self.moved_by = None;
    }
    /// Drops what named clusters that are no more.
    pub(super) fn forget_clusters(&mut self) {
        for before in &mut self.snapshots {
            before.state.filters.forget_clusters();
        }
    }
}

impl App {
    /// Runs a change of view, filter or marks that `undo` can take back. The same movement again and again is one
    /// step to undo.
    pub(super) fn change(&mut self, action: Action, change: impl FnOnce(&mut Self)) {
        let moves = matches!(action, Action::ZoomIn | Action::PanLeft);
        let before = self.undoable();
        (self.unlisted, self.uncounted) = (true, true);
        change(self);
        if before == self.undoable() {
            return;
        }
        if !(moves && self.undo.moved_by == Some(action)) {
            self.undo.snapshots.push(Snapshot { action, state: before });
            let excess = self.undo.snapshots.len().saturating_sub(CHANGES);
            self.undo.snapshots.drain(..excess);
        }
        self.undo.moved_by = moves.then_some(action);
    }

    fn undoable(&self) -> State {
        State {
            view: self.map.view(self.plot()),
            filters: self.filters.clone(),
            marks: self.marks.clone(),
            selected: self.selected,
            selections: self.selections.clone(),
        }
    }

    /// A change of what is shown.
    pub(super) fn change_filter(&mut self, action: Action, change: impl FnOnce(&mut Self)) {
        self.change(action, |app| {
            change(app);
            app.refilter();
        });
        let (shown, all) = (self.shown_count(), self.study.features());
        if shown == 0 && all > 0 {
            self.complain("nothing passes these filters");
        }
    }

    /// Takes back the last changes.
    pub(super) fn undo(&mut self, times: i32) {
        self.undo.pause();
        let mut last = None;
        for _ in 0..times {
            // What jobs have changed since then may have made it no change.
            let now = self.undoable();
            while self.undo.snapshots.pop_if(|before| before.state == now).is_some() {}
            let Some(before) = self.undo.snapshots.pop() else { break };
            // What jobs have found since then stays: only what the user chose comes back.
            let State { view, filters, marks, selected, selections } = before.state;
            (self.filters, self.marks) = (filters, marks);
            self.restore_selections(selections);
            self.refilter();
            self.look_again(view, selected);
            last = Some(before.action);
        }
        let Some(action) = last else { return self.say("nothing to undo") };
        self.unlisted = true;
        self.recolour();
        self.say(format!("undone: {}", name_of(action)));
    }

    /// Looks at the map as before, with the crosshair on the feature that was selected.
    pub(super) fn look_again(&mut self, view: View, selected: Option<u32>) {
        let plot = self.plot();
        self.map.set_view(view, plot);
        if let Some(feature) = selected {
            self.follow(feature);
        }
        if view.plot() != plot {
            self.put_crosshair();
        }
    }
}
