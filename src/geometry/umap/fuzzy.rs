//! The fuzzy neighbour graph: how strongly each pair of near rows belongs together.
//!
//! Input: the nearest neighbours of every row, as cosines; distances are 1 - cosine. Each row's distances are put on
//! its own scale: rho is the distance of its nearest neighbour that is not a copy (local connectivity 1), and sigma
//! makes the memberships exp(-(d - rho) / sigma) sum to log2 k, the row itself counted among the k. A row's view of a
//! neighbour and the neighbour's view of the row join by fuzzy union, w = a + b - ab. Output: a symmetric graph in
//! compressed rows, sorted by neighbour, with weights in (0, 1].
//!
//! Source: McInnes, Healy and Melville 2018, algorithms 2 and 3; constants and f32 arithmetic of umap-learn 0.5.12
//! (64 halvings, tolerance 1e-5, sigma at least 1e-3 of the mean distance). One departure: a distance up to
//! [`COPY`] is rounding of an f32 cosine and counts as zero, so that copies of a row do not set its scale.
//! Cost: O(n k) exponentials in parallel by row, about 2 ms per 1,000 rows at k = 15. Peak memory: 16 bytes per
//! directed edge and 16 per union edge.

use super::super::neighbors::Knn;
use crate::error::Result;
use crate::task::Task;
use rayon::prelude::*;

/// Largest distance 1 - cosine that f32 rounding gives to two copies of one direction.
pub(super) const COPY: f32 = 1e-6;

const HALVINGS: usize = 64;
const TOLERANCE: f32 = 1e-5;
const MIN_SCALE: f64 = 1e-3;
/// Rows per parallel task: about a millisecond of work.
const CHUNK: usize = 512;

/// A symmetric weighted graph in compressed rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FuzzyGraph {
    offsets: Vec<usize>,
    targets: Vec<u32>,
    weights: Vec<f32>,
}

impl FuzzyGraph {
    /// Number of vertices.
    pub(super) fn len(&self) -> usize {
        self.offsets.len() - 1
    }
    /// Neighbours of vertex `i`, ascending, and the weights of the edges to them.
    pub(super) fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let range = self.offsets[i]..self.offsets[i + 1];
        (&self.targets[range.clone()], &self.weights[range])
    }
    /// The largest weight; 0 without edges.
    pub(super) fn max_weight(&self) -> f32 {
        self.weights.iter().copied().fold(0.0, f32::max)
    }
    /// The graph without edges lighter than `floor`.
    pub(super) fn prune(&self, floor: f32) -> Self {
        let mut pruned = Self { offsets: vec![0], targets: Vec::new(), weights: Vec::new() };
        pruned.offsets.reserve_exact(self.len());
        for i in 0..self.len() {
            let (targets, weights) = self.row(i);
            for (&j, &w) in targets.iter().zip(weights).filter(|&(_, &w)| w >= floor) {
                pruned.targets.push(j);
                pruned.weights.push(w);
            }
            pruned.offsets.push(pruned.targets.len());
        }
        pruned
    }
}

/// The fuzzy union of every row's memberships in its `neighbors` - 1 nearest (the row itself is the first).
///
/// `knn.k` must be at least `neighbors` - 1 and `neighbors` at least 2; the caller checks.
pub(super) fn fuzzy_graph(knn: &Knn, neighbors: usize, task: &Task) -> Result<FuzzyGraph> {
    let n = knn.len();
    let k = neighbors - 1;
    task.stage("graph", n as u64);
    let mean = mean_distance(knn, neighbors);
    let mut strengths = vec![0.0f32; n * k];
    task.install(|| {
        strengths.par_chunks_mut(CHUNK * k).enumerate().for_each(|(chunk, out)| {
            if task.is_cancelled() {
                return;
            }
            let mut distances = vec![0.0; k];
            for (at, out) in out.chunks_exact_mut(k).enumerate() {
                let cosines = &knn.row(chunk * CHUNK + at).1[..k];
                for (d, cosine) in distances.iter_mut().zip(cosines) {
                    *d = distance(*cosine);
                }
                memberships(&distances, mean, out);
            }
            task.advance((out.len() / k) as u64);
        });
    });
    task.check()?;
    union(knn, k, &strengths, task)
}

fn distance(cosine: f32) -> f32 {
    let d = 1.0 - cosine;
    if d <= COPY { 0.0 } else { d }
}

/// Mean over all rows of their distances, the zero to the row itself counted, as umap-learn counts it.
fn mean_distance(knn: &Knn, neighbors: usize) -> f64 {
    let sum: f64 = (0..knn.len())
        .map(|i| knn.row(i).1[..neighbors - 1].iter().map(|&c| f64::from(distance(c))).sum::<f64>())
        .sum();
    sum / (knn.len() * neighbors) as f64
}

/// One row's memberships from its ascending distances (the row itself left out).
fn memberships(distances: &[f32], mean_of_all: f64, out: &mut [f32]) {
    let neighbors = distances.len() + 1;
    let rho = distances.iter().copied().find(|&d| d > 0.0).unwrap_or(0.0);
    let target = (neighbors as f64).log2() as f32;
    let (mut low, mut high, mut sigma) = (0.0f32, f32::MAX, 1.0f32);
    for _ in 0..HALVINGS {
        let sum: f32 = distances.iter().map(|&d| if d > rho { (-((d - rho) / sigma)).exp() } else { 1.0 }).sum();
        if (sum - target).abs() < TOLERANCE {
            break;
        }
        if sum > target {
            high = sigma;
            sigma = f32::midpoint(low, high);
        } else {
            low = sigma;
            sigma = if high == f32::MAX { sigma * 2.0 } else { f32::midpoint(low, high) };
        }
    }
    let mean =
        if rho > 0.0 { distances.iter().map(|&d| f64::from(d)).sum::<f64>() / neighbors as f64 } else { mean_of_all };
    let sigma = sigma.max((MIN_SCALE * mean) as f32);
    for (out, &d) in out.iter_mut().zip(distances) {
        *out = if d <= rho || sigma == 0.0 { 1.0 } else { (-((d - rho) / sigma)).exp() };
    }
}

/// Joins both directions of every edge.
fn union(knn: &Knn, k: usize, strengths: &[f32], task: &Task) -> Result<FuzzyGraph> {
    let n = knn.len();
    // Incoming edges by counting sort: within a row they come in ascending order of their source.
    let mut starts = vec![0usize; n + 1];
    for i in 0..n {
        for &j in &knn.row(i).0[..k] {
            starts[j as usize + 1] += 1;
        }
    }
    for i in 0..n {
        starts[i + 1] += starts[i];
    }
    task.check()?;
    let mut filled = starts[..n].to_vec();
    let mut incoming = vec![(0u32, 0.0f32); n * k];
    for i in 0..n {
        for (&j, &w) in knn.row(i).0[..k].iter().zip(&strengths[i * k..(i + 1) * k]) {
            let slot = &mut filled[j as usize];
            incoming[*slot] = (i as u32, w);
            *slot += 1;
        }
    }
    task.check()?;
    let parts: Vec<FuzzyGraph> = task.install(|| {
        (0..n.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let mut part = FuzzyGraph { offsets: Vec::new(), targets: Vec::new(), weights: Vec::new() };
                let mut outgoing = Vec::with_capacity(k);
                for i in chunk * CHUNK..n.min((chunk + 1) * CHUNK) {
                    outgoing.clear();
                    outgoing.extend(knn.row(i).0[..k].iter().copied().zip(strengths[i * k..].iter().copied()));
                    outgoing.sort_unstable_by_key(|&(j, _)| j);
                    merge(&outgoing, &incoming[starts[i]..starts[i + 1]], &mut part);
                }
                part
            })
            .collect()
    });
    task.check()?;
    let total = parts.iter().map(|part| part.targets.len()).sum();
    let mut graph = FuzzyGraph {
        offsets: Vec::with_capacity(n + 1),
        targets: Vec::with_capacity(total),
        weights: Vec::with_capacity(total),
    };
    graph.offsets.push(0);
    for part in parts {
        let base = graph.targets.len();
        graph.offsets.extend(part.offsets.iter().map(|end| base + end));
        graph.targets.extend_from_slice(&part.targets);
        graph.weights.extend_from_slice(&part.weights);
    }
    Ok(graph)
}

/// Appends one row: the fuzzy union of its outgoing and incoming memberships, both ascending by neighbour.
fn merge(outgoing: &[(u32, f32)], incoming: &[(u32, f32)], part: &mut FuzzyGraph) {
    let (mut o, mut i) = (0, 0);
    while o < outgoing.len() || i < incoming.len() {
        let next = |list: &[(u32, f32)], at: usize| list.get(at).map_or(u32::MAX, |e| e.0);
        let target = next(outgoing, o).min(next(incoming, i));
        let (mut a, mut b) = (0.0, 0.0);
        if next(outgoing, o) == target {
            a = outgoing[o].1;
            o += 1;
        }
        if next(incoming, i) == target {
            b = incoming[i].1;
            i += 1;
        }
        let weight = a + b - a * b;
        // A membership that underflowed is no edge.
        if weight > 0.0 {
            part.targets.push(target);
            part.weights.push(weight);
        }
    }
    part.offsets.push(part.targets.len());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Points;

    /// Twelve unit rows, made by a formula that the reference was computed from.
    fn graph() -> FuzzyGraph {
        let row = |i: i32| -> Vec<f64> {
            let row: Vec<f64> =
                (0..5).map(|j| f64::from(1 + 3 * i + 7 * j * j).sin() + f64::from(i % 3) * 0.8).collect();
            let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            row.iter().map(|x| x / norm).collect()
        };
        let rows: Vec<Vec<f64>> = (0..12).map(row).collect();
        let cosine = |i: usize, j: usize| rows[i].iter().zip(&rows[j]).map(|(x, y)| x * y).sum::<f64>();
        let (mut indices, mut cosines) = (Vec::new(), Vec::new());
        for i in 0..12 {
            let mut near: Vec<usize> = (0..12).filter(|&j| j != i).collect();
            near.sort_by(|&a, &b| cosine(i, b).total_cmp(&cosine(i, a)));
            for &j in &near[..3] {
                indices.push(j as u32);
                cosines.push(cosine(i, j) as f32);
            }
        }
        fuzzy_graph(&Knn { k: 3, indices, cosines }, 4, &Task::new(1).unwrap()).unwrap()
    }

    #[test]
    fn memberships_are_umap_learns() {
        // fuzzy_simplicial_set of umap-learn 0.5 on the same rows, four neighbours with the row itself.
        let expected: [&[(u32, f32)]; 12] = [
            &[(2, 0.73277), (4, 1.0), (6, 0.47503)],
            &[(3, 1.0), (5, 1.0), (7, 0.794927), (11, 0.25697)],
            &[(0, 0.73277), (4, 1.0), (5, 0.172663), (8, 1.0), (10, 0.434918), (11, 0.645332)],
            &[(1, 1.0), (7, 0.324028), (9, 0.675971)],
            &[(0, 1.0), (2, 1.0), (6, 0.716415), (8, 0.952852), (10, 0.56508), (11, 0.235867)],
            &[(1, 1.0), (2, 0.172663), (7, 1.0), (9, 0.457691), (11, 1.0)],
            &[(0, 0.47503), (4, 0.716415), (10, 1.0)],
            &[(1, 0.794927), (3, 0.324028), (5, 1.0), (9, 1.0), (11, 0.909626)],
            &[(2, 1.0), (4, 0.952852), (10, 1.0)],
            &[(3, 0.675971), (5, 0.457691), (7, 1.0), (11, 0.542313)],
            &[(2, 0.434918), (4, 0.56508), (6, 1.0), (8, 1.0)],
            &[(1, 0.25697), (2, 0.645332), (4, 0.235867), (5, 1.0), (7, 0.909626), (9, 0.542313)],
        ];
        let graph = graph();
        for (i, expected) in expected.iter().enumerate() {
            let (targets, weights) = graph.row(i);
            assert_eq!(targets, expected.iter().map(|(j, _)| *j).collect::<Vec<_>>(), "row {i}");
            for (weight, (_, reference)) in weights.iter().zip(*expected) {
                assert!((weight - reference).abs() < 2e-5, "row {i}: {weight} {reference}");
            }
        }
    }

    #[test]
    fn the_union_is_symmetric_and_pruning_keeps_it_so() {
        let graph = graph();
        for graph in [graph.prune(0.5), graph] {
            for i in 0..graph.len() {
                for (&j, &w) in graph.row(i).0.iter().zip(graph.row(i).1) {
                    let (back, weights) = graph.row(j as usize);
                    assert_eq!(back.binary_search(&(i as u32)).map(|at| weights[at]), Ok(w));
                }
            }
        }
    }

    #[test]
    fn copies_are_full_members_of_each_other() {
        let points = Points::new([[1.0f32, 0.0]; 6].concat(), 2);
        let knn = crate::geometry::neighbors::knn(
            &points,
            &crate::geometry::neighbors::KnnParams { k: 3 },
            &Task::new(1).unwrap(),
        );
        let graph = fuzzy_graph(&knn.unwrap(), 4, &Task::new(1).unwrap()).unwrap();
        assert!((0..6).all(|i| graph.row(i).1.iter().all(|&w| w == 1.0)));
    }
}
