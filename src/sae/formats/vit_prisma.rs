//! ViT-Prisma: `weights.pt` and `config.json`; older ones are one pickle with the configuration in it.
//!
//! SAELens' names and orientation, and much of its configuration, but other defaults: inputs are normalised (`layer_norm`,
//! deviation over d − 1) where the configuration leaves it out, and `b_dec` is always subtracted. Transcoders have
//! `b_dec_out [d_out]` beside `b_dec [d]`, and may have `W_skip`; gated ones have `b_gate`, `r_mag` and `b_mag`. The hook is
//! layer and `layer_subtype`.
//!
//! Source: Prisma-Multimodal/ViT-Prisma `src/vit_prisma/sae/sae.py`, `transcoder.py`, `config.py`.

use super::build::{self, Facts, Place, Weights};
use super::{Format, count, flag, four, text};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Kind, Normalize};
use crate::sae::open::OpenOptions;
use serde_json::Value;

pub(super) const FORMAT: Format = Format {
    name: "vit-prisma",
    about: "ViT-Prisma: weights.pt and config.json, or one pickle with both; transcoders too",
    detect: |source| four::are_in(source) && source.config.as_ref().is_some_and(is_prisma),
    parts: super::one,
    place,
    load,
};

/// Whether a configuration has what only that of ViT-Prisma has.
fn is_prisma(config: &Value) -> bool {
    let class = text(config, &["model_class_name"]);
    class.as_deref() == Some("HookedViT")
        || ["layer_subtype", "cls_token_only", "vit_model_cfg"].iter().any(|key| config.get(key).is_some())
}

fn place(source: &Source) -> Place {
    let Some(config) = source.config.as_ref() else { return Place::default() };
    let at = |layer: &str, site: &str| Some(format!("blocks.{}.{}", count(config, &[layer])?, text(config, &[site])?));
    let hook = text(config, &["hook_point"]).or_else(|| at("hook_point_layer", "layer_subtype"));
    let transcodes = flag(config, "is_transcoder") == Some(true);
    let out = if transcodes { at("out_hook_point_layer", "layer_out_subtype") } else { None };
    Place::new(text(config, &["model_name"]), hook, count(config, &["hook_point_layer"]))
        .with("hook_name_out", out)
        .with("model_class_name", text(config, &["model_class_name"]))
        .with("dataset_path", text(config, &["dataset_name", "dataset_path"]))
        .with("context_size", count(config, &["context_size"]))
        .with("cls_token_only", flag(config, "cls_token_only"))
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let config = source.config.as_ref();
    let find = |key: &str| config.and_then(|config| text(config, &[key]));
    let transcoder = source.has(four::B_DEC_OUT);
    let names = if transcoder { four::out_names(source) } else { four::names() };
    let mut weights = Weights::read(source, options, &names, &mut warnings)?;
    if transcoder {
        weights.pre_bias = four::pre_bias(source, &weights, &mut warnings)?;
    }
    let gate = four::gate(source, weights.decoders[0].nrows(), &mut warnings)?;
    let function = find("activation_fn_str");
    let stated = match (find("architecture").as_deref(), function.as_deref()) {
        (Some("standard") | None, _) => function,
        (Some("gated"), Some("relu") | None) => Some("gated".into()),
        (Some(architecture), _) => Some(architecture.to_string()),
    };
    let k = config.and_then(|config| count(config.get("activation_fn_kwargs")?, &["k"]));
    let normalize = match config.and_then(|config| config.get("normalize_activations")) {
        None => {
            warnings.push(
                "normalize_activations is not stated: taken as layer_norm, which is the trainer's default".into(),
            );
            Normalize::LayerNorm { unbiased: true }
        }
        Some(how) => match how.as_str() {
            Some("layer_norm") => Normalize::LayerNorm { unbiased: true },
            Some("constant_norm_rescale") => Normalize::ConstantNorm,
            // The trainer does nothing for any other word.
            _ => Normalize::None,
        },
    };
    let facts = Facts {
        kind: if transcoder { Kind::Transcoder } else { Kind::Sae },
        parts: Parts { stated, k, gate, ..Parts::default() },
        subtract_b_dec: Some(true),
        normalize,
        ..Facts::plain(FORMAT.name, place(source), warnings)
    };
    build::dictionary(source, options, weights, facts)
}
