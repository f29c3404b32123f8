//! From a path to the tensors and the configuration that lie there, before anyone says what they mean.
//!
//! A file is recognised by its first bytes, a folder by the names of the weight files that trainers write. What is
//! recognised but cannot be read yet (torch archives, Arrow, …) is said so by name. Costs the headers alone.

use crate::container::{ArrayFile, Bytes, FileKind, Tensor, TensorInfo, json, sniff};
use crate::error::{Error, Problem, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Weight files by which a folder is known to hold one dictionary, in the order in which they are looked for.
pub const WEIGHT_FILES: &[&str] = &[
    "sae_weights.safetensors",
    "sae.safetensors",
    "params.safetensors",
    "params.npz",
    "model.safetensors",
    "ae.pt",
    "sae.pt",
    "weights.pt",
    "cc_weights.pt",
];

/// Configuration files beside the weights, in the order in which they are looked for.
const CONFIG_FILES: &[&str] = &["cfg.json", "config.json", "hyperparams.json"];

/// A configuration is a page of text; anything longer is something else.
const MAX_CONFIG: u64 = 16 << 20;

/// A weight file with the configuration beside it: what the formats are asked to recognise.
#[derive(Debug, Clone)]
pub struct Source {
    /// The weight file.
    pub path: PathBuf,
    /// What it holds.
    pub tensors: Vec<TensorInfo>,
    /// The configuration, where there is one: an object.
    pub config: Option<Value>,
    /// Where the configuration was read.
    pub config_path: Option<PathBuf>,
    /// What was left out on the way.
    pub notes: Vec<String>,
    arrays: ArrayFile,
}

impl Source {
    /// Reads what lies at `path`: a weight file, or a folder with one of [`WEIGHT_FILES`].
    ///
    /// # Errors
    /// If there is nothing, or something that is no container of tensors, or the configuration beside it is broken.
    pub fn open(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|e| Error::io(path, &e))?;
        let file = if metadata.is_dir() {
            weight_file(path).ok_or_else(|| {
                Problem::new("no weight file is in this folder")
                    .path(path)
                    .expected(format!("one of {}", WEIGHT_FILES.join(", ")))
                    .hint("naming the weight file itself")
                    .input()
            })?
        } else {
            path.to_path_buf()
        };
        let arrays = weights(Bytes::map(&file)?, &file)?;
        let config = CONFIG_FILES.iter().map(|name| file.with_file_name(name)).find(|path| path.is_file());
        let text = config.as_deref().map(config_text).transpose()?;
        Self::new(file, arrays, text.as_deref(), config)
    }
    /// Takes a weight file and the text of its configuration from memory; `name` stands for the path.
    ///
    /// # Errors
    /// If the weights are no container of tensors, or the configuration is no JSON.
    pub fn from_bytes(name: &str, bytes: &Bytes, config: &str) -> Result<Self> {
        let path = PathBuf::from(name);
        let arrays = weights(bytes.clone(), &path)?;
        Self::new(path, arrays, Some(config), None)
    }
    fn new(path: PathBuf, arrays: ArrayFile, config: Option<&str>, config_path: Option<PathBuf>) -> Result<Self> {
        let tensors = arrays.list()?;
        let mut source = Self { path, tensors, config: None, config_path, notes: Vec::new(), arrays };
        let Some(text) = config else { return Ok(source) };
        let place = source.config_path.as_ref().unwrap_or(&source.path);
        let config: Value = serde_json::from_str(text)
            .or_else(|error| json::mend(text).map_or(Err(error), |mended| serde_json::from_str(&mended)))
            .map_err(|error| bad_config(place, &error.to_string()))?;
        if config.is_object() {
            source.config = Some(config);
        } else {
            let name = place.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            source.notes.push(format!("{name} holds no JSON object; it was not used"));
            source.config_path = None;
        }
        Ok(source)
    }
    /// Whether the tensors come from an npz archive.
    pub fn is_npz(&self) -> bool {
        matches!(self.arrays, ArrayFile::Npz(_))
    }
    /// What is known of the tensor of that name.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
    /// Whether there is a tensor of that name.
    pub fn has(&self, name: &str) -> bool {
        self.info(name).is_some()
    }
    /// The first of `names` that there is.
    pub fn first<'a>(&self, names: &[&'a str]) -> Option<&'a str> {
        names.iter().copied().find(|name| self.has(name))
    }
    /// The tensor of that name, mapped where its file allows.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        self.arrays.tensor(name)
    }
    /// The files that were read.
    pub fn files(&self) -> Vec<PathBuf> {
        std::iter::once(self.path.clone()).chain(self.config_path.clone()).collect()
    }
    /// A problem about this source, to be completed by the caller.
    pub fn problem(&self, what: impl Into<String>) -> Problem {
        Problem::new(what).path(&self.path)
    }
    /// Names, shapes and types of the first tensors, for messages.
    pub fn describe(&self) -> String {
        const SHOWN: usize = 8;
        if self.tensors.is_empty() {
            return "no tensors".into();
        }
        let mut list: Vec<String> = self.tensors.iter().take(SHOWN).map(TensorInfo::describe).collect();
        if self.tensors.len() > SHOWN {
            list.push(format!("{} more", self.tensors.len() - SHOWN));
        }
        list.join(", ")
    }
}

/// The arrays of a weight file; what else is often tried is told where it belongs.
fn weights(bytes: Bytes, path: &Path) -> Result<ArrayFile> {
    let hint = match sniff(&bytes) {
        FileKind::Gzip | FileKind::Text => "--labels or --tokens, if it holds labels or texts",
        FileKind::Json => "the weight file, or the folder that holds both; --labels or --tokens, if it holds those",
        _ => return ArrayFile::from_bytes(bytes, path),
    };
    let what = format!("{}, not the weights of a dictionary", sniff(&bytes).name());
    Err(Problem::new(what).path(path).expected("safetensors, npz or npy").hint(hint).input())
}

/// The weight file in `folder`, by name.
pub fn weight_file(folder: &Path) -> Option<PathBuf> {
    WEIGHT_FILES.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// The text of the configuration at `path`.
fn config_text(path: &Path) -> Result<String> {
    let length = std::fs::metadata(path).map_err(|e| Error::io(path, &e))?.len();
    if length > MAX_CONFIG {
        let what = format!("a configuration of {length} bytes");
        return Err(Problem::new(what).path(path).expected("at most 16 MiB").input());
    }
    let text = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
    String::from_utf8(text).map_err(|_| bad_config(path, "it is no valid UTF-8"))
}

fn bad_config(path: &Path, why: &str) -> Error {
    Problem::new(format!("the configuration cannot be read: {why}"))
        .path(path)
        .expected("JSON as the trainer wrote it")
        .hint("opening the weight file in a folder without it, with --format and --arch")
        .input()
}
