//! Choosing one of the dictionaries of a folder, before a study is opened.
//!
//! They are listed by name; typing after `/` keeps the rows whose name holds every word typed. The picker is a
//! [`Model`] of its own; where it ends by [`Effect::Leave`], the row under the cursor is the chosen one.

use super::action::{Action, Context, Row};
use super::app::pointer::{NOTCH, mouse_words};
use super::app::{ListState, Message};
use super::event::Event;
use super::input::LineEditor;
use super::key::Key;
use super::keymap::{Keymap, Press, Presses};
use super::layout;
use super::widgets::Look;
use super::{Effect, Model};
use crate::analysis::JobEvent;
use crate::sae::find::Listing;
use crossterm::event::{KeyCode, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use std::path::PathBuf;
use std::time::Duration;

/// The dictionaries of a folder, one of which is to be chosen.
pub struct Picker {
    folder: PathBuf,
    look: Look,
    keymap: Keymap,
    presses: Presses,
    size: (u16, u16),
    all: Vec<Listing>,
    rows: Vec<usize>,
    state: ListState,
    query: LineEditor,
    typing: bool,
    message: Option<Message>,
    mouse: bool,
}

impl Picker {
    /// A picker among the dictionaries `all` of `folder`.
    pub fn new(folder: PathBuf, all: Vec<Listing>, look: Look, keymap: Keymap) -> Self {
        Self {
            folder,
            look,
            keymap,
            presses: Presses::default(),
            size: (0, 0),
            rows: (0..all.len()).collect(),
            all,
            state: ListState::default(),
            query: LineEditor::default(),
            typing: false,
            message: None,
            mouse: false,
        }
    }

    /// Says whether the mouse is captured.
    pub fn set_mouse(&mut self, on: bool) {
        self.mouse = on;
    }
    /// Whether the mouse is captured.
    pub fn has_mouse(&self) -> bool {
        self.mouse
    }

    /// Says why the one under the cursor cannot be opened.
    pub fn refuse(&mut self, why: String) {
        self.message = Some(Message { text: why, is_error: true });
    }

    /// The folder.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }
    /// How it is drawn.
    pub fn look(&self) -> &Look {
        &self.look
    }
    /// Columns and rows of the screen.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }
    /// How many dictionaries there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }
    /// The rows that pass what was typed.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &Listing> {
        self.rows.iter().map(|row| &self.all[*row])
    }
    /// The row under the cursor: the one that is wanted when the list was left.
    pub fn here(&self) -> Option<&Listing> {
        self.rows().nth(self.state.cursor)
    }
    /// Cursor and first row on screen.
    pub fn state(&self) -> ListState {
        self.state
    }
    /// The line that filters the rows, and whether it is being typed.
    pub fn query(&self) -> (&LineEditor, bool) {
        (&self.query, self.typing)
    }
    /// What was said last.
    pub fn message(&self) -> Option<&Message> {
        self.message.as_ref()
    }
    /// The useful keys.
    pub fn hints(&self) -> Vec<(String, &'static str)> {
        if self.typing {
            let typing = |action| self.keymap.keys(Context::Prompt, action).into_iter().next().unwrap_or_default();
            return vec![(typing(Action::Accept), "open"), (typing(Action::Cancel), "all again")];
        }
        let mut hints = self.keymap.hints(Context::Picker);
        if self.query.text().is_empty() {
            hints.retain(|(_, label)| Row::of(Action::Back).hint != Some(*label));
        }
        hints
    }
    /// Rows of the list on screen.
    pub fn height(&self) -> usize {
        usize::from(layout::picker(self.size.0, self.size.1).list.height)
    }

    fn filter(&mut self) {
        let query = self.query.text().to_lowercase();
        let words: Vec<&str> = query.split_whitespace().collect();
        let holds = |listing: &Listing| {
            let name = listing.name.to_lowercase();
            words.iter().all(|word| name.contains(word))
        };
        self.rows = (0..self.all.len()).filter(|row| holds(&self.all[*row])).collect();
    }

    fn open(&mut self, effects: &mut Vec<Effect>) {
        let Some(here) = self.here() else { return };
        match here.problem.clone() {
            Some(why) => self.refuse(why),
            None => effects.push(Effect::Leave),
        }
    }

    fn step(&mut self, by: i64) {
        self.state.step(by, self.rows.len());
    }

    fn key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        self.message = None;
        let context = if self.typing { Context::Prompt } else { Context::Picker };
        match self.presses.press(&self.keymap, context, key) {
            Press::Action { action, count } => self.act(action, count, effects),
            Press::Unknown(_) if self.typing && self.query.press(key) => {
                self.state = ListState::default();
                self.filter();
            }
            // A slow line delivers Esc and the next key together, which looks like Alt; nothing here is bound to Alt.
            Press::Unknown(_) => {
                if let Some(bare) = key.without_alt() {
                    self.key(Key::plain(KeyCode::Esc), effects);
                    self.key(bare, effects);
                }
            }
            Press::Pending => {}
        }
    }

    /// A click goes to a row, a second one opens it; the wheel scrolls.
    fn pointer(&mut self, event: MouseEvent, effects: &mut Vec<Effect>) {
        let list = layout::picker(self.size.0, self.size.1).list;
        match event.kind {
            MouseEventKind::ScrollUp => self.step(-NOTCH),
            MouseEventKind::ScrollDown => self.step(NOTCH),
            MouseEventKind::Down(MouseButton::Left) if list.contains(Position::new(event.column, event.row)) => {
                let row = self.state.offset + usize::from(event.row - list.y);
                if row == self.state.cursor {
                    self.act(Action::Open, None, effects);
                } else if row < self.rows.len() {
                    self.state.cursor = row;
                }
            }
            _ => {}
        }
    }

    fn act(&mut self, action: Action, count: Option<u32>, effects: &mut Vec<Effect>) {
        let times = i64::from(count.unwrap_or(1));
        let page = self.height().max(1) as i64;
        match action {
            Action::MoveUp | Action::PreviousItem => self.step(-times),
            Action::MoveDown | Action::NextItem => self.step(times),
            Action::HalfPageUp => self.step(-times * (page / 2).max(1)),
            Action::HalfPageDown => self.step(times * (page / 2).max(1)),
            Action::PageUp => self.step(-times * page),
            Action::PageDown => self.step(times * page),
            Action::First => self.state.cursor = 0,
            Action::Last => self.state.cursor = count.map_or(usize::MAX, |row| (row as usize).saturating_sub(1)),
            Action::Open | Action::Accept => {
                self.typing = false;
                self.open(effects);
            }
            Action::Search => self.typing = true,
            Action::Cancel | Action::Back => {
                self.typing = false;
                self.query.set("");
                self.filter();
            }
            Action::ToggleMouse => {
                self.mouse = !self.mouse;
                effects.push(Effect::Mouse(self.mouse));
                self.message = Some(Message { text: mouse_words(self.mouse).into(), is_error: false });
            }
            Action::Redraw => effects.push(Effect::Repaint),
            Action::Suspend => effects.push(Effect::Suspend),
            Action::Interrupt if self.typing => self.act(Action::Cancel, None, effects),
            Action::Interrupt | Action::Quit => effects.push(Effect::Quit),
            _ => {}
        }
    }
}

impl Model for Picker {
    type Job = JobEvent;

    fn update(&mut self, event: Event<JobEvent>) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Key(key) => self.key(key, &mut effects),
            Event::Paste(text) if self.typing => {
                self.query.insert(&text);
                self.filter();
            }
            Event::Resize(width, height) => self.size = (width, height),
            Event::Mouse(mouse) => self.pointer(mouse, &mut effects),
            Event::Job(_) | Event::Paste(_) | Event::Tick | Event::Signal(_) => {}
        }
        let height = self.height();
        self.state.settle(self.rows.len(), height);
        effects
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer) -> Option<Position> {
        super::views::picker::draw(self, area, buffer)
    }

    fn wants_tick(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::frame::frame_text;
    use crate::tui::theme::{ColorTier, Ground, Theme};
    use crate::tui::widgets::Glyphs;
    use crossterm::event::KeyModifiers;

    fn listing(name: &str, problem: Option<&str>) -> Listing {
        let good = problem.is_none();
        let layer = name.strip_prefix("layer_").and_then(|rest| rest.split('/').next()?.parse().ok()).filter(|_| good);
        Listing {
            name: name.into(),
            path: PathBuf::from("runs").join(name),
            part: None,
            format: good.then_some("saelens"),
            shape: good.then(|| vec![24_576, 768]),
            dtype: good.then_some(crate::container::Dtype::F32),
            model: None,
            hook: good.then(|| format!("blocks.{}.hook_resid_post", layer.unwrap_or(0))),
            layer,
            problem: problem.map(str::to_string),
        }
    }

    fn many() -> Vec<Listing> {
        let mut all: Vec<Listing> = (0..40).map(|layer| listing(&format!("layer_{layer}/width_16k"), None)).collect();
        all.push(listing("layer_7/broken", Some("the header is cut short; expected 12,345 bytes; try another copy")));
        all
    }

    fn picker() -> Picker {
        let look = Look::new(Theme::new(ColorTier::None, Ground::Dark), Glyphs::Braille);
        let mut picker = Picker::new("runs".into(), many(), look, Keymap::standard());
        picker.update(Event::Resize(80, 24));
        picker
    }

    fn press(picker: &mut Picker, keys: &str) -> Vec<Effect> {
        let keys = Key::parse_sequence(keys).unwrap();
        keys.into_iter().flat_map(|key| picker.update(Event::Key(key))).collect()
    }

    fn text(picker: &Picker) -> String {
        let (width, height) = picker.size();
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        picker.draw(buffer.area, &mut buffer);
        frame_text(&buffer)
    }

    #[test]
    fn a_row_is_found_by_moving_or_typing_and_opened() {
        let mut picker = picker();
        assert_eq!(press(&mut picker, "3 j Enter"), [Effect::Leave]);
        assert_eq!(picker.here().unwrap().name, "layer_3/width_16k");
        press(&mut picker, "/ 1 2");
        assert_eq!(picker.rows().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["layer_12/width_16k"]);
        assert_eq!(press(&mut picker, "Enter"), [Effect::Leave]);
        assert_eq!(picker.here().unwrap().name, "layer_12/width_16k");
        press(&mut picker, "Esc");
        assert_eq!(picker.rows().len(), 41);
        press(&mut picker, "G");
        assert_eq!(picker.here().unwrap().name, "layer_7/broken");
    }

    #[test]
    fn what_cannot_be_read_says_why_and_is_not_opened() {
        let mut picker = picker();
        assert_eq!(press(&mut picker, "G Enter"), []);
        assert!(picker.message().unwrap().text.contains("cut short"));
        assert!(text(&picker).contains("expected 12,345 bytes"));
        assert_eq!(press(&mut picker, "q"), [Effect::Quit]);
    }

    #[test]
    fn the_mouse_goes_to_a_row_and_opens_it_and_can_be_given_back() {
        let mut picker = picker();
        let list = layout::picker(picker.size().0, picker.size().1).list;
        let mouse = |picker: &mut Picker, kind, row| {
            let (column, row) = (list.x + 1, list.y + row);
            picker.update(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
        };
        let click = MouseEventKind::Down(MouseButton::Left);
        assert_eq!(mouse(&mut picker, click, 2), []);
        assert_eq!(picker.state().cursor, 2);
        assert_eq!(mouse(&mut picker, click, 2), [Effect::Leave]);
        mouse(&mut picker, MouseEventKind::ScrollDown, 0);
        assert_eq!(picker.state().cursor, 5);
        picker.set_mouse(true);
        assert_eq!(press(&mut picker, "M"), [Effect::Mouse(false)]);
        assert!(!picker.has_mouse());
    }

    #[test]
    fn rebound_keys_are_those_of_the_list_too() {
        use crate::tui::keymap::rebind::{Rebinding, read_keys};
        let own = |action, key: &str| Rebinding { action, context: None, keys: vec![read_keys(key).unwrap()] };
        let mut picker = picker();
        let all =
            [own(Action::Quit, "F5"), own(Action::Search, "F6"), own(Action::Accept, "F7"), own(Action::Back, "F8")];
        picker.keymap = Keymap::rebound(&all).unwrap();
        assert_eq!(press(&mut picker, "q"), []);
        press(&mut picker, "F6 1 2");
        assert!(text(&picker).contains("F7 open"), "{}", text(&picker));
        assert_eq!(press(&mut picker, "F7"), [Effect::Leave]);
        assert!(text(&picker).contains("F8 back") && text(&picker).contains("F5 quit"), "{}", text(&picker));
        press(&mut picker, "F8");
        assert_eq!(picker.rows().len(), 41);
        assert_eq!(press(&mut picker, "F5"), [Effect::Quit]);
    }

    #[test]
    fn the_list_at_three_sizes() {
        for (width, height) in [(60, 16), (80, 24), (120, 40)] {
            let mut picker = self::picker();
            picker.update(Event::Resize(width, height));
            press(&mut picker, "G");
            insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(format!("picker_{width}x{height}"), text(&picker));
            });
        }
        for (width, height) in [(1, 1), (59, 15), (300, 100), (0, 0)] {
            let mut picker = self::picker();
            picker.update(Event::Resize(width, height));
            text(&picker);
        }
    }
}
