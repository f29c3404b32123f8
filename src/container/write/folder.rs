//! Folders of files that appear together or not at all.

use super::{Staged, Target, bare, permit, writable};
use crate::error::{Error, Problem, Result};
use crate::task::Task;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

/// The most bytes that are written between two looks at whether the work should stop.
const PART: usize = 8 << 20;

/// A folder to be written, checked before the work starts.
///
/// A new folder is filled beside its place and then renamed. In a folder that exists each file is replaced whole, once
/// all are complete.
#[derive(Debug)]
pub struct FolderTarget {
    path: PathBuf,
    /// Whether the folder is not there yet.
    new: bool,
    targets: Vec<Target>,
}

impl FolderTarget {
    /// Checks that files of these `names` can be written to the folder `path`, which need not exist.
    ///
    /// # Errors
    /// If something else than a folder is there, it may not be written to, or as [`Target::new`] for one of the files.
    pub fn new(path: &Path, names: &[&str], replace: bool) -> Result<Self> {
        if path.is_dir() {
            let targets = names.iter().map(|name| Target::new(&path.join(name), replace)).collect::<Result<_>>()?;
            return Ok(Self { path: path.to_path_buf(), new: false, targets });
        }
        let problem = |what: &str| Problem::new(what).path(path).expected("a folder, or a name that is free");
        if std::fs::symlink_metadata(path).is_ok() {
            return Err(problem("this is no folder").hint("another name").usage());
        }
        // The folders above it are made with it.
        let above = path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new(""));
        let below = path.strip_prefix(above).unwrap_or(path);
        if !below.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(problem("it leads through a folder that is not there").hint("the name without ..").usage());
        }
        writable(if above.as_os_str().is_empty() { Path::new(".") } else { above })?;
        let target = |name: &&str| Target::within(path, path.join(name));
        Ok(Self { path: path.to_path_buf(), new: true, targets: names.iter().map(target).collect() })
    }
    /// The files that it may hold, as they were named.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.targets.iter().map(Target::path)
    }
    /// Refuses to replace what the result is made from: see [`Target::spares`].
    ///
    /// # Errors
    /// If one of `inputs` would be replaced.
    pub fn spares<'i>(&self, inputs: impl IntoIterator<Item = &'i Path>) -> Result<()> {
        let inputs: Vec<&Path> = inputs.into_iter().collect();
        self.targets.iter().try_for_each(|target| target.spares(inputs.iter().copied()))
    }
    /// Has `fill` write the files and puts them in their places. A file that it leaves out is removed if it was there, so
    /// that nothing of an earlier result stays beside a new one.
    ///
    /// # Errors
    /// As `fill`, or if the disk refuses, or the task is cancelled; nothing is left behind then.
    pub fn write(&self, task: &Task, fill: impl FnOnce(&mut Files<'_>) -> Result<()>) -> Result<()> {
        if !self.new {
            let mut files = Files { targets: &self.targets, staged: Vec::new(), task };
            fill(&mut files)?;
            return files.place();
        }
        let fail = |error: io::Error| Error::io(&self.path, &bare(error));
        let parent = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(parent).map_err(fail)?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{name}.");
        let mut builder = tempfile::Builder::new();
        permit(builder.prefix(&prefix).suffix(".partial"), 0o777);
        // One of its own, which is gone again unless it is renamed.
        let work = builder.tempdir_in(parent).map_err(fail)?;
        let targets: Vec<Target> =
            self.targets.iter().map(|target| Target::within(work.path(), target.path.clone())).collect();
        let mut files = Files { targets: &targets, staged: Vec::new(), task };
        fill(&mut files)?;
        files.place()?;
        std::fs::rename(work.path(), &self.path).map_err(fail)?;
        let _ = work.keep();
        Ok(())
    }
}

/// The files of a folder while they are written.
pub struct Files<'a> {
    targets: &'a [Target],
    staged: Vec<(&'a Target, Staged<'a>)>,
    task: &'a Task,
}

impl<'a> Files<'a> {
    /// Writes the file `name`, one of the folder's, through `fill`. Progress is told in bytes.
    ///
    /// # Errors
    /// If the disk refuses, or the task is cancelled.
    ///
    /// # Panics
    /// If the folder was not made for a file of this name.
    pub fn write(&mut self, name: &str, fill: impl FnOnce(&mut Watched<'_, '_>) -> io::Result<()>) -> Result<()> {
        let target = self.targets.iter().find(|target| target.path.ends_with(name)).expect("a file of this folder");
        let staged = target.stage_watched(self.task, |out| {
            fill(out)?;
            out.flush()?;
            out.out.get_ref().sync_all()
        })?;
        self.staged.push((target, staged));
        Ok(())
    }
    fn place(&mut self) -> Result<()> {
        self.task.check()?;
        let written: Vec<&'a Target> = self.staged.iter().map(|(target, _)| *target).collect();
        for (_, staged) in self.staged.drain(..) {
            staged.place()?;
        }
        let others = self.targets.iter().filter(|target| !written.iter().any(|other| std::ptr::eq(*other, *target)));
        for target in others.filter(|target| target.real.is_file()) {
            std::fs::remove_file(&target.real).map_err(|error| Error::io(&target.path, &error))?;
        }
        Ok(())
    }
}

/// A file that is written as long as the task is not told to stop.
pub struct Watched<'o, 'f> {
    out: &'o mut BufWriter<&'f File>,
    task: &'o Task,
}

impl<'o, 'f> Watched<'o, 'f> {
    pub(super) fn new(out: &'o mut BufWriter<&'f File>, task: &'o Task) -> Self {
        Self { out, task }
    }
}

impl Write for Watched<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.task.check().map_err(io::Error::other)?;
        let written = self.out.write(&bytes[..bytes.len().min(PART)])?;
        self.task.advance(written as u64);
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Seek for Watched<'_, '_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.out.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut all: Vec<String> = all.collect();
        all.sort();
        all
    }

    #[test]
    fn a_folder_appears_whole_is_replaced_whole_or_stays_as_it_was() {
        let (folder, task) = (tempfile::tempdir().unwrap(), Task::new(1).unwrap());
        let path = folder.path().join("deep/out");
        let target = |replace| FolderTarget::new(&path, &["a", "b"], replace);
        let both = |files: &mut Files| {
            files.write("a", |out| out.write_all(b"one"))?;
            files.write("b", |out| out.write_all(b"two"))
        };
        let broken = |files: &mut Files| {
            files.write("a", |out| out.write_all(b"new"))?;
            files.write("b", |_| Err(io::Error::other("the disk is full")))
        };
        let error = target(false).unwrap().write(&task, broken).unwrap_err().to_string();
        assert!(error.contains("deep/out/b: the disk is full"), "{error}");
        assert_eq!(names(&folder.path().join("deep")), [""; 0]);
        target(false).unwrap().write(&task, both).unwrap();
        assert_eq!(names(&path), ["a", "b"]);
        assert!(target(false).unwrap_err().to_string().contains("--force"));
        assert!(target(true).unwrap().write(&task, broken).is_err());
        assert_eq!(
            (names(&path), std::fs::read(path.join("a")).unwrap()),
            (vec!["a".into(), "b".into()], b"one".into())
        );
        // What the new result does not have goes; what is not its own stays.
        std::fs::write(path.join("c"), b"kept").unwrap();
        target(true).unwrap().write(&task, |files| files.write("a", |out| out.write_all(b"new"))).unwrap();
        assert_eq!(names(&path), ["a", "c"]);
        assert_eq!(std::fs::read(path.join("a")).unwrap(), b"new");
        let error = FolderTarget::new(&path.join("c"), &["a"], true).unwrap_err().to_string();
        assert!(error.contains("this is no folder"), "{error}");
    }

    #[test]
    fn a_new_folder_has_what_was_written_and_nothing_that_lay_about() {
        let (folder, task) = (tempfile::tempdir().unwrap(), Task::new(1).unwrap());
        let path = folder.path().join("out");
        // What an earlier process of the same number left.
        let stale = folder.path().join(format!(".out.{}.partial", std::process::id()));
        std::fs::create_dir(&stale).unwrap();
        std::fs::write(stale.join("b"), b"stale").unwrap();
        let target = FolderTarget::new(&path, &["a", "b"], false).unwrap();
        target.write(&task, |files| files.write("a", |out| out.write_all(b"one"))).unwrap();
        assert_eq!(names(&path), ["a"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode(&path), mode(&stale), "the rights that any folder has");
        }
    }

    #[test]
    fn a_name_that_leads_through_nothing_is_refused_before_anything_is_made() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["nope/..", "nope/../out", "nope/../../out"] {
            let error = FolderTarget::new(&folder.path().join(name), &["a"], false).unwrap_err().to_string();
            assert!(error.contains("the name without .."), "{error}");
        }
        std::fs::create_dir(folder.path().join("there")).unwrap();
        FolderTarget::new(&folder.path().join("there/../out"), &["a"], false).unwrap();
        assert_eq!(names(folder.path()), ["there"]);
    }

    #[test]
    fn an_interrupt_after_the_last_look_comes_too_late() {
        let (folder, task) = (tempfile::tempdir().unwrap(), Task::new(1).unwrap());
        let target = Target::new(&folder.path().join("a"), false).unwrap();
        let staged = target.stage_watched(&task, |out| out.write_all(b"one")).unwrap();
        task.watch().cancel();
        staged.place().unwrap();
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_task_that_is_told_to_stop_leaves_nothing_behind() {
        let (folder, task) = (tempfile::tempdir().unwrap(), Task::new(1).unwrap());
        let target = FolderTarget::new(&folder.path().join("out"), &["a"], false).unwrap();
        let stopped = target.write(&task, |files| {
            files.write("a", |out| {
                out.write_all(b"begun")?;
                task.watch().cancel();
                out.write_all(b"never")
            })
        });
        assert!(matches!(stopped, Err(Error::Cancelled)));
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
