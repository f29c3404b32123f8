//! What frames cost on the line: the bytes that leave the real screen for the steps a user takes all day, against the
//! budgets below; and nothing at all where nothing changes.
//!
//! | size | cursor | pan | zoom | side pane, once the cursor rests |
//! |---|---|---|---|---|
//! | 80x24 | 0.6 KB | 5 KB | 6 KB | 1 KB |
//! | 120x40 | 1 KB | 11 KB | 13 KB | 3 KB |
//! | 200x60 | 1.5 KB | 24 KB | 30 KB | 6 KB |
//!
//! 256 colours, Braille. 24-bit colours may cost a quarter more, half-blocks twice as much. The last column is the text
//! of another feature, which comes once, 60 ms after the last move; it is no part of a move that is followed by another.

#[path = "support/blobs.rs"]
mod blobs;
#[path = "support/example.rs"]
mod example;
#[path = "support/known.rs"]
mod known;
#[path = "support/npy.rs"]
mod npy;

use known::Known;
use saescope::tui::Model;
use saescope::tui::app::App;
use saescope::tui::event::Event;
use saescope::tui::key::Key;
use saescope::tui::screen::Screen;
use saescope::tui::theme::{ColorTier, Ground, Theme};
use saescope::tui::widgets::{Glyphs, Look};

/// Size, and bytes of: a cursor move, a pan, a zoom, the pane of a feature the cursor came to rest on.
const BUDGETS: [((u16, u16), [u64; 4]); 3] = [
    ((80, 24), [600, 5_000, 6_000, 1_000]),
    ((120, 40), [1_000, 11_000, 13_000, 3_000]),
    ((200, 60), [1_500, 24_000, 30_000, 6_000]),
];
/// In quarters of the budget.
const LOOKS: [(ColorTier, Glyphs, u64); 6] = [
    (ColorTier::None, Glyphs::Ascii, 4),
    (ColorTier::Ansi256, Glyphs::Braille, 4),
    (ColorTier::Ansi256, Glyphs::Octant, 5),
    (ColorTier::True, Glyphs::Braille, 5),
    (ColorTier::Ansi256, Glyphs::Half, 8),
    (ColorTier::True, Glyphs::Half, 10),
];

/// An app on a screen that counts.
struct Counted {
    app: App,
    screen: Screen<Vec<u8>>,
}

impl Counted {
    fn new(known: &Known, tier: ColorTier, glyphs: Glyphs, size: (u16, u16)) -> Self {
        let look = Look::new(Theme::new(tier, Ground::Dark), glyphs);
        let mut counted = Self { app: known::app(known, &look, size), screen: Screen::new(Vec::new(), size.0, size.1) };
        counted.app.update(Event::Tick);
        counted.frame();
        counted
    }

    /// The bytes of the frame as things stand.
    fn frame(&mut self) -> u64 {
        let before = self.screen.written();
        self.screen.draw(|area, buffer| self.app.draw(area, buffer)).unwrap();
        self.screen.written() - before
    }

    fn press(&mut self, key: &str) -> u64 {
        self.app.update(Event::Key(Key::parse(key).unwrap()));
        self.frame()
    }

    /// The cursor comes to rest.
    fn rest(&mut self) -> u64 {
        self.app.update(Event::Tick);
        self.frame()
    }
}

/// The example with all its words, known as far as panes show it.
fn example() -> Known {
    let (study, products, _) = example::example("@example");
    (study, products)
}

/// The studies of the measurement: a large map of which nothing else is known, and the example with all its words.
fn studies() -> [(&'static str, Known); 2] {
    [("24,576 points", known::many(24_576)), ("the example", example())]
}

#[test]
fn moves_pans_and_zooms_stay_within_their_byte_budgets() {
    let steps = [
        ("l j h l l k k h j j", 0),
        ("Shift-Left Shift-Up Shift-Right Shift-Down Shift-Left Shift-Left Shift-Left Shift-Up", 1),
        ("+ - + + - - - +", 2),
    ];
    for (name, known) in &studies() {
        for (tier, glyphs, quarters) in LOOKS {
            for (size, budgets) in BUDGETS {
                let mut counted = Counted::new(known, tier, glyphs, size);
                let mut visited = 0;
                for (keys, which) in steps {
                    for key in keys.split(' ') {
                        let within = |what: &str, bytes: u64, budget: u64| {
                            let most = budget * quarters / 4;
                            let whose = format!("{what} at {size:?} in {tier:?} {glyphs:?} of {name}");
                            assert!(bytes <= most, "{whose}: {bytes} bytes, at most {most}");
                        };
                        let before = counted.app.selected();
                        within(key, counted.press(key), budgets[which]);
                        within(&format!("the rest after {key}"), counted.rest(), budgets[3]);
                        visited += usize::from(counted.app.selected() != before);
                        assert_eq!(counted.app.detail().map(|detail| detail.feature), counted.app.selected());
                    }
                }
                assert!(visited > 5, "the cursor came to other features");
            }
        }
    }
}

#[test]
fn the_cursor_of_a_list_costs_no_more_than_that_of_the_map() {
    let known = example();
    for (size, budgets) in BUDGETS {
        for page in ["g c", "g t s", "g d", "J", "?"] {
            let mut counted = Counted::new(&known, ColorTier::Ansi256, Glyphs::Braille, size);
            page.split(' ').for_each(|key| {
                counted.press(key);
            });
            counted.rest();
            // The first rows on screen: no row scrolls.
            for key in ["j", "j", "k", "j"] {
                let (moved, rest) = (counted.press(key), counted.rest());
                assert!(moved <= budgets[0], "{key} on {page} at {size:?}: {moved} bytes");
                assert!(rest <= budgets[3], "the rest after {key} on {page} at {size:?}: {rest} bytes");
            }
        }
    }
}

#[test]
fn what_changes_nothing_costs_nothing() {
    for (_, known) in &studies() {
        for (tier, glyphs, _) in LOOKS {
            let mut counted = Counted::new(known, tier, glyphs, (120, 40));
            assert_eq!((counted.frame(), counted.rest()), (0, 0));
            assert_eq!(counted.app.wants_tick(), None, "nothing moves by itself");
            // Into a prompt and out of it, and what is typed into the void.
            counted.press(":");
            counted.press("Esc");
            assert_eq!(counted.rest(), 0);
        }
    }
}

#[test]
fn typing_costs_a_line_and_not_a_frame() {
    let known = example();
    for (size, budgets) in BUDGETS {
        let mut counted = Counted::new(&known, ColorTier::Ansi256, Glyphs::Braille, size);
        counted.press("g");
        counted.press("i");
        for key in ["1", "2", "Backspace"] {
            let typed = counted.press(key);
            assert!(typed <= budgets[0], "{key} at {size:?}: {typed} bytes");
        }
    }
}
