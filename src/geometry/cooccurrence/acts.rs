//! The activations in both orders, ready for counting who fires with whom.
//!
//! In: the two sparse orders, `[tokens, features]` and `[features, tokens]`. Out: [`Acts`], which knows on which tokens
//! each feature *fires*: where its stored value is above 0. Where all stored values are, as in most dictionaries, the
//! columns are used where they lie; otherwise those that fire are copied, 4 bytes an entry in each order and 8 bytes a
//! row.

use crate::error::{Problem, Result};
use crate::sae::Sparse;
use crate::task::Task;
use std::borrow::Cow;
use std::ops::Range;

/// Entries between two looks at whether the work should stop.
pub(super) const POLL: usize = 1 << 20;

/// A part of the features ends when it holds this share of the entries, ...
const PARTS: usize = 256;
/// ... but at least so many of them, or so many features: nothing that depends on the threads.
const PART: usize = 4096;

/// Rows of columns.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    indptr: &'a [u64],
    indices: &'a [u32],
}

impl<'a> Columns<'a> {
    /// Where the columns of each row end.
    pub(super) fn indptr(self) -> &'a [u64] {
        self.indptr
    }
    /// Gives the columns of each row to `work`.
    #[inline]
    pub(super) fn each(self, rows: &[u32], mut work: impl FnMut(&'a [u32])) {
        let mut ahead: [&[u32]; AHEAD] = [&[]; AHEAD];
        for rows in rows.chunks(AHEAD) {
            for (slot, &row) in ahead.iter_mut().zip(rows) {
                *slot = self.row(row as usize);
            }
            ahead[..rows.len()].iter().for_each(|row| touch(row));
            ahead[..rows.len()].iter().for_each(|row| work(row));
        }
    }
    /// The columns of row `r`.
    #[inline]
    pub(super) fn row(self, r: usize) -> &'a [u32] {
        &self.indices[self.indptr[r] as usize..self.indptr[r + 1] as usize]
    }
}

/// Rows that are asked for before the first of them is used.
pub(super) const AHEAD: usize = 16;

/// Reads a number of every cache line of a row. Rows of tokens lie far apart: done for some rows before any is used, their
/// lines come at the same time, where waiting for one after the other takes most of a product's time.
#[inline]
pub(super) fn touch<T: Copy>(row: &[T]) {
    for &number in row.iter().step_by(64 / size_of::<T>()) {
        std::hint::black_box(number);
    }
}

/// One order of the activations, those that fire alone.
struct Firing<'a> {
    indptr: Cow<'a, [u64]>,
    indices: Cow<'a, [u32]>,
}

impl<'a> Firing<'a> {
    fn of(sparse: &'a Sparse, all: bool, task: &Task) -> Result<Self> {
        if all {
            return Ok(Self { indptr: (&sparse.indptr[..]).into(), indices: (&sparse.indices[..]).into() });
        }
        let (mut indptr, mut indices) = (Vec::with_capacity(sparse.rows + 1), Vec::new());
        indptr.push(0);
        let mut since = 0;
        for row in 0..sparse.rows {
            let (columns, values) = sparse.row(row);
            indices.extend(columns.iter().zip(values).filter(|(_, value)| **value > 0.0).map(|(&column, _)| column));
            indptr.push(indices.len() as u64);
            since += columns.len();
            if since >= POLL {
                since = 0;
                task.check()?;
            }
        }
        Ok(Self { indptr: indptr.into(), indices: indices.into() })
    }
    fn columns(&self) -> Columns<'_> {
        Columns { indptr: &self.indptr, indices: &self.indices }
    }
}

/// Activations of `features()` features on `tokens()` tokens (or blocks of them), in both orders.
pub struct Acts<'a> {
    by_token: &'a Sparse,
    by_feature: &'a Sparse,
    firing_by_token: Firing<'a>,
    firing_by_feature: Firing<'a>,
    counts: Vec<u32>,
}

impl<'a> Acts<'a> {
    /// `by_token` is `[tokens, features]`, `by_feature` the same entries transposed.
    ///
    /// # Errors
    /// If the two differ in shape or number of entries; or if the task is cancelled.
    pub fn new(by_token: &'a Sparse, by_feature: &'a Sparse, task: &Task) -> Result<Self> {
        let turned = (by_feature.cols, by_feature.rows, by_feature.nnz());
        if (by_token.rows, by_token.cols, by_token.nnz()) != turned {
            let sizes = |s: &Sparse| format!("[{}, {}] with {} entries", s.rows, s.cols, s.nnz());
            return Err(Problem::new(format!("activations by feature {}", sizes(by_feature)))
                .expected(format!("those by token {}, transposed", sizes(by_token)))
                .input());
        }
        let mut all = true;
        for part in by_token.values.chunks(POLL) {
            all &= part.iter().copied().fold(f32::INFINITY, f32::min) > 0.0;
            task.check()?;
        }
        let firing_by_token = Firing::of(by_token, all, task)?;
        let firing_by_feature = Firing::of(by_feature, all, task)?;
        let counts = firing_by_feature.indptr.windows(2).map(|pair| (pair[1] - pair[0]) as u32).collect();
        Ok(Self { by_token, by_feature, firing_by_token, firing_by_feature, counts })
    }
    /// Number of features.
    pub fn features(&self) -> usize {
        self.by_feature.rows
    }
    /// Number of tokens.
    pub fn tokens(&self) -> usize {
        self.by_token.rows
    }
    /// Tokens on which each feature fires `[features]`.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }
    /// The activations as they are stored `[tokens, features]`, negative ones among them.
    pub(super) fn by_token(&self) -> &'a Sparse {
        self.by_token
    }
    /// The same `[features, tokens]`.
    pub(super) fn by_feature(&self) -> &'a Sparse {
        self.by_feature
    }
    /// Features that fire, by token.
    pub(super) fn firing_by_token(&self) -> Columns<'_> {
        self.firing_by_token.columns()
    }
    /// Tokens on which they fire, by feature.
    pub(super) fn firing_by_feature(&self) -> Columns<'_> {
        self.firing_by_feature.columns()
    }
    /// Checks that there is a feature of that number.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn check_feature(&self, feature: usize) -> Result<()> {
        if feature < self.features() {
            return Ok(());
        }
        Err(Problem::new(format!("there is no feature {feature}"))
            .expected(format!("0 to {}", self.features().saturating_sub(1)))
            .hint("--feature with a lower number")
            .usage())
    }
    /// The features in parts of about as many entries, the same at any number of threads.
    pub(super) fn parts(&self) -> Vec<Range<usize>> {
        let share = (self.by_feature.nnz() / PARTS).max(PART);
        let mut parts = Vec::new();
        let (mut start, mut held) = (0, 0);
        for feature in 0..self.features() {
            held += (self.by_feature.indptr[feature + 1] - self.by_feature.indptr[feature]) as usize;
            if held >= share || feature + 1 - start >= PART {
                parts.push(start..feature + 1);
                (start, held) = (feature + 1, 0);
            }
        }
        if start < self.features() {
            parts.push(start..self.features());
        }
        parts
    }
}
