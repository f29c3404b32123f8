//! OpenAI's sparse autoencoders of GPT-2 small: `…/{location}/autoencoders/{layer}.pt`.
//!
//! Tensors `pre_bias [d]`, `encoder.weight [F, d]`, `latent_bias [F]`, `decoder.weight [d, F]`; beside them the name of the
//! activation function and its parameters. `pre_bias` is subtracted. Top-k ones normalise each input (mean 0, deviation 1
//! over d − 1) before that, which no file says and the code infers likewise.
//!
//! Source: openai/sparse_autoencoder `sparse_autoencoder/model.py`, `paths.py`.

use super::build::{self, Facts, Names, Place, Weights};
use super::{Format, count, text};
use crate::error::Result;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Normalize};
use crate::sae::open::OpenOptions;

pub(super) const FORMAT: Format = Format {
    name: "openai",
    about: "OpenAI sparse_autoencoder: {layer}.pt with pre_bias and latent_bias",
    detect: |source| source.has_all(&["pre_bias", "latent_bias", "encoder.weight"]),
    parts: super::one,
    place,
    load,
};

/// By the folders of the release: `gpt2-small/resid_post_mlp_v5_32k/autoencoders/8.pt`.
fn place(source: &Source) -> Place {
    let folders = source.folders();
    let layer = source.stem().parse().ok();
    match &folders[..] {
        [kind, location, model, ..] if kind == "autoencoders" && model.starts_with("gpt2") => {
            let hook = location.split("_v").next().unwrap_or(location).to_string();
            Place { layer, ..Place::new(Some(model.clone()), Some(hook), None) }
                .with("location", Some(location.as_str()))
        }
        [kind, ..] if kind == "autoencoders" => Place { layer, ..Place::default() },
        _ => Place::default(),
    }
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let tied = !source.has("decoder.weight");
    let names = Names {
        decoder: if tied { ("encoder.weight", true) } else { ("decoder.weight", false) },
        encoder: Some(("encoder.weight", true)),
        b_enc: Some("latent_bias"),
        b_dec: Some("pre_bias"),
        skip: None,
    };
    let weights = Weights::read(source, options, &names, &mut warnings)?;
    if tied {
        warnings.push("tied: the decoder is the encoder".into());
    }
    let state = source.rest.get("activation_state_dict");
    let stated = match text(&source.rest, &["activation"]).as_deref() {
        Some("TopK") => "topk".into(),
        Some("ReLU") | None => "relu".into(),
        Some(other) => other.to_string(),
    };
    let top = stated == "topk";
    let after = state.and_then(|state| text(state, &["postact_fn"]));
    let parts = Parts {
        stated: Some(stated),
        k: state.and_then(|state| count(state, &["k"])),
        negatives: after.as_deref() == Some("Identity"),
        ..Parts::default()
    };
    if top {
        warnings.push("inputs are normalised to mean 0 and deviation 1, as OpenAI's code does for top-k".into());
    }
    let facts = Facts {
        parts,
        subtract_b_dec: Some(true),
        normalize: if top { Normalize::LayerNorm { unbiased: true } } else { Normalize::None },
        ..Facts::plain(FORMAT.name, place(source), warnings)
    };
    build::dictionary(source, options, weights, facts)
}
