//! What is kept of a crash: one file with the message, the place and the backtrace, and the path to it.
//!
//! Files go to `$XDG_STATE_HOME/saescope/crash-<UTC time>.log` (`~/.local/state` without it), readable by their owner
//! alone, the newest [`KEPT`] of them. Nothing here may fail loudly: it runs while the program is dying.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// How many crash logs are kept.
pub const KEPT: usize = 5;

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

/// The folder of the logs; none if the user has no home.
pub fn folder() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let strategy = etcetera::base_strategy::Xdg::new().ok()?;
    Some(strategy.state_dir()?.join("saescope"))
}

/// Writes the log of a crash into `folder` and drops the oldest beyond [`KEPT`]. Returns its path, or none if it
/// could not be written.
pub fn write(folder: &Path, message: &str, backtrace: &str, scene: &Scene, now: SystemTime) -> Option<PathBuf> {
    std::fs::create_dir_all(folder).ok()?;
    let path = folder.join(format!("crash-{}.log", stamp(now)));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut text = String::new();
    let _ = write!(
        text,
        "saescope {}\n{}\nterminal {} {}x{}\nduring {}\n\n{backtrace}\n",
        env!("CARGO_PKG_VERSION"),
        message.trim_end(),
        crate::text::printable(&scene.term),
        scene.size.0,
        scene.size.1,
        if scene.doing.is_empty() { "nothing in particular" } else { &scene.doing },
    );
    options.open(&path).ok()?.write_all(text.as_bytes()).ok()?;
    prune(folder);
    Some(path)
}

/// The logs in `folder`, oldest first: their names sort by time.
pub fn logs(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut logs: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
            name.starts_with("crash-") && path.extension().is_some_and(|suffix| suffix == "log")
        })
        .collect();
    logs.sort();
    logs
}

/// Removes the oldest logs.
fn prune(folder: &Path) {
    let logs = logs(folder);
    let excess = logs.len().saturating_sub(KEPT);
    for path in &logs[..excess] {
        let _ = std::fs::remove_file(path);
    }
}

/// UTC time as `20261123T171220.123Z`, which sorts by time.
fn stamp(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Civil date from a day count: Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}{month:02}{day:02}T{:02}{:02}{:02}.{:03}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        since.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_civil_dates() {
        for (seconds, expected) in [
            (0, "19700101T000000.000Z"),
            (951_782_400, "20000229T000000.000Z"),
            (1_795_453_940, "20261123T171220.000Z"),
            (4_107_542_399, "21000228T235959.000Z"),
        ] {
            assert_eq!(stamp(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }

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
    fn the_newest_are_kept_and_other_files_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("notes.log"), "mine").unwrap();
        for n in 0..KEPT as u64 + 3 {
            write(folder.path(), "x", "", &Scene::default(), UNIX_EPOCH + Duration::from_secs(n)).unwrap();
        }
        let mut names: Vec<String> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names.len(), KEPT + 1);
        assert_eq!(names[0], "crash-19700101T000003.000Z.log");
        assert_eq!(names[KEPT], "notes.log");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_no_second_crash() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(write(&file.path().join("x"), "m", "", &Scene::default(), UNIX_EPOCH), None);
    }
}
