//! Every family of dictionaries, as its own trainer wrote it: opened, compared and encoded.
//!
//! Each folder of `tests/fixtures/dictionaries` holds files in a trainer's layout and `expected.json`: what a reader must
//! find, the decoder's rows, and the activations that the training library gives for some inputs.

use saescope::rows::{Points, Rows};
use saescope::sae::convert::convert;
use saescope::sae::encode::encode;
use saescope::sae::formats::FORMATS;
use saescope::sae::{Dictionary, OpenOptions, open};
use saescope::task::Task;
use serde_json::Value;
use std::path::{Path, PathBuf};

struct Case {
    name: String,
    path: PathBuf,
    expected: Value,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dictionaries");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let case = |folder: PathBuf| {
        let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_str(&text).unwrap();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let open = expected["open"].as_str().unwrap();
        Case { name, path: if open.is_empty() { folder } else { folder.join(open) }, expected }
    };
    folders.into_iter().map(case).collect()
}

fn options(said: &Value) -> OpenOptions {
    let text = |key: &str| said[key].as_str().map(String::from);
    let read = |key: &str| said[key].as_str().map(String::from).or_else(|| said[key].as_u64().map(|n| n.to_string()));
    OpenOptions {
        format: text("format"),
        arch: text("arch"),
        k: said["k"].as_u64().map(|k| k as usize),
        threshold: said["threshold"].as_f64().map(|x| x as f32),
        subtract_b_dec: said["subtract_b_dec"].as_bool(),
        normalize: text("normalize").map(|text| text.parse().unwrap()),
        transpose: said["transpose"].as_bool(),
        source: read("source").map(|text| text.parse().unwrap()),
        pick: read("pick"),
    }
}

fn matrix(value: &Value) -> Vec<Vec<f64>> {
    let row = |row: &Value| row.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    value.as_array().unwrap().iter().map(row).collect()
}

/// What is different from what was expected of the description.
fn differences(dictionary: &Dictionary, expected: &Value) -> Vec<String> {
    let info = &dictionary.info;
    let kind = serde_json::to_value(info.kind).unwrap();
    let found = serde_json::json!({
        "format": info.format, "kind": kind, "activation": info.activation.name(), "k": info.activation.k(),
        "features": dictionary.features(), "d_model": dictionary.d_model(), "d_out": dictionary.d_out(),
        "dtype": info.dtype.name(), "sources": info.sources.as_ref().map_or(1, |sources| sources.count),
        "subtract_b_dec": info.subtract_b_dec, "normalize": info.normalize.name(),
        "model": info.model, "hook": info.hook, "layer": info.layer,
    });
    let differs = |(key, found): (&String, &Value)| {
        // A dictionary whose activation function is open may still have a k in its files.
        let open = key == "k" && info.activation.name() == "unknown" || key == "dtype" && expected[key].is_null();
        (!open && expected[key] != *found).then(|| format!("{key} is {found}, not {}", expected[key]))
    };
    found.as_object().unwrap().iter().filter_map(differs).collect()
}

/// The largest difference between decoder rows and what was expected.
fn row_error(dictionary: &Dictionary, rows: &[Vec<f64>]) -> f64 {
    let width = dictionary.d_out();
    assert_eq!((rows.len(), rows.first().map_or(0, Vec::len)), (dictionary.features(), width));
    let mut row = vec![0.0f64; width];
    let mut worst = 0.0f64;
    for (i, expected) in rows.iter().enumerate() {
        dictionary.decoder.read_f64(i..i + 1, &mut row);
        worst = row.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(worst, f64::max);
    }
    worst
}

/// Where activations differ by more than 1e-4 of their size.
fn act_errors(dictionary: &Dictionary, x: &[Vec<f64>], acts: &[Vec<f64>]) -> Result<Vec<String>, String> {
    let width = x[0].len();
    let points = Points::new(x.iter().flatten().map(|&x| x as f32).collect(), width);
    let task = Task::new(2).unwrap();
    let found = encode(dictionary, &points, &task).map_err(|error| error.to_string())?;
    let mut errors = Vec::new();
    for (token, expected) in acts.iter().enumerate() {
        for (feature, &expected) in expected.iter().enumerate() {
            let found = f64::from(found.get(token, feature as u32));
            if (found - expected).abs() > 1e-4 * expected.abs() + 1e-6 {
                errors.push(format!("token {token}, feature {feature}: {found}, not {expected}"));
            }
        }
    }
    Ok(errors)
}

fn check(case: &Case) -> Vec<String> {
    let dictionary = match open(&case.path, &options(&case.expected["options"])) {
        Ok(dictionary) => dictionary,
        Err(error) => return vec![format!("does not open: {error}")],
    };
    let mut wrong = differences(&dictionary, &case.expected);
    if !wrong.iter().any(|text| text.starts_with("features") || text.starts_with("d_out")) {
        if case.expected["rows"].is_array() {
            let error = row_error(&dictionary, &matrix(&case.expected["rows"]));
            if error > 1e-7 {
                wrong.push(format!("rows differ by {error}"));
            }
        }
        if case.expected["acts"].is_array() {
            match act_errors(&dictionary, &matrix(&case.expected["x"]), &matrix(&case.expected["acts"])) {
                Ok(errors) if errors.is_empty() => {}
                Ok(errors) => wrong.push(format!("{} activations differ, first {}", errors.len(), errors[0])),
                Err(error) => wrong.push(format!("does not encode: {error}")),
            }
        }
    }
    if !wrong.is_empty() {
        wrong.push(format!("warnings: {:?}", dictionary.info.warnings));
    }
    wrong
}

#[test]
fn every_dictionary_is_what_its_trainer_wrote_and_encodes_to_its_numbers() {
    let mut report = String::new();
    for case in cases() {
        let wrong = check(&case);
        if !wrong.is_empty() {
            report.push_str(&format!("\n{} ({})\n  {}\n", case.name, case.expected["note"], wrong.join("\n  ")));
        }
    }
    assert!(report.is_empty(), "{report}");
}

/// What is wrong with a folder that `convert` wrote of a case; none if SAELens has no place for it.
///
/// The decoder must be the same. Activations must be too, but for the decoder's norms where the library divides the decoder
/// by them or chooses by them, which the folder cannot say.
fn check_converted(case: &Case, folder: &Path) -> Option<String> {
    let acts = &case.expected["acts"];
    let first = open(&case.path, &options(&case.expected["options"])).unwrap();
    let task = Task::new(2).unwrap();
    if convert(&first, folder, false, &task).is_err() || !acts.is_array() {
        return None;
    }
    let second = match open(folder, &OpenOptions::default()) {
        Ok(second) => second,
        Err(error) => return Some(format!("does not open again: {error}")),
    };
    let rows = row_error(&second, &matrix(&serde_json::json!(all_rows(&first))));
    if rows > 0.0 {
        return Some(format!("rows differ by {rows}"));
    }
    let (x, acts) = (matrix(&case.expected["x"]), matrix(acts));
    let scaled = |power: i32| -> Vec<Vec<f64>> {
        let norms = second.decoder_norms(&task).unwrap();
        let scale = |row: &Vec<f64>| row.iter().zip(&norms).map(|(x, n)| x * f64::from(*n).powi(power)).collect();
        acts.iter().map(scale).collect()
    };
    let powers = if first.info.code_norm.is_some() { &[0, 1, -1][..] } else { &[0] };
    let errors: Vec<_> = powers.iter().map(|&power| act_errors(&second, &x, &scaled(power))).collect();
    let fits = errors.iter().any(|errors| errors.as_ref().is_ok_and(Vec::is_empty));
    (!fits).then(|| format!("encodes otherwise: {:?}", errors[0]))
}

fn all_rows(dictionary: &Dictionary) -> Vec<Vec<f64>> {
    let mut rows = vec![0.0; dictionary.features() * dictionary.d_out()];
    dictionary.decoder.read_f64(0..dictionary.features(), &mut rows);
    rows.chunks_exact(dictionary.d_out()).map(<[f64]>::to_vec).collect()
}

#[test]
fn every_dictionary_that_converts_is_the_same_again() {
    let (mut report, mut converted) = (String::new(), 0);
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        if let Some(wrong) = check_converted(&case, &out) {
            report.push_str(&format!("\n{}: {wrong}\n", case.name));
        }
        converted += usize::from(out.exists());
    }
    assert!(report.is_empty(), "{report}");
    assert!(converted > 180, "{converted} were converted");
}

#[test]
fn every_row_of_the_table_has_a_case() {
    let cases = cases();
    for format in FORMATS {
        assert!(cases.iter().any(|case| case.expected["format"] == format.name), "no case for {}", format.name);
    }
    for case in &cases {
        let format = case.expected["format"].as_str().unwrap();
        assert!(FORMATS.iter().any(|row| row.name == format), "{}: no row {format}", case.name);
    }
}
