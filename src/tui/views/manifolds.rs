//! Groups of features that may trace a shape, best first, and beside them the one under the cursor.

use super::inspector::rule;
use super::words::{about, joined};
use crate::analysis::lens::LensKind;
use crate::analysis::manifolds::{Manifold, Order};
use crate::text::counted;
use crate::tui::action::{Action, Context};
use crate::tui::app::{App, Pane as Focus, word_name};
use crate::tui::layout::Areas;
use crate::tui::widgets::Look;
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::table::{Cell, Column, Table};
use crate::tui::widgets::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// What stands for a figure that is still to come.
pub(super) const AWAITED: &str = "…";

/// A figure from 0 to about 1 as `.41`.
pub(super) fn figure(value: f64) -> String {
    if value < 0.005 { "·".into() } else { text::unit(value.min(9.99)) }
}

/// The verdict that speaks for a group; before everything is measured, that it is awaited.
pub(in crate::tui) fn verdict(row: &Manifold) -> &'static str {
    if !row.measured.whole {
        return AWAITED;
    }
    let word = row.measured.speaking().and_then(|(lens, _)| lens.word());
    word.map_or("", word_name)
}

/// What a group is about: its token types, else the words of its labels. Safe to print.
pub(in crate::tui) fn name(row: &Manifold, ascii: bool) -> String {
    let words = if row.measured.name.is_empty() { &row.label } else { &row.measured.name };
    words.iter().map(|word| text::clean(word, ascii)).collect::<Vec<_>>().join(" ")
}

pub(super) fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let theme = &look.theme;
    let shapes = app.shapes();
    let (sort, ascending) = shapes.sort();
    let all = shapes.rows().map_or(0, <[_]>::len);
    let mut parts = match all {
        0 => Vec::new(),
        _ => vec![format!("{} by {}", text::thousands(shapes.listed().len() as u64), sort.name())],
    };
    if ascending {
        parts.push("smallest first".into());
    }
    if !shapes.filter().is_empty() {
        parts.push(format!("of {} with {}", text::thousands(all as u64), text::clean(shapes.filter(), look.ascii)));
    }
    if !shapes.is_whole() && all > 0 {
        let measured = text::thousands(shapes.measured() as u64);
        parts.push(format!("{measured} of {} measured whole", text::thousands(all as u64)));
    }
    let remark = joined(&parts, usize::from(area.width).saturating_sub(16));
    let footer = if shapes.is_whole() { "score: the sum of what each lens shows beyond its null" } else { "" };
    let focused = app.focus() == Focus::Manifolds;
    let inside = Pane { title: "manifolds", remark: &remark, footer, focused }.render(look, area, buf);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    if shapes.listed().is_empty() {
        let change = || app.keymap().way(Context::Manifolds, Action::FilterManifolds);
        let words = match all {
            0 => app.awaited_manifolds(),
            _ => format!("no group has these words; {} changes them", change()),
        };
        for (y, line) in (inside.y..inside.bottom()).zip(text::wrap(&words, inside.width.into())) {
            text::put(buf, inside, inside.x, y, &text::fit(&line, inside.width.into(), look.ascii), theme.muted());
        }
        return;
    }
    let columns = [
        Column::number("score", 5),
        Column::words("verdict", 7),
        Column::words("about", 30).growing(1),
        Column::number("size", 4),
        Column::number("tokens", 6),
        Column::number("types", 5),
        Column::number("packed", 6),
        Column::number("shape", 5),
        Column::number("irred", 5),
        Column::number("order", 5),
    ];
    let row = |i: usize| {
        let Some(row) = shapes.at(i) else { return Vec::new() };
        let evidence = row.measured.evidence();
        let late = |value: f64| {
            if row.measured.whole { Cell::from(figure(value)) } else { Cell::styled(AWAITED, theme.muted()) }
        };
        vec![
            Cell::styled(figure(row.score), if row.measured.whole { theme.strong() } else { theme.muted() }),
            Cell::from(verdict(row)),
            Cell::from(name(row, look.ascii)),
            Cell::styled(text::thousands(row.found.features.len() as u64), theme.text()),
            Cell::styled(text::thousands(row.measured.tokens as u64), theme.muted()),
            Cell::from(figure(evidence.family)),
            Cell::from(figure(evidence.packed)),
            late(evidence.closed.max(evidence.line)),
            late(evidence.irreducible),
            late(evidence.order),
        ]
    };
    let list = app.list(Focus::Manifolds);
    let selected = Some(list.cursor);
    Table { columns: &columns, rows: shapes.listed().len(), row: &row, offset: list.offset, selected, header: true }
        .render(look, inside, buf);
}

/// Beside the table: the group under the cursor, why it stands where it stands, and its features.
pub(super) fn aside(app: &App, areas: &Areas, buf: &mut Buffer) {
    if areas.side.is_empty() {
        return;
    }
    let look = app.look();
    let focused = app.focus() == Focus::Members;
    let Some(here) = app.group_here() else {
        Pane { title: "group", focused, ..Pane::default() }.render(look, areas.side, buf);
        return;
    };
    let title = here.found.cluster.map_or("group".into(), |cluster| format!("group {cluster}"));
    let grouping = text::clean(&here.found.grouping, look.ascii);
    Pane { title: &title, remark: &grouping, focused, ..Pane::default() }.render(look, areas.side, buf);
    let width = usize::from(areas.summary.width);
    let mut lines: Vec<(String, Style)> = Vec::new();
    lines
        .extend(text::wrap(&name(here, look.ascii), width).into_iter().take(2).map(|line| (line, look.theme.strong())));
    for (words, style) in reasons(look, here) {
        lines.extend(text::wrap(&words, width).into_iter().map(|line| (line, style)));
    }
    for (y, (line, style)) in (areas.summary.y..areas.summary.bottom()).zip(&lines) {
        let line = text::fit(line, width, look.ascii);
        text::put(buf, areas.summary, areas.summary.x, y, &line, *style);
    }
    if !areas.heading.is_empty() {
        rule(app, &counted(here.found.features.len(), "feature", "features"), areas.heading, buf);
    }
    let members = app.members();
    let columns = [Column::number("feature", 6), Column::words("about", 8).growing(1)];
    let row = |i: usize| {
        let feature = members[i];
        let style = if app.marks().contains(&feature) { look.theme.marked() } else { Style::new() };
        vec![Cell::styled(format!("#{feature}"), style), Cell::from(about(app, feature))]
    };
    let list = app.list(Focus::Members);
    let selected = focused.then_some(list.cursor);
    Table { columns: &columns, rows: members.len(), row: &row, offset: list.offset, selected, header: false }
        .render(look, areas.list, buf);
}

/// Why a group stands where it stands: the verdict with its reasons, then what every lens shows.
pub(in crate::tui) fn reasons(look: &Look, row: &Manifold) -> Vec<(String, Style)> {
    let theme = &look.theme;
    let measured = &row.measured;
    let mut lines = Vec::new();
    if !measured.whole {
        lines.push(("loops, lines and nulls are not computed yet".to_string(), theme.muted()));
    } else if let Some((lens, kind)) = measured.speaking() {
        let verdict = lens.shape.verdict.as_ref();
        let word = verdict.map_or("unclear", |verdict| word_name(verdict.word));
        lines.push((format!("{} of {}", word.to_uppercase(), kind.about()), theme.strong()));
        lines
            .extend(verdict.iter().flat_map(|verdict| &verdict.evidence).map(|why| (format!("- {why}"), theme.text())));
    } else {
        lines.push(("it fires on too few tokens for a shape".into(), theme.muted()));
    }
    if let Some(family) = measured.family {
        let shares = [family.purity, family.dominance, family.told_apart].map(text::percent);
        let [purity, dominance, apart] = shares;
        let types = counted(family.types, "token type", "token types");
        lines.push((format!("- {types} take {purity} of its activation, of which it is {dominance}; {apart} of the variance of directions lies between them"), theme.text()));
    }
    if let Some(packing) = measured.packing {
        let m = row.found.features.len();
        lines.push((
            format!(
                "- its {m} features share {:.1} directions; {m} at random {:.1} or more",
                packing.directions, packing.null
            ),
            theme.text(),
        ));
    }
    let irreducible = LensKind::ALL.into_iter().filter_map(|kind| {
        let lens = measured.lens(kind)?;
        let (own, apart) = (lens.shape.irreducibility?, lens.apart?.irreducibility);
        Some(format!("{} of {} ({})", text::unit(own), kind.about(), text::unit(apart)))
    });
    let irreducible: Vec<String> = irreducible.collect();
    if !irreducible.is_empty() {
        let all = irreducible.join(", ");
        lines.push((format!("- irreducibility {all}; in brackets that of features that fire apart"), theme.text()));
    }
    for (what, order) in [("ring", &measured.ring), ("row", &measured.row)] {
        if let Some(Order { found, types }) = order {
            let words: Vec<String> = types.iter().map(|word| text::clean(word, look.ascii)).collect();
            let p = if found.p <= 0.05 { "more than chance" } else { "chance does as well" };
            let words = words.join(" ");
            let part = measured.family.is_some_and(|family| family.types > types.len());
            let which = if part { format!("the {} strongest types", types.len()) } else { "types".into() };
            lines.push((
                format!(
                    "- {which} in a {what}: {words} (fit {}, p {}: {p})",
                    text::unit(found.fit),
                    text::unit(found.p)
                ),
                theme.text(),
            ));
        }
    }
    if let Some(labels) = measured.speaking().and_then(|(lens, _)| lens.shape.labels.as_ref()) {
        let order: Vec<String> = labels.centroid_order.iter().map(|name| text::clean(name, look.ascii)).collect();
        let [plane, full] = [labels.centroid_accuracy_plane, labels.centroid_accuracy_full].map(text::percent);
        let order = order.join(" ");
        lines.push((
            format!("- labels: nearest to their own mean {plane} in the plane, {full} in all; around it {order}"),
            theme.text(),
        ));
        if let Some(isometry) = labels.isometry {
            let [pearson, spearman, xi] =
                [isometry.pearson, isometry.spearman, isometry.xi].map(|x| x.map_or("none".into(), text::unit));
            lines.push((
                format!(
                    "- paths against distances of labels: Pearson {pearson}, Spearman {spearman}, xi {xi} (k {})",
                    isometry.k
                ),
                theme.text(),
            ));
        }
    }
    if let Some(stability) = row.found.stability {
        lines.push((format!("- stability over resolutions and seeds {}", text::unit(stability)), theme.text()));
    }
    lines
}
