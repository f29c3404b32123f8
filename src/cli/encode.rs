//! `encode`: activation vectors in, sparse feature activations out.

use super::args::EncodeArgs;
use super::shared::{Common, OpenArgs};
use super::{input, opening, output, progress};
use crate::analysis::fingerprint::source;
use crate::container::write::Target;
use crate::error::{Problem, Result};
use crate::rows::Rows;
use crate::sae::activations::write_csr;
use crate::sae::encode::encode;
use crate::text::counted;
use serde_json::json;

pub(super) fn run(args: &EncodeArgs, common: &Common) -> Result<()> {
    if !args.output.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("npz")) {
        return Err(Problem::new("sparse activations are written as scipy writes them, in an npz")
            .path(&args.output)
            .expected("a name ending in .npz")
            .usage());
    }
    let target = Target::new(&args.output, common.force)?;
    args.dict.unread.remark("encode", common);
    let open = OpenArgs { encoding: args.encoding.clone(), ..args.dict.open() };
    let study = opening::study(&open, common)?;
    target.spares(study.files().chain([args.input.as_path()]))?;
    let info = &study.dictionary.info;
    let vectors = input::vectors(&args.input, args.tensor.as_deref())?;
    let parameters = json!({
        "verb": "encode", "activation": study.dictionary.describe_activation(), "normalize": info.normalize.to_string(),
        "subtract_b_dec": info.subtract_b_dec, "tensor": args.tensor,
        "vectors": source(&args.input),
    });
    let provenance = opening::provenance(&study, common, parameters).json().to_string();
    let sparse = progress::with_task(common, |task| {
        let sparse = encode(&study.dictionary, &vectors, task).map_err(|error| error.at(&args.input))?;
        task.stage("writing", 0);
        target.stage_watched(task, |out| write_csr(&sparse, None, Some(&provenance), out))?.place()?;
        Ok(sparse)
    })?;
    // Only now: an error is one paragraph, and it says what matters then.
    for warning in &info.warnings {
        output::remark(warning);
    }
    if !common.quiet {
        let l0 = if sparse.rows == 0 { 0.0 } else { sparse.nnz() as f64 / sparse.rows as f64 };
        let tokens = counted(vectors.nrows(), "token", "tokens");
        output::remark(&format!("wrote {}: {tokens}, L0 {l0:.1}", args.output.display()));
    }
    Ok(())
}
