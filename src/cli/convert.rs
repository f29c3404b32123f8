//! `convert`: a dictionary as a SAELens folder.

use super::args::ConvertArgs;
use super::shared::{Common, OpenArgs};
use super::{opening, output, progress};
use crate::error::Result;
use crate::sae::convert::{convert_to, target};

pub(super) fn run(args: &ConvertArgs, common: &Common) -> Result<()> {
    let target = target(&args.output, common.force)?;
    args.dict.unread.remark("convert", common);
    let open = OpenArgs { encoding: args.encoding.clone(), ..args.dict.open() };
    let study = opening::study(&open, common)?;
    target.spares(study.files())?;
    let converted = progress::with_task(common, |task| convert_to(&study.dictionary, &target, task))?;
    for note in &converted.notes {
        output::remark(note);
    }
    if !common.quiet {
        output::remark(&format!("wrote {}", args.output.display()));
    }
    Ok(())
}
