//! Sparse autoencoders as they lie on disk: dictionaries, activations, tokens, labels, and the formats they come in.

pub mod activations;
pub mod dictionary;
pub mod labels;
pub mod tokens;

pub use activations::{Activations, Sparse};
pub use dictionary::{Activation, Dictionary, DictionaryInfo, Kind, Normalize};
pub use labels::{Label, Labels};
pub use tokens::{Passage, Piece, Tokens};
