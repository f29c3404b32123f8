//! `info`: what a dictionary is, as its files say.

use super::args::{Common, InfoArgs};
use super::{opening, output, progress};
use crate::analysis::study::Summary;
use crate::error::{Result, shape_text};
use crate::sae::find::Listing;
use crate::text::{counted, printable};

pub(super) fn run(args: &InfoArgs, common: &Common) -> Result<()> {
    if let Some((_, listings)) = opening::many(&args.open)? {
        return print_listings(&listings, args.json);
    }
    let study = opening::study(&args.open, common)?;
    let summary = progress::with_task(common, |task| study.summary(args.full, task))?;
    if args.json { output::print_json(&summary) } else { output::print(&describe(&study.name, &summary)) }
}

fn print_listings(listings: &[Listing], json: bool) -> Result<()> {
    if json {
        return output::print_json(&serde_json::json!({ "dictionaries": listings }));
    }
    let lines: Vec<String> = listings.iter().map(line).collect();
    output::print(&format!("{} dictionaries; open one with --pick NAME\n  {}\n", lines.len(), lines.join("\n  ")))
}

/// One dictionary of many: its name, and what its header tells.
fn line(listing: &Listing) -> String {
    let shape = listing.shape.as_ref().map_or(String::new(), |shape| format!("  {}", shape_text(shape)));
    let dtype = listing.dtype.map_or(String::new(), |dtype| format!(" {dtype}"));
    let problem = listing.problem.as_ref().map_or(String::new(), |problem| format!("  ({problem})"));
    printable(&format!("{}  {}{shape}{dtype}{problem}", listing.name, listing.format.unwrap_or("unreadable")))
}

/// The summary for people: one fact a line, units and unknowns said.
pub(super) fn describe(name: &str, summary: &Summary) -> String {
    let unknown = || "not in the files".to_string();
    let mut lines = vec![
        ("dictionary", name.to_string()),
        ("format", format!("{}, {:?}", summary.format, summary.kind).to_lowercase()),
        (
            "size",
            format!(
                "{} feature{} x {} dimension{}, {}",
                summary.features,
                if summary.features == 1 { "" } else { "s" },
                summary.d_out,
                if summary.d_out == 1 { "" } else { "s" },
                summary.dtype
            ),
        ),
        ("activation", summary.activation_parameters.clone()),
        ("normalisation", summary.normalize_parameters.clone()),
        (
            "b_dec",
            summary.subtract_b_dec.map_or_else(unknown, |s| {
                if s { "subtracted before encoding".into() } else { "not subtracted before encoding".into() }
            }),
        ),
        ("model", summary.model.clone().unwrap_or_else(unknown)),
        ("hook", summary.hook.clone().unwrap_or_else(unknown)),
        ("layer", summary.layer.map_or_else(unknown, |layer| layer.to_string())),
    ];
    if summary.d_model != summary.d_out {
        lines.push(("reads", format!("{} dimensions", summary.d_model)));
    }
    if let Some(decoder) = &summary.decoder {
        let norms = if decoder.norm_min.is_nan() {
            "no row is finite".to_string()
        } else {
            format!("min {:.4}, median {:.4}, max {:.4}", decoder.norm_min, decoder.norm_median, decoder.norm_max)
        };
        let bad = match decoder.bad_rows {
            0 => String::new(),
            rows => format!(", {} with NaN or infinity", counted(rows, "row", "rows")),
        };
        lines.push(("decoder norm", format!("{norms}; {}{bad}", counted(decoder.zero_rows, "zero row", "zero rows"))));
    }
    lines.push(match &summary.activations {
        Some(a) => ("activations", format!("{} tokens, {} entries, L0 {:.1}", a.tokens, a.nnz, a.l0)),
        None => ("activations", "none found; name them with --acts FILE".into()),
    });
    lines.push(match &summary.labels {
        Some(labels) => (
            "labels",
            format!(
                "{} of {} features{}{}",
                labels.count,
                summary.features,
                labels.source.as_ref().map_or(String::new(), |source| format!(", source {source}")),
                labels.kind.as_ref().map_or(String::new(), |kind| format!(", {kind}")),
            ),
        ),
        None => ("labels", "none found; name them with --labels FILE".into()),
    });
    for file in &summary.files {
        lines.push(("file", file.clone()));
    }
    for warning in &summary.warnings {
        lines.push(("note", warning.clone()));
    }
    lines.iter().map(|(what, text)| format!("{what:<14} {}\n", printable(text))).collect()
}
