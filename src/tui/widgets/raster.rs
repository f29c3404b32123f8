//! Points to cells: which dots of a cell are set, and whose cell it is.
//!
//! Input: a [`Cloud`] of n points (f32 coordinates and u16 classes, as separate arrays) and a [`Viewport`]. Output,
//! per cell of the area: a mask of dots, the number of points, and the *majority* class among them. A canvas that
//! paints points one after another shows the last one's colour, which on a crowded map is wrong for every fifth
//! cell; here a cell is counted. Of classes with equally many points the lowest wins, noise before all clusters, so
//! noise gives way only where it is outnumbered.
//!
//! Points that the filter leaves out have masks of their own and never count. Points outside the area or not finite
//! are skipped. The result depends on the set of points alone, not on their order.
//!
//! Cost: O(n) to place (vectorised), O(points in view + cells) to count. Memory: 6 bytes per point in view and 12
//! per cell, kept between frames by reusing the [`Raster`].

use super::glyph::Glyphs;
use super::viewport::{Grid, Viewport};
use crate::tui::theme::NOISE;
use crate::wide::wide;

/// Flag of a point that the filter leaves out: drawn faint.
pub const FAINT: u8 = 1;

/// Points as separate arrays of one length.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cloud<'a> {
    /// First coordinate.
    pub x: &'a [f32],
    /// Second coordinate, upwards.
    pub y: &'a [f32],
    /// Class of each point (cluster, or step of a ramp; [`NOISE`] for none); empty if all are in class 0.
    pub class: &'a [u16],
    /// 0, or [`FAINT`], for each point; empty if all are shown.
    pub flags: &'a [u8],
}

impl<'a> Cloud<'a> {
    /// Number of points that can be drawn: that of the shorter coordinate.
    pub fn len(&self) -> usize {
        self.x.len().min(self.y.len())
    }
    /// Whether there are no points.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Class of point `i`.
    pub fn class(&self, i: usize) -> u16 {
        if self.class.is_empty() { 0 } else { self.class.get(i).copied().unwrap_or(NOISE) }
    }
    /// Flags of point `i`.
    pub fn flags(&self, i: usize) -> u8 {
        self.flags.get(i).copied().unwrap_or(0)
    }
    /// Coordinates of the points that are not faint.
    pub fn shown(self) -> impl Iterator<Item = (f32, f32)> + 'a {
        (0..self.len()).filter(move |&i| self.flags(i) == 0).map(move |i| (self.x[i], self.y[i]))
    }
}

/// What one cell shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellDots {
    /// Dots of the points that count.
    pub mask: u8,
    /// Dots of the points that the filter leaves out.
    pub faint: u8,
    /// Class of most points that count; [`NOISE`] if there are none.
    pub class: u16,
    /// Number of points that count.
    pub count: u32,
}

/// Where a class lies in the area.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The class.
    pub class: u16,
    /// Points of it in the area.
    pub points: u32,
    /// Cells that are its own.
    pub cells: u32,
    /// The cell of its own nearest to the mean of its points; none if it owns none.
    pub cell: Option<(u16, u16)>,
}

/// Classes whose places are kept: those with a letter.
const PLACES: usize = 26;

/// The raster of one area, with its working memory.
#[derive(Debug, Clone, Default)]
pub struct Raster {
    columns: u16,
    rows: u16,
    mask: Vec<u8>,
    faint: Vec<u8>,
    class: Vec<u16>,
    count: Vec<u32>,
    in_view: usize,
    places: Vec<Place>,
    /// Points that count, in view: cell in the upper half, class in the lower.
    kept: Vec<u32>,
    /// End of each cell's run in `sorted`.
    ends: Vec<u32>,
    /// Classes of the points that count, cell by cell.
    sorted: Vec<u16>,
    /// Points per class in one cell; all zero between cells.
    tally: Vec<u32>,
}

/// Points placed at a time: the codes of a chunk stay in the first-level cache.
const CHUNK: usize = 2048;

/// Code of a point that is not in the area.
const OUTSIDE: u32 = u32::MAX;

impl Raster {
    /// An empty raster.
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws the cloud as seen through `view` in `columns` x `rows` cells of these glyphs. Rows beyond 65,535 cells
    /// are left out (the terminal library ends there too).
    pub fn draw(&mut self, cloud: Cloud<'_>, view: &Viewport, glyphs: Glyphs, columns: u16, rows: u16) {
        let rows = rows.min(u16::MAX.checked_div(columns).unwrap_or(0));
        let cells = usize::from(columns) * usize::from(rows);
        (self.columns, self.rows) = (columns, rows);
        for mask in [&mut self.mask, &mut self.faint] {
            mask.clear();
            mask.resize(cells, 0);
        }
        self.class.clear();
        self.class.resize(cells, NOISE);
        self.count.clear();
        self.count.resize(cells, 0);
        self.kept.clear();
        self.in_view = 0;
        if cells > 0 {
            let dots = glyphs.dots();
            let grid = view.grid(dots, columns, rows);
            self.place(cloud, &grid, dots);
        }
        self.settle();
    }

    /// First pass: dots and counts of every cell, and the list of points that count.
    fn place(&mut self, cloud: Cloud<'_>, grid: &Grid, dots: (u8, u8)) {
        let n = cloud.len();
        let mut codes = [0_u32; CHUNK];
        for start in (0..n).step_by(CHUNK) {
            let end = n.min(start + CHUNK);
            let codes = &mut codes[..end - start];
            let (x, y) = (&cloud.x[start..end], &cloud.y[start..end]);
            let columns = u32::from(self.columns);
            wide(
                #[inline(always)]
                || encode(x, y, grid, dots, columns, codes),
            );
            for (i, &code) in codes.iter().enumerate() {
                if code == OUTSIDE {
                    continue;
                }
                let (cell, bit) = ((code >> 3) as usize, 1 << (code & 7));
                match cloud.flags(start + i) {
                    0 => {
                        self.mask[cell] |= bit;
                        self.count[cell] += 1;
                        self.kept.push(((cell as u32) << 16) | u32::from(cloud.class(start + i)));
                    }
                    _ => self.faint[cell] |= bit,
                }
                self.in_view += 1;
            }
        }
    }

    /// Second pass: sorts the classes by cell (counting sort) and finds each cell's majority.
    fn settle(&mut self) {
        self.ends.clear();
        self.ends.reserve(self.count.len());
        let mut sum = 0;
        for &count in &self.count {
            self.ends.push(sum);
            sum += count;
        }
        self.sorted.clear();
        self.sorted.resize(self.kept.len(), 0);
        let mut sums = [(0_u64, 0_u64, 0_u32); PLACES];
        let columns = u32::from(self.columns).max(1);
        let mut classes = 0;
        for &point in &self.kept {
            let (cell, class) = (point >> 16, point as u16);
            let end = &mut self.ends[cell as usize];
            self.sorted[*end as usize] = class;
            *end += 1;
            classes = classes.max(rank(class));
            if let Some(sum) = sums.get_mut(usize::from(class)) {
                sum.0 += u64::from(cell % columns);
                sum.1 += u64::from(cell / columns);
                sum.2 += 1;
            }
        }
        self.tally.resize(usize::from(classes) + 1, 0);
        for (cell, &count) in self.count.iter().enumerate() {
            if count > 0 {
                let end = self.ends[cell] as usize;
                self.class[cell] = majority(&self.sorted[end - count as usize..end], &mut self.tally);
            }
        }
        self.find_places(&sums);
    }

    /// Finds, for each class with a letter, its own cell nearest to its mean.
    fn find_places(&mut self, sums: &[(u64, u64, u32); PLACES]) {
        let mut best = [(f32::INFINITY, 0_usize, 0_u32); PLACES];
        let mean = sums.map(|(x, y, n)| (x as f32 / n.max(1) as f32, y as f32 / n.max(1) as f32));
        let columns = usize::from(self.columns).max(1);
        for (cell, &class) in self.class.iter().enumerate() {
            let Some(best) = best.get_mut(usize::from(class)) else { continue };
            let (mx, my) = mean[usize::from(class)];
            let (dx, dy) = ((cell % columns) as f32 - mx, ((cell / columns) as f32 - my) * 2.0);
            let d = dx * dx + dy * dy;
            best.2 += 1;
            if d < best.0 {
                (best.0, best.1) = (d, cell);
            }
        }
        self.places.clear();
        for (class, (&(_, _, points), &(d, cell, cells))) in sums.iter().zip(&best).enumerate() {
            if points > 0 {
                let cell = d.is_finite().then_some(((cell % columns) as u16, (cell / columns) as u16));
                self.places.push(Place { class: class as u16, points, cells, cell });
            }
        }
    }

    /// Columns of the area.
    pub fn columns(&self) -> u16 {
        self.columns
    }
    /// Rows of the area.
    pub fn rows(&self) -> u16 {
        self.rows
    }
    /// Points in the area, faint ones among them.
    pub fn in_view(&self) -> usize {
        self.in_view
    }
    /// Where the classes with a letter lie, in the order of the alphabet; those without points in the area left out.
    pub fn places(&self) -> &[Place] {
        &self.places
    }
    /// What a cell shows; nothing outside the area.
    pub fn cell(&self, column: u16, row: u16) -> CellDots {
        if column >= self.columns || row >= self.rows {
            return CellDots { mask: 0, faint: 0, class: NOISE, count: 0 };
        }
        let i = usize::from(row) * usize::from(self.columns) + usize::from(column);
        CellDots { mask: self.mask[i], faint: self.faint[i], class: self.class[i], count: self.count[i] }
    }
}

/// Cell and dot of each point: `cell << 3 | bit`, or [`OUTSIDE`]. Written for vector registers: no branches.
#[expect(clippy::inline_always, reason = "must become part of the dispatched closure to use its registers")]
#[inline(always)]
fn encode(x: &[f32], y: &[f32], grid: &Grid, (w, h): (u8, u8), columns: u32, codes: &mut [u32]) {
    // Whole numbers below 2^18 divide exactly through these reciprocals after the half that keeps them off the edge.
    let (inv_w, inv_h) = (1.0 / f32::from(w), 1.0 / f32::from(h));
    let (w, h) = (u32::from(w), u32::from(h));
    for ((&x, &y), code) in x.iter().zip(y).zip(codes) {
        let (u, v) = grid.raw(x, y);
        let inside = u >= 0.0 && v >= 0.0 && u < grid.width && v < grid.height;
        let (u, v) = if inside { (u, v) } else { (0.0, 0.0) };
        let (column, row) = (((u + 0.5) * inv_w) as i32 as u32, ((v + 0.5) * inv_h) as i32 as u32);
        let (u, v) = (u as i32 as u32, v as i32 as u32);
        let bit = v.wrapping_sub(row.wrapping_mul(h)).wrapping_mul(w);
        let bit = bit.wrapping_add(u.wrapping_sub(column.wrapping_mul(w)));
        let cell = row.wrapping_mul(columns).wrapping_add(column);
        *code = if inside { (cell << 3) | bit } else { OUTSIDE };
    }
}

/// Order of classes in a tie: noise, then clusters.
fn rank(class: u16) -> u16 {
    class.wrapping_add(1)
}

/// The most frequent of `classes` (not empty), the first in [`rank`] of equals. `tally` is all zero before and after.
fn majority(classes: &[u16], tally: &mut [u32]) -> u16 {
    let first = classes[0];
    if classes.iter().all(|&class| class == first) {
        return first;
    }
    for &class in classes {
        tally[usize::from(rank(class))] += 1;
    }
    let mut best = (0, u16::MAX);
    for &class in classes {
        let rank = rank(class);
        // Zeroed as it is read: the second point of a class finds 0 and cannot win.
        let count = std::mem::take(&mut tally[usize::from(rank)]);
        if count > best.0 || (count == best.0 && rank < best.1) {
            best = (count, rank);
        }
    }
    best.1.wrapping_sub(1)
}

/// The shown point nearest to the middle of a cell, within `reach` columns; of equals the lowest. O(n).
pub fn nearest_point(
    cloud: Cloud<'_>,
    view: &Viewport,
    cell: (u16, u16),
    reach: f64,
    columns: u16,
    rows: u16,
) -> Option<usize> {
    let (x, y) = view.data_at(f64::from(cell.0) + 0.5, f64::from(cell.1) + 0.5, columns, rows);
    // Squares: the root of each distance would cost more than all the rest of a step of the cursor.
    let mut best = ((reach * view.scale()).powi(2), None);
    for i in (0..cloud.len()).filter(|&i| cloud.flags(i) == 0) {
        let d = (f64::from(cloud.x[i]) - x).powi(2) + (f64::from(cloud.y[i]) - y).powi(2);
        // The first within reach, then only nearer ones; a NaN is neither.
        if d < best.0 || (best.1.is_none() && d <= best.0) {
            best = (d, Some(i));
        }
    }
    best.1
}

/// The shown points in a rectangle of cells (corners included, in any order), ascending. O(n).
pub fn points_in(
    cloud: Cloud<'_>,
    view: &Viewport,
    from: (i32, i32),
    to: (i32, i32),
    columns: u16,
    rows: u16,
) -> Vec<u32> {
    let grid = view.grid((1, 1), columns, rows);
    let span = |a: i32, b: i32| a.min(b) as f32..=a.max(b) as f32;
    let (across, down) = (span(from.0, to.0), span(from.1, to.1));
    (0..cloud.len())
        .filter(|&i| cloud.flags(i) == 0)
        .filter(|&i| {
            let (column, row) = grid.raw(cloud.x[i], cloud.y[i]);
            across.contains(&column) && down.contains(&row)
        })
        .map(|i| i as u32)
        .collect()
}

/// The shown points inside a closed line through `corners` (in the points' own coordinates), ascending: those from which
/// a ray crosses it an odd number of times. O(n x corners).
pub fn points_within(cloud: Cloud<'_>, corners: &[(f64, f64)]) -> Vec<u32> {
    let inside = |x: f64, y: f64| {
        let mut odd = false;
        for (i, &(ax, ay)) in corners.iter().enumerate() {
            let (bx, by) = corners[(i + 1) % corners.len()];
            if (ay > y) != (by > y) && x < ax + (y - ay) / (by - ay) * (bx - ax) {
                odd = !odd;
            }
        }
        odd
    };
    (0..cloud.len() as u32)
        .filter(|&i| cloud.flags(i as usize) == 0)
        .filter(|&i| inside(cloud.x[i as usize].into(), cloud.y[i as usize].into()))
        .collect()
}

#[cfg(test)]
mod tests;
