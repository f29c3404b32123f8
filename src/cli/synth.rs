//! `synth`: a planted dictionary with activations and truth.

use super::args::SynthArgs;
use super::shared::Common;
use super::{output, progress};
use crate::error::{Problem, Result};
use crate::sae::synth::{SynthKind, SynthParams, plant, target, write};

pub(super) fn run(args: &SynthArgs, common: &Common) -> Result<()> {
    let kind = SynthKind::parse(&args.kind)?;
    if !common.force && std::fs::read_dir(&args.output).is_ok_and(|mut found| found.next().is_some()) {
        return Err(Problem::new("the folder is there already")
            .path(&args.output)
            .hint("another name, or --force to replace its files")
            .usage());
    }
    let target = target(&args.output, common.force)?;
    let params = SynthParams {
        features: args.features,
        d_model: args.d_model,
        tokens: args.tokens,
        seed: common.seed,
        dense: args.tokens.min(1024),
        ..SynthParams::default()
    };
    progress::with_task(common, |task| write(&plant(kind, &params, task)?, &target, task))?;
    if !common.quiet {
        output::remark(&format!("wrote {}", args.output.display()));
    }
    Ok(())
}
