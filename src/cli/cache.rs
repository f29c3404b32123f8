//! `cache`: the kept results.

use super::args::{CacheAction, CacheArgs};
use super::shared::Common;
use super::{opening, output};
use crate::error::Result;
use crate::text::{counted, printable};
use serde_json::json;

pub(super) fn run(args: &CacheArgs, common: &Common) -> Result<()> {
    let cache = opening::cache(common);
    let folder = cache.folder().map(|folder| folder.display().to_string());
    let off = || "nowhere: the cache is off".to_string();
    match args.action {
        CacheAction::Path if args.json => output::print_json(&json!({ "path": folder })),
        CacheAction::Path => output::print(&format!("{}\n", folder.map_or_else(off, |folder| printable(&folder)))),
        CacheAction::Clear => {
            let (entries, bytes) = cache.clear()?;
            if args.json {
                return output::print_json(&json!({ "removed": entries, "bytes": bytes }));
            }
            let entries = counted(entries, "result", "results");
            output::print(&format!("removed {entries}, {:.1} MB\n", bytes as f64 / 1e6))
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
            let results = counted(entries.len(), "result", "results");
            let place = folder.map_or_else(off, |folder| format!("in {}", printable(&folder)));
            output::print(&format!("{results} kept {place}\n{lines}"))
        }
    }
}
