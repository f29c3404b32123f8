//! Cross-layer transcoders of circuit-tracer: `W_enc_{i}.safetensors` and `W_dec_{i}.safetensors` with `config.yaml`.
//!
//! Of layer i: `W_enc_{i} [F, d]`, `b_enc_{i}`, `b_dec_{i}`, where there are any `threshold_{i}`, and
//! `W_dec_{i} [F, layers − i, d]`, whose entry j writes to layer i + j. Each layer is a dictionary of its own, with the
//! layers that it writes to as sources. Nothing is subtracted.
//!
//! Source: safety-research/circuit-tracer `circuit_tracer/transcoder/cross_layer_transcoder.py`.

use super::build::{self, Facts, Place, Weights};
use super::layout::{self, Expect};
use super::{Format, text};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Kind};
use crate::sae::open::OpenOptions;

pub(super) const FORMAT: Format = Format {
    name: "clt",
    about: "circuit-tracer cross-layer transcoder: W_enc_N and W_dec_N.safetensors; each layer a dictionary",
    detect: |source| !layers(source).is_empty(),
    parts: |source| super::of_layers(&layers(source)),
    place,
    load,
};

/// The layers that have an encoder, or a decoder; none if no layer has both.
fn layers(source: &Source) -> Vec<usize> {
    let layer = |name: &str| name.strip_prefix("W_enc_").or(name.strip_prefix("W_dec_"))?.parse::<usize>().ok();
    let mut all: Vec<usize> = source.tensors.iter().filter_map(|tensor| layer(&tensor.name)).collect();
    all.sort_unstable();
    all.dedup();
    let whole = |layer: &usize| ["W_enc_", "W_dec_"].iter().all(|name| source.has(&format!("{name}{layer}")));
    if all.iter().any(whole) { all } else { Vec::new() }
}

fn place(source: &Source) -> Place {
    let config = source.config.as_ref();
    let find = |key: &str| text(config?, &[key]);
    let hook = |key: &str| Some(format!("blocks.{}.{}", source.part?, find(key)?));
    Place::new(find("model_name"), hook("feature_input_hook"), source.part)
        .with("hook_name_out", find("feature_output_hook"))
        .with("scan", find("scan"))
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let layer = source.part.unwrap_or_default();
    let name = |name: &str| format!("{name}_{layer}");
    if let Some(missing) = [name("W_enc"), name("W_dec")].into_iter().find(|name| !source.has(name)) {
        return Err(source
            .problem(format!("layer {layer} is not whole: {missing} is missing"))
            .expected(format!("a file {missing}.safetensors beside the other"))
            .input());
    }
    let b_enc = layout::vector(source, &name("b_enc"), None, &mut warnings)?;
    let features = b_enc.len();
    let (decoders, dtype) = build::stacked(source, &name("W_dec"), (1, 0), features)?;
    let expect = Expect { features: Some(features), in_rows: true, ..Expect::default() };
    let encoder = layout::orient(&source.tensor(&name("W_enc"))?, &expect, &mut warnings)?;
    let threshold = build::threshold(source, &[&name("threshold")], features, &mut warnings)?;
    // The first target is the layer itself, whose bias it is.
    let width = decoders.first().map_or(0, Rows::ncols);
    let mut b_dec = layout::vector(source, &name("b_dec"), Some(width), &mut warnings)?;
    b_dec.resize(width * decoders.len(), 0.0);
    let weights = Weights { encoder: Some(encoder), b_enc, b_dec, ..Weights::of(decoders, dtype) };
    let stated = if threshold.is_some() { "jumprelu" } else { "relu" };
    let parts = Parts { stated: Some(stated.into()), threshold, ..Parts::default() };
    let facts = Facts { kind: Kind::Clt, parts, ..Facts::plain(FORMAT.name, place(source), warnings) };
    build::dictionary(source, options, weights, facts)
}
