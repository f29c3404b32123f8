//! `heatmap`: the similarities of a set of features, pair by pair; `histogram`: how features are distributed over a
//! number of theirs. Both are what the pages of these names show.

use super::args::{HeatmapArgs, HistogramArgs};
use super::export::{Made, parse_filter, prepare, spare_flags};
use super::shared::{Common, MapArgs};
use super::{opening, output, progress};
use crate::analysis::columns::ColumnKind;
use crate::analysis::distribution::Distribution;
use crate::analysis::pairs::{PairMeasure, PairOrder, pairs};
use crate::analysis::{Column, FeatureTable, Filter, MapParams, Selections, Study};
use crate::error::{Error, Problem, Result};
use crate::export::{Array, Data, Document, Sink};
use crate::task::Task;
use crate::text::{decimal, thousands};
use serde_json::{Value, json};

/// Most bars of a histogram.
const MOST_BINS: usize = 10_000;

/// What a condition and an order look at.
struct Known {
    made: Made,
    selections: Option<Selections>,
    map: MapParams,
}

impl Known {
    fn gather(study: &Study, needed: &[Column], args: &MapArgs, common: &Common, task: &Task) -> Result<Self> {
        let map = opening::map(&args.layout, &args.groups, args.fit.fit_clusters, common, study)?;
        if needed.iter().any(|column| !column.evidence().is_empty()) {
            study.load_evidence(task)?;
        }
        let selections = needed.contains(&Column::Selection).then(|| opening::selections(study)).transpose()?;
        Ok(Self { made: prepare(study, &map, needed, None, common, task)?, selections, map })
    }
    fn table<'a>(&'a self, study: &'a Study) -> FeatureTable<'a> {
        FeatureTable {
            coordinates: self.made.layout.as_ref(),
            clusters: self.made.clusters.as_deref(),
            selections: self.selections.as_ref(),
            ..FeatureTable::of(study)
        }
    }
    /// How what was looked at was made.
    fn parameters(&self, verb: Value) -> Value {
        let mut all = match self.made.grouping {
            Some(hdbscan) => MapParams { hdbscan, ..self.map }.parameters(),
            None if self.made.layout.is_some() => crate::analysis::map::layout_parameters(&self.map.umap),
            None => serde_json::Map::new(),
        };
        if let Value::Object(verb) = verb {
            all.extend(verb);
        }
        Value::Object(all)
    }
}

/// The features for which a condition holds.
///
/// # Errors
/// If it looks at what is not known, or holds for none.
fn passing(table: &FeatureTable<'_>, filter: &Filter) -> Result<Vec<u32>> {
    if let Some(column) = filter.missing(table) {
        return Err(super::export::missing(column));
    }
    let found: Vec<u32> = (0..table.len()).filter(|at| filter.passes(table, *at)).map(|at| at as u32).collect();
    if found.is_empty() {
        return Err(Error::Nothing(format!("no feature passes {}", filter.text())));
    }
    Ok(found)
}

pub(super) fn heatmap(args: &HeatmapArgs, common: &Common) -> Result<()> {
    let measure = PairMeasure::from_name(&args.by)?;
    let order = PairOrder::from_name(&args.order).ok_or_else(|| {
        let names: Vec<&str> = PairOrder::ALL.into_iter().map(PairOrder::name).collect();
        Problem::new(format!("there is no order {:?}", args.order)).expected(names.join(", ")).usage()
    })?;
    let filter = args.filter.as_deref().map(parse_filter).transpose()?;
    let sink = Sink::new(&args.output, common.force, 2)?;
    let mut needed = filter.as_ref().map_or(Vec::new(), Filter::columns);
    needed.extend(match order {
        PairOrder::Cluster => Some(Column::Cluster),
        PairOrder::X => Some(Column::X),
        PairOrder::Y => Some(Column::Y),
        PairOrder::Likeness | PairOrder::Feature => None,
    });
    spare_flags(&args.map, &needed, false, &format!("--order {} and these features", order.name()))?;
    let study = opening::study(&args.dict.open(), common)?;
    sink.spares(study.files().chain(args.dict.evidence.files()))?;
    progress::with_task(common, |task| {
        let known = Known::gather(&study, &needed, &args.map, common, task)?;
        let table = known.table(&study);
        let features = filter.as_ref().map_or_else(|| Ok(args.features.clone()), |filter| passing(&table, filter))?;
        let found = pairs(&table, &features, measure, order, task)?;
        let names: Vec<String> = found.features.iter().map(u32::to_string).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let numbers = found.features.iter().map(|&feature| feature.into()).collect();
        let parameters = json!({
            "verb": "heatmap", "by": measure.name(), "order": order.name(), "features": args.features, "where": args.filter,
        });
        let document = Document {
            rows: "features",
            arrays: vec![
                Array { index: true, ..Array::column("feature", Data::I64(numbers)) },
                Array::matrix("similarity", found.len(), Data::F32(found.values.clone())).named(&names),
            ],
            extras: Vec::new(),
            provenance: opening::provenance(&study, common, known.parameters(parameters)),
            bare: args.bare,
        };
        sink.write(&document, task)
    })
}

pub(super) fn histogram(args: &HistogramArgs, common: &Common) -> Result<()> {
    let column = Column::parse(&args.column).filter(|column| column.row().kind == ColumnKind::Number);
    let column = column.ok_or_else(|| {
        let all = crate::analysis::columns::COLUMNS.iter();
        let names: Vec<&str> = all.filter(|row| row.kind == ColumnKind::Number).map(|row| row.name).collect();
        Problem::new(format!("there is no column of numbers {:?}", args.column)).expected(names.join(", ")).usage()
    })?;
    if !(1..=MOST_BINS).contains(&args.bins) {
        return Err(Problem::new(format!("--bins {}", args.bins)).expected(format!("1 to {MOST_BINS}")).usage());
    }
    let filter = args.filter.as_deref().map(parse_filter).transpose()?;
    let mut needed = filter.as_ref().map_or(Vec::new(), Filter::columns);
    needed.push(column);
    spare_flags(&args.map, &needed, false, &format!("--column {}", column.name()))?;
    let study = opening::study(&args.dict.open(), common)?;
    let found = progress::with_task(common, |task| {
        let known = Known::gather(&study, &needed, &args.map, common, task)?;
        let table = known.table(&study);
        if !table.has(column) {
            return Err(super::export::missing(column));
        }
        let shown = match &filter {
            None => None,
            Some(filter) => {
                let mut shown = vec![false; table.len()];
                passing(&table, filter)?.into_iter().for_each(|feature| shown[feature as usize] = true);
                Some(shown)
            }
        };
        Ok(Distribution::of(&table, column, args.bins, shown.as_deref()))
    })?;
    if args.json {
        return output::print_json(&page(&found));
    }
    output::print(&as_text(&found))
}

/// A histogram as JSON.
fn page(found: &Distribution) -> Value {
    let Distribution { column, log, edges, counts, shown, zeros, unknown, median } = found;
    json!({
        "column": column.name(), "log": log, "edges": edges, "counts": counts, "shown": shown, "zeros": zeros,
        "unknown": unknown, "median": median,
    })
}

/// A histogram for people: a line a bar.
fn as_text(found: &Distribution) -> String {
    let top = found.counts.iter().copied().max().unwrap_or(0).max(1);
    let scale = if found.log { ", bars of equal width in the logarithm" } else { "" };
    let mut text = format!("{}{scale}\n", found.column.name());
    for (at, (&count, &shown)) in found.counts.iter().zip(&found.shown).enumerate() {
        let bar = "#".repeat((count * 40).div_ceil(top) as usize);
        let part = if shown == count { String::new() } else { format!("  {} of them", thousands(shown)) };
        let (low, high) = (decimal(found.edges[at]), decimal(found.edges[at + 1]));
        text.push_str(&format!("{low:>12} {high:>12} {:>9}  {bar}{part}\n", thousands(count)));
    }
    let mut rest = vec![format!("{} in bars", thousands(found.total()))];
    rest.extend(found.median.map(|median| format!("median {}", decimal(median))));
    rest.extend((found.zeros > 0).then(|| format!("{} are 0", thousands(found.zeros))));
    rest.extend((found.unknown > 0).then(|| format!("{} have none", thousands(found.unknown))));
    text + &rest.join(", ") + "\n"
}
