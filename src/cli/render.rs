//! `render`: one view, printed, or written as text, as a picture or as a page for a browser.

use super::args::RenderArgs;
use super::export::parse_filter;
use super::shared::Common;
use super::{opening, output, progress, screen};
use crate::analysis::filter::cluster_of;
use crate::config::Settings;
use crate::container::write::Target;
use crate::error::{Problem, Result};
use crate::tui::app::{Chart, Options, Scene, drawing, products, still};
use crate::tui::capabilities::{Capabilities, Environment, Flags};
use crate::tui::frame::{Picture, frame_text};
use crate::tui::layout::{MIN_SIZE, Page, too_small};
use crate::tui::screen::{MAX_CELLS, coloured_lines};
use crate::tui::theme::{ColorTier, Ground, Theme};
use crate::tui::widgets::Look;
use crate::tui::widgets::text::thousands;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

pub(super) fn run(args: &RenderArgs, common: &Common, settings: &Settings, environment: &Environment) -> Result<()> {
    let page = page(&args.view)?;
    let chart = args.chart.as_deref().map_or(Ok(Chart::Cloud), chart)?;
    if args.chart.is_some() && page != Page::Manifold {
        return Err(Problem::new(format!("--chart has no effect with --view {}", args.view))
            .hint("--view manifold")
            .usage());
    }
    let size = size(&args.size)?;
    let kind = args.output.as_deref().map_or(Ok(Picture::Text), kind)?;
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
    // A picture has all colours; text has those that were asked for, or that the terminal it is printed on can show.
    let piped = target.is_some() || !std::io::stdout().is_terminal();
    let flags = Flags { piped, theme: settings.theme(), glyphs: args.glyphs.0, ..screen::flags(common) };
    let capabilities = Capabilities::detect(environment, flags);
    let (tier, ground) = match kind {
        Picture::Text => (capabilities.color, capabilities.ground),
        _ => (ColorTier::True, Ground::Dark),
    };
    let params = opening::wished_map(&args.layout, &args.groups, settings, common, &study)?;
    let styled = tier != ColorTier::None;
    let look = Look { styled, ..Look::new(Theme::with(tier, ground, &settings.colours), capabilities.glyphs) };
    progress::with_task(common, |task| {
        let products = products(&study, &params, &scene, task)?;
        let keymap = settings.keymap.clone();
        let options = Options { params, keymap, look: look.clone(), ..Options::new(look.theme) };
        if let Some(target) = target.as_ref().filter(|_| kind != Picture::Text) {
            return drawing(&study, products, options, &scene, size, kind, task)?.write(target, task);
        }
        let frame = still(&study, products, options, &scene, size, task)?;
        let text = if styled { coloured_lines(&frame) } else { frame_text(&frame) };
        match &target {
            Some(target) => target.write(|out| out.write_all(text.as_bytes())),
            None => output::print(&text),
        }
    })
}

fn page(view: &str) -> Result<Page> {
    Page::ALL.into_iter().find(|page| page.view() == view).ok_or_else(|| {
        let names: Vec<&str> = Page::ALL.into_iter().map(Page::view).collect();
        Problem::new(format!("there is no view {view:?}")).expected(names.join(", ")).usage()
    })
}

/// What fills the page of one group.
fn chart(name: &str) -> Result<Chart> {
    Chart::ALL.into_iter().find(|chart| chart.name() == name).ok_or_else(|| {
        let names: Vec<&str> = Chart::ALL.into_iter().map(Chart::name).collect();
        Problem::new(format!("there is no chart {name:?}")).expected(names.join(", ")).usage()
    })
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

fn kind(path: &Path) -> Result<Picture> {
    Picture::of(path).ok_or_else(|| {
        let known = Picture::ALL.map(Picture::suffix);
        Problem::new(format!("a view is written as {}", known.join(", ")))
            .path(path)
            .expected(format!("a name ending in .{}", known.join(", .")))
            .usage()
    })
}

fn cluster(text: &str) -> Result<i32> {
    // The words are those of the filter.
    let word = || if text == "none" { Some(-1) } else { cluster_of(text).map(i32::from) };
    let number = text.parse().ok().or_else(word);
    number.filter(|&cluster| cluster >= -1).ok_or_else(|| {
        Problem::new(format!("--cluster {text}")).expected("a number from -1 on, a letter A to Z, or none").usage()
    })
}
