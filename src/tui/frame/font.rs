//! Characters as coverage: the outlines of the embedded font, rasterised once each.
//!
//! The font is DejaVu Sans Mono, regular and bold, as its makers released it (data/fonts); italics are slanted. Input: a
//! character and a style. Output: a [`Stamp`], at the scale of the pictures; [`None`] for a character that the font
//! lacks: it has Latin, Greek, Cyrillic, most Arabic letters, mathematics, arrows and box drawing, but no Hebrew, no
//! Indic scripts, no East Asian ones and no emoji.

use super::cells::TEXT;
use super::png::SCALE;
use ab_glyph::{Font as _, FontRef, OutlineCurve};
use ab_glyph_rasterizer::{Point, Rasterizer, point};
use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::LazyLock;

/// Regular and bold, unpacked when they are first needed.
static FACES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let regular: &[u8] = include_bytes!("../../../data/fonts/DejaVuSansMono.ttf.gz");
    let bold: &[u8] = include_bytes!("../../../data/fonts/DejaVuSansMono-Bold.ttf.gz");
    [regular, bold].map(|packed| {
        let mut font = Vec::new();
        GzDecoder::new(packed).read_to_end(&mut font).expect("the embedded fonts are whole, as a test shows");
        font
    })
});

/// How far italics lean: across for each step up.
const LEAN: f32 = 0.2;

/// How much of each pixel of a small rectangle is covered.
#[derive(Default)]
pub(super) struct Stamp {
    /// Left upper pixel from the origin: the left end of the baseline of a character, the centre of a dot.
    pub at: (i32, i32),
    /// Pixels of a row.
    pub width: usize,
    /// Coverage, row by row: 0 none, 255 all.
    pub coverage: Vec<u8>,
}

impl Stamp {
    /// What closed curves cover.
    pub(super) fn of(curves: &[Curve]) -> Self {
        let ends = || curves.iter().flat_map(Curve::points);
        let (left, right) = bounds(ends().map(|point| point.x));
        let (top, bottom) = bounds(ends().map(|point| point.y));
        if left >= right || top >= bottom {
            return Self::default();
        }
        // The rasteriser writes one pixel to the right of an edge.
        let (width, height) = ((right - left + 1) as usize, (bottom - top) as usize);
        let mut raster = Rasterizer::new(width, height);
        let origin = point(left as f32, top as f32);
        for curve in curves {
            match *curve {
                Curve::Line([a, b]) => raster.draw_line(a - origin, b - origin),
                Curve::Quad([a, b, c]) => raster.draw_quad(a - origin, b - origin, c - origin),
                Curve::Cubic([a, b, c, d]) => raster.draw_cubic(a - origin, b - origin, c - origin, d - origin),
            }
        }
        let mut coverage = vec![0; width * height];
        // Where contours overlap the sum may exceed one.
        raster.for_each_pixel(|at, alpha| coverage[at] = (alpha.clamp(0.0, 1.0) * 255.0 + 0.5) as u8);
        Self { at: (left, top), width, coverage }
    }
}

/// Part of an outline, in pixels from an origin, downwards.
pub(super) enum Curve {
    Line([Point; 2]),
    Quad([Point; 3]),
    Cubic([Point; 4]),
}

impl Curve {
    fn points(&self) -> &[Point] {
        match self {
            Self::Line(points) => points,
            Self::Quad(points) => points,
            Self::Cubic(points) => points,
        }
    }
}

/// Whole numbers around all of `values`; the same twice if there are none.
fn bounds(values: impl Iterator<Item = f32>) -> (i32, i32) {
    let (low, high) = values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low <= high { (low.floor() as i32, high.ceil() as i32) } else { (0, 0) }
}

/// The embedded font, with the stamps made so far.
pub(super) struct Glyphs {
    faces: [FontRef<'static>; 2],
    stamps: BTreeMap<(char, bool, bool), Option<Stamp>>,
}

impl Glyphs {
    pub(super) fn new() -> Self {
        let face = |bytes| FontRef::try_from_slice(bytes).expect("the embedded fonts are whole, as a test shows");
        Self { faces: [face(&FACES[0]), face(&FACES[1])], stamps: BTreeMap::new() }
    }
    /// A character in a style; none if the font lacks it.
    pub(super) fn stamp(&mut self, c: char, bold: bool, italic: bool) -> Option<&Stamp> {
        let face = &self.faces[usize::from(bold)];
        self.stamps.entry((c, bold, italic)).or_insert_with(|| glyph(face, c, italic)).as_ref()
    }
}

fn glyph(face: &FontRef<'_>, c: char, italic: bool) -> Option<Stamp> {
    let id = face.glyph_id(c);
    if id.0 == 0 {
        return None;
    }
    let scale = (TEXT * SCALE) as f32 / face.units_per_em().unwrap_or(2048.0);
    let lean = if italic { LEAN } else { 0.0 };
    let place = |p: Point| point((p.x + p.y * lean) * scale, -p.y * scale);
    // A blank has no outline.
    let curves = face.outline(id).map(|outline| outline.curves).unwrap_or_default();
    let curves: Vec<Curve> = curves
        .into_iter()
        .map(|curve| match curve {
            OutlineCurve::Line(a, b) => Curve::Line([a, b].map(place)),
            OutlineCurve::Quad(a, b, c) => Curve::Quad([a, b, c].map(place)),
            OutlineCurve::Cubic(a, b, c, d) => Curve::Cubic([a, b, c, d].map(place)),
        })
        .collect();
    Some(Stamp::of(&curves))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_faces_have_what_the_screen_writes_and_lack_what_the_docs_say() {
        let mut glyphs = Glyphs::new();
        for bold in [false, true] {
            for c in ('!'..='~').chain("äßéŁπΩЖя…·→⏎⇥●╲╱┈▬◦�".chars()) {
                let stamp = glyphs.stamp(c, bold, false).unwrap_or_else(|| panic!("{c} is missing"));
                assert!(stamp.coverage.iter().any(|covered| *covered > 100), "{c} is blank");
            }
            for c in "東שक🙂".chars() {
                assert!(glyphs.stamp(c, bold, false).is_none(), "{c}");
            }
        }
    }

    #[test]
    fn a_square_covers_itself() {
        let corners = [point(0.5, -1.0), point(2.0, -1.0), point(2.0, 1.0), point(0.5, 1.0)];
        let sides: Vec<Curve> = (0..4).map(|at| Curve::Line([corners[at], corners[(at + 1) % 4]])).collect();
        let stamp = Stamp::of(&sides);
        assert_eq!((stamp.at, stamp.width), ((0, -1), 3));
        assert_eq!(stamp.coverage, [128, 255, 0, 128, 255, 0]);
        assert!(Stamp::of(&[]).coverage.is_empty());
    }
}
