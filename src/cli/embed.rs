//! `embed`: coordinates for every feature.

use super::args::{EmbedArgs, EmbedMethod};
use super::shared::{Common, idle};
use super::{input, opening, output, progress};
use crate::analysis::Study;
use crate::analysis::fingerprint::source;
use crate::analysis::map::layout_parameters;
use crate::error::{Problem, Result};
use crate::export::{Array, Data, Document, Sink};
use crate::geometry::umap::UmapParams;
use crate::rows::Points;
use crate::task::Task;
use serde_json::{Value, json};

/// Names of map coordinates, as far as there are letters.
const AXES: [&str; 3] = ["x", "y", "z"];

pub(super) fn run(args: &EmbedArgs, common: &Common) -> Result<()> {
    match args.method {
        EmbedMethod::Umap => {}
        EmbedMethod::Pca => idle(&[&args.layout.given()[..], &of_umap(args)].concat(), "--method pca", common),
        EmbedMethod::Diffusion => {
            let own = [("--min-dist", args.layout.min_dist.is_some())];
            idle(&[&own[..], &of_umap(args)].concat(), "--method diffusion", common);
        }
    }
    let sink = Sink::new(&args.output, common.force, 1)?;
    args.dict.unread.remark("embed", common);
    let study = opening::study(&args.dict.open(), common)?;
    sink.spares(study.files().chain(args.graph.as_deref()))?;
    progress::with_task(common, |task| {
        let mut extras = Vec::new();
        let (coordinates, parameters) = match args.method {
            EmbedMethod::Pca => {
                let pca = study.pca(args.dims, task)?;
                let d = pca.mean.len();
                extras.push(Array::column("explained_variance_ratio", Data::F64(pca.explained_variance_ratio)));
                extras.push(Array::matrix("components", d, Data::F32(pca.components.into_data())));
                extras.push(Array::column("mean", Data::F32(pca.mean)));
                (pca.coordinates, json!({ "verb": "embed", "method": "pca", "dims": args.dims }))
            }
            EmbedMethod::Diffusion => {
                let neighbors = opening::umap(&args.layout, common, study.features()).neighbors;
                let found = study.diffusion(neighbors - 1, args.dims, task)?;
                if found.parts > 1 && !common.quiet {
                    output::remark(&format!(
                        "the features fall into {} parts that no neighbours connect, so that the first {} coordinates tell parts; a larger --neighbors joins them",
                        found.parts,
                        (found.parts - 1).min(args.dims)
                    ));
                }
                extras.push(Array::column("eigenvalues", Data::F64(found.eigenvalues)));
                let own = json!({
                    "verb": "embed", "method": "diffusion", "dims": args.dims, "neighbors": neighbors,
                    "parts": found.parts, "settled": found.settled,
                });
                (found.coordinates, own)
            }
            EmbedMethod::Umap => of_layout(args, &study, common, task)?,
        };
        let array = Array::matrix("coordinates", args.dims, Data::F32(coordinates.into_data()));
        let array = if args.dims <= AXES.len() { array.named(&AXES[..args.dims]) } else { array };
        let document = Document {
            rows: "features",
            arrays: vec![Array::index("feature", study.features()), array],
            extras,
            provenance: opening::provenance(&study, common, parameters),
            bare: false,
        };
        sink.write(&document, task)
    })
}

/// The layout that the flags ask for, and its parameters.
fn of_layout(args: &EmbedArgs, study: &Study, common: &Common, task: &Task) -> Result<(Points, Value)> {
    let plain = opening::umap(&args.layout, common, study.features());
    let params = UmapParams {
        dims: args.dims,
        epochs: args.epochs.as_deref().map_or(Ok(None), epochs)?,
        spread: args.spread.unwrap_or(plain.spread),
        init: args.init.map_or(plain.init, Into::into),
        ..plain
    };
    params.check(study.features())?;
    let mut parameters = layout_parameters(&params);
    let umap = match &args.graph {
        Some(path) => {
            let graph = input::graph(path, study.features())?;
            parameters.insert("graph".into(), source(path));
            // What is wrong with the rows is wrong with the dictionary; what else there is, with the graph.
            study.umap_on(&graph, &params, task).map_err(|error| error.in_file(&study.name).at(path))?
        }
        None => study.umap(&params, None, task, &mut |_| {})?,
    };
    let own = json!({ "verb": "embed", "method": "umap", "dims": args.dims, "epochs": umap.epochs });
    parameters.extend(own.as_object().cloned().unwrap_or_default());
    Ok((umap.coordinates, parameters.into()))
}

/// Which flags were given that only umap obeys, beside those of the layout.
fn of_umap(args: &EmbedArgs) -> [(&'static str, bool); 4] {
    [
        ("--graph", args.graph.is_some()),
        ("--epochs", args.epochs.is_some()),
        ("--spread", args.spread.is_some()),
        ("--init", args.init.is_some()),
    ]
}

fn epochs(text: &str) -> Result<Option<usize>> {
    if text == "auto" {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| Problem::new(format!("--epochs {text}")).expected("a number of passes, or auto").usage())
}
