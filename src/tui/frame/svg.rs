//! A frame as SVG: shapes by colour, and text that stands at its own columns with its own length, so that the grid
//! holds with any font.

use super::cells::{self, INK, PANEL, Painter, Pair, Rgb, TEXT, W, Word};
use crate::text::{markup, printable};
use ratatui::buffer::Buffer;
use ratatui::style::Modifier;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// An SVG that stands alone and says `title` to readers that cannot see it.
pub fn frame_svg(buf: &Buffer, title: &str) -> String {
    let mut picture = Picture::default();
    cells::paint(buf, &mut picture);
    picture.finish(cells::size(buf), title)
}

/// Shapes by colour, and the text.
#[derive(Default)]
struct Picture {
    grounds: BTreeMap<Rgb, String>,
    blocks: BTreeMap<Rgb, String>,
    lines: BTreeMap<Rgb, String>,
    dots: BTreeMap<Rgb, String>,
    text: String,
}

impl Painter for Picture {
    fn ground(&mut self, color: Rgb, at: Pair, size: Pair) {
        rect(self.grounds.entry(color).or_default(), at, size);
    }

    fn block(&mut self, color: Rgb, at: Pair, size: Pair) {
        rect(self.blocks.entry(color).or_default(), at, size);
    }

    fn line(&mut self, color: Rgb, from: Pair, to: Pair) {
        let path = self.lines.entry(color).or_default();
        let _ = write!(path, "M{} {}L{} {}", tenths(from.0), tenths(from.1), tenths(to.0), tenths(to.1));
    }

    fn bend(&mut self, color: Rgb, from: Pair, corner: Pair, to: Pair) {
        let path = self.lines.entry(color).or_default();
        let [(ax, ay), (mx, my), (bx, by)] = [from, corner, to].map(|(x, y)| (tenths(x), tenths(y)));
        let _ = write!(path, "M{ax} {ay}Q{mx} {my} {bx} {by}");
    }

    fn dot(&mut self, color: Rgb, (x, y): Pair) {
        let _ = write!(self.dots.entry(color).or_default(), "M{} {}h0", tenths(x), tenths(y));
    }

    fn words(&mut self, words: &[Word], baseline: u32) {
        let _ = write!(self.text, "<text y=\"{baseline}\">");
        for word in words {
            let _ = write!(self.text, "<tspan x=\"{}\"", word.x);
            // A lone glyph of unknown width is not stretched; its neighbours have places of their own.
            if word.columns > 1 {
                let _ = write!(self.text, " textLength=\"{}\"", word.columns * W);
            }
            if word.ink != INK {
                let _ = write!(self.text, " fill=\"{}\"", hex(word.ink));
            }
            if word.modifier.contains(Modifier::BOLD) {
                self.text.push_str(" font-weight=\"bold\"");
            }
            if word.modifier.contains(Modifier::ITALIC) {
                self.text.push_str(" font-style=\"italic\"");
            }
            let _ = write!(self.text, ">{}</tspan>", markup(&word.text));
        }
        self.text.push_str("</text>\n");
    }
}

impl Picture {
    fn finish(&self, (width, height): Pair, title: &str) -> String {
        let mut out = String::new();
        let title = markup(&printable(title));
        let _ = writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" aria-label=\"{title}\">"
        );
        let _ = writeln!(out, "<title>{title}</title>");
        let _ = writeln!(out, "<rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{}\"/>", hex(PANEL));
        let mut group = |shapes: &BTreeMap<Rgb, String>, attributes: &str, paint: &str| {
            if shapes.is_empty() {
                return;
            }
            let _ = writeln!(out, "<g {attributes}>");
            for (color, d) in shapes {
                let _ = writeln!(out, "<path {paint}=\"{}\" d=\"{d}\"/>", hex(*color));
            }
            let _ = writeln!(out, "</g>");
        };
        group(&self.grounds, "shape-rendering=\"crispEdges\"", "fill");
        group(&self.blocks, "shape-rendering=\"crispEdges\"", "fill");
        group(&self.lines, "fill=\"none\" stroke-width=\"1.2\"", "stroke");
        group(&self.dots, "fill=\"none\" stroke-width=\"3.2\" stroke-linecap=\"round\"", "stroke");
        let _ = write!(
            out,
            "<g font-family=\"'DejaVu Sans Mono',Menlo,Consolas,'Liberation Mono',monospace\" font-size=\"{TEXT}\" \
             fill=\"{}\">\n{}</g>\n</svg>\n",
            hex(INK),
            self.text
        );
        out
    }
}

fn rect(path: &mut String, (x, y): Pair, (width, height): Pair) {
    let _ = write!(path, "M{x} {y}h{width}v{height}h-{width}z");
}

/// A number of tenths, without floating point.
fn tenths(n: u32) -> String {
    if n.is_multiple_of(10) { (n / 10).to_string() } else { format!("{}.{}", n / 10, n % 10) }
}

fn hex((r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}
