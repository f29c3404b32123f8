//! Undirected weighted graphs in compressed rows: what the groupings by links share.
//!
//! Input: edges in any order, or directed k-nearest lists `[n, k]`. Output: a symmetric graph on the nodes 0..n, each row
//! ascending by neighbour, without self loops, with finite f32 weights above 0. An edge that comes more than once, or from
//! both ends, has the largest of its weights, so that neither the order nor the direction matters.
//!
//! Cost: O(n + e log d) for e edges and rows of d. Memory: 16 bytes an edge and 8 a node; while it is built, 16 bytes more
//! for every edge as it was given, and from an iterator 12 for each. Never n × n.

/// An undirected weighted graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Where each row starts, and the end of the last.
    offsets: Vec<usize>,
    targets: Vec<u32>,
    weights: Vec<f32>,
}

impl Graph {
    /// The graph of `n` nodes with these edges. Self loops are left out, and so are weights that are not finite and
    /// above 0.
    ///
    /// # Panics
    /// If there are 2³¹ nodes or more, or an edge that is kept names one that is not there.
    pub fn from_edges(n: usize, edges: impl IntoIterator<Item = (u32, u32, f32)>) -> Self {
        let edges: Vec<(u32, u32, f32)> = edges.into_iter().filter(is_edge).collect();
        Self::build(n, || edges.iter().copied())
    }

    /// The graph of `n` nodes in which two are linked if either lists the other among its `k` nearest. `indices` and
    /// `values` are `[n, k]`; `keep` turns a value (a similarity) into a weight, or drops the link. A place of the lists
    /// that holds no neighbour must have a value that is dropped.
    ///
    /// # Panics
    /// As [`Graph::from_edges`], and if the lists are not `[n, k]`.
    pub fn from_lists(n: usize, k: usize, indices: &[u32], values: &[f32], keep: impl Fn(f32) -> Option<f32>) -> Self {
        assert!(indices.len() == n * k && values.len() == n * k, "the lists are not [{n}, {k}]");
        let link = |at: usize| keep(values[at]).map(|weight| ((at / k) as u32, indices[at], weight));
        Self::build(n, || (0..n * k).filter_map(link).filter(is_edge))
    }

    /// The graph of the edges that `edges` gives, twice the same.
    fn build<I: Iterator<Item = (u32, u32, f32)>>(n: usize, edges: impl Fn() -> I) -> Self {
        assert!(n < 1 << 31, "{n} nodes have no i32 labels");
        let mut starts = vec![0usize; n + 1];
        for (a, b, _) in edges() {
            starts[a as usize + 1] += 1;
            starts[b as usize + 1] += 1;
        }
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        // Neighbour, then weight: the bits of numbers above 0 order as they do.
        let mut entries = vec![0u64; starts[n]];
        let mut filled = starts[..n].to_vec();
        for (a, b, weight) in edges() {
            for (from, to) in [(a, b), (b, a)] {
                entries[filled[from as usize]] = u64::from(to) << 32 | u64::from(weight.to_bits());
                filled[from as usize] += 1;
            }
        }
        drop(filled);
        let target = |entry: u64| (entry >> 32) as u32;
        let mut graph = Self { offsets: Vec::with_capacity(n + 1), targets: Vec::new(), weights: Vec::new() };
        let mut distinct = 0;
        for range in starts.windows(2) {
            let row = &mut entries[range[0]..range[1]];
            row.sort_unstable();
            distinct += row.chunk_by(|a, b| target(*a) == target(*b)).count();
        }
        graph.offsets.push(0);
        graph.targets.reserve_exact(distinct);
        graph.weights.reserve_exact(distinct);
        for range in starts.windows(2) {
            for same in entries[range[0]..range[1]].chunk_by(|a, b| target(*a) == target(*b)) {
                let heaviest = same[same.len() - 1];
                graph.targets.push(target(heaviest));
                graph.weights.push(f32::from_bits(heaviest as u32));
            }
            graph.offsets.push(graph.targets.len());
        }
        graph
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.offsets.len() - 1
    }
    /// Number of edges, each counted once.
    pub fn edges(&self) -> usize {
        self.targets.len() / 2
    }
    /// Neighbours of node `i`, ascending, and the weights of the edges to them.
    ///
    /// # Panics
    /// If there is no such node.
    #[inline]
    pub fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let range = self.offsets[i]..self.offsets[i + 1];
        (&self.targets[range.clone()], &self.weights[range])
    }
    /// Sum of the weights of node `i`'s edges.
    ///
    /// # Panics
    /// As [`Graph::row`].
    pub fn strength(&self, i: usize) -> f64 {
        self.row(i).1.iter().map(|&w| f64::from(w)).sum()
    }
    /// Sum of the weights of all edges, each counted once: half the strengths' sum.
    pub fn total(&self) -> f64 {
        (0..self.nodes()).map(|i| self.strength(i)).sum::<f64>() / 2.0
    }
    /// Every edge once, its lower node first, in ascending order.
    pub fn pairs(&self) -> impl Iterator<Item = (u32, u32, f32)> + '_ {
        (0..self.nodes()).flat_map(|i| {
            let (targets, weights) = self.row(i);
            let above = targets.partition_point(|&j| j as usize <= i);
            targets[above..].iter().zip(&weights[above..]).map(move |(&j, &w)| (i as u32, j, w))
        })
    }
}

/// Whether this is an edge at all.
fn is_edge(edge: &(u32, u32, f32)) -> bool {
    edge.0 != edge.1 && edge.2 > 0.0 && edge.2.is_finite()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::random::{below, key};
    use std::collections::BTreeMap;

    fn draw(seed: u64, at: u64, n: u32) -> u32 {
        below((key(seed, 0, at) >> 32) as u32, n)
    }

    #[test]
    fn edges_join_by_their_largest_weight_whatever_their_order() {
        for seed in 0..20 {
            let n = 2 + draw(seed, 0, 30);
            let weight = |at: u64| draw(seed, at, 9) as f32 - 2.0;
            let mut edges: Vec<(u32, u32, f32)> =
                (1..200).map(|at| (draw(seed, 3 * at, n), draw(seed, 3 * at + 1, n), weight(3 * at + 2))).collect();
            edges.extend([(0, 1, f32::NAN), (0, 1, f32::INFINITY)]);
            let mut expected = BTreeMap::<(u32, u32), f32>::new();
            for &(a, b, w) in edges.iter().filter(|(a, b, w)| a != b && *w > 0.0 && w.is_finite()) {
                let slot = expected.entry((a.min(b), a.max(b))).or_insert(w);
                *slot = slot.max(w);
            }
            let graph = Graph::from_edges(n as usize, edges.iter().copied());
            let pairs: BTreeMap<(u32, u32), f32> = graph.pairs().map(|(a, b, w)| ((a, b), w)).collect();
            assert_eq!(pairs, expected);
            assert_eq!((graph.nodes(), graph.edges()), (n as usize, expected.len()));
            let total: f64 = expected.values().map(|&w| f64::from(w)).sum();
            assert!((graph.total() - total).abs() < 1e-9);
            for i in 0..n as usize {
                let (targets, weights) = graph.row(i);
                assert!(targets.is_sorted_by(|a, b| a < b));
                assert!((graph.strength(i) - weights.iter().map(|&w| f64::from(w)).sum::<f64>()).abs() < 1e-9);
                for (&j, &w) in targets.iter().zip(weights) {
                    assert_eq!(expected[&(j.min(i as u32), j.max(i as u32))], w);
                }
            }
            edges.reverse();
            assert_eq!(Graph::from_edges(n as usize, edges.into_iter().map(|(a, b, w)| (b, a, w))), graph);
        }
    }

    #[test]
    fn lists_are_linked_by_either_end_above_the_threshold() {
        // 3 lists nobody it keeps, and its second place is empty.
        let indices = [1, 2, 0, 3, 0, 1, 0, u32::MAX];
        let values = [0.9, 0.4, 0.8, 0.7, 0.6, 0.2, 0.1, 0.0];
        let graph = Graph::from_lists(4, 2, &indices, &values, |value| (value >= 0.5).then_some(value * value));
        let expected = [(0, 1, 0.9 * 0.9), (0, 2, 0.6 * 0.6), (1, 3, 0.7 * 0.7)];
        assert_eq!(graph.pairs().collect::<Vec<_>>(), expected);
        assert_eq!(graph.row(3), (&[1][..], &[0.7f32 * 0.7][..]));
    }

    #[test]
    fn a_graph_may_be_empty() {
        let none = Graph::from_edges(0, []);
        assert_eq!((none.nodes(), none.edges(), none.total()), (0, 0, 0.0));
        let apart = Graph::from_lists(3, 0, &[], &[], Some);
        assert_eq!((apart.nodes(), apart.edges(), apart.row(2).0.len()), (3, 0, 0));
    }

    #[test]
    #[should_panic(expected = "[2, 3]")]
    fn lists_of_the_wrong_length_are_refused() {
        let _ = Graph::from_lists(2, 3, &[0; 5], &[0.0; 5], Some);
    }
}
