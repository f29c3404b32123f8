//! Encoding: model activations through a dictionary's encoder, to sparse feature activations.
//!
//! Input: a dictionary with an encoder `[features, d_model]` and activations `x` `[tokens, d_model]`. Output: a
//! [`Sparse`] `[tokens, features]`. As SAELens does it: `x` is normalised, `b_dec` subtracted if the dictionary says
//! so, `pre = x·W_encᵀ + b_enc`, and the activation function chooses:
//!
//! | function | what fires |
//! |---|---|
//! | relu | pre > 0 |
//! | topk | the k largest pre that are > 0 (of any sign, if the dictionary keeps negatives) |
//! | abstopk | the k largest by magnitude, sign kept |
//! | groupmax | the largest of each of k equal runs of features, if it is > 0 |
//! | jumprelu, batchtopk with a threshold | pre > threshold and pre > 0 |
//! | gated | x·W + b_gate > 0, with the value max(x·W·exp(r_mag) + b_mag, 0) |
//!
//! If the dictionary says so, the choice is by pre times the length of the feature's decoder direction, and the value keeps
//! that factor or not, or has it alone ([`NormRole`]). Among equal pre-activations the lowest feature wins. Zeros are not stored.
//!
//! Tokens go in slabs of 2,048, the encoder in tiles of 1,024 rows, each read once a slab; a tile's products with
//! blocks of 128 tokens are computed in parallel, each by one thread in f32, so the result is the same at any number of
//! threads. Cost: 2·tokens·features·d_model operations. Memory besides the result: 8 KiB·d_model for the slab, 4
//! KiB·d_model for the tile, 512 KiB a thread, and for top-k 16·k bytes a token of the slab.
//!
//! Sources: SAELens (`saes/*.py`); Gao et al. 2024 (top-k); Rajamanoharan et al. 2024 (gated, JumpReLU); Bussmann et
//! al. 2024 (BatchTopK).

use super::sparse::{Sparse, all_finite};
use super::{Activation, Dictionary, InputScale, NormRole, Normalize};
use crate::container::Matrix;
use crate::error::{Problem, Result};
use crate::rows::Rows;
use crate::task::Task;
use crate::wide::wide;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Tokens whose inputs are held at once.
const SLAB: usize = 2048;
/// Encoder rows that are held at once.
const TILE: usize = 1024;
/// Tokens of one product; the unit of parallel work.
const BLOCK: usize = 128;

/// Encodes `x` `[tokens, d_model]`.
///
/// # Errors
/// If the dictionary has no encoder, `x` has another width or holds a value that is not finite, the activation
/// function or a factor it needs is not known (the message names the flag that settles it), or the task is cancelled.
/// Errors about `x` name no file: [`crate::Error::at`] adds the one it came from.
pub fn encode(dictionary: &Dictionary, x: &dyn Rows, task: &Task) -> Result<Sparse> {
    let plan = Plan::new(dictionary, x, task)?;
    let (tokens, features, width) = (x.nrows(), dictionary.features(), x.ncols());
    task.stage("encoding", (tokens * features.div_ceil(TILE)) as u64);
    let (mut indptr, mut indices, mut values) = (vec![0u64], Vec::new(), Vec::new());
    let mut slab = vec![0f32; SLAB.min(tokens) * width];
    let mut tile = vec![0f32; TILE.min(features) * width];
    for start in (0..tokens).step_by(SLAB) {
        let end = tokens.min(start + SLAB);
        let slab = &mut slab[..(end - start) * width];
        task.install(|| plan.read_slab(x, start, slab, task))?;
        let mut rows: Vec<Firing> = (start..end).map(|_| plan.nothing()).collect();
        for first in (0..features).step_by(TILE) {
            let last = features.min(first + TILE);
            let tile = &mut tile[..(last - first) * width];
            task.install(|| {
                read_tile(dictionary, plan.encoder, first, tile, task)?;
                let blocks = rows.par_chunks_mut(BLOCK).zip(slab.par_chunks(BLOCK * width));
                blocks.try_for_each_init(Vec::new, |pre, (rows, x)| {
                    task.check()?;
                    plan.block(rows, x, tile, first, pre);
                    Ok(())
                })
            })?;
            task.advance((end - start) as u64);
        }
        for row in rows {
            let entries = plan.finish(row);
            if let Some((feature, value)) = entries.iter().find(|(_, value)| !value.is_finite()) {
                return Err(Problem::new(format!(
                    "token {} gives feature {feature} the value {value}",
                    indptr.len() - 1
                ))
                .expected("finite activations")
                .hint("--normalize, if the dictionary expects another scale")
                .input());
            }
            indices.extend(entries.iter().map(|(feature, _)| *feature));
            values.extend(entries.iter().map(|(_, value)| *value));
            indptr.push(indices.len() as u64);
        }
    }
    let (indptr, indices, values) = (indptr.into(), indices.into(), values.into());
    Ok(Sparse { rows: tokens, cols: features, indptr, indices, values })
}

/// How pre-activations become activations, with all parameters checked.
enum Rule {
    /// Fires above 0 and above a threshold per feature (empty: none).
    Above(Vec<f32>),
    /// The k largest by this order.
    Top { k: usize, order: Order },
    /// The largest above 0 of each run of so many features.
    Groups { size: usize },
    /// Gate bias, exp(r_mag), magnitude bias.
    Gated { gate: Vec<f32>, scale: Vec<f32>, bias: Vec<f32> },
}

/// What makes a pre-activation large.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Its value, above 0.
    Positive,
    /// Its value.
    Value,
    /// Its magnitude.
    Magnitude,
}

impl Order {
    fn key(self, value: f32) -> f32 {
        if self == Self::Magnitude { value.abs() } else { value }
    }
    /// What the first entry must exceed.
    fn floor(self) -> f32 {
        if self == Self::Value { f32::NEG_INFINITY } else { 0.0 }
    }
}

/// What fires on one token, so far.
struct Firing {
    entries: Vec<(u32, f32)>,
    /// For top-k: what an entry must exceed to matter, once k are known.
    floor: f32,
}

struct Plan<'a> {
    encoder: &'a Matrix,
    /// One value a feature, zeros if there is no bias.
    bias: Vec<f32>,
    /// Subtracted from the normalised input; empty if nothing is.
    center: &'a [f32],
    normalize: Normalize,
    input: &'a InputScale,
    rule: Rule,
    /// One length a feature, and what it does; empty if nothing.
    norms: Vec<f32>,
    role: Option<NormRole>,
}

impl<'a> Plan<'a> {
    fn new(dictionary: &'a Dictionary, x: &dyn Rows, task: &Task) -> Result<Self> {
        let Some(encoder) = &dictionary.encoder else {
            return Err(about(dictionary, "the dictionary has no encoder")
                .expected("encoder weights such as W_enc")
                .hint("the whole dictionary rather than its decoder alone")
                .input());
        };
        let (features, width) = (dictionary.features(), encoder.ncols());
        if x.ncols() != width {
            return Err(Problem::new(format!("activations of width {} for an encoder of width {width}", x.ncols()))
                .shape(&[x.nrows(), x.ncols()])
                .expected(format!("[tokens, {width}]"))
                .hint("the activations of the layer and hook that the dictionary was trained on")
                .input());
        }
        if width == 0 || features == 0 {
            return Err(about(dictionary, "the encoder is empty").shape(&[features, width]).input());
        }
        let lengths =
            [("the encoder", encoder.nrows(), features, false), ("b_enc", dictionary.b_enc.len(), features, true)];
        for (name, found, expected, optional) in lengths {
            if found != expected && !(optional && found == 0) {
                let what = format!("{name} has {found} rows for {features} features");
                return Err(about(dictionary, what).expected(format!("{expected}")).input());
            }
        }
        let center = center(dictionary, width)?;
        if dictionary.info.normalize == Normalize::Scale(None) {
            return Err(about(dictionary, "the factor that scales the input is not in the file")
                .expected("√d / mean norm of the training activations")
                .hint("--normalize scale:FACTOR, or --normalize none if the weights already hold it")
                .input());
        }
        if dictionary.info.normalize == Normalize::Unsupported {
            return Err(about(dictionary, "how the input is normalised before encoding is not known here")
                .expected("none, scale, constant_norm or layer_norm")
                .hint("--normalize none if the weights already hold it, or one of these")
                .input());
        }
        let rule = rule(dictionary)?;
        let norms = dictionary.code_norms(task)?;
        finite(dictionary, "the length of W_dec", "feature", &norms)?;
        // A gated encoder has biases of its own and no other.
        let has_bias = !dictionary.b_enc.is_empty() && !matches!(rule, Rule::Gated { .. });
        let bias = if has_bias { dictionary.b_enc.clone() } else { vec![0.0; features] };
        finite(dictionary, "b_enc", "feature", &bias)?;
        finite(dictionary, "b_dec", "dimension", center)?;
        let role = dictionary.info.code_norm.map(|norm| norm.role);
        let (normalize, input) = (dictionary.info.normalize, &dictionary.input);
        let fits = width.is_multiple_of(input.factors.len().max(1)) && [0, width].contains(&input.mean.len());
        if !fits {
            return Err(about(dictionary, "the mean or the factors of inputs do not fit the encoder")
                .expected(format!("a mean of {width} values, and as many factors as sources"))
                .input());
        }
        finite(dictionary, "the mean of inputs", "dimension", &input.mean)?;
        finite(dictionary, "the factor of inputs", "source", &input.factors)?;
        Ok(Self { encoder, bias, center, normalize, input, rule, norms, role })
    }
    /// A token before any feature was looked at.
    fn nothing(&self) -> Firing {
        let floor = if let Rule::Top { order, .. } = self.rule { order.floor() } else { 0.0 };
        Firing { entries: Vec::new(), floor }
    }
    /// Reads inputs `start..`, normalised and centred.
    fn read_slab(&self, x: &dyn Rows, start: usize, slab: &mut [f32], task: &Task) -> Result<()> {
        let width = x.ncols();
        slab.par_chunks_mut(BLOCK * width).enumerate().try_for_each(|(block, out)| {
            task.check()?;
            let first = start + block * BLOCK;
            x.read(first..first + out.len() / width, out);
            for (i, row) in out.chunks_exact_mut(width).enumerate() {
                if let Some(at) = row.iter().position(|value| !value.is_finite()) {
                    return Err(Problem::new(format!("the activation of token {} holds {}", first + i, row[at]))
                        .expected("finite numbers")
                        .hint("leaving that token out")
                        .input());
                }
                normalize(self.normalize, self.input, row);
                for (value, center) in row.iter_mut().zip(self.center) {
                    *value -= center;
                }
            }
            Ok(())
        })
    }
    /// Pre-activations of a block of tokens with the tile of features from `first` on, and what fires of them.
    fn block(&self, rows: &mut [Firing], x: &[f32], tile: &[f32], first: usize, pre: &mut Vec<f32>) {
        let (n, width) = (rows.len(), self.encoder.ncols());
        let m = tile.len() / width;
        pre.resize(n * m, 0.0);
        let product = MatMut::from_row_major_slice_mut(&mut pre[..n * m], n, m);
        let (x, tile) = (MatRef::from_row_major_slice(x, n, width), MatRef::from_row_major_slice(tile, m, width));
        matmul(product, Accum::Replace, x, tile.transpose(), 1.0, Par::Seq);
        // The product leaves the upper halves of the vector registers in use, which slows all scalar code after it many
        // times over; vector code that the compiler made clears them at its end.
        let bias = &self.bias[first..first + m];
        wide(
            #[inline(always)]
            || {
                for pre in pre[..n * m].chunks_exact_mut(m) {
                    for (value, bias) in pre.iter_mut().zip(bias) {
                        *value += bias;
                    }
                }
            },
        );
        for (row, pre) in rows.iter_mut().zip(pre.chunks_exact_mut(m)) {
            self.choose(row, pre, first);
        }
    }
    fn choose(&self, row: &mut Firing, pre: &mut [f32], first: usize) {
        let features = first..first + pre.len();
        if let (Some(NormRole::Kept | NormRole::ForChoice), Some(norms)) = (self.role, self.norms.get(features.clone()))
        {
            for (value, norm) in pre.iter_mut().zip(norms) {
                *value *= norm;
            }
        }
        let mut keep = |i: usize, value: f32| row.entries.push(((first + i) as u32, value));
        match &self.rule {
            Rule::Above(threshold) if threshold.is_empty() => {
                (0..pre.len()).filter(|&i| above(pre[i], 0.0)).for_each(|i| keep(i, pre[i]));
            }
            Rule::Above(threshold) => {
                let threshold = &threshold[features];
                (0..pre.len()).filter(|&i| above(pre[i], threshold[i].max(0.0))).for_each(|i| keep(i, pre[i]));
            }
            Rule::Gated { gate, scale, bias } => {
                let (gate, scale, bias) = (&gate[features.clone()], &scale[features.clone()], &bias[features]);
                for (i, &pre) in pre.iter().enumerate().filter(|&(i, &pre)| above(pre + gate[i], 0.0)) {
                    let value = pre * scale[i] + bias[i];
                    if above(value, 0.0) {
                        keep(i, value);
                    }
                }
            }
            Rule::Top { k, order } => {
                for (i, &value) in pre.iter().enumerate() {
                    if above(order.key(value), row.floor) {
                        row.entries.push(((first + i) as u32, value));
                        row.prune(*order, *k, 2 * k);
                    }
                }
            }
            Rule::Groups { size } => {
                for (i, &value) in pre.iter().enumerate().filter(|&(_, &value)| above(value, 0.0)) {
                    let feature = first + i;
                    match row.entries.last_mut().filter(|last| last.0 as usize / size == feature / size) {
                        Some(last) if above(value, last.1) => *last = (feature as u32, value),
                        Some(_) => {}
                        None => row.entries.push((feature as u32, value)),
                    }
                }
            }
        }
    }
    /// The entries of a token by feature, ascending.
    fn finish(&self, mut row: Firing) -> Vec<(u32, f32)> {
        if let Rule::Top { k, order } = self.rule {
            row.prune(order, k, k + 1);
            row.entries.sort_unstable_by_key(|entry| entry.0);
        }
        for (feature, value) in &mut row.entries {
            match self.role {
                Some(NormRole::ForValue) => *value *= self.norms[*feature as usize],
                Some(NormRole::ForChoice) => *value /= self.norms[*feature as usize],
                Some(NormRole::Kept) | None => {}
            }
        }
        // Negative values may be zero.
        row.entries.retain(|entry| entry.1 != 0.0);
        row.entries
    }
}

/// Whether `value` exceeds `bound`. What is no number does too, so that it is seen and refused, not taken for silence.
#[inline]
fn above(value: f32, bound: f32) -> bool {
    value > bound || value.is_nan()
}

impl Firing {
    /// Cuts down to the `k` largest, the lowest feature first among equals, once there are `limit`.
    /// Features come in ascending order, so a later equal can never displace an earlier one.
    fn prune(&mut self, order: Order, k: usize, limit: usize) {
        if self.entries.len() >= limit && self.entries.len() > k {
            let by = |a: &(u32, f32), b: &(u32, f32)| order.key(b.1).total_cmp(&order.key(a.1)).then(a.0.cmp(&b.0));
            let (_, last, _) = self.entries.select_nth_unstable_by(k - 1, by);
            self.floor = order.key(last.1);
            self.entries.truncate(k);
        }
    }
}

fn about(dictionary: &Dictionary, what: impl Into<String>) -> Problem {
    let problem = Problem::new(what);
    match dictionary.info.files.first() {
        Some(file) => problem.path(file),
        None => problem,
    }
}

/// What is subtracted from the input.
fn center(dictionary: &Dictionary, width: usize) -> Result<&[f32]> {
    let b_dec = dictionary.center();
    match dictionary.info.subtract_b_dec {
        Some(false) => Ok(&[]),
        _ if b_dec.iter().all(|&value| value == 0.0) => Ok(&[]),
        Some(true) if b_dec.len() == width => Ok(b_dec),
        Some(true) => Err(about(dictionary, format!("b_dec of width {} for an input of width {width}", b_dec.len()))
            .expected("equal widths, as b_dec is subtracted from the input")
            .hint("--subtract-b-dec false")
            .input()),
        None => Err(about(dictionary, "the file does not say whether b_dec is subtracted from the input")
            .expected("true or false")
            .hint("--subtract-b-dec true (SAELens, dictionary_learning) or false (Gemma Scope, Llama Scope)")
            .input()),
    }
}

fn rule(dictionary: &Dictionary) -> Result<Rule> {
    let features = dictionary.features();
    let per_feature = |name: &str, values: &[f32]| {
        if values.len() != 1 && values.len() != features {
            return Err(about(dictionary, format!("{name} has {} values", values.len()))
                .tensor(name)
                .expected(format!("1 or {features}"))
                .input());
        }
        finite(dictionary, name, "feature", values)?;
        Ok(if let [one] = values { vec![*one; features] } else { values.to_vec() })
    };
    let checked = |k: usize| {
        if (1..=features).contains(&k) {
            return Ok(k);
        }
        Err(about(dictionary, format!("k is {k}")).expected(format!("1 to {features}")).hint("--k").input())
    };
    Ok(match &dictionary.info.activation {
        Activation::Relu => Rule::Above(Vec::new()),
        Activation::TopK { k, negatives } => {
            Rule::Top { k: checked(*k)?, order: if *negatives { Order::Value } else { Order::Positive } }
        }
        Activation::AbsTopK { k } => Rule::Top { k: checked(*k)?, order: Order::Magnitude },
        Activation::GroupMax { k } => {
            let k = checked(*k)?;
            if !features.is_multiple_of(k) {
                let what = format!("{features} features cannot be parted into {k} equal groups");
                return Err(about(dictionary, what).expected("k that divides them").hint("--k").input());
            }
            Rule::Groups { size: features / k }
        }
        Activation::JumpRelu { threshold } | Activation::BatchTopK { threshold: Some(threshold), .. } => {
            Rule::Above(per_feature("threshold", threshold)?)
        }
        Activation::BatchTopK { threshold: None, .. } => {
            return Err(about(dictionary, "batch top-k without its inference threshold")
                .expected("a threshold, as training leaves it")
                .hint("--threshold VALUE, or --arch topk --k K to keep the k largest of each token")
                .input());
        }
        Activation::Gated { b_gate, r_mag, b_mag } => Rule::Gated {
            gate: per_feature("b_gate", b_gate)?,
            scale: per_feature("r_mag", r_mag)?.into_iter().map(f32::exp).collect(),
            bias: per_feature("b_mag", b_mag)?,
        },
        Activation::Incomplete { name, lacks, hint } => {
            return Err(about(dictionary, format!("the architecture is {name}, but the files have no {lacks}"))
                .expected(*lacks)
                .hint(*hint)
                .input());
        }
        Activation::Unknown => {
            return Err(about(dictionary, "the activation function of the dictionary is not known")
                .expected("relu, topk, abstopk, groupmax, batchtopk, jumprelu or gated")
                .hint("--arch, with --k or --threshold")
                .input());
        }
    })
}

/// Refuses a vector of the dictionary that holds what is no number: it is above nothing, and a feature would fall silent
/// or fire always, or the input would be blamed for it.
fn finite(dictionary: &Dictionary, name: &str, of: &str, values: &[f32]) -> Result<()> {
    let Some(at) = values.iter().position(|value| !value.is_finite()) else { return Ok(()) };
    Err(about(dictionary, format!("{name} of {of} {at} is {}", values[at]))
        .expected("finite numbers")
        .hint("another checkpoint; --threshold, --arch or --subtract-b-dec, if that vector does not matter")
        .input())
}

/// Reads encoder rows `first..`, in parallel, and refuses what is no number.
fn read_tile(dictionary: &Dictionary, encoder: &Matrix, first: usize, tile: &mut [f32], task: &Task) -> Result<()> {
    let width = encoder.ncols();
    tile.par_chunks_mut(BLOCK * width).enumerate().try_for_each(|(block, out)| {
        task.check()?;
        let start = first + block * BLOCK;
        encoder.read(start..start + out.len() / width, out);
        if !all_finite(out) {
            let at = out.iter().position(|value| !value.is_finite()).unwrap_or(0);
            return Err(about(dictionary, format!("the encoder of feature {} holds {}", start + at / width, out[at]))
                .expected("finite weights")
                .hint("another checkpoint")
                .input());
        }
        Ok(())
    })
}

/// The dictionary's normalisation of one input, in f64. A row of zeros stays.
fn normalize(how: Normalize, input: &InputScale, row: &mut [f32]) {
    let n = row.len() as f64;
    let scale = |row: &mut [f32], f: &dyn Fn(f64) -> f64| {
        for value in row {
            *value = f((*value).into()) as f32;
        }
    };
    match how {
        Normalize::None | Normalize::Unstated | Normalize::Unsupported | Normalize::Scale(None) => {}
        Normalize::ScaleEach | Normalize::Affine => {
            for (value, mean) in row.iter_mut().zip(&input.mean) {
                *value -= mean;
            }
            let width = row.len() / input.factors.len().max(1);
            for (part, factor) in row.chunks_mut(width.max(1)).zip(&input.factors) {
                for value in part {
                    *value *= factor;
                }
            }
        }
        Normalize::Scale(Some(factor)) => scale(row, &|value| value * f64::from(factor)),
        Normalize::ConstantNorm => {
            let norm = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            if norm > 0.0 {
                let factor = n.sqrt() / norm;
                scale(row, &|value| value * factor);
            }
        }
        Normalize::LayerNorm { unbiased } => {
            let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
            let squares = row.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>();
            let count = if unbiased { (n - 1.0).max(1.0) } else { n };
            let spread = (squares / count).sqrt() + 1e-5;
            scale(row, &|value| (value - mean) / spread);
        }
    }
}

#[cfg(test)]
mod tests;
