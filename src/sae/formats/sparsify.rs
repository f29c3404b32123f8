//! EleutherAI's sparsify: `{run}/{hookpoint}/sae.safetensors` and `cfg.json`; also its fork clt-training.
//!
//! Tensors `encoder.weight [F, d]`, `encoder.bias`, `W_dec [F, d]`, `b_dec`, and for skip transcoders `W_skip [d_out, d]`.
//! `b_dec` is subtracted unless the configuration says `transcode`; where it does not say, a skip connection does. Pre-activations go through ReLU before the k largest
//! are kept; `groupmax` keeps the largest of each of k runs of features; `signed`, of old files, keeps the largest by
//! magnitude. A file that was saved without its decoder has the encoder's directions for rows, and says so. The fork
//! writes a decoder for each target layer, `W_decs.{i}`, and scales inputs by √d / `in_norm`.
//!
//! Source: EleutherAI/sparsify `sparsify/sparse_coder.py`, `fused_encoder.py`; EleutherAI/clt-training.

use super::build::{self, Facts, Names, Place, Weights};
use super::{Format, count, flag, layer_of, layout, text};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::{self, Source};
use crate::sae::dictionary::{Dictionary, Kind, Normalize};
use crate::sae::open::OpenOptions;

pub(super) const FORMAT: Format = Format {
    name: "sparsify",
    about: "EleutherAI sparsify: sae.safetensors and cfg.json in a folder named after the hookpoint; clt-training",
    detect: |source| {
        let own = |config: &serde_json::Value| config.get("num_latents").or(config.get("expansion_factor")).is_some();
        let decoder = source.has("W_dec")
            || source.has("W_decs.0")
            || !source.has("decoder.weight") && source.config.as_ref().is_some_and(own);
        source.has_all(&["encoder.weight", "encoder.bias"]) && decoder
    },
    parts: super::one,
    place,
    load,
};

fn place(source: &Source) -> Place {
    let hook = source.folders().into_iter().next().filter(|name| layer_of(name).is_some() || name.contains("embed"));
    let run = detect::config_above(source);
    let find = |key: &str| text(run.as_ref()?, &[key]);
    Place::new(find("model"), hook, None).with("dataset_path", find("dataset"))
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let config = source.config.as_ref();
    let said = |key: &str| config.and_then(|config| flag(config, key));
    let targets: Vec<String> =
        (0..source.tensors.len()).map(|i| format!("W_decs.{i}")).take_while(|name| source.has(name)).collect();
    let alone = !source.has("W_dec") && targets.is_empty();
    let decoder = match targets.first() {
        Some(name) => name.as_str(),
        None if alone => "encoder.weight",
        None => "W_dec",
    };
    let skip = source.first(&["W_skip"]).map(|name| (name, true));
    let names = Names {
        decoder: (decoder, true),
        encoder: Some(("encoder.weight", true)),
        b_enc: Some("encoder.bias"),
        b_dec: source.first(&["b_decs.0", "b_dec"]),
        skip: skip.filter(|_| targets.is_empty()),
    };
    let mut weights = Weights::read(source, options, &names, &mut warnings)?;
    let d_model = weights.encoder.as_ref().map_or(0, Rows::ncols);
    let (features, width) = (weights.decoders[0].nrows(), weights.decoders[0].ncols());
    for (at, name) in targets.iter().enumerate().skip(1) {
        let expect =
            layout::Expect { features: Some(features), width: Some(width), in_rows: true, ..layout::Expect::default() };
        weights.decoders.push(layout::orient(&source.tensor(name)?, &expect, &mut warnings)?);
        let name = format!("b_decs.{at}");
        let own = if source.has(&name) {
            layout::vector(source, &name, Some(width), &mut warnings)?
        } else {
            vec![0.0; width]
        };
        weights.b_dec.extend(own);
    }
    if alone {
        warnings.push("saved without a decoder (W_dec): the encoder's directions stand in for it".into());
    }
    if source.has("W_skips.0") {
        warnings.push("each target layer has a skip connection of its own; they are not read".into());
    }
    let transcode = said("transcode").unwrap_or_else(|| {
        if skip.is_some() {
            warnings.push("no configuration says transcode; taken as one for its skip connection (W_skip)".into());
        }
        skip.is_some() || !targets.is_empty()
    });
    if config.is_none() && skip.is_none() {
        warnings.push("no cfg.json: taken as an autoencoder, whose b_dec is subtracted".into());
    }
    let stated = config.map(|config| match text(config, &["activation"]) {
        Some(name) => name,
        None if said("signed") == Some(true) => {
            warnings.push("signed: the k largest by magnitude, as sparsify kept them then".into());
            "abstopk".into()
        }
        None => "topk".into(),
    });
    let k = config.and_then(|config| count(config, &["k"]));
    let normalize = match build::scalar(source, "in_norm").filter(|_| said("normalize_io") == Some(true)) {
        Some(norm) => Normalize::scale((d_model as f64).sqrt() / norm).unwrap_or(Normalize::Unsupported),
        None => Normalize::None,
    };
    let facts = Facts {
        kind: match (targets.is_empty(), transcode) {
            (false, _) => Kind::Clt,
            (true, true) => Kind::Transcoder,
            (true, false) => Kind::Sae,
        },
        parts: Parts { stated, k, ..Parts::default() },
        subtract_b_dec: Some(!transcode),
        normalize,
        ..Facts::plain(FORMAT.name, place(source), warnings)
    };
    build::dictionary(source, options, weights, facts)
}
