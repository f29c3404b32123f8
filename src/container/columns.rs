//! Files of columns, each in one or more batches of rows: numbers as tensors over the batches' own bytes, text as text.
//!
//! A column's elements are numbers, text, or lists of them to any depth, laid out as Arrow does ("Arrow Columnar
//! Format"): values one after another, and for each list level either one length or ascending offsets. A column of
//! numbers whose lists all have one length is an array `[rows, …]`, and its tensors are views of the file. Opening
//! looks at every list offset once, which tells the shape; text is looked at when it is asked for.

use super::{Bytes, Dtype, Tensor, TensorInfo};
use crate::error::{Problem, Result};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

/// Up to this many bytes the batches of a column are joined in memory where one array is asked for.
const MAX_JOINED: usize = 256 << 20;

/// The most elements that one row is given as JSON with: each costs far more there than in the file.
const MAX_ROW: usize = 1 << 20;

/// What the innermost elements of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Numbers.
    Numbers(Dtype),
    /// Text.
    Text,
    /// Something that is not read, by its name ("timestamps").
    Other(&'static str),
}

/// A file of columns, opened.
#[derive(Debug, Clone)]
pub struct ColumnFile {
    path: PathBuf,
    columns: Vec<Column>,
}

/// A column: as many elements as the file has rows.
#[derive(Debug, Clone)]
pub struct Column {
    name: String,
    path: PathBuf,
    kind: Kind,
    depth: usize,
    rows: usize,
    row_shape: Option<Vec<usize>>,
    parts: Vec<Array>,
    /// The row at which each part starts.
    starts: Vec<usize>,
}

/// One batch of a column, or what lies in its lists.
#[derive(Debug, Clone)]
pub(super) struct Array {
    pub(super) length: usize,
    pub(super) nulls: usize,
    /// A bit for each element that is none; left out where there are none.
    pub(super) validity: Option<Bytes>,
    pub(super) data: Data,
}

#[derive(Debug, Clone)]
pub(super) enum Data {
    Numbers(Dtype, Bytes),
    /// Truth values, eight in a byte, the lowest bit first.
    Bits(Bytes),
    Text {
        offsets: Offsets,
        bytes: Bytes,
    },
    List {
        offsets: Offsets,
        items: Box<Array>,
    },
    FixedList {
        size: usize,
        items: Box<Array>,
    },
    /// Something that is not read, and what it is.
    Unread(&'static str),
}

/// Where each of some lists begins, and where the last one ends: signed integers of four bytes, or eight if `wide`.
#[derive(Debug, Clone)]
pub(super) struct Offsets {
    pub(super) bytes: Bytes,
    pub(super) wide: bool,
}

/// Why a batch is no array of numbers.
enum Obstacle {
    Nulls,
    Uneven,
    Text,
    Unread(&'static str),
    Damaged,
}

/// A batch whose lists all have one length, level by level.
struct Grid<'a> {
    sizes: Vec<usize>,
    /// Where the elements lie among those of `data`, and what they are.
    start: usize,
    count: usize,
    data: &'a Data,
}

impl Offsets {
    fn width(&self) -> usize {
        if self.wide { 8 } else { 4 }
    }
    fn get(&self, index: usize) -> Option<usize> {
        let rest = self.bytes.get(index.checked_mul(self.width())?..)?;
        if self.wide {
            rest.first_chunk().and_then(|b| usize::try_from(i64::from_le_bytes(*b)).ok())
        } else {
            rest.first_chunk().and_then(|b| usize::try_from(i32::from_le_bytes(*b)).ok())
        }
    }
    /// The bounds of list `index`, if they are in order.
    fn bounds(&self, index: usize) -> Option<(usize, usize)> {
        let (start, end) = (self.get(index)?, self.get(index + 1)?);
        (start <= end).then_some((start, end))
    }
    /// The one length of the lists from `start` on, `count` of them, if they have one.
    fn length(&self, start: usize, count: usize) -> Option<usize> {
        fn steps<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> i64) -> Option<i64> {
            let mut pairs = bytes.as_chunks::<N>().0.array_windows().map(|[a, b]| read(*b).checked_sub(read(*a)));
            let first = pairs.next()??;
            pairs.all(|step| step == Some(first)).then_some(first)
        }
        let end = start.checked_add(count)?.checked_add(1)?.checked_mul(self.width())?;
        let bytes = self.bytes.get(start.checked_mul(self.width())?..end)?;
        let step =
            if self.wide { steps(bytes, i64::from_le_bytes) } else { steps(bytes, |b| i32::from_le_bytes(b).into()) };
        step.and_then(|step| usize::try_from(step).ok())
    }
}

impl Array {
    /// Whether its buffers hold as many elements as it claims; what offsets and texts say is checked when it is used.
    pub(super) fn fits(&self) -> bool {
        let offsets = |o: &Offsets| self.length == 0 || self.length < o.bytes.len() / o.width();
        self.nulls <= self.length
            && self.validity.as_ref().is_none_or(|bits| self.length.div_ceil(8) <= bits.len())
            && match &self.data {
                Data::Numbers(dtype, bytes) => self.length <= bytes.len() / dtype.size(),
                Data::Bits(bits) => self.length.div_ceil(8) <= bits.len(),
                Data::Text { offsets: o, .. } | Data::List { offsets: o, .. } => offsets(o),
                Data::FixedList { size, items } => self.length.checked_mul(*size).is_some_and(|n| n <= items.length),
                Data::Unread(_) => true,
            }
    }
    fn is_null(&self, at: usize) -> bool {
        self.validity.as_ref().is_some_and(|bits| !bit(bits, at))
    }
    /// The batch as an array of numbers.
    fn grid(&self) -> Result<Grid<'_>, Obstacle> {
        let (mut array, mut start, mut count, mut sizes) = (self, 0usize, self.length, Vec::new());
        loop {
            if array.nulls > 0 {
                return Err(Obstacle::Nulls);
            }
            let (size, items) = match &array.data {
                Data::Text { .. } => return Err(Obstacle::Text),
                Data::Unread(what) => return Err(Obstacle::Unread(what)),
                data @ (Data::Numbers(..) | Data::Bits(_)) => return Ok(Grid { sizes, start, count, data }),
                Data::FixedList { size, items } => {
                    start = start.checked_mul(*size).ok_or(Obstacle::Damaged)?;
                    (*size, items)
                }
                Data::List { offsets, items } if count > 0 => {
                    let size = offsets.length(start, count).ok_or(Obstacle::Uneven)?;
                    start = offsets.get(start).ok_or(Obstacle::Damaged)?;
                    (size, items)
                }
                Data::List { items, .. } => (0, items),
            };
            count = count.checked_mul(size).ok_or(Obstacle::Damaged)?;
            if count == 0 {
                // Nothing lies there, wherever it is said to begin.
                start = 0;
            } else if start.checked_add(count).is_none_or(|end| end > items.length) {
                return Err(Obstacle::Damaged);
            }
            sizes.push(size);
            array = items;
        }
    }
    fn text(&self, at: usize) -> Option<&str> {
        let Data::Text { offsets, bytes } = &self.data else { return None };
        let (start, end) = offsets.bounds(at)?;
        std::str::from_utf8(bytes.get(start..end)?).ok()
    }
    /// The element `at`, which must be below `length`; none if it is damaged, not read, or has more than `left` elements.
    fn value(&self, at: usize, left: &mut usize) -> Option<Value> {
        let mut list = |start: usize, end: usize, items: &Array| {
            *left = left.checked_sub(end - start).filter(|_| end <= items.length)?;
            (start..end).map(|i| items.value(i, left)).collect::<Option<_>>().map(Value::Array)
        };
        if self.is_null(at) {
            return Some(Value::Null);
        }
        match &self.data {
            Data::Numbers(dtype, bytes) => {
                let eight = |bytes: &Bytes| bytes.get(at * 8..)?.first_chunk().copied();
                Some(match dtype {
                    Dtype::I64 => i64::from_le_bytes(eight(bytes)?).into(),
                    Dtype::U64 => u64::from_le_bytes(eight(bytes)?).into(),
                    Dtype::Bool => bytes.get(at).map(|b| *b != 0)?.into(),
                    dtype if dtype.is_float() => dtype.get(bytes, at * dtype.size()).into(),
                    dtype => (dtype.get(bytes, at * dtype.size()) as i64).into(),
                })
            }
            Data::Bits(bits) => Some(bit(bits, at).into()),
            Data::Text { .. } => self.text(at).map(Value::from),
            Data::List { offsets, items } => offsets.bounds(at).and_then(|(start, end)| list(start, end, items)),
            Data::FixedList { size, items } => list(at * size, (at + 1) * size, items),
            Data::Unread(_) => None,
        }
    }
}

fn bit(bits: &[u8], at: usize) -> bool {
    bits[at / 8] >> (at % 8) & 1 == 1
}

impl Grid<'_> {
    /// The elements, which lie in the file as they are but for truth values.
    fn tensor(&self, column: &Column, rows: usize) -> Result<Tensor> {
        let (dtype, bytes) = match self.data {
            Data::Numbers(dtype, bytes) => {
                let range = self.start * dtype.size()..(self.start + self.count) * dtype.size();
                (*dtype, bytes.slice(range))
            }
            Data::Bits(bits) => {
                let unpacked = (0..self.count).map(|i| u8::from(bit(bits, self.start + i)));
                (Dtype::Bool, Some(unpacked.collect::<Vec<_>>().into()))
            }
            _ => return Err(column.obstacle(&Obstacle::Damaged)),
        };
        let shape = [&[rows], &self.sizes[..]].concat();
        Tensor::new(&column.name, &column.path, dtype, shape, bytes.unwrap_or_else(|| Bytes::from_static(&[])))
    }
}

impl Column {
    /// A column without rows as yet; `depth` is that of its lists.
    pub(super) fn new(name: String, path: &Path, kind: Kind, depth: usize) -> Self {
        let (path, parts, starts) = (path.to_path_buf(), Vec::new(), Vec::new());
        Self { name, path, kind, depth, rows: 0, row_shape: None, parts, starts }
    }
    /// Adds a batch.
    ///
    /// # Errors
    /// If there are more rows then than can be counted.
    pub(super) fn push(&mut self, part: Array) -> Result<()> {
        if part.length > 0 {
            self.starts.push(self.rows);
            self.rows = self.rows.checked_add(part.length).ok_or_else(|| self.obstacle(&Obstacle::Damaged))?;
            self.parts.push(part);
        }
        Ok(())
    }
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// What its innermost elements are.
    pub fn kind(&self) -> Kind {
        self.kind
    }
    /// Type of its innermost elements, if these are numbers.
    pub fn dtype(&self) -> Option<Dtype> {
        if let Kind::Numbers(dtype) = self.kind { Some(dtype) } else { None }
    }
    /// How many lists lie in one another: 0 for a column of plain numbers or text.
    pub fn depth(&self) -> usize {
        self.depth
    }
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }
    /// The shape that every row has (`[context, d]`; empty for plain numbers), so that [`Column::tensors`] has no fault to
    /// find; none if lists differ in length, elements are missing or are no numbers, or there are no rows to tell.
    pub fn row_shape(&self) -> Option<&[usize]> {
        self.row_shape.as_deref()
    }
    /// The rows as arrays of numbers `[rows, …row shape]`, one for each batch that has any, mapped where the file is.
    /// Truth values, which are packed in the file, are copied.
    ///
    /// # Errors
    /// If the elements are no numbers, some are missing, or the lists are of different lengths.
    pub fn tensors(&self) -> Result<Vec<Tensor>> {
        let grids = self.grids().map_err(|obstacle| self.obstacle(&obstacle))?;
        grids.iter().zip(&self.parts).map(|(grid, part)| grid.tensor(self, part.length)).collect()
    }
    /// All rows as one array: mapped if they lie in one batch, else joined in memory if they are not too large for that.
    ///
    /// # Errors
    /// As [`Column::tensors`]; or if several batches are larger together than 256 MiB.
    pub fn tensor(&self) -> Result<Tensor> {
        let parts = self.tensors()?;
        if let [only] = &parts[..] {
            return Ok(only.clone());
        }
        let dtype = self.dtype().ok_or_else(|| self.obstacle(&Obstacle::Damaged))?;
        let row_shape = parts.first().map_or(&[][..], |first| &first.shape()[1..]);
        let shape = [&[self.rows], row_shape].concat();
        let total = parts.iter().try_fold(0usize, |sum, part| sum.checked_add(part.bytes().len()));
        if total.is_none_or(|total| total > MAX_JOINED) {
            return Err(Problem::new(format!("a column in {} batches", parts.len()))
                .path(&self.path)
                .tensor(&self.name)
                .shape(&shape)
                .dtype(dtype)
                .expected("one batch, or no more than 256 MiB to join in memory")
                .hint("a verb that takes activations batch by batch, or saving the column as npy")
                .input());
        }
        let all: Vec<u8> = parts.iter().flat_map(|part| part.bytes().iter().copied()).collect();
        Tensor::new(&self.name, &self.path, dtype, shape, all.into())
    }
    /// The texts of a plain column of text, row after row; none for a row without.
    ///
    /// # Errors
    /// If it is no such column; an item, if its text is damaged.
    pub fn texts(&self) -> Result<impl Iterator<Item = Result<Option<&str>>>> {
        if let Some(Data::Unread(what)) = self.parts.first().map(|part| &part.data) {
            return Err(self.obstacle(&Obstacle::Unread(what)));
        }
        if self.kind != Kind::Text || self.depth > 0 {
            return Err(Problem::new("not a column of text").path(&self.path).tensor(&self.name).input());
        }
        Ok(self.parts.iter().flat_map(move |part| {
            (0..part.length).map(move |at| {
                let text = if part.is_null(at) { Some(None) } else { part.text(at).map(Some) };
                text.ok_or_else(|| self.obstacle(&Obstacle::Damaged))
            })
        }))
    }
    /// Row `row` as JSON: a number, a text, a list of such, or null. Numbers that JSON has not become null.
    ///
    /// # Errors
    /// If the column is of a kind that is not read, or damaged, or the row has more than a million elements.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn value(&self, row: usize) -> Result<Value> {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let part = self.starts.partition_point(|&start| start <= row) - 1;
        let value = self.parts[part].value(row - self.starts[part], &mut MAX_ROW.clone());
        value.ok_or_else(|| {
            let mut data = &self.parts[part].data;
            while let Data::List { items, .. } | Data::FixedList { items, .. } = data {
                data = &items.data;
            }
            self.obstacle(&if let Data::Unread(what) = data { Obstacle::Unread(what) } else { Obstacle::Damaged })
        })
    }
    fn grids(&self) -> Result<Vec<Grid<'_>>, Obstacle> {
        match self.kind {
            Kind::Other(what) => return Err(Obstacle::Unread(what)),
            Kind::Text => return Err(Obstacle::Text),
            Kind::Numbers(_) => {}
        }
        let grids = self.parts.iter().map(Array::grid).collect::<Result<Vec<_>, _>>()?;
        let even = grids.array_windows().all(|[a, b]| a.sizes == b.sizes);
        if even { Ok(grids) } else { Err(Obstacle::Uneven) }
    }
    fn obstacle(&self, obstacle: &Obstacle) -> crate::Error {
        let unread;
        let (what, expected, hint) = match obstacle {
            Obstacle::Nulls => ("rows or elements that are null", "a number everywhere", "filling or dropping them"),
            Obstacle::Uneven => ("lists of different lengths", "one length for all rows", "padding or cutting them"),
            Obstacle::Text => ("a column of text", "numbers", "another column"),
            Obstacle::Damaged => ("a column that contradicts itself", "sizes that fit", "copying the file again"),
            Obstacle::Unread(what) => {
                unread = format!("a column of {what}, which are not read");
                (unread.as_str(), "plain numbers or text, neither packed nor coded", "saving it so, or as npy")
            }
        };
        Problem::new(what).path(&self.path).tensor(&self.name).expected(expected).hint(hint).input()
    }
}

impl ColumnFile {
    /// The file at `path`, of these columns.
    ///
    /// # Errors
    /// If two of them have one name.
    pub(super) fn new(path: &Path, mut columns: Vec<Column>) -> Result<Self> {
        let mut seen = HashSet::new();
        if let Some(twice) = columns.iter().find(|column| !seen.insert(&column.name)) {
            let problem = Problem::new("two columns of one name").path(path).tensor(&twice.name);
            return Err(problem.hint("renaming one of them").input());
        }
        for column in &mut columns {
            let sizes = column.grids().ok().and_then(|grids| grids.into_iter().next()).map(|grid| grid.sizes);
            column.row_shape = sizes;
        }
        Ok(Self { path: path.to_path_buf(), columns })
    }
    /// The columns, in the file's order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }
    /// The column of that name.
    ///
    /// # Errors
    /// If there is none.
    pub fn column(&self, name: &str) -> Result<&Column> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| {
            let there: Vec<&str> = self.columns.iter().take(12).map(Column::name).collect();
            let expected = format!("one of {}", if there.is_empty() { "no columns".into() } else { there.join(", ") });
            Problem::new("no such column").path(&self.path).tensor(name).expected(expected).input()
        })
    }
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, Column::rows)
    }
    /// Row `row` as a JSON object, as a line of jsonl would have it: texts, numbers and lists of them. What is null is
    /// left out, and so are columns that are not read and arrays of numbers `[rows, n, …]`, which are no text.
    ///
    /// # Errors
    /// If a column is packed in a way that is not read, or damaged.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> Result<Map<String, Value>> {
        let told = |column: &&Column| match column.kind {
            Kind::Text => true,
            Kind::Numbers(_) => column.depth < 2,
            Kind::Other(_) => false,
        };
        let cells = self.columns.iter().filter(told).map(|column| Ok((column.name.clone(), column.value(row)?)));
        cells.filter(|cell| !matches!(cell, Ok((_, Value::Null)))).collect()
    }
    /// The columns as arrays: those that are none have no element type.
    pub(super) fn list(&self) -> Vec<TensorInfo> {
        let info = |column: &Column| {
            let dtype = column.row_shape().and_then(|_| column.dtype());
            let shape = [&[column.rows], column.row_shape().unwrap_or_default()].concat();
            TensorInfo { name: column.name.clone(), shape, dtype }
        };
        self.columns.iter().map(info).collect()
    }
}

/// The rows of a file as lines of JSON, made as they are read.
pub(super) struct RowLines {
    file: ColumnFile,
    row: usize,
    line: Cursor<Vec<u8>>,
}

impl RowLines {
    pub(super) fn new(file: ColumnFile) -> Self {
        Self { file, row: 0, line: Cursor::default() }
    }
}

impl Read for RowLines {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.line.position() == self.line.get_ref().len() as u64 && self.row < self.file.rows() {
            let row = self.file.row(self.row).map_err(io::Error::other)?;
            self.line = Cursor::new(format!("{}\n", Value::Object(row)).into_bytes());
            self.row += 1;
        }
        self.line.read(out)
    }
}
