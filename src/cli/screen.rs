//! The front door: the screen on a terminal, the summary elsewhere.

use super::args::{Common, ScreenArgs, When};
use super::{info, opening, output, progress};
use crate::error::Result;
use crate::task::Task;
use crate::tui::capabilities::{Capabilities, ColorChoice, Environment, Flags};
use crate::tui::{Ending, app};
use std::io::IsTerminal;

pub(super) fn run(args: &ScreenArgs, common: &Common) -> Result<()> {
    let study = opening::study(&args.open, common)?;
    if !std::io::stdout().is_terminal() || std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        let summary = progress::with_task(common, |task| study.summary(false, task))?;
        return output::print(&info::describe(&study.name, &summary));
    }
    let flags = Flags { theme: args.theme.into(), glyphs: args.glyphs, mouse: args.mouse, ..flags(common) };
    let capabilities = Capabilities::detect(&Environment::of_process(), flags);
    let params = opening::map(&args.layout, &args.groups, true, common, &study)?;
    let outcome = app::run(study, params, &capabilities, Task::new(common.threads)?)?;
    if outcome.ending == Ending::Quit && !common.quiet {
        for file in &outcome.files {
            output::remark(&format!("wrote {}", file.display()));
        }
    }
    Ok(())
}

/// What the common flags say about colours.
pub(super) fn flags(common: &Common) -> Flags {
    let color = match common.color {
        When::Auto => ColorChoice::Auto,
        When::Always => ColorChoice::Always,
        When::Never => ColorChoice::Never,
    };
    Flags { color, ..Flags::default() }
}
