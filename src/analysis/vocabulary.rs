//! Which words the texts of features are made of, and how many features have each: what can be typed after `~`.
//!
//! Input: the words of each feature. Memory: the distinct words with a number each. A look-up is a binary search and a
//! pass over the words that begin so.

use std::collections::HashMap;

/// Words, ascending, with the number of features that have them.
#[derive(Debug, Clone, Default)]
pub(super) struct Vocabulary {
    words: Vec<(Box<str>, u32)>,
}

/// A vocabulary in the making.
#[derive(Debug, Default)]
pub(super) struct Counting {
    counts: HashMap<Box<str>, u32>,
}

impl Counting {
    /// Counts the words of one feature, each of which must come once.
    pub(super) fn add<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        for word in words {
            match self.counts.get_mut(word) {
                Some(count) => *count += 1,
                None => drop(self.counts.insert(word.into(), 1)),
            }
        }
    }
    pub(super) fn done(self) -> Vocabulary {
        let mut words: Vec<(Box<str>, u32)> = self.counts.into_iter().collect();
        words.sort_unstable();
        Vocabulary { words }
    }
}

impl Vocabulary {
    /// At most so many words that begin with `start`, those of the most features first.
    pub(super) fn starting(&self, start: &str, most: usize) -> Vec<(String, usize)> {
        let from = self.words.partition_point(|(word, _)| **word < *start);
        let mut found: Vec<&(Box<str>, u32)> =
            self.words[from..].iter().take_while(|(word, _)| word.starts_with(start)).collect();
        // The words ascend: so do equals.
        found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        found.into_iter().take(most).map(|(word, count)| (word.to_string(), *count as usize)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Counting;

    #[test]
    fn frequent_words_come_first_and_equals_by_the_alphabet() {
        let mut counting = Counting::default();
        for words in [vec!["monday", "month"], vec!["month", "day"], vec!["moon", "month"], vec!["monday"]] {
            counting.add(words.into_iter());
        }
        let words = counting.done();
        let starting =
            |start: &str, most| words.starting(start, most).into_iter().map(|(word, _)| word).collect::<Vec<_>>();
        assert_eq!(starting("mo", 9), ["month", "monday", "moon"]);
        assert_eq!(starting("", 2), ["month", "monday"]);
        assert_eq!(starting("moo", 9), ["moon"]);
        assert_eq!(starting("x", 9), [] as [&str; 0]);
        assert_eq!(words.starting("month", 1), [("month".to_string(), 3)]);
    }
}
