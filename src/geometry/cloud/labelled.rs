//! What labels of the points say of a cloud's shape: classes apart, their order around a plane, and isometry.
//!
//! In: a cloud, a label for each of its points (or none), the best plane. Out:
//! - shares of the points whose nearest class mean is that of their own class, in the plane and in the whole span;
//! - the classes in the order of the angles of their means about the mean of these, in the plane, starting from the
//!   label that sorts first;
//! - where the labels are numbers, *isometry* (Modell et al. 2025, arXiv 2505.18235): lengths of shortest paths in the
//!   graph of the k nearest against distances of the labels, by Pearson, Spearman and Chatterjee's ξ of the paths as a
//!   function of the labels' distance, over a sweep of k, for k matters; and the order of the labels against the order along
//!   the line through the paths.

use super::correlation::{pearson, spearman, xi};
use super::geodesic::geodesic;
use super::near::Near;
use super::spectrum::Spectrum;
use crate::error::{Error, Problem, Result};
use crate::task::Task;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The k that stands for all, and those of the sweep.
pub(super) const ISOMETRY_K: usize = 10;
/// See [`ISOMETRY_K`].
pub(super) const SWEEP: [usize; 7] = [4, 6, 8, 10, 15, 20, 30];
/// Pairs of places that are compared, at most; paths then start from fewer places.
const PAIRS: usize = 5_000_000;
/// Places that paths start from at the other k of the sweep, at most.
const SWEPT: usize = 200;

/// A label for each point.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PointLabels {
    /// The labels there are, sorted: as numbers if all are.
    pub names: Vec<String>,
    /// The label of each point, by its place in `names`; none for points without.
    pub of: Vec<Option<u32>>,
}

impl PointLabels {
    /// Labels as a file gives them; empty ones are none.
    pub fn new<S: AsRef<str>>(labels: &[S]) -> Self {
        let trimmed = || labels.iter().map(|label| label.as_ref().trim());
        let mut names: Vec<String> = trimmed().filter(|label| !label.is_empty()).map(str::to_string).collect();
        names.sort_unstable();
        names.dedup();
        let number = |name: &String| name.parse::<f64>().ok().filter(|x| x.is_finite());
        if names.iter().all(|name| number(name).is_some()) {
            names.sort_by(|a, b| number(a).partial_cmp(&number(b)).unwrap_or(std::cmp::Ordering::Equal));
        }
        let at: std::collections::HashMap<&str, u32> =
            names.iter().enumerate().map(|(at, name)| (name.as_str(), at as u32)).collect();
        let of = trimmed().map(|label| at.get(label).copied()).collect();
        Self { names, of }
    }
    /// The labels as numbers, if all are.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        self.names.iter().map(|name| name.parse().ok().filter(|x: &f64| x.is_finite())).collect()
    }
    /// The labels of some of the points.
    pub fn select(&self, rows: &[u32]) -> Self {
        Self { names: self.names.clone(), of: rows.iter().map(|&row| self.of[row as usize]).collect() }
    }
}

/// How far apart two numeric labels are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum LabelDistance {
    /// |a − b|.
    #[default]
    Abs,
    /// |ln a − ln b|.
    Log,
    /// The shorter way around a circle of that circumference.
    Cyclic(f64),
}

impl fmt::Display for LabelDistance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Abs => f.write_str("abs"),
            Self::Log => f.write_str("log"),
            Self::Cyclic(around) => write!(f, "cyclic:{around}"),
        }
    }
}

impl FromStr for LabelDistance {
    type Err = Error;

    /// `abs`, `log` or `cyclic:N`.
    fn from_str(text: &str) -> Result<Self> {
        let around =
            |text: &str| text.strip_prefix("cyclic:")?.parse().ok().filter(|x: &f64| x.is_finite() && *x > 0.0);
        match text {
            "abs" => Ok(Self::Abs),
            "log" => Ok(Self::Log),
            other => around(other).map(Self::Cyclic).ok_or_else(|| {
                Problem::new(format!("--label-distance {other}"))
                    .expected("abs, log, or cyclic:N for labels that begin anew after N")
                    .hint("--label-distance cyclic:7")
                    .usage()
            }),
        }
    }
}

impl LabelDistance {
    /// Between `a` and `b`; not a number where a logarithm is none.
    pub fn between(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Abs => (a - b).abs(),
            Self::Log => (a.ln() - b.ln()).abs(),
            Self::Cyclic(around) => {
                let apart = (a - b).abs().rem_euclid(around);
                apart.min(around - apart)
            }
        }
    }
}

/// Paths against labels at one k.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Isometry {
    /// Pearson's correlation.
    pub pearson: Option<f64>,
    /// Spearman's.
    pub spearman: Option<f64>,
    /// Spearman's correlation of places along the line through the paths (1-d Isomap) with the labels, without its sign.
    pub line: Option<f64>,
    /// Chatterjee's coefficient.
    pub xi: Option<f64>,
    /// Neighbours that each place is joined with.
    pub k: usize,
    /// Share of the places within the largest connected part, of which this speaks.
    pub connected: f64,
    /// Places that paths start from: all of that part, or some that are spread as far as they can be.
    pub sources: usize,
}

/// What labels say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelMeasures {
    /// Share of points nearest to the mean of their own class in the best plane.
    pub centroid_accuracy_plane: f64,
    /// The same in the span.
    pub centroid_accuracy_full: f64,
    /// Classes by the angle of their mean in the best plane.
    pub centroid_order: Vec<String>,
    /// At k = 10; none unless the labels are numbers.
    pub isometry: Option<Isometry>,
    /// At every k of the sweep.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub isometry_sweep: Vec<Isometry>,
}

/// Means of the classes `[classes, dims]` over the given columns, and how many points each has.
fn centroids(spectrum: &Spectrum, labels: &PointLabels, columns: &[usize]) -> (Vec<Vec<f64>>, Vec<usize>) {
    let mut means = vec![vec![0.0; columns.len()]; labels.names.len()];
    let mut counts = vec![0usize; labels.names.len()];
    for (at, label) in labels.of.iter().enumerate() {
        let Some(label) = label.map(|label| label as usize) else { continue };
        let row = spectrum.coordinates.row(at);
        columns.iter().zip(&mut means[label]).for_each(|(&column, mean)| *mean += row[column]);
        counts[label] += 1;
    }
    for (mean, &count) in means.iter_mut().zip(&counts) {
        for x in mean {
            *x /= count.max(1) as f64;
        }
    }
    (means, counts)
}

/// Share of labelled points nearest to their own class.
fn accuracy(spectrum: &Spectrum, labels: &PointLabels, columns: &[usize]) -> f64 {
    let (means, counts) = centroids(spectrum, labels, columns);
    let (mut right, mut all) = (0usize, 0usize);
    for (at, label) in labels.of.iter().enumerate() {
        let Some(label) = label else { continue };
        let row = spectrum.coordinates.row(at);
        let square = |mean: &[f64]| -> f64 {
            columns.iter().zip(mean).map(|(&column, mean)| (row[column] - mean).powi(2)).sum()
        };
        let classes = means.iter().enumerate().filter(|(class, _)| counts[*class] > 0);
        let nearest = classes.min_by(|a, b| square(a.1).total_cmp(&square(b.1))).map(|(class, _)| class);
        right += usize::from(nearest == Some(*label as usize));
        all += 1;
    }
    right as f64 / all.max(1) as f64
}

/// What `labels` say of the cloud; none if no point has one. `plane` are components from 0.
///
/// # Errors
/// If the task is cancelled.
pub(super) fn labelled(
    spectrum: &Spectrum,
    near: &Near,
    labels: &PointLabels,
    plane: [usize; 2],
    distance: LabelDistance,
    seed: u64,
    task: &Task,
) -> Result<Option<LabelMeasures>> {
    if labels.of.iter().all(Option::is_none) {
        return Ok(None);
    }
    let dims = spectrum.coordinates.dims();
    let plane: Vec<usize> = plane.into_iter().filter(|at| *at < dims).collect();
    let all: Vec<usize> = (0..dims).collect();
    let isometry_sweep = sweep(near, labels, distance, seed, task)?;
    Ok(Some(LabelMeasures {
        centroid_accuracy_plane: accuracy(spectrum, labels, &plane),
        centroid_accuracy_full: accuracy(spectrum, labels, &all),
        centroid_order: order(spectrum, labels, &plane),
        isometry: isometry_sweep.iter().find(|one| one.k == ISOMETRY_K).or(isometry_sweep.last()).copied(),
        isometry_sweep,
    }))
}

/// Names of the classes around the plane.
fn order(spectrum: &Spectrum, labels: &PointLabels, plane: &[usize]) -> Vec<String> {
    let &[a, b] = plane else { return Vec::new() };
    let (means, counts) = centroids(spectrum, labels, &[a, b]);
    let there: Vec<usize> = (0..means.len()).filter(|&class| counts[class] > 0).collect();
    let middle = |axis: usize| there.iter().map(|&class| means[class][axis]).sum::<f64>() / there.len() as f64;
    let (x, y) = (middle(0), middle(1));
    let mut around: Vec<(f64, usize)> =
        there.iter().map(|&class| ((means[class][1] - y).atan2(means[class][0] - x), class)).collect();
    around.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let first = (0..around.len()).min_by_key(|&at| around[at].1).unwrap_or(0);
    around.rotate_left(first);
    around.into_iter().map(|(_, class)| labels.names[class].clone()).collect()
}

/// Isometry at every k; empty unless the labels are numbers that have a distance.
fn sweep(near: &Near, labels: &PointLabels, distance: LabelDistance, seed: u64, task: &Task) -> Result<Vec<Isometry>> {
    let Some(numbers) = labels.numbers().filter(|numbers| numbers.len() > 2) else { return Ok(Vec::new()) };
    let value = |place: u32| {
        let label = labels.of[near.first[place as usize] as usize]?;
        Some(numbers[label as usize])
    };
    let mut found = Vec::new();
    for k in SWEEP.into_iter().filter(|&k| k <= near.k) {
        task.check()?;
        let sources = if k == ISOMETRY_K { PAIRS / near.len().max(1) } else { SWEPT }.max(1);
        let paths = geodesic(near, k, sources, task)?;
        let values: Vec<Option<f64>> = paths.nodes.iter().map(|&node| value(node)).collect();
        let (mut lengths, mut apart) = (Vec::new(), Vec::new());
        for (at, &from) in paths.sources.iter().enumerate() {
            let Some(own) = values[from as usize] else { continue };
            for (to, (&length, other)) in paths.row(at).iter().zip(&values).enumerate() {
                let twice = paths.sources.len() == paths.nodes.len() && to <= from as usize;
                if let Some(other) = other.filter(|_| !twice && to != from as usize) {
                    let between = distance.between(own, other);
                    if between.is_finite() {
                        lengths.push(length);
                        apart.push(between);
                    }
                }
            }
        }
        // Where the places lie on the line through these paths, against the labels: the line's direction is free.
        let line = paths.arc_length(task)?.and_then(|line| {
            let both = line.position.iter().zip(&values).filter_map(|(&at, own)| Some((at, (*own)?)));
            let (positions, own): (Vec<f64>, Vec<f64>) = both.unzip();
            spearman(&positions, &own).map(f64::abs)
        });
        found.push(Isometry {
            line,
            pearson: pearson(&lengths, &apart),
            spearman: spearman(&lengths, &apart),
            xi: xi(&apart, &lengths, seed),
            k,
            connected: paths.connected,
            sources: paths.sources.len(),
        });
    }
    Ok(found)
}
