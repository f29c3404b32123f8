//! Shards of bare numbers, described by a JSON file beside them.
//!
//! * saev (OSU-NLP-Group/saev, protocol 2.1 and before): `metadata.json`, `shards.json`, `acts000000.bin` … of f32
//!   `[example, layer, token, d]`;
//! * science-of-finetuning's ActivationCache: `shard_{i}.memmap` of `[tokens, d]`, with its shape and type in
//!   `shard_{i}.meta`; bf16 is stored, and named, as the int16 of its bits. The tokens of all shards lie in `tokens.pt` of
//!   the folder above.

use super::{Choice, Format, Part, Place, flatten};
use crate::container::{self, ArrayFile, Bytes, Dtype, Tensor};
use crate::error::{Error, Problem, Result};
use crate::rows::Rows;
use crate::sae::activations::TokenIds;
use crate::task::Task;
use crate::text::{is_digits, thousands};
use serde_json::Value;
use std::path::Path;

pub(super) const SAEV: Format = Format {
    name: "saev-shards",
    about: "saev shards: `metadata.json`, `shards.json`, `acts*.bin` `[example, layer, token, d]`",
    detect: |place| place.has("metadata.json") && place.has("shards.json"),
    open: saev,
};

pub(super) const MEMMAP: Format = Format {
    name: "memmap-shards",
    about: "science-of-finetuning's `shard_*.memmap` with `shard_*.meta`; bf16 as int16",
    detect: |place| place.names().any(is_shard),
    open: memmap,
};

/// What the JSON beside the shards says of them.
fn json(path: &Path) -> Result<Value> {
    container::json::read(path, "the description of the shards")
}

fn saev(place: &Place, choice: &Choice, task: &Task) -> Result<Vec<Part>> {
    let path = place.path.join("metadata.json");
    let metadata = json(&path)?;
    let bad = |what: String| Problem::new(what).path(&path);
    // The names of protocol 2, then those before it.
    let count = |names: &[&str]| -> Result<usize> {
        let found = names.iter().find_map(|name| metadata.get(name)?.as_u64());
        let found = found.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0);
        found.ok_or_else(|| bad(format!("no count {}", names[0])).expected("the metadata of saev's shards").input())
    };
    let d = count(&["d_model", "d_vit"])?;
    let cls = metadata.get("cls_token").and_then(Value::as_bool).unwrap_or(false);
    let tokens = count(&["patches_per_ex", "content_tokens_per_example", "n_patches_per_img"])? + usize::from(cls);
    let dtype = metadata.get("dtype").and_then(Value::as_str).unwrap_or("float32");
    if dtype != "float32" {
        return Err(bad("shards of another type".into()).dtype(dtype).expected("float32").input());
    }
    let layers: Vec<u64> =
        metadata.get("layers").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_u64).collect();
    let names = layers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let layer = match (choice.layer, &layers[..]) {
        (_, []) => return Err(bad("no layers".into()).input()),
        (None, [_]) => 0,
        (Some(layer), _) if layers.contains(&(layer as u64)) => {
            layers.iter().position(|&other| other == layer as u64).unwrap_or(0)
        }
        _ => {
            let what = format!("vectors of {} layers: {names}", layers.len());
            return Err(bad(what).expected("one of them").hint(format!("--layer {}", layers[0])).input());
        }
    };
    let shards = json(&place.path.join("shards.json"))?;
    let too_large = || bad("sizes that no memory can address".into()).input();
    let block = tokens.checked_mul(d).ok_or_else(too_large)?;
    let example = block.checked_mul(layers.len()).ok_or_else(too_large)?;
    let mut parts = Vec::new();
    for shard in shards.as_array().into_iter().flatten() {
        task.check()?;
        let name = shard.get("name").and_then(Value::as_str).unwrap_or_default();
        let examples = ["n_examples", "n_imgs"].iter().find_map(|key| usize::try_from(shard.get(key)?.as_u64()?).ok());
        let (true, Some(examples)) = (place.has(name), examples) else {
            return Err(place.problem(format!("a shard that is not there: {name:?}")).input());
        };
        let path = place.path.join(name);
        let bytes = Bytes::map(&path)?;
        let whole = example.checked_mul(examples).and_then(|n| n.checked_mul(4)).ok_or_else(too_large)?;
        of_length(&path, &bytes, whole)?;
        let skip = (layer * block).checked_mul(4).ok_or_else(too_large)?.min(bytes.len());
        let rest = bytes.slice(skip..bytes.len()).unwrap_or_else(|| Bytes::from_static(&[]));
        let (shape, strides) = (vec![examples, tokens, d], vec![example, d, 1]);
        let tensor = Tensor::strided("acts", &path, Dtype::F32, shape, strides, rest)?;
        parts.push(Part::new(&path, flatten(&tensor, d)?));
    }
    if parts.is_empty() {
        return Err(place.problem("no shards").expected("a list of names in shards.json").input());
    }
    Ok(parts)
}

/// Whether a shard is as long as its description says.
fn of_length(path: &Path, bytes: &Bytes, expected: usize) -> Result<()> {
    if bytes.len() == expected {
        return Ok(());
    }
    let what = format!("a shard of {} bytes", thousands(bytes.len() as u64));
    Err(Problem::new(what)
        .path(path)
        .expected(format!("{} bytes, as its description says", thousands(expected as u64)))
        .hint("copying the file again, or the description that goes with it")
        .input())
}

fn is_shard(name: &str) -> bool {
    let number = name.strip_prefix("shard_").and_then(|rest| rest.strip_suffix(".memmap"));
    number.is_some_and(is_digits)
}

/// The type that a `.meta` names; int16 are the bits of bf16, which numpy has not.
fn named(dtype: &str) -> Option<Dtype> {
    Some(match dtype.trim_start_matches("torch.") {
        "bfloat16" | "int16" => Dtype::Bf16,
        "float16" => Dtype::F16,
        "float32" => Dtype::F32,
        "float64" => Dtype::F64,
        _ => return None,
    })
}

fn memmap(place: &Place, choice: &Choice, task: &Task) -> Result<Vec<Part>> {
    if choice.layer.is_some() {
        return Err(place.problem("no layers to choose from").hint("leaving --layer out").usage());
    }
    let mut parts = Vec::new();
    for name in place.names().filter(|name| is_shard(name)) {
        task.check()?;
        let path = place.path.join(name);
        let meta_path = path.with_extension("meta");
        let meta = json(&meta_path)?;
        let bad = |what: &str| {
            Problem::new(what).path(&meta_path).expected("{\"shape\": [tokens, d], \"dtype\": \"torch.bfloat16\"}")
        };
        let sizes = meta.get("shape").and_then(Value::as_array).into_iter().flatten();
        let shape: Option<Vec<usize>> = sizes.map(|size| usize::try_from(size.as_u64()?).ok()).collect();
        let shape = shape.filter(|shape| (2..=4).contains(&shape.len())).ok_or_else(|| bad("no shape").input())?;
        let dtype = meta.get("dtype").and_then(Value::as_str).unwrap_or_default();
        let dtype = named(dtype).ok_or_else(|| bad("a type that is not read").dtype(dtype).input())?;
        let last = shape[shape.len() - 1];
        let bytes = Bytes::map(&path)?;
        let whole = shape.iter().try_fold(dtype.size(), |n, &len| n.checked_mul(len));
        of_length(&path, &bytes, whole.ok_or_else(|| bad("a shape that no memory can address").input())?)?;
        let tensor = Tensor::new("shard", &path, dtype, shape, bytes)?;
        let rows = match choice.width {
            Some(width) => flatten(&tensor, width).or_else(|_| flatten(&tensor, last)),
            None => flatten(&tensor, last),
        };
        parts.push(Part::new(&path, rows?));
    }
    if let Some(ids) = tokens(place, task)? {
        // One list for all shards; where it is another's, it is left out with a note.
        let mut start = 0;
        for part in &mut parts {
            let end = (start + part.rows.nrows()).min(ids.ids.len());
            part.ids = Some(TokenIds { ids: ids.ids[start..end].to_vec(), context: None });
            start = end;
        }
        if start < ids.ids.len()
            && let Some(last) = parts.last_mut()
        {
            last.ids = Some(TokenIds { ids: Vec::new(), context: None });
        }
    }
    Ok(parts)
}

/// The ids in `tokens.pt` of the folder above, if it has them.
fn tokens(place: &Place, task: &Task) -> Result<Option<TokenIds>> {
    let Some(path) = place.path.parent().map(|folder| folder.join("tokens.pt")).filter(|path| path.is_file()) else {
        return Ok(None);
    };
    let file = ArrayFile::open(&path)?;
    match &file.list()?[..] {
        [one] => TokenIds::of(&file.tensor(&one.name)?, task).map(Some).map_err(|error: Error| error.at(&path)),
        _ => Ok(None),
    }
}
