//! A file of named arrays, whichever container it is: safetensors, npz, npy, a torch file or Arrow, told apart by content.

use super::npy::{self, Element};
use super::npz::Npz;
use super::safetensors::SafeTensors;
use super::sniff::{FileKind, sniff};
use super::torch::TorchFile;
use super::{Bytes, ColumnFile, Dtype, Tensor, arrow};
use crate::error::{MAX_NAME, Result, shape_text};
use crate::text::clip;
use std::path::Path;

/// What one array is, without its elements.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorInfo {
    /// Name in the file.
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// Element type; none if it is one that is not read (strings among them).
    pub dtype: Option<Dtype>,
}

impl TensorInfo {
    /// Name, shape and element type for messages: `W_dec [4, 3] f32`.
    pub fn describe(&self) -> String {
        let dtype = self.dtype.map_or("of another type", Dtype::name);
        format!("{} {} {dtype}", clip(&self.name, MAX_NAME), shape_text(&self.shape))
    }
}

/// A file of arrays, opened: names and shapes are known, elements are read when they are asked for.
#[derive(Debug, Clone)]
pub enum ArrayFile {
    /// A safetensors file.
    Safetensors(SafeTensors),
    /// An npz archive.
    Npz(Npz),
    /// A single array, named as its file.
    Npy(Tensor),
    /// A file of columns.
    Columns(ColumnFile),
    /// A file of `torch.save`.
    Torch(TorchFile),
}

impl ArrayFile {
    /// Maps the file at `path`.
    ///
    /// # Errors
    /// If the file cannot be mapped, is of another kind, or is damaged.
    pub fn open(path: &Path) -> Result<Self> {
        Self::from_bytes(Bytes::map(path)?, path)
    }
    /// The arrays in `bytes`, sharing them; `path` is for messages and names the only array of an npy file.
    ///
    /// # Errors
    /// As [`ArrayFile::open`].
    pub fn from_bytes(bytes: Bytes, path: &Path) -> Result<Self> {
        Ok(match sniff(&bytes) {
            FileKind::Safetensors => Self::Safetensors(SafeTensors::from_bytes(&bytes, path)?),
            FileKind::Zip => Self::Npz(Npz::from_bytes(bytes, path)?),
            FileKind::Npy => {
                let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
                Self::Npy(npy::from_bytes(&bytes, &name, path)?)
            }
            FileKind::Arrow => Self::Columns(arrow::from_bytes(&bytes, path)?),
            #[cfg(feature = "parquet")]
            FileKind::Parquet => Self::Columns(super::parquet::from_bytes(&bytes, path)?),
            FileKind::Torch | FileKind::Pickle => Self::Torch(TorchFile::from_bytes(&bytes, path)?),
            other => return Err(other.no_arrays(path)),
        })
    }
    /// What the arrays are, in the file's order.
    ///
    /// # Errors
    /// If the header of an array cannot be read.
    pub fn list(&self) -> Result<Vec<TensorInfo>> {
        let info = |tensor: &Tensor| TensorInfo {
            name: tensor.name().into(),
            shape: tensor.shape().to_vec(),
            dtype: Some(tensor.dtype()),
        };
        Ok(match self {
            Self::Safetensors(file) => {
                let skipped = file.skipped().iter();
                let skipped = skipped.map(|t| TensorInfo { name: t.name.clone(), shape: t.shape.clone(), dtype: None });
                file.tensors().iter().map(info).chain(skipped).collect()
            }
            Self::Npz(npz) => npz
                .names()
                .map(|name| {
                    let npy::Header { element, shape, .. } = npz.header(name)?;
                    let dtype = if let Element::Number(dtype) = element { Some(dtype) } else { None };
                    Ok(TensorInfo { name: name.to_string(), shape, dtype })
                })
                .collect::<Result<_>>()?,
            Self::Npy(tensor) => vec![info(tensor)],
            Self::Columns(file) => file.list(),
            Self::Torch(file) => file.list(),
        })
    }
    /// The array of that name, mapped where its file allows.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        match self {
            Self::Safetensors(file) => file.get(name).cloned(),
            Self::Npz(npz) => npz.tensor(name),
            Self::Npy(tensor) => Ok(tensor.clone()),
            Self::Columns(file) => file.column(name)?.tensor(),
            Self::Torch(file) => file.tensor(name),
        }
    }
    /// The array of that name in the pieces `[rows, …]` in which it is stored: those that a column has, else one.
    ///
    /// # Errors
    /// As [`ArrayFile::tensor`].
    pub fn parts(&self, name: &str) -> Result<Vec<Tensor>> {
        match self {
            Self::Columns(file) => file.column(name)?.tensors(),
            _ => self.tensor(name).map(|tensor| vec![tensor]),
        }
    }
}
