//! The map in small beside other pages: where the features under their cursor lie.
//!
//! It shows all features, whatever the window of the large map; what the page is about is marked. Drawn anew with every
//! frame: O(features).

use crate::tui::app::{App, Pane as Focus};
use crate::tui::layout::Page;
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::raster::Raster;
use crate::tui::widgets::scatter::Scatter;
use crate::tui::widgets::viewport::Viewport;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(super) fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let map = app.map();
    let look = app.look();
    let about = members(app);
    let remark = if about.is_empty() { "" } else { "where they lie" };
    let inside = Pane { title: "map", remark, ..Pane::default() }.render(look, area, buf);
    let cloud = map.cloud();
    if cloud.x.is_empty() || inside.is_empty() {
        return;
    }
    let all = cloud.x.iter().copied().zip(cloud.y.iter().copied());
    let scatter = Scatter {
        cloud,
        view: Viewport::fit(all, inside.width, inside.height),
        paint: map.paint(),
        letters: true,
        hits: &about,
        selected: selected(app),
        ..Scatter::default()
    };
    scatter.render(look, &mut Raster::new(), inside, buf);
}

/// The features that the page lists.
fn members(app: &App) -> Vec<u32> {
    match app.page() {
        Page::Clusters | Page::Selections | Page::Histograms | Page::Heatmap | Page::Manifolds => {
            app.members().to_vec()
        }
        Page::Neighbours => {
            app.neighbours().map_or(Vec::new(), |all| all.iter().map(|neighbour| neighbour.feature).collect())
        }
        _ => Vec::new(),
    }
}

/// The feature under the cursor of the page.
fn selected(app: &App) -> Option<u32> {
    match app.page() {
        Page::Neighbours | Page::Table | Page::Feature => app.aside().map(|detail| detail.feature),
        Page::Heatmap => app.heat().row_feature(),
        _ if app.focus() == Focus::Members => app.members().get(app.list(Focus::Members).cursor).copied(),
        _ => None,
    }
}
