//! `trust`: how far a map can be trusted.

use super::args::TrustArgs;
use super::shared::{Common, OpenArgs};
use super::{input, opening, output, progress};
use crate::error::Result;
use crate::export::{Array, Data, Document, Provenance, Sink};
use crate::geometry::cluster::hdbscan::Metric;
use crate::geometry::trust::trust;
use serde_json::json;

pub(super) fn run(args: &TrustArgs, common: &Common) -> Result<()> {
    let sink = args.output.as_ref().map(|path| Sink::new(path, common.force, 3)).transpose()?;
    let coordinates = input::points(&args.coordinates)?;
    let against = args.against.as_path();
    let points = against.extension().is_some_and(|suffix| suffix == "npy");
    let measured = if points {
        let original = input::points(against)?;
        progress::with_task(common, |task| trust(&coordinates, &original, Metric::Euclidean, args.k, task))?
    } else {
        let open = OpenArgs { dict: Some(args.against.clone()), files: args.files.clone(), ..OpenArgs::default() };
        let study = opening::study(&open, common)?;
        let rows = &study.dictionary.decoder;
        progress::with_task(common, |task| trust(&coordinates, rows, Metric::Cosine, args.k, task))?
    };
    let metric = if points { "euclidean" } else { "cosine" };
    if let Some(sink) = sink {
        let parameters =
            json!({ "verb": "trust", "k": args.k, "metric": metric, "against": against.display().to_string() });
        sink.write(&Document {
            rows: "points",
            arrays: vec![
                Array::column("trustworthiness", Data::F64(measured.trustworthiness_per_point)),
                Array::column("continuity", Data::F64(measured.continuity_per_point)),
                Array::column("knn_preservation", Data::F64(measured.knn_preservation_per_point)),
            ],
            extras: Vec::new(),
            provenance: Provenance {
                input: args.coordinates.display().to_string(),
                fingerprint: crate::analysis::fingerprint::Fingerprint::new().file(&args.coordinates)?.finish(),
                parameters: parameters.as_object().cloned().unwrap_or_default(),
            },
            bare: false,
        })?;
    }
    if args.json {
        return output::print_json(&json!({
            "k": args.k, "metric": metric, "trustworthiness": measured.trustworthiness,
            "continuity": measured.continuity, "knn_preservation": measured.knn_preservation,
        }));
    }
    output::print(&format!(
        "trustworthiness   {:.4}\ncontinuity        {:.4}\nknn preservation  {:.4}\n(k = {}, {metric} distance in the original space)\n",
        measured.trustworthiness, measured.continuity, measured.knn_preservation, args.k
    ))
}
