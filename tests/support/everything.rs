//! Opens bytes with one reader, lists what is there, and reads all of it: what a hostile file must survive.
//!
//! The mutation test and the fuzz targets share these. Each gives whether the bytes were accepted.

use saescope::container::text::{Lines, Table};
use saescope::container::{ArrayFile, Bytes, ColumnFile, Tensor, TorchFile};
use saescope::container::{arrow, json, npy, npz::Npz, safetensors::SafeTensors, yaml as yaml_text};
use saescope::rows::Rows;
use saescope::sae::{Activations, Labels, Tokens};
use saescope::task::Task;
use std::path::Path;
use std::sync::LazyLock;

/// Larger arrays are opened and not read.
const MODEST: usize = 1 << 20;

/// Rows of a table that are looked at one by one.
const ROWS: usize = 64;

static TASK: LazyLock<Task> = LazyLock::new(|| Task::new(1).unwrap());

fn path() -> &'static Path {
    Path::new("hostile")
}

fn tensor(tensor: &Tensor) {
    if tensor.len() > MODEST {
        return;
    }
    assert_eq!(tensor.to_f32().len(), tensor.to_f64().len());
    if let Ok(matrix) = tensor.matrix() {
        for matrix in [matrix.transposed(), matrix] {
            // A matrix of no rows may have columns without number.
            if matrix.nrows().checked_mul(matrix.ncols()).is_some_and(|n| n <= MODEST) {
                let mut rows = vec![0.0f32; matrix.nrows() * matrix.ncols()];
                matrix.read(0..matrix.nrows(), &mut rows);
                matrix.read_f64(0..matrix.nrows(), &mut vec![0.0; rows.len()]);
            }
        }
    }
    if !tensor.dtype().is_float() {
        let _ = tensor.to_indices();
    }
}

/// Any file of arrays, and what else can be made of one.
pub(crate) fn arrays(bytes: &Bytes) -> bool {
    let opened = ArrayFile::from_bytes(bytes.clone(), path());
    if let Ok(file) = &opened {
        for info in file.list().unwrap_or_default() {
            let _ = info.describe();
            let _ = file.tensor(&info.name).as_ref().map(tensor);
            let _ = file.parts(&info.name).map(|parts| parts.iter().for_each(tensor));
        }
    }
    let _ = Activations::from_bytes(bytes.clone(), path(), None, &TASK);
    opened.is_ok()
}

pub(crate) fn safetensors(bytes: &Bytes) -> bool {
    let opened = SafeTensors::from_bytes(bytes, path());
    let _ = opened.as_ref().map(|file| file.tensors().iter().for_each(tensor));
    opened.is_ok()
}

pub(crate) fn npy(bytes: &Bytes) -> bool {
    let _ = npy::text(bytes, "hostile", path());
    npy::from_bytes(bytes, "hostile", path()).as_ref().map(tensor).is_ok()
}

pub(crate) fn npz(bytes: &Bytes) -> bool {
    let opened = Npz::from_bytes(bytes.clone(), path());
    if let Ok(npz) = &opened {
        for name in npz.names() {
            let _ = npz.header(name);
            let _ = npz.text(name);
            let _ = npz.tensor(name).as_ref().map(tensor);
        }
    }
    let _ = Activations::from_bytes(bytes.clone(), path(), None, &TASK);
    opened.is_ok()
}

pub(crate) fn torch(bytes: &Bytes) -> bool {
    let opened = TorchFile::from_bytes(bytes, path());
    if let Ok(file) = &opened {
        let _ = (file.rest().to_string(), file.header().map(ToString::to_string));
        for info in file.list() {
            let _ = file.tensor(&info.name).as_ref().map(tensor);
        }
    }
    opened.is_ok()
}

pub(crate) fn arrow(bytes: &Bytes) -> bool {
    arrow::from_bytes(bytes, path()).as_ref().map(columns).is_ok()
}

/// Parquet files, in builds that have them.
#[cfg(feature = "parquet")]
pub(crate) fn parquet(bytes: &Bytes) -> bool {
    saescope::container::parquet::from_bytes(bytes, path()).as_ref().map(columns).is_ok()
}

fn columns(file: &ColumnFile) {
    for column in file.columns() {
        let found = column.tensors();
        // What has a shape has no fault to find.
        assert!(column.row_shape().is_none() || found.is_ok(), "{found:?}");
        let _ = found.map(|parts| parts.iter().for_each(tensor));
        let _ = column.tensor();
        let _ = column.texts().map(|texts| texts.take(ROWS).filter(Result::is_err).count());
        for row in 0..column.rows().min(ROWS) {
            let _ = column.value(row);
        }
    }
}

/// Lines of JSON, mended where they are not quite JSON.
pub(crate) fn jsonl(bytes: &Bytes) -> bool {
    let mut good = true;
    for line in Lines::from_bytes(bytes.clone(), path()) {
        good &= line.is_ok();
        let Ok((_, text)) = line else { continue };
        let mended = json::mend(&text);
        let _ = serde_json::from_str::<serde_json::Value>(mended.as_deref().unwrap_or(&text));
    }
    good
}

pub(crate) fn yaml(bytes: &Bytes) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| yaml_text::parse(text).is_ok())
}

pub(crate) fn csv(bytes: &Bytes) -> bool {
    let Ok(table) = Table::from_bytes(bytes.clone(), path()) else { return false };
    let mut errors = 0;
    for record in table {
        errors += usize::from(record.is_err());
        if errors > 8 {
            break;
        }
    }
    errors == 0
}

pub(crate) fn labels(bytes: &Bytes) -> bool {
    Labels::from_bytes(bytes, path(), ROWS, &TASK).is_ok()
}

pub(crate) fn tokens(bytes: &Bytes) -> bool {
    let Ok(tokens) = Tokens::from_bytes(bytes, path(), None, &TASK) else { return false };
    for row in 0..tokens.len().min(ROWS) {
        let _ = (tokens.token(row), tokens.label(row), tokens.passage(row, 3));
    }
    true
}
