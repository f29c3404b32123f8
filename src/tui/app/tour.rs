//! A tour through what can be done: a few steps, each of which waits until its command was given.
//!
//! The steps are one table. Keys in their words are those of the keymap, named as `{command}`, so that they are right
//! however keys are bound. Nothing is locked while the tour runs: what is not asked for works as ever.

use super::App;
use crate::tui::action::{Action, Row};

/// One step.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// What it is about.
    pub title: &'static str,
    /// What to know and to press; `{go.map}` stands for the key of that command.
    pub words: &'static str,
    /// The commands of which any leads to the next step.
    pub until: &'static [Action],
}

/// The steps, in order.
pub const STEPS: &[Step] = &[
    Step {
        title: "the map",
        words: "Each dot is a feature: a direction that the model writes in. Features with similar directions lie close \
                together; letters name the clusters. Move the crosshair with the arrows or {move.left} {move.down} \
                {move.up} {move.right}.",
        until: &[Action::MoveLeft, Action::MoveDown, Action::MoveUp, Action::MoveRight],
    },
    Step {
        title: "a feature",
        words: "Beside the map stands what is known of it: the tokens it fires on, how often, how strongly, and the \
                features nearest to it. {go.open} opens its page with all passages.",
        until: &[Action::Open, Action::GoFeature],
    },
    Step {
        title: "the way back",
        words: "The token on which it fires stands in one column; shades are strengths. {go.out} leads back from \
                anywhere, one thing at a time. It never quits.",
        until: &[Action::Back],
    },
    Step {
        title: "finding",
        words: "{find.search} searches labels, tokens and numbers as you type, and the map lights up: try monday, then \
                {typing.accept}. {find.next} goes on to the next match.",
        until: &[Action::Accept],
    },
    Step {
        title: "true neighbours",
        words: "A map bends distances. {go.neighbours} lists the nearest features by cosine in the whole space; \
                {find.neighbours-by} there measures by encoder or by activations.",
        until: &[Action::GoNeighbours],
    },
    Step {
        title: "filters",
        words: "{filter.only-cluster} shows only the cluster under the cursor, {filter.where} takes any condition, such \
                as density < 0.01. What is filtered here is filtered everywhere; {go.out} on the map takes it off.",
        until: &[Action::OnlyCluster, Action::Filter],
    },
    Step {
        title: "marks",
        words: "{mark.toggle} marks a feature; on the map {map.box} spans a box and {map.lasso} draws a lasso. \
                {mark.neighbours} marks the nearest, {mark.keep} keeps the marks under a name, {go.selections} has them \
                all.",
        until: &[
            Action::Mark,
            Action::MarkShown,
            Action::MarkNeighbours,
            Action::BoxSelect,
            Action::Lasso,
            Action::GoSelections,
        ],
    },
    Step {
        title: "pairs and numbers",
        words: "{go.heatmap} shows how similar the features of a set are, pair by pair; {go.histograms} how all of them \
                are distributed over density and norm.",
        until: &[Action::GoHeatmap, Action::GoHistograms],
    },
    Step {
        title: "manifolds",
        words: "Some features belong together in a shape: weekdays on a ring, years on a curve. {go.manifolds} looks for \
                such groups and ranks them by what speaks for a shape beyond chance.",
        until: &[Action::GoManifolds],
    },
    Step {
        title: "one manifold",
        words: "{go.open} opens the group under the cursor: the cloud of its tokens, where along it each feature fires, \
                and why the verdict is what it is.",
        until: &[Action::Open],
    },
    Step {
        title: "taking it with you",
        words: "{export.shown} writes what a page shows to a file: tables, coordinates, pictures. {app.help} lists every \
                key, those that work here first; {app.palette} finds any command by words.",
        until: &[Action::Export, Action::Help, Action::Palette],
    },
];

/// How far the tour is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tour {
    at: usize,
}

impl Tour {
    /// Which step it is, from 0.
    pub fn at(self) -> usize {
        self.at
    }
    /// The step.
    pub fn step(self) -> &'static Step {
        &STEPS[self.at.min(STEPS.len() - 1)]
    }
}

impl App {
    /// The tour, while it runs.
    pub fn tour(&self) -> Option<Tour> {
        self.tour
    }

    /// The words of the step, with the keys as they are bound.
    pub fn tour_words(&self) -> Option<String> {
        let step = self.tour?.step();
        let mut out = String::new();
        let mut rest = step.words;
        while let Some((before, named)) = rest.split_once('{') {
            let (name, after) = named.split_once('}').unwrap_or((named, ""));
            out.push_str(before);
            if let Some(row) = Row::named(name) {
                out.push_str(&self.keymap.way(row.contexts[0], row.action));
            }
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }

    /// Begins the tour, or goes on to its next step; from the last, ends it.
    pub(super) fn next_of_tour(&mut self) {
        let next = self.tour.map_or(0, |tour| tour.at + 1);
        self.tour = (next < STEPS.len()).then_some(Tour { at: next });
        if self.tour.is_none() {
            self.say("the tour has ended");
        }
    }

    /// Ends the tour; false if there was none.
    pub(super) fn leave_tour(&mut self) -> bool {
        let left = self.tour.take().is_some();
        if left {
            self.say("the tour has ended");
        }
        left
    }

    /// A command was given: the tour goes on if it waited for it.
    pub(super) fn tour_saw(&mut self, action: Action) {
        if self.tour.is_some_and(|tour| tour.step().until.contains(&action)) {
            self.next_of_tour();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_a_step_names_is_a_command() {
        for step in STEPS {
            assert!(!step.until.is_empty() && !step.title.is_empty());
            let names: Vec<&str> = step.words.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0).collect();
            for name in &names {
                assert!(Row::named(name).is_some(), "{}: {name}", step.title);
            }
            // What a step waits for, it names; moving is named by its keys.
            let named = |action: &Action| names.contains(&Row::of(*action).name);
            assert!(step.until.iter().any(named), "{}", step.title);
        }
    }
}
