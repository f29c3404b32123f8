//! The shape of a cloud of points, measured.
//!
//! In: points `[n, d]` (of a feature group: each token's reconstruction in the group's span). Out: a [`Shape`]: every
//! measure of the table [`MEASURES`], and the [`Verdict`] that stated rules draw from them. The measures are files of
//! their own, each with its definition, its source and its weaknesses; distances and planes are those of the principal
//! components, which changes none of them. A cloud is measured as it is; whether its rows were scaled to length 1 first
//! ([`unit()`]) is the caller's choice, and both are worth a look: a feature that varies in strength makes a cone of every
//! shape.
//!
//! What is quick comes first ([`Cloud::shape`]: some milliseconds a thousand points); loops with their null and paths
//! along the cloud follow ([`Cloud::deepen`]).

mod clumps;
mod correlation;
mod dimension;
mod geodesic;
mod holes;
mod labelled;
mod measures;
mod mixture;
mod near;
mod null;
mod ring;
mod separability;
mod spectrum;
#[cfg(test)]
mod tests;
mod verdict;

pub use clumps::Clumps;
pub use dimension::Dimension;
pub use geodesic::{ArcLength, Geodesic};
pub use holes::{Hole, Seen};
pub use labelled::{Isometry, LabelDistance, LabelMeasures, PointLabels};
pub use measures::{MEASURES, Measure, json, markdown};
pub use ring::{Bend, Ring};
pub use spectrum::{Spectrum, spectrum};
pub use verdict::{Verdict, Word};

use crate::error::{Problem, Result};
use crate::rows::{Points64, Rows, all_finite};
use crate::task::Task;
use near::Near;
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// Components among whose pairs the planes are.
pub const PLANE_COMPONENTS: usize = 5;
/// Neighbours of each place.
const NEIGHBOURS: usize = 30;
/// Neighbours that a path joins a place with.
const PATH_K: usize = 10;
/// Places that the paths of Gaussians start from.
const LINE_SOURCES: usize = 60;

/// How S and M are found; figures of different modes must not be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The definitions, without the procedures' faults.
    #[default]
    Exact,
    /// The procedure of Engels et al., appendix B.2.
    Paper,
    /// The procedure of their GPT-2 script.
    Script,
}

/// What to measure with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShapeParams {
    /// How S and M are found.
    pub mode: Mode,
    /// Seed of shuffles, draws and random starts.
    pub seed: u64,
    /// Most landmarks of a Rips filtration.
    pub landmarks: usize,
    /// Planes in which loops are looked for beside the span, the most ring-like first.
    pub planes: usize,
    /// Draws of the loops' null; 0 for none.
    pub draws: usize,
    /// Places that paths start from, at most.
    pub sources: usize,
    /// Gaussians whose dimension and line the cloud's are held against.
    pub spread_draws: usize,
    /// Most points for what takes longer; of more, as many are taken evenly, and [`Shape::sampled`] says so.
    pub most: Option<usize>,
}

impl ShapeParams {
    /// For one cloud that someone looks at.
    pub const ONE: Self = Self {
        mode: Mode::Exact,
        seed: 0,
        landmarks: 300,
        planes: 3,
        draws: 99,
        sources: 400,
        spread_draws: 3,
        most: None,
    };
    /// For hundreds of clouds: fewer landmarks and draws, so that an interval longer than every draw's has p at most .025;
    /// of large clouds part of the points.
    pub const MANY: Self =
        Self { landmarks: 200, planes: 1, draws: 39, sources: 200, spread_draws: 1, most: Some(3000), ..Self::ONE };
}

impl Default for ShapeParams {
    fn default() -> Self {
        Self::ONE
    }
}

/// The plane of two components, measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Plane {
    /// Which components, from 1.
    pub pcs: [usize; 2],
    /// The circle that fits best; none if the points are too few or equal.
    pub ring: Option<Ring>,
    /// S and M, once they are computed: of successive components at once, of the others later.
    pub indices: Option<Indices>,
}

/// How far a plane is from a product and from a mixture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Indices {
    /// Separability index, bits.
    pub separability: f64,
    /// What chance leaves of it (exact mode, once it is computed).
    pub separability_null: Option<f64>,
    /// Where it was found.
    found: separability::Separability,
    /// ε-mixture index.
    pub mixture: f64,
}

impl Indices {
    fn of(x: &[f64], y: &[f64], mode: Mode, seed: u64, task: &Task) -> Result<Option<Self>> {
        let Some(found) = separability::separability(x, y, mode, task)? else { return Ok(None) };
        Ok(Some(Self {
            separability: found.bits,
            separability_null: None,
            found,
            mixture: mixture::mixture(x, y, mode, seed, task)?,
        }))
    }
    /// Whether S is above what chance leaves of it; not before that is computed.
    pub fn depends(&self) -> bool {
        self.separability_null.is_some_and(|null| self.separability > null)
    }
    /// (1 − M) S.
    pub fn irreducible(&self) -> f64 {
        (1.0 - self.mixture) * self.separability
    }
}

impl Plane {
    fn is_successive(&self) -> bool {
        self.pcs[1] == self.pcs[0] + 1
    }
    /// Share of the variance that it holds, of the shares `explained` by the components.
    fn share(&self, explained: &[f64]) -> f64 {
        self.pcs.iter().map(|pc| explained[pc - 1]).sum()
    }
}

/// The irreducibility score of a cloud alone: the mean of (1 − M) S over the planes of successive components among the
/// first five; none for one component.
///
/// # Errors
/// As [`Cloud::new`].
pub fn irreducibility(points: &Points64, mode: Mode, seed: u64, task: &Task) -> Result<Option<f64>> {
    let cloud = Cloud::new(points, false, task)?;
    let columns = cloud.columns();
    let (mut sum, mut planes) = (0.0, 0);
    for [x, y] in columns.array_windows() {
        if let Some(indices) = Indices::of(x, y, mode, seed, task)? {
            sum += indices.irreducible();
            planes += 1;
        }
    }
    Ok((planes > 0).then(|| sum / f64::from(planes)))
}

/// Draw number `draw` of `n` points with the spread of a cloud and no shape.
pub(super) fn gaussian(spectrum: &Spectrum, n: usize, seed: u64, draw: u64) -> Points64 {
    let points = null::gaussian(spectrum, n, false, seed, draw);
    Points64::new(points.data().iter().map(|&x| x.into()).collect(), points.dims())
}

/// A cloud along its best line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Squared correlation of path lengths with distances along the line.
    pub fit: f64,
    /// Length of the line, in units of the cloud.
    pub length: f64,
    /// Share of the places that it connects.
    pub connected: f64,
    /// The longest stretch without points that parts it, as a share ([`ArcLength::gap`]).
    pub gap: f64,
    /// Places that paths started from: all if they are as many.
    pub sources: usize,
    /// The best fit among PCA-matched Gaussians.
    pub null_fit: f64,
    /// How it bends in its first plane; none where it has no second direction.
    pub bend: Option<Bend>,
}

/// All that was measured of a cloud. What was not (yet) is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Points.
    pub points: usize,
    /// Places that hold them: points at equal places count once.
    pub places: Option<usize>,
    /// Points, evenly taken, that neighbours, clumps, loops and the line were computed on; none if on all.
    pub sampled: Option<usize>,
    /// Width of a point.
    pub dim: usize,
    /// How S and M were found.
    pub mode: Mode,
    /// Share of the variance along each component.
    pub explained_variance_ratio: Vec<f64>,
    /// (Σλ)²/Σλ².
    pub participation_ratio: f64,
    /// exp of the entropy of the shares.
    pub entropy_rank: f64,
    /// Estimates of the intrinsic dimension.
    pub intrinsic_dimension: Dimension,
    /// Their median on PCA-matched Gaussians.
    pub null_dimension: Option<f64>,
    /// All planes of the first five components.
    pub planes: Vec<Plane>,
    /// The most ring-like plane, by its place among `planes`.
    pub best_plane: Option<usize>,
    /// Mean of (1 − M) S over the planes of successive components.
    pub irreducibility: Option<f64>,
    /// Loops in the span, then in planes.
    pub homology: Vec<Seen>,
    /// Tight clumps.
    pub clumps: Option<Clumps>,
    /// The best line through it.
    pub line: Option<Line>,
    /// What labels say.
    pub labels: Option<LabelMeasures>,
    /// What it is.
    pub verdict: Option<Verdict>,
}

impl Shape {
    /// The most ring-like plane.
    pub fn best(&self) -> Option<&Plane> {
        self.planes.get(self.best_plane?)
    }
    /// Judges anew as if no loop were there, because of `why`.
    pub fn without_loops(&mut self, why: String) {
        let mut verdict = verdict::verdict(self, false);
        verdict.evidence.insert(0, why);
        self.verdict = Some(verdict);
    }
}

/// A cloud made ready to be measured.
#[derive(Debug, Clone)]
pub struct Cloud {
    dim: usize,
    unit: bool,
    coarse: bool,
    spectrum: Spectrum,
    near: OnceLock<Near>,
}

/// The rows of `points` scaled to length 1, and which rows they are: zero rows are left out.
pub fn unit(points: &Points64) -> (Points64, Vec<u32>) {
    let dims = points.dims();
    let (mut data, mut kept) = (Vec::with_capacity(points.data().len()), Vec::with_capacity(points.len()));
    for (at, row) in points.data().chunks_exact(dims).enumerate() {
        let length = row.iter().map(|&x| x * x).sum::<f64>().sqrt();
        if length > 0.0 {
            data.extend(row.iter().map(|&x| x / length));
            kept.push(at as u32);
        }
    }
    (Points64::new(data, dims), kept)
}

impl Cloud {
    /// Takes `points`, of unit length if `unit` says so.
    ///
    /// # Errors
    /// If there are fewer than two, a value is not finite, or the task is cancelled.
    pub fn new(points: &Points64, unit: bool, task: &Task) -> Result<Self> {
        if points.len() < 2 {
            return Err(Problem::new(format!("a cloud of {} points", points.len()))
                .expected("at least two points")
                .hint("more points")
                .usage());
        }
        all_finite(points.data(), points.ncols(), 0)?;
        let spectrum = spectrum(points, task)?;
        Ok(Self { dim: points.dims(), unit, coarse: !points.exceeds_f32(), spectrum, near: OnceLock::new() })
    }
    /// Its neighbours, found when they are first asked for.
    fn near(&self, task: &Task) -> Result<&Near> {
        if let Some(near) = self.near.get() {
            return Ok(near);
        }
        let near = Near::of(&self.spectrum.coordinates, self.coarse, NEIGHBOURS, task)?;
        Ok(self.near.get_or_init(|| near))
    }
    /// The cloud in its principal components.
    pub fn spectrum(&self) -> &Spectrum {
        &self.spectrum
    }
    /// The first components.
    fn columns(&self) -> Vec<Vec<f64>> {
        (0..self.spectrum.coordinates.dims().min(PLANE_COMPONENTS)).map(|at| self.spectrum.column(at)).collect()
    }
    /// Components of every plane, from 0.
    fn plane_pairs(&self) -> Vec<[usize; 2]> {
        let components = self.spectrum.coordinates.dims().min(PLANE_COMPONENTS);
        (0..components).flat_map(|a| (a + 1..components).map(move |b| [a, b])).collect()
    }
    /// How much of a ring a plane promises: how ring-like it is, times the root of the share of the variance that it
    /// holds, so that the dregs of a cloud do not pass for its shape.
    fn promise(&self, plane: &Plane) -> f64 {
        let share = plane.share(&self.spectrum.explained_variance_ratio);
        plane.ring.map_or(0.0, |ring| ring.quality()) * share.sqrt()
    }
    /// All planes of the first components, with the ring of each.
    fn planes(&self) -> Vec<Plane> {
        let columns = self.columns();
        let plane = |[a, b]: [usize; 2]| Plane {
            pcs: [a + 1, b + 1],
            ring: ring::ring(&columns[a], &columns[b]),
            indices: None,
        };
        self.plane_pairs().into_iter().map(plane).collect()
    }
    /// The plane that promises most, by its place; the first of equals.
    fn best_plane(&self, planes: &[Plane]) -> Option<usize> {
        let better = |best: usize, at: usize| {
            let [own, other] = [at, best].map(|at| self.promise(&planes[at]));
            if own > other { at } else { best }
        };
        (!planes.is_empty()).then(|| (0..planes.len()).fold(0, better))
    }
    /// What is quick to measure.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn shape(&self, params: &ShapeParams, task: &Task) -> Result<Shape> {
        let columns = self.columns();
        let mut planes = self.planes();
        for plane in planes.iter_mut().filter(|plane| plane.is_successive()) {
            let [x, y] = plane.pcs.map(|pc| &columns[pc - 1]);
            plane.indices = Indices::of(x, y, params.mode, params.seed, task)?;
        }
        let best_plane = self.best_plane(&planes);
        let successive: Vec<f64> = planes
            .iter()
            .filter(|plane| plane.is_successive())
            .filter_map(|plane| plane.indices.map(|indices| indices.irreducible()))
            .collect();
        let mut shape = Shape {
            points: self.spectrum.coordinates.len(),
            places: None,
            sampled: None,
            dim: self.dim,
            mode: params.mode,
            explained_variance_ratio: self.spectrum.explained_variance_ratio.clone(),
            participation_ratio: self.spectrum.participation_ratio,
            entropy_rank: self.spectrum.entropy_rank,
            intrinsic_dimension: Dimension::default(),
            null_dimension: None,
            planes,
            best_plane,
            irreducibility: (!successive.is_empty()).then(|| successive.iter().sum::<f64>() / successive.len() as f64),
            homology: Vec::new(),
            clumps: None,
            line: None,
            labels: None,
            verdict: None,
        };
        shape.verdict = Some(verdict::verdict(&shape, true));
        Ok(shape)
    }
    /// Adds what takes longer: neighbours and dimensions, clumps, nulls, loops, and the line; then judges anew.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn deepen(&self, shape: &mut Shape, params: &ShapeParams, task: &Task) -> Result<()> {
        let columns = self.columns();
        for plane in &mut shape.planes {
            let [x, y] = plane.pcs.map(|pc| &columns[pc - 1]);
            if plane.indices.is_none() {
                plane.indices = Indices::of(x, y, params.mode, params.seed, task)?;
            }
            if let (Some(indices), Mode::Exact) = (&mut plane.indices, params.mode) {
                indices.separability_null = Some(separability::null(x, y, indices.found, params.seed, task)?);
            }
        }
        let few = params.most.filter(|&most| most < self.spectrum.coordinates.len()).map(|most| self.thinned(most));
        shape.sampled = few.as_ref().map(|few| few.spectrum.coordinates.len());
        few.as_ref().unwrap_or(self).near_and_far(shape, params, task)?;
        shape.verdict = Some(verdict::verdict(shape, true));
        Ok(())
    }
    /// The same cloud with as many of its points, evenly taken; components and variances are those of all.
    fn thinned(&self, most: usize) -> Self {
        let all = &self.spectrum.coordinates;
        let rows = (0..most).flat_map(|at| all.row(at * all.len() / most).to_vec()).collect();
        let spectrum = Spectrum { coordinates: Points64::new(rows, all.dims()), ..self.spectrum.clone() };
        Self { spectrum, near: OnceLock::new(), ..*self }
    }
    /// Neighbours and dimensions, clumps, loops with their null, and the line.
    fn near_and_far(&self, shape: &mut Shape, params: &ShapeParams, task: &Task) -> Result<()> {
        let near = self.near(task)?;
        shape.places = Some(near.len());
        shape.intrinsic_dimension = dimension::dimension(near, task)?;
        shape.clumps = clumps::clumps(&self.spectrum.coordinates);
        let mut ranked: Vec<(f64, [usize; 2])> =
            shape.planes.iter().map(|plane| (self.promise(plane), plane.pcs.map(|pc| pc - 1))).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let planes: Vec<[usize; 2]> = if self.spectrum.coordinates.dims() > 2 {
            ranked.into_iter().take(params.planes).map(|(_, pcs)| pcs).collect()
        } else {
            Vec::new()
        };
        let ShapeParams { landmarks, draws, seed, .. } = *params;
        let look = holes::Look { landmarks, draws, planes: &planes, unit: self.unit, seed };
        shape.homology = holes::holes(&self.spectrum, &look, task)?;
        let (null_fit, null_dimension) = self.spread_alone(params, task)?;
        shape.null_dimension = null_dimension;
        shape.line = match self.arc_length(params.sources, task)? {
            Some((paths, line)) => Some(Line {
                fit: line.fit,
                length: line.length,
                connected: paths.connected,
                gap: line.gap,
                sources: paths.sources.len(),
                null_fit,
                bend: match self.columns().as_slice() {
                    [x, y, ..] => ring::bend(x, y),
                    _ => None,
                },
            }),
            None => None,
        };
        Ok(())
    }
    /// The longest interval of H1 in the span, or in the most ring-like plane, on as many points as [`Cloud::deepen`]
    /// takes.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn longest_loop(&self, in_plane: bool, params: &ShapeParams, task: &Task) -> Result<f64> {
        let planes = if in_plane { self.planes() } else { Vec::new() };
        let best = self.best_plane(&planes).map(|at| planes[at].pcs.map(|pc| pc - 1));
        let ShapeParams { landmarks, seed, .. } = *params;
        let look = holes::Look { landmarks, draws: 0, planes: best.as_slice(), unit: self.unit, seed };
        let few = params.most.filter(|&most| most < self.spectrum.coordinates.len()).map(|most| self.thinned(most));
        let spectrum = few.as_ref().map_or(&self.spectrum, |few| &few.spectrum);
        Ok(holes::holes(spectrum, &look, task)?.last().map_or(0.0, |seen| seen.persistence(0)))
    }
    /// Adds what labels say.
    ///
    /// # Errors
    /// If there is not a label (or none) for every point, or the task is cancelled.
    pub fn label(
        &self,
        shape: &mut Shape,
        labels: &PointLabels,
        distance: LabelDistance,
        seed: u64,
        task: &Task,
    ) -> Result<()> {
        let n = self.spectrum.coordinates.len();
        if labels.of.len() != n {
            return Err(Problem::new(format!("{} labels for {n} points", labels.of.len()))
                .expected("one for each point, in the same order")
                .usage());
        }
        let plane = shape.best().map_or([0, 1], |plane| plane.pcs.map(|pc| pc - 1));
        shape.labels = labelled::labelled(&self.spectrum, self.near(task)?, labels, plane, distance, seed, task)?;
        Ok(())
    }
    /// The line through the cloud, and the paths that it was found by.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn arc_length(&self, sources: usize, task: &Task) -> Result<Option<(Geodesic, ArcLength)>> {
        let paths = geodesic::geodesic(self.near(task)?, PATH_K, sources, task)?;
        Ok(paths.arc_length(task)?.map(|line| (paths, line)))
    }
    /// What spread without shape gives: of PCA-matched Gaussians the best fit of a line, and the mean dimension.
    fn spread_alone(&self, params: &ShapeParams, task: &Task) -> Result<(f64, Option<f64>)> {
        let (mut best, mut dimensions) = (0.0, Vec::new());
        for draw in 0..params.spread_draws as u64 {
            let points = null::gaussian(&self.spectrum, self.near(task)?.len(), self.unit, params.seed, draw);
            let wide = points.data().iter().map(|&x| x.into()).collect();
            let near = Near::of(&Points64::new(wide, points.dims()), true, NEIGHBOURS, task)?;
            dimensions.extend(dimension::dimension(&near, task)?.middle());
            let paths = geodesic::geodesic(&near, PATH_K, params.sources.min(LINE_SOURCES), task)?;
            best = paths.arc_length(task)?.map_or(best, |line| f64::max(best, line.fit));
        }
        let mean = dimensions.iter().sum::<f64>() / dimensions.len() as f64;
        Ok((best, (!dimensions.is_empty()).then_some(mean)))
    }
    /// The coordinate of every point along its manifold, by the verdict: radians about the ring in the best plane, a
    /// place from 0 to 1 along the line, or none.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn coordinate(&self, shape: &Shape, params: &ShapeParams, task: &Task) -> Result<Vec<Option<f64>>> {
        let n = self.spectrum.coordinates.len();
        let kind = shape.verdict.as_ref().map(Verdict::coordinate);
        Ok(match kind {
            Some(verdict::Coordinate::Angle) => {
                let ring = shape.best().and_then(|plane| Some((plane.pcs.map(|pc| pc - 1), plane.ring?)));
                let Some(([a, b], ring)) = ring else { return Ok(vec![None; n]) };
                let angle = |row: &[f64]| Some(ring.angle(row[a], row[b]));
                (0..n).map(|at| angle(self.spectrum.coordinates.row(at))).collect()
            }
            Some(verdict::Coordinate::Line) => {
                let near = self.near(task)?;
                let mut of_place = vec![None; near.len()];
                if let Some((paths, line)) = self.arc_length(params.sources, task)? {
                    for (&node, &position) in paths.nodes.iter().zip(&line.position) {
                        of_place[node as usize] = Some(position);
                    }
                }
                near.place.iter().map(|&place| of_place[place as usize]).collect()
            }
            Some(verdict::Coordinate::None) | None => vec![None; n],
        })
    }
}
