//! How the cloud of the open group is looked at: plane or turned, colours, words, charts, the tokens along it.

use crate::analysis::Portrait;
use crate::analysis::groups::Found;
use crate::analysis::portrait::Along;
use crate::geometry::cloud::PLANE_COMPONENTS;
use crate::tui::action::{Action, Context};
use crate::tui::keymap::Keymap;
use crate::tui::theme::{NOISE, STEPS};
use crate::tui::widgets::raster::{Cloud, FAINT};
use crate::tui::widgets::scatter::Paint;
use crate::tui::widgets::viewport::Viewport;
use std::f64::consts::{PI, TAU};
use std::sync::Arc;

/// Turn of one step of the arrows.
const TURN: f64 = PI / 24.0;

/// A plane of the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    /// That in which the token types turn once.
    Types,
    /// Of two components, from 0.
    Components(usize, usize),
}

impl Plane {
    /// Its name on screen.
    pub fn name(self) -> String {
        match self {
            Self::Types => "plane of the types".into(),
            Self::Components(a, b) => format!("PC{}-PC{}", a + 1, b + 1),
        }
    }
}

/// What colours stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tint {
    /// Token types.
    #[default]
    Types,
    /// The place along the manifold.
    Place,
    /// The length of the reconstruction.
    Strength,
    /// How strongly one feature of the group fires, by its row among the fields.
    Feature(usize),
}

/// What fills the main pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Chart {
    /// The cloud.
    #[default]
    Cloud,
    /// Intervals of H1 beside their null.
    Loops,
    /// The same as points: birth against death.
    Diagram,
    /// How fast directions capture the cloud.
    Capture,
    /// Cosines of the group's features, in the order in which they lie along the manifold.
    Cosines,
    /// How other settings know the group.
    Stability,
    /// The verdict with its reasons, and all figures.
    Why,
}

impl Chart {
    /// All of them, in the order of the key.
    pub const ALL: [Self; 7] =
        [Self::Cloud, Self::Loops, Self::Diagram, Self::Capture, Self::Cosines, Self::Stability, Self::Why];
    /// Its name on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Loops => "loops",
            Self::Diagram => "diagram",
            Self::Capture => "capture",
            Self::Cosines => "cosines",
            Self::Stability => "stability",
            Self::Why => "why",
        }
    }
}

/// How the cloud is looked at.
#[derive(Debug, Clone, Default)]
pub struct CloudState {
    wanted: Option<Found>,
    added: Vec<u32>,
    portrait: Option<Arc<Portrait>>,
    planes: Vec<Plane>,
    plane: usize,
    /// Turned in three dimensions: about the vertical, about the horizontal.
    turned: Option<(f64, f64)>,
    tint: Tint,
    no_words: bool,
    chart: Chart,
    x: Vec<f32>,
    y: Vec<f32>,
    class: Vec<u16>,
    flags: Vec<u8>,
    places: Vec<Option<(f32, f32)>>,
    view: Viewport,
    listed: Vec<u32>,
    anchor: Option<usize>,
    arc: bool,
}

impl CloudState {
    /// The group that is open; none while it is being measured for the first time.
    pub fn portrait(&self) -> Option<&Arc<Portrait>> {
        self.portrait.as_ref()
    }
    /// The group that was asked for last.
    pub fn wanted(&self) -> Option<&Found> {
        self.wanted.as_ref()
    }
    /// What fills the main pane.
    pub fn chart(&self) -> Chart {
        self.chart
    }
    /// What fills it from now on.
    pub fn set_chart(&mut self, chart: Chart) {
        self.chart = chart;
    }
    /// What colours stand for.
    pub fn tint(&self) -> Tint {
        self.tint
    }
    /// Whether token types are written on the cloud.
    pub fn has_words(&self) -> bool {
        !self.no_words
    }
    /// Points in the order in which they are listed.
    pub fn listed(&self) -> &[u32] {
        &self.listed
    }
    /// Whether the tokens of an arc are listed alone.
    pub fn has_arc(&self) -> bool {
        self.arc
    }
    /// The points as they are drawn.
    pub fn cloud(&self) -> Cloud<'_> {
        Cloud { x: &self.x, y: &self.y, class: &self.class, flags: &self.flags }
    }
    /// What their classes stand for.
    pub fn paint(&self) -> Paint {
        if self.tint == Tint::Types { Paint::Clusters } else { Paint::Ramp }
    }
    /// The window.
    pub fn view(&self) -> Viewport {
        self.view
    }
    /// The plane in words.
    pub fn plane_name(&self) -> String {
        match (self.turned, self.planes.get(self.plane)) {
            (Some((yaw, pitch)), _) => {
                format!("turned {:.0}°, {:.0}°", yaw.to_degrees(), pitch.to_degrees())
            }
            (None, Some(plane)) => plane.name(),
            (None, None) => String::new(),
        }
    }
    /// The planes in their order, and which of them is open.
    pub fn planes(&self) -> (&[Plane], usize) {
        (&self.planes, self.plane)
    }
    /// Whether the cloud is turned, so that what is drawn is none of its planes.
    pub fn is_turned(&self) -> bool {
        self.turned.is_some()
    }
    /// Where a type stands on the plot: the mean of its points; none if it has none.
    pub fn type_place(&self, own: usize) -> Option<(f32, f32)> {
        self.places.get(own).copied().flatten()
    }

    /// A group was asked for.
    pub(super) fn want(&mut self, found: Found) {
        let open = self.portrait.as_ref().is_some_and(|open| open.row.found.features == found.features);
        if !open && !shares(self.wanted.as_ref(), &found) {
            *self = Self { chart: self.chart, no_words: self.no_words, ..Self::default() };
        }
        self.wanted = Some(found);
    }
    /// The feature that was added last, no longer counted as added.
    pub(super) fn take_added(&mut self) -> Option<u32> {
        self.added.pop()
    }
    /// Shows a group; the feature by which it has grown, if that is what happened.
    pub(super) fn show(&mut self, portrait: Arc<Portrait>, plot: (u16, u16)) -> Option<u32> {
        let found = portrait.row.found.clone();
        let before = self.wanted.as_ref().map(|wanted| wanted.features.clone()).unwrap_or_default();
        let new: Vec<u32> = found.features.iter().copied().filter(|feature| !before.contains(feature)).collect();
        let grown = match new[..] {
            [feature] if before.len() + 1 == found.features.len() => Some(feature),
            _ => None,
        };
        self.added.extend(grown);
        self.wanted = Some(found);
        let components = portrait.spectrum.coordinates.dims().min(PLANE_COMPONENTS);
        let mut planes: Vec<Plane> =
            (0..components).flat_map(|a| (a + 1..components).map(move |b| Plane::Components(a, b))).collect();
        if components == 1 {
            planes.push(Plane::Components(0, 0));
        }
        let lens = portrait.row.measured.lens(portrait.kind);
        if let Some([a, b]) = lens.and_then(|lens| lens.shape.best()).map(|plane| plane.pcs.map(|pc| pc - 1)) {
            let best = Plane::Components(a, b);
            planes.sort_by_key(|plane| *plane != best);
        }
        if portrait.ring.is_some() {
            planes.insert(usize::from(portrait.along != Along::Types).min(planes.len()), Plane::Types);
        }
        self.plane = self.plane.min(planes.len().saturating_sub(1));
        self.planes = planes;
        if portrait.types.is_empty() && self.tint == Tint::Types {
            self.tint = if portrait.along == Along::Nothing { Tint::Strength } else { Tint::Place };
        }
        self.listed = in_order(&portrait);
        self.flags = portrait.strong.iter().map(|strong| if *strong { 0 } else { FAINT }).collect();
        (self.anchor, self.arc) = (None, false);
        self.portrait = Some(portrait);
        self.recolour();
        self.project(plot);
        grown
    }
    /// Places the points anew, and fits all of them into the plot.
    pub(super) fn project(&mut self, plot: (u16, u16)) {
        let Some(portrait) = self.portrait.clone() else { return };
        let coordinates = &portrait.spectrum.coordinates;
        let column = |at: usize| coordinates.data().iter().skip(at).step_by(coordinates.dims()).map(|&x| x as f32);
        (self.x, self.y) = match (self.turned, self.planes.get(self.plane), &portrait.ring) {
            (Some(turned), _, _) => (0..coordinates.len()).map(|at| turn(coordinates.row(at), turned)).unzip(),
            (None, Some(Plane::Types), Some((_, places))) => {
                places.iter().map(|place| (place[0] as f32, place[1] as f32)).unzip()
            }
            (None, Some(&Plane::Components(a, b)), _) if a != b => (column(a).collect(), column(b).collect()),
            _ => (column(0).collect(), vec![0.0; coordinates.len()]),
        };
        self.places = middles(&self.x, &self.y, &portrait);
        self.view = Viewport::fit(self.x.iter().copied().zip(self.y.iter().copied()), plot.0, plot.1);
    }
    fn recolour(&mut self) {
        let Some(portrait) = &self.portrait else { return };
        self.class = match self.tint {
            Tint::Types => portrait
                .type_of
                .iter()
                .map(|own| own.and_then(|own| u16::try_from(own).ok()).unwrap_or(NOISE))
                .collect(),
            Tint::Place => portrait.s.iter().map(|s| s.map_or(NOISE, |s| place_step(s, portrait.along))).collect(),
            Tint::Strength => steps(&portrait.lengths()),
            Tint::Feature(row) => {
                let at = portrait.fields.get(row).map_or(0, |field| field.at);
                let values = portrait.activation(at);
                let silent = values.iter().map(|value| *value > 0.0);
                let classes = steps(&values);
                classes.into_iter().zip(silent).map(|(class, fires)| if fires { class } else { NOISE }).collect()
            }
        };
    }
    pub(super) fn next_plane(&mut self, _: &Portrait, by: i32) -> String {
        self.turned = None;
        let count = self.planes.len().max(1) as i32;
        self.plane = (self.plane as i32 + by).rem_euclid(count) as usize;
        self.plane_name()
    }
    pub(super) fn toggle_turn(&mut self, portrait: &Portrait, arrows: &str) -> String {
        if portrait.spectrum.coordinates.dims() < 3 {
            return "this cloud has no third component to turn about".into();
        }
        self.turned = if self.turned.is_some() { None } else { Some((PI / 6.0, PI / 8.0)) };
        match self.turned {
            Some(_) => format!("{arrows} turn the cloud; again lies flat"),
            None => self.plane_name(),
        }
    }
    /// Turns by steps; false if it lies flat.
    pub(super) fn turn_by(&mut self, dx: i32, dy: i32) -> bool {
        let Some((yaw, pitch)) = &mut self.turned else { return false };
        *yaw = (*yaw + f64::from(dx) * TURN).rem_euclid(TAU);
        *pitch = (*pitch + f64::from(dy) * TURN).clamp(-PI / 2.0, PI / 2.0);
        true
    }
    pub(super) fn next_tint(&mut self, portrait: &Portrait) -> String {
        let last = portrait.fields.len();
        let next = |tint: Tint| match tint {
            Tint::Types => Tint::Place,
            Tint::Place => Tint::Strength,
            Tint::Strength => Tint::Feature(0),
            Tint::Feature(at) if at + 1 < last => Tint::Feature(at + 1),
            Tint::Feature(_) => Tint::Types,
        };
        self.tint = next(self.tint);
        if self.tint == Tint::Types && portrait.types.is_empty() {
            self.tint = next(self.tint);
        }
        if self.tint == Tint::Place && portrait.along == Along::Nothing {
            self.tint = next(self.tint);
        }
        self.recolour();
        format!("coloured by {}", self.tint_name())
    }
    /// What colours stand for, in words.
    pub fn tint_name(&self) -> String {
        match self.tint {
            Tint::Types => "type".into(),
            Tint::Place => "place".into(),
            Tint::Strength => "length".into(),
            Tint::Feature(row) => {
                let field = self.portrait.as_ref().and_then(|open| open.fields.get(row));
                field.map_or_else(String::new, |field| format!("#{}", field.feature))
            }
        }
    }
    pub(super) fn toggle_words(&mut self, _: &Portrait) -> String {
        self.no_words = !self.no_words;
        if self.no_words { "token types are not written" } else { "token types are written on the cloud" }.into()
    }
    pub(super) fn next_chart(&mut self, _: &Portrait) -> String {
        let at = Chart::ALL.iter().position(|chart| *chart == self.chart).unwrap_or(0);
        self.chart = Chart::ALL[(at + 1) % Chart::ALL.len()];
        self.chart.name().to_string()
    }
    /// Begins an arc at this row, or lists the tokens between the row where it began and this one; what to say, and
    /// whether the cursor stays.
    pub(super) fn span(&mut self, row: usize, keymap: &Keymap) -> (String, bool) {
        match self.anchor.take() {
            None => {
                self.anchor = Some(row);
                let again = keymap.way(Context::Along, Action::Arc);
                (format!("move to the end of the arc; {again} lists the tokens between"), true)
            }
            Some(from) => {
                let (low, high) = (from.min(row), from.max(row));
                let end = (high + 1).min(self.listed.len());
                self.listed = self.listed[low.min(end)..end].to_vec();
                self.arc = true;
                let tokens = crate::text::counted(self.listed.len(), "token", "tokens");
                let back = keymap.way(Context::Along, Action::Back);
                (format!("{tokens} in this arc; {back} lists all"), false)
            }
        }
    }
    /// Lists all tokens again; false if they were.
    pub(super) fn leave_arc(&mut self) -> bool {
        let Some(portrait) = self.portrait.clone() else { return false };
        let left = self.anchor.take().is_some() || std::mem::take(&mut self.arc);
        self.listed = in_order(&portrait);
        left
    }
}

/// Whether one group is the other with a feature more or less.
fn shares(before: Option<&Found>, found: &Found) -> bool {
    let Some(before) = before else { return false };
    let shared = found.features.iter().filter(|feature| before.features.contains(feature)).count();
    shared + 1 >= before.features.len().max(found.features.len())
}

/// Strong points along the manifold; where there is no place, all of them, the strongest first.
fn in_order(portrait: &Portrait) -> Vec<u32> {
    if !portrait.order.is_empty() {
        return portrait.order.clone();
    }
    let length = |point: u32| -> f64 {
        let at = portrait.kept[point as usize] as usize;
        portrait.group.points.row(at).iter().map(|x| x * x).sum()
    };
    let mut keyed: Vec<(f64, u32)> = (0..portrait.kept.len() as u32).map(|point| (length(point), point)).collect();
    keyed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    keyed.into_iter().map(|(_, point)| point).collect()
}

/// The mean of the points of each type.
fn middles(x: &[f32], y: &[f32], portrait: &Portrait) -> Vec<Option<(f32, f32)>> {
    let mut sums = vec![(0.0, 0.0, 0.0f32); portrait.types.len()];
    for ((own, x), y) in portrait.type_of.iter().zip(x).zip(y) {
        if let Some(sum) = own.and_then(|own| sums.get_mut(own as usize)) {
            *sum = (sum.0 + x, sum.1 + y, sum.2 + 1.0);
        }
    }
    sums.into_iter().map(|(x, y, n)| (n > 0.0).then(|| (x / n, y / n))).collect()
}

/// A point turned about the vertical and then about the horizontal, seen from the front.
fn turn(row: &[f64], (yaw, pitch): (f64, f64)) -> (f32, f32) {
    let [x, y, z] = [0, 1, 2].map(|at| row.get(at).copied().unwrap_or(0.0));
    let (x, z) = (x * yaw.cos() + z * yaw.sin(), z * yaw.cos() - x * yaw.sin());
    let y = y * pitch.cos() - z * pitch.sin();
    (x as f32, y as f32)
}

/// The step of the ramp of a place: once up along a curve; up and down again round a ring, so that its ends meet.
fn place_step(s: f64, along: Along) -> u16 {
    let share = if along.is_round() { 1.0 - (s / PI).abs() } else { s };
    ((share * STEPS as f64) as u16).min(STEPS as u16 - 1)
}

/// Steps of the ramp from the smallest to the largest value.
fn steps(values: &[f32]) -> Vec<u16> {
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scale = if high > low { STEPS as f32 / (high - low) } else { 0.0 };
    values.iter().map(|value| (((value - low) * scale) as u16).min(STEPS as u16 - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_by_nothing_shows_the_first_two_and_a_quarter_the_third() {
        let point = [1.0, 2.0, 3.0];
        assert_eq!(turn(&point, (0.0, 0.0)), (1.0, 2.0));
        let (x, y) = turn(&point, (PI / 2.0, 0.0));
        assert!((x - 3.0).abs() < 1e-6 && (y - 2.0).abs() < 1e-6);
        let (x, y) = turn(&point, (0.0, -PI / 2.0));
        assert!((x - 1.0).abs() < 1e-6 && (y - 3.0).abs() < 1e-6);
        assert_eq!(turn(&[4.0], (0.0, 0.0)), (4.0, 0.0));
    }

    #[test]
    fn the_ends_of_a_ring_have_one_colour() {
        assert_eq!(place_step(PI, Along::Loop), place_step(-PI + 1e-9, Along::Loop));
        assert_eq!((place_step(0.0, Along::Types), place_step(1.0, Along::Curve)), (7, 7));
        assert_eq!(place_step(0.0, Along::Curve), 0);
        assert_eq!(steps(&[1.0, 1.0]), [0, 0]);
        assert_eq!(steps(&[0.0, 0.5, 1.0]), [0, 4, 7]);
    }
}
