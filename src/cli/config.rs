//! `config`: what is settled and why, where the file is, and a file to begin with.

use super::args::ConfigArgs;
use super::output;
use crate::config::table::SETTINGS;
use crate::config::{Loaded, Source, template};
use crate::error::{Problem, Result};
use crate::text::printable;
use serde_json::{Map, Value, json};

pub(super) fn run(args: &ConfigArgs, loaded: &Loaded) -> Result<()> {
    if args.template {
        return output::print(&template());
    }
    if args.path {
        return match (&loaded.path, args.json) {
            (path, true) => output::print_json(&json!({ "path": path, "exists": loaded.exists })),
            (Some(path), false) => output::print(&format!("{}\n", printable(&path.display().to_string()))),
            (None, false) => Err(Problem::new("there is no home to keep settings in").hint("--config FILE").usage()),
        };
    }
    if args.json { output::print_json(&as_json(loaded)) } else { output::print(&as_text(loaded)) }
}

/// Everything that the file could say, as it holds.
fn rows(loaded: &Loaded) -> impl Iterator<Item = Row> {
    let settings = &loaded.settings;
    let settled = SETTINGS.iter().filter(|setting| setting.is_in_file()).map(|setting| {
        let (value, source) = settings.get(setting.name);
        let by = match source {
            Source::Environment => Some(setting.variable()),
            Source::Flag => setting.flag(),
            Source::Default | Source::File(_) => None,
        };
        Row { name: setting.name.to_string(), toml: value.toml(), json: value.json(), source, by }
    });
    let chosen = settings.chosen.iter().map(|own| Row {
        name: own.name.clone(),
        toml: own.toml.clone(),
        json: own.json.clone(),
        source: Source::File(own.line),
        by: None,
    });
    settled.chain(chosen)
}

struct Row {
    name: String,
    toml: String,
    json: Value,
    source: Source,
    /// The variable or flag that said so.
    by: Option<String>,
}

fn as_text(loaded: &Loaded) -> String {
    let path = loaded.path.as_ref().map(|path| printable(&path.display().to_string()));
    let mut text = match (path, loaded.exists) {
        (Some(path), true) => format!("# {path}\n"),
        (Some(path), false) => {
            format!("# {path} is not there: `saescope config --template` prints one to begin with\n")
        }
        (None, _) => "# there is no home to keep settings in\n".to_string(),
    };
    for Row { name, toml, source, by, .. } in rows(loaded) {
        let from = match (source, by) {
            (Source::File(line), _) => format!("line {line}"),
            (_, Some(by)) => by,
            (source, None) => source.name().to_string(),
        };
        text.push_str(&format!("{:<40}  # {from}\n", printable(&format!("{name} = {toml}"))));
    }
    text
}

fn as_json(loaded: &Loaded) -> Value {
    let row = |Row { name, json: value, source, by, .. }: Row| {
        let mut row = Map::new();
        row.insert("value".into(), value);
        row.insert("source".into(), source.name().into());
        if let Source::File(line) = source {
            row.insert("line".into(), line.into());
        }
        if let Some(by) = by {
            row.insert("by".into(), by.into());
        }
        (name.replace('"', ""), Value::Object(row))
    };
    json!({
        "path": loaded.path,
        "exists": loaded.exists,
        "settings": rows(loaded).map(row).collect::<Map<String, Value>>(),
    })
}
