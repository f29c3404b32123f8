//! From what was typed to a study: the dictionary at once, its evidence when first asked.
//!
//! Files that are named must be there and fit. Files that merely lie beside the dictionary (or beside the
//! activations) are found by name, tried, and left out with a note if they do not fit.

use super::cache::Cache;
use super::evidence::Evidence;
use super::fingerprint::Fingerprint;
use super::study::Study;
use crate::error::{Problem, Result};
use crate::sae::example::{Example, example};
use crate::sae::find::resolve;
use crate::sae::open::OpenOptions;
use crate::sae::{Activations, Dictionary, Labels, Tokens};
use crate::task::Task;
use std::path::{Path, PathBuf};

/// What to open.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// A path, `org/repo[/path]`, `@example` or `@example/concepts`.
    pub dictionary: String,
    /// Activations, if named.
    pub activations: Option<PathBuf>,
    /// Texts of the activation rows, if named.
    pub tokens: Option<PathBuf>,
    /// Labels, if named.
    pub labels: Option<PathBuf>,
    /// What the dictionary's files do not say.
    pub options: OpenOptions,
}

/// Opens the dictionary; the evidence is read later, by [`Study::load_evidence`].
///
/// # Errors
/// If there is no such dictionary or it cannot be understood.
pub fn open(request: &Request, cache: Cache) -> Result<Study> {
    let named = Named {
        activations: request.activations.clone(),
        tokens: request.tokens.clone(),
        labels: request.labels.clone(),
    };
    let overrides = format!("{:?}", request.options);
    if request.dictionary.starts_with('@') {
        let Some(example) = example(&request.dictionary) else {
            return Err(Problem::new(format!("there is no built-in example {:?}", request.dictionary))
                .expected("@example or @example/concepts")
                .usage());
        };
        let dictionary = example.dictionary(&request.options)?;
        let fingerprint = Fingerprint::new().text(&overrides).bytes(&example.weights).text(example.config).finish();
        let loader = move |dictionary: &Dictionary, _: &Task| load_example(&example, &named, dictionary.features());
        return Ok(Study::new(&request.dictionary, dictionary, fingerprint, cache, Box::new(loader)));
    }
    let path = resolve(Path::new(&request.dictionary))?;
    let dictionary = crate::sae::open::open(&path, &request.options)?;
    let mut fingerprint = Fingerprint::new().text(&overrides);
    for file in &dictionary.info.files {
        fingerprint = fingerprint.file(file)?;
    }
    let loader = move |dictionary: &Dictionary, _: &Task| load_files(dictionary, &named);
    Ok(Study::new(&request.dictionary, dictionary, fingerprint.finish(), cache, Box::new(loader)))
}

struct Named {
    activations: Option<PathBuf>,
    tokens: Option<PathBuf>,
    labels: Option<PathBuf>,
}

/// What may lie beside a dictionary, by parts of its file name.
struct Beside {
    words: &'static [&'static str],
    suffixes: &'static [&'static str],
}

const ACTIVATIONS: Beside = Beside { words: &["acts", "activations", "csr"], suffixes: &[".npz"] };
const TOKENS: Beside =
    Beside { words: &["tokens", "sequences", "rows", "texts"], suffixes: &[".jsonl", ".jsonl.gz", ".csv"] };
const LABELS: Beside =
    Beside { words: &["labels", "explanations"], suffixes: &[".jsonl", ".jsonl.gz", ".json", ".csv", ".tsv"] };

impl Beside {
    /// Files of this sort in `folders`, in folder then name order.
    fn find(&self, folders: &[PathBuf]) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for folder in folders {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            let mut here: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| self.fits(p)).collect();
            here.sort();
            found.extend(here);
        }
        found
    }
    fn fits(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_lowercase();
        let word = |word: &&str| name.split(['.', '_', '-']).any(|part| part == *word);
        path.is_file() && self.suffixes.iter().any(|s| name.ends_with(s)) && self.words.iter().any(word)
    }
}

fn folder_of(path: &Path) -> Option<PathBuf> {
    let folder = if path.is_dir() { path } else { path.parent()? };
    Some(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_path_buf() })
}

/// The first of `candidates` that loads; the others leave a note.
fn first_that_fits<T>(
    candidates: Vec<PathBuf>,
    notes: &mut Vec<String>,
    load: impl Fn(&Path) -> Result<T>,
) -> Option<T> {
    candidates.into_iter().find_map(|path| match load(&path) {
        Ok(found) => Some(found),
        Err(error) => {
            notes.push(format!("left out: {error}"));
            None
        }
    })
}

fn load_files(dictionary: &Dictionary, named: &Named) -> Result<Evidence> {
    let features = dictionary.features();
    let mut notes = Vec::new();
    let mut folders: Vec<PathBuf> = dictionary.info.files.iter().filter_map(|file| folder_of(file)).collect();
    folders.dedup();
    let activations = match &named.activations {
        Some(path) => Some(Activations::load(path, Some(features))?),
        None => first_that_fits(ACTIVATIONS.find(&folders), &mut notes, |p| Activations::load(p, Some(features))),
    };
    if let Some(folder) = activations.as_ref().and_then(|a| folder_of(&a.source))
        && !folders.contains(&folder)
    {
        folders.insert(0, folder);
    }
    let rows = activations.as_ref().map(Activations::tokens);
    let tokens = match &named.tokens {
        Some(path) => Some(Tokens::load(path, rows)?),
        None if activations.is_none() => None,
        None => first_that_fits(TOKENS.find(&folders), &mut notes, |p| Tokens::load(p, rows)),
    };
    let labels = match &named.labels {
        Some(path) => Some(Labels::load(path, features)?),
        None => first_that_fits(LABELS.find(&folders), &mut notes, |p| Labels::load(p, features)),
    };
    Ok(assemble(activations, tokens, labels, notes))
}

fn load_example(example: &Example, named: &Named, features: usize) -> Result<Evidence> {
    let activations = match &named.activations {
        Some(path) => Activations::load(path, Some(features))?,
        None => example.activations()?,
    };
    let tokens = match (&named.tokens, &named.activations) {
        (Some(path), _) => Some(Tokens::load(path, Some(activations.tokens()))?),
        (None, Some(_)) => None,
        (None, None) => Some(example.tokens()?),
    };
    let labels = match &named.labels {
        Some(path) => Some(Labels::load(path, features)?),
        None => example.labels(features)?,
    };
    Ok(assemble(Some(activations), tokens, labels, Vec::new()))
}

fn assemble(
    activations: Option<Activations>,
    tokens: Option<Tokens>,
    labels: Option<(Labels, Vec<String>)>,
    mut notes: Vec<String>,
) -> Evidence {
    if let Some(activations) = &activations {
        notes.extend(activations.notes.iter().cloned());
    }
    let labels = labels.map(|(labels, warnings)| {
        notes.extend(warnings);
        if labels.kind() == Some("top-tokens") {
            notes.push("labels are top tokens, not explanations".into());
        }
        labels
    });
    Evidence { activations, tokens, labels, notes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_beside_are_known_by_the_words_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["acts_csr.npz", "params.npz", "facts.npz", "labels.jsonl", "A_explanations.jsonl.gz", "rows.jsonl"]
        {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let names = |beside: &Beside| -> Vec<String> {
            let found = beside.find(&[folder.path().to_path_buf()]);
            found.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names(&ACTIVATIONS), ["acts_csr.npz"]);
        assert_eq!(names(&TOKENS), ["rows.jsonl"]);
        assert_eq!(names(&LABELS), ["A_explanations.jsonl.gz", "labels.jsonl"]);
    }
}
