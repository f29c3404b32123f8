//! The commented configuration that `config --template` prints.
//!
//! Prose stands after `# `; what could be set stands after a bare `#`, with the value it has anyway. So the text is a
//! configuration as it is, and stays one that changes nothing with every bare `#` taken off.

use super::table::SETTINGS;
use super::table::quoted;
use crate::tui::action::{ACTIONS, Context, GROUPS};
use crate::tui::colours::Role;
use crate::tui::theme::{HUES, STEPS};
use crate::tui::widgets::text::wrap;
use std::fmt::Write as _;

/// Columns of prose.
const WIDTH: usize = 108;

/// The text.
pub fn template() -> String {
    let mut text = String::from(
        "# saescope's settings. They lie in $XDG_CONFIG_HOME/saescope/config.toml, else in\n\
         # ~/.config/saescope/config.toml; --config FILE or SAESCOPE_CONFIG name another file. A variable of the\n\
         # environment wins over this file, and a flag over both.\n\
         #\n\
         # Take the # off a line to change it: as it stands here, it changes nothing.\n",
    );
    let all = || SETTINGS.iter().filter(|setting| setting.is_in_file());
    for setting in all().filter(|setting| !setting.name.contains('.')) {
        text.push('\n');
        prose(&mut text, &format!("{} ({})", setting.doc, setting.variable()));
        let _ = writeln!(text, "#{} = {}", setting.name, setting.default);
    }
    text.push_str("\n[theme]\n");
    for (setting, name) in all().filter_map(|setting| Some((setting, setting.name.strip_prefix("theme.")?))) {
        prose(&mut text, &format!("{} ({})", setting.doc, setting.variable()));
        let _ = writeln!(text, "#{name} = {}", setting.default);
    }
    text.push('\n');
    prose(
        &mut text,
        &format!(
            "Colours in place of the theme's: \"#38cefe\", a name (cyan, bright-blue), an index from 0 to 255, or \"auto\". \
             A terminal with fewer colours shows the nearest. Up to {HUES} for clusters, the largest first; for the ramp of \
             a quantity all {STEPS}, low to high."
        ),
    );
    text.push_str("#clusters = []\n#ramp = []\n");
    for role in Role::ALL {
        let _ = write!(text, "# {}\n#{} = \"auto\"\n", role.doc(), role.name());
    }
    let places: Vec<&str> = Context::ALL.iter().map(|context| context.word()).collect();
    let about = format!(
        "Keys of a command: a list in place of those it has, the one to show first; [] for none. Keys are written as the \
         help shows them: Q, Ctrl-x, Alt-x, Shift-Tab, Space, PgDn, F5, \"g m\" for two in a row. A table such as \
         [keys.map] is for one place alone; these are the places: {}.",
        places.join(", ")
    );
    text.push('\n');
    prose(&mut text, &about);
    text.push_str("[keys]\n");
    for (group, title) in GROUPS {
        let _ = writeln!(text, "# {title}");
        for row in ACTIONS.iter().filter(|row| row.group() == *group) {
            let keys: Vec<String> = row.keys.iter().map(|key| quoted(key)).collect();
            let _ = writeln!(text, "#\"{}\" = [{}]", row.name, keys.join(", "));
        }
    }
    text
}

/// A comment, in lines.
fn prose(text: &mut String, words: &str) {
    for line in wrap(words, WIDTH) {
        let _ = writeln!(text, "# {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::{File, parse};
    use super::super::table::Value;
    use super::*;
    use crate::tui::colours::Colours;
    use crate::tui::keymap::Keymap;
    use crate::tui::theme::{ColorTier, Ground, Theme};
    use std::path::Path;

    /// The template with every comment taken off that could be a setting.
    fn uncommented() -> String {
        let off = |line: &str| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest.to_string(),
            _ => line.to_string(),
        };
        template().lines().map(|line| off(line) + "\n").collect()
    }

    fn read(text: &str) -> File {
        parse(text, Path::new("template")).unwrap()
    }

    fn is_standard(file: &File) {
        assert_eq!(file.keymap.markdown(), Keymap::standard().markdown());
        for context in Context::ALL {
            assert_eq!(file.keymap.hints(context), Keymap::standard().hints(context));
        }
        let theme = |colours: &Colours| Theme::with(ColorTier::True, Ground::Dark, colours);
        assert_eq!(theme(&file.colours), theme(&Colours::default()));
    }

    #[test]
    fn the_template_is_a_configuration_that_says_nothing() {
        let file = read(&template());
        assert!(file.values.is_empty() && file.chosen.is_empty());
        is_standard(&file);
    }

    #[test]
    fn without_its_comments_it_says_the_defaults_and_all_of_them() {
        let file = read(&uncommented());
        is_standard(&file);
        let defaults: Vec<(usize, Value)> = SETTINGS
            .iter()
            .filter(|setting| setting.is_in_file())
            .map(|setting| (setting.index(), setting.default_value()))
            .collect();
        let found: Vec<(usize, Value)> = file.values.iter().map(|(at, value, _)| (*at, value.clone())).collect();
        assert_eq!(found, defaults);
        let colours = 2 + Role::ALL.len();
        assert_eq!(file.chosen.len(), colours + ACTIONS.len());
    }

    #[test]
    fn lines_are_short_enough_to_read() {
        for line in template().lines() {
            assert!(line.chars().count() <= WIDTH + 2 && line.is_ascii(), "{line}");
        }
    }
}
