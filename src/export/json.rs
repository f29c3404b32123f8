//! JSON: rows as objects under the document's name, extras as arrays, provenance beside them.

use super::Document;
use serde_json::{Map, Value};
use std::io::{self, Write};

/// Writes the whole of `document`.
pub(super) fn write(document: &Document, out: &mut impl Write) -> io::Result<()> {
    let mut whole = Map::new();
    let rows = document.arrays.first().map_or(0, super::Array::rows);
    let names: Vec<Vec<String>> = document.arrays.iter().map(super::Array::column_names).collect();
    let row = |row: usize| {
        let cells = document.arrays.iter().zip(&names).flat_map(|(array, names)| {
            let width = array.width();
            names.iter().enumerate().map(move |(i, name)| (name.clone(), array.data.json(row * width + i)))
        });
        Value::Object(cells.collect())
    };
    whole.insert(document.rows.into(), (0..rows).map(row).collect());
    for extra in &document.extras {
        let width = extra.width();
        let line = |row: usize| -> Value { (row * width..(row + 1) * width).map(|i| extra.data.json(i)).collect() };
        let value = if extra.shape.len() == 1 {
            (0..extra.data.len()).map(|i| extra.data.json(i)).collect()
        } else {
            (0..extra.rows()).map(line).collect()
        };
        whole.insert(extra.name.clone(), value);
    }
    whole.insert("provenance".into(), document.provenance.json());
    serde_json::to_writer(&mut *out, &Value::Object(whole))?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use crate::export::tests::document;

    #[test]
    fn rows_are_objects_and_absent_values_null() {
        let mut out = Vec::new();
        super::write(&document(), &mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["features"][0]["x"], 0.1);
        assert!(value["features"][1]["x"].is_null() && value["features"][1]["label"].is_null());
        assert_eq!(value["explained_variance_ratio"][1], 0.25);
        assert_eq!(value["provenance"]["parameters"]["neighbors"], 15);
    }
}
