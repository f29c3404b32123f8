//! Verbs as scripts use them: exit codes, golden output, files that appear whole, the same bytes at any thread count.

use assert_cmd::Command;
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// The program with its own cache folder and no terminal.
struct Program {
    folder: TempDir,
}

struct Output {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Program {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
    fn run(&self, args: &[&str]) -> Output {
        let output = Command::cargo_bin("saescope")
            .unwrap()
            .args(args)
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", self.folder.path().join("cache"))
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.code, 0, "{args:?}: {}", output.stderr);
        output.stdout
    }
    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(args)).unwrap()
    }
    /// The complaint of a call that must fail with `code` and print nothing on stdout.
    fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!((output.code, output.stdout.as_str()), (code, ""), "{args:?}: {}", output.stderr);
        assert!(!output.stderr.contains('\u{1b}'), "{}", output.stderr);
        output.stderr
    }
}

#[test]
fn info_tells_what_the_files_of_the_example_say() {
    let program = Program::new();
    insta::assert_snapshot!("info_example", program.ok(&["info"]));
    let json = program.json(&["info", "@example", "--json"]);
    for (key, value) in [
        ("format", "saelens".into()),
        ("kind", "sae".into()),
        ("activation", "topk".into()),
        ("features", Value::from(4096)),
        ("d_model", Value::from(576)),
        ("d_out", Value::from(576)),
        ("dtype", "f16".into()),
        ("model", "SmolLM2-135M-Instruct".into()),
        ("hook", "blocks.11.hook_resid_post".into()),
        ("layer", Value::from(11)),
    ] {
        assert_eq!(json[key], value, "{key}");
    }
    assert_eq!(json["activations"]["tokens"], 30_480);
    assert_eq!(json["labels"]["count"], 4096);
    assert!((json["decoder"]["norm_median"].as_f64().unwrap() - 1.0).abs() < 1e-2);
    assert!(json["warnings"].as_array().unwrap().iter().any(|w| w.as_str().unwrap().contains("top tokens")));
    let concepts = program.json(&["info", "@example/concepts", "--json"]);
    assert_eq!((&concepts["features"], &concepts["activations"]["tokens"]), (&Value::from(192), &Value::from(1832)));
}

#[test]
fn without_a_terminal_the_front_door_prints_the_summary() {
    let program = Program::new();
    let text = program.ok(&[]);
    assert_eq!(text, program.ok(&["info", "@example"]));
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn bad_input_says_what_where_and_what_to_try() {
    let program = Program::new();
    fs::write(program.path("notes.txt"), "not an SAE").unwrap();
    fs::write(program.path("empty.safetensors"), "").unwrap();
    fs::create_dir(program.path("hollow")).unwrap();
    for (args, words) in [
        (vec!["info", "no/such/file.safetensors"], vec!["no/such/file.safetensors"]),
        (vec!["info", "notes.txt"], vec!["notes.txt"]),
        (vec!["info", "empty.safetensors"], vec!["empty.safetensors"]),
        (vec!["info", "hollow"], vec!["hollow"]),
        (vec!["info", "@exemple"], vec!["@example", "@example/concepts"]),
        (vec!["neighbors", "@example", "--feature", "4096"], vec!["4096", "0 to 4095"]),
        (vec!["knn", "@example", "-o", "x.npz", "--k", "4096"], vec!["4096"]),
        (vec!["knn", "@example", "-o", "x.xyz"], vec![".csv, .json, .npy, .npz"]),
        (vec!["knn", "@example", "-o", "no/x.npz"], vec!["no such folder", "mkdir -p no"]),
        (vec!["embed", "@example", "-o", "x.npy", "--epochs", "many"], vec!["--epochs many", "auto"]),
        (vec!["export", "@example", "-o", "x.csv", "--where", "dencity < 1"], vec!["dencity", "density"]),
        (vec!["export", "@example", "-o", "x.csv", "--columns", "feature,nope"], vec!["nope", "max_activation"]),
        (vec!["synth", "cubes", "-o", "x"], vec!["cubes", "mixed"]),
    ] {
        let complaint = program.fails(2, &args);
        for word in words {
            assert!(complaint.contains(word), "{args:?} should name {word}: {complaint}");
        }
    }
    assert_eq!(fs::read_dir(program.folder.path()).unwrap().count(), 3, "nothing was left behind");
}

#[test]
fn what_a_later_build_brings_says_so() {
    let program = Program::new();
    for args in [
        vec!["cloud", "points.csv"],
        vec!["manifolds", "@example", "-o", "x.csv"],
        vec!["doctor"],
        vec!["knn", "@example", "-o", "x.npz", "--method", "approx"],
        vec!["embed", "@example", "-o", "x.npy", "--method", "diffusion"],
        vec!["cluster", "@example", "-o", "x.npz", "--method", "leiden"],
        vec!["cluster", "@example", "-o", "x.npz", "--on", "activation"],
    ] {
        assert!(program.fails(2, &args).contains("not in this build"), "{args:?}");
    }
}

#[test]
fn neighbours_of_a_weekday_are_printed_nearest_first() {
    let program = Program::new();
    insta::assert_snapshot!("neighbors_2504", program.ok(&["neighbors", "@example", "--feature", "2504", "--k", "5"]));
    for by in ["decoder", "encoder", "activation"] {
        let json = program.json(&["neighbors", "@example", "--feature", "2504", "--k", "8", "--by", by, "--json"]);
        let cosines: Vec<f64> =
            json["neighbors"].as_array().unwrap().iter().map(|n| n["cosine"].as_f64().unwrap()).collect();
        assert_eq!(cosines.len(), 8);
        assert!(cosines.windows(2).all(|pair| pair[0] >= pair[1]) && cosines[0] <= 1.0, "{by}: {cosines:?}");
        assert!(json["neighbors"][0]["label"].is_string());
    }
}

#[test]
fn a_map_is_made_clustered_trusted_and_exported_with_equal_bytes_at_any_thread_count() {
    let program = Program::new();
    let mut files: Vec<Vec<Vec<u8>>> = Vec::new();
    for threads in ["1", "2", "3"] {
        let name = |file: &str| format!("{threads}-{file}");
        let dict = "@example/concepts";
        let common = ["--threads", threads, "--no-cache"];
        let run = |args: &[&str]| program.ok(&[args, &common[..]].concat());
        run(&["knn", dict, "-o", &name("knn.npz"), "--k", "10"]);
        run(&["embed", dict, "-o", &name("umap.npz")]);
        run(&["embed", dict, "-o", &name("pca.npy"), "--method", "pca", "--dims", "3"]);
        run(&["cluster", dict, "-o", &name("clusters.csv"), "--min-cluster-size", "5"]);
        run(&["export", dict, "-o", &name("table.json")]);
        files.push(
            ["knn.npz", "umap.npz", "pca.npy", "pca.npy.json", "clusters.csv", "table.json"]
                .iter()
                .map(|file| fs::read(program.path(&name(file))).unwrap())
                .collect(),
        );
    }
    assert!(files[0] == files[1] && files[0] == files[2], "bytes differ between thread counts");
    let trust = program.json(&["trust", "1-umap.npz", "--against", "@example/concepts", "--json"]);
    assert!(trust["trustworthiness"].as_f64().unwrap() > 0.8, "{trust}");
    let points = program.json(&["cluster", "--points", "1-pca.npy", "-o", "points.npz", "--json"]);
    assert_eq!(
        points["noise"].as_u64().unwrap()
            + points["sizes"].as_array().unwrap().iter().map(|s| s.as_u64().unwrap()).sum::<u64>(),
        192
    );
}

#[test]
fn a_layout_starts_where_it_is_told_to_and_has_the_scale_it_is_told() {
    let program = Program::new();
    let layout = |file: &str, flags: &[&str]| {
        let embed = ["embed", "@example/concepts", "-o", file, "--epochs", "20"];
        program.ok(&[&embed[..], flags].concat());
        fs::read(program.path(file)).unwrap()
    };
    let plain = layout("plain.npy", &[]);
    assert!(plain == layout("spectral.npy", &["--init", "spectral", "--spread", "1"]));
    assert!(plain != layout("pca.npy", &["--init", "pca"]) && plain != layout("wide.npy", &["--spread", "2"]));
    let told: Value = serde_json::from_slice(&fs::read(program.path("pca.npy.json")).unwrap()).unwrap();
    assert!(told.to_string().contains("\"init\":\"pca\""), "{told}");
    let wrong = program.fails(2, &["embed", "@example/concepts", "-o", "x.npy", "--spread", "0"]);
    assert!(wrong.contains("--spread 1"), "{wrong}");
}

#[test]
fn export_writes_the_named_columns_of_the_features_that_pass() {
    let program = Program::new();
    let filter = "label ~ \"monday\" and density < 0.01";
    let columns = "feature,label,density,top_tokens";
    program.ok(&["export", "@example", "-o", "x.csv", "--where", filter, "--columns", columns, "--bare"]);
    insta::assert_snapshot!("export_monday", fs::read_to_string(program.path("x.csv")).unwrap());
    let complaint = program.fails(2, &["export", "@example", "-o", "x.csv", "--columns", "feature"]);
    assert!(complaint.contains("--force"), "{complaint}");
    program.ok(&["export", "@example", "-o", "x.csv", "--columns", "feature", "--force"]);
    let all = fs::read_to_string(program.path("x.csv")).unwrap();
    assert!(all.starts_with("# {") && all.contains("\"program\":\"saescope ") && all.lines().count() == 4098);
    program.fails(1, &["export", "@example", "-o", "y.csv", "--where", "density > 2", "--columns", "feature"]);
    assert!(!Path::new(&program.path("y.csv")).exists());
}

#[test]
fn a_planted_dictionary_is_found_whole_with_what_lies_beside_it() {
    let program = Program::new();
    program.ok(&["synth", "mixed", "-o", "planted", "--features", "1024", "--d-model", "64", "--tokens", "500"]);
    let json = program.json(&["info", "planted", "--json"]);
    assert_eq!((&json["features"], &json["activations"]["tokens"]), (&Value::from(1024), &Value::from(500)));
    assert!(json["labels"]["count"].as_u64().unwrap() > 0 && json["decoder"]["zero_rows"].as_u64().unwrap() > 0);
    program.ok(&["convert", "planted", "-o", "copy"]);
    assert_eq!(program.json(&["info", "copy", "--json"])["features"], 1024);
    assert!(program.fails(2, &["convert", "planted", "-o", "copy"]).contains("--force"));
    let again = Program::new();
    again.ok(&["synth", "mixed", "-o", "planted", "--features", "1024", "--d-model", "64", "--tokens", "500"]);
    for file in fs::read_dir(program.path("planted")).unwrap() {
        let file = file.unwrap();
        let other = Path::new(&again.path("planted")).join(file.file_name());
        assert!(fs::read(file.path()).unwrap() == fs::read(other).unwrap(), "{:?}", file.file_name());
    }
}

#[test]
fn the_second_asking_is_answered_from_the_cache() {
    let program = Program::new();
    program.ok(&["embed", "@example/concepts", "-o", "a.npy"]);
    let listed = program.json(&["cache", "--json"]);
    let questions: Vec<&str> =
        listed["entries"].as_array().unwrap().iter().map(|e| e["question"].as_str().unwrap()).collect();
    assert!(questions.iter().any(|q| q.starts_with("umap")) && questions.iter().any(|q| q.starts_with("knn")));
    program.ok(&["embed", "@example/concepts", "-o", "b.npy"]);
    assert_eq!(fs::read(program.path("a.npy")).unwrap(), fs::read(program.path("b.npy")).unwrap());
    assert!(program.ok(&["cache", "clear"]).starts_with("removed"));
    assert_eq!(program.json(&["cache", "list", "--json"])["entries"].as_array().unwrap().len(), 0);
}

/// An npy file of `rows` rows of these values.
fn npy(values: &[f32], rows: usize) -> Vec<u8> {
    let literal = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {}), }}\n", values.len() / rows);
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((literal.len() as u16).to_le_bytes());
    bytes.extend(literal.as_bytes());
    bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
    bytes
}

#[test]
fn dictionaries_of_one_feature_and_of_two_are_shown_like_any_other() {
    let program = Program::new();
    fs::write(program.path("one.npy"), npy(&[1.0, 2.0, 2.0], 1)).unwrap();
    fs::write(program.path("two.npy"), npy(&[1.0, 2.0, 2.0, 3.0, 0.0, 4.0], 2)).unwrap();
    for (dictionary, n) in [("one.npy", 1), ("two.npy", 2)] {
        for on in ["map", "decoder"] {
            let counts = program.json(&["cluster", dictionary, "-o", "c.npy", "--on", on, "--json", "--force"]);
            assert_eq!((&counts["clusters"], &counts["noise"]), (&Value::from(0), &Value::from(n)), "{on}");
        }
        program.ok(&["export", dictionary, "-o", "t.csv", "--columns", "feature,x,y,cluster", "--bare", "--force"]);
        assert_eq!(fs::read_to_string(program.path("t.csv")).unwrap().lines().count(), n + 1);
        for view in ["map", "feature", "neighbors", "clusters"] {
            assert!(program.ok(&["render", dictionary, "--view", view]).contains("noise") || view != "map");
        }
        program.ok(&["embed", dictionary, "-o", "map.npy", "--force"]);
        assert!(program.fails(2, &["trust", "map.npy", "--against", dictionary, "--k", "1"]).contains("three points"));
    }
}

#[test]
fn a_row_that_is_not_finite_is_named_with_its_file_and_what_to_try() {
    let program = Program::new();
    let mut values: Vec<f32> = (0..40 * 3).map(|i| (i * 7 % 11) as f32 - 5.0).collect();
    values[17 * 3 + 1] = f32::NAN;
    fs::write(program.path("bad.npy"), npy(&values, 40)).unwrap();
    for args in [
        vec!["knn", "bad.npy", "-o", "x.npz"],
        vec!["embed", "bad.npy", "-o", "x.npy"],
        vec!["embed", "bad.npy", "-o", "x.npy", "--method", "pca"],
        vec!["neighbors", "bad.npy", "--feature", "0"],
        vec!["cluster", "bad.npy", "-o", "x.npy"],
        vec!["cluster", "bad.npy", "-o", "x.npy", "--on", "decoder"],
        vec!["cluster", "--points", "bad.npy", "-o", "x.npy"],
        vec!["export", "bad.npy", "-o", "x.csv"],
        vec!["render", "bad.npy", "--view", "map"],
    ] {
        let complaint = program.fails(2, &args);
        for words in ["bad.npy: row 17 holds a number that is not finite", "without that row"] {
            assert!(complaint.contains(words), "{args:?}: {complaint}");
        }
    }
    assert_eq!(program.json(&["info", "bad.npy", "--json"])["decoder"]["bad_rows"], 1);
}

#[test]
fn every_verb_explains_itself_with_an_example() {
    let program = Program::new();
    let help = program.ok(&["help"]);
    for verb in [
        "info",
        "convert",
        "encode",
        "neighbors",
        "knn",
        "embed",
        "cluster",
        "trust",
        "export",
        "render",
        "synth",
        "cache",
    ] {
        assert!(help.contains(verb), "{verb}");
        assert!(program.ok(&[verb, "--help"]).contains("saescope"), "{verb}");
    }
}
