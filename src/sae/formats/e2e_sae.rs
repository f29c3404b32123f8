//! End-to-end dictionaries of e2e_sae: `samples_{n}.pt` and `final_config.yaml`, one file for all sites of a run.
//!
//! Each site has `{site}.encoder.0.weight [F, d]`, `{site}.encoder.0.bias`, `{site}.decoder.weight [d, F]` and
//! `{site}.decoder.bias`; in its name dots are written as `-`. Relu, and nothing is subtracted. Decoder columns have any
//! length: they are normalised when used.
//!
//! Source: ApolloResearch/e2e_sae `e2e_sae/models/sparsifiers.py`, `models/transformers.py`.

use super::build::{self, Facts, Names, Place, Weights};
use super::{Format, layer_of, text};
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
    layers: |source| {
        let mut layers: Vec<usize> = sites(source).iter().filter_map(|site| layer_of(&site.hook)).collect();
        layers.sort_unstable();
        layers.dedup();
        layers
    },
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
        let hook = names().find(|name| name.replace('.', "-") == prefix);
        Site { prefix: prefix.to_string(), hook: hook.map_or_else(|| prefix.replace('-', "."), str::to_string) }
    };
    whole.map(site).collect()
}

/// The site of the layer that is wanted (the first if there are several, or if no site has a layer), and those that
/// cannot be asked for by their layer.
fn wanted(source: &Source) -> (Option<Site>, Vec<Site>) {
    let (mut of_layer, others): (Vec<Site>, Vec<Site>) =
        sites(source).into_iter().partition(|site| layer_of(&site.hook) == source.layer);
    let first = if of_layer.is_empty() { None } else { Some(of_layer.remove(0)) };
    of_layer.extend(others.into_iter().filter(|site| layer_of(&site.hook).is_none()));
    (first, of_layer)
}

fn place(source: &Source) -> Place {
    let config = source.config.as_ref();
    let hook = wanted(source).0.map(|site| site.hook);
    Place::new(config.and_then(|config| text(config, &["tlens_model_name"])), hook, source.layer)
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let (Some(site), others) = wanted(source) else {
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
    if !others.is_empty() {
        let others: Vec<&str> = others.iter().map(|site| site.hook.as_str()).collect();
        warnings.push(format!(
            "only the first site of a layer is read; beside {} lie {}",
            site.hook,
            others.join(", ")
        ));
    }
    let parts = Parts { stated: Some("relu".into()), ..Parts::default() };
    let facts = Facts { parts, ..Facts::plain(FORMAT.name, place(source), warnings) };
    build::dictionary(source, options, weights, facts)
}
