//! Clouds, groupings and manifolds through the binary: the contract's fields, and what is known of the built-in data.

#[path = "support/npy.rs"]
mod npy;
#[path = "support/program.rs"]
mod program;

use npy::npy;
use program::Program;
use serde_json::Value;
use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::fs;

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The ten features of dictionary D that average linkage of decoder cosines is known to find.
const RING: [u32; 10] = [7, 21, 35, 85, 89, 112, 113, 121, 152, 177];

/// Whether `order` is the week from some day on, forwards or backwards.
fn is_the_week(order: &[String]) -> bool {
    let places: Vec<usize> = order.iter().filter_map(|day| DAYS.iter().position(|known| known == day)).collect();
    let steps: Vec<usize> = (0..places.len()).map(|i| (places[(i + 1) % places.len()] + 7 - places[i]) % 7).collect();
    places.len() == 7 && (steps.iter().all(|s| *s == 1) || steps.iter().all(|s| *s == 6))
}

/// The words of `known` in the order of the mean angle of their tokens.
fn around(rows: &[Value], known: &[&str]) -> Vec<String> {
    let mut places: Vec<(f64, String)> = known
        .iter()
        .filter_map(|word| {
            let own = rows.iter().filter(|row| row["text"].as_str().is_some_and(|text| text.trim() == *word));
            let (cos, sin) = own
                .filter_map(|row| row["s"].as_f64())
                .fold((0.0, 0.0), |(cos, sin), s| (cos + s.cos(), sin + s.sin()));
            (cos != 0.0).then(|| (sin.atan2(cos), (*word).to_string()))
        })
        .collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    places.into_iter().map(|(_, word)| word).collect()
}

fn ring_csv(points: usize) -> String {
    let row = |i: usize| {
        let angle = TAU * i as f64 / points as f64;
        let wobble = 0.02 * ((i * 37) % 11) as f64 / 11.0;
        format!("{},{},{}\n", (1.0 + wobble) * angle.cos(), angle.sin(), wobble)
    };
    (0..points).map(row).collect()
}

#[test]
fn a_cloud_has_every_field_of_the_contract() {
    let program = Program::new();
    fs::write(program.path("ring.csv"), ring_csv(300)).unwrap();
    let hours: String = (0..300).map(|i| format!("{}\n", i * 24 / 300)).collect();
    fs::write(program.path("hours.txt"), hours).unwrap();
    let plain = program.json(&["cloud", "ring.csv", "--json"]);
    assert_eq!((&plain["points"], &plain["dim"], &plain["labels"]), (&Value::from(300), &Value::from(3), &Value::Null));
    assert_eq!(plain["verdict"], "loop");
    assert!(plain["verdict_evidence"][0].as_str().unwrap().contains("one loop in the span"));
    for field in ["explained_variance_ratio", "planes"] {
        assert!(plain[field].as_array().is_some_and(|list| !list.is_empty()), "{field}");
    }
    for field in ["participation_ratio", "irreducibility"] {
        assert!(plain[field].is_number(), "{field}");
    }
    for (field, inner) in [
        ("intrinsic_dimension", "twonn"),
        ("intrinsic_dimension", "mle"),
        ("homology", "landmarks"),
        ("homology", "null_95"),
        ("circular", "coordinate_spread"),
    ] {
        assert!(plain[field][inner].is_number(), "{field}.{inner}");
    }
    for inner in ["separability_bits", "separability_null", "mixture"] {
        assert!(plain["planes"][0][inner].is_number(), "{inner}");
    }
    assert_eq!((&plain["planes"][0]["pcs"], &plain["circular"]["plane"]), (&[1, 2][..].into(), &[1, 2][..].into()));
    for inner in ["birth", "death", "persistence"] {
        assert!(plain["homology"]["h1"][0][inner].is_number(), "{inner}");
    }
    let flags = ["--labels", "hours.txt", "--label-distance", "cyclic:24", "--unit", "--json", "-o", "m.csv"];
    let labelled = program.json(&[&["cloud", "ring.csv"][..], &flags].concat());
    assert!(labelled["labels"]["isometry"]["pearson"].as_f64().unwrap() > 0.99);
    assert!(labelled["labels"]["centroid_accuracy_plane"].as_f64().unwrap() > 0.9);
    assert_eq!(labelled["labels"]["centroid_order"].as_array().unwrap().len(), 24);
    let csv = fs::read_to_string(program.path("m.csv")).unwrap();
    assert!(csv.starts_with("# {") && csv.contains("planes_12_mixture") && csv.contains("homology_h1_1_birth"));
    let text = program.ok(&["cloud", "ring.csv"]);
    assert!(text.contains("verdict") && text.contains("because") && !text.contains('\u{1b}'));
    for (args, words) in [
        (&["cloud", "no.csv"][..], "no.csv"),
        (&["cloud", "hours.txt", "--labels", "ring.csv", "--label-distance", "far"], "--label-distance far"),
        (&["cloud", "hours.txt", "--label-distance", "abs"], "--labels"),
    ] {
        assert!(program.fails(2, args).contains(words), "{args:?}");
    }
}

#[test]
fn every_method_groups_the_concepts_and_weekdays_are_found_by_linkage() {
    let program = Program::new();
    let dictionary = ["cluster", "@example/concepts", "-o", "c.csv", "--force", "--json"];
    for flags in [
        &["--method", "graph", "--k", "4", "--tau", "0.3"][..],
        &["--method", "leiden"],
        &["--method", "leiden", "--on", "phi+decoder"],
        &["--method", "leiden", "--on", "max:jaccard+decoder", "--resolution", "2"],
        &["--method", "leiden", "--on", "ising"],
        &["--method", "spectral", "--clusters", "12"],
        &["--method", "spectral", "--clusters", "12", "--affinity", "angular"],
        &["--method", "kmeans", "--clusters", "12", "--on", "encoder"],
        &["--method", "linkage", "--tau", "0.3", "--linkage", "single"],
        &["--method", "linkage", "--clusters", "60"],
    ] {
        let counts = program.json(&[&dictionary[..], flags].concat());
        let sizes: u64 = counts["sizes"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).sum();
        assert!(counts["clusters"].as_u64().unwrap() >= 2, "{flags:?} {counts}");
        assert_eq!(sizes + counts["noise"].as_u64().unwrap(), 192, "{flags:?}");
        let bytes = || fs::read(program.path("c.csv")).unwrap();
        let first = bytes();
        program.ok(&[&dictionary[..], flags, &["--threads", "1"]].concat());
        assert!(first == bytes(), "{flags:?} gives other bytes on one thread");
    }
    program.ok(&[&dictionary[..], &["--method", "linkage", "--tau", "0.1", "--k", "191"]].concat());
    let text = fs::read_to_string(program.path("c.csv")).unwrap();
    let mut groups: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    for line in text.lines().skip(2) {
        let (feature, cluster) = line.split_once(',').unwrap();
        groups.entry(cluster.parse().unwrap()).or_default().push(feature.parse().unwrap());
    }
    let own = groups.iter().find(|(cluster, features)| **cluster >= 0 && features.contains(&RING[0])).unwrap().1;
    assert_eq!(own.as_slice(), RING, "published for average linkage at a cosine of .1");
}

#[test]
fn the_weekdays_of_the_concepts_are_found_named_and_put_in_order_with_no_hint() {
    let program = Program::new();
    program.ok(&["manifolds", "@example/concepts", "-o", "m.json"]);
    let table: Value = serde_json::from_slice(&fs::read(program.path("m.json")).unwrap()).unwrap();
    let rows = table["manifolds"].as_array().unwrap();
    assert!(rows.iter().enumerate().all(|(at, row)| row["rank"] == at + 1), "best first");
    let scores: Vec<f64> = rows.iter().map(|row| row["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b));
    // Single features in a row can stand in the week's order by chance: the group is the one that beats its nulls.
    let in_order = |row: &&Value| {
        let order = row["ring_order"]["types"].as_array().into_iter().flatten();
        is_the_week(&order.map(|word| word.as_str().unwrap().to_string()).collect::<Vec<_>>())
    };
    let p = |row: &Value| row["ring_order"]["p"].as_f64().unwrap();
    let week = rows.iter().filter(in_order).min_by(|a, b| p(a).total_cmp(&p(b)));
    let week = week.expect("a group whose seven types stand in the order of the week");
    assert!(p(week) <= 0.05, "{}", week["ring_order"]);
    // Near the top, by what the lenses show beyond their nulls.
    let rank = week["rank"].as_u64().unwrap() as usize;
    assert!(rank <= 8 && rank <= rows.len() / 6, "rank {rank} of {}", rows.len());
    let parts: f64 = week["evidence"].as_object().unwrap().values().map(|part| part.as_f64().unwrap()).sum();
    assert!((parts - week["score"].as_f64().unwrap()).abs() < 1e-12, "{}", week["evidence"]);
    for (part, least) in [("purity", 0.7), ("dominance", 0.7), ("told_apart", 0.4), ("evenness", 0.8)] {
        assert!(week["family"][part].as_f64().unwrap() >= least, "{}", week["family"]);
    }
    let name: Vec<&str> = week["name"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert!(DAYS.iter().all(|day| name.contains(day)), "{name:?}");
    for field in
        ["cluster", "grouping", "features", "size", "tokens", "label", "verdict", "verdict_evidence", "planes_unit"]
    {
        assert!(week.get(field).is_some(), "{field}");
    }
    // Given groups, as columns: the same bytes at any number of threads.
    program.ok(&["cluster", "@example/concepts", "-o", "c.npz", "--method", "linkage", "--tau", "0.2"]);
    let columns = ["manifolds", "@example/concepts", "--clusters", "c.npz", "-o", "m.csv", "--bare", "--force"];
    program.ok(&columns);
    let csv = fs::read(program.path("m.csv")).unwrap();
    program.ok(&[&columns[..], &["--threads", "1"]].concat());
    assert!(csv == fs::read(program.path("m.csv")).unwrap());
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.starts_with("rank,") && csv.contains("planes_12_mixture"), "{}", &csv[..200]);
}

#[test]
fn a_manifold_s_coordinate_puts_the_days_around_the_ring() {
    let program = Program::new();
    let features = RING.map(|feature| feature.to_string()).join(",");
    program.ok(&["manifold", "@example/concepts", "--features", &features, "-o", "days.json"]);
    let table: Value = serde_json::from_slice(&fs::read(program.path("days.json")).unwrap()).unwrap();
    let rows = table["tokens"].as_array().unwrap();
    assert_eq!(rows.len(), 272, "tokens on which the ring's features fire");
    let metrics = &table["provenance"]["parameters"]["metrics"];
    let order: Vec<String> =
        metrics["ring_order"]["types"].as_array().unwrap().iter().map(|day| day.as_str().unwrap().into()).collect();
    assert!(is_the_week(&order), "{order:?}");
    assert!(rows.iter().all(|row| row["pc1"].is_number() && row["document"].is_number()));
    assert!(is_the_week(&around(rows, &DAYS)), "{:?}", around(rows, &DAYS));
    assert_eq!(table["provenance"]["parameters"]["s"], "types");
    // A token's place is its angle in the plane of the written axes.
    let vector = |name: &str, at: usize| -> Vec<f64> {
        let rows = table[name].as_array().unwrap();
        let row = if rows[0].is_array() { rows[at].as_array().unwrap() } else { rows };
        row.iter().map(|x| x.as_f64().unwrap()).collect()
    };
    let (first, second) = (vector("ring_axes", 0), vector("ring_axes", 1));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    assert!(dot(&first, &second).abs() < 1e-9 && (dot(&first, &first) - 1.0).abs() < 1e-9);
    let (centre, mean) = (vector("ring_centre", 0), vector("mean", 0));
    let rank = rows[0].as_object().unwrap().keys().filter(|key| key.starts_with("pc")).count();
    for row in rows.iter().step_by(40) {
        let mut point = mean.clone();
        for pc in 0..rank {
            let along = row[format!("pc{}", pc + 1)].as_f64().unwrap();
            point.iter_mut().zip(vector("basis", pc)).for_each(|(x, b)| *x += along * b);
        }
        point.iter_mut().zip(&centre).for_each(|(x, c)| *x -= c);
        let angle = dot(&point, &second).atan2(dot(&point, &first));
        assert!((angle - row["s"].as_f64().unwrap()).sin().abs() < 1e-4, "{angle} {row}");
    }
    assert_eq!(table["basis"][0].as_array().unwrap().len(), 576);
    for args in [
        &["manifold", "@example/concepts", "--features", "1,1", "-o", "x.csv"][..],
        &["manifold", "@example/concepts", "--features", "999", "-o", "x.csv"],
        &["manifold", "@example/concepts", "--cluster", "9999", "-o", "x.csv"],
        &["manifold", "@example/concepts", "-o", "x.csv"],
    ] {
        program.fails(2, args);
    }
}

#[test]
fn labels_of_tokens_say_what_a_group_tells_apart() {
    let program = Program::new();
    program.ok(&["manifold", "@example/concepts", "--features", "7,21,35,85,89,112,113,121,152,177", "-o", "all.json"]);
    let table: Value = serde_json::from_slice(&fs::read(program.path("all.json")).unwrap()).unwrap();
    // A number for every day, and nothing for the tokens between.
    let mut labels = vec![String::new(); 1832];
    for row in table["tokens"].as_array().unwrap() {
        if let Some(day) = DAYS.iter().position(|day| row["text"].as_str().unwrap().trim() == *day) {
            labels[row["token"].as_u64().unwrap() as usize] = day.to_string();
        }
    }
    fs::write(program.path("days.txt"), labels.join("\n") + "\n").unwrap();
    let group = ["@example/concepts", "--features", "7,21,35,85,89,112,113,121,152,177", "--token-labels", "days.txt"];
    let flags = ["--label-distance", "cyclic:7", "-o", "days.json"];
    program.ok(&[&["manifold"], &group[..], &flags].concat());
    let table: Value = serde_json::from_slice(&fs::read(program.path("days.json")).unwrap()).unwrap();
    let parameters = &table["provenance"]["parameters"];
    assert_eq!(parameters["token_labels"]["distance"], "cyclic:7");
    let labels = &parameters["metrics"]["labels"];
    assert!(labels["centroid_accuracy_full"].as_f64().unwrap() > 0.9, "{labels}");
    assert_eq!(labels["centroid_order"].as_array().unwrap().len(), 7);
    // Seven clumps: at k = 10 the largest part is two of them, with one label each.
    assert_eq!(labels["isometry"]["k"], 10);
    let sweep = labels["isometry_sweep"].as_array().unwrap();
    let wide = sweep.iter().find(|found| found["k"] == 15).unwrap();
    assert!(wide["pearson"].as_f64().unwrap() > 0.8, "{labels}");
    fs::write(program.path("few.txt"), "1\n2\n").unwrap();
    let few = ["manifold", "@example/concepts", "--features", "7,21", "--token-labels", "few.txt", "-o", "x.json"];
    assert!(program.fails(2, &few).contains("2 labels for 1,832 rows"));
}

#[test]
fn points_are_grouped_by_every_method_and_features_are_laid_out_by_a_walk() {
    let program = Program::new();
    // Three clumps of unequal width, far from each other.
    let point = |i: u32| {
        let (clump, at) = (i / 30, f64::from(i % 30));
        let width = [0.1, 0.3, 1.0][clump as usize] * at.sqrt();
        [30.0 * f64::from(clump) + width * (at * 2.4).cos(), width * (at * 2.4).sin()]
    };
    let points: Vec<[f64; 2]> = (0..90).map(point).collect();
    let values: Vec<f32> = points.iter().flatten().map(|x| *x as f32).collect();
    fs::write(program.path("p.npy"), npy(&values, points.len())).unwrap();
    for flags in [
        &["--method", "graph", "--k", "5", "--tau", "0.1"][..],
        &["--method", "leiden", "--resolution", "0.5"],
        &["--method", "spectral", "--clusters", "3"],
        &["--method", "kmeans", "--clusters", "3"],
        &["--method", "linkage", "--clusters", "3"],
    ] {
        let counts =
            program.json(&[&["cluster", "--points", "p.npy", "-o", "c.csv", "--force", "--json"], flags].concat());
        assert_eq!(counts["sizes"], serde_json::json!([30, 30, 30]), "{flags:?}");
    }
    assert!(
        program
            .fails(2, &["cluster", "--points", "p.npy", "-o", "x.csv", "--method", "leiden"])
            .contains("--resolution")
    );
    let layout = ["embed", "@example/concepts", "-o", "d.json", "--method", "diffusion", "--dims", "3", "--force"];
    program.ok(&layout);
    let table = fs::read(program.path("d.json")).unwrap();
    let found: Value = serde_json::from_slice(&table).unwrap();
    let values: Vec<f64> = found["eigenvalues"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    assert!(values.len() == 3 && values.is_sorted_by(|a, b| a >= b) && values[2] > 0.0, "{values:?}");
    assert_eq!(found["features"].as_array().unwrap().len(), 192);
    program.ok(&[&layout[..], &["--threads", "1"]].concat());
    assert!(fs::read(program.path("d.json")).unwrap() == table, "other bytes on one thread");
}

/// The features of the built-in dictionary with more than half of their activation on weekdays over the whole corpus
/// that it was trained and tested on.
const WEEKDAYS: [u32; 21] = [
    60, 505, 710, 779, 785, 828, 1005, 1450, 1468, 1510, 1747, 2048, 2166, 2504, 2639, 3175, 3176, 3202, 3207, 3771,
    4081,
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[test]
fn weekdays_and_months_that_no_decoder_cosine_shows_are_groups_of_their_own_and_stand_in_the_order_of_the_calendar() {
    let program = Program::new();
    // The first of the default groupings; its resolutions are chosen by stability alone.
    program.ok(&["cluster", "@example", "-o", "c.csv", "--method", "leiden", "--on", "phi+decoder"]);
    let text = fs::read_to_string(program.path("c.csv")).unwrap();
    let mut groups: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    for line in text.lines().skip(2) {
        let (feature, cluster) = line.split_once(',').unwrap();
        groups.entry(cluster.parse().unwrap()).or_default().push(feature.parse().unwrap());
    }
    let overlap = |features: &[u32]| {
        let shared = features.iter().filter(|feature| WEEKDAYS.contains(feature)).count();
        shared as f64 / (features.len() + WEEKDAYS.len() - shared) as f64
    };
    groups.remove(&-1);
    let (weekdays, features) =
        groups.iter().max_by(|a, b| overlap(a.1).total_cmp(&overlap(b.1))).map(|(at, own)| (*at, own)).unwrap();
    assert!(overlap(features) >= 0.6, "{} of {features:?}", overlap(features));
    let along = |cluster: i32, name: &str| -> Value {
        let cluster = cluster.to_string();
        let args = ["manifold", "@example", "--clusters", "c.csv", "--cluster", &cluster, "-o", name, "--force"];
        program.ok(&args);
        serde_json::from_slice(&fs::read(program.path(name)).unwrap()).unwrap()
    };
    let table = along(weekdays, "days.json");
    let days = around(table["tokens"].as_array().unwrap(), &DAYS);
    assert!(is_the_week(&days), "{days:?}");
    // The months: the group with most of the features whose top tokens are names of months.
    program.ok(&["export", "@example", "-o", "l.json", "--columns", "feature,label"]);
    let labels: Value = serde_json::from_slice(&fs::read(program.path("l.json")).unwrap()).unwrap();
    let names_months = |feature: &u32| {
        let label = labels["features"][*feature as usize]["label"].as_str().unwrap_or_default();
        MONTHS.iter().filter(|month| label.contains(*month)).count() >= 2
    };
    let held = |features: &[u32]| features.iter().filter(|feature| names_months(feature)).count();
    let months = *groups.iter().max_by_key(|(_, features)| held(features)).unwrap().0;
    assert_ne!(months, weekdays);
    let table = along(months, "months.json");
    let name = &table["provenance"]["parameters"]["metrics"]["name"];
    let named = name.as_array().unwrap().iter().filter(|word| MONTHS.contains(&word.as_str().unwrap())).count();
    assert!(named >= 8, "{name}");
    let order = around(table["tokens"].as_array().unwrap(), &MONTHS);
    let places: Vec<usize> = order.iter().map(|word| MONTHS.iter().position(|own| own == word).unwrap()).collect();
    assert_eq!(places.len(), 12, "{order:?}");
    // At most one pair of neighbours has changed places.
    let rises = |places: &[usize]| (0..12).filter(|&i| (places[(i + 1) % 12] + 12 - places[i]) % 12 == 1).count();
    let backwards: Vec<usize> = places.iter().rev().copied().collect();
    assert!(rises(&places).max(rises(&backwards)) >= 9, "{order:?}");
}
