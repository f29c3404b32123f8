//! delphi's cache of latents: a folder of splits, or one file.
//!
//! A split `{start}_{end}.safetensors` holds the features `start..=end`: `locations` `[entries, 3]` of (sequence,
//! position, feature - start) as u16, or u32 where they do not fit, `activations` `[entries]` in f16, and where they were
//! saved `tokens` `[sequences, context]`, repeated in every split. `config.json` beside them has `cache_ctx_len` and
//! `n_tokens`. The single file `{hookpoint}.safetensors` has the same names; its features are not shifted. Entries come
//! by sequence, position and feature. Row = sequence · context + position.
//!
//! Memory beside the result: 4 bytes an entry. Source: EleutherAI/delphi, `delphi/latents/cache.py`.

use super::super::sparse::Sparse;
use super::read::{narrow, part, values};
use super::source::Source;
use super::{Format, Read, TokenIds, agree, config, plausible};
use crate::container::{ArrayFile, Dtype, Tensor};
use crate::error::{Problem, Result};
use crate::task::Task;
use crate::text::counted;
use std::ops::Range;
use std::path::{Path, PathBuf};

pub(super) const FOLDER: Format = Format {
    name: "delphi",
    about: "delphi cache: folder of `START_END.safetensors` splits with `locations`, `activations` and `tokens`",
    detect: |source, _| source.names().iter().any(|name| is_split(name)),
    read: read_folder,
    ids: ids_of_folder,
};

pub(super) const FILE: Format = Format {
    name: "delphi-file",
    about: "delphi cache in one file: `locations` with whole feature numbers, `activations` and `tokens`",
    detect: |source, _| source.has("locations") && source.has("activations"),
    read: |source, features, task| {
        let file = source.arrays().ok_or_else(|| source.problem("no file").input())?;
        let split = Split::open(file, &source.path, 0, task)?;
        build(source, &[split], None, features, task)
    },
    ids: |source, task| {
        if source.has("tokens") { TokenIds::of(&source.tensor("tokens")?, task).map(Some) } else { Ok(None) }
    },
};

/// Whether a file is called as a split is.
pub(crate) fn is_split(name: &str) -> bool {
    range_of(name).is_some()
}

/// The features that a split's name says, both ends included.
fn range_of(name: &str) -> Option<(usize, usize)> {
    let (start, end) = name.strip_suffix(".safetensors")?.split_once('_')?;
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?;
    let (start, end): (usize, usize) = (number(start)?, number(end)?);
    (start <= end).then_some((start, end))
}

/// The entries of one file.
struct Split {
    path: PathBuf,
    /// Added to the features.
    shift: usize,
    locations: Tensor,
    activations: Tensor,
    /// Sequences and context of the tokens.
    tokens: Option<(usize, usize)>,
    /// The highest sequence, position and feature in this split.
    highest: [u32; 3],
}

impl Split {
    fn open(file: &ArrayFile, path: &Path, shift: usize, task: &Task) -> Result<Self> {
        let locations = file.tensor("locations")?;
        let activations = file.tensor("activations")?;
        let &[entries, 3] = locations.shape() else {
            return Err(locations.problem("not a list of places").expected("[entries, 3]").input());
        };
        if locations.dtype().is_float() || locations.dtype() == Dtype::Bool {
            return Err(locations.problem("places that are no integers").expected("u16, u32 or i64").input());
        }
        if activations.shape() != [entries] {
            return Err(activations.problem("not one for each place").expected(format!("[{entries}]")).input());
        }
        let tokens = file.list()?.into_iter().find(|tensor| tensor.name == "tokens").map(|tokens| tokens.shape);
        let tokens = match tokens.as_deref() {
            Some(&[sequences, context]) => Some((sequences, context)),
            _ => None,
        };
        let mut split = Self { path: path.to_path_buf(), shift, locations, activations, tokens, highest: [0; 3] };
        for start in (0..entries).step_by(PART) {
            task.check()?;
            for place in split.places(start..entries.min(start + PART))?.as_chunks::<3>().0 {
                for (most, &found) in split.highest.iter_mut().zip(place) {
                    *most = found.max(*most);
                }
            }
        }
        Ok(split)
    }
    fn len(&self) -> usize {
        self.activations.len()
    }
    /// (sequence, position, feature in this split) of the entries `range`, one after another.
    fn places(&self, range: Range<usize>) -> Result<crate::container::Numbers<u32>> {
        narrow(&part(&self.locations, range)?, &mut |_| Ok(()))
    }
}

/// Entries that are looked at together.
const PART: usize = 1 << 18;

/// The splits of a folder by their features, with the range that each name says.
fn splits(source: &Source, task: &Task) -> Result<Vec<(Split, Range<usize>)>> {
    let mut splits = Vec::new();
    for name in source.names() {
        let Some((start, end)) = range_of(name) else { continue };
        let path = source.path.join(name);
        splits.push((Split::open(&ArrayFile::open(&path)?, &path, start, task)?, start..end.saturating_add(1)));
    }
    splits.sort_by_key(|(_, range)| range.start);
    for [(one, a), (other, b)] in splits.array_windows() {
        if a.end > b.start {
            let what = format!("features {} to {} are in two splits", b.start, a.end - 1);
            return Err(Problem::new(what)
                .path(&other.path)
                .expected(format!("features from {} on, after {}", a.end, one.path.display()))
                .hint("a folder of one run: splits of another number of parts lie beside them")
                .input());
        }
    }
    Ok(splits)
}

fn ids_of_folder(source: &Source, task: &Task) -> Result<Option<TokenIds>> {
    for name in source.names().iter().filter(|name| is_split(name)) {
        let file = ArrayFile::open(&source.path.join(name))?;
        if file.list()?.iter().any(|tensor| tensor.name == "tokens") {
            return TokenIds::of(&file.tensor("tokens")?, task).map(Some);
        }
    }
    Ok(None)
}

fn read_folder(source: &Source, features: Option<usize>, task: &Task) -> Result<Read> {
    let splits = splits(source, task)?;
    let Some(end) = splits.last().map(|(_, range)| range.end) else {
        return Err(source.problem("no splits").input());
    };
    let missing: Vec<String> = std::iter::once(0)
        .chain(splits.iter().map(|(_, range)| range.end))
        .zip(splits.iter().map(|(_, range)| range.start).chain([features.unwrap_or(end).max(end)]))
        .filter(|(end, start)| end < start)
        .map(|(end, start)| format!("{end} to {}", start - 1))
        .collect();
    let complete = config(&source.path)?.and_then(|config| config.get("n_splits")?.as_u64());
    if complete == Some(splits.len() as u64) || features.is_some_and(|features| end > features) {
        // All splits that were written are there, so the last one ends where the features do.
        agree(&source.path, None, end, features)?;
    }
    for (split, range) in &splits {
        let [.., highest] = split.highest;
        if split.len() > 0 && highest as usize >= range.len() {
            return Err(split
                .locations
                .problem(format!("feature {highest} in a split of {}", counted(range.len(), "feature", "features")))
                .expected("features that count from the split's first")
                .input());
        }
    }
    let splits: Vec<Split> = splits.into_iter().map(|(split, _)| split).collect();
    let mut read = build(source, &splits, Some(end), features, task)?;
    if !missing.is_empty() {
        read.notes.push(format!("no split has features {}: they count as never firing", missing.join(", ")));
    }
    Ok(read)
}

/// The matrix of `splits`; `end` is the number of features that their names say.
fn build(source: &Source, splits: &[Split], end: Option<usize>, features: Option<usize>, task: &Task) -> Result<Read> {
    let count: usize = splits.iter().map(Split::len).sum();
    let mut notes = Vec::new();
    let mut highest = [0usize; 3];
    for split in splits {
        let [sequence, position, feature] = split.highest.map(|n| n as usize);
        for (most, found) in highest.iter_mut().zip([sequence, position, feature + split.shift]) {
            *most = found.max(*most);
        }
    }
    let found = end.unwrap_or(highest[2] + usize::from(count > 0));
    let config = config(&source.path)?;
    let said = |key: &str| config.as_ref().and_then(|config| usize::try_from(config.get(key)?.as_u64()?).ok());
    let tokens = splits.iter().find_map(|split| Some((split.tokens?, split)));
    if let Some((first, split)) = tokens
        && let Some(other) = splits.iter().find(|split| split.tokens.is_some_and(|tokens| tokens != first))
    {
        return Err(other
            .locations
            .problem(format!("tokens {:?}, but {:?} in {}", other.tokens, first, split.path.display()))
            .expected("the same tokens in every split")
            .input());
    }
    let (sequences, context) = match (tokens, said("cache_ctx_len").filter(|&context| context > 0)) {
        (Some(((sequences, context), _)), _) => (sequences, context),
        (None, Some(context)) => {
            notes.push("the cache has no tokens".into());
            ((said("n_tokens").unwrap_or(0) / context).max(highest[0] + 1), context)
        }
        (None, None) => {
            let context = highest[1] + 1;
            let last = format!("positions are counted up to {}, the last at which anything fires", highest[1]);
            notes.push(format!("the cache has no tokens and no config.json: {last}"));
            (highest[0] + 1, context)
        }
    };
    if count > 0 && (highest[0] >= sequences || highest[1] >= context) {
        return Err(source
            .problem(format!("an entry at sequence {}, position {}", highest[0], highest[1]))
            .expected(format!("sequences below {sequences}, positions below {context}"))
            .input());
    }
    let rows = sequences.checked_mul(context).filter(|&rows| u32::try_from(rows).is_ok());
    let rows = rows.ok_or_else(|| {
        source.problem(format!("{sequences} sequences of {context} tokens")).expected("at most 2^32 - 1 tokens").input()
    })?;
    let width = match features {
        // Of a folder it is known which features it may have; of a file only which fire.
        Some(features) if found <= features => features,
        _ => found,
    };
    agree(&source.path, rows, width, features)?;
    plausible(&source.path, rows, width, count)?;
    let mut starts = vec![0usize];
    for split in splits {
        starts.push(starts[starts.len() - 1] + split.len());
    }
    task.stage("reading activations", 3 * count as u64);
    let fill = |range: Range<usize>, out: &mut Vec<(u32, u32, f32)>| {
        for (split, start) in splits.iter().zip(&starts) {
            let within = range.start.max(*start)..range.end.min(start + split.len());
            if within.is_empty() {
                continue;
            }
            let within = within.start - start..within.end - start;
            let places = split.places(within.clone())?;
            let values = values(&part(&split.activations, within)?, &mut |_| Ok(()))?;
            for (&[sequence, position, feature], &value) in places.as_chunks::<3>().0.iter().zip(&*values) {
                // Both were seen to fit above.
                let row = sequence * context as u32 + position;
                out.push((row, feature + split.shift as u32, value));
            }
        }
        Ok(())
    };
    let done = &mut |entries: usize| {
        task.advance(entries as u64);
        task.check()
    };
    let (sparse, mended) = Sparse::gathered(rows, width, count, &fill, done)?;
    Ok(Read { notes, ..Read::new(sparse, mended) })
}
