//! Arrays that verbs take from files: coordinates, points, cluster labels, neighbour graphs.

use crate::container::{ArrayFile, Bytes, Dtype, FileKind, Matrix, Tensor, sniff};
use crate::error::{Problem, Result};
use crate::geometry::neighbors::Knn;
use crate::text::counted;
use serde_json::Value;
use std::path::Path;

/// How far beyond 1 the rounding of another program may bring a cosine.
const ROUNDING: f32 = 1e-5;

/// Every array of numbers in an npy, npz or safetensors file.
///
/// # Errors
/// If the file is none of these or is damaged.
pub(super) fn tensors(path: &Path) -> Result<Vec<Tensor>> {
    let file = ArrayFile::open(path)?;
    let numbers = file.list()?.into_iter().filter(|array| array.dtype.is_some());
    numbers.map(|array| file.tensor(&array.name)).collect()
}

/// Points or coordinates `[n, dims]`, as exactly as the file has them: the array `coordinates`, or the only one.
///
/// # Errors
/// If the file has several arrays and none is called so, or the array is no matrix of numbers, or it is empty.
pub(super) fn points(path: &Path) -> Result<Matrix> {
    let all = tensors(path)?;
    let tensor = match (all.iter().find(|tensor| tensor.name() == "coordinates"), &all[..]) {
        (Some(named), _) => named,
        (None, [only]) => only,
        (None, _) => {
            let names: Vec<&str> = all.iter().map(Tensor::name).collect();
            return Err(Problem::new("no array coordinates")
                .path(path)
                .expected(format!("an array of that name, not only {}", names.join(", ")))
                .hint("a file written by saescope embed, or an npy of one matrix")
                .input());
        }
    };
    let expected = "numbers [points, dimensions]";
    if tensor.shape().len() != 2 || tensor.dtype() == Dtype::Bool {
        let hint =
            if tensor.shape().len() == 1 { "array.reshape(-1, 1), if each number is a point" } else { "a matrix" };
        return Err(tensor.problem("these are no points").expected(expected).hint(hint).input());
    }
    if tensor.is_empty() {
        return Err(tensor.problem("no points").expected(expected).input());
    }
    tensor.matrix()
}

/// The cluster of each feature by the file's own numbers, -1 for none, as `cluster` writes it: the array `labels` of an
/// npz, a one-dimensional npy, or the rows' `cluster` of a csv or json. Where an array, column or key `feature` says whose
/// they are, the order does not matter; else they are those of the features in turn.
///
/// # Errors
/// If there are no labels, or not one for each of `features` features.
pub(super) fn cluster_numbers(path: &Path, features: usize) -> Result<Vec<i32>> {
    let bytes = Bytes::map(path)?;
    let problem = |what: String| Problem::new(what).path(path);
    let none = |expected: &str| problem("no clusters".into()).expected(expected).input();
    let (numbers, whose) = match sniff(&bytes) {
        FileKind::Text => {
            let column = |name| csv_column(&bytes, path, name);
            (column("cluster")?.ok_or_else(|| none("a column cluster"))?, column("feature")?)
        }
        FileKind::Json => {
            let rows = json_rows(&bytes, path)?;
            let column = |name| json_column(&rows, path, name);
            (column("cluster")?.ok_or_else(|| none("rows with a number cluster"))?, column("feature")?)
        }
        _ => {
            let all = tensors(path)?;
            let array = |name: &str| all.iter().find(|tensor| tensor.name() == name);
            let labels = array("labels").or(match &all[..] {
                [only] if only.shape().len() == 1 => Some(only),
                _ => None,
            });
            (labels.ok_or_else(|| none("an array labels [features]"))?.to_f64(), array("feature").map(Tensor::to_f64))
        }
    };
    let range = format!("whole numbers from -1 to {}", i32::MAX);
    let bad = |x: f64, what: &str| Err(problem(format!("the cluster {x} is {what}")).expected(&range).input());
    let clusters = numbers.into_iter().map(|x| match x {
        x if x.fract() != 0.0 || !x.is_finite() => bad(x, "no whole number"),
        x if x.abs() > f64::from(i32::MAX) => bad(x, "out of range"),
        x => Ok((x as i32).max(-1)),
    });
    let clusters = clusters.collect::<Result<Vec<i32>>>()?;
    let wrong = |what: String| Err(problem(what).hint("the clusters of all features of this dictionary").input());
    let rows = whose.as_ref().map_or(features, Vec::len);
    if clusters.len() != rows || whose.is_none() && rows != features {
        let labels = counted(clusters.len(), "label", "labels");
        return wrong(format!("{labels} for {}", counted(rows, "feature", "features")));
    }
    let Some(whose) = whose else { return Ok(clusters) };
    let mut placed = vec![None; features];
    for (feature, cluster) in whose.into_iter().zip(clusters) {
        let place = if feature >= 0.0 && feature.fract() == 0.0 { placed.get_mut(feature as usize) } else { None };
        match place {
            None => return wrong(format!("{feature} is none of {}", counted(features, "feature", "features"))),
            Some(Some(_)) => return wrong(format!("the feature {feature} is there twice")),
            Some(place) => *place = Some(cluster),
        }
    }
    match placed.iter().position(Option::is_none) {
        Some(missing) => wrong(format!("the feature {missing} is missing")),
        None => Ok(placed.into_iter().flatten().collect()),
    }
}

/// The numbers of a column, if there is one of this name.
fn csv_column(bytes: &[u8], path: &Path, name: &str) -> Result<Option<Vec<f64>>> {
    let bad =
        |what: String| Problem::new(what).path(path).expected(format!("a column {name} of whole numbers")).input();
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(bytes);
    let headers = reader.headers().map_err(|e| bad(e.to_string()))?.clone();
    let Some(column) = headers.iter().position(|header| header.trim() == name) else { return Ok(None) };
    let number = |record: csv::Result<csv::StringRecord>| {
        let record = record.map_err(|e| bad(e.to_string()))?;
        let text = record.get(column).unwrap_or_default().trim();
        text.parse().map_err(|_| bad(format!("{text:?} is no whole number")))
    };
    reader.records().map(number).collect::<Result<_>>().map(Some)
}

/// The rows of a json: a list, or the first list in an object.
fn json_rows(bytes: &[u8], path: &Path) -> Result<Vec<Value>> {
    let bad = |what: String| Problem::new(what).path(path).expected("rows, each an object with a cluster").input();
    let lists = match serde_json::from_slice(bytes).map_err(|e| bad(e.to_string()))? {
        Value::Object(object) => object.into_iter().map(|(_, value)| value).collect(),
        list => vec![list],
    };
    let mut rows = lists.into_iter().filter_map(|value| if let Value::Array(rows) = value { Some(rows) } else { None });
    rows.next().ok_or_else(|| bad("no rows".into()))
}

/// The numbers that rows have under a name, if any has one.
fn json_column(rows: &[Value], path: &Path, name: &str) -> Result<Option<Vec<f64>>> {
    if rows.iter().all(|row| row.get(name).is_none()) {
        return Ok(None);
    }
    let number = |(at, row): (usize, &Value)| {
        let problem = || Problem::new(format!("row {at} has no number {name}")).path(path).input();
        row.get(name).and_then(Value::as_f64).ok_or_else(problem)
    };
    rows.iter().enumerate().map(number).collect::<Result<_>>().map(Some)
}

/// A neighbour graph written by `knn`, or like one: of every feature as many others, nearest first.
///
/// # Errors
/// If the arrays are missing or do not agree, or a row names a feature that is not there, its own or one twice, or its
/// cosines are not descending numbers from -1 to 1.
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
    let near: Vec<u32> = indices
        .to_indices()?
        .into_iter()
        .map(|i| u32::try_from(i).ok().filter(|&i| (i as usize) < features))
        .collect::<Option<_>>()
        .ok_or_else(|| {
            indices.problem("a neighbour that is not there").expected(format!("below {features}")).input()
        })?;
    let mut values = cosines.to_f32();
    let mut sorted = Vec::with_capacity(k);
    for (row, (near, values)) in near.chunks_exact(k).zip(values.chunks_exact_mut(k)).enumerate() {
        let wrong = |tensor: &Tensor, what: String, expected: &str| {
            let hint = "a file written by saescope knn";
            Err(tensor.problem(format!("row {row} {what}")).expected(expected).hint(hint).input())
        };
        if near.contains(&(row as u32)) {
            return wrong(indices, "lists the feature itself".into(), "other features alone");
        }
        sorted.clear();
        sorted.extend_from_slice(near);
        sorted.sort_unstable();
        if let Some([twice, _]) = sorted.array_windows().find(|[a, b]| a == b) {
            return wrong(indices, format!("lists {twice} twice"), "every neighbour once");
        }
        if let Some(value) = values.iter().find(|cosine| cosine.is_nan() || cosine.abs() > 1.0 + ROUNDING) {
            return wrong(cosines, format!("has the cosine {value}"), "numbers from -1 to 1");
        }
        if !values.is_sorted_by(|a, b| a >= b) {
            return wrong(cosines, "has cosines out of order".into(), "the nearest first");
        }
        for cosine in values {
            *cosine = cosine.clamp(-1.0, 1.0);
        }
    }
    Ok(Knn { k, indices: near, cosines: values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::write::{Element, NpzWriter, write_npy};
    use crate::rows::Rows;
    use std::fs::File;
    use std::path::PathBuf;

    fn npy<T: Element>(folder: &tempfile::TempDir, shape: &[usize], values: &[T]) -> PathBuf {
        let path = folder.path().join("points.npy");
        write_npy(&mut File::create(&path).unwrap(), shape, values).unwrap();
        path
    }

    #[test]
    fn points_are_read_as_exactly_as_they_are_stored() {
        let folder = tempfile::tempdir().unwrap();
        let stored = [1e6 + 0.015_625, 1e6, -1e-9, 0.1];
        let mut read = [0.0; 4];
        points(&npy(&folder, &[2, 2], &stored)).unwrap().read_f64(0..2, &mut read);
        assert_eq!(read, stored);
        let whole = points(&npy(&folder, &[4, 1], &[16_777_217i64, -3, 0, 7])).unwrap();
        whole.read_f64(0..4, &mut read);
        assert_eq!(read, [16_777_217.0, -3.0, 0.0, 7.0]);
    }

    #[test]
    fn what_is_no_matrix_of_numbers_is_described() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: PathBuf| points(&path).unwrap_err().to_string();
        let flat = error(npy(&folder, &[3], &[1.0f64, 2.0, 3.0]));
        assert!(
            flat.contains("shape [3], dtype f64") && flat.contains("reshape") && !flat.contains("--tensor"),
            "{flat}"
        );
        assert!(error(npy(&folder, &[1, 1, 2], &[1.0f32, 2.0])).contains("shape [1, 1, 2]"));
        assert!(error(npy::<f32>(&folder, &[0, 2], &[])).contains("no points"));
    }

    #[test]
    fn coordinates_are_told_from_other_arrays_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("several.npz");
        let write = |names: &[&str]| {
            let mut npz = NpzWriter::new(File::create(&path).unwrap());
            for (at, name) in names.iter().enumerate() {
                npz.array(name, &[1, 2], &[at as f32; 2]).unwrap();
            }
            npz.finish().unwrap();
            points(&path).map(|matrix| {
                let mut row = [0.0; 2];
                matrix.read(0..1, &mut row);
                row[0]
            })
        };
        assert_eq!(write(&["feature", "coordinates"]).unwrap(), 1.0);
        assert_eq!(write(&["anything"]).unwrap(), 0.0);
        let error = write(&["indices", "cosines"]).unwrap_err().to_string();
        assert!(error.contains("no array coordinates") && error.contains("indices, cosines"), "{error}");
    }

    #[test]
    fn a_graph_that_is_none_is_refused_with_its_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("graph.npz");
        let read = |indices: [i32; 6], cosines: [f32; 6]| {
            let mut npz = NpzWriter::new(File::create(&path).unwrap());
            npz.array("indices", &[3, 2], &indices).unwrap();
            npz.array("cosines", &[3, 2], &cosines).unwrap();
            npz.finish().unwrap();
            graph(&path, 3)
        };
        let (near, fair) = ([1, 2, 0, 2, 0, 1], [0.9, 0.5, 0.9, -0.2, 0.5, -0.2]);
        let good = read(near, fair).unwrap();
        assert_eq!((good.k, good.row(1)), (2, (&[0, 2][..], &[0.9, -0.2][..])));
        // Another program's rounding is taken back into the range.
        assert_eq!(read(near, [1.000_001, 0.5, 0.9, -0.2, 0.5, -0.2]).unwrap().cosines[0], 1.0);
        let with = |at: usize, cosine: f32| {
            let mut cosines = fair;
            cosines[at] = cosine;
            cosines
        };
        for (indices, cosines, words) in [
            ([1, 2, 1, 2, 0, 1], fair, "row 1 lists the feature itself"),
            ([1, 2, 0, 2, 0, 0], fair, "row 2 lists 0 twice"),
            ([1, 2, 0, 3, 0, 1], fair, "a neighbour that is not there"),
            ([1, 2, 0, -1, 0, 1], fair, "a negative index"),
            (near, with(3, f32::NAN), "row 1 has the cosine NaN"),
            (near, with(0, 1.1), "row 0 has the cosine 1.1"),
            (near, with(4, -0.3), "row 2 has cosines out of order"),
        ] {
            let error = read(indices, cosines).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
