//! Flags of the verbs that group features and measure shapes.

use crate::cli::shared::{EvidenceArgs, FileArgs, FitArgs, GroupArgs, LayoutArgs, StudyArgs};
use crate::geometry::cloud::Mode;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Args)]
pub(in crate::cli) struct ClusterArgs {
    /// A dictionary; or --points
    #[arg(value_name = "DICT", required_unless_present = "points")]
    pub dict: Option<PathBuf>,
    /// Points [n, d] to cluster by Euclidean distance
    #[arg(long, value_name = "P.npy", conflicts_with_all = ["dict", "on", "FitArgs", "EvidenceArgs", "FileArgs", "LayoutArgs"])]
    pub points: Option<PathBuf>,
    #[command(flatten)]
    pub evidence: EvidenceArgs,
    #[command(flatten)]
    pub files: FileArgs,
    /// Where to write: npz, npy, csv or json
    #[arg(short, long, value_name = "F")]
    pub output: PathBuf,
    /// How to group
    #[arg(long, value_enum, default_value_t = ClusterMethod::Hdbscan, value_name = "HOW")]
    pub method: ClusterMethod,
    /// What to group on: map, decoder, encoder, activation (cosine of activations), another measure of firing together
    /// (jaccard, dice, overlap, phi, conditional, smc, pearson, mutual, ising), one of these with +decoder, or max: before
    /// that [default: map for hdbscan, else decoder]
    #[arg(long, value_name = "WHAT")]
    pub on: Option<String>,
    #[command(flatten)]
    pub groups: GroupArgs,
    #[command(flatten)]
    pub links: LinkArgs,
    #[command(flatten)]
    pub fit: FitArgs,
    #[command(flatten)]
    pub layout: LayoutArgs,
    /// Other clusters of the same rows: print how far the two agree (AMI), beside labels dealt out at random
    #[arg(long, value_name = "F")]
    pub against: Option<PathBuf>,
    /// Print counts as JSON
    #[arg(long)]
    pub json: bool,
}

/// How features are linked and parted by other methods than hdbscan.
#[derive(Args, Clone, Default)]
pub(in crate::cli) struct LinkArgs {
    /// Most similar of each feature that it is linked with [default: 2 for graph, else 15]
    #[arg(long, value_name = "K")]
    pub k: Option<usize>,
    /// Least similarity: of a link (graph) [default: 0.5], or at which a hierarchy is cut (linkage)
    #[arg(long, value_name = "X")]
    pub tau: Option<f64>,
    /// How finely (leiden) [default: the most stable groups of a grid, each at its own]
    #[arg(long, value_name = "X")]
    pub resolution: Option<f64>,
    /// How many clusters (spectral, kmeans, linkage)
    #[arg(long, value_name = "N")]
    pub clusters: Option<usize>,
    /// Single or average linkage [default: average]
    #[arg(long, value_enum, value_name = "HOW")]
    pub linkage: Option<LinkageName>,
    /// Affinity of spectral clustering: max(cos, 0), its square, or the published 1 - angle/pi of all pairs [default:
    /// positive]
    #[arg(long, value_enum, value_name = "NAME")]
    pub affinity: Option<AffinityName>,
}

impl LinkArgs {
    /// Which of these flags were given.
    pub(in crate::cli) fn given(&self) -> [(&'static str, bool); 6] {
        [
            ("--k", self.k.is_some()),
            ("--tau", self.tau.is_some()),
            ("--resolution", self.resolution.is_some()),
            ("--clusters", self.clusters.is_some()),
            ("--linkage", self.linkage.is_some()),
            ("--affinity", self.affinity.is_some()),
        ]
    }
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum LinkageName {
    Single,
    Average,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum AffinityName {
    Positive,
    Square,
    Angular,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum ClusterMethod {
    Hdbscan,
    Graph,
    Spectral,
    Leiden,
    Kmeans,
    Linkage,
}

#[derive(Args)]
pub(in crate::cli) struct CloudArgs {
    /// Points [n, d]: csv of numbers, npy or npz
    #[arg(value_name = "POINTS")]
    pub points: PathBuf,
    /// Labels of the points: one a line, or csv or jsonl with `label`
    #[arg(long, visible_alias = "token-labels", value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// How far apart labels that are numbers are: abs, log or cyclic:N [default: abs]
    #[arg(long, value_name = "HOW", requires = "labels")]
    pub label_distance: Option<String>,
    /// Scale every point to length 1 first
    #[arg(long)]
    pub unit: bool,
    /// How separability and mixture are found: exactly, as the paper does, or as its script does
    #[arg(long, value_enum, default_value_t = ModeName::Exact, value_name = "NAME")]
    pub mode: ModeName,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Also write the measures: csv, json or npz
    #[arg(short, long, value_name = "F")]
    pub output: Option<PathBuf>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum ModeName {
    Exact,
    Paper,
    Script,
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Exact => Self::Exact,
            ModeName::Paper => Self::Paper,
            ModeName::Script => Self::Script,
        }
    }
}

#[derive(Args)]
pub(in crate::cli) struct ManifoldsArgs {
    #[command(flatten)]
    pub dict: StudyArgs,
    /// Groups written by cluster, instead of the default ones
    #[arg(long, value_name = "F")]
    pub clusters: Option<PathBuf>,
    /// Where to write: json, csv or npz
    #[arg(short, long, value_name = "F")]
    pub output: PathBuf,
    /// Measure no more than as many tokens of a group, evenly spread [default: all]
    #[arg(long, value_name = "N")]
    pub most_tokens: Option<usize>,
    /// Measure every group, not the first 1,500 alone
    #[arg(long)]
    pub all: bool,
    /// Also print JSON
    #[arg(long)]
    pub json: bool,
    /// No comment header in csv
    #[arg(long)]
    pub bare: bool,
}

#[derive(Args)]
pub(in crate::cli) struct ManifoldArgs {
    #[command(flatten)]
    pub dict: StudyArgs,
    /// Which group: a number or a letter of --clusters, or of the default groups
    #[arg(long, value_name = "C", required_unless_present = "features", conflicts_with = "features")]
    pub cluster: Option<String>,
    /// Groups written by cluster
    #[arg(long, value_name = "F", conflicts_with = "features")]
    pub clusters: Option<PathBuf>,
    /// The group's features
    #[arg(long, value_delimiter = ',', value_name = "1,2,3")]
    pub features: Vec<u32>,
    /// Where to write: csv, json or npz
    #[arg(short, long, value_name = "F")]
    pub output: PathBuf,
    /// No more than as many tokens, evenly spread [default: all]
    #[arg(long, value_name = "N")]
    pub most_tokens: Option<usize>,
    /// No comment header in csv
    #[arg(long)]
    pub bare: bool,
}
