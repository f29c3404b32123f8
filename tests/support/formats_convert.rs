//! What is written for SAELens opens as the same dictionary, and nothing is guessed or replaced on the way.

use super::files::{Array, array, npy, read, saelens, safetensors, transposed, values};
use super::{D, F, Folder, assert_same_matrices, decoder, four, open_plain, threshold, v6, with};
use saescope::Result;
use saescope::container::{ArrayFile, Dtype};
use saescope::sae::convert::{self, Converted};
use saescope::sae::{Dictionary, OpenOptions, open};
use saescope::task::Task;
use serde_json::{Value, json};
use std::path::Path;

fn convert(dictionary: &Dictionary, to: &Path, force: bool) -> Result<Converted> {
    convert::convert(dictionary, to, force, &Task::new(1).unwrap())
}

#[test]
fn a_converted_dictionary_opens_as_the_same_dictionary() {
    let folder = Folder::new();
    let gate = ["b_gate", "b_mag", "r_mag"].map(|name| array(name, &[F], values(F, name.len())));
    let gated: Vec<Array> = with(&gate).into_iter().filter(|a| a.name != "b_enc").collect();
    let mut topk = v6("topk");
    topk["k"] = 3.into();
    topk["rescale_acts_by_decoder_norm"] = true.into();
    let turned: Vec<Array> =
        four().iter().map(|a| if a.name.starts_with('W') { transposed(a) } else { a.clone() }).collect();
    for (name, arrays, config, dtype) in [
        ("standard", four(), v6("standard"), Dtype::F32),
        ("topk", four(), topk, Dtype::F16),
        ("jumprelu", with(&[threshold()]), v6("jumprelu"), Dtype::Bf16),
        ("gated", gated, v6("gated"), Dtype::F64),
        ("turned", turned, v6("standard"), Dtype::F32),
    ] {
        let (from, to) = (folder.path(name), folder.path(&format!("{name}.out")));
        saelens(&from, &safetensors(&arrays, dtype), &config);
        let first = open_plain(&from);
        let written = convert(&first, &to, false).unwrap();
        assert_eq!(written.files, [to.join("sae_weights.safetensors"), to.join("cfg.json")]);
        let second = open_plain(&to);
        let (mut raw, mut again) = (Vec::new(), Vec::new());
        first.decoder.read_raw(0..F, &mut raw);
        second.decoder.read_raw(0..F, &mut again);
        assert_eq!(raw, again, "{name}");
        assert_eq!(read(second.encoder.as_ref().unwrap()), read(first.encoder.as_ref().unwrap()));
        assert_eq!((&second.b_enc, &second.b_dec), (&first.b_enc, &first.b_dec));
        let (a, b) = (&first.info, &second.info);
        assert_eq!((&a.activation, a.subtract_b_dec, a.dtype), (&b.activation, b.subtract_b_dec, b.dtype));
        assert_eq!((&a.model, &a.hook, a.layer, a.kind), (&b.model, &b.hook, b.layer, b.kind));
        assert_eq!(b.origin["neuronpedia_id"], "gpt2/3-res");
        assert_eq!(b.warnings, Vec::<String>::new());
        // The file itself has SAELens' orientation.
        let file = ArrayFile::open(&to.join("sae_weights.safetensors")).unwrap();
        assert_eq!(file.tensor("W_enc").unwrap().shape(), [D, F]);
        assert_eq!(file.tensor("W_dec").unwrap().shape(), [F, D]);
        assert_eq!(file.tensor("b_enc").is_ok(), name != "gated");
        let twice = folder.path(&format!("{name}.twice"));
        convert(&first, &twice, false).unwrap();
        for file in ["sae_weights.safetensors", "cfg.json"] {
            assert_eq!(std::fs::read(to.join(file)).unwrap(), std::fs::read(twice.join(file)).unwrap());
        }
    }
}

#[test]
fn converting_refuses_to_replace_or_to_guess() {
    let folder = Folder::new();
    let path = folder.write("w.safetensors", safetensors(&four(), Dtype::F32));
    let unknown = open_plain(&path);
    let out = folder.path("out");
    assert!(convert(&unknown, &out, false).unwrap_err().to_string().contains("--arch"));
    let arch = OpenOptions { arch: Some("relu".into()), ..OpenOptions::default() };
    let halfway = open(&path, &arch).unwrap();
    assert!(convert(&halfway, &out, false).unwrap_err().to_string().contains("--subtract-b-dec"));
    assert!(!out.exists());
    let settled = open(&path, &OpenOptions { subtract_b_dec: Some(false), ..arch }).unwrap();
    convert(&settled, &out, false).unwrap();
    let before = std::fs::read(out.join("cfg.json")).unwrap();
    let error = convert(&settled, &out, false).unwrap_err().to_string();
    assert!(error.contains("there already") && error.contains("--force"), "{error}");
    let batch = OpenOptions { arch: Some("batchtopk".into()), k: Some(2), ..OpenOptions::default() };
    let batch = open(&path, &OpenOptions { subtract_b_dec: Some(true), ..batch }).unwrap();
    assert!(convert(&batch, &out, true).unwrap_err().to_string().contains("--threshold"));
    assert_eq!(std::fs::read(out.join("cfg.json")).unwrap(), before);
    // In place, over the file that is mapped.
    let again = open_plain(&out);
    convert(&again, &out, true).unwrap();
    assert_same_matrices(&open_plain(&out));
    assert_same_matrices(&again);
    let left: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(convert(&settled, &path, true).is_err());
    // A bare decoder gets an encoder that SAELens can load, and it is said.
    let bare = open_plain(&folder.write("d.npy", npy(&decoder(), Dtype::F16, false)));
    let notes = convert(&bare, &folder.path("bare"), false).unwrap().notes;
    assert!(notes[0].contains("no encoder"));
    let bare = open_plain(&folder.path("bare"));
    assert_eq!(read(bare.encoder.as_ref().unwrap()), decoder().values);
    assert_eq!(bare.info.dtype, Dtype::F16);
}

#[test]
fn what_the_source_warns_of_is_noted() {
    let folder = Folder::new();
    let mut config = v6("temporal");
    config["normalize_activations"] = "covariance_whitening".into();
    let factors = array("scaling_factor", &[F], vec![2.0; F]);
    saelens(&folder.path("t"), &safetensors(&with(&[factors]), Dtype::F64), &config);
    let refused = |options: &OpenOptions| {
        convert(&open(&folder.path("t"), options).unwrap(), &folder.path("out"), false).unwrap_err().to_string()
    };
    assert!(refused(&OpenOptions::default()).contains("--arch"));
    let arch = OpenOptions { arch: Some("relu".into()), ..OpenOptions::default() };
    assert!(refused(&arch).contains("--normalize none"));
    let settled = OpenOptions { normalize: Some("none".parse().unwrap()), ..arch };
    let converted = convert(&open(&folder.path("t"), &settled).unwrap(), &folder.path("out"), false).unwrap();
    for words in ["files say temporal; taken as relu", "whitened", "taken as none", "scaling_factor multiplies", "f64"]
    {
        assert!(converted.notes.iter().any(|note| note.contains(words)), "{words}: {:?}", converted.notes);
    }
    // What cannot encode cannot be written either, and says what is missing.
    saelens(&folder.path("k"), &safetensors(&four(), Dtype::F32), &v6("topk"));
    let error = convert(&open_plain(&folder.path("k")), &folder.path("k.out"), false).unwrap_err().to_string();
    assert!(error.contains("its files have no k") && error.contains("--k K"), "{error}");
}

#[test]
fn how_heads_are_reshaped_is_kept_where_it_is_stated() {
    let folder = Folder::new();
    let written = |name: &str, config: &Value| -> Value {
        saelens(&folder.path(name), &safetensors(&four(), Dtype::F32), config);
        let to = folder.path(&format!("{name}.out"));
        convert(&open_plain(&folder.path(name)), &to, false).unwrap();
        serde_json::from_slice(&std::fs::read(to.join("cfg.json")).unwrap()).unwrap()
    };
    let mut new = v6("standard");
    new["metadata"]["hook_name"] = "blocks.3.attn.hook_z".into();
    for reshape in ["none", "hook_z"] {
        new["reshape_activations"] = reshape.into();
        let config = written(reshape, &new);
        assert_eq!(
            (&config["reshape_activations"], config["metadata"].get("reshape_activations")),
            (&reshape.into(), None)
        );
    }
    let old = json!({"d_in": D, "d_sae": F, "hook_name": "blocks.3.attn.hook_z", "architecture": "standard",
        "apply_b_dec_to_input": true});
    assert_eq!(written("old", &old)["reshape_activations"], "hook_z");
}

#[cfg(unix)]
#[test]
fn converting_follows_links_and_replaces_no_pipe() {
    let folder = Folder::new();
    saelens(&folder.path("a"), &safetensors(&four(), Dtype::F32), &v6("standard"));
    let dictionary = open_plain(&folder.path("a"));
    convert(&dictionary, &folder.path("out"), false).unwrap();
    let (link, kept) = (folder.path("out/cfg.json"), folder.path("kept.json"));
    std::fs::rename(&link, &kept).unwrap();
    std::os::unix::fs::symlink(&kept, &link).unwrap();
    std::fs::write(&kept, "{}").unwrap();
    convert(&dictionary, &folder.path("out"), true).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(std::fs::read_to_string(&kept).unwrap().contains("d_sae"));
    std::fs::remove_file(&link).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(&link).unwrap();
    assert!(convert(&dictionary, &folder.path("out"), true).unwrap_err().to_string().contains("no file may replace"));
}

#[test]
fn a_cancelled_conversion_leaves_nothing_behind() {
    let folder = Folder::new();
    saelens(&folder.path("a"), &safetensors(&four(), Dtype::F32), &v6("standard"));
    std::fs::create_dir(folder.path("there")).unwrap();
    let task = Task::new(1).unwrap();
    task.watch().cancel();
    for to in ["fresh", "there"] {
        let result = convert::convert(&open_plain(&folder.path("a")), &folder.path(to), false, &task);
        assert!(matches!(result, Err(saescope::Error::Cancelled)));
    }
    assert_eq!(std::fs::read_dir(folder.path("there")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 2);
}
