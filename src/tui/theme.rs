//! Colours: what means what, on which terminal.
//!
//! Chrome keeps the terminal's own foreground and background; colour is for data. A theme is made of a *tier* (how
//! many colours the terminal takes) and a *ground* (dark or light) and answers every question of style on screen:
//! cluster hues, the ramp of a quantity, the shading of a token, selection, warnings. It never paints a background;
//! the selection reverses what is there.
//!
//! Nothing is told by colour alone: clusters wear letters, noise is dim, shading also underlines and emboldens, so
//! that [`ColorTier::None`] (which sets no colour at all) loses no fact.
//!
//! The twelve hues start from Okabe and Ito's set ("Color universal design", 2008) and were moved apart under
//! normal vision and under simulated protanopia, deuteranopia and tritanopia (Machado, Oliveira and Fernandes 2009),
//! with a contrast of 3:1 or more against the usual grounds; the tests measure both.

use super::colours::{Colours, Role, fit};
use ratatui::style::{Color, Modifier, Style};

/// How many colours the terminal takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColorTier {
    /// 24-bit colour.
    True,
    /// The 256 indexed colours.
    Ansi256,
    /// The 16 named colours.
    Ansi16,
    /// No colour: bold, dim, underline and reverse only.
    None,
}

impl ColorTier {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::True => "24-bit",
            Self::Ansi256 => "256",
            Self::Ansi16 => "16",
            Self::None => "none",
        }
    }
}

/// What the terminal's own background is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ground {
    /// Light text on a dark ground.
    #[default]
    Dark,
    /// Dark text on a light ground.
    Light,
}

/// The class of a point that is in no cluster (or has no value).
pub const NOISE: u16 = u16::MAX;

/// Number of distinct cluster hues; later clusters use them again and differ by letter or number.
pub const HUES: usize = 12;

/// Number of steps of the ramp for quantities.
pub const STEPS: usize = 8;

type Rgb = (u8, u8, u8);

const CLUSTERS_DARK: [Rgb; HUES] = [
    (0x38, 0xce, 0xfe),
    (0xe9, 0x7f, 0x00),
    (0x23, 0x89, 0x69),
    (0xf8, 0xff, 0x47),
    (0xbc, 0x8d, 0xb5),
    (0x16, 0x90, 0xff),
    (0xee, 0xbb, 0x32),
    (0xb7, 0xff, 0xfc),
    (0xf2, 0x05, 0x4b),
    (0xa3, 0x5d, 0xb9),
    (0x98, 0xc3, 0x9b),
    (0x22, 0xff, 0xa5),
];

const CLUSTERS_LIGHT: [Rgb; HUES] = [
    (0x1c, 0x8d, 0xed),
    (0xb4, 0x33, 0x09),
    (0x0a, 0x6c, 0x6b),
    (0xc0, 0x79, 0x0b),
    (0xa0, 0x61, 0xa9),
    (0x28, 0x48, 0x91),
    (0x6e, 0x81, 0x59),
    (0x7a, 0x06, 0xce),
    (0x1f, 0x1c, 0xff),
    (0xec, 0x33, 0xdb),
    (0x4d, 0x16, 0x18),
    (0x14, 0x00, 0x60),
];

/// The named colours nearest to [`CLUSTERS_DARK`]; what they look like is the terminal's choice.
const CLUSTERS_DARK_16: [Color; HUES] = [
    Color::LightCyan,
    Color::Red,
    Color::Green,
    Color::LightYellow,
    Color::LightMagenta,
    Color::LightBlue,
    Color::Yellow,
    Color::Cyan,
    Color::LightRed,
    Color::Magenta,
    Color::LightGreen,
    Color::Blue,
];

/// The named colours nearest to [`CLUSTERS_LIGHT`], the pale ones last.
const CLUSTERS_LIGHT_16: [Color; HUES] = [
    Color::LightBlue,
    Color::Red,
    Color::Cyan,
    Color::Yellow,
    Color::Magenta,
    Color::Blue,
    Color::Green,
    Color::LightRed,
    Color::LightMagenta,
    Color::LightGreen,
    Color::LightCyan,
    Color::LightYellow,
];

/// Low to high, growing away from the ground in lightness.
const RAMP_DARK: [Rgb; STEPS] = [
    (0x5b, 0x7f, 0xc7),
    (0x43, 0x9c, 0xb3),
    (0x4e, 0xb1, 0x98),
    (0x71, 0xc0, 0x7d),
    (0x9a, 0xcb, 0x5d),
    (0xbc, 0xd6, 0x4e),
    (0xdc, 0xdf, 0x4d),
    (0xfb, 0xe9, 0x4a),
];

const RAMP_LIGHT: [Rgb; STEPS] = [
    (0x7e, 0x8f, 0xa6),
    (0x5a, 0x7f, 0xb5),
    (0x4f, 0x6b, 0xb2),
    (0x51, 0x54, 0xa9),
    (0x5a, 0x38, 0x9a),
    (0x53, 0x26, 0x82),
    (0x48, 0x18, 0x68),
    (0x3d, 0x0a, 0x4f),
];

const RAMP_DARK_16: [Color; STEPS] = [
    Color::Blue,
    Color::LightBlue,
    Color::Cyan,
    Color::LightCyan,
    Color::Green,
    Color::LightGreen,
    Color::Yellow,
    Color::LightYellow,
];

const RAMP_LIGHT_16: [Color; STEPS] = [
    Color::Cyan,
    Color::Cyan,
    Color::LightBlue,
    Color::LightBlue,
    Color::Blue,
    Color::Blue,
    Color::Magenta,
    Color::Magenta,
];

/// Every style on screen, for one tier and ground.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    tier: ColorTier,
    ground: Ground,
    clusters: [Color; HUES],
    ramp: [Color; STEPS],
    noise: Color,
    faint: Color,
    error: Color,
    warning: Color,
}

impl Theme {
    /// The theme for a terminal of this tier and ground.
    pub fn new(tier: ColorTier, ground: Ground) -> Self {
        Self::with(tier, ground, &Colours::default())
    }

    /// The theme for a terminal of this tier and ground, where the user's own colours stand in for its own.
    pub fn with(tier: ColorTier, ground: Ground, own: &Colours) -> Self {
        let dark = ground == Ground::Dark;
        let map = |rgb: Rgb| match tier {
            ColorTier::True => Color::Rgb(rgb.0, rgb.1, rgb.2),
            ColorTier::Ansi256 => Color::Indexed(nearest_indexed(rgb)),
            ColorTier::Ansi16 | ColorTier::None => Color::Reset,
        };
        let named = |color: Color| if tier == ColorTier::None { Color::Reset } else { color };
        let sixteen = matches!(tier, ColorTier::Ansi16 | ColorTier::None);
        let clusters = match (sixteen, dark) {
            (true, true) => CLUSTERS_DARK_16.map(named),
            (true, false) => CLUSTERS_LIGHT_16.map(named),
            (false, true) => CLUSTERS_DARK.map(map),
            (false, false) => CLUSTERS_LIGHT.map(map),
        };
        let ramp = match (sixteen, dark) {
            (true, true) => RAMP_DARK_16.map(named),
            (true, false) => RAMP_LIGHT_16.map(named),
            (false, true) => RAMP_DARK.map(map),
            (false, false) => RAMP_LIGHT.map(map),
        };
        let grey = |on_dark: u8, on_light: u8| {
            let level = if dark { on_dark } else { on_light };
            if sixteen { named(Color::DarkGray) } else { map((level, level, level)) }
        };
        let or = |chosen: Option<Color>, built_in: Color| chosen.map_or(built_in, |color| fit(color, tier));
        Self {
            tier,
            ground,
            clusters: std::array::from_fn(|at| or(own.cluster(at), clusters[at])),
            ramp: std::array::from_fn(|at| or(own.step(at), ramp[at])),
            noise: or(own.of(Role::Noise), grey(0x80, 0x8a)),
            faint: or(own.of(Role::Faint), grey(0x4e, 0xd0)),
            error: or(own.of(Role::Error), named(Color::Red)),
            warning: or(own.of(Role::Warning), named(Color::Yellow)),
        }
    }

    /// How many colours it uses.
    pub fn tier(&self) -> ColorTier {
        self.tier
    }

    /// The ground it is meant for.
    pub fn ground(&self) -> Ground {
        self.ground
    }

    /// Sets a foreground unless it is the terminal's own, so that the colourless tier sets none at all.
    fn foreground(color: Color) -> Style {
        if color == Color::Reset { Style::new() } else { Style::new().fg(color) }
    }

    /// Ordinary text.
    pub fn text(&self) -> Style {
        Style::new()
    }
    /// Text that stands back: units, secondary facts, the frame of a pane without focus.
    pub fn muted(&self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }
    /// Text that stands out: titles, names, keys.
    pub fn strong(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }
    /// The frame of a pane.
    pub fn border(&self, focused: bool) -> Style {
        if focused { self.text() } else { self.muted() }
    }
    /// The chosen row or entry: one even bar, whatever colours and dimming its parts had.
    pub fn selected(&self) -> Style {
        Style::new().fg(Color::Reset).remove_modifier(Modifier::DIM).add_modifier(Modifier::REVERSED)
    }
    /// A failure.
    pub fn error(&self) -> Style {
        Self::foreground(self.error).add_modifier(Modifier::BOLD)
    }
    /// A caution.
    pub fn warning(&self) -> Style {
        Self::foreground(self.warning)
    }
    /// What a search matched.
    pub fn hit(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
    }
    /// A point or row that the user marked.
    pub fn marked(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A point of this cluster; [`NOISE`] is dim.
    pub fn cluster(&self, class: u16) -> Style {
        if class == NOISE {
            return match self.tier {
                ColorTier::None => Style::new().add_modifier(Modifier::DIM),
                _ => Self::foreground(self.noise),
            };
        }
        Self::foreground(self.clusters[class as usize % HUES])
    }

    /// A point that the filter leaves out.
    pub fn faint(&self) -> Style {
        match self.tier {
            ColorTier::True | ColorTier::Ansi256 => Self::foreground(self.faint),
            ColorTier::Ansi16 | ColorTier::None => Self::foreground(self.faint).add_modifier(Modifier::DIM),
        }
    }

    /// A quantity at `t` between 0 (low) and 1 (high); without colour, low is dim and high is bold.
    pub fn ramp(&self, t: f32) -> Style {
        self.ramp_step(step(t))
    }

    /// Step `step` of [`STEPS`], the last for all beyond; see [`Theme::ramp`].
    pub fn ramp_step(&self, step: usize) -> Style {
        let step = step.min(STEPS - 1);
        if self.tier != ColorTier::None {
            return Self::foreground(self.ramp[step]);
        }
        match step {
            0..=2 => Style::new().add_modifier(Modifier::DIM),
            3..=5 => Style::new(),
            _ => Style::new().add_modifier(Modifier::BOLD),
        }
    }

    /// A token that fires at `t` of the feature's maximum; 0 and below is silent.
    ///
    /// Colour, and in step with it: plain below a quarter, underlined below a half, bold below three quarters, bold
    /// and underlined above.
    pub fn shade(&self, t: f32) -> Style {
        // A NaN is silent too.
        if t.is_nan() || t <= 0.0 {
            return self.text();
        }
        let ink = match (t.min(1.0) * 4.0) as usize {
            0 => Modifier::empty(),
            1 => Modifier::UNDERLINED,
            2 => Modifier::BOLD,
            _ => Modifier::BOLD | Modifier::UNDERLINED,
        };
        if self.tier == ColorTier::None {
            // Without colour the lowest tier must differ from silence too.
            let ink = if ink.is_empty() { Modifier::ITALIC } else { ink };
            return Style::new().add_modifier(ink);
        }
        Self::foreground(self.ramp[step(t)]).add_modifier(ink)
    }
}

/// The letter of a cluster: A for 0 to Z for 25; later clusters and noise have none.
pub fn letter(class: u16) -> Option<char> {
    (class < 26).then(|| char::from(b'A' + class as u8))
}

/// How a cluster is called in text: its letter, then its number, a dot for noise.
pub fn cluster_name(class: u16) -> String {
    match letter(class) {
        Some(letter) => letter.to_string(),
        None if class == NOISE => "·".to_string(),
        None => class.to_string(),
    }
}

/// The class of a cluster label: -1 (and any negative) is [`NOISE`]; labels beyond the last class share it.
pub fn class_of(label: i32) -> u16 {
    if label < 0 { NOISE } else { label.min(i32::from(NOISE) - 1) as u16 }
}

/// The step of the ramp for `t` between 0 and 1.
fn step(t: f32) -> usize {
    // A NaN casts to 0.
    ((t.clamp(0.0, 1.0) * STEPS as f32) as usize).min(STEPS - 1)
}

/// Red, green and blue of an indexed colour from 16 up, as every terminal draws the 6 x 6 x 6 cube and the greys.
pub(crate) fn indexed_rgb(index: u8) -> Rgb {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    debug_assert!(index >= 16, "the first sixteen are the terminal's choice");
    if index >= 232 {
        let level = 8 + 10 * (index - 232);
        return (level, level, level);
    }
    let cube = usize::from(index.saturating_sub(16));
    (LEVELS[cube / 36], LEVELS[cube / 6 % 6], LEVELS[cube % 6])
}

/// The indexed colour (never one of the first sixteen, which terminals choose themselves) that looks most like `rgb`.
pub(super) fn nearest_indexed(rgb: Rgb) -> u8 {
    16 + nearest(rgb, (16..=255).map(indexed_rgb)) as u8
}

/// Which of some colours looks most like `rgb`; the first of equals.
pub(super) fn nearest(rgb: Rgb, colours: impl IntoIterator<Item = Rgb>) -> usize {
    let target = oklab(linear(rgb));
    let mut best = (f32::INFINITY, 0);
    for (at, colour) in colours.into_iter().enumerate() {
        let d = distance(oklab(linear(colour)), target);
        if d < best.0 {
            best = (d, at);
        }
    }
    best.1
}

/// Linear light of an sRGB colour, 0..1.
fn linear(rgb: Rgb) -> [f32; 3] {
    [rgb.0, rgb.1, rgb.2].map(|v| {
        let v = f32::from(v) / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    })
}

/// Ottosson's OKLab of linear light: straight-line distance there is close to perceived difference.
fn oklab([r, g, b]: [f32; 3]) -> [f32; 3] {
    let l = (0.412_221_47 * r + 0.536_332_54 * g + 0.051_445_993 * b).cbrt();
    let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
    let s = (0.088_302_46 * r + 0.281_718_84 * g + 0.629_978_7 * b).cbrt();
    [
        0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
        1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
        0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
    ]
}

fn distance(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Severe colour blindness, applied to linear light: protanopia, deuteranopia, tritanopia (Machado et al. 2009).
    const BLIND: [[[f32; 3]; 3]; 3] = [
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ];
    const DARK_GROUNDS: [Rgb; 3] = [(0, 0, 0), (0x1e, 0x1e, 0x2e), (0x28, 0x2c, 0x34)];
    const LIGHT_GROUNDS: [Rgb; 2] = [(255, 255, 255), (0xfd, 0xf6, 0xe3)];

    fn contrast(a: Rgb, b: Rgb) -> f32 {
        let light = |rgb| {
            let [r, g, b] = linear(rgb);
            0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05
        };
        let (a, b) = (light(a), light(b));
        a.max(b) / a.min(b)
    }

    fn seen_by(matrix: &[[f32; 3]; 3], rgb: Rgb) -> [f32; 3] {
        let l = linear(rgb);
        oklab(matrix.map(|row| (row[0] * l[0] + row[1] * l[1] + row[2] * l[2]).clamp(0.0, 1.0)))
    }

    fn closest(colors: &[Rgb], view: impl Fn(Rgb) -> [f32; 3]) -> f32 {
        let mut least = f32::INFINITY;
        for (i, &a) in colors.iter().enumerate() {
            for &b in &colors[..i] {
                least = least.min(distance(view(a), view(b)));
            }
        }
        least
    }

    fn rgb_of(color: Color) -> Rgb {
        match color {
            Color::Rgb(r, g, b) => (r, g, b),
            Color::Indexed(i) => indexed_rgb(i),
            other => panic!("{other:?} has no fixed value"),
        }
    }

    #[test]
    fn every_data_colour_stands_out_from_its_ground() {
        for (ground, against) in [(Ground::Dark, &DARK_GROUNDS[..]), (Ground::Light, &LIGHT_GROUNDS[..])] {
            for tier in [ColorTier::True, ColorTier::Ansi256] {
                let theme = Theme::new(tier, ground);
                for color in theme.clusters.iter().chain(&theme.ramp).chain([&theme.noise]) {
                    for &panel in against {
                        let ratio = contrast(rgb_of(*color), panel);
                        assert!(ratio >= 3.0, "{color:?} on {panel:?} ({ground:?}, {tier:?}): {ratio}");
                    }
                }
            }
        }
    }

    #[test]
    fn hues_differ_for_normal_and_for_colour_blind_eyes() {
        for (colors, first_blind, all_normal, all_blind) in
            [(CLUSTERS_DARK, 0.10, 0.12, 0.08), (CLUSTERS_LIGHT, 0.06, 0.12, 0.06)]
        {
            assert!(closest(&colors, |c| oklab(linear(c))) >= all_normal);
            for matrix in &BLIND {
                assert!(closest(&colors[..8], |c| seen_by(matrix, c)) >= first_blind);
                assert!(closest(&colors, |c| seen_by(matrix, c)) >= all_blind);
            }
        }
    }

    #[test]
    fn hues_stay_distinct_in_every_coloured_tier() {
        for ground in [Ground::Dark, Ground::Light] {
            for tier in [ColorTier::True, ColorTier::Ansi256, ColorTier::Ansi16] {
                let theme = Theme::new(tier, ground);
                for (i, a) in theme.clusters.iter().enumerate() {
                    assert!(!theme.clusters[..i].contains(a), "{ground:?} {tier:?} {i}");
                    assert_ne!(*a, theme.noise);
                }
            }
        }
    }

    #[test]
    fn the_ramp_grows_away_from_the_ground() {
        let light = |c: &Rgb| oklab(linear(*c))[0];
        assert!(RAMP_DARK.windows(2).all(|w| light(&w[0]) + 0.02 < light(&w[1])));
        assert!(RAMP_LIGHT.windows(2).all(|w| light(&w[0]) > light(&w[1]) + 0.02));
        let theme = Theme::new(ColorTier::True, Ground::Dark);
        assert_eq!(theme.ramp(-1.0), theme.ramp_step(0));
        assert_eq!(theme.ramp(f32::NAN), theme.ramp_step(0));
        assert_eq!(theme.ramp(1.0), theme.ramp_step(STEPS - 1));
        assert_eq!(theme.ramp(0.5), theme.ramp_step(4));
    }

    #[test]
    fn the_user_s_colours_stand_in_and_fit_the_tier() {
        let red = Color::Rgb(0xff, 0, 0);
        let own = Colours {
            clusters: vec![None, Some(red)],
            ramp: vec![Some(red); STEPS],
            single: [Some(red), None, Some(Color::Cyan), None],
        };
        for (tier, expected) in
            [(ColorTier::True, red), (ColorTier::Ansi256, Color::Indexed(196)), (ColorTier::Ansi16, Color::LightRed)]
        {
            let (theme, plain) = (Theme::with(tier, Ground::Dark, &own), Theme::new(tier, Ground::Dark));
            assert_eq!(theme.cluster(1).fg, Some(expected));
            assert_eq!((theme.cluster(0), theme.cluster(2)), (plain.cluster(0), plain.cluster(2)));
            assert_eq!((theme.ramp_step(0).fg, theme.cluster(NOISE).fg), (Some(expected), Some(expected)));
            assert_eq!((theme.error().fg, theme.warning()), (Some(Color::Cyan), plain.warning()));
            assert_eq!(theme.faint(), plain.faint());
        }
    }

    #[test]
    fn without_colour_no_style_sets_one() {
        let own = Colours {
            clusters: vec![Some(Color::Red); HUES],
            ramp: vec![Some(Color::Indexed(40)); STEPS],
            single: [Some(Color::Rgb(1, 2, 3)); Role::ALL.len()],
        };
        let grounds = [Ground::Dark, Ground::Light];
        for (ground, own) in
            grounds.into_iter().flat_map(|ground| [(ground, Colours::default()), (ground, own.clone())])
        {
            let theme = Theme::with(ColorTier::None, ground, &own);
            let mut styles = vec![theme.text(), theme.muted(), theme.strong(), theme.border(true), theme.border(false)];
            styles.extend([theme.selected(), theme.error(), theme.warning(), theme.hit(), theme.marked()]);
            styles.extend([theme.faint(), theme.cluster(NOISE)]);
            styles.extend((0..40).map(|class| theme.cluster(class)));
            styles.extend((0..20).flat_map(|i| [theme.ramp(i as f32 / 19.0), theme.shade(i as f32 / 19.0)]));
            for style in styles {
                let own = |color: Option<Color>| color.is_none_or(|color| color == Color::Reset);
                assert!(own(style.fg) && own(style.bg), "{style:?}");
            }
        }
    }

    #[test]
    fn shading_reads_without_colour() {
        let theme = Theme::new(ColorTier::None, Ground::Dark);
        let tiers = [0.0, 0.1, 0.3, 0.6, 0.9].map(|t| theme.shade(t));
        for (i, a) in tiers.iter().enumerate() {
            assert!(!tiers[..i].contains(a), "{i}");
        }
        assert_eq!(theme.shade(f32::NAN), theme.text());
    }

    #[test]
    fn letters_run_from_a_to_z_and_then_numbers() {
        assert_eq!((letter(0), letter(25), letter(26), letter(NOISE)), (Some('A'), Some('Z'), None, None));
        assert_eq!((cluster_name(2), cluster_name(26), cluster_name(NOISE)), ("C".into(), "26".into(), "·".into()));
        assert_eq!((class_of(-1), class_of(3), class_of(i32::MAX)), (NOISE, 3, NOISE - 1));
    }

    #[test]
    fn the_nearest_index_of_an_indexed_colour_is_itself() {
        for index in [16_u8, 21, 46, 110, 196, 231, 240, 255] {
            assert_eq!(indexed_rgb(nearest_indexed(indexed_rgb(index))), indexed_rgb(index));
        }
    }
}
