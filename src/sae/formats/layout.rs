//! Which way round a matrix lies: decided by lengths, not by names.
//!
//! Four orientations of the decoder exist in the wild, and some files use SAELens' names for transposed matrices. The
//! biases settle it: `b_enc` has one value a feature, `b_dec` one a dimension. Where they cannot (as many features as
//! dimensions), the format's own convention holds, and encoder and decoder are asked whether they agree.

use crate::container::{Matrix, Tensor};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::detect::Source;
use crate::text::counted;

/// What is known of a matrix before its shape is looked at.
#[derive(Default)]
pub(super) struct Expect {
    /// Number of features, where another tensor tells it.
    pub(super) features: Option<usize>,
    /// The other dimension, where another tensor tells it.
    pub(super) width: Option<usize>,
    /// Both as the configuration states them, where it does: they settle what the tensors leave open, and no more.
    pub(super) stated: (Option<usize>, Option<usize>),
    /// Whether the format keeps features in rows.
    pub(super) in_rows: bool,
    /// What `--transpose` says: true turns the format's convention round.
    pub(super) transpose: Option<bool>,
}

/// The tensor as a matrix with one row a feature, over the same bytes.
///
/// # Errors
/// If it is no matrix of floating-point numbers, is empty, or fits what is known in neither orientation.
pub(super) fn orient(tensor: &Tensor, expect: &Expect, warnings: &mut Vec<String>) -> Result<Matrix> {
    if !tensor.dtype().is_float() {
        return Err(tensor.problem("weights that are no floating-point numbers").expected("f32, f16 or bf16").input());
    }
    let matrix = tensor.matrix()?;
    let (rows, cols) = (matrix.nrows(), matrix.ncols());
    if rows == 0 || cols == 0 {
        return Err(tensor.problem("a matrix without elements").input());
    }
    if u32::try_from(rows.max(cols)).is_err() {
        return Err(tensor.problem("more features than can be counted").expected("at most 4294967295").input());
    }
    let matches = |(features, width): (Option<usize>, Option<usize>), (rows, cols): (usize, usize)| {
        features.is_none_or(|n| n == rows) && width.is_none_or(|n| n == cols)
    };
    let told = (expect.features, expect.width);
    let either_way = |known| (matches(known, (rows, cols)), matches(known, (cols, rows)));
    let wish = expect.transpose.map(|transpose| expect.in_rows != transpose);
    let in_rows = match either_way(told) {
        (true, true) => wish.unwrap_or_else(|| match either_way(expect.stated) {
            (in_rows, in_cols) if in_rows != in_cols => in_rows,
            _ => expect.in_rows,
        }),
        (in_rows, in_cols) if in_rows || in_cols => {
            if wish.is_some_and(|wish| wish != in_rows) {
                return Err(tensor
                    .problem("--transpose does not fit the lengths of the other tensors")
                    .expected(expected(expect))
                    .hint("leaving --transpose out")
                    .input());
            }
            if in_rows != expect.in_rows {
                let name = tensor.name();
                warnings.push(format!("{name} lies the other way round than its name says; its shape tells"));
            }
            in_rows
        }
        _ => {
            return Err(tensor
                .problem("this matrix and the vectors beside it (b_enc, b_dec or another) do not fit each other")
                .expected(expected(expect))
                .hint("another copy of the file: one of them is cut short, or of another dictionary")
                .input());
        }
    };
    Ok(if in_rows { matrix } else { matrix.transposed() })
}

fn expected(expect: &Expect) -> String {
    let length = |n: Option<usize>, word: &str| n.map_or_else(|| word.to_string(), |n| format!("{n}"));
    let (features, width) = (length(expect.features, "features"), length(expect.width, "dimensions"));
    format!("[{features}, {width}] or [{width}, {features}]")
}

/// Warns if encoder and decoder, both `[n, n]` with one row a feature, agree better when read otherwise.
///
/// In a trained dictionary a feature's encoder and decoder directions have a clearly positive cosine. 64 features
/// are looked at.
pub(super) fn check_square(decoder: &Matrix, encoder: &Matrix, warnings: &mut Vec<String>) {
    let n = decoder.nrows();
    if n != decoder.ncols() || n != encoder.nrows() || n != encoder.ncols() {
        return;
    }
    let turned = (decoder.transposed(), encoder.transposed());
    let now = agreement(decoder, encoder);
    let others = [
        (agreement(&turned.0, &turned.1), "--transpose"),
        (agreement(&turned.0, encoder), "checking how it was saved: the decoder alone seems transposed"),
        (agreement(decoder, &turned.1), "checking how it was saved: the encoder alone seems transposed"),
    ];
    for (other, advice) in others {
        if other > now + 0.1 && other > 2.0 * now {
            warnings.push(format!(
                "as many features as dimensions, so the shapes cannot tell rows from columns; encoder and decoder \
                 agree better when read otherwise (mean cosine {other:.2} against {now:.2}); try {advice}"
            ));
            return;
        }
    }
}

/// Mean cosine between the rows of two matrices of the same shape, over 64 of them spread evenly.
fn agreement(a: &Matrix, b: &Matrix) -> f64 {
    let (n, d) = (a.nrows(), a.ncols());
    let samples = n.min(64);
    let (mut x, mut y) = (vec![0.0f32; d], vec![0.0f32; d]);
    let mut sum = 0.0;
    for i in 0..samples {
        let row = i * n / samples;
        a.read(row..row + 1, &mut x);
        b.read(row..row + 1, &mut y);
        let dot = |p: &[f32], q: &[f32]| p.iter().zip(q).map(|(&p, &q)| f64::from(p) * f64::from(q)).sum::<f64>();
        let norms = (dot(&x, &x) * dot(&y, &y)).sqrt();
        sum += if norms > 0.0 { dot(&x, &y) / norms } else { 0.0 };
    }
    sum / samples as f64
}

/// Whether a tensor's name says that it is an encoder: `W_enc`, `encoder.weight`, but not `sequences`.
pub(super) fn says_encoder(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| matches!(word, "enc" | "encoder"))
}

/// The values of a vector of `length` (any length if none); its elements may be spread over leading dimensions of 1.
///
/// # Errors
/// If there is no such tensor, or it has another length or no numbers.
pub(super) fn vector(
    source: &Source,
    name: &str,
    length: Option<usize>,
    warnings: &mut Vec<String>,
) -> Result<Vec<f32>> {
    let tensor = source.tensor(name)?;
    let shape = tensor.shape();
    let own = shape.last().copied().unwrap_or(1);
    if shape.iter().rev().skip(1).any(|&n| n != 1) || length.is_some_and(|length| length != own) {
        let expected = length.map_or("one dimension".to_string(), |length| format!("[{length}]"));
        return Err(tensor.problem("the vector has the wrong length").expected(expected).input());
    }
    let values = tensor.to_f32();
    let bad = values.iter().filter(|x| !x.is_finite()).count();
    if bad > 0 {
        let values = counted(bad, "value that is not finite", "values that are not finite");
        warnings.push(format!("{name} has {values}"));
    }
    Ok(values)
}

/// The length of a vector by its shape, without reading it; none if it has several dimensions.
pub(super) fn length(source: &Source, name: &str) -> Option<usize> {
    let shape = &source.info(name)?.shape;
    let (last, leading) = shape.split_last()?;
    leading.iter().all(|&n| n == 1).then_some(*last)
}
