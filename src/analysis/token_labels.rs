//! Labels of tokens or points, as `--token-labels` and `cloud --labels` take them from a file.
//!
//! One a line in the order of the rows, or a csv or jsonl with `label`. An empty label is none.

use super::fingerprint::source;
use crate::container::Bytes;
use crate::container::text::{Lines, Table, column_name};
use crate::error::{Problem, Result};
use crate::geometry::cloud::{LabelDistance, PointLabels};
use crate::text::counted;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Labels of the rows of the activations.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLabels {
    /// The file.
    pub path: PathBuf,
    /// A label for each row, or none.
    pub labels: PointLabels,
    /// How far apart labels that are numbers are.
    pub distance: LabelDistance,
}

impl TokenLabels {
    /// Where they came from, and how they are compared.
    pub(super) fn source(&self) -> Value {
        let mut source = source(&self.path);
        source["distance"] = self.distance.to_string().into();
        source
    }
}

/// The labels of a file, one for each of `rows` rows.
///
/// # Errors
/// If there are none, or not one for each.
pub fn load(path: &Path, rows: usize) -> Result<PointLabels> {
    let bytes = Bytes::map(path)?;
    let mut lines = Lines::from_bytes(bytes.clone(), path);
    let first = lines.by_ref().find(|line| !matches!(line, Ok((_, text)) if text.trim().is_empty())).transpose()?;
    let mut labels: Vec<String> = match first {
        Some((_, first)) if first.trim_start().starts_with('{') => of_objects(bytes, path)?,
        Some((_, first)) if first.split([',', '\t']).any(|cell| column_name(cell.trim_matches('"')) == "label") => {
            of_column(bytes, path)?
        }
        _ => Lines::from_bytes(bytes, path).map(|line| line.map(|(_, text)| text)).collect::<Result<_>>()?,
    };
    // The last line of a file may end, or not.
    while labels.len() > rows && labels.last().is_some_and(|label| label.trim().is_empty()) {
        labels.pop();
    }
    if labels.len() != rows {
        let what = format!("{} for {}", counted(labels.len(), "label", "labels"), counted(rows, "row", "rows"));
        return Err(Problem::new(what).path(path).expected("one a row, in the order of the rows").input());
    }
    Ok(PointLabels::new(&labels))
}

fn of_objects(bytes: Bytes, path: &Path) -> Result<Vec<String>> {
    let lines = Lines::from_bytes(bytes, path).filter(|line| !matches!(line, Ok((_, text)) if text.trim().is_empty()));
    let label = |line: Result<(usize, String)>| {
        let (number, text) = line?;
        let value: Value = serde_json::from_str(&text).map_err(|error| {
            let what = format!("line {number} cannot be read: {error}");
            Problem::new(what).path(path).expected("one JSON object a line").input()
        })?;
        match value.get("label") {
            Some(Value::String(label)) => Ok(label.clone()),
            Some(Value::Number(label)) => Ok(label.to_string()),
            None | Some(Value::Null) => Ok(String::new()),
            Some(_) => Err(Problem::new(format!("line {number}: the label is no text"))
                .path(path)
                .expected("text or a number")
                .input()),
        }
    };
    lines.map(label).collect()
}

fn of_column(bytes: Bytes, path: &Path) -> Result<Vec<String>> {
    let mut table = Table::from_bytes(bytes, path)?;
    let header = table.next().transpose()?.map(|(_, cells)| cells).unwrap_or_default();
    let column = header.iter().position(|cell| column_name(cell) == "label");
    let column = column.ok_or_else(|| Problem::new("no column label").path(path).input())?;
    let label = |record: Result<(usize, Vec<String>)>| {
        let (_, mut cells) = record?;
        Ok(if column < cells.len() { cells.swap_remove(column) } else { String::new() })
    };
    table.map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn labels_are_lines_a_column_or_objects() {
        let folder = tempfile::tempdir().unwrap();
        let read = |text: &str| load(&file(&folder, "l.txt", text), 3).map(|labels| (labels.names, labels.of));
        let days = (vec!["Mon".to_string(), "Tue".to_string()], vec![Some(1), None, Some(0)]);
        for text in [
            "Tue\n\nMon\n",
            "Tue\n\nMon",
            "x,label\n1,Tue\n2,\n3,Mon\n",
            "{\"label\": \"Tue\"}\n{}\n{\"label\": \"Mon\", \"row\": 2}\n",
        ] {
            assert_eq!(read(text).unwrap(), days, "{text}");
        }
        assert!(read("a\nb\n").unwrap_err().to_string().contains("2 labels for 3 rows"));
        assert!(read("{\"label\": [1]}\n{}\n{}\n").unwrap_err().to_string().contains("line 1: the label is no text"));
    }
}
