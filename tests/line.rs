//! What goes over the line between the program and a real terminal: which bytes, how many, how often, and what the
//! program makes of bytes that nobody typed.
#![cfg(target_os = "linux")]

#[path = "support/large.rs"]
mod large;
#[path = "support/pty.rs"]
#[allow(dead_code, reason = "shared with the tests of the screen's beginning and end")]
mod pty;

use pty::Session;
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// Every page, moves and marks on them, lines being typed, a search, a filter, a copy.
const WALK: [&str; 26] = [
    "l",
    "j",
    "+",
    "-",
    " ",
    "]",
    " ",
    "o",
    "o",
    "t",
    "gd",
    "jj",
    "gn",
    "j",
    "gc",
    "j",
    "gt",
    "s",
    "gs",
    "J",
    "I",
    "gm",
    "/mon\r",
    "fdensity > 0\r",
    "?jjj",
    "q:zoom",
];

fn walk(session: &mut Session) {
    for keys in WALK {
        let count = session.count();
        session.send(keys.as_bytes());
        let end = Instant::now() + Duration::from_secs(2);
        while session.count() == count && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(80));
    }
    session.send(b"\x1b");
    session.rest();
    session.send(b"Y");
    session.rest();
}

/// One escape sequence of the output.
#[derive(Debug, PartialEq)]
enum Sent<'a> {
    /// CSI: what stands before the last letter, and that.
    Control(&'a str, char),
    /// OSC: its text.
    Command(&'a str),
    /// Any other control character.
    Other(char),
}

/// All control sequences and control characters of the output.
fn sequences(text: &str) -> Vec<Sent<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control()) {
        let (byte, after) = (rest[at..].chars().next().unwrap(), &rest[at + 1..]);
        rest = after;
        if byte != '\x1b' {
            found.push(Sent::Other(byte));
        } else if let Some(control) = after.strip_prefix('[') {
            let end = control.find(|c: char| ('\x40'..='\x7e').contains(&c)).expect("a whole sequence");
            found.push(Sent::Control(&control[..end], control[end..].chars().next().unwrap()));
            rest = &control[end + 1..];
        } else if let Some(command) = after.strip_prefix(']') {
            let end = command.find('\x07').expect("a whole command");
            found.push(Sent::Command(&command[..end]));
            rest = &command[end + 1..];
        } else {
            found.push(Sent::Other(byte));
        }
    }
    found
}

/// The numbers of all SGR sequences.
fn dress(text: &str) -> impl Iterator<Item = u32> {
    sequences(text).into_iter().flat_map(|sent| match sent {
        Sent::Control(codes, 'm') => codes.split(';').filter_map(|code| code.parse().ok()).collect::<Vec<u32>>(),
        _ => Vec::new(),
    })
}

#[test]
fn only_what_every_terminal_understands_is_sent_and_nothing_is_asked() {
    let mut session = Session::concepts(&[], &[]);
    walk(&mut session);
    session.send(b"q");
    session.end();
    let bytes = session.bytes();
    let text = String::from_utf8(bytes).expect("UTF-8");
    let (mut clears, mut copies) = (0, 0);
    for sent in sequences(&text) {
        match sent {
            Sent::Control("2", 'J') => clears += 1,
            // The mouse is given back, though it was never taken.
            Sent::Control(_, 'H' | 'C' | 'X' | 'm')
            | Sent::Control("?1049" | "?25" | "?2004" | "?2026", 'h' | 'l')
            | Sent::Control("?1000" | "?1002" | "?1003" | "?1006", 'l') => {}
            Sent::Command(command) if command.starts_with("52;c;") => copies += 1,
            other => panic!("{other:?} was sent"),
        }
    }
    assert_eq!(clears, 2, "the first frame clears, and what is done last");
    assert_eq!(copies, 1);
    assert!(!text.contains("\x1b]0;") && !text.contains("\x1b]2;"), "the title is left alone");
}

#[test]
fn without_colour_no_colour_is_sent_and_ascii_is_seven_bits() {
    let mut session = Session::concepts(&[("NO_COLOR", "1")], &["--glyphs", "ascii"]);
    walk(&mut session);
    let bytes = session.bytes();
    assert!(bytes.iter().all(|byte| *byte < 0x80));
    let text = String::from_utf8(bytes).unwrap();
    for code in dress(&text) {
        assert!(!(30..=49).contains(&code) && !(90..=107).contains(&code), "colour {code}");
    }
    assert!(dress(&text).any(|code| code == 1) && dress(&text).any(|code| code == 7), "bold and reversed stay");
}

#[test]
fn screen_never_gets_24_bit_colour() {
    for asked in [("COLORTERM", "truecolor"), ("FORCE_COLOR", "3")] {
        let mut session = Session::concepts(&[("TERM", "screen-256color"), asked], &["--color", "auto"]);
        walk(&mut session);
        let bytes = session.bytes();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("8;2;"), "{asked:?}");
        assert!(text.contains("8;5;"), "{asked:?}: 256 colours");
    }
}

#[test]
fn nothing_is_written_while_nothing_happens() {
    let mut session = Session::concepts(&[], &[]);
    let count = session.count();
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(session.count(), count);
    // Nor with the mouse on, on a page of its own, with a message and marks.
    for keys in ["M", " ", "gc", "y"] {
        session.send(keys.as_bytes());
        session.rest();
    }
    let count = session.count();
    assert!(String::from_utf8_lossy(&session.bytes()).contains("\x1b[?1000h"));
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(session.count(), count);
}

/// What terminals say unasked, or late.
const REPLIES: [&[u8]; 11] = [
    b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\",
    b"\x1b]11;rgb:0/0/0\x07",
    b"\x1b]10;rgb:ffff/ffff/ffff\x07",
    b"\x1b[?62;22c",
    b"\x1b[>41;354;0c",
    b"\x1b[?2026;2$y",
    b"\x1b[3;7R",
    b"\x1bP>|tmux 3.4\x1b\\",
    b"\x1bP1+r524742=38\x1b\\",
    b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b[?1u",
];

#[test]
fn replies_nobody_asked_for_change_nothing_wherever_they_are_cut() {
    // On the map, and while a line is typed.
    for typed in ["", "/mon"] {
        let mut session = Session::concepts(&[], &[]);
        session.send(typed.as_bytes());
        session.rest();
        let (count, before) = (session.count(), session.picture());
        for reply in REPLIES {
            // The escape byte alone is the Esc key, if nothing follows it in time; a busy machine has no time.
            for cut in 2..reply.len() {
                session.send(&reply[..cut]);
                // Long enough that the parts are read one by one; sometimes longer than a key may take.
                let long = [2, reply.len() / 2, reply.len() - 1].contains(&cut);
                std::thread::sleep(Duration::from_millis(if long { 120 } else { 3 }));
                session.send(&reply[cut..]);
            }
            // And all of them whole, in one piece with the next.
            session.send(&reply.repeat(2));
        }
        session.rest();
        assert_eq!((session.count(), session.picture()), (count, before), "{typed:?}");
        session.send(b"x");
        session.wait("what a key does", |session| session.count() > count);
    }
}

#[test]
fn many_keys_at_once_are_few_frames() {
    let mut session = Session::concepts(&[], &[]);
    let count = session.count();
    session.send("l".repeat(50).as_bytes());
    session.rest();
    let frames = session.frames(count);
    assert!((1..=3).contains(&frames), "{frames} frames");
}

#[test]
fn frames_come_no_faster_than_the_line_is_thought_to_take_them() {
    for (environment, rate) in [(&[("SSH_CONNECTION", "10.0.0.1 5000 10.0.0.2 22")][..], 20), (&[], 60)] {
        let mut session = Session::concepts(environment, &[]);
        let (count, begun) = (session.count(), Instant::now());
        while begun.elapsed() < Duration::from_secs(2) {
            session.send(b"l");
            std::thread::sleep(Duration::from_millis(5));
            session.send(b"h");
            std::thread::sleep(Duration::from_millis(5));
        }
        session.rest();
        let frames = session.frames(count);
        // The frames of two seconds, of the moment until the last key is taken, and of the rest after it.
        let most = (begun.elapsed().as_secs_f64() * f64::from(rate)) as usize + 2;
        assert!(frames <= most && frames >= 5, "{frames} frames at {rate} a second");
    }
}

#[test]
fn a_map_that_forms_is_drawn_no_faster_either() {
    let session = Session::saescope(&["@example", "--no-cache"], &[("SSH_CONNECTION", "10.0.0.1 5000 10.0.0.2 22")]);
    session.wait_for("the first frame", |screen| screen.contains("4,096 features"));
    let (count, begun) = (session.count(), Instant::now());
    std::thread::sleep(Duration::from_secs(3));
    let (frames, seconds) = (session.frames(count), begun.elapsed().as_secs_f64());
    assert!(frames <= (seconds * 20.0) as usize + 2, "{frames} frames in {seconds} s");
}

#[test]
fn a_new_size_is_a_new_frame_of_that_size() {
    let session = Session::concepts(&[], &[]);
    session.resize(120, 40);
    session.wait("a frame of the new size", |session| {
        let screen = session.screen();
        screen.lines().count() > 30 && screen.contains("192 features")
    });
    session.rest();
    let wide = session.picture();
    session.resize(40, 8);
    session.wait_for("the least size", |screen| screen.contains("60x16 needed"));
    session.resize(120, 40);
    session.rest();
    assert_eq!(session.picture(), wide);
}

#[test]
fn a_storm_of_sizes_ends_with_the_frame_of_the_last() {
    let mut session = Session::concepts(&[], &[]);
    session.resize(100, 30);
    session.rest();
    let before = session.picture();
    let count = session.count();
    for step in 0..200_u32 {
        let (width, height) = ((step * 7919) % 300 + 1, (step * 104_729) % 100 + 1);
        session.resize(width as u16, height as u16);
        std::thread::sleep(Duration::from_millis(5));
    }
    for (width, height) in [(1, 1), (300, 100), (1, 100), (300, 1), (100, 30)] {
        session.resize(width, height);
        std::thread::sleep(Duration::from_millis(20));
    }
    session.rest();
    // Frames that were meant for another size have come through an emulator of this one: a fresh one counts.
    session.send(b"\x0c");
    session.rest();
    assert_eq!(session.picture(), before);
    assert!(session.frames(count) < 150, "sizes that follow each other closely share a frame");
    session.send(b"q");
    assert_eq!(session.end().0, 0);
}

#[test]
fn a_terminal_that_lost_its_screen_gets_all_of_it_again() {
    let mut session = Session::concepts(&[], &[]);
    let before = session.picture();
    for again in 0..3 {
        let count = session.count();
        match again {
            0 => session.send(b"\x0c"),
            // Attached again at the same size, and the signal alone.
            1 => session.resize(80, 24),
            _ => session.signal(Signal::WINCH),
        }
        if again != 1 {
            session.wait("a whole frame", |session| session.count() > count + 1000);
        }
        session.rest();
        if session.count() > count {
            let bytes = session.bytes();
            let text = String::from_utf8_lossy(&bytes[count..]);
            assert!(text.starts_with("\x1b[?2026h") && text.ends_with("\x1b[?2026l"), "cleared and drawn as one");
            assert!(text.find("\x1b[2J").is_some_and(|at| at < 40), "{text}");
            // What the emulator had shown is of no use to it: the frame alone makes the picture.
            let cells = |n| std::num::NonZero::new(n).unwrap();
            let mut fresh = vt100::Parser::new(cells(24), cells(80), 0);
            fresh.process(&bytes[count..]);
            assert_eq!(fresh.screen().contents(), session.screen());
        }
        assert_eq!(session.picture(), before);
    }
}

#[test]
fn the_first_frame_of_a_large_file_comes_at_once() {
    let (_folder, path) = large::large();
    // Promised are 100 ms; ten times that is granted, and one of three tries.
    let tries: Vec<Duration> = (0..3)
        .map(|_| {
            let session = Session::saescope(&[&path, "--no-cache"], &[]);
            session.wait_for("the first frame", |screen| screen.contains(large::SHAPE));
            session.elapsed()
        })
        .collect();
    assert!(tries.iter().any(|took| *took < Duration::from_secs(1)), "{tries:?}");
}
