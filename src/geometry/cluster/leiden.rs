//! Leiden communities for modularity with a resolution, every one of them connected.
//!
//! Input: a [`Graph`] with weights A_ij, strengths k_i and 2m = Σ k_i. Output: the partition that the search ends with,
//! its labels, and its quality
//! Q = 1/2m Σ_ij (A_ij − γ k_i k_j / 2m) δ(c_i, c_j),
//! modularity in the configuration of Reichardt and Bornholdt (2006); γ = 1 is Newman's. leidenalg's
//! `RBConfigurationVertexPartition.quality()` is 2m Q.
//!
//! Source: Traag, Waltman and van Eck 2019, "From Louvain to Leiden", algorithm A.2: nodes move to the best neighbouring
//! community from a queue; each community is refined by merging single nodes, drawn with probability ∝ exp(ΔH / θ)
//! among well-connected parts; the refined parts become the nodes of the next level, which starts from the unrefined
//! partition. An iteration runs until every node is a community; the next starts from its result. θ is .01 of the mean
//! weight, so that scaling the weights changes nothing.
//!
//! Two safeguards: a move must gain more than the rounding of its own terms, and a community that falls apart at the end
//! is split, which only raises Q.
//!
//! One thread a run, and draws by counting: the same seed gives the same bytes. Other numberings of the nodes give other
//! partitions of like quality.
//! Cost: about .15 µs an edge and iteration. Memory: 32 bytes an edge and 100 a node.

use super::Clusters;
use super::components::{check_min_size, parts};
use crate::error::{Problem, Result};
use crate::geometry::graph::Graph;
use crate::geometry::random::{below, key};
use crate::task::Task;
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::VecDeque;

/// Temperature of the refinement, in mean weights.
const RANDOMNESS: f64 = 0.01;
/// Share of a node's terms that is rounding.
const ROUNDING: f64 = 1e-12;
/// Least gain of Q for which another iteration follows: a fiftieth of what another seed changes.
const STABLE: f64 = 1e-5;

/// How finely, how long, and by which draws to search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeidenParams {
    /// γ: larger gives more and smaller communities.
    pub resolution: f64,
    /// The draws.
    pub seed: u64,
    /// Most iterations; none means until one brings nothing.
    pub iterations: Option<usize>,
    /// Smallest community that is a cluster.
    pub min_size: usize,
}

impl Default for LeidenParams {
    fn default() -> Self {
        Self { resolution: 1.0, seed: 0, iterations: None, min_size: 2 }
    }
}

impl LeidenParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// If the resolution is not a number above 0, or `iterations` or `min_size` is 0.
    pub fn check(&self) -> Result<()> {
        if !(self.resolution > 0.0 && self.resolution.is_finite()) {
            return Err(Problem::new(format!("the resolution is {}", self.resolution))
                .expected("a number above 0")
                .hint("--resolution 1")
                .usage());
        }
        if self.iterations == Some(0) {
            return Err(Problem::new("0 iterations").expected("1 or more").hint("--iterations 2").usage());
        }
        check_min_size(self.min_size)
    }
}

/// A partition into communities.
#[derive(Debug, Clone, PartialEq)]
pub struct Leiden {
    /// The communities of at least `min_size` nodes; the nodes of the others have none.
    pub clusters: Clusters,
    /// The community of every node `[n]`, numbered as the clusters are, the small ones last.
    pub partition: Vec<u32>,
    /// Number of communities, the small ones too.
    pub communities: usize,
    /// Q of the partition, from -γ to 1; 0 without edges.
    pub quality: f64,
    /// Iterations that were run.
    pub iterations: usize,
    /// Whether the last of them brought nothing.
    pub stable: bool,
}

/// The communities of `graph`.
///
/// # Errors
/// If a parameter is out of range, or the task is cancelled.
pub fn leiden(graph: &Graph, params: &LeidenParams, task: &Task) -> Result<Leiden> {
    params.check()?;
    task.stage("communities", 0);
    run(graph, &Level::new(graph), params, task)
}

/// One run for each of `params`, several at a time; each is what [`leiden`] gives.
///
/// Progress: stage `communities`, in runs. Memory: as [`leiden`] for each thread.
///
/// # Errors
/// As [`leiden`].
pub fn leiden_runs(graph: &Graph, params: &[LeidenParams], task: &Task) -> Result<Vec<Leiden>> {
    params.iter().try_for_each(LeidenParams::check)?;
    task.stage("communities", params.len() as u64);
    let ground = Level::new(graph);
    let one = |params| {
        let found = run(graph, &ground, params, task);
        task.advance(1);
        found
    };
    task.install(|| params.par_iter().with_max_len(1).map(one).collect())
}

/// Q of a partition of `graph`.
///
/// # Panics
/// If `partition` does not have a community for every node.
pub fn quality(graph: &Graph, partition: &[u32], resolution: f64) -> f64 {
    let n = graph.nodes();
    assert!(partition.len() == n, "{} communities for {n} nodes", partition.len());
    let twice = 2.0 * graph.total();
    if twice == 0.0 {
        return 0.0;
    }
    let mut strength = vec![0.0; partition.iter().max().map_or(0, |&c| c as usize + 1)];
    let mut inside = 0.0;
    for i in 0..n {
        let (targets, weights) = graph.row(i);
        for (&j, &w) in targets.iter().zip(weights) {
            let w = f64::from(w);
            strength[partition[i] as usize] += w;
            inside += if partition[i] == partition[j as usize] { w } else { 0.0 };
        }
    }
    let expected: f64 = strength.iter().map(|k| k * k / twice).sum();
    (inside - resolution * expected) / twice
}

fn run(graph: &Graph, ground: &Level, params: &LeidenParams, task: &Task) -> Result<Leiden> {
    let n = graph.nodes();
    let mut partition: Vec<u32> = (0..n as u32).collect();
    let mut best = quality(graph, &partition, params.resolution);
    let (mut iterations, mut stable) = (0, false);
    // Without edges there is nothing to divide by and nothing to gain.
    while graph.edges() > 0 && !stable && params.iterations.is_none_or(|most| iterations < most) {
        let mut search = Search::new(graph, ground, params, iterations as u64, task);
        let next = search.iterate(&partition)?;
        let reached = quality(graph, &next, params.resolution);
        stable = reached <= best + STABLE;
        (partition, best) = (next, reached);
        iterations += 1;
    }
    let (partition, _) = parts(graph, |a, b| partition[a] == partition[b], task)?;
    let labels: Vec<i32> = partition.iter().map(|&c| c as i32).collect();
    let all = Clusters::from_labels(&labels);
    let sizes = all.sizes();
    let large = |label: i32| if sizes[label as usize] < params.min_size { -1 } else { label };
    let clusters = Clusters::from_labels(&all.labels.iter().map(|&label| large(label)).collect::<Vec<_>>());
    Ok(Leiden {
        clusters,
        partition: all.labels.iter().map(|&label| label as u32).collect(),
        communities: all.count,
        quality: quality(graph, &partition, params.resolution),
        iterations,
        stable: stable || graph.edges() == 0,
    })
}

/// The graph at one level of aggregation, without what lies inside its nodes.
#[derive(Clone)]
struct Level {
    offsets: Vec<usize>,
    /// Neighbours and weights.
    edges: Vec<(u32, f32)>,
    strength: Vec<f64>,
}

impl Level {
    fn new(graph: &Graph) -> Self {
        let n = graph.nodes();
        let mut level = Self {
            offsets: vec![0],
            edges: Vec::with_capacity(2 * graph.edges()),
            strength: (0..n).map(|i| graph.strength(i)).collect(),
        };
        for i in 0..n {
            let (targets, weights) = graph.row(i);
            level.edges.extend(targets.iter().copied().zip(weights.iter().copied()));
            level.offsets.push(level.edges.len());
        }
        level
    }
    fn len(&self) -> usize {
        self.strength.len()
    }
    #[inline]
    fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.edges[self.offsets[i]..self.offsets[i + 1]].iter().map(|&(j, w)| (j as usize, f64::from(w)))
    }

    /// The graph whose nodes are the `count` groups of `group`.
    fn aggregate(&self, group: &[u32], count: usize, links: &mut Links) -> Self {
        let mut level = Self { offsets: vec![0], edges: Vec::new(), strength: vec![0.0; count] };
        // Members by group, by counting.
        let mut starts = vec![0usize; count + 1];
        for (i, &g) in group.iter().enumerate() {
            starts[g as usize + 1] += 1;
            level.strength[g as usize] += self.strength[i];
        }
        for g in 0..count {
            starts[g + 1] += starts[g];
        }
        let mut members = vec![0u32; group.len()];
        let mut filled = starts.clone();
        for (i, &g) in group.iter().enumerate() {
            members[filled[g as usize]] = i as u32;
            filled[g as usize] += 1;
        }
        for g in 0..count {
            for &i in &members[starts[g]..starts[g + 1]] {
                links.add(self.row(i as usize), group, |j| group[j] as usize != g);
            }
            level.edges.extend(links.drain().map(|(to, weight)| (to, weight as f32)));
            level.offsets.push(level.edges.len());
        }
        level
    }
}

/// Weights from one node to the groups around it.
struct Links {
    weight: Vec<f64>,
    touched: Vec<u32>,
}

impl Links {
    fn new(n: usize) -> Self {
        Self { weight: vec![0.0; n], touched: Vec::new() }
    }
    /// Adds the edges of a row whose ends are wanted to the weights of the groups that hold those ends.
    #[inline]
    fn add(&mut self, row: impl Iterator<Item = (usize, f64)>, group: &[u32], wanted: impl Fn(usize) -> bool) {
        for (j, weight) in row {
            if wanted(j) {
                let g = group[j];
                // Weights are above 0.
                if self.weight[g as usize] == 0.0 {
                    self.touched.push(g);
                }
                self.weight[g as usize] += weight;
            }
        }
    }
    /// Groups in the order in which they were met, with their weights; all are 0 again after.
    #[inline]
    fn drain(&mut self) -> impl Iterator<Item = (u32, f64)> + '_ {
        let weight = &mut self.weight;
        self.touched.drain(..).map(|g| (g, std::mem::take(&mut weight[g as usize])))
    }
}

/// The communities of a level's nodes.
struct Communities {
    of: Vec<u32>,
    /// Per community, the sum of its nodes' strengths.
    strength: Vec<f64>,
    size: Vec<u32>,
    /// Numbers of communities without nodes.
    empty: Vec<u32>,
}

impl Communities {
    fn new(level: &Level, of: Vec<u32>) -> Self {
        let n = level.len();
        let (mut strength, mut size) = (vec![0.0; n], vec![0u32; n]);
        for (&c, k) in of.iter().zip(&level.strength) {
            strength[c as usize] += k;
            size[c as usize] += 1;
        }
        let empty = (0..n as u32).rev().filter(|&c| size[c as usize] == 0).collect();
        Self { of, strength, size, empty }
    }
    /// The number a node takes that leaves the community `own` for none.
    fn unused(&self, own: u32) -> Option<u32> {
        self.empty.last().copied().filter(|_| self.size[own as usize] > 1)
    }
    fn relocate(&mut self, node: usize, strength: f64, to: u32) {
        let from = std::mem::replace(&mut self.of[node], to);
        if self.size[to as usize] == 0 {
            self.empty.pop();
        }
        self.size[from as usize] -= 1;
        self.size[to as usize] += 1;
        self.strength[from as usize] -= strength;
        self.strength[to as usize] += strength;
        if self.size[from as usize] == 0 {
            self.strength[from as usize] = 0.0;
            self.empty.push(from);
        }
    }
}

/// One iteration.
struct Search<'a> {
    ground: &'a Level,
    task: &'a Task,
    /// γ / 2m.
    rate: f64,
    resolution: f64,
    temperature: f64,
    seed: u64,
    stream: u64,
    draws: u64,
    links: Links,
}

impl<'a> Search<'a> {
    fn new(graph: &Graph, ground: &'a Level, params: &LeidenParams, iteration: u64, task: &'a Task) -> Self {
        let total = graph.total();
        Self {
            ground,
            task,
            rate: params.resolution / (2.0 * total),
            resolution: params.resolution,
            temperature: RANDOMNESS * total / graph.edges() as f64,
            seed: params.seed,
            stream: iteration,
            draws: 0,
            links: Links::new(ground.len()),
        }
    }

    fn draw(&mut self) -> u64 {
        self.draws += 1;
        key(self.seed, self.stream, self.draws)
    }

    fn shuffled(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            order.swap(i, below((self.draw() >> 32) as u32, i as u32 + 1) as usize);
        }
        order
    }

    /// From one partition of the graph's nodes to the next.
    fn iterate(&mut self, partition: &[u32]) -> Result<Vec<u32>> {
        let mut level = Cow::Borrowed(self.ground);
        let mut node: Vec<u32> = (0..level.len() as u32).collect();
        let mut communities = Communities::new(&level, partition.to_vec());
        loop {
            self.relocate_nodes(&level, &mut communities)?;
            if communities.empty.is_empty() {
                break;
            }
            let (part, count) = renumbered(&self.refine(&level, &communities)?.of, level.len());
            if count == level.len() {
                break;
            }
            let mut of = vec![0; count];
            for (&part, &c) in part.iter().zip(&communities.of) {
                of[part as usize] = c;
            }
            // The next level has fewer nodes, and so fewer numbers.
            let of = renumbered(&of, level.len()).0;
            level = Cow::Owned(level.aggregate(&part, count, &mut self.links));
            communities = Communities::new(&level, of);
            for node in &mut node {
                *node = part[*node as usize];
            }
        }
        Ok(node.iter().map(|&node| communities.of[node as usize]).collect())
    }

    /// Relocates nodes to the communities where they add most, until none in the queue wants to go.
    fn relocate_nodes(&mut self, level: &Level, communities: &mut Communities) -> Result<()> {
        let n = level.len();
        let mut queue: VecDeque<u32> = self.shuffled(n).into();
        let mut queued = vec![true; n];
        while let Some(node) = queue.pop_front() {
            self.task.check()?;
            let at = node as usize;
            queued[at] = false;
            let (own, strength) = (communities.of[at], level.strength[at]);
            self.links.add(level.row(at), &communities.of, |_| true);
            let push = self.rate * strength;
            let stays = self.links.weight[own as usize] - push * (communities.strength[own as usize] - strength);
            let mut best = (stays + self.rounding(strength), own);
            if let Some(unused) = communities.unused(own).filter(|_| best.0 < 0.0) {
                best = (0.0, unused);
            }
            for (c, weight) in self.links.drain().filter(|&(c, _)| c != own) {
                let score = weight - push * communities.strength[c as usize];
                if score > best.0 {
                    best = (score, c);
                }
            }
            if best.1 != own {
                communities.relocate(at, strength, best.1);
                for (j, _) in level.row(at) {
                    if communities.of[j] != best.1 && !queued[j] {
                        queued[j] = true;
                        queue.push_back(j as u32);
                    }
                }
            }
        }
        Ok(())
    }

    /// What the terms of a node of this strength may be off by.
    fn rounding(&self, strength: f64) -> f64 {
        ROUNDING * (1.0 + self.resolution) * strength
    }

    /// Divides every community into well-connected parts.
    fn refine(&mut self, level: &Level, communities: &Communities) -> Result<Parts> {
        let of = &communities.of;
        let mut parts = Parts::new(level, communities);
        let mut choices: Vec<(f64, u32, f64)> = Vec::new();
        for node in self.shuffled(level.len()) {
            self.task.check()?;
            let at = node as usize;
            let (whole, own) = (communities.strength[of[at] as usize], level.strength[at]);
            let (rate, rounding) = (self.rate, self.rounding(own));
            let connected = |parts: &Parts, part: u32| {
                let strength = parts.strength[part as usize];
                parts.outward[part as usize] >= rate * strength * (whole - strength) - rounding
            };
            if !parts.single[at] || !connected(&parts, node) {
                continue;
            }
            self.links.add(level.row(at), &parts.of, |j| of[j] == of[at]);
            choices.clear();
            choices.push((0.0, node, 0.0));
            let (mut most, mut sum) = (0.0f64, 0.0);
            for (part, weight) in self.links.drain() {
                let gain = weight - rate * own * parts.strength[part as usize];
                if gain >= 0.0 && connected(&parts, part) {
                    choices.push((gain, part, weight));
                    most = most.max(gain);
                }
            }
            for choice in &mut choices {
                sum += ((choice.0 - most) / self.temperature).exp();
                choice.0 = sum;
            }
            let drawn = (self.draw() >> 11) as f64 / (1u64 << 53) as f64 * sum;
            if let Some(&(_, to, weight)) = choices.iter().find(|choice| drawn < choice.0)
                && to != node
            {
                parts.join(at, to, weight);
            }
        }
        Ok(parts)
    }
}

/// The parts of a level's communities; a part has the number of a node that is in it.
struct Parts {
    of: Vec<u32>,
    /// Per part, the sum of its nodes' strengths.
    strength: Vec<f64>,
    /// Per part, the weight between it and the rest of its community.
    outward: Vec<f64>,
    /// Whether a node is a part by itself.
    single: Vec<bool>,
}

impl Parts {
    /// Every node by itself.
    fn new(level: &Level, communities: &Communities) -> Self {
        let (n, of) = (level.len(), &communities.of);
        let outward = |i: usize| level.row(i).filter(|&(j, _)| of[j] == of[i]).map(|(_, w)| w).sum();
        Self {
            of: (0..n as u32).collect(),
            strength: level.strength.clone(),
            outward: (0..n).map(outward).collect(),
            single: vec![true; n],
        }
    }
    /// Adds a node that is by itself to the part `to`, with which it shares this weight.
    fn join(&mut self, node: usize, to: u32, weight: f64) {
        let part = to as usize;
        self.of[node] = to;
        self.single[part] = false;
        self.strength[part] += self.strength[node];
        self.outward[part] += self.outward[node] - 2.0 * weight;
    }
}

/// Numbers below `bound`, numbered anew by first appearance, and how many there are.
fn renumbered(numbers: &[u32], bound: usize) -> (Vec<u32>, usize) {
    let mut new = vec![u32::MAX; bound];
    let mut count = 0;
    let renumber = |&old: &u32| {
        let slot = &mut new[old as usize];
        if *slot == u32::MAX {
            *slot = count;
            count += 1;
        }
        *slot
    };
    let numbers = numbers.iter().map(renumber).collect();
    (numbers, count as usize)
}

#[cfg(test)]
mod tests;
