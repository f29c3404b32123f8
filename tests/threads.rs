//! The same bytes at any number of threads: every verb that writes or prints a result, by every method it has, run on
//! one thread and on three, each time anew.
//!
//! The kernels say the same of themselves in their own tests; here it is said of everything that leaves the program.

#[path = "support/program.rs"]
#[allow(dead_code, reason = "shared with the tests of the verbs")]
mod program;

use program::Program;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Verbs that compute nothing: there is nothing in them for threads to change.
const IDLE: [&str; 7] = ["cache", "help", "doctor", "config", "completions", "man", "slurm"];

/// What is made first, once, for the runs to work on.
const PREPARED: [&str; 4] = [
    "synth manifolds -o planted --features 160 --d-model 24 --tokens 700",
    "embed planted -o given.npy --method pca --dims 3",
    "cluster planted -o groups.npz --method linkage --tau 0.5",
    "knn planted -o graph.npz --k 20",
];

/// Commands; `@/` stands for the folder of the run. What they print counts as well, but for what tells time.
const RUNS: &[&str] = &[
    "info planted --full --json",
    "convert planted -o @/converted",
    "encode @example/concepts RESIDUALS -o @/encoded.npz",
    "neighbors planted --feature 3 --json",
    "neighbors planted --feature 3 --by encoder --json",
    "neighbors planted --feature 3 --by activation --json",
    "feature planted --feature 3 --json",
    "knn planted -o @/knn.npz",
    "knn planted -o @/knn.csv --k 40",
    "knn planted -o @/knn.json --method exact",
    "embed planted -o @/umap.npz",
    "embed planted -o @/umap.csv --init pca --dims 3 --seed 4",
    "embed planted -o @/umap.json --graph graph.npz",
    "embed planted -o @/pca.npz --method pca --dims 9",
    "embed planted -o @/diffusion.npy --method diffusion",
    "cluster planted -o @/map.npz",
    "cluster planted -o @/fitted.csv --fit-clusters --json",
    "cluster planted -o @/decoder.csv --on decoder --min-cluster-size 4",
    "cluster planted -o @/activation.csv --method leiden --on activation",
    "cluster planted -o @/encoder.csv --on encoder --min-cluster-size 4",
    "cluster planted -o @/graph.csv --method graph",
    "cluster planted -o @/graph-jaccard.csv --method graph --on jaccard --tau 0.1",
    "cluster planted -o @/graph-dice.csv --method graph --on dice --tau 0.1",
    "cluster planted -o @/graph-overlap.csv --method graph --on overlap --tau 0.1",
    "cluster planted -o @/graph-phi.csv --method graph --on phi --tau 0.1",
    "cluster planted -o @/graph-conditional.csv --method graph --on conditional --tau 0.1",
    "cluster planted -o @/graph-smc.csv --method graph --on smc --tau 0.1",
    "cluster planted -o @/graph-pearson.csv --method graph --on pearson --tau 0.1",
    "cluster planted -o @/graph-mutual.csv --method graph --on mutual --tau 0.01",
    "cluster planted -o @/graph-ising.csv --method graph --on ising --tau 0.01",
    "cluster planted -o @/graph-both.csv --method graph --on phi+decoder --tau 0.1",
    "cluster planted -o @/graph-most.csv --method graph --on max:phi+decoder --tau 0.1",
    "cluster planted -o @/leiden.csv --method leiden",
    "cluster planted -o @/leiden-fine.json --method leiden --resolution 2 --on phi+decoder",
    "cluster planted -o @/spectral.csv --method spectral --clusters 5",
    "cluster planted -o @/square.csv --method spectral --clusters 5 --affinity square",
    "cluster planted -o @/angular.csv --method spectral --clusters 5 --affinity angular",
    "cluster planted -o @/kmeans.npy --method kmeans --clusters 7",
    "cluster planted -o @/average.csv --method linkage --tau 0.4",
    "cluster planted -o @/single.csv --method linkage --linkage single --clusters 6",
    "cluster --points given.npy -o @/points.csv --json --against groups.npz",
    "cloud given.npy --json",
    "cloud given.npy --unit --mode paper --json -o @/cloud.csv",
    "cloud given.npy --mode script --json -o @/cloud.npz",
    "manifolds planted -o @/manifolds.json --clusters groups.npz --most-tokens 150",
    "manifolds planted -o @/manifolds.csv --clusters groups.npz --most-tokens 80",
    "manifold planted -o @/manifold.csv --features 0,1,2,3,4,5",
    "manifold planted -o @/manifold.npz --features 0,1,2,3,4,5 --most-tokens 100",
    "trust given.npy --against planted --json -o @/trust.npz",
    "trust given.npy --against same.npy --json",
    "export planted -o @/table.csv",
    "export @example/concepts -o @/table.json --columns feature,top_tokens,density,max_activation,norm",
    "feature @example/concepts --feature 21 --json",
    "export planted -o @/table.npz --where density>0",
    "render planted --view map -o @/map.svg",
    "render planted --view map --size 200x60 -o @/map.txt",
    "render planted --view feature --feature 3 --size 120x40",
    "render planted --view clusters",
    "render planted --view manifold --cluster 0 --size 120x40",
    "render planted --view map -o @/map.png",
    "render planted --view map -o @/map.html",
    "render planted --view manifold --cluster 0 -o @/manifold.html",
    "render planted --view heatmap --feature 3 --size 120x40",
    "render planted --view histograms --size 200x60",
    "heatmap planted --where density>0 -o @/pairs.npz --order cluster",
    "heatmap planted --features 3,1,2,40,41,42 -o @/pairs.csv --by encoder --order likeness",
    "heatmap planted --features 3,1,2,40,41,42 -o @/firing.json --by phi --order y",
    "histogram planted --column norm --json",
    "histogram planted --where cluster=none --bins 7",
    "synth mixed -o @/mixed --features 200 --d-model 32 --tokens 300",
    "synth rings -o @/rings --features 200 --d-model 32 --tokens 300",
    "synth clusters -o @/clusters --features 200 --d-model 32 --tokens 300",
    "synth random -o @/random --features 200 --d-model 32 --tokens 300",
];

fn words(line: &str) -> Vec<String> {
    let residuals = concat!(env!("CARGO_MANIFEST_DIR"), "/data/fixtures/concepts_first240_resid_f16.npy");
    line.split(' ').map(|word| word.replace("RESIDUALS", residuals)).collect()
}

/// Every file below a folder, by its place in it.
fn files(folder: &Path, below: &str, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            files(&entry.path(), &name, into);
        } else {
            into.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
fn every_result_is_the_same_at_any_number_of_threads() {
    let program = Program::new();
    for line in PREPARED {
        program.succeeds(&words(line));
    }
    fs::copy(program.path("given.npy"), program.path("same.npy")).unwrap();
    let mut results: Vec<BTreeMap<String, Vec<u8>>> = Vec::new();
    for threads in ["1", "3"] {
        // The same folder each time: its name is part of what results say about themselves.
        let folder = program.path("out");
        fs::create_dir(&folder).unwrap();
        let mut made = BTreeMap::new();
        for line in RUNS {
            let mut args = words(&line.replace("@/", "out/"));
            args.extend(["--threads".into(), threads.into(), "--no-cache".into()]);
            made.insert(line.to_string(), program.succeeds(&args).stdout.into_bytes());
        }
        files(&folder, "", &mut made);
        fs::remove_dir_all(&folder).unwrap();
        results.push(made);
    }
    let [one, three] = &results[..] else { unreachable!() };
    assert!(one.keys().eq(three.keys()));
    assert!(one.len() > RUNS.len() + 45, "{} results", one.len());
    for (name, bytes) in one {
        assert!(*bytes == three[name], "{name} differs between one thread and three");
    }
}

#[test]
fn no_verb_and_no_method_is_left_out() {
    let program = Program::new();
    let listed = program.ok(&["--help"]);
    let verbs = listed.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs: BTreeSet<&str> = verbs
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split(' ').next())
        .collect();
    let run: BTreeSet<&str> = RUNS.iter().filter_map(|line| line.split(' ').next()).collect();
    let missing: Vec<_> = verbs.iter().filter(|verb| !run.contains(*verb) && !IDLE.contains(verb)).collect();
    assert!(verbs.len() > 12 && missing.is_empty(), "{missing:?}");
    // The methods that clap lists.
    for (verb, flag) in [("cluster", "--method"), ("cluster", "--affinity"), ("embed", "--method"), ("cloud", "--mode")]
    {
        let help = program.ok(&[verb, "--help"]);
        let flat = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let after = &flat[flat.find(&format!("{flag} <")).unwrap()..];
        let Some((_, values)) = after.split_once("[possible values: ") else { continue };
        for value in values.split(']').next().unwrap().split(", ") {
            let named = RUNS.iter().any(|line| line.contains(&format!("{flag} {value}")));
            let default = after.split(" --").next().unwrap_or("").contains(&format!("[default: {value}]"));
            assert!(named || default, "{verb} {flag} {value}");
        }
    }
}
