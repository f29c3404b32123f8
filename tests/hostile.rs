//! Files that were made to do harm, given to the binary: each is refused in one paragraph with exit code 2, and no text
//! from a file reaches a terminal with what would move its cursor, or hide or reorder its words.

#[path = "support/formats_files.rs"]
#[allow(dead_code, reason = "shared with the tests of the formats")]
mod files;
#[path = "support/program.rs"]
mod program;
#[cfg(target_os = "linux")]
#[path = "support/pty.rs"]
#[allow(dead_code, reason = "shared with the tests of the screen")]
mod pty;

use files::{Array, array, npy, npz, saelens, safetensors, transposed, values, with_header};
use program::Program;
use saescope::container::Dtype;
use saescope::text::is_plain;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;

/// Features, width.
const F: usize = 24;
const D: usize = 4;

/// Sets a window's title, starts a line anew, reorders and isolates what follows, clears the screen.
const PLANT: &str = "pl\u{1b}]0;ant\u{7}\rx\u{202e}y\u{2066}z\u{9b}2Jw";

/// What of it a person may see.
const SEEN: &str = "pl\u{fffd}]0;ant\u{fffd}\u{fffd}xyz\u{fffd}2Jw";

fn write(here: &Program, name: &str, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(here.path(name).parent().unwrap()).unwrap();
    fs::write(here.path(name), bytes).unwrap();
}

fn weights() -> Vec<Array> {
    let encoder = array("W_enc", &[F, D], values(F * D, 2));
    let decoder = array("W_dec", &[F, D], values(F * D, 1));
    vec![transposed(&encoder), decoder, array("b_enc", &[F], values(F, 3)), array("b_dec", &[D], values(D, 4))]
}

fn dictionary(here: &Program, name: &str, metadata: &Value) {
    let config = json!({"architecture": "standard", "d_in": D, "d_sae": F, "apply_b_dec_to_input": true,
        "normalize_activations": "none", "metadata": metadata});
    saelens(&here.path(name), &safetensors(&weights(), Dtype::F32), &config);
}

/// Refused: exit code 2, one paragraph of plain text on stderr, nothing on stdout.
fn refused(here: &Program, args: &[&str]) -> String {
    let said = here.fails(2, args);
    let text = said.strip_prefix("saescope: ").and_then(|text| text.strip_suffix('\n'));
    let text = text.unwrap_or_else(|| panic!("{args:?}: {said:?}"));
    assert!(text.chars().all(is_plain) && text.len() < 2000, "{args:?}: {said:?}");
    assert!(!text.contains("panicked"), "{args:?}: {said}");
    text.to_string()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// `bytes` with `new` in place of every `old` of the same length.
fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = (0..=bytes.len() - old.len()).filter(|&at| bytes[at..].starts_with(old)).collect();
    assert!(!places.is_empty(), "{old:?} is not there");
    for at in places {
        bytes[at..at + old.len()].copy_from_slice(new);
    }
    bytes
}

/// A torch archive around a pickle.
fn torch(pickle: &[u8]) -> Vec<u8> {
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    out.start_file("archive/data.pkl", options).unwrap();
    out.write_all(pickle).unwrap();
    out.start_file("archive/data/0", options).unwrap();
    out.write_all(&[0; 16]).unwrap();
    out.finish().unwrap().into_inner()
}

/// The pickle of a dictionary with one float tensor, of this offset, size and stride.
fn tensor_pickle(offset: u32, size: u32, stride: u32) -> Vec<u8> {
    let mut out =
        b"\x80\x02}X\x05\0\0\0W_decctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n"
            .to_vec();
    out.extend(b"X\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ");
    for (number, tuple) in [(offset, false), (size, true), (stride, true)] {
        out.extend(if tuple { &b"(J"[..] } else { b"J" });
        out.extend(number.to_le_bytes());
        if tuple {
            // Two dimensions of the same.
            out.extend(b"J");
            out.extend(number.to_le_bytes());
            out.push(b't');
        }
    }
    out.extend(b"\x89ccollections\nOrderedDict\n)RtRs.");
    out
}

#[test]
fn a_hostile_file_of_arrays_is_refused_in_one_paragraph() {
    let here = Program::new();
    let good = safetensors(&weights(), Dtype::F32);
    let array_file = npy(&weights()[1], Dtype::F32, false);
    let stored = npz(&weights(), Dtype::F32, false);
    let deflated = npz(&weights(), Dtype::F32, true);
    let arrow = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/arrow/batches.arrows")).unwrap();
    let arrow_file = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/arrow/batches.arrow")).unwrap();
    let header = |text: &str| with_header(text, 64);
    let entry = r#"{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}"#;
    let npy_of = |literal: &str| {
        let length = (literal.len() as u16).to_le_bytes();
        [&b"\x93NUMPY\x01\0"[..], &length, literal.as_bytes(), &[0; 64]].concat()
    };
    let shaped = |shape: &str| npy_of(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"));
    // The directory says that each member inflates to four gigabytes.
    let mut bomb = deflated.clone();
    let directory = directory_entries(&deflated);
    for at in directory {
        bomb[at + 24..at + 28].copy_from_slice(&[0xf0, 0xff, 0xff, 0xff]);
    }
    let mut outside = stored.clone();
    for at in directory_entries(&stored) {
        outside[at + 42..at + 46].copy_from_slice(&[0xff; 4]);
    }
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("cut-header.safetensors", good[..40].to_vec(), "cut short"),
        ("cut.safetensors", good[..good.len() - 1].to_vec(), "beyond the end"),
        ("length.safetensors", [&u64::MAX.to_le_bytes()[..], b"{"].concat(), "header"),
        ("overlap.safetensors", header(&format!(r#"{{"a":{entry},"b":{entry}}}"#)), "overlaps"),
        ("twice.safetensors", header(&format!(r#"{{"a":{entry},"a":{entry}}}"#)), "twice"),
        ("shape.safetensors", header(&entry_of("[4294967296,4294967296]", "[0,64]")), "does not match"),
        ("offset.safetensors", header(&entry_of("[4,4]", "[18446744073709551552,18446744073709551615]")), "beyond"),
        ("deep.safetensors", header(&format!(r#"{{"a":{}"#, "[".repeat(100_000))), "cannot be read"),
        ("cut.npy", array_file[..array_file.len() - 1].to_vec(), "cut short"),
        ("shape.npy", shaped("(9999999, 9)"), "does not fit"),
        ("address.npy", shaped("(4294967296, 4294967296)"), "address"),
        ("object.npy", npy_of("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"), "pickle"),
        ("header.npy", b"\x93NUMPY\x02\0\xff\xff\xff\xff{".to_vec(), "header"),
        ("cut.npz", stored[..stored.len() - 9].to_vec(), "cannot be read"),
        ("bomb.npz", bomb, "expected 4294967280, as the archive says"),
        ("outside.npz", outside, ""),
        // An archive in an archive is no array, and is not looked into.
        ("nested.npz", zip_of("W_dec.npy", &stored), "not an npy array"),
        ("cut.pt", torch(b"\x80\x02}X\x05\0\0\0W_dec"), ""),
        ("code.pt", torch(b"\x80\x02cposix\nsystem\n(X\x0a\0\0\0touch ranitR."), ""),
        ("itself.pt", torch(b"\x80\x02]q\0h\0a."), ""),
        ("deep.pt", torch(&[&b"\x80\x02"[..], &b"]".repeat(100_000), &b"a".repeat(99_999), b"."].concat()), ""),
        ("offset.pt", torch(&tensor_pickle(0x7fff_ffff, 2, 1)), ""),
        ("shape.pt", torch(&tensor_pickle(0, 0x7fff_ffff, 0)), ""),
        ("stride.pt", torch(&tensor_pickle(0, 2, 0x7fff_ffff)), ""),
        ("cut.arrow", arrow[..arrow.len() - 100].to_vec(), "cut short"),
        ("cut-file.arrow", arrow_file[..arrow_file.len() - 3].to_vec(), "cut short"),
        (
            "metadata.arrow",
            [&[0xff; 4][..], &0x1000u32.to_le_bytes(), &8u64.to_le_bytes(), &[8; 64]].concat(),
            "cut short",
        ),
        ("empty.npy", Vec::new(), "empty"),
        ("noise.bin", (0..999u32).map(|i| (i * i % 251) as u8 | 0x80).collect(), "another kind"),
    ];
    let mut wrong = Vec::new();
    for (name, bytes, words) in cases {
        write(&here, name, bytes);
        let said = refused(&here, &["info", name]);
        if !(said.starts_with(name) && said.contains(words)) {
            wrong.push(said);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(!here.path("ran").exists(), "a pickle was executed");
    // A name of an array that stands twice: the last counts, as for Python, and nothing breaks.
    let two = [array("a", &[F, D], values(F * D, 1)), array("b", &[F, D], values(F * D, 2))];
    write(&here, "twice.npz", replaced(&npz(&two, Dtype::F32, false), b"b.npy", b"a.npy"));
    let output = here.run(&["info", "twice.npz"]);
    assert!(output.code == 0 || output.code == 2, "{}", output.stderr);
}

fn entry_of(shape: &str, offsets: &str) -> String {
    format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
}

fn directory_entries(zip: &[u8]) -> Vec<usize> {
    (0..zip.len()).filter(|&at| zip[at..].starts_with(b"PK\x01\x02")).collect()
}

fn zip_of(name: &str, bytes: &[u8]) -> Vec<u8> {
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    out.start_file(name, options).unwrap();
    out.write_all(bytes).unwrap();
    out.finish().unwrap().into_inner()
}

#[test]
fn hostile_labels_texts_and_activations_are_refused_in_one_paragraph() {
    let here = Program::new();
    dictionary(&here, "d", &json!({}));
    let deep = "[".repeat(100_000);
    let whole = gzip(&b"{\"index\": 1, \"label\": \"a\"}\n".repeat(2000));
    for (flag, name, bytes) in [
        ("--labels", "deep.jsonl", format!("{{\"index\": 1, \"label\": {deep}\n").into_bytes()),
        ("--labels", "deep.json", deep.clone().into_bytes()),
        ("--labels", "cut.jsonl.gz", whole[..whole.len() - 9].to_vec()),
        ("--labels", "noise.csv", b"index,label\n1,\xff\xfe\n".to_vec()),
        ("--labels", "beyond.csv", b"index,label\n99999999999999999999,a\n".to_vec()),
        ("--labels", "empty.jsonl", Vec::new()),
        ("--acts", "cut.npz", npz(&weights(), Dtype::F32, false)[..500].to_vec()),
        ("--acts", "other.npz", npz(&[array("x", &[3, D], values(3 * D, 1))], Dtype::F32, true)),
        ("--acts", "text.npz", b"no archive".to_vec()),
    ] {
        write(&here, name, bytes);
        let said = refused(&here, &["info", "d", flag, name]);
        assert!(said.starts_with(name), "{said}");
    }
    write(&here, "x.npy", npy(&array("x", &[3, D], values(3 * D, 5)), Dtype::F32, false));
    here.ok(&["encode", "d", "x.npy", "-o", "acts.npz"]);
    for (name, bytes) in [
        ("deep.jsonl", format!("{{\"token\": {deep}\n").into_bytes()),
        ("list.jsonl", b"{\"tokens\": {\"a\": 1}}\n".to_vec()),
        ("rows.jsonl", b"{\"row\": 18446744073709551615, \"token\": \"a\"}\n".to_vec()),
        ("short.csv", b"token\na\n".to_vec()),
        ("end.jsonl", b"{\"text\": \"a\", \"end\": 18446744073709551615}\n".to_vec()),
    ] {
        write(&here, name, bytes);
        let said = refused(&here, &["info", "d", "--acts", "acts.npz", "--tokens", name]);
        assert!(said.starts_with(name), "{said}");
    }
}

#[test]
#[cfg(unix)]
fn links_that_lead_in_circles_end() {
    use std::os::unix::fs::symlink;
    let here = Program::new();
    dictionary(&here, "all/a", &json!({}));
    dictionary(&here, "all/b", &json!({}));
    symlink(".", here.path("all/here")).unwrap();
    symlink("../all", here.path("all/b/up")).unwrap();
    let listed: Value = here.json(&["info", "all", "--json"]);
    let text = listed.to_string();
    assert!(text.contains("\"a\"") && text.contains("\"b\"") && text.len() < 5000, "{text}");
    symlink("two", here.path("one")).unwrap();
    symlink("one", here.path("two")).unwrap();
    symlink("nowhere", here.path("dangling")).unwrap();
    fs::create_dir(here.path("circle")).unwrap();
    symlink("sae_weights.safetensors", here.path("circle/sae_weights.safetensors")).unwrap();
    for name in ["one", "dangling", "circle"] {
        let said = refused(&here, &["info", name]);
        assert!(said.contains(name), "{said}");
    }
    for flag in ["--labels", "--acts"] {
        for name in ["one", "dangling", "circle"] {
            refused(&here, &["info", "all/a", flag, name]);
        }
    }
}

/// Nothing but plain characters and ends of lines.
fn assert_inert(what: &str, text: &str) {
    let found: Vec<char> = text.chars().filter(|&c| c != '\n' && !is_plain(c)).collect();
    assert!(found.is_empty(), "{what} lets {found:?} pass: {text:?}");
}

/// A dictionary in a folder of a planted name, with planted text in every field of every file beside it.
fn planted() -> Program {
    let here = Program::new();
    let fields = ["model_name", "hook_name", "neuronpedia_id", "dataset_path", "sae_lens_version", "prepend_bos"];
    let mut metadata: serde_json::Map<String, Value> =
        fields.iter().map(|field| ((*field).into(), PLANT.into())).collect();
    metadata.insert("hook_layer".into(), 3.into());
    dictionary(&here, &format!("d{PLANT}"), &metadata.into());
    write(&here, "x.npy", npy(&array("x", &[F, D], values(F * D, 5)), Dtype::F32, false));
    here.ok(&["encode", &format!("d{PLANT}"), "x.npy", "-o", "acts.npz", "--quiet"]);
    let line = |i: usize, more: Value| {
        let mut line = json!({"index": i.to_string(), "layer": PLANT, "modelId": PLANT, "explanationModelName": PLANT});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("{line}\n")
    };
    let labels: String = (0..F).map(|i| line(i, json!({"description": format!("{PLANT} {i}")}))).collect();
    write(&here, &format!("labels{PLANT}.jsonl"), &labels);
    write(&here, "labels.jsonl.gz", gzip(labels.as_bytes()));
    let cells: String = (0..F).map(|i| format!("{i},\"{PLANT} {i}\"\n")).collect();
    write(&here, "labels.csv", format!("index,label\n{cells}"));
    let tokens: Vec<String> = (0..F).map(|i| format!("{PLANT}{i}")).collect();
    let sequence = json!({"seq": PLANT, "doc_id": PLANT, "tokens": tokens, "labels": tokens});
    write(&here, "tokens.jsonl", format!("{sequence}\n"));
    let rows: String = (0..F).map(|_| format!("\"a {PLANT} b\",\"{PLANT}\",\"{PLANT}\"\n")).collect();
    write(&here, "tokens.csv", format!("text,label,doc_id\n{rows}"));
    here
}

#[test]
fn no_verb_lets_planted_text_act() {
    let here = planted();
    let dictionary = format!("d{PLANT}");
    let d = dictionary.as_str();
    let labels = format!("labels{PLANT}.jsonl");
    let mut shown = 0;
    let mut run = |args: &[&str]| {
        let output = here.run(args);
        for text in [&output.stdout, &output.stderr] {
            assert_inert(&format!("{args:?}"), text);
            shown += usize::from(text.contains(SEEN));
        }
        output
    };
    for labels in [labels.as_str(), "labels.jsonl.gz", "labels.csv"] {
        for tokens in ["tokens.jsonl", "tokens.csv"] {
            let files = ["--acts", "acts.npz", "--labels", labels, "--tokens", tokens];
            for verb in [
                &["info", d][..],
                &["info", d, "--json"],
                &["feature", d, "--feature", "3"],
                &["feature", d, "--feature", "3", "--json"],
                &["neighbors", d, "--feature", "3"],
                &["neighbors", d, "--feature", "3", "--json"],
            ] {
                let output = run(&[verb, &files].concat());
                assert_eq!(output.code, 0, "{verb:?}: {}", output.stderr);
            }
        }
    }
    let files = ["--acts", "acts.npz", "--labels", labels.as_str(), "--tokens", "tokens.jsonl"];
    for view in ["map", "feature", "neighbors", "clusters", "jobs", "features", "selections", "info", "help"] {
        let output = run(&[&["render", d, "--view", view, "--feature", "3", "--size", "120x40"], &files[..]].concat());
        assert_eq!(output.code, 0, "{view}: {}", output.stderr);
    }
    let svg = format!("frame{PLANT}.svg");
    run(&[&["render", d, "--view", "feature", "--feature", "3", "-o", &svg], &files[..]].concat());
    assert_inert("an SVG", &fs::read_to_string(here.path(&svg)).unwrap());
    // What names and fields come back in: lists to pick from, remarks, complaints.
    let copy = format!("copy{PLANT}");
    let moved = format!("set/{d}");
    for args in [
        &["convert", d, "-o", &copy][..],
        &["info", &copy],
        &["info", "."],
        &["info", ".", "--json"],
        &["info", d, "--labels", d],
        &["info", d, "--acts", &labels],
        &["info", d, "--acts", "acts.npz", "--tokens", &labels],
        &["info", d, "--pick", PLANT],
        &["info", d, "--format", PLANT],
        &["info", PLANT],
        &["info", &moved],
        &[PLANT],
        &["cache", "list"],
        &["info", d, PLANT],
        &["render", d, "--view", PLANT],
        &["render", d, "--filter", PLANT],
        &["export", d, "-o", "t.csv", "--columns", PLANT],
        &["export", d, "-o", &svg],
        &["knn", "x.npy", "-o", &format!("{PLANT}.npz")],
        &["encode", d, "x.npy", "-o", "y.npz", "--tensor", PLANT],
    ] {
        run(args);
    }
    // Names of arrays in every container.
    let name = PLANT.replace('/', "");
    let odd = [array(&name, &[F, D], values(F * D, 1)), array("b", &[3], values(3, 1)), array("c", &[3], values(3, 1))];
    write(&here, "names.safetensors", safetensors(&odd, Dtype::F32));
    write(&here, "names.npz", npz(&odd, Dtype::F32, false));
    write(&here, &format!("{name}.npy"), npy(&odd[1], Dtype::F32, false));
    let dtype = format!(r#"{{"{}":{{"dtype":{},"shape":[1],"data_offsets":[0,1]}}}}"#, "W_dec", json!(PLANT));
    write(&here, "dtype.safetensors", with_header(&dtype, 1));
    let arrow = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/arrow/batches.arrows")).unwrap();
    write(&here, "names.arrow", replaced(&arrow, b"large_word", "\u{1b}]0;\u{7}\u{202e}\r\n".as_bytes()));
    let pickle = [&b"\x80\x02}X"[..], &(PLANT.len() as u32).to_le_bytes(), PLANT.as_bytes(), b"K\x01s."].concat();
    write(&here, "names.pt", torch(&pickle));
    let global = format!("\u{80}\u{2}c{PLANT}\nx\n)R.").chars().map(|c| c as u32 as u8).collect::<Vec<u8>>();
    write(&here, "global.pt", torch(&global));
    let npy_name = format!("{name}.npy");
    for file in
        ["names.safetensors", "names.npz", &npy_name, "dtype.safetensors", "names.arrow", "names.pt", "global.pt"]
    {
        run(&["info", file]);
        run(&["info", file, "--format", "matrix"]);
        run(&["encode", d, file, "-o", "z.npz"]);
        run(&["embed", file, "-o", "z.npy"]);
        run(&["knn", file, "-o", "z.npz"]);
        run(&["info", d, "--acts", file]);
        run(&["info", d, "--labels", file]);
        run(&["export", d, "-o", "t.csv", "--columns", "cluster", "--clusters", file]);
    }
    assert!(shown > 40, "planted text was seen {shown} times: the test looks at too little");
}

#[test]
#[cfg(target_os = "linux")]
fn text_of_empty_lines_and_a_revision_without_end_are_refused_at_once() {
    let here = Program::new();
    dictionary(&here, "d", &json!({}));
    write(&here, "x.npy", npy(&array("x", &[F, D], values(F * D, 5)), Dtype::F32, false));
    here.ok(&["encode", "d", "x.npy", "-o", "acts.npz", "--quiet"]);
    // 64 MB in 64 kB.
    let blank = gzip(&vec![b'\n'; 64 << 20]);
    let after = gzip(&[b"{\"index\":1,\"label\":\"w\"}\n".to_vec(), vec![b'\n'; 64 << 20]].concat());
    for (name, bytes) in [("blank.jsonl.gz", &blank), ("after.jsonl.gz", &after)] {
        write(&here, name, bytes);
        assert!(refused(&here, &["info", "d", "--labels", name]).contains("empty lines"), "{name}");
        assert!(
            refused(&here, &["info", "d", "--acts", "acts.npz", "--tokens", name]).contains("empty lines"),
            "{name}"
        );
    }
    let main = here.path("cache/huggingface/hub/models--org--repo/refs/main");
    fs::create_dir_all(main.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/dev/zero", main).unwrap();
    refused(&here, &["info", "org/repo"]);
}

#[test]
#[cfg(target_os = "linux")]
fn no_frame_lets_planted_text_act() {
    let here = planted();
    let path = |name: &str| here.path(name).to_str().unwrap().to_string();
    let args = [
        path(&format!("d{PLANT}")),
        "--acts".into(),
        path("acts.npz"),
        "--labels".into(),
        path("labels.csv"),
        "--tokens".into(),
        path("tokens.jsonl"),
        "--no-cache".into(),
    ];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut session = pty::Session::saescope(&args, &[]);
    session.wait_for("the header", |screen| screen.contains("24 features"));
    session.rest();
    // Every page, the search for a feature, the name of a selection.
    for keys in ["gd", "gn", "gc", "gf", "gt", "gs", "J", "I", "gm", "/pl\r", "\x1b", "?", "\x1b"] {
        session.send(keys.as_bytes());
        session.rest();
    }
    session.send(b"q");
    session.end();
    let bytes = session.bytes();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("]0;ant"), "no planted text came on the screen");
    for raw in ["\u{1b}]0;ant", "\u{202e}", "\u{2066}", "\u{9b}", "\rx"] {
        assert!(!text.contains(raw), "{raw:?} came on the screen");
    }
}
