//! Activations, read once and then mapped: the two orders of large ones are kept in the cache.
//!
//! A file says where each token fires; what is asked is also where each feature fires. Sorting tens of millions of
//! entries the other way takes seconds and three times the memory of the result, so the two orders are kept, mapped
//! when they are asked for again, and given back to the system when it wants the memory. An entry is keyed by
//! the fingerprint of the files and checked like a file: what does not hold together is read anew.
//!
//! Measured with 10 million entries of 300,000 tokens and 24,576 features on two cores, warm files (bench
//! `activations`): see [`KEPT_FROM`].

use super::cache::{Cache, Key};
use super::fingerprint::Fingerprint;
use crate::error::{Error, Result};
use crate::sae::Activations;
use crate::sae::activations::{Found, Sparse, VERSION};
use crate::task::Task;
use std::path::Path;

/// Entries from which on both orders are kept. Fewer are read and sorted about as fast as they are checked.
pub const KEPT_FROM: usize = 2_000_000;

/// Files smaller than this hold too few entries to be kept: two bytes an entry is less than any format takes.
const LARGE: u64 = 2 * KEPT_FROM as u64;

/// Names of the arrays of one order.
const BY_TOKEN: [&str; 3] = ["token_indptr", "token_indices", "token_values"];
const BY_FEATURE: [&str; 3] = ["feature_indptr", "feature_indices", "feature_values"];

/// The activations at `path` for a dictionary of `features` features, from `cache` if they were kept there.
///
/// # Errors
/// As [`Activations::load`]. That they cannot be kept is none.
pub fn load(path: &Path, features: usize, cache: &Cache, task: &Task) -> Result<Activations> {
    let found = Found::at(path, Some(features), task)?;
    let Some(key) = key(&found, features, cache) else { return found.read(Some(features), task) };
    match kept(&found, features, cache, &key, task) {
        Ok(Some(activations)) => return Ok(activations),
        Err(Error::Cancelled) => return Err(Error::Cancelled),
        // What is wrong with what was kept, or with the ids beside the file, shows when the file is read.
        Ok(None) | Err(_) => {}
    }
    let activations = found.read(Some(features), task)?;
    if activations.by_token.nnz() < KEPT_FROM {
        return Ok(activations);
    }
    task.stage("keeping activations", 0);
    if keep(&activations, cache, &key).is_ok() {
        // Mapped from now on: what was sorted in memory can go.
        match kept(&found, features, cache, &key, task) {
            Ok(Some(mapped)) => return Ok(mapped),
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Ok(None) | Err(_) => {}
        }
    }
    Ok(activations)
}

/// The key of large activations; none where nothing is kept.
fn key(found: &Found, features: usize, cache: &Cache) -> Option<Key> {
    cache.folder()?;
    let files = found.files();
    let size = |file: &std::path::PathBuf| std::fs::metadata(file).map_or(0, |meta| meta.len());
    if files.iter().map(size).sum::<u64>() < LARGE {
        return None;
    }
    let print = files.iter().try_fold(Fingerprint::new(), |print, file| {
        print.bytes(file.file_name().unwrap_or_default().as_encoded_bytes()).file(file)
    });
    let question = format!("activations of {features} features");
    Some(Key::new(&print.ok()?.finish(), &question, &format!("activations{VERSION}")))
}

/// What was kept, if it is there and holds together.
fn kept(found: &Found, features: usize, cache: &Cache, key: &Key, task: &Task) -> Result<Option<Activations>> {
    let Some(arrays) = cache.get(key) else { return Ok(None) };
    let read = || {
        let &[tokens, width] = &arrays.numbers::<u64>("sizes")?[..] else { return None };
        let (tokens, width) = (usize::try_from(tokens).ok()?, usize::try_from(width).ok()?);
        let order = |names: [&str; 3], rows, cols| {
            let (indptr, indices) = (arrays.numbers(names[0])?, arrays.numbers(names[1])?);
            Some(Sparse { rows, cols, indptr, indices, values: arrays.numbers(names[2])? })
        };
        let notes: Vec<String> = serde_json::from_slice(&arrays.numbers::<u8>("notes")?).ok()?;
        Some((order(BY_TOKEN, tokens, width)?, order(BY_FEATURE, width, tokens)?, notes))
    };
    let Some((by_token, by_feature, notes)) = read() else { return Ok(None) };
    if by_token.cols != features || by_token.nnz() != by_feature.nnz() {
        return Ok(None);
    }
    task.stage("checking activations", 2 * by_token.nnz() as u64);
    by_token.verify(task)?;
    by_feature.verify(task)?;
    found.with(by_token, by_feature, notes, task).map(Some)
}

/// Keeps both orders, unless they would take more than half of the cache from the other results.
fn keep(activations: &Activations, cache: &Cache, key: &Key) -> Result<()> {
    let Activations { by_token, by_feature, notes, .. } = activations;
    let notes = serde_json::to_vec(notes).unwrap_or_default();
    let sizes = [by_token.rows as u64, by_token.cols as u64];
    let mut arrays: Vec<(&str, &[u8])> = vec![("sizes", bytemuck::cast_slice(&sizes)), ("notes", &notes)];
    for (names, sparse) in [(BY_TOKEN, by_token), (BY_FEATURE, by_feature)] {
        arrays.push((names[0], bytemuck::cast_slice(&sparse.indptr)));
        arrays.push((names[1], bytemuck::cast_slice(&sparse.indices)));
        arrays.push((names[2], bytemuck::cast_slice(&sparse.values)));
    }
    if arrays.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>() > cache.limit() / 2 {
        return Ok(());
    }
    cache.put_lent(key, &activations.source.display().to_string(), &arrays)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cache::{Arrays, DEFAULT_LIMIT};
    use crate::sae::activations::write_csr;
    use std::fs::{self, File};

    fn task() -> Task {
        Task::new(1).unwrap()
    }

    /// A file of as many entries as are kept, and a cache.
    fn large() -> (tempfile::TempDir, std::path::PathBuf, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let (rows, per) = (KEPT_FROM / 4, 4u32);
        let indptr: Vec<u64> = (0..=rows as u64).map(|row| row * u64::from(per)).collect();
        let indices: Vec<u32> = (0..rows as u32).flat_map(|row| (0..per).map(move |i| row % 16 + 16 * i)).collect();
        let values: Vec<f32> = (0..indices.len()).map(|i| 1.0 + (i % 7) as f32).collect();
        let sparse = Sparse::new(rows, 64, indptr, indices, values).unwrap().0;
        let path = folder.path().join("acts.npz");
        write_csr(&sparse, None, None, File::create(&path).unwrap()).unwrap();
        let cache = Cache::at(folder.path().join("cache"), DEFAULT_LIMIT);
        (folder, path, cache)
    }

    #[test]
    fn what_was_kept_is_mapped_and_equals_the_file() {
        let (_folder, path, cache) = large();
        let plain = Activations::load(&path, Some(64), &task()).unwrap();
        for _ in 0..2 {
            let found = load(&path, 64, &cache, &task()).unwrap();
            assert!(found.by_token.is_mapped() && found.by_feature.is_mapped());
            assert_eq!((&found.by_token, &found.by_feature), (&plain.by_token, &plain.by_feature));
            assert_eq!((&found.source, &found.notes), (&path, &plain.notes));
        }
        assert_eq!(cache.list().len(), 1);
        assert!(load(&path, 65, &cache, &task()).is_err(), "another dictionary is refused all the same");
        let none = load(&path, 64, &Cache::off(), &task()).unwrap();
        assert_eq!(none.by_feature, plain.by_feature);
        let small = Cache::at(path.with_file_name("small"), 1 << 20);
        assert_eq!(load(&path, 64, &small, &task()).unwrap().by_feature, plain.by_feature);
        assert!(small.list().is_empty());
        let stopped = task();
        stopped.watch().cancel();
        assert!(matches!(load(&path, 64, &cache, &stopped), Err(Error::Cancelled)));
    }

    #[test]
    fn what_was_kept_and_does_not_hold_together_is_read_anew() {
        let (_folder, path, cache) = large();
        let plain = load(&path, 64, &cache, &task()).unwrap();
        let found = Found::at(&path, Some(64), &task()).unwrap();
        let key = key(&found, 64, &cache).unwrap();
        let with = |name: &str, change: &dyn Fn(&mut Vec<u32>)| {
            let mut arrays = Arrays::new().with("sizes", &[plain.tokens() as u64, 64]).with("notes", b"[]");
            for (names, sparse) in [(BY_TOKEN, &plain.by_token), (BY_FEATURE, &plain.by_feature)] {
                let mut indices = sparse.indices.to_vec();
                if names[1] == name {
                    change(&mut indices);
                }
                arrays = arrays.with(names[0], &sparse.indptr).with(names[1], &indices);
                arrays = arrays.with(names[2], &sparse.values);
            }
            cache.put(&key, "in", &arrays).unwrap();
            kept(&found, 64, &cache, &key, &task())
        };
        assert!(with("", &|_| {}).unwrap().is_some(), "nothing was changed");
        for name in [BY_TOKEN[1], BY_FEATURE[1]] {
            assert!(with(name, &|indices| indices[1] = indices[0]).is_err(), "{name}");
            assert!(with(name, &|indices| indices[3] = u32::MAX).is_err(), "{name}");
            assert!(with(name, &|indices| indices.truncate(9)).is_err(), "{name}");
            assert_eq!(load(&path, 64, &cache, &task()).unwrap().by_token, plain.by_token);
            assert!(kept(&found, 64, &cache, &key, &task()).unwrap().is_some(), "and kept again");
        }
        cache.put(&key, "in", &Arrays::new().with("sizes", &[u64::MAX, 64])).unwrap();
        assert!(kept(&found, 64, &cache, &key, &task()).unwrap().is_none());
        // A file that has changed has another key.
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .set_modified(modified + std::time::Duration::from_secs(1))
            .unwrap();
        assert_ne!(super::key(&found, 64, &cache).unwrap(), key);
    }
}
