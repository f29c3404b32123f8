//! The map in small beside other pages: where the features under their cursor lie.
//!
//! It shows all features, whatever the window of the large map; what the page is about is marked. Drawn anew with every
//! frame: O(features).

use crate::tui::app::{App, Pane as Focus};
use crate::tui::layout::Page;
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::raster::{Cloud, FAINT, Raster};
use crate::tui::widgets::scatter::Scatter;
use crate::tui::widgets::viewport::Viewport;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// More features than this are not pointed out one by one, which would cover the map: the others stand back instead.
const MOST: usize = 48;

pub(super) fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let map = app.map();
    let look = app.look();
    let about = members(app);
    let remark = match app.page() {
        _ if about.is_empty() => String::new(),
        _ if about.len() > MOST => "what is listed".to_string(),
        _ => format!("{} what is listed", look.pick("○", "o")),
    };
    let inside = Pane { title: "map", remark: &remark, ..Pane::default() }.render(look, area, buf);
    let cloud = map.cloud();
    if cloud.x.is_empty() || inside.is_empty() {
        return;
    }
    let all = cloud.x.iter().copied().zip(cloud.y.iter().copied());
    let mut others = Vec::new();
    if about.len() > MOST {
        others = vec![FAINT; cloud.x.len()];
        for feature in &about {
            others[*feature as usize] = 0;
        }
    }
    let cloud = if others.is_empty() { cloud } else { Cloud { flags: &others, ..cloud } };
    let scatter = Scatter {
        cloud,
        view: Viewport::fit(all, inside.width, inside.height),
        paint: map.paint(),
        letters: true,
        hits: if about.len() > MOST { &[] } else { &about },
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
