//! The texts behind activation rows: token strings in their documents, or one sentence per row.
//!
//! Input, told apart by content, plain or gzipped:
//! * jsonl, one sequence a line: `tokens[]` with optional `first_row`, `seq`, `doc_ids[]` (or one `doc_id`),
//!   `positions[]`, `labels[]`;
//! * jsonl or csv, one row a line: `token`, or `text` (a whole sentence) whose own part is its `label` (or `token`)
//!   ending at character `end`; with optional `row`, `seq`, `doc_id`, `position`, `label`.
//!
//! Output: [`Tokens`], row `r` of which is row `r` of the activations. Files are in row order; their `row` and
//! `first_row` must agree with it. Texts are kept as in the file and are not yet safe to print. Cost: one pass over
//! the file, about 10 ms a megabyte; memory: the text once and 20 bytes a row.

mod line;

use super::activations::TokenIds;
use super::tokenizer::Vocabulary;
use crate::container::text::{Lines, Table, column_name};
use crate::container::{Bytes, json};
use crate::error::{Problem, Result};
use crate::task::Task;
use crate::text::{counted, thousands};
use line::{Id, Line, List, Text};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A piece of a passage: text, and the activation row it stands for (none for text without activations).
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Row of the activations.
    pub row: Option<u32>,
    /// The text as in the file (not yet safe to print).
    pub text: String,
}

/// Text around one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// Pieces in reading order.
    pub pieces: Vec<Piece>,
    /// Which piece is the row that was asked for.
    pub focus: usize,
}

/// A stretch of [`Tokens::text`], in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Span {
    start: u32,
    end: u32,
}

/// Texts of activation rows.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    /// All texts, one after another.
    text: String,
    /// Where row `r`'s own string lies in `text`.
    own: Vec<Span>,
    /// Where its whole sentence lies, for files with one sentence a row; else empty.
    sentence: Vec<Span>,
    /// Label of each row, where the file has any; else empty.
    label: Vec<Span>,
    /// Document of each row, as the file counts; the sequence where it names no documents.
    document: Vec<u32>,
    /// Position of each row, as the file counts.
    position: Vec<u32>,
    /// Which unbroken stretch of text the row lies in; it ends with the document and with the sequence.
    stretch: Vec<u32>,
    path: PathBuf,
}

impl Tokens {
    /// Reads the file at `path`; `rows` is the number of rows of the activations, where there are any.
    ///
    /// # Errors
    /// If the file cannot be read, has no texts in a known layout, is not in row order, or has another number of
    /// rows; or if the task is cancelled.
    pub fn load(path: &Path, rows: Option<usize>, task: &Task) -> Result<Self> {
        Self::from_bytes(&Bytes::map(path)?, path, rows, task)
    }
    /// As [`Tokens::load`], from bytes; `path` is for messages.
    ///
    /// # Errors
    /// As [`Tokens::load`].
    pub fn from_bytes(bytes: &Bytes, path: &Path, rows: Option<usize>, task: &Task) -> Result<Self> {
        task.stage("reading texts", rows.unwrap_or(0) as u64);
        let mut builder = Builder { rows, task: Some(task), ..Builder::new(path) };
        let mut lines = Lines::from_bytes(bytes.clone(), path).peekable();
        while lines.next_if(|line| matches!(line, Ok((_, text)) if text.trim().is_empty())).is_some() {}
        if lines.peek().is_some_and(|line| matches!(line, Ok((_, text)) if text.trim_start().starts_with('{'))) {
            for line in lines {
                let (number, text) = line?;
                task.check()?;
                if text.trim().is_empty() {
                    continue;
                }
                let (result, mended);
                result = match serde_json::from_str(&text) {
                    Ok(line) => Ok(line),
                    Err(error) => {
                        mended = json::mend(&text);
                        mended.as_deref().map_or(Err(error), serde_json::from_str)
                    }
                };
                builder.line(number, result.map_err(|error| broken(path, number, &error))?)?;
            }
        } else {
            lines.next().transpose()?;
            let mut table = Table::from_bytes(bytes.clone(), path)?;
            let headers = table.next().transpose()?.unwrap_or_default().1;
            let headers: Vec<String> = headers.iter().map(|name| column_name(name)).collect();
            if !headers.iter().any(|name| matches!(name.as_str(), "token" | "text" | "label")) {
                return Err(unknown(path).input());
            }
            for record in table {
                let (number, cells) = record?;
                let line = Line::from_cells(&headers, &cells).map_err(|(name, cell)| {
                    let what = format!("line {number}: {name} is {cell}");
                    Problem::new(what).path(path).expected("a number from 0").input()
                })?;
                builder.line(number, line)?;
            }
        }
        let tokens = builder.tokens;
        if tokens.is_empty() {
            return Err(unknown(path).input());
        }
        if let Some(rows) = rows.filter(|&rows| rows != tokens.len()) {
            return Err(another_number(path, &counted(tokens.len(), "row", "rows"), rows));
        }
        Ok(tokens)
    }
    /// Texts of the given documents, each a list of token strings: row after row, positions from 0.
    ///
    /// # Errors
    /// If there is more text than 4 GiB.
    pub fn from_documents<S: AsRef<str>>(documents: &[Vec<S>]) -> Result<Self> {
        let mut builder = Builder::new(Path::new(""));
        for (number, document) in documents.iter().enumerate() {
            let tokens = document.iter().map(|token| Text(Cow::Borrowed(token.as_ref()))).collect();
            let line = Line { tokens: Some(List(tokens)), doc_id: Some(Id::Number(number as u64)), ..Line::default() };
            builder.line(number + 1, line)?;
        }
        Ok(builder.tokens)
    }
    /// Texts of token ids, one a row: those of `vocabulary`, or `<123>` where there is none or it does not name the id.
    /// Each text is kept once. `path` is where they came from. Cost: one pass over the ids; 20 bytes a row.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn from_ids(ids: &TokenIds, vocabulary: Option<&Vocabulary>, path: &Path, task: &Task) -> Result<Self> {
        let rows = ids.ids.len();
        task.stage("reading texts", rows as u64);
        let mut builder = Builder { task: Some(task), ..Builder::new(path) };
        let mut known: HashMap<u32, Span> = HashMap::new();
        let context = ids.context.unwrap_or(rows).max(1);
        for (row, &id) in ids.ids.iter().enumerate() {
            let own = match known.get(&id) {
                Some(own) => *own,
                None => {
                    let own = match vocabulary.and_then(|vocabulary| vocabulary.get(id)) {
                        Some(text) => builder.push(text)?,
                        None => builder.push(&format!("<{id}>"))?,
                    };
                    known.insert(id, own);
                    own
                }
            };
            let sequence = (row / context) as u64;
            builder.row(own, None, sequence, sequence, (row % context) as u32)?;
        }
        Ok(builder.tokens)
    }
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.own.len()
    }
    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty()
    }
    /// The string of row `row`.
    ///
    /// # Panics
    /// If there is no such row; so do the other methods that take one.
    pub fn token(&self, row: usize) -> &str {
        self.slice(self.own[row])
    }
    /// Document and position of row `row`, as the file counts: without documents the sequence, without positions the
    /// place in the line's list from 0. A sentence on a line of its own is its own document.
    pub fn place(&self, row: usize) -> (u32, u32) {
        (self.document[row], self.position[row])
    }
    /// Label of row `row` (a concept such as "Monday"), where the file has one.
    pub fn label(&self, row: usize) -> Option<&str> {
        self.label.get(row).map(|&span| self.slice(span)).filter(|label| !label.is_empty())
    }
    /// Whether the file has labels of rows.
    pub fn has_labels(&self) -> bool {
        !self.label.is_empty()
    }
    /// Whether each row is a sentence of its own rather than a token of a running text.
    pub fn is_sentences(&self) -> bool {
        !self.sentence.is_empty()
    }
    /// The file the texts came from.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// The text around row `row`: at most `radius` rows to each side, never across the end of a document or of a
    /// sequence. In files with one sentence a row, the sentence, whatever `radius`. Cost: O(radius).
    pub fn passage(&self, row: usize, radius: usize) -> Passage {
        let piece = |r: usize| Piece { row: Some(r as u32), text: self.token(r).to_string() };
        if let Some(&sentence) = self.sentence.get(row) {
            let own = self.own[row];
            let outside = |start, end| Piece { row: None, text: self.slice(Span { start, end }).to_string() };
            let mut pieces = Vec::with_capacity(3);
            if own.start > sentence.start {
                pieces.push(outside(sentence.start, own.start));
            }
            let focus = pieces.len();
            pieces.push(piece(row));
            if sentence.end > own.end {
                pieces.push(outside(own.end, sentence.end));
            }
            return Passage { pieces, focus };
        }
        let stretch = self.stretch[row];
        let together = |&r: &usize| self.stretch[r] == stretch;
        let first = (row.saturating_sub(radius)..row).rev().take_while(together).last().unwrap_or(row);
        let end = self.len().min(row.saturating_add(radius).saturating_add(1));
        let last = (row + 1..end).take_while(together).last().unwrap_or(row);
        Passage { pieces: (first..=last).map(piece).collect(), focus: row - first }
    }
    fn slice(&self, span: Span) -> &str {
        &self.text[span.start as usize..span.end as usize]
    }
}

/// Rows between two looks at whether the work should stop.
const POLL: usize = 1 << 12;

/// Added to the number of an id that is a name, or too large a number; the lower half is what is shown.
const NAMED: u64 = 1 << 32;

/// Adds lines to [`Tokens`], keeping track of where stretches of text end.
struct Builder<'t> {
    tokens: Tokens,
    /// How many rows there must be, where that is known: no more are kept.
    rows: Option<usize>,
    task: Option<&'t Task>,
    /// Numbers for ids that are no numbers.
    named: HashMap<String, u64>,
    /// Sequence, document and position of the last row.
    last: Option<(u64, u64, u32)>,
    stretches: u32,
    /// Lines read, and the number of the current one in the file.
    lines: u64,
    number: usize,
}

impl Builder<'_> {
    fn new(path: &Path) -> Self {
        let tokens = Tokens { path: path.to_path_buf(), ..Tokens::default() };
        Self { tokens, rows: None, task: None, named: HashMap::new(), last: None, stretches: 0, lines: 0, number: 0 }
    }
    /// A problem on the current line.
    fn problem(&self, what: &str) -> Problem {
        Problem::new(format!("line {}: {what}", self.number)).path(&self.tokens.path)
    }
    fn line(&mut self, number: usize, line: Line) -> Result<()> {
        self.number = number;
        let nth = self.lines;
        self.lines += 1;
        let due = self.tokens.len();
        if let Some(found) = line.first_row.or(line.row).filter(|&found| found != due as u64) {
            let what = format!("row {found} where row {due} is due");
            return Err(self.problem(&what).expected("rows in order, from 0").input());
        }
        match line.tokens {
            Some(_) => self.sequence(line, nth),
            None => self.single(&line),
        }
    }
    /// A line that holds a list of tokens.
    fn sequence(&mut self, line: Line, nth: u64) -> Result<()> {
        let tokens = line.tokens.unwrap_or_default().0;
        let count = tokens.len();
        let agree = |name: &str, found: Option<usize>| match found.filter(|&n| n != count) {
            None => Ok(()),
            Some(n) => {
                Err(self.problem(&format!("{n} {name} for {count} tokens")).expected("one for each token").input())
            }
        };
        agree("doc_ids", line.doc_ids.as_ref().map(|list| list.0.len()))?;
        agree("positions", line.positions.as_ref().map(|list| list.0.len()))?;
        agree("labels", line.labels.as_ref().map(|list| list.0.len()))?;
        let sequence = line.seq.map_or(nth, |id| self.number(id));
        let whole = line.doc_id.map(|id| self.number(id));
        let first = line.position.unwrap_or(0);
        let mut documents = line.doc_ids.map(|list| list.0.into_iter());
        for (i, token) in tokens.iter().enumerate() {
            let document = match documents.as_mut().and_then(Iterator::next) {
                Some(id) => self.number(id),
                None => whole.unwrap_or(sequence),
            };
            let position = line.positions.as_ref().map_or_else(|| first.saturating_add(i as u32), |all| all.0[i]);
            let label = line.labels.as_ref().map(|all| all.0[i].0.as_ref());
            let own = self.push(&token.0)?;
            self.row(own, label, sequence, document, position)?;
        }
        Ok(())
    }
    /// A line that is one row.
    fn single(&mut self, line: &Line) -> Result<()> {
        let row = self.tokens.len() as u64;
        let label = line.label.as_ref().map(|text| text.0.as_ref());
        let (own, sentence) = match (&line.text, line.token.as_ref().or(line.label.as_ref())) {
            (Some(text), part) => {
                let sentence = self.push(&text.0)?;
                let (start, end) = own_part(&text.0, part.map(|p| p.0.as_ref()), line.end)
                    .map_err(|what| self.problem(&what).expected("a character offset within the text").input())?;
                (Span { start: sentence.start + start as u32, end: sentence.start + end as u32 }, Some(sentence))
            }
            (None, Some(token)) => (self.push(&token.0)?, None),
            (None, None) => {
                return Err(self.problem("no text").expected("tokens, token or text").input());
            }
        };
        if sentence.is_some() != self.tokens.is_sentences() && row > 0 {
            let problem = self.problem("sentences and tokens in one file");
            return Err(problem.expected("text on each line, or on none").input());
        }
        self.tokens.sentence.extend(sentence);
        let alone = sentence.is_some();
        let sequence = line.seq.clone().map(|id| self.number(id));
        let document = line.doc_id.clone().map(|id| self.number(id));
        let default = if alone { row } else { 0 };
        let document = document.or(sequence).unwrap_or(default);
        let position = line.position.unwrap_or(if alone { 0 } else { self.following(document) });
        self.row(own, label, sequence.unwrap_or(document), document, position)
    }
    fn following(&self, document: u64) -> u32 {
        self.last.filter(|last| last.1 == document).map_or(0, |last| last.2.saturating_add(1))
    }
    fn row(&mut self, own: Span, label: Option<&str>, seq: u64, document: u64, position: u32) -> Result<()> {
        let continues = self.last.is_some_and(|last| last == (seq, document, position.wrapping_sub(1)));
        if self.last.is_some() && !continues {
            self.stretches += 1;
        }
        self.last = Some((seq, document, position));
        let rows = self.tokens.len();
        if let Some(expected) = self.rows.filter(|&expected| rows >= expected) {
            return Err(another_number(&self.tokens.path, "more rows", expected));
        }
        if let Some(task) = self.task.filter(|_| rows.is_multiple_of(POLL)) {
            task.advance(if rows == 0 { 0 } else { POLL as u64 });
            task.check()?;
        }
        if let Some(label) = label {
            let span = self.push(label)?;
            self.tokens.label.resize(rows, Span::default());
            self.tokens.label.push(span);
        } else if !self.tokens.label.is_empty() {
            self.tokens.label.push(Span::default());
        }
        self.tokens.own.push(own);
        self.tokens.document.push(document as u32);
        self.tokens.position.push(position);
        self.tokens.stretch.push(self.stretches);
        Ok(())
    }
    fn push(&mut self, text: &str) -> Result<Span> {
        let start = self.tokens.text.len();
        let end = u32::try_from(start + text.len())
            .map_err(|_| self.problem("more than 4 GiB of text").hint("a part of the rows").input())?;
        self.tokens.text.push_str(text);
        Ok(Span { start: start as u32, end })
    }
    /// The number of an id: itself if it is one, else its place in order of appearance, told apart by [`NAMED`].
    fn number(&mut self, id: Id) -> u64 {
        match id {
            Id::Number(n) if n < NAMED => n,
            Id::Number(n) => self.name(n.to_string()),
            Id::Name(name) => self.name(name),
        }
    }
    fn name(&mut self, name: String) -> u64 {
        let next = NAMED + self.named.len() as u64;
        *self.named.entry(name).or_insert(next)
    }
}

/// Bytes of the part of `text` that a row stands for: `part` as it ends at character `end`, or where it last stands;
/// the whole text if it does not stand there.
fn own_part(text: &str, part: Option<&str>, end: Option<u64>) -> Result<(usize, usize), String> {
    let end = match end {
        None => None,
        Some(end) => {
            let at = text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(end as usize);
            let what = || format!("end {end} of a text of {} characters", text.chars().count());
            Some(at.ok_or_else(what)?)
        }
    };
    let stop = end.unwrap_or(text.len());
    let width = |at: usize| text[at..].chars().next().map_or(0, char::len_utf8);
    let found = match (part, end) {
        (Some(part), Some(end)) if text[..end].ends_with(part) => Some(end - part.len()),
        (Some(part), None) => text.rfind(part).filter(|_| !part.is_empty()),
        _ => None,
    };
    Ok(match (found, end) {
        (Some(start), _) => (start, start + part.map_or(0, str::len)),
        // The label is written otherwise in the text: then the word that ends there.
        (None, Some(_)) => (text[..stop].rfind(char::is_whitespace).map_or(0, |at| at + width(at)), stop),
        (None, None) => (0, text.len()),
    })
}

fn broken(path: &Path, number: usize, error: &serde_json::Error) -> crate::Error {
    Problem::new(format!("line {number} cannot be read: {}", json::in_line(error)))
        .path(path)
        .expected("one JSON object a line, or csv with a header")
        .input()
}

fn another_number(path: &Path, found: &str, rows: usize) -> crate::Error {
    let rows = thousands(rows as u64);
    Problem::new(format!("texts of {found}, but the activations have {rows}"))
        .path(path)
        .expected(format!("{rows} rows"))
        .hint("the texts that these activations were made from")
        .input()
}

fn unknown(path: &Path) -> Problem {
    Problem::new("no texts of rows")
        .path(path)
        .expected("jsonl with tokens, token or text on each line, or csv with such a column")
        .hint("one line a row, in the order of the activations")
}

#[cfg(test)]
mod tests;
