//! The command line: verbs over the same queries as the screen. Only this room prints.
//!
//! stdout carries results alone; progress and errors go to stderr. Exit codes: 0 done, 1 nothing found, 2 bad usage
//! or bad input, 130 interrupted.

mod args;
mod cache;
mod cluster;
mod convert;
mod embed;
mod encode;
mod export;
mod info;
mod input;
mod knn;
mod neighbors;
mod opening;
mod output;
mod progress;
mod render;
mod screen;
mod synth;
mod trust;

use crate::error::{Error, Result};
use args::{Cli, Verb};
use clap::{CommandFactory, FromArgMatches};
use std::process::ExitCode;

/// Parses the process's arguments, runs the verb, prints what went wrong, and gives the exit code.
pub fn run() -> ExitCode {
    if let Some(verb) = std::env::args().nth(1).filter(|verb| args::LATER.contains(&verb.as_str())) {
        let error = Error::NotInBuild(format!("the verb {verb}"));
        output::complain(&error);
        return ExitCode::from(error.exit_code());
    }
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(cli: Cli) -> Result<()> {
    let common = cli.common;
    match cli.verb {
        None => screen::run(&cli.screen, &common),
        Some(Verb::Info(args)) => info::run(&args, &common),
        Some(Verb::Convert(args)) => convert::run(&args, &common),
        Some(Verb::Encode(args)) => encode::run(&args, &common),
        Some(Verb::Neighbors(args)) => neighbors::run(&args, &common),
        Some(Verb::Knn(args)) => knn::run(&args, &common),
        Some(Verb::Embed(args)) => embed::run(&args, &common),
        Some(Verb::Cluster(args)) => cluster::run(&args, &common),
        Some(Verb::Trust(args)) => trust::run(&args, &common),
        Some(Verb::Export(args)) => export::run(&args, &common),
        Some(Verb::Render(args)) => render::run(&args, &common),
        Some(Verb::Synth(args)) => synth::run(&args, &common),
        Some(Verb::Cache(args)) => cache::run(&args, &common),
    }
}

/// The whole command, for tests of its help.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
