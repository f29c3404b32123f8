//! A frame of the screen as text or as a picture.
//!
//! Input: a [`Buffer`] as a terminal would show it. Output: plain text, an SVG that stands alone, or a PNG. What a cell
//! looks like is told in one place (`cells`), which two painters draw: dots, blocks and frames are shapes, not
//! characters. Pictures have a dark panel; the terminal's own colours get fixed values there. The same buffer gives the
//! same bytes. O(cells), and for PNG O(pixels).

mod cells;
mod font;
mod png;
mod svg;

pub use png::frame_png;
pub use svg::frame_svg;

use crate::tui::widgets::bidi::MARK;
use ratatui::buffer::Buffer;
use std::path::Path;

/// The kinds of files that show a view: one table for the screen and for `render`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// Characters alone.
    Text,
    /// Shapes.
    Svg,
    /// Pixels.
    Png,
    /// A page for a browser: of the map and of one group a plot that can be asked, of other views the frame.
    Html,
}

impl Picture {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Svg, Self::Png, Self::Html, Self::Text];

    /// The suffix of its files.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Svg => "svg",
            Self::Png => "png",
            Self::Html => "html",
        }
    }

    /// The kind that the name of a file asks for.
    pub fn of(path: &Path) -> Option<Self> {
        let suffix = path.extension()?.to_str()?.to_lowercase();
        Self::ALL.into_iter().find(|kind| kind.suffix() == suffix)
    }
}

/// The characters alone: one line per row, trailing blanks left out.
pub fn frame_text(buf: &Buffer) -> String {
    let mut out = String::new();
    for y in buf.area.top()..buf.area.bottom() {
        let mut row = String::new();
        let mut x = buf.area.left();
        while x < buf.area.right() {
            let cell = &buf[(x, y)];
            row.push_str(&cells::safe(cell));
            // It keeps frames in their place on a terminal that reorders text.
            row.extend(cell.symbol().chars().last().filter(|last| *last == MARK));
            x += cells::columns(cell);
        }
        out.push_str(row.trim_end_matches(' '));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests;
