//! `cache`: the kept results.

use super::args::{CacheAction, CacheArgs};
use super::shared::Common;
use super::{opening, output};
use crate::error::Result;
use crate::text::printable;
use serde_json::json;

pub(super) fn run(args: &CacheArgs, common: &Common) -> Result<()> {
    let cache = opening::cache(common);
    let folder = cache.folder().map_or_else(|| "off".to_string(), |folder| folder.display().to_string());
    match args.action {
        CacheAction::Path if args.json => output::print_json(&json!({ "path": folder })),
        CacheAction::Path => output::print(&format!("{}\n", printable(&folder))),
        CacheAction::Clear => {
            let (entries, bytes) = cache.clear()?;
            if args.json {
                return output::print_json(&json!({ "removed": entries, "bytes": bytes }));
            }
            output::print(&format!("removed {entries} results, {:.1} MB\n", bytes as f64 / 1e6))
        }
        CacheAction::List => {
            let entries = cache.list();
            if args.json {
                return output::print_json(&json!({ "path": folder, "entries": entries }));
            }
            let lines: String = entries
                .iter()
                .map(|e| {
                    format!("{:>9.2} MB  {}  {}\n", e.bytes as f64 / 1e6, printable(&e.input), printable(&e.question))
                })
                .collect();
            output::print(&format!("{} results in {}\n{lines}", entries.len(), printable(&folder)))
        }
    }
}
