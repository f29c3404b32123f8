//! NumPy's arrays and numbers in a pickle, whose elements are bytes of the pickle itself.
//!
//! | call | arguments and state |
//! |---|---|
//! | `_reconstruct` | state `(version, shape, dtype, is_fortran, bytes)` |
//! | `_frombuffer`, since protocol 5 | `(bytes, dtype, shape, "C" or "F")` |
//! | `scalar` | `(dtype, bytes)` |
//!
//! A dtype is the call `dtype("f4", …)` with the state `(version, byte order, …)`. Nothing is called. Source: NumPy,
//! `numpy/_core/src/multiarray/methods.c` (`array_reduce`), `numpy/_core/numeric.py`.

use super::names::{Item, Kind, Storage, by_dtype, octets};
use super::pickle::{Id, Object, Pickle, Value};
use crate::container::npy;

/// Modules that have these functions; the second is that of NumPy 1.
const MODULES: [&str; 4] =
    ["numpy._core.multiarray", "numpy.core.multiarray", "numpy._core.numeric", "numpy.core.numeric"];

/// The array or number that a call makes; none if it makes another thing.
///
/// # Errors
/// If it is one without its parts; says what.
pub(super) fn item(pickle: &Pickle, class: (&str, &str), object: &Object) -> Option<Result<Item, String>> {
    let args = pickle.elements(object.args).unwrap_or_default();
    let of = match class {
        (module, name) if MODULES.contains(&module) => name,
        _ => return None,
    };
    let made = match (of, args, object.state.and_then(|state| pickle.elements(state))) {
        ("_reconstruct", _, Some(&[_, shape, dtype, fortran, bytes, ..])) => {
            let fortran = matches!(pickle.get(fortran), Value::Bool(true));
            array(pickle, bytes, dtype, Some(shape), fortran)
        }
        ("_frombuffer", &[bytes, dtype, shape, order, ..], _) => {
            array(pickle, bytes, dtype, Some(shape), pickle.text(order) == Some("F"))
        }
        ("scalar", &[dtype, bytes, ..], _) => array(pickle, bytes, dtype, None, false),
        ("_reconstruct" | "_frombuffer" | "scalar", ..) => None,
        _ => return None,
    };
    Some(made.ok_or_else(|| "an array of numpy's without its parts".into()))
}

fn array(pickle: &Pickle, bytes: Id, dtype: Id, shape: Option<Id>, fortran: bool) -> Option<Item> {
    let shape: Vec<usize> = match shape {
        None => Vec::new(),
        Some(shape) => {
            let sizes = pickle.elements(shape)?.iter().map(|&size| usize::try_from(pickle.int(size)?).ok());
            sizes.collect::<Option<_>>()?
        }
    };
    let mut strides = vec![1usize; shape.len()];
    // The order in which dimensions run, fastest first.
    let order: Vec<usize> = if fortran { (0..shape.len()).collect() } else { (0..shape.len()).rev().collect() };
    for [faster, slower] in order.array_windows() {
        strides[*slower] = strides[*faster].checked_mul(shape[*faster].max(1))?;
    }
    let dtype = kind(pickle, dtype);
    let storage = match &dtype {
        Kind::Known(_) => Storage::Held(octets(pickle, bytes)?.into()),
        // Of other elements, as Python's objects, the list stands in place of the bytes.
        Kind::Other(_) => Storage::Held(Vec::new().into()),
    };
    Some(Item { name: String::new(), storage, dtype, offset: 0, shape, strides })
}

/// The element type that a dtype names: by a letter and a size, or by a class, as those that are not NumPy's own.
fn kind(pickle: &Pickle, id: Id) -> Kind {
    let object = if let Value::Object(object) = pickle.get(id) { Some(object) } else { None };
    let first = object.and_then(|object| pickle.elements(object.args)?.first().copied());
    if let Some((_, class)) = first.and_then(|first| pickle.global(first)) {
        return by_dtype(class);
    }
    let state = object.and_then(|object| pickle.elements(object.state?));
    let order = state.and_then(|state| pickle.text(*state.get(1)?)).unwrap_or("|");
    let code = first.and_then(|first| pickle.text(first)).unwrap_or("?");
    let whole = format!("{order}{code}");
    npy::number(&whole).map_or(Kind::Other(whole), Kind::Known)
}
