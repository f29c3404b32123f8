//! What a cloud is, by stated rules, with the reasons.
//!
//! In: the measures of a [`Shape`]. Out: one [`Word`] and the evidence for it. The rules, in this order; the first that
//! holds decides, and where none does the word is `unclear`:
//! 1. **points**: 2 to 24 tight clumps hold nearly all, farther from each other than three times their reach. Whether
//!    they stand around a ring is said with them.
//! 2. **loop** or **loops**: in the span H1 has intervals longer than that of every draw of the null (p at most .01)
//!    and a tenth of the cloud's size, each more than twice the first that is not counted.
//! 3. **arc** or **curve**: path lengths are distances along one line (fit at least .9), the line connects nearly all,
//!    and the cloud is thin about it (dimension at most 1.5, or half the misfit of Gaussians as long and wide); an arc
//!    lies in one plane around one centre, a curve does not.
//! 4. **loop** or **loops** that one of the most ring-like planes shows and the span does not. (After the curves: from
//!    the right side a helix looks closed.)
//! 5. **tree**: dimension at most 1.4, or .4 of that of Gaussians of its spread, and neither a line nor a loop: branches.
//! 6. **blob**: as many dimensions as Gaussians of its spread, within a tenth, and no plane that depends by more than
//!    .15 bit beyond chance.
//! 7. **surface**: dimension from 1.5 to 2.7, less than those Gaussians: bent.
//!
//! The dimension is the median of the estimates. Before the longer measures are there, the word is `unclear`.

use super::ring::ring;
use super::{Clumps, Indices, Seen, Shape};
use serde::{Deserialize, Serialize};

/// Clumps that are still discrete points, the gap that parts them, and the share that they must hold.
const POINTS: usize = 24;
const APART: f64 = 3.0;
const NEARLY_ALL: f64 = 0.95;
/// Fit of a line, the share that it must connect, and the dimension up to which a cloud is thin.
const LINE: f64 = 0.9;
const CONNECTED: f64 = 0.8;
const THIN: f64 = 1.5;
/// Ring quality from which points stand around a ring, and share of an arc's variance that lies in its plane.
const AROUND: f64 = 0.7;
const FLAT: f64 = 0.9;
/// Dimensions of trees, as they are and against the Gaussians', and of surfaces.
const TREE: f64 = 1.4;
const BRANCHES: f64 = 0.4;
const SURFACE: (f64, f64) = (1.5, 2.7);
/// Share of the Gaussians' dimension from which a cloud fills its directions, and bits below which a plane hardly
/// depends.
const FULL: f64 = 0.9;
const HARDLY: f64 = 0.15;

/// What a cloud can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Word {
    Loop,
    Loops,
    Arc,
    Curve,
    Surface,
    Blob,
    Points,
    Tree,
    Unclear,
}

/// What coordinate belongs to a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coordinate {
    /// The angle in the best plane.
    Angle,
    /// The place along the line.
    Line,
    /// None.
    None,
}

/// The word and the reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What the cloud is.
    pub word: Word,
    /// Why, most telling first.
    pub evidence: Vec<String>,
    /// Whether its points or clumps stand around a ring.
    pub around: bool,
}

impl Verdict {
    /// Whether its coordinate is the length along a line.
    pub fn is_line(&self) -> bool {
        self.coordinate() == Coordinate::Line
    }
    pub(super) fn coordinate(&self) -> Coordinate {
        match self.word {
            Word::Loop | Word::Loops => Coordinate::Angle,
            Word::Points | Word::Unclear if self.around => Coordinate::Angle,
            Word::Arc | Word::Curve => Coordinate::Line,
            _ => Coordinate::None,
        }
    }
}

/// Judges `shape`.
pub(super) fn verdict(shape: &Shape) -> Verdict {
    let mut evidence = Vec::new();
    let around = standing(shape, &mut evidence);
    let word = decide(shape, &mut evidence);
    if let Some(sampled) = shape.sampled {
        evidence.push(format!("loops, lines and dimension on {sampled} of {} points, evenly taken", shape.points));
    }
    Verdict { word, evidence, around }
}

/// Whether the clumps stand around a ring in the best plane.
fn standing(shape: &Shape, evidence: &mut Vec<String>) -> bool {
    let Some(plane) = shape.best() else { return false };
    let means = shape.clumps.as_ref().filter(|clumps| clumps.count >= 4 && clumps.gap >= APART);
    let found = match means {
        Some(clumps) => {
            let column = |pc: usize| clumps.means.iter().map(|mean| mean[pc - 1]).collect::<Vec<f64>>();
            ring(&column(plane.pcs[0]), &column(plane.pcs[1]))
        }
        None => plane.ring,
    };
    let Some(found) = found.filter(|ring| ring.quality() >= AROUND) else { return false };
    let share: f64 = plane.pcs.iter().map(|pc| shape.explained_variance_ratio[pc - 1]).sum();
    evidence.push(format!(
        "around a ring in PC{}-PC{} ({:.0} % of the variance): roundness {:.2}, closed for {:.0} % of the turn",
        plane.pcs[0],
        plane.pcs[1],
        100.0 * share,
        found.roundness,
        100.0 * found.coverage
    ));
    true
}

/// The word for the loops of one space, if it shows any.
fn closed(seen: &Seen, evidence: &mut Vec<String>) -> Option<Word> {
    let place = seen.pcs.map_or("the span".into(), |[a, b]| format!("PC{a}-PC{b}"));
    let null = seen
        .null_longest
        .map_or("no null".into(), |null| format!("null at most {null:.3} of {} draws", seen.null_draws));
    let (first, count) = (seen.persistence(0), seen.loops());
    match count {
        0 if seen.pcs.is_none() => {
            evidence.push(format!("no loop in the span: H1 {first:.3}, {:.3} ({null})", seen.persistence(1)));
        }
        0 => {}
        1 => {
            let what = format!("one loop in {place}: H1 {first:.3} against {:.3} next ({null})", seen.persistence(1));
            evidence.insert(0, what);
        }
        _ => {
            let [last, next] = [count - 1, count].map(|at| seen.persistence(at));
            evidence.insert(
                0,
                format!("{count} loops in {place}: H1 {first:.3} to {last:.3} against {next:.3} next ({null})"),
            );
        }
    }
    (count > 0).then_some(if count == 1 { Word::Loop } else { Word::Loops })
}

fn decide(shape: &Shape, evidence: &mut Vec<String>) -> Word {
    let tight =
        |clumps: &&Clumps| (2..=POINTS).contains(&clumps.count) && clumps.gap >= APART && clumps.share >= NEARLY_ALL;
    if let Some(clumps) = shape.clumps.as_ref().filter(tight) {
        let gap = match clumps.gap {
            gap if gap > 1e3 => "without width".into(),
            gap => format!("{gap:.1} times their reach apart"),
        };
        evidence.insert(0, format!("{} clumps, {gap}, hold {:.0} % of the points", clumps.count, 100.0 * clumps.share));
        return Word::Points;
    }
    if shape.homology.is_empty() {
        evidence.push("loops and paths are not computed yet".into());
        return Word::Unclear;
    }
    let dimension = shape.intrinsic_dimension.middle();
    let said = |evidence: &mut Vec<String>| {
        if let Some(dimension) = dimension {
            let null = shape.null_dimension.map_or(String::new(), |null| format!(" (null {null:.1})"));
            let rank = shape.entropy_rank;
            evidence.push(format!("intrinsic dimension {dimension:.1}{null}, variance in {rank:.1} directions"));
        }
    };
    let (span, planes) = shape.homology.split_at(1);
    if let Some(word) = closed(&span[0], evidence) {
        said(evidence);
        return word;
    }
    if let Some(line) = shape.line {
        evidence.push(format!(
            "path lengths fit one line to {:.2} (null {:.2}), which connects {:.0} % of the places",
            line.fit,
            line.null_fit,
            100.0 * line.connected
        ));
        let thin = dimension.is_some_and(|d| d <= THIN) || 1.0 - line.fit <= 0.5 * (1.0 - line.null_fit);
        if line.fit >= LINE && line.connected >= CONNECTED && thin {
            let line = evidence.pop();
            evidence.splice(0..0, line);
            said(evidence);
            let flat: f64 = shape.explained_variance_ratio.iter().take(2).sum();
            let bent = shape.planes.first().and_then(|plane| plane.ring).is_some_and(|ring| ring.roundness >= 0.8);
            return if flat >= FLAT && bent { Word::Arc } else { Word::Curve };
        }
    }
    if let Some(word) = planes.iter().find_map(|seen| closed(seen, evidence)) {
        evidence.insert(1, "the whole span does not show it".into());
        said(evidence);
        return word;
    }
    said(evidence);
    let Some(dimension) = dimension else { return Word::Unclear };
    if dimension <= TREE || shape.null_dimension.is_some_and(|null| dimension <= BRANCHES * null) {
        return Word::Tree;
    }
    let depends = shape.planes.iter().filter_map(|plane| plane.indices).filter(Indices::depends);
    let most = depends.map(|indices| indices.separability).fold(0.0, f64::max);
    evidence.push(match most {
        0.0 => "no plane depends beyond chance".into(),
        most => format!("planes depend by up to {most:.2} bit"),
    });
    let full = shape.null_dimension.is_none_or(|null| dimension >= FULL * null);
    if full && most < HARDLY {
        return Word::Blob;
    }
    if (SURFACE.0..=SURFACE.1).contains(&dimension) && !full {
        return Word::Surface;
    }
    Word::Unclear
}
