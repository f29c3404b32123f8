//! The minimum spanning tree of the mutual reachability graph, by Borůvka's rounds.
//!
//! Mutual reachability of two points is the largest of their distance and their two core distances (Campello, Moulavi
//! and Sander 2013, definition 4). It ties by construction: every edge from a point to a neighbour inside its core has
//! the core distance as weight. Edges are therefore ordered by (mutual reachability, distance, lower row, higher row),
//! a strict order, so that the tree is unique: no matter which search finds an edge first, how many threads look, or,
//! where distances differ, how the rows are numbered. All values here are squared.
//!
//! A round takes for every component its first outgoing edge in that order and merges. What each point knows is kept
//! between rounds: its first outgoing edge stays the first as long as it leads outside, and otherwise bounds the next
//! from below. Most edges are read off the neighbour lists that gave the core distances; only points that could still
//! hold their component's first edge are handed to a [`Search`], and the largest component never is.
//!
//! Cost: O(n·keep) per round beside the searches; a round that searches at least halves the components. Memory: about
//! 100 bytes a point, and 12·keep for the lists.

use crate::error::Result;
use crate::task::Task;
use rayon::prelude::*;
use std::cmp::Ordering;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// No point.
pub(super) const NONE: u32 = u32::MAX;

/// An edge of the tree between the rows `low < high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    /// Squared mutual reachability.
    pub(super) weight: f64,
    /// Squared distance.
    pub(super) distance: f64,
    pub(super) low: u32,
    pub(super) high: u32,
}

impl Edge {
    /// The strict order of edges.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let values = self.weight.total_cmp(&other.weight).then(self.distance.total_cmp(&other.distance));
        values.then((self.low, self.high).cmp(&(other.low, other.high)))
    }
}

/// Points with core distances and their nearest few, by position; `rows` tells which row a position holds.
pub(super) struct Local<'a> {
    /// Squared core distances.
    pub(super) core: Vec<f64>,
    /// Neighbours per point.
    pub(super) keep: usize,
    /// `[n, keep]` positions, by distance and then row.
    pub(super) near: Vec<u32>,
    /// `[n, keep]` squared distances.
    pub(super) squared: Vec<f64>,
    /// Row of each position; none if they are the same.
    pub(super) rows: Option<&'a [u32]>,
}

/// The first outgoing edge of a point, or what is known about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Known {
    /// Squared mutual reachability of the first outgoing edge; without `to`, a lower bound of it.
    pub(super) weight: f64,
    /// Squared distance.
    pub(super) distance: f64,
    /// Position at the other end, or [`NONE`].
    pub(super) to: u32,
}

/// The state of a round that searches may read.
pub(super) struct Round<'a> {
    /// Component of each position, named by one of its positions.
    pub(super) component: &'a [u32],
    /// Per component, bits of the lightest outgoing weight seen. Non-negative floats order as their bits do. The
    /// final value does not depend on who writes first; a search that reads early only works more.
    bounds: &'a [AtomicU64],
}

impl Round<'_> {
    /// The lightest outgoing weight seen so far from the component of `position`.
    pub(super) fn bound(&self, position: usize) -> f64 {
        f64::from_bits(self.bounds[self.component[position] as usize].load(Relaxed))
    }
    /// Reports an outgoing edge of `weight` at `position`.
    pub(super) fn tighten(&self, position: usize, weight: f64) {
        self.bounds[self.component[position] as usize].fetch_min(weight.to_bits(), Relaxed);
    }
}

/// Finds first outgoing edges exactly.
pub(super) trait Search {
    /// For every position in `active`, writes its first outgoing edge (by weight, distance, row of the other end) to
    /// `found`; or, if that weighs more than [`Round::bound`] did at some moment of the search, that bound with
    /// [`NONE`].
    fn search(&self, round: &Round<'_>, active: &[u32], found: &mut [Known]) -> Result<()>;
}

impl Local<'_> {
    /// Row at `position`.
    #[inline]
    pub(super) fn row(&self, position: u32) -> u32 {
        self.rows.map_or(position, |rows| rows[position as usize])
    }
    fn edge(&self, from: usize, known: &Known) -> Edge {
        let (a, b) = (self.row(from as u32), self.row(known.to));
        Edge { weight: known.weight, distance: known.distance, low: a.min(b), high: a.max(b) }
    }
    /// The first outgoing edge of `at` if its list proves it, else the best lower bound.
    fn look(&self, at: usize, component: &[u32], lower: f64) -> Known {
        let (core, list) = (self.core[at], at * self.keep..(at + 1) * self.keep);
        // No edge to a point that is not listed weighs less; with all points listed there is no such edge.
        let beyond = if self.keep == self.core.len() { f64::INFINITY } else { self.squared[list.end - 1].max(core) };
        let mut best = Known { weight: f64::INFINITY, distance: f64::INFINITY, to: NONE };
        for (&to, &distance) in self.near[list.clone()].iter().zip(&self.squared[list]) {
            if component[to as usize] != component[at] {
                // The list is in order of distance and row, so only a lighter edge can come before the first.
                let weight = distance.max(core).max(self.core[to as usize]);
                if weight < best.weight {
                    best = Known { weight, distance, to };
                }
            }
        }
        // At equal weight a listed point still comes first: it is nearer, or as near with a lower row.
        if best.to != NONE && best.weight <= beyond {
            best
        } else {
            Known { weight: lower.max(beyond), distance: 0.0, to: NONE }
        }
    }
}

/// Disjoint sets; the root of a union is that of the larger set, the lower one of two equals.
pub(super) struct Sets {
    parent: Vec<u32>,
    /// Points of each set, at its root.
    pub(super) size: Vec<u32>,
}

impl Sets {
    /// `n` points, each a set of its own.
    pub(super) fn new(n: usize) -> Self {
        Self { parent: (0..n as u32).collect(), size: vec![1; n] }
    }
    /// The point that stands for the set of another.
    pub(super) fn root(&self, mut at: u32) -> u32 {
        while self.parent[at as usize] != at {
            at = self.parent[at as usize];
        }
        at
    }
    /// Joins the sets of two points; whether they were two.
    pub(super) fn union(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return false;
        }
        let order = self.size[a as usize].cmp(&self.size[b as usize]).then(b.cmp(&a));
        let (into, from) = if order == Ordering::Less { (b, a) } else { (a, b) };
        self.parent[from as usize] = into;
        self.size[into as usize] += self.size[from as usize];
        true
    }
}

/// The spanning tree: n - 1 edges in their order.
pub(super) fn spanning_tree(local: &Local<'_>, search: &(dyn Search + Sync), task: &Task) -> Result<Vec<Edge>> {
    let n = local.core.len();
    task.stage("spanning tree", n as u64 - 1);
    let mut sets = Sets::new(n);
    let mut known = vec![Known { weight: 0.0, distance: 0.0, to: NONE }; n];
    let mut component = vec![0u32; n];
    let mut edges = Vec::with_capacity(n - 1);
    while edges.len() + 1 < n {
        task.check()?;
        let bounds: Vec<AtomicU64> = (0..n).map(|_| AtomicU64::new(f64::INFINITY.to_bits())).collect();
        component.par_iter_mut().enumerate().for_each(|(at, root)| *root = sets.root(at as u32));
        let round = Round { component: &component, bounds: &bounds };
        known.par_iter_mut().enumerate().for_each(|(at, known)| {
            if known.to == NONE || component[known.to as usize] == component[at] {
                *known = local.look(at, &component, known.weight);
            }
            if known.to != NONE {
                round.tighten(at, known.weight);
            }
        });
        // A component is settled when no point of unknown edge could hold its first.
        let open = |at: usize| known[at].to == NONE && known[at].weight <= round.bound(at);
        let mut active: Vec<u32> = (0..n as u32).filter(|&at| open(at as usize)).collect();
        let mut settled = vec![true; n];
        for &at in &active {
            settled[component[at as usize] as usize] = false;
        }
        let roots: Vec<u32> = (0..n as u32).filter(|&at| component[at as usize] == at).collect();
        let ready = roots.iter().filter(|&&root| settled[root as usize]).count();
        // Searching is dear and grows cheaper with every merge: first use up what the lists say.
        if ready * 8 < roots.len() {
            let size = |root: u32| sets.size[root as usize];
            let largest = roots.iter().copied().max_by(|&a, &b| size(a).cmp(&size(b)).then(b.cmp(&a)));
            active.retain(|&at| Some(component[at as usize]) != largest);
            let mut found: Vec<Known> = active.iter().map(|&at| known[at as usize]).collect();
            search.search(&round, &active, &mut found)?;
            for (&at, found) in active.iter().zip(found) {
                known[at as usize] = found;
                settled[component[at as usize] as usize] = true;
            }
        }
        let mut first: Vec<Option<(Edge, u32, u32)>> = vec![None; n];
        for (at, known) in known.iter().enumerate() {
            let root = component[at] as usize;
            if known.to != NONE && settled[root] {
                let edge = local.edge(at, known);
                if first[root].as_ref().is_none_or(|(best, ..)| edge.order(best) == Ordering::Less) {
                    first[root] = Some((edge, at as u32, known.to));
                }
            }
        }
        let before = edges.len();
        for (edge, a, b) in roots.iter().filter_map(|&root| first[root as usize]) {
            if sets.union(a, b) {
                edges.push(edge);
            }
        }
        assert!(edges.len() > before, "every round merges: some component always has its first edge");
        task.advance((edges.len() - before) as u64);
    }
    task.check()?;
    edges.par_sort_unstable_by(Edge::order);
    Ok(edges)
}
