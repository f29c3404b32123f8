//! What lies above the page: suggestions of a prompt, keys that may follow a prefix, a question.

use super::chrome;
use crate::tui::Effect;
use crate::tui::action::Action;
use crate::tui::app::{App, Prompt, PromptKind, Question, STEPS};
use crate::tui::layout::Areas;
use crate::tui::widgets::pane::{self, Pane};
use crate::tui::widgets::{Look, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;

/// Most suggestions on screen at once.
const ROWS: u16 = 10;
/// Widest box of suggestions.
const WIDTH: u16 = 96;
/// Widest box of the tour.
const TOUR: u16 = 76;
/// From this width on it also says in what each was found.
const VOICES: u16 = 60;

pub(super) fn draw(app: &App, areas: &Areas, buf: &mut Buffer) {
    let page = Rect { y: areas.filter.bottom(), height: areas.status.y - areas.filter.bottom(), ..areas.filter };
    if let Some(question) = app.question() {
        return ask(app, question, page, buf);
    }
    if let Some((words, style)) = chrome::overflow(app, areas.status) {
        said(app, &words, style, page, buf);
    }
    if let Some(prompt) = app.prompt() {
        if !prompt.suggestions().is_empty() {
            suggestions(app, prompt, areas, page, buf);
        }
        return;
    }
    tour(app, page, buf);
    let next = app.continuations();
    if !next.is_empty() {
        let rows: Vec<(String, &str)> = next.iter().map(|(key, row)| (key.to_string(), row.doc)).collect();
        let rows: Vec<(&str, &str)> = rows.iter().map(|(key, doc)| (key.as_str(), short(doc))).collect();
        pane::infobox(app.look(), &app.pending(), &rows, page, buf);
    }
}

/// The step of the tour, in a box at the bottom of the page.
fn tour(app: &App, page: Rect, buf: &mut Buffer) {
    let (Some(tour), Some(words)) = (app.tour(), app.tour_words()) else { return };
    let look = app.look();
    let theme = &look.theme;
    let width = page.width.min(TOUR);
    let lines = text::wrap(&words, usize::from(width.saturating_sub(4)));
    let height = (lines.len() as u16 + 2).min(page.height);
    let area = Rect { x: page.x + (page.width - width) / 2, y: page.bottom() - height, width, height };
    pane::clear(area, buf);
    let title = format!("tour {} of {}: {}", tour.at() + 1, STEPS.len(), tour.step().title);
    let key = |action| app.keymap().way(app.context(), action);
    let footer = format!("{} next · {} ends", key(Action::Tour), key(Action::Interrupt));
    let inside = Pane { title: &title, footer: &footer, focused: true, ..Pane::default() }.render(look, area, buf);
    for (y, line) in (inside.y..inside.bottom()).zip(lines) {
        text::put(buf, inside, inside.x + 1, y, &line, theme.text());
    }
}

/// What is too long for its line, in a box above it.
fn said(app: &App, words: &str, style: Style, page: Rect, buf: &mut Buffer) {
    let lines = text::wrap(words, usize::from(page.width.saturating_sub(4)));
    let height = (lines.len() as u16).saturating_add(2).min(page.height);
    let area = Rect { y: page.bottom() - height, height, ..page };
    pane::clear(area, buf);
    let inside = Pane { focused: true, ..Pane::default() }.render(app.look(), area, buf);
    for (y, line) in (inside.y..inside.bottom()).zip(lines) {
        text::put(buf, inside, inside.x + 1, y, &line, style);
    }
}

/// The part of a description that fits in a small box: up to its first colon, semicolon or bracket.
fn short(doc: &'static str) -> &'static str {
    doc.split([':', ';', '(']).next().map_or(doc, str::trim_end)
}

fn ask(app: &App, question: &Question, page: Rect, buf: &mut Buffer) {
    let look = app.look();
    let (title, words) = match question {
        Question::Lose { job, then } => {
            let title = if *then == Effect::Leave { "leave this dictionary?" } else { "quit?" };
            (title, format!("A job is running and would be lost: {job}."))
        }
        Question::Replace { path, .. } => ("replace?", format!("The file exists: {}", path.display())),
    };
    let keys: Vec<String> = app.hints().iter().map(|(key, does)| format!("{key} {does}")).collect();
    let columns = usize::from(page.width.saturating_sub(8)).min(64);
    let mut lines = text::wrap(&text::clean(&words, look.ascii), columns);
    lines.push(String::new());
    lines.push(keys.join("   "));
    pane::message(look, title, &lines, page, buf);
}

/// Suggestions in a box above the line, the best at the top. Where it would hide the place on the map of the match
/// that is chosen, it stands at the upper end of the page.
fn suggestions(app: &App, prompt: &Prompt, areas: &Areas, page: Rect, buf: &mut Buffer) {
    let (kind, all, chosen) = (prompt.kind(), prompt.suggestions(), prompt.chosen());
    let look = app.look();
    let theme = &look.theme;
    // While searching, the map behind the box is what is looked at: leave it more room.
    let most = if kind == PromptKind::Search { (page.height / 3).saturating_sub(2).min(ROWS) } else { ROWS };
    let rows = (all.len() as u16).min(most).min(page.height.saturating_sub(2)).max(1);
    let width = page.width.min(WIDTH);
    let at_y = |y: u16| Rect { x: page.x, y, width, height: rows + 2 }.intersection(page);
    let low = at_y(page.bottom().saturating_sub(rows + 2));
    let here = app.map().crosshair().filter(|_| kind == PromptKind::Search && !areas.plot.is_empty());
    let hides = |(column, row): (u16, u16)| low.contains((areas.plot.x + column, areas.plot.y + row).into());
    let area = if here.is_some_and(hides) { at_y(page.y) } else { low };
    pane::clear(area, buf);
    let at = chosen.unwrap_or(0).min(all.len().saturating_sub(1));
    let remark = format!("{} of {}", at + 1, all.len());
    let title = match kind {
        PromptKind::Palette => "commands",
        PromptKind::Search => "matches",
        PromptKind::Filter => "what may come next",
        _ => "suggestions",
    };
    let inside = Pane { title, remark: &remark, focused: true, ..Pane::default() }.render(look, area, buf);
    let first = (at + 1).saturating_sub(usize::from(rows));
    let name = all.iter().map(|s| text::width(&s.text)).max().unwrap_or(0).min(usize::from(width) / 3) as u16;
    for (y, (i, suggestion)) in (inside.y..inside.bottom()).zip(all.iter().enumerate().skip(first)) {
        let row = Rect { x: inside.x + 1, y, width: inside.width.saturating_sub(2), height: 1 };
        let room = Rect { width: name.min(row.width), ..row };
        spelled(look, &suggestion.text, &suggestion.hits, theme.text(), room, buf);
        let mut end = row.right();
        if let Some(key) = &suggestion.key {
            end = text::put_right(buf, row, row.right(), y, key, theme.strong()).saturating_sub(2);
        }
        if width >= VOICES {
            end = text::put_right(buf, row, end, y, suggestion.voice, theme.muted());
            end = end.saturating_sub(if suggestion.voice.is_empty() { 0 } else { 2 });
        }
        let start = row.x + name + 2;
        let room = Rect { x: start, width: end.saturating_sub(start), ..row };
        spelled(look, &suggestion.doc, &suggestion.doc_hits, theme.muted(), room, buf);
        // Only a choice that was made is reversed; Enter takes the first without one.
        if chosen == Some(i) || (chosen.is_none() && i == 0 && kind == PromptKind::Palette) {
            buf.set_style(Rect { x: inside.x, width: inside.width, ..row }, theme.selected());
        }
    }
}

/// Words in one row, the grapheme clusters that were typed among them emphasised. Of words that are too long the part
/// with the first of these is shown.
fn spelled(look: &Look, words: &str, hits: &[usize], style: Style, room: Rect, buf: &mut Buffer) {
    let columns = usize::from(room.width);
    let clusters: Vec<String> = words.graphemes(true).map(|cluster| text::clean(cluster, look.ascii)).collect();
    let widths: Vec<usize> = clusters.iter().map(|cluster| text::width(cluster)).collect();
    let whole = widths.iter().sum::<usize>() <= columns;
    let first = hits.first().copied().unwrap_or(0).min(clusters.len());
    // As far from the left as leaves some words on both sides of it.
    let fits = widths[..first].iter().sum::<usize>() + 1 < columns * 2 / 3;
    let mut start = if whole || fits { 0 } else { first };
    let mut before = 0;
    while start > 0 && !fits && before + widths[start - 1] <= columns / 3 {
        before += widths[start - 1];
        start -= 1;
    }
    let mut x = room.x;
    if start > 0 {
        x = text::put(buf, room, x, room.y, text::ellipsis(look.ascii), style);
    }
    let mut rest: usize = widths[start..].iter().sum();
    for at in start..clusters.len() {
        let left = usize::from(room.right().saturating_sub(x));
        if rest > left && widths[at] + 1 > left {
            text::put(buf, room, x, room.y, text::ellipsis(look.ascii), style);
            return;
        }
        let style = if hits.binary_search(&at).is_ok() { look.theme.hit() } else { style };
        x = text::put(buf, room, x, room.y, &clusters[at], style);
        rest -= widths[at];
    }
}
