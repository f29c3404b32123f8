//! `man`: the manual page, made from what the program itself goes by.
//!
//! Flags come from the command line's own table, keys from the table of actions by way of the keymap, settings and
//! variables from the table of settings, examples from the help of each verb. The same build prints the same bytes.

use super::args::ManArgs;
use super::output;
use crate::config::table::{FILE_VARIABLE, SETTINGS, Setting};
use crate::error::{Error, Problem, Result};
use crate::tui::action::{ACTIONS, GROUPS};
use crate::tui::keymap::{Keymap, rebind::nearest};
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

/// Where things are kept: the path, and what lies there.
const FILES: [(&str, &str); 4] = [
    ("$XDG_CONFIG_HOME/saescope/config.toml, else ~/.config/saescope/config.toml", "The settings, on every system."),
    (
        "$XDG_CACHE_HOME/saescope, else ~/.cache/saescope",
        "Finished results, up to cache_limit; saescope cache shows and clears them.",
    ),
    (
        "$XDG_STATE_HOME/saescope/crash-*.log, else ~/.local/state/saescope",
        "What is left of a crash; only their owner reads them.",
    ),
    (
        "$HF_HUB_CACHE, $HF_HOME/hub, else ~/.cache/huggingface/hub",
        "Where org/repo is looked up; nothing is downloaded.",
    ),
];

/// What the program does, beyond its one line.
const DESCRIPTION: [&str; 2] = [
    "saescope opens dictionaries of sparse autoencoders and activations as they lie on disk, computes the geometry of \
     their features, and shows it as terminal charts, over SSH as well as here. Without a verb it opens the screen on \
     DICT, or on a built-in real example; where the output is no terminal it prints a summary instead.",
    "DICT is a file, a folder holding one dictionary or many, org/repo in the local Hugging Face cache, @example or \
     @example/concepts. Verbs write what the screen shows; saescope man VERB has the page of one.",
];

const EXIT: [(&str, &str); 4] = [
    ("0", "Done."),
    ("1", "Nothing was found, or nothing matched."),
    ("2", "Bad usage, bad input or bad settings; the message says what, where, what was expected and what to try."),
    ("130", "Interrupted."),
];

pub(super) fn run(args: &ManArgs, mut command: Command) -> Result<()> {
    command.build();
    let Some(verb) = &args.verb else { return output::print(&page(&command, true)?) };
    match command.find_subcommand(verb) {
        Some(own) => output::print(&page(own, false)?),
        None => {
            let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            let problem = Problem::new(format!("there is no verb {verb:?}"));
            Err(match nearest(verb, names.iter().copied()) {
                Some(near) => problem.hint(format!("saescope man {near}")),
                None => problem.expected(names.join(", ")),
            }
            .usage())
        }
    }
}

/// The page of the program, or of a verb.
fn page(command: &Command, whole: bool) -> Result<String> {
    let version = format!("saescope {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone().subcommand_help_heading("VERBS")).source(version).manual("saescope");
    let mut out = Vec::new();
    let written = (|| {
        man.render_title(&mut out)?;
        man.render_name_section(&mut out)?;
        let mut roff = Roff::new();
        synopsis(&mut roff, command, whole);
        roff.to_writer(&mut out)?;
        man.render_description_section(&mut out)?;
        if whole {
            let mut roff = Roff::new();
            for text in DESCRIPTION {
                paragraph(&mut roff, text);
            }
            roff.to_writer(&mut out)?;
        }
        man.render_options_section(&mut out)?;
        if whole {
            man.render_subcommands_section(&mut out)?;
            let mut roff = Roff::new();
            keys(&mut roff);
            settings(&mut roff);
            environment(&mut roff);
            list(&mut roff, "FILES", &FILES);
            list(&mut roff, "EXIT STATUS", &EXIT);
            roff.to_writer(&mut out)?;
        }
        let mut roff = Roff::new();
        examples(&mut roff, command, whole);
        roff.to_writer(&mut out)
    })();
    written.map_err(|error| Error::io("stdout", &error))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn paragraph(roff: &mut Roff, text: &str) {
    roff.control("PP", []);
    roff.text([roman(text)]);
}

/// How it is called: the program with a dictionary or with a verb, a verb as its help says.
fn synopsis(roff: &mut Roff, command: &Command, whole: bool) {
    roff.control("SH", ["SYNOPSIS"]);
    if whole {
        roff.text([bold("saescope"), roman(" ["), italic("OPTIONS"), roman("] ["), italic("DICT"), roman("]")]);
        roff.control("br", []);
        roff.text([bold("saescope"), roman(" "), italic("VERB"), roman(" ["), italic("ARGUMENTS"), roman("]")]);
        return;
    }
    let usage = command.clone().render_usage().to_string();
    let words = usage.trim_start_matches("Usage:").split_whitespace().collect::<Vec<_>>().join(" ");
    match words.split_once(command.get_name()) {
        Some((before, after)) => {
            roff.text([bold(format!("{before}{}", command.get_name())), roman(after.to_string())]);
        }
        None => {
            roff.text([roman(words)]);
        }
    }
}

fn list(roff: &mut Roff, title: &str, rows: &[(&str, &str)]) {
    roff.control("SH", [title]);
    for (name, doc) in rows {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*doc)]);
    }
}

fn keys(roff: &mut Roff) {
    let keymap = Keymap::standard();
    roff.control("SH", ["KEYS"]);
    roff.text([roman(
        "A number before a key repeats it, or says which one. Every command can be run by its name after : as well, and \
         ? shows the keys that work where you are. [keys] in the settings gives commands other keys.",
    )]);
    for (group, title) in GROUPS {
        roff.control("SS", [*title]);
        for row in ACTIONS.iter().filter(|row| row.group() == *group) {
            let keys = row.contexts.first().map(|context| keymap.keys(*context, row.action)).unwrap_or_default();
            roff.control("TP", []);
            roff.text([bold(keys.join("  ")), roman("  "), italic(row.name)]);
            roff.text([roman(row.doc)]);
        }
    }
}

fn settings(roff: &mut Roff) {
    roff.control("SH", ["SETTINGS"]);
    roff.text([roman(
        "A flag wins over its variable, that over the file, and that over the default. saescope config shows what holds \
         and where it comes from, saescope config --template prints a commented file to begin with. In the file a \
         setting is written as here; text stands in quotes.",
    )]);
    for setting in SETTINGS.iter().filter(|setting| setting.is_in_file()) {
        roff.control("TP", []);
        roff.text([bold(setting.name), roman(format!(" = {}", setting.default))]);
        let flag = setting.flag().map(|flag| format!("{flag}, ")).unwrap_or_default();
        roff.text([roman(format!("{} ({flag}{}).", setting.doc, setting.variable()))]);
    }
    roff.control("TP", []);
    roff.text([
        bold("theme.clusters"),
        roman(", "),
        bold("theme.ramp"),
        roman(", "),
        bold("theme.noise"),
        roman(" ..."),
    ]);
    roff.text([roman(
        "Colours in place of the theme's: \"#rrggbb\", a name, or an index from 0 to 255; the template lists them.",
    )]);
    roff.control("TP", []);
    roff.text([bold("keys.\"app.quit\""), roman(" = [\"Q\", \"Ctrl-x\"]")]);
    roff.text([roman(
        "Keys of a command in place of those it has, everywhere; below [keys.map] and the like in one place alone.",
    )]);
}

fn environment(roff: &mut Roff) {
    roff.control("SH", ["ENVIRONMENT"]);
    let named: Vec<String> = SETTINGS.iter().filter(|setting| !setting.is_in_file()).map(Setting::variable).collect();
    let rows = [
        (FILE_VARIABLE, "Another file of settings.".to_string()),
        ("SAESCOPE_*", "A variable for every setting above, named with it.".to_string()),
        (
            "and of flags alone",
            format!("{}. They are taken where their flag is not given; an empty one counts as none.", named.join(", ")),
        ),
        ("NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE", "Colours, where neither a flag nor a setting decides.".to_string()),
        (
            "COLORTERM, TERM, TERMINFO, COLORFGBG",
            "How many colours the terminal has, and what its background is like.".to_string(),
        ),
        ("LC_ALL, LC_CTYPE, LANG", "Whether glyphs beyond ASCII can be shown.".to_string()),
        ("SSH_CONNECTION, TMUX, STY, ZELLIJ", "What lies between the program and the terminal.".to_string()),
    ];
    for (name, doc) in rows {
        roff.control("TP", []);
        roff.text([bold(name)]);
        roff.text([roman(doc)]);
    }
    paragraph(roff, "saescope doctor tells which of them decided what.");
}

/// The examples of the help; on the page of the program, one of every verb as well.
fn examples(roff: &mut Roff, command: &Command, whole: bool) {
    roff.control("SH", ["EXAMPLES"]);
    let of = |command: &Command| -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let commands = help.lines().filter_map(|line| Some(format!("saescope{}", line.split_once("saescope")?.1)));
        commands.collect()
    };
    let mut lines = of(command);
    if whole {
        lines.extend(command.get_subcommands().filter_map(|verb| of(verb).into_iter().next()));
    }
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}
