//! The configuration file: TOML text -> settings, colours and keys, each with the line it stands in.
//!
//! Nothing unknown passes: a name that is no setting, a value of the wrong kind, keys that could not be used. The
//! error names file, line and column, says what was expected, and which name was most likely meant.

use super::table::{AUTO, Kind, SETTINGS, Setting, Value, quoted, said};
use crate::error::{Error, Problem, Result};
use crate::tui::colours::{self, Colours, Role};
use crate::tui::keymap::Keymap;
use crate::tui::keymap::rebind::{self, Rebinding, Refusal, nearest, read_keys};
use crate::tui::theme::{HUES, STEPS};
use ratatui::style::Color;
use serde_json::json;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file that holds more is no configuration.
const MAX_BYTES: u64 = 1 << 20;

/// What a configuration file says.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// Settings by their place in [`SETTINGS`], each with its line.
    pub(super) values: Vec<(usize, Value, usize)>,
    /// The colours.
    pub(super) colours: Colours,
    /// The keys.
    pub(super) keymap: Keymap,
    /// Colours and keys as they were chosen.
    pub(super) chosen: Vec<Chosen>,
}

/// A colour or the keys of a command, as the file has them.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// Its name in the file, with the table it stands in.
    pub name: String,
    /// As the file writes it.
    pub toml: String,
    /// As JSON.
    pub json: serde_json::Value,
    /// Where.
    pub line: usize,
}

impl Default for File {
    fn default() -> Self {
        let (colours, keymap) = (Colours::default(), Keymap::standard());
        Self { values: Vec::new(), colours, keymap, chosen: Vec::new() }
    }
}

/// Reads a file.
///
/// # Errors
/// If it cannot be read, is no TOML, or says something that cannot be.
pub(super) fn read(path: &Path) -> Result<File> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, &e))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| Error::io(path, &e))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Problem::new("this is no configuration").path(path).expected("a file of at most 1 MB").usage());
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Problem::new("this is no text").path(path).expected("TOML in UTF-8").usage())?;
    parse(&text, path)
}

/// Reads the text of a file.
///
/// # Errors
/// As [`read`].
pub(super) fn parse(text: &str, path: &Path) -> Result<File> {
    let reader = Reader { text, path };
    let table = DeTable::parse(text).map_err(|error| {
        reader.wrong(error.span().unwrap_or(0..0), Problem::new(error.message().replace('\n', ", ")))
    })?;
    reader.top(table.get_ref())
}

/// Where something stands in the file.
type Span = Range<usize>;

struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Reader<'_> {
    /// Line and column of a place, both from 1.
    fn place(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
    }
    fn line(&self, span: &Span) -> usize {
        self.place(span.start).0
    }
    /// An error about a place in the file.
    fn wrong(&self, span: Span, problem: Problem) -> Error {
        self.at(&span, problem.usage())
    }
    fn at(&self, span: &Span, error: Error) -> Error {
        let (line, column) = self.place(span.start);
        error.at(Path::new(&format!("{}:{line}:{column}", self.path.display())))
    }

    fn top(&self, table: &DeTable<'_>) -> Result<File> {
        let mut file = File::default();
        for (key, value) in in_order(table) {
            let name = key.get_ref().as_ref();
            match (name, value.get_ref()) {
                ("theme", DeValue::Table(theme)) => self.theme(theme, &mut file)?,
                ("theme", DeValue::String(word)) => {
                    let problem = Problem::new("theme is a table");
                    return Err(self.wrong(value.span(), problem.hint(format!("[theme] and name = {}", quoted(word)))));
                }
                ("keys", DeValue::Table(keys)) => self.keys(keys, &mut file)?,
                ("theme" | "keys", _) => {
                    return Err(self.wrong(value.span(), Problem::new(format!("{name} is a table: [{name}]"))));
                }
                _ => match Setting::named(name).filter(|setting| setting.is_in_file()) {
                    Some(setting) => file.values.push(self.setting(setting, value)?),
                    None => return Err(self.unknown(key, "", &top_names())),
                },
            }
        }
        file.values.sort_by_key(|(at, ..)| *at);
        Ok(file)
    }

    /// A name that means nothing where it stands.
    fn unknown(&self, key: &Spanned<toml::de::DeString<'_>>, table: &str, known: &[&str]) -> Error {
        let name = key.get_ref().as_ref();
        let place = if table.is_empty() { String::new() } else { format!(" in [{table}]") };
        let problem = Problem::new(format!("there is no setting {}{place}", said(name)));
        let flat = name.replace('-', "_");
        let only_said = Setting::named(&flat).filter(|setting| !setting.is_in_file());
        self.wrong(
            key.span(),
            match nearest(&flat, known.iter().copied()) {
                Some(near) => problem.hint(near),
                None if only_said.is_some() => {
                    let setting = only_said.unwrap_or(&SETTINGS[0]);
                    let flag = setting.flag().unwrap_or_default();
                    problem.expected(format!("{flag} on the command line, or {}", setting.variable()))
                }
                None if !table.is_empty() && top_names().contains(&flat.as_str()) => {
                    problem.hint(format!("{flat} at the top of the file, before [theme] and [keys]"))
                }
                None => problem.expected(format!("one of {}", known.join(", "))),
            },
        )
    }

    fn setting(&self, setting: &Setting, value: &Spanned<DeValue<'_>>) -> Result<(usize, Value, usize)> {
        let read = match (setting.kind, value.get_ref()) {
            (Kind::Switch, DeValue::Boolean(on)) => Some(Value::Switch(*on)),
            (Kind::Count { .. } | Kind::Number { .. } | Kind::Size, DeValue::Integer(n)) if n.radix() == 10 => {
                setting.kind.read(n.as_str().as_ref()).ok()
            }
            (Kind::Number { .. }, DeValue::Float(x)) => setting.kind.read(x.as_str().as_ref()).ok(),
            (Kind::Count { .. }, DeValue::String(word)) if word != AUTO => None,
            (Kind::Number { .. } | Kind::Switch, _) => None,
            (kind, DeValue::String(text)) => kind.read(text.as_ref().as_ref()).ok(),
            _ => None,
        };
        // A file stands still while the user walks about.
        let read = read.filter(|value| !matches!(value, Value::Folder(path) if !path.is_absolute()));
        let Some(read) = read else {
            let expected = match setting.kind {
                Kind::Folder => "\"auto\", or a folder from / or ~/ on".to_string(),
                Kind::Word(words) => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "),
                kind => kind.expected(),
            };
            let (name, found) = (setting.name, said(self.source(value.span())));
            let problem = Problem::new(format!("{name} cannot be {found}")).expected(expected);
            let word = value.get_ref().as_str().unwrap_or_default();
            let near = match setting.kind {
                Kind::Word(words) => nearest(word, words.iter().copied()),
                _ => None,
            };
            return Err(self.wrong(
                value.span(),
                match near {
                    Some(near) => problem.hint(quoted(near)),
                    None => problem,
                },
            ));
        };
        Ok((setting.index(), read, self.line(&value.span())))
    }

    /// What the file has there.
    fn source(&self, span: Span) -> &str {
        self.text.get(span).unwrap_or_default()
    }

    fn theme(&self, theme: &DeTable<'_>, file: &mut File) -> Result<()> {
        for (key, value) in in_order(theme) {
            let name = key.get_ref().as_ref();
            let chosen = match (name, Role::ALL.into_iter().find(|role| role.name() == name)) {
                ("name", _) => {
                    file.values.push(self.setting(Setting::named("theme.name").unwrap_or(&SETTINGS[0]), value)?);
                    continue;
                }
                ("clusters", _) => {
                    file.colours.clusters = self.colours(name, value, 0..=HUES)?;
                    colours_text(&file.colours.clusters)
                }
                ("ramp", _) => {
                    file.colours.ramp = self.colours(name, value, STEPS..=STEPS)?;
                    colours_text(&file.colours.ramp)
                }
                (_, Some(role)) => {
                    let colour = self.colour(name, value)?;
                    file.colours.single[role as usize] = colour;
                    let word = colour_text(colour);
                    (quoted(&word), word.into())
                }
                _ => return Err(self.unknown(key, "theme", &theme_names())),
            };
            let (toml, json) = chosen;
            file.chosen.push(Chosen { name: format!("theme.{name}"), toml, json, line: self.line(&value.span()) });
        }
        Ok(())
    }

    fn colour(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Result<Option<Color>> {
        let text = match value.get_ref() {
            DeValue::String(text) if text == AUTO => return Ok(None),
            DeValue::String(text) => text.as_ref(),
            DeValue::Integer(n) if n.radix() == 10 => n.as_str(),
            _ => "",
        };
        colours::parse(text).map(Some).ok_or_else(|| {
            let found = said(self.source(value.span()));
            self.wrong(value.span(), Problem::new(format!("{name} cannot be {found}")).expected(colours::EXPECTED))
        })
    }

    fn colours(
        &self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        many: std::ops::RangeInclusive<usize>,
    ) -> Result<Vec<Option<Color>>> {
        let (least, most) = (*many.start(), *many.end());
        let wanted = if least == most { format!("{most} colours, or none") } else { format!("up to {most} colours") };
        let DeValue::Array(all) = value.get_ref() else {
            let problem = Problem::new(format!("{name} is a list")).expected(format!("{wanted} in brackets"));
            return Err(self.wrong(value.span(), problem));
        };
        if !all.is_empty() && !many.contains(&all.len()) {
            let problem = Problem::new(format!("{name} has {} colours", all.len())).expected(wanted);
            return Err(self.wrong(value.span(), problem));
        }
        all.iter().map(|one| self.colour(name, one)).collect()
    }

    fn keys(&self, keys: &DeTable<'_>, file: &mut File) -> Result<()> {
        let mut found: Vec<(Rebinding, Span)> = Vec::new();
        self.collect(&[], keys, &mut found)?;
        found.sort_by_key(|(_, span)| span.start);
        let rebindings: Vec<Rebinding> = found.iter().map(|(own, _)| own.clone()).collect();
        file.keymap = Keymap::rebound(&rebindings).map_err(|Refusal { which, error }| match found.get(which) {
            Some((_, span)) => self.at(span, error),
            None => error.at(self.path),
        })?;
        file.chosen.extend(found.into_iter().map(|(own, span)| {
            let keys: Vec<String> = own.keys.iter().map(|keys| crate::tui::key::sequence(keys)).collect();
            let place = own.context.map(|context| format!("{}.", context.word())).unwrap_or_default();
            let name = crate::tui::action::Row::of(own.action).name;
            let toml = format!("[{}]", keys.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(", "));
            Chosen { name: format!("keys.{place}{}", quoted(name)), toml, json: json!(keys), line: self.line(&span) }
        }));
        Ok(())
    }

    /// Gathers the keys of a table and of the tables in it. Dots and tables are the same: `app.quit` below `[keys]`,
    /// `"app.quit"` there, and `quit` below `[keys.app]` all mean one command, and a context may stand before it.
    fn collect(&self, before: &[&str], table: &DeTable<'_>, found: &mut Vec<(Rebinding, Span)>) -> Result<()> {
        for (key, value) in in_order(table) {
            let name = key.get_ref().as_ref();
            let parts: Vec<&str> = before.iter().copied().chain(name.split('.')).collect();
            if let DeValue::Table(inner) = value.get_ref() {
                if parts.len() > 2 {
                    return Err(self.wrong(key.span(), Problem::new(format!("{} holds no keys", parts.join(".")))));
                }
                self.collect(&parts, inner, found)?;
                continue;
            }
            let about = |error| self.at(&key.span(), error);
            let (context, command) = match parts[..] {
                [context, group, verb] => (Some(rebind::context(context).map_err(about)?), format!("{group}.{verb}")),
                [group, verb] => (None, format!("{group}.{verb}")),
                _ if top_names().contains(&name) => return Err(self.unknown(key, "keys", &["keys"])),
                _ => (None, parts.join(".")),
            };
            let action = rebind::command(&command).map_err(about)?.action;
            if found.iter().any(|(own, _)| own.action == action && own.context == context) {
                let problem = Problem::new(format!("the keys of {command} are given twice"));
                return Err(self.wrong(key.span(), problem.expected("one list with all of them")));
            }
            let keys = match value.get_ref() {
                DeValue::Array(all) => all.iter().map(|one| self.key(&command, one)).collect::<Result<_>>()?,
                _ => vec![self.key(&command, value)?],
            };
            found.push((Rebinding { action, context, keys }, key.span()));
        }
        Ok(())
    }

    fn key(&self, command: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<crate::tui::key::Key>> {
        let Some(text) = value.get_ref().as_str() else {
            let found = said(self.source(value.span()));
            let problem = Problem::new(format!("{command} cannot be {found}"));
            return Err(self.wrong(value.span(), problem.expected("a list of keys, as in [\"Q\", \"Ctrl-x\"]")));
        };
        read_keys(text).map_err(|error| self.at(&value.span(), error))
    }
}

/// The entries of a table as they stand in the file: the first thing that is wrong is told first.
fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<(&'a Spanned<toml::de::DeString<'i>>, &'a Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn top_names() -> Vec<&'static str> {
    let settings = SETTINGS.iter().filter(|setting| setting.is_in_file()).map(|setting| setting.name);
    settings.filter(|name| !name.contains('.')).chain(["theme", "keys"]).collect()
}

fn theme_names() -> Vec<&'static str> {
    ["name", "clusters", "ramp"].into_iter().chain(Role::ALL.map(Role::name)).collect()
}

fn colour_text(colour: Option<Color>) -> String {
    colour.map_or_else(|| AUTO.to_string(), colours::written)
}

fn colours_text(all: &[Option<Color>]) -> (String, serde_json::Value) {
    let words: Vec<String> = all.iter().map(|colour| colour_text(*colour)).collect();
    let toml = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", ");
    (format!("[{toml}]"), json!(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::action::{Action, Context};

    fn read(text: &str) -> Result<File> {
        parse(text, Path::new("c.toml"))
    }

    #[test]
    fn settings_colours_and_keys_are_read_with_their_lines() {
        let file = read("threads = 4\nmin_dist = .5\n");
        assert!(file.is_err(), "TOML wants a digit before the dot");
        let file = read(
            r##"# mine
threads = 4
min_dist = 0
min_cluster_size = "auto"
mouse = true
cache_limit = "500 MB"
cache_dir = "/scratch/me"

[theme]
name = "light"
clusters = ["#ff0000", "auto", 33]
noise = "dark gray"

[keys]
"app.quit" = ["Q", "Ctrl-x"]
go.map = "F2"

[keys.map]
map.zoom-in = ["a"]
"##,
        )
        .unwrap();
        let named = |name: &str| {
            let at = Setting::named(name).unwrap().index();
            file.values.iter().find(|(own, ..)| *own == at).map(|(_, value, line)| (value.clone(), *line))
        };
        assert_eq!(named("threads"), Some((Value::Count(4), 2)));
        assert_eq!(named("min_dist"), Some((Value::Number(0.0), 3)));
        assert_eq!(named("min_cluster_size"), Some((Value::Auto, 4)));
        assert_eq!(named("mouse"), Some((Value::Switch(true), 5)));
        assert_eq!(named("cache_limit"), Some((Value::Size(500_000_000), 6)));
        assert_eq!(named("cache_dir"), Some((Value::Folder("/scratch/me".into()), 7)));
        assert_eq!(named("theme.name"), Some((Value::Word("light".into()), 10)));
        assert_eq!(file.colours.clusters, [Some(Color::Rgb(255, 0, 0)), None, Some(Color::Indexed(33))]);
        assert_eq!(file.colours.of(Role::Noise), Some(Color::DarkGray));
        assert_eq!(file.keymap.keys(Context::Map, Action::Quit), ["Q", "Ctrl-x"]);
        assert_eq!(file.keymap.keys(Context::Jobs, Action::GoMap), ["F2"]);
        assert_eq!(file.keymap.keys(Context::Map, Action::ZoomIn), ["a"]);
        let names: Vec<(&str, usize)> = file.chosen.iter().map(|own| (own.name.as_str(), own.line)).collect();
        assert!(names.contains(&("keys.\"app.quit\"", 15)) && names.contains(&("keys.map.\"map.zoom-in\"", 19)));
    }

    #[test]
    fn dots_and_tables_are_the_same() {
        for text in [
            "[keys]\n\"map.zoom-in\" = [\"F5\"]",
            "[keys]\nmap.zoom-in = \"F5\"",
            "keys.map.zoom-in = \"F5\"",
            "[keys.map]\nzoom-in = [\"F5\"]",
            "[keys.map]\n\"map.zoom-in\" = [\"F5\"]",
            "[keys.map.map]\nzoom-in = [\"F5\"]",
            "keys = { map = { zoom-in = \"F5\" } }",
        ] {
            assert_eq!(read(text).unwrap().keymap.keys(Context::Map, Action::ZoomIn), ["F5"], "{text}");
        }
    }

    /// What is wrong, with the place where it is.
    #[test]
    fn what_is_wrong_is_said_with_its_place_and_what_to_try() {
        for (text, words) in [
            ("threads = ", vec!["c.toml:1:", "string"]),
            ("thread = 4", vec!["c.toml:1:1: there is no setting thread", "try threads"]),
            ("\n  cache-dir = \"/x\"", vec!["c.toml:2:3: there is no setting cache-dir", "try cache_dir"]),
            ("colour = \"auto\"", vec!["no setting colour", "try color"]),
            ("wholly_unlike = 1", vec!["c.toml:1:1", "expected one of color, glyphs", "theme, keys"]),
            ("seed = 3", vec!["no setting seed", "expected --seed on the command line, or SAESCOPE_SEED"]),
            ("threads = \"4\"", vec!["c.toml:1:11: threads cannot be \"4\"", "a whole number from 0 to 1024"]),
            ("threads = 2000", vec!["threads cannot be 2000"]),
            ("threads = -1", vec!["threads cannot be -1"]),
            ("mouse = \"yes\"", vec!["mouse cannot be \"yes\"", "true or false"]),
            ("color = \"allways\"", vec!["color cannot be \"allways\"", "\"auto\", \"always\"", "try \"always\""]),
            ("cache_dir = \"here\"", vec!["a folder from / or ~/ on"]),
            ("theme = \"dark\"", vec!["theme is a table", "try [theme] and name = \"dark\""]),
            ("theme = 3", vec!["theme is a table: [theme]"]),
            ("[theme]\nnoise = \"greyish\"", vec!["c.toml:2:9: noise cannot be \"greyish\"", "#38cefe"]),
            ("[theme]\nnoise = 256", vec!["noise cannot be 256"]),
            ("[theme]\nclusters = \"red\"", vec!["clusters is a list", "up to 12 colours"]),
            ("[theme]\nramp = [1, 2]", vec!["ramp has 2 colours", "8 colours"]),
            ("[theme]\nclusters = [1,2,3,4,5,6,7,8,9,10,11,12,13]", vec!["clusters has 13 colours"]),
            ("[theme]\nclusters = [1, \"nope\"]", vec!["c.toml:2:16: clusters cannot be \"nope\""]),
            ("[theme]\nnoize = 3", vec!["no setting noize in [theme]", "try noise"]),
            ("[theme]\nthreads = 3", vec!["threads at the top of the file, before [theme]"]),
            ("[keys]\nthreads = 3", vec!["no setting threads in [keys]", "at the top of the file"]),
            ("keys = 3", vec!["keys is a table"]),
            ("[keys]\n\"app.qiut\" = [\"Q\"]", vec!["c.toml:2:1: there is no command \"app.qiut\"", "try app.quit"]),
            ("[keys]\nquit = [\"Q\"]", vec!["no command \"quit\"", "try app.quit"]),
            ("[keys.maps]\n\"app.quit\" = [\"Q\"]", vec!["no place \"maps\" for keys", "try map"]),
            ("[keys.jobs]\n\"map.fit\" = [\"F5\"]", vec!["map.fit does not work in jobs"]),
            ("[keys]\n\"app.quit\" = [\"ctrl-x\"]", vec!["c.toml:2:15: no such key: \"ctrl-x\"", "try Ctrl-x"]),
            ("[keys]\n\"app.quit\" = 3", vec!["app.quit cannot be 3", "[\"Q\", \"Ctrl-x\"]"]),
            ("[keys]\n\"app.quit\" = [3]", vec!["app.quit cannot be 3"]),
            (
                "[keys]\n\"map.fit\" = [\"F5\"]\n\"find.search\" = [\"j\"]",
                vec!["c.toml:3:1: j stands for both", "find.search", "move.down", "try a free key such as"],
            ),
            ("[keys]\n\"typing.cancel\" = []", vec!["c.toml:2:1: nothing leads out of typing"]),
            ("[keys]\n\"app.quit\" = [\"Q\"]\napp.quit = [\"X\"]", vec!["c.toml:3:", "given twice"]),
            ("threads = 1\nthreads = 2", vec!["c.toml:2:1", "duplicate"]),
        ] {
            let error = read(text).map(|_| ()).expect_err(text);
            assert_eq!(error.exit_code(), 2);
            for word in words {
                assert!(error.to_string().contains(word), "{text}\nshould say {word}: {error}");
            }
        }
    }

    proptest::proptest! {
        /// Whatever stands there, it is read or refused.
        #[test]
        fn nothing_that_a_file_says_is_a_panic(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "[keys]\n", "[theme]\n", "[keys.map]\n", "threads", "min_dist", "\"app.quit\"", "map", ".fit", "noise",
                    "clusters", "ramp", " = ", "[", "]", "\"q\"", "\"g g\"", "\"Ctrl-x\"", "\"F5\"", "5", "-1", "1e400", "true",
                    "\"auto\"", "\"#ff0000\"", ", ", "{", "}", "\n", "# x\n", "0x1f", "é", "\u{0}", "''", "1979-05-27",
                ]),
                0..24,
            )
        ) {
            let text = words.concat();
            if let Err(error) = read(&text) {
                let said = error.to_string();
                proptest::prop_assert!(said.starts_with("c.toml") && !said.chars().any(char::is_control), "{said}");
            }
        }
    }

    #[test]
    fn a_hostile_file_is_refused_in_one_plain_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        for bytes in
            [vec![0xff, 0xfe], vec![b'a'; 2 << 20], b"\"\\u001b[2J\" = 1".to_vec(), b"x = \"\x1b[2J\"".to_vec()]
        {
            std::fs::write(&path, &bytes).unwrap();
            let said = super::read(&path).unwrap_err().to_string();
            assert!(said.len() < 2000 && !said.chars().any(char::is_control), "{said:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(read(&format!("x = {deep}")).is_err());
        assert!(super::read(folder.path()).is_err());
    }
}
