//! SAELens: a folder with `sae_weights.safetensors` and `cfg.json`, and other files with the same tensor names.
//!
//! Tensors `W_enc [d, F]`, `W_dec [F, d_out]`, `b_enc [F]`, `b_dec [d_out]`, and by architecture `threshold`,
//! `log_threshold`, `b_gate`, `b_mag`, `r_mag`, `W_skip [d_out, d]`. The configuration is that of version 6 and later,
//! or the flat one before it, read by the rules of `handle_pre_6_0_config` (SAELens 6.54,
//! `sae_lens/loading/pretrained_sae_loaders.py`): `activation_fn_str` of `topk` makes the architecture top-k, a missing
//! architecture is `standard`, and a missing `apply_b_dec_to_input` means true. These defaults hold only for what is
//! recognisably a configuration of SAELens, and are told where they are used. Without one the tensors alone are
//! believed. Matrices stay mapped; vectors are read.

use super::build::{self, Facts, Place, Weights};
use super::layout::{self, Expect};
use super::{Format, count, flag, four, layer_of, text, whole};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::{CodeNorm, Dictionary, Kind, NormOver, NormRole, Normalize};
use crate::sae::open::OpenOptions;
use crate::text::{clip, thousands};
use serde_json::{Map, Value};

pub(super) const FORMAT: Format = Format {
    name: "saelens",
    about: "SAELens folder: sae_weights.safetensors and cfg.json of version 6 or before; or the same tensors alone",
    parts: super::one,
    place,
    detect: |source| source.has("W_dec") && (source.has("W_enc") || source.config.as_ref().is_some_and(has_sizes)),
    load,
};

/// Whether a configuration states the size of a dictionary as SAELens does, so that a decoder beside it is its own.
fn has_sizes(config: &Value) -> bool {
    config.get("d_sae").is_some() || version(config).is_some()
}

/// Whether a configuration is one of SAELens: only then its defaults are SAELens'.
fn is_saelens(config: &Value) -> bool {
    const OLD: &[&str] = &["hook_point", "hook_name", "activation_fn", "activation_fn_str", "activation_fn_kwargs"];
    has_sizes(config) || OLD.iter().any(|key| config.get(key).is_some())
}

fn version(config: &Value) -> Option<String> {
    text(config, &["sae_lens_version"]).or_else(|| text(config.get("metadata")?, &["sae_lens_version"]))
}

/// A value of the configuration in a message.
fn shown(value: &Value) -> String {
    clip(&value.to_string(), 60)
}

/// What the configuration says, whichever version wrote it.
struct Config<'a> {
    all: &'a Value,
    /// Where model and hook stand: `metadata` since version 6, the whole before.
    place: &'a Value,
    /// Whether it is of version 6 or later.
    new: bool,
}

impl<'a> Config<'a> {
    /// The configuration, if it is one of SAELens.
    fn of(all: &'a Value) -> Option<Self> {
        let major = version(all).and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        let place = all.get("metadata").filter(|metadata| metadata.is_object()).unwrap_or(all);
        is_saelens(all).then_some(Self { all, place, new: major.is_some_and(|major| major >= 6) })
    }
    /// The name of the architecture.
    fn architecture(&self, warnings: &mut Vec<String>) -> Option<String> {
        let function = text(self.all, &["activation_fn_str", "activation_fn"]).filter(|_| !self.new);
        match function.as_deref() {
            Some("topk") => return Some("topk".into()),
            Some("relu") | None => {}
            Some(other) => warnings.push(format!(
                "the configuration names the activation function {}, which SAELens ignores",
                clip(other, 60)
            )),
        }
        match self.all.get("architecture") {
            Some(Value::String(name)) => Some(name.clone()),
            Some(Value::Null) | None if self.new => None,
            Some(Value::Null) | None => {
                if function.as_deref() != Some("relu") {
                    warnings.push(
                        "the configuration names no architecture: taken as standard (relu), as SAELens takes old ones"
                            .into(),
                    );
                }
                Some("standard".into())
            }
            Some(other) => {
                warnings.push(format!("the architecture is {}, which is no name", shown(other)));
                None
            }
        }
    }
    fn k(&self, warnings: &mut Vec<String>) -> Option<usize> {
        let old = || self.all.get("activation_fn_kwargs")?.get("k");
        let value = if self.new { None } else { old() }.or_else(|| self.all.get("k"))?;
        let k = whole(value);
        if k.is_none() && !value.is_null() {
            warnings.push(format!("the configuration says that k is {}, which is no count", shown(value)));
        }
        k
    }
    /// Whether `b_dec` is subtracted; `matters` unless the user says or there is nothing to subtract.
    fn subtract_b_dec(&self, matters: bool, warnings: &mut Vec<String>) -> Option<bool> {
        match self.all.get("apply_b_dec_to_input") {
            Some(Value::Bool(subtract)) => Some(*subtract),
            Some(Value::Null) | None => {
                if matters {
                    warnings.push(
                        "b_dec is subtracted before encoding: the configuration does not say, and SAELens takes it so"
                            .into(),
                    );
                }
                Some(true)
            }
            Some(other) => {
                let other = shown(other);
                warnings.push(format!("apply_b_dec_to_input is {other}, which is neither true nor false"));
                None
            }
        }
    }
    fn hook(&self) -> Option<String> {
        text(self.place, &["hook_name", "hook_point"])
    }
    fn layer(&self) -> Option<usize> {
        count(self.place, &["hook_layer", "hook_point_layer"]).or_else(|| layer_of(&self.hook()?))
    }
    /// Everything about the origin: metadata since version 6, the keys that became metadata before; and how the
    /// activations of attention heads are reshaped, where it is stated.
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
        let mut origin: Map<String, Value> = if std::ptr::eq(self.place, self.all) {
            place.iter().filter(|(k, _)| KEYS.contains(&k.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
        } else {
            place.clone()
        };
        if !self.new {
            // SAELens' own default for configurations of that time.
            origin.entry("prepend_bos").or_insert(Value::Bool(true));
        }
        // The default of the configuration class since version 6; before, the name of the hook decided.
        let reshape = text(self.all, &["reshape_activations"]).or_else(|| self.new.then(|| "none".into()));
        if let Some(reshape) = reshape {
            origin.insert("reshape_activations".into(), reshape.into());
        }
        origin
    }
    fn normalize(&self, warnings: &mut Vec<String>) -> Normalize {
        match self.all.get("normalize_activations") {
            None | Some(Value::Null | Value::Bool(false)) => Normalize::None,
            Some(Value::Bool(true)) => self.scale(warnings),
            Some(value) => match value.as_str() {
                Some("none") => Normalize::None,
                Some("expected_average_only_in" | "constant_scalar_rescale") => self.scale(warnings),
                Some("constant_norm_rescale") => Normalize::ConstantNorm,
                Some("layer_norm") => Normalize::LayerNorm { unbiased: true },
                Some("covariance_whitening") => {
                    warnings.push("trained on whitened activations: its directions lie in the whitened space".into());
                    Normalize::Unsupported
                }
                _ => {
                    warnings.push(format!("normalize_activations is {}, which is not known", shown(value)));
                    Normalize::Unsupported
                }
            },
        }
    }
    fn scale(&self, warnings: &mut Vec<String>) -> Normalize {
        let keys = ["norm_scaling_factor", "activation_normalization_factor"];
        let stated = keys.iter().find_map(|key| self.all.get(key).or_else(|| self.place.get(key)));
        let scale = stated.and_then(Value::as_f64).and_then(Normalize::scale);
        if let (None, Some(stated)) = (scale, stated.filter(|stated| !stated.is_null())) {
            warnings.push(format!("the factor that scales inputs is {}, which is no positive number", shown(stated)));
        }
        scale.unwrap_or(Normalize::Scale(None))
    }
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let config = source.config.as_ref().and_then(Config::of);
    if config.is_none() && source.config.is_some() {
        warnings.push("the configuration beside it is not one of SAELens; it was not used".into());
    }
    let length = |name: &str| layout::length(source, name);
    let stated = |key: &str| config.as_ref().and_then(|config| count(config.all, &[key]));

    let per_feature = ["b_enc", "b_gate", "b_mag", "threshold", "log_threshold"];
    let features = per_feature.iter().find_map(|name| length(name).filter(|&n| n > 1 || *name == "b_enc"));
    let tensor = source.tensor("W_dec")?;
    let expect = Expect {
        features,
        width: length("b_dec"),
        stated: (stated("d_sae"), stated("d_out").or_else(|| stated("d_in"))),
        in_rows: true,
        transpose: options.transpose,
    };
    let decoder = layout::orient(&tensor, &expect, &mut warnings)?;
    let encoder = if source.has("W_enc") {
        // A transcoder's input may be of another width than its output, and only the configuration knows it.
        let stated = (None, stated("d_in"));
        let expect = Expect {
            features: Some(decoder.nrows()),
            width: None,
            stated,
            in_rows: false,
            transpose: options.transpose,
        };
        Some(layout::orient(&source.tensor("W_enc")?, &expect, &mut warnings)?)
    } else {
        None
    };
    match &encoder {
        Some(encoder) => layout::check_square(&decoder, encoder, &mut warnings),
        None => warnings.push("a decoder alone: there is no encoder (W_enc) to encode with".into()),
    }
    let (features, d_out) = (decoder.nrows(), decoder.ncols());
    let d_model = encoder.as_ref().map_or(d_out, Rows::ncols);
    for (key, found) in [("d_sae", features), ("d_in", d_model), ("d_out", d_out)] {
        if let Some(said) = stated(key).filter(|&said| said != found) {
            let (said, found) = (thousands(said as u64), thousands(found as u64));
            warnings.push(format!("the configuration says {key} is {said}, but the tensors say {found}"));
        }
    }
    let mut vector = |name: &str, length: usize| {
        if source.has(name) { layout::vector(source, name, Some(length), &mut warnings) } else { Ok(Vec::new()) }
    };
    let (b_enc, b_dec) = (vector("b_enc", features)?, vector("b_dec", d_out)?);
    let gate = four::gate(source, features, &mut warnings)?;
    let threshold =
        build::threshold(source, &["threshold", "log_threshold", "topk_threshold"], features, &mut warnings)?;
    let architecture = config.as_ref().and_then(|config| config.architecture(&mut warnings));
    let skip = if source.has("W_skip") {
        let expect = Expect { features: Some(d_out), width: Some(d_model), in_rows: true, ..Expect::default() };
        Some(layout::orient(&source.tensor("W_skip")?, &expect, &mut warnings)?)
    } else {
        None
    };
    let named = architecture.as_deref().is_some_and(|name| name.ends_with("transcoder"));
    let transcoder = named || skip.is_some() || d_model != d_out;
    let by_norm = config.as_ref().and_then(|c| flag(c.all, "rescale_acts_by_decoder_norm")).unwrap_or(false);
    let parts = Parts {
        stated: architecture,
        k: config.as_ref().and_then(|config| config.k(&mut warnings)),
        threshold,
        gate,
        ..Parts::default()
    };
    scaling_factor(source, &mut warnings)?;
    let subtract_b_dec = if transcoder {
        // SAELens never subtracts a transcoder's b_dec: it belongs to the output.
        Some(false)
    } else {
        let matters = options.subtract_b_dec.is_none() && encoder.is_some() && b_dec.iter().any(|&b| b != 0.0);
        config.as_ref().and_then(|config| config.subtract_b_dec(matters, &mut warnings))
    };
    let normalize = config.as_ref().map_or(Normalize::Unstated, |config| config.normalize(&mut warnings));
    let weights = Weights { encoder, b_enc, b_dec, skip, ..Weights::of(vec![decoder], tensor.dtype()) };
    let facts = Facts {
        kind: if transcoder { Kind::Transcoder } else { Kind::Sae },
        parts,
        code_norm: by_norm.then_some(CodeNorm { role: NormRole::Kept, over: NormOver::Joint }),
        normalize,
        subtract_b_dec,
        ..Facts::plain(FORMAT.name, place(source), warnings)
    };
    build::dictionary(source, options, weights, facts)
}

fn place(source: &Source) -> Place {
    let Some(config) = source.config.as_ref().and_then(Config::of) else { return Place::default() };
    let model = text(config.place, &["model_name"]);
    Place { origin: config.origin(), ..Place::new(model, config.hook(), config.layer()) }
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

    /// Architecture, k, and whether b_dec is subtracted, with the number of warnings.
    fn read(config: &Value) -> (Option<String>, Option<usize>, Option<bool>, usize) {
        let mut warnings = Vec::new();
        let config = Config::of(config).expect("one of SAELens");
        let (architecture, k) = (config.architecture(&mut warnings), config.k(&mut warnings));
        (architecture, k, config.subtract_b_dec(true, &mut warnings), warnings.len())
    }

    #[test]
    fn old_configurations_follow_the_rules_of_their_time() {
        let topk = json!({"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 32}, "architecture": "standard"});
        assert_eq!(read(&topk), (Some("topk".into()), Some(32), Some(true), 1));
        let older = json!({"activation_fn": "topk", "activation_fn_kwargs": {"k": 8}, "apply_b_dec_to_input": false});
        assert_eq!(read(&older), (Some("topk".into()), Some(8), Some(false), 0));
        let plain = json!({"hook_point": "blocks.3.hook_mlp_out", "hook_point_layer": 3});
        assert_eq!(read(&plain), (Some("standard".into()), None, Some(true), 2));
        let relu = json!({"d_sae": 6, "activation_fn_str": "relu", "apply_b_dec_to_input": true});
        assert_eq!(read(&relu), (Some("standard".into()), None, Some(true), 0));
        let early = json!({"sae_lens_version": "5.11.0", "architecture": "jumprelu", "apply_b_dec_to_input": true});
        assert_eq!(read(&early), (Some("jumprelu".into()), None, Some(true), 0));
    }

    #[test]
    fn top_k_without_its_k_is_never_something_else() {
        for k in [json!({}), json!({"k": "5"}), json!({"k": 2.5}), json!({"k": -5})] {
            let config = json!({"activation_fn_str": "topk", "activation_fn_kwargs": k, "apply_b_dec_to_input": true});
            let (architecture, k, _, _) = read(&config);
            assert_eq!((architecture.as_deref(), k), (Some("topk"), None));
        }
    }

    #[test]
    fn the_version_may_stand_in_the_metadata() {
        let new = json!({"architecture": "topk", "k": 5, "apply_b_dec_to_input": true,
            "metadata": {"sae_lens_version": "6.0.0-rc.1"}});
        assert_eq!(read(&new), (Some("topk".into()), Some(5), Some(true), 0));
        // Since version 6 an activation function of old does not count.
        let new = json!({"architecture": "standard", "sae_lens_version": "6.2", "activation_fn": "topk",
            "activation_fn_kwargs": {"k": 5}, "apply_b_dec_to_input": false});
        assert_eq!(read(&new), (Some("standard".into()), None, Some(false), 0));
    }

    #[test]
    fn what_a_new_configuration_leaves_out_is_said() {
        let version = json!({"sae_lens_version": "6.0.0"});
        assert_eq!(read(&json!({"metadata": version, "architecture": "standard"})).2, Some(true));
        assert_eq!(read(&json!({"metadata": version, "architecture": "standard"})).3, 1);
        let text = json!({"metadata": version, "architecture": 5, "apply_b_dec_to_input": "false"});
        assert_eq!(read(&text), (None, None, None, 2));
    }

    #[test]
    fn configurations_of_others_are_none() {
        for other in [
            json!({}),
            json!({"model_type": "llama"}),
            json!({"k": 5, "activation": "topk"}),
            json!({"architecture": 5}),
            json!({"architecture": "topk", "k": 5}),
        ] {
            assert!(Config::of(&other).is_none(), "{other}");
        }
    }

    #[test]
    fn the_place_is_found_under_its_old_names() {
        let config = json!({"hook_point": "blocks.3.hook_mlp_out", "model_name": "gpt2-small", "lr": 0.1});
        let config = Config::of(&config).unwrap();
        assert_eq!((config.hook().as_deref(), config.layer()), (Some("blocks.3.hook_mlp_out"), Some(3)));
        let origin = config.origin();
        assert!(origin.contains_key("model_name") && !origin.contains_key("lr"));
        assert_eq!(origin["prepend_bos"], true);
        assert!(!origin.contains_key("reshape_activations"));
    }

    #[test]
    fn a_factor_that_is_none_is_said_and_not_used() {
        for (factor, scale) in
            [(json!(0.25), Some(0.25)), (json!(0), None), (json!(-3), None), (json!(1e300), None), (json!("x"), None)]
        {
            let config = json!({"d_sae": 6, "normalize_activations": true, "norm_scaling_factor": factor});
            let mut warnings = Vec::new();
            let found = Config::of(&config).unwrap().normalize(&mut warnings);
            assert_eq!((found, warnings.len()), (Normalize::Scale(scale), usize::from(scale.is_none())), "{factor}");
        }
    }
}
