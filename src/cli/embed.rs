//! `embed`: coordinates for every feature.

use super::args::{EmbedArgs, EmbedMethod};
use super::shared::Common;
use super::{input, opening, progress};
use crate::analysis::map::layout_parameters;
use crate::error::{Error, Problem, Result};
use crate::export::{Array, Data, Document, Sink};
use crate::geometry::umap::UmapParams;
use serde_json::json;

/// Names of map coordinates, as far as there are letters.
const AXES: [&str; 3] = ["x", "y", "z"];

pub(super) fn run(args: &EmbedArgs, common: &Common) -> Result<()> {
    let sink = Sink::new(&args.output, common.force, 1)?;
    let study = opening::study(&args.dict.open(), common)?;
    let mut extras = Vec::new();
    let (coordinates, parameters) = match args.method {
        EmbedMethod::Diffusion => return Err(Error::NotInBuild("diffusion maps (--method diffusion)".into())),
        EmbedMethod::Pca => {
            let pca = progress::with_task(common, |task| study.pca(args.dims, task))?;
            let d = pca.mean.len();
            extras.push(Array::column("explained_variance_ratio", Data::F64(pca.explained_variance_ratio)));
            extras.push(Array::matrix("components", d, Data::F32(pca.components.into_data())));
            extras.push(Array::column("mean", Data::F32(pca.mean)));
            (pca.coordinates, json!({ "verb": "embed", "method": "pca", "dims": args.dims }))
        }
        EmbedMethod::Umap => {
            let params = UmapParams {
                dims: args.dims,
                epochs: epochs(&args.epochs)?,
                spread: args.spread,
                init: args.init.into(),
                ..opening::umap(&args.layout, common, study.features())
            };
            let graph = args.graph.as_ref().map(|path| input::graph(path, study.features())).transpose()?;
            let umap = progress::with_task(common, |task| match &graph {
                Some(graph) => study.umap_on(graph, &params, task),
                None => study.umap(&params, None, task, &mut |_| {}),
            })?;
            let mut parameters = layout_parameters(&params);
            let graph = args.graph.as_ref().map(|path| path.display().to_string());
            let own = json!({
                "verb": "embed", "method": "umap", "dims": args.dims, "epochs": umap.epochs, "graph": graph,
            });
            parameters.extend(own.as_object().cloned().unwrap_or_default());
            let parameters = parameters.into();
            (umap.coordinates, parameters)
        }
    };
    let array = Array::matrix("coordinates", args.dims, Data::F32(coordinates.into_data()));
    let array = if args.dims <= AXES.len() { array.named(&AXES[..args.dims]) } else { array };
    sink.write(&Document {
        rows: "features",
        arrays: vec![Array::index("feature", study.features()), array],
        extras,
        provenance: opening::provenance(&study, parameters),
        bare: false,
    })
}

fn epochs(text: &str) -> Result<Option<usize>> {
    if text == "auto" {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| Problem::new(format!("--epochs {text}")).expected("a number of passes, or auto").usage())
}
