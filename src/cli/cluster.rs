//! `cluster`: groups of features or of points.

use super::args::{ClusterArgs, ClusterMethod, ClusterOn, Common, OpenArgs};
use super::{input, opening, output, progress};
use crate::analysis::MapParams;
use crate::analysis::fingerprint::Fingerprint;
use crate::error::{Error, Problem, Result};
use crate::export::{Array, Data, Document, Provenance, Sink};
use crate::geometry::cluster::Clusters;
use crate::geometry::cluster::hdbscan::{HdbscanParams, Metric, hdbscan};
use crate::geometry::umap::UmapParams;
use serde_json::{Value, json};

pub(super) fn run(args: &ClusterArgs, common: &Common) -> Result<()> {
    if args.method != ClusterMethod::Hdbscan {
        return Err(Error::NotInBuild("grouping by another method than hdbscan (--method)".into()));
    }
    let sink = Sink::new(&args.output, common.force)?;
    let params = HdbscanParams { min_cluster_size: args.min_cluster_size, min_samples: args.min_samples };
    let (clusters, provenance, row) = match &args.points {
        Some(path) => {
            let points = input::points(path)?;
            let clusters = progress::with_task(common, |task| hdbscan(&points, Metric::Euclidean, &params, task))?;
            let provenance = Provenance {
                input: path.display().to_string(),
                fingerprint: Fingerprint::new().file(path)?.finish(),
                parameters: parameters(args, "points", common),
            };
            (clusters, provenance, "point")
        }
        None => {
            let (clusters, provenance) = of_dictionary(args, params, common)?;
            (clusters, provenance, "feature")
        }
    };
    let rows = (0..clusters.labels.len() as i64).collect();
    sink.write(&Document {
        rows: if row == "feature" { "features" } else { "points" },
        arrays: vec![
            Array::column(row, Data::I64(rows)),
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

fn parameters(args: &ClusterArgs, on: &str, common: &Common) -> serde_json::Map<String, Value> {
    let value = json!({
        "verb": "cluster", "method": "hdbscan", "on": on, "min_cluster_size": args.min_cluster_size,
        "min_samples": args.min_samples.unwrap_or(args.min_cluster_size), "seed": common.seed,
    });
    value.as_object().cloned().unwrap_or_default()
}

fn of_dictionary(args: &ClusterArgs, params: HdbscanParams, common: &Common) -> Result<(Clusters, Provenance)> {
    let open = OpenArgs { dict: args.dict.clone(), files: args.files.clone(), ..OpenArgs::default() };
    let study = opening::study(&open, common)?;
    let (on, clusters) = match args.on {
        ClusterOn::Map => {
            let umap = UmapParams { seed: common.seed, ..UmapParams::default() };
            let map = MapParams { umap, hdbscan: params }.fitted(study.features());
            let clusters = progress::with_task(common, |task| {
                let layout = study.umap(&map.umap, None, task, &mut |_| {})?;
                study.map_clusters(&map, &layout.coordinates, task)
            })?;
            ("map", clusters)
        }
        ClusterOn::Decoder => {
            let rows = &study.dictionary.decoder;
            ("decoder", progress::with_task(common, |task| hdbscan(rows, Metric::Cosine, &params, task))?)
        }
        ClusterOn::Encoder => {
            let rows = study.dictionary.encoder.as_ref();
            let rows =
                rows.ok_or_else(|| Problem::new("this dictionary has no encoder").hint("--on decoder").usage())?;
            ("encoder", progress::with_task(common, |task| hdbscan(rows, Metric::Cosine, &params, task))?)
        }
        ClusterOn::Activation | ClusterOn::PhiDecoder => {
            return Err(Error::NotInBuild("grouping by co-activation (--on)".into()));
        }
    };
    let mut provenance = opening::provenance(&study, Value::Null);
    provenance.parameters = parameters(args, on, common);
    Ok((clusters, provenance))
}
