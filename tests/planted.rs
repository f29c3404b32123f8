//! Shapes planted in a dictionary: found, named rightly and ranked above groups without a shape.

use saescope::analysis::groups::by_hand;
use saescope::analysis::open::{Request, open};
use saescope::analysis::{Cache, Manifold, ManifoldParams};
use saescope::geometry::cloud::{ShapeParams, Word};
use saescope::sae::synth::{Group, GroupKind, Planted, SynthKind, SynthParams, plant, target, write};
use saescope::task::Task;

/// Features and width of the planted dictionary, and its tokens.
const SIZE: (usize, usize, usize) = (1500, 128, 8_000);
/// Groups without a shape that are measured beside the planted ones: found by the default groupings, and at random.
const BLOBS: usize = 6;

/// What became of a planted group.
struct Outcome {
    name: String,
    /// Overlap (Jaccard) with the group that is most like it.
    overlap: f64,
    word: Option<Word>,
    /// Whether the word is right.
    named: bool,
    score: f64,
    /// The best score of a group without a shape.
    blobs: f64,
}

fn overlap(a: &[u32], b: &[u32]) -> f64 {
    let shared = a.iter().filter(|feature| b.contains(feature)).count();
    shared as f64 / (a.len() + b.len() - shared) as f64
}

fn words(kind: GroupKind) -> &'static [Word] {
    match kind {
        GroupKind::Ring => &[Word::Loop],
        GroupKind::Torus => &[Word::Loops],
        GroupKind::Sphere => &[Word::Surface],
        GroupKind::Helix => &[Word::Curve],
        GroupKind::Arc => &[Word::Arc],
        _ => &[],
    }
}

/// Plants, finds and measures.
fn outcomes(seed: u64, noise: f64) -> Vec<Outcome> {
    let task = Task::new(2).unwrap();
    let (features, d_model, tokens) = SIZE;
    let params = SynthParams { features, d_model, tokens, seed, noise, ..SynthParams::default() };
    let planted: Planted = plant(SynthKind::Manifolds, &params, &task).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("planted");
    write(&planted, &target(&path, false).unwrap(), &task).unwrap();
    let study = open(&Request { dictionary: path, ..Request::default() }, Cache::off()).unwrap();
    study.load_evidence(&task).unwrap();
    let params = ManifoldParams { shape: ShapeParams { seed, ..ShapeParams::MANY }, most_tokens: None, all: true };
    let all = study.survey(study.find_groups(seed, &task).unwrap(), &params, &task).unwrap().rows;
    let (shapes, background): (Vec<_>, Vec<_>) =
        planted.groups.iter().partition(|group| group.kind != GroupKind::Background);
    let background = &background[0].features;
    let like = |features: &[u32]| -> Manifold {
        let near = |row: &&Manifold| overlap(&row.found.features, features);
        all.iter().max_by(|a, b| near(a).total_cmp(&near(b))).cloned().unwrap()
    };
    let deepened = |mut rows: Vec<Manifold>| {
        study.deepen(&mut rows, &params, &task, &|_, _| ()).unwrap();
        rows
    };
    // Groups of the background alone, and as many features of it as a ring has.
    let alone = |row: &&Manifold| row.found.features.iter().all(|feature| background.contains(feature));
    let random = background.chunks(24).take(BLOBS).map(|features| by_hand(features).unwrap());
    let mut blobs = study.survey(random.collect(), &params, &task).unwrap().rows;
    blobs.extend(all.iter().filter(alone).take(BLOBS).cloned());
    let blobs = deepened(blobs)[0].score;
    let rows = deepened(shapes.iter().map(|group| like(&group.features)).collect());
    let outcome = |group: &&Group| {
        let near = |row: &&Manifold| overlap(&row.found.features, &group.features);
        let row = rows.iter().max_by(|a, b| near(a).total_cmp(&near(b))).unwrap();
        let word = row.measured.speaking().and_then(|(lens, _)| lens.word());
        Outcome {
            name: group.name.clone(),
            overlap: near(&row),
            word,
            named: word.is_some_and(|word| words(group.kind).contains(&word)),
            score: row.score,
            blobs,
        }
    };
    shapes.iter().map(outcome).collect()
}

#[test]
fn planted_shapes_are_found_named_and_ranked_above_groups_without_one() {
    for (seed, noise) in [(0, 0.04), (1, 0.1), (2, 0.2)] {
        for Outcome { name, overlap, word, named, score, blobs } in outcomes(seed, noise) {
            let at = format!("{name} of seed {seed} at noise {noise}");
            assert!(overlap >= 0.8, "{at}: overlap {overlap}");
            assert!(named, "{at} is called {word:?}");
            assert!(score > 2.0 * blobs, "{at}: {score}, and a group without a shape {blobs}");
        }
    }
}

/// Prints at which noise what breaks: `cargo test --test planted -- --ignored --nocapture`.
#[test]
#[ignore = "a table for people: some minutes"]
#[expect(clippy::print_stdout, reason = "the table")]
fn the_noise_at_which_planted_shapes_break() {
    for noise in [0.02, 0.04, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0] {
        for seed in 0..3 {
            for Outcome { name, overlap, word, named, score, blobs } in outcomes(seed, noise) {
                let right = if named { "" } else { "WRONG" };
                println!(
                    "{noise} {seed} {name:14} overlap {overlap:.2} score {score:.2} ({blobs:.2}) {word:?} {right}"
                );
            }
        }
    }
}
