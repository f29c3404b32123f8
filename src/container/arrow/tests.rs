use super::*;
use crate::container::columns::Column;
use crate::container::text::Lines;
use crate::container::{ArrayFile, FileKind, sniff};
use serde_json::{Value, json};
use std::path::PathBuf;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/arrow")
}

fn open(name: &str) -> ColumnFile {
    let path = folder().join(name);
    from_bytes(&Bytes::map(&path).unwrap(), &path).unwrap()
}

fn said(column: &Column) -> String {
    column.tensors().unwrap_err().to_string()
}

/// What `datasets` and pyarrow say that they wrote.
fn expected() -> serde_json::Map<String, Value> {
    serde_json::from_str(&std::fs::read_to_string(folder().join("expected.json")).unwrap()).unwrap()
}

#[test]
fn what_other_libraries_write_is_read() {
    let mut columns = 0;
    for (file, truth) in &expected() {
        let path = folder().join(file);
        assert_eq!(sniff(&Bytes::map(&path).unwrap()), FileKind::Arrow, "{file}");
        let opened = open(file);
        for (name, truth) in truth.as_object().unwrap() {
            columns += 1;
            let column = opened.column(name).unwrap();
            let values = truth["values"].as_array().unwrap();
            if truth["dtype"].is_null() {
                let read: Vec<Value> = (0..column.rows()).map(|row| column.value(row).unwrap()).collect();
                assert_eq!(&read, values, "{file} {name}");
                continue;
            }
            let dtype = column.dtype().unwrap();
            assert_eq!(dtype.name(), truth["dtype"], "{file} {name}");
            assert_eq!(json!(column.row_shape().unwrap()), truth["row_shape"], "{file} {name}");
            let tensors = column.tensors().unwrap();
            if let Some(batches) = truth["batches"].as_u64() {
                assert_eq!(tensors.len() as u64, batches, "{file} {name}");
            }
            assert!(tensors.iter().all(|tensor| tensor.bytes().is_mapped() || dtype == Dtype::Bool), "{file} {name}");
            let parts: Vec<f64> = tensors.iter().flat_map(super::super::Tensor::to_f64).collect();
            let truth: Vec<f64> = values.iter().map(|value| value.as_f64().unwrap()).collect();
            assert_eq!(parts, truth, "{file} {name}");
            let whole = ArrayFile::open(&path).unwrap().tensor(name).unwrap();
            assert_eq!(whole.to_f64(), truth, "{file} {name}");
            assert_eq!(whole.shape()[0], column.rows(), "{file} {name}");
        }
    }
    assert!(columns > 40, "{columns}");
}

#[test]
fn rows_are_given_as_json_and_texts_as_text() {
    let file = open("batches.arrows");
    let value = |name, row| file.column(name).unwrap().value(row).unwrap();
    assert_eq!((value("int64", 4), value("uint64", 0), value("flag", 1)), (json!(7), json!(7), json!(false)));
    assert_eq!(value("float16", 1), json!(9.0));
    let nested = value("mixed", 4);
    assert_eq!((nested.as_array().unwrap().len(), nested[0].as_array().unwrap().len()), (3, 4));
    let words = file.column("large_word").unwrap().texts().unwrap().collect::<Result<Vec<_>>>().unwrap();
    assert_eq!(words, [Some("one"), Some("zwei"), Some("三"), None, Some("")]);
    let path = folder().join("batches.arrows");
    let lines: Vec<_> = Lines::from_bytes(Bytes::map(&path).unwrap(), &path).collect::<Result<_>>().unwrap();
    assert_eq!(lines.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    for (row, (_, line)) in lines.iter().enumerate() {
        let line: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        assert_eq!(line, file.row(row).unwrap());
        let cells = ["word", "pieces", "int8"].map(|name| line.get(name).cloned().unwrap_or_default());
        assert_eq!(cells, ["word", "pieces", "int8"].map(|name| value(name, row)), "{row}");
        assert!(!line.contains_key("list") && (row != 3 || !line.contains_key("word")), "{line:?}");
    }
    let refused = |name| file.column(name).unwrap().texts().err().unwrap().to_string();
    assert!(refused("pieces").contains("not a column of text") && refused("int8").contains("not a column of text"));
    assert!(said(file.column("word").unwrap()).contains("a column of text"));
    assert!(said(file.column("pieces").unwrap()).contains("a column of text"));
}

#[test]
fn what_is_not_read_is_listed_and_refused_by_name() {
    for (name, what) in [("lz4.arrows", "compressed by LZ4"), ("zstd.arrow", "compressed by Zstandard")] {
        let file = open(name);
        assert!(said(&file.columns()[0]).contains(what));
        assert!(file.columns()[0].value(0).unwrap_err().to_string().contains(what));
    }
    let file = open("others.arrows");
    for (name, what) in [
        ("code", "a dictionary's codes"),
        ("struct", "structs"),
        ("view", "text views"),
        ("dense", "unions"),
        ("sparse", "unions"),
        ("map", "maps"),
        ("time", "timestamps"),
        ("runs", "runs"),
        ("holes", "null"),
        ("deep_holes", "null"),
        ("ragged", "different lengths"),
    ] {
        let column = file.column(name).unwrap();
        let said = said(column);
        assert!(said.contains(what) && said.contains(&format!("tensor {name}")), "{said}");
        assert_eq!((column.row_shape(), column.rows()), (None, 2));
    }
    assert_eq!(file.column("ragged").unwrap().value(1).unwrap(), json!([2.0, 3.0]));
    assert!(file.column("struct").unwrap().value(1).unwrap_err().to_string().contains("structs"));
    let listed = ArrayFile::open(&folder().join("others.arrows")).unwrap().list().unwrap();
    let read: Vec<&str> = listed.iter().filter(|info| info.dtype.is_some()).map(|info| info.name.as_str()).collect();
    assert_eq!(read, ["last"]);
    assert!(file.column("other").unwrap_err().to_string().contains("one of code, struct"));
    let empty = open("empty.arrows");
    assert_eq!((empty.columns()[0].rows(), empty.columns()[0].tensor().unwrap().shape()), (0, &[0][..]));
}

/// Little-endian integers as the buffer of offsets.
fn offsets(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[test]
fn a_stream_that_ends_too_soon_or_claims_too_much_is_refused() {
    let path = folder().join("sliced.arrows");
    let bytes = std::fs::read(&path).unwrap();
    let open = |bytes: Vec<u8>| from_bytes(&bytes.into(), &path);
    let schema = message(&bytes.clone().into(), 0).unwrap().unwrap().end;
    for cut in 0..bytes.len() {
        let read = open(bytes[..cut].to_vec());
        // The end mark may be missing: a stream may just end between two messages.
        let whole = cut == schema || (bytes.len() - 8..).contains(&cut) && cut % 8 == 0;
        assert_eq!(read.is_ok(), whole, "{cut}: {read:?}");
    }
    let body = message(&bytes.clone().into(), schema).unwrap().unwrap().body.len() as u64;
    let at = bytes.windows(8).position(|w| w == body.to_le_bytes()).unwrap();
    for claimed in [body + 64, 1 << 62, u64::MAX] {
        let mut lying = bytes.clone();
        lying[at..at + 8].copy_from_slice(&claimed.to_le_bytes());
        let error = open(lying).unwrap_err().to_string();
        assert!(error.contains("cut short") || error.contains("lead out of themselves"), "{error}");
    }
    let file = std::fs::read(folder().join("batches.arrow")).unwrap();
    let short = from_bytes(&file[..file.len() - 1].to_vec().into(), &path).unwrap_err().to_string();
    assert!(short.contains("cut short") && short.contains("an Arrow file"), "{short}");
    assert!(open(b"ARROW1\0\0".to_vec()).is_err());
    // Lists whose offsets run backwards or out of their items.
    let at = bytes.windows(12).position(|w| w == offsets(&[0, 3, 6])).unwrap();
    for wrong in [[0, 3, 2], [0, 7, 14], [-3, 0, 3], [i32::MIN, 0, i32::MAX], [2, 5, 8]] {
        let mut bytes = bytes.clone();
        bytes[at..at + 12].copy_from_slice(&offsets(&wrong));
        let file = open(bytes).unwrap();
        let error = file.columns()[0].tensors().unwrap_err().to_string();
        assert!(error.contains("contradicts itself") || error.contains("different lengths"), "{error}");
        assert_eq!(file.columns()[0].row_shape(), None);
    }
}

#[test]
fn a_schema_that_leads_to_itself_ends() {
    // A table whose field 5, the children, is a vector of itself.
    let mut table = vec![0u8; 64];
    table[..4].copy_from_slice(&24u32.to_le_bytes());
    // The vtable: its length, the table's, then the places of six fields, of which the last is there.
    table[4..6].copy_from_slice(&16u16.to_le_bytes());
    table[6..8].copy_from_slice(&8u16.to_le_bytes());
    for field in [1, 5] {
        table[8 + 2 * field..10 + 2 * field].copy_from_slice(&4u16.to_le_bytes());
    }
    table[24..28].copy_from_slice(&20i32.to_le_bytes());
    table[28..32].copy_from_slice(&4u32.to_le_bytes());
    table[32..36].copy_from_slice(&2u32.to_le_bytes());
    for element in [36usize, 40] {
        table[element..element + 4].copy_from_slice(&(24u32.wrapping_sub(element as u32)).to_le_bytes());
    }
    let root = Table::root(&table).unwrap();
    assert_eq!(root.vector(1, 4).unwrap().unwrap().len(), 2);
    assert!(schema::fields(&root, 1 << 20, 4).is_err());
}
