//! Temporal SAEs: `layer_{n}/temporal/latest_ckpt.safetensors` (or `.pt`) and `conf.yaml`.
//!
//! `D [F, d]` is the decoder, `E [d, F]` the encoder (the decoder turned, if weights are tied), `b [1, d]` is subtracted; inputs are
//! scaled by `scaling_factor`. What a feature does depends on the tokens before, through `attn_layers.*`, so that this build
//! reads the geometry and does not encode.
//!
//! Source: canrager/temporalSAEs; SAELens, its loader of them.

use super::build::{self, Facts, Names, Place, Weights};
use super::{Format, count, text};
use crate::error::Result;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Normalize};
use crate::sae::open::OpenOptions;
use serde_json::Value;

pub(super) const FORMAT: Format = Format {
    name: "temporal",
    about: "temporal SAEs: latest_ckpt.safetensors and conf.yaml; geometry only",
    detect: |source| {
        let attends = source.tensors.iter().any(|tensor| tensor.name.starts_with("attn_layers."));
        source.dimensions("D") == Some(2) && source.has("b") && attends
    },
    parts: super::one,
    place,
    load,
};

/// A part of the configuration.
fn part<'a>(source: &'a Source, key: &str) -> Option<&'a Value> {
    source.config.as_ref()?.get(key)
}

fn place(source: &Source) -> Place {
    let llm = part(source, "llm");
    let folder = || source.folders().iter().take(2).find_map(|folder| folder.strip_prefix("layer_")?.parse().ok());
    let layer: Option<usize> = llm.and_then(|llm| count(llm, &["layer"])).or_else(folder);
    let hook = layer.map(|layer| format!("blocks.{layer}.hook_resid_post"));
    Place::new(llm.and_then(|llm| text(llm, &["name"])), hook, layer)
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let encoder = if source.has("E") { ("E", false) } else { ("D", true) };
    let names = Names { decoder: ("D", true), encoder: Some(encoder), b_enc: None, b_dec: Some("b"), skip: None };
    let weights = Weights::read(source, options, &names, &mut warnings)?;
    let factor = part(source, "sae").and_then(|sae| sae.get("scaling_factor")?.as_f64());
    let facts = Facts {
        parts: Parts { stated: Some("temporal".into()), ..Parts::default() },
        subtract_b_dec: Some(true),
        normalize: factor.and_then(Normalize::scale).unwrap_or(Normalize::Scale(None)),
        ..Facts::plain(FORMAT.name, place(source), warnings)
    };
    build::dictionary(source, options, weights, facts)
}
