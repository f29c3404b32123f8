//! Dense activations of a model: one vector a token, as the many ways of saving them lay them out.

mod flat;

pub use flat::{Flat, columns, flatten};
