//! overcomplete: whole modules as torch saves them, or their state dicts.
//!
//! `dictionary._weights [F, d]` is the decoder; the encoder is a network whose last layer is
//! `encoder.final_block.0.weight [F, d]`, or one matrix `encoder.weight [F, d]`, or `encoder.tied_to`, which is the dictionary.
//! Only where one matrix with relu after it is all of it is it read. Nothing is subtracted, and nothing is added after decoding.
//! The module's class tells the activation function: `thresholds` of JumpSAE are logarithms, k is the attribute `top_k`,
//! BatchTopKSAE has `running_threshold` (its `top_k` is that of a batch). Directions are normalised when used, and multiplied
//! by e to the `dictionary.multiplier`.
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
const MULTIPLIER: &str = "dictionary.multiplier";
const TIED: &str = "encoder.tied_to._weights";
/// Encoders of one matrix: the weight, and its bias.
const ENCODERS: [(&str, &str); 2] =
    [("encoder.final_block.0.weight", "encoder.final_block.0.bias"), ("encoder.weight", "encoder.bias")];

pub(super) const FORMAT: Format = Format {
    name: "overcomplete",
    about: "overcomplete: a module saved whole, or its state dict; linear and tied encoders",
    detect: |source| source.dimensions(DECODER) == Some(2),
    parts: super::one,
    place: |_| Place::default(),
    load,
};

/// The matrix of the encoder and its bias; or why it is none that one matrix and relu make.
fn encoder(source: &Source) -> Result<(&'static str, &'static str), String> {
    let tied = source.has(TIED).then_some((DECODER, ENCODERS[1].1));
    let found = tied.or_else(|| ENCODERS.into_iter().find(|(weight, _)| source.has(weight)));
    let (weight, bias) = found.ok_or_else(|| format!("there is no {}", ENCODERS[0].0))?;
    let own = |name: &str| name == weight || name == bias || tied.is_some() && name.starts_with("encoder.tied_to.");
    if let Some(more) = source.tensors.iter().find(|tensor| tensor.name.starts_with("encoder.") && !own(&tensor.name)) {
        return Err(format!("it has {} besides its last layer", clip(&more.name, 60)));
    }
    if tied.is_some() && build::scalar(source, MULTIPLIER).is_some_and(|multiplier| multiplier != 0.0) {
        return Err("it is tied to a dictionary that is multiplied".into());
    }
    let after = source.rest.get("encoder").and_then(|encoder| text(encoder, &["output_activation"]));
    match after.filter(|after| !after.ends_with(".ReLU")) {
        Some(after) => Err(format!("it ends with {}", clip(&after, 60))),
        None => Ok((weight, bias)),
    }
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
    let encoder = encoder(source);
    if let Err(why) = &encoder {
        warnings.push(format!("its encoder is more than one matrix and relu, and is not read: {why}"));
    }
    let encoder = encoder.ok();
    let names = Names {
        decoder: (DECODER, true),
        encoder: encoder.map(|(weight, _)| (weight, true)),
        b_enc: encoder.and_then(|(_, bias)| source.first(&[bias])),
        b_dec: None,
        skip: None,
    };
    let weights = Weights::read(source, options, &names, &mut warnings)?;
    let features = weights.decoders[0].nrows();
    let threshold = if source.has("thresholds") {
        let logarithms = layout::vector(source, "thresholds", Some(features), &mut warnings)?;
        Some(logarithms.into_iter().map(f32::exp).collect())
    } else {
        let least = build::threshold(source, &["running_threshold"], features, &mut warnings)?;
        // What equals it fires too.
        least.map(|values| values.into_iter().map(f32::next_down).collect())
    };
    warnings.push("its directions are normalised when used; here they have their lengths in the file".into());
    let stated = by_class(source);
    let k = build::scalar_count(source, "top_k").filter(|_| stated.as_deref() != Some("batchtopk"));
    let parts = Parts { stated, k, threshold, ..Parts::default() };
    let facts = Facts { parts, ..Facts::plain(FORMAT.name, Place::default(), warnings) };
    build::dictionary(source, options, weights, facts)
}
