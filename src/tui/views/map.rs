//! The map: where the features lie, what colours mean, how far to trust it.

use super::opening;
use super::words::{self, joined};
use crate::analysis::JobKind;
use crate::analysis::jobs::Job;
use crate::tui::app::{App, ColourBy, Pane as Focus, Stage};
use crate::tui::layout::Areas;
use crate::tui::theme::{class_of, letter};
use crate::tui::widgets::bars::number;
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::raster::Raster;
use crate::tui::widgets::scatter::Scatter;
use crate::tui::widgets::{legend, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Longest label of the crosshair.
const LABEL: usize = 28;

pub(super) fn draw(app: &App, areas: &Areas, buf: &mut Buffer) {
    if areas.main.is_empty() {
        return;
    }
    let room = usize::from(areas.main.width).saturating_sub(10);
    let remark = joined(&remarks(app, room < 50), room);
    let footer = if app.map().stage() == Stage::Empty { "" } else { "distances on the map are not geometry" };
    let pane = Pane { title: "map", remark: &remark, footer, focused: app.focus() == Focus::Map };
    let inside = pane.render(app.look(), areas.main, buf);
    if app.map().stage() == Stage::Empty {
        return opening::draw(app, inside, buf);
    }
    let raster = plot(app, areas.plot, buf);
    colours(app, &raster, areas.legend, buf);
}

/// What should be known about the map, the most important first.
fn remarks(app: &App, narrow: bool) -> Vec<String> {
    let mut parts = Vec::new();
    let mut last = None;
    match app.map().stage() {
        Stage::Empty => {}
        Stage::Components => {
            let share = app
                .variance()
                .map(|[first, second]| format!("{} + {} of the variance", text::percent(first), text::percent(second)));
            parts.push("components 1 and 2".to_string());
            parts.extend(share);
        }
        Stage::Forming { epoch, epochs } => {
            let word = if app.jobs().current(JobKind::Map).is_none_or(Job::is_running) { "forming" } else { "stopped" };
            parts.push(format!("{word}, pass {epoch} of {epochs}"));
        }
        Stage::Finished => {
            if let Some(trust) = app.trust() {
                let at = if narrow { format!("@{}", trust.k) } else { format!(" at k {}", trust.k) };
                parts.push(format!("trust {}{at}", text::unit(trust.trustworthiness)));
                last = Some(format!("neighbours kept {}", text::unit(trust.knn_preservation)));
            }
        }
    }
    if app.has_old_clusters() {
        parts.push("clusters of the map before".into());
    } else if let Some(clusters) = app.clusters() {
        let n = clusters.labels.len().max(1) as f64;
        parts.push(format!("{} clusters", text::thousands(clusters.count as u64)));
        parts.push(format!("noise {}", text::percent(clusters.noise() as f64 / n)));
    }
    parts.extend(last);
    parts
}

/// Draws the points and what lies on them; the raster tells which clusters are in view.
fn plot(app: &App, area: Rect, buf: &mut Buffer) -> Raster {
    let map = app.map();
    // The crosshair is called by the feature it stands on; beside one it has no name.
    let stands = |feature: &u32| {
        let place = map.place(*feature).and_then(|(x, y)| map.viewport().cell_of(x, y, area.width, area.height));
        place.is_some() && place == map.crosshair()
    };
    let label = app.selected().filter(stands).map(|feature| {
        let words = format!("#{feature} {}", words::about(app, feature).replace("  ", " "));
        text::fit(words.trim_end(), LABEL, app.look().ascii).into_owned()
    });
    let label = label.unwrap_or_default();
    let marked: Vec<u32> = app.marks().iter().copied().collect();
    let ranked = app.true_neighbours();
    let outline = map.outline((area.width, area.height));
    let scatter = Scatter {
        cloud: map.cloud(),
        view: map.viewport(),
        paint: map.paint(),
        letters: true,
        hits: app.search().map_or(&[], |search| &search.hits),
        marked: &marked,
        ranked: &ranked,
        selected: app.selected(),
        cursor: map.crosshair().map(|cell| (cell, label.as_str())),
        outline: outline.as_ref(),
    };
    let mut raster = Raster::new();
    scatter.render(app.look(), &mut raster, area, buf);
    raster
}

/// The legend: clusters in view with their words and counts, or the two ends of a ramp.
fn colours(app: &App, raster: &Raster, area: Rect, buf: &mut Buffer) {
    let look = app.look();
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    match app.map().colour_by() {
        ColourBy::Cluster => {
            // Those with a letter only while they are in view, the others always: the raster does not tell.
            let in_view = |class: u16| letter(class).is_none() || raster.places().iter().any(|p| p.class == class);
            let rows = app.cluster_rows().iter().filter(|row| row.shown > 0 && in_view(class_of(row.cluster)));
            let rows: Vec<_> = rows.map(|row| (row, words::cluster_short(app, row.cluster, legend::NAME))).collect();
            let entries: Vec<legend::Entry<'_>> = rows
                .iter()
                .map(|(row, name)| legend::Entry { class: class_of(row.cluster), name, count: row.shown })
                .collect();
            legend::clusters(look, &entries, area, buf);
        }
        ColourBy::Column(column) => {
            let words = match app.map().ramp() {
                Some(ramp) if ramp.low < ramp.high => {
                    let name = format!("{}{}", column.name(), if ramp.log { ", log scale" } else { "" });
                    return legend::ramp(look, &name, &number(ramp.low), &number(ramp.high), area, buf);
                }
                Some(ramp) => format!("{} is {} for nearly every feature", column.name(), number(ramp.low)),
                None => format!("{} is not known for any feature", column.name()),
            };
            let words = text::fit(&words, area.width.into(), look.ascii);
            text::put(buf, area, area.x, area.y, &words, look.theme.muted());
        }
    }
}
