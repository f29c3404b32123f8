//! Reading tables of the FlatBuffers encoding, as Arrow's metadata are written: every offset is checked.
//!
//! A table begins with a signed distance back to its *vtable*: two lengths, then the place of each field within the
//! table, 0 for one that is left out (flatbuffers.dev, "FlatBuffer Internals"). A reader asks for fields by number; what
//! lies outside the buffer is [`Broken`]. Nothing is copied and nothing is followed that was not asked for.

/// An offset that leads out of the buffer, or a text that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

type Result<T> = std::result::Result<T, Broken>;

/// A table within a buffer.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    buffer: &'a [u8],
    at: usize,
    /// The vtable's places of fields.
    places: &'a [[u8; 2]],
}

/// Elements of equal width within a buffer.
#[derive(Clone, Copy)]
pub(super) struct Vector<'a> {
    buffer: &'a [u8],
    at: usize,
    width: usize,
    len: usize,
}

fn bytes<const N: usize>(buffer: &[u8], at: usize) -> Result<[u8; N]> {
    buffer.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied().ok_or(Broken)
}

/// Where the unsigned offset at `at` leads.
fn follow(buffer: &[u8], at: usize) -> Result<usize> {
    at.checked_add(u32::from_le_bytes(bytes(buffer, at)?) as usize).filter(|to| *to < buffer.len()).ok_or(Broken)
}

impl<'a> Table<'a> {
    /// The table that a whole buffer holds.
    pub(super) fn root(buffer: &'a [u8]) -> Result<Self> {
        Self::new(buffer, follow(buffer, 0)?)
    }
    fn new(buffer: &'a [u8], at: usize) -> Result<Self> {
        let back = i64::from(i32::from_le_bytes(bytes(buffer, at)?));
        let vtable = usize::try_from(at as i64 - back).map_err(|_| Broken)?;
        let length = usize::from(u16::from_le_bytes(bytes(buffer, vtable)?));
        let end = vtable.checked_add(length).ok_or(Broken)?;
        let places = buffer.get(vtable.checked_add(4).ok_or(Broken)?..end).ok_or(Broken)?;
        Ok(Self { buffer, at, places: places.as_chunks().0 })
    }
    /// Where a field lies; none if it is left out.
    fn place(&self, field: usize) -> Option<usize> {
        let place = u16::from_le_bytes(*self.places.get(field)?);
        (place > 0).then(|| self.at.saturating_add(usize::from(place)))
    }
    fn number<const N: usize>(&self, field: usize) -> Result<[u8; N]> {
        self.place(field).map_or(Ok([0; N]), |at| bytes(self.buffer, at))
    }
    /// A number of one byte; 0 if it is left out, as are the other numbers.
    pub(super) fn byte(&self, field: usize) -> Result<u8> {
        self.number::<1>(field).map(|[byte]| byte)
    }
    /// A number of two bytes.
    pub(super) fn short(&self, field: usize) -> Result<i16> {
        self.number(field).map(i16::from_le_bytes)
    }
    /// A number of four bytes.
    pub(super) fn int(&self, field: usize) -> Result<i32> {
        self.number(field).map(i32::from_le_bytes)
    }
    /// A number of eight bytes that counts something.
    pub(super) fn count(&self, field: usize) -> Result<usize> {
        self.number(field).and_then(count)
    }
    /// A table that the field leads to.
    pub(super) fn table(&self, field: usize) -> Result<Option<Self>> {
        self.place(field).map(|at| Self::new(self.buffer, follow(self.buffer, at)?)).transpose()
    }
    /// A text.
    pub(super) fn text(&self, field: usize) -> Result<Option<&'a str>> {
        let Some(vector) = self.vector(field, 1)? else { return Ok(None) };
        let text = &self.buffer[vector.at..vector.at + vector.len];
        std::str::from_utf8(text).map(Some).map_err(|_| Broken)
    }
    /// Elements of `width` bytes: numbers, structs or, with 4, offsets of tables.
    pub(super) fn vector(&self, field: usize, width: usize) -> Result<Option<Vector<'a>>> {
        let Some(place) = self.place(field) else { return Ok(None) };
        let start = follow(self.buffer, place)?;
        let len = u32::from_le_bytes(bytes(self.buffer, start)?) as usize;
        let at = start + 4;
        let end = len.checked_mul(width).and_then(|n| at.checked_add(n)).ok_or(Broken)?;
        if end > self.buffer.len() {
            return Err(Broken);
        }
        Ok(Some(Vector { buffer: self.buffer, at, width, len }))
    }
}

impl<'a> Vector<'a> {
    /// Number of elements.
    pub(super) fn len(&self) -> usize {
        self.len
    }
    /// The table that element `index` leads to.
    pub(super) fn table(&self, index: usize) -> Result<Table<'a>> {
        Table::new(self.buffer, follow(self.buffer, self.place(index)?)?)
    }
    /// A number of eight bytes, `skip` bytes into element `index`, that counts something.
    pub(super) fn count(&self, index: usize, skip: usize) -> Result<usize> {
        bytes(self.buffer, self.place(index)? + skip).and_then(count)
    }
    fn place(&self, index: usize) -> Result<usize> {
        if index < self.len { Ok(self.at + index * self.width) } else { Err(Broken) }
    }
}

fn count(bytes: [u8; 8]) -> Result<usize> {
    usize::try_from(i64::from_le_bytes(bytes)).map_err(|_| Broken)
}
