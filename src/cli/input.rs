//! Arrays that verbs take from files: coordinates, points, vectors to encode, cluster labels, neighbour graphs.

use crate::container::{Matrix, Tensor, npy, npz, safetensors};
use crate::error::{Problem, Result};
use crate::geometry::cluster::Clusters;
use crate::geometry::neighbors::Knn;
use crate::rows::{Points, Rows};
use std::path::Path;

/// Every array of an npy, npz or safetensors file.
///
/// # Errors
/// If the file is none of these or is damaged.
pub(super) fn tensors(path: &Path) -> Result<Vec<Tensor>> {
    match path.extension().and_then(|s| s.to_str()).unwrap_or_default().to_lowercase().as_str() {
        "npy" => Ok(vec![npy::read(path)?]),
        "npz" => npz::read(path),
        "safetensors" => safetensors::read(path),
        other => Err(Problem::new(format!("cannot read arrays from a {other:?} file"))
            .path(path)
            .expected("npy, npz or safetensors")
            .usage()),
    }
}

/// The matrix called `name`, or the only two-dimensional array of numbers.
///
/// # Errors
/// If there is no such array, or there are several and none is named.
pub(super) fn matrix(path: &Path, name: Option<&str>) -> Result<Matrix> {
    let all = tensors(path)?;
    let fits = |tensor: &&Tensor| match name {
        Some(name) => tensor.name() == name,
        None => tensor.dtype().is_float() && tensor.shape().len() >= 2,
    };
    let found: Vec<&Tensor> = all.iter().filter(fits).collect();
    match found[..] {
        [one] => one.matrix(),
        _ => {
            let names: Vec<&str> = all.iter().map(Tensor::name).collect();
            Err(Problem::new(format!("{} arrays fit", found.len()))
                .path(path)
                .expected(format!("one matrix of numbers among {}", names.join(", ")))
                .hint("--tensor NAME")
                .input())
        }
    }
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
    let suffix = path.extension().and_then(|s| s.to_str()).unwrap_or_default().to_lowercase();
    let raw: Vec<i32> = match suffix.as_str() {
        "csv" => csv_column(path, "cluster")?,
        "json" => json_column(path, "cluster")?,
        _ => {
            let all = tensors(path)?;
            let labels = all.iter().find(|tensor| tensor.name() == "labels").or(match &all[..] {
                [only] if only.shape().len() == 1 => Some(only),
                _ => None,
            });
            let labels = labels
                .ok_or_else(|| Problem::new("no array of labels").path(path).expected("labels [features]").input())?;
            labels.to_f64().into_iter().map(|label| label as i32).collect()
        }
    };
    if raw.len() != features {
        return Err(Problem::new(format!("{} labels for {features} features", raw.len()))
            .path(path)
            .hint("the clusters of this dictionary")
            .input());
    }
    Ok(Clusters::from_labels(&raw))
}

fn csv_column(path: &Path, name: &str) -> Result<Vec<i32>> {
    let bad =
        |what: String| Problem::new(what).path(path).expected(format!("a column {name} of whole numbers")).input();
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_path(path).map_err(|e| bad(e.to_string()))?;
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

fn json_column(path: &Path, name: &str) -> Result<Vec<i32>> {
    let bad = |what: String| Problem::new(what).path(path).expected(format!("rows with a whole number {name}")).input();
    let text = std::fs::read_to_string(path).map_err(|e| crate::Error::io(path, &e))?;
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
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
