//! Small pictures to look at, by which a person tells what a terminal and its font can show.
//!
//! Output: cells, drawn by the widgets that draw the screen. The same picture in every tier of glyphs; the colours of
//! clusters and of the ramp in every tier of colour; attributes; characters whose width is in doubt. Nothing here
//! asks the terminal anything.

use super::colours::Colours;
use super::theme::{ColorTier, Ground, HUES, STEPS, Theme, letter};
use super::widgets::glyph::Glyphs;
use super::widgets::raster::{Cloud, Raster};
use super::widgets::scatter::{Paint, Scatter};
use super::widgets::viewport::Viewport;
use super::widgets::{Look, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use std::f32::consts::TAU;

/// Columns of one picture, without its frame.
const PICTURE: u16 = 22;
/// Rows of one picture.
const ROWS: u16 = 6;
/// Columns of the name of a row.
const NAME: u16 = 11;

/// A ring, a patch in it and a line through both: what breaks when dots are missing, shifted or of another size.
fn points() -> (Vec<f32>, Vec<f32>, Vec<u16>) {
    let ring = (0..240).map(|i| (TAU * i as f32 / 240.0).sin_cos()).map(|(y, x)| (2.0 * x, y, 0));
    let line = (0..120).map(|i| i as f32 / 60.0 - 1.0).map(|t| (2.2 * t, 0.9 * t, 1));
    // A spiral by the golden angle covers a disc evenly.
    let patch = (0..160).map(|i| {
        let (y, x) = (i as f32 * 2.399_963).sin_cos();
        let r = 0.4 * (i as f32 / 160.0).sqrt();
        (x * r - 1.1, y * r + 0.35, 2)
    });
    let (mut xs, mut ys, mut classes) = (Vec::new(), Vec::new(), Vec::new());
    for (x, y, class) in ring.chain(line).chain(patch) {
        xs.push(x);
        ys.push(y);
        classes.push(class);
    }
    (xs, ys, classes)
}

/// The same picture in these tiers of glyphs, three in a row, each between bars.
pub fn glyphs(theme: &Theme, tiers: &[Glyphs]) -> Buffer {
    let (x, y, class) = points();
    let cloud = Cloud { x: &x, y: &y, class: &class, flags: &[] };
    let rows = tiers.len().div_ceil(3) as u16;
    let mut buffer = Buffer::empty(Rect::new(0, 0, 3 * (PICTURE + 4), rows * (ROWS + 1)));
    for (at, tier) in tiers.iter().enumerate() {
        let look = Look::new(theme.clone(), *tier);
        let left = (at % 3) as u16 * (PICTURE + 4);
        let top = (at / 3) as u16 * (ROWS + 1);
        let area = Rect::new(left + 1, top + 1, PICTURE, ROWS);
        let whole = buffer.area;
        text::put(&mut buffer, whole, left + 1, top, tier.name(), theme.strong());
        for y in area.top()..area.bottom() {
            for x in [area.left() - 1, area.right()] {
                text::put(&mut buffer, whole, x, y, "|", theme.muted());
            }
        }
        let view = Viewport::fit(cloud.shown(), PICTURE, ROWS);
        let scatter = Scatter { cloud, view, paint: Paint::Clusters, ..Scatter::default() };
        scatter.render(&look, &mut Raster::new(), area, &mut buffer);
    }
    buffer
}

/// Clusters with their letters, and the ramp, in these tiers of colour.
pub fn colours(tiers: &[ColorTier], ground: Ground, own: &Colours, ascii: bool) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, NAME + 4 * HUES as u16 + 1 + 2 * STEPS as u16, tiers.len() as u16));
    let area = buffer.area;
    let block = if ascii { "##" } else { "██" };
    for (y, tier) in (0..).zip(tiers) {
        let theme = Theme::with(*tier, ground, own);
        let mut x = text::put(&mut buffer, area, 0, y, tier.name(), theme.text()).max(NAME);
        for class in 0..HUES as u16 {
            let style = theme.cluster(class);
            let name = letter(class).unwrap_or(' ').to_string();
            x = text::put(&mut buffer, area, x, y, &name, style.add_modifier(Modifier::BOLD));
            x = text::put(&mut buffer, area, x, y, block, style) + 1;
        }
        for step in 0..STEPS {
            x = text::put(&mut buffer, area, x, y, block, theme.ramp_step(step));
        }
    }
    buffer
}

/// Every attribute that the screen uses, on its own name.
pub fn attributes(theme: &Theme) -> Buffer {
    let words: [(&str, Style); 6] = [
        ("plain", theme.text()),
        ("bold", theme.strong()),
        ("dim", theme.muted()),
        ("italic", Style::new().add_modifier(Modifier::ITALIC)),
        ("underlined", Style::new().add_modifier(Modifier::UNDERLINED)),
        ("reversed", theme.selected()),
    ];
    let mut buffer = Buffer::empty(Rect::new(0, 0, 60, 1));
    let area = buffer.area;
    let mut x = 0;
    for (word, style) in words {
        x = text::put(&mut buffer, area, x, 0, word, style) + 2;
    }
    buffer
}

/// Eight columns of characters whose width is in doubt, each line between bars.
pub fn widths() -> Buffer {
    let lines = [
        ("plain", "abcdefgh"),
        ("wide", "日本語字"),
        ("combining", "e\u{301}e\u{301}e\u{301}e\u{301}a\u{308}a\u{308}a\u{308}a\u{308}"),
        ("ambiguous", "±×÷·…─│█"),
        ("braille", "⣿⡇⢸⠿⠛⣤⠤⠒"),
    ];
    let mut buffer = Buffer::empty(Rect::new(0, 0, NAME + 10, lines.len() as u16));
    let area = buffer.area;
    for (y, (name, line)) in (0..).zip(lines) {
        text::put(&mut buffer, area, 0, y, name, Style::new());
        text::put(&mut buffer, area, NAME, y, &format!("|{line}|"), Style::new());
    }
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::frame::frame_text;
    use crate::tui::screen::coloured_lines;

    fn plain() -> Theme {
        Theme::new(ColorTier::None, Ground::Dark)
    }

    #[test]
    fn every_tier_draws_the_same_picture() {
        let six = [Glyphs::Octant, Glyphs::Sextant, Glyphs::Braille, Glyphs::Quadrant, Glyphs::Half, Glyphs::Ascii];
        let text = frame_text(&glyphs(&plain(), &six));
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("strips_glyphs", text);
        });
        for tier in six {
            let alone = frame_text(&glyphs(&plain(), &[tier]));
            assert_eq!(alone.lines().count(), usize::from(ROWS) + 1);
            let framed = |line: &str| line.starts_with('|') && line.ends_with('|');
            assert!(alone.lines().skip(1).all(framed), "{alone}");
            let drawn = alone.chars().filter(|c| !" |\n".contains(*c) && !c.is_ascii_alphabetic()).count();
            assert!(drawn > 40, "{alone}");
            assert_eq!(alone.is_ascii(), tier == Glyphs::Ascii);
        }
    }

    #[test]
    fn colours_are_those_of_their_tier_and_no_others() {
        let all = [ColorTier::True, ColorTier::Ansi256, ColorTier::Ansi16, ColorTier::None];
        let lines = coloured_lines(&colours(&all, Ground::Dark, &Colours::default(), true));
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[0].contains("38;2;") && !lines[0].contains("38;5;"), "{}", lines[0]);
        assert!(lines[1].contains("38;5;") && !lines[1].contains("38;2;"), "{}", lines[1]);
        assert!(!lines[2].contains("38;") && lines[2].contains("\u{1b}[1;96m"), "{}", lines[2]);
        for code in ["[3", ";3", "[9", ";9", "[4", ";4"] {
            assert!(!lines[3].contains(code), "{}", lines[3]);
        }
        for line in lines {
            assert!(('A'..='L').all(|letter| line.contains(letter)), "{line}");
        }
        let text = frame_text(&colours(&all, Ground::Light, &Colours::default(), true));
        assert!(text.is_ascii() && text.lines().all(|line| line.matches("##").count() == HUES + STEPS));
    }

    #[test]
    fn bars_stand_in_one_column() {
        let text = frame_text(&widths());
        let width = |line: &str| text::width(line);
        assert!(text.lines().all(|line| width(line) == usize::from(NAME) + 10), "{text}");
        assert!(coloured_lines(&attributes(&plain())).contains("\u{1b}[7mreversed"));
    }
}
