//! A map of points: the raster in colour, cluster letters, marks, search hits, the crosshair.
//!
//! Layers from below: dots of filtered-out points (faint), dots of the others in the colour of the cell's majority,
//! letters of clusters, search hits, marks, ranks, the box, the crosshair with its label. Letters stand on a cell of their
//! cluster where it has cells to spare, else beside it where there is room. Cost: O(n + cells).
//!
//! A few search hits stand as letters. Where they would fill the map, it is they that keep their dots, in bold, and all
//! other points step back as if filtered out: the shape of thousands of hits is seen, and in which clusters they lie.

use super::Look;
use super::glyph::{Glyphs, density};
use super::outline::Outline;
use super::raster::{Cloud, FAINT, Raster};
use super::text;
use super::viewport::Viewport;
use crate::tui::theme::{self, NOISE};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// What the class of a point stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paint {
    /// Clusters: a hue and a letter each.
    #[default]
    Clusters,
    /// Steps of the ramp ([`theme::STEPS`]) of a quantity such as density or norm.
    Ramp,
    /// Nothing yet: all in the text's own colour.
    Plain,
}

/// A map and what lies on it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scatter<'a> {
    /// The points.
    pub cloud: Cloud<'a>,
    /// The window.
    pub view: Viewport,
    /// What classes stand for.
    pub paint: Paint,
    /// Whether clusters wear their letters.
    pub letters: bool,
    /// Points that a search found.
    pub hits: &'a [u32],
    /// Points that the user marked.
    pub marked: &'a [u32],
    /// Points to be told apart by rank, nearest first: drawn as 1 to 9, then `+`.
    pub ranked: &'a [u32],
    /// The chosen point: its cell is reversed.
    pub selected: Option<u32>,
    /// The crosshair, in cells of the area, and what to call it.
    pub cursor: Option<((u16, u16), &'a str)>,
    /// What is being drawn around points to choose them.
    pub outline: Option<&'a Outline>,
}

/// Cells that a cluster must own before its letter may hide one.
const SPARE: u32 = 4;
/// Search hits stand as letters while these take no more than one cell in so many.
const SPARSE: usize = 24;

impl Scatter<'_> {
    /// Draws into `area`, with `raster` as working memory; afterwards `raster` tells what each cell shows.
    pub fn render(&self, look: &Look, raster: &mut Raster, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let crowd = self.is_crowd(area).then(|| self.all_but_hits());
        let cloud = Cloud { flags: crowd.as_deref().unwrap_or(self.cloud.flags), ..self.cloud };
        raster.draw(cloud, &self.view, look.glyphs, area.width, area.height);
        let emphasis = if crowd.is_some() { Modifier::BOLD } else { Modifier::empty() };
        self.dots(look, raster, emphasis, area, buf);
        if self.letters && self.paint == Paint::Clusters && look.glyphs != Glyphs::Letters {
            letters(look, raster, area, buf);
        }
        if crowd.is_none() {
            self.points(self.hits, |_| 'o', look.theme.hit(), area, buf);
        }
        self.points(self.marked, |_| '*', look.theme.marked(), area, buf);
        self.points(self.ranked, rank, look.theme.strong(), area, buf);
        if let Some(outline) = self.outline {
            outline.render(look, area, buf);
        }
        if let Some(cell) = self.selected.and_then(|point| self.cell(point, area)) {
            buf[(area.x + cell.0, area.y + cell.1)].set_style(look.theme.selected());
        }
        if let Some((cell, label)) = self.cursor {
            crosshair(look, area, cell, label, buf);
        }
    }

    /// The cell of a point that is drawn, in cells of the area.
    fn cell(&self, point: u32, area: Rect) -> Option<(u16, u16)> {
        let i = point as usize;
        if i >= self.cloud.len() {
            return None;
        }
        self.view.cell_of(self.cloud.x[i], self.cloud.y[i], area.width, area.height)
    }

    /// Whether there are too many hits in the area for a letter each.
    fn is_crowd(&self, area: Rect) -> bool {
        let mut taken = vec![false; usize::from(area.width) * usize::from(area.height)];
        let most = taken.len() / SPARSE;
        if self.hits.len() <= most {
            return false;
        }
        for (c, r) in self.hits.iter().filter_map(|&hit| self.cell(hit, area)) {
            taken[usize::from(r) * usize::from(area.width) + usize::from(c)] = true;
        }
        taken.into_iter().filter(|taken| *taken).count() > most
    }

    /// Flags by which all points but the hits are faint.
    fn all_but_hits(&self) -> Vec<u8> {
        let mut flags = vec![FAINT; self.cloud.len()];
        for &hit in self.hits {
            if let Some(flag) = flags.get_mut(hit as usize) {
                *flag = self.cloud.flags(hit as usize);
            }
        }
        flags
    }

    fn style(&self, look: &Look, class: u16) -> Style {
        match self.paint {
            Paint::Clusters => look.theme.cluster(class),
            Paint::Ramp if class == NOISE => look.theme.cluster(NOISE),
            Paint::Ramp => look.theme.ramp_step(class as usize),
            Paint::Plain => look.theme.text(),
        }
    }

    fn dots(&self, look: &Look, raster: &Raster, emphasis: Modifier, area: Rect, buf: &mut Buffer) {
        for row in 0..raster.rows() {
            for column in 0..raster.columns() {
                let dots = raster.cell(column, row);
                let (mask, style) = match (dots.mask, dots.faint) {
                    (0, 0) => continue,
                    // Without emphasis a faint dot would look like any other.
                    (0, _) if !look.styled => continue,
                    (0, faint) => (faint, look.theme.faint()),
                    (mask, _) => (mask, self.style(look, dots.class).add_modifier(emphasis)),
                };
                let symbol = match look.glyphs {
                    Glyphs::Letters if dots.count == 0 || dots.class == NOISE => '.',
                    Glyphs::Letters if self.paint == Paint::Clusters => theme::letter(dots.class).unwrap_or('+'),
                    Glyphs::Ascii | Glyphs::Letters => density(dots.count.max(1)),
                    glyphs => glyphs.symbol(mask),
                };
                buf[(area.x + column, area.y + row)].set_char(symbol).set_style(style);
            }
        }
    }

    /// Draws a character at each of the points, the first on top, in the colour of the cell.
    fn points(&self, points: &[u32], symbol: fn(usize) -> char, style: Style, area: Rect, buf: &mut Buffer) {
        for (i, &point) in points.iter().enumerate().rev() {
            let Some((c, r)) = self.cell(point, area) else { continue };
            let cell = &mut buf[(area.x + c, area.y + r)];
            // Grey would hide the mark: only the colour of a cluster or of the ramp is kept.
            if self.cloud.flags(point as usize) != 0 || self.cloud.class(point as usize) == NOISE {
                cell.reset();
            }
            cell.set_char(symbol(i)).set_style(style);
        }
    }
}

/// The character of a rank, counted from 0.
fn rank(i: usize) -> char {
    char::from_digit(i as u32 + 1, 10).unwrap_or('+')
}

/// The letters of clusters, each on or beside its own cells.
fn letters(look: &Look, raster: &Raster, area: Rect, buf: &mut Buffer) {
    let mut taken: Vec<(u16, u16)> = Vec::new();
    for place in raster.places() {
        let (Some((c, r)), Some(letter)) = (place.cell, theme::letter(place.class)) else { continue };
        let free = |&(c, r): &(u16, u16)| {
            c < raster.columns()
                && r < raster.rows()
                && !taken.iter().any(|&(tc, tr)| tr == r && tc.abs_diff(c) < 2)
                && (place.cells >= SPARE || raster.cell(c, r).mask == 0)
        };
        let beside = [(c, r), (c + 1, r), (c.wrapping_sub(1), r), (c, r.wrapping_sub(1)), (c, r + 1)];
        let Some((c, r)) = beside.into_iter().find(free) else { continue };
        taken.push((c, r));
        // In the text's own colour: among dots of its own hue a letter would drown.
        let cell = &mut buf[(area.x + c, area.y + r)];
        cell.reset();
        cell.set_char(letter).set_style(look.theme.strong());
    }
}

/// `╶┼╴#2504`: the cell between arms, the label to the right, or to the left where that is cut off.
fn crosshair(look: &Look, area: Rect, (c, r): (u16, u16), label: &str, buf: &mut Buffer) {
    if c >= area.width || r >= area.height {
        return;
    }
    let style = look.theme.strong();
    let (x, y) = (area.x + c, area.y + r);
    let width = text::width(label) as u16;
    let mut set = |x: u16, symbol: &str| {
        let cell = &mut buf[(x, y)];
        cell.reset();
        cell.set_symbol(symbol).set_style(style);
    };
    set(x, look.pick("┼", "+"));
    if c > 0 {
        set(x - 1, look.pick("╶", "-"));
    }
    if x + 1 < area.right() {
        set(x + 1, look.pick("╴", "-"));
    }
    if width == 0 {
        return;
    }
    let right = x.saturating_add(2);
    let start = if right.saturating_add(width) <= area.right() {
        right
    } else if c > width {
        x - 1 - width
    } else {
        return;
    };
    let end = text::put(buf, area, start, y, label, Style::reset());
    buf.set_style(Rect::new(start, y, end - start, 1), style);
}
