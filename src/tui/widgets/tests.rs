//! All widgets together: pictures at several sizes, and no panic at any size, text or number.

use super::bars::{Axis, Histogram, sparkline};
use super::line::{Hint, filled, hints, progress};
use super::outline::Outline;
use super::pane::{Anchor, Pane, infobox, message, place};
use super::passage::{self, Align, Token};
use super::raster::{Cloud, FAINT, Raster};
use super::scatter::{Paint, Scatter};
use super::table::{Column, Table, scroll};
use super::viewport::Viewport;
use super::{Glyphs, Look, legend, text};
use crate::task::Progress;
use crate::tui::frame::{frame_svg, frame_text};
use crate::tui::theme::{ColorTier, Ground, NOISE, Theme};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use std::time::Duration;

mod scripts;

fn look(tier: ColorTier, glyphs: Glyphs) -> Look {
    Look::new(Theme::new(tier, Ground::Dark), glyphs)
}

/// Nine blobs of falling size and a haze, from a fixed generator.
struct Blobs {
    x: Vec<f32>,
    y: Vec<f32>,
    class: Vec<u16>,
    flags: Vec<u8>,
}

impl Blobs {
    fn new(n: usize) -> Self {
        let mut state = 7_u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32
        };
        let mut blobs = Self { x: vec![], y: vec![], class: vec![], flags: vec![] };
        for i in 0..n {
            let mut normal = || (0..4).map(|_| uniform() - 0.5).sum::<f32>();
            let (dx, dy) = (normal(), normal());
            let class = (i * i / 3 + i) % 97 / 9;
            let (x, y, class) = if class >= 9 {
                (dx * 6.0, dy * 5.0, NOISE)
            } else {
                let (across, down) = ((class % 3) as f32 - 1.0, (class / 3) as f32 - 1.0);
                (across * 4.0 + dx, down * 3.0 + dy + across, class as u16)
            };
            blobs.x.push(x);
            blobs.y.push(y);
            blobs.class.push(class);
            blobs.flags.push(if i % 11 == 0 { FAINT } else { 0 });
        }
        blobs
    }
    fn cloud(&self) -> Cloud<'_> {
        Cloud { x: &self.x, y: &self.y, class: &self.class, flags: &self.flags }
    }
}

const WORDS: [&str; 14] = [
    " The",
    " council",
    " met",
    ",",
    " as",
    " on",
    " every",
    " Monday",
    "\n",
    " and",
    " 東京",
    " e\u{301}te\u{301}",
    " \u{1b}[31m",
    " again",
];

fn tokens() -> Vec<Token<'static>> {
    let strength = [0.0, 0.0, 0.1, 0.0, 0.0, 0.3, 0.6, 1.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.2];
    WORDS.iter().zip(strength).map(|(text, strength)| Token { text, strength }).collect()
}

/// One frame with every widget in it, laid out like the map view.
fn scene(look: &Look, width: u16, height: u16) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    let split = width - width / 3;
    let panes = height.saturating_sub(2);
    let map = Pane { title: "map", remark: "trust .89 · noise 27 %", footer: "a word of caution", focused: true };
    let inside = map.render(look, Rect::new(0, 0, split, panes), &mut buf);
    let blobs = Blobs::new(2000);
    let field = Rect { height: inside.height.saturating_sub(2), ..inside };
    let view = Viewport::fit(blobs.cloud().shown(), field.width, field.height);
    let scatter = Scatter {
        cloud: blobs.cloud(),
        view,
        letters: true,
        hits: &[17, 400, 900],
        marked: &[23, 1201],
        ranked: &[700, 701, 702],
        selected: Some(1400),
        cursor: view.cell_of(blobs.x[1500], blobs.y[1500], field.width, field.height).map(|at| (at, "#1500 Monday")),
        outline: Some(&Outline::Box((2, 1), (9, 4))),
        ..Scatter::default()
    };
    scatter.render(look, &mut Raster::new(), field, &mut buf);
    let names = ["days, dates", "years", "code", "names of places in Europe", "pronouns", "", "verbs of motion"];
    let entries: Vec<legend::Entry<'_>> = (0..9)
        .map(|i| legend::Entry { class: i, name: names.get(usize::from(i)).unwrap_or(&""), count: 1500 >> i })
        .chain([legend::Entry { class: NOISE, name: "", count: 1104 }])
        .collect();
    let below = inside.bottom().saturating_sub(2);
    legend::clusters(look, &entries, Rect::new(inside.x + 1, below, inside.width.saturating_sub(2), 2), &mut buf);

    let right = Rect::new(split, 0, width - split, panes);
    let inside = Pane { title: "#1500", ..Pane::default() }.render(look, right, &mut buf);
    let row = |y: u16| Rect { y: inside.y.saturating_add(y), height: 1, ..inside }.intersection(inside);
    let line = format!("density {} log10", sparkline(&[1.0, 2.0, 7.0, 5.0, 3.0, 0.0, 0.1], 7, None, look.ascii));
    text::put(
        &mut buf,
        row(0),
        inside.x,
        inside.y,
        &text::fit(&line, inside.width.into(), look.ascii),
        look.theme.text(),
    );
    passage::render(look, &tokens(), 7, Align::Flow, row(1), &mut buf);
    passage::render(look, &tokens(), 10, Align::Column(8), row(2), &mut buf);
    passage::render(look, &tokens(), 12, Align::Column(8), row(3), &mut buf);
    legend::ramp(look, "activation", "0", "18.2", row(4), &mut buf);
    let counts: Vec<u64> = (0..20).map(|i| 4 * i * (20 - i)).collect();
    let axis = Axis { from: -5.0, to: -0.5, name: "log10 density" };
    let chart = Rect { y: inside.y + 5, height: 4, ..inside }.intersection(inside);
    Histogram { counts: &counts, axis, marker: Some(-1.0) }.render(look, look.theme.ramp(0.5), chart, &mut buf);
    let columns = [Column::number("cos", 4), Column::number("#", 6), Column::words("label", 6).growing(1)];
    let cells = |i: usize| {
        vec![text::unit(0.71 - i as f64 / 100.0).into(), format!("#{}", 3207 + i).into(), "Tuesday 東京 evening".into()]
    };
    let list = Rect { y: inside.y + 10, height: inside.height.saturating_sub(10), ..inside }.intersection(inside);
    Table { columns: &columns, rows: 100, row: &cells, offset: 20, selected: Some(22), header: true }
        .render(look, list, &mut buf);

    let running = Progress { stage: "layout", done: 134, total: 200, elapsed: Duration::from_millis(2500) };
    progress(look, "UMAP", &running, Rect::new(0, panes, width, 1), &mut buf);
    let keys = [("Enter", "open"), ("Space", "mark"), ("/", "search"), ("&", "filter"), ("g", "go to")];
    let keys = keys.map(|(key, does)| Hint { key, does });
    hints(look, &keys, Some(Hint { key: "?", does: "help" }), Rect::new(0, panes + 1, width, 1), &mut buf);
    if look.ascii {
        text::to_ascii(&mut buf);
    }
    buf
}

/// A snapshot of one frame, named for its size and look.
fn check(name: &str, buf: &Buffer) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(format!("widgets_{name}"), frame_text(buf));
    });
}

#[test]
fn frames_at_several_sizes() {
    for (width, height) in [(60, 16), (80, 24), (120, 40), (200, 60)] {
        check(&format!("braille_{width}x{height}"), &scene(&look(ColorTier::True, Glyphs::Braille), width, height));
    }
    for glyphs in [Glyphs::Octant, Glyphs::Sextant, Glyphs::Quadrant, Glyphs::Half, Glyphs::Ascii, Glyphs::Letters] {
        check(&format!("{}_80x24", glyphs.name()), &scene(&look(ColorTier::Ansi256, glyphs), 80, 24));
    }
}

#[test]
fn a_picture_of_a_small_frame() {
    let svg = frame_svg(&scene(&look(ColorTier::Ansi256, Glyphs::Braille), 60, 16), "widgets");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("widgets_svg_60x16", svg);
    });
}

#[test]
fn boxes_over_the_view() {
    let look = look(ColorTier::True, Glyphs::Braille);
    let mut buf = scene(&look, 80, 24);
    let area = buf.area;
    infobox(
        &look,
        "g",
        &[("m", "map"), ("n", "neighbours"), ("c", "clusters"), ("i", "feature by id")],
        area,
        &mut buf,
    );
    message(
        &look,
        "quit?",
        &["The layout is at 134 of 200.".to_string(), "q quit   Esc stay".to_string()],
        area,
        &mut buf,
    );
    check("boxes_80x24", &buf);
}

#[test]
fn with_seven_bits_nothing_else_is_drawn() {
    for glyphs in [Glyphs::Ascii, Glyphs::Letters] {
        let look = look(ColorTier::None, glyphs);
        for (width, height) in [(60, 16), (80, 24), (200, 60)] {
            let mut buf = scene(&look, width, height);
            let area = buf.area;
            infobox(&look, "g", &[("m", "map")], area, &mut buf);
            assert!(frame_text(&buf).is_ascii());
        }
    }
}

#[test]
fn without_colour_no_cell_has_one() {
    for glyphs in Glyphs::ALL {
        let buf = scene(&look(ColorTier::None, glyphs), 120, 40);
        assert!(buf.content.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
    }
}

#[test]
fn no_background_is_painted() {
    for tier in [ColorTier::True, ColorTier::Ansi256, ColorTier::Ansi16] {
        let buf = scene(&look(tier, Glyphs::Braille), 120, 40);
        assert!(buf.content.iter().all(|cell| cell.bg == Color::Reset));
    }
    let buf = scene(&look(ColorTier::Ansi256, Glyphs::Braille), 120, 40);
    assert!(!buf.content.iter().any(|cell| matches!(cell.fg, Color::Rgb(..))), "no 24-bit colour below that tier");
}

#[test]
fn ramp_cells_wear_the_majority_step() {
    let look = look(ColorTier::True, Glyphs::Half);
    let (x, y, class) = ([0.0_f32; 3], [0.0_f32; 3], [6, 2, 6]);
    let cloud = Cloud { x: &x, y: &y, class: &class, flags: &[] };
    let mut buf = Buffer::empty(Rect::new(0, 0, 3, 3));
    let scatter = Scatter { cloud, paint: Paint::Ramp, ..Scatter::default() };
    scatter.render(&look, &mut Raster::new(), buf.area, &mut buf);
    assert_eq!(Some(buf[(1, 1)].fg), look.theme.ramp_step(6).fg);
}

#[test]
fn a_few_hits_are_letters_and_many_keep_their_dots_while_the_others_step_back() {
    let look = look(ColorTier::Ansi256, Glyphs::Braille);
    let blobs = Blobs::new(3000);
    let shown = |hits: &[u32]| {
        let mut buf = Buffer::empty(Rect::new(0, 0, 60, 20));
        let view = Viewport::fit(blobs.cloud().shown(), 60, 20);
        let scatter = Scatter { cloud: blobs.cloud(), view, hits, ..Scatter::default() };
        scatter.render(&look, &mut Raster::new(), buf.area, &mut buf);
        let cells =
            |holds: &dyn Fn(&ratatui::buffer::Cell) -> bool| buf.content.iter().filter(|cell| holds(cell)).count();
        let letters = cells(&|cell| cell.symbol() == "o");
        let bold = cells(&|cell| cell.symbol() != "o" && cell.modifier.contains(Modifier::BOLD));
        let faint = cells(&|cell| Some(cell.fg) == look.theme.faint().fg);
        (letters, bold, faint)
    };
    let faint = shown(&[]).2;
    assert_eq!(shown(&[17, 400, 900]), (3, 0, faint));
    // Four classes; the filtered-out points among them stay faint.
    let many: Vec<u32> = (0..3000).filter(|i| blobs.class[*i as usize] < 4).collect();
    let (letters, bold, stepped_back) = shown(&many);
    assert_eq!(letters, 0);
    assert!(bold > 50 && stepped_back > faint + 200, "{bold} {stepped_back} {faint}");
    // So many at one place are no crowd.
    let near = |i: &u32| (blobs.x[*i as usize] - blobs.x[0]).hypot(blobs.y[*i as usize] - blobs.y[0]) < 0.3;
    let close: Vec<u32> = (0..3000).filter(near).collect();
    assert!(close.len() > 5 && shown(&close).0 > 0);
}

#[test]
fn a_bar_is_full_only_when_all_is_done() {
    assert_eq!((filled(0, 200, 10), filled(199, 200, 10), filled(200, 200, 10), filled(5, 0, 10)), (0, 9, 10, 0));
    assert_eq!(filled(u64::MAX - 1, u64::MAX, 24), 23);
}

#[test]
fn scrolling_keeps_the_row_in_sight_and_moves_no_more_than_it_must() {
    assert_eq!(scroll(0, 5, 100, 10, 2), 0);
    assert_eq!(scroll(0, 9, 100, 10, 2), 2);
    assert_eq!(scroll(50, 40, 100, 10, 2), 38);
    assert_eq!(scroll(0, 99, 100, 10, 2), 90);
    assert_eq!(scroll(95, 0, 3, 10, 2), 0);
    assert_eq!(scroll(7, 7, 100, 0, 2), 7);
}

#[test]
fn only_rows_on_screen_are_built() {
    let built = std::cell::RefCell::new(Vec::new());
    let row = |i: usize| {
        built.borrow_mut().push(i);
        vec!["x".into()]
    };
    let columns = [Column::words("", 1)];
    let mut buf = Buffer::empty(Rect::new(0, 0, 10, 5));
    let table =
        Table { columns: &columns, rows: usize::MAX, row: &row, offset: 1_000_000, selected: None, header: false };
    table.render(&look(ColorTier::True, Glyphs::Braille), buf.area, &mut buf);
    assert_eq!(*built.borrow(), (1_000_000..1_000_005).collect::<Vec<_>>());
}

#[test]
fn the_focus_token_is_always_in_sight() {
    let look = look(ColorTier::None, Glyphs::Braille);
    for width in 9..90 {
        for align in [Align::Flow, Align::Column(0), Align::Column(12), Align::Column(500)] {
            let mut buf = Buffer::empty(Rect::new(0, 0, width, 1));
            passage::render(&look, &tokens(), 7, align, buf.area, &mut buf);
            assert!(frame_text(&buf).contains("▐Monday▌"), "{width} {align:?}: {}", frame_text(&buf));
        }
    }
}

fn any_look() -> impl Strategy<Value = Look> {
    let tier = prop::sample::select(vec![ColorTier::True, ColorTier::Ansi256, ColorTier::Ansi16, ColorTier::None]);
    (tier, prop::sample::select(Glyphs::ALL.to_vec())).prop_map(|(tier, glyphs)| look(tier, glyphs))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_frame_of_any_size_is_drawn(look in any_look(), width in 0_u16..300, height in 0_u16..100) {
        let buf = scene(&look, width, height);
        if look.ascii {
            prop_assert!(frame_text(&buf).is_ascii());
        }
    }

    #[test]
    fn any_numbers_are_drawn(
        look in any_look(), values in prop::collection::vec(any::<f64>(), 0..40), axis in any::<(f64, f64, f64)>(),
        counts in prop::collection::vec(0..u64::MAX / 64, 0..40), done in any::<(u64, u64)>(),
        seconds in 0_u64..1_000_000, size in (0_u16..60, 0_u16..12), points in prop::collection::vec(any::<[f32; 2]>(), 0..30),
        ids in prop::collection::vec(any::<u32>(), 0..4), cells in any::<[u16; 4]>(),
    ) {
        let mut buf = Buffer::empty(Rect::new(2, 1, size.0, size.1));
        // Half outside the buffer on every side.
        let area = Rect::new(0, 0, size.0 + 9, size.1 + 5);
        prop_assert_eq!(text::width(&sparkline(&values, size.0.into(), Some(axis.2), look.ascii)), usize::from(size.0));
        let axis = Axis { from: axis.0, to: axis.1, name: "any" };
        Histogram { counts: &counts, axis, marker: values.first().copied() }.render(&look, look.theme.text(), area, &mut buf);
        let running = Progress { stage: "any", done: done.0, total: done.1, elapsed: Duration::from_secs(seconds) };
        progress(&look, "any", &running, area, &mut buf);
        let x: Vec<f32> = points.iter().map(|p| p[0]).collect();
        let y: Vec<f32> = points.iter().map(|p| p[1]).collect();
        let cloud = Cloud { x: &x, y: &y, class: &[], flags: &[] };
        let view = Viewport::fit(cloud.shown(), size.0, size.1);
        let at = |i: usize| (i32::from(cells[i] as i16), i32::from(cells[i + 1] as i16));
        let scatter = Scatter {
            cloud, view, letters: true, hits: &ids, marked: &ids, ranked: &ids, selected: ids.first().copied(),
            cursor: Some(((cells[0] % 80, cells[1] % 20), "label")), outline: Some(&Outline::Box(at(0), at(2))), ..Scatter::default()
        };
        scatter.render(&look, &mut Raster::new(), area, &mut buf);
    }

    #[test]
    fn any_text_is_drawn_and_keeps_the_grid(
        look in any_look(), words in prop::collection::vec((any::<String>(), any::<f32>()), 1..8), focus in 0_usize..8,
        column in 0_u16..50, size in (0_u16..50, 0_u16..8), offset in 0_usize..20,
    ) {
        let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        let area = buf.area;
        let tokens: Vec<Token<'_>> = words.iter().map(|(text, strength)| Token { text, strength: *strength }).collect();
        for (y, align) in [Align::Flow, Align::Column(column)].into_iter().enumerate() {
            let row = Rect { y: y as u16, height: 1, ..area };
            passage::render(&look, &tokens, focus, align, row.intersection(area), &mut buf);
        }
        let safe: Vec<String> = words.iter().map(|(word, _)| text::clean(word, look.ascii)).collect();
        let entries: Vec<legend::Entry<'_>> = safe.iter().enumerate()
            .map(|(i, name)| legend::Entry { class: i as u16 * 9, name, count: i * 999 }).collect();
        legend::clusters(&look, &entries, Rect { y: 2, height: 2, ..area }, &mut buf);
        let columns = [Column::words(&safe[0], 3).growing(2), Column::number("n", 4), Column::words("", 5).growing(1)];
        let row = |i: usize| vec![safe[i % safe.len()].as_str().into(), i.to_string().into(), safe[0].as_str().into()];
        Table { columns: &columns, rows: 12, row: &row, offset, selected: Some(offset), header: true }
            .render(&look, Rect { y: 4, height: 4, ..area }, &mut buf);
        let keys: Vec<Hint<'_>> = safe.iter().map(|word| Hint { key: word, does: word }).collect();
        hints(&look, &keys, keys.first().copied(), area, &mut buf);
        message(&look, &safe[0], &safe, place(area, 30, 5, Anchor::Corner), &mut buf);
        // Every row is exactly as wide as the screen: no wide character is cut or overlapped.
        for y in 0..size.1 {
            let mut x = 0;
            while x < size.0 {
                let symbol = buf[(x, y)].symbol().to_string();
                prop_assert!(!symbol.contains(char::is_control));
                x += text::width(&symbol).max(1) as u16;
            }
            prop_assert_eq!(x, size.0);
        }
        if look.ascii {
            prop_assert!(frame_text(&buf).is_ascii());
        }
    }
}
