//! The screen on a real pseudo-terminal: it starts, takes keys and signals, and leaves the terminal as it was.
#![cfg(target_os = "linux")]

#[path = "support/pty.rs"]
#[allow(dead_code, reason = "shared with the tests of what goes over the line")]
mod pty;

use pty::Session;
use rustix::process::Signal;
use saescope::tui::crash::Scene;
use saescope::tui::event::Event;
use saescope::tui::screen::Screen;
use saescope::tui::terminal::Terminal;
use saescope::tui::{Effect, Model, Pacing};
use std::time::Duration;

/// What must be switched off on every way out.
const LEAVE: [&str; 8] = [
    "\x1b[?2026l",
    "\x1b[?1000l",
    "\x1b[?1002l",
    "\x1b[?1003l",
    "\x1b[?1006l",
    "\x1b[?2004l",
    "\x1b[?25h",
    "\x1b[?1049l",
];
/// The longest that ending may take: promised is a second.
const END: Duration = Duration::from_secs(10);

fn assert_restored(session: &Session) {
    let bytes = session.bytes();
    let text = String::from_utf8_lossy(&bytes);
    let tail = &text[text.rfind("\x1b[?1049h").unwrap_or(0)..];
    for mode in LEAVE {
        assert!(tail.contains(mode), "{mode:?} is missing at the end");
    }
    assert_eq!(text.matches("\x1b[?1049h").count(), text.matches("\x1b[?1049l").count());
    assert!(session.is_cooked(), "the terminal stays in raw mode");
}

#[test]
fn q_quits_and_leaves_the_terminal_as_it_was() {
    let mut session = Session::concepts(&[], &[]);
    assert!(!session.is_cooked());
    session.send(b"q");
    assert_eq!(session.end().0, 0);
    assert_restored(&session);
}

#[test]
fn sigterm_restores_the_terminal() {
    let mut session = Session::concepts(&[], &[]);
    session.signal(Signal::TERM);
    let (code, took) = session.end();
    assert_eq!(code, 130, "interrupted, not done");
    assert!(took < END, "{took:?}");
    assert_restored(&session);
}

#[test]
fn a_broken_connection_ends_the_program() {
    for by_signal in [true, false] {
        let mut session = Session::concepts(&[], &[]);
        if by_signal {
            session.signal(Signal::HUP);
        } else {
            session.hang_up();
        }
        let (code, took) = session.end();
        assert!(took < END, "{took:?}");
        assert_eq!(code, 130, "interrupted, not done");
    }
}

/// The large built-in dictionary while its map is being made.
fn at_work() -> Session {
    let session = Session::saescope(&["@example", "--no-cache"], &[]);
    session.wait_for("a job at work", |screen| screen.contains("4096 ×") || screen.contains("4,096 features"));
    session
}

#[test]
fn a_program_at_work_ends_as_soon() {
    for signal in [Some(Signal::HUP), Some(Signal::TERM), None] {
        let mut session = at_work();
        match signal {
            Some(signal) => session.signal(signal),
            None => session.hang_up(),
        }
        let (code, took) = session.end();
        assert!(took < END, "{signal:?}: {took:?}");
        assert_eq!(code, 130, "interrupted, not done");
    }
}

#[test]
fn a_terminal_that_takes_nothing_more_keeps_nobody_from_ending() {
    let mut session = Session::concepts(&[], &[]);
    session.stall(true);
    // Whole frames, one after the other, until the line is full and a write waits for ever.
    for _ in 0..100 {
        session.send(b"\x0c");
        std::thread::sleep(Duration::from_millis(20));
    }
    let begun = std::time::Instant::now();
    session.signal(Signal::TERM);
    session.wait("the end", |session| session.state() == 'Z');
    assert!(begun.elapsed() < END, "{:?}", begun.elapsed());
    session.stall(false);
    assert_eq!(session.end().0, 130);
}

#[test]
fn a_stop_gives_the_terminal_back_and_going_on_brings_the_same_screen() {
    for from_outside in [false, true] {
        let mut session = Session::concepts(&[], &[]);
        let before = session.picture();
        if from_outside {
            session.signal(Signal::TSTP);
        } else {
            session.send(b"\x1a");
        }
        session.wait("the stop", |session| session.state() == 'T');
        session.wait_for("the screen from before", |screen| !screen.contains("192 features"));
        assert_restored(&session);
        session.signal(Signal::CONT);
        session.wait("the same screen", |session| session.picture() == before);
        assert!(!session.is_cooked());
        session.send(b"q");
        assert_eq!(session.end().0, 0);
        assert_restored(&session);
    }
}

#[test]
fn a_hard_stop_is_survived_as_well() {
    let mut session = Session::concepts(&[], &[]);
    let before = session.picture();
    session.signal(Signal::STOP);
    session.wait("the stop", |session| session.state() == 'T');
    let count = session.count();
    session.signal(Signal::CONT);
    session.wait("a new frame", |session| session.count() > count + 40);
    session.rest();
    assert_eq!(session.picture(), before);
    session.send(b"q");
    session.end();
}

#[test]
fn a_dumb_terminal_gets_the_summary() {
    let mut session = Session::saescope(&["@example/concepts", "--no-cache"], &[("TERM", "dumb")]);
    assert_eq!(session.end().0, 0);
    session.wait_for("the summary", |screen| screen.contains("features"));
    assert!(!session.bytes().contains(&0x1b));
}

#[test]
fn what_cannot_be_opened_is_told_without_touching_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.safetensors");
    std::fs::write(&path, b"\x10\0\0\0\0\0\0\0{\"a\":1}       ").unwrap();
    let mut session = Session::saescope(&[path.to_str().unwrap()], &[]);
    assert_eq!(session.end().0, 2);
    session.wait_for("the complaint", |screen| screen.contains("broken.safetensors") && screen.contains("expected"));
    assert!(!session.bytes().contains(&0x1b), "{}", session.screen());
    assert!(session.is_cooked());
}

#[test]
fn keys_come_from_the_terminal_where_standard_input_is_none() {
    for input in ["</dev/null", "<<< data", "< <(sleep 60)"] {
        let line = format!("exec \"$0\" @example/concepts --no-cache {input}");
        let mut session = Session::spawn("/bin/bash", &["-c", &line, env!("CARGO_BIN_EXE_saescope")], &[]);
        session.wait_for("the finished map", |screen| screen.contains("UMAP k"));
        session.send(b"?");
        session.wait_for("the help", |screen| screen.contains("Moving"));
        session.send(b"qq");
        assert_eq!(session.end().0, 0, "{input}");
        assert_restored(&session);
    }
}

#[test]
fn one_of_many_is_picked_and_another_after_it() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    let mut session = Session::saescope(&[folder, "--no-cache"], &[]);
    session.wait_for("the list", |screen| screen.contains("smollm2-concepts-192") && screen.contains("dictionaries"));
    session.send(b"/conc\r");
    session.wait_for("the one that was picked", |screen| screen.contains("192 features"));
    session.send(b"go");
    session.wait_for("the list again", |screen| screen.contains("dictionaries"));
    session.send(b"\x1bj\r");
    session.wait_for("the other one", |screen| screen.contains("4,096 features"));
    session.send(b"q");
    assert_eq!(session.end().0, 0);
    assert_restored(&session);
}

/// Panics on another thread on `w`, and while drawing on any other key.
struct Fragile {
    panics: bool,
    workers: usize,
}

impl Model for Fragile {
    type Job = ();

    fn update(&mut self, event: Event<()>) -> Vec<Effect> {
        match event {
            Event::Key(key) if key.to_string() == "w" => {
                let worker = std::thread::Builder::new().name("worker".into()).spawn(|| panic!("a worker panics"));
                assert!(worker.unwrap().join().is_err());
                self.workers += 1;
            }
            Event::Key(_) => self.panics = true,
            _ => {}
        }
        Vec::new()
    }

    fn draw(
        &self,
        _: ratatui::layout::Rect,
        buffer: &mut ratatui::buffer::Buffer,
    ) -> Option<ratatui::layout::Position> {
        assert!(!self.panics, "planted panic");
        buffer.set_string(0, 0, format!("fragile {}", self.workers), ratatui::style::Style::new());
        None
    }

    fn wants_tick(&self) -> Option<Duration> {
        None
    }
}

/// Not a test by itself: the program that the next test runs on a terminal.
#[test]
fn fragile_program() {
    if std::env::var_os("RUN_FRAGILE_PROGRAM").is_none() {
        return;
    }
    let (source, mut events) = saescope::tui::event::queue();
    let mut terminal = Terminal::enter(true).unwrap();
    let (term, size) = (std::env::var("TERM").unwrap(), saescope::tui::terminal::size());
    saescope::tui::terminal::note(Scene { term, size, doing: "a test of crashes".into() });
    saescope::tui::event::read_terminal(terminal.input().unwrap(), source).unwrap();
    let mut screen = Screen::new(terminal.output().unwrap(), 80, 24);
    let mut model = Fragile { panics: false, workers: 0 };
    saescope::tui::run(&mut model, &mut events, &mut screen, &mut terminal, Pacing::frames_per_second(60));
}

#[test]
fn a_panic_while_drawing_restores_the_terminal_and_leaves_a_log() {
    let this = std::env::current_exe().unwrap();
    let state = tempfile::tempdir().unwrap();
    let mut session = Session::spawn(
        this.to_str().unwrap(),
        &["--exact", "fragile_program", "--nocapture", "--test-threads=1"],
        &[("RUN_FRAGILE_PROGRAM", "1"), ("XDG_STATE_HOME", state.path().to_str().unwrap())],
    );
    session.wait_for("the first frame", |screen| screen.contains("fragile 0"));
    // What another thread does is no reason to leave, and nothing of it comes on the screen.
    let before = session.screen();
    session.send(b"w");
    session.wait_for("the frame after it", |screen| screen.contains("fragile 1"));
    session.rest();
    assert_eq!(session.screen(), before.replace("fragile 0", "fragile 1"));
    assert!(!session.is_cooked() && !state.path().join("saescope").exists());
    session.send(b"p");
    session.end();
    session.wait_for("the message", |screen| screen.contains("has crashed"));
    assert_restored(&session);
    let bytes = session.bytes();
    let text = String::from_utf8_lossy(&bytes);
    let after = &text[text.rfind("\x1b[?1049l").unwrap()..];
    assert!(after.contains("planted panic") && after.contains("crash-"), "{after}");
    let logs: Vec<_> = std::fs::read_dir(state.path().join("saescope")).unwrap().collect();
    assert_eq!(logs.len(), 1);
    let path = logs[0].as_ref().unwrap().path();
    let log = std::fs::read_to_string(&path).unwrap();
    for part in
        ["planted panic", "saescope 0.", "terminal xterm-256color 80x24", "during a test of crashes", "fragile_program"]
    {
        assert!(log.contains(part), "{part}: {log}");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn keys_of_the_settings_are_the_keys_and_the_old_ones_are_not() {
    let settings = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(settings.path(), "[keys]\n\"app.quit\" = [\"F5\"]\n\"app.help\" = [\"F6\"]\n").unwrap();
    let mut session = Session::concepts(&[("SAESCOPE_CONFIG", settings.path().to_str().unwrap())], &[]);
    session.send(b"q");
    session.wait_for("the refusal", |screen| screen.contains("no command q here; F6 shows the keys"));
    session.send(b"\x1b[17~");
    session.wait_for("the help", |screen| screen.contains("F5 ") || screen.contains("Moving"));
    session.send(b"\x1b");
    session.wait_for("the map", |screen| screen.contains("F6 help"));
    session.send(b"\x1b[15~");
    assert_eq!(session.end().0, 0);
    assert_restored(&session);
}

#[test]
fn the_doctor_draws_strips_on_a_terminal_and_writes_no_escape_without_colours() {
    let mut session = Session::saescope(&["doctor", "--copy"], &[("TERM", "xterm-256color")]);
    assert_eq!(session.end().0, 0);
    let bytes = session.bytes();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("\x1b]52;c;") && text.contains("38;5;") && text.contains("octant"), "{text}");
    assert!(text.contains("stdin, stdout, stderr") && text.contains("80x24"), "{text}");
    for variables in [[("NO_COLOR", "1")], [("TERM", "dumb")]] {
        let mut session = Session::saescope(&["doctor"], &variables);
        assert_eq!(session.end().0, 0);
        let bytes = session.bytes();
        assert!(!bytes.is_empty() && !bytes.contains(&0x1b), "{variables:?}: {}", String::from_utf8_lossy(&bytes));
    }
}
