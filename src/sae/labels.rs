//! Words for features: explanations or top tokens, with the source they claim.
//!
//! Input, told apart by content, plain or gzipped:
//! * Neuronpedia's jsonl (`explanations/batch-N.jsonl.gz`: `index` as a string, `description`, `typeName`,
//!   `explanationModelName`, `layer` = source id), or a folder of such batches;
//! * a JSON array of such objects, an array of strings (place = feature), the same under a name such as `labels`, or an
//!   object `{"123": "words"}`;
//! * csv or tsv with a column `index` (`feature`, `feature_index`, `feature_id`, `latent`, `id`) and a column
//!   `description` (`label`, `explanation`, `explanations`, `text`), as Goodfire's `autointerp.csv` and Llama Scope's
//!   tables have; without a header, a number and words on each line;
//! * a folder of delphi's `{module}_latent{feature}.txt`.
//!
//! Output: [`Labels`], every description kept, the one with the best `score` first. Labels that belong to another dictionary are a common
//! accident: an index beyond the dictionary is an error that names the source id and the counts, a file that
//! stops halfway is a warning, and [`Labels::doubts`] compares what the labels say of their source with the dictionary. Cost: one pass, about 10 ms a megabyte. Memory: lines and csv are read one by one, a
//! JSON document of up to 64 MiB as a whole; of each entry only the words, their kind and their author are kept.

mod delphi;
mod doubts;
mod entry;

use crate::container::text::{Lines, Table, column_name};
use crate::container::{Bytes, json};
use crate::error::{Error, Problem, Result};
use crate::sae::DictionaryInfo;
use crate::task::Task;
use crate::text::{clip, counted, is_digits, thousands};
use entry::{Document, Entry, Scalar};
use serde::Serialize;
use serde::de::DeserializeSeed;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One description of a feature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Label {
    /// The words.
    pub text: String,
    /// What kind of description it is ("top-tokens", "oai_token-act-pair", …), where the file says.
    pub kind: Option<String>,
    /// The model that wrote it, where the file says.
    pub author: Option<String>,
    /// How good the file says that it is; the more, the better.
    pub score: Option<f64>,
}

impl Label {
    /// The words with their author and score, where they are known: `days of the week (gpt-4o, 0.71)`.
    pub fn with_author(&self) -> String {
        let score = self.score.map(|score| format!("{score:.2}"));
        let by: Vec<&str> = [self.author.as_deref(), score.as_deref()].into_iter().flatten().collect();
        let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
        format!("{}{by}", self.text)
    }
}

/// What a file says about some words, beside the words.
#[derive(Debug, Clone, Copy, Default)]
struct About<'a> {
    kind: Option<&'a str>,
    author: Option<&'a str>,
    score: Option<f64>,
    source: Option<&'a str>,
    model: Option<&'a str>,
}

/// Whose labels are wanted of a file or folder with those of several dictionaries.
#[derive(Debug, Clone, Copy, Default)]
pub struct Whose<'a> {
    /// The dictionary's hook, by which delphi calls its files.
    pub hook: Option<&'a str>,
    /// Its id at Neuronpedia, `model/source`.
    pub id: Option<&'a str>,
}

impl<'a> From<&'a DictionaryInfo> for Whose<'a> {
    fn from(info: &'a DictionaryInfo) -> Self {
        Self { hook: info.hook.as_deref(), id: info.origin.get("neuronpedia_id").and_then(|id| id.as_str()) }
    }
}

/// Descriptions of features; a feature may have none or several.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Source id that the file states ("11-res-topk-4096").
    pub source: Option<String>,
    /// Model that the file states ("gpt2-small").
    pub model: Option<String>,
    /// The file or folder.
    pub path: PathBuf,
    /// Descriptions per feature: the best score first, those without a score last, equals in file order.
    pub by_feature: Vec<Vec<Label>>,
}

impl Labels {
    /// Reads the file or folder at `path` for a dictionary of `features` features. Also gives what a careful reader
    /// should know.
    ///
    /// # Errors
    /// If nothing can be read, nothing in a known layout is there, or a label's feature is not in the dictionary; or if
    /// the task is cancelled.
    pub fn load(path: &Path, features: usize, task: &Task) -> Result<(Self, Vec<String>)> {
        Self::load_of(path, features, Whose::default(), task)
    }
    /// As [`Labels::load`]; of a folder with the labels of several modules, or a file with those of several sources, those
    /// of one.
    ///
    /// # Errors
    /// As [`Labels::load`]; or if it is not told which of several modules is meant.
    pub fn load_of(path: &Path, features: usize, whose: Whose, task: &Task) -> Result<(Self, Vec<String>)> {
        let mut found = Found::new(features, task);
        found.wanted = whose.id.map(|id| id.rsplit_once('/').map_or(id, |(_, source)| source).to_string());
        if !path.is_dir() {
            found.read(&Bytes::map(path)?, path)?;
            return found.finish(path);
        }
        let files = files(path)?;
        // The export of Neuronpedia and the results of delphi have them in a folder among others.
        let below = path.join("explanations");
        if below.is_dir() {
            return Self::load_of(&below, features, whose, task);
        }
        let modules = delphi::modules(&files);
        if !modules.is_empty() {
            let module = delphi::read(&mut found, &modules, whose.hook, path)?;
            let (labels, notes) = found.finish(path)?;
            return Ok((Self { source: Some(module), ..labels }, notes));
        }
        for file in batches(path, files)? {
            found.read(&Bytes::map(&file)?, &file)?;
        }
        found.finish(path)
    }
    /// As [`Labels::load`], from the bytes of one file; `path` is for messages.
    ///
    /// # Errors
    /// As [`Labels::load`].
    pub fn from_bytes(bytes: &Bytes, path: &Path, features: usize, task: &Task) -> Result<(Self, Vec<String>)> {
        let mut found = Found::new(features, task);
        found.read(bytes, path)?;
        found.finish(path)
    }
    /// The first description of `feature`: the one with the best score, where there are any.
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

/// Names of the feature's number, best first: Neuronpedia's objects have an `id` beside their `index`.
const INDEX: [&str; 8] =
    ["index", "feature_index", "feature_id", "feature", "latent_index", "latent_id", "latent", "id"];
/// Names of the words, best first.
const WORDS: [&str; 4] = ["description", "explanation", "label", "text"];
/// A further name of a column of words; in JSON it is that of a list.
const COLUMN: [&str; 1] = ["explanations"];

/// The longest JSON document that is read as a whole, in bytes.
const MAX_DOCUMENT: usize = 64 << 20;
/// The most words that are kept, in bytes.
const MAX_WORDS: usize = 256 << 20;
/// The most descriptions that are kept, for each feature on average.
const MAX_LABELS: usize = 16;
/// The most sources that are told apart.
const MAX_SOURCES: usize = 64;
/// The most that are listed.
const LISTED: usize = 8;
/// Entries between two looks at whether the work should stop.
const POLL: usize = 1 << 12;

/// What has been read so far.
struct Found<'t> {
    features: usize,
    task: &'t Task,
    /// The feature, the words, and the source that they are of, by its place in `sources`.
    labels: Vec<(u32, Label, Option<usize>)>,
    /// Bytes of the words that are kept.
    words: usize,
    /// Of each source: how many descriptions are of features that the dictionary does not have, and the highest feature.
    reach: BTreeMap<Option<usize>, (usize, u64)>,
    sources: Vec<String>,
    models: Vec<String>,
    /// The source that is wanted, if there are several.
    wanted: Option<String>,
    /// The source that a document says all of its labels are of.
    head: Option<usize>,
    /// Entries seen, and those among them without a feature or without words.
    entries: usize,
    useless: usize,
    /// The line of the current entry; 0 where that is not known.
    line: usize,
    /// What the first useless entry lacks.
    first_useless: Option<String>,
    remarks: Vec<String>,
}

impl<'t> Found<'t> {
    fn new(features: usize, task: &'t Task) -> Self {
        task.stage("reading labels", 0);
        Self {
            features,
            task,
            labels: Vec::new(),
            words: 0,
            reach: BTreeMap::new(),
            sources: Vec::new(),
            models: Vec::new(),
            wanted: None,
            head: None,
            entries: 0,
            useless: 0,
            line: 0,
            first_useless: None,
            remarks: Vec::new(),
        }
    }
    fn read(&mut self, bytes: &Bytes, path: &Path) -> Result<()> {
        let before = self.labels.len() + self.beyond();
        let mut lines = Lines::from_bytes(bytes.clone(), path);
        let first = lines.find(|line| !matches!(line, Ok((_, text)) if text.trim().is_empty())).transpose()?;
        match first {
            Some((number, text)) if is_entry(&text) => self.lines(number, &text, lines, path)?,
            Some((_, text)) if text.trim_start().starts_with(['{', '[']) => self.document(text, lines, path)?,
            _ => self.table(Table::from_bytes(bytes.clone(), path)?).map_err(|error| error.at(path))?,
        }
        if self.labels.len() + self.beyond() > before {
            return Ok(());
        }
        let what = match &self.first_useless {
            Some(first) => format!("no labels of features: {}, {first}", counted(self.useless, "entry", "entries")),
            None => "no labels of features".into(),
        };
        Err(Problem::new(what)
            .path(path)
            .expected("jsonl, json or csv with index and description (or feature and label) in each entry")
            .hint("the explanations export of Neuronpedia, or a csv with the header index,label")
            .input())
    }
    /// One entry on each line, of which `first` is the first.
    fn lines(&mut self, number: usize, first: &str, lines: Lines, path: &Path) -> Result<()> {
        self.json_line(number, first, path)?;
        for line in lines {
            let (number, text) = line?;
            if !text.trim().is_empty() {
                self.json_line(number, &text, path)?;
            }
        }
        Ok(())
    }
    fn json_line(&mut self, number: usize, text: &str, path: &Path) -> Result<()> {
        self.line = number;
        let read = |text: &str, found: &mut Self| -> serde_json::Result<Result<()>> {
            Ok(found.entry(&serde_json::from_str::<Entry>(text)?, None))
        };
        read(text, self)
            .or_else(|error| json::mend(text).map_or(Err(error), |mended| read(&mended, self)))
            .map_err(|error| unreadable(path, &format!("line {number}: {}", json::in_line(&error))))?
            .map_err(|error| error.at(path))
    }
    /// A JSON document, or several one after another; it begins with `text`, and the rest is on `lines`.
    fn document(&mut self, mut text: String, lines: Lines, path: &Path) -> Result<()> {
        for line in lines {
            text.push('\n');
            text.push_str(&line?.1);
            self.task.check()?;
            if text.len() > MAX_DOCUMENT {
                return Err(Problem::new("a JSON document of more than 64 MiB")
                    .path(path)
                    .expected("one JSON object a line in a file of this size")
                    .hint("jq -c '.[]' on it, if it is an array")
                    .input());
            }
        }
        let text = json::mend(&text).unwrap_or(text);
        let mut values = serde_json::Deserializer::from_str(&text).into_iter::<serde::de::IgnoredAny>();
        let mut start = 0;
        while let Some(value) = values.next() {
            value.map_err(|error| unreadable(path, &error.to_string()))?;
            let part = &text[start..values.byte_offset()];
            start = values.byte_offset();
            let mut stopped = Ok(());
            let read = if is_entry(part) {
                serde_json::from_str(part).map(|entry| stopped = self.entry(&entry, None))
            } else {
                let whole: Entry = serde_json::from_str(part).unwrap_or_default();
                let About { source, model, .. } = whole.about();
                self.head = note(&mut self.sources, source);
                note(&mut self.models, model);
                match pairs(part) {
                    Some(pairs) => {
                        let add =
                            |(index, words): &(Scalar, Cow<str>)| self.add(index.feature(), words, About::default());
                        stopped = pairs.iter().try_for_each(add);
                        Ok(())
                    }
                    None => {
                        let mut part = serde_json::Deserializer::from_str(part);
                        Document::new(self, &mut stopped, &whole).deserialize(&mut part)
                    }
                }
            };
            self.head = None;
            stopped.map_err(|error: Error| error.at(path))?;
            read.map_err(|error| unreadable(path, &error.to_string()))?;
        }
        Ok(())
    }
    /// csv or tsv, with a header or without.
    fn table(&mut self, mut table: Table) -> Result<()> {
        let mut columns = None;
        for record in table.by_ref() {
            let (line, record) = record?;
            self.line = line;
            let Some((index, words, others)) = columns else {
                let names: Vec<String> = record.iter().map(|cell| column_name(cell)).collect();
                let column = |wanted: &[&str]| wanted.iter().find_map(|name| names.iter().position(|n| n == name));
                if let (Some(index), Some(words)) = (column(&INDEX), column(&WORDS).or_else(|| column(&COLUMN))) {
                    let author = column(&["explanationmodelname", "model_name"]);
                    let (source, model) = (column(&["layer", "source"]), column(&["modelid"]));
                    let kind = column(&["typename", "type"]);
                    columns = Some((index, words, [kind, author, column(&["score"]), source, model]));
                    continue;
                }
                let Some(Ok(index)) = record.first().map(|cell| entry::index(cell)) else { return Ok(()) };
                columns = Some((0, 1, [None; 5]));
                self.add(Ok(index), record.get(1).map_or("", String::as_str), About::default())?;
                continue;
            };
            let cell = |column: Option<usize>| {
                column.and_then(|c| record.get(c)).map(String::as_str).filter(|cell| !cell.is_empty())
            };
            let index = cell(Some(index)).map_or(Err("no index".into()), entry::index);
            let [kind, author, score, source, model] = others.map(cell);
            let score = score.and_then(|score| score.trim().parse().ok());
            // A bare number is that of a layer, not of a source.
            let source = source.filter(|source| !is_digits(source));
            let about = About { kind, author, score, source, model };
            self.add(index, cell(Some(words)).unwrap_or_default(), about)?;
        }
        if table.is_unclosed() {
            self.remarks.push("a quotation mark is not closed: a label may have swallowed those after it".into());
        }
        Ok(())
    }
    /// One entry; `place` is the feature if the entry does not say.
    fn entry(&mut self, entry: &Entry, place: Option<u64>) -> Result<()> {
        let index = entry.index.as_ref().map_or(place.ok_or("no index".into()), entry::Scalar::feature);
        self.add(index, entry.words(), entry.about())
    }
    /// Counts an entry, and looks now and then whether the work should stop.
    fn count(&mut self) -> Result<()> {
        self.entries += 1;
        if self.entries.is_multiple_of(POLL) {
            self.task.advance(POLL as u64);
            self.task.check()?;
        }
        Ok(())
    }
    /// Notes that an entry cannot be used.
    fn leave_out(&mut self, why: &str) -> Result<()> {
        self.useless += 1;
        let place = if self.line > 0 { format!(" on line {}", self.line) } else { String::new() };
        self.first_useless.get_or_insert_with(|| format!("the first{place} has {why}"));
        self.count()
    }
    /// Adds words for a feature, or notes why they cannot be used.
    fn add(&mut self, index: Result<u64, String>, words: &str, about: About) -> Result<()> {
        let words = words.trim();
        let index = match index {
            Ok(_) if words.is_empty() => return self.leave_out("no words"),
            Err(why) => return self.leave_out(&why),
            Ok(index) => index,
        };
        self.count()?;
        let source = note(&mut self.sources, about.source).or(self.head);
        note(&mut self.models, about.model);
        let (beyond, highest) = self.reach.entry(source).or_default();
        *highest = index.max(*highest);
        if index >= self.features as u64 {
            *beyond += 1;
            return Ok(());
        }
        let owned = |text: Option<&str>| text.map(|text| clip(text, 200));
        let score = about.score.filter(|score| score.is_finite());
        let label = Label { text: words.into(), kind: owned(about.kind), author: owned(about.author), score };
        self.words += words.len();
        self.labels.push((index as u32, label, source));
        let most = MAX_LABELS * self.features + (1 << 16);
        if self.words > MAX_WORDS || self.labels.len() > most {
            let of = counted(self.features, "feature", "features");
            return Err(Problem::new(format!("more labels than {of} can have"))
                .expected(format!("at most {}, of 256 MiB in all", thousands(most as u64)))
                .hint("a part of them")
                .input());
        }
        Ok(())
    }
    /// Descriptions of features that the dictionary does not have.
    fn beyond(&self) -> usize {
        self.reach.values().map(|(beyond, _)| beyond).sum()
    }
    fn finish(mut self, path: &Path) -> Result<(Labels, Vec<String>)> {
        let mut warnings = std::mem::take(&mut self.remarks);
        if self.sources.len() > 1 {
            let names = self.sources.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
            let own =
                self.wanted.as_deref().and_then(|own| self.sources.iter().position(|s| s.eq_ignore_ascii_case(own)));
            let shown = own.map_or_else(String::new, |own| format!("; those of {} are taken", self.sources[own]));
            warnings.push(format!("the labels name several sources: {names}{shown}"));
            if own.is_some() {
                self.labels.retain(|(.., source)| *source == own);
                self.reach.retain(|source, _| *source == own);
                self.sources = own.map(|own| self.sources.swap_remove(own)).into_iter().collect();
            }
        }
        let (features, beyond) = (self.features, self.beyond());
        let highest = self.reach.values().map(|(_, highest)| *highest).max().unwrap_or(0);
        let claimed = match self.sources.as_slice() {
            [] => String::new(),
            [one] => format!(" of {one}"),
            several => format!(" of {}", several[..several.len().min(LISTED)].join(", ")),
        };
        if beyond > 0 {
            let all = counted(self.labels.len() + beyond, "label", "labels");
            let name = if beyond == 1 { "names" } else { "name" };
            let what = format!("{} of {all}{claimed} {name} features up to {highest}", thousands(beyond as u64));
            return Err(Problem::new(what)
                .path(path)
                .expected(format!("features below {features}, as the dictionary has"))
                .hint("the labels of this dictionary: these belong to a wider one")
                .input());
        }
        let mut labels = Labels {
            source: (self.sources.len() == 1).then(|| self.sources[0].clone()),
            model: (self.models.len() == 1).then(|| self.models[0].clone()),
            path: path.to_path_buf(),
            by_feature: vec![Vec::new(); features],
        };
        for (index, label, _) in self.labels {
            labels.by_feature[index as usize].push(label);
        }
        for several in labels.by_feature.iter_mut().filter(|several| several.len() > 1) {
            let rank = |label: &Label| label.score.unwrap_or(f64::NEG_INFINITY);
            several.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
        }
        if let Some(first) = &self.first_useless {
            let entries = counted(self.useless, "entry was", "entries were");
            warnings.push(format!("{entries} left out, without a feature or words: {first}"));
        }
        let (count, span) = (labels.count(), highest as usize + 1);
        if span * 2 <= features && span >= 64 && count * 10 >= span * 9 {
            let [last, of] = [highest, features as u64].map(thousands);
            warnings.push(format!(
                "the labels{claimed} stop at feature {last} of {of}: they may belong to a narrower dictionary"
            ));
        }
        Ok((labels, warnings))
    }
}

/// Whether a text is one JSON object with a feature and words, as each line of a jsonl file is.
fn is_entry(text: &str) -> bool {
    let whole = |text: &str| serde_json::from_str::<Entry>(text).ok().map(|entry| entry.is_whole());
    text.trim_start().starts_with('{') && whole(text).or_else(|| whole(&json::mend(text)?)).unwrap_or(false)
}

fn unreadable(path: &Path, why: &str) -> Error {
    Problem::new(format!("the labels cannot be read: {why}"))
        .path(path)
        .expected("one JSON object a line, a JSON array, or an object of feature: words")
        .input()
}

/// The place of a name among those seen, to which it is added; none if it is none, or there are too many.
fn note(known: &mut Vec<String>, name: Option<&str>) -> Option<usize> {
    let name = clip(name?, 200);
    known.iter().position(|other| *other == name).or_else(|| {
        let free = known.len() < MAX_SOURCES;
        free.then(|| {
            known.push(name);
            known.len() - 1
        })
    })
}

/// A list of pairs of a feature and its words.
fn pairs(text: &str) -> Option<Vec<(Scalar<'_>, Cow<'_, str>)>> {
    let inside = text.trim_start().strip_prefix('[')?.trim_start();
    inside.starts_with('[').then(|| serde_json::from_str(text).ok()).flatten()
}

/// What lies in a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |error: std::io::Error| Error::io(folder, &error);
    std::fs::read_dir(folder).map_err(fail)?.map(|entry| Ok(entry.map_err(fail)?.path())).collect()
}

/// Whether a file is called as one of a folder of labels is.
pub(crate) fn is_part(name: &str) -> bool {
    is_batch(name) || delphi::named(name).is_some()
}

fn is_batch(name: &str) -> bool {
    name.trim_end_matches(".gz").rsplit_once('.').is_some_and(|(_, ending)| ending == "jsonl")
}

/// The label files of a folder, `batch-2` before `batch-10`.
fn batches(folder: &Path, all: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in all {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_file() && is_batch(&name) {
            let number: u64 = name.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
            files.push((number, path));
        }
    }
    files.sort();
    if files.is_empty() {
        let problem = Problem::new("a folder without label files").path(folder);
        return Err(problem
            .expected("batch-0.jsonl.gz and so on, or delphi's MODULE_latentN.txt")
            .hint("naming the file itself")
            .input());
    }
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests;
