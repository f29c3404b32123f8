//! dictionary_learning (saprmarks): `trainer_{i}/ae.pt` and `config.json`; checkpoints and interrupted runs.
//!
//! | `dict_class` | tensors | encodes |
//! |---|---|---|
//! | AutoEncoder | `bias`, `encoder.*`, `decoder.weight` | relu(enc(x − bias)), times the length of the decoder's column: the loader divides it out |
//! | AutoEncoderNew | `encoder.*`, `decoder.weight`, `decoder.bias` | relu(enc(x)); other trainers have these tensors too, so the configuration must name it |
//! | GatedAutoEncoder | `decoder_bias`, `encoder.weight`, `r_mag`, `gate_bias`, `mag_bias`, `decoder.weight` | gated, decoder_bias subtracted |
//! | JumpReluAutoEncoder | `W_enc`, `b_enc`, `W_dec`, `b_dec`, `threshold` | jumprelu, nothing subtracted |
//! | AutoEncoderTopK, BatchTopKSAE | `encoder.*`, `decoder.weight`, `b_dec`, `k`, `threshold` | the k largest, or all above the threshold; b_dec subtracted |
//! | MatryoshkaBatchTopKSAE | `W_enc`, `b_enc`, `W_dec`, `b_dec`, `k`, `threshold`, `group_sizes` | all above the threshold; b_dec subtracted |
//!
//! Weights are saved with the norm of the training data folded in, so inputs are taken as they are; a run that was
//! interrupted leaves them as they were trained, with the `norm_factor` by which inputs are divided. The two top-k classes
//! have the same tensors, and only `config.json` tells them apart.
//!
//! Source: saprmarks/dictionary_learning `dictionary.py`, `training.py`, `utils.py::load_dictionary`.

use super::build::{self, Facts, Names, Place, Weights};
use super::{Format, count, four, layout, text};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::{GateVectors, Parts};
use crate::sae::detect::Source;
use crate::sae::dictionary::{CodeNorm, Dictionary, NormOver, NormRole, Normalize};
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

/// What is said where the tensors alone are there, and those are everyone's.
const UNTOLD: &str = "AutoEncoderNew of dictionary_learning, Llama Scope and other trainers have these tensors, and no \
                      configuration tells which it is: --arch, --normalize and --subtract-b-dec settle it";

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
    /// Linear layers with biases, as many trainers have them.
    Linear,
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
        if four::are_in(source) && source.has_all(&["k", "group_sizes"]) {
            return Some(Self::Matryoshka);
        }
        if !source.has_all(&["encoder.weight", "decoder.weight"]) || source.dimensions("encoder.weight") != Some(2) {
            return None;
        }
        let by: &[(&[&str], Self)] = &[
            (&["gate_bias", "mag_bias", "r_mag", "decoder_bias"], Self::Gated),
            (&["bias", "encoder.bias"], Self::AutoEncoder),
            (&["b_dec", "encoder.bias"], Self::TopKOrBatchTopK),
        ];
        let found = by.iter().find(|(names, _)| source.has_all(names)).map(|(_, class)| *class);
        let biases = ["encoder.bias", "decoder.bias"].iter().all(|name| source.has(name));
        let alone = !source.tensors.iter().any(|tensor| tensor.name.contains("bias") || tensor.name.contains("b_"));
        found.or((biases || alone).then_some(Self::Linear))
    }
    /// What the four tensors that others have too are, where someone says that they are of this family.
    fn of_four(source: &Source) -> Option<Self> {
        four::are_in(source).then_some(Self::JumpRelu).filter(|_| source.has("threshold"))
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
            Self::TopKOrBatchTopK | Self::Linear => return None,
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
    let found = class(source).or_else(|| Class::by_tensors(source)).or_else(|| Class::of_four(source));
    let Some(class) = found else {
        let problem = source.problem(format!("no dictionary of dictionary_learning: it holds {}", source.describe()));
        return Err(problem
            .expected("encoder.weight and decoder.weight; or W_enc, W_dec, b_enc, b_dec and threshold")
            .input());
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
    if class == Class::Linear {
        warnings.push(UNTOLD.into());
        if let Some(path) = &source.config_path {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            warnings
                .push(format!("{name} is no configuration of a trainer that is known to write these; it was not used"));
        }
    }
    // The file of a run that was interrupted; a finished one has the norm in its weights.
    let norm = build::scalar(source, "norm_factor").and_then(|norm| Normalize::scale(1.0 / norm));
    if norm.is_some() {
        warnings.push("from a run that was interrupted: inputs are divided by its norm_factor".into());
    }
    let divides = CodeNorm { role: NormRole::ForValue, over: NormOver::Joint };
    let facts = Facts {
        parts,
        code_norm: (class == Class::AutoEncoder).then_some(divides),
        normalize: norm.unwrap_or(if class == Class::Linear { Normalize::Unstated } else { Normalize::None }),
        subtract_b_dec: (class != Class::Linear).then_some(!matches!(class, Class::New | Class::JumpRelu)),
        ..Facts::plain(FORMAT.name, place(source), warnings)
    };
    build::dictionary(source, options, weights, facts)
}
