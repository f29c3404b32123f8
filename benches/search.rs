//! Searching 131,072 features at every key, with labels of about 60 characters and five tokens each, on one core.
//!
//! `cargo bench --bench search`: each line is one key of a query being typed. `contains` is the plain scan for the same
//! letters, in the same run: what a search that neither ranks nor folds nor misses anything would cost.

#![allow(missing_docs, reason = "divan writes the items it registers")]
#![allow(clippy::print_stderr, reason = "what was found belongs beside the times")]

mod data;

use data::noise;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use saescope::analysis::{Query, Words};
use std::sync::OnceLock;

const FEATURES: usize = 131_072;

/// Words of labels, the frequent ones first.
const VOCABULARY: &str = "the of and in to a words related with that names for terms phrases references or is on \
    mentions by as specific code from text language numbers describing function indicating about at people places \
    tokens which expressions contexts punctuation time legal scientific medical political sports music dates actions \
    technical data model questions events family programming mathematical concepts countries legislation software \
    emotions instances conversation organization verbs government historical statements technology negative positive \
    business particular variable symbols religious relationships education research company geographical method class \
    months measurement quantities financial weather comparison movement biological sentences quotation conditions \
    chemistry percentages location agreement ownership uncertainty causes common authors health international \
    university computer military monday tuesday wednesday thursday friday saturday sunday january february october \
    december summer winter yesterday morning midnight holidays calendar birthday weekday deadline schedule modern \
    mountain monetary moderation handmade normandy commander secondary boundary laundry roundabout moonlight demand \
    mandatory diamond almond monarch hormone harmony ceremony testimony economy autonomy astronomy café naïve façade \
    Zürich München señor coöperate résumé Ελλάδα Москва 東京 日曜日";

struct Corpus {
    labels: Vec<String>,
    words: Words,
}

/// A number from 0 to 1 that depends on `seed` alone.
fn share(seed: usize) -> f32 {
    noise(seed as u64).midpoint(1.0)
}

fn corpus() -> &'static Corpus {
    static CORPUS: OnceLock<Corpus> = OnceLock::new();
    CORPUS.get_or_init(|| {
        let words: Vec<&str> = VOCABULARY.split_whitespace().collect();
        // Squared: the frequent ones far more often.
        let word = |seed: usize| words[((share(seed).powi(2) * words.len() as f32) as usize).min(words.len() - 1)];
        let label = |feature: usize| {
            let mut label = String::new();
            for i in 0.. {
                if label.chars().count() >= 55 {
                    break;
                }
                if i > 0 {
                    label.push(' ');
                }
                label.push_str(word(feature * 64 + i));
            }
            label
        };
        let token = |feature: usize, i: usize| {
            let word = words[(share((1 << 32) + feature * 8 + i) * words.len() as f32) as usize % words.len()];
            (format!(" {word}"), 0.2)
        };
        let labels: Vec<String> = (0..FEATURES).map(label).collect();
        let top = (0..FEATURES).map(|feature| (0..5).map(|i| token(feature, i)).collect()).collect();
        Corpus { words: Words::of_texts(&labels, top), labels }
    })
}

/// Queries as they are typed, key by key.
fn keys() -> Vec<&'static str> {
    let typed = |word: &'static str| word.char_indices().map(|(at, c)| &word[..at + c.len_utf8()]);
    let mut keys: Vec<&str> = typed("monday").chain(typed("wkdays")).collect();
    keys.extend(["Monday", "names of places", "^mon !tuesday", "cafe", "日曜", "1310"]);
    keys
}

fn main() {
    let (corpus, keys) = (corpus(), keys());
    let characters: usize = corpus.labels.iter().map(|label| label.chars().count()).sum();
    eprintln!("{FEATURES} labels of {} characters on average", characters / FEATURES);
    for key in keys {
        let found = corpus.words.find(&Query::parse(key));
        eprintln!("{key:>16}: {} as typed, {} near", found.exact, found.features.len() - found.exact);
    }
    divan::main();
}

#[divan::bench(args = keys(), sample_count = 20, sample_size = 1)]
fn search(bencher: Bencher, key: &str) {
    let words = &corpus().words;
    bencher.counter(ItemsCount::new(FEATURES)).bench_local(|| words.find(&Query::parse(black_box(key))));
}

#[divan::bench(args = keys(), sample_count = 20, sample_size = 1)]
fn contains(bencher: Bencher, key: &str) {
    static TEXTS: OnceLock<Vec<String>> = OnceLock::new();
    let texts = TEXTS.get_or_init(|| {
        let corpus = corpus();
        let text = |feature: usize| {
            let tokens: String = corpus.words.about(feature).collect();
            format!("{}\n{tokens}", corpus.labels[feature])
        };
        (0..FEATURES).map(text).collect()
    });
    let matches = || texts.iter().enumerate().filter(|(_, text)| text.contains(black_box(key))).map(|(i, _)| i as u32);
    bencher.counter(ItemsCount::new(FEATURES)).bench_local(|| matches().collect::<Vec<u32>>());
}
