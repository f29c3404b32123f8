//! What may be typed next in the `--where` language.
//!
//! Input: the text, where the cursor stands in it (a byte), and what is [`Known`] of the columns. [`completions`] asks
//! the parser of [`super::filter`] what it looked for where the text before the cursor ends, so the grammar is written
//! down once. Output: suggestions that begin with the word at the cursor, with what each would put in its place. A pure
//! function; cost: one parse, and what [`Known`] takes.

use super::columns::{COLUMNS, Column, ColumnKind};
use super::filter::{Expected, Operator, Placed, Token, expected_after, is_word, letter_of, scan};
use std::ops::Range;

/// What completions want to know of the study.
pub trait Known {
    /// Whether a column can be told.
    fn has(&self, column: Column) -> bool;
    /// Clusters by number: their size, and words that set them apart.
    fn clusters(&self) -> Vec<(i32, usize, String)>;
    /// Words in the texts of a column that begin so (lower case), the most frequent first, with the number of features.
    fn words(&self, column: Column, start: &str) -> Vec<(String, usize)>;
    /// Whole texts of a column that begin so, the most frequent first, with the number of features.
    fn texts(&self, column: Column, start: &str) -> Vec<(String, usize)>;
    /// The least and the greatest number of a column.
    fn range(&self, column: Column) -> Option<(f64, f64)>;
}

/// One thing that may be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What it is called.
    pub text: String,
    /// What it is about.
    pub doc: String,
    /// What takes the place of the word at the cursor.
    pub insert: String,
}

/// What may be typed next.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Completions {
    /// The bytes of the text that a completion takes the place of: the word at the cursor, or nothing.
    pub place: Range<usize>,
    /// Characters of that word before the cursor: those with which each suggestion begins.
    pub typed: usize,
    /// What may be typed, the most likely first.
    pub all: Vec<Completion>,
    /// Where a number is wanted: the column, its least and its greatest.
    pub range: Option<(Column, f64, f64)>,
}

/// The word at the cursor.
struct Stub<'a> {
    /// What is before it, with the word if the word is whole.
    head: &'a str,
    /// The letters of it before the cursor, without a quote.
    text: String,
    quoted: bool,
    place: Range<usize>,
}

/// What may be typed at byte `cursor` of `text`. Nothing where the text before it makes no sense.
pub fn completions(text: &str, cursor: usize, known: &dyn Known) -> Completions {
    let cursor = (0..=cursor.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let stub = stub(text, cursor);
    let make = |place: Range<usize>, typed: usize, (all, range)| Completions { place, typed, all, range };
    let made = make(stub.place.clone(), stub.text.chars().count(), next(&stub, known));
    // After a name that is whole comes what may follow it; after a value it might still be the value that is typed.
    let ends_word = text[..cursor].ends_with(|c: char| is_word(c) || c == '"' || c == '\'');
    if made.all.is_empty()
        && ends_word
        && (is_name(&stub.text) || scan(&text[..cursor]).is_ok_and(|tokens| ends_with_quoted(&tokens)))
    {
        let after = Stub { head: &text[..cursor], text: String::new(), quoted: false, place: cursor..cursor };
        let (mut all, range) = next(&after, known);
        for completion in all.iter_mut().filter(|completion| !completion.insert.starts_with([',', ')'])) {
            completion.insert.insert(0, ' ');
        }
        return make(cursor..cursor, 0, (all, range));
    }
    made
}

fn is_name(word: &str) -> bool {
    Column::parse(&word.to_lowercase()).is_some()
}

fn ends_with_quoted(tokens: &[Placed]) -> bool {
    matches!(tokens.last().map(|token| &token.token), Some(Token::Quoted(_)))
}

fn stub(text: &str, cursor: usize) -> Stub<'_> {
    let head = &text[..cursor];
    // The rest of the word behind the cursor goes with it.
    let behind = text[cursor..].find(|c: char| !is_word(c)).map_or(text.len(), |length| cursor + length);
    match scan(head) {
        Ok(tokens) => match tokens.last() {
            Some(token) if token.end == cursor && matches!(token.token, Token::Word(_)) => Stub {
                head: &head[..token.at],
                text: head[token.at..].to_string(),
                quoted: false,
                place: token.at..behind,
            },
            _ => Stub { head, text: String::new(), quoted: false, place: cursor..behind },
        },
        // A quote that is still open: the text in it is being typed.
        Err(error) if head[error.at..].starts_with(['"', '\'']) => {
            let quote = &head[error.at..=error.at];
            let text = head[error.at + 1..].replace(&quote.repeat(2), quote);
            Stub { head: &head[..error.at], text, quoted: true, place: error.at..cursor }
        }
        Err(error) if &head[error.at..] == "!" => {
            Stub { head: &head[..error.at], text: "!".into(), quoted: false, place: error.at..cursor }
        }
        Err(_) => Stub { head: "!", text: String::new(), quoted: false, place: cursor..cursor },
    }
}

/// What may take the place of a word, and the range of the number that is wanted there.
fn next(stub: &Stub<'_>, known: &dyn Known) -> (Vec<Completion>, Option<(Column, f64, f64)>) {
    let Ok(tokens) = scan(stub.head) else { return Default::default() };
    let expected = expected_after(tokens);
    let mut all = Vec::new();
    let mut range = None;
    let lower = stub.text.to_lowercase();
    let mut offer = |text: &str, doc: String, insert: String| {
        if text.to_lowercase().starts_with(&lower) && (stub.quoted || text.to_lowercase() != lower) {
            all.push(Completion { text: text.to_string(), doc, insert });
        }
    };
    for what in expected {
        match what {
            Expected::Value(column, operator) => {
                let end = if operator == Operator::In { "" } else { " " };
                match column.row().kind {
                    ColumnKind::Number if lower.is_empty() && !stub.quoted => {
                        range = known.range(column).map(|(low, high)| (column, low, high));
                    }
                    ColumnKind::Number => {}
                    ColumnKind::Cluster => {
                        for (cluster, size, words) in known.clusters() {
                            let name = match letter_of(cluster) {
                                Some(letter) => letter.to_string(),
                                None if cluster < 0 => "none".into(),
                                None => cluster.to_string(),
                            };
                            let insert = format!("{name}{end}");
                            offer(&name, format!("{} {words}", features(size)).trim_end().into(), insert);
                        }
                    }
                    kind @ (ColumnKind::Text | ColumnKind::Names) => {
                        let found = if kind == ColumnKind::Text && operator == Operator::Matches {
                            known.words(column, &lower)
                        } else {
                            known.texts(column, &stub.text)
                        };
                        for (text, count) in found {
                            let insert = format!("{}{end}", quoted(&text, stub.quoted));
                            offer(&text, features(count), insert);
                        }
                    }
                }
            }
            // Within quotes nothing but a value can stand.
            _ if stub.quoted => {}
            Expected::Column => {
                for row in COLUMNS.iter().filter(|row| known.has(row.column)) {
                    offer(row.name, row.doc.into(), format!("{} ", row.name));
                }
            }
            Expected::Operator(column) => {
                for (sign, doc) in operators(column.row().kind) {
                    offer(sign, (*doc).into(), format!("{sign}{}", if *sign == "in" { " (" } else { " " }));
                }
            }
            Expected::Not => offer("not", "what does not meet the condition after it".into(), "not ".into()),
            Expected::And => offer("and", "also the condition after it".into(), "and ".into()),
            Expected::Or => offer("or", "or else the condition after it".into(), "or ".into()),
            Expected::Open(true) => offer("(", "a list: (a, b)".into(), "(".into()),
            Expected::Open(false) => offer("(", "conditions that belong together".into(), "(".into()),
            Expected::Close => offer(")", "the end of the bracket".into(), ") ".into()),
            Expected::Comma => offer(",", "one more value".into(), ", ".into()),
        }
    }
    // Columns are what is mostly wanted where they may stand.
    all.sort_by_key(|completion| matches!(completion.text.as_str(), "not" | "("));
    (all, range)
}

/// The operators that mean something for a column, the most useful first.
fn operators(kind: ColumnKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        ColumnKind::Number => &[
            ("<", "less than"),
            (">", "greater than"),
            ("=", "equal to"),
            ("<=", "at most"),
            (">=", "at least"),
            ("!=", "not equal to"),
            ("in", "one of a list"),
        ],
        ColumnKind::Cluster => &[("=", "this one"), ("in", "one of a list"), ("!=", "any but this one")],
        ColumnKind::Text => &[
            ("~", "has this part, in any case"),
            ("=", "is this, to the letter"),
            ("!=", "is not this"),
            ("in", "one of a list"),
        ],
        ColumnKind::Names => &[
            ("=", "it is in this one"),
            ("in", "it is in one of a list"),
            ("!=", "it is not in this one"),
            ("~", "it is in one whose name has this part"),
        ],
    }
}

fn features(n: usize) -> String {
    crate::text::counted(n, "feature", "features")
}

/// A text as a value: in quotes if it needs them, or if they are asked for.
fn quoted(text: &str, always: bool) -> String {
    let plain = !text.is_empty() && text.chars().all(is_word) && !always;
    if plain { text.to_string() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Filter;
    use proptest::prelude::*;

    struct Fixed;

    impl Known for Fixed {
        fn has(&self, column: Column) -> bool {
            column != Column::X
        }
        fn clusters(&self) -> Vec<(i32, usize, String)> {
            vec![(0, 41, "days, dates".into()), (1, 1, String::new()), (26, 3, "years".into()), (-1, 7, String::new())]
        }
        fn words(&self, column: Column, start: &str) -> Vec<(String, usize)> {
            let words =
                if column == Column::Label { ["monday", "month", "say \"hi\""] } else { ["->", "Monday", "möd"] };
            words
                .iter()
                .filter(|word| word.to_lowercase().starts_with(start))
                .map(|word| (word.to_string(), 4))
                .collect()
        }
        fn texts(&self, column: Column, start: &str) -> Vec<(String, usize)> {
            let all = if column == Column::Selection { ["days", "my years"] } else { ["Monday, Friday", "x"] };
            all.iter().filter(|text| text.starts_with(start)).map(|text| (text.to_string(), 1)).collect()
        }
        fn range(&self, _: Column) -> Option<(f64, f64)> {
            Some((0.0, 0.5))
        }
    }

    /// What is suggested where `|` stands.
    fn at(text: &str) -> Completions {
        let cursor = text.find('|').unwrap();
        completions(&text.replace('|', ""), cursor, &Fixed)
    }

    fn names(text: &str) -> Vec<String> {
        at(text).all.into_iter().map(|completion| completion.text).collect()
    }

    /// The text after the suggestion of this name was taken.
    fn taken(text: &str, name: &str) -> String {
        let made = at(text);
        let completion = made.all.iter().find(|completion| completion.text == name).expect("it is suggested");
        let text = text.replace('|', "");
        format!("{}{}{}", &text[..made.place.start], completion.insert, &text[made.place.end..])
    }

    #[test]
    fn the_grammar_says_what_may_come_next() {
        assert_eq!(names("|")[..2], ["feature", "y"]);
        assert_eq!(names("|").last().unwrap(), "(");
        assert_eq!(names("den|"), ["density"]);
        assert_eq!(names("no|"), ["norm", "not"]);
        assert_eq!(names("density |"), ["<", ">", "=", "<=", ">=", "!=", "in"]);
        assert_eq!(names("label |"), ["~", "=", "!=", "in"]);
        assert_eq!(names("cluster |"), ["=", "in", "!="]);
        assert_eq!(names("cluster !|"), ["!="]);
        assert_eq!(names("cluster = |"), ["A", "B", "26", "none"]);
        assert_eq!(names("cluster in (A, n|"), ["none"]);
        assert_eq!(names("cluster in |"), ["("]);
        assert_eq!(names("cluster in (A |"), [",", ")"]);
        assert_eq!(names("norm > 1 |"), ["and", "or"]);
        assert_eq!(names("(norm > 1 |"), ["and", "or", ")"]);
        assert_eq!(names("norm > 1 a|"), ["and"]);
        assert_eq!(names("not |")[0], "feature");
        assert_eq!(names("norm > 1 and n|"), ["norm", "not"]);
        assert_eq!(names("label ~ mo|"), ["monday", "month"]);
        assert_eq!(names("label ~ \"Mo|"), ["monday", "month"]);
        assert_eq!(names("label = \"Mon|"), ["Monday, Friday"]);
        assert_eq!(names("top_tokens ~ |"), ["->", "Monday", "möd"]);
        assert_eq!(names("selection |"), ["=", "in", "!=", "~"]);
        assert_eq!(names("selection = |"), ["days", "my years"]);
        assert_eq!(taken("selection ~ my|", "my years"), "selection ~ \"my years\" ");
        // Nothing where the text makes no sense, and no numbers are made up.
        assert_eq!(names("norm norm |"), [] as [&str; 0]);
        assert_eq!(names("% |"), [] as [&str; 0]);
        assert_eq!(names("norm > |"), [] as [&str; 0]);
        assert_eq!(at("norm > |").range, Some((Column::Norm, 0.0, 0.5)));
        assert_eq!(at("norm > 0|").range, None);
    }

    #[test]
    fn a_whole_name_is_followed_by_what_may_come_after_it() {
        assert_eq!(names("norm|"), ["<", ">", "=", "<=", ">=", "!=", "in"]);
        assert_eq!(taken("norm|", "<"), "norm < ");
        assert_eq!(names("label ~ \"day\"|"), ["and", "or"]);
        assert_eq!(taken("(label ~ \"day\"|", ")"), "(label ~ \"day\") ");
        assert_eq!(names("norm > 1|"), [] as [&str; 0], "it may become 10");
    }

    #[test]
    fn a_suggestion_takes_the_place_of_the_word_at_the_cursor() {
        assert_eq!(taken("norm > 1 and den|", "density"), "norm > 1 and density ");
        assert_eq!(taken("cl|us = 3", "cluster"), "cluster  = 3");
        assert_eq!(taken("cluster in (A, n|)", "none"), "cluster in (A, none)");
        assert_eq!(taken("label ~ \"mo|", "month"), "label ~ \"month\" ");
        assert_eq!(taken("label ~ |", "say \"hi\""), "label ~ \"say \"\"hi\"\"\" ");
        assert_eq!(taken("top_tokens ~ |", "->"), "top_tokens ~ \"->\" ");
        assert_eq!(taken("density |", "in"), "density in (");
        assert_eq!(at("norm > 1 and den|").typed, 3);
        assert_eq!(at("cluster = |").all[0].doc, "41 features days, dates");
    }

    proptest! {
        #[test]
        fn what_is_suggested_can_be_read_on(
            words in prop::collection::vec(prop::sample::select(vec![
                "norm", "label", "cluster", "top_tokens", "<", "=", "~", "!=", "in", "(", ")", ",", "and", "or", "not", "A",
                "\"day\"", "\"op", "0.5", "lab", "%", "!", "é",
            ]), 0..8),
            cut in 0_usize..40,
        ) {
            let text = words.join(" ");
            let made = completions(&text, cut, &Fixed);
            prop_assert!(made.place.start <= made.place.end && made.place.end <= text.len());
            for completion in &made.all {
                let line = format!("{}{}", &text[..made.place.start], completion.insert);
                // Whatever is wrong then is that it ends too soon.
                if let Err(error) = Filter::parse(&line) {
                    prop_assert!(error.at >= line.trim_end().chars().count(), "{line:?}: {error}");
                }
            }
        }
    }
}
