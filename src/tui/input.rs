//! A line of text being typed: search, filter, palette, file name.
//!
//! The cursor stands between grapheme clusters, so that one press of Left or Backspace is one character as people see
//! it. Everything typed or pasted passes [`crate::text::printable`]; line breaks become spaces. The line is at most
//! [`MAX_LINE`] bytes long. The keys are those of [`EDITS`]; what they do not cover is left to the caller.

use super::key::Key;
use crate::text::printable;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Longest line, in bytes.
pub const MAX_LINE: usize = 4096;
/// How many lines of history are kept.
pub const MAX_HISTORY: usize = 200;

/// What an editing key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is documented by its row in EDITS")]
pub enum Edit {
    Left,
    Right,
    WordLeft,
    WordRight,
    Start,
    End,
    DeleteBack,
    DeleteForward,
    DeleteWordBack,
    DeleteWordForward,
    DeleteToStart,
    DeleteToEnd,
}

/// The editing keys: what, keys, description. The second half of the one key table, for where keys are text.
pub const EDITS: &[(Edit, &[&str], &str)] = &[
    (Edit::Left, &["Left"], "Cursor left"),
    (Edit::Right, &["Right", "Ctrl-f"], "Cursor right"),
    (Edit::WordLeft, &["Ctrl-Left", "Alt-b"], "To the start of the word"),
    (Edit::WordRight, &["Ctrl-Right", "Alt-f"], "To the end of the word"),
    (Edit::Start, &["Home", "Ctrl-a"], "To the start of the line"),
    (Edit::End, &["End", "Ctrl-e"], "To the end of the line"),
    (Edit::DeleteBack, &["Backspace"], "Delete the character before the cursor"),
    (Edit::DeleteForward, &["Delete", "Ctrl-d"], "Delete the character under the cursor"),
    (Edit::DeleteWordBack, &["Ctrl-w", "Alt-Backspace"], "Delete the word before the cursor"),
    (Edit::DeleteWordForward, &["Alt-d"], "Delete to the end of the word"),
    (Edit::DeleteToStart, &["Ctrl-u"], "Delete to the start of the line"),
    (Edit::DeleteToEnd, &["Ctrl-k"], "Delete to the end of the line"),
];

/// A line, its cursor, and the lines accepted before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineEditor {
    text: String,
    /// Byte offset of the cursor, always between grapheme clusters.
    cursor: usize,
    history: Vec<String>,
    /// Which line of the history is shown, and the line that was being typed before.
    recalled: Option<(usize, String)>,
}

impl LineEditor {
    /// An empty line with the lines accepted before, oldest first.
    pub fn new(history: Vec<String>) -> Self {
        Self { history, ..Self::default() }
    }

    /// The line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Byte offset of the cursor in the line.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Whether a line of the history is shown.
    pub fn is_recalling(&self) -> bool {
        self.recalled.is_some()
    }

    /// The lines accepted before, oldest first.
    pub fn history(&self) -> &[String] {
        &self.history
    }

    /// Puts a whole line in place, cursor at its end.
    pub fn set(&mut self, text: &str) {
        self.text.clear();
        self.cursor = 0;
        self.recalled = None;
        self.insert(text);
    }

    /// Moves the cursor to the first place between characters at or after a byte offset.
    pub fn place(&mut self, at: usize) {
        self.cursor = self.boundary_from(at);
    }

    /// Carries out an editing key or types a character; tells whether the key meant anything. The line may have
    /// changed only if it did.
    pub fn press(&mut self, key: Key) -> bool {
        if let Some(c) = key.typed() {
            self.insert(c.encode_utf8(&mut [0; 4]));
            return true;
        }
        let edit = EDITS.iter().find(|(_, keys, _)| keys.iter().any(|text| Key::parse(text) == Some(key)));
        edit.is_some_and(|(edit, _, _)| {
            self.edit(*edit);
            true
        })
    }

    /// Inserts text at the cursor, made safe to print; what does not fit is left out.
    pub fn insert(&mut self, text: &str) {
        let text = text.trim_end_matches(['\r', '\n']).replace("\r\n", " ").replace(['\r', '\n', '\t'], " ");
        let mut clean = printable(&text);
        let mut room = MAX_LINE.saturating_sub(self.text.len()).min(clean.len());
        while !clean.is_char_boundary(room) {
            room -= 1;
        }
        clean.truncate(room);
        self.text.insert_str(self.cursor, &clean);
        // A combining mark joins what stands before it, so the cursor is set by the clusters of the new line.
        self.cursor = self.boundary_from(self.cursor + clean.len());
        self.recalled = None;
    }

    fn edit(&mut self, edit: Edit) {
        let cursor = self.cursor;
        match edit {
            Edit::Left => self.cursor = self.before(cursor),
            Edit::Right => self.cursor = self.after(cursor),
            Edit::WordLeft => self.cursor = self.word_before(cursor),
            Edit::WordRight => self.cursor = self.word_after(cursor),
            Edit::Start => self.cursor = 0,
            Edit::End => self.cursor = self.text.len(),
            Edit::DeleteWordForward => self.delete(cursor..self.word_after(cursor)),
            Edit::DeleteBack => self.delete(self.before(cursor)..cursor),
            Edit::DeleteForward => self.delete(cursor..self.after(cursor)),
            Edit::DeleteWordBack => self.delete(self.word_before(cursor)..cursor),
            Edit::DeleteToStart => self.delete(0..cursor),
            Edit::DeleteToEnd => self.delete(cursor..self.text.len()),
        }
    }

    fn delete(&mut self, range: Range<usize>) {
        self.cursor = range.start;
        self.text.replace_range(range, "");
        self.cursor = self.boundary_from(self.cursor);
        self.recalled = None;
    }

    /// The first cluster boundary at or after a byte offset.
    fn boundary_from(&self, at: usize) -> usize {
        let starts = self.text.grapheme_indices(true).map(|(start, _)| start);
        starts.chain([self.text.len()]).find(|start| *start >= at).unwrap_or(self.text.len())
    }

    fn before(&self, at: usize) -> usize {
        self.text[..at].grapheme_indices(true).next_back().map_or(0, |(start, _)| start)
    }

    fn after(&self, at: usize) -> usize {
        self.text[at..].graphemes(true).next().map_or(at, |cluster| at + cluster.len())
    }

    fn word_before(&self, at: usize) -> usize {
        let head = self.text[..at].trim_end_matches(|c: char| !c.is_alphanumeric());
        let start = head
            .rfind(|c: char| !c.is_alphanumeric())
            .map_or(0, |found| found + head[found..].chars().next().map_or(1, char::len_utf8));
        // A sign inside a cluster (a virama, say) is no end of a word: step to the start of its cluster.
        self.text[..at].grapheme_indices(true).map(|(at, _)| at).take_while(|at| *at <= start).last().unwrap_or(0)
    }

    fn word_after(&self, at: usize) -> usize {
        let tail = &self.text[at..];
        let Some(start) = tail.find(char::is_alphanumeric) else { return self.text.len() };
        let length = tail[start..].find(|c: char| !c.is_alphanumeric()).unwrap_or(tail.len() - start);
        self.boundary_from(at + start + length)
    }

    /// Shows the line before the one shown, and keeps what was being typed.
    pub fn older(&mut self) {
        let next = self.recalled.as_ref().map_or(self.history.len(), |(at, _)| *at).checked_sub(1);
        if let Some(at) = next {
            self.recall(at);
        }
    }

    /// Shows the line after the one shown; after the newest, what was being typed.
    pub fn newer(&mut self) {
        let Some((at, typed)) = self.recalled.take() else { return };
        if at + 1 < self.history.len() {
            self.recalled = Some((at, typed));
            self.recall(at + 1);
        } else {
            self.set(&typed);
        }
    }

    fn recall(&mut self, at: usize) {
        let typed = self.recalled.take().map_or_else(|| self.text.clone(), |(_, typed)| typed);
        let line = self.history[at].clone();
        self.set(&line);
        self.recalled = Some((at, typed));
    }

    /// Takes the line: remembers it in the history and leaves the editor empty.
    pub fn accept(&mut self) -> String {
        let line = std::mem::take(&mut self.text);
        self.cursor = 0;
        self.recalled = None;
        if !line.trim().is_empty() {
            self.history.retain(|old| *old != line);
            self.history.push(line.clone());
            let excess = self.history.len().saturating_sub(MAX_HISTORY);
            self.history.drain(..excess);
        }
        line
    }

    /// The part of the line that fits in `width` columns with the cursor in sight, and the cursor's column in it.
    ///
    /// The cursor may stand after the last character, so at most `width - 1` columns are text before it.
    pub fn view(&self, width: usize) -> (&str, usize) {
        let (range, column) = self.seen(width);
        (&self.text[range], column)
    }

    /// The bytes of the line that [`view`](Self::view) shows, and the column of the cursor among them.
    pub fn seen(&self, width: usize) -> (Range<usize>, usize) {
        if width == 0 {
            return (self.cursor..self.cursor, 0);
        }
        let mut start = self.cursor;
        let mut column = 0;
        for (at, cluster) in self.text[..self.cursor].grapheme_indices(true).rev() {
            if column + cluster.width() > width - 1 {
                break;
            }
            column += cluster.width();
            start = at;
        }
        let mut end = self.cursor;
        let mut used = column;
        for cluster in self.text[self.cursor..].graphemes(true) {
            if used + cluster.width() > width {
                break;
            }
            used += cluster.width();
            end += cluster.len();
        }
        (start..end, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Types keys, written as the help writes them, into an editor that holds `start`; `|` shows the cursor.
    fn edited(start: &str, keys: &str) -> String {
        let mut editor = LineEditor::default();
        editor.set(start);
        for key in Key::parse_sequence(keys).unwrap() {
            assert!(editor.press(key), "{key} is no editing key");
        }
        format!("{}|{}", &editor.text[..editor.cursor], &editor.text[editor.cursor..])
    }

    #[test]
    fn editing_keys_do_what_they_say() {
        for (start, keys, expected) in [
            ("", "a b c", "abc|"),
            ("abc", "Left x", "abx|c"),
            ("abc", "Home x End y", "xabcy|"),
            ("abc", "Backspace", "ab|"),
            ("abc", "Home Delete", "|bc"),
            ("abc", "Home Backspace", "|abc"),
            ("one two", "Ctrl-w", "one |"),
            ("one two ", "Ctrl-w", "one |"),
            ("a.b_c-d", "Alt-b", "a.b_c-|d"),
            ("one two", "Home Alt-f", "one| two"),
            ("one two", "Ctrl-Left Ctrl-k", "one |"),
            ("one two", "Alt-b Ctrl-u", "|two"),
            ("日本", "Backspace x", "日x|"),
            ("e\u{301}e\u{301}", "Backspace", "e\u{301}|"),
            ("👩‍👩‍👧a", "Left Backspace", "|a"),
            ("naïve café", "Ctrl-w", "naïve |"),
            ("a", "Space b", "a b|"),
        ] {
            assert_eq!(edited(start, keys), expected, "{start:?} {keys}");
        }
    }

    #[test]
    fn other_keys_are_left_to_the_caller() {
        let mut editor = LineEditor::default();
        for key in ["Enter", "Esc", "Tab", "Up", "Down", "Ctrl-c", "PgUp", "F1"] {
            assert!(!editor.press(Key::parse(key).unwrap()), "{key}");
        }
        assert_eq!(editor.text(), "");
    }

    #[test]
    fn no_edit_key_is_a_command_of_the_prompt() {
        let keymap = super::super::keymap::Keymap::standard();
        for (_, keys, _) in EDITS {
            for text in *keys {
                let key = Key::parse(text).unwrap_or_else(|| panic!("{text}"));
                let found = keymap.lookup(super::super::action::Context::Prompt, &[key]);
                assert_eq!(found, super::super::keymap::Lookup::Unknown, "{text}");
            }
        }
    }

    #[test]
    fn pastes_become_one_safe_line() {
        let mut editor = LineEditor::default();
        editor.insert("a\r\nb\tc\u{1b}[2J\n");
        assert_eq!(editor.text(), "a b c\u{fffd}[2J");
        editor.set(&"é".repeat(MAX_LINE));
        assert_eq!(editor.text().len(), MAX_LINE);
        editor.insert("more");
        assert_eq!(editor.text().len(), MAX_LINE);
    }

    #[test]
    fn history_comes_back_and_so_does_the_line_being_typed() {
        let mut editor = LineEditor::new(vec!["one".into(), "two".into()]);
        editor.set("ne");
        editor.older();
        assert_eq!(editor.text(), "two");
        editor.older();
        editor.older();
        assert_eq!(editor.text(), "one");
        editor.newer();
        editor.newer();
        assert_eq!(editor.text(), "ne");
        editor.newer();
        assert_eq!(editor.text(), "ne");
        assert_eq!(editor.accept(), "ne");
        assert_eq!((editor.text(), editor.history().len()), ("", 3));
        editor.set("one");
        editor.accept();
        assert_eq!(editor.history(), ["two", "ne", "one"]);
        editor.set("  ");
        editor.accept();
        assert_eq!(editor.history().len(), 3);
    }

    #[test]
    fn history_is_bounded() {
        let mut editor = LineEditor::default();
        for n in 0..MAX_HISTORY + 10 {
            editor.set(&n.to_string());
            editor.accept();
        }
        assert_eq!(editor.history().len(), MAX_HISTORY);
        assert_eq!(editor.history()[0], "10");
    }

    #[test]
    fn the_view_keeps_the_cursor_in_sight() {
        let mut editor = LineEditor::default();
        editor.set("abcdefgh");
        assert_eq!(editor.view(20), ("abcdefgh", 8));
        assert_eq!(editor.view(4), ("fgh", 3));
        editor.press(Key::parse("Home").unwrap());
        assert_eq!(editor.view(4), ("abcd", 0));
        assert_eq!(editor.view(0), ("", 0));
        editor.set("日本語");
        assert_eq!(editor.view(4), ("語", 2));
    }

    proptest! {
        #[test]
        fn any_keys_keep_the_line_whole(
            keys in prop::collection::vec((0usize..EDITS.len() + 3, any::<char>()), 0..60),
            width in 0usize..30,
        ) {
            let mut editor = LineEditor::new(vec!["e\u{301}日 x".into()]);
            for (which, c) in keys {
                match which.checked_sub(EDITS.len()) {
                    None => prop_assert!(editor.press(Key::parse(EDITS[which].1[0]).unwrap())),
                    Some(0) => editor.insert(&c.to_string()),
                    Some(1) => editor.older(),
                    Some(_) => editor.newer(),
                }
                let starts: Vec<usize> = editor.text.grapheme_indices(true).map(|(at, _)| at).collect();
                prop_assert!(editor.cursor == editor.text.len() || starts.contains(&editor.cursor));
                prop_assert!(!editor.text.chars().any(char::is_control));
                let (shown, column) = editor.view(width);
                prop_assert!(shown.width() <= width && (width == 0 || column < width));
            }
        }
    }
}
