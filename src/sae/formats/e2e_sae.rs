//! End-to-end dictionaries of e2e_sae: `samples_{n}.pt` and `final_config.yaml`, one file for all sites of a run.
//!
//! Each site has `{site}.encoder.0.weight [F, d]`, `{site}.encoder.0.bias`, `{site}.decoder.weight [d, F]` and
//! `{site}.decoder.bias`; in its name dots are written as `-`. Relu, and nothing is subtracted. Decoder columns have any
//! length: they are normalised when used.
//!
//! Source: ApolloResearch/e2e_sae `e2e_sae/models/sparsifiers.py`, `models/transformers.py`.

use super::build::{self, Facts, Names, Place, Weights};
use super::{Format, text};
use crate::error::Result;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::Dictionary;
use crate::sae::open::OpenOptions;
use serde_json::Value;

pub(super) const FORMAT: Format = Format {
    name: "e2e-sae",
    about: "e2e_sae: samples_N.pt and final_config.yaml, one file for all sites",
    detect: |source| !sites(source).is_empty(),
    parts: |source| sites(source).into_iter().map(|site| site.hook).enumerate().collect(),
    place,
    load,
};

struct Site {
    /// As tensors have it.
    prefix: String,
    /// As the model has it.
    hook: String,
}

/// The sites whose encoder and decoder are both there.
fn sites(source: &Source) -> Vec<Site> {
    let stated = source.config.as_ref().and_then(|config| config.get("saes")?.get("sae_positions")?.as_array());
    let names = || stated.into_iter().flatten().filter_map(Value::as_str);
    let prefixes = source.tensors.iter().filter_map(|tensor| tensor.name.strip_suffix(".encoder.0.weight"));
    let whole = prefixes.filter(|prefix| source.has(&format!("{prefix}.decoder.weight")));
    let site = |prefix: &str| {
        // A hook with a hyphen of its own is known by the configuration alone.
        let own = prefix.strip_prefix("saes.").unwrap_or(prefix);
        let hook = names().find(|name| name.replace('.', "-") == own);
        Site { prefix: prefix.to_string(), hook: hook.map_or_else(|| own.replace('-', "."), str::to_string) }
    };
    whole.map(site).collect()
}

/// The site that is wanted.
fn wanted(source: &Source) -> Option<Site> {
    sites(source).into_iter().nth(source.part?)
}

fn place(source: &Source) -> Place {
    let config = source.config.as_ref();
    let hook = wanted(source).map(|site| site.hook);
    Place::new(config.and_then(|config| text(config, &["tlens_model_name"])), hook, None)
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let Some(site) = wanted(source) else {
        let problem = source.problem(format!("no dictionary of e2e_sae: it holds {}", source.describe()));
        return Err(problem.expected("SITE.encoder.0.weight and SITE.decoder.weight").input());
    };
    let name = |part: &str| format!("{}.{part}", site.prefix);
    let [w_enc, b_enc, w_dec, b_dec] =
        ["encoder.0.weight", "encoder.0.bias", "decoder.weight", "decoder.bias"].map(name);
    let names = Names {
        decoder: (&w_dec, false),
        encoder: Some((&w_enc, true)),
        b_enc: source.first(&[&b_enc]),
        b_dec: source.first(&[&b_dec]),
        skip: None,
    };
    let weights = Weights::read(source, options, &names, &mut warnings)?;
    warnings.push("its directions are normalised when used; here they have their lengths in the file".into());
    let parts = Parts { stated: Some("relu".into()), ..Parts::default() };
    let facts = Facts { parts, ..Facts::plain(FORMAT.name, place(source), warnings) };
    build::dictionary(source, options, weights, facts)
}
