//! What of a JSON entry is a label, read without keeping the rest of it.

use super::{About, Found, INDEX, POLL, WORDS};
use crate::error::{Error, Problem, Result};
use crate::text::clip;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// The fields of an object that make a label; whatever is no object has none of them.
#[derive(Debug, Default)]
pub(super) struct Entry<'a> {
    pub(super) index: Option<Scalar<'a>>,
    words: Option<Scalar<'a>>,
    /// Whether a field for words is there, even if it holds none.
    has_words: bool,
    kind: Option<Scalar<'a>>,
    author: Option<Scalar<'a>>,
    score: Option<Scalar<'a>>,
    source: Option<Scalar<'a>>,
    model: Option<Scalar<'a>>,
}

impl Entry<'_> {
    /// Whether it has both a feature and words.
    pub(super) fn is_whole(&self) -> bool {
        self.index.is_some() && self.words.is_some()
    }
    pub(super) fn words(&self) -> &str {
        self.words.as_ref().and_then(Scalar::text).unwrap_or_default()
    }
    pub(super) fn about(&self) -> About<'_> {
        let score = self.score.as_ref().and_then(Scalar::number);
        let [kind, author, source, model] =
            [&self.kind, &self.author, &self.source, &self.model].map(|field| filled(field.as_ref()));
        About { kind, author, score, source, model }
    }
}

fn filled<'a>(scalar: Option<&'a Scalar<'a>>) -> Option<&'a str> {
    scalar.and_then(Scalar::text).filter(|text| !text.is_empty())
}

/// A value that is no list and no object.
#[derive(Debug)]
pub(super) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Whole(u64),
    Number(f64),
    /// Something that no label is made of.
    Other,
}

impl Scalar<'_> {
    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
    fn number(&self) -> Option<f64> {
        match self {
            Self::Text(text) => text.trim().parse().ok(),
            Self::Whole(n) => Some(*n as f64),
            Self::Number(x) => Some(*x),
            Self::Other => None,
        }
    }
    /// The feature that it counts, or what it is instead.
    pub(super) fn feature(&self) -> Result<u64, String> {
        match self {
            Self::Text(text) => index(text),
            Self::Whole(n) => Ok(*n),
            Self::Number(x) => whole(*x).ok_or_else(|| format!("index {x}")),
            Self::Other => Err("an index that is no number".into()),
        }
    }
}

/// The feature that a text counts, or what it is instead; `3.0`, as data frames write it, is 3.
pub(super) fn index(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let number = || text.parse().ok().and_then(whole);
    text.parse().ok().or_else(number).ok_or_else(|| format!("index {}", clip(text, 40)))
}

fn whole(x: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (x.fract() == 0.0 && (0.0..EXACT).contains(&x)).then_some(x as u64)
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Scalar<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Owned(text.to_string())))
            }
            fn visit_u64<E>(self, n: u64) -> Result<Self::Value, E> {
                Ok(Scalar::Whole(n))
            }
            fn visit_i64<E>(self, n: i64) -> Result<Self::Value, E> {
                Ok(Scalar::Number(n as f64))
            }
            fn visit_f64<E>(self, x: f64) -> Result<Self::Value, E> {
                Ok(Scalar::Number(x))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Scalar::Other)
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Scalar::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// The name of a field.
enum Key {
    /// Of the feature's number, by its rank among such names.
    Index(usize),
    /// Of the words, by its rank.
    Words(usize),
    /// Of a list of words, one a feature.
    List,
    /// Of what only a file of tokens has.
    Tokens,
    Kind,
    Author,
    Score,
    Source,
    Model,
    /// A number, as in an object of features.
    Number(u64),
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("the name of a field")
            }
            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                let rank = |names: &[&str]| names.iter().position(|other| *other == name);
                Ok(match name {
                    "labels" | "descriptions" | "explanations" | "features" | "latents" => Key::List,
                    "tokens" | "doc_ids" | "first_row" => Key::Tokens,
                    "typeName" => Key::Kind,
                    "explanationModelName" => Key::Author,
                    "score" => Key::Score,
                    "layer" => Key::Source,
                    "modelId" => Key::Model,
                    _ => rank(&INDEX)
                        .map(Key::Index)
                        .or_else(|| rank(&WORDS).map(Key::Words))
                        .or_else(|| name.parse().ok().map(Key::Number))
                        .unwrap_or(Key::Other),
                })
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Entry<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an entry")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entry = Entry::default();
                let (mut index, mut words) = (usize::MAX, usize::MAX);
                while let Some(key) = map.next_key::<Key>()? {
                    let slot = match key {
                        Key::Kind => &mut entry.kind,
                        Key::Author => &mut entry.author,
                        Key::Score => &mut entry.score,
                        Key::Source => &mut entry.source,
                        Key::Model => &mut entry.model,
                        Key::Index(rank) if rank < index => &mut entry.index,
                        Key::Words(rank) if rank < words => {
                            entry.has_words = true;
                            &mut entry.words
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    // What is null is not there, and a lesser name may stand in for it.
                    let Some(value) = map.next_value::<Option<Scalar>>()? else { continue };
                    *slot = Some(value);
                    match key {
                        Key::Index(rank) => index = rank,
                        Key::Words(rank) => words = rank,
                        _ => {}
                    }
                }
                Ok(entry)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Entry::default())
            }
            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Entry::default())
            }
            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Entry::default())
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Entry::default())
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Entry::default())
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Entry::default())
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Entry::default())
            }
        }
        deserializer.deserialize_any(Fields)
    }
}

/// Where in a document a value stands.
#[derive(Clone, Copy)]
enum Place {
    /// The document itself: a list by place, or an object by feature, or of the feature that it names.
    Top(Option<u64>),
    /// In an object, under a name of such a list: by place, as at the top.
    List,
    /// In an object, under another name: entries that name their own feature, or nothing of interest.
    Named,
    /// In a list under such a name.
    Entry,
    /// The words of this feature, or an entry that names its own.
    Feature(u64),
}

/// The error about a file of tokens, whose words are of rows and not of features.
fn tokens() -> Error {
    Problem::new("these are the tokens of activation rows, not labels of features")
        .expected("jsonl, json or csv with index and description in each entry")
        .hint("--tokens with this file")
        .input()
}

/// A JSON document that is no single entry, read straight into what has been found.
pub(super) struct Document<'f, 't> {
    found: &'f mut Found<'t>,
    /// What stopped the reading, if it was not the JSON.
    stopped: &'f mut Result<()>,
    place: Place,
}

impl<'f, 't> Document<'f, 't> {
    /// `whole` is what the document is as an entry: what has no feature of its own in it is of that one.
    pub(super) fn new(found: &'f mut Found<'t>, stopped: &'f mut Result<()>, whole: &Entry) -> Self {
        let feature = whole.index.as_ref().and_then(|index| index.feature().ok());
        Self { found, stopped, place: Place::Top(feature) }
    }
    fn within(&mut self, place: Place) -> Document<'_, 't> {
        Document { found: self.found, stopped: self.stopped, place }
    }
    fn check<E: de::Error>(&mut self, result: Result<()>) -> Result<(), E> {
        result.map_err(|error: Error| {
            *self.stopped = Err(error);
            E::custom("stopped")
        })
    }
    fn useless<E: de::Error>(mut self, what: &str) -> Result<(), E> {
        let result = match self.place {
            // A name with a plain value, or a list of them, describes the file.
            Place::List | Place::Named | Place::Entry => Ok(()),
            Place::Top(_) | Place::Feature(_) => self.found.leave_out(what),
        };
        self.check(result)
    }
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("labels")
    }
    fn visit_str<E: de::Error>(mut self, words: &str) -> Result<(), E> {
        match self.place {
            Place::Feature(feature) => {
                let result = self.found.add(Ok(feature), words, About::default());
                self.check(result)
            }
            _ => self.useless("no feature"),
        }
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        for at in 0u64.. {
            if at.is_multiple_of(POLL as u64) {
                let result = self.found.task.check();
                self.check(result)?;
            }
            let place = match self.place {
                Place::Feature(feature) => Place::Feature(feature),
                Place::Top(_) | Place::List => Place::Feature(at),
                Place::Named | Place::Entry => Place::Entry,
            };
            if items.next_element_seed(self.within(place))?.is_none() {
                break;
            }
        }
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        match self.place {
            Place::Feature(_) | Place::Entry => {
                let entry = Entry::deserialize(MapAccessDeserializer::new(map))?;
                if !entry.has_words {
                    return self.useless("no words");
                }
                let feature = if let Place::Feature(feature) = self.place { Some(feature) } else { None };
                let result = self.found.entry(&entry, feature);
                self.check(result)
            }
            Place::Top(feature) => {
                while let Some(key) = map.next_key::<Key>()? {
                    let place = match key {
                        Key::Number(feature) => Place::Feature(feature),
                        Key::List | Key::Words(_) => feature.map_or(Place::List, Place::Feature),
                        Key::Tokens => return self.check(Err(tokens())),
                        _ => Place::Named,
                    };
                    map.next_value_seed(self.within(place))?;
                }
                Ok(())
            }
            Place::List | Place::Named => {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(())
            }
        }
    }
    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        self.useless("no words")
    }
    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        self.useless("no words")
    }
    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        self.useless("no words")
    }
    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        self.useless("no words")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
