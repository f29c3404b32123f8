//! One opened study: a dictionary and the evidence that belongs to it.
//!
//! Opening reads headers only. The evidence (activations, tokens, labels) is read once, on first demand or by a
//! job, and so are the decoder norms; after that every query sees the same data.

use super::cache::Cache;
use super::evidence::Evidence;
use super::manifolds::Types;
use super::token_labels::TokenLabels;
use crate::error::Result;
use crate::sae::{Activations, Dictionary, Labels, Tokens};
use crate::task::Task;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, TryLockError};
use std::time::Duration;

/// What reads the evidence when it is first asked for.
pub type EvidenceLoader = Box<dyn Fn(&Dictionary, &Task) -> Result<Evidence> + Send + Sync>;

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
    said: Map<String, Value>,
    /// Held while the evidence is read, so that two that ask for it do not both read it.
    loading: Mutex<()>,
    evidence: OnceLock<Evidence>,
    norms: OnceLock<Arc<Vec<f32>>>,
    /// [`Study::sources`] as text, once the evidence is read.
    print: OnceLock<String>,
    /// Types of the token texts, once they were asked for.
    pub(super) types: OnceLock<Option<Types>>,
    /// Activation of all features on every row, likewise.
    pub(super) activation: OnceLock<Vec<f64>>,
    /// How few directions random sets of so many features share, by count and seed.
    pub(super) packed: Mutex<HashMap<(usize, u64), f64>>,
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
            said: Map::new(),
            loading: Mutex::new(()),
            evidence: OnceLock::new(),
            norms: OnceLock::new(),
            print: OnceLock::new(),
            types: OnceLock::new(),
            activation: OnceLock::new(),
            packed: Mutex::new(HashMap::new()),
        }
    }
    /// Reads activations, tokens and labels, once; who asks while another reads them waits.
    ///
    /// # Errors
    /// If a file that was named is missing or wrong, or the task is cancelled.
    pub fn load_evidence(&self, task: &Task) -> Result<&Evidence> {
        let _reading = loop {
            if let Some(evidence) = self.evidence.get() {
                return Ok(evidence);
            }
            match self.loading.try_lock() {
                Ok(guard) => break guard,
                // Who panicked while reading has left nothing half done.
                Err(TryLockError::Poisoned(guard)) => break guard.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    task.check()?;
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        };
        if let Some(evidence) = self.evidence.get() {
            return Ok(evidence);
        }
        let evidence = (self.loader)(&self.dictionary, task)?;
        Ok(self.evidence.get_or_init(|| evidence))
    }
    /// The same study; `said` is what its user said of the dictionary: see [`OpenOptions::said`](crate::sae::open::OpenOptions::said).
    pub fn with_options(self, said: Map<String, Value>) -> Self {
        Self { said, ..self }
    }
    /// What belongs into the provenance of a result beside its own parameters: what was said of the dictionary, and
    /// where the evidence came from that has been read ([`Evidence::sources`]).
    pub fn sources(&self) -> Map<String, Value> {
        self.said.clone().into_iter().chain(self.evidence().map(Evidence::sources).unwrap_or_default()).collect()
    }
    /// The same as text, for keys of the cache; made once, for it looks at the files.
    pub fn sources_text(&self) -> String {
        let text = || Value::Object(self.sources()).to_string();
        if self.evidence().is_none() { text() } else { self.print.get_or_init(text).clone() }
    }
    /// What was said of the dictionary, over what its files say.
    pub fn said(&self) -> &Map<String, Value> {
        &self.said
    }
    /// The files that it was read from: those of the dictionary, and those of the evidence that has been read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let evidence = self.evidence().into_iter().flat_map(Evidence::files);
        self.dictionary.info.files.iter().map(PathBuf::as_path).chain(evidence)
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
    /// Labels of the rows of the activations, if there are any and they have been read.
    pub fn token_labels(&self) -> Option<&TokenLabels> {
        self.evidence()?.token_labels.as_ref()
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::{Bytes, Dtype, Matrix, Tensor};
    use crate::error::{Error, Problem};
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn study(decoder: Matrix, loader: EvidenceLoader) -> Study {
        Study::new("planted", Dictionary::bare(decoder), "0".into(), Cache::off(), loader)
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

    #[test]
    fn evidence_is_read_once_whoever_asks() {
        static READ: AtomicUsize = AtomicUsize::new(0);
        let study = study(
            Matrix::from_f32(&[1.0; 4], 2),
            Box::new(|_, _| {
                READ.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(30));
                Ok(Evidence::default())
            }),
        );
        let task = Task::new(1).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| study.load_evidence(&task).unwrap());
            }
        });
        assert_eq!(READ.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn who_waits_for_evidence_can_be_told_to_stop() {
        let (begin, begun) = std::sync::mpsc::channel();
        let (finish, finished) = std::sync::mpsc::channel::<()>();
        let channels = Mutex::new((begin, finished));
        let study = study(
            Matrix::from_f32(&[1.0; 4], 2),
            Box::new(move |_, _| {
                let (begin, finished) = &*channels.lock().unwrap();
                begin.send(()).unwrap();
                finished.recv().unwrap();
                Ok(Evidence::default())
            }),
        );
        std::thread::scope(|scope| {
            scope.spawn(|| study.load_evidence(&Task::new(1).unwrap()).map(drop).unwrap());
            begun.recv().unwrap();
            let waiting = Task::new(1).unwrap();
            waiting.watch().cancel();
            assert!(matches!(study.load_evidence(&waiting), Err(crate::Error::Cancelled)));
            finish.send(()).unwrap();
        });
        assert!(study.evidence().is_some());
    }
}
