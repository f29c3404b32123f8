//! Opening a dictionary by path: a file, a folder, a folder of many, or a repository in the Hugging Face cache.
//!
//! What a file does not say, or says wrongly, [`OpenOptions`] overrule. Opening reads headers, configuration and
//! vectors; matrices stay mapped, except those of compressed archives.

use super::detect::{self, Source};
use super::dictionary::{Activation, Dictionary, Normalize};
use super::find::{choose, list, resolve};
use super::formats;
use crate::container::Bytes;
use crate::error::{Error, Problem, Result};
use crate::rows::Rows;
use std::path::Path;
use std::str::FromStr;

/// What the user says about a dictionary, over what its files say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OpenOptions {
    /// Name of the format's row, instead of detection.
    pub format: Option<String>,
    /// Activation function: relu, topk, abstopk, batchtopk, jumprelu or gated.
    pub arch: Option<String>,
    /// How many features may fire, for topk, abstopk and batchtopk.
    pub k: Option<usize>,
    /// One threshold for all features, for jumprelu and batchtopk.
    pub threshold: Option<f32>,
    /// Whether `b_dec` is subtracted before encoding.
    pub subtract_b_dec: Option<bool>,
    /// Normalisation of the input.
    pub normalize: Option<Normalize>,
    /// Whether the matrices lie the other way round than the format has them.
    pub transpose: Option<bool>,
    /// Which dictionary of a folder of many: its name in [`list`], or a part of it that no other has.
    pub pick: Option<String>,
}

impl FromStr for Normalize {
    type Err = Error;
    /// Reads `none`, `scale:FACTOR`, `constant_norm`, `layer_norm` (std over d − 1, as SAELens) or
    /// `layer_norm_biased` (std over d).
    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "none" => Self::None,
            "constant_norm" | "constant_norm_rescale" => Self::ConstantNorm,
            "layer_norm" => Self::LayerNorm { unbiased: true },
            "layer_norm_biased" => Self::LayerNorm { unbiased: false },
            _ => {
                let factor = text.strip_prefix("scale:").and_then(|factor| factor.parse::<f32>().ok());
                let factor = factor.filter(|factor| factor.is_finite() && *factor > 0.0);
                return factor.map(|factor| Self::Scale(Some(factor))).ok_or_else(|| {
                    Problem::new(format!("no normalisation is called {text}"))
                        .expected("none, scale:FACTOR, constant_norm, layer_norm or layer_norm_biased")
                        .hint("--normalize none")
                        .usage()
                });
            }
        })
    }
}

/// Opens the dictionary at `path`: a file, a folder with one, a folder of many with [`OpenOptions::pick`], or
/// `org/repo[/path]` in the Hugging Face cache.
///
/// # Errors
/// If there is nothing at `path`, or no dictionary, or several without a pick; or if what is there is broken, is of a
/// kind that cannot be read yet ([`Error::NotInBuild`]), or does not fit the options.
pub fn open(path: &Path, options: &OpenOptions) -> Result<Dictionary> {
    let path = resolve(path)?;
    if !path.is_dir() {
        if let Some(pick) = &options.pick {
            return Err(Problem::new(format!("there is nothing to pick {pick} from: this is one file"))
                .path(&path)
                .expected("a folder of dictionaries")
                .usage());
        }
        return interpret(&Source::open(&path)?, options);
    }
    if options.pick.is_none() && detect::weight_file(&path).is_some() {
        return interpret(&Source::open(&path)?, options);
    }
    let all = list(&path)?;
    interpret(&Source::open(&choose(&path, &all, options.pick.as_deref())?.path)?, options)
}

/// Opens a dictionary from memory: a safetensors file and the text of its configuration. `name` stands for the path.
///
/// # Errors
/// As [`open`].
pub fn open_bytes(name: &str, weights: &Bytes, config: &str, options: &OpenOptions) -> Result<Dictionary> {
    interpret(&Source::from_bytes(name, weights, config)?, options)
}

/// Reads a source by the format that is named, or that recognises it, and lets the options overrule it.
fn interpret(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let format = match &options.format {
        Some(name) => formats::by_name(name)?,
        None => formats::recognise(source).ok_or_else(|| formats::unrecognised(source))?,
    };
    let mut dictionary = (format.load)(source, options)?;
    overrule(&mut dictionary, options)?;
    Ok(dictionary)
}

/// Applies what the user says over what the file said.
fn overrule(dictionary: &mut Dictionary, options: &OpenOptions) -> Result<()> {
    let features = dictionary.decoder.nrows();
    let activation = dictionary.info.activation.clone();
    let usage = |what: String| Problem::new(what).usage();
    if options.k.is_some_and(|k| k == 0 || k > features) {
        return Err(usage(format!("--k must lie between 1 and the number of features, {features}")));
    }
    if options.threshold.is_some_and(|t| !t.is_finite()) {
        return Err(usage("--threshold must be a finite number".into()));
    }
    let stated_k = match activation {
        Activation::TopK { k, .. } | Activation::AbsTopK { k, .. } => Some(k),
        Activation::BatchTopK { k, .. } => k,
        _ => None,
    };
    let by_decoder_norm = matches!(
        activation,
        Activation::TopK { by_decoder_norm: true, .. } | Activation::AbsTopK { by_decoder_norm: true, .. }
    );
    let stated_threshold = match &activation {
        Activation::JumpRelu { threshold } | Activation::BatchTopK { threshold: Some(threshold), .. } => {
            Some(threshold.clone())
        }
        _ => None,
    };
    let k = options.k.or(stated_k);
    let threshold = options.threshold.map(|t| vec![t]).or(stated_threshold);
    let name = options.arch.as_deref().unwrap_or(activation.name());
    let need = |what: &str, flag: &str| {
        Problem::new(format!("the file has no {what} for --arch {name}")).hint(flag.to_string()).usage()
    };
    let (uses_k, uses_threshold) = match name {
        "topk" | "abstopk" => (true, false),
        "batchtopk" => (true, true),
        "jumprelu" => (false, true),
        _ => (false, false),
    };
    if options.k.is_some() && !uses_k {
        return Err(usage(format!("--k means nothing for {name}; it goes with --arch topk, abstopk or batchtopk")));
    }
    if options.threshold.is_some() && !uses_threshold {
        return Err(usage(format!("--threshold means nothing for {name}; it goes with --arch jumprelu or batchtopk")));
    }
    dictionary.info.activation = match name {
        "relu" | "standard" => Activation::Relu,
        "topk" => Activation::TopK { k: k.ok_or_else(|| need("k", "--k"))?, by_decoder_norm },
        "abstopk" => Activation::AbsTopK { k: k.ok_or_else(|| need("k", "--k"))?, by_decoder_norm },
        "batchtopk" => Activation::BatchTopK { k, threshold },
        "jumprelu" => Activation::JumpRelu { threshold: threshold.ok_or_else(|| need("threshold", "--threshold"))? },
        "gated" if activation.name() != "gated" => {
            return Err(usage("the file has no gate (b_gate, b_mag, r_mag) for --arch gated".into()));
        }
        "gated" | "unknown" => activation,
        other => {
            return Err(Problem::new(format!("no activation function is called {other}"))
                .expected("relu, topk, abstopk, batchtopk, jumprelu or gated")
                .usage());
        }
    };
    if let Some(subtract) = options.subtract_b_dec {
        if subtract && dictionary.d_model() != dictionary.d_out() {
            return Err(usage("--subtract-b-dec true: b_dec is as wide as the output, not as the input".into()));
        }
        dictionary.info.subtract_b_dec = Some(subtract);
    }
    if let Some(normalize) = options.normalize {
        dictionary.info.normalize = normalize;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalisations_are_read_by_name() {
        assert_eq!("none".parse::<Normalize>().unwrap(), Normalize::None);
        assert_eq!("scale:0.25".parse::<Normalize>().unwrap(), Normalize::Scale(Some(0.25)));
        assert_eq!("layer_norm".parse::<Normalize>().unwrap(), Normalize::LayerNorm { unbiased: true });
        for wrong in ["scale", "scale:x", "scale:-1", "scale:inf", "batch"] {
            assert!(wrong.parse::<Normalize>().unwrap_err().to_string().contains("scale:FACTOR"));
        }
    }
}
