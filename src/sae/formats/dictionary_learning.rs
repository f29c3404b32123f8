//! dictionary_learning (saprmarks): `trainer_{i}/ae.pt` and `config.json`; checkpoints and interrupted runs.
//!
//! | `dict_class` | tensors | encodes |
//! |---|---|---|
//! | AutoEncoder | `bias`, `encoder.*`, `decoder.weight` | relu(enc(x − bias)), times the length of the decoder's column: the loader divides it out |
//! | AutoEncoderNew | `encoder.*`, `decoder.weight`, `decoder.bias` | relu(enc(x)) |
//! | GatedAutoEncoder | `decoder_bias`, `encoder.weight`, `r_mag`, `gate_bias`, `mag_bias`, `decoder.weight` | gated, decoder_bias subtracted |
//! | JumpReluAutoEncoder | `W_enc`, `b_enc`, `W_dec`, `b_dec`, `threshold` | jumprelu, nothing subtracted |
//! | AutoEncoderTopK, BatchTopKSAE | `encoder.*`, `decoder.weight`, `b_dec`, `k`, `threshold` | the k largest, or all above the threshold; b_dec subtracted |
//! | MatryoshkaBatchTopKSAE | `W_enc`, `b_enc`, `W_dec`, `b_dec`, `k`, `threshold` | all above the threshold; b_dec subtracted |
//!
//! Weights are saved with the norm of the training data folded in, so inputs are taken as they are. The two top-k classes
//! have the same tensors, and only `config.json` tells them apart.
//!
//! Source: saprmarks/dictionary_learning `dictionary.py`, `training.py`, `utils.py::load_dictionary`.

use super::build::{self, Facts, Names, Place, Weights};
use super::{Format, count, layout, text};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::{GateVectors, Parts};
use crate::sae::detect::Source;
use crate::sae::dictionary::{CodeNorm, Dictionary, NormOver, NormRole};
use crate::sae::open::OpenOptions;
use serde_json::Value;

pub(super) const FORMAT: Format = Format {
    name: "dictionary-learning",
    about: "dictionary_learning: trainer_{i}/ae.pt and config.json, every dict_class",
    detect: |source| class(source).is_some() || Class::by_tensors(source).is_some(),
    parts: super::one,
    place,
    load,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    AutoEncoder,
    New,
    Gated,
    JumpRelu,
    TopK,
    BatchTopK,
    Matryoshka,
    /// One of the two with k and a threshold.
    TopKOrBatchTopK,
}

/// Names of classes as configurations have them.
const CLASSES: &[(&str, Class)] = &[
    ("AutoEncoder", Class::AutoEncoder),
    ("AutoEncoderNew", Class::New),
    ("GatedAutoEncoder", Class::Gated),
    ("JumpReluAutoEncoder", Class::JumpRelu),
    ("AutoEncoderTopK", Class::TopK),
    ("BatchTopKSAE", Class::BatchTopK),
    ("MatryoshkaBatchTopKSAE", Class::Matryoshka),
];

impl Class {
    fn by_tensors(source: &Source) -> Option<Self> {
        if !source.has_all(&["encoder.weight", "decoder.weight"]) || source.dimensions("encoder.weight") != Some(2) {
            return None;
        }
        let by: &[(&[&str], Self)] = &[
            (&["gate_bias", "mag_bias", "r_mag", "decoder_bias"], Self::Gated),
            (&["bias", "encoder.bias"], Self::AutoEncoder),
            (&["b_dec", "encoder.bias"], Self::TopKOrBatchTopK),
            (&["decoder.bias", "encoder.bias"], Self::New),
        ];
        by.iter().find(|(names, _)| source.has_all(names)).map(|(_, class)| *class)
    }
    /// Whether encoder and decoder are linear layers, whose decoder has features in columns.
    fn is_linear(self) -> bool {
        !matches!(self, Self::JumpRelu | Self::Matryoshka)
    }
    fn activation(self) -> Option<&'static str> {
        Some(match self {
            Self::AutoEncoder | Self::New => "relu",
            Self::Gated => "gated",
            Self::JumpRelu => "jumprelu",
            Self::TopK => "topk",
            Self::BatchTopK | Self::Matryoshka => "batchtopk",
            Self::TopKOrBatchTopK => return None,
        })
    }
}

/// What the trainer says of itself.
fn trainer(source: &Source) -> Option<&Value> {
    let own = |config: &Value| config.get("dict_class").is_some();
    let config = source.config.as_ref()?;
    config.get("trainer").filter(|trainer| own(trainer))
}

/// The class that the configuration names.
fn class(source: &Source) -> Option<Class> {
    let name = text(trainer(source)?, &["dict_class"])?;
    // Some are written as Python prints a class: <class 'dictionary_learning.dictionary.AutoEncoder'>.
    let name = name.trim_end_matches(['>', '\'']).rsplit(['.', ' ']).next().unwrap_or_default();
    CLASSES.iter().find(|(other, _)| *other == name).map(|(_, class)| *class)
}

fn place(source: &Source) -> Place {
    let Some(trainer) = trainer(source) else { return Place::default() };
    let buffer = source.config.as_ref().and_then(|config| config.get("buffer"));
    let layer = count(trainer, &["layer"]);
    Place::new(text(trainer, &["lm_name"]), text(trainer, &["submodule_name"]), layer)
        .with("context_size", buffer.and_then(|buffer| count(buffer, &["ctx_len"])))
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let Some(class) = class(source).or_else(|| Class::by_tensors(source)) else {
        let problem = source.problem(format!("no dictionary of dictionary_learning: it holds {}", source.describe()));
        return Err(problem.expected("encoder.weight and decoder.weight, or W_enc and W_dec").input());
    };
    let linear = class.is_linear();
    let names = Names {
        decoder: if linear { ("decoder.weight", false) } else { ("W_dec", true) },
        encoder: Some(if linear { ("encoder.weight", true) } else { ("W_enc", false) }),
        b_enc: source.first(&["encoder.bias", "b_enc"]),
        b_dec: source.first(&["bias", "b_dec", "decoder.bias", "decoder_bias"]),
        skip: None,
    };
    let weights = Weights::read(source, options, &names, &mut warnings)?;
    let features = weights.decoders[0].nrows();
    let mut threshold = build::threshold(source, &["threshold"], features, &mut warnings)?;
    // Before training has estimated it, it is -1.
    if matches!(class, Class::BatchTopK | Class::Matryoshka | Class::TopKOrBatchTopK | Class::TopK) {
        threshold = threshold.filter(|threshold| threshold.iter().all(|&x| x >= 0.0));
    }
    let mut vector = |name: &str| layout::vector(source, name, Some(features), &mut warnings);
    let gate = match class {
        Class::Gated => {
            Some(GateVectors { b_gate: vector("gate_bias")?, r_mag: vector("r_mag")?, b_mag: vector("mag_bias")? })
        }
        _ => None,
    };
    let k = build::scalar_count(source, "k").or_else(|| trainer(source).and_then(|trainer| count(trainer, &["k"])));
    if class == Class::TopKOrBatchTopK {
        warnings.push(
            "AutoEncoderTopK and BatchTopKSAE have these tensors, and there is no config.json to tell them apart: \
             --arch topk or --arch batchtopk settles it"
                .into(),
        );
    }
    // Undecided is said above in better words, and neither is a jump.
    let undecided = class == Class::TopKOrBatchTopK && options.arch.is_none();
    let parts = Parts { stated: class.activation().map(String::from), k, threshold, gate, ..Parts::default() };
    let parts = if undecided { Parts { stated: Some("topk or batchtopk".into()), ..parts } } else { parts };
    let divides = CodeNorm { role: NormRole::ForValue, over: NormOver::Joint };
    let facts = Facts {
        parts,
        code_norm: (class == Class::AutoEncoder).then_some(divides),
        subtract_b_dec: Some(!matches!(class, Class::New | Class::JumpRelu)),
        ..Facts::plain(FORMAT.name, place(source), warnings)
    };
    build::dictionary(source, options, weights, facts)
}
