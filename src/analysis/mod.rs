//! One opened study and the questions that every front end asks of it.
//!
//! A [`Study`] is a dictionary with the activations, tokens and labels that belong to it. Its queries give the same
//! answer to the screen, to a verb and to an export; results that took time are kept in the [`cache::Cache`] under a
//! fingerprint of the input, the parameters and the algorithm's version. Long work runs as [`jobs`].

pub mod activations;
pub mod cache;
pub mod columns;
pub mod comparison;
pub mod complete;
pub mod detail;
pub mod distribution;
pub mod evidence;
pub mod filter;
pub mod fingerprint;
pub mod grid;
pub mod grouping;
pub mod groups;
pub mod jobs;
pub mod lens;
pub mod manifolds;
pub mod map;
pub mod open;
pub mod pairs;
pub mod portrait;
pub mod query;
pub mod search;
pub mod selections;
pub mod study;
pub mod summary;
pub mod token_labels;
mod vocabulary;
pub mod words;

pub use cache::Cache;
pub use columns::{Column, FeatureTable};
pub use comparison::Comparison;
pub use detail::Detail;
pub use evidence::{Evidence, Example, Histogram};
pub use filter::Filter;
pub use grouping::{Grouped, Grouping};
pub use jobs::{JobEvent, JobId, JobKind, JobUpdate, Jobs, Product};
pub use manifolds::{Manifold, ManifoldParams};
pub use map::MapParams;
pub use portrait::Portrait;
pub use query::{Neighbor, NeighborsBy};
pub use search::{Found, Query};
pub use selections::{Selection, Selections};
pub use study::Study;
pub use summary::Summary;
pub use words::Words;
