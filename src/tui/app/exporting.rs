//! Writing what is on screen to files: the table in every format there is, the picture as SVG or text.

use super::prompt::{Note, PromptKind};
use super::{App, Chip, Pane};
use crate::analysis::columns::DEFAULT_COLUMNS;
use crate::analysis::{FeatureTable, JobKind, Product};
use crate::container::write::Target;
use crate::error::Result;
use crate::export::frame::{frame_svg, frame_text};
use crate::export::{Document, Provenance, Sink, WRITERS, table};
use crate::tui::screen::area_of;
use ratatui::buffer::Buffer;
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Suffixes of pictures of the screen; the others are tables of features.
const PICTURES: [&str; 2] = ["svg", "txt"];

/// Suffixes that a file may have.
fn suffixes() -> Vec<&'static str> {
    WRITERS.iter().map(|writer| writer.suffix).chain(PICTURES).collect()
}

/// The suffix of a file, in lower case.
fn suffix_of(path: &Path) -> String {
    path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default().to_lowercase()
}

impl App {
    /// `smollm2-features.csv`, or a number after it if that exists.
    pub(super) fn proposed_file(&self, kind: PromptKind) -> String {
        let last = self.study.name.trim_end_matches('/').rsplit(['/', '@']).next().unwrap_or("");
        let stem: String = Path::new(last)
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default()
            .chars()
            .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
            .take(60)
            .collect();
        let what = if kind == PromptKind::ExportAll { "all" } else { "shown" };
        let stem = if stem.is_empty() { "saescope".into() } else { stem };
        let name = |n: u32| if n == 1 { format!("{stem}-{what}.csv") } else { format!("{stem}-{what}-{n}.csv") };
        (1..100).map(name).find(|name| !Path::new(name).exists()).unwrap_or_else(|| name(1))
    }

    pub(super) fn try_file(&self, text: &str, kind: PromptKind) -> Note {
        if text.trim().is_empty() {
            return Note::None;
        }
        let path = Path::new(text.trim());
        let (suffix, known) = (suffix_of(path), suffixes());
        if !known.contains(&suffix.as_str()) {
            return Note::Bad(format!("the name must end in one of .{}", known.join(" .")));
        }
        let what = if PICTURES.contains(&suffix.as_str()) {
            "this page as a picture".to_string()
        } else {
            format!("{} features", self.chosen_features(kind == PromptKind::ExportAll).len())
        };
        let exists = if path.exists() { "; the file exists" } else { "" };
        Note::Good(format!("{what}{exists}"))
    }

    /// What an export takes: all features, else the marked ones on their page, else those that are shown.
    pub(super) fn chosen_features(&self, all: bool) -> Vec<usize> {
        if all {
            (0..self.study.features()).collect()
        } else if self.focus == Pane::Marks {
            self.marks.iter().map(|feature| *feature as usize).collect()
        } else {
            (0..self.shown.len()).filter(|feature| self.shown[*feature]).collect()
        }
    }

    /// Writes features to a file, as a job.
    pub(super) fn export(&mut self, path: &Path, all: bool, replace: bool) {
        if PICTURES.contains(&suffix_of(path).as_str()) {
            return match self.write_picture(path, replace) {
                Ok(()) => self.take(Product::File(path.to_path_buf(), "a picture of this page".into())),
                Err(error) => self.complain(error.to_string()),
            };
        }
        let features = self.chosen_features(all);
        if features.is_empty() {
            return self.complain("there is nothing to write: no feature is shown");
        }
        // Checked here, so that a name that cannot be written is told at once.
        let sink = match Sink::new(path, replace) {
            Ok(sink) => sink,
            Err(error) => return self.complain(error.to_string()),
        };
        let filter = if all {
            None
        } else if self.focus == Pane::Marks {
            Some(Chip::Marked.expression(&self.marks))
        } else {
            self.filters.expression(&self.marks)
        };
        let (umap, hdbscan) = (&self.params.umap, &self.params.hdbscan);
        let parameters = json!({
            "verb": "export", "where": filter, "neighbors": umap.neighbors, "min_dist": umap.min_dist,
            "min_cluster_size": hdbscan.min_cluster_size, "seed": umap.seed,
        });
        let mut parameters = parameters.as_object().cloned().unwrap_or_default();
        parameters.extend(self.study.evidence_sources());
        let provenance =
            Provenance { input: self.study.name.clone(), fingerprint: self.study.fingerprint.clone(), parameters };
        let (study, layout, clusters) = (Arc::clone(&self.study), self.layout.clone(), self.clusters.clone());
        self.jobs.start(JobKind::Export, move |context| {
            context.task.stage("writing", 0);
            let table = FeatureTable { study: &study, coordinates: layout.as_deref(), clusters: clusters.as_deref() };
            sink.write(&Document {
                rows: "features",
                arrays: table::arrays(&table, DEFAULT_COLUMNS, &features),
                extras: Vec::new(),
                provenance,
                bare: false,
            })?;
            context.publish(Product::File(sink.path().to_path_buf(), format!("{} features", features.len())));
            Ok(())
        });
    }

    /// The page as it is on screen, without prompts and messages.
    fn write_picture(&mut self, path: &Path, replace: bool) -> Result<()> {
        let target = Target::new(path, replace)?;
        self.message = None;
        let area = area_of(self.size.0, self.size.1);
        let mut buffer = Buffer::empty(area);
        crate::tui::views::draw(self, area, &mut buffer);
        let text = if suffix_of(path) == "svg" {
            frame_svg(&buffer, &format!("saescope: {} of {}", self.page.name(), self.study.name))
        } else {
            frame_text(&buffer)
        };
        target.write(|out| out.write_all(text.as_bytes()))
    }
}
