//! Where things stand on the screen: the size and the page -> named rectangles.
//!
//! A pure function, shared by the views (which draw into the rectangles) and by the app (which must know how many
//! rows a page of a list has, and which cell the mouse hit). Nothing essential depends on a wide terminal: where the
//! side pane does not fit beside the main one it folds below it, and where that does not fit either it takes the
//! place of the main pane while it has the focus.

use ratatui::layout::Rect;

/// Smallest useful size; below it one line says so.
pub const MIN_SIZE: (u16, u16) = (60, 16);
/// From this width on, the side pane stands beside the main one: tables need their width, a map its height.
const WIDE: u16 = 100;
const WIDE_FOR_MAP: u16 = 76;
/// Below, from this height of the body on.
const TALL: u16 = 18;

/// What fills the screen between header and hints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Page {
    /// The map, with the selected feature at its side.
    Map,
    /// One feature: passages, histogram, neighbours.
    Feature,
    /// The nearest neighbours of the selected feature.
    Neighbours,
    /// The clusters.
    Clusters,
    /// Groups of features that may trace a shape, best first.
    Manifolds,
    /// One of them: its cloud, and what lies along it.
    Manifold,
    /// The features that are shown, as a table.
    Table,
    /// Named selections, and what is marked.
    Selections,
    /// How similar the features of a set are, pair by pair.
    Heatmap,
    /// How the features are distributed over a number of theirs.
    Histograms,
    /// The jobs.
    Jobs,
    /// What the files say of the dictionary.
    Info,
    /// The help.
    Help,
}

impl Page {
    /// Every page.
    pub const ALL: [Self; 13] = [
        Self::Map,
        Self::Feature,
        Self::Neighbours,
        Self::Clusters,
        Self::Manifolds,
        Self::Manifold,
        Self::Table,
        Self::Selections,
        Self::Heatmap,
        Self::Histograms,
        Self::Jobs,
        Self::Info,
        Self::Help,
    ];

    /// Whether it is about groups of features.
    pub fn is_of_groups(self) -> bool {
        matches!(self, Self::Manifolds | Self::Manifold)
    }

    /// Whether a plot fills its main pane.
    pub fn has_plot(self) -> bool {
        matches!(self, Self::Map | Self::Manifold | Self::Heatmap | Self::Histograms)
    }

    /// Whether a feature in short stands beside it.
    pub fn shows_feature(self) -> bool {
        matches!(self, Self::Map | Self::Feature | Self::Neighbours | Self::Table)
    }

    /// Whether a small map belongs beside it, on which what is under its cursor is seen.
    fn has_inset(self) -> bool {
        !matches!(self, Self::Map | Self::Manifold | Self::Jobs | Self::Info | Self::Help)
    }

    /// What `render --view` calls it.
    pub fn view(self) -> &'static str {
        match self {
            Self::Neighbours => "neighbors",
            Self::Info => "info",
            other => other.name(),
        }
    }

    /// What the title calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Feature => "feature",
            Self::Neighbours => "neighbours",
            Self::Clusters => "clusters",
            Self::Manifolds => "manifolds",
            Self::Manifold => "manifold",
            Self::Table => "features",
            Self::Selections => "selections",
            Self::Heatmap => "heatmap",
            Self::Histograms => "histograms",
            Self::Jobs => "jobs",
            Self::Info => "dictionary",
            Self::Help => "help",
        }
    }
}

/// Named rectangles; empty where something is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Areas {
    /// First line: what is open.
    pub header: Rect,
    /// Second line: filters and counts.
    pub filter: Rect,
    /// The main pane with its border.
    pub main: Rect,
    /// On pages of a plot, its cells.
    pub plot: Rect,
    /// On these pages, the lines of the legend, inside the main pane.
    pub legend: Rect,
    /// A small map above the side pane, with its border, where there is room and the page is not the map.
    pub inset: Rect,
    /// The side pane with its border.
    pub side: Rect,
    /// Below it, with its border, the feature that is pinned.
    pub pinned: Rect,
    /// Inside the side pane: what is said in short.
    pub summary: Rect,
    /// Inside the side pane: the heading of its list, where there is room for one.
    pub heading: Rect,
    /// Inside the side pane: its list.
    pub list: Rect,
    /// Last line but one: progress, messages, the line being typed.
    pub status: Rect,
    /// Last line: the next useful keys.
    pub hints: Rect,
}

/// The rectangles of the list of dictionaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PickerAreas {
    /// First line: the folder.
    pub header: Rect,
    /// The list with its border.
    pub main: Rect,
    /// The rows of the list, below their headings.
    pub list: Rect,
    /// Below the rows: about the one under the cursor.
    pub about: Rect,
    /// Last line but one: messages, the line being typed.
    pub status: Rect,
    /// Last line: the useful keys.
    pub hints: Rect,
}

/// The rectangles of the list of dictionaries; all empty if the screen is too small.
pub fn picker(width: u16, height: u16) -> PickerAreas {
    if too_small(width, height) {
        return PickerAreas::default();
    }
    let line = |y: u16| Rect::new(0, y, width, 1);
    let main = Rect::new(0, 1, width, height - 3);
    let inside = inner(main);
    let inside = Rect { x: inside.x + 1, width: inside.width - 2, ..inside };
    let about = if inside.height >= 16 { 4 } else { 2 };
    // Headings above the rows, a free line below them.
    let rows = inside.height - about - 2;
    PickerAreas {
        header: line(0),
        main,
        list: Rect { y: inside.y + 1, height: rows, ..inside },
        about: Rect { y: inside.bottom() - about, height: about, ..inside },
        status: line(height - 2),
        hints: line(height - 1),
    }
}

/// The inside of a bordered pane.
pub fn inner(pane: Rect) -> Rect {
    if pane.width < 2 || pane.height < 2 {
        return Rect::new(pane.x, pane.y, 0, 0);
    }
    Rect::new(pane.x + 1, pane.y + 1, pane.width - 2, pane.height - 2)
}

/// Whether a screen of this size can show anything useful.
pub fn too_small(width: u16, height: u16) -> bool {
    width < MIN_SIZE.0 || height < MIN_SIZE.1
}

/// The rectangles of a page. `side_first` says that the side pane has the focus, which decides what is shown when
/// both do not fit; `pinned` that a feature is pinned beside the selected one.
pub fn areas(width: u16, height: u16, page: Page, side_first: bool, pinned: bool) -> Areas {
    if too_small(width, height) {
        return Areas::default();
    }
    let line = |y: u16| Rect::new(0, y, width, 1);
    let body = Rect::new(0, 2, width, height - 4);
    let none = Rect::new(0, 0, 0, 0);
    let has_side = !matches!(page, Page::Jobs | Page::Info | Page::Help);
    let plots = page.has_plot();
    let wide = if plots { WIDE_FOR_MAP } else { WIDE };
    let (main, side) = if !has_side {
        (body, none)
    } else if width >= wide {
        let least = if width >= WIDE { 40 } else { 30 };
        let (share, most) = match page {
            Page::Manifold => (45, 100),
            // A table of features with the map beside it: neither needs all of a very wide screen.
            Page::Table | Page::Neighbours | Page::Feature if width >= 3 * WIDE / 2 => (42, 100),
            _ => (36, 64),
        };
        let side = (u32::from(width) * share / 100).clamp(least, most) as u16;
        (Rect { width: width - side, ..body }, Rect { x: width - side, width: side, ..body })
    } else if body.height >= TALL {
        let share = if page == Page::Feature { 50 } else { 40 };
        let side = (u32::from(body.height) * share / 100) as u16;
        let main = body.height - side;
        (Rect { height: main, ..body }, Rect { y: body.y + main, height: side, ..body })
    } else if side_first {
        (none, body)
    } else {
        (body, none)
    };
    let (mut plot, mut legend) = (none, none);
    if plots && main != none {
        let inside = inner(main);
        let lines = match (page, inside.height) {
            (Page::Manifold, 24..) => 4,
            (Page::Heatmap, _) => 1,
            (Page::Histograms, _) | (_, 16..) => 2,
            _ => 1,
        };
        plot = Rect { height: inside.height - lines, ..inside };
        legend = Rect { y: inside.y + plot.height, height: lines, ..inside };
    }
    let beside = main != none && side.x > 0;
    let (inset, side) = inset(page, side, beside);
    let (side, pinned) = if pinned && page.shows_feature() { split_pinned(side) } else { (side, none) };
    // A cluster is told in few lines, of its features there are many.
    let told = match page {
        Page::Clusters | Page::Selections => 7,
        Page::Heatmap => 8,
        Page::Histograms => 5,
        Page::Manifolds => 16,
        _ => u16::MAX,
    };
    let (summary, heading, list) = side_parts(inner(side), told);
    Areas {
        header: line(0),
        filter: line(1),
        main,
        plot,
        legend,
        inset,
        side,
        pinned,
        summary,
        heading,
        list,
        status: line(height - 2),
        hints: line(height - 1),
    }
}

/// Least height of a side pane above which there is room for a small map, and the share that it takes.
const ROOM_FOR_INSET: (u16, u16) = (30, 38);
/// Least height of a side pane below which there is room for a pinned feature, and the least height of that.
const ROOM_FOR_PINNED: (u16, u16) = (16, 8);

/// The small map and what is left of the side pane below it.
fn inset(page: Page, side: Rect, beside: bool) -> (Rect, Rect) {
    if !beside || !page.has_inset() || side.height < ROOM_FOR_INSET.0 {
        return (Rect::default(), side);
    }
    let height = side.height * ROOM_FOR_INSET.1 / 100;
    (Rect { height, ..side }, Rect { y: side.y + height, height: side.height - height, ..side })
}

/// What is left of the side pane, and the pinned feature below it.
fn split_pinned(side: Rect) -> (Rect, Rect) {
    if side.height < ROOM_FOR_PINNED.0 {
        return (side, Rect::default());
    }
    let height = (side.height * 2 / 5).max(ROOM_FOR_PINNED.1);
    let above = side.height - height;
    (Rect { height: above, ..side }, Rect { y: side.y + above, height, ..side })
}

/// From this height on, the passage under the cursor is shown whole below the list of passages without being asked.
const READING: u16 = 18;

/// The parts of the page of passages: their list, a rule, the passage under the cursor as a whole; the last two are
/// empty where there is no room for them, unless `reading` asks for them.
pub fn passages(inside: Rect, reading: bool) -> (Rect, Rect, Rect) {
    let rows = match (inside.height, reading) {
        (height, true) if height >= 4 => height / 3 * 2,
        (height, _) if height >= READING => height / 4,
        _ => 0,
    };
    let rule = u16::from(rows > 0);
    let list = Rect { height: inside.height - rows - rule, ..inside };
    (list, Rect { y: list.bottom(), height: rule, ..inside }, Rect { y: list.bottom() + rule, height: rows, ..inside })
}

/// From this width on, and below this height, summary and list of the side pane stand side by side.
const SIDE_BY_SIDE: (u16, u16) = (72, 14);

/// The parts of the side pane: a summary of at most `told` lines, heading, list. A column stays free at each border.
fn side_parts(inside: Rect, told: u16) -> (Rect, Rect, Rect) {
    let none = Rect::default();
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    if inside.is_empty() {
        return (none, none, none);
    }
    if inside.width >= SIDE_BY_SIDE.0 && inside.height < SIDE_BY_SIDE.1 {
        let half = inside.width * 11 / 20;
        let list = Rect { x: inside.x + half, width: inside.width - half, ..inside };
        return (Rect { width: half - 2, ..inside }, none, list);
    }
    let rows = (inside.height / 2).max(inside.height.saturating_sub(told.saturating_add(1))).max(1);
    let above = u16::from(inside.height > 6);
    let summary = Rect { height: inside.height - rows - above, ..inside };
    let heading = Rect { y: summary.bottom(), height: above, ..inside };
    (summary, heading, Rect { y: inside.bottom() - rows, height: rows, ..inside })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_cover_the_screen_without_overlap_at_every_size() {
        for width in (0..=300).step_by(7) {
            for height in 0..=100 {
                for page in Page::ALL {
                    for (side_first, pinned) in [(false, false), (true, false), (false, true), (true, true)] {
                        let areas = areas(width, height, page, side_first, pinned);
                        if too_small(width, height) {
                            assert_eq!(areas, Areas::default());
                            continue;
                        }
                        let Areas { header, filter, main, inset, side, pinned, status, hints, .. } = areas;
                        let parts = [header, filter, main, inset, side, pinned, status, hints];
                        let cells: u32 = parts.iter().map(|part| part.area()).sum();
                        assert_eq!(cells, u32::from(width) * u32::from(height), "{page:?} {width}x{height}");
                        let screen = Rect::new(0, 0, width, height);
                        for (i, one) in parts.iter().enumerate() {
                            assert_eq!(one.intersection(screen), *one);
                            for other in &parts[i + 1..] {
                                assert!(!one.intersects(*other) || one.is_empty() || other.is_empty());
                            }
                        }
                        for part in
                            [areas.summary, areas.heading, areas.list].into_iter().filter(|part| !part.is_empty())
                        {
                            assert_eq!(part.intersection(inner(areas.side)), part, "{page:?} {width}x{height}");
                        }
                        assert!(!areas.list.intersects(areas.summary) && !areas.list.intersects(areas.heading));
                        assert_eq!(areas.side.is_empty(), areas.list.is_empty());
                        if page.has_plot() && !areas.main.is_empty() {
                            let least = if page == Page::Manifold { 36 } else { 40 };
                            assert!(areas.plot.height >= 6 && areas.plot.width >= least, "{width}x{height}: {areas:?}");
                            assert_eq!(areas.plot.height + areas.legend.height, inner(areas.main).height);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_side_pane_stands_beside_below_or_behind() {
        let areas = |width, height, page, side_first| areas(width, height, page, side_first, false);
        let wide = areas(120, 40, Page::Map, false);
        assert!(wide.side.x > 0 && wide.side.height == wide.main.height);
        let narrow = areas(80, 24, Page::Map, false);
        assert!(narrow.side.x > 0 && narrow.side.width >= 28 && narrow.plot.height >= 16);
        let narrow = areas(80, 24, Page::Clusters, false);
        assert!(narrow.side.y > narrow.main.y && narrow.side.width == 80 && narrow.side.height >= 8);
        let small = areas(70, 18, Page::Map, false);
        assert!(small.side.is_empty() && !small.main.is_empty());
        let behind = areas(70, 18, Page::Map, true);
        assert!(behind.main.is_empty() && !behind.side.is_empty());
    }
}
