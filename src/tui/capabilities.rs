//! What the terminal can show, from the environment and the flags alone.
//!
//! Input: an [`Environment`] (a copy of the variables) and [`Flags`] (what the user asked for). Output:
//! [`Capabilities`]. The function is pure; no terminal is ever asked anything, because over SSH and inside
//! multiplexers answers come late or not at all, and a late answer looks like typed text.
//!
//! Rules, first that applies: colour `--theme mono`, `--color`, `NO_COLOR`, `FORCE_COLOR`/`CLICOLOR_FORCE`, not a terminal,
//! `TERM=dumb`, `COLORTERM`, what terminfo says of 24-bit colour, the name in `TERM`, 16 colours. sshd does not pass
//! `COLORTERM` on, so a plain `xterm-256color` means 256 colours. GNU screen mangles 24-bit colour, so `TERM=screen*`
//! never gets it, whoever asks.

use super::theme::{ColorTier, Ground};
use super::widgets::Glyphs;
use std::collections::BTreeMap;

/// What the rules look at: a copy of the environment variables, and what the terminfo of `TERM` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// Terminfo has `RGB`, `Tc`, or `setrgbf` with `setrgbb`: the terminal draws 24-bit colour.
    terminfo_true_color: bool,
}

impl Environment {
    /// The variables of this process; values that are not Unicode are kept with replacement characters.
    pub fn of_process() -> Self {
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        let variables: BTreeMap<_, _> = std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
        let terminfo_true_color = variables.get("TERM").is_some_and(|term| terminfo_true_color(term));
        Self { variables, terminfo_true_color }
    }

    /// A variable, if it is set and not empty (an empty variable counts as unset everywhere here).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        let variables = pairs.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect();
        Self { variables, terminfo_true_color: false }
    }
}

/// Whether the compiled terminfo of this name says that the terminal draws 24-bit colour.
fn terminfo_true_color(term: &str) -> bool {
    // A name, and no way to another file.
    let info = (!term.contains(['/', '\\'])).then(|| termini::TermInfo::from_name(term).ok()).flatten();
    info.is_some_and(|info| {
        let has = |name: &str| info.extended_cap(name).is_some();
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

impl Capabilities {
    /// Decides everything from the environment and the flags.
    pub fn detect(env: &Environment, flags: Flags) -> Self {
        let ssh = ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"].iter().any(|name| env.get(name).is_some());
        Self {
            color: if flags.theme == ThemeChoice::Mono { ColorTier::None } else { color(env, flags) },
            glyphs: flags.glyphs.unwrap_or_else(|| glyphs(env)),
            ground: match flags.theme {
                ThemeChoice::Light => Ground::Light,
                ThemeChoice::Dark | ThemeChoice::Mono => Ground::Dark,
                ThemeChoice::Auto => ground(env),
            },
            ssh,
            multiplexer: multiplexer(env),
            frames_per_second: if ssh { 20 } else { 60 },
            mouse: flags.mouse,
        }
    }
}

fn color(env: &Environment, flags: Flags) -> ColorTier {
    let dumb = env.get("TERM") == Some("dumb");
    match flags.color {
        ColorChoice::Never => return ColorTier::None,
        ColorChoice::Always => return forced(env),
        ColorChoice::Auto => {}
    }
    if env.get("NO_COLOR").is_some() {
        return ColorTier::None;
    }
    match env.get("FORCE_COLOR").or_else(|| env.get("CLICOLOR_FORCE")) {
        // A zero takes the demand back.
        None | Some("0" | "false") => {}
        Some("2") => return ColorTier::Ansi256,
        Some("3") => return unless_screen(env, ColorTier::True),
        Some(_) => return forced(env),
    }
    if flags.piped || dumb { ColorTier::None } else { by_name(env) }
}

/// The tier by name, and sixteen colours where the name promises none.
fn forced(env: &Environment) -> ColorTier {
    match by_name(env) {
        ColorTier::None => ColorTier::Ansi16,
        tier => tier,
    }
}

/// The tier that `COLORTERM` and `TERM` speak for.
fn by_name(env: &Environment) -> ColorTier {
    let term = env.get("TERM").unwrap_or("");
    let true_color = matches!(env.get("COLORTERM"), Some("truecolor" | "24bit"));
    let named = if true_color || env.terminfo_true_color || knows_true_color(term) {
        ColorTier::True
    } else if term.contains("256") || term.contains("direct") {
        ColorTier::Ansi256
    } else {
        ColorTier::Ansi16
    };
    unless_screen(env, named)
}

/// The tier, but no 24-bit colour for GNU screen.
fn unless_screen(env: &Environment, tier: ColorTier) -> ColorTier {
    let screen = env.get("TERM").is_some_and(|term| term.starts_with("screen"));
    if screen && tier == ColorTier::True { ColorTier::Ansi256 } else { tier }
}

/// Terminals that set a `TERM` of their own and all draw 24-bit colour; the name survives SSH.
fn knows_true_color(term: &str) -> bool {
    ["xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm", "contour"]
        .iter()
        .any(|name| term.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

fn glyphs(env: &Environment) -> Glyphs {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| env.get(name)).unwrap_or("");
    let folded = locale.to_ascii_lowercase();
    let utf8 = folded.contains("utf-8") || folded.contains("utf8");
    // The Linux console has 512 glyphs and no Braille among them.
    if !utf8 || env.get("TERM") == Some("dumb") {
        Glyphs::Ascii
    } else if env.get("TERM") == Some("linux") {
        Glyphs::Half
    } else {
        Glyphs::Braille
    }
}

/// rxvt, Konsole and others set `COLORFGBG` to "foreground;background" (or "foreground;default;background").
fn ground(env: &Environment) -> Ground {
    let background = env.get("COLORFGBG").and_then(|value| value.rsplit(';').next()?.parse::<u8>().ok());
    if matches!(background, Some(7 | 9..=15)) { Ground::Light } else { Ground::Dark }
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

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let variables = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Environment { variables, terminfo_true_color: false }
    }

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
            let env = environment(&pairs);
            assert_eq!(Capabilities::detect(&env, Flags::default()).color, expected, "{pairs:?}");
        }
    }

    #[test]
    fn terminfo_speaks_for_terminals_without_colorterm() {
        let of = |term: &str| {
            let env = Environment { terminfo_true_color: true, ..Environment::from([("TERM", term)]) };
            Capabilities::detect(&env, Flags::default()).color
        };
        assert_eq!((of("st"), of("xterm-direct"), of("screen-256color"), of("dumb")), (True, True, Ansi256, NoColor));
        // What this machine has of it: where an entry is there, it is read right.
        assert!(!terminfo_true_color("xterm-256color") && !terminfo_true_color("vt100"));
        assert!(!terminfo_true_color("no-such-terminal") && !terminfo_true_color("../../etc/passwd"));
        assert!(!terminfo_true_color(""));
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
            let env = environment(&pairs);
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
