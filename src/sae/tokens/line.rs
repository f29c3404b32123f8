//! One line of a file of texts, as jsonl or a table writes it.
//!
//! Texts borrow from the line where it has no escapes; a list is no longer than any sequence is.

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// More tokens than any sequence has: a short line must not become a long list.
const MAX_LIST: usize = 1 << 20;

/// One line of a file, whatever its layout.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    pub(super) tokens: Option<List<Text<'a>>>,
    #[serde(borrow)]
    pub(super) token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) label: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) labels: Option<List<Text<'a>>>,
    pub(super) end: Option<u64>,
    pub(super) row: Option<u64>,
    pub(super) first_row: Option<u64>,
    pub(super) seq: Option<Id>,
    #[serde(alias = "document", alias = "doc")]
    pub(super) doc_id: Option<Id>,
    #[serde(alias = "documents")]
    pub(super) doc_ids: Option<List<Id>>,
    #[serde(alias = "pos", alias = "first_position")]
    pub(super) position: Option<u32>,
    pub(super) positions: Option<List<u32>>,
}

impl<'a> Line<'a> {
    /// A line of a table, or the column and cell that is no number.
    pub(super) fn from_cells(headers: &'a [String], cells: &'a [String]) -> Result<Self, (&'a str, &'a str)> {
        let mut line = Self::default();
        for (name, cell) in headers.iter().zip(cells) {
            let (name, cell) = (name.as_str(), cell.as_str());
            let number = || match cell.trim() {
                "" => Ok(None),
                digits => digits.parse::<u64>().map(Some).map_err(|_| (name, cell)),
            };
            let text = || Some(Text(Cow::Borrowed(cell)));
            let id = || (!cell.is_empty()).then(|| Id::of(cell));
            match name {
                "token" => line.token = text(),
                "text" => line.text = text(),
                "label" => line.label = text(),
                "end" => line.end = number()?,
                "row" => line.row = number()?,
                "seq" => line.seq = id(),
                "doc_id" | "document" | "doc" => line.doc_id = id(),
                "position" | "pos" => {
                    let position = number()?.map(|n| u32::try_from(n).map_err(|_| (name, cell)));
                    line.position = position.transpose()?;
                }
                _ => {}
            }
        }
        Ok(line)
    }
}

/// A list of a line, no longer than any sequence is.
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    if list.len() == MAX_LIST {
                        return Err(A::Error::custom(format_args!("a list of more than {MAX_LIST}")));
                    }
                    list.push(item);
                }
                Ok(List(list))
            }
        }
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// A text that borrows from the line where it has no escapes; numbers are taken as their digits.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_string())))
            }
            fn visit_u64<E>(self, n: u64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(n.to_string())))
            }
            fn visit_i64<E>(self, n: i64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(n.to_string())))
            }
            fn visit_f64<E>(self, n: f64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(n.to_string())))
            }
        }
        deserializer.deserialize_any(Words)
    }
}

/// An id of a document or sequence: a number, or a name.
#[derive(Clone)]
pub(super) enum Id {
    Number(u64),
    Name(String),
}

impl Id {
    fn of(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_string()), Self::Number)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Id;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an id: a number from 0 or a name")
            }
            fn visit_u64<E>(self, n: u64) -> Result<Id, E> {
                Ok(Id::Number(n))
            }
            fn visit_str<E>(self, name: &str) -> Result<Id, E> {
                Ok(Id::of(name))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
