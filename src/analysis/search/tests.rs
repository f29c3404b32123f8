use super::*;
use proptest::prelude::*;
use std::convert::Infallible;

fn built(all: &[String]) -> Texts {
    Texts::new(all, &mut || Ok::<(), Infallible>(())).unwrap()
}

fn texts(rows: &[(&str, &[&str])]) -> Texts {
    built(&rows.iter().map(|(label, tokens)| one(label, tokens.iter().copied())).collect::<Vec<_>>())
}

/// What is found, those as typed apart from those that are near.
fn found(rows: &[(&str, &[&str])], query: &str) -> (Vec<u32>, Vec<u32>) {
    let mut found = texts(rows).find(&Query::parse(query));
    let near = found.features.split_off(found.exact);
    (found.features, near)
}

const NONE: [u32; 0] = [];

#[test]
fn every_word_must_be_found_in_any_order_and_either_voice() {
    let rows: &[(&str, &[&str])] = &[
        ("days of the week", &[" Monday", " Friday"]),
        ("Monday", &[]),
        ("the week of Friday", &[" days"]),
        ("red", &[" days"]),
    ];
    assert_eq!(found(rows, "friday week").0, [0, 2]);
    assert_eq!(found(rows, "week friday days").0, [0, 2]);
    assert_eq!(found(rows, "week red").0, NONE);
}

#[test]
fn case_counts_with_a_capital_and_accents_never_do() {
    let rows: &[(&str, &[&str])] =
        &[("café au lait", &[]), ("CAFE", &[]), ("cafe\u{301}", &[]), ("decaf", &[]), ("ΕΛΛΆΔΑ", &[]), ("Москва", &[])];
    assert_eq!(found(rows, "cafe").0, [1, 2, 0]);
    assert_eq!(found(rows, "café").0, [1, 2, 0]);
    assert_eq!(found(rows, "Cafe").0, NONE);
    assert_eq!(found(rows, "CAFÉ").0, [1]);
    assert_eq!(found(rows, "москва").0, [5]);
    assert_eq!(found(rows, "ελλ").0, [4]);
}

#[test]
fn words_as_they_were_typed_come_before_the_same_words_apart() {
    let rows: &[(&str, &[&str])] = &[
        ("york or new", &[]),
        ("in New York City", &[]),
        ("new yorkers", &[]),
        ("newest from yorkshire", &[]),
        ("New York", &[]),
    ];
    assert_eq!(found(rows, "new york"), (vec![4, 1, 0, 2, 3], vec![]));
}

#[test]
fn letters_may_be_left_out_of_longer_words_and_such_matches_come_last() {
    let rows: &[(&str, &[&str])] = &[
        ("more than one day", &[]),
        ("a weekday", &[]),
        ("", &[" Monday"]),
        ("mandatory", &[]),
        ("in New York", &[]),
        ("monastery", &[]),
    ];
    assert_eq!(found(rows, "monday"), (vec![2], vec![]));
    assert_eq!(found(rows, "mnday"), (vec![], vec![2]));
    assert_eq!(found(rows, "wkday"), (vec![], vec![1]));
    assert_eq!(found(rows, "newyork"), (vec![], vec![4]));
    assert_eq!(found(rows, "mon"), (vec![2, 5], vec![]), "three letters are too few");
    assert_eq!(found(rows, "'mnday"), (vec![], vec![]));
    assert_eq!(found(rows, "eekdy").1, NONE, "a word begins as it was typed");
    // The closer the better.
    let rows: &[(&str, &[&str])] = &[("thxuxrxsday", &[]), ("thurs day", &[]), ("thuursday", &[])];
    assert_eq!(found(rows, "thursday"), (vec![], vec![1, 2, 0]));
}

#[test]
fn signs_make_a_word_stricter() {
    let rows: &[(&str, &[&str])] = &[
        ("Monday morning", &[" day"]),
        ("a day, holiday", &["days"]),
        ("today", &["x"]),
        ("daylight", &[]),
        ("yesterday's", &["'s"]),
    ];
    assert_eq!(found(rows, "^day").0, [0, 1, 3]);
    assert_eq!(found(rows, "day$").0, [0, 1, 2]);
    assert_eq!(found(rows, "^day$").0, [0]);
    assert_eq!(found(rows, "^Day$").0, NONE);
    assert_eq!(found(rows, "day !mon !holi").0, [3, 2, 4]);
    assert_eq!(found(rows, "!day").0, NONE);
    assert_eq!(found(rows, "!^day").0, [2, 4]);
    assert_eq!(found(rows, r"Monday\ morning").0, [0]);
    assert_eq!(found(rows, r"Monday\ day").0, NONE);
    // What is written like a sign is found as well.
    assert_eq!(found(rows, "'s").0[0], 4, "the token itself comes first");
    assert_eq!(found(rows, r"\'s").0, [4]);
    for sign in ["!", "^", "$", "'", "^$", "!^", r"\"] {
        assert_eq!(found(&[("a", &[sign]), ("b", &[])], sign).0, [0], "{sign}");
    }
}

#[test]
fn numbers_find_their_feature_and_those_that_begin_so() {
    let rows: Vec<(&str, &[&str])> =
        (0..130).map(|i| if i == 7 { ("year 12", &[][..]) } else { ("", &[][..]) }).collect();
    assert_eq!(found(&rows, "#12").0, [12, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129]);
    assert_eq!(found(&rows, "12").0, [12, 7], "where a text holds it, a number is that text");
    assert_eq!(found(&rows, "11").0.len(), 11);
    assert_eq!(found(&rows, "0").0, [0]);
    assert_eq!(found(&rows, "#0").0, [0]);
    assert_eq!(found(&rows, "130"), (vec![], vec![]));
    assert_eq!(found(&rows, "99999999999999999999999").0, NONE);
    assert_eq!(found(&rows, "").0, NONE);
}

#[test]
fn what_was_found_is_told_by_voice_and_letter() {
    let seen = |query: &str, label: &str, tokens: &[&str]| {
        let seen = Query::parse(query).seen(label, tokens);
        let letters = |text: &str, hits: &[usize]| {
            let clusters: Vec<&str> = text.graphemes(true).collect();
            hits.iter().map(|at| clusters[*at]).collect::<String>()
        };
        let tokens: Vec<String> = tokens.iter().zip(&seen.tokens).map(|(text, hits)| letters(text, hits)).collect();
        (letters(label, &seen.label), tokens.join("|"))
    };
    assert_eq!(seen("day", "a day, a weekday", &["Sunday"]), ("dayday".into(), String::new()));
    assert_eq!(seen("sunday day", "a day", &["x", "Sunday"]), ("day".into(), "|Sunday".into()));
    assert_eq!(seen("day", "birthdays", &["night", "day"]), (String::new(), "|day".into()), "the better voice");
    assert_eq!(seen("wkday", "on a weekday", &[]), ("wkday".into(), String::new()));
    assert_eq!(seen("cafe", "cafe\u{301} 東", &[]), ("cafe\u{301}".into(), String::new()));
    assert_eq!(seen("東", "cafe\u{301} 東京", &["東"]), (String::new(), "東".into()));
    assert_eq!(seen("京 !x", "東京", &[]), ("京".into(), String::new()));
    assert_eq!(seen("#7", "x", &[]), (String::new(), String::new()));
}

#[test]
fn long_and_hostile_texts_are_bounded() {
    let long = "x".repeat(100_000) + " day";
    assert_eq!(found(&[(&long, &[&long])], "day").0, NONE, "beyond what is searched");
    assert_eq!(found(&[("a\nb\u{1f}c\u{202e}d", &["\n"])], "⏎").0, [0]);
    assert_eq!(found(&[("a\nb", &["\u{1f}"])], "\u{1f}").0, [0], "shown and searched as the same stand-in");
    found(&[(&long, &[])], &long);
}

/// The rank of a word by the definition alone: over all texts, for each place.
fn rank(word: &str, label: &str, tokens: &[String]) -> Option<Rank> {
    let voices = std::iter::once((label.to_string(), ',')).chain(tokens.iter().map(|token| (token.clone(), '\0')));
    let mut best: Option<Rank> = None;
    let mut take = |rank: Rank| best = Some(best.map_or(rank, |other| other.min(rank)));
    for (i, (text, cut)) in voices.enumerate() {
        let text = text.to_lowercase();
        if i == 0 && text.trim_matches(' ') == word {
            take(Rank::Label);
        }
        if text.split(cut).any(|part| part.trim_matches(' ') == word) {
            take(Rank::Part);
        }
        let chars: Vec<char> = text.chars().collect();
        let wanted: Vec<char> = word.chars().collect();
        for at in 0..chars.len() {
            let starts = at == 0 || !chars[at - 1].is_alphanumeric();
            if chars[at..].starts_with(&wanted) {
                let ends = chars.get(at + wanted.len()).is_none_or(|c| !c.is_alphanumeric());
                take(match (starts, ends) {
                    (true, true) => Rank::Word,
                    (true, false) => Rank::Start,
                    _ => Rank::Within,
                });
            }
            let window = &chars[at..chars.len().min(at + wanted.len() + wanted.len() / 2)];
            let mut rest = window.iter();
            if wanted.len() >= NEAR && starts && chars[at] == wanted[0] && wanted.iter().all(|c| rest.any(|d| d == c)) {
                take(Rank::Near);
            }
        }
    }
    best
}

proptest! {
    #[test]
    fn a_search_finds_what_its_definition_says(
        rows in prop::collection::vec(("[abcé, ]{0,12}", prop::collection::vec("[abc-]{0,5}", 0..3)), 0..12),
        words in prop::collection::vec("[abc]{1,6}", 1..3),
    ) {
        let all: Vec<String> = rows.iter().map(|(label, tokens)| one(label, tokens.iter().map(String::as_str))).collect();
        let texts = built(&all);
        let query = words.join(" ");
        let found = texts.find(&Query::parse(&query));
        let bare = |text: &str| text.replace('é', "e");
        let expected: Vec<Option<Rank>> = rows.iter().map(|(label, tokens)| {
            let worst = words.iter().map(|word| rank(word, &bare(label), tokens)).collect::<Option<Vec<Rank>>>()?;
            let apart = worst.into_iter().max();
            let whole = rank(&query, &bare(label), tokens).filter(|rank| *rank < Rank::Near);
            apart.map(|apart| whole.map_or(apart, |whole| whole.min(apart)))
        }).collect();
        let listed: Vec<Rank> = found.features.iter().map(|feature| expected[*feature as usize].expect("a match")).collect();
        prop_assert!(listed.is_sorted(), "{listed:?}");
        prop_assert_eq!(listed.len(), expected.iter().flatten().count());
        prop_assert_eq!(found.exact, listed.iter().filter(|rank| **rank < Rank::Near).count());
        // Whoever is listed shows why.
        for feature in &found.features {
            let (label, tokens) = &rows[*feature as usize];
            let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
            let seen = Query::parse(&query).seen(label, &tokens);
            prop_assert!(!seen.label.is_empty() || seen.in_tokens());
        }
    }

    #[test]
    fn any_text_is_a_query(line in any::<String>(), label in any::<String>(), token in any::<String>()) {
        let all = texts(&[(&label, &[&token]), ("", &[])]);
        let query = Query::parse(&line);
        let found = all.find(&query);
        let seen = query.seen(&label, &[&token]);
        prop_assert!(found.features.len() <= 2 && found.exact <= found.features.len());
        let clusters = printable(&label).graphemes(true).count();
        prop_assert!(seen.label.iter().all(|at| *at < clusters));
    }

    #[test]
    fn a_text_finds_itself(label in "\\PC{1,20}") {
        prop_assume!(!Query::parse(&label).is_empty());
        let found = texts(&[("other", &[]), (&label, &[])]).find(&Query::parse(&label));
        prop_assert!(found.features[..found.exact].contains(&1), "{label:?}");
    }
}
