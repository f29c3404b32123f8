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
