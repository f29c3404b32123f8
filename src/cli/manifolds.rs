//! `manifolds`: groups of features that trace a shape, best first; `manifold`: the coordinates of one.

use super::args::{ManifoldArgs, ManifoldsArgs};
use super::shared::Common;
use super::{input, opening, output, progress};
use crate::analysis::filter::cluster_of;
use crate::analysis::groups::{Found, by_hand};
use crate::analysis::manifolds::{ManifoldParams, Survey};
use crate::analysis::{Study, manifolds};
use crate::error::{Error, Problem, Result};
use crate::export::{Document, Sink, manifolds as export};
use crate::geometry::cloud::ShapeParams;
use crate::task::Task;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

pub(super) fn table(args: &ManifoldsArgs, common: &Common) -> Result<()> {
    let sink = Sink::new(&args.output, common.force, 2)?;
    let study = opening::study(&args.dict.open(), common)?;
    sink.spares(study.files().chain(args.dict.evidence.files()).chain(args.clusters.as_deref()))?;
    let params = ManifoldParams { shape: shape_params(common), most_tokens: args.most_tokens, all: args.all };
    let rows = progress::with_task(common, |task| {
        let groups = match &args.clusters {
            Some(path) => of_file(path, study.features())?,
            None => study.find_groups(common.seed, task)?,
        };
        let found = groups.len();
        let Survey { mut rows, silent, copies } = study.survey(groups, &params, task)?;
        let measured = if params.all { found } else { found.min(manifolds::ROWS) };
        study.deepen(&mut rows, &params, task, &|_, _| ())?;
        if rows.is_empty() {
            return Err(Error::Nothing("no group of features has a cloud".into()));
        }
        if found > manifolds::ROWS && !params.all && !common.quiet {
            output::remark(&format!(
                "{found} groups were found; the first {} are measured, --all for all",
                manifolds::ROWS
            ));
        }
        if silent > 0 && !common.quiet {
            output::remark(&format!("{silent} of {measured} groups fire on no token and have no row"));
        }
        if copies > 0 && !common.quiet {
            output::remark(&format!("{copies} of {measured} groups are near-copies of better ones and have no row"));
        }
        let mut parameters = export::table_parameters(&params);
        let clusters = args.clusters.as_ref().map(|path| path.display().to_string());
        parameters.insert("clusters".into(), clusters.into());
        let document = Document {
            rows: "manifolds",
            arrays: export::table(rows.iter(), sink.nests()),
            extras: Vec::new(),
            provenance: opening::provenance(&study, common, Value::Object(parameters)),
            bare: args.bare,
        };
        sink.write(&document, task)?;
        Ok(rows)
    })?;
    if args.json {
        let fields: Vec<Map<String, Value>> =
            rows.iter().enumerate().map(|(at, row)| export::fields(at + 1, row).into_iter().collect()).collect();
        return output::print_json(&json!({ "manifolds": fields }));
    }
    Ok(())
}

pub(super) fn one(args: &ManifoldArgs, common: &Common) -> Result<()> {
    let sink = Sink::new(&args.output, common.force, 2)?;
    let study = opening::study(&args.dict.open(), common)?;
    sink.spares(study.files().chain(args.dict.evidence.files()).chain(args.clusters.as_deref()))?;
    let params = ManifoldParams { shape: shape_params(common), most_tokens: args.most_tokens, all: false };
    progress::with_task(common, |task| {
        let found = chosen(&study, args, common, task)?;
        let portrait = study.portrait(found, &params, task)?;
        let (arrays, extras) = export::coordinates(&study, &portrait);
        let mut parameters = export::coordinates_parameters(&portrait, &params);
        parameters.insert("cluster".into(), args.cluster.clone().into());
        let provenance = opening::provenance(&study, common, Value::Object(parameters));
        sink.write(&Document { rows: "tokens", arrays, extras, provenance, bare: args.bare }, task)
    })
}

fn shape_params(common: &Common) -> ShapeParams {
    ShapeParams { seed: common.seed, ..ShapeParams::MANY }
}

/// The groups of a file of clusters, by its own numbers.
fn of_file(path: &Path, features: usize) -> Result<Vec<Found>> {
    let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (feature, label) in input::cluster_numbers(path, features)?.into_iter().enumerate() {
        if let Ok(cluster) = u32::try_from(label) {
            groups.entry(cluster).or_default().push(feature as u32);
        }
    }
    let grouping = path.display().to_string();
    let found =
        |(cluster, features)| Found { features, grouping: grouping.clone(), cluster: Some(cluster), stability: None };
    Ok(groups.into_iter().map(found).collect())
}

/// The group that the flags name.
fn chosen(study: &Study, args: &ManifoldArgs, common: &Common, task: &Task) -> Result<Found> {
    if !args.features.is_empty() {
        return by_hand(&args.features);
    }
    let text = args.cluster.as_deref().unwrap_or_default();
    let wanted = text.parse().ok().or_else(|| cluster_of(text).map(u32::from));
    let wanted: u32 = wanted.ok_or_else(|| {
        Problem::new(format!("--cluster {text}")).expected("a number from 0 on, or a letter A to Z").usage()
    })?;
    let groups = match &args.clusters {
        Some(path) => of_file(path, study.features())?,
        None => study.find_groups(common.seed, task)?,
    };
    let known = groups.len();
    groups.into_iter().find(|found| found.cluster == Some(wanted)).ok_or_else(|| {
        Problem::new(format!("there is no cluster {wanted}"))
            .expected(format!("one of the {known} groups, as `manifolds` numbers them in its column cluster"))
            .usage()
    })
}
