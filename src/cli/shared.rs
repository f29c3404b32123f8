//! Flags that several verbs share.

use super::output;
use crate::config::table::bytes_of;
use crate::error::{Problem, Result};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// Flags that every verb takes.
#[derive(Args, Clone)]
pub(super) struct Common {
    /// Seed of everything that is random
    #[arg(long, global = true, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// Threads to compute on; 0 means one per core. Results never depend on it
    #[arg(long, global = true, default_value_t = 0, value_name = "N")]
    pub threads: usize,
    /// Where finished results are kept
    #[arg(long, global = true, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Most that is kept there, such as 500MB [default: 2GiB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = limit)]
    pub cache_limit: Option<Limit>,
    /// Neither read nor keep finished results
    #[arg(long, global = true)]
    pub no_cache: bool,
    /// Colours: auto looks at the terminal and at NO_COLOR
    #[arg(long, global = true, value_enum, default_value_t = When::Auto, value_name = "WHEN")]
    pub color: When,
    /// No progress and no remarks
    #[arg(long, global = true)]
    pub quiet: bool,
    /// Replace files that are there
    #[arg(long, global = true)]
    pub force: bool,
    /// Settings to read instead of ~/.config/saescope/config.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The most bytes of the cache.
#[derive(Clone, Copy)]
pub(super) struct Limit(pub u64);

fn limit(text: &str) -> std::result::Result<Limit, String> {
    bytes_of(text).map(Limit).ok_or_else(|| "expected a size such as 500MB or 2GiB".into())
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

/// What to open, and what its files do not say.
#[derive(Args, Clone, Default)]
pub(super) struct OpenArgs {
    /// A file, a folder, org/repo in the Hugging Face cache, @example or @example/concepts
    #[arg(value_name = "DICT")]
    pub dict: Option<PathBuf>,
    #[command(flatten)]
    pub evidence: EvidenceArgs,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub encoding: EncodingArgs,
}

/// Files that lie beside a dictionary.
#[derive(Args, Clone, Default)]
pub(super) struct EvidenceArgs {
    /// Sparse activations of the features
    #[arg(long, value_name = "FILE")]
    pub acts: Option<PathBuf>,
    /// Texts of the activation rows
    #[arg(long, value_name = "FILE")]
    pub tokens: Option<PathBuf>,
    /// Labels of the features
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Labels of the activation rows, for the shapes of groups: one a line, or csv or jsonl with `label`
    #[arg(long, value_name = "FILE")]
    pub token_labels: Option<PathBuf>,
    /// How far apart token labels that are numbers are: abs, log or cyclic:N [default: abs]
    #[arg(long, value_name = "HOW", requires = "token_labels")]
    pub label_distance: Option<String>,
}

impl EvidenceArgs {
    /// The files that they name.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.acts, &self.tokens, &self.labels, &self.token_labels].into_iter().flatten().map(PathBuf::as_path)
    }
}

/// Which dictionary of many, and how its files are read.
#[derive(Args, Clone, Default)]
pub(super) struct FileArgs {
    /// Which dictionary of a folder of many
    #[arg(long, value_name = "NAME")]
    pub pick: Option<String>,
    /// The format, where detection is wrong
    #[arg(long, value_name = "NAME")]
    pub format: Option<String>,
    /// The decoder is stored with features as columns
    #[arg(long)]
    pub transpose: bool,
    /// Which source's directions, of a dictionary of several (crosscoder, cross-layer transcoder)
    #[arg(long, value_name = "N|sum|concat")]
    pub source: Option<String>,
}

impl FileArgs {
    /// Which of these flags were given.
    pub(super) fn given(&self) -> [(&'static str, bool); 4] {
        [
            ("--pick", self.pick.is_some()),
            ("--format", self.format.is_some()),
            ("--transpose", self.transpose),
            ("--source", self.source.is_some()),
        ]
    }
}

/// Files that every verb with a dictionary takes, where this one reads none of them.
#[derive(Args, Clone, Default)]
pub(super) struct UnreadArgs {
    #[arg(long, value_name = "FILE", hide = true)]
    acts: Option<PathBuf>,
    #[arg(long, value_name = "FILE", hide = true)]
    tokens: Option<PathBuf>,
    #[arg(long, value_name = "FILE", hide = true)]
    labels: Option<PathBuf>,
    #[arg(long, value_name = "FILE", hide = true)]
    token_labels: Option<PathBuf>,
}

impl UnreadArgs {
    /// Says on stderr that `verb` does not read what was given.
    pub(super) fn remark(&self, verb: &str, common: &Common) {
        let Self { acts, tokens, labels, token_labels } = self;
        let given = [("--acts", acts), ("--tokens", tokens), ("--labels", labels), ("--token-labels", token_labels)];
        idle(&given.map(|(flag, file)| (flag, file.is_some())), verb, common);
    }
}

/// Says on stderr which flags that were given have no effect with `other`.
pub(super) fn idle(flags: &[(&'static str, bool)], other: &str, common: &Common) {
    for (flag, _) in flags.iter().filter(|(_, given)| *given && !common.quiet) {
        output::remark(&format!("{flag} has no effect with {other}"));
    }
}

/// Refuses a flag that was given although it has no effect with `other`.
///
/// # Errors
/// If one of `flags` was given.
pub(super) fn pointless(flags: &[(&'static str, bool)], other: &str) -> Result<()> {
    match flags.iter().find(|(_, given)| *given) {
        Some((flag, _)) => {
            Err(Problem::new(format!("{flag} has no effect with {other}")).hint("leaving it out").usage())
        }
        None => Ok(()),
    }
}

/// How activations are encoded, where the file does not say.
#[derive(Args, Clone, Default)]
pub(super) struct EncodingArgs {
    /// Activation function: relu, topk, abstopk, groupmax, batchtopk, jumprelu, gated
    #[arg(long, value_name = "NAME")]
    pub arch: Option<String>,
    /// How many features may fire (topk, abstopk, groupmax, batchtopk)
    #[arg(long, value_name = "K")]
    pub k: Option<usize>,
    /// Threshold of jumprelu or batchtopk
    #[arg(long, value_name = "X")]
    pub threshold: Option<f32>,
    /// Whether the decoder bias is subtracted before encoding
    #[arg(long, value_name = "true|false", action = clap::ArgAction::Set)]
    pub subtract_b_dec: Option<bool>,
    /// Input normalisation: none, layer_norm, layer_norm_biased, constant_norm or scale:FACTOR
    #[arg(long, value_name = "HOW")]
    pub normalize: Option<String>,
}

/// A dictionary of which neither the encoding nor what lies beside it matters to the verb.
#[derive(Args, Clone, Default)]
pub(super) struct DictArgs {
    /// A file, a folder, org/repo in the Hugging Face cache, @example or @example/concepts
    #[arg(value_name = "DICT")]
    pub dict: PathBuf,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub unread: UnreadArgs,
}

impl DictArgs {
    /// The same dictionary, with nothing said about its encoding.
    pub(super) fn open(&self) -> OpenArgs {
        OpenArgs { dict: Some(self.dict.clone()), files: self.files.clone(), ..OpenArgs::default() }
    }
}

/// A dictionary with what lies beside it.
#[derive(Args, Clone, Default)]
pub(super) struct StudyArgs {
    /// A file, a folder, org/repo in the Hugging Face cache, @example or @example/concepts
    #[arg(value_name = "DICT")]
    pub dict: PathBuf,
    #[command(flatten)]
    pub evidence: EvidenceArgs,
    #[command(flatten)]
    pub files: FileArgs,
}

impl StudyArgs {
    /// The same, with nothing said about the encoding.
    pub(super) fn open(&self) -> OpenArgs {
        let (evidence, files) = (self.evidence.clone(), self.files.clone());
        OpenArgs { dict: Some(self.dict.clone()), evidence, files, ..OpenArgs::default() }
    }
}

/// How the map is laid out.
#[derive(Args, Clone, Default)]
pub(super) struct LayoutArgs {
    /// Neighbours that define the scale of the map, the point itself counted [default: 15]
    #[arg(long, value_name = "K")]
    pub neighbors: Option<usize>,
    /// Least distance of points on the map [default: 0.1]
    #[arg(long, value_name = "X")]
    pub min_dist: Option<f32>,
}

impl GroupArgs {
    /// Which of these flags were given.
    pub(super) fn given(&self) -> [(&'static str, bool); 2] {
        [("--min-cluster-size", self.min_cluster_size.is_some()), ("--min-samples", self.min_samples.is_some())]
    }
}

impl LayoutArgs {
    /// Which of these flags were given.
    pub(super) fn given(&self) -> [(&'static str, bool); 2] {
        [("--neighbors", self.neighbors.is_some()), ("--min-dist", self.min_dist.is_some())]
    }
}

/// How the map is grouped.
#[derive(Args, Clone, Default)]
pub(super) struct GroupArgs {
    /// Smallest cluster (hdbscan) [default: 15]
    #[arg(long, value_name = "N")]
    pub min_cluster_size: Option<usize>,
    /// Neighbours that make a point dense, itself counted (hdbscan) [default: as --min-cluster-size]
    #[arg(long, value_name = "N")]
    pub min_samples: Option<usize>,
}

/// How the map is grouped where its plain clusters say little.
#[derive(Args, Clone, Default)]
pub(super) struct FitArgs {
    /// Where the usual parameters would leave one cluster that swallows the map, group it finer, as the screen does
    #[arg(long, conflicts_with = "GroupArgs")]
    pub fit_clusters: bool,
}

/// How the map is laid out and grouped, for results that may be made from it.
#[derive(Args, Clone, Default)]
pub(super) struct MapArgs {
    #[command(flatten)]
    pub layout: LayoutArgs,
    #[command(flatten)]
    pub groups: GroupArgs,
    #[command(flatten)]
    pub fit: FitArgs,
}
