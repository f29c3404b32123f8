//! Sparse autoencoders as they lie on disk: dictionaries, activations, tokens, labels, and the formats they come in.

pub mod activation_function;
pub mod activations;
pub mod convert;
pub mod dense;
pub mod detect;
pub mod dictionary;
pub mod encode;
pub mod example;
pub mod find;
pub mod formats;
pub mod hub;
pub mod labels;
pub mod open;
pub mod sparse;
pub mod synth;
pub mod tokenizer;
pub mod tokens;

pub use activation_function::Activation;
pub use activations::{Activations, Sparse};
pub use dictionary::{CodeNorm, DecoderStats, Dictionary, DictionaryInfo, Kind, NormOver, NormRole, Normalize};
pub use dictionary::{InputScale, SourceChoice, Sources};
pub use find::{Listing, list};
pub use labels::{Label, Labels};
pub use open::{OpenOptions, open};
pub use tokenizer::Vocabulary;
pub use tokens::{Passage, Piece, Tokens};
