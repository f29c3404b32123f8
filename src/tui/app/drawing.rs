//! Choosing points by drawing around them: a box from corner to corner, or a lasso through any number of corners.
//!
//! Corners are places in the map's own coordinates, so that they stay where the points stay while the view moves. The
//! crosshair is the corner that still moves.

use super::map::MapState;
use super::{App, Pane};
use crate::text::counted;
use crate::tui::action::Action;
use crate::tui::widgets::outline::{Outline, Spot};
use crate::tui::widgets::raster::{points_in, points_within};

/// What is being drawn, without the corner that the crosshair is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Drawn {
    /// A box from this corner.
    Box((f64, f64)),
    /// A lasso through these.
    Lasso(Vec<(f64, f64)>),
}

impl MapState {
    /// What is being drawn, in cells of a plot; corners may be out of sight.
    pub fn outline(&self, plot: (u16, u16)) -> Option<Outline> {
        let (column, row) = self.crosshair?;
        let here = (i32::from(column), i32::from(row));
        match self.drawn.as_ref()? {
            Drawn::Box(corner) => Some(Outline::Box(self.spot(*corner, plot), here)),
            Drawn::Lasso(corners) => {
                Some(Outline::Lasso(corners.iter().map(|corner| self.spot(*corner, plot)).chain([here]).collect()))
            }
        }
    }
    fn spot(&self, (x, y): (f64, f64), (columns, rows): (u16, u16)) -> Spot {
        let (column, row) = self.viewport.place(x as f32, y as f32, columns, rows);
        (column.floor() as i32, row.floor() as i32)
    }
    /// The place under the crosshair, which stands in the middle if it stood nowhere.
    fn corner_here(&mut self, (columns, rows): (u16, u16)) -> (f64, f64) {
        let (column, row) = *self.crosshair.get_or_insert((columns / 2, rows / 2));
        self.viewport.data_at(f64::from(column) + 0.5, f64::from(row) + 0.5, columns, rows)
    }
    /// Begins a box at the crosshair.
    pub(super) fn begin_box(&mut self, plot: (u16, u16)) {
        self.drawn = Some(Drawn::Box(self.corner_here(plot)));
    }
    /// Begins a lasso at the crosshair, or sets its next corner there; how many it has.
    pub(super) fn set_corner(&mut self, plot: (u16, u16)) -> usize {
        let corner = self.corner_here(plot);
        let mut corners = match self.drawn.take() {
            Some(Drawn::Lasso(corners)) => corners,
            _ => Vec::new(),
        };
        if corners.last() != Some(&corner) {
            corners.push(corner);
        }
        let count = corners.len();
        self.drawn = Some(Drawn::Lasso(corners));
        count
    }
    /// The shown features inside what is being drawn.
    pub(super) fn enclosed(&mut self, plot: (u16, u16)) -> Vec<u32> {
        let corner = self.corner_here(plot);
        match (self.outline(plot), &self.drawn) {
            (Some(Outline::Box(from, to)), _) => points_in(self.cloud(), &self.viewport, from, to, plot.0, plot.1),
            (_, Some(Drawn::Lasso(corners))) => {
                let corners: Vec<(f64, f64)> = corners.iter().copied().chain([corner]).collect();
                points_within(self.cloud(), &corners)
            }
            _ => Vec::new(),
        }
    }
}

impl App {
    /// Begins a box at the crosshair, or leaves what is being drawn.
    pub(super) fn toggle_box(&mut self) {
        if self.leave_drawing() {
            return;
        }
        let plot = self.plot();
        self.map.begin_box(plot);
        let [mark, leave] = self.drawing_keys();
        self.say(format!("move to span the box; {mark} marks what is in it, {leave} leaves it"));
    }

    /// Begins a lasso at the crosshair, or sets its next corner there.
    pub(super) fn lasso(&mut self) {
        let plot = self.plot();
        let corners = self.map.set_corner(plot);
        let [mark, leave] = self.drawing_keys();
        let again = self.keymap.way(self.context(), Action::Lasso);
        self.say(format!(
            "lasso of {}: {again} sets the next, {mark} marks what is in it, {leave} leaves it",
            counted(corners, "corner", "corners")
        ));
    }

    fn drawing_keys(&self) -> [String; 2] {
        [Action::Mark, Action::Back].map(|action| self.keymap.way(self.context(), action))
    }

    /// Leaves what is being drawn; false if nothing is.
    pub(super) fn leave_drawing(&mut self) -> bool {
        match self.map.drawn.take() {
            Some(Drawn::Box(_)) => self.say("the box is gone"),
            Some(Drawn::Lasso(_)) => self.say("the lasso is gone"),
            None => return false,
        }
        true
    }

    /// Whether something is being drawn on the map in front.
    pub(super) fn is_drawing(&self) -> bool {
        self.focus == Pane::Map && self.map.drawn.is_some()
    }

    /// Marks the features inside what is being drawn.
    pub(super) fn mark_enclosed(&mut self) {
        let plot = self.plot();
        let inside = self.map.enclosed(plot);
        let what = if matches!(self.map.drawn.take(), Some(Drawn::Lasso(_))) { "lasso" } else { "box" };
        if inside.is_empty() {
            return self.complain(format!("nothing is in the {what}"));
        }
        self.change_filter(Action::Mark, |app| app.marks.extend(&inside));
        self.say(format!("{} in the {what} marked", counted(inside.len(), "feature", "features")));
    }
}
