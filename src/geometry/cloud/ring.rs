//! How well a planar cloud stands around a circle, and the angle of each of its points.
//!
//! In: two coordinates of n points. Out: the circle that fits best when every direction counts alike, how round and how
//! closed the cloud is around it. The circle minimises Σ w (x² + y² + Dx + Ey + F)² (Kåsa 1976), each point weighing one
//! over the number of points in its sector of 10°, so that a common label does not pull the centre; the sectors are
//! taken about the last centre, three times. Cost: a few passes over the points.

use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// Sectors in which points share their weight.
const SECTORS: usize = 36;
/// Fits, each about the centre of the last.
const ROUNDS: usize = 3;

/// A circle through a planar cloud.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ring {
    /// Centre of the circle.
    pub centre: [f64; 2],
    /// Mean distance from the centre, every sector alike.
    pub radius: f64,
    /// 1 less the coefficient of variation of the distances: 1 for a circle, .65 for a disc, .48 for a Gaussian.
    pub roundness: f64,
    /// Share of the turn outside the largest angle that holds no point: near 1 if closed, 1 - 1/m for m points of a
    /// regular polygon.
    pub coverage: f64,
    /// 1 less the length of the mean unit vector: 1 if the angles are spread evenly.
    pub spread: f64,
}

impl Ring {
    /// Roundness times coverage: how ring-like the plane is.
    pub fn quality(&self) -> f64 {
        self.roundness * self.coverage
    }
    /// The angle of (x, y), in (−π, π] from the first axis, counter-clockwise.
    pub fn angle(&self, x: f64, y: f64) -> f64 {
        angle_about(self.centre, x, y)
    }
}

/// Tangents of 10° to 80°.
const TANGENTS: [f64; 8] = [
    0.176_326_980_708_464_97,
    0.363_970_234_266_202_4,
    0.577_350_269_189_625_8,
    0.839_099_631_177_28,
    1.191_753_592_594_21,
    1.732_050_807_568_877_2,
    2.747_477_419_454_622,
    5.671_281_819_617_709,
];

/// The sector of 10° in which (x, y) lies, counter-clockwise from the first axis: by tangents, for there are ten planes
/// of three clouds of every group, and an angle costs ten times as much.
fn sector(x: f64, y: f64) -> usize {
    let above = TANGENTS.iter().filter(|tangent| y.abs() >= x.abs() * **tangent).count();
    match (x >= 0.0, y >= 0.0) {
        (true, true) => above,
        (false, true) => SECTORS / 2 - 1 - above,
        (false, false) => SECTORS / 2 + above,
        (true, false) => SECTORS - 1 - above,
    }
}

/// The circle of at least three points that are not all equal.
pub(super) fn ring(x: &[f64], y: &[f64]) -> Option<Ring> {
    let n = x.len() as f64;
    if x.len() < 3 {
        return None;
    }
    let mean = [x, y].map(|values| values.iter().sum::<f64>() / n);
    let [low, high] =
        [f64::min, f64::max].map(|pick| [x, y].map(|values| values.iter().copied().fold(values[0], pick)));
    let mut centre = mean;
    let weights = |centre: [f64; 2]| {
        let sectors: Vec<usize> = x.iter().zip(y).map(|(x, y)| sector(x - centre[0], y - centre[1])).collect();
        let mut counts = [0u32; SECTORS];
        for &sector in &sectors {
            counts[sector] += 1;
        }
        sectors.into_iter().map(|sector| 1.0 / f64::from(counts[sector])).collect::<Vec<f64>>()
    };
    for _ in 0..ROUNDS {
        let fitted = fit(x, y, &weights(centre));
        // Of a bent line the centre lies outside; of a straight one, nowhere.
        let reach = [high[0] - low[0], high[1] - low[1]];
        let near = |at: [f64; 2]| (0..2).all(|i| at[i] > low[i] - reach[i] && at[i] < high[i] + reach[i]);
        match fitted.filter(|&fitted| near(fitted)) {
            Some(fitted) => centre = fitted,
            None => break,
        }
    }
    let weights = weights(centre);
    let total: f64 = weights.iter().sum();
    let distances: Vec<f64> = x.iter().zip(y).map(|(x, y)| (x - centre[0]).hypot(y - centre[1])).collect();
    let radius = distances.iter().zip(&weights).map(|(d, w)| d * w).sum::<f64>() / total;
    if radius <= 0.0 {
        return None;
    }
    let variance = distances.iter().zip(&weights).map(|(d, w)| (d - radius).powi(2) * w).sum::<f64>() / total;
    let mut ring =
        Ring { centre, radius, roundness: (1.0 - variance.sqrt() / radius).max(0.0), coverage: 0.0, spread: 0.0 };
    let mut angles: Vec<f64> = x.iter().zip(y).map(|(&x, &y)| ring.angle(x, y)).collect();
    let (cos, sin) = angles.iter().fold((0.0, 0.0), |(cos, sin), angle| (cos + angle.cos(), sin + angle.sin()));
    ring.spread = 1.0 - cos.hypot(sin) / n;
    ring.coverage = covered(&mut angles);
    Some(ring)
}

/// How a planar cloud bends around one centre.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bend {
    /// Radians of the circle that it covers.
    pub turn: f64,
    /// Share of the variance of the second coordinate, along which an arc bends, that the circle explains: 1 for an arc,
    /// at most 0 where no circle does better than a straight line.
    pub fit: f64,
}

/// The circle, of any size, that a planar cloud bends around; none for points on a line.
pub(super) fn bend(x: &[f64], y: &[f64]) -> Option<Bend> {
    let n = x.len() as f64;
    let centre = fit(x, y, &vec![1.0; x.len()])?;
    let distances: Vec<f64> = x.iter().zip(y).map(|(x, y)| (x - centre[0]).hypot(y - centre[1])).collect();
    let variance = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / n;
        values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n
    };
    let mut angles: Vec<f64> = x.iter().zip(y).map(|(&x, &y)| angle_about(centre, x, y)).collect();
    Some(Bend { turn: TAU * covered(&mut angles), fit: 1.0 - variance(&distances) / variance(y) })
}

/// The angle of (x, y) about `centre`, in (−π, π] from the first axis, counter-clockwise.
fn angle_about(centre: [f64; 2], x: f64, y: f64) -> f64 {
    let angle = (y - centre[1]).atan2(x - centre[0]);
    // atan2 gives -π for -0.
    if angle <= -std::f64::consts::PI { std::f64::consts::PI } else { angle }
}

/// Share of the turn outside the largest gap between angles, which it sorts.
fn covered(angles: &mut [f64]) -> f64 {
    angles.sort_by(f64::total_cmp);
    let around = angles[0] + TAU - angles[angles.len() - 1];
    let gap = angles.array_windows().map(|[a, b]| b - a).fold(around, f64::max);
    (1.0 - gap / TAU).max(0.0)
}

/// The centre of Kåsa's circle, none for points on a line.
fn fit(x: &[f64], y: &[f64], weights: &[f64]) -> Option<[f64; 2]> {
    let total: f64 = weights.iter().sum();
    let mean = |values: &[f64]| values.iter().zip(weights).map(|(v, w)| v * w).sum::<f64>() / total;
    let [mx, my] = [mean(x), mean(y)];
    // About the mean the constant drops out, and two equations remain.
    let (mut xx, mut xy, mut yy, mut xs, mut ys, mut ss) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for ((x, y), w) in x.iter().zip(y).zip(weights) {
        let (x, y) = (x - mx, y - my);
        let square = x * x + y * y;
        xx += w * x * x;
        xy += w * x * y;
        yy += w * y * y;
        xs += w * x * square;
        ys += w * y * square;
        ss += w * square;
    }
    let determinant = xx * yy - xy * xy;
    (determinant > 1e-12 * ss * ss)
        .then(|| [mx + (xs * yy - ys * xy) / (2.0 * determinant), my + (ys * xx - xs * xy) / (2.0 * determinant)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sectors_are_those_of_the_angle() {
        for degree in 0..360 {
            let angle = f64::from(degree) + 0.5;
            let (sin, cos) = angle.to_radians().sin_cos();
            assert_eq!(sector(3.0 * cos, 3.0 * sin), (angle / 10.0) as usize, "{angle}");
        }
        for (at, tangent) in TANGENTS.iter().enumerate() {
            assert!((tangent - (10.0 * (at + 1) as f64).to_radians().tan()).abs() < 1e-14);
        }
        assert!([(0.0, 0.0), (0.0, -1.0), (-1.0, 0.0)].iter().all(|&(x, y)| sector(x, y) < SECTORS));
    }
}
