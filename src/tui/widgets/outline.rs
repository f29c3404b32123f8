//! What is drawn around points to choose them: a box, or a lasso of straight lines.
//!
//! Places are cells from the left upper corner of an area, and may lie outside it: what is out of sight is not drawn.
//! Cost: O(cells that are drawn).

use super::Look;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// A place in cells, from the left upper corner of an area.
pub type Spot = (i32, i32);

/// Longest line of a lasso, in cells; beyond it both ends are far out of sight.
const LONGEST: i32 = 4096;

/// What is drawn around points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outline {
    /// A box between two corners.
    Box(Spot, Spot),
    /// A line through these corners, and back to the first.
    Lasso(Vec<Spot>),
}

impl Outline {
    /// Draws it over what is there.
    pub fn render(&self, look: &Look, area: Rect, buf: &mut Buffer) {
        match self {
            Self::Box(from, to) => frame(look, area, *from, *to, buf),
            Self::Lasso(corners) => lasso(look, area, corners, buf),
        }
    }
}

fn put(look: &Look, area: Rect, (column, row): Spot, symbol: &str, buf: &mut Buffer) {
    let inside = (0..i32::from(area.width)).contains(&column) && (0..i32::from(area.height)).contains(&row);
    if inside {
        let cell = &mut buf[(area.x + column as u16, area.y + row as u16)];
        cell.reset();
        cell.set_symbol(symbol).set_style(look.theme.strong());
    }
}

/// Corners, and the lines between them: whole where they were drawn, of every other cell where the lasso closes.
fn lasso(look: &Look, area: Rect, corners: &[Spot], buf: &mut Buffer) {
    let dot = look.pick("·", ".");
    for pair in corners.windows(2) {
        line(pair[0], pair[1], |spot, _| put(look, area, spot, dot, buf));
    }
    if let (Some(first), Some(last)) = (corners.first(), corners.last()) {
        line(*last, *first, |spot, step| {
            if step % 2 == 0 {
                put(look, area, spot, dot, buf);
            }
        });
    }
    for corner in corners {
        put(look, area, *corner, look.pick("◇", "o"), buf);
    }
}

/// Visits the cells of a straight line, both ends included.
fn line(from: Spot, to: Spot, mut visit: impl FnMut(Spot, i32)) {
    let (dx, dy) = (to.0.saturating_sub(from.0), to.1.saturating_sub(from.1));
    let steps = dx.saturating_abs().max(dy.saturating_abs());
    if steps > LONGEST {
        return;
    }
    for step in 0..=steps {
        let along = |by: i32| if steps == 0 { 0 } else { (f64::from(by * step) / f64::from(steps)).round() as i32 };
        visit((from.0 + along(dx), from.1 + along(dy)), step);
    }
}

/// A thin frame between two corners.
fn frame(look: &Look, area: Rect, from: Spot, to: Spot, buf: &mut Buffer) {
    let (left, right) = (from.0.min(to.0), from.0.max(to.0));
    let (top, bottom) = (from.1.min(to.1), from.1.max(to.1));
    if area.is_empty() {
        return;
    }
    for row in top.max(0)..=bottom.min(i32::from(area.height) - 1) {
        for column in left.max(0)..=right.min(i32::from(area.width) - 1) {
            let symbol = match (row == top || row == bottom, column == left || column == right) {
                (false, false) => continue,
                (true, false) => look.pick("─", "-"),
                (false, true) => look.pick("│", "|"),
                (true, true) if left == right || top == bottom => look.pick("┼", "+"),
                (true, true) => look.pick(
                    match (row == top, column == left) {
                        (true, true) => "┌",
                        (true, false) => "┐",
                        (false, true) => "└",
                        (false, false) => "┘",
                    },
                    "+",
                ),
            };
            put(look, area, (column, row), symbol, buf);
        }
    }
}
