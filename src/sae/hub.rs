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
    in_cache(cache, &repository, &below).ok_or_else(|| {
        problem("no such file or folder, and no such repository in the Hugging Face cache")
            .expected(format!("a path, or a repository in {}", cache.display()))
            .hint(format!("the path from here, or `hf download {repository}` first"))
            .input()
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

fn cache_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("HF_HUB_CACHE")
        .or_else(|| Some(variable("HF_HOME")?.join("hub")))
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("huggingface/hub")))
        .or_else(|| Some(etcetera::home_dir().ok()?.join(".cache/huggingface/hub")))
}

/// `below` in the newest snapshot of `repository` (as `refs/main` names it, or the only one there is).
fn in_cache(cache: &Path, repository: &str, below: &Path) -> Option<PathBuf> {
    let folder = cache.join(format!("models--{}", repository.replace('/', "--")));
    let snapshots = folder.join("snapshots");
    let main = std::fs::read_to_string(folder.join("refs/main")).ok().map(|text| text.trim().to_string());
    let main = main.filter(|sha| !sha.is_empty() && sha.chars().all(|c| c.is_ascii_alphanumeric()));
    let snapshot = main.map(|sha| snapshots.join(sha)).filter(|path| path.is_dir()).or_else(|| {
        let mut all = std::fs::read_dir(&snapshots).ok()?.flatten().map(|entry| entry.path());
        let one = all.next()?;
        all.next().is_none().then_some(one)
    })?;
    let path = snapshot.join(below);
    path.exists().then_some(path)
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
        let path = in_cache(cache, &name, Path::new(FILE))?;
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
        assert_eq!(in_cache(cache.path(), "org/repo", Path::new("")), None);
        std::fs::write(folder.join("refs/main"), "def\n").unwrap();
        let path = in_cache(cache.path(), "org/repo", Path::new("layer_1")).unwrap();
        assert!(path.ends_with("snapshots/def/layer_1"));
        assert_eq!(in_cache(cache.path(), "org/repo", Path::new("layer_2")), None);
        std::fs::write(folder.join("refs/main"), "../../..").unwrap();
        assert_eq!(in_cache(cache.path(), "org/repo", Path::new("")), None);
        std::fs::remove_dir_all(folder.join("snapshots/abc")).unwrap();
        assert!(in_cache(cache.path(), "org/repo", Path::new("")).is_some());
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
