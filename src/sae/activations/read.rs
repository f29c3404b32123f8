//! Lists of numbers out of the arrays of an activations file, where they lie if their type and place allow.

use super::super::sparse::POLL;
use crate::container::{Dtype, Numbers, Tensor};
use crate::error::Result;
use std::ops::Range;

/// Hears how many more numbers were read, and may stop the work.
pub(super) type Done<'a> = &'a mut dyn FnMut(usize) -> Result<()>;

/// The array, if it has one dimension.
fn flat(tensor: &Tensor) -> Result<&Tensor> {
    if tensor.shape().len() == 1 {
        return Ok(tensor);
    }
    Err(tensor.problem("not a list").expected("one dimension").input())
}

/// The entries `range` of the first dimension of a row-major array, as a list.
///
/// # Errors
/// If the array has gaps or another order.
pub(super) fn part(tensor: &Tensor, range: Range<usize>) -> Result<Tensor> {
    let row: usize = tensor.shape().iter().skip(1).product();
    let size = row * tensor.dtype().size();
    if !tensor.is_row_major() {
        return Err(tensor.problem("an array with gaps").hint("array.contiguous() before saving").input());
    }
    let bytes = tensor.bytes().slice(range.start * size..range.end * size);
    let bytes = bytes.ok_or_else(|| tensor.problem("the array does not fit its bytes").input())?;
    Tensor::new(tensor.name(), tensor.path(), tensor.dtype(), vec![range.len() * row], bytes)
}

/// Little-endian integers at the start of a list's bytes, through `convert`; none if one of them has no place in the
/// wanted type.
fn integers<const N: usize, T>(
    tensor: &Tensor,
    convert: impl Fn([u8; N]) -> Option<T>,
    done: Done,
) -> Result<Option<Vec<T>>> {
    let mut all = Vec::with_capacity(tensor.len());
    for part in tensor.bytes()[..tensor.len() * N].as_chunks::<N>().0.chunks(POLL) {
        for bytes in part {
            let Some(value) = convert(*bytes) else { return Ok(None) };
            all.push(value);
        }
        done(part.len())?;
    }
    Ok(Some(all))
}

/// The numbers of a list where they lie, if they are aligned and of this size.
fn lent<T: bytemuck::Pod>(tensor: &Tensor) -> Option<Numbers<T>> {
    let bytes = tensor.bytes().slice(0..tensor.len().checked_mul(size_of::<T>())?)?;
    (tensor.dtype().size() == size_of::<T>()).then(|| Numbers::of_bytes(bytes))?
}

/// Indices as u32; the common types are read straight from their bytes, or left there.
///
/// # Errors
/// If it is no list of integers from 0 to 2^32 - 1; or those of `done`.
pub(super) fn narrow(tensor: &Tensor, done: Done) -> Result<Numbers<u32>> {
    let beyond =
        || tensor.problem("an index that is negative or beyond 2^32").expected("indices from 0 to 2^32 - 1").input();
    let dtype = flat(tensor)?.dtype();
    if matches!(dtype, Dtype::I32 | Dtype::U32)
        && tensor.is_row_major()
        && let Some(lent) = lent::<u32>(tensor)
    {
        for part in lent.chunks(POLL) {
            // The sign is the highest bit; it is looked for without a branch each.
            if dtype == Dtype::I32 && part.iter().fold(0, |bits, index| bits | index) > i32::MAX as u32 {
                return Err(beyond());
            }
            done(part.len())?;
        }
        return Ok(lent);
    }
    let found = match dtype {
        _ if !tensor.is_row_major() => None,
        Dtype::I32 => Some(integers(tensor, |b| u32::try_from(i32::from_le_bytes(b)).ok(), done)?),
        Dtype::U32 => Some(integers(tensor, |b| Some(u32::from_le_bytes(b)), done)?),
        Dtype::U16 => Some(integers(tensor, |b| Some(u32::from(u16::from_le_bytes(b))), done)?),
        Dtype::I64 | Dtype::U64 => Some(integers(tensor, |b| u32::try_from(u64::from_le_bytes(b)).ok(), done)?),
        _ => None,
    };
    let found = match found {
        Some(found) => found,
        None => tensor.to_indices()?.into_iter().map(|i| u32::try_from(i).ok()).collect(),
    };
    found.map(Numbers::from).ok_or_else(beyond)
}

/// Row pointers as u64.
///
/// # Errors
/// If it is no list of integers from 0; or those of `done`.
pub(super) fn wide(tensor: &Tensor, done: Done) -> Result<Numbers<u64>> {
    match flat(tensor)?.dtype() {
        Dtype::I64 | Dtype::U64 if tensor.is_row_major() => {
            let found = match lent::<u64>(tensor) {
                Some(lent) => {
                    done(lent.len())?;
                    lent
                }
                None => integers(tensor, |b| Some(u64::from_le_bytes(b)), done)?.unwrap_or_default().into(),
            };
            if tensor.dtype() == Dtype::I64 && found.iter().any(|&pointer| pointer > i64::MAX as u64) {
                return Err(tensor.problem("a negative index").expected("indices from 0").input());
            }
            Ok(found)
        }
        _ => Ok(narrow(tensor, done)?.iter().map(|&index| u64::from(index)).collect()),
    }
}

/// Values as f32.
///
/// # Errors
/// If it is no list; or those of `done`.
pub(super) fn values(tensor: &Tensor, done: Done) -> Result<Numbers<f32>> {
    if flat(tensor)?.dtype() == Dtype::F32
        && tensor.is_row_major()
        && let Some(lent) = lent::<f32>(tensor)
    {
        done(lent.len())?;
        return Ok(lent);
    }
    Ok(tensor.to_f32_in_parts(done)?.into())
}
