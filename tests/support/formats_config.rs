//! What configurations and users say of a dictionary: defaults, contradictions, and what nobody says.

use super::files::{Array, array, read, saelens, safetensors, transposed, values};
use super::{
    D, F, Folder, assert_same_matrices, decoder, encoder, failure_with, four, open_plain, threshold, v6, with,
};
use saescope::container::Dtype;
use saescope::sae::{Activation, Normalize, OpenOptions, open};
use serde_json::{Value, json};

#[test]
fn configurations_before_version_6_keep_their_meaning() {
    let folder = Folder::new();
    let open_as = |name: &str, config: Value| {
        saelens(&folder.path(name), &safetensors(&four(), Dtype::F32), &config);
        open_plain(&folder.path(name)).info
    };
    let info = open_as(
        "topk",
        json!({"architecture": "standard", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 5}, "d_in": D,
            "d_sae": F, "dtype": "torch.float32", "model_name": "gpt2-small", "hook_name": "blocks.8.attn.hook_z",
            "hook_layer": 8, "apply_b_dec_to_input": false, "normalize_activations": "layer_norm",
            "sae_lens_training_version": "3.12.0"}),
    );
    assert_eq!(info.activation, Activation::TopK { k: 5, negatives: false });
    assert_eq!((info.subtract_b_dec, info.layer), (Some(false), Some(8)));
    assert_eq!(info.normalize, Normalize::LayerNorm { unbiased: true });
    assert_eq!(info.warnings, Vec::<String>::new());
    let info = open_as(
        "oldest",
        json!({"d_in": D, "d_sae": F, "hook_point": "blocks.2.hook_resid_pre", "hook_point_layer": 2,
            "normalize_activations": true}),
    );
    assert_eq!((info.activation, info.subtract_b_dec), (Activation::Relu, Some(true)));
    assert_eq!((info.hook.as_deref(), info.layer), (Some("blocks.2.hook_resid_pre"), Some(2)));
    assert_eq!(info.normalize, Normalize::Scale(None));
    for words in ["b_dec is subtracted", "scale:FACTOR", "taken as standard"] {
        assert!(info.warnings.iter().any(|w| w.contains(words)), "{words}: {:?}", info.warnings);
    }
    let settled =
        OpenOptions { subtract_b_dec: Some(false), normalize: Some(Normalize::None), ..OpenOptions::default() };
    let info = open(&folder.path("oldest"), &settled).unwrap().info;
    assert!(!info.warnings.iter().any(|w| w.contains("b_dec is subtracted") || w.contains("FACTOR")), "{info:?}");
}

#[test]
fn what_is_no_configuration_of_saelens_is_not_read_as_one() {
    let folder = Folder::new();
    for (i, config) in [
        json!({}),
        json!({"model_type": "llama"}),
        json!({"k": 5, "activation": "topk"}),
        json!({"architecture": 5}),
        json!([1, 2]),
        json!("text"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path(&i.to_string());
        saelens(&path, &safetensors(&four(), Dtype::F32), &config);
        let info = open_plain(&path).info;
        assert_eq!((&info.activation, info.subtract_b_dec), (&Activation::Unknown, None), "{config}");
        assert_eq!(info.normalize, Normalize::Unstated, "{config}");
        assert!(info.warnings.iter().any(|w| w.contains("was not used")), "{config}: {:?}", info.warnings);
    }
    // Top-k is never taken for ReLU, and `--k` settles it.
    for kwargs in [json!({}), json!({"k": "5"}), json!({"k": -5}), json!({"k": 1e300}), json!({"k": F + 1})] {
        let config = json!({"activation_fn_str": "topk", "activation_fn_kwargs": kwargs});
        saelens(&folder.path("topk"), &safetensors(&four(), Dtype::F32), &config);
        assert_eq!(open_plain(&folder.path("topk")).info.activation.describe(), "topk, k missing", "{config}");
        let settled = OpenOptions { k: Some(2), ..OpenOptions::default() };
        let settled = open(&folder.path("topk"), &settled).unwrap().info.activation;
        assert_eq!(settled, Activation::TopK { k: 2, negatives: false });
    }
}

#[test]
fn a_configuration_as_python_writes_it_is_read() {
    let folder = Folder::new();
    saelens(&folder.path("p"), &safetensors(&four(), Dtype::F32), &v6("standard"));
    let config = v6("standard").to_string();
    let odd =
        format!("\u{feff}{}", config.replacen('{', "{\"lr\": NaN, \"low\": -Infinity, \"note\": \"\\ud800\", ", 1));
    std::fs::write(folder.path("p/cfg.json"), odd).unwrap();
    let info = open_plain(&folder.path("p")).info;
    assert_eq!((&info.activation, info.model.as_deref()), (&Activation::Relu, Some("gpt2")));
}

#[test]
fn sizes_of_the_configuration_break_ties_and_no_more() {
    let folder = Folder::new();
    let matrices: Vec<Array> = four().into_iter().filter(|a| a.name.starts_with('W')).collect();
    let turned: Vec<Array> = matrices.iter().map(transposed).collect();
    for arrays in [matrices, turned] {
        saelens(&folder.path("t"), &safetensors(&arrays, Dtype::F32), &v6("standard"));
        let dictionary = open_plain(&folder.path("t"));
        assert_eq!(read(&dictionary.decoder), decoder().values);
        assert_eq!(read(dictionary.encoder.as_ref().unwrap()), encoder().values);
    }
    let mut wrong = v6("standard");
    (wrong["d_sae"], wrong["d_in"]) = (9.into(), 8.into());
    saelens(&folder.path("w"), &safetensors(&four(), Dtype::F32), &wrong);
    let dictionary = open_plain(&folder.path("w"));
    assert_same_matrices(&dictionary);
    for words in ["d_sae is 9, but the tensors say 6", "d_in is 8, but the tensors say 4"] {
        assert!(dictionary.info.warnings.iter().any(|w| w.contains(words)), "{:?}", dictionary.info.warnings);
    }
}

#[test]
fn the_user_overrules_and_the_parts_of_the_file_stay() {
    let folder = Folder::new();
    let mut config = v6("topk");
    config["k"] = 3.into();
    config["rescale_acts_by_decoder_norm"] = true.into();
    let gate = ["b_gate", "b_mag", "r_mag"].map(|name| array(name, &[F], values(F, name.len())));
    let all = [with(&[threshold()]), gate.to_vec()].concat();
    saelens(&folder.path("a"), &safetensors(&all, Dtype::F32), &config);
    let taken = |name: &str| {
        let options = OpenOptions { arch: Some(name.into()), ..OpenOptions::default() };
        open(&folder.path("a"), &options).unwrap().info
    };
    let expected: Vec<f32> = threshold().values.iter().map(|&x| x as f32).collect();
    let info = taken("jumprelu");
    assert_eq!(info.activation, Activation::JumpRelu { threshold: expected.clone() });
    assert_eq!(info.warnings, ["the files say topk; taken as jumprelu, as --arch says"]);
    assert_eq!(taken("gated").activation.name(), "gated");
    assert_eq!(taken("abstopk").activation, Activation::AbsTopK { k: 3 });
    assert_eq!(taken("batchtopk").activation, Activation::BatchTopK { k: Some(3), threshold: Some(expected) });
}

#[test]
fn normalisations_are_read_and_overruled() {
    let folder = Folder::new();
    let open_as = |value: Value, options: &OpenOptions| {
        let mut config = v6("standard");
        config["normalize_activations"] = value;
        config["metadata"]["norm_scaling_factor"] = 0.25.into();
        saelens(&folder.path("n"), &safetensors(&four(), Dtype::F32), &config);
        open(&folder.path("n"), options).map(|dictionary| dictionary.info.normalize)
    };
    let plain = OpenOptions::default();
    for (value, expected) in [
        (Value::Null, Normalize::None),
        (false.into(), Normalize::None),
        ("none".into(), Normalize::None),
        ("expected_average_only_in".into(), Normalize::Scale(Some(0.25))),
        ("constant_norm_rescale".into(), Normalize::ConstantNorm),
        ("layer_norm".into(), Normalize::LayerNorm { unbiased: true }),
    ] {
        assert_eq!(open_as(value, &plain).unwrap(), expected);
    }
    for unknown in ["odd", "covariance_whitening"] {
        assert_eq!(open_as(unknown.into(), &plain).unwrap(), Normalize::Unsupported);
        let warnings = open_plain(&folder.path("n")).info.warnings;
        assert!(warnings.iter().any(|w| w.contains("encoding needs --normalize")), "{warnings:?}");
    }
    let chosen = OpenOptions { normalize: Some("none".parse().unwrap()), ..plain };
    assert_eq!(open_as("odd".into(), &chosen).unwrap(), Normalize::None);
}

#[test]
fn tensors_without_a_configuration_open_with_what_they_tell() {
    let folder = Folder::new();
    let jump = folder.write("jump/sae_weights.safetensors", safetensors(&with(&[threshold()]), Dtype::F32));
    let info = open_plain(&jump).info;
    assert_eq!((info.activation.name(), info.subtract_b_dec), ("jumprelu", None));
    assert!(info.warnings.iter().any(|w| w.contains("by its threshold")));
    let plain = folder.write("plain/anything.safetensors", safetensors(&four(), Dtype::F32));
    let info = open_plain(&plain).info;
    assert_eq!((&info.activation, info.model.as_deref(), info.layer), (&Activation::Unknown, None, None));
    assert!(info.warnings.iter().any(|w| w.contains("--arch")));
    assert!(info.warnings.iter().any(|w| w.contains("--subtract-b-dec")));
    let options = OpenOptions { arch: Some("topk".into()), k: Some(2), ..OpenOptions::default() };
    let chosen = OpenOptions { subtract_b_dec: Some(true), ..options };
    let info = open(&plain, &chosen).unwrap().info;
    assert_eq!(info.activation, Activation::TopK { k: 2, negatives: false });
    assert_eq!(info.subtract_b_dec, Some(true));
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let folder = Folder::new();
    let path = folder.write("w.safetensors", safetensors(&four(), Dtype::F32));
    let plain = OpenOptions::default();
    let arch = |name: &str| OpenOptions { arch: Some(name.into()), ..OpenOptions::default() };
    for (options, words) in [
        (arch("topk"), "no k for --arch topk"),
        (arch("jumprelu"), "no threshold for --arch jumprelu"),
        (arch("gated"), "no gate"),
        (arch("sigmoid"), "expected relu, topk"),
        (OpenOptions { k: Some(0), ..arch("topk") }, "between 1 and"),
        (OpenOptions { k: Some(F + 1), ..arch("topk") }, "between 1 and"),
        (OpenOptions { k: Some(2), ..arch("relu") }, "--k means nothing for relu"),
        (OpenOptions { threshold: Some(1.0), ..arch("topk") }, "--threshold means nothing"),
        (OpenOptions { threshold: Some(f32::NAN), ..arch("jumprelu") }, "finite"),
        (
            OpenOptions { format: Some("nope".into()), ..plain.clone() },
            "no format is called nope; expected one of gemma-scope, ",
        ),
        (OpenOptions { format: Some("matrix".into()), ..plain.clone() }, "not one matrix"),
        (OpenOptions { format: Some("gemma-scope".into()), ..plain.clone() }, "no array threshold"),
        (OpenOptions { pick: Some("x".into()), ..plain.clone() }, "nothing to pick x from"),
    ] {
        let error = failure_with(&path, &options);
        assert!(error.contains(words), "{options:?}: {error}");
    }
}
