//! One group of features, whole: what a view of it shows, and what `manifold` writes.
//!
//! In: a measured group. Out: a [`Portrait`]: the cloud in its components; the place of every token along the manifold;
//! where the token types stand; which feature fires where along it. The place `s` comes from the first of these that
//! there is:
//! 1. the ring in which the token types stand, if their order is more than chance (p at most .05);
//! 2. a loop or a line of the directions that stands out from both nulls ([`super::manifolds::Evidence`]): the angle in
//!    the best plane, the length along the curve;
//! 3. the ring of the types in the best order that was found, if the group tells them apart ([`TOLD`]): the order may be
//!    chance then, and its p says so;
//! 4. the verdict, whatever cloud it is of.

use super::grid::Grid;
use super::groups::Found;
use super::lens::{Lens, LensKind, points_of};
use super::manifolds::{Manifold, ManifoldParams, Order, Types};
use super::study::Study;
use crate::error::{Problem, Result};
use crate::geometry::cloud::{Cloud, Spectrum, Verdict};
use crate::geometry::group::{Capture, GroupCloud, TypeMeans, TypeRing, capture, type_means};
use crate::rows::Points64;
use crate::task::Task;
use std::f64::consts::{PI, TAU};

/// Largest p of an order that is more than chance.
pub const CHANCE: f64 = 0.05;
/// Least share of the variance of directions between types from which their ring gives a place.
pub const TOLD: f64 = 0.5;
/// Length of a strong point, over the median of the tokens of the group's types.
pub const STRONG: f64 = 0.5;
/// Most directions of capture curves.
pub const CAPTURED: usize = 200;
/// Bins of receptive fields along the manifold.
pub const BINS: usize = 48;

/// What `s` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Along {
    /// Radians about the ring in which types stand.
    Types,
    /// Radians in the best plane of a loop.
    Loop,
    /// From 0 to 1 along a curve.
    Curve,
    /// Nothing.
    Nothing,
}

impl Along {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Types => "types",
            Self::Loop => "loop",
            Self::Curve => "curve",
            Self::Nothing => "none",
        }
    }
    /// Whether it goes round.
    pub fn is_round(self) -> bool {
        matches!(self, Self::Types | Self::Loop)
    }
}

/// Where a token type stands.
#[derive(Debug, Clone, PartialEq)]
pub struct TypePlace {
    /// What it reads.
    pub text: String,
    /// Tokens of it on which the group fires, and all.
    pub fired: (u32, u32),
    /// Length of its mean reconstruction.
    pub strength: f64,
    /// The middle of their places along the manifold.
    pub s: Option<f64>,
}

/// Where along the manifold a feature fires.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The feature.
    pub feature: u32,
    /// Its place in the group.
    pub at: usize,
    /// Mean activation in each of [`BINS`] bins of `s`, over the strong tokens there; empty without `s`.
    pub bins: Vec<f64>,
    /// Where it is strongest on average.
    pub peak: Option<f64>,
}

/// One group, whole.
#[derive(Debug, Clone)]
pub struct Portrait {
    /// What was measured.
    pub row: Manifold,
    /// Its cloud with the features that fire.
    pub group: GroupCloud,
    /// Which cloud of the group its points are.
    pub kind: LensKind,
    /// Of each point, which token of the group's cloud it is.
    pub kept: Vec<u32>,
    /// The cloud in its components.
    pub spectrum: Spectrum,
    /// The ring of the token types, and each point's place in its plane.
    pub ring: Option<(TypeRing, Vec<[f64; 2]>)>,
    /// What `s` is.
    pub along: Along,
    /// The place of each point.
    pub s: Vec<Option<f64>>,
    /// Whether the group writes each point strongly: at least [`STRONG`] times as long as the middle one of those of its
    /// types. Where a weak point lies along a manifold says little.
    pub strong: Vec<bool>,
    /// Strong points in the order of `s`.
    pub order: Vec<u32>,
    /// Token types, or labels where tokens have some, strongest first.
    pub types: Vec<TypePlace>,
    /// Type of each point, by its place in `types`.
    pub type_of: Vec<Option<u32>>,
    /// Features in the order of where they fire.
    pub fields: Vec<Field>,
    /// Cosines of the features' directions in that order `[m, m]`.
    pub cosines: Vec<f32>,
    /// How fast directions capture the cloud, of [`CAPTURED`] directions at most; none for a cloud without variance.
    pub capture: Option<Capture>,
    /// How other settings know the group.
    pub grid: Grid,
}

impl Study {
    /// Everything about one group.
    ///
    /// # Errors
    /// As [`Study::manifold`]; if it fires on too few tokens.
    pub fn portrait(&self, found: Found, params: &ManifoldParams, task: &Task) -> Result<Portrait> {
        let types = self.types(task)?;
        let row = self.manifold(found, params, task)?;
        let group = self.group_cloud(&row.found.features, params.most_tokens, task)?;
        // A loop or a line of directions that stands out from both nulls goes before everything that is only likely.
        let evidence = row.measured.evidence();
        let proven = evidence.closed > 0.0 || evidence.line > 0.0;
        let proof = |lens: &Lens| lens.closed().max(lens.line());
        let lengths =
            [LensKind::Unit, LensKind::Share].into_iter().filter_map(|kind| Some((row.measured.lens(kind)?, kind)));
        let speaking = lengths.filter(|_| proven).max_by(|a, b| proof(a.0).total_cmp(&proof(b.0)));
        let Some((lens, by_verdict)) = speaking.or_else(|| row.measured.speaking()) else {
            let what = format!("this group fires on {} tokens alone", row.measured.tokens);
            let least = super::lens::LEAST_TOKENS;
            return Err(Problem::new(what).expected(format!("{least} or more")).input());
        };
        let means = types.and_then(|types| type_means(&group, &types.of, &types.occurrences));
        let ring = row.measured.ring.as_ref().zip(means.as_ref());
        let plane = ring.and_then(|(order, means)| Some((TypeRing::of(&means.means, &order.found.order)?, order)));
        let told = row.measured.family.is_some_and(|family| family.told_apart >= TOLD);
        let beyond = |order: &Order| order.found.p <= CHANCE;
        let certain = plane.as_ref().is_some_and(|(_, order)| beyond(order));
        // The types' ring is in the span of the reconstructions as they are; what the verdict is of may be their directions.
        let by_types = plane.is_some() && (certain || (told && !proven));
        let kind = if by_types { LensKind::Raw } else { by_verdict };
        let (points, kept) = points_of(&group, kind, self.activation(task)?);
        let cloud = Cloud::new(&points, kind.is_unit(), task)?;
        let mut s = if by_types { Vec::new() } else { cloud.coordinate(&lens.shape, &params.shape, task)? };
        let mut along = match s.iter().any(Option::is_some) {
            true if lens.shape.verdict.as_ref().is_some_and(Verdict::is_line) => Along::Curve,
            true => Along::Loop,
            false => Along::Nothing,
        };
        if by_types {
            along = Along::Types;
        }
        let ring = plane.map(|(ring, _)| {
            let places: Vec<[f64; 2]> = kept.iter().map(|&at| ring.place(group.points.row(at as usize))).collect();
            (ring, places)
        });
        if let Some((_, places)) = ring.as_ref().filter(|_| along == Along::Types) {
            s = places.iter().map(|&place| Some(TypeRing::angle(place))).collect();
        }
        s.resize(kept.len(), None);
        let type_of = |types: Option<&Types>, means: Option<&TypeMeans>| match types.zip(means) {
            Some((types, means)) => places_of_types(&group, &kept, means, types),
            None => vec![None; kept.len()],
        };
        let strong = strong(&group, &kept, &type_of(types, means.as_ref()));
        let classes = self.classes(task)?;
        let classes = classes.as_deref();
        let means = classes.and_then(|classes| type_means(&group, &classes.of, &classes.occurrences));
        let type_of = type_of(classes, means.as_ref());
        let placed = |&at: &u32| s[at as usize].is_some() && strong[at as usize];
        let mut order: Vec<u32> = (0..kept.len() as u32).filter(placed).collect();
        order.sort_by(|&a, &b| s[a as usize].partial_cmp(&s[b as usize]).unwrap_or(std::cmp::Ordering::Equal));
        let spectrum = cloud.spectrum().clone();
        let types = match classes.zip(means.as_ref()) {
            Some((classes, means)) => stand(&s, along, means, &type_of, classes),
            None => Vec::new(),
        };
        let fields = fields(&group, &kept, &s, &strong, along);
        let cosines = cosines(&group.directions, &fields);
        let capture = capture(&group, CAPTURED, params.shape.seed, task)?;
        let grid = self.grid(&row.found.features, params.shape.seed, task)?;
        Ok(Portrait {
            row,
            group,
            kind,
            kept,
            spectrum,
            ring,
            along,
            s,
            strong,
            order,
            types,
            type_of,
            fields,
            cosines,
            capture,
            grid,
        })
    }
}

impl Portrait {
    /// The row of the activations that a point is.
    pub fn token(&self, point: u32) -> u32 {
        self.group.tokens[self.kept[point as usize] as usize]
    }
    /// The length of the reconstruction of each point.
    pub fn lengths(&self) -> Vec<f32> {
        let length = |&at: &u32| self.group.points.row(at as usize).iter().map(|x| x * x).sum::<f64>().sqrt() as f32;
        self.kept.iter().map(length).collect()
    }
    /// A direction of the span in the model's space.
    pub fn in_model(&self, direction: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.group.basis.dims()];
        for (at, &x) in direction.iter().enumerate() {
            out.iter_mut().zip(self.group.basis.row(at)).for_each(|(out, basis)| *out += x * basis);
        }
        out
    }
    /// How strongly the feature number `at` of the group fires on each point.
    pub fn activation(&self, at: usize) -> Vec<f32> {
        let on = |&token: &u32| {
            let mut entries = self.group.entries(token as usize);
            entries.find(|(feature, _)| *feature as usize == at).map_or(0.0, |(_, value)| value)
        };
        self.kept.iter().map(on).collect()
    }
}

/// Which points the group writes strongly; all of them where there are no types.
fn strong(group: &GroupCloud, kept: &[u32], type_of: &[Option<u32>]) -> Vec<bool> {
    let length = |&at: &u32| group.points.row(at as usize).iter().map(|x| x * x).sum::<f64>().sqrt();
    let lengths: Vec<f64> = kept.iter().map(length).collect();
    let mut own: Vec<f64> = lengths.iter().zip(type_of).filter(|(_, own)| own.is_some()).map(|(x, _)| *x).collect();
    own.sort_by(f64::total_cmp);
    let least = own.get(own.len() / 2).map_or(0.0, |median| STRONG * median);
    lengths.into_iter().map(|length| length >= least).collect()
}

/// The type of every point, by its place among the means.
fn places_of_types(group: &GroupCloud, kept: &[u32], means: &TypeMeans, types: &Types) -> Vec<Option<u32>> {
    let mut place = vec![None; types.texts.len()];
    for (at, &own) in means.types.iter().enumerate() {
        place[own as usize] = Some(at as u32);
    }
    kept.iter().map(|&at| place[types.of[group.tokens[at as usize] as usize] as usize]).collect()
}

/// Where the types stand.
fn stand(s: &[Option<f64>], along: Along, means: &TypeMeans, type_of: &[Option<u32>], types: &Types) -> Vec<TypePlace> {
    let mut places: Vec<Vec<(f64, f64)>> = vec![Vec::new(); means.types.len()];
    for (own, s) in type_of.iter().zip(s) {
        if let (Some(own), Some(s)) = (own, s) {
            places[*own as usize].push((*s, 1.0));
        }
    }
    let place = |(at, &own): (usize, &u32)| TypePlace {
        text: types.texts[own as usize].clone(),
        fired: means.fired[at],
        strength: means.strength[at],
        s: middle(places[at].iter().copied(), along),
    };
    means.types.iter().enumerate().map(place).collect()
}

/// The weighted middle of places: on a ring that of the angles, along a curve the mean.
fn middle(places: impl Iterator<Item = (f64, f64)>, along: Along) -> Option<f64> {
    let (mut sum, mut cos, mut sin, mut weights) = (0.0, 0.0, 0.0, 0.0);
    for (s, weight) in places {
        sum += weight * s;
        cos += weight * s.cos();
        sin += weight * s.sin();
        weights += weight;
    }
    let found = if along.is_round() { TypeRing::angle([cos, sin]) } else { sum / weights };
    (weights > 0.0).then_some(found)
}

/// The bin of a place.
pub fn bin(s: f64, along: Along) -> usize {
    let share = if along.is_round() { (s + PI) / TAU } else { s };
    ((share * BINS as f64) as usize).min(BINS - 1)
}

/// Who fires where, in the order of where; without places the strongest first.
fn fields(group: &GroupCloud, kept: &[u32], s: &[Option<f64>], strong: &[bool], along: Along) -> Vec<Field> {
    let m = group.features.len();
    let (mut counts, mut sums, mut total) = (vec![0u32; BINS], vec![0.0; m * BINS], vec![0.0; m]);
    let mut places: Vec<Vec<(f64, f64)>> = vec![Vec::new(); m];
    for ((&token, s), _) in kept.iter().zip(s).zip(strong).filter(|(_, strong)| **strong) {
        let at = s.map(|s| bin(s, along));
        if let Some(at) = at {
            counts[at] += 1;
        }
        for (feature, value) in group.entries(token as usize) {
            let (feature, value) = (feature as usize, f64::from(value));
            total[feature] += value;
            if let (Some(at), Some(s)) = (at, s) {
                sums[feature * BINS + at] += value;
                places[feature].push((*s, value));
            }
        }
    }
    let mut fields: Vec<Field> = (0..m)
        .map(|at| Field {
            feature: group.features[at],
            at,
            bins: match along {
                Along::Nothing => Vec::new(),
                _ => (0..BINS).map(|bin| sums[at * BINS + bin] / f64::from(counts[bin].max(1))).collect(),
            },
            peak: middle(places[at].iter().copied(), along),
        })
        .collect();
    fields.sort_by(|a, b| match (a.peak, b.peak) {
        (Some(x), Some(y)) => x.total_cmp(&y).then(a.at.cmp(&b.at)),
        (None, None) => total[b.at].total_cmp(&total[a.at]).then(a.at.cmp(&b.at)),
        (x, y) => y.is_some().cmp(&x.is_some()),
    });
    fields
}

/// Cosines of all pairs, in the order of `fields`.
fn cosines(directions: &Points64, fields: &[Field]) -> Vec<f32> {
    let unit: Vec<Vec<f64>> = fields
        .iter()
        .map(|field| {
            let row = directions.row(field.at);
            let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            row.iter().map(|x| if length > 0.0 { x / length } else { 0.0 }).collect()
        })
        .collect();
    let cosine = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() as f32;
    unit.iter().flat_map(|a| unit.iter().map(|b| cosine(a, b)).collect::<Vec<f32>>()).collect()
}
