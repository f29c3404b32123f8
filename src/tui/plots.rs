//! Plots for a browser: the map and one group as plain data, filled from the study by the functions that the screen and
//! the verbs ask.
//!
//! Input: what the screen has, as shared values, so that a job can work while the screen goes on. Output: a
//! [`Plot`](crate::export::plot::Plot) and the [`Page`](crate::export::html::Page) around it, which
//! [`crate::export::html`] writes. Colours are those of the theme in 24 bits, on either
//! ground. All texts from files pass [`printable`]. Cost: O(features), or O(tokens of the group).

mod group;
mod map;

pub use group::GroupSheet;
pub use map::MapSheet;

use super::theme::{ColorTier, Ground, HUES, NOISE, STEPS, Theme};
use crate::analysis::Study;
use crate::export::Provenance;
use crate::export::html::Section;
use crate::export::plot::{NO_CLASS, Palette, Palettes};
use crate::text::printable;
use ratatui::style::{Color, Style};

// What the theme calls noise is what a page calls no class.
const _: () = assert!(NOISE == NO_CLASS);

/// The theme's colours on both grounds.
fn palettes() -> Palettes {
    let on = |ground: Ground, panel: &str, ink: &str| {
        let theme = Theme::new(ColorTier::True, ground);
        Palette {
            ground: panel.into(),
            ink: ink.into(),
            plain: ink.into(),
            none: hex(theme.cluster(NOISE)),
            faint: hex(theme.faint()),
            hues: (0..HUES as u16).map(|class| hex(theme.cluster(class))).collect(),
            steps: (0..STEPS).map(|step| hex(theme.ramp_step(step))).collect(),
        }
    };
    // The grounds are those of the page's style.
    Palettes { dark: on(Ground::Dark, "#15181e", "#d5d9e0"), light: on(Ground::Light, "#ffffff", "#1c1f26") }
}

fn hex(style: Style) -> String {
    match style.fg {
        Some(Color::Rgb(r, g, b)) => format!("#{r:02x}{g:02x}{b:02x}"),
        other => unreachable!("a theme of 24 bits has {other:?}"),
    }
}

/// What the dictionary is, as `info` tells it.
pub fn dictionary(study: &Study) -> Section {
    let facts = study.known_summary().facts(&study.name);
    let rows = facts.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    Section { heading: "Dictionary".into(), rows, folded: true, ..Section::default() }
}

/// The dictionary in a line.
pub fn dictionary_line(study: &Study) -> String {
    let facts = study.known_summary().facts("");
    let told = |wanted: &str| facts.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str());
    // What no file tells is no news here.
    let parts = ["format", "size", "activation", "model", "hook", "activations"].into_iter().filter_map(told);
    let known = parts.filter(|value| !value.starts_with("not in the files") && !value.starts_with("none found"));
    joined(&known.map(str::to_string).collect::<Vec<_>>())
}

/// What a careful reader should know of labels and texts, in a line.
pub fn remarks(study: &Study) -> String {
    joined(study.evidence().map_or(&[], |evidence| &evidence.notes[..]))
}

/// What made a page, of what.
pub fn signature(provenance: &Provenance) -> String {
    let seed = provenance.parameters.get("seed").map_or(String::new(), |seed| format!("seed {seed}"));
    let program = concat!("saescope ", env!("CARGO_PKG_VERSION")).to_string();
    joined(&[program, format!("fingerprint {}", provenance.fingerprint), seed])
}

fn joined(parts: &[String]) -> String {
    parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" · ")
}

/// A feature in a few words: its label, else its top tokens.
fn about(study: &Study, feature: u32, words: Option<&crate::analysis::Words>) -> String {
    let tokens = || {
        let words = words.into_iter().flat_map(|words| words.about(feature as usize));
        words.map(str::trim).collect::<Vec<_>>().join("  ")
    };
    study.label(feature as usize).map_or_else(tokens, printable)
}
