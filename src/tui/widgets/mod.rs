//! Pieces of the screen: each draws plain values into a rectangle of a [`ratatui::buffer::Buffer`].
//!
//! Widgets know neither the application nor its state. Every one of them takes a [`Look`] (theme and glyphs), draws
//! inside the given rectangle clipped to the buffer, and never panics at any size, text or value. Text from files is
//! made safe by [`text::clean`]. With an ASCII look all that is drawn is 7-bit; [`text::to_ascii`] makes sure of it
//! for a whole frame.

pub mod bars;
pub mod bidi;
pub mod distribution;
pub mod glyph;
pub mod heatmap;
pub mod legend;
pub mod line;
pub mod outline;
pub mod pane;
pub mod passage;
pub mod raster;
pub mod scatter;
pub mod table;
pub mod text;
pub mod viewport;

use super::theme::Theme;
pub use glyph::Glyphs;

/// How everything is drawn: colours, and the characters at hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Colours and emphasis.
    pub theme: Theme,
    /// The characters of the map.
    pub glyphs: Glyphs,
    /// Whether the rest of the screen must do with 7-bit characters too.
    pub ascii: bool,
    /// Whether colours and emphasis are seen at all; a frame of plain text has neither.
    pub styled: bool,
}

impl Look {
    /// A look whose chrome follows the glyphs: 7-bit if they are.
    pub fn new(theme: Theme, glyphs: Glyphs) -> Self {
        Self { theme, glyphs, ascii: glyphs.is_ascii(), styled: true }
    }
    /// The same look with the next tier of glyphs that the terminal can be expected to show.
    pub fn next_glyphs(&self, multiplexed: bool) -> Self {
        Self { glyphs: self.glyphs.next(self.ascii, multiplexed), ..self.clone() }
    }
    /// Picks the character for this terminal.
    pub fn pick<T>(&self, unicode: T, ascii: T) -> T {
        if self.ascii { ascii } else { unicode }
    }
}

#[cfg(test)]
mod tests;
