//! Values that scikit-learn, NumPy and SciPy gave for activations by a formula.

use super::*;
use ising::{ColumnScale, couplings};

/// Sixty tokens of six features, of which one never fires and some stored values are below 0.
fn formula() -> Dense {
    let value = |t: i64, f: i64| {
        if (t * 7 + f * 5 + t * t) % (2 + f % 3) == 0 {
            return 0.0;
        }
        let value = ((t * (3 * f + 5) + 7 * f * f + t * t * (f + 1)) % 23 - 9) as f32 / 2.0;
        if f == 4 { value.max(0.0) } else { value }
    };
    Dense((0..60).map(|t| (0..6).map(|f| value(t, f)).collect()).collect())
}

#[test]
fn the_measures_are_those_of_scikit_learn() {
    // accuracy, jaccard_score, f1_score, overlap, matthews_corrcoef, P(j|i), cosine_similarity, corrcoef and
    // normalized_mutual_info_score (geometric, of the bins by rankdata), of scikit-learn 1.9, NumPy 2.4.
    let expected: [((usize, usize), [f64; 9]); 4] = [
        (
            (1, 2),
            [
                0.55,
                0.22857142857142856,
                0.37209302325581395,
                0.4444444444444444,
                0.03688555567816587,
                0.32,
                -0.07439168573565703,
                -0.03890603459391048,
                0.27360669309421093,
            ],
        ),
        (
            (2, 3),
            [
                0.5333333333333333,
                0.2222222222222222,
                0.36363636363636365,
                0.4444444444444444,
                0.014678923792502562,
                0.4444444444444444,
                0.01944511129783024,
                0.04078607637871621,
                0.2552209082929945,
            ],
        ),
        (
            (3, 4),
            [
                0.7,
                0.4375,
                0.6086956521739131,
                0.7,
                0.3805211953235953,
                0.5384615384615384,
                0.162195428193686,
                0.24916696598394897,
                0.42998685825612687,
            ],
        ),
        (
            (4, 5),
            [
                0.5666666666666667,
                0.3333333333333333,
                0.5,
                0.65,
                0.16535945694153692,
                0.65,
                0.38614242364227336,
                0.2678504475553535,
                0.30357701077113475,
            ],
        ),
    ];
    let dense = formula();
    dense.with(|acts| {
        assert_eq!(acts.counts(), [0, 25, 18, 26, 20, 32]);
        for ((i, j), values) in expected {
            for (measure, exact) in DEFINED.into_iter().zip(values) {
                let value = f64::from(super::super::measure(acts, i, j, measure, &task()).unwrap());
                assert!((value - exact).abs() < 1e-7, "{measure:?} of {i} and {j}: {value} and not {exact}");
            }
        }
    });
}

#[test]
fn couplings_are_those_of_scikit_learn() {
    // J of LogisticRegression(solver="saga", l1_ratio=1, C=1/(N alpha), tol=1e-12), columns centred, and divided by
    // their standard deviation or not; scikit-learn 1.9.
    let standardised = [
        (
            0.01,
            [
                0.5300604,
                -0.44957209,
                0.25255846,
                0.22946181,
                -0.09717362,
                1.25085277,
                -0.65220478,
                -0.65251472,
                0.69736732,
                0.95286623,
                0.36520272,
                -1.52341523,
                0.0,
                1.41834637,
                0.08781423,
            ],
        ),
        (
            0.03,
            [
                0.29264354,
                -0.14118768,
                0.09172576,
                0.13333487,
                0.0,
                0.74940464,
                -0.35258826,
                -0.44632199,
                0.32305075,
                0.41308698,
                0.02105293,
                -0.84364491,
                0.02127318,
                0.93046766,
                0.02511905,
            ],
        ),
    ];
    let binary = [
        (
            0.01,
            [
                0.37489658,
                -0.23788481,
                0.1350242,
                0.17496709,
                0.0,
                0.92120629,
                -0.47254394,
                -0.52578913,
                0.46564927,
                0.59678074,
                0.1487981,
                -1.07032533,
                0.00310252,
                1.09309768,
                0.0582867,
            ],
        ),
        (
            0.03,
            [
                0.10224312,
                0.0,
                0.00723083,
                0.0319373,
                0.0,
                0.50734263,
                -0.07418554,
                -0.3277897,
                0.01074807,
                0.04719088,
                0.0,
                -0.41488316,
                0.01151173,
                0.60618433,
                0.00396832,
            ],
        ),
    ];
    let u = |t: usize, g: usize| (t * (t + 3) * (2 * g + 1) + 17 * g * t + g) % 13 < 4;
    let fires = |t: usize, f: usize| (u(t, f) || (u(t, (f + 1) % 6) && t.is_multiple_of(3))) && !(f == 2 && u(t, 5));
    let dense = Dense((0..200).map(|t| (0..6).map(|f| f32::from(u8::from(fires(t, f)))).collect()).collect());
    dense.with(|acts| {
        assert_eq!(acts.counts(), [93, 83, 62, 77, 76, 83]);
        for (columns, cases) in [(ColumnScale::Standardised, standardised), (ColumnScale::Binary, binary)] {
            for (alpha, expected) in cases {
                let (lists, info) = couplings(acts, &IsingParams { alpha, columns }, &task()).unwrap();
                assert_eq!(info.unfinished, 0);
                let pairs = (0..6).flat_map(|i| (i + 1..6).map(move |j| (i, j)));
                for ((i, j), exact) in pairs.zip(expected) {
                    let value = row(&lists, i).iter().find(|entry| entry.0 == j as u32).map_or(0.0, |entry| entry.1);
                    assert!((f64::from(value) - exact).abs() < 2e-7, "{columns:?} {alpha} {i} {j}: {value} {exact}");
                }
            }
        }
    });
}
