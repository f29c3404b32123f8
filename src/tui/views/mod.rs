//! The pages of the screen: each a function of the [`App`] into its rectangles of the buffer.
//!
//! [`draw`] composes a frame: header and filter line, the page with its side pane, status and hints, and what lies
//! above them (suggestions of a prompt, keys that may follow a prefix, a question). Views compute no numbers: they
//! show what the app and the study's queries hold. Text from files passes [`text::clean`]; with an ASCII look the
//! finished frame is 7-bit to the last cell. Any size is drawn; below [`MIN_SIZE`] one line says what is needed.
//! Cost: O(points) for the map, else O(cells).

mod charts;
mod chrome;
mod clusters;
mod feature;
mod heatmap;
mod help;
mod histograms;
mod info;
mod inset;
mod inspector;
mod jobs;
mod manifold;
pub(super) mod manifolds;
mod map;
mod members;
mod neighbours;
mod opening;
mod overlay;
pub(super) mod picker;
mod selections;
mod table;
mod words;

#[cfg(test)]
mod tests;

use super::app::App;
use super::layout::{MIN_SIZE, Page};
use super::widgets::{bidi, text};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Draws the whole screen; returns where the cursor stands while a line is typed.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) -> Option<Position> {
    if app.too_small() {
        let words = format!("{}x{} needed", MIN_SIZE.0, MIN_SIZE.1);
        text::put(buf, area, area.x, area.y, &words, app.look().theme.text());
        return None;
    }
    let areas = app.areas();
    chrome::header(app, areas.header, buf);
    match app.cloud().portrait().filter(|_| app.page() == Page::Manifold) {
        Some(open) => manifold::headline(app, open, areas.filter, buf),
        None => chrome::filters(app, areas.filter, buf),
    }
    match app.page() {
        Page::Map => map::draw(app, &areas, buf),
        Page::Feature => feature::draw(app, areas.main, buf),
        Page::Neighbours => neighbours::draw(app, areas.main, buf),
        Page::Clusters => clusters::draw(app, areas.main, buf),
        Page::Manifolds => manifolds::draw(app, areas.main, buf),
        Page::Manifold => manifold::draw(app, &areas, buf),
        Page::Table => table::draw(app, areas.main, buf),
        Page::Selections => selections::draw(app, areas.main, buf),
        Page::Heatmap => heatmap::draw(app, &areas, buf),
        Page::Histograms => histograms::draw(app, &areas, buf),
        Page::Jobs => jobs::draw(app, areas.main, buf),
        Page::Info => info::draw(app, areas.main, buf),
        Page::Help => help::draw(app, areas.main, buf),
    }
    match app.page() {
        Page::Clusters => members::draw(app, &areas, buf),
        Page::Manifolds => manifolds::aside(app, &areas, buf),
        Page::Selections => selections::aside(app, &areas, buf),
        Page::Heatmap => heatmap::aside(app, &areas, buf),
        Page::Histograms => histograms::aside(app, &areas, buf),
        Page::Manifold => {}
        _ => inspector::draw(app, &areas, buf),
    }
    inset::draw(app, areas.inset, buf);
    inspector::pinned(app, areas.pinned, buf);
    // What is wrong with a line is told right under it, where the keys are otherwise.
    if !chrome::caret(app, areas.status, areas.hints, buf) {
        chrome::hints(app, areas.hints, buf);
    }
    let cursor = chrome::status(app, areas.status, buf);
    overlay::draw(app, &areas, buf);
    if app.look().ascii {
        text::to_ascii(buf);
    } else {
        bidi::seal(buf);
    }
    cursor
}
