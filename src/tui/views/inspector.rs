//! The side pane: what is known about the selected feature, with its nearest features as a list.
//!
//! Tall panes show the summary above the list, wide low ones beside it ([`Areas`] tells which).

use super::words::{self, about, number};
use crate::analysis::Detail;
use crate::sae::Label;
use crate::text::counted;
use crate::tui::app::{App, Pane as Focus};
use crate::tui::layout::{Areas, Page};
use crate::tui::theme::class_of;
use crate::tui::widgets::bars::{Axis, Histogram, number as axis_number, sparkline};
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::passage::{self, Align, Token};
use crate::tui::widgets::table::{Cell, Column, Table};
use crate::tui::widgets::{legend, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// Below this width, lines are short of room.
const NARROW: u16 = 34;
/// From this height on, the summary has room for a small chart.
const ROOMY: u16 = 9;
/// Lines that a label may take on the page of its feature.
const LABEL: usize = 3;
/// Further labels that are shown there.
const OTHERS: usize = 4;

pub(super) fn draw(app: &App, areas: &Areas, buf: &mut Buffer) {
    let area = areas.side;
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let Some(detail) = app.aside() else {
        let inside = Pane { title: "feature", ..Pane::default() }.render(look, area, buf);
        let words = text::fit("no feature is selected yet", inside.width.saturating_sub(2).into(), look.ascii);
        text::put(buf, inside, inside.x + 1, inside.y, &words, look.theme.muted());
        return;
    };
    let title = format!("#{}", detail.feature);
    let remark = if app.marks().contains(&detail.feature) { "marked" } else { "" };
    let focused = app.focus() == Focus::Feature;
    Pane { title: &title, remark, focused, ..Pane::default() }.render(look, area, buf);
    summary(app, detail, areas.summary, buf);
    if !areas.heading.is_empty() {
        let narrow = areas.heading.width < NARROW;
        rule(app, if narrow { "nearest by cosine" } else { "nearest by decoder cosine" }, areas.heading, buf);
    }
    nearest(app, detail, areas.list, focused, buf);
}

/// The feature that is pinned, and what it has in common with the selected one.
pub(super) fn pinned(app: &App, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let theme = &look.theme;
    let Some(both) = app.comparison() else { return };
    let detail = &both.pinned;
    let title = format!("#{} pinned", detail.feature);
    let inside = Pane { title: &title, ..Pane::default() }.render(look, area, buf);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let mut lines: Vec<Vec<(String, Style)>> = Vec::new();
    if both.selected == detail.feature {
        lines.push(vec![("the selected feature itself: move on to compare".into(), theme.muted())]);
    } else {
        let mut cosines = format!("cosine to #{} {}", both.selected, text::unit(both.decoder));
        if let Some(encoder) = both.encoder {
            cosines.push_str(&format!(", encoder {}", text::unit(encoder)));
        }
        lines.push(vec![(cosines, theme.strong())]);
        if let Some([both, own, other]) = both.together {
            let counts = [both, own, other].map(|count| text::thousands(count as u64));
            lines.push(vec![(
                format!("fire together on {} of {} and {}", counts[0], counts[1], counts[2]),
                theme.text(),
            )]);
        }
    }
    lines.extend(facts(app, detail, inside));
    fact_lines(app, &lines, inside, buf);
}

/// `── where it fires ─────`
pub(super) fn rule(app: &App, title: &str, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let dash = look.pick("─", "-");
    let style = look.theme.muted();
    let title = text::fit(title, usize::from(area.width).saturating_sub(6), look.ascii);
    let x = text::put(buf, area, area.x, area.y, &format!("{dash}{dash} {title} "), style);
    text::put(buf, area, x, area.y, &dash.repeat(usize::from(area.right().saturating_sub(x))), style);
}

/// Words, numbers, strength of firing, then passages in the rows that are left.
fn summary(app: &App, detail: &Detail, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let mut lines = facts(app, detail, area);
    if let Some(histogram) = detail.histogram.as_ref().filter(|_| app.page() != Page::Feature && area.height >= ROOMY) {
        let counts: Vec<f64> = histogram.counts.iter().map(|&count| count as f64).collect();
        let (low, high) = (axis_number(histogram.low), axis_number(histogram.high));
        // The numbers are shown whole; the chart takes what is left.
        let room = usize::from(area.width).saturating_sub(11 + low.len() + high.len());
        let bars = sparkline(&counts, counts.len().min(room), None, look.ascii);
        let parts = [
            (format!("strength {low}"), look.theme.muted()),
            (format!(" {bars} "), look.theme.ramp(0.5)),
            (high, look.theme.muted()),
        ];
        lines.push(parts.to_vec());
    }
    let y = fact_lines(app, &lines, area, buf);
    let rest = Rect { y, height: area.bottom().saturating_sub(y), ..area };
    if app.page() == Page::Feature {
        strength(app, detail, rest, buf);
    } else if rest.height >= 1 && !detail.examples.is_empty() {
        // With little room a passage says more than its heading.
        let heading = u16::from(rest.height >= 3);
        if heading > 0 {
            rule(app, "where it fires", Rect { height: 1, ..rest }, buf);
        }
        let top = detail.max_activation.unwrap_or(0.0) as f32;
        for (y, example) in (rest.y + heading..rest.bottom()).zip(&detail.examples) {
            let tokens: Vec<Token<'_>> = example
                .pieces
                .iter()
                .map(|(text, value)| Token { text, strength: if top > 0.0 { value / top } else { 0.0 } })
                .collect();
            passage::render(look, &tokens, example.focus, Align::Flow, Rect { y, height: 1, ..rest }, buf);
        }
    }
}

/// Draws lines of facts from the top; the first line below them.
fn fact_lines(app: &App, lines: &[Vec<(String, Style)>], area: Rect, buf: &mut Buffer) -> u16 {
    let look = app.look();
    for (y, parts) in (area.y..area.bottom()).zip(lines) {
        let mut x = area.x;
        // What is left out is told by an ellipsis, for which a column is kept; blanks at the end are no loss.
        let all: String = parts.iter().map(|(words, _)| words.as_str()).collect();
        let cut = text::width(all.trim_end()) > usize::from(area.width);
        let room = Rect { width: area.width.saturating_sub(u16::from(cut)), ..area };
        for (words, style) in parts {
            x = text::put(buf, room, x, y, words, *style);
        }
        if cut {
            text::put(buf, area, x, y, text::ellipsis(look.ascii), look.theme.muted());
        }
    }
    (area.y + lines.len() as u16).min(area.bottom())
}

/// Lines of facts, the most telling first.
fn facts(app: &App, detail: &Detail, area: Rect) -> Vec<Vec<(String, Style)>> {
    let width = area.width;
    let narrow = width < NARROW;
    let look = app.look();
    let theme = &look.theme;
    let mut lines = Vec::new();
    let alone = app.page() == Page::Feature;
    if let Some(label) = detail.label() {
        let most = if alone { LABEL } else { 1 };
        let whole = detail.labels.first().filter(|_| alone).map(Label::with_author);
        let label = text::clean(whole.as_deref().unwrap_or(label).trim(), look.ascii);
        lines.extend(at_most(most, &label, width).into_iter().map(|line| vec![(line, theme.strong())]));
    }
    if !detail.top_tokens.is_empty() {
        let mut parts = vec![(if narrow { "top  " } else { "top tokens  " }.to_string(), theme.muted())];
        for (token, share) in &detail.top_tokens {
            parts.push((text::clean(token.trim(), look.ascii), theme.text()));
            parts.push((format!(" {}  ", text::percent(*share)), theme.muted()));
        }
        lines.push(parts);
    }
    let tokens = app.study().activations().map(|a| text::thousands(a.tokens() as u64)).unwrap_or_default();
    match detail.density {
        Some(0.0) => lines.push(vec![(format!("never fires on {tokens} tokens"), theme.warning())]),
        Some(density) => {
            let of = if narrow { format!(" of {tokens}") } else { format!(" of {tokens} tokens") };
            lines.push(vec![(format!("fires on {}{of}", text::percent(density)), theme.text())]);
        }
        _ if app.study().evidence().is_some() => {
            let words = if narrow { "no activations (--acts)" } else { "no activations: --acts names them" };
            lines.push(vec![(words.to_string(), theme.muted())]);
        }
        _ => lines.push(vec![("activations are being read".to_string(), theme.muted())]),
    }
    let range = [("max", detail.max_activation), ("mean", detail.mean_activation), ("norm", detail.norm)];
    let fires = detail.density.is_some_and(|density| density > 0.0);
    let known = |(word, value): &(&str, Option<f64>)| Some(format!("{word} {}", number((*value)?)));
    let range: Vec<String> = range[if fires { 0 } else { 2 }..].iter().filter_map(known).collect();
    if !range.is_empty() {
        lines.push(vec![(range.join(" · "), theme.text())]);
    }
    if let Some(cluster) = detail.cluster {
        let class = class_of(cluster);
        lines.push(if cluster < 0 {
            vec![("in no cluster".to_string(), theme.text())]
        } else {
            vec![
                ("cluster ".to_string(), theme.text()),
                (legend::mark(class, look), theme.cluster(class).add_modifier(Modifier::BOLD)),
                (format!(" {}", words::cluster(app, cluster)), theme.text()),
            ]
        });
    }
    if alone {
        let mut more = detail.labels.len().saturating_sub(1);
        for label in detail.labels.iter().skip(1).take(OTHERS) {
            let words = format!("also {}", text::clean(label.with_author().trim(), look.ascii));
            let words = at_most(2, &words, width);
            // What is left out is counted, for which a line is kept.
            if lines.len() + words.len() + usize::from(more > 1) > area.height.into() {
                break;
            }
            lines.extend(words.into_iter().map(|line| vec![(line, theme.text())]));
            more -= 1;
        }
        if more > 0 {
            lines.push(vec![(format!("and {}", counted(more, "more label", "more labels")), theme.muted())]);
        }
    }
    lines
}

/// `words` in at most so many lines; the last has all that is left, which may be too wide.
fn at_most(most: usize, words: &str, width: u16) -> Vec<String> {
    let mut lines = text::wrap(words, width.into());
    if lines.len() > most {
        let rest = lines.split_off(most - 1).join(" ");
        lines.push(rest);
    }
    lines
}

/// The histogram of activations with its axis.
fn strength(app: &App, detail: &Detail, area: Rect, buf: &mut Buffer) {
    let Some(histogram) = detail.histogram.as_ref().filter(|_| area.height >= 3) else { return };
    let look = app.look();
    rule(
        app,
        if look.ascii { "how strongly it fires, | the mean" } else { "how strongly it fires, │ the mean" },
        Rect { height: 1, ..area },
        buf,
    );
    let axis = Axis { from: histogram.low, to: histogram.high, name: "activation" };
    let chart = Rect { y: area.y + 1, height: (area.height - 1).min(7), ..area };
    let style = app.look().theme.ramp(0.5);
    Histogram { counts: &histogram.counts, axis, marker: detail.mean_activation }.render(app.look(), style, chart, buf);
}

/// The nearest features: cosine, number, cluster, words.
fn nearest(app: &App, detail: &Detail, area: Rect, focused: bool, buf: &mut Buffer) {
    let look = app.look();
    let Some(neighbours) = &detail.neighbours else {
        let words = text::wrap(&app.awaited("neighbours"), area.width.into());
        for (y, line) in (area.y..area.bottom()).zip(words) {
            text::put(buf, area, area.x, y, &line, look.theme.muted());
        }
        return;
    };
    // In a narrow pane words say more than the name of a cluster.
    let with_cluster = area.width >= NARROW;
    let mut columns = vec![Column::number("cos", 4), Column::number("feature", 6)];
    columns.extend(with_cluster.then(|| words::cluster_column(app)));
    columns.push(Column::words("about", 8).growing(1));
    let row = |i: usize| {
        let neighbour = &neighbours[i];
        let marked = app.marks().contains(&neighbour.feature);
        let mut cells = vec![
            Cell::from(text::unit(neighbour.cosine.into())),
            Cell::styled(format!("#{}", neighbour.feature), if marked { look.theme.marked() } else { Style::new() }),
        ];
        cells.extend(with_cluster.then(|| words::cluster_cell(app, words::cluster_of(app, neighbour.feature))));
        cells.push(Cell::from(about(app, neighbour.feature)));
        cells
    };
    let list = app.list(Focus::Feature);
    let selected = focused.then_some(list.cursor);
    Table { columns: &columns, rows: neighbours.len(), row: &row, offset: list.offset, selected, header: false }
        .render(look, area, buf);
}
