//! The descent: UMAP's forces, every vertex written by one task, the same bytes at any number of threads.
//!
//! umap-learn draws edges and, for each, five random vertices that push its head away. Here a pass takes every edge
//! with its expected rate (2 w / max w: an edge pulls at both of its ends) and estimates the push of all vertices from
//! [`DRAWS`] of them, drawn in pairs at opposite offsets of a random order. The push has the same strength at every
//! vertex: [`REPULSION`] times the mean rate of the edges. umap-learn's is 5 times the vertex's own rate, with which
//! exact neighbours of a dictionary, where a few features are neighbours of very many, come out worse than with its
//! approximate ones (trustworthiness .874 against .886 on a planted dictionary of 24,576 x 768); this way they do not.
//!
//! Vertices stand in a random order, cut into [`BLOCKS`] that move one after another. Within a block each vertex sees
//! the others where the last block left them, so tasks share nothing. A step is shortened by the stiffness of the
//! vertex's own springs (a step of the implicit scheme, linearised), which lets the passes be long without throwing
//! hubs about. Sixteen vertices of a group move side by side: one vector register each coordinate.

#![allow(clippy::inline_always, reason = "kernels must become part of the function that is compiled for wide vectors")]

use super::Frame;
use super::force::{Forces, LANES};
use super::fuzzy::FuzzyGraph;
use crate::error::Result;
use crate::geometry::random::{below, key};
use crate::task::Task;
use crate::wide::wide;
use rayon::prelude::*;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Strength of the push, in units of the mean rate of a vertex's edges; umap-learn's `negative_sample_rate` is 5.
const REPULSION: f32 = 8.0;
/// Vertices from which the push is estimated in each pass; even.
const DRAWS: usize = 32;
/// Parts of a pass that see each other's moves.
const BLOCKS: usize = 8;
/// Largest push of one vertex along one axis, as in umap-learn.
const CLIP: f32 = 4.0;
/// Groups that one task moves.
const TASK_GROUPS: usize = 16;
/// Shortest time between two frames.
const FRAME: Duration = Duration::from_millis(50);
/// The stream of random numbers that orders the vertices; those of the passes follow on [`FIRST_PASS`].
const ORDER: u64 = 77;
const FIRST_PASS: u64 = 1 << 32;

/// What is laid out, and how.
pub(super) struct Run<'a> {
    pub(super) graph: &'a FuzzyGraph,
    /// Coordinates to start from `[n, dims]`, row-major.
    pub(super) start: &'a [f32],
    pub(super) dims: usize,
    pub(super) forces: Forces,
    pub(super) epochs: usize,
    pub(super) seed: u64,
}

/// Sixteen vertices next to each other in the order.
struct Group {
    first: usize,
    /// Their edges in [`Plan::targets`], one edge of each vertex a step.
    steps: Range<usize>,
}

/// The graph as the descent reads it.
struct Plan {
    /// Vertex at each place.
    order: Vec<u32>,
    groups: Vec<Group>,
    /// Places of the other ends; vertices with fewer edges are filled up with rate 0.
    targets: Vec<[u32; LANES]>,
    rates: Vec<[f32; LANES]>,
    /// Strength of the push at every vertex.
    push: f32,
}

impl Plan {
    fn new(graph: &FuzzyGraph, seed: u64) -> Self {
        let n = graph.len();
        let max = graph.max_weight();
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.sort_by_key(|&i| (key(seed, ORDER, u64::from(i)), i));
        // Within a block, vertices of like degree share a group, so that little is filled up.
        for block in order.chunks_mut(block_size(n)) {
            block.sort_by_key(|&i| (std::cmp::Reverse(graph.row(i as usize).0.len()), i));
        }
        let mut place = vec![0u32; n];
        for (at, &vertex) in order.iter().enumerate() {
            place[vertex as usize] = at as u32;
        }
        // Without edges nothing pulls, and nothing is to push either.
        let weights = |i: usize| graph.row(i).1.iter().sum::<f32>();
        let total: f32 = if max > 0.0 { (0..n).map(|i| weights(i) / max).sum() } else { 0.0 };
        let mut plan = Self {
            order,
            groups: Vec::with_capacity(n.div_ceil(LANES)),
            targets: Vec::new(),
            rates: Vec::new(),
            push: REPULSION * total / n as f32,
        };
        for (group, members) in plan.order.chunks(LANES).enumerate() {
            let start = plan.targets.len();
            let steps = members.iter().map(|&i| graph.row(i as usize).0.len()).max().unwrap_or(0);
            plan.targets.resize(start + steps, [0; LANES]);
            plan.rates.resize(start + steps, [0.0; LANES]);
            for (lane, &vertex) in members.iter().enumerate() {
                let (targets, weights) = graph.row(vertex as usize);
                for (step, (&target, &weight)) in targets.iter().zip(weights).enumerate() {
                    plan.targets[start + step][lane] = place[target as usize];
                    plan.rates[start + step][lane] = 2.0 * weight / max;
                }
            }
            plan.groups.push(Group { first: group * LANES, steps: start..start + steps });
        }
        plan
    }
}

/// Vertices a block, a whole number of groups.
fn block_size(n: usize) -> usize {
    n.div_ceil(BLOCKS).next_multiple_of(LANES)
}

/// Coordinates of a group, one register an axis.
type Lanes<const D: usize> = [[f32; LANES]; D];

/// Where everything is: by vertex for gathering, by axis for reading sixteen in a row.
struct State<const D: usize> {
    by_vertex: Vec<[f32; D]>,
    /// Longer than n by [`LANES`]: the beginning is repeated at the end, so that a row of sixteen never wraps.
    by_axis: [Vec<f32>; D],
}

impl<const D: usize> State<D> {
    fn set(&mut self, place: usize, axis: usize, x: f32) {
        let n = self.by_vertex.len();
        self.by_vertex[place][axis] = x;
        // As often as needed: n may be smaller than a group.
        for at in (place..n + LANES).step_by(n) {
            self.by_axis[axis][at] = x;
        }
    }
}

impl Run<'_> {
    /// Coordinates `[n, dims]`, row-major. `D` is `dims` or more; the axes beyond stay 0.
    pub(super) fn optimise<const D: usize>(
        &self,
        task: &Task,
        on_frame: &mut dyn FnMut(Frame<'_>),
    ) -> Result<Vec<f32>> {
        let (n, dims) = (self.graph.len(), self.dims);
        task.stage("layout", self.epochs as u64);
        let plan = Plan::new(self.graph, self.seed);
        let mut state =
            State::<D> { by_vertex: vec![[0.0; D]; n], by_axis: std::array::from_fn(|_| vec![0.0; n + LANES]) };
        for (place, &vertex) in plan.order.iter().enumerate() {
            for axis in 0..dims {
                state.set(place, axis, self.start[vertex as usize * dims + axis]);
            }
        }
        let mut next: Vec<Lanes<D>> = vec![[[0.0; LANES]; D]; plan.groups.len()];
        let mut result = vec![0.0; n * dims];
        let mut shown = Instant::now();
        for epoch in 0..self.epochs {
            let rate = 1.0 - epoch as f32 / self.epochs as f32;
            let shifts = self.shifts(epoch, n);
            for (block, out) in next.chunks_mut(block_size(n) / LANES).enumerate() {
                let groups = &plan.groups[block * block_size(n) / LANES..][..out.len()];
                let (plan, state_now, shifts) = (&plan, &state, shifts.as_slice());
                task.install(|| {
                    out.par_chunks_mut(TASK_GROUPS).zip(groups.par_chunks(TASK_GROUPS)).for_each(|(out, groups)| {
                        wide(
                            #[inline(always)]
                            || {
                                for (group, out) in groups.iter().zip(out.iter_mut()) {
                                    *out = moved(plan, state_now, group, shifts, rate, self.forces);
                                }
                            },
                        );
                    });
                });
                for (group, lanes) in groups.iter().zip(out.iter()) {
                    for lane in 0..LANES.min(n - group.first) {
                        for axis in 0..dims {
                            state.set(group.first + lane, axis, lanes[axis][lane]);
                        }
                    }
                }
                task.check()?;
            }
            task.advance(1);
            if shown.elapsed() >= FRAME {
                self.collect(&plan, &state, &mut result);
                on_frame(Frame { epoch: epoch + 1, epochs: self.epochs, coordinates: &result });
                shown = Instant::now();
            }
        }
        self.collect(&plan, &state, &mut result);
        Ok(result)
    }

    /// Offsets in the order at which a pass draws the vertices that push, in opposite pairs.
    fn shifts(&self, epoch: usize, n: usize) -> Vec<usize> {
        (0..DRAWS / 2)
            .flat_map(|draw| {
                let bits = key(self.seed, FIRST_PASS + epoch as u64, draw as u64) >> 32;
                let shift = below(bits as u32, n as u32) as usize;
                [shift, (n - shift) % n]
            })
            .collect()
    }

    fn collect<const D: usize>(&self, plan: &Plan, state: &State<D>, out: &mut [f32]) {
        for (place, &vertex) in plan.order.iter().enumerate() {
            out[vertex as usize * self.dims..][..self.dims].copy_from_slice(&state.by_vertex[place][..self.dims]);
        }
    }
}

/// Where a group goes.
#[inline(always)]
fn moved<const D: usize>(
    plan: &Plan,
    state: &State<D>,
    group: &Group,
    shifts: &[usize],
    rate: f32,
    forces: Forces,
) -> Lanes<D> {
    let n = state.by_vertex.len();
    let mut own = [[0.0f32; LANES]; D];
    for axis in 0..D {
        own[axis].copy_from_slice(&state.by_axis[axis][group.first..group.first + LANES]);
    }
    let mut pull = [[0.0f32; LANES]; D];
    let mut stiffness = [0.0f32; LANES];
    for (targets, rates) in plan.targets[group.steps.clone()].iter().zip(&plan.rates[group.steps.clone()]) {
        let mut way = [[0.0f32; LANES]; D];
        for lane in 0..LANES {
            let other = &state.by_vertex[targets[lane] as usize];
            for axis in 0..D {
                way[axis][lane] = other[axis];
            }
        }
        let mut spring = [0.0f32; LANES];
        for axis in 0..D {
            for lane in 0..LANES {
                way[axis][lane] -= own[axis][lane];
                spring[lane] = way[axis][lane].mul_add(way[axis][lane], spring[lane]);
            }
        }
        for lane in 0..LANES {
            spring[lane] = rates[lane] * forces.attraction(spring[lane]);
            stiffness[lane] += spring[lane];
        }
        for axis in 0..D {
            for lane in 0..LANES {
                pull[axis][lane] += spring[lane] * way[axis][lane];
            }
        }
    }
    let mut push = [[0.0f32; LANES]; D];
    for &shift in shifts {
        let at = if group.first + shift < n { group.first + shift } else { group.first + shift - n };
        let mut way = [[0.0f32; LANES]; D];
        let mut force = [0.0f32; LANES];
        for axis in 0..D {
            let other = &state.by_axis[axis][at..at + LANES];
            for lane in 0..LANES {
                way[axis][lane] = own[axis][lane] - other[lane];
                force[lane] = way[axis][lane].mul_add(way[axis][lane], force[lane]);
            }
        }
        for lane in 0..LANES {
            force[lane] = forces.repulsion(force[lane]);
        }
        for axis in 0..D {
            for lane in 0..LANES {
                push[axis][lane] += (force[lane] * way[axis][lane]).clamp(-CLIP, CLIP);
            }
        }
    }
    let strength = plan.push / shifts.len() as f32;
    for axis in 0..D {
        for lane in 0..LANES {
            let step = rate / (1.0 + rate * stiffness[lane]);
            own[axis][lane] += step * (pull[axis][lane] + strength * push[axis][lane]);
        }
    }
    own
}
