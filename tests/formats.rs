//! Every format with every element type, every way round, and everything that can be wrong with a file.

#[path = "support/formats_config.rs"]
mod configured;
#[path = "support/formats_convert.rs"]
mod converting;
#[path = "support/formats_damage.rs"]
mod damage;
#[path = "support/formats_files.rs"]
mod files;
#[path = "support/mutants.rs"]
mod mutants;

use files::{Array, array, npy, npz, read, saelens, safetensors, transposed, values, with_header};
use saescope::Error;
use saescope::container::{Bytes, Dtype};
use saescope::sae::find::{Found, look};
use saescope::sae::open::open_bytes;
use saescope::sae::{Activation, Dictionary, Kind, Normalize, OpenOptions, list, open};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Features, input width, output width.
const F: usize = 6;
const D: usize = 4;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn v6(architecture: &str) -> Value {
    json!({"architecture": architecture, "d_in": D, "d_sae": F, "dtype": "float32", "device": "cpu",
        "apply_b_dec_to_input": true, "normalize_activations": "none", "reshape_activations": "none",
        "metadata": {"sae_lens_version": "6.54.12", "model_name": "gpt2", "hook_name": "blocks.3.hook_resid_pre",
            "prepend_bos": true, "neuronpedia_id": "gpt2/3-res"}})
}

/// The decoder and encoder that every fixture holds, as rows of features.
fn decoder() -> Array {
    array("W_dec", &[F, D], values(F * D, 1))
}
fn encoder() -> Array {
    array("W_enc", &[F, D], values(F * D, 2))
}
fn four() -> Vec<Array> {
    let (b_enc, b_dec) = (array("b_enc", &[F], values(F, 3)), array("b_dec", &[D], values(D, 4)));
    vec![transposed(&encoder()), decoder(), b_enc, b_dec]
}
fn with(extra: &[Array]) -> Vec<Array> {
    [four(), extra.to_vec()].concat()
}
fn threshold() -> Array {
    array("threshold", &[F], (1..=F).map(|i| i as f64 / 4.0).collect())
}

/// The only dictionary that lies at a path.
fn one(path: &Path) -> PathBuf {
    match look(path).unwrap() {
        Found::One(located) => located.path,
        Found::Many(all) => panic!("{} dictionaries", all.len()),
    }
}

fn open_plain(path: &Path) -> Dictionary {
    open(path, &OpenOptions::default()).unwrap()
}
fn failure(path: &Path) -> String {
    failure_with(path, &OpenOptions::default())
}
fn failure_with(path: &Path, options: &OpenOptions) -> String {
    let error = open(path, options).expect_err("opened");
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}
fn assert_same_matrices(dictionary: &Dictionary) {
    assert_eq!(read(&dictionary.decoder), decoder().values);
    assert_eq!(read(dictionary.encoder.as_ref().unwrap()), encoder().values);
    assert_eq!(dictionary.b_enc.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(), values(F, 3));
    assert_eq!(dictionary.b_dec.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(), values(D, 4));
}

#[test]
fn a_saelens_folder_opens_in_every_element_type() {
    let folder = Folder::new();
    for dtype in [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::Bf16] {
        let path = folder.path(dtype.name());
        saelens(&path, &safetensors(&four(), dtype), &v6("standard"));
        let dictionary = open_plain(&path);
        assert_same_matrices(&dictionary);
        let info = &dictionary.info;
        assert_eq!((info.format, info.kind, info.dtype), ("saelens", Kind::Sae, dtype));
        assert_eq!((&info.activation, info.normalize), (&Activation::Relu, Normalize::None));
        assert_eq!((info.subtract_b_dec, info.layer), (Some(true), Some(3)));
        assert_eq!((info.model.as_deref(), info.hook.as_deref()), (Some("gpt2"), Some("blocks.3.hook_resid_pre")));
        assert_eq!(info.origin["neuronpedia_id"], "gpt2/3-res");
        assert_eq!(info.files.len(), 2);
        assert_eq!(info.warnings, Vec::<String>::new());
        assert!(dictionary.decoder.is_mapped() && dictionary.encoder.as_ref().unwrap().is_mapped());
    }
}

#[test]
fn each_architecture_of_version_6_is_read() {
    let folder = Folder::new();
    let open_as = |name: &str, config: Value, arrays: &[Array]| {
        let path = folder.path(name);
        saelens(&path, &safetensors(arrays, Dtype::F32), &config);
        open(&path, &OpenOptions::default())
    };
    let mut config = v6("topk");
    config["k"] = 3.into();
    config["rescale_acts_by_decoder_norm"] = true.into();
    let topk = open_as("topk", config.clone(), &four()).unwrap();
    assert_eq!(topk.info.activation, Activation::TopK { k: 3, negatives: false });
    config["architecture"] = "abstopk".into();
    let abstopk = open_as("abstopk", config, &four()).unwrap();
    assert_eq!(abstopk.info.activation, Activation::AbsTopK { k: 3 });

    let expected: Vec<f32> = threshold().values.iter().map(|&x| x as f32).collect();
    let jump = open_as("jumprelu", v6("jumprelu"), &with(&[threshold()])).unwrap();
    assert_eq!(jump.info.activation, Activation::JumpRelu { threshold: expected.clone() });
    let logs = array("log_threshold", &[F], threshold().values.iter().map(|x| x.ln()).collect());
    let jump = open_as("log", v6("jumprelu"), &with(&[logs])).unwrap();
    let Activation::JumpRelu { threshold: found } = jump.info.activation else { panic!("not jumprelu") };
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-6);
    }
    // What lacks a part opens all the same: geometry needs none of it.
    for (name, words) in [("jumprelu", "no threshold"), ("topk", "no k"), ("gated", "no gate")] {
        let incomplete = open_as("none", v6(name), &four()).unwrap();
        assert_same_matrices(&incomplete);
        assert_eq!(incomplete.info.activation.name(), name);
        assert!(incomplete.info.warnings[0].contains(words), "{:?}", incomplete.info.warnings);
    }

    let gate = ["b_gate", "b_mag", "r_mag"].map(|name| array(name, &[F], values(F, name.len())));
    let gated: Vec<Array> = with(&gate).into_iter().filter(|a| a.name != "b_enc").collect();
    let gated = open_as("gated", v6("gated"), &gated).unwrap();
    assert_eq!(gated.info.activation.name(), "gated");
    assert!(gated.b_enc.is_empty());
    assert_eq!(read(gated.encoder.as_ref().unwrap()), encoder().values);

    let other = open_as("other", v6("quantum"), &four()).unwrap();
    assert_eq!(other.info.activation, Activation::Unknown);
    assert!(other.info.warnings[0].contains("quantum"));
    let pursuit: Vec<Array> = four().into_iter().filter(|a| matches!(a.name.as_str(), "W_dec" | "b_dec")).collect();
    let pursuit = open_as("pursuit", v6("matching_pursuit"), &pursuit).unwrap();
    assert!(pursuit.encoder.is_none() && pursuit.info.activation == Activation::Unknown);
}

#[test]
fn a_batch_top_k_checkpoint_brings_its_threshold() {
    let folder = Folder::new();
    let mut config = v6("matryoshka_batchtopk");
    config["k"] = 2.into();
    saelens(&folder.path("c"), &safetensors(&with(&[array("topk_threshold", &[], vec![0.5])]), Dtype::F64), &config);
    let activation = open_plain(&folder.path("c")).info.activation;
    assert_eq!(activation, Activation::BatchTopK { k: Some(2), threshold: Some(vec![0.5]) });
}

#[test]
fn transcoders_have_their_own_widths() {
    let folder = Folder::new();
    let out = 3;
    let arrays = vec![
        transposed(&encoder()),
        array("W_dec", &[F, out], values(F * out, 7)),
        array("b_enc", &[F], values(F, 3)),
        array("b_dec", &[out], values(out, 4)),
        array("W_skip", &[out, D], values(out * D, 8)),
        threshold(),
    ];
    let mut config = v6("jumprelu_skip_transcoder");
    config["d_out"] = out.into();
    config["apply_b_dec_to_input"] = false.into();
    saelens(&folder.path("t"), &safetensors(&arrays, Dtype::F32), &config);
    let dictionary = open_plain(&folder.path("t"));
    assert_eq!((dictionary.features(), dictionary.d_model(), dictionary.d_out()), (F, D, out));
    assert_eq!((dictionary.info.kind, dictionary.info.subtract_b_dec), (Kind::Transcoder, Some(false)));
    assert_eq!(dictionary.info.activation.name(), "jumprelu");
    assert_eq!(read(dictionary.skip.as_ref().unwrap()), values(out * D, 8));
    let subtract = OpenOptions { subtract_b_dec: Some(true), ..OpenOptions::default() };
    assert!(failure_with(&folder.path("t"), &subtract).contains("--subtract-b-dec"));
}

#[test]
fn a_dictionary_with_a_tensor_of_another_file_beside_its_own_is_a_dictionary() {
    let folder = Folder::new();
    for extra in ["sparsity", "activations", "coordinates"] {
        let arrays = with(&[array(extra, &[F], vec![0.0; F])]);
        saelens(&folder.path(extra), &safetensors(&arrays, Dtype::F32), &v6("standard"));
        assert_same_matrices(&open_plain(&folder.path(extra)));
    }
    let alone = safetensors(&[array("sparsity", &[F, 2], vec![0.0; 2 * F])], Dtype::F32);
    assert!(failure(&folder.write("sparsity.safetensors", alone)).contains("firing frequencies"));
}

#[test]
fn the_shape_decides_against_the_name() {
    let folder = Folder::new();
    // W_enc [F, d] and W_dec [d, F], as one family of files has them under these names.
    let turned = |which: &[&str]| -> Vec<Array> {
        four().iter().map(|a| if which.contains(&a.name.as_str()) { transposed(a) } else { a.clone() }).collect()
    };
    for which in [&["W_enc", "W_dec"][..], &["W_enc"], &["W_dec"], &[]] {
        saelens(&folder.path("q"), &safetensors(&turned(which), Dtype::Bf16), &v6("standard"));
        let dictionary = open_plain(&folder.path("q"));
        assert_same_matrices(&dictionary);
        assert_eq!(dictionary.info.warnings.len(), which.len());
        assert!(dictionary.decoder.is_mapped());
        for transpose in [true, false] {
            let options = OpenOptions { transpose: Some(transpose), ..OpenOptions::default() };
            let fits = which.len() == if transpose { 2 } else { 0 };
            assert_eq!(open(&folder.path("q"), &options).is_ok(), fits, "{which:?} {transpose}");
        }
    }
    let wrong: Vec<Array> =
        four().into_iter().map(|a| if a.name == "b_dec" { array("b_dec", &[3], vec![0.0; 3]) } else { a }).collect();
    saelens(&folder.path("w"), &safetensors(&wrong, Dtype::F32), &v6("standard"));
    let error = failure(&folder.path("w"));
    assert!(error.contains("tensor W_dec") && error.contains("expected [6, 3] or [3, 6]"), "{error}");
}

#[test]
fn as_many_features_as_dimensions_is_settled_by_the_format_and_checked() {
    let folder = Folder::new();
    let n = 16;
    let decoder = array("W_dec", &[n, n], values(n * n, 1));
    let encoder = Array { name: "W_enc".into(), ..decoder.clone() };
    let biases = [array("b_enc", &[n], vec![0.0; n]), array("b_dec", &[n], vec![0.0; n])];
    let mut config = v6("standard");
    (config["d_in"], config["d_sae"]) = (n.into(), n.into());
    let write = |arrays: &[Array]| {
        let all = [arrays, &biases].concat();
        saelens(&folder.path("s"), &safetensors(&all, Dtype::F32), &config);
        open_plain(&folder.path("s"))
    };
    let right = write(&[transposed(&encoder), decoder.clone()]);
    assert_eq!(read(&right.decoder), decoder.values);
    assert_eq!(right.info.warnings, Vec::<String>::new());
    let other = write(&[encoder.clone(), decoder.clone()]);
    assert!(other.info.warnings[0].contains("agree better"), "{:?}", other.info.warnings);
    let options = OpenOptions { transpose: Some(true), ..OpenOptions::default() };
    let turned = open(&folder.path("s"), &options).unwrap();
    assert_eq!(read(&turned.decoder), transposed(&decoder).values);
    assert_eq!(read(turned.encoder.as_ref().unwrap()), encoder.values);
}

#[test]
fn gemma_scope_archives_are_read_stored_deflated_and_in_lower_case() {
    let folder = Folder::new();
    let place = "gemma-scope-2b-pt-mlp/layer_12/width_16k/average_l0_82/params.npz";
    let lower: Vec<Array> =
        with(&[threshold()]).into_iter().map(|a| Array { name: a.name.to_lowercase(), ..a }).collect();
    for (arrays, deflated) in [(with(&[threshold()]), false), (with(&[threshold()]), true), (lower, false)] {
        let path = folder.write(place, npz(&arrays, Dtype::F32, deflated));
        for path in [path.as_path(), path.parent().unwrap()] {
            let dictionary = open_plain(path);
            assert_same_matrices(&dictionary);
            let info = &dictionary.info;
            assert_eq!((info.format, info.kind, info.subtract_b_dec), ("gemma-scope", Kind::Sae, Some(false)));
            assert_eq!(info.activation.name(), "jumprelu");
            assert_eq!(info.model.as_deref(), Some("gemma-2-2b"));
            assert_eq!(info.hook.as_deref(), Some("blocks.12.hook_mlp_out"));
            assert_eq!((info.layer, &info.origin["l0"]), (Some(12), &json!(82.0)));
            assert_eq!(dictionary.decoder.is_mapped(), !deflated);
        }
    }
    let embedding = folder.write(
        "gemma-scope-2b-pt-res/embedding/width_4k/average_l0_6/params.npz",
        npz(&with(&[threshold()]), Dtype::F32, false),
    );
    assert_eq!(open_plain(&embedding).info.normalize, Normalize::Scale(Some(0.5)));
}

#[test]
fn bare_matrices_are_decoders() {
    let folder = Folder::new();
    for (dtype, fortran) in
        [(Dtype::F16, false), (Dtype::F32, true), (Dtype::F64, false), (Dtype::Bf16, true), (Dtype::F32, false)]
    {
        let path = folder.write("d.npy", npy(&decoder(), dtype, fortran));
        let dictionary = open_plain(&path);
        assert_eq!(read(&dictionary.decoder), decoder().values);
        assert_eq!((dictionary.info.format, dictionary.info.dtype), ("matrix", dtype));
        assert!(dictionary.encoder.is_none() && dictionary.info.activation == Activation::Unknown);
        assert_eq!(dictionary.info.warnings.len(), 1);
        assert_eq!(dictionary.info.normalize, Normalize::Unstated);
    }
    let wide = folder.write("wide.npy", npy(&transposed(&decoder()), Dtype::F32, false));
    let dictionary = open_plain(&wide);
    assert_eq!(dictionary.features(), D);
    assert!(dictionary.info.warnings[0].contains("--transpose"));
    let options = OpenOptions { transpose: Some(true), ..OpenOptions::default() };
    assert_eq!(read(&open(&wide, &options).unwrap().decoder), decoder().values);
    // A bias tells which way round it lies.
    let bias = array("b_dec", &[1, D], values(D, 4));
    let both = safetensors(&[transposed(&decoder()), bias], Dtype::F32);
    let dictionary = open_plain(&folder.write("both.safetensors", both));
    assert_eq!(read(&dictionary.decoder), decoder().values);
    assert_eq!(dictionary.b_dec.len(), D);
    let one = folder.write("one.npz", npz(&[decoder()], Dtype::F32, true));
    assert_eq!(read(&open_plain(&one).decoder), decoder().values);
    for (name, arrays) in [("cube.safetensors", vec![array("W", &[2, 3, 4], values(24, 1))]), ("row.npy", vec![])] {
        let bytes = if arrays.is_empty() {
            npy(&array("v", &[8], values(8, 1)), Dtype::F32, false)
        } else {
            safetensors(&arrays, Dtype::F32)
        };
        let error = failure(&folder.write(name, bytes));
        assert!(error.contains("no dictionary that is known"), "{error}");
    }
    let integers = folder.write("ints.safetensors", safetensors(&[array("W_dec", &[4, 2], values(8, 1))], Dtype::I64));
    assert!(failure(&integers).contains("no dictionary that is known"));
}

#[test]
fn the_same_code_opens_a_dictionary_from_memory() {
    let weights = Bytes::from(safetensors(&four(), Dtype::F16));
    let dictionary = open_bytes("@example", &weights, &v6("standard").to_string(), &OpenOptions::default()).unwrap();
    assert_same_matrices(&dictionary);
    assert_eq!(dictionary.info.files, [PathBuf::from("@example")]);
    let error = open_bytes("@example", &weights, "{", &OpenOptions::default()).unwrap_err().to_string();
    assert!(error.contains("@example") && error.contains("configuration"), "{error}");
}

#[test]
fn a_folder_of_many_is_listed_and_picked_from() {
    let folder = Folder::new();
    for name in ["run/layer_10", "run/layer_2", "run/deep/er/layer_3"] {
        saelens(&folder.path(name), &safetensors(&four(), Dtype::F16), &v6("standard"));
    }
    folder.write("run/B_W_dec.npy", npy(&decoder(), Dtype::F32, false));
    folder.write("run/activations.npy", npy(&decoder(), Dtype::F32, false));
    folder.write("run/.hidden/sae_weights.safetensors", safetensors(&four(), Dtype::F32));
    folder.write("run/broken/sae_weights.safetensors", "nothing");
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path("run"), folder.path("run/deep/loop")).unwrap();
    let run = folder.path("run");
    let all = list(&run).unwrap();
    let names: Vec<&str> = all.iter().map(|listing| listing.name.as_str()).collect();
    assert_eq!(names, ["B_W_dec.npy", "broken", "deep/er/layer_3", "layer_2", "layer_10"]);
    assert_eq!((all[0].format, all[4].format), (Some("matrix"), Some("saelens")));
    assert_eq!((&all[4].shape, all[4].dtype), (&Some(vec![F, D]), Some(Dtype::F16)));
    assert!(all[1].problem.is_some() && all[4].problem.is_none());
    let error = failure(&run);
    assert!(error.contains("5 dictionaries") && error.contains("layer_10") && error.contains("--pick"), "{error}");
    let pick = |name: &str| OpenOptions { pick: Some(name.into()), ..OpenOptions::default() };
    assert_same_matrices(&open(&run, &pick("layer_2")).unwrap());
    assert_same_matrices(&open(&run, &pick("er/layer")).unwrap());
    assert!(failure_with(&run, &pick("layer")).contains("part of 3 names"));
    assert!(failure_with(&run, &pick("nope")).contains("expected one of B_W_dec.npy"));
    // A folder with one below it needs no pick.
    assert_same_matrices(&open_plain(&folder.path("run/deep/er")));
}

#[test]
fn a_folder_that_is_a_dictionary_is_that_one_whatever_lies_below() {
    let folder = Folder::new();
    for name in ["own", "own/checkpoints/step_1", "own/checkpoints/step_2"] {
        saelens(&folder.path(name), &safetensors(&four(), Dtype::F32), &v6("standard"));
    }
    assert_eq!(one(&folder.path("own")), folder.path("own"));
    assert_same_matrices(&open_plain(&folder.path("own")));
    assert_eq!(list(&folder.path("own")).unwrap().len(), 3, "the others can still be picked");
    // Another file that could stand for a folder is not hidden by the one that does.
    folder.write("own/sae.safetensors", safetensors(&four(), Dtype::F16));
    assert_eq!(one(&folder.path("own")), folder.path("own"));
    let names: Vec<String> = list(&folder.path("own")).unwrap().into_iter().map(|listing| listing.name).collect();
    assert_eq!(names, [".", "checkpoints/step_1", "checkpoints/step_2", "sae.safetensors"]);
    // A language model beside a decoder is passed over.
    let model = ["model.embed.weight", "lm_head.weight"].map(|name| array(name, &[3, 2], vec![0.0; 6]));
    folder.write("llama/model.safetensors", safetensors(&model, Dtype::F32));
    let error = failure(&folder.path("llama"));
    assert!(error.contains("it holds model.embed.weight [3, 2] f32"), "{error}");
    folder.write("llama/W_dec.npy", npy(&decoder(), Dtype::F32, false));
    assert_eq!(one(&folder.path("llama")), folder.path("llama/W_dec.npy"));
    assert_eq!(read(&open_plain(&folder.path("llama")).decoder), decoder().values);
    // What is broken or known but not read is listed, and opening it alone says why.
    folder.write("broken/sae.safetensors", "nothing");
    assert!(failure(&folder.path("broken")).contains("sae.safetensors"));
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_told_apart() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    for name in [&b"W_dec_\xfe.npy"[..], b"W_dec_\xff.npy"] {
        let path = folder.path("odd").join(std::ffi::OsStr::from_bytes(name));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, npy(&decoder(), Dtype::F32, false)).unwrap();
    }
    let names: Vec<String> = list(&folder.path("odd")).unwrap().into_iter().map(|listing| listing.name).collect();
    assert_eq!(names, ["W_dec_\\xfe.npy", "W_dec_\\xff.npy"]);
    let pick = OpenOptions { pick: Some(names[1].clone()), ..OpenOptions::default() };
    assert!(open(&folder.path("odd"), &pick).is_ok());
}

#[test]
fn every_wrong_path_and_file_says_what_it_is() {
    let folder = Folder::new();
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("empty.safetensors", vec![], &["an empty file"]),
        ("short.safetensors", safetensors(&four(), Dtype::F32)[..400].to_vec(), &["beyond the end", "cut short"]),
        ("head.safetensors", safetensors(&four(), Dtype::F32)[..40].to_vec(), &["header is cut short"]),
        ("huge.safetensors", [&[255, 255, 255, 255, 255, 255, 255, 127], &b"{}"[..]].concat(), &["100 MB"]),
        (
            "overlap.safetensors",
            with_header(
                r#"{"W_dec":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
                12,
            ),
            &["overlaps"],
        ),
        (
            "overflow.safetensors",
            with_header(r#"{"W_dec":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0),
            &["does not match"],
        ),
        (
            "float8.safetensors",
            with_header(
                r#"{"W_dec":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]},"W_enc":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[4,8]}}"#,
                8,
            ),
            &["F8_E4M3", "tensor W_dec", "BF16"],
        ),
        (
            "float8alone.safetensors",
            with_header(r#"{"W_dec":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]}}"#, 4),
            &["F8_E4M3", "tensor W_dec", "BF16"],
        ),
        ("ae.pt", b"PK\x03\x04\0\0\0\0\0\0archive/data.pkl".to_vec(), &["zip archive cannot be read", "torch.save"]),
        ("old.pt", b"\x80\x02\x8a\x0al\xfc".to_vec(), &["torch file cannot be read", "cut short"]),
        ("wrong.npy", b"PNG\r\n\x1a\n".to_vec(), &["expected safetensors, npz, npy, a torch file or Arrow"]),
        ("cut.npy", npy(&decoder(), Dtype::F32, false)[..150].to_vec(), &["does not fit", "cut short"]),
        ("cut.npz", npz(&four(), Dtype::F32, false)[..900].to_vec(), &["zip archive cannot be read"]),
        ("labels.jsonl", b"{\"index\": \"0\"}\n".to_vec(), &["JSON, not the weights"]),
        ("labels.jsonl.gz", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], &["gzipped text"]),
        ("lfs.safetensors", b"version https://git-lfs.github.com/spec/v1\n".to_vec(), &["git-lfs pointer"]),
        (
            "acts.npz",
            npz(&["data", "indices", "indptr"].map(|name| array(name, &[3], vec![1.0; 3])), Dtype::F32, false),
            &["sparse activations", "--acts"],
        ),
        (
            "delphi.safetensors",
            safetensors(
                &[array("locations", &[1, 3], vec![0.0; 3]), array("activations", &[1], vec![0.0])],
                Dtype::F32,
            ),
            &["delphi", "--acts"],
        ),
        (
            "other.safetensors",
            safetensors(&[array("a", &[2, 2], vec![0.0; 4]), array("b", &[2, 2], vec![0.0; 4])], Dtype::F32),
            &["it holds a [2, 2] f32, b [2, 2] f32", "expected W_dec"],
        ),
    ];
    for (name, bytes, words) in cases {
        let path = folder.write(name, bytes);
        let error = failure(&path);
        assert!(error.contains(name), "{name}: {error}");
        for word in words {
            assert!(error.contains(word), "{name}: {error}");
        }
    }
    assert!(failure(&folder.path("missing")).contains("no such file or folder"));
    #[cfg(unix)]
    assert!(failure(Path::new("/dev/null")).contains("not a regular file"));
    std::fs::create_dir(folder.path("nothing")).unwrap();
    assert!(failure(&folder.path("nothing")).contains("an empty folder"));
    folder.write("texts/readme.txt", "hello");
    assert!(failure(&folder.path("texts")).contains("no dictionary in this folder"));
    folder.write("arrow/dataset_info.json", "{}");
    assert!(failure(&folder.path("arrow")).contains("--acts"));
    let broken = folder.path("config");
    saelens(&broken, &safetensors(&four(), Dtype::F32), &v6("standard"));
    std::fs::write(broken.join("cfg.json"), "{\"d_in\": }").unwrap();
    let error = failure(&broken);
    assert!(error.contains("cfg.json") && error.contains("cannot be read"), "{error}");
}

#[test]
fn what_is_known_but_not_read_yet_is_named() {
    let folder = Folder::new();
    for (name, bytes, words) in
        [("model.gguf", b"GGUF\x03\0\0\0\0".to_vec(), "GGUF"), ("data.h5", b"\x89HDF\r\n\x1a\n".to_vec(), "HDF5")]
    {
        let path = folder.write(name, bytes);
        let error = open(&path, &OpenOptions::default()).unwrap_err();
        assert!(matches!(error, Error::NotRead(_)), "{name}: {error}");
        let text = error.to_string();
        assert!(text.contains(words) && text.contains(name) && text.contains("not in this build"), "{text}");
    }
}
