//! `embed`: coordinates for every feature.

use super::args::{EmbedArgs, EmbedMethod};
use super::shared::{Common, pointless};
use super::{input, opening, progress};
use crate::analysis::fingerprint::source;
use crate::analysis::map::layout_parameters;
use crate::error::{Error, Problem, Result};
use crate::export::{Array, Data, Document, Sink};
use crate::geometry::umap::UmapParams;
use serde_json::json;

/// Names of map coordinates, as far as there are letters.
const AXES: [&str; 3] = ["x", "y", "z"];

pub(super) fn run(args: &EmbedArgs, common: &Common) -> Result<()> {
    if args.method == EmbedMethod::Diffusion {
        return Err(Error::NotInBuild("diffusion maps (--method diffusion)".into()));
    }
    let with_pca = args.method == EmbedMethod::Pca;
    if with_pca {
        pointless(&of_umap(args), "--method pca")?;
    }
    let sink = Sink::new(&args.output, common.force, 1)?;
    let study = opening::study(&args.dict.open(), common)?;
    sink.spares(opening::inputs(&study, &args.dict.files).chain(args.graph.as_deref()))?;
    let mut extras = Vec::new();
    let (coordinates, parameters) = if with_pca {
        let pca = progress::with_task(common, |task| study.pca(args.dims, task))?;
        let d = pca.mean.len();
        extras.push(Array::column("explained_variance_ratio", Data::F64(pca.explained_variance_ratio)));
        extras.push(Array::matrix("components", d, Data::F32(pca.components.into_data())));
        extras.push(Array::column("mean", Data::F32(pca.mean)));
        (pca.coordinates, json!({ "verb": "embed", "method": "pca", "dims": args.dims }))
    } else {
        let plain = opening::umap(&args.layout, common, study.features());
        let params = UmapParams {
            dims: args.dims,
            epochs: args.epochs.as_deref().map_or(Ok(None), epochs)?,
            spread: args.spread.unwrap_or(plain.spread),
            init: args.init.map_or(plain.init, Into::into),
            ..plain
        };
        let graph = args.graph.as_ref().map(|path| input::graph(path, study.features())).transpose()?;
        let umap = progress::with_task(common, |task| match &graph {
            Some(graph) => study.umap_on(graph, &params, task).map_err(|error| error.in_file(&study.name)),
            None => study.umap(&params, None, task, &mut |_| {}),
        })?;
        let mut parameters = layout_parameters(&params);
        let own = json!({ "verb": "embed", "method": "umap", "dims": args.dims, "epochs": umap.epochs });
        parameters.extend(own.as_object().cloned().unwrap_or_default());
        if let Some(path) = &args.graph {
            parameters.insert("graph".into(), source(path));
        }
        (umap.coordinates, parameters.into())
    };
    let array = Array::matrix("coordinates", args.dims, Data::F32(coordinates.into_data()));
    let array = if args.dims <= AXES.len() { array.named(&AXES[..args.dims]) } else { array };
    sink.write(&Document {
        rows: "features",
        arrays: vec![Array::index("feature", study.features()), array],
        extras,
        provenance: opening::provenance(&study, common, parameters),
        bare: false,
    })
}

/// Which flags were given that only umap obeys.
fn of_umap(args: &EmbedArgs) -> Vec<(&'static str, bool)> {
    let own = [
        ("--graph", args.graph.is_some()),
        ("--epochs", args.epochs.is_some()),
        ("--spread", args.spread.is_some()),
        ("--init", args.init.is_some()),
    ];
    args.layout.given().into_iter().chain(own).collect()
}

fn epochs(text: &str) -> Result<Option<usize>> {
    if text == "auto" {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| Problem::new(format!("--epochs {text}")).expected("a number of passes, or auto").usage())
}
