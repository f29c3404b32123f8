//! The README tells the truth: its tables are generated from the program's own, its picture is a frame of the program,
//! its recipes are commands that exist.
//!
//! `SAESCOPE_BLESS=1 cargo test --test docs` rewrites the generated parts.

use saescope::analysis::manifolds::ManifoldParams;
use saescope::analysis::map::{MapParams, map_job};
use saescope::analysis::open::{Request, open};
use saescope::analysis::portrait::Along;
use saescope::analysis::{Cache, Product, Study, Words, jobs::JobContext};
use saescope::config::{self, Given};
use saescope::container::ArrayFile;
use saescope::export::{Array, Data, Document, Provenance, Sink};
use saescope::geometry::cloud::ShapeParams;
use saescope::geometry::cluster::{Clusters, hdbscan::HdbscanParams};
use saescope::geometry::umap::Umap;
use saescope::rows::Points;
use saescope::task::Task;
use saescope::tui::app::{Chart, Options, Scene, still};
use saescope::tui::capabilities::Environment;
use saescope::tui::frame::frame_svg;
use saescope::tui::layout::Page;
use saescope::tui::theme::{ColorTier, Ground, Theme};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

fn root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn blesses() -> bool {
    std::env::var_os("SAESCOPE_BLESS").is_some()
}

/// Compares the part of the README between `<!-- name -->` marks with `made`, or rewrites it when asked to.
fn check_part(name: &str, made: &str) {
    let path = root("README.md");
    let text = fs::read_to_string(&path).unwrap();
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let start = text.find(&open).expect("the mark is there") + open.len();
    let end = start + text[start..].find(&close).expect("the closing mark is there");
    if blesses() {
        fs::write(&path, format!("{}{made}{}", &text[..start], &text[end..])).unwrap();
        return;
    }
    assert_eq!(&text[start..end], made, "the README's {name} are stale: SAESCOPE_BLESS=1 cargo test --test docs");
}

#[test]
fn the_tables_of_the_readme_are_the_program_s() {
    check_part("keys", &saescope::tui::keymap::keys_markdown());
    check_part("settings", &saescope::config::table::markdown());
    check_part("formats", &saescope::sae::formats::markdown());
    check_part("activations", &saescope::sae::activations::markdown());
    check_part("vectors", &saescope::sae::dense::markdown());
    check_part("measures", &saescope::geometry::cloud::markdown());
    check_part("cooccurrence", &saescope::geometry::cooccurrence::markdown());
}

/// The example of settings is a file that can be read, and says something.
#[test]
fn the_settings_of_the_readme_hold() {
    let text = fs::read_to_string(root("README.md")).unwrap();
    let example = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), example).unwrap();
    let given = Given { file: Some(file.path().to_path_buf()), flags: Vec::new() };
    let loaded = config::load(&given, &Environment::from([]));
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    assert_eq!(loaded.settings.chosen.len(), 4);
}

#[test]
fn the_readme_names_the_two_commands() {
    let text = fs::read_to_string(root("README.md")).unwrap();
    assert!(text.contains("cargo run --release") && text.contains("cargo test"));
}

/// The map of the built-in example is kept in `data/`, because its last bits depend on the processor that made it.
const LAYOUT: &str = "data/pictures/map.npz";
const PICTURE: &str = "data/pictures/map.svg";

/// Makes the map anew and keeps its layout and clusters.
fn keep_layout(study: &Study, params: &MapParams, task: &Task) {
    let made = Arc::new(Mutex::new((None, None)));
    let sink = Arc::clone(&made);
    let context = JobContext::new(task.clone(), move |product| match product {
        Product::Umap(umap) => sink.lock().unwrap().0 = Some(umap),
        Product::Clusters(clusters, params) => sink.lock().unwrap().1 = Some((clusters, params)),
        _ => {}
    });
    map_job(study, params, &context).unwrap();
    let (umap, grouped) = made.lock().unwrap().clone();
    let (umap, (clusters, hdbscan)) = (umap.unwrap(), grouped.unwrap());
    let parameters = MapParams { hdbscan, ..*params }.parameters();
    let document = Document {
        rows: "features",
        arrays: vec![
            Array::matrix("coordinates", 2, Data::F32(umap.coordinates.data().to_vec())),
            Array::column("labels", Data::I32(clusters.labels.clone())),
        ],
        extras: vec![Array::column(
            "hdbscan",
            Data::I64(vec![hdbscan.min_cluster_size as i64, hdbscan.samples() as i64]),
        )],
        provenance: Provenance { input: study.name.clone(), fingerprint: study.fingerprint.clone(), parameters },
        bare: false,
    };
    Sink::new(&root(LAYOUT), true, 2).unwrap().write(&document, &Task::new(1).unwrap()).unwrap();
}

#[test]
fn the_picture_is_a_frame_of_the_program() {
    let request = Request { dictionary: "@example".into(), ..Request::default() };
    let study = Arc::new(open(&request, Cache::off()).unwrap());
    let task = Task::new(0).unwrap();
    let mut params = MapParams { fit_clusters: true, ..MapParams::default() };
    if blesses() {
        keep_layout(&study, &params, &task);
    }
    let kept = ArrayFile::open(&root(LAYOUT)).unwrap();
    let array = |name: &str| kept.tensor(name).unwrap();
    let numbers = |name: &str| -> Vec<i32> { array(name).to_f64().into_iter().map(|x| x as i32).collect() };
    let [size, samples] = numbers("hdbscan")[..] else { panic!("two parameters") };
    params.hdbscan = HdbscanParams { min_cluster_size: size as usize, min_samples: Some(samples as usize) };
    let coordinates = Points::new(array("coordinates").to_f32(), 2);

    study.load_evidence(&task).unwrap();
    let trust = study.map_trust(&params, &coordinates, &task).unwrap().unwrap();
    let clusters = Clusters::from_labels(&numbers("labels"));
    let products = vec![
        Product::Evidence,
        Product::Words(Arc::new(Words::build(&study, &task).unwrap())),
        Product::Norms(study.norms(&task).unwrap()),
        Product::Knn(Arc::new(study.knn(14, &task).unwrap())),
        Product::Umap(Arc::new(Umap { coordinates, epochs: 500, a: 1.0, b: 1.0 })),
        Product::Clusters(Arc::new(clusters), params.hdbscan),
        Product::Trust(Arc::new(trust)),
    ];
    let options = Options { params, ..Options::new(Theme::new(ColorTier::True, Ground::Dark)) };
    let scene = Scene { page: Page::Map, feature: Some(2504), cluster: None, chart: Chart::Cloud, filter: None };
    let frame = still(&study, products, options, &scene, (120, 40), &task).unwrap();
    let svg = frame_svg(&frame, "saescope: map of @example");
    if blesses() {
        fs::write(root(PICTURE), &svg).unwrap();
    }
    let stored = fs::read_to_string(root(PICTURE)).unwrap();
    assert!(stored == svg, "the picture is stale: SAESCOPE_BLESS=1 cargo test --test docs");
}

/// Lines in which the stored picture of the weekdays may differ from a new one: its points come from products whose last
/// bits depend on the processor, and a point on the edge of a dot may fall on either side.
const EDGES: usize = 12;
const WEEKDAYS: &str = "data/pictures/weekdays.svg";

#[test]
fn the_picture_of_the_weekdays_is_a_frame_of_the_program() {
    let request = Request { dictionary: "@example/concepts".into(), ..Request::default() };
    let study = Arc::new(open(&request, Cache::off()).unwrap());
    let task = Task::new(0).unwrap();
    study.load_evidence(&task).unwrap();
    let params = ManifoldParams { shape: ShapeParams::MANY, most_tokens: None, all: false };
    // The group of which the table says that its types stand in a ring more than chance would have it: 0 is the most
    // stable of all that are found.
    let found = study.find_groups(0, &task).unwrap().swap_remove(0);
    let open = study.portrait(found, &params, &task).unwrap();
    assert_eq!(open.along, Along::Types);
    let products = vec![
        Product::Evidence,
        Product::Words(Arc::new(Words::build(&study, &task).unwrap())),
        Product::Portrait(Arc::new(open)),
    ];
    let options = Options { params: MapParams::default(), ..Options::new(Theme::new(ColorTier::True, Ground::Dark)) };
    let scene = Scene { page: Page::Manifold, feature: None, cluster: None, chart: Chart::Cloud, filter: None };
    let frame = still(&study, products, options, &scene, (120, 40), &task).unwrap();
    let svg = frame_svg(&frame, "saescope: a manifold of @example/concepts");
    if blesses() {
        fs::write(root(WEEKDAYS), &svg).unwrap();
    }
    for day in ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] {
        assert!(svg.contains(day), "{day} is not in the picture");
    }
    let stored = fs::read_to_string(root(WEEKDAYS)).unwrap();
    let differ = stored.lines().zip(svg.lines()).filter(|(old, new)| old != new).count();
    let same = stored.lines().count() == svg.lines().count();
    assert!(same && differ <= EDGES, "the picture is stale ({differ} lines): SAESCOPE_BLESS=1 cargo test --test docs");
}
