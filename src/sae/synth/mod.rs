//! Planted dictionaries: decoder directions of known geometry, activations driven by known latents, and the truth.
//!
//! Input: a [`SynthKind`] and [`SynthParams`]. Output: a [`Planted`] with unit decoder rows `[features, d_model]` in
//! shuffled order, sparse activations `[tokens, features]`, and for each group its features, their coordinates, the
//! tokens on which it is active and the latents drawn there. Everything is drawn from the seed: equal parameters give
//! equal bytes on one kind of processor.
//!
//! | kind | groups (the rest are random unit directions) |
//! |---|---|
//! | mixed | 8 clusters, rings of 7, 12 and 64, rings of 7 and 48 around a shared direction, a torus, a spherical cap, a helix, an arc, opposite pairs, near copies, 4 zero rows; sizes grow with `features` |
//! | rings | rings of 7, 12, 24 and 60, half of them around a shared direction, up to half of the features |
//! | clusters | equal clusters of noise norm 0.5 around orthogonal centres, nine tenths of the features |
//! | manifolds | sets of ring, ring around a direction, torus, cap, helix and arc, half of the features |
//! | random | none |
//!
//! Cost: about 20 ns a decoder weight and
//! 50 ns an activation; memory: the decoder once, activations twice, and 12 bytes an entry while they are sorted.

mod firing;
mod rng;
mod shapes;
mod write;

use super::activations::Activations;
use super::labels::{Label, Labels};
use super::sparse::Sparse;
use crate::error::{Problem, Result};
use crate::rows::Points;
use crate::task::Task;
use crate::text::{counted, thousands};
use rng::Rng;
use serde::Serialize;
use shapes::{Bases, Planned};
use std::ops::Range;

pub use write::{target, write};

/// Which dictionary to plant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SynthKind {
    /// Every shape there is.
    Mixed,
    /// Rings alone.
    Rings,
    /// Clusters alone.
    Clusters,
    /// Rings, tori, caps, helices and arcs.
    Manifolds,
    /// Random directions.
    Random,
}

impl SynthKind {
    /// All kinds, the default first.
    pub const ALL: [Self; 5] = [Self::Mixed, Self::Rings, Self::Clusters, Self::Manifolds, Self::Random];
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mixed => "mixed",
            Self::Rings => "rings",
            Self::Clusters => "clusters",
            Self::Manifolds => "manifolds",
            Self::Random => "random",
        }
    }
    /// The kind of that name.
    ///
    /// # Errors
    /// If there is none; the message lists them.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let all = Self::ALL.map(Self::name).join(", ");
            Problem::new(format!("no planted dictionary is called {name}")).expected(format!("one of {all}")).usage()
        })
    }
}

/// How large, how noisy, from which seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SynthParams {
    /// Number of features.
    pub features: usize,
    /// Width of a decoder row.
    pub d_model: usize,
    /// Number of tokens; 0 plants no activations.
    pub tokens: usize,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Norm of the noise on a planted direction of length 1 (clusters have their own).
    pub noise: f64,
    /// Tokens, from the first on, whose dense activation (the sum of active directions plus noise of .01 a coordinate)
    /// is kept too.
    pub dense: usize,
}

impl Default for SynthParams {
    fn default() -> Self {
        Self { features: 2048, d_model: 256, tokens: 4096, seed: 0, noise: 0.04, dense: 0 }
    }
}

/// What a planted group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupKind {
    /// Noise around a centre.
    Cluster,
    /// A circle; coordinate `angle`.
    Ring,
    /// A product of two circles; coordinates `angle_a`, `angle_b`.
    Torus,
    /// A cap of a sphere, one radian wide; coordinates `theta`, `phi`.
    Sphere,
    /// Two turns of a helix; coordinate `t` from 0 to 1.
    Helix,
    /// A quarter of a circle; coordinate `t` from 0 to 1.
    Arc,
    /// Pairs (v, -v), each pair next to each other in the list.
    Antipodal,
    /// Pairs of cosine above .999.
    Duplicate,
    /// Rows of zeros.
    Zero,
    /// Random directions.
    Background,
}

/// A planted group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What it is.
    pub kind: GroupKind,
    /// A name of its own ("ring7_offset").
    pub name: String,
    /// Its features, in the order of their coordinates.
    pub features: Vec<u32>,
    /// Coordinates of the features by name.
    pub coordinates: Vec<(&'static str, Vec<f64>)>,
    /// Tokens on which the group is active, ascending.
    pub tokens: Vec<u32>,
    /// Latents on those tokens, by the coordinates' names.
    pub latents: Vec<(&'static str, Vec<f32>)>,
}

/// A planted dictionary and all that is known about it.
#[derive(Debug, Clone)]
pub struct Planted {
    /// Which kind it is.
    pub kind: SynthKind,
    /// What it was planted with.
    pub params: SynthParams,
    /// Decoder rows of length 1 (but for zero rows) `[features, d_model]`.
    pub decoder: Points,
    /// The groups; the background is the last.
    pub groups: Vec<Group>,
    /// Activations, unless no tokens were asked for.
    pub activations: Option<Activations>,
    /// Background features that never fire, ascending.
    pub dead: Vec<u32>,
    /// Dense activations of the first tokens `[dense, d_model]`, if asked for.
    pub dense: Option<Points>,
}

/// Streams of the seed; groups have those from [`GROUPS`] on, three each.
const BASES: u64 = 0;
const ORDER: u64 = 1;
const BACKGROUND: u64 = 2;
const BACKGROUND_FIRING: u64 = 3;
const DENSE: u64 = 4;
const GROUPS: u64 = 16;

/// Plants a dictionary.
///
/// # Errors
/// If a parameter is out of range, or the groups of `kind` do not fit (the message says how many features or
/// dimensions they need), or the task is cancelled.
pub fn plant(kind: SynthKind, params: &SynthParams, task: &Task) -> Result<Planted> {
    let planned = check(kind, params)?;
    task.stage("planting", params.features as u64);
    let width = params.d_model;
    let mut order: Vec<u32> = (0..params.features as u32).collect();
    Rng::new(params.seed, ORDER).shuffle(&mut order);
    let mut decoder = vec![0f32; params.features * width];
    let mut bases = Bases::new(Rng::new(params.seed, BASES), width);
    let (mut groups, mut entries) = (Vec::new(), Vec::new());
    let mut rest = order.as_slice();
    for (i, plan) in planned.iter().enumerate() {
        let stream = GROUPS + 2 * i as u64;
        let placed = shapes::place(plan, &mut bases, &mut Rng::new(params.seed, stream), params.noise);
        let (features, others) = rest.split_at(plan.count);
        rest = others;
        for (&feature, row) in features.iter().zip(placed.rows.chunks_exact(width)) {
            decoder[feature as usize * width..][..width].copy_from_slice(row);
        }
        let mut group = Group {
            kind: plan.kind,
            name: plan.name.clone(),
            features: features.to_vec(),
            coordinates: placed.coordinates,
            tokens: Vec::new(),
            latents: Vec::new(),
        };
        firing::fire(&mut group, params.tokens, &mut Rng::new(params.seed, stream + 1), &mut entries, task)?;
        task.advance(plan.count as u64);
        groups.push(group);
    }
    let mut rng = Rng::new(params.seed, BACKGROUND);
    for &feature in rest {
        task.check()?;
        let row = &mut decoder[feature as usize * width..][..width];
        for x in row.iter_mut() {
            *x = rng.normal() as f32;
        }
        let norm = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        for x in row.iter_mut() {
            *x = (f64::from(*x) / norm) as f32;
        }
        task.advance(1);
    }
    let mut firing = Rng::new(params.seed, BACKGROUND_FIRING);
    let dead = firing::fire_background(rest, params.tokens, &mut firing, &mut entries, task)?;
    groups.push(Group {
        kind: GroupKind::Background,
        name: "background".into(),
        features: rest.to_vec(),
        coordinates: Vec::new(),
        tokens: Vec::new(),
        latents: Vec::new(),
    });
    let decoder = Points::new(decoder, width);
    let activations = if params.tokens == 0 {
        None
    } else {
        let count = entries.len();
        let fill = |range: Range<usize>, out: &mut Vec<_>| {
            out.extend_from_slice(&entries[range]);
            Ok(())
        };
        let (sparse, _) = Sparse::gathered(params.tokens, params.features, count, &fill, &mut |_| task.check())?;
        drop(entries);
        Some(Activations::new(sparse, format!("planted {}", kind.name())))
    };
    let dense = activations.as_ref().filter(|_| params.dense > 0).map(|a| dense(&a.by_token, &decoder, params, task));
    let dense = dense.transpose()?;
    Ok(Planted { kind, params: *params, decoder, groups, activations, dead, dense })
}

/// The first tokens as sums of their active directions, with noise.
fn dense(acts: &Sparse, decoder: &Points, params: &SynthParams, task: &Task) -> Result<Points> {
    let mut rng = Rng::new(params.seed, DENSE);
    let width = decoder.dims();
    let mut out = vec![0f32; params.dense * width];
    for (token, out) in out.chunks_exact_mut(width).enumerate() {
        task.check()?;
        let (features, values) = acts.row(token);
        for (&feature, &value) in features.iter().zip(values) {
            out.iter_mut().zip(decoder.row(feature as usize)).for_each(|(x, d)| *x += value * d);
        }
        for x in out.iter_mut() {
            *x += (0.01 * rng.normal()) as f32;
        }
    }
    Ok(Points::new(out, width))
}

/// The largest decoder that is planted: 8 GiB.
const MAX_WEIGHTS: usize = 1 << 31;

/// The most activations that are planted: about 10 GiB while they are sorted.
const MAX_ENTRIES: usize = 1 << 28;

fn most(what: &str, found: usize, most: usize, hint: &str) -> Result<()> {
    if found <= most {
        return Ok(());
    }
    let [found, most] = [found, most].map(|n| thousands(n as u64));
    Err(Problem::new(format!("{found} {what}")).expected(format!("at most {most}")).hint(hint).usage())
}

/// The groups, if the parameters allow them.
fn check(kind: SynthKind, params: &SynthParams) -> Result<Vec<Planned>> {
    let range = |name: &str, found: usize, low: usize, high: usize| {
        if (low..=high).contains(&found) {
            return Ok(());
        }
        let nearest = if found < low { low } else { high };
        let problem = Problem::new(format!("{name} is {found}")).expected(format!("{low} to {high}"));
        Err(problem.hint(format!("--{} {nearest}", name.replace('_', "-"))).usage())
    };
    range("features", params.features, 1, 1 << 24)?;
    range("d_model", params.d_model, 1, 1 << 16)?;
    range("tokens", params.tokens, 0, 1 << 28)?;
    range("dense", params.dense, 0, params.tokens)?;
    most("weights", params.features * params.d_model, MAX_WEIGHTS, "fewer --features or a smaller --d-model")?;
    most("dense activations", params.dense * params.d_model, MAX_WEIGHTS, "fewer of them or a smaller --d-model")?;
    if !(0.0..=10.0).contains(&params.noise) {
        return Err(Problem::new(format!("noise is {}", params.noise)).expected("0 to 10").usage());
    }
    let groups = shapes::plan(kind, params);
    let (features, dimensions) = (groups.iter().map(|g| g.count).sum::<usize>(), shapes::dimensions(&groups));
    if features > params.features || groups.iter().any(|group| group.count < 2) {
        let count = counted(params.features, "feature is", "features are");
        let what = format!("{count} too few for {}", kind.name());
        return Err(Problem::new(what).expected("256 or more").hint("--features 1024").usage());
    }
    if dimensions > params.d_model {
        let count = counted(params.d_model, "dimension is", "dimensions are");
        let what = format!("{count} too few for {}", kind.name());
        return Err(Problem::new(what)
            .expected(format!("{dimensions} or more, as each group has its own"))
            .hint(format!("--d-model {}", dimensions.next_power_of_two()))
            .usage());
    }
    let entries = params.tokens as f64 * firing::expected(&groups);
    most("activations or more", entries as usize, MAX_ENTRIES, "fewer --tokens")?;
    Ok(groups)
}

impl Planted {
    /// A label for each feature of a group ("ring7 3/7", "torus 12/144"); the background has none.
    pub fn labels(&self) -> Labels {
        let mut by_feature = vec![Vec::new(); self.params.features];
        for group in self.groups.iter().filter(|group| group.kind != GroupKind::Background) {
            for (i, &feature) in group.features.iter().enumerate() {
                let text = match group.kind {
                    GroupKind::Antipodal => format!("{} {}{}", group.name, i / 2, ["+", "-"][i % 2]),
                    GroupKind::Duplicate => format!("{} {}{}", group.name, i / 2, ["a", "b"][i % 2]),
                    _ => format!("{} {i}/{}", group.name, group.features.len()),
                };
                by_feature[feature as usize].push(Label {
                    text,
                    kind: Some("planted".into()),
                    author: None,
                    score: None,
                });
            }
        }
        Labels { source: Some(self.source()), path: "labels.jsonl".into(), by_feature, ..Labels::default() }
    }
    /// The group of that name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }
    /// The source id that labels and configuration state.
    pub(super) fn source(&self) -> String {
        format!("synth-{}-{}", self.kind.name(), self.params.seed)
    }
}

#[cfg(test)]
mod tests;
