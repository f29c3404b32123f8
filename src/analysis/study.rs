//! One opened study: a dictionary and the evidence that belongs to it.
//!
//! Opening reads headers only. The evidence (activations, tokens, labels) is read once, on first demand or by a
//! job, and so are the decoder norms; after that every query sees the same data.

use super::cache::Cache;
use super::evidence::Evidence;
use crate::error::Result;
use crate::sae::{Activations, DecoderStats, Dictionary, Labels, Tokens};
use crate::task::Task;
use serde::Serialize;
use std::sync::{Arc, OnceLock};

/// What reads the evidence when it is first asked for.
pub type EvidenceLoader = Box<dyn Fn(&Dictionary, &Task) -> Result<Evidence> + Send + Sync>;

/// Above this many bytes of decoder, `info` leaves out what needs a pass over the data.
pub const FULL_PASS_LIMIT: u64 = 1 << 30;

/// A dictionary with its evidence and the cache of its results.
pub struct Study {
    /// The name as typed: a path, or `@example`.
    pub name: String,
    /// The dictionary.
    pub dictionary: Dictionary,
    /// Identifies the input in the cache and in provenance.
    pub fingerprint: String,
    /// Where finished results are kept.
    pub cache: Cache,
    loader: EvidenceLoader,
    evidence: OnceLock<Evidence>,
    norms: OnceLock<Arc<Vec<f32>>>,
}

impl Study {
    /// A study of `dictionary`; `loader` reads its evidence when first asked.
    pub fn new(name: &str, dictionary: Dictionary, fingerprint: String, cache: Cache, loader: EvidenceLoader) -> Self {
        Self {
            name: name.to_string(),
            dictionary,
            fingerprint,
            cache,
            loader,
            evidence: OnceLock::new(),
            norms: OnceLock::new(),
        }
    }
    /// Reads activations, tokens and labels, once.
    ///
    /// # Errors
    /// If a file that was named is missing or wrong.
    pub fn load_evidence(&self, task: &Task) -> Result<&Evidence> {
        if let Some(evidence) = self.evidence.get() {
            return Ok(evidence);
        }
        let evidence = (self.loader)(&self.dictionary, task)?;
        Ok(self.evidence.get_or_init(|| evidence))
    }
    /// The evidence, if it has been read.
    pub fn evidence(&self) -> Option<&Evidence> {
        self.evidence.get()
    }
    /// Activations, if there are any and they have been read.
    pub fn activations(&self) -> Option<&Activations> {
        self.evidence()?.activations.as_ref()
    }
    /// Texts of the activation rows, if there are any and they have been read.
    pub fn tokens(&self) -> Option<&Tokens> {
        self.evidence()?.tokens.as_ref()
    }
    /// Labels, if there are any and they have been read.
    pub fn labels(&self) -> Option<&Labels> {
        self.evidence()?.labels.as_ref()
    }
    /// The first label of `feature`.
    pub fn label(&self, feature: usize) -> Option<&str> {
        self.labels()?.get(feature)
    }
    /// Number of features.
    pub fn features(&self) -> usize {
        self.dictionary.features()
    }
    /// Lengths of the decoder rows `[features]`, computed once. A row that is not finite has a length that is none
    /// either: what must not meet one says so itself.
    ///
    /// # Errors
    /// If cancelled.
    pub fn norms(&self, task: &Task) -> Result<Arc<Vec<f32>>> {
        if let Some(norms) = self.norms.get() {
            return Ok(Arc::clone(norms));
        }
        let norms = Arc::new(self.dictionary.decoder_norms(task)?);
        Ok(Arc::clone(self.norms.get_or_init(|| norms)))
    }
    /// The norms, if they have been computed.
    pub fn known_norms(&self) -> Option<&Arc<Vec<f32>>> {
        self.norms.get()
    }
    /// What the study is, for `info` and the opening view. `full` makes the pass over large decoders.
    ///
    /// # Errors
    /// If the evidence cannot be read or the pass is cancelled.
    pub fn summary(&self, full: bool, task: &Task) -> Result<Summary> {
        let evidence = self.load_evidence(task)?;
        let info = &self.dictionary.info;
        let mut warnings = info.warnings.clone();
        warnings.extend(evidence.notes.iter().cloned());
        let bytes = (self.features() * self.dictionary.d_out() * info.dtype.size()) as u64;
        let decoder = if full || bytes <= FULL_PASS_LIMIT {
            Some(DecoderStats::new(&self.norms(task)?))
        } else {
            warnings.push(format!(
                "the decoder is {:.1} GB: its norms were not computed; --full computes them",
                bytes as f64 / 1e9
            ));
            None
        };
        Ok(Summary {
            format: info.format,
            kind: info.kind,
            activation: info.activation.name(),
            features: self.features(),
            d_model: self.dictionary.d_model(),
            d_out: self.dictionary.d_out(),
            dtype: info.dtype,
            model: info.model.clone(),
            hook: info.hook.clone(),
            layer: info.layer,
            files: info.files.iter().map(|path| path.display().to_string()).collect(),
            activation_parameters: info.activation.describe(),
            normalize: info.normalize.name(),
            subtract_b_dec: info.subtract_b_dec,
            decoder,
            activations: evidence.activations.as_ref().map(|a| ActivationsSummary {
                tokens: a.tokens(),
                nnz: a.by_token.nnz(),
                l0: a.l0(),
            }),
            labels: evidence.labels.as_ref().map(|l| LabelsSummary {
                count: l.count(),
                source: l.source.clone(),
                kind: l.kind().map(str::to_string),
            }),
            warnings,
        })
    }
}

/// What `info --json` prints; what no file tells is null.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct Summary {
    pub format: &'static str,
    pub kind: crate::sae::Kind,
    pub activation: &'static str,
    /// The activation function with its parameter, for people.
    pub activation_parameters: String,
    pub features: usize,
    pub d_model: usize,
    pub d_out: usize,
    pub dtype: crate::container::Dtype,
    pub model: Option<String>,
    pub hook: Option<String>,
    pub layer: Option<usize>,
    pub normalize: &'static str,
    pub subtract_b_dec: Option<bool>,
    pub files: Vec<String>,
    pub decoder: Option<DecoderStats>,
    pub activations: Option<ActivationsSummary>,
    pub labels: Option<LabelsSummary>,
    pub warnings: Vec<String>,
}

/// Counts of the activations.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct ActivationsSummary {
    pub tokens: usize,
    pub nnz: usize,
    pub l0: f64,
}

/// Counts of the labels.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct LabelsSummary {
    pub count: usize,
    pub source: Option<String>,
    pub kind: Option<String>,
}
