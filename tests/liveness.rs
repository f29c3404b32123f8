//! A cancelled kernel stops soon, whatever it is at. Promised are 100 ms; a busy machine is granted ten times that.
//!
//! First kernels on rows made to be hard, which would go on far longer than they are let; then everything that a job of
//! the screen does, and every way to group, on the large built-in dictionary and its activations: run to the end once,
//! then cancelled at several moments on the way. With `--nocapture` each tells how long it went on.

#![allow(clippy::print_stdout, reason = "the times are worth seeing")]

use saescope::Error;
use saescope::analysis::grouping::{AffinityKind, Cut, Method, On};
use saescope::analysis::groups::by_hand;
use saescope::analysis::manifolds::ManifoldParams;
use saescope::analysis::open::{Request, open};
use saescope::analysis::pairs::{MOST_BY_LIKENESS, PairMeasure, PairOrder, pairs};
use saescope::analysis::{Cache, FeatureTable, Grouping, JobKind, MapParams, NeighborsBy, Selections, Study, Words};
use saescope::export::{Array, Data, Document, Provenance, Sink};
use saescope::geometry::cloud::ShapeParams;
use saescope::geometry::cluster::hdbscan::{HdbscanParams, Metric, hdbscan};
use saescope::geometry::cooccurrence::Measure;
use saescope::geometry::neighbors::{KnnParams, knn};
use saescope::geometry::pca::pca;
use saescope::geometry::trust::trust;
use saescope::geometry::umap::{UmapParams, umap};
use saescope::rows::Points;
use saescope::task::Task;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A number in [-1, 1) that depends on `seed` alone.
fn noise(seed: usize) -> f32 {
    let mut z = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z >> 40) as f32 / (1 << 23) as f32) - 1.0
}

fn random(n: usize, d: usize) -> Points {
    Points::new((0..n * d).map(noise).collect(), d)
}

/// Cancels `work`, which would take far longer, after each of `delays` in milliseconds, and times how long it goes on.
fn assert_stops<T>(what: &str, delays: &[u64], work: impl Fn(&Task) -> Result<T, Error>) {
    for &delay in delays {
        let task = Task::new(2).unwrap();
        let watch = Arc::clone(task.watch());
        let owner = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(delay));
            watch.cancel();
            Instant::now()
        });
        let outcome = work(&task);
        let stopped = Instant::now();
        let cancelled = owner.join().unwrap();
        assert!(matches!(outcome, Err(Error::Cancelled)), "{what}: over before it was cancelled after {delay} ms");
        let late = stopped.duration_since(cancelled);
        assert!(late < Duration::from_secs(1), "{what}: {late:?} late after {delay} ms");
        println!("{what}: stops after {late:?}");
    }
}

#[test]
fn many_components_can_be_cancelled() {
    let points = random(2600, 2500);
    assert_stops("components of a matrix in memory", &[50, 400], |task| pca(&points, 400, task));
    let flat = random(5000, 4100);
    assert_stops("components by passes", &[50, 700], |task| pca(&flat, 170, task));
}

#[test]
fn many_samples_can_be_cancelled() {
    let plane = random(65_536, 2);
    let params = HdbscanParams { min_cluster_size: 15, min_samples: Some(30_000) };
    assert_stops("many samples in the plane", &[100, 600], |task| hdbscan(&plane, Metric::Euclidean, &params, task));
    let wide = random(20_000, 600);
    let params = HdbscanParams { min_cluster_size: 15, min_samples: Some(10_000) };
    assert_stops("many samples by tiles", &[100, 600], |task| hdbscan(&wide, Metric::Cosine, &params, task));
}

#[test]
fn rows_that_all_tie_can_be_cancelled() {
    let equal = Points::new(vec![0.5; 20_000 * 700], 700);
    assert_stops("neighbours of equal rows", &[50, 400], |task| knn(&equal, &KnnParams { k: 5000 }, task));
    // Lengths that are no powers of two: the distances are rounding noise, and each must be computed.
    let mut multiples = equal;
    for (i, row) in multiples.data_mut().chunks_exact_mut(700).enumerate() {
        row.iter_mut().enumerate().for_each(|(j, x)| *x = (1.0 + noise(i).abs()) * noise(j));
    }
    let params = HdbscanParams::default();
    assert_stops("clusters of multiples of one row", &[50, 400], |task| {
        hdbscan(&multiples, Metric::Cosine, &params, task)
    });
}

#[test]
fn trust_of_a_large_neighbourhood_can_be_cancelled() {
    let (map, rows) = (random(30_000, 2), random(30_000, 30));
    for metric in [Metric::Euclidean, Metric::Cosine] {
        assert_stops("a large neighbourhood", &[100, 600], |task| trust(&map, &rows, metric, 4000, task));
    }
}

#[test]
fn neighbours_and_a_layout_of_many_rows_can_be_cancelled() {
    let rows = random(30_000, 600);
    assert_stops("neighbours", &[50, 400], |task| knn(&rows, &KnnParams { k: 14 }, task));
    let plane = random(60_000, 3);
    let graph = knn(&plane, &KnnParams { k: 14 }, &Task::new(2).unwrap()).unwrap();
    let params = UmapParams { epochs: Some(100_000), ..UmapParams::default() };
    // The start, and the passes after it.
    assert_stops("a layout", &[30, 300, 3000], |task| umap(&plane, &graph, &params, task, &mut |_| ()));
}

/// The large built-in dictionary, with nothing computed and nothing kept.
fn fresh() -> Study {
    let request = Request { dictionary: "@example".into(), ..Request::default() };
    open(&request, Cache::off()).unwrap()
}

/// As [`fresh`], with its activations and texts read.
fn with_evidence() -> Study {
    let study = fresh();
    study.load_evidence(&Task::new(2).unwrap()).unwrap();
    study
}

/// Runs `work` on what `prepare` makes, then again, cancelled after a twentieth, a third and four fifths of the time
/// that it took.
fn assert_stops_anywhere<S, T>(what: &str, prepare: impl Fn() -> S, work: impl Fn(&S, &Task) -> Result<T, Error>) {
    let (prepared, task) = (prepare(), Task::new(2).unwrap());
    let begun = Instant::now();
    work(&prepared, &task).unwrap();
    let whole = begun.elapsed();
    let (mut stopped, mut latest) = (0, Duration::ZERO);
    for part in [0.05, 0.33, 0.8] {
        let (prepared, task) = (prepare(), Task::new(2).unwrap());
        let watch = Arc::clone(task.watch());
        let delay = whole.mul_f64(part);
        let owner = std::thread::spawn(move || {
            std::thread::sleep(delay);
            watch.cancel();
            Instant::now()
        });
        let outcome = work(&prepared, &task);
        let ended = Instant::now();
        let cancelled = owner.join().unwrap();
        let late = ended.saturating_duration_since(cancelled);
        assert!(late < Duration::from_secs(1), "{what}: {late:?} late after {delay:?} of {whole:?}");
        latest = latest.max(late);
        match outcome {
            Err(Error::Cancelled) => stopped += 1,
            Err(error) => panic!("{what}: {error}"),
            // Faster than the first time.
            Ok(_) => {}
        }
    }
    // What is over at once leaves nothing to cancel.
    assert!(stopped > 0 || whole < Duration::from_millis(100), "{what}: never stopped in {whole:?}");
    println!("{what}: {whole:?}, stops after {latest:?}");
}

/// The weekdays and what stands near them in the built-in dictionary.
fn group() -> saescope::analysis::groups::Found {
    by_hand(&[2504, 3207, 1450, 11, 12, 13, 14, 15]).unwrap()
}

const SHAPES: ManifoldParams = ManifoldParams { shape: ShapeParams::MANY, most_tokens: None, all: false };

/// What the jobs of a kind do.
fn job(kind: JobKind) {
    let map = MapParams::default();
    match kind {
        JobKind::Evidence => {
            assert_stops_anywhere("reading activations", fresh, |study, task| study.load_evidence(task).map(|_| ()));
            assert_stops_anywhere("words", with_evidence, Words::build);
        }
        JobKind::Map => {
            assert_stops_anywhere("norms", fresh, Study::norms);
            assert_stops_anywhere("components", fresh, |study, task| study.pca(2, task));
            assert_stops_anywhere("neighbours of all", fresh, |study, task| study.knn(14, task));
            let near = fresh().knn(14, &Task::new(2).unwrap()).unwrap();
            assert_stops_anywhere("a layout", fresh, |study, task| {
                study.umap(&map.umap, Some(&near), task, &mut |_| ())
            });
        }
        JobKind::Clusters => {
            let layout = random(65_536, 2);
            let params = HdbscanParams::default();
            let group = |(): &(), task: &Task| hdbscan(&layout, Metric::Euclidean, &params, task);
            assert_stops_anywhere("clusters of a map", || (), group);
        }
        JobKind::Trust => {
            let layout = random(4096, 2);
            assert_stops_anywhere("trust", fresh, |study, task| study.map_trust(&map, &layout, task));
        }
        JobKind::Neighbours => {
            for by in [NeighborsBy::Decoder, NeighborsBy::Encoder, NeighborsBy::Activation] {
                let what = format!("neighbours of a feature by {by:?}");
                assert_stops_anywhere(&what, with_evidence, |study, task| study.neighbors(2504, 50, by, task));
            }
        }
        JobKind::Manifolds => {
            assert_stops_anywhere("finding groups", with_evidence, |study, task| study.find_groups(0, task));
            let groups: Vec<_> =
                (0..60u32).map(|i| by_hand(&(i * 8..i * 8 + 8).collect::<Vec<_>>()).unwrap()).collect();
            assert_stops_anywhere("measuring groups", with_evidence, |study, task| {
                study.survey(groups.clone(), &SHAPES, task)
            });
            let rows = with_evidence().survey(groups[..4].to_vec(), &SHAPES, &Task::new(2).unwrap()).unwrap().rows;
            assert_stops_anywhere("loops and nulls", with_evidence, |study, task| {
                study.deepen(&mut rows.clone(), &SHAPES, task, &|_, _| ())
            });
        }
        JobKind::Manifold => {
            assert_stops_anywhere("one group whole", with_evidence, |study, task| {
                study.portrait(group(), &SHAPES, task)
            });
            assert_stops_anywhere("growing a group", with_evidence, |study, task| {
                study.nearest_to_group(&group().features, task)
            });
        }
        JobKind::Pairs => {
            let all: Vec<u32> = (0..2000).collect();
            let firing = PairMeasure::Firing(Measure::Phi);
            for (what, measure, order, count) in [
                ("cosines of pairs", PairMeasure::Decoder, PairOrder::Feature, 2000),
                ("pairs firing together", firing, PairOrder::Feature, 2000),
                ("pairs by likeness", PairMeasure::Decoder, PairOrder::Likeness, MOST_BY_LIKENESS),
            ] {
                assert_stops_anywhere(what, with_evidence, |study, task| {
                    pairs(&FeatureTable::of(study), &all[..count], measure, order, task)
                });
            }
        }
        JobKind::Selections => {
            let folder = tempfile::tempdir().unwrap();
            assert_stops_anywhere("selections", fresh, |study, _| Selections::open(study, folder.path()));
        }
        JobKind::Export => {
            let folder = tempfile::tempdir().unwrap();
            for suffix in ["csv", "json", "npz"] {
                let write = |(): &(), task: &Task| {
                    let array = Array::column("number", Data::F32((0..1_000_000).map(noise).collect()));
                    let provenance = Provenance {
                        input: "a test".into(),
                        fingerprint: "0".into(),
                        parameters: serde_json::Map::new(),
                    };
                    let document =
                        Document { rows: "rows", arrays: vec![array], extras: Vec::new(), provenance, bare: false };
                    Sink::new(&folder.path().join(format!("out.{suffix}")), true, 1)?.write(&document, task)
                };
                assert_stops_anywhere(&format!("writing {suffix}"), || (), write);
            }
        }
    }
}

#[test]
fn what_the_jobs_of_the_map_do_can_be_cancelled() {
    for kind in [JobKind::Evidence, JobKind::Map, JobKind::Clusters, JobKind::Trust] {
        job(kind);
    }
}

#[test]
fn what_the_other_jobs_do_can_be_cancelled() {
    for kind in [
        JobKind::Neighbours,
        JobKind::Manifolds,
        JobKind::Manifold,
        JobKind::Pairs,
        JobKind::Selections,
        JobKind::Export,
    ] {
        job(kind);
    }
}

#[test]
fn every_way_to_group_can_be_cancelled() {
    let k = 15;
    let methods = [
        Method::Graph { k, tau: 0.3 },
        Method::Leiden { k, resolution: None },
        Method::Leiden { k, resolution: Some(1.0) },
        Method::Spectral { k, clusters: 40, affinity: AffinityKind::Positive },
        Method::Spectral { k, clusters: 40, affinity: AffinityKind::Angular },
        Method::Kmeans { clusters: 200 },
        Method::Linkage { k, average: true, cut: Cut::At(0.3) },
        Method::Linkage { k, average: false, cut: Cut::Into(100) },
    ];
    for method in methods {
        let grouping = Grouping { on: On::Decoder, method, seed: 0 };
        assert_stops_anywhere(&format!("{method:?}"), with_evidence, |study, task| study.group(&grouping, task));
    }
    for on in ["encoder", "activation", "jaccard", "phi+decoder", "mutual", "ising", "max:pearson+decoder"] {
        let on = On::from_name(on).unwrap();
        assert_stops_anywhere(&on.name(), with_evidence, |study, task| study.similar(on, k, task));
    }
}
