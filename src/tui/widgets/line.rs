//! One-line widgets: the bar of key hints, the progress of a job.

use super::{Look, text};
use crate::task::Progress;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// A key and what it does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint<'a> {
    /// The key as it is shown: `Enter`, `g`, `?`.
    pub key: &'a str,
    /// What it does, in a word or two.
    pub does: &'a str,
}

/// Draws hints from the left, as many whole ones as fit, and `last` at the right edge, which is kept longest.
pub fn hints(look: &Look, hints: &[Hint<'_>], last: Option<Hint<'_>>, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let columns = |hint: &Hint<'_>| text::width(hint.key) + 1 + text::width(hint.does);
    let mut right = area.right();
    if let Some(hint) = last
        && columns(&hint) < usize::from(area.width)
    {
        let x = area.right() - 1 - columns(&hint) as u16;
        draw(look, &hint, Rect { x, ..area }, buf);
        right = x.saturating_sub(2);
    }
    let mut x = area.x + 1;
    for hint in hints {
        if usize::from(x) + columns(hint) > usize::from(right) {
            break;
        }
        x = draw(look, hint, Rect { x, width: area.right() - x, ..area }, buf) + 3;
    }
}

fn draw(look: &Look, hint: &Hint<'_>, at: Rect, buf: &mut Buffer) -> u16 {
    let clip = Rect { width: buf.area.right().saturating_sub(at.x), ..at };
    let x = text::put(buf, clip, at.x, at.y, hint.key, look.theme.strong());
    text::put(buf, clip, x + 1, at.y, hint.does, look.theme.muted())
}

/// The share of a bar's `cells` that is full: none at the start, all only when all is done.
pub fn filled(done: u64, total: u64, cells: u16) -> u16 {
    if total == 0 {
        return 0;
    }
    if done >= total {
        return cells;
    }
    let share = (u128::from(done) * u128::from(cells) / u128::from(total)) as u16;
    share.min(cells.saturating_sub(1))
}

/// Draws `layout 67 % ▰▰▰▱▱ 1.2 s left` in one row, leaving out first the bar, then the rest, when it is narrow.
///
/// A stage without a known total shows for how long it has worked.
pub fn progress(look: &Look, name: &str, progress: &Progress, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.width < 3 {
        return;
    }
    let (done, total) = (progress.done.min(progress.total), progress.total);
    let time = match progress.eta() {
        Some(left) if total > 0 && done < total => format!("{} left", text::duration(left)),
        _ if progress.elapsed.as_secs() >= 1 => text::duration(progress.elapsed),
        _ => String::new(),
    };
    let count = progress.percent().map_or_else(String::new, |percent| format!("{percent} %"));
    let inner = Rect { x: area.x + 1, width: area.width - 2, ..area };
    let name = text::clean(name, look.ascii);
    let name = text::fit(&name, usize::from(inner.width), look.ascii);
    let mut x = text::put(buf, inner, inner.x, inner.y, &name, look.theme.strong()) + 1;
    let room = |x: u16, words: &str| usize::from(inner.right().saturating_sub(x)) >= text::width(words);
    if !count.is_empty() && room(x, &count) {
        x = text::put(buf, inner, x, inner.y, &count, look.theme.text()) + 1;
    }
    let bar = inner.right().saturating_sub(x).saturating_sub(text::width(&time) as u16 + 1).min(24);
    if total > 0 && bar >= 4 {
        let full = filled(done, total, bar);
        for i in 0..bar {
            let symbol = if i < full { look.pick("▰", "#") } else { look.pick("▱", ".") };
            let style = if i < full { look.theme.text() } else { look.theme.muted() };
            text::put(buf, inner, x + i, inner.y, symbol, style);
        }
        x += bar + 1;
    }
    if room(x, &time) {
        text::put(buf, inner, x, inner.y, &time, look.theme.muted());
    }
}
