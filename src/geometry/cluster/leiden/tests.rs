//! Leiden against naive sums, known optima, planted communities and what the paper guarantees.

use super::*;
use crate::error::Error;
use crate::geometry::cluster::planted::{Random, karate, linked};

fn task() -> Task {
    Task::new(1).unwrap()
}

fn params(resolution: f64, seed: u64) -> LeidenParams {
    LeidenParams { resolution, seed, ..LeidenParams::default() }
}

/// Q by its definition, over all pairs.
fn naive(graph: &Graph, partition: &[u32], resolution: f64) -> f64 {
    let n = graph.nodes();
    let mut a = vec![vec![0.0; n]; n];
    for (i, j, w) in graph.pairs() {
        a[i as usize][j as usize] = f64::from(w);
        a[j as usize][i as usize] = f64::from(w);
    }
    let k: Vec<f64> = a.iter().map(|row| row.iter().sum()).collect();
    let twice: f64 = k.iter().sum();
    let mut sum = 0.0;
    for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
        if partition[i] == partition[j] {
            sum += a[i][j] - resolution * k[i] * k[j] / twice;
        }
    }
    sum / twice
}

/// Four groups of 40 with few links between them.
fn planted(seed: u64) -> Graph {
    linked(160, seed, |i, j| if i / 40 == j / 40 { 0.3 } else { 0.02 })
}

fn connected(graph: &Graph, partition: &[u32]) -> bool {
    let communities: std::collections::BTreeSet<u32> = partition.iter().copied().collect();
    let together = |a: usize, b: usize| partition[a] == partition[b];
    parts(graph, together, &task()).unwrap().1 == communities.len()
}

#[test]
fn the_quality_is_the_naive_sum_and_the_partition_is_numbered_as_the_clusters() {
    for seed in 0..6 {
        for (graph, resolution) in [
            (planted(seed), 1.0),
            (planted(seed), 3.0),
            (karate(), 0.5),
            (linked(90, seed, |_, _| 0.03), 1.0),
            (linked(30, seed, |_, _| 1.0), 0.7),
        ] {
            let found = leiden(&graph, &LeidenParams { min_size: 3, ..params(resolution, seed) }, &task()).unwrap();
            let expected = naive(&graph, &found.partition, resolution);
            assert!((found.quality - expected).abs() < 1e-12, "{} {expected}", found.quality);
            assert!(connected(&graph, &found.partition));
            assert!(found.stable);
            let mut sizes = vec![0usize; found.communities];
            found.partition.iter().for_each(|&c| sizes[c as usize] += 1);
            assert!(sizes.is_sorted_by(|a, b| a >= b) && sizes.iter().all(|&size| size > 0));
            for (&c, &label) in found.partition.iter().zip(&found.clusters.labels) {
                assert_eq!(label, if sizes[c as usize] < 3 { -1 } else { c as i32 });
            }
        }
    }
}

#[test]
fn the_karate_club_reaches_its_known_optima() {
    // At γ = 1 the optimum is .41979 (Brandes et al. 2008). The others are the best of 1,000 runs of leidenalg 0.12.
    for (resolution, optimum) in [(1.0, 0.419_789_6), (0.5, 0.621_794_9), (2.0, 0.164_529_9)] {
        let best = (0..10)
            .map(|seed| leiden(&karate(), &params(resolution, seed), &task()).unwrap().quality)
            .fold(f64::NEG_INFINITY, f64::max);
        assert!((best - optimum).abs() < 1e-6, "γ = {resolution}: {best}");
    }
}

#[test]
fn no_partition_of_a_small_graph_is_better() {
    // All 4,140 partitions of 8 nodes.
    fn best(graph: &Graph, partition: &mut Vec<u32>, used: u32, resolution: f64) -> f64 {
        if partition.len() == graph.nodes() {
            return naive(graph, partition, resolution);
        }
        let mut most = f64::NEG_INFINITY;
        for c in 0..=used {
            partition.push(c);
            most = most.max(best(graph, partition, used.max(c + 1), resolution));
            partition.pop();
        }
        most
    }
    for (seed, resolution) in [(1, 1.0), (2, 1.0), (3, 0.6), (4, 1.8)] {
        let graph = linked(8, seed, |_, _| 0.45);
        let most = best(&graph, &mut Vec::new(), 0, resolution);
        let found = (0..5).map(|seed| leiden(&graph, &params(resolution, seed), &task()).unwrap().quality);
        let found = found.fold(f64::NEG_INFINITY, f64::max);
        assert!((found - most).abs() < 1e-12, "{found} {most}");
    }
}

#[test]
fn planted_communities_are_found_whatever_the_numbering() {
    for seed in 0..5 {
        let mut random = Random::new(seed);
        let order = random.shuffled(160);
        let graph = linked(160, seed, |i, j| if order[i] / 40 == order[j] / 40 { 0.3 } else { 0.02 });
        let planted: Vec<i32> = order.iter().map(|&i| i as i32 / 40).collect();
        let found = leiden(&graph, &params(1.0, seed), &task()).unwrap();
        assert_eq!(found.clusters, Clusters::from_labels(&planted));
    }
}

#[test]
fn no_node_and_no_pair_of_communities_would_gain() {
    for seed in 0..4 {
        for resolution in [0.7, 1.0, 2.5] {
            let graph = linked(120, seed, |i, j| if i % 5 == j % 5 { 0.2 } else { 0.04 });
            let found = leiden(&graph, &params(resolution, seed), &task()).unwrap();
            let gain = |other: &[u32]| naive(&graph, other, resolution) - found.quality;
            for a in 0..found.communities as u32 {
                for b in 0..a {
                    let joined: Vec<u32> = found.partition.iter().map(|&c| if c == a { b } else { c }).collect();
                    assert!(gain(&joined) < 1e-9, "{a} and {b} would join");
                }
            }
            for node in (0..120).step_by(7) {
                for to in 0..=found.communities as u32 {
                    let mut moved = found.partition.clone();
                    moved[node] = to;
                    assert!(gain(&moved) < 1e-9, "{node} would go to {to}");
                }
            }
        }
    }
}

#[test]
fn refined_parts_are_connected_within_their_community_and_of_well_connected_nodes() {
    let (mut single, mut joined) = (0, 0);
    for seed in 0..10 {
        let graph = linked(150, seed, |i, j| if i % 10 == j % 10 { 0.2 } else { 0.02 });
        let mut random = Random::new(seed);
        let of: Vec<u32> = (0..150).map(|_| random.below(2) as u32).collect();
        let (level, task, params) = (Level::new(&graph), task(), params(1.0, seed));
        let mut search = Search::new(&graph, &level, &params, 0, &task);
        let parts = search.refine(&level, &Communities::new(&level, of.clone())).unwrap();
        for p in 0..150 {
            let leaves = |&(a, b, _): &(u32, u32, f32)| {
                of[a as usize] == of[b as usize] && (parts.of[a as usize] == p) != (parts.of[b as usize] == p)
            };
            let outward: f64 = graph.pairs().filter(leaves).map(|(_, _, w)| f64::from(w)).sum();
            let strength: f64 = (0..150).filter(|&i| parts.of[i] == p).map(|i| graph.strength(i)).sum();
            if strength > 0.0 {
                assert!((parts.outward[p as usize] - outward).abs() < 1e-9);
                assert!((parts.strength[p as usize] - strength).abs() < 1e-9);
            }
        }
        let (part, count) = renumbered(&parts.of, 150);
        assert!(connected(&graph, &part));
        let mut holder = vec![None; count];
        for (&part, &c) in part.iter().zip(&of) {
            assert_eq!(*holder[part as usize].get_or_insert(c), c);
        }
        let alone: Vec<u32> = (0..150).collect();
        assert!(quality(&graph, &part, 1.0) > quality(&graph, &alone, 1.0));
        let whole = |c: u32| (0..150).filter(|&i| of[i] == c).map(|i| graph.strength(i)).sum::<f64>();
        for i in 0..150 {
            let (targets, weights) = graph.row(i);
            let inward = targets.iter().zip(weights).filter(|(j, _)| of[**j as usize] == of[i]);
            let inward: f64 = inward.map(|(_, &w)| f64::from(w)).sum();
            let own = graph.strength(i);
            if inward < own * (whole(of[i]) - own) / (2.0 * graph.total()) - 1e-9 {
                assert_eq!(part.iter().filter(|&&p| p == part[i]).count(), 1, "{i} is hardly connected");
                single += 1;
            } else {
                joined += usize::from(part.iter().filter(|&&p| p == part[i]).count() > 1);
            }
        }
    }
    assert!(single > 100 && joined > 100, "{single} {joined}");
}

#[test]
fn a_run_is_the_same_in_any_company_and_at_any_scale_of_weights() {
    let graph = linked(300, 5, |i, j| if i % 12 == j % 12 { 0.3 } else { 0.02 });
    let scaled = |factor: f32| Graph::from_edges(300, graph.pairs().map(|(a, b, w)| (a, b, w * factor)));
    let all: Vec<LeidenParams> = [1.0, 1.0, 4.0].iter().zip([3, 4, 3]).map(|(&r, s)| params(r, s)).collect();
    let many = leiden_runs(&graph, &all, &Task::new(3).unwrap()).unwrap();
    for (params, found) in all.iter().zip(&many) {
        assert_eq!(&leiden(&graph, params, &task()).unwrap(), found);
        for factor in [1024.0, 1.0 / 16384.0] {
            assert_eq!(leiden(&scaled(factor), params, &task()).unwrap().partition, found.partition);
        }
    }
    assert!(many[2].communities > many[0].communities);
}

#[test]
fn nodes_leave_a_community_for_none() {
    let (graph, task, params) = (planted(1), task(), params(2.0, 1));
    let level = Level::new(&graph);
    let mut communities = Communities::new(&level, vec![7; 160]);
    Search::new(&graph, &level, &params, 0, &task).relocate_nodes(&level, &mut communities).unwrap();
    // All in one have Q = -1.
    assert!(quality(&graph, &communities.of, 2.0) > 0.0);
    let reached = quality(&graph, &communities.of, 2.0);
    let would_go = |i: usize| {
        graph.row(i).0.iter().any(|&j| {
            let mut other = communities.of.clone();
            other[i] = other[j as usize];
            quality(&graph, &other, 2.0) > reached + 1e-9
        })
    };
    // Only what changes far from a node is not seen.
    let restless = (0..160).filter(|&i| would_go(i)).count();
    assert!(restless < 8, "{restless}");
    for (c, strength) in communities.strength.iter().enumerate() {
        let own = (0..160).filter(|&i| communities.of[i] == c as u32);
        assert_eq!(communities.empty.contains(&(c as u32)), own.clone().count() == 0);
        assert!((strength - own.map(|i| graph.strength(i)).sum::<f64>()).abs() < 1e-9);
    }
}

#[test]
fn more_iterations_never_lose() {
    let graph = linked(400, 8, |i, j| if i % 20 == j % 20 { 0.25 } else { 0.03 });
    let run = |iterations| {
        let found = leiden(&graph, &LeidenParams { iterations, ..params(1.0, 2) }, &task()).unwrap();
        (found.quality, found.iterations)
    };
    let reached = [run(Some(1)), run(Some(2)), run(Some(3)), run(None)];
    assert!(reached.is_sorted_by(|a, b| a.0 <= b.0), "{reached:?}");
    assert_eq!(reached[..2].iter().map(|r| r.1).collect::<Vec<_>>(), [1, 2]);
    assert!(reached[3].1 > 1);
}

#[test]
fn lone_nodes_and_graphs_without_edges_have_communities_of_their_own() {
    let none = leiden(&Graph::from_edges(3, []), &params(1.0, 0), &task()).unwrap();
    assert_eq!((none.partition, none.quality, none.clusters.count), (vec![0, 1, 2], 0.0, 0));
    assert!(leiden(&Graph::from_edges(0, []), &params(1.0, 0), &task()).unwrap().partition.is_empty());
    let graph = Graph::from_edges(5, [(1, 2, 1.0), (2, 3, 1.0), (1, 3, 1.0)]);
    let found = leiden(&graph, &params(1.0, 0), &task()).unwrap();
    assert_eq!(found.clusters.labels, [-1, 0, 0, 0, -1]);
    assert_eq!((found.partition, found.communities), (vec![1, 0, 0, 0, 2], 3));
}

#[test]
fn parameters_out_of_range_name_their_flag() {
    let good = LeidenParams::default();
    for (params, flag) in [
        (LeidenParams { resolution: 0.0, ..good }, "--resolution"),
        (LeidenParams { resolution: f64::NAN, ..good }, "--resolution"),
        (LeidenParams { resolution: f64::INFINITY, ..good }, "--resolution"),
        (LeidenParams { iterations: Some(0), ..good }, "--iterations"),
        (LeidenParams { min_size: 0, ..good }, "--min-cluster-size"),
    ] {
        let error = leiden(&karate(), &params, &task()).unwrap_err();
        assert!(matches!(error, Error::Usage(_)) && error.to_string().contains(flag), "{error}");
    }
    let task = task();
    task.watch().cancel();
    assert!(matches!(leiden(&karate(), &good, &task), Err(Error::Cancelled)));
}
