//! OpenMOSS Llamascopium (Language-Model-SAEs): `config.json` with `sae_weights.safetensors` or `.pt`, or `checkpoints/`.
//!
//! | `sae_type` | tensors |
//! |---|---|
//! | sae | `W_E [d, F]`, `b_E [F]`, `W_D [F, d]`, `b_D [d]` |
//! | crosscoder | `W_E [n, d, F]`, `b_E [n, F]`, `W_D [n, F, d]`, `b_D [n, d]`; the biases add up |
//! | clt | `W_E [L, d, F]`, `b_E [L, F]`, and of each target layer j `W_D.{j} [j + 1, F, d]`, `b_D.{j}`; each layer a dictionary |
//!
//! Thresholds are logarithms, for inputs scaled by √d over `dataset_average_activation_norm.{hook}`. With
//! `sparsity_include_decoder_norm` the choice is by the pre-activation times the length of the decoder row (of all targets; in
//! a crosscoder, of each source by itself), and the activation is the pre-activation. Nothing is subtracted. Gated linear units,
//! Lorsa and MOLT are not encoded.
//!
//! Source: OpenMOSS/Language-Model-SAEs `src/llamascopium/models/`.

use super::build::{self, Facts, Names, Place, Weights};
use super::layout::{self, Expect};
use super::llama_scope::scale;
use super::{Format, count, flag, text};
use crate::container::Matrix;
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{CodeNorm, Dictionary, InputScale, Kind, NormOver, NormRole, Normalize};
use crate::sae::open::OpenOptions;
use serde_json::Value;

pub(super) const FORMAT: Format = Format {
    name: "llamascopium",
    about: "Llamascopium: config.json and sae_weights with W_E and W_D; transcoders, crosscoders, cross-layer transcoders",
    detect: |source| source.has("W_E") && (source.has("W_D") || !layers(source).is_empty()),
    parts: |source| super::of_layers(&layers(source)),
    place,
    load,
};

const THRESHOLD: &str = "activation_function.log_jumprelu_threshold";

/// The layers of a cross-layer transcoder.
fn layers(source: &Source) -> Vec<usize> {
    let targets = source.tensors.iter().filter_map(|tensor| tensor.name.strip_prefix("W_D.")?.parse().ok());
    let mut targets: Vec<usize> = targets.collect();
    targets.sort_unstable();
    targets
}

/// The hook at `key`: text, or of a list that of the layer.
fn hook(source: &Source, one: &str, many: &str) -> Option<String> {
    let config = source.config.as_ref()?;
    let of_layer = || config.get(many)?.get(source.part?)?.as_str().map(String::from);
    text(config, &[one]).or_else(of_layer)
}

fn place(source: &Source) -> Place {
    let (into, out) =
        (hook(source, "hook_point_in", "hook_points_in"), hook(source, "hook_point_out", "hook_points_out"));
    let all = source.config.as_ref().and_then(|config| config.get("hook_points")).cloned();
    let model = source.config.as_ref().and_then(|config| text(config, &["model_name"]));
    Place::new(model, into, source.part).with("hook_name_out", out).with("hook_points", all)
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let config = source.config.as_ref();
    let said = |key: &str| config.and_then(|config| flag(config, key)).unwrap_or(false);
    let three = source.dimensions("W_E") == Some(3);
    let (weights, threshold, kind, over) = if !layers(source).is_empty() {
        let (weights, threshold) = layer(source, source.part.unwrap_or_default(), &mut warnings)?;
        (weights, threshold, Kind::Clt, NormOver::Joint)
    } else if three {
        let weights = crosscoder(source, &mut warnings)?;
        let threshold = build::threshold(source, &[THRESHOLD], weights.b_enc.len(), &mut warnings)?;
        (weights, threshold, Kind::Crosscoder, NormOver::Max)
    } else {
        let names = Names {
            decoder: ("W_D", true),
            encoder: Some(("W_E", false)),
            b_enc: source.first(&["b_E"]),
            b_dec: source.first(&["b_D"]),
            skip: None,
        };
        let weights = Weights::read(source, options, &names, &mut warnings)?;
        let threshold = build::threshold(source, &[THRESHOLD], weights.decoders[0].nrows(), &mut warnings)?;
        let (into, out) = (hook(source, "hook_point_in", ""), hook(source, "hook_point_out", ""));
        let kind = if out.is_some() && into != out { Kind::Transcoder } else { Kind::Sae };
        (weights, threshold, kind, NormOver::Joint)
    };
    let mut stated = config.and_then(|config| text(config, &["act_fn"]));
    if said("use_glu_encoder") || source.has("W_E_glu") {
        warnings.push("its pre-activations go through a gated linear unit, which is not encoded here".into());
        stated = Some("glu".into());
    }
    if kind == Kind::Crosscoder && threshold.is_some() {
        warnings.push("each source has a gate of its own; a feature is taken to fire if one of them lets it".into());
    }
    let is_top = stated.as_deref().is_some_and(|name| name.contains("topk"));
    let k = config.and_then(|config| count(config, &["top_k"])).filter(|_| is_top);
    let by_norm = said("sparsity_include_decoder_norm") && stated.as_deref() != Some("relu");
    let (normalize, input) = normalize(source, &weights, kind);
    let facts = Facts {
        kind,
        parts: Parts { stated, k, threshold, ..Parts::default() },
        code_norm: by_norm.then_some(CodeNorm { role: NormRole::ForChoice, over }),
        normalize,
        ..Facts::plain(FORMAT.name, place(source), warnings)
    };
    build::dictionary(source, options, Weights { input, ..weights }, facts)
}

/// How inputs are scaled; a crosscoder's sources each by their own norm.
fn normalize(source: &Source, weights: &Weights, kind: Kind) -> (Normalize, InputScale) {
    let d_model = weights.encoder.as_ref().map_or(0, Rows::ncols);
    if kind != Kind::Crosscoder {
        let hook = hook(source, "hook_point_in", "hook_points_in");
        return (scale(source, hook.as_deref(), d_model), InputScale::default());
    }
    let hooks = source.config.as_ref().and_then(|config| config.get("hook_points")).and_then(Value::as_array);
    let hooks: Vec<&str> = hooks.into_iter().flatten().filter_map(Value::as_str).collect();
    let sources = weights.decoders.len();
    let each: Vec<Normalize> = hooks.iter().map(|hook| scale(source, Some(hook), d_model / sources.max(1))).collect();
    let factors: Option<Vec<f32>> = each.iter().map(|each| each.factor()).collect();
    match (&each[..], factors) {
        (_, Some(factors)) if !factors.is_empty() && factors.len() == sources => {
            (Normalize::ScaleEach, InputScale { mean: Vec::new(), factors })
        }
        // Each source's part to a length of its own is not done here.
        ([Normalize::ConstantNorm, ..], _) => (Normalize::Unsupported, InputScale::default()),
        ([first, ..], _) if each.iter().all(|each| each == first) => (*first, InputScale::default()),
        _ => (Normalize::Scale(None), InputScale::default()),
    }
}

fn crosscoder(source: &Source, warnings: &mut Vec<String>) -> Result<Weights> {
    let tensor = source.tensor("W_E")?;
    let features = tensor.shape().last().copied().unwrap_or_default();
    let (decoders, dtype) = build::stacked(source, "W_D", (0, 1), features)?;
    let (encoders, _) = build::stacked(source, "W_E", (0, 2), features)?;
    let width: usize = decoders.iter().map(Rows::ncols).sum();
    let vector = |name: &str, count: usize| {
        if source.has(name) { build::flat(source, name, count) } else { Ok(Vec::new()) }
    };
    // Each source adds its bias.
    let each = vector("b_E", features * encoders.len())?;
    let mut b_enc = vec![0.0f32; features];
    for part in each.chunks_exact(features.max(1)) {
        b_enc.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
    }
    let encoder = Matrix::beside(&encoders).map_err(|error| error.at(&source.path))?;
    if let [decoder, ..] = &decoders[..] {
        layout::check_square(decoder, &encoders[0], warnings);
    }
    Ok(Weights { encoder: Some(encoder), b_enc, b_dec: vector("b_D", width)?, ..Weights::of(decoders, dtype) })
}

/// The features of one layer of a cross-layer transcoder, with their thresholds.
fn layer(source: &Source, layer: usize, warnings: &mut Vec<String>) -> Result<(Weights, Option<Vec<f32>>)> {
    let tensor = source.tensor("W_E")?;
    let encoders = tensor.along(0)?;
    let outside = || tensor.problem(format!("no layer {layer}")).expected("one matrix a layer").input();
    let encoder = encoders.get(layer).ok_or_else(outside)?.transposed();
    let features = encoder.nrows();
    let (mut decoders, mut b_dec) = (Vec::new(), Vec::new());
    let mut dtype = tensor.dtype();
    for to in layers(source).into_iter().filter(|&to| to >= layer) {
        let (mut all, own) = build::stacked(source, &format!("W_D.{to}"), (0, 1), features)?;
        dtype = own;
        if layer >= all.len() {
            return Err(source.tensor(&format!("W_D.{to}"))?.problem(format!("no decoder of layer {layer}")).input());
        }
        let decoder = all.swap_remove(layer);
        let (name, width) = (format!("b_D.{to}"), decoder.ncols());
        let bias =
            if source.has(&name) { layout::vector(source, &name, Some(width), warnings)? } else { vec![0.0; width] };
        b_dec.extend(bias);
        decoders.push(decoder);
    }
    if decoders.is_empty() {
        return Err(outside());
    }
    let row = |name: &str| -> Result<Option<Vec<f32>>> {
        if !source.has(name) {
            return Ok(None);
        }
        let expect =
            Expect { features: Some(encoders.len()), width: Some(features), in_rows: true, ..Expect::default() };
        let rows = layout::orient(&source.tensor(name)?, &expect, &mut Vec::new())?;
        let mut values = vec![0.0; features];
        rows.read(layer..layer + 1, &mut values);
        Ok(Some(values))
    };
    let b_enc = row("b_E")?.unwrap_or_default();
    let threshold = row(THRESHOLD)?.map(|row| row.into_iter().map(f32::exp).collect());
    Ok((Weights { encoder: Some(encoder), b_enc, b_dec, ..Weights::of(decoders, dtype) }, threshold))
}
