//! The four tensors that many trainers name as SAELens does, `W_enc`, `W_dec`, `b_enc` and `b_dec`: what the formats share
//! that only file names or configurations tell apart.

use super::Format;
use super::build::{self, Facts, Names, Weights};
use crate::error::Result;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::Dictionary;
use crate::sae::open::OpenOptions;

const NAMES: [&str; 4] = ["W_enc", "W_dec", "b_enc", "b_dec"];

/// Whether the source has the four tensors.
pub(super) fn are_in(source: &Source) -> bool {
    source.has_all(&NAMES)
}

/// Relu, and `b_dec` subtracted.
pub(super) fn relu(source: &Source, options: &OpenOptions, format: &Format) -> Result<Dictionary> {
    let parts = Parts { stated: Some("relu".into()), ..Parts::default() };
    let facts = Facts::plain(format.name, (format.place)(source), Vec::new());
    load(source, options, true, Facts { parts, subtract_b_dec: Some(true), ..facts })
}

/// Reads the four tensors; `usual` if they lie as SAELens has them.
pub(super) fn load(source: &Source, options: &OpenOptions, usual: bool, mut facts: Facts) -> Result<Dictionary> {
    let [w_enc, w_dec, b_enc, b_dec] = NAMES;
    let (decoder, encoder) = ((w_dec, usual), Some((w_enc, !usual)));
    let names = Names { decoder, encoder, b_enc: Some(b_enc), b_dec: Some(b_dec), skip: None };
    facts.warnings.extend(source.notes.iter().cloned());
    let weights = Weights::read(source, options, &names, &mut facts.warnings)?;
    build::dictionary(source, options, weights, facts)
}
