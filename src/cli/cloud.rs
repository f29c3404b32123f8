//! `cloud`: every measure of the shape of a cloud of points.

use super::args::CloudArgs;
use super::shared::Common;
use super::{opening, output, points, progress};
use crate::analysis::token_labels;
use crate::error::{Error, Result};
use crate::export::objects::{self, Fields, cell, flatten};
use crate::export::{Document, Sink};
use crate::geometry::cloud::{Cloud, LabelDistance, Shape, ShapeParams, json, unit};
use crate::text::{decimal, printable};
use serde_json::{Map, Value, json};

pub(super) fn run(args: &CloudArgs, common: &Common) -> Result<()> {
    let sink = args.output.as_ref().map(|path| Sink::new(path, common.force, 2)).transpose()?;
    if let Some(sink) = &sink {
        sink.spares(std::iter::once(args.points.as_path()).chain(args.labels.as_deref()))?;
    }
    let distance: LabelDistance = args.label_distance.as_deref().map_or(Ok(LabelDistance::Abs), str::parse)?;
    let all = points::cloud(&args.points)?;
    let labels = args.labels.as_ref().map(|path| token_labels::load(path, all.len())).transpose()?;
    let rows = all.len();
    let (cloud_points, kept) = if args.unit { unit(&all) } else { (all, (0..rows as u32).collect()) };
    let params = ShapeParams { mode: args.mode.into(), seed: common.seed, ..ShapeParams::default() };
    let shape = progress::with_task(common, |task| {
        let at = |error: Error| error.in_file(&args.points);
        let cloud = Cloud::new(&cloud_points, args.unit, task).map_err(at)?;
        let mut shape = cloud.shape(&params, task)?;
        cloud.deepen(&mut shape, &params, task)?;
        if let Some(labels) = &labels {
            cloud.label(&mut shape, &labels.select(&kept), distance, common.seed, task)?;
        }
        if let Some(sink) = &sink {
            let parameters = json!({
                "verb": "cloud", "unit": args.unit, "mode": params.mode, "landmarks": params.landmarks,
                "draws": params.draws, "labels": args.labels.as_ref().map(|path| path.display().to_string()),
                "label_distance": args.label_distance,
            });
            let document = Document {
                rows: "clouds",
                arrays: objects::arrays(&[fields(args, &shape, rows)], sink.nests()),
                extras: Vec::new(),
                provenance: opening::provenance_of_file(&args.points, common, parameters)?,
                bare: false,
            };
            sink.write(&document, task)?;
        }
        Ok(shape)
    })?;
    if args.json {
        return output::print_json(&fields(args, &shape, rows).into_iter().collect::<Map<_, _>>());
    }
    output::print(&as_text(&fields(args, &shape, rows)))
}

/// The measures, and what was done to the points before.
fn fields(args: &CloudArgs, shape: &Shape, rows: usize) -> Fields {
    let mut fields = json(shape);
    fields.push(("unit".into(), args.unit.into()));
    fields.push(("zero_rows_dropped".into(), (rows - shape.points).into()));
    fields
}

/// The measures for people, one a line.
fn as_text(fields: &Fields) -> String {
    let number = |value: &Value| match value {
        Value::Number(number) if number.is_f64() => decimal(number.as_f64().unwrap_or(f64::NAN)),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_f64().filter(|_| item.is_f64()).map_or_else(|| cell(item), decimal))
            .collect::<Vec<_>>()
            .join(" "),
        other => cell(other),
    };
    let mut lines = Vec::new();
    for (name, value) in flatten(fields).into_iter().filter(|(_, value)| !value.is_null()) {
        if name == "verdict_evidence" {
            let reasons = value.as_array().into_iter().flatten();
            lines.extend(reasons.map(|reason| format!("{:<44} {}", "because", cell(reason))));
        } else {
            lines.push(format!("{name:<44} {}", number(&value)));
        }
    }
    lines.iter().map(|line| printable(line) + "\n").collect()
}
