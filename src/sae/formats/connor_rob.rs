//! Attention dictionaries of Connor Kissane and Rob Krzyzanowski: `NAME.pt` and `NAME_cfg.json`.
//!
//! SAELens' names and orientation; relu, `b_dec` subtracted, heads laid flat before encoding.
//!
//! Source: SAELens `connor_rob_hook_z_loader`.

use super::build::Place;
use super::{Format, count, four, text};

pub(super) const FORMAT: Format = Format {
    name: "connor-rob",
    about: "Kissane and Krzyzanowski's attention dictionaries: NAME.pt and NAME_cfg.json",
    detect: |source| {
        let other = source.says_all(&["sae_type"]) || source.says_all(&["top_k"]);
        four::are_in(source) && source.says_all(&["act_name", "act_size", "dict_mult"]) && !other
    },
    parts: super::one,
    place: |source| {
        let Some(config) = source.config.as_ref() else { return Place::default() };
        let flat = text(config, &["site"]).filter(|site| site == "z").map(|_| "hook_z");
        Place::new(text(config, &["model_name"]), text(config, &["act_name"]), count(config, &["layer"]))
            .with("reshape_activations", flat)
    },
    load: |source, options| four::relu(source, options, &FORMAT),
};
