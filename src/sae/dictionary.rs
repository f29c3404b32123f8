//! A dictionary: decoder directions, encoder where there is one, and what its file says about it.
//!
//! In memory every dictionary follows one convention, whatever its file's: decoder `[features, d_out]` and encoder
//! `[features, d_model]`, both with one row per feature (the encoder is often a transposed view of the file's
//! matrix). `acts = σ((x − b_dec·subtract_b_dec) · Wᵀ_enc + b_enc)`, `x̂ = acts · W_dec + b_dec`.

use super::Activation;
use crate::container::{Dtype, Matrix};
use crate::error::Result;
use crate::rows::{Rows, lengths};
use crate::task::Task;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// What a dictionary reconstructs from what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A sparse autoencoder: one site, reconstructed from itself.
    Sae,
    /// One site predicted from another.
    Transcoder,
    /// Several sites or models share features.
    Crosscoder,
    /// Cross-layer transcoder.
    Clt,
}

/// What is done to an activation vector before encoding (and undone after decoding).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Normalize {
    /// Nothing.
    None,
    /// x · s; the factor may be missing from the file.
    Scale(Option<f32>),
    /// Each source's part of x · a factor of its own, which is in the file.
    ScaleEach,
    /// (x − mean) · s, with a mean and for each source a factor from the file.
    Affine,
    /// x · √d / ‖x‖.
    ConstantNorm,
    /// (x − mean) / (std + 1e-5), std without Bessel's correction unless `unbiased`.
    LayerNorm {
        /// Whether the standard deviation divides by d − 1.
        unbiased: bool,
    },
    /// No file says; taken as nothing, and said so.
    Unstated,
    /// The file names one that is not known here; encoding needs `--normalize`.
    Unsupported,
}

impl Normalize {
    /// The name that `info` prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Scale(_) | Self::ScaleEach => "scale",
            Self::Affine => "affine",
            Self::ConstantNorm => "constant_norm",
            Self::LayerNorm { .. } => "layer_norm",
            Self::Unstated | Self::Unsupported => "unknown",
        }
    }
    /// Scaling by `factor`; none unless it is a positive number that f32 holds.
    pub fn scale(factor: f64) -> Option<Self> {
        let factor = factor as f32;
        (factor.is_finite() && factor > 0.0).then_some(Self::Scale(Some(factor)))
    }
    /// The factor of a scaling, where it is known.
    pub fn factor(self) -> Option<f32> {
        if let Self::Scale(factor) = self { factor } else { None }
    }
}

impl fmt::Display for Normalize {
    /// Name and parameter for people: `scale 0.25`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scale(Some(factor)) => write!(f, "scale {factor}"),
            Self::Scale(None) => f.write_str("scale, by a factor that no file tells"),
            Self::ScaleEach => f.write_str("scale, each source by its own factor"),
            Self::Affine => f.write_str("affine, each source by its own mean and factor"),
            Self::LayerNorm { unbiased: true } => f.write_str("layer_norm, deviation over d - 1"),
            Self::LayerNorm { unbiased: false } => f.write_str("layer_norm, deviation over d"),
            Self::Unstated => f.write_str("not in the files"),
            Self::Unsupported => f.write_str("one that is not known here"),
            Self::None | Self::ConstantNorm => f.write_str(self.name()),
        }
    }
}

/// What the lengths of decoder directions do to activations while encoding; `n` is a feature's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormRole {
    /// The activation function chooses by pre·n, and that is the value (SAELens' `rescale_acts_by_decoder_norm`).
    Kept,
    /// It chooses by pre·n, and the value is pre (Llamascopium's `sparsity_include_decoder_norm`).
    ForChoice,
    /// It chooses by pre, and the value is multiplied by n: the decoder is divided by n when it is loaded.
    ForValue,
}

/// How the lengths of a feature's directions in several sources make one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NormOver {
    /// The length of the concatenated directions.
    Joint,
    /// The largest length: a feature fires if it does for one of the sources.
    Max,
    /// The length of the concatenated directions and the sum of the lengths, each times a number.
    Mixed {
        /// What the length of the concatenated directions is multiplied by.
        joint: f32,
        /// What the sum of the lengths is multiplied by.
        sum: f32,
    },
}

/// Lengths of decoder directions that take part in encoding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CodeNorm {
    /// What they do.
    pub role: NormRole,
    /// How several sources are put together.
    pub over: NormOver,
}

impl CodeNorm {
    /// For people: `scaled by decoder norms`.
    pub fn describe(self) -> &'static str {
        match self.role {
            NormRole::Kept => "scaled by decoder norms",
            NormRole::ForChoice => "chosen by decoder norms",
            NormRole::ForValue => "multiplied by decoder norms",
        }
    }
}

/// Which directions of a dictionary of several sources are its decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SourceChoice {
    /// All of them, one after another.
    #[default]
    Concat,
    /// Their sum.
    Sum,
    /// Those of one source.
    One(usize),
}

impl fmt::Display for SourceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Concat => f.write_str("concat"),
            Self::Sum => f.write_str("sum"),
            Self::One(n) => write!(f, "{n}"),
        }
    }
}

/// The sources of a dictionary: layers or models whose activations its features write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// How many there are.
    pub count: usize,
    /// Which of them the decoder is.
    pub choice: SourceChoice,
}

/// What the file says about a dictionary; what it does not say is `None`.
#[derive(Debug, Clone)]
pub struct DictionaryInfo {
    /// Name of the format's row in the table ("saelens", "gemma-scope", …).
    pub format: &'static str,
    /// Which kind.
    pub kind: Kind,
    /// Activation function.
    pub activation: Activation,
    /// Whether lengths of decoder directions take part in encoding.
    pub code_norm: Option<CodeNorm>,
    /// Its sources, if there are several.
    pub sources: Option<Sources>,
    /// Input normalisation.
    pub normalize: Normalize,
    /// Whether `b_dec` is subtracted before encoding; none if the file does not say.
    pub subtract_b_dec: Option<bool>,
    /// Element type of the decoder in the file.
    pub dtype: Dtype,
    /// Model name.
    pub model: Option<String>,
    /// Hook point in the model.
    pub hook: Option<String>,
    /// Layer, where it is stated or part of the hook's name.
    pub layer: Option<usize>,
    /// The files that were read.
    pub files: Vec<PathBuf>,
    /// What a careful reader should know.
    pub warnings: Vec<String>,
    /// What else the file says about where the dictionary comes from, by the names it uses; [`convert`] passes it on.
    ///
    /// [`convert`]: crate::sae::convert::convert
    pub origin: serde_json::Map<String, serde_json::Value>,
}

/// Lengths of the decoder directions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DecoderStats {
    /// The smallest over the rows that are finite; NaN, which JSON has as null, if there is none.
    pub norm_min: f32,
    /// Their median (the mean of the middle two).
    pub norm_median: f32,
    /// The largest of them.
    pub norm_max: f32,
    /// Rows that are all zero.
    pub zero_rows: usize,
    /// Rows with a NaN or an infinity.
    pub bad_rows: usize,
}

impl DecoderStats {
    /// Sums up the norms that [`Dictionary::decoder_norms`] gives.
    pub fn new(norms: &[f32]) -> Self {
        let mut finite: Vec<f32> = norms.iter().copied().filter(|norm| norm.is_finite()).collect();
        finite.sort_unstable_by(f32::total_cmp);
        let at = |i: usize| finite.get(i).copied().unwrap_or(f32::NAN);
        let n = finite.len();
        Self {
            norm_min: at(0),
            norm_median: f32::midpoint(at(n.saturating_sub(1) / 2), at(n / 2)),
            norm_max: at(n.saturating_sub(1)),
            zero_rows: finite.iter().filter(|&&norm| norm == 0.0).count(),
            bad_rows: norms.len() - n,
        }
    }
}

/// A dictionary ready for geometry and encoding.
#[derive(Debug, Clone)]
pub struct Dictionary {
    /// What the file says.
    pub info: DictionaryInfo,
    /// Decoder directions `[features, d_out]`.
    pub decoder: Matrix,
    /// Encoder directions `[features, d_model]`, where the file has them.
    pub encoder: Option<Matrix>,
    /// Encoder bias `[features]`; empty if the format has none.
    pub b_enc: Vec<f32>,
    /// Decoder bias `[d_out]`; empty if the format has none.
    pub b_dec: Vec<f32>,
    /// What is subtracted before encoding where that is another vector than `b_dec` `[d_model]`; else empty.
    pub pre_bias: Vec<f32>,
    /// Skip connection `[d_out, d_model]` of a skip transcoder.
    pub skip: Option<Matrix>,
    /// The directions whose lengths take part in encoding, one matrix a source, with what its lengths are multiplied by;
    /// empty if it is the decoder.
    pub directions: Vec<(Matrix, f32)>,
    /// What [`Normalize::ScaleEach`] and [`Normalize::Affine`] take.
    pub input: InputScale,
}

/// Mean and factors of inputs that the file states.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InputScale {
    /// What is subtracted first `[d_model]`; empty if nothing is.
    pub mean: Vec<f32>,
    /// What each source's part is multiplied by, all parts being equally wide; empty if by nothing.
    pub factors: Vec<f32>,
}

impl Dictionary {
    /// Number of features.
    pub fn features(&self) -> usize {
        self.decoder.nrows()
    }
    /// Width of the activation that is encoded.
    pub fn d_model(&self) -> usize {
        self.encoder.as_ref().map_or(self.decoder.ncols(), Rows::ncols)
    }
    /// Width of the reconstruction.
    pub fn d_out(&self) -> usize {
        self.decoder.ncols()
    }
    /// Euclidean length of every decoder row `[features]`, summed in f64.
    ///
    /// Reads the decoder once, in tiles of about a megabyte a thread; the same bytes at any number of threads. A row that
    /// is not finite has a length that is not.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn decoder_norms(&self, task: &Task) -> Result<Vec<f32>> {
        Ok(lengths::<f32>(&self.decoder, task)?.into_iter().map(|length| length as f32).collect())
    }
    /// The length by which encoding multiplies each feature `[features]`; empty if none does.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn code_norms(&self, task: &Task) -> Result<Vec<f32>> {
        let Some(norm) = self.info.code_norm else { return Ok(Vec::new()) };
        let own = [(self.decoder.clone(), 1.0)];
        let directions = if self.directions.is_empty() { &own[..] } else { &self.directions };
        // Of each feature: the largest length, their sum, and the length of all together.
        let mut all = vec![(0.0f64, 0.0f64, 0.0f64); self.features()];
        for (matrix, weight) in directions {
            for ((max, sum, joint), length) in all.iter_mut().zip(lengths::<f32>(matrix, task)?) {
                let length = length * f64::from(*weight);
                // Not `max`, which would pass over what is no number.
                *max = if length <= *max { *max } else { length };
                *sum += length;
                *joint = joint.hypot(length);
            }
        }
        let one = |(max, sum, joint): (f64, f64, f64)| match norm.over {
            NormOver::Joint => joint,
            NormOver::Max => max,
            NormOver::Mixed { joint: j, sum: s } => f64::from(j) * joint + f64::from(s) * sum,
        };
        Ok(all.into_iter().map(|lengths| one(lengths) as f32).collect())
    }
    /// What is subtracted from the input where [`DictionaryInfo::subtract_b_dec`] says so.
    pub fn center(&self) -> &[f32] {
        if self.pre_bias.is_empty() { &self.b_dec } else { &self.pre_bias }
    }
    /// The activation function with its parameters and what scales it, for people.
    pub fn describe_activation(&self) -> String {
        let mut text = self.info.activation.describe();
        if let Some(norm) = self.info.code_norm {
            text.push_str(", ");
            text.push_str(norm.describe());
        }
        text
    }
    /// How many encoder rows hold a NaN or an infinity; 0 without an encoder. Reads it as [`Dictionary::decoder_norms`]
    /// reads the decoder.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn bad_encoder_rows(&self, task: &Task) -> Result<usize> {
        let Some(encoder) = &self.encoder else { return Ok(0) };
        Ok(lengths::<f32>(encoder, task)?.into_iter().filter(|length| !length.is_finite()).count())
    }

    /// A dictionary of these directions of which nothing else is known, for tests.
    #[cfg(test)]
    pub(crate) fn bare(decoder: Matrix) -> Self {
        let info = DictionaryInfo {
            format: "matrix",
            kind: Kind::Sae,
            activation: Activation::Unknown,
            code_norm: None,
            sources: None,
            normalize: Normalize::None,
            subtract_b_dec: None,
            dtype: decoder.dtype(),
            model: None,
            hook: None,
            layer: None,
            files: Vec::new(),
            warnings: Vec::new(),
            origin: serde_json::Map::new(),
        };
        Self {
            info,
            decoder,
            encoder: None,
            b_enc: Vec::new(),
            b_dec: Vec::new(),
            pre_bias: Vec::new(),
            skip: None,
            directions: Vec::new(),
            input: InputScale::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_are_those_of_the_rows_at_any_number_of_threads() {
        let values: Vec<f32> = (0..1000 * 400usize).map(|i| ((i * 7919) % 1013) as f32 - 500.0).collect();
        let rows = Matrix::from_f32(&values, 400);
        for matrix in [rows.clone(), rows.transposed()] {
            let (n, d) = (matrix.nrows(), matrix.ncols());
            let dictionary = Dictionary::bare(matrix.clone());
            let mut row = vec![0.0; d];
            let expected: Vec<f32> = (0..n)
                .map(|i| {
                    matrix.read(i..i + 1, &mut row);
                    row.iter().fold(0.0f64, |sum, &x| sum + f64::from(x).powi(2)).sqrt() as f32
                })
                .collect();
            for threads in 1..=3 {
                let norms = dictionary.decoder_norms(&Task::new(threads).unwrap()).unwrap();
                assert_eq!(norms, expected);
            }
        }
    }

    #[test]
    fn cancelling_stops_the_norms() {
        let task = Task::new(1).unwrap();
        task.watch().cancel();
        assert!(Dictionary::bare(Matrix::from_f32(&[1.0; 8], 2)).decoder_norms(&task).is_err());
    }

    #[test]
    fn stats_count_what_is_no_length() {
        let stats = DecoderStats::new(&[3.0, 0.0, f32::NAN, 1.0, 2.0]);
        let expected = DecoderStats { norm_min: 0.0, norm_median: 1.5, norm_max: 3.0, zero_rows: 1, bad_rows: 1 };
        assert_eq!(stats, expected);
        let none = DecoderStats::new(&[f32::NAN]);
        assert!(none.norm_min.is_nan() && none.norm_median.is_nan() && none.norm_max.is_nan());
        assert_eq!(serde_json::to_value(none).unwrap()["norm_max"], serde_json::Value::Null);
    }

    #[test]
    fn normalisations_are_described_with_their_parameters() {
        for (normalize, text) in [
            (Normalize::scale(0.25).unwrap(), "scale 0.25"),
            (Normalize::LayerNorm { unbiased: true }, "layer_norm, deviation over d - 1"),
            (Normalize::LayerNorm { unbiased: false }, "layer_norm, deviation over d"),
            (Normalize::ConstantNorm, "constant_norm"),
        ] {
            assert_eq!(normalize.to_string(), text);
        }
        for wrong in [0.0, -3.0, 1e300, f64::NAN] {
            assert_eq!(Normalize::scale(wrong), None);
        }
    }
}
