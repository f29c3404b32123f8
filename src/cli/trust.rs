//! `trust`: how far a map can be trusted.

use super::args::{TrustArgs, TrustMetric};
use super::shared::{Common, OpenArgs, pointless};
use super::{input, opening, output, progress};
use crate::analysis::fingerprint::source;
use crate::error::{Error, Result};
use crate::export::{Array, Data, Document, Sink};
use crate::geometry::cluster::hdbscan::Metric;
use crate::geometry::trust::trust;
use crate::rows::norms;
use serde_json::json;
use std::path::Path;

pub(super) fn run(args: &TrustArgs, common: &Common) -> Result<()> {
    let sink = args.output.as_ref().map(|path| Sink::new(path, common.force, 3)).transpose()?;
    let spares = |path: &Path| sink.iter().try_for_each(|sink| sink.spares([path]));
    spares(&args.coordinates)?;
    args.unread.remark("trust", common);
    let coordinates = input::points(&args.coordinates)?;
    let against = args.against.as_path();
    let (original, usual, told) = if against.extension().is_some_and(|suffix| suffix == "npy") {
        pointless(&args.files.given(), "--against POINTS.npy")?;
        spares(against)?;
        (input::points(against)?, TrustMetric::Euclidean, source(against))
    } else {
        let open = OpenArgs { dict: Some(args.against.clone()), files: args.files.clone(), ..OpenArgs::default() };
        let study = opening::study(&open, common)?;
        study.files().try_for_each(spares)?;
        let mut told = study.said().clone();
        told.insert("path".into(), study.name.clone().into());
        told.insert("fingerprint".into(), study.fingerprint.clone().into());
        (study.dictionary.decoder, TrustMetric::Cosine, told.into())
    };
    let (metric, name) = match args.metric.unwrap_or(usual) {
        TrustMetric::Cosine => (Metric::Cosine, "cosine"),
        TrustMetric::Euclidean => (Metric::Euclidean, "euclidean"),
    };
    let measured = progress::with_task(common, |task| {
        let measured = trust(&coordinates, &original, metric, args.k, task).map_err(|error| match error {
            // The kernel does not know whose row it is that is not finite.
            Error::Input(_) if norms::<f64>(&coordinates, task).is_ok() => error.at(against),
            error => error.at(&args.coordinates),
        })?;
        let Some(sink) = &sink else { return Ok(measured) };
        let parameters = json!({ "verb": "trust", "k": args.k, "metric": name, "against": told });
        let document = Document {
            rows: "points",
            arrays: vec![
                Array::column("trustworthiness", Data::F64(measured.trustworthiness_per_point.clone())),
                Array::column("continuity", Data::F64(measured.continuity_per_point.clone())),
                Array::column("knn_preservation", Data::F64(measured.knn_preservation_per_point.clone())),
            ],
            extras: Vec::new(),
            provenance: opening::provenance_of_file(&args.coordinates, common, parameters)?,
            bare: false,
        };
        sink.write(&document, task)?;
        Ok(measured)
    })?;
    if args.json {
        return output::print_json(&json!({
            "k": args.k, "metric": name, "trustworthiness": measured.trustworthiness,
            "continuity": measured.continuity, "knn_preservation": measured.knn_preservation,
        }));
    }
    output::print(&format!(
        "trustworthiness   {:.4}\ncontinuity        {:.4}\nknn preservation  {:.4}\n(k = {}, {name} distance in the original space)\n",
        measured.trustworthiness, measured.continuity, measured.knn_preservation, args.k
    ))
}
