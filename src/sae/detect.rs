//! From a path to the tensors and the configuration that lie there, before anyone says what they mean.
//!
//! A file is recognised by its first bytes, a folder by the names of the weight files that trainers write. What is
//! recognised but cannot be read yet (torch archives, Arrow, …) is said so by name. Costs the headers alone.

use crate::container::npy::Element;
use crate::container::safetensors::{SafeTensors, is_safetensors};
use crate::container::{Bytes, Dtype, Tensor, npy, npz::Npz, text};
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

/// What one tensor is, without its elements.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorInfo {
    /// Name in the file.
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// Element type; none if it is one that is not read.
    pub dtype: Option<Dtype>,
}

/// A weight file with the configuration beside it: what the formats are asked to recognise.
#[derive(Debug, Clone)]
pub struct Source {
    /// The weight file.
    pub path: PathBuf,
    /// What it holds.
    pub tensors: Vec<TensorInfo>,
    /// The configuration, where there is one.
    pub config: Option<Value>,
    /// Where the configuration was read.
    pub config_path: Option<PathBuf>,
    weights: Weights,
}

#[derive(Debug, Clone)]
enum Weights {
    Safetensors(SafeTensors),
    Npz(Npz),
    Npy(Tensor),
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
        let weights = Weights::open(&file)?;
        let (config, config_path) = config_beside(&file)?.unzip();
        Self::new(file, weights, config, config_path)
    }
    /// Takes a safetensors file and its configuration from memory; `name` stands for the path.
    ///
    /// # Errors
    /// If the weights are no safetensors file, or the configuration is no JSON.
    pub fn from_bytes(name: &str, weights: &Bytes, config: &str) -> Result<Self> {
        let path = PathBuf::from(name);
        let weights = Weights::Safetensors(SafeTensors::from_bytes(weights, &path)?);
        let config = serde_json::from_str(config).map_err(|e| bad_config(&path, &e))?;
        Self::new(path, weights, Some(config), None)
    }
    fn new(path: PathBuf, weights: Weights, config: Option<Value>, config_path: Option<PathBuf>) -> Result<Self> {
        let tensors = match &weights {
            Weights::Safetensors(file) => {
                let read = file.tensors().iter().map(info);
                let skipped = file.skipped().iter();
                let skipped = skipped.map(|t| TensorInfo { name: t.name.clone(), shape: t.shape.clone(), dtype: None });
                read.chain(skipped).collect()
            }
            Weights::Npz(npz) => npz
                .names()
                .map(|name| {
                    let npy::Header { element, shape, .. } = npz.header(name)?;
                    let dtype = if let Element::Number(dtype) = element { Some(dtype) } else { None };
                    Ok(TensorInfo { name: name.to_string(), shape, dtype })
                })
                .collect::<Result<_>>()?,
            Weights::Npy(tensor) => vec![info(tensor)],
        };
        Ok(Self { path, tensors, config, config_path, weights })
    }
    /// Whether the tensors come from an npz archive.
    pub fn is_npz(&self) -> bool {
        matches!(self.weights, Weights::Npz(_))
    }
    /// Whether there is a tensor of that name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.iter().any(|tensor| tensor.name == name)
    }
    /// The first of `names` that there is.
    pub fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.tensors.iter().find(|t| t.name == *name)).map(|t| t.name.as_str())
    }
    /// The tensor of that name, mapped where its file allows.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        match &self.weights {
            Weights::Safetensors(file) => file.get(name).cloned(),
            Weights::Npz(npz) => npz.tensor(name),
            Weights::Npy(tensor) => Ok(tensor.clone()),
        }
    }
    /// The files that were read.
    pub fn files(&self) -> Vec<PathBuf> {
        std::iter::once(self.path.clone()).chain(self.config_path.clone()).collect()
    }
    /// A problem about this source, to be completed by the caller.
    pub fn problem(&self, what: impl Into<String>) -> Problem {
        Problem::new(what).path(&self.path)
    }
    /// Names and shapes of the first tensors, for messages.
    pub fn describe(&self) -> String {
        if self.tensors.is_empty() {
            return "no tensors".into();
        }
        let mut list: Vec<String> = self.tensors.iter().take(8).map(|t| format!("{} {:?}", t.name, t.shape)).collect();
        if self.tensors.len() > list.len() {
            list.push(format!("{} more", self.tensors.len() - list.len()));
        }
        list.join(", ")
    }
}

fn info(tensor: &Tensor) -> TensorInfo {
    TensorInfo { name: tensor.name().into(), shape: tensor.shape().to_vec(), dtype: Some(tensor.dtype()) }
}

impl Weights {
    fn open(path: &Path) -> Result<Self> {
        let bytes = Bytes::map(path)?;
        if bytes.starts_with(npy::MAGIC) {
            let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
            return Ok(Self::Npy(npy::from_bytes(&bytes, &name, path)?));
        }
        if bytes.starts_with(b"PK") {
            if bytes.windows(8).take(4096).any(|w| w == b"data.pkl") {
                return Err(not_in_build(path, "a torch archive", AS_SAFETENSORS));
            }
            return Ok(Self::Npz(Npz::from_bytes(bytes, path)?));
        }
        if let Some((what, hint)) = foreign(&bytes) {
            return Err(not_in_build(path, what, hint));
        }
        if !is_safetensors(&bytes) {
            return Err(unlike_weights(path, &bytes));
        }
        Ok(Self::Safetensors(SafeTensors::from_bytes(&bytes, path)?))
    }
}

const AS_SAFETENSORS: &str = "save its state dict with safetensors.torch.save_file and open that";

/// Containers that are known but not read, by their first bytes.
fn foreign(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    const TABLE: &[(&[u8], &str, &str)] = &[
        (b"\x80\x02", "a pickle, as old torch files are", AS_SAFETENSORS),
        (b"\x80\x03", "a pickle", AS_SAFETENSORS),
        (b"\x80\x04", "a pickle", AS_SAFETENSORS),
        (b"\x80\x05", "a pickle", AS_SAFETENSORS),
        (b"ARROW1", "an Arrow file", "save its tensors as safetensors and open that"),
        (b"PAR1", "a Parquet file", "save its tensors as safetensors and open that"),
        (b"\x89HDF", "an HDF5 file", "save its tensors as safetensors and open that"),
        (b"GGUF", "a GGUF model", "open a sparse autoencoder of it instead"),
    ];
    TABLE.iter().find(|(magic, ..)| bytes.starts_with(magic)).map(|&(_, what, hint)| (what, hint))
}

fn not_in_build(path: &Path, what: &str, hint: &str) -> Error {
    Error::NotInBuild(crate::text::printable(&format!("{} is {what}; {hint}. Reading it", path.display())))
}

fn unlike_weights(path: &Path, bytes: &[u8]) -> Error {
    let (what, hint) = if bytes.is_empty() {
        ("the file is empty", "copying it again")
    } else if bytes.starts_with(b"version https://git-lfs") {
        ("only a git-lfs pointer, without the weights", "`git lfs pull` in its repository")
    } else if text::is_gzip(bytes) {
        ("gzipped text, not the weights of a dictionary", "--labels or --tokens, if it holds labels or texts")
    } else if bytes.starts_with(b"{") || bytes.starts_with(b"[") {
        ("JSON, not the weights of a dictionary", "the weight file, or the folder that holds both")
    } else {
        ("not the weights of a dictionary", "a safetensors, npz or npy file, or the folder that holds it")
    };
    Problem::new(what).path(path).expected("safetensors, npz or npy").hint(hint).input()
}

/// The weight file in `folder`, by name.
pub fn weight_file(folder: &Path) -> Option<PathBuf> {
    WEIGHT_FILES.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// The configuration beside a weight file.
fn config_beside(file: &Path) -> Result<Option<(Value, PathBuf)>> {
    let Some(path) = CONFIG_FILES.iter().map(|name| file.with_file_name(name)).find(|path| path.is_file()) else {
        return Ok(None);
    };
    let length = std::fs::metadata(&path).map_err(|e| Error::io(&path, &e))?.len();
    if length > MAX_CONFIG {
        let what = format!("a configuration of {length} bytes");
        return Err(Problem::new(what).path(&path).expected("at most 16 MiB").input());
    }
    let text = std::fs::read(&path).map_err(|e| Error::io(&path, &e))?;
    let config = serde_json::from_slice(&text).map_err(|e| bad_config(&path, &e))?;
    Ok(Some((config, path)))
}

fn bad_config(path: &Path, error: &serde_json::Error) -> Error {
    Problem::new(format!("the configuration cannot be read: {error}"))
        .path(path)
        .expected("JSON as the trainer wrote it")
        .hint("opening the weight file in a folder without it, with --format and --arch")
        .input()
}
