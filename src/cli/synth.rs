//! `synth`: a planted dictionary with activations and truth.

use super::args::{Common, SynthArgs};
use super::output;
use crate::error::{Problem, Result};
use crate::sae::synth::{SynthKind, SynthParams, plant, write};

pub(super) fn run(args: &SynthArgs, common: &Common) -> Result<()> {
    let kind = SynthKind::parse(&args.kind).ok_or_else(|| {
        Problem::new(format!("there is no kind {:?}", args.kind)).expected(SynthKind::NAMES.join(", ")).usage()
    })?;
    let params = SynthParams {
        features: args.features,
        d_model: args.d_model,
        tokens: args.tokens,
        seed: common.seed,
        ..SynthParams::default()
    };
    let planted = plant(kind, &params)?;
    write(&planted, &args.output, common.force)?;
    if !common.quiet {
        output::remark(&format!("wrote {}", args.output.display()));
    }
    Ok(())
}
