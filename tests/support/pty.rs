//! A program on a terminal of its own: what it writes, what a person would see, and how it takes keys and signals.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The longest a test waits for anything; far beyond what it takes, so that a busy machine fails no test.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// What the program wrote so far, raw and as an emulator shows it.
struct Written {
    bytes: Vec<u8>,
    emulator: vt100::Parser,
    /// The reader is to close its end after what comes next.
    close: bool,
    /// The reader takes nothing.
    stalled: bool,
    closed: bool,
}

/// A running program on a pseudo-terminal.
pub(crate) struct Session {
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    written: Arc<Mutex<Written>>,
    cooked: String,
    begun: Instant,
    _home: tempfile::TempDir,
}

impl Session {
    /// The binary under test with these arguments and environment variables (and few others), on 80 x 24 cells.
    pub(crate) fn saescope(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::spawn(env!("CARGO_BIN_EXE_saescope"), arguments, environment)
    }

    /// The small built-in dictionary, ready: nothing moves any more.
    pub(crate) fn concepts(environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let all = [&["@example/concepts", "--no-cache"], arguments].concat();
        let session = Self::saescope(&all, environment);
        session.wait_for("the header", |screen| screen.contains("192 features"));
        session.wait_for("the finished map", |screen| screen.contains("UMAP k"));
        session.rest();
        session
    }

    /// Any program.
    pub(crate) fn spawn(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let pair = native_pty_system().openpty(size(80, 24)).unwrap();
        let cooked = termios(&*pair.master);
        let mut command = CommandBuilder::new(program);
        command.env_clear();
        command.args(arguments);
        command.cwd(home.path());
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("HOME", home.path().to_str().unwrap())]
        {
            command.env(name, value);
        }
        for (name, value) in environment {
            command.env(name, value);
        }
        let begun = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let cells = |n| NonZero::new(n).unwrap();
        let emulator = vt100::Parser::new(cells(24), cells(80), 0);
        let written =
            Arc::new(Mutex::new(Written { bytes: Vec::new(), emulator, close: false, stalled: false, closed: false }));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let sink = Arc::clone(&written);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                let count = reader.read(&mut buffer).unwrap_or(0);
                while sink.lock().unwrap().stalled {
                    std::thread::sleep(Duration::from_millis(5));
                }
                let mut written = sink.lock().unwrap();
                written.bytes.extend(&buffer[..count]);
                written.emulator.process(&buffer[..count]);
                if count == 0 || written.close {
                    written.closed = true;
                    break;
                }
            }
            drop(reader);
        });
        let keys = Some(pair.master.take_writer().unwrap());
        Self { master: Some(pair.master), keys, child, written, cooked, begun, _home: home }
    }

    /// Sends bytes as the terminal would.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let keys = self.keys.as_mut().unwrap();
        keys.write_all(bytes).unwrap();
        keys.flush().unwrap();
    }

    /// The lines that a person sees.
    pub(crate) fn screen(&self) -> String {
        self.written.lock().unwrap().emulator.screen().contents()
    }

    /// What a person sees, cell by cell, with all colours and attributes.
    pub(crate) fn picture(&self) -> String {
        let written = self.written.lock().unwrap();
        let screen = written.emulator.screen();
        let (rows, columns) = (screen.size().0.get(), screen.size().1.get());
        let cursor = (!screen.hide_cursor()).then(|| screen.cursor_position());
        let mut text = format!("cursor {cursor:?}\n");
        for row in 0..rows {
            let mut dress = None;
            for column in 0..columns {
                let Some(cell) = screen.cell(row, column).filter(|cell| !cell.is_wide_continuation()) else { continue };
                let modifiers = (cell.bold(), cell.dim(), cell.italic(), cell.underline(), cell.inverse());
                // Where there is nothing to see, the colour of the text is no part of the picture.
                let blank = matches!(cell.contents(), "" | " ") && !cell.underline() && !cell.inverse();
                let own = if blank { None } else { Some((cell.fgcolor(), modifiers)) };
                let own = (own, cell.bgcolor());
                if dress != Some(own) {
                    text.push_str(&format!("<{own:?}>"));
                    dress = Some(own);
                }
                text.push_str(if blank { " " } else { cell.contents() });
            }
            text.push('\n');
        }
        text
    }

    /// Everything written so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.written.lock().unwrap().bytes.clone()
    }

    /// How many bytes were written so far.
    pub(crate) fn count(&self) -> usize {
        self.written.lock().unwrap().bytes.len()
    }

    /// Time since the program was started.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// How many frames were written since the first `from` bytes.
    pub(crate) fn frames(&self, from: usize) -> usize {
        String::from_utf8_lossy(&self.bytes()[from..]).matches("\x1b[?2026h").count()
    }

    /// From now on the terminal takes nothing, or takes things again.
    pub(crate) fn stall(&self, on: bool) {
        self.written.lock().unwrap().stalled = on;
    }

    /// Waits until the screen is as wanted.
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        self.wait(what, |session| wanted(&session.screen()));
    }

    /// Waits until the session is as wanted.
    pub(crate) fn wait(&self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !wanted(self) {
            assert!(Instant::now() < end, "waited in vain for {what}; the screen is\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until nothing was written for a while.
    pub(crate) fn rest(&self) {
        let end = Instant::now() + PATIENCE;
        let (mut count, mut since) = (self.count(), Instant::now());
        while since.elapsed() < Duration::from_millis(700) || count == 0 {
            assert!(Instant::now() < end, "never comes to rest");
            std::thread::sleep(Duration::from_millis(20));
            if self.count() != count {
                (count, since) = (self.count(), Instant::now());
            }
        }
    }

    /// Changes the size of the terminal.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let cells = |n| NonZero::new(n).unwrap();
        self.written.lock().unwrap().emulator.screen_mut().set_size(cells(rows), cells(columns));
        self.master.as_ref().unwrap().resize(size(columns, rows)).unwrap();
    }

    /// The process.
    pub(crate) fn id(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_raw(self.child.process_id().unwrap() as i32).unwrap()
    }

    /// Sends a signal to the process.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.id(), signal).unwrap();
    }

    /// The state letter of the process: R, S, T (stopped), Z (gone).
    pub(crate) fn state(&self) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.process_id().unwrap()));
        let stat = stat.unwrap_or_else(|_| "x) Z".into());
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap()
    }

    /// Whether the terminal is in the mode it was in before the program began.
    pub(crate) fn is_cooked(&self) -> bool {
        termios(&**self.master.as_ref().unwrap()) == self.cooked
    }

    /// Closes the terminal, as a broken connection does. The reader holds it open until something more is written, so
    /// a redraw is asked for.
    pub(crate) fn hang_up(&mut self) {
        self.written.lock().unwrap().close = true;
        self.send(b"\x0c");
        self.wait("the last bytes", |session| session.written.lock().unwrap().closed);
        self.keys = None;
        self.master = None;
    }

    /// Waits for the end of the program, and until all that it wrote is read; its exit code, and how long it took.
    pub(crate) fn end(&mut self) -> (u32, Duration) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap()
                && self.written.lock().unwrap().closed
            {
                return (status.exit_code(), begun.elapsed());
            }
            assert!(begun.elapsed() < PATIENCE, "does not end; the screen is\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn termios(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios())
}
