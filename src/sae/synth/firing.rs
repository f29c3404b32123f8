//! Planted activations: on each token some groups are active; a latent (a cluster, an angle, a place on a curve) is
//! drawn for each, and the features near it fire, weaker with distance (a raised cosine). Background features fire on
//! their own, the i-th most frequent in proportion to 1 / (i + 20) as words do (Zipf), 3 % of them never.

use super::rng::Rng;
use super::shapes::{Planned, cap_point, on_sphere};
use super::{Group, GroupKind};
use crate::error::Result;
use crate::task::Task;
use std::f64::consts::{PI, TAU};

/// One planted activation: token, feature, value.
pub(super) type Entry = (u32, u32, f32);

/// Mean number of background features on a token.
const BACKGROUND_L0: f64 = 24.0;
/// Activations below this are not kept.
const LEAST: f64 = 1e-3;

/// 1 at distance 0, falling to 0 at `width`.
fn kernel(distance: f64, width: f64) -> f64 {
    if distance < width { 0.5 * (1.0 + (PI * distance / width).cos()) } else { 0.0 }
}

/// Distance of two angles.
fn apart(a: f64, b: f64) -> f64 {
    let d = (a - b).rem_euclid(TAU);
    d.min(TAU - d)
}

/// How often a group is active.
fn chance(kind: GroupKind) -> f64 {
    match kind {
        GroupKind::Ring | GroupKind::Torus | GroupKind::Sphere | GroupKind::Helix | GroupKind::Arc => 0.10,
        GroupKind::Cluster | GroupKind::Antipodal | GroupKind::Duplicate => 0.05,
        GroupKind::Zero | GroupKind::Background => 0.0,
    }
}

/// Mean number of features that fire on a token, about: a quarter of each group that is active, and the background.
pub(super) fn expected(groups: &[Planned]) -> f64 {
    BACKGROUND_L0 + groups.iter().map(|group| chance(group.kind) * 0.25 * group.count as f64).sum::<f64>()
}

/// Lets a planted group fire over `tokens` tokens; adds its entries, and keeps its tokens and latents in the group.
///
/// # Errors
/// If the task is cancelled.
pub(super) fn fire(
    group: &mut Group,
    tokens: usize,
    rng: &mut Rng,
    entries: &mut Vec<Entry>,
    task: &Task,
) -> Result<()> {
    let chance = chance(group.kind);
    if chance == 0.0 {
        return Ok(());
    }
    let mut active = Vec::new();
    rng.each_with_chance(tokens, chance, |_, token| active.push(token as u32));
    let count = group.features.len();
    let coordinate = |i: usize| group.coordinates.get(i).map_or(&[][..], |(_, values)| values.as_slice());
    let (first, second) = (coordinate(0), coordinate(1));
    let points: Vec<[f64; 3]> = match group.kind {
        GroupKind::Sphere => first.iter().zip(second).map(|(&theta, &phi)| on_sphere(theta, phi)).collect(),
        _ => Vec::new(),
    };
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for &token in &active {
        task.check()?;
        let amplitude = rng.gamma(8) / 2.0;
        let mut put = |i: usize, strength: f64| {
            let value = strength * amplitude;
            if value > LEAST {
                entries.push((token, group.features[i], value as f32));
            }
        };
        match group.kind {
            GroupKind::Cluster => {
                rng.each_with_chance(count, 0.25, |rng, i| put(i, rng.gamma(4) / 4.0));
            }
            GroupKind::Ring => {
                // Small rings stand for concepts (weekdays), so their latent keeps near one of them.
                let angle = if count <= 12 {
                    (first[rng.below(count)] + 0.15 * rng.normal()).rem_euclid(TAU)
                } else {
                    rng.between(0.0, TAU)
                };
                let width = (1.01 * TAU / count as f64).max(0.45);
                (0..count).for_each(|i| put(i, kernel(apart(first[i], angle), width)));
                one.push(angle as f32);
            }
            GroupKind::Torus => {
                let (a, b) = (rng.between(0.0, TAU), rng.between(0.0, TAU));
                (0..count).for_each(|i| put(i, kernel(apart(first[i], a).hypot(apart(second[i], b)), 0.8)));
                one.push(a as f32);
                two.push(b as f32);
            }
            GroupKind::Sphere => {
                let (theta, phi) = cap_point(rng);
                let at = on_sphere(theta, phi);
                for (i, point) in points.iter().enumerate() {
                    let cosine: f64 = point.iter().zip(&at).map(|(a, b)| a * b).sum();
                    put(i, kernel(cosine.clamp(-1.0, 1.0).acos(), 0.35));
                }
                one.push(theta as f32);
                two.push(phi as f32);
            }
            GroupKind::Helix | GroupKind::Arc => {
                let width = if group.kind == GroupKind::Helix { 0.06 } else { 0.12 };
                let t = rng.unit();
                (0..count).for_each(|i| put(i, kernel((first[i] - t).abs(), width)));
                one.push(t as f32);
            }
            GroupKind::Antipodal => put(2 * rng.below(count / 2) + usize::from(rng.chance(0.5)), 1.0),
            GroupKind::Duplicate => {
                let pair = rng.below(count / 2);
                put(2 * pair, 1.0);
                if rng.chance(0.8) {
                    put(2 * pair + 1, 0.9);
                }
            }
            GroupKind::Zero | GroupKind::Background => {}
        }
    }
    let names: Vec<&'static str> = group.coordinates.iter().map(|(name, _)| *name).collect();
    group.latents = names.into_iter().zip([one, two]).collect();
    group.tokens = active;
    Ok(())
}

/// Lets the background fire; gives the features that never do.
///
/// # Errors
/// If the task is cancelled.
pub(super) fn fire_background(
    features: &[u32],
    tokens: usize,
    rng: &mut Rng,
    entries: &mut Vec<Entry>,
    task: &Task,
) -> Result<Vec<u32>> {
    let total: f64 = (0..features.len()).map(|i| 1.0 / (i as f64 + 20.0)).sum();
    let mut dead = Vec::new();
    for (i, &feature) in features.iter().enumerate() {
        task.check()?;
        if rng.chance(0.03) {
            dead.push(feature);
            continue;
        }
        let frequency = (BACKGROUND_L0 / (total * (i as f64 + 20.0))).min(0.9);
        rng.each_with_chance(tokens, frequency, |rng, token| {
            entries.push((token as u32, feature, (0.6 * rng.gamma(2)).max(LEAST) as f32));
        });
    }
    dead.sort_unstable();
    Ok(dead)
}
