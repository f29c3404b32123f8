//! The clouds of a group that are looked at, each beside its own null, and what they show beyond it.
//!
//! | lens | the cloud | sees |
//! |---|---|---|
//! | `raw` | reconstructions as they are | magnitude and shape: a cone, if a shape comes in all strengths |
//! | `unit` | the same of length 1 | shape alone, the faint tokens as large as the strong |
//! | `share` | of length 1, on tokens of whose activation the group carries [`SHARE`] or more | shape, without the tokens on which one stray feature fires |
//!
//! Beside each stand draws of what the same features would write if they fired as often, as strongly and as many at a
//! time, but not with each other ([`fired_apart`]): on the lens' own tokens.

use super::token_labels::TokenLabels;
use crate::error::Result;
use crate::geometry::cloud::{Cloud, Seen, Shape, ShapeParams, Verdict, Word, irreducibility, unit};
use crate::geometry::group::{GroupCloud, fired_apart};
use crate::rows::Points64;
use crate::task::Task;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Least share of a token's activation that is a real share.
pub const SHARE: f64 = 0.2;
/// Fewest tokens of a cloud that is measured.
pub const LEAST_TOKENS: usize = 10;
/// The same of those on which the group is strong, of which there may be a handful by accident.
const LEAST_STRONG: usize = 50;
/// Draws of features that fire apart.
const APART_DRAWS: u64 = 5;
/// Of these, draws that a line is fitted to, and points of them (evenly taken) that it is fitted to.
const LINE_DRAWS: u64 = 3;
const LINE_POINTS: usize = 1500;
/// Persistence of a circle's loop, in radii.
const CIRCLE: f64 = 1.732_050_807_568_877_2;

/// Which cloud of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LensKind {
    /// Reconstructions as they are.
    Raw,
    /// Of length 1.
    Unit,
    /// Of length 1, where the group carries a real share of the activation.
    Share,
}

impl LensKind {
    /// All of them, in the order in which a group keeps them.
    pub const ALL: [Self; 3] = [Self::Raw, Self::Unit, Self::Share];
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Unit => "unit",
            Self::Share => "share",
        }
    }
    /// What the names of its measures end in.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Raw => "",
            Self::Unit => "_unit",
            Self::Share => "_share",
        }
    }
    /// Whether its points are of length 1.
    pub fn is_unit(self) -> bool {
        self != Self::Raw
    }
    /// The points as it looks at them, and which they are.
    fn scaled(self, points: &Points64) -> (Cow<'_, Points64>, Vec<u32>) {
        if self.is_unit() {
            let (scaled, kept) = unit(points);
            (Cow::Owned(scaled), kept)
        } else {
            (Cow::Borrowed(points), (0..points.len() as u32).collect())
        }
    }
    /// Fewest tokens that are measured.
    fn least(self) -> usize {
        if self == Self::Share { LEAST_STRONG } else { LEAST_TOKENS }
    }
    /// What its points are, in words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Raw => "reconstructions",
            Self::Unit => "directions",
            Self::Share => "directions where it is strong",
        }
    }
}

/// What the features write when they fire as often and as strongly, but not with each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Apart {
    /// Draws.
    pub draws: usize,
    /// Their mean irreducibility.
    pub irreducibility: f64,
    /// The largest.
    pub irreducibility_most: f64,
    /// Longest interval of H1 of a draw, where the cloud's own verdict is a loop: in the span, or, if a plane alone shows
    /// the loop, in the draw's most ring-like plane.
    pub longest_loop: Option<f64>,
    /// Best fit of a line through a draw, where the cloud's own verdict is a line.
    pub line: Option<f64>,
}

/// A cloud of a group, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lens {
    /// Share of its tokens on which two or more features fire.
    pub together: f64,
    /// What was measured.
    pub shape: Shape,
    /// The null; none before it is computed.
    pub apart: Option<Apart>,
}

/// The tokens, by their number in the cloud, of whose activation the group carries a real share. `activation` is the sum
/// of all features on every row of the activations.
pub fn carried(cloud: &GroupCloud, activation: &[f64]) -> Vec<u32> {
    let carries = |&at: &u32| {
        let own = cloud.activation(at as usize);
        own > 0.0 && own >= SHARE * activation[cloud.tokens[at as usize] as usize]
    };
    (0..cloud.tokens.len() as u32).filter(carries).collect()
}

/// The tokens of a lens.
pub(super) fn tokens_of<'a>(cloud: &'a GroupCloud, kind: LensKind, activation: &[f64]) -> Cow<'a, GroupCloud> {
    match kind {
        LensKind::Raw | LensKind::Unit => Cow::Borrowed(cloud),
        LensKind::Share => Cow::Owned(cloud.on(&carried(cloud, activation))),
    }
}

/// The points of a lens, and which tokens of the group's cloud they are.
pub(super) fn points_of(cloud: &GroupCloud, kind: LensKind, activation: &[f64]) -> (Points64, Vec<u32>) {
    let own = tokens_of(cloud, kind, activation);
    let (points, mut of) = kind.scaled(&own.points);
    if kind == LensKind::Share {
        let kept = carried(cloud, activation);
        for at in &mut of {
            *at = kept[*at as usize];
        }
    }
    (points.into_owned(), of)
}

impl Lens {
    /// What is quick; none for too few points. `tokens` is the group's cloud on the lens' tokens.
    pub(super) fn quick(
        tokens: &GroupCloud,
        kind: LensKind,
        params: &ShapeParams,
        task: &Task,
    ) -> Result<Option<Self>> {
        let (points, _) = kind.scaled(&tokens.points);
        if points.len() < kind.least() {
            return Ok(None);
        }
        let shape = Cloud::new(&points, kind.is_unit(), task)?.shape(params, task)?;
        Ok(Some(Self { together: tokens.together(), shape, apart: None }))
    }
    /// Adds loops, lines and what labels of the tokens say.
    fn deepen(
        &mut self,
        tokens: &GroupCloud,
        kind: LensKind,
        labels: Option<&TokenLabels>,
        params: &ShapeParams,
        task: &Task,
    ) -> Result<()> {
        let (points, kept) = kind.scaled(&tokens.points);
        let cloud = Cloud::new(&points, kind.is_unit(), task)?;
        cloud.deepen(&mut self.shape, params, task)?;
        if let Some(TokenLabels { labels, distance, .. }) = labels {
            let rows: Vec<u32> = kept.iter().map(|&at| tokens.tokens[at as usize]).collect();
            cloud.label(&mut self.shape, &labels.select(&rows), *distance, params.seed, task)?;
        }
        Ok(())
    }
    /// What one draw of features that fire apart shows of what the cloud shows: irreducibility, a loop, a line.
    fn drawn(&self, points: &Points64, is_unit: bool, lines: bool, params: &ShapeParams, task: &Task) -> Result<Drawn> {
        let own = |points: &Points64| Cloud::new(points, is_unit, task);
        let irreducibility = irreducibility(points, params.mode, params.seed, task)?.unwrap_or(0.0);
        let longest = match self.seen() {
            Some(seen) => own(points)?.longest_loop(seen.pcs.is_some(), params, task)?,
            None => 0.0,
        };
        let line = if self.is_line() && lines {
            let few = own(&evenly(points, LINE_POINTS))?;
            few.arc_length(params.sources, task)?.map_or(0.0, |(_, found)| found.fit)
        } else {
            0.0
        };
        Ok(Drawn { irreducibility, longest, line })
    }
    /// The null of all draws.
    fn held_against(&mut self, draws: &[Drawn]) {
        let most = |of: fn(&Drawn) -> f64| draws.iter().map(of).fold(0.0, f64::max);
        self.apart = Some(Apart {
            draws: draws.len(),
            irreducibility: draws.iter().map(|draw| draw.irreducibility).sum::<f64>() / draws.len().max(1) as f64,
            irreducibility_most: most(|draw| draw.irreducibility),
            longest_loop: self.seen().map(|_| most(|draw| draw.longest)),
            line: self.is_line().then(|| most(|draw| draw.line)),
        });
    }
    /// What the rules made of it.
    pub fn word(&self) -> Option<Word> {
        self.shape.verdict.as_ref().map(|verdict| verdict.word)
    }
    fn is_line(&self) -> bool {
        self.shape.verdict.as_ref().is_some_and(Verdict::is_line)
    }
    /// Whether the loop of the verdict was seen in a plane and not in the span.
    pub(super) fn in_a_plane_alone(&self) -> bool {
        self.seen().is_some_and(|seen| seen.pcs.is_some())
    }
    /// Where the loop of the verdict was seen; none for a circle that chance closes too.
    pub fn seen(&self) -> Option<&Seen> {
        self.shape.homology.get(self.shape.verdict.as_ref()?.seen?)
    }
    /// Weighs the verdict against features that fire apart. A loop that they show as well is taken back, but for a thin
    /// circle in a plane: where features share a plane they can write nothing else, together or apart.
    fn doubt(&mut self) {
        let Some(apart) = self.apart else { return };
        let own = self.seen().map(|seen| seen.persistence(0));
        let fit = self.shape.line.map_or(0.0, |line| line.fit);
        let circle = self.shape.is_circle();
        if let Some((own, longest)) = own.zip(apart.longest_loop).filter(|(own, longest)| own <= longest) {
            let why = format!("features that fire apart show a loop as long: {longest:.3} of {own:.3}");
            if circle {
                self.remark(why);
            } else {
                self.shape.without_loops(why);
            }
        }
        if let Some(line) = apart.line.filter(|line| fit <= line + 0.005) {
            self.remark(format!("features that fire apart lie along a line as well, to {line:.2}"));
        }
    }
    fn remark(&mut self, what: String) {
        if let Some(verdict) = &mut self.shape.verdict {
            verdict.evidence.push(what);
        }
    }
    /// Irreducibility less the mean of features that fire apart.
    pub(super) fn irreducible(&self) -> f64 {
        let apart = self.apart.map(|apart| apart.irreducibility);
        self.shape.irreducibility.zip(apart).map_or(0.0, |(own, apart)| (own - apart).max(0.0))
    }
    /// A loop less the longest of both nulls, in loops of a circle of the cloud's size; times the share of tokens on
    /// which several features fire, for on the others there is no direction but a feature's own.
    pub(super) fn closed(&self) -> f64 {
        let Some((seen, apart)) = self.seen().zip(self.apart.and_then(|apart| apart.longest_loop)) else { return 0.0 };
        let null = seen.null_longest.unwrap_or(0.0).max(apart);
        self.together * ((seen.persistence(0) - null) / (CIRCLE * seen.size)).clamp(0.0, 1.0)
    }
    /// A line's fit less the better of both nulls; times the same share.
    pub(super) fn line(&self) -> f64 {
        let Some(line) = self.shape.line.filter(|_| self.is_line()) else { return 0.0 };
        let apart = self.apart.and_then(|apart| apart.line).unwrap_or(0.0);
        self.together * (line.fit - line.null_fit.max(apart)).max(0.0)
    }
}

/// See [`Lens::drawn`].
struct Drawn {
    irreducibility: f64,
    longest: f64,
    line: f64,
}

/// Adds loops, lines, labels and nulls to lenses that look at the same tokens, and weighs their verdicts.
pub(super) fn finish(
    lenses: &mut [(LensKind, &mut Lens)],
    tokens: &GroupCloud,
    labels: Option<&TokenLabels>,
    params: &ShapeParams,
    task: &Task,
) -> Result<()> {
    for (kind, lens) in &mut *lenses {
        lens.deepen(tokens, *kind, labels, params, task)?;
    }
    let mut draws: Vec<Vec<Drawn>> = lenses.iter().map(|_| Vec::new()).collect();
    for draw in 0..APART_DRAWS {
        task.check()?;
        let apart = fired_apart(tokens, params.seed, draw);
        for ((kind, lens), draws) in lenses.iter().zip(&mut draws) {
            let (points, _) = kind.scaled(&apart);
            if points.len() >= LEAST_TOKENS {
                draws.push(lens.drawn(&points, kind.is_unit(), draw < LINE_DRAWS, params, task)?);
            }
        }
    }
    for ((_, lens), draws) in lenses.iter_mut().zip(&draws) {
        lens.held_against(draws);
        lens.doubt();
    }
    Ok(())
}

/// At most so many of the points, evenly taken.
fn evenly(points: &Points64, most: usize) -> Points64 {
    let n = points.len();
    let count = n.min(most);
    let rows = (0..count).flat_map(|at| points.row(at * n / count).to_vec());
    Points64::new(rows.collect(), points.dims())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four tokens of three features on the axes of a plane and a third direction; the last token writes nothing, for its
    /// two features cancel.
    fn cloud() -> GroupCloud {
        let directions = vec![1.0, 0.0, 0.0, 1.0, -1.0, 0.0];
        GroupCloud {
            features: vec![3, 5, 9],
            basis: Points64::new(vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0], 3),
            directions: Points64::new(directions, 2),
            tokens: vec![2, 4, 6, 7],
            points: Points64::new(vec![2.0, 0.0, 0.0, 1.0, 3.0, 4.0, 0.0, 0.0], 2),
            starts: vec![0, 1, 2, 4, 6],
            firing: vec![0, 1, 0, 1, 0, 2],
            values: vec![2.0, 1.0, 3.0, 4.0, 1.0, 1.0],
            all_tokens: 4,
        }
    }

    #[test]
    fn each_lens_has_its_tokens_and_their_points() {
        let cloud = cloud();
        assert_eq!((0..4).map(|at| cloud.activation(at)).collect::<Vec<_>>(), [2.0, 1.0, 7.0, 2.0]);
        assert_eq!(cloud.together(), 0.5);
        // Of all activation the group carries a tenth, half, all, and a fifth.
        let activation = [0.0, 0.0, 20.0, 0.0, 2.0, 0.0, 7.0, 10.0];
        assert_eq!(carried(&cloud, &activation), [1, 2, 3]);
        let of = |kind| points_of(&cloud, kind, &activation);
        assert_eq!(of(LensKind::Raw), (cloud.points.clone(), vec![0, 1, 2, 3]));
        assert_eq!(of(LensKind::Unit), (Points64::new(vec![1.0, 0.0, 0.0, 1.0, 0.6, 0.8], 2), vec![0, 1, 2]));
        assert_eq!(of(LensKind::Share), (Points64::new(vec![0.0, 1.0, 0.6, 0.8], 2), vec![1, 2]));
        let strong = tokens_of(&cloud, LensKind::Share, &activation);
        assert_eq!((strong.tokens.as_slice(), strong.starts.as_slice()), (&[4, 6, 7][..], &[0, 1, 3, 5][..]));
        assert_eq!(strong.entries(1).collect::<Vec<_>>(), [(0, 3.0), (1, 4.0)]);
        let task = Task::new(1).unwrap();
        for kind in LensKind::ALL {
            assert!(Lens::quick(&cloud, kind, &ShapeParams::MANY, &task).unwrap().is_none(), "too few tokens");
        }
    }
}
