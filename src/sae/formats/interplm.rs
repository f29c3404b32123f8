//! InterPLM: `layer_{n}/ae_normalized.pt` or `ae_unnormalized.pt`, and `config.yaml`.
//!
//! Linear layers as those of dictionary_learning, with `activation_rescale_factor [F]` and `normalize_to_sqrt_d` beside them,
//! and without that library's factor of decoder lengths.
//!
//! | `dict_class` | tensors | encodes |
//! |---|---|---|
//! | ReLUSAE | `bias` | relu(enc(x − bias)) |
//! | ReLUSAE_Tied | `decoder.bias` | relu(enc(x)) |
//! | TopKSAE, BatchTopKSAE | `b_dec`, `k`, `threshold` | the k largest, or all above the threshold; b_dec subtracted |
//! | JumpReLUSAE | `decoder.bias`, `threshold [F]` | jumprelu, nothing subtracted |
//!
//! Where `normalize_to_sqrt_d` is true, inputs are scaled to length √d first. Encoding divides by the rescaling factors only
//! when asked to, which is not done here.
//!
//! Source: ElanaPearl/InterPLM `interplm/sae/dictionary.py`.

use super::build::{self, Facts, Names, Place, Weights};
use super::{Format, count, text};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Normalize};
use crate::sae::open::OpenOptions;

const FACTOR: &str = "activation_rescale_factor";
const SQRT_D: &str = "normalize_to_sqrt_d";

pub(super) const FORMAT: Format = Format {
    name: "interplm",
    about: "InterPLM: ae_normalized.pt or ae_unnormalized.pt, and config.yaml",
    detect: |source| {
        // The first releases have none of these tensors, and are known by their names.
        let named = matches!(source.stem().as_str(), "ae_normalized" | "ae_unnormalized");
        let own = source.has(FACTOR) || source.has(SQRT_D) || named;
        own && source.has_all(&["encoder.weight", "encoder.bias", "decoder.weight"])
    },
    parts: super::one,
    place,
    load,
};

fn place(source: &Source) -> Place {
    let config = source.config.as_ref();
    let folder = || source.folders().first()?.strip_prefix("layer_")?.parse().ok();
    let layer = config.and_then(|config| count(config, &["layer"])).or_else(folder);
    Place::new(config.and_then(|config| text(config, &["plm"])), None, layer)
}

/// The activation function by the class that the configuration names.
fn by_class(source: &Source) -> Option<String> {
    let class = text(source.config.as_ref()?, &["dict_class"])?;
    let class = class.rsplit('.').next().filter(|class| !class.is_empty())?;
    Some(match class {
        "ReLUSAE" | "ReLUSAE_Tied" => "relu".into(),
        "TopKSAE" => "topk".into(),
        "BatchTopKSAE" => "batchtopk".into(),
        "JumpReLUSAE" => "jumprelu".into(),
        other => other.to_string(),
    })
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let names = Names {
        decoder: ("decoder.weight", false),
        encoder: Some(("encoder.weight", true)),
        b_enc: Some("encoder.bias"),
        b_dec: source.first(&["bias", "b_dec", "decoder.bias"]),
        skip: None,
    };
    let weights = Weights::read(source, options, &names, &mut warnings)?;
    let threshold = build::threshold(source, &["threshold"], weights.decoders[0].nrows(), &mut warnings)?;
    // Before training has estimated it, it is -1.
    let threshold = threshold.filter(|threshold| names.b_dec != Some("b_dec") || threshold.iter().all(|&x| x >= 0.0));
    let stated = by_class(source).unwrap_or_else(|| match names.b_dec {
        Some("b_dec") => {
            warnings.push(
                "TopKSAE and BatchTopKSAE have these tensors, and no config.yaml tells them apart: --arch topk or --arch \
                 batchtopk settles it"
                    .into(),
            );
            "topk or batchtopk".into()
        }
        Some("decoder.bias") if source.has("threshold") => "jumprelu".into(),
        _ => "relu".into(),
    });
    let trainer = source.config.as_ref().and_then(|config| config.get("trainer"));
    let k = build::scalar_count(source, "k").or_else(|| count(trainer?, &["k"]));
    let sqrt_d = build::scalar(source, SQRT_D).is_some_and(|x| x != 0.0);
    if source.has(FACTOR) && source.tensor(FACTOR)?.to_f64().iter().any(|x| (x - 1.0).abs() > 1e-5) {
        warnings.push(format!("{FACTOR} is there to divide activations by; it is not applied, as is the default"));
    }
    let facts = Facts {
        parts: Parts { stated: Some(stated), k, threshold, ..Parts::default() },
        subtract_b_dec: Some(names.b_dec.is_some_and(|name| name != "decoder.bias")),
        normalize: if sqrt_d { Normalize::ConstantNorm } else { Normalize::None },
        ..Facts::plain(FORMAT.name, place(source), warnings)
    };
    build::dictionary(source, options, weights, facts)
}
