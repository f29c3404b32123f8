//! How similar the features of a set are, pair by pair: what a heatmap shows.
//!
//! In: features of a [`Study`], a measure, an order. Out: [`Pairs`], the matrix of their similarities `[m, m]`, f32,
//! row-major, in that order. Cosines are sums of f64 products, each pair once; measures of firing together are those of
//! [`cooccurrence`]. Nothing is left out or averaged here: a picture with fewer cells than pairs says so itself
//! ([`Pairs::mean`]).
//!
//! Cost: m² d / 2 multiply-adds for cosines, else that of [`cooccurrence::group`]. Peak memory: 4 m² + 4 m d bytes; for
//! the order by likeness 60 m² more.

use super::columns::{Column, FeatureTable};
use super::study::Study;
use crate::error::{Problem, Result};
use crate::geometry::cluster::linkage::average;
use crate::geometry::cooccurrence::{self, Acts, MEASURES, Measure};
use crate::geometry::graph::Graph;
use crate::rows::{Rows, all_finite, dot};
use crate::task::Task;
use rayon::prelude::*;
use std::ops::Range;

/// Most features of a set.
pub const MOST: usize = 4096;
/// Most features that are ordered by likeness.
pub const MOST_BY_LIKENESS: usize = 1024;

/// What a pair of features is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PairMeasure {
    /// Cosine of the decoder directions.
    Decoder,
    /// Cosine of the encoder directions.
    Encoder,
    /// How they fire together.
    Firing(Measure),
}

impl PairMeasure {
    /// All of them, in the order in which they are offered.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Decoder, Self::Encoder].into_iter().chain(MEASURES.iter().map(|entry| Self::Firing(entry.measure)))
    }
    /// Its name in flags and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decoder => "decoder",
            Self::Encoder => "encoder",
            Self::Firing(Measure::Cosine) => "activation",
            Self::Firing(measure) => measure.name(),
        }
    }
    /// What it is, in words.
    pub fn about(self) -> String {
        match self {
            Self::Decoder => "cosine of the decoder directions".into(),
            Self::Encoder => "cosine of the encoder directions".into(),
            Self::Firing(measure) => format!("firing together: {}", measure.entry().about),
        }
    }
    /// That of a name.
    ///
    /// # Errors
    /// If there is none.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::all().find(|measure| measure.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::all().map(Self::name).collect();
            Problem::new(format!("there is no measure {name:?}")).expected(names.join(", ")).usage()
        })
    }
    /// Whether it can be told for a study whose evidence has been read.
    pub fn is_known(self, study: &Study) -> bool {
        match self {
            Self::Decoder => true,
            Self::Encoder => study.dictionary.encoder.is_some(),
            Self::Firing(_) => study.activations().is_some(),
        }
    }
}

/// In which order the features stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PairOrder {
    /// By cluster, and in a cluster by likeness where the set is small enough, else by number.
    #[default]
    Cluster,
    /// As the tree of average linkage has them: what is alike stands together.
    Likeness,
    /// From left to right on the map.
    X,
    /// From the top of the map to its bottom.
    Y,
    /// By number.
    Feature,
}

impl PairOrder {
    /// All of them, in the order of the key.
    pub const ALL: [Self; 5] = [Self::Cluster, Self::Likeness, Self::X, Self::Y, Self::Feature];
    /// Its name in flags and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Likeness => "likeness",
            Self::X => "x",
            Self::Y => "y",
            Self::Feature => "feature",
        }
    }
    /// That of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.name() == name)
    }
}

/// The similarities of a set of features.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    /// The features in their order.
    pub features: Vec<u32>,
    /// What was measured.
    pub measure: PairMeasure,
    /// How they are ordered.
    pub order: PairOrder,
    /// `[m, m]`, row-major.
    pub values: Vec<f32>,
    /// Smallest and largest value beside the diagonal; (0, 1) of a single feature.
    pub range: (f32, f32),
}

impl Pairs {
    /// How many features there are.
    pub fn len(&self) -> usize {
        self.features.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }
    /// The similarity of the features in two places.
    pub fn value(&self, row: usize, column: usize) -> f32 {
        self.values[row * self.len() + column]
    }
    /// The mean of the pairs of two ranges of places, a feature with itself left out; none if no pair is left.
    pub fn mean(&self, rows: Range<usize>, columns: Range<usize>) -> Option<f32> {
        let (mut sum, mut count) = (0.0f64, 0u32);
        for row in rows {
            for column in columns.clone().filter(|column| *column != row) {
                let value = self.value(row, column);
                if value.is_finite() {
                    sum += f64::from(value);
                    count += 1;
                }
            }
        }
        (count > 0).then(|| (sum / f64::from(count)) as f32)
    }
}

/// Measures the pairs of `features`, and orders them with what `table` knows of clusters and places.
///
/// Progress: stage `pairs`, in rows.
///
/// # Errors
/// If there are no features or too many, a feature is not there, what is measured is not there, a direction holds a
/// number that is not finite, or the task is cancelled.
pub fn pairs(
    table: &FeatureTable<'_>,
    features: &[u32],
    measure: PairMeasure,
    order: PairOrder,
    task: &Task,
) -> Result<Pairs> {
    let study = table.study;
    let mut features = features.to_vec();
    features.sort_unstable();
    features.dedup();
    if features.is_empty() || features.len() > MOST {
        return Err(Problem::new(format!("the pairs of {} features", features.len()))
            .expected(format!("1 to {MOST} features"))
            .hint("a cluster, a selection or a filter of fewer")
            .usage());
    }
    if let Some(beyond) = features.last().filter(|feature| **feature as usize >= study.features()) {
        return Err(Problem::new(format!("there is no feature {beyond}"))
            .expected(format!("0 to {}", study.features().saturating_sub(1)))
            .usage());
    }
    let values = match measure {
        PairMeasure::Decoder => cosines(&study.dictionary.decoder, &features, task),
        PairMeasure::Encoder => match &study.dictionary.encoder {
            Some(encoder) => cosines(encoder, &features, task),
            None => Err(Problem::new("this dictionary has no encoder").hint("--by decoder").usage()),
        },
        PairMeasure::Firing(measure) => {
            let activations =
                study.load_evidence(task)?.activations.as_ref().ok_or_else(|| {
                    Problem::new("there are no activations").hint("naming them with --acts FILE").usage()
                })?;
            let acts = Acts::new(&activations.by_token, &activations.by_feature, task)?;
            cooccurrence::group(&acts, &features, measure, task)
        }
    }
    .map_err(|error| error.in_file(&study.name))?;
    let places = places(table, &features, &values, order, task)?;
    let m = features.len();
    let ordered: Vec<f32> = places
        .iter()
        .flat_map(|&row| places.iter().map(move |&column| (row, column)))
        .map(|(r, c)| values[r * m + c])
        .collect();
    let beside = (0..m * m).filter(|at| at / m != at % m).map(|at| ordered[at]).filter(|value| value.is_finite());
    let (low, high) = beside.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let range = if low <= high { (low, high) } else { (0.0, 1.0) };
    let features = places.into_iter().map(|place| features[place]).collect();
    Ok(Pairs { features, measure, order, values: ordered, range })
}

/// Cosine of two rows; 0 where one of them is zero.
pub(super) fn cosine(rows: &dyn Rows, a: u32, b: u32) -> f64 {
    let row = |feature: u32| {
        let mut out = vec![0f32; rows.ncols()];
        rows.read(feature as usize..feature as usize + 1, &mut out);
        out
    };
    let (a, b) = (row(a), row(b));
    scaled(dot(&a, &b), (dot(&a, &a) * dot(&b, &b)).sqrt())
}

/// A product of two rows as their cosine, `scale` being the product of their lengths.
fn scaled(product: f64, scale: f64) -> f64 {
    if scale > 0.0 { (product / scale).clamp(-1.0, 1.0) } else { 0.0 }
}

/// Cosines of some rows with each other `[m, m]`; those of a zero row are 0, its own with itself too.
fn cosines(rows: &dyn Rows, features: &[u32], task: &Task) -> Result<Vec<f32>> {
    let (m, d) = (features.len(), rows.ncols());
    task.stage("pairs", m as u64);
    let mut directions = vec![0f32; m * d];
    for (out, &feature) in directions.chunks_exact_mut(d.max(1)).zip(features) {
        let feature = feature as usize;
        rows.read(feature..feature + 1, out);
        all_finite(out, d, feature)?;
    }
    let row = |at: usize| &directions[at * d..(at + 1) * d];
    let lengths: Vec<f64> = (0..m).map(|at| dot(row(at), row(at)).sqrt()).collect();
    let mut all = vec![0f32; m * m];
    task.install(|| {
        all.par_chunks_exact_mut(m).enumerate().try_for_each(|(i, out)| {
            task.check()?;
            // Each pair is measured from its lower side: the same bits on both sides of the diagonal.
            for (j, out) in out.iter_mut().enumerate() {
                let (a, b) = (i.min(j), i.max(j));
                *out = scaled(dot(row(a), row(b)), lengths[a] * lengths[b]) as f32;
            }
            task.advance(1);
            Ok(())
        })
    })?;
    Ok(all)
}

/// The places of the features in an order.
fn places(
    table: &FeatureTable<'_>,
    features: &[u32],
    values: &[f32],
    order: PairOrder,
    task: &Task,
) -> Result<Vec<usize>> {
    let m = features.len();
    let mut places: Vec<usize> = (0..m).collect();
    let number = |column: Column, at: usize| table.value(column, features[at] as usize).number();
    let missing = |what: &str| Problem::new(format!("there is no {what} to order by")).hint("--order feature").usage();
    match order {
        PairOrder::Feature => {}
        PairOrder::Likeness if m > MOST_BY_LIKENESS => {
            return Err(Problem::new(format!("ordering {m} features by likeness"))
                .expected(format!("at most {MOST_BY_LIKENESS}"))
                .hint("another order, or fewer features")
                .usage());
        }
        PairOrder::Likeness => places = by_likeness(values, m, task)?,
        PairOrder::Cluster => {
            table.clusters.ok_or_else(|| missing("cluster"))?;
            if m <= MOST_BY_LIKENESS {
                places = by_likeness(values, m, task)?;
            }
            // Those of no cluster last.
            let cluster = |at: usize| number(Column::Cluster, at).filter(|c| *c >= 0.0).unwrap_or(f64::INFINITY);
            places.sort_by(|a, b| cluster(*a).total_cmp(&cluster(*b)));
        }
        PairOrder::X | PairOrder::Y => {
            table.coordinates.ok_or_else(|| missing("map"))?;
            let down = order == PairOrder::Y;
            let column = if down { Column::Y } else { Column::X };
            let key = |at: usize| number(column, at).map_or(f64::INFINITY, |x| if down { -x } else { x });
            places.sort_by(|a, b| key(*a).total_cmp(&key(*b)));
        }
    }
    Ok(places)
}

/// The leaves of the tree of average linkage.
fn by_likeness(values: &[f32], m: usize, task: &Task) -> Result<Vec<usize>> {
    let (low, high) = values.iter().filter(|x| x.is_finite()).fold((0f32, 0f32), |(l, h), &x| (l.min(x), h.max(x)));
    // Links weigh more than nothing, whatever is measured: the tree depends on their order and means alone.
    let weight = |x: f32| (if x.is_finite() { x } else { low } - low) + (high - low).max(1e-6) * 1e-3;
    let both = |i: usize, j: usize| 0.5 * (weight(values[i * m + j]) + weight(values[j * m + i]));
    let edges = (0..m).flat_map(|i| (i + 1..m).map(move |j| (i, j)));
    let graph = Graph::from_edges(m, edges.map(|(i, j)| (i as u32, j as u32, both(i, j))));
    Ok(average(&graph, task)?.order().iter().map(|&leaf| leaf as usize).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Cache, Evidence};
    use crate::container::Matrix;
    use crate::error::Error;
    use crate::rows::Points;
    use crate::sae::Dictionary;

    fn task() -> Task {
        Task::new(2).unwrap()
    }

    fn study(rows: &[[f32; 3]]) -> Study {
        let decoder = Matrix::from_f32(&rows.concat(), 3);
        let loader = Box::new(|_: &Dictionary, _: &Task| Ok(Evidence::default()));
        Study::new("planted", Dictionary::bare(decoder), "0".into(), Cache::off(), loader)
    }

    /// Two directions of three features each in turn, and a zero row.
    fn rows() -> Vec<[f32; 3]> {
        let mut rows: Vec<[f32; 3]> = (0..6)
            .map(|i| if i % 2 == 0 { [1.0, 0.01 * i as f32, 0.0] } else { [0.0, 0.01 * i as f32, -2.0] })
            .collect();
        rows.push([0.0; 3]);
        rows
    }

    #[test]
    fn cosines_are_those_of_the_definition() {
        let rows = rows();
        let study = study(&rows);
        let all: Vec<u32> = (0..rows.len() as u32).collect();
        let found = pairs(&FeatureTable::of(&study), &all, PairMeasure::Decoder, PairOrder::Feature, &task()).unwrap();
        assert_eq!(found.features, all);
        for (i, a) in rows.iter().enumerate() {
            for (j, b) in rows.iter().enumerate() {
                let dot = |a: &[f32; 3], b: &[f32; 3]| (0..3).map(|k| f64::from(a[k]) * f64::from(b[k])).sum::<f64>();
                let scale = (dot(a, a) * dot(b, b)).sqrt();
                let wanted = if scale > 0.0 { dot(a, b) / scale } else { 0.0 };
                assert!((f64::from(found.value(i, j)) - wanted).abs() < 1e-6, "{i} {j}");
                assert_eq!(found.value(i, j).to_bits(), found.value(j, i).to_bits());
            }
        }
        let beside = (0..49).filter(|at| at / 7 != at % 7).map(|at| found.values[at]);
        assert_eq!(found.range.1, beside.fold(f32::NEG_INFINITY, f32::max));
    }

    #[test]
    fn orders_put_together_what_belongs_together() {
        let study = study(&rows()[..6]);
        let coordinates = Points::new(vec![5.0, 0.0, 4.0, 1.0, 3.0, 2.0, 2.0, 3.0, 1.0, 4.0, 0.0, 5.0], 2);
        let clusters = [1, 0, 1, -1, 1, 0];
        let table =
            FeatureTable { coordinates: Some(&coordinates), clusters: Some(&clusters), ..FeatureTable::of(&study) };
        let ordered = |order| pairs(&table, &[5, 4, 3, 2, 1, 0, 0], PairMeasure::Decoder, order, &task()).unwrap();
        assert_eq!(ordered(PairOrder::Feature).features, [0, 1, 2, 3, 4, 5]);
        assert_eq!(ordered(PairOrder::X).features, [5, 4, 3, 2, 1, 0]);
        assert_eq!(ordered(PairOrder::Y).features, [5, 4, 3, 2, 1, 0]);
        let likeness = ordered(PairOrder::Likeness);
        let side: Vec<u32> = likeness.features.iter().map(|feature| feature % 2).collect();
        assert_eq!(side.windows(2).filter(|pair| pair[0] != pair[1]).count(), 1, "{side:?}");
        let by_cluster: Vec<i32> =
            ordered(PairOrder::Cluster).features.iter().map(|feature| clusters[*feature as usize]).collect();
        assert_eq!(by_cluster, [0, 0, 1, 1, 1, -1]);
        // The values go with the features.
        assert_eq!(likeness.value(0, 1), {
            let plain = ordered(PairOrder::Feature);
            plain.value(likeness.features[0] as usize, likeness.features[1] as usize)
        });
        assert_eq!(likeness.mean(0..1, 0..1), None);
        let mean = likeness.mean(0..3, 0..3).unwrap();
        assert!(mean > 0.99, "{mean}");
    }

    #[test]
    fn what_cannot_be_measured_is_told() {
        let study = study(&rows());
        let table = FeatureTable::of(&study);
        let error = |features: &[u32], measure, order| {
            pairs(&table, features, measure, order, &task()).map(drop).unwrap_err().to_string()
        };
        assert!(error(&[], PairMeasure::Decoder, PairOrder::Feature).contains("1 to 4096"));
        assert!(error(&[0, 7], PairMeasure::Decoder, PairOrder::Feature).contains("no feature 7"));
        assert!(error(&[0], PairMeasure::Encoder, PairOrder::Feature).contains("no encoder"));
        assert!(error(&[0], PairMeasure::Firing(Measure::Phi), PairOrder::Feature).contains("no activations"));
        assert!(error(&[0], PairMeasure::Decoder, PairOrder::Cluster).contains("no cluster"));
        assert!(error(&[0], PairMeasure::Decoder, PairOrder::X).contains("no map"));
        let stopped = task();
        stopped.watch().cancel();
        let cancelled = pairs(&table, &[0, 1], PairMeasure::Decoder, PairOrder::Feature, &stopped);
        assert!(matches!(cancelled, Err(Error::Cancelled)));
        let bad = self::study(&[[1.0, f32::NAN, 0.0]]);
        let found = pairs(&FeatureTable::of(&bad), &[0], PairMeasure::Decoder, PairOrder::Feature, &task());
        assert!(found.unwrap_err().to_string().contains("not finite"));
    }

    #[test]
    fn names_are_read_back() {
        for measure in PairMeasure::all() {
            assert_eq!(PairMeasure::from_name(measure.name()).unwrap(), measure);
        }
        for order in PairOrder::ALL {
            assert_eq!(PairOrder::from_name(order.name()), Some(order));
        }
    }
}
