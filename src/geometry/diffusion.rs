//! Diffusion maps (Coifman and Lafon 2006, "Diffusion maps", sections 2 and 3): coordinates in which straight distances are
//! how hard it is to wander from one feature to another along nearest neighbours.
//!
//! In: each feature's k nearest by cosine. Out: `[n, dims]` coordinates λψ of the leading eigenfunctions of a random walk
//! (time 1), each of mean square 1 under the walk's stationary distribution before λ, and the eigenvalues λ, descending.
//! The walk's kernel is exp(−d²/σσ') of chord lengths d² = 2 − 2 cos, with each feature's distance to its k-th neighbour
//! for σ (Zelnik-Manor and Perona 2004), divided by the density on both sides (α = 1), so that how crowded a place is
//! does not bend the map.
//!
//! A walk never leaves a part that no link connects with the rest. With p such parts the first p − 1 eigenvalues are 1, and
//! their coordinates tell parts: each the next largest part from those after it. [`Diffusion::parts`] says how many.
//! Features without links (zero rows) lie at 0.
//!
//! Cost: that of the eigenvectors ([`crate::geometry::cluster::spectral`]); the neighbours are given.

use crate::error::{Problem, Result};
use crate::geometry::cluster::spectral::{Walk, walk};
use crate::geometry::graph::Graph;
use crate::geometry::neighbors::Knn;
use crate::rows::Points;
use crate::task::Task;

/// Least σ: copies of a row have no scale of their own.
const LEAST: f64 = 1e-6;

/// A diffusion map.
#[derive(Debug, Clone, PartialEq)]
pub struct Diffusion {
    /// `[n, dims]`.
    pub coordinates: Points,
    /// One for each coordinate.
    pub eigenvalues: Vec<f64>,
    /// Parts of at least two features that no link connects.
    pub parts: usize,
    /// Whether every eigenpair came as near as it should.
    pub settled: bool,
}

/// The kernel of the walk on the lists of `knn`, before density is taken off.
pub fn kernel(knn: &Knn) -> Graph {
    let k = knn.k;
    let n = knn.indices.len() / k.max(1);
    let square = |cosine: f32| (2.0 - 2.0 * f64::from(cosine)).max(0.0);
    let scale: Vec<f64> = knn.cosines.chunks_exact(k.max(1)).map(|row| square(row[k - 1]).sqrt().max(LEAST)).collect();
    let weight = |from: usize, at: usize| {
        let to = knn.indices[from * k + at];
        let weight = (-square(knn.cosines[from * k + at]) / (scale[from] * scale[to as usize])).exp();
        (from as u32, to, weight as f32)
    };
    // A zero row has cosine 0 to all: it lists others, but lies nowhere near them.
    let near = |from: &usize| knn.cosines[from * k..(from + 1) * k].iter().any(|cosine| *cosine != 0.0);
    Graph::from_edges(
        n,
        (0..n).filter(near).flat_map(|from| (0..k).map(move |at| weight(from, at)).collect::<Vec<_>>()),
    )
}

/// The map of `dims` coordinates over `kernel`.
///
/// # Errors
/// If there are not more nodes with links than `dims`, the eigenvectors are more than half of the machine's memory, or the
/// task is cancelled.
pub fn diffusion(kernel: &Graph, dims: usize, task: &Task) -> Result<Diffusion> {
    let n = kernel.nodes();
    let linked = (0..n).filter(|&i| kernel.strength(i) > 0.0).count();
    if dims == 0 || linked <= dims {
        let problem = Problem::new(format!("{dims} coordinates of a walk among {linked} features"));
        return Err(problem
            .expected("at least one, and fewer than the features with neighbours")
            .hint("a smaller --dims")
            .usage());
    }
    // Density off: weights over the strengths of both ends, in units of the mean so that they stay within f32.
    let mean = (0..n).map(|i| kernel.strength(i)).sum::<f64>() / linked as f64;
    let sparse = |(a, b, weight): (u32, u32, f32)| {
        let ends = [a, b].map(|end| kernel.strength(end as usize) / mean);
        (a, b, (f64::from(weight) / (ends[0] * ends[1])) as f32)
    };
    let graph = Graph::from_edges(n, kernel.pairs().map(sparse));
    let Walk { values, functions, parts, settled } = walk(&graph, dims, task)?;
    let mut coordinates = vec![0.0f32; n * dims];
    for (c, (&value, function)) in values.iter().zip(&functions).enumerate() {
        for (i, &x) in function.iter().enumerate() {
            coordinates[i * dims + c] = (value * x) as f32;
        }
    }
    Ok(Diffusion { coordinates: Points::new(coordinates, dims), eigenvalues: values, parts, settled })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::neighbors::{KnnParams, knn};
    use std::f64::consts::TAU;

    fn task() -> Task {
        Task::new(2).unwrap()
    }

    #[test]
    fn a_cycle_of_nodes_is_a_circle_and_a_path_unrolls() {
        let n = 50u32;
        let cycle = Graph::from_edges(n as usize, (0..n).map(|i| (i, (i + 1) % n, 0.5)));
        let found = diffusion(&cycle, 4, &task()).unwrap();
        for (c, value) in found.eigenvalues.iter().enumerate() {
            let closed = (TAU * f64::from(c as u32 / 2 + 1) / f64::from(n)).cos();
            assert!((value - closed).abs() < 1e-4, "{c} {value} {closed}");
        }
        // Of mean square 1 each, the first two are √2 (cos, sin) of the angle, times λ.
        for i in 0..n as usize {
            let [x, y] = [found.coordinates.row(i)[0], found.coordinates.row(i)[1]].map(f64::from);
            assert!((x.hypot(y) / found.eigenvalues[0] - 2f64.sqrt()).abs() < 0.02, "{i} {x} {y}");
        }
        let path = Graph::from_edges(40, (0..39).map(|i| (i, i + 1, 1.0)));
        let found = diffusion(&path, 1, &task()).unwrap();
        let along: Vec<f32> = found.coordinates.data().to_vec();
        assert!(along.is_sorted() || along.iter().rev().is_sorted(), "{along:?}");
        assert_eq!((found.parts, found.settled), (1, true));
    }

    #[test]
    fn the_map_is_that_of_the_walk_s_matrix() {
        // Features around a ring with a crowded side, as the definition has it, by a dense solver.
        let n = 60;
        let angles: Vec<f64> = (0..n).map(|i| TAU * (f64::from(i) / f64::from(n)).powi(2)).collect();
        let rows = Points::new(angles.iter().flat_map(|a| [a.cos() as f32, a.sin() as f32, 0.3]).collect(), 3);
        let lists = knn(&rows, &KnnParams { k: 8 }, &task()).unwrap();
        let graph = kernel(&lists);
        let found = diffusion(&graph, 3, &task()).unwrap();
        let n = n as usize;
        let mut dense = faer::Mat::<f64>::zeros(n, n);
        for (a, b, weight) in graph.pairs() {
            let (a, b) = (a as usize, b as usize);
            let own = f64::from(weight) / (graph.strength(a) * graph.strength(b));
            (dense[(a, b)], dense[(b, a)]) = (own, own);
        }
        let degree: Vec<f64> = (0..n).map(|i| (0..n).map(|j| dense[(i, j)]).sum()).collect();
        let normal = faer::Mat::from_fn(n, n, |i, j| dense[(i, j)] / (degree[i] * degree[j]).sqrt());
        let (values, vectors) = crate::geometry::eigen::eigen(normal.as_ref()).unwrap();
        let total: f64 = degree.iter().sum();
        for c in 0..3 {
            let at = n - 2 - c;
            assert!((values[at] - found.eigenvalues[c]).abs() < 1e-3, "{} {}", values[at], found.eigenvalues[c]);
            // ψ = v √(Σd / d), of mean square 1 under d / Σd; the sign is free.
            let own: Vec<f64> = (0..n).map(|i| values[at] * vectors[(i, at)] * (total / degree[i]).sqrt()).collect();
            let ours: Vec<f64> = (0..n).map(|i| found.coordinates.row(i)[c].into()).collect();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let cosine = dot(&own, &ours) / (dot(&own, &own) * dot(&ours, &ours)).sqrt();
            let ratio = (dot(&ours, &ours) / dot(&own, &own)).sqrt();
            assert!(cosine.abs() > 0.99 && (ratio - 1.0).abs() < 0.01, "{c} {cosine} {ratio}");
        }
    }

    #[test]
    fn parts_are_told_apart_first_and_what_has_no_links_lies_at_the_middle() {
        // Cycles of 20, 12 and 6 nodes, and one node alone.
        let mut edges = Vec::new();
        for (first, size) in [(0, 20), (20, 12), (32, 6)] {
            edges.extend((0..size).map(|i| (first + i, first + (i + 1) % size, 1.0)));
        }
        let graph = Graph::from_edges(39, edges);
        let found = diffusion(&graph, 3, &task()).unwrap();
        assert_eq!((found.parts, &found.eigenvalues[..2]), (3, &[1.0, 1.0][..]));
        let row = |i: usize| found.coordinates.row(i)[..2].to_vec();
        assert!(row(0)[0] * row(20)[0] < 0.0 && row(20)[0] == row(32)[0] && row(0)[1] == 0.0);
        assert!(row(20)[1] * row(32)[1] < 0.0 && row(38) == [0.0, 0.0]);
        assert_eq!(found, diffusion(&graph, 3, &Task::new(1).unwrap()).unwrap());
        assert!(diffusion(&graph, 0, &task()).is_err() && diffusion(&graph, 38, &task()).is_err());
    }
}
