//! Searching features by what is typed: words in label and tokens, near misses, numbers.
//!
//! A query is words separated by spaces; each must be found in the label or in the tokens, in any order. Accents never
//! count, case counts for a word that has a capital. A word of four letters or more may leave letters out, one for every
//! two that are typed (`wkday`, `newyork`): such *near* matches come after all others, by the score of
//! [`nucleo_matcher`]. Signs make a word stricter, as in fzf:
//!
//! | typed | finds |
//! |---|---|
//! | `'day` | the letters as they stand, nothing near |
//! | `^day` | what begins with it: the label, a part of it between commas, or a token |
//! | `day$` | what ends with it |
//! | `!day` | features without it |
//! | `a\ b` | a space within a word; `\` also takes the meaning from a sign before or after a word |
//!
//! `2504` and `#2504` find that feature first; `#25` also all whose number begins so, as `25` does where no text holds
//! it. A label or token that is all of what was typed, signs and all, is found whatever the signs mean.
//!
//! Input: a [`Query`] and the [`Texts`] of all features. Cost: one scan of the texts by vector instructions and a look
//! at each feature that it finds; nothing is kept between two queries. The bench `search` measures it.

mod texts;

pub(super) use texts::Texts;

use crate::text::{is_digits, printable};
use memchr::memchr;
use memchr::memmem::Finder;
use nucleo_matcher::chars::{is_upper_case, normalize, to_lower_case};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use std::borrow::Cow;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Ends the label of a feature in [`Texts`], and then its tokens. No text and no query holds it.
const END: char = '\n';
/// Stands between two tokens.
const BETWEEN: char = '\u{1f}';
/// A word of so many letters may be found by fewer.
const NEAR: usize = 4;
/// Longest label or token that is searched, in bytes; the rest of a longer one is left out.
const LONGEST: usize = 400;

/// How well a feature fits, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It is the feature with this number.
    Number,
    /// The query is the whole label.
    Label,
    /// It is a part of the label between commas, or a token.
    Part,
    /// It is a word.
    Word,
    /// It is the beginning of a word.
    Start,
    /// It stands within a word.
    Within,
    /// The number of the feature begins so.
    NumberStart,
    /// Letters were left out.
    Near,
}

/// A rank, and what decides among features of the same: less is better.
type Rate = (Rank, u32);

/// What a feature is found by: which letters of label and tokens, counted in grapheme clusters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Of the label.
    pub label: Vec<usize>,
    /// Of each token.
    pub tokens: Vec<Vec<usize>>,
}

impl Seen {
    /// Whether letters of a token were found.
    pub fn in_tokens(&self) -> bool {
        self.tokens.iter().any(|hits| !hits.is_empty())
    }
}

/// Features that a query found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// All of them, best first.
    pub features: Vec<u32>,
    /// How many of them hold the words as they were typed; the others are near.
    pub exact: usize,
}

/// Where letters or digits stand after something else.
fn word_starts(text: &str) -> impl Iterator<Item = usize> + '_ {
    let mut inside = false;
    text.char_indices().filter_map(move |(at, c)| {
        let was_inside = std::mem::replace(&mut inside, c.is_alphanumeric());
        (inside && !was_inside).then_some(at)
    })
}

/// What is searched of one feature: the label and its tokens, in one line each.
pub(super) fn one<'a>(label: &str, tokens: impl Iterator<Item = &'a str>) -> String {
    let mut text = printable(searched(label));
    text.push(END);
    for (i, token) in tokens.enumerate() {
        if i > 0 {
            text.push(BETWEEN);
        }
        text.push_str(&printable(searched(token)));
    }
    text.push(END);
    text
}

/// What is searched of a label or token.
fn searched(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

/// The label in the text of a feature.
fn label_of(text: &str) -> &str {
    &text[..memchr(END as u8, text.as_bytes()).unwrap_or(text.len())]
}

/// A character as searches compare it; none for accents that stand for themselves.
fn fold_char(c: char, cased: bool) -> Option<char> {
    if ('\u{300}'..='\u{36f}').contains(&c) {
        return None;
    }
    let bare = normalize(c);
    Some(if cased { bare } else { to_lower_case(bare) })
}

fn fold(text: &str, cased: bool) -> Cow<'_, str> {
    match (text.is_ascii(), cased) {
        (true, true) => text.into(),
        (true, false) => text.to_ascii_lowercase().into(),
        (false, _) => text.chars().filter_map(|c| fold_char(c, cased)).collect::<String>().into(),
    }
}

/// Both sides are folded already.
fn matcher() -> Matcher {
    let mut config = Config::DEFAULT;
    (config.ignore_case, config.normalize) = (false, false);
    Matcher::new(config)
}

/// What a word must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Found as it stands, or near.
    Loose,
    /// Found as it stands.
    Literal,
    /// Where a label, a part of it, or a token begins.
    Begins,
    /// Where one ends.
    Ends,
    /// All of one.
    Whole,
}

/// One word of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    /// Folded, but for its case if that counts.
    needle: String,
    /// Folded.
    folded: String,
    kind: Kind,
    negative: bool,
}

/// What was typed into a search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    words: Vec<Word>,
    /// The line as one word, if it is not one anyway.
    line: Option<Word>,
    /// Whether signs gave a word a meaning of its own.
    signs: bool,
    /// Digits, and whether they stand for nothing but a number.
    number: Option<(String, bool)>,
}

impl Word {
    fn new(text: &str, kind: Kind, negative: bool) -> Self {
        let cased = text.chars().any(is_upper_case);
        Self { needle: fold(text, cased).into_owned(), folded: fold(text, false).into_owned(), kind, negative }
    }

    /// Reads one word with its signs; a word that is nothing but signs is meant as it stands.
    fn parse(raw: &str) -> Self {
        let (mut rest, mut kind) = (raw, Kind::Loose);
        let negative = rest.starts_with('!');
        if negative {
            (rest, kind) = (&rest[1..], Kind::Literal);
        }
        if let Some(after) = rest.strip_prefix('^') {
            (rest, kind) = (after, Kind::Begins);
        } else if let Some(after) = rest.strip_prefix('\'') {
            (rest, kind) = (after, Kind::Literal);
        }
        if let Some(before) = rest.strip_suffix('$').filter(|before| !before.ends_with('\\')) {
            (rest, kind) = (before, if kind == Kind::Begins { Kind::Whole } else { Kind::Ends });
        }
        let word = Self::new(&unescaped(rest), kind, negative);
        if word.needle.is_empty() { Self::new(raw, Kind::Literal, false) } else { word }
    }

    fn cased(&self) -> bool {
        self.needle != self.folded
    }

    /// How well the places fit that are searched with `finder`: the best, with where it is.
    fn rate(&self, text: &str, finder: &Finder<'_>, matcher: &mut Matcher) -> Option<(Rate, Range<usize>)> {
        let exact = self.places(text, finder).min_by_key(|(rate, at)| (*rate, at.start));
        if exact.is_some() || self.kind != Kind::Loose {
            return exact;
        }
        let near = near(&self.needle, text).map(|window| {
            let score = score(&text[window.clone()], &self.needle, matcher, &mut Vec::new());
            ((Rank::Near, u32::from(u16::MAX - score)), window)
        });
        near.min_by_key(|(rate, at)| (*rate, at.start))
    }

    /// Where the word stands in the text of a feature as it was typed, and how well that fits.
    fn places<'a>(&'a self, text: &'a str, finder: &'a Finder<'_>) -> impl Iterator<Item = (Rate, Range<usize>)> + 'a {
        let label = label_of(text).len();
        let places = finder.find_iter(text.as_bytes()).map(|start| start..start + self.needle.len());
        places.filter_map(move |at| Some((self.rate_at(text, label, &at)?, at)))
    }

    /// How well a place fits in a text whose label ends at `label`.
    fn rate_at(&self, text: &str, label: usize, at: &Range<usize>) -> Option<Rate> {
        if !starts_word(text, at.start) && matches!(self.kind, Kind::Loose | Kind::Literal) {
            return Some((Rank::Within, 0));
        }
        let (voice, between) =
            if at.start < label { (0..label, b',') } else { (label + 1..text.len() - 1, BETWEEN as u8) };
        let (before, after) = (&text.as_bytes()[voice.start..at.start], &text.as_bytes()[at.end..voice.end]);
        let outer = before.iter().rev().find(|&&byte| byte != b' ');
        let rest = after.iter().find(|&&byte| byte != b' ');
        let (begins, ends) = (outer.is_none_or(|&byte| byte == between), rest.is_none_or(|&byte| byte == between));
        let fits = match self.kind {
            Kind::Loose | Kind::Literal => true,
            Kind::Begins => begins,
            Kind::Ends => ends,
            Kind::Whole => begins && ends,
        };
        if !fits {
            return None;
        }
        let count = |counts: fn(u8, u8) -> bool| before.iter().filter(|&&byte| counts(byte, between)).count() as u32;
        Some(if begins && ends {
            if between == b',' && outer.is_none() && rest.is_none() {
                (Rank::Label, 0)
            } else {
                (Rank::Part, count(|byte, between| byte == between))
            }
        } else if !starts_word(text, at.start) {
            (Rank::Within, 0)
        } else if ends_word(text, at.end) {
            (Rank::Word, count(|byte, between| byte == between || byte == b' '))
        } else {
            (Rank::Start, 0)
        })
    }
}

/// Whether no letter or digit stands before this place.
fn starts_word(text: &str, at: usize) -> bool {
    match at.checked_sub(1).map(|before| text.as_bytes()[before]) {
        None => true,
        Some(byte) if byte.is_ascii() => !byte.is_ascii_alphanumeric(),
        Some(_) => !text[..at].ends_with(char::is_alphanumeric),
    }
}

/// Whether no letter or digit stands at this place.
fn ends_word(text: &str, at: usize) -> bool {
    match text.as_bytes().get(at) {
        None => true,
        Some(byte) if byte.is_ascii() => !byte.is_ascii_alphanumeric(),
        Some(_) => !text[at..].starts_with(char::is_alphanumeric),
    }
}

/// A word without the signs that keep others from having a meaning.
fn unescaped(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(&next) if c == '\\' && " !^'$\\".contains(next) => {
                out.push(next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// The words of a line: what stands between spaces that are not escaped.
fn raw_words(line: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    line.split(move |c: char| {
        let cuts = c.is_whitespace() && !escaped;
        escaped = c == '\\' && !escaped;
        cuts
    })
    .filter(|word| !word.is_empty())
}

impl Query {
    /// Reads what was typed; any text is a query.
    pub fn parse(line: &str) -> Self {
        let line = printable(line.trim());
        let words: Vec<Word> = raw_words(&line).map(Word::parse).filter(|word| !word.needle.is_empty()).collect();
        let signs = words.iter().any(|word| word.kind != Kind::Loose || word.negative) || line.contains('\\');
        let digits = line.strip_prefix('#').unwrap_or(&line);
        let number = is_digits(digits).then(|| (digits.to_string(), line.starts_with('#')));
        let whole = Word::new(&line, Kind::Literal, false);
        let one = words.len() == 1 && words[0].needle == whole.needle;
        let line = (!one && !whole.needle.is_empty()).then_some(whole);
        Self { words, line, signs, number }
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// By which letters a feature with this label and these tokens is found: for each word those of the voice that
    /// fits best, of equals the label. The texts must be those that were searched.
    pub fn seen(&self, label: &str, tokens: &[&str]) -> Seen {
        let mut matcher = matcher();
        let mut seen = Seen { label: Vec::new(), tokens: vec![Vec::new(); tokens.len()] };
        let text = one(label, tokens.iter().copied());
        let lines = self.line.iter().filter(|_| self.signs);
        for word in self.words.iter().chain(lines).filter(|word| !word.negative) {
            let text = fold(&text, word.cased());
            let finder = Finder::new(&word.needle);
            let Some(((rank, _), window)) = word.rate(&text, &finder, &mut matcher) else { continue };
            let label_end = label_of(&text).len();
            let in_label = |at: usize| at < label_end;
            // Every place in that voice where it stands as typed, or the letters of the nearest miss.
            let mut letters: Vec<usize> = Vec::new();
            let each = |at: Range<usize>| text[at.clone()].char_indices().map(move |(offset, _)| at.start + offset);
            if rank == Rank::Near {
                let mut indices = Vec::new();
                score(&text[window.clone()], &word.needle, &mut matcher, &mut indices);
                let starts: Vec<usize> = each(window.clone()).collect();
                letters.extend(indices.iter().filter_map(|index| starts.get(*index as usize)));
            } else {
                let places = word.places(&text, &finder).map(|(_, at)| at);
                letters.extend(places.filter(|at| in_label(at.start) == in_label(window.start)).flat_map(each));
            }
            let parts: Vec<(&str, &mut Vec<usize>)> = if in_label(window.start) {
                vec![(label, &mut seen.label)]
            } else {
                letters = letters.into_iter().map(|at| at - label_end - END.len_utf8()).collect();
                tokens.iter().copied().zip(&mut seen.tokens).collect()
            };
            let mut start = 0;
            for (part, hits) in parts {
                let places = clusters(searched(part), word.cased());
                hits.extend(letters.iter().filter_map(|at| places.get(at.checked_sub(start)?)).flatten());
                start += places.len() + BETWEEN.len_utf8();
            }
        }
        for hits in std::iter::once(&mut seen.label).chain(&mut seen.tokens) {
            hits.sort_unstable();
            hits.dedup();
        }
        seen
    }
}

/// For each byte of the folded text the grapheme cluster it comes from, where a character begins.
fn clusters(text: &str, cased: bool) -> Vec<Option<usize>> {
    let mut places = Vec::with_capacity(text.len());
    let printable = printable(text);
    for (cluster, grapheme) in printable.graphemes(true).enumerate() {
        for c in grapheme.chars().filter_map(|c| fold_char(c, cased)) {
            places.push(Some(cluster));
            places.resize(places.len() + c.len_utf8() - 1, None);
        }
    }
    places
}

/// How many characters may stand among the letters of a word, if others may be near to it at all.
fn nearness(needle: &str) -> Option<usize> {
    let letters = needle.chars().count();
    let begins = needle.chars().next().is_some_and(char::is_alphanumeric);
    (letters >= NEAR && begins).then_some(letters / 2)
}

/// Windows of `text` that begin with a word and hold the letters of `needle` in their order, with at most one left
/// out for every two of them. Each ends with the last letter.
fn near<'a>(needle: &'a str, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    // Most texts that are no match for a word with a capital have no such capital at all.
    let first = needle.chars().next().filter(|first| text.contains(*first));
    first.and_then(|_| nearness(needle)).into_iter().flat_map(move |skips| {
        word_starts(text).filter_map(move |start| Some(start..start + subsequence(needle, &text[start..], skips)?))
    })
}

/// Where the letters of `needle` are all found at the start of `text`, within one voice, with at most `skips` other
/// characters among them: the end of the last one. The first letter must be the first character.
fn subsequence(needle: &str, text: &str, skips: usize) -> Option<usize> {
    let (mut wanted, mut skipped) = (needle.chars(), 0);
    let mut next = wanted.next()?;
    for (at, c) in text.char_indices() {
        if c == next {
            match wanted.next() {
                Some(letter) => next = letter,
                None => return Some(at + c.len_utf8()),
            }
        } else {
            skipped += 1;
            if at == 0 || skipped > skips || c == BETWEEN || c == END {
                return None;
            }
        }
    }
    None
}

/// How well the letters of `needle` fit into `text`, and (if asked for by its caller) which characters they are.
fn score(text: &str, needle: &str, matcher: &mut Matcher, indices: &mut Vec<u32>) -> u16 {
    let (mut text_chars, mut needle_chars) = (Vec::new(), Vec::new());
    let text = characters(text, &mut text_chars);
    let needle = characters(needle, &mut needle_chars);
    matcher.fuzzy_indices(text, needle, indices).unwrap_or(0)
}

/// A text as the matcher takes it: character by character, also where several make one cluster.
fn characters<'a>(text: &'a str, chars: &'a mut Vec<char>) -> Utf32Str<'a> {
    if text.is_ascii() {
        return Utf32Str::Ascii(text.as_bytes());
    }
    chars.extend(text.chars());
    Utf32Str::Unicode(chars)
}

#[cfg(test)]
mod tests;
