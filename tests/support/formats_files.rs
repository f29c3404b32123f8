//! Small files of every format, written by the tests themselves, and a dictionary's numbers to compare with.

use half::{bf16, f16};
use saescope::container::Dtype;
use saescope::container::safetensors::{TensorSpec, write_safetensors};
use saescope::rows::Rows;
use serde_json::Value;
use std::io::{Cursor, Write};
use std::path::Path;

/// One array to be written: name, shape and values, row-major.
#[derive(Clone)]
pub(crate) struct Array {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

pub(crate) fn array(name: &str, shape: &[usize], values: Vec<f64>) -> Array {
    assert_eq!(shape.iter().product::<usize>(), values.len());
    Array { name: name.into(), shape: shape.to_vec(), values }
}

/// Values that every element type holds exactly, different in every place.
pub(crate) fn values(n: usize, seed: usize) -> Vec<f64> {
    (0..n).map(|i| (((i * 37 + seed * 11) % 251) as f64 - 125.0) / 4.0).collect()
}

/// The transposed array.
pub(crate) fn transposed(array: &Array) -> Array {
    let (rows, cols) = (array.shape[0], array.shape[1]);
    let values = (0..cols).flat_map(|c| (0..rows).map(move |r| (r, c))).map(|(r, c)| array.values[r * cols + c]);
    Array { name: array.name.clone(), shape: vec![cols, rows], values: values.collect() }
}

pub(crate) fn bytes_of(values: &[f64], dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F64 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Dtype::F32 => values.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect(),
        Dtype::F16 => values.iter().flat_map(|v| f16::from_f64(*v).to_le_bytes()).collect(),
        Dtype::Bf16 => values.iter().flat_map(|v| bf16::from_f64(*v).to_le_bytes()).collect(),
        Dtype::I64 => values.iter().flat_map(|v| (*v as i64).to_le_bytes()).collect(),
        other => panic!("{other} is not written by these tests"),
    }
}

/// A safetensors file.
pub(crate) fn safetensors(arrays: &[Array], dtype: Dtype) -> Vec<u8> {
    let specs: Vec<TensorSpec> = arrays.iter().map(|a| TensorSpec::new(&a.name, dtype, &a.shape)).collect();
    let mut out = Vec::new();
    write_safetensors(&mut out, &specs, |i, out| out.write_all(&bytes_of(&arrays[i].values, dtype))).unwrap();
    out
}

/// A safetensors file with any header before `data` bytes of zeros.
pub(crate) fn with_header(header: &str, data: usize) -> Vec<u8> {
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header.as_bytes());
    out.resize(out.len() + data, 0);
    out
}

/// An npy file of version 1.
pub(crate) fn npy(array: &Array, dtype: Dtype, fortran: bool) -> Vec<u8> {
    let descr = match dtype {
        Dtype::F64 => "<f8",
        Dtype::F32 => "<f4",
        Dtype::F16 => "<f2",
        Dtype::Bf16 => "|V2",
        other => panic!("{other} is not written by these tests"),
    };
    let shape: Vec<String> = array.shape.iter().map(|n| format!("{n},")).collect();
    let order = if fortran { "True" } else { "False" };
    let mut literal = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({}), }}", shape.join(" "));
    while (10 + literal.len() + 1) % 64 != 0 {
        literal.push(' ');
    }
    literal.push('\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((literal.len() as u16).to_le_bytes());
    out.extend(literal.as_bytes());
    let stored = if fortran && array.shape.len() == 2 { transposed(array) } else { array.clone() };
    out.extend(bytes_of(&stored.values, dtype));
    out
}

/// An npz file, stored as numpy.savez does or deflated as numpy.savez_compressed does.
pub(crate) fn npz(arrays: &[Array], dtype: Dtype, deflated: bool) -> Vec<u8> {
    let method = if deflated { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for array in arrays {
        out.start_file(format!("{}.npy", array.name), options).unwrap();
        out.write_all(&npy(array, dtype, false)).unwrap();
    }
    out.finish().unwrap().into_inner()
}

/// A SAELens folder.
pub(crate) fn saelens(folder: &Path, weights: &[u8], config: &Value) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("sae_weights.safetensors"), weights).unwrap();
    std::fs::write(folder.join("cfg.json"), config.to_string()).unwrap();
}

/// All rows of a matrix.
pub(crate) fn read(rows: &impl Rows) -> Vec<f64> {
    let mut out = vec![0.0; rows.nrows() * rows.ncols()];
    rows.read(0..rows.nrows(), &mut out);
    out.into_iter().map(f64::from).collect()
}
