//! Pure kernels over views: neighbours, projections, clusters, and how far a map can be trusted.
//!
//! Inputs are [`crate::rows::Rows`] (decoder directions, points) and checked parameters; outputs own their data.
//! Kernels know no files, no channels and no terminals; they use the threads of the [`crate::task::Task`] they are
//! given, poll its cancellation, and give the same bytes at any number of threads.

pub mod cloud;
pub mod cluster;
pub mod coactivation;
pub mod cooccurrence;
pub mod diffusion;
mod eigen;
pub mod graph;
pub mod group;
pub mod homology;
mod kdtree;
pub(crate) mod memory;
pub mod neighbors;
pub mod pca;
mod random;
mod shortlist;
pub mod trust;
pub mod umap;
