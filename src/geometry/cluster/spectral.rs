//! Normalised spectral clustering, of a sparse graph or of all pairs of rows.
//!
//! Input: an [`Affinity`], a symmetric matrix A without negative entries and with an empty diagonal, known by its products
//! with vectors: a [`Graph`] whose weights the caller has chosen (max(cos, 0), cos², ...), or [`Angular`]. Output: a label
//! for each node, and the leading eigenvalues of N = D^-½ A D^-½, where D holds the degrees.
//!
//! The rows of the k leading eigenvectors of N, each scaled to length 1 (Ng, Jordan and Weiss 2001) or divided by the root
//! of its degree (as scikit-learn's `SpectralClustering` does; Shi and Malik 2000), are grouped by k-means.
//!
//! Parts that no link connects have the eigenvalue 1 each, with eigenvectors that are known: the roots of the degrees
//! within the part. These are taken as they are, and sent to -2 in the search for the others, so that however often the
//! eigenvalue 1 occurs, none is missed. Where there are k parts or more, cutting costs nothing, and the parts are the
//! clusters, however many. Nodes without links are in no cluster.
//!
//! Eigenvectors come from block Lanczos with thick restarts (`pca::krylov`), to a residual of [`TOLERANCE`] of the largest
//! eigenvalue that is searched for, or as near as [`RESTARTS`] lead.
//!
//! Where the spectrum is flat, as beyond the rank of [`Angular`] rows, no few products tell its eigenvectors apart, and
//! what is found there are mixtures of them.
//!
//! Cost, beside k-means in k dimensions: products with A, for a graph e b multiply-adds for b vectors; about 30 n k² for a
//! basis of 2¼ k vectors, and as much again for each restart. Peak memory: 27 k bytes a node, 40 for each vector of a
//! block, and 200 k² for the basis' own eigenvectors; for 24,576 nodes measured 80 MB at k = 50, 850 MB at 1000.

pub(super) mod angular;

pub use angular::Angular;

use super::Clusters;
use super::components::parts;
use super::kmeans::{KmeansParams, check_clusters, kmeans};
use crate::error::Result;
use crate::geometry::graph::Graph;
use crate::geometry::memory::holds;
use crate::geometry::pca::krylov::{Operator, Search, search};
use crate::rows::Points;
use crate::task::Task;
use faer::{Mat, MatRef};
use rayon::prelude::*;

/// Residual at which an eigenpair is done.
const TOLERANCE: f64 = 1e-3;
/// Most restarts of the search for eigenvectors.
const RESTARTS: usize = 30;
/// Nodes whose sums are one task.
const CHUNK: usize = 512;

/// A symmetric matrix of affinities: no entry is negative, and the diagonal is empty.
pub trait Affinity: Sync {
    /// Rows and columns, n.
    fn nodes(&self) -> usize;
    /// Its product with the columns of `vectors` `[n, b]`; the bits must not depend on the threads.
    ///
    /// # Errors
    /// If the task is cancelled.
    fn apply(&self, vectors: MatRef<'_, f64>, task: &Task) -> Result<Mat<f64>>;
    /// The part of every node that links connect, numbered from 0, and how many there are.
    ///
    /// # Errors
    /// If the task is cancelled.
    fn parts(&self, task: &Task) -> Result<(Vec<u32>, usize)>;
    /// Vectors to multiply at a time where `count` are searched for.
    fn block(&self, count: usize) -> usize;
}

impl Affinity for Graph {
    fn nodes(&self) -> usize {
        Graph::nodes(self)
    }
    fn apply(&self, vectors: MatRef<'_, f64>, task: &Task) -> Result<Mat<f64>> {
        let (n, count) = (vectors.nrows(), vectors.ncols());
        // A node's entries lie together.
        let turned = vectors.transpose().to_owned();
        let mut out = vec![0.0f64; n * count];
        task.install(|| {
            out.par_chunks_mut(CHUNK * count).enumerate().for_each(|(chunk, out)| {
                if task.is_cancelled() {
                    return;
                }
                for (at, out) in out.chunks_exact_mut(count).enumerate() {
                    let (targets, weights) = self.row(chunk * CHUNK + at);
                    for (&j, &w) in targets.iter().zip(weights) {
                        let w = f64::from(w);
                        for (out, x) in out.iter_mut().zip(turned.col_as_slice(j as usize)) {
                            *out += w * x;
                        }
                    }
                }
            });
        });
        task.check()?;
        Ok(MatRef::from_row_major_slice(&out, n, count).to_owned())
    }
    fn parts(&self, task: &Task) -> Result<(Vec<u32>, usize)> {
        parts(self, |_, _| true, task)
    }
    fn block(&self, count: usize) -> usize {
        (count / 16).clamp(8, 64)
    }
}

/// What is done to the rows of the eigenvectors before they are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Embedding {
    /// Scaled to length 1.
    Unit,
    /// Divided by the root of the node's degree.
    Degrees,
}

/// How many groups, and how to look for them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpectralParams {
    /// Number of clusters, k, and of eigenvectors.
    pub clusters: usize,
    /// What is grouped.
    pub embedding: Embedding,
    /// Starts of k-means.
    pub restarts: usize,
    /// The draws of k-means.
    pub seed: u64,
}

impl Default for SpectralParams {
    fn default() -> Self {
        Self { clusters: 8, embedding: Embedding::Unit, restarts: 10, seed: 0 }
    }
}

impl SpectralParams {
    /// Engels et al. 2025 on GPT-2 small, over the [`Angular`] affinity of the decoder rows: 1000 clusters, by
    /// scikit-learn's `SpectralClustering(n_clusters=1000, affinity="precomputed")`.
    pub fn engels() -> Self {
        Self { clusters: 1000, embedding: Embedding::Degrees, ..Self::default() }
    }
    /// Checks the parameters for `n` nodes.
    ///
    /// # Errors
    /// If `clusters` is not from 1 to `n`, or `restarts` is 0.
    pub fn check(&self, n: usize) -> Result<()> {
        self.kmeans().check(n)
    }
    fn kmeans(&self) -> KmeansParams {
        let Self { clusters, restarts, seed, .. } = *self;
        KmeansParams { clusters, restarts, seed, ..KmeansParams::default() }
    }
}

/// Clusters, and what was found on the way to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectral {
    /// The labels; nodes without links have none.
    pub clusters: Clusters,
    /// The leading eigenvalues, descending; 1 for each part, even where there are more parts than clusters asked.
    pub eigenvalues: Vec<f64>,
    /// Parts of at least two nodes that no link connects.
    pub parts: usize,
    /// Whether every eigenpair came as near as it should.
    pub settled: bool,
}

/// Groups the nodes of `affinity`.
///
/// Progress: stages `parts`, `eigenvectors` and that of k-means.
///
/// # Errors
/// If a parameter is out of range, also for the nodes that have links, the eigenvectors are more than half of the
/// machine's memory, or the task is cancelled.
pub fn spectral(affinity: &dyn Affinity, params: &SpectralParams, task: &Task) -> Result<Spectral> {
    params.check(affinity.nodes())?;
    task.stage("parts", 0);
    let normalised = Normalised::new(affinity, task)?;
    let found = normalised.count;
    if found >= params.clusters {
        let label = |i: usize| normalised.part[i].map_or(-1, |part| part as i32);
        let labels: Vec<i32> = (0..affinity.nodes()).map(label).collect();
        let clusters = Clusters::from_labels(&labels);
        return Ok(Spectral { clusters, eigenvalues: vec![1.0; found], parts: found, settled: true });
    }
    check_clusters(params.clusters, normalised.linked.len())?;
    let (values, vectors, settled) = normalised.leading(params.clusters - found, task)?;
    let points = normalised.embed(&vectors, params.embedding);
    drop(vectors);
    let grouped = kmeans(&points, &params.kmeans(), task)?;
    let mut labels = vec![-1; affinity.nodes()];
    for (&node, &label) in normalised.linked.iter().zip(&grouped.clusters.labels) {
        labels[node as usize] = label;
    }
    let eigenvalues = std::iter::repeat_n(1.0, found).chain(values).collect();
    Ok(Spectral { clusters: Clusters::from_labels(&labels), eigenvalues, parts: found, settled })
}

/// The leading eigenfunctions of the random walk on a graph, but for the constant one.
pub(in crate::geometry) struct Walk {
    /// Eigenvalues, descending: 1 for each part but one.
    pub(in crate::geometry) values: Vec<f64>,
    /// A function on the nodes for each, of mean square 1 under the stationary distribution; its entry of largest magnitude
    /// is positive. 0 for nodes without links.
    pub(in crate::geometry) functions: Vec<Vec<f64>>,
    /// Parts of at least two nodes that no link connects.
    pub(in crate::geometry) parts: usize,
    /// Whether every eigenpair came as near as it should.
    pub(in crate::geometry) settled: bool,
}

/// The `count` leading eigenfunctions of the random walk on `affinity`. Those of the eigenvalue 1 tell parts: the largest
/// from all others, the next from those after it.
///
/// # Errors
/// If the eigenvectors are more than half of the machine's memory, or the task is cancelled.
pub(in crate::geometry) fn walk(affinity: &dyn Affinity, count: usize, task: &Task) -> Result<Walk> {
    let normalised = Normalised::new(affinity, task)?;
    let n = affinity.nodes();
    let degree: Vec<f64> = normalised.scale.iter().map(|s| if *s > 0.0 { 1.0 / (s * s) } else { 0.0 }).collect();
    let total: f64 = degree.iter().sum();
    let mut of_part = vec![(0.0, 0usize); normalised.count];
    for (i, part) in normalised.part.iter().enumerate() {
        if let Some(part) = part {
            of_part[*part as usize].0 += degree[i];
            of_part[*part as usize].1 += 1;
        }
    }
    let mut largest: Vec<u32> = (0..normalised.count as u32).collect();
    largest.sort_by_key(|&part| std::cmp::Reverse(of_part[part as usize].1));
    let mut place = vec![0; normalised.count];
    largest.iter().enumerate().for_each(|(rank, &part)| place[part as usize] = rank);
    let (mut values, mut functions) = (Vec::new(), Vec::new());
    let mut after = total;
    for &part in largest.iter().take(normalised.count.saturating_sub(1)).take(count) {
        let own = of_part[part as usize].0;
        after -= own;
        // Of mean 0 and mean square 1, constant on the part and on all that come after it.
        let [inside, outside] =
            [(total * after / (own * (own + after))).sqrt(), (total * own / (after * (own + after))).sqrt()];
        let rank = place[part as usize];
        let value = |i: usize| match normalised.part[i].map(|own| place[own as usize]) {
            Some(at) if at == rank => inside,
            Some(at) if at > rank => -outside,
            _ => 0.0,
        };
        values.push(1.0);
        functions.push((0..n).map(value).collect::<Vec<f64>>());
    }
    let mut settled = true;
    if functions.len() < count {
        let (found, vectors, done) = normalised.leading(count - functions.len(), task)?;
        settled = done;
        for (c, value) in found.into_iter().enumerate() {
            values.push(value);
            functions.push((0..n).map(|i| vectors[(i, c)] * normalised.scale[i] * total.sqrt()).collect());
        }
    }
    for function in &mut functions {
        let peak = function.iter().copied().fold(0.0f64, |best, x| if x.abs() > best.abs() { x } else { best });
        if peak < 0.0 {
            for x in function.iter_mut() {
                *x = -*x;
            }
        }
    }
    Ok(Walk { values, functions, parts: normalised.count, settled })
}

/// N, with the eigenvectors that are known.
struct Normalised<'a> {
    affinity: &'a dyn Affinity,
    /// 1 / √degree; 0 without links.
    scale: Vec<f64>,
    /// √degree over its length within the part: the known eigenvectors, one beside the other.
    known: Vec<f64>,
    /// Part of each node, those of two nodes or more numbered; none without links.
    part: Vec<Option<u32>>,
    /// Number of these parts.
    count: usize,
    /// The nodes with links.
    linked: Vec<u32>,
}

impl<'a> Normalised<'a> {
    fn new(affinity: &'a dyn Affinity, task: &Task) -> Result<Self> {
        let n = affinity.nodes();
        let ones = Mat::from_fn(n, 1, |_, _| 1.0);
        let degrees: Vec<f64> = affinity.apply(ones.as_ref(), task)?.col(0).iter().copied().collect();
        let (raw, _) = affinity.parts(task)?;
        let linked: Vec<u32> = (0..n as u32).filter(|&i| degrees[i as usize] > 0.0).collect();
        let mut number = vec![None; n];
        let mut part = vec![None; n];
        let mut lengths: Vec<f64> = Vec::new();
        for &i in &linked {
            let i = i as usize;
            let own = *number[raw[i] as usize].get_or_insert_with(|| {
                lengths.push(0.0);
                lengths.len() as u32 - 1
            });
            part[i] = Some(own);
            lengths[own as usize] += degrees[i];
        }
        let known = |i: usize| part[i].map_or(0.0, |part| (degrees[i] / lengths[part as usize]).sqrt());
        Ok(Self {
            affinity,
            scale: degrees.iter().map(|&d| if d > 0.0 { 1.0 / d.sqrt() } else { 0.0 }).collect(),
            known: (0..n).map(known).collect(),
            count: lengths.len(),
            part,
            linked,
        })
    }

    /// The `count` leading eigenpairs beside the known ones, and whether all are done.
    fn leading(&self, count: usize, task: &Task) -> Result<(Vec<f64>, Mat<f64>, bool)> {
        let n = self.affinity.nodes();
        let block = self.affinity.block(count);
        let keep = count + block.max(count / 8);
        let basis = (2 * keep).max(keep + 128);
        let how = Search { count, block, keep, basis, restarts: RESTARTS, tolerance: TOLERANCE };
        let vectors = how.basis.min(n) + how.keep + 3 * block;
        holds(n as u128 * vectors as u128 * 8, || format!("{count} eigenvectors of {n} nodes"), "fewer --clusters")?;
        task.stage("eigenvectors", 0);
        let found = search(self, &how, task)?;
        Ok((found.values, found.vectors, found.settled))
    }

    /// The rows of the known and of the other eigenvectors, of the nodes with links.
    fn embed(&self, vectors: &Mat<f64>, embedding: Embedding) -> Points {
        let dims = self.count + vectors.ncols();
        let mut values = vec![0.0f32; self.linked.len() * dims];
        let mut row = vec![0.0f64; dims];
        for (&i, out) in self.linked.iter().zip(values.chunks_exact_mut(dims)) {
            let i = i as usize;
            row.fill(0.0);
            if let Some(part) = self.part[i] {
                row[part as usize] = self.known[i];
            }
            for (c, x) in row[self.count..].iter_mut().enumerate() {
                *x = vectors[(i, c)];
            }
            // A linked node's known entry is not 0, and so its row is not.
            let factor = match embedding {
                Embedding::Unit => 1.0 / row.iter().map(|x| x * x).sum::<f64>().sqrt(),
                Embedding::Degrees => self.scale[i],
            };
            out.iter_mut().zip(&row).for_each(|(out, x)| *out = (x * factor) as f32);
        }
        Points::new(values, dims)
    }
}

/// N x, but -2 x for known eigenvectors and for nodes without links.
impl Operator for Normalised<'_> {
    fn width(&self) -> usize {
        self.affinity.nodes()
    }
    fn apply(&self, vectors: MatRef<f64>, task: &Task) -> Result<Mat<f64>> {
        let (n, count) = (vectors.nrows(), vectors.ncols());
        let scaled = Mat::from_fn(n, count, |i, c| self.scale[i] * vectors[(i, c)]);
        let mut out = self.affinity.apply(scaled.as_ref(), task)?;
        let mut along = vec![0.0; self.count];
        for c in 0..count {
            task.check()?;
            along.fill(0.0);
            for i in 0..n {
                if let Some(part) = self.part[i] {
                    along[part as usize] += self.known[i] * vectors[(i, c)];
                }
            }
            for i in 0..n {
                out[(i, c)] = match self.part[i] {
                    Some(part) => self.scale[i] * out[(i, c)] - 3.0 * self.known[i] * along[part as usize],
                    None => -2.0 * vectors[(i, c)],
                };
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
