//! Frames of the map: raster, raster and buffer, buffer with the difference to the last frame, and a PNG of it, at
//! 200 x 60.
//!
//! Points are 24 Gaussian blobs with a tenth of noise, the same for every run.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use saescope::tui::frame::frame_png;
use saescope::tui::theme::{ColorTier, Ground, NOISE, Theme};
use saescope::tui::widgets::raster::{Cloud, Raster};
use saescope::tui::widgets::scatter::Scatter;
use saescope::tui::widgets::viewport::Viewport;
use saescope::tui::widgets::{Glyphs, Look};

const SIZES: [usize; 3] = [32_768, 131_072, 1_048_576];
const AREA: Rect = Rect::new(0, 0, 200, 60);

fn main() {
    divan::main();
}

struct Blobs {
    x: Vec<f32>,
    y: Vec<f32>,
    class: Vec<u16>,
}

impl Blobs {
    fn new(n: usize) -> Self {
        let mut state = 1_u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32
        };
        let centers: Vec<(f32, f32)> = (0..24).map(|_| (uniform() * 20.0, uniform() * 20.0)).collect();
        let mut blobs = Self { x: Vec::new(), y: Vec::new(), class: Vec::new() };
        for i in 0..n {
            // The sum of four uniform numbers is near enough to a normal one.
            let mut normal = || (0..4).map(|_| uniform() - 0.5).sum::<f32>() * 1.7;
            let (dx, dy) = (normal(), normal());
            let noise = i % 10 == 0;
            let (x, y) = if noise { (dx * 4.0 + 10.0, dy * 4.0 + 10.0) } else { centers[i % 24] };
            blobs.x.push(x + dx);
            blobs.y.push(y + dy);
            blobs.class.push(if noise { NOISE } else { (i % 24) as u16 });
        }
        blobs
    }
    fn cloud(&self) -> Cloud<'_> {
        Cloud { x: &self.x, y: &self.y, class: &self.class, flags: &[] }
    }
    fn view(&self) -> Viewport {
        Viewport::fit(self.cloud().shown(), AREA.width, AREA.height)
    }
}

fn look() -> Look {
    Look::new(Theme::new(ColorTier::Ansi256, Ground::Dark), Glyphs::Braille)
}

#[divan::bench(args = SIZES)]
fn raster(bencher: divan::Bencher, n: usize) {
    let blobs = Blobs::new(n);
    let (view, mut raster) = (blobs.view(), Raster::new());
    bencher.bench_local(|| raster.draw(blobs.cloud(), &view, Glyphs::Braille, AREA.width, AREA.height));
}

#[divan::bench(args = SIZES)]
fn raster_and_buffer(bencher: divan::Bencher, n: usize) {
    let (blobs, look) = (Blobs::new(n), look());
    let scatter = Scatter { cloud: blobs.cloud(), view: blobs.view(), letters: true, ..Scatter::default() };
    let (mut raster, mut buf) = (Raster::new(), Buffer::empty(AREA));
    bencher.bench_local(|| {
        buf.reset();
        scatter.render(&look, &mut raster, AREA, &mut buf);
    });
}

/// Everything that panning by a cell costs before bytes are written.
#[divan::bench(args = SIZES)]
fn pan_one_step(bencher: divan::Bencher, n: usize) {
    let (blobs, look) = (Blobs::new(n), look());
    let mut view = blobs.view();
    let (mut raster, mut last, mut buf) = (Raster::new(), Buffer::empty(AREA), Buffer::empty(AREA));
    let mut step = 1;
    bencher.bench_local(|| {
        view.pan(step, 0);
        step = -step;
        let scatter = Scatter { cloud: blobs.cloud(), view, letters: true, ..Scatter::default() };
        buf.reset();
        scatter.render(&look, &mut raster, AREA, &mut buf);
        let changed = last.diff(&buf).len();
        std::mem::swap(&mut last, &mut buf);
        changed
    });
}

/// Fitting the window to the data: once per map, not per frame.
#[divan::bench(args = SIZES)]
fn fit(bencher: divan::Bencher, n: usize) {
    let blobs = Blobs::new(n);
    bencher.bench_local(|| blobs.view());
}

/// A frame as a PNG.
#[divan::bench]
fn png(bencher: divan::Bencher) {
    let (blobs, look) = (Blobs::new(SIZES[0]), look());
    let scatter = Scatter { cloud: blobs.cloud(), view: blobs.view(), letters: true, ..Scatter::default() };
    let mut buf = Buffer::empty(AREA);
    scatter.render(&look, &mut Raster::new(), AREA, &mut buf);
    bencher.bench_local(|| frame_png(&buf, &[]));
}
