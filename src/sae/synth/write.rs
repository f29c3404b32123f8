//! A planted dictionary as a folder: what SAELens and scipy load, and the truth beside it.
//!
//! | file | content |
//! |---|---|
//! | sae_weights.safetensors, cfg.json | SAELens, architecture `standard`: W_dec, W_enc = W_decᵀ, biases 0, f32 |
//! | activations.npz | scipy CSR `[tokens, features]` f32: the planted activations, not what the encoder would give |
//! | labels.jsonl | one planted feature a line, with Neuronpedia's keys; none where nothing is planted |
//! | truth.json | every group: kind, name, features, coordinates |
//! | latents.npz | per group `NAME__token` and `NAME__COORDINATE`: where it is active, and the latents there |
//! | resid.npy | the dense activations, if there are any, f32 |

use super::{GroupKind, Planted};
use crate::container::Dtype;
use crate::container::safetensors::{TensorSpec, write_safetensors};
use crate::container::write::{Files, FolderTarget, NpzWriter, write_npy, write_values};
use crate::error::Result;
use crate::rows::Points;
use crate::sae::activations::write_csr;
use crate::task::Task;
use serde_json::{Value, json};
use std::io::{Seek, Write};
use std::path::Path;

/// The files, the dictionary's own first.
const FILES: &[&str] = &[
    "sae_weights.safetensors",
    "cfg.json",
    "activations.npz",
    "latents.npz",
    "labels.jsonl",
    "truth.json",
    "resid.npy",
];

/// Where a planted dictionary is written: the folder `dir`, which need not exist. Files are replaced only with `replace`.
///
/// # Errors
/// As [`FolderTarget::new`].
pub fn target(dir: &Path, replace: bool) -> Result<FolderTarget> {
    FolderTarget::new(dir, FILES, replace)
}

/// Writes `planted` to the folder of `target`. Files of these names are replaced, or removed if `planted` has nothing
/// for them, so that activations of another dictionary never stay behind. The folder appears whole or not at all, and its
/// bytes depend on `planted` alone.
///
/// # Errors
/// If the folder or a file cannot be written, or the task is cancelled.
pub fn write(planted: &Planted, target: &FolderTarget, task: &Task) -> Result<()> {
    task.stage("writing", 0);
    target.write(task, |files| fill(planted, files))
}

fn fill(planted: &Planted, files: &mut Files<'_>) -> Result<()> {
    let params = &planted.params;
    files.write("sae_weights.safetensors", |out| weights(&planted.decoder, out))?;
    let config = json!({
        "architecture": "standard",
        "d_in": params.d_model,
        "d_sae": params.features,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": true,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": "6.0.0",
            "model_name": "synthetic",
            "hook_name": planted.source(),
            "neuronpedia_id": null,
            "generator": format!("saescope {}", env!("CARGO_PKG_VERSION")),
        },
    });
    files.write("cfg.json", |out| json_file(&config, out))?;
    if let Some(activations) = &planted.activations {
        files.write("activations.npz", |out| write_csr(&activations.by_token, None, None, out))?;
        files.write("latents.npz", |out| latents(planted, out))?;
    }
    if planted.groups.iter().any(|group| group.kind != GroupKind::Background) {
        files.write("labels.jsonl", |out| labels(planted, out))?;
    }
    files.write("truth.json", |out| json_file(&truth(planted), out))?;
    if let Some(dense) = &planted.dense {
        let shape = [dense.len(), dense.dims()];
        files.write("resid.npy", |out| write_npy(out, &shape, dense.data()))?;
    }
    Ok(())
}

/// SAELens' four tensors, the encoder as the decoder's transpose.
fn weights(decoder: &Points, out: &mut impl Write) -> std::io::Result<()> {
    let (features, width) = (decoder.len(), decoder.dims());
    let spec = |name: &str, shape: &[usize]| TensorSpec::new(name, Dtype::F32, shape);
    let specs = [
        spec("W_dec", &[features, width]),
        spec("W_enc", &[width, features]),
        spec("b_dec", &[width]),
        spec("b_enc", &[features]),
    ];
    write_safetensors(out, &specs, |tensor, out| match tensor {
        0 => write_values(out, decoder.data().iter().copied()),
        1 => {
            // Sixteen columns of the decoder at a time: its rows are walked in order, and little is held.
            let mut columns = vec![0f32; 16 * features];
            for first in (0..width).step_by(16) {
                let n = 16.min(width - first);
                for (feature, row) in decoder.data().chunks_exact(width).enumerate() {
                    for (i, &value) in row[first..first + n].iter().enumerate() {
                        columns[i * features + feature] = value;
                    }
                }
                write_values(out, columns[..n * features].iter().copied())?;
            }
            Ok(())
        }
        2 => write_values(out, std::iter::repeat_n(0.0f32, width)),
        _ => write_values(out, std::iter::repeat_n(0.0f32, features)),
    })
}

fn json_file(value: &Value, out: &mut impl Write) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn labels(planted: &Planted, out: &mut impl Write) -> std::io::Result<()> {
    let labels = planted.labels();
    for (feature, label) in labels.by_feature.iter().enumerate().flat_map(|(i, all)| all.iter().map(move |l| (i, l))) {
        let line = json!({
            "modelId": "synthetic",
            "layer": labels.source,
            "index": feature.to_string(),
            "description": label.text,
            "typeName": label.kind,
            "explanationModelName": null,
        });
        json_file(&line, out)?;
    }
    Ok(())
}

fn truth(planted: &Planted) -> Value {
    let params = &planted.params;
    let groups: Vec<Value> = planted
        .groups
        .iter()
        .map(|group| {
            let mut entry = json!({"kind": group.kind, "name": group.name, "n": group.features.len()});
            let fields = entry.as_object_mut().expect("an object");
            if group.kind != GroupKind::Background {
                fields.insert("features".into(), json!(group.features));
            }
            for (name, values) in &group.coordinates {
                fields.insert((*name).into(), json!(values));
            }
            entry
        })
        .collect();
    let nnz = planted.activations.as_ref().map(|acts| acts.by_token.nnz());
    json!({
        "kind": planted.kind.name(),
        "seed": params.seed,
        "n_features": params.features,
        "d_model": params.d_model,
        "n_tokens": params.tokens,
        "noise": params.noise,
        "nnz": nnz,
        "mean_l0": planted.activations.as_ref().map(super::Activations::l0),
        "dead_background": planted.dead,
        "groups": groups,
    })
}

fn latents(planted: &Planted, out: &mut (impl Write + Seek)) -> std::io::Result<()> {
    let mut npz = NpzWriter::new(out);
    for group in planted.groups.iter().filter(|group| !group.tokens.is_empty()) {
        let (name, shape) = (&group.name, [group.tokens.len()]);
        npz.values(&format!("{name}__token"), &shape, group.tokens.iter().map(|&t| t as i32))?;
        for (coordinate, values) in group.latents.iter().filter(|(_, values)| !values.is_empty()) {
            npz.array(&format!("{name}__{coordinate}"), &shape, values)?;
        }
    }
    npz.finish()
}
