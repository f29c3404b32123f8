//! A k-d tree over points of few dimensions: exact nearest neighbours in Euclidean distance.
//!
//! Input: rows `[n, dims]` of finite f32. The tree holds them as f64, so that squared distances are sums of exactly
//! represented differences, added dimension by dimension. Output: indices of rows and distances in the units of the
//! input. Every order is by distance and then by index, which makes every answer unique, whatever the points.
//!
//! Each cut is at the median of the widest side of a node's tight box, moved so that every leaf but the last holds
//! exactly [`LEAF`] points (Friedman, Bentley and Finkel 1977). A leaf lies in memory coordinate by coordinate, so
//! that its distances to a query are computed in SIMD lanes. Nodes lie in preorder and know the lowest row below
//! them: among points at equal distance (grids, duplicates) whole subtrees are skipped by index.
//!
//! Cost: O(n log n) to build, about 1 µs for the 15 nearest in two dimensions. It pays up to some ten dimensions;
//! beyond, most of the tree is visited. Memory: `8·dims + 4` bytes a point and about `2 + 2·dims` bytes a point for
//! nodes and boxes; twice the points while building.

use crate::error::{Problem, Result};
use crate::rows::Rows;
use crate::task::Task;
use rayon::prelude::*;
use std::cmp::Ordering;

/// Points in a leaf.
pub const LEAF: usize = 16;
/// More levels than a tree of `u32` points has.
const DEPTH: usize = 40;
/// Queries between two looks at the task.
const BATCH: usize = 16 * LEAF;

/// Points arranged for nearest-neighbour queries.
#[derive(Debug, Clone)]
pub struct KdTree {
    dims: usize,
    /// Per leaf, `LEAF` values of each dimension; the places beyond the last point are infinite.
    coords: Vec<f64>,
    /// Row of the point at each position.
    index: Vec<u32>,
    nodes: Vec<Node>,
    /// Per node, the lower and then the upper corner of its tight box.
    boxes: Vec<f64>,
}

/// A range of positions; children are the next node and `right`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The second child; 0 for a leaf.
    pub(crate) right: u32,
    /// Lowest row in the range.
    pub(crate) least: u32,
}

/// Whether a point is among its own neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// As any other point at distance zero; with `k` duplicates of lower index it may not be listed.
    Counted,
    /// Never.
    Excluded,
}

/// The `k` nearest rows of every row, by distance and then index.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// Neighbours per row.
    pub k: usize,
    /// `[n, k]` row-major.
    pub indices: Vec<u32>,
    /// `[n, k]` row-major Euclidean distances.
    pub distances: Vec<f64>,
}

impl Nearest {
    /// Neighbours and distances of row `i`.
    pub fn row(&self, i: usize) -> (&[u32], &[f64]) {
        let range = i * self.k..(i + 1) * self.k;
        (&self.indices[range.clone()], &self.distances[range])
    }
}

/// Neighbours of all points in the order of the tree's positions, distances squared.
pub(crate) struct Lists {
    /// `[n, keep]` positions, nearest first.
    pub(crate) near: Vec<u32>,
    /// `[n, keep]` squared distances.
    pub(crate) squared: Vec<f64>,
    /// `[n]` squared distance of the `k`-th neighbour.
    pub(crate) kth: Vec<f64>,
}

/// What a walk over the tree looks for.
pub(crate) trait Visit {
    /// Whether nothing in `node`, whose box is `lower` (squared) away, is wanted.
    fn skips(&self, node: u32, lower: f64) -> bool;
    /// Takes the points at positions from `start` on; places beyond the last point are infinitely far.
    fn leaf(&mut self, start: usize, squared: &[f64; LEAF]);
}

impl KdTree {
    /// Builds the tree of `rows`.
    ///
    /// # Errors
    /// If there are no rows, no columns or more than 2³¹ rows, if a value is not finite, or the task is cancelled.
    pub fn build(rows: &dyn Rows, task: &Task) -> Result<Self> {
        let (n, dims) = (rows.nrows(), rows.ncols());
        if n == 0 || dims == 0 || n > 1 << 31 {
            return Err(Problem::new("these points cannot be arranged in a k-d tree")
                .shape(&[n, dims])
                .expected("1 to 2^31 rows of at least one value")
                .input());
        }
        let mut points = vec![0.0f64; n * dims];
        let step = (65536 / dims).clamp(1, n);
        let mut tile = vec![0.0f32; step * dims];
        for start in (0..n).step_by(step) {
            task.check()?;
            let tile = &mut tile[..step.min(n - start) * dims];
            rows.read(start..start + tile.len() / dims, tile);
            if let Some(at) = tile.iter().position(|x| !x.is_finite()) {
                return Err(not_finite(start + at / dims));
            }
            for (x, &value) in points[start * dims..].iter_mut().zip(tile.iter()) {
                *x = f64::from(value);
            }
        }
        let leaves = n.div_ceil(LEAF);
        let mut tree = Self {
            dims,
            coords: vec![f64::INFINITY; leaves * LEAF * dims],
            index: (0..n as u32).collect(),
            nodes: Vec::with_capacity(2 * leaves - 1),
            boxes: Vec::with_capacity((2 * leaves - 1) * 2 * dims),
        };
        let mut keys = vec![(0.0, 0); n];
        tree.cut(&points, &mut keys, 0, n, task)?;
        for (position, &row) in tree.index.iter().enumerate() {
            let leaf = &mut tree.coords[position / LEAF * LEAF * dims..];
            for dim in 0..dims {
                leaf[dim * LEAF + position % LEAF] = points[row as usize * dims + dim];
            }
        }
        Ok(tree)
    }

    /// Makes the node of the positions `start..end` and everything below it.
    fn cut(&mut self, points: &[f64], keys: &mut [(f64, u32)], start: usize, end: usize, task: &Task) -> Result<()> {
        let (dims, node, len) = (self.dims, self.nodes.len(), end - start);
        let range = &self.index[start..end];
        let least = *range.iter().min().expect("a node has points");
        self.nodes.push(Node { start: start as u32, end: end as u32, right: 0, least });
        let corners = self.boxes.len();
        self.boxes.resize(corners + dims, f64::INFINITY);
        self.boxes.resize(corners + 2 * dims, f64::NEG_INFINITY);
        let (low, high) = self.boxes[corners..].split_at_mut(dims);
        for &row in range {
            let point = &points[row as usize * dims..][..dims];
            for dim in 0..dims {
                low[dim] = low[dim].min(point[dim]);
                high[dim] = high[dim].max(point[dim]);
            }
        }
        if len <= LEAF {
            return Ok(());
        }
        if len > 4096 {
            task.check()?;
        }
        let widest = (0..dims).max_by(|&a, &b| (high[a] - low[a]).total_cmp(&(high[b] - low[b])).then(b.cmp(&a)));
        let widest = widest.expect("at least one dimension");
        let keys_here = &mut keys[..len];
        for (key, &row) in keys_here.iter_mut().zip(range) {
            *key = (points[row as usize * dims + widest], row);
        }
        let half = (len / 2).next_multiple_of(LEAF).min((len - 1) / LEAF * LEAF);
        keys_here.select_nth_unstable_by(half, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (row, key) in self.index[start..end].iter_mut().zip(keys_here) {
            *row = key.1;
        }
        self.cut(points, keys, start, start + half, task)?;
        self.nodes[node].right = self.nodes.len() as u32;
        self.cut(points, keys, start + half, end, task)
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.index.len()
    }
    /// Whether there are no points: never, since building refuses that.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }
    /// Values per point.
    pub fn dims(&self) -> usize {
        self.dims
    }
    /// The row nearest to `query`, the lowest of several; row 0 if `query` is not finite.
    ///
    /// # Panics
    /// If `query` is not `dims` values.
    pub fn nearest(&self, query: &[f32]) -> usize {
        self.nearest_k(query, 1).first().map_or(0, |&(row, _)| row as usize)
    }
    /// The `k` rows nearest to `query` (all, if there are fewer) with their distances, by distance and then index.
    ///
    /// # Panics
    /// If `query` is not `dims` values.
    pub fn nearest_k(&self, query: &[f32], k: usize) -> Vec<(u32, f64)> {
        assert_eq!(query.len(), self.dims, "a query of another width");
        let query: Vec<f64> = query.iter().map(|&x| f64::from(x)).collect();
        let mut found = Shortlist::new(k.min(self.len()));
        self.gather(&query, u32::MAX, &mut found);
        found.sorted().iter().map(|&(squared, row)| (row, squared.sqrt())).collect()
    }
    /// The `k` nearest rows of every row.
    ///
    /// # Errors
    /// If `k` is 0 or above the number of rows there are to list, or the task is cancelled.
    pub fn all_nearest(&self, k: usize, own: Own, task: &Task) -> Result<Nearest> {
        let most = self.len() - usize::from(own == Own::Excluded);
        if k == 0 || k > most {
            return Err(Problem::new(format!("{k} nearest neighbours of {} points", self.len()))
                .expected(format!("1 to {most} neighbours"))
                .usage());
        }
        let lists = self.lists(k, k, own, task)?;
        let mut out = Nearest { k, indices: vec![0; k * self.len()], distances: vec![0.0; k * self.len()] };
        for (position, &row) in self.index.iter().enumerate() {
            let (from, to) = (position * k, row as usize * k);
            for at in 0..k {
                out.indices[to + at] = self.index[lists.near[from + at] as usize];
                out.distances[to + at] = lists.squared[from + at].sqrt();
            }
        }
        Ok(out)
    }

    /// The `keep` nearest of every point and the distance of its `k`-th, by position; `1 <= keep <= k`.
    pub(crate) fn lists(&self, k: usize, keep: usize, own: Own, task: &Task) -> Result<Lists> {
        let n = self.len();
        let mut at = vec![0u32; n];
        for (position, &row) in self.index.iter().enumerate() {
            at[row as usize] = position as u32;
        }
        let mut lists = Lists { near: vec![0; n * keep], squared: vec![0.0; n * keep], kth: vec![0.0; n] };
        let out = lists.near.par_chunks_mut(BATCH * keep).zip(lists.squared.par_chunks_mut(BATCH * keep));
        let out = out.zip(lists.kth.par_chunks_mut(BATCH)).enumerate();
        task.install(|| {
            out.try_for_each(|(number, ((near, squared), kth))| {
                task.check()?;
                let mut found = Shortlist::new(k);
                let mut query = vec![0.0; self.dims];
                for offset in 0..kth.len() {
                    let position = number * BATCH + offset;
                    self.point(position, &mut query);
                    let skip = if own == Own::Excluded { self.index[position] } else { u32::MAX };
                    self.gather(&query, skip, &mut found);
                    let sorted = found.sorted();
                    kth[offset] = sorted[k - 1].0;
                    for (slot, &(distance, row)) in sorted[..keep].iter().enumerate() {
                        near[offset * keep + slot] = at[row as usize];
                        squared[offset * keep + slot] = distance;
                    }
                    found.clear();
                }
                task.advance(kth.len() as u64);
                Ok(())
            })
        })?;
        Ok(lists)
    }

    /// Collects the nearest of `query` in `found`, leaving out the row `skip`.
    fn gather(&self, query: &[f64], skip: u32, found: &mut Shortlist) {
        struct Gather<'a> {
            tree: &'a KdTree,
            skip: u32,
            found: &'a mut Shortlist,
        }
        impl Visit for Gather<'_> {
            #[inline]
            fn skips(&self, node: u32, lower: f64) -> bool {
                let limit = self.found.limit();
                lower > limit.0 || (lower == limit.0 && self.tree.nodes[node as usize].least > limit.1)
            }
            #[inline]
            fn leaf(&mut self, start: usize, squared: &[f64; LEAF]) {
                let rows = &self.tree.index[start..self.tree.len().min(start + LEAF)];
                for (&row, &distance) in rows.iter().zip(squared) {
                    if distance <= self.found.limit().0 && row != self.skip {
                        self.found.offer(distance, row);
                    }
                }
            }
        }
        self.walk(query, &mut Gather { tree: self, skip, found });
    }

    /// Rows by position.
    pub(crate) fn index(&self) -> &[u32] {
        &self.index
    }
    /// Nodes in preorder.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }
    /// Copies the point at `position` to `out`.
    #[inline]
    pub(crate) fn point(&self, position: usize, out: &mut [f64]) {
        let leaf = &self.coords[position / LEAF * LEAF * self.dims..];
        for (dim, x) in out.iter_mut().enumerate() {
            *x = leaf[dim * LEAF + position % LEAF];
        }
    }
    /// Walks the tree towards `query`, nearer boxes first.
    pub(crate) fn walk<V: Visit>(&self, query: &[f64], visit: &mut V) {
        // Loops over a constant number of dimensions unroll; the map has two.
        match self.dims {
            1 => self.descend::<1, V>(query, visit),
            2 => self.descend::<2, V>(query, visit),
            3 => self.descend::<3, V>(query, visit),
            _ => self.descend::<0, V>(query, visit),
        }
    }
    /// [`Self::walk`] for `D` dimensions; `D = 0` for any number.
    fn descend<const D: usize, V: Visit>(&self, query: &[f64], visit: &mut V) {
        let dims = if D == 0 { self.dims } else { D };
        let mut stack = [(0u32, 0.0f64); DEPTH];
        let mut top = 1;
        stack[0] = (0, self.lower(0, query, dims));
        while top > 0 {
            top -= 1;
            let (mut at, lower) = stack[top];
            if visit.skips(at, lower) {
                continue;
            }
            loop {
                let node = self.nodes[at as usize];
                if node.right == 0 {
                    visit.leaf(node.start as usize, &self.squared(node.start as usize, query, dims));
                    break;
                }
                let (left, right) =
                    ((at + 1, self.lower(at + 1, query, dims)), (node.right, self.lower(node.right, query, dims)));
                let (near, far) = if left.1 <= right.1 { (left, right) } else { (right, left) };
                stack[top] = far;
                top += 1;
                if visit.skips(near.0, near.1) {
                    break;
                }
                at = near.0;
            }
        }
    }
    /// Squared distance from `query` to the box of `node`: never above the computed one to a point inside, since each
    /// step of either sum rounds the same way.
    #[inline]
    fn lower(&self, node: u32, query: &[f64], dims: usize) -> f64 {
        let (low, high) = self.boxes[node as usize * 2 * dims..][..2 * dims].split_at(dims);
        let mut sum = 0.0;
        for dim in 0..dims {
            let out = (low[dim] - query[dim]).max(query[dim] - high[dim]).max(0.0);
            sum += out * out;
        }
        sum
    }
    /// Squared distances from `query` to the points of the leaf that starts at `start`.
    #[inline]
    fn squared(&self, start: usize, query: &[f64], dims: usize) -> [f64; LEAF] {
        let leaf = &self.coords[start * dims..][..LEAF * dims];
        let mut sum = [0.0; LEAF];
        for (values, &q) in leaf.as_chunks::<LEAF>().0.iter().zip(&query[..dims]) {
            for (sum, x) in sum.iter_mut().zip(values) {
                let apart = x - q;
                *sum += apart * apart;
            }
        }
        sum
    }
}

/// The error for a value that is no number.
pub(crate) fn not_finite(row: usize) -> crate::Error {
    Problem::new(format!("row {row} has a value that is not finite"))
        .expected("finite numbers")
        .hint("removing that row, or looking where its NaN or infinity comes from")
        .input()
}

/// The `k` smallest of the (squared distance, index) pairs offered: a max-heap that is sorted at the end.
#[derive(Debug, Clone)]
pub(crate) struct Shortlist {
    k: usize,
    heap: Vec<(f64, u32)>,
}

fn before(a: (f64, u32), b: (f64, u32)) -> bool {
    a.0 < b.0 || (a.0 == b.0 && a.1 < b.1)
}

impl Shortlist {
    /// An empty list for `k` pairs.
    pub(crate) fn new(k: usize) -> Self {
        Self { k, heap: Vec::with_capacity(k) }
    }
    /// Only a pair before this one is taken.
    #[inline]
    pub(crate) fn limit(&self) -> (f64, u32) {
        if self.heap.len() < self.k {
            (f64::INFINITY, u32::MAX)
        } else {
            self.heap.first().copied().unwrap_or((-1.0, 0))
        }
    }
    /// Takes the pair if it is among the smallest so far.
    pub(crate) fn offer(&mut self, squared: f64, index: u32) {
        let new = (squared, index);
        if self.heap.len() < self.k {
            self.heap.push(new);
            let mut at = self.heap.len() - 1;
            while at > 0 && before(self.heap[(at - 1) / 2], new) {
                self.heap[at] = self.heap[(at - 1) / 2];
                at = (at - 1) / 2;
            }
            self.heap[at] = new;
        } else if before(new, self.limit()) {
            let (heap, mut at) = (&mut self.heap[..], 0);
            loop {
                let mut child = 2 * at + 1;
                if child + 1 < heap.len() && before(heap[child], heap[child + 1]) {
                    child += 1;
                }
                if child >= heap.len() || !before(new, heap[child]) {
                    break;
                }
                heap[at] = heap[child];
                at = child;
            }
            heap[at] = new;
        }
    }
    /// The pairs in order; call [`Self::clear`] before offering more.
    pub(crate) fn sorted(&mut self) -> &[(f64, u32)] {
        self.heap.sort_unstable_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal).then(a.1.cmp(&b.1)));
        &self.heap
    }
    /// Empties the list.
    pub(crate) fn clear(&mut self) {
        self.heap.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Points;
    use proptest::prelude::*;

    fn noise(n: usize, dims: usize, seed: u64) -> Points {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let value = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        Points::new((0..n * dims).map(value).collect(), dims)
    }

    /// All distances from `query`, sorted with ties by index.
    fn oracle(points: &Points, query: &[f32], skip: Option<usize>) -> Vec<(u32, f64)> {
        let mut all: Vec<(u32, f64)> = (0..points.len())
            .filter(|&i| Some(i) != skip)
            .map(|i| {
                let gaps = points.row(i).iter().zip(query).map(|(a, b)| f64::from(*a) - f64::from(*b));
                (i as u32, gaps.map(|gap| gap * gap).sum::<f64>())
            })
            .collect();
        all.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        all.into_iter().map(|(i, squared)| (i, squared.sqrt())).collect()
    }

    fn check_all(points: &Points, k: usize) {
        let task = Task::new(2).unwrap();
        let tree = KdTree::build(points, &task).unwrap();
        assert_eq!((tree.len(), tree.dims(), tree.is_empty()), (points.len(), points.dims(), false));
        for own in [Own::Counted, Own::Excluded] {
            let found = tree.all_nearest(k, own, &task).unwrap();
            for i in 0..points.len() {
                let expected = oracle(points, points.row(i), (own == Own::Excluded).then_some(i));
                let (indices, distances) = found.row(i);
                let listed: Vec<(u32, f64)> = indices.iter().copied().zip(distances.iter().copied()).collect();
                assert_eq!(listed, expected[..k], "point {i}, {own:?}");
            }
        }
    }

    #[test]
    fn neighbours_equal_brute_force_in_every_dimension() {
        for dims in [1, 2, 3, 4, 7, 16] {
            for n in [2, 15, 16, 17, 33, 700] {
                check_all(&noise(n, dims, (n * dims) as u64), 9.min(n - 1));
            }
        }
    }

    #[test]
    fn ties_are_ordered_by_index() {
        let grid: Vec<f32> = (0..400).flat_map(|i| [(i * 7 % 400 / 20) as f32, (i * 7 % 20) as f32]).collect();
        check_all(&Points::new(grid, 2), 14);
        check_all(&Points::new(vec![3.5; 500 * 3], 3), 40);
        let clumps: Vec<f32> = (0..300).map(|i| (i % 4) as f32).collect();
        check_all(&Points::new(clumps, 1), 90);
    }

    #[test]
    fn a_query_anywhere_finds_the_nearest() {
        let task = Task::new(1).unwrap();
        let points = noise(500, 2, 5);
        let tree = KdTree::build(&points, &task).unwrap();
        for query in [[0.5, 0.5], [-3.0, 9.0], [0.0, 0.99], [1e30, -1e30]] {
            let expected = oracle(&points, &query, None);
            assert_eq!(tree.nearest(&query), expected[0].0 as usize);
            assert_eq!(tree.nearest_k(&query, 20), expected[..20]);
            assert_eq!(tree.nearest_k(&query, 9999), expected);
            assert!(tree.nearest_k(&query, 0).is_empty());
        }
        assert_eq!(tree.nearest(&[f32::NAN, 0.0]), 0);
    }

    #[test]
    fn threads_do_not_change_the_answer() {
        let points = noise(3000, 3, 8);
        let run = |threads| {
            let task = Task::new(threads).unwrap();
            KdTree::build(&points, &task).unwrap().all_nearest(10, Own::Counted, &task).unwrap()
        };
        assert_eq!(run(1), run(2));
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn bad_input_is_named() {
        let task = Task::new(1).unwrap();
        let mut points = noise(50, 2, 1);
        let tree = KdTree::build(&points, &task).unwrap();
        for (k, own) in [(0, Own::Counted), (51, Own::Counted), (50, Own::Excluded)] {
            assert!(tree.all_nearest(k, own, &task).unwrap_err().to_string().contains("expected 1 to"));
        }
        points.data_mut()[2 * 31 + 1] = f32::INFINITY;
        assert!(KdTree::build(&points, &task).unwrap_err().to_string().contains("row 31"));
        assert!(KdTree::build(&Points::new(Vec::new(), 2), &task).is_err());
        task.watch().cancel();
        assert!(matches!(KdTree::build(&noise(50, 2, 1), &task), Err(crate::Error::Cancelled)));
        assert!(matches!(tree.all_nearest(3, Own::Counted, &task), Err(crate::Error::Cancelled)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn coarse_points_equal_brute_force(values in prop::collection::vec(-4i8..4, 20..240), dims in 1usize..5) {
            let whole = values.len() / dims * dims;
            let points = Points::new(values[..whole].iter().map(|&v| f32::from(v)).collect(), dims);
            check_all(&points, 3.min(points.len() - 1));
        }
    }
}
