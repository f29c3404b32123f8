//! The map's similarity curve 1 / (1 + a d^(2b)), fitted to the wanted least distance and spread.
//!
//! Wanted is 1 up to `min_dist` and exp(-(d - min_dist) / spread) beyond; a and b are the least-squares fit on 300
//! distances evenly spaced over [0, 3 spread] (the smooth curve Φ of McInnes, Healy and Melville 2018, with
//! umap-learn's sampling). Levenberg-Marquardt in f64 from a = b = 1; a few dozen steps of 300 points, microseconds.

/// Fitted curve parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Curve {
    /// Scale.
    pub(super) a: f64,
    /// Half the exponent.
    pub(super) b: f64,
}

const SAMPLES: usize = 300;
const STEPS: usize = 500;

/// Fits the curve. `spread` must be positive and `min_dist` within [0, spread]; both are checked by the caller.
pub(super) fn fit(min_dist: f32, spread: f32) -> Curve {
    let (min_dist, spread) = (f64::from(min_dist), f64::from(spread));
    let samples: Vec<(f64, f64)> = (0..SAMPLES)
        .map(|i| {
            let d = 3.0 * spread * i as f64 / (SAMPLES - 1) as f64;
            (d, if d < min_dist { 1.0 } else { (-(d - min_dist) / spread).exp() })
        })
        .collect();
    let loss = |c: Curve| samples.iter().map(|&(d, want)| (value(c, d) - want).powi(2)).sum::<f64>();
    let mut curve = Curve { a: 1.0, b: 1.0 };
    let mut current = loss(curve);
    let mut damping = 1e-3;
    for _ in 0..STEPS {
        // Normal equations of the 2-parameter problem, solved by hand.
        let (mut jaa, mut jab, mut jbb, mut ga, mut gb) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &(d, want) in samples.iter().filter(|(d, _)| *d > 0.0) {
            let power = d.powf(2.0 * curve.b);
            let value = 1.0 / (1.0 + curve.a * power);
            let da = -power * value * value;
            let db = da * curve.a * 2.0 * d.ln();
            let residual = value - want;
            jaa += da * da;
            jab += da * db;
            jbb += db * db;
            ga += da * residual;
            gb += db * residual;
        }
        let (aa, bb) = (jaa * (1.0 + damping), jbb * (1.0 + damping));
        let determinant = aa * bb - jab * jab;
        let step_a = (jab * gb - bb * ga) / determinant;
        let step_b = (jab * ga - aa * gb) / determinant;
        let next = Curve { a: curve.a + step_a, b: curve.b + step_b };
        let after = loss(next);
        if next.a > 0.0 && next.b > 0.0 && after <= current {
            let moved = (step_a / curve.a).abs() + (step_b / curve.b).abs();
            (curve, current, damping) = (next, after, damping * 0.1);
            if moved < 1e-12 {
                break;
            }
        } else {
            damping *= 10.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    curve
}

fn value(curve: Curve, d: f64) -> f64 {
    1.0 / (1.0 + curve.a * d.powf(2.0 * curve.b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (min_dist, spread, a, b).
    const GOLDEN: [(f32, f32, f64, f64); 7] = [
        (0.1, 1.0, 1.576943, 0.895061),
        (0.0, 1.0, 1.932808, 0.790495),
        (0.5, 1.0, 0.583030, 1.334167),
        (0.05, 1.0, 1.750225, 0.842055),
        (0.99, 1.0, 0.119305, 1.916390),
        (0.1, 2.0, 0.544661, 0.842055),
        (0.25, 0.5, 3.706290, 1.334167),
    ];

    #[test]
    fn the_fit_is_umap_learns() {
        // umap.umap_.find_ab_params(spread, min_dist) of umap-learn 0.5.12.
        for (min_dist, spread, a, b) in GOLDEN {
            let curve = fit(min_dist, spread);
            assert!((curve.a / a - 1.0).abs() < 1e-4, "a {} for {a} at {min_dist}, {spread}", curve.a);
            assert!((curve.b / b - 1.0).abs() < 1e-4, "b {} for {b} at {min_dist}, {spread}", curve.b);
        }
    }

    #[test]
    fn the_fit_is_a_minimum() {
        let (min_dist, spread) = (0.1, 1.0);
        let best = fit(min_dist, spread);
        let loss = |c: Curve| {
            (0..SAMPLES)
                .map(|i| 3.0 * i as f64 / 299.0)
                .map(|d| (value(c, d) - if d < 0.1 { 1.0 } else { (0.1 - d).exp() }).powi(2))
                .sum::<f64>()
        };
        for (da, db) in [(1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3)] {
            assert!(loss(Curve { a: best.a + da, b: best.b + db }) > loss(best));
        }
    }
}
