//! `feature`: the page of a feature, as the screen shows it.

use super::args::FeatureArgs;
use super::shared::Common;
use super::{opening, output, progress};
use crate::analysis::detail::RADIUS;
use crate::analysis::{Detail, Example, FeatureTable, Histogram, Neighbor, NeighborsBy, Study};
use crate::error::Result;
use crate::sae::Label;
use crate::text::{decimal, printable};
use serde::Serialize;

pub(super) fn run(args: &FeatureArgs, common: &Common) -> Result<()> {
    let study = opening::study(&args.dict.open(), common)?;
    let (detail, passages, neighbors) = progress::with_task(common, |task| {
        let k = args.k.min(study.features().saturating_sub(1));
        let neighbors =
            if k == 0 { Vec::new() } else { study.neighbors(args.feature, k, NeighborsBy::Decoder, task)? };
        study.norms(task)?;
        let evidence = study.load_evidence(task)?;
        let table = FeatureTable::of(&study);
        let passages = evidence.examples(args.feature, args.passages, RADIUS);
        Ok((Detail::gather(&table, None, args.feature as u32, 0), passages, neighbors))
    })?;
    if args.json {
        return output::print_json(&page(&study, &detail, &passages, &neighbors));
    }
    output::print(&as_text(&detail, &passages, &neighbors))
}

/// The page as JSON; what is not known is null.
#[derive(Serialize)]
struct Page<'a> {
    feature: u32,
    label: Option<&'a str>,
    labels: &'a [Label],
    density: Option<f64>,
    max_activation: Option<f64>,
    mean_activation: Option<f64>,
    norm: Option<f64>,
    top_tokens: Vec<Share<'a>>,
    histogram: Option<&'a Histogram>,
    passages: Vec<Passage<'a>>,
    neighbors: &'a [Neighbor],
}

#[derive(Serialize)]
struct Share<'a> {
    token: &'a str,
    share: f64,
}

/// A place where the feature fires: `token` is the row of the activations, `focus` the piece that is this row.
#[derive(Serialize)]
struct Passage<'a> {
    token: u32,
    document: Option<u32>,
    position: Option<u32>,
    activation: f32,
    focus: usize,
    pieces: Vec<Piece<'a>>,
}

#[derive(Serialize)]
struct Piece<'a> {
    text: &'a str,
    activation: f32,
}

fn page<'a>(study: &Study, detail: &'a Detail, passages: &'a [Example], neighbors: &'a [Neighbor]) -> Page<'a> {
    let passage = |example: &'a Example| {
        let (document, position) = study.tokens().map(|tokens| tokens.place(example.row as usize)).unzip();
        let pieces = example.pieces.iter().map(|(text, activation)| Piece { text, activation: *activation }).collect();
        Passage { token: example.row, document, position, activation: example.value, focus: example.focus, pieces }
    };
    Page {
        feature: detail.feature,
        label: detail.label(),
        labels: &detail.labels,
        density: detail.density,
        max_activation: detail.max_activation,
        mean_activation: detail.mean_activation,
        norm: detail.norm,
        top_tokens: detail.top_tokens.iter().map(|(token, share)| Share { token, share: *share }).collect(),
        histogram: detail.histogram.as_ref(),
        passages: passages.iter().map(passage).collect(),
        neighbors,
    }
}

fn as_text(detail: &Detail, passages: &[Example], neighbors: &[Neighbor]) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "unknown".to_string(), decimal);
    let tokens: Vec<String> =
        detail.top_tokens.iter().map(|(token, share)| format!("{} {:.1} %", token.trim(), share * 100.0)).collect();
    let mut lines = vec![
        format!("{:<16} {}", "feature", detail.feature),
        format!("{:<16} {}", "label", output::label(detail.labels.first().map(Label::with_author).as_deref())),
        format!("{:<16} {}", "top tokens", tokens.join(", ")),
        format!("{:<16} {}", "density", number(detail.density)),
        format!("{:<16} {}", "max activation", number(detail.max_activation)),
        format!("{:<16} {}", "mean activation", number(detail.mean_activation)),
        format!("{:<16} {}", "norm", number(detail.norm)),
    ];
    let also = detail.labels.iter().skip(1).map(|label| format!("{:<16} {}", "also", label.with_author()));
    lines.splice(2..2, also.collect::<Vec<_>>());
    for example in passages {
        let text = |(i, (text, _)): (usize, &(String, f32))| {
            if i == example.focus { format!("[{text}]") } else { text.clone() }
        };
        let text: String = example.pieces.iter().enumerate().map(text).collect();
        lines.push(format!("{:<16} {:8.3}  {text}", "passage", example.value));
    }
    for Neighbor { feature, cosine, label } in neighbors {
        lines.push(format!("{:<16} {cosine:8.4}  {feature} {}", "neighbour", output::label(label.as_deref())));
    }
    lines.iter().map(|line| printable(line) + "\n").collect()
}
