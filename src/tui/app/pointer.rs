//! The mouse: click selects, wheel zooms or scrolls, drag moves the view. Everything it does has a key as well.

use super::{App, Pane};
use crate::tui::layout::{Page, inner};
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

/// Rows that one notch of the wheel scrolls.
const NOTCH: i64 = 3;

impl App {
    pub(super) fn pointer(&mut self, event: MouseEvent) {
        if self.prompt.is_some() || self.question.is_some() {
            return;
        }
        let areas = self.areas();
        let at = Position::new(event.column, event.row);
        let cell = |area: Rect| (at.x - area.x, at.y - area.y);
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) if areas.plot.contains(at) => {
                self.focus = Pane::Map;
                self.drag = Some((at.x, at.y));
                self.map.crosshair = Some(cell(areas.plot));
                self.take_nearest();
            }
            MouseEventKind::Down(MouseButton::Left) => {
                self.drag = None;
                let panes = Pane::of(self.page);
                if areas.side.contains(at) && panes.len() > 1 {
                    self.focus = panes[1];
                } else if areas.main.contains(at) {
                    self.focus = panes[0];
                    self.click_row(inner(areas.main), at);
                }
            }
            MouseEventKind::Drag(MouseButton::Left) => {
                if let Some((x, y)) = self.drag {
                    self.drag = Some((at.x, at.y));
                    self.pan(i32::from(x) - i32::from(at.x), i32::from(y) - i32::from(at.y), 1);
                }
            }
            MouseEventKind::Up(_) => self.drag = None,
            MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => {
                let down = event.kind == MouseEventKind::ScrollDown;
                if areas.plot.contains(at) {
                    let crosshair = self.map.crosshair;
                    self.map.crosshair = Some(cell(areas.plot));
                    self.zoom(if down { -1 } else { 1 });
                    self.map.crosshair = crosshair;
                    self.restore_crosshair();
                } else {
                    let panes = Pane::of(self.page);
                    let side = areas.side.contains(at) && panes.len() > 1;
                    let pane = panes[usize::from(side)];
                    if pane != Pane::Map {
                        self.step_list(pane, if down { NOTCH } else { -NOTCH });
                    }
                }
            }
            _ => {}
        }
    }

    /// After the view moved under it, the crosshair goes back to the selected feature if that is in sight.
    fn restore_crosshair(&mut self) {
        let (columns, rows) = self.plot();
        if let Some((x, y)) = self.selected.and_then(|feature| self.map.place(feature)) {
            self.map.crosshair = self.map.viewport.cell_of(x, y, columns, rows);
        }
    }

    fn click_row(&mut self, area: Rect, at: Position) {
        let pane = self.focus;
        if !area.contains(at) || pane == Pane::Map {
            return;
        }
        // Tables have a line of headings.
        let heading = u16::from(!matches!(pane, Pane::Help | Pane::Passages));
        let Some(row) = (at.y - area.y).checked_sub(heading) else { return };
        let list = self.list(pane);
        let to = list.offset + usize::from(row);
        if to < self.rows(pane) && self.page != Page::Map {
            self.step_list(pane, to as i64 - list.cursor as i64);
        }
    }
}
