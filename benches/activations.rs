//! Opening ten million saved activations: the first time from each format, and again from what was kept.
//!
//! `cargo bench --bench activations` makes the files in a temporary folder (300,000 tokens, 24,576 features, about 33 a
//! token, seeded) and opens them; files and cache are warm. `first` reads, sorts and keeps, `again` maps what was kept,
//! `alone` keeps nothing. What is held at most is in the bench `memory`.

mod data;

use data::{acts_file, acts_formats, task};
use divan::Bencher;
use divan::counter::ItemsCount;
use saescope::analysis::Cache;
use saescope::analysis::activations::load;
use saescope::analysis::cache::DEFAULT_LIMIT;

fn main() {
    divan::main();
}

#[divan::bench(args = acts_formats(), sample_count = 3, sample_size = 1)]
fn alone(bencher: Bencher, format: &str) {
    let file = acts_file(format);
    let open = || load(&file.path, file.features, &Cache::off(), &task(2)).expect("activations");
    bencher.counter(ItemsCount::new(file.entries)).bench(open);
}

#[divan::bench(args = acts_formats(), sample_count = 3, sample_size = 1)]
fn first(bencher: Bencher, format: &str) {
    let file = acts_file(format);
    let cache = Cache::at(file.folder.path().join("cache"), DEFAULT_LIMIT);
    bencher
        .counter(ItemsCount::new(file.entries))
        .with_inputs(|| cache.clear().expect("an empty cache"))
        .bench_values(|_| load(&file.path, file.features, &cache, &task(2)).expect("activations"));
}

#[divan::bench(args = acts_formats(), sample_count = 5, sample_size = 1)]
fn again(bencher: Bencher, format: &str) {
    let file = acts_file(format);
    let cache = Cache::at(file.folder.path().join("cache"), DEFAULT_LIMIT);
    load(&file.path, file.features, &cache, &task(2)).expect("activations");
    let open = || load(&file.path, file.features, &cache, &task(2)).expect("activations");
    bencher.counter(ItemsCount::new(file.entries)).bench(open);
}
