//! The binary under test in a folder of its own, with a cache of its own and no terminal.

use assert_cmd::Command;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The folder in which the program runs.
pub(crate) struct Program(TempDir);

/// What one run left.
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder().join(name)
    }
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Output {
        self.run_with(args, &[])
    }
    /// A run with these variables besides.
    pub(crate) fn run_with<S: AsRef<OsStr>>(&self, args: &[S], variables: &[(&str, &str)]) -> Output {
        let output = Command::cargo_bin("saescope")
            .unwrap()
            .args(args)
            .current_dir(self.folder())
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("NO_COLOR", "1")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
    /// A run that must succeed.
    pub(crate) fn succeeds<S: AsRef<OsStr>>(&self, args: &[S]) -> Output {
        let output = self.run(args);
        let words: Vec<_> = args.iter().map(AsRef::as_ref).collect();
        assert_eq!(output.code, 0, "{words:?}: {}", output.stderr);
        output
    }
    /// The stdout of a run that must succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        self.succeeds(args).stdout
    }
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(args)).unwrap()
    }
    /// The complaint of a run that must fail with `code` and print nothing on stdout.
    pub(crate) fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!((output.code, output.stdout.as_str()), (code, ""), "{args:?}: {}", output.stderr);
        assert!(!output.stderr.contains('\u{1b}'), "{}", output.stderr);
        output.stderr
    }
}
