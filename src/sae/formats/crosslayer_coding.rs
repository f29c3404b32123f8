//! Cross-layer transcoders of crosslayer-coding: `model.safetensors` and `cfg.json`.
//!
//! Linear layers `encoders.{i}.weight [F, d]` and, for each source and target, `decoders.{i}->{j}.weight [d, F]`, their biases
//! called `bias_param`, and `log_threshold [layers, F]`; below modules `encoder_module`, `decoder_module`, `theta_manager`, or
//! without them in old files. Each layer is a dictionary of its own, with the layers it writes to as sources.
//!
//! Source: curt-tigges/crosslayer-coding `clt/models/`.

use super::build::{self, Facts, Place, Weights};
use super::layout::{self, Expect};
use super::{Format, count, text};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Kind, Normalize};
use crate::sae::open::OpenOptions;

pub(super) const FORMAT: Format = Format {
    name: "crosslayer-coding",
    about: "crosslayer-coding cross-layer transcoder: model.safetensors and cfg.json; each layer a dictionary",
    detect: |source| source.tensors.iter().any(|tensor| target(&tensor.name).is_some()),
    parts: |source| super::of_layers(&layers(source)),
    place,
    load,
};

/// Source and target layer of a decoder's weight.
fn target(name: &str) -> Option<(usize, usize)> {
    let name = name.strip_prefix("decoder_module.").unwrap_or(name);
    let (from, to) = name.strip_prefix("decoders.")?.strip_suffix(".weight")?.split_once("->")?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

fn layers(source: &Source) -> Vec<usize> {
    let mut all: Vec<usize> = source.tensors.iter().filter_map(|tensor| Some(target(&tensor.name)?.0)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn place(source: &Source) -> Place {
    let config = source.config.as_ref();
    let find = |keys: &[&str]| text(config?, keys);
    let hook = |keys: &[&str]| Some(find(keys)?.replace("{}", &source.part?.to_string()));
    Place::new(find(&["model_name"]), hook(&["tl_input_template", "mlp_input_template"]), source.part)
        .with("hook_name_out", hook(&["mlp_output_template"]))
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let layer = source.part.unwrap_or_default();
    let config = source.config.as_ref();
    // With the module's name before it, or without.
    let name = |module: &str, name: String| {
        let long = format!("{module}.{name}");
        if source.has(&long) { long } else { name }
    };
    let bias = |module: &str, of: &str| {
        let names = ["bias_param", "bias"].map(|bias| name(module, format!("{of}.{bias}")));
        names.into_iter().find(|name| source.has(name))
    };
    let tensor = source.tensor(&name("encoder_module", format!("encoders.{layer}.weight")))?;
    let b_enc = bias("encoder_module", &format!("encoders.{layer}"));
    let b_enc = b_enc.map(|name| layout::vector(source, &name, None, &mut warnings)).transpose()?.unwrap_or_default();
    let features = Some(b_enc.len()).filter(|&n| n > 0).or_else(|| count(config?, &["num_features"]));
    let expect = Expect { features, in_rows: true, ..Expect::default() };
    let encoder = layout::orient(&tensor, &expect, &mut warnings)?;
    let features = encoder.nrows();
    let mut targets: Vec<usize> =
        source.tensors.iter().filter_map(|t| target(&t.name)).filter(|t| t.0 == layer).map(|t| t.1).collect();
    targets.sort_unstable();
    let (mut decoders, mut b_dec) = (Vec::new(), Vec::new());
    let mut dtype = tensor.dtype();
    for to in targets {
        let of = format!("decoders.{layer}->{to}");
        let tensor = source.tensor(&name("decoder_module", format!("{of}.weight")))?;
        let expect = Expect { features: Some(features), ..Expect::default() };
        let decoder = layout::orient(&tensor, &expect, &mut warnings)?;
        let width = decoder.ncols();
        match bias("decoder_module", &of) {
            Some(name) => b_dec.extend(layout::vector(source, &name, Some(width), &mut warnings)?),
            None => b_dec.resize(b_dec.len() + width, 0.0),
        }
        dtype = tensor.dtype();
        decoders.push(decoder);
    }
    let stated = config.and_then(|config| text(config, &["activation_fn"]));
    let thresholds = name("theta_manager", "log_threshold".into());
    let threshold = if source.has(&thresholds) { Some(row(source, &thresholds, layer, features)?) } else { None };
    let threshold = threshold.map(|row| row.into_iter().map(f32::exp).collect());
    let k = config.and_then(|config| count(config, &["topk_k", "batchtopk_k"]));
    if k.is_some() {
        warnings.push("top-k counts features of all layers together; here it is one layer's".into());
    }
    if source
        .tensors
        .iter()
        .any(|tensor| tensor.name.contains("feature_scale") || tensor.name.contains("feature_offset"))
    {
        warnings.push("the factors and offsets of its features (feature_scale, feature_offset) are not read".into());
    }
    let normalized = config.and_then(|config| text(config, &["normalization_method"])).is_some_and(|how| how != "none");
    let facts = Facts {
        kind: Kind::Clt,
        parts: Parts { stated, k, threshold, ..Parts::default() },
        normalize: if normalized { Normalize::Unsupported } else { Normalize::None },
        ..Facts::plain(FORMAT.name, place(source), warnings)
    };
    let weights = Weights { encoder: Some(encoder), b_enc, b_dec, ..Weights::of(decoders, dtype) };
    build::dictionary(source, options, weights, facts)
}

/// One row of a matrix that has one for each layer.
fn row(source: &Source, name: &str, layer: usize, features: usize) -> Result<Vec<f32>> {
    let tensor = source.tensor(name)?;
    let matrix = tensor.matrix()?;
    if layer >= matrix.nrows() || matrix.ncols() != features {
        return Err(tensor
            .problem("no value for each feature of the layer")
            .expected(format!("[layers, {features}]"))
            .input());
    }
    let mut values = vec![0.0; features];
    matrix.read(layer..layer + 1, &mut values);
    Ok(values)
}
