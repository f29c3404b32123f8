//! From key presses to actions: a tree of keys per context, built from the one table.
//!
//! [`Keymap`] is a plain value: [`Keymap::standard`] builds it from [`ACTIONS`], and everything that shows or looks up
//! a key asks the map rather than the table, so that rebinding ([`rebind`]) is a matter of building another map.
//! [`Presses`] keeps what has been typed so far: a count and the first keys of a sequence.

pub mod rebind;

use super::action::{ACTIONS, Action, Context, GROUPS, Row};
use super::key::{Key, sequence};
use crate::error::{Problem, Result};
use std::cmp::Ordering;
use std::fmt::Write as _;

/// Largest count that can be typed; feature numbers stay far below.
pub const MAX_COUNT: u32 = 999_999_999;

/// A sequence of keys and what it does.
type Binding = (Vec<Key>, Action);

/// Which keys do what, where.
#[derive(Debug, Clone)]
pub struct Keymap {
    /// Sequences with their actions, in table order, one list per context. A few dozen entries: a search through
    /// them costs less than a microsecond, and their order is the order of every listing.
    bindings: Vec<(Context, Vec<Binding>)>,
}

/// What a sequence of keys means in a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// A command.
    Action(Action),
    /// The beginning of one or more commands: the keys that may follow, with their rows' actions.
    Prefix(Vec<(Key, Action)>),
    /// Nothing.
    Unknown,
}

impl Keymap {
    /// The map of the table.
    ///
    /// # Panics
    /// If the table contradicts itself, which a test rules out.
    pub fn standard() -> Self {
        match Self::from_rows(ACTIONS) {
            Ok(keymap) => keymap,
            Err(error) => unreachable!("the table of actions contradicts itself: {error}"),
        }
    }

    /// The map of some rows.
    ///
    /// # Errors
    /// If a key cannot be read, if two rows share a key in one context, or if one key hides a longer one.
    pub fn from_rows(rows: &[Row]) -> Result<Self> {
        let mut keymap = Self::empty();
        for row in rows {
            for text in row.keys {
                let keys = Key::parse_sequence(text).ok_or_else(|| {
                    Problem::new(format!("{}: no such key: {text}", row.name))
                        .expected("keys such as j, Ctrl-o, g m")
                        .usage()
                })?;
                for context in row.contexts {
                    if let Some(clash) = keymap.bind(*context, keys.clone(), row.action) {
                        return Err(clash.problem(row.name).usage());
                    }
                }
            }
        }
        Ok(keymap)
    }

    /// A map without keys.
    fn empty() -> Self {
        Self { bindings: Context::ALL.iter().map(|context| (*context, Vec::new())).collect() }
    }

    /// Adds keys, unless they stand in the way of others in the context: then says of which.
    fn bind(&mut self, context: Context, keys: Vec<Key>, action: Action) -> Option<Clash> {
        let (_, bound) = self.bindings.iter_mut().find(|(own, _)| *own == context)?;
        let other = bound.iter().find(|(other, _)| other.starts_with(&keys) || keys.starts_with(other));
        if let Some((other, owner)) = other.cloned() {
            return Some(Clash { context, keys, other, owner });
        }
        bound.push((keys, action));
        None
    }

    fn bound(&self, context: Context) -> &[Binding] {
        self.bindings.iter().find(|(own, _)| *own == context).map_or(&[], |(_, bound)| bound)
    }

    /// What `keys` mean in a context.
    pub fn lookup(&self, context: Context, keys: &[Key]) -> Lookup {
        let mut next: Vec<(Key, Action)> = Vec::new();
        for (bound, action) in self.bound(context) {
            if bound == keys {
                return Lookup::Action(*action);
            }
            if bound.starts_with(keys) && next.iter().all(|(key, _)| *key != bound[keys.len()]) {
                next.push((bound[keys.len()], *action));
            }
        }
        if next.is_empty() { Lookup::Unknown } else { Lookup::Prefix(next) }
    }

    /// The keys of an action in a context, as the help shows them; empty if it does not work there.
    pub fn keys(&self, context: Context, action: Action) -> Vec<String> {
        self.bound(context).iter().filter(|(_, bound)| *bound == action).map(|(keys, _)| sequence(keys)).collect()
    }

    /// The first key of an action in a context, or in any context if it does not work in this one.
    pub fn key(&self, context: Context, action: Action) -> Option<String> {
        let first = |context: Context| self.keys(context, action).into_iter().next();
        first(context).or_else(|| Context::ALL.into_iter().find_map(first))
    }

    /// What to press for an action, for a sentence: its key, else its name as the palette takes it.
    pub fn way(&self, context: Context, action: Action) -> String {
        self.key(context, action).unwrap_or_else(|| {
            let palette = self.key(context, Action::Palette).unwrap_or_default();
            format!("{palette}{}", Row::of(action).name)
        })
    }

    /// The most useful commands of a context: key and label, for the bottom bar, best first.
    pub fn hints(&self, context: Context) -> Vec<(String, &'static str)> {
        ACTIONS
            .iter()
            .filter(|row| row.works_in(context))
            .filter_map(|row| Some((self.keys(context, row.action).into_iter().next()?, row.hint?)))
            .collect()
    }

    /// The key table of the README, in Markdown: one table per group.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (group, title) in GROUPS {
            let _ = write!(text, "\n**{title}**\n\n| keys | command | what it does |\n|---|---|---|\n");
            for row in ACTIONS.iter().filter(|row| row.group() == *group) {
                let keys: Vec<String> = row
                    .contexts
                    .first()
                    .map(|context| self.keys(*context, row.action))
                    .unwrap_or_default()
                    .iter()
                    .map(|key| format!("`{}`", key.replace('|', "\\|")))
                    .collect();
                let _ = writeln!(text, "| {} | {} | {} |", keys.join(" "), row.name, row.doc.replace('|', "\\|"));
            }
        }
        text.trim_start().to_string()
    }
}

/// Keys that cannot be bound because they, or the first of them, lead somewhere already.
#[derive(Debug)]
struct Clash {
    context: Context,
    keys: Vec<Key>,
    other: Vec<Key>,
    /// Whose the other keys are.
    owner: Action,
}

impl Clash {
    /// What is wrong, in words; `name` is the command whose keys could not be bound.
    fn problem(&self, name: &str) -> Problem {
        let (own, other, owner) = (sequence(&self.keys), sequence(&self.other), Row::of(self.owner).name);
        let place = self.context.name();
        let what = match self.keys.len().cmp(&self.other.len()) {
            Ordering::Equal if name == owner => format!("{own} stands twice for {name}"),
            Ordering::Equal => format!("{own} stands for both {owner} and {name} ({place})"),
            Ordering::Less => format!("{own} stands for {name}, and begins {other}, which is {owner} ({place})"),
            Ordering::Greater => format!("{own} is to be {name}, but begins with {other}, which is {owner} ({place})"),
        };
        Problem::new(what).expected("one command per key in a context")
    }
}

/// The key table of the README.
pub fn keys_markdown() -> String {
    Keymap::standard().markdown()
}

/// What a press led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Press {
    /// A whole command, with the count typed before it.
    Action {
        /// What to do.
        action: Action,
        /// How often, or which one; none if nothing was typed.
        count: Option<u32>,
    },
    /// More keys must follow.
    Pending,
    /// These keys mean nothing here.
    Unknown(Vec<Key>),
}

/// The count and the keys typed so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presses {
    count: Option<u32>,
    keys: Vec<Key>,
}

impl Presses {
    /// Takes the next key.
    pub fn press(&mut self, keymap: &Keymap, context: Context, key: Key) -> Press {
        if self.is_pending() && self.takes_back(keymap, context, key) {
            self.clear();
            return Press::Pending;
        }
        let counts = !matches!(context, Context::Prompt | Context::Confirm);
        if let (true, Some(digit)) = (counts, key.digit()) {
            // 0 is a command of its own unless a count has begun. After a prefix the digits still count: g 12 i.
            if digit > 0 || self.count.is_some() {
                let count = self.count.unwrap_or(0).saturating_mul(10).saturating_add(digit);
                self.count = Some(count.min(MAX_COUNT));
                return Press::Pending;
            }
        }
        self.keys.push(key);
        match keymap.lookup(context, &self.keys) {
            Lookup::Prefix(_) => Press::Pending,
            Lookup::Action(action) => {
                self.keys.clear();
                Press::Action { action, count: self.count.take() }
            }
            Lookup::Unknown => {
                self.count = None;
                Press::Unknown(std::mem::take(&mut self.keys))
            }
        }
    }

    /// Whether a key takes back what was begun instead of being part of it: Esc, and what leads back or interrupts.
    fn takes_back(&self, keymap: &Keymap, context: Context, key: Key) -> bool {
        if key == Key::plain(crossterm::event::KeyCode::Esc) {
            return true;
        }
        let leaves =
            matches!(keymap.lookup(context, &[key]), Lookup::Action(Action::Back | Action::Cancel | Action::Interrupt));
        let goes_on = || keymap.lookup(context, &[&self.keys[..], &[key]].concat()) != Lookup::Unknown;
        leaves && (self.keys.is_empty() || !goes_on())
    }

    /// Whether something was begun and is not finished.
    pub fn is_pending(&self) -> bool {
        self.count.is_some() || !self.keys.is_empty()
    }

    /// Forgets what was begun.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// What was typed so far, for the corner of the screen: `12 g`.
    pub fn shown(&self) -> String {
        let count = self.count.map(|count| count.to_string());
        count.into_iter().chain(self.keys.iter().map(Key::to_string)).collect::<Vec<_>>().join(" ")
    }

    /// The keys that may follow and what they do, for the box that opens after a prefix; empty without a prefix.
    pub fn continuations(&self, keymap: &Keymap, context: Context) -> Vec<(Key, &'static Row)> {
        if self.keys.is_empty() {
            return Vec::new();
        }
        match keymap.lookup(context, &self.keys) {
            Lookup::Prefix(next) => next.into_iter().map(|(key, action)| (key, Row::of(action))).collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Types a string of keys and returns the names of the actions, with their counts.
    fn typed(context: Context, text: &str) -> Vec<String> {
        let (keymap, mut presses) = (Keymap::standard(), Presses::default());
        let mut done = Vec::new();
        for key in Key::parse_sequence(text).unwrap() {
            match presses.press(&keymap, context, key) {
                Press::Action { action, count } => {
                    let count = count.map(|n| format!("{n}×")).unwrap_or_default();
                    done.push(format!("{count}{}", Row::of(action).name));
                }
                Press::Pending => {}
                Press::Unknown(keys) => done.push(format!("?{}", sequence(&keys))),
            }
        }
        if presses.is_pending() {
            done.push(format!("…{}", presses.shown()));
        }
        done
    }

    #[test]
    fn the_table_makes_a_keymap() {
        Keymap::from_rows(ACTIONS).unwrap();
    }

    #[test]
    fn key_strings_become_actions() {
        for (keys, expected) in [
            ("j", vec!["move.down"]),
            ("1 2 j", vec!["12×move.down"]),
            ("1 0 j", vec!["10×move.down"]),
            ("0", vec!["map.fit"]),
            ("g m g n", vec!["go.map", "go.neighbours"]),
            ("g g G", vec!["move.first", "move.last"]),
            ("2 5 0 4 g i", vec!["2504×go.id"]),
            ("g 2 5 0 4 i", vec!["2504×go.id"]),
            (
                "c c c x c n c a",
                vec!["filter.only-cluster", "filter.without-cluster", "filter.noise", "filter.all-clusters"],
            ),
            ("g Z j", vec!["?g Z", "move.down"]),
            ("g Esc j", vec!["move.down"]),
            ("3 Esc Esc", vec!["go.out"]),
            ("5 g", vec!["…5 g"]),
            ("Ctrl-o Ctrl-n Tab Shift-Tab", vec!["go.back", "go.forward", "go.next-pane", "go.previous-pane"]),
            ("Space / ? : q", vec!["mark.toggle", "find.search", "app.help", "app.palette", "app.quit"]),
            ("9 9 9 9 9 9 9 9 9 9 9 j", vec!["999999999×move.down"]),
        ] {
            assert_eq!(typed(Context::Map, keys), expected, "{keys}");
        }
    }

    #[test]
    fn contexts_give_the_same_key_their_own_meaning() {
        assert_eq!(typed(Context::Map, "x"), ["map.crosshair"]);
        assert_eq!(typed(Context::Jobs, "x"), ["job.cancel"]);
        assert_eq!(typed(Context::Help, "q"), ["help.close"]);
        assert_eq!(typed(Context::Confirm, "y n"), ["question.yes", "question.no"]);
        assert_eq!(typed(Context::Prompt, "Ctrl-n 1"), ["typing.next", "?1"]);
        assert_eq!(typed(Context::Jobs, "+"), ["?+"]);
    }

    #[test]
    fn a_prefix_lists_what_may_follow() {
        let (keymap, mut presses) = (Keymap::standard(), Presses::default());
        assert!(presses.continuations(&keymap, Context::Map).is_empty());
        presses.press(&keymap, Context::Map, Key::char('g'));
        let next: Vec<_> =
            presses.continuations(&keymap, Context::Map).iter().map(|(key, _)| key.to_string()).collect();
        for key in ["g", "m", "n", "c", "s", "j", "i"] {
            assert!(next.iter().any(|other| other == key), "g {key} is missing of {next:?}");
        }
        assert_eq!(next.iter().collect::<BTreeSet<_>>().len(), next.len());
    }

    #[test]
    fn contradictions_are_refused() {
        let row = |name: &'static str, keys: &'static [&'static str], contexts: &'static [Context]| Row {
            action: Action::Quit,
            name,
            doc: "x",
            keys,
            contexts,
            hint: None,
        };
        let refuses = |rows: &[Row]| Keymap::from_rows(rows).unwrap_err().to_string();
        assert!(
            refuses(&[row("a.a", &["j"], &[Context::Map]), row("a.b", &["j"], &[Context::Map])])
                .contains("j stands for")
        );
        assert!(
            refuses(&[row("a.a", &["g"], &[Context::Map]), row("a.b", &["g g"], &[Context::Map])])
                .contains("but begins with g, which is app.quit")
        );
        assert!(
            refuses(&[row("a.a", &["g g"], &[Context::Map]), row("a.b", &["g"], &[Context::Map])])
                .contains("begins g g, which is app.quit")
        );
        assert!(refuses(&[row("a.a", &["Hyper-j"], &[Context::Map])]).contains("no such key"));
        Keymap::from_rows(&[row("a.a", &["j"], &[Context::Map]), row("a.b", &["j"], &[Context::Help])]).unwrap();
    }

    #[test]
    fn no_digit_but_zero_is_bound_where_digits_count() {
        for row in ACTIONS {
            for context in row.contexts.iter().filter(|c| !matches!(c, Context::Prompt | Context::Confirm)) {
                for key in Keymap::standard().bound(*context).iter().flat_map(|(keys, _)| keys) {
                    assert!(key.digit().is_none_or(|digit| digit == 0), "{}: {key}", row.name);
                }
            }
        }
    }

    #[test]
    fn help_hints_and_readme_know_every_command() {
        let keymap = Keymap::standard();
        let markdown = keys_markdown();
        for row in ACTIONS {
            assert!(markdown.contains(&format!("| {} | {} |", row.name, row.doc)), "{}", row.name);
            for context in row.contexts {
                let parsed: Vec<String> =
                    row.keys.iter().map(|key| sequence(&Key::parse_sequence(key).unwrap())).collect();
                assert_eq!(keymap.keys(*context, row.action), parsed, "{} in {}", row.name, context.name());
            }
        }
        assert_eq!(markdown.lines().filter(|line| line.starts_with("| `")).count(), ACTIONS.len());
        for (key, label) in keymap.hints(Context::Map) {
            assert!(ACTIONS.iter().any(|row| row.hint == Some(label) && row.keys[0] == key));
        }
        assert_eq!(keymap.key(Context::Prompt, Action::Quit).as_deref(), Some("q"));
    }
}
