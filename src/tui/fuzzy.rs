//! How well a few typed letters fit a text: for the palette and for completion.
//!
//! The letters must occur in the text in their order, case folded; runs of letters, starts of words and early places
//! score higher. The best placement is found by dynamic programming, so a better fit further right is not missed.
//! Cost: O(query x text) per text, a few microseconds for a name and its description.

/// A match: its score, and which characters (by index) of the text were hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Higher is better; comparable between texts for one query.
    pub score: i32,
    /// Indices of the characters hit, ascending.
    pub hits: Vec<usize>,
}

/// Score of a letter that continues a run.
const RUN: i32 = 8;
/// Score of a letter at the start of a word.
const WORD: i32 = 6;
/// Score of any other letter.
const LETTER: i32 = 1;
/// Longest text that is looked at, in characters; bounds the cost for text from files.
const MAX_TEXT: usize = 512;

/// Matches `query` against `text`; none if a letter is missing. Spaces in the query separate words that may come in
/// any order; every word must be found. An empty query matches everything with score 0.
pub fn matches(query: &str, text: &str) -> Option<Match> {
    let text: Vec<char> = text.chars().take(MAX_TEXT).collect();
    let mut all = Match { score: 0, hits: Vec::new() };
    for word in query.split_whitespace() {
        let word: Vec<char> = word.chars().take(MAX_TEXT).collect();
        let found = word_in(&word, &text)?;
        all.score += found.score;
        all.hits.extend(found.hits);
    }
    all.hits.sort_unstable();
    all.hits.dedup();
    Some(all)
}

fn fold(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

fn word_in(word: &[char], text: &[char]) -> Option<Match> {
    let (n, m) = (word.len(), text.len());
    // best[i][j]: score of placing the first i + 1 letters with the last one on character j, and where the letter
    // before it stands.
    let mut best: Vec<Vec<Option<(i32, usize)>>> = vec![vec![None; m]; n];
    for (i, letter) in word.iter().map(|c| fold(*c)).enumerate() {
        // The best placement of the letters before, anywhere left of j - 1.
        let mut left: Option<(i32, usize)> = None;
        for j in 0..m {
            if i > 0
                && j > 1
                && let Some((score, _)) = best[i - 1][j - 2]
                && left.is_none_or(|(other, _)| score > other)
            {
                left = Some((score, j - 2));
            }
            if fold(text[j]) != letter {
                continue;
            }
            let start = j == 0 || !text[j - 1].is_alphanumeric();
            let own = if start { WORD } else { LETTER };
            best[i][j] = if i == 0 {
                // Early places win among equals.
                Some((own * 4 - (j.min(30) / 10) as i32, j))
            } else {
                let run = (j > 0).then(|| best[i - 1][j - 1]).flatten().map(|(score, _)| (score + RUN * 4, j - 1));
                let jump = left.map(|(score, from)| (score + own * 4 - 1, from));
                match (run, jump) {
                    (Some(run), Some(jump)) => Some(if jump.0 > run.0 { jump } else { run }),
                    (run, jump) => run.or(jump),
                }
            };
        }
    }
    let last = best.last()?;
    let (mut j, score) = last.iter().enumerate().filter_map(|(j, cell)| cell.map(|(score, _)| (j, score))).fold(
        None,
        |kept: Option<(usize, i32)>, (j, score)| match kept {
            Some((_, other)) if other >= score => kept,
            _ => Some((j, score)),
        },
    )?;
    let mut hits = vec![j];
    for i in (1..n).rev() {
        j = best[i][j]?.1;
        hits.push(j);
    }
    hits.reverse();
    Some(Match { score, hits })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn letters_must_occur_in_order() {
        assert!(matches("zi", "map.zoom-in").is_some());
        assert!(matches("iz", "map.zoom").is_none());
        assert_eq!(matches("", "anything"), Some(Match { score: 0, hits: vec![] }));
        assert!(matches("x", "").is_none());
    }

    #[test]
    fn words_runs_and_starts_win() {
        let better = |query: &str, good: &str, bad: &str| {
            let (good, bad) = (matches(query, good).unwrap(), matches(query, bad).unwrap());
            assert!(good.score > bad.score, "{query}: {good:?} {bad:?}");
        };
        better("fit", "map.fit", "filter.without");
        better("zi", "zoom in", "horizontal direction");
        better("jobs", "go.jobs", "jump over big steps");
        assert_eq!(matches("in", "m-in in").unwrap().hits, [2, 3]);
    }

    #[test]
    fn words_come_in_any_order_and_case() {
        assert!(matches("CLUSTER only", "Show only the cluster").is_some());
        assert!(matches("cluster none", "Show only the cluster").is_none());
    }

    #[test]
    fn long_texts_are_bounded() {
        let text = "a".repeat(100_000);
        assert!(matches("aaa", &text).is_some());
        assert!(matches(&text, &text).is_some());
    }

    proptest! {
        #[test]
        fn hits_spell_the_query(query in "[a-c]{1,4}", text in "[a-d. ]{0,30}") {
            let chars: Vec<char> = text.chars().collect();
            let mut rest = chars.iter();
            let possible = query.chars().all(|q| rest.any(|c| *c == q));
            let found = matches(&query, &text);
            prop_assert_eq!(found.is_some(), possible);
            if let Some(found) = found {
                let spelled: String = found.hits.iter().map(|at| chars[*at]).collect();
                prop_assert_eq!(spelled, query);
            }
        }
    }
}
