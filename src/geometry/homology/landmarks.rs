//! A few points that cover all: farthest-point sampling, called maxmin.
//!
//! Each landmark is the point farthest from those before it, so that landmarks lie apart by at least the distance
//! within which they cover the rest (Gonzalez 1985; de Silva & Carlsson 2004). Intervals of the landmarks and of all
//! points can be matched so that no birth or death differs by more than twice that cover (Chazal, de Silva & Oudot
//! 2014); what lives shorter than four times the cover may be in one and not in the other.
//!
//! In: points `[n, dims]`. Out: up to `count` indices in the order they were taken. Ties go to the lowest index. Cost:
//! n · count · dims at most; memory: a copy of the points and 10 bytes a point.

use crate::rows::Points;
use crate::wide::wide;

/// The first landmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The point farthest from the mean.
    Farthest,
    /// This point.
    At(usize),
}

/// Points that cover the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Landmarks {
    /// The points, in the order they were taken.
    pub indices: Vec<u32>,
    /// Greatest distance of a point to its nearest landmark; infinite if points have none.
    pub cover: f64,
}

/// Up to `count` landmarks of `points`; fewer where every other point lies on one of them. Points are meant to be
/// finite: one that is not is taken at most once.
///
/// # Panics
/// If [`Start::At`] names no point.
pub fn maxmin(points: &Points, count: usize, start: Start) -> Landmarks {
    let n = points.len();
    if let Start::At(at) = start {
        assert!(at < n, "no point {at} among {n}");
    }
    if n == 0 || count == 0 {
        return Landmarks { indices: Vec::new(), cover: if n == 0 { 0.0 } else { f64::INFINITY } };
    }
    let mut next = match start {
        Start::At(at) => at,
        Start::Farthest => farthest_from_mean(points),
    };
    let mut near = Near::new(points);
    let mut indices = Vec::with_capacity(count.min(n));
    loop {
        indices.push(next as u32);
        let farthest = wide(
            #[inline(always)]
            || near.farthest(points, &indices),
        );
        next = farthest.0;
        if farthest.1 <= 0.0 || indices.len() == count {
            return Landmarks { indices, cover: farthest.1.max(0.0).sqrt() };
        }
    }
}

/// Points whose distances are computed at once.
const LANES: usize = 16;

/// Squared distances of all points to their nearest landmarks, by panels of sixteen, each brought up to date only when
/// it may hold the farthest point: with more landmarks distances only shrink.
struct Near {
    dims: usize,
    /// `[panels, dims]`, the values of sixteen points side by side; zeros after the last.
    values: Vec<[f32; LANES]>,
    panels: Vec<Panel>,
}

#[derive(Clone)]
struct Panel {
    near: [f64; LANES],
    /// The greatest of these.
    most: f64,
    /// Landmarks that they know of.
    known: usize,
}

impl Near {
    fn new(points: &Points) -> Self {
        let (n, dims) = (points.len(), points.dims());
        let mut panels = vec![Panel { near: [f64::INFINITY; LANES], most: f64::INFINITY, known: 0 }; n.div_ceil(LANES)];
        if let Some(last) = panels.last_mut() {
            last.near[(n - 1) % LANES + 1..].fill(0.0);
        }
        let mut values = vec![[0.0; LANES]; panels.len() * dims];
        for (i, row) in points.data().chunks_exact(dims).enumerate() {
            for (panel, &x) in values[i / LANES * dims..].iter_mut().zip(row) {
                panel[i % LANES] = x;
            }
        }
        Self { dims, values, panels }
    }
    /// The first of the points farthest from the landmarks, and its squared distance.
    #[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
    #[inline(always)]
    fn farthest(&mut self, points: &Points, landmarks: &[u32]) -> (usize, f64) {
        let mut least = f64::NEG_INFINITY;
        let mut top = 0;
        for (at, panel) in self.panels.iter().enumerate() {
            if panel.most > least {
                (top, least) = (at, panel.most);
            }
        }
        let values = &self.values[top * self.dims..][..self.dims];
        self.panels[top].update(values, points, landmarks);
        least = self.panels[top].most;
        let mut farthest = (0, f64::NEG_INFINITY);
        for (at, panel) in self.panels.iter_mut().enumerate() {
            if panel.most < least {
                continue;
            }
            panel.update(&self.values[at * self.dims..][..self.dims], points, landmarks);
            if panel.most > farthest.1 {
                let lane = panel.near.iter().position(|near| *near == panel.most).unwrap_or(0);
                farthest = (at * LANES + lane, panel.most);
                least = least.max(panel.most);
            }
        }
        farthest
    }
}

impl Panel {
    #[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
    #[inline(always)]
    fn update(&mut self, values: &[[f32; LANES]], points: &Points, landmarks: &[u32]) {
        for &landmark in &landmarks[self.known..] {
            let mut squares = [0.0f64; LANES];
            for (values, &x) in values.iter().zip(points.row(landmark as usize)) {
                for lane in 0..LANES {
                    let gap = f64::from(values[lane]) - f64::from(x);
                    squares[lane] += gap * gap;
                }
            }
            for lane in 0..LANES {
                // What is not a number stays so, and is never the greatest.
                let closer = squares[lane] < self.near[lane] || squares[lane].is_nan();
                self.near[lane] = if closer { squares[lane] } else { self.near[lane] };
            }
        }
        self.known = landmarks.len();
        self.most = self.near.iter().fold(f64::NEG_INFINITY, |most, &near| if near > most { near } else { most });
    }
}

fn farthest_from_mean(points: &Points) -> usize {
    let mut mean = vec![0.0f64; points.dims()];
    for row in points.data().chunks_exact(points.dims()) {
        for (mean, &x) in mean.iter_mut().zip(row) {
            *mean += f64::from(x);
        }
    }
    for mean in &mut mean {
        *mean /= points.len() as f64;
    }
    let apart = |row: &[f32]| row.iter().zip(&mean).map(|(&x, m)| (f64::from(x) - m) * (f64::from(x) - m)).sum::<f64>();
    let mut farthest = (0, f64::NEG_INFINITY);
    for (at, apart) in points.data().chunks_exact(points.dims()).map(apart).enumerate() {
        farthest = if apart > farthest.1 { (at, apart) } else { farthest };
    }
    farthest.0
}
