use super::*;
use std::f64::consts::TAU;

fn task() -> Task {
    Task::new(1).unwrap()
}

/// Plants a dictionary and writes it to `folder`, over what is there.
fn planted_in(folder: &std::path::Path, kind: SynthKind, params: &SynthParams) -> Planted {
    let planted = plant(kind, params, &task()).unwrap();
    write(&planted, &target(folder, true).unwrap(), &task()).unwrap();
    planted
}

fn small(kind: SynthKind) -> Planted {
    let params = SynthParams { features: 700, d_model: 64, tokens: 900, seed: 3, ..SynthParams::default() };
    plant(kind, &params, &task()).unwrap()
}

fn row(planted: &Planted, feature: u32) -> Vec<f64> {
    planted.decoder.row(feature as usize).iter().map(|&x| f64::from(x)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn cosine(planted: &Planted, a: u32, b: u32) -> f64 {
    dot(&row(planted, a), &row(planted, b))
}

#[test]
fn rows_have_length_one_but_for_planted_zeros() {
    for kind in SynthKind::ALL {
        let planted = small(kind);
        let counted: usize = planted.groups.iter().map(|group| group.features.len()).sum();
        assert_eq!(counted, 700, "{}", kind.name());
        for feature in 0..700u32 {
            let norm = cosine(&planted, feature, feature).sqrt();
            let zero = planted.group("zero").is_some_and(|group| group.features.contains(&feature));
            let expected = f64::from(u8::from(!zero));
            assert!((norm - expected).abs() < 1e-6, "{} feature {feature}: {norm}", kind.name());
        }
    }
}

#[test]
fn groups_part_the_features() {
    let planted = small(SynthKind::Mixed);
    let mut all: Vec<u32> = planted.groups.iter().flat_map(|group| group.features.clone()).collect();
    all.sort_unstable();
    assert_eq!(all, (0..700).collect::<Vec<_>>());
    assert_eq!(planted.groups.last().unwrap().kind, GroupKind::Background);
    assert_ne!(planted.group("ring7").unwrap().features, (0..7).collect::<Vec<_>>(), "the order is shuffled");
}

/// Without noise the cosines of a ring are those of its angles.
#[test]
fn a_ring_has_its_angles() {
    let params = SynthParams { features: 700, d_model: 64, tokens: 0, noise: 0.0, ..SynthParams::default() };
    let planted = plant(SynthKind::Mixed, &params, &task()).unwrap();
    for (name, offset) in [("ring7", false), ("ring12", false), ("ring64", false), ("ring7_offset", true)] {
        let ring = planted.group(name).unwrap();
        let angles = &ring.coordinates[0].1;
        for (i, &a) in ring.features.iter().enumerate() {
            for (j, &b) in ring.features.iter().enumerate() {
                let expected = (angles[i] - angles[j]).cos();
                let expected = if offset { (1.0 + 0.49 * expected) / 1.49 } else { expected };
                assert!((cosine(&planted, a, b) - expected).abs() < 1e-6, "{name} {i} {j}");
            }
        }
    }
    let seven = &planted.group("ring7").unwrap().coordinates[0].1;
    assert!(seven.iter().enumerate().all(|(i, angle)| (angle - TAU * i as f64 / 7.0).abs() < 1e-12));
}

#[test]
fn curves_and_surfaces_have_their_coordinates() {
    let params = SynthParams { features: 700, d_model: 64, tokens: 0, noise: 0.0, ..SynthParams::default() };
    let planted = plant(SynthKind::Mixed, &params, &task()).unwrap();
    let pairs = |name: &str, expected: &dyn Fn(&Group, usize, usize) -> f64| {
        let group = planted.group(name).unwrap();
        for i in 0..group.features.len() {
            for j in 0..group.features.len() {
                let found = cosine(&planted, group.features[i], group.features[j]);
                assert!((found - expected(group, i, j)).abs() < 1e-6, "{name} {i} {j}");
            }
        }
    };
    pairs("arc", &|g, i, j| ((g.coordinates[0].1[i] - g.coordinates[0].1[j]) * TAU / 4.0).cos());
    pairs("torus", &|g, i, j| {
        let d = |c: usize| (g.coordinates[c].1[i] - g.coordinates[c].1[j]).cos();
        f64::midpoint(d(0), d(1))
    });
    pairs("sphere_cap", &|g, i, j| {
        let (theta, phi) = (&g.coordinates[0].1, &g.coordinates[1].1);
        theta[i].cos() * theta[j].cos() + theta[i].sin() * theta[j].sin() * (phi[i] - phi[j]).cos()
    });
    pairs("helix", &|g, i, j| {
        let t = &g.coordinates[0].1;
        let (h, k) = (3.0 * (t[i] - 0.5), 3.0 * (t[j] - 0.5));
        ((2.0 * TAU * (t[i] - t[j])).cos() + h * k) / ((1.0 + h * h) * (1.0 + k * k)).sqrt()
    });
    let cap = planted.group("sphere_cap").unwrap();
    assert!(cap.coordinates[0].1.iter().all(|&theta| (0.0..=1.0).contains(&theta)));
}

#[test]
fn pairs_are_opposite_or_nearly_equal_and_clusters_hold_together() {
    let planted = small(SynthKind::Mixed);
    for pair in planted.group("antipodal").unwrap().features.chunks_exact(2) {
        let (a, b) = (planted.decoder.row(pair[0] as usize), planted.decoder.row(pair[1] as usize));
        assert!(a.iter().zip(b).all(|(a, b)| *a == -b));
        assert!((cosine(&planted, pair[0], pair[1]) + 1.0).abs() < 1e-6);
    }
    for pair in planted.group("duplicate").unwrap().features.chunks_exact(2) {
        let cosine = cosine(&planted, pair[0], pair[1]);
        assert!(cosine > 0.999 && cosine < 1.0 - 1e-6, "{cosine}");
    }
    let clusters: Vec<&Group> = planted.groups.iter().filter(|group| group.kind == GroupKind::Cluster).collect();
    assert_eq!(clusters.len(), 8);
    let center = |group: &Group| {
        let mut sum = vec![0.0; 64];
        for &feature in &group.features {
            sum.iter_mut().zip(row(&planted, feature)).for_each(|(s, x)| *s += x);
        }
        let norm = dot(&sum, &sum).sqrt();
        sum.into_iter().map(|x| x / norm).collect::<Vec<_>>()
    };
    for (i, a) in clusters.iter().enumerate() {
        assert!(a.features.iter().all(|&f| dot(&center(a), &row(&planted, f)) > 0.8));
        assert!(clusters[..i].iter().all(|b| dot(&center(a), &center(b)).abs() < 0.4));
    }
}

#[test]
fn features_fire_near_the_latent_and_nowhere_else() {
    let planted = small(SynthKind::Mixed);
    let acts = planted.activations.as_ref().unwrap();
    let ring = planted.group("ring12").unwrap();
    let angles = &ring.coordinates[0].1;
    assert!(ring.tokens.len() > 50 && ring.tokens.len() < 140, "about a tenth of 900: {}", ring.tokens.len());
    let apart = |a: f64, b: f64| {
        let d = (a - b).rem_euclid(TAU);
        d.min(TAU - d)
    };
    for (token, &latent) in ring.tokens.iter().zip(&ring.latents[0].1) {
        let values: Vec<f32> = ring.features.iter().map(|&f| acts.by_token.get(*token as usize, f)).collect();
        let strongest = (0..12).max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap();
        let nearest =
            (0..12).min_by(|&a, &b| apart(angles[a], latent.into()).total_cmp(&apart(angles[b], latent.into())));
        assert_eq!(Some(strongest), nearest);
        for (i, &value) in values.iter().enumerate() {
            assert!(value == 0.0 || apart(angles[i], latent.into()) < 1.01 * TAU / 12.0 + 1e-6);
        }
    }
    let active: std::collections::HashSet<u32> = ring.tokens.iter().copied().collect();
    for &feature in &ring.features {
        assert!(acts.by_feature.row(feature as usize).0.iter().all(|token| active.contains(token)));
    }
    let silent = planted.group("zero").unwrap().features.iter().chain(&planted.dead);
    assert!(silent.clone().count() > 4);
    assert!(silent.into_iter().all(|&feature| acts.density(feature as usize) == 0.0));
    assert!(acts.by_token.values.iter().all(|&value| value > 0.0));
}

#[test]
fn dense_activations_are_sums_of_directions() {
    let params = SynthParams { features: 300, d_model: 48, tokens: 60, dense: 40, ..SynthParams::default() };
    let planted = plant(SynthKind::Mixed, &params, &task()).unwrap();
    let (dense, acts) = (planted.dense.as_ref().unwrap(), planted.activations.as_ref().unwrap());
    assert_eq!(dense.len(), 40);
    for token in 0..40 {
        let (features, values) = acts.by_token.row(token);
        for column in 0..48 {
            let sum: f32 = features.iter().zip(values).map(|(&f, v)| v * planted.decoder.row(f as usize)[column]).sum();
            assert!((dense.row(token)[column] - sum).abs() < 0.06);
        }
    }
}

#[test]
fn equal_seeds_give_equal_bytes_and_others_do_not() {
    let (a, b) = (small(SynthKind::Manifolds), small(SynthKind::Manifolds));
    assert_eq!(a.decoder, b.decoder);
    assert_eq!(a.groups, b.groups);
    assert_eq!(a.activations.unwrap().by_token, b.activations.unwrap().by_token);
    let params = SynthParams { seed: 4, ..a.params };
    assert_ne!(plant(SynthKind::Manifolds, &params, &task()).unwrap().decoder, b.decoder);
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for folder in &folders {
        let planted = SynthParams { features: 256, d_model: 32, tokens: 50, dense: 5, ..SynthParams::default() };
        planted_in(&folder.path().join("new/dir"), SynthKind::Mixed, &planted);
    }
    let files = ["sae_weights.safetensors", "cfg.json", "activations.npz", "labels.jsonl", "truth.json", "latents.npz"];
    for file in files.into_iter().chain(["resid.npy"]) {
        let read = |folder: &tempfile::TempDir| std::fs::read(folder.path().join("new/dir").join(file)).unwrap();
        assert_eq!(read(&folders[0]), read(&folders[1]), "{file}");
    }
    assert_eq!(std::fs::read_dir(folders[0].path().join("new/dir")).unwrap().count(), 7, "and no partial file");
}

#[test]
fn what_is_written_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let params = SynthParams { features: 300, d_model: 40, tokens: 80, dense: 6, ..SynthParams::default() };
    let planted = planted_in(folder.path(), SynthKind::Mixed, &params);
    let file = |name: &str| crate::container::ArrayFile::open(&folder.path().join(name)).unwrap();
    let weights = file("sae_weights.safetensors");
    let get = |name: &str| weights.tensor(name).unwrap();
    assert_eq!(get("W_dec").to_f32(), planted.decoder.data());
    assert_eq!(get("W_enc").shape(), [40, 300]);
    let encoder = get("W_enc").to_f32();
    assert!((0..300).all(|f| (0..40).all(|c| encoder[c * 300 + f] == planted.decoder.row(f)[c])));
    assert_eq!((get("b_dec").to_f32(), get("b_enc").to_f32()), (vec![0.0; 40], vec![0.0; 300]));
    let dictionary = crate::sae::open(folder.path(), &crate::sae::OpenOptions::default()).unwrap();
    assert_eq!((dictionary.info.format, dictionary.info.activation.name()), ("saelens", "relu"));
    assert_eq!((dictionary.features(), dictionary.d_model(), dictionary.info.warnings.len()), (300, 40, 0));
    let task = crate::task::Task::new(1).unwrap();
    let acts = Activations::load(&folder.path().join("activations.npz"), Some(300), &task).unwrap();
    assert_eq!(acts.by_token, planted.activations.as_ref().unwrap().by_token);
    let (labels, warnings) = Labels::load(&folder.path().join("labels.jsonl"), 300, &task).unwrap();
    assert_eq!((labels.by_feature, warnings), (planted.labels().by_feature, Vec::new()));
    assert_eq!(
        (labels.source.as_deref(), labels.path.file_name().unwrap()),
        (Some("synth-mixed-0"), "labels.jsonl".as_ref())
    );
    let ring = planted.group("ring7").unwrap();
    assert_eq!(planted.labels().get(ring.features[3] as usize), Some("ring7 3/7"));
    let truth: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("truth.json")).unwrap()).unwrap();
    let of = truth["groups"].as_array().unwrap().iter().find(|group| group["name"] == "ring7").unwrap();
    assert_eq!(of["features"], serde_json::json!(ring.features));
    assert_eq!(of["angle"].as_array().unwrap().len(), 7);
    assert_eq!(file("latents.npz").tensor("ring7__angle").unwrap().to_f32(), ring.latents[0].1);
    let dense = file("resid.npy").tensor("resid").unwrap();
    assert_eq!((dense.shape(), dense.to_f32()), (&[6, 40][..], planted.dense.unwrap().into_data()));
    planted_in(folder.path(), SynthKind::Random, &SynthParams { tokens: 0, dense: 0, ..params });
    let old = ["activations.npz", "labels.jsonl", "latents.npz", "resid.npy"];
    let left = old.map(|name| folder.path().join(name).exists());
    assert_eq!(left, [false; 4], "nothing of the other dictionary stays behind");
}

#[test]
fn each_bad_parameter_is_refused() {
    let base = SynthParams { features: 700, d_model: 64, tokens: 10, ..SynthParams::default() };
    let cases = [
        (SynthParams { features: 0, ..base }, "features is 0"),
        (SynthParams { features: 1 << 30, ..base }, "features is"),
        (SynthParams { features: 100, ..base }, "too few for mixed"),
        (SynthParams { d_model: 0, ..base }, "d_model is 0"),
        (SynthParams { d_model: 16, ..base }, "16 dimensions are too few for mixed"),
        (SynthParams { tokens: 1 << 40, ..base }, "tokens is"),
        (SynthParams { dense: 11, ..base }, "dense is 11"),
        (SynthParams { noise: f64::NAN, ..base }, "noise is NaN"),
        (SynthParams { noise: -0.1, ..base }, "noise is -0.1"),
    ];
    for (params, expected) in cases {
        let error = plant(SynthKind::Mixed, &params, &task()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} should say {expected}");
    }
    // What would not fit into memory is refused before anything is allocated.
    let huge = SynthParams { features: 1 << 24, d_model: 1 << 16, ..base };
    let long = SynthParams { tokens: 1 << 26, ..base };
    for (kind, params, expected) in [
        (SynthKind::Random, huge, "1,099,511,627,776 weights; expected at most 2,147,483,648"),
        (SynthKind::Random, long, "activations or more; expected at most 268,435,456; try fewer --tokens"),
        (SynthKind::Random, SynthParams { features: 1 << 30, ..base }, "try --features 16777216"),
        (SynthKind::Random, SynthParams { features: 0, ..base }, "try --features 1"),
    ] {
        let error = plant(kind, &params, &task()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} should say {expected}");
    }
    assert!(SynthKind::parse("ring").unwrap_err().to_string().contains("rings"));
    for kind in SynthKind::ALL {
        assert_eq!(SynthKind::parse(kind.name()).unwrap(), kind);
        for features in [1, 2, 5, 17, 40, 64, 200, 256, 1000] {
            for d_model in [1, 2, 3, 18, 40] {
                let params = SynthParams { features, d_model, tokens: 7, ..base };
                match plant(kind, &params, &task()) {
                    Ok(planted) => assert_eq!(planted.decoder.len(), features),
                    Err(error) => assert!(error.to_string().contains("too few"), "{error}"),
                }
            }
        }
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "x").unwrap();
    for place in [blocked.clone(), blocked.join("below")] {
        let refused = target(&place, true).and_then(|target| write(&small(SynthKind::Random), &target, &task()));
        assert!(refused.is_err());
    }
    assert_eq!(std::fs::read(&blocked).unwrap(), b"x");
}

#[test]
fn planting_stops_when_it_is_told_to_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stopped = task();
    stopped.watch().cancel();
    for kind in SynthKind::ALL {
        assert!(matches!(plant(kind, &SynthParams::default(), &stopped), Err(crate::Error::Cancelled)));
    }
    let target = target(&folder.path().join("out"), false).unwrap();
    assert!(matches!(write(&small(SynthKind::Random), &target, &stopped), Err(crate::Error::Cancelled)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
