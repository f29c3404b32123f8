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
    let (clusters, provenance, row) = match &args.points {
        Some(path) => {
            sink.spares([path.as_path()])?;
            let points = input::points(path)?;
            let clusters = progress::with_task(common, |task| hdbscan(&points, Metric::Euclidean, &params, task))
                .map_err(|error| error.in_file(path))?;
            let provenance = opening::provenance_of_file(path, common, parameters("points", &params))?;
            (Arc::new(clusters), provenance, "point")
        }
        None => {
            let (clusters, provenance) = of_dictionary(args, &params, &sink, common)?;
            (clusters, provenance, "feature")
        }
    };
    sink.write(&Document {
        rows: if row == "feature" { "features" } else { "points" },
        arrays: vec![
            Array::index(row, clusters.labels.len()),
            Array {
                columns: Some(vec!["cluster".into()]),
                ..Array::column("labels", Data::I32(clusters.labels.clone()))
            },
        ],
        extras: Vec::new(),
        provenance,
        bare: false,
    })?;
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

fn of_dictionary(
    args: &ClusterArgs,
    params: &HdbscanParams,
    sink: &Sink,
    common: &Common,
) -> Result<(Arc<Clusters>, Provenance)> {
    let map_flags = [&args.layout.given()[..], &[("--fit-clusters", args.fit.fit_clusters)]].concat();
    match args.on {
        ClusterOn::Map => {}
        ClusterOn::Decoder => pointless(&map_flags, "--on decoder")?,
        ClusterOn::Encoder => pointless(&map_flags, "--on encoder")?,
        ClusterOn::Activation | ClusterOn::PhiDecoder => {
            return Err(Error::NotInBuild("grouping by co-activation (--on)".into()));
        }
    }
    let open = OpenArgs { dict: args.dict.clone(), files: args.files.clone(), ..OpenArgs::default() };
    let study = opening::study(&open, common)?;
    sink.spares(opening::inputs(&study, &args.files))?;
    if args.on == ClusterOn::Map {
        let map = opening::map(&args.layout, &args.groups, args.fit.fit_clusters, common, &study)?;
        let (clusters, used) = progress::with_task(common, |task| {
            let layout = study.umap(&map.umap, None, task, &mut |_| {})?;
            of_map(&study, &map, &layout.coordinates, common, task)
        })?;
        let mut provenance = opening::provenance(&study, common, parameters("map", &used));
        provenance.parameters.extend(layout_parameters(&map.umap));
        return Ok((clusters, provenance));
    }
    let (on, rows) = match (args.on, &study.dictionary.encoder) {
        (ClusterOn::Encoder, Some(encoder)) => ("encoder", encoder),
        (ClusterOn::Encoder, None) => {
            return Err(Problem::new("this dictionary has no encoder").hint("--on decoder").usage());
        }
        _ => ("decoder", &study.dictionary.decoder),
    };
    let clusters = progress::with_task(common, |task| hdbscan(rows, Metric::Cosine, params, task))
        .map_err(|error| error.in_file(&study.name))?;
    Ok((Arc::new(clusters), opening::provenance(&study, common, parameters(on, params))))
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
    if map.fit_clusters || map.hdbscan != HdbscanParams::default() || common.quiet {
        return Ok(made);
    }
    let (_, shown) = study.fitted_clusters(&MapParams { fit_clusters: true, ..*map }, layout, task)?;
    if shown != map.hdbscan {
        let clusters = &made.0;
        output::remark(&format!(
            "{} not tell the features apart (the largest has {} of {}); --fit-clusters groups finer, as the screen does: with --min-cluster-size {} --min-samples {}",
            counted(clusters.count, "cluster does", "clusters do"),
            clusters.sizes().into_iter().max().unwrap_or(0),
            clusters.labels.len(),
            shown.min_cluster_size,
            shown.samples()
        ));
    }
    Ok(made)
}
