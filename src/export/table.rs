//! The table of features as arrays of a document.

use super::{Array, Data};
use crate::analysis::columns::{Column, ColumnKind, FeatureTable, Value};

/// The `columns` of `features`; what is not known is absent.
pub fn arrays(table: &FeatureTable<'_>, columns: &[Column], features: &[usize]) -> Vec<Array> {
    let array = |&column: &Column| {
        let index = column == Column::Feature;
        Array { index, ..Array::column(column.name(), data(table, column, features)) }
    };
    columns.iter().map(array).collect()
}

/// How many arrays `columns` are beside the index of the rows; the index alone counts as one.
pub fn count(columns: &[Column]) -> usize {
    columns.iter().filter(|column| **column != Column::Feature).count().max(1)
}

fn data(table: &FeatureTable<'_>, column: Column, features: &[usize]) -> Data {
    let values = features.iter().map(|&feature| table.value(column, feature));
    match (column, column.row().kind) {
        (Column::Feature, _) => Data::I64(features.iter().map(|&feature| feature as i64).collect()),
        (_, ColumnKind::Cluster) => Data::I32(values.map(|v| v.number().map_or(-1, |c| c as i32)).collect()),
        (Column::X | Column::Y | Column::Norm | Column::MaxActivation, _) => {
            Data::F32(values.map(|v| v.number().map_or(f32::NAN, |x| x as f32)).collect())
        }
        (_, ColumnKind::Number) => Data::F64(values.map(|v| v.number().unwrap_or(f64::NAN)).collect()),
        (_, ColumnKind::Text | ColumnKind::Names) => Data::Text(
            values
                .map(|value| match value {
                    Value::Text(text) => Some(text.into_owned()),
                    _ => None,
                })
                .collect(),
        ),
    }
}
