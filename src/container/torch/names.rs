//! What the values of a pickle stand for: tensors by their names, storages, and everything else as JSON.
//!
//! Nested dictionaries, lists and whole modules give names with dots, as `state_dict()` does: `decoder.weight`,
//! `state_dict.W_enc`. Of a pickled module, its parameters, buffers and submodules are tensors, and its class (as
//! `__class__`) and other attributes are configuration. The few functions that torch writes are known by name; every other
//! class is passed over, and what it was given is still looked at.

use super::numpy;
use super::pickle::{Id, Object, Pickle, Value};
use crate::container::{Bytes, Dtype};
use serde_json::{Map, Value as Json};

/// Deeper nesting than this is a circle, or made to hurt.
const MAX_DEPTH: usize = 48;

/// A tensor as its pickle describes it; lengths are in elements.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) storage: Storage,
    pub(super) dtype: Kind,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// Where a tensor's elements lie.
#[derive(Debug, Clone)]
pub(super) enum Storage {
    /// Under this key, outside of the pickle.
    Key(String),
    /// In this torch file within the pickle, as plain pickles hold tensors; it tells the element type too.
    Within(Vec<u8>),
    /// Here: what such a file held, or bytes of the pickle.
    Held(Bytes),
}

/// An element type, read or not.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Known(Dtype),
    /// One that is not read, by torch's name.
    Other(String),
}

/// What was found in a pickle.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) items: Vec<Item>,
    /// What is no tensor.
    pub(super) rest: Json,
}

/// Looks through the whole of a pickle; a lone tensor is called `alone`.
///
/// # Errors
/// If something in it contradicts itself or it is nested without end; says what.
pub(super) fn find(pickle: &Pickle, alone: &str) -> Result<Found, String> {
    let mut walk = Walk { pickle, items: Vec::new(), visits: 4 * pickle.len() + 1024, text: 2 * pickle.length + 1024 };
    let rest = walk.visit(pickle.root, alone, "", 0)?.unwrap_or(Json::Null);
    Ok(Found { items: walk.items, rest })
}

/// Storage key and element type of every storage that a pickle refers to, for files that keep them in one row.
pub(super) fn storages(pickle: &Pickle) -> Vec<(String, Kind)> {
    let all = (0..pickle.len()).filter_map(|id| match pickle.get(id as Id) {
        Value::Persistent(id) => persistent(pickle, *id).ok(),
        _ => None,
    });
    all.map(|(key, kind, _)| (key, kind)).collect()
}

struct Walk<'a> {
    pickle: &'a Pickle<'a>,
    items: Vec<Item>,
    /// How many values may still be looked at: what is shared is looked at again, but not without end.
    visits: usize,
    /// How many bytes of text may still be copied.
    text: usize,
}

/// What a value is.
enum Meaning {
    Tensor(Box<Item>),
    /// Entries by key, as [`Walk::key`] gives it.
    Entries(Vec<(Id, Id)>),
    Elements(Vec<Id>),
    /// A module's class and attributes.
    Module(String, Vec<(Id, Id)>),
    /// The same as another value.
    Same(Id),
    Plain(Json),
    /// Nothing that says anything.
    Opaque,
}

impl Walk<'_> {
    /// Collects the tensors at and below `id`, whose names begin with `prefix`; gives what is no tensor.
    fn visit(&mut self, id: Id, name: &str, prefix: &str, depth: usize) -> Result<Option<Json>, String> {
        self.visits = self.visits.checked_sub(1).ok_or("it is nested without end")?;
        if depth > MAX_DEPTH {
            return Err("it is nested without end".into());
        }
        match self.meaning(id)? {
            Meaning::Tensor(mut item) => {
                item.name = name.to_string();
                self.items.push(*item);
                Ok(None)
            }
            Meaning::Same(other) => self.visit(other, name, prefix, depth + 1),
            Meaning::Entries(entries) => self.entries(&entries, prefix, depth),
            Meaning::Module(class, attributes) => self.module(class, &attributes, prefix, depth),
            Meaning::Elements(all) => {
                let mut rest = Vec::new();
                for (at, id) in all.into_iter().enumerate() {
                    let name = format!("{prefix}{at}");
                    rest.extend(self.visit(id, &name, &format!("{name}."), depth + 1)?);
                }
                Ok(Some(Json::Array(rest)))
            }
            Meaning::Plain(value) => Ok(Some(value)),
            Meaning::Opaque => Ok(None),
        }
    }
    fn entries(&mut self, entries: &[(Id, Id)], prefix: &str, depth: usize) -> Result<Option<Json>, String> {
        let mut rest = Map::new();
        for &(key, value) in entries {
            let Some(key) = self.key(key)? else { continue };
            let name = format!("{prefix}{key}");
            self.spend(name.len())?;
            if let Some(value) = self.visit(value, &name, &format!("{name}."), depth + 1)? {
                rest.insert(key, value);
            }
        }
        Ok(Some(Json::Object(rest)))
    }
    /// A module: its parameters and buffers by name, its submodules below theirs, the rest of its attributes and its class.
    fn module(
        &mut self,
        class: String,
        attributes: &[(Id, Id)],
        prefix: &str,
        depth: usize,
    ) -> Result<Option<Json>, String> {
        self.spend(class.len())?;
        let mut rest = Map::from_iter([("__class__".to_string(), class.into())]);
        for &(key, value) in attributes {
            let Some(key) = self.key(key)? else { continue };
            let found = match key.as_str() {
                "_parameters" | "_buffers" | "_modules" => self.visit(value, &key, prefix, depth + 1)?,
                // Hooks and other machinery of torch.
                own if own.starts_with('_') => None,
                own => self.visit(value, &format!("{prefix}{own}"), &format!("{prefix}{own}."), depth + 1)?,
            };
            match found {
                Some(Json::Object(below)) if key.starts_with('_') => rest.extend(below),
                Some(value) => {
                    rest.insert(key, value);
                }
                None => {}
            }
        }
        Ok(Some(Json::Object(rest)))
    }
    fn spend(&mut self, bytes: usize) -> Result<(), String> {
        self.text = self.text.checked_sub(bytes).ok_or("it repeats its text without end")?;
        Ok(())
    }
    fn key(&mut self, id: Id) -> Result<Option<String>, String> {
        if let Some(text) = self.pickle.text(id).map(str::to_string) {
            self.spend(text.len())?;
            return Ok(Some(text));
        }
        Ok(self.pickle.int(id).map(|int| int.to_string()))
    }
    fn meaning(&mut self, id: Id) -> Result<Meaning, String> {
        let pickle = self.pickle;
        Ok(match pickle.get(id) {
            Value::None => Meaning::Plain(Json::Null),
            Value::Bool(value) => Meaning::Plain((*value).into()),
            Value::Int(value) => Meaning::Plain((*value).into()),
            Value::Float(value) => Meaning::Plain((*value).into()),
            Value::Text(_) | Value::Escaped(_) => self.plain(id)?,
            Value::Huge | Value::Bytes(_) | Value::Mark => Meaning::Opaque,
            Value::List(all) | Value::Tuple(all) => Meaning::Elements(all.clone()),
            Value::Dict(entries) => Meaning::Entries(entries.clone()),
            // `torch.float32`, or a class that is named in a configuration.
            Value::Global(module, name) => Meaning::Plain(format!("{module}.{name}").into()),
            Value::Persistent(id) => match pickle.elements(*id) {
                // Old files keep the source of a module's class beside it.
                Some(&[kind, class, ..]) if pickle.text(kind) == Some("module") => Meaning::Same(class),
                _ => Meaning::Opaque,
            },
            Value::Object(object) => self.object(object)?,
        })
    }
    fn plain(&mut self, id: Id) -> Result<Meaning, String> {
        let text = self.pickle.text(id).unwrap_or_default().to_string();
        self.spend(text.len())?;
        Ok(Meaning::Plain(text.into()))
    }
    fn object(&mut self, object: &Object) -> Result<Meaning, String> {
        let pickle = self.pickle;
        let args = pickle.elements(object.args).unwrap_or_default();
        let first = args.first().copied();
        let follow = |id: Option<Id>| id.map_or(Meaning::Elements(Vec::new()), Meaning::Same);
        let class = self.class(object.class);
        Ok(match class {
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3") => {
                let item = tensor(pickle, args)?;
                if let Storage::Within(bytes) = &item.storage {
                    self.spend(bytes.len())?;
                }
                Meaning::Tensor(Box::new(item))
            }
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                first.map(Meaning::Same).ok_or("a parameter without its tensor")?
            }
            // A tensor of a subclass: the function that makes it, its class, the arguments.
            ("torch._tensor", "_rebuild_from_type_v2") => match args {
                &[function, _, args, ..] => {
                    return self.object(&Object { class: function, args, ..Object::default() });
                }
                _ => return Err("a tensor without its parts".into()),
            },
            ("torch._utils", name) if name.starts_with("_rebuild_") => {
                let kind = Kind::Other(name.trim_start_matches("_rebuild_").replace('_', " "));
                let (storage, shape, strides) = (Storage::Key(String::new()), Vec::new(), Vec::new());
                let item = Item { name: String::new(), storage, dtype: kind, offset: 0, shape, strides };
                Meaning::Tensor(Box::new(item))
            }
            ("torch", "Size") | ("builtins" | "__builtin__", "set" | "frozenset" | "list" | "tuple") => follow(first),
            ("torch", "device") | ("_codecs", "encode") => first.map_or(Meaning::Opaque, Meaning::Same),
            ("pathlib" | "pathlib._local", _) => {
                let parts: Vec<&str> = args.iter().filter_map(|&id| pickle.text(id)).collect();
                let path = parts.join("/");
                self.spend(path.len())?;
                Meaning::Plain(path.into())
            }
            ("collections", "OrderedDict") | ("builtins" | "__builtin__", "dict") => {
                // Python 2 gives the entries as a list of pairs.
                let pairs = first.and_then(|id| pickle.elements(id)).unwrap_or_default();
                let pairs = pairs.iter().filter_map(|&id| match pickle.elements(id) {
                    Some(&[key, value]) => Some((key, value)),
                    _ => None,
                });
                Meaning::Entries(pairs.chain(object.items.iter().copied()).collect())
            }
            class => match numpy::item(pickle, class, object) {
                Some(item) => {
                    let item = item?;
                    if let Storage::Held(bytes) = &item.storage {
                        self.spend(bytes.len())?;
                    }
                    Meaning::Tensor(Box::new(item))
                }
                None => self.instance(object, first),
            },
        })
    }
    /// An object of a class that means nothing here: by its attributes, its entries, or what it was made of.
    fn instance(&self, object: &Object, first: Option<Id>) -> Meaning {
        let pickle = self.pickle;
        // The state of a class with slots is a pair.
        let state = object.state.map(|state| match pickle.elements(state) {
            Some(&[attributes, _]) => attributes,
            _ => state,
        });
        if let Some(Value::Dict(attributes)) = state.map(|state| pickle.get(state)) {
            let names = |name: &str| attributes.iter().any(|&(key, _)| pickle.text(key) == Some(name));
            if names("_parameters") && names("_modules") {
                let (module, class) = self.class(object.class);
                return Meaning::Module(format!("{module}.{class}"), attributes.clone());
            }
            if !attributes.is_empty() {
                return Meaning::Entries(attributes.clone());
            }
        }
        match (&object.items[..], first) {
            // An enumeration is made of its value.
            ([], Some(id)) if !matches!(pickle.get(id), Value::Global(..)) => Meaning::Same(id),
            ([], _) => Meaning::Opaque,
            (items, _) => Meaning::Entries(items.to_vec()),
        }
    }
    /// Module and name of a class; nothing's, if it is none.
    fn class(&self, id: Id) -> (&str, &str) {
        let id = match self.pickle.get(id) {
            Value::Persistent(of) => self.pickle.elements(*of).and_then(|parts| parts.get(1)).copied().unwrap_or(id),
            _ => id,
        };
        self.pickle.global(id).unwrap_or_default()
    }
}

/// `(storage, offset, size, stride, …)`, and with version 3 the element type at the end.
fn tensor(pickle: &Pickle, args: &[Id]) -> Result<Item, String> {
    let &[storage, offset, size, stride, ..] = args else { return Err("a tensor without its parts".into()) };
    let lengths = |id: Id| {
        // A torch.Size is a call of its own.
        let id = match pickle.get(id) {
            Value::Object(object) => pickle.elements(object.args).and_then(|args| args.first()).copied().unwrap_or(id),
            _ => id,
        };
        let all = pickle.elements(id)?.iter().map(|&id| usize::try_from(pickle.int(id)?).ok());
        all.collect::<Option<Vec<usize>>>()
    };
    let offset = pickle.int(offset).and_then(|offset| usize::try_from(offset).ok());
    let (Some(offset), Some(shape), Some(strides)) = (offset, lengths(size), lengths(stride)) else {
        return Err("a tensor whose sizes are no sizes".into());
    };
    let (storage, mut dtype, start) = match pickle.get(storage) {
        Value::Persistent(id) => {
            let (key, dtype, start) = persistent(pickle, *id)?;
            (Storage::Key(key), dtype, start)
        }
        Value::Object(object) => within(pickle, object)?,
        _ => return Err("a tensor without its storage".into()),
    };
    if let Some((_, name)) = args.get(6).and_then(|&id| pickle.global(id)) {
        dtype = by_dtype(name);
    }
    let offset = offset.checked_add(start).ok_or("a tensor whose sizes are no sizes")?;
    Ok(Item { name: String::new(), storage, dtype, offset, shape, strides })
}

/// Key, element type and first element of the storage that `("storage", class, key, device, length, view)` names.
fn persistent(pickle: &Pickle, id: Id) -> Result<(String, Kind, usize), String> {
    let parts = pickle.elements(id).unwrap_or_default();
    let [kind, class, key, ..] = parts else { return Err("a storage without its parts".into()) };
    let (Some("storage"), Some((_, class)), Some(key)) = (pickle.text(*kind), pickle.global(*class), pickle.text(*key))
    else {
        return Err("a storage without its parts".into());
    };
    // Old files may make one storage a part of another.
    let view = parts.get(5).and_then(|&view| pickle.elements(view)?.get(1).and_then(|&at| pickle.int(at)));
    let start = view.map_or(Ok(0), usize::try_from).map_err(|_| "a storage before the start of another")?;
    Ok((key.to_string(), by_storage(class), start))
}

/// A storage that a plain pickle holds as a torch file of its own: `torch.storage._load_from_bytes(bytes)`.
fn within(pickle: &Pickle, object: &Object) -> Result<(Storage, Kind, usize), String> {
    let missing = || "a tensor without its storage".to_string();
    let args = pickle.elements(object.args).ok_or_else(missing)?;
    match (pickle.global(object.class), args) {
        (Some(("torch.storage", "_load_from_bytes")), &[bytes, ..]) => {
            let bytes = octets(pickle, bytes).ok_or_else(missing)?;
            Ok((Storage::Within(bytes), Kind::Other("none".into()), 0))
        }
        _ => Err(missing()),
    }
}

/// The bytes at a place. Protocol 2 has none: they are text in Latin-1, to be encoded.
pub(super) fn octets(pickle: &Pickle, id: Id) -> Option<Vec<u8>> {
    match pickle.get(id) {
        Value::Object(call) => {
            let text = pickle.text(*pickle.elements(call.args)?.first()?)?;
            text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
        }
        _ => pickle.raw(id).map(<[u8]>::to_vec),
    }
}

fn by_storage(class: &str) -> Kind {
    Kind::Known(match class {
        "DoubleStorage" => Dtype::F64,
        "FloatStorage" => Dtype::F32,
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::Bf16,
        "LongStorage" => Dtype::I64,
        "IntStorage" => Dtype::I32,
        "ShortStorage" => Dtype::I16,
        "CharStorage" => Dtype::I8,
        "ByteStorage" | "UntypedStorage" => Dtype::U8,
        "BoolStorage" => Dtype::Bool,
        other => return Kind::Other(other.trim_end_matches("Storage").to_lowercase()),
    })
}

/// The element type of that name in torch and in NumPy.
pub(super) fn by_dtype(name: &str) -> Kind {
    Kind::Known(match name {
        "float64" => Dtype::F64,
        "float32" => Dtype::F32,
        "float16" => Dtype::F16,
        "bfloat16" => Dtype::Bf16,
        "int64" => Dtype::I64,
        "int32" => Dtype::I32,
        "int16" => Dtype::I16,
        "int8" => Dtype::I8,
        "uint64" => Dtype::U64,
        "uint32" => Dtype::U32,
        "uint16" => Dtype::U16,
        "uint8" => Dtype::U8,
        "bool" => Dtype::Bool,
        other => return Kind::Other(other.to_string()),
    })
}
