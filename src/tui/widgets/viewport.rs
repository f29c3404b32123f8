//! The window on the map: data to cells and back, fit, zoom, pan.
//!
//! A cell is about twice as high as wide, so a row spans twice the data that a column does and circles stay round.
//! The data's y axis points up, rows count down.
//!
//! The viewport is an *anchor* (a data point that lies on the left upper corner of a cell), a scale (data units per
//! column) and the anchor's cell, counted from the middle of the drawing area. Panning and resizing only change the
//! cell, by whole cells; every dot keeps its place relative to the others, so a moving map does not shimmer and
//! sends few bytes. Zooming moves the anchor to the point that is held still.

/// Height of a cell over its width.
pub const CELL_ASPECT: f64 = 2.0;

/// Farthest cell that the anchor may be from the middle; beyond, it is moved. Keeps dot numbers exact in f32.
const FAR: u32 = 1 << 18;

/// A window on a plane of data, independent of the size of the area it is drawn to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewport {
    /// The anchor. Held in the data's own precision so that the raster and the arithmetic here agree.
    anchor: (f32, f32),
    /// Data units per column, finite and positive.
    scale: f64,
    /// Cell of the anchor, from the middle cell of the area.
    cell: (i32, i32),
}

impl Default for Viewport {
    fn default() -> Self {
        Self { anchor: (0.0, 0.0), scale: 1.0, cell: (0, 0) }
    }
}

impl Viewport {
    /// Shows `scale` data units per column with (`x`, `y`) in the middle cell.
    pub fn new(x: f32, y: f32, scale: f64) -> Self {
        let anchor = (finite(x), finite(y));
        Self { anchor, scale: clamp_scale(scale, anchor), cell: (0, 0) }
    }

    /// Shows all finite points with a little air around them in `columns` x `rows` cells.
    ///
    /// A few absurdly far points are left outside: the window reaches at most once the width of the middle 98 %
    /// beyond it on each side. O(n).
    pub fn fit(points: impl Iterator<Item = (f32, f32)>, columns: u16, rows: u16) -> Self {
        let (mut xs, mut ys): (Vec<f32>, Vec<f32>) = points.filter(|(x, y)| x.is_finite() && y.is_finite()).unzip();
        let (Some(x), Some(y)) = (robust_range(&mut xs), robust_range(&mut ys)) else {
            return Self::default();
        };
        // Two cells and a twentieth of air.
        let room = |cells: u16| (f64::from(cells) * 0.95 - 2.0).max(1.0);
        let scale = ((x.1 - x.0) / room(columns)).max((y.1 - y.0) / (room(rows) * CELL_ASPECT));
        let scale = if scale > 0.0 { scale } else { 1.0 };
        Self::new(f64::midpoint(x.0, x.1) as f32, f64::midpoint(y.0, y.1) as f32, scale)
    }

    /// Data units per column.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Data coordinates of the middle of an area of `columns` x `rows` cells.
    pub fn center(&self, columns: u16, rows: u16) -> (f64, f64) {
        self.data_at(f64::from(columns) / 2.0, f64::from(rows) / 2.0, columns, rows)
    }

    /// Data coordinates of a place in an area of `columns` x `rows` cells; (0, 0) is its left upper corner.
    pub fn data_at(&self, column: f64, row: f64, columns: u16, rows: u16) -> (f64, f64) {
        let (ax, ay) = self.anchor_cell(columns, rows);
        (
            f64::from(self.anchor.0) + (column - f64::from(ax)) * self.scale,
            f64::from(self.anchor.1) - (row - f64::from(ay)) * self.scale * CELL_ASPECT,
        )
    }

    /// Where a data point lies in an area of `columns` x `rows` cells, in cells from its left upper corner; may be
    /// outside.
    pub fn place(&self, x: f32, y: f32, columns: u16, rows: u16) -> (f64, f64) {
        let (ax, ay) = self.anchor_cell(columns, rows);
        (
            f64::from(ax) + (f64::from(x) - f64::from(self.anchor.0)) / self.scale,
            f64::from(ay) - (f64::from(y) - f64::from(self.anchor.1)) / (self.scale * CELL_ASPECT),
        )
    }

    /// The cell that shows a data point; none if it is outside or not finite.
    pub fn cell_of(&self, x: f32, y: f32, columns: u16, rows: u16) -> Option<(u16, u16)> {
        let grid = self.grid((1, 1), columns, rows);
        grid.dot(x, y).map(|(x, y)| (x as u16, y as u16))
    }

    /// Moves the window by whole cells: positive shows what lies to the right and below.
    pub fn pan(&mut self, columns: i32, rows: i32) {
        self.cell = (self.cell.0.saturating_sub(columns), self.cell.1.saturating_sub(rows));
        self.rein();
    }

    /// Moves an anchor that is too far away to the middle; beyond the range of f32 there is nothing to see.
    fn rein(&mut self) {
        if self.cell.0.unsigned_abs() > FAR || self.cell.1.unsigned_abs() > FAR {
            let (x, y) = self.data_at(0.0, 0.0, 0, 0);
            *self = Self::new(x as f32, y as f32, self.scale);
        }
    }

    /// Pans by whole cells until the data point is in the middle cell of an area of this size.
    pub fn pan_to(&mut self, x: f32, y: f32, columns: u16, rows: u16) {
        if !(x.is_finite() && y.is_finite()) {
            return;
        }
        let (column, row) = self.place(x, y, columns, rows);
        // The casts saturate; a pan that far moves the anchor.
        let by = (column.floor() as i32).saturating_sub(i32::from(columns / 2));
        self.pan(by, (row.floor() as i32).saturating_sub(i32::from(rows / 2)));
    }

    /// Shows `factor` times as much detail (below 1: less), holding the data at place (`column`, `row`) still.
    pub fn zoom(&mut self, factor: f64, column: f64, row: f64, columns: u16, rows: u16) {
        if !(factor.is_finite() && factor > 0.0) {
            return;
        }
        let (x, y) = self.data_at(column, row, columns, rows);
        let (x, y) = (finite(x as f32), finite(y as f32));
        self.scale = clamp_scale(self.scale / factor, (x, y));
        // The anchor must lie on a cell's corner: the one up and left of the place.
        let (left, up) = (column - column.floor(), row - row.floor());
        self.anchor = (
            finite((f64::from(x) - left * self.scale) as f32),
            finite((f64::from(y) + up * self.scale * CELL_ASPECT) as f32),
        );
        self.cell = (
            (column.floor() as i32).saturating_sub(i32::from(columns / 2)),
            (row.floor() as i32).saturating_sub(i32::from(rows / 2)),
        );
        self.rein();
    }

    /// Cell of the anchor in an area of this size.
    fn anchor_cell(&self, columns: u16, rows: u16) -> (i32, i32) {
        (self.cell.0 + i32::from(columns / 2), self.cell.1 + i32::from(rows / 2))
    }

    /// The arithmetic from data to dots, for `dots` per cell.
    pub(crate) fn grid(&self, dots: (u8, u8), columns: u16, rows: u16) -> Grid {
        let (w, h) = (i32::from(dots.0), i32::from(dots.1));
        let (ax, ay) = self.anchor_cell(columns, rows);
        Grid {
            anchor: self.anchor,
            kx: (f64::from(w) / self.scale) as f32,
            ky: (-f64::from(h) / (self.scale * CELL_ASPECT)) as f32,
            dx: (ax * w) as f32,
            dy: (ay * h) as f32,
            width: f32::from(columns) * w as f32,
            height: f32::from(rows) * h as f32,
        }
    }
}

/// From data to dot numbers in one area. All offsets are whole numbers below 2^24, exact in f32, so adding them to
/// a whole number of dots moves every dot alike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    pub(crate) anchor: (f32, f32),
    pub(crate) kx: f32,
    pub(crate) ky: f32,
    pub(crate) dx: f32,
    pub(crate) dy: f32,
    /// Dots across.
    pub(crate) width: f32,
    /// Dots down.
    pub(crate) height: f32,
}

impl Grid {
    /// Column and row of the dot of a data point, as whole f32; outside `0..width` x `0..height` or NaN if not shown.
    #[expect(clippy::inline_always, reason = "part of the raster's vector loop")]
    #[inline(always)]
    pub(crate) fn raw(&self, x: f32, y: f32) -> (f32, f32) {
        (((x - self.anchor.0) * self.kx).floor() + self.dx, ((y - self.anchor.1) * self.ky).floor() + self.dy)
    }

    /// The dot of a data point, if it is in the area.
    pub(crate) fn dot(&self, x: f32, y: f32) -> Option<(u32, u32)> {
        let (u, v) = self.raw(x, y);
        (u >= 0.0 && v >= 0.0 && u < self.width && v < self.height).then_some((u as u32, v as u32))
    }
}

fn finite(v: f32) -> f32 {
    if v.is_finite() { v } else { 0.0 }
}

/// Keeps a column at least 2^20 times the anchor's rounding apart, and both scales of the grid finite.
fn clamp_scale(scale: f64, anchor: (f32, f32)) -> f64 {
    let reach = f64::from(anchor.0.abs().max(anchor.1.abs()));
    let least = (reach * 2.0_f64.powi(-20)).max(1e-30);
    if scale.is_finite() { scale.clamp(least, 1e38_f64.max(least)) } else { 1.0_f64.max(least) }
}

/// Least and greatest value, but not farther from the middle 98 % than that is wide.
fn robust_range(values: &mut [f32]) -> Option<(f64, f64)> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let (lo, hi) = values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), &v| (lo.min(v), hi.max(v)));
    let rank = n / 100;
    let q1 = f64::from(*values.select_nth_unstable_by(rank, f32::total_cmp).1);
    let q99 = f64::from(*values.select_nth_unstable_by(n - 1 - rank, f32::total_cmp).1);
    let span = q99 - q1;
    let (lo, hi) = (f64::from(lo), f64::from(hi));
    // Ninety-eight of a hundred points in one place say nothing about scale.
    Some(if span > 0.0 { (lo.max(q1 - span), hi.min(q99 + span)) } else { (lo, hi) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: (u16, u16) = (100, 40);

    #[test]
    fn a_fit_holds_every_point_and_circles_stay_round() {
        let circle = (0..200).map(|i| (i as f32 * 0.0314).sin_cos());
        let view = Viewport::fit(circle.clone(), SIZE.0, SIZE.1);
        assert!(circle.clone().all(|(x, y)| view.cell_of(x, y, SIZE.0, SIZE.1).is_some()));
        let at = |x, y| view.place(x, y, SIZE.0, SIZE.1);
        let wide = at(1.0, 0.0).0 - at(-1.0, 0.0).0;
        let high = at(0.0, -1.0).1 - at(0.0, 1.0).1;
        assert!((wide - 2.0 * high).abs() < 1e-6 && high > 30.0, "{wide} x {high}");
    }

    #[test]
    fn absurd_outliers_do_not_shrink_the_rest() {
        let mut points: Vec<(f32, f32)> = (0..1000).map(|i| ((i % 37) as f32, (i % 41) as f32)).collect();
        points.push((1e9, -1e9));
        points.push((f32::NAN, 0.0));
        points.push((f32::INFINITY, 0.0));
        let view = Viewport::fit(points.iter().copied(), SIZE.0, SIZE.1);
        assert!(view.scale() < 4.0, "{}", view.scale());
        assert!(points[..1000].iter().all(|&(x, y)| view.cell_of(x, y, SIZE.0, SIZE.1).is_some()));
    }

    #[test]
    fn nothing_or_one_place_can_be_fitted() {
        assert_eq!(Viewport::fit(std::iter::empty(), 10, 10), Viewport::default());
        let view = Viewport::fit([(3.0, -2.0); 5].into_iter(), 0, 0);
        assert_eq!(view.cell_of(3.0, -2.0, 5, 5), Some((2, 2)));
    }

    proptest! {
        #[test]
        fn screen_to_data_and_back(
            x in -50.0_f32..50.0, y in -50.0_f32..50.0, scale in 1e-3_f64..10.0, cols in 1_u16..300, rows in 1_u16..100,
            pan in (-500_i32..500, -500_i32..500), at in (0.0_f64..300.0, 0.0_f64..100.0),
        ) {
            let mut view = Viewport::new(x, y, scale);
            view.pan(pan.0, pan.1);
            let (dx, dy) = view.data_at(at.0, at.1, cols, rows);
            let (c, r) = view.place(dx as f32, dy as f32, cols, rows);
            // One rounding to f32 of coordinates below 6000.
            prop_assert!((c - at.0).abs() * scale < 1e-3 && (r - at.1).abs() * scale < 1e-3);
        }

        #[test]
        fn panning_moves_every_dot_alike(
            points in prop::collection::vec((-5.0_f32..5.0, -5.0_f32..5.0), 1..50), scale in 1e-3_f64..1.0,
            by in (-300_i32..300, -300_i32..300), glyph in 0_usize..7,
        ) {
            let dots = super::super::Glyphs::ALL[glyph].dots();
            let view = Viewport::fit(points.iter().copied(), SIZE.0, SIZE.1);
            let mut view = Viewport { scale, ..view };
            let before = view.grid(dots, SIZE.0, SIZE.1);
            view.pan(by.0, by.1);
            let after = view.grid(dots, SIZE.0, SIZE.1);
            for &(x, y) in &points {
                let (a, b) = (before.raw(x, y), after.raw(x, y));
                prop_assert_eq!(a.0 - b.0, (by.0 * i32::from(dots.0)) as f32);
                prop_assert_eq!(a.1 - b.1, (by.1 * i32::from(dots.1)) as f32);
            }
        }

        #[test]
        fn zooming_holds_the_place_still(
            factor in 0.2_f64..5.0, column in 0.0_f64..100.0, row in 0.0_f64..40.0, steps in 1_usize..6,
        ) {
            let mut view = Viewport::new(1.0, -1.0, 0.1);
            let (x, y) = view.data_at(column, row, SIZE.0, SIZE.1);
            for _ in 0..steps {
                view.zoom(factor, column, row, SIZE.0, SIZE.1);
            }
            let (c, r) = view.place(x as f32, y as f32, SIZE.0, SIZE.1);
            prop_assert!((c - column).abs() < 0.05 && (r - row).abs() < 0.05, "{c} {r}");
            prop_assert!((view.scale() - 0.1 / factor.powi(steps as i32)).abs() < 1e-12);
        }

        #[test]
        fn no_number_breaks_it(
            x in any::<f32>(), y in any::<f32>(), scale in any::<f64>(), factor in any::<f64>(),
            at in any::<(f64, f64)>(), pan in any::<(i32, i32)>(), size in (0_u16..400, 0_u16..200),
        ) {
            let mut view = Viewport::new(x, y, scale);
            view.pan(pan.0, pan.1);
            view.zoom(factor, at.0, at.1, size.0, size.1);
            view.pan(pan.1, pan.0);
            view.pan_to(x, y, size.0, size.1);
            prop_assert!(view.scale() > 0.0 && view.scale().is_finite());
            if let Some((c, r)) = view.cell_of(y, x, size.0, size.1) {
                prop_assert!(c < size.0 && r < size.1);
            }
        }

        #[test]
        fn centring_brings_a_point_to_the_middle(x in -9.0_f32..9.0, y in -9.0_f32..9.0, cols in 1_u16..300, rows in 1_u16..90) {
            let mut view = Viewport::new(0.0, 0.0, 0.037);
            view.pan_to(x, y, cols, rows);
            let (c, r) = view.cell_of(x, y, cols, rows).unwrap_or((999, 999));
            prop_assert!(c.abs_diff(cols / 2) <= 1 && r.abs_diff(rows / 2) <= 1);
        }
    }
}
