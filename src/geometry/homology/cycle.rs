//! A loop of points that a class was born with.
//!
//! When the edge that bears a class comes, its ends are already joined by a path of edges before it; the edge closes
//! it. Of these paths the shortest is taken (Dijkstra). Cost: n² for n points; memory: 20n bytes.

use super::{Distances, Loop};

/// The points, in order, of a loop that begins with the class `of`: along edges that come before its birth edge, in
/// all as short as there is, from the lower end of that edge to the higher. The edge closes it.
///
/// The loop may go round older holes too: then it represents the class beside those. Ties go to the lowest points.
/// Empty if the ends are not joined, as where `of` is of other distances.
pub fn cycle(distances: &Distances, of: &Loop) -> Vec<u32> {
    let n = distances.len();
    let [low, high] = of.born.map(|end| end as usize);
    if low >= high || high >= n {
        return Vec::new();
    }
    let last = (distances.get(low, high), low, high);
    let mut lengths = vec![f64::INFINITY; n];
    let mut before = vec![low as u32; n];
    let mut open: Vec<usize> = (0..n).collect();
    lengths[high] = 0.0;
    // From the higher end, so that the way back begins at the lower.
    while let Some(at) = (0..open.len()).min_by(|&a, &b| lengths[open[a]].total_cmp(&lengths[open[b]])) {
        let from = open.remove(at);
        if from == low || lengths[from] == f64::INFINITY {
            break;
        }
        for &to in &open {
            let step = distances.get(from, to);
            let length = lengths[from] + step;
            if (step, from.min(to), from.max(to)) < last && length < lengths[to] {
                lengths[to] = length;
                before[to] = from as u32;
            }
        }
    }
    if lengths[low] == f64::INFINITY {
        return Vec::new();
    }
    let mut points = vec![low as u32];
    let mut at = low;
    while at != high {
        at = before[at] as usize;
        points.push(at as u32);
    }
    points
}
