//! `cluster`: groups of features or of points.

use super::args::{ClusterArgs, ClusterMethod, ClusterOn};
use super::shared::{Common, OpenArgs};
use super::{input, opening, output, progress};
use crate::analysis::fingerprint::Fingerprint;
use crate::analysis::{MapParams, Study};
use crate::error::{Error, Problem, Result};
use crate::export::{Array, Data, Document, Provenance, Sink};
use crate::geometry::cluster::Clusters;
use crate::geometry::cluster::hdbscan::{HdbscanParams, Metric, hdbscan};
use crate::rows::{Points, Rows};
use crate::task::Task;
use serde_json::{Value, json};

pub(super) fn run(args: &ClusterArgs, common: &Common) -> Result<()> {
    if args.method != ClusterMethod::Hdbscan {
        return Err(Error::NotInBuild("grouping by another method than hdbscan (--method)".into()));
    }
    let sink = Sink::new(&args.output, common.force, 1)?;
    let params = opening::hdbscan(&args.groups);
    let (clusters, provenance, row) = match &args.points {
        Some(path) => {
            let points = input::points(path)?;
            let clusters = progress::with_task(common, |task| hdbscan(&points, Metric::Euclidean, &params, task))
                .map_err(|error| error.in_file(path))?;
            let provenance = Provenance {
                input: path.display().to_string(),
                fingerprint: Fingerprint::new().file(path)?.finish(),
                parameters: parameters("points", &params, common),
            };
            (clusters, provenance, "point")
        }
        None => {
            let (clusters, provenance) = of_dictionary(args, &params, common)?;
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

fn parameters(on: &str, params: &HdbscanParams, common: &Common) -> serde_json::Map<String, Value> {
    let value = json!({
        "verb": "cluster", "method": "hdbscan", "on": on, "min_cluster_size": params.min_cluster_size,
        "min_samples": params.samples(), "seed": common.seed,
    });
    value.as_object().cloned().unwrap_or_default()
}

fn of_dictionary(args: &ClusterArgs, params: &HdbscanParams, common: &Common) -> Result<(Clusters, Provenance)> {
    let open = OpenArgs { dict: args.dict.clone(), files: args.files.clone(), ..OpenArgs::default() };
    let study = opening::study(&open, common)?;
    let mut provenance = opening::provenance(&study, Value::Null);
    let by_cosine = |rows: &dyn Rows| {
        progress::with_task(common, |task| hdbscan(rows, Metric::Cosine, params, task))
            .map_err(|error| error.in_file(&study.name))
    };
    let (on, clusters) = match args.on {
        ClusterOn::Map => {
            let map = opening::map(&args.layout, &args.groups, false, common, &study)?;
            let clusters = progress::with_task(common, |task| {
                let layout = study.umap(&map.umap, None, task, &mut |_| {})?;
                of_map(&study, &map, &layout.coordinates, common, task)
            })?;
            provenance.parameters = map.parameters();
            ("map", clusters)
        }
        ClusterOn::Decoder => ("decoder", by_cosine(&study.dictionary.decoder)?),
        ClusterOn::Encoder => {
            let rows = study.dictionary.encoder.as_ref();
            let rows =
                rows.ok_or_else(|| Problem::new("this dictionary has no encoder").hint("--on decoder").usage())?;
            ("encoder", by_cosine(rows)?)
        }
        ClusterOn::Activation | ClusterOn::PhiDecoder => {
            return Err(Error::NotInBuild("grouping by co-activation (--on)".into()));
        }
    };
    provenance.parameters.extend(parameters(on, params, common));
    Ok((clusters, provenance))
}

/// Clusters of a layout with exactly these parameters. Where the screen would group finer, stderr says how.
pub(super) fn of_map(
    study: &Study,
    map: &MapParams,
    layout: &Points,
    common: &Common,
    task: &Task,
) -> Result<Clusters> {
    let clusters = study.map_clusters(map, layout, task)?;
    let (_, shown) = study.fitted_clusters(&MapParams { fit_clusters: true, ..*map }, layout, task)?;
    if shown != map.hdbscan && map.hdbscan == HdbscanParams::default() && !common.quiet {
        output::remark(&format!(
            "these {} clusters do not tell the features apart (the largest has {} of {}); the screen takes --min-cluster-size {} --min-samples {} here",
            clusters.count,
            clusters.sizes().into_iter().max().unwrap_or(0),
            clusters.labels.len(),
            shown.min_cluster_size,
            shown.samples()
        ));
    }
    Ok(clusters)
}
