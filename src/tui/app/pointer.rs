//! The mouse: click selects, drag marks a box (or draws the lasso that was begun), wheel zooms or scrolls, the right
//! button moves the view. Everything it does has a key as well.

use super::drawing::Drawn;
use super::{App, Pane};
use crate::tui::action::Action;
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

/// Rows that one notch of the wheel scrolls.
pub(in crate::tui) const NOTCH: i64 = 3;

/// What is said when the mouse is taken or given back.
pub(in crate::tui) fn mouse_words(on: bool) -> &'static str {
    if on { "mouse on: drag marks a box, right drag moves the view; hold Shift to select text" } else { "mouse off" }
}

/// What a drag does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drag {
    /// Nothing yet: the button went down in this cell of the screen.
    Down(u16, u16),
    /// It draws around points.
    Draws,
    /// It moves the view; the hand is in this cell.
    Moves(u16, u16),
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
        let on_map = !areas.plot.is_empty() && Pane::of(self.page)[0] == Pane::Map;
        let at = Position::new(event.column, event.row);
        let plot = areas.plot;
        let cell = |at: Position| {
            let within = |at: u16, from: u16, cells: u16| at.clamp(from, from + cells.saturating_sub(1)) - from;
            (within(at.x, plot.x, plot.width), within(at.y, plot.y, plot.height))
        };
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) if on_map && plot.contains(at) => {
                self.focus = Pane::Map;
                self.drag = Some(Drag::Down(at.x, at.y));
                self.map.crosshair = Some(cell(at));
                self.take_nearest();
                self.come_to_rest();
                self.undo.pause();
            }
            MouseEventKind::Down(MouseButton::Right | MouseButton::Middle) if on_map && plot.contains(at) => {
                self.focus = Pane::Map;
                self.drag = Some(Drag::Moves(at.x, at.y));
                self.undo.pause();
            }
            MouseEventKind::Down(_) => {
                self.drag = None;
                let panes = Pane::of(self.page);
                if areas.side.contains(at) && panes.len() > 1 {
                    self.focus = panes[1];
                } else if areas.main.contains(at) {
                    self.focus = panes[0];
                }
                self.click_row(at);
            }
            MouseEventKind::Drag(_) => self.dragged(at, cell(at)),
            MouseEventKind::Up(_) => {
                let drew = self.drag.take() == Some(Drag::Draws) && self.is_drawing();
                if drew {
                    self.mark_enclosed();
                }
            }
            MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => {
                let down = event.kind == MouseEventKind::ScrollDown;
                if on_map && plot.contains(at) {
                    self.zoom_at(cell(at), if down { -1 } else { 1 });
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

    /// The hand has moved to a cell of the screen, which is `cell` of the plot.
    fn dragged(&mut self, at: Position, cell: (u16, u16)) {
        let plot = self.plot();
        match self.drag {
            Some(Drag::Moves(x, y)) => {
                self.drag = Some(Drag::Moves(at.x, at.y));
                // The map goes with the hand, and the crosshair with its feature.
                self.change(Action::PanLeft, |app| {
                    app.map.pan(i32::from(x) - i32::from(at.x), i32::from(y) - i32::from(at.y));
                    app.put_crosshair();
                });
            }
            Some(drag) => {
                if drag != Drag::Draws && self.map.drawn.is_none() {
                    self.map.begin_box(plot);
                }
                self.drag = Some(Drag::Draws);
                self.map.crosshair = Some(cell);
                if matches!(self.map.drawn, Some(Drawn::Lasso(_))) {
                    self.map.set_corner(plot);
                }
            }
            None => {}
        }
    }

    /// A click on a row of a list puts the cursor there.
    fn click_row(&mut self, at: Position) {
        let pane = self.focus;
        let area = self.list_area(pane);
        if !area.contains(at) {
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
