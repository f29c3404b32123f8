//! `cluster`: groups of features or of points.

use super::args::{AffinityName, ClusterArgs, ClusterMethod, LinkageName};
use super::shared::{Common, EvidenceArgs, OpenArgs, idle, pointless};
use super::{input, opening, output, progress};
use crate::analysis::grouping::{AffinityKind, Cut, Grouping, Method, On, group_points};
use crate::analysis::map::layout_parameters;
use crate::analysis::{MapParams, Study};
use crate::error::{Error, Problem, Result};
use crate::export::{Array, Data, Document, Provenance, Sink};
use crate::geometry::cluster::Clusters;
use crate::geometry::cluster::agreement::{Agreement, agreement};
use crate::geometry::cluster::hdbscan::{HdbscanParams, Metric, hdbscan};
use crate::rows::Points;
use crate::task::Task;
use crate::text::counted;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

pub(super) fn run(args: &ClusterArgs, common: &Common) -> Result<()> {
    let sink = Sink::new(&args.output, common.force, 1)?;
    let params = opening::hdbscan(&args.groups);
    let method = args.method.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string());
    if args.method == ClusterMethod::Hdbscan {
        pointless(&args.links.given(), "--method hdbscan")?;
    } else {
        pointless(&args.groups.given(), &format!("--method {method}"))?;
    }
    let clusters = match &args.points {
        Some(path) => {
            sink.spares([path.as_path()].into_iter().chain(args.against.as_deref()))?;
            of_points(args, path, &params, &sink, common)?
        }
        None => of_dictionary(args, &params, &sink, common)?,
    };
    let agreement = args.against.as_ref().map(|path| {
        let other = input::cluster_numbers(path, clusters.labels.len())?;
        progress::with_task(common, |task| agreement(&clusters.labels, &other, common.seed, task))
    });
    let agreement = agreement.transpose()?;
    if args.json {
        return output::print_json(&json!({
            "clusters": clusters.count, "noise": clusters.noise(), "sizes": clusters.sizes(), "agreement": agreement,
        }));
    }
    let Some(Agreement { nodes, ami, ari, null_mean, null_deviation, null_most, draws, .. }) = agreement else {
        return Ok(());
    };
    output::print(&format!(
        "{nodes} in a cluster of both: adjusted mutual information {ami:.4}, adjusted Rand index {ari:.4}; with the labels dealt out {draws} times {null_mean:.4}, deviation {null_deviation:.4}, at most {null_most:.4}\n"
    ))
}

fn of_points(
    args: &ClusterArgs,
    path: &Path,
    params: &HdbscanParams,
    sink: &Sink,
    common: &Common,
) -> Result<Arc<Clusters>> {
    let points = input::points(path)?;
    let method = match args.method {
        ClusterMethod::Hdbscan => None,
        _ => Some(chosen(args)?),
    };
    progress::with_task(common, |task| {
        let at = |error: Error| error.in_file(path);
        let (clusters, parameters) = match method {
            None => (hdbscan(&points, Metric::Euclidean, params, task).map_err(at)?, parameters("points", params)),
            Some(method) => {
                let found = group_points(&points, method, common.seed, task).map_err(at)?;
                let mut parameters = method.parameters();
                parameters.extend([("verb".into(), "cluster".into()), ("on".into(), "points".into())]);
                parameters.extend(found.facts);
                (found.clusters, parameters.into())
            }
        };
        let clusters = Arc::new(clusters);
        write(sink, ("points", "point"), &clusters, opening::provenance_of_file(path, common, parameters)?, task)?;
        Ok(clusters)
    })
}

fn need(flag: &str, method: &str) -> Error {
    Problem::new(format!("--method {method} without {flag}")).hint(format!("{flag} 8")).usage()
}

fn parameters(on: &str, params: &HdbscanParams) -> Value {
    json!({
        "verb": "cluster", "method": "hdbscan", "on": on, "min_cluster_size": params.min_cluster_size,
        "min_samples": params.samples(),
    })
}

/// Writes the cluster of every row; `names` are those of the rows and of their index.
fn write(
    sink: &Sink,
    names: (&'static str, &str),
    clusters: &Clusters,
    provenance: Provenance,
    task: &Task,
) -> Result<()> {
    let labels = Array::column("labels", Data::I32(clusters.labels.clone()));
    let document = Document {
        rows: names.0,
        arrays: vec![
            Array::index(names.1, clusters.labels.len()),
            Array { columns: Some(vec!["cluster".into()]), ..labels },
        ],
        extras: Vec::new(),
        provenance,
        bare: false,
    };
    sink.write(&document, task)
}

/// The method that the flags ask for, hdbscan apart.
fn chosen(args: &ClusterArgs) -> Result<Method> {
    let links = &args.links;
    let k = links.k.unwrap_or(if args.method == ClusterMethod::Graph { 2 } else { 15 });
    let clusters = |method: &str| links.clusters.ok_or_else(|| need("--clusters", method));
    let (method, used): (Method, &[&str]) = match args.method {
        ClusterMethod::Hdbscan | ClusterMethod::Graph => {
            (Method::Graph { k, tau: links.tau.unwrap_or(0.5) as f32 }, &["--k", "--tau"])
        }
        ClusterMethod::Leiden => (Method::Leiden { k, resolution: links.resolution }, &["--k", "--resolution"]),
        ClusterMethod::Spectral => {
            let affinity = match links.affinity {
                None | Some(AffinityName::Positive) => AffinityKind::Positive,
                Some(AffinityName::Square) => AffinityKind::Square,
                Some(AffinityName::Angular) => AffinityKind::Angular,
            };
            (Method::Spectral { k, clusters: clusters("spectral")?, affinity }, &["--k", "--clusters", "--affinity"])
        }
        ClusterMethod::Kmeans => (Method::Kmeans { clusters: clusters("kmeans")? }, &["--clusters"]),
        ClusterMethod::Linkage => {
            let cut = match (links.tau, links.clusters) {
                (Some(tau), None) => Cut::At(tau),
                (None, Some(count)) => Cut::Into(count),
                _ => {
                    return Err(Problem::new("a hierarchy is cut at a similarity or into a number of clusters")
                        .expected("--tau or --clusters")
                        .hint("--tau 0.1")
                        .usage());
                }
            };
            let average = links.linkage != Some(LinkageName::Single);
            (Method::Linkage { k, average, cut }, &["--k", "--tau", "--clusters", "--linkage"])
        }
    };
    let idle: Vec<(&'static str, bool)> = links.given().into_iter().filter(|(flag, _)| !used.contains(flag)).collect();
    let name = args.method.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string());
    pointless(&idle, &format!("--method {name}"))?;
    Ok(method)
}

fn of_dictionary(args: &ClusterArgs, params: &HdbscanParams, sink: &Sink, common: &Common) -> Result<Arc<Clusters>> {
    let map_flags = [&args.layout.given()[..], &[("--fit-clusters", args.fit.fit_clusters)]].concat();
    let by_density = args.method == ClusterMethod::Hdbscan;
    let on = match (args.on.as_deref(), by_density) {
        (None | Some("map"), true) => None,
        (Some("map"), false) => {
            let problem = Problem::new("the map is grouped by hdbscan alone");
            return Err(problem.hint("--on decoder, or cluster --points with a map written by embed").usage());
        }
        (None, false) => Some(On::Decoder),
        (Some(name), _) => Some(On::from_name(name)?),
    };
    if let Some(on) = on {
        pointless(&map_flags, &format!("--on {}", on.name()))?;
    }
    let reads_activations = !matches!(on, None | Some(On::Decoder | On::Encoder));
    if !reads_activations {
        let EvidenceArgs { acts, tokens, labels, token_labels, .. } = &args.evidence;
        let given = [("--acts", acts), ("--tokens", tokens), ("--labels", labels), ("--token-labels", token_labels)];
        idle(
            &given.map(|(flag, file)| (flag, file.is_some())),
            &format!("--on {}", on.map_or_else(|| "map".to_string(), On::name)),
            common,
        );
    }
    let open = OpenArgs {
        dict: args.dict.clone(),
        files: args.files.clone(),
        evidence: if reads_activations { args.evidence.clone() } else { EvidenceArgs::default() },
        ..OpenArgs::default()
    };
    let study = opening::study(&open, common)?;
    sink.spares(study.files().chain(args.evidence.files()).chain(args.against.as_deref()))?;
    if !by_density {
        let grouping = Grouping { on: on.unwrap_or(On::Decoder), method: chosen(args)?, seed: common.seed };
        return progress::with_task(common, |task| {
            let found = study.group(&grouping, task)?;
            let mut parameters = grouping.parameters();
            parameters.insert("verb".into(), "cluster".into());
            parameters.extend(found.facts);
            let clusters = Arc::new(found.clusters);
            let provenance = opening::provenance(&study, common, parameters.into());
            write(sink, ("features", "feature"), &clusters, provenance, task)?;
            Ok(clusters)
        });
    }
    let rows = match (on, &study.dictionary.encoder) {
        (Some(On::Encoder), None) => {
            return Err(Problem::new("this dictionary has no encoder").hint("--on decoder").usage());
        }
        (Some(On::Encoder), Some(encoder)) => encoder,
        (None | Some(On::Decoder), _) => &study.dictionary.decoder,
        (Some(other), _) => {
            return Err(Problem::new(format!("hdbscan on {}", other.name()))
                .expected("map, decoder or encoder")
                .hint("--method leiden")
                .usage());
        }
    };
    let map = on
        .is_none()
        .then(|| opening::map(&args.layout, &args.groups, args.fit.fit_clusters, common, &study))
        .transpose()?;
    progress::with_task(common, |task| {
        let (clusters, mut parameters) = if let Some(map) = &map {
            let layout = study.umap(&map.umap, None, task, &mut |_| {})?;
            let (clusters, used) = of_map(&study, map, &layout.coordinates, common, task)?;
            (clusters, parameters("map", &used))
        } else {
            let clusters = hdbscan(rows, Metric::Cosine, params, task).map_err(|error| error.in_file(&study.name))?;
            (Arc::new(clusters), parameters(&on.map_or_else(String::new, On::name), params))
        };
        if let (Some(all), Some(map)) = (parameters.as_object_mut(), &map) {
            all.extend(layout_parameters(&map.umap));
        }
        write(sink, ("features", "feature"), &clusters, opening::provenance(&study, common, parameters), task)?;
        Ok(clusters)
    })
}

/// Clusters of a layout as `map` asks for them, and the parameters that made them. Where nothing is asked for and the
/// screen would group finer, stderr says how.
pub(super) fn of_map(
    study: &Study,
    map: &MapParams,
    layout: &Points,
    common: &Common,
    task: &Task,
) -> Result<(Arc<Clusters>, HdbscanParams)> {
    let made = study.fitted_clusters(map, layout, task)?;
    if common.quiet {
        return Ok(made);
    }
    if let Some(shown) = on_screen(study, map, layout, task)? {
        let clusters = &made.0;
        output::remark(&format!(
            "these clusters ({}, the largest with {} of {}) do not tell the features apart; --fit-clusters groups finer, as the screen does: with --min-cluster-size {} --min-samples {}",
            clusters.count,
            clusters.sizes().into_iter().max().unwrap_or(0),
            counted(clusters.labels.len(), "feature", "features"),
            shown.min_cluster_size,
            shown.samples()
        ));
    }
    Ok(made)
}

/// How the screen groups a layout for which nothing is asked, if it does so otherwise than `map`.
pub(super) fn on_screen(study: &Study, map: &MapParams, layout: &Points, task: &Task) -> Result<Option<HdbscanParams>> {
    if map.fit_clusters || map.hdbscan != HdbscanParams::default() {
        return Ok(None);
    }
    let (_, shown) = study.fitted_clusters(&MapParams { fit_clusters: true, ..*map }, layout, task)?;
    Ok(Some(shown).filter(|shown| *shown != map.hdbscan))
}
