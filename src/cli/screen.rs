//! The front door: the screen on a terminal, the summary elsewhere.

use super::args::{InfoArgs, LookArgs, ScreenArgs};
use super::opening::Front;
use super::shared::{Common, When};
use super::{info, opening, output};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::task::Task;
use crate::tui::Ending;
use crate::tui::app::{self, Opening, Setup};
use crate::tui::capabilities::{Capabilities, ColorChoice, Environment, Flags};
use std::io::IsTerminal;

pub(super) fn run(args: &ScreenArgs, common: &Common, settings: &Settings, environment: &Environment) -> Result<()> {
    let piped = !std::io::stdout().is_terminal() || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if piped {
        let info = InfoArgs { open: args.open.clone(), full: false, json: false };
        return info::run(&info, common);
    }
    let open = |name: Option<&str>, located| {
        let mut open = args.open.clone();
        open.files.pick = name.map(str::to_string).or(open.files.pick);
        let study = opening::study_of(&open, located, common)?;
        let params = opening::wished_map(&args.layout, &args.groups, settings, common, &study)?;
        Ok((study, params))
    };
    let open_one = |name: &str| open(Some(name), None);
    let opening = match opening::front(&args.open)? {
        Front::Many(folder, all) => Opening::Many { folder, all, open: &open_one },
        Front::One(located) => {
            let (study, params) = open(None, located)?;
            Opening::One(Box::new(study), params)
        }
    };
    let LookArgs { glyphs, theme, mouse } = &args.look;
    let (glyphs, theme, rates) = (glyphs.0, (*theme).into(), settings.rates());
    let flags = Flags { theme, glyphs, mouse: *mouse, rates, ..flags(common) };
    let capabilities = Capabilities::detect(environment, flags);
    let setup = Setup { capabilities, colours: settings.colours.clone(), keymap: settings.keymap.clone() };
    let outcome = app::run(opening, setup, Task::new(common.threads)?)?;
    if outcome.ending != Ending::Quit {
        return Err(Error::Cancelled);
    }
    for file in outcome.files.iter().filter(|_| !common.quiet) {
        output::remark(&format!("wrote {}", file.display()));
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
