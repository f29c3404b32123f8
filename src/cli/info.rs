//! `info`: what a dictionary is, as its files say.

use super::args::InfoArgs;
use super::opening::Front;
use super::shared::Common;
use super::{opening, output, progress};
use crate::analysis::Summary;
use crate::error::{Result, shape_text};
use crate::sae::find::Listing;
use crate::text::printable;

pub(super) fn run(args: &InfoArgs, common: &Common) -> Result<()> {
    let study = match opening::front(&args.open)? {
        Front::Many(_, listings) => return print_listings(&listings, args.json),
        Front::One(located) => opening::study_of(&args.open, located, common)?,
    };
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
    let place = [&listing.model, &listing.hook].into_iter().flatten().map(String::as_str);
    let place = place.fold(String::new(), |line, word| line + "  " + word);
    let problem = listing.problem.as_ref().map_or(String::new(), |problem| format!("  ({problem})"));
    printable(&format!("{}  {}{shape}{dtype}{place}{problem}", listing.name, listing.format.unwrap_or("unreadable")))
}

/// The summary for people: one fact a line, units and unknowns said.
fn describe(name: &str, summary: &Summary) -> String {
    let facts = summary.facts(name);
    facts.iter().map(|(what, text)| format!("{what:<14} {}\n", printable(text))).collect()
}
