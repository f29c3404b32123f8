//! One numpy array: the document's only matrix, or its only column.

use super::{Array, Data, Document};
use crate::container::write::write_npy;
use std::io::{self, Write};

/// Writes the one array of `document` that is not the row index.
pub(super) fn write(document: &Document, out: &mut impl Write) -> io::Result<()> {
    let numbers: Vec<&Array> = document
        .arrays
        .iter()
        .filter(|array| array.name != "feature" && !matches!(array.data, Data::Text(_)))
        .collect();
    let [array] = numbers[..] else {
        return Err(io::Error::other(format!(
            "npy holds one array, and there are {}; use .npz, .csv or .json",
            numbers.len()
        )));
    };
    match &array.data {
        Data::F32(v) => write_npy(out, &array.shape, v),
        Data::F64(v) => write_npy(out, &array.shape, v),
        Data::I32(v) => write_npy(out, &array.shape, v),
        Data::I64(v) => write_npy(out, &array.shape, v),
        Data::Text(_) => unreachable!("texts were filtered out"),
    }
}

#[cfg(test)]
mod tests {
    use crate::export::tests::document;

    #[test]
    fn the_matrix_is_written_and_two_arrays_are_refused() {
        let mut document = document();
        let mut out = Vec::new();
        super::write(&document, &mut out).unwrap();
        assert!(out.starts_with(b"\x93NUMPY") && out.ends_with(&4.0f32.to_le_bytes()));
        document.arrays.push(document.arrays[1].clone());
        assert!(super::write(&document, &mut Vec::new()).unwrap_err().to_string().contains(".npz"));
    }
}
