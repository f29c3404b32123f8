//! Groups of features: what they write together, and what its shape is called.
//!
//! [`reconstruct()`] gives each token's reconstruction from the features of a group alone; [`types`] averages
//! it over token types, which names the group, and [`family()`] says how much of a family they are; [`fired_apart`] draws
//! what features that fire independently would write; [`order()`] asks whether points stand in a ring or a row, without knowing
//! their names; [`stability`] whether a group is there at all resolutions or at one. [`capture()`] asks how few directions hold the
//! cloud; [`packing`] whether its features share fewer directions than features at random; [`TypeRing`] gives every token
//! a place around that ring. All take plain numbers: token types come as ids.

pub mod along;
pub mod capture;
pub mod family;
pub mod firing;
pub mod order;
pub mod packing;
pub mod reconstruct;
pub mod stability;
pub mod types;

pub use along::TypeRing;
pub use capture::{Capture, CaptureKind, Curve, capture};
pub use family::{Family, family};
pub use firing::fired_apart;
pub use order::{Arrangement, OrderParams, Ordered, order};
pub use packing::{Packing, packed_by_chance, shared_directions};
pub use reconstruct::{GroupCloud, reconstruct};
pub use stability::{Candidate, candidates, stable};
pub use types::{TypeMeans, type_means};
