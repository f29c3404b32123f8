//! Outgoing edges in few dimensions: a walk over the k-d tree that skips subtrees of one's own component.
//!
//! Each round labels the nodes that lie wholly in one component (March, Ram and Gray 2010, single-tree variant) and
//! walks from every active point towards nearer boxes. A subtree is left out if its lower bound (the largest of the
//! box distance, the point's core distance and the least core distance inside) is beyond the component's bound, or
//! comes after the best edge so far in the order of edges. Cost: O(log n) per active point where clusters are compact.
//! Memory: 12 bytes a node, 4 bytes a node in each round.

use super::mst::{Known, Local, NONE, Round, Search};
use crate::error::Result;
use crate::geometry::kdtree::{KdTree, LEAF, Visit};
use crate::task::Task;
use rayon::prelude::*;

/// Points between two looks at the task.
const BATCH: usize = 128;

/// The tree with what the search knows about its nodes.
pub(super) struct TreeSearch<'a> {
    tree: &'a KdTree,
    local: &'a Local<'a>,
    /// Least squared core distance below each node.
    core: Vec<f64>,
    task: &'a Task,
}

/// Core distances (to the `k`-th neighbour, the point counted) and the `keep` nearest of every point.
pub(super) fn local<'a>(tree: &'a KdTree, k: usize, keep: usize, task: &Task) -> Result<Local<'a>> {
    task.stage("core distances", tree.len() as u64);
    let listed = k.max(keep);
    let lists = tree.lists(listed, keep, task)?;
    let core =
        if k == listed { lists.kth } else { lists.squared.chunks_exact(keep).map(|squared| squared[k - 1]).collect() };
    Ok(Local { core, keep, near: lists.near, squared: lists.squared, rows: Some(tree.index()) })
}

impl<'a> TreeSearch<'a> {
    pub(super) fn new(tree: &'a KdTree, local: &'a Local<'a>, task: &'a Task) -> Self {
        let nodes = tree.nodes();
        let mut core = vec![0.0; nodes.len()];
        for (at, node) in nodes.iter().enumerate().rev() {
            core[at] = if node.right == 0 {
                local.core[node.start as usize..node.end as usize].iter().copied().fold(f64::INFINITY, f64::min)
            } else {
                f64::min(core[at + 1], core[node.right as usize])
            };
        }
        Self { tree, local, core, task }
    }
}

impl Search for TreeSearch<'_> {
    fn search(&self, round: &Round<'_>, active: &[u32], found: &mut [Known]) -> Result<()> {
        let nodes = self.tree.nodes();
        let mut whole = vec![NONE; nodes.len()];
        for (at, node) in nodes.iter().enumerate().rev() {
            whole[at] = if node.right == 0 {
                let inside = &round.component[node.start as usize..node.end as usize];
                if inside.iter().all(|c| *c == inside[0]) { inside[0] } else { NONE }
            } else if whole[at + 1] == whole[node.right as usize] {
                whole[at + 1]
            } else {
                NONE
            };
        }
        active.par_chunks(BATCH).zip(found.par_chunks_mut(BATCH)).try_for_each(|(active, found)| {
            self.task.check()?;
            let mut query = vec![0.0; self.tree.dims()];
            for (&at, found) in active.iter().zip(found) {
                let limit = round.bound(at as usize);
                self.tree.point(at as usize, &mut query);
                let mut walk = Outgoing {
                    search: self,
                    round,
                    whole: &whole,
                    own: round.component[at as usize],
                    core: self.local.core[at as usize],
                    limit,
                    best: Known { weight: limit, distance: f64::INFINITY, to: NONE },
                    row: NONE,
                };
                self.tree.walk(&query, &mut walk);
                *found = walk.best;
                if found.to != NONE {
                    round.tighten(at as usize, found.weight);
                }
            }
            Ok(())
        })
    }
}

/// The walk of one point.
struct Outgoing<'a> {
    search: &'a TreeSearch<'a>,
    round: &'a Round<'a>,
    whole: &'a [u32],
    own: u32,
    core: f64,
    /// Heavier edges cannot be the component's first.
    limit: f64,
    best: Known,
    /// Row at the other end of `best`.
    row: u32,
}

impl Outgoing<'_> {
    /// Whether an edge with these values would come before the best so far; also for lower bounds of the values.
    #[inline]
    fn improves(&self, weight: f64, distance: f64, row: u32) -> bool {
        let best = &self.best;
        weight < best.weight
            || (weight == best.weight && (distance < best.distance || (distance == best.distance && row < self.row)))
    }
}

impl Visit for Outgoing<'_> {
    #[inline]
    fn skips(&self, node: u32, lower: f64) -> bool {
        let at = node as usize;
        self.whole[at] == self.own
            || !self.improves(lower.max(self.core).max(self.search.core[at]), lower, self.search.tree.nodes()[at].least)
    }
    #[inline]
    fn leaf(&mut self, start: usize, squared: &[f64; LEAF]) {
        let tree = self.search.tree;
        let end = tree.len().min(start + LEAF);
        let (components, cores) = (&self.round.component[start..end], &self.search.local.core[start..end]);
        for (lane, ((&component, &core), &distance)) in components.iter().zip(cores).zip(squared).enumerate() {
            if component != self.own && distance <= self.limit {
                let (weight, row) = (distance.max(self.core).max(core), tree.index()[start + lane]);
                if self.improves(weight, distance, row) {
                    self.best = Known { weight, distance, to: (start + lane) as u32 };
                    self.row = row;
                    self.limit = weight;
                }
            }
        }
    }
}
