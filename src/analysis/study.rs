//! One opened study: a dictionary and the evidence that belongs to it.
//!
//! Opening reads headers only. The evidence (activations, tokens, labels) is read once, on first demand or by a
//! job, and so are the decoder norms; after that every query sees the same data.

use super::cache::Cache;
use super::evidence::Evidence;
use crate::error::Result;
use crate::sae::{Activations, Dictionary, Labels, Tokens};
use crate::task::Task;
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
    /// Held while the evidence is read, so that two that ask for it do not both read it.
    loading: Mutex<()>,
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
            loading: Mutex::new(()),
            evidence: OnceLock::new(),
            norms: OnceLock::new(),
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
    /// Where the evidence came from that has been read: see [`Evidence::sources`].
    pub fn evidence_sources(&self) -> serde_json::Map<String, serde_json::Value> {
        self.evidence().map(Evidence::sources).unwrap_or_default()
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
    /// Lengths of the decoder rows `[features]`, computed once.
    ///
    /// # Errors
    /// If cancelled, or a row is not finite.
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
    use crate::sae::OpenOptions;
    use crate::sae::example::example;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn study(loader: EvidenceLoader) -> Study {
        let dictionary = example("@example/concepts").unwrap().dictionary(&OpenOptions::default()).unwrap();
        Study::new("test", dictionary, "0".into(), Cache::off(), loader)
    }

    #[test]
    fn evidence_is_read_once_whoever_asks() {
        static READ: AtomicUsize = AtomicUsize::new(0);
        let study = study(Box::new(|_, _| {
            READ.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(30));
            Ok(Evidence::default())
        }));
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
        let study = study(Box::new(move |_, _| {
            let (begin, finished) = &*channels.lock().unwrap();
            begin.send(()).unwrap();
            finished.recv().unwrap();
            Ok(Evidence::default())
        }));
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
