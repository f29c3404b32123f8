//! From the spanning tree to clusters: single linkage, condensed tree, excess of mass.
//!
//! Merging along the edges in their order gives the single-linkage tree. Read from the root down, a merge of two
//! parts of at least `min_cluster_size` points is a split into two clusters; otherwise the smaller part falls out of
//! its cluster at density 1 / distance (McInnes and Healy 2017, section 2.3). A cluster's stability is the sum over its
//! points of the density at which they leave it less the one at which it was born; the clusters chosen are the
//! disjoint ones of largest total stability, the root excluded (Campello et al. 2013, section 5).
//!
//! Points at distance zero of each other leave together: a merge at zero is never a split.
//!
//! Cost: O(n) after the edges are sorted. Memory: about 100 bytes a point.

use super::mst::Edge;

/// Labels of points and what is known of the clusters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Extracted {
    /// Number of a point's cluster, or -1.
    pub(super) labels: Vec<i32>,
    /// Density of each point as a share of its cluster's largest; 0 in none.
    pub(super) probabilities: Vec<f32>,
    /// Stability of each cluster.
    pub(super) stability: Vec<f64>,
}

/// A merge of two nodes: points 0..n, then merges in order.
#[derive(Debug, Clone, Copy)]
struct Merge {
    parts: [u32; 2],
    size: u32,
    /// 1 / mutual reachability.
    density: f64,
}

/// A cluster of the condensed tree.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    parent: usize,
    birth: f64,
    /// Largest density at which points leave it.
    death: f64,
    stability: f64,
}

/// A node of the single-linkage tree on the way down: the cluster it is part of, and since which density it is out.
#[derive(Debug, Clone, Copy)]
struct Place {
    cluster: u32,
    left: Option<f64>,
}

/// The single-linkage tree of `n` points from sorted edges.
fn single_linkage(edges: &[Edge], n: usize) -> Vec<Merge> {
    let mut parent: Vec<u32> = (0..n as u32).collect();
    let mut node = parent.clone();
    let mut merges: Vec<Merge> = Vec::with_capacity(n.saturating_sub(1));
    let size = |merges: &[Merge], node: u32| merges.get((node as usize).wrapping_sub(n)).map_or(1, |merge| merge.size);
    for edge in edges {
        let [a, b] = [edge.low, edge.high].map(|mut at| {
            while parent[at as usize] != at {
                parent[at as usize] = parent[parent[at as usize] as usize];
                at = parent[at as usize];
            }
            at
        });
        let parts = [node[a as usize], node[b as usize]];
        let sizes = parts.map(|part| size(&merges, part));
        let (into, from) = if sizes[0] >= sizes[1] { (a, b) } else { (b, a) };
        parent[from as usize] = into;
        node[into as usize] = (n + merges.len()) as u32;
        merges.push(Merge { parts, size: sizes[0] + sizes[1], density: 1.0 / edge.weight.sqrt() });
    }
    merges
}

/// Clusters of the `n` points joined by the sorted tree `edges`; `min_cluster_size` is at least 2.
pub(super) fn extract(edges: &[Edge], n: usize, min_cluster_size: usize) -> Extracted {
    let merges = single_linkage(edges, n);
    let size = |node: u32| merges.get((node as usize).wrapping_sub(n)).map_or(1, |merge| merge.size) as usize;
    let mut candidates = vec![Candidate { parent: 0, birth: 0.0, death: 0.0, stability: 0.0 }];
    let mut places = vec![Place { cluster: 0, left: None }; n + merges.len()];
    for (at, merge) in merges.iter().enumerate().rev() {
        let place = places[n + at];
        if place.left.is_some() {
            for part in merge.parts {
                places[part as usize] = place;
            }
            continue;
        }
        let own = place.cluster as usize;
        let big = merge.parts.map(|part| size(part) >= min_cluster_size);
        let splits = big[0] && big[1] && merge.density.is_finite();
        for (part, big) in merge.parts.into_iter().zip(big) {
            let part_size = size(part);
            if splits {
                places[part as usize].cluster = candidates.len() as u32;
                candidates.push(Candidate { parent: own, birth: merge.density, death: 0.0, stability: 0.0 });
            } else {
                // Of two big parts at distance zero, both fall out.
                let stays = big && part_size + min_cluster_size > merge.size as usize;
                places[part as usize] = Place { cluster: own as u32, left: (!stays).then_some(merge.density) };
                if stays {
                    continue;
                }
            }
            let cluster = &mut candidates[own];
            cluster.stability += (merge.density - cluster.birth) * part_size as f64;
            cluster.death = cluster.death.max(merge.density);
        }
    }

    let mut below = vec![0.0; candidates.len()];
    let mut chosen = vec![false; candidates.len()];
    for at in (1..candidates.len()).rev() {
        chosen[at] = below[at] <= candidates[at].stability;
        below[candidates[at].parent] += if chosen[at] { candidates[at].stability } else { below[at] };
    }
    let mut number = vec![-1i32; candidates.len()];
    let mut holder = vec![0usize; candidates.len()];
    let mut stability = Vec::new();
    for at in 1..candidates.len() {
        let parent = candidates[at].parent;
        if number[parent] >= 0 {
            (number[at], holder[at]) = (number[parent], holder[parent]);
        } else if chosen[at] {
            (number[at], holder[at]) = (stability.len() as i32, at);
            stability.push(candidates[at].stability);
        }
    }
    let labels = places[..n].iter().map(|place| number[place.cluster as usize]).collect();
    let probability = |place: &Place| {
        if number[place.cluster as usize] < 0 {
            return 0.0;
        }
        let (left, most) = (place.left.unwrap_or(0.0), candidates[holder[place.cluster as usize]].death);
        if most == 0.0 || left.is_infinite() { 1.0 } else { (left.min(most) / most) as f32 }
    };
    Extracted { labels, probabilities: places[..n].iter().map(probability).collect(), stability }
}
