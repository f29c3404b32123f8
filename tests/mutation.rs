//! Every small file that is committed here, damaged in thousands of ways: what reads it ends in a value or an error,
//! within bounded memory.

#[path = "support/everything.rs"]
mod everything;
#[path = "support/mutants.rs"]
mod mutants;

use mutants::{Random, mutant};
use peak_alloc::PeakAlloc;
use saescope::container::{Bytes, FileKind, sniff};
use std::fs;
use std::io::Read;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Larger files are no seeds.
const SMALL: u64 = 80 << 10;

/// What reading one mutant may take at most, in bytes.
const BOUND: usize = 256 << 20;

/// Bytes of all mutants of a file; how many there are follows from its length.
const WORK: usize = 1 << 20;

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            files(&path, into);
        } else if about.is_file() && about.len() <= SMALL {
            into.push(path);
        }
    }
}

type Reader = fn(&Bytes) -> bool;

/// Everything that may be asked to read a file of this kind.
fn readers(kind: FileKind) -> &'static [Reader] {
    match kind {
        FileKind::Safetensors => &[everything::safetensors, everything::arrays],
        FileKind::Npy => &[everything::npy, everything::arrays],
        FileKind::Zip => &[everything::npz, everything::arrays],
        FileKind::Torch | FileKind::Pickle => &[everything::torch, everything::arrays],
        FileKind::Arrow => &[everything::arrow, everything::arrays],
        #[cfg(feature = "parquet")]
        FileKind::Parquet => &[everything::parquet],
        FileKind::Gzip | FileKind::Json | FileKind::Text => {
            &[everything::jsonl, everything::csv, everything::yaml, everything::labels, everything::tokens]
        }
        _ => &[everything::arrays],
    }
}

#[test]
fn no_damage_makes_a_reader_panic_or_fill_the_memory() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    for folder in ["tests/fixtures", "data", "fuzz/corpus"] {
        files(&root.join(folder), &mut all);
    }
    // What the truth is, and what made it, is no file that anyone opens.
    all.retain(|path| {
        let name = path.file_name().unwrap_or_default();
        name != "expected.json" && !["py", "md"].iter().any(|own| path.extension().is_some_and(|found| found == *own))
    });
    let (mut accepted, mut refused) = (0, 0);
    for path in &all {
        let seed = fs::read(path).unwrap();
        let kind = sniff(&seed);
        let mut seeds = vec![seed];
        if kind == FileKind::Gzip {
            // Damage to packed bytes is found by their checksum; what lies in them is text.
            let mut inside = Vec::new();
            flate2::read::MultiGzDecoder::new(&seeds[0][..]).take(1 << 13).read_to_end(&mut inside).unwrap();
            seeds.push(inside);
        }
        for seed in seeds {
            let mut random = Random(seed.len() as u64);
            let count = (WORK / (seed.len() + 256)).clamp(8, 600);
            for number in 0..=count {
                let bytes = if number == 0 { seed.clone() } else { mutant(&seed, &mut random) };
                let bytes = Bytes::from(bytes);
                for reader in readers(kind) {
                    HEAP.reset_peak_usage();
                    let before = HEAP.current_usage();
                    let good = catch_unwind(|| reader(&bytes));
                    let good = good.unwrap_or_else(|_| panic!("{}: mutant {number}", path.display()));
                    let peak = HEAP.peak_usage().saturating_sub(before);
                    assert!(peak < BOUND, "{}: mutant {number} took {peak} bytes", path.display());
                    *if good { &mut accepted } else { &mut refused } += 1;
                }
            }
        }
    }
    assert!(all.len() > 100, "{} files", all.len());
    assert!(accepted > 1000 && refused > 1000, "{accepted} accepted, {refused} refused");
}
