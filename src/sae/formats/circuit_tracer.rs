//! Transcoder sets of circuit-tracer: `layer_{i}.safetensors` with `config.yaml`; mwhanna's for Qwen 3.
//!
//! Both matrices have one row a feature: `W_enc [F, d]`, `W_dec [F, d]`; `b_enc`, `b_dec`, and where there are any
//! `W_skip [d, d]` and `activation_function.threshold`, without which it is relu. Nothing is subtracted. The layer is in the
//! file's name, the hook and the model are in the configuration.
//!
//! Source: safety-research/circuit-tracer `circuit_tracer/transcoder/single_layer_transcoder.py`; SAELens'
//! `mwhanna_transcoder` loader.

use super::build::{self, Facts, Names, Place, Weights};
use super::{Format, four, layout, text};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Kind};
use crate::sae::open::OpenOptions;
use serde_json::Value;

pub(super) const FORMAT: Format = Format {
    name: "circuit-tracer",
    about: "circuit-tracer transcoder sets: layer_N.safetensors and config.yaml",
    detect: |source| {
        let own = |config: &Value| config.get("model_kind").or(config.get("feature_input_hook")).is_some();
        let set = source.config.as_ref().is_some_and(own) || source.has(THRESHOLD);
        let sized = |config: &Value| config.get("d_feature").is_some();
        let mwhanna = layer(source).is_some() && source.config.as_ref().is_some_and(sized);
        four::are_in(source) && !source.says_all(&["d_sae"]) && (set || mwhanna || by_rows(source))
    },
    parts: super::one,
    place,
    load,
};

const THRESHOLD: &str = "activation_function.threshold";

/// Whether a file of a layer has both matrices by rows, which no other family has.
fn by_rows(source: &Source) -> bool {
    let features = layout::length(source, "b_enc");
    let rows = |name: &str| source.info(name).and_then(|tensor| tensor.shape.first().copied());
    let square = layout::length(source, "b_dec") == features;
    layer(source).is_some() && !square && rows("W_enc") == features && rows("W_dec") == features
}

fn layer(source: &Source) -> Option<usize> {
    source.stem().strip_prefix("layer_")?.parse().ok()
}

fn place(source: &Source) -> Place {
    let config = source.config.as_ref();
    let find = |key: &str| text(config?, &[key]);
    let layer = layer(source);
    let hook = |key: &str| Some(format!("blocks.{}.{}", layer?, find(key)?));
    Place::new(find("model_name"), hook("feature_input_hook"), layer)
        .with("hook_name_out", hook("feature_output_hook"))
        .with("scan", find("scan"))
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let names = Names {
        decoder: ("W_dec", true),
        encoder: Some(("W_enc", true)),
        b_enc: Some("b_enc"),
        b_dec: Some("b_dec"),
        skip: source.first(&["W_skip"]).map(|name| (name, true)),
    };
    let weights = Weights::read(source, options, &names, &mut warnings)?;
    let threshold = build::threshold(source, &[THRESHOLD], weights.decoders[0].nrows(), &mut warnings)?;
    let stated = if threshold.is_some() { "jumprelu" } else { "relu" };
    let parts = Parts { stated: Some(stated.into()), threshold, ..Parts::default() };
    let facts = Facts { kind: Kind::Transcoder, parts, ..Facts::plain(FORMAT.name, place(source), warnings) };
    build::dictionary(source, options, weights, facts)
}
