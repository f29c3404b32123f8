//! A compressed sparse row matrix of f32: what activations are held in.
//!
//! Input: the three arrays of a CSR matrix, in memory or in a mapped file, or triplets. Output: a [`Sparse`] whose
//! invariants hold: `indptr` starts at 0, never falls and ends at the number of entries; columns ascend strictly within
//! a row and are below `cols`; values are finite and not zero. Memory is 8 bytes an entry and 8 bytes a row; none of it
//! is heap where the arrays are mapped.

use crate::container::Numbers;
use crate::error::{Problem, Result};
use crate::task::Task;
use std::convert::Infallible;
use std::ops::Range;

/// Entries between two looks at whether the work should stop: some milliseconds.
pub(super) const POLL: usize = 1 << 20;

/// Triplets that are held at once while a matrix is made of them.
pub(super) const GATHER: usize = 1 << 16;

/// What rows and columns are called where a matrix is stored by its rows, as CSR is.
pub(super) const BY_ROWS: (&str, &str) = ("row", "column");
/// What they are called where it is stored by its columns, as CSC is.
pub(super) const BY_COLUMNS: (&str, &str) = ("column", "row");

/// A compressed sparse row matrix `[rows, cols]` of f32.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sparse {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Row `r` holds entries `indptr[r]..indptr[r + 1]`.
    pub indptr: Numbers<u64>,
    /// Column of each entry, ascending within a row.
    pub indices: Numbers<u32>,
    /// Value of each entry.
    pub values: Numbers<f32>,
}

/// What [`Sparse::new`] had to put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mended {
    /// Stored zeros that were dropped.
    pub zeros: usize,
    /// Rows whose columns were out of order.
    pub unsorted_rows: usize,
    /// Entries that were added to another one at the same place.
    pub merged: usize,
}

/// Appends a range of triplets (row, column, value) to a list.
pub(super) type Fill<'a> = dyn Fn(Range<usize>, &mut Vec<(u32, u32, f32)>) -> Result<()> + 'a;

impl Sparse {
    /// A matrix from its CSR arrays. Columns are sorted within rows, entries at the same place are added (as scipy
    /// does), zeros are dropped; negative values stay.
    ///
    /// # Errors
    /// If the arrays contradict each other, a column is out of range, or a value is not finite.
    pub fn new(
        rows: usize,
        cols: usize,
        indptr: impl Into<Numbers<u64>>,
        indices: impl Into<Numbers<u32>>,
        values: impl Into<Numbers<f32>>,
    ) -> Result<(Self, Mended)> {
        let (indptr, indices, values) = (indptr.into(), indices.into(), values.into());
        Self { rows, cols, indptr, indices, values }.checked(BY_ROWS, &mut |_| Ok(()))
    }
    /// Whether it holds what [`Sparse::new`] promises, as one that was made by it and kept does.
    ///
    /// # Errors
    /// If it does not; or if the task is cancelled.
    pub fn verify(&self, task: &Task) -> Result<()> {
        let done = &mut |entries: usize| {
            task.advance(entries as u64);
            task.check()
        };
        check(self, BY_ROWS, done)?;
        if self.is_clean(done)? {
            return Ok(());
        }
        Err(Problem::new("a row out of order, or with a zero").expected("a matrix as it was kept").input())
    }
    /// The matrix once it holds what [`Sparse::new`] promises. `names` are what the file calls rows and columns; `done`
    /// hears how many more entries were looked at, about every [`POLL`], and may stop the work.
    pub(super) fn checked(
        mut self,
        names: (&str, &str),
        done: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<(Self, Mended)> {
        check(&self, names, done)?;
        let mended = self.mend(names, done)?;
        Ok((self, mended))
    }
    /// A matrix from `(row, column, value)` entries in any order; entries at the same place are added in the order
    /// given. Counting sort by row, then a sort within rows.
    ///
    /// # Errors
    /// As [`Sparse::new`].
    pub fn from_triplets(rows: usize, cols: usize, entries: &[(u32, u32, f32)]) -> Result<(Self, Mended)> {
        let fill = |range: Range<usize>, out: &mut Vec<_>| {
            out.extend_from_slice(&entries[range]);
            Ok(())
        };
        Self::gathered(rows, cols, entries.len(), &fill, &mut |_| Ok(()))
    }
    /// As [`Sparse::from_triplets`], of `count` entries, of which `fill` appends any range to a list; it is asked for
    /// each twice, [`GATHER`] at a time. `done` as for [`Sparse::checked`].
    pub(super) fn gathered(
        rows: usize,
        cols: usize,
        count: usize,
        fill: &Fill,
        done: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<(Self, Mended)> {
        let mut indptr = vec![0u64; rows + 1];
        let parts = || (0..count).step_by(GATHER).map(|start| start..count.min(start + GATHER));
        let mut part = Vec::with_capacity(GATHER.min(count));
        for range in parts() {
            part.clear();
            fill(range, &mut part)?;
            for (row, ..) in &part {
                let Some(counted) = indptr.get_mut(*row as usize + 1) else {
                    let problem = Problem::new(format!("an entry in row {row}"));
                    return Err(problem.expected(format!("rows below {rows}")).input());
                };
                *counted += 1;
            }
            done(part.len())?;
        }
        for row in 0..rows {
            indptr[row + 1] += indptr[row];
        }
        let mut next = indptr.clone();
        let (mut indices, mut values) = (vec![0u32; count], vec![0f32; count]);
        for range in parts() {
            part.clear();
            fill(range, &mut part)?;
            for &(row, column, value) in &part {
                let at = next[row as usize] as usize;
                next[row as usize] += 1;
                (indices[at], values[at]) = (column, value);
            }
            done(part.len())?;
        }
        let (indptr, indices, values) = (indptr.into(), indices.into(), values.into());
        Self { rows, cols, indptr, indices, values }.checked(BY_ROWS, done)
    }
    /// The same matrix with nothing in the rows for which `keep` says no.
    pub fn only_rows(&self, keep: impl Fn(usize) -> bool) -> Self {
        let (mut indptr, mut indices, mut values) = (vec![0u64], Vec::new(), Vec::new());
        for row in 0..self.rows {
            if keep(row) {
                let (columns, entries) = self.row(row);
                indices.extend_from_slice(columns);
                values.extend_from_slice(entries);
            }
            indptr.push(indices.len() as u64);
        }
        let (indptr, indices, values) = (indptr.into(), indices.into(), values.into());
        Self { rows: self.rows, cols: self.cols, indptr, indices, values }
    }
    /// Whether its arrays lie in a mapped file.
    pub fn is_mapped(&self) -> bool {
        self.indptr.is_mapped() && self.indices.is_mapped() && self.values.is_mapped()
    }
    /// Columns and values of row `r`.
    ///
    /// # Panics
    /// If there is no row `r`.
    pub fn row(&self, r: usize) -> (&[u32], &[f32]) {
        let range = self.indptr[r] as usize..self.indptr[r + 1] as usize;
        (&self.indices[range.clone()], &self.values[range])
    }
    /// Number of stored entries.
    pub fn nnz(&self) -> usize {
        self.values.len()
    }
    /// The value at row `r`, column `c`; 0 where nothing is stored.
    ///
    /// # Panics
    /// If there is no row `r`.
    pub fn get(&self, r: usize, c: u32) -> f32 {
        let (columns, values) = self.row(r);
        columns.binary_search(&c).map_or(0.0, |at| values[at])
    }
    /// The same entries by column: a counting sort, O(nnz + rows + cols) and one pass over the result.
    pub fn transpose(&self) -> Self {
        let Ok(turned) = self.turned(&mut |_| Ok::<(), Infallible>(()));
        turned
    }
    /// As [`Sparse::transpose`], as a stage of `task`.
    ///
    /// # Errors
    /// If the task is cancelled.
    pub fn transpose_under(&self, task: &Task) -> Result<Self> {
        task.stage("sorting activations", 3 * self.nnz() as u64);
        self.turned(&mut |entries| {
            task.advance(entries as u64);
            task.check()
        })
    }
    fn turned<E>(&self, done: &mut dyn FnMut(usize) -> Result<(), E>) -> Result<Self, E> {
        let mut indptr = vec![0u64; self.cols + 1];
        for part in self.indices.chunks(POLL) {
            for &column in part {
                indptr[column as usize + 1] += 1;
            }
            done(part.len())?;
        }
        for column in 0..self.cols {
            indptr[column + 1] += indptr[column];
        }
        let mut next = indptr.clone();
        // One array of pairs, so that each entry costs one cache line and not two.
        let mut pairs = vec![(0u32, 0f32); self.nnz()];
        let mut since = 0;
        for row in 0..self.rows {
            let (columns, values) = self.row(row);
            for (&column, &value) in columns.iter().zip(values) {
                let at = &mut next[column as usize];
                pairs[*at as usize] = (row as u32, value);
                *at += 1;
            }
            since += columns.len();
            if since >= POLL {
                done(std::mem::take(&mut since))?;
            }
        }
        done(since)?;
        let (mut indices, mut values) = (Vec::with_capacity(pairs.len()), Vec::with_capacity(pairs.len()));
        for part in pairs.chunks(POLL) {
            indices.extend(part.iter().map(|pair| pair.0));
            values.extend(part.iter().map(|pair| pair.1));
            done(part.len())?;
        }
        let (indptr, indices, values) = (indptr.into(), indices.into(), values.into());
        Ok(Self { rows: self.cols, cols: self.rows, indptr, indices, values })
    }
    /// Whether no row has a column out of order or twice, or a zero.
    fn is_clean(&self, done: &mut dyn FnMut(usize) -> Result<()>) -> Result<bool> {
        let mut since = 0;
        for row in 0..self.rows {
            let (columns, values) = self.row(row);
            if !columns.is_sorted_by(|a, b| a < b) || values.contains(&0.0) {
                return Ok(false);
            }
            since += columns.len();
            if since >= POLL {
                done(std::mem::take(&mut since))?;
            }
        }
        Ok(true)
    }
    /// Sorts rows, adds up what stands at the same place, drops zeros. Free where nothing is to be done.
    fn mend(&mut self, names: (&str, &str), done: &mut dyn FnMut(usize) -> Result<()>) -> Result<Mended> {
        let mut mended = Mended::default();
        if self.is_clean(done)? {
            return Ok(mended);
        }
        let (indptr, indices, values) = (self.indptr.to_mut(), self.indices.to_mut(), self.values.to_mut());
        let mut since = 0;
        let mut pairs: Vec<(u32, f32)> = Vec::new();
        let (mut kept, mut start) = (0, 0);
        for row in 0..self.rows {
            let end = indptr[row + 1] as usize;
            since += end - start;
            if since >= POLL {
                done(std::mem::take(&mut since))?;
            }
            pairs.clear();
            pairs.extend(indices[start..end].iter().copied().zip(values[start..end].iter().copied()));
            let ascending = pairs.is_sorted_by_key(|pair| pair.0);
            if !ascending {
                mended.unsorted_rows += 1;
                pairs.sort_by_key(|pair| pair.0); // stable: equal places stay in file order, so sums are fixed
            }
            let before = pairs.len();
            pairs.dedup_by(|later, first| {
                let same = later.0 == first.0;
                if same {
                    first.1 += later.1;
                }
                same
            });
            mended.merged += before - pairs.len();
            for &(column, value) in &pairs {
                if !value.is_finite() {
                    let what = format!("the entries at {} {row}, {} {column} add up to {value}", names.0, names.1);
                    return Err(Problem::new(what).expected("finite activations").input());
                }
                if value == 0.0 {
                    mended.zeros += 1;
                    continue;
                }
                (indices[kept], values[kept]) = (column, value);
                kept += 1;
            }
            start = end;
            indptr[row + 1] = kept as u64;
        }
        indices.truncate(kept);
        values.truncate(kept);
        Ok(mended)
    }
}

/// Whether all values are finite. The bits of a finite number without its sign are below those of infinity, and their
/// maximum is found without a branch each.
pub(super) fn all_finite(values: &[f32]) -> bool {
    values.iter().map(|value| value.abs().to_bits()).max().is_none_or(|bits| bits < f32::INFINITY.to_bits())
}

/// The rules that no mending can restore.
fn check(sparse: &Sparse, (outer, inner): (&str, &str), done: &mut dyn FnMut(usize) -> Result<()>) -> Result<()> {
    let Sparse { rows, cols, indptr, indices, values } = sparse;
    let (rows, cols) = (*rows, *cols);
    let limit = u32::MAX as usize;
    if rows > limit || cols > limit {
        return Err(Problem::new("the sparse matrix is too large")
            .shape(&[rows, cols])
            .expected("at most 2^32 - 1")
            .input());
    }
    if indices.len() != values.len() {
        let what = format!("{} {inner} indices but {} values", indices.len(), values.len());
        return Err(Problem::new(what).expected("one value for each index").input());
    }
    if indptr.len() != rows + 1 {
        return Err(Problem::new(format!("{} {outer} pointers for {rows} {outer}s", indptr.len()))
            .tensor("indptr")
            .shape(&[indptr.len()])
            .expected(format!("{} entries", rows + 1))
            .input());
    }
    if indptr[0] != 0 || indptr[rows] != indices.len() as u64 {
        let what = format!("{outer} pointers run from {} to {}", indptr[0], indptr[rows]);
        return Err(Problem::new(what)
            .tensor("indptr")
            .expected(format!("0 to {}, the number of entries", indices.len()))
            .input());
    }
    if let Some(row) = indptr.windows(2).position(|pair| pair[0] > pair[1]) {
        let what = format!("{outer} pointers fall from {} to {} at {outer} {row}", indptr[row], indptr[row + 1]);
        return Err(Problem::new(what).tensor("indptr").expected("pointers that never fall").input());
    }
    for (part, (indices, values)) in indices.chunks(POLL).zip(values.chunks(POLL)).enumerate() {
        if indices.iter().max().is_some_and(|&column| column as usize >= cols) {
            let at = indices.iter().position(|&column| column as usize >= cols).expect("just seen");
            return Err(Problem::new(format!("{inner} {} at entry {}", indices[at], part * POLL + at))
                .tensor("indices")
                .expected(format!("{inner}s below {cols}"))
                .input());
        }
        if !all_finite(values) {
            let at = values.iter().position(|value| !value.is_finite()).expect("just seen");
            return Err(Problem::new(format!("value {} at entry {}", values[at], part * POLL + at))
                .tensor("data")
                .expected("finite activations")
                .input());
        }
        done(indices.len())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dense(sparse: &Sparse) -> Vec<Vec<f32>> {
        let mut out = vec![vec![0.0; sparse.cols]; sparse.rows];
        for (r, row) in out.iter_mut().enumerate() {
            let (columns, values) = sparse.row(r);
            for (&c, &v) in columns.iter().zip(values) {
                row[c as usize] = v;
            }
        }
        out
    }

    fn holds(sparse: &Sparse) -> bool {
        check(sparse, BY_ROWS, &mut |_| Ok(())).is_ok()
            && (0..sparse.rows).all(|r| sparse.row(r).0.windows(2).all(|pair| pair[0] < pair[1]))
            && !sparse.values.contains(&0.0)
    }

    fn entries() -> impl Strategy<Value = (usize, usize, Vec<(u32, u32, f32)>)> {
        (1usize..12, 1usize..9).prop_flat_map(|(rows, cols)| {
            let entry = (0..rows as u32, 0..cols as u32, -3i8..4);
            let entries = prop::collection::vec(entry.prop_map(|(r, c, v)| (r, c, f32::from(v))), 0..60);
            entries.prop_map(move |entries| (rows, cols, entries))
        })
    }

    proptest! {
        #[test]
        fn triplets_equal_their_dense_sum((rows, cols, entries) in entries()) {
            let (sparse, _) = Sparse::from_triplets(rows, cols, &entries).unwrap();
            let mut expected = vec![vec![0.0; cols]; rows];
            for &(r, c, v) in &entries {
                expected[r as usize][c as usize] += v;
            }
            prop_assert!(holds(&sparse));
            prop_assert_eq!(dense(&sparse), expected);
        }

        #[test]
        fn transposing_moves_every_entry_and_twice_is_nothing((rows, cols, entries) in entries()) {
            let (sparse, _) = Sparse::from_triplets(rows, cols, &entries).unwrap();
            let transposed = sparse.transpose();
            prop_assert!(holds(&transposed));
            let (a, b) = (dense(&sparse), dense(&transposed));
            for r in 0..rows {
                for c in 0..cols {
                    prop_assert_eq!(a[r][c], b[c][r]);
                    prop_assert_eq!(sparse.get(r, c as u32), a[r][c]);
                }
            }
            prop_assert_eq!(transposed.transpose(), sparse);
        }
    }

    #[test]
    fn what_is_mended_is_counted() {
        let (sparse, mended) =
            Sparse::new(2, 5, vec![0, 4, 6], vec![3, 1, 3, 0, 2, 4], vec![1.0, 2.0, 0.5, 0.0, -1.0, 0.0]).unwrap();
        assert_eq!(mended, Mended { zeros: 2, unsorted_rows: 1, merged: 1 });
        assert_eq!(sparse.row(0), (&[1, 3][..], &[2.0, 1.5][..]));
        assert_eq!(sparse.row(1), (&[2][..], &[-1.0][..]), "negative values stay");
        assert_eq!(sparse.indptr[..], [0, 2, 3]);
    }

    #[test]
    fn contradictions_are_refused_with_their_place() {
        let refused = |rows, cols, indptr: &[u64], indices: &[u32], values: &[f32]| {
            Sparse::new(rows, cols, indptr.to_vec(), indices.to_vec(), values.to_vec()).unwrap_err().to_string()
        };
        let cases = [
            (refused(1, 3, &[0, 1], &[0], &[]), "1 column indices but 0 values"),
            (refused(2, 3, &[0, 1], &[0], &[1.0]), "2 row pointers for 2 rows"),
            (refused(1, 3, &[1, 1], &[0], &[1.0]), "run from 1 to 1"),
            (refused(1, 3, &[0, 2], &[0], &[1.0]), "run from 0 to 2"),
            (refused(3, 3, &[0, 2, 1, 2], &[0, 1], &[1.0, 1.0]), "fall from 2 to 1 at row 1"),
            (refused(1, 3, &[0, 1], &[3], &[1.0]), "column 3 at entry 0"),
            (refused(1, 3, &[0, 1], &[0], &[f32::NAN]), "value NaN at entry 0"),
            (refused(1, 3, &[0, 1], &[0], &[f32::INFINITY]), "value inf at entry 0"),
            (refused(1, 3, &[0, 2], &[0, 0], &[f32::MAX, f32::MAX]), "add up to inf"),
            (refused(usize::MAX - 1, 3, &[0], &[], &[]), "too large"),
        ];
        for (error, expected) in cases {
            assert!(error.contains(expected), "{error} should say {expected}");
        }
        assert!(Sparse::from_triplets(2, 2, &[(2, 0, 1.0)]).unwrap_err().to_string().contains("row 2"));
    }

    #[test]
    fn a_matrix_by_columns_is_complained_about_in_its_own_words() {
        let refused = |sparse: Sparse| sparse.checked(BY_COLUMNS, &mut |_| Ok(())).unwrap_err().to_string();
        let sparse =
            Sparse { rows: 1, cols: 3, indptr: vec![0, 1].into(), indices: vec![3].into(), values: vec![1.0].into() };
        let error = refused(sparse.clone());
        assert!(error.contains("row 3 at entry 0") && error.contains("expected rows below 3"), "{error}");
        assert!(refused(Sparse { indptr: vec![0].into(), ..sparse }).contains("1 column pointers for 1 columns"));
    }

    #[test]
    fn cancelling_stops_every_pass_over_many_entries() {
        let n = POLL + 1;
        let big = |values: Vec<f32>| {
            let indices: Vec<u32> = (0..n as u32).collect();
            Sparse {
                rows: 1,
                cols: n,
                indptr: vec![0, n as u64].into(),
                indices: indices.into(),
                values: values.into(),
            }
        };
        let good = big(vec![1.0; n]);
        let mut passes = 0;
        let counted = good.clone().checked(BY_ROWS, &mut |entries| {
            passes += entries;
            Ok(())
        });
        assert_eq!((counted.unwrap().0 == good, passes >= 2 * POLL), (true, true));
        let stop = &mut |_: usize| Err(crate::Error::Cancelled);
        assert!(matches!(good.clone().checked(BY_ROWS, stop), Err(crate::Error::Cancelled)));
        let fill = |range: Range<usize>, out: &mut Vec<_>| {
            out.extend(range.map(|i| (0, i as u32, 1.0)));
            Ok(())
        };
        assert!(matches!(Sparse::gathered(1, n, n, &fill, stop), Err(crate::Error::Cancelled)));
        let task = Task::new(1).unwrap();
        assert_eq!(good.transpose_under(&task).unwrap(), good.transpose());
        assert_eq!(task.watch().progress().unwrap().done, 3 * n as u64);
        task.watch().cancel();
        assert!(matches!(good.transpose_under(&task), Err(crate::Error::Cancelled)));
    }

    #[test]
    fn a_kept_matrix_is_taken_only_as_it_was_kept() {
        let task = Task::new(1).unwrap();
        let good = Sparse::new(2, 5, vec![0, 2, 3], vec![1, 3, 2], vec![1.0, 2.0, -1.0]).unwrap().0;
        good.verify(&task).unwrap();
        let with = |change: &dyn Fn(&mut Sparse)| {
            let mut sparse = good.clone();
            change(&mut sparse);
            sparse.verify(&task)
        };
        assert!(with(&|s| s.indices.to_mut().swap(0, 1)).is_err());
        assert!(with(&|s| s.indices.to_mut()[0] = 3).is_err());
        assert!(with(&|s| s.indices.to_mut()[0] = 5).is_err());
        assert!(with(&|s| s.values.to_mut()[1] = 0.0).is_err());
        assert!(with(&|s| s.values.to_mut()[1] = f32::NAN).is_err());
        assert!(with(&|s| s.indptr.to_mut()[1] = 4).is_err());
        assert!(with(&|s| s.rows = 3).is_err());
        task.watch().cancel();
        assert!(matches!(good.verify(&task), Err(crate::Error::Cancelled)));
    }

    #[test]
    fn rows_that_are_left_out_are_empty() {
        let sparse = Sparse::from_triplets(3, 4, &[(0, 1, 1.0), (1, 2, 2.0), (2, 3, 3.0)]).unwrap().0;
        let kept = sparse.only_rows(|row| row != 1);
        assert_eq!(kept, Sparse::from_triplets(3, 4, &[(0, 1, 1.0), (2, 3, 3.0)]).unwrap().0);
        assert_eq!(sparse.only_rows(|_| true), sparse);
    }

    #[test]
    fn empty_matrices_are_matrices() {
        let (none, _) = Sparse::new(0, 4, vec![0], Vec::new(), Vec::new()).unwrap();
        assert_eq!((none.transpose().rows, none.transpose().indptr.len()), (4, 5));
        let (flat, _) = Sparse::new(3, 0, vec![0; 4], Vec::new(), Vec::new()).unwrap();
        assert_eq!(flat.transpose().indptr[..], [0]);
    }
}
