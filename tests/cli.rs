//! Verbs as scripts use them: exit codes, golden output, files that appear whole, the same bytes at any thread count.

#[path = "support/npy.rs"]
mod npy;
#[path = "support/program.rs"]
mod program;

use npy::npy;
use program::Program;
use serde_json::Value;
use std::fs;

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
    assert_eq!(fs::read_dir(program.folder()).unwrap().count(), 3, "nothing was left behind");
}

#[test]
fn a_filter_that_cannot_be_read_is_shown_with_a_caret() {
    let program = Program::new();
    let filter = "norm > 0 and lable ~ \"\u{1b}[2J東京\"";
    let complaint = program.fails(2, &["export", "@example", "-o", "x.csv", "--where", filter]);
    let lines: Vec<&str> = complaint.lines().collect();
    assert_eq!(lines[0], "saescope: --where cannot be read from its character 14 on");
    assert_eq!(lines[1], "  norm > 0 and lable ~ \"\u{fffd}[2J東京\"");
    assert_eq!(lines[2], "               ^ no column \"lable\"; is it label?");
}

#[test]
fn what_a_later_build_brings_says_so() {
    let program = Program::new();
    for args in [vec!["merge", "a", "b"], vec!["slurm"], vec!["knn", "@example", "-o", "x.npz", "--method", "approx"]] {
        assert!(program.fails(2, &args).contains("not in this build"), "{args:?}");
    }
}

#[test]
fn what_has_no_effect_is_remarked_on() {
    let program = Program::new();
    let rows: Vec<f32> = (0..60).map(|i| (i * 7 % 11) as f32).collect();
    fs::write(program.path("p.npy"), npy(&rows, 30)).unwrap();
    let pca = ["embed", "p.npy", "-o", "e.npz", "--method", "pca", "--force"];
    for (verb, more, words) in [
        (&pca[..], &["--graph", "no.npz"][..], "--graph has no effect with --method pca"),
        (&pca, &["--epochs", "auto"], "--epochs has no effect"),
        (&pca, &["--neighbors", "15"], "--neighbors has no effect"),
        (&pca[..4], &["--method", "diffusion", "--min-dist", "0.2", "--force"], "--min-dist has no effect"),
        (
            &["trust", "p.npy", "--against", "p.npy", "--k", "3"],
            &["--acts", "no.npz"],
            "--acts has no effect with trust",
        ),
        (&["convert", "p.npy", "-o", "copy"], &["--labels", "no.csv"], "--labels has no effect with convert"),
        (&["knn", "p.npy", "-o", "k.npz"], &["--labels", "no.csv"], "--labels has no effect with knn"),
        (&["embed", "p.npy", "-o", "m.npz"], &["--tokens", "no.csv"], "--tokens has no effect with embed"),
        (&["cluster", "p.npy", "-o", "c.npz"], &["--acts", "no.npz"], "--acts has no effect with --on map"),
    ] {
        let said = program.succeeds(&[verb, more].concat()).stderr;
        assert!(said.contains(words), "{more:?} should say {words}: {said}");
    }
    let quiet = program.succeeds(&[&pca[..], &["--epochs", "5", "--quiet"]].concat());
    assert_eq!(quiet.stderr, "");
}

#[test]
fn what_cannot_apply_is_refused_and_not_passed_over() {
    let program = Program::new();
    let rows: Vec<f32> = (0..60).map(|i| (i * 7 % 11) as f32).collect();
    fs::write(program.path("p.npy"), npy(&rows, 30)).unwrap();
    let points = ["cluster", "--points", "p.npy", "-o", "c.npz"];
    let dict = ["cluster", "p.npy", "-o", "c.npz", "--on", "decoder"];
    let export = ["export", "p.npy", "-o", "t.npz", "--columns"];
    let trust = ["trust", "p.npy", "--against", "p.npy", "--k", "3"];
    for (verb, more, words) in [
        (&points[..], &["--on", "decoder"][..], "--points"),
        (&points, &["--neighbors", "5"], "--points"),
        (&points, &["--acts", "no.npz"], "--points"),
        (&points, &["--fit-clusters"], "--points"),
        (&dict, &["--min-dist", "7"], "--min-dist has no effect with --on decoder; try leaving it out"),
        (&dict, &["--fit-clusters"], "--fit-clusters has no effect with --on decoder"),
        (&dict, &["--tau", ".5"], "--tau has no effect with --method hdbscan"),
        (&dict, &["--method", "graph", "--resolution", "2"], "--resolution has no effect with --method graph"),
        (&dict, &["--method", "leiden", "--min-samples", "2"], "--min-samples has no effect with --method leiden"),
        (&dict, &["--method", "kmeans"], "--method kmeans without --clusters"),
        (&dict, &["--method", "linkage"], "--tau or --clusters"),
        (&["info", "@example"], &["--pick", "x"], "leaving --pick out"),
        (&trust, &["--transpose"], "--transpose has no effect with --against POINTS.npy"),
        (&export, &["norm", "--fit-clusters"], "--fit-clusters has no effect with --columns norm"),
        (&export, &["norm", "--min-samples", "3"], "--min-samples has no effect"),
        (&export, &["norm", "--neighbors", "5"], "--neighbors has no effect with --columns norm"),
        (&["render", "@example", "--view", "none"], &[], "selections, heatmap, histograms, jobs, info, help\n"),
        (&["convert"], &["-o", "copy"], "<DICT>"),
        (&export, &["feature,x,feature"], "names feature twice"),
        (&["export", "@example", "-o", "l.npy"], &["--columns", "label"], "label is text"),
        (&["info"], &["--threads", "20000"], "at most 1024"),
        (&["knn", "p.npy", "-o", "k.npz"], &["--k", "-1"], "expected a whole number from 0 on"),
        (&["trust", "p.npy", "--against", "@example"], &[], "p.npy: 30 coordinates for 4096 rows"),
        (
            &["trust", "p.npy", "--against", "p.npy"],
            &["--k", "0"],
            "p.npy: a neighbourhood of 0 among 30 points; expected a k from 1 to 14; try --k 1",
        ),
    ] {
        let args = [verb, more].concat();
        let said = program.fails(2, &args);
        assert!(said.contains(words), "{args:?} should say {words}: {said}");
    }
    assert_eq!(fs::read_dir(program.folder()).unwrap().count(), 1, "nothing was written");
    let named = |metric: &[&str]| program.json(&[&trust[..], &["--json"], metric].concat())["metric"].clone();
    assert_eq!((named(&[]), named(&["--metric", "cosine"])), ("euclidean".into(), "cosine".into()));
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
fn the_page_of_a_feature_is_told_as_the_screen_shows_it() {
    let program = Program::new();
    let args = ["feature", "@example", "--feature", "2504", "--k", "3", "--passages", "2"];
    insta::assert_snapshot!("feature_2504", program.ok(&args));
    let json = program.json(&[&args[..], &["--json"]].concat());
    let passage = &json["passages"][0];
    let focus = passage["focus"].as_u64().unwrap() as usize;
    assert_eq!(passage["pieces"][focus]["activation"], passage["activation"]);
    assert_eq!(passage["activation"], json["max_activation"]);
    let counts = json["histogram"]["counts"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), 409);
    let listed = program.json(&["neighbors", "@example", "--feature", "2504", "--k", "3", "--json"]);
    assert_eq!(json["neighbors"], listed["neighbors"]);
    // What is shown, a frame of the screen says as well.
    let frame = program.ok(&["render", "@example", "--view", "feature", "--feature", "2504", "--size", "120x40"]);
    assert!(frame.contains("max 30.1") && frame.contains("of 409 places"), "{frame}");
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
                .map(|file| fs::read(program.path(name(file))).unwrap())
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
    assert!(!program.path("y.csv").exists());
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
        let other = again.path("planted").join(file.file_name());
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
    assert_eq!(program.json(&["cache", "path", "--no-cache", "--json"])["path"], Value::Null);
    assert_eq!(program.ok(&["cache", "--no-cache"]), "0 results kept nowhere: the cache is off\n");
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
fn a_frame_is_printed_or_drawn_and_a_bad_one_is_refused() {
    let program = Program::new();
    let dict = "@example/concepts";
    let text = program.ok(&["render", dict, "--view", "map", "--size", "80x24"]);
    assert_eq!(text.lines().count(), 24);
    assert!(text.contains("192 features") && text.contains("distances on the map are not geometry"));
    assert!(!text.contains('\u{1b}'), "no colours where there is no terminal");
    let coloured = program.ok(&["render", dict, "--view", "map", "--size", "80x24", "--color", "always"]);
    let mut plain = String::new();
    for part in coloured.split('\u{1b}') {
        plain.push_str(if plain.is_empty() { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(plain.lines().map(str::trim_end).collect::<Vec<_>>(), text.lines().collect::<Vec<_>>());
    // The same frame wherever it is drawn: what the terminal can show has no say.
    let files: Vec<String> = ["a.svg", "b.SVG"].map(|name| program.path(name).display().to_string()).into();
    program.ok(&["render", dict, "--view", "feature", "--feature", "21", "-o", &files[0]]);
    let mut command = assert_cmd::Command::cargo_bin("saescope").unwrap();
    let arguments = ["render", dict, "--view", "feature", "--feature", "21", "-o", &files[1], "--no-cache"];
    let bare = command.args(arguments).env("LANG", "C").env("TERM", "dumb").env("SAESCOPE_CONFIG", "/dev/null");
    bare.assert().success();
    assert_eq!(fs::read(&files[0]).unwrap(), fs::read(&files[1]).unwrap());
    // What a filter hides leaves no dots in plain text.
    let dots = |text: &str| text.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count();
    let none = program.ok(&["render", dict, "--view", "map", "--size", "80x24", "--where", "feature < 3"]);
    assert!(dots(&none) <= 3, "{none}");
    for (args, words) in [
        (vec!["--view", "map", "--size", "10x5"], vec!["60x16"]),
        (vec!["--view", "map", "--cluster", "Q"], vec!["no cluster Q", "A to C"]),
        (vec!["--view", "map", "--glyphs", "half-blocks"], vec!["half-block", "letters"]),
        (vec!["--view", "maps"], vec!["map, feature"]),
    ] {
        let complaint = program.fails(2, &[&["render", dict][..], &args[..]].concat());
        for word in words {
            assert!(complaint.contains(word), "{args:?} should name {word}: {complaint}");
        }
    }
    let noise = program.ok(&["render", dict, "--view", "map", "--size", "80x24", "--cluster", "-1"]);
    assert!(noise.contains("in no cluster"), "{noise}");
    assert!(program.ok(&["render", dict, "--view", "clusters", "--cluster", "B"]).contains("╭ cluster B"));
}

#[test]
fn one_array_goes_into_npy_and_more_are_refused_before_the_work() {
    let program = Program::new();
    let dict = "@example/concepts";
    program.ok(&["embed", dict, "-o", "map.npy"]);
    program.ok(&["cluster", "--points", "map.npy", "-o", "labels.npy"]);
    assert!(fs::read(program.path("labels.npy")).unwrap().starts_with(b"\x93NUMPY"));
    program.ok(&["cluster", dict, "-o", "clusters.npz"]);
    program.ok(&["export", dict, "-o", "x.npy", "--columns", "feature,x"]);
    for args in [
        vec!["knn", dict, "-o", "k.npy"],
        vec!["export", dict, "-o", "e.npy"],
        vec!["trust", "map.npy", "--against", dict, "-o", "t.npy"],
    ] {
        assert!(program.fails(2, &args).contains(".npz"), "{args:?}");
    }
    // The clusters of a file, by letter, are those of the map they were made on.
    program.ok(&["export", dict, "-o", "a.csv", "--bare", "--where", "cluster = C"]);
    program.ok(&["export", dict, "-o", "b.csv", "--bare", "--where", "cluster = 2", "--clusters", "clusters.npz"]);
    assert_eq!(fs::read(program.path("a.csv")).unwrap(), fs::read(program.path("b.csv")).unwrap());
}

#[test]
fn what_is_asked_of_the_map_is_part_of_the_answer() {
    let program = Program::new();
    let dict = "@example/concepts";
    let common = ["--neighbors", "8", "--min-dist", "0.3", "--seed", "4"];
    let groups = ["--min-cluster-size", "6", "--min-samples", "3"];
    program.ok(&[&["export", dict, "-o", "x.json"][..], &common[..], &groups[..]].concat());
    let json: Value = serde_json::from_slice(&fs::read(program.path("x.json")).unwrap()).unwrap();
    let parameters = &json["provenance"]["parameters"];
    for (name, value) in [
        ("neighbors", Value::from(8)),
        ("min_dist", Value::from(0.3)),
        ("seed", Value::from(4)),
        ("min_cluster_size", Value::from(6)),
        ("min_samples", Value::from(3)),
    ] {
        assert_eq!(parameters[name], value, "{name}");
    }
    program.ok(&[&["embed", dict, "-o", "map.npy"][..], &common[..]].concat());
    program.ok(&[&["cluster", dict, "-o", "a.csv", "--json"][..], &common[..], &groups[..]].concat());
    program.ok(&[&["cluster", "--points", "map.npy", "-o", "b.csv"][..], &groups[..]].concat());
    let column = |name: &str| -> Vec<String> {
        let text = fs::read_to_string(program.path(name)).unwrap();
        text.lines().skip(2).map(|line| line.rsplit(',').next().unwrap().to_string()).collect()
    };
    assert_eq!(column("a.csv"), column("b.csv"), "clusters of the map are clusters of its points");
    let exported: Vec<String> =
        json["features"].as_array().unwrap().iter().map(|row| row["cluster"].to_string()).collect();
    assert_eq!(exported, column("a.csv"));
}

#[test]
fn the_clusters_of_the_screen_can_be_asked_for() {
    let program = Program::new();
    let shape = ["--features", "300", "--d-model", "64", "--tokens", "0", "--quiet"];
    program.ok(&[&["synth", "manifolds", "-o", "d"][..], &shape].concat());
    let cluster = |file: &str, more: &[&str]| program.succeeds(&[&["cluster", "d", "-o", file][..], more].concat());
    let plain = cluster("plain.json", &[]);
    assert!(
        plain.stderr.contains("these clusters (2, the largest with ")
            && plain.stderr.contains(" of 300 features) do not tell the features apart; ")
            && plain.stderr.contains("--fit-clusters"),
        "{}",
        plain.stderr
    );
    let fitted = cluster("fitted.json", &["--fit-clusters"]);
    assert_eq!(fitted.stderr, "");
    let read = |file: &str| -> Value { serde_json::from_slice(&fs::read(program.path(file)).unwrap()).unwrap() };
    let (plain, fitted) = (read("plain.json"), read("fitted.json"));
    let used = |json: &Value| {
        ["min_cluster_size", "min_samples"].map(|name| json["provenance"]["parameters"][name].as_u64().unwrap())
    };
    assert_eq!((used(&plain), used(&fitted)), ([15, 15], [5, 5]));
    // The table has the same ones, and so has the screen.
    let export = ["export", "d", "-o", "t.json", "--columns", "feature,cluster", "--where", "cluster = 7"];
    let nothing = program.fails(1, &export);
    assert!(nothing.contains("no feature passes cluster = 7; try --fit-clusters"), "{nothing}");
    // Where the screen has the same clusters there is nothing to suggest.
    let same = ["export", "@example/concepts", "-o", "s.csv", "--where", "cluster = 7"];
    assert!(program.fails(1, &same).ends_with("no feature passes cluster = 7\n"));
    program.ok(&[&export[..], &["--fit-clusters"]].concat());
    let (table, all) = (read("t.json"), fitted["features"].as_array().unwrap());
    let seventh: Vec<&Value> = all.iter().filter(|row| row["cluster"] == 7).collect();
    assert_eq!((table["features"].as_array().unwrap().iter().collect::<Vec<_>>(), used(&table)), (seventh, [5, 5]));
    let count = all.iter().map(|row| row["cluster"].as_i64().unwrap()).max().unwrap() + 1;
    assert!(program.ok(&["render", "d", "--view", "map"]).contains(&format!("{count} clusters")));
}

#[test]
fn a_reader_that_leaves_ends_the_program_in_peace() {
    let program = Program::new();
    let command = format!("{} cache list --json | true; exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_saescope"));
    let status = std::process::Command::new("bash")
        .args(["-c", &command])
        .env("XDG_CACHE_HOME", program.folder())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn an_interrupt_ends_a_verb_with_130_and_leaves_nothing_behind() {
    let program = Program::new();
    program.ok(&["synth", "random", "-o", "big", "--features", "20000", "--d-model", "256", "--tokens", "8"]);
    let embed = ["embed", "big", "-o", "map.npy", "--no-cache", "--epochs", "1000000"];
    let synth = ["synth", "mixed", "-o", "planted", "--features", "60000", "--d-model", "1024", "--tokens", "400000"];
    for args in [&embed[..], &synth] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_saescope"))
            .args(args)
            .current_dir(program.folder())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(500));
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{args:?}");
        let files: Vec<_> = fs::read_dir(program.folder()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(files, ["big"], "{args:?}");
    }
}

#[test]
fn an_interrupt_while_a_result_is_written_ends_with_130_and_leaves_nothing_behind() {
    let program = Program::new();
    program.ok(&["synth", "random", "-o", "d", "--features", "3000", "--d-model", "8", "--tokens", "0"]);
    for suffix in ["json", "csv"] {
        let name = format!("k.{suffix}");
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_saescope"))
            .args(["knn", "d", "-o", &name, "--no-cache", "--k", "2999"])
            .current_dir(program.folder())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let names = || -> Vec<String> {
            let files = fs::read_dir(program.folder()).unwrap();
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
        };
        while !names().iter().any(|name| name.contains(".part")) {
            assert!(child.try_wait().unwrap().is_none(), "{suffix}: it is done already");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{suffix}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "saescope: cancelled\n");
        assert_eq!(names(), ["d"], "{suffix}");
    }
}

#[test]
fn a_folder_that_is_there_and_empty_takes_a_dictionary() {
    let program = Program::new();
    let synth = ["synth", "random", "--features", "8", "--d-model", "4", "--tokens", "0", "-o"];
    for name in ["planted", "copy"] {
        fs::create_dir(program.path(name)).unwrap();
    }
    program.ok(&[&synth[..], &["planted"]].concat());
    program.ok(&["convert", "planted", "-o", "copy"]);
    assert!(program.fails(2, &[&synth[..], &["copy"]].concat()).contains("--force"));
    for name in ["nope/..", "nope/../more"] {
        assert!(program.fails(2, &[&synth[..], &[name]].concat()).contains("the name without .."), "{name}");
        assert!(program.fails(2, &["convert", "planted", "-o", name]).contains("the name without .."), "{name}");
    }
    assert!(!program.path("nope").exists());
}

#[test]
fn the_help_lists_every_verb() {
    let help = Program::new().ok(&["help"]);
    for verb in [
        "info",
        "convert",
        "encode",
        "neighbors",
        "feature",
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
    }
}
