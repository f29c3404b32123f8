//! What is kept of a crash: one file with the message, the place and the backtrace, and the path to it.
//!
//! It lies with the other files that the screen keeps ([`super::kept`]). Nothing here may fail loudly: it runs while the
//! program is dying.

use super::kept;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What the log says besides message and backtrace.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    /// `TERM`.
    pub term: String,
    /// Columns and rows.
    pub size: (u16, u16),
    /// What was going on: the running job or the last command.
    pub doing: String,
}

/// Writes the log of a crash into `folder`. Returns its path, or none if it could not be written.
pub fn write(folder: &Path, message: &str, backtrace: &str, scene: &Scene, now: SystemTime) -> Option<PathBuf> {
    let text = format!(
        "saescope {}\n{}\nterminal {} {}x{}\nduring {}\n\n{backtrace}\n",
        env!("CARGO_PKG_VERSION"),
        message.trim_end(),
        crate::text::printable(&scene.term),
        scene.size.0,
        scene.size.1,
        if scene.doing.is_empty() { "nothing in particular" } else { &scene.doing },
    );
    kept::keep(folder, "crash", "log", text.as_bytes(), now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn a_log_tells_the_scene_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let scene = Scene { term: "xterm".into(), size: (80, 24), doing: "umap".into() };
        let path = write(&folder.path().join("deep"), "it broke", "0: here", &scene, UNIX_EPOCH).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for part in ["it broke", "xterm 80x24", "umap", "0: here", env!("CARGO_PKG_VERSION")] {
            assert!(text.contains(part), "{part}: {text}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_no_second_crash() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(write(&file.path().join("x"), "m", "", &Scene::default(), UNIX_EPOCH), None);
    }
}
