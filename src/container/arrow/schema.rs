//! The columns that an Arrow schema declares, and how each lies in a record batch.
//!
//! Source: `Schema.fbs` and `Message.fbs` of the Arrow format, and its document "Arrow Columnar Format" for the buffers
//! of each type. Extension types are read as what they are stored as: the metadata that name them change no byte, so
//! the `Array2D` of Hugging Face's `datasets` is a list of lists.

use super::flatbuffer::{Broken, Table};
use crate::container::Bytes;
use crate::container::Dtype;
use crate::container::columns::{Array, Data, Offsets};

/// Lists in lists: no array that anyone makes has more dimensions.
const MAX_DEPTH: usize = 16;

/// A column, or what lies in one.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Type,
}

#[derive(Debug, Clone)]
pub(super) enum Type {
    Number(Dtype),
    /// Truth values, eight in a byte.
    Bits,
    Text {
        wide: bool,
    },
    List {
        wide: bool,
        items: Box<Field>,
    },
    FixedList {
        size: usize,
        items: Box<Field>,
    },
    /// Anything else: what it is called, how many buffers it has of its own, whether the batch says of how many more,
    /// and what lies in it.
    Other {
        name: &'static str,
        buffers: usize,
        variadic: bool,
        children: Vec<Field>,
    },
}

/// What may still be read of a schema: one that leads to the same table again and again must not grow.
struct Budget {
    fields: usize,
    letters: usize,
}

/// The columns of a `Schema` table that lies in `length` bytes.
pub(super) fn fields(schema: &Table, length: usize, version: i16) -> Result<Vec<Field>, Broken> {
    // A field takes its place in a vector and a table of its own, and no two have one name.
    let mut budget = Budget { fields: length / 8, letters: length };
    children(schema, 1, version, 0, &mut budget)
}

fn children(table: &Table, at: usize, version: i16, depth: usize, budget: &mut Budget) -> Result<Vec<Field>, Broken> {
    let Some(vector) = table.vector(at, 4)? else { return Ok(Vec::new()) };
    budget.fields = budget.fields.checked_sub(vector.len()).ok_or(Broken)?;
    (0..vector.len()).map(|i| field(&vector.table(i)?, version, depth, budget)).collect()
}

fn field(table: &Table, version: i16, depth: usize, budget: &mut Budget) -> Result<Field, Broken> {
    if depth == MAX_DEPTH {
        return Err(Broken);
    }
    let name = table.text(0)?.unwrap_or_default();
    budget.letters = budget.letters.checked_sub(name.len()).ok_or(Broken)?;
    let children = children(table, 5, version, depth + 1, budget)?;
    let kind = kind(table, version, children)?;
    Ok(Field { name: name.to_string(), kind })
}

fn kind(table: &Table, version: i16, mut children: Vec<Field>) -> Result<Type, Broken> {
    let other = |name, buffers, children| Ok(Type::Other { name, buffers, variadic: false, children });
    if table.table(4)?.is_some() {
        // The type is that of the dictionary's values; in the batch lie numbers that count them.
        return other("a dictionary's codes", 2, Vec::new());
    }
    let (tag, detail) = (table.byte(2)?, table.table(3)?);
    let detail = || detail.ok_or(Broken);
    let only = |children: &mut Vec<Field>| match children.len() {
        1 => children.pop().map(Box::new).ok_or(Broken),
        _ => Err(Broken),
    };
    match tag {
        2 => match (detail()?.int(0)?, detail()?.byte(1)? != 0) {
            (8, true) => Ok(Type::Number(Dtype::I8)),
            (16, true) => Ok(Type::Number(Dtype::I16)),
            (32, true) => Ok(Type::Number(Dtype::I32)),
            (64, true) => Ok(Type::Number(Dtype::I64)),
            (8, false) => Ok(Type::Number(Dtype::U8)),
            (16, false) => Ok(Type::Number(Dtype::U16)),
            (32, false) => Ok(Type::Number(Dtype::U32)),
            (64, false) => Ok(Type::Number(Dtype::U64)),
            _ => Err(Broken),
        },
        3 => match detail()?.short(0)? {
            0 => Ok(Type::Number(Dtype::F16)),
            1 => Ok(Type::Number(Dtype::F32)),
            2 => Ok(Type::Number(Dtype::F64)),
            _ => Err(Broken),
        },
        6 => Ok(Type::Bits),
        5 => Ok(Type::Text { wide: false }),
        20 => Ok(Type::Text { wide: true }),
        12 => Ok(Type::List { wide: false, items: only(&mut children)? }),
        21 => Ok(Type::List { wide: true, items: only(&mut children)? }),
        16 => {
            let size = usize::try_from(detail()?.int(0)?).map_err(|_| Broken)?;
            if size == 0 {
                // They take no bytes, so that any number of them could be claimed.
                return other("lists of nothing", 1, children);
            }
            Ok(Type::FixedList { size, items: only(&mut children)? })
        }
        1 => other("nothing but nulls", 0, children),
        4 => other("binary", 3, children),
        19 => other("large binary", 3, children),
        7 => other("decimals", 2, children),
        8 => other("dates", 2, children),
        9 => other("times", 2, children),
        10 => other("timestamps", 2, children),
        11 => other("intervals", 2, children),
        18 => other("durations", 2, children),
        15 => other("binary of a fixed size", 2, children),
        13 => other("structs", 1, children),
        17 => other("maps", 2, children),
        // A buffer of types, one of offsets if it is dense, and before version 5 of the metadata one of nulls.
        14 => other("unions", 1 + usize::from(detail()?.short(0)? == 1) + usize::from(version < 4), children),
        22 => other("runs", 0, children),
        25 | 26 => other("list views", 3, children),
        23 => Ok(Type::Other { name: "binary views", buffers: 2, variadic: true, children }),
        24 => Ok(Type::Other { name: "text views", buffers: 2, variadic: true, children }),
        // Without its layout nothing behind it could be found.
        _ => Err(Broken),
    }
}

/// The nodes and buffers of a record batch, taken one after another as the columns lie in it.
pub(super) trait Layout {
    /// Why its buffers cannot be read, if they cannot.
    fn unread(&self) -> Option<&'static str>;
    /// Length and number of nulls of the next node.
    fn node(&mut self) -> Result<(usize, usize), Broken>;
    /// The next buffer.
    fn buffer(&mut self) -> Result<Bytes, Broken>;
    /// How many buffers more than usual the next column has.
    fn variadic(&mut self) -> Result<usize, Broken>;
}

impl Field {
    /// Takes the column's part of a batch.
    pub(super) fn take(&self, batch: &mut dyn Layout) -> Result<Array, Broken> {
        let (length, nulls) = batch.node()?;
        let mut validity = None;
        if !matches!(self.kind, Type::Other { .. }) {
            validity = Some(batch.buffer()?).filter(|_| nulls > 0);
        }
        let data = match &self.kind {
            Type::Number(dtype) => Data::Numbers(*dtype, batch.buffer()?),
            Type::Bits => Data::Bits(batch.buffer()?),
            Type::Text { wide } => {
                let offsets = Offsets { bytes: batch.buffer()?, wide: *wide };
                Data::Text { offsets, bytes: batch.buffer()? }
            }
            Type::List { wide, items } => {
                let offsets = Offsets { bytes: batch.buffer()?, wide: *wide };
                Data::List { offsets, items: Box::new(items.take(batch)?) }
            }
            Type::FixedList { size, items } => Data::FixedList { size: *size, items: Box::new(items.take(batch)?) },
            Type::Other { name, buffers, variadic, children } => {
                let more = if *variadic { batch.variadic()? } else { 0 };
                for _ in 0..buffers.saturating_add(more) {
                    batch.buffer()?;
                }
                for child in children {
                    child.take(batch)?;
                }
                Data::Unread(name)
            }
        };
        let data = batch.unread().map_or(data, Data::Unread);
        let array = Array { length, nulls, validity, data };
        if array.fits() { Ok(array) } else { Err(Broken) }
    }
}
