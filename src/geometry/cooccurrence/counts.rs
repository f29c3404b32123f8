//! Measures of the counts: on how many tokens both features fire, only one, or none.
//!
//! One row of Gustavson's sparse product: over the tokens on which a feature fires, over the features that fire there,
//! a dense counter is raised; those met are listed as they first are, and the counters of those alone are set back.
//! Cost: the sum over tokens of the square of how many features fire (about 1 ns each), and one formula a pair that
//! meets. Memory per thread: 6 bytes a feature for the counters and 20 for the features met.

use super::acts::{Acts, Columns};
use super::apart::Shelves;
use super::kernel::{Kernel, Scratch, grow};
use super::measure::Table;
use crate::error::Result;
use crate::task::Task;

/// Tokens between two looks at whether the work should stop.
const TOKENS: usize = 1 << 14;

/// Most tokens whose counts a u16 holds.
const NARROW: u32 = u16::MAX as u32;

/// A counter that is as narrow as it may be.
trait Count: Copy + Default + Eq + std::ops::AddAssign + From<u8> + Into<u32> {}

impl Count for u16 {}
impl Count for u32 {}

/// The counts, and the formula of a measure.
pub(super) struct Counts<'a> {
    acts: &'a Acts<'a>,
    formula: fn(&Table) -> f64,
    /// Whether features that do not meet may be alike: the rarer, the more.
    apart: bool,
}

impl<'a> Counts<'a> {
    pub(super) fn new(acts: &'a Acts<'a>, formula: fn(&Table) -> f64, apart: bool) -> Self {
        Self { acts, formula, apart }
    }
    #[inline]
    fn value(&self, both: u32, i: usize, j: usize) -> f32 {
        let counts = self.acts.counts();
        (self.formula)(&Table::new(both, counts[i], counts[j], self.acts.tokens() as u64)) as f32
    }
    fn row_of<C: Count>(
        &self,
        i: usize,
        counts: &mut Vec<C>,
        touched: &mut Vec<u32>,
        met: &mut Vec<(u32, f32)>,
        task: &Task,
    ) -> Result<()> {
        grow(counts, self.acts.features());
        let tokens = self.acts.firing_by_feature().row(i);
        let len = tally(self.acts.firing_by_token(), tokens, counts, touched, task)?;
        for &j in &touched[..len] {
            let both = std::mem::take(&mut counts[j as usize]).into();
            if j as usize != i {
                met.push((j, self.value(both, i, j as usize)));
            }
        }
        Ok(())
    }
}

impl Kernel for Counts<'_> {
    fn row(&self, i: usize, scratch: &mut Scratch, task: &Task) -> Result<()> {
        let Scratch { narrow, wide, touched, met, .. } = scratch;
        met.clear();
        if self.acts.counts()[i] <= NARROW {
            self.row_of(i, narrow, touched, met, task)
        } else {
            self.row_of(i, wide, touched, met, task)
        }
    }
    fn apart(&self, i: usize, j: usize) -> f32 {
        self.value(0, i, j)
    }
    fn own(&self, i: usize) -> f32 {
        self.value(self.acts.counts()[i], i, i)
    }
    fn shelves(&self) -> Option<Shelves> {
        self.apart.then(|| {
            let traits: Vec<_> = self.acts.counts().iter().map(|&count| [-f64::from(count), 0.0]).collect();
            Shelves::new(&traits)
        })
    }
    fn apart_at_most(&self, i: usize, _: [f64; 2], high: [f64; 2]) -> f64 {
        let (own, tokens) = (self.acts.counts()[i], self.acts.tokens() as u64);
        // The rarest of a shelf may meet the feature, and together fire on more tokens than there are.
        let other = (-high[0] as u64).min(tokens - u64::from(own)) as u32;
        (self.formula)(&Table::new(0, own, other, tokens))
    }
}

/// Raises the counter of every feature that fires on one of `tokens`, and lists those met in `touched`; returns how many
/// they are. The counters must be 0.
fn tally<C: Count>(
    by_token: Columns,
    tokens: &[u32],
    counts: &mut [C],
    touched: &mut Vec<u32>,
    task: &Task,
) -> Result<usize> {
    let mut len = 0;
    for tokens in tokens.chunks(TOKENS) {
        task.check()?;
        by_token.each(tokens, |features| {
            grow(touched, len + features.len());
            let room = &mut touched[len..len + features.len()];
            let mut new = 0;
            // Written whether it is new or not: a branch would be mistaken too often.
            for &feature in features {
                let count = &mut counts[feature as usize];
                room[new] = feature;
                new += usize::from(*count == C::default());
                *count += C::from(1);
            }
            len += new;
        });
    }
    Ok(len)
}
