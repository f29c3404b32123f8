//! From flags to a study, a cache and a provenance.

use super::shared::{Common, GroupArgs, LayoutArgs, OpenArgs};
use crate::analysis::cache::{Cache, DEFAULT_LIMIT};
use crate::analysis::fingerprint::Fingerprint;
use crate::analysis::open::{Request, open_located};
use crate::analysis::{MapParams, Selections, Study};
use crate::config::Settings;
use crate::error::Result;
use crate::export::Provenance;
use crate::geometry::cloud::LabelDistance;
use crate::geometry::cluster::hdbscan::HdbscanParams;
use crate::geometry::umap::UmapParams;
use crate::sae::find::{Found, Listing, Located, look};
use crate::sae::open::OpenOptions;
use crate::tui::kept;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The cache that the flags ask for.
pub(super) fn cache(common: &Common) -> Cache {
    match common.cache_dir.clone().or_else(Cache::default_folder) {
        Some(folder) if !common.no_cache => {
            Cache::at(folder, common.cache_limit.map_or(DEFAULT_LIMIT, |limit| limit.0))
        }
        _ => Cache::off(),
    }
}

/// The study that the flags ask for; `@example` when no dictionary is named.
///
/// # Errors
/// As [`open_located`].
pub(super) fn study(args: &OpenArgs, common: &Common) -> Result<Study> {
    study_of(args, None, common)
}

/// As [`study`], of a dictionary that was located before.
///
/// # Errors
/// As [`open_located`].
pub(super) fn study_of(args: &OpenArgs, located: Option<Located>, common: &Common) -> Result<Study> {
    open_located(&request(args)?, located, cache(common))
}

/// What lies where the flags point: the dictionaries of a folder of many, if none is picked, or one, as far as it was
/// looked at.
pub(super) enum Front {
    Many(PathBuf, Vec<Listing>),
    One(Option<Located>),
}

/// Looks what lies where the flags point.
///
/// # Errors
/// If there is nothing there.
pub(super) fn front(args: &OpenArgs) -> Result<Front> {
    let dict = args.dict.as_deref().filter(|dict| !dict.to_string_lossy().starts_with('@'));
    let Some(dict) = dict.filter(|_| args.files.pick.is_none()) else { return Ok(Front::One(None)) };
    Ok(match look(dict)? {
        Found::One(located) => Front::One(Some(located)),
        Found::Many(all) => Front::Many(dict.to_path_buf(), all),
    })
}

/// What the flags ask to be opened.
///
/// # Errors
/// If a flag cannot be read.
pub(super) fn request(args: &OpenArgs) -> Result<Request> {
    let distance = args.evidence.label_distance.as_deref().map_or(Ok(LabelDistance::default()), str::parse)?;
    Ok(Request {
        dictionary: args.dict.clone().unwrap_or_else(|| "@example".into()),
        activations: args.evidence.acts.clone(),
        tokens: args.evidence.tokens.clone(),
        labels: args.evidence.labels.clone(),
        token_labels: args.evidence.token_labels.clone().map(|path| (path, distance)),
        options: OpenOptions {
            format: args.files.format.clone(),
            arch: args.encoding.arch.clone(),
            k: args.encoding.k,
            threshold: args.encoding.threshold,
            subtract_b_dec: args.encoding.subtract_b_dec,
            normalize: args.encoding.normalize.as_deref().map(str::parse).transpose()?,
            transpose: args.files.transpose.then_some(true),
            source: args.files.source.as_deref().map(str::parse).transpose()?,
            pick: args.files.pick.clone(),
        },
    })
}

/// The named selections of a study; none if the user has no home.
pub(super) fn selections(study: &Study) -> Result<Selections> {
    kept::folder().map_or_else(|| Ok(Selections::unkept()), |folder| Selections::open(study, &folder))
}

/// The layout that the flags ask for; the default neighbourhood is cut to what `features` features allow.
pub(super) fn umap(layout: &LayoutArgs, common: &Common, features: usize) -> UmapParams {
    let default = UmapParams::default();
    UmapParams {
        neighbors: layout.neighbors.unwrap_or_else(|| default.neighbors.min(features).max(2)),
        min_dist: layout.min_dist.unwrap_or(default.min_dist),
        seed: common.seed,
        ..default
    }
}

/// The grouping that the flags ask for.
pub(super) fn hdbscan(groups: &GroupArgs) -> HdbscanParams {
    let default = HdbscanParams::default();
    let min_cluster_size = groups.min_cluster_size.unwrap_or(default.min_cluster_size);
    HdbscanParams { min_cluster_size, min_samples: groups.min_samples }
}

/// The map that the flags ask for. Where they say nothing of clusters, it may be grouped finer if `fit` allows that, as
/// the screen does.
///
/// # Errors
/// If a parameter is out of range.
pub(super) fn map(
    layout: &LayoutArgs,
    groups: &GroupArgs,
    fit: bool,
    common: &Common,
    study: &Study,
) -> Result<MapParams> {
    let fit_clusters = fit && groups.min_cluster_size.is_none() && groups.min_samples.is_none();
    let umap = umap(layout, common, study.features());
    let params = MapParams { umap, hdbscan: hdbscan(groups), fit_clusters };
    params.check(study.features())?;
    Ok(params)
}

/// As [`map`], where the settings may wish for something that nobody said now. A wish is for dictionaries of all sizes:
/// it is cut to what this one allows.
///
/// # Errors
/// As [`map`].
pub(super) fn wished_map(
    layout: &LayoutArgs,
    groups: &GroupArgs,
    settings: &Settings,
    common: &Common,
    study: &Study,
) -> Result<MapParams> {
    let features = study.features();
    let count = |name: &str, least: usize| settings.count(name).map(|n| n.min(features).max(least));
    let layout = LayoutArgs {
        neighbors: layout.neighbors.or_else(|| count("neighbors", 2)),
        min_dist: layout.min_dist.or_else(|| settings.number("min_dist")),
    };
    let groups = GroupArgs {
        min_cluster_size: groups.min_cluster_size.or_else(|| settings.count("min_cluster_size")),
        min_samples: groups.min_samples.or_else(|| count("min_samples", 1)),
    };
    map(&layout, &groups, true, common, study)
}

/// Where a result of `study` comes from; the seed, what was said of the dictionary, and activations, tokens and labels
/// that were read, are among its parameters.
pub(super) fn provenance(study: &Study, common: &Common, parameters: Value) -> Provenance {
    let mut parameters = with_seed(parameters, common);
    for (name, value) in study.sources() {
        parameters.entry(name).or_insert(value);
    }
    Provenance { input: study.name.clone(), fingerprint: study.fingerprint.clone(), parameters }
}

/// Where a result of the file at `path` comes from.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn provenance_of_file(path: &Path, common: &Common, parameters: Value) -> Result<Provenance> {
    let fingerprint = Fingerprint::new().file(path)?.finish();
    Ok(Provenance { input: path.display().to_string(), fingerprint, parameters: with_seed(parameters, common) })
}

fn with_seed(parameters: Value, common: &Common) -> serde_json::Map<String, Value> {
    let mut parameters = match parameters {
        Value::Object(map) => map,
        _ => serde_json::Map::new(),
    };
    parameters.insert("seed".into(), common.seed.into());
    parameters
}
