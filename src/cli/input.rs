//! Arrays that verbs take from files: coordinates, points, vectors to encode, cluster labels, neighbour graphs.

use crate::container::{ArrayFile, Bytes, Dtype, FileKind, Matrix, Stack, Tensor, TensorInfo, sniff};
use crate::error::{Error, Problem, Result};
use crate::geometry::cluster::Clusters;
use crate::geometry::neighbors::Knn;
use crate::rows::{Points, Rows};
use crate::sae::find::natural;
use crate::text::counted;
use std::path::{Path, PathBuf};

/// Every array of numbers in an npy, npz or safetensors file.
///
/// # Errors
/// If the file is none of these or is damaged.
pub(super) fn tensors(path: &Path) -> Result<Vec<Tensor>> {
    let file = ArrayFile::open(path)?;
    let numbers = file.list()?.into_iter().filter(|array| array.dtype.is_some());
    numbers.map(|array| file.tensor(&array.name)).collect()
}

/// The matrix of floating-point numbers called `name`, or the only one.
///
/// # Errors
/// If there is no such array, or there are several and none is named.
pub(super) fn matrix(path: &Path, name: Option<&str>) -> Result<Matrix> {
    const EXPECTED: &str = "a matrix of f64, f32, f16 or bf16, one row a point or token";
    let file = ArrayFile::open(path)?;
    let all = file.list()?;
    let is_matrix = |array: &&TensorInfo| {
        array.dtype.is_some_and(Dtype::is_float)
            && array.shape.iter().skip_while(|&&n| n == 1).count() <= 2
            && array.shape.len() >= 2
    };
    let problem = |what: String| Problem::new(what).path(path).expected(EXPECTED);
    let chosen = match name {
        Some(name) => {
            let found = all.iter().find(|array| array.name == name);
            found.ok_or_else(|| problem(format!("no array {name}: it holds {}", names(&all))).input())?
        }
        None => match all.iter().filter(is_matrix).collect::<Vec<_>>()[..] {
            [one] => one,
            [] if all.len() == 1 => &all[0],
            [] => return Err(problem(format!("none of its arrays is one: it holds {}", names(&all))).input()),
            ref several => {
                let names = names(several.iter().copied());
                let hint = "a file with one alone, or --tensor NAME where the verb has it";
                return Err(problem(format!("several matrices: {names}")).hint(hint).input());
            }
        },
    };
    if is_matrix(&chosen) {
        return file.tensor(&chosen.name)?.matrix();
    }
    let hint = match chosen.dtype {
        Some(dtype) if !dtype.is_float() => "saving it as floating-point numbers: array.astype('float32')",
        _ => "array.reshape(-1, width)",
    };
    Err(problem(format!("the array {} is no such matrix", chosen.describe())).hint(hint).input())
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

/// Vectors `[tokens, width]` to encode: a file as [`matrix`] takes it, or a folder of such files, in the order of their
/// names (`part-2` before `part-10`).
///
/// # Errors
/// As [`matrix`]; or if a folder has no such file, or files of different widths.
pub(super) fn vectors(path: &Path, name: Option<&str>) -> Result<Stack> {
    if !path.is_dir() {
        return Stack::new(vec![(path.to_path_buf(), matrix(path, name)?)]);
    }
    let fail = |e: std::io::Error| Error::io(path, &e);
    let entries = std::fs::read_dir(path).map_err(fail)?.collect::<std::io::Result<Vec<_>>>().map_err(fail)?;
    let suffix = |path: &Path| path.extension().is_some_and(|s| s == "npy" || s == "npz" || s == "safetensors");
    let mut files: Vec<PathBuf> =
        entries.into_iter().map(|entry| entry.path()).filter(|path| suffix(path) && path.is_file()).collect();
    files.sort_by_cached_key(|file| {
        let name = file.file_name().unwrap_or_default();
        (natural(&name.to_string_lossy()), name.to_os_string())
    });
    if files.is_empty() {
        return Err(Problem::new("no vectors in this folder")
            .path(path)
            .expected("npy, npz or safetensors files, each with a matrix [tokens, width]")
            .hint("naming the file, or the folder that holds the files themselves")
            .input());
    }
    let parts = files.into_iter().map(|file| matrix(&file, name).map(|part| (file, part)));
    Stack::new(parts.collect::<Result<_>>()?)
}

/// Points or coordinates `[n, dims]`; in an npz, the array `coordinates` if it is there.
///
/// # Errors
/// As [`matrix`]; or if the matrix is empty.
pub(super) fn points(path: &Path) -> Result<Points> {
    let all = tensors(path)?;
    let matrix = match all.iter().find(|tensor| tensor.name() == "coordinates") {
        Some(tensor) => tensor.matrix()?,
        None => matrix(path, None)?,
    };
    let (n, dims) = (matrix.nrows(), matrix.ncols());
    if n == 0 || dims == 0 {
        return Err(Problem::new("no points").path(path).shape(&[n, dims]).expected("[points, dimensions]").input());
    }
    let mut data = vec![0.0; n * dims];
    matrix.read(0..n, &mut data);
    Ok(Points::new(data, dims))
}

/// Labels written by `cluster`: the array `labels` of an npz, a one-dimensional npy, or a csv or json column.
///
/// # Errors
/// If there are no labels, or not one for each of `features` features.
pub(super) fn clusters(path: &Path, features: usize) -> Result<Clusters> {
    let bytes = Bytes::map(path)?;
    let raw: Vec<i32> = match sniff(&bytes) {
        FileKind::Text => csv_column(&bytes, path, "cluster")?,
        FileKind::Json => json_column(&bytes, path, "cluster")?,
        _ => {
            let all = tensors(path)?;
            let labels = all.iter().find(|tensor| tensor.name() == "labels").or(match &all[..] {
                [only] if only.shape().len() == 1 => Some(only),
                _ => None,
            });
            let labels = labels
                .ok_or_else(|| Problem::new("no array of labels").path(path).expected("labels [features]").input())?;
            let whole = |x: f64| (x.fract() == 0.0 && x.abs() <= f64::from(i32::MAX)).then_some(x as i32);
            let raw: Option<Vec<i32>> = labels.to_f64().into_iter().map(whole).collect();
            raw.ok_or_else(|| labels.problem("a label that is no whole number").expected("labels from -1 on").input())?
        }
    };
    if raw.len() != features {
        let labels = counted(raw.len(), "label", "labels");
        return Err(Problem::new(format!("{labels} for {}", counted(features, "feature", "features")))
            .path(path)
            .hint("the clusters of this dictionary")
            .input());
    }
    Ok(Clusters::from_labels(&raw))
}

fn csv_column(bytes: &[u8], path: &Path, name: &str) -> Result<Vec<i32>> {
    let bad =
        |what: String| Problem::new(what).path(path).expected(format!("a column {name} of whole numbers")).input();
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(bytes);
    let headers = reader.headers().map_err(|e| bad(e.to_string()))?.clone();
    let column = headers.iter().position(|h| h == name).ok_or_else(|| bad("no such column".into()))?;
    reader
        .records()
        .map(|record| {
            let record = record.map_err(|e| bad(e.to_string()))?;
            let text = record.get(column).unwrap_or_default();
            text.parse().map_err(|_| bad(format!("{text:?} is not a whole number")))
        })
        .collect()
}

fn json_column(bytes: &[u8], path: &Path, name: &str) -> Result<Vec<i32>> {
    let bad = |what: String| Problem::new(what).path(path).expected(format!("rows with a whole number {name}")).input();
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|e| bad(e.to_string()))?;
    let rows = value.as_object().and_then(|object| object.values().find_map(|v| v.as_array()));
    rows.ok_or_else(|| bad("no rows".into()))?
        .iter()
        .map(|row| {
            let label = row.get(name).and_then(serde_json::Value::as_i64);
            label.and_then(|l| i32::try_from(l).ok()).ok_or_else(|| bad("a row without it".into()))
        })
        .collect()
}

/// A neighbour graph written by `knn`.
///
/// # Errors
/// If the arrays are missing, do not agree, or name features that are not there.
pub(super) fn graph(path: &Path, features: usize) -> Result<Knn> {
    let all = tensors(path)?;
    let find = |name: &str| {
        all.iter().find(|tensor| tensor.name() == name).ok_or_else(|| {
            Problem::new(format!("no array {name}")).path(path).hint("a file written by saescope knn").input()
        })
    };
    let (indices, cosines) = (find("indices")?, find("cosines")?);
    let shape = indices.shape();
    if shape.len() != 2 || shape != cosines.shape() || shape[0] != features || shape[1] == 0 {
        return Err(indices.problem("not the graph of this dictionary").expected(format!("[{features}, k]")).input());
    }
    let k = shape[1];
    let indices: Vec<u32> = indices
        .to_indices()?
        .into_iter()
        .map(|i| u32::try_from(i).ok().filter(|&i| (i as usize) < features))
        .collect::<Option<_>>()
        .ok_or_else(|| {
            indices.problem("a neighbour that is not there").expected(format!("below {features}")).input()
        })?;
    Ok(Knn { k, indices, cosines: cosines.to_f32() })
}
