//! Groups of features that trace a shape together: measured, named, ranked.
//!
//! In: a study with activations, and groups ([`super::groups`]). Out: a [`Manifold`] for each group. Every group is looked
//! at in several ways, each with its own null:
//! - its clouds: reconstructions as they are, of unit length, and where the group carries a real share of the activation
//!   ([`super::lens`]);
//! - the directions of its features: whether they share fewer than as many at random ([`crate::geometry::group::packing`]);
//! - the token types that it is about, which name it, and how much of a family they are ([`family()`]);
//! - the means of those types: whether they stand in a ring or a row in some order that nobody told
//!   ([`crate::geometry::group::order()`]).
//!
//! [`Manifold::score`] ranks, best first: the sum of what the lenses show beyond their nulls ([`Evidence`]), each from 0
//! to about 1. What is quick ([`Study::survey`]) gives a first ranking; nulls, loops and lines follow, the most promising
//! group first ([`Study::deepen`]). A finished row is kept in the cache, group by group.

use super::cache::{Arrays, Key};
use super::fingerprint::Fingerprint;
use super::groups::{COPY, Found, fold};
use super::lens::{self, Lens, LensKind, tokens_of};
use super::study::Study;
use super::token_labels::TokenLabels;
use super::words::label_words;
use crate::error::{Error, Result};
use crate::geometry::cloud::{ShapeParams, Word};
use crate::geometry::group::{
    Arrangement, Family, GroupCloud, OrderParams, Ordered, Packing, TypeMeans, family, order, packed_by_chance,
    reconstruct, shared_directions, type_means,
};
use crate::rows::Points64;
use crate::task::Task;
use crate::text::printable;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

const MANIFOLD_VERSION: u32 = 2;

/// Most rows, unless all are asked for.
pub const ROWS: usize = 1500;
/// Draws of the nulls of order.
const ORDER_DRAWS: usize = 99;
/// Types that a name shows.
pub const NAMED: usize = 12;

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
    /// The token types that it is about, strongest first, [`NAMED`] at most; empty without texts.
    pub name: Vec<String>,
    /// How much of a family all its types are.
    pub family: Option<Family>,
    /// How many directions its features share; none for a single feature.
    pub packing: Option<Packing>,
    /// Its clouds, in the order of [`LensKind::ALL`]; none with too few tokens.
    pub lenses: [Option<Lens>; 3],
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

/// What a group shows beyond the nulls.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Evidence {
    /// A family of token types ([`Family::strength`]).
    pub family: f64,
    /// Directions that its features do without, of those that as many at random share ([`Packing::beyond`]).
    pub packed: f64,
    /// Irreducibility less that of features that fire apart, of the lens that shows most.
    pub irreducible: f64,
    /// A loop of a cloud of unit length, by the rules of the verdict, less the longest of both nulls.
    pub closed: f64,
    /// A line through a cloud of unit length, by the rules of the verdict, less the better fit of both nulls.
    pub line: f64,
    /// An order of the means of types, less the larger 95th percentile of its nulls.
    pub order: f64,
}

impl Evidence {
    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.family + self.packed + self.irreducible + self.closed + self.line + self.order
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

/// What is quick of all groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// The groups, best first.
    pub rows: Vec<Manifold>,
    /// Groups that fire nowhere, or whose directions are all zero.
    pub silent: usize,
    /// Near-copies of better ones that were left out.
    pub copies: usize,
}

/// Token texts as ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Types {
    /// Type of each row.
    pub of: Vec<u32>,
    /// How often each type occurs.
    pub occurrences: Vec<u32>,
    /// What each type reads.
    pub texts: Vec<String>,
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
    /// What tokens are told apart by on a plot: the labels that were given for them, else their types.
    ///
    /// # Errors
    /// As [`Study::types`].
    pub(super) fn classes(&self, task: &Task) -> Result<Option<Cow<'_, Types>>> {
        let Some(TokenLabels { labels, .. }) = self.token_labels() else {
            return Ok(self.types(task)?.map(Cow::Borrowed));
        };
        // What has no label is of a last type that never occurs.
        let mut occurrences = vec![0; labels.names.len() + 1];
        let none = labels.names.len() as u32;
        labels.of.iter().flatten().for_each(|&own| occurrences[own as usize] += 1);
        let of = labels.of.iter().map(|own| own.unwrap_or(none)).collect();
        let texts = labels.names.iter().map(|name| printable(name)).chain([String::new()]).collect();
        Ok(Some(Cow::Owned(Types { of, occurrences, texts })))
    }
    fn count_types(&self, task: &Task) -> Result<Option<Types>> {
        self.need_activations("token types", task)?;
        let Some(tokens) = self.tokens() else { return Ok(None) };
        let mut known: HashMap<&str, u32> = HashMap::new();
        let (mut of, mut occurrences, mut texts) = (Vec::with_capacity(tokens.len()), Vec::new(), Vec::new());
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
        }
        Ok(Some(Types { of, occurrences, texts }))
    }
    /// Activation of all features on every row of the activations; summed once.
    ///
    /// # Errors
    /// If there are no activations, or the task is cancelled.
    pub fn activation(&self, task: &Task) -> Result<&[f64]> {
        if let Some(known) = self.activation.get() {
            return Ok(known);
        }
        let activations = self.need_activations("shares of activation", task)?;
        let sum = |row: usize| activations.by_token.row(row).1.iter().map(|&x| f64::from(x.max(0.0))).sum();
        let summed = (0..activations.tokens()).map(|row| {
            if row.is_multiple_of(1 << 16) {
                task.check()?;
            }
            Ok(sum(row))
        });
        let summed: Result<Vec<f64>> = summed.collect();
        let summed = summed?;
        Ok(self.activation.get_or_init(|| summed))
    }
    /// The participation ratio below which no random set of `count` features of this dictionary comes; drawn once for
    /// each count and seed.
    fn packed_by_chance(&self, count: usize, seed: u64, task: &Task) -> Result<f64> {
        let packed = || self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = packed().get(&(count, seed)).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let found = packed_by_chance(&self.dictionary.decoder, count, seed, task)?;
        packed().insert((count, seed), found);
        Ok(found)
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
    /// whose directions are all zero, has no cloud and no row; nor has a near-copy of a better one.
    ///
    /// # Errors
    /// If there are no activations, or the task is cancelled.
    pub fn survey(&self, mut groups: Vec<Found>, params: &ManifoldParams, task: &Task) -> Result<Survey> {
        self.need_activations("manifolds", task)?;
        self.types(task)?;
        self.activation(task)?;
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
        let rows = rows?;
        let all = rows.len();
        let mut rows: Vec<Manifold> = rows.into_iter().flatten().collect();
        rank(&mut rows);
        let firing = rows.len();
        let rows = fold(rows, COPY, self.features(), |row| &row.found.features);
        Ok(Survey { silent: all - firing, copies: firing - rows.len(), rows })
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
        let activation = self.activation(task)?;
        let mut lenses = [const { None }; 3];
        for (kind, lens) in LensKind::ALL.into_iter().zip(&mut lenses) {
            *lens = Lens::quick(&tokens_of(&cloud, kind, activation), kind, &params.shape, task)?;
        }
        let packing = match shared_directions(&cloud.directions) {
            Some(directions) => {
                let nonzero = |row: &&[f64]| row.iter().any(|x| *x != 0.0);
                let count = cloud.directions.data().chunks_exact(cloud.directions.dims()).filter(nonzero).count();
                Some(Packing { directions, null: self.packed_by_chance(count, params.shape.seed, task)? })
            }
            None => None,
        };
        let means =
            self.types(task)?.and_then(|types| Some((types, type_means(&cloud, &types.of, &types.occurrences)?)));
        let (mut name, mut all) = (Vec::new(), None);
        if let Some((types, means)) = means {
            name = means.types.iter().take(NAMED).map(|&own| types.texts[own as usize].clone()).collect();
            all = Some(family(&cloud, &means, &types.of, activation));
        }
        Ok(Measured {
            tokens: cloud.all_tokens,
            measured: cloud.tokens.len(),
            name,
            family: all,
            packing,
            lenses,
            ring: None,
            row: None,
            whole: false,
        })
    }
    /// Adds loops, lines, nulls and orders, and keeps the whole in the cache.
    fn finish(&self, row: &mut Manifold, params: &ManifoldParams, task: &Task) -> Result<()> {
        let Manifold { found, measured, .. } = row;
        let cloud = self.group_cloud(&found.features, params.most_tokens, task)?;
        let activation = self.activation(task)?;
        let [raw, unit, share] = &mut measured.lenses;
        for same in [vec![(LensKind::Raw, raw), (LensKind::Unit, unit)], vec![(LensKind::Share, share)]] {
            let mut there: Vec<(LensKind, &mut Lens)> =
                same.into_iter().filter_map(|(kind, lens)| Some((kind, lens.as_mut()?))).collect();
            if let Some(&(kind, _)) = there.first() {
                let tokens = tokens_of(&cloud, kind, activation);
                lens::finish(&mut there, &tokens, self.token_labels(), &params.shape, task)?;
            }
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
        let clouds = self.measured.lenses.iter().flatten();
        let irreducible = clouds.filter_map(|lens| lens.shape.irreducibility).fold(0.0, f64::max);
        let Evidence { family, packed, .. } = self.measured.evidence();
        family + packed + irreducible
    }
}

impl Measured {
    /// The cloud of that kind, if it was measured.
    pub fn lens(&self, kind: LensKind) -> Option<&Lens> {
        self.lenses[kind as usize].as_ref()
    }
    /// The lens whose verdict speaks for the group: the one that tells most; of equals first that of all directions, last
    /// that in which magnitude makes a cone of every shape.
    pub fn speaking(&self) -> Option<(&Lens, LensKind)> {
        let tells = |kind: LensKind| {
            let lens = self.lens(kind);
            match lens.and_then(Lens::word) {
                // A ray of all strengths is a line whatever its direction.
                Some(Word::Arc | Word::Curve) if kind == LensKind::Raw => 1,
                // What one plane of ten shows and the span does not tells less.
                Some(Word::Loop | Word::Loops) if lens.is_some_and(Lens::in_a_plane_alone) => 2,
                Some(Word::Loop | Word::Loops | Word::Arc | Word::Curve) => 3,
                Some(Word::Surface | Word::Points) => 2,
                Some(Word::Tree | Word::Blob) => 1,
                Some(Word::Unclear) | None => 0,
            }
        };
        let measured = [LensKind::Unit, LensKind::Share, LensKind::Raw].into_iter();
        let measured = measured.filter(|&kind| self.lens(kind).is_some());
        let best = measured.reduce(|best, kind| if tells(kind) > tells(best) { kind } else { best })?;
        Some((self.lens(best)?, best))
    }
    /// What it shows beyond the nulls; what is not computed yet counts for nothing.
    pub fn evidence(&self) -> Evidence {
        let most = |of: fn(&Lens) -> f64, kinds: &[LensKind]| {
            kinds.iter().filter_map(|&kind| Some(of(self.lens(kind)?))).fold(0.0, f64::max)
        };
        let lengths = [LensKind::Unit, LensKind::Share];
        let margin = |own: &Option<Order>| {
            own.as_ref().map_or(0.0, |Order { found, .. }| (found.fit - found.gaussian_95.max(found.dealt_95)).max(0.0))
        };
        Evidence {
            family: self.family.map_or(0.0, |family| family.strength()),
            packed: self.packing.map_or(0.0, |packing| packing.beyond()),
            irreducible: most(Lens::irreducible, &LensKind::ALL),
            closed: most(Lens::closed, &lengths),
            line: most(Lens::line, &lengths),
            order: margin(&self.ring).max(margin(&self.row)),
        }
    }
}
