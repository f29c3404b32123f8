//! What a cloud is, by stated rules, with the reasons.
//!
//! In: the measures of a [`Shape`]. Out: one [`Word`] and the evidence for it. The rules, in this order; the first that
//! holds decides, and where none does the word is `unclear`:
//! 1. **points**: 2 to 24 tight clumps of three points or more hold nearly all, farther from each other than three times
//!    their reach. Whether they stand around a ring is said with them.
//! 2. **arc** or **curve** at once, by rule 4, where path lengths fit one line to .98 and it connects nearly all: what
//!    closes does not unroll, and turns of a spiral that come near each other make loops of no meaning.
//! 3. **loop** or **loops**: in the span H1 has intervals longer than that of every draw of the null (p at most .01 of 99
//!    draws, .025 of 39) and a tenth of the cloud's size, each more than twice the first that is not counted; the longest
//!    at least .75 of that size, where the dimension is above 1.5: narrower ones are holes in a surface. **loop** as well: a thin, closed
//!    circle in one plane ([`Shape::is_circle`]), whatever the null; points of unit length that lie in a plane can close
//!    into nothing else, so that chance closes too, and the reasons say so.
//! 4. **arc** or **curve**: path lengths are distances along one line (fit at least .9), the line connects nearly all and
//!    no stretch of a fifth of it is bare, the cloud is thin about it (dimension at most 1.5; or dimension or entropy rank
//!    at most 3, and half the misfit of Gaussians as long and wide), and no interval of H1 is as long as the cloud is
//!    large; an arc bends around one centre in one plane, through 45° or more.
//! 5. **loop** or **loops** that one of the most ring-like planes shows and the span does not. (After the curves: from
//!    the right side a helix looks closed.)
//! 6. **tree**: dimension at most 1.4, or .4 of that of Gaussians of its spread, and neither a line nor a loop: branches.
//! 7. **blob**: as many dimensions as Gaussians of its spread, within a tenth, and no plane that depends by more than
//!    .15 bit beyond chance.
//! 8. **surface**: dimension from 1.5 to 2.7, less than those Gaussians: bent.
//!
//! The dimension is the median of the estimates. Before the longer measures are there, the word is `unclear`.

use super::ring::ring;
use super::{Clumps, Indices, Line, Seen, Shape};
use serde::{Deserialize, Serialize};

/// Clumps that are still discrete points, the gap that parts them, and the share that they must hold.
const POINTS: usize = 24;
const APART: f64 = 3.0;
const NEARLY_ALL: f64 = 0.95;
/// Fit of a line from which it is one whatever else is there.
const SURE: f64 = 0.98;
/// Fit of a line, the share that it must connect, and the dimension up to which a cloud is thin.
const LINE: f64 = 0.9;
const CONNECTED: f64 = 0.8;
const THIN: f64 = 1.5;
/// The same, or the directions that share its variance, where it is drawn out clearly beyond Gaussians of its spread.
const BLURRED: f64 = 3.0;
/// Least interval of H1, against the cloud's size, of a loop in a cloud that is not thin.
const HOLE: f64 = 0.75;
/// The longest bare stretch of a line, as a share of it.
const BARE: f64 = 0.2;
/// Points of a clump, at least, on average.
const CLUMP: usize = 3;
/// Ring quality from which points stand around a ring.
const AROUND: f64 = 0.7;
/// Share of a circle's variance that lies in its plane, its roundness, and how far it is closed; its interval of H1
/// against the cloud's size (√3 for a whole circle).
const PLANE: f64 = 0.95;
const ROUND: f64 = 0.95;
const CLOSED: f64 = 0.9;
const LONG: f64 = 1.0;
/// Share of an arc's variance that lies in its plane, share of its second coordinate that a circle explains, and the least
/// that it turns (45°).
const FLAT: f64 = 0.9;
const BENT: f64 = 0.9;
const TURN: f64 = std::f64::consts::FRAC_PI_4;
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
    /// The space that showed the loops of the word, by its place in [`Shape::homology`].
    pub seen: Option<usize>,
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

impl Shape {
    /// Whether the cloud is one thin, closed circle in a plane, by the measures that are there.
    pub fn is_circle(&self) -> bool {
        let plane = self
            .best()
            .filter(|plane| plane.share(&self.explained_variance_ratio) >= PLANE)
            .and_then(|plane| plane.ring);
        let round = plane.is_some_and(|ring| ring.roundness >= ROUND && ring.coverage >= CLOSED);
        let thin = self.intrinsic_dimension.middle().is_some_and(|dimension| dimension <= THIN);
        round && thin && self.homology.first().is_some_and(Seen::is_long)
    }
}

impl Seen {
    /// Whether the longest interval is as long as the cloud is large.
    fn is_long(&self) -> bool {
        self.size > 0.0 && self.persistence(0) >= LONG * self.size
    }
}

/// Judges `shape`; without its loops, if something outside it speaks against them.
pub(super) fn verdict(shape: &Shape, loops: bool) -> Verdict {
    let mut evidence = Vec::new();
    let around = standing(shape, &mut evidence);
    let (word, seen) = decide(shape, loops, &mut evidence);
    if let Some(sampled) = shape.sampled {
        evidence.push(format!("loops, lines and dimension on {sampled} of {} points, evenly taken", shape.points));
    }
    Verdict { word, evidence, around, seen }
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
    let share = plane.share(&shape.explained_variance_ratio);
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
            let second = seen.persistence(1);
            let beyond = seen.null_longest.is_some_and(|null| first > null);
            let what = if beyond { "no loop stands out from the next in the span" } else { "no loop in the span" };
            evidence.push(format!("{what}: H1 {first:.3}, {second:.3} ({null})"));
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

fn fits(line: &Line) -> String {
    format!(
        "path lengths fit one line to {:.2} (null {:.2}), which connects {:.0} % of the places",
        line.fit,
        line.null_fit,
        100.0 * line.connected
    )
}

/// The word for a cloud along `line`.
fn lies_along(shape: &Shape, line: &Line, evidence: &mut Vec<String>) -> Word {
    evidence.insert(0, fits(line));
    let flat: f64 = shape.explained_variance_ratio.iter().take(2).sum();
    let Some(bend) = line.bend.filter(|bend| flat >= FLAT && bend.fit >= BENT && bend.turn >= TURN) else {
        return Word::Curve;
    };
    let turn = bend.turn.to_degrees();
    evidence.insert(1, format!("it bends through {turn:.0}° around one centre, to {:.2}", bend.fit));
    Word::Arc
}

/// The word, and which space showed its loops.
fn decide(shape: &Shape, loops: bool, evidence: &mut Vec<String>) -> (Word, Option<usize>) {
    let tight = |clumps: &&Clumps| {
        let count = clumps.count;
        (2..=POINTS).contains(&count)
            && CLUMP * count <= shape.points
            && clumps.gap >= APART
            && clumps.share >= NEARLY_ALL
    };
    if let Some(clumps) = shape.clumps.as_ref().filter(tight) {
        let gap = match clumps.gap {
            gap if gap > 1e3 => "without width".into(),
            gap => format!("{gap:.1} times their reach apart"),
        };
        evidence.insert(0, format!("{} clumps, {gap}, hold {:.0} % of the points", clumps.count, 100.0 * clumps.share));
        return (Word::Points, None);
    }
    if shape.homology.is_empty() {
        evidence.push("loops and paths are not computed yet".into());
        return (Word::Unclear, None);
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
    let open = !span[0].is_long();
    let blurred = |line: &Line| 1.0 - line.fit <= 0.5 * (1.0 - line.null_fit);
    let few = |d: f64| d <= BLURRED || shape.entropy_rank <= BLURRED;
    let thin = |line: &Line| dimension.is_some_and(|d| d <= THIN || few(d) && blurred(line));
    let along = |line: &Line| line.fit >= LINE && line.connected >= CONNECTED && line.gap <= BARE && thin(line) && open;
    let sure = |line: &Line| line.fit >= SURE && line.connected >= NEARLY_ALL && along(line);
    if let Some(line) = shape.line.filter(sure) {
        let word = lies_along(shape, &line, evidence);
        if span[0].loops() > 0 {
            evidence.push(format!("its turns come near each other: H1 {:.3}", span[0].persistence(0)));
        }
        said(evidence);
        return (word, None);
    }
    // In what is thicker than a line a narrow hole is a hole.
    let thick = dimension.is_some_and(|d| d > THIN);
    let hole = |seen: &Seen| thick && seen.loops() > 0 && seen.persistence(0) < HOLE * seen.size;
    if hole(&span[0]) {
        let (first, size) = (span[0].persistence(0), span[0].size);
        evidence.push(format!("holes beyond the null, narrow for a cloud that thick: H1 {first:.3} of size {size:.3}"));
    }
    if loops
        && !hole(&span[0])
        && let Some(word) = closed(&span[0], evidence)
    {
        said(evidence);
        return (word, Some(0));
    }
    if shape.is_circle() {
        evidence
            .insert(0, "one thin closed circle in a plane, where points of one length close by chance as well".into());
        said(evidence);
        return (Word::Loop, None);
    }
    if let Some(line) = shape.line {
        if along(&line) {
            let word = lies_along(shape, &line, evidence);
            said(evidence);
            return (word, None);
        }
        evidence.push(fits(&line));
        if line.gap > BARE {
            evidence.push(format!("{:.0} % of that line lies bare: parts in a row", 100.0 * line.gap));
        }
    }
    for (at, seen) in planes.iter().enumerate().filter(|(_, seen)| loops && !hole(seen)) {
        if let Some(word) = closed(seen, evidence) {
            evidence.insert(1, "the whole span does not show it".into());
            said(evidence);
            return (word, Some(at + 1));
        }
    }
    said(evidence);
    (of_dimension(shape, dimension, evidence), None)
}

/// The word for what is neither points nor loops nor a line.
fn of_dimension(shape: &Shape, dimension: Option<f64>, evidence: &mut Vec<String>) -> Word {
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
