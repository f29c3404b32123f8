//! One group as a plot: its tokens in the planes of its cloud, and why it is what it is.

use super::{about, dictionary, dictionary_line, joined, palettes, remarks, signature};
use crate::analysis::portrait::Along;
use crate::analysis::{Portrait, Study, Words};
use crate::error::Result;
use crate::export::html::{Page, Section};
use crate::export::plot::{Axis, Class, Classing, Faint, Firing, Measure, Numbers, Plane, Plot, Ramp, Written};
use crate::export::{Provenance, manifolds, objects, plot};
use crate::sae::Tokens;
use crate::task::Task;
use crate::text::{counted, printable, thousands};
use crate::tui::app::{Plane as Looked, Tint};
use crate::tui::theme::{ColorTier, Ground, Theme};
use crate::tui::views::manifolds::{name, reasons, verdict};
use crate::tui::widgets::{Glyphs, Look, text};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Pieces of text to each side of a token.
const RADIUS: usize = 16;
/// Columns of the mark of a type.
const MARK: usize = 3;

/// What a plot of a group is made from: the group as it is looked at on screen.
#[derive(Clone)]
pub struct GroupSheet {
    /// What is open.
    pub study: Arc<Study>,
    /// The group.
    pub open: Arc<Portrait>,
    /// What features are about.
    pub words: Option<Arc<Words>>,
    /// The planes in their order, and which of them is looked at.
    pub planes: (Vec<Looked>, usize),
    /// The points as they are drawn, if the cloud is turned, and how it is.
    pub turned: Option<(String, Vec<f32>, Vec<f32>)>,
    /// What colours stand for.
    pub tint: Tint,
    /// Where it all comes from.
    pub provenance: Provenance,
}

impl GroupSheet {
    /// The plot and what stands around it.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn page(&self, task: &Task) -> Result<(Page, Plot)> {
        task.check()?;
        let open = &self.open;
        let points = || 0..open.kept.len() as u32;
        let Looks { axes, planes, plane } = self.planes();
        let mut classings = Vec::new();
        if !open.types.is_empty() {
            classings.push(self.types());
        }
        classings.extend(self.labels());
        let measures = self.measures();
        let colour = match self.tint {
            Tint::Types => 0,
            Tint::Place => classings.len(),
            Tint::Strength => classings.len() + measures.len() - 1,
            Tint::Feature(row) => classings.len() + measures.len() + row,
        };
        let weak = open.strong.iter().any(|strong| !strong);
        let passages = self.study.tokens().map(|tokens| points().map(|point| self.passage(tokens, point)).collect());
        task.check()?;
        let plot = Plot {
            many: "tokens".into(),
            hash: "row ".into(),
            ids: Numbers::U32(points().map(|point| open.token(point)).collect()),
            written: self.written(&axes),
            axes: axes.into_iter().map(|(name, all)| Axis { name, values: Numbers::F32(all) }).collect(),
            planes,
            plane,
            lettered: (!open.types.is_empty()).then_some(0),
            classings,
            measures,
            colour,
            texts: Vec::new(),
            passages,
            firing: Some(self.firing()),
            near: None,
            faint: weak.then(|| Faint {
                of: Numbers::U8(open.strong.iter().map(|strong| u8::from(!strong)).collect()),
                why: "weak, where these lie says little".into(),
                asked: true,
            }),
            marked: Vec::new(),
            selected: None,
            query: String::new(),
            palettes: palettes(),
        };
        Ok((self.around(), plot))
    }

    /// The planes in their order, and the axes that they are made of.
    fn planes(&self) -> Looks {
        let coordinates = &self.open.spectrum.coordinates;
        let dims = coordinates.dims();
        let component = |at: usize| coordinates.data().iter().skip(at).step_by(dims).map(|&x| x as f32).collect();
        let mut axes: Vec<(String, Vec<f32>)> = Vec::new();
        let mut axis = |name: String, values: &mut dyn FnMut() -> Vec<f32>| {
            axes.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                axes.push((name, values()));
                axes.len() - 1
            })
        };
        let mut planes = Vec::new();
        if let Some((name, across, up)) = &self.turned {
            let x = axis(format!("{name}, across"), &mut || across.clone());
            let y = axis(format!("{name}, up"), &mut || up.clone());
            planes.push(Plane { name: name.clone(), x, y });
        }
        for plane in &self.planes.0 {
            let (x, y) = match (*plane, &self.open.ring) {
                (Looked::Types, Some((_, places))) => {
                    let along = |at: usize| places.iter().map(|place| place[at] as f32).collect();
                    (axis("types, across".into(), &mut || along(0)), axis("types, up".into(), &mut || along(1)))
                }
                (Looked::Types, None) => continue,
                (Looked::Components(a, b), _) => {
                    let x = axis(format!("PC{}", a + 1), &mut || component(a));
                    // A cloud of one component lies on a line.
                    let y = if a == b {
                        axis("none".into(), &mut || vec![0.0; coordinates.len()])
                    } else {
                        axis(format!("PC{}", b + 1), &mut || component(b))
                    };
                    (x, y)
                }
            };
            planes.push(Plane { name: plane.name(), x, y });
        }
        let plane = if self.turned.is_some() { 0 } else { self.planes.1.min(planes.len().saturating_sub(1)) };
        Looks { axes, planes, plane }
    }

    fn types(&self) -> Classing {
        let open = &self.open;
        let class = |own: Option<u32>| own.and_then(|own| u16::try_from(own).ok()).unwrap_or(plot::NO_CLASS);
        let name = if self.study.token_labels().is_some() { "token label" } else { "token type" };
        Classing {
            name: name.into(),
            of: Numbers::U16(open.type_of.iter().map(|own| class(*own)).collect()),
            classes: open.types.iter().take(usize::from(plot::NO_CLASS)).map(|own| named(&own.text)).collect(),
            none: format!("of another {name}"),
        }
    }

    /// The labels that the file of texts has beside its tokens.
    fn labels(&self) -> Option<Classing> {
        let tokens = self.study.tokens().filter(|tokens| tokens.has_labels())?;
        let own = |point: u32| tokens.label(self.open.token(point) as usize);
        let points = || 0..self.open.kept.len() as u32;
        let mut known: BTreeMap<&str, u32> = BTreeMap::new();
        for label in points().filter_map(own) {
            *known.entry(label).or_default() += 1;
        }
        // The most frequent first.
        let mut order: Vec<(&str, u32)> = known.into_iter().collect();
        order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        order.truncate(usize::from(plot::NO_CLASS));
        let class: BTreeMap<&str, u16> = order.iter().enumerate().map(|(at, (label, _))| (*label, at as u16)).collect();
        let of = points().map(|point| own(point).and_then(|label| class.get(label)).copied().unwrap_or(plot::NO_CLASS));
        Some(Classing {
            name: "text label".into(),
            of: Numbers::U16(of.collect()),
            classes: order.iter().map(|(label, _)| named(label)).collect(),
            none: "no label".into(),
        })
    }

    /// The place along the manifold, if there is one, and the length of the reconstruction.
    fn measures(&self) -> Vec<Measure> {
        let open = &self.open;
        let mut all = Vec::new();
        if open.along != Along::Nothing {
            all.push(Measure {
                name: "s".into(),
                values: Numbers::F64(open.s.iter().map(|s| s.unwrap_or(f64::NAN)).collect()),
                share: false,
                ramp: Some(Ramp { low: 0.0, high: 1.0, log: false, round: open.along.is_round() }),
            });
        }
        let lengths = open.lengths();
        let low = lengths.iter().copied().fold(f32::INFINITY, f32::min).into();
        let high = lengths.iter().copied().fold(f32::NEG_INFINITY, f32::max).into();
        all.push(Measure {
            name: "length".into(),
            values: Numbers::F32(lengths),
            share: false,
            ramp: Some(Ramp { low, high, log: false, round: false }),
        });
        all
    }

    /// The text around a point.
    fn passage(&self, tokens: &Tokens, point: u32) -> [String; 3] {
        let passage = tokens.passage(self.open.token(point) as usize, RADIUS);
        let joined = |range: std::ops::Range<usize>| {
            let pieces = passage.pieces[range].iter().map(|piece| piece.text.as_str());
            printable(&pieces.collect::<String>())
        };
        let at = passage.focus;
        [joined(0..at), joined(at..at + 1), joined(at + 1..passage.pieces.len())]
    }

    /// Which features fire on which point, features in the order in which they lie along the manifold.
    fn firing(&self) -> Firing {
        let open = &self.open;
        let mut row_of = vec![0u32; open.fields.len()];
        for (row, field) in open.fields.iter().enumerate() {
            row_of[field.at] = row as u32;
        }
        let (mut starts, mut which, mut values) = (vec![0u32], Vec::new(), Vec::new());
        for &token in &open.kept {
            for (feature, value) in open.group.entries(token as usize) {
                which.push(row_of[feature as usize]);
                values.push(value);
            }
            starts.push(which.len() as u32);
        }
        Firing {
            features: open.fields.iter().map(|field| field.feature).collect(),
            names: open.fields.iter().map(|field| about(&self.study, field.feature, self.words.as_deref())).collect(),
            starts: Numbers::U32(starts),
            which: Numbers::U32(which),
            values: Numbers::F32(values),
        }
    }

    /// Each type in the middle of its points.
    fn written(&self, axes: &[(String, Vec<f32>)]) -> Vec<Written> {
        let open = &self.open;
        let mut points: Vec<Vec<usize>> = vec![Vec::new(); open.types.len()];
        for (point, own) in open.type_of.iter().enumerate() {
            if let Some(own) = own.and_then(|own| points.get_mut(own as usize)) {
                own.push(point);
            }
        }
        let mean = |own: &[usize], axis: &[f32]| own.iter().map(|&point| axis[point]).sum::<f32>() / own.len() as f32;
        let of = open.types.iter().zip(&points).enumerate().take(usize::from(plot::NO_CLASS));
        of.filter(|(_, (_, own))| !own.is_empty())
            .map(|(class, (known, own))| Written {
                text: printable(&known.text),
                class: class as u16,
                at: axes.iter().map(|(_, axis)| mean(own, axis)).collect(),
            })
            .collect()
    }

    /// What is said around the plot: the verdict with its reasons, every measure, the features.
    fn around(&self) -> Page {
        let row = &self.open.row;
        let look = Look::new(Theme::new(ColorTier::None, Ground::Dark), Glyphs::Braille);
        let measured = objects::flatten(&manifolds::fields(1, row)[1..]);
        let measures = measured.into_iter().filter(|(_, value)| !value.is_null());
        let measures = measures.map(|(name, value)| (name, objects::cell(&value))).collect();
        let features = row.found.features.iter();
        let features = features
            .map(|&feature| (format!("#{feature}"), about(&self.study, feature, self.words.as_deref())))
            .collect();
        let along = match self.open.along {
            Along::Types => "radians about the ring in which its types stand",
            Along::Loop => "radians about the loop",
            Along::Curve => "from 0 to 1 along the curve",
            Along::Nothing => "none: there is no place along it",
        };
        let group = Section {
            heading: format!("Verdict; score {}", text::unit(row.score)),
            lines: reasons(&look, row).into_iter().map(|(words, _)| words).collect(),
            rows: vec![
                ("group".into(), row.found.cluster.map_or("by hand".into(), |number| number.to_string())),
                ("found by".into(), row.found.grouping.clone()),
                ("tokens".into(), thousands(row.measured.tokens as u64)),
                ("cloud of".into(), self.open.kind.about().into()),
                ("s".into(), along.into()),
            ],
            folded: false,
        };
        let many = counted(row.found.features.len(), "feature", "features");
        let words = name(row, false);
        let which = row.found.cluster.map_or(String::new(), |number| format!(" {number}"));
        Page {
            title: format!("Group{which} of {}: {words}", self.study.name),
            lines: vec![
                joined(&[
                    many.clone(),
                    counted(row.measured.tokens, "token", "tokens"),
                    format!("verdict {}", verdict(row)),
                    format!("score {}", text::unit(row.score)),
                ]),
                dictionary_line(&self.study),
                remarks(&self.study),
                signature(&self.provenance),
            ],
            notice: "A plane shows a part of the cloud: look at others, and at what the measures say.".into(),
            sections: vec![
                group,
                Section { heading: many, rows: features, folded: true, ..Section::default() },
                Section { heading: "All measures".into(), rows: measures, folded: true, ..Section::default() },
                dictionary(&self.study),
            ],
            provenance: self.provenance.json(),
        }
    }
}

/// Axes with their names, planes of them, and which of these is looked at.
struct Looks {
    axes: Vec<(String, Vec<f32>)>,
    planes: Vec<Plane>,
    plane: usize,
}

/// A class by its text, with its first letters as its mark.
fn named(words: &str) -> Class {
    let words = printable(words.trim());
    Class { mark: text::prefix(&words, MARK).to_string(), name: words }
}
