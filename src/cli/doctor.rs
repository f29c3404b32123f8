//! `doctor`: what the terminal can show and which rule decided it, where things are kept, and strips to look at.
//!
//! Facts come first and can be had as JSON. Strips follow where a person looks: on a terminal that can do more than
//! print, or with `--color always`. Where colours are off no escape byte is written. The terminal is asked nothing;
//! with `--copy` it is sent a word for the clipboard.

use super::args::DoctorArgs;
use super::shared::Common;
use super::{opening, output, screen};
use crate::config::table::Setting;
use crate::config::{Loaded, Source};
use crate::error::{Problem, Result};
use crate::text::{counted, printable};
use crate::tui::capabilities::{ASKED, Capabilities, ColorChoice, Environment, Flags, Multiplexer, Reasons};
use crate::tui::frame::frame_text;
use crate::tui::screen::coloured_lines;
use crate::tui::theme::{ColorTier, Ground, Theme};
use crate::tui::widgets::Glyphs;
use crate::tui::widgets::text::wrap;
use crate::tui::{clipboard, kept, strips, terminal};
use ratatui::buffer::Buffer;
use serde_json::{Map, Value, json};
use std::io::IsTerminal;
use std::path::Path;

/// Variables that say something about the terminal.
const VARIABLES: [&str; 16] = [
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR_FORCE",
    "COLORFGBG",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "LC_TERMINAL",
    "VTE_VERSION",
    "KONSOLE_VERSION",
    "WT_SESSION",
    "TERMINFO",
    "LC_ALL",
    "LC_CTYPE",
    "LANG",
];

/// The word that `--copy` sends.
const WORD: &str = "saescope-doctor";

/// What is said of pictures in the terminal.
const GRAPHICS: &str = "kitty, sixel and iTerm pictures are never probed for nor sent; `render -o` and the export of the screen write files";

/// One thing that is known.
struct Fact {
    /// Its name in JSON; the words of a line are made of it.
    name: &'static str,
    value: Value,
    /// For people, where the value does not say it all.
    text: Option<String>,
    /// Which rule decided it.
    why: Option<String>,
}

/// Facts about one thing.
struct Section {
    name: &'static str,
    facts: Vec<Fact>,
}

pub(super) fn run(args: &DoctorArgs, common: &Common, loaded: &Loaded, environment: &Environment) -> Result<()> {
    let stdout = std::io::stdout().is_terminal();
    let flags = Flags {
        glyphs: args.look.glyphs.0,
        theme: args.look.theme.into(),
        mouse: args.look.mouse,
        rates: loaded.settings.rates(),
        piped: !stdout,
        ..screen::flags(common)
    };
    let (capabilities, reasons) = Capabilities::explain(environment, flags);
    if args.copy && !stdout {
        return Err(Problem::new("--copy, but the output is no terminal")
            .expected("a terminal that can take a word for the clipboard")
            .hint("leaving out what the output is piped to")
            .usage());
    }
    let sections = [
        program(common),
        surroundings(environment, &capabilities),
        chosen(&capabilities, &reasons, loaded),
        copying(&capabilities),
        places(common, loaded),
    ];
    if args.json {
        return output::print_json(&as_json(&sections, loaded));
    }
    // A line of a pipe is one fact.
    let columns = stdout.then(|| usize::from(terminal::size().0).clamp(40, 100));
    let mut text = as_text(&sections, loaded, columns);
    let dumb = environment.get("TERM") == Some("dumb");
    if stdout && !dumb || flags.color == ColorChoice::Always {
        text.push_str(&pictures(environment, &capabilities, loaded, columns.unwrap_or(80)));
    } else {
        text.push_str("\nStrips to look at are shown on a terminal, or with --color always.\n");
    }
    output::print(&text)?;
    if args.copy {
        let sent = clipboard::copy(WORD, capabilities.multiplexer).bytes;
        output::print(&String::from_utf8_lossy(&sent))?;
        output::print(&format!(
            "\nThe word {WORD} was sent to the clipboard of your own machine: paste it somewhere.\n"
        ))?;
    }
    Ok(())
}

fn fact(name: &'static str, value: impl Into<Value>) -> Fact {
    Fact { name, value: value.into(), text: None, why: None }
}

impl Fact {
    fn text(self, text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..self }
    }
    fn why(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }
}

fn program(common: &Common) -> Section {
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let features: Vec<&str> = [("parquet", cfg!(feature = "parquet"))]
        .into_iter()
        .filter_map(|(name, built)| built.then_some(name))
        .collect();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = crate::geometry::memory::machine();
    let threads = if common.threads == 0 { cores } else { common.threads };
    Section {
        name: "program",
        facts: vec![
            fact("version", env!("CARGO_PKG_VERSION")),
            fact("build", build),
            fact("features", features.clone()).text(if features.is_empty() {
                "none (parquet is one)".to_string()
            } else {
                features.join(" ")
            }),
            fact("system", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
            fact("vectors", crate::wide::vectors()),
            fact("threads", threads).text(format!("{threads} of {}", counted(cores, "core", "cores"))),
            fact("memory", memory).text(format!("{:.1} GB", memory as f64 / 1e9)),
        ],
    }
}

/// What lies between the program and the user's eyes.
fn surroundings(environment: &Environment, capabilities: &Capabilities) -> Section {
    let set: Map<String, Value> =
        VARIABLES.into_iter().filter_map(|name| Some((name.to_string(), environment.get(name)?.into()))).collect();
    let words: Vec<String> =
        set.iter().map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or(""))).collect();
    let multiplexer = capabilities.multiplexer.map(Multiplexer::name);
    // Newer ones of tmux pass for a terminal program and tell their version.
    let version = environment.get("TERM_PROGRAM_VERSION").filter(|_| environment.get("TERM_PROGRAM") == Some("tmux"));
    let with_version =
        multiplexer.map(|name| [Some(name), version].into_iter().flatten().collect::<Vec<_>>().join(" "));
    let locale = environment.locale();
    let (columns, rows) = terminal::size();
    let ends = [
        ("stdin", std::io::stdin().is_terminal()),
        ("stdout", std::io::stdout().is_terminal()),
        ("stderr", std::io::stderr().is_terminal()),
    ];
    let terminals: Vec<&str> = ends.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
    Section {
        name: "terminal",
        facts: vec![
            fact("variables", set).text(if words.is_empty() { "none is set".into() } else { words.join("  ") }),
            fact("size", json!([columns, rows])).text(format!("{columns}x{rows}")),
            fact(
                "are_terminals",
                ends.map(|(name, is)| (name.to_string(), is.into())).into_iter().collect::<Map<_, _>>(),
            )
            .text(if terminals.is_empty() { "none".into() } else { terminals.join(", ") }),
            fact("ssh", capabilities.ssh).text(if capabilities.ssh { "yes" } else { "no" }),
            fact("multiplexer", with_version.clone()).text(with_version.unwrap_or_else(|| "none".into())),
            fact("locale", locale.map(|(_, value)| value))
                .text(locale.map_or("none is set".into(), |(name, value)| format!("{value} ({name})"))),
        ],
    }
}

/// What was decided, and by which rule.
fn chosen(capabilities: &Capabilities, reasons: &Reasons, loaded: &Loaded) -> Section {
    // Where the user decided, it is told by what means.
    let asked = |why: &str, name: &str| {
        let setting = Setting::named(name);
        let by = match setting.map(|_| loaded.settings.get(name).1) {
            Some(Source::File(line)) => format!("line {line} of the settings"),
            Some(Source::Environment) => setting.map(Setting::variable).unwrap_or_default(),
            Some(Source::Flag) => setting.and_then(Setting::flag).unwrap_or_default(),
            _ => return why.to_string(),
        };
        why.replacen(ASKED, &format!("{ASKED} by {by}"), 1).replacen("theme mono", &format!("theme mono by {by}"), 1)
    };
    let colour_setting = if reasons.color == "theme mono" { "theme.name" } else { "color" };
    let colours = match capabilities.color {
        ColorTier::True => "24-bit",
        ColorTier::None => "none",
        tier => tier.name(),
    };
    let ground = if capabilities.ground == Ground::Light { "light" } else { "dark" };
    let frames = capabilities.frames_per_second;
    let rate = if capabilities.ssh { "fps_ssh" } else { "fps_local" };
    let rate_from = match loaded.settings.get(rate).1 {
        Source::Default => String::new(),
        _ => format!(", {rate} {}", asked(ASKED, rate)),
    };
    Section {
        name: "chosen",
        facts: vec![
            fact("colours", colours).why(asked(&reasons.color, colour_setting)),
            fact("ground", ground).why(asked(&reasons.ground, "theme.name")),
            fact("glyphs", capabilities.glyphs.name()).why(asked(&reasons.glyphs, "glyphs")),
            fact("frames_per_second", frames).why(format!("{}{rate_from}", reasons.frames)),
            fact("mouse", capabilities.mouse).text(if capabilities.mouse { "on" } else { "off until asked for" }),
            fact("graphics", false).text(GRAPHICS),
        ],
    }
}

fn copying(capabilities: &Capabilities) -> Section {
    let way = match capabilities.multiplexer {
        None => "OSC 52 as it is",
        Some(Multiplexer::Zellij) => "OSC 52 as it is: zellij passes it on",
        Some(Multiplexer::Tmux) => {
            "OSC 52 as it is and in tmux's envelope: it needs `set -g set-clipboard on`, or `allow-passthrough on`"
        }
        Some(Multiplexer::Screen) => "OSC 52 in GNU screen's envelope",
    };
    let sent = clipboard::copy(WORD, capabilities.multiplexer).bytes;
    Section {
        name: "clipboard",
        facts: vec![
            fact("way", way),
            fact("most", clipboard::MAX_TEXT)
                .text(format!("{} bytes of text; what is longer is cut, and that is said", clipboard::MAX_TEXT)),
            fact("sends", sent.escape_ascii().to_string()).text(format!("for {WORD}: {}", sent.escape_ascii())),
        ],
    }
}

fn places(common: &Common, loaded: &Loaded) -> Section {
    let path = |path: &Path| Value::from(path.display().to_string());
    let mut facts = Vec::new();
    let state = match (&loaded.path, loaded.exists, loaded.problems.is_empty()) {
        (None, ..) => "no home to look in",
        (_, false, true) => "not there, and need not be",
        (_, true, true) => "read",
        (_, _, false) => "something is wrong, see below",
    };
    facts.push(fact("settings", loaded.path.as_deref().map(path)).why(state));
    let cache = opening::cache(common);
    match cache.folder() {
        None => facts.push(fact("cache", Value::Null).text("off")),
        Some(folder) => {
            let entries = cache.list();
            let bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
            let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
            let results = counted(entries.len(), "result", "results");
            facts.push(fact("cache", path(folder)).why(writable(folder)));
            facts.push(fact("cache_bytes", bytes).text(format!(
                "{results}, {} of at most {}",
                megabytes(bytes),
                megabytes(cache.limit())
            )));
        }
    }
    match kept::folder() {
        None => facts.push(fact("crash_logs", Value::Null).text("nowhere: there is no home")),
        Some(folder) => {
            let logs = kept::files(&folder, "crash", "log");
            let newest = logs.last().map(|log| log.display().to_string());
            facts.push(fact("crash_logs", path(&folder)).why(match &newest {
                Some(newest) => format!("{}; the newest is {newest}", counted(logs.len(), "log", "logs")),
                None => "none".into(),
            }));
            facts.push(fact("newest_crash_log", newest.clone()).text(newest.unwrap_or_else(|| "none".into())));
        }
    }
    Section { name: "places", facts }
}

/// Whether a folder, or the one in which it would be made, can be written to.
fn writable(folder: &Path) -> String {
    let Some(there) = folder.ancestors().find(|folder| folder.exists()) else { return "cannot be made".into() };
    // A file says more than permissions do: quotas, and file systems that are read alone.
    match tempfile::Builder::new().prefix(".saescope").tempfile_in(there) {
        Err(error) => format!("cannot be written to: {error}"),
        Ok(_) if there == folder => "can be written to".into(),
        Ok(_) => "is made when first needed".into(),
    }
}

fn as_json(sections: &[Section], loaded: &Loaded) -> Value {
    let of = |section: &Section| {
        let mut all = Map::new();
        for fact in &section.facts {
            all.insert(fact.name.into(), fact.value.clone());
            if let Some(why) = &fact.why {
                all.insert(format!("{}_why", fact.name), why.as_str().into());
            }
        }
        (section.name.to_string(), Value::Object(all))
    };
    let mut all: Map<String, Value> = sections.iter().map(of).collect();
    let problems: Vec<Value> = loaded.problems.iter().map(|problem| problem.to_string().into()).collect();
    all.insert("problems".into(), problems.into());
    Value::Object(all)
}

/// Columns before what is said of a fact.
const INDENT: usize = 21;

/// The facts, in lines of so many columns, or each in one.
fn as_text(sections: &[Section], loaded: &Loaded, columns: Option<usize>) -> String {
    let mut text = String::new();
    for section in sections {
        text.push_str(&format!("{}{}\n", if text.is_empty() { "" } else { "\n" }, section.name));
        for fact in &section.facts {
            // In JSON alone: the line before has it.
            if fact.name == "newest_crash_log" {
                continue;
            }
            let value = match (&fact.text, &fact.value) {
                (Some(text), _) | (None, Value::String(text)) => text.clone(),
                (None, Value::Null) => "none".into(),
                (None, other) => other.to_string(),
            };
            let why = fact.why.as_ref().map(|why| format!("  ({why})")).unwrap_or_default();
            let words = printable(&format!("{value}{why}"));
            let lines = columns.map_or_else(|| vec![words.clone()], |columns| wrap(&words, columns - INDENT));
            let mut name = fact.name.replace('_', " ");
            for line in lines {
                text.push_str(&format!("  {name:<18} {line}\n"));
                name.clear();
            }
        }
    }
    for problem in &loaded.problems {
        text.push_str(&format!("\nwrong: {problem}\n"));
    }
    text
}

/// Strips to look at, with what to look for in lines of so many columns.
fn pictures(environment: &Environment, capabilities: &Capabilities, loaded: &Loaded, columns: usize) -> String {
    let tier = capabilities.color;
    let own = &loaded.settings.colours;
    let theme = Theme::with(tier, capabilities.ground, own);
    // Where colours are off, attributes are not sent either.
    let drawn = |buffer: &Buffer| if tier == ColorTier::None { frame_text(buffer) } else { coloured_lines(buffer) };
    let ascii = capabilities.glyphs.is_ascii();
    let mut text = String::new();
    let mut show = |about: &str, buffer: Option<&Buffer>| {
        text.push('\n');
        text.extend(wrap(about, columns).into_iter().map(|line| line + "\n"));
        if let Some(buffer) = buffer {
            text.push('\n');
            text.push_str(&drawn(buffer));
        }
    };
    let tiers: Vec<Glyphs> =
        Glyphs::ALL.into_iter().filter(|tier| *tier != Glyphs::Letters && (!ascii || tier.is_ascii())).collect();
    let about = if ascii {
        "Glyphs. Others than these need a locale in UTF-8."
    } else {
        "Glyphs: the same picture in every tier. Boxes, question marks, gaps inside of shapes, or bars out of line: the \
         font, or a multiplexer, lacks them. Rings between dots: the font draws Braille's empty places. Take the first \
         that looks right, with --glyphs NAME or as glyphs in the settings."
    };
    show(about, Some(&strips::glyphs(&theme, &tiers)));
    if tier == ColorTier::None {
        show("Colours and attributes are off; --color always shows them.", None);
    } else {
        let mangles = environment.get("TERM").is_some_and(|term| term.starts_with("screen"));
        let all = [ColorTier::True, ColorTier::Ansi256, ColorTier::Ansi16, ColorTier::None];
        let shown: Vec<ColorTier> = all.into_iter().filter(|tier| !(mangles && *tier == ColorTier::True)).collect();
        let left_out = if mangles { " 24-bit is not sent: GNU screen mangles it." } else { "" };
        let about = format!(
            "Colours: clusters A to L, then the ramp of a quantity. A row beyond what the terminal has comes out wrong or \
             grey; the first that looks right is the one to have.{left_out}"
        );
        show(&about, Some(&strips::colours(&shown, capabilities.ground, own, ascii)));
        show("Attributes", Some(&strips::attributes(&theme)));
    }
    if !ascii {
        let about = "Widths: the bars at the right stand in one column where the terminal takes characters for as wide as \
                     the screen does.";
        show(about, Some(&strips::widths()));
    }
    text
}
