//! What a frame of the map costs: a key, the state that follows from it, the cells, the bytes.
//!
//! `cargo bench --bench render` first prints a table of whole frames at 200 x 60, on one core: `App::update` on the key
//! of a step, `App::draw`, and the screen's bytes into a sink. The bound is 50 ms a frame (20 frames a second) for
//! 131,072 points. Below it stands what the raster alone takes, beside two things measured in the same run: one pass
//! over the same points that does nothing but read them, and ratatui's own canvas drawing them. Then come the parts, by
//! divan.
//!
//! Points are 24 Gaussian blobs with a tenth of noise, the same for every run.

#![allow(clippy::print_stdout, reason = "a bench prints")]

#[path = "../tests/support/blobs.rs"]
mod blobs;
#[path = "../tests/support/known.rs"]
mod known;
#[cfg(target_os = "linux")]
#[path = "../tests/support/large.rs"]
mod large;
#[path = "../tests/support/npy.rs"]
mod npy;
#[cfg(target_os = "linux")]
#[path = "../tests/support/pty.rs"]
#[allow(dead_code, reason = "shared with the tests of the screen")]
mod pty;

use known::Known;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::widgets::Widget;
use ratatui::widgets::canvas::{Canvas, Points};
use saescope::tui::Model;
use saescope::tui::event::Event;
use saescope::tui::frame::frame_png;
use saescope::tui::key::Key;
use saescope::tui::screen::Screen;
use saescope::tui::theme::{ColorTier, Ground, NOISE, Theme};
use saescope::tui::widgets::raster::{Cloud, Raster};
use saescope::tui::widgets::scatter::Scatter;
use saescope::tui::widgets::viewport::Viewport;
use saescope::tui::widgets::{Glyphs, Look};
use std::hint::black_box;
use std::time::{Duration, Instant};

const SIZES: [usize; 3] = [32_768, 131_072, 1_048_576];
const AREA: Rect = Rect::new(0, 0, 200, 60);
/// Times that each step of the table is taken.
const ROUNDS: usize = 40;

fn main() {
    // Under `cargo test --benches` it is enough that everything runs.
    let tests = std::env::args().any(|arg| arg == "--test");
    for count in SIZES.into_iter().take(if tests { 1 } else { SIZES.len() }) {
        frames(count);
    }
    #[cfg(target_os = "linux")]
    {
        let (_folder, path) = large::large();
        let first = median(|_| {
            let session = pty::Session::saescope(&[&path, "--no-cache"], &[]);
            session.wait_for("the first frame", |screen| screen.contains(large::SHAPE));
        });
        println!("\nfirst frame of a file of {}: {:.0} ms from the start", large::SHAPE, millis(first));
    }
    divan::main();
}

/// The middle of all the times that `work` takes.
fn median(mut work: impl FnMut(usize)) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|round| {
            let begun = Instant::now();
            work(round);
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Whole frames of `count` points, and what their raster is to be measured by.
fn frames(count: usize) {
    let known = known::many(count);
    println!("\n{count} points at {} x {}", AREA.width, AREA.height);
    println!("{:24} {:>9} {:>10} {:>9}", "step", "ms", "frames/s", "bytes");
    for (what, there, back) in [("cursor", "l", "h"), ("pan one step", "Shift-Left", "Shift-Right"), ("zoom", "+", "-")]
    {
        let (millis, bytes) = step(&known, ColorTier::Ansi256, [there, back]);
        println!("{what:24} {millis:9.2} {:10.0} {bytes:9}", 1e3 / millis);
    }
    let (millis_of_true, bytes) = step(&known, ColorTier::True, ["Shift-Left", "Shift-Right"]);
    println!("{:24} {millis_of_true:9.2} {:10.0} {bytes:9}", "pan in 24-bit colour", 1e3 / millis_of_true);

    let points = Blobs::new(count);
    let (view, mut raster) = (points.view(), Raster::new());
    let drawn = median(|_| raster.draw(points.cloud(), &view, Glyphs::Braille, AREA.width, AREA.height));
    let read = median(|_| {
        let sum = |values: &[f32]| values.iter().fold(0, |sum: u32, value| sum.wrapping_add(value.to_bits()));
        let classes = black_box(&points.class).iter().fold(0, |sum: u16, class| sum.wrapping_add(*class));
        black_box((sum(black_box(&points.x)), sum(black_box(&points.y)), classes));
    });
    let canvas = canvas(&points);
    println!("{:24} {:9.3}", "raster alone", millis(drawn));
    let times = |other: Duration| drawn.as_secs_f64() / other.as_secs_f64();
    println!("{:24} {:9.3} {:>10}", "reading the points", millis(read), format!("x {:.1}", times(read)));
    println!("{:24} {:9.3} {:>10}", "ratatui's canvas", millis(canvas), format!("x {:.3}", times(canvas)));
}

/// Median milliseconds and most bytes of a step to and fro.
fn step(known: &Known, tier: ColorTier, keys: [&str; 2]) -> (f64, u64) {
    let look = Look::new(Theme::new(tier, Ground::Dark), Glyphs::Braille);
    let mut app = known::app(known, &look, (AREA.width, AREA.height));
    let mut screen = Screen::new(std::io::sink(), AREA.width, AREA.height);
    let keys = keys.map(|key| Key::parse(key).expect("a key"));
    let mut most = 0;
    let mut frame = |round: usize| {
        let before = screen.written();
        app.update(Event::Key(keys[round % 2]));
        screen.draw(|area, buffer| app.draw(area, buffer)).expect("a sink takes all");
        screen.written() - before
    };
    // The first frame is a whole one, and makes room in the buffers.
    frame(0);
    frame(1);
    let time = median(|round| most = most.max(frame(round)));
    (millis(time), most)
}

/// ratatui's canvas drawing the same points, a colour for each class: the nearest there is to a raster in that library.
fn canvas(points: &Blobs) -> Duration {
    let mut classes: Vec<u16> = points.class.clone();
    classes.sort_unstable();
    classes.dedup();
    let of = |class: u16| -> Vec<(f64, f64)> {
        let own = (0..points.class.len()).filter(|&i| points.class[i] == class);
        own.map(|i| (f64::from(points.x[i]), f64::from(points.y[i]))).collect()
    };
    let theme = Theme::new(ColorTier::Ansi256, Ground::Dark);
    let all: Vec<(Vec<(f64, f64)>, _)> = classes.iter().map(|&class| (of(class), theme.cluster(class))).collect();
    let bounds = |values: &[f32]| {
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        [f64::from(low), f64::from(values.iter().copied().fold(f32::NEG_INFINITY, f32::max))]
    };
    let (across, up) = (bounds(&points.x), bounds(&points.y));
    let mut buf = Buffer::empty(AREA);
    median(|_| {
        buf.reset();
        let paint = |context: &mut ratatui::widgets::canvas::Context<'_>| {
            for (coords, style) in &all {
                context.draw(&Points { coords, color: style.fg.unwrap_or_default() });
            }
        };
        Canvas::default().marker(Marker::Braille).x_bounds(across).y_bounds(up).paint(paint).render(AREA, &mut buf);
        black_box(&buf);
    })
}

struct Blobs {
    x: Vec<f32>,
    y: Vec<f32>,
    class: Vec<u16>,
}

impl Blobs {
    fn new(n: usize) -> Self {
        let (points, labels) = blobs::blobs(n);
        let along = |axis: usize| (0..n).map(|i| points.row(i)[axis]).collect();
        let class = labels.iter().map(|&label| if label < 0 { NOISE } else { label as u16 });
        Self { x: along(0), y: along(1), class: class.collect() }
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
