//! Verbs over files of all sorts: what they open, what they write, what they refuse, and what they remark on.

#[path = "support/formats_files.rs"]
#[allow(dead_code, reason = "shared with the tests of the formats")]
mod files;
#[path = "support/program.rs"]
mod program;

use files::{Array, array, npy, npz, saelens, safetensors, transposed, values};
use program::Program;
use saescope::container::{ArrayFile, Dtype};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs;
use std::ops::Deref;

/// Features, width.
const F: usize = 24;
const D: usize = 4;

/// The program beside files that the test writes.
struct Here(Program);

impl Deref for Here {
    type Target = Program;
    fn deref(&self) -> &Program {
        &self.0
    }
}

impl Here {
    fn new() -> Self {
        Self(Program::new())
    }
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }
    /// A run that must be refused in these words.
    fn refuses(&self, args: &[&str], words: &[&str]) {
        let said = self.fails(2, args);
        for word in words {
            assert!(said.contains(word), "{args:?} should say {word}: {said}");
        }
    }
    /// A SAELens folder of these tensors, with what `change` makes of the configuration.
    fn dictionary(&self, name: &str, extra: &[Array], change: impl Fn(&mut Value)) {
        let mut config = json!({"architecture": "standard", "d_in": D, "d_sae": F, "apply_b_dec_to_input": true,
            "normalize_activations": "none", "metadata": {"sae_lens_version": "6.54.12"}});
        change(&mut config);
        let encoder = array("W_enc", &[F, D], values(F * D, 2));
        let mut arrays = vec![transposed(&encoder), array("W_dec", &[F, D], values(F * D, 1))];
        arrays.extend([array("b_enc", &[F], values(F, 3)), array("b_dec", &[D], values(D, 4))]);
        arrays.retain(|own| extra.iter().all(|other| other.name != own.name));
        arrays.extend_from_slice(extra);
        saelens(&self.path(name), &safetensors(&arrays, Dtype::F32), &config);
    }
}

fn plain(_: &mut Value) {}

fn vectors(name: &str, rows: usize, width: usize) -> Array {
    array(name, &[rows, width], values(rows * width, 5))
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_open_under_every_verb() {
    use std::os::unix::ffi::OsStrExt;
    let here = Here::new();
    here.dictionary("plain", &[], plain);
    let odd = OsStr::from_bytes(b"odd\xff");
    fs::rename(here.path("plain"), here.path(odd)).unwrap();
    let run = |args: &[&OsStr]| here.succeeds(args);
    let text = OsStr::new;
    run(&[text("info"), odd]);
    run(&[text("info"), odd, text("--json")]);
    run(&[text("knn"), odd, text("-o"), text("k.npz"), text("--k"), text("3")]);
    here.write("x.npy", npy(&vectors("x", 3, D), Dtype::F32, false));
    run(&[text("encode"), odd, text("x.npy"), text("-o"), text("a.npz")]);
    // A folder with such names is listed, in JSON too.
    here.dictionary("many/a", &[], plain);
    fs::rename(here.path(odd), here.path("many").join(odd)).unwrap();
    let listed = here.json(&["info", "many", "--json"]);
    assert_eq!(listed["dictionaries"][1]["name"], "odd\\xff");
}

#[test]
fn what_only_encoding_needs_does_not_keep_geometry_from_opening() {
    let here = Here::new();
    here.write("x.npy", npy(&vectors("x", 3, D), Dtype::F32, false));
    let change = |key: &'static str, value: &'static str| move |config: &mut Value| config[key] = value.into();
    for (name, key, value, activation, hint) in [
        ("topk", "architecture", "topk", "topk, k missing", "--k K"),
        ("jumprelu", "architecture", "jumprelu", "jumprelu, threshold missing", "--threshold VALUE"),
        ("gated", "architecture", "gated", "gated, gate (b_gate, r_mag, b_mag) missing", "the file that has it"),
        ("odd", "normalize_activations", "odd", "relu", "--normalize none"),
    ] {
        here.dictionary(name, &[], change(key, value));
        let json = here.json(&["info", name, "--json"]);
        assert_eq!((&json["activation_parameters"], &json["k"]), (&activation.into(), &Value::Null));
        here.ok(&["knn", name, "-o", &format!("{name}.npz"), "--k", "3"]);
        here.ok(&["neighbors", name, "--feature", "0", "--k", "3"]);
        here.refuses(&["encode", name, "x.npy", "-o", "a.npz"], &[name, hint]);
        here.refuses(&["convert", name, "-o", "copy"], &[hint]);
    }
    here.ok(&["encode", "topk", "x.npy", "-o", "a.npz", "--k", "2"]);
    here.ok(&["encode", "odd", "x.npy", "-o", "b.npz", "--normalize", "0.5"]);
}

#[test]
fn info_shows_every_parameter_of_the_encoding() {
    let here = Here::new();
    let threshold = array("threshold", &[F], (1..=F).map(|i| i as f64 / 4.0).collect());
    here.dictionary("jump", &[threshold], |config| {
        config["architecture"] = "jumprelu".into();
        config["normalize_activations"] = "expected_average_only_in".into();
        config["norm_scaling_factor"] = 0.25.into();
    });
    let json = here.json(&["info", "jump", "--json"]);
    assert_eq!(json["threshold"], json!({"min": 0.25, "max": 6.0}));
    assert_eq!((&json["normalize"], &json["normalize_factor"]), (&"scale".into(), &0.25.into()));
    let text = here.ok(&["info", "jump"]);
    assert!(text.contains("jumprelu, threshold 0.25..6") && text.contains("scale 0.25"), "{text}");
    here.dictionary("top", &[], |config| {
        config["architecture"] = "topk".into();
        config["k"] = 5.into();
        config["rescale_acts_by_decoder_norm"] = true.into();
        config["normalize_activations"] = "layer_norm".into();
    });
    let json = here.json(&["info", "top", "--json"]);
    assert_eq!((&json["k"], &json["threshold"]), (&5.into(), &Value::Null));
    let text = here.ok(&["info", "top"]);
    assert!(text.contains("topk 5, scaled by decoder norms") && text.contains("deviation over d - 1"), "{text}");
}

#[test]
fn rows_that_are_no_numbers_are_told_apart_from_zeros() {
    let here = Here::new();
    let mut rows = vec![1.0; F * D];
    rows[..D].fill(0.0);
    rows[D] = f64::NAN;
    rows[3 * D] = f64::INFINITY;
    here.dictionary("bad", &[array("W_dec", &[F, D], rows)], plain);
    let json = here.json(&["info", "bad", "--json"]);
    let decoder = &json["decoder"];
    assert_eq!(
        (&decoder["bad_rows"], &decoder["zero_rows"], &decoder["norm_max"]),
        (&2.into(), &1.into(), &2.0.into())
    );
    let text = here.ok(&["info", "bad"]);
    assert!(text.contains("median 2.0000, max 2.0000; 1 zero row, 2 rows with NaN or infinity"), "{text}");
    assert!(text.contains("2 rows of the decoder hold NaN or infinity"), "{text}");
    here.dictionary("none", &[array("W_dec", &[F, D], vec![f64::NAN; F * D])], plain);
    assert_eq!(here.json(&["info", "none", "--json"])["decoder"]["norm_median"], Value::Null);
    assert!(here.ok(&["info", "none"]).contains("no row is finite; 0 zero rows, 24 rows with NaN"));
}

#[test]
fn all_verbs_agree_on_what_a_folder_is() {
    let here = Here::new();
    here.dictionary("own", &[], plain);
    here.dictionary("own/checkpoints/1", &[], plain);
    assert_eq!(here.json(&["info", "own", "--json"])["features"], F);
    here.ok(&["knn", "own", "-o", "k.npz", "--k", "3"]);
    here.dictionary("many/a", &[], plain);
    here.dictionary("many/b", &[], plain);
    assert_eq!(here.json(&["info", "many", "--json"])["dictionaries"].as_array().unwrap().len(), 2);
    here.refuses(&["knn", "many", "-o", "l.npz", "--k", "3"], &["--pick a"]);
    let text = here.ok(&["info", "many", "--pick", "b"]);
    assert!(text.contains("many/b"), "the picked one is named: {text}");
}

#[test]
fn vectors_come_as_a_file_or_as_a_folder_of_chunks() {
    let here = Here::new();
    here.dictionary("d", &[], plain);
    let all = vectors("x", 24, D);
    here.write("whole.npy", npy(&all, Dtype::F32, false));
    let part = |name: &str, rows: std::ops::Range<usize>| {
        array(name, &[rows.len(), D], all.values[rows.start * D..rows.end * D].to_vec())
    };
    here.write("chunks/part-10.npy", npy(&part("c", 20..24), Dtype::F32, false));
    here.write("chunks/part-2.npz", npz(&[part("b", 7..20)], Dtype::F32, true));
    here.write("chunks/part-1.safetensors", safetensors(&[part("a", 0..7)], Dtype::F32));
    here.write("chunks/notes.json", "{}");
    here.ok(&["encode", "d", "whole.npy", "-o", "whole.npz"]);
    here.ok(&["encode", "d", "chunks", "-o", "chunks.npz"]);
    let arrays = |name: &str| {
        let file = ArrayFile::open(&here.path(name)).unwrap();
        ["data", "indices", "indptr", "shape"].map(|name| file.tensor(name).unwrap().to_f64())
    };
    assert_eq!(arrays("whole.npz"), arrays("chunks.npz"));
    here.write("chunks/part-3.npy", npy(&vectors("w", 2, D + 1), Dtype::F32, false));
    here.refuses(
        &["encode", "d", "chunks", "-o", "x.npz"],
        &["part-3.npy", "a chunk of width 5", "part-1.safetensors"],
    );
    here.write("empty/readme.txt", "");
    here.refuses(
        &["encode", "d", "empty", "-o", "x.npz"],
        &["no vectors in this folder", "npy, npz, safetensors or torch"],
    );
}

#[test]
fn vectors_that_do_not_fit_are_named_with_their_shape_and_type() {
    let here = Here::new();
    here.dictionary("d", &[], plain);
    let integers = safetensors(&[array("ids", &[3, D], vec![1.0; 3 * D])], Dtype::I64);
    here.write("ints.safetensors", integers);
    here.write("list.npy", npy(&array("v", &[8], values(8, 1)), Dtype::F32, false));
    let both = [vectors("a", 3, D), vectors("b", 3, D), array("c", &[3], values(3, 1))];
    here.write("two.npz", npz(&both, Dtype::F32, false));
    here.write("wide.npy", npy(&vectors("w", 3, D + 1), Dtype::F32, false));
    let mut bad = vectors("x", 3, D);
    bad.values[5] = f64::NAN;
    here.write("nan.npy", npy(&bad, Dtype::F32, false));
    here.write("named.npy", "index,label\n");
    for (input, tensor, words) in [
        ("ints.safetensors", "", vec!["ids [3, 4] i64", "astype('float32')"]),
        ("ints.safetensors", "ids", vec!["ids [3, 4] i64", "astype('float32')"]),
        ("list.npy", "", vec!["list [8] f32", "reshape"]),
        ("two.npz", "", vec!["a [3, 4] f32, b [3, 4] f32", "--tensor NAME"]),
        ("two.npz", "c", vec!["c [3] f32"]),
        ("two.npz", "z", vec!["no array z", "a [3, 4] f32"]),
        ("wide.npy", "", vec!["wide.npy", "width 5", "width 4"]),
        ("nan.npy", "", vec!["nan.npy", "token 1 holds NaN"]),
        ("named.npy", "", vec!["named.npy", "text, not arrays of numbers"]),
        ("missing.npy", "", vec!["missing.npy", "expected a path that exists"]),
    ] {
        let mut args = vec!["encode", "d", input, "-o", "a.npz"];
        if !tensor.is_empty() {
            args.extend(["--tensor", tensor]);
        }
        here.refuses(&args, &words);
    }
    here.refuses(&["encode", "d", "wide.npy", "-o", "a.csv"], &["a name ending in .npz"]);
    here.ok(&["encode", "d", "two.npz", "-o", "a.npz", "--tensor", "b"]);
}

#[test]
fn what_encoding_and_converting_took_for_granted_is_remarked_on() {
    let here = Here::new();
    here.write("x.npy", npy(&vectors("x", 3, D), Dtype::F32, false));
    here.dictionary("d", &[array("threshold", &[F], vec![0.5; F])], plain);
    fs::remove_file(here.path("d/cfg.json")).unwrap();
    let encoded = here.succeeds(&["encode", "d", "x.npy", "-o", "a.npz", "--subtract-b-dec", "true"]);
    for words in ["taken as jumprelu, by its threshold", "whether inputs are normalised"] {
        assert!(encoded.stderr.contains(words), "{}", encoded.stderr);
    }
    let converted = here.succeeds(&["convert", "d", "-o", "copy", "--subtract-b-dec", "true", "--quiet"]);
    assert!(converted.stderr.contains("taken as jumprelu, by its threshold"), "{}", converted.stderr);
}

#[test]
fn results_say_what_they_were_made_from() {
    let here = Here::new();
    here.dictionary("d", &[], plain);
    here.write("x.npy", npy(&vectors("x", 9, D), Dtype::F32, false));
    here.ok(&["encode", "d", "x.npy", "-o", "acts.npz"]);
    let ArrayFile::Npz(npz) = ArrayFile::open(&here.path("acts.npz")).unwrap() else { panic!("no archive") };
    let told: Value = serde_json::from_str(&npz.text("provenance").unwrap()[0]).unwrap();
    assert_eq!((&told["input"], &told["parameters"]["vectors"]["path"]), (&"d".into(), &"x.npy".into()));
    assert_eq!(told["parameters"]["vectors"]["fingerprint"].as_str().unwrap().len(), 32);
    here.write("labels.csv", "index,label\n3,three\n");
    let files = ["--acts", "acts.npz", "--labels", "labels.csv"];
    let columns = ["--columns", "feature,density,label"];
    here.ok(&[&["export", "d", "-o", "t.json"], &files[..], &columns].concat());
    let table: Value = serde_json::from_str(&fs::read_to_string(here.path("t.json")).unwrap()).unwrap();
    let parameters = &table["provenance"]["parameters"];
    assert_eq!(
        (&parameters["acts"]["path"], &parameters["labels"]["path"]),
        (&"acts.npz".into(), &"labels.csv".into())
    );
    assert_eq!(parameters["acts"]["fingerprint"].as_str().unwrap().len(), 32);
    assert!(parameters.get("tokens").is_none());
    // What no column is made from is neither read nor named.
    let names = |columns: &str| {
        let export = ["export", "d", "-o", "u.json", "--force", "--columns", columns];
        here.ok(&[&export[..], &files].concat());
        let told = self::parameters(&here, "u.json");
        told.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("feature,norm"), "columns seed verb");
    assert_eq!(names("label"), "columns labels seed verb");
    assert_eq!(names("density"), "acts columns seed verb");
    here.dictionary("bare", &[], plain);
    let untold = ["export", "bare", "-o", "v.csv", "--columns", "x,density", "--neighbors", "4"];
    here.refuses(&untold, &["the column density cannot be told", "--acts FILE"]);
    assert!(!here.json(&["cache", "--json"])["entries"].to_string().contains("umap"), "nothing was made for it");
}

#[test]
fn results_say_how_the_dictionary_was_read() {
    let here = Here::new();
    here.write("wide/w.npy", npy(&vectors("w", D, F), Dtype::F32, false));
    here.write("x.npy", npy(&vectors("x", 3, D), Dtype::F32, false));
    here.write("p.npy", npy(&vectors("p", F, 2), Dtype::F32, false));
    here.dictionary("d", &[], plain);
    let read = ["--transpose", "--format", "matrix"];
    here.ok(&[&["knn", "wide", "-o", "k.json", "--k", "3", "--pick", "w.npy"], &read[..]].concat());
    let told = parameters(&here, "k.json");
    assert_eq!(
        (&told["transpose"], &told["format"], &told["pick"], &told["k"]),
        (&true.into(), &"matrix".into(), &"w.npy".into(), &3.into())
    );
    here.ok(&[&["trust", "p.npy", "--against", "wide", "-o", "t.json", "--k", "3"], &read[..]].concat());
    assert_eq!(parameters(&here, "t.json")["against"]["transpose"], true);
    let encoding = ["--arch", "topk", "--k", "2", "--normalize", "0.5", "--subtract-b-dec", "false"];
    here.ok(&[&["encode", "d", "x.npy", "-o", "a.npz"], &encoding[..]].concat());
    let ArrayFile::Npz(npz) = ArrayFile::open(&here.path("a.npz")).unwrap() else { panic!("no archive") };
    let told: Value = serde_json::from_str(&npz.text("provenance").unwrap()[0]).unwrap();
    let told = &told["parameters"];
    assert_eq!((&told["arch"], &told["k"], &told["subtract_b_dec"]), (&"topk".into(), &2.into(), &false.into()));
    assert!(told.get("threshold").is_none());
}

#[test]
fn a_graph_that_is_too_short_is_named_with_what_it_allows() {
    let here = Here::new();
    here.dictionary("d", &[], plain);
    here.ok(&["knn", "d", "-o", "g.npz", "--k", "3"]);
    let embed = ["embed", "d", "-o", "m.npy", "--graph", "g.npz"];
    here.refuses(&embed, &["g.npz: 3 neighbours of 24 points", "try --neighbors 4"]);
    here.ok(&[&embed[..], &["--neighbors", "4"]].concat());
}

#[test]
fn the_vector_that_is_too_short_is_blamed_and_not_another() {
    let here = Here::new();
    let arrays = |b_enc: usize, threshold: usize| {
        let vector = |name: &str, n: usize| array(name, &[n], values(n, 3));
        let matrices = [array("W_enc", &[D, F], values(D * F, 1)), array("W_dec", &[F, D], values(D * F, 2))];
        let vectors = [vector("b_enc", b_enc), vector("b_dec", D), vector("threshold", threshold)];
        npz(&[&matrices[..], &vectors].concat(), Dtype::F32, false)
    };
    here.write("a/params.npz", arrays(F - 1, F));
    here.refuses(&["info", "a"], &["the vectors beside it (b_enc, b_dec or another)", "W_dec"]);
    here.write("b/params.npz", arrays(F, F - 1));
    here.refuses(&["info", "b"], &["the vector has the wrong length", "threshold"]);
}

#[test]
fn a_result_beside_a_bare_matrix_is_not_taken_for_another() {
    let here = Here::new();
    here.write("own/w.npy", npy(&vectors("w", F, D), Dtype::F32, false));
    here.ok(&["embed", "own", "-o", "own/map.npy", "--neighbors", "4"]);
    assert_eq!(here.json(&["info", "own", "--json"])["d_model"], D);
    here.ok(&["trust", "own/map.npy", "--against", "own", "--k", "3"]);
}

/// The provenance of a json that was written.
fn parameters(here: &Here, name: &str) -> Value {
    let table: Value = serde_json::from_str(&fs::read_to_string(here.path(name)).unwrap()).unwrap();
    table["provenance"]["parameters"].clone()
}

#[test]
fn provenance_has_the_seed_every_input_and_only_what_was_used() {
    let here = Here::new();
    here.dictionary("d", &[], plain);
    let labels: String = (0..F).map(|i| format!("{i},{}\n", i % 2)).collect();
    here.write("c.csv", format!("feature,cluster\n{labels}"));
    here.write("p.npy", npy(&vectors("p", F, 2), Dtype::F32, false));
    here.ok(&["knn", "d", "-o", "g.npz", "--k", "3"]);
    let seed = ["--seed", "7"];
    let told = |name: &str, args: &[&str]| {
        here.ok(&[args, &["-o", name], &seed].concat());
        let told = parameters(&here, name);
        assert_eq!(told["seed"], 7, "{name}: {told}");
        told
    };
    let names = |told: &Value| told.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(names(&told("k.json", &["knn", "d", "--k", "3"])), "k method seed verb");
    assert_eq!(names(&told("pca.json", &["embed", "d", "--method", "pca"])), "dims method seed verb");
    let on_graph = told("u.json", &["embed", "d", "--graph", "g.npz", "--neighbors", "4"]);
    assert_eq!(names(&on_graph), "dims epochs graph init method min_dist neighbors seed spread verb");
    let trusted = told("t.json", &["trust", "p.npy", "--against", "d", "--k", "3"]);
    let table = told("e.json", &["export", "d", "--columns", "feature,cluster", "--clusters", "c.csv"]);
    assert_eq!(names(&table), "clusters columns seed verb");
    assert_eq!(table["columns"], json!(["feature", "cluster"]));
    for (input, path) in [(&on_graph["graph"], "g.npz"), (&trusted["against"], "d"), (&table["clusters"], "c.csv")] {
        assert_eq!((&input["path"], input["fingerprint"].as_str().map(str::len)), (&path.into(), Some(32)), "{input}");
    }
    let placed = told("x.json", &["export", "d", "--columns", "x", "--where", "feature < 3"]);
    assert_eq!(names(&placed), "columns init min_dist neighbors seed spread verb where");
}

#[test]
fn what_a_result_is_made_from_is_not_replaced() {
    let here = Here::new();
    here.write("self.npy", npy(&vectors("w", F, D), Dtype::F32, false));
    here.dictionary("d", &[], plain);
    here.write("x.npz", npz(&[vectors("x", 3, D)], Dtype::F32, false));
    here.write("x/part.npz", npz(&[vectors("x", 3, D)], Dtype::F32, false));
    here.write("p.npy", npy(&vectors("p", F, 2), Dtype::F32, false));
    here.ok(&["encode", "d", "x", "-o", "d/acts.npz"]);
    here.ok(&["knn", "self.npy", "-o", "g.npz", "--k", "3"]);
    for args in [
        vec!["embed", "self.npy", "-o", "./self.npy"],
        vec!["embed", "self.npy", "-o", "g.npz", "--graph", "g.npz"],
        vec!["cluster", "--points", "p.npy", "-o", "p.npy"],
        vec!["export", "d", "-o", "d/acts.npz", "--columns", "density"],
        vec!["encode", "d", "x.npz", "-o", "x.npz"],
        vec!["encode", "d", "x", "-o", "x/part.npz"],
        vec!["convert", "d", "-o", "d"],
    ] {
        let said = here.fails(2, &[&args[..], &["--force"]].concat());
        assert!(said.contains("what it is made from"), "{args:?}: {said}");
    }
    here.ok(&["knn", "d", "-o", "g.npz", "--k", "3", "--force"]);
    // Another file beside the dictionary is none of its own.
    for force in [&[][..], &["--force"]] {
        here.ok(&[&["trust", "p.npy", "--against", "d", "--k", "3", "-o", "d/t.csv"], force].concat());
    }
}

#[test]
fn clusters_of_a_file_keep_its_numbers() {
    let here = Here::new();
    here.dictionary("d", &[], plain);
    let numbers = [7, 2, 1_000_000, -1];
    let labels: String = (0..F).map(|i| format!("{i},{}\n", numbers[i % 4])).collect();
    here.write("c.csv", format!("feature,cluster\n{labels}"));
    let export = ["export", "d", "--columns", "feature,cluster", "--clusters", "c.csv", "--bare", "-o"];
    here.ok(&[&export[..], &["all.csv"]].concat());
    assert_eq!(fs::read_to_string(here.path("all.csv")).unwrap(), format!("feature,cluster\n{labels}"));
    here.ok(&[&export[..], &["some.csv", "--where", "cluster = 1000000 and feature < 8"]].concat());
    assert_eq!(fs::read_to_string(here.path("some.csv")).unwrap(), "feature,cluster\n2,1000000\n6,1000000\n");
}

#[test]
fn clusters_of_a_file_go_to_the_features_that_it_names() {
    let here = Here::new();
    here.dictionary("d", &[], plain);
    let export = |file: &'static str| {
        ["export", "d", "-o", "t.csv", "--columns", "feature,cluster", "--bare", "--force", "--clusters", file]
    };
    let table = |rows: &mut dyn Iterator<Item = usize>, end: &str| {
        rows.fold("feature,cluster\n".to_string(), |text, i| text + &format!("{i},{}{end}\n", i % 5))
    };
    let turned: Vec<usize> = (0..F).rev().collect();
    here.write("c.csv", table(&mut turned.iter().copied(), ".0"));
    let rows: Vec<Value> = turned.iter().map(|i| json!({"feature": i, "cluster": i % 5})).collect();
    here.write("c.json", json!({ "features": rows }).to_string());
    here.write("list.json", json!(rows).to_string());
    let of = |name: &str, value: &dyn Fn(usize) -> usize| {
        array(name, &[F], turned.iter().map(|i| value(*i) as f64).collect())
    };
    here.write("c.npz", npz(&[of("labels", &|i| i % 5), of("feature", &|i| i)], Dtype::F32, false));
    for file in ["c.csv", "c.json", "list.json", "c.npz"] {
        here.ok(&export(file));
        assert_eq!(fs::read_to_string(here.path("t.csv")).unwrap(), table(&mut (0..F), ""), "{file}");
    }
    here.write("twice.csv", table(&mut (1..F).chain([7]), ""));
    here.refuses(&export("twice.csv"), &["twice.csv: the feature 7 is there twice", "all features"]);
    here.write("gap.csv", table(&mut (0..F).filter(|i| *i != 3), ""));
    here.refuses(&export("gap.csv"), &["the feature 3 is missing"]);
    here.write("wide.csv", table(&mut (0..=F), ""));
    here.refuses(&export("wide.csv"), &["24 is none of 24 features"]);
    here.write("large.csv", format!("cluster\n{}\n", 1u64 << 40));
    here.refuses(&export("large.csv"), &["1099511627776 is out of range", "to 2147483647"]);
    here.write("words.csv", "cluster\nred\n");
    here.refuses(&export("words.csv"), &["\"red\" is no whole number"]);
    here.write("short.csv", "cluster\n1\n");
    here.refuses(&export("short.csv"), &["1 label for 24 features"]);
}

#[test]
fn a_matrix_is_a_decoder_unless_its_name_says_otherwise() {
    let here = Here::new();
    let encoder = || array("W_enc", &[D, F], values(D * F, 1));
    here.write("encoder.npz", npz(&[encoder()], Dtype::F32, false));
    let alone = [encoder(), array("b_enc", &[F], values(F, 3)), array("b_dec", &[D], values(D, 4))];
    here.write("halved/sae_weights.safetensors", safetensors(&alone, Dtype::F32));
    here.write("halved/cfg.json", json!({"d_in": D, "d_sae": F, "architecture": "standard"}).to_string());
    for input in ["encoder.npz", "halved"] {
        here.refuses(&["info", input], &["an encoder alone; the decoder W_dec is missing", "--format matrix"]);
        here.refuses(&["convert", input, "-o", "copy"], &["W_dec is missing"]);
    }
    here.write("enc/W_enc.npy", npy(&encoder(), Dtype::F32, false));
    here.refuses(&["info", "enc"], &["enc/W_enc.npy: an encoder alone; the decoder W_dec is missing"]);
    // Alone, its name says that features are its columns.
    assert_eq!(here.json(&["info", "encoder.npz", "--format", "matrix", "--json"])["features"], F);
    let forced = here.ok(&["info", "halved", "--format", "matrix"]);
    assert!(forced.contains("W_enc is an encoder by its name") && forced.contains("24 features"), "{forced}");
    // One matrix in a folder is what the folder holds; of two nobody says which.
    here.write("one/sequences.npy", npy(&vectors("w", F, D), Dtype::F32, false));
    assert_eq!(here.json(&["info", "one", "--json"])["features"], F);
    here.write("one/more.npy", npy(&vectors("w", F, D), Dtype::F32, false));
    here.refuses(&["info", "one"], &["more.npy, sequences.npy", "naming one of them"]);
    here.dictionary("d/ok", &[], plain);
    here.refuses(&["info", "d/ok", "--pick", "x"], &["leaving --pick out"]);
}

#[test]
fn weights_that_are_no_numbers_are_told_and_blamed_for_themselves() {
    let here = Here::new();
    here.write("x.npy", npy(&vectors("x", 3, D), Dtype::F32, false));
    let bad = |name: &str, shape: &[usize]| {
        let mut all = values(shape.iter().product(), 2);
        all[1] = f64::NAN;
        array(name, shape, all)
    };
    for (name, shape, told, blamed) in [
        ("b_dec", &[D][..], "b_dec has 1 value that is not finite", "b_dec of dimension 1 is NaN"),
        ("b_enc", &[F], "b_enc has 1 value that is not finite", "b_enc of feature 1 is NaN"),
        ("W_enc", &[D, F], "1 row of the encoder holds NaN", "the encoder of feature 1 holds NaN"),
    ] {
        here.dictionary(name, &[bad(name, shape)], plain);
        assert!(here.ok(&["info", name]).contains(told), "{name}");
        here.refuses(&["encode", name, "x.npy", "-o", "a.npz"], &[&format!("{name}/sae_weights"), blamed]);
    }
    here.dictionary("batch", &[], |config| config["architecture"] = "batchtopk".into());
    assert!(here.ok(&["info", "batch"]).contains("without the threshold that training leaves"));
}

#[test]
fn a_file_of_tokens_is_no_file_of_labels() {
    let here = Here::new();
    here.dictionary("d", &[], plain);
    here.write("t.jsonl", "{\"tokens\": [\"a\", \"b\"]}\n{\"tokens\": [\"c\"]}\n");
    here.refuses(&["info", "d", "--labels", "t.jsonl"], &["t.jsonl: these are the tokens", "--tokens with this file"]);
}

#[test]
fn clusters_are_read_by_what_the_file_is_and_not_by_its_name() {
    let here = Here::new();
    here.dictionary("d", &[], plain);
    let labels = array("labels", &[F], (0..F).map(|i| (i % 2) as f64).collect());
    here.write("npz.txt", npz(&[labels], Dtype::F32, false));
    let csv: String = (0..F).map(|i| format!("{},{}\n", i, i % 2)).collect();
    here.write("csv.dat", format!("# about\nfeature,cluster\n{csv}"));
    let rows: Vec<Value> = (0..F).map(|i| json!({"feature": i, "cluster": i % 2})).collect();
    here.write("json", json!({"features": rows}).to_string());
    for file in ["npz.txt", "csv.dat", "json"] {
        let out = format!("{file}.out.csv");
        here.ok(&["export", "d", "-o", &out, "--columns", "feature,cluster", "--clusters", file, "--bare"]);
        let table = fs::read_to_string(here.path(out)).unwrap();
        assert_eq!(table.lines().nth(2), Some("1,1"), "{file}: {table}");
    }
    here.write("half.npy", npy(&array("labels", &[F], vec![0.5; F]), Dtype::F32, false));
    let export = |file: &'static str| ["export", "d", "-o", "t.csv", "--columns", "cluster", "--clusters", file];
    here.refuses(&export("half.npy"), &["no whole number"]);
    here.write("hdf5.csv", b"\x89HDF\r\n\x1a\n");
    here.refuses(&export("hdf5.csv"), &["an HDF5 file", "not in this build"]);
}

#[test]
fn text_from_files_does_not_reach_a_terminal_as_it_is() {
    let here = Here::new();
    here.dictionary("d", &[], plain);
    here.write("labels.csv", "index,label\n1,a\u{9b}2J\u{202e}b\n2,c\n");
    let all = here.ok(&["neighbors", "d", "--feature", "0", "--k", "23", "--json", "--labels", "labels.csv"]);
    assert!(!all.contains(['\u{9b}', '\u{202e}']) && all.contains("a\\u009b2J\\u202eb"), "{all}");
    let label = |value: &Value| value["label"].as_str().map(str::to_string);
    let json: Value = serde_json::from_str(&all).unwrap();
    assert!(json["neighbors"].as_array().unwrap().iter().any(|n| label(n).as_deref() == Some("a\u{9b}2J\u{202e}b")));
    let long = "x".repeat(200_000);
    let header = format!(r#"{{"{long}":{{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}}}"#);
    here.write("long.safetensors", files::with_header(&header, 8));
    let output = here.run(&["info", "long.safetensors"]);
    assert!(output.code == 2 && output.stderr.len() < 2000, "{}", output.stderr.len());
}
