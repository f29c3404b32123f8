//! `synth`: a planted dictionary with activations and truth.

use super::args::SynthArgs;
use super::output;
use super::shared::Common;
use crate::error::{Problem, Result};
use crate::sae::synth::{SynthKind, SynthParams, plant, write};

pub(super) fn run(args: &SynthArgs, common: &Common) -> Result<()> {
    let kind = SynthKind::parse(&args.kind)?;
    if !common.force && args.output.exists() {
        return Err(Problem::new("the folder is there already")
            .path(&args.output)
            .hint("another name, or --force to replace its files")
            .usage());
    }
    let params = SynthParams {
        features: args.features,
        d_model: args.d_model,
        tokens: args.tokens,
        seed: common.seed,
        dense: args.tokens.min(1024),
        ..SynthParams::default()
    };
    let planted = plant(kind, &params)?;
    write(&planted, &args.output)?;
    if !common.quiet {
        output::remark(&format!("wrote {}", args.output.display()));
    }
    Ok(())
}
