//! delphi's explanations: a folder of `{module}_latent{feature}.txt`, each a JSON string.
//!
//! The files of several modules lie in one folder; which are the dictionary's is told by its hook, and where that does
//! not settle it, the modules are named. Where an explanation was scored, `scores/{detection,fuzz}` beside the folder has a
//! file of the same name, a list of answers; the score is the share of them that is `correct`. Source: EleutherAI/delphi,
//! `delphi/__main__.py`, `delphi/scorers/classifier/sample.py`.

use super::{About, Found};
use crate::container::Bytes;
use crate::error::{Error, Problem, Result};
use crate::text::is_digits;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The longest explanation that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Who asked for the answers, best first: each fills what those before have not scored.
const SCORERS: [&str; 2] = ["detection", "fuzz"];
/// The longest list of answers that is read, in bytes.
const LONGEST_ANSWERS: usize = 16 << 20;

/// The files of a folder by module: feature and path, by feature.
pub(super) type Modules = BTreeMap<String, Vec<(u64, PathBuf)>>;

/// The module and the feature that a file's name says.
pub(super) fn named(name: &str) -> Option<(&str, u64)> {
    let (module, feature) = name.strip_suffix(".txt")?.rsplit_once("_latent")?;
    let feature = is_digits(feature).then(|| feature.parse().ok())??;
    Some((module, feature))
}

/// What the names of such files say; empty if a folder has none.
pub(super) fn modules<'p>(files: impl IntoIterator<Item = &'p PathBuf>) -> Modules {
    let mut modules = Modules::new();
    for path in files {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let Some((module, feature)) = named(&name) else { continue };
        modules.entry(module.to_string()).or_default().push((feature, path.clone()));
    }
    for files in modules.values_mut() {
        files.sort();
    }
    modules
}

/// Reads the files of the module that is `hook`, or of the only one; gives its name.
pub(super) fn read(found: &mut Found, modules: &Modules, hook: Option<&str>, folder: &Path) -> Result<String> {
    let names: Vec<&str> = modules.keys().map(String::as_str).collect();
    let chosen = match names[..] {
        [one] => one,
        _ => {
            let own = names.iter().find(|name| hook.is_some_and(|hook| hook == **name));
            *own.ok_or_else(|| {
                let hook = hook.map_or_else(
                    || "the dictionary names no hook".into(),
                    |hook| format!("the dictionary's hook is {hook}"),
                );
                Problem::new(format!("explanations of several modules: {}; {hook}", names.join(", ")))
                    .path(folder)
                    .expected("those of one, or of the dictionary's hook")
                    .hint("a folder with the files of one module")
                    .input()
            })?
        }
    };
    for (feature, path) in &modules[chosen] {
        let bytes = Bytes::map(path)?;
        if bytes.len() > LONGEST {
            return Err(Problem::new("an explanation of more than 1 MiB").path(path).input());
        }
        let words: String = serde_json::from_slice(&bytes).map_err(|error| -> Error {
            Problem::new(format!("the explanation cannot be read: {error}"))
                .path(path)
                .expected("one JSON string, as delphi writes it")
                .input()
        })?;
        found.task.check()?;
        let score = match (path.file_name(), folder.parent()) {
            (Some(name), Some(run)) => {
                let files = SCORERS.iter().map(|scorer| run.join("scores").join(scorer).join(name));
                files.filter(|file| file.is_file()).find_map(|file| share_correct(&file))
            }
            _ => None,
        };
        let about = About { score, ..About::default() };
        found.add(Ok(*feature), &words, about).map_err(|error| error.at(path))?;
    }
    Ok(chosen.to_string())
}

/// An answer of a scorer; none where the model gave none.
#[derive(Deserialize)]
struct Answer {
    correct: Option<bool>,
}

/// The share of a file's answers that is correct; none if it cannot be read, or has none.
fn share_correct(file: &Path) -> Option<f64> {
    let bytes = Bytes::map(file).ok().filter(|bytes| bytes.len() <= LONGEST_ANSWERS)?;
    let answers: Vec<Answer> = serde_json::from_slice(&bytes).ok()?;
    let given: Vec<bool> = answers.into_iter().filter_map(|answer| answer.correct).collect();
    let correct = given.iter().filter(|correct| **correct).count();
    (!given.is_empty()).then(|| correct as f64 / given.len() as f64)
}
