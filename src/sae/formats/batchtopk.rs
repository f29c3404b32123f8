//! bartbussmann's BatchTopK: `{name}_{step}/sae.pt` and `config.json`.
//!
//! SAELens' names and orientation; `sae_type` says which class it is. `b_enc` is in every file, but top-k and batch top-k add
//! it only if `use_encoder_bias` says so. `b_dec` is subtracted, but not by jumprelu, whose thresholds are logarithms.
//! `input_unit_norm` takes the mean from each input and divides by its deviation over d − 1. Batch top-k leaves no threshold
//! in the file.
//!
//! Source: bartbussmann/BatchTopK `sae.py`, `config.py`, `logs.py`.

use super::build::{self, Facts, Place, Weights};
use super::{Format, count, flag, four, text};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Normalize};
use crate::sae::open::OpenOptions;
use crate::text::clip;

pub(super) const FORMAT: Format = Format {
    name: "batchtopk",
    about: "bartbussmann's BatchTopK: sae.pt and config.json with sae_type",
    detect: |source| four::are_in(source) && source.says_all(&["sae_type", "act_size", "dict_size"]),
    parts: super::one,
    place,
    load,
};

fn place(source: &Source) -> Place {
    let Some(config) = source.config.as_ref() else { return Place::default() };
    Place::new(text(config, &["model_name"]), text(config, &["hook_point"]), count(config, &["layer"]))
        .with("dataset_path", text(config, &["dataset_path"]))
        .with("context_size", count(config, &["seq_len"]))
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let config = source.config.as_ref();
    let find = |key: &str| config.and_then(|config| text(config, &[key]));
    let said = |key: &str| config.and_then(|config| flag(config, key)) == Some(true);
    let mut names = four::names();
    if said("tied_weights") {
        warnings.push("tied_weights: the decoder is the encoder".into());
        names.decoder = ("W_enc", false);
    }
    let mut weights = Weights::read(source, options, &names, &mut warnings)?;
    let kind = find("sae_type");
    let counts = matches!(kind.as_deref(), Some("topk" | "batchtopk"));
    if counts && !said("use_encoder_bias") {
        weights.b_enc.clear();
    }
    let jumps = kind.as_deref() == Some("jumprelu");
    let features = weights.decoders[0].nrows();
    let threshold = build::threshold(source, &["jumprelu.log_threshold"], features, &mut warnings)?;
    let stated = match (kind.as_deref(), find("activation").as_deref()) {
        (Some("vanilla"), _) => Some("relu".into()),
        // Of relu the top-k classes keep the largest; one version had others.
        (Some(kind), Some(other)) if counts && other != "relu" => Some(format!("{kind} of {}", clip(other, 60))),
        _ => kind,
    };
    let k = config.and_then(|config| count(config, &["top_k"])).filter(|_| counts);
    let facts = Facts {
        parts: Parts { stated, k, threshold, ..Parts::default() },
        subtract_b_dec: Some(!jumps),
        normalize: if said("input_unit_norm") { Normalize::LayerNorm { unbiased: true } } else { Normalize::None },
        ..Facts::plain(FORMAT.name, place(source), warnings)
    };
    build::dictionary(source, options, weights, facts)
}
