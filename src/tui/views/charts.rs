//! Charts about one group that take the place of its cloud.

use super::words::about;
use crate::analysis::Portrait;
use crate::analysis::lens::LensKind;
use crate::geometry::cloud::Seen;
use crate::geometry::group::CaptureKind;
use crate::text::counted;
use crate::tui::app::App;
use crate::tui::widgets::heatmap::{Heatmap, Laid};
use crate::tui::widgets::{legend, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::ops::Range;

/// Lines of words, wrapped.
pub(super) fn lines(app: &App, all: &[(String, Style)], area: Rect, buf: &mut Buffer) {
    let wrap = |(words, style): &(String, Style)| {
        let style = *style;
        text::wrap(words, area.width.into()).into_iter().map(move |line| (line, style))
    };
    let mut wrapped: Vec<(String, Style)> = all.iter().flat_map(wrap).collect();
    let room = usize::from(area.height);
    if wrapped.len() > room && room > 0 {
        let more = format!("+{} more, on a taller screen", counted(wrapped.len() - room + 1, "line", "lines"));
        wrapped.truncate(room - 1);
        wrapped.push((more, app.look().theme.muted()));
    }
    for (y, (line, style)) in (area.y..area.bottom()).zip(wrapped) {
        text::put(buf, area, area.x, y, &text::fit(&line, area.width.into(), app.look().ascii), style);
    }
}

/// The intervals of H1 as bars from birth to death, longest first, beside what chance leaves: of every space that was
/// looked at, each with its null.
pub(super) fn loops(app: &App, open: &Portrait, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let theme = &look.theme;
    let measured = &open.row.measured;
    let all: Vec<(String, &Seen)> = LensKind::ALL
        .into_iter()
        .filter_map(|kind| Some((kind.about(), measured.lens(kind)?)))
        .flat_map(|(name, lens)| {
            lens.shape.homology.iter().map(move |seen| (format!("{} of {name}", place(seen)), seen))
        })
        .collect();
    if all.is_empty() {
        return lines(app, &[("loops are not computed yet".into(), theme.muted())], area, buf);
    }
    let each = (usize::from(area.height) / all.len()).max(3);
    let mut y = area.y;
    for (name, seen) in all {
        if y >= area.bottom() {
            return;
        }
        let null = match (seen.null_95, seen.null_longest) {
            (Some(null), Some(longest)) => {
                format!(", null 95 % {null:.2}, longest of {} draws {longest:.2}", seen.null_draws)
            }
            _ => ", no null".into(),
        };
        let intervals = counted(seen.intervals, "interval", "intervals");
        let found = format!("{name}: {intervals} on {} landmarks{null}", seen.landmarks);
        text::put(buf, area, area.x, y, &text::fit(&found, area.width.into(), look.ascii), theme.strong());
        y += 1;
        let far = seen.h1.iter().map(|hole| hole.death).fold(seen.null_longest.unwrap_or(0.0), f64::max);
        let room = area.width.saturating_sub(7);
        let column = |value: f64| if far > 0.0 { (value / far * f64::from(room)) as u16 } else { 0 };
        let longest = seen.null_longest.unwrap_or(0.0);
        for hole in seen.h1.iter().take(each - 2) {
            if y >= area.bottom() {
                return;
            }
            let (from, to) = (column(hole.birth), column(hole.death).max(column(hole.birth) + 1));
            let stands_out = hole.persistence > longest;
            let style = if stands_out { theme.strong() } else { theme.muted() };
            let bar = look.pick(if stands_out { "█" } else { "▬" }, if stands_out { "#" } else { "=" });
            text::put(buf, area, area.x + from, y, &bar.repeat(usize::from(to - from)), style);
            text::put_right(buf, area, area.right(), y, &format!("{:.2}", hole.persistence), style);
            y += 1;
        }
        y += u16::from(y < area.bottom());
    }
}

/// The persistence diagram of the cloud on screen, in the space that showed its loop or else in the span: a point for each interval of H1, its birth to the right and its death
/// upwards, above the diagonal by as much as it persists; and the line below which chance reaches.
pub(super) fn diagram(app: &App, open: &Portrait, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let theme = &look.theme;
    let lens = open.row.measured.lens(open.kind);
    let Some(seen) = lens.and_then(|lens| lens.seen().or(lens.shape.homology.first())) else {
        return lines(app, &[("loops are not computed yet".into(), theme.muted())], area, buf);
    };
    if area.height < ROOM_FOR_KEY + 8 || area.width < 24 {
        return lines(app, &[("there is no room for this chart".into(), theme.muted())], area, buf);
    }
    let height = area.height - ROOM_FOR_KEY - 2;
    // A cell is twice as high as wide.
    let plot = Rect { x: area.x + 5, y: area.y + 1, width: (2 * height).min(area.width - 6), height };
    let null = seen.null_longest.unwrap_or(0.0);
    let far = seen.h1.iter().map(|hole| hole.death).fold(null, f64::max) * 1.05;
    let cell = |birth: f64, death: f64| {
        let at = |value: f64, cells: u16| ((value / far * f64::from(cells)) as u16).min(cells - 1);
        (plot.x + at(birth, plot.width), plot.bottom() - 1 - at(death, plot.height))
    };
    if far > 0.0 {
        for step in 0..2 * plot.width {
            let birth = far * f64::from(step) / f64::from(2 * plot.width);
            let [own, chance] = [birth, birth + null].map(|death| cell(birth, death));
            text::put(buf, plot, own.0, own.1, look.pick("╱", "/"), theme.muted());
            if null > 0.0 && birth + null < far {
                text::put(buf, plot, chance.0, chance.1, look.pick("┈", "-"), theme.muted());
            }
        }
    }
    for hole in seen.h1.iter().rev() {
        let (x, y) = cell(hole.birth, hole.death);
        let stands_out = hole.persistence > null;
        let (mark, style) = if stands_out { (look.pick("●", "O"), theme.strong()) } else { ("·", theme.text()) };
        text::put(buf, plot, x, y, if look.ascii && !stands_out { "o" } else { mark }, style);
    }
    text::put(buf, area, area.x, area.y, "death", theme.muted());
    text::put(buf, area, area.x, plot.y, &format!("{far:.2}"), theme.muted());
    text::put(buf, area, area.x, plot.bottom() - 1, "0", theme.muted());
    text::put(buf, area, plot.x, plot.bottom(), "0 birth", theme.muted());
    text::put_right(buf, area, plot.right(), plot.bottom(), &format!("{far:.2}"), theme.muted());
    let drawn = seen.h1.len();
    let which = if drawn < seen.intervals {
        format!("the {drawn} longest of {}", seen.intervals)
    } else {
        counted(drawn, "interval", "intervals")
    };
    let key = [
        (format!("{} of {}: {which} on {} landmarks", place(seen), open.kind.about(), seen.landmarks), theme.strong()),
        (
            format!(
                "{} persists longer than every draw of the null, {} does not",
                look.pick("●", "O"),
                look.pick("·", "o")
            ),
            theme.text(),
        ),
        (
            format!("{} the longest of {} draws, {null:.2} above birth = death", look.pick("┈", "-"), seen.null_draws),
            theme.text(),
        ),
    ];
    lines(app, &key, Rect { y: plot.bottom() + 1, height: area.bottom() - plot.bottom() - 1, ..area }, buf);
}

/// Lines below a persistence diagram.
const ROOM_FOR_KEY: u16 = 4;

fn place(seen: &Seen) -> String {
    seen.pcs.map_or("the span".into(), |[a, b]| format!("PC{a}-PC{b}"))
}

/// Capture curves: the share of the cloud that k directions explain, a mark for each curve.
pub(super) fn capture(app: &App, open: &Portrait, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let theme = &look.theme;
    let Some(found) = &open.capture else {
        return lines(app, &[("all points of this cloud are equal".into(), theme.muted())], area, buf);
    };
    let curves = [
        ('p', "PCA, the upper bound", &found.pca),
        ('g', "geometric greedy", &found.geometric),
        ('s', "statistical greedy", &found.statistical),
        ('c', "random overcomplete", &found.overcomplete),
        ('o', "random orthogonal", &found.orthogonal),
    ];
    let key = curves.len() as u16 + 2;
    if area.height < key + 6 || area.width < 24 {
        return lines(app, &[("there is no room for this chart".into(), theme.muted())], area, buf);
    }
    let plot = Rect { x: area.x + 4, width: area.width - 4, height: area.height - key - 1, ..area };
    let longest = curves.iter().map(|(_, _, curve)| curve.explained.len()).max().unwrap_or(1);
    for (share, y) in [("1", plot.y), (".5", plot.y + plot.height / 2), ("0", plot.bottom() - 1)] {
        text::put(buf, area, area.x, y, share, theme.muted());
    }
    // The last curve first, so that the more telling ones lie above.
    for (at, (mark, _, curve)) in curves.iter().enumerate().rev() {
        for (k, share) in curve.explained.iter().enumerate() {
            let column = (k * usize::from(plot.width - 1) / (longest - 1).max(1)) as u16;
            let row = ((1.0 - share.clamp(0.0, 1.0)) * f64::from(plot.height - 1)).round() as u16;
            let cell = &mut buf[(plot.x + column, plot.y + row)];
            cell.set_char(*mark).set_style(theme.cluster(at as u16));
        }
    }
    let end = format!("{longest} directions");
    text::put(buf, area, plot.x, plot.bottom(), "1", theme.muted());
    text::put_right(buf, area, plot.right(), plot.bottom(), &end, theme.muted());
    let kind = match found.kind {
        CaptureKind::Spanned => "spanned: a few features span the cloud",
        CaptureKind::Tiled => "tiled: it takes clearly more features than components",
        CaptureKind::Mixed => "mixed: between spanned and tiled",
    };
    let mut y = plot.bottom() + 1;
    text::put(buf, area, area.x, y, &text::fit(kind, area.width.into(), look.ascii), theme.strong());
    for (at, (mark, name, curve)) in curves.iter().enumerate() {
        y += 1;
        let first = curve.order.iter().take(6).map(|feature| format!("#{feature}")).collect::<Vec<_>>().join(" ");
        let elbow = curve.explained.get(curve.elbow - 1).copied().unwrap_or(0.0);
        let words = format!("{mark} {name}: {} at its elbow, {} of them  {first}", text::percent(elbow), curve.elbow);
        text::put(buf, area, area.x, y, &text::fit(&words, area.width.into(), look.ascii), theme.cluster(at as u16));
    }
}

/// How other settings know the group: its best overlap over neighbours and threshold of the graph, and over the
/// resolutions of Leiden.
pub(super) fn stability(app: &App, open: &Portrait, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let theme = &look.theme;
    let grid = &open.grid;
    let mut y = area.y;
    let mut line = |words: &str, style: Style, buf: &mut Buffer| {
        if y < area.bottom() {
            text::put(buf, area, area.x, y, &text::fit(words, area.width.into(), look.ascii), style);
        }
        y += 1;
        y - 1
    };
    line("best overlap (Jaccard) with any group of the graph of decoder cosines", theme.strong(), buf);
    let heads: String = grid.taus.iter().map(|tau| format!("{:>5}", text::unit(f64::from(*tau)))).collect();
    line(&format!("   k, tau{heads}"), theme.muted(), buf);
    let cell =
        |overlap: f64| if overlap < 0.005 { "    ·".to_string() } else { format!("{:>5}", text::unit(overlap)) };
    for (k, row) in grid.ks.iter().zip(grid.graph.chunks_exact(grid.taus.len().max(1))) {
        let at = line(&format!("{k:>9}"), theme.muted(), buf);
        for (i, &overlap) in row.iter().enumerate().filter(|_| at < area.bottom()) {
            text::put(buf, area, area.x + 9 + 5 * i as u16, at, &cell(overlap), theme.ramp(overlap as f32));
        }
    }
    line("", theme.text(), buf);
    if grid.sizes.is_empty() {
        line("there are no activations: no grouping by firing", theme.muted(), buf);
        return;
    }
    line("best overlap with any community of phi + decoder, three seeds each", theme.strong(), buf);
    line(" size about", theme.muted(), buf);
    let seeds = grid.leiden.len() / grid.sizes.len();
    for (size, row) in grid.sizes.iter().zip(grid.leiden.chunks_exact(seeds.max(1))) {
        let at = line(&format!("{size:>9.0}"), theme.muted(), buf);
        for (i, &overlap) in row.iter().enumerate().filter(|_| at < area.bottom()) {
            text::put(buf, area, area.x + 9 + 5 * i as u16, at, &cell(overlap), theme.ramp(overlap as f32));
        }
    }
    if let Some(hidden) = y.checked_sub(area.bottom()).filter(|hidden| *hidden > 0) {
        let more = format!("+{} more, on a taller screen", counted(usize::from(hidden) + 1, "row", "rows"));
        let more = text::pad(&more, area.width.into(), false, look.ascii);
        text::put(buf, area, area.x, area.bottom() - 1, &more, theme.muted());
    }
}

/// Cosines of all pairs of the group's features, in the order in which they lie along the manifold: a cell each, or the
/// mean of several where there is no room.
pub(super) fn cosines(app: &App, open: &Portrait, area: Rect, buf: &mut Buffer) {
    let m = open.fields.len();
    if m == 0 || area.height < 4 || area.width < 12 {
        return;
    }
    let at = |i: usize, j: usize| open.cosines[i * m + j];
    let off = (0..m).flat_map(|i| (0..m).map(move |j| (i, j))).filter(|(i, j)| i != j);
    let (low, high) =
        off.map(|(i, j)| at(i, j)).fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
    let value = |rows: Range<usize>, columns: Range<usize>| {
        let pairs = rows.flat_map(|i| columns.clone().map(move |j| (i, j))).filter(|(i, j)| i != j);
        let (sum, n) = pairs.fold((0.0, 0u32), |(sum, n), (i, j)| (sum + at(i, j), n + 1));
        (n > 0).then(|| sum / n as f32)
    };
    let range = if low <= high { (low.min(0.0), high.max(0.0)) } else { (0.0, 1.0) };
    let map = Heatmap { side: m, value: &value, range, cursor: None, groups: &[] };
    let field = |i: usize| open.fields[i].feature;
    let above = Rect { height: area.height - 1, ..area };
    let Some(laid) = map.render(app.look(), above, buf) else { return };
    labels(app, &laid, m, &field, area, buf);
    let what = "cosine, features in order along the manifold";
    steps(app, what, range, &laid, m, Rect { y: laid.area.bottom(), height: 1, ..area }, buf);
}

/// What each row of a heatmap is, beside it, where rows have lines of their own.
pub(super) fn labels(app: &App, laid: &Laid, side: usize, of: &dyn Fn(usize) -> u32, area: Rect, buf: &mut Buffer) {
    let x = laid.area.right() + 1;
    let room = usize::from(area.right().saturating_sub(x));
    for row in (0..side).filter(|_| laid.roomy && room >= 8) {
        let words = format!("#{} {}", of(row), about(app, of(row)));
        let y = laid.area.y + row as u16;
        text::put(buf, area, x, y, &text::fit(&words, room, app.look().ascii), app.look().theme.text());
    }
}

/// What the steps of a heatmap stand for, and how many pairs share a cell.
pub(super) fn steps(
    app: &App,
    what: &str,
    (low, high): (f32, f32),
    laid: &Laid,
    side: usize,
    area: Rect,
    buf: &mut Buffer,
) {
    let merged = laid.merged(side);
    let what = if merged > 1 { format!("{what}; a cell is the mean of {merged} x {merged}") } else { what.to_string() };
    legend::ramp(app.look(), &what, &text::unit(low.into()), &text::unit(high.into()), area, buf);
}
