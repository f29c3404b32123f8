//! Verbs and flags: the contract with scripts. One place for every name.

mod sets;
mod shapes;

pub(super) use sets::{HeatmapArgs, HistogramArgs};
pub(super) use shapes::{
    AffinityName, CloudArgs, ClusterArgs, ClusterMethod, LinkageName, ManifoldArgs, ManifoldsArgs,
};

use super::shared::{
    Common, DictArgs, EncodingArgs, FileArgs, GroupArgs, LayoutArgs, MapArgs, OpenArgs, StudyArgs, UnreadArgs,
};
use crate::analysis::NeighborsBy;
use crate::config::table::AUTO;
use crate::geometry::umap::Init;
use crate::tui::capabilities::ThemeChoice;
use crate::tui::widgets::Glyphs;
use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// See the shape of a model's features, from a terminal.
#[derive(Parser)]
#[command(
    name = "saescope",
    version,
    subcommand_precedence_over_arg = true,
    after_help = "Examples:\n  saescope                         the built-in real example\n  saescope runs/my_sae --acts acts.npz\n  saescope export @example -o map.csv --where 'label ~ \"monday\"'\n  saescope help knn"
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub verb: Option<Verb>,
    #[command(flatten)]
    pub screen: ScreenArgs,
    #[command(flatten)]
    pub common: Common,
}

/// What the screen opens, and how it looks.
#[derive(Args)]
pub(super) struct ScreenArgs {
    #[command(flatten)]
    pub open: OpenArgs,
    #[command(flatten)]
    pub layout: LayoutArgs,
    #[command(flatten)]
    pub groups: GroupArgs,
    #[command(flatten)]
    pub look: LookArgs,
}

/// How the screen looks and feels.
#[derive(Args)]
pub(super) struct LookArgs {
    /// Glyphs of the map; auto is what the locale allows
    #[arg(long, value_enum, default_value_t = GlyphName(None), value_name = "NAME")]
    pub glyphs: GlyphName,
    /// Colours for a dark or a light background, or none
    #[arg(long, value_enum, default_value_t = ThemeName::Auto, value_name = "NAME")]
    pub theme: ThemeName,
    /// Let the mouse select, drag and zoom from the start
    #[arg(
        long,
        value_name = "true|false",
        default_value_t = false,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_default_value = true,
        action = clap::ArgAction::Set
    )]
    pub mouse: bool,
}

#[derive(ValueEnum, Clone, Copy)]
pub(super) enum ThemeName {
    Auto,
    Dark,
    Light,
    Mono,
}

impl From<ThemeName> for ThemeChoice {
    fn from(name: ThemeName) -> Self {
        match name {
            ThemeName::Auto => Self::Auto,
            ThemeName::Dark => Self::Dark,
            ThemeName::Light => Self::Light,
            ThemeName::Mono => Self::Mono,
        }
    }
}

/// Glyphs by name; none is left to the locale.
#[derive(Clone, Copy)]
pub(super) struct GlyphName(pub Option<Glyphs>);

impl ValueEnum for GlyphName {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [GlyphName; Glyphs::ALL.len() + 1] = {
            let mut all = [GlyphName(None); Glyphs::ALL.len() + 1];
            let mut at = 0;
            while at < Glyphs::ALL.len() {
                all[at + 1] = GlyphName(Some(Glyphs::ALL[at]));
                at += 1;
            }
            all
        };
        &ALL
    }
    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.map_or(AUTO, Glyphs::name)))
    }
}

/// Verbs of the contract that a later build brings.
pub(super) const LATER: &[&str] = &["merge", "superposition", "stats", "compare", "slurm"];

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Tell what a dictionary is, as its files say
    #[command(after_help = "Example: saescope info @example --json")]
    Info(InfoArgs),
    /// Write a dictionary as a SAELens folder
    #[command(after_help = "Example: saescope convert params.npz -o my_sae")]
    Convert(ConvertArgs),
    /// Encode activation vectors to sparse feature activations (scipy CSR)
    #[command(after_help = "Example: saescope encode my_sae resid.npy -o acts.npz")]
    Encode(EncodeArgs),
    /// List the features nearest to one
    #[command(after_help = "Example: saescope neighbors @example --feature 2504 --k 5")]
    Neighbors(NeighborsArgs),
    /// Tell what is known about one feature: where it fires, how strongly, its neighbours
    #[command(after_help = "Example: saescope feature @example --feature 2504 --json")]
    Feature(FeatureArgs),
    /// Find the k nearest neighbours of every feature by cosine
    #[command(after_help = "Example: saescope knn my_sae -o neighbours.npz --k 15")]
    Knn(KnnArgs),
    /// Lay the features out: UMAP, principal components or a diffusion map
    #[command(after_help = "Example: saescope embed my_sae -o map.npy --neighbors 15 --min-dist 0.1")]
    Embed(EmbedArgs),
    /// Group features, or points, into clusters
    #[command(
        after_help = "Examples:\n  saescope cluster my_sae -o clusters.npz\n  saescope cluster --points map.npy -o clusters.csv --min-cluster-size 30"
    )]
    Cluster(ClusterArgs),
    /// Measure the shape of a cloud of points: dimension, loops, lines, and what they make of it
    #[command(after_help = "Example: saescope cloud days.csv --labels days.txt --unit --json")]
    Cloud(CloudArgs),
    /// Find groups of features that trace a shape, measure and rank them
    #[command(after_help = "Example: saescope manifolds @example -o manifolds.json")]
    Manifolds(ManifoldsArgs),
    /// Write the coordinates of one group's tokens along its manifold
    #[command(
        after_help = "Example: saescope manifold @example/concepts --features 7,21,35,85,89,112,113,121,152,177 -o days.csv"
    )]
    Manifold(ManifoldArgs),
    /// Measure how similar the features of a set are, pair by pair
    #[command(
        after_help = "Example: saescope heatmap @example/concepts --features 7,21,35 --by phi --order likeness -o days.npz"
    )]
    Heatmap(HeatmapArgs),
    /// Count how features are distributed over density, norm or activation
    #[command(after_help = "Example: saescope histogram @example --column density --json")]
    Histogram(HistogramArgs),
    /// Measure how far a map can be trusted
    #[command(after_help = "Example: saescope trust map.npy --against my_sae --json")]
    Trust(TrustArgs),
    /// Write a table of features
    #[command(
        after_help = "Example: saescope export @example -o weekdays.csv --where 'label ~ \"monday\" and density < 0.01'"
    )]
    Export(ExportArgs),
    /// Print one frame of a view, or write it as txt, svg, png or html: map and manifold as a plot for a browser
    #[command(after_help = "Example: saescope render @example --view map --size 120x40 -o map.svg")]
    Render(RenderArgs),
    /// Make a planted dictionary with activations and truth
    #[command(after_help = "Example: saescope synth mixed -o planted --features 24576 --d-model 768")]
    Synth(SynthArgs),
    /// Show, list or clear the kept results
    #[command(after_help = "Example: saescope cache list")]
    Cache(CacheArgs),
    /// Show the settings and where each comes from, or print a file of settings to begin with
    #[command(
        after_help = "Examples:\n  saescope config\n  saescope config --template > ~/.config/saescope/config.toml"
    )]
    Config(ConfigArgs),
    /// Tell what the terminal can show, which rule decided it, and where things are kept
    #[command(after_help = "Examples:\n  saescope doctor\n  saescope doctor --json")]
    Doctor(DoctorArgs),
    /// Print completions for a shell
    #[command(after_help = "Example: saescope completions bash > ~/.local/share/bash-completion/completions/saescope")]
    Completions(CompletionsArgs),
    /// Print the manual page, of the program or of one verb
    #[command(after_help = "Example: saescope man > ~/.local/share/man/man1/saescope.1")]
    Man(ManArgs),
}

#[derive(Args)]
pub(super) struct ConfigArgs {
    /// Print what holds and where it comes from; also what is printed without any of these
    #[arg(long, group = "what")]
    pub show: bool,
    /// Print where the file is, or would be
    #[arg(long, group = "what")]
    pub path: bool,
    /// Print a commented file that says what holds anyway
    #[arg(long, group = "what", conflicts_with = "json")]
    pub template: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub layout: LayoutArgs,
    #[command(flatten)]
    pub groups: GroupArgs,
    #[command(flatten)]
    pub look: LookArgs,
}

#[derive(Args)]
pub(super) struct DoctorArgs {
    /// Also send a word to the clipboard, to see whether it arrives
    #[arg(long)]
    pub copy: bool,
    /// Print the facts as JSON
    #[arg(long, conflicts_with = "copy")]
    pub json: bool,
    #[command(flatten)]
    pub look: LookArgs,
}

#[derive(Args)]
pub(super) struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

#[derive(Args)]
pub(super) struct ManArgs {
    /// Of which verb; without it, of the program
    #[arg(value_name = "VERB")]
    pub verb: Option<String>,
}

#[derive(Args)]
pub(super) struct InfoArgs {
    #[command(flatten)]
    pub open: OpenArgs,
    /// Also what needs a pass over all weights, which is left out above 1 GB
    #[arg(long)]
    pub full: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub(super) struct ConvertArgs {
    #[command(flatten)]
    pub dict: DictArgs,
    #[command(flatten)]
    pub encoding: EncodingArgs,
    /// The folder to write
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
}

#[derive(Args)]
pub(super) struct EncodeArgs {
    #[command(flatten)]
    pub dict: DictArgs,
    /// Activation vectors [tokens, d_model]: an npy, npz, safetensors, torch or Arrow file, or a folder of chunks or shards
    #[arg(value_name = "X")]
    pub input: PathBuf,
    /// The scipy CSR archive to write
    #[arg(short, long, value_name = "A.npz")]
    pub output: PathBuf,
    /// Which array of the input, if it holds several
    #[arg(long, value_name = "NAME")]
    pub tensor: Option<String>,
    /// Which layer, if the vectors are of several
    #[arg(long, value_name = "N")]
    pub layer: Option<usize>,
    #[command(flatten)]
    pub encoding: EncodingArgs,
}

#[derive(Args)]
pub(super) struct NeighborsArgs {
    #[command(flatten)]
    pub dict: StudyArgs,
    /// The feature whose neighbours to list
    #[arg(long, value_name = "N")]
    pub feature: usize,
    /// How many
    #[arg(long, default_value_t = 15, value_name = "K")]
    pub k: usize,
    /// What to measure by
    #[arg(long, value_enum, default_value_t = By::Decoder, value_name = "WHAT")]
    pub by: By,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(ValueEnum, Clone, Copy)]
pub(super) enum By {
    Decoder,
    Encoder,
    Activation,
}

impl From<By> for NeighborsBy {
    fn from(by: By) -> Self {
        match by {
            By::Decoder => Self::Decoder,
            By::Encoder => Self::Encoder,
            By::Activation => Self::Activation,
        }
    }
}

#[derive(Args)]
pub(super) struct FeatureArgs {
    #[command(flatten)]
    pub dict: StudyArgs,
    /// The feature
    #[arg(long, value_name = "N")]
    pub feature: usize,
    /// How many passages, strongest first
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub passages: usize,
    /// How many neighbours
    #[arg(long, default_value_t = 15, value_name = "K")]
    pub k: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub(super) struct KnnArgs {
    #[command(flatten)]
    pub dict: DictArgs,
    /// Where to write: npz, csv or json
    #[arg(short, long, value_name = "F")]
    pub output: PathBuf,
    /// Neighbours per feature, itself excluded
    #[arg(long, default_value_t = 15, value_name = "K")]
    pub k: usize,
    /// How to search
    #[arg(long, value_enum, default_value_t = KnnMethod::Auto, value_name = "HOW")]
    pub method: KnnMethod,
    /// Print method, recall estimate and seconds as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(super) enum KnnMethod {
    Auto,
    Exact,
    Approx,
}

#[derive(Args)]
pub(super) struct EmbedArgs {
    #[command(flatten)]
    pub dict: DictArgs,
    /// Where to write: npy, npz, csv or json
    #[arg(short, long, value_name = "F")]
    pub output: PathBuf,
    /// How to lay out
    #[arg(long, value_enum, default_value_t = EmbedMethod::Umap, value_name = "HOW")]
    pub method: EmbedMethod,
    /// Dimensions
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub dims: usize,
    #[command(flatten)]
    pub layout: LayoutArgs,
    /// Scale of the map, in the unit of --min-dist (umap) [default: 1]
    #[arg(long, value_name = "X")]
    pub spread: Option<f32>,
    /// Passes, or auto (umap) [default: auto]
    #[arg(long, value_name = "N")]
    pub epochs: Option<String>,
    /// Where the layout starts: the graph's leading eigenvectors, or principal components (umap) [default: spectral]
    #[arg(long, value_enum, value_name = "HOW")]
    pub init: Option<EmbedInit>,
    /// A graph written by knn, whose first --neighbors - 1 are used instead of finding them (umap)
    #[arg(long, value_name = "F.npz")]
    pub graph: Option<PathBuf>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(super) enum EmbedMethod {
    Umap,
    Pca,
    Diffusion,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(super) enum EmbedInit {
    Spectral,
    Pca,
}

impl From<EmbedInit> for Init {
    fn from(init: EmbedInit) -> Self {
        match init {
            EmbedInit::Spectral => Self::Spectral,
            EmbedInit::Pca => Self::Pca,
        }
    }
}

#[derive(Args)]
pub(super) struct TrustArgs {
    /// Coordinates [n, dims]: npy or npz
    #[arg(value_name = "COORDS")]
    pub coordinates: PathBuf,
    /// The dictionary or points they show
    #[arg(long, value_name = "DICT|POINTS.npy")]
    pub against: PathBuf,
    /// Distance in the original space [default: euclidean for points in an npy, cosine for a dictionary]
    #[arg(long, value_enum, value_name = "NAME")]
    pub metric: Option<TrustMetric>,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub unread: UnreadArgs,
    /// Neighbourhood size
    #[arg(long, default_value_t = 15, value_name = "K")]
    pub k: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Also write the measures of every point: npz, csv or json
    #[arg(short, long, value_name = "F")]
    pub output: Option<PathBuf>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(super) enum TrustMetric {
    Cosine,
    Euclidean,
}

#[derive(Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    pub dict: StudyArgs,
    /// Where to write: csv, json, npy or npz
    #[arg(short, long, value_name = "F")]
    pub output: PathBuf,
    /// Which features: column = != < <= > >= ~ in, and or not
    #[arg(long = "where", value_name = "EXPR")]
    pub filter: Option<String>,
    /// Which columns: feature, x, y, cluster, label, top_tokens, density, max_activation, mean_activation, norm [default:
    /// all but top_tokens and mean_activation]
    #[arg(long, value_delimiter = ',', value_name = "A,B,C")]
    pub columns: Vec<String>,
    /// Clusters written by cluster, instead of the map's own
    #[arg(long, value_name = "F", conflicts_with_all = ["FitArgs", "GroupArgs"])]
    pub clusters: Option<PathBuf>,
    #[command(flatten)]
    pub map: MapArgs,
    /// No comment header in csv
    #[arg(long)]
    pub bare: bool,
}

#[derive(Args)]
pub(super) struct RenderArgs {
    #[command(flatten)]
    pub dict: StudyArgs,
    /// Which view: map, feature, neighbors, clusters, manifolds, manifold, features, selections, heatmap, histograms, jobs,
    /// info, help
    #[arg(long, value_name = "NAME")]
    pub view: String,
    /// The selected feature
    #[arg(long, value_name = "N")]
    pub feature: Option<u32>,
    /// The selected cluster: a number, a letter or none
    #[arg(long, value_name = "C")]
    pub cluster: Option<String>,
    /// With --view manifold: cloud, loops, diagram, capture, cosines, stability or why [default: cloud]
    #[arg(long, value_name = "NAME")]
    pub chart: Option<String>,
    /// The filter
    #[arg(long = "where", value_name = "EXPR")]
    pub filter: Option<String>,
    #[command(flatten)]
    pub layout: LayoutArgs,
    #[command(flatten)]
    pub groups: GroupArgs,
    /// Columns x rows
    #[arg(long, default_value = "120x40", value_name = "WxH")]
    pub size: String,
    /// Glyphs of the map; auto is what the locale allows
    #[arg(long, value_enum, default_value_t = GlyphName(Some(Glyphs::Braille)), value_name = "NAME")]
    pub glyphs: GlyphName,
    /// Where to write: txt, svg, png or html; without it the frame is printed
    #[arg(short, long, value_name = "F")]
    pub output: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct SynthArgs {
    /// What to plant: mixed, rings, clusters, manifolds, random
    #[arg(value_name = "KIND")]
    pub kind: String,
    /// The folder to write
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Number of features
    #[arg(long, default_value_t = 2048, value_name = "N")]
    pub features: usize,
    /// Width of the model
    #[arg(long, default_value_t = 256, value_name = "D")]
    pub d_model: usize,
    /// Number of tokens with activations
    #[arg(long, default_value_t = 4096, value_name = "T")]
    pub tokens: usize,
}

#[derive(Args)]
pub(super) struct CacheArgs {
    /// What to do
    #[arg(value_enum, default_value_t = CacheAction::List)]
    pub action: CacheAction,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(super) enum CacheAction {
    /// Every kept result, most recently used first
    List,
    /// The folder
    Path,
    /// Remove every kept result
    Clear,
}
