//! `render`: one frame of a view.
use super::args::{Common, RenderArgs};
use crate::error::{Error, Result};
pub(super) fn run(_: &RenderArgs, _: &Common) -> Result<()> {
    Err(Error::NotInBuild("render".into()))
}
