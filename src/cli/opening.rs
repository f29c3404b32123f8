//! From flags to a study, a cache and a provenance.

use super::args::{Common, OpenArgs};
use crate::analysis::Study;
use crate::analysis::cache::{Cache, DEFAULT_LIMIT};
use crate::analysis::open::{Request, open};
use crate::error::Result;
use crate::export::Provenance;
use crate::sae::open::OpenOptions;

/// The cache that the flags ask for.
pub(super) fn cache(common: &Common) -> Cache {
    match common.cache_dir.clone().or_else(Cache::default_folder) {
        Some(folder) if !common.no_cache => Cache::at(folder, DEFAULT_LIMIT),
        _ => Cache::off(),
    }
}

/// The study that the flags ask for; `@example` when no dictionary is named.
///
/// # Errors
/// As [`open`].
pub(super) fn study(args: &OpenArgs, common: &Common) -> Result<Study> {
    open(&request(args)?, cache(common))
}

/// What the flags ask to be opened.
///
/// # Errors
/// If a flag cannot be read.
pub(super) fn request(args: &OpenArgs) -> Result<Request> {
    Ok(Request {
        dictionary: args.dict.clone().unwrap_or_else(|| "@example".into()),
        activations: args.files.acts.clone(),
        tokens: args.files.tokens.clone(),
        labels: args.files.labels.clone(),
        options: OpenOptions {
            format: args.files.format.clone(),
            arch: args.encoding.arch.clone(),
            k: args.k,
            threshold: args.encoding.threshold,
            subtract_b_dec: args.encoding.subtract_b_dec,
            normalize: args.encoding.normalize.as_deref().map(str::parse).transpose()?,
            transpose: args.files.transpose.then_some(true),
            pick: args.files.pick.clone(),
        },
    })
}

/// Where a result of `study` comes from.
pub(super) fn provenance(study: &Study, parameters: serde_json::Value) -> Provenance {
    let parameters = match parameters {
        serde_json::Value::Object(map) => map,
        _ => serde_json::Map::new(),
    };
    Provenance { input: study.name.clone(), fingerprint: study.fingerprint.clone(), parameters }
}
