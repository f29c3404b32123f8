//! A folder of saev's inference: `token_acts.npz` is a CSR matrix of scipy's, one row a patch or token.
//!
//! `mean_values.pt`, `sparsity.pt` and `config.json` beside it are not needed. Source: OSU-NLP-Group/saev.

use super::source::Source;
use super::{Format, scipy};
use crate::container::ArrayFile;
use crate::error::Result;
use crate::task::Task;

/// The file that makes the folder one of these.
const FILE: &str = "token_acts.npz";

pub(super) const FORMAT: Format = Format {
    name: "saev",
    about: "saev inference folder: `token_acts.npz`, a CSR matrix",
    detect: |source, _| source.names().iter().any(|name| name == FILE),
    read: |source, features, task| scipy::read(&inner(source, task)?, features, task),
    ids: |_, _| Ok(None),
};

fn inner(source: &Source, task: &Task) -> Result<Source> {
    let inner = Source::open(&source.path.join(FILE), task)?;
    if !scipy::is_sparse(&inner) {
        let what = if matches!(inner.arrays(), Some(ArrayFile::Npz(_))) { "an npz of other arrays" } else { "no npz" };
        return Err(inner.problem(what).expected("data, shape, indices and indptr, as scipy writes them").input());
    }
    Ok(inner)
}
