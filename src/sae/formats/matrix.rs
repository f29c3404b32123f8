//! A bare decoder: an npy file, or a safetensors or npz file with one matrix of floating-point numbers.
//!
//! Rows are features unless `--transpose` says otherwise, or a vector beside the matrix (`b_dec`, `b_enc`) has a
//! length that tells; of a linear layer's `decoder.weight` columns are. There is no encoder and nothing says what the activation function was. A matrix whose name says
//! that it is an encoder is only taken if `--format matrix` says so; the columns of a `W_enc` are features.

use super::build::{self, Facts, Place, Weights};
use super::layout::{self, Expect};
use super::{Format, text};
use crate::container::{Dtype, TensorInfo};
use crate::error::Result;
use crate::rows::Rows;
use crate::sae::activation_function::{Parts, choose};
use crate::sae::detect::Source;
use crate::sae::dictionary::{Dictionary, Normalize};
use crate::sae::open::OpenOptions;
use crate::text::thousands;

pub(super) const FORMAT: Format = Format {
    name: "matrix",
    about: "bare decoder matrix: npy, or npz, safetensors or torch file with one matrix; rows are features",
    parts: super::one,
    place,
    detect: |source| super::other(source).is_none() && decoder(source).is_some_and(|name| !layout::says_encoder(name)),
    load,
};

/// The only tensor that is a matrix; none if there are several, or other tensors of more dimensions. One of a type that
/// is not read counts, so that opening it says so.
fn decoder(source: &Source) -> Option<&str> {
    let dimensions = |t: &TensorInfo| t.shape.iter().skip_while(|&&n| n == 1).count().max(t.shape.len().min(2));
    let mut large = source.tensors.iter().filter(|t| t.shape.len() >= 2 && !is_vector(t));
    let one = large.next()?;
    let alone = large.next().is_none();
    (alone && dimensions(one) == 2 && one.dtype.is_none_or(Dtype::is_float)).then_some(one.name.as_str())
}

/// Whether a tensor of several dimensions is a vector in truth, as a `b_dec` of `[1, d]` beside a decoder is.
fn is_vector(tensor: &TensorInfo) -> bool {
    tensor.name.to_ascii_lowercase().starts_with("b_") && tensor.shape.iter().filter(|&&n| n != 1).count() <= 1
}

fn load(source: &Source, options: &OpenOptions) -> Result<Dictionary> {
    let name = decoder(source).ok_or_else(|| {
        source
            .problem(format!("not one matrix: it holds {}", source.describe()))
            .expected("one tensor of two dimensions, the decoder")
            .input()
    })?;
    let mut warnings = source.notes.clone();
    if layout::says_encoder(name) {
        warnings.push(format!("{name} is an encoder by its name; taken as the decoder, as --format matrix says"));
    }
    let b_enc = source.first(&["b_enc", "encoder.bias"]);
    let b_dec = source.first(&["b_dec", "decoder.bias"]);
    let tensor = source.tensor(name)?;
    let is_layer = name.ends_with("coder.weight");
    let length = |name: Option<&str>| name.and_then(|name| layout::length(source, name));
    let expect = Expect {
        features: length(b_enc),
        width: length(b_dec),
        // A weight is a linear layer's, which has its outputs in rows: features of an encoder, dimensions of a decoder.
        in_rows: if is_layer { layout::says_encoder(name) } else { !layout::says_encoder(name) },
        transpose: options.transpose,
        ..Expect::default()
    };
    let decoder = layout::orient(&tensor, &expect, &mut warnings)?;
    let (features, width) = (decoder.nrows(), decoder.ncols());
    let told = expect.features.is_some() || expect.width.is_some() || expect.transpose.is_some();
    if features < width && !told {
        warnings.push(format!(
            "rows are taken as features, but there are fewer ({}) than columns ({}); --transpose turns it",
            thousands(features as u64),
            thousands(width as u64)
        ));
    }
    // What the choice leaves open is said here in other words: without an encoder no flag settles it.
    let mut opens = Vec::new();
    choose(Parts::default(), options, features, &mut opens)?;
    warnings.push("a decoder alone: no encoder, and nothing says which activation function it had".into());
    let mut read = |name: Option<&str>, length| match name {
        Some(name) => layout::vector(source, name, Some(length), &mut warnings),
        None => Ok(Vec::new()),
    };
    let (b_enc, b_dec) = (read(b_enc, features)?, read(b_dec, width)?);
    let weights = Weights { b_enc, b_dec, ..Weights::of(vec![decoder], tensor.dtype()) };
    let facts = Facts {
        normalize: Normalize::Unstated,
        subtract_b_dec: None,
        ..Facts::plain(FORMAT.name, place(source), warnings)
    };
    let mut dictionary = build::dictionary(source, options, weights, facts)?;
    dictionary.info.warnings.retain(|warning| !opens.contains(warning));
    Ok(dictionary)
}

fn place(source: &Source) -> Place {
    let config = source.config.as_ref();
    let metadata = config.map(|config| config.get("metadata").unwrap_or(config));
    let find = |keys: &[&str]| metadata.and_then(|metadata| text(metadata, keys));
    Place::new(find(&["model_name"]), find(&["hook_name", "hook_point"]), None)
}
