//! The map as a plot.

use super::{dictionary, dictionary_line, joined, palettes, remarks, signature};
use crate::analysis::map::{grouping_parameters, layout_parameters};
use crate::analysis::{Column, FeatureTable, MapParams, Study, Words};
use crate::error::Result;
use crate::export::html::{Page, Section};
use crate::export::plot::{Axis, Class, Classing, Faint, Measure, Near, Numbers, Plane, Plot, Texts, Written};
use crate::export::plot::{Ramp as Colours, Words as Said};
use crate::export::{Provenance, plot};
use crate::geometry::cluster::Clusters;
use crate::geometry::neighbors::Knn;
use crate::geometry::trust::Trust;
use crate::rows::Points;
use crate::task::Task;
use crate::text::{counted, printable, thousands};
use crate::tui::app::{ClusterRow, ColourBy, Ramp};
use crate::tui::theme::{class_of, cluster_name};
use crate::tui::widgets::text;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Most features of which a page also has the true neighbours; they would make more of it than all the rest.
const MOST_NEAR: usize = 1 << 14;
/// How many of them.
const NEAR: usize = 5;

/// What a plot of the map is made from: the map as it stands on screen.
#[derive(Clone)]
pub struct MapSheet {
    /// What is open.
    pub study: Arc<Study>,
    /// Where every feature lies.
    pub layout: Arc<Points>,
    /// What the layout is, where it is not a finished map.
    pub unfinished: Option<String>,
    /// How layout and clusters were made.
    pub made: MapParams,
    /// The clusters.
    pub clusters: Option<Arc<Clusters>>,
    /// Whether they are those of the map before.
    pub old_clusters: bool,
    /// Their words.
    pub rows: Vec<ClusterRow>,
    /// What features are about.
    pub words: Option<Arc<Words>>,
    /// Quality of the map.
    pub trust: Option<Arc<Trust>>,
    /// True neighbours.
    pub knn: Option<Arc<Knn>>,
    /// What colours stand for.
    pub colour: ColourBy,
    /// Which features pass the filter.
    pub shown: Vec<bool>,
    /// The filter in the `--where` language.
    pub filter: Option<String>,
    /// Marked features.
    pub marks: Vec<u32>,
    /// The selected feature.
    pub selected: Option<u32>,
    /// What was searched.
    pub query: String,
    /// Where it all comes from.
    pub provenance: Provenance,
}

impl MapSheet {
    /// The plot and what stands around it.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn page(&self, task: &Task) -> Result<(Page, Plot)> {
        task.check()?;
        let table = FeatureTable {
            coordinates: Some(&self.layout),
            clusters: self.clusters.as_deref().map(|clusters| &clusters.labels[..]),
            words: self.words.as_deref(),
            ..FeatureTable::of(&self.study)
        };
        let features = table.len();
        let mut measures: Vec<Measure> = Vec::new();
        for colour in ColourBy::ALL {
            let ColourBy::Column(column) = colour else { continue };
            task.check()?;
            measures.extend(measure(&table, column));
        }
        let classings: Vec<Classing> = self.clusters.iter().map(|clusters| self.classing(clusters)).collect();
        let chosen = match self.colour {
            ColourBy::Cluster => None,
            ColourBy::Column(column) => {
                let mut coloured = measures.iter().filter(|measure| measure.ramp.is_some());
                coloured.position(|measure| measure.name == column.name())
            }
        };
        let axes: Vec<Vec<f32>> = [0, 1].map(|axis| (0..features).map(|i| self.at(i, axis)).collect()).into();
        let written = self.clusters.as_ref().map_or(Vec::new(), |clusters| self.letters(clusters, &axes));
        let all_shown = self.shown.iter().all(|shown| *shown);
        task.check()?;
        let plot = Plot {
            many: "features".into(),
            hash: "#".into(),
            ids: Numbers::U32((0..features as u32).collect()),
            axes: ["x", "y"].into_iter().zip(axes).map(|(name, values)| axis(name, values)).collect(),
            planes: vec![Plane { name: "map".into(), x: 0, y: 1 }],
            plane: 0,
            colour: chosen.map_or(0, |at| classings.len() + at),
            lettered: (!classings.is_empty()).then_some(0),
            classings,
            measures,
            texts: self.texts(&table),
            passages: None,
            firing: None,
            near: self.near(),
            faint: (!all_shown).then(|| Faint {
                of: Numbers::U8(self.shown.iter().map(|shown| u8::from(!shown)).collect()),
                why: "left out by the filter".into(),
                asked: false,
            }),
            marked: self.marks.clone(),
            selected: self.selected,
            query: self.query.clone(),
            written,
            palettes: palettes(),
        };
        Ok((self.around(), plot))
    }

    fn at(&self, feature: usize, axis: usize) -> f32 {
        self.layout.row(feature).get(axis).copied().unwrap_or(0.0)
    }

    fn classing(&self, clusters: &Clusters) -> Classing {
        let class = |cluster: usize| {
            let row = self.rows.iter().find(|row| row.cluster == cluster as i32);
            let words: Vec<&str> = row.iter().flat_map(|row| &row.words).map(|word| word.trim()).collect();
            Class { mark: cluster_name(class_of(cluster as i32)), name: printable(&words.join(", ")) }
        };
        Classing {
            name: "cluster".into(),
            of: Numbers::U16(clusters.labels.iter().map(|label| class_of(*label)).collect()),
            // The last class stands for all beyond it.
            classes: (0..clusters.count.min(usize::from(plot::NO_CLASS))).map(class).collect(),
            none: "in no cluster".into(),
        }
    }

    /// The letter of each cluster in the middle of those of its features that are shown.
    fn letters(&self, clusters: &Clusters, axes: &[Vec<f32>]) -> Vec<Written> {
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); clusters.count];
        for (feature, &label) in clusters.labels.iter().enumerate().filter(|(feature, _)| self.shown[*feature]) {
            if let Some(own) = usize::try_from(label).ok().and_then(|label| members.get_mut(label)) {
                own.push(feature);
            }
        }
        let letter = |(cluster, own): (usize, &Vec<usize>)| {
            let class = class_of(cluster as i32);
            let at = axes.iter().map(|axis| median(own.iter().map(|&feature| axis[feature]))).collect();
            Written { text: cluster_name(class), class, at }
        };
        members.iter().enumerate().filter(|(_, own)| !own.is_empty()).map(letter).collect()
    }

    fn texts(&self, table: &FeatureTable<'_>) -> Vec<Texts> {
        let mut texts = Vec::new();
        if self.study.labels().is_some() {
            let label = |feature| self.study.label(feature).map_or(Said::None, |label| Said::One(printable(label)));
            texts.push(Texts { name: "label".into(), values: (0..table.len()).map(label).collect() });
        }
        if let Some(words) = &self.words {
            let tokens = |feature| {
                let own: Vec<String> = words.about(feature).map(str::to_string).collect();
                if own.is_empty() { Said::None } else { Said::Many(own) }
            };
            let values: Vec<Said> = (0..table.len()).map(tokens).collect();
            if values.iter().any(|own| *own != Said::None) {
                texts.push(Texts { name: "top tokens".into(), values });
            }
        }
        texts
    }

    /// Whether the page has true neighbours.
    fn has_near(&self) -> bool {
        self.knn.as_ref().is_some_and(|knn| knn.len() <= MOST_NEAR && !knn.is_empty())
    }

    fn near(&self) -> Option<Near> {
        let knn = self.knn.as_ref().filter(|_| self.has_near())?;
        let k = NEAR.min(knn.k);
        let rows = || (0..knn.len()).map(|feature| knn.row(feature));
        let of = rows().flat_map(|(features, _)| features[..k].iter().map(|&feature| feature as u16)).collect();
        let cosines = rows().flat_map(|(_, cosines)| cosines[..k].iter().copied()).collect();
        Some(Near { k, of: Numbers::U16(of), cosines: Numbers::F32(cosines) })
    }

    /// What is said around the plot.
    fn around(&self) -> Page {
        let told = |parameters: Map<String, Value>| {
            let told = |(name, value): (String, Value)| match value {
                Value::String(word) => format!("{name} {word}"),
                value => format!("{name} {value}"),
            };
            parameters.into_iter().map(told).collect::<Vec<_>>().join(", ")
        };
        let mut rows: Vec<(String, String)> = Vec::new();
        let mut put = |name: &str, value: String| rows.push((name.into(), value));
        let umap = || format!("UMAP of the decoder's cosines: {}", told(layout_parameters(&self.made.umap)));
        put("layout", self.unfinished.clone().unwrap_or_else(umap));
        match &self.trust {
            Some(trust) => {
                let [trusted, continuity, kept] =
                    [trust.trustworthiness, trust.continuity, trust.knn_preservation].map(text::unit);
                let k = trust.k;
                put(
                    "trust",
                    format!("trustworthiness {trusted}, continuity {continuity}, neighbours kept {kept}, at k {k}"),
                );
            }
            None => put("trust", "not measured".into()),
        }
        if let Some(clusters) = &self.clusters {
            let share = clusters.noise() as f64 / clusters.labels.len().max(1) as f64;
            let how = if self.old_clusters {
                "of the map before".into()
            } else {
                format!("HDBSCAN on the map: {}", told(grouping_parameters(&self.made.hdbscan)))
            };
            let none = text::percent(share);
            put("clusters", format!("{}; {none} of the features in none; {how}", thousands(clusters.count as u64)));
        }
        let (shown, all) = (self.shown.iter().filter(|shown| **shown).count(), self.shown.len());
        let features = counted(all, "feature", "features");
        if let Some(filter) = &self.filter {
            put("filter", format!("{filter}: {} of {features}, the others are faint", thousands(shown as u64)));
        }
        if !self.marks.is_empty() {
            put("marked", counted(self.marks.len(), "feature", "features"));
        }
        if all > MOST_NEAR {
            let most = thousands(MOST_NEAR as u64);
            put("neighbours", format!("not in a page of more than {most} features; `saescope neighbors` lists them"));
        }
        let line = joined(&[
            self.unfinished.clone().unwrap_or_else(|| {
                format!("UMAP, {} neighbours, least distance {}", self.made.umap.neighbors, self.made.umap.min_dist)
            }),
            self.trust
                .as_ref()
                .map_or(String::new(), |trust| format!("trust {} at k {}", text::unit(trust.trustworthiness), trust.k)),
            self.clusters.as_ref().map_or(String::new(), |clusters| counted(clusters.count, "cluster", "clusters")),
        ]);
        let map = Section { heading: "Map".into(), rows, ..Section::default() };
        Page {
            title: format!("Map of {}", self.study.name),
            lines: vec![dictionary_line(&self.study), line, remarks(&self.study), signature(&self.provenance)],
            notice: if self.has_near() {
                "Distances on the map are not geometry; the neighbours on a card are by cosine.".into()
            } else {
                "Distances on the map are not geometry.".into()
            },
            sections: vec![map, dictionary(&self.study)],
            provenance: self.provenance.json(),
        }
    }
}

fn axis(name: &str, values: Vec<f32>) -> Axis {
    Axis { name: name.into(), values: Numbers::F32(values) }
}

/// A column as numbers of the width that files have, coloured as on screen; none if it is not known for any feature.
fn measure(table: &FeatureTable<'_>, column: Column) -> Option<Measure> {
    let values = table.numbers(column);
    let ramp = Ramp::of(column.name(), &values);
    if values.iter().all(Option::is_none) {
        return None;
    }
    let wide = |value: &Option<f64>| value.unwrap_or(f64::NAN);
    let values = match column {
        Column::Norm | Column::MaxActivation => Numbers::F32(values.iter().map(|value| wide(value) as f32).collect()),
        _ => Numbers::F64(values.iter().map(wide).collect()),
    };
    let ramp = ramp.map(|Ramp { low, high, log, .. }| Colours { low, high, log, round: false });
    Some(Measure { name: column.name().into(), values, share: column == Column::Density, ramp })
}

fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut all: Vec<f32> = values.collect();
    all.sort_unstable_by(f32::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(0.0)
}
