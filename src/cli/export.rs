//! `export`: a table of features.

use super::args::ExportArgs;
use super::shared::Common;
use super::{cluster, input, opening, progress};
use crate::analysis::columns::{COLUMNS, DEFAULT_COLUMNS};
use crate::analysis::{Column, FeatureTable, Filter, MapParams, Study};
use crate::error::{Error, Problem, Result};
use crate::export::table::{arrays, count};
use crate::export::{Document, Sink};
use crate::geometry::cluster::Clusters;
use crate::rows::Points;
use crate::task::Task;

pub(super) fn run(args: &ExportArgs, common: &Common) -> Result<()> {
    let columns = columns(&args.columns)?;
    let sink = Sink::new(&args.output, common.force, count(&columns))?;
    let filter = args.filter.as_deref().map(parse_filter).transpose()?;
    let study = opening::study(&args.dict.open(), common)?;
    let map = opening::map(&args.layout, &args.groups, false, common, &study)?;
    let mut needed = columns.clone();
    needed.extend(filter.iter().flat_map(Filter::columns));
    let given = args.clusters.as_ref().map(|path| input::clusters(path, study.features())).transpose()?;
    let (layout, clusters) = progress::with_task(common, |task| prepare(&study, &map, &needed, given, common, task))?;
    let table = FeatureTable { study: &study, coordinates: layout.as_ref(), clusters: clusters.as_ref(), words: None };
    let wanted = if args.columns.is_empty() { Vec::new() } else { columns.clone() };
    let asked = wanted.into_iter().chain(filter.iter().flat_map(Filter::columns));
    if let Some(column) = asked.into_iter().find(|&column| !table.has(column)) {
        return Err(missing(column));
    }
    let features: Vec<usize> =
        (0..study.features()).filter(|&f| filter.as_ref().is_none_or(|filter| filter.passes(&table, f))).collect();
    if features.is_empty() {
        return Err(Error::Nothing(format!("no feature passes {}", args.filter.as_deref().unwrap_or("the filter"))));
    }
    let mut parameters = map.parameters();
    parameters.insert("verb".into(), "export".into());
    parameters.insert("where".into(), args.filter.clone().into());
    if let Some(path) = &args.clusters {
        parameters.insert("clusters".into(), path.display().to_string().into());
    }
    sink.write(&Document {
        rows: "features",
        arrays: arrays(&table, &columns, &features),
        extras: Vec::new(),
        provenance: opening::provenance(&study, parameters.into()),
        bare: args.bare,
    })
}

/// Computes what the needed columns ask for, and no more.
fn prepare(
    study: &Study,
    map: &MapParams,
    needed: &[Column],
    given: Option<Clusters>,
    common: &Common,
    task: &Task,
) -> Result<(Option<Points>, Option<Clusters>)> {
    study.load_evidence(task)?;
    if needed.contains(&Column::Norm) {
        study.norms(task)?;
    }
    let own_clusters = needed.contains(&Column::Cluster) && given.is_none();
    let layout = if own_clusters || needed.contains(&Column::X) || needed.contains(&Column::Y) {
        Some(study.umap(&map.umap, None, task, &mut |_| {})?.coordinates)
    } else {
        None
    };
    let clusters = match (&layout, own_clusters) {
        (Some(layout), true) => Some(cluster::of_map(study, map, layout, common, task)?),
        _ => given,
    };
    Ok((layout, clusters))
}

fn columns(names: &[String]) -> Result<Vec<Column>> {
    if names.is_empty() {
        return Ok(DEFAULT_COLUMNS.to_vec());
    }
    names
        .iter()
        .map(|name| {
            Column::parse(name.trim()).ok_or_else(|| {
                let known: Vec<&str> = COLUMNS.iter().map(|row| row.name).collect();
                Problem::new(format!("there is no column {name:?}")).expected(known.join(", ")).usage()
            })
        })
        .collect()
}

/// A filter from a flag; the error shows the place under the text.
pub(super) fn parse_filter(text: &str) -> Result<Filter> {
    Filter::parse(text).map_err(|error| Problem::new(format!("--where {text:?}: {error}")).usage())
}

fn missing(column: Column) -> Error {
    let hint = if column.row().needs_activations {
        "naming activations with --acts FILE"
    } else {
        "naming labels with --labels FILE"
    };
    Problem::new(format!("the column {} cannot be told for this dictionary", column.name())).hint(hint).usage()
}
