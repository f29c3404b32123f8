//! Everything that can happen, in one queue: input, signals, results of jobs, ticks.
//!
//! One thread reads bytes from the terminal, one waits for signals, and job owners send what they have; all of it
//! meets in one channel, so that the loop has a single place to wait and nothing is polled. Bytes become keys on the
//! loop's own side ([`Events::next`]), because whether an escape byte is the Esc key depends on how long nothing
//! follows it.
//!
//! Invariants: order within a source is kept; the end of the terminal (EOF, EIO, hang-up) is an event, never a
//! busy loop; sources never block the loop.

use super::decode::{Decoder, Input};
use super::key::Key;
use crossterm::event::MouseEvent;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One thing that happened. `J` is what jobs report.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<J> {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted; not yet made safe to print.
    Paste(String),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// The terminal has this size now (columns, rows), or must be painted anew at the same size.
    Resize(u16, u16),
    /// The system asks for something; the loop answers, a model never sees it.
    Signal(Signal),
    /// A job reports.
    Job(J),
    /// Time passed while the model waits for it; see [`super::Model::wants_tick`].
    Tick,
}

/// What the system asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT from outside: stop in good order.
    Terminate,
    /// SIGHUP, or the terminal is gone: stop, and do not expect to draw.
    HangUp,
    /// SIGTSTP from outside: go to the background.
    Suspend,
    /// SIGCONT: back in the foreground, with a screen that others have written on.
    Continue,
    /// SIGWINCH: the size may have changed.
    Resize,
}

/// What the sources put into the queue.
#[derive(Debug)]
pub enum Raw<J> {
    /// Bytes from the terminal.
    Bytes(Vec<u8>),
    /// A key from something that is no terminal: a script, a test.
    Key(Key),
    /// A signal arrived, or the terminal ended.
    Signal(Signal),
    /// A job reports.
    Job(J),
    /// A job reports something that each newer report replaces; see [`Latest`].
    Latest(Arc<Mutex<Option<J>>>),
}

/// A place for reports of which only the newest counts, such as a layout while it forms: however slow the screen is,
/// at most one of them waits. It keeps the place in the queue of the first that was not taken yet.
#[derive(Debug, Clone)]
pub struct Latest<J> {
    slot: Arc<Mutex<Option<J>>>,
    to: Source<J>,
}

impl<J> Latest<J> {
    /// A place before the queue that `to` leads to.
    pub fn new(to: Source<J>) -> Self {
        Self { slot: Arc::new(Mutex::new(None)), to }
    }

    /// Replaces what waits; lost silently if the loop is gone.
    pub fn send(&self, job: J) {
        let waiting = self.slot.lock().unwrap_or_else(PoisonError::into_inner).replace(job);
        if waiting.is_none() {
            let _ = self.to.send(Raw::Latest(Arc::clone(&self.slot)));
        }
    }
}

/// A sending end; clones may live on any thread.
pub type Source<J> = Sender<Raw<J>>;

/// The receiving end: the loop's one place to wait.
#[derive(Debug)]
pub struct Events<J> {
    receiver: Receiver<Raw<J>>,
    decoder: Decoder,
    ready: VecDeque<Event<J>>,
    /// When to give up waiting for the rest of an unfinished sequence.
    unfinished: Option<Instant>,
}

/// A queue: where sources send to, and where the loop receives.
pub fn queue<J>() -> (Source<J>, Events<J>) {
    let (sender, receiver) = channel();
    (sender, Events { receiver, decoder: Decoder::default(), ready: VecDeque::new(), unfinished: None })
}

impl<J> Events<J> {
    /// The next event, waiting for it until `deadline` (for ever without one). None when the time is over.
    ///
    /// When every source is gone the terminal is as well: that is [`Signal::HangUp`].
    pub fn next(&mut self, deadline: Option<Instant>) -> Option<Event<J>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let until = [deadline, self.unfinished].into_iter().flatten().min();
            let received = match until {
                None => self.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(until) => self.receiver.recv_timeout(until.saturating_duration_since(Instant::now())),
            };
            match received {
                Ok(raw) => self.accept(raw),
                Err(RecvTimeoutError::Disconnected) => {
                    if self.unfinished.is_none() {
                        return Some(Event::Signal(Signal::HangUp));
                    }
                    self.settle();
                }
                Err(RecvTimeoutError::Timeout) => {
                    if self.unfinished.is_some_and(|end| end <= Instant::now()) {
                        self.settle();
                    } else {
                        return None;
                    }
                }
            }
        }
    }

    /// The next event if one is there already.
    pub fn try_next(&mut self) -> Option<Event<J>> {
        while self.ready.is_empty() {
            let Ok(raw) = self.receiver.try_recv() else { break };
            self.accept(raw);
        }
        self.ready.pop_front()
    }

    fn accept(&mut self, raw: Raw<J>) {
        match raw {
            Raw::Bytes(bytes) => {
                let mut inputs = Vec::new();
                self.decoder.feed(&bytes, &mut inputs);
                self.take(inputs);
            }
            Raw::Key(key) => self.ready.push_back(Event::Key(key)),
            Raw::Signal(signal) => self.ready.push_back(Event::Signal(signal)),
            Raw::Job(job) => self.ready.push_back(Event::Job(job)),
            Raw::Latest(slot) => {
                let newest = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                self.ready.extend(newest.map(Event::Job));
            }
        }
    }

    fn settle(&mut self) {
        let mut inputs = Vec::new();
        self.decoder.give_up(&mut inputs);
        self.take(inputs);
    }

    fn take(&mut self, inputs: Vec<Input>) {
        self.unfinished = self.decoder.patience().map(|wait| Instant::now() + wait);
        self.ready.extend(inputs.into_iter().map(|input| match input {
            Input::Key(key) => Event::Key(key),
            Input::Paste(text) => Event::Paste(text),
            Input::Mouse(mouse) => Event::Mouse(mouse),
        }));
    }
}

/// Reads the terminal on a thread of its own until it ends; the end is sent as [`Signal::HangUp`].
///
/// The thread blocks in `read` and is not joined: it ends with the terminal or with the process.
///
/// # Errors
/// If the thread cannot be started.
pub fn read_terminal<J: Send + 'static>(mut input: impl Read + Send + 'static, to: Source<J>) -> std::io::Result<()> {
    std::thread::Builder::new().name("terminal".into()).spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            let raw = match input.read(&mut buffer) {
                Ok(count) if count > 0 => Raw::Bytes(buffer[..count].to_vec()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // Another program left the terminal non-blocking; there is nothing to wait on but time.
                    std::thread::sleep(Duration::from_millis(10));
                    continue;
                }
                // End of file, or EIO of a terminal that is gone.
                _ => {
                    let _ = to.send(Raw::Signal(Signal::HangUp));
                    return;
                }
            };
            if to.send(raw).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::KeyCode;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn bytes_signals_and_jobs_meet_in_order() {
        let (source, mut events) = queue::<u32>();
        source.send(Raw::Bytes(b"j\x1b[A".to_vec())).unwrap();
        source.send(Raw::Signal(Signal::Resize)).unwrap();
        source.send(Raw::Job(7)).unwrap();
        assert_eq!(events.next(None), Some(Event::Key(Key::char('j'))));
        assert_eq!(events.try_next(), Some(Event::Key(Key::plain(KeyCode::Up))));
        assert_eq!(events.next(None), Some(Event::Signal(Signal::Resize)));
        assert_eq!(events.try_next(), Some(Event::Job(7)));
        assert_eq!(events.try_next(), None);
        assert_eq!(events.next(Some(Instant::now())), None);
    }

    #[test]
    fn a_lone_escape_is_a_key_once_nothing_follows() {
        let (source, mut events) = queue::<()>();
        source.send(Raw::Bytes(b"\x1b".to_vec())).unwrap();
        assert_eq!(events.try_next(), None, "more may follow");
        assert_eq!(events.next(Some(soon())), Some(Event::Key(Key::plain(KeyCode::Esc))));
        source.send(Raw::Bytes(b"\x1b".to_vec())).unwrap();
        source.send(Raw::Bytes(b"[B".to_vec())).unwrap();
        assert_eq!(events.next(Some(soon())), Some(Event::Key(Key::plain(KeyCode::Down))));
    }

    #[test]
    fn an_early_deadline_does_not_cut_a_sequence() {
        let (source, mut events) = queue::<()>();
        source.send(Raw::Bytes(b"\x1b".to_vec())).unwrap();
        assert_eq!(events.next(Some(Instant::now())), None);
        source.send(Raw::Bytes(b"[B".to_vec())).unwrap();
        assert_eq!(events.next(Some(soon())), Some(Event::Key(Key::plain(KeyCode::Down))));
    }

    #[test]
    fn the_end_of_the_terminal_is_an_event() {
        let (source, mut events) = queue::<()>();
        read_terminal(&b"q"[..], source.clone()).unwrap();
        assert_eq!(events.next(Some(soon())), Some(Event::Key(Key::char('q'))));
        assert_eq!(events.next(Some(soon())), Some(Event::Signal(Signal::HangUp)));
        drop(source);
        assert_eq!(events.next(Some(soon())), Some(Event::Signal(Signal::HangUp)));
    }

    #[test]
    fn a_failing_terminal_ends_and_an_interrupted_one_does_not() {
        struct Script(Vec<std::io::Result<u8>>);
        impl Read for Script {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                buffer[0] = self.0.pop().unwrap_or_else(|| Err(ErrorKind::BrokenPipe.into()))?;
                Ok(1)
            }
        }
        let (source, mut events) = queue::<()>();
        let script = vec![Err(ErrorKind::Other.into()), Ok(b'j'), Err(ErrorKind::Interrupted.into())];
        read_terminal(Script(script), source).unwrap();
        assert_eq!(events.next(Some(soon())), Some(Event::Key(Key::char('j'))));
        assert_eq!(events.next(Some(soon())), Some(Event::Signal(Signal::HangUp)));
    }

    #[test]
    fn of_reports_that_replace_each_other_only_the_newest_waits() {
        let (source, mut events) = queue::<u32>();
        let latest = Latest::new(source.clone());
        (1..=100).for_each(|report| latest.send(report));
        source.send(Raw::Job(0)).unwrap();
        latest.send(101);
        assert_eq!(events.next(None), Some(Event::Job(101)), "in the place of the first");
        assert_eq!(events.next(None), Some(Event::Job(0)));
        assert_eq!(events.try_next(), None);
        latest.send(102);
        assert_eq!(events.try_next(), Some(Event::Job(102)));
    }
}
