//! UMAP: fuzzy neighbour graph and its layout (McInnes, Healy and Melville 2018, arXiv 1802.03426).
//!
//! Input: exact neighbours [`Knn`] of n rows, and the rows themselves for a start by principal components. Output:
//! coordinates `[n, dims]`. The parts are [`fuzzy`] (memberships and their union), [`curve`] (a and b from `min_dist`
//! and `spread`), [`spectral`] or principal components as a start ([`init`]), and [`layout`] (the descent).
//! Parameters mean what they mean in umap-learn; what differs is the descent's schedule, described in [`layout`].
//!
//! Cost: linear in the graph's entries and in the passes; 24,576 points and 1,000 passes take about 1.3 s on two cores. Peak
//! memory: the graph (8 bytes an entry) twice, and 16 bytes a point and dimension.
//! Distances on the result are not geometry; [`super::trust`] tells how far it can be trusted.

mod curve;
mod force;
mod fuzzy;
mod init;
mod layout;
mod spectral;

use super::neighbors::Knn;
use crate::error::{Problem, Result};
use crate::rows::{Points, Rows};
use crate::task::Task;

/// Passes when none are asked for.
const EPOCHS: usize = 1000;
/// Most dimensions of a layout.
pub const MAX_DIMS: usize = 16;

/// Where the layout starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// Eigenvectors of the graph's Laplacian.
    Spectral,
    /// The first principal components.
    Pca,
}

impl Init {
    /// The name that flags and provenance use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spectral => "spectral",
            Self::Pca => "pca",
        }
    }
}

/// Parameters, with umap-learn's meanings and defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UmapParams {
    /// Neighbours that define the scale, the point itself counted.
    pub neighbors: usize,
    /// Least distance of points on the map.
    pub min_dist: f32,
    /// Scale of the map.
    pub spread: f32,
    /// Output dimensions.
    pub dims: usize,
    /// Passes; none means 1,000, whatever the size.
    pub epochs: Option<usize>,
    /// Where to start.
    pub init: Init,
    /// Seed of the sampled repulsion and the start's jitter.
    pub seed: u64,
}

impl Default for UmapParams {
    fn default() -> Self {
        Self { neighbors: 15, min_dist: 0.1, spread: 1.0, dims: 2, epochs: None, init: Init::Spectral, seed: 0 }
    }
}

impl UmapParams {
    /// Checks the parameters for `n` rows. A lone row has no neighbours; the least number passes for it.
    ///
    /// # Errors
    /// If one is out of range; the message names its flag.
    pub fn check(&self, n: usize) -> Result<()> {
        let wrong =
            |what: String, expected: String, hint: &str| Err(Problem::new(what).expected(expected).hint(hint).usage());
        let most = n.max(2);
        if !(2..=most).contains(&self.neighbors) {
            let what = format!("{} neighbours for {n} points", self.neighbors);
            let hint = format!("--neighbors {}", most.min(15));
            return wrong(what, format!("2 to {most}, the point itself counted"), &hint);
        }
        if !(self.spread > 0.0 && self.spread.is_finite()) {
            return wrong(format!("a spread of {}", self.spread), "a number above 0".into(), "--spread 1");
        }
        if !(0.0..=self.spread).contains(&self.min_dist) {
            return wrong(
                format!("a least distance of {}", self.min_dist),
                format!("0 to {}", self.spread),
                "--min-dist 0.1",
            );
        }
        if !(1..=MAX_DIMS).contains(&self.dims) {
            return wrong(format!("{} dimensions", self.dims), format!("1 to {MAX_DIMS}"), "--dims 2");
        }
        if self.epochs == Some(0) {
            return wrong("no passes".into(), "1 or more".into(), "--epochs auto");
        }
        Ok(())
    }
}

/// A layout as it forms.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Passes done.
    pub epoch: usize,
    /// Passes in all.
    pub epochs: usize,
    /// Coordinates `[n, dims]`, row-major.
    pub coordinates: &'a [f32],
}

/// A finished layout.
#[derive(Debug, Clone, PartialEq)]
pub struct Umap {
    /// Coordinates `[n, dims]`.
    pub coordinates: Points,
    /// Passes made.
    pub epochs: usize,
    /// Fitted curve parameters of 1 / (1 + a d^(2b)).
    pub a: f32,
    /// See `a`.
    pub b: f32,
}

/// Lays out the rows whose neighbours are `knn` (of a lone row, which lies at the origin, none). `on_frame` sees the
/// layout form, at most twenty times a second; what it sees never changes the result.
///
/// # Errors
/// If a parameter is out of range, `knn` has fewer neighbours than the parameters ask for, or the task is cancelled.
pub fn umap(
    rows: &dyn Rows,
    knn: &Knn,
    params: &UmapParams,
    task: &Task,
    on_frame: &mut dyn FnMut(Frame<'_>),
) -> Result<Umap> {
    let n = rows.nrows();
    params.check(n)?;
    let curve = curve::fit(params.min_dist, params.spread);
    let forces = force::Forces { a: curve.a as f32, b: curve.b as f32 };
    if n < 2 {
        let coordinates = Points::new(vec![0.0; n * params.dims], params.dims);
        return Ok(Umap { coordinates, epochs: 0, a: forces.a, b: forces.b });
    }
    if knn.k + 1 < params.neighbors || knn.len() != n {
        return Err(Problem::new(format!("{} neighbours of {} points", knn.k, knn.len()))
            .expected(format!("{} or more of {n}", params.neighbors - 1))
            .hint(format!("--neighbors {}, the point itself counted", knn.k + 1))
            .usage());
    }
    let epochs = params.epochs.unwrap_or(EPOCHS);
    let whole = fuzzy::fuzzy_graph(knn, params.neighbors, task)?;
    // An edge that would be drawn less than once in all passes is left out, as umap-learn does.
    let graph = whole.prune(whole.max_weight() / epochs as f32);
    drop(whole);
    let start = init::start(rows, &graph, params, task)?;
    let run = layout::Run { graph: &graph, start: &start, dims: params.dims, forces, epochs, seed: params.seed };
    let coordinates = match params.dims {
        1..=2 => run.optimise::<2>(task, on_frame)?,
        3..=4 => run.optimise::<4>(task, on_frame)?,
        5..=8 => run.optimise::<8>(task, on_frame)?,
        _ => run.optimise::<MAX_DIMS>(task, on_frame)?,
    };
    Ok(Umap { coordinates: Points::new(coordinates, params.dims), epochs, a: forces.a, b: forces.b })
}

#[cfg(test)]
mod tests;
