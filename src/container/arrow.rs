//! Arrow's IPC formats, mapped: the stream, as the data files of Hugging Face's `datasets` are, and the file with its
//! `ARROW1`, which Feather is too.
//!
//! A stream is messages: four bytes `ff`, the length of the metadata, the metadata (see [`flatbuffer`]), then a body of
//! buffers. The first gives the schema, the others a batch of rows each; all zeros, or the end, ends them. A file has
//! them between its magic and a footer, which says where the batches lie and is what counts. Source: "Serialization and
//! Interprocess Communication" of the Arrow format, with `Message.fbs` and `File.fbs`.
//!
//! Opening costs the metadata and one look at each list offset; no element is copied. Dictionary-coded columns, bodies
//! that are compressed, dates and the like are listed and are an error only when they are asked for.

mod flatbuffer;
mod schema;

use super::columns::{Column, ColumnFile, Kind};
use super::{Bytes, Dtype};
use crate::error::{Problem, Result};
use flatbuffer::{Broken, Table, Vector};
use schema::{Field, Layout, Type};
use std::path::Path;

/// The first bytes of a file, and its last.
pub const MAGIC: &[u8; 6] = b"ARROW1";

/// Longer metadata are none.
const MAX_METADATA: usize = 256 << 20;

/// Before the metadata of each message, but for those of the oldest writers.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Whether bytes begin a stream, which has no magic of its own: its first message has metadata of some length, and
/// these begin with a place within them.
pub fn is_stream(bytes: &[u8]) -> bool {
    let four = |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk()).map(|b| u32::from_le_bytes(*b) as usize);
    let plausible = |length: usize, root: usize| (16..=MAX_METADATA).contains(&length) && (4..length).contains(&root);
    bytes.starts_with(&CONTINUATION) && four(4).zip(four(8)).is_some_and(|(length, root)| plausible(length, root))
}

/// A message: its metadata, and where its body lies.
struct Message {
    metadata: Bytes,
    body: Bytes,
    /// The byte behind it.
    end: usize,
}

/// What is wrong, and at which byte.
type Fault = (&'static str, usize);

const CUT: &str = "the message is cut short";

/// The columns of the stream or file in `bytes`, sharing them; `path` is for messages.
///
/// # Errors
/// If it is cut short, big-endian or damaged: sizes and offsets that lead out of it or over one another among that.
pub fn from_bytes(bytes: &Bytes, path: &Path) -> Result<ColumnFile> {
    let is_file = bytes.starts_with(MAGIC);
    let read = if is_file { file(bytes) } else { stream(bytes) };
    let (fields, batches) = read.map_err(|(what, at)| {
        Problem::new(format!("{what}, at byte {at}"))
            .path(path)
            .expected(if is_file { "an Arrow file" } else { "an Arrow IPC stream" })
            .hint("copying the file again")
            .input()
    })?;
    let mut columns: Vec<Column> = fields
        .iter()
        .map(|field| {
            let (kind, depth) = innermost(field);
            Column::new(field.name.clone(), path, kind, depth)
        })
        .collect();
    for batch in batches {
        for (column, part) in columns.iter_mut().zip(batch) {
            column.push(part)?;
        }
    }
    ColumnFile::new(path, columns)
}

/// What lies innermost in a column's lists, and how deep.
fn innermost(field: &Field) -> (Kind, usize) {
    match &field.kind {
        Type::Number(dtype) => (Kind::Numbers(*dtype), 0),
        Type::Bits => (Kind::Numbers(Dtype::Bool), 0),
        Type::Text { .. } => (Kind::Text, 0),
        Type::Other { name, .. } => (Kind::Other(name), 0),
        Type::List { items, .. } | Type::FixedList { items, .. } => {
            let (kind, depth) = innermost(items);
            (kind, depth + 1)
        }
    }
}

type Read = std::result::Result<(Vec<Field>, Vec<Vec<super::columns::Array>>), Fault>;

fn stream(bytes: &Bytes) -> Read {
    let first = message(bytes, 0)?.ok_or(("no schema", 0))?;
    let fields = schema_of(&first.metadata).map_err(|what| (what, 0))?;
    let (mut batches, mut at) = (Vec::new(), first.end);
    while let Some(message) = message(bytes, at)? {
        batches.extend(batch(&message, &fields).map_err(|what| (what, at))?);
        at = message.end;
    }
    Ok((fields, batches))
}

fn file(bytes: &Bytes) -> Read {
    const LAST: usize = 4 + MAGIC.len();
    let cut = ("the file is cut short: its end is not that of an Arrow file", bytes.len());
    let end = bytes.len().checked_sub(LAST).filter(|_| bytes.ends_with(MAGIC)).ok_or(cut)?;
    let length = bytes[end..].first_chunk().map_or(0, |b| u32::from_le_bytes(*b) as usize);
    let start = end.checked_sub(length).filter(|start| *start >= MAGIC.len()).ok_or(cut)?;
    let footer = &bytes[start..end];
    let broken = |_| ("a footer that leads out of itself", start);
    let root = Table::root(footer).map_err(broken)?;
    let schema = root.table(1).map_err(broken)?.ok_or(("a footer without a schema", start))?;
    let version = root.short(0).map_err(broken)?;
    let fields = fields_of(&schema, footer.len(), version).map_err(|what| (what, start))?;
    let blocks = root.vector(3, 24).map_err(broken)?;
    let (mut batches, mut reached) = (Vec::new(), MAGIC.len());
    for index in 0..blocks.map_or(0, |blocks| blocks.len()) {
        let at = blocks.map_or(Err(Broken), |blocks| blocks.count(index, 0)).map_err(broken)?;
        if at < reached {
            return Err(("batches that overlap or are out of order", start));
        }
        let message = message(&bytes.slice(0..start).unwrap_or_else(|| Bytes::from_static(&[])), at)?;
        let message = message.ok_or(("no batch where there should be one", at))?;
        let one = batch(&message, &fields).map_err(|what| (what, at))?;
        batches.push(one.ok_or(("no batch where there should be one", at))?);
        reached = message.end;
    }
    Ok((fields, batches))
}

/// The message at byte `at`; none where there are no more.
fn message(bytes: &Bytes, at: usize) -> Result<Option<Message>, Fault> {
    let cut = (CUT, at);
    let four = |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied();
    if at >= bytes.len() {
        return Ok(None);
    }
    let first = four(at).ok_or(cut)?;
    // The oldest writers began with the length.
    let (start, length) = if first == CONTINUATION { (at + 8, four(at + 4).ok_or(cut)?) } else { (at + 4, first) };
    let length = u32::from_le_bytes(length) as usize;
    if length == 0 {
        return Ok(None);
    }
    if length > MAX_METADATA {
        return Err(("no message begins here", at));
    }
    let body = start + length;
    let metadata = bytes.slice(start..body).ok_or(cut)?;
    let size = Table::root(&metadata).and_then(|root| root.count(3)).map_err(|_| (BROKEN, at))?;
    let end = body.checked_add(size).ok_or(cut)?;
    Ok(Some(Message { metadata, body: bytes.slice(body..end).ok_or(cut)?, end }))
}

const BROKEN: &str = "metadata that lead out of themselves, or are of a newer kind";

/// The columns that the first message declares.
fn schema_of(metadata: &[u8]) -> Result<Vec<Field>, &'static str> {
    let root = Table::root(metadata).map_err(|_| BROKEN)?;
    let (version, kind) = (root.short(0).map_err(|_| BROKEN)?, root.byte(1).map_err(|_| BROKEN)?);
    let schema = root.table(2).map_err(|_| BROKEN)?.filter(|_| kind == 1).ok_or("no schema in the first message")?;
    fields_of(&schema, metadata.len(), version)
}

fn fields_of(schema: &Table, length: usize, version: i16) -> Result<Vec<Field>, &'static str> {
    if schema.short(0).map_err(|_| BROKEN)? != 0 {
        return Err("big-endian numbers");
    }
    schema::fields(schema, length, version).map_err(|_| BROKEN)
}

/// The columns' parts of a batch of rows; none for another message.
fn batch(message: &Message, fields: &[Field]) -> Result<Option<Vec<super::columns::Array>>, &'static str> {
    let root = Table::root(&message.metadata).map_err(|_| BROKEN)?;
    let header = root.table(2).map_err(|_| BROKEN)?.ok_or(BROKEN)?;
    match root.byte(1).map_err(|_| BROKEN)? {
        // The values of dictionary-coded columns, which are not read.
        2 => return Ok(None),
        3 => {}
        _ => return Err("a message that is no batch of rows"),
    }
    let mut batch = Batch::new(&header, &message.body).map_err(|_| BROKEN)?;
    let rows = header.count(0).map_err(|_| BROKEN)?;
    let parts = fields.iter().map(|field| field.take(&mut batch)).collect::<Result<Vec<_>, _>>();
    let parts = parts.map_err(|_| "a batch whose buffers lead out of it, overlap, or do not fit its columns")?;
    if parts.iter().any(|part| part.length != rows) {
        return Err("a batch whose columns have different numbers of rows");
    }
    Ok(Some(parts))
}

/// The nodes and buffers of a batch, as far as they are not yet taken.
struct Batch<'a> {
    body: &'a Bytes,
    nodes: Vector<'a>,
    buffers: Vector<'a>,
    more: Option<Vector<'a>>,
    node: usize,
    buffer: usize,
    counts: usize,
    /// The end of the last buffer that is not empty.
    reached: usize,
    unread: Option<&'static str>,
}

impl<'a> Batch<'a> {
    fn new(header: &Table<'a>, body: &'a Bytes) -> Result<Self, Broken> {
        let unread = match header.table(3)?.map(|compression| compression.byte(0)).transpose()? {
            None => None,
            Some(0) => Some("bytes compressed by LZ4"),
            Some(1) => Some("bytes compressed by Zstandard"),
            Some(_) => Some("bytes that are compressed"),
        };
        let vector = |field| header.vector(field, 16)?.ok_or(Broken);
        let (nodes, buffers, more) = (vector(1)?, vector(2)?, header.vector(4, 8)?);
        Ok(Self { body, nodes, buffers, more, node: 0, buffer: 0, counts: 0, reached: 0, unread })
    }
}

impl Layout for Batch<'_> {
    fn unread(&self) -> Option<&'static str> {
        self.unread
    }
    fn node(&mut self) -> Result<(usize, usize), Broken> {
        self.node += 1;
        Ok((self.nodes.count(self.node - 1, 0)?, self.nodes.count(self.node - 1, 8)?))
    }
    fn buffer(&mut self) -> Result<Bytes, Broken> {
        self.buffer += 1;
        let (start, length) = (self.buffers.count(self.buffer - 1, 0)?, self.buffers.count(self.buffer - 1, 8)?);
        let end = start.checked_add(length).ok_or(Broken)?;
        if length == 0 {
            return Ok(Bytes::from_static(&[]));
        }
        if start < self.reached {
            return Err(Broken);
        }
        self.reached = end;
        self.body.slice(start..end).ok_or(Broken)
    }
    fn variadic(&mut self) -> Result<usize, Broken> {
        self.counts += 1;
        self.more.ok_or(Broken)?.count(self.counts - 1, 0)
    }
}

#[cfg(test)]
mod tests;
