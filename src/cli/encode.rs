//! `encode`: activation vectors in, sparse feature activations out.

use super::args::{Common, EncodeArgs, OpenArgs};
use super::{input, opening, output, progress};
use crate::container::write::Target;
use crate::error::Result;
use crate::sae::activations::write_csr;
use crate::sae::encode::encode;

pub(super) fn run(args: &EncodeArgs, common: &Common) -> Result<()> {
    let target = Target::new(&args.output, common.force)?;
    let open = OpenArgs {
        dict: Some(args.dict.clone()),
        files: args.files.clone(),
        encoding: args.encoding.clone(),
        k: args.k,
    };
    let study = opening::study(&open, common)?;
    let vectors = input::matrix(&args.input, args.tensor.as_deref())?;
    let sparse = progress::with_task(common, |task| encode(&study.dictionary, &vectors, task))?;
    target.write(|out| write_csr(&sparse, out))?;
    if !common.quiet {
        let l0 = if sparse.rows == 0 { 0.0 } else { sparse.nnz() as f64 / sparse.rows as f64 };
        output::remark(&format!("wrote {}: {} tokens, L0 {l0:.1}", args.output.display(), sparse.rows));
    }
    Ok(())
}
