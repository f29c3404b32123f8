//! Opening a dictionary by path: a file, a folder, a folder of many, or a repository in the Hugging Face cache.
//!
//! What a file does not say, or says wrongly, [`OpenOptions`] overrule. Opening reads headers, configuration and
//! vectors; matrices stay mapped, except those of compressed archives.

use super::detect::Source;
use super::dictionary::{Dictionary, Normalize, SourceChoice};
use super::find::{Located, locate};
use super::formats;
use crate::container::Bytes;
use crate::error::{Error, Problem, Result};
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
    /// Which source of a dictionary of several.
    pub source: Option<SourceChoice>,
    /// Which dictionary of a folder of many: its name in [`list`](super::list), or a part of it that no other has.
    pub pick: Option<String>,
}

impl OpenOptions {
    /// What was said, by the name of its flag: what belongs into the provenance of a result.
    pub fn said(&self) -> serde_json::Map<String, serde_json::Value> {
        let Self { format, arch, k, threshold, subtract_b_dec, normalize, transpose, source, pick } = self;
        let all = [
            ("format", format.clone().map(Into::into)),
            ("arch", arch.clone().map(Into::into)),
            ("k", k.map(Into::into)),
            // In its short form: .1, not .10000000149.
            ("threshold", threshold.map(|x| x.to_string().parse::<f64>().unwrap_or(f64::NAN).into())),
            ("subtract_b_dec", subtract_b_dec.map(Into::into)),
            ("normalize", normalize.map(|normalize| normalize.to_string().into())),
            ("transpose", transpose.map(Into::into)),
            ("source", source.map(|choice| choice.to_string().into())),
            ("pick", pick.clone().map(Into::into)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))).collect()
    }
}

impl FromStr for SourceChoice {
    type Err = Error;
    /// Reads `concat`, `sum` or the number of a source, from 0.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "concat" => Ok(Self::Concat),
            "sum" => Ok(Self::Sum),
            _ => text.parse().map(Self::One).map_err(|_| {
                let problem = Problem::new(format!("no source is called {text}"));
                problem.expected("concat, sum, or the number of a source from 0").usage()
            }),
        }
    }
}

impl FromStr for Normalize {
    type Err = Error;
    /// Reads `none`, `scale:FACTOR` or the factor alone, `constant_norm`, `layer_norm` (std over d − 1, as SAELens) or
    /// `layer_norm_biased` (std over d).
    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "none" => Self::None,
            "constant_norm" | "constant_norm_rescale" => Self::ConstantNorm,
            "layer_norm" => Self::LayerNorm { unbiased: true },
            "layer_norm_biased" => Self::LayerNorm { unbiased: false },
            _ => {
                let factor = text.strip_prefix("scale:").unwrap_or(text).parse().ok();
                return factor.and_then(Self::scale).ok_or_else(|| {
                    let what = match factor {
                        Some(factor) => format!("inputs cannot be scaled by {factor}"),
                        None => format!("no normalisation is called {text}"),
                    };
                    Problem::new(what)
                        .expected("none, scale:FACTOR above 0, constant_norm, layer_norm or layer_norm_biased")
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
/// As [`locate`] and [`open_at`].
pub fn open(path: &Path, options: &OpenOptions) -> Result<Dictionary> {
    open_at(locate(path, options.pick.as_deref())?, options)
}

/// Opens the dictionary that was located; nothing is searched.
///
/// # Errors
/// If there is nothing at its path, or what is there is broken, no dictionary, of a kind that cannot be read yet
/// ([`Error::NotRead`]), or does not fit the options.
pub fn open_at(located: Located, options: &OpenOptions) -> Result<Dictionary> {
    let mut source = located.source.map_or_else(|| Source::open(&located.path), |source| Ok(*source))?;
    source.part = located.part;
    interpret(source, options)
}

/// Opens a dictionary from memory: a safetensors file and the text of its configuration. `name` stands for the path.
///
/// # Errors
/// As [`open`].
pub fn open_bytes(name: &str, weights: &Bytes, config: &str, options: &OpenOptions) -> Result<Dictionary> {
    interpret(Source::from_bytes(name, weights, config)?, options)
}

/// Reads a source by the format that is named, or that recognises it, and lets the options overrule it.
fn interpret(mut source: Source, options: &OpenOptions) -> Result<Dictionary> {
    let format = match &options.format {
        Some(name) => formats::by_name(name)?,
        None => formats::recognise(&source).ok_or_else(|| formats::unrecognised(&source))?,
    };
    let parts = (format.parts)(&source);
    if let [(only, _)] = &parts[..] {
        source.part = Some(*only);
    }
    if let Some((_, name)) = parts.first().filter(|_| parts.iter().all(|(part, _)| Some(*part) != source.part)) {
        let what = format!("{} dictionaries lie in it", parts.len());
        return Err(source.problem(what).expected("one").hint(format!("--pick {name}")).usage());
    }
    let mut dictionary = (format.load)(&source, options)?;
    settle(&mut dictionary, options)?;
    Ok(dictionary)
}

/// Applies what the user says of the bias and of the input over what the file says, and tells what stays open.
fn settle(dictionary: &mut Dictionary, options: &OpenOptions) -> Result<()> {
    let matters = dictionary.encoder.is_some();
    let center = dictionary.center();
    let biased = center.iter().any(|&b| b != 0.0);
    let too_wide = !center.is_empty() && center.len() != dictionary.d_model();
    let info = &mut dictionary.info;
    let mut say = |text: &str| info.warnings.push(text.into());
    match (info.subtract_b_dec, options.subtract_b_dec) {
        (_, Some(true)) if too_wide => {
            let what = "--subtract-b-dec true: b_dec is as wide as the output, not as the input";
            return Err(Problem::new(what).usage());
        }
        (Some(stated), Some(said)) if stated != said && biased => {
            say("the files say otherwise of b_dec; --subtract-b-dec is followed");
        }
        (None, None) if matters && biased => {
            say("no file says whether b_dec is subtracted before encoding; --subtract-b-dec settles it");
        }
        _ => {}
    }
    info.subtract_b_dec = options.subtract_b_dec.or(info.subtract_b_dec);
    match (info.normalize, options.normalize) {
        (Normalize::Scale(None), Some(Normalize::Scale(_))) | (Normalize::Unstated, Some(_)) => {}
        (Normalize::Unsupported, Some(said)) => {
            say(&format!(
                "the files name a normalisation that is not known here; taken as {said}, as --normalize says"
            ));
        }
        (stated, Some(said)) if stated != said => {
            say(&format!("the files say normalisation {stated}; taken as {said}, as --normalize says"));
        }
        (Normalize::Scale(None), None) if matters => {
            say("inputs were scaled by a factor that no file tells; encoding needs --normalize scale:FACTOR");
        }
        (Normalize::Unsupported, None) if matters => {
            say("how inputs are normalised is not known here; encoding needs --normalize");
        }
        (Normalize::Unstated, None) if matters => {
            say("no file says whether inputs are normalised before encoding: taken as none; --normalize settles it");
        }
        _ => {}
    }
    info.normalize = options.normalize.unwrap_or(info.normalize);
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
        assert_eq!("0.25".parse::<Normalize>().unwrap(), Normalize::Scale(Some(0.25)));
        for wrong in ["scale", "0", "-3", "1e300", "nan", "scale:x", "scale:-1", "scale:inf", "batch"] {
            assert!(wrong.parse::<Normalize>().unwrap_err().to_string().contains("scale:FACTOR"));
        }
    }
}
