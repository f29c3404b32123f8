//! overcomplete: whole modules as torch saves them, or their state dicts.
//!
//! `dictionary._weights [F, d]` is the decoder; the encoder is a network whose last layer is
//! `encoder.final_block.0.weight [F, d]`. Only where that layer is all of it, with relu after it, is it read. Nothing is
//! subtracted, and nothing is added after decoding. The module's class tells the activation function: `thresholds` of JumpSAE
//! are logarithms, k is the attribute `top_k`, BatchTopKSAE has `running_threshold`. Directions are normalised when used.
//!
//! Source: KempnerInstitute/overcomplete `overcomplete/sae/`.

use super::build::{self, Facts, Names, Place, Weights};
use super::{Format, layout, text};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::Dictionary;
use crate::sae::open::OpenOptions;
use crate::text::clip;

const DECODER: &str = "dictionary._weights";
const ENCODER: &str = "encoder.final_block.0.weight";
const BIAS: &str = "encoder.final_block.0.bias";

pub(super) const FORMAT: Format = Format {
    name: "overcomplete",
    about: "overcomplete: a module saved whole, or its state dict; linear encoders",
    detect: |source| source.dimensions(DECODER) == Some(2),
    parts: super::one,
    place: |_| Place::default(),
    load,
};

/// Why the encoder is none that one matrix and relu make; none if it is such a one.
fn other_encoder(source: &Source) -> Option<String> {
    if !source.has(ENCODER) {
        return Some(format!("there is no {ENCODER}"));
    }
    let more = source.tensors.iter().find(|t| t.name.starts_with("encoder.") && ![ENCODER, BIAS].contains(&&*t.name));
    if let Some(more) = more {
        return Some(format!("it has {} besides its last layer", clip(&more.name, 60)));
    }
    let after = source.rest.get("encoder").and_then(|encoder| text(encoder, &["output_activation"]))?;
    (!after.ends_with(".ReLU")).then(|| format!("it ends with {}", clip(&after, 60)))
}

/// The activation function by the class of the module.
fn by_class(source: &Source) -> Option<String> {
    let class = text(&source.rest, &["__class__"])?;
    Some(match class.rsplit('.').next().unwrap_or_default() {
        "SAE" => "relu".into(),
        "TopKSAE" => "topk".into(),
        "BatchTopKSAE" => "batchtopk".into(),
        "JumpSAE" => "jumprelu".into(),
        "MpSAE" => "matching_pursuit".into(),
        other => other.to_string(),
    })
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let other = other_encoder(source);
    let linear = other.is_none();
    if let Some(why) = other {
        warnings.push(format!("its encoder is more than one matrix and relu, and is not read: {why}"));
    }
    let names = Names {
        decoder: (DECODER, true),
        encoder: linear.then_some((ENCODER, true)),
        b_enc: source.first(&[BIAS]).filter(|_| linear),
        b_dec: None,
        skip: None,
    };
    let weights = Weights::read(source, options, &names, &mut warnings)?;
    let features = weights.decoders[0].nrows();
    let threshold = if source.has("thresholds") {
        let logarithms = layout::vector(source, "thresholds", Some(features), &mut warnings)?;
        Some(logarithms.into_iter().map(f32::exp).collect())
    } else {
        build::threshold(source, &["running_threshold"], features, &mut warnings)?
    };
    warnings.push("its directions are normalised when used; here they have their lengths in the file".into());
    let k = build::scalar_count(source, "top_k");
    let parts = Parts { stated: by_class(source), k, threshold, ..Parts::default() };
    let facts = Facts { parts, ..Facts::plain(FORMAT.name, Place::default(), warnings) };
    build::dictionary(source, options, weights, facts)
}
