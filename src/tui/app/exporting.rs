//! Writing what is on screen to files: the table in every format there is; pictures are of `picturing`.

use super::prompt::{Note, PromptKind};
use super::shapes::group_params;
use super::{App, Pane, Stage};
use crate::analysis::columns::DEFAULT_COLUMNS;
use crate::analysis::map::{grouping_parameters, layout_parameters};
use crate::analysis::{Column, FeatureTable, JobKind, Manifold, Neighbor, Product};
use crate::export::{Array, Data, Document, Provenance, Sink, WRITERS, manifolds, table};
use crate::geometry::cluster::Clusters;
use crate::text::counted;
use crate::tui::frame::Picture;
use crate::tui::layout::Page;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Suffixes that a file may have: those of tables, and those of pictures.
fn suffixes() -> Vec<&'static str> {
    let pictures = Picture::ALL.map(Picture::suffix);
    WRITERS.iter().filter(|writer| !writer.single).map(|writer| writer.suffix).chain(pictures).collect()
}

/// The suffix of a file, in lower case.
fn suffix_of(path: &Path) -> String {
    path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default().to_lowercase()
}

/// The file that a line means: `~/` stands for the home folder.
pub(super) fn path_of(text: &str) -> PathBuf {
    let text = text.trim();
    let home = || std::env::var_os("HOME").map(PathBuf::from);
    match text.strip_prefix("~/").and_then(|rest| Some(home()?.join(rest))) {
        Some(path) => path,
        None => PathBuf::from(text),
    }
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
        let group = self.cloud.wanted().and_then(|found| found.cluster);
        let what = match (kind, self.page) {
            (PromptKind::ExportAll, _) => "all".to_string(),
            (_, Page::Manifolds) => "manifolds".to_string(),
            (_, Page::Manifold) => group.map_or("manifold".to_string(), |group| format!("manifold-{group}")),
            _ => "shown".to_string(),
        };
        let stem = if stem.is_empty() { "saescope".into() } else { stem };
        let name = |n: u32| if n == 1 { format!("{stem}-{what}.csv") } else { format!("{stem}-{what}-{n}.csv") };
        (1..100).map(name).find(|name| !Path::new(name).exists()).unwrap_or_else(|| name(1))
    }

    pub(super) fn try_file(&self, text: &str, kind: PromptKind) -> Note {
        if text.trim().is_empty() {
            return Note::None;
        }
        let path = path_of(text);
        let (suffix, known) = (suffix_of(&path), suffixes());
        if !known.contains(&suffix.as_str()) {
            return Note::Bad(format!("the name must end in one of .{}", known.join(" .")));
        }
        let what = if let Some(kind) = Picture::of(&path) {
            match self.announced(kind) {
                Ok(what) => what,
                Err(why) => return Note::Bad(why),
            }
        } else {
            let features = self.chosen_features(kind == PromptKind::ExportAll).len();
            let what = counted(features, "feature", "features");
            match (self.page, self.unfinished()) {
                (Page::Manifolds, _) if kind == PromptKind::Export => {
                    counted(self.shapes.listed().len(), "group", "groups")
                }
                (Page::Manifold, _) if kind == PromptKind::Export => {
                    let tokens = self.cloud.portrait().map_or(0, |open| open.kept.len());
                    format!("coordinates of {}", counted(tokens, "token", "tokens"))
                }
                (_, Some(map)) => format!("{what}, of {map}"),
                (_, None) => what,
            }
        };
        let exists = if path.exists() { "; the file exists" } else { "" };
        Note::Good(format!("{what}{exists}"))
    }

    /// What the coordinates are, where they are not those of the finished map.
    pub(super) fn unfinished(&self) -> Option<String> {
        match self.map.stage {
            Stage::Finished => None,
            Stage::Empty => Some("no map yet".into()),
            Stage::Components => Some("the principal components".into()),
            Stage::Forming { epoch, epochs } => Some(format!("a map at pass {epoch} of {epochs}")),
        }
    }

    /// The clusters, if they are those of the layout on screen.
    fn own_clusters(&self) -> Option<&Arc<Clusters>> {
        self.clusters.as_ref().filter(|_| !self.old_clusters)
    }

    /// How the coordinates and the clusters on screen were made.
    pub(super) fn map_parameters(&self) -> Map<String, Value> {
        let mut all = match self.map.stage {
            Stage::Empty | Stage::Components => Map::new(),
            Stage::Forming { .. } | Stage::Finished => layout_parameters(&self.made.umap),
        };
        if let Some(map) = self.unfinished() {
            all.insert("coordinates".into(), map.into());
        }
        if self.own_clusters().is_some() {
            all.extend(grouping_parameters(&self.made.hdbscan));
        }
        all
    }

    /// What an export takes: all features, else the rows of the table or the neighbours on their page, else those that
    /// are shown.
    pub(super) fn chosen_features(&self, all: bool) -> Vec<usize> {
        if all {
            (0..self.study.features()).collect()
        } else if self.page == Page::Selections {
            let features = self.selection_features(self.list(Pane::Selections).cursor);
            features.into_iter().map(|feature| feature as usize).collect()
        } else if self.page == Page::Table {
            self.listed.iter().map(|feature| *feature as usize).collect()
        } else if let Some(neighbours) = self.listed_neighbours() {
            neighbours.iter().map(|neighbour| neighbour.feature as usize).collect()
        } else {
            (0..self.shown.len()).filter(|feature| self.shown[*feature]).collect()
        }
    }

    /// The neighbours on their page.
    fn listed_neighbours(&self) -> Option<&[Neighbor]> {
        self.neighbours().filter(|_| self.page == Page::Neighbours)
    }

    /// Writes features to a file, as a job.
    pub(super) fn export(&mut self, path: &Path, all: bool, replace: bool) {
        if let Some(kind) = Picture::of(path) {
            return self.write_picture(path, kind, replace);
        }
        if self.page.is_of_groups() && !all {
            return self.export_groups(path, replace);
        }
        let features = self.chosen_features(all);
        if features.is_empty() {
            return self.complain("there is nothing to write: no feature is shown");
        }
        // Checked here, so that a name that cannot be written is told at once.
        let sink = match Sink::new(path, replace, table::count(DEFAULT_COLUMNS) + 1) {
            Ok(sink) => sink,
            Err(error) => return self.complain(error.to_string()),
        };
        if let Err(error) = sink.spares(self.study.files()) {
            return self.complain(error.to_string());
        }
        let mut parameters = self.map_parameters();
        let neighbours = self.listed_neighbours().filter(|_| !all);
        let cosines = neighbours.map(|all| all.iter().map(|neighbour| neighbour.cosine).collect::<Vec<f32>>());
        let filter = if all {
            None
        } else if cosines.is_some() {
            parameters.insert("neighbours_of".into(), self.selected.into());
            parameters.insert("by".into(), self.neighbours_by().into());
            None
        } else if self.page == Page::Selections {
            Some(self.selection_expression())
        } else {
            self.filters.expression(&self.marks)
        };
        parameters.insert("verb".into(), "export".into());
        parameters.insert("where".into(), filter.into());
        let provenance = self.provenance(parameters);
        let (study, layout, clusters) = (Arc::clone(&self.study), self.layout.clone(), self.own_clusters().cloned());
        // What is not known is not written: no cluster is something else than no clusters yet.
        let known = |column: &Column| *column != Column::Cluster || clusters.is_some();
        let columns: Vec<Column> = DEFAULT_COLUMNS.iter().copied().filter(known).collect();
        self.jobs.start(JobKind::Export, move |context| {
            context.task.stage("writing", 0);
            let table = FeatureTable {
                coordinates: layout.as_deref(),
                clusters: clusters.as_deref().map(|clusters| &clusters.labels[..]),
                ..FeatureTable::of(&study)
            };
            let mut arrays = table::arrays(&table, &columns, &features);
            arrays.extend(cosines.map(|cosines| Array::column("cosine", Data::F32(cosines))));
            let document = Document { rows: "features", arrays, extras: Vec::new(), provenance, bare: false };
            sink.write(&document, &context.task)?;
            context.publish(Product::File(sink.path().to_path_buf(), counted(features.len(), "feature", "features")));
            Ok(())
        });
    }

    /// Where what is written comes from.
    pub(super) fn provenance(&self, mut parameters: Map<String, Value>) -> Provenance {
        parameters.extend(self.study.sources());
        Provenance { input: self.study.name.clone(), fingerprint: self.study.fingerprint.clone(), parameters }
    }

    /// Writes the groups that are listed, or the coordinates of the one that is open, as the verbs `manifolds` and
    /// `manifold` do.
    fn export_groups(&mut self, path: &Path, replace: bool) {
        let open = self.cloud.portrait().filter(|_| self.page == Page::Manifold).cloned();
        let rows: Vec<Manifold> = match &open {
            Some(_) => Vec::new(),
            None => (0..self.shapes.listed().len()).filter_map(|at| self.shapes.at(at).cloned()).collect(),
        };
        if open.is_none() && (rows.is_empty() || self.page == Page::Manifold) {
            return self.complain("there is nothing to write yet");
        }
        let sink = match Sink::new(path, replace, 2) {
            Ok(sink) => sink,
            Err(error) => return self.complain(error.to_string()),
        };
        if let Err(error) = sink.spares(self.study.files()) {
            return self.complain(error.to_string());
        }
        let params = group_params(self.params.umap.seed);
        let mut parameters = match &open {
            Some(open) => manifolds::coordinates_parameters(open, &params),
            None => manifolds::table_parameters(&params),
        };
        parameters.insert("seed".into(), self.params.umap.seed.into());
        let provenance = self.provenance(parameters);
        let study = Arc::clone(&self.study);
        self.jobs.start(JobKind::Export, move |context| {
            context.task.stage("writing", 0);
            let (rows_are, (arrays, extras), what) = match &open {
                Some(open) => {
                    let words = counted(open.kept.len(), "token", "tokens");
                    ("tokens", manifolds::coordinates(&study, open), words)
                }
                None => {
                    let arrays = manifolds::table(rows.iter(), sink.nests());
                    ("manifolds", (arrays, Vec::new()), counted(rows.len(), "group", "groups"))
                }
            };
            let document = Document { rows: rows_are, arrays, extras, provenance, bare: false };
            sink.write(&document, &context.task)?;
            context.publish(Product::File(sink.path().to_path_buf(), what));
            Ok(())
        });
    }
}
