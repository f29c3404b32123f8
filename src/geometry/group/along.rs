//! The place of every token around the ring in which a group's types stand.
//!
//! In: the means of types `[m, rank]` and their order around a ring ([`super::order()`]), which nobody told. Out: the plane
//! of the first cyclic Fourier mode of the means in that order, u = Σ cos(2πk/m) (μ_k − μ) and v = Σ sin(2πk/m) (μ_k − μ),
//! made orthonormal, through the middle of the means: the plane in which they turn once as k goes round. A point's
//! angle there is its place, from the first type of the order on. Whether the order is more than chance is what the
//! order's p tells; the plane is there in any case. Cost: rank a type and 2 rank a point.

use crate::rows::Points64;
use std::f64::consts::{PI, TAU};

/// The plane in which types turn once.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeRing {
    /// Its orthonormal axes `[2, rank]`.
    pub axes: Points64,
    /// The middle of the means.
    pub centre: Vec<f64>,
}

impl TypeRing {
    /// The plane of `means` in `order`; none for fewer than three, or where they turn in no plane.
    ///
    /// # Panics
    /// If the order names a mean that is not there.
    pub fn of(means: &Points64, order: &[u32]) -> Option<Self> {
        let (m, rank) = (order.len(), means.dims());
        if m < 3 {
            return None;
        }
        let rows = || order.iter().map(|&at| means.row(at as usize));
        let mut centre = vec![0.0; rank];
        rows().for_each(|row| centre.iter_mut().zip(row).for_each(|(c, x)| *c += x / m as f64));
        let mode = |wave: fn(f64) -> f64| {
            let mut axis = vec![0.0; rank];
            for (k, row) in rows().enumerate() {
                let weight = wave(TAU * k as f64 / m as f64);
                axis.iter_mut().zip(row).zip(&centre).for_each(|((a, x), c)| *a += weight * (x - c));
            }
            axis
        };
        let (mut u, mut v) = (mode(f64::cos), mode(f64::sin));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let size = dot(&u, &u).sqrt().max(dot(&v, &v).sqrt());
        let scale = |axis: &mut Vec<f64>| {
            let length = dot(axis, axis).sqrt();
            for a in axis.iter_mut() {
                *a /= length;
            }
            length > 1e-9 * size
        };
        if !scale(&mut u) {
            return None;
        }
        let along = dot(&u, &v);
        v.iter_mut().zip(&u).for_each(|(v, u)| *v -= along * u);
        if !scale(&mut v) {
            return None;
        }
        Some(Self { axes: Points64::new([u, v].concat(), rank), centre })
    }
    /// Where a point lies in the plane, from the middle.
    pub fn place(&self, point: &[f64]) -> [f64; 2] {
        [0, 1].map(|axis| point.iter().zip(&self.centre).zip(self.axes.row(axis)).map(|((x, c), a)| (x - c) * a).sum())
    }
    /// Its angle in (−π, π].
    pub fn angle(place: [f64; 2]) -> f64 {
        let angle = place[1].atan2(place[0]);
        if angle <= -PI { PI } else { angle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_polygon_in_any_plane_turns_once() {
        // Seven points around a ring in the plane of two slanted directions, given in another order, with a third
        // direction that tells nothing.
        let m = 7;
        let (a, b) = ([0.6, 0.8, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]);
        let shuffled = [3u32, 0, 5, 1, 6, 2, 4];
        let mut data = vec![0.0; m * 4];
        for (k, &at) in shuffled.iter().enumerate() {
            let turn = TAU * k as f64 / m as f64;
            for i in 0..4 {
                data[at as usize * 4 + i] = turn.cos() * a[i] + turn.sin() * b[i] + [1.0, 2.0, 3.0, 4.0][i];
            }
        }
        let means = Points64::new(data, 4);
        let ring = TypeRing::of(&means, &shuffled).unwrap();
        for (k, &at) in shuffled.iter().enumerate() {
            let place = ring.place(means.row(at as usize));
            assert!((place[0].hypot(place[1]) - 1.0).abs() < 1e-12);
            let turn = TAU * k as f64 / m as f64;
            assert!((TypeRing::angle(place) - turn).sin().abs() < 1e-12, "{k} {place:?}");
        }
        assert!((TypeRing::angle([-1.0, -0.0]) - PI).abs() < 1e-12, "never minus pi");
        assert!(TypeRing::of(&means, &shuffled[..2]).is_none());
        assert!(TypeRing::of(&Points64::new(vec![1.0; 28], 4), &shuffled).is_none(), "equal means have no plane");
        let line = Points64::new((0..7).map(f64::from).collect(), 1);
        assert!(TypeRing::of(&line, &shuffled).is_none(), "on a line nothing turns");
    }
}
