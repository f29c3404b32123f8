//! Rows that are objects, as columns: nested where the file can nest, else flattened.
//!
//! Nested fields flatten to names joined with underscores; an object in a list is called by the components that it names
//! (`planes_12_mixture`), or else by its place from 1; lists of plain values join with semicolons.

use super::{Array, Data};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// A row: its fields in order.
pub type Fields = Vec<(String, Value)>;

/// Columns of `rows`, in the order in which fields first appear; what a row does not have is absent.
pub fn arrays(rows: &[Fields], nested: bool) -> Vec<Array> {
    let flat: Vec<Fields> = rows.iter().map(|row| if nested { row.clone() } else { flatten(row) }).collect();
    let (mut names, mut seen) = (Vec::new(), BTreeSet::new());
    // A row that lacks a field must not push it to the end: fields go behind the one that they follow.
    for row in &flat {
        let mut after = 0;
        for (name, _) in row {
            if seen.insert(name.clone()) {
                names.insert(after, name.clone());
                after += 1;
            } else {
                after = names.iter().position(|known| known == name).map_or(names.len(), |at| at + 1);
            }
        }
    }
    let lookup: Vec<HashMap<&str, &Value>> =
        flat.iter().map(|row| row.iter().map(|(name, value)| (name.as_str(), value)).collect()).collect();
    let column = |name: &String| {
        let values: Vec<&Value> =
            lookup.iter().map(|row| row.get(name.as_str()).copied().unwrap_or(&Value::Null)).collect();
        Array::column(name, data(&values, nested))
    };
    names.iter().map(column).collect()
}

fn data(values: &[&Value], nested: bool) -> Data {
    if nested {
        return Data::Json(values.iter().map(|value| (*value).clone()).collect());
    }
    if values.iter().all(|value| value.is_i64() || value.is_u64()) {
        return Data::I64(values.iter().map(|value| value.as_i64().unwrap_or(i64::MAX)).collect());
    }
    if values.iter().all(|value| value.is_null() || value.is_number()) {
        return Data::F64(values.iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect());
    }
    Data::Text(values.iter().map(|value| (!value.is_null()).then(|| cell(value))).collect())
}

/// A value as text: lists joined with semicolons.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(";"),
        other => other.to_string(),
    }
}

/// The fields with nested ones flattened.
pub fn flatten(fields: &[(String, Value)]) -> Fields {
    let mut out = Vec::new();
    for (name, value) in fields {
        put(name, value, &mut out);
    }
    out
}

fn put(name: &str, value: &Value, out: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| put(&format!("{name}_{key}"), value, out)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (at, item) in items.iter().enumerate() {
                let pcs = item.get("pcs").and_then(Value::as_array);
                let own = pcs.map_or_else(|| (at + 1).to_string(), |pcs| pcs.iter().map(ToString::to_string).collect());
                let Value::Object(fields) = item else { continue };
                for (key, value) in fields.iter().filter(|(key, _)| *key != "pcs") {
                    put(&format!("{name}_{own}_{key}"), value, out);
                }
            }
        }
        other => out.push((name.to_string(), other.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rows() -> Vec<Fields> {
        let first =
            json!({"rank": 1, "features": [3, 7], "planes": [{"pcs": [1, 2], "mixture": 0.5}], "verdict": "loop"});
        let second = json!({"rank": 2, "features": [1], "planes": [], "verdict": null});
        [first, second].map(|row| row.as_object().unwrap().clone().into_iter().collect()).to_vec()
    }

    #[test]
    fn nested_fields_flatten_and_lists_join() {
        let flat: Vec<(String, String)> =
            arrays(&rows(), false).iter().map(|a| (a.name.clone(), a.data.text(0))).collect();
        let of = |name: &str| flat.iter().find(|(own, _)| own == name).unwrap().1.clone();
        assert_eq!(
            (of("features"), of("planes_12_mixture"), of("verdict")),
            ("3;7".into(), "0.5".into(), "loop".into())
        );
        let found = arrays(&rows(), false);
        let rank = found.iter().find(|array| array.name == "rank").unwrap();
        assert_eq!(rank.data, Data::I64(vec![1, 2]));
        let mixture = found.iter().find(|array| array.name == "planes_12_mixture").unwrap();
        assert_eq!((mixture.data.text(0), mixture.data.text(1)), ("0.5".into(), String::new()));
    }

    #[test]
    fn json_keeps_what_is_nested() {
        let found = arrays(&rows(), true);
        let planes = found.iter().find(|array| array.name == "planes").unwrap();
        assert_eq!(planes.data, Data::Json(vec![json!([{"pcs": [1, 2], "mixture": 0.5}]), json!([])]));
    }
}
