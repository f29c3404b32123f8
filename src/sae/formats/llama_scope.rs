//! Llama Scope: `Llama3_1-8B-Base-L{n}{R}-{8}x/hyperparams.json` with `checkpoints/final.safetensors`, and its R1 distill.
//!
//! `encoder.weight [F, d]`, `decoder.weight [d, F]` and their biases; nothing is subtracted. Inputs are scaled by √d over
//! the average norm of the training activations. The threshold is one for all, stated for inputs that are not scaled, so it
//! is scaled too; dictionaries of the distill have a vector of logarithms, for scaled inputs, and their norm is in the file
//! or nowhere. Top-k chooses by pre-activation times the length of the decoder's column.
//!
//! Source: SAELens `llama_scope_sae_huggingface_loader`; OpenMOSS/Language-Model-SAEs of 2024, `src/lm_saes/sae.py`.

use super::build::{self, Facts, Names, Place, Weights};
use super::{Format, count, flag, text};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{CodeNorm, Dictionary, Kind, NormOver, NormRole, Normalize};
use crate::sae::open::OpenOptions;
use serde_json::Value;

const LINEAR: [&str; 4] = ["encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"];

pub(super) const FORMAT: Format = Format {
    name: "llama-scope",
    about: "Llama Scope: hyperparams.json and checkpoints/final.safetensors",
    detect: |source| {
        let own = |config: &Value| config.get("jump_relu_threshold").or(config.get("hook_point_in")).is_some();
        source.has_all(&LINEAR[..3]) && source.config.as_ref().is_some_and(own) && !source.has(DISTILLED)
    },
    parts: super::one,
    place,
    load: |source, options| load(source, options, FORMAT.name),
};

pub(super) const R1: Format = Format {
    name: "llama-scope-r1",
    about: "Llama Scope of R1-Distill: config.json and sae_weights.safetensors with log_jumprelu_threshold",
    detect: |source| source.has_all(&LINEAR[..3]) && source.has(DISTILLED),
    parts: super::one,
    place,
    load: |source, options| load(source, options, R1.name),
};

const DISTILLED: &str = "log_jumprelu_threshold";

fn place(source: &Source) -> Place {
    let config = source.config.as_ref();
    let find = |key: &str| text(config?, &[key]);
    // The release names its folders after the model.
    let released = source.folders().iter().take(4).any(|name| name.starts_with("Llama3_1-8B-Base") && !is_topk(source));
    Place::new(released.then(|| "meta-llama/Llama-3.1-8B".to_string()), find("hook_point_in"), None)
        .with("hook_name_out", find("hook_point_out"))
}

fn is_topk(source: &Source) -> bool {
    source.config.as_ref().and_then(|config| text(config, &["act_fn"])).as_deref() == Some("topk")
}

fn load(source: &Source, options: &OpenOptions, format: &'static str) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let names = Names {
        decoder: ("decoder.weight", false),
        encoder: Some(("encoder.weight", true)),
        b_enc: source.first(&["encoder.bias"]),
        b_dec: source.first(&["decoder.bias"]),
        skip: None,
    };
    let weights = Weights::read(source, options, &names, &mut warnings)?;
    let features = weights.decoders[0].nrows();
    let d_model = weights.encoder.as_ref().map_or(0, Rows::ncols);
    let config = source.config.as_ref();
    let find = |key: &str| text(config?, &[key]);
    let said = |key: &str| config.and_then(|config| flag(config, key));
    let normalize = scale(source, find("hook_point_in").as_deref(), d_model);
    let mut threshold = build::threshold(source, &[DISTILLED], features, &mut warnings)?;
    if threshold.is_none() {
        let stated = config.and_then(|config| config.get("jump_relu_threshold")?.as_f64());
        // For inputs as they are; what is compared comes from scaled ones.
        let factor = normalize.factor().map_or(1.0, f64::from);
        threshold = stated.map(|threshold| vec![(threshold * factor) as f32]);
    }
    let topk = is_topk(source);
    let (k, threshold) =
        if topk { (config.and_then(|config| count(config, &["top_k"])), None) } else { (None, threshold) };
    let by_norm = topk && said("sparsity_include_decoder_norm").unwrap_or(false);
    let (into, out) = (find("hook_point_in"), find("hook_point_out"));
    let stated = find("act_fn").or_else(|| threshold.is_some().then(|| "jumprelu".into()));
    let facts = Facts {
        kind: if into.is_some() && out.is_some() && into != out { Kind::Transcoder } else { Kind::Sae },
        parts: Parts { stated, k, threshold, ..Parts::default() },
        code_norm: by_norm.then_some(CodeNorm { role: NormRole::ForChoice, over: NormOver::Joint }),
        normalize,
        subtract_b_dec: Some(said("apply_decoder_bias_to_pre_encoder").unwrap_or(false)),
        ..Facts::plain(format, place(source), warnings)
    };
    build::dictionary(source, options, weights, facts)
}

/// How inputs at `hook` are scaled: by √d over the average norm of the training data, which the configuration has or a scalar
/// that is named after the hook; or each to length √d; or not at all, where the norms are in the weights already and the
/// scalars mean nothing.
pub(super) fn scale(source: &Source, hook: Option<&str>, d_model: usize) -> Normalize {
    let Some(config) = source.config.as_ref() else { return Normalize::Unstated };
    let averaged = config.get("dataset_average_activation_norm").is_some_and(|norm| !norm.is_null());
    match text(config, &["norm_activation"]).as_deref() {
        Some("dataset-wise") => {}
        None if averaged => {}
        Some("token-wise") => return Normalize::ConstantNorm,
        Some("inference" | "none") | None => return Normalize::None,
        Some(_) => return Normalize::Unsupported,
    }
    let stated = config.get("dataset_average_activation_norm").and_then(|norms| norms.get("in")?.as_f64());
    let named = || build::scalar(source, &format!("dataset_average_activation_norm.{}", hook?));
    let factor = stated.or_else(named).and_then(|norm| Normalize::scale((d_model as f64).sqrt() / norm));
    factor.unwrap_or(Normalize::Scale(None))
}
