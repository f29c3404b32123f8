//! `export`: a table of features.

use super::args::ExportArgs;
use super::shared::{Common, MapArgs, pointless};
use super::{cluster, input, opening, progress};
use crate::analysis::columns::{COLUMNS, ColumnKind, DEFAULT_COLUMNS};
use crate::analysis::fingerprint::source;
use crate::analysis::map::layout_parameters;
use crate::analysis::{Column, Evidence, FeatureTable, Filter, MapParams, Selections, Study};
use crate::error::{Error, Problem, Result};
use crate::export::table::{arrays, count};
use crate::export::{Document, Sink};
use crate::geometry::cluster::hdbscan::HdbscanParams;
use crate::rows::Points;
use crate::task::Task;
use serde_json::{Map, Value};

pub(super) fn run(args: &ExportArgs, common: &Common) -> Result<()> {
    let columns = columns(&args.columns)?;
    let sink = Sink::new(&args.output, common.force, count(&columns))?;
    if let Some(text) = columns.iter().find(|column| matches!(column.row().kind, ColumnKind::Text | ColumnKind::Names))
        && sink.holds_numbers_alone()
    {
        return Err(Problem::new(format!("npy holds numbers, and {} is text", text.name()))
            .path(&args.output)
            .hint("a name ending in .npz, .csv or .json")
            .usage());
    }
    let filter = args.filter.as_deref().map(parse_filter).transpose()?;
    let mut needed = columns.clone();
    needed.extend(filter.iter().flat_map(Filter::columns));
    spare_flags(&args.map, &needed, args.clusters.is_some(), &format!("--columns {}", args.columns.join(",")))?;
    let study = opening::study(&args.dict.open(), common)?;
    sink.spares(study.files().chain(args.dict.evidence.files()).chain(args.clusters.as_deref()))?;
    let map = opening::map(&args.map.layout, &args.map.groups, args.map.fit.fit_clusters, common, &study)?;
    let given = args.clusters.as_ref().map(|path| input::cluster_numbers(path, study.features())).transpose()?;
    // The usual columns are written as far as they can be told; what was named must be.
    let named = if args.columns.is_empty() { &[][..] } else { &columns };
    let asked: Vec<Column> = named.iter().copied().chain(filter.iter().flat_map(Filter::columns)).collect();
    progress::with_task(common, |task| {
        if needed.iter().any(|column| !column.evidence().is_empty()) {
            sink.spares(study.load_evidence(task)?.files())?;
        }
        let wanted = needed.contains(&Column::Selection);
        let selections = wanted.then(|| opening::selections(&study)).transpose()?;
        let known = FeatureTable { selections: selections.as_ref(), ..FeatureTable::of(&study) };
        if let Some(column) = asked.iter().find(|column| !column.evidence().is_empty() && !known.has(**column)) {
            return Err(missing(*column));
        }
        let made = prepare(&study, &map, &needed, given, common, task)?;
        let table = FeatureTable { coordinates: made.layout.as_ref(), clusters: made.clusters.as_deref(), ..known };
        let passes = |feature: &usize| filter.as_ref().is_none_or(|filter| filter.passes(&table, *feature));
        let features: Vec<usize> = (0..study.features()).filter(passes).collect();
        if features.is_empty() {
            let by_cluster = filter.as_ref().is_some_and(|filter| filter.columns().contains(&Column::Cluster));
            let finer = match (&made.layout, made.grouping) {
                (Some(layout), Some(_)) if by_cluster => cluster::on_screen(&study, &map, layout, task)?.is_some(),
                _ => false,
            };
            let hint = if finer { "; try --fit-clusters, if the clusters are those of the screen" } else { "" };
            let filter = args.filter.as_deref().unwrap_or("the filter");
            return Err(Error::Nothing(format!("no feature passes {filter}{hint}")));
        }
        let mut provenance = opening::provenance(&study, common, parameters(args, &columns, &map, &made).into());
        let evidence = study.evidence().map(Evidence::sources).unwrap_or_default();
        for part in
            evidence.keys().filter(|part| !needed.iter().any(|column| column.evidence().contains(&part.as_str())))
        {
            provenance.parameters.remove(part);
        }
        provenance.parameters.extend(
            selections.as_ref().and_then(Selections::path).map(|path| ("selections".to_string(), source(path))),
        );
        let arrays = arrays(&table, &columns, &features);
        sink.write(&Document { rows: "features", arrays, extras: Vec::new(), provenance, bare: args.bare }, task)
    })
}

/// Refuses flags of the map and of its clusters where no column is made from them; `others` says what was asked for
/// instead, and `clusters_given` that the clusters are not the map's.
pub(super) fn spare_flags(map: &MapArgs, needed: &[Column], clusters_given: bool, others: &str) -> Result<()> {
    if !needed.contains(&Column::Cluster) {
        pointless(&[&map.groups.given()[..], &[("--fit-clusters", map.fit.fit_clusters)]].concat(), others)?;
    }
    let placed =
        |column: &Column| matches!(column, Column::X | Column::Y) || *column == Column::Cluster && !clusters_given;
    if needed.iter().any(placed) { Ok(()) } else { pointless(&map.layout.given(), others) }
}

/// What was asked for, and the parameters of what was made for it.
fn parameters(args: &ExportArgs, columns: &[Column], map: &MapParams, made: &Made) -> Map<String, Value> {
    let mut parameters = match (&made.layout, made.grouping) {
        (Some(_), Some(hdbscan)) => MapParams { hdbscan, ..*map }.parameters(),
        (Some(_), None) => layout_parameters(&map.umap),
        (None, _) => Map::new(),
    };
    parameters.insert("verb".into(), "export".into());
    parameters.insert("columns".into(), columns.iter().map(|column| column.name()).collect());
    parameters.extend(args.filter.as_ref().map(|filter| ("where".into(), filter.as_str().into())));
    parameters.extend(args.clusters.as_ref().map(|path| ("clusters".into(), source(path))));
    parameters
}

/// What columns are made from.
pub(super) struct Made {
    pub(super) layout: Option<Points>,
    /// The cluster of each feature, by the numbers of the file or of the map.
    pub(super) clusters: Option<Vec<i32>>,
    /// How the map was grouped, if it was.
    pub(super) grouping: Option<HdbscanParams>,
}

/// Computes what the needed columns ask for, and no more.
pub(super) fn prepare(
    study: &Study,
    map: &MapParams,
    needed: &[Column],
    given: Option<Vec<i32>>,
    common: &Common,
    task: &Task,
) -> Result<Made> {
    if needed.contains(&Column::Norm) {
        study.norms(task)?;
    }
    let own_clusters = needed.contains(&Column::Cluster) && given.is_none();
    let layout = if own_clusters || needed.contains(&Column::X) || needed.contains(&Column::Y) {
        Some(study.umap(&map.umap, None, task, &mut |_| {})?.coordinates)
    } else {
        None
    };
    Ok(match layout {
        Some(layout) if own_clusters => {
            let (clusters, grouping) = cluster::of_map(study, map, &layout, common, task)?;
            Made { layout: Some(layout), clusters: Some(clusters.labels.clone()), grouping: Some(grouping) }
        }
        layout => Made { layout, clusters: given, grouping: None },
    })
}

fn columns(names: &[String]) -> Result<Vec<Column>> {
    if names.is_empty() {
        return Ok(DEFAULT_COLUMNS.to_vec());
    }
    let mut columns = Vec::new();
    for name in names.iter().map(|name| name.trim()) {
        let column = Column::parse(name).ok_or_else(|| {
            let known: Vec<&str> = COLUMNS.iter().map(|row| row.name).collect();
            Problem::new(format!("there is no column {name:?}")).expected(known.join(", ")).usage()
        })?;
        if columns.contains(&column) {
            return Err(Problem::new(format!("--columns names {name} twice")).expected("every column once").usage());
        }
        columns.push(column);
    }
    Ok(columns)
}

/// Columns of the lines in which an error shows its place.
const EXCERPT: usize = 76;

/// A filter from a flag; the error shows the place under the text.
pub(super) fn parse_filter(text: &str) -> Result<Filter> {
    Filter::parse(text).map_err(|error| {
        let lines = error.pointed(text, EXCERPT);
        Problem::new(format!("--where cannot be read from its character {} on", error.at + 1)).excerpt(lines).usage()
    })
}

pub(super) fn missing(column: Column) -> Error {
    let hint = match column {
        Column::Label => "naming labels with --labels FILE",
        _ => "naming activations with --acts FILE",
    };
    Problem::new(format!("the column {} cannot be told for this dictionary", column.name())).hint(hint).usage()
}
