//! Connected components of a neighbour graph.
//!
//! Input: a [`Graph`], as it comes from k-nearest lists of which the links below a similarity τ are dropped. Output: a
//! label per node; components smaller than asked are in no cluster.
//!
//! Source: Engels et al. 2025 ("Not All Language Model Features Are One-Dimensionally Linear", Mistral 7B): links to the
//! k = 2 nearest by cosine, those below τ = .5 dropped, made symmetric. A τ too small joins everything, one too large
//! nothing. The authors' script also drops single nodes and components of 1,000 or more; the smallest size is a parameter
//! here, and what is too large is left to who looks at the sizes.
//!
//! Cost: O(n + e), a few milliseconds. Memory: 12 bytes a node.

use super::Clusters;
use crate::error::{Problem, Result};
use crate::geometry::graph::Graph;
use crate::task::Task;

/// Which links make a component.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComponentsParams {
    /// Neighbours each node lists.
    pub k: usize,
    /// Least similarity of a link.
    pub tau: f32,
    /// Smallest component that is a cluster.
    pub min_size: usize,
}

impl Default for ComponentsParams {
    fn default() -> Self {
        Self { k: 2, tau: 0.5, min_size: 2 }
    }
}

impl ComponentsParams {
    /// Checks the parameters for `n` nodes.
    ///
    /// # Errors
    /// If `k` is 0 or not below `n`, `tau` is not from 0 to 1, or `min_size` is 0.
    pub fn check(&self, n: usize) -> Result<()> {
        check_k(self.k, n)?;
        if !(0.0..=1.0).contains(&self.tau) {
            return Err(Problem::new(format!("the least similarity of a link is {}", self.tau))
                .expected("a number from 0 to 1")
                .hint("--tau 0.5")
                .usage());
        }
        check_min_size(self.min_size)
    }
    /// The weight of a link of this similarity: itself, if it is at least `tau` and above 0.
    pub fn keep(&self, similarity: f32) -> Option<f32> {
        (similarity >= self.tau && similarity > 0.0).then_some(similarity)
    }
}

/// Checks a number of neighbours of each of `n` nodes.
///
/// # Errors
/// If it is 0 or not below `n`.
pub fn check_k(k: usize, n: usize) -> Result<()> {
    if k > 0 && k < n {
        return Ok(());
    }
    Err(Problem::new(format!("{k} neighbours of each of {n} nodes"))
        .expected("at least 1, and fewer than there are nodes")
        .hint("--k 15")
        .usage())
}

/// Checks the smallest size of a cluster.
///
/// # Errors
/// If it is 0.
pub(super) fn check_min_size(min_size: usize) -> Result<()> {
    if min_size > 0 {
        return Ok(());
    }
    Err(Problem::new("the smallest cluster has 0 members").expected("1 or more").hint("--min-cluster-size 2").usage())
}

/// The connected components of at least `min_size` nodes.
///
/// # Errors
/// If `min_size` is 0, or the task is cancelled.
pub fn components(graph: &Graph, min_size: usize, task: &Task) -> Result<Clusters> {
    check_min_size(min_size)?;
    let (part, count) = parts(graph, |_, _| true, task)?;
    let mut sizes = vec![0usize; count];
    for &p in &part {
        sizes[p as usize] += 1;
    }
    let labels: Vec<i32> = part.iter().map(|&p| if sizes[p as usize] < min_size { -1 } else { p as i32 }).collect();
    Ok(Clusters::from_labels(&labels))
}

/// The connected component of every node, numbered by lowest node, and how many there are, where only the edges between
/// nodes that are `together` connect.
///
/// # Errors
/// If the task is cancelled.
pub(super) fn parts(graph: &Graph, together: impl Fn(usize, usize) -> bool, task: &Task) -> Result<(Vec<u32>, usize)> {
    const NONE: u32 = u32::MAX;
    let mut part = vec![NONE; graph.nodes()];
    let mut stack = Vec::new();
    let mut count = 0;
    for start in 0..graph.nodes() {
        if part[start] != NONE {
            continue;
        }
        part[start] = count;
        stack.push(start);
        while let Some(at) = stack.pop() {
            task.check()?;
            for next in graph.row(at).0.iter().map(|&next| next as usize) {
                if part[next] == NONE && together(at, next) {
                    part[next] = count;
                    stack.push(next);
                }
            }
        }
        count += 1;
    }
    Ok((part, count as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::geometry::random::{below, key};

    /// Labels by spreading the lowest number along edges until nothing changes.
    fn slow(graph: &Graph, min_size: usize) -> Clusters {
        let mut lowest: Vec<i32> = (0..graph.nodes() as i32).collect();
        loop {
            let before = lowest.clone();
            for (a, b, _) in graph.pairs() {
                let low = lowest[a as usize].min(lowest[b as usize]);
                lowest[a as usize] = low;
                lowest[b as usize] = low;
            }
            if lowest == before {
                break;
            }
        }
        let size = |of: i32| lowest.iter().filter(|&&label| label == of).count();
        Clusters::from_labels(&lowest.iter().map(|&l| if size(l) < min_size { -1 } else { l }).collect::<Vec<_>>())
    }

    #[test]
    fn components_are_those_of_spreading_labels() {
        let task = Task::new(1).unwrap();
        for seed in 0..30 {
            let n = 60;
            let draw = |at: u64| below((key(seed, 1, at) >> 32) as u32, n);
            let edges = (0..20 + 2 * seed).map(|at| (draw(2 * at), draw(2 * at + 1), 1.0));
            let graph = Graph::from_edges(n as usize, edges);
            for min_size in [1, 2, 4] {
                let found = components(&graph, min_size, &task).unwrap();
                assert_eq!(found, slow(&graph, min_size));
                assert!(found.sizes().iter().all(|&size| size >= min_size));
            }
        }
    }

    #[test]
    fn a_chain_breaks_where_the_threshold_says() {
        let task = Task::new(1).unwrap();
        // Each lists the next: similarity .9 but .5 after 2 and .4 after 5.
        let similarity = |i: u32| [0.9, 0.9, 0.5, 0.9, 0.9, 0.4, 0.9, 0.0][i as usize];
        let indices: Vec<u32> = (0..8).map(|i| (i + 1) % 8).collect();
        let values: Vec<f32> = (0..8).map(similarity).collect();
        let labels = |tau: f32| {
            let params = ComponentsParams { k: 1, tau, min_size: 2 };
            params.check(8).unwrap();
            let graph = Graph::from_lists(8, 1, &indices, &values, |value| params.keep(value));
            components(&graph, params.min_size, &task).unwrap().labels
        };
        assert_eq!(labels(0.5), [0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(labels(0.51), [0, 0, 0, 1, 1, 1, 2, 2]);
        assert_eq!(labels(0.0), [0; 8]);
        assert_eq!(labels(0.95), [-1; 8]);
    }

    #[test]
    fn parameters_out_of_range_name_their_flag() {
        let good = ComponentsParams::default();
        good.check(3).unwrap();
        for (params, flag) in [
            (ComponentsParams { k: 0, ..good }, "--k"),
            (ComponentsParams { k: 3, ..good }, "--k"),
            (ComponentsParams { tau: f32::NAN, ..good }, "--tau"),
            (ComponentsParams { tau: 1.5, ..good }, "--tau"),
            (ComponentsParams { tau: -0.1, ..good }, "--tau"),
            (ComponentsParams { min_size: 0, ..good }, "--min-cluster-size"),
        ] {
            let error = params.check(3).unwrap_err();
            assert!(matches!(error, Error::Usage(_)) && error.to_string().contains(flag), "{error}");
        }
    }

    #[test]
    fn a_cancelled_task_stops() {
        let task = Task::new(1).unwrap();
        task.watch().cancel();
        let graph = Graph::from_edges(2, [(0, 1, 1.0)]);
        assert!(matches!(components(&graph, 1, &task), Err(Error::Cancelled)));
    }
}
