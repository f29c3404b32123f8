//! Characters that hold dots: how many per cell, and which character shows which dots.
//!
//! A cell's dots are a mask of up to 8 bits, row by row from the top left: bit `y * columns + x`. Braille follows
//! the Unicode numbering of its dots, sextants (Unicode 13) and octants (Unicode 16) their order by mask with the
//! older block characters left out, so every mask has exactly one character and the tables are a rule, not a list.

/// The characters of the map, finest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Glyphs {
    /// 2 x 4 blocks of Unicode 16; few fonts have them.
    Octant,
    /// 2 x 3 blocks of Unicode 13.
    Sextant,
    /// 2 x 4 dots: the default where text is UTF-8.
    #[default]
    Braille,
    /// 2 x 2 blocks.
    Quadrant,
    /// 1 x 2 blocks: big dots for sparse maps.
    Half,
    /// One 7-bit character by how many points share the cell.
    Ascii,
    /// The letter of the cell's cluster: 7-bit, and readable without colour.
    Letters,
}

/// ASCII characters for more and more points in a cell: 1, 2, 3–4, 5–8, …, doubling.
pub const DENSITY: [u8; 9] = *b".:-=+*#%@";

impl Glyphs {
    /// All of them, finest first.
    pub const ALL: [Self; 7] =
        [Self::Octant, Self::Sextant, Self::Braille, Self::Quadrant, Self::Half, Self::Ascii, Self::Letters];

    /// The name that `--glyphs` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Octant => "octant",
            Self::Sextant => "sextant",
            Self::Braille => "braille",
            Self::Quadrant => "quadrant",
            Self::Half => "half-block",
            Self::Ascii => "ascii",
            Self::Letters => "letters",
        }
    }

    /// Whether all its characters are 7-bit.
    pub fn is_ascii(self) -> bool {
        matches!(self, Self::Ascii | Self::Letters)
    }

    /// The next tier in a cycle; among the 7-bit ones if the terminal takes no others.
    ///
    /// Multiplexers drop characters that are newer than they are, and octants are of Unicode 16: inside one they are
    /// left out.
    pub fn next(self, ascii: bool, multiplexed: bool) -> Self {
        let all = match (ascii, multiplexed) {
            (true, _) => &Self::ALL[5..],
            (false, true) => &Self::ALL[1..],
            (false, false) => &Self::ALL[..],
        };
        let at = all.iter().position(|&glyphs| glyphs == self).map_or(0, |at| at + 1);
        all[at % all.len()]
    }

    /// Dots per cell: columns and rows.
    pub fn dots(self) -> (u8, u8) {
        match self {
            Self::Octant | Self::Braille => (2, 4),
            Self::Sextant => (2, 3),
            Self::Quadrant => (2, 2),
            Self::Half => (1, 2),
            Self::Ascii | Self::Letters => (1, 1),
        }
    }

    /// The character with exactly the dots of `mask`; bits beyond the cell's dots are ignored. For the 7-bit tiers,
    /// which have one dot, see [`density`] and [`crate::tui::theme::letter`].
    pub fn symbol(self, mask: u8) -> char {
        match self {
            Self::Braille => braille(mask),
            Self::Octant => OCTANTS[mask as usize],
            Self::Sextant => sextant(mask & 0x3f),
            Self::Quadrant => QUADRANTS[(mask & 0xf) as usize],
            Self::Half => [' ', '▀', '▄', '█'][(mask & 3) as usize],
            Self::Ascii | Self::Letters => [' ', '.'][(mask & 1) as usize],
        }
    }
}

/// The tier that has `c` as one of its characters, and the dots that it shows: the inverse of [`Glyphs::symbol`].
///
/// Where tiers share a character (halves, quarters), the coarsest that has it is named. The 7-bit tiers and the
/// blank are not looked for.
pub fn dots_of(c: char) -> Option<(Glyphs, u8)> {
    if matches!(c, '\u{2800}'..='\u{28ff}') {
        return (0..=255).find(|&mask| braille(mask) == c).map(|mask| (Glyphs::Braille, mask));
    }
    // Block elements, legacy computing and its supplement: nothing else need be searched.
    if !matches!(c, '\u{2580}'..='\u{259f}' | '\u{1fb00}'..='\u{1fbff}' | '\u{1cc00}'..='\u{1ceff}') {
        return None;
    }
    [Glyphs::Half, Glyphs::Quadrant, Glyphs::Sextant, Glyphs::Octant].into_iter().find_map(|glyphs| {
        let (w, h) = glyphs.dots();
        let last = ((1_u16 << (w * h)) - 1) as u8;
        (1..=last).find(|&mask| glyphs.symbol(mask) == c).map(|mask| (glyphs, mask))
    })
}

/// The 7-bit character for `count` points in a cell.
pub fn density(count: u32) -> char {
    if count == 0 {
        return ' ';
    }
    let doublings = (count - 1).checked_ilog2().map_or(0, |log| log as usize + 1);
    char::from(DENSITY[doublings.min(DENSITY.len() - 1)])
}

const QUADRANTS: [char; 16] = [' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█'];

/// Braille numbers its dots 1 2 3 down the left, 4 5 6 down the right, then 7 and 8 below.
fn braille(mask: u8) -> char {
    const BIT: [u32; 8] = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80];
    let bits: u32 = (0..8).filter(|i| mask >> i & 1 == 1).map(|i| BIT[i]).sum();
    char::from_u32(0x2800 + bits).unwrap_or(' ')
}

fn sextant(mask: u8) -> char {
    match mask {
        0 => ' ',
        // The halves and the full block are older characters.
        21 => '▌',
        42 => '▐',
        63 => '█',
        m => {
            let skipped = 1 + u32::from(m > 21) + u32::from(m > 42);
            char::from_u32(0x1fb00 + u32::from(m) - skipped).unwrap_or(' ')
        }
    }
}

/// Octants that Unicode 16 did not encode anew because an older (or separate) character has the same dots.
const OLD_OCTANTS: [(u8, char); 26] = [
    (0, ' '),
    (1, '\u{1cea8}'),
    (2, '\u{1ceab}'),
    (3, '\u{1fb82}'),
    (5, '▘'),
    (10, '▝'),
    (15, '▀'),
    (20, '\u{1fbe6}'),
    (40, '\u{1fbe7}'),
    (63, '\u{1fb85}'),
    (64, '\u{1cea3}'),
    (80, '▖'),
    (85, '▌'),
    (90, '▞'),
    (95, '▛'),
    (128, '\u{1cea0}'),
    (160, '▗'),
    (165, '▚'),
    (170, '▐'),
    (175, '▜'),
    (192, '▂'),
    (240, '▄'),
    (245, '▙'),
    (250, '▟'),
    (252, '▆'),
    (255, '█'),
];

const OCTANTS: [char; 256] = {
    let mut table = [' '; 256];
    let mut mask = 0;
    let mut old = 0;
    let mut code = 0x1cd00;
    while mask < 256 {
        if old < OLD_OCTANTS.len() && OLD_OCTANTS[old].0 as usize == mask {
            table[mask] = OLD_OCTANTS[old].1;
            old += 1;
        } else {
            if let Some(c) = char::from_u32(code) {
                table[mask] = c;
            }
            code += 1;
        }
        mask += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_tables_equal_the_published_ones() {
        use ratatui::symbols::pixel;
        for mask in 0..=255_u8 {
            assert_eq!(Glyphs::Octant.symbol(mask), pixel::OCTANTS[mask as usize], "octant {mask:08b}");
            assert_eq!(Glyphs::Sextant.symbol(mask), pixel::SEXTANTS[(mask & 63) as usize], "sextant {mask:06b}");
            assert_eq!(Glyphs::Quadrant.symbol(mask), pixel::QUADRANTS[(mask & 15) as usize], "quadrant {mask:04b}");
        }
    }

    #[test]
    fn braille_dots_stand_where_the_mask_says() {
        // Column and row of each Braille dot, by its number in the Unicode standard.
        let place = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
        for mask in 0..=255_u8 {
            let mut code = 0x2800;
            for (dot, (x, y)) in place.iter().enumerate() {
                if mask >> (y * 2 + x) & 1 == 1 {
                    code |= 1 << dot;
                }
            }
            assert_eq!(Glyphs::Braille.symbol(mask) as u32, code);
        }
        assert_eq!(Glyphs::Braille.symbol(0b1111_1111), '⣿');
        assert_eq!(Glyphs::Half.symbol(0b10), '▄');
    }

    #[test]
    fn every_mask_has_its_own_character_one_column_wide() {
        for glyphs in Glyphs::ALL {
            let (w, h) = glyphs.dots();
            let mut seen = std::collections::BTreeSet::new();
            for mask in 0..1_u16 << (w * h) {
                let c = glyphs.symbol(mask as u8);
                assert!(seen.insert(c), "{glyphs:?} {mask}");
                assert_eq!(unicode_width::UnicodeWidthChar::width(c), Some(1));
                assert!(c.is_ascii() || !glyphs.is_ascii());
            }
        }
    }

    #[test]
    fn characters_tell_their_dots() {
        for glyphs in [Glyphs::Octant, Glyphs::Sextant, Glyphs::Braille, Glyphs::Quadrant, Glyphs::Half] {
            let (w, h) = glyphs.dots();
            for mask in 1..1_u16 << (w * h) {
                let c = glyphs.symbol(mask as u8);
                let (found, dots) = dots_of(c).unwrap();
                assert_eq!(found.symbol(dots), c, "{glyphs:?} {mask}");
            }
        }
        assert_eq!((dots_of('x'), dots_of(' '), dots_of('▁')), (None, None, None));
    }

    #[test]
    fn density_doubles_per_character() {
        let line: String = [0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 33, 65, 128, 129, u32::MAX].map(density).iter().collect();
        assert_eq!(line, " .:--==++*#%%@@");
    }

    #[test]
    fn the_cycle_passes_all_and_stays_seven_bit_where_it_must() {
        let mut glyphs = Glyphs::Braille;
        for _ in 0..7 {
            glyphs = glyphs.next(false, false);
        }
        assert_eq!(glyphs, Glyphs::Braille);
        assert_eq!(
            (Glyphs::Ascii.next(true, false), Glyphs::Letters.next(true, true)),
            (Glyphs::Letters, Glyphs::Ascii)
        );
        assert_eq!(Glyphs::Braille.next(true, false), Glyphs::Ascii);
        assert_eq!(Glyphs::Letters.next(false, true), Glyphs::Sextant);
    }
}
