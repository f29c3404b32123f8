//! Times on the way to a table of manifolds: features that fire together, clouds, and the ranking.
//!
//! `cargo bench --bench manifolds` runs all; a name after `--` picks some. The planted dictionary is that of `saescope synth
//! manifolds`; everything is seeded. The homology of clouds has a bench of its own.

#![allow(missing_docs, reason = "divan writes the items it registers")]

mod data;

use data::{activations, task};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use saescope::analysis::open::{Request, open};
use saescope::analysis::{Cache, ManifoldParams, Study};
use saescope::geometry::cloud::{Cloud, ShapeParams, irreducibility};
use saescope::geometry::cooccurrence::{Acts, Measure, similar};
use saescope::geometry::group::{fired_apart, packed_by_chance};
use saescope::rows::Points64;
use saescope::sae::synth::{SynthKind, SynthParams, plant, target, write};
use std::f64::consts::TAU;
use tempfile::TempDir;

fn main() {
    divan::main();
}

/// Ten million activations of 24,576 features: the 15 of every feature that fire most with it.
#[divan::bench(args = ["phi", "jaccard", "activation", "mutual"], sample_count = 1, sample_size = 1)]
fn firing_together(bencher: Bencher, name: &str) {
    let (by_token, task) = (activations(), task(0));
    let by_feature = by_token.transpose();
    let measure = if name == "activation" { Measure::Cosine } else { Measure::from_name(name).expect("a measure") };
    bencher.counter(ItemsCount::new(by_token.nnz())).bench_local(|| {
        let acts = Acts::new(&by_token, &by_feature, &task).expect("activations");
        similar(black_box(&acts), measure, 15, 0.0, &task).expect("lists")
    });
}

/// A noisy ring whose points have all strengths, in ten dimensions.
fn ring(n: usize) -> Points64 {
    let draw = |at: usize| f64::from(data::noise(at as u64));
    let row = |i: usize| {
        let (turn, strength) = (0.5 * TAU * draw(11 * i), 1.0 + 0.4 * draw(11 * i + 1));
        (0..10).map(move |dim| {
            strength * [turn.cos(), turn.sin()].get(dim).copied().unwrap_or(0.0) + 0.03 * draw(11 * i + dim + 1)
        })
    };
    Points64::new((0..n).flat_map(row).collect(), 10)
}

/// What is quick of a cloud: components, planes, S and M.
#[divan::bench(args = [500, 3000, 20_000], sample_count = 5, sample_size = 1)]
fn quick_measures(bencher: Bencher, n: usize) {
    let (points, task) = (ring(n), task(1));
    bencher.counter(ItemsCount::new(n)).bench_local(|| {
        let cloud = Cloud::new(black_box(&points), false, &task).expect("a cloud");
        cloud.shape(&ShapeParams::MANY, &task).expect("measures")
    });
}

/// All of it, with nulls, loops and lines.
#[divan::bench(args = [500, 3000, 20_000], sample_count = 3, sample_size = 1)]
fn all_measures(bencher: Bencher, n: usize) {
    let (points, task) = (ring(n), task(1));
    bencher.counter(ItemsCount::new(n)).bench_local(|| {
        let cloud = Cloud::new(black_box(&points), false, &task).expect("a cloud");
        let mut shape = cloud.shape(&ShapeParams::MANY, &task).expect("measures");
        cloud.deepen(&mut shape, &ShapeParams::MANY, &task).expect("the rest");
        shape
    });
}

/// The score of Engels et al. alone, exact.
#[divan::bench(args = [3000], sample_count = 5, sample_size = 1)]
fn irreducible(bencher: Bencher, n: usize) {
    let (points, task, params) = (ring(n), task(1), ShapeParams::MANY);
    bencher.bench_local(|| irreducibility(black_box(&points), params.mode, params.seed, &task).expect("a score"));
}

struct Planted {
    _folder: TempDir,
    study: Study,
}

fn planted() -> Planted {
    let folder = tempfile::tempdir().expect("a folder");
    let (task, path) = (task(0), folder.path().join("planted"));
    let params = SynthParams { features: 1500, d_model: 128, tokens: 8000, ..SynthParams::default() };
    let made = plant(SynthKind::Manifolds, &params, &task).expect("planted");
    write(&made, &target(&path, false).expect("a place"), &task).expect("written");
    let study = open(&Request { dictionary: path, ..Request::default() }, Cache::off()).expect("a study");
    study.load_evidence(&task).expect("activations");
    Planted { _folder: folder, study }
}

/// The default groups of the planted dictionary.
#[divan::bench(sample_count = 2, sample_size = 1)]
fn groups(bencher: Bencher) {
    let (planted, task) = (planted(), task(0));
    bencher.bench_local(|| planted.study.find_groups(black_box(0), &task).expect("groups"));
}

/// Their first ranking.
#[divan::bench(sample_count = 2, sample_size = 1)]
fn first_ranking(bencher: Bencher) {
    let (planted, task) = (planted(), task(0));
    let params = ManifoldParams { shape: ShapeParams::MANY, most_tokens: None, all: true };
    let groups = planted.study.find_groups(0, &task).expect("groups");
    bencher
        .counter(ItemsCount::new(groups.len()))
        .with_inputs(|| groups.clone())
        .bench_local_values(|groups| planted.study.survey(groups, &params, &task).expect("rows"));
}

/// The nulls of one group: features that fire apart, and random sets of as many.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn features_that_fire_apart(bencher: Bencher) {
    let (planted, task) = (planted(), task(1));
    let groups = planted.study.find_groups(0, &task).expect("groups");
    let cloud = planted.study.group_cloud(&groups[0].features, None, &task).expect("a cloud");
    bencher.counter(ItemsCount::new(cloud.firing.len())).bench_local(|| fired_apart(black_box(&cloud), 0, 0));
}

#[divan::bench(args = [10, 100, 400], sample_count = 3, sample_size = 1)]
fn random_sets(bencher: Bencher, count: usize) {
    let (points, task) = (data::dictionary(4096, 576), task(1));
    bencher.bench_local(|| packed_by_chance(black_box(&points), count, 0, &task).expect("sets"));
}
