//! Qwen Scope: `SAE-Res-{model}-W{N}K-L0_{k}/layer{n}.sae.pt`.
//!
//! SAELens' names with both matrices the other way round: `W_enc [F, d]`, `W_dec [d, F]`. Top-k, nothing subtracted; k and
//! the model are in the folder's name alone.
//!
//! Source: SAELens, its loader of Qwen Scope.

use super::build::{Facts, Place};
use super::{Format, four, layout};
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;

pub(super) const FORMAT: Format = Format {
    name: "qwen-scope",
    about: "Qwen Scope: layerN.sae.pt, W_enc and W_dec the other way round; k from the folder's name",
    detect: |source| {
        let features = layout::length(source, "b_enc");
        let axis = |name: &str, axis: usize| source.info(name).and_then(|tensor| tensor.shape.get(axis).copied());
        let turned = axis("W_enc", 0) == features && axis("W_dec", 1) == features;
        // With as many features as dimensions, only the names tell.
        let square = axis("W_enc", 1) == features;
        let called = repository(source).is_some() || named(source);
        four::are_in(source) && turned && (called || !square && source.config.is_none())
    },
    parts: super::one,
    place: place,
    load: |source, options| {
        let k = repository(source).and_then(|(_, k)| k);
        let parts = Parts { stated: Some("topk".into()), k, ..Parts::default() };
        four::load(source, options, false, Facts { parts, ..Facts::plain(FORMAT.name, place(source), Vec::new()) })
    },
};

/// Whether the file is called as Qwen Scope calls them.
fn named(source: &Source) -> bool {
    source.stem().strip_prefix("layer").is_some_and(|rest| rest.ends_with(".sae"))
}

/// Model and k by the folder `SAE-Res-{model}-W{N}K-L0_{k}`, or the hub's name of it.
fn repository(source: &Source) -> Option<(String, Option<usize>)> {
    source.folders().iter().find_map(|folder| {
        let (_, rest) = folder.split_once("SAE-Res-")?;
        let (model, sizes) = rest.rsplit_once("-W").unwrap_or((rest, ""));
        let k = sizes.rsplit_once("L0_").and_then(|(_, k)| k.parse().ok());
        Some((model.to_string(), k))
    })
}

fn place(source: &Source) -> Place {
    let stem = source.stem();
    let layer = stem.strip_prefix("layer").and_then(|rest| rest.trim_end_matches(".sae").parse::<usize>().ok());
    let model = repository(source).map(|(model, _)| format!("Qwen/{model}"));
    Place::new(model, layer.map(|layer| format!("blocks.{layer}.hook_resid_post")), layer)
}
