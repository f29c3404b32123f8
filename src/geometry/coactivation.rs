//! Similarity of features by where they fire: cosine of their activations over tokens.
//!
//! Works on the two sparse orders of the activations; cost is the entries of the tokens on which the feature fires,
//! memory one f64 a feature.

use crate::error::{Problem, Result};
use crate::sae::Sparse;
use crate::task::Task;

/// The `k` features whose activations have the largest cosine with `feature`'s: self excluded, descending, ties by
/// index. A feature that never fires has cosine 0 to all.
///
/// `by_token` is `[tokens, features]`, `by_feature` the same entries transposed.
///
/// # Errors
/// If `feature` is out of range or `k` is not between 1 and the number of features less one; or if the task is
/// cancelled.
pub fn nearest(
    by_token: &Sparse,
    by_feature: &Sparse,
    feature: usize,
    k: usize,
    task: &Task,
) -> Result<Vec<(u32, f32)>> {
    let n = by_feature.rows;
    if feature >= n {
        return Err(Problem::new(format!("there is no feature {feature}"))
            .expected(format!("0 to {}", n.saturating_sub(1)))
            .usage());
    }
    if k == 0 || k >= n {
        return Err(Problem::new(format!("{k} neighbours among {n} features"))
            .expected(format!("1 to {}", n.saturating_sub(1)))
            .usage());
    }
    let mut products = vec![0.0f64; n];
    let (tokens, values) = by_feature.row(feature);
    task.stage("co-activation", (tokens.len() + n) as u64);
    let mut poll = Poll { task, since: 0 };
    for (&token, &own) in tokens.iter().zip(values) {
        let (others, values) = by_token.row(token as usize);
        poll.after(others.len())?;
        task.advance(1);
        for (&other, &value) in others.iter().zip(values) {
            products[other as usize] += f64::from(own) * f64::from(value);
        }
    }
    let norm = |f: usize| by_feature.row(f).1.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let own = norm(feature);
    let mut near = Vec::with_capacity(n);
    for (f, &product) in products.iter().enumerate().filter(|(f, _)| *f != feature) {
        let mut cosine = 0.0;
        if product != 0.0 {
            poll.after(by_feature.row(f).0.len())?;
            cosine = (product / (own * norm(f))).clamp(-1.0, 1.0);
        }
        task.advance(1);
        near.push((f as u32, cosine as f32));
    }
    near.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    near.truncate(k);
    Ok(near)
}

/// Looks whether the work should stop, about every million entries.
struct Poll<'t> {
    task: &'t Task,
    since: usize,
}

impl Poll<'_> {
    fn after(&mut self, entries: usize) -> Result<()> {
        self.since += entries;
        if self.since < 1 << 20 {
            return Ok(());
        }
        self.since = 0;
        self.task.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sparse(rows: &[Vec<f32>]) -> Sparse {
        let (mut indptr, mut indices, mut values) = (vec![0], vec![], vec![]);
        for row in rows {
            for (col, &value) in row.iter().enumerate().filter(|(_, v)| **v != 0.0) {
                indices.push(col as u32);
                values.push(value);
            }
            indptr.push(indices.len() as u64);
        }
        Sparse::new(rows.len(), rows[0].len(), indptr, indices, values).unwrap().0
    }

    #[test]
    fn cosines_equal_the_dense_ones() {
        let dense = vec![vec![1.0, 2.0, 0.0, 0.0], vec![0.0, 1.0, 3.0, 0.0], vec![2.0, 0.0, 1.0, 0.0]];
        let transposed: Vec<Vec<f32>> = (0..4).map(|f| dense.iter().map(|row| row[f]).collect()).collect();
        let task = Task::new(1).unwrap();
        let near = nearest(&sparse(&dense), &sparse(&transposed), 0, 3, &task).unwrap();
        let cosine = |a: &[f32], b: &[f32]| {
            let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        assert_eq!(near.iter().map(|(f, _)| *f).collect::<Vec<_>>(), [1, 2, 3]);
        for &(feature, value) in &near[..2] {
            assert!((value - cosine(&transposed[0], &transposed[feature as usize])).abs() < 1e-6);
        }
        assert_eq!(near[2].1, 0.0);
        assert!(nearest(&sparse(&dense), &sparse(&transposed), 4, 1, &task).is_err());
        assert!(nearest(&sparse(&dense), &sparse(&transposed), 0, 4, &task).is_err());
    }

    #[test]
    fn cancelling_stops_a_feature_that_fires_often() {
        let tokens = vec![vec![1.0; 64]; 1 << 15];
        let by_token = sparse(&tokens);
        let by_feature = by_token.transpose();
        let task = Task::new(1).unwrap();
        let near = nearest(&by_token, &by_feature, 0, 3, &task).unwrap();
        assert!(near.iter().all(|(_, cosine)| (cosine - 1.0).abs() < 1e-6));
        task.watch().cancel();
        assert!(matches!(nearest(&by_token, &by_feature, 0, 3, &task), Err(crate::Error::Cancelled)));
    }
}
