//! Pictures and pages that the binary writes: the numbers in a page are those of the verbs, texts from files stay texts,
//! the bytes do not depend on threads, and a browser, where there is one, runs the page without a mishap.

#[path = "support/browser.rs"]
mod browser;
#[path = "support/npy.rs"]
mod npy;
#[path = "support/program.rs"]
mod program;

use browser::Browser;
use npy::npy;
use program::Program;
use saescope::container::ArrayFile;
use serde_json::Value;
use std::fs;

const DICT: &str = "@example/concepts";

/// The data in a page.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn base64(text: &str) -> Vec<u8> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = |c: char| LETTERS.find(c).unwrap() as u32;
    let mut out = Vec::new();
    for group in text.as_bytes().chunks(4) {
        let letters: Vec<u32> = group.iter().filter(|c| **c != b'=').map(|&c| bits(c.into())).collect();
        let all = letters.iter().fold(0, |all, bits| all << 6 | bits) << (6 * (4 - letters.len()));
        out.extend_from_slice(&all.to_be_bytes()[1..letters.len()]);
    }
    out
}

/// Packed numbers of any kind.
fn numbers(packed: &Value) -> Vec<f64> {
    let (kind, text) = packed.as_object().unwrap().iter().next().unwrap();
    let bytes = base64(text.as_str().unwrap());
    match kind.as_str() {
        "u8" => bytes.iter().map(|&x| x.into()).collect(),
        "u16" => bytes.chunks(2).map(|x| u16::from_le_bytes(x.try_into().unwrap()).into()).collect(),
        "u32" => bytes.chunks(4).map(|x| u32::from_le_bytes(x.try_into().unwrap()).into()).collect(),
        "f32" => bytes.chunks(4).map(|x| f32::from_le_bytes(x.try_into().unwrap()).into()).collect(),
        "f64" => bytes.chunks(8).map(|x| f64::from_le_bytes(x.try_into().unwrap())).collect(),
        other => panic!("{other}"),
    }
}

fn named<'v>(list: &'v Value, name: &str) -> &'v Value {
    list.as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn the_numbers_of_a_map_in_a_page_are_those_of_the_verbs() {
    let program = Program::new();
    program.ok(&["render", DICT, "--view", "map", "-o", "map.html"]);
    let page = fs::read_to_string(program.path("map.html")).unwrap();
    let plot = data(&page);
    program.ok(&["embed", DICT, "-o", "map.npy"]);
    let file = ArrayFile::open(&program.path("map.npy")).unwrap();
    let coordinates: Vec<f64> = file.tensor("map").unwrap().to_f32().into_iter().map(f64::from).collect();
    let [x, y] = [0, 1].map(|axis| numbers(&plot["axes"][axis]["values"]));
    let both: Vec<f64> = x.iter().zip(&y).flat_map(|(x, y)| [*x, *y]).collect();
    assert_eq!(both, coordinates);
    let columns = "feature,cluster,density,max_activation,mean_activation,norm,top_tokens";
    program.ok(&["export", DICT, "-o", "table.json", "--columns", columns, "--fit-clusters"]);
    let table: Value = serde_json::from_str(&fs::read_to_string(program.path("table.json")).unwrap()).unwrap();
    let rows = table["features"].as_array().unwrap();
    assert_eq!((rows.len(), numbers(&plot["ids"]).len()), (192, 192));
    for name in ["density", "max_activation", "mean_activation", "norm"] {
        let values = numbers(&named(&plot["measures"], name)["values"]);
        for (row, value) in rows.iter().zip(values) {
            // A file has an f32 in its short form, and null where a number is not known.
            match row[name].as_f64() {
                Some(own) => assert!((own - value).abs() <= 1e-7 * own.abs(), "{name}: {row}, {value}"),
                None => assert!(value.is_nan(), "{name}: {row}, {value}"),
            }
        }
    }
    let clusters = numbers(&named(&plot["classings"], "cluster")["of"]);
    let tokens = &named(&plot["texts"], "top tokens")["values"];
    for (at, row) in rows.iter().enumerate() {
        let cluster = row["cluster"].as_f64().unwrap();
        assert_eq!(clusters[at], if cluster < 0.0 { 65535.0 } else { cluster });
        let own: Vec<&str> = tokens[at].as_array().into_iter().flatten().map(|token| token.as_str().unwrap()).collect();
        assert_eq!(own.join(";"), row["top_tokens"].as_str().unwrap_or(""));
    }
    for fact in [
        "distances on the map are not geometry",
        "192 features x 576 dimensions, f32",
        "1,832 tokens",
        "trust .",
        "fingerprint ",
        "seed 0",
        concat!("saescope ", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(page.to_lowercase().contains(fact), "{fact} is not in the page");
    }
}

#[test]
fn the_numbers_of_a_group_in_a_page_are_those_of_the_verbs() {
    let program = Program::new();
    program.ok(&["render", DICT, "--view", "manifold", "--cluster", "0", "-o", "group.html"]);
    let page = fs::read_to_string(program.path("group.html")).unwrap();
    let plot = data(&page);
    program.ok(&["manifold", DICT, "--cluster", "0", "-o", "group.json"]);
    let file: Value = serde_json::from_str(&fs::read_to_string(program.path("group.json")).unwrap()).unwrap();
    let rows = file["tokens"].as_array().unwrap();
    let same = |packed: &Value, name: &str, within: f64| {
        let own = numbers(packed);
        assert_eq!(own.len(), rows.len());
        for (own, row) in own.into_iter().zip(rows) {
            let wanted = row[name].as_f64().unwrap();
            assert!((own - wanted).abs() <= within * wanted.abs(), "{name}: {own} for {wanted}");
        }
    };
    same(&plot["ids"], "token", 0.0);
    // Decimal numbers are read to the last bit but one.
    same(&named(&plot["measures"], "s")["values"], "s", 1e-15);
    for pc in ["1", "2", "3"] {
        same(&named(&plot["axes"], &format!("PC{pc}"))["values"], &format!("pc{pc}"), 1e-7);
    }
    let texts: Vec<&str> = rows.iter().map(|row| row["text"].as_str().unwrap().trim()).collect();
    let passages: Vec<&str> =
        plot["passages"].as_array().unwrap().iter().map(|passage| passage[1].as_str().unwrap().trim()).collect();
    assert_eq!(passages, texts);
    // The words, the verdict with its reasons, and every measure.
    let written: Vec<&str> =
        plot["written"].as_array().unwrap().iter().map(|word| word["text"].as_str().unwrap()).collect();
    for day in ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] {
        assert!(written.contains(&day), "{written:?}");
    }
    let metrics = &file["provenance"]["parameters"]["metrics"];
    for reason in metrics["verdict_evidence"].as_array().unwrap() {
        assert!(page.contains(&saescope::text::markup(reason.as_str().unwrap())), "{reason}");
    }
    for (name, value) in [("score", &metrics["score"]), ("evidence_order", &metrics["evidence"]["order"])] {
        assert!(page.contains(&format!("<dt>{name}</dt><dd>{value}</dd>")), "{name} {value}");
    }
}

#[test]
fn filters_clusters_and_features_are_respected() {
    let program = Program::new();
    let page = |args: &[&str]| {
        program.ok(&[&["render", DICT, "--view", "map", "-o", "map.html", "--force"][..], args].concat());
        fs::read_to_string(program.path("map.html")).unwrap()
    };
    let whole = data(&page(&["--feature", "21"]));
    assert_eq!((&whole["faint"], &whole["selected"]), (&Value::Null, &Value::from(21)));
    let text = page(&["--where", "feature < 50"]);
    let faint = numbers(&data(&text)["faint"]["of"]);
    assert!(faint[..50].iter().all(|own| *own == 0.0) && faint[50..].iter().all(|own| *own == 1.0));
    assert!(text.contains("feature &lt; 50: 50 of 192 features, the others are faint"));
    let text = page(&["--cluster", "B"]);
    let plot = data(&text);
    let clusters = numbers(&plot["classings"][0]["of"]);
    let faint = numbers(&plot["faint"]["of"]);
    assert!(clusters.iter().zip(faint).all(|(cluster, faint)| (*cluster == 1.0) == (faint == 0.0)));
}

#[test]
fn every_view_has_its_picture_and_its_page() {
    let program = Program::new();
    for view in ["map", "feature", "neighbors", "clusters", "features", "manifolds", "manifold", "heatmap", "jobs"] {
        for suffix in ["png", "html"] {
            let file = format!("{view}.{suffix}");
            program.ok(&["render", DICT, "--view", view, "--size", "80x24", "-o", &file]);
            let bytes = fs::read(program.path(&file)).unwrap();
            if suffix == "png" {
                let reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
                let info = reader.info();
                assert_eq!((info.width, info.height), ((80 * 9 + 24) * 2, (24 * 18 + 24) * 2), "{view}");
                let note = |name: &str| {
                    let found = info.uncompressed_latin1_text.iter().find(|chunk| chunk.keyword == name);
                    found.unwrap_or_else(|| panic!("{view} has no {name}")).text.clone()
                };
                assert!(note("Title").ends_with(&format!("of {DICT}")), "{}", note("Title"));
                let provenance: Value = serde_json::from_str(&note("Provenance")).unwrap();
                assert_eq!((&provenance["input"], &provenance["parameters"]["seed"]), (&DICT.into(), &0.into()));
            } else {
                let text = String::from_utf8(bytes).unwrap();
                let interactive = matches!(view, "map" | "manifold");
                assert_eq!(text.contains("<svg"), !interactive, "{view}");
                assert_eq!(text.contains("<canvas"), interactive, "{view}");
            }
        }
    }
    let complaint = program.fails(2, &["render", DICT, "--view", "map", "-o", "x.jpg"]);
    assert!(complaint.contains(".svg, .png, .html, .txt"), "{complaint}");
    assert!(program.fails(2, &["render", DICT, "--view", "map", "-o", "map.png"]).contains("--force"));
}

#[test]
fn the_same_bytes_at_any_number_of_threads() {
    let program = Program::new();
    for (view, file) in [("map", "map.html"), ("manifold", "group.html"), ("map", "map.png"), ("manifold", "group.png")]
    {
        let made = |threads: &str| {
            let args = ["render", DICT, "--view", view, "-o", file, "--no-cache", "--force", "--threads", threads];
            program.ok(&args);
            fs::read(program.path(file)).unwrap()
        };
        assert!(made("1") == made("2"), "{file}");
    }
}

/// A dictionary of three clusters whose labels and tokens would do harm in a page.
fn hostile(program: &Program) -> Vec<&'static str> {
    let decoder: Vec<f32> = (0..60 * 6)
        .map(|at| {
            let (feature, axis) = (at / 6, at % 6);
            f32::from(u8::from(feature % 3 == axis)) + 0.02 * ((feature * 7 + axis * 13) % 11) as f32
        })
        .collect();
    fs::write(program.path("d.npy"), npy(&decoder, 60)).unwrap();
    let label = serde_json::to_string(HOSTILE).unwrap();
    let labels: String = (0..60).map(|f| format!("{{\"index\":{f},\"description\":{label}}}\n")).collect();
    fs::write(program.path("labels.jsonl"), labels).unwrap();
    // Every feature fires on two tokens, and so does its neighbour on one of them.
    let acts: Vec<f32> = (0..120 * 60)
        .map(|at| {
            let (row, feature) = (at / 60, at % 60);
            if row / 2 == feature || row == feature { 1.0 + feature as f32 } else { 0.0 }
        })
        .collect();
    fs::write(program.path("acts.npy"), npy(&acts, 120)).unwrap();
    let tokens: Vec<&str> = (0..120).map(|row| if row % 2 == 0 { HOSTILE } else { "plain" }).collect();
    fs::write(program.path("tokens.jsonl"), format!("{}\n", serde_json::json!({ "tokens": tokens }))).unwrap();
    vec!["--labels", "labels.jsonl", "--acts", "acts.npy", "--tokens", "tokens.jsonl"]
}

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\u{2028}\"'`${1}\u{202e}{{data}}\u{1b}]0;x\u{7}";

#[test]
fn texts_from_files_stay_texts_in_a_page() {
    let program = Program::new();
    let files = hostile(&program);
    let browser = Browser::find();
    for (view, name) in [("map", "map.html"), ("feature", "feature.html"), ("manifold", "group.html")] {
        program.ok(&[&["render", "d.npy", "--view", view, "-o", name, "--size", "160x40"][..], &files].concat());
        let page = fs::read_to_string(program.path(name)).unwrap();
        assert!(page.chars().all(|c| c == '\n' || saescope::text::is_plain(c)), "{view}");
        assert_eq!(page.matches("<img").count(), 0, "{view}");
        assert!(page.contains("onerror=alert(1)"), "{view} does not show the texts at all");
        let scripts = if view == "feature" { 0 } else { 2 };
        assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (scripts, scripts), "{view}");
        if let Some(browser) = browser.as_ref().filter(|_| scripts > 0) {
            let tried = browser.tries(&program.path(name));
            assert_eq!((&tried["mishaps"], &tried["foreign"]), (&Value::Array(Vec::new()), &0.into()), "{view}");
            let card = tried["hovered"]["card"].as_str().unwrap();
            assert!(card.contains("<img src=x onerror=alert(1)>"), "{card}");
        }
    }
}

#[test]
fn a_browser_runs_the_pages() {
    let Some(browser) = Browser::find() else { return };
    let program = Program::new();
    program.ok(&["render", DICT, "--view", "map", "--where", "not feature in (0, 1)", "-o", "map.html"]);
    let tried = browser.tries(&program.path("map.html"));
    assert_eq!(tried["mishaps"], Value::Array(Vec::new()), "{tried}");
    assert_eq!((&tried["points"], &tried["shown"]), (&192.into(), &190.into()));
    let colours = ["cluster", "density", "max_activation", "mean_activation", "norm"];
    assert_eq!(tried["colours"], Value::from(colours.to_vec()));
    // The card of the point under the pointer says what the table says of it.
    let hovered = &tried["hovered"];
    assert_eq!((&hovered["id"], &hovered["hidden"]), (&hovered["wanted"], &false.into()));
    assert_eq!((&tried["pinned"]["id"], &tried["unpinned"]), (&hovered["wanted"], &true.into()));
    let feature = hovered["id"].to_string();
    let known = program.json(&["feature", DICT, "--feature", &feature, "--json"]);
    let card = hovered["card"].as_str().unwrap();
    assert!(card.starts_with(&format!("#{feature}")), "{card}");
    for known in known["top_tokens"].as_array().unwrap().iter().take(3) {
        assert!(card.contains(known["token"].as_str().unwrap().trim()), "{card} lacks {known}");
    }
    let near = program.json(&["neighbors", DICT, "--feature", &feature, "--k", "1", "--json"]);
    let first = format!("#{} {:.2}", near["neighbors"][0]["feature"], near["neighbors"][0]["cosine"].as_f64().unwrap());
    assert!(tried["pinned"]["card"].as_str().unwrap().contains(&first), "{first}: {}", tried["pinned"]["card"]);
    // What a search finds is what the words say, and n goes to the first of them.
    let hits = tried["searched"]["hits"].as_u64().unwrap();
    assert!(hits > 0 && tried["searched"]["status"].as_str().unwrap().contains(&format!("{hits} match")), "{tried}");
    assert!(tried["next"].is_u64());
    // A cluster that is switched off takes its features away, and gives them back.
    let switched = &tried["switched"];
    let (before, after) = (switched["before"].as_u64().unwrap(), switched["after"].as_u64().unwrap());
    assert!(before == 190 && after < before && before - after <= switched["size"].as_u64().unwrap(), "{switched}");
    assert_eq!(tried["switchedBack"], switched["before"]);
    let scales: Vec<f64> = tried["zoomed"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    assert!(scales[1] > scales[0] && scales[2] < scales[1] && scales[3] == scales[0], "{scales:?}");
    assert_eq!(tried["inked"], true);

    program.ok(&["render", DICT, "--view", "manifold", "--cluster", "0", "-o", "group.html"]);
    let tried = browser.tries(&program.path("group.html"));
    assert_eq!(tried["mishaps"], Value::Array(Vec::new()), "{tried}");
    assert!(tried["planes"].as_array().unwrap().len() > 3 && tried["inked"] == true, "{tried}");
    let colours: Vec<&str> = tried["colours"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(&colours[..4], ["token type", "text label", "s", "length"]);
    assert!(colours.len() > 5 && colours[4..].iter().all(|name| name.starts_with('#')), "{colours:?}");
}
