//! Goodfire's dictionaries of DeepSeek-R1: one matrix, `{math,logic}/DeepSeek-R1-SAE-l37.pt`.
//!
//! `W [d, F]` is the encoder and, turned, the decoder; `b_enc [F]`, `b_dec [d]`, which is not subtracted. The k times tokens
//! largest of a batch are kept; neither k nor a threshold is in the file. The layer stands in its name.
//!
//! Source: goodfire-ai/r1-interpretability `sae.py`.

use super::build::{self, Facts, Names, Place, Weights};
use super::{Format, goodfire, layout};
use crate::error::Result;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::Dictionary;
use crate::sae::open::OpenOptions;

pub(super) const FORMAT: Format = Format {
    name: "tied",
    about: "Goodfire's dictionaries of DeepSeek-R1: one matrix W with b_enc and b_dec",
    detect: |source| {
        let length = |name: &str| layout::length(source, name);
        let sizes = length("b_dec").zip(length("b_enc"));
        let shape = source.info("W").map(|tensor| tensor.shape.as_slice());
        // Nothing else may be in it: W alone is the name of many things.
        source.tensors.len() == 3 && sizes.is_some_and(|(width, features)| shape == Some(&[width, features]))
    },
    parts: super::one,
    place,
    load,
};

fn place(source: &Source) -> Place {
    Place { layer: goodfire::place(source, "").layer, ..Place::default() }
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let (decoder, encoder) = (("W", false), Some(("W", false)));
    let names = Names { decoder, encoder, b_enc: Some("b_enc"), b_dec: Some("b_dec"), skip: None };
    let weights = Weights::read(source, options, &names, &mut warnings)?;
    warnings.push("tied: the decoder is the encoder".into());
    if options.threshold.is_none() && options.k.is_none() {
        warnings.push("k is not in the file; its authors' code takes 128 for math and 64 for logic".into());
    }
    let parts = Parts { stated: Some("batchtopk".into()), ..Parts::default() };
    let facts = Facts { parts, ..Facts::plain(FORMAT.name, place(source), warnings) };
    build::dictionary(source, options, weights, facts)
}
