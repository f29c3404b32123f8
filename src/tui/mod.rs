//! tui
pub mod theme;
pub mod widgets;
