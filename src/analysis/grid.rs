//! Whether a group is there at many settings or at one: its best overlap (Jaccard) with any group of a grid.
//!
//! Two grids, of the two default groupings: components of the graph of decoder cosines over neighbours `k` and threshold
//! `tau` (Engels' parameters), and Leiden on phi + decoder over resolutions, each with [`SEEDS`] seeds. A group that a
//! whole patch of a grid knows is real in that sense; one that a single cell knows is that cell's.

use super::grouping::{COARSEST, On, RATIO, SEEDS, STEPS, graph_of};
use super::groups::K;
use super::study::Study;
use crate::error::Result;
use crate::geometry::cluster::agreement::best_jaccard;
use crate::geometry::cluster::components::{ComponentsParams, components};
use crate::geometry::cooccurrence::Measure;
use crate::task::Task;
use serde::Serialize;

/// Neighbours of the graph's grid.
pub const KS: [usize; 7] = [1, 2, 3, 4, 6, 9, 15];
/// Thresholds of the graph's grid.
pub const TAUS: [f32; 9] = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6];

/// The best overlap of a group at each setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Grid {
    /// Neighbours of the graph: [`KS`], as far as there are features.
    pub ks: Vec<usize>,
    /// Thresholds.
    pub taus: Vec<f32>,
    /// `[ks, taus]` overlaps.
    pub graph: Vec<f64>,
    /// Features over resolution of Leiden's steps: about the size of a group.
    pub sizes: Vec<f64>,
    /// `[sizes, seeds]` overlaps; empty without activations.
    pub leiden: Vec<f64>,
}

impl Study {
    /// The grid of `features`.
    ///
    /// # Errors
    /// As [`Study::group`].
    pub fn grid(&self, features: &[u32], seed: u64, task: &Task) -> Result<Grid> {
        let n = self.features();
        let k = K.min(n.saturating_sub(1)).max(1);
        let lists = self.similar(On::Decoder, k, task)?;
        let ks: Vec<usize> = KS.into_iter().filter(|own| *own <= k).collect();
        let mut graph = Vec::with_capacity(ks.len() * TAUS.len());
        for &k in &ks {
            for tau in TAUS {
                let params = ComponentsParams { k, tau, min_size: 2 };
                let linked = graph_of(&lists, k, |similarity| params.keep(similarity));
                graph.push(best_jaccard(features, &components(&linked, 2, task)?).0);
            }
        }
        let on = On::Sum(Measure::Phi);
        let partitions = match self.load_evidence(task)?.activations {
            Some(_) => self.partitions(on, k, seed, task)?,
            None => Vec::new(),
        };
        let leiden: Vec<f64> = partitions.iter().map(|clusters| best_jaccard(features, clusters).0).collect();
        let steps = leiden.len() / SEEDS as usize;
        let sizes = (0..STEPS).take(steps).map(|step| COARSEST / RATIO.powi(step as i32)).collect();
        Ok(Grid { ks, taus: TAUS.to_vec(), graph, sizes, leiden })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Cache, open};

    #[test]
    fn the_known_ring_is_there_at_its_setting_and_a_random_group_at_none() {
        let request = open::Request { dictionary: "@example/concepts".into(), ..open::Request::default() };
        let study = open::open(&request, Cache::off()).unwrap();
        let task = Task::new(2).unwrap();
        let best = |grid: &Grid| grid.graph.iter().chain(&grid.leiden).copied().fold(0.0, f64::max);
        let ring = study.grid(&[7, 21, 35, 85, 89, 112, 113, 121, 152, 177], 0, &task).unwrap();
        assert_eq!((ring.graph.len(), ring.leiden.len()), (KS.len() * TAUS.len(), STEPS * SEEDS as usize));
        assert!(ring.graph.iter().chain(&ring.leiden).all(|overlap| (0.0..=1.0).contains(overlap)));
        let stray = study.grid(&[0, 19, 38, 57, 76, 95, 114, 133, 150, 171], 0, &task).unwrap();
        assert!(best(&ring) >= 0.5 && best(&stray) < 0.3, "{} {}", best(&ring), best(&stray));
        // Whole: one feature's threshold lets everything into one component, another nothing.
        let all: Vec<u32> = (0..192).collect();
        let whole = study.grid(&all, 0, &task).unwrap();
        let at = |k: usize, tau: usize| whole.graph[k * TAUS.len() + tau];
        assert!(at(KS.len() - 1, 0) > 0.9 && at(0, TAUS.len() - 1) < 0.1, "{:?}", whole.graph);
    }
}
