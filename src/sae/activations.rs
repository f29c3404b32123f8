//! Sparse feature activations over tokens, by token and by feature.

/// A compressed sparse row matrix `[rows, cols]` of f32.
#[derive(Debug, Clone, PartialEq)]
pub struct Sparse {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Row `r` holds entries `indptr[r]..indptr[r + 1]`.
    pub indptr: Vec<u64>,
    /// Column of each entry, ascending within a row.
    pub indices: Vec<u32>,
    /// Value of each entry.
    pub values: Vec<f32>,
}

impl Sparse {
    /// Columns and values of row `r`.
    pub fn row(&self, r: usize) -> (&[u32], &[f32]) {
        let range = self.indptr[r] as usize..self.indptr[r + 1] as usize;
        (&self.indices[range.clone()], &self.values[range])
    }
    /// Number of stored entries.
    pub fn nnz(&self) -> usize {
        self.values.len()
    }
}

/// Activations `[tokens, features]`, held in both orders.
#[derive(Debug, Clone)]
pub struct Activations {
    /// `[tokens, features]`.
    pub by_token: Sparse,
    /// `[features, tokens]`: the same entries, by feature.
    pub by_feature: Sparse,
    /// The file or folder they came from.
    pub source: std::path::PathBuf,
}

impl Activations {
    /// Number of tokens.
    pub fn tokens(&self) -> usize {
        self.by_token.rows
    }
    /// Number of features.
    pub fn features(&self) -> usize {
        self.by_token.cols
    }
    /// Mean number of features that fire on a token.
    pub fn l0(&self) -> f64 {
        if self.tokens() == 0 { 0.0 } else { self.by_token.nnz() as f64 / self.tokens() as f64 }
    }
    /// Share of tokens on which `feature` fires.
    pub fn density(&self, feature: usize) -> f64 {
        if self.tokens() == 0 { 0.0 } else { self.by_feature.row(feature).0.len() as f64 / self.tokens() as f64 }
    }
    /// Largest activation of `feature`; 0 if it never fires.
    pub fn max(&self, feature: usize) -> f32 {
        self.by_feature.row(feature).1.iter().copied().fold(0.0, f32::max)
    }
}
