//! Keys through the real loop, over a small planted study: what a user presses, and what is then so.

mod cancelling;
mod keys;
mod moving;
mod picturing;
mod sets;
mod shapes;
mod standing;
mod typing;
mod work;

use super::*;
use crate::analysis::jobs::JobContext;
use crate::analysis::{Cache, Evidence, JobKind, JobUpdate, Product, Words};
use crate::container::Matrix;
use crate::geometry::cluster::hdbscan::HdbscanParams;
use crate::sae::labels::Label;
use crate::sae::{Activation, Activations, Dictionary, Labels, Sparse, Tokens};
use crate::task::Task;
use crate::tui::event::{Raw, Signal, queue};
use crate::tui::screen::Screen;
use crate::tui::theme::{ColorTier, Ground, Theme};
use crate::tui::{Ending, Host, Pacing, run};
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use std::io;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Features of the planted study: three clusters of ten and two of none.
const FEATURES: usize = 32;
const DAYS: [&str; 5] = ["Monday", "Tuesday", "Friday", "Sunday", "holiday"];

/// Cluster of a feature.
fn cluster(feature: usize) -> i32 {
    if feature < 30 { (feature / 10) as i32 } else { -1 }
}

fn place(feature: usize) -> [f32; 2] {
    let (x, y) = [(0.0, 0.0), (10.0, 0.0), (5.0, 8.0), (5.0, 3.0)][(cluster(feature) + 4) as usize % 4];
    let angle = feature as f32 * 0.63;
    [x + angle.cos(), y + angle.sin()]
}

fn evidence() -> Evidence {
    // Feature f fires on the rows 2f and 2f + 1; a row's token names the feature's cluster.
    let rows = 2 * FEATURES;
    let by_token = Sparse {
        rows,
        cols: FEATURES,
        indptr: (0..=rows as u64).collect(),
        indices: (0..rows as u32).map(|row| row / 2).collect(),
        values: (0..rows).map(|row| 1.0 + row as f32).collect(),
    };
    let token = |row: usize| match cluster(row / 2) {
        0 => DAYS[row % DAYS.len()].to_string(),
        1 => format!("red{}", row % 2),
        2 => "fn ".to_string(),
        _ => "\u{1b}[2J".to_string(),
    };
    let documents: Vec<Vec<String>> =
        (0..8).map(|d| (0..rows / 8).map(|at| token(d * rows / 8 + at)).collect()).collect();
    let label = |feature: usize| match cluster(feature) {
        0 => format!("weekday {feature}"),
        1 => format!("colour {feature}"),
        2 => format!("code {feature}"),
        _ => String::new(),
    };
    let described = |feature: usize| {
        let text = label(feature);
        if text.is_empty() { Vec::new() } else { vec![Label { text, kind: None, author: None, score: None }] }
    };
    Evidence {
        activations: Some(Activations::new(by_token, "planted")),
        tokens: Some(Tokens::from_documents(&documents).unwrap()),
        labels: Some(Labels { by_feature: (0..FEATURES).map(described).collect(), ..Labels::default() }),
        ..Evidence::default()
    }
}

fn study() -> Study {
    let decoder: Vec<f32> = (0..FEATURES)
        .flat_map(|feature| {
            let mut row = [0.05 * (feature % 10) as f32, 0.0, 0.0, 0.0, 0.1];
            row[(cluster(feature) + 4) as usize % 4] += 1.0 + feature as f32 / 100.0;
            row
        })
        .collect();
    study_of(&decoder, evidence)
}

/// A study of decoder rows of five numbers.
fn study_of(decoder: &[f32], evidence: fn() -> Evidence) -> Study {
    let mut dictionary = Dictionary::bare(Matrix::from_f32(decoder, 5));
    dictionary.info.format = "planted";
    dictionary.info.activation = Activation::Relu;
    Study::new("@planted", dictionary, "0".into(), Cache::off(), Box::new(move |_, _| Ok(evidence())))
}

/// An app over the planted study, without anything found yet, and the end of its job channel.
fn bare() -> (App, Receiver<JobEvent>) {
    let (sender, receiver) = channel();
    let jobs = Jobs::to_channel(Task::new(1).unwrap(), sender);
    let options = Options::new(Theme::new(ColorTier::Ansi256, Ground::Dark));
    let mut app = App::new(Arc::new(study()), jobs, options);
    app.update(Event::Resize(100, 30));
    (app, receiver)
}

/// An app that knows everything: layout, clusters, neighbours, words.
fn ready() -> (App, Receiver<JobEvent>) {
    let (mut app, receiver) = bare();
    let task = Task::new(1).unwrap();
    app.study.load_evidence(&task).unwrap();
    app.study.norms(&task).unwrap();
    let coordinates = Points::new((0..FEATURES).flat_map(place).collect(), 2);
    let knn = app.study.knn(5, &task).unwrap();
    let labels: Vec<i32> = (0..FEATURES).map(cluster).collect();
    let umap = crate::geometry::umap::Umap { coordinates, epochs: 1, a: 1.0, b: 1.0 };
    for product in [
        Product::Evidence,
        Product::Words(Arc::new(Words::build(&app.study, &task).unwrap())),
        Product::Knn(Arc::new(knn)),
        Product::Umap(Arc::new(umap)),
        Product::Clusters(Arc::new(Clusters::from_labels(&labels)), HdbscanParams::default()),
    ] {
        app.take(product);
    }
    (app, receiver)
}

struct Fixed;

impl Host for Fixed {
    fn size(&self) -> (u16, u16) {
        (100, 30)
    }
    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn resume(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn set_mouse(&mut self, _: bool) -> io::Result<()> {
        Ok(())
    }
}

/// Presses keys, written as the help writes them, through the real loop; gives why it ended and what it wrote.
fn play(app: &mut App, keys: &str) -> (Ending, Vec<u8>) {
    let (source, mut events) = queue();
    let keys = if keys.is_empty() { Vec::new() } else { Key::parse_sequence(keys).unwrap() };
    for key in keys {
        source.send(Raw::Key(key)).unwrap();
    }
    drop(source);
    let mut screen = Screen::new(Vec::new(), 100, 30);
    let ending = run(app, &mut events, &mut screen, &mut Fixed, Pacing { frame: Duration::ZERO });
    // The script has ended: the cursor rests.
    app.update(Event::Tick);
    (ending, screen.terminal().clone())
}

/// An app that knows everything, after these keys.
fn after(keys: &str) -> App {
    let (mut app, _jobs) = ready();
    play(&mut app, keys);
    app
}

/// Letters as keys.
fn typed(text: &str) -> String {
    text.chars().map(|c| Key::char(c).to_string()).collect::<Vec<_>>().join(" ")
}

fn words(app: &App) -> &str {
    app.message().map_or("", |message| message.text.as_str())
}
