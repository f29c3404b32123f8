//! How the features are distributed over density, norm and activation; which of them are shown; the bars under the
//! cursor and their features beside them.
//!
//! Where there is room, all charts stand in a grid; else the one with the cursor is large and the others are lines.

use super::{charts, members};
use crate::analysis::distribution::Distribution;
use crate::text::counted;
use crate::tui::app::{App, Pane as Focus};
use crate::tui::layout::Areas;
use crate::tui::widgets::bars::{ends, number, sparkline};
use crate::tui::widgets::distribution::Bars;
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Least size of one of several large charts, with its title.
const GRID: (u16, u16) = (48, 12);
/// Columns of the name of a chart that is a line.
const NAME: usize = 16;

pub(super) fn draw(app: &App, areas: &Areas, buf: &mut Buffer) {
    if areas.main.is_empty() {
        return;
    }
    let look = app.look();
    let bars = app.bars();
    let all = app.study().features();
    let remark = match app.shown_count() {
        shown if shown == all => counted(all, "feature", "features"),
        shown => format!("solid: the {} that are shown", counted(shown, "feature", "features")),
    };
    let focused = app.focus() == Focus::Histograms;
    Pane { title: "histograms", remark: &remark, focused, ..Pane::default() }.render(look, areas.main, buf);
    let area = Rect { x: areas.plot.x + 1, width: areas.plot.width.saturating_sub(2), ..areas.plot };
    let count = bars.all().len() as u16;
    if count == 0 {
        let lines = [("norms and activations are being read".to_string(), look.theme.muted())];
        return charts::lines(app, &lines, area, buf);
    }
    let lines = count.div_ceil(2);
    if count > 1 && area.width >= 2 * GRID.0 + 2 && area.height >= lines * GRID.1 {
        let (width, height) = ((area.width - 2) / 2, area.height / lines);
        for (i, one) in (0u16..).zip(bars.all()) {
            let x = area.x + (i % 2) * (width + 2);
            let y = area.y + (i / 2) * height;
            chart(app, one, usize::from(i) == bars.at(), Rect { x, y, width, height: height - 1 }, buf);
        }
    } else {
        for (y, (i, one)) in (area.y..area.bottom()).zip(bars.all().iter().enumerate()) {
            line(app, one, i == bars.at(), Rect { y, height: 1, ..area }, buf);
        }
        let below = Rect { y: area.y + count + 1, height: area.height.saturating_sub(count + 1), ..area };
        if let Some(here) = bars.here() {
            chart(app, here, true, below, buf);
        }
    }
    told(app, Rect { x: area.x, width: area.width, ..areas.legend }, buf);
}

/// One chart with its title.
fn chart(app: &App, one: &Distribution, here: bool, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let theme = &look.theme;
    if area.height < 4 {
        return;
    }
    let median = one.median.map_or_else(String::new, |median| format!("  median {}", number(median)));
    let title = format!("{}{median}", one.column.name());
    let style = if here { theme.strong() } else { theme.text() };
    text::put(buf, area, area.x, area.y, &text::fit(&title, area.width.into(), look.ascii), style);
    let ends = ends(one.edges[0], one.edges[one.edges.len() - 1]);
    let chart = Bars {
        counts: &one.counts,
        shown: &one.shown,
        span: here.then(|| app.bars().span()),
        place: app.selected().and_then(|feature| app.bar_of(one, feature)),
        ends: (&ends.0, &ends.1),
        name: if one.log { "log scale" } else { "" },
    };
    chart.render(look, theme.ramp(0.5), Rect { y: area.y + 1, height: area.height - 1, ..area }, buf);
}

/// One chart as a line.
fn line(app: &App, one: &Distribution, here: bool, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let theme = &look.theme;
    let mark = if here { look.pick("▸ ", "> ") } else { "  " };
    let name = text::pad(one.column.name(), NAME, false, look.ascii);
    let style = if here { theme.strong() } else { theme.text() };
    let x = text::put(buf, area, area.x, area.y, &format!("{mark}{name}"), style);
    let ends = ends(one.edges[0], one.edges[one.edges.len() - 1]);
    let low = text::pad(&ends.0, 6, true, look.ascii);
    let x = text::put(buf, area, x, area.y, &format!("{low} "), theme.muted());
    let room = usize::from(area.right().saturating_sub(x)).saturating_sub(8);
    let counts: Vec<f64> = one.shown.iter().map(|&count| count as f64).collect();
    let bars = sparkline(&counts, room.min(counts.len()).min(24), None, look.ascii);
    let x = text::put(buf, area, x, area.y, &bars, theme.ramp(0.5));
    text::put(buf, area, x + 1, area.y, &ends.1, theme.muted());
}

/// What the bars under the cursor are, and what is in none.
fn told(app: &App, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let theme = &look.theme;
    let Some(here) = app.bars().here() else { return };
    let span = app.bars().span();
    let sum = |counts: &[u64]| counts.get(span.clone()).map_or(0, |counts| counts.iter().sum::<u64>());
    let (all, shown) = (sum(&here.counts), sum(&here.shown));
    let edge = |at: usize| here.edges.get(at).copied().unwrap_or_default();
    let (from, to) = ends(edge(span.start), edge(span.end));
    let of = if shown == all { String::new() } else { format!(", {} shown", text::thousands(shown)) };
    let all = counted(all as usize, "feature", "features");
    let bar = format!("{} {from} to {to}: {all}{of}", here.column.name());
    let mut rest: Vec<String> = Vec::new();
    if here.zeros > 0 {
        let what = if here.column == crate::analysis::Column::Density { "never fire" } else { "are 0" };
        rest.push(format!("{} {what}", text::thousands(here.zeros)));
    }
    if here.unknown > 0 {
        rest.push(format!("{} have none", text::thousands(here.unknown)));
    }
    rest.push(format!("{} the selected feature", look.pick("▲", "^")));
    for (y, (words, style)) in (area.y..area.bottom()).zip([(bar, theme.strong()), (rest.join(" · "), theme.muted())])
    {
        text::put(buf, area, area.x, y, &text::fit(&words, area.width.into(), look.ascii), style);
    }
}

/// The features of the bars under the cursor.
pub(super) fn aside(app: &App, areas: &Areas, buf: &mut Buffer) {
    let theme = &app.look().theme;
    let count = app.members().len();
    let marked = app.members().iter().filter(|feature| app.marks().contains(feature)).count();
    let mut lines: Vec<(String, Style)> = vec![(counted(count, "feature", "features"), theme.strong())];
    if marked > 0 {
        lines.push((format!("{} marked", text::thousands(marked as u64)), theme.muted()));
    }
    members::pane(app, areas, "bars under the cursor", &lines, "their features", buf);
}
