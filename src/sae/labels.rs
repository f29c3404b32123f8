//! Words for features: explanations or top tokens, with the source they claim.
//!
//! Input, told apart by content, plain or gzipped:
//! * Neuronpedia's jsonl (`explanations/batch-N.jsonl.gz`: `index` as a string, `description`, `typeName`,
//!   `explanationModelName`, `layer` = source id), or a folder of such batches;
//! * a JSON array of such objects, an array of strings (place = feature), or an object `{"123": "words"}`;
//! * csv or tsv with a column `index` (`feature`, `feature_index`, `latent`, `id`) and a column `description`
//!   (`label`, `explanation`, `text`); without a header, a number and words on each line.
//!
//! Output: [`Labels`], every description kept in file order. Labels that belong to another dictionary are a common
//! accident: an index beyond the dictionary is an error that names the source id and the counts, and a file that
//! stops halfway is a warning. Cost: one pass, about 10 ms a megabyte.

use crate::container::Bytes;
use crate::container::text::{Lines, Table};
use crate::error::{Error, Problem, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One description of a feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// The words.
    pub text: String,
    /// What kind of description it is ("top-tokens", "oai_token-act-pair", …), where the file says.
    pub kind: Option<String>,
    /// The model that wrote it, where the file says.
    pub author: Option<String>,
}

/// Descriptions of features; a feature may have none or several.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Source id that the file states ("11-res-topk-4096").
    pub source: Option<String>,
    /// The file or folder.
    pub path: PathBuf,
    /// Descriptions per feature, in file order.
    pub by_feature: Vec<Vec<Label>>,
}

impl Labels {
    /// Reads the file or folder at `path` for a dictionary of `features` features. Also gives what a careful reader
    /// should know.
    ///
    /// # Errors
    /// If nothing can be read, nothing in a known layout is there, or a label's feature is not in the dictionary.
    pub fn load(path: &Path, features: usize) -> Result<(Self, Vec<String>)> {
        let mut found = Found::default();
        if path.is_dir() {
            for file in batches(path)? {
                found.read(&Bytes::map(&file)?, &file)?;
            }
        } else {
            found.read(&Bytes::map(path)?, path)?;
        }
        found.finish(path, features)
    }
    /// As [`Labels::load`], from the bytes of one file; `path` is for messages.
    ///
    /// # Errors
    /// As [`Labels::load`].
    pub fn from_bytes(bytes: &Bytes, path: &Path, features: usize) -> Result<(Self, Vec<String>)> {
        let mut found = Found::default();
        found.read(bytes, path)?;
        found.finish(path, features)
    }
    /// The first description of `feature`.
    pub fn get(&self, feature: usize) -> Option<&str> {
        Some(self.by_feature.get(feature)?.first()?.text.as_str())
    }
    /// How many features have a description.
    pub fn count(&self) -> usize {
        self.by_feature.iter().filter(|labels| !labels.is_empty()).count()
    }
    /// The one kind that all descriptions share, if they do ("top-tokens").
    pub fn kind(&self) -> Option<&str> {
        let mut kinds = self.by_feature.iter().flatten().map(|label| label.kind.as_deref());
        let first = kinds.next()??;
        kinds.all(|kind| kind == Some(first)).then_some(first)
    }
}

/// What has been read so far.
#[derive(Default)]
struct Found {
    labels: Vec<(u64, Label)>,
    sources: Vec<String>,
    /// Entries without a feature or without words.
    useless: usize,
}

/// Names of the feature's number, best first: Neuronpedia's objects have an `id` beside their `index`.
const INDEX: [&str; 5] = ["index", "feature_index", "feature", "latent", "id"];
/// Names of the words, best first.
const WORDS: [&str; 4] = ["description", "explanation", "label", "text"];

type Object = serde_json::Map<String, Value>;

impl Found {
    fn read(&mut self, bytes: &Bytes, path: &Path) -> Result<()> {
        let before = self.labels.len();
        let mut lines = Lines::from_bytes(bytes.clone(), path);
        let first = lines.find(|line| !matches!(line, Ok((_, text)) if text.trim().is_empty())).transpose()?;
        if first.as_ref().is_some_and(|(_, text)| text.trim_start().starts_with(['{', '['])) {
            // An array may stand on one line or on many, so the text is parsed as a whole.
            let mut text = first.map(|(_, text)| text).unwrap_or_default();
            for line in lines {
                text.push('\n');
                text.push_str(&line?.1);
            }
            self.json(&text).map_err(|error| {
                Problem::new(format!("the labels cannot be read: {error}"))
                    .path(path)
                    .expected("one JSON object a line, a JSON array, or an object of feature: words")
                    .input()
            })?;
        } else {
            self.table(Table::from_bytes(bytes.clone(), path)?)?;
        }
        if self.labels.len() == before {
            return Err(Problem::new("no labels of features")
                .path(path)
                .expected("jsonl, json or csv with index and description (or feature and label) in each entry")
                .hint("the explanations export of Neuronpedia, or a csv with the header index,label")
                .input());
        }
        Ok(())
    }
    /// Objects one after another, an array, or one object of features.
    fn json(&mut self, text: &str) -> serde_json::Result<()> {
        let mut single = None;
        for (i, value) in serde_json::Deserializer::from_str(text).into_iter::<Value>().enumerate() {
            let value = value?;
            if i == 0 && !value.as_object().is_some_and(is_entry) {
                single = Some(value);
                continue;
            }
            self.value(value, None);
        }
        match single {
            Some(Value::Object(map)) => {
                for (key, value) in map {
                    match key.parse() {
                        Ok(index) => self.value(value, Some(index)),
                        Err(_) if value.is_array() => self.array(value),
                        Err(_) => self.useless += 1,
                    }
                }
            }
            Some(array) => self.array(array),
            None => {}
        }
        Ok(())
    }
    fn array(&mut self, value: Value) {
        if let Value::Array(values) = value {
            for (place, value) in values.into_iter().enumerate() {
                self.value(value, Some(place as u64));
            }
        }
    }
    /// One entry; `place` is the feature if the entry does not say.
    fn value(&mut self, value: Value, place: Option<u64>) {
        match value {
            Value::String(words) => self.add(place, &words, None, None),
            Value::Object(entry) if entry.keys().any(|key| WORDS.contains(&key.as_str())) => self.object(&entry, place),
            Value::Array(several) => several.into_iter().for_each(|one| self.value(one, place)),
            Value::Null => {}
            _ => self.useless += 1,
        }
    }
    fn object(&mut self, entry: &Object, place: Option<u64>) {
        let words = first(entry, &WORDS).and_then(Value::as_str).unwrap_or_default();
        let index = first(entry, &INDEX).map_or(place, |value| match value {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_u64(),
        });
        let text = |key: &str| entry.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        self.add(index, words, text("typeName"), text("explanationModelName"));
        if let Some(source) = text("layer").filter(|source| self.sources.iter().all(|known| known != source)) {
            self.sources.push(source.to_string());
        }
    }
    /// csv or tsv, with a header or without.
    fn table(&mut self, table: Table) -> Result<()> {
        let mut columns = None;
        for record in table {
            let (_, record) = record?;
            let Some((index, words, kind, author)) = columns else {
                let column = |names: &[&str]| {
                    names.iter().find_map(|name| record.iter().position(|cell| cell.trim().eq_ignore_ascii_case(name)))
                };
                if let (Some(index), Some(words)) = (column(&INDEX), column(&WORDS)) {
                    columns = Some((index, words, column(&["typeName", "type"]), column(&["explanationModelName"])));
                    continue;
                }
                let Some(index) = record.first().and_then(|cell| cell.trim().parse().ok()) else { return Ok(()) };
                columns = Some((0, 1, None, None));
                self.add(Some(index), record.get(1).map_or("", String::as_str), None, None);
                continue;
            };
            let cell = |column: Option<usize>| {
                column.and_then(|c| record.get(c)).map(String::as_str).filter(|cell| !cell.is_empty())
            };
            let index = cell(Some(index)).and_then(|cell| cell.trim().parse().ok());
            self.add(index, cell(Some(words)).unwrap_or_default(), cell(kind), cell(author));
        }
        Ok(())
    }
    fn add(&mut self, index: Option<u64>, words: &str, kind: Option<&str>, author: Option<&str>) {
        let words = words.trim();
        match index {
            Some(index) if !words.is_empty() => {
                let label =
                    Label { text: words.into(), kind: kind.map(str::to_string), author: author.map(str::to_string) };
                self.labels.push((index, label));
            }
            _ => self.useless += 1,
        }
    }
    fn finish(self, path: &Path, features: usize) -> Result<(Labels, Vec<String>)> {
        let claimed = match self.sources.as_slice() {
            [] => String::new(),
            [one] => format!(" of {one}"),
            several => format!(" of {}", several.join(", ")),
        };
        let highest = self.labels.iter().map(|(index, _)| *index).max().unwrap_or(0);
        if highest >= features as u64 {
            let beyond = self.labels.iter().filter(|(index, _)| *index >= features as u64).count();
            let what = format!("{beyond} of {} labels{claimed} name features up to {highest}", self.labels.len());
            return Err(Problem::new(what)
                .path(path)
                .expected(format!("features below {features}, as the dictionary has"))
                .hint("the labels of this dictionary: these belong to a wider one")
                .input());
        }
        let mut labels = Labels {
            source: (self.sources.len() == 1).then(|| self.sources[0].clone()),
            path: path.to_path_buf(),
            by_feature: vec![Vec::new(); features],
        };
        let mut warnings = Vec::new();
        for (index, label) in self.labels {
            labels.by_feature[index as usize].push(label);
        }
        if self.sources.len() > 1 {
            warnings.push(format!("the labels name several sources: {}", self.sources.join(", ")));
        }
        if self.useless > 0 {
            warnings.push(format!("{} entries without a feature or words were left out", self.useless));
        }
        let (count, span) = (labels.count(), highest as usize + 1);
        if span * 2 <= features && span >= 64 && count * 10 >= span * 9 {
            warnings.push(format!(
                "the labels{claimed} stop at feature {highest} of {features}: they may belong to a narrower dictionary"
            ));
        }
        Ok((labels, warnings))
    }
}

fn is_entry(object: &Object) -> bool {
    first(object, &INDEX).is_some() && first(object, &WORDS).is_some()
}

fn first<'a>(object: &'a Object, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| object.get(*name).filter(|value| !value.is_null()))
}

/// The label files of a folder, `batch-2` before `batch-10`.
fn batches(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| Error::io(folder, &error))? {
        let path = entry.map_err(|error| Error::io(folder, &error))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_file() && name.trim_end_matches(".gz").rsplit_once('.').is_some_and(|(_, ending)| ending == "jsonl")
        {
            let number: u64 = name.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
            files.push((number, path));
        }
    }
    files.sort();
    if files.is_empty() {
        let problem = Problem::new("a folder without label files").path(folder);
        return Err(problem.expected("batch-0.jsonl.gz and so on").hint("naming the file itself").input());
    }
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests;
