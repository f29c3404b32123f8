//! Goodfire's dictionaries: one file with two linear layers and no configuration.
//!
//! `encoder_linear.weight [F, d]`, `decoder_linear.weight [d, F]` and their biases; relu, and nothing is subtracted. Model
//! and layer stand in the file's name: `Llama-3.1-8B-Instruct-SAE-l19.pth`.
//!
//! Source: SAELens, its loader of Goodfire's.

use super::Format;
use super::build::{self, Facts, Names, Place, Weights};
use crate::error::Result;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::Dictionary;
use crate::sae::open::OpenOptions;

pub(super) const FORMAT: Format = Format {
    name: "goodfire",
    about: "Goodfire: MODEL-SAE-lN.pt or .pth with encoder_linear and decoder_linear",
    detect: |source| source.has_all(&["encoder_linear.weight", "decoder_linear.weight"]),
    parts: super::one,
    place: |source| place(source, "meta-llama"),
    load: |source, options| load(source, options, FORMAT.name, ["encoder_linear", "decoder_linear"], "meta-llama"),
};

/// By the file's name: the model before `-SAE-l`, the layer after it.
pub(super) fn place(source: &Source, organisation: &str) -> Place {
    let stem = source.stem();
    let Some((model, layer)) = stem.rsplit_once("-SAE-l") else { return Place::default() };
    let Ok(layer) = layer.parse::<usize>() else { return Place::default() };
    Place::new(Some(format!("{organisation}/{model}")), Some(format!("blocks.{layer}.hook_resid_post")), Some(layer))
}

/// Two linear layers called `encoder` and `decoder`, relu, nothing subtracted.
///
/// # Errors
/// If a tensor is missing or does not fit.
pub(super) fn load(
    source: &Source,
    options: &OpenOptions,
    format: &'static str,
    [encoder, decoder]: [&str; 2],
    organisation: &str,
) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let part = |layer: &str, part: &str| format!("{layer}.{part}");
    let (w_enc, w_dec) = (part(encoder, "weight"), part(decoder, "weight"));
    let (b_enc, b_dec) = (part(encoder, "bias"), part(decoder, "bias"));
    let names = Names {
        decoder: (&w_dec, false),
        encoder: Some((&w_enc, true)),
        b_enc: source.has(&b_enc).then_some(b_enc.as_str()),
        b_dec: source.has(&b_dec).then_some(b_dec.as_str()),
        skip: None,
    };
    let weights = Weights::read(source, options, &names, &mut warnings)?;
    let parts = Parts { stated: Some("relu".into()), ..Parts::default() };
    let facts = Facts { parts, ..Facts::plain(format, place(source, organisation), warnings) };
    build::dictionary(source, options, weights, facts)
}
