//! Dense activations of a model: one vector a token, as the many ways of saving them lay them out.
//!
//! Input: what the rows of [`FORMATS`] name, mapped where its file allows. Output: [`Dense`], rows `[tokens, width]` that
//! are read a tile at a time, with the ids of the tokens and the tokens that are padding, where the files tell them.
//! Leading dimensions run one after another: row = sequence · context + position. Cost: headers, and the ids.

mod chunks;
mod flat;
mod raw;

use super::activations::TokenIds;
use super::find::natural;
use super::{detect, formats};
use crate::container::Stack;
use crate::error::{Error, Problem, Result};
use crate::rows::Rows;
use crate::task::Task;
use crate::text::markdown_table;
use std::path::{Path, PathBuf};

pub use flat::{Flat, columns, flatten};

/// What is asked of a place with more than one thing in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice<'a> {
    /// Which array or column.
    pub tensor: Option<&'a str>,
    /// Which layer.
    pub layer: Option<usize>,
    /// The width that is wanted, where it is known: the last dimensions whose product it is are the columns.
    pub width: Option<usize>,
}

/// Activations of a model.
#[derive(Debug)]
pub struct Dense {
    /// `[tokens, width]`.
    pub rows: Stack<Flat>,
    /// Name of the format's row in [`FORMATS`].
    pub format: &'static str,
    /// The ids of the tokens, where they lie beside the vectors.
    pub ids: Option<TokenIds>,
    /// Which tokens are real and not padding; empty where no file tells.
    pub real: Vec<bool>,
    /// What a careful reader should know.
    pub notes: Vec<String>,
}

/// One way in which a model's activations are saved.
#[derive(Debug)]
pub struct Format {
    /// Its name.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    detect: fn(&Place) -> bool,
    open: fn(&Place, &Choice, &Task) -> Result<Vec<Part>>,
}

/// All formats, in the order in which they are asked.
pub const FORMATS: &[Format] =
    &[raw::SAEV, raw::MEMMAP, chunks::DATASET, chunks::LLAMASCOPIUM, chunks::NUMBERED, chunks::FOLDER, chunks::FILE];

/// The table as the README shows it.
pub fn markdown() -> String {
    markdown_table("format", FORMATS.iter().map(|format| (format.name, format.about)))
}

/// A file, or a folder and the names of its files in natural order.
struct Place {
    path: PathBuf,
    /// None for a file.
    files: Option<Vec<String>>,
}

impl Place {
    fn at(path: &Path) -> Result<Self> {
        let files = if path.is_dir() {
            let names = |file: PathBuf| Some(file.file_name()?.to_string_lossy().into_owned());
            let all = entries(path)?.into_iter().filter(|entry| entry.is_file());
            let mut names: Vec<String> = all.filter_map(names).collect();
            names.sort_by_cached_key(|name| (natural(name), name.clone()));
            Some(names)
        } else {
            None
        };
        Ok(Self { path: path.to_path_buf(), files })
    }
    fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().flatten().map(String::as_str)
    }
    fn has(&self, name: &str) -> bool {
        self.names().any(|other| other == name)
    }
    fn problem(&self, what: impl Into<String>) -> Problem {
        Problem::new(what).path(&self.path)
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |error: std::io::Error| Error::io(folder, &error);
    std::fs::read_dir(folder).map_err(fail)?.map(|entry| Ok(entry.map_err(fail)?.path())).collect()
}

/// Vectors of one file, or of one batch of it.
struct Part {
    path: PathBuf,
    rows: Flat,
    ids: Option<TokenIds>,
    real: Option<Vec<bool>>,
}

impl Part {
    fn new(path: &Path, rows: Flat) -> Self {
        Self { path: path.to_path_buf(), rows, ids: None, real: None }
    }
}

/// Opens the vectors at `path`: a file, a folder of chunks, or the folder above the only such one.
///
/// # Errors
/// If there are none, or it is not told which of several is meant; if a file is damaged, or chunks do not go together; or
/// if the task is cancelled.
pub fn open(path: &Path, choice: &Choice, task: &Task) -> Result<Dense> {
    if let Some(format) = weights(path).filter(|_| choice.tensor.is_none()) {
        return Err(Problem::new(format!("the weights of a dictionary ({}), not vectors to encode", format.name))
            .path(path)
            .expected("activations of the model, one vector a token")
            .hint("--tensor NAME, if a matrix of it is meant")
            .input());
    }
    let place = Place::at(path)?;
    if let Some(format) = FORMATS.iter().find(|format| (format.detect)(&place)) {
        return assemble(format.name, (format.open)(&place, choice, task)?);
    }
    // Hook points lie in folders of their own.
    let mut below = Vec::new();
    for folder in entries(path)?.into_iter().filter(|entry| entry.is_dir()) {
        task.check()?;
        let place = Place::at(&folder)?;
        below.extend(FORMATS.iter().find(|format| (format.detect)(&place)).map(|format| (format, place)));
    }
    below.sort_by_cached_key(|(_, place)| natural(&place.path.to_string_lossy()));
    match &below[..] {
        [(format, place)] => assemble(format.name, (format.open)(place, choice, task)?),
        [] => Err(place
            .problem("no vectors in this folder")
            .expected("npy, npz, safetensors or torch files, each with a matrix [tokens, width], or shards with their metadata")
            .hint(if path.join(".tmp_shards").is_dir() {
                "a folder in .tmp_shards: the run that wrote this was interrupted"
            } else {
                "naming the file, or the folder that holds the files themselves"
            })
            .input()),
        several => {
            let name = |(_, place): &(_, Place)| place.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let names: Vec<String> = several.iter().take(8).map(name).collect();
            Err(place
                .problem(format!("{} folders of vectors: {}", several.len(), names.join(", ")))
                .expected("one of them")
                .hint(several[0].1.path.display().to_string())
                .input())
        }
    }
}

/// The format of the dictionary whose weights lie at `path`, if they do.
fn weights(path: &Path) -> Option<&'static formats::Format> {
    // Columns are none, and may take long to decode.
    if path.to_str().is_some_and(chunks::is_columns) {
        return None;
    }
    let source = detect::Source::open(path).ok()?;
    formats::recognise(&source).filter(|format| format.name != "matrix")
}

/// Parts under one another. Ids are kept if every part has them, one a row.
fn assemble(format: &'static str, parts: Vec<Part>) -> Result<Dense> {
    let mut notes = Vec::new();
    let one_each = |part: &Part| part.ids.as_ref().is_some_and(|ids| ids.ids.len() == part.rows.nrows());
    let (with, fitting) =
        (parts.iter().filter(|part| part.ids.is_some()).count(), parts.iter().filter(|part| one_each(part)).count());
    let ids = if fitting == parts.len() && with > 0 {
        let all = parts.iter().filter_map(|part| part.ids.as_ref());
        let context = all.clone().next().and_then(|ids| ids.context);
        let context = context.filter(|_| all.clone().all(|ids| ids.context == context));
        Some(TokenIds { ids: all.flat_map(|ids| ids.ids.iter().copied()).collect(), context })
    } else {
        if with > 0 {
            notes.push("the token ids are not one for each vector: they are left out".into());
        }
        None
    };
    let masks = parts.iter().any(|part| part.real.is_some());
    let real: Vec<bool> = parts
        .iter()
        .filter(|_| masks)
        .flat_map(|part| part.real.clone().unwrap_or_else(|| vec![true; part.rows.nrows()]))
        .collect();
    let rows = Stack::new(parts.into_iter().map(|part| (part.path, part.rows)).collect())?;
    Ok(Dense { rows, format, ids, real, notes })
}
