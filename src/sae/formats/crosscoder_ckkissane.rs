//! Crosscoders of two models by Connor Kissane and others: `cc_weights.pt` and `cfg.json`, or `{version}.pt` of training.
//!
//! `W_enc [2, d, F]`, `W_dec [F, 2, d]`, `b_enc [F]`, `b_dec [2, d]`, mostly in bfloat16; relu of the sum over models. The
//! two models' activations are scaled before they get here, by numbers that no file has.
//!
//! Source: ckkissane/crosscoder-model-diff-replication `crosscoder.py`.

use super::build::{self, Facts, Place, Weights};
use super::{Format, four, layout, text};
use crate::container::Matrix;
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Kind};
use crate::sae::open::OpenOptions;

pub(super) const FORMAT: Format = Format {
    name: "crosscoder-ckkissane",
    about: "two-model crosscoder (model-diff replication): cc_weights.pt and cfg.json",
    detect: |source| {
        let three = |name: &str| source.dimensions(name) == Some(3);
        four::are_in(source) && three("W_enc") && three("W_dec")
    },
    parts: super::one,
    place: |source| {
        let find = |keys: &[&str]| text(source.config.as_ref()?, keys);
        Place::new(find(&["model_name"]), find(&["hook_point"]), None)
    },
    load,
};

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let b_enc = layout::vector(source, "b_enc", None, &mut warnings)?;
    let (decoders, dtype) = build::stacked(source, "W_dec", (1, 0), b_enc.len())?;
    let (encoders, _) = build::stacked(source, "W_enc", (0, 2), b_enc.len())?;
    let width: usize = decoders.iter().map(Rows::ncols).sum();
    let b_dec = build::flat(source, "b_dec", width)?;
    let encoder = Some(Matrix::beside(&encoders).map_err(|error| error.at(&source.path))?);
    warnings.push("each model's activations are scaled before encoding by a number that no file has".into());
    let weights = Weights { encoder, b_enc, b_dec, ..Weights::of(decoders, dtype) };
    let parts = Parts { stated: Some("relu".into()), ..Parts::default() };
    let facts = Facts { kind: Kind::Crosscoder, parts, ..Facts::plain(FORMAT.name, (FORMAT.place)(source), warnings) };
    build::dictionary(source, options, weights, facts)
}
