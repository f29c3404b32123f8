//! `completions`: what a shell needs to complete verbs, flags and their values.

use super::args::CompletionsArgs;
use super::output;
use crate::error::Result;
use clap::Command;

pub(super) fn run(args: &CompletionsArgs, mut command: Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "saescope", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
