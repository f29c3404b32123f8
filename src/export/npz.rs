//! numpy archive: every array under its name, texts as unicode, provenance as the string array `provenance`.

use super::{Data, Document};
use crate::container::write::NpzWriter;
use std::io::{self, Seek, Write};

/// Writes every array of `document`.
pub(super) fn write(document: &Document, out: &mut (impl Write + Seek)) -> io::Result<()> {
    let mut npz = NpzWriter::new(out);
    for array in document.arrays.iter().chain(&document.extras) {
        match &array.data {
            Data::F32(v) => npz.array(&array.name, &array.shape, v)?,
            Data::F64(v) => npz.array(&array.name, &array.shape, v)?,
            Data::I32(v) => npz.array(&array.name, &array.shape, v)?,
            Data::I64(v) => npz.array(&array.name, &array.shape, v)?,
            Data::Text(v) => {
                let texts: Vec<&str> = v.iter().map(|text| text.as_deref().unwrap_or_default()).collect();
                npz.texts(&array.name, &array.shape, &texts)?;
            }
            Data::Json(v) => {
                let texts: Vec<String> = v.iter().map(super::objects::cell).collect();
                npz.texts(&array.name, &array.shape, &texts)?;
            }
        }
    }
    npz.texts("provenance", &[], &[document.provenance.json().to_string()])?;
    npz.finish()
}

#[cfg(test)]
mod tests {
    use crate::container::write::to_bytes;
    use crate::export::tests::document;

    #[test]
    fn the_same_document_gives_the_same_bytes() {
        let bytes = || to_bytes(|out| super::write(&document(), out)).unwrap();
        assert_eq!(*bytes(), *bytes());
        assert!(bytes().starts_with(b"PK"));
    }
}
