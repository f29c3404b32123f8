//! Other keys for commands, as the user wishes them, and what a keymap must keep so that it can be used.
//!
//! Input: [`Rebinding`]s, each with all the keys of one command, everywhere or in one context. Output: a [`Keymap`],
//! or a [`Refusal`] that names the commands and says what to try. A rebinding replaces the standard keys; one for a
//! context wins over one for everywhere.
//!
//! What holds of every map that is made: no two commands share a key in a context and no key hides a longer one; no
//! digit but 0 is a key where digits count; while text is typed, keys that type or edit do so; every key is one that a
//! terminal can send; from every context something leads out, and wherever the program can be quit it still can.

use super::{Clash, Keymap};
use crate::error::{Error, Problem, Result};
use crate::tui::action::{ACTIONS, Action, Context, Row};
use crate::tui::decode::{Decoder, Input};
use crate::tui::input::EDITS;
use crate::tui::key::{Key, sequence};
use crossterm::event::KeyCode;

/// Most keys one after the other.
pub const LONGEST: usize = 4;

/// What [`read_keys`] reads, in words.
pub const EXPECTED: &str =
    "keys such as j, G, Ctrl-o, Alt-x, Shift-Tab, Space, Enter, Esc, PgDn, F5, or g m for two in a row";

/// Commands that lead out of where they work.
const WAYS_OUT: [Action; 5] = [Action::Back, Action::Quit, Action::Cancel, Action::No, Action::CloseHelp];
/// Commands that end the program.
const ENDS: [Action; 2] = [Action::Quit, Action::Interrupt];

/// All keys of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebinding {
    /// The command.
    pub action: Action,
    /// Where; none for wherever it works.
    pub context: Option<Context>,
    /// The keys, the one to show first; none at all unbinds it.
    pub keys: Vec<Vec<Key>>,
}

/// Why rebindings make no keymap.
#[derive(Debug)]
pub struct Refusal {
    /// Which of them is to blame.
    pub which: usize,
    /// What is wrong and what to try.
    pub error: Error,
}

/// Reads keys that are pressed one after the other.
///
/// # Errors
/// If one of them is no key, or none that a terminal sends as such.
pub fn read_keys(text: &str) -> Result<Vec<Key>> {
    let Some(keys) = Key::parse_sequence(text) else {
        let problem = Problem::new(format!("no such key: {text:?}")).expected(EXPECTED);
        return Err(match meant(text) {
            Some(meant) => problem.hint(meant).usage(),
            None => problem.usage(),
        });
    };
    if keys.len() > LONGEST {
        return Err(Problem::new(format!("{text}: too many keys"))
            .expected(format!("at most {LONGEST} in a row"))
            .usage());
    }
    if keys.len() > 1 && keys.contains(&Key::plain(KeyCode::Esc)) {
        return Err(Problem::new(format!("{text}: Esc takes back keys that were begun")).expected("Esc alone").usage());
    }
    for key in &keys {
        let sent = arrives_as(*key);
        if sent != Some(*key) {
            let problem = Problem::new(format!("{key} is no key that terminals send"));
            return Err(match sent {
                Some(sent) => problem.hint(format!("{sent}, as which it arrives")).usage(),
                None => problem.expected(EXPECTED).usage(),
            });
        }
    }
    Ok(keys)
}

/// As which key a key arrives when a terminal sends it.
fn arrives_as(key: Key) -> Option<Key> {
    let (mut decoder, mut inputs) = (Decoder::default(), Vec::new());
    decoder.feed(&key.bytes(), &mut inputs);
    if decoder.patience().is_some() {
        decoder.give_up(&mut inputs);
    }
    match inputs[..] {
        [Input::Key(key)] => Some(key),
        _ => None,
    }
}

/// The keys that were meant by a text in another spelling: `ctrl+x`, `C-x`, `escape`, `PageDown`.
fn meant(text: &str) -> Option<String> {
    let one = |word: &str| -> Option<Key> {
        let bare = word.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(word);
        let caret = bare.strip_prefix('^').filter(|rest| !rest.is_empty()).map(|rest| format!("Ctrl-{rest}"));
        let bare = caret.unwrap_or_else(|| bare.to_string());
        let mut parts: Vec<String> =
            bare.split(['-', '+']).filter(|part| !part.is_empty()).map(str::to_string).collect();
        let last = parts.pop()?;
        let modifiers: Option<Vec<&str>> = parts
            .iter()
            .map(|part| match part.to_lowercase().as_str() {
                "c" | "ctrl" | "control" => Some("Ctrl-"),
                "a" | "m" | "alt" | "meta" | "option" => Some("Alt-"),
                "s" | "shift" => Some("Shift-"),
                _ => None,
            })
            .collect();
        let last = match last.to_lowercase().as_str() {
            "escape" | "esc" => "Esc".into(),
            "return" | "enter" | "cr" => "Enter".into(),
            "pageup" | "pgup" => "PgUp".into(),
            "pagedown" | "pgdn" | "pgdown" => "PgDn".into(),
            "del" | "delete" => "Delete".into(),
            "ins" | "insert" => "Insert".into(),
            "bs" | "backspace" => "Backspace".into(),
            named @ ("space" | "tab" | "left" | "right" | "up" | "down" | "home" | "end") => {
                named[..1].to_uppercase() + &named[1..]
            }
            function if function.starts_with('f') && function.len() > 1 => function.to_uppercase(),
            _ => last,
        };
        Key::parse(&(modifiers?.concat() + &last)).filter(|key| arrives_as(*key) == Some(*key))
    };
    let keys: Option<Vec<Key>> = text.split_whitespace().map(one).collect();
    keys.filter(|keys| !keys.is_empty()).map(|keys| sequence(&keys))
}

/// The command of a name.
///
/// # Errors
/// If there is none; names the nearest.
pub fn command(name: &str) -> Result<&'static Row> {
    Row::named(name).ok_or_else(|| {
        let problem = Problem::new(format!("there is no command {name:?}"));
        match nearest(name, ACTIONS.iter().map(|row| row.name)) {
            Some(near) => problem.hint(near).usage(),
            None => problem.expected("a name as the help and the palette show it, such as \"app.quit\"").usage(),
        }
    })
}

/// The context of a word.
///
/// # Errors
/// If there is none; names those that there are.
pub fn context(word: &str) -> Result<Context> {
    Context::ALL.into_iter().find(|context| context.word() == word).ok_or_else(|| {
        let words: Vec<&str> = Context::ALL.iter().map(|context| context.word()).collect();
        let problem = Problem::new(format!("there is no place {word:?} for keys")).expected(words.join(", "));
        match nearest(word, words) {
            Some(near) => problem.hint(near).usage(),
            None => problem.usage(),
        }
    })
}

/// The name that was most likely meant.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = (word.chars().count() / 3).max(1);
    let word = word.to_lowercase();
    // A part of a name stands for it where it is the only one.
    let names: Vec<&str> = names.into_iter().collect();
    let distance = |name: &str| strsim::damerau_levenshtein(name, &word);
    let near = names.iter().copied().map(|name| (distance(name), name)).filter(|(distance, _)| *distance <= far);
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name).or_else(|| {
        let parts = |name: &str| name.split(['.', '_', '-']).any(|part| part == word);
        let mut with = names.iter().copied().filter(|name| parts(name));
        with.next().filter(|_| with.next().is_none())
    })
}

/// Whether digits typed in a context are a count.
fn counts(context: Context) -> bool {
    !matches!(context, Context::Prompt | Context::Confirm)
}

/// What a key does to a line that is being typed, if it is no command there.
fn types(key: Key) -> Option<String> {
    let edits = EDITS.iter().find(|(_, keys, _)| keys.iter().any(|edit| Key::parse(edit) == Some(key)));
    match (key.typed(), edits) {
        (Some(_), _) => Some("is text while a line is typed".into()),
        (None, Some((_, _, doc))) => Some(format!("edits the line that is typed ({})", doc.to_lowercase())),
        (None, None) => None,
    }
}

/// Whose keys an action has in a context: the standard ones, or those of a rebinding.
fn owner(rebindings: &[Rebinding], row: &Row, context: Context) -> Option<usize> {
    let with =
        |wanted: Option<Context>| rebindings.iter().rposition(|own| own.action == row.action && own.context == wanted);
    let everywhere = || {
        with(None).filter(|which| {
            // A letter for a command that works everywhere is still a letter while text is typed.
            let keys = &rebindings[*which].keys;
            context != Context::Prompt
                || row.contexts == [Context::Prompt]
                || keys.is_empty()
                || keys.iter().any(|keys| types(keys[0]).is_none())
        })
    };
    with(Some(context)).or_else(everywhere)
}

impl Keymap {
    /// The standard map with other keys for some commands.
    ///
    /// # Errors
    /// If what comes of it could not be used: see the module.
    pub fn rebound(rebindings: &[Rebinding]) -> Result<Self, Refusal> {
        for (which, own) in rebindings.iter().enumerate() {
            check(own).map_err(|error| Refusal { which, error })?;
        }
        let mut keymap = Self::empty();
        for row in ACTIONS {
            for context in row.contexts.iter().copied() {
                let owner = owner(rebindings, row, context);
                let keys = match owner {
                    Some(which) => {
                        let typed = |keys: &Vec<Key>| context == Context::Prompt && types(keys[0]).is_some();
                        rebindings[which].keys.iter().filter(|keys| !typed(keys)).cloned().collect()
                    }
                    None => row.keys.iter().filter_map(|text| Key::parse_sequence(text)).collect::<Vec<_>>(),
                };
                for keys in keys {
                    if let Some(clash) = keymap.bind(context, keys, row.action) {
                        return Err(keymap.refuse(rebindings, row, owner, &clash));
                    }
                }
            }
        }
        keymap.keeps_ways_out(rebindings)?;
        Ok(keymap)
    }

    /// Blames the rebinding that made keys clash, and names a key that is free.
    fn refuse(&self, rebindings: &[Rebinding], row: &Row, own: Option<usize>, clash: &Clash) -> Refusal {
        let which = own.or_else(|| owner(rebindings, Row::of(clash.owner), clash.context)).unwrap_or(0);
        let problem = clash.problem(row.name);
        let blamed = rebindings.get(which).map_or(row.action, |own| own.action);
        let other = if blamed == row.action { clash.owner } else { row.action };
        let other = Row::of(other).name;
        let hint = match self.free(rebindings, Row::of(blamed)) {
            _ if clash.owner == row.action => "leaving one out".to_string(),
            Some(free) => format!("a free key such as {free}, or other keys for {other} as well"),
            None => format!("other keys for {other} as well"),
        };
        Refusal { which, error: problem.hint(hint).usage() }
    }

    /// A key that means nothing wherever an action works.
    fn free(&self, rebindings: &[Rebinding], row: &Row) -> Option<Key> {
        let standard = Self::rebound_or_standard(rebindings);
        let letters = ('a'..='z').chain('A'..='Z').map(Key::char);
        let functions = (2..=12).map(|n| Key::plain(KeyCode::F(n)));
        letters.chain(functions).find(|key| {
            row.contexts.iter().all(|context| {
                let free = |keymap: &Self| keymap.lookup(*context, &[*key]) == super::Lookup::Unknown;
                (*context != Context::Prompt || types(*key).is_none()) && free(self) && standard.iter().all(free)
            })
        })
    }

    /// The keys that are meant, as far as each stands for one command: to look for a free one.
    fn rebound_or_standard(rebindings: &[Rebinding]) -> [Self; 2] {
        let mut meant = Self::empty();
        for own in rebindings {
            for context in Row::of(own.action).contexts.iter().filter(|c| own.context.is_none_or(|own| own == **c)) {
                for keys in &own.keys {
                    let _ = meant.bind(*context, keys.clone(), own.action);
                }
            }
        }
        [Self::standard(), meant]
    }

    /// Checks that something leads out of every context, and that the program can be ended wherever it could.
    fn keeps_ways_out(&self, rebindings: &[Rebinding]) -> Result<(), Refusal> {
        for context in Context::ALL {
            for (ways, what) in [(&WAYS_OUT[..], "nothing leads out of"), (&ENDS, "nothing ends the program from")] {
                let works: Vec<&Row> =
                    ways.iter().map(|action| Row::of(*action)).filter(|row| row.works_in(context)).collect();
                let ends_here = ways != ENDS || works.iter().any(|row| row.action == Action::Quit);
                if !ends_here || works.iter().any(|row| !self.keys(context, row.action).is_empty()) {
                    continue;
                }
                let names: Vec<&str> = works.iter().map(|row| row.name).collect();
                let which = works.iter().find_map(|row| owner(rebindings, row, context)).unwrap_or(0);
                let name = names.first().copied().unwrap_or_default();
                let key = works.first().and_then(|row| row.keys.first()).copied().unwrap_or_default();
                let have = if names.len() == 1 { "has" } else { "have" };
                let problem =
                    Problem::new(format!("{what} {}: {} {have} no key there", context.name(), names.join(" and ")))
                        .expected("a key for one of them")
                        .hint(format!("\"{name}\" = [\"{key}\"]"));
                return Err(Refusal { which, error: problem.usage() });
            }
        }
        Ok(())
    }
}

/// What is wrong with one rebinding by itself.
fn check(own: &Rebinding) -> Result<()> {
    let row = Row::of(own.action);
    if let Some(context) = own.context.filter(|context| !row.works_in(*context)) {
        let places: Vec<&str> = row.contexts.iter().map(|context| context.word()).collect();
        return Err(Problem::new(format!("{} does not work in {}", row.name, context.word()))
            .expected(format!("one of {}", places.join(", ")))
            .usage());
    }
    let contexts = own.context.map_or(row.contexts.to_vec(), |context| vec![context]);
    for keys in &own.keys {
        if contexts.iter().any(|context| counts(*context))
            && let Some(digit) = keys.iter().find(|key| key.digit().is_some_and(|digit| digit > 0))
        {
            return Err(Problem::new(format!("{digit} cannot be {}: digits are counts, as in {digit} j", row.name))
                .expected("keys that are no digits from 1 to 9")
                .usage());
        }
        if contexts == [Context::Prompt]
            && let Some(does) = types(keys[0])
        {
            return Err(Problem::new(format!("{} cannot be {}: it {does}", keys[0], row.name))
                .expected("a key that types and edits nothing, such as Ctrl-x, Alt-x or F5")
                .usage());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Lookup, Press, Presses};
    use super::*;

    fn rebinding(action: Action, context: Option<Context>, keys: &[&str]) -> Rebinding {
        Rebinding { action, context, keys: keys.iter().map(|text| read_keys(text).unwrap()).collect() }
    }

    fn refused(rebindings: &[Rebinding]) -> (usize, String) {
        let Refusal { which, error } = Keymap::rebound(rebindings).unwrap_err();
        (which, error.to_string())
    }

    #[test]
    fn nothing_rebound_is_the_standard_map() {
        let keymap = Keymap::rebound(&[]).unwrap();
        assert_eq!(keymap.markdown(), Keymap::standard().markdown());
        let same: Vec<Rebinding> = ACTIONS.iter().map(|row| rebinding(row.action, None, row.keys)).collect();
        let keymap = Keymap::rebound(&same).unwrap();
        for context in Context::ALL {
            assert_eq!(keymap.hints(context), Keymap::standard().hints(context), "{}", context.name());
        }
    }

    #[test]
    fn every_command_takes_another_key_which_is_then_shown_and_pressed() {
        for row in ACTIONS {
            let keymap = Keymap::rebound(&[rebinding(row.action, None, &["F9"])]).unwrap();
            for context in row.contexts.iter().copied() {
                assert_eq!(keymap.keys(context, row.action), ["F9"], "{} in {}", row.name, context.name());
                let mut presses = Presses::default();
                let pressed = presses.press(&keymap, context, Key::parse("F9").unwrap());
                assert_eq!(pressed, Press::Action { action: row.action, count: None }, "{}", row.name);
                if let Some(hint) = row.hint {
                    assert!(keymap.hints(context).contains(&("F9".into(), hint)), "{}", row.name);
                }
            }
            assert!(keymap.markdown().contains(&format!("| `F9` | {} |", row.name)), "{}", row.name);
        }
    }

    #[test]
    fn commands_may_trade_keys_and_a_context_wins() {
        let keymap = Keymap::rebound(&[
            rebinding(Action::MoveDown, None, &["k"]),
            rebinding(Action::MoveUp, None, &["j"]),
            rebinding(Action::ZoomIn, Some(Context::Map), &["F5"]),
            rebinding(Action::Mark, None, &["F6"]),
            rebinding(Action::Mark, Some(Context::Clusters), &["F7", "Space"]),
        ])
        .unwrap();
        assert_eq!(keymap.lookup(Context::Map, &[Key::char('j')]), Lookup::Action(Action::MoveUp));
        assert_eq!(keymap.keys(Context::Map, Action::ZoomIn), ["F5"]);
        assert_eq!(keymap.keys(Context::Map, Action::Mark), ["F6"]);
        assert_eq!(keymap.keys(Context::Clusters, Action::Mark), ["F7", "Space"]);
    }

    #[test]
    fn what_is_unbound_is_named_for_the_palette() {
        let keymap = Keymap::rebound(&[rebinding(Action::GoJobs, None, &[])]).unwrap();
        assert_eq!(keymap.key(Context::Map, Action::GoJobs), None);
        assert_eq!(keymap.way(Context::Map, Action::GoJobs), ":go.jobs");
        assert_eq!(keymap.way(Context::Map, Action::GoMap), "g m");
        let keymap =
            Keymap::rebound(&[rebinding(Action::GoJobs, None, &[]), rebinding(Action::Palette, None, &[])]).unwrap();
        assert_eq!(keymap.way(Context::Map, Action::GoJobs), "go.jobs");
    }

    #[test]
    fn keys_that_clash_are_refused_by_name_with_a_key_that_is_free() {
        let (which, said) = refused(&[rebinding(Action::Fit, None, &["F5"]), rebinding(Action::Search, None, &["q"])]);
        assert_eq!(which, 1);
        assert!(said.contains("q stands for both help.close and find.search (help)"), "{said}");
        let free = said.split("such as ").nth(1).unwrap().split(',').next().unwrap();
        Keymap::rebound(&[rebinding(Action::Search, None, &[free])]).unwrap();
        let (_, said) = refused(&[rebinding(Action::Fit, None, &["g"])]);
        assert!(said.contains("map.fit") && said.contains("g m") || said.contains("g g"), "{said}");
        let (_, said) = refused(&[rebinding(Action::Fit, None, &["q x"])]);
        assert!(said.contains("q x") && said.contains("app.quit") && said.contains("map.fit"), "{said}");
        let (_, said) = refused(&[rebinding(Action::Fit, None, &["F5", "F5"])]);
        assert!(said.contains("F5 stands twice for map.fit"), "{said}");
        // The one that was rebound is to blame, not the one that stands later in the table.
        let (which, said) = refused(&[rebinding(Action::Accept, None, &["Esc"])]);
        assert_eq!(which, 0);
        assert!(said.contains("typing.accept") && said.contains("typing.cancel"), "{said}");
    }

    #[test]
    fn a_map_that_holds_the_user_is_refused() {
        let (which, said) = refused(&[rebinding(Action::Cancel, None, &[])]);
        assert!(which == 0 && said.contains("nothing leads out of typing: typing.cancel has no key"), "{said}");
        let (_, said) = refused(&[rebinding(Action::No, None, &[])]);
        assert!(said.contains("question.no"), "{said}");
        let out = [rebinding(Action::Back, None, &[]), rebinding(Action::Quit, None, &[])];
        let (_, said) = refused(&out);
        assert!(said.contains("go.out and app.quit have no key") && said.contains("\"go.out\" = [\"Esc\"]"), "{said}");
        let end = [rebinding(Action::Quit, None, &[]), rebinding(Action::Interrupt, None, &[])];
        assert!(refused(&end).1.contains("nothing ends the program"), "{}", refused(&end).1);
        // One of two ways is enough.
        Keymap::rebound(&out[..1]).unwrap();
        Keymap::rebound(&out[1..]).unwrap();
        Keymap::rebound(&end[1..]).unwrap();
    }

    #[test]
    fn digits_count_and_letters_are_typed() {
        let (_, said) = refused(&[rebinding(Action::Fit, None, &["5"])]);
        assert!(said.contains("digits are counts") && said.contains("map.fit"), "{said}");
        assert!(refused(&[rebinding(Action::Fit, None, &["g 5"])]).1.contains("digits are counts"));
        Keymap::rebound(&[rebinding(Action::Yes, None, &["1"])]).unwrap();
        let (_, said) = refused(&[rebinding(Action::Accept, None, &["x"])]);
        assert!(said.contains("text while a line is typed"), "{said}");
        let (_, said) = refused(&[rebinding(Action::NextItem, None, &["Ctrl-e"])]);
        assert!(said.contains("edits the line") && said.contains("typing.next"), "{said}");
        // What works everywhere keeps its key where letters are text.
        let keymap = Keymap::rebound(&[rebinding(Action::Redraw, None, &["R", "Ctrl-r"])]).unwrap();
        assert_eq!(keymap.keys(Context::Map, Action::Redraw), ["R", "Ctrl-r"]);
        assert_eq!(keymap.keys(Context::Prompt, Action::Redraw), ["Ctrl-r"]);
        let keymap = Keymap::rebound(&[rebinding(Action::Redraw, None, &["R"])]).unwrap();
        assert_eq!(keymap.keys(Context::Prompt, Action::Redraw), ["Ctrl-l"]);
    }

    #[test]
    fn keys_that_no_terminal_sends_are_refused_and_other_spellings_known() {
        for row in ACTIONS {
            for text in row.keys {
                read_keys(text).unwrap();
            }
        }
        for (text, words) in [
            ("Ctrl-i", "Tab, as which it arrives"),
            ("Ctrl-m", "Enter, as which"),
            ("Shift-Enter", "Enter, as which"),
            ("Ctrl-é", "no key that terminals send"),
            ("F20", "no key that terminals send"),
            ("ctrl-x", "try Ctrl-x"),
            ("C-x", "try Ctrl-x"),
            ("<C-x>", "try Ctrl-x"),
            ("^X", "expected keys such as"),
            ("Meta-x", "try Alt-x"),
            ("PageDown", "try PgDn"),
            ("escape", "try Esc"),
            ("f5", "try F5"),
            ("gm", "expected keys such as"),
            ("", "no such key"),
            ("g m n o p", "too many"),
            ("g Esc", "Esc alone"),
        ] {
            let said = read_keys(text).map_err(|error| error.to_string());
            let said = said.expect_err(text);
            assert!(said.contains(words), "{text}: {said}");
        }
    }

    #[test]
    fn names_that_are_nearly_right_are_known() {
        assert!(command("app.qiut").unwrap_err().to_string().contains("try app.quit"));
        assert!(command("quit").unwrap_err().to_string().contains("try app.quit"));
        assert!(command("x").unwrap_err().to_string().contains("expected a name"));
        assert!(context("maps").unwrap_err().to_string().contains("try map"));
        assert_eq!(context("dictionaries").unwrap(), Context::Picker);
        let error = Keymap::rebound(&[rebinding(Action::Fit, Some(Context::Jobs), &["F5"])]).unwrap_err();
        assert!(error.error.to_string().contains("map.fit does not work in jobs; expected one of map"));
    }

    #[test]
    fn what_leads_back_takes_back_what_was_begun() {
        let keymap = Keymap::rebound(&[
            rebinding(Action::Back, None, &["Backspace"]),
            rebinding(Action::Interrupt, None, &["Ctrl-g"]),
        ])
        .unwrap();
        for key in ["Backspace", "Ctrl-g", "Esc"] {
            let mut presses = Presses::default();
            presses.press(&keymap, Context::Map, Key::char('g'));
            assert_eq!(presses.press(&keymap, Context::Map, Key::parse(key).unwrap()), Press::Pending);
            assert!(!presses.is_pending(), "{key}");
        }
    }
}
