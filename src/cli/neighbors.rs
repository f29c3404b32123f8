//! `neighbors`: the features nearest to one.

use super::args::NeighborsArgs;
use super::shared::Common;
use super::{opening, output, progress};
use crate::analysis::Neighbor;
use crate::error::Result;
use crate::text::printable;
use serde::Serialize;

#[derive(Serialize)]
struct Answer<'a> {
    feature: usize,
    neighbors: &'a [Neighbor],
}

pub(super) fn run(args: &NeighborsArgs, common: &Common) -> Result<()> {
    let study = opening::study(&args.dict.open(), common)?;
    let near = progress::with_task(common, |task| study.neighbors(args.feature, args.k, args.by.into(), task))?;
    if args.json {
        return output::print_json(&Answer { feature: args.feature, neighbors: &near });
    }
    let lines: String = near
        .iter()
        .map(|n| format!("{:>7.4}  {:>7}  {}\n", n.cosine, n.feature, printable(&output::label(n.label.as_deref()))))
        .collect();
    output::print(&format!(" cosine  feature  label\n{lines}"))
}
