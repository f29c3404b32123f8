//! Path lengths along a cloud, and the arc length of a curve.
//!
//! In: neighbours of the points ([`Near`]). Out: lengths of the shortest paths through the graph that joins every place
//! with its k nearest, within its largest connected part (Isomap, Tenenbaum, de Silva and Langford 2000), from all
//! places or, of many, from some that are spread as far as they can be (landmarks; de Silva and Tenenbaum 2004). From
//! them the coordinate of one-dimensional scaling: for a curve its arc length, 0 at one end and 1 at the other.
//!
//! Cost: one Dijkstra a source, k m log m. Memory: 8 bytes a source and place.

use super::near::Near;
use crate::error::Result;
use crate::task::Task;
use rayon::prelude::*;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Rounds of the power iteration, and the change at which it stops.
const ROUNDS: usize = 1000;
const STILL: f64 = 1e-10;

/// Shortest paths within the largest connected part.
#[derive(Debug, Clone, PartialEq)]
pub struct Geodesic {
    /// Neighbours that each place is joined with.
    pub k: usize,
    /// Places in that part.
    pub nodes: Vec<u32>,
    /// Their share of all places.
    pub connected: f64,
    /// Nodes (positions in `nodes`) that paths start from; all of them if they are as many.
    pub sources: Vec<u32>,
    /// `[sources, nodes]` lengths.
    pub lengths: Vec<f64>,
}

/// A line through the cloud.
#[derive(Debug, Clone, PartialEq)]
pub struct ArcLength {
    /// 0 to 1 along the line, for every node.
    pub position: Vec<f64>,
    /// Squared correlation of path lengths with distances along the line: 1 for a curve.
    pub fit: f64,
    /// Length of the line, in the units of the cloud.
    pub length: f64,
    /// The longest stretch of it, as a share, that holds no point and has a twentieth of them on either side: large where
    /// parts lie in a row rather than along a line.
    pub gap: f64,
}

/// Share of the points that must lie on either side of a gap.
const SIDE: f64 = 0.05;

/// See [`ArcLength::gap`].
pub(super) fn gap(position: &[f64]) -> f64 {
    let mut sorted = position.to_vec();
    sorted.sort_by(f64::total_cmp);
    let side = ((SIDE * sorted.len() as f64).ceil() as usize).max(1);
    let inner = sorted.get(side - 1..sorted.len() + 1 - side).unwrap_or_default();
    inner.array_windows().map(|[a, b]| b - a).fold(0.0, f64::max)
}

#[derive(PartialEq)]
struct Reached(f64, u32);
impl Eq for Reached {}
impl Ord for Reached {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.total_cmp(&self.0).then(other.1.cmp(&self.1))
    }
}
impl PartialOrd for Reached {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The graph in which every place is joined with its `k` nearest.
struct Joined {
    starts: Vec<u32>,
    edges: Vec<(u32, f64)>,
}

impl Joined {
    fn new(near: &Near, k: usize) -> Self {
        let mut edges: Vec<(u32, u32, f64)> = Vec::with_capacity(2 * near.len() * k);
        for at in 0..near.len() {
            let (others, distances) = near.row(at);
            for (&other, &distance) in others.iter().zip(distances).take(k) {
                edges.push((at as u32, other, distance));
                edges.push((other, at as u32, distance));
            }
        }
        edges.sort_unstable_by_key(|edge| (edge.0, edge.1));
        edges.dedup_by_key(|edge| (edge.0, edge.1));
        let mut starts = vec![0u32; near.len() + 1];
        for edge in &edges {
            starts[edge.0 as usize + 1] += 1;
        }
        for at in 0..near.len() {
            starts[at + 1] += starts[at];
        }
        Self { starts, edges: edges.into_iter().map(|(_, to, length)| (to, length)).collect() }
    }
    fn of(&self, at: u32) -> &[(u32, f64)] {
        &self.edges[self.starts[at as usize] as usize..self.starts[at as usize + 1] as usize]
    }
    /// Members of the largest connected part (the first of equals), ascending.
    fn largest(&self) -> Vec<u32> {
        let n = self.starts.len() - 1;
        let mut seen = vec![false; n];
        let mut best = Vec::new();
        for start in 0..n as u32 {
            if seen[start as usize] {
                continue;
            }
            let mut part = vec![start];
            seen[start as usize] = true;
            let mut at = 0;
            while at < part.len() {
                for &(to, _) in self.of(part[at]) {
                    if !std::mem::replace(&mut seen[to as usize], true) {
                        part.push(to);
                    }
                }
                at += 1;
            }
            if part.len() > best.len() {
                best = part;
            }
        }
        best.sort_unstable();
        best
    }
    /// Lengths from `source` to every place, infinite where there is no path.
    fn from(&self, source: u32) -> Vec<f64> {
        let mut lengths = vec![f64::INFINITY; self.starts.len() - 1];
        let mut heap = BinaryHeap::from([Reached(0.0, source)]);
        lengths[source as usize] = 0.0;
        while let Some(Reached(length, at)) = heap.pop() {
            if length > lengths[at as usize] {
                continue;
            }
            for &(to, step) in self.of(at) {
                let further = length + step;
                if further < lengths[to as usize] {
                    lengths[to as usize] = further;
                    heap.push(Reached(further, to));
                }
            }
        }
        lengths
    }
}

/// Path lengths in the graph of the `k` nearest, from at most `sources` places.
///
/// # Errors
/// If the task is cancelled.
pub(super) fn geodesic(near: &Near, k: usize, sources: usize, task: &Task) -> Result<Geodesic> {
    let k = k.min(near.k);
    let graph = Joined::new(near, k);
    let nodes = graph.largest();
    let connected = nodes.len() as f64 / near.len().max(1) as f64;
    let of_nodes = |from: u32| {
        let lengths = graph.from(nodes[from as usize]);
        nodes.iter().map(|&node| lengths[node as usize]).collect::<Vec<f64>>()
    };
    if nodes.len() <= sources {
        let starts: Vec<u32> = (0..nodes.len() as u32).collect();
        let rows: Result<Vec<Vec<f64>>> =
            task.install(|| starts.par_iter().map(|&from| task.check().map(|()| of_nodes(from))).collect());
        return Ok(Geodesic { k, connected, lengths: rows?.concat(), nodes, sources: starts });
    }
    // Each source is the node farthest from those before it; the first is an end: the farthest from the first node.
    let farthest = |lengths: &[f64]| {
        let far = |best: usize, at: usize| if lengths[at] > lengths[best] { at } else { best };
        (1..lengths.len()).fold(0, far) as u32
    };
    let mut found = Geodesic { k, connected, sources: Vec::new(), lengths: Vec::new(), nodes: Vec::new() };
    let mut next = farthest(&of_nodes(0));
    let mut least = vec![f64::INFINITY; nodes.len()];
    while found.sources.len() < sources {
        task.check()?;
        let lengths = of_nodes(next);
        least.iter_mut().zip(&lengths).for_each(|(least, &length)| *least = least.min(length));
        found.sources.push(next);
        found.lengths.extend(lengths);
        next = farthest(&least);
    }
    found.nodes = nodes;
    Ok(found)
}

impl Geodesic {
    /// Lengths from source number `at` to every node.
    pub fn row(&self, at: usize) -> &[f64] {
        &self.lengths[at * self.nodes.len()..(at + 1) * self.nodes.len()]
    }
    /// The line that keeps path lengths best: one-dimensional scaling of the squared lengths between the sources, onto
    /// which the other nodes are placed by their lengths to these. None for fewer than three nodes.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn arc_length(&self, task: &Task) -> Result<Option<ArcLength>> {
        let (s, m) = (self.sources.len(), self.nodes.len());
        if m < 3 {
            return Ok(None);
        }
        let square = |a: usize, b: usize| self.row(a)[self.sources[b] as usize].powi(2);
        let mut centred: Vec<f64> = (0..s * s).map(|at| square(at / s, at % s)).collect();
        let means: Vec<f64> = centred.chunks_exact(s).map(|row| row.iter().sum::<f64>() / s as f64).collect();
        let mean = means.iter().sum::<f64>() / s as f64;
        for (at, x) in centred.iter_mut().enumerate() {
            *x = -0.5 * (*x - means[at / s] - means[at % s] + mean);
        }
        // Path lengths are not those of any Euclidean space, so that some eigenvalues are negative; started along the
        // line from one end, the iteration does not meet them.
        let mut vector: Vec<f64> = (0..s).map(|b| self.row(0)[self.sources[b] as usize]).collect();
        let along = vector.iter().sum::<f64>() / s as f64;
        for x in &mut vector {
            *x -= along;
        }
        let mut value = 0.0;
        for _ in 0..ROUNDS {
            task.check()?;
            let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
            if length <= 0.0 {
                return Ok(None);
            }
            for x in &mut vector {
                *x /= length;
            }
            let next: Vec<f64> =
                centred.chunks_exact(s).map(|row| row.iter().zip(&vector).map(|(a, b)| a * b).sum()).collect();
            value = next.iter().zip(&vector).map(|(a, b)| a * b).sum();
            let change: f64 = next.iter().zip(&vector).map(|(a, b)| (a - value * b).powi(2)).sum();
            vector = next;
            if change.sqrt() <= STILL * value.abs() {
                break;
            }
        }
        if value <= 0.0 {
            return Ok(None);
        }
        let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        for x in &mut vector {
            *x /= norm;
        }
        let mut position = vec![0.0; m];
        for a in 0..s {
            let weight = vector[a] / (2.0 * value.sqrt());
            for (position, length) in position.iter_mut().zip(self.row(a)) {
                *position -= weight * (length * length - means[a]);
            }
        }
        let [low, high] = [f64::min, f64::max].map(|pick| position.iter().copied().fold(position[0], pick));
        if high <= low {
            return Ok(None);
        }
        let pairs = (0..s).flat_map(|a| {
            let from = position[self.sources[a] as usize];
            self.row(a).iter().zip(&position).map(move |(&length, &to)| (length, (to - from).abs()))
        });
        let fit = super::correlation::pearson_of(pairs).unwrap_or(0.0).max(0.0).powi(2);
        for x in &mut position {
            *x = (*x - low) / (high - low);
        }
        // The end with the lower row comes first, so that the direction does not hang on a sign.
        let end = |at: f64| position.iter().position(|x| *x == at);
        if end(1.0) < end(0.0) {
            for x in &mut position {
                *x = 1.0 - *x;
            }
        }
        Ok(Some(ArcLength { gap: gap(&position), position, fit, length: high - low }))
    }
}
