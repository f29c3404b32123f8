//! Colours that the user chose in place of a theme's own, and what becomes of them on a terminal with fewer.
//!
//! Input: words as [`parse`] reads them. Output: a [`Color`] that the terminal's tier can show ([`fit`]). What is not
//! chosen stays the theme's. Cost: a search through 240 or 16 colours for each one that must be replaced.

use super::theme::{ColorTier, HUES, STEPS, indexed_rgb, nearest, nearest_indexed};
use ratatui::style::Color;

/// Colours chosen by the user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Colours {
    /// Those of the first clusters, at most [`HUES`].
    pub clusters: Vec<Option<Color>>,
    /// The ramp of a quantity, from low to high: [`STEPS`] of them, or none.
    pub ramp: Vec<Option<Color>>,
    /// The single ones, in the order of [`Role::ALL`].
    pub single: [Option<Color>; Role::ALL.len()],
}

/// What a single colour is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Points of no cluster.
    Noise,
    /// Points that the filter leaves out.
    Faint,
    /// Failures.
    Error,
    /// Cautions.
    Warning,
}

impl Role {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Noise, Self::Faint, Self::Error, Self::Warning];

    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Noise => "noise",
            Self::Faint => "faint",
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }

    /// What it is for, in words.
    pub fn doc(self) -> &'static str {
        match self {
            Self::Noise => "Points of no cluster",
            Self::Faint => "Points that the filter leaves out",
            Self::Error => "Failures",
            Self::Warning => "Cautions",
        }
    }
}

impl Colours {
    /// The colour of a role, if it was chosen.
    pub fn of(&self, role: Role) -> Option<Color> {
        self.single[role as usize]
    }
    /// The colour of a cluster, if it was chosen.
    pub fn cluster(&self, at: usize) -> Option<Color> {
        debug_assert!(self.clusters.len() <= HUES, "more colours than hues");
        self.clusters.get(at).copied().flatten()
    }
    /// The colour of a step of the ramp, if it was chosen.
    pub fn step(&self, at: usize) -> Option<Color> {
        debug_assert!(self.ramp.is_empty() || self.ramp.len() == STEPS, "a ramp of another length");
        self.ramp.get(at).copied().flatten()
    }
}

/// The sixteen named colours in the order of their indexes, with what most terminals draw them as.
const NAMED: [(Color, (u8, u8, u8)); 16] = [
    (Color::Black, (0x00, 0x00, 0x00)),
    (Color::Red, (0xcd, 0x00, 0x00)),
    (Color::Green, (0x00, 0xcd, 0x00)),
    (Color::Yellow, (0xcd, 0xcd, 0x00)),
    (Color::Blue, (0x00, 0x00, 0xee)),
    (Color::Magenta, (0xcd, 0x00, 0xcd)),
    (Color::Cyan, (0x00, 0xcd, 0xcd)),
    (Color::Gray, (0xe5, 0xe5, 0xe5)),
    (Color::DarkGray, (0x7f, 0x7f, 0x7f)),
    (Color::LightRed, (0xff, 0x00, 0x00)),
    (Color::LightGreen, (0x00, 0xff, 0x00)),
    (Color::LightYellow, (0xff, 0xff, 0x00)),
    (Color::LightBlue, (0x5c, 0x5c, 0xff)),
    (Color::LightMagenta, (0xff, 0x00, 0xff)),
    (Color::LightCyan, (0x00, 0xff, 0xff)),
    (Color::White, (0xff, 0xff, 0xff)),
];

/// What [`parse`] reads, in words.
pub const EXPECTED: &str = "a colour as \"#38cefe\", a name such as \"cyan\" or \"bright-blue\", an index from 0 to 255, or \"auto\" for the theme's own";

/// Reads a colour: `#rrggbb`, one of the sixteen names, or an index.
pub fn parse(text: &str) -> Option<Color> {
    // No colour at all is no choice that a theme could make.
    text.parse().ok().filter(|color| *color != Color::Reset)
}

/// How a colour is written so that [`parse`] reads it again.
pub fn written(color: Color) -> String {
    match color {
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Indexed(index) => index.to_string(),
        named => named.to_string().to_lowercase(),
    }
}

/// The colour of this tier that looks most like `color`; [`Color::Reset`] where there are none.
pub fn fit(color: Color, tier: ColorTier) -> Color {
    let named = |rgb| NAMED[nearest(rgb, NAMED.map(|(_, rgb)| rgb))].0;
    match (tier, color) {
        (ColorTier::None, _) => Color::Reset,
        (_, Color::Indexed(index @ 0..16)) => NAMED[usize::from(index)].0,
        (ColorTier::Ansi256, Color::Rgb(r, g, b)) => Color::Indexed(nearest_indexed((r, g, b))),
        (ColorTier::Ansi16, Color::Rgb(r, g, b)) => named((r, g, b)),
        (ColorTier::Ansi16, Color::Indexed(index)) => named(indexed_rgb(index)),
        (_, color) => color,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_and_written_alike() {
        for (text, expected) in [
            ("#38cefe", Color::Rgb(0x38, 0xce, 0xfe)),
            ("#38CEFE", Color::Rgb(0x38, 0xce, 0xfe)),
            ("cyan", Color::Cyan),
            ("bright-blue", Color::LightBlue),
            ("Light Red", Color::LightRed),
            ("0", Color::Indexed(0)),
            ("255", Color::Indexed(255)),
        ] {
            let color = parse(text).unwrap();
            assert_eq!(color, expected, "{text}");
            assert_eq!(parse(&written(color)), Some(color), "{text}");
        }
        for (color, _) in NAMED {
            assert_eq!(parse(&written(color)), Some(color));
        }
        for text in ["", "#12345", "#1234567", "#ggg000", "purpleish", "256", "-1", "reset", "auto", "#é1234"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_colour_fits_every_tier() {
        let blue = Color::Rgb(0x00, 0x00, 0xff);
        assert_eq!(fit(blue, ColorTier::True), blue);
        assert_eq!(fit(blue, ColorTier::Ansi256), Color::Indexed(21));
        assert_eq!(fit(blue, ColorTier::Ansi16), Color::Blue);
        assert_eq!(fit(Color::Indexed(196), ColorTier::Ansi16), Color::LightRed);
        assert_eq!(fit(Color::Indexed(196), ColorTier::Ansi256), Color::Indexed(196));
        assert_eq!(fit(Color::Indexed(9), ColorTier::True), Color::LightRed);
        assert_eq!(fit(Color::Cyan, ColorTier::True), Color::Cyan);
        for color in [blue, Color::Cyan, Color::Indexed(3)] {
            assert_eq!(fit(color, ColorTier::None), Color::Reset);
            for tier in [ColorTier::Ansi256, ColorTier::Ansi16] {
                assert!(!matches!(fit(color, tier), Color::Rgb(..)), "{color:?} {tier:?}");
            }
            assert!(!matches!(fit(color, ColorTier::Ansi16), Color::Indexed(_)));
        }
    }
}
