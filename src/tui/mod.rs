//! The screen: terminal, events, actions, views, widgets. It shows what the analysis knows and computes nothing.
//!
//! ```text
//! terminal ─► decode ─► event ─► keymap ─► action ─► Model::update ─► Effect ─► terminal, jobs
//!                                                         │
//!                                  screen ◄─ cells ◄─ Model::draw
//! ```
//! * [`terminal`] puts the terminal into our state and back; nothing else does.
//! * [`decode`] and [`event`] make one queue of keys, signals and job reports.
//! * [`action`] is the one table of commands, [`keymap`] the keys that lead to them, [`key`] a key as text.
//! * [`screen`] turns cells into as few bytes as possible; [`frame`] makes text or a picture of them, and
//!   [`plots`] what a browser shows.
//! * [`capabilities`] says what the terminal can show, [`clipboard`] how to copy through it.
//! * [`input`] is a line being typed.
//! * [`crash`] writes down what a crash was, [`kept`] keeps that and what is too long for the clipboard.
//! * [`strips`] are small pictures by which a person tells what a terminal shows.
//! * [`picker`] chooses among the dictionaries of a folder; [`app`] is the state of the screen of one, [`layout`] where things stand on it, [`theme`] (with the user's own [`colours`]) and [`widgets`] how they look.
//!
//! The loop is [`run`]. It knows nothing of what is shown: a [`Model`] takes events, changes only then, and can draw
//! itself at any time. Invariants: all waiting input is taken before a frame is drawn; frames come no faster than the
//! [`Pacing`] allows; without events nothing is computed and nothing is written; time enters the model only as
//! [`event::Event::Tick`], and only while the model asks for it.

pub mod action;
pub mod app;
pub mod capabilities;
pub mod clipboard;
pub mod colours;
pub mod crash;
pub mod decode;
pub mod event;
pub mod frame;
pub mod input;
pub mod kept;
pub mod key;
pub mod keymap;
pub mod layout;
pub mod picker;
pub mod plots;
pub mod screen;
pub mod strips;
pub mod terminal;
pub mod theme;
pub mod views;
pub mod widgets;

use event::{Event, Events, Signal};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use screen::Screen;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Most events taken before a frame is drawn, so that a flood cannot starve the screen.
const DRAIN: usize = 10_000;

/// What the loop runs: state that changes by events and can be drawn.
pub trait Model {
    /// What jobs report.
    type Job;

    /// Takes an event and says what is to be done outside. The only way the model changes.
    fn update(&mut self, event: Event<Self::Job>) -> Vec<Effect>;

    /// Draws itself on blank cells; returns where the cursor stands while text is typed.
    fn draw(&self, area: Rect, buffer: &mut Buffer) -> Option<Position>;

    /// How long after the last input, and after the last tick, a tick is wanted: because something moves on its own
    /// (a progress bar), or because something waits until the user pauses. None without such a reason.
    fn wants_tick(&self) -> Option<Duration>;
}

/// What a model wants done outside itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// End the program.
    Quit,
    /// Go on to another model: from the list to a dictionary, or from a dictionary to the list.
    Leave,
    /// Go to the background.
    Suspend,
    /// Paint the whole screen again.
    Repaint,
    /// Take or give back the mouse.
    Mouse(bool),
    /// Send these bytes to the terminal (a copy to the clipboard).
    Send(Vec<u8>),
}

/// The terminal as the loop needs it; [`terminal::Terminal`] is the real one.
pub trait Host {
    /// Columns and rows.
    fn size(&self) -> (u16, u16);
    /// Gives the terminal back and stops the process.
    ///
    /// # Errors
    /// If the process cannot be stopped.
    fn suspend(&mut self) -> io::Result<()>;
    /// Takes the terminal over again.
    ///
    /// # Errors
    /// If the terminal is gone.
    fn resume(&mut self) -> io::Result<()>;
    /// Takes or gives back the mouse.
    ///
    /// # Errors
    /// If the terminal cannot be written to.
    fn set_mouse(&mut self, on: bool) -> io::Result<()>;
}

/// How fast frames may come.
#[derive(Debug, Clone, Copy)]
pub struct Pacing {
    /// Shortest time between two frames.
    pub frame: Duration,
}

impl Pacing {
    /// At most so many frames a second.
    pub fn frames_per_second(frames: u32) -> Self {
        Self { frame: Duration::from_secs(1) / frames.max(1) }
    }
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The user quit.
    Quit,
    /// The user went on to what comes after this model.
    Left,
    /// The system asked to stop (SIGTERM, SIGINT).
    Terminated,
    /// The terminal is gone; there is nobody to tell anything.
    HungUp,
}

/// Runs a model until it quits or the terminal ends.
///
/// A terminal that can no longer be written to is [`Ending::HungUp`], not an error.
pub fn run<M: Model, W: Write, H: Host>(
    model: &mut M,
    events: &mut Events<M::Job>,
    screen: &mut Screen<W>,
    host: &mut H,
    pacing: Pacing,
) -> Ending {
    let now = Instant::now();
    let mut state = Loop { model, screen, host, dirty: true, away: false, ending: None, quiet_since: now };
    let mut next_frame = now;
    state.resized();
    while state.ending.is_none() {
        if state.dirty && !state.away && Instant::now() >= next_frame {
            let begun = Instant::now();
            state.draw();
            next_frame = begun + pacing.frame;
            continue;
        }
        let next_tick = state.model.wants_tick().map(|pause| state.quiet_since + pause);
        let frame_due = (state.dirty && !state.away).then_some(next_frame);
        let deadline = [frame_due, next_tick].into_iter().flatten().min();
        let mut event = events.next(deadline);
        for _ in 0..DRAIN {
            let Some(happened) = event.take() else { break };
            state.handle(happened);
            if state.ending.is_some() {
                break;
            }
            event = events.try_next();
        }
        // An event taken beyond the limit is not lost.
        if let Some(happened) = event {
            state.handle(happened);
        }
        let now = Instant::now();
        if state.model.wants_tick().is_some_and(|pause| now >= state.quiet_since + pause) {
            state.quiet_since = now;
            state.update(Event::Tick);
        }
    }
    state.ending.unwrap_or(Ending::Quit)
}

/// What the loop holds while it runs.
struct Loop<'a, M: Model, W: Write, H: Host> {
    model: &'a mut M,
    screen: &'a mut Screen<W>,
    host: &'a mut H,
    /// The model changed since the last frame.
    dirty: bool,
    /// Stopped and not yet told to continue: the terminal is somebody else's.
    away: bool,
    ending: Option<Ending>,
    /// When the last input came, or the last tick.
    quiet_since: Instant,
}

impl<M: Model, W: Write, H: Host> Loop<'_, M, W, H> {
    fn draw(&mut self) {
        self.dirty = false;
        let model = &*self.model;
        let drawn = self.screen.draw(|area, buffer| model.draw(area, buffer));
        self.check(&drawn.map(|_| ()));
    }

    /// A terminal that fails is gone.
    fn check(&mut self, result: &io::Result<()>) {
        if result.is_err() {
            self.ending.get_or_insert(Ending::HungUp);
        }
    }

    fn resized(&mut self) {
        let (width, height) = self.host.size();
        self.screen.resize(width, height);
        let area = self.screen.area();
        self.update(Event::Resize(area.width, area.height));
    }

    fn handle(&mut self, event: Event<M::Job>) {
        match event {
            Event::Signal(Signal::Terminate) => self.ending = Some(Ending::Terminated),
            Event::Signal(Signal::HangUp) => self.ending = Some(Ending::HungUp),
            Event::Signal(Signal::Suspend) => self.suspend(),
            Event::Signal(Signal::Resize) => self.resized(),
            Event::Signal(Signal::Continue) => self.resume(),
            event => {
                // What begins to wait now is due a whole pause later.
                if !matches!(event, Event::Job(_)) || self.model.wants_tick().is_none() {
                    self.quiet_since = Instant::now();
                }
                self.update(event);
            }
        }
    }

    fn update(&mut self, event: Event<M::Job>) {
        self.dirty = true;
        for effect in self.model.update(event) {
            match effect {
                Effect::Quit => self.ending = Some(Ending::Quit),
                Effect::Leave => self.ending = Some(Ending::Left),
                Effect::Suspend => self.suspend(),
                Effect::Repaint => self.screen.repaint(),
                Effect::Mouse(on) => {
                    let done = self.host.set_mouse(on);
                    self.check(&done);
                }
                Effect::Send(bytes) => {
                    let done = self.screen.send(&bytes);
                    self.check(&done);
                }
            }
        }
    }

    fn suspend(&mut self) {
        // Frames rest until SIGCONT is reported, which is sure to come after a stop.
        self.away = true;
        if self.host.suspend().is_err() {
            self.resume();
        }
    }

    fn resume(&mut self) {
        self.away = false;
        let done = self.host.resume();
        self.check(&done);
        self.resized();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::event::{Raw, Source, queue};
    use crate::tui::key::Key;

    /// Shows the keys it got; `q` quits, Ctrl-z suspends, Ctrl-l repaints, `y` copies, `s` starts
    /// moving.
    #[derive(Default)]
    struct Echo {
        text: String,
        ticks: usize,
        moving: bool,
        sizes: Vec<(u16, u16)>,
    }

    impl Model for Echo {
        type Job = &'static str;

        fn update(&mut self, event: Event<&'static str>) -> Vec<Effect> {
            match event {
                Event::Key(key) => {
                    self.text.push_str(&key.to_string());
                    match key.to_string().as_str() {
                        "q" => return vec![Effect::Quit],
                        "Ctrl-z" => return vec![Effect::Suspend],
                        "Ctrl-l" => return vec![Effect::Repaint],
                        "M" => return vec![Effect::Mouse(true)],
                        "y" => return vec![Effect::Send(b"<copy>".to_vec())],
                        "s" => self.moving = true,
                        _ => {}
                    }
                }
                Event::Job(report) => self.text.push_str(report),
                Event::Tick => {
                    self.ticks += 1;
                    self.moving = self.ticks < 3;
                }
                Event::Resize(width, height) => self.sizes.push((width, height)),
                Event::Paste(text) => self.text.push_str(&text),
                Event::Mouse(_) | Event::Signal(_) => {}
            }
            Vec::new()
        }

        fn draw(&self, _: Rect, buffer: &mut Buffer) -> Option<Position> {
            buffer.set_string(0, 0, &self.text, ratatui::style::Style::new());
            None
        }

        fn wants_tick(&self) -> Option<Duration> {
            self.moving.then_some(Duration::from_millis(5))
        }
    }

    #[derive(Default)]
    struct FakeHost {
        log: Vec<&'static str>,
        size: (u16, u16),
        stuck: bool,
    }

    impl Host for FakeHost {
        fn size(&self) -> (u16, u16) {
            self.size
        }
        fn suspend(&mut self) -> io::Result<()> {
            self.log.push("suspend");
            if self.stuck { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
        }
        fn resume(&mut self) -> io::Result<()> {
            self.log.push("resume");
            Ok(())
        }
        fn set_mouse(&mut self, on: bool) -> io::Result<()> {
            self.log.push(if on { "mouse" } else { "no mouse" });
            Ok(())
        }
    }

    /// Counts what is written, frame by frame.
    #[derive(Default)]
    struct Frames(Vec<Vec<u8>>);

    impl Write for Frames {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Played {
        model: Echo,
        frames: Vec<Vec<u8>>,
        host: FakeHost,
        ending: Ending,
    }

    /// Runs the loop over what `script` sends; the queue then closes, which ends the loop.
    fn play(host: FakeHost, script: impl FnOnce(&Source<&'static str>) + Send) -> Played {
        let (source, mut events) = queue();
        let (mut model, mut host) = (Echo::default(), host);
        let mut screen = Screen::new(Frames::default(), 1, 1);
        let pacing = Pacing { frame: Duration::from_millis(1) };
        script(&source);
        drop(source);
        let ending = run(&mut model, &mut events, &mut screen, &mut host, pacing);
        let frames = std::mem::take(&mut screen.terminal().0);
        Played { model, frames, host, ending }
    }

    fn host() -> FakeHost {
        FakeHost { size: (40, 3), ..FakeHost::default() }
    }

    fn keys(source: &Source<&'static str>, text: &str) {
        for key in Key::parse_sequence(text).unwrap() {
            source.send(Raw::Key(key)).unwrap();
        }
    }

    #[test]
    fn keys_jobs_and_pastes_reach_the_model_and_q_quits() {
        let played = play(host(), |source| {
            source.send(Raw::Bytes(b"a\x1b[200~pasted\x1b[201~".to_vec())).unwrap();
            source.send(Raw::Job("job")).unwrap();
            keys(source, "b q c");
        });
        assert_eq!(played.model.text, "apastedjobbq");
        assert_eq!(played.ending, Ending::Quit);
        assert_eq!(played.model.sizes, [(40, 3)]);
    }

    #[test]
    fn many_queued_keys_are_few_frames() {
        let played = play(host(), |source| keys(source, "j ".repeat(50).trim_end()));
        assert_eq!(played.model.text.len(), 50);
        assert!(played.frames.len() <= 3, "{} frames", played.frames.len());
    }

    #[test]
    fn nothing_is_drawn_while_nothing_happens() {
        let (source, mut events) = queue();
        let (mut model, mut host) = (Echo::default(), host());
        let mut screen = Screen::new(Frames::default(), 1, 1);
        let end = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            drop(source);
        });
        let pacing = Pacing { frame: Duration::from_millis(1) };
        run(&mut model, &mut events, &mut screen, &mut host, pacing);
        end.join().unwrap();
        assert_eq!(screen.terminal().0.len(), 1, "the first frame alone");
        assert_eq!(model.ticks, 0);
    }

    #[test]
    fn ticks_come_only_while_they_are_wanted() {
        let (source, mut events) = queue();
        let (mut model, mut host) = (Echo::default(), host());
        let mut screen = Screen::new(Frames::default(), 1, 1);
        keys(&source, "s");
        let end = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            drop(source);
        });
        let pacing = Pacing { frame: Duration::from_millis(1) };
        run(&mut model, &mut events, &mut screen, &mut host, pacing);
        end.join().unwrap();
        assert_eq!(model.ticks, 3);
    }

    #[test]
    fn input_puts_a_tick_off_and_news_of_jobs_do_not() {
        let (source, mut events) = queue();
        let (mut model, mut host) = (Echo::default(), host());
        model.moving = true;
        let mut screen = Screen::new(Frames::default(), 1, 1);
        // All of it is in the queue before the loop begins: the first tick comes after the last key.
        keys(&source, "a b");
        source.send(Raw::Job("job")).unwrap();
        drop(source);
        run(&mut model, &mut events, &mut screen, &mut host, Pacing { frame: Duration::ZERO });
        assert_eq!((model.text.as_str(), model.ticks), ("abjob", 0));
    }

    #[test]
    fn effects_are_carried_out() {
        let played = play(host(), |source| keys(source, "y M"));
        assert!(played.frames.iter().any(|bytes| bytes == b"<copy>"));
        assert_eq!(played.host.log, ["mouse"]);
        assert_eq!(played.ending, Ending::HungUp);
    }

    #[test]
    fn frames_rest_while_stopped_and_the_screen_is_painted_whole_after() {
        let played = play(host(), |source| {
            keys(source, "a Ctrl-z b");
            source.send(Raw::Signal(Signal::Continue)).unwrap();
        });
        assert_eq!(played.host.log, ["suspend", "resume"]);
        assert_eq!(played.model.sizes.len(), 2);
        let stopped = play(host(), |source| keys(source, "Ctrl-z b"));
        assert_eq!(stopped.host.log, ["suspend"]);
        assert!(stopped.frames.len() <= 1, "nothing after the first frame");
        // A process that cannot be stopped is back at once.
        let stuck = play(FakeHost { stuck: true, ..host() }, |source| keys(source, "Ctrl-z b"));
        assert_eq!(stuck.host.log, ["suspend", "resume"]);
    }

    #[test]
    fn redrawing_clears_within_the_frame() {
        let (source, mut events) = queue();
        let (mut model, mut host) = (Echo::default(), host());
        let mut screen = Screen::new(Frames::default(), 1, 1);
        let feeder = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            keys(&source, "Ctrl-l");
            std::thread::sleep(Duration::from_millis(50));
            source.send(Raw::Signal(Signal::Resize)).unwrap();
            std::thread::sleep(Duration::from_millis(50));
            source.send(Raw::Signal(Signal::Terminate)).unwrap();
        });
        let pacing = Pacing::frames_per_second(1000);
        let ending = run(&mut model, &mut events, &mut screen, &mut host, pacing);
        feeder.join().unwrap();
        assert_eq!(ending, Ending::Terminated);
        let clears = screen.terminal().0.iter().filter(|f| String::from_utf8_lossy(f).contains("\x1b[2J")).count();
        assert_eq!(clears, 3, "first frame, Ctrl-l, resize");
    }
}
