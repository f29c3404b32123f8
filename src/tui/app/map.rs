//! The map's state: where every feature lies, what is seen of it, where the crosshair stands.
//!
//! Coordinates are kept as separate arrays because that is how the raster reads them. The crosshair is a cell of the
//! plot; the selected feature is the shown one nearest to it. Until the user moves the view, it fits itself to every
//! new layout, so a map that is forming stays in sight.

use super::drawing::Drawn;
use crate::analysis::distribution::WIDE;
use crate::analysis::{Column, FeatureTable};
use crate::geometry::cluster::Clusters;
use crate::rows::Points;
use crate::tui::theme::{NOISE, STEPS, class_of};
use crate::tui::widgets::raster::{Cloud, FAINT, nearest_point};
use crate::tui::widgets::scatter::Paint;
use crate::tui::widgets::viewport::Viewport;

/// How far from the crosshair, in columns, a feature is still taken for the one meant.
const REACH: f64 = 8.0;
/// Zoom of one step.
const ZOOM: f64 = 1.5;

/// Which layout is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// None yet.
    #[default]
    Empty,
    /// The first two principal components.
    Components,
    /// The layout, still forming.
    Forming {
        /// Passes done.
        epoch: usize,
        /// Passes in all.
        epochs: usize,
    },
    /// The finished layout.
    Finished,
}

/// What colours the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColourBy {
    /// The cluster of the feature.
    #[default]
    Cluster,
    /// A number of the feature, from low to high.
    Column(Column),
}

impl ColourBy {
    /// All of them, in the order of the key.
    pub const ALL: [Self; 5] = [
        Self::Cluster,
        Self::Column(Column::Density),
        Self::Column(Column::MaxActivation),
        Self::Column(Column::MeanActivation),
        Self::Column(Column::Norm),
    ];

    /// What the legend calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Column(column) => column.name(),
        }
    }
}

/// The two ends of a ramp of colours, for the legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Ramp {
    /// What is shown.
    pub name: &'static str,
    /// Value at the low end.
    pub low: f64,
    /// Value at the high end.
    pub high: f64,
    /// Whether its steps are steps of the logarithm.
    pub log: bool,
}

impl Ramp {
    /// The ramp of some values, from their 2nd to their 98th percentile; none if none is known.
    pub(in crate::tui) fn of(name: &'static str, values: &[Option<f64>]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().flatten().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        // Zero is "never fires" for a density; it has no logarithm and gets the lowest step.
        let positive = sorted.partition_point(|value| *value <= 0.0);
        let negative = sorted.first().is_some_and(|value| *value < 0.0);
        let sorted = if negative { &sorted[..] } else { &sorted[positive..] };
        let quantile = |q: f64| sorted.get(((sorted.len() as f64 - 1.0).max(0.0) * q).round() as usize).copied();
        let (low, high) = (quantile(0.02)?, quantile(0.98)?);
        Some(Self { name, low, high, log: !negative && low > 0.0 && high > low * WIDE })
    }

    /// The step of a value.
    fn steps(&self) -> impl Fn(f64) -> u16 + use<> {
        let log = self.log;
        let scale = move |value: f64| if log { value.max(f64::MIN_POSITIVE).ln() } else { value };
        let (from, to) = (scale(self.low), scale(self.high));
        move |value| {
            let t = if to > from { (scale(value) - from) / (to - from) } else { 0.5 };
            (t * STEPS as f64).floor().clamp(0.0, STEPS as f64 - 1.0) as u16
        }
    }
}

/// Where every feature lies and what is seen of it.
#[derive(Debug, Clone, Default)]
pub struct MapState {
    pub(super) stage: Stage,
    pub(super) x: Vec<f32>,
    pub(super) y: Vec<f32>,
    pub(super) class: Vec<u16>,
    pub(super) flags: Vec<u8>,
    pub(super) viewport: Viewport,
    /// The user moved or zoomed; new layouts no longer fit the view.
    pub(super) own_view: bool,
    pub(super) crosshair: Option<(u16, u16)>,
    /// The arrows move the view instead of the crosshair.
    pub(super) panning: bool,
    /// What is being drawn around points to choose them.
    pub(super) drawn: Option<Drawn>,
    pub(super) colour: ColourBy,
    pub(super) ramp: Option<Ramp>,
    pub(super) paint: Paint,
    pub(super) true_neighbours: bool,
    /// Numbers of the layout and of its plane: a view of the one says nothing about another.
    layouts: usize,
    planes: usize,
    /// The last number given to either.
    numbers: usize,
}

/// What the user chose of a map: how it is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::struct_field_names, reason = "the names are those of the map's own fields")]
pub(super) struct View {
    /// What it was a view of.
    layouts: usize,
    planes: usize,
    plot: (u16, u16),
    viewport: Viewport,
    own_view: bool,
    crosshair: Option<(u16, u16)>,
    colour: ColourBy,
    true_neighbours: bool,
}

impl View {
    /// For which plot it was a view.
    pub(super) fn plot(&self) -> (u16, u16) {
        self.plot
    }
}

impl MapState {
    /// How the map is looked at.
    pub(super) fn view(&self, plot: (u16, u16)) -> View {
        View {
            layouts: self.layouts,
            planes: self.planes,
            plot,
            viewport: self.viewport,
            own_view: self.own_view,
            crosshair: self.crosshair,
            colour: self.colour,
            true_neighbours: self.true_neighbours,
        }
    }
    /// Looks at the map as before; the colours of the points are made anew by [`MapState::recolour`]. A window on
    /// another layout or for another plot does not come back: one that fitted is fitted anew, else this one stays.
    pub(super) fn set_view(&mut self, view: View, plot: (u16, u16)) {
        self.colour = view.colour;
        self.true_neighbours = view.true_neighbours;
        let same = view.layouts == self.layouts || view.own_view && view.planes == self.planes;
        if same && view.plot == plot {
            self.viewport = view.viewport;
            self.own_view = view.own_view;
            self.crosshair = view.crosshair;
        } else if !view.own_view {
            self.fit(plot);
        }
    }
    /// Which layout is shown.
    pub fn stage(&self) -> Stage {
        self.stage
    }
    /// The points as the raster reads them: classes are clusters or steps of the ramp, filtered-out points faint.
    pub fn cloud(&self) -> Cloud<'_> {
        Cloud { x: &self.x, y: &self.y, class: &self.class, flags: &self.flags }
    }
    /// The window on the map.
    pub fn viewport(&self) -> Viewport {
        self.viewport
    }
    /// The crosshair's cell in the plot.
    pub fn crosshair(&self) -> Option<(u16, u16)> {
        self.crosshair
    }
    /// What colours the map.
    pub fn colour_by(&self) -> ColourBy {
        self.colour
    }
    /// What the classes of [`MapState::cloud`] stand for.
    pub fn paint(&self) -> Paint {
        self.paint
    }
    /// The ends of the ramp, if the map is coloured by a number.
    pub fn ramp(&self) -> Option<&Ramp> {
        self.ramp.as_ref()
    }
    /// Where a feature lies on the map, if there is a layout.
    pub fn place(&self, feature: u32) -> Option<(f32, f32)> {
        Some((*self.x.get(feature as usize)?, *self.y.get(feature as usize)?))
    }

    /// Takes a new layout `[features, 2 or more]`; fits the view to it unless the user has taken the view over.
    pub(super) fn set_layout(&mut self, coordinates: &Points, stage: Stage, plot: (u16, u16)) {
        let at = |i: usize, axis: usize| coordinates.row(i).get(axis).copied().unwrap_or(0.0);
        self.x = (0..coordinates.len()).map(|i| at(i, 0)).collect();
        self.y = (0..coordinates.len()).map(|i| at(i, 1)).collect();
        // Components and layout are different planes: a view of the one says nothing about the other.
        let other_plane = matches!(self.stage, Stage::Empty | Stage::Components) != matches!(stage, Stage::Components);
        // So are a finished map and what comes after it.
        let other_plane = other_plane || self.stage == Stage::Finished;
        self.numbers += 1;
        self.layouts = self.numbers;
        if other_plane {
            self.planes = self.numbers;
            self.drawn = None;
        }
        self.stage = stage;
        if !self.own_view || other_plane {
            self.fit(plot);
        }
    }

    /// Puts a map back that was there before this one.
    pub(super) fn come_back(&mut self, map: Self) {
        let numbers = self.numbers;
        *self = Self { numbers, drawn: None, ..map };
    }

    /// Fits everything that is shown into the plot.
    pub(super) fn fit(&mut self, (columns, rows): (u16, u16)) {
        self.own_view = false;
        let any = self.flags.is_empty() || self.flags.contains(&0);
        self.viewport = if any {
            Viewport::fit(self.cloud().shown(), columns, rows)
        } else {
            // Nothing passes the filter: better the whole map than an empty plane.
            Viewport::fit(self.x.iter().copied().zip(self.y.iter().copied()), columns, rows)
        };
    }

    /// Which points are shown; the others become faint.
    pub(super) fn set_shown(&mut self, shown: &[bool]) {
        self.flags = shown.iter().map(|shown| if *shown { 0 } else { FAINT }).collect();
    }

    /// Colours the points: by cluster, or by the value of a column in steps between its 2nd and 98th percentile
    /// (of the logarithm where all values are positive and span more than a factor of 20).
    pub(super) fn recolour(&mut self, table: &FeatureTable<'_>, clusters: Option<&Clusters>) {
        self.ramp = None;
        match self.colour {
            ColourBy::Cluster => {
                self.paint = if clusters.is_some() { Paint::Clusters } else { Paint::Plain };
                self.class = clusters
                    .map(|clusters| clusters.labels.iter().map(|label| class_of(*label)).collect())
                    .unwrap_or_default();
            }
            ColourBy::Column(column) => {
                self.paint = Paint::Ramp;
                let values = table.numbers(column);
                let ramp = Ramp::of(column.name(), &values);
                self.class = match &ramp {
                    Some(ramp) => {
                        let step = ramp.steps();
                        values.iter().map(|value| value.map_or(NOISE, &step)).collect()
                    }
                    None => vec![NOISE; values.len()],
                };
                self.ramp = ramp;
            }
        }
    }

    /// The shown feature nearest to the crosshair, within reach.
    pub(super) fn under_crosshair(&self, (columns, rows): (u16, u16)) -> Option<u32> {
        let cell = self.crosshair?;
        nearest_point(self.cloud(), &self.viewport, cell, REACH, columns, rows).map(|feature| feature as u32)
    }

    /// Puts the crosshair on a feature if that is in sight; else it stays.
    pub(super) fn follow(&mut self, feature: u32, (columns, rows): (u16, u16)) {
        let cell = self.place(feature).and_then(|(x, y)| self.viewport.cell_of(x, y, columns, rows));
        self.crosshair = cell.or(self.crosshair);
    }

    /// Moves the crosshair by cells; at the edge the view moves instead.
    pub(super) fn move_crosshair(&mut self, dx: i32, dy: i32, (columns, rows): (u16, u16)) {
        let (column, row) = self.crosshair.unwrap_or((columns / 2, rows / 2));
        let along = |at: u16, by: i32, cells: u16| -> (u16, i32) {
            let wanted = i32::from(at).saturating_add(by);
            let kept = wanted.clamp(0, i32::from(cells.saturating_sub(1)));
            (kept as u16, wanted - kept)
        };
        let ((column, right), (row, down)) = (along(column, dx, columns), along(row, dy, rows));
        self.crosshair = Some((column, row));
        if (right, down) != (0, 0) {
            self.pan(right, down);
        }
    }

    /// Moves the view by cells.
    pub(super) fn pan(&mut self, columns: i32, rows: i32) {
        self.own_view = true;
        self.viewport.pan(columns, rows);
    }

    /// Zooms by steps around a cell; negative steps zoom out. If `feature` is in that cell, it keeps its place to the
    /// dot.
    pub(super) fn zoom(
        &mut self,
        (column, row): (u16, u16),
        steps: i32,
        feature: Option<u32>,
        (columns, rows): (u16, u16),
    ) {
        self.own_view = true;
        let factor = ZOOM.powi(steps.clamp(-40, 40));
        let cell = (f64::from(column) + 0.5, f64::from(row) + 0.5);
        let exact = feature
            .and_then(|feature| self.place(feature))
            .filter(|(x, y)| self.viewport.cell_of(*x, *y, columns, rows) == Some((column, row)))
            .map(|(x, y)| self.viewport.place(x, y, columns, rows));
        let (column, row) = exact.unwrap_or(cell);
        self.viewport.zoom(factor, column, row, columns, rows);
    }

    /// Puts the crosshair on a feature, moving the view just enough that it is inside.
    pub(super) fn reveal(&mut self, feature: u32, (columns, rows): (u16, u16)) {
        let Some((x, y)) = self.place(feature).filter(|_| columns > 0 && rows > 0) else { return };
        if self.viewport.cell_of(x, y, columns, rows).is_none() {
            self.own_view = true;
            self.viewport.pan_to(x, y, columns, rows);
        }
        self.crosshair = self.viewport.cell_of(x, y, columns, rows);
    }

    /// Puts a feature in the middle.
    pub(super) fn centre(&mut self, feature: u32, (columns, rows): (u16, u16)) {
        if let Some((x, y)) = self.place(feature) {
            self.own_view = true;
            self.viewport.pan_to(x, y, columns, rows);
            self.crosshair = self.viewport.cell_of(x, y, columns, rows);
        }
    }

    /// Fits the view to some features, if any of them has a place.
    pub(super) fn fit_to(&mut self, features: &[u32], (columns, rows): (u16, u16)) {
        if features.is_empty() || self.x.is_empty() {
            return;
        }
        self.own_view = true;
        self.viewport = Viewport::fit(features.iter().filter_map(|feature| self.place(*feature)), columns, rows);
    }

    /// The member of a group that lies nearest to its middle (the median in each direction).
    pub(super) fn middle_of(&self, features: &[u32]) -> Option<u32> {
        let from = self.distance_from_middle(features);
        features.iter().copied().min_by(|a, b| from(*a).total_cmp(&from(*b)).then(a.cmp(b)))
    }

    /// Sorts a group by how far its members lie from its middle.
    pub(super) fn sort_from_middle(&self, features: &mut [u32]) {
        let from = self.distance_from_middle(features);
        features.sort_by(|a, b| from(*a).total_cmp(&from(*b)).then(a.cmp(b)));
    }

    /// How far a feature lies from the middle of a group; infinite without a layout.
    fn distance_from_middle(&self, features: &[u32]) -> impl Fn(u32) -> f32 + use<'_> {
        let median = |values: &[f32]| {
            let mut own: Vec<f32> =
                features.iter().filter_map(|feature| values.get(*feature as usize).copied()).collect();
            own.sort_unstable_by(f32::total_cmp);
            own.get(own.len() / 2).copied().unwrap_or(0.0)
        };
        let (x, y) = (median(&self.x), median(&self.y));
        move |feature| self.place(feature).map_or(f32::INFINITY, |(fx, fy)| (fx - x).hypot(fy - y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLOT: (u16, u16) = (80, 20);

    fn map(points: &[(f32, f32)]) -> MapState {
        let mut map = MapState::default();
        let data = points.iter().flat_map(|(x, y)| [*x, *y]).collect();
        map.set_layout(&Points::new(data, 2), Stage::Finished, PLOT);
        map
    }

    const CORNERS: [(f32, f32); 5] = [(0.0, 0.0), (10.0, 0.0), (0.0, 5.0), (10.0, 5.0), (5.0, 2.5)];

    #[test]
    fn the_crosshair_selects_what_is_near_and_nothing_far() {
        let mut map = map(&CORNERS);
        map.crosshair = Some((40, 10));
        assert_eq!(map.under_crosshair(PLOT), Some(4));
        map.crosshair = Some((20, 10));
        assert_eq!(map.under_crosshair(PLOT), None);
        map.reveal(1, PLOT);
        assert_eq!(map.under_crosshair(PLOT), Some(1));
    }

    #[test]
    fn filtered_features_are_not_selected() {
        let mut map = map(&CORNERS);
        map.set_shown(&[true, true, true, true, false]);
        map.crosshair = Some((40, 10));
        assert_eq!(map.under_crosshair(PLOT), None);
    }

    #[test]
    fn the_view_follows_new_layouts_until_it_is_moved() {
        let mut map = map(&CORNERS);
        let fitted = map.viewport();
        let wide = Points::new(CORNERS.iter().flat_map(|(x, y)| [x * 3.0, y * 3.0]).collect(), 2);
        map.set_layout(&wide, Stage::Forming { epoch: 1, epochs: 2 }, PLOT);
        assert_ne!(map.viewport(), fitted);
        map.pan(3, 0);
        let own = map.viewport();
        map.set_layout(&Points::new(vec![0.0; 10], 2), Stage::Finished, PLOT);
        assert_eq!(map.viewport(), own);
        map.fit(PLOT);
        assert_ne!(map.viewport(), own);
    }

    #[test]
    fn the_crosshair_stays_inside_and_pushes_the_view() {
        let mut map = map(&CORNERS);
        let before = map.viewport();
        map.crosshair = Some((0, 0));
        map.move_crosshair(3, 2, PLOT);
        assert_eq!((map.crosshair, map.viewport()), (Some((3, 2)), before));
        map.move_crosshair(-5, i32::MIN, PLOT);
        assert_eq!(map.crosshair, Some((0, 0)));
        assert_ne!(map.viewport(), before);
        map.move_crosshair(i32::MAX, i32::MAX, PLOT);
        assert_eq!(map.crosshair, Some((79, 19)));
    }

    #[test]
    fn zooming_keeps_what_is_under_the_crosshair() {
        let mut map = map(&CORNERS);
        map.reveal(3, PLOT);
        let cell = map.crosshair;
        map.zoom(cell.unwrap(), 2, Some(3), PLOT);
        let (x, y) = map.place(3).unwrap();
        assert_eq!(map.viewport.cell_of(x, y, PLOT.0, PLOT.1), cell);
        for _ in 0..100 {
            map.zoom((40, 10), i32::MIN, None, PLOT);
            map.zoom(cell.unwrap(), i32::MAX, Some(3), PLOT);
        }
        assert!(map.viewport.scale().is_finite() && map.viewport.scale() > 0.0);
    }

    #[test]
    fn the_middle_of_a_group_is_one_of_it() {
        let map = map(&CORNERS);
        assert_eq!(map.middle_of(&[0, 1, 2, 3, 4]), Some(4));
        assert_eq!(map.middle_of(&[3]), Some(3));
        assert_eq!(map.middle_of(&[]), None);
    }

    #[test]
    fn a_map_without_points_does_not_break() {
        let mut map = MapState::default();
        map.fit(PLOT);
        map.fit((0, 0));
        map.reveal(7, PLOT);
        map.centre(7, PLOT);
        map.fit_to(&[1, 2], PLOT);
        map.move_crosshair(1, 1, (0, 0));
        map.zoom((0, 0), 1, Some(0), (0, 0));
        assert_eq!(map.under_crosshair(PLOT), None);
    }
}
