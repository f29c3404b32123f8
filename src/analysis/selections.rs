//! Named selections of features, kept with the study they were made in.
//!
//! In: sets of features with names. Out: a file `$XDG_STATE_HOME/saescope/selections/<dictionary>.json`
//! (`~/.local/state` without it), one for each dictionary, that lists them. A dictionary is known by its directions
//! ([`identity`]): a copy of it, or the same one in another format, has the same selections. They are the user's work,
//! not a cache: `cache clear` leaves them.
//!
//! Each change is applied to what the file holds at that moment and the file is written anew, whole or not at all, so
//! that two screens on one dictionary do not lose each other's selections. What cannot be read is never overwritten.
//! Cost: O(features named) a change.

use super::study::Study;
use crate::container::write::Target;
use crate::error::{Error, Problem, Result};
use crate::rows::Rows;
use crate::text::printable;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// Longest name, in characters.
pub const LONGEST_NAME: usize = 60;
/// What the file says it is.
const KIND: &str = "saescope selections";
/// Rows of the decoder by which it is known.
const SAMPLED: usize = 64;

/// A set of features with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// What the user calls it.
    pub name: String,
    /// Its features, ascending, each once.
    pub features: Vec<u32>,
}

impl Selection {
    /// Features under a name; they are sorted, and named once.
    ///
    /// # Errors
    /// If the name is empty, too long, or holds what the `--where` language or a terminal would take amiss.
    pub fn new(name: &str, features: impl IntoIterator<Item = u32>) -> Result<Self> {
        let name = name.trim();
        let wrong = |what: &str| {
            Problem::new(format!("the name {name:?} {what}"))
                .expected(format!("1 to {LONGEST_NAME} letters, digits, spaces or signs, without ; and quotes"))
                .usage()
        };
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            return Err(wrong("is empty or too long"));
        }
        if name.contains([';', '"', '\'']) || printable(name) != name {
            return Err(wrong("holds a sign that it may not"));
        }
        let mut features: Vec<u32> = features.into_iter().collect();
        features.sort_unstable();
        features.dedup();
        Ok(Self { name: name.to_string(), features })
    }
    /// Whether it holds a feature. O(log features).
    pub fn holds(&self, feature: u32) -> bool {
        self.features.binary_search(&feature).is_ok()
    }
}

/// A change of the selections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds this one, or replaces that of its name.
    Put(Selection),
    /// Takes away that of this name.
    Remove(String),
    /// Gives one another name.
    Rename {
        /// What it is called.
        from: String,
        /// What it is to be called.
        to: String,
    },
}

/// The selections of a study, and where they are kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selections {
    list: Vec<Selection>,
    path: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    kind: String,
    /// The name of the dictionary when they were last kept, for people who read the file.
    dictionary: String,
    features: usize,
    selections: Vec<Selection>,
}

impl Selections {
    /// Selections that are kept nowhere.
    pub fn unkept() -> Self {
        Self::default()
    }
    /// Those of `study` in the folder of the state; none yet if there is no file.
    ///
    /// # Errors
    /// If there is a file that cannot be read as selections of this dictionary.
    pub fn open(study: &Study, folder: &Path) -> Result<Self> {
        let path = folder.join("selections").join(format!("{}.json", identity(study)));
        Ok(Self { list: read(&path, study.features())?, path: Some(path) })
    }
    /// Them, in the order in which they were made.
    pub fn list(&self) -> &[Selection] {
        &self.list
    }
    /// That of a name.
    pub fn named(&self, name: &str) -> Option<&Selection> {
        self.list.iter().find(|selection| selection.name == name)
    }
    /// The names of those that hold a feature, in order.
    pub fn of(&self, feature: u32) -> impl Iterator<Item = &str> {
        self.list.iter().filter(move |selection| selection.holds(feature)).map(|selection| selection.name.as_str())
    }
    /// Where they are kept.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
    /// Makes a change, and keeps it.
    ///
    /// # Errors
    /// If it cannot be kept; then it holds for this run alone.
    pub fn change(&mut self, study: &Study, change: Change) -> Result<()> {
        let Some(path) = self.path.clone() else {
            apply(&mut self.list, change);
            return Ok(());
        };
        match read(&path, study.features()) {
            Ok(mut kept) => {
                apply(&mut kept, change);
                self.list = kept;
            }
            Err(error) => {
                apply(&mut self.list, change);
                return Err(error);
            }
        }
        self.write(&path, study)
    }
    fn write(&self, path: &Path, study: &Study) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, &error))?;
        }
        let stored = Stored {
            kind: KIND.into(),
            dictionary: study.name.clone(),
            features: study.features(),
            selections: self.list.clone(),
        };
        let text = serde_json::to_string(&stored).unwrap_or_default();
        Target::new(path, true)?.write(|out| out.write_all(text.as_bytes()))
    }
}

fn apply(list: &mut Vec<Selection>, change: Change) {
    match change {
        Change::Put(selection) => match list.iter_mut().find(|other| other.name == selection.name) {
            Some(other) => *other = selection,
            None => list.push(selection),
        },
        Change::Remove(name) => list.retain(|selection| selection.name != name),
        Change::Rename { from, to } => {
            list.retain(|selection| selection.name != to || selection.name == from);
            list.iter_mut().filter(|selection| selection.name == from).for_each(|one| one.name.clone_from(&to));
        }
    }
}

/// What a file lists; nothing if there is none.
fn read(path: &Path, features: usize) -> Result<Vec<Selection>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(path, &error)),
    };
    parse(&text, features).map_err(|what| {
        Problem::new(format!("these selections cannot be read: {what}"))
            .path(path)
            .expected("a file that saescope wrote for this dictionary")
            .hint("moving it away; until then selections hold for this run alone")
            .input()
    })
}

/// The selections that the text of a file lists, checked like any input.
fn parse(text: &str, features: usize) -> Result<Vec<Selection>, String> {
    let stored: Stored = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if stored.kind != KIND {
        return Err("it is not a list of selections".into());
    }
    let mut list = Vec::new();
    for Selection { name, features: named } in stored.selections {
        if let Some(beyond) = named.iter().find(|feature| **feature as usize >= features) {
            return Err(format!("{name:?} holds feature {beyond}, and the dictionary has {features}"));
        }
        let selection = Selection::new(&name, named).map_err(|error| error.to_string())?;
        apply(&mut list, Change::Put(selection));
    }
    Ok(list)
}

/// The features that a file names, for a selection: json or csv with `feature` as `export` writes them, a list of
/// selections (all of them together), or plain text with numbers.
///
/// # Errors
/// If the file cannot be read, or names no feature of `features`.
pub fn import(path: &Path, features: usize) -> Result<Vec<Selection>> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, &error))?;
    let own = path.file_stem().map(|stem| printable(&stem.to_string_lossy())).unwrap_or_default();
    let own: String = own.replace([';', '"', '\''], "-").chars().take(LONGEST_NAME).collect();
    if let Ok(list) = parse(&text, features) {
        return Ok(list);
    }
    let wrong = |what: String| {
        Problem::new(what)
            .path(path)
            .expected("csv or json with a column feature, or one number a line")
            .hint("what e on the page of selections writes, or saescope export")
            .input()
    };
    let numbers = numbers(&text).map_err(wrong)?;
    if let Some(beyond) = numbers.iter().find(|number| **number >= features as u64) {
        return Err(wrong(format!("it names feature {beyond}, and the dictionary has {features}")));
    }
    if numbers.is_empty() {
        return Err(wrong("it names no feature".into()));
    }
    Ok(vec![Selection::new(&own, numbers.into_iter().map(|number| number as u32))?])
}

/// The numbers of features in the text of a file.
fn numbers(text: &str) -> Result<Vec<u64>, String> {
    if text.trim_start().starts_with(['{', '[']) {
        let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let rows =
            value.as_array().or_else(|| value.get("features")?.as_array()).ok_or("it has no list of features")?;
        let number = |row: &serde_json::Value| row.as_u64().or_else(|| row.get("feature")?.as_u64());
        return rows.iter().map(|row| number(row).ok_or_else(|| format!("{row} names no feature"))).collect();
    }
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).comment(Some(b'#')).flexible(true).trim(csv::Trim::All);
    let mut column = 0;
    let mut all = Vec::new();
    for (at, record) in reader.from_reader(text.as_bytes()).records().enumerate() {
        let record = record.map_err(|error| error.to_string())?;
        if at == 0
            && let Some(found) = record.iter().position(|head| head.eq_ignore_ascii_case("feature"))
        {
            column = found;
            continue;
        }
        let cell = record.get(column).unwrap_or_default();
        let line = record.position().map_or(0, csv::Position::line);
        all.push(cell.parse().map_err(|_| format!("line {line}: {:?} is no number of a feature", printable(cell)))?);
    }
    Ok(all)
}

/// What a dictionary is known by: its size, and a sample of its directions as f32. O(64 d).
pub fn identity(study: &Study) -> String {
    let (n, d) = (study.features(), study.dictionary.d_out());
    let mut print = Xxh3::new();
    print.update(&(n as u64).to_le_bytes());
    print.update(&(d as u64).to_le_bytes());
    let mut row = vec![0f32; d];
    let count = SAMPLED.min(n);
    for at in 0..count {
        let row_at = at * n / count;
        study.dictionary.decoder.read(row_at..row_at + 1, &mut row);
        print.update(bytemuck::cast_slice(&row));
    }
    format!("{:032x}", print.digest128())
}
