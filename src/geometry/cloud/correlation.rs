//! How two lists of numbers hang together: Pearson's r, Spearman's ρ, Chatterjee's ξ.
//!
//! ξ = 1 − 3 Σ|r_{i+1} − r_i| / (n² − 1), where the r are ranks of the second list in the order of the first (Chatterjee
//! 2021): near 1 if the second is a function of the first, whatever its form; near 0 if they are independent. Equal
//! entries of the first list are put in a random order, as its author does; of the second, ranks count those not above.

use crate::geometry::random::key;

/// Pearson's correlation of pairs in one pass about the first of them; none if either is constant.
pub(super) fn pearson_of(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let mut pairs = pairs.peekable();
    let &(x0, y0) = pairs.peek()?;
    let (mut n, mut sx, mut sy, mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (x, y) in pairs {
        let (x, y) = (x - x0, y - y0);
        n += 1.0;
        sx += x;
        sy += y;
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    let (vx, vy) = (xx - sx * sx / n, yy - sy * sy / n);
    (vx > 1e-14 * xx && vy > 1e-14 * yy).then(|| ((xy - sx * sy / n) / (vx * vy).sqrt()).clamp(-1.0, 1.0))
}

/// Pearson's correlation; none if either list is constant.
pub(super) fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    pearson_of(x.iter().copied().zip(y.iter().copied()))
}

/// Ranks from 1, equal values sharing their mean.
pub(super) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let value = values[order[start] as usize];
        let end = start + order[start..].iter().take_while(|&&at| values[at as usize] == value).count();
        for &at in &order[start..end] {
            ranks[at as usize] = (start + end + 1) as f64 / 2.0;
        }
        start = end;
    }
    ranks
}

/// Spearman's correlation; none if either list is constant.
pub(super) fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    pearson(&ranks(x), &ranks(y))
}

/// Chatterjee's coefficient of `y` as a function of `x`; none for fewer than two pairs.
pub(super) fn xi(x: &[f64], y: &[f64], seed: u64) -> Option<f64> {
    let n = x.len();
    if n < 2 {
        return None;
    }
    let mut order: Vec<u32> = (0..n as u32).collect();
    let chance = |at: u32| key(seed, 0x7869, u64::from(at));
    order.sort_unstable_by(|&a, &b| x[a as usize].total_cmp(&x[b as usize]).then_with(|| chance(a).cmp(&chance(b))));
    let mut by_y: Vec<u32> = (0..n as u32).collect();
    by_y.sort_unstable_by(|&a, &b| y[a as usize].total_cmp(&y[b as usize]));
    let mut rank = vec![0u32; n];
    let mut end = n;
    while end > 0 {
        let value = y[by_y[end - 1] as usize];
        let start = by_y[..end].iter().rposition(|&at| y[at as usize] != value).map_or(0, |at| at + 1);
        by_y[start..end].iter().for_each(|&at| rank[at as usize] = end as u32);
        end = start;
    }
    let steps: f64 =
        order.windows(2).map(|pair| f64::from(rank[pair[0] as usize].abs_diff(rank[pair[1] as usize]))).sum();
    let n = n as f64;
    Some(1.0 - 3.0 * steps / (n * n - 1.0))
}
