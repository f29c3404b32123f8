//! The pages of the screen: each a function of the [`App`] into its rectangles of the buffer.

use super::app::App;
use super::layout::MIN_SIZE;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

/// Draws the whole screen; returns where the cursor stands while a line is typed.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    if app.too_small() {
        let text = format!("{}x{} needed", MIN_SIZE.0, MIN_SIZE.1);
        buffer.set_stringn(area.x, area.y, text, usize::from(area.width), Style::new());
        return None;
    }
    let areas = app.areas();
    let name = crate::text::printable(&app.study().name);
    let title = format!(" saescope  {name}  {}", app.stage_words());
    buffer.set_stringn(areas.header.x, areas.header.y, title, usize::from(areas.header.width), Style::new());
    None
}
