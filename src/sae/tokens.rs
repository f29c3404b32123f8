//! The texts behind activation rows: token strings in their documents, or one sentence per row.

use std::ops::Range;

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

/// Texts of activation rows.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    /// All token strings, one after another.
    pub(crate) text: String,
    /// Where row `r`'s own string lies in `text`.
    pub(crate) spans: Vec<Range<u32>>,
    /// Document (or sequence) of each row, as the file counts.
    pub(crate) document: Vec<u32>,
    /// Position of each row in its document, as the file counts.
    pub(crate) position: Vec<u32>,
    /// For files with one sentence a row: text before and after the row's own string.
    pub(crate) around: Option<Vec<(String, String)>>,
    /// Label of each row (a concept such as "Monday"), where the file has one.
    pub(crate) labels: Option<Vec<String>>,
    /// The file.
    pub(crate) path: std::path::PathBuf,
}

impl Tokens {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.spans.len()
    }
    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
    /// The string of row `row`.
    pub fn token(&self, row: usize) -> &str {
        let span = &self.spans[row];
        &self.text[span.start as usize..span.end as usize]
    }
    /// Document and position of row `row`, as the file counts.
    pub fn place(&self, row: usize) -> (u32, u32) {
        (self.document[row], self.position[row])
    }
    /// Concept label of row `row`.
    pub fn label(&self, row: usize) -> Option<&str> {
        self.labels.as_ref().map(|labels| labels[row].as_str())
    }
    /// The file the texts came from.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }
    /// The text around row `row`, at most `radius` rows to each side, within its document.
    pub fn passage(&self, row: usize, radius: usize) -> Passage {
        if let Some(around) = &self.around {
            let (before, after) = &around[row];
            let outside = |text: &String| Piece { row: None, text: text.clone() };
            let own = Piece { row: Some(row as u32), text: self.token(row).to_string() };
            return Passage { pieces: vec![outside(before), own, outside(after)], focus: 1 };
        }
        let document = self.document[row];
        let first = (row.saturating_sub(radius)..row).find(|&r| self.document[r..row].iter().all(|&d| d == document));
        let first = first.unwrap_or(row);
        let last = (row..self.len().min(row + radius + 1)).take_while(|&r| self.document[r] == document).last();
        let last = last.unwrap_or(row);
        let pieces = (first..=last).map(|r| Piece { row: Some(r as u32), text: self.token(r).to_string() }).collect();
        Passage { pieces, focus: row - first }
    }
}
