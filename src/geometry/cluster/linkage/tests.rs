//! Linkage against dense oracles, scipy, components at every threshold, and planted hierarchies.

use super::*;
use crate::error::Error;
use crate::geometry::cluster::components::parts;
use crate::geometry::cluster::planted::{Random, linked, renumbered};
use std::collections::{BTreeMap, BTreeSet};

fn task() -> Task {
    Task::new(1).unwrap()
}

/// Groups as sets, with the similarity at which two of them merge, in order: all pairs are looked at for every merge.
fn slow_average(graph: &Graph) -> Vec<(f64, BTreeSet<u32>)> {
    let n = graph.nodes();
    let mut weight = vec![vec![0.0; n]; n];
    for (a, b, w) in graph.pairs() {
        weight[a as usize][b as usize] = f64::from(w);
        weight[b as usize][a as usize] = f64::from(w);
    }
    let mut groups: Vec<BTreeSet<u32>> = (0..n as u32).map(|i| BTreeSet::from([i])).collect();
    let mut merges = Vec::new();
    loop {
        let mut best: Option<(f64, usize, usize)> = None;
        // Groups stay in the order of their lowest members.
        for a in 0..groups.len() {
            for b in a + 1..groups.len() {
                let between = groups[a].iter().flat_map(|&i| groups[b].iter().map(move |&j| (i, j)));
                let sum: f64 = between.map(|(i, j)| weight[i as usize][j as usize]).sum();
                let similarity = sum / (groups[a].len() * groups[b].len()) as f64;
                if similarity > 0.0 && best.is_none_or(|best| similarity > best.0) {
                    best = Some((similarity, a, b));
                }
            }
        }
        let Some((similarity, a, b)) = best else { return merges };
        let other = groups.remove(b);
        groups[a].extend(other);
        merges.push((similarity, groups[a].clone()));
    }
}

/// The members of every merge.
fn members(tree: &Dendrogram) -> Vec<(f64, BTreeSet<u32>)> {
    let mut sets: Vec<BTreeSet<u32>> = (0..tree.leaves() as u32).map(|i| BTreeSet::from([i])).collect();
    for merge in tree.merges() {
        assert!(merge.a < merge.b);
        let union: BTreeSet<u32> = sets[merge.a as usize].union(&sets[merge.b as usize]).copied().collect();
        assert_eq!(union.len(), merge.size as usize);
        sets.push(union);
    }
    tree.merges().iter().map(|merge| merge.height).zip(sets.split_off(tree.leaves())).collect()
}

#[test]
fn average_linkage_is_the_dense_ones() {
    for seed in 0..12 {
        let sparse = linked(50, seed, |i, j| if i % 5 == j % 5 { 0.4 } else { 0.05 });
        let full = linked(24, seed, |_, _| 1.0);
        // Ties everywhere, in numbers that add up exactly.
        let coarse = |graph: &Graph, step: f32| {
            Graph::from_edges(graph.nodes(), graph.pairs().map(|(a, b, w)| (a, b, (w * step).ceil() / step)))
        };
        for graph in [coarse(&sparse, 4.0), coarse(&full, 8.0), coarse(&sparse, 1.0), sparse, full] {
            let (found, expected) = (members(&average(&graph, &task()).unwrap()), slow_average(&graph));
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found.0 - expected.0).abs() < 1e-12, "{} {}", found.0, expected.0);
                assert_eq!(found.1, expected.1);
            }
            assert!(found.is_sorted_by(|a, b| a.0 >= b.0));
        }
    }
}

#[test]
fn single_linkage_takes_the_edges_in_their_order() {
    for seed in 0..6 {
        let fine = linked(50, seed, |_, _| 0.1);
        let graph = Graph::from_edges(50, fine.pairs().map(|(a, b, w)| (a, b, (w * 3.0).ceil() / 4.0)));
        let mut edges: Vec<(u32, u32, f32)> = graph.pairs().collect();
        // Stable: equal weights stay in the order of the nodes.
        edges.sort_by(|a, b| b.2.total_cmp(&a.2));
        let mut label: Vec<u32> = (0..50).collect();
        let mut expected = Vec::new();
        for (a, b, w) in edges {
            let [a, b] = [a, b].map(|i| label[i as usize]);
            if a != b {
                label.iter_mut().filter(|label| **label == b).for_each(|label| *label = a);
                let set: BTreeSet<u32> = (0..50).filter(|&i| label[i as usize] == a).collect();
                expected.push((f64::from(w), set));
            }
        }
        assert_eq!(members(&single(&graph, &task()).unwrap()), expected);
    }
}

/// Eight nodes whose similarities are 1 less the distances that scipy was given.
fn eight() -> Graph {
    let weight = |i: u32, j: u32| ((i + 1) * (j + 2) * 379 % 1009) as f32 / 1024.0;
    let pairs = (0..8).flat_map(|j| (0..j).map(move |i| (i, j)));
    Graph::from_edges(8, pairs.map(|(i, j)| (i, j, if (i + j) % 3 == 0 { 0.0 } else { weight(i, j) })))
}

#[test]
fn heights_and_sizes_are_scipys() {
    // scipy.cluster.hierarchy.linkage(1 - similarity, method), absent edges at distance 1; a distance of 1 ends it.
    for (tree, expected) in [(single(&eight(), &task()), SINGLE), (average(&eight(), &task()), AVERAGE)] {
        let tree = tree.unwrap();
        assert_eq!(tree.merges().len(), 7);
        for (merge, (distance, size)) in tree.merges().iter().zip(expected) {
            assert!((1.0 - merge.height - distance).abs() < 1e-9, "{merge:?} {distance}");
            assert_eq!(merge.size, size);
        }
    }
}

/// Distance and size of every merge.
const SINGLE: [(f64, u32); 7] = [
    (0.110_351_562_5, 2),
    (0.125, 2),
    (0.25, 3),
    (0.254_882_812_5, 4),
    (0.345_703_125, 5),
    (0.375, 7),
    (0.379_882_812_5, 8),
];
const AVERAGE: [(f64, u32); 7] = [
    (0.110_351_562_5, 2),
    (0.125, 2),
    (0.254_882_812_5, 2),
    (0.442_382_812_5, 3),
    (0.555_175_781_25, 4),
    (0.827_880_859_375, 5),
    (0.871_419_270_833_333_4, 8),
];

/// Every set of nodes that is a component at some threshold, with the highest threshold at which it is and the next.
fn standing(graph: &Graph) -> BTreeMap<BTreeSet<u32>, (f64, Option<f64>)> {
    let mut thresholds: Vec<f32> = graph.pairs().map(|edge| edge.2).collect();
    thresholds.sort_by(|a, b| b.total_cmp(a));
    thresholds.dedup();
    let mut found = BTreeMap::<BTreeSet<u32>, (f64, Option<f64>)>::new();
    for &threshold in &thresholds {
        let kept = Graph::from_edges(graph.nodes(), graph.pairs().filter(|edge| edge.2 >= threshold));
        let (part, count) = parts(&kept, |_, _| true, &task()).unwrap();
        let mut sets = vec![BTreeSet::new(); count];
        part.iter().enumerate().for_each(|(i, &p)| _ = sets[p as usize].insert(i as u32));
        for (set, life) in &mut found {
            if life.1.is_none() && !sets.contains(set) {
                life.1 = Some(threshold.into());
            }
        }
        for set in sets.into_iter().filter(|set| set.len() > 1) {
            found.entry(set).or_insert((threshold.into(), None));
        }
    }
    found
}

#[test]
fn single_linkage_groups_are_the_components_at_every_threshold() {
    for seed in 0..10 {
        let fine = linked(60, seed, |i, j| if i % 4 == j % 4 { 0.15 } else { 0.01 });
        let coarse = Graph::from_edges(60, fine.pairs().map(|(a, b, w)| (a, b, (w * 8.0).round() / 8.0)));
        for graph in [fine, coarse] {
            let tree = single(&graph, &task()).unwrap();
            let expected = standing(&graph);
            let set = |group: &Group| group.members.iter().copied().collect::<BTreeSet<u32>>();
            let found: BTreeMap<_, _> =
                tree.groups(2, 60).map(|group| (set(&group), (group.formed, group.absorbed))).collect();
            assert_eq!(found, expected);
            let some: Vec<Group> = tree.groups(4, 9).collect();
            assert_eq!(some.len(), expected.keys().filter(|set| (4..=9).contains(&set.len())).count());
            assert!(some.iter().all(|group| expected.contains_key(&set(group))));
            for threshold in [0.5, 0.625, 0.8, 0.99] {
                let kept = Graph::from_edges(60, graph.pairs().filter(|edge| f64::from(edge.2) >= threshold));
                let components = super::super::components::components(&kept, 3, &task()).unwrap();
                assert_eq!(tree.cut(threshold, 3).unwrap(), components);
            }
        }
    }
}

#[test]
fn average_groups_have_their_members_and_lives() {
    let graph = linked(80, 3, |i, j| if i % 6 == j % 6 { 0.5 } else { 0.03 });
    let tree = average(&graph, &task()).unwrap();
    let all = members(&tree);
    let mut seen = 0;
    for group in tree.groups(2, 80) {
        let set: BTreeSet<u32> = group.members.iter().copied().collect();
        assert_eq!(set.len(), group.members.len());
        let own = all.iter().position(|(height, members)| *height == group.formed && *members == set).unwrap();
        let parent = all.iter().find(|(_, members)| members.len() > set.len() && members.is_superset(&all[own].1));
        assert_eq!(group.absorbed, parent.map(|parent| parent.0));
        seen += 1;
    }
    assert_eq!(seen, all.len());
}

#[test]
fn cuts_are_prefixes_of_the_merges() {
    let graph = linked(90, 7, |i, j| if i % 9 == j % 9 { 0.6 } else { 0.02 });
    for tree in [single(&graph, &task()).unwrap(), average(&graph, &task()).unwrap()] {
        let roots = 90 - tree.merges().len();
        for count in [1, 5, 9, 20, 89, 90] {
            let clusters = tree.cut_into(count, 1).unwrap();
            assert_eq!((clusters.count, clusters.noise()), (count.max(roots), 0));
        }
        for merge in tree.merges().iter().step_by(10) {
            let done = tree.merges().iter().filter(|other| other.height >= merge.height).count();
            assert_eq!(tree.cut(merge.height, 1).unwrap().count, 90 - done);
        }
        assert_eq!(tree.cut(f64::NEG_INFINITY, 1).unwrap().count, roots);
        let large = tree.cut_into(12, 4).unwrap();
        assert!(large.noise() > 0 && large.sizes().iter().all(|&size| size >= 4));
    }
}

#[test]
fn planted_groups_are_cut_out_and_the_numbering_changes_nothing() {
    for seed in 0..5 {
        let all = linked(100, seed, |i, j| if i / 10 == j / 10 { 0.9 } else { 0.3 });
        let weight = |a: u32, b: u32, w: f32| if a / 10 == b / 10 { w } else { 0.4 * w };
        let graph = Graph::from_edges(100, all.pairs().map(|(a, b, w)| (a, b, weight(a, b, w))));
        let planted: Vec<i32> = (0..100).map(|i| i / 10).collect();
        let tree = average(&graph, &task()).unwrap();
        assert_eq!(tree.cut(0.25, 1).unwrap(), Clusters::from_labels(&planted));
        assert_eq!(tree.cut_into(10, 1).unwrap(), Clusters::from_labels(&planted));
        let order = Random::new(seed).shuffled(100);
        let other = renumbered(&graph, &order);
        for (tree, other) in [
            (tree, average(&other, &task()).unwrap()),
            (single(&graph, &task()).unwrap(), single(&other, &task()).unwrap()),
        ] {
            for count in [3, 10, 30, 60] {
                let labels = tree.cut_into(count, 1).unwrap().labels;
                let expected: Vec<i32> = order.iter().map(|&node| labels[node]).collect();
                assert_eq!(other.cut_into(count, 1).unwrap(), Clusters::from_labels(&expected));
            }
        }
    }
}

#[test]
fn graphs_without_edges_have_leaves_alone() {
    for n in [0, 1, 4] {
        for tree in [single(&Graph::from_edges(n, []), &task()), average(&Graph::from_edges(n, []), &task())] {
            let tree = tree.unwrap();
            assert_eq!((tree.leaves(), tree.merges().len(), tree.groups(1, 9).count()), (n, 0, 0));
            assert_eq!(tree.cut(0.5, 1).unwrap().count, n);
        }
    }
}

#[test]
fn parameters_out_of_range_name_their_flag() {
    let tree = single(&eight(), &task()).unwrap();
    for (error, flag) in [
        (tree.cut(f64::NAN, 1), "--tau"),
        (tree.cut(0.5, 0), "--min-cluster-size"),
        (tree.cut_into(0, 1), "--clusters"),
        (tree.cut_into(9, 1), "--clusters"),
    ] {
        let error = error.unwrap_err();
        assert!(matches!(error, Error::Usage(_)) && error.to_string().contains(flag), "{error}");
    }
    let task = task();
    task.watch().cancel();
    assert!(matches!(single(&eight(), &task), Err(Error::Cancelled)));
    assert!(matches!(average(&eight(), &task), Err(Error::Cancelled)));
}
