//! The command line: verbs over the same queries as the screen. Only this room prints.
//!
//! stdout carries results alone; progress and errors go to stderr. Exit codes: 0 done, 1 nothing found, 2 bad usage
//! or bad input, 130 interrupted.

mod args;
mod cache;
mod cloud;
mod cluster;
mod completions;
mod config;
mod convert;
mod doctor;
mod embed;
mod encode;
mod export;
mod feature;
mod info;
mod input;
mod knn;
mod man;
mod manifolds;
mod neighbors;
mod opening;
mod output;
mod points;
mod progress;
mod render;
mod screen;
mod sets;
mod settings;
mod shared;
mod synth;
mod trust;

use crate::config::Loaded;
use crate::error::{Error, Problem, Result};
use crate::tui::capabilities::Environment;
use args::{Cli, Verb};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, CommandFactory, FromArgMatches};
use shared::Common;
use std::any::TypeId;
use std::ffi::OsString;
use std::process::ExitCode;
use std::str::FromStr;

/// Parses the process's arguments, runs the verb, prints what went wrong, and gives the exit code.
pub fn run() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match obey(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Refusal::Arguments(error)) => output::usage(&error),
        Err(Refusal::Work(error)) => {
            output::complain(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Why nothing came of what was asked: of the arguments, or of the work.
enum Refusal {
    Arguments(Box<clap::Error>),
    Work(Error),
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Self {
        Self::Arguments(Box::new(error))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Work(error)
    }
}

/// Reads the arguments and the settings, and does what they ask.
fn obey(arguments: &[OsString]) -> std::result::Result<(), Refusal> {
    let command = command();
    let mut matches = command.clone().try_get_matches_from(arguments)?;
    later(&matches)?;
    misplaced(&matches)?;
    let environment = Environment::of_process();
    let loaded = settings::load(&matches, &environment);
    if let Some(problem) = loaded.problems.first().filter(|_| settings::are_needed(&matches)) {
        return Err(problem.clone().into());
    }
    if let Some(command) = settings::stand_in(command, &matches, &loaded.settings) {
        matches = command.try_get_matches_from(arguments)?;
    }
    Ok(dispatch(Cli::from_arg_matches(&matches)?, &loaded, &environment)?)
}

/// The whole command: the verbs there are, and, unseen, those that a later build brings.
fn command() -> Command {
    let anything = || Arg::new("anything").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
    let unseen = |name: &&'static str| Command::new(*name).hide(true).disable_help_flag(true).arg(anything());
    verbs().subcommands(args::LATER.iter().map(unseen))
}

/// The verbs there are.
fn verbs() -> Command {
    let verbs = Cli::command().mut_args(numeric).mut_subcommands(|verb| verb.mut_args(numeric));
    settings::documented(verbs)
}

/// A flag whose value may be a number below zero, so that what is wrong with it is said by the flag itself, in plain
/// words.
fn numeric(arg: Arg) -> Arg {
    if arg.get_long().is_none() || !arg.get_action().takes_values() {
        return arg;
    }
    let arg = arg.allow_negative_numbers(true);
    let is = |wanted: TypeId| arg.get_value_parser().type_id() == wanted;
    if is(TypeId::of::<usize>()) {
        arg.value_parser(whole::<usize>)
    } else if is(TypeId::of::<u64>()) {
        arg.value_parser(whole::<u64>)
    } else if is(TypeId::of::<u32>()) {
        arg.value_parser(whole::<u32>)
    } else if is(TypeId::of::<f32>()) {
        arg.value_parser(|text: &str| text.parse::<f32>().map_err(|_| "expected a number"))
    } else {
        arg
    }
}

fn whole<T: FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|_| "expected a whole number from 0 on")
}

/// What a later build brings is known, and said to be missing.
fn later(matches: &ArgMatches) -> Result<()> {
    match matches.subcommand_name() {
        Some(verb) if args::LATER.contains(&verb) => Err(Error::NotInBuild(format!("the verb {verb}"))),
        _ => Ok(()),
    }
}

/// What stands before a verb must be a flag that every verb takes; the others would be the screen's, and be lost.
fn misplaced(matches: &ArgMatches) -> Result<()> {
    let Some(verb) = matches.subcommand_name() else { return Ok(()) };
    let common = Common::augment_args(Command::new(""));
    let is_common = |id: &clap::Id| common.get_arguments().any(|arg| arg.get_id() == id);
    let command = Cli::command();
    let lost = command.get_arguments().find(|arg| {
        let id = arg.get_id();
        !is_common(id)
            && matches.ids().any(|given| given == id)
            && matches.value_source(id.as_str()) == Some(ValueSource::CommandLine)
    });
    match lost {
        None => Ok(()),
        Some(arg) => {
            let name = arg.get_long().map_or_else(|| "a dictionary".to_string(), |long| format!("--{long}"));
            Err(Problem::new(format!("{name} stands before the verb {verb}"))
                .expected("the verb first")
                .hint(format!("saescope {verb} ..., with it after the verb"))
                .usage())
        }
    }
}

/// The verb that a word was meant to be, if it looks like one.
fn meant(word: &str) -> Option<String> {
    let far = if word.len() < 5 { 1 } else { 2 };
    let command = command();
    let near = command.get_subcommands().map(|verb| (strsim::damerau_levenshtein(verb.get_name(), word), verb));
    let (_, verb) = near.filter(|(distance, _)| *distance <= far).min_by_key(|(distance, _)| *distance)?;
    Some(verb.get_name().to_string())
}

fn dispatch(cli: Cli, loaded: &Loaded, environment: &Environment) -> Result<()> {
    let common = cli.common;
    match cli.verb {
        None => {
            let dict = cli.screen.open.dict.as_deref().filter(|dict| !dict.exists());
            match dict.and_then(|dict| Some((dict, meant(dict.to_str()?)?))) {
                Some((dict, verb)) => Err(Problem::new("this is no file, folder or verb")
                    .path(dict)
                    .hint(format!("saescope {verb}"))
                    .usage()),
                None => screen::run(&cli.screen, &common, &loaded.settings, environment),
            }
        }
        Some(Verb::Info(args)) => info::run(&args, &common),
        Some(Verb::Convert(args)) => convert::run(&args, &common),
        Some(Verb::Encode(args)) => encode::run(&args, &common),
        Some(Verb::Neighbors(args)) => neighbors::run(&args, &common),
        Some(Verb::Feature(args)) => feature::run(&args, &common),
        Some(Verb::Knn(args)) => knn::run(&args, &common),
        Some(Verb::Embed(args)) => embed::run(&args, &common),
        Some(Verb::Cluster(args)) => cluster::run(&args, &common),
        Some(Verb::Cloud(args)) => cloud::run(&args, &common),
        Some(Verb::Manifolds(args)) => manifolds::table(&args, &common),
        Some(Verb::Manifold(args)) => manifolds::one(&args, &common),
        Some(Verb::Heatmap(args)) => sets::heatmap(&args, &common),
        Some(Verb::Histogram(args)) => sets::histogram(&args, &common),
        Some(Verb::Trust(args)) => trust::run(&args, &common),
        Some(Verb::Export(args)) => export::run(&args, &common),
        Some(Verb::Render(args)) => render::run(&args, &common, &loaded.settings, environment),
        Some(Verb::Synth(args)) => synth::run(&args, &common),
        Some(Verb::Cache(args)) => cache::run(&args, &common),
        Some(Verb::Config(args)) => config::run(&args, loaded),
        Some(Verb::Doctor(args)) => doctor::run(&args, &common, loaded, environment),
        Some(Verb::Completions(args)) => completions::run(&args, verbs()),
        Some(Verb::Man(args)) => man::run(&args, verbs()),
    }
}

/// The whole command, for tests of its help.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        command().debug_assert();
    }

    /// The words of a shell's line before a comment or what it is written to: quotes hold words together.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quote = None;
        for c in line.chars() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '\'' | '"') => quote = Some(c),
                (None, '#' | '>') => break,
                (None, ' ') => words.push(String::new()),
                _ => words.last_mut().unwrap().push(c),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    fn parsed(line: &str) -> Result<(), String> {
        let matches = command().try_get_matches_from(words(line)).map_err(|error| error.to_string())?;
        later(&matches).and_then(|()| misplaced(&matches)).map_err(|error| error.to_string())?;
        Cli::from_arg_matches(&matches).map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_of_every_verb_may_stand_before_it_and_others_may_not() {
        for line in ["saescope --no-cache --threads 2 info @example", "saescope info", "saescope --seed 3 x.npy"] {
            assert_eq!(parsed(line), Ok(()), "{line}");
        }
        for line in ["saescope --quiet slurm", "saescope merge a b", "saescope stats"] {
            assert!(parsed(line).unwrap_err().contains("not in this build"), "{line}");
        }
        assert!(parsed("saescope --acts a.npz info").unwrap_err().contains("--acts stands before the verb info"));
        assert!(parsed("saescope @example info").unwrap_err().contains("a dictionary stands before the verb info"));
    }

    #[test]
    fn the_mouse_is_a_switch_that_takes_no_file_for_its_value() {
        for line in
            ["saescope --mouse x.npy", "saescope --mouse=false x.npy", "saescope --mouse", "saescope --mouse=true"]
        {
            let matches = command().try_get_matches_from(words(line)).unwrap();
            let cli = Cli::from_arg_matches(&matches).unwrap();
            assert_eq!(cli.screen.look.mouse, !line.contains("false"), "{line}");
            assert_eq!(cli.screen.open.dict.is_some(), line.contains("x.npy"), "{line}");
        }
        assert!(!Cli::from_arg_matches(&command().get_matches_from(["saescope"])).unwrap().screen.look.mouse);
    }

    #[test]
    fn every_setting_with_a_flag_is_an_argument_and_says_its_variable() {
        use crate::config::table::{Kind, SETTINGS};
        let command = command();
        for setting in SETTINGS.iter().filter(|setting| setting.has_flag) {
            let arg = command.get_arguments().find(|arg| arg.get_id() == setting.argument());
            let arg = arg.unwrap_or_else(|| panic!("{}", setting.name));
            assert_eq!(arg.get_long().map(|long| format!("--{long}")), setting.flag());
            if let Kind::Word(expected) = setting.kind {
                let found: Vec<String> = arg.get_possible_values().iter().map(|v| v.get_name().to_string()).collect();
                assert_eq!(found, expected, "{}", setting.name);
            }
            assert!(arg.get_help().unwrap().to_string().contains(&setting.variable()), "{}", setting.name);
        }
        // Every flag of the screen has one but that which replaces files.
        for arg in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
            let long = arg.get_long().unwrap_or_default();
            let has_one = arg.get_help().is_some_and(|help| help.to_string().contains("[env: SAESCOPE_"));
            assert_eq!(has_one, !matches!(long, "force" | "help" | "version"), "--{long}");
        }
    }

    #[test]
    fn numbers_below_zero_are_values() {
        assert_eq!(parsed("saescope render @example --view map --cluster -1"), Ok(()));
        assert_eq!(parsed("saescope embed @example -o a.npy --min-dist -1"), Ok(()));
        for line in ["info a --k -1", "--threads -1", "info a --threads many", "knn a -o b.npz --k 1.5"] {
            let error = parsed(&format!("saescope {line}")).unwrap_err();
            assert!(error.contains("expected a whole number from 0 on") && !error.contains("tip:"), "{error}");
        }
        assert!(parsed("saescope embed a -o b.npy --min-dist x").unwrap_err().contains("expected a number"));
    }

    #[test]
    fn the_readme_s_recipes_are_commands() {
        let text = include_str!("../../README.md");
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("saescope ")).collect();
        assert!(lines.len() >= 12);
        for line in lines {
            assert_eq!(parsed(line), Ok(()), "{line}");
        }
    }

    #[test]
    fn every_verb_has_an_example_that_is_a_command() {
        for verb in Cli::command().get_subcommands() {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let line = help.lines().find_map(|line| line.split_once("saescope ")).map(|(_, line)| line);
            let line = line.unwrap_or_else(|| panic!("{} has no example", verb.get_name()));
            assert_eq!(line.split(' ').next(), Some(verb.get_name()), "{line}");
            assert_eq!(parsed(&format!("saescope {line}")), Ok(()), "{line}");
        }
    }

    #[test]
    fn a_mistyped_verb_is_known() {
        assert_eq!(meant("infoo").as_deref(), Some("info"));
        assert_eq!(meant("exprot").as_deref(), Some("export"));
        assert_eq!(meant("my_sae"), None);
    }
}
