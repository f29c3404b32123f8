//! Copies to the clipboard of the machine the user sits at. What is too long for it also goes to a file.

use super::{App, Pane};
use crate::analysis::columns::DEFAULT_COLUMNS;
use crate::export::table;
use crate::text::{counted, printable};
use crate::tui::action::Action;
use crate::tui::{Effect, clipboard, kept};
use std::time::SystemTime;

impl App {
    /// Copies the number of the feature under the cursor.
    pub(super) fn copy_number(&mut self, effects: &mut Vec<Effect>) {
        let Some(feature) = self.feature_here() else { return self.complain("no feature is selected") };
        self.copy(&feature.to_string(), &feature.to_string(), effects);
    }

    /// Copies the row of the feature under the cursor and, with a count, those of the features below it in the list.
    pub(super) fn copy_rows(&mut self, count: Option<u32>, effects: &mut Vec<Effect>) {
        let Some(first) = self.feature_here() else { return self.complain("no feature is selected") };
        let below = self.features_below();
        let features = if below.is_empty() { vec![first] } else { below };
        let wanted = count.map_or(1, |count| count.max(1) as usize).min(features.len());
        let rows: Vec<String> = features[..wanted].iter().map(|feature| self.row_of(*feature)).collect();
        let what = match wanted {
            1 => format!("the row of #{first}"),
            _ => format!("{} from #{first} on", counted(wanted, "row", "rows")),
        };
        self.copy(&rows.join("\n"), &what, effects);
    }

    /// The features of the focused list from its cursor on; none where there is no list of features.
    fn features_below(&self) -> Vec<u32> {
        let from = self.list(self.focus).cursor;
        let neighbours = match self.focus {
            Pane::Feature => self.aside().and_then(|detail| detail.neighbours.as_deref()),
            Pane::Neighbours => self.neighbours(),
            _ => None,
        };
        match self.focus {
            Pane::Feature | Pane::Neighbours => {
                neighbours.unwrap_or_default().iter().skip(from).map(|neighbour| neighbour.feature).collect()
            }
            Pane::Members => self.members.iter().skip(from).copied().collect(),
            Pane::Table => self.listed.iter().skip(from).copied().collect(),
            _ => Vec::new(),
        }
    }

    /// Sends `text`, and says that it was sent: whether it arrived is never told. What does not fit is written to a
    /// file whole.
    pub(super) fn copy(&mut self, text: &str, what: &str, effects: &mut Vec<Effect>) {
        let copied = clipboard::copy(text, self.multiplexer);
        effects.push(Effect::Send(copied.bytes));
        if copied.cut == 0 {
            let file = self.keymap.key(self.context(), Action::Export);
            let file = file.map_or(String::new(), |key| format!("; {key} writes to a file"));
            return self.say(format!("sent {what} to your terminal's clipboard{file}"));
        }
        let sent = format!("sent {what} to your terminal's clipboard without the last {} bytes", copied.cut);
        let written = self.state.as_ref().map(|folder| {
            let path = kept::keep(folder, "clipboard", "txt", text.as_bytes(), SystemTime::now());
            path.map_err(|error| format!("cannot write to {}: {error}", folder.display()))
        });
        match written {
            Some(Ok(path)) => {
                self.say(format!("{sent}; all of it is in {}", printable(&path.display().to_string())));
                self.files.push(path);
            }
            Some(Err(why)) => self.complain(format!("{sent}; {}", printable(&why))),
            None => self.complain(format!("{sent}; there is no home folder to write the rest to")),
        }
    }

    /// The columns of the default export for one feature, tab separated, without heading.
    pub(super) fn row_of(&self, feature: u32) -> String {
        let columns = table::arrays(&self.table(), DEFAULT_COLUMNS, &[feature as usize]);
        columns.iter().map(|column| printable(&column.data.text(0))).collect::<Vec<_>>().join("\t")
    }
}
