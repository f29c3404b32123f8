//! Gemma Scope: `layer_L/width_W/average_l0_N/params.npz`, JumpReLU dictionaries of the Gemma 2 models.
//!
//! The archive holds `W_enc [d, F]`, `W_dec [F, d_out]`, `b_enc`, `b_dec` and `threshold [F]`, in upper or lower case;
//! `b_dec` is not subtracted before encoding. There is no configuration: model, site, layer, width and L0 are read
//! from the path, where the path has them, and are unknown elsewhere. Source: the release's own tutorial, and
//! `gemma_2_sae_huggingface_loader` of SAELens 6.

use super::build::{self, Facts, Names, Place, Weights};
use super::{Format, layout};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Kind, Normalize};
use crate::sae::open::OpenOptions;
use serde_json::{Map, Value};

pub(super) const FORMAT: Format = Format {
    name: "gemma-scope",
    about: "Gemma Scope params.npz: W_enc, W_dec, b_enc, b_dec, threshold; place and model from the path",
    parts: super::one,
    place: |source| Site::of(source).place(),
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
    let (decoder, encoder) = ((w_dec?, true), Some((w_enc?, false)));
    let names = Names { decoder, encoder, b_enc: Some(b_enc), b_dec: Some(b_dec), skip: None };
    let weights = Weights::read(source, options, &names, &mut warnings)?;
    let features = weights.decoders[0].nrows();
    let d_model = weights.encoder.as_ref().map_or(0, Rows::ncols);
    let threshold = layout::vector(source, threshold, Some(features), &mut warnings)?;
    let site = Site::of(source);
    let transcoder = site.transcoder || d_model != weights.decoders[0].ncols();
    let mut normalize = Normalize::None;
    if site.embedding {
        // These were trained on embeddings scaled by 1/√d; the factor belongs to the data, not to the file's matrices.
        normalize = Normalize::Scale(Some(1.0 / (d_model as f32).sqrt()));
        warnings.push("an embedding dictionary: inputs are scaled by 1/√d before encoding".into());
    }
    if site.model.is_none() {
        warnings.push("model and site are not in the path; opened from the release's folders they would be".into());
    }
    let facts = Facts {
        kind: if transcoder { Kind::Transcoder } else { Kind::Sae },
        parts: Parts { stated: Some("jumprelu".into()), threshold: Some(threshold), ..Parts::default() },
        normalize,
        ..Facts::plain(FORMAT.name, site.place(), warnings)
    };
    build::dictionary(source, options, weights, facts)
}

/// What a path of the release says.
#[derive(Debug, Default, PartialEq)]
struct Site {
    model: Option<String>,
    hook: Option<String>,
    layer: Option<usize>,
    embedding: bool,
    transcoder: bool,
    origin: Map<String, Value>,
}

impl Site {
    fn of(source: &Source) -> Self {
        Self::in_folders(&source.folders())
    }
    /// By the folders that the file lies in, the innermost first.
    fn in_folders(folders: &[String]) -> Self {
        let mut place = Self::default();
        let mut site = None;
        let mut parts = folders.iter().rev().peekable();
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
    fn place(self) -> Place {
        Place { model: self.model, hook: self.hook, layer: self.layer, origin: self.origin }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Site {
        let folders: Vec<String> = path.rsplit('/').skip(1).map(String::from).collect();
        Site::in_folders(&folders)
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
        assert_eq!(here, Site::default());
        assert!(!place("/home/me/embedding/gemma-scope-2b-pt-res/layer_3/width_16k/average_l0_5/params.npz").embedding);
        let layer = place("/b/layer_11/width_512/average_l0_24/params.npz");
        assert_eq!((layer.layer, layer.model, layer.hook), (Some(11), None, None));
    }
}
