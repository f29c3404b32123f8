//! What the terminal can show, from the environment and the flags alone.
//!
//! Input: an [`Environment`] (a copy of the variables) and [`Flags`] (what the user asked for). Output:
//! [`Capabilities`], and with [`Capabilities::explain`] which rule decided each ([`Reasons`]). The function is pure;
//! no terminal is ever asked anything, because over SSH and inside multiplexers answers come late or not at all, and a
//! late answer looks like typed text.
//!
//! Rules, first that applies: colour `--theme mono`, `--color`, `NO_COLOR`, `FORCE_COLOR`/`CLICOLOR_FORCE`, not a terminal,
//! `TERM=dumb`, `COLORTERM`, what terminfo says of `TERM` (`RGB`, `Tc`, `setrgbf`), the name in `TERM`, 16 colours. Flags
//! stand for what was asked for by whatever means: a flag before a variable before the configuration file. sshd does
//! not pass `COLORTERM` on, so a plain `xterm-256color` means 256 colours. GNU screen mangles 24-bit colour, so
//! `TERM=screen*` never gets it.

use super::theme::{ColorTier, Ground};
use super::widgets::Glyphs;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// A copy of the environment variables that the rules look at.
#[derive(Debug, Clone)]
pub struct Environment {
    variables: BTreeMap<String, (OsString, String)>,
    /// Whether terminfo says that a terminal takes 24-bit colour.
    terminfo: fn(&str) -> bool,
}

impl Environment {
    /// The variables of this process; as text, values that are not Unicode have replacement characters.
    pub fn of_process() -> Self {
        let text = |value: &OsStr| value.to_string_lossy().into_owned();
        let variables = std::env::vars_os().map(|(name, value)| (text(&name), (value.clone(), text(&value)))).collect();
        Self { variables, terminfo: terminfo_has_rgb }
    }

    /// A variable, if it is set and not empty (an empty variable counts as unset everywhere here).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|(_, text)| text.as_str()).filter(|value| !value.is_empty())
    }

    /// The same as it was set.
    pub fn get_os(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(name).map(|(value, _)| value.as_os_str()).filter(|value| !value.is_empty())
    }

    /// Whether the session comes over SSH.
    pub fn is_ssh(&self) -> bool {
        ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"].iter().any(|name| self.get(name).is_some())
    }

    /// The effective locale: the variable that decides it, and its value.
    pub fn locale(&self) -> Option<(&'static str, &str)> {
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| Some((name, self.get(name)?)))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Environment {
    /// These variables, in a world without terminfo.
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let pair = |(name, value): (&str, &str)| (name.to_string(), (value.into(), value.to_string()));
        Self { variables: pairs.into_iter().map(pair).collect(), terminfo: |_| false }
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        pairs.into_iter().collect()
    }
}

/// Whether the terminfo entry of a terminal has one of the extensions that stand for 24-bit colour.
fn terminfo_has_rgb(term: &str) -> bool {
    // A name, not a path to anywhere.
    let is_name = term.chars().all(|c| c.is_ascii_alphanumeric() || "-+._".contains(c)) && !term.starts_with('.');
    let entry = Some(term).filter(|_| is_name).and_then(|term| termini::TermInfo::from_name(term).ok());
    entry.is_some_and(|entry| {
        let has = |name: &str| entry.extended_cap(name).is_some();
        has("RGB") || has("Tc") || has("setrgbf") && has("setrgbb")
    })
}

/// The program between us and the terminal, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Multiplexer {
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
    /// zellij.
    Zellij,
}

impl Multiplexer {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tmux => "tmux",
            Self::Screen => "GNU screen",
            Self::Zellij => "zellij",
        }
    }
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// By the environment.
    #[default]
    Auto,
    /// At least sixteen colours, whatever the environment says.
    Always,
    /// None.
    Never,
}

/// `--theme`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThemeChoice {
    /// By the hint in `COLORFGBG`, else for a dark background.
    #[default]
    Auto,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// Without colour.
    Mono,
}

/// What the user asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flags {
    /// `--color`.
    pub color: ColorChoice,
    /// `--theme`.
    pub theme: ThemeChoice,
    /// `--glyphs`.
    pub glyphs: Option<Glyphs>,
    /// `--mouse`.
    pub mouse: bool,
    /// Whether the output is no terminal (a pipe or a file).
    pub piped: bool,
    /// Most frames a second.
    pub rates: Rates,
}

/// Most frames a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// On a terminal of this machine.
    pub local: u32,
    /// Over SSH.
    pub ssh: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { local: 60, ssh: 20 }
    }
}

/// What to draw with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// How many colours.
    pub color: ColorTier,
    /// With which glyphs.
    pub glyphs: Glyphs,
    /// What the background is like.
    pub ground: Ground,
    /// Whether the session comes over SSH.
    pub ssh: bool,
    /// The multiplexer in between.
    pub multiplexer: Option<Multiplexer>,
    /// Most frames a second.
    pub frames_per_second: u32,
    /// Whether the mouse is captured from the start.
    pub mouse: bool,
}

/// Which rule decided, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasons {
    /// How many colours.
    pub color: String,
    /// What the background is taken for.
    pub ground: String,
    /// Which glyphs.
    pub glyphs: String,
    /// How many frames a second.
    pub frames: String,
}

/// What is said where the user decided.
pub const ASKED: &str = "asked for";

impl Capabilities {
    /// Decides everything from the environment and the flags.
    pub fn detect(env: &Environment, flags: Flags) -> Self {
        Self::explain(env, flags).0
    }

    /// Decides everything, and says which rule did.
    pub fn explain(env: &Environment, flags: Flags) -> (Self, Reasons) {
        let (tier, color) = match flags.theme {
            ThemeChoice::Mono => (ColorTier::None, "theme mono".to_string()),
            _ => color(env, flags),
        };
        let (ground, why_ground) = match flags.theme {
            ThemeChoice::Light => (Ground::Light, ASKED.to_string()),
            ThemeChoice::Dark => (Ground::Dark, ASKED.to_string()),
            ThemeChoice::Mono => (Ground::Dark, "theme mono".to_string()),
            ThemeChoice::Auto => ground(env),
        };
        let (glyphs, why_glyphs) = flags.glyphs.map_or_else(|| glyphs(env), |glyphs| (glyphs, ASKED.to_string()));
        let ssh = env.is_ssh();
        let capabilities = Self {
            color: tier,
            glyphs,
            ground,
            ssh,
            multiplexer: multiplexer(env),
            frames_per_second: if ssh { flags.rates.ssh } else { flags.rates.local },
            mouse: flags.mouse,
        };
        let frames = if ssh { "over SSH" } else { "no SSH" }.to_string();
        (capabilities, Reasons { color, ground: why_ground, glyphs: why_glyphs, frames })
    }
}

fn color(env: &Environment, flags: Flags) -> (ColorTier, String) {
    let because = |tier: ColorTier, why: &str| (tier, why.to_string());
    match flags.color {
        ColorChoice::Never => return because(ColorTier::None, ASKED),
        ColorChoice::Always => {
            let (tier, why) = forced(env);
            return (tier, format!("{ASKED}, {why}"));
        }
        ColorChoice::Auto => {}
    }
    if env.get("NO_COLOR").is_some() {
        return because(ColorTier::None, "NO_COLOR is set");
    }
    let force = |name: &'static str| env.get(name).map(|value| (name, value));
    if let Some((name, value)) = force("FORCE_COLOR").or_else(|| force("CLICOLOR_FORCE")) {
        match value {
            // A zero takes the demand back.
            "0" | "false" => {}
            "2" => return (ColorTier::Ansi256, format!("{name}=2")),
            "3" => return unless_screen(env, (ColorTier::True, format!("{name}=3"))),
            _ => {
                let (tier, why) = forced(env);
                return (tier, format!("{name} is set, {why}"));
            }
        }
    }
    if flags.piped {
        return because(ColorTier::None, "the output is no terminal");
    }
    if env.get("TERM") == Some("dumb") {
        return because(ColorTier::None, "TERM=dumb");
    }
    by_name(env)
}

/// The tier by name, and sixteen colours where the name promises none.
fn forced(env: &Environment) -> (ColorTier, String) {
    match by_name(env) {
        (ColorTier::None, why) => (ColorTier::Ansi16, why),
        told => told,
    }
}

/// The tier that `COLORTERM`, terminfo and `TERM` speak for.
fn by_name(env: &Environment) -> (ColorTier, String) {
    let term = env.get("TERM").unwrap_or("");
    let colorterm = env.get("COLORTERM").unwrap_or("");
    let told = if matches!(colorterm, "truecolor" | "24bit") {
        (ColorTier::True, format!("COLORTERM={colorterm}"))
    } else if (env.terminfo)(term) {
        (ColorTier::True, format!("terminfo says so of {term}"))
    } else if knows_true_color(term) {
        (ColorTier::True, format!("TERM={term}"))
    } else if term.contains("256") || term.contains("direct") {
        (ColorTier::Ansi256, format!("TERM={term}"))
    } else {
        (ColorTier::Ansi16, "nothing tells of more".to_string())
    };
    unless_screen(env, told)
}

/// The tier and why, but no 24-bit colour for GNU screen.
fn unless_screen(env: &Environment, told: (ColorTier, String)) -> (ColorTier, String) {
    match (told, env.get("TERM").unwrap_or("")) {
        ((ColorTier::True, why), term) if term.starts_with("screen") => {
            (ColorTier::Ansi256, format!("{why}, but TERM={term}: GNU screen mangles 24-bit colour"))
        }
        (told, _) => told,
    }
}

/// Terminals that set a `TERM` of their own and all draw 24-bit colour; the name survives SSH, their terminfo may be
/// unknown where it leads.
fn knows_true_color(term: &str) -> bool {
    ["xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm", "contour"]
        .iter()
        .any(|name| term.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

fn glyphs(env: &Environment) -> (Glyphs, String) {
    let locale = env.locale();
    let told = locale.map_or_else(|| "no locale is set".to_string(), |(name, value)| format!("{name}={value}"));
    let folded = locale.map(|(_, value)| value.to_ascii_lowercase()).unwrap_or_default();
    let utf8 = folded.contains("utf-8") || folded.contains("utf8");
    match env.get("TERM") {
        Some("dumb") => (Glyphs::Ascii, "TERM=dumb".into()),
        _ if locale.is_none() => (Glyphs::Ascii, told),
        _ if !utf8 => (Glyphs::Ascii, format!("{told} is not UTF-8")),
        // The Linux console has 512 glyphs and no Braille among them.
        Some("linux") => (Glyphs::Half, "TERM=linux: its console has no Braille".into()),
        _ => (Glyphs::Braille, format!("{told} is UTF-8")),
    }
}

/// rxvt, Konsole and others set `COLORFGBG` to "foreground;background" (or "foreground;default;background").
fn ground(env: &Environment) -> (Ground, String) {
    let told = env.get("COLORFGBG");
    let background = told.and_then(|value| value.rsplit(';').next()?.parse::<u8>().ok());
    let ground = if matches!(background, Some(7 | 9..=15)) { Ground::Light } else { Ground::Dark };
    let why = match (told, background) {
        (Some(value), Some(_)) => format!("COLORFGBG={value}"),
        _ => "nothing tells; the terminal is never asked".into(),
    };
    (ground, why)
}

fn multiplexer(env: &Environment) -> Option<Multiplexer> {
    let term = env.get("TERM").unwrap_or("");
    if env.get("ZELLIJ").is_some() {
        Some(Multiplexer::Zellij)
    } else if env.get("TMUX").is_some() || term.starts_with("tmux") {
        Some(Multiplexer::Tmux)
    } else if env.get("STY").is_some() || term.starts_with("screen") {
        Some(Multiplexer::Screen)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ColorTier::{Ansi16, Ansi256, None as NoColor, True};

    fn color_of<const N: usize>(pairs: [(&str, &str); N]) -> ColorTier {
        Capabilities::detect(&Environment::from(pairs), Flags::default()).color
    }

    #[test]
    fn colour_follows_the_order_of_the_rules() {
        for (pairs, expected) in [
            (vec![("TERM", "xterm-256color")], Ansi256),
            (vec![("TERM", "xterm-direct")], Ansi256),
            (vec![("TERM", "xterm")], Ansi16),
            (vec![], Ansi16),
            (vec![("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], True),
            (vec![("TERM", "xterm"), ("COLORTERM", "24bit")], True),
            (vec![("TERM", "xterm"), ("COLORTERM", "yes")], Ansi16),
            (vec![("TERM", "screen-256color"), ("COLORTERM", "truecolor")], Ansi256),
            (vec![("TERM", "screen"), ("COLORTERM", "truecolor")], Ansi256),
            (vec![("TERM", "screen.xterm-256color")], Ansi256),
            (vec![("TERM", "tmux-256color"), ("COLORTERM", "truecolor")], True),
            (vec![("TERM", "xterm-kitty")], True),
            (vec![("TERM", "foot-extra")], True),
            (vec![("TERM", "footloose")], Ansi16),
            (vec![("TERM", "dumb")], NoColor),
            (vec![("TERM", "dumb"), ("COLORTERM", "truecolor")], NoColor),
            (vec![("NO_COLOR", "1"), ("COLORTERM", "truecolor")], NoColor),
            (vec![("NO_COLOR", "1"), ("FORCE_COLOR", "1")], NoColor),
            (vec![("NO_COLOR", ""), ("TERM", "xterm-256color")], Ansi256),
            (vec![("TERM", "dumb"), ("FORCE_COLOR", "1")], Ansi16),
            (vec![("TERM", "dumb"), ("FORCE_COLOR", "2")], Ansi256),
            (vec![("TERM", "dumb"), ("FORCE_COLOR", "3")], True),
            (vec![("TERM", "screen-256color"), ("FORCE_COLOR", "3")], Ansi256),
            (vec![("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], Ansi16),
            (vec![("TERM", "dumb"), ("CLICOLOR_FORCE", "0")], NoColor),
        ] {
            let env: Environment = pairs.iter().copied().collect();
            assert_eq!(Capabilities::detect(&env, Flags::default()).color, expected, "{pairs:?}");
        }
    }

    #[test]
    fn terminfo_stands_between_colorterm_and_the_name() {
        let with = |term: &str| Environment { terminfo: |term| term == "st-256color", ..[("TERM", term)].into() };
        assert_eq!(Capabilities::detect(&with("st-256color"), Flags::default()).color, True);
        assert_eq!(Capabilities::detect(&with("xterm-256color"), Flags::default()).color, Ansi256);
        let (_, why) = Capabilities::explain(&with("st-256color"), Flags::default());
        assert_eq!(why.color, "terminfo says so of st-256color");
        let screen = Environment { terminfo: |_| true, ..[("TERM", "screen-256color")].into() };
        assert_eq!(Capabilities::detect(&screen, Flags::default()).color, Ansi256);
        // What is no name is looked up nowhere, and what is no entry is none.
        for term in ["", "../../etc/passwd", "/etc/passwd", ".", "no-such-terminal", "xterm\u{1b}"] {
            assert!(!terminfo_has_rgb(term), "{term}");
        }
    }

    /// Every rule, each against all that come after it.
    #[test]
    fn the_rule_that_decides_is_named() {
        let always = Flags { color: ColorChoice::Always, ..Flags::default() };
        let never = Flags { color: ColorChoice::Never, ..Flags::default() };
        let piped = Flags { piped: true, ..Flags::default() };
        let all = [
            ("NO_COLOR", "1"),
            ("FORCE_COLOR", "2"),
            ("CLICOLOR_FORCE", "3"),
            ("COLORTERM", "truecolor"),
            ("TERM", "xterm-256color"),
        ];
        let without =
            |gone: &[&str]| -> Environment { all.iter().copied().filter(|(name, _)| !gone.contains(name)).collect() };
        let colourless = ["NO_COLOR"];
        let unforced = ["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"];
        let unnamed = ["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLORTERM"];
        let nothing = ["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLORTERM", "TERM"];
        for (env, flags, tier, why) in [
            (without(&[]), Flags { theme: ThemeChoice::Mono, ..always }, NoColor, "theme mono"),
            (without(&[]), never, NoColor, ASKED),
            (without(&[]), always, True, "asked for, COLORTERM=truecolor"),
            (without(&[]), Flags::default(), NoColor, "NO_COLOR is set"),
            (without(&colourless), piped, Ansi256, "FORCE_COLOR=2"),
            (without(&["NO_COLOR", "FORCE_COLOR"]), piped, True, "CLICOLOR_FORCE=3"),
            (without(&unforced), piped, NoColor, "the output is no terminal"),
            (without(&unforced), Flags::default(), True, "COLORTERM=truecolor"),
            (without(&unnamed), Flags::default(), Ansi256, "TERM=xterm-256color"),
            (without(&nothing), Flags::default(), Ansi16, "nothing tells of more"),
            ([("TERM", "dumb"), ("COLORTERM", "truecolor")].into(), Flags::default(), NoColor, "TERM=dumb"),
        ] {
            let (found, reasons) = Capabilities::explain(&env, flags);
            assert_eq!((found.color, reasons.color.as_str()), (tier, why));
        }
        let (_, reasons) = Capabilities::explain(
            &[("LANG", "C.UTF-8"), ("COLORFGBG", "0;15"), ("SSH_TTY", "/dev/pts/1")].into(),
            Flags::default(),
        );
        assert_eq!(
            [reasons.glyphs, reasons.ground, reasons.frames],
            ["LANG=C.UTF-8 is UTF-8", "COLORFGBG=0;15", "over SSH"]
        );
        let (_, reasons) = Capabilities::explain(&Environment::from([]), Flags::default());
        assert_eq!(reasons.glyphs, "no locale is set");
    }

    #[test]
    fn the_flags_win() {
        let env = Environment::from([("NO_COLOR", "1"), ("TERM", "xterm-256color"), ("LANG", "C")]);
        let with = |flags: Flags| Capabilities::detect(&env, flags);
        assert_eq!(with(Flags { color: ColorChoice::Always, ..Flags::default() }).color, Ansi256);
        assert_eq!(with(Flags { color: ColorChoice::Always, piped: true, ..Flags::default() }).color, Ansi256);
        assert_eq!(with(Flags { color: ColorChoice::Never, ..Flags::default() }).color, NoColor);
        assert_eq!(with(Flags { glyphs: Some(Glyphs::Octant), ..Flags::default() }).glyphs, Glyphs::Octant);
        assert_eq!(with(Flags { theme: ThemeChoice::Light, ..Flags::default() }).ground, Ground::Light);
        let mono = Flags { theme: ThemeChoice::Mono, color: ColorChoice::Always, ..Flags::default() };
        assert_eq!(with(mono).color, NoColor);
        let env = Environment::from([("TERM", "xterm-256color")]);
        assert_eq!(Capabilities::detect(&env, Flags { piped: true, ..Flags::default() }).color, NoColor);
    }

    #[test]
    fn glyphs_follow_the_effective_locale() {
        for (pairs, expected) in [
            (vec![("LANG", "en_US.UTF-8")], Glyphs::Braille),
            (vec![("LANG", "C.utf8")], Glyphs::Braille),
            (vec![("LANG", "en_US.UTF-8"), ("LC_CTYPE", "C")], Glyphs::Ascii),
            (vec![("LC_ALL", "C"), ("LC_CTYPE", "C.UTF-8"), ("LANG", "C.UTF-8")], Glyphs::Ascii),
            (vec![("LC_ALL", ""), ("LC_CTYPE", "de_DE.UTF-8"), ("LANG", "C")], Glyphs::Braille),
            (vec![], Glyphs::Ascii),
            (vec![("LANG", "C.UTF-8"), ("TERM", "linux")], Glyphs::Half),
            (vec![("LANG", "C.UTF-8"), ("TERM", "dumb")], Glyphs::Ascii),
        ] {
            let env: Environment = pairs.iter().copied().collect();
            assert_eq!(Capabilities::detect(&env, Flags::default()).glyphs, expected, "{pairs:?}");
        }
    }

    #[test]
    fn ssh_is_slow_and_multiplexers_are_told_apart() {
        let env =
            Environment::from([("SSH_CONNECTION", "a 1 b 22"), ("TMUX", "/run/x,1,0"), ("TERM", "screen-256color")]);
        let found = Capabilities::detect(&env, Flags::default());
        assert!(found.ssh);
        assert_eq!((found.frames_per_second, found.multiplexer), (20, Some(Multiplexer::Tmux)));
        let local = Capabilities::detect(&Environment::from([("STY", "1.pts")]), Flags::default());
        assert_eq!((local.frames_per_second, local.multiplexer), (60, Some(Multiplexer::Screen)));
        let rates = Flags { rates: Rates { local: 30, ssh: 5 }, ..Flags::default() };
        assert_eq!(Capabilities::detect(&env, rates).frames_per_second, 5);
        assert_eq!(Capabilities::detect(&Environment::from([]), rates).frames_per_second, 30);
        assert_eq!(color_of([("STY", "1.pts"), ("TERM", "xterm-256color")]), Ansi256);
    }

    #[test]
    fn the_background_hint_is_read_and_dark_is_the_default() {
        let ground_of =
            |value: &str| Capabilities::detect(&Environment::from([("COLORFGBG", value)]), Flags::default()).ground;
        for (value, expected) in [
            ("15;0", true),
            ("0;15", false),
            ("0;default;15", false),
            ("0;7", false),
            ("15;8", true),
            ("x", true),
            ("", true),
        ] {
            assert_eq!(ground_of(value) == Ground::Dark, expected, "{value}");
        }
    }
}
