//! Before there is a map: what was opened, what lies beside it, what is being done, and what to press.

use crate::analysis::JobKind;
use crate::analysis::jobs::JobState;
use crate::text::counted;
use crate::tui::action::{Action, Context};
use crate::tui::app::App;
use crate::tui::widgets::{line, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Widest text block.
const WIDTH: u16 = 72;

pub(super) fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let theme = &look.theme;
    let study = app.study();
    let info = &study.dictionary.info;
    let width = area.width.saturating_sub(4).min(WIDTH);
    let wrap = |words: &str| text::wrap(&text::clean(words, look.ascii), width.into());
    let mut lines: Vec<(String, Style)> = Vec::new();
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
    for (words, is_there) in beside(app) {
        say(&words, if is_there { theme.text() } else { theme.muted() });
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
    let keys = [Action::Search, Action::GoManifolds, Action::Tour, Action::Help];
    let keys: Vec<String> = keys.into_iter().filter_map(|action| key_and_use(app, action)).collect();
    let mut after: Vec<(String, Style)> = vec![(String::new(), theme.text())];
    after.extend(text::wrap(&keys.join(" · "), width.into()).into_iter().map(|line| (line, theme.muted())));
    if lines.len() + bars.len() + after.len() > usize::from(area.height) {
        after.clear();
    }
    let height = (lines.len() + bars.len() + after.len()).min(area.height.into()) as u16;
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
    for (words, style) in &after {
        text::put(buf, block, x, y, words, *style);
        y += 1;
    }
}

/// What lies beside the dictionary, as far as it has been read, and whether it is there.
fn beside(app: &App) -> Vec<(String, bool)> {
    let Some(evidence) = app.study().evidence() else { return Vec::new() };
    let mut found = Vec::new();
    found.push(match &evidence.activations {
        Some(activations) => {
            let tokens = text::thousands(activations.tokens() as u64);
            (format!("activations on {tokens} tokens"), true)
        }
        None => ("no activations beside it: --acts names them".to_string(), false),
    });
    let labelled = |labels: &crate::sae::Labels| labels.by_feature.iter().filter(|all| !all.is_empty()).count();
    found.push(match &evidence.labels {
        Some(labels) => (format!("labels of {}", counted(labelled(labels), "feature", "features")), true),
        None if evidence.tokens.is_some() => ("no labels: features are called by their top tokens".into(), true),
        None => ("no labels and no texts: --labels and --tokens name them".into(), false),
    });
    found
}

/// A key and what it is for, in a word or two.
fn key_and_use(app: &App, action: Action) -> Option<String> {
    let what = match action {
        Action::Search => "find a feature",
        Action::GoManifolds => "manifolds",
        Action::Tour => "a tour",
        _ => "every key",
    };
    Some(format!("{} {what}", app.keymap().key(Context::Map, action)?))
}
