//! Saved activations of every format, as the libraries that keep them wrote them: `tests/fixtures/scripts/acts_*.py`.

use saescope::sae::activations::Activations;
use saescope::task::Task;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn fixtures(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(kind)
}

/// The cases of a kind: name, folder, what is true of it.
fn cases(kind: &str) -> Vec<(String, PathBuf, Value)> {
    let mut all: Vec<_> = fs::read_dir(fixtures(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|folder| {
            let text = fs::read_to_string(folder.join("expected.json")).unwrap();
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            (name, folder, serde_json::from_str(&text).unwrap())
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(!all.is_empty());
    all
}

fn task() -> Task {
    Task::new(1).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap()).collect()
}

fn entries(activations: &Activations) -> Vec<(usize, usize, f32)> {
    let rows = 0..activations.tokens();
    rows.flat_map(|row| {
        let (features, values) = activations.by_token.row(row);
        features.iter().zip(values).map(move |(&feature, &value)| (row, feature as usize, value))
    })
    .collect()
}

#[test]
fn every_format_gives_the_entries_that_were_saved() {
    for (name, folder, expected) in cases("activations") {
        let path = folder.join(expected["open"].as_str().unwrap());
        let features = expected["features"].as_u64().unwrap() as usize;
        let found = Activations::load(&path, Some(features), &task());
        if let Some(words) = expected.get("error") {
            let error = found.unwrap_err().to_string();
            assert!(texts(words).iter().all(|word| error.contains(word)), "{name}: {error}");
            continue;
        }
        let found = found.unwrap_or_else(|error| panic!("{name}: {error}"));
        let truth: Vec<(usize, usize, f32)> = expected["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| (0..3).map(|i| entry[i].as_f64().unwrap()).collect::<Vec<f64>>())
            .map(|entry| (entry[0] as usize, entry[1] as usize, entry[2] as f32))
            .collect();
        assert_eq!(entries(&found), truth, "{name}");
        assert_eq!(found.by_feature, found.by_token.transpose(), "{name}");
        let sizes = (found.tokens() as u64, found.features());
        assert_eq!(sizes, (expected["tokens"].as_u64().unwrap(), features), "{name}");
        let ids = found.ids.as_ref().map(|ids| ids.ids.iter().map(|&id| u64::from(id)).collect::<Vec<u64>>());
        let truth = expected["ids"].as_array().map(|ids| ids.iter().map(|id| id.as_u64().unwrap()).collect());
        assert_eq!(ids, truth, "{name}");
        let context = found.ids.as_ref().and_then(|ids| ids.context).map(|context| context as u64);
        assert_eq!(context, expected["context"].as_u64(), "{name}");
        let notes: Vec<&String> = found.notes.iter().filter(|note| !note.ends_with("was sorted")).collect();
        let words = texts(&expected["notes"]);
        assert_eq!(notes.len(), words.len(), "{name}: {notes:?}");
        assert!(notes.iter().zip(&words).all(|(note, word)| note.contains(word)), "{name}: {notes:?}");
    }
}

#[test]
fn another_dictionary_is_refused_by_every_format() {
    for (name, folder, expected) in
        cases("activations").into_iter().filter(|(.., expected)| expected.get("error").is_none())
    {
        let path = folder.join(expected["open"].as_str().unwrap());
        let features = expected["features"].as_u64().unwrap() as usize;
        // Formats that do not tell the number of features can only say that there are too few.
        let found = Activations::load(&path, Some(features - 1), &task()).map(drop);
        let error = found.unwrap_err().to_string();
        let words = ["but the dictionary has", "where the dictionary has"];
        assert!(words.iter().any(|word| error.contains(word)), "{name}: {error}");
    }
}

/// A copy of a case, in which a test may break something.
fn copy(case: &str) -> tempfile::TempDir {
    fn all(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let to = to.join(path.file_name().unwrap());
            if path.is_dir() { all(&path, &to) } else { fs::copy(&path, &to).map(drop).unwrap() }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    all(&fixtures("activations").join(case), folder.path());
    folder
}

#[test]
fn files_that_are_cut_or_changed_are_refused_and_cause_no_panic() {
    let task = task();
    for (name, folder, expected) in cases("activations") {
        let open = expected["open"].as_str().unwrap();
        let features = expected["features"].as_u64().unwrap() as usize;
        let mut files = vec![folder.join(open)];
        if files[0].is_dir() {
            let inside = fs::read_dir(&files[0]).unwrap().map(|entry| entry.unwrap().path());
            let inside: Vec<PathBuf> =
                inside.filter(|path| path.is_file() && !path.ends_with("expected.json")).collect();
            files = inside;
        }
        let Some(file) = files.into_iter().find(|file| file.extension().is_some_and(|suffix| suffix != "json")) else {
            continue;
        };
        let broken = copy(&name);
        let target = broken.path().join(file.strip_prefix(&folder).unwrap());
        let whole = fs::read(&file).unwrap();
        let load = |bytes: &[u8]| {
            fs::write(&target, bytes).unwrap();
            Activations::load(&broken.path().join(open), Some(features), &task)
        };
        for cut in (0..whole.len()).step_by(whole.len() / 20 + 1) {
            assert!(load(&whole[..cut]).is_err(), "{name} cut at {cut}");
        }
        for at in (0..whole.len()).step_by(whole.len() / 60 + 1) {
            for change in [0x80, 1] {
                let mut bent = whole.clone();
                bent[at] ^= change;
                // What a changed number means cannot be told; what is taken must hold together.
                if let Ok(found) = load(&bent) {
                    assert!(found.by_token.verify(&task).is_ok(), "{name} byte {at}");
                    assert_eq!(found.by_feature, found.by_token.transpose(), "{name} byte {at}");
                }
            }
        }
    }
}

#[test]
fn splits_that_contradict_one_another_are_refused() {
    let load = |folder: &tempfile::TempDir| {
        Activations::load(&folder.path().join("latents/layers.3"), Some(10), &task()).unwrap_err().to_string()
    };
    let split = |folder: &tempfile::TempDir, name: &str| folder.path().join("latents/layers.3").join(name);
    // A split of another run beside those of this one.
    let folder = copy("delphi_u16");
    fs::copy(split(&folder, "0_2.safetensors"), split(&folder, "2_5.safetensors")).unwrap();
    let error = load(&folder);
    assert!(error.contains("features 2 to 2 are in two splits") && error.contains("2_5.safetensors"), "{error}");
    // A name that says fewer features than are in it.
    let folder = copy("delphi_u16");
    fs::rename(split(&folder, "6_9.safetensors"), split(&folder, "6_6.safetensors")).unwrap();
    fs::remove_file(split(&folder, "config.json")).unwrap();
    let error = load(&folder);
    assert!(error.contains("in a split of 1 feature"), "{error}");
    // All splits are there and end elsewhere than the features do.
    let folder = copy("delphi_u16");
    let error = Activations::load(folder.path(), Some(16), &task()).unwrap_err().to_string();
    assert!(error.contains("activations of 10 features, but the dictionary has 16"), "{error}");
    // More features than any file has.
    let folder = copy("delphi_u16");
    fs::rename(split(&folder, "6_9.safetensors"), split(&folder, "6_4000000000.safetensors")).unwrap();
    fs::remove_file(split(&folder, "config.json")).unwrap();
    let error = Activations::load(folder.path(), None, &task()).unwrap_err().to_string();
    assert!(error.contains("rows and columns for so few"), "{error}");
}
