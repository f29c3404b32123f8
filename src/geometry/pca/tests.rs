use super::*;
use crate::Error;

const ROUTES: [Route; 3] = [Route::Covariance, Route::Gram, Route::Passes];

/// A number in [-1, 1) that depends on `seed` alone.
fn noise(seed: u64) -> f32 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z >> 40) as f32 / (1 << 23) as f32) - 1.0
}

/// Rows off the origin whose columns have variances that fall slowly.
fn random(n: usize, d: usize) -> Points {
    let value = |i: usize, j: usize| 3.0 + noise((i * d + j) as u64) * 10.0 / (j as f32 + 3.0).sqrt();
    Points::new((0..n).flat_map(|i| (0..d).map(move |j| value(i, j))).collect(), d)
}

fn task() -> Task {
    Task::new(2).unwrap()
}

/// Singular values squared and right singular vectors of the centred rows, by a dense decomposition.
fn oracle(points: &Points) -> (Vec<f64>, Mat<f64>) {
    let (n, d) = (points.len(), points.dims());
    let mean: Vec<f64> = (0..d).map(|j| (0..n).map(|i| f64::from(points.row(i)[j])).sum::<f64>() / n as f64).collect();
    let centred = Mat::from_fn(n, d, |i, j| f64::from(points.row(i)[j]) - mean[j]);
    let svd = centred.thin_svd().unwrap();
    (svd.S().column_vector().iter().map(|s| s * s).collect(), svd.V().to_owned())
}

fn assert_equals_svd(points: &Points, counts: &[usize], route: Route) {
    let (squares, directions) = oracle(points);
    for &dims in counts {
        assert_equals(points, dims, route, &squares, &directions);
    }
}

fn assert_equals(points: &Points, dims: usize, route: Route, squares: &[f64], directions: &Mat<f64>) {
    let (n, d) = (points.len(), points.dims());
    let found = pca_by(points, dims, route, &task()).unwrap();
    let total: f64 = squares.iter().sum();
    for c in 0..dims {
        let (variance, ratio) = (squares[c] / (n - 1) as f64, squares[c] / total);
        let scale = squares[0] / (n - 1) as f64;
        assert!((found.explained_variance[c] - variance).abs() < 1e-9 * scale, "{route:?} {n} x {d}, {c}");
        assert!((found.explained_variance_ratio[c] - ratio).abs() < 1e-9, "{route:?} {n} x {d}, {c}");
        // Directions are compared where the variance sets them apart.
        let apart = |other: usize| other >= squares.len() || (squares[c] - squares[other]).abs() > 1e-3 * squares[0];
        if !apart(c + 1) || (c > 0 && !apart(c - 1)) || squares[c] < 1e-9 * squares[0] {
            continue;
        }
        let product: f64 = (0..d).map(|j| f64::from(found.components.row(c)[j]) * directions[(j, c)]).sum();
        assert!((product.abs() - 1.0).abs() < 1e-6, "{route:?} {n} x {d}, component {c}: {product}");
        for i in 0..n {
            let expected: f64 = (0..d)
                .map(|j| (f64::from(points.row(i)[j]) - f64::from(found.mean[j])) * directions[(j, c)])
                .sum::<f64>()
                * product.signum();
            assert!((f64::from(found.coordinates.row(i)[c]) - expected).abs() < 1e-4, "{route:?} {i} {c}");
        }
    }
    assert_orthonormal(&found, dims);
}

fn assert_orthonormal(found: &Pca, dims: usize) {
    for a in 0..dims {
        let row = found.components.row(a);
        let largest = row.iter().copied().max_by(|x, y| x.abs().total_cmp(&y.abs())).unwrap();
        assert!(largest > 0.0 || row.iter().any(|x| *x == -largest), "component {a}");
        for b in 0..=a {
            let product: f64 =
                row.iter().zip(found.components.row(b)).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
            assert!((product - f64::from(u8::from(a == b))).abs() < 1e-6, "{a} {b} {product}");
        }
    }
}

#[test]
fn every_route_equals_a_full_decomposition() {
    for (n, d) in [(2, 1), (2, 9), (9, 2), (60, 8), (8, 60), (200, 40), (40, 200)] {
        let points = random(n, d);
        for route in ROUTES {
            assert_equals_svd(&points, &[1, 2.min(n.min(d)), n.min(d)], route);
        }
    }
}

#[test]
fn few_components_of_many_and_many_equal_a_full_decomposition() {
    // Past the width that is always decomposed in full: up to 21 by block Krylov on the matrix, 150 in full.
    const { assert!(FULL < 850 && 20 <= 850 / FEW && 150 > 850 / FEW) };
    for (n, d) in [(900, 850), (850, 900)] {
        let points = random(n, d);
        for (route, counts) in
            [(Route::Covariance, [3, 20, 150]), (Route::Gram, [3, 20, 150]), (Route::Passes, [3, 20, 35])]
        {
            assert_equals_svd(&points, &counts, route);
        }
    }
}

#[test]
fn equal_eigenvalues_are_all_found() {
    // ± three times each axis of eighty: sixty equal variances, then twenty smaller ones.
    let d = 80;
    let size = |j: usize| if j < 60 { 3.0 } else { 1.0 };
    let data = (0..2 * d)
        .flat_map(|i| (0..d).map(move |j| if j == i / 2 { if i % 2 == 0 { size(j) } else { -size(j) } } else { 0.0 }));
    let points = Points::new(data.collect(), d);
    for route in ROUTES {
        let found = pca_by(&points, 62, route, &task()).unwrap();
        for c in 0..62 {
            let expected = size(c) as f64 * size(c) as f64 * 2.0 / (2 * d - 1) as f64;
            assert!((found.explained_variance[c] - expected).abs() < 1e-9, "{route:?} {c}");
        }
        assert_orthonormal(&found, 62);
        let few = pca_by(&points, 5, route, &task()).unwrap();
        assert!(few.explained_variance.iter().all(|v| (v - 18.0 / 159.0).abs() < 1e-9), "{route:?}");
    }
}

#[test]
fn a_line_has_one_component_with_a_known_variance() {
    // 0, 1, … 9 along (3, 4)/5 from (7, -2): variance of 0..9 with divisor 9 is 55/6.
    let points = Points::new((0..10).flat_map(|i| [7.0 + 0.6 * i as f32, -2.0 + 0.8 * i as f32]).collect(), 2);
    for route in ROUTES {
        let found = pca_by(&points, 2, route, &task()).unwrap();
        assert!((found.explained_variance[0] - 55.0 / 6.0).abs() < 1e-5);
        assert!((found.explained_variance_ratio[0] - 1.0).abs() < 1e-9 && found.explained_variance_ratio[1] < 1e-9);
        assert!((found.components.row(0)[0] - 0.6).abs() < 1e-6 && (found.components.row(0)[1] - 0.8).abs() < 1e-6);
        assert!((found.coordinates.row(9)[0] - 4.5).abs() < 1e-5);
        assert!((found.mean[0] - 9.7).abs() < 1e-5);
    }
}

#[test]
fn rows_without_variance_have_none_to_share() {
    for (n, d) in [(5, 3), (3, 5)] {
        let points = Points::new([0.1f32, -0.7, 1e10, 3.3, 1e-7][..d].repeat(n), d);
        for route in ROUTES {
            let found = pca_by(&points, 3, route, &task()).unwrap();
            assert_eq!(found.explained_variance, [0.0; 3]);
            assert_eq!(found.explained_variance_ratio, [0.0; 3]);
            assert!(found.coordinates.data().iter().all(|x| *x == 0.0));
            assert_orthonormal(&found, 3);
        }
    }
}

#[test]
fn the_ratios_of_all_components_sum_to_one() {
    let points = random(50, 12);
    for route in ROUTES {
        let found = pca_by(&points, 12, route, &task()).unwrap();
        assert!((found.explained_variance_ratio.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(found.explained_variance.is_sorted_by(|a, b| a >= b));
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    for (n, d) in [(900, 70), (70, 300)] {
        let points = random(n, d);
        for route in ROUTES {
            let one = pca_by(&points, 4, route, &Task::new(1).unwrap()).unwrap();
            for threads in [2, 3] {
                assert_eq!(pca_by(&points, 4, route, &Task::new(threads).unwrap()).unwrap(), one, "{route:?}");
            }
        }
    }
}

#[test]
fn the_route_follows_the_shape() {
    assert_eq!(Route::of(24_576, 768, 2), Route::Covariance);
    assert_eq!(Route::of(500, 4096, 2), Route::Gram);
    assert_eq!(Route::of(131_072, 8192, 2), Route::Passes);
    assert_eq!(Route::of(131_072, 8192, 341), Route::Passes);
    assert_eq!(Route::of(131_072, 8192, 342), Route::Covariance);
    assert_eq!(Route::of(5000, 9000, 1000), Route::Gram);
}

#[test]
fn each_wrong_parameter_is_an_error() {
    let points = random(6, 4);
    for dims in [0, 5, 7] {
        let error = pca(&points, dims, &task()).unwrap_err();
        assert!(matches!(error, Error::Usage(_)) && error.to_string().contains("from 1 to 4"), "{error}");
    }
    assert!(pca(&random(1, 4), 1, &task()).unwrap_err().to_string().contains("at least two rows"));
    for bad in [f32::NAN, f32::INFINITY] {
        let mut points = random(60, 4);
        points.data_mut()[50 * 4] = bad;
        points.data_mut()[33 * 4 + 3] = bad;
        assert!(pca(&points, 2, &task()).unwrap_err().to_string().contains("row 33 "));
    }
    let task = task();
    task.watch().cancel();
    for route in ROUTES {
        assert!(matches!(pca_by(&points, 2, route, &task), Err(Error::Cancelled)));
    }
}

/// Rows that cancel the task at the read of that number.
struct Cancelling<'a>(&'a Points, std::sync::atomic::AtomicUsize, &'a Task);

impl Rows for Cancelling<'_> {
    fn nrows(&self) -> usize {
        self.0.nrows()
    }
    fn ncols(&self) -> usize {
        self.0.ncols()
    }
    fn read(&self, range: Range<usize>, out: &mut [f32]) {
        if self.1.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            self.2.watch().cancel();
        }
        self.0.read(range, out);
    }
}

#[test]
fn cancelling_stops_every_route_on_its_way() {
    let points = random(3000, 24);
    // 32 reads for the mean, then one for the covariance and one for the coordinates, or 32 for each pass.
    for (route, at) in [(Route::Covariance, [3, 32, 33]), (Route::Passes, [3, 40, 80])] {
        for reads in at {
            let task = task();
            let rows = Cancelling(&points, reads.into(), &task);
            assert!(matches!(pca_by(&rows, 2, route, &task), Err(Error::Cancelled)), "{route:?} {reads}");
        }
    }
}
