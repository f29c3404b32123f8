//! From what was typed to a study: the dictionary at once, its evidence when first asked.
//!
//! Files that are named must be there and fit. Files that merely lie beside the dictionary (or beside the
//! activations) are found by name, tried, and left out with a note if they do not fit.

use super::activations::load as load_activations;
use super::cache::Cache;
use super::evidence::Evidence;
use super::fingerprint::Fingerprint;
use super::study::Study;
use super::token_labels::{self, TokenLabels};
use crate::container::Bytes;
use crate::error::{Error, Problem, Result};
use crate::geometry::cloud::LabelDistance;
use crate::sae::activations::is_split;
use crate::sae::example::{Example, example};
use crate::sae::find::{Located, locate};
use crate::sae::formats::VERSION as FORMATS_VERSION;
use crate::sae::labels::is_part;
use crate::sae::open::{OpenOptions, open_at};
use crate::sae::{Activations, Dictionary, Labels, Tokens, Vocabulary, hub};
use crate::task::Task;
use std::path::{Path, PathBuf};

/// What to open.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// A path, `org/repo[/path]`, `@example` or `@example/concepts`.
    pub dictionary: PathBuf,
    /// Activations, if named.
    pub activations: Option<PathBuf>,
    /// Texts of the activation rows, if named.
    pub tokens: Option<PathBuf>,
    /// Labels, if named.
    pub labels: Option<PathBuf>,
    /// Labels of the rows of the activations, if named, and how numbers among them are compared.
    pub token_labels: Option<(PathBuf, LabelDistance)>,
    /// What the dictionary's files do not say.
    pub options: OpenOptions,
}

/// Opens the dictionary; the evidence is read later, by [`Study::load_evidence`].
///
/// # Errors
/// If there is no such dictionary or it cannot be understood.
pub fn open(request: &Request, cache: Cache) -> Result<Study> {
    open_located(request, None, cache)
}

/// As [`open`], of a dictionary that was located before.
///
/// # Errors
/// As [`open`].
pub fn open_located(request: &Request, located: Option<Located>, cache: Cache) -> Result<Study> {
    let named = Named {
        activations: request.activations.clone(),
        tokens: request.tokens.clone(),
        labels: request.labels.clone(),
        token_labels: request.token_labels.clone(),
    };
    let said = request.options.said();
    let typed = request.dictionary.display().to_string();
    // The same files give the same results whether they were named or picked; a loader that was mended does not.
    let overrides = OpenOptions { pick: None, ..request.options.clone() };
    let fingerprint = Fingerprint::new().text(&format!("formats {FORMATS_VERSION} {overrides:?}"));
    if let Some(name) = request.dictionary.to_str().filter(|name| name.starts_with('@')) {
        let Some(example) = example(name) else {
            return Err(Problem::new(format!("there is no built-in example {name:?}"))
                .expected("@example or @example/concepts")
                .usage());
        };
        if let Some(pick) = &request.options.pick {
            return Err(Problem::new(format!("there is nothing to pick {pick} from: {name} is one dictionary"))
                .expected("a folder of dictionaries")
                .hint("leaving --pick out")
                .usage());
        }
        let dictionary = example.dictionary(&request.options)?;
        let fingerprint = fingerprint.bytes(&example.weights).text(example.config).finish();
        let kept = cache.clone();
        let loader =
            move |dictionary: &Dictionary, task: &Task| load_example(&example, &named, dictionary, &kept, task);
        return Ok(Study::new(name, dictionary, fingerprint, cache, Box::new(loader)).with_options(said));
    }
    let located = located.map_or_else(|| locate(&request.dictionary, request.options.pick.as_deref()), Ok)?;
    let (part, picked) = (located.part, located.picked.clone());
    let dictionary = open_at(located, &request.options)?;
    let files = &dictionary.info.files;
    let fingerprint = match part {
        Some(part) => fingerprint.text(&format!("part {part}")),
        None => fingerprint,
    };
    let fingerprint = files.iter().try_fold(fingerprint, |print, file| print.file(file))?.finish();
    let name = picked.map_or_else(|| typed.clone(), |picked| format!("{}/{picked}", typed.trim_end_matches('/')));
    let kept = cache.clone();
    let loader = move |dictionary: &Dictionary, task: &Task| load_files(dictionary, &named, &kept, task);
    Ok(Study::new(&name, dictionary, fingerprint, cache, Box::new(loader)).with_options(said))
}

struct Named {
    activations: Option<PathBuf>,
    tokens: Option<PathBuf>,
    labels: Option<PathBuf>,
    token_labels: Option<(PathBuf, LabelDistance)>,
}

/// What may lie beside a dictionary.
struct Beside {
    /// Parts of its name, as a file or a folder.
    words: &'static [&'static str],
    /// How the name of a file ends.
    suffixes: &'static [&'static str],
    /// What a folder so called has among its files, if it is one.
    inside: fn(&str) -> bool,
}

const ACTIVATIONS: Beside =
    Beside { words: &["acts", "activations", "csr", "latents"], suffixes: &[".npz"], inside: is_split };
const TOKENS: Beside = Beside {
    words: &["tokens", "sequences", "rows", "texts"],
    suffixes: &[".jsonl", ".jsonl.gz", ".csv"],
    inside: |_| false,
};
const LABELS: Beside = Beside {
    words: &["labels", "explanations"],
    suffixes: &[".jsonl", ".jsonl.gz", ".json", ".csv", ".tsv"],
    inside: is_part,
};

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
        if !self.words.iter().any(word) {
            return false;
        }
        if path.is_dir() {
            let Ok(entries) = std::fs::read_dir(path) else { return false };
            return entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(self.inside));
        }
        path.is_file() && self.suffixes.iter().any(|s| name.ends_with(s))
    }
}

fn folder_of(path: &Path) -> Option<PathBuf> {
    let folder = if path.is_dir() { path } else { path.parent()? };
    Some(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_path_buf() })
}

/// The folder of a run of delphi's: it has the activations of a hook in `latents/HOOK`, and labels in `explanations`.
fn run_of(activations: &Path) -> Option<PathBuf> {
    let latents = activations.parent().filter(|folder| folder.file_name().is_some_and(|name| name == "latents"))?;
    folder_of(latents.parent()?)
}

/// The first of `candidates` that loads; the others leave a note.
fn first_that_fits<T>(
    candidates: Vec<PathBuf>,
    notes: &mut Vec<String>,
    load: impl Fn(&Path) -> Result<T>,
) -> Result<Option<T>> {
    for path in candidates {
        match load(&path) {
            Ok(found) => return Ok(Some(found)),
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => notes.push(format!("left out: {error}")),
        }
    }
    Ok(None)
}

/// What was named, or else the first that lies in `folders` and fits.
fn named_or_beside<T>(
    named: Option<&PathBuf>,
    sort: &Beside,
    folders: &[PathBuf],
    notes: &mut Vec<String>,
    load: impl Fn(&Path) -> Result<T>,
) -> Result<Option<T>> {
    match named {
        Some(path) => load(path).map(Some),
        None => first_that_fits(sort.find(folders), notes, load),
    }
}

fn load_files(dictionary: &Dictionary, named: &Named, cache: &Cache, task: &Task) -> Result<Evidence> {
    let features = dictionary.features();
    let mut notes = Vec::new();
    let mut folders: Vec<PathBuf> = dictionary.info.files.iter().filter_map(|file| folder_of(file)).collect();
    folders.dedup();
    let load = |path: &Path| load_activations(path, features, cache, task);
    let activations = named_or_beside(named.activations.as_ref(), &ACTIVATIONS, &folders, &mut notes, load)?;
    if let Some(folder) = activations.as_ref().and_then(|a| folder_of(&a.source))
        && !folders.contains(&folder)
    {
        folders.insert(0, folder);
    }
    let places = if activations.is_none() { &[][..] } else { &folders };
    let model = dictionary.info.model.as_deref();
    let tokens = texts(named.tokens.as_deref(), places, activations.as_ref(), model, &mut notes, task)?;
    let load = |path: &Path| Labels::load_of(path, features, (&dictionary.info).into(), task);
    folders.extend(activations.as_ref().and_then(|activations| run_of(&activations.source)));
    let labels = named_or_beside(named.labels.as_ref(), &LABELS, &folders, &mut notes, load)?;
    assemble(dictionary, activations, tokens, labels, named, notes)
}

/// The texts of the rows: those that were named, or lie in `folders`; else those of the token ids beside the activations,
/// by a tokenizer that was named or lies in `folders`, in a folder above the activations, or, of the language model, in
/// the Hugging Face cache.
fn texts(
    named: Option<&Path>,
    folders: &[PathBuf],
    activations: Option<&Activations>,
    model: Option<&str>,
    notes: &mut Vec<String>,
    task: &Task,
) -> Result<Option<Tokens>> {
    let rows = activations.map(Activations::tokens);
    let ids = activations.and_then(|activations| Some((activations.ids.as_ref()?, activations)));
    if let Some(path) = named {
        let is_tokenizer = path.is_dir() || Bytes::map(path).is_ok_and(|bytes| Vocabulary::is_tokenizer(&bytes));
        if !is_tokenizer {
            return Tokens::load(path, rows, task).map(Some);
        }
        let vocabulary = Vocabulary::load(path)?;
        let Some((ids, _)) = ids else {
            return Err(Problem::new("a tokenizer, but the activations have no token ids")
                .path(path)
                .expected("the texts of the rows")
                .hint("jsonl with the tokens of a sequence on each line")
                .input());
        };
        return Tokens::from_ids(ids, Some(&vocabulary), path, task).map(Some);
    }
    if let Some(found) = first_that_fits(TOKENS.find(folders), notes, |path| Tokens::load(path, rows, task))? {
        return Ok(Some(found));
    }
    let Some((ids, activations)) = ids else { return Ok(None) };
    let above = activations.source.ancestors().skip(1).take(TOKENIZER_ABOVE).map(Path::to_path_buf);
    let places = folders.iter().cloned().chain(above).map(|folder| folder.join("tokenizer.json"));
    let candidates: Vec<PathBuf> = places.filter(|path| path.is_file()).take(1).collect();
    let read = |path: &Path| Tokens::from_ids(ids, Some(&Vocabulary::load(path)?), path, task);
    if let Some(found) = first_that_fits(candidates, notes, read)? {
        return Ok(Some(found));
    }
    let mut models = [model, activations.model.as_deref()].into_iter().flatten();
    if let Some((repository, path)) = models.find_map(hub::tokenizer)
        && let Some(found) = first_that_fits(vec![path], notes, read)?
    {
        notes.push(format!("tokens are read with the tokenizer of {repository} in the Hugging Face cache"));
        return Ok(Some(found));
    }
    notes.push("tokens are shown by their ids: no tokenizer.json was found; --tokens names one".into());
    Tokens::from_ids(ids, None, &activations.source, task).map(Some)
}

/// In how many folders above the activations a tokenizer is looked for.
const TOKENIZER_ABOVE: usize = 3;

/// What is built in; beside activations that were named is looked as for any dictionary.
fn load_example(
    example: &Example,
    named: &Named,
    dictionary: &Dictionary,
    cache: &Cache,
    task: &Task,
) -> Result<Evidence> {
    let features = dictionary.features();
    let mut notes = Vec::new();
    let folders: Vec<PathBuf> = named.activations.as_deref().and_then(folder_of).into_iter().collect();
    let activations = match &named.activations {
        Some(path) => load_activations(path, features, cache, task)?,
        None => example.activations(task)?,
    };
    let tokens = match (&named.tokens, &named.activations) {
        (None, None) => Some(example.tokens(task)?),
        (tokens, _) => {
            let model = dictionary.info.model.as_deref();
            texts(tokens.as_deref(), &folders, Some(&activations), model, &mut notes, task)?
        }
    };
    let load = |path: &Path| Labels::load_of(path, features, (&dictionary.info).into(), task);
    let labels = match named_or_beside(named.labels.as_ref(), &LABELS, &folders, &mut notes, load)? {
        Some(labels) => Some(labels),
        None => example.labels(features, task)?,
    };
    assemble(dictionary, Some(activations), tokens, labels, named, notes)
}

fn assemble(
    dictionary: &Dictionary,
    activations: Option<Activations>,
    tokens: Option<Tokens>,
    labels: Option<(Labels, Vec<String>)>,
    named: &Named,
    mut notes: Vec<String>,
) -> Result<Evidence> {
    if let Some(activations) = &activations {
        notes.extend(activations.notes.iter().cloned());
    }
    let mut warnings = Vec::new();
    let labels = labels.map(|(labels, found)| {
        warnings.extend(labels.doubts(&dictionary.info));
        notes.extend(found);
        if labels.kind() == Some("top-tokens") {
            notes.push("labels are top tokens, not explanations".into());
        }
        labels
    });
    let token_labels = match (&named.token_labels, &activations) {
        (None, _) => None,
        (Some((path, distance)), Some(activations)) => Some(TokenLabels {
            path: path.clone(),
            labels: token_labels::load(path, activations.tokens())?,
            distance: *distance,
        }),
        (Some((path, _)), None) => {
            return Err(Problem::new("labels of tokens, but there are no activations")
                .path(path)
                .hint("naming them with --acts FILE")
                .usage());
        }
    };
    Ok(Evidence { activations, tokens, labels, token_labels, warnings, notes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sae::synth::{SynthKind, SynthParams, plant, target, write};

    fn open_with(path: &Path, pick: Option<&str>) -> Study {
        let options = OpenOptions { pick: pick.map(str::to_string), ..OpenOptions::default() };
        open(&Request { dictionary: path.into(), options, ..Request::default() }, Cache::off()).unwrap()
    }

    fn folder_of_many() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            let params = SynthParams { features: 30, d_model: 4, tokens: 9, ..SynthParams::default() };
            let task = Task::new(1).unwrap();
            let planted = plant(SynthKind::Random, &params, &task).unwrap();
            write(&planted, &target(&folder.path().join(name), false).unwrap(), &task).unwrap();
        }
        folder
    }

    #[test]
    fn a_picked_dictionary_is_the_same_as_a_named_one_and_says_its_name() {
        let folder = folder_of_many();
        let (picked, direct) = (open_with(folder.path(), Some("b")), open_with(&folder.path().join("b"), None));
        assert_eq!(picked.fingerprint, direct.fingerprint);
        assert_eq!(picked.name, folder.path().join("b").display().to_string());
        assert_eq!(direct.name, picked.name);
        let other = OpenOptions { arch: Some("topk".into()), k: Some(2), ..OpenOptions::default() };
        let request = Request { dictionary: folder.path().join("b"), options: other, ..Request::default() };
        assert_ne!(open(&request, Cache::off()).unwrap().fingerprint, direct.fingerprint);
    }

    #[test]
    fn provenance_has_the_evidence_that_was_read() {
        let folder = folder_of_many();
        let study = open_with(&folder.path().join("a"), None);
        assert!(study.sources().is_empty(), "nothing was read yet");
        study.load_evidence(&Task::new(1).unwrap()).unwrap();
        let sources = study.sources();
        let path = folder.path().join("a/activations.npz");
        assert_eq!(sources["acts"]["path"], path.display().to_string());
        assert_eq!(sources["acts"]["fingerprint"], Fingerprint::new().file(&path).unwrap().finish());
        assert!(!sources.contains_key("tokens") && !sources.contains_key("labels"));
        let built_in = open_with(Path::new("@example/concepts"), None);
        built_in.load_evidence(&Task::new(1).unwrap()).unwrap();
        assert_eq!(built_in.sources()["acts"]["path"], "@example/concepts");
    }

    #[test]
    fn what_lies_beside_activations_is_found_for_an_example_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let example = example("@example/concepts").unwrap();
        let bytes = [("acts.npz", &example.activations), ("rows.jsonl.gz", &example.tokens)];
        for (name, bytes) in bytes {
            std::fs::write(path(name), bytes).unwrap();
        }
        std::fs::write(path("labels.csv"), "index,label\n3,three\n").unwrap();
        let request = Request {
            dictionary: "@example/concepts".into(),
            activations: Some(path("acts.npz")),
            ..Request::default()
        };
        let study = open(&request, Cache::off()).unwrap();
        study.load_evidence(&Task::new(1).unwrap()).unwrap();
        assert_eq!(study.tokens().unwrap().path(), path("rows.jsonl.gz"));
        assert_eq!(study.label(3), Some("three"));
        let options = OpenOptions { pick: Some("x".into()), ..OpenOptions::default() };
        let refused = open(&Request { options, ..request }, Cache::off()).map(drop).unwrap_err().to_string();
        assert!(refused.contains("leaving --pick out"), "{refused}");
    }

    #[test]
    fn cancelling_stops_the_search_beside_a_dictionary() {
        let folder = folder_of_many();
        let task = Task::new(1).unwrap();
        task.watch().cancel();
        let result = open_with(&folder.path().join("a"), None).load_evidence(&task).map(drop);
        assert!(matches!(result, Err(Error::Cancelled)));
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_text_opens() {
        use std::os::unix::ffi::OsStrExt;
        let folder = folder_of_many();
        let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"odd\xff"));
        std::fs::rename(folder.path().join("a"), &odd).unwrap();
        assert_eq!(open_with(&odd, None).features(), 30);
    }

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
