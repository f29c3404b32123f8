//! From named tensors to a [`Dictionary`] in the common convention: what all formats share.
//!
//! A format says which tensors are which ([`Names`]) and what its files tell ([`Facts`]); shapes are checked, matrices
//! turned, the activation function chosen and the source picked here.

use super::layout::{self, Expect};
use crate::container::{Dtype, Matrix};
use crate::error::{Problem, Result};
use crate::rows::Rows;
use crate::sae::activation_function::{Parts, choose};
use crate::sae::detect::Source;
use crate::sae::dictionary::{
    CodeNorm, Dictionary, DictionaryInfo, InputScale, Kind, Normalize, SourceChoice, Sources,
};
use crate::sae::open::OpenOptions;
use serde_json::{Map, Value};

/// Which place in a model a dictionary was trained on, as far as its files and folders tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// Model name.
    pub model: Option<String>,
    /// Hook point.
    pub hook: Option<String>,
    /// Layer.
    pub layer: Option<usize>,
    /// What else is known of the origin.
    pub origin: Map<String, Value>,
}

impl Place {
    pub(super) fn new(model: Option<String>, hook: Option<String>, layer: Option<usize>) -> Self {
        let layer = layer.or_else(|| super::layer_of(hook.as_deref()?));
        Self { model, hook, layer, origin: Map::new() }
    }
    pub(super) fn with(mut self, key: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.origin.insert(key.into(), value.into());
        }
        self
    }
}

/// The tensors of a dictionary of one source; the flag says whether features lie in rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) decoder: (&'a str, bool),
    pub(super) encoder: Option<(&'a str, bool)>,
    pub(super) b_enc: Option<&'a str>,
    pub(super) b_dec: Option<&'a str>,
    /// A skip connection; the flag says whether outputs lie in rows.
    pub(super) skip: Option<(&'a str, bool)>,
}

/// Matrices and vectors, turned the common way round.
pub(super) struct Weights {
    /// Decoder directions `[features, d_out]`, one matrix a source.
    pub(super) decoders: Vec<Matrix>,
    /// Encoder directions `[features, d_model]`.
    pub(super) encoder: Option<Matrix>,
    /// Element type of the decoder in the file.
    pub(super) dtype: Dtype,
    pub(super) b_enc: Vec<f32>,
    /// As wide as all decoders beside each other, or empty.
    pub(super) b_dec: Vec<f32>,
    pub(super) pre_bias: Vec<f32>,
    pub(super) skip: Option<Matrix>,
    pub(super) input: InputScale,
}

impl Weights {
    /// Of decoders alone, one a source, `[features, d_out]` each.
    pub(super) fn of(decoders: Vec<Matrix>, dtype: Dtype) -> Self {
        Self {
            decoders,
            encoder: None,
            dtype,
            b_enc: Vec::new(),
            b_dec: Vec::new(),
            pre_bias: Vec::new(),
            skip: None,
            input: InputScale::default(),
        }
    }
    /// Reads the tensors of a dictionary of one source.
    ///
    /// # Errors
    /// If one of them is missing or does not fit the others.
    pub(super) fn read(
        source: &Source,
        options: &OpenOptions,
        names: &Names,
        warnings: &mut Vec<String>,
    ) -> Result<Self> {
        let length = |name: Option<&str>| name.and_then(|name| layout::length(source, name));
        let (features, width) = (length(names.b_enc), length(names.b_dec));
        let transpose = options.transpose;
        let tensor = source.tensor(names.decoder.0)?;
        let expect = Expect { features, width, in_rows: names.decoder.1, transpose, ..Expect::default() };
        let decoder = layout::orient(&tensor, &expect, warnings)?;
        let features = decoder.nrows();
        let encoder = names.encoder.map(|(name, in_rows)| {
            let expect = Expect { features: Some(features), in_rows, transpose, ..Expect::default() };
            layout::orient(&source.tensor(name)?, &expect, warnings)
        });
        let encoder = encoder.transpose()?;
        if let Some(encoder) = &encoder {
            layout::check_square(&decoder, encoder, warnings);
        }
        let d_model = encoder.as_ref().map_or(decoder.ncols(), Rows::ncols);
        let skip = names.skip.map(|(name, in_rows)| {
            let (features, width) = (Some(decoder.ncols()), Some(d_model));
            let expect = Expect { features, width, in_rows, ..Expect::default() };
            layout::orient(&source.tensor(name)?, &expect, warnings)
        });
        let skip = skip.transpose()?;
        let mut vector = |name: Option<&str>, length: usize| match name {
            Some(name) => layout::vector(source, name, Some(length), warnings),
            None => Ok(Vec::new()),
        };
        let (b_enc, b_dec) = (vector(names.b_enc, features)?, vector(names.b_dec, decoder.ncols())?);
        Ok(Self { encoder, b_enc, b_dec, skip, ..Self::of(vec![decoder], tensor.dtype()) })
    }
}

/// What the files tell besides the tensors.
pub(super) struct Facts {
    pub(super) format: &'static str,
    pub(super) kind: Kind,
    pub(super) parts: Parts,
    pub(super) code_norm: Option<CodeNorm>,
    /// What the lengths of each source's directions are multiplied by there; 1 where it is not said.
    pub(super) norm_weights: Vec<f32>,
    pub(super) normalize: Normalize,
    pub(super) subtract_b_dec: Option<bool>,
    pub(super) place: Place,
    pub(super) warnings: Vec<String>,
}

impl Facts {
    /// Of a sparse autoencoder that does nothing to its input but encode it.
    pub(super) fn plain(format: &'static str, place: Place, warnings: Vec<String>) -> Self {
        Self {
            format,
            kind: Kind::Sae,
            parts: Parts::default(),
            code_norm: None,
            norm_weights: Vec::new(),
            normalize: Normalize::None,
            subtract_b_dec: Some(false),
            place,
            warnings,
        }
    }
}

/// Puts a dictionary together; picks the source and the activation function.
///
/// # Errors
/// If the options name a source that is not there, or an activation function that cannot be.
pub(super) fn dictionary(source: &Source, options: &OpenOptions, weights: Weights, facts: Facts) -> Result<Dictionary> {
    let Weights { decoders, encoder, dtype, b_enc, b_dec, pre_bias, skip, input } = weights;
    let mut warnings = facts.warnings;
    let count = decoders.len();
    let (decoder, b_dec, sources) = pick(source, options, facts.kind, &decoders, b_dec)?;
    let mut weights = facts.norm_weights.into_iter();
    let weighted = decoders.into_iter().map(|matrix| (matrix, weights.next().unwrap_or(1.0)));
    let directions = if count > 1 && facts.code_norm.is_some() { weighted.collect() } else { Vec::new() };
    let activation = choose(facts.parts, options, decoder.nrows(), &mut warnings)?;
    let info = DictionaryInfo {
        format: facts.format,
        kind: facts.kind,
        activation,
        code_norm: facts.code_norm,
        sources,
        normalize: facts.normalize,
        subtract_b_dec: facts.subtract_b_dec,
        dtype,
        model: facts.place.model,
        hook: facts.place.hook,
        layer: facts.place.layer,
        files: source.files(),
        warnings,
        origin: facts.place.origin,
    };
    Ok(Dictionary { info, decoder, encoder, b_enc, b_dec, pre_bias, skip, directions, input })
}

/// The decoder and its bias by the source that is wanted.
fn pick(
    source: &Source,
    options: &OpenOptions,
    kind: Kind,
    decoders: &[Matrix],
    b_dec: Vec<f32>,
) -> Result<(Matrix, Vec<f32>, Option<Sources>)> {
    let count = decoders.len();
    let path = source.files().into_iter().next().unwrap_or_else(|| source.path.clone());
    let problem = |what: String| Err(Problem::new(what).path(&path).usage());
    if let [one] = decoders {
        // The last layer of a cross-layer transcoder writes to itself alone: then all choices are one.
        let several = matches!(kind, Kind::Clt | Kind::Crosscoder);
        return match options.source {
            Some(SourceChoice::One(n)) if several && n > 0 => {
                problem(format!("there is no source {n}: there is one, 0"))
            }
            Some(choice) if !several => problem(format!("--source {choice} means nothing: there is one source")),
            _ => Ok((one.clone(), b_dec, None)),
        };
    }
    let choice = options.source.unwrap_or_default();
    let width = decoders.first().map_or(0, Rows::ncols);
    let pieces = || b_dec.chunks_exact(width.max(1));
    let (decoder, b_dec) = match choice {
        SourceChoice::Concat => (Matrix::beside(decoders), b_dec),
        SourceChoice::Sum => {
            let mut sum = vec![0.0f32; if b_dec.is_empty() { 0 } else { width }];
            for piece in pieces() {
                sum.iter_mut().zip(piece).for_each(|(sum, x)| *sum += x);
            }
            (Matrix::sum(decoders), sum)
        }
        SourceChoice::One(n) if n < count => {
            let own = pieces().nth(n).unwrap_or_default().to_vec();
            (Ok(decoders[n].clone()), own)
        }
        SourceChoice::One(n) => {
            return problem(format!(
                "there is no source {n}: there are {count}, from 0 to {}",
                count.saturating_sub(1)
            ));
        }
    };
    Ok((decoder.map_err(|error| error.at(&source.path))?, b_dec, Some(Sources { count, choice })))
}

/// The matrices of a three-dimensional tensor, one a source, each `[features, width]`. `axes` are the places of source
/// and feature in its shape.
///
/// # Errors
/// If it has not three dimensions, or another number of features than `features`.
pub(super) fn stacked(
    source: &Source,
    name: &str,
    (of_source, of_feature): (usize, usize),
    features: usize,
) -> Result<(Vec<Matrix>, Dtype)> {
    let tensor = source.tensor(name)?;
    if !tensor.dtype().is_float() {
        return Err(tensor.problem("weights that are no floating-point numbers").expected("f32, f16 or bf16").input());
    }
    let mut matrices = tensor.along(of_source)?;
    if tensor.is_empty() {
        return Err(tensor.problem("a matrix without elements").input());
    }
    // Of the two dimensions that are left the features may be the second.
    let second = (0..3).filter(|&axis| axis != of_source).position(|axis| axis == of_feature) == Some(1);
    if second {
        for matrix in &mut matrices {
            *matrix = matrix.transposed();
        }
    }
    if matrices.iter().any(|matrix| matrix.nrows() != features) {
        return Err(tensor
            .problem("this tensor and b_enc do not fit each other")
            .expected(format!("{features} features in dimension {of_feature}"))
            .input());
    }
    Ok((matrices, tensor.dtype()))
}

/// All values of a tensor of any shape, as many as `count`.
///
/// # Errors
/// If there are others.
pub(super) fn flat(source: &Source, name: &str, count: usize) -> Result<Vec<f32>> {
    let tensor = source.tensor(name)?;
    if tensor.len() != count {
        return Err(tensor.problem("the tensor has the wrong number of values").expected(format!("{count}")).input());
    }
    Ok(tensor.to_f32())
}

/// Thresholds from the first of `names` that there is: one value, or one a feature; of a name that speaks of a logarithm,
/// its exponential.
///
/// # Errors
/// If it has another length.
pub(super) fn threshold(
    source: &Source,
    names: &[&str],
    features: usize,
    warnings: &mut Vec<String>,
) -> Result<Option<Vec<f32>>> {
    let Some(name) = source.first(names) else { return Ok(None) };
    let one = source.info(name).is_some_and(|tensor| tensor.shape.iter().all(|&n| n == 1));
    let mut values = if one { flat(source, name, 1)? } else { layout::vector(source, name, Some(features), warnings)? };
    if name.contains("log_") {
        for x in &mut values {
            *x = x.exp();
        }
    }
    Ok(Some(values))
}

/// The one number that a tensor of one element holds, or that the file holds beside its tensors by that name.
pub(super) fn scalar(source: &Source, name: &str) -> Option<f64> {
    let of_tensor = || {
        let is_one = |shape: &[usize]| shape.iter().all(|&n| n == 1);
        if source.info(name).is_some_and(|info| !is_one(&info.shape)) {
            return None;
        }
        // What lay beside a state dict that was taken out is not listed, but there.
        let tensor = source.tensor(name).ok().filter(|tensor| is_one(tensor.shape()))?;
        tensor.to_f64().first().copied()
    };
    of_tensor().or_else(|| source.rest.get(name)?.as_f64())
}

/// As [`scalar`], a count.
pub(super) fn scalar_count(source: &Source, name: &str) -> Option<usize> {
    scalar(source, name).filter(|x| x.fract() == 0.0 && (0.0..4e9).contains(x)).map(|x| x as usize)
}
