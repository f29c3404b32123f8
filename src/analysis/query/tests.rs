use super::*;
use crate::analysis::{Cache, Evidence};
use crate::container::Matrix;
use crate::error::Error;
use crate::geometry::cluster::hdbscan::HdbscanParams;
use crate::sae::Dictionary;

/// A study of `n` planted directions in eight dimensions, with a cache of its own.
fn study(n: usize) -> (tempfile::TempDir, Study) {
    let folder = tempfile::tempdir().unwrap();
    let value = |i: usize, j: usize| if j == i % 4 { 2.0 } else { ((i * 37 + j * 101) % 53) as f32 / 100.0 };
    let decoder: Vec<f32> = (0..n).flat_map(|i| (0..8).map(move |j| value(i, j))).collect();
    let dictionary = Dictionary::bare(Matrix::from_f32(&decoder, 8));
    let cache = Cache::at(folder.path().join("cache"), 1 << 20);
    let study = Study::new("planted", dictionary, "0".into(), cache, Box::new(|_, _| Ok(Evidence::default())));
    (folder, study)
}

fn map() -> MapParams {
    let umap = UmapParams { neighbors: 6, epochs: Some(20), ..UmapParams::default() };
    MapParams { umap, hdbscan: HdbscanParams { min_cluster_size: 5, min_samples: None }, fit_clusters: false }
}

fn task() -> Task {
    Task::new(1).unwrap()
}

/// A task that can compute nothing: what is answered all the same was kept.
fn cancelled() -> Task {
    let task = task();
    task.watch().cancel();
    task
}

#[test]
fn every_parameter_makes_another_key() {
    let (_folder, study) = study(4);
    let plain = map();
    let umaps = [
        UmapParams { neighbors: 7, ..plain.umap },
        UmapParams { min_dist: 0.2, ..plain.umap },
        UmapParams { spread: 2.0, ..plain.umap },
        UmapParams { dims: 3, ..plain.umap },
        UmapParams { epochs: None, ..plain.umap },
        UmapParams { epochs: Some(21), ..plain.umap },
        UmapParams { init: Init::Pca, ..plain.umap },
        UmapParams { seed: 1, ..plain.umap },
    ];
    let groups = [(6, None), (5, Some(4)), (6, Some(5))];
    let mut maps = vec![plain];
    maps.extend(umaps.map(|umap| MapParams { umap, ..plain }));
    let layouts: Vec<Key> = maps.iter().map(|map| study.umap_key(&map.umap)).collect();
    let trusts: Vec<Key> = maps.iter().flat_map(|map| [15, 14].map(|k| study.trust_key(map, k))).collect();
    maps.extend(groups.map(|(min_cluster_size, min_samples)| MapParams {
        hdbscan: HdbscanParams { min_cluster_size, min_samples },
        ..plain
    }));
    let clusters: Vec<Key> = maps.iter().map(|map| study.cluster_key(map)).collect();
    let mut keys: Vec<Key> = [1, 2].map(|k| study.knn_key(k)).into();
    keys.extend([1, 2].map(|dims| study.pca_key(dims)));
    keys.extend([layouts, trusts, clusters].concat());
    for (at, key) in keys.iter().enumerate() {
        assert!(!keys[..at].contains(key), "{key:?}");
    }
    // What means the same has the same key.
    let same = MapParams { hdbscan: HdbscanParams { min_cluster_size: 5, min_samples: Some(5) }, ..plain };
    assert_eq!(study.cluster_key(&same), study.cluster_key(&plain));
}

#[test]
fn the_versions_of_an_answer_are_those_of_all_it_is_made_from() {
    for init in [Init::Spectral, Init::Pca] {
        let umap = umap_versions(init);
        assert!(umap.contains(&knn_versions()));
        assert_eq!(umap.contains(&pca_versions()), init == Init::Pca);
        assert!(cluster_versions(init).contains(&umap) && trust_versions(init).contains(&umap));
    }
}

#[test]
fn a_kept_answer_is_the_computed_one() {
    let (_folder, study) = study(60);
    let map = map();
    for task in [task(), cancelled()] {
        let (k, dims) = (map.umap.neighbors - 1, 3);
        let decoder = &study.dictionary.decoder;
        assert_eq!(study.knn(k, &task).unwrap(), knn(decoder, &KnnParams { k }, &self::task()).unwrap());
        assert_eq!(study.pca(dims, &task).unwrap(), pca(decoder, dims, &self::task()).unwrap());
        let layout = study.umap(&map.umap, None, &task, &mut |_| {}).unwrap();
        let neighbours = study.knn(k, &task).unwrap();
        assert_eq!(layout, umap(decoder, &neighbours, &map.umap, &self::task(), &mut |_| {}).unwrap());
        assert_eq!(study.cached_umap(&map.umap), Some(layout.clone()));
        let points = &layout.coordinates;
        let clusters = study.map_clusters(&map, points, &task).unwrap();
        assert_eq!(clusters, hdbscan(points, Metric::Euclidean, &map.hdbscan, &self::task()).unwrap());
        let judged = study.map_trust(&map, points, &task).unwrap().unwrap();
        assert_eq!(judged, trust(points, decoder, Metric::Cosine, TRUST_K, &self::task()).unwrap());
    }
    for failed in [
        study.knn(7, &cancelled()).err(),
        study.pca(2, &cancelled()).err(),
        study.umap(&UmapParams { seed: 1, ..map.umap }, None, &cancelled(), &mut |_| {}).err(),
    ] {
        assert!(matches!(failed, Some(Error::Cancelled)), "what was not asked before is not there");
    }
}

/// Puts each of `damaged` under `key` and expects `ask` to find that it must compute.
fn refuses(study: &Study, key: &Key, damaged: &[Arrays], ask: impl Fn(&Task) -> Result<()>) {
    ask(&task()).unwrap();
    ask(&cancelled()).unwrap();
    for (at, arrays) in damaged.iter().enumerate() {
        study.cache.put(key, "in", arrays).unwrap();
        assert!(matches!(ask(&cancelled()), Err(Error::Cancelled)), "{key:?}, damage {at}");
    }
    ask(&task()).unwrap();
    ask(&cancelled()).unwrap();
}

#[test]
fn an_entry_that_makes_no_sense_is_computed_anew() {
    let (_folder, study) = study(20);
    let map = map();
    let neighbours = |index: u32, cosine: f32, n: usize| {
        Arrays::new().with("indices", &vec![index; n]).with("cosines", &vec![cosine; n])
    };
    let bad = [
        neighbours(20, 0.5, 60),
        neighbours(2_130_706_686, 0.5, 60),
        neighbours(1, f32::NAN, 60),
        neighbours(1, 1.5, 60),
        neighbours(1, 0.5, 57),
        Arrays::new().with("indices", &[1u32; 60]),
    ];
    refuses(&study, &study.knn_key(3), &bad, |task| study.knn(3, task).map(drop));

    let components = |mean: usize, variances: usize, coordinate: f32, variance: f64| {
        Arrays::new()
            .with("coordinates", &[coordinate; 40])
            .with("components", &[0.5f32; 16])
            .with("mean", &vec![0.0f32; mean])
            .with("explained_variance", &vec![variance; variances])
            .with("explained_variance_ratio", &vec![0.5f64; variances])
    };
    let bad = [
        components(7, 2, 1.0, 1.0),
        components(8, 1, 1.0, 1.0),
        components(8, 2, f32::INFINITY, 1.0),
        components(8, 2, 1.0, f64::NAN),
    ];
    refuses(&study, &study.pca_key(2), &bad, |task| study.pca(2, task).map(drop));

    let layout = |n: usize, x: f32, a: f32| {
        Arrays::new().with("coordinates", &vec![x; n]).with("epochs", &[20u64]).with("curve", &[a, 1.0])
    };
    let bad = [layout(38, 1.0, 1.0), layout(40, f32::NAN, 1.0), layout(40, 1.0, f32::NAN)];
    let lay_out = |task: &Task| study.umap(&map.umap, None, task, &mut |_| {});
    refuses(&study, &study.umap_key(&map.umap), &bad, |task| lay_out(task).map(drop));

    let points = lay_out(&task()).unwrap().coordinates;
    let labels = |labels: &[i32]| Arrays::new().with("labels", labels);
    let bad = [labels(&[0; 19]), labels(&[7; 20]), labels(&[-2; 20])];
    refuses(&study, &study.cluster_key(&map), &bad, |task| study.map_clusters(&map, &points, task).map(drop));

    let judged = |total: f64, n: usize| {
        Arrays::new()
            .with("totals", &[total; 3])
            .with("trustworthiness", &vec![1.0f64; n])
            .with("continuity", &[1.0f64; 20])
            .with("knn_preservation", &[1.0f64; 20])
    };
    let bad = [judged(f64::NAN, 20), judged(1.0, 19)];
    refuses(&study, &study.trust_key(&map, 9), &bad, |task| study.map_trust(&map, &points, task).map(drop));
}

#[test]
fn one_feature_and_two_have_a_map() {
    for n in [1, 2] {
        let (_folder, study) = study(n);
        let params = MapParams::default().fitted(n);
        params.check(n).unwrap();
        for task in [task(), cancelled()] {
            let layout = study.umap(&params.umap, None, &task, &mut |_| {}).unwrap().coordinates;
            assert_eq!(layout.len(), n);
            assert!(layout.data().iter().all(|x| x.is_finite()) && (n > 1 || layout.data() == [0.0, 0.0]));
            assert_eq!(study.map_clusters(&params, &layout, &task).unwrap().labels, vec![-1; n]);
            assert!(study.map_trust(&params, &layout, &task).unwrap().is_none());
        }
    }
}
