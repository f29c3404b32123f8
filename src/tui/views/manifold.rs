//! One group of features: its cloud or a chart about it, who fires where along it, and its tokens in that order.

use super::charts;
use super::inspector::rule;
use super::manifolds::{name, reasons, verdict};
use super::words::{about, joined};
use crate::analysis::Portrait;
use crate::analysis::lens::Lens;
use crate::analysis::portrait::{Along, BINS, Field, bin};
use crate::text::counted;
use crate::tui::app::{App, Chart, Pane as Focus, Tint};
use crate::tui::layout::Areas;
use crate::tui::widgets::bars::sparkline;
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::passage::{self, Align, Token};
use crate::tui::widgets::raster::Raster;
use crate::tui::widgets::scatter::Scatter;
use crate::tui::widgets::{legend, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// Token types that are written on the cloud, the strongest first.
const WRITTEN: usize = 32;
/// Columns of a type above the fields.
const HEAD: usize = 3;
/// Pieces of text to each side of a token in the list.
const RADIUS: usize = 16;

pub(super) fn draw(app: &App, areas: &Areas, buf: &mut Buffer) {
    let look = app.look();
    let Some(open) = app.cloud().portrait().cloned() else {
        for (area, title) in [(areas.main, "manifold"), (areas.side, "along it")] {
            let inside = Pane { title, focused: title == "manifold", ..Pane::default() }.render(look, area, buf);
            if title == "manifold" && inside.width > 2 {
                let words = text::wrap(&app.awaited_manifold(), usize::from(inside.width) - 2);
                for (y, line) in (inside.y..inside.bottom()).zip(words) {
                    text::put(buf, inside, inside.x + 1, y, &line, look.theme.muted());
                }
            }
        }
        return;
    };
    main(app, &open, areas, buf);
    side(app, &open, areas, buf);
}

/// The second line of the screen: what the group is, in figures.
pub(super) fn headline(app: &App, open: &Portrait, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let (row, measured) = (&open.row, &open.row.measured);
    let mut x = area.x + 1;
    let mut put = |words: &str, style: Style| {
        let room = usize::from(area.right().saturating_sub(x + 1));
        x = text::put(buf, area, x, area.y, &text::fit(words, room, look.ascii), style) + 2;
    };
    put(&verdict(row).to_uppercase(), look.theme.strong());
    let mut parts = vec![
        format!("score {}", text::unit(row.score)),
        counted(row.found.features.len(), "feature", "features"),
        if measured.measured < measured.tokens {
            let all = counted(measured.tokens, "token", "tokens");
            format!("{} of {all}", text::thousands(measured.measured as u64))
        } else {
            counted(measured.tokens, "token", "tokens")
        },
    ];
    if let Some((Lens { shape, .. }, kind)) = measured.speaking() {
        if kind.is_unit() {
            parts.push(kind.about().into());
        }
        if let Some(indices) = shape.best().and_then(|plane| plane.indices) {
            let null = indices.separability_null.map_or(String::new(), |null| format!(" (null {})", text::unit(null)));
            parts.push(format!("S {} bit{null} M {}", text::unit(indices.separability), text::unit(indices.mixture)));
        }
        if let Some(span) = shape.homology.first() {
            let null = span.null_95.map_or(String::new(), |null| format!(" (null {null:.2})"));
            parts.push(format!("H1 {:.2}, {:.2}{null}", span.persistence(0), span.persistence(1)));
        }
    }
    if let Some(order) = measured.ring.as_ref().filter(|_| open.along == Along::Types) {
        parts.insert(1, format!("types in a ring p {}", text::unit(order.found.p)));
    }
    let room = usize::from(area.width).saturating_sub(12);
    put(&joined(&parts, room), look.theme.text());
}

/// The cloud, or what was chosen in its place.
fn main(app: &App, open: &Portrait, areas: &Areas, buf: &mut Buffer) {
    let area = areas.main;
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let state = app.cloud();
    let remark = match state.chart() {
        Chart::Cloud => joined(&[state.plane_name(), format!("by {}", state.tint_name())], usize::from(area.width) / 2),
        chart => chart.name().to_string(),
    };
    let room = usize::from(area.width).saturating_sub(text::width(&remark) + 8);
    let title = match open.row.found.cluster {
        Some(cluster) => format!("group {cluster}  {}", name(&open.row, look.ascii)),
        None => format!("group  {}", name(&open.row, look.ascii)),
    };
    let title = text::fit(&title, room, look.ascii).into_owned();
    let focused = app.focus() == Focus::Cloud;
    let inside = Pane { title: &title, remark: &remark, focused, ..Pane::default() }.render(look, area, buf);
    match state.chart() {
        Chart::Cloud => {
            cloud(app, open, areas.plot, buf);
            below(app, open, areas.legend, buf);
        }
        Chart::Loops => charts::loops(app, open, padded(inside), buf),
        Chart::Diagram => charts::diagram(app, open, padded(inside), buf),
        Chart::Capture => charts::capture(app, open, padded(inside), buf),
        Chart::Cosines => charts::cosines(app, open, padded(inside), buf),
        Chart::Stability => charts::stability(app, open, padded(inside), buf),
        Chart::Why => charts::lines(app, &reasons(look, &open.row), padded(inside), buf),
    }
}

fn padded(inside: Rect) -> Rect {
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

/// The points, the types written where they stand, and the token under the cursor.
fn cloud(app: &App, open: &Portrait, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let state = app.cloud();
    let here = state.listed().get(app.list(Focus::Along).cursor).copied();
    let arc: &[u32] = if state.has_arc() { state.listed() } else { &[] };
    let scatter = Scatter {
        cloud: state.cloud(),
        view: state.view(),
        paint: state.paint(),
        letters: false,
        hits: &[],
        marked: arc,
        ranked: &[],
        selected: here,
        cursor: None,
        outline: None,
    };
    let mut raster = Raster::new();
    scatter.render(look, &mut raster, area, buf);
    if state.has_words() {
        written(app, open, area, buf);
    }
}

/// Writes the strongest types where they stand; one that would lie on another is left out.
fn written(app: &App, open: &Portrait, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let state = app.cloud();
    let mut taken: Vec<Rect> = Vec::new();
    for (at, own) in open.types.iter().enumerate().take(WRITTEN) {
        let Some((x, y)) = state.type_place(at) else { continue };
        let Some((column, row)) = state.view().cell_of(x, y, area.width, area.height) else { continue };
        let word = text::clean(&own.text, look.ascii);
        let word = text::fit(&word, 14, look.ascii);
        let width = text::width(&word) as u16;
        if width == 0 || width > area.width {
            continue;
        }
        let left = column.saturating_sub(width / 2).min(area.width - width);
        let place = Rect::new(area.x + left, area.y + row, width, 1);
        let room = Rect { x: place.x.saturating_sub(1), width: width + 2, ..place };
        if taken.iter().any(|other| other.intersects(room)) {
            continue;
        }
        taken.push(place);
        let style = match state.tint() {
            Tint::Types => look.theme.cluster(at as u16).add_modifier(Modifier::BOLD),
            _ => look.theme.strong(),
        };
        for x in place.left()..place.right() {
            buf[(x, place.y)].reset();
        }
        text::put(buf, area, place.x, place.y, &word, style);
    }
}

/// Below the cloud: why, and what colours mean.
fn below(app: &App, open: &Portrait, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let area = padded(area);
    let last = Rect { y: area.bottom() - 1, height: 1, ..area };
    let ramp = match app.cloud().tint() {
        Tint::Types => None,
        Tint::Place if open.along.is_round() => Some(("along", "-π, π", "0")),
        Tint::Place => Some(("along", "0", "1")),
        Tint::Strength => Some(("length", "least", "most")),
        Tint::Feature(_) => Some(("activation", "least", "most")),
    };
    let lines = area.height - u16::from(ramp.is_some());
    let why = reasons(look, &open.row);
    let mut rows: Vec<String> = Vec::new();
    for (words, _) in &why {
        rows.extend(text::wrap(words, area.width.into()));
    }
    for (y, line) in (area.y..area.y + lines).zip(&rows) {
        text::put(buf, area, area.x, y, &text::fit(line, area.width.into(), look.ascii), look.theme.text());
    }
    if let Some((name, low, high)) = ramp {
        let (low, high) =
            if look.ascii { (low.replace('π', "pi"), high.to_string()) } else { (low.into(), high.into()) };
        legend::ramp(look, name, &low, &high, last, buf);
    }
}

/// Who fires where along the manifold, and its tokens in that order.
fn side(app: &App, open: &Portrait, areas: &Areas, buf: &mut Buffer) {
    if areas.side.is_empty() {
        return;
    }
    let look = app.look();
    let title = match open.along {
        Along::Types => "along the ring of its types",
        Along::Loop => "along the loop",
        Along::Curve => "along the curve",
        Along::Nothing => "its features, strongest first",
    };
    let p = open.row.measured.ring.as_ref().filter(|_| open.along == Along::Types).map(|order| order.found.p);
    let remark = p.map_or(String::new(), |p| format!("p {} by chance", text::unit(p)));
    let focused = app.focus() == Focus::Along;
    Pane { title, remark: &remark, focused, ..Pane::default() }.render(look, areas.side, buf);
    fields(app, open, areas.summary, buf);
    if !areas.heading.is_empty() {
        let count = app.cloud().listed().len();
        let all = text::thousands(open.kept.len() as u64);
        let words = match open.along {
            _ if app.cloud().has_arc() => format!("{} of this arc", counted(count, "token", "tokens")),
            Along::Nothing => format!("{}, strongest first", counted(count, "token", "tokens")),
            _ if count == open.kept.len() => format!("{} in this order", counted(count, "token", "tokens")),
            _ => format!("{} strong of {all} tokens", text::thousands(count as u64)),
        };
        rule(app, &words, areas.heading, buf);
    }
    tokens(app, open, areas.list, buf);
}

/// One line a feature: how strongly it fires in each part of the manifold.
fn fields(app: &App, open: &Portrait, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    if area.is_empty() {
        return;
    }
    let words = (usize::from(area.width) / 3).min(28);
    let columns = usize::from(area.width).saturating_sub(words + 1).min(BINS);
    let mut rows = usize::from(area.height);
    let mut y = area.y;
    if open.along != Along::Nothing && area.height > 3 && !open.types.is_empty() {
        heads(app, open, Rect { width: columns as u16, height: 1, ..area }, buf);
        y += 1;
        rows -= 1;
    }
    // Those that fire strongest, in the order of where they fire.
    let strength = |field: &Field| field.bins.iter().copied().fold(0.0, f64::max);
    let mut shown: Vec<usize> = (0..open.fields.len()).collect();
    let left_out = shown.len().saturating_sub(rows);
    if left_out > 0 {
        rows = rows.saturating_sub(1);
        if open.along != Along::Nothing {
            shown.sort_by(|&a, &b| strength(&open.fields[b]).total_cmp(&strength(&open.fields[a])));
        }
        shown.truncate(rows);
        shown.sort_unstable();
    }
    let left_out = open.fields.len() - shown.len();
    for at in shown {
        let field = &open.fields[at];
        let mut x = area.x;
        if !field.bins.is_empty() {
            let bars = sparkline(&field.bins, columns, None, look.ascii);
            let tinted = app.cloud().tint() == Tint::Feature(at);
            let style = if tinted { look.theme.ramp(1.0) } else { look.theme.ramp(0.5) };
            text::put(buf, area, x, y, &bars, style);
            x += columns as u16 + 1;
        }
        let label = format!("#{} {}", field.feature, about(app, field.feature));
        let room = usize::from(area.right().saturating_sub(x));
        text::put(buf, area, x, y, &text::fit(&label, room, look.ascii), look.theme.text());
        y += 1;
    }
    if left_out > 0 && y < area.bottom() {
        text::put(buf, area, area.x, y, &format!("+{left_out} that fire less"), look.theme.muted());
    }
}

/// The types above the fields, each where it stands along the manifold; one that has no room is left out.
fn heads(app: &App, open: &Portrait, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let mut taken: Vec<(u16, u16)> = Vec::new();
    for own in open.types.iter().take(WRITTEN) {
        let Some(s) = own.s else { continue };
        let at = (bin(s, open.along) * usize::from(area.width) / BINS) as u16;
        let word = text::clean(&own.text, look.ascii);
        let word = text::prefix(&word, HEAD);
        let width = text::width(word) as u16;
        let start = at.saturating_sub(width / 2).min(area.width.saturating_sub(width));
        let free = |&(from, to): &(u16, u16)| start + width < from || to < start;
        if width == 0 || !taken.iter().all(free) {
            continue;
        }
        taken.push((start, start + width));
        text::put(buf, area, area.x + start, area.y, word, look.theme.strong());
    }
}

/// The tokens along the manifold, each in its text.
fn tokens(app: &App, open: &Portrait, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let list = app.list(Focus::Along);
    let focused = app.focus() == Focus::Along;
    let listed = app.cloud().listed();
    let passage = |point: u32| app.study().tokens().map(|tokens| tokens.passage(open.token(point) as usize, RADIUS));
    let reads = app.is_reading().then(|| listed.get(list.cursor)).flatten().and_then(|&point| passage(point));
    let (list_area, whole) = match reads {
        Some(_) if area.height >= 6 => {
            let rows = area.height / 2;
            (Rect { height: area.height - rows, ..area }, Rect { y: area.bottom() - rows, height: rows, ..area })
        }
        _ => (area, Rect::default()),
    };
    for (y, at) in (list_area.y..list_area.bottom()).zip(list.offset..listed.len()) {
        let point = listed[at];
        let line = Rect { y, height: 1, ..list_area };
        let s = open.s[point as usize].map_or(String::new(), |s| format!("{s:5.2} "));
        let x = text::put(buf, line, line.x, y, &s, look.theme.muted());
        let rest = Rect { x, width: line.right().saturating_sub(x), ..line };
        match passage(point) {
            Some(found) => {
                let pieces: Vec<Token<'_>> =
                    found.pieces.iter().map(|piece| Token { text: &piece.text, strength: 0.0 }).collect();
                passage::render(look, &pieces, found.focus, Align::Flow, rest, buf);
            }
            None => {
                text::put(buf, rest, x, y, &format!("row {}", open.token(point)), look.theme.text());
            }
        }
        if focused && at == list.cursor {
            buf.set_style(line, look.theme.selected());
        }
    }
    if let Some(found) = reads.filter(|_| !whole.is_empty()) {
        let pieces: Vec<Token<'_>> =
            found.pieces.iter().map(|piece| Token { text: &piece.text, strength: 0.0 }).collect();
        passage::render_whole(look, &pieces, found.focus, whole, buf);
    }
}
