//! `knn`: the nearest neighbours of every feature.

use super::args::{KnnArgs, KnnMethod};
use super::shared::Common;
use super::{opening, output, progress};
use crate::error::{Error, Result};
use crate::export::{Array, Data, Document, Sink};
use serde_json::json;
use std::time::Instant;

pub(super) fn run(args: &KnnArgs, common: &Common) -> Result<()> {
    if args.method == KnnMethod::Approx {
        return Err(Error::NotInBuild("approximate neighbours (--method approx)".into()));
    }
    let sink = Sink::new(&args.output, common.force, 2)?;
    args.dict.unread.remark("knn", common);
    let study = opening::study(&args.dict.open(), common)?;
    sink.spares(study.files())?;
    let started = Instant::now();
    let seconds = progress::with_task(common, |task| {
        let knn = study.knn(args.k, task)?;
        let seconds = started.elapsed().as_secs_f64();
        let document = Document {
            rows: "features",
            arrays: vec![
                Array::index("feature", study.features()),
                Array::matrix("indices", args.k, Data::I32(knn.indices.iter().map(|&i| i as i32).collect())),
                Array::matrix("cosines", args.k, Data::F32(knn.cosines)),
            ],
            extras: Vec::new(),
            provenance: opening::provenance(&study, common, json!({ "verb": "knn", "k": args.k, "method": "exact" })),
            bare: false,
        };
        sink.write(&document, task)?;
        Ok(seconds)
    })?;
    if args.json {
        return output::print_json(&json!({ "method": "exact", "recall_estimate": 1.0, "seconds": seconds }));
    }
    Ok(())
}
