//! Files of arrays, one or many: numpy's, safetensors, torch's and Hugging Face's datasets.
//!
//! | who writes it | what |
//! |---|---|
//! | SAELens since October 2024 | a dataset's folder: `data-00000-of-000NN.arrow`, a column called as the hook, `token_ids` |
//! | SAELens before | `{i}.safetensors` with `activations` `[tokens, layers, d]`; older `{i}.pt` |
//! | ViT-Prisma | `{i}.pt` `[tokens, layers, d]` |
//! | Llamascopium | `{hook}/chunk-{n}.safetensors` with `activation` `[samples, context, d]`, `tokens`, perhaps `mask` |
//! | activault | `.pt` of `states` `[batch, position, d]` (formerly d + 1) and `input_ids` |
//! | by hand, TransformerLens, nnsight | any name, `[tokens, d]`, `[batch, position, d]`, `[batch, position, heads, d_head]` |

use super::{Choice, Flat, Format, Part, Place, columns, flatten};
use crate::container::{ArrayFile, Dtype, Tensor, TensorInfo, json};
use crate::error::{Problem, Result};
use crate::rows::Rows;
use crate::sae::activations::TokenIds;
use crate::task::Task;
use crate::text::is_digits;
use std::path::{Path, PathBuf};

pub(super) const DATASET: Format = Format {
    name: "dataset",
    about: "folder of Hugging Face's `datasets`, as SAELens caches activations: a column called as the hook, `token_ids`",
    detect: |place| place.names().any(is_columns),
    open: |place, choice, task| {
        let files = listed(place)?.unwrap_or_else(|| some(place, is_columns));
        parts(files, choice, false, task)
    },
};

pub(super) const LLAMASCOPIUM: Format = Format {
    name: "llamascopium",
    about: "Llamascopium's `chunk-*` files: `activation`, `tokens`, `mask`",
    detect: |place| place.names().any(is_chunk),
    open: |place, choice, task| parts(some(place, is_chunk), choice, false, task),
};

pub(super) const NUMBERED: Format = Format {
    name: "numbered",
    about: "`0.safetensors`, `1.pt` and so on, as SAELens wrote before and ViT-Prisma does: `[tokens, layers, d]`",
    detect: |place| {
        let mut arrays = place.names().filter(|name| is_arrays(name)).peekable();
        arrays.peek().is_some() && arrays.all(is_numbered)
    },
    open: |place, choice, task| parts(some(place, is_numbered), choice, true, task),
};

pub(super) const FOLDER: Format = Format {
    name: "folder",
    about: "folder of npy, npz, safetensors or torch files in the order of their names",
    detect: |place| place.names().any(is_arrays),
    open: |place, choice, task| parts(some(place, is_arrays), choice, false, task),
};

pub(super) const FILE: Format = Format {
    name: "file",
    about: "npy, npz, safetensors, torch or Arrow file with `[tokens, d]`, `[batch, position, d]` or `[batch, position, heads, d_head]`",
    detect: |place| place.files.is_none(),
    open: |place, choice, task| parts(vec![place.path.clone()], choice, false, task),
};

/// Names that say which of several arrays the activations are.
const VECTORS: [&str; 3] = ["activation", "activations", "states"];
/// Names of what is 0 for padding.
const MASKS: [&str; 2] = ["mask", "attention_mask"];

/// Whether a file holds arrays, by its name, and not those of token ids alone.
fn is_arrays(name: &str) -> bool {
    let stem = [".npy", ".npz", ".safetensors", ".pt", ".pth"].iter().find_map(|suffix| name.strip_suffix(suffix));
    stem.is_some_and(|stem| !TokenIds::NAMES.contains(&stem))
}

pub(super) fn is_columns(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|suffix| suffix == "arrow" || suffix == "parquet")
}

/// The name of a file of safetensors or torch, without its suffix.
fn stem(name: &str) -> Option<&str> {
    name.strip_suffix(".safetensors").or_else(|| name.strip_suffix(".pt"))
}

fn is_chunk(name: &str) -> bool {
    stem(name)
        .and_then(|stem| stem.rsplit_once("chunk-"))
        .is_some_and(|(before, number)| is_digits(number) && (before.is_empty() || before.starts_with("shard-")))
}

fn is_numbered(name: &str) -> bool {
    stem(name).is_some_and(is_digits)
}

fn some(place: &Place, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    place.names().filter(|name| wanted(name)).map(|name| place.path.join(name)).collect()
}

/// The data files that a dataset's `state.json` lists, in its order; none if it lists none.
fn listed(place: &Place) -> Result<Option<Vec<PathBuf>>> {
    if !place.has("state.json") {
        return Ok(None);
    }
    let path = place.path.join("state.json");
    let state = json::read(&path, "the dataset's state")?;
    let Some(files) = state.get("_data_files").and_then(|files| files.as_array()) else { return Ok(None) };
    let mut all = Vec::new();
    for file in files {
        let name = file.get("filename").and_then(|name| name.as_str()).unwrap_or_default();
        // Only what lies in the folder itself is the dataset's.
        if !place.has(name) {
            return Err(Problem::new(format!("the dataset's state lists {name:?}, which is not there"))
                .path(&path)
                .input());
        }
        all.push(place.path.join(name));
    }
    Ok(Some(all))
}

fn parts(files: Vec<PathBuf>, choice: &Choice, layered: bool, task: &Task) -> Result<Vec<Part>> {
    let mut all = Vec::new();
    for path in files {
        task.check()?;
        file_parts(&path, choice, layered, &mut all, task)?;
    }
    Ok(all)
}

/// The arrays under a name: one, or one for each batch of a column.
fn tensors(file: &ArrayFile, name: &str) -> Result<Vec<Tensor>> {
    match file {
        ArrayFile::Columns(columns) => columns.column(name)?.tensors(),
        file => Ok(vec![file.tensor(name)?]),
    }
}

fn file_parts(path: &Path, choice: &Choice, layered: bool, out: &mut Vec<Part>, task: &Task) -> Result<()> {
    let file = ArrayFile::open(path)?;
    let list = file.list()?;
    let vectors = pick(path, &list, choice)?;
    let vectors = tensors(&file, &vectors.name)?;
    let beside = |names: &[&str]| list.iter().find(|array| names.contains(&array.name.as_str()));
    let mut ids = match beside(&TokenIds::NAMES).filter(|array| array.dtype.is_some_and(|dtype| !dtype.is_float())) {
        Some(array) => tensors(&file, &array.name)?.into_iter().map(Some).collect(),
        None => vec![None; vectors.len()],
    };
    let mut masks = match beside(&MASKS) {
        Some(array) => tensors(&file, &array.name)?.into_iter().map(Some).collect(),
        None => vec![None; vectors.len()],
    };
    ids.resize(vectors.len(), None);
    masks.resize(vectors.len(), None);
    for (tensor, (ids, mask)) in vectors.iter().zip(ids.into_iter().zip(masks)) {
        let mut part = Part::new(path, rows(tensor, choice, layered)?);
        part.ids = ids.map(|ids| TokenIds::of(&ids, task)).transpose()?;
        if let Some(mask) = mask.filter(|mask| mask.len() == part.rows.nrows()) {
            part.real = Some(mask.to_f64().into_iter().map(|real| real != 0.0).collect());
        }
        out.push(part);
    }
    Ok(())
}

/// An array as rows, of one layer if it has several.
fn rows(tensor: &Tensor, choice: &Choice, layered: bool) -> Result<Flat> {
    let last = tensor.shape().last().copied().unwrap_or(0);
    if let (&[tokens, layers, d], [token_stride, layer_stride, stride]) = (tensor.shape(), tensor.strides())
        && (choice.layer.is_some() || layered)
    {
        let layer = match choice.layer {
            Some(layer) if layer < layers => layer,
            None if layers == 1 => 0,
            _ => {
                return Err(tensor
                    .problem(format!("vectors of {layers} layers"))
                    .expected(format!("--layer below {layers}"))
                    .hint("--layer N")
                    .input());
            }
        };
        let skip = layer * layer_stride * tensor.dtype().size();
        let bytes = tensor
            .bytes()
            .slice(skip.min(tensor.bytes().len())..tensor.bytes().len())
            .unwrap_or_else(|| tensor.bytes().clone());
        let strides = vec![*token_stride, *stride];
        let one = Tensor::strided(tensor.name(), tensor.path(), tensor.dtype(), vec![tokens, d], strides, bytes)?;
        return rows(&one, &Choice { layer: None, ..*choice }, false);
    }
    if choice.layer.is_some() {
        return Err(tensor.problem("no layers to choose from").hint("leaving --layer out").usage());
    }
    match choice.width {
        // activault appended a column to the vectors once.
        Some(width) if last == width + 1 && tensor.name() == "states" => columns(tensor, last, 0..width),
        Some(width) => flatten(tensor, width).or_else(|_| flatten(tensor, last)),
        None => flatten(tensor, last),
    }
}

const EXPECTED: &str = "a matrix of f64, f32, f16 or bf16, one row a point or token";

/// The array that is meant.
fn pick<'l>(path: &Path, all: &'l [TensorInfo], choice: &Choice) -> Result<&'l TensorInfo> {
    let problem = |what: String| Problem::new(what).path(path).expected(EXPECTED);
    let is_vectors = |array: &&TensorInfo| array.dtype.is_some_and(Dtype::is_float) && array.shape.len() >= 2;
    let refuse = |array: &TensorInfo| {
        let hint = match array.dtype {
            Some(Dtype::I16) => "array.astype('float32'), or array.view('bfloat16') of ml_dtypes if these are its bits",
            Some(dtype) if !dtype.is_float() => "saving it as floating-point numbers: array.astype('float32')",
            _ => "array.reshape(-1, width)",
        };
        problem(format!("the array {} is no such matrix", array.describe())).hint(hint).input()
    };
    if let Some(name) = choice.tensor {
        let found = all.iter().find(|array| array.name == name);
        let found = found.ok_or_else(|| problem(format!("no array {name}: it holds {}", names(all))).input())?;
        return if is_vectors(&found) { Ok(found) } else { Err(refuse(found)) };
    }
    let mut candidates: Vec<&TensorInfo> = all.iter().filter(is_vectors).collect();
    if let Some(named) = VECTORS.iter().find_map(|name| candidates.iter().find(|array| array.name == *name)) {
        return Ok(named);
    }
    if candidates.len() > 1
        && let Some(width) = choice.width
    {
        let fits = |array: &&TensorInfo| array.shape.last() == Some(&width);
        if candidates.iter().filter(|array| fits(array)).count() == 1 {
            candidates.retain(fits);
        }
    }
    match candidates[..] {
        [one] => Ok(one),
        [] if all.len() == 1 => Err(refuse(&all[0])),
        [] => Err(problem(format!("none of its arrays is one: it holds {}", names(all))).input()),
        ref several => {
            let names = names(several.iter().copied());
            let hint = "a file with one alone, or --tensor NAME where the verb has it";
            Err(problem(format!("several matrices: {names}")).hint(hint).input())
        }
    }
}

/// Names, shapes and types of the first of some arrays.
fn names<'a>(arrays: impl IntoIterator<Item = &'a TensorInfo>) -> String {
    let mut arrays = arrays.into_iter();
    let mut names: Vec<String> = arrays.by_ref().take(8).map(TensorInfo::describe).collect();
    match arrays.count() {
        0 if names.is_empty() => names.push("no arrays".into()),
        0 => {}
        more => names.push(format!("{more} more")),
    }
    names.join(", ")
}
