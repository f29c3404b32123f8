//! `cluster`: groups of features or of points.

use super::args::{ClusterArgs, ClusterMethod, ClusterOn};
use super::shared::{Common, OpenArgs, pointless};
use super::{input, opening, output, progress};
use crate::analysis::map::layout_parameters;
use crate::analysis::{MapParams, Study};
use crate::error::{Error, Problem, Result};
use crate::export::{Array, Data, Document, Provenance, Sink};
use crate::geometry::cluster::Clusters;
use crate::geometry::cluster::hdbscan::{HdbscanParams, Metric, hdbscan};
use crate::rows::Points;
use crate::task::Task;
use crate::text::counted;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn run(args: &ClusterArgs, common: &Common) -> Result<()> {
    if args.method != ClusterMethod::Hdbscan {
        return Err(Error::NotInBuild("grouping by another method than hdbscan (--method)".into()));
    }
    let sink = Sink::new(&args.output, common.force, 1)?;
    let params = opening::hdbscan(&args.groups);
    let clusters = match &args.points {
        Some(path) => {
            sink.spares([path.as_path()])?;
            let points = input::points(path)?;
            let provenance = opening::provenance_of_file(path, common, parameters("points", &params))?;
            progress::with_task(common, |task| {
                let found = hdbscan(&points, Metric::Euclidean, &params, task);
                let clusters = Arc::new(found.map_err(|error| error.in_file(path))?);
                write(&sink, ("points", "point"), &clusters, provenance, task)?;
                Ok(clusters)
            })?
        }
        None => of_dictionary(args, &params, &sink, common)?,
    };
    if args.json {
        return output::print_json(&json!({
            "clusters": clusters.count, "noise": clusters.noise(), "sizes": clusters.sizes(),
        }));
    }
    Ok(())
}

fn parameters(on: &str, params: &HdbscanParams) -> Value {
    json!({
        "verb": "cluster", "method": "hdbscan", "on": on, "min_cluster_size": params.min_cluster_size,
        "min_samples": params.samples(),
    })
}

/// Writes the cluster of every row; `names` are those of the rows and of their index.
fn write(
    sink: &Sink,
    names: (&'static str, &str),
    clusters: &Clusters,
    provenance: Provenance,
    task: &Task,
) -> Result<()> {
    let labels = Array::column("labels", Data::I32(clusters.labels.clone()));
    let document = Document {
        rows: names.0,
        arrays: vec![
            Array::index(names.1, clusters.labels.len()),
            Array { columns: Some(vec!["cluster".into()]), ..labels },
        ],
        extras: Vec::new(),
        provenance,
        bare: false,
    };
    sink.write(&document, task)
}

fn of_dictionary(args: &ClusterArgs, params: &HdbscanParams, sink: &Sink, common: &Common) -> Result<Arc<Clusters>> {
    let map_flags = [&args.layout.given()[..], &[("--fit-clusters", args.fit.fit_clusters)]].concat();
    let on = match args.on {
        ClusterOn::Map => "map",
        ClusterOn::Decoder => "decoder",
        ClusterOn::Encoder => "encoder",
        ClusterOn::Activation | ClusterOn::PhiDecoder => {
            return Err(Error::NotInBuild("grouping by co-activation (--on)".into()));
        }
    };
    args.unread.remark(&format!("--on {on}"), common);
    if args.on != ClusterOn::Map {
        pointless(&map_flags, &format!("--on {on}"))?;
    }
    let open = OpenArgs { dict: args.dict.clone(), files: args.files.clone(), ..OpenArgs::default() };
    let study = opening::study(&open, common)?;
    sink.spares(study.files())?;
    let rows = match (args.on, &study.dictionary.encoder) {
        (ClusterOn::Encoder, None) => {
            return Err(Problem::new("this dictionary has no encoder").hint("--on decoder").usage());
        }
        (ClusterOn::Encoder, Some(encoder)) => encoder,
        _ => &study.dictionary.decoder,
    };
    let map = (args.on == ClusterOn::Map)
        .then(|| opening::map(&args.layout, &args.groups, args.fit.fit_clusters, common, &study))
        .transpose()?;
    progress::with_task(common, |task| {
        let (clusters, mut parameters) = if let Some(map) = &map {
            let layout = study.umap(&map.umap, None, task, &mut |_| {})?;
            let (clusters, used) = of_map(&study, map, &layout.coordinates, common, task)?;
            (clusters, parameters(on, &used))
        } else {
            let clusters = hdbscan(rows, Metric::Cosine, params, task).map_err(|error| error.in_file(&study.name))?;
            (Arc::new(clusters), parameters(on, params))
        };
        if let (Some(all), Some(map)) = (parameters.as_object_mut(), &map) {
            all.extend(layout_parameters(&map.umap));
        }
        write(sink, ("features", "feature"), &clusters, opening::provenance(&study, common, parameters), task)?;
        Ok(clusters)
    })
}

/// Clusters of a layout as `map` asks for them, and the parameters that made them. Where nothing is asked for and the
/// screen would group finer, stderr says how.
pub(super) fn of_map(
    study: &Study,
    map: &MapParams,
    layout: &Points,
    common: &Common,
    task: &Task,
) -> Result<(Arc<Clusters>, HdbscanParams)> {
    let made = study.fitted_clusters(map, layout, task)?;
    if common.quiet {
        return Ok(made);
    }
    if let Some(shown) = on_screen(study, map, layout, task)? {
        let clusters = &made.0;
        output::remark(&format!(
            "these clusters ({}, the largest with {} of {}) do not tell the features apart; --fit-clusters groups finer, as the screen does: with --min-cluster-size {} --min-samples {}",
            clusters.count,
            clusters.sizes().into_iter().max().unwrap_or(0),
            counted(clusters.labels.len(), "feature", "features"),
            shown.min_cluster_size,
            shown.samples()
        ));
    }
    Ok(made)
}

/// How the screen groups a layout for which nothing is asked, if it does so otherwise than `map`.
pub(super) fn on_screen(study: &Study, map: &MapParams, layout: &Points, task: &Task) -> Result<Option<HdbscanParams>> {
    if map.fit_clusters || map.hdbscan != HdbscanParams::default() {
        return Ok(None);
    }
    let (_, shown) = study.fitted_clusters(&MapParams { fit_clusters: true, ..*map }, layout, task)?;
    Ok(Some(shown).filter(|shown| *shown != map.hdbscan))
}
