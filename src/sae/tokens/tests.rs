use super::*;
use proptest::prelude::*;
use std::io::Write;

fn open(text: &str) -> Result<Tokens> {
    Tokens::from_bytes(&Bytes::from(text.as_bytes().to_vec()), Path::new("t.jsonl"), None, &task())
}

fn task() -> Task {
    Task::new(1).unwrap()
}

fn words(passage: &Passage) -> Vec<&str> {
    passage.pieces.iter().map(|piece| piece.text.as_str()).collect()
}

const SEQUENCES: &str = r#"{"seq":0,"first_row":0,"source":"a","doc_ids":[7,7,9],"tokens":["One"," t\u00fc","\n"],"token_ids":[1,2,3]}

{"seq":1,"first_row":3,"source":"b","doc_ids":[9,9],"tokens":[" x","y"]}
"#;

#[test]
fn sequences_keep_documents_and_positions() {
    let tokens = open(SEQUENCES).unwrap();
    assert_eq!((tokens.len(), tokens.has_labels(), tokens.is_sentences()), (5, false, false));
    assert_eq!((0..5).map(|row| tokens.token(row)).collect::<Vec<_>>(), ["One", " tü", "\n", " x", "y"]);
    assert_eq!((0..5).map(|row| tokens.place(row)).collect::<Vec<_>>(), [(7, 0), (7, 1), (9, 2), (9, 0), (9, 1)]);
    assert_eq!(tokens.label(0), None);
}

#[test]
fn a_passage_ends_with_its_document_and_with_its_sequence() {
    let tokens = open(SEQUENCES).unwrap();
    let passage = tokens.passage(1, 10);
    assert_eq!((words(&passage), passage.focus), (vec!["One", " tü"], 1));
    assert_eq!(words(&tokens.passage(2, 10)), ["\n"], "another document, and the next sequence is another text");
    assert_eq!(words(&tokens.passage(3, 0)), [" x"]);
    assert_eq!(tokens.passage(4, usize::MAX).pieces[0].row, Some(3));
}

#[test]
fn one_token_a_line_is_running_text() {
    let text = "{\"token\":\"a\"}\n{\"token\":\"b\",\"label\":\"B\"}\n{\"token\":\"c\",\"doc_id\":\"other\"}\n";
    let tokens = open(text).unwrap();
    assert_eq!(words(&tokens.passage(0, 5)), ["a", "b"]);
    assert_eq!([0, 1, 2].map(|row| tokens.place(row)), [(0, 0), (0, 1), (0, 0)]);
    assert_eq!([0, 1, 2].map(|row| tokens.label(row)), [None, Some("B"), None]);
    let csv = "Row, Token ,doc_id,pos\n0,\" a\",4,1\n1,\"b,c\",4,2\n2,d,4,4\n";
    let tokens = open(csv).unwrap();
    assert_eq!([0, 1, 2].map(|row| tokens.place(row)), [(4, 1), (4, 2), (4, 4)]);
    assert_eq!(words(&tokens.passage(0, 5)), [" a", "b,c"], "a gap in the positions ends the passage");
}

#[test]
fn a_sentence_a_line_has_its_own_part() {
    let text = r#"{"row":0,"label":"Monday","text":"Zürich on Monday, or Monday.","end":16}
{"row":1,"label":"Monday","text":"Zürich on Monday, or Monday."}
{"row":2,"label":"Day","text":"on monday, or","end":9}
{"row":3,"text":"whole","label":5}"#;
    let tokens = open(text).unwrap();
    assert_eq!([0, 1, 2, 3].map(|row| tokens.token(row)), ["Monday", "Monday", "monday", "whole"]);
    let passage = tokens.passage(0, 1);
    assert_eq!((words(&passage), passage.focus), (vec!["Zürich on ", "Monday", ", or Monday."], 1));
    assert_eq!(passage.pieces.iter().map(|piece| piece.row).collect::<Vec<_>>(), [None, Some(0), None]);
    assert_eq!(words(&tokens.passage(1, 1)), ["Zürich on Monday, or ", "Monday", "."]);
    let alone = tokens.passage(3, 0);
    assert_eq!((words(&alone), alone.focus), (vec!["whole"], 0));
    assert_eq!(tokens.place(2), (2, 0));
    assert_eq!((tokens.label(3), tokens.is_sentences()), (Some("5"), true));
}

#[test]
fn gzipped_text_is_the_same() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(SEQUENCES.as_bytes()).unwrap();
    let path = Path::new("t.jsonl.gz");
    let tokens = Tokens::from_bytes(&Bytes::from(gzip.finish().unwrap()), path, Some(5), &task()).unwrap();
    assert_eq!((tokens.token(4), tokens.path()), ("y", path));
}

#[test]
fn each_defect_is_named_with_its_line() {
    let cases = [
        ("", "no texts of rows"),
        ("a,b\n1,2\n", "no texts of rows"),
        ("just words\n", "no texts of rows"),
        ("{\"token\":\"a\"}\n{\"token\":", "line 2 cannot be read"),
        ("{\"token\":\"a\"}\n{\"nothing\":1}", "line 2: no text"),
        ("{\"tokens\":[\"a\"]}\n{\"first_row\":2,\"tokens\":[\"b\"]}", "line 2: row 2 where row 1 is due"),
        ("{\"row\":1,\"token\":\"a\"}", "row 1 where row 0 is due"),
        ("{\"tokens\":[\"a\",\"b\"],\"doc_ids\":[1]}", "line 1: 1 doc_ids for 2 tokens"),
        ("{\"tokens\":[\"a\",\"b\"],\"positions\":[1]}", "1 positions for 2 tokens"),
        ("{\"tokens\":[\"a\",\"b\"],\"labels\":[]}", "0 labels for 2 tokens"),
        ("{\"text\":\"abc\",\"label\":\"c\",\"end\":4}", "end 4 of a text of 3 characters"),
        ("{\"text\":\"abc\"}\n{\"token\":\"a\"}", "line 2: sentences and tokens"),
        ("{\"token\":\"a\"}\n{\"text\":\"abc\"}", "line 2: sentences and tokens"),
        ("{\"token\":[1]}", "expected a text"),
        ("{\"token\":\"a\",\"doc_id\":-1}", "expected an id"),
        ("token,pos\na,first\n", "line 2: pos is first"),
    ];
    for (text, expected) in cases {
        let error = open(text).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("t.jsonl"), "{text}: {error} should say {expected}");
    }
    let bytes = Bytes::from(SEQUENCES.as_bytes().to_vec());
    let error = Tokens::from_bytes(&bytes, Path::new("t"), Some(6), &task()).unwrap_err().to_string();
    assert!(error.contains("texts of 5 rows, but the activations have 6"), "{error}");
    let error =
        Tokens::from_bytes(&Bytes::from(vec![0xff, 0x00]), Path::new("t"), None, &task()).unwrap_err().to_string();
    assert!(error.contains("UTF-8"), "{error}");
}

#[test]
fn no_more_rows_are_kept_than_the_activations_have() {
    let many = format!("{{\"tokens\":[{}\"x\"]}}\n{{\"tokens\":", "\"\",".repeat(50_000));
    // The second line is broken: what comes after the last row is not even looked at.
    let read = |rows, text: &str| {
        let bytes = Bytes::from(text.as_bytes().to_vec());
        Tokens::from_bytes(&bytes, Path::new("t"), rows, &task()).unwrap_err().to_string()
    };
    let error = read(Some(4), &many);
    assert!(error.contains("texts of more rows, but the activations have 4"), "{error}");
    let endless = format!("{{\"tokens\":[{}\"x\"]}}", "\"\",".repeat(1 << 20));
    assert!(read(None, &endless).contains("a list of more than 1048576"));
}

#[test]
fn halves_of_characters_lose_no_file() {
    let tokens = open("{\"token\":\"a\\ud83d\"}\n{\"token\":\"b\"}").unwrap();
    assert_eq!((tokens.token(0), tokens.token(1)), ("a\u{fffd}", "b"));
}

#[test]
fn cancelling_stops_the_reading() {
    let task = task();
    task.watch().cancel();
    for text in [SEQUENCES, "token\na\n"] {
        let result = Tokens::from_bytes(&Bytes::from(text.as_bytes().to_vec()), Path::new("t"), None, &task);
        assert!(matches!(result, Err(crate::Error::Cancelled)));
    }
}

proptest! {
    /// Against the obvious scan: walk out from the row until the document changes.
    #[test]
    fn passages_equal_a_plain_scan(lengths in prop::collection::vec(1usize..6, 1..8), radius in 0usize..7) {
        let mut next = 0;
        let documents: Vec<Vec<String>> = lengths
            .iter()
            .map(|&n| (0..n).map(|_| { next += 1; format!("w{next}") }).collect())
            .collect();
        let tokens = Tokens::from_documents(&documents).unwrap();
        let mut row = 0;
        for (number, document) in documents.iter().enumerate() {
            for position in 0..document.len() {
                let expected: Vec<&str> = document[position.saturating_sub(radius)..document.len().min(position + radius + 1)]
                    .iter().map(String::as_str).collect();
                let passage = tokens.passage(row, radius);
                prop_assert_eq!(words(&passage), expected);
                prop_assert_eq!(passage.pieces[passage.focus].row, Some(row as u32));
                prop_assert_eq!(tokens.place(row), (number as u32, position as u32));
                row += 1;
            }
        }
        prop_assert_eq!(tokens.len(), row);
    }

    #[test]
    fn no_text_causes_a_panic(text in "\\PC{0,40}", end in 0u64..50) {
        let line = serde_json::json!({"text": text, "label": "a", "end": end}).to_string();
        if let Ok(tokens) = open(&line) {
            let whole: String = words(&tokens.passage(0, 3)).concat();
            prop_assert_eq!(whole, text.clone());
        }
        let _ = open(&text);
    }
}
