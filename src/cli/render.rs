//! `render`: one frame of a view, printed or written as text or SVG.

use super::args::{Common, RenderArgs};
use super::export::parse_filter;
use super::{opening, output, progress, screen};
use crate::analysis::filter::cluster_of;
use crate::container::write::Target;
use crate::error::{Error, Problem, Result};
use crate::export::frame::{frame_svg, frame_text};
use crate::tui::app::{Options, Scene, products, still};
use crate::tui::capabilities::{Capabilities, Environment, Flags};
use crate::tui::layout::Page;
use crate::tui::theme::{ColorTier, Ground, Theme};
use crate::tui::widgets::Look;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Views of the contract and the pages they are; none for those that a later build brings.
const VIEWS: &[(&str, Option<Page>)] = &[
    ("map", Some(Page::Map)),
    ("feature", Some(Page::Feature)),
    ("neighbors", Some(Page::Neighbours)),
    ("clusters", Some(Page::Clusters)),
    ("jobs", Some(Page::Jobs)),
    ("selections", Some(Page::Marks)),
    ("help", Some(Page::Help)),
    ("manifolds", None),
    ("manifold", None),
    ("heatmap", None),
    ("histograms", None),
];

/// How a frame is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Svg,
}

pub(super) fn run(args: &RenderArgs, common: &Common) -> Result<()> {
    let page = page(&args.view)?;
    let size = size(&args.size)?;
    let kind = args.output.as_deref().map_or(Ok(Kind::Text), kind)?;
    let target = args.output.as_deref().map(|path| Target::new(path, common.force)).transpose()?;
    let scene = Scene {
        page,
        feature: args.feature,
        cluster: args.cluster.as_deref().map(cluster).transpose()?,
        filter: args.filter.as_deref().map(parse_filter).transpose()?,
    };
    let study = Arc::new(opening::study(&args.dict.open(), common)?);
    let flags = Flags { glyphs: args.glyphs, ..screen::flags(common) };
    let capabilities = Capabilities::detect(&Environment::of_process(), flags);
    // Text carries no colour; an SVG has all of them.
    let tier = if kind == Kind::Svg { ColorTier::True } else { ColorTier::None };
    let params = opening::map(&args.layout, &args.groups, true, common, &study)?;
    let look = Look::new(Theme::new(tier, Ground::Dark), capabilities.glyphs);
    let frame = progress::with_task(common, |task| {
        let products = products(&study, &params, task)?;
        let options = Options { params, look, multiplexer: None, mouse: false };
        still(&study, products, options, &scene, size, task)
    })?;
    let text = match kind {
        Kind::Text => frame_text(&frame),
        Kind::Svg => frame_svg(&frame, &format!("saescope: {} of {}", args.view, study.name)),
    };
    match target {
        Some(target) => target.write(|out| out.write_all(text.as_bytes())),
        None => output::print(&text),
    }
}

fn page(view: &str) -> Result<Page> {
    match VIEWS.iter().find(|(name, _)| *name == view) {
        Some((_, Some(page))) => Ok(*page),
        Some((_, None)) => Err(Error::NotInBuild(format!("the view {view}"))),
        None => {
            let names: Vec<&str> = VIEWS.iter().map(|(name, _)| *name).collect();
            Err(Problem::new(format!("there is no view {view:?}")).expected(names.join(", ")).usage())
        }
    }
}

fn size(text: &str) -> Result<(u16, u16)> {
    let parts = text.split_once(['x', 'X']).and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    parts.filter(|&(w, h): &(u16, u16)| w > 0 && h > 0 && u32::from(w) * u32::from(h) <= 65_535).ok_or_else(|| {
        Problem::new(format!("--size {text}")).expected("columns x rows, at most 65,535 cells").hint("120x40").usage()
    })
}

fn kind(path: &Path) -> Result<Kind> {
    match path.extension().and_then(|s| s.to_str()).unwrap_or_default() {
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
    let number = text.parse().ok().or_else(|| cluster_of(text).map(i32::from));
    number.filter(|&cluster| cluster >= -1).ok_or_else(|| {
        Problem::new(format!("--cluster {text}")).expected("a number from -1 on, or a letter A to Z").usage()
    })
}
