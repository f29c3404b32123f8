//! InterProt: `l{layer}_plm{d}_sae{F}_k{k}_{data}.pt`.
//!
//! `w_enc [d, F]`, `w_dec [F, d]`, `b_enc`, `b_pre`. Inputs are normalised (deviation over d − 1) and `b_pre` is subtracted; the
//! k largest, then relu. Layer and k stand in the file's name alone.
//!
//! Source: etowahadams/interprot `interprot/sae_model.py`.

use super::Format;
use super::build::{self, Facts, Names, Place, Weights};
use crate::error::Result;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Normalize};
use crate::sae::open::OpenOptions;

pub(super) const FORMAT: Format = Format {
    name: "interprot",
    about: "InterProt: lN_plmD_saeF_kK_DATA.pt with w_enc, w_dec and b_pre",
    detect: |source| source.has_all(&["w_enc", "w_dec", "b_enc", "b_pre"]),
    parts: super::one,
    place: |source| Place { layer: in_name(source, "l"), ..Place::default() },
    load,
};

/// The number that stands in the file's name after `key`.
fn in_name(source: &Source, key: &str) -> Option<usize> {
    source.stem().split('_').find_map(|word| word.strip_prefix(key)?.parse().ok())
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let (decoder, encoder) = (("w_dec", true), Some(("w_enc", false)));
    let names = Names { decoder, encoder, b_enc: Some("b_enc"), b_dec: Some("b_pre"), skip: None };
    let weights = Weights::read(source, options, &names, &mut warnings)?;
    let parts = Parts { stated: Some("topk".into()), k: in_name(source, "k"), ..Parts::default() };
    let facts = Facts {
        parts,
        subtract_b_dec: Some(true),
        normalize: Normalize::LayerNorm { unbiased: true },
        ..Facts::plain(FORMAT.name, (FORMAT.place)(source), warnings)
    };
    build::dictionary(source, options, weights, facts)
}
