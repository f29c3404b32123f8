//! `manifolds`: groups of features that trace a shape, best first; `manifold`: the coordinates of one.

use super::args::{ManifoldArgs, ManifoldsArgs};
use super::shared::Common;
use super::{input, opening, output, progress};
use crate::analysis::filter::cluster_of;
use crate::analysis::manifolds::{Found, Manifold, ManifoldParams, by_hand};
use crate::analysis::{Study, manifolds};
use crate::error::{Error, Problem, Result};
use crate::export::objects::{self, Fields};
use crate::export::{Array, Data, Document, Sink};
use crate::geometry::cloud::{Cloud, ShapeParams, json, unit};
use crate::geometry::cluster::Clusters;
use crate::task::Task;
use serde_json::{Map, Value, json};
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
        let rows = study.manifolds(groups, &params, task)?;
        if rows.is_empty() {
            return Err(Error::Nothing("no group of features has a cloud".into()));
        }
        if found > manifolds::ROWS && !params.all && !common.quiet {
            output::remark(&format!(
                "{found} groups were found; the first {} are measured, --all for all",
                manifolds::ROWS
            ));
        }
        let fields: Vec<Fields> = rows.iter().enumerate().map(|(at, row)| fields(at + 1, row)).collect();
        let parameters = json!({
            "verb": "manifolds", "clusters": args.clusters.as_ref().map(|path| path.display().to_string()),
            "most_tokens": params.most_tokens, "all": params.all, "landmarks": params.shape.landmarks,
            "draws": params.shape.draws,
        });
        let document = Document {
            rows: "manifolds",
            arrays: objects::arrays(&fields, sink.nests()),
            extras: Vec::new(),
            provenance: opening::provenance(&study, common, parameters),
            bare: args.bare,
        };
        sink.write(&document, task)?;
        Ok(rows)
    })?;
    if args.json {
        let fields: Vec<Map<String, Value>> =
            rows.iter().enumerate().map(|(at, row)| fields(at + 1, row).into_iter().collect()).collect();
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
        let types = study.types(task)?;
        let row = study.manifold(found.clone(), types.as_ref(), &params, task)?;
        let document = coordinates(&study, &row, args, &params, common, task)?;
        sink.write(&document, task)
    })
}

fn shape_params(common: &Common) -> ShapeParams {
    ShapeParams { seed: common.seed, ..ShapeParams::MANY }
}

/// The groups of a file of clusters.
fn of_file(path: &Path, features: usize) -> Result<Vec<Found>> {
    // Renumbered by size: what `cluster` writes stays as it is.
    let clusters = Clusters::from_labels(&input::cluster_numbers(path, features)?);
    Ok(Study::groups_of(&clusters, &path.display().to_string()))
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
    let at = groups
        .into_iter()
        .enumerate()
        .find(|(at, found)| if args.clusters.is_some() { found.cluster == Some(wanted) } else { *at as u32 == wanted });
    at.map(|(_, found)| found).ok_or_else(|| {
        let expected = format!("0 to {}", known.saturating_sub(1));
        Problem::new(format!("there is no cluster {wanted}")).expected(expected).usage()
    })
}

/// One row of the table.
fn fields(rank: usize, row: &Manifold) -> Fields {
    let mut all = Fields::new();
    let mut put = |name: &str, value: Value| all.push((name.to_string(), value));
    put("rank", rank.into());
    put("cluster", json!(row.found.cluster));
    put("grouping", json!(row.found.grouping));
    put("features", json!(row.found.features));
    put("size", row.found.features.len().into());
    put("tokens", row.tokens.into());
    put("tokens_measured", row.measured.into());
    put("name", json!(row.name));
    put("label", json!(row.label));
    put("score", json!(row.score));
    put("stability", json!(row.found.stability));
    let speaking = row.speaking();
    let verdict = speaking.and_then(|(shape, _)| shape.verdict.as_ref());
    put("verdict", json!(verdict.map(|verdict| verdict.word)));
    put("verdict_of", json!(speaking.map(|(_, is_unit)| if is_unit { "unit" } else { "raw" })));
    put("verdict_evidence", json!(verdict.map(|verdict| &verdict.evidence)));
    for (name, order) in [("ring_order", &row.ring), ("row_order", &row.row)] {
        let value = order.as_ref().map(|(order, texts)| {
            json!({
                "types": texts, "fit": order.fit, "gaussian_95": order.gaussian_95, "dealt_95": order.dealt_95,
                "p": order.p, "draws": order.draws,
            })
        });
        put(name, json!(value));
    }
    // Labels of tokens are not measured here, and the verdict on the raw cloud stands above where it is the one.
    for (shape, suffix, above) in
        [(&row.raw, "", &["labels", "verdict", "verdict_evidence"][..]), (&row.unit, "_unit", &["labels"])]
    {
        let measured = shape.iter().flat_map(json).filter(|(name, _)| !above.contains(&name.as_str()));
        all.extend(measured.map(|(name, value)| (name + suffix, value)));
    }
    all
}

/// One row a token: where it is, and where along the manifold.
fn coordinates(
    study: &Study,
    row: &Manifold,
    args: &ManifoldArgs,
    params: &ManifoldParams,
    common: &Common,
    task: &Task,
) -> Result<Document> {
    let group = study.group_cloud(&row.found.features, params.most_tokens, task)?;
    let Some((shape, is_unit)) = row.speaking() else {
        let what = format!("this group fires on {} tokens alone", row.tokens);
        return Err(Problem::new(what).expected(format!("{} or more", manifolds::LEAST_TOKENS)).input());
    };
    let (points, kept) =
        if is_unit { unit(&group.points) } else { (group.points.clone(), (0..group.tokens.len() as u32).collect()) };
    let cloud = Cloud::new(&points, is_unit, task)?;
    let along = cloud.coordinate(shape, &params.shape, task)?;
    let tokens: Vec<u32> = kept.iter().map(|&at| group.tokens[at as usize]).collect();
    let place = |row: u32| study.tokens().map(|tokens| tokens.place(row as usize));
    let spectrum = cloud.spectrum();
    let rank = spectrum.coordinates.dims();
    let numbers = |pick: fn((u32, u32)) -> u32| {
        let all = tokens.iter().map(|&row| place(row).map_or(-1, |place| i64::from(pick(place))));
        Data::I64(all.collect())
    };
    let pcs: Vec<String> = (1..=rank).map(|pc| format!("pc{pc}")).collect();
    let names: Vec<&str> = pcs.iter().map(String::as_str).collect();
    let arrays = vec![
        Array::column("token", Data::I64(tokens.iter().map(|&row| row.into()).collect())),
        Array::column("document", numbers(|place| place.0)),
        Array::column("position", numbers(|place| place.1)),
        Array::matrix("coordinates", rank, Data::F64(spectrum.coordinates.data().to_vec())).named(&names),
        Array::column("s", Data::F64(along.iter().map(|s| s.unwrap_or(f64::NAN)).collect())),
    ];
    // A point's pcs times these, and the mean, give the reconstruction in the model's space.
    let width = group.basis.dims();
    let in_model = |row: &[f32]| -> Vec<f64> {
        let mut out = vec![0.0; width];
        for (at, &x) in row.iter().enumerate() {
            out.iter_mut().zip(group.basis.row(at)).for_each(|(out, basis)| *out += f64::from(x) * basis);
        }
        out
    };
    let basis: Vec<f64> = (0..rank).flat_map(|pc| in_model(spectrum.components.row(pc))).collect();
    let extras = vec![
        Array::matrix("basis", width, Data::F64(basis)),
        Array::column("mean", Data::F64(in_model(&spectrum.mean))),
    ];
    let parameters = json!({
        "verb": "manifold", "features": row.found.features, "grouping": row.found.grouping, "cluster": args.cluster,
        "unit": is_unit, "most_tokens": params.most_tokens, "metrics": fields(1, row).into_iter().collect::<Map<_, _>>(),
    });
    Ok(Document {
        rows: "tokens",
        arrays,
        extras,
        provenance: opening::provenance(study, common, parameters),
        bare: args.bare,
    })
}
