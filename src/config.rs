//! Settings: defaults < configuration file < environment < flags.
//!
//! Input: the file (`$XDG_CONFIG_HOME/saescope/config.toml`, else `~/.config/saescope/config.toml` on every system, or
//! the one that `--config` or `SAESCOPE_CONFIG` name), the variables `SAESCOPE_*`, and what flags were given. Output:
//! [`Settings`], in which each value knows where it comes from ([`Source`]).
//!
//! A file that is not there is fine, unless it was named. What is wrong with a file or a variable is kept beside the
//! settings that hold without it ([`Loaded`]): most verbs refuse to go on, those that help to mend it do not. The
//! settings are the rows of one table ([`table::SETTINGS`]); the template and the docs are read from it too.
//!
//! This room knows the vocabulary of the screen (keys, colours, glyphs) and is known by the command line alone.

mod file;
pub mod table;
mod template;

pub use file::Chosen;
pub use template::template;

use crate::error::{Error, Problem};
use crate::tui::capabilities::{Environment, Rates, ThemeChoice};
use crate::tui::colours::Colours;
use crate::tui::keymap::Keymap;
use std::ffi::OsString;
use std::path::PathBuf;
use table::{FILE_VARIABLE, SETTINGS, Scope, Setting, Value, said};

/// Where a value comes from, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// The configuration file, in this line.
    File(usize),
    /// Its variable.
    Environment,
    /// Its flag.
    Flag,
}

impl Source {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File(_) => "file",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// Settings by name, as they were typed.
    pub flags: Vec<(&'static str, OsString)>,
}

/// Everything that is settled.
#[derive(Debug, Clone)]
pub struct Settings {
    values: Vec<(Value, Source)>,
    /// The user's own colours.
    pub colours: Colours,
    /// The keys.
    pub keymap: Keymap,
    /// Colours and keys that the file chose.
    pub chosen: Vec<Chosen>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            values: SETTINGS.iter().map(|setting| (setting.default_value(), Source::Default)).collect(),
            colours: Colours::default(),
            keymap: Keymap::standard(),
            chosen: Vec::new(),
        }
    }
}

impl Settings {
    /// What a setting is, and why.
    ///
    /// # Panics
    /// If there is no such setting, which is a mistake of the program's.
    pub fn get(&self, name: &str) -> (&Value, Source) {
        let setting = Setting::named(name).unwrap_or_else(|| unreachable!("no setting {name}"));
        let (value, source) = &self.values[setting.index()];
        (value, *source)
    }

    /// A count that was wished for; none where it is left to the program.
    pub fn count(&self, name: &str) -> Option<usize> {
        match self.get(name) {
            (Value::Count(n), source) if source != Source::Default => usize::try_from(*n).ok(),
            _ => None,
        }
    }

    /// A number that was wished for.
    pub fn number(&self, name: &str) -> Option<f32> {
        match self.get(name) {
            (Value::Number(x), source) if source != Source::Default => Some(*x),
            _ => None,
        }
    }

    /// Most frames a second.
    pub fn rates(&self) -> Rates {
        let default = Rates::default();
        let rate = |name, or| self.count(name).map_or(or, |n| n as u32);
        Rates { local: rate("fps_local", default.local), ssh: rate("fps_ssh", default.ssh) }
    }

    /// For which background colours are.
    pub fn theme(&self) -> ThemeChoice {
        let setting = Setting::named("theme.name").filter(|setting| !self.gives_way(setting));
        match setting.map(|setting| self.get(setting.name).0) {
            Some(Value::Word(word)) => match word.as_str() {
                "dark" => ThemeChoice::Dark,
                "light" => ThemeChoice::Light,
                "mono" => ThemeChoice::Mono,
                _ => ThemeChoice::Auto,
            },
            _ => ThemeChoice::Auto,
        }
    }

    /// What flags that were not given are to be taken for, by the name of their argument, as far as they are of one of
    /// these scopes: what the file and the environment say.
    ///
    /// A theme without colour gives way to a stronger wish for colours.
    pub fn stand_ins(&self, scopes: &[Scope]) -> Vec<(&'static Setting, OsString)> {
        let wished = |(setting, (value, source)): (&'static Setting, &(Value, Source))| {
            let said = *source != Source::Default && *source != Source::Flag;
            let applies = said && setting.has_flag && scopes.contains(&setting.scope) && !self.gives_way(setting);
            let wish = value.argument().filter(|argument| argument != table::AUTO);
            wish.filter(|_| applies).map(|argument| (setting, argument))
        };
        SETTINGS.iter().zip(&self.values).filter_map(wished).collect()
    }

    /// Whether a theme without colour is overruled by a wish for colours that comes from nearer.
    fn gives_way(&self, setting: &Setting) -> bool {
        let (theme, from) = self.get("theme.name");
        let (color, nearer) = self.get("color");
        let rank = |source: Source| std::mem::discriminant(&source) != std::mem::discriminant(&from) && source > from;
        setting.name == "theme.name"
            && *theme == Value::Word("mono".into())
            && *color == Value::Word("always".into())
            && rank(nearer)
    }
}

/// Settings, and what is wrong with what they were read from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The file, whether it is there or not; none without a home.
    pub path: Option<PathBuf>,
    /// Who named it.
    pub named_by: Source,
    /// Whether it is there.
    pub exists: bool,
    /// What holds.
    pub settings: Settings,
    /// What is wrong, the file first. What is at fault was left out.
    pub problems: Vec<Error>,
}

/// The file where nobody names one.
pub fn default_path() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    Some(etcetera::base_strategy::Xdg::new().ok()?.config_dir().join("saescope").join("config.toml"))
}

/// Reads everything.
pub fn load(given: &Given, environment: &Environment) -> Loaded {
    let (path, named_by) = match (&given.file, environment.get_os(FILE_VARIABLE)) {
        (Some(file), _) => (Some(file.clone()), Source::Flag),
        (None, Some(file)) => (Some(file.into()), Source::Environment),
        (None, None) => (default_path(), Source::Default),
    };
    let mut problems = Vec::new();
    let mut settings = Settings::default();
    // A file that cannot be looked at is not the same as none.
    let exists = path.as_deref().is_some_and(|path| path.symlink_metadata().is_ok());
    if let Some(path) = path.as_deref().filter(|_| exists || named_by != Source::Default) {
        match file::read(path) {
            Ok(file) => {
                for (at, value, line) in file.values {
                    settings.values[at] = (value, Source::File(line));
                }
                (settings.colours, settings.keymap, settings.chosen) = (file.colours, file.keymap, file.chosen);
            }
            Err(error) => problems.push(match named_by {
                Source::Environment => named(&error),
                _ => error,
            }),
        }
    }
    for (at, setting) in SETTINGS.iter().enumerate() {
        let name = setting.variable();
        let Some(raw) = environment.get_os(&name) else { continue };
        match setting.kind.read(raw) {
            Ok(value) => settings.values[at] = (value, Source::Environment),
            Err(expected) => {
                let what = format!("{name}={} in the environment", said(&raw.to_string_lossy()));
                problems.push(Problem::new(what).expected(expected).hint(format!("unset {name}")).usage());
            }
        }
    }
    for (name, raw) in &given.flags {
        if let Some(setting) = Setting::named(name) {
            // What a flag cannot be, the flag itself says.
            let value = setting.kind.read(raw).unwrap_or_else(|_| Value::Text(raw.clone()));
            settings.values[setting.index()] = (value, Source::Flag);
        }
    }
    Loaded { path, named_by, exists, settings, problems }
}

/// An error about a file that a variable named.
fn named(error: &Error) -> Error {
    Problem::new(format!("{FILE_VARIABLE}: {error}")).usage()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, Given) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        (folder, Given { file: Some(path), flags: Vec::new() })
    }

    fn word(text: &str) -> Value {
        Value::Word(text.into())
    }

    #[test]
    fn flags_win_over_variables_over_the_file_over_defaults() {
        let (_folder, mut given) = written("threads = 2\ncolor = \"never\"\nneighbors = 30\n");
        let none = Environment::from([]);
        let loaded = load(&given, &none);
        assert!(loaded.problems.is_empty() && loaded.exists && loaded.named_by == Source::Flag);
        assert_eq!(loaded.settings.get("threads"), (&Value::Count(2), Source::File(1)));
        assert_eq!(loaded.settings.get("color"), (&word("never"), Source::File(2)));
        assert_eq!(loaded.settings.get("glyphs"), (&word("auto"), Source::Default));
        assert_eq!((loaded.settings.count("neighbors"), loaded.settings.number("min_dist")), (Some(30), None));
        let env = Environment::from([("SAESCOPE_THREADS", "3"), ("SAESCOPE_FPS_SSH", "5"), ("SAESCOPE_COLOR", "")]);
        let settings = load(&given, &env).settings;
        assert_eq!(settings.get("threads"), (&Value::Count(3), Source::Environment));
        assert_eq!(settings.get("color"), (&word("never"), Source::File(2)), "an empty variable is none");
        assert_eq!(settings.rates(), Rates { local: 60, ssh: 5 });
        given.flags.push(("threads", "4".into()));
        let settings = load(&given, &env).settings;
        assert_eq!(settings.get("threads"), (&Value::Count(4), Source::Flag));
        let stand_ins = |settings: &Settings, scopes: &[Scope]| -> Vec<(&str, OsString)> {
            settings.stand_ins(scopes).into_iter().map(|(setting, text)| (setting.argument(), text)).collect()
        };
        // What a flag says needs none; what has no flag has no use for one.
        assert_eq!(stand_ins(&settings, &[Scope::Everywhere]), [("color", "never".into())]);
        let screen = [Scope::Everywhere, Scope::Screen, Scope::Opening];
        assert_eq!(stand_ins(&settings, &screen), [("color", "never".into()), ("neighbors", "30".into())]);
        assert_eq!(stand_ins(&Settings::default(), &screen), []);
    }

    #[test]
    fn every_setting_is_settled_by_its_variable() {
        for setting in SETTINGS {
            let text = match setting.kind {
                table::Kind::Word(words) => words[words.len() - 1].to_string(),
                table::Kind::Count { least, .. } => least.to_string(),
                table::Kind::Number { .. } => "0.25".into(),
                table::Kind::Switch => "yes".into(),
                table::Kind::Size => "1 MB".into(),
                table::Kind::Folder | table::Kind::Text => "/x".into(),
            };
            let name = setting.variable();
            let env: Environment = [(name.as_str(), text.as_str())].into_iter().collect();
            let nowhere = Given { file: Some("/dev/null".into()), flags: Vec::new() };
            let loaded = load(&nowhere, &env);
            assert!(loaded.problems.is_empty(), "{name}: {:?}", loaded.problems);
            assert_eq!(loaded.settings.get(setting.name).1, Source::Environment, "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_and_the_rest_holds() {
        let (_folder, given) = written("thread = 2\n");
        let env = Environment::from([("SAESCOPE_THREADS", "many"), ("SAESCOPE_MOUSE", "1")]);
        let loaded = load(&given, &env);
        let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 2);
        assert!(said[0].contains("config.toml:1:1: there is no setting thread"), "{}", said[0]);
        assert_eq!(
            said[1],
            "SAESCOPE_THREADS=many in the environment; expected a whole number from 0 to 1024; try unset SAESCOPE_THREADS"
        );
        assert_eq!(loaded.settings.get("mouse"), (&Value::Switch(true), Source::Environment));
        let missing = Environment::from([(FILE_VARIABLE, "/no/such/file")]);
        let loaded = load(&Given::default(), &missing);
        assert_eq!((loaded.exists, loaded.named_by), (false, Source::Environment));
        assert!(loaded.problems[0].to_string().contains("SAESCOPE_CONFIG: /no/such/file"), "{}", loaded.problems[0]);
    }

    #[test]
    fn a_nearer_wish_for_colours_overrules_a_theme_without() {
        let (_folder, mut given) = written("[theme]\nname = \"mono\"\n");
        let names = |given: &Given, env: &Environment| -> Vec<&'static str> {
            let all = load(given, env).settings.stand_ins(&[Scope::Everywhere, Scope::Screen]);
            all.into_iter().map(|(setting, _)| setting.name).collect()
        };
        let (none, always) = (Environment::from([]), Environment::from([("SAESCOPE_COLOR", "always")]));
        assert_eq!(names(&given, &none), ["theme.name"]);
        assert_eq!(names(&given, &always), ["color"]);
        given.flags.push(("color", "always".into()));
        assert_eq!(names(&given, &none), [] as [&str; 0]);
        // In one place both are meant.
        let (_folder, given) = written("color = \"always\"\n[theme]\nname = \"mono\"\n");
        assert_eq!(names(&given, &none), ["color", "theme.name"]);
    }
}
