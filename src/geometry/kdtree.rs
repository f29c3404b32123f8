//! A k-d tree over points of few dimensions: exact nearest neighbours in Euclidean distance.
//!
//! Input: rows `[n, dims]` of finite numbers, as f64, so that squared distances are sums of exactly represented
//! differences (of f32 values), added dimension by dimension. Output: indices of rows and distances in the units of the
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

use super::shortlist::Shortlist;
use crate::error::{Problem, Result};
use crate::rows::{Rows, all_finite};
use crate::task::Task;
use rayon::prelude::*;

/// Points in a leaf.
pub(super) const LEAF: usize = 16;
/// More levels than a tree of `u32` points has.
const DEPTH: usize = 40;
/// Queries between two looks at the task, while they are of [`SMALL`] neighbours or fewer: a millisecond or less.
const BATCH: usize = 16 * LEAF;
const SMALL: usize = 64;

/// Points arranged for nearest-neighbour queries.
#[derive(Debug, Clone)]
pub(super) struct KdTree {
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
pub(super) struct Node {
    pub(super) start: u32,
    pub(super) end: u32,
    /// The second child; 0 for a leaf.
    pub(super) right: u32,
    /// Lowest row in the range.
    pub(super) least: u32,
}

/// Neighbours of all points in the order of the tree's positions, distances squared.
pub(super) struct Lists {
    /// `[n, keep]` positions, nearest first.
    pub(super) near: Vec<u32>,
    /// `[n, keep]` squared distances.
    pub(super) squared: Vec<f64>,
    /// `[n]` squared distance of the `k`-th neighbour.
    pub(super) kth: Vec<f64>,
}

/// What a walk over the tree looks for.
pub(super) trait Visit {
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
    pub(super) fn build(rows: &dyn Rows, task: &Task) -> Result<Self> {
        let (n, dims) = (rows.nrows(), rows.ncols());
        if n == 0 || dims == 0 || n > 1 << 31 {
            return Err(Problem::new("these points cannot be arranged in a k-d tree")
                .shape(&[n, dims])
                .expected("1 to 2^31 rows of at least one value")
                .input());
        }
        let mut points = vec![0.0f64; n * dims];
        let step = (65536 / dims).max(1);
        for (number, values) in points.chunks_mut(step * dims).enumerate() {
            task.check()?;
            let start = number * step;
            rows.read_f64(start..start + values.len() / dims, values);
            all_finite(values, dims, start)?;
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
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }
    /// Values per point.
    pub(super) fn dims(&self) -> usize {
        self.dims
    }

    /// The `keep` nearest of every point, itself counted, and the distance of its `k`-th, by position;
    /// `1 <= keep <= k <= n`.
    pub(super) fn lists(&self, k: usize, keep: usize, task: &Task) -> Result<Lists> {
        let n = self.len();
        let mut at = vec![0u32; n];
        for (position, &row) in self.index.iter().enumerate() {
            at[row as usize] = position as u32;
        }
        let mut lists = Lists { near: vec![0; n * keep], squared: vec![0.0; n * keep], kth: vec![0.0; n] };
        let batch = (BATCH * SMALL / k).clamp(1, BATCH);
        let out = lists.near.par_chunks_mut(batch * keep).zip(lists.squared.par_chunks_mut(batch * keep));
        let out = out.zip(lists.kth.par_chunks_mut(batch)).enumerate();
        task.install(|| {
            out.try_for_each(|(number, ((near, squared), kth))| {
                task.check()?;
                let mut found = Shortlist::new(k);
                let mut query = vec![0.0; self.dims];
                for offset in 0..kth.len() {
                    let position = number * batch + offset;
                    self.point(position, &mut query);
                    self.gather(&query, &mut found);
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

    /// Of every row its `k` nearest other rows `[n, k]`, nearest first, and their distances; `k < n`.
    pub(super) fn others(&self, k: usize, task: &Task) -> Result<(Vec<u32>, Vec<f64>)> {
        let lists = self.lists(k + 1, k + 1, task)?;
        let rows = self.index();
        let (mut indices, mut distances) = (vec![0; self.len() * k], vec![0.0; self.len() * k]);
        let found = lists.near.chunks_exact(k + 1).zip(lists.squared.chunks_exact(k + 1));
        for (&own, (near, squared)) in rows.iter().zip(found) {
            let others = near.iter().zip(squared).map(|(&at, &square)| (rows[at as usize], square.sqrt()));
            for (slot, (other, distance)) in others.filter(|(other, _)| *other != own).take(k).enumerate() {
                indices[own as usize * k + slot] = other;
                distances[own as usize * k + slot] = distance;
            }
        }
        Ok((indices, distances))
    }

    /// Collects the nearest of `query` in `found`.
    fn gather(&self, query: &[f64], found: &mut Shortlist) {
        struct Gather<'a> {
            tree: &'a KdTree,
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
                    if distance <= self.found.limit().0 {
                        self.found.offer(distance, row);
                    }
                }
            }
        }
        self.walk(query, &mut Gather { tree: self, found });
    }

    /// Rows by position.
    pub(super) fn index(&self) -> &[u32] {
        &self.index
    }
    /// Nodes in preorder.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }
    /// Copies the point at `position` to `out`.
    #[inline]
    pub(super) fn point(&self, position: usize, out: &mut [f64]) {
        let leaf = &self.coords[position / LEAF * LEAF * self.dims..];
        for (dim, x) in out.iter_mut().enumerate() {
            *x = leaf[dim * LEAF + position % LEAF];
        }
    }
    /// Walks the tree towards `query`, nearer boxes first.
    pub(super) fn walk<V: Visit>(&self, query: &[f64], visit: &mut V) {
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

    /// All squared distances from `query`, sorted with ties by index.
    fn oracle(points: &Points, query: &[f32]) -> Vec<(f64, u32)> {
        let mut all: Vec<(f64, u32)> = (0..points.len())
            .map(|i| {
                let gaps = points.row(i).iter().zip(query).map(|(a, b)| f64::from(*a) - f64::from(*b));
                (gaps.map(|gap| gap * gap).sum::<f64>(), i as u32)
            })
            .collect();
        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
        all
    }

    fn check_all(points: &Points, k: usize) {
        let task = Task::new(2).unwrap();
        let tree = KdTree::build(points, &task).unwrap();
        assert_eq!((tree.len(), tree.dims()), (points.len(), points.dims()));
        let keep = k.div_ceil(2);
        let found = tree.lists(k, keep, &task).unwrap();
        for (position, &row) in tree.index().iter().enumerate() {
            let expected = oracle(points, points.row(row as usize));
            let slots = position * keep..(position + 1) * keep;
            let near = found.near[slots.clone()].iter().map(|&at| tree.index()[at as usize]);
            let listed: Vec<(f64, u32)> = found.squared[slots].iter().copied().zip(near).collect();
            assert_eq!(listed, expected[..keep], "point {row}");
            assert_eq!(found.kth[position], expected[k - 1].0, "point {row}");
        }
    }

    #[test]
    fn neighbours_equal_brute_force_in_every_dimension() {
        for dims in [1, 2, 3, 4, 7, 16] {
            for n in [2, 15, 16, 17, 33, 700] {
                check_all(&noise(n, dims, (n * dims) as u64), 9.min(n));
                check_all(&noise(n, dims, (n * dims) as u64), n);
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
        let points = noise(500, 2, 5);
        let tree = KdTree::build(&points, &Task::new(1).unwrap()).unwrap();
        for query in [[0.5f32, 0.5], [-3.0, 9.0], [0.0, 0.99], [1e30, -1e30]] {
            for k in [1, 20, 500] {
                let mut found = Shortlist::new(k);
                tree.gather(&query.map(f64::from), &mut found);
                assert_eq!(found.sorted(), &oracle(&points, &query)[..k]);
            }
        }
    }

    #[test]
    fn threads_do_not_change_the_answer() {
        let points = noise(3000, 3, 8);
        let run = |threads| {
            let task = Task::new(threads).unwrap();
            let found = KdTree::build(&points, &task).unwrap().lists(10, 10, &task).unwrap();
            (found.near, found.squared, found.kth)
        };
        assert_eq!(run(1), run(2));
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn bad_input_is_named() {
        let task = Task::new(1).unwrap();
        let mut points = noise(50, 2, 1);
        let tree = KdTree::build(&points, &task).unwrap();
        points.data_mut()[2 * 31 + 1] = f32::INFINITY;
        assert!(KdTree::build(&points, &task).unwrap_err().to_string().contains("row 31"));
        assert!(KdTree::build(&Points::new(Vec::new(), 2), &task).is_err());
        task.watch().cancel();
        assert!(matches!(KdTree::build(&noise(50, 2, 1), &task), Err(crate::Error::Cancelled)));
        assert!(matches!(tree.lists(3, 3, &task), Err(crate::Error::Cancelled)));
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
