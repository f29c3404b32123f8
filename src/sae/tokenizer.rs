//! The vocabulary of a `tokenizer.json`: what text each token id stands for.
//!
//! Input: the file of Hugging Face's `tokenizers`, models BPE, WordLevel and WordPiece (`vocab` an object of token: id)
//! and Unigram (`vocab` a list of `[token, score]`), with `added_tokens`. Nothing is tokenised here: ids are turned to text
//! one by one, so of the decoder only its alphabet matters:
//! * byte-level (GPT-2, Llama 3): every character stands for a byte (Radford et al. 2019, `bytes_to_unicode`);
//! * sentencepiece (Llama 2, Gemma): `▁` is a space, `<0x0A>` a byte;
//! * WordPiece (BERT): a leading `##` joins a token to the one before, others begin a word.
//!
//! A token that holds a part of a character reads as U+FFFD. Memory: the texts once and 8 bytes a token. The file may
//! have 64 MiB; ids up to 2^24 are taken.

use crate::container::{Bytes, json};
use crate::error::{Problem, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

/// The longest file that is read, in bytes.
const LONGEST: usize = 64 << 20;
/// Ids beyond this are no tokens of a language model.
const MAX_ID: u32 = 1 << 24;

/// The text of every token id.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    text: String,
    /// Start and end of each id's text; none for ids that the file does not name.
    spans: Vec<Option<(u32, u32)>>,
}

#[derive(Deserialize)]
struct File {
    model: Model,
    #[serde(default)]
    added_tokens: Vec<Added>,
    #[serde(default)]
    decoder: Value,
    #[serde(default)]
    pre_tokenizer: Value,
}

#[derive(Deserialize)]
struct Model {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    vocab: Vocab,
    #[serde(default)]
    continuing_subword_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Vocab {
    ByToken(HashMap<String, u32>),
    InOrder(Vec<(String, f64)>),
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
}

/// How characters of the file's tokens stand for text.
enum Alphabet {
    /// Each for a byte.
    Bytes(HashMap<char, u8>),
    /// `▁` for a space.
    Pieces,
    /// Words, of which those with this prefix go on.
    Words(String),
    /// For themselves.
    Plain,
}

impl Vocabulary {
    /// Reads the file at `path`, or the `tokenizer.json` of the folder.
    ///
    /// # Errors
    /// If it cannot be read or is no tokenizer of a known model.
    pub fn load(path: &Path) -> Result<Self> {
        if path.is_dir() {
            let path = path.join("tokenizer.json");
            return Self::from_bytes(&Bytes::map(&path)?, &path);
        }
        Self::from_bytes(&Bytes::map(path)?, path)
    }
    /// As [`Vocabulary::load`], from bytes; `path` is for messages.
    ///
    /// # Errors
    /// As [`Vocabulary::load`].
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let problem = |what: String| {
            Problem::new(what)
                .path(path)
                .expected("a tokenizer.json with a vocabulary: BPE, Unigram, WordPiece or WordLevel")
        };
        if bytes.len() > LONGEST {
            return Err(problem(format!("a tokenizer of {} MiB", bytes.len() >> 20)).input());
        }
        let unreadable = |why: String| problem(format!("the tokenizer cannot be read: {why}")).input();
        let text = std::str::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))?;
        let file: File = match serde_json::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                let mended = json::mend(text).and_then(|text| serde_json::from_str(&text).ok());
                mended.ok_or_else(|| unreadable(error.to_string()))?
            }
        };
        let alphabet = file.alphabet();
        let tokens: Vec<(u32, String)> = match file.model.vocab {
            Vocab::ByToken(vocab) => vocab.into_iter().map(|(token, id)| (id, token)).collect(),
            Vocab::InOrder(vocab) => (0..).zip(vocab.into_iter().map(|(token, _)| token)).collect(),
        };
        let tokens = tokens.iter().map(|(id, token)| (*id, alphabet.text(token)));
        // Added tokens are what they are called, and go before what the model has under the same id.
        let added = file.added_tokens.into_iter().map(|added| match alphabet {
            Alphabet::Words(_) => (added.id, format!(" {}", added.content)),
            _ => (added.id, added.content),
        });
        let mut vocabulary = Self::default();
        let mut all: Vec<(u32, String)> = tokens.chain(added).collect();
        if let Some((id, _)) = all.iter().find(|(id, _)| *id > MAX_ID) {
            return Err(problem(format!("the token id {id}")).hint(format!("ids up to {MAX_ID}")).input());
        }
        // Stable: of two tokens with one id the later stays.
        all.sort_by_key(|(id, _)| *id);
        for (id, text) in all {
            let start = vocabulary.text.len() as u32;
            vocabulary.text.push_str(&text);
            vocabulary.spans.resize(vocabulary.spans.len().max(id as usize + 1), None);
            vocabulary.spans[id as usize] = Some((start, vocabulary.text.len() as u32));
        }
        if vocabulary.spans.is_empty() {
            return Err(problem("a tokenizer without tokens".into()).input());
        }
        Ok(vocabulary)
    }
    /// Whether bytes look like such a file: JSON with a model that has a vocabulary.
    pub fn is_tokenizer(bytes: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Look {
            #[serde(rename = "model")]
            _model: HasVocab,
        }
        #[derive(Deserialize)]
        struct HasVocab {
            #[serde(rename = "vocab")]
            _vocab: serde::de::IgnoredAny,
        }
        bytes.len() <= LONGEST
            && bytes.trim_ascii_start().starts_with(b"{")
            && serde_json::from_slice::<Look>(bytes).is_ok()
    }
    /// The text of a token; none if the file does not name the id.
    pub fn get(&self, id: u32) -> Option<&str> {
        let (start, end) = (*self.spans.get(id as usize)?)?;
        Some(&self.text[start as usize..end as usize])
    }
    /// One more than the highest id.
    pub fn len(&self) -> usize {
        self.spans.len()
    }
    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

impl File {
    fn alphabet(&self) -> Alphabet {
        let is = |name: &str| has_type(&self.decoder, name) || has_type(&self.pre_tokenizer, name);
        if is("ByteLevel") {
            return Alphabet::Bytes(byte_characters());
        }
        if self.model.kind.as_deref() == Some("WordPiece") || has_type(&self.decoder, "WordPiece") {
            let prefix = self.model.continuing_subword_prefix.clone().unwrap_or_else(|| "##".into());
            return Alphabet::Words(prefix);
        }
        let unigram = self.model.kind.as_deref() == Some("Unigram") || matches!(self.model.vocab, Vocab::InOrder(_));
        if unigram || is("Metaspace") || is("ByteFallback") { Alphabet::Pieces } else { Alphabet::Plain }
    }
}

/// Whether a part of the file is of this type, or a sequence with one that is.
fn has_type(part: &Value, name: &str) -> bool {
    let is = |part: &Value| part.get("type").and_then(Value::as_str) == Some(name);
    let list = ["decoders", "pretokenizers"].into_iter().filter_map(|key| part.get(key)?.as_array());
    is(part) || list.flatten().any(is)
}

/// The character that stands for each byte in GPT-2's alphabet: printable Latin-1 for itself, the rest from U+0100 on.
fn byte_characters() -> HashMap<char, u8> {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let own = (0..=255u8).filter(|&byte| printable(byte)).map(|byte| (char::from(byte), byte));
    let others = (0..=255u8).filter(|&byte| !printable(byte)).zip('\u{100}'..).map(|(byte, c)| (c, byte));
    own.chain(others).collect()
}

impl Alphabet {
    fn text(&self, token: &str) -> String {
        match self {
            Self::Bytes(bytes) => {
                let all: Option<Vec<u8>> = token.chars().map(|c| bytes.get(&c).copied()).collect();
                // What the alphabet has not is no bytes: a special token among the others.
                all.map_or_else(|| token.to_string(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
            }
            Self::Pieces => {
                let byte = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
                match byte.filter(|hex| hex.len() == 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                    Some(byte) => String::from_utf8_lossy(&[byte]).into_owned(),
                    None => token.replace('\u{2581}', " "),
                }
            }
            Self::Words(prefix) => match token.strip_prefix(prefix.as_str()) {
                Some(rest) if !prefix.is_empty() => rest.to_string(),
                _ => format!(" {token}"),
            },
            Self::Plain => token.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vocabulary> {
        Vocabulary::from_bytes(text.as_bytes(), Path::new("tokenizer.json"))
    }
    fn texts(text: &str) -> Vec<Option<String>> {
        let vocabulary = read(text).unwrap();
        (0..vocabulary.len() as u32).map(|id| vocabulary.get(id).map(str::to_string)).collect()
    }
    fn some(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| Some((*text).to_string())).collect()
    }

    #[test]
    fn bytes_read_as_text() {
        let file = r#"{"model": {"type": "BPE", "vocab": {"a": 0, "Ġb": 1, "Ċ": 2, "Ã©": 3, "Ã": 4, "<|end|>": 6}, "merges": []},
            "decoder": {"type": "ByteLevel"}, "added_tokens": [{"id": 6, "content": "<|Ġend|>"}, {"id": 7, "content": "x"}]}"#;
        let mut expected = some(&["a", " b", "\n", "é", "\u{fffd}", "", "<|Ġend|>", "x"]);
        expected[5] = None;
        assert_eq!(texts(file), expected);
        assert_eq!(byte_characters().len(), 256);
    }

    #[test]
    fn pieces_and_words_read_as_text() {
        let unigram = r#"{"model": {"type": "Unigram", "vocab": [["<unk>", 0.0], ["▁the", -1.5], ["s", -2], ["<0x0A>", 0], ["<0xC3>", 0]]}}"#;
        assert_eq!(texts(unigram), some(&["<unk>", " the", "s", "\n", "\u{fffd}"]));
        let llama = r#"{"model": {"vocab": {"▁a": 0, "<0x41>": 1}}, "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}]}}"#;
        assert_eq!(texts(llama), some(&[" a", "A"]));
        let pieces = r###"{"model": {"type": "WordPiece", "vocab": {"play": 0, "##ing": 1}}, "decoder": {"type": "WordPiece"}}"###;
        assert_eq!(texts(pieces), some(&[" play", "ing"]));
        let words = r#"{"model": {"type": "WordLevel", "vocab": {"one": 0, "two": 1}}}"#;
        assert_eq!(texts(words), some(&["one", "two"]));
    }

    #[test]
    fn what_is_no_tokenizer_is_refused() {
        for text in [
            "",
            "[1]",
            "{\"model\": {}}",
            "{\"model\": {\"vocab\": 3}}",
            "{\"model\": {\"vocab\": {\"a\": -1}}}",
            "{\"model\": {\"vocab\": {}}}",
            "{\"model\": {\"vocab\": {\"a\": 4000000000}}}",
        ] {
            assert!(read(text).unwrap_err().to_string().contains("tokenizer.json"), "{text}");
        }
        assert!(Vocabulary::is_tokenizer(b"{\"model\": {\"vocab\": {}}}"));
        assert!(!Vocabulary::is_tokenizer(b"{\"tokens\": [\"a\"]}\n{\"tokens\": []}"));
        assert!(!Vocabulary::is_tokenizer(b"{\"model\": 3}"));
    }
}
