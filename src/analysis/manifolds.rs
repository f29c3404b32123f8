//! Groups of features that trace a shape together: measured, named, ranked.
//!
//! In: a study with activations, and groups ([`super::groups`]). Out: a [`Manifold`] for each group. Every group is looked
//! at through several lenses, each with its own null:
//! - its cloud of reconstructions as they are, and of unit length ([`crate::geometry::cloud`]); beside them what the same
//!   features would write if they fired as often, as strongly and as many at a time, but not with each other
//!   ([`fired_apart`]);
//! - the token types that it is about, which name it, and how much of a family they are ([`family()`]);
//! - the means of those types: whether they stand in a ring or a row in some order that nobody told
//!   ([`crate::geometry::group::order()`]).
//!
//! [`Manifold::score`] ranks, best first: the sum of what the lenses show beyond their nulls ([`Evidence`]), each from 0
//! to about 1. What is quick ([`Study::survey`]) gives a first ranking; nulls, loops and lines follow, the most promising
//! group first ([`Study::deepen`]). A finished row is kept in the cache, group by group.

use super::cache::{Arrays, Key};
use super::fingerprint::Fingerprint;
use super::groups::Found;
use super::study::Study;
use super::words::label_words;
use crate::error::{Error, Result};
use crate::geometry::cloud::{Cloud, Shape, ShapeParams, Verdict, Word, irreducibility, unit};
use crate::geometry::group::{
    Arrangement, Family, GroupCloud, OrderParams, Ordered, TypeMeans, family, fired_apart, order, reconstruct,
    type_means,
};
use crate::rows::Points64;
use crate::task::Task;
use crate::text::printable;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

const MANIFOLD_VERSION: u32 = 1;

/// Most rows, unless all are asked for.
pub const ROWS: usize = 1500;
/// Fewest tokens of a group whose cloud is measured.
pub const LEAST_TOKENS: usize = 10;
/// Draws of the nulls of order.
const ORDER_DRAWS: usize = 99;
/// Draws of features that fire apart.
const APART_DRAWS: u64 = 5;
/// Of these, draws that a line is fitted to, and points of them (evenly taken) that it is fitted to.
const LINE_DRAWS: u64 = 3;
const LINE_POINTS: usize = 1500;
/// Types that a name shows.
pub const NAMED: usize = 12;
/// Persistence of a circle's loop, in radii.
const CIRCLE: f64 = 1.732_050_807_568_877_2;

/// A group, measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifold {
    /// The group.
    pub found: Found,
    /// Words of its features' labels.
    pub label: Vec<String>,
    /// What was measured.
    pub measured: Measured,
    /// What ranks.
    pub score: f64,
}

/// What was measured of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Tokens on which it fires.
    pub tokens: usize,
    /// Tokens that were measured: as many, unless fewer were asked for.
    pub measured: usize,
    /// Share of the tokens on which two or more of its features fire.
    pub together: f64,
    /// The token types that it is about, strongest first, [`NAMED`] at most; empty without texts.
    pub name: Vec<String>,
    /// How much of a family all its types are.
    pub family: Option<Family>,
    /// Its cloud; none if the group fires too seldom.
    pub raw: Option<Shape>,
    /// The same of unit length.
    pub unit: Option<Shape>,
    /// What its features write if they fire apart; none before that is computed.
    pub apart: Option<Apart>,
    /// The best ring of its types' means.
    pub ring: Option<Order>,
    /// The best row of them.
    pub row: Option<Order>,
    /// Whether nulls, loops and lines are there.
    pub whole: bool,
}

/// Types in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// How well they stand.
    pub found: Ordered,
    /// What they read, in that order.
    pub types: Vec<String>,
}

/// What the features of a group write when they fire as often and as strongly, but not with each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Apart {
    /// Draws.
    pub draws: usize,
    /// Mean irreducibility of the draws as they are, and the largest.
    pub raw: [f64; 2],
    /// The same of unit length.
    pub unit: [f64; 2],
    /// Longest interval of H1 of a draw of unit length, in the span.
    pub loop_unit: f64,
    /// Best fit of a line through a draw of unit length; none unless the cloud's own verdict is a line.
    pub line_unit: Option<f64>,
}

/// What the lenses show of a group beyond their nulls.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Evidence {
    /// A family of token types ([`Family::strength`]).
    pub family: f64,
    /// Irreducibility of the raw or the unit cloud, less the mean of features that fire apart.
    pub irreducible: f64,
    /// A loop of the unit cloud, by the rules of the verdict, less the longest of both nulls, in loops of a circle; times
    /// the share of tokens on which several features fire, for on the others there is no direction but a feature's own.
    pub closed: f64,
    /// A line through the unit cloud, by the rules of the verdict, less the better fit of both nulls; times the same share.
    pub line: f64,
    /// An order of the means of types, less the larger 95th percentile of its nulls.
    pub order: f64,
}

impl Evidence {
    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.family + self.irreducible + self.closed + self.line + self.order
    }
}

/// What to measure, and how far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ManifoldParams {
    /// How clouds are measured.
    pub shape: ShapeParams,
    /// Most tokens of a group, if not all.
    pub most_tokens: Option<usize>,
    /// Keep every group, near-copies folded, however many.
    pub all: bool,
}

/// Token texts as ids.
pub struct Types {
    /// Type of each row.
    pub of: Vec<u32>,
    /// How often each type occurs.
    pub occurrences: Vec<u32>,
    /// What each type reads.
    pub texts: Vec<String>,
    /// Activation of all features on each row.
    pub activation: Vec<f64>,
}

impl Study {
    /// The types of the token texts (surrounding spaces off), if there are texts; counted once.
    ///
    /// # Errors
    /// If there are no activations, or the task is cancelled.
    pub fn types(&self, task: &Task) -> Result<Option<&Types>> {
        if let Some(known) = self.types.get() {
            return Ok(known.as_ref());
        }
        let counted = self.count_types(task)?;
        Ok(self.types.get_or_init(|| counted).as_ref())
    }
    fn count_types(&self, task: &Task) -> Result<Option<Types>> {
        let activations = self.need_activations("token types", task)?;
        let Some(tokens) = self.tokens() else { return Ok(None) };
        let mut known: HashMap<&str, u32> = HashMap::new();
        let (mut of, mut occurrences, mut texts) = (Vec::with_capacity(tokens.len()), Vec::new(), Vec::new());
        let mut activation = Vec::with_capacity(tokens.len());
        for row in 0..tokens.len() {
            if row.is_multiple_of(1 << 16) {
                task.check()?;
            }
            let own = tokens.token(row).trim();
            let id = *known.entry(own).or_insert_with(|| {
                texts.push(printable(own));
                occurrences.push(0);
                texts.len() as u32 - 1
            });
            occurrences[id as usize] += 1;
            of.push(id);
            activation.push(activations.by_token.row(row).1.iter().map(|&x| f64::from(x.max(0.0))).sum());
        }
        Ok(Some(Types { of, occurrences, texts, activation }))
    }
    /// What a group writes on the tokens on which it fires.
    ///
    /// # Errors
    /// As [`reconstruct()`], and if there are no activations.
    pub fn group_cloud(&self, features: &[u32], most: Option<usize>, task: &Task) -> Result<GroupCloud> {
        let activations = self.need_activations("a cloud", task)?;
        reconstruct(&self.dictionary.decoder, &activations.by_feature, features, most, task)
            .map_err(|error| error.in_file(&self.name))
    }
    /// What is quick of every group, best first; from the cache whatever is finished there. A group that fires nowhere, or
    /// whose directions are all zero, has no cloud and no row.
    ///
    /// # Errors
    /// If there are no activations, or the task is cancelled.
    pub fn survey(&self, mut groups: Vec<Found>, params: &ManifoldParams, task: &Task) -> Result<Vec<Manifold>> {
        self.need_activations("manifolds", task)?;
        self.types(task)?;
        if !params.all {
            groups.truncate(ROWS);
        }
        task.stage("clouds", groups.len() as u64);
        let rows: Result<Vec<Option<Manifold>>> = task.install(|| {
            groups
                .into_par_iter()
                .with_max_len(1)
                .map(|found| {
                    let row = self.quick(found, params, &task.part());
                    task.advance(1);
                    match row {
                        Err(Error::Nothing(_) | Error::Usage(_)) => Ok(None),
                        row => row.map(Some),
                    }
                })
                .collect()
        });
        let mut rows: Vec<Manifold> = rows?.into_iter().flatten().collect();
        rank(&mut rows);
        Ok(rows)
    }
    /// Adds what takes longer to all `rows`, the most promising first, and ranks them anew. `seen` is shown each row when
    /// it is finished, in no certain order, with its place among `rows` as they were given.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn deepen(
        &self,
        rows: &mut [Manifold],
        params: &ManifoldParams,
        task: &Task,
        seen: &(dyn Fn(usize, &Manifold) + Sync),
    ) -> Result<()> {
        self.types(task)?;
        let mut todo: Vec<usize> = (0..rows.len()).filter(|&at| !rows[at].measured.whole).collect();
        todo.sort_by(|&a, &b| rows[b].promise().total_cmp(&rows[a].promise()).then(a.cmp(&b)));
        task.stage("loops, lines and nulls", todo.len() as u64);
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(todo.len())));
        let work = || -> Result<()> {
            while let Some(&at) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut row = rows[at].clone();
                self.finish(&mut row, params, &task.part())?;
                task.advance(1);
                seen(at, &row);
                done.lock().unwrap_or_else(PoisonError::into_inner).push((at, row));
            }
            Ok(())
        };
        task.install(|| (0..rayon::current_num_threads()).into_par_iter().try_for_each(|_| work()))?;
        for (at, row) in done.into_inner().unwrap_or_else(PoisonError::into_inner) {
            rows[at] = row;
        }
        rank(rows);
        Ok(())
    }
    /// Measures one group whole.
    ///
    /// # Errors
    /// As [`Study::group_cloud`].
    pub fn manifold(&self, found: Found, params: &ManifoldParams, task: &Task) -> Result<Manifold> {
        let mut row = self.quick(found, params, task)?;
        if !row.measured.whole {
            self.finish(&mut row, params, task)?;
        }
        Ok(row)
    }
    fn quick(&self, found: Found, params: &ManifoldParams, task: &Task) -> Result<Manifold> {
        let kept = self.cache.get(&self.manifold_key(&found.features, params));
        let measured = match kept.and_then(|arrays| load(&arrays)) {
            Some(measured) => measured,
            None => self.measure(&found.features, params, task)?,
        };
        let label = self.label_words(&found.features);
        let score = measured.evidence().sum();
        Ok(Manifold { found, label, measured, score })
    }
    fn measure(&self, features: &[u32], params: &ManifoldParams, task: &Task) -> Result<Measured> {
        let cloud = self.group_cloud(features, params.most_tokens, task)?;
        let shape = |points: &Points64, is_unit: bool| -> Result<Option<Shape>> {
            if points.len() < LEAST_TOKENS {
                return Ok(None);
            }
            Cloud::new(points, is_unit, task)?.shape(&params.shape, task).map(Some)
        };
        let (raw, unit) = (shape(&cloud.points, false)?, shape(&unit(&cloud.points).0, true)?);
        let means =
            self.types(task)?.and_then(|types| Some((types, type_means(&cloud, &types.of, &types.occurrences)?)));
        let (mut name, mut all) = (Vec::new(), None);
        if let Some((types, means)) = means {
            name = means.types.iter().take(NAMED).map(|&own| types.texts[own as usize].clone()).collect();
            all = Some(family(&cloud, &means, &types.of, &types.activation));
        }
        let (tokens, measured) = (cloud.all_tokens, cloud.tokens.len());
        let several = (0..measured).filter(|&at| cloud.entries(at).filter(|(_, value)| *value > 0.0).count() > 1);
        Ok(Measured {
            tokens,
            measured,
            together: several.count() as f64 / measured.max(1) as f64,
            name,
            family: all,
            raw,
            unit,
            apart: None,
            ring: None,
            row: None,
            whole: false,
        })
    }
    /// Adds loops, lines, nulls and orders, and keeps the whole in the cache.
    fn finish(&self, row: &mut Manifold, params: &ManifoldParams, task: &Task) -> Result<()> {
        let Manifold { found, measured, .. } = row;
        let cloud = self.group_cloud(&found.features, params.most_tokens, task)?;
        if let Some(shape) = &mut measured.raw {
            Cloud::new(&cloud.points, false, task)?.deepen(shape, &params.shape, task)?;
        }
        if let Some(shape) = &mut measured.unit {
            Cloud::new(&unit(&cloud.points).0, true, task)?.deepen(shape, &params.shape, task)?;
            let is_line = shape.verdict.as_ref().is_some_and(|verdict| is_line(verdict.word));
            measured.apart = Some(apart(&cloud, is_line, &params.shape, task)?);
        }
        let means =
            self.types(task)?.and_then(|types| Some((types, type_means(&cloud, &types.of, &types.occurrences)?)));
        if let Some((types, means)) = means {
            let text = |at: u32| types.texts[means.types[at as usize] as usize].clone();
            let put = |arrangement| -> Result<Option<Order>> {
                let found = ordered(&means, arrangement, params.shape.seed, task)?;
                Ok(found.map(|found| Order { types: found.order.iter().map(|&at| text(at)).collect(), found }))
            };
            (measured.ring, measured.row) = (put(Arrangement::Ring)?, put(Arrangement::Row)?);
        }
        measured.whole = true;
        measured.doubt();
        row.score = measured.evidence().sum();
        let key = self.manifold_key(&row.found.features, params);
        if let Ok(bytes) = bincode::serde::encode_to_vec(&row.measured, bincode::config::standard()) {
            let _ = self.cache.put(&key, &self.name, &Arrays::new().with("measured", &bytes));
        }
        Ok(())
    }
    fn manifold_key(&self, features: &[u32], params: &ManifoldParams) -> Key {
        let ShapeParams { mode, seed, landmarks, planes, draws, sources, spread_draws, most } = params.shape;
        let group = Fingerprint::new().bytes(bytemuck::cast_slice(features)).finish();
        // Which activations and which texts they were measured on.
        let evidence = self.sources_text();
        let question = format!(
            "manifold of {} features {group} mode={mode:?} seed={seed} landmarks={landmarks} planes={planes} draws={draws} \
             sources={sources} spread={spread_draws} sampled={most:?} most={:?} on {evidence}",
            features.len(),
            params.most_tokens
        );
        self.key(&question, &format!("manifold{MANIFOLD_VERSION}"))
    }
    /// The words that most labels of these features share.
    fn label_words(&self, features: &[u32]) -> Vec<String> {
        let Some(labels) = self.labels() else { return Vec::new() };
        let mut counts: HashMap<String, u32> = HashMap::new();
        for &feature in features {
            for word in label_words(&labels.get(feature as usize).unwrap_or_default().to_lowercase()) {
                *counts.entry(word.to_string()).or_default() += 1;
            }
        }
        let mut words: Vec<(String, u32)> = counts.into_iter().filter(|(_, count)| *count >= 2).collect();
        words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        words.into_iter().take(4).map(|(word, _)| word).collect()
    }
}

fn is_line(word: Word) -> bool {
    matches!(word, Word::Arc | Word::Curve)
}

/// Best first; of equals the one whose features come first.
fn rank(rows: &mut [Manifold]) {
    rows.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.found.features.cmp(&b.found.features)));
}

/// A measured group as the cache gave it back.
fn load(arrays: &Arrays) -> Option<Measured> {
    let bytes: Vec<u8> = arrays.get("measured")?;
    let (measured, read) = bincode::serde::decode_from_slice(&bytes, bincode::config::standard()).ok()?;
    (read == bytes.len()).then_some(measured)
}

/// The draws of features that fire apart.
fn apart(cloud: &GroupCloud, lines: bool, params: &ShapeParams, task: &Task) -> Result<Apart> {
    let (mut raw, mut lengths, mut longest) = (Vec::new(), Vec::new(), 0.0f64);
    let mut line = lines.then_some(0.0f64);
    for draw in 0..APART_DRAWS {
        task.check()?;
        let points = fired_apart(cloud, params.seed, draw);
        let index = |points: &Points64| irreducibility(points, params.mode, params.seed, task);
        raw.push(index(&points)?.unwrap_or(0.0));
        let (points, _) = unit(&points);
        if points.len() >= LEAST_TOKENS {
            lengths.push(index(&points)?.unwrap_or(0.0));
            let own = Cloud::new(&points, true, task)?;
            longest = longest.max(own.longest_loop(params, task)?);
            if let Some(line) = line.as_mut().filter(|_| draw < LINE_DRAWS) {
                let few = Cloud::new(&evenly(&points, LINE_POINTS), true, task)?;
                let fit = few.arc_length(params.sources, task)?.map_or(0.0, |(_, found)| found.fit);
                *line = line.max(fit);
            }
        }
    }
    let summed =
        |all: &[f64]| [all.iter().sum::<f64>() / all.len().max(1) as f64, all.iter().copied().fold(0.0, f64::max)];
    Ok(Apart { draws: raw.len(), raw: summed(&raw), unit: summed(&lengths), loop_unit: longest, line_unit: line })
}

/// At most so many of the points, evenly taken.
fn evenly(points: &Points64, most: usize) -> Points64 {
    let n = points.len();
    let count = n.min(most);
    let rows = (0..count).flat_map(|at| points.row(at * n / count).to_vec());
    Points64::new(rows.collect(), points.dims())
}

/// The means of the strongest types in order.
fn ordered(means: &TypeMeans, arrangement: Arrangement, seed: u64, task: &Task) -> Result<Option<Ordered>> {
    let dims = means.means.dims();
    let count = means.means.len().min(crate::geometry::group::order::MOST);
    let strongest = Points64::new(means.means.data()[..count * dims].to_vec(), dims);
    order(&strongest, arrangement, &OrderParams { draws: ORDER_DRAWS, seed }, task)
}

impl Manifold {
    /// The order in which what takes long is computed: what it may come to.
    fn promise(&self) -> f64 {
        let clouds = [&self.measured.raw, &self.measured.unit];
        let irreducible = clouds.into_iter().flatten().filter_map(|shape| shape.irreducibility).fold(0.0, f64::max);
        self.measured.family.map_or(0.0, |family| family.strength()) + irreducible
    }
}

impl Measured {
    /// The cloud whose verdict speaks for the group: the one that tells more.
    pub fn speaking(&self) -> Option<(&Shape, bool)> {
        let tells = |shape: &Shape| match shape.verdict.as_ref().map(|verdict| verdict.word) {
            Some(Word::Loop | Word::Loops | Word::Arc | Word::Curve) => 3,
            Some(Word::Surface | Word::Points) => 2,
            Some(Word::Tree | Word::Blob) => 1,
            Some(Word::Unclear) | None => 0,
        };
        match (&self.raw, &self.unit) {
            (Some(raw), Some(unit)) if tells(unit) > tells(raw) => Some((unit, true)),
            (Some(raw), _) => Some((raw, false)),
            (None, unit) => unit.as_ref().map(|unit| (unit, true)),
        }
    }
    /// Takes back a loop of the unit cloud that features which fire apart show as well.
    fn doubt(&mut self) {
        let (Some(shape), Some(apart)) = (&mut self.unit, self.apart) else { return };
        let (Some(span), Some(verdict)) = (shape.homology.first(), &mut shape.verdict) else { return };
        let own = span.persistence(0);
        if span.loops() > 0 && own <= apart.loop_unit {
            verdict.word = Word::Unclear;
            let longest = apart.loop_unit;
            verdict
                .evidence
                .insert(0, format!("features that fire apart show a loop as long: {longest:.3} of {own:.3}"));
        }
    }
    /// What the lenses show beyond their nulls; what is not computed yet counts for nothing.
    pub fn evidence(&self) -> Evidence {
        let beyond = |shape: &Option<Shape>, mean: Option<f64>| {
            let own = shape.as_ref().and_then(|shape| shape.irreducibility);
            own.zip(mean).map_or(0.0, |(own, mean)| (own - mean).max(0.0))
        };
        let (raw, lengths) = (self.apart.map(|apart| apart.raw[0]), self.apart.map(|apart| apart.unit[0]));
        let word = self.unit.as_ref().and_then(|shape| shape.verdict.as_ref()).map(|Verdict { word, .. }| *word);
        let span = self.unit.as_ref().and_then(|shape| shape.homology.first());
        let closed = match (word, span, self.apart) {
            (Some(Word::Loop | Word::Loops), Some(span), Some(apart)) => {
                let null = span.null_longest.unwrap_or(0.0).max(apart.loop_unit);
                self.together * ((span.persistence(0) - null) / (CIRCLE * span.size)).clamp(0.0, 1.0)
            }
            _ => 0.0,
        };
        let line = match (word, self.unit.as_ref().and_then(|shape| shape.line)) {
            (Some(word), Some(line)) if is_line(word) => {
                let apart = self.apart.and_then(|apart| apart.line_unit).unwrap_or(0.0);
                self.together * (line.fit - line.null_fit.max(apart)).max(0.0)
            }
            _ => 0.0,
        };
        let margin = |own: &Option<Order>| {
            own.as_ref().map_or(0.0, |Order { found, .. }| (found.fit - found.gaussian_95.max(found.dealt_95)).max(0.0))
        };
        Evidence {
            family: self.family.map_or(0.0, |family| family.strength()),
            irreducible: beyond(&self.raw, raw).max(beyond(&self.unit, lengths)),
            closed,
            line,
            order: margin(&self.ring).max(margin(&self.row)),
        }
    }
}
