//! Groups of points, or of the nodes of a graph.
//!
//! [`hdbscan`] finds them by density. Its parts: `tree_search` and `tile_search` find core distances and edges in few
//! and in many dimensions, `mst` joins the edges to the minimum spanning tree, `condense` reads the clusters off it. By
//! links: [`components`], [`leiden`] (communities), [`spectral`] (normalised cuts), [`linkage`] (hierarchies, and [`chance`] beside them). By
//! centres: [`kmeans`]. [`agreement`] tells how far two groupings agree.

pub mod agreement;
pub mod chance;
pub mod components;
mod condense;
pub mod hdbscan;
pub mod kmeans;
pub mod leiden;
pub mod linkage;
mod mst;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod planted;
pub mod spectral;
mod tile_search;
mod tree_search;

/// Cluster labels of points.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// Cluster of each point; -1 for none. Numbered by size descending, then by lowest member.
    pub labels: Vec<i32>,
    /// Number of clusters.
    pub count: usize,
}

impl Clusters {
    /// Renumbers raw labels (negative means none) by size descending, then by lowest member.
    pub fn from_labels(raw: &[i32]) -> Self {
        let mut groups: Vec<(usize, usize, i32)> = Vec::new();
        let mut at = std::collections::HashMap::new();
        for (i, &label) in raw.iter().enumerate().filter(|(_, label)| **label >= 0) {
            let slot = *at.entry(label).or_insert_with(|| {
                groups.push((0, i, label));
                groups.len() - 1
            });
            groups[slot].0 += 1;
        }
        groups.sort_unstable_by_key(|&(size, first, _)| (std::cmp::Reverse(size), first));
        let number: std::collections::HashMap<i32, i32> =
            groups.iter().enumerate().map(|(n, &(_, _, label))| (label, n as i32)).collect();
        let labels = raw.iter().map(|label| number.get(label).copied().unwrap_or(-1)).collect();
        Self { labels, count: groups.len() }
    }
    /// Number of points in each cluster.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.count];
        for &label in self.labels.iter().filter(|label| **label >= 0) {
            sizes[label as usize] += 1;
        }
        sizes
    }
    /// Points of each cluster, ascending.
    pub fn members(&self) -> Vec<Vec<u32>> {
        let mut members = vec![Vec::new(); self.count];
        for (point, &label) in self.labels.iter().enumerate().filter(|(_, label)| **label >= 0) {
            members[label as usize].push(point as u32);
        }
        members
    }
    /// Number of points in no cluster.
    pub fn noise(&self) -> usize {
        self.labels.iter().filter(|label| **label < 0).count()
    }
}

#[cfg(test)]
mod tests {
    use super::Clusters;

    #[test]
    fn clusters_are_numbered_by_size_then_lowest_member() {
        let clusters = Clusters::from_labels(&[5, 2, 2, -1, 9, 5, 7, 7, 7]);
        assert_eq!(clusters.labels, [1, 2, 2, -1, 3, 1, 0, 0, 0]);
        assert_eq!((clusters.count, clusters.noise(), clusters.sizes()), (4, 1, vec![3, 2, 2, 1]));
        assert_eq!(clusters.members(), [vec![6, 7, 8], vec![0, 5], vec![1, 2], vec![4]]);
    }
}
