//! Writing a dictionary as a SAELens folder: `sae_weights.safetensors` and `cfg.json` of version 6.
//!
//! The decoder's rows are the bytes of the file they came from; the encoder is laid out as `[d, F]` with its own bytes;
//! vectors are written in the decoder's element type where that loses nothing, else as f32. The matrices are streamed,
//! so memory is a tile of 8 MB. What SAELens cannot say is refused; what it says otherwise is told in the notes.

use super::activation_function::Activation;
use super::dictionary::{Dictionary, Kind, NormRole, Normalize, SourceChoice};
use crate::container::safetensors::{TensorSpec, write_safetensors};
use crate::container::write::{Files, FolderTarget};
use crate::container::{Dtype, Matrix};
use crate::error::{Error, Problem, Result};
use crate::rows::Rows;
use crate::task::Task;
use half::{bf16, f16};
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The version whose layout is written.
const SAELENS: &str = "6.54.12";

const WEIGHTS: &str = "sae_weights.safetensors";
const CONFIG: &str = "cfg.json";

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    /// The files.
    pub files: Vec<PathBuf>,
    /// What a careful reader should know: of the source, then what SAELens will see otherwise than the source has it.
    pub notes: Vec<String>,
}

/// Where a dictionary is written: the folder `out_dir`, which need not exist. Files are replaced only with `force`.
///
/// # Errors
/// As [`FolderTarget::new`].
pub fn target(out_dir: &Path, force: bool) -> Result<FolderTarget> {
    FolderTarget::new(out_dir, &[WEIGHTS, CONFIG], force)
}

/// Writes `dictionary` to the folder `out_dir`, which need not exist.
///
/// A new folder appears whole. In a folder that exists each file is replaced whole, and only with `force`.
///
/// # Errors
/// If SAELens has no architecture for the dictionary, something it needs is unknown, files are there already without
/// `force`, writing fails, or the task is cancelled; nothing is left behind then.
pub fn convert(dictionary: &Dictionary, out_dir: &Path, force: bool, task: &Task) -> Result<Converted> {
    convert_to(dictionary, &target(out_dir, force)?, task)
}

/// As [`convert`], to a folder that was checked before.
///
/// # Errors
/// As [`convert`].
pub fn convert_to(dictionary: &Dictionary, target: &FolderTarget, task: &Task) -> Result<Converted> {
    let folder = Folder::plan(dictionary, task)?;
    target.write(task, |files| folder.write(files, task))?;
    Ok(Converted { files: target.files().map(Path::to_path_buf).collect(), notes: folder.notes })
}

/// A tensor to write: a matrix as it lies, or values.
enum Body {
    Matrix(Matrix),
    Values(Vec<f32>),
}

struct Folder {
    tensors: Vec<(TensorSpec, Body)>,
    config: Value,
    notes: Vec<String>,
}

impl Folder {
    fn plan(dictionary: &Dictionary, task: &Task) -> Result<Self> {
        let info = &dictionary.info;
        let (features, d_in, d_out) = (dictionary.features(), dictionary.d_model(), dictionary.d_out());
        let mut notes = info.warnings.clone();
        let refuse = |what: String, hint: &str| {
            let path = info.files.first().cloned().unwrap_or_default();
            Problem::new(what).path(path).expected("a dictionary that SAELens can hold").hint(hint).input()
        };
        let mut metadata = metadata(dictionary);
        let (architecture, k) = architecture(dictionary, &refuse, &mut metadata)?;
        let vector_dtype = |values: &[f32]| {
            let dtype = dictionary.decoder.dtype();
            if values.iter().all(|&x| same(x, dtype)) { dtype } else { Dtype::F32 }
        };
        let mut tensors = Vec::new();
        let mut vector = |name: &str, values: Vec<f32>| {
            let spec = TensorSpec::new(name, vector_dtype(&values), &[values.len()]);
            tensors.push((spec, Body::Values(values)));
        };
        let filled = |values: &[f32], n: usize| if values.is_empty() { vec![0.0; n] } else { values.to_vec() };
        match &info.activation {
            Activation::Gated { b_gate, r_mag, b_mag } => {
                vector("b_gate", b_gate.clone());
                vector("r_mag", r_mag.clone());
                vector("b_mag", b_mag.clone());
            }
            activation => {
                vector("b_enc", filled(&bias(dictionary, task)?, features));
                if let Activation::JumpRelu { threshold } | Activation::BatchTopK { threshold: Some(threshold), .. } =
                    activation
                {
                    let one = threshold.len() == 1;
                    let mut threshold = if one { vec![threshold[0]; features] } else { threshold.clone() };
                    if info.code_norm.is_some_and(|norm| norm.role != NormRole::ForValue) {
                        // pre · n > threshold is pre > threshold / n; a feature of no length never fires.
                        let norms = dictionary.code_norms(task)?;
                        threshold.iter_mut().zip(norms).for_each(|(x, n)| *x = if n > 0.0 { *x / n } else { f32::MAX });
                    }
                    vector("threshold", threshold);
                }
            }
        }
        vector("b_dec", filled(&dictionary.b_dec, d_out));
        let mut matrix = |name: &str, matrix: Matrix| {
            let spec = TensorSpec::new(name, matrix.dtype(), &[matrix.nrows(), matrix.ncols()]);
            tensors.push((spec, Body::Matrix(matrix)));
        };
        if dictionary.encoder.is_none() {
            let note = "the source has no encoder; W_enc is its decoder transposed, so only geometry is meaningful";
            metadata.insert("encoder".into(), "absent in the source; the decoder transposed stands in".into());
            notes.push(note.to_string());
        }
        matrix("W_enc", dictionary.encoder.as_ref().unwrap_or(&dictionary.decoder).transposed());
        matrix("W_dec", dictionary.decoder.clone());
        if let Some(skip) = &dictionary.skip {
            matrix("W_skip", skip.clone());
        }
        let normalize = match info.normalize {
            Normalize::None | Normalize::Unstated => "none",
            Normalize::Unsupported if dictionary.encoder.is_none() => {
                notes.push("how inputs were normalised is not known here; it is written as none".into());
                "none"
            }
            Normalize::Unsupported => {
                let what = "how inputs are normalised is not known here".to_string();
                return Err(refuse(what, "--normalize none, if the weights already hold it"));
            }
            Normalize::ScaleEach | Normalize::Affine => {
                return Err(refuse(
                    "its inputs are scaled by numbers that SAELens has no place for".into(),
                    "one source",
                ));
            }
            Normalize::ConstantNorm => "constant_norm_rescale",
            Normalize::LayerNorm { unbiased: true } => "layer_norm",
            Normalize::LayerNorm { unbiased: false } => {
                let what = "its layer norm divides by d, that of SAELens by d - 1".to_string();
                return Err(refuse(what, "--normalize layer_norm, if the difference does not matter"));
            }
            Normalize::Scale(factor) => {
                if let Some(factor) = factor {
                    metadata.insert("norm_scaling_factor".into(), json!(factor));
                }
                notes.push("inputs are scaled by a factor that SAELens folds in only when it is asked to".into());
                "expected_average_only_in"
            }
        };
        let transcoder = architecture.ends_with("transcoder");
        let subtract = match info.subtract_b_dec {
            Some(subtract) => subtract && !transcoder && dictionary.pre_bias.is_empty(),
            None if dictionary.encoder.is_none() || dictionary.b_dec.iter().all(|&b| b == 0.0) => false,
            None => {
                let what = "no file says whether b_dec is subtracted before encoding".to_string();
                return Err(refuse(what, "--subtract-b-dec true or false"));
            }
        };
        match info.code_norm.map(|norm| norm.role) {
            Some(NormRole::ForChoice) if k.is_some() => {
                notes.push("SAELens' activations are multiplied by the decoder norms that the choice is made by".into());
            }
            // Top-k alone has a word for it.
            Some(NormRole::Kept) if k.is_none() => {
                notes.push("SAELens' activations are these over the decoder norms, which its thresholds cannot keep".into());
            }
            Some(NormRole::ForValue) => notes.push(
                "SAELens' activations are the library's over the decoder norms: it divides the decoder by them, which is \
                 kept here as it is"
                    .into(),
            ),
            _ => {}
        }
        // Before version 6, and where nobody says, the name of the hook decides.
        let reshape = metadata.remove("reshape_activations").unwrap_or_else(|| {
            let hook_z = info.hook.as_deref().is_some_and(|hook| hook.ends_with("hook_z"));
            if hook_z && !transcoder { "hook_z".into() } else { "none".into() }
        });
        // SAELens casts everything to this type when it loads, so it must hold them all.
        let of = |dtype| tensors.iter().any(|(spec, _)| spec.dtype == dtype);
        let common = match (of(Dtype::F64), of(Dtype::F32) || (of(Dtype::F16) && of(Dtype::Bf16))) {
            (true, _) => Dtype::F64,
            (false, true) => Dtype::F32,
            (false, false) => dictionary.decoder.dtype(),
        };
        if common == Dtype::F64 {
            notes
                .push("biases and thresholds are read as f32; what f64 ones had beyond that is not in the copy".into());
        }
        let mut config = json!({
            "d_in": d_in,
            "d_sae": features,
            "dtype": torch_name(common),
            "device": "cpu",
            "apply_b_dec_to_input": subtract,
            "normalize_activations": normalize,
            "reshape_activations": reshape,
            "metadata": metadata,
            "architecture": architecture,
        });
        if let Some((k, by_decoder_norm)) = k {
            config["k"] = k.into();
            config["rescale_acts_by_decoder_norm"] = by_decoder_norm.into();
        }
        if transcoder {
            config["d_out"] = d_out.into();
        }
        // Wide elements first keep every tensor aligned, as safetensors itself lays them out.
        tensors.sort_by(|(a, _), (b, _)| b.dtype.size().cmp(&a.dtype.size()).then_with(|| a.name.cmp(&b.name)));
        Ok(Self { tensors, config, notes })
    }
    fn write(&self, files: &mut Files<'_>, task: &Task) -> Result<()> {
        let specs: Vec<TensorSpec> = self.tensors.iter().map(|(spec, _)| spec.clone()).collect();
        task.stage("writing", specs.iter().map(TensorSpec::bytes).sum());
        // The weights first: an old configuration beside new weights is noticed by its sizes.
        files.write(WEIGHTS, |out| {
            write_safetensors(out, &specs, |i, out| match &self.tensors[i].1 {
                Body::Matrix(matrix) => stream(matrix, out),
                Body::Values(values) => out.write_all(&encode(values, specs[i].dtype)),
            })
        })?;
        files.write(CONFIG, |out| {
            serde_json::to_writer_pretty(&mut *out, &self.config)?;
            out.write_all(b"\n")
        })
    }
}

/// The encoder's bias for SAELens, which knows no vector that is subtracted but `b_dec`, and not even that for a
/// transcoder: what is subtracted goes through the encoder into the bias. Reads the encoder once, in tiles.
fn bias(dictionary: &Dictionary, task: &Task) -> Result<Vec<f32>> {
    let (b_enc, center) = (&dictionary.b_enc, dictionary.center());
    let own = dictionary.info.kind == Kind::Sae && dictionary.pre_bias.is_empty();
    let subtracts = dictionary.info.subtract_b_dec == Some(true) && center.iter().any(|&x| x != 0.0);
    let Some(encoder) = dictionary.encoder.as_ref().filter(|_| subtracts && !own) else { return Ok(b_enc.clone()) };
    let width = encoder.ncols();
    let tile = ((1 << 20) / width.max(1)).max(1);
    let mut folded = Vec::with_capacity(encoder.nrows());
    let mut rows = Vec::new();
    for start in (0..encoder.nrows()).step_by(tile) {
        task.check()?;
        let end = encoder.nrows().min(start + tile);
        rows.resize((end - start) * width, 0.0f32);
        encoder.read(start..end, &mut rows);
        for (at, row) in rows.chunks_exact(width.max(1)).enumerate() {
            let inner: f64 = row.iter().zip(center).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum();
            let bias = b_enc.get(start + at).map_or(0.0, |&bias| f64::from(bias));
            folded.push((bias - inner) as f32);
        }
    }
    Ok(folded)
}

/// SAELens' name of the architecture, and `k` with its scaling where it has one.
fn architecture(
    dictionary: &Dictionary,
    refuse: &dyn Fn(String, &str) -> Error,
    metadata: &mut Map<String, Value>,
) -> Result<(String, Option<(usize, bool)>)> {
    let info = &dictionary.info;
    let by_norm = info.code_norm.is_some_and(|norm| norm.role != NormRole::ForValue);
    // Features of several sources are those of one dictionary with their concatenated input; or else its output is another
    // than its input.
    let concatenated = info.sources.as_ref().is_none_or(|sources| sources.choice == SourceChoice::Concat);
    let kind = match info.kind {
        Kind::Crosscoder if concatenated => Kind::Sae,
        Kind::Crosscoder | Kind::Clt => Kind::Transcoder,
        kind => kind,
    };
    let (base, k) = match &info.activation {
        Activation::Relu => ("standard", None),
        Activation::TopK { negatives: true, .. } => {
            let what = "its top-k keeps negative values, that of SAELens does not".to_string();
            return Err(refuse(what, "--arch topk, if they do not matter"));
        }
        Activation::TopK { k, negatives: false } => ("topk", Some((*k, by_norm))),
        Activation::AbsTopK { k } => ("abstopk", Some((*k, by_norm))),
        Activation::GroupMax { .. } => {
            return Err(refuse("SAELens has no groupmax".into(), "--arch topk, if the difference does not matter"));
        }
        Activation::JumpRelu { .. } => ("jumprelu", None),
        Activation::Gated { .. } => ("gated", None),
        Activation::BatchTopK { k, threshold: Some(_) } => {
            // As SAELens itself saves them for inference.
            metadata.entry("training_architecture").or_insert_with(|| "batchtopk".into());
            if let Some(k) = k {
                metadata.entry("training_architecture_details").or_insert_with(|| json!({ "k": k }));
            }
            ("jumprelu", None)
        }
        Activation::BatchTopK { threshold: None, .. } => {
            let what = "batch top-k without a threshold cannot encode one token".to_string();
            return Err(refuse(what, "--threshold, or --arch topk"));
        }
        Activation::Unknown | Activation::Incomplete { .. } if dictionary.encoder.is_none() => ("standard", None),
        Activation::Incomplete { name, lacks, hint } => {
            return Err(refuse(format!("its architecture is {name}, but its files have no {lacks}"), hint));
        }
        Activation::Unknown => {
            let what = "its activation function is not known".to_string();
            return Err(refuse(what, "--arch, with --k or --threshold"));
        }
    };
    Ok(match (kind, base, dictionary.skip.is_some()) {
        (Kind::Sae, _, false) => (base.to_string(), k),
        (Kind::Sae, _, true) => {
            let what = "SAELens has no autoencoder with a skip connection".to_string();
            return Err(refuse(what, "another tool for this one"));
        }
        (Kind::Transcoder, "standard", false) => ("transcoder".into(), None),
        (Kind::Transcoder, "standard", true) => ("skip_transcoder".into(), None),
        (Kind::Transcoder, "jumprelu", false) => ("jumprelu_transcoder".into(), None),
        (Kind::Transcoder, "jumprelu", true) => ("jumprelu_skip_transcoder".into(), None),
        (_, other, _) => {
            return Err(refuse(format!("SAELens has no transcoder with {other}"), "another tool for this one"));
        }
    })
}

/// What is known of the origin, with SAELens' names for model and hook.
fn metadata(dictionary: &Dictionary) -> Map<String, Value> {
    let info = &dictionary.info;
    let mut metadata = info.origin.clone();
    // Their old names; the new ones are set below.
    for old in ["hook_point", "hook_point_head_index"] {
        metadata.remove(old);
    }
    let trained = metadata.get("sae_lens_training_version").cloned();
    let version = metadata.get("sae_lens_version").and_then(Value::as_str).unwrap_or_default();
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < 6) {
        // Before 6 the configuration was another one, and SAELens would read this one by those rules.
        metadata.insert("sae_lens_version".into(), SAELENS.into());
    }
    metadata.insert("sae_lens_training_version".into(), trained.unwrap_or(Value::Null));
    if let Some(model) = &info.model {
        metadata.insert("model_name".into(), model.as_str().into());
    }
    if let Some(hook) = &info.hook {
        metadata.insert("hook_name".into(), hook.as_str().into());
    }
    if let Some(layer) = info.layer {
        metadata.insert("hook_layer".into(), layer.into());
    }
    metadata.insert("converted_by".into(), format!("saescope {}", env!("CARGO_PKG_VERSION")).into());
    metadata.insert("converted_from".into(), info.format.into());
    metadata
}

/// Whether `x` survives being stored as `dtype`.
fn same(x: f32, dtype: Dtype) -> bool {
    match dtype {
        Dtype::F16 => f16::from_f32(x).to_f32().to_bits() == x.to_bits(),
        Dtype::Bf16 => bf16::from_f32(x).to_f32().to_bits() == x.to_bits(),
        _ => true,
    }
}

fn encode(values: &[f32], dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F16 => values.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect(),
        Dtype::Bf16 => values.iter().flat_map(|&x| bf16::from_f32(x).to_le_bytes()).collect(),
        Dtype::F64 => values.iter().flat_map(|&x| f64::from(x).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
    }
}

fn torch_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F64 => "float64",
        Dtype::F16 => "float16",
        Dtype::Bf16 => "bfloat16",
        _ => "float32",
    }
}

/// Writes a matrix row by row with the bytes it has.
fn stream(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    let row = matrix.ncols() * matrix.dtype().size();
    let tile = ((8 << 20) / row.max(1)).max(1);
    let mut buffer = Vec::new();
    for start in (0..matrix.nrows()).step_by(tile) {
        buffer.clear();
        matrix.read_raw(start..(start + tile).min(matrix.nrows()), &mut buffer);
        out.write_all(&buffer)?;
    }
    Ok(())
}
