//! A frame as pixels, at twice the units of [`super::cells`], so that it is crisp on dense screens too.
//!
//! Blocks and lines lie on whole pixels; dots, bends and text are smoothed. Colours are mixed in whole numbers. A
//! character that the font lacks is a hollow box as wide as its columns. The same buffer gives the same bytes. Cost:
//! O(pixels); memory: three bytes a pixel.

use super::cells::{self, H, PANEL, Painter, Pair, Rgb, Word};
use super::font::{Curve, Glyphs, Stamp};
use ab_glyph_rasterizer::{Point, point};
use ratatui::buffer::Buffer;
use ratatui::style::Modifier;
use std::collections::BTreeMap;
use std::io;
use unicode_width::UnicodeWidthChar;

/// Pixels of a unit.
pub(super) const SCALE: u32 = 2;
/// Half the thickness of a line, in pixels.
const HALF: u32 = 1;
/// Radius of a dot, in pixels.
const RADIUS: f32 = 3.2;
/// Straight pieces that make a bend.
const PIECES: u16 = 12;
/// Pixels of a metre where a unit is a 96th of an inch.
const DENSITY: u32 = 96 * SCALE * 10_000 / 254;

/// A PNG of the frame. `notes` are keywords with texts, written into the file in this order.
///
/// # Panics
/// If the picture has no pixel, as that of no frame has.
pub fn frame_png(buf: &Buffer, notes: &[(&str, String)]) -> Vec<u8> {
    let mut layers = Layers::default();
    cells::paint(buf, &mut layers);
    let canvas = layers.drawn(cells::size(buf));
    let mut out = Vec::new();
    canvas.write(&mut out, notes).expect("memory takes what is written, and the texts are of the right kind");
    out
}

/// What is to be drawn, from below.
#[derive(Default)]
struct Layers {
    grounds: Vec<(Rgb, Pair, Pair)>,
    blocks: Vec<(Rgb, Pair, Pair)>,
    lines: Vec<(Rgb, Pair, Pair)>,
    bends: Vec<(Rgb, [Pair; 3])>,
    dots: Vec<(Rgb, Pair)>,
    letters: Vec<Letter>,
}

/// The text of a cell.
struct Letter {
    text: String,
    /// The left end of its baseline, in units.
    at: Pair,
    columns: u32,
    ink: Rgb,
    modifier: Modifier,
}

impl Painter for Layers {
    fn ground(&mut self, color: Rgb, at: Pair, size: Pair) {
        self.grounds.push((color, at, size));
    }

    fn block(&mut self, color: Rgb, at: Pair, size: Pair) {
        self.blocks.push((color, at, size));
    }

    fn line(&mut self, color: Rgb, from: Pair, to: Pair) {
        self.lines.push((color, from, to));
    }

    fn bend(&mut self, color: Rgb, from: Pair, corner: Pair, to: Pair) {
        self.bends.push((color, [from, corner, to]));
    }

    fn dot(&mut self, color: Rgb, centre: Pair) {
        self.dots.push((color, centre));
    }

    fn words(&mut self, words: &[Word], baseline: u32) {
        for word in words {
            let Word { x, columns, ref text, ink, modifier } = *word;
            if text.is_ascii() {
                let letter = |(at, c): (usize, char)| Letter {
                    text: c.to_string(),
                    at: (x + at as u32 * cells::W, baseline),
                    columns: 1,
                    ink,
                    modifier,
                };
                self.letters.extend(text.chars().enumerate().filter(|(_, c)| *c != ' ').map(letter));
            } else {
                self.letters.push(Letter { text: text.clone(), at: (x, baseline), columns, ink, modifier });
            }
        }
    }
}

impl Layers {
    fn drawn(self, (width, height): Pair) -> Canvas {
        let mut canvas = Canvas::new(width * SCALE, height * SCALE);
        for (color, at, size) in self.grounds.into_iter().chain(self.blocks) {
            canvas.fill(color, (at.0 * SCALE, at.1 * SCALE), (size.0 * SCALE, size.1 * SCALE));
        }
        for (color, from, to) in self.lines {
            // Lines are level or upright: as rectangles they lie on whole pixels.
            let [(ax, ay), (bx, by)] = [from, to].map(|(x, y)| (x * SCALE / 10, y * SCALE / 10));
            let size = (ax.abs_diff(bx).max(HALF) + HALF, ay.abs_diff(by).max(HALF) + HALF);
            let (left, top) = (ax.min(bx) - HALF * u32::from(ax <= bx), ay.min(by) - HALF * u32::from(ay <= by));
            canvas.fill(color, (left, top), size);
        }
        let mut stamps: BTreeMap<[(i64, i64); 2], Stamp> = BTreeMap::new();
        for (color, [from, corner, to]) in self.bends {
            let away = |p: Pair| (i64::from(p.0) - i64::from(corner.0), i64::from(p.1) - i64::from(corner.1));
            let ends = [away(from), away(to)];
            let stamp = stamps.entry(ends).or_insert_with(|| bend(ends));
            canvas.stamp(color, stamp, pixel(corner));
        }
        let mut stamps: BTreeMap<Pair, Stamp> = BTreeMap::new();
        for (color, centre) in self.dots {
            // The part of a pixel by which the centre is off its corner.
            let off = (centre.0 * SCALE % 10, centre.1 * SCALE % 10);
            canvas.stamp(color, stamps.entry(off).or_insert_with(|| dot(off)), pixel(centre));
        }
        let mut glyphs = Glyphs::new();
        for letter in &self.letters {
            canvas.letter(letter, &mut glyphs);
        }
        canvas
    }
}

/// The pixel that a place in tenths of units lies in.
fn pixel((x, y): Pair) -> (i32, i32) {
    ((x * SCALE / 10) as i32, (y * SCALE / 10) as i32)
}

/// A line bent from one end to another, both from the corner in tenths of units.
fn bend(ends: [(i64, i64); 2]) -> Stamp {
    let pixels = SCALE as f32 / 10.0;
    let [a, b] = ends.map(|(x, y)| point(x as f32 * pixels, y as f32 * pixels));
    let mut sides: [Vec<Point>; 2] = Default::default();
    for step in 0..=PIECES {
        let t = f32::from(step) / f32::from(PIECES);
        // A quadratic curve whose middle point is the origin, and its direction.
        let sum = |of_a: f32, of_b: f32| point(a.x * of_a + b.x * of_b, a.y * of_a + b.y * of_b);
        let (own, along) = (sum((1.0 - t) * (1.0 - t), t * t), sum(t - 1.0, t));
        let half = HALF as f32 / (along.x * along.x + along.y * along.y).sqrt();
        let aside = point(-along.y * half, along.x * half);
        sides[0].push(own + aside);
        sides[1].push(own - aside);
    }
    let [there, back] = sides;
    let round: Vec<Point> = there.into_iter().chain(back.into_iter().rev()).collect();
    let side = |at: usize| Curve::Line([round[at], round[(at + 1) % round.len()]]);
    Stamp::of(&(0..round.len()).map(side).collect::<Vec<Curve>>())
}

/// A dot whose centre is off the corner of its pixel by so many tenths of one.
fn dot((x, y): Pair) -> Stamp {
    let centre = point(x as f32 / 10.0, y as f32 / 10.0);
    // A quarter of a circle as a cubic curve (Riškus 2006).
    let (r, k) = (RADIUS, RADIUS * 0.551_915);
    let quarter = |turn: fn(f32, f32) -> Point| {
        Curve::Cubic([(r, 0.0), (r, k), (k, r), (0.0, r)].map(|(x, y)| centre + turn(x, y)))
    };
    Stamp::of(&[
        quarter(point),
        quarter(|x, y| point(-y, x)),
        quarter(|x, y| point(-x, -y)),
        quarter(|x, y| point(y, -x)),
    ])
}

/// The pixels.
struct Canvas {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Canvas {
    fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        Self { width, height, rgb: [PANEL.0, PANEL.1, PANEL.2].repeat(width * height) }
    }

    fn fill(&mut self, color: Rgb, (x, y): Pair, (width, height): Pair) {
        let (x, y) = (x as usize, y as usize);
        let (right, bottom) = ((x + width as usize).min(self.width), (y + height as usize).min(self.height));
        for row in y..bottom {
            let from = row * self.width;
            for pixel in self.rgb[3 * (from + x.min(right))..3 * (from + right)].chunks_exact_mut(3) {
                pixel.copy_from_slice(&[color.0, color.1, color.2]);
            }
        }
    }

    fn stamp(&mut self, color: Rgb, stamp: &Stamp, origin: (i32, i32)) {
        let (left, top) = (origin.0 + stamp.at.0, origin.1 + stamp.at.1);
        for (at, &covered) in stamp.coverage.iter().enumerate().filter(|(_, covered)| **covered > 0) {
            let (x, y) = (left + (at % stamp.width) as i32, top + (at / stamp.width) as i32);
            let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { continue };
            if x >= self.width || y >= self.height {
                continue;
            }
            let at = 3 * (y * self.width + x);
            for (value, ink) in self.rgb[at..at + 3].iter_mut().zip([color.0, color.1, color.2]) {
                let mixed = u32::from(ink) * u32::from(covered) + u32::from(*value) * (255 - u32::from(covered));
                *value = ((mixed + 127) / 255) as u8;
            }
        }
    }

    /// The characters of a cell on top of one another, or a box if the font lacks the first.
    fn letter(&mut self, letter: &Letter, glyphs: &mut Glyphs) {
        let (bold, italic) = (letter.modifier.contains(Modifier::BOLD), letter.modifier.contains(Modifier::ITALIC));
        let origin = (letter.at.0 * SCALE, letter.at.1 * SCALE);
        for (at, c) in letter.text.chars().enumerate() {
            match glyphs.stamp(c, bold, italic) {
                Some(stamp) => self.stamp(letter.ink, stamp, (origin.0 as i32, origin.1 as i32)),
                None if at == 0 => return self.missing(letter, origin),
                // Joiners and selectors of variants show nothing.
                None if c.width().unwrap_or(0) == 0 => {}
                None => self.missing(letter, origin),
            }
        }
    }

    /// A hollow box, as high as a capital letter.
    fn missing(&mut self, letter: &Letter, (x, baseline): Pair) {
        let (width, height) = (letter.columns * cells::W * SCALE - 6, H * SCALE * 5 / 8);
        let (x, y) = (x + 3, baseline - height);
        self.fill(letter.ink, (x, y), (width, 2));
        self.fill(letter.ink, (x, y + height - 2), (width, 2));
        self.fill(letter.ink, (x, y), (2, height));
        self.fill(letter.ink, (x + width - 2, y), (2, height));
    }

    fn write(&self, out: &mut Vec<u8>, notes: &[(&str, String)]) -> io::Result<()> {
        let mut encoder = png::Encoder::new(out, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        // Fixed, for the bytes follow from them; what is flat packs best unfiltered.
        encoder.set_deflate_compression(png::DeflateCompression::Level(4));
        encoder.set_filter(png::Filter::NoFilter);
        encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: DENSITY, yppu: DENSITY, unit: png::Unit::Meter }));
        for (keyword, text) in notes {
            // The older kind of text, which every reader knows, holds Latin letters alone.
            let (keyword, text) = (keyword.to_string(), text.clone());
            if text.chars().all(|c| u32::from(c) < 256) {
                encoder.add_text_chunk(keyword, text)?;
            } else {
                encoder.add_itxt_chunk(keyword, text)?;
            }
        }
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.rgb)?;
        Ok(writer.finish()?)
    }
}
