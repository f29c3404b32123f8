//! The walk along the edges of the Rips filtration that finds births and deaths.
//!
//! Persistent cohomology over Z/2 (de Silva, Morozov & Vejdemo-Johansson 2011, "Dualities in persistent (co)homology"):
//! simplices are added one by one, and of every living class a cocycle is kept. Edges come in their order; with an edge
//! come its triangles, those whose longest edge it is, by the vertex opposite. An edge
//! - with triangles is *apparent* (Bauer 2021, "Ripser", section 3.5): it pairs with the first of them, which says
//!   for every cocycle whether it has the edge. Each further triangle of which some cocycle has an odd number of
//!   edges kills the youngest such class, whose cocycle is added to the others';
//! - without triangles either joins two parts or bears a class, of which it is the cocycle.
//!
//! No boundary or coboundary is ever stored or reduced: the parities of all triangles of an edge and one class are an
//! exclusive or of two rows of bits. The pairs are those that ripser reduces columns to find.
//!
//! Cost: for every edge, n/64 words for each class that touches its ends; for every sum of two cocycles at most n²/64.
//! Memory: 32 bytes an edge, and what `cocycles` says.

use super::cocycles::{Block, Cocycles, LANES, first, place};
use super::distances::Distances;
use super::filtration::{Edge, filtration};
use super::{Diagrams, Interval, Loop, Part};
use crate::error::{Problem, Result};
use crate::task::Task;
use crate::wide::wide;

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RipsParams {
    /// Greatest scale; none for the enclosing radius, beyond which nothing changes.
    pub threshold: Option<f64>,
}

/// Parts and loops at all scales up to the threshold. One thread, no report of progress: callers count clouds.
///
/// # Errors
/// If the threshold is negative or not a number, or the task is cancelled.
pub fn rips(distances: &Distances, params: &RipsParams, task: &Task) -> Result<Diagrams> {
    let threshold = params.threshold.unwrap_or_else(|| distances.enclosing_radius());
    if threshold.is_nan() || threshold < 0.0 {
        return Err(Problem::new(format!("a threshold of {threshold}"))
            .expected("a distance, or infinity for all edges")
            .hint("leaving it out, which takes the enclosing radius")
            .usage());
    }
    let edges = filtration(distances, threshold, task)?;
    let mut walk = Walk::new(distances.len(), &edges);
    wide(
        #[inline(always)]
        || walk.run(task),
    )?;
    Ok(walk.diagrams(threshold))
}

/// Disjoint sets; the root is the lowest point.
struct Parts {
    parent: Vec<u32>,
}

impl Parts {
    fn root(&mut self, mut at: u32) -> u32 {
        while self.parent[at as usize] != at {
            let above = self.parent[self.parent[at as usize] as usize];
            self.parent[at as usize] = above;
            at = above;
        }
        at
    }
    /// Joins two sets; gives the root that is none any more.
    fn join(&mut self, a: u32, b: u32) -> Option<u32> {
        let (a, b) = (self.root(a), self.root(b));
        (a != b).then(|| {
            self.parent[a.max(b) as usize] = a.min(b);
            a.max(b)
        })
    }
}

/// The state between two edges.
struct Walk<'a> {
    edges: &'a [Edge],
    /// `[n, blocks]`, bit j of row i: the edge of i and j is there.
    there: Vec<Block>,
    parts: Parts,
    classes: Cocycles,
    /// Third points of the new edge's triangles.
    common: Vec<Block>,
    /// Classes with an odd number of edges of some triangle of the new edge.
    odd: Vec<u32>,
    /// `[odd, blocks]`, the third points of those triangles.
    thirds: Vec<Block>,
    h0: Vec<Part>,
    h1: Vec<Loop>,
}

impl<'a> Walk<'a> {
    fn new(n: usize, edges: &'a [Edge]) -> Self {
        let classes = Cocycles::new(n);
        let blocks = classes.blocks();
        Self {
            edges,
            there: vec![[0; LANES]; n * blocks],
            parts: Parts { parent: (0..n as u32).collect() },
            classes,
            common: vec![[0; LANES]; blocks],
            odd: Vec::new(),
            thirds: Vec::new(),
            h0: Vec::new(),
            h1: Vec::new(),
        }
    }

    /// Walks along all edges.
    #[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
    #[inline(always)]
    fn run(&mut self, task: &Task) -> Result<()> {
        let blocks = self.classes.blocks();
        for (number, edge) in self.edges.iter().enumerate() {
            task.check()?;
            let (u, w) = (edge.low, edge.high);
            let of_u = &self.there[u as usize * blocks..][..blocks];
            let of_w = &self.there[w as usize * blocks..][..blocks];
            for ((common, a), b) in self.common.iter_mut().zip(of_u).zip(of_w) {
                for lane in 0..LANES {
                    common[lane] = a[lane] & b[lane];
                }
            }
            if let Some(lowest) = first(&self.common) {
                let (odd, thirds) = (&mut self.odd, &mut self.thirds);
                self.classes.extend([u, w], &self.common, lowest, odd, thirds);
                if !self.odd.is_empty() {
                    self.kill(edge, task)?;
                }
            } else if let Some(born) = self.parts.join(u, w) {
                if edge.length > 0.0 {
                    self.h0.push(Interval { birth: 0.0, death: edge.length, born, killed: Some([u, w]) });
                }
            } else {
                self.classes.bear(number as u32, u, w);
            }
            for (from, to) in [(u, w), (w, u)] {
                let (block, lane, mask) = place(to);
                self.there[from as usize * blocks + block][lane] |= mask;
            }
        }
        Ok(())
    }

    /// The triangles of `edge` that classes have an odd number of edges of, by third point, each kill a class.
    fn kill(&mut self, edge: &Edge, task: &Task) -> Result<()> {
        let blocks = self.classes.blocks();
        while let Some(third) = self.thirds.chunks_exact(blocks).filter_map(first).min() {
            task.check()?;
            let (block, lane, mask) = place(third);
            let crossed: Vec<usize> =
                (0..self.odd.len()).filter(|at| self.thirds[at * blocks + block][lane] & mask != 0).collect();
            let youngest = crossed.iter().copied().max_by_key(|&at| self.classes.birth(self.odd[at]));
            let Some(youngest) = youngest else { break };
            let dying = self.odd[youngest];
            for &other in crossed.iter().filter(|&&at| at != youngest) {
                task.check()?;
                self.classes.add(dying, self.odd[other]);
                for block in 0..blocks {
                    for lane in 0..LANES {
                        self.thirds[other * blocks + block][lane] ^= self.thirds[youngest * blocks + block][lane];
                    }
                }
            }
            let birth = self.edges[self.classes.birth(dying) as usize];
            if birth.length < edge.length {
                self.h1.push(Interval {
                    birth: birth.length,
                    death: edge.length,
                    born: [birth.low, birth.high],
                    killed: Some([edge.low, edge.high, third]),
                });
            }
            self.classes.bury(dying);
            self.thirds[youngest * blocks..][..blocks].fill([0; LANES]);
        }
        self.odd.clear();
        self.thirds.clear();
        Ok(())
    }

    /// What died, and what did not.
    fn diagrams(mut self, threshold: f64) -> Diagrams {
        for at in 0..self.parts.parent.len() as u32 {
            if self.parts.root(at) == at {
                self.h0.push(Interval { birth: 0.0, death: f64::INFINITY, born: at, killed: None });
            }
        }
        for number in self.classes.living() {
            let edge = self.edges[number as usize];
            let born = [edge.low, edge.high];
            self.h1.push(Interval { birth: edge.length, death: f64::INFINITY, born, killed: None });
        }
        self.h0.sort_unstable_by(Interval::order);
        self.h1.sort_unstable_by(Interval::order);
        Diagrams { h0: self.h0, h1: self.h1, threshold }
    }
}
