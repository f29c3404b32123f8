//! From a path to the tensors and the configuration that lie there, before anyone says what they mean.
//!
//! A file is recognised by its first bytes, a folder by the names of the weight files that trainers write. Files that
//! make one dictionary together ([`SETS`]) are read as one. What training wraps around a state dict is taken off
//! ([`WRAPPERS`], [`PREFIXES`]). What is recognised but cannot be read yet (HDF5, …) is said so by name. Costs the headers alone.

use crate::container::{ArrayFile, Bytes, FileKind, Tensor, TensorInfo, json, sniff, yaml};
use crate::error::{Error, Problem, Result};
use crate::sae::find::natural;
use crate::text::is_digits;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Weight files by which a folder is known to hold one dictionary, in the order in which they are looked for.
pub const WEIGHT_FILES: &[&str] = &[
    "sae_weights.safetensors",
    "sae.safetensors",
    "params.safetensors",
    "params.npz",
    "ae.pt",
    "model.safetensors",
    "checkpoints/final.safetensors",
    "checkpoints/pruned.safetensors",
    "checkpoints/final.pt",
    "checkpoints/pruned.pt",
    "latest_ckpt.safetensors",
    "sae_weights.pt",
    "cc_weights.pt",
    "weights.pt",
    "sae.pt",
    "model.pt",
    "model_final.pt",
    "ae_normalized.pt",
    "ae_unnormalized.pt",
];

/// Files that make one dictionary together, one for each number: how the name that stands for them begins, and how those
/// that go with it do. Where there are none of these, tensors of different files have equal names, and the number has to
/// stand before them.
const SETS: &[Set] = &[("params_layer_", &[]), ("W_enc_", &["W_dec_"])];

type Set = (&'static str, &'static [&'static str]);

/// Names under which training keeps a state dict among other things, an optimizer's state say.
const WRAPPERS: &[&str] = &["state_dict", "model_state_dict", "sae_state_dict", "ae", "sae", "autoencoder"];

/// Names that stand before every tensor of a module that was wrapped, or of a state dict that lies beside what is of training
/// alone ([`TRAINING`]). Language models have them too, before some.
const PREFIXES: &[&str] = &["model", "module", "_orig_mod", "net", "weights", "params"];

/// Names under which training keeps what is no part of the model.
const TRAINING: &[&str] = &[
    "optimizer",
    "optimizer_state_dict",
    "optimizer_state",
    "optim",
    "opt",
    "scheduler",
    "scheduler_state_dict",
    "lr_scheduler",
    "scaler",
];

/// Configuration files beside the weights, in the order in which they are looked for.
const CONFIG_FILES: &[&str] = &[
    "cfg.json",
    "config.json",
    "hyperparams.json",
    "config.yaml",
    "model_cfg.yaml",
    "conf.yaml",
    "final_config.yaml",
    "wandb-config.yaml",
    "wanb-config.yaml",
];

/// Folders of checkpoints, whose configuration lies one level up.
const CHECKPOINTS: &[&str] = &["checkpoints", "checkpoint"];

/// A configuration is a page of text; anything longer is something else.
const MAX_CONFIG: u64 = 16 << 20;

/// A weight file with the configuration beside it: what the formats are asked to recognise.
#[derive(Debug, Clone)]
pub struct Source {
    /// The weight file, or the first of them.
    pub path: PathBuf,
    /// What it holds, without what training wrapped around it.
    pub tensors: Vec<TensorInfo>,
    /// The configuration, where there is one: an object.
    pub config: Option<Value>,
    /// Where the configuration was read, if not in the weight file.
    pub config_path: Option<PathBuf>,
    /// What the weight file holds besides tensors.
    pub rest: Value,
    /// Which dictionary is wanted of a source that holds several.
    pub part: Option<usize>,
    /// What was left out on the way.
    pub notes: Vec<String>,
    files: Vec<(PathBuf, ArrayFile)>,
    /// Of each tensor: its file, and its name there.
    places: Vec<(usize, String)>,
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
                let sets = SETS.iter().map(|(start, _)| format!("{start}N.safetensors"));
                let names: Vec<String> = WEIGHT_FILES.iter().map(ToString::to_string).chain(sets).collect();
                Problem::new("no weight file is in this folder")
                    .path(path)
                    .expected(format!("one of {}", names.join(", ")))
                    .hint("naming the weight file itself")
                    .input()
            })?
        } else {
            path.to_path_buf()
        };
        let config = config_beside(&file);
        let text = config.as_deref().map(config_text).transpose()?;
        let arrays = |file: PathBuf| weights(Bytes::map(&file)?, &file).map(|arrays| (file, arrays));
        let files = set_of(&file)?.into_iter().map(arrays).collect::<Result<_>>()?;
        Self::new(file, files, text.as_deref(), config)
    }
    /// Takes a weight file and the text of its configuration from memory; `name` stands for the path.
    ///
    /// # Errors
    /// If the weights are no container of tensors, or the configuration is no JSON.
    pub fn from_bytes(name: &str, bytes: &Bytes, config: &str) -> Result<Self> {
        let path = PathBuf::from(name);
        let arrays = weights(bytes.clone(), &path)?;
        Self::new(path.clone(), vec![(path, arrays)], Some(config), None)
    }
    fn new(
        path: PathBuf,
        files: Vec<(PathBuf, ArrayFile)>,
        config: Option<&str>,
        config_path: Option<PathBuf>,
    ) -> Result<Self> {
        let numbered = set(&path).is_some_and(|(_, others)| others.is_empty());
        let (mut tensors, mut places) = (Vec::new(), Vec::new());
        for (at, (path, arrays)) in files.iter().enumerate() {
            for mut tensor in arrays.list()? {
                places.push((at, tensor.name.clone()));
                if let Some(number) = number_in_set(path).filter(|_| numbered) {
                    tensor.name = format!("{number}.{}", tensor.name);
                }
                tensors.push(tensor);
            }
        }
        let (mut rest, mut header) = (Value::Null, None);
        if let [(_, ArrayFile::Torch(file))] = &files[..] {
            (rest, header) = (file.rest().clone(), file.header().cloned());
        }
        unwrap(&mut tensors, &mut places, &mut rest);
        let part = None;
        let mut source =
            Self { path, tensors, config: None, config_path, rest, part, notes: Vec::new(), files, places };
        if let Some(text) = config {
            let place = source.config_path.as_ref().unwrap_or(&source.path);
            let read = parsed(place, text).map_err(|why| bad_config(place, &why))?;
            if read.is_object() {
                source.config = Some(read);
            } else {
                source.notes.push(format!("{} holds no object; it was not used", file_name(place)));
                source.config_path = None;
            }
        }
        // The line before an archive says more of it than what lies beside it; what lies within says less.
        let within = || ["cfg", "config"].iter().find_map(|key| source.rest.get(key)).filter(|rest| rest.is_object());
        let header = header.filter(Value::is_object);
        source.config = header.or_else(|| source.config.take()).or_else(|| within().cloned());
        Ok(source)
    }
    /// Whether the tensors come from an npz archive.
    pub fn is_npz(&self) -> bool {
        matches!(self.files[0].1, ArrayFile::Npz(_))
    }
    /// What is known of the tensor of that name.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
    /// Whether there is a tensor of that name.
    pub fn has(&self, name: &str) -> bool {
        self.info(name).is_some()
    }
    /// Whether there are tensors of all these names.
    pub fn has_all(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.has(name))
    }
    /// Whether the configuration has all these keys.
    pub fn says_all(&self, keys: &[&str]) -> bool {
        self.config.as_ref().is_some_and(|config| keys.iter().all(|key| config.get(key).is_some()))
    }
    /// How many dimensions the tensor of that name has; none if there is none.
    pub fn dimensions(&self, name: &str) -> Option<usize> {
        self.info(name).map(|tensor| tensor.shape.len())
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
        match self.tensors.iter().position(|tensor| tensor.name == name).map(|at| &self.places[at]) {
            Some((file, name)) => self.files[*file].1.tensor(name),
            None => self.files[0].1.tensor(name),
        }
    }
    /// The files that were read; of a set with one for each part, those of the part.
    pub fn files(&self) -> Vec<PathBuf> {
        let own = |path: &Path| self.files.len() == 1 || self.part.is_none_or(|part| number_in_set(path) == Some(part));
        let weights = self.files.iter().map(|(path, _)| path).filter(|path| own(path)).cloned();
        weights.chain(self.config_path.clone()).collect()
    }
    /// The name of the weight file without its suffix.
    pub fn stem(&self) -> String {
        self.path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
    }
    /// The folders that the weight file lies in, the innermost first. Opened from within its folder, the path as it was
    /// typed would say nothing.
    pub fn folders(&self) -> Vec<String> {
        let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        let parts = path.parent().into_iter().flat_map(Path::components);
        let mut folders: Vec<String> = parts.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        folders.reverse();
        folders
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

/// Takes off what training wrapped around a state dict: where a wrapper holds a matrix, what lies beside it (an
/// optimizer's state, say) is left out.
fn unwrap(tensors: &mut Vec<TensorInfo>, places: &mut Vec<(usize, String)>, rest: &mut Value) {
    let below = |name: &str, wrapper: &str| name.strip_prefix(wrapper)?.strip_prefix('.').map(str::to_string);
    let wraps = |tensors: &[TensorInfo], wrapper: &str| {
        tensors.iter().any(|tensor| tensor.shape.len() >= 2 && below(&tensor.name, wrapper).is_some())
    };
    let trains = |tensor: &TensorInfo| TRAINING.iter().any(|name| below(&tensor.name, name).is_some());
    let prefixes = |tensors: &[TensorInfo], prefix: &str| {
        tensors.iter().all(|tensor| tensor.shape.len() < 2 || below(&tensor.name, prefix).is_some() || trains(tensor))
    };
    let found = |tensors: &[TensorInfo]| {
        let wrapper = WRAPPERS.iter().find(|wrapper| wraps(tensors, wrapper));
        wrapper.or_else(|| PREFIXES.iter().find(|prefix| wraps(tensors, prefix) && prefixes(tensors, prefix))).copied()
    };
    while let Some(wrapper) = found(tensors) {
        let kept = std::mem::take(tensors).into_iter().zip(std::mem::take(places));
        for (tensor, place) in kept {
            if let Some(name) = below(&tensor.name, wrapper) {
                tensors.push(TensorInfo { name, ..tensor });
                places.push(place);
            }
        }
        // Configurations stay where they were; the state dict's own plain values join them.
        if let Value::Object(all) = rest
            && let Some(Value::Object(inner)) = all.remove(wrapper)
        {
            all.extend(inner);
        }
    }
}

/// The number of a file of a set whose name begins with `start`.
fn number(name: &str, start: &str) -> Option<usize> {
    name.strip_prefix(start)?.strip_suffix(".safetensors").filter(|digits| is_digits(digits))?.parse().ok()
}

fn file_name(file: &Path) -> &str {
    file.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

/// The set that a file is one of, by its name.
fn set(file: &Path) -> Option<&'static Set> {
    SETS.iter().find(|set| number_of(file_name(file), set).is_some())
}

/// The number of a file that is one of a set.
pub fn number_in_set(file: &Path) -> Option<usize> {
    SETS.iter().find_map(|set| number_of(file_name(file), set))
}

/// The number of a file that is one of this set.
fn number_of(name: &str, (start, others): &Set) -> Option<usize> {
    std::iter::once(start).chain(*others).find_map(|start| number(name, start))
}

/// The file, and those that make one dictionary with it.
///
/// # Errors
/// If their folder cannot be read.
fn set_of(file: &Path) -> Result<Vec<PathBuf>> {
    let Some(set) = set(file) else { return Ok(vec![file.to_path_buf()]) };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io(folder, &e))?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut all: Vec<String> = names.filter(|name| number_of(name, set).is_some()).collect();
    all.sort_by_key(|name| natural(name));
    Ok(all.into_iter().map(|name| file.with_file_name(name)).collect())
}

/// The configuration of a weight file: one named after it, one beside it, or one above a folder of checkpoints.
fn config_beside(file: &Path) -> Option<PathBuf> {
    let stem = file.file_stem()?.to_string_lossy().into_owned();
    let named = file.with_file_name(format!("{stem}_cfg.json"));
    let folder = file.parent()?;
    let above = folder.file_name().filter(|name| CHECKPOINTS.iter().any(|other| name.to_str() == Some(other)));
    let folders = std::iter::once(folder).chain(above.and_then(|_| folder.parent()));
    let beside = folders.flat_map(|folder| CONFIG_FILES.iter().map(|name| folder.join(name)));
    std::iter::once(named).chain(beside).find(|path| path.is_file())
}

/// The configuration of the run, one level above that of the weights; none if there is none that can be read.
pub fn config_above(source: &Source) -> Option<Value> {
    let path = std::path::absolute(&source.path).ok()?;
    config_in(path.parent()?.parent()?)
}

/// The configuration in a folder, if there is one that can be read.
pub fn config_in(folder: &Path) -> Option<Value> {
    let file = CONFIG_FILES.iter().map(|name| folder.join(name)).find(|file| file.is_file())?;
    parsed(&file, &config_text(&file).ok()?).ok().filter(Value::is_object)
}

/// The configuration of that text, which is YAML or JSON by the suffix of its file; or why it is none.
fn parsed(file: &Path, text: &str) -> Result<Value, String> {
    let is_yaml = file.extension().is_some_and(|suffix| suffix == "yaml");
    if is_yaml { yaml::parse(text) } else { json::parse(text).map_err(|error| error.to_string()) }
}

/// The arrays of a weight file; what else is often tried is told where it belongs.
fn weights(bytes: Bytes, path: &Path) -> Result<ArrayFile> {
    let hint = match sniff(&bytes) {
        FileKind::Gzip | FileKind::Text => "--labels or --tokens, if it holds labels or texts",
        FileKind::Json => "the weight file, or the folder that holds both; --labels or --tokens, if it holds those",
        _ => return ArrayFile::from_bytes(bytes, path),
    };
    let what = format!("{}, not the weights of a dictionary", sniff(&bytes).name());
    Err(Problem::new(what).path(path).expected("safetensors, npz, npy or a torch file").hint(hint).input())
}

/// The weight file in `folder`, by name; of a set the one with the least number.
pub fn weight_file(folder: &Path) -> Option<PathBuf> {
    let own = WEIGHT_FILES.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    own.or_else(|| {
        let paths = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
        let first = |path: &PathBuf| SETS.iter().position(|(start, _)| number(file_name(path), start).is_some());
        let ranked = paths.filter_map(|path| Some(((first(&path)?, number_in_set(&path)?), path)));
        ranked.filter(|(_, path)| path.is_file()).min().map(|(_, path)| path)
    })
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
        .expected("JSON or YAML as the trainer wrote it")
        .hint("opening the weight file in a folder without it, with --format and --arch")
        .input()
}
