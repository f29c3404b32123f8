//! Saved activations of every format, as the libraries that keep them wrote them: `tests/fixtures/scripts/acts_*.py`.

use saescope::analysis::open::{Request, open};
use saescope::analysis::{Cache, Study};
use saescope::container::write::write_npy;
use saescope::rows::Rows;
use saescope::sae::Vocabulary;
use saescope::sae::activations::Activations;
use saescope::sae::dense::{self, Choice};
use saescope::sae::labels::{Labels, Whose};
use saescope::sae::synth::{self, SynthKind, SynthParams, plant};
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

/// A copy of a case of activations, in which a test may break something.
fn copy(case: &str) -> tempfile::TempDir {
    copy_of("activations", case)
}

fn copy_of(kind: &str, case: &str) -> tempfile::TempDir {
    fn all(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let to = to.join(path.file_name().unwrap());
            if path.is_dir() { all(&path, &to) } else { fs::copy(&path, &to).map(drop).unwrap() }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    all(&fixtures(kind).join(case), folder.path());
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

#[test]
fn every_tokenizer_gives_the_texts_that_its_library_decodes() {
    for (name, folder, expected) in cases("tokens") {
        let vocabulary = Vocabulary::load(&folder).unwrap_or_else(|error| panic!("{name}: {error}"));
        let texts = texts(&expected["texts"]);
        assert_eq!(vocabulary.len(), texts.len(), "{name}");
        for (id, text) in texts.iter().enumerate() {
            assert_eq!(vocabulary.get(id as u32), Some(*text), "{name} id {id}");
        }
    }
}

/// A study of a bare decoder of 10 features with the activations at `acts`.
fn study(folder: &Path, acts: &Path, tokens: Option<PathBuf>) -> saescope::Result<Study> {
    let path = folder.join("W_dec.npy");
    write_npy(&mut fs::File::create(&path).unwrap(), &[10, 4], &[1f32; 40]).unwrap();
    let request = Request { dictionary: path, activations: Some(acts.into()), tokens, ..Request::default() };
    let study = open(&request, Cache::off())?;
    study.load_evidence(&task())?;
    Ok(study)
}

#[test]
fn token_ids_are_read_with_a_tokenizer_and_shown_as_numbers_without() {
    let folder = copy("delphi_u16");
    let acts = folder.path().join("latents/layers.3");
    // The tokenizer of a model that it names may be in the cache of whoever runs this.
    let config = fs::read_to_string(acts.join("config.json")).unwrap().replace("model_name", "of_model");
    fs::write(acts.join("config.json"), config).unwrap();
    let (_, _, expected) = cases("activations").into_iter().find(|case| case.0 == "delphi_u16").unwrap();
    let ids: Vec<usize> = expected["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as usize).collect();
    let plain = study(folder.path(), &acts, None).unwrap();
    let tokens = plain.tokens().unwrap();
    assert_eq!(
        (0..15).map(|row| tokens.token(row).to_string()).collect::<Vec<_>>(),
        ids.iter().map(|id| format!("<{id}>")).collect::<Vec<_>>()
    );
    assert_eq!(tokens.place(7), (1, 2), "sequence and position");
    assert!(plain.evidence().unwrap().notes.iter().any(|note| note.contains("no tokenizer.json was found")));

    let tokenizer = fixtures("tokens/byte_level");
    let (_, _, texts_of) = cases("tokens").into_iter().find(|case| case.0 == "byte_level").unwrap();
    let truth: Vec<&str> = ids.iter().map(|&id| texts(&texts_of["texts"])[id].to_string().leak() as &str).collect();
    let named = study(folder.path(), &acts, Some(tokenizer.join("tokenizer.json"))).unwrap();
    // Found two folders above, as beside the results of a run.
    fs::copy(tokenizer.join("tokenizer.json"), folder.path().join("tokenizer.json")).unwrap();
    for study in [named, study(folder.path(), &acts, None).unwrap()] {
        let tokens = study.tokens().unwrap();
        assert_eq!((0..15).map(|row| tokens.token(row)).collect::<Vec<_>>(), truth);
        assert_eq!(tokens.passage(6, 9).pieces.len(), 5, "a passage ends with its sequence");
        assert!(study.evidence().unwrap().notes.iter().all(|note| !note.contains("tokenizer")));
    }
    let without = copy("delphi_without_tokens");
    let tokenizer = Some(tokenizer.join("tokenizer.json"));
    let error = study(without.path(), &without.path().join("layers.3"), tokenizer).map(drop).unwrap_err().to_string();
    assert!(error.contains("the activations have no token ids"), "{error}");
}

#[test]
fn labels_of_a_run_and_the_tokenizer_of_its_model_are_found() {
    let run = copy("delphi_u16");
    let path = |name: &str| run.path().join(name);
    fs::create_dir(path("explanations")).unwrap();
    fs::write(path("explanations/layers.3_latent4.txt"), "\"a word\"").unwrap();
    let snapshot = path("hub/models--HuggingFaceTB--SmolLM2-135M/snapshots/abc");
    fs::create_dir_all(&snapshot).unwrap();
    fs::copy(fixtures("tokens/byte_level/tokenizer.json"), snapshot.join("tokenizer.json")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let decoder = elsewhere.path().join("W_dec.npy");
    write_npy(&mut fs::File::create(&decoder).unwrap(), &[10, 4], &[1f32; 40]).unwrap();
    let mut command = assert_cmd::Command::cargo_bin("saescope").unwrap();
    let asked = command.arg("info").arg(&decoder).arg("--acts").arg(path("latents/layers.3"));
    let output =
        asked.env("HF_HUB_CACHE", path("hub")).arg("--no-cache").assert().success().get_output().stdout.clone();
    let said = String::from_utf8(output).unwrap();
    assert!(said.contains("1 of 10 features, source layers.3"), "{said}");
    assert!(said.contains("the tokenizer of HuggingFaceTB/SmolLM2-135M in the Hugging Face cache"), "{said}");
}

#[test]
fn explanations_of_delphi_have_the_score_of_the_answers_beside_them() {
    let run = copy_of("labels", "delphi_explanations");
    let answers = |scorer: &str, feature: usize, answers: &str| {
        let folder = run.path().join("scores").join(scorer);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("layers.3.mlp_latent{feature}.txt")), answers).unwrap();
    };
    let given = r#"[{"str_tokens": ["a"], "activating": true, "prediction": true, "correct": true},
        {"correct": false}, {"correct": null}, {"correct": true}, {"correct": true}]"#;
    let path = run.path().join("explanations");
    let features = 12;
    let plain = Labels::load(&path, features, &task()).unwrap().0;
    let described: Vec<usize> = (0..features).filter(|&feature| plain.get(feature).is_some()).collect();
    answers("detection", described[0], given);
    answers("fuzz", described[0], r#"[{"correct": false}]"#);
    answers("detection", described[1], "[{\"correct\": tr");
    answers("fuzz", described[1], r#"[{"correct": true}]"#);
    let scored = Labels::load(&path, features, &task()).unwrap().0;
    let score = |labels: &Labels, at: usize| labels.by_feature[described[at]][0].score;
    assert_eq!([0, 1, 2].map(|at| score(&scored, at)), [Some(0.75), Some(1.0), None]);
    assert_eq!(score(&plain, 0), None);
}

#[test]
fn every_format_gives_the_labels_that_were_saved() {
    for (name, folder, expected) in cases("labels") {
        let path = folder.join(expected["open"].as_str().unwrap());
        let features = expected["features"].as_u64().unwrap() as usize;
        let whose = Whose { hook: expected["hook"].as_str(), id: None };
        let (labels, notes) =
            Labels::load_of(&path, features, whose, &task()).unwrap_or_else(|error| panic!("{name}: {error}"));
        for feature in 0..features {
            let words: Vec<&str> = labels.by_feature[feature].iter().map(|label| label.text.as_str()).collect();
            assert_eq!(words, texts(&expected["labels"][feature.to_string()]), "{name} feature {feature}");
        }
        let said = [labels.source.as_deref(), labels.model.as_deref(), labels.kind()];
        assert_eq!(said, ["source", "model", "kind"].map(|key| expected[key].as_str()), "{name}");
        if let Some(author) = expected["author"].as_str() {
            assert!(labels.by_feature.iter().flatten().all(|label| label.author.as_deref() == Some(author)), "{name}");
        }
        assert!(notes.is_empty(), "{name}: {notes:?}");
        // A dictionary with fewer features has other labels.
        assert!(Labels::load_of(&path, features - 1, whose, &task()).is_err(), "{name}");
    }
    let error = Labels::load(&fixtures("labels/delphi_two_modules"), 12, &task()).unwrap_err().to_string();
    assert!(error.contains("several modules: layers.3, layers.3.mlp"), "{error}");
}

#[test]
fn labels_of_another_dictionary_are_a_warning_and_stand_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sae");
    let params = SynthParams { features: 30, d_model: 4, tokens: 9, ..SynthParams::default() };
    let planted = plant(SynthKind::Random, &params, &task()).unwrap();
    synth::write(&planted, &synth::target(&path, false).unwrap(), &task()).unwrap();
    let config = path.join("cfg.json");
    let mut said: Value = serde_json::from_str(&fs::read_to_string(&config).unwrap()).unwrap();
    let mut warnings = |id: &str| {
        said["metadata"]["neuronpedia_id"] = id.into();
        fs::write(&config, said.to_string()).unwrap();
        let labels = Some(fixtures("labels/neuronpedia_export/explanations"));
        let study = open(&Request { dictionary: path.clone(), labels, ..Request::default() }, Cache::off()).unwrap();
        let summary = study.summary(false, &task()).unwrap();
        assert!(study.evidence().unwrap().warnings.iter().all(|warning| summary.warnings.contains(warning)));
        study.evidence().unwrap().warnings.clone()
    };
    let doubt = "labels are of gpt2-small/10-res_fs12-jb, the dictionary is gpt2-small/11-res_fs12-jb";
    assert_eq!(warnings("gpt2-small/11-res_fs12-jb"), [doubt]);
    assert!(warnings("gpt2-small/10-res_fs12-jb").is_empty());
}

#[test]
fn every_layout_of_vectors_gives_the_rows_that_were_saved() {
    for (name, folder, expected) in cases("vectors") {
        let whole = |key: &str| expected[key].as_u64().map(|n| n as usize);
        let choice = Choice { tensor: expected["tensor"].as_str(), layer: whole("layer"), width: whole("width") };
        let found = dense::open(&folder.join(expected["open"].as_str().unwrap()), &choice, &task());
        if let Some(words) = expected["error"].as_str() {
            let error = found.unwrap_err().to_string();
            assert!(error.contains(words), "{name}: {error}");
            continue;
        }
        let found = found.unwrap_or_else(|error| panic!("{name}: {error}"));
        let truth: Vec<f32> = expected["rows"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32))
            .collect();
        let width = choice.width.unwrap();
        assert_eq!((found.rows.ncols(), found.rows.nrows() * width), (width, truth.len()), "{name}");
        // Whole, and in tiles that end within chunks.
        for step in [found.rows.nrows(), 5, 1] {
            let mut rows = Vec::new();
            for start in (0..found.rows.nrows()).step_by(step) {
                let range = start..found.rows.nrows().min(start + step);
                let mut tile = vec![0.0; range.len() * width];
                found.rows.read(range, &mut tile);
                rows.extend(tile);
            }
            assert_eq!(rows, truth, "{name}, {step} at a time");
        }
        assert_eq!(Some(found.format), expected["format"].as_str(), "{name}");
        let ids = found.ids.as_ref().map(|ids| ids.ids.iter().map(|&id| u64::from(id)).collect::<Vec<u64>>());
        let truth = expected["ids"].as_array().map(|ids| ids.iter().map(|id| id.as_u64().unwrap()).collect());
        assert_eq!(ids, truth, "{name}");
        assert_eq!(found.ids.as_ref().and_then(|ids| ids.context), whole("context"), "{name}");
        let real: Vec<bool> =
            expected["real"].as_array().into_iter().flatten().map(|real| real.as_bool().unwrap()).collect();
        assert_eq!((&found.real, found.notes.len()), (&real, 0), "{name}");
    }
}

#[test]
fn vectors_that_are_cut_or_contradict_their_description_are_refused() {
    let open_at = |folder: &tempfile::TempDir, place: &str, layer: Option<usize>| {
        let choice = Choice { layer, width: Some(6), ..Choice::default() };
        dense::open(&folder.path().join(place), &choice, &task()).map(drop).unwrap_err().to_string()
    };
    let change = |file: &Path, from: &str, to: &str| {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(file, text.replace(from, to)).unwrap();
    };
    for (from, to, words) in [
        ("\"layers\": [5, 9]", "\"layers\": []", "no layers"),
        ("\"layers\": [5, 9]", "\"layers\": [5, 7, 9]", "a shard of 576 bytes; expected 864 bytes"),
        ("\"d_model\": 6", "\"d_model\": 0", "no count d_model"),
        ("\"d_model\": 6", "\"d_model\": 9223372036854775807", "no memory can address"),
        ("\"dtype\": \"float32\"", "\"dtype\": \"int8\"", "another type"),
        ("\"patches_per_ex\": 3", "\"patches_per_ex\": 4", "as its description says"),
    ] {
        let folder = copy_of("vectors", "saev_shards");
        change(&folder.path().join("metadata.json"), from, to);
        let error = open_at(&folder, "", Some(9));
        assert!(error.contains(words), "{to}: {error}");
    }
    let folder = copy_of("vectors", "saev_shards");
    assert!(open_at(&folder, "", None).contains("vectors of 2 layers: 5, 9"));
    assert!(open_at(&folder, "", Some(6)).contains("vectors of 2 layers: 5, 9"));
    change(&folder.path().join("shards.json"), "acts000001.bin", "../saev_shards/acts000001.bin");
    assert!(open_at(&folder, "", Some(9)).contains("a shard that is not there"));
    for (from, to, words) in [
        ("[7, 6]", "[7, 600]", "as its description says"),
        ("[7, 6]", "[7, -6]", "no shape"),
        ("[7, 6]", "[4611686018427387904, 4611686018427387904]", "no memory can address"),
        ("torch.bfloat16", "torch.qint8", "a type that is not read"),
    ] {
        let folder = copy_of("vectors", "memmap_shards");
        change(&folder.path().join("layer_3_out/shard_0.meta"), from, to);
        let error = open_at(&folder, "layer_3_out", None);
        assert!(error.contains(words), "{to}: {error}");
    }
    let folder = copy_of("vectors", "saelens_dataset");
    change(&folder.path().join("run/state.json"), "data-00001", "data-00007");
    assert!(open_at(&folder, "run", None).contains("which is not there"));
    let folder = copy_of("vectors", "prisma_layers");
    assert!(open_at(&folder, "", Some(3)).contains("--layer below 3"));
    let folder = copy_of("vectors", "npy_3d");
    let cut = fs::read(folder.path().join("x.npy")).unwrap();
    fs::write(folder.path().join("x.npy"), &cut[..cut.len() - 1]).unwrap();
    assert!(open_at(&folder, "x.npy", None).contains("does not fit its bytes"));
}

#[test]
fn encoded_activations_keep_the_tokens_of_their_vectors_and_padding_fires_nothing() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let acts = folder.path().join("acts.npz");
    let run = |args: &[&std::ffi::OsStr]| {
        let program = std::process::Command::new(env!("CARGO_BIN_EXE_saescope"))
            .args(args)
            .env("XDG_CACHE_HOME", cache.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&program.stderr).into_owned();
        assert!(program.status.success(), "{said}");
        (String::from_utf8_lossy(&program.stdout).into_owned(), said)
    };
    let (dictionary, vectors) = (fixtures("dictionaries/llamascopium-bf16"), fixtures("vectors/llamascopium"));
    let (_, said) = run(&["encode".as_ref(), dictionary.as_ref(), vectors.as_ref(), "-o".as_ref(), acts.as_ref()]);
    assert!(said.contains("4 tokens of the mask fire nothing"), "{said}");
    let found = Activations::load(&acts, None, &task()).unwrap();
    let (_, _, expected) = cases("vectors").into_iter().find(|case| case.0 == "llamascopium").unwrap();
    let ids: Vec<u64> = expected["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
    let kept = found.ids.as_ref().unwrap();
    assert_eq!((kept.ids.iter().map(|&id| u64::from(id)).collect::<Vec<_>>(), kept.context), (ids, Some(4)));
    let mut firing = 0;
    for (row, real) in expected["real"].as_array().unwrap().iter().enumerate() {
        let fires = found.by_token.row(row).0.len();
        assert!(real.as_bool().unwrap() || fires == 0, "row {row} is padding");
        firing += fires;
    }
    assert!(firing > 0);
    let tokenizer = fixtures("tokens/byte_level/tokenizer.json");
    let feature =
        (0..found.features()).find(|&feature| !found.by_feature.row(feature).0.is_empty()).unwrap().to_string();
    let (page, _) = run(&[
        "feature".as_ref(),
        dictionary.as_ref(),
        "--acts".as_ref(),
        acts.as_ref(),
        "--tokens".as_ref(),
        tokenizer.as_ref(),
        "--feature".as_ref(),
        feature.as_ref(),
        "--json".as_ref(),
    ]);
    let page: Value = serde_json::from_str(&page).unwrap();
    let passage = &page["passages"][0];
    let row = passage["token"].as_u64().unwrap() as usize;
    let vocabulary = Vocabulary::load(&tokenizer).unwrap();
    let focus = passage["focus"].as_u64().unwrap() as usize;
    assert_eq!(passage["pieces"][focus]["text"].as_str(), vocabulary.get(kept.ids[row]));
    assert_eq!(
        (passage["document"].as_u64(), passage["position"].as_u64()),
        (Some(row as u64 / 4), Some(row as u64 % 4))
    );
}
