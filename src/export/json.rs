//! JSON: rows as objects under the document's name, extras as arrays, provenance beside them.

use super::{Array, Document};
use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// A part of the document, which is made as it is written.
enum Part<'a> {
    Rows(&'a Document),
    Extra(&'a Array),
    Provenance(Value),
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Rows(document) => rows(document, serializer),
            Self::Extra(extra) if extra.shape.len() == 1 => {
                serializer.collect_seq((0..extra.data.len()).map(|i| extra.data.json(i)))
            }
            Self::Extra(extra) => {
                let width = extra.width();
                let line = |row| (row * width..(row + 1) * width).map(|i| extra.data.json(i)).collect::<Value>();
                serializer.collect_seq((0..extra.rows()).map(line))
            }
            Self::Provenance(value) => value.serialize(serializer),
        }
    }
}

fn rows<S: Serializer>(document: &Document, serializer: S) -> Result<S::Ok, S::Error> {
    let names: Vec<Vec<String>> = document.arrays.iter().map(Array::column_names).collect();
    let mut all = serializer.serialize_seq(None)?;
    for row in 0..document.arrays.first().map_or(0, Array::rows) {
        let cells = document.arrays.iter().zip(&names).flat_map(|(array, names)| {
            let width = array.width();
            names.iter().enumerate().map(move |(i, name)| (name.clone(), array.data.json(row * width + i)))
        });
        all.serialize_element(&cells.collect::<Map<String, Value>>())?;
    }
    all.end()
}

/// Writes the whole of `document`.
pub(super) fn write(document: &Document, out: &mut impl Write) -> io::Result<()> {
    let extras = document.extras.iter().map(|extra| (extra.name.as_str(), Part::Extra(extra)));
    let mut whole: BTreeMap<&str, Part> = extras.collect();
    whole.insert(document.rows, Part::Rows(document));
    whole.insert("provenance", Part::Provenance(document.provenance.json()));
    serde_json::to_writer(&mut *out, &whole)?;
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
