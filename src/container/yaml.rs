//! YAML as configurations are written in, read as JSON values.
//!
//! Tags are passed over: `!!python/…` names classes, and none is made; what `!!python/name:` names stands
//! as text. An alias stands for nothing, since a small file of aliases could be as large as one likes when they are followed.
//! Keys become text.
//!
//! Source of the syntax: the parser of `saphyr-parser`; plain scalars by the core schema of YAML 1.2.

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value};

/// Deeper nesting than any configuration has.
const MAX_DEPTH: usize = 64;

/// The first document in `text`; null if there is none.
///
/// # Errors
/// What is wrong with it and where, in words.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|e| e.to_string())?;
        let value = match event {
            Event::Scalar(text, style, _, tag) => match (tag.as_deref().and_then(named), style) {
                (Some(name), _) if text.is_empty() => name.into(),
                (_, ScalarStyle::Plain) => plain(&text),
                _ => Value::String(text.into_owned()),
            },
            Event::Alias(_) => Value::Null,
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                if open.len() > MAX_DEPTH {
                    return Err(format!("it is nested deeper than {MAX_DEPTH}"));
                }
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Entries(Map::new(), None));
                if open.len() > MAX_DEPTH {
                    return Err(format!("it is nested deeper than {MAX_DEPTH}"));
                }
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(list)) => Value::Array(list),
                Some(Open::Entries(entries, _)) => Value::Object(entries),
                None => return Err("it ends what was not begun".into()),
            },
            _ => continue,
        };
        match open.last_mut() {
            None => return Ok(value),
            Some(Open::List(list)) => list.push(value),
            Some(Open::Entries(entries, key)) => match key.take() {
                Some(key) => {
                    entries.insert(key, value);
                }
                // Written as text, keys within keys would double with each.
                None if value.is_array() || value.is_object() => return Err("a list or a mapping is a key".into()),
                None => *key = Some(value.as_str().map_or_else(|| value.to_string(), str::to_string)),
            },
        }
    }
    Ok(Value::Null)
}

/// What is being read: a list, or a mapping with the key whose value comes next.
enum Open {
    List(Vec<Value>),
    Entries(Map<String, Value>, Option<String>),
}

/// The class or function that a tag of Python's names.
fn named(tag: &Tag) -> Option<&str> {
    tag.suffix.strip_prefix("python/name:")
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return true.into(),
        "false" | "False" | "FALSE" => return false.into(),
        _ => {}
    }
    let number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    if let Some(int) = number.then(|| text.parse::<i64>().ok()).flatten() {
        return int.into();
    }
    match number.then(|| text.parse::<f64>().ok()).flatten() {
        Some(float) if float.is_finite() => float.into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_is_read_without_making_what_its_tags_name() {
        let text = "# a comment\nmodel_name: \"google/gemma-2-2b\"\nsae:\n  exp_factor: 4\n  scaling: 1.5e-2\n  \
                    tied: false\n  none: ~\nhooks: [blocks.0, 'x: y']\ntype: !!python/name:interplm.sae.Relu ''\n\
                    args: !!python/tuple\n- 1\n- two\n1: one\n";
        let expected = json!({"model_name": "google/gemma-2-2b", "hooks": ["blocks.0", "x: y"],
            "sae": {"exp_factor": 4, "scaling": 0.015, "tied": false, "none": null}, "type": "interplm.sae.Relu", "args": [1, "two"],
            "1": "one"});
        assert_eq!(parse(text).unwrap(), expected);
        assert_eq!(parse("").unwrap(), Value::Null);
        assert_eq!(parse("nan: .nan\nversion: 1.2.3").unwrap(), json!({"nan": ".nan", "version": "1.2.3"}));
    }

    #[test]
    fn a_key_is_text_or_a_number() {
        assert!(parse("1: a\ntrue: b\nc: d\n").unwrap().is_object());
        for text in ["? ? a : b\n: c\n", "[a, b]: c\n", &"? ".repeat(30)] {
            assert!(parse(text).unwrap_err().contains("is a key"), "{text}");
        }
    }

    #[test]
    fn aliases_and_nesting_cost_nothing() {
        let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
        assert_eq!(parse(bomb).unwrap(), json!({"a": ["x", "x"], "b": [null, null], "c": [null, null]}));
        assert!(parse(&"[".repeat(1000)).is_err() && parse(&"- ".repeat(1000)).is_err());
        assert!(parse("a: [1, 2").is_err());
    }
}
