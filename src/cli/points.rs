//! Clouds of points, as `cloud` takes them from files.
//!
//! Points: a csv of numbers alone; a csv with a header, of which the columns `pc1`, `pc2`, … are taken if there are any,
//! as `manifold` writes them, or else all columns but those that name or place a row; or an array `[points, dimensions]`
//! of an npy, npz or safetensors file.

use super::input;
use crate::container::text::{Table, column_name};
use crate::container::{Bytes, FileKind, sniff};
use crate::error::{Problem, Result};
use crate::rows::{Points64, Rows};
use crate::text::{clip, counted};
use std::path::Path;

/// Columns of a csv with a header that are no coordinates.
const BESIDE: &[&str] = &["label", "token", "document", "position", "row", "feature", "cluster", "s"];

/// The points of a file, as exactly as it has them.
///
/// # Errors
/// If there are none, a cell is no number, or the rows are not of one length.
pub(super) fn cloud(path: &Path) -> Result<Points64> {
    let bytes = Bytes::map(path)?;
    if sniff(&bytes) == FileKind::Text || is_csv(path) {
        return of_table(bytes, path);
    }
    let matrix = input::points(path)?;
    let mut data = vec![0.0; matrix.nrows() * matrix.ncols()];
    matrix.read_f64(0..matrix.nrows(), &mut data);
    Ok(Points64::new(data, matrix.ncols()))
}

fn is_csv(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    [".csv", ".tsv", ".csv.gz", ".tsv.gz"].iter().any(|suffix| name.ends_with(suffix))
}

fn of_table(bytes: Bytes, path: &Path) -> Result<Points64> {
    let mut table = Table::from_bytes(bytes, path)?.peekable();
    let none = || Problem::new("no points").path(path).expected("rows of numbers parted by commas").input();
    let Some(Ok((_, first))) = table.peek() else {
        return Err(table.next().and_then(Result::err).unwrap_or_else(none));
    };
    let number = |cell: &str| cell.trim().parse::<f64>().ok();
    let width = first.len();
    let taken: Vec<usize> = if first.iter().all(|cell| number(cell).is_some()) {
        (0..width).collect()
    } else {
        let names: Vec<String> = first.iter().map(|cell| column_name(cell)).collect();
        table.next();
        let is_pc = |name: &str| name.strip_prefix("pc").is_some_and(crate::text::is_digits);
        let components: Vec<usize> = (0..width).filter(|&at| is_pc(&names[at])).collect();
        let others = (0..width).filter(|&at| !BESIDE.contains(&names[at].as_str()));
        if components.is_empty() { others.collect() } else { components }
    };
    let mut data = Vec::new();
    for record in table {
        let (line, cells) = record?;
        if cells.len() != width {
            let what = format!("line {line} has {}", counted(cells.len(), "cell", "cells"));
            return Err(Problem::new(what).path(path).expected(format!("{width}, as the first line")).input());
        }
        for &at in &taken {
            let cell = &cells[at];
            data.push(number(cell).filter(|x| x.is_finite()).ok_or_else(|| {
                Problem::new(format!("line {line}, column {}: {:?}", at + 1, clip(cell, 60)))
                    .path(path)
                    .expected("a finite number")
                    .hint("a csv of numbers alone, or one with a header whose other columns are numbers")
                    .input()
            })?);
        }
    }
    if data.is_empty() {
        return Err(none());
    }
    Ok(Points64::new(data, taken.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> std::path::PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn points_are_numbers_alone_or_the_columns_of_a_header() {
        let folder = tempfile::tempdir().unwrap();
        let read = |text: &str| cloud(&file(&folder, "p.csv", text));
        let plain = read("1,2\n3.5,-4e2\n").unwrap();
        assert_eq!((plain.dims(), plain.data()), (2, &[1.0, 2.0, 3.5, -400.0][..]));
        assert_eq!(read("token,pc1,pc2,s\n7,1,2,\n8,3,4,0.5\n").unwrap().data(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(read("x\ty\tlabel\n1\t2\tMon\n").unwrap().data(), [1.0, 2.0]);
        for (text, words) in [
            ("", "no points"),
            ("x,y\n", "no points"),
            ("1,2\n3\n", "line 2 has 1 cell"),
            ("1,2\n3,x\n", "line 2, column 2: \"x\""),
            ("1,2\n3,inf\n", "a finite number"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
