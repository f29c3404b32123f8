//! The lines around the page: what is open, what is shown, what runs, which keys come next.

use super::words::about;
use crate::text::counted;
use crate::tui::action::{Action, Context};
use crate::tui::app::{App, Note, Prompt};
use crate::tui::widgets::line::{self, Hint};
use crate::tui::widgets::text;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

/// First line: program, model, site, format, shape; what it was measured on; which map.
pub(super) fn header(app: &App, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let theme = &look.theme;
    let study = app.study();
    let info = &study.dictionary.info;
    let clean = |text: &str| text::clean(text, look.ascii);
    // The last part of a path names it; all of it stands on the page about the dictionary.
    let name = clean(study.name.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
    let name = if study.name.starts_with('@') { clean(&study.name) } else { name };
    let stage = app.stage_words();
    let tokens = study.activations().map(|a| format!("{} tokens", text::thousands(a.tokens() as u64)));
    let shape =
        format!("{} × {} {}", text::thousands(study.features() as u64), study.dictionary.d_out(), info.dtype.name());
    let format = format!("{} {}", info.format, study.dictionary.describe_activation());
    // The more a part tells, the lower its rank, and the later it is left out.
    let left: [(u8, String, Style); 6] = [
        (6, "saescope".to_string(), theme.strong()),
        (0, name, theme.strong()),
        (2, info.model.as_deref().map(clean).unwrap_or_default(), theme.text()),
        (5, info.hook.as_deref().map(clean).unwrap_or_default(), theme.text()),
        (3, format, theme.text()),
        (1, shape, theme.text()),
    ];
    let right: [(u8, String, Style); 2] = [(4, tokens.unwrap_or_default(), theme.muted()), (1, stage, theme.text())];
    let mut parts: Vec<&(u8, String, Style)> = left.iter().chain(&right).filter(|part| !part.1.is_empty()).collect();
    parts.sort_by_key(|(rank, ..)| *rank);
    let mut room = usize::from(area.width.saturating_sub(2));
    let mut fitting = 0;
    for (i, (_, words, _)) in parts.iter().enumerate() {
        // What is left out takes with it all that tells less, so that parts do not come and go at random.
        match room.checked_sub(text::width(words) + 3) {
            Some(rest) => room = rest,
            None if i == 0 => room = 0,
            None => break,
        }
        fitting = i + 1;
    }
    let last = parts[..fitting].iter().map(|(rank, ..)| *rank).max().unwrap_or(0);
    let shown = |part: &&(u8, String, Style)| parts[..fitting].iter().any(|other| std::ptr::eq(*other, *part));
    let mut x = area.x + 1;
    for (rank, words, style) in left.iter().filter(shown) {
        if *rank == 6 {
            x = text::put(buf, area, x, area.y, words, *style) + 2;
            continue;
        }
        if x > area.x + 1 && !(last == 6 && *rank == 0) {
            x = text::put(buf, area, x, area.y, "· ", theme.muted());
        }
        let words = text::fit(words, usize::from((area.right() - 1).saturating_sub(x)), look.ascii);
        x = text::put(buf, area, x, area.y, &words, *style) + 1;
    }
    let mut end = area.right().saturating_sub(1);
    for (_, words, style) in right.iter().rev().filter(|part| shown(part)) {
        end = text::put_right(buf, area, end, area.y, words, *style).saturating_sub(3);
    }
}

/// Second line: conditions and search on the left, counts on the right.
pub(super) fn filters(app: &App, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let theme = &look.theme;
    let all = app.study().features();
    let mut counts = if app.filters().is_empty() && app.shown_count() == all {
        counted(all, "feature", "features")
    } else {
        // On a narrow screen the conditions say more than this word.
        let all = if area.width < 72 { text::thousands(all as u64) } else { counted(all, "feature", "features") };
        format!("{} of {all}", text::thousands(app.shown_count() as u64))
    };
    if !app.marks().is_empty() {
        counts.push_str(&format!(" · {} marked", text::thousands(app.marks().len() as u64)));
    }
    let start = text::put_right(buf, area, area.right() - 1, area.y, &counts, theme.text());
    let area = Rect { width: start.saturating_sub(area.x + 2), ..area };
    let mut x = area.x + 1;
    let mut parts: Vec<(&str, String, bool)> = Vec::new();
    if let Some(search) = app.search() {
        let at = search.at().map_or_else(|| "-".into(), |at| text::thousands(at as u64 + 1));
        let all = text::thousands(search.hits.len() as u64);
        let words = format!("{} {at}/{all}", text::clean(&search.query, look.ascii));
        parts.push(("search", words, false));
    }
    for (i, chip) in app.filters().chips().iter().enumerate() {
        parts.push((if i == 0 { "filter" } else { "" }, text::clean(&chip.label(), look.ascii), true));
    }
    for (i, (title, words, chip)) in parts.iter().enumerate() {
        // A part that is cut to less says nothing; then it is told how many there are, and room is kept for that.
        let more = |parts: usize| if parts > 0 { format!("+{parts} more") } else { String::new() };
        let title = if title.is_empty() { String::new() } else { format!("{title} ") };
        let rest = more(parts.len() - i - 1).len() + if i + 1 < parts.len() { 3 } else { 0 };
        let taken = text::width(&title) + if *chip { 2 } else { 0 } + rest;
        let room = usize::from(area.right().saturating_sub(x)).saturating_sub(taken);
        if room < text::width(words).min(6) {
            text::put(buf, area, x, area.y, &more(parts.len() - i), theme.muted());
            return;
        }
        x = text::put(buf, area, x, area.y, &title, theme.muted());
        x = text::put(buf, area, x, area.y, &text::fit(words, room, look.ascii), theme.strong());
        if *chip {
            x = text::put(buf, area, x + 1, area.y, "×", theme.muted());
        }
        x += 3;
    }
    if parts.is_empty() {
        // What a careful reader should know first: about the dictionary, then about what lies beside it.
        let warnings = app.study().dictionary.info.warnings.iter().map(|words| (words, theme.warning()));
        let evidence = app.study().evidence();
        let doubts = evidence.into_iter().flat_map(|evidence| &evidence.warnings).map(|words| (words, theme.warning()));
        let notes = evidence.into_iter().flat_map(|evidence| &evidence.notes).map(|words| (words, theme.muted()));
        // Doubts come first: labels of another dictionary make everything that is read here wrong.
        let mut said = doubts.chain(warnings).chain(notes);
        if let Some((words, style)) = said.next() {
            let more = match said.count() {
                0 => String::new(),
                more => {
                    let key = app.keymap().way(Context::Map, Action::GoInfo);
                    format!("  +{more} more: {key}")
                }
            };
            let room = usize::from(area.right().saturating_sub(x)).saturating_sub(more.len());
            let words = text::clean(words, look.ascii);
            x = text::put(buf, area, x, area.y, &text::fit(&words, room, look.ascii), style);
            text::put(buf, area, x, area.y, &more, theme.muted());
        }
    }
}

/// Last line but one: the line being typed, else what was said, else what runs, else the selected feature. Keys of
/// an unfinished command stand at the right. Gives the place of the cursor while a line is typed.
pub(super) fn status(app: &App, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let look = app.look();
    let theme = &look.theme;
    if let Some(prompt) = app.prompt() {
        return Some(typing(app, prompt, area, buf));
    }
    let pending = app.pending();
    let mut right = area.right();
    if !pending.is_empty() {
        right = text::put_right(buf, area, area.right() - 1, area.y, &pending, theme.strong()).saturating_sub(1);
    }
    let room = Rect { width: right.saturating_sub(area.x), ..area };
    let inside = Rect { x: area.x + 1, width: room.width.saturating_sub(2), ..area };
    let running = app.jobs().running().map(|job| (job.kind.name(), job.progress()));
    let name = |job: &str, stage: &str| {
        if job.starts_with(stage) { job.to_string() } else { format!("{job}: {stage}") }
    };
    let message = app.message().filter(|_| overflow(app, area).is_none());
    if let Some(message) = message {
        let words = text::clean(&message.text, look.ascii);
        let style = if message.is_error { theme.error() } else { theme.text() };
        let mut end = text::put(buf, inside, inside.x, inside.y, &words, style) + 3;
        // What runs stays in sight beside what was said.
        if let Some((job, Some(progress))) = running {
            let percent = progress.percent().map_or_else(String::new, |percent| format!(" {percent} %"));
            let words = format!("{}{percent}", name(job, progress.stage));
            end += text::width(&words) as u16;
            if end <= inside.right() {
                text::put_right(buf, inside, inside.right(), inside.y, &words, theme.muted());
            }
        }
    } else if let Some((job, progress)) = running {
        match progress {
            Some(progress) => line::progress(look, &name(job, progress.stage), &progress, room, buf),
            None => drop(text::put(buf, inside, inside.x, inside.y, job, theme.strong())),
        }
    } else if app.areas().side.is_empty()
        && let Some(feature) = app.selected()
    {
        let words = format!("#{feature} {}", about(app, feature));
        let words = text::fit(&words, usize::from(inside.width), look.ascii);
        text::put(buf, inside, inside.x, inside.y, &words, theme.text());
    }
    None
}

/// What is said of the line being typed.
fn note(app: &App, prompt: &Prompt) -> (String, Style) {
    let theme = &app.look().theme;
    let (words, style) = match prompt.note() {
        Note::None => ("", theme.text()),
        Note::Good(words) => (words.as_str(), theme.muted()),
        Note::Bad(words) => (words.as_str(), theme.warning()),
        // Where it cannot be read is pointed at, and told there.
        Note::Unread { error, unfinished: None } => (error.message.as_str(), theme.warning()),
        Note::Unread { unfinished: Some(hint), .. } => (hint.as_str(), theme.muted()),
    };
    (text::clean(words, app.look().ascii), style)
}

/// The column under which what is typed cannot be read, if that is to be said.
fn unread(app: &App, prompt: &Prompt, area: Rect) -> Option<u16> {
    let Note::Unread { error, unfinished: None } = prompt.note() else { return None };
    let line = written(prompt, Rect { width: area.width.saturating_sub(1), ..area });
    let typed = prompt.editor().text();
    let place = typed.char_indices().nth(error.at).map_or(typed.len(), |(at, _)| at);
    let before = text::width(&text::clean(&typed[line.start..place.max(line.start)], app.look().ascii)) as u16;
    Some(line.x.saturating_add(before).min(area.right().saturating_sub(2)))
}

/// Columns of the line `area` to the left and to the right of a caret, without a blank on either side.
fn beside(column: u16, area: Rect) -> (usize, usize) {
    (usize::from(column.saturating_sub(area.x + 2)), usize::from(area.right().saturating_sub(column + 3)))
}

/// A caret under the place where what is typed in the line `area` cannot be read, and what was expected there beside it.
/// False if there is no such place.
pub(super) fn caret(app: &App, area: Rect, below: Rect, buf: &mut Buffer) -> bool {
    let Some((prompt, column)) = app.prompt().and_then(|prompt| Some((prompt, unread(app, prompt, area)?))) else {
        return false;
    };
    let (words, style) = note(app, prompt);
    text::put(buf, below, column, below.y, "^", style.add_modifier(Modifier::BOLD));
    let (left, right) = beside(column, below);
    if overflow(app, area).is_some() {
        // Told in a box.
    } else if text::width(&words) <= right || right >= left {
        let words = text::fit(&words, right, app.look().ascii);
        text::put(buf, below, column + 2, below.y, &words, style);
    } else {
        let words = text::fit(&words, left, app.look().ascii);
        text::put_right(buf, below, column.saturating_sub(1), below.y, &words, style);
    }
    true
}

/// The columns of the line `area` that a note may take; what is typed keeps the rest.
fn room_of_note(area: Rect) -> usize {
    usize::from(area.width) * 3 / 5
}

/// What was said, or what is wrong with what is typed, where the line `area` is too short for it: told whole in a box.
pub(super) fn overflow(app: &App, area: Rect) -> Option<(String, Style)> {
    let theme = &app.look().theme;
    let (words, style, room) = match (app.prompt(), app.message()) {
        // With suggestions in sight a word is still being typed: no box jumps up and down over them.
        (Some(prompt), _) if matches!(prompt.note(), Note::Bad(_)) && prompt.suggestions().is_empty() => {
            let (words, style) = note(app, prompt);
            (words, style, room_of_note(area))
        }
        (Some(prompt), _) => match unread(app, prompt, area) {
            Some(column) if prompt.suggestions().is_empty() => {
                let (words, style) = note(app, prompt);
                let (left, right) = beside(column, area);
                (words, style, left.max(right))
            }
            _ => return None,
        },
        (None, None) => return None,
        (None, Some(message)) => {
            let style = if message.is_error { theme.error() } else { theme.text() };
            let words = text::clean(&message.text, app.look().ascii);
            (words, style, usize::from(area.width.saturating_sub(2)))
        }
    };
    (text::width(&words) > room).then_some((words, style))
}

/// Where a line stands that is being typed.
struct Written<'a> {
    /// Its first column, after its title.
    x: u16,
    /// What of it is seen, and at which byte of it that begins.
    seen: &'a str,
    start: usize,
}

fn written(prompt: &Prompt, area: Rect) -> Written<'_> {
    let title = prompt.kind().title();
    let gap = u16::from(!title.ends_with(['/', ':', '#']));
    let x = (area.x + 1).saturating_add(text::width(title) as u16).min(area.right()).saturating_add(gap);
    let (range, _) = prompt.editor().seen(usize::from(area.right().saturating_sub(x)));
    Written { x, seen: &prompt.editor().text()[range.clone()], start: range.start }
}

/// The line being typed, its title before it, what is said about it after it.
fn typing(app: &App, prompt: &Prompt, area: Rect, buf: &mut Buffer) -> Position {
    let look = app.look();
    let theme = &look.theme;
    let (words, style) = note(app, prompt);
    let note = if overflow(app, area).is_some() || unread(app, prompt, area).is_some() {
        "".into()
    } else {
        text::fit(&words, room_of_note(area), look.ascii)
    };
    let right = if note.is_empty() {
        area.right().saturating_sub(1)
    } else {
        text::put_right(buf, area, area.right() - 1, area.y, &note, style).saturating_sub(2)
    };
    let room = Rect { width: right.saturating_sub(area.x), ..area };
    text::put(buf, room, area.x + 1, area.y, prompt.kind().title(), theme.strong());
    let line = written(prompt, room);
    text::put(buf, room, line.x, area.y, &text::clean(line.seen, look.ascii), theme.text());
    // As wide as it is drawn: some of what can be typed is shown by less.
    let before = prompt.editor().cursor().saturating_sub(line.start).min(line.seen.len());
    let column = text::width(&text::clean(&line.seen[..before], look.ascii)) as u16;
    Position::new(line.x.saturating_add(column).min(area.right().saturating_sub(1)), area.y)
}

/// Last line: the keys that are useful here, help at the right.
pub(super) fn hints(app: &App, area: Rect, buf: &mut Buffer) {
    let all = app.hints();
    let hint = |(key, does): &(String, &'static str)| (key.clone(), *does);
    let (last, rest): (Vec<_>, Vec<_>) = all.iter().map(hint).partition(|(_, does)| *does == "help");
    let last = last.first().map(|(key, does)| Hint { key, does });
    let rest: Vec<Hint<'_>> = rest.iter().take(7).map(|(key, does)| Hint { key, does }).collect();
    line::hints(app.look(), &rest, last, area, buf);
}
