//! saev: `{run}/sae.pt`, a line of JSON before what torch wrote.
//!
//! SAELens' names and orientation. The line names schema and configuration: without a schema it is the configuration, of
//! relu; schema 1 had the activation function as its `cls` at first; later ones have `activation` with class and parameters.
//! `b_dec` is subtracted only by the code before there were schemas, which no file tells from the code that reads such files
//! today. Top-k keeps what is below zero among the k largest; batch top-k has a threshold since schema 4, and kept the k
//! largest of each input in schemas 1 and 2.
//!
//! Source: OSU-NLP-Group/saev `src/saev/nn/modeling.py`; samuelstevens/saev of February 2025.

use super::build::{self, Facts, Place, Weights};
use super::{Format, count, four, text};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::Parts;
use crate::sae::detect::Source;
use crate::sae::dictionary::Dictionary;
use crate::sae::open::OpenOptions;
use serde_json::Value;

pub(super) const FORMAT: Format = Format {
    name: "saev",
    about: "saev: sae.pt with a line of JSON before it, schemas 1 to 5 and before",
    detect: |source| {
        four::are_in(source) && (source.says_all(&["schema", "cfg"]) || source.says_all(&["d_vit", "exp_factor"]))
    },
    parts: super::one,
    place: |_| Place::default(),
    load,
};

/// The class of the activation function, and its k.
fn function(header: &Value) -> (String, Option<usize>) {
    let Some(config) = header.get("cfg") else { return ("Relu".into(), None) };
    if let Some(activation) = config.get("activation") {
        let k = activation.get("params").and_then(|params| count(params, &["top_k"]));
        return (text(activation, &["cls"]).unwrap_or_default(), k);
    }
    match text(header, &["cls"]).filter(|class| class != "SparseAutoencoderConfig") {
        Some(class) => (class, count(config, &["top_k"])),
        None => ("Relu".into(), None),
    }
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let mut warnings = source.notes.clone();
    let weights = Weights::read(source, options, &four::names(), &mut warnings)?;
    let threshold = build::threshold(source, &["activation.threshold"], weights.decoders[0].nrows(), &mut warnings)?;
    let nothing = Value::Null;
    let header = source.config.as_ref().unwrap_or(&nothing);
    let schema = count(header, &["schema"]);
    let (class, k) = function(header);
    let stated = match class.as_str() {
        "Relu" => "relu".into(),
        "TopK" => "topk".into(),
        "BatchTopK" if threshold.is_none() && schema.is_some_and(|schema| schema <= 2) => {
            warnings.push("BatchTopK of schema 1 or 2, which keeps the k largest of each input: taken as topk".into());
            "topk".into()
        }
        "BatchTopK" => "batchtopk".into(),
        other => other.to_string(),
    };
    let negatives = stated == "topk";
    let facts = Facts {
        parts: Parts { stated: Some(stated), k, threshold, negatives, ..Parts::default() },
        subtract_b_dec: schema.map(|_| false),
        ..Facts::plain(FORMAT.name, Place::default(), warnings)
    };
    build::dictionary(source, options, weights, facts)
}
