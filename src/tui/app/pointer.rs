//! The mouse: click selects, wheel zooms or scrolls, drag moves the view; with the right button, or Ctrl held, it spans a
//! box, and what is in it is marked. Everything it does has a key as well.

use super::{App, Pane};
use crate::tui::action::Action;
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

/// Rows that one notch of the wheel scrolls.
pub(in crate::tui) const NOTCH: i64 = 3;

/// What is said when the mouse is taken or given back.
pub(in crate::tui) fn mouse_words(on: bool) -> &'static str {
    if on { "mouse on; hold Shift to select text" } else { "mouse off" }
}

/// What a drag of the mouse does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drag {
    /// It moves the view; the cell where it is.
    View(u16, u16),
    /// It spans a box; the cell where it began.
    Box(u16, u16),
}

impl App {
    pub(super) fn pointer(&mut self, event: MouseEvent) {
        if self.prompt.is_some() || self.question.is_some() {
            return;
        }
        if matches!(event.kind, MouseEventKind::Down(_)) {
            self.message = None;
        }
        let areas = self.areas();
        let at = Position::new(event.column, event.row);
        let cell = |area: Rect| (at.x - area.x, at.y - area.y);
        let spans = event.modifiers.contains(KeyModifiers::CONTROL);
        match event.kind {
            MouseEventKind::Down(MouseButton::Right) if areas.plot.contains(at) => self.begin_drag(at, areas.plot),
            MouseEventKind::Down(MouseButton::Left) if spans && areas.plot.contains(at) => {
                self.begin_drag(at, areas.plot);
            }
            MouseEventKind::Down(MouseButton::Left) if areas.plot.contains(at) => {
                self.focus = Pane::Map;
                self.drag = Some(Drag::View(at.x, at.y));
                self.map.crosshair = Some(cell(areas.plot));
                self.take_nearest();
                self.come_to_rest();
                self.undo.pause();
            }
            MouseEventKind::Down(MouseButton::Left) => {
                self.drag = None;
                let panes = Pane::of(self.page);
                if areas.side.contains(at) && panes.len() > 1 {
                    self.focus = panes[1];
                } else if areas.main.contains(at) {
                    self.focus = panes[0];
                }
                self.click_row(at);
            }
            MouseEventKind::Drag(_) => match self.drag {
                Some(Drag::View(x, y)) => {
                    self.drag = Some(Drag::View(at.x, at.y));
                    // The map goes with the hand, and the crosshair with its feature.
                    self.change(Action::PanLeft, |app| {
                        app.map.pan(i32::from(x) - i32::from(at.x), i32::from(y) - i32::from(at.y));
                        app.put_crosshair();
                    });
                }
                Some(Drag::Box(..)) if !areas.plot.is_empty() => {
                    // The hand may leave the map; the box ends at its edge.
                    let inside = |at: u16, from: u16, cells: u16| at.clamp(from, from + cells - 1) - from;
                    let (plot, x, y) = (areas.plot, at.x, at.y);
                    self.map.crosshair = Some((inside(x, plot.x, plot.width), inside(y, plot.y, plot.height)));
                }
                _ => {}
            },
            MouseEventKind::Up(_) => match self.drag.take() {
                // A click spans nothing.
                Some(Drag::Box(x, y)) if (x, y) == (at.x, at.y) => self.map.anchor = None,
                Some(Drag::Box(..)) if self.map.anchor.is_some() => {
                    self.take_nearest();
                    self.come_to_rest();
                    self.mark_box();
                }
                _ => {}
            },
            MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => {
                let down = event.kind == MouseEventKind::ScrollDown;
                if areas.plot.contains(at) {
                    self.zoom_at(cell(areas.plot), if down { -1 } else { 1 });
                    self.put_crosshair();
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

    /// A box begins at a cell of the plot.
    fn begin_drag(&mut self, at: Position, plot: Rect) {
        self.focus = Pane::Map;
        self.drag = Some(Drag::Box(at.x, at.y));
        self.map.crosshair = Some((at.x - plot.x, at.y - plot.y));
        self.map.anchor = None;
        self.map.begin_box((plot.width, plot.height));
    }

    /// A click on a row of a list puts the cursor there.
    fn click_row(&mut self, at: Position) {
        let pane = self.focus;
        let area = self.list_area(pane);
        if !area.contains(at) || pane == Pane::Map {
            return;
        }
        let list = self.list(pane);
        let to = list.offset + usize::from(at.y - area.y);
        if to < self.rows(pane) {
            self.step_list(pane, to as i64 - list.cursor as i64);
            self.come_to_rest();
        }
    }
}
