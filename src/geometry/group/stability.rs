//! Groups that are there at many resolutions: candidates from a grid of partitions, by how well the others know them.
//!
//! In: partitions of the same n nodes, ordered by resolution, several at each (seeds). Out: the groups of at least
//! `min_size` nodes with their *stability*: the mean over the other partitions within two steps of the grid of the best
//! Jaccard overlap that any of their groups has with it. From them [`stable`] takes the most stable first and leaves out
//! what shares a node with one that was taken: a partition in which every group stands at its own resolution, so that
//! small and large ones can stand side by side, and no resolution is chosen by hand.
//!
//! Cost: partitions within reach times nodes. Memory: the groups.

use crate::error::Result;
use crate::geometry::cluster::Clusters;
use crate::geometry::cluster::agreement::best_overlap;
use crate::task::Task;
use rayon::prelude::*;

/// Steps of the grid to each side that a group is held against.
pub const REACH: usize = 2;

/// A group from one of the partitions.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its nodes, ascending.
    pub members: Vec<u32>,
    /// Mean best overlap within reach.
    pub stability: f64,
    /// Step of the grid that it comes from.
    pub step: usize,
}

/// All groups of at least `min_size` nodes, the most stable first (then the larger, the coarser, the lower). Partition
/// number i is of step i / `per_step`.
///
/// # Errors
/// If the task is cancelled.
pub fn candidates(partitions: &[Clusters], per_step: usize, min_size: usize, task: &Task) -> Result<Vec<Candidate>> {
    let sizes: Vec<Vec<usize>> = partitions.iter().map(Clusters::sizes).collect();
    task.stage("stability", partitions.len() as u64);
    let found: Result<Vec<Vec<Candidate>>> = task.install(|| {
        (0..partitions.len())
            .into_par_iter()
            .map(|own| {
                task.check()?;
                let step = own / per_step;
                let within = |other: &usize| *other != own && (*other / per_step).abs_diff(step) <= REACH;
                let others: Vec<usize> = (0..partitions.len()).filter(within).collect();
                let mut shared = Vec::new();
                let mut stability = |members: &[u32]| {
                    let known = others
                        .iter()
                        .map(|&other| best_overlap(members, &partitions[other], &sizes[other], &mut shared).0);
                    if others.is_empty() { 0.0 } else { known.sum::<f64>() / others.len() as f64 }
                };
                let groups = partitions[own].members().into_iter().filter(|members| members.len() >= min_size);
                let all = groups.map(|members| Candidate { stability: stability(&members), members, step }).collect();
                task.advance(1);
                Ok(all)
            })
            .collect()
    });
    let mut all: Vec<Candidate> = found?.into_iter().flatten().collect();
    all.sort_by(|a, b| {
        let sizes = b.members.len().cmp(&a.members.len());
        b.stability
            .total_cmp(&a.stability)
            .then(sizes)
            .then(a.step.cmp(&b.step))
            .then_with(|| a.members.cmp(&b.members))
    });
    Ok(all)
}

/// The most stable groups that share no node, as a partition of `n` nodes, and the stability of each cluster.
pub fn stable(n: usize, candidates: &[Candidate]) -> (Clusters, Vec<f64>) {
    let mut labels = vec![-1i32; n];
    let mut taken: Vec<f64> = Vec::new();
    for candidate in candidates {
        if candidate.members.iter().all(|&node| labels[node as usize] < 0) {
            for &node in &candidate.members {
                labels[node as usize] = taken.len() as i32;
            }
            taken.push(candidate.stability);
        }
    }
    let clusters = Clusters::from_labels(&labels);
    let mut stability = vec![0.0; clusters.count];
    for (&raw, &label) in labels.iter().zip(&clusters.labels).filter(|(raw, _)| **raw >= 0) {
        stability[label as usize] = taken[raw as usize];
    }
    (clusters, stability)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_every_partition_knows_come_first_and_at_their_own_step() {
        // {0, 1, 2} holds at every step; {3..9} comes apart after the second.
        let coarse = [0, 0, 0, 1, 1, 1, 1, 1, 1, 2];
        let fine = [0, 0, 0, 1, 1, 1, 2, 2, 2, -1];
        let partitions: Vec<Clusters> =
            [coarse, coarse, coarse, coarse, fine, fine].iter().map(|raw| Clusters::from_labels(raw)).collect();
        let task = Task::new(2).unwrap();
        let found = candidates(&partitions, 2, 3, &task).unwrap();
        assert_eq!((found[0].members.as_slice(), found[0].stability, found[0].step), (&[0, 1, 2][..], 1.0, 0));
        let whole = found.iter().find(|one| one.members.len() == 6).unwrap();
        // Three partitions with it, two with a half of it.
        assert!((whole.stability - (3.0 + 2.0 * 0.5) / 5.0).abs() < 1e-12);
        let (clusters, stability) = stable(10, &found);
        assert_eq!(clusters.labels, [1, 1, 1, 0, 0, 0, 0, 0, 0, -1]);
        assert_eq!(stability, [whole.stability, 1.0]);
        let half = found.iter().find(|one| one.members == [3, 4, 5]).unwrap();
        assert!((half.stability - (1.0 + 4.0 * 0.5) / 5.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_stable_alone() {
        let one = [Clusters::from_labels(&[0, 0, 0])];
        let found = candidates(&one, 1, 2, &Task::new(1).unwrap()).unwrap();
        assert_eq!(found[0].stability, 0.0);
        assert_eq!(stable(3, &[]).0.count, 0);
    }
}
