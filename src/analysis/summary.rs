//! What a study is: what its files say, what lies beside it, what a careful reader should know.
//!
//! One [`Summary`] serves `info --json`, `info`, and the screen's page about the dictionary.

use super::study::Study;
use crate::error::Result;
use crate::sae::DecoderStats;
use crate::task::Task;
use crate::text::{counted, decimal, thousands};
use serde::Serialize;

/// Above this many bytes of decoder, `info` leaves out what needs a pass over the data.
pub const FULL_PASS_LIMIT: u64 = 1 << 30;

impl Study {
    /// What the study is. `full` makes the pass over large decoders.
    ///
    /// # Errors
    /// If the evidence cannot be read or the pass is cancelled.
    pub fn summary(&self, full: bool, task: &Task) -> Result<Summary> {
        self.load_evidence(task)?;
        let bytes = (self.features() * self.dictionary.d_out() * self.dictionary.info.dtype.size()) as u64;
        if full || bytes <= FULL_PASS_LIMIT {
            self.norms(task)?;
            let mut summary = self.known_summary();
            let bad = self.dictionary.bad_encoder_rows(task)?;
            if bad > 0 {
                let rows = counted(bad, "row of the encoder holds", "rows of the encoder hold");
                summary.warnings.push(format!("{rows} NaN or infinity: encoding is refused"));
            }
            return Ok(summary);
        }
        let mut summary = self.known_summary();
        if summary.decoder.is_none() {
            summary.warnings.push(format!(
                "the decoder is {:.1} GB: its norms were not computed; --full computes them",
                bytes as f64 / 1e9
            ));
        }
        Ok(summary)
    }

    /// As much of the summary as is known without reading or computing anything more.
    pub fn known_summary(&self) -> Summary {
        let info = &self.dictionary.info;
        let evidence = self.evidence();
        let mut warnings = info.warnings.clone();
        warnings.extend(evidence.iter().flat_map(|evidence| evidence.notes.iter().cloned()));
        let decoder = self.known_norms().map(|norms| DecoderStats::new(norms));
        if let Some(bad) = decoder.map(|decoder| decoder.bad_rows).filter(|bad| *bad > 0) {
            let rows = counted(bad, "row of the decoder holds", "rows of the decoder hold");
            warnings.push(format!("{rows} NaN or infinity: nothing can be said of where they point"));
        }
        Summary {
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
            activation_parameters: self.dictionary.describe_activation(),
            k: info.activation.k(),
            threshold: info.activation.threshold_range().map(|(min, max)| Threshold { min, max }),
            sources: info.sources.as_ref().map_or(1, |sources| sources.count),
            source: info.sources.as_ref().map(|sources| sources.choice.to_string()),
            normalize: info.normalize.name(),
            normalize_parameters: info.normalize.to_string(),
            normalize_factor: info.normalize.factor(),
            subtract_b_dec: info.subtract_b_dec,
            decoder,
            activations: evidence.and_then(|e| e.activations.as_ref()).map(|a| ActivationsSummary {
                tokens: a.tokens(),
                nnz: a.by_token.nnz(),
                l0: a.l0(),
            }),
            labels: evidence.and_then(|e| e.labels.as_ref()).map(|l| LabelsSummary {
                count: l.count(),
                source: l.source.clone(),
                kind: l.kind().map(str::to_string),
            }),
            warnings,
        }
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
    /// How many layers or models the features write to.
    pub sources: usize,
    /// Which of them the decoder is, if there are several: `concat`, `sum` or a number.
    pub source: Option<String>,
    /// How many features may fire, for the top-k family.
    pub k: Option<usize>,
    /// Thresholds of the features.
    pub threshold: Option<Threshold>,
    pub normalize: &'static str,
    /// The normalisation with its parameter, for people.
    pub normalize_parameters: String,
    /// The factor of `scale`.
    pub normalize_factor: Option<f32>,
    pub subtract_b_dec: Option<bool>,
    pub files: Vec<String>,
    pub decoder: Option<DecoderStats>,
    pub activations: Option<ActivationsSummary>,
    pub labels: Option<LabelsSummary>,
    pub warnings: Vec<String>,
}

/// The range of the thresholds.
#[derive(Debug, Clone, Copy, Serialize)]
#[allow(missing_docs)]
pub struct Threshold {
    pub min: f32,
    pub max: f32,
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

impl Summary {
    /// The summary for people: what, and what of it; units and unknowns said.
    pub fn facts(&self, name: &str) -> Vec<(&'static str, String)> {
        let unknown = || "not in the files".to_string();
        let mut lines = vec![
            ("dictionary", name.to_string()),
            ("format", format!("{}, {:?}", self.format, self.kind).to_lowercase()),
            (
                "size",
                format!(
                    "{} x {}, {}",
                    counted(self.features, "feature", "features"),
                    counted(self.d_out, "dimension", "dimensions"),
                    self.dtype
                ),
            ),
            ("activation", self.activation_parameters.clone()),
            ("normalisation", self.normalize_parameters.clone()),
            (
                "b_dec",
                self.subtract_b_dec.map_or_else(unknown, |s| {
                    if s { "subtracted before encoding".into() } else { "not subtracted before encoding".into() }
                }),
            ),
            ("model", self.model.clone().unwrap_or_else(unknown)),
            ("hook", self.hook.clone().unwrap_or_else(unknown)),
            ("layer", self.layer.map_or_else(unknown, |layer| layer.to_string())),
        ];
        if let Some(source) = &self.source {
            lines.push(("sources", format!("{}, the decoder is {source}; --source chooses", self.sources)));
        }
        if self.d_model != self.d_out {
            lines.push(("reads", format!("{} dimensions", self.d_model)));
        }
        if let Some(decoder) = &self.decoder {
            let norms = if decoder.norm_min.is_nan() {
                "no row is finite".to_string()
            } else {
                let [min, median, max] = [decoder.norm_min, decoder.norm_median, decoder.norm_max];
                let [min, median, max] = [min, median, max].map(|norm| decimal(norm.into()));
                format!("min {min}, median {median}, max {max}")
            };
            let bad = match decoder.bad_rows {
                0 => String::new(),
                rows => format!(", {} with NaN or infinity", counted(rows, "row", "rows")),
            };
            lines.push((
                "decoder norm",
                format!("{norms}; {}{bad}", counted(decoder.zero_rows, "zero row", "zero rows")),
            ));
        }
        lines.push(match &self.activations {
            Some(a) => {
                let (tokens, entries) = (counted(a.tokens, "token", "tokens"), counted(a.nnz, "entry", "entries"));
                ("activations", format!("{tokens}, {entries}, L0 {:.1}", a.l0))
            }
            None => ("activations", "none found; name them with --acts FILE".into()),
        });
        lines.push(match &self.labels {
            Some(labels) => (
                "labels",
                format!(
                    "{} of {}{}{}",
                    thousands(labels.count as u64),
                    counted(self.features, "feature", "features"),
                    labels.source.as_ref().map_or(String::new(), |source| format!(", source {source}")),
                    labels.kind.as_ref().map_or(String::new(), |kind| format!(", {kind}")),
                ),
            ),
            None => ("labels", "none found; name them with --labels FILE".into()),
        });
        for file in &self.files {
            lines.push(("file", file.clone()));
        }
        for warning in &self.warnings {
            lines.push(("note", warning.clone()));
        }
        lines
    }
}
