//! Transcoders of transcoder_circuits: `*.pt` with a state dict and the configuration, a pickled object.
//!
//! SAELens' names and orientation; `b_dec [d]` is subtracted from the input, `b_dec_out [d_out]` added after decoding; relu.
//!
//! Source: jacobdunefsky/transcoder_circuits `sae_training/sparse_autoencoder.py`, `config.py`.

use super::build::{self, Facts, Place, Weights};
use super::{Format, count, four, text};
use crate::error::Result;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Kind, Normalize};
use crate::sae::open::OpenOptions;

pub(super) const FORMAT: Format = Format {
    name: "transcoder-circuits",
    about: "transcoder_circuits: .pt with b_dec and b_dec_out, the configuration in it",
    detect: |source| four::are_in(source) && source.has(four::B_DEC_OUT),
    parts: super::one,
    place,
    load,
};

fn place(source: &Source) -> Place {
    let Some(config) = source.config.as_ref() else { return Place::default() };
    let layer = count(config, &["hook_point_layer"]);
    Place::new(text(config, &["model_name"]), text(config, &["hook_point"]), layer)
        .with("hook_name_out", text(config, &["out_hook_point"]))
        .with("dataset_path", text(config, &["dataset_path"]))
        .with("context_size", count(config, &["context_size"]))
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let mut weights = Weights::read(source, options, &four::out_names(source), &mut warnings)?;
    weights.pre_bias = four::pre_bias(source, &weights, &mut warnings)?;
    let own = source.says_all(&["is_transcoder", "out_hook_point"]);
    if !own {
        warnings.push("relu is taken from its tensors, b_dec and b_dec_out: there is no configuration of it".into());
    }
    let facts = Facts {
        kind: Kind::Transcoder,
        parts: Parts { stated: Some("relu".into()), ..Parts::default() },
        subtract_b_dec: Some(true),
        normalize: if own { Normalize::None } else { Normalize::Unstated },
        ..Facts::plain(FORMAT.name, place(source), warnings)
    };
    build::dictionary(source, options, weights, facts)
}
