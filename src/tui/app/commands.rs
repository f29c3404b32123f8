//! What each command does: the arms of the one table.

use super::prompt::PromptKind;
use super::{App, Chip, CloudState, ColourBy, ListState, Pane, Question, Search, Stage};
use crate::analysis::JobKind;
use crate::analysis::jobs::Job;
use crate::tui::action::{Action, Row};
use crate::tui::layout::Page;
use crate::tui::{Effect, action::Context};

/// Cells of one step of the crosshair: two columns are as wide as one row is high.
const STEP: (i32, i32) = (2, 1);
/// Cells of one step of the view.
const PAN: (i32, i32) = (8, 4);
/// A running job is worth a question if it has worked this long.
const WORTH: std::time::Duration = std::time::Duration::from_secs(3);

/// So soon after a job has ended, an interrupt was meant for it.
const JUST: std::time::Duration = std::time::Duration::from_millis(700);

impl App {
    /// Carries out a command. `count` is the number typed before it.
    pub(super) fn act(&mut self, action: Action, count: Option<u32>, effects: &mut Vec<Effect>) {
        let times = count.unwrap_or(1).min(10_000) as i32;
        if !Self::moves_cursor(action) && !Self::moves_view(action) {
            self.come_to_rest();
        }
        if !(Self::moves_view(action) || self.focus == Pane::Map && self.map.panning && Self::moves_cursor(action)) {
            self.undo.pause();
        }
        match action {
            Action::MoveLeft => self.step(-1, 0, times),
            Action::MoveRight => self.step(1, 0, times),
            Action::MoveUp => self.step(0, -1, times),
            Action::MoveDown => self.step(0, 1, times),
            Action::HalfPageDown => self.page_by(times, 2),
            Action::HalfPageUp => self.page_by(-times, 2),
            Action::PageDown => self.page_by(times, 1),
            Action::PageUp => self.page_by(-times, 1),
            Action::First => self.end_of(false, count),
            Action::Last => self.end_of(true, count),
            Action::PanLeft => self.pan(-PAN.0, 0, times),
            Action::PanRight => self.pan(PAN.0, 0, times),
            Action::PanUp => self.pan(0, -PAN.1, times),
            Action::PanDown => self.pan(0, PAN.1, times),
            Action::ToggleCrosshair => {
                self.map.panning = !self.map.panning;
                let what = if self.map.panning { "the view" } else { "the crosshair" };
                self.say(format!("{} move {what}", self.arrows()));
            }
            Action::ZoomIn => self.zoom(times),
            Action::ZoomOut => self.zoom(-times),
            Action::Fit => self.change(action, |app| {
                let plot = app.plot();
                app.map.fit(plot);
                app.put_crosshair();
            }),
            Action::Centre => {
                if let Some(feature) = self.selected {
                    self.change(action, |app| {
                        let plot = app.plot();
                        app.map.centre(feature, plot);
                    });
                }
            }
            Action::TrueNeighbours => self.toggle_true_neighbours(),
            Action::ColourBy => self.next_colour(),
            Action::Glyphs => {
                self.look = self.look.next_glyphs(self.multiplexer.is_some());
                self.say(format!("glyphs: {}", self.look.glyphs.name()));
                // Where a terminal takes some of them for wider than they are, what it drew of them must go.
                effects.push(Effect::Repaint);
            }
            Action::NextCluster => self.next_cluster(times),
            Action::PreviousCluster => self.next_cluster(-times),
            Action::Open => self.open(),
            Action::Back => self.back(),
            Action::FocusNext => self.focus_by(1),
            Action::FocusPrevious => self.focus_by(-1),
            Action::JumpBack => self.jump(-times),
            Action::JumpForward => self.jump(times),
            Action::GoMap => self.go(Page::Map),
            Action::GoFeature => self.go_with_feature(Page::Feature),
            Action::GoNeighbours => self.go_with_feature(Page::Neighbours),
            Action::GoClusters => self.go(Page::Clusters),
            Action::GoManifolds => self.go_to_manifolds(),
            Action::GoTable => self.go(Page::Table),
            Action::GoSelections => self.go(Page::Selections),
            Action::GoHeatmap => self.go_to_heatmap(),
            Action::GoHistograms => self.go(Page::Histograms),
            Action::GoJobs => self.go(Page::Jobs),
            Action::GoInfo => self.go(Page::Info),
            Action::GoId => match count {
                Some(feature) => self.visit(feature),
                None => self.ask(PromptKind::GoId),
            },
            Action::GoPicker => self.go_to_picker(effects),
            Action::Search if self.focus == Pane::Help => self.ask(PromptKind::HelpSearch),
            Action::Search => self.ask(PromptKind::Search),
            Action::NextMatch => self.next_match(times),
            Action::PreviousMatch => self.next_match(-times),
            Action::Filter => self.ask(PromptKind::Filter),
            Action::ClearFilters => self.change_filter(action, |app| app.filters.clear()),
            Action::OnlyCluster => self.with_cluster(action, |app, cluster| app.filters.toggle_only(cluster)),
            Action::WithoutCluster => self.with_cluster(action, |app, cluster| app.filters.toggle_without(cluster)),
            Action::ToggleNoise => self.if_clusters(action, |app| app.filters.switch(Chip::NoNoise)),
            Action::AllClusters => self.if_clusters(action, |app| app.filters.all_clusters()),
            Action::Finer => self.regroup_by(times),
            Action::Coarser => self.regroup_by(-times),
            Action::Regroup => self.ask(PromptKind::Regroup),
            Action::LayOut => self.ask(PromptKind::LayOut),
            Action::Mark => self.mark(),
            Action::MarkShown => self.change_filter(action, |app| {
                let shown = (0..app.shown.len()).filter(|feature| app.shown[*feature]).map(|feature| feature as u32);
                app.marks.extend(shown);
            }),
            Action::MarkMatches => self.with_matches(action, |app, search| app.marks.extend(&search.hits)),
            Action::OnlyMatches => self.with_matches(action, |app, search| app.filters.switch(search.chip())),
            Action::OnlyMarked => self.change_filter(action, |app| app.filters.switch(Chip::Marked)),
            Action::MarkNeighbours => self.mark_neighbours(count),
            Action::MarkInvert => self.change_filter(action, |app| {
                for feature in (0..app.shown.len() as u32).filter(|feature| app.shown[*feature as usize]) {
                    if !app.marks.remove(&feature) {
                        app.marks.insert(feature);
                    }
                }
            }),
            Action::ClearMarks => self.change_filter(action, |app| app.marks.clear()),
            Action::SaveMarks if self.marks.is_empty() => self.complain("nothing is marked"),
            Action::SaveMarks => self.ask(PromptKind::Keep),
            Action::TakeSelection | Action::UniteSelection | Action::IntersectSelection | Action::SubtractSelection => {
                self.combine_selection(action);
            }
            Action::OnlySelection => self.only_selection(),
            Action::RenameSelection => self.ask_rename(),
            Action::RemoveSelection => self.remove_selection(),
            Action::ImportSelections => self.ask(PromptKind::Import),
            Action::HeatBy => self.next_heat_measure(),
            Action::HeatOrder => self.next_heat_order(),
            Action::HeatFeatures => self.next_heat_features(),
            Action::BinSpan => self.span_bins(),
            Action::Pin => self.pin(),
            Action::YankId => self.copy_number(effects),
            Action::YankRow => self.copy_rows(count, effects),
            Action::Export => self.ask(PromptKind::Export),
            Action::ExportAll => self.ask(PromptKind::ExportAll),
            Action::Undo => self.undo(times),
            Action::NeighboursBy => self.next_neighbours_by(),
            Action::SortBy if self.focus == Pane::Manifolds => self.sort_manifolds(false),
            Action::SortReverse if self.focus == Pane::Manifolds => self.sort_manifolds(true),
            Action::SortBy => self.sort_by_next(),
            Action::SortReverse => self.sort_reverse(),
            Action::FilterManifolds => self.ask(PromptKind::Manifolds),
            Action::ManifoldOfMarks => self.open_marks(),
            Action::Grow => self.grow(),
            Action::Shrink => self.shrink(),
            Action::NextPlane => self.change_cloud(|cloud, portrait| cloud.next_plane(portrait, times)),
            Action::PreviousPlane => self.change_cloud(|cloud, portrait| cloud.next_plane(portrait, -times)),
            Action::Turn => {
                let arrows = self.arrows();
                self.change_cloud(|cloud, portrait| cloud.toggle_turn(portrait, &arrows));
            }
            Action::Tint => self.change_cloud(CloudState::next_tint),
            Action::CloudWords => self.change_cloud(CloudState::toggle_words),
            Action::Chart => self.change_cloud(CloudState::next_chart),
            Action::Arc => self.span_arc(),
            Action::BoxSelect => self.toggle_box(),
            Action::Lasso => self.lasso(),
            Action::CancelJob => self.cancel_job(),
            Action::RestartJob => self.restart_job(),
            Action::Accept => self.accept(effects),
            Action::Cancel => self.cancel_prompt(),
            Action::NextItem => self.choose(1),
            Action::PreviousItem => self.choose(-1),
            Action::Complete => self.complete(),
            Action::Yes => self.answer(effects),
            Action::No => self.question = None,
            Action::Help => {
                self.help_from = self.context();
                self.help_query.clear();
                self.lists[Pane::Help as usize] = ListState::default();
                self.go(Page::Help);
            }
            Action::CloseHelp => self.leave_page(),
            Action::Tour => self.next_of_tour(),
            Action::Palette => self.ask(PromptKind::Palette),
            Action::ToggleMouse => {
                self.mouse = !self.mouse;
                effects.push(Effect::Mouse(self.mouse));
                self.say(super::pointer::mouse_words(self.mouse));
            }
            Action::Redraw => effects.push(Effect::Repaint),
            Action::Suspend => effects.push(Effect::Suspend),
            Action::Interrupt => self.interrupt(effects),
            Action::Quit => self.end(Effect::Quit, effects),
        }
        self.tour_saw(action);
    }

    /// The keys that move, in words: the arrows, unless these do something else.
    pub(super) fn arrows(&self) -> String {
        let moves = [
            (Action::MoveLeft, "Left"),
            (Action::MoveDown, "Down"),
            (Action::MoveUp, "Up"),
            (Action::MoveRight, "Right"),
        ];
        let context = self.focus.context();
        if moves.iter().all(|(action, arrow)| self.keymap.keys(context, *action).iter().any(|key| key == arrow)) {
            return "the arrows".into();
        }
        moves.map(|(action, _)| self.keymap.way(context, action)).join(" ")
    }

    /// Whether a command moves the cursor: many of them in a row are one movement.
    fn moves_cursor(action: Action) -> bool {
        use Action as A;
        let steps = matches!(action, A::MoveLeft | A::MoveRight | A::MoveUp | A::MoveDown);
        steps || matches!(action, A::HalfPageDown | A::HalfPageUp | A::PageDown | A::PageUp)
    }

    /// Whether a command moves the view.
    fn moves_view(action: Action) -> bool {
        use Action as A;
        matches!(action, A::PanLeft | A::PanRight | A::PanUp | A::PanDown | A::ZoomIn | A::ZoomOut)
    }

    fn step(&mut self, dx: i32, dy: i32, times: i32) {
        match self.focus {
            Pane::Cloud => self.turn_cloud(dx, dy, times),
            Pane::Map if self.map.panning => self.pan(dx * PAN.0, dy * PAN.1, times),
            Pane::Map => self.move_crosshair(dx * STEP.0 * times, dy * STEP.1 * times),
            Pane::Heatmap => self.move_in_heatmap(i64::from(dx * times), i64::from(dy * times)),
            Pane::Histograms => self.move_in_bars(i64::from(dx * times), i64::from(dy * times)),
            pane => self.step_list(pane, i64::from(dy) * i64::from(times)),
        }
    }

    pub(super) fn move_crosshair(&mut self, dx: i32, dy: i32) {
        let plot = self.plot();
        self.map.move_crosshair(dx, dy, plot);
        self.take_nearest();
    }

    /// Selects the feature nearest to the crosshair; what is far keeps the selection as it is.
    pub(super) fn take_nearest(&mut self) {
        if let Some(feature) = self.map.under_crosshair(self.plot()) {
            self.drift(feature);
            self.jump = self.jumps.len();
        }
    }

    /// After the view moved under it, the crosshair goes to the selected feature, if that is in sight.
    pub(super) fn put_crosshair(&mut self) {
        let plot = self.plot();
        if let Some(feature) = self.selected {
            self.map.follow(feature, plot);
        }
    }

    pub(super) fn pan(&mut self, columns: i32, rows: i32, times: i32) {
        self.change(Action::PanLeft, |app| {
            app.map.pan(columns.saturating_mul(times), rows.saturating_mul(times));
            app.take_nearest();
        });
    }

    pub(super) fn zoom(&mut self, steps: i32) {
        let (columns, rows) = self.plot();
        self.zoom_at(self.map.crosshair.unwrap_or((columns / 2, rows / 2)), steps);
    }

    pub(super) fn zoom_at(&mut self, cell: (u16, u16), steps: i32) {
        self.change(Action::ZoomIn, |app| {
            let plot = app.plot();
            app.map.zoom(cell, steps, app.selected, plot);
        });
    }

    pub(super) fn step_list(&mut self, pane: Pane, by: i64) {
        let rows = self.rows(pane);
        self.lists[pane as usize].step(by, rows);
        self.follow_list(pane);
    }

    /// The side pane shows what is under the cursor of the list.
    pub(super) fn follow_list(&mut self, pane: Pane) {
        match pane {
            Pane::Table => {
                if let Some(feature) = self.listed.get(self.lists[pane as usize].cursor).copied() {
                    let plot = self.plot();
                    self.map.reveal(feature, plot);
                    self.drift(feature);
                }
            }
            Pane::Neighbours | Pane::Clusters | Pane::Manifolds | Pane::Selections => {
                self.lists[Pane::Feature as usize] = ListState::default();
                self.lists[Pane::Members as usize] = ListState::default();
                self.drifts = true;
            }
            Pane::Members if self.page == Page::Heatmap => self.heat_row(self.lists[pane as usize].cursor),
            Pane::Passages => self.drifts = true,
            _ => {}
        }
    }

    fn page_by(&mut self, times: i32, parts: i32) {
        if self.focus == Pane::Cloud {
            return;
        }
        if matches!(self.focus, Pane::Heatmap | Pane::Histograms) {
            let cells = (i64::from(self.areas().plot.height) / i64::from(parts)).max(1) * i64::from(times);
            return match self.focus {
                Pane::Heatmap => self.move_in_heatmap(0, cells),
                _ => self.move_in_bars(cells, 0),
            };
        }
        if self.focus == Pane::Map {
            let rows = (i32::from(self.plot().1) / parts).max(1).saturating_mul(times);
            return if self.map.panning { self.pan(0, rows, 1) } else { self.move_crosshair(0, rows) };
        }
        let rows = (i64::from(self.list_area(self.focus).height) / i64::from(parts)).max(1);
        self.step_list(self.focus, rows * i64::from(times));
    }

    fn end_of(&mut self, last: bool, count: Option<u32>) {
        match self.focus {
            Pane::Cloud => return,
            Pane::Heatmap => {
                let to = count.map_or(if last { usize::MAX } else { 0 }, |count| (count as usize).saturating_sub(1));
                return self.heat_row(to);
            }
            Pane::Histograms => return self.end_of_bars(last),
            _ => {}
        }
        if self.focus != Pane::Map {
            let rows = self.rows(self.focus);
            let to = match count {
                Some(count) => (count as usize).saturating_sub(1),
                None if last => usize::MAX,
                None => 0,
            };
            self.lists[self.focus as usize].cursor = to.min(rows.saturating_sub(1));
            return self.follow_list(self.focus);
        }
        let mut shown = (0..self.shown.len()).filter(|feature| self.shown[*feature]);
        match count {
            Some(feature) => self.visit(feature),
            None => match if last { shown.next_back() } else { shown.next() } {
                Some(feature) => self.visit(feature as u32),
                None => self.complain("nothing is shown"),
            },
        }
    }

    fn toggle_true_neighbours(&mut self) {
        if self.knn.is_none() {
            return self.complain(self.awaited("neighbours"));
        }
        self.change(Action::TrueNeighbours, |app| app.map.true_neighbours = !app.map.true_neighbours);
        self.say(if self.map.true_neighbours {
            "the true nearest neighbours are pointed out; map distances are not geometry"
        } else {
            "the true nearest neighbours are no longer pointed out"
        });
    }

    fn next_colour(&mut self) {
        let all = ColourBy::ALL;
        let at = all.iter().position(|colour| *colour == self.map.colour).unwrap_or(0);
        let table = self.table();
        let known = |colour: &ColourBy| match colour {
            ColourBy::Cluster => true,
            ColourBy::Column(column) => table.has(*column),
        };
        let next = (1..=all.len()).map(|by| all[(at + by) % all.len()]).find(known).unwrap_or_default();
        self.change(Action::ColourBy, |app| {
            app.map.colour = next;
            app.recolour();
        });
        self.say(format!("coloured by {}", next.name()));
    }

    /// The cluster under the cursor: that of the list, else that of the feature; -1 for none, no value before there
    /// are clusters.
    pub(super) fn cluster_here(&self) -> Option<i32> {
        if self.focus == Pane::Clusters {
            return Some(self.cluster_rows.get(self.list(Pane::Clusters).cursor)?.cluster);
        }
        let labels = &self.clusters.as_ref()?.labels;
        labels.get(self.feature_here()? as usize).copied()
    }

    /// The feature under the cursor: that of the list, else the selected one.
    pub(super) fn feature_here(&self) -> Option<u32> {
        match self.focus {
            Pane::Feature | Pane::Neighbours => {
                let neighbours = match self.focus {
                    Pane::Feature => self.aside().and_then(|detail| detail.neighbours.as_deref()),
                    _ => self.neighbours(),
                };
                let under = neighbours.and_then(|list| list.get(self.list(self.focus).cursor));
                under.map(|neighbour| neighbour.feature).or(self.selected)
            }
            Pane::Members => self.members.get(self.list(Pane::Members).cursor).copied(),
            Pane::Table => self.listed.get(self.list(self.focus).cursor).copied(),
            Pane::Heatmap => self.heat.row_feature(),
            Pane::Clusters
            | Pane::Manifolds
            | Pane::Cloud
            | Pane::Along
            | Pane::Selections
            | Pane::Jobs
            | Pane::Info
            | Pane::Help => None,
            Pane::Map | Pane::Passages | Pane::Histograms => self.selected,
        }
    }

    pub(super) fn members_of(&self, cluster: i32) -> Vec<u32> {
        let labels = self.clusters.as_ref().map_or(&[][..], |clusters| &clusters.labels);
        (0u32..).zip(labels).filter(|(_, label)| **label == cluster).map(|(feature, _)| feature).collect()
    }

    fn if_clusters(&mut self, action: Action, change: impl FnOnce(&mut Self)) {
        if self.clusters.is_none() {
            return self.complain("there are no clusters yet");
        }
        self.change_filter(action, change);
    }

    fn with_cluster(&mut self, action: Action, change: impl FnOnce(&mut Self, i32)) {
        match self.cluster_here() {
            Some(cluster) => self.change_filter(action, |app| change(app, cluster)),
            None if self.clusters.is_none() => self.complain("there are no clusters yet"),
            None => self.complain("no feature is selected"),
        }
    }

    fn with_matches(&mut self, action: Action, change: impl FnOnce(&mut Self, &Search)) {
        match self.search.clone() {
            Some(search) => self.change_filter(action, |app| change(app, &search)),
            None => self.say(self.no_search()),
        }
    }

    fn mark(&mut self) {
        if self.is_drawing() {
            return self.mark_enclosed();
        }
        match self.focus {
            Pane::Clusters => {
                if let Some(cluster) = self.cluster_here() {
                    self.toggle_marks(&self.members_of(cluster));
                }
                return;
            }
            Pane::Selections => {
                self.toggle_marks(&self.selection_features(self.list(Pane::Selections).cursor));
                return self.refresh();
            }
            Pane::Manifolds | Pane::Cloud | Pane::Along => {
                self.toggle_marks(&self.group_features());
                return;
            }
            Pane::Histograms => return self.mark_bars(),
            _ => {}
        }
        let Some(feature) = self.feature_here() else { return self.complain("no feature is selected") };
        self.change(Action::Mark, |app| {
            if !app.marks.remove(&feature) {
                app.marks.insert(feature);
            }
            if app.filters.only_marked() { app.refilter() } else { app.count_clusters() }
        });
    }

    /// Marks features, or unmarks them if all are marked; whether they are marked now.
    pub(super) fn toggle_marks(&mut self, features: &[u32]) -> bool {
        let all = features.iter().all(|feature| self.marks.contains(feature));
        self.change_filter(Action::Mark, |app| {
            for feature in features {
                if all {
                    app.marks.remove(feature)
                } else {
                    app.marks.insert(*feature)
                };
            }
        });
        !all
    }

    pub(super) fn cancel_job_here(&mut self) -> bool {
        let job = self.jobs.list().rev().nth(self.list(Pane::Jobs).cursor);
        let id = job.filter(|job| job.is_running()).map(|job| job.id);
        id.is_some_and(|id| self.jobs.cancel(id))
    }

    fn cancel_job(&mut self) {
        let cancelled = if self.page == Page::Jobs { self.cancel_job_here() } else { self.cancel_running() };
        if !cancelled {
            self.say("no job is running here");
        }
    }

    /// Cancels the newest running job; false if none runs.
    pub(super) fn cancel_running(&mut self) -> bool {
        let id = self.jobs.running().map(|job| job.id);
        id.is_some_and(|id| self.jobs.cancel(id))
    }

    /// Runs the job under the cursor again; on other pages, that of the map.
    fn restart_job(&mut self) {
        let kind = match self.page {
            Page::Jobs => self.jobs.list().rev().nth(self.list(Pane::Jobs).cursor).map(|job| job.kind),
            _ => Some(JobKind::Map),
        };
        let Some(kind) = kind else { return self.say("there is no job here") };
        if self.jobs.current(kind).is_some_and(Job::is_running) {
            return self.say(format!("{} is running", kind.name()));
        }
        match kind {
            JobKind::Evidence => self.start_evidence(),
            JobKind::Map => self.remake(self.params),
            JobKind::Clusters => return self.regroup(self.regrouping.unwrap_or(self.params.hdbscan)),
            JobKind::Trust if self.map.stage != Stage::Finished => {
                return self.complain("trust is measured when the map is finished");
            }
            JobKind::Trust => self.start_trust(),
            JobKind::Neighbours => match self.selected {
                Some(feature) => self.start_neighbours(feature),
                None => return,
            },
            JobKind::Manifolds => self.start_manifolds(),
            JobKind::Manifold => match self.cloud.wanted() {
                Some(found) => self.start_portrait(found.clone()),
                None => return,
            },
            JobKind::Pairs => self.measure_pairs_again(),
            JobKind::Selections => self.start_selections(),
            JobKind::Export => return self.say("an export is run again by exporting again"),
        }
        self.say(format!("{}: running again", kind.name()));
    }

    fn interrupt(&mut self, effects: &mut Vec<Effect>) {
        if self.question.take().is_some() {
        } else if self.prompt.is_some() {
            self.cancel_prompt();
        } else if self.leave_tour() {
        } else if !self.cancel_running() {
            // Who wanted to cancel a job that has just ended did not mean to quit.
            let just = |job: &Job| job.done_since().is_some_and(|since| since < JUST);
            if self.jobs.list().any(just) {
                return self.say("the job has just ended; again quits");
            }
            effects.push(Effect::Quit);
        }
    }

    /// Leaves this dictionary for the others of its folder.
    fn go_to_picker(&mut self, effects: &mut Vec<Effect>) {
        if !self.has_others {
            return self
                .say("this dictionary was opened by itself; saescope FOLDER lists the dictionaries of a folder");
        }
        self.end(Effect::Leave, effects);
    }

    /// Ends this screen; asks first if a job would be lost that is worth waiting for.
    fn end(&mut self, how: Effect, effects: &mut Vec<Effect>) {
        let job = self.jobs.list().rev().find(|job| job.is_running() && job.elapsed() >= WORTH);
        // An export that is still writing would be lost whatever its age.
        let job = job.or_else(|| self.jobs.current(JobKind::Export).filter(|job| job.is_running()));
        match job.map(|job| job.kind.name().to_string()) {
            Some(job) => self.question = Some(Question::Lose { job, then: how }),
            None => effects.push(how),
        }
    }

    fn answer(&mut self, effects: &mut Vec<Effect>) {
        match self.question.take() {
            Some(Question::Lose { then, .. }) => effects.push(then),
            Some(Question::Replace { path, all }) => self.export(&path, all, true),
            None => {}
        }
    }

    /// A command chosen by name rather than by key: it may be meant for another page.
    pub(super) fn run_named(&mut self, action: Action, effects: &mut Vec<Effect>) {
        if action == Action::CloseHelp && self.page != Page::Help {
            return;
        }
        if Row::of(action).group() == "map" && Row::of(action).contexts == [Context::Map] && self.page != Page::Map {
            self.go(Page::Map);
        }
        self.act(action, None, effects);
    }
}
