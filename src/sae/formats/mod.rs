//! The formats of dictionaries, one file each, in one table.
//!
//! A format says by tensor names, shapes and configuration whether a [`Source`] is its own, and turns it into a
//! [`Dictionary`] in the common convention. To add one, write its file and give it a row in [`FORMATS`]; nothing else
//! knows their names. Families that are known but have no file yet have their names in a second table, so that whoever opens one
//! is told what it is.

mod batchtopk;
mod build;
mod circuit_tracer;
mod clt;
mod connor_rob;
mod crosscode;
mod crosscoder_ckkissane;
mod crosscoder_sof;
mod crosslayer_coding;
mod deepseek;
mod dictionary_learning;
mod e2e_sae;
mod four;
mod gemma_scope;
mod gemma_scope_2;
mod goodfire;
mod interplm;
mod interprot;
mod layout;
mod llama_scope;
mod llamascopium;
mod matrix;
mod neel_nanda;
mod openai;
mod overcomplete;
mod qwen_scope;
mod saelens;
mod saev;
mod sparsify;
mod temporal;
mod tied;
mod transcoder_circuits;
mod vit_prisma;

pub use build::Place;

use super::detect::Source;
use super::dictionary::Dictionary;
use super::open::OpenOptions;
use crate::container::TensorInfo;
use crate::error::{Error, Problem, Result};
use crate::text::markdown_table;
use serde_json::Value;

/// Raise it when a loader reads the same file as another dictionary than before: kept results of it are then made anew.
pub const VERSION: u32 = 4;

/// One family of files.
#[derive(Debug)]
pub struct Format {
    /// Its name for `--format` and in `info`.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// Whether a source is one of these.
    pub detect: fn(&Source) -> bool,
    /// The dictionaries in the source, if it holds several: the number that stands for each, and its name.
    pub parts: fn(&Source) -> Vec<(usize, String)>,
    /// Where in which model it was trained, without reading its tensors.
    pub place: fn(&Source) -> Place,
    /// Reads the source as one of these.
    pub load: fn(&Source, &OpenOptions) -> Result<Dictionary>,
}

/// All formats, in the order in which they are asked.
pub const FORMATS: &[Format] = &[
    gemma_scope::FORMAT,
    gemma_scope_2::FORMAT,
    openai::FORMAT,
    goodfire::FORMAT,
    llamascopium::FORMAT,
    clt::FORMAT,
    crosslayer_coding::FORMAT,
    crosscode::FORMAT,
    crosscoder_ckkissane::FORMAT,
    crosscoder_sof::FORMAT,
    overcomplete::FORMAT,
    e2e_sae::FORMAT,
    interprot::FORMAT,
    interplm::FORMAT,
    temporal::FORMAT,
    tied::FORMAT,
    llama_scope::R1,
    llama_scope::FORMAT,
    deepseek::FORMAT,
    sparsify::FORMAT,
    dictionary_learning::FORMAT,
    circuit_tracer::FORMAT,
    saev::FORMAT,
    batchtopk::FORMAT,
    vit_prisma::FORMAT,
    transcoder_circuits::FORMAT,
    qwen_scope::FORMAT,
    connor_rob::FORMAT,
    neel_nanda::FORMAT,
    saelens::FORMAT,
    matrix::FORMAT,
];

/// Families that are known by their tensors but not read yet: the name, and tensors that must all be there.
const LATER: &[(&str, &[&str])] = &[
    ("a Lorsa (low-rank sparse attention) of Llamascopium", &["W_Q", "W_K", "W_V", "W_O"]),
    ("a mixture of linear transforms of Llamascopium", &["U_matrices", "V_matrices"]),
];

/// Things that hold tensors but are no dictionary: tensors that must all be there, what it is, what to try. A format
/// that knows its decoder by name is asked first: a dictionary may have such a tensor beside it.
const OTHER: &[(&[&str], &str, &str)] = &[
    (&["indices", "indptr", "data"], "sparse activations, not a dictionary", "--acts with this file"),
    (&["locations", "activations"], "activations as delphi saves them, not a dictionary", "--acts with their folder"),
    (&["activations"], "activations, not a dictionary", "the dictionary they were taken for"),
    (&["sparsity"], "the firing frequencies beside a dictionary", "the folder that holds it"),
    (&["indices", "cosines"], "a neighbour graph, not a dictionary", "the dictionary it was made of"),
    (&["coordinates"], "coordinates of a map, not a dictionary", "the dictionary they were made of"),
];

/// For formats whose files hold one dictionary each.
fn one(_: &Source) -> Vec<(usize, String)> {
    Vec::new()
}

/// For formats whose files hold a dictionary for each of these layers.
fn of_layers(layers: &[usize]) -> Vec<(usize, String)> {
    layers.iter().map(|&layer| (layer, format!("layer_{layer}"))).collect()
}

/// The table as the README shows it.
pub fn markdown() -> String {
    markdown_table("format", FORMATS.iter().map(|format| (format.name, format.about)))
}

/// The row of that name.
///
/// # Errors
/// If there is none; the message lists those there are.
pub fn by_name(name: &str) -> Result<&'static Format> {
    FORMATS.iter().find(|format| format.name == name).ok_or_else(|| {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        Problem::new(format!("no format is called {name}")).expected(format!("one of {}", names.join(", "))).usage()
    })
}

/// The first row that takes `source` for its own.
pub fn recognise(source: &Source) -> Option<&'static Format> {
    FORMATS.iter().find(|format| (format.detect)(source))
}

/// What else the source is, and what to try.
fn other(source: &Source) -> Option<(&'static str, &'static str)> {
    let found = OTHER.iter().find(|(names, ..)| names.iter().all(|name| source.has(name)));
    found.map(|&(_, what, hint)| (what, hint))
}

/// The only matrix of `source`, if its name says that it is an encoder.
pub fn lone_encoder(source: &Source) -> Option<&TensorInfo> {
    let mut large = source.tensors.iter().filter(|tensor| tensor.shape.len() == 2);
    let one = large.next().filter(|tensor| layout::says_encoder(&tensor.name))?;
    large.next().is_none().then_some(one)
}

/// Why no row takes `source`: what it is instead, or what it holds.
pub fn unrecognised(source: &Source) -> Error {
    let has_all = |names: &[&str]| names.iter().all(|name| source.has(name));
    if let Some((what, hint)) = other(source) {
        return source.problem(what).hint(hint).input();
    }
    if let Some((what, _)) = LATER.iter().find(|(_, names)| has_all(names)) {
        return Problem::not_read(&source.path, what, "a dictionary of another family");
    }
    if let Some(encoder) = lone_encoder(source) {
        return source
            .problem("an encoder alone; the decoder W_dec is missing")
            .tensor(&encoder.name)
            .shape(&encoder.shape)
            .hint("the file that has W_dec, or --format matrix to take the encoder's directions as the features'")
            .input();
    }
    source
        .problem(format!("no dictionary that is known: it holds {}", source.describe()))
        .expected("W_dec with W_enc, b_enc and b_dec, or one matrix of decoder rows")
        .hint("a file with the decoder alone, or --format")
        .input()
}

/// The text at the first of `keys` that has one.
fn text(config: &Value, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| config.get(key)?.as_str()).map(str::to_string)
}

/// A count that JSON writes as a number without a fraction; none for what is negative, or too large to be exact.
fn whole(value: &Value) -> Option<usize> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = value.as_f64().filter(|x| x.fract() == 0.0 && (0.0..EXACT).contains(x))?;
    Some(number as usize)
}

/// The count at the first of `keys` that has one.
fn count(config: &Value, keys: &[&str]) -> Option<usize> {
    keys.iter().find_map(|key| whole(config.get(key)?))
}

/// The boolean at `key`.
fn flag(config: &Value, key: &str) -> Option<bool> {
    config.get(key)?.as_bool()
}

/// The layer that a hook's name counts: `blocks.11.hook_resid_post`, `layers.11.mlp`, `transformer.h.3`.
fn layer_of(hook: &str) -> Option<usize> {
    let mut parts = hook.split(['.', '/']);
    while let Some(part) = parts.next() {
        if matches!(part, "blocks" | "layers" | "h" | "block" | "layer") {
            return parts.next()?.parse().ok();
        }
    }
    None
}

#[cfg(test)]
mod recognition;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for (i, format) in FORMATS.iter().enumerate() {
            assert!(FORMATS[..i].iter().all(|other| other.name != format.name));
            assert!(!format.about.is_empty());
            assert_eq!(by_name(format.name).unwrap().name, format.name);
        }
        assert!(by_name("nonesuch").unwrap_err().to_string().contains("saelens"));
    }

    #[test]
    fn a_count_is_whole_exact_and_not_negative() {
        let read = |text: &str| whole(&serde_json::from_str(text).unwrap());
        assert_eq!(["0", "5", "5.0", "1e3"].map(read), [Some(0), Some(5), Some(5), Some(1000)]);
        for wrong in ["-5", "-0.5", "5.5", "1e300", "18446744073709551615", "9007199254740993", "\"5\"", "true", "null"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_layer_is_read_from_the_hook() {
        for (hook, layer) in [
            ("blocks.11.hook_resid_post", Some(11)),
            ("model.layers.3.mlp", Some(3)),
            ("transformer.h.0", Some(0)),
            ("hook_embed", None),
            ("blocks.x", None),
        ] {
            assert_eq!(layer_of(hook), layer, "{hook}");
        }
    }
}
