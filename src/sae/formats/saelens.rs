//! SAELens: a folder with `sae_weights.safetensors` and `cfg.json`, and other files with the same tensor names.
//!
//! Tensors `W_enc [d, F]`, `W_dec [F, d_out]`, `b_enc [F]`, `b_dec [d_out]`, and by architecture `threshold`,
//! `log_threshold`, `b_gate`, `b_mag`, `r_mag`, `W_skip [d_out, d]`. The configuration is that of version 6 and later,
//! or the flat one before it, read by the rules of `handle_pre_6_0_config` (SAELens 6.54,
//! `sae_lens/loading/pretrained_sae_loaders.py`): `activation_fn_str` of `topk` makes the architecture top-k, and a
//! missing `apply_b_dec_to_input` means true. Without a configuration the tensors alone are believed: a threshold
//! makes it JumpReLU, and otherwise the activation function is unknown. Matrices stay mapped; vectors are read.

use super::layout::{self, Expect};
use super::{Format, count, flag, layer_of, text};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::detect::Source;
use crate::sae::dictionary::{Activation, Dictionary, DictionaryInfo, Kind, Normalize};
use crate::sae::open::OpenOptions;
use serde_json::{Map, Value};

pub(super) const FORMAT: Format = Format {
    name: "saelens",
    about: "SAELens folder: sae_weights.safetensors and cfg.json of version 6 or before; or the same tensors alone",
    detect: |source| source.has("W_dec") && (source.has("W_enc") || source.config.as_ref().is_some_and(stated)),
    load,
};

/// Whether a configuration is one of SAELens.
fn stated(config: &Value) -> bool {
    config.get("d_sae").is_some() || config.get("sae_lens_version").is_some()
}

/// What the configuration says, whichever version wrote it.
struct Config<'a> {
    all: &'a Value,
    /// Where model and hook stand: `metadata` since version 6, the whole before.
    place: &'a Value,
    architecture: Option<String>,
    k: Option<usize>,
    subtract_b_dec: Option<bool>,
}

impl<'a> Config<'a> {
    fn new(all: &'a Value, warnings: &mut Vec<String>) -> Self {
        let metadata = all.get("metadata").filter(|metadata| metadata.is_object());
        let version = text(all, &["sae_lens_version"]).or_else(|| text(metadata?, &["sae_lens_version"]));
        let major = version.as_deref().and_then(|v| v.split('.').next()?.parse::<u32>().ok());
        let architecture = text(all, &["architecture"]);
        if major.is_some_and(|major| major >= 6) {
            return Self {
                all,
                place: metadata.unwrap_or(all),
                architecture,
                k: count(all, &["k"]),
                // The default of the configuration class.
                subtract_b_dec: Some(flag(all, "apply_b_dec_to_input").unwrap_or(true)),
            };
        }
        let kwargs = all.get("activation_fn_kwargs");
        let activation = text(all, &["activation_fn_str", "activation_fn"]);
        let k = kwargs.and_then(|kwargs| count(kwargs, &["k"])).or_else(|| count(all, &["k"]));
        let topk = activation.as_deref() == Some("topk") && k.is_some();
        let architecture = if topk { "topk".to_string() } else { architecture.unwrap_or_else(|| "standard".into()) };
        if let Some(other) = activation.filter(|name| !matches!(name.as_str(), "topk" | "relu")) {
            warnings.push(format!("the configuration names the activation function {other}, which SAELens ignores"));
        }
        let subtract_b_dec = flag(all, "apply_b_dec_to_input").unwrap_or_else(|| {
            warnings
                .push("b_dec is subtracted before encoding: the old configuration does not say, and meant it".into());
            true
        });
        let place = metadata.unwrap_or(all);
        Self { all, place, architecture: Some(architecture), k, subtract_b_dec: Some(subtract_b_dec) }
    }
    fn hook(&self) -> Option<String> {
        text(self.place, &["hook_name", "hook_point"])
    }
    fn layer(&self) -> Option<usize> {
        count(self.place, &["hook_layer", "hook_point_layer"]).or_else(|| layer_of(&self.hook()?))
    }
    /// Everything about the origin: metadata since version 6, the keys that became metadata before.
    fn origin(&self) -> Map<String, Value> {
        const KEYS: &[&str] = &[
            "model_name",
            "model_class_name",
            "hook_name",
            "hook_point",
            "hook_name_out",
            "hook_head_index",
            "hook_point_head_index",
            "model_from_pretrained_kwargs",
            "prepend_bos",
            "exclude_special_tokens",
            "neuronpedia_id",
            "context_size",
            "seqpos_slice",
            "dataset_path",
            "sae_lens_version",
            "sae_lens_training_version",
        ];
        let Some(place) = self.place.as_object() else { return Map::new() };
        if std::ptr::eq(self.place, self.all) {
            let mut origin: Map<String, Value> =
                place.iter().filter(|(k, _)| KEYS.contains(&k.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect();
            // SAELens' own default for configurations of that time.
            origin.entry("prepend_bos").or_insert(Value::Bool(true));
            return origin;
        }
        place.clone()
    }
    fn normalize(&self, source: &Source, warnings: &mut Vec<String>) -> Result<Normalize> {
        let factor = || {
            let keys = ["norm_scaling_factor", "activation_normalization_factor"];
            let number = keys.iter().find_map(|key| self.all.get(key).or_else(|| self.place.get(key))?.as_f64());
            number.map(|x| x as f32)
        };
        Ok(match self.all.get("normalize_activations") {
            None | Some(Value::Null | Value::Bool(false)) => Normalize::None,
            Some(Value::String(name)) if name == "none" => Normalize::None,
            Some(Value::String(name)) if name == "constant_norm_rescale" => Normalize::ConstantNorm,
            Some(Value::String(name)) if name == "layer_norm" => Normalize::LayerNorm { unbiased: true },
            Some(Value::String(name)) if name == "covariance_whitening" => {
                warnings.push("trained on whitened activations: its directions lie in the whitened space".into());
                Normalize::None
            }
            Some(value)
                if *value == Value::Bool(true)
                    || matches!(value.as_str(), Some("expected_average_only_in" | "constant_scalar_rescale")) =>
            {
                let factor = factor();
                if factor.is_none() {
                    warnings.push(
                        "inputs were scaled by a factor that no file tells; encoding needs --normalize scale:FACTOR"
                            .into(),
                    );
                }
                Normalize::Scale(factor)
            }
            Some(other) => {
                return Err(source
                    .problem(format!("normalize_activations is {other}"))
                    .expected("none, expected_average_only_in, constant_norm_rescale or layer_norm")
                    .hint("--normalize none")
                    .input());
            }
        })
    }
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = Vec::new();
    let config = source.config.as_ref().filter(|config| config.is_object());
    let config = config.map(|config| Config::new(config, &mut warnings));
    let length = |name: &str| layout::length(source, name);
    let stated = |key: &str| config.as_ref().and_then(|config| count(config.all, &[key]));

    let per_feature = ["b_enc", "b_gate", "b_mag", "threshold", "log_threshold"];
    let features = per_feature.iter().find_map(|name| length(name).filter(|&n| n > 1 || *name == "b_enc"));
    let features = features.or_else(|| stated("d_sae"));
    let tensor = source.tensor("W_dec")?;
    let d_out = length("b_dec").or_else(|| stated("d_out")).or_else(|| stated("d_in"));
    let expect = Expect { features, width: d_out, in_rows: true, transpose: options.transpose };
    let decoder = layout::orient(&tensor, &expect, &mut warnings)?;
    let encoder = if source.has("W_enc") {
        // A transcoder's input may be of another width than its output, and only the configuration knows it.
        let width = stated("d_in").filter(|_| features.is_none_or(|n| Some(n) == stated("d_sae")));
        let expect = Expect { features: Some(decoder.nrows()), width, in_rows: false, transpose: options.transpose };
        Some(layout::orient(&source.tensor("W_enc")?, &expect, &mut warnings)?)
    } else {
        None
    };
    if let Some(encoder) = &encoder {
        layout::check_square(&decoder, encoder, &mut warnings);
    }
    let (features, d_out) = (decoder.nrows(), decoder.ncols());
    let d_model = encoder.as_ref().map_or(d_out, Rows::ncols);
    for (key, found) in [("d_sae", features), ("d_in", d_model)] {
        if let Some(said) = stated(key).filter(|&said| said != found) {
            warnings.push(format!("the configuration says {key} is {said}, but the tensors say {found}"));
        }
    }
    let architecture = config.as_ref().and_then(|config| config.architecture.clone());
    let k = config.as_ref().and_then(|config| config.k);
    let mut vector = |name: &str| {
        if source.has(name) { layout::vector(source, name, Some(features), &mut warnings) } else { Ok(Vec::new()) }
    };
    let b_enc = vector("b_enc")?;
    let gate = (vector("b_gate")?, vector("b_mag")?, vector("r_mag")?);
    let b_dec =
        if source.has("b_dec") { layout::vector(source, "b_dec", Some(d_out), &mut warnings)? } else { Vec::new() };
    let threshold = threshold(source, features, &mut warnings)?;
    let parts = Parts { threshold, gate, k, by_decoder_norm: scaled(config.as_ref()) };
    let activation = activation(source, options, architecture.as_deref(), parts, &mut warnings)?;
    scaling_factor(source, &mut warnings)?;

    let skip = if source.has("W_skip") {
        let expect = Expect { features: Some(d_out), width: Some(d_model), in_rows: true, transpose: None };
        Some(layout::orient(&source.tensor("W_skip")?, &expect, &mut warnings)?)
    } else {
        None
    };
    let named = architecture.as_deref().is_some_and(|name| name.ends_with("transcoder"));
    let transcoder = named || skip.is_some() || d_model != d_out;
    // SAELens never subtracts a transcoder's b_dec: it belongs to the output.
    let subtract_b_dec = if transcoder { Some(false) } else { config.as_ref().and_then(|c| c.subtract_b_dec) };
    if subtract_b_dec.is_none() && encoder.is_some() && b_dec.iter().any(|&b| b != 0.0) {
        warnings.push("no file says whether b_dec is subtracted before encoding; --subtract-b-dec settles it".into());
    }
    let normalize = match (&config, options.normalize) {
        (_, Some(chosen)) => chosen,
        (Some(config), None) => config.normalize(source, &mut warnings)?,
        (None, None) => Normalize::None,
    };
    let place = config.as_ref();
    let info = DictionaryInfo {
        format: FORMAT.name,
        kind: if transcoder { Kind::Transcoder } else { Kind::Sae },
        activation,
        normalize,
        subtract_b_dec,
        dtype: tensor.dtype(),
        model: place.and_then(|config| text(config.place, &["model_name"])),
        hook: place.and_then(Config::hook),
        layer: place.and_then(Config::layer),
        files: source.files(),
        warnings,
        origin: place.map(Config::origin).unwrap_or_default(),
    };
    Ok(Dictionary { info, decoder, encoder, b_enc, b_dec, skip })
}

/// What the tensors and the configuration give for an activation function.
struct Parts {
    threshold: Option<Vec<f32>>,
    /// `b_gate`, `b_mag`, `r_mag`; empty where there are none.
    gate: (Vec<f32>, Vec<f32>, Vec<f32>),
    k: Option<usize>,
    by_decoder_norm: bool,
}

fn scaled(config: Option<&Config>) -> bool {
    config.and_then(|config| flag(config.all, "rescale_acts_by_decoder_norm")).unwrap_or(false)
}

/// The thresholds, from `threshold`, from the logarithms of old checkpoints, or from a checkpoint of batch top-k.
fn threshold(source: &Source, features: usize, warnings: &mut Vec<String>) -> Result<Option<Vec<f32>>> {
    let Some(name) = source.first(&["threshold", "log_threshold", "topk_threshold"]) else { return Ok(None) };
    // One value stands for all features.
    let length = if layout::length(source, name) == Some(1) || name == "topk_threshold" { 1 } else { features };
    let scalar = source.tensors.iter().any(|tensor| tensor.name == name && tensor.shape.is_empty());
    let mut values =
        if scalar { source.tensor(name)?.to_f32() } else { layout::vector(source, name, Some(length), warnings)? };
    if name == "log_threshold" {
        for x in &mut values {
            *x = x.exp();
        }
    }
    Ok(Some(values))
}

fn activation(
    source: &Source,
    options: &OpenOptions,
    architecture: Option<&str>,
    parts: Parts,
    warnings: &mut Vec<String>,
) -> Result<Activation> {
    let Parts { threshold, gate: (b_gate, b_mag, r_mag), k, by_decoder_norm } = parts;
    // What is chosen by hand needs nothing that the file may lack.
    let chosen = options.arch.is_some();
    let missing = |what: &str, hint: &str| {
        let name = architecture.unwrap_or_default();
        let problem = source.problem(format!("the architecture is {name}, but there is no {what}"));
        if chosen { Ok(Activation::Unknown) } else { Err(problem.expected(what).hint(hint).input()) }
    };
    Ok(match architecture {
        Some("standard" | "transcoder" | "skip_transcoder") => Activation::Relu,
        Some("topk") => match k.or(options.k) {
            Some(k) => Activation::TopK { k, by_decoder_norm },
            None => missing("k", "--k")?,
        },
        Some("abstopk") => match k.or(options.k) {
            Some(k) => Activation::AbsTopK { k, by_decoder_norm },
            None => missing("k", "--k")?,
        },
        Some("batchtopk" | "matryoshka_batchtopk") => Activation::BatchTopK { k, threshold },
        Some("jumprelu" | "jumprelu_transcoder" | "jumprelu_skip_transcoder") => {
            match threshold.or_else(|| options.threshold.map(|t| vec![t])) {
                Some(threshold) => Activation::JumpRelu { threshold },
                None => missing("tensor threshold or log_threshold", "--threshold")?,
            }
        }
        Some("gated") => {
            if b_gate.is_empty() || b_mag.is_empty() || r_mag.is_empty() {
                missing("tensor b_gate, b_mag or r_mag", "--arch")?
            } else {
                Activation::Gated { b_gate, r_mag, b_mag }
            }
        }
        Some(name @ ("matching_pursuit" | "temporal")) => {
            warnings.push(format!("{name} encodes step by step, which is not in this build; its geometry is"));
            Activation::Unknown
        }
        Some(other) => {
            warnings.push(format!("the architecture {other} is not known; --arch settles it"));
            Activation::Unknown
        }
        None if !b_gate.is_empty() && !b_mag.is_empty() && !r_mag.is_empty() => {
            warnings.push("no configuration: taken as gated, by its tensors".into());
            Activation::Gated { b_gate, r_mag, b_mag }
        }
        None => {
            if let Some(threshold) = threshold {
                warnings.push("no configuration says the architecture: taken as jumprelu, by its threshold".into());
                Activation::JumpRelu { threshold }
            } else {
                warnings.push("no configuration says the architecture (relu, or topk?); --arch settles it".into());
                Activation::Unknown
            }
        }
    })
}

/// Warns of the factors that very old files multiply activations by before decoding, unless they are all 1.
fn scaling_factor(source: &Source, warnings: &mut Vec<String>) -> Result<()> {
    let Some(name) = source.first(&["scaling_factor", "finetuning_scaling_factor"]) else { return Ok(()) };
    // The tolerance of torch.allclose.
    if source.tensor(name)?.to_f64().iter().any(|x| (x - 1.0).abs() > 1e-8 + 1e-5) {
        warnings.push(format!("{name} multiplies activations before decoding; it is not applied here"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(config: &Value) -> (Option<String>, Option<usize>, Option<bool>, usize) {
        let mut warnings = Vec::new();
        let config = Config::new(config, &mut warnings);
        (config.architecture, config.k, config.subtract_b_dec, warnings.len())
    }

    #[test]
    fn old_configurations_follow_the_rules_of_their_time() {
        let topk = json!({"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 32}, "architecture": "standard"});
        assert_eq!(read(&topk), (Some("topk".into()), Some(32), Some(true), 1));
        let older = json!({"activation_fn": "topk", "activation_fn_kwargs": {"k": 8}, "apply_b_dec_to_input": false});
        assert_eq!(read(&older), (Some("topk".into()), Some(8), Some(false), 0));
        let plain = json!({"hook_point": "blocks.3.hook_mlp_out", "hook_point_layer": 3});
        assert_eq!(read(&plain), (Some("standard".into()), None, Some(true), 1));
        let early = json!({"sae_lens_version": "5.11.0", "architecture": "jumprelu", "apply_b_dec_to_input": true});
        assert_eq!(read(&early), (Some("jumprelu".into()), None, Some(true), 0));
    }

    #[test]
    fn the_version_may_stand_in_the_metadata() {
        let new = json!({"architecture": "topk", "k": 5, "metadata": {"sae_lens_version": "6.0.0-rc.1"}});
        assert_eq!(read(&new), (Some("topk".into()), Some(5), Some(true), 0));
        // Since version 6 an activation function of old does not count.
        let new = json!({"architecture": "standard", "sae_lens_version": "6.2", "activation_fn": "topk",
            "activation_fn_kwargs": {"k": 5}, "apply_b_dec_to_input": false});
        assert_eq!(read(&new), (Some("standard".into()), None, Some(false), 0));
    }

    #[test]
    fn the_place_is_found_under_its_old_names() {
        let config = json!({"hook_point": "blocks.3.hook_mlp_out", "model_name": "gpt2-small", "lr": 0.1});
        let config = Config::new(&config, &mut Vec::new());
        assert_eq!((config.hook().as_deref(), config.layer()), (Some("blocks.3.hook_mlp_out"), Some(3)));
        let origin = config.origin();
        assert!(origin.contains_key("model_name") && !origin.contains_key("lr"));
        assert_eq!(origin["prepend_bos"], true);
    }
}
