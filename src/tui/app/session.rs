//! One run of the screen: the terminal, the queue, the app and its jobs, from the first frame to the last.

use super::{App, Options};
use crate::analysis::{JobUpdate, Jobs, MapParams, Product, Study};
use crate::error::{Error, Result};
use crate::task::Task;
use crate::tui::capabilities::Capabilities;
use crate::tui::crash::Scene;
use crate::tui::event::{self, Latest, Raw};
use crate::tui::screen::Screen;
use crate::tui::terminal::{self, Terminal};
use crate::tui::theme::Theme;
use crate::tui::widgets::Look;
use crate::tui::{Ending, Pacing};
use std::path::PathBuf;
use std::sync::Arc;

/// What is left of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Why it ended.
    pub ending: Ending,
    /// Files that were written meanwhile.
    pub files: Vec<PathBuf>,
}

/// Shows `study` on the terminal until the user quits. The first frame is drawn before anything is computed.
///
/// On return the terminal is as it was; running jobs are told to stop.
///
/// # Errors
/// If the terminal cannot be taken over.
pub fn run(study: Study, params: MapParams, capabilities: &Capabilities, task: Task) -> Result<Outcome> {
    let io = |error: std::io::Error| Error::io("the terminal", &error);
    let (source, mut events) = event::queue();
    // Signals first: from the moment the terminal is ours, every way out must lead through `restore`.
    terminal::listen(source.clone()).map_err(io)?;
    let mut terminal = Terminal::enter(capabilities.mouse).map_err(io)?;
    event::read_terminal(terminal.input().map_err(io)?, source.clone()).map_err(io)?;
    let (width, height) = terminal::size();
    terminal::note(Scene {
        term: std::env::var("TERM").unwrap_or_default(),
        size: (width, height),
        doing: format!("the screen of {}", crate::text::printable(&study.name)),
    });
    let mut screen = Screen::new(terminal.output().map_err(io)?, width, height);
    let forming = Latest::new(source.clone());
    let jobs = Jobs::new(task, move |event| match event.update {
        // A terminal that is slower than the layout must not make frames of it pile up.
        JobUpdate::Product(Product::Layout { .. }) => forming.send(event),
        // The loop may be gone already; then nobody wants to know.
        _ => drop(source.send(Raw::Job(event))),
    });
    let theme = Theme::new(capabilities.color, capabilities.ground);
    let options = Options {
        params,
        look: Look::new(theme, capabilities.glyphs),
        multiplexer: capabilities.multiplexer,
        mouse: capabilities.mouse,
    };
    let mut app = App::new(Arc::new(study), jobs, options);
    app.start();
    let pacing = Pacing::frames_per_second(capabilities.frames_per_second);
    let ending = crate::tui::run(&mut app, &mut events, &mut screen, &mut terminal, pacing);
    Ok(Outcome { ending, files: app.files().to_vec() })
}
