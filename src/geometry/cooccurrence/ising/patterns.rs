//! Tokens with the same features of a working set, as one weighted observation.
//!
//! A partition of all tokens, made finer by one feature after the other: the tokens of a pattern on which the new feature
//! fires become a pattern of their own. Each pattern knows the one that it was split from, so that sums along its
//! features, and over all patterns that hold a feature, take one pass over the patterns. Pattern 0 is where nothing
//! fires, pattern 1 where the regressed feature alone does. Memory: 4 bytes a token, and 20 a pattern.

/// The partition; patterns are listed after those they were split from.
#[derive(Default)]
pub(super) struct Patterns {
    of_token: Vec<u32>,
    touched: Vec<u32>,
    pub(super) list: Vec<Pattern>,
    /// By pattern, the one that is being split off; 0 for none.
    split: Vec<u32>,
}

/// Tokens with the same features.
#[derive(Clone, Copy)]
pub(super) struct Pattern {
    /// The pattern without its last feature.
    pub(super) parent: u32,
    /// Its last feature, as a place in the working set; not meant for the first two patterns.
    pub(super) column: u32,
    /// How many tokens there are.
    pub(super) tokens: u32,
    /// Whether the regressed feature fires on them.
    pub(super) fires: bool,
}

impl Patterns {
    /// Begins with `tokens` tokens, on `own` of which the regressed feature fires.
    pub(super) fn begin(&mut self, tokens: usize, own: &[u32]) {
        if self.of_token.len() == tokens {
            for &token in &self.touched {
                self.of_token[token as usize] = 0;
            }
        } else {
            self.of_token = vec![0; tokens];
        }
        self.touched.clear();
        self.touched.extend_from_slice(own);
        for &token in own {
            self.of_token[token as usize] = 1;
        }
        let silent = Pattern { parent: 0, column: 0, tokens: (tokens - own.len()) as u32, fires: false };
        self.list.clear();
        self.list.extend([silent, Pattern { tokens: own.len() as u32, fires: true, ..silent }]);
        self.split.clear();
        self.split.extend([0, 0]);
    }
    /// Splits every pattern by the feature at place `column` of the working set, which fires on `tokens`.
    pub(super) fn refine(&mut self, column: u32, tokens: &[u32]) {
        let old = self.list.len();
        for &token in tokens {
            let pattern = &mut self.of_token[token as usize];
            if *pattern == 0 {
                self.touched.push(token);
            }
            let from = *pattern as usize;
            if self.split[from] == 0 {
                self.split[from] = self.list.len() as u32;
                let fires = self.list[from].fires;
                self.list.push(Pattern { parent: from as u32, column, tokens: 0, fires });
            }
            *pattern = self.split[from];
            self.list[from].tokens -= 1;
            self.list[*pattern as usize].tokens += 1;
        }
        for at in old..self.list.len() {
            self.split[self.list[at].parent as usize] = 0;
        }
        self.split.resize(self.list.len(), 0);
    }
    /// Tokens that are not of pattern 0.
    pub(super) fn touched(&self) -> &[u32] {
        &self.touched
    }
    /// The pattern of a token.
    pub(super) fn of(&self, token: u32) -> usize {
        self.of_token[token as usize] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_the_distinct_rows() {
        let columns: [&[u32]; 4] = [&[0, 1, 2, 5], &[2, 3, 5, 7], &[], &[0, 1, 2, 3, 4, 5, 6, 7]];
        let own = [1, 2, 7];
        let mut patterns = Patterns::default();
        // Twice, so that what the first left behind would show.
        for columns in [&columns[..], &columns[..2]] {
            patterns.begin(9, &own);
            for (at, tokens) in columns.iter().enumerate() {
                patterns.refine(at as u32, tokens);
            }
            let mut counts = vec![0; patterns.list.len()];
            for token in 0..9u32 {
                let mut at = patterns.of(token);
                counts[at] += 1;
                assert_eq!(patterns.list[at].fires, own.contains(&token), "{token}");
                let mut features = Vec::new();
                while at > 1 {
                    assert!((patterns.list[at].parent as usize) < at);
                    features.insert(0, patterns.list[at].column as usize);
                    at = patterns.list[at].parent as usize;
                }
                let expected: Vec<_> = (0..columns.len()).filter(|&c| columns[c].contains(&token)).collect();
                assert_eq!(features, expected, "{token}");
            }
            assert_eq!(counts, patterns.list.iter().map(|p| p.tokens).collect::<Vec<_>>());
            let mut touched = patterns.touched().to_vec();
            touched.sort_unstable();
            let expected: Vec<_> =
                (0..9).filter(|t| own.contains(t) || columns.iter().any(|tokens| tokens.contains(t))).collect();
            assert_eq!(touched, expected);
        }
    }
}
