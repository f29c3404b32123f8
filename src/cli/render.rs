//! `render`: one frame of a view, printed or written as text or SVG.

use super::args::RenderArgs;
use super::export::parse_filter;
use super::shared::Common;
use super::{opening, output, progress, screen};
use crate::analysis::filter::cluster_of;
use crate::config::Settings;
use crate::container::write::Target;
use crate::error::{Error, Problem, Result};
use crate::tui::app::{Chart, Options, Scene, products, still};
use crate::tui::capabilities::{Capabilities, Environment, Flags};
use crate::tui::frame::{frame_svg, frame_text};
use crate::tui::layout::{MIN_SIZE, Page, too_small};
use crate::tui::screen::{MAX_CELLS, coloured_lines};
use crate::tui::theme::{ColorTier, Ground, Theme};
use crate::tui::widgets::Look;
use crate::tui::widgets::text::thousands;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

/// Views of the contract and the pages they are (and which chart fills that of a group); none for those that a later
/// build brings.
const VIEWS: &[(&str, Option<(Page, Chart)>)] = &[
    ("map", Some((Page::Map, Chart::Cloud))),
    ("feature", Some((Page::Feature, Chart::Cloud))),
    ("neighbors", Some((Page::Neighbours, Chart::Cloud))),
    ("clusters", Some((Page::Clusters, Chart::Cloud))),
    ("jobs", Some((Page::Jobs, Chart::Cloud))),
    ("features", Some((Page::Table, Chart::Cloud))),
    ("selections", Some((Page::Marks, Chart::Cloud))),
    ("info", Some((Page::Info, Chart::Cloud))),
    ("help", Some((Page::Help, Chart::Cloud))),
    ("manifolds", Some((Page::Manifolds, Chart::Cloud))),
    ("manifold", Some((Page::Manifold, Chart::Cloud))),
    ("heatmap", Some((Page::Manifold, Chart::Cosines))),
    ("histograms", None),
];

/// How a frame is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Svg,
}

pub(super) fn run(args: &RenderArgs, common: &Common, settings: &Settings, environment: &Environment) -> Result<()> {
    let (page, chart) = page(&args.view)?;
    let size = size(&args.size)?;
    let kind = args.output.as_deref().map_or(Ok(Kind::Text), kind)?;
    let target = args.output.as_deref().map(|path| Target::new(path, common.force)).transpose()?;
    let scene = Scene {
        page,
        chart,
        feature: args.feature,
        cluster: args.cluster.as_deref().map(cluster).transpose()?,
        filter: args.filter.as_deref().map(parse_filter).transpose()?,
    };
    let study = Arc::new(opening::study(&args.dict.open(), common)?);
    target.iter().try_for_each(|target| target.spares(study.files().chain(args.dict.evidence.files())))?;
    // An SVG has all colours; text has those that were asked for, or that the terminal it is printed on can show.
    let piped = target.is_some() || !std::io::stdout().is_terminal();
    let flags = Flags { piped, theme: settings.theme(), glyphs: args.glyphs.0, ..screen::flags(common) };
    let capabilities = Capabilities::detect(environment, flags);
    let (tier, ground) = match kind {
        Kind::Svg => (ColorTier::True, Ground::Dark),
        Kind::Text => (capabilities.color, capabilities.ground),
    };
    let params = opening::wished_map(&args.layout, &args.groups, settings, common, &study)?;
    let styled = tier != ColorTier::None;
    let theme = Theme::with(tier, ground, &settings.colours);
    let look = Look { styled, ..Look::new(theme, capabilities.glyphs) };
    let frame = progress::with_task(common, |task| {
        let products = products(&study, &params, &scene, task)?;
        let keymap = settings.keymap.clone();
        let options = Options { params, keymap, look: look.clone(), ..Options::new(look.theme) };
        still(&study, products, options, &scene, size, task)
    })?;
    let text = match kind {
        Kind::Text if styled => coloured_lines(&frame),
        Kind::Text => frame_text(&frame),
        Kind::Svg => frame_svg(&frame, &format!("saescope: {} of {}", args.view, study.name)),
    };
    match target {
        Some(target) => target.write(|out| out.write_all(text.as_bytes())),
        None => output::print(&text),
    }
}

fn page(view: &str) -> Result<(Page, Chart)> {
    match VIEWS.iter().find(|(name, _)| *name == view) {
        Some((_, Some(page))) => Ok(*page),
        Some((_, None)) => Err(Error::NotInBuild(format!("the view {view}"))),
        None => {
            let names: Vec<&str> = VIEWS.iter().filter(|(_, page)| page.is_some()).map(|(name, _)| *name).collect();
            Err(Problem::new(format!("there is no view {view:?}")).expected(names.join(", ")).usage())
        }
    }
}

fn size(text: &str) -> Result<(u16, u16)> {
    let parts = text.split_once(['x', 'X']).and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    parts.filter(|&(w, h): &(u16, u16)| !too_small(w, h) && usize::from(w) * usize::from(h) <= MAX_CELLS).ok_or_else(
        || {
            let (least, most) = (format!("{}x{}", MIN_SIZE.0, MIN_SIZE.1), thousands(MAX_CELLS as u64));
            Problem::new(format!("--size {text}"))
                .expected(format!("columns x rows, at least {least} and at most {most} cells"))
                .hint("--size 120x40")
                .usage()
        },
    )
}

fn kind(path: &Path) -> Result<Kind> {
    match path.extension().and_then(|s| s.to_str()).unwrap_or_default().to_lowercase().as_str() {
        "txt" => Ok(Kind::Text),
        "svg" => Ok(Kind::Svg),
        "png" | "html" => Err(Error::NotInBuild("pictures as png or html".into())),
        _ => Err(Problem::new("a frame is written as txt or svg")
            .path(path)
            .expected("a name ending in .txt or .svg")
            .usage()),
    }
}

fn cluster(text: &str) -> Result<i32> {
    // The words are those of the filter.
    let word = || if text == "none" { Some(-1) } else { cluster_of(text).map(i32::from) };
    let number = text.parse().ok().or_else(word);
    number.filter(|&cluster| cluster >= -1).ok_or_else(|| {
        Problem::new(format!("--cluster {text}")).expected("a number from -1 on, a letter A to Z, or none").usage()
    })
}
