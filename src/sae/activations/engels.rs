//! The npz of Engels et al. 2024 (JoshEngels/MultiDimensionalFeatures, `generate_feature_occurence_data.py`).
//!
//! `sparse_sae_values` (f64), `sparse_sae_indices` (the feature) and `all_token_indices` (the row) are lists of entries;
//! `all_tokens` has the token of every row. Sequences lie one after another, and no array tells where one ends.

use super::super::sparse::Sparse;
use super::read::{narrow, values};
use super::source::Source;
use super::{Format, Read, TokenIds, agree, plausible};
use crate::error::Result;
use crate::task::Task;
use std::ops::Range;

const VALUES: &str = "sparse_sae_values";
const FEATURES: &str = "sparse_sae_indices";
const ROWS: &str = "all_token_indices";
const TOKENS: &str = "all_tokens";

pub(super) const FORMAT: Format = Format {
    name: "engels",
    about: "npz of Engels et al.: `sparse_sae_values`, `sparse_sae_indices`, `all_token_indices`, `all_tokens`",
    detect: |source, _| [VALUES, FEATURES, ROWS].iter().all(|name| source.has(name)),
    read,
    ids: |source, task| {
        if source.has(TOKENS) { TokenIds::of(&source.tensor(TOKENS)?, task).map(Some) } else { Ok(None) }
    },
};

fn read(source: &Source, features: Option<usize>, task: &Task) -> Result<Read> {
    task.stage("reading activations", 0);
    let entries = source.tensor(VALUES)?;
    task.stage("reading activations", 6 * entries.len() as u64);
    let done = &mut |entries: usize| {
        task.advance(entries as u64);
        task.check()
    };
    let values = values(&entries, done)?;
    let columns = narrow(&source.tensor(FEATURES)?, done)?;
    let rows = narrow(&source.tensor(ROWS)?, done)?;
    if rows.len() != values.len() || columns.len() != values.len() {
        let what = format!("{} rows, {} features and {} values", rows.len(), columns.len(), values.len());
        return Err(source.problem(what).expected("as many of each").input());
    }
    let beyond = |list: &[u32]| list.iter().max().map_or(0, |&most| most as usize + 1);
    let mut notes = Vec::new();
    let tokens = match source.info(TOKENS) {
        Some(tokens) => tokens.shape.iter().fold(1usize, |n, &size| n.saturating_mul(size)),
        None => {
            notes.push("the file has no all_tokens: tokens are counted up to the last that anything fires on".into());
            beyond(&rows)
        }
    };
    let found = beyond(&columns);
    let width = features.filter(|&features| found <= features).unwrap_or(found);
    agree(&source.path, tokens, width, features)?;
    plausible(&source.path, tokens, width, values.len())?;
    let fill = |range: Range<usize>, out: &mut Vec<(u32, u32, f32)>| {
        out.extend(range.map(|i| (rows[i], columns[i], values[i])));
        Ok(())
    };
    let (sparse, mended) = Sparse::gathered(tokens, width, values.len(), &fill, done)?;
    Ok(Read { notes, ..Read::new(sparse, mended) })
}
