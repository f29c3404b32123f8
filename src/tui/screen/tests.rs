//! What reaches the terminal: few bytes, in one piece, and never another picture than the one that was drawn.

use super::*;
use proptest::prelude::*;
use ratatui::style::{Modifier, Style};

/// A terminal that counts its writes.
#[derive(Default)]
struct Recorder {
    bytes: Vec<u8>,
    writes: usize,
    fail: bool,
}

impl Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.fail {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.writes += 1;
        self.bytes.extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn screen(width: u16, height: u16) -> Screen<Recorder> {
    Screen::new(Recorder::default(), width, height)
}

fn text(line: &str, style: Style) -> impl FnOnce(Rect, &mut Buffer) -> Option<Position> {
    move |_, buffer| {
        buffer.set_string(0, 0, line, style);
        None
    }
}

#[test]
fn a_frame_is_one_write_between_marks() {
    let mut screen = screen(20, 3);
    assert!(screen.draw(text("hello", Style::new())).unwrap());
    let out = &screen.terminal().bytes;
    assert!(out.starts_with(b"\x1b[?2026h") && out.ends_with(b"\x1b[?2026l"));
    assert_eq!(screen.terminal().writes, 1);
    assert_eq!(screen.written(), screen.terminal().bytes.len() as u64);
}

#[test]
fn a_frame_without_change_writes_nothing() {
    let mut screen = screen(20, 3);
    screen.draw(text("hello", Style::new())).unwrap();
    let before = screen.written();
    assert!(!screen.draw(text("hello", Style::new())).unwrap());
    assert_eq!(screen.written(), before);
    let cursor = |_: Rect, buffer: &mut Buffer| {
        buffer.set_string(0, 0, "hello", Style::new());
        Some(Position::new(2, 0))
    };
    assert!(screen.draw(cursor).unwrap());
    assert!(!screen.draw(cursor).unwrap());
}

#[test]
fn only_the_difference_is_sent() {
    let mut screen = screen(20, 3);
    screen.draw(text("hello", Style::new())).unwrap();
    screen.terminal().bytes.clear();
    screen.draw(text("hallo", Style::new().fg(Color::Indexed(208)))).unwrap();
    screen.terminal().bytes.clear();
    screen.draw(text("hullo", Style::new().fg(Color::Indexed(208)))).unwrap();
    assert_eq!(screen.terminal().bytes, b"\x1b[?2026h\x1b[1;2H\x1b[38;5;208mu\x1b[m\x1b[?2026l");
}

#[test]
fn resizing_and_redrawing_paint_everything_even_at_the_same_size() {
    let mut screen = screen(20, 3);
    for repaint in [false, true] {
        screen.draw(text("hello", Style::new())).unwrap();
        screen.terminal().bytes.clear();
        if repaint {
            screen.repaint();
        } else {
            screen.resize(20, 3);
        }
        assert!(screen.draw(text("hello", Style::new())).unwrap());
        let out = String::from_utf8(screen.terminal().bytes.clone()).unwrap();
        assert!(out.starts_with("\x1b[?2026h") && out.contains("\x1b[2J") && out.contains("hello"), "{out:?}");
    }
}

#[test]
fn a_failed_write_is_made_good_by_a_whole_frame() {
    let mut screen = screen(20, 3);
    screen.draw(text("hello", Style::new())).unwrap();
    screen.terminal().fail = true;
    assert!(screen.draw(text("other", Style::new())).is_err());
    screen.terminal().fail = false;
    screen.terminal().bytes.clear();
    screen.draw(text("other", Style::new())).unwrap();
    assert!(String::from_utf8_lossy(&screen.terminal().bytes).contains("other"));
}

#[test]
fn sizes_beyond_reason_are_bounded() {
    for (width, height) in [(0, 0), (1, 1), (u16::MAX, u16::MAX), (300, 300), (1, u16::MAX)] {
        let area = area_of(width, height);
        assert!(area.width >= 1 && area.height >= 1 && area.area() as usize <= MAX_CELLS, "{width}x{height}");
        screen(width, height).draw(text("hello", Style::new())).unwrap();
    }
}

#[test]
fn half_a_wide_character_at_the_edge_is_a_blank() {
    let mut screen = screen(4, 1);
    screen
        .draw(|_, buffer| {
            buffer[(3, 0)].set_symbol("日");
            None
        })
        .unwrap();
    assert!(!String::from_utf8_lossy(&screen.terminal().bytes).contains('日'));
}

#[test]
fn without_colours_no_colour_code_is_sent() {
    let mut screen = screen(20, 1);
    screen.draw(text("x", Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED))).unwrap();
    let out = String::from_utf8(screen.terminal().bytes.clone()).unwrap();
    assert!(out.contains("\x1b[1;7mx\x1b[m"), "{out:?}");
}

fn color() -> impl Strategy<Value = Color> {
    prop_oneof![
        Just(Color::Reset),
        Just(Color::Red),
        Just(Color::DarkGray),
        Just(Color::White),
        any::<u8>().prop_map(Color::Indexed),
        any::<[u8; 3]>().prop_map(|[r, g, b]| Color::Rgb(r, g, b)),
    ]
}

/// A string at a place in a dress.
type Word = (u16, u16, String, Color, Color, u16);

const SIZE: (u16, u16) = (40, 6);

/// A few strings at random places in random dress; long blanks and repeated letters among them.
fn frame() -> impl Strategy<Value = Vec<Word>> {
    let word = prop_oneof![
        "[a-c ⣿█é]{1,9}",
        "[a-c]{1,3} {1,24}[a-c]{0,3}",
        (1usize..40).prop_map(|n| " ".repeat(n)),
        Just("日本".to_string()),
        Just("語x".to_string()),
        Just("🙂".to_string()),
    ];
    prop::collection::vec((0..SIZE.0, 0..SIZE.1, word, color(), color(), 0u16..0x200), 0..12)
}

fn emulator() -> vt100::Parser {
    let cells = |n: u16| std::num::NonZero::new(n).unwrap();
    vt100::Parser::new(cells(SIZE.1), cells(SIZE.0), 0)
}

/// Draws with what vt100 knows: it has no blinking, hidden or crossed-out text, and takes a cell for bold or for dim, not for both.
fn paint(words: &[Word], buffer: &mut Buffer) {
    let known = Modifier::BOLD | Modifier::DIM | Modifier::ITALIC | Modifier::UNDERLINED | Modifier::REVERSED;
    for (x, y, word, fg, bg, modifier) in words {
        let modifier = Modifier::from_bits_truncate(*modifier) & known;
        buffer.set_string(*x, *y, word, Style::new().fg(*fg).bg(*bg).add_modifier(modifier));
    }
    for cell in buffer.content.iter_mut().filter(|cell| cell.modifier.contains(Modifier::BOLD)) {
        cell.modifier -= Modifier::DIM;
    }
}

fn as_emulated(color: Color) -> vt100::Color {
    match color {
        Color::Indexed(index) => vt100::Color::Idx(index),
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        Color::Red => vt100::Color::Idx(1),
        Color::DarkGray => vt100::Color::Idx(8),
        Color::White => vt100::Color::Idx(15),
        _ => vt100::Color::Default,
    }
}

/// What differs between the cells and what the emulator shows of them, if anything.
fn difference(cells: &Buffer, shown: &vt100::Screen) -> Option<String> {
    for y in 0..SIZE.1 {
        let mut x = 0;
        while x < SIZE.0 {
            let (own, seen) = (&cells[(x, y)], shown.cell(y, x).unwrap());
            let text = if seen.contents().is_empty() { " " } else { seen.contents() };
            let dress = (seen.fgcolor(), seen.bold(), seen.dim(), seen.italic(), seen.underline(), seen.inverse());
            let has = |modifier| own.modifier.contains(modifier);
            let wanted = (
                as_emulated(own.fg),
                has(Modifier::BOLD),
                has(Modifier::DIM),
                has(Modifier::ITALIC),
                has(Modifier::UNDERLINED),
                has(Modifier::REVERSED),
            );
            let plain = !seen.underline() && !seen.inverse();
            let same = text == own.symbol()
                && seen.bgcolor() == as_emulated(own.bg)
                && if is_blank(own) { plain } else { dress == wanted };
            if !same {
                return Some(format!("{x}:{y} is {text:?} {dress:?} {:?} for {own:?}", seen.bgcolor()));
            }
            x += columns(own) as u16;
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// The bytes of frames, one after the other, make an emulator show each of them exactly.
    #[test]
    fn differences_add_up_to_the_frame(frames in prop::collection::vec(frame(), 1..5)) {
        let (mut screen, mut parser) = (screen(SIZE.0, SIZE.1), emulator());
        for words in &frames {
            screen.terminal().bytes.clear();
            screen.draw(|_, buffer| { paint(words, buffer); None }).unwrap();
            prop_assert!(screen.terminal().writes == 1 || screen.terminal().bytes.is_empty());
            screen.terminal().writes = 0;
            parser.process(&screen.terminal().bytes);
            let mut cells = Buffer::empty(area_of(SIZE.0, SIZE.1));
            paint(words, &mut cells);
            prop_assert_eq!(difference(&cells, parser.screen()), None);
        }
    }
}

/// The bytes of the second of two frames, without the marks around them.
fn change(from: &[Word], to: &[Word]) -> String {
    let mut screen = screen(SIZE.0, SIZE.1);
    for words in [from, to] {
        screen.terminal().bytes.clear();
        screen
            .draw(|_, buffer| {
                paint(words, buffer);
                None
            })
            .unwrap();
    }
    let text = String::from_utf8(screen.terminal().bytes.clone()).unwrap();
    text.replace(SYNC.0, "").replace(SYNC.1, "")
}

fn plain(x: u16, text: &str) -> Word {
    (x, 0, text.to_string(), Color::Reset, Color::Reset, 0)
}

#[test]
fn short_gaps_are_written_and_long_ones_jumped() {
    assert_eq!(change(&[plain(0, "abcdefghij")], &[plain(0, "xbxdefghix")]), "\x1b[1Hxbx\x1b[6Cx");
    assert_eq!(change(&[plain(0, "a⣿⣿b")], &[plain(0, "x⣿⣿x")]), "\x1b[1Hx\x1b[2Cx");
    // Written in the dress that is on, the gap would look different.
    let red = |x, text: &str| (x, 0, text.to_string(), Color::Red, Color::Reset, 0);
    assert_eq!(change(&[plain(0, "abc")], &[red(0, "x"), plain(1, "b"), red(2, "x")]), "\x1b[1H\x1b[31mx\x1b[Cx\x1b[m");
    // A blank has no letter whose colour would show.
    assert_eq!(change(&[plain(0, "a c")], &[red(0, "x"), plain(1, " "), red(2, "x")]), "\x1b[1H\x1b[31mx x\x1b[m");
}

#[test]
fn long_blanks_are_erased() {
    let long = "abcdefghijklmnopqrstuvwxyz";
    assert_eq!(change(&[plain(0, long)], &[plain(0, "ab")]), "\x1b[1;3H\x1b[24X");
    assert_eq!(change(&[plain(0, "abcdef")], &[plain(0, "ab")]), "\x1b[1;3H    ");
    let with_end = format!("{}!", " ".repeat(25));
    assert_eq!(change(&[plain(0, long)], &[plain(0, &with_end)]), "\x1b[1H\x1b[25X\x1b[25C!");
    // On a background of its own a blank is no blank of the terminal's.
    let blue = (0, 0, " ".repeat(26), Color::Reset, Color::Blue, 0);
    assert_eq!(change(&[plain(0, long)], &[blue]), format!("\x1b[1H\x1b[44m{}\x1b[m", " ".repeat(26)));
}

#[test]
fn a_blank_that_only_changes_its_letter_colour_is_not_sent() {
    let red = (0, 0, "  a".to_string(), Color::Red, Color::Reset, 0);
    let bold = (0, 0, "  ".to_string(), Color::Green, Color::Reset, Modifier::BOLD.bits());
    assert_eq!(change(&[red], &[bold, (2, 0, "a".to_string(), Color::Red, Color::Reset, 0)]), "");
}

#[test]
fn a_dress_is_changed_by_the_shorter_way() {
    let dressed = |x, text: &str, fg, modifier: Modifier| (x, 0, text.to_string(), fg, Color::Reset, modifier.bits());
    let loud = Modifier::BOLD | Modifier::ITALIC | Modifier::UNDERLINED | Modifier::REVERSED;
    let change =
        change(&[], &[dressed(0, "a", Color::Red, loud), dressed(1, "b", Color::Indexed(200), Modifier::BOLD)]);
    assert_eq!(change, "\x1b[1H\x1b[1;3;4;7;31ma\x1b[0;1;38;5;200mb\x1b[m");
}
