//! What a key or another size of the terminal leads to.

use super::App;
use crate::tui::Effect;
use crate::tui::action::{Action, Context};
use crate::tui::key::{Key, sequence};
use crate::tui::keymap::Press;
use crossterm::event::KeyCode;

impl App {
    pub(super) fn key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        let said = self.message.take();
        let context = self.context();
        match self.presses.press(&self.keymap, context, key) {
            Press::Pending => {}
            Press::Action { action, count } => {
                // Drawn again, or come back to, the screen is the same.
                self.message = said.filter(|_| matches!(action, Action::Redraw | Action::Suspend));
                self.act(action, count, effects);
            }
            Press::Unknown(_) if context == Context::Prompt && self.type_key(key) => {}
            // A slow line delivers Esc and the next key together, which looks like Alt; nothing here is bound to Alt.
            // Out of a line the key itself is not taken: it may have been meant for the line, and `q` would quit.
            Press::Unknown(_) if key.without_alt().is_some() => {
                self.key(Key::plain(KeyCode::Esc), effects);
                if let Some(key) = key.without_alt().filter(|_| context != Context::Prompt) {
                    self.key(key, effects);
                }
            }
            Press::Unknown(_) if context == Context::Prompt => {}
            Press::Unknown(_) if context == Context::Confirm => {}
            Press::Unknown(keys) => {
                let keys = sequence(&keys);
                let help = self.keymap.way(context, Action::Help);
                self.complain(format!("no command {keys} here; {help} shows the keys"));
            }
        }
    }

    pub(super) fn resize(&mut self, width: u16, height: u16) {
        let before = self.plot();
        self.size = (width, height);
        let plot = self.plot();
        if self.too_small() || before == plot || self.map.x.is_empty() {
            return;
        }
        self.fit_plot(before);
        self.map.drawn = None;
    }

    /// The map was looked at in the plot `before`: fits it into this one.
    pub(super) fn fit_plot(&mut self, before: (u16, u16)) {
        let plot = self.plot();
        if before != plot && !self.map.own_view {
            self.map.fit(plot);
        }
        // The crosshair stays on the feature if that is in sight, else in the plot.
        let (columns, rows) = (plot.0.saturating_sub(1), plot.1.saturating_sub(1));
        self.map.crosshair = self.map.crosshair.map(|(column, row)| (column.min(columns), row.min(rows)));
        self.put_crosshair();
    }
}
