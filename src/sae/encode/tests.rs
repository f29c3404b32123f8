use super::*;
use crate::container::Dtype;
use crate::rows::Points;
use crate::sae::{CodeNorm, NormOver};

/// Numbers in -1..1 that look random and repeat (a multiplicative hash of the place).
fn noise(n: usize, salt: u32) -> Vec<f32> {
    let mixed = |i: usize| (i as u32 + 1).wrapping_mul(2_654_435_761).wrapping_add(salt.wrapping_mul(40_503));
    (0..n).map(|i| f64::from(mixed(i) ^ (mixed(i) >> 15)) as f32 / 2_147_483_648.0 - 1.0).collect()
}

fn dictionary(activation: Activation, features: usize, width: usize) -> Dictionary {
    let mut dictionary = Dictionary::bare(Matrix::from_f32(&noise(features * width, 5), width));
    dictionary.info.activation = activation;
    dictionary.info.subtract_b_dec = Some(true);
    dictionary.info.files = vec!["dict.safetensors".into()];
    Dictionary {
        encoder: Some(Matrix::from_f32(&noise(features * width, 6), width)),
        b_enc: noise(features, 7),
        b_dec: noise(width, 8),
        ..dictionary
    }
}

fn task() -> Task {
    Task::new(1).unwrap()
}

/// The definition, one feature and one token at a time, in f64: pre-activations.
fn pre(dictionary: &Dictionary, x: &[f32]) -> Vec<f64> {
    let n = x.len() as f64;
    let mut x: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
    match dictionary.info.normalize {
        Normalize::None | Normalize::Unstated | Normalize::Unsupported => {}
        Normalize::Scale(factor) => x.iter_mut().for_each(|v| *v *= f64::from(factor.unwrap())),
        Normalize::ScaleEach | Normalize::Affine => {
            let input = &dictionary.input;
            let width = x.len() / input.factors.len();
            for (i, v) in x.iter_mut().enumerate() {
                let mean = input.mean.get(i).map_or(0.0, |&mean| f64::from(mean));
                *v = (*v - mean) * f64::from(input.factors[i / width]);
            }
        }
        Normalize::ConstantNorm => {
            let norm = x.iter().map(|v| v * v).sum::<f64>().sqrt();
            for v in &mut x {
                *v *= n.sqrt() / norm;
            }
        }
        Normalize::LayerNorm { unbiased } => {
            let mean = x.iter().sum::<f64>() / n;
            let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / if unbiased { n - 1.0 } else { n };
            for v in &mut x {
                *v = (*v - mean) / (variance.sqrt() + 1e-5);
            }
        }
    }
    if dictionary.info.subtract_b_dec == Some(true) {
        x.iter_mut().zip(dictionary.center()).for_each(|(v, b)| *v -= f64::from(*b));
    }
    let encoder = dictionary.encoder.as_ref().unwrap();
    let mut row = vec![0f32; x.len()];
    (0..dictionary.features())
        .map(|i| {
            encoder.read(i..i + 1, &mut row);
            let dot: f64 = row.iter().zip(&x).map(|(&w, v)| f64::from(w) * v).sum();
            dot + dictionary.b_enc.get(i).map_or(0.0, |&b| f64::from(b))
        })
        .collect()
}

/// What fires, by the definition.
fn oracle(dictionary: &Dictionary, x: &[f32]) -> Vec<(usize, f64)> {
    let mut pre = pre(dictionary, x);
    let at = |values: &[f32], i: usize| f64::from(if values.len() == 1 { values[0] } else { values[i] });
    let own = [(dictionary.decoder.clone(), 1.0)];
    let directions = if dictionary.directions.is_empty() { &own[..] } else { &dictionary.directions };
    let norm = |feature: usize| {
        let lengths: Vec<f64> = directions
            .iter()
            .map(|(matrix, weight)| {
                let mut row = vec![0f32; matrix.ncols()];
                matrix.read(feature..feature + 1, &mut row);
                f64::from(*weight) * row.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt()
            })
            .collect();
        let joint = lengths.iter().map(|length| length.powi(2)).sum::<f64>().sqrt();
        match dictionary.info.code_norm.map(|norm| norm.over) {
            None => 1.0,
            Some(NormOver::Joint) => joint,
            Some(NormOver::Max) => lengths.iter().copied().fold(0.0, f64::max),
            Some(NormOver::Mixed { joint: j, sum }) => {
                f64::from(j) * joint + f64::from(sum) * lengths.iter().sum::<f64>()
            }
        }
    };
    let norms: Vec<f64> = (0..dictionary.features()).map(norm).collect();
    let role = dictionary.info.code_norm.map(|norm| norm.role);
    if matches!(role, Some(NormRole::Kept | NormRole::ForChoice)) {
        pre.iter_mut().zip(&norms).for_each(|(pre, norm)| *pre *= norm);
    }
    let largest = |pre: &[f64], k: usize, key: fn(f64) -> f64| {
        let mut order: Vec<usize> = (0..pre.len()).collect();
        order.sort_by(|&a, &b| key(pre[b]).total_cmp(&key(pre[a])).then(a.cmp(&b)));
        order.truncate(k);
        order.sort_unstable();
        order.into_iter().map(|i| (i, pre[i])).collect::<Vec<_>>()
    };
    let mut fires: Vec<(usize, f64)> = match &dictionary.info.activation {
        Activation::Relu => pre.into_iter().enumerate().filter(|&(_, v)| v > 0.0).collect(),
        Activation::TopK { k, negatives } => {
            largest(&pre, *k, |v| v).into_iter().filter(|&(_, v)| v > 0.0 || *negatives).collect()
        }
        Activation::AbsTopK { k } => largest(&pre, *k, f64::abs).into_iter().filter(|&(_, v)| v != 0.0).collect(),
        Activation::GroupMax { k } => {
            let size = pre.len() / k;
            let groups = pre.chunks(size).enumerate().map(|(group, pre)| {
                let (at, value) = largest(pre, 1, |v| v)[0];
                (group * size + at, value)
            });
            groups.filter(|&(_, v)| v > 0.0).collect()
        }
        Activation::JumpRelu { threshold } | Activation::BatchTopK { threshold: Some(threshold), .. } => {
            pre.into_iter().enumerate().filter(|&(i, v)| v > 0.0 && v > at(threshold, i)).collect()
        }
        Activation::Gated { b_gate, r_mag, b_mag } => {
            let bias = |i| dictionary.b_enc.get(i).map_or(0.0, |&b| f64::from(b));
            let raw: Vec<f64> = pre.iter().enumerate().map(|(i, v)| v - bias(i)).collect();
            let value = |i: usize| (raw[i] * at(r_mag, i).exp() + at(b_mag, i)).max(0.0);
            let open = |i: &usize| raw[*i] + at(b_gate, *i) > 0.0;
            (0..raw.len()).filter(open).map(|i| (i, value(i))).filter(|&(_, v)| v > 0.0).collect()
        }
        Activation::BatchTopK { .. } | Activation::Incomplete { .. } | Activation::Unknown => {
            unreachable!("refused before")
        }
    };
    for (feature, value) in &mut fires {
        match role {
            Some(NormRole::ForValue) => *value *= norms[*feature],
            Some(NormRole::ForChoice) => *value /= norms[*feature],
            Some(NormRole::Kept) | None => {}
        }
    }
    fires
}

fn agrees(dictionary: &Dictionary, tokens: usize) {
    let width = dictionary.d_model();
    let x = Points::new(noise(tokens * width, 9), width);
    let found = encode(dictionary, &x, &task()).unwrap();
    assert_eq!((found.rows, found.cols), (tokens, dictionary.features()));
    for token in 0..tokens {
        let expected = oracle(dictionary, x.row(token));
        let (features, values) = found.row(token);
        let what = dictionary.describe_activation();
        let columns: Vec<usize> = features.iter().map(|&f| f as usize).collect();
        assert_eq!(columns, expected.iter().map(|e| e.0).collect::<Vec<_>>(), "{what}, token {token}");
        for (value, (feature, exact)) in values.iter().zip(&expected) {
            let error = (f64::from(*value) - exact).abs();
            assert!(error < 1e-5 + 1e-5 * exact.abs(), "{what}, token {token}, feature {feature}: {value} {exact}");
        }
    }
}

fn every_function(features: usize) -> Vec<Activation> {
    let per_feature = noise(features, 11);
    vec![
        Activation::Relu,
        Activation::TopK { k: 5, negatives: false },
        Activation::TopK { k: features, negatives: false },
        Activation::TopK { k: 7, negatives: true },
        Activation::TopK { k: features - 3, negatives: true },
        Activation::AbsTopK { k: 6 },
        Activation::AbsTopK { k: 1 },
        Activation::GroupMax { k: 1 },
        Activation::GroupMax { k: features },
        Activation::JumpRelu { threshold: vec![0.5] },
        Activation::JumpRelu { threshold: per_feature.clone() },
        Activation::BatchTopK { k: Some(3), threshold: Some(vec![1.0]) },
        Activation::Gated { b_gate: per_feature, r_mag: noise(features, 12), b_mag: noise(features, 13) },
    ]
}

#[test]
fn every_function_agrees_with_its_definition() {
    for activation in every_function(70) {
        agrees(&dictionary(activation, 70, 9), 40);
    }
}

#[test]
fn every_code_norm_agrees_with_its_definition() {
    let functions = [
        Activation::Relu,
        Activation::TopK { k: 5, negatives: false },
        Activation::AbsTopK { k: 5 },
        Activation::GroupMax { k: 7 },
        Activation::JumpRelu { threshold: vec![0.8] },
    ];
    for activation in functions {
        for role in [NormRole::Kept, NormRole::ForChoice, NormRole::ForValue] {
            for over in [NormOver::Joint, NormOver::Max, NormOver::Mixed { joint: 0.7, sum: 0.2 }] {
                let mut dictionary = dictionary(activation.clone(), 70, 9);
                dictionary.info.code_norm = Some(CodeNorm { role, over });
                agrees(&dictionary, 12);
                let directions = |seed, width| Matrix::from_f32(&noise(70 * width, seed), width);
                dictionary.directions = vec![(directions(21, 3), 1.0), (directions(22, 5), 0.4)];
                agrees(&dictionary, 12);
            }
        }
    }
}

#[test]
fn groups_of_features_lie_across_tiles() {
    agrees(&dictionary(Activation::GroupMax { k: 3 }, 3 * (TILE / 2 + 50), 6), 20);
    let error = encode(&dictionary(Activation::GroupMax { k: 4 }, 70, 9), &Points::new(noise(9, 9), 9), &task());
    assert!(error.unwrap_err().to_string().contains("70 features cannot be parted into 4 equal groups"));
}

#[test]
fn several_tiles_and_slabs_agree_with_the_definition() {
    for activation in [Activation::TopK { k: 12, negatives: false }, Activation::JumpRelu { threshold: vec![2.0] }] {
        agrees(&dictionary(activation, TILE + 300, 6), 70);
    }
    agrees(&dictionary(Activation::TopK { k: 3, negatives: false }, 20, 4), SLAB + 130);
}

#[test]
fn every_normalisation_and_bias_agrees_with_its_definition() {
    let normalisations = [
        Normalize::Scale(Some(0.37)),
        Normalize::ConstantNorm,
        Normalize::LayerNorm { unbiased: true },
        Normalize::LayerNorm { unbiased: false },
    ];
    for normalize in normalisations {
        for subtract in [true, false] {
            let mut dictionary = dictionary(Activation::TopK { k: 8, negatives: false }, 50, 12);
            dictionary.info.normalize = normalize;
            dictionary.info.subtract_b_dec = Some(subtract);
            agrees(&dictionary, 30);
        }
    }
    for (normalize, mean) in [(Normalize::ScaleEach, Vec::new()), (Normalize::Affine, noise(12, 31))] {
        let mut dictionary = dictionary(Activation::TopK { k: 8, negatives: false }, 50, 12);
        dictionary.info.normalize = normalize;
        dictionary.info.subtract_b_dec = Some(true);
        dictionary.pre_bias = noise(12, 32);
        dictionary.input = InputScale { mean, factors: vec![0.5, 2.0, 1.5] };
        agrees(&dictionary, 30);
        dictionary.input.factors = vec![1.0; 5];
        let error = encode(&dictionary, &Points::new(noise(12, 9), 12), &task()).unwrap_err().to_string();
        assert!(error.contains("as many factors as sources"), "{error}");
    }
    let mut plain = dictionary(Activation::Relu, 50, 12);
    (plain.b_enc, plain.b_dec, plain.info.subtract_b_dec) = (Vec::new(), Vec::new(), None);
    agrees(&plain, 30);
    let mut flat = vec![0.0; 8];
    normalize(Normalize::ConstantNorm, &InputScale::default(), &mut flat);
    normalize(Normalize::LayerNorm { unbiased: true }, &InputScale::default(), &mut flat);
    assert_eq!(flat, [0.0; 8], "a row of zeros stays");
}

#[test]
fn a_transposed_half_precision_encoder_gives_the_same() {
    let mut dictionary = dictionary(Activation::TopK { k: 5, negatives: false }, 90, 8);
    let rows = noise(90 * 8, 6).into_iter().map(|v| half::f16::from_f32(v).to_f32()).collect::<Vec<_>>();
    dictionary.encoder = Some(Matrix::from_f32(&rows, 8));
    let x = Points::new(noise(30 * 8, 9), 8);
    let straight = encode(&dictionary, &x, &task()).unwrap();
    let turned: Vec<u8> = (0..8)
        .flat_map(|c| (0..90).map(move |r| r * 8 + c))
        .flat_map(|at| half::f16::from_f32(rows[at]).to_le_bytes())
        .collect();
    let path = std::path::Path::new("t");
    let turned = crate::container::Tensor::new("W_enc", path, Dtype::F16, vec![8, 90], turned.into()).unwrap();
    dictionary.encoder = Some(turned.matrix().unwrap().transposed());
    assert_eq!(encode(&dictionary, &x, &task()).unwrap(), straight);
}

/// One input of ones, encoder rows that sum to small whole numbers: every pre-activation is exact.
fn exact(activation: Activation, pre: &[f32]) -> Vec<(u32, f32)> {
    let mut dictionary = dictionary(activation, pre.len(), 2);
    let rows: Vec<f32> = pre.iter().flat_map(|&p| [p - 1.0, 1.0]).collect();
    dictionary.encoder = Some(Matrix::from_f32(&rows, 2));
    (dictionary.b_enc, dictionary.info.subtract_b_dec) = (Vec::new(), Some(false));
    let found = encode(&dictionary, &Points::new(vec![1.0, 1.0], 2), &task()).unwrap();
    found.indices.iter().copied().zip(found.values.iter().copied()).collect()
}

#[test]
fn the_lowest_feature_wins_a_tie() {
    let pre = [1.0, 3.0, 3.0, 2.0, 3.0, -3.0, 3.0];
    let top = |k| exact(Activation::TopK { k, negatives: false }, &pre);
    assert_eq!(top(1), [(1, 3.0)]);
    assert_eq!(top(2), [(1, 3.0), (2, 3.0)]);
    assert_eq!(top(5), [(1, 3.0), (2, 3.0), (3, 2.0), (4, 3.0), (6, 3.0)]);
    assert_eq!(top(7).len(), 6, "what is not above zero does not fire");
    let magnitude = exact(Activation::AbsTopK { k: 4 }, &pre);
    assert_eq!(magnitude, [(1, 3.0), (2, 3.0), (4, 3.0), (5, -3.0)], "the sign is kept");
    let mut equal = vec![2.0; 3 * TILE];
    equal[2 * TILE + 5] = 4.0;
    let across = exact(Activation::TopK { k: 3, negatives: false }, &equal);
    assert_eq!(across, [(0, 2.0), (1, 2.0), (2 * TILE as u32 + 5, 4.0)], "also across tiles");
}

#[test]
fn a_jump_is_strict_and_never_below_zero() {
    let threshold = vec![2.0, 2.0, -5.0, -5.0];
    assert_eq!(exact(Activation::JumpRelu { threshold }, &[2.0, 3.0, -1.0, 1.0]), [(1, 3.0), (3, 1.0)]);
}

#[test]
fn the_thread_count_changes_nothing() {
    for activation in every_function(TILE + 9).into_iter().filter(|a| !matches!(a, Activation::TopK { k: 1000.., .. }))
    {
        let dictionary = dictionary(activation, TILE + 9, 5);
        let x = Points::new(noise(300 * 5, 9), 5);
        let one = encode(&dictionary, &x, &task()).unwrap();
        for threads in [2, 3] {
            assert_eq!(encode(&dictionary, &x, &Task::new(threads).unwrap()).unwrap(), one);
        }
    }
}

#[test]
fn no_tokens_give_an_empty_matrix() {
    let found = encode(&dictionary(Activation::Relu, 4, 3), &Points::new(Vec::new(), 3), &task()).unwrap();
    assert_eq!((found.rows, found.cols, found.nnz(), &found.indptr[..]), (0, 4, 0, &[0][..]));
}

#[test]
fn what_is_not_known_is_asked_for_by_its_flag() {
    let x = Points::new(noise(6, 9), 3);
    let refused = |change: &dyn Fn(&mut Dictionary)| {
        let mut dictionary = dictionary(Activation::Relu, 4, 3);
        change(&mut dictionary);
        encode(&dictionary, &x, &task()).unwrap_err().to_string()
    };
    let top = |k| Activation::TopK { k, negatives: false };
    let cases: Vec<(String, &str)> = vec![
        (refused(&|d| d.info.activation = Activation::Unknown), "--arch"),
        (refused(&|d| d.info.activation = Activation::BatchTopK { k: Some(2), threshold: None }), "--threshold"),
        (refused(&|d| d.info.activation = top(0)), "k is 0"),
        (refused(&|d| d.info.activation = top(5)), "--k"),
        (refused(&|d| d.info.activation = Activation::AbsTopK { k: 5 }), "1 to 4"),
        (refused(&|d| d.info.activation = Activation::JumpRelu { threshold: vec![1.0; 3] }), "threshold has 3 values"),
        (
            refused(&|d| d.info.activation = Activation::Incomplete { name: "topk", lacks: "k", hint: "--k K" }),
            "the architecture is topk, but the files have no k; expected k; try --k K",
        ),
        (refused(&|d| d.info.normalize = Normalize::Scale(None)), "--normalize"),
        (refused(&|d| d.info.normalize = Normalize::Unsupported), "--normalize none"),
        (refused(&|d| d.info.subtract_b_dec = None), "--subtract-b-dec"),
        (refused(&|d| d.b_dec = vec![1.0; 2]), "b_dec of width 2"),
        (refused(&|d| d.b_enc = vec![1.0; 3]), "b_enc has 3 rows for 4 features"),
        (refused(&|d| d.encoder = None), "no encoder"),
        (refused(&|d| d.encoder = Some(Matrix::from_f32(&[1.0; 15], 5))), "width 3 for an encoder of width 5"),
        (refused(&|d| d.encoder = Some(Matrix::from_f32(&[1.0; 9], 3))), "the encoder has 3 rows for 4 features"),
        (refused(&|d| d.encoder = Some(Matrix::from_f32(&[f32::NAN; 12], 3))), "the encoder of feature 0 holds NaN"),
    ];
    for (error, expected) in cases {
        assert!(error.contains(expected), "{error} should say {expected}");
    }
    // A threshold that is no number would let every feature fire, or none.
    for bad in [f32::NAN, f32::INFINITY] {
        let mut values = vec![0.5; 4];
        values[2] = bad;
        let gated = |name: &str| {
            let of = |other: &str| if name == other { values.clone() } else { vec![0.5; 4] };
            Activation::Gated { b_gate: of("b_gate"), r_mag: of("r_mag"), b_mag: of("b_mag") }
        };
        for (name, activation) in [
            ("threshold", Activation::JumpRelu { threshold: values.clone() }),
            ("threshold", Activation::BatchTopK { k: None, threshold: Some(values.clone()) }),
            ("b_gate", gated("b_gate")),
            ("r_mag", gated("r_mag")),
            ("b_mag", gated("b_mag")),
        ] {
            let error = refused(&|d| d.info.activation = activation.clone());
            assert!(error.contains(&format!("{name} of feature 2 is {bad}")), "{error}");
            assert!(error.contains("dict.safetensors"), "{error}");
        }
    }
    let mut wide = dictionary(Activation::Relu, 1, 2);
    wide.encoder = Some(Matrix::from_f32(&[f32::MAX; 2], 2));
    let error = encode(&wide, &Points::new(vec![2.0, 2.0], 2), &task()).unwrap_err().to_string();
    assert!(error.contains("token 0 gives feature 0 the value inf") && error.contains("--normalize"), "{error}");
    let bad = Points::new(vec![0.0, 1.0, 2.0, 3.0, f32::INFINITY, 5.0], 3);
    let error = encode(&dictionary(Activation::Relu, 4, 3), &bad, &task()).unwrap_err().to_string();
    assert!(error.contains("token 1 holds inf"), "{error}");
}

#[test]
fn cancelling_stops_it() {
    let task = task();
    task.watch().cancel();
    let result = encode(&dictionary(Activation::Relu, 4, 3), &Points::new(noise(6, 9), 3), &task);
    assert!(matches!(result, Err(crate::Error::Cancelled)));
}
