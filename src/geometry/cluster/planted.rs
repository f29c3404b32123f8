//! Planted graphs and points for tests.

use crate::geometry::graph::Graph;
use crate::geometry::random::key;
use crate::rows::Points;

/// A small generator for test data.
pub(super) struct Random {
    seed: u64,
    at: u64,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, at: 0 }
    }
    /// In [0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        self.at += 1;
        (key(self.seed, 9, self.at) >> 11) as f64 / (1u64 << 53) as f64
    }
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }
    pub(super) fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
    pub(super) fn shuffled(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}

/// `n` nodes, each pair of them linked with the probability that `chance` gives it, by a weight in [.5, 1).
pub(super) fn linked(n: usize, seed: u64, chance: impl Fn(usize, usize) -> f64) -> Graph {
    let mut random = Random::new(seed);
    let mut edges = Vec::new();
    for i in 0..n {
        for j in 0..i {
            let (drawn, weight) = (random.uniform(), 0.5 + random.uniform() / 2.0);
            if drawn < chance(i, j) {
                edges.push((i as u32, j as u32, weight as f32));
            }
        }
    }
    Graph::from_edges(n, edges)
}

/// The same graph with node `order[i]` in place `i`.
pub(super) fn renumbered(graph: &Graph, order: &[usize]) -> Graph {
    let mut place = vec![0u32; order.len()];
    for (at, &node) in order.iter().enumerate() {
        place[node] = at as u32;
    }
    Graph::from_edges(order.len(), graph.pairs().map(|(a, b, w)| (place[a as usize], place[b as usize], w)))
}

/// Two orthogonal circles in R¹⁰: 32 unit directions at random angles on each, noise .02.
pub(super) fn circles(seed: u64) -> Points {
    let mut random = Random::new(seed);
    let mut values = Vec::new();
    for i in 0..64 {
        let angle = std::f64::consts::TAU * random.uniform();
        let mut row = [0.0; 10];
        row[i / 32 * 2] = angle.cos();
        row[i / 32 * 2 + 1] = angle.sin();
        for x in &mut row {
            *x += 0.02 * random.normal();
        }
        let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        values.extend(row.map(|x| (x / length) as f32));
    }
    Points::new(values, 10)
}

/// Zachary's karate club (1977): 34 nodes, 78 edges.
pub(super) fn karate() -> Graph {
    const FRIENDS: [(u32, &[u32]); 26] = [
        (0, &[1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31]),
        (1, &[2, 3, 7, 13, 17, 19, 21, 30]),
        (2, &[3, 7, 8, 9, 13, 27, 28, 32]),
        (3, &[7, 12, 13]),
        (4, &[6, 10]),
        (5, &[6, 10, 16]),
        (6, &[16]),
        (8, &[30, 32, 33]),
        (9, &[33]),
        (13, &[33]),
        (14, &[32, 33]),
        (15, &[32, 33]),
        (18, &[32, 33]),
        (19, &[33]),
        (20, &[32, 33]),
        (22, &[32, 33]),
        (23, &[25, 27, 29, 32, 33]),
        (24, &[25, 27, 31]),
        (25, &[31]),
        (26, &[29, 33]),
        (27, &[33]),
        (28, &[31, 33]),
        (29, &[32, 33]),
        (30, &[32, 33]),
        (31, &[32, 33]),
        (32, &[33]),
    ];
    Graph::from_edges(34, FRIENDS.iter().flat_map(|&(a, friends)| friends.iter().map(move |&b| (a, b, 1.0))))
}
