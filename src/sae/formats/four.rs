//! The four tensors that many trainers name as SAELens does, `W_enc`, `W_dec`, `b_enc` and `b_dec`: what the formats share
//! that only file names or configurations tell apart.

use super::build::{self, Facts, Names, Weights};
use super::{Format, layout};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::{GateVectors, Parts};
use crate::sae::detect::Source;
use crate::sae::dictionary::Dictionary;
use crate::sae::open::OpenOptions;

const NAMES: [&str; 4] = ["W_enc", "W_dec", "b_enc", "b_dec"];

/// Whether the source has the four tensors.
pub(super) fn are_in(source: &Source) -> bool {
    source.has_all(&NAMES)
}

/// The bias of a transcoder's output, where `b_dec` is that of its input.
pub(super) const B_DEC_OUT: &str = "b_dec_out";

/// The four tensors as SAELens has them.
pub(super) fn names() -> Names<'static> {
    let [w_enc, w_dec, b_enc, b_dec] = NAMES;
    let (decoder, encoder) = ((w_dec, true), Some((w_enc, false)));
    Names { decoder, encoder, b_enc: Some(b_enc), b_dec: Some(b_dec), skip: None }
}

/// Those of a transcoder with a bias of its output, and its skip connection if it has one.
pub(super) fn out_names(source: &Source) -> Names<'static> {
    let skip = source.first(&["W_skip"]).map(|name| (name, true));
    Names { b_dec: Some(B_DEC_OUT), skip, ..names() }
}

/// What such a transcoder subtracts from its input, `b_dec [d_model]`.
///
/// # Errors
/// If it is missing or does not fit the encoder.
pub(super) fn pre_bias(source: &Source, weights: &Weights, warnings: &mut Vec<String>) -> Result<Vec<f32>> {
    let width = weights.encoder.as_ref().map(Rows::ncols);
    layout::vector(source, "b_dec", width, warnings)
}

/// The vectors of a gated encoder, `b_gate`, `r_mag` and `b_mag`, if all three are there.
///
/// # Errors
/// If one of them has not a value for each feature.
pub(super) fn gate(source: &Source, features: usize, warnings: &mut Vec<String>) -> Result<Option<GateVectors>> {
    if !source.has_all(&["b_gate", "r_mag", "b_mag"]) {
        return Ok(None);
    }
    let mut vector = |name: &str| layout::vector(source, name, Some(features), warnings);
    Ok(Some(GateVectors { b_gate: vector("b_gate")?, r_mag: vector("r_mag")?, b_mag: vector("b_mag")? }))
}

/// Relu, and `b_dec` subtracted.
pub(super) fn relu(source: &Source, options: &OpenOptions, format: &Format) -> Result<Dictionary> {
    let parts = Parts { stated: Some("relu".into()), ..Parts::default() };
    let facts = Facts::plain(format.name, (format.place)(source), Vec::new());
    load(source, options, true, Facts { parts, subtract_b_dec: Some(true), ..facts })
}

/// Reads the four tensors; `usual` if they lie as SAELens has them.
pub(super) fn load(source: &Source, options: &OpenOptions, usual: bool, mut facts: Facts) -> Result<Dictionary> {
    let [w_enc, w_dec, ..] = NAMES;
    let names = Names { decoder: (w_dec, usual), encoder: Some((w_enc, !usual)), ..names() };
    facts.warnings.extend(source.notes.iter().cloned());
    let weights = Weights::read(source, options, &names, &mut facts.warnings)?;
    build::dictionary(source, options, weights, facts)
}
