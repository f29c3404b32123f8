//! The README tells the truth: its tables are generated from the program's own, its picture is a frame of the program.
//!
//! `SAESCOPE_BLESS=1 cargo test --test docs` rewrites the generated parts.

use std::fs;
use std::path::{Path, PathBuf};

fn root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares the part of the README between `<!-- name -->` marks with `made`, or rewrites it when asked to.
fn check_part(name: &str, made: &str) {
    let path = root("README.md");
    let text = fs::read_to_string(&path).unwrap();
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let start = text.find(&open).expect("the mark is there") + open.len();
    let end = start + text[start..].find(&close).expect("the closing mark is there");
    if std::env::var_os("SAESCOPE_BLESS").is_some() {
        fs::write(&path, format!("{}{made}{}", &text[..start], &text[end..])).unwrap();
        return;
    }
    assert_eq!(&text[start..end], made, "the README's {name} are stale: SAESCOPE_BLESS=1 cargo test --test docs");
}

#[test]
fn the_tables_of_the_readme_are_the_program_s() {
    check_part("keys", &saescope::tui::keymap::keys_markdown());
    check_part("formats", &saescope::sae::formats::markdown());
}

#[test]
fn the_readme_names_the_two_commands() {
    let text = fs::read_to_string(root("README.md")).unwrap();
    assert!(text.contains("cargo run --release") && text.contains("cargo test"));
}
