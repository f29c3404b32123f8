//! Neel Nanda's dictionaries of a one-layer model: `{version}.pt` and `{version}_cfg.json`.
//!
//! SAELens' names and orientation; relu, `b_dec` subtracted. Sizes are `d_mlp` and `d_mlp · dict_mult`.
//!
//! Source: neelnanda-io/1L-Sparse-Autoencoder `utils.py`.

use super::build::Place;
use super::{Format, four};

pub(super) const FORMAT: Format = Format {
    name: "neel-nanda-1l",
    about: "Neel Nanda's 1L-Sparse-Autoencoder: VERSION.pt and VERSION_cfg.json",
    detect: |source| four::are_in(source) && source.says_all(&["d_mlp", "dict_mult"]),
    parts: super::one,
    place: |_| Place::default(),
    load: |source, options| four::relu(source, options, &FORMAT),
};
