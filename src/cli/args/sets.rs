//! Flags of the verbs about sets of features.

use crate::cli::shared::{MapArgs, StudyArgs};
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(in crate::cli) struct HeatmapArgs {
    #[command(flatten)]
    pub dict: StudyArgs,
    /// Which features, by number
    #[arg(long, value_delimiter = ',', value_name = "1,2,3", required_unless_present = "filter")]
    pub features: Vec<u32>,
    /// Which features, by condition: 'cluster = C', 'selection = weekdays'
    #[arg(long = "where", value_name = "EXPR", conflicts_with = "features")]
    pub filter: Option<String>,
    /// What pairs are measured by: decoder, encoder, activation, jaccard, dice, overlap, phi, conditional, smc, pearson,
    /// mutual, ising
    #[arg(long, default_value = "decoder", value_name = "WHAT")]
    pub by: String,
    /// In which order: feature, likeness, cluster, x, y
    #[arg(long, default_value = "feature", value_name = "HOW")]
    pub order: String,
    #[command(flatten)]
    pub map: MapArgs,
    /// Where to write: npz, csv or json
    #[arg(short, long, value_name = "F")]
    pub output: PathBuf,
    /// No comment header in csv
    #[arg(long)]
    pub bare: bool,
}

#[derive(Args)]
pub(in crate::cli) struct HistogramArgs {
    #[command(flatten)]
    pub dict: StudyArgs,
    /// Of which column: density, norm, max_activation, mean_activation, x, y, feature
    #[arg(long, default_value = "density", value_name = "NAME")]
    pub column: String,
    /// How many bars
    #[arg(long, default_value_t = 24, value_name = "N")]
    pub bins: usize,
    /// Count beside all features those for which a condition holds
    #[arg(long = "where", value_name = "EXPR")]
    pub filter: Option<String>,
    #[command(flatten)]
    pub map: MapArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
