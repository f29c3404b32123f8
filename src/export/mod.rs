//! export
pub mod frame;
