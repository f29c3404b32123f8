//! How similar the groups of a hierarchy are where there is nothing to find: average linkage of random directions.
//!
//! In: how many directions `[n, d]`, neighbours of each. Out: by size, the highest similarity at which a group of at least
//! that size forms. Among many directions some triples are alike by chance (the more the smaller `d` is), and a node of a
//! dictionary's hierarchy that forms no higher than these tells nothing. Cost: that of [`knn`] and [`average`].

use super::linkage::average;
use crate::error::Result;
use crate::geometry::graph::Graph;
use crate::geometry::neighbors::{KnnParams, knn};
use crate::geometry::random::normals;
use crate::rows::Points;
use crate::task::Task;

/// `[largest + 1]` similarities, by size; 0 where no group of that size forms. Directions are normal draws of `seed`.
///
/// # Errors
/// If `k` is 0 or not below `n`, or the task is cancelled.
pub fn formed_by_chance(n: usize, d: usize, k: usize, largest: usize, seed: u64, task: &Task) -> Result<Vec<f64>> {
    let mut data = Vec::with_capacity(n * d + 1);
    for at in 0..(n * d).div_ceil(2) as u64 {
        data.extend(normals(seed, 0x6368_616e, at).map(|x| x as f32));
    }
    data.truncate(n * d);
    let near = knn(&Points::new(data, d), &KnnParams { k }, task)?;
    let edges = near.indices.iter().zip(&near.cosines).enumerate().filter(|(_, (_, cosine))| **cosine > 0.0);
    let graph = Graph::from_edges(n, edges.map(|(at, (&other, &cosine))| ((at / k) as u32, other, cosine)));
    let tree = average(&graph, task)?;
    let mut formed = vec![0.0f64; largest + 1];
    for group in tree.groups(2, largest) {
        let own = &mut formed[group.members.len()];
        *own = own.max(group.formed);
    }
    for size in (0..largest).rev() {
        formed[size] = formed[size].max(formed[size + 1]);
    }
    Ok(formed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_falls_with_size_and_with_dimension() {
        let task = Task::new(1).unwrap();
        let formed = |d: usize| formed_by_chance(400, d, 10, 40, 0, &task).unwrap();
        let (few, many) = (formed(16), formed(256));
        assert!(few.windows(2).all(|pair| pair[0] >= pair[1]) && few[2] < 1.0 && few[40] >= 0.0);
        assert!((2..=6).all(|size| few[size] > many[size]), "{few:?} {many:?}");
        // The closest pair of 400 directions in 256 dimensions: the largest of 79,800 cosines with deviation 1/16 lies
        // near 4.3 deviations.
        assert!((0.22..0.36).contains(&many[2]), "{}", many[2]);
        assert_eq!(few, formed(16));
        assert!(formed_by_chance(5, 8, 5, 4, 0, &task).is_err());
    }
}
