//! Rows that benches measure with: seeded, so that every run has the same.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "each bench takes what it needs")]

use saescope::container::Dtype;
use saescope::container::safetensors::{TensorSpec, write_safetensors};
use saescope::rows::{Points, Rows};
use saescope::sae::activations::{Sparse, write_csr};
use saescope::task::Task;
use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use tempfile::TempDir;

/// A number in [-1, 1) that depends on `seed` alone.
pub fn noise(seed: u64) -> f32 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z >> 40) as f32 / (1 << 23) as f32) - 1.0
}

/// Rows in groups of sixteen around a common centre, one row in two on its own.
pub fn dictionary(n: usize, d: usize) -> Points {
    let value = |i: usize, j: usize| {
        let own = noise((i * d + j) as u64);
        if i.is_multiple_of(2) { own } else { 0.7 * own + 0.7 * noise((1 << 40) + (i / 32 * d + j) as u64) }
    };
    Points::new((0..n).flat_map(|i| (0..d).map(move |j| value(i, j))).collect(), d)
}

/// Rows stored as f16: what most dictionaries are.
pub struct Halves {
    n: usize,
    d: usize,
    values: Vec<half::f16>,
}

impl Halves {
    pub fn of(points: &Points) -> Self {
        let values = points.data().iter().map(|&x| half::f16::from_f32(x)).collect();
        Self { n: points.nrows(), d: points.ncols(), values }
    }
}

impl Rows for Halves {
    fn nrows(&self) -> usize {
        self.n
    }
    fn ncols(&self) -> usize {
        self.d
    }
    fn read(&self, range: Range<usize>, out: &mut [f32]) {
        use half::slice::HalfFloatSliceExt;
        self.values[range.start * self.d..range.end * self.d].convert_to_f32_slice(out);
    }
}

pub fn task(threads: usize) -> Task {
    Task::new(threads).expect("threads start")
}

/// Directions of which three in ten are zero: dead features.
pub fn with_dead_features(n: usize, d: usize) -> Points {
    let mut points = dictionary(n, d);
    for (i, row) in points.data_mut().chunks_exact_mut(d).enumerate() {
        if i % 10 < 3 {
            row.fill(0.0);
        }
    }
    points
}

/// A file of sparse activations.
pub struct ActsFile {
    pub folder: TempDir,
    pub path: PathBuf,
    pub entries: usize,
    pub features: usize,
}

/// The formats that [`acts_file`] writes.
pub fn acts_formats() -> [&'static str; 3] {
    ["stored", "deflated", "delphi"]
}

/// Activations of 300,000 tokens and 24,576 features, 34 a token; a feature fires the more often the lower its number.
pub fn activations() -> Sparse {
    let (tokens, features, fire) = (300_000usize, 24_576u32, 34);
    let mut indices = Vec::with_capacity(tokens * fire);
    for token in 0..tokens {
        let at = indices.len();
        let chosen = (0..fire).map(|i| {
            let x = f64::from(noise((token * fire + i) as u64)).abs();
            ((x * x * f64::from(features)) as u32).min(features - 1)
        });
        indices.extend(chosen);
        indices[at..].sort_unstable();
        // A feature that was drawn twice makes way for the next that was not.
        for i in at + 1..indices.len() {
            indices[i] = indices[i].max(indices[i - 1] + 1);
        }
    }
    let values = (0..indices.len()).map(|i| half::f16::from_f32(2.0 + noise(i as u64)).to_f32()).collect::<Vec<_>>();
    let indptr = (0..=tokens as u64).map(|token| token * fire as u64).collect::<Vec<_>>();
    Sparse::new(tokens, features as usize + fire, indptr, indices, values).expect("a matrix").0
}

/// The same activations in a file of that format.
pub fn acts_file(format: &str) -> ActsFile {
    let folder = tempfile::tempdir().expect("a folder");
    let sparse = activations();
    let (entries, features) = (sparse.nnz(), sparse.cols);
    let file = |name: &str| File::create(folder.path().join(name)).expect("a file");
    let path = match format {
        "stored" => {
            write_csr(&sparse, None, None, file("acts.npz")).expect("written");
            folder.path().join("acts.npz")
        }
        "deflated" => {
            let mut zip = zip::ZipWriter::new(file("acts.npz"));
            let mut stored = std::io::Cursor::new(Vec::new());
            write_csr(&sparse, None, None, &mut stored).expect("written");
            let mut stored = zip::ZipArchive::new(stored).expect("an archive");
            let deflated =
                zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
            for i in 0..stored.len() {
                let mut member = stored.by_index(i).expect("a member");
                zip.start_file(member.name().expect("a name").into_owned(), deflated).expect("started");
                std::io::copy(&mut member, &mut zip).expect("written");
            }
            zip.finish().expect("written");
            folder.path().join("acts.npz")
        }
        _ => {
            let (splits, context) = (5, 128);
            for split in 0..splits {
                let (start, end) = (features * split / splits, features * (split + 1) / splits);
                let mut places: Vec<u8> = Vec::new();
                let mut values: Vec<u8> = Vec::new();
                for row in 0..sparse.rows {
                    let (columns, numbers) = sparse.row(row);
                    for (&column, &value) in columns.iter().zip(numbers) {
                        if (start..end).contains(&(column as usize)) {
                            for part in [row / context, row % context, column as usize - start] {
                                places.extend((part as u16).to_le_bytes());
                            }
                            values.extend(half::f16::from_f32(value).to_le_bytes());
                        }
                    }
                }
                let (count, sequences) = (values.len() / 2, sparse.rows.div_ceil(context));
                let specs = [
                    TensorSpec::new("locations", Dtype::U16, &[count, 3]),
                    TensorSpec::new("activations", Dtype::F16, &[count]),
                    TensorSpec::new("tokens", Dtype::I64, &[sequences, context]),
                ];
                let tokens = vec![0u8; sequences * context * 8];
                let parts = [places, values, tokens];
                let out = &mut file(&format!("{start}_{}.safetensors", end - 1));
                write_safetensors(out, &specs, |i, out| out.write_all(&parts[i])).expect("written");
            }
            folder.path().to_path_buf()
        }
    };
    ActsFile { folder, path, entries, features }
}
