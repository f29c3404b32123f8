//! A browser without a window, where the machine has one: it opens a page, lets the page try itself, and tells what came
//! of it.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A Chromium, by whatever name.
pub(crate) struct Browser(PathBuf);

const NAMES: [&str; 6] = [
    "chrome-headless-shell",
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

impl Browser {
    /// The one that `CHROMIUM` names, or the first on the path; says on stderr if there is none.
    pub(crate) fn find() -> Option<Self> {
        let named = std::env::var_os("CHROMIUM").filter(|name| !name.is_empty()).map(PathBuf::from);
        let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
        let all = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
        let found = named.or_else(|| all.into_iter().find(|path| path.is_file()));
        if found.is_none() {
            // Past the harness, which keeps what print macros say of tests that pass.
            let _ = writeln!(std::io::stderr(), "skipped: no browser on the path; CHROMIUM names one");
        }
        found.map(Self)
    }
    /// What a page says after it has tried itself.
    pub(crate) fn tries(&self, page: &Path) -> Value {
        let profile = tempfile::tempdir().unwrap();
        // The page is our own, and a container may lack what the sandbox needs.
        let output = Command::new(&self.0)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,800"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("--dump-dom")
            .arg(format!("file://{}#selftest", page.display()))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let said = || String::from_utf8_lossy(&output.stderr).into_owned();
        let (_, rest) = text.split_once("<output id=\"selftest\"").unwrap_or_else(|| panic!("no page: {}", said()));
        let inside = rest.split_once('>').unwrap().1.split_once("</output>").unwrap().0;
        assert!(!inside.is_empty(), "the page did not get to its end: {}", said());
        let plain = inside.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&");
        serde_json::from_str(&plain).unwrap_or_else(|error| panic!("{error}: {plain}"))
    }
}
