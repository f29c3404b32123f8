//! Settings and the command line: what was typed, and what flags that were not typed are taken for.
//!
//! The command line is parsed once to see what was given; then file and environment become the defaults of the flags
//! that were not, and it is parsed again. So every verb reads its flags and nothing else.

use crate::config::table::{FILE_VARIABLE, SETTINGS, Scope, Setting};
use crate::config::{self, Given, Loaded, Settings};
use crate::tui::capabilities::Environment;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use std::ffi::OsString;

/// The verb that draws what the screen draws.
const RENDER: &str = "render";

/// Reads file, environment and what was typed.
pub(super) fn load(matches: &ArgMatches, environment: &Environment) -> Loaded {
    config::load(&given(matches), environment)
}

/// What was typed, for the verb or before it.
fn given(matches: &ArgMatches) -> Given {
    let own = matches.subcommand().map_or(matches, |(_, own)| own);
    let typed = |id: &str| -> Option<OsString> {
        let known = own.try_contains_id(id).is_ok();
        let typed = known && own.value_source(id) == Some(ValueSource::CommandLine);
        own.try_get_raw(id).ok().flatten().filter(|_| typed)?.next_back().map(OsString::from)
    };
    let flags = SETTINGS.iter().filter(|setting| setting.has_flag);
    Given {
        file: typed("config").map(Into::into),
        flags: flags.filter_map(|setting| Some((setting.name, typed(setting.argument())?))).collect(),
    }
}

/// Whether what was asked for cannot be done while something is wrong with the settings. What helps to mend them can.
pub(super) fn are_needed(matches: &ArgMatches) -> bool {
    match matches.subcommand() {
        Some(("doctor" | "completions" | "man", _)) => false,
        Some(("config", own)) => !own.get_flag("path") && !own.get_flag("template"),
        _ => true,
    }
}

/// The command with the settings as defaults of its flags; none if there is nothing to stand in.
pub(super) fn stand_in(command: Command, matches: &ArgMatches, settings: &Settings) -> Option<Command> {
    let verb = matches.subcommand_name();
    let scopes: &[Scope] = match verb {
        None | Some("doctor") => SCREEN,
        Some(RENDER) => &[Scope::Screen],
        Some(_) => &[],
    };
    let (everywhere, own) = (settings.stand_ins(&[Scope::Everywhere]), settings.stand_ins(scopes));
    if everywhere.is_empty() && own.is_empty() {
        return None;
    }
    let command = with(command, everywhere);
    Some(match verb {
        Some(verb) => command.mut_subcommand(verb, |verb| with(verb, own)),
        None => with(command, own),
    })
}

/// Everything that the screen takes.
const SCREEN: &[Scope] = &[Scope::Screen, Scope::Opening];

/// Parameters of the map are wishes, to be cut to the dictionary: see `opening::wished_map`.
const WISHES: [&str; 4] = ["neighbors", "min_dist", "min_cluster_size", "min_samples"];

/// A command with other defaults, as far as it has these flags.
fn with(command: Command, defaults: Vec<(&'static Setting, OsString)>) -> Command {
    let known = |command: &Command, setting: &Setting| {
        !WISHES.contains(&setting.name) && command.get_arguments().any(|arg| arg.get_id() == setting.argument())
    };
    defaults.into_iter().fold(command, |command, (setting, text)| {
        if known(&command, setting) {
            command.mut_arg(setting.argument(), |arg| arg.default_value(text))
        } else {
            command
        }
    })
}

/// The command whose help names the variable of every flag that has one.
pub(super) fn documented(command: Command) -> Command {
    let of = |scopes: &'static [Scope]| {
        move |arg: Arg| {
            let own = SETTINGS.iter().filter(|setting| setting.has_flag && scopes.contains(&setting.scope));
            let setting = own.clone().find(|setting| arg.get_id() == setting.argument());
            let variable = setting.map(Setting::variable);
            let variable = variable.or_else(|| (arg.get_id() == "config").then(|| FILE_VARIABLE.to_string()));
            match variable {
                Some(variable) => {
                    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                    arg.help(format!("{help} [env: {variable}]"))
                }
                None => arg,
            }
        }
    };
    let command = command.mut_args(of(&[Scope::Everywhere, Scope::Screen, Scope::Opening]));
    command.mut_subcommands(|verb| match verb.get_name() {
        RENDER => verb.mut_args(of(&[Scope::Screen])),
        "config" | "doctor" => verb.mut_args(of(SCREEN)),
        _ => verb,
    })
}
