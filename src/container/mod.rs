//! File bytes in, named typed tensors out; mapped, not copied, where the file allows.
//!
//! Every reader gives [`Tensor`]s: a name, an element type, a shape, strides, and the [`Bytes`] they lie in. Nothing
//! here knows what a sparse autoencoder is. Sizes that a file claims are checked against the bytes that are there
//! before anything is allocated.

pub mod arrays;
pub mod arrow;
pub mod bytes;
pub mod columns;
pub mod dtype;
pub mod json;
pub mod matrix;
pub mod npy;
pub mod npz;
pub mod numbers;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod safetensors;
pub mod sniff;
pub mod stack;
pub mod tensor;
pub mod text;
pub mod torch;
mod view;
pub mod write;
pub mod yaml;
mod zipped;

pub use arrays::{ArrayFile, TensorInfo};
pub use bytes::Bytes;
pub use columns::ColumnFile;
pub use dtype::Dtype;
pub use matrix::Matrix;
pub use numbers::Numbers;
pub use sniff::{FileKind, sniff};
pub use stack::Stack;
pub use tensor::Tensor;
pub use torch::TorchFile;
