//! Which format takes a source for its own where the marks of several are there, or few; and what it then makes of it.

use super::{recognise, unrecognised};
use crate::container::Dtype;
use crate::container::safetensors::{TensorSpec, write_safetensors};
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Kind, Normalize};
use crate::sae::open::OpenOptions;
use serde_json::{Value, json};

/// Features and width.
const F: usize = 5;
const D: usize = 3;

/// A source of that name with these tensors, every value different, and this configuration.
fn source(name: &str, tensors: &[(&str, &[usize])], config: &Value) -> Source {
    let specs: Vec<TensorSpec> = tensors.iter().map(|(name, shape)| TensorSpec::new(name, Dtype::F32, shape)).collect();
    let mut bytes = Vec::new();
    let mut next = 0.0f32;
    write_safetensors(&mut bytes, &specs, |i, out| {
        for _ in 0..tensors[i].1.iter().product::<usize>() {
            next += 0.25;
            out.write_all(&next.to_le_bytes())?;
        }
        Ok(())
    })
    .unwrap();
    Source::from_bytes(name, &bytes.into(), &config.to_string()).unwrap()
}

const FOUR: [(&str, &[usize]); 4] = [("W_enc", &[D, F]), ("W_dec", &[F, D]), ("b_enc", &[F]), ("b_dec", &[D])];
const LINEAR: [(&str, &[usize]); 3] =
    [("encoder.weight", &[F, D]), ("encoder.bias", &[F]), ("decoder.weight", &[D, F])];

fn with<'a>(all: &[(&'a str, &'a [usize])], more: &[(&'a str, &'a [usize])]) -> Vec<(&'a str, &'a [usize])> {
    [all, more].concat()
}

fn name(source: &Source) -> &'static str {
    recognise(source).map_or("none", |format| format.name)
}

fn load(source: &Source) -> Dictionary {
    let format = recognise(source).unwrap_or_else(|| panic!("{}", unrecognised(source)));
    (format.load)(source, &OpenOptions::default()).unwrap()
}

fn warns(dictionary: &Dictionary, words: &str) -> bool {
    dictionary.info.warnings.iter().any(|warning| warning.contains(words))
}

fn batchtopk(more: &Value) -> Value {
    let mut config = json!({"sae_type": "topk", "act_size": D, "dict_size": F, "top_k": 2});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

#[test]
fn the_marks_of_a_trainer_decide_between_equal_tensors() {
    let saelens = json!({"d_sae": F, "architecture": "standard", "model_class_name": "HookedTransformer",
        "hook_name": "blocks.3.hook_resid_pre", "activation_fn": "relu", "apply_b_dec_to_input": true});
    let prisma = json!({"d_sae": F, "layer_subtype": "hook_resid_post", "hook_point_layer": 3});
    let oldest = json!({"hook_point": "blocks.3.ln2.hook_normalized", "is_transcoder": true, "d_sae": F,
        "out_hook_point": "blocks.3.hook_mlp_out"});
    let attention = json!({"act_name": "blocks.3.attn.hook_z", "act_size": D, "dict_mult": 2});
    for (config, expected) in [
        (saelens.clone(), "saelens"),
        (prisma.clone(), "vit-prisma"),
        (json!({"model_class_name": "HookedViT", "d_sae": F}), "vit-prisma"),
        (attention, "connor-rob"),
        (batchtopk(&json!({})), "batchtopk"),
        // One of them alone is a word that others use too.
        (json!({"sae_type": "topk", "d_sae": F}), "saelens"),
        (json!({"schema": 5, "cfg": {}}), "saev"),
        (json!({"d_vit": D, "exp_factor": 2}), "saev"),
        (json!({"exp_factor": 2, "d_sae": F}), "saelens"),
        (json!({}), "saelens"),
    ] {
        assert_eq!(name(&source("sae.safetensors", &FOUR, &config)), expected, "{config}");
    }
    let out = with(&FOUR, &[("b_dec_out", &[D])]);
    for (config, expected) in
        [(oldest, "transcoder-circuits"), (json!({}), "transcoder-circuits"), (prisma, "vit-prisma")]
    {
        let found = load(&source("sae.safetensors", &out, &config));
        assert_eq!((found.info.format, found.info.kind), (expected, Kind::Transcoder), "{config}");
        assert_eq!((found.pre_bias.len(), found.info.subtract_b_dec), (D, Some(true)));
    }
}

#[test]
fn linear_layers_are_of_whom_their_other_tensors_or_the_file_name_say() {
    let trainer = json!({"trainer": {"dict_class": "AutoEncoder", "lm_name": "gpt2"}});
    let bias = with(&LINEAR, &[("bias", &[D])]);
    let factor = with(&bias, &[("activation_rescale_factor", &[F])]);
    assert_eq!(name(&source("ae.safetensors", &bias, &trainer)), "dictionary-learning");
    assert_eq!(name(&source("ae.safetensors", &factor, &trainer)), "interplm");
    let first = load(&source("layer_6/ae_unnormalized.safetensors", &bias, &json!({})));
    assert_eq!((first.info.format, first.info.layer, first.info.code_norm), ("interplm", Some(6), None));
    let open =
        load(&source("ae.safetensors", &with(&LINEAR, &[("b_dec", &[D]), ("normalize_to_sqrt_d", &[])]), &json!({})));
    assert_eq!((open.info.activation.name(), open.info.normalize), ("unknown", Normalize::ConstantNorm));
    assert!(warns(&open, "--arch topk or --arch batchtopk"));
}

#[test]
fn names_of_one_letter_need_company() {
    let tied: [(&str, &[usize]); 3] = [("W", &[D, F]), ("b_enc", &[F]), ("b_dec", &[D])];
    assert_eq!(name(&source("DeepSeek-R1-SAE-l37.safetensors", &tied, &json!({}))), "tied");
    assert_eq!(name(&source("x.safetensors", &with(&tied, &[("V", &[D, F])]), &json!({}))), "none");
    assert_eq!(
        name(&source("x.safetensors", &[("W", &[D, F]), ("b_enc", &[D]), ("b_dec", &[F])], &json!({}))),
        "matrix"
    );
    let temporal: [(&str, &[usize]); 2] = [("D", &[F, D]), ("b", &[1, D])];
    let attention = with(&temporal, &[("attn_layers.0.k_ctx.weight", &[F, F])]);
    let tied = load(&source("latest_ckpt.safetensors", &attention, &json!({})));
    assert_eq!((tied.info.format, tied.info.normalize), ("temporal", Normalize::Scale(None)));
    assert_eq!((tied.features(), tied.d_model(), tied.b_dec.len()), (F, D, D));
    assert_eq!(name(&source("x.safetensors", &temporal, &json!({}))), "none");
}

#[test]
fn batchtopk_never_takes_an_unknown_class_for_a_known_one() {
    let read = |more: Value| load(&source("sae.safetensors", &FOUR, &batchtopk(&more)));
    let plain = read(json!({}));
    assert_eq!((plain.info.activation.k(), plain.b_enc.len()), (Some(2), 0));
    assert_eq!(read(json!({"use_encoder_bias": true})).b_enc.len(), F);
    let other = read(json!({"activation": "abs"}));
    assert!(other.info.activation.name() == "unknown" && warns(&other, "topk of abs is not known"));
    let newer = read(json!({"sae_type": "global-matryoshka-topk"}));
    assert!(newer.info.activation.name() == "unknown" && warns(&newer, "global-matryoshka-topk is not known"));
    let tied = read(json!({"tied_weights": true}));
    assert!(warns(&tied, "tied_weights") && !warns(&plain, "tied_weights"));
    let (mut decoder, mut encoder) = ([0.0f32; D], [0.0f32; D]);
    crate::rows::Rows::read(&tied.decoder, 4..5, &mut decoder);
    crate::rows::Rows::read(tied.encoder.as_ref().unwrap(), 4..5, &mut encoder);
    assert_eq!(decoder, encoder);
}

#[test]
fn vit_prisma_has_defaults_of_its_own() {
    let read = |more: Value, tensors: &[(&str, &[usize])]| {
        let mut config =
            json!({"layer_subtype": "hook_resid_post", "hook_point_layer": 3, "activation_fn_str": "relu"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        load(&source("weights.safetensors", tensors, &config))
    };
    let layer_norm = Normalize::LayerNorm { unbiased: true };
    let unsaid = read(json!({}), &FOUR);
    assert!(unsaid.info.normalize == layer_norm && warns(&unsaid, "normalize_activations is not stated"));
    assert_eq!(read(json!({"normalize_activations": "none"}), &FOUR).info.normalize, Normalize::None);
    let gates = with(&FOUR, &[("b_gate", &[F]), ("r_mag", &[F]), ("b_mag", &[F])]);
    assert_eq!(read(json!({"architecture": "gated"}), &gates).info.activation.name(), "gated");
    let other = read(json!({"architecture": "standard", "activation_fn_str": "tanh-relu"}), &FOUR);
    assert!(other.info.activation.name() == "unknown" && warns(&other, "tanh-relu is not known"));
    let skip = with(&FOUR, &[("b_dec_out", &[D]), ("W_skip", &[D, D])]);
    assert!(read(json!({"is_transcoder": true}), &skip).skip.is_some());
}

#[test]
fn overcomplete_reads_an_encoder_only_where_it_is_one_matrix_and_relu() {
    let plain: [(&str, &[usize]); 3] = [
        ("dictionary._weights", &[F, D]),
        ("encoder.final_block.0.weight", &[F, D]),
        ("encoder.final_block.0.bias", &[F]),
    ];
    let read = |tensors: &[(&str, &[usize])], rest: Value| {
        let mut source = source("sae.safetensors", tensors, &json!({}));
        source.rest = rest;
        load(&source)
    };
    let class = |name: &str| json!({"__class__": format!("overcomplete.sae.{name}"), "top_k": 2});
    assert_eq!(read(&plain, class("base.SAE")).info.activation.name(), "relu");
    assert_eq!(read(&plain, class("topk_sae.TopKSAE")).info.activation.k(), Some(2));
    for stepwise in ["mp_sae.MpSAE", "qsae.QSAE"] {
        assert_eq!(read(&plain, class(stepwise)).info.activation.name(), "unknown", "{stepwise}");
    }
    assert_eq!(read(&plain, json!({"top_k": 2})).info.activation.name(), "unknown", "a state dict has no class");
    let jumps = read(&with(&plain, &[("thresholds", &[F])]), Value::Null);
    // The ninth value that is written is 0.25 times its place.
    let lowest = (0.25f32 * (F * D * 2 + F + 1) as f32).exp();
    assert_eq!(jumps.info.activation.threshold_range().map(|(low, _)| low), Some(lowest));
    let mut gelu = class("base.SAE");
    gelu["encoder"] = json!({"output_activation": "torch.nn.modules.activation.GELU"});
    let normed = with(&plain, &[("encoder.final_block.1.running_mean", &[F])]);
    for (what, found) in [("GELU", read(&plain, gelu)), ("running_mean", read(&normed, class("base.SAE")))] {
        assert!(found.encoder.is_none() && found.b_enc.is_empty() && warns(&found, what), "{what}");
    }
}

#[test]
fn e2e_sae_names_each_of_its_sites() {
    let parts = ["encoder.0.weight", "encoder.0.bias", "decoder.weight", "decoder.bias"];
    let shapes: [&[usize]; 4] = [&[F, D], &[F], &[D, F], &[D]];
    let places = ["blocks-2-hook_resid_pre", "blocks-2-hook_mlp-out", "hook_embed"];
    let names: Vec<String> = places.iter().flat_map(|place| parts.map(|part| format!("{place}.{part}"))).collect();
    let tensors: Vec<(&str, &[usize])> = names.iter().map(String::as_str).zip(shapes.into_iter().cycle()).collect();
    let config = json!({"tlens_model_name": "gpt2", "saes": {"sae_positions": ["blocks.2.hook_mlp-out", 5]}});
    let mut source = source("samples_40.safetensors", &tensors, &config);
    let format = recognise(&source).unwrap();
    let found = (format.parts)(&source);
    let hooks = ["blocks.2.hook_resid_pre", "blocks.2.hook_mlp-out", "hook_embed"];
    assert_eq!(found.iter().map(|(_, hook)| hook.as_str()).collect::<Vec<_>>(), hooks);
    for ((part, _), (hook, layer)) in found.into_iter().zip(hooks.into_iter().zip([Some(2), Some(2), None])) {
        source.part = Some(part);
        let info = load(&source).info;
        assert_eq!((format.name, info.hook.as_deref(), info.layer), ("e2e-sae", Some(hook), layer));
    }
}

#[test]
fn saev_takes_batch_top_k_by_its_schema() {
    let read = |schema: usize, class: &str| {
        let activation = json!({"cls": class, "params": {"top_k": 2}});
        load(&source("sae.safetensors", &FOUR, &json!({"schema": schema, "cfg": {"activation": activation}})))
    };
    for (schema, class, expected) in [
        (2, "BatchTopK", "topk 2, negative values kept"),
        (3, "BatchTopK", "batchtopk 2, threshold missing"),
        (4, "AbsBatchTopK", "unknown"),
    ] {
        assert_eq!(read(schema, class).info.activation.describe(), expected);
    }
    assert_eq!(read(4, "Relu").info.subtract_b_dec, Some(false));
    let before = load(&source("sae.safetensors", &FOUR, &json!({"d_vit": D, "exp_factor": 2})));
    assert_eq!((before.info.activation.name(), before.info.subtract_b_dec), ("relu", None));
}

#[test]
fn interprot_without_its_name_has_no_k() {
    let tensors: [(&str, &[usize]); 4] = [("w_enc", &[D, F]), ("w_dec", &[F, D]), ("b_enc", &[F]), ("b_pre", &[D])];
    let named = load(&source("l24_plm3_sae5_k4_100Kseqs.safetensors", &tensors, &json!({})));
    assert_eq!((named.info.activation.k(), named.info.layer), (Some(4), Some(24)));
    let renamed = load(&source("sae.safetensors", &tensors, &json!({})));
    assert_eq!((renamed.info.activation.describe().as_str(), renamed.info.layer), ("topk, k missing", None));
    let five = with(&tensors, &[("b_dec", &[D])]);
    assert_eq!(name(&source("sae.safetensors", &five, &json!({}))), "gemma-scope-2");
}

#[test]
fn what_only_the_tensors_of_many_trainers_tell_is_unknown() {
    let untold = |found: &Dictionary| {
        let info = &found.info;
        let told = (info.activation.name(), info.normalize, info.subtract_b_dec);
        assert_eq!(told, ("unknown", Normalize::Unstated, None), "{}", info.format);
    };
    let linear = with(&LINEAR, &[("decoder.bias", &[D])]);
    for (tensors, config) in [
        (&linear, json!({})),
        (&linear, json!({"activation": "topk", "k": 2})),
        (&LINEAR[..1].iter().chain(&LINEAR[2..]).copied().collect(), json!({})),
    ] {
        let found = load(&source("checkpoints/final.safetensors", tensors, &config));
        untold(&found);
        assert!(warns(&found, "Llama Scope and other trainers have these tensors"));
        assert_eq!((found.features(), found.d_out(), found.encoder.is_some()), (F, D, true));
    }
    let named = json!({"trainer": {"dict_class": "AutoEncoderNew"}});
    assert_eq!(load(&source("ae.safetensors", &linear, &named)).info.activation.name(), "relu");
    let lower: [(&str, &[usize]); 4] = [("w_enc", &[D, F]), ("w_dec", &[F, D]), ("b_enc", &[F]), ("b_dec", &[D])];
    assert_eq!(load(&source("x.safetensors", &lower, &json!({}))).info.activation.name(), "unknown");
}

#[test]
fn a_matryoshka_is_known_by_its_groups_and_any_class_by_its_name() {
    let groups = with(&FOUR, &[("k", &[]), ("threshold", &[]), ("group_sizes", &[2])]);
    let found = load(&source("ae.safetensors", &groups, &json!({})));
    assert_eq!((found.info.format, found.info.activation.name()), ("dictionary-learning", "batchtopk"));
    assert_eq!(found.info.subtract_b_dec, Some(true));
    // Thresholds of one family are like those of another, unless someone says whose they are.
    let jumps = source("ae.safetensors", &with(&FOUR, &[("threshold", &[F])]), &json!({}));
    assert_eq!(name(&jumps), "saelens");
    let own = super::by_name("dictionary-learning").unwrap();
    let found = (own.load)(&jumps, &OpenOptions::default()).unwrap();
    assert_eq!((found.info.activation.name(), found.info.subtract_b_dec), ("jumprelu", Some(false)));
}

#[test]
fn what_training_keeps_beside_a_state_dict_is_left_out() {
    let moments = ["optimizer.state.0.exp_avg", "optimizer.state.1.exp_avg"];
    for wrapper in ["model", "module", "net", "weights", "params", "sae_state_dict", "model._orig_mod", "ae"] {
        let names: Vec<String> = FOUR.iter().map(|(name, _)| format!("{wrapper}.{name}")).collect();
        let wrapped = names.iter().map(String::as_str).zip(FOUR.iter().map(|(_, shape)| *shape));
        let all: Vec<(&str, &[usize])> = wrapped.chain(moments.iter().map(|name| (*name, FOUR[0].1))).collect();
        let source = source("checkpoint.safetensors", &all, &json!({}));
        assert_eq!((name(&source), source.tensors.len()), ("saelens", 4), "{wrapper}");
    }
    // Of a language model, whose other matrices have no such name before them, nothing is taken.
    let other: [(&str, &[usize]); 2] = [("model.W_dec", &[F, D]), ("lm_head.weight", &[F, D])];
    assert_eq!(name(&source("model.safetensors", &other, &json!({}))), "none");
}

#[test]
fn sparsify_subtracts_unless_it_says_or_shows_that_it_transcodes() {
    let tensors: [(&str, &[usize]); 5] =
        [("encoder.weight", &[F, D]), ("encoder.bias", &[F]), ("W_dec", &[F, D]), ("b_dec", &[D]), ("W_skip", &[D, D])];
    let read = |more: Value| {
        let mut config = json!({"num_latents": F, "k": 2});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        load(&source("sae.safetensors", &tensors, &config))
    };
    assert_eq!(read(json!({"transcode": false})).info.subtract_b_dec, Some(true));
    assert_eq!(read(json!({"transcode": true})).info.subtract_b_dec, Some(false));
    let unsaid = read(json!({}));
    assert!(unsaid.info.subtract_b_dec == Some(false) && warns(&unsaid, "no configuration says transcode"));
    let targets = with(&tensors[..2], &[("W_decs.0", &[F, D]), ("W_decs.1", &[F, D])]);
    assert_eq!(load(&source("sae.safetensors", &targets, &json!({}))).info.kind, Kind::Clt);
}
