//! The front door: the screen on a terminal, the summary elsewhere.

use super::args::{Common, OpenArgs};
use super::{info, opening, output, progress};
use crate::error::Result;

pub(super) fn run(args: OpenArgs, common: &Common) -> Result<()> {
    let study = opening::study(&args, common)?;
    let summary = progress::with_task(common, |task| study.summary(false, task))?;
    output::print(&info::describe(&study.name, &summary))
}
