//! Files that the screen leaves in its state folder: what a crash says, and what was too long for the clipboard.
//!
//! They go to `$XDG_STATE_HOME/saescope` (`~/.local/state/saescope` without it), readable by their owner alone, the
//! newest [`KEPT`] of each kind. Their names carry the time in UTC, so that they sort by it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// How many files of a kind are kept.
pub const KEPT: usize = 5;

/// The folder; none if the user has no home.
pub fn folder() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let strategy = etcetera::base_strategy::Xdg::new().ok()?;
    Some(strategy.state_dir()?.join("saescope"))
}

/// Writes `kind-<time>.suffix` into `folder`, which is made if it is not there, and drops the oldest of this kind beyond
/// [`KEPT`].
///
/// # Errors
/// If the folder cannot be made or the file not written.
pub fn keep(folder: &Path, kind: &str, suffix: &str, text: &[u8], now: SystemTime) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{kind}-{}.{suffix}", stamp(now)));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(&path)?.write_all(text)?;
    prune(folder, kind, suffix);
    Ok(path)
}

/// The files of a kind in `folder`, oldest first: their names sort by time.
pub fn files(folder: &Path, kind: &str, suffix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_of_kind = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        let rest = name.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-'));
        rest.is_some() && path.extension().is_some_and(|own| own == suffix)
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_of_kind).collect();
    files.sort();
    files
}

/// Removes the oldest files of a kind.
fn prune(folder: &Path, kind: &str, suffix: &str) {
    let files = files(folder, kind, suffix);
    let excess = files.len().saturating_sub(KEPT);
    for path in &files[..excess] {
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
    fn the_newest_of_a_kind_are_kept_and_other_files_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("notes.log"), "mine").unwrap();
        keep(folder.path(), "clipboard", "txt", b"x", UNIX_EPOCH).unwrap();
        for n in 0..KEPT as u64 + 3 {
            keep(folder.path(), "crash", "log", b"x", UNIX_EPOCH + Duration::from_secs(n)).unwrap();
        }
        let mut names: Vec<String> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names.len(), KEPT + 2);
        assert_eq!(names[0], "clipboard-19700101T000000.000Z.txt");
        assert_eq!(names[1], "crash-19700101T000003.000Z.log");
        assert_eq!(names[KEPT + 1], "notes.log");
    }

    #[cfg(unix)]
    #[test]
    fn only_their_owner_reads_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = keep(&folder.path().join("deep"), "clipboard", "txt", "é".as_bytes(), UNIX_EPOCH).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "é");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
