//! The page of one feature: the passages on which it fires, strongest first, lined up on the token.

use super::inspector::rule;
use super::words::number;
use crate::analysis::Example;
use crate::tui::app::{App, Pane as Focus};
use crate::tui::layout;
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::passage::{self, Align, Token};
use crate::tui::widgets::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns of the activation in front of each passage.
const VALUE: u16 = 6;

pub(super) fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let theme = &look.theme;
    let focused = app.focus() == Focus::Passages;
    let Some(detail) = app.detail() else {
        Pane { title: "passages", focused, ..Pane::default() }.render(look, area, buf);
        return;
    };
    let title = format!("where #{} fires", detail.feature);
    let places =
        app.study().activations().map(|a| a.by_feature.row(detail.feature as usize).0.len()).unwrap_or_default();
    let remark = match (detail.examples.len(), places) {
        (0, _) => String::new(),
        (shown, places) if shown == places => format!("all {shown} places"),
        (shown, places) => format!("{shown} strongest passages of {} places", text::thousands(places as u64)),
    };
    let inside = Pane { title: &title, remark: &remark, focused, ..Pane::default() }.render(look, area, buf);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    if detail.examples.is_empty() {
        let words = match (app.study().evidence(), detail.density) {
            (None, _) => "activations and texts are being read",
            (Some(_), Some(0.0)) => "it never fires on the tokens at hand",
            (Some(evidence), _) if evidence.activations.is_none() => "no activations: --acts names them",
            _ => "no texts: --tokens names them",
        };
        for (y, line) in (inside.y..inside.bottom()).zip(text::wrap(words, inside.width.into())) {
            text::put(buf, inside, inside.x, y, &line, theme.muted());
        }
        return;
    }
    let (rows, line, whole) = layout::passages(inside, app.is_reading());
    let list = app.list(Focus::Passages);
    let top = detail.max_activation.unwrap_or(0.0) as f32;
    let column = (inside.width.saturating_sub(VALUE + 2)) * 2 / 5;
    for (y, (i, example)) in (rows.y..rows.bottom()).zip(detail.examples.iter().enumerate().skip(list.offset)) {
        let chosen = focused && i == list.cursor;
        let value = text::pad(&number(example.value.into()), usize::from(VALUE), true, look.ascii);
        let style = if chosen { theme.selected() } else { theme.muted() };
        text::put(buf, inside, inside.x, y, &value, style);
        let row = Rect { x: inside.x + VALUE + 2, y, width: inside.width.saturating_sub(VALUE + 2), height: 1 };
        let tokens = tokens(example, top);
        passage::render(look, &tokens, example.focus, Align::Column(column), row.intersection(inside), buf);
    }
    let Some(example) = detail.passage.as_ref().filter(|_| !whole.is_empty()) else { return };
    let place = detail.place.map_or_else(String::new, |(document, position)| {
        format!(", document {} position {position}", text::thousands(document as u64))
    });
    let title = format!("token {}{place}: fires {}", text::thousands(example.row.into()), number(example.value.into()));
    rule(app, &title, line, buf);
    passage::render_whole(look, &tokens(example, top), example.focus, whole, buf);
}

/// The tokens of a passage, shaded by their share of the largest activation.
fn tokens(example: &Example, top: f32) -> Vec<Token<'_>> {
    let strength = |value: f32| if top > 0.0 { value / top } else { 0.0 };
    example.pieces.iter().map(|(text, value)| Token { text, strength: strength(*value) }).collect()
}
