//! The page on screen as a picture: as text, SVG or PNG a frame of it, as HTML the map or the open group as a plot that
//! can be asked, of other pages the frame.

use super::shapes::group_params;
use super::{App, Chart, Stage};
use crate::analysis::{JobKind, Product};
use crate::container::write::Target;
use crate::error::Result;
use crate::export::html::{Page, write_frame, write_plot};
use crate::export::{Provenance, manifolds};
use crate::task::Task;
use crate::text::{counted, thousands};
use crate::tui::frame::{Picture, frame_png, frame_svg, frame_text};
use crate::tui::layout::Page as Shown;
use crate::tui::plots::{GroupSheet, MapSheet, dictionary, dictionary_line, remarks, signature};
use crate::tui::screen::area_of;
use ratatui::buffer::Buffer;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Said where there is nothing to show.
const NO_MAP: &str = "there is no map to write yet";

/// A picture that is still to be made: what it needs of the screen, and no more.
pub enum Drawing {
    /// A frame in characters.
    Text(Buffer),
    /// A frame in shapes.
    Svg(Buffer, Page),
    /// A frame in pixels.
    Png(Buffer, Page),
    /// A frame in a page.
    Still(Buffer, Page),
    /// The map in a page.
    Map(Box<MapSheet>),
    /// A group in a page.
    Group(Box<GroupSheet>),
}

impl Drawing {
    /// Makes it, and writes it into `target`, which then appears whole or not at all.
    ///
    /// # Errors
    /// If the disk refuses or the task is cancelled.
    pub fn write(&self, target: &Target, task: &Task) -> Result<()> {
        task.stage("writing", 0);
        let staged = match self {
            Self::Text(frame) => target.stage(|out| out.write_all(frame_text(frame).as_bytes()))?,
            Self::Svg(frame, page) => target.stage(|out| out.write_all(frame_svg(frame, &page.title).as_bytes()))?,
            Self::Png(frame, page) => {
                let png = frame_png(frame, &notes(page));
                target.stage_watched(task, |out| out.write_all(&png))?
            }
            Self::Still(frame, page) => {
                let svg = frame_svg(frame, &page.title);
                target.stage_watched(task, |out| write_frame(page, &svg, out))?
            }
            Self::Map(sheet) => {
                let (page, plot) = sheet.page(task)?;
                target.stage_watched(task, |out| write_plot(&page, &plot, out))?
            }
            Self::Group(sheet) => {
                let (page, plot) = sheet.page(task)?;
                target.stage_watched(task, |out| write_plot(&page, &plot, out))?
            }
        };
        staged.place()
    }
}

/// What a PNG says of itself.
fn notes(page: &Page) -> [(&'static str, String); 4] {
    [
        ("Title", page.title.clone()),
        ("Software", concat!("saescope ", env!("CARGO_PKG_VERSION")).into()),
        ("Description", page.lines.join("\n")),
        ("Provenance", page.provenance.to_string()),
    ]
}

impl App {
    /// The page on screen, without prompts and messages, to be made into a picture of this kind.
    ///
    /// # Errors
    /// In words, if there is nothing to show yet.
    pub fn drawing(&self, kind: Picture) -> std::result::Result<Drawing, String> {
        match (kind, self.page) {
            (Picture::Html, Shown::Map) => {
                return self.map_sheet().map(|sheet| Drawing::Map(Box::new(sheet)));
            }
            (Picture::Html, Shown::Manifold) if self.cloud.chart() == Chart::Cloud => {
                return self.group_sheet().map(|sheet| Drawing::Group(Box::new(sheet)));
            }
            _ => {}
        }
        let area = area_of(self.size.0, self.size.1);
        let mut frame = Buffer::empty(area);
        crate::tui::views::draw(self, area, &mut frame);
        Ok(match kind {
            Picture::Text => Drawing::Text(frame),
            Picture::Svg => Drawing::Svg(frame, self.around()),
            Picture::Png => Drawing::Png(frame, self.around()),
            Picture::Html => Drawing::Still(frame, self.around()),
        })
    }

    /// In a few words what a picture of this kind would show; or why there is none yet.
    pub(super) fn announced(&self, kind: Picture) -> std::result::Result<String, String> {
        Ok(match (kind, self.page) {
            (Picture::Html, Shown::Map) if self.map.stage == Stage::Empty => return Err(NO_MAP.into()),
            (Picture::Html, Shown::Map) => {
                let (shown, all) = (self.shown_count(), counted(self.shown.len(), "feature", "features"));
                let part =
                    if shown < self.shown.len() { format!("{} of ", thousands(shown as u64)) } else { String::new() };
                let of = self.unfinished().map_or(String::new(), |map| format!(" ({map})"));
                format!("an interactive map{of} for a browser, {part}{all}")
            }
            (Picture::Html, Shown::Manifold) if self.cloud.chart() == Chart::Cloud => {
                let open = self.cloud.portrait().ok_or_else(|| self.awaited_manifold())?;
                format!(
                    "an interactive plot of this group for a browser, {}",
                    counted(open.kept.len(), "token", "tokens")
                )
            }
            (Picture::Html, _) => "a picture of this page for a browser".into(),
            (Picture::Text, _) => "this page as text".into(),
            (Picture::Svg | Picture::Png, _) => "a picture of this page".into(),
        })
    }

    /// Writes the page to a file, as a job.
    pub(super) fn write_picture(&mut self, path: &Path, kind: Picture, replace: bool) {
        self.message = None;
        let (what, drawing) = match self.announced(kind).and_then(|what| Ok((what, self.drawing(kind)?))) {
            Ok(both) => both,
            Err(why) => return self.complain(why),
        };
        let target = match Target::new(path, replace) {
            Ok(target) => target,
            Err(error) => return self.complain(error.to_string()),
        };
        if let Err(error) = target.spares(self.study.files()) {
            return self.complain(error.to_string());
        }
        self.jobs.start(JobKind::Export, move |context| {
            drawing.write(&target, &context.task)?;
            context.publish(Product::File(target.path().to_path_buf(), what));
            Ok(())
        });
    }

    /// What stands around a frame.
    fn around(&self) -> Page {
        let provenance = self.view_provenance();
        Page {
            title: format!("saescope: {} of {}", self.page.name(), self.study.name),
            lines: vec![dictionary_line(&self.study), remarks(&self.study), signature(&provenance)],
            notice: String::new(),
            sections: vec![dictionary(&self.study)],
            provenance: provenance.json(),
        }
    }

    /// Where the page on screen comes from.
    fn view_provenance(&self) -> Provenance {
        let mut parameters = if self.page.is_of_groups() { serde_json::Map::new() } else { self.map_parameters() };
        parameters.insert("view".into(), self.page.name().into());
        parameters.insert("size".into(), format!("{}x{}", self.size.0, self.size.1).into());
        parameters.insert("where".into(), self.filters.expression(&self.marks).into());
        parameters.insert("seed".into(), self.made.umap.seed.into());
        if let Some(open) = self.cloud.portrait().filter(|_| self.page == Shown::Manifold) {
            parameters.insert("features".into(), open.row.found.features.clone().into());
        }
        self.provenance(parameters)
    }

    fn map_sheet(&self) -> std::result::Result<MapSheet, String> {
        let layout = self.layout.clone().filter(|_| self.map.stage != Stage::Empty);
        let layout = layout.ok_or(NO_MAP)?;
        let mut parameters = self.map_parameters();
        parameters.insert("view".into(), Shown::Map.name().into());
        parameters.insert("where".into(), self.filters.expression(&self.marks).into());
        Ok(MapSheet {
            study: Arc::clone(&self.study),
            layout,
            unfinished: self.unfinished(),
            made: self.made,
            clusters: self.clusters.clone(),
            old_clusters: self.old_clusters,
            rows: self.cluster_rows.clone(),
            words: self.words.clone(),
            trust: self.trust.clone(),
            knn: self.knn.clone(),
            colour: self.map.colour_by(),
            shown: self.shown.clone(),
            filter: self.filters.expression(&self.marks),
            marks: self.marks.iter().copied().collect(),
            selected: self.selected,
            query: self.search.as_ref().map_or(String::new(), |search| search.query.clone()),
            provenance: self.provenance(parameters),
        })
    }

    fn group_sheet(&self) -> std::result::Result<GroupSheet, String> {
        let open = self.cloud.portrait().cloned().ok_or_else(|| self.awaited_manifold())?;
        let mut parameters = manifolds::coordinates_parameters(&open, &group_params(self.params.umap.seed));
        // These stand beside the plot.
        for shown in ["metrics", "capture", "stability_grid"] {
            parameters.remove(shown);
        }
        parameters.insert("seed".into(), self.params.umap.seed.into());
        let cloud = self.cloud.cloud();
        let turned = (self.cloud.is_turned()).then(|| (self.cloud.plane_name(), cloud.x.to_vec(), cloud.y.to_vec()));
        let (planes, plane) = self.cloud.planes();
        Ok(GroupSheet {
            study: Arc::clone(&self.study),
            open,
            words: self.words.clone(),
            planes: (planes.to_vec(), plane),
            turned,
            tint: self.cloud.tint(),
            provenance: self.provenance(parameters),
        })
    }
}
