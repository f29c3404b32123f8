//! The Hugging Face cache: dictionaries that a path may name, and tokenizers of language models.
//!
//! The cache's layout is the one that the Hub documents for other readers:
//! `models--org--repo/{refs/main, snapshots/<sha>/…}`. Nothing is fetched.

use crate::error::{Error, Problem, Result};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The path itself if something is there, else what it names in the Hugging Face cache.
///
/// # Errors
/// If it is neither; the message says where was looked.
pub fn resolve(path: &Path) -> Result<PathBuf> {
    let problem = |what: &str| Problem::new(what).path(path);
    match path.try_exists() {
        Ok(true) => return Ok(path.to_path_buf()),
        Ok(false) if path.is_symlink() => {
            return Err(problem("a link that leads nowhere").expected("a file or a folder").input());
        }
        // A folder that may not be entered, or links in a circle: something is there.
        Err(error) if error.kind() != ErrorKind::NotADirectory => return Err(Error::io(path, &error)),
        _ => {}
    }
    let Some((repository, below)) = repository(path) else {
        return Err(problem("no such file or folder")
            .expected("a dictionary's file or folder, org/repo of the Hugging Face cache, or @example")
            .hint("the path from here, or a full one")
            .input());
    };
    let cache = cache_folder();
    let Some(cache) = &cache else {
        return Err(problem("no such file or folder, and no Hugging Face cache to look in").hint("HF_HOME").input());
    };
    in_cache(cache, &repository, &below).map_err(|missing| {
        let expected = format!("a path, or a repository in {}", cache.display());
        let fetch = format!("the path from here, or `hf download {repository}` first");
        match missing {
            Missing::Repository => {
                let what = "no such file or folder, and no such repository in the Hugging Face cache";
                problem(what).expected(expected).hint(fetch).input()
            }
            Missing::Main(snapshots) => problem("of this repository the Hugging Face cache has no main revision")
                .expected(format!("the snapshot that {MAIN} names, or one alone in {}", snapshots.display()))
                .hint("the path of one of the snapshots")
                .input(),
            Missing::Below(snapshot) => problem("no such file or folder in the repository's snapshot")
                .expected(format!("what is in {}", snapshot.display()))
                .hint(format!("`hf download {repository}`, which fetches what is not there yet"))
                .input(),
        }
    })
}

/// Splits `org/repo/path` if it can be one.
fn repository(path: &Path) -> Option<(String, PathBuf)> {
    let mut parts = path.to_str()?.split('/');
    let allowed = |part: &&str| {
        let fine = part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        fine && !part.is_empty() && !part.starts_with('.') && !part.contains("--")
    };
    let (org, repo) = (parts.next().filter(allowed)?, parts.next().filter(allowed)?);
    let below: PathBuf = parts.filter(|part| !part.is_empty()).collect();
    let inside = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    inside.then(|| (format!("{org}/{repo}"), below))
}

/// Where the cache is: as the Hub's own library finds it.
fn cache_folder() -> Option<PathBuf> {
    let variable = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name).filter(|value| !value.is_empty())?);
        match path.strip_prefix("~") {
            Ok(below) => Some(etcetera::home_dir().ok()?.join(below)),
            Err(_) => Some(path),
        }
    };
    variable("HF_HUB_CACHE")
        .or_else(|| variable("HUGGINGFACE_HUB_CACHE"))
        .or_else(|| Some(variable("HF_HOME")?.join("hub")))
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("huggingface/hub")))
        .or_else(|| Some(etcetera::home_dir().ok()?.join(".cache/huggingface/hub")))
}

/// The file that names the snapshot of a repository's main revision.
const MAIN: &str = "refs/main";

/// What the file of the main revision says, which is a line.
fn main_of(repository: &Path) -> Option<String> {
    const LONGEST: u64 = 200;
    let file = repository.join(MAIN);
    let about = std::fs::metadata(&file).ok()?;
    let text = (about.is_file() && about.len() <= LONGEST).then(|| std::fs::read_to_string(file).ok()).flatten()?;
    Some(text.trim().to_string())
}

/// What of a path in a repository is not in the cache.
#[derive(Debug, PartialEq, Eq)]
enum Missing {
    Repository,
    /// The main revision, of several snapshots in this folder.
    Main(PathBuf),
    /// The path, in this snapshot.
    Below(PathBuf),
}

/// `below` in the newest snapshot of `repository` (as `refs/main` names it, or the only one there is).
fn in_cache(cache: &Path, repository: &str, below: &Path) -> Result<PathBuf, Missing> {
    let folder = cache.join(format!("models--{}", repository.replace('/', "--")));
    let snapshots = folder.join("snapshots");
    let main = main_of(&folder).filter(|sha| !sha.is_empty() && sha.chars().all(|c| c.is_ascii_alphanumeric()));
    let snapshot = match main.map(|sha| snapshots.join(sha)).filter(|path| path.is_dir()) {
        Some(snapshot) => snapshot,
        None => {
            let mut all = std::fs::read_dir(&snapshots).into_iter().flatten().flatten().map(|entry| entry.path());
            let one = all.next().ok_or(Missing::Repository)?;
            if all.next().is_some() {
                return Err(Missing::Main(snapshots));
            }
            one
        }
    };
    let path = snapshot.join(below);
    if path.exists() { Ok(path) } else { Err(Missing::Below(snapshot)) }
}

/// The `tokenizer.json` of a language model in the cache, with the repository that has it. The model is called `org/repo`
/// as on the Hub, or by its last part alone, as TransformerLens does; of several the first by name.
pub(crate) fn tokenizer(model: &str) -> Option<(String, PathBuf)> {
    tokenizer_in(&cache_folder()?, model)
}

fn tokenizer_in(cache: &Path, model: &str) -> Option<(String, PathBuf)> {
    const FILE: &str = "tokenizer.json";
    // TransformerLens's own name for what the Hub calls gpt2.
    let model = if model == "gpt2-small" { "gpt2" } else { model };
    let entries = std::fs::read_dir(cache).ok()?.flatten();
    let names =
        entries.filter_map(|entry| Some(entry.file_name().to_str()?.strip_prefix("models--")?.replace("--", "/")));
    let same = |name: &String| {
        let found = if model.contains('/') { Some(name.as_str()) } else { name.rsplit('/').next() };
        found.is_some_and(|found| found.eq_ignore_ascii_case(model))
    };
    let mut names: Vec<String> = names.filter(same).collect();
    names.sort();
    names.into_iter().find_map(|name| {
        let path = in_cache(cache, &name, Path::new(FILE)).ok()?;
        Some((name, path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_repository_is_taken_for_one() {
        let split = |path: &str| repository(Path::new(path)).map(|(name, below)| (name, below.display().to_string()));
        assert_eq!(split("google/gemma-scope"), Some(("google/gemma-scope".into(), String::new())));
        assert_eq!(split("a/b/c/d"), Some(("a/b".into(), "c/d".into())));
        for no in ["a", "/a/b", "./a/b", "../a/b", "a/b/../c", "a/b c", "a--b/c", "a/.b", ""] {
            assert_eq!(split(no), None, "{no}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_nowhere_or_in_a_circle_are_said_to() {
        let folder = tempfile::tempdir().unwrap();
        let (dangling, circle) = (folder.path().join("dangling"), folder.path().join("circle"));
        std::os::unix::fs::symlink("gone", &dangling).unwrap();
        std::os::unix::fs::symlink("circle", &circle).unwrap();
        assert!(resolve(&dangling).unwrap_err().to_string().contains("leads nowhere"));
        assert!(matches!(resolve(&circle).unwrap_err(), Error::Io { .. }));
        std::fs::write(folder.path().join("file"), "").unwrap();
        let below = resolve(&folder.path().join("file/below")).unwrap_err().to_string();
        assert!(below.contains("no such file or folder"), "{below}");
    }

    #[test]
    fn the_cache_is_read_through_its_main_reference() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("models--org--repo");
        for sha in ["abc", "def"] {
            std::fs::create_dir_all(folder.join("snapshots").join(sha).join("layer_1")).unwrap();
        }
        std::fs::create_dir_all(folder.join("refs")).unwrap();
        let missing = |below: &str| in_cache(cache.path(), "org/repo", Path::new(below)).unwrap_err();
        assert!(matches!(missing(""), Missing::Main(_)));
        assert_eq!(in_cache(cache.path(), "org/other", Path::new("")), Err(Missing::Repository));
        std::fs::write(folder.join("refs/main"), "def\n").unwrap();
        let path = in_cache(cache.path(), "org/repo", Path::new("layer_1")).unwrap();
        assert!(path.ends_with("snapshots/def/layer_1"));
        assert_eq!(missing("layer_2"), Missing::Below(folder.join("snapshots/def")));
        std::fs::write(folder.join("refs/main"), "../../..").unwrap();
        assert!(matches!(missing(""), Missing::Main(_)));
        std::fs::remove_dir_all(folder.join("snapshots/abc")).unwrap();
        assert!(in_cache(cache.path(), "org/repo", Path::new("")).is_ok());
    }

    #[test]
    fn a_models_tokenizer_is_found_by_its_whole_name_or_its_last_part() {
        let cache = tempfile::tempdir().unwrap();
        for name in ["models--gpt2", "models--google--gemma-2-2b", "models--other--gemma-2-2b", "datasets--gpt2"] {
            let folder = cache.path().join(name).join("snapshots/abc");
            std::fs::create_dir_all(&folder).unwrap();
            if name != "models--google--gemma-2-2b" {
                std::fs::write(folder.join("tokenizer.json"), "{}").unwrap();
            }
        }
        let found = |model: &str| tokenizer_in(cache.path(), model).map(|(name, _)| name);
        assert_eq!(found("gpt2-small").as_deref(), Some("gpt2"));
        assert_eq!(found("GPT2").as_deref(), Some("gpt2"));
        assert_eq!(found("gemma-2-2b").as_deref(), Some("other/gemma-2-2b"), "the first has no tokenizer");
        for none in ["google/gemma-2-2b", "gemma", "", "../gpt2"] {
            assert_eq!(found(none), None, "{none}");
        }
    }
}
