//! Dictionaries of several layers and several sources, as scripts use them: listed, picked, chosen, converted.

#[path = "support/program.rs"]
mod program;

use program::Program;
use serde_json::Value;

fn fixture(case: &str) -> String {
    format!("{}/tests/fixtures/dictionaries/{case}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_layers_of_a_cross_layer_transcoder_are_listed_and_picked() {
    let program = Program::new();
    for (case, layers) in [("clt-relu", 3), ("llamascopium-clt", 3), ("crosslayer-coding", 3)] {
        let folder = fixture(case);
        let listed = program.json(&["info", &folder, "--json"]);
        let listed = listed["dictionaries"].as_array().unwrap();
        assert_eq!(listed.len(), layers, "{case}");
        assert_eq!((&listed[1]["name"], &listed[1]["layer"]), (&Value::from("layer_1"), &Value::from(1)), "{case}");
        // A layer writes to itself and those after it.
        let widths: Vec<u64> = listed.iter().map(|one| one["shape"][1].as_u64().unwrap() / 6).collect();
        assert_eq!(widths, [3, 2, 1], "{case}");
        assert!(program.fails(2, &["convert", &folder, "-o", "out"]).contains("--pick layer_0"), "{case}");
        let one = program.json(&["info", &folder, "--pick", "layer_1", "--json"]);
        assert_eq!((&one["kind"], &one["sources"], &one["source"]), (&"clt".into(), &2.into(), &"concat".into()));
        let width = one["d_model"].as_u64().unwrap();
        assert_eq!(one["d_out"].as_u64().unwrap(), 2 * width, "{case}");
        // A file of the layer is that layer.
        if case == "clt-relu" {
            let file = program.json(&["info", &format!("{folder}/W_enc_2.safetensors"), "--json"]);
            assert_eq!((&file["layer"], &file["sources"]), (&Value::from(2), &Value::from(1)));
        }
    }
}

#[test]
fn a_source_is_chosen_by_number_as_a_sum_or_all_are_concatenated() {
    let program = Program::new();
    let folder = fixture("llamascopium-crosscoder");
    let export = |source: &str| {
        program.ok(&["knn", &folder, "--source", source, "-o", "k.npz", "--k", "3", "--force", "--quiet"]);
        program.ok(&["convert", &folder, "--source", source, "--normalize", "none", "-o", source, "--quiet"]);
        let info = program.json(&["info", source, "--json"]);
        (info["d_out"].as_u64().unwrap(), info["kind"].as_str().unwrap().to_string())
    };
    assert_eq!(export("concat"), (12, "sae".into()));
    for source in ["0", "1", "sum"] {
        assert_eq!(export(source), (6, "transcoder".into()), "{source}");
    }
    let refused = |source: &str| program.fails(2, &["info", &folder, "--source", source]);
    assert!(refused("2").contains("there is no source 2: there are 2"));
    assert!(refused("mean").contains("expected concat, sum, or the number of a source"));
    assert!(program.fails(2, &["info", "@example", "--source", "0"]).contains("there is one source"));
}

#[test]
fn a_large_file_is_told_of_without_reading_its_matrices() {
    let program = Program::new();
    // 9 GB that no disk holds: a file with a hole.
    let (features, width) = (262_144u64, 4096u64);
    let mut at = 0;
    let mut tensor = |name: &str, shape: &[u64]| {
        let start = at;
        at += 4 * shape.iter().product::<u64>();
        format!("\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[{start},{at}]}}")
    };
    let tensors = [
        tensor("W_dec", &[features, width]),
        tensor("W_enc", &[width, features]),
        tensor("b_enc", &[features]),
        tensor("b_dec", &[width]),
    ];
    let header = format!("{{{}}}", tensors.join(","));
    let path = program.path("sae_weights.safetensors");
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    std::fs::write(&path, &bytes).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes.len() as u64 + at).unwrap();
    let told = program.json(&["info", "sae_weights.safetensors", "--arch", "relu", "--json"]);
    assert_eq!(
        (&told["features"], &told["d_model"], &told["decoder"]),
        (&features.into(), &width.into(), &Value::Null)
    );
    let warnings = told["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|warning| warning.as_str().unwrap().contains("--full computes them")), "{warnings:?}");
}

/// A copy of a case, in which a test may break something.
fn copy(program: &Program, case: &str, to: &str) {
    std::fs::create_dir_all(program.path(to)).unwrap();
    for entry in std::fs::read_dir(fixture(case)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, program.path(to).join(path.file_name().unwrap())).unwrap();
        }
    }
}

#[test]
fn a_layer_alone_opens_and_one_that_is_not_whole_is_listed_with_its_reason() {
    let program = Program::new();
    copy(&program, "clt-relu", "alone");
    for other in [0, 1] {
        for name in ["W_enc", "W_dec"] {
            std::fs::remove_file(program.path(format!("alone/{name}_{other}.safetensors"))).unwrap();
        }
    }
    for path in ["alone", "alone/W_enc_2.safetensors", "alone/W_dec_2.safetensors"] {
        assert_eq!(program.json(&["info", path, "--json"])["layer"], 2, "{path}");
    }
    // The last layer has one source, whichever is asked for.
    for source in ["0", "sum", "concat"] {
        assert_eq!(program.json(&["info", "alone", "--source", source, "--json"])["d_out"], 6, "{source}");
    }
    let refused = program.fails(2, &["info", "alone", "--source", "1"]);
    assert!(refused.contains("there is no source 1") && refused.contains("_2.safetensors"), "{refused}");

    copy(&program, "clt-relu", "broken");
    std::fs::remove_file(program.path("broken/W_dec_1.safetensors")).unwrap();
    let listed = program.json(&["info", "broken", "--json"]);
    let problem = listed["dictionaries"][1]["problem"].as_str().unwrap();
    assert!(problem.contains("layer 1 is not whole: W_dec_1 is missing"), "{problem}");
    assert!(program.fails(2, &["info", "broken", "--pick", "layer_1"]).contains("W_dec_1 is missing"));
}

#[test]
fn a_broken_file_of_a_folder_is_listed_with_its_reason() {
    let program = Program::new();
    let whole =
        std::fs::read(fixture("openai-v1/sparse-autoencoder/gpt2-small/resid_delta_mlp/autoencoders/8.pt")).unwrap();
    std::fs::create_dir(program.path("many")).unwrap();
    std::fs::write(program.path("many/0.pt"), &whole).unwrap();
    std::fs::write(program.path("many/1.pt"), &whole[..whole.len() - 200]).unwrap();
    // What training keeps, and arrays that anyone saves, are no dictionaries, broken or not.
    for other in ["optimizer_0.pt", "rng_state_0.pth", "x.npy"] {
        std::fs::write(program.path("many").join(other), &whole[..whole.len() / 2]).unwrap();
    }
    let listed = program.json(&["info", "many", "--json"]);
    let names: Vec<&str> =
        listed["dictionaries"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["0.pt", "1.pt"]);
    assert!(listed["dictionaries"][1]["problem"].as_str().unwrap().contains("1.pt"));
    assert_eq!(program.json(&["info", "many", "--pick", "0.pt", "--json"])["format"], "openai");
    let refused = program.fails(2, &["info", "many", "--pick", "1.pt"]);
    assert!(refused.contains("1.pt") && refused.contains("cut short"), "{refused}");
}

#[test]
fn weights_are_no_vectors_unless_a_matrix_is_named() {
    let program = Program::new();
    let folder = fixture("saelens-standard");
    let refused = program.fails(2, &["encode", &folder, &folder, "-o", "a.npz"]);
    assert!(
        refused.contains("the weights of a dictionary (saelens)") && refused.contains("--tensor NAME"),
        "{refused}"
    );
    program.ok(&["encode", &folder, &folder, "--tensor", "W_dec", "-o", "a.npz", "--quiet"]);
}
