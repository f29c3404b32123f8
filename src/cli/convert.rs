//! `convert`: a dictionary as a SAELens folder.

use super::args::ConvertArgs;
use super::shared::Common;
use super::{opening, output, progress};
use crate::error::Result;
use crate::sae::convert::convert;

pub(super) fn run(args: &ConvertArgs, common: &Common) -> Result<()> {
    let study = opening::study(&args.open, common)?;
    let converted = progress::with_task(common, |task| convert(&study.dictionary, &args.output, common.force, task))?;
    for note in &converted.notes {
        output::remark(note);
    }
    if !common.quiet {
        output::remark(&format!("wrote {}", args.output.display()));
    }
    Ok(())
}
