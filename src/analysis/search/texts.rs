//! The texts of all features, and the search through them.
//!
//! All texts lie in one string, in the order of the features, as they are and folded: a scan for a word runs over it by
//! vector instructions. Where a word begins is kept by its first byte, because what is typed mostly begins a word: there
//! ranks are decided and near matches looked for, without a look at the rest. Memory: twice the text and 6 bytes for each
//! of its words. Results depend on the texts and the query alone.

use super::{END, Found, Kind, Query, Rank, Rate, Word};
use super::{fold, label_of, matcher, nearness, subsequence, word_starts};
use memchr::memmem::Finder;
use nucleo_matcher::Matcher;
use std::borrow::Cow;

/// Features between two looks at whether the work is still wanted: a few milliseconds.
const POLL: usize = 8192;

/// Label and tokens of every feature in one text, and the same folded.
#[derive(Debug, Clone, Default)]
pub(in crate::analysis) struct Texts {
    plain: Joined,
    folded: Joined,
    starts: Starts,
}

/// Texts in a row, and where each ends.
#[derive(Debug, Clone, Default)]
struct Joined {
    text: String,
    ends: Vec<usize>,
}

impl Joined {
    fn of(&self, feature: usize) -> &str {
        let start = feature.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[feature]]
    }
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }
    /// The features whose text has the word of `finder`, ascending.
    fn with(&self, finder: &Finder<'_>) -> Vec<u32> {
        let (mut from, mut feature, mut found) = (0, 0, Vec::new());
        while let Some(at) = finder.find(&self.text.as_bytes()[from..]).map(|at| from + at) {
            while self.ends[feature] <= at {
                feature += 1;
            }
            found.push(feature as u32);
            from = self.ends[feature];
        }
        found
    }
}

/// Where words begin in the folded texts, by their first byte: what is typed mostly begins a word.
#[derive(Debug, Clone, Default)]
struct Starts {
    /// Features, ascending for each byte.
    features: Vec<u32>,
    /// Where in the text of the feature.
    places: Vec<u16>,
    /// Where the starts of each byte end.
    ends: Vec<usize>,
}

impl Starts {
    fn new<E>(texts: &Joined, poll: &mut dyn FnMut() -> Result<(), E>) -> Result<Self, E> {
        // Counted first, then put in their places.
        let mut ends = vec![0; 257];
        Self::each(texts, poll, |_, _, byte| ends[byte + 1] += 1)?;
        (1..257).for_each(|byte| ends[byte] += ends[byte - 1]);
        let (mut features, mut places) = (vec![0; ends[256]], vec![0; ends[256]]);
        Self::each(texts, poll, |feature, at, byte| {
            (features[ends[byte]], places[ends[byte]]) = (feature, at);
            ends[byte] += 1;
        })?;
        Ok(Self { features, places, ends })
    }

    /// Every start of a word: feature, place, first byte.
    fn each<E>(
        texts: &Joined,
        poll: &mut dyn FnMut() -> Result<(), E>,
        mut see: impl FnMut(u32, u16, usize),
    ) -> Result<(), E> {
        for feature in 0..texts.ends.len() {
            if feature.is_multiple_of(POLL) {
                poll()?;
            }
            let text = texts.of(feature);
            for at in word_starts(text) {
                // What is searched of a text is short: all places are small numbers.
                if let Ok(small) = u16::try_from(at) {
                    see(feature as u32, small, text.as_bytes()[at].into());
                }
            }
        }
        Ok(())
    }

    /// Features and places where words begin with a byte, ascending.
    fn of(&self, byte: u8) -> impl Iterator<Item = (u32, usize)> + '_ {
        let ends = |byte: usize| self.ends.get(byte).copied().unwrap_or(0);
        let range = usize::from(byte).checked_sub(1).map_or(0, ends)..ends(byte.into());
        self.features[range.clone()].iter().copied().zip(self.places[range].iter().map(|&at| at.into()))
    }
}

impl Texts {
    /// The texts of features, each as [`one`](super::one) makes it; `poll` may stop the work.
    ///
    /// # Errors
    /// Those of `poll`.
    pub(in crate::analysis) fn new<E>(all: &[String], poll: &mut dyn FnMut() -> Result<(), E>) -> Result<Self, E> {
        let mut texts = Self::default();
        texts.plain.text.reserve_exact(all.iter().map(String::len).sum());
        for (i, text) in all.iter().enumerate() {
            if i.is_multiple_of(POLL) {
                poll()?;
            }
            texts.plain.push(text);
            texts.folded.push(&fold(text, false));
        }
        texts.starts = Starts::new(&texts.folded, poll)?;
        Ok(texts)
    }
    /// How many features there are.
    pub(in crate::analysis) fn len(&self) -> usize {
        self.plain.ends.len()
    }
    /// The label of a feature, as it was given.
    pub(in crate::analysis) fn label(&self, feature: usize) -> &str {
        label_of(self.plain.of(feature))
    }
    /// The features that `query` finds.
    pub(in crate::analysis) fn find(&self, query: &Query) -> Found {
        let mut search = Search { texts: self, query, matcher: matcher() };
        let mut rated = search.by_words();
        search.add_literal(&mut rated);
        search.add_numbers(&mut rated);
        // In ascending order so far: equals stay so.
        rated.sort_by_key(|(rate, _)| *rate);
        let exact = rated.partition_point(|((rank, _), _)| *rank < Rank::Near);
        Found { features: rated.into_iter().map(|(_, feature)| feature).collect(), exact }
    }
}

/// One search, at work.
struct Search<'a> {
    texts: &'a Texts,
    query: &'a Query,
    matcher: Matcher,
}

/// A word, ready to be searched.
type Seeker<'a> = (&'a Word, Finder<'a>);

fn seeker(word: &Word) -> Seeker<'_> {
    (word, Finder::new(&word.needle))
}

impl Search<'_> {
    /// Features that every word of the query finds, ascending.
    fn by_words(&mut self) -> Vec<(Rate, u32)> {
        let (without, with): (Vec<Seeker<'_>>, Vec<_>) =
            self.query.words.iter().map(seeker).partition(|(word, _)| word.negative);
        // The longest word leaves the fewest to be looked at for the others.
        let longest = (0..with.len()).max_by_key(|&i| with[i].0.needle.len());
        let first = match longest {
            Some(i) => self.by_word(&with[i]),
            None if without.is_empty() => Vec::new(),
            None => (0..self.texts.len() as u32).map(|feature| ((Rank::Within, 0), feature)).collect(),
        };
        let others = || with.iter().enumerate().filter(|(i, _)| Some(*i) != longest).map(|(_, word)| word);
        let line = self.query.line.as_ref().filter(|_| !self.query.signs).map(seeker);
        if others().next().is_none() && without.is_empty() && line.is_none() {
            return first;
        }
        let mut rated = Vec::with_capacity(first.len());
        for (mut rate, feature) in first {
            let all = others().all(|word| {
                self.rate(word, feature).is_some_and(|(rank, place)| {
                    // The worst decides; near words add up.
                    let sum = if rank == Rank::Near && rate.0 == Rank::Near { rate.1 + place } else { place };
                    rate = rate.max((rank, sum));
                    true
                })
            });
            if !all || without.iter().any(|word| self.rate(word, feature).is_some()) {
                continue;
            }
            // Words in the order that was typed, with nothing between, come before the same words apart.
            if let Some(line) = &line {
                rate.1 = rate.1.saturating_add(1 << 16);
                rate = self.rate(line, feature).map_or(rate, |whole| whole.min(rate));
            }
            rated.push((rate, feature));
        }
        rated
    }

    fn rate(&mut self, (word, finder): &Seeker<'_>, feature: u32) -> Option<Rate> {
        let text = if word.cased() {
            fold(self.texts.plain.of(feature as usize), true)
        } else {
            Cow::Borrowed(self.texts.folded.of(feature as usize))
        };
        word.rate(&text, finder, &mut self.matcher).map(|(rate, _)| rate)
    }

    /// Features that a word finds, ascending.
    fn by_word(&mut self, seeker: &Seeker<'_>) -> Vec<(Rate, u32)> {
        let (word, finder) = seeker;
        let texts = &self.texts.folded;
        let first = word.folded.chars().next().unwrap_or(END);
        let holding = if word.cased() { texts.with(&Finder::new(&word.folded)) } else { texts.with(finder) };
        let skips = if word.kind == Kind::Loose { nearness(&word.folded) } else { None };
        // Rates where the word begins another, and features that are near to it.
        let (mut begun, mut near): (Vec<(Rate, u32)>, Vec<u32>) = (Vec::new(), Vec::new());
        if first.is_alphanumeric() {
            let mut known = holding.iter().copied().peekable();
            let lead = word.folded.as_bytes()[0];
            let mut here = (u32::MAX, "", 0);
            for (feature, at) in self.texts.starts.of(lead) {
                if here.0 != feature {
                    let text = texts.of(feature as usize);
                    here = (feature, text, label_of(text).len());
                    while known.next_if(|other| *other < feature).is_some() {}
                }
                let (_, text, label) = here;
                if text.as_bytes()[at..].starts_with(word.folded.as_bytes()) {
                    match (word.rate_at(text, label, &(at..at + word.folded.len())), begun.last_mut()) {
                        (Some(rate), Some((best, last))) if *last == feature => *best = rate.min(*best),
                        (Some(rate), _) => begun.push((rate, feature)),
                        (None, _) => {}
                    }
                } else if let Some(skips) = skips
                    && known.peek() != Some(&feature)
                    && near.last() != Some(&feature)
                    && subsequence(&word.folded, &text[at..], skips).is_some()
                {
                    near.push(feature);
                }
            }
        }
        let simple = !word.cased() && first.is_alphanumeric() && matches!(word.kind, Kind::Loose | Kind::Literal);
        let mut found: Vec<(Rate, u32)> = if simple {
            let mut begun = begun.into_iter().peekable();
            let rate =
                |feature| begun.next_if(|(_, other)| *other == feature).map_or((Rank::Within, 0), |(rate, _)| rate);
            holding.iter().copied().map(rate).zip(holding.iter().copied()).collect()
        } else {
            holding.into_iter().filter_map(|feature| Some((self.rate(seeker, feature)?, feature))).collect()
        };
        if !near.is_empty() {
            add(&mut found, near.into_iter().filter_map(|feature| Some((self.rate(seeker, feature)?, feature))));
        }
        found
    }

    /// Adds features that have a label or token that is the whole line, signs and all.
    fn add_literal(&mut self, rated: &mut Vec<(Rate, u32)>) {
        let Some(line) = self.query.line.as_ref().filter(|_| self.query.signs) else { return };
        let found = self.by_word(&seeker(line));
        add(rated, found.into_iter().filter(|((rank, _), _)| *rank <= Rank::Part));
    }

    /// Adds the feature of a number, and those whose number begins so.
    fn add_numbers(&self, rated: &mut Vec<(Rate, u32)>) {
        let Some((digits, only)) = &self.query.number else { return };
        let count = self.texts.len() as u64;
        let Some(number) = digits.parse::<u64>().ok().filter(|number| *number < count) else { return };
        let by_start = (*only || rated.is_empty()) && !digits.starts_with('0');
        add(rated, std::iter::once(((Rank::Number, 0), number as u32)));
        let (mut low, mut many) = (number * 10, 10);
        while by_start && low < count {
            add(rated, (low..(low + many).min(count)).map(|feature| ((Rank::NumberStart, 0), feature as u32)));
            (low, many) = (low * 10, many * 10);
        }
    }
}

/// Adds features, ascending; one that is there already keeps the better rate.
fn add(rated: &mut Vec<(Rate, u32)>, more: impl Iterator<Item = (Rate, u32)>) {
    rated.extend(more);
    rated.sort_by_key(|(rate, feature)| (*feature, *rate));
    rated.dedup_by_key(|(_, feature)| *feature);
}
