//! Element types of stored arrays, and how their elements become numbers.

use half::{bf16, f16};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Element type of a stored array (always little-endian).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Dtype {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    Bool,
}

impl Dtype {
    /// Bytes per element.
    pub fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }
    /// Whether it has values that f32 would round.
    pub fn exceeds_f32(self) -> bool {
        matches!(self, Self::F64 | Self::I64 | Self::I32 | Self::U64 | Self::U32)
    }
    /// Whether it is a floating-point type.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::Bf16)
    }
    /// The name used on screen and in JSON: `f32`, `bf16`, `i64`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::I64 => "i64",
            Self::I32 => "i32",
            Self::I16 => "i16",
            Self::I8 => "i8",
            Self::U64 => "u64",
            Self::U32 => "u32",
            Self::U16 => "u16",
            Self::U8 => "u8",
            Self::Bool => "bool",
        }
    }
    /// Element at byte offset `at` of `bytes` as f64 (integers beyond 2^53 round).
    #[inline]
    pub(super) fn get(self, bytes: &[u8], at: usize) -> f64 {
        fn take<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
            bytes[at..at + N].try_into().expect("N bytes")
        }
        match self {
            Self::F64 => f64::from_le_bytes(take(bytes, at)),
            Self::F32 => f32::from_le_bytes(take(bytes, at)).into(),
            Self::F16 => f16::from_le_bytes(take(bytes, at)).into(),
            Self::Bf16 => bf16::from_le_bytes(take(bytes, at)).into(),
            Self::I64 => i64::from_le_bytes(take(bytes, at)) as f64,
            Self::I32 => i32::from_le_bytes(take(bytes, at)).into(),
            Self::I16 => i16::from_le_bytes(take(bytes, at)).into(),
            Self::I8 => i8::from_le_bytes(take(bytes, at)).into(),
            Self::U64 => u64::from_le_bytes(take(bytes, at)) as f64,
            Self::U32 => u32::from_le_bytes(take(bytes, at)).into(),
            Self::U16 => u16::from_le_bytes(take(bytes, at)).into(),
            Self::U8 => bytes[at].into(),
            Self::Bool => f64::from(u8::from(bytes[at] != 0)),
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Converts elements that lie one after another to f64.
pub(super) fn convert_to_f64(dtype: Dtype, bytes: &[u8], out: &mut [f64]) {
    if dtype == Dtype::F64 {
        for (x, b) in out.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *x = f64::from_le_bytes(*b);
        }
        return;
    }
    for (i, x) in out.iter_mut().enumerate() {
        *x = dtype.get(bytes, i * dtype.size());
    }
}

/// Converts elements that lie one after another to f32.
pub(super) fn convert(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    use half::slice::HalfFloatSliceExt;
    match dtype {
        Dtype::F32 => {
            for (x, b) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *x = f32::from_le_bytes(*b);
            }
        }
        Dtype::Bf16 => {
            for (x, b) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *x = bf16::from_le_bytes(*b).to_f32();
            }
        }
        // The processor's own conversion wants aligned halves, which a file need not have.
        Dtype::F16 => {
            if let Ok(halves) = bytemuck::try_cast_slice::<u8, f16>(bytes) {
                halves.convert_to_f32_slice(out);
                return;
            }
            let mut halves = [f16::ZERO; 64];
            for (out, bytes) in out.chunks_mut(64).zip(bytes.chunks(128)) {
                let halves = &mut halves[..out.len()];
                bytemuck::cast_slice_mut(halves).copy_from_slice(bytes);
                halves.convert_to_f32_slice(out);
            }
        }
        _ => {
            for (i, x) in out.iter_mut().enumerate() {
                *x = dtype.get(bytes, i * dtype.size()) as f32;
            }
        }
    }
}
