//! Crosscoders of science-of-finetuning: `model.safetensors` and `config.json`, or `model_final.pt`, `ae_final.pt`.
//!
//! `encoder.weight [L, d, F]`, `encoder.bias [F]`, `decoder.weight [L, F, d]`, `decoder.bias [L, d]`. Relu of the sum over
//! sources, or with a `threshold` batch top-k, which compares the pre-activation times a code norm that
//! `code_normalization_id` names: 1 the sum of the sources' decoder norms, 2 the norm of all together, 3 a mixture of both,
//! 4 none, 5 each source's own norm with its own threshold (a feature fires if it does for one of them). Where
//! `activation_mean` and `activation_global_scale` are numbers, inputs are centred and scaled by them.
//!
//! Source: science-of-finetuning/dictionary_learning `dictionary.py`.

use super::build::{self, Facts, Place, Weights};
use super::{Format, count, layout};
use crate::container::Matrix;
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{CodeNorm, Dictionary, InputScale, Kind, NormOver, NormRole, Normalize};
use crate::sae::open::OpenOptions;

pub(super) const FORMAT: Format = Format {
    name: "crosscoder-sof",
    about: "science-of-finetuning crosscoder: model.safetensors with three-dimensional layers",
    detect: |source| ["encoder.weight", "decoder.weight"].iter().all(|name| source.dimensions(name) == Some(3)),
    parts: super::one,
    place: |_| Place::default(),
    load,
};

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let b_enc = layout::vector(source, "encoder.bias", None, &mut warnings)?;
    let features = b_enc.len();
    let (decoders, dtype) = build::stacked(source, "decoder.weight", (0, 1), features)?;
    let (encoders, _) = build::stacked(source, "encoder.weight", (0, 2), features)?;
    let sources = decoders.len();
    let width: usize = decoders.iter().map(Rows::ncols).sum();
    let b_dec = if source.has("decoder.bias") { build::flat(source, "decoder.bias", width)? } else { Vec::new() };
    let encoder = Matrix::beside(&encoders).map_err(|error| error.at(&source.path))?;
    let input = input(source, encoder.ncols(), encoders.len())?;
    let config = source.config.as_ref();
    let id = build::scalar_count(source, "code_normalization_id").unwrap_or(1);
    let mut threshold = match source.info("threshold") {
        Some(tensor) => Some(build::flat(source, "threshold", tensor.shape.iter().product())?),
        None => None,
    };
    let mut norm_weights = Vec::new();
    let over = match id {
        1 => Some(NormOver::Mixed { joint: 0.0, sum: 1.0 }),
        2 => Some(NormOver::Joint),
        3 => {
            let alpha = |key: &str, default: f64| config.and_then(|c| c.get(key)?.as_f64()).unwrap_or(default) as f32;
            let (joint, sum) = (alpha("code_normalization_alpha_sae", 1.0), alpha("code_normalization_alpha_cc", 0.1));
            Some(NormOver::Mixed { joint, sum })
        }
        5 => {
            // pre · norm > threshold for one of the sources is pre · max(norm / threshold) > 1.
            if let Some(own) = threshold.as_mut().filter(|own| own.len() == sources && own.iter().all(|&x| x > 0.0)) {
                norm_weights = own.iter().map(|x| 1.0 / x).collect();
                *own = vec![1.0];
            }
            Some(NormOver::Max)
        }
        _ => None,
    };
    let top = threshold.is_some();
    let k = build::scalar_count(source, "k").or_else(|| count(config?, &["k"]));
    let stated = if top { "batchtopk" } else { "relu" };
    let facts = Facts {
        kind: Kind::Crosscoder,
        parts: Parts { stated: Some(stated.into()), k: k.filter(|_| top), threshold, ..Parts::default() },
        code_norm: over.filter(|_| top).map(|over| CodeNorm { role: NormRole::ForChoice, over }),
        norm_weights,
        normalize: if input == InputScale::default() { Normalize::None } else { Normalize::Affine },
        ..Facts::plain(FORMAT.name, Place::default(), warnings)
    };
    let weights = Weights { encoder: Some(encoder), b_enc, b_dec, input, ..Weights::of(decoders, dtype) };
    build::dictionary(source, options, weights, facts)
}

/// What inputs are centred and scaled by; nothing where the file has no numbers for it.
fn input(source: &Source, width: usize, sources: usize) -> Result<InputScale> {
    let read = |name: &str, count: usize| {
        let values = if source.has(name) { build::flat(source, name, count)? } else { Vec::new() };
        Ok::<_, crate::Error>(if values.iter().all(|x| x.is_finite()) { values } else { Vec::new() })
    };
    let mean = read("activation_mean", width)?;
    // Without a mean the scale is not used.
    let factors = if mean.is_empty() { Vec::new() } else { read("activation_global_scale", sources)? };
    Ok(InputScale { mean, factors })
}
