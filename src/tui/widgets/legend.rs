//! What colours and letters mean: clusters with their sizes, or the two ends of a ramp.

use super::{Look, glyph, text};
use crate::tui::theme::{self, NOISE, STEPS};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

/// One cluster in a legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its class.
    pub class: u16,
    /// Words for it, safe to print; may be empty.
    pub name: &'a str,
    /// How many points it has.
    pub count: usize,
}

/// Longest name that is shown whole; a legend is read at a glance.
pub const NAME: usize = 18;

/// Draws entries in reading order, row by row, then how many did not fit. Gives the number of entries drawn.
pub fn clusters(look: &Look, entries: &[Entry<'_>], area: Rect, buf: &mut Buffer) -> usize {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return 0;
    }
    let (mut x, mut y) = (area.x, area.y);
    for (i, entry) in entries.iter().enumerate() {
        let mark = mark(entry.class, look);
        let name = if entry.class == NOISE { "noise" } else { entry.name };
        let name = text::fit(name, NAME.min(usize::from(area.width / 2)), look.ascii);
        let count = text::thousands(entry.count as u64);
        let gap = u16::from(!name.is_empty());
        let columns = (text::width(&mark) + 1 + text::width(&name) + text::width(&count)) as u16 + gap;
        // Unless this is the last, what remains must find room for "+12 more".
        let left = entries.len() - i;
        let tail = if left > 1 && y + 1 == area.bottom() { more(left - 1).len() as u16 + 3 } else { 0 };
        if x > area.x && x + columns + tail > area.right() {
            if y + 1 == area.bottom() {
                text::put(buf, area, x, y, &more(left), look.theme.muted());
                return i;
            }
            (x, y) = (area.x, y + 1);
        }
        let style = look.theme.cluster(entry.class).add_modifier(Modifier::BOLD);
        let after = text::put(buf, area, x, y, &mark, style);
        let after = text::put(buf, area, after + 1, y, &name, look.theme.text());
        // A number is shown whole or not at all.
        if after + gap + count.len() as u16 <= area.right() {
            text::put(buf, area, after + gap, y, &count, look.theme.muted());
        }
        x = x.saturating_add(columns + 3);
    }
    entries.len()
}

/// The letter or number of a cluster in a legend or list.
pub fn mark(class: u16, look: &Look) -> String {
    let name = theme::cluster_name(class);
    if look.ascii && class == NOISE { ".".to_string() } else { name }
}

fn more(n: usize) -> String {
    format!("+{} more", text::thousands(n as u64))
}

/// Draws `density 1e-5 ▪▪▪▪▪▪▪▪ 0.4` with the ramp's steps from low to high.
pub fn ramp(look: &Look, name: &str, low: &str, high: &str, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    // The name gives way first; the numbers are shown whole or not at all.
    let rest = text::width(low) + text::width(high) + STEPS + 3;
    let Some(room) = usize::from(area.width).checked_sub(rest) else { return };
    let name = text::fit(name, room, look.ascii);
    let after = text::put(buf, area, area.x, area.y, &name, look.theme.text());
    let mut x = if name.is_empty() { after } else { after + 1 };
    x = text::put(buf, area, x, area.y, low, look.theme.muted()) + 1;
    for step in 0..STEPS {
        let ascii = char::from(glyph::DENSITY[step]);
        let symbol = if look.ascii { ascii.to_string() } else { "█".to_string() };
        x = text::put(buf, area, x, area.y, &symbol, look.theme.ramp_step(step));
    }
    text::put(buf, area, x + 1, area.y, high, look.theme.muted());
}
