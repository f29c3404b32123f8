//! Every state of the screen at every size.
//!
//! Scenes are what keys lead to: each page, each command pressed on each page, lines being typed, questions, a box, an
//! arc, charts, the list of dictionaries, and the same before anything is known. Each of the 30,000 sizes from 1 x 1 to
//! 300 x 100 is drawn, in turn by another scene, so that a scene meets some seventy of them from all over; and every scene
//! meets all sizes around the thresholds of the layout. All frames pass the real screen.

#[path = "support/blobs.rs"]
mod blobs;
#[path = "support/example.rs"]
mod example;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use saescope::analysis::groups::by_hand;
use saescope::analysis::{JobKind, Jobs, ManifoldParams, Product, Study};
use saescope::geometry::cloud::ShapeParams;
use saescope::geometry::cluster::hdbscan::Metric;
use saescope::geometry::trust::trust;
use saescope::sae::find::list;
use saescope::task::Task;
use saescope::tui::Model;
use saescope::tui::action::{ACTIONS, Action, Context};
use saescope::tui::app::{App, Options};
use saescope::tui::event::Event;
use saescope::tui::key::Key;
use saescope::tui::keymap::Keymap;
use saescope::tui::layout::Page;
use saescope::tui::picker::Picker;
use saescope::tui::screen::Screen;
use saescope::tui::theme::{ColorTier, Ground, Theme};
use saescope::tui::widgets::{Glyphs, Look, text};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Everything that jobs would find out about the built-in concepts; their weekdays are the group that is open.
struct Known {
    study: Arc<Study>,
    products: Vec<Product>,
    group: Product,
}

impl Known {
    fn new() -> Self {
        let (study, mut products, coordinates) = example::example("@example/concepts");
        let task = Task::new(2).unwrap();
        let trusted = trust(&coordinates, &study.dictionary.decoder, Metric::Cosine, 15, &task).unwrap();
        products.push(Product::Trust(Arc::new(trusted)));
        let week = by_hand(&[7, 21, 35, 85, 89, 112, 113, 121, 152, 177]).unwrap();
        let params = ManifoldParams { shape: ShapeParams::MANY, most_tokens: None, all: false };
        let groups = vec![week.clone(), by_hand(&[1, 2, 3, 4, 5, 6]).unwrap()];
        let rows = study.survey(groups, &params, &task).unwrap().rows;
        products.push(Product::Manifolds(Arc::new(rows), true));
        let group = Product::Portrait(Arc::new(study.portrait(week, &params, &task).unwrap()));
        Self { study, products, group }
    }

    /// A screen that knows all of this, or nothing, at a middling size.
    fn app(&self, look: &Look, knows: bool, jobs: Jobs) -> App {
        let options = Options { look: look.clone(), has_others: true, ..Options::new(look.theme.clone()) };
        let mut app = App::new(Arc::clone(&self.study), jobs, options);
        app.update(Event::Resize(120, 40));
        for product in self.products.iter().filter(|_| knows) {
            app.take(product.clone());
        }
        app
    }
}

fn no_jobs() -> Jobs {
    Jobs::new(Task::new(1).unwrap(), |_| {})
}

/// Jobs of which one never ends, so that leaving is a question.
fn busy() -> Jobs {
    let mut jobs = no_jobs();
    jobs.start(JobKind::Export, |context| {
        context.task.stage("writing", 100);
        context.task.advance(40);
        loop {
            context.task.check()?;
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    jobs
}

/// What is looked at: the model, and how it got there.
struct Scene {
    keys: String,
    model: Shown,
    look: Look,
}

enum Shown {
    Study(Box<App>),
    Folder(Box<Picker>),
}

impl Shown {
    fn resize(&mut self, width: u16, height: u16) {
        match self {
            Self::Study(app) => drop(app.update(Event::Resize(width, height))),
            Self::Folder(picker) => drop(picker.update(Event::Resize(width, height))),
        }
    }
    fn draw(&self, area: Rect, buffer: &mut Buffer) -> Option<ratatui::layout::Position> {
        match self {
            Self::Study(app) => app.draw(area, buffer),
            Self::Folder(picker) => picker.draw(area, buffer),
        }
    }
}

/// Presses keys, written as the help writes them; `"` begins text that is typed letter by letter.
fn press<M: Model>(model: &mut M, keys: &str) {
    let (keys, typed) = keys.split_once('"').unwrap_or((keys, ""));
    for key in keys.split_whitespace() {
        model.update(Event::Key(Key::parse(key).unwrap()));
    }
    for letter in typed.chars() {
        model.update(Event::Key(Key::char(letter)));
    }
}

/// The first key of each command that works in a context; those that would start long work or end the program left out.
fn commands(context: Context) -> Vec<&'static str> {
    let left_out = [Action::RestartJob, Action::Finer, Action::Coarser, Action::Quit, Action::Open, Action::Grow];
    let works = |row: &&saescope::tui::action::Row| row.contexts.contains(&context) && !left_out.contains(&row.action);
    ACTIONS.iter().filter(works).map(|row| row.keys[0]).collect()
}

/// The keys that lead to the pages.
fn pages() -> Vec<&'static str> {
    let is_page = |name: &str| name.starts_with("go.") && !["go.id", "go.open", "go.back", "go.out"].contains(&name);
    ACTIONS.iter().filter(|row| is_page(row.name)).map(|row| row.keys[0]).chain(["?"]).collect()
}

fn scenes(known: &Known, file: &Path) -> Vec<Scene> {
    let looks = [
        Look::new(Theme::new(ColorTier::Ansi256, Ground::Dark), Glyphs::Braille),
        Look::new(Theme::new(ColorTier::None, Ground::Light), Glyphs::Letters),
        Look::new(Theme::new(ColorTier::True, Ground::Dark), Glyphs::Half),
    ];
    let mut scenes: Vec<Scene> = Vec::new();
    let mut add = |keys: String, look: &Look, knows: bool, jobs: Jobs, on_group: bool| {
        let mut app = known.app(look, knows, jobs);
        if on_group {
            app.take(known.group.clone());
            app.show_group();
        }
        press(&mut app, &keys);
        scenes.push(Scene { keys, model: Shown::Study(Box::new(app)), look: look.clone() });
    };
    for (at, page) in pages().into_iter().enumerate() {
        add(page.to_string(), &looks[at % 3], true, no_jobs(), false);
        add(format!("{page} j"), &looks[(at + 1) % 3], false, no_jobs(), false);
    }
    // Every command on the map, and on what else has commands of its own.
    for (context, way) in [
        (Context::Map, ""),
        (Context::Side, "Tab"),
        (Context::Passages, "g d"),
        (Context::Table, "g t"),
        (Context::Manifolds, "g f"),
        (Context::Help, "?"),
    ] {
        for (at, command) in commands(context).into_iter().enumerate() {
            add(format!("{way} {command}"), &looks[at % 3], true, no_jobs(), false);
        }
    }
    for (at, command) in commands(Context::Cloud).into_iter().chain(["Tab v j v", "Tab /"]).enumerate() {
        add(command.to_string(), &looks[at % 3], true, no_jobs(), true);
    }
    for charts in 1..8 {
        add("d ".repeat(charts), &looks[charts % 3], true, no_jobs(), true);
    }
    let replaced = format!("e Ctrl-u \"{}", file.display());
    for keys in [
        "/ \"mon",
        "/ \"no such thing",
        "? / \"clu",
        "f \"cluster in (a, b) and dens",
        "f \"density <",
        ": \"zoom",
        "g i \"70000",
        "1 2 g",
        "c s \"min",
        "g f / \"loop",
        "v l l l j j",
        "Space ] Space t o o + + g s",
        replaced.as_str(),
    ] {
        for look in &looks {
            add(keys.to_string(), look, true, no_jobs(), false);
        }
    }
    add("q".into(), &looks[0], true, busy(), false);
    add("J".into(), &looks[1], true, busy(), false);
    // The question whether the file is to be replaced.
    let mut app = known.app(&looks[0], true, no_jobs());
    press(&mut app, &replaced);
    press(&mut app, "Enter");
    assert_eq!(app.context(), Context::Confirm, "{:?}", app.message());
    scenes.push(Scene { keys: "replace".into(), model: Shown::Study(Box::new(app)), look: looks[0].clone() });
    for (look, keys) in looks.iter().zip(["", "j", "/ \"no"]) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
        let mut picker = Picker::new(folder.clone(), list(&folder).unwrap(), look.clone(), Keymap::standard());
        picker.update(Event::Resize(120, 40));
        press(&mut picker, keys);
        scenes.push(Scene {
            keys: format!("picker {keys}"),
            model: Shown::Folder(Box::new(picker)),
            look: look.clone(),
        });
    }
    scenes
}

/// Draws a scene at a size through the screen, and checks what stands on it.
fn check(scene: &mut Scene, screen: &mut Screen<Vec<u8>>, (width, height): (u16, u16)) {
    let what = format!("{:?} at {width}x{height}", scene.keys);
    scene.model.resize(width, height);
    screen.resize(width, height);
    screen.terminal().clear();
    let model = &scene.model;
    let mut cursor = None;
    screen
        .draw(|area, buffer| {
            cursor = model.draw(area, buffer);
            cursor
        })
        .unwrap();
    let cells = screen.cells();
    assert_eq!((cells.area.width, cells.area.height), (width, height), "{what}");
    assert!(cursor.is_none_or(|cursor| cells.area.contains(cursor)), "the cursor of {what}");
    for y in 0..height {
        // Nothing wide is cut, covered or hanging over, and nothing is a control character.
        let mut x = 0;
        while x < width {
            let symbol = cells[(x, y)].symbol();
            assert!(!symbol.contains(char::is_control), "{what}");
            assert!(symbol.is_ascii() || !scene.look.ascii, "{symbol:?} in {what}");
            let columns = text::width(symbol).max(1) as u16;
            assert!((x + 1..(x + columns).min(width)).all(|hidden| cells[(hidden, y)].symbol() == " "), "{what}");
            x += columns;
        }
        assert_eq!(x, width, "row {y} of {what}");
    }
}

#[test]
fn every_scene_is_drawn_at_every_size() {
    let file = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    let known = Known::new();
    let mut scenes = scenes(&known, file.path());
    // All that a screen can be in is among them.
    let contexts: BTreeSet<Context> = scenes
        .iter()
        .map(|scene| match &scene.model {
            Shown::Study(app) => app.context(),
            Shown::Folder(_) => Context::Picker,
        })
        .collect();
    let missing: Vec<_> = Context::ALL.into_iter().filter(|context| !contexts.contains(context)).collect();
    assert_eq!(missing, [], "no scene has these");
    for page in Page::ALL {
        let shows = |scene: &Scene| matches!(&scene.model, Shown::Study(app) if app.page() == page);
        assert!(scenes.iter().any(shows), "no scene shows {page:?}");
    }

    let count = scenes.len();
    assert!(count < 1000, "with {count} scenes each would meet too few sizes");
    let mut screen = Screen::new(Vec::new(), 1, 1);
    for width in 1..=300 {
        for height in 1..=100 {
            // Two steps without a common factor: neighbours differ, and no scene keeps to one diagonal.
            let at = (usize::from(width) * 101 + usize::from(height) * 7) % count;
            check(&mut scenes[at], &mut screen, (width, height));
        }
    }
    for scene in &mut scenes {
        for width in [59, 60, 75, 76, 99, 100] {
            for height in [15, 16, 17, 21, 22] {
                check(scene, &mut screen, (width, height));
            }
        }
        check(scene, &mut screen, (300, 100));
        check(scene, &mut screen, (80, 24));
    }
}

#[test]
fn sizes_that_no_buffer_holds_are_cut() {
    let known = Known::new();
    let look = Look::new(Theme::new(ColorTier::Ansi256, Ground::Dark), Glyphs::Braille);
    let mut app = known.app(&look, true, no_jobs());
    for (width, height) in [(u16::MAX, u16::MAX), (400, 300), (u16::MAX, 1), (1, u16::MAX), (0, 0)] {
        let mut screen = Screen::new(Vec::new(), width, height);
        // As the loop does: the model learns the area that the screen has.
        app.update(Event::Resize(screen.area().width, screen.area().height));
        screen.draw(|area, buffer| app.draw(area, buffer)).unwrap();
        assert!(screen.area().area() as usize <= saescope::tui::screen::MAX_CELLS);
    }
}
