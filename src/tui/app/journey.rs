//! Ways through the study: clusters, pages, panes, the jump list, the matches of a search.

use super::{App, Pane};
use crate::text::thousands;
use crate::tui::action::{Action, Context};
use crate::tui::layout::Page;

impl App {
    /// Goes to another cluster: on the list by rows, else to its middle on the map.
    pub(super) fn next_cluster(&mut self, by: i32) {
        if self.focus == Pane::Clusters {
            return self.step_list(Pane::Clusters, by.into());
        }
        let Some(clusters) = self.clusters.clone() else { return self.complain("there are no clusters yet") };
        // Round all clusters that are not filtered out as a whole.
        let all: Vec<i32> = (0..clusters.count as i32)
            .filter(|cluster| self.cluster_rows.get(*cluster as usize).is_none_or(|row| row.shown > 0))
            .collect();
        if all.is_empty() {
            return self.complain("no cluster is shown");
        }
        let here = self.cluster_here().unwrap_or(-1);
        let at = match all.binary_search(&here) {
            Ok(at) => at as i32 + by,
            // From no cluster, forward leads to the first one.
            Err(at) => at as i32 + by - i32::from(by > 0),
        };
        let cluster = all[at.rem_euclid(all.len() as i32) as usize];
        let shown: Vec<u32> = self.members_of(cluster).into_iter().filter(|feature| self.is_shown(*feature)).collect();
        if let Some(feature) = self.map.middle_of(&shown) {
            self.visit(feature);
        }
    }

    pub(super) fn open(&mut self) {
        match self.focus {
            Pane::Map if self.is_drawing() => self.mark_enclosed(),
            Pane::Map => self.go_with_feature(Page::Feature),
            Pane::Feature | Pane::Neighbours => {
                if let Some(feature) = self.feature_here() {
                    self.visit(feature);
                }
            }
            Pane::Members | Pane::Table | Pane::Heatmap => {
                if let Some(feature) = self.feature_here() {
                    self.visit(feature);
                    self.go_on(Page::Map);
                }
            }
            Pane::Clusters => {
                let Some(cluster) = self.cluster_here() else { return };
                self.show_on_map(&self.members_of(cluster));
            }
            Pane::Selections => self.open_selection(),
            Pane::Histograms => self.filter_by_bars(),
            Pane::Manifolds => self.open_manifold(),
            Pane::Cloud => self.focus = Pane::Along,
            Pane::Along | Pane::Passages => self.reading = !self.reading,
            Pane::Jobs | Pane::Info | Pane::Help => {}
        }
    }

    /// Opens a page; the map is where all ways begin, so going there forgets the way.
    pub(super) fn go(&mut self, page: Page) {
        self.go_on(page);
        if page == Page::Map {
            self.back.clear();
        }
    }

    /// Opens a page from which Esc leads back here.
    pub(super) fn go_on(&mut self, page: Page) {
        if page != self.page {
            self.back.retain(|(other, _)| *other != page);
            self.back.push((self.page, self.focus));
        }
        self.turn_to(page, Pane::of(page)[0]);
    }

    fn turn_to(&mut self, page: Page, focus: Pane) {
        self.page = page;
        self.focus = focus;
        self.map.drawn = None;
        self.unlisted = true;
        self.list_features();
        self.refresh();
    }

    pub(super) fn go_with_feature(&mut self, page: Page) {
        if self.selected.is_some() {
            self.go(page);
        } else {
            self.complain("no feature is selected yet");
        }
    }

    pub(super) fn leave_page(&mut self) {
        let (page, focus) = self.back.pop().unwrap_or((Page::Map, Pane::Map));
        self.turn_to(page, focus);
    }

    /// One step back: box, help search, job under the cursor, side pane, page, search, newest filter. Never quits.
    pub(super) fn back(&mut self) {
        if self.leave_drawing() || self.page == Page::Histograms && self.leave_span() {
        } else if self.page == Page::Manifold && self.cloud.leave_arc() {
            self.say("all tokens are listed again");
        } else if self.page == Page::Help && !self.help_query.is_empty() {
            self.help_query.clear();
        } else if self.page == Page::Jobs && self.cancel_job_here() {
        } else if self.focus != Pane::of(self.page)[0] {
            self.focus = Pane::of(self.page)[0];
        } else if self.page != Page::Map || !self.back.is_empty() {
            self.leave_page();
        } else if self.search.is_some() {
            self.search = None;
        } else if !self.filters.is_empty() {
            self.change_filter(Action::Back, |app| {
                app.filters.pop();
            });
        }
    }

    pub(super) fn focus_by(&mut self, by: i32) {
        let panes = Pane::of(self.page);
        let at = panes.iter().position(|pane| *pane == self.focus).unwrap_or(0) as i32;
        self.focus = panes[(at + by).rem_euclid(panes.len() as i32) as usize];
    }

    pub(super) fn jump(&mut self, by: i32) {
        if self.jumps.is_empty() {
            return self.say("no feature was visited before");
        }
        // Off the list (the crosshair wandered), back leads to the last stop, and forward then leads here again.
        if by < 0 && self.jump == self.jumps.len() && self.selected != self.jumps.last().copied() {
            self.jumps.extend(self.selected);
            self.jump = self.jumps.len() - 1;
        }
        let to = (self.jump as i32).saturating_add(by);
        if to < 0 || to >= self.jumps.len() as i32 {
            return self.say(if by < 0 {
                "this is the first feature visited"
            } else {
                "this is the last feature visited"
            });
        }
        self.jump = to as usize;
        self.select(self.jumps[self.jump]);
    }

    /// Said where there is nothing to go on with.
    pub(super) fn no_search(&self) -> String {
        let key = self.keymap.way(Context::Map, Action::Search);
        format!("no search is on; {key} begins one")
    }

    pub(super) fn next_match(&mut self, by: i32) {
        let Some(search) = &mut self.search else { return self.say(self.no_search()) };
        let count = search.hits.len();
        if count == 0 {
            return self.say("no match is shown; the filters hide them");
        }
        let (at, wrapped) = search.step(by);
        let feature = search.hits[at];
        let round = if wrapped { ", round the end" } else { "" };
        self.visit(feature);
        self.say(format!("match {} of {}{round}", thousands(at as u64 + 1), thousands(count as u64)));
    }
}
