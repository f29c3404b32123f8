//! Whether a cloud is a few tight clumps: discrete points, blurred.
//!
//! In: points `[n, d]`. Out: how many clumps, how far apart they are against how far they reach, and where they lie.
//! Single linkage joins at most 300 landmarks (each the point farthest from those before it); the clumps are the parts
//! left where the heights at which parts join drop most, by ratio, within the first forty joins. Parts that hold less
//! than a hundredth of the points are strays and count for none.
//!
//! Cost: 300 n d. Memory: 12 bytes a point.

use crate::geometry::homology::{Start, maxmin};
use crate::rows::{Points, Points64};
use serde::{Deserialize, Serialize};

/// Landmarks that are joined.
const LANDMARKS: usize = 300;
/// Most parts that are looked for.
const PARTS: usize = 40;
/// Share of the points below which a part is a stray.
const STRAY: f64 = 0.01;

/// Tight clumps of a cloud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clumps {
    /// How many, strays not counted.
    pub count: usize,
    /// Distance at which clumps join over the distance at which the points of one do.
    pub gap: f64,
    /// Share of the points that they hold.
    pub share: f64,
    /// Landmarks that were joined: fewer than the points of a large cloud.
    pub landmarks: usize,
    /// Means of the clumps.
    #[serde(skip)]
    pub means: Vec<Vec<f64>>,
}

/// The first of the part that `at` is in.
fn root(part: &mut [usize], mut at: usize) -> usize {
    while part[at] != at {
        part[at] = part[part[at]];
        at = part[at];
    }
    at
}

/// The clumps of at least three points; none where nothing parts them.
pub(super) fn clumps(points: &Points64) -> Option<Clumps> {
    let (n, dims) = (points.len(), points.dims());
    let narrow = Points::new(points.data().iter().map(|&x| x as f32).collect(), dims);
    let chosen = maxmin(&narrow, LANDMARKS, Start::Farthest).indices;
    let m = chosen.len();
    if m < 3 {
        return None;
    }
    let square = |a: usize, b: u32| -> f64 {
        points.row(a).iter().zip(points.row(b as usize)).map(|(a, b)| (a - b).powi(2)).sum()
    };
    // Prim's tree over the landmarks: (squared length, joined landmark, to).
    let mut tree: Vec<(f64, usize, usize)> = Vec::with_capacity(m - 1);
    let mut best: Vec<(f64, usize)> = chosen.iter().map(|&at| (square(at as usize, chosen[0]), 0)).collect();
    let mut open: Vec<usize> = (1..m).collect();
    while !open.is_empty() {
        let slot = (0..open.len()).fold(0, |a, b| if best[open[b]].0 < best[open[a]].0 { b } else { a });
        let next = open.swap_remove(slot);
        tree.push((best[next].0, next, best[next].1));
        for &other in &open {
            let distance = square(chosen[other] as usize, chosen[next]);
            if distance < best[other].0 {
                best[other] = (distance, next);
            }
        }
    }
    tree.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let height = |at: usize| tree.get(at).map_or(0.0, |edge| edge.0.sqrt());
    let nearest: Vec<usize> = (0..n)
        .map(|at| {
            let distance = |slot: usize| square(at, chosen[slot]);
            (1..m)
                .fold((0, distance(0)), |best, slot| {
                    let own = distance(slot);
                    if own < best.1 { (slot, own) } else { best }
                })
                .0
        })
        .collect();
    let size = (0..m).map(height).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let candidates = (2..=PARTS.min(m)).filter(|&parts| height(parts - 2) > 0.0).map(|parts| {
        // Of clumps without width the gap is bounded by what rounding leaves.
        (height(parts - 2) / height(parts - 1).max(1e-9 * size), parts)
    });
    let (gap, parts) = candidates.fold((0.0, 0), |best, next| if next.0 > best.0 { next } else { best });
    if parts == 0 {
        return None;
    }
    let mut part: Vec<usize> = (0..m).collect();
    for &(_, a, b) in &tree[parts - 1..] {
        let (a, b) = (root(&mut part, a), root(&mut part, b));
        part[a.max(b)] = a.min(b);
    }
    let roots: Vec<usize> = (0..m).map(|at| root(&mut part, at)).collect();
    let mut means: Vec<Vec<f64>> = vec![vec![0.0; dims]; m];
    let mut counts = vec![0usize; m];
    for (at, &slot) in nearest.iter().enumerate() {
        let part = roots[slot];
        counts[part] += 1;
        means[part].iter_mut().zip(points.row(at)).for_each(|(mean, x)| *mean += x);
    }
    let kept: Vec<usize> = (0..m).filter(|&part| counts[part] as f64 >= STRAY * n as f64).collect();
    let means = kept.iter().map(|&part| means[part].iter().map(|x| x / counts[part] as f64).collect()).collect();
    let share = kept.iter().map(|&part| counts[part]).sum::<usize>() as f64 / n as f64;
    Some(Clumps { count: kept.len(), gap, share, landmarks: m, means })
}
