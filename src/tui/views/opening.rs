//! Before there is a map: what was opened, and what is being done about it.

use crate::analysis::JobKind;
use crate::analysis::jobs::JobState;
use crate::tui::app::App;
use crate::tui::widgets::{line, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Widest text block.
const WIDTH: u16 = 72;

pub(super) fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let theme = &look.theme;
    let study = app.study();
    let info = &study.dictionary.info;
    let width = area.width.saturating_sub(4).min(WIDTH);
    let wrap = |words: &str| text::wrap(&text::clean(words, look.ascii), width.into());
    let mut lines: Vec<(String, ratatui::style::Style)> = Vec::new();
    let mut say = |words: &str, style| lines.extend(wrap(words).into_iter().map(|line| (line, style)));
    say(&study.name, theme.strong());
    let place: Vec<&str> = [info.model.as_deref(), info.hook.as_deref()].into_iter().flatten().collect();
    say(&place.join(" · "), theme.text());
    say(
        &format!(
            "{} features × {} · {} · {} {}",
            text::thousands(study.features() as u64),
            study.dictionary.d_out(),
            info.dtype.name(),
            info.format,
            study.dictionary.describe_activation()
        ),
        theme.text(),
    );
    for warning in &info.warnings {
        say(warning, theme.warning());
    }
    lines.push((String::new(), theme.text()));
    let mut bars = Vec::new();
    let mut say = |words: &str, style| lines.extend(wrap(words).into_iter().map(|line| (line, style)));
    for kind in [JobKind::Evidence, JobKind::Map] {
        let Some(job) = app.jobs().current(kind) else { continue };
        match &job.state {
            JobState::Running => bars.push((kind, job.progress())),
            JobState::Failed(why) => say(&format!("{}: {why}", kind.name()), theme.error()),
            JobState::Cancelled => say(&format!("{}: cancelled", kind.name()), theme.muted()),
            JobState::Finished(_) => {}
        }
    }
    let height = (lines.len() + bars.len()).min(area.height.into()) as u16;
    let x = area.x + (area.width - width.min(area.width)) / 2;
    let mut y = area.y + (area.height - height) / 2;
    let block = Rect { x, width, ..area };
    for (words, style) in &lines {
        text::put(buf, block, x, y, words, *style);
        y += 1;
    }
    for (kind, progress) in bars {
        let row = Rect { x: x.saturating_sub(1), y, width: width + 2, height: 1 }.intersection(area);
        match progress {
            Some(progress) => line::progress(look, progress.stage, &progress, row, buf),
            None => drop(text::put(buf, block, x, y, kind.name(), theme.muted())),
        }
        y += 1;
    }
}
