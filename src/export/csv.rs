//! Comma-separated values: one line a row, a `# ` header with the provenance, no extras.

use super::Document;
use std::io::{self, Write};

/// Writes the table of `document`. Texts are kept as they are, quoted where they must be.
pub(super) fn write(document: &Document, out: &mut impl Write) -> io::Result<()> {
    if !document.bare {
        writeln!(out, "# {}", document.provenance.json())?;
    }
    let mut csv = csv::WriterBuilder::new().from_writer(out);
    csv.write_record(document.arrays.iter().flat_map(super::Array::column_names))?;
    let rows = document.arrays.first().map_or(0, super::Array::rows);
    for row in 0..rows {
        csv.write_record(document.arrays.iter().flat_map(|array| {
            let width = array.width();
            (row * width..(row + 1) * width).map(|i| array.data.text(i))
        }))?;
    }
    csv.flush()
}

#[cfg(test)]
mod tests {
    use crate::export::tests::document;

    #[test]
    fn rows_follow_the_header() {
        let mut out = Vec::new();
        super::write(&document(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let (header, table) = text.split_once('\n').unwrap();
        assert!(header.starts_with("# {") && header.contains("\"fingerprint\":\"00ff\""));
        assert_eq!(table, "feature,x,y,label\n0,0.1,-2,\"Mon, \"\"day\"\"\n\"\n1,,4,\n");
    }

    #[test]
    fn bare_leaves_the_header_out() {
        let mut out = Vec::new();
        super::write(&crate::export::Document { bare: true, ..document() }, &mut out).unwrap();
        assert!(out.starts_with(b"feature,"));
    }
}
