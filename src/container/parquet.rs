//! Parquet files, read into memory: columns of numbers and of text, plain or in lists. In builds with the feature
//! `parquet`.
//!
//! Pages are packed, so nothing is mapped: every column is decoded on opening, within the bound for inflated files.
//! Repetition and definition levels become list offsets and nulls as the Dremel paper has them: an element at list level
//! `k` begins where the repetition level is at most `k`, and is there if the definition level reaches that of its
//! repeated group. Structs, maps, dates, decimals and binary are listed and not read. Pages may be plain or packed by
//! Snappy, gzip, Zstandard or LZ4; others are refused by name. Decoding is the crate `parquet`'s, without Arrow.

use super::columns::{Array, Column, ColumnFile, Data, Kind, Offsets};
use super::zipped::inflated_bound;
use super::{Bytes, Dtype};
use crate::error::{Problem, Result};
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::Type;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;

/// Records that are decoded at a time.
const BATCH: usize = 1 << 13;

/// The columns of the file in `bytes`; `path` is for messages.
///
/// # Errors
/// If the file is damaged, is packed in a way that is not read, or inflates beyond the bound.
pub fn from_bytes(bytes: &Bytes, path: &Path) -> Result<ColumnFile> {
    let mut left = inflated_bound(bytes.len());
    let columns = guarded(|| columns(bytes, path, &mut left)).map_err(|error| {
        let problem = Problem::new(format!("the Parquet file cannot be read: {error}")).path(path);
        problem
            .expected("pages that are plain or packed by Snappy, gzip, Zstandard or LZ4")
            .hint("copying the file again")
            .input()
    })?;
    ColumnFile::new(path, columns)
}

thread_local! {
    /// Whether a panic of this thread is one that is caught and told of as an error.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What `read` gives; an error where it panics, as the crate `parquet` does on damaged headers of pages (found by fuzzing:
/// `PageMetadata::try_from` in 60.1). Whoever prints panics is asked to pass these over.
fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |told| {
            if !GUARDED.get() {
                previous(told);
            }
        }));
    });
    GUARDED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(false);
    result.unwrap_or_else(|_| Err(ParquetError::General("its pages contradict themselves".into())))
}

fn columns(bytes: &Bytes, path: &Path, left: &mut u64) -> Result<Vec<Column>, ParquetError> {
    let file = SerializedFileReader::new(bytes::Bytes::from_owner(bytes.clone()))?;
    let schema = file.metadata().file_metadata().schema_descr_ptr();
    let mut columns = Vec::new();
    for (root, field) in schema.root_schema().get_fields().iter().enumerate() {
        let shape = lists(field).and_then(|lists| Some((kind(lists.leaf)?, lists)));
        let depth = shape.as_ref().map_or(0, |(_, lists)| lists.defined.len());
        let own = shape.as_ref().map_or(Kind::Other("structs, maps, dates, decimals or binary"), |(kind, _)| *kind);
        let mut column = Column::new(field.name().into(), path, own, depth);
        let leaf = (0..schema.num_columns()).find(|&leaf| schema.get_column_root_idx(leaf) == root);
        for group in 0..file.num_row_groups() {
            let group = file.get_row_group(group)?;
            let part = match (&shape, leaf) {
                (Some((kind, lists)), Some(leaf)) => part(&*group, leaf, *kind, lists, left)?,
                _ => {
                    let length = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
                    Array { length, nulls: 0, validity: None, data: Data::Unread("structs") }
                }
            };
            column.push(part).map_err(|error| ParquetError::General(error.to_string()))?;
        }
        columns.push(column);
    }
    Ok(columns)
}

/// A column that is a value, or lists in one another of one.
struct Lists<'a> {
    leaf: &'a Type,
    /// For each list, the definition level from which on it has elements.
    defined: Vec<i16>,
    /// The definition level at which the value itself is there.
    full: i16,
}

fn lists(field: &Type) -> Option<Lists<'_>> {
    let (mut at, mut full, mut defined) = (field, 0, Vec::new());
    loop {
        match at.get_basic_info().repetition() {
            Repetition::REQUIRED => {}
            Repetition::OPTIONAL => full += 1,
            Repetition::REPEATED => {
                full += 1;
                defined.push(full);
            }
        }
        if at.is_primitive() {
            return Some(Lists { leaf: at, defined, full });
        }
        let info = at.get_basic_info();
        let is_list = info.converted_type() == ConvertedType::LIST || info.repetition() == Repetition::REPEATED;
        let [only] = at.get_fields() else { return None };
        at = Some(only).filter(|_| is_list)?;
    }
}

fn kind(leaf: &Type) -> Option<Kind> {
    let info = leaf.get_basic_info();
    let (logical, converted) = (info.logical_type_ref(), info.converted_type());
    let plain = matches!(logical, None | Some(LogicalType::Integer { .. }));
    Some(Kind::Numbers(match (leaf.get_physical_type(), converted) {
        (Physical::BYTE_ARRAY, _) if converted == ConvertedType::UTF8 || logical == Some(&LogicalType::String) => {
            return Some(Kind::Text);
        }
        (Physical::FIXED_LEN_BYTE_ARRAY, _) if logical == Some(&LogicalType::Float16) => Dtype::F16,
        (Physical::FLOAT, _) => Dtype::F32,
        (Physical::DOUBLE, _) => Dtype::F64,
        (Physical::BOOLEAN, _) => Dtype::Bool,
        (Physical::INT32, ConvertedType::INT_8) => Dtype::I8,
        (Physical::INT32, ConvertedType::INT_16) => Dtype::I16,
        (Physical::INT32, ConvertedType::NONE | ConvertedType::INT_32) if plain => Dtype::I32,
        (Physical::INT32, ConvertedType::UINT_8) => Dtype::U8,
        (Physical::INT32, ConvertedType::UINT_16) => Dtype::U16,
        (Physical::INT32, ConvertedType::UINT_32) => Dtype::U32,
        (Physical::INT64, ConvertedType::NONE | ConvertedType::INT_64) if plain => Dtype::I64,
        (Physical::INT64, ConvertedType::UINT_64) => Dtype::U64,
        _ => return None,
    }))
}

/// The column's part of a row group.
fn part(
    group: &dyn RowGroupReader,
    leaf: usize,
    kind: Kind,
    lists: &Lists,
    left: &mut u64,
) -> Result<Array, ParquetError> {
    let without_end = || ParquetError::General("it inflates without end".into());
    // Runs of levels cost the file nothing: what pages claim is bounded before it is decoded.
    let mut pages = group.get_column_page_reader(leaf)?;
    let mut levels = 0u64;
    while let Some(page) = pages.peek_next_page()? {
        levels = levels.saturating_add(page.num_levels.or(page.num_rows).unwrap_or(0) as u64);
        pages.skip_next_page()?;
    }
    *left = left.checked_sub(levels.saturating_mul(8 * (lists.defined.len() as u64 + 1))).ok_or_else(without_end)?;
    let width = if let Kind::Numbers(dtype) = kind { dtype.size() } else { 0 };
    let mut out = Builder::new(lists, width);
    let narrow = |value: i32, bytes: &mut Vec<u8>| bytes.extend_from_slice(&value.to_le_bytes()[..width]);
    match group.get_column_reader(leaf)? {
        ColumnReader::BoolColumnReader(r) => out.read(r, left, |v, bytes| bytes.push(u8::from(*v)))?,
        ColumnReader::Int32ColumnReader(r) => out.read(r, left, |v, bytes| narrow(*v, bytes))?,
        ColumnReader::Int64ColumnReader(r) => out.read(r, left, |v, bytes| bytes.extend(v.to_le_bytes()))?,
        ColumnReader::FloatColumnReader(r) => out.read(r, left, |v, bytes| bytes.extend(v.to_le_bytes()))?,
        ColumnReader::DoubleColumnReader(r) => out.read(r, left, |v, bytes| bytes.extend(v.to_le_bytes()))?,
        ColumnReader::ByteArrayColumnReader(r) => out.read(r, left, |v, bytes| bytes.extend(v.data()))?,
        ColumnReader::FixedLenByteArrayColumnReader(r) => {
            out.read(r, left, |v, bytes| bytes.extend(v.data().first_chunk::<2>().unwrap_or(&[0; 2])))?;
        }
        ColumnReader::Int96ColumnReader(_) => return Err(ParquetError::General("96-bit integers".into())),
    }
    Ok(out.finish(kind))
}

/// Elements of one list level, or the values.
#[derive(Default)]
struct Level {
    valid: Vec<bool>,
    /// Where each list begins in the level below, or each value in `bytes`.
    starts: Vec<u64>,
}

struct Builder<'a> {
    lists: &'a Lists<'a>,
    /// Bytes of a value that is null: of text there are none.
    width: usize,
    levels: Vec<Level>,
    bytes: Vec<u8>,
}

impl<'a> Builder<'a> {
    fn new(lists: &'a Lists<'a>, width: usize) -> Self {
        let levels = (0..=lists.defined.len()).map(|_| Level::default()).collect();
        Self { lists, width, levels, bytes: Vec::new() }
    }
    fn read<T: DataType>(
        &mut self,
        mut reader: ColumnReaderImpl<T>,
        left: &mut u64,
        put: impl Fn(&T::T, &mut Vec<u8>),
    ) -> Result<(), ParquetError> {
        let (mut defined, mut repeated, mut values) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            defined.clear();
            repeated.clear();
            values.clear();
            let (records, _, found) =
                reader.read_records(BATCH, Some(&mut defined), Some(&mut repeated), &mut values)?;
            if records == 0 && found == 0 {
                return Ok(());
            }
            let before = self.bytes.len();
            let mut values = values.iter();
            let deepest = self.lists.defined.len();
            for i in 0..found {
                let full = self.lists.full;
                let (def, rep) = (defined.get(i).copied().unwrap_or(full), repeated.get(i).copied().unwrap_or(0));
                for level in usize::try_from(rep).unwrap_or(0).min(deepest)..=deepest {
                    if level > 0 && def < self.lists.defined[level - 1] {
                        break;
                    }
                    let valid = def >= self.lists.defined.get(level).map_or(full, |defined| defined - 1);
                    let below = self.levels.get(level + 1).map_or(self.bytes.len(), |below| below.starts.len());
                    self.levels[level].starts.push(below as u64);
                    self.levels[level].valid.push(valid);
                    if level == deepest && valid {
                        let value = values.next().ok_or_else(|| ParquetError::General("fewer values than rows".into()));
                        put(value?, &mut self.bytes);
                    } else if level == deepest {
                        self.bytes.resize(self.bytes.len() + self.width, 0);
                    }
                }
            }
            let grown = (self.bytes.len() - before) as u64;
            *left = left.checked_sub(grown).ok_or_else(|| ParquetError::General("it inflates without end".into()))?;
        }
    }
    fn finish(self, kind: Kind) -> Array {
        let total = self.bytes.len() as u64;
        let mut levels = self.levels.into_iter().rev();
        let offsets = |level: &Level, end: u64| {
            let all = level.starts.iter().copied().chain([end]);
            Offsets { bytes: all.flat_map(u64::to_le_bytes).collect::<Vec<u8>>().into(), wide: true }
        };
        let array = |level: &Level, data| {
            let nulls = level.valid.iter().filter(|valid| !**valid).count();
            let bits = || level.valid.chunks(8).map(|c| c.iter().rev().fold(0, |b, v| b << 1 | u8::from(*v)));
            let validity = (nulls > 0).then(|| bits().collect::<Vec<u8>>().into());
            Array { length: level.starts.len(), nulls, validity, data }
        };
        let leaf = levels.next().unwrap_or_default();
        let data = match kind {
            Kind::Numbers(dtype) => Data::Numbers(dtype, self.bytes.into()),
            _ => Data::Text { offsets: offsets(&leaf, total), bytes: self.bytes.into() },
        };
        levels.fold(array(&leaf, data), |items, level| {
            let offsets = offsets(&level, items.length as u64);
            array(&level, Data::List { offsets, items: Box::new(items) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::ArrayFile;
    use serde_json::Value;
    use std::path::PathBuf;

    fn path(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parquet").join(name)
    }
    fn open(name: &str) -> Result<ColumnFile> {
        let path = path(name);
        from_bytes(&Bytes::map(&path).unwrap(), &path)
    }

    #[test]
    fn what_pyarrow_writes_is_read() {
        let text = std::fs::read_to_string(path("expected.json")).unwrap();
        let expected: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
        for file in ["snappy.parquet", "gzip.parquet", "plain.parquet", "zstd.parquet", "lz4.parquet"] {
            let opened = open(file).unwrap();
            assert_eq!(opened.columns().len(), expected.len());
            for column in opened.columns() {
                let name = column.name();
                let read: Vec<Value> = (0..column.rows()).map(|row| column.value(row).unwrap()).collect();
                let (read, truth) = (Value::from(read), &expected[name]);
                // Python wrote whole floats as integers.
                let same = read == *truth
                    || read.as_array().zip(truth.as_array()).is_some_and(|(a, b)| {
                        a.iter().map(Value::as_f64).eq(b.iter().map(Value::as_f64)) && a.iter().all(Value::is_number)
                    });
                assert!(same, "{file} {name}: {read}");
                if let Some(dtype) = column.dtype().filter(|dtype| dtype.name() == name) {
                    let tensor = ArrayFile::open(&path(file)).unwrap().tensor(name).unwrap();
                    assert_eq!((tensor.dtype(), tensor.shape()), (dtype, &[5][..]));
                }
            }
            assert_eq!(opened.column("acts").unwrap().row_shape(), Some(&[3, 4][..]), "{file}");
            for (name, what) in [("hole", "null"), ("word", "a column of text")] {
                assert!(opened.column(name).unwrap().tensors().unwrap_err().to_string().contains(what), "{name}");
            }
        }
    }

    #[test]
    fn what_is_not_read_is_said() {
        let said = open("brotli.parquet").unwrap_err().to_string();
        assert!(said.contains("brotli") && said.contains("Zstandard or LZ4"), "{said}");
        let file = open("others.parquet").unwrap();
        let read: Vec<&str> =
            file.columns().iter().filter(|c| !matches!(c.kind(), Kind::Other(_))).map(Column::name).collect();
        assert_eq!(read, ["last"]);
        assert!(file.column("time").unwrap().tensors().unwrap_err().to_string().contains("dates"));
        let bytes = std::fs::read(path("plain.parquet")).unwrap();
        // The crate panics on it.
        let headless = path("../hostile/parquet/a-page-without-its-header");
        let said = from_bytes(&Bytes::map(&headless).unwrap(), &headless).unwrap_err().to_string();
        assert!(said.contains("its pages contradict themselves"), "{said}");
        for cut in (0..bytes.len()).step_by(97) {
            assert!(from_bytes(&bytes[..cut].to_vec().into(), Path::new("cut")).is_err(), "{cut}");
        }
    }
}
