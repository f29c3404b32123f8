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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::container::{Bytes, Dtype, Matrix, Tensor};
    use crate::error::{Error, Problem};
    use crate::sae::dictionary::{Activation, DictionaryInfo, Kind, Normalize};
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A dictionary of these directions, of which its file says nothing else.
    pub(in crate::analysis) fn plain(decoder: Matrix) -> Dictionary {
        let info = DictionaryInfo {
            format: "matrix",
            kind: Kind::Sae,
            activation: Activation::Unknown,
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
        Dictionary { info, decoder, encoder: None, b_enc: Vec::new(), b_dec: Vec::new(), skip: None }
    }

    fn study(decoder: Matrix, loader: EvidenceLoader) -> Study {
        Study::new("planted", plain(decoder), "0".into(), Cache::off(), loader)
    }

    fn task() -> Task {
        Task::new(1).unwrap()
    }

    #[test]
    fn evidence_is_read_once_and_a_failure_is_not_kept() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let study = study(
            Matrix::from_f32(&[1.0; 4], 2),
            Box::new(move |_, _| match counted.fetch_add(1, Ordering::Relaxed) {
                0 => Err(Problem::new("a file that is not there yet").input()),
                _ => Ok(Evidence { notes: vec!["found".into()], ..Evidence::default() }),
            }),
        );
        assert!(study.evidence().is_none());
        assert!(matches!(study.load_evidence(&task()), Err(Error::Input(_))));
        assert!(study.evidence().is_none());
        for _ in 0..2 {
            assert_eq!(study.load_evidence(&task()).unwrap().notes, ["found"]);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        assert!(study.activations().is_none() && study.labels().is_none() && study.label(1).is_none());
    }

    #[test]
    fn norms_are_computed_once_and_keep_what_is_not_finite() {
        let study = study(Matrix::from_f32(&[3.0, 4.0, 0.0, 0.0, f32::NAN, 1.0], 2), Box::new(|_, _| unreachable!()));
        assert!(study.known_norms().is_none());
        let stopped = task();
        stopped.watch().cancel();
        assert!(matches!(study.norms(&stopped), Err(Error::Cancelled)));
        let norms = study.norms(&task()).unwrap();
        assert!(norms[..2] == [5.0, 0.0] && norms[2].is_nan());
        // What is known needs no work.
        assert!(Arc::ptr_eq(&norms, &study.norms(&stopped).unwrap()));
        assert!(Arc::ptr_eq(&norms, study.known_norms().unwrap()));
    }

    #[test]
    fn a_summary_leaves_out_the_pass_over_a_large_decoder_and_says_so() {
        // A gigabyte and a half of rows that are all the same few bytes.
        let (rows, cols) = (786_432, 512);
        let strides = vec![0, 1];
        let bytes = Bytes::from(vec![0u8; cols * 4]);
        let tensor = Tensor::strided("w", Path::new("w"), Dtype::F32, vec![rows, cols], strides, bytes).unwrap();
        let large = study(tensor.matrix().unwrap(), Box::new(|_, _| Ok(Evidence::default())));
        let summary = large.summary(false, &task()).unwrap();
        assert_eq!((summary.features, summary.d_out, summary.dtype), (rows, cols, Dtype::F32));
        assert!(summary.decoder.is_none() && large.known_norms().is_none());
        assert!(summary.warnings[0].contains("1.6 GB") && summary.warnings[0].contains("--full"));
        let small = study(Matrix::from_f32(&[3.0, 4.0, 0.0, 0.0], 2), Box::new(|_, _| Ok(Evidence::default())));
        let summary = small.summary(false, &task()).unwrap();
        let stats = summary.decoder.unwrap();
        assert_eq!((stats.norm_max, stats.zero_rows, summary.warnings.len()), (5.0, 1, 0));
        assert!(summary.activations.is_none() && summary.labels.is_none() && summary.subtract_b_dec.is_none());
    }
}
