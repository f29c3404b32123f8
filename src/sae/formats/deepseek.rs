//! qresearch's dictionary of DeepSeek-R1-Distill: one file with two linear layers and no configuration.
//!
//! `encoder.weight [F, d]`, `decoder.weight [d, F]` and their biases, the tensors of several families: only the file's name
//! tells. Relu, and nothing is subtracted.
//!
//! Source: SAELens, its loader of DeepSeek-R1's.

use super::Format;
use super::goodfire::{load, place};

pub(super) const FORMAT: Format = Format {
    name: "deepseek-r1",
    about: "qresearch's dictionary of DeepSeek-R1-Distill: MODEL-SAE-lN.pt with linear layers",
    detect: |source| {
        let linear = ["encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"];
        source.has_all(&linear) && source.config.is_none() && source.stem().starts_with("DeepSeek-R1")
    },
    parts: super::one,
    place: |source| place(source, "deepseek-ai"),
    load: |source, options| load(source, options, FORMAT.name, ["encoder", "decoder"], "deepseek-ai"),
};
