//! The slow, obvious persistence that the tests trust: all simplices in their order, and the boundary matrix over Z/2
//! reduced column by column. n³/6 columns.

use super::{Diagrams, Distances, Interval};
use std::collections::HashMap;

/// A simplex with its place in the order: diameter, longest edge, number of points, its points.
struct Simplex {
    length: f64,
    edge: [usize; 2],
    points: Vec<usize>,
}

pub(super) fn oracle(distances: &Distances, threshold: f64) -> Diagrams {
    let n = distances.len();
    let mut simplices: Vec<Simplex> = (0..n).map(|i| Simplex { length: 0.0, edge: [0, 0], points: vec![i] }).collect();
    for i in 0..n {
        for j in i + 1..n {
            simplices.push(simplex(distances, vec![i, j]));
            simplices.extend((j + 1..n).map(|k| simplex(distances, vec![i, j, k])));
        }
    }
    simplices.retain(|simplex| simplex.length <= threshold && simplex.length < f64::INFINITY);
    // Points first, even where an edge is as short as they are; the vertex opposite decides last.
    simplices.sort_by(|a, b| {
        let points = (b.points.len() == 1).cmp(&(a.points.len() == 1));
        let place = |s: &Simplex| (s.edge, s.points.len(), third(s));
        points.then(a.length.total_cmp(&b.length)).then(place(a).cmp(&place(b)))
    });
    let number: HashMap<&[usize], usize> = simplices.iter().enumerate().map(|(at, s)| (&s.points[..], at)).collect();
    let mut reduced: HashMap<usize, (usize, Vec<usize>)> = HashMap::new();
    let mut positive = vec![false; simplices.len()];
    for (at, simplex) in simplices.iter().enumerate() {
        let mut column: Vec<usize> = Vec::new();
        for leave in (0..simplex.points.len()).filter(|_| simplex.points.len() > 1) {
            let mut face = simplex.points.clone();
            face.remove(leave);
            column.push(number[&face[..]]);
        }
        column.sort_unstable();
        while let Some((_, other)) = column.last().and_then(|pivot| reduced.get(pivot)) {
            column = sum(&column, other);
        }
        match column.last() {
            Some(&pivot) => _ = reduced.insert(pivot, (at, column)),
            None => positive[at] = true,
        }
    }
    let mut found = Diagrams { h0: Vec::new(), h1: Vec::new(), threshold };
    for (at, born) in simplices.iter().enumerate().filter(|(at, s)| positive[*at] && s.points.len() < 3) {
        let killer = reduced.get(&at).map(|(killer, _)| &simplices[*killer]);
        let (birth, death) = (born.length, killer.map_or(f64::INFINITY, |killer| killer.length));
        if birth == death {
            continue;
        }
        if let [point] = born.points[..] {
            let killed = killer.map(|killer| killer.edge.map(|end| end as u32));
            found.h0.push(Interval { birth, death, born: point as u32, killed });
        } else {
            let killed = killer.map(|killer| [killer.edge[0], killer.edge[1], third(killer)].map(|end| end as u32));
            found.h1.push(Interval { birth, death, born: born.edge.map(|end| end as u32), killed });
        }
    }
    found.h0.sort_by(Interval::order);
    found.h1.sort_by(Interval::order);
    found
}

/// A simplex of two or three points.
fn simplex(distances: &Distances, points: Vec<usize>) -> Simplex {
    let mut longest = (f64::NEG_INFINITY, [0, 0]);
    for (at, &i) in points.iter().enumerate() {
        for &j in &points[at + 1..] {
            let length = distances.get(i, j);
            if length > longest.0 || length == longest.0 && [i, j] > longest.1 {
                longest = (length, [i, j]);
            }
        }
    }
    Simplex { length: longest.0, edge: longest.1, points }
}

/// The point that is not of the longest edge.
fn third(simplex: &Simplex) -> usize {
    simplex.points.iter().copied().find(|point| !simplex.edge.contains(point)).unwrap_or(0)
}

/// The sum of two sorted columns over Z/2.
fn sum(a: &[usize], b: &[usize]) -> Vec<usize> {
    let mut sum: Vec<usize> = a.iter().filter(|x| b.binary_search(x).is_err()).copied().collect();
    sum.extend(b.iter().filter(|x| a.binary_search(x).is_err()));
    sum.sort_unstable();
    sum
}
