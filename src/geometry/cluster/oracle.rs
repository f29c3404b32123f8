//! The slow, obvious HDBSCAN that the tests trust: all distances, Prim's tree, and recursion by cutting the heaviest
//! edge. O(n²) memory, O(n²) to O(n³) time.

use crate::rows::Points;

/// Labels (arbitrary numbers, -1 for none) and probabilities.
pub(super) type Answer = (Vec<i32>, Vec<f64>);

/// An edge with its place in the order: mutual reachability, distance, lower row, higher row.
type Edge = (f64, f64, usize, usize);

struct Cluster {
    stability: f64,
    most: f64,
    /// Every point with the density at which it leaves the hierarchy below this cluster.
    points: Vec<(usize, f64)>,
    parts: Vec<Cluster>,
}

pub(super) fn answer(points: &Points, min_cluster_size: usize, min_samples: usize) -> Answer {
    let n = points.len();
    let distance = |i: usize, j: usize| -> f64 {
        let gaps = points.row(i).iter().zip(points.row(j)).map(|(a, b)| f64::from(*a) - f64::from(*b));
        gaps.map(|gap| gap * gap).sum()
    };
    let all: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| distance(i, j)).collect()).collect();
    let core: Vec<f64> = all
        .iter()
        .map(|row| {
            let mut row = row.clone();
            row.sort_by(f64::total_cmp);
            row[min_samples - 1]
        })
        .collect();
    let edge = |i: usize, j: usize| (all[i][j].max(core[i]).max(core[j]), all[i][j], i.min(j), i.max(j));
    let mut inside = vec![false; n];
    inside[0] = true;
    let mut nearest: Vec<Edge> = (0..n).map(|j| edge(0, j)).collect();
    let mut tree: Vec<Edge> = Vec::new();
    for _ in 1..n {
        let next = (0..n).filter(|&j| !inside[j]).min_by(|&a, &b| order(&nearest[a], &nearest[b])).unwrap();
        tree.push(nearest[next]);
        inside[next] = true;
        for j in 0..n {
            let new = edge(next, j);
            if order(&new, &nearest[j]).is_lt() {
                nearest[j] = new;
            }
        }
    }
    tree.sort_by(order);
    let root = cluster((0..n).collect(), tree, 0.0, min_cluster_size);
    let mut labels = vec![-1; n];
    let mut probabilities = vec![0.0; n];
    for (number, chosen) in root.parts.iter().flat_map(|part| best(part).1).enumerate() {
        for &(point, left) in &chosen.points {
            labels[point] = number as i32;
            let most = chosen.most;
            probabilities[point] = if left.is_infinite() { 1.0 } else { left.min(most) / most };
        }
    }
    (labels, probabilities)
}

fn order(a: &Edge, b: &Edge) -> std::cmp::Ordering {
    a.partial_cmp(b).unwrap()
}

/// The cluster of `members`, joined by `tree`, born at density `birth`.
fn cluster(mut members: Vec<usize>, mut tree: Vec<Edge>, birth: f64, smallest: usize) -> Cluster {
    let mut own = Cluster { stability: 0.0, most: 0.0, points: Vec::new(), parts: Vec::new() };
    loop {
        let heaviest = tree.pop().expect("a part of at least two points has an edge");
        let density = 1.0 / heaviest.0.sqrt();
        own.most = own.most.max(density);
        let (a, b) = halves(&members, &tree, heaviest.2);
        let leave = |own: &mut Cluster, part: &[usize]| {
            own.stability += (density - birth) * part.len() as f64;
            own.points.extend(part.iter().map(|&point| (point, density)));
        };
        if a.len() >= smallest && b.len() >= smallest && heaviest.0 > 0.0 {
            for part in [a, b] {
                own.stability += (density - birth) * part.len() as f64;
                let edges = tree.iter().copied().filter(|edge| part.contains(&edge.2)).collect();
                own.parts.push(cluster(part, edges, density, smallest));
            }
            let below: Vec<(usize, f64)> = own.parts.iter().flat_map(|part| part.points.clone()).collect();
            own.points.extend(below);
            return own;
        }
        let keeps = |part: &[usize], other: &[usize]| part.len() >= smallest && other.len() < smallest;
        let (stays, goes) = if keeps(&a, &b) {
            (a, b)
        } else if keeps(&b, &a) {
            (b, a)
        } else {
            leave(&mut own, &a);
            leave(&mut own, &b);
            return own;
        };
        leave(&mut own, &goes);
        tree.retain(|edge| stays.contains(&edge.2));
        members = stays;
    }
}

/// The members joined to `start` by `tree`, and the others.
fn halves(members: &[usize], tree: &[Edge], start: usize) -> (Vec<usize>, Vec<usize>) {
    let mut links = std::collections::HashMap::<usize, Vec<usize>>::new();
    for edge in tree {
        links.entry(edge.2).or_default().push(edge.3);
        links.entry(edge.3).or_default().push(edge.2);
    }
    let mut seen = std::collections::HashSet::from([start]);
    let mut queue = vec![start];
    while let Some(at) = queue.pop() {
        for &next in links.get(&at).into_iter().flatten() {
            if seen.insert(next) {
                queue.push(next);
            }
        }
    }
    members.iter().partition(|&point| seen.contains(point))
}

/// The largest total stability of disjoint clusters in `own` and below, and those clusters.
fn best(own: &Cluster) -> (f64, Vec<&Cluster>) {
    let below: Vec<(f64, Vec<&Cluster>)> = own.parts.iter().map(best).collect();
    let total: f64 = below.iter().map(|part| part.0).sum();
    if total > own.stability {
        (total, below.into_iter().flat_map(|part| part.1).collect())
    } else {
        (own.stability, vec![own])
    }
}
