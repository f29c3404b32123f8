//! A cancelled kernel stops soon, whatever it is at. Promised are 100 ms; a busy machine is granted ten times that.

use saescope::Error;
use saescope::geometry::cluster::hdbscan::{HdbscanParams, Metric, hdbscan};
use saescope::geometry::neighbors::{KnnParams, knn};
use saescope::geometry::pca::pca;
use saescope::geometry::trust::trust;
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
