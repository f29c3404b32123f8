//! How similar the features of a set are, pair by pair, and the pair under the cursor beside it.

use super::words::{self, about};
use super::{charts, members};
use crate::tui::app::{App, Pane as Focus};
use crate::tui::layout::Areas;
use crate::tui::theme::class_of;
use crate::tui::widgets::heatmap::Heatmap;
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::{legend, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub(super) fn draw(app: &App, areas: &Areas, buf: &mut Buffer) {
    if areas.main.is_empty() {
        return;
    }
    let look = app.look();
    let heat = app.heat();
    let remark = heat.pairs().map_or_else(String::new, |pairs| {
        let all = text::thousands(pairs.len() as u64);
        format!("{} · {all} features by {}", app.heat_set(), pairs.order.name())
    });
    let focused = app.focus() == Focus::Heatmap;
    Pane { title: "heatmap", remark: &remark, focused, ..Pane::default() }.render(look, areas.main, buf);
    let area = Rect { x: areas.plot.x + 1, width: areas.plot.width.saturating_sub(2), ..areas.plot };
    let Some(pairs) = heat.pairs() else {
        let lines = [(app.awaited_pairs(), look.theme.muted())];
        return charts::lines(app, &lines, area, buf);
    };
    // Zero is where nothing is in common: the scale begins there, unless values go below.
    let range = (pairs.range.0.min(0.0), pairs.range.1);
    let value = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| pairs.mean(rows, columns);
    let groups = groups(app);
    let cursor = Some(heat.cursor());
    let map = Heatmap { side: pairs.len(), value: &value, range, cursor, groups: &groups };
    let Some(laid) = map.render(look, area, buf) else { return };
    charts::labels(app, &laid, pairs.len(), &|row| pairs.features[row], area, buf);
    let line = Rect { x: area.x, width: area.width, ..areas.legend };
    charts::steps(app, &pairs.measure.about(), range, &laid, pairs.len(), line, buf);
}

/// Where the clusters begin, if the features are in their order.
fn groups(app: &App) -> Vec<(usize, String)> {
    let Some(pairs) = app.heat().pairs() else { return Vec::new() };
    if pairs.order != crate::analysis::pairs::PairOrder::Cluster {
        return Vec::new();
    }
    let cluster = |at: usize| pairs.features.get(at).and_then(|feature| words::cluster_of(app, *feature));
    (0..pairs.len())
        .filter(|&at| at == 0 || cluster(at) != cluster(at - 1))
        .filter_map(|at| Some((at, legend::mark(class_of(cluster(at)?), app.look()))))
        .collect()
}

/// The pair under the cursor, and the features in their order.
pub(super) fn aside(app: &App, areas: &Areas, buf: &mut Buffer) {
    let heat = app.heat();
    let mut lines: Vec<(String, Style)> = Vec::new();
    let theme = &app.look().theme;
    if let (Some(pairs), Some(a), Some(b)) = (heat.pairs(), heat.row_feature(), heat.column_feature()) {
        let (row, column) = heat.cursor();
        let value = pairs.value(row, column);
        let name = pairs.measure.name();
        let told = if a == b { format!("{name}, with itself") } else { format!("{name} {}", text::unit(value.into())) };
        lines.push((told, theme.strong()));
        let feature = |feature: u32| format!("#{feature} {}", about(app, feature));
        lines.push((feature(a), theme.text()));
        if a != b {
            lines.push((feature(b), theme.text()));
        }
        if let Some(mean) = pairs.mean(0..pairs.len(), 0..pairs.len()) {
            let unsaid = "mean of all pairs";
            lines.push((format!("{unsaid} {}", text::unit(mean.into())), theme.muted()));
        }
    }
    members::pane(app, areas, "pair", &lines, "features in their order", buf);
}
