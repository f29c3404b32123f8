//! Persistent homology of clouds on the unit sphere in 64 dimensions: a noisy ring, and directions about a common one.

#![allow(missing_docs, reason = "divan writes the items it registers")]

mod data;

use data::{noise, task};
use divan::{Bencher, black_box};
use saescope::geometry::homology::{Distances, RipsParams, Start, cycle, maxmin, rips};
use saescope::rows::Points;
use std::f32::consts::PI;

fn main() {
    divan::main();
}

const DIMS: usize = 64;

/// Nearly normal, of variance 1 / `DIMS`.
fn spread(i: usize, dim: usize) -> f32 {
    let draw = |k: usize| noise(((i * DIMS + dim) * 4 + k) as u64);
    (draw(0) + draw(1) + draw(2) + draw(3)) * (0.75 / DIMS as f32).sqrt()
}

fn unit(n: usize, value: impl Fn(usize, usize) -> f32) -> Points {
    let row = |i: usize| {
        let row: Vec<f32> = (0..DIMS).map(|dim| value(i, dim)).collect();
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.into_iter().map(move |x| x / norm)
    };
    Points::new((0..n).flat_map(row).collect(), DIMS)
}

fn ring(n: usize) -> Points {
    unit(n, |i, dim| {
        let turn = PI * noise((1 << 40) + i as u64);
        0.5 * spread(i, dim) + [turn.cos(), turn.sin()].get(dim).copied().unwrap_or(0.0)
    })
}

fn cluster(n: usize) -> Points {
    unit(n, |i, dim| 0.5f32.sqrt() * (spread(i, dim) + if dim == 0 { 1.0 } else { 0.0 }))
}

const SIZES: [usize; 3] = [200, 300, 500];

fn run(bencher: Bencher, points: &Points) {
    let (distances, task) = (Distances::from_points(points).expect("finite points"), task(1));
    bencher.bench_local(|| rips(black_box(&distances), &RipsParams::default(), &task).expect("a threshold"));
}

#[divan::bench(args = SIZES)]
fn rips_of_a_ring(bencher: Bencher, n: usize) {
    run(bencher, &ring(n));
}

#[divan::bench(args = SIZES)]
fn rips_of_a_cluster(bencher: Bencher, n: usize) {
    run(bencher, &cluster(n));
}

#[divan::bench(args = SIZES)]
fn distances(bencher: Bencher, n: usize) {
    let points = ring(n);
    bencher.bench_local(|| Distances::from_points(black_box(&points)).expect("finite points"));
}

#[divan::bench(args = SIZES)]
fn cycle_of_a_ring(bencher: Bencher, n: usize) {
    let distances = Distances::from_points(&ring(n)).expect("finite points");
    let found = rips(&distances, &RipsParams::default(), &task(1)).expect("a threshold");
    bencher.bench_local(|| cycle(black_box(&distances), &found.h1[0]));
}

#[divan::bench(args = [2000, 10_000], sample_count = 10, sample_size = 1)]
fn three_hundred_landmarks(bencher: Bencher, n: usize) {
    let points = ring(n);
    bencher.bench_local(|| maxmin(black_box(&points), 300, Start::Farthest));
}
