//! `convert`: a dictionary as a SAELens folder.

use super::args::{Common, ConvertArgs};
use super::{opening, output};
use crate::error::Result;

pub(super) fn run(args: &ConvertArgs, common: &Common) -> Result<()> {
    let study = opening::study(&args.open, common)?;
    let converted = crate::sae::convert::convert(&study.dictionary, &args.output, common.force)?;
    for note in &converted.notes {
        output::remark(note);
    }
    if !common.quiet {
        output::remark(&format!("wrote {}", args.output.display()));
    }
    Ok(())
}
