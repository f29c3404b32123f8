//! Gemma Scope: `layer_L/width_W/average_l0_N/params.npz`, JumpReLU dictionaries of the Gemma 2 models.
//!
//! The archive holds `W_enc [d, F]`, `W_dec [F, d_out]`, `b_enc`, `b_dec` and `threshold [F]`, in upper or lower case;
//! `b_dec` is not subtracted before encoding. There is no configuration: model, site, layer, width and L0 are read
//! from the path, where the path has them, and are unknown elsewhere. Source: the release's own tutorial, and
//! `gemma_2_sae_huggingface_loader` of SAELens 6.

use super::Format;
use super::layout::{self, Expect};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::{Parts, choose};
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, DictionaryInfo, Kind, Normalize};
use crate::sae::open::OpenOptions;
use serde_json::{Map, Value};
use std::path::Path;

pub(super) const FORMAT: Format = Format {
    name: "gemma-scope",
    about: "Gemma Scope params.npz: W_enc, W_dec, b_enc, b_dec, threshold; place and model from the path",
    detect: |source| source.is_npz() && ROLES.iter().all(|names| find(source, names).is_some()),
    load,
};

/// The names of each array: encoder, decoder, encoder bias, decoder bias, threshold. Compared without case.
const ROLES: [&[&str]; 5] =
    [&["w_enc", "w_e"], &["w_dec", "w_d"], &["b_enc", "b_e"], &["b_dec", "b_d"], &["threshold"]];

fn find<'a>(source: &'a Source, names: &[&str]) -> Option<&'a str> {
    let matches = |name: &str| names.iter().any(|other| name.eq_ignore_ascii_case(other));
    source.tensors.iter().map(|tensor| tensor.name.as_str()).find(|name| matches(name))
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let [w_enc, w_dec, b_enc, b_dec, threshold] = ROLES.map(|names| {
        find(source, names).ok_or_else(|| {
            source
                .problem(format!("no array {}: it holds {}", names[0], source.describe()))
                .expected("W_enc, W_dec, b_enc, b_dec and threshold")
                .input()
        })
    });
    let (b_enc, b_dec, threshold) = (b_enc?, b_dec?, threshold?);
    let mut warnings = source.notes.clone();
    let b_enc = layout::vector(source, b_enc, None, &mut warnings)?;
    let b_dec = layout::vector(source, b_dec, None, &mut warnings)?;
    let features = Some(b_enc.len());
    let tensor = source.tensor(w_dec?)?;
    let expect =
        Expect { features, width: Some(b_dec.len()), in_rows: true, transpose: options.transpose, ..Expect::default() };
    let decoder = layout::orient(&tensor, &expect, &mut warnings)?;
    // Only now: where the matrix has as many features as b_enc, it is the threshold that is wrong.
    let threshold = layout::vector(source, threshold, features, &mut warnings)?;
    let expect = Expect { width: None, in_rows: false, ..expect };
    let encoder = layout::orient(&source.tensor(w_enc?)?, &expect, &mut warnings)?;
    layout::check_square(&decoder, &encoder, &mut warnings);

    let place = Place::of(&source.path);
    let transcoder = place.transcoder || encoder.ncols() != decoder.ncols();
    let mut normalize = Normalize::None;
    if place.embedding {
        // These were trained on embeddings scaled by 1/√d; the factor belongs to the data, not to the file's matrices.
        normalize = Normalize::Scale(Some(1.0 / (encoder.ncols() as f32).sqrt()));
        warnings.push("an embedding dictionary: inputs are scaled by 1/√d before encoding".into());
    }
    if place.model.is_none() {
        warnings.push("model and site are not in the path; opened from the release's folders they would be".into());
    }
    let parts = Parts { stated: Some("jumprelu".into()), threshold: Some(threshold), ..Parts::default() };
    let info = DictionaryInfo {
        format: FORMAT.name,
        kind: if transcoder { Kind::Transcoder } else { Kind::Sae },
        activation: choose(parts, options, decoder.nrows(), &mut warnings)?,
        normalize,
        subtract_b_dec: Some(false),
        dtype: tensor.dtype(),
        model: place.model,
        hook: place.hook,
        layer: place.layer,
        files: source.files(),
        warnings,
        origin: place.origin,
    };
    Ok(Dictionary { info, decoder, encoder: Some(encoder), b_enc, b_dec, skip: None })
}

/// What a path of the release says.
#[derive(Debug, Default, PartialEq)]
struct Place {
    model: Option<String>,
    hook: Option<String>,
    layer: Option<usize>,
    embedding: bool,
    transcoder: bool,
    origin: Map<String, Value>,
}

impl Place {
    fn of(path: &Path) -> Self {
        // Opened from within its folder, the path as typed would say nothing.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let mut place = Self::default();
        let mut site = None;
        let parts = path.parent().into_iter().flat_map(Path::components);
        let mut parts = parts.map(|part| part.as_os_str().to_string_lossy()).peekable();
        while let Some(part) = parts.next() {
            if let Some(layer) = part.strip_prefix("layer_").and_then(|n| n.parse().ok()) {
                place.layer = Some(layer);
            } else if part == "embedding" && parts.peek().is_some_and(|next| next.starts_with("width_")) {
                place.embedding = true;
                place.layer = Some(0);
            } else if let Some(width) = part.strip_prefix("width_") {
                place.origin.insert("width".into(), width.into());
            } else if let Some(l0) = part.strip_prefix("average_l0_").and_then(|n| n.parse::<f64>().ok()) {
                place.origin.insert("l0".into(), l0.into());
            } else if let Some((_, release)) = part.split_once("gemma-scope-") {
                // 2b-pt-res, 9b-it-res, 27b-pt-mlp, 2b-pt-transcoders
                let mut words = release.split('-');
                if let (Some(size), Some(tuning), Some(kind)) = (words.next(), words.next(), words.next()) {
                    let tuned = if tuning == "it" { "-it" } else { "" };
                    place.model = Some(format!("gemma-2-{size}{tuned}"));
                    site = Some(kind.to_string());
                    place.origin.insert("release".into(), format!("gemma-scope-{release}").into());
                }
            }
        }
        place.transcoder = site.as_deref() == Some("transcoders");
        place.hook = match (site.as_deref(), place.layer) {
            (Some("res"), _) if place.embedding => Some("hook_embed".into()),
            (Some("res"), Some(layer)) => Some(format!("blocks.{layer}.hook_resid_post")),
            (Some("mlp"), Some(layer)) => Some(format!("blocks.{layer}.hook_mlp_out")),
            (Some("att"), Some(layer)) => Some(format!("blocks.{layer}.attn.hook_z")),
            (Some("transcoders"), Some(layer)) => {
                place.origin.insert("hook_name_out".into(), format!("blocks.{layer}.hook_mlp_out").into());
                Some(format!("blocks.{layer}.ln2.hook_normalized"))
            }
            _ => None,
        };
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Place {
        Place::of(Path::new(path))
    }

    #[test]
    fn the_path_of_a_release_names_model_site_and_layer() {
        let here = place(
            "/hub/models--google--gemma-scope-2b-pt-res/snapshots/ab/layer_12/width_16k/average_l0_82/params.npz",
        );
        assert_eq!(here.model.as_deref(), Some("gemma-2-2b"));
        assert_eq!(here.hook.as_deref(), Some("blocks.12.hook_resid_post"));
        assert_eq!((here.layer, here.embedding, here.transcoder), (Some(12), false, false));
        assert_eq!(here.origin["l0"], 82.0);
        assert_eq!(here.origin["width"], "16k");
        let tuned = place("/x/gemma-scope-9b-it-att/layer_3/width_16k/average_l0_5/params.npz");
        assert_eq!(
            (tuned.model.as_deref(), tuned.hook.as_deref()),
            (Some("gemma-2-9b-it"), Some("blocks.3.attn.hook_z"))
        );
        let transcoder = place("/x/gemma-scope-2b-pt-transcoders/layer_3/width_16k/average_l0_5/params.npz");
        assert!(transcoder.transcoder);
        assert_eq!(transcoder.origin["hook_name_out"], "blocks.3.hook_mlp_out");
        let embedding = place("/x/gemma-scope-2b-pt-res/embedding/width_4k/average_l0_6/params.npz");
        assert_eq!((embedding.hook.as_deref(), embedding.layer), (Some("hook_embed"), Some(0)));
    }

    #[test]
    fn a_path_that_says_nothing_claims_nothing() {
        let here = place("/somewhere/params.npz");
        assert_eq!(here, Place::default());
        assert!(!place("/home/me/embedding/gemma-scope-2b-pt-res/layer_3/width_16k/average_l0_5/params.npz").embedding);
        let layer = place("/b/layer_11/width_512/average_l0_24/params.npz");
        assert_eq!((layer.layer, layer.model, layer.hook), (Some(11), None, None));
    }
}
