//! Crosscoders of crosscode: `model.pt` and `model_cfg.yaml`.
//!
//! `_W_enc_XiDiL [models, hookpoints, d, F]`, `_W_dec_LXoDo [F, models, hookpoints, d]`, `b_enc_L`, `_b_dec_XoDo`; of jumprelu
//! `activation_fn.log_threshold_L`. Models and hookpoints together are the sources. Scaling factors of training are folded
//! into the weights (`is_folded`), or were not set.
//!
//! Source: oli-clive-griffin/crosscode `crosscode/models/`.

use super::build::{self, Facts, Place, Weights};
use super::{Format, count, layout, text};
use crate::container::Matrix;
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Kind};
use crate::sae::open::OpenOptions;

const ENCODER: &str = "_W_enc_XiDiL";
const DECODER: &str = "_W_dec_LXoDo";

pub(super) const FORMAT: Format = Format {
    name: "crosscode",
    about: "crosscode crosscoder: model.pt and model_cfg.yaml",
    detect: |source| source.has_all(&[ENCODER, DECODER]),
    parts: super::one,
    place: |_| Place::default(),
    load,
};

/// Classes of activation functions, and what they are called here.
const CLASSES: &[(&str, &str)] = &[
    ("ReLUActivation", "relu"),
    ("TopkActivation", "topk"),
    ("BatchTopkActivation", "batchtopk"),
    ("AnthropicSTEJumpReLUActivation", "jumprelu"),
];

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let encoders = source.tensor(ENCODER)?.merged(0)?.along(0)?;
    let encoders: Vec<Matrix> = encoders.iter().map(Matrix::transposed).collect();
    let tensor = source.tensor(DECODER)?.merged(1)?;
    let decoders = tensor.along(1)?;
    let Some(first) = decoders.first() else { return Err(tensor.problem("a matrix without elements").input()) };
    let features = first.nrows();
    let vector = |name: &str, count: usize| {
        if source.has(name) { build::flat(source, name, count) } else { Ok(Vec::new()) }
    };
    let width: usize = decoders.iter().map(Rows::ncols).sum();
    let (b_enc, b_dec) = (vector("b_enc_L", features)?, vector("_b_dec_XoDo", width)?);
    let encoder = Matrix::beside(&encoders).map_err(|error| error.at(&source.path))?;
    if encoder.nrows() != features {
        return Err(tensor.problem("encoder and decoder do not fit each other").expected("as many features").input());
    }
    layout::check_square(first, &encoders[0], &mut warnings);
    let function = source.config.as_ref().and_then(|config| config.get("activation_fn"));
    let class = function.and_then(|function| text(function, &["classname"]));
    let known = class.as_deref().and_then(|class| CLASSES.iter().find(|(name, _)| *name == class));
    let stated = known.map(|(_, name)| (*name).to_string()).or(class);
    let k = function.and_then(|function| count(function.get("cfg")?, &["k", "k_per_example"]));
    let threshold = build::threshold(source, &["activation_fn.log_threshold_L"], features, &mut warnings)?;
    let parts = Parts { stated, k, threshold, ..Parts::default() };
    let kind = if decoders.len() > 1 { Kind::Crosscoder } else { Kind::Sae };
    let facts = Facts { kind, parts, ..Facts::plain(FORMAT.name, Place::default(), warnings) };
    let weights = Weights { encoder: Some(encoder), b_enc, b_dec, ..Weights::of(decoders, tensor.dtype()) };
    build::dictionary(source, options, weights, facts)
}
