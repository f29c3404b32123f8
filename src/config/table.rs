//! The one table of settings: [`SETTINGS`].
//!
//! The template, `config`, the man page, the README and the variables of the environment are all read from it. A
//! setting is called as the flag that does the same, with `_` for `-`; its variable is the same in capitals after
//! `SAESCOPE_`. Adding one is a row here, and the flag or the place that uses it.

use crate::text::clip;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name in the file, with the table it stands in: `threads`, `theme.name`.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it is where nobody says anything, as it would stand in the file; empty for what no file tells.
    pub default: &'static str,
    /// One line about it; empty where its flag says what it is.
    pub doc: &'static str,
    /// Whether there is a flag for it.
    pub has_flag: bool,
    /// Which verbs it is for.
    pub scope: Scope,
}

/// Which verbs a setting is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    Everywhere,
    /// The screen, and `render`, which draws a frame of it.
    Screen,
    /// The screen alone.
    Opening,
}

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number.
    Count {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
        /// Whether it may be left to the program.
        auto: bool,
    },
    /// A number.
    Number {
        /// The smallest.
        least: f32,
    },
    /// Yes or no.
    Switch,
    /// A folder, or `auto`.
    Folder,
    /// An amount of bytes.
    Size,
    /// Anything.
    Text,
}

/// What a setting is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Left to the program.
    Auto,
    /// A word.
    Word(String),
    /// A whole number.
    Count(u64),
    /// A number.
    Number(f32),
    /// Yes or no.
    Switch(bool),
    /// A folder.
    Folder(PathBuf),
    /// Bytes.
    Size(u64),
    /// Anything.
    Text(OsString),
}

/// What is left to the program.
pub(crate) const AUTO: &str = "auto";

const fn setting(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    has_flag: bool,
    scope: Scope,
    doc: &'static str,
) -> Setting {
    Setting { name, kind, default, doc, has_flag, scope }
}

/// A flag that has a variable and stands in no file: it says what to do now, or what one dictionary is like.
const fn variable(name: &'static str, kind: Kind, scope: Scope) -> Setting {
    setting(name, kind, "", true, scope, "")
}

const fn count(least: u64, most: u64) -> Kind {
    Kind::Count { least, most, auto: false }
}

use Kind::{Folder, Number, Size, Switch, Text, Word};
use Scope::{Everywhere, Opening, Screen};

/// Every setting, in the order of the template: what stands in no table first.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    setting("color", Word(&["auto", "always", "never"]), "\"auto\"", true, Everywhere, "Colours: auto looks at the terminal and at NO_COLOR; also always, never"),
    setting("glyphs", Word(&["auto", "octant", "sextant", "braille", "quadrant", "half-block", "ascii", "letters"]), "\"auto\"", true, Screen, "Glyphs of the map: auto is what the locale allows; also octant, sextant, braille, quadrant, half-block, ascii, letters"),
    setting("mouse", Switch, "false", true, Opening, "Let the mouse select, drag and zoom from the start"),
    setting("fps_local", count(1, 240), "60", false, Opening, "Most frames a second on a terminal of this machine"),
    setting("fps_ssh", count(1, 240), "20", false, Opening, "Most frames a second over SSH"),
    setting("threads", count(0, crate::task::MAX_THREADS as u64), "0", true, Everywhere, "Threads to compute on; 0 is one per core. Results never depend on it"),
    setting("cache_dir", Folder, "\"auto\"", true, Everywhere, "Where finished results are kept: auto is $XDG_CACHE_HOME/saescope, else ~/.cache/saescope"),
    setting("cache_limit", Size, "\"2 GiB\"", true, Everywhere, "Most that is kept there; what was used longest ago goes first"),
    setting("neighbors", count(2, 10_000), "15", true, Screen, "Neighbours that define the scale of the screen's map, the point itself counted; fewer where features are few"),
    setting("min_dist", Number { least: 0.0 }, "0.1", true, Screen, "Least distance of points on the screen's map, 0 to 1"),
    setting("min_cluster_size", Kind::Count { least: 2, most: 1_000_000, auto: true }, "\"auto\"", true, Screen, "Smallest cluster of the screen's map: auto is 15, and less where one cluster would swallow it"),
    setting("min_samples", Kind::Count { least: 1, most: 1_000_000, auto: true }, "\"auto\"", true, Screen, "Neighbours that make a place of it dense: auto is min_cluster_size"),
    setting("theme.name", Word(&["auto", "dark", "light", "mono"]), "\"auto\"", true, Screen, "Colours for which background: auto looks at COLORFGBG, else dark; also dark, light, and mono for none"),

    variable("seed", count(0, u64::MAX), Everywhere),
    variable("no_cache", Switch, Everywhere),
    variable("quiet", Switch, Everywhere),
    variable("acts", Text, Opening),
    variable("tokens", Text, Opening),
    variable("labels", Text, Opening),
    variable("token_labels", Text, Opening),
    variable("label_distance", Text, Opening),
    variable("pick", Text, Opening),
    variable("format", Text, Opening),
    variable("transpose", Switch, Opening),
    variable("source", Text, Opening),
    variable("arch", Text, Opening),
    variable("k", count(1, u32::MAX as u64), Opening),
    variable("threshold", Number { least: f32::MIN }, Opening),
    variable("subtract_b_dec", Switch, Opening),
    variable("normalize", Text, Opening),
];

impl Setting {
    /// The setting of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }
    /// Its place in [`SETTINGS`].
    pub(super) fn index(&self) -> usize {
        SETTINGS.iter().position(|other| other.name == self.name).unwrap_or(0)
    }
    /// Whether it may stand in the file.
    pub fn is_in_file(&self) -> bool {
        !self.default.is_empty()
    }
    /// Its name without the table.
    fn bare(&self) -> &'static str {
        match self.name {
            "theme.name" => "theme",
            name => name,
        }
    }
    /// What the command line calls it, as the field of its arguments.
    pub fn argument(&self) -> &'static str {
        self.bare()
    }
    /// Its flag, if it has one: `--cache-dir`.
    pub fn flag(&self) -> Option<String> {
        self.has_flag.then(|| format!("--{}", self.bare().replace('_', "-")))
    }
    /// Its variable: `SAESCOPE_CACHE_DIR`.
    pub fn variable(&self) -> String {
        format!("SAESCOPE_{}", self.bare().to_uppercase())
    }
    /// What it is where nobody says anything.
    pub fn default_value(&self) -> Value {
        let text = self.default.trim_matches('"');
        self.kind.read(OsStr::new(text)).unwrap_or(Value::Auto)
    }
}

/// The variable that names the configuration file.
pub const FILE_VARIABLE: &str = "SAESCOPE_CONFIG";

impl Kind {
    /// Reads what a variable or a flag says.
    ///
    /// # Errors
    /// What was expected, if it is something else.
    pub fn read(self, raw: &OsStr) -> Result<Value, String> {
        let text = raw.to_str().unwrap_or("\u{fffd}").trim();
        let read = match self {
            Self::Text => Some(Value::Text(raw.to_os_string())),
            Self::Word(words) => words.contains(&text).then(|| Value::Word(text.into())),
            Self::Folder | Self::Count { auto: true, .. } if text == AUTO => Some(Value::Auto),
            Self::Folder if text.is_empty() => None,
            Self::Folder => Some(Value::Folder(match text.strip_prefix("~/").zip(etcetera::home_dir().ok()) {
                Some((rest, home)) => home.join(rest),
                None => PathBuf::from(raw),
            })),
            Self::Count { least, most, .. } => {
                text.parse().ok().filter(|n| (least..=most).contains(n)).map(Value::Count)
            }
            Self::Number { least } => {
                text.parse().ok().filter(|x: &f32| x.is_finite() && *x >= least).map(Value::Number)
            }
            Self::Switch => match text.to_lowercase().as_str() {
                "true" | "1" | "yes" | "y" | "on" => Some(Value::Switch(true)),
                "false" | "0" | "no" | "n" | "off" => Some(Value::Switch(false)),
                _ => None,
            },
            Self::Size => bytes_of(text).map(Value::Size),
        };
        read.ok_or_else(|| self.expected())
    }

    /// What may stand there, in words.
    pub fn expected(self) -> String {
        match self {
            Self::Word(words) => words.join(", "),
            Self::Count { least, most, auto } => {
                let or = if auto { ", or auto" } else { "" };
                match most {
                    u64::MAX => format!("a whole number from {least} on{or}"),
                    most => format!("a whole number from {least} to {most}{or}"),
                }
            }
            Self::Number { least } if least > f32::MIN => format!("a number from {least} on"),
            Self::Number { .. } => "a number".into(),
            Self::Switch => "true or false".into(),
            Self::Folder => "a folder, or auto".into(),
            Self::Size => "a size such as \"500 MB\" or \"2 GiB\"".into(),
            Self::Text => "a text".into(),
        }
    }
}

/// Units of bytes.
const UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Reads an amount of bytes: a number, and perhaps a unit.
pub(crate) fn bytes_of(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = (text[..end].parse::<f64>().ok()?, text[end..].trim());
    let scale = match unit {
        "" => 1,
        unit => UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?.1,
    };
    let bytes = number * scale as f64;
    (bytes.is_finite() && bytes < u64::MAX as f64).then_some(bytes as u64)
}

/// Writes an amount of bytes so that [`bytes_of`] reads it again.
fn size_text(bytes: u64) -> String {
    let whole = |(_, scale): &&(&str, u64)| bytes > 0 && bytes.is_multiple_of(*scale);
    match UNITS.iter().filter(whole).max_by_key(|(_, scale)| *scale) {
        Some((unit, scale)) => format!("{} {unit}", bytes / scale),
        None => format!("{bytes} B"),
    }
}

impl Value {
    /// As a flag takes it; none for what is left to the program.
    pub fn argument(&self) -> Option<OsString> {
        match self {
            Self::Auto => None,
            Self::Folder(path) => Some(path.clone().into_os_string()),
            Self::Text(text) => Some(text.clone()),
            Self::Size(bytes) => Some(bytes.to_string().into()),
            other => Some(other.to_string().into()),
        }
    }
    /// As the file writes it.
    pub fn toml(&self) -> String {
        match self {
            Self::Count(_) | Self::Number(_) | Self::Switch(_) => self.to_string(),
            _ => quoted(&self.to_string()),
        }
    }
    /// As JSON.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Count(n) => (*n).into(),
            // In its short form: .1, not .10000000149.
            Self::Number(x) => x.to_string().parse::<f64>().unwrap_or(f64::NAN).into(),
            Self::Switch(on) => (*on).into(),
            Self::Size(bytes) => (*bytes).into(),
            other => other.to_string().into(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str(AUTO),
            Self::Word(word) => f.write_str(word),
            Self::Count(n) => write!(f, "{n}"),
            Self::Number(x) => write!(f, "{x}"),
            Self::Switch(on) => write!(f, "{on}"),
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Size(bytes) => f.write_str(&size_text(*bytes)),
            Self::Text(text) => f.write_str(&text.to_string_lossy()),
        }
    }
}

/// A string of the file.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The table of the README.
pub fn markdown() -> String {
    let mut text = "| setting | default | what it is |\n|---|---|---|\n".to_string();
    for setting in SETTINGS.iter().filter(|setting| setting.is_in_file()) {
        let doc = setting.doc.replace('|', "\\|");
        text.push_str(&format!("| `{}` | `{}` | {doc} |\n", setting.name, setting.default));
    }
    text
}

/// What someone wrote, as a message repeats it.
pub(super) fn said(text: &str) -> String {
    clip(text, 80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cache::DEFAULT_LIMIT;
    use crate::geometry::umap::UmapParams;
    use crate::tui::capabilities::Rates;
    use crate::tui::widgets::Glyphs;

    #[test]
    fn names_variables_and_flags_go_by_one_rule() {
        for (at, setting) in SETTINGS.iter().enumerate() {
            assert_eq!(setting.index(), at, "{} twice", setting.name);
            assert_eq!(Setting::named(setting.name).unwrap().name, setting.name);
            assert_eq!(setting.is_in_file(), !setting.doc.is_empty(), "{}", setting.name);
            assert!(!setting.doc.ends_with('.') && setting.doc.len() <= 130, "{}", setting.name);
        }
        let cache = Setting::named("cache_dir").unwrap();
        assert_eq!((cache.variable(), cache.flag()), ("SAESCOPE_CACHE_DIR".into(), Some("--cache-dir".into())));
        let theme = Setting::named("theme.name").unwrap();
        assert_eq!((theme.variable(), theme.flag()), ("SAESCOPE_THEME".into(), Some("--theme".into())));
        assert_eq!(Setting::named("fps_ssh").unwrap().flag(), None);
    }

    #[test]
    fn the_defaults_are_those_of_the_program() {
        let default = |name: &str| Setting::named(name).unwrap().default_value();
        let umap = UmapParams::default();
        assert_eq!(default("neighbors"), Value::Count(umap.neighbors as u64));
        assert_eq!(default("min_dist"), Value::Number(umap.min_dist));
        assert_eq!(default("cache_limit"), Value::Size(DEFAULT_LIMIT));
        let Rates { local, ssh } = Rates::default();
        assert_eq!([default("fps_local"), default("fps_ssh")], [local, ssh].map(|n| Value::Count(n.into())));
        for setting in SETTINGS.iter().filter(|setting| setting.is_in_file()) {
            let value = setting.default_value();
            assert_eq!(value.toml(), setting.default, "{}", setting.name);
        }
        let Kind::Word(words) = Setting::named("glyphs").unwrap().kind else { panic!("words") };
        let names: Vec<&str> = [AUTO].into_iter().chain(Glyphs::ALL.map(Glyphs::name)).collect();
        assert_eq!(words, names);
    }

    #[test]
    fn values_are_read_and_written_alike() {
        let count = Kind::Count { least: 2, most: 9, auto: true };
        for (kind, good, bad) in [
            (Kind::Word(&["dark", "light"]), vec!["dark", " light "], vec!["", "Dark", "grey"]),
            (count, vec!["2", "9", "auto"], vec!["1", "10", "-3", "2.5", "", "Auto"]),
            (Kind::Number { least: 0.0 }, vec!["0", "0.25", "1e-3"], vec!["-0.1", "nan", "inf", "x", ""]),
            (Kind::Switch, vec!["true", "0", "YES", "off"], vec!["", "2", "maybe"]),
            (Kind::Folder, vec!["/kept/x y", "auto", "relative"], vec![""]),
            (
                Kind::Size,
                vec!["0", "500 MB", "2GiB", "1.5 gb", "12345"],
                vec!["", "GB", "-1", "2 XB", "1e99 TB", "1..5"],
            ),
        ] {
            for text in good {
                let value = kind.read(OsStr::new(text)).unwrap_or_else(|_| panic!("{text}"));
                assert_eq!(kind.read(OsStr::new(&value.to_string())), Ok(value), "{text}");
            }
            for text in bad {
                assert_eq!(kind.read(OsStr::new(text)), Err(kind.expected()), "{text}");
            }
        }
        let sizes = ["2 GiB", "500 MB", "1.5 kB", "0"].map(|text| bytes_of(text).unwrap());
        assert_eq!(sizes, [2 << 30, 500_000_000, 1500, 0]);
        assert_eq!(sizes.map(size_text), ["2 GiB", "500 MB", "1500 B", "0 B"]);
        let home = etcetera::home_dir().unwrap();
        assert_eq!(Kind::Folder.read(OsStr::new("~/a")), Ok(Value::Folder(home.join("a"))));
        assert_eq!(quoted("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
    }
}
