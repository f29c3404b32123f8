//! Writers: named arrays with their provenance, as csv, json, npy or npz; and pages for a browser.
//!
//! A [`Document`] is what a verb or the screen wants to hand over; the file's suffix chooses the writer from
//! [`WRITERS`]. Writers know nothing of where the numbers came from.

pub mod csv;
pub mod html;
pub mod json;
pub mod manifolds;
pub mod npy;
pub mod npz;
pub mod objects;
pub mod plot;
pub mod table;

use crate::container::write::{Staged, Target, Watched};
use crate::error::{Problem, Result};
use crate::task::Task;
use serde_json::{Map, Value};
use std::io;
use std::path::Path;

/// Values of an array, row-major. Absent numbers are NaN, absent texts `None`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Data {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    Text(Vec<Option<String>>),
    /// Values that hold values: for files that can.
    Json(Vec<Value>),
}

impl Data {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::Text(v) => v.len(),
            Self::Json(v) => v.len(),
        }
    }
    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Value `i` as JSON; what is absent or not finite is null. f32 keep their short form.
    fn json(&self, i: usize) -> Value {
        match self {
            Self::F32(v) if v[i].is_finite() => v[i].to_string().parse::<f64>().map_or(Value::Null, Value::from),
            Self::F64(v) if v[i].is_finite() => Value::from(v[i]),
            Self::F32(_) | Self::F64(_) => Value::Null,
            Self::I32(v) => Value::from(v[i]),
            Self::I64(v) => Value::from(v[i]),
            Self::Text(v) => v[i].clone().map_or(Value::Null, Value::from),
            Self::Json(v) => v[i].clone(),
        }
    }
    /// Value `i` as text; what is absent is empty.
    pub fn text(&self, i: usize) -> String {
        match self {
            Self::F32(v) if v[i].is_finite() => v[i].to_string(),
            Self::F64(v) if v[i].is_finite() => v[i].to_string(),
            Self::F32(_) | Self::F64(_) => String::new(),
            Self::I32(v) => v[i].to_string(),
            Self::I64(v) => v[i].to_string(),
            Self::Text(v) => v[i].clone().unwrap_or_default(),
            Self::Json(v) => objects::cell(&v[i]),
        }
    }
}

/// A named array; the first axis is the row where the document is read as a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its name in npz, and of its column or columns in csv and json.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values.
    pub data: Data,
    /// Names of the columns of a two-dimensional array; else `name_1`, `name_2`, …
    pub columns: Option<Vec<String>>,
    /// Whether it only numbers the rows, which a file of one array leaves out.
    pub index: bool,
}

impl Array {
    /// A column.
    pub fn column(name: &str, data: Data) -> Self {
        Self { name: name.into(), shape: vec![data.len()], data, columns: None, index: false }
    }
    /// The numbers of `rows` rows, from 0.
    pub fn index(name: &str, rows: usize) -> Self {
        Self { index: true, ..Self::column(name, Data::I64((0..rows as i64).collect())) }
    }
    /// A matrix with `width` values a row.
    ///
    /// # Panics
    /// If `width` is 0 or does not divide the values.
    pub fn matrix(name: &str, width: usize, data: Data) -> Self {
        assert!(width > 0 && data.len().is_multiple_of(width));
        Self { shape: vec![data.len() / width, width], ..Self::column(name, data) }
    }
    /// The matrix with names for its columns.
    pub fn named(mut self, columns: &[&str]) -> Self {
        self.columns = Some(columns.iter().map(ToString::to_string).collect());
        self
    }
    fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }
    fn width(&self) -> usize {
        self.shape[1..].iter().product()
    }
    fn column_names(&self) -> Vec<String> {
        match (&self.columns, self.shape.len()) {
            (Some(names), _) => names.clone(),
            (None, 1) => vec![self.name.clone()],
            (None, _) => (1..=self.width()).map(|i| format!("{}_{i}", self.name)).collect(),
        }
    }
}

/// Where numbers come from: written into every file.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// The input as typed.
    pub input: String,
    /// The input's fingerprint.
    pub fingerprint: String,
    /// Parameters by name, seed included.
    pub parameters: Map<String, Value>,
}

impl Provenance {
    /// The provenance as one JSON object, with the program's name and version.
    pub fn json(&self) -> Value {
        serde_json::json!({
            "program": concat!("saescope ", env!("CARGO_PKG_VERSION")),
            "input": self.input,
            "fingerprint": self.fingerprint,
            "parameters": self.parameters,
        })
    }
}

/// Arrays to hand over.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What a row is called in json: `features`, `manifolds`.
    pub rows: &'static str,
    /// Arrays that share their first axis: the table.
    pub arrays: Vec<Array>,
    /// Arrays that belong to the whole (explained variance, mean); not in csv.
    pub extras: Vec<Array>,
    /// Where it all comes from.
    pub provenance: Provenance,
    /// Whether csv leaves out its comment header.
    pub bare: bool,
}

/// A writer of documents.
pub struct Writer {
    /// The suffix that chooses it.
    pub suffix: &'static str,
    write: fn(&Document, &mut Watched<'_, '_>) -> io::Result<()>,
    /// Whether provenance goes to a `.json` beside the file.
    beside: bool,
    /// Whether it holds one array of numbers and no more.
    pub single: bool,
}

/// Every writer there is.
pub const WRITERS: &[Writer] = &[
    Writer { suffix: "csv", write: |document, out| csv::write(document, out), beside: false, single: false },
    Writer { suffix: "json", write: |document, out| json::write(document, out), beside: false, single: false },
    Writer { suffix: "npy", write: |document, out| npy::write(document, out), beside: true, single: true },
    Writer { suffix: "npz", write: |document, out| npz::write(document, out), beside: false, single: false },
];

/// A file that a document will go to, checked before the work starts.
pub struct Sink {
    writer: &'static Writer,
    target: Target,
    beside: Option<Target>,
}

impl Sink {
    /// Chooses the writer by the suffix of `path` and checks that the file can be written, and that its format can
    /// hold `arrays` arrays beside an index of the rows.
    ///
    /// # Errors
    /// If no writer has this suffix or it cannot hold them, or as [`Target::new`].
    pub fn new(path: &Path, replace: bool, arrays: usize) -> Result<Self> {
        let suffix = path.extension().and_then(|s| s.to_str()).unwrap_or_default().to_lowercase();
        let kind = if suffix.is_empty() { "a name without a suffix".into() } else { format!(".{suffix} files") };
        let writer = WRITERS.iter().find(|writer| writer.suffix == suffix).ok_or_else(|| {
            let known: Vec<String> = WRITERS.iter().map(|writer| format!(".{}", writer.suffix)).collect();
            Problem::new(format!("no writer for {kind}"))
                .path(path)
                .expected(format!("a name ending in {}", known.join(", ")))
                .usage()
        })?;
        if writer.single && arrays != 1 {
            return Err(Problem::new(format!(".{suffix} holds one array, and this would be {arrays}"))
                .path(path)
                .hint("a name ending in .npz, .csv or .json")
                .usage());
        }
        let beside = if writer.beside { Some(Target::new(&path.with_extension("npy.json"), replace)?) } else { None };
        Ok(Self { writer, target: Target::new(path, replace)?, beside })
    }
    /// Whether values in the file can hold values.
    pub fn nests(&self) -> bool {
        self.writer.suffix == "json"
    }
    /// Whether the file holds numbers and no texts.
    pub fn holds_numbers_alone(&self) -> bool {
        self.writer.single
    }
    /// Refuses to replace what the result is made from: see [`Target::spares`].
    ///
    /// # Errors
    /// If one of `inputs` would be replaced.
    pub fn spares<'i>(&self, inputs: impl IntoIterator<Item = &'i Path>) -> Result<()> {
        let inputs: Vec<&Path> = inputs.into_iter().collect();
        self.beside.iter().chain([&self.target]).try_for_each(|target| target.spares(inputs.iter().copied()))
    }
    /// Writes `document`.
    ///
    /// # Errors
    /// If the disk refuses, the format cannot hold the document, or the task is cancelled; nothing is left behind then.
    pub fn write(&self, document: &Document, task: &Task) -> Result<()> {
        task.stage("writing", 0);
        let file = self.target.stage_watched(task, |out| (self.writer.write)(document, out))?;
        let provenance = |out: &mut Watched<'_, '_>| {
            serde_json::to_writer_pretty(&mut *out, &serde_json::json!({ "provenance": document.provenance.json() }))?;
            io::Write::write_all(out, b"\n")
        };
        let beside = self.beside.as_ref().map(|beside| beside.stage_watched(task, provenance)).transpose()?;
        file.place()?;
        beside.map_or(Ok(()), Staged::place)
    }
    /// Where it goes.
    pub fn path(&self) -> &Path {
        self.target.path()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn document() -> Document {
        let parameters = serde_json::json!({ "seed": 0, "neighbors": 15 });
        Document {
            rows: "features",
            arrays: vec![
                Array::index("feature", 2),
                Array::matrix("coordinates", 2, Data::F32(vec![0.1, -2.0, f32::NAN, 4.0])).named(&["x", "y"]),
                Array::column("label", Data::Text(vec![Some("Mon, \"day\"\n".into()), None])),
            ],
            extras: vec![Array::column("explained_variance_ratio", Data::F64(vec![0.5, 0.25]))],
            provenance: Provenance {
                input: "@example".into(),
                fingerprint: "00ff".into(),
                parameters: parameters.as_object().unwrap().clone(),
            },
            bare: false,
        }
    }

    #[test]
    fn an_unknown_suffix_lists_the_known_ones() {
        let error = Sink::new(Path::new("map.xlsx"), false, 1).err().unwrap().to_string();
        assert!(error.contains("for .xlsx files") && error.contains(".csv, .json, .npy, .npz"), "{error}");
        let error = Sink::new(Path::new("map"), false, 1).err().unwrap().to_string();
        assert!(error.contains("no writer for a name without a suffix"), "{error}");
    }

    #[test]
    fn npy_has_its_provenance_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.npy");
        let mut document = document();
        document.arrays.truncate(2);
        assert!(Sink::new(&path, false, 2).err().unwrap().to_string().contains("this would be 2"));
        let sink = Sink::new(&path, false, 1).unwrap();
        let stopped = Task::new(1).unwrap();
        stopped.watch().cancel();
        assert!(matches!(sink.write(&document, &stopped), Err(crate::Error::Cancelled)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        sink.write(&document, &stopped.fresh()).unwrap();
        let beside = std::fs::read_to_string(folder.path().join("map.npy.json")).unwrap();
        assert!(beside.contains("\"fingerprint\": \"00ff\""));
    }
}
