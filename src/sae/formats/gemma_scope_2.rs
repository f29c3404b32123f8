//! Gemma Scope 2: `{site}[_all]/layer_L_width_W_l0_{size}[_affine]/params.safetensors`, usually with `config.json`.
//!
//! Lower-case names: `w_enc [d, F]`, `w_dec [F, d_out]`, `b_enc`, `b_dec`, `threshold [F]`, and of affine transcoders
//! `affine_skip_connection [d, d_out]`; JumpReLU, nothing subtracted. Cross-layer transcoders have one file a layer,
//! `params_layer_{i}.safetensors` or another that ends in `layer_{i}`, whose `w_dec [F, layers, d]` writes to every layer;
//! the skip connection of one goes to the layer's own output. Crosscoders have files of the same names, one a source.
//! Without a configuration the place is read from the folders.
//!
//! Source: SAELens `gemma_3_sae_huggingface_loader`; safety-research/circuit-tracer for the cross-layer transcoders. The
//! layout of crosscoders is as third parties read it.

use super::build::{self, Facts, Names, Place, Weights};
use super::{Format, layout, text};
use crate::container::Matrix;
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Kind, SourceChoice};
use crate::sae::open::OpenOptions;

pub(super) const FORMAT: Format = Format {
    name: "gemma-scope-2",
    about: "Gemma Scope 2: params.safetensors in lower case; transcoders, crosscoders and cross-layer transcoders too",
    detect: |source| {
        let four = |name: fn(&str) -> String| ["w_enc", "w_dec", "b_enc", "b_dec"].iter().all(|n| source.has(&name(n)));
        let numbered = || numbers(source).iter().any(|number| source.has(&format!("{number}.w_enc")));
        !source.is_npz() && (four(ToString::to_string) || numbered())
    },
    parts: |source| match of(source) {
        Of::Layers => super::of_layers(&numbers(source)),
        _ => Vec::new(),
    },
    place: |source| place(source).0,
    load,
};

/// What the files hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// One dictionary, in one file.
    One,
    /// One, with a file for each of its sources.
    Sources,
    /// One for each layer, in files whose numbers stand before the names of their tensors.
    Layers,
    /// That of one layer, in a file of another name.
    Layer,
}

/// The numbers of the files of a set.
fn numbers(source: &Source) -> Vec<usize> {
    let numbers = source.tensors.iter().filter_map(|tensor| tensor.name.strip_suffix(".w_dec")?.parse().ok());
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.sort_unstable();
    numbers
}

fn of(source: &Source) -> Of {
    match numbers(source).first() {
        None if source.dimensions("w_dec") == Some(3) => Of::Layer,
        None => Of::One,
        Some(first) if source.dimensions(&format!("{first}.w_dec")) == Some(3) => Of::Layers,
        Some(_) => Of::Sources,
    }
}

/// The place, and whether it is a transcoder's.
fn place(source: &Source) -> (Place, bool) {
    let config = source.config.as_ref();
    let folders = source.folders();
    let find = |key: &str| text(config?, &[key]);
    let release = folders.iter().find_map(|folder| folder.split_once("gemma-scope-2-").map(|(_, rest)| rest));
    let stated = find("model_name").and_then(|name| name.strip_prefix("gemma-v3-").map(String::from));
    // The pretrained model of 270 million parameters is called without the `-pt` of the others.
    let called = |rest: String| if rest == "270m-pt" { "270m".into() } else { rest };
    let model = release.map(String::from).or(stated).map(|rest| format!("google/gemma-3-{}", called(rest)));
    let own = folders.first().map_or("", String::as_str);
    let layer = match of(source) {
        Of::Layers => source.part,
        Of::Layer => of_name(source),
        _ => None,
    };
    let layer = layer.or_else(|| own.strip_prefix("layer_")?.split('_').next()?.parse().ok());
    let hook_in = find("hf_hook_point_in");
    let layer = layer.or_else(|| super::layer_of(hook_in.as_deref()?));
    // The site by its folder, or by the model's own name of the hook.
    let site = folders.iter().take(3).find_map(|folder| {
        let site = folder.trim_end_matches("_all");
        matches!(site, "resid_post" | "attn_out" | "mlp_out" | "transcoder" | "clt" | "crosscoder").then_some(site)
    });
    let site = site.or_else(|| {
        let hook = hook_in.as_deref()?;
        let ends = |end: &str| hook.ends_with(end);
        if find("hf_hook_point_out").is_some() {
            return Some("transcoder");
        }
        let sites = [
            (ends("o_proj.input"), "attn_out"),
            (ends("post_feedforward_layernorm.output"), "mlp_out"),
            (ends("output"), "resid_post"),
        ];
        sites.into_iter().find(|(is, _)| *is).map(|(_, site)| site)
    });
    let hook = |layer: usize| match site {
        Some("resid_post") => Some(format!("blocks.{layer}.hook_resid_post")),
        Some("attn_out") => Some(format!("blocks.{layer}.attn.hook_z")),
        Some("mlp_out") => Some(format!("blocks.{layer}.hook_mlp_out")),
        Some("transcoder" | "clt") => Some(format!("blocks.{layer}.hook_mlp_in")),
        _ => None,
    };
    let transcoder = site == Some("transcoder");
    let out = layer.filter(|_| transcoder).map(|layer| format!("blocks.{layer}.hook_mlp_out"));
    let layer = layer.filter(|_| site != Some("crosscoder"));
    let place = Place::new(model, layer.and_then(hook), layer).with("hook_name_out", out).with("hf_hook_name", hook_in);
    (place, transcoder)
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    match of(source) {
        Of::One => one(source, options),
        Of::Layers => {
            let number = source.part.unwrap_or_default();
            layer(source, options, Some(number), &format!("{number}."))
        }
        Of::Layer => layer(source, options, of_name(source), ""),
        Of::Sources => crosscoder(source, options),
    }
}

/// The layer that a file's name ends with: `width_262k_l0_medium_layer_1`.
fn of_name(source: &Source) -> Option<usize> {
    source.stem().rsplit_once("layer_")?.1.parse().ok()
}

/// What is told of all of them.
fn facts(source: &Source, kind: Kind, threshold: Option<Vec<f32>>, warnings: Vec<String>) -> Facts {
    let stated = threshold.is_some().then(|| "jumprelu".into());
    let parts = Parts { stated, threshold, ..Parts::default() };
    Facts { kind, parts, ..Facts::plain(FORMAT.name, place(source).0, warnings) }
}

fn one(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let (decoder, encoder) = (("w_dec", true), Some(("w_enc", false)));
    let skip = source.first(&["affine_skip_connection"]).map(|name| (name, false));
    let names = Names { decoder, encoder, b_enc: Some("b_enc"), b_dec: Some("b_dec"), skip };
    let weights = Weights::read(source, options, &names, &mut warnings)?;
    let threshold = build::threshold(source, &["threshold"], weights.decoders[0].nrows(), &mut warnings)?;
    let widths_differ = weights.encoder.as_ref().is_some_and(|encoder| encoder.ncols() != weights.decoders[0].ncols());
    let transcoder = place(source).1 || skip.is_some() || widths_differ;
    let kind = if transcoder { Kind::Transcoder } else { Kind::Sae };
    build::dictionary(source, options, weights, facts(source, kind, threshold, warnings))
}

/// The dictionary of one layer of a cross-layer transcoder; `prefix` stands before the names of its tensors.
fn layer(source: &Source, options: &OpenOptions, layer: Option<usize>, prefix: &str) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let name = |name: &str| format!("{prefix}{name}");
    let b_enc = layout::vector(source, &name("b_enc"), None, &mut warnings)?;
    let (decoders, dtype) = build::stacked(source, &name("w_dec"), (1, 0), b_enc.len())?;
    let expect = layout::Expect { features: Some(b_enc.len()), ..layout::Expect::default() };
    let encoder = layout::orient(&source.tensor(&name("w_enc"))?, &expect, &mut warnings)?;
    let threshold = build::threshold(source, &[&name("threshold")], b_enc.len(), &mut warnings)?;
    // The bias is that of the layer's own output; what is written to others has none here.
    let width = decoders[0].ncols();
    let mut b_dec = vec![0.0; width * decoders.len()];
    let own = layout::vector(source, &name("b_dec"), Some(width), &mut warnings)?;
    match layer.and_then(|layer| b_dec.chunks_exact_mut(width).nth(layer)) {
        Some(place) => place.copy_from_slice(&own),
        None => warnings.push("the file's name tells no layer that it writes to: b_dec is left out".into()),
    }
    let to = options.source.unwrap_or_default();
    let skip = match (source.has(&name("affine_skip_connection")), layer) {
        (true, Some(layer)) if to == SourceChoice::One(layer) => {
            let expect =
                layout::Expect { width: Some(width), features: Some(encoder.ncols()), ..layout::Expect::default() };
            Some(layout::orient(&source.tensor(&name("affine_skip_connection"))?, &expect, &mut warnings)?)
        }
        (true, _) if !matches!(to, SourceChoice::One(_)) => {
            warnings.push("its skip connection goes to the layer's own output alone: --source LAYER has it".into());
            None
        }
        _ => None,
    };
    let weights = Weights { encoder: Some(encoder), b_enc, b_dec, skip, ..Weights::of(decoders, dtype) };
    build::dictionary(source, options, weights, facts(source, Kind::Clt, threshold, warnings))
}

/// A dictionary with a file for each of its sources.
fn crosscoder(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let (mut decoders, mut encoders, mut b_dec): (Vec<Matrix>, Vec<Matrix>, Vec<f32>) = Default::default();
    let mut first = None;
    let all = numbers(source);
    if all.last().is_some_and(|last| last + 1 != all.len()) {
        let there: Vec<String> = all.iter().map(ToString::to_string).collect();
        warnings.push(format!("a crosscoder of which only the sources {} are here", there.join(", ")));
    }
    for at in all {
        let names = ["w_dec", "w_enc", "b_enc", "b_dec"].map(|name| format!("{at}.{name}"));
        let [w_dec, w_enc, b_enc, b_dec_name] = names.each_ref().map(String::as_str);
        let names = Names {
            decoder: (w_dec, true),
            encoder: Some((w_enc, false)),
            b_enc: Some(b_enc),
            b_dec: Some(b_dec_name),
            skip: None,
        };
        let weights = Weights::read(source, options, &names, &mut warnings)?;
        decoders.extend(weights.decoders);
        encoders.extend(weights.encoder);
        b_dec.extend(weights.b_dec);
        first.get_or_insert((at, weights.b_enc, weights.dtype));
    }
    let (at, b_enc, dtype) = first.unwrap_or((0, Vec::new(), crate::container::Dtype::F32));
    let threshold = build::threshold(source, &[&format!("{at}.threshold")], b_enc.len(), &mut warnings)?;
    warnings.push("how crosscoders of this release encode is not published; the encoders are taken to add up".into());
    let encoder = Some(Matrix::beside(&encoders).map_err(|error| error.at(&source.path))?);
    let weights = Weights { encoder, b_enc, b_dec, ..Weights::of(decoders, dtype) };
    build::dictionary(source, options, weights, facts(source, Kind::Crosscoder, threshold, warnings))
}
