//! Folders of files that appear together or not at all.

use super::{Staged, Target, writable};
use crate::error::{Error, Problem, Result};
use crate::task::Task;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The most bytes that are written between two looks at whether the work should stop.
const PART: usize = 8 << 20;

/// A folder to be written, checked before the work starts.
///
/// A new folder is filled beside its place and then renamed. In a folder that exists each file is replaced whole, once
/// all are complete.
#[derive(Debug)]
pub struct FolderTarget {
    path: PathBuf,
    /// Where a folder that is not there yet is filled.
    work: Option<PathBuf>,
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
            return Ok(Self { path: path.to_path_buf(), work: None, targets });
        }
        if std::fs::symlink_metadata(path).is_ok() {
            let problem = Problem::new("this is no folder").path(path).expected("a folder, or a name that is free");
            return Err(problem.hint("another name").usage());
        }
        // The folders above it are made with it.
        let above = path.ancestors().skip(1).find(|folder| folder.is_dir());
        writable(above.unwrap_or(Path::new(".")))?;
        let name = path.file_name().map_or_else(|| "out".into(), |name| name.to_string_lossy());
        let work = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
        let target =
            |name: &&str| Target { path: path.join(name), real: work.join(name), folder: work.clone(), replace: true };
        let targets = names.iter().map(target).collect();
        Ok(Self { path: path.to_path_buf(), work: Some(work), targets })
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
        let mut files = Files { targets: &self.targets, staged: Vec::new(), task };
        let Some(work) = &self.work else {
            fill(&mut files)?;
            return files.place();
        };
        let outcome = std::fs::create_dir_all(work)
            .map_err(|error| Error::io(&self.path, &error))
            .and_then(|()| fill(&mut files))
            .and_then(|()| files.place())
            .and_then(|()| std::fs::rename(work, &self.path).map_err(|error| Error::io(&self.path, &error)));
        // Gone already if it was renamed; an error to remove it would only hide the first one.
        let _ = std::fs::remove_dir_all(work);
        outcome
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
        let staged = target.stage(|out| {
            fill(&mut Watched { out, task: self.task })?;
            out.flush()?;
            out.get_ref().sync_all()
        });
        // The disk is not to blame for a writing that was told to stop.
        self.task.check()?;
        self.staged.push((target, staged?));
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
