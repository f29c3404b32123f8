//! One numpy array: the document's only matrix, or its only column.

use super::{Array, Data, Document};
use crate::container::write::write_npy;
use std::io::{self, Write};

/// Writes the one array of `document` that is not the index of its rows; the index, if there is nothing else.
pub(super) fn write(document: &Document, out: &mut impl Write) -> io::Result<()> {
    let arrays: Vec<&Array> = document.arrays.iter().filter(|array| !array.index).collect();
    let [array] = (if arrays.is_empty() { document.arrays.iter().collect() } else { arrays })[..] else {
        return Err(io::Error::other("npy holds one array; use .npz, .csv or .json"));
    };
    match &array.data {
        Data::F32(v) => write_npy(out, &array.shape, v),
        Data::F64(v) => write_npy(out, &array.shape, v),
        Data::I32(v) => write_npy(out, &array.shape, v),
        Data::I64(v) => write_npy(out, &array.shape, v),
        Data::Text(_) | Data::Json(_) => Err(io::Error::other("npy holds numbers, not texts; use .npz, .csv or .json")),
    }
}

#[cfg(test)]
mod tests {
    use crate::export::tests::document;

    #[test]
    fn the_matrix_is_written_and_two_arrays_are_refused() {
        let mut document = document();
        let texts = document.arrays.pop().unwrap();
        let mut out = Vec::new();
        super::write(&document, &mut out).unwrap();
        assert!(out.starts_with(b"\x93NUMPY") && out.ends_with(&4.0f32.to_le_bytes()));
        document.arrays.push(document.arrays[1].clone());
        let refused = |document| super::write(&document, &mut Vec::new()).unwrap_err().to_string();
        assert!(refused(document.clone()).contains("one array"));
        document.arrays = vec![texts];
        assert!(refused(document).contains("not texts"));
    }
}
