use super::*;
use std::io::Write;

fn open(text: &str) -> Result<(Labels, Vec<String>)> {
    Labels::from_bytes(&Bytes::from(text.as_bytes().to_vec()), Path::new("l.jsonl"), 200, &task())
}

fn task() -> Task {
    Task::new(1).unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

const NEURONPEDIA: &str = r#"{"id":"c1","modelId":"m","layer":"11-res","index":"3","description":"days","typeName":"top-tokens","explanationModelName":null,"embedding":[0.1]}
{"modelId":"m","layer":"11-res","index":"3","description":"weekdays","typeName":"top-tokens","explanationModelName":"gpt"}

{"modelId":"m","layer":"11-res","index":"0","description":" zero ","typeName":"top-tokens"}
"#;

#[test]
fn neuronpedia_lines_keep_all_descriptions() {
    let (labels, warnings) = open(NEURONPEDIA).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!((labels.count(), labels.kind(), labels.source.as_deref()), (2, Some("top-tokens"), Some("11-res")));
    assert_eq!(
        (labels.get(3), labels.get(0), labels.get(1), labels.get(999)),
        (Some("days"), Some("zero"), None, None)
    );
    assert_eq!(labels.by_feature[3].len(), 2);
    assert_eq!(labels.by_feature[3][1].author.as_deref(), Some("gpt"));
    let (zipped, _) = Labels::from_bytes(&gzip(NEURONPEDIA).into(), Path::new("l.gz"), 200, &task()).unwrap();
    assert_eq!(zipped.by_feature, labels.by_feature);
}

#[test]
fn every_layout_gives_the_same_words() {
    let layouts = [
        "{\"index\":\"2\",\"description\":\"two\"}\n{\"index\":\"5\",\"description\":\"five\"}",
        "[{\"index\": 2, \"description\": \"two\"},\n {\"index\": 5, \"description\": \"five\"}]",
        "[{\"feature\": 2, \"label\": \"two\"}, {\"latent\": \"5\", \"explanation\": \"five\"}]",
        "[null, null, \"two\", null, null, \"five\"]",
        "{\"2\": \"two\", \"5\": \"five\"}",
        "{\n  \"2\": {\"label\": \"two\"},\n  \"5\": [\"five\"]\n}",
        "{\"explanations\": [{\"feature_index\": 2, \"text\": \"two\"}, {\"id\": 5, \"text\": \"five\"}]}",
        "index,label\n2,two\n5,five\n",
        "score,Feature,Description\n.3,2,two\n.4,5,five\n",
        "latent\texplanation\n2\ttwo\n5\tfive\n",
        "2,two\n5,five\n",
        "2.0\ttwo\n5.0\tfive\n",
        "feature,label\n2.0,two\n5.0,five\n",
        "{\"index\":2.0,\"description\":\"two\"}\n{\"index\":\"5.0\",\"description\":\"five\"}",
        "{\"index\":null,\"id\":2,\"text\":\"lesser\",\"description\":\"two\"}\n{\"id\":9,\"index\":5,\"label\":\"five\"}",
        "{\n \"index\": 2,\n \"description\": \"two\",\n \"tokens\": [\"a\", \"b\"]\n}\n{\"index\": 5, \"label\": \"five\"}",
        "{\"layer\": \"s\", \"version\": 3, \"explanations\": [{\"index\": 2, \"text\": \"two\"}, {\"index\": 5, \"text\": \"five\"}]}",
        "{\"index\":\"2\",\"explanations\":[{\"description\":\"two\"}]}\n{\"explanations\":[{\"description\":\"five\"}],\"index\":5}",
        "{\"feature\":9,\"explanations\":[{\"index\":2,\"text\":\"two\"},{\"index\":5,\"text\":\"five\"}]}",
        "\u{feff}{\"index\":\"2\",\"description\":\"two\"}\n{\"index\":\"5\",\"description\":\"five\"}",
    ];
    for text in layouts {
        let (labels, warnings) = open(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((labels.get(2), labels.get(5), labels.count()), (Some("two"), Some("five"), 2), "{text}");
        assert_eq!(warnings, Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_best_score_stands_first_and_the_others_in_file_order() {
    let layouts = [
        "index,label,score,explanationModelName\n2,plain,,\n2,good,.5,a\n2,best,.75,b\n2,also plain,nan,\n",
        r#"[{"index":2,"label":"plain"},{"index":2,"label":"good","score":0.5,"explanationModelName":"a"},
            {"index":2,"label":"best","score":"0.75","explanationModelName":"b"},
            {"index":2,"label":"also plain","score":null}]"#,
    ];
    for text in layouts {
        let labels = open(text).unwrap().0;
        let all: Vec<String> = labels.by_feature[2].iter().map(Label::with_author).collect();
        assert_eq!(all, ["best (b, 0.75)", "good (a, 0.50)", "plain", "also plain"], "{text}");
        assert_eq!(labels.get(2), Some("best"));
    }
}

#[test]
fn labels_of_another_dictionary_are_an_error_that_names_them() {
    let text = "{\"layer\":\"5-res-16k\",\"index\":\"3\",\"description\":\"a\"}\n{\"layer\":\"5-res-16k\",\"index\":\"16383\",\"description\":\"b\"}";
    let error = open(text).unwrap_err().to_string();
    for expected in ["1 of 2 labels of 5-res-16k names features", "up to 16383", "below 200", "l.jsonl"] {
        assert!(error.contains(expected), "{error} should say {expected}");
    }
    // A hostile index must not decide how much memory is taken.
    assert!(open("{\"18446744073709551615\": \"x\"}").is_err());
}

#[test]
fn doubtful_files_are_warned_about() {
    let some = |features: &mut dyn Iterator<Item = usize>| {
        features.map(|i| format!("{{\"layer\":\"s\",\"index\":{i},\"label\":\"w\"}}")).collect::<Vec<_>>().join("\n")
    };
    let (_, warnings) = open(&some(&mut (0..64))).unwrap();
    assert!(warnings[0].contains("of s stop at feature 63 of 200"), "{warnings:?}");
    assert!(open(&some(&mut (0..64).step_by(3))).unwrap().1.is_empty(), "gaps are normal");
    let mixed = "{\"layer\":\"a\",\"index\":1,\"label\":\"x\"}\n{\"layer\":\"b\",\"index\":2,\"label\":\"y\"}\n{\"index\":3,\"label\":\"\"}\n{\"label\":\"z\"}\n7\n";
    let (labels, warnings) = open(mixed).unwrap();
    assert_eq!((labels.count(), labels.source.clone(), labels.kind()), (2, None, None));
    assert!(warnings[0].contains("several sources: a, b") && warnings[1].starts_with("3 entries"), "{warnings:?}");
}

#[test]
fn what_holds_no_labels_is_refused() {
    let cases = [
        ("", "no labels of features"),
        ("hello\nworld\n", "no labels of features"),
        ("index,score\n1,2\n", "no labels of features"),
        ("[]", "no labels of features"),
        ("{\"index\":\"1\"}\n", "no labels of features"),
        ("{\"index\":\"1\",\"description\":\"a\"}\n{\"index\":", "cannot be read"),
        ("[1, 2", "cannot be read"),
        (
            "{\"index\":-1,\"description\":\"a\"}\n{\"index\":\"x\",\"description\":\"b\"}\n{\"index\":0,\"description\":\" \"}",
            "no labels of features: 3 entries, the first on line 1 has index -1",
        ),
        ("index,label\n1,\n2,\n", "2 entries, the first on line 2 has no words"),
        ("[1, 2]", "2 entries, the first has no words"),
    ];
    for (text, expected) in cases {
        let error = open(text).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("l.jsonl"), "{text}: {error}");
    }
    assert!(Labels::load(Path::new("/no/such/file"), 5, &task()).is_err());
}

#[test]
fn tokens_are_no_labels() {
    for text in [
        "{\"tokens\": [\"a\", \"b\"], \"doc_ids\": [0, 0]}\n{\"tokens\": [\"c\"]}",
        "{\"first_row\": 0, \"words\": [\"a\"]}",
        "{\"text\": \"a b\", \"tokens\": [\"a\", \"b\"]}",
    ] {
        let error = open(text).unwrap_err().to_string();
        assert!(error.contains("tokens of activation rows") && error.contains("l.jsonl"), "{text}: {error}");
    }
    // A list under a name that says nothing of labels is none; entries that name their feature are.
    assert!(open("{\"words\": [\"a\", \"b\"]}").unwrap_err().to_string().contains("no labels of features"));
    assert_eq!(open("{\"data\": [{\"index\": 2, \"label\": \"two\"}, 7]}").unwrap().0.get(2), Some("two"));
    assert_eq!(open("{\"labels\": [\"zero\", \"one\"]}").unwrap().0.get(1), Some("one"));
}

#[test]
fn halves_of_characters_lose_no_file() {
    let line = "{\"index\":\"1\",\"description\":\"cut \\ud800\"}";
    for text in [line.to_string(), format!("{line}\n{{\"index\":2,\"label\":\"whole\"}}"), format!("[{line}]")] {
        assert_eq!(open(&text).unwrap().0.get(1), Some("cut \u{fffd}"), "{text}");
    }
}

#[test]
fn what_is_no_label_costs_no_memory_and_what_is_too_much_is_refused() {
    // A million values that are no labels, with one that is.
    let hollow =
        format!("[{}{{\"index\": 3, \"label\": \"x\", \"vector\": [{}1]}}]", "[],".repeat(1_000_000), "1,".repeat(99));
    let (labels, warnings) = open(&hollow).unwrap();
    assert_eq!((labels.count(), labels.get(3), warnings.len()), (1, Some("x"), 0));
    let most = MAX_LABELS * 200 + (1 << 16);
    let repeated = "{\"index\":3,\"label\":\"x\"}\n".repeat(most + 1);
    assert!(open(&repeated).unwrap_err().to_string().contains("more labels than 200 features can have"));
    let long = format!("[\"{}\",\n\"x\"]", "x".repeat(MAX_DOCUMENT));
    let error = open(&long).unwrap_err().to_string();
    assert!(error.contains("line 1 is too long") || error.contains("more than 64 MiB"), "{error}");
}

#[test]
fn cancelling_stops_the_reading() {
    let task = task();
    task.watch().cancel();
    let lines = "{\"index\":3,\"label\":\"x\"}\n".repeat(POLL);
    let array = format!("[{}1]", "[],".repeat(POLL));
    let table = format!("index,label\n{}", "3,x\n".repeat(POLL));
    for text in [lines, array, table] {
        let result = Labels::from_bytes(&Bytes::from(text.into_bytes()), Path::new("l"), 200, &task);
        assert!(matches!(result, Err(crate::Error::Cancelled)));
    }
}

#[test]
fn a_folder_of_batches_is_read_in_the_order_of_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let batch = |n: usize, words: &str| {
        let line = format!("{{\"index\":\"1\",\"description\":\"{words}\",\"layer\":\"s\"}}\n");
        std::fs::write(folder.path().join(format!("batch-{n}.jsonl.gz")), gzip(&line)).unwrap();
    };
    batch(10, "third");
    batch(2, "second");
    batch(0, "first");
    std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
    let (labels, _) = Labels::load(folder.path(), 4, &task()).unwrap();
    let words: Vec<&str> = labels.by_feature[1].iter().map(|label| label.text.as_str()).collect();
    assert_eq!(words, ["first", "second", "third"]);
    let empty = tempfile::tempdir().unwrap();
    let error = Labels::load(empty.path(), 4, &task()).unwrap_err().to_string();
    assert!(error.contains("without label files"), "{error}");
}

#[test]
fn pairs_name_their_features() {
    let labels = open("[[1, \"a\"], [\"2\", \"b\"],\n [4, \"c\"]]").unwrap().0;
    let all: Vec<Option<&str>> = (0..5).map(|feature| labels.get(feature)).collect();
    assert_eq!(all, [None, Some("a"), Some("b"), None, Some("c")]);
    // Lists of words are of the features at their places.
    assert_eq!(open("[[\"a\", \"b\"], [\"c\"]]").unwrap().0.get(1), Some("c"));
}

#[test]
fn every_layout_says_whose_labels_they_are() {
    for text in [
        "modelId,layer,index,description\nm,5-res-jb,1,one\n",
        "{\"modelId\": \"m\", \"layer\": \"5-res-jb\", \"labels\": [null, \"one\"]}",
        "{\"modelId\": \"m\", \"layer\": \"5-res-jb\", \"labels\": {}}\n{\"layer\":\"5-res-jb\",\"index\":1,\"label\":\"one\"}",
    ] {
        let labels = open(text).unwrap().0;
        assert_eq!((labels.source.as_deref(), labels.model.as_deref()), (Some("5-res-jb"), Some("m")), "{text}");
        assert_eq!(labels.get(1), Some("one"), "{text}");
    }
    assert_eq!(open("layer,index,label\n5,1,one\n").unwrap().0.source, None, "a number is a layer");
}

#[test]
fn of_several_sources_the_dictionary_s_own_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.jsonl");
    let line =
        |source: &str, index: usize| format!("{{\"layer\":\"{source}\",\"index\":{index},\"label\":\"{source}\"}}\n");
    std::fs::write(&path, line("a", 1) + &line("b", 1) + &line("b", 2) + &line("a", 3)).unwrap();
    // What is of another may be of any width.
    let wide = folder.path().join("wide.jsonl");
    std::fs::write(&wide, line("a", 900) + &line("b", 4)).unwrap();
    let read = |id| Labels::load_of(&wide, 5, Whose { id, hook: None }, &task());
    assert_eq!(read(Some("gpt2/b")).unwrap().0.get(4), Some("b"));
    assert!(read(None).unwrap_err().to_string().contains("1 of 2 labels of a, b names features up to 900"));
    let of = |id| Labels::load_of(&path, 5, Whose { id, hook: None }, &task()).unwrap();
    let (own, notes) = of(Some("gpt2/B"));
    assert_eq!((own.get(1), own.get(2), own.get(3), own.source.as_deref()), (Some("b"), Some("b"), None, Some("b")));
    assert!(notes[0].contains("several sources: a, b; those of b are taken"), "{notes:?}");
    let (all, notes) = of(Some("gpt2/c"));
    assert_eq!((all.get(1), all.get(3), all.source.as_deref()), (Some("a"), Some("a"), None));
    assert!(notes[0].ends_with("several sources: a, b"), "{notes:?}");
}

#[test]
fn a_table_that_this_program_wrote_is_read_and_a_quote_that_is_not_closed_is_said() {
    let own = open("# {\"program\":\"saescope\"}\nfeature,label\n1,one\n2,\n").unwrap();
    assert_eq!(own.0.get(1), Some("one"));
    assert!(own.1[0].contains("the first on line 4 has no words"), "{:?}", own.1);
    let (labels, notes) = open("index,label\n1,\"one\n2,two\n3,three\n").unwrap();
    assert_eq!(labels.count(), 1);
    assert!(notes[0].contains("a quotation mark is not closed"), "{notes:?}");
}
