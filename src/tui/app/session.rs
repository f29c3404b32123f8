//! One run of the screen: the terminal, the queue, the apps and their jobs, from the first frame to the last.

use super::{App, Options};
use crate::analysis::{JobEvent, JobUpdate, Jobs, MapParams, Product, Study};
use crate::error::{Error, Result};
use crate::sae::find::Listing;
use crate::task::Task;
use crate::tui::capabilities::Capabilities;
use crate::tui::colours::Colours;
use crate::tui::crash::Scene;
use crate::tui::event::{self, Events, Latest, Raw, Source};
use crate::tui::keymap::Keymap;
use crate::tui::picker::Picker;
use crate::tui::screen::Screen;
use crate::tui::terminal::{self, Terminal};
use crate::tui::theme::Theme;
use crate::tui::widgets::Look;
use crate::tui::{Ending, Model, Pacing};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// What to show first.
pub enum Opening<'a> {
    /// A dictionary, and how its map is made.
    One(Box<Study>, MapParams),
    /// The dictionaries of a folder, one of which the user picks.
    Many {
        /// The folder.
        folder: PathBuf,
        /// They.
        all: Vec<Listing>,
        /// Opens the dictionary of a name.
        open: &'a dyn Fn(&str) -> Result<(Study, MapParams)>,
    },
}

/// How the screen is to be, whatever it shows.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What the terminal can show.
    pub capabilities: Capabilities,
    /// The user's own colours.
    pub colours: Colours,
    /// The keys.
    pub keymap: Keymap,
}

/// What is left of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Why it ended.
    pub ending: Ending,
    /// Files that were written meanwhile.
    pub files: Vec<PathBuf>,
}

/// Shows a dictionary on the terminal until the user quits, after letting the user pick it where there are many. The
/// first frame is drawn before anything is computed.
///
/// On return the terminal is as it was; running jobs are told to stop.
///
/// # Errors
/// If the terminal cannot be taken over.
pub fn run(opening: Opening<'_>, setup: Setup, task: Task) -> Result<Outcome> {
    let Setup { capabilities, colours, keymap } = setup;
    let io = |error: std::io::Error| Error::io("the terminal", &error);
    let (source, events) = event::queue();
    // Signals first: from the moment the terminal is ours, every way out must lead through `restore`.
    terminal::listen(source.clone()).map_err(io)?;
    let terminal = Terminal::enter(capabilities.mouse).map_err(io)?;
    event::read_terminal(terminal.input().map_err(io)?, source.clone()).map_err(io)?;
    let (width, height) = terminal::size();
    let screen = Screen::new(terminal.output().map_err(io)?, width, height);
    let theme = Theme::with(capabilities.color, capabilities.ground, &colours);
    let look = Look::new(theme, capabilities.glyphs);
    let mut session = Session { task, source, events, screen, terminal, look, keymap, capabilities, files: Vec::new() };
    let ending = match opening {
        Opening::One(study, params) => session.show(*study, params, false),
        Opening::Many { folder, all, open } => {
            let picker = Picker::new(folder, all, session.look.clone(), session.keymap.clone());
            session.pick(picker, open)
        }
    };
    Ok(Outcome { ending, files: session.files })
}

/// What all models of a run share.
struct Session<W: Write> {
    task: Task,
    source: Source<JobEvent>,
    events: Events<JobEvent>,
    screen: Screen<W>,
    terminal: Terminal,
    look: Look,
    keymap: Keymap,
    capabilities: Capabilities,
    files: Vec<PathBuf>,
}

impl<W: Write> Session<W> {
    fn jobs(&self) -> Jobs {
        let (source, forming) = (self.source.clone(), Latest::new(self.source.clone()));
        Jobs::new(self.task.clone(), move |event| match event.update {
            // A terminal that is slower than the layout must not make frames of it pile up.
            JobUpdate::Product(Product::Layout { .. }) => forming.send(event),
            // The loop may be gone already; then nobody wants to know.
            _ => drop(source.send(Raw::Job(event))),
        })
    }

    fn run(&mut self, model: &mut impl Model<Job = JobEvent>, doing: &str) -> Ending {
        let term = std::env::var("TERM").unwrap_or_default();
        terminal::note(Scene { term, size: terminal::size(), doing: crate::text::printable(doing) });
        let pacing = Pacing::frames_per_second(self.capabilities.frames_per_second);
        crate::tui::run(model, &mut self.events, &mut self.screen, &mut self.terminal, pacing)
    }

    /// Shows a study; ends with [`Ending::Left`] if another dictionary of the folder is wanted.
    fn show(&mut self, study: Study, params: MapParams, has_others: bool) -> Ending {
        let doing = format!("the screen of {}", study.name);
        let (multiplexer, mouse) = (self.capabilities.multiplexer, self.capabilities.mouse);
        let options = Options {
            params,
            look: self.look.clone(),
            keymap: self.keymap.clone(),
            multiplexer,
            mouse,
            has_others,
            state: crate::tui::kept::folder(),
        };
        let mut app = App::new(Arc::new(study), self.jobs(), options);
        app.start();
        let ending = self.run(&mut app, &doing);
        self.files.extend_from_slice(app.files());
        self.capabilities.mouse = app.has_mouse();
        ending
    }

    /// Lets the user pick dictionaries of a folder, one after the other.
    fn pick(&mut self, mut picker: Picker, open: &dyn Fn(&str) -> Result<(Study, MapParams)>) -> Ending {
        let doing = format!("the dictionaries of {}", picker.folder().display());
        loop {
            picker.set_mouse(self.capabilities.mouse);
            let mut ending = self.run(&mut picker, &doing);
            self.capabilities.mouse = picker.has_mouse();
            let Some(chosen) = picker.here().filter(|_| ending == Ending::Left) else { return ending };
            match open(&chosen.name) {
                Err(error) => picker.refuse(error.to_string()),
                Ok((study, params)) => ending = self.show(study, params, true),
            }
            if ending != Ending::Left {
                return ending;
            }
        }
    }
}
