//! The terminal itself: the only place that puts it into another state, and the one that puts it back.
//!
//! [`Terminal::enter`] switches to raw mode and the alternate screen; whatever happens afterwards (a normal end, an
//! error, a panic, SIGTERM, SIGHUP, Ctrl-Z) goes through one function, [`restore`], which undoes all of it in reverse
//! order, never fails, and acts once however often it is called. It writes to its own copy of the terminal's file
//! descriptor, so it waits for no lock that a dying thread may hold.
//!
//! Signals: [`listen`] turns them into events; only if the loop does not answer a request to end within a second does
//! the listener end the process itself. SIGTSTP from outside and the Ctrl-Z key both lead to [`Terminal::suspend`].
//!
//! The terminal is never asked anything, and nothing waits for a reply from it.

use super::Host;
use super::crash::{self, Scene};
use super::event::{Raw, Signal, Source};
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant, SystemTime};

/// Alternate screen, plain attributes, hidden cursor, bracketed paste.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[m\x1b[?25l\x1b[?2004h";
/// The reverse, beginning with what a half-written frame may have left behind. The screen is cleared because GNU screen
/// has no other one to go back to unless it is told to: the prompt would stand among the rows of the last frame.
const LEAVE: &[u8] =
    b"\x1b[?2026l\x1b[?1006l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?2004l\x1b[m\x1b[H\x1b[2J\x1b[?25h\x1b[?1049l";
/// Press, release, wheel and drag, in the SGR form.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1002l\x1b[?1000l";
/// How long the loop has to end after it was asked to.
const PATIENCE: Duration = Duration::from_millis(900);

/// Whether the terminal is in our state now.
static ENTERED: AtomicBool = AtomicBool::new(false);
/// Our own copy of the terminal's file descriptor.
static TTY: OnceLock<File> = OnceLock::new();
/// The thread that draws; a panic anywhere else is a failed job, not the end.
static UI_THREAD: OnceLock<ThreadId> = OnceLock::new();
/// What a crash log would say about the circumstances.
static SCENE: Mutex<Option<Scene>> = Mutex::new(None);

/// The terminal's output: unbuffered, because a frame comes as one piece.
#[derive(Debug)]
pub struct Tty {
    file: &'static File,
}

impl Write for Tty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.file;
        loop {
            match file.write(bytes) {
                // Another program left the terminal non-blocking, and it is slower than we are.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(5)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The terminal in our state. Dropping it restores the terminal.
#[derive(Debug)]
pub struct Terminal {
    mouse: bool,
}

impl Terminal {
    /// Takes the terminal over. Call it on the thread that will draw.
    ///
    /// # Errors
    /// If standard output is no terminal or cannot be switched to raw mode.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        if TTY.get().is_none() {
            let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
            let _ = TTY.set(file);
        }
        let _ = UI_THREAD.set(std::thread::current().id());
        install_panic_hook();
        let terminal = Self { mouse };
        terminal.apply()?;
        Ok(terminal)
    }

    /// Where frames are written to.
    ///
    /// # Errors
    /// Never after [`Terminal::enter`].
    pub fn output(&self) -> io::Result<Tty> {
        TTY.get().map(|file| Tty { file }).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Where keys come from: standard input, or the controlling terminal if data is piped in there.
    ///
    /// # Errors
    /// If there is no terminal to read from.
    pub fn input(&self) -> io::Result<Box<dyn Read + Send>> {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            // A copy of the descriptor: standard input's own buffer and lock stay out of the way.
            Ok(Box::new(File::from(stdin.as_fd().try_clone_to_owned()?)))
        } else {
            Ok(Box::new(File::open("/dev/tty")?))
        }
    }

    fn apply(&self) -> io::Result<()> {
        crossterm::terminal::enable_raw_mode()?;
        // From here on something must be undone, even if the next step fails.
        ENTERED.store(true, Ordering::SeqCst);
        let mut out = self.output()?;
        out.write_all(ENTER)?;
        if self.mouse {
            out.write_all(MOUSE_ON)?;
        }
        Ok(())
    }

    /// Takes or gives back the mouse.
    ///
    /// # Errors
    /// If the terminal cannot be written to.
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        self.output()?.write_all(if on { MOUSE_ON } else { MOUSE_OFF })
    }

    /// Restores the terminal and stops the whole process group, so that a shell, or a program we were started from,
    /// gets the terminal back. Returns once the process runs again; then [`Signal::Continue`] is on its way, and
    /// [`Terminal::resume`] answers it.
    ///
    /// # Errors
    /// If the group cannot be stopped; the caller then resumes at once.
    pub fn suspend(&mut self) -> io::Result<()> {
        restore();
        // SIGTSTP would be dropped for an orphaned process group; SIGSTOP cannot be.
        rustix::process::kill_current_process_group(rustix::process::Signal::STOP)?;
        Ok(())
    }

    /// Takes the terminal over again after a stop; the next frame must be painted whole.
    ///
    /// # Errors
    /// If the terminal does not come back within a second.
    pub fn resume(&mut self) -> io::Result<()> {
        // Stopped from outside, we never restored: forget the old state so that raw mode is really set again.
        if ENTERED.swap(false, Ordering::SeqCst) {
            let _ = crossterm::terminal::disable_raw_mode();
        }
        // The shell hands over the terminal a moment after it continues us; until then switching fails.
        let end = Instant::now() + Duration::from_secs(1);
        loop {
            match self.apply() {
                Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
                done => return done,
            }
        }
    }
}

impl Host for Terminal {
    fn size(&self) -> (u16, u16) {
        size()
    }
    fn suspend(&mut self) -> io::Result<()> {
        Self::suspend(self)
    }
    fn resume(&mut self) -> io::Result<()> {
        Self::resume(self)
    }
    fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        Self::set_mouse(self, on)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Puts the terminal back as it was. Acts once; each step ignores errors, because there is nobody left to tell.
pub fn restore() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    if let Some(mut tty) = TTY.get() {
        // Not through `Tty`: if the terminal takes nothing more, this must not wait for it.
        let _ = tty.write_all(LEAVE);
    }
    let _ = crossterm::terminal::disable_raw_mode();
}

/// The size of the terminal in columns and rows; `COLUMNS` and `LINES`, or 80 x 24, where it has none.
pub fn size() -> (u16, u16) {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u16>().ok().filter(|n| *n > 0);
    let (columns, rows) = crossterm::terminal::size().unwrap_or((0, 0));
    let or = |n: u16, name: &str, default: u16| if n > 0 { n } else { number(name).unwrap_or(default) };
    (or(columns, "COLUMNS", 80), or(rows, "LINES", 24))
}

/// Notes what is going on, for the log of a crash.
pub fn note(scene: Scene) {
    *SCENE.lock().unwrap_or_else(PoisonError::into_inner) = Some(scene);
}

fn install_panic_hook() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    if INSTALLED.set(()).is_err() {
        return;
    }
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !ENTERED.load(Ordering::SeqCst) {
            return previous(panic);
        }
        // A worker that panics is shown as a failed job by whoever runs it; the screen stays.
        if UI_THREAD.get() != Some(&std::thread::current().id()) {
            return;
        }
        restore();
        let backtrace = std::backtrace::Backtrace::force_capture().to_string();
        // try_lock: the panic may have happened while the lock was held.
        let scene = SCENE.try_lock().ok().and_then(|scene| scene.clone()).unwrap_or_default();
        let message = panic.to_string();
        let log =
            super::kept::folder().and_then(|to| crash::write(&to, &message, &backtrace, &scene, SystemTime::now()));
        let mut text = format!("saescope has crashed: {message}\n");
        if let Some(path) = log {
            text.push_str(&format!("The log of it: {}\n", crate::text::printable(&path.display().to_string())));
        }
        // Written by hand: the print macros panic if standard error is closed, and a second panic would abort.
        let _ = io::stderr().write_all(text.as_bytes());
    }));
}

/// Turns signals into events, on a thread of its own, for as long as the process lives.
///
/// # Errors
/// If the handlers or the thread cannot be installed.
pub fn listen<J: Send + 'static>(to: Source<J>) -> io::Result<()> {
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
    let caught = [SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH];
    let mut signals = signal_hook::iterator::Signals::new(caught)?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for number in signals.forever() {
            let signal = match number {
                SIGWINCH => Signal::Resize,
                SIGCONT => Signal::Continue,
                SIGTSTP => Signal::Suspend,
                SIGHUP => Signal::HangUp,
                _ => Signal::Terminate,
            };
            let gone = to.send(Raw::Signal(signal)).is_err();
            if matches!(signal, Signal::HangUp | Signal::Terminate) {
                // The loop may be stuck in a write to a terminal that takes nothing any more.
                std::thread::sleep(PATIENCE);
                // Restoring may get stuck the same way, so nobody waits for it.
                let _ = std::thread::Builder::new().spawn(restore);
                std::thread::sleep(Duration::from_millis(50));
                std::process::exit(crate::Error::Cancelled.exit_code().into());
            }
            if gone {
                return;
            }
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is switched on must be switched off, in reverse order.
    #[test]
    fn leaving_undoes_entering() {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (enter, leave) = (text(ENTER) + &text(MOUSE_ON), text(LEAVE));
        let modes = |text: &str, end: char| -> Vec<String> {
            let parts = text.split("\x1b[?").skip(1);
            parts.filter_map(|part| Some(part.split_once(end)?.0.to_string())).filter(|m| m.len() < 5).collect()
        };
        let mut on = modes(&enter, 'h');
        on.reverse();
        let off: Vec<String> = modes(&leave, 'l').into_iter().filter(|mode| on.contains(mode)).collect();
        let expected: Vec<String> = on.into_iter().filter(|mode| off.contains(mode)).collect();
        assert_eq!(off, expected, "reverse order");
        for mode in ["2026l", "1000l", "1002l", "1003l", "1006l", "2004l", "25h", "1049l"] {
            assert!(leave.contains(mode), "{mode}");
        }
        assert!(text(MOUSE_ON).matches('h').count() == text(MOUSE_OFF).matches('l').count());
    }

    #[test]
    fn restoring_what_was_never_entered_does_nothing() {
        restore();
        restore();
        assert!(!ENTERED.load(Ordering::SeqCst));
    }

    #[test]
    fn there_is_always_a_size() {
        let (columns, rows) = size();
        assert!(columns > 0 && rows > 0);
    }
}
