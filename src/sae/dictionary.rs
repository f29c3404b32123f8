//! A dictionary: decoder directions, encoder where there is one, and what its file says about it.
//!
//! In memory every dictionary follows one convention, whatever its file's: decoder `[features, d_out]` and encoder
//! `[features, d_model]`, both with one row per feature (the encoder is often a transposed view of the file's
//! matrix). `acts = σ((x − b_dec·subtract_b_dec) · Wᵀ_enc + b_enc)`, `x̂ = acts · W_dec + b_dec`.

use crate::container::{Dtype, Matrix};
use crate::rows::Rows;
use serde::Serialize;
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

/// The activation function with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub enum Activation {
    /// max(pre, 0).
    Relu,
    /// The `k` largest pre-activations of a token, then ReLU. `by_decoder_norm`: pre-activations are multiplied by
    /// the decoder row's norm before the choice.
    TopK {
        /// How many features may fire.
        k: usize,
        /// Whether pre-activations are scaled by the decoder norm first.
        by_decoder_norm: bool,
    },
    /// The `k` largest by magnitude, sign kept.
    AbsTopK {
        /// How many features may fire.
        k: usize,
    },
    /// Training-time top-k over a batch; at inference a threshold, where the file has one.
    BatchTopK {
        /// Mean number of features per token.
        k: Option<usize>,
        /// Inference threshold, one value or one per feature.
        threshold: Option<Vec<f32>>,
    },
    /// pre where pre > threshold (strict), else 0; one threshold, or one per feature.
    JumpRelu {
        /// One value, or one per feature.
        threshold: Vec<f32>,
    },
    /// (x·W + b_gate > 0) · ReLU(x·(W·exp(r_mag)) + b_mag).
    Gated {
        /// Gate bias, per feature.
        b_gate: Vec<f32>,
        /// Magnitude scale (log), per feature.
        r_mag: Vec<f32>,
        /// Magnitude bias, per feature.
        b_mag: Vec<f32>,
    },
    /// The file does not say; `--arch` settles it.
    Unknown,
}

impl Activation {
    /// The name that `info` prints: relu, topk, abstopk, batchtopk, jumprelu, gated, unknown.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::TopK { .. } => "topk",
            Self::AbsTopK { .. } => "abstopk",
            Self::BatchTopK { .. } => "batchtopk",
            Self::JumpRelu { .. } => "jumprelu",
            Self::Gated { .. } => "gated",
            Self::Unknown => "unknown",
        }
    }
    /// Name and parameter for people: `topk 32`.
    pub fn describe(&self) -> String {
        match self {
            Self::TopK { k, .. } | Self::AbsTopK { k } | Self::BatchTopK { k: Some(k), .. } => {
                format!("{} {k}", self.name())
            }
            _ => self.name().to_string(),
        }
    }
}

/// What is done to an activation vector before encoding (and undone after decoding).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Normalize {
    /// Nothing.
    None,
    /// x · s; the factor may be missing from the file.
    Scale(Option<f32>),
    /// x · √d / ‖x‖.
    ConstantNorm,
    /// (x − mean) / (std + 1e-5), std without Bessel's correction unless `unbiased`.
    LayerNorm {
        /// Whether the standard deviation divides by d − 1.
        unbiased: bool,
    },
}

impl Normalize {
    /// The name that `info` prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Scale(_) => "scale",
            Self::ConstantNorm => "constant_norm",
            Self::LayerNorm { .. } => "layer_norm",
        }
    }
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
    /// Skip connection `[d_out, d_model]` of a skip transcoder.
    pub skip: Option<Matrix>,
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
}

impl Dictionary {
    /// Lengths of the decoder rows `[features]`.
    ///
    /// # Errors
    /// If cancelled.
    pub fn decoder_norms(&self, task: &crate::task::Task) -> crate::Result<Vec<f32>> {
        let _ = task;
        unreachable!()
    }
}
