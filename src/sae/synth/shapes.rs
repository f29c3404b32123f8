//! What is planted: the groups of a kind, and the decoder directions of each shape.
//!
//! A group is a shape in a subspace of its own (an orthonormal basis, orthogonal to those of the other groups). Its
//! points are made in that basis, moved by Gaussian noise of the given norm, and scaled to length 1.

use super::rng::Rng;
use super::{GroupKind, SynthKind, SynthParams};
use std::f64::consts::{FRAC_PI_2, TAU};

/// A group before its features have numbers.
pub(super) struct Planned {
    pub(super) kind: GroupKind,
    pub(super) name: String,
    /// Number of features.
    pub(super) count: usize,
    /// For clusters the norm of the noise around a centre of length 1; for rings 1 if they stand around a shared
    /// direction, 0 if around the origin; unused otherwise.
    pub(super) shape: f64,
}

impl Planned {
    fn new(kind: GroupKind, name: impl Into<String>, count: usize) -> Self {
        Self { kind, name: name.into(), count, shape: 0.0 }
    }
    fn shape(mut self, shape: f64) -> Self {
        self.shape = shape;
        self
    }
    /// Dimensions of its subspace.
    fn dimensions(&self) -> usize {
        match self.kind {
            GroupKind::Cluster => 1,
            GroupKind::Ring => 2 + usize::from(self.shape > 0.0),
            GroupKind::Torus => 4,
            GroupKind::Sphere | GroupKind::Helix => 3,
            GroupKind::Arc => 2,
            _ => 0,
        }
    }
}

/// Directions of a group `[count, d_model]`, row-major, and the coordinates of its features by name.
pub(super) struct Placed {
    pub(super) rows: Vec<f32>,
    pub(super) coordinates: Vec<(&'static str, Vec<f64>)>,
}

/// The groups of `kind`, without the background that fills up the rest.
pub(super) fn plan(kind: SynthKind, params: &SynthParams) -> Vec<Planned> {
    use GroupKind::{Antipodal, Arc, Cluster, Duplicate, Helix, Ring, Sphere, Torus, Zero};
    let features = params.features as f64;
    match kind {
        SynthKind::Random => Vec::new(),
        SynthKind::Mixed => {
            let f = features / 2048.0;
            let size = |base: f64, least: f64, most: f64| (base * f.min(most)).round().max(least) as usize;
            let mut groups: Vec<Planned> = (0..8)
                .map(|i| {
                    let spread = 0.25 + 0.05 * f64::from(i);
                    Planned::new(Cluster, format!("cluster{i}"), size(16.0, 4.0, 16.0)).shape(spread)
                })
                .collect();
            groups.extend([
                Planned::new(Ring, "ring7", 7),
                Planned::new(Ring, "ring12", 12),
                Planned::new(Ring, "ring64", size(64.0, 16.0, 8.0)),
                Planned::new(Ring, "ring7_offset", 7).shape(1.0),
                Planned::new(Ring, "ring48_offset", size(48.0, 12.0, 1.0)).shape(1.0),
                Planned::new(Torus, "torus", size(144.0, 36.0, 8.0)),
                Planned::new(Sphere, "sphere_cap", size(96.0, 24.0, 8.0)),
                Planned::new(Helix, "helix", size(80.0, 20.0, 8.0)),
                Planned::new(Arc, "arc", size(24.0, 8.0, 8.0)),
                Planned::new(Antipodal, "antipodal", 2 * size(20.0, 2.0, 16.0)),
                Planned::new(Duplicate, "duplicate", 2 * size(10.0, 2.0, 16.0)),
                Planned::new(Zero, "zero", 4),
            ]);
            groups
        }
        SynthKind::Rings => {
            let (mut groups, mut left, mut room) = (Vec::new(), params.features / 2, params.d_model);
            for (i, count) in [7usize, 12, 24, 60].into_iter().cycle().enumerate().take(64) {
                let offset = i % 8 >= 4;
                let name = format!("ring{count}{}_{}", if offset { "_offset" } else { "" }, i / 8);
                let ring = Planned::new(Ring, name, count).shape(f64::from(u8::from(offset)));
                // The first is planned in any case: where it does not fit, the check of the parameters says so.
                if (count > left || ring.dimensions() > room) && i > 0 {
                    break;
                }
                (left, room) = (left.saturating_sub(count), room.saturating_sub(ring.dimensions()));
                groups.push(ring);
            }
            groups
        }
        SynthKind::Clusters => {
            let clusters = ((features.sqrt() / 2.0) as usize).clamp(4, 64).min(params.d_model);
            let count = params.features * 9 / 10 / clusters;
            (0..clusters).map(|i| Planned::new(Cluster, format!("cluster{i}"), count).shape(0.5)).collect()
        }
        SynthKind::Manifolds => {
            const SET: f64 = 24.0 + 24.0 + 144.0 + 96.0 + 80.0 + 24.0;
            const DIMENSIONS: usize = 2 + 3 + 4 + 3 + 3 + 2;
            let half = features / 2.0;
            let sets = ((half / SET) as usize).clamp(1, 16).min((params.d_model / DIMENSIONS).max(1));
            let scale = (half / (SET * sets as f64)).min(8.0);
            let size = |base: f64| (base * scale).round().max(6.0) as usize;
            let set = |i: usize| {
                [
                    Planned::new(Ring, format!("ring_{i}"), size(24.0)),
                    Planned::new(Ring, format!("ring_offset_{i}"), size(24.0)).shape(1.0),
                    Planned::new(Torus, format!("torus_{i}"), size(144.0)),
                    Planned::new(Sphere, format!("sphere_cap_{i}"), size(96.0)),
                    Planned::new(Helix, format!("helix_{i}"), size(80.0)),
                    Planned::new(Arc, format!("arc_{i}"), size(24.0)),
                ]
            };
            (0..sets).flat_map(set).collect()
        }
    }
}

/// Dimensions that all groups together need.
pub(super) fn dimensions(groups: &[Planned]) -> usize {
    groups.iter().map(Planned::dimensions).sum()
}

/// Draws orthonormal vectors, each orthogonal to all before it.
pub(super) struct Bases {
    rng: Rng,
    width: usize,
    drawn: Vec<Vec<f64>>,
}

impl Bases {
    pub(super) fn new(rng: Rng, width: usize) -> Self {
        Self { rng, width, drawn: Vec::new() }
    }
    fn take(&mut self, count: usize) -> Vec<Vec<f64>> {
        let first = self.drawn.len();
        while self.drawn.len() < first + count {
            let mut vector: Vec<f64> = (0..self.width).map(|_| self.rng.normal()).collect();
            // Gram and Schmidt, twice: once leaves an error that grows with the number of vectors.
            for _ in 0..2 {
                for other in &self.drawn {
                    let dot: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                    vector.iter_mut().zip(other).for_each(|(a, b)| *a -= dot * b);
                }
            }
            let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
            if norm > 1e-6 {
                for x in &mut vector {
                    *x /= norm;
                }
                self.drawn.push(vector);
            }
        }
        self.drawn[first..].to_vec()
    }
}

/// Draws the directions of a group.
pub(super) fn place(group: &Planned, bases: &mut Bases, rng: &mut Rng, noise: f64) -> Placed {
    let (count, width) = (group.count, bases.width);
    let basis = bases.take(group.dimensions());
    let even = |turn: f64| -> Vec<f64> { (0..count).map(|i| turn * i as f64 / count as f64).collect() };
    let along = || -> Vec<f64> { (0..count).map(|i| i as f64 / (count - 1).max(1) as f64).collect() };
    let mut coordinates: Vec<(&'static str, Vec<f64>)> = Vec::new();
    let local: Vec<Vec<f64>> = match group.kind {
        GroupKind::Cluster => vec![vec![1.0]; count],
        GroupKind::Ring => {
            let mut angles = even(TAU);
            if count > 48 && group.shape == 0.0 {
                // A large ring has gaps, as a real one would.
                angles = (0..count).map(|_| rng.between(0.0, TAU)).collect();
                angles.sort_by(f64::total_cmp);
            }
            let at = |a: &f64| {
                if group.shape > 0.0 { vec![0.7 * a.cos(), 0.7 * a.sin(), 1.0] } else { vec![a.cos(), a.sin()] }
            };
            let local = angles.iter().map(at).collect();
            coordinates.push(("angle", angles));
            local
        }
        GroupKind::Torus => {
            let (a, b): (Vec<f64>, Vec<f64>) =
                (0..count).map(|_| (rng.between(0.0, TAU), rng.between(0.0, TAU))).unzip();
            let local = a.iter().zip(&b).map(|(a, b)| vec![a.cos(), a.sin(), b.cos(), b.sin()]).collect();
            coordinates.extend([("angle_a", a), ("angle_b", b)]);
            local
        }
        GroupKind::Sphere => {
            let (theta, phi): (Vec<f64>, Vec<f64>) = (0..count).map(|_| cap_point(rng)).unzip();
            let local = theta.iter().zip(&phi).map(|(&theta, &phi)| on_sphere(theta, phi).to_vec()).collect();
            coordinates.extend([("theta", theta), ("phi", phi)]);
            local
        }
        GroupKind::Helix => {
            let t = along();
            let local = t.iter().map(|t| vec![(2.0 * TAU * t).cos(), (2.0 * TAU * t).sin(), 3.0 * (t - 0.5)]).collect();
            coordinates.push(("t", t));
            local
        }
        GroupKind::Arc => {
            let t = along();
            let local = t.iter().map(|t| vec![(FRAC_PI_2 * t).cos(), (FRAC_PI_2 * t).sin()]).collect();
            coordinates.push(("t", t));
            local
        }
        GroupKind::Antipodal | GroupKind::Duplicate | GroupKind::Zero | GroupKind::Background => Vec::new(),
    };
    let mut rows = Vec::with_capacity(count * width);
    if group.kind == GroupKind::Zero {
        rows.resize(count * width, 0.0);
    } else if local.is_empty() {
        isolated(group, rng, width, &mut rows);
    } else {
        let noise = if group.kind == GroupKind::Cluster { group.shape } else { noise } / (width as f64).sqrt();
        let mut row = vec![0f64; width];
        for point in local {
            // Torus and helix lie in their subspace with other lengths; noise is relative to length 1.
            let length = point.iter().map(|x| x * x).sum::<f64>().sqrt();
            for x in &mut row {
                *x = noise * rng.normal();
            }
            for (coefficient, direction) in point.iter().zip(&basis) {
                row.iter_mut().zip(direction).for_each(|(x, d)| *x += coefficient / length * d);
            }
            push_unit(&row, 1.0, &mut rows);
        }
    }
    Placed { rows, coordinates }
}

/// Random directions: alone, in opposite pairs, or in pairs that nearly agree.
fn isolated(group: &Planned, rng: &mut Rng, width: usize, rows: &mut Vec<f32>) {
    let mut row = vec![0f64; width];
    for i in 0..group.count {
        match (group.kind, i % 2) {
            // The second of a pair is made from the first.
            (GroupKind::Antipodal, 1) => push_unit(&row, -1.0, rows),
            (GroupKind::Duplicate, 1) => {
                let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
                for x in &mut row {
                    *x += 0.02 * norm / (width as f64).sqrt() * rng.normal();
                }
                push_unit(&row, 1.0, rows);
            }
            _ => {
                for x in &mut row {
                    *x = rng.normal();
                }
                push_unit(&row, 1.0, rows);
            }
        }
    }
}

fn push_unit(row: &[f64], sign: f64, rows: &mut Vec<f32>) {
    let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    rows.extend(row.iter().map(|x| (sign * x / norm) as f32));
}

/// A point of the planted cap (one radian around the pole), uniform by area.
pub(super) fn cap_point(rng: &mut Rng) -> (f64, f64) {
    (rng.between(1f64.cos(), 1.0).acos(), rng.between(0.0, TAU))
}

/// The point of the unit sphere at polar angle `theta` and azimuth `phi`.
pub(super) fn on_sphere(theta: f64, phi: f64) -> [f64; 3] {
    [theta.sin() * phi.cos(), theta.sin() * phi.sin(), theta.cos()]
}
