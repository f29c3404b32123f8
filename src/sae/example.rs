//! The built-in examples: real dictionaries of a small language model, compiled into the program.
//!
//! | name | dictionary | activations |
//! |---|---|---|
//! | `@example` | SmolLM2-135M-Instruct, residual stream after block 11, top-k 32, 4,096 features | 30,480 tokens of held-out text, with top-token labels |
//! | `@example/concepts` | the same site, trained on calendar and number words alone, top-k 8, 192 features | 1,832 labelled concept tokens, one sentence each |
//!
//! `data/README.md` says where they come from and what is known about them. The weights are stored as they are, at a
//! multiple of 64 bytes, so they are read in place; the rest is compressed and takes the loaders of this room the time
//! that a file would: the dictionary opens at once, and activations, tokens and labels are for a background job.

use super::open::{OpenOptions, open_bytes};
use super::{Activations, Dictionary, Labels, Tokens};
use crate::container::Bytes;
use crate::error::Result;
use crate::task::Task;
use std::path::Path;

/// Bytes at an address that is a multiple of 64.
#[repr(C, align(64))]
struct Aligned<T: ?Sized>(T);

/// The file of that name below `data/`, compiled in, aligned.
macro_rules! data {
    ($file:literal) => {{
        static FILE: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!("../../data/", $file)));
        Bytes::from_static(&FILE.0)
    }};
}

/// Names of all examples.
pub const NAMES: [&str; 2] = ["@example", "@example/concepts"];

/// A built-in example, as the bytes of its files.
#[derive(Debug, Clone)]
pub struct Example {
    /// The name that opens it.
    pub name: &'static str,
    /// What it is and what its activations are, in one line.
    pub about: &'static str,
    /// The dictionary's weights: safetensors.
    pub weights: Bytes,
    /// The dictionary's configuration: SAELens' cfg.json.
    pub config: &'static str,
    /// Activations: scipy CSR npz.
    pub activations: Bytes,
    /// Texts of the activations' rows: jsonl.gz.
    pub tokens: Bytes,
    /// Labels of the features, where there are any: Neuronpedia jsonl.gz.
    pub labels: Option<Bytes>,
}

/// The example of that name, if there is one.
pub fn example(name: &str) -> Option<Example> {
    match name {
        "@example" => Some(Example {
            name: NAMES[0],
            about: "SmolLM2-135M-Instruct, residual stream after block 11, 4,096 features, on held-out text",
            weights: data!("smollm2-topk-4096/sae_weights.safetensors"),
            config: include_str!("../../data/smollm2-topk-4096/cfg.json"),
            activations: data!("smollm2-topk-4096/activations.npz"),
            tokens: data!("smollm2-topk-4096/sequences.jsonl.gz"),
            labels: Some(data!("smollm2-topk-4096/labels.jsonl.gz")),
        }),
        "@example/concepts" => Some(Example {
            name: NAMES[1],
            about: "SmolLM2-135M-Instruct, residual stream after block 11, 192 features of calendar and number words",
            weights: data!("smollm2-concepts-192/sae_weights.safetensors"),
            config: include_str!("../../data/smollm2-concepts-192/cfg.json"),
            activations: data!("smollm2-concepts-192/activations.npz"),
            tokens: data!("smollm2-concepts-192/rows.jsonl.gz"),
            labels: None,
        }),
        _ => None,
    }
}

impl Example {
    /// Opens the dictionary; its matrices stay where they are.
    ///
    /// # Errors
    /// If `options` do not fit it.
    pub fn dictionary(&self, options: &OpenOptions) -> Result<Dictionary> {
        open_bytes(self.name, &self.weights, self.config, options)
    }
    /// Reads the activations.
    ///
    /// # Errors
    /// If the task is cancelled; or if the program was built from damaged data.
    pub fn activations(&self, task: &Task) -> Result<Activations> {
        Activations::from_bytes(self.activations.clone(), Path::new(self.name), None, task)
    }
    /// Reads the texts of the activations' rows.
    ///
    /// # Errors
    /// As [`Example::activations`].
    pub fn tokens(&self, task: &Task) -> Result<Tokens> {
        Tokens::from_bytes(&self.tokens, Path::new(self.name), None, task)
    }
    /// Reads the labels for a dictionary of `features` features, with what a careful reader should know.
    ///
    /// # Errors
    /// As [`Example::activations`], or if there are fewer features.
    pub fn labels(&self, features: usize, task: &Task) -> Result<Option<(Labels, Vec<String>)>> {
        self.labels.as_ref().map(|bytes| Labels::from_bytes(bytes, Path::new(self.name), features, task)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_aligned_and_read_in_place() {
        for name in NAMES {
            let example = example(name).unwrap();
            assert_eq!(example.name, name);
            assert!((example.weights.as_ptr() as usize).is_multiple_of(64), "{name}");
            let dictionary = example.dictionary(&OpenOptions::default()).unwrap();
            assert!(dictionary.decoder.is_mapped(), "{name}");
        }
        assert!(example("@examples").is_none());
    }
}
